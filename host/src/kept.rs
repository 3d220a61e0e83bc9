//! What the way out keeps in the store, so that restarts and other hosts know it too: rate buckets and open breakers.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use plugin_api::{Error, ErrorKind, Operation};

use crate::{
    clock::Clock,
    fetch::{BreakerLog, OpenBreaker, Pacing, Subject, Turn},
    storage::{Store, StoreError},
};

/// The rate plan.
pub(crate) struct StoredPacing {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Pacing for StoredPacing {
    fn turn<'a>(
        &'a self,
        account: &'a str,
        operation: &'a Operation,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        Box::pin(async move {
            let interval_ms =
                i64::try_from(self.refill(operation).as_micros().div_ceil(1_000)).unwrap_or(i64::MAX);
            let failed = |error: StoreError| {
                Error::new(ErrorKind::Unavailable, format!("the rate plan cannot be read: {error}"))
            };
            let now = self.clock.now_ms();
            let reserved = self.store.reserve(account, &operation.name, interval_ms, operation.burst, now);
            let wait = Duration::from_millis(reserved.await.map_err(failed)?.try_into().unwrap_or(0));
            if wait <= patience {
                return Ok(Turn::In(wait));
            }
            self.store.give_back(account, &operation.name, interval_ms).await.map_err(failed)?;
            Ok(Turn::TooLong(wait))
        })
    }
}

/// Open breakers.
pub(crate) struct StoredBreakers {
    pub(crate) store: Arc<dyn Store>,
}

impl BreakerLog for StoredBreakers {
    fn opened<'a>(&'a self, breaker: &'a OpenBreaker) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let body = serde_json::to_string(breaker).unwrap_or_default();
            if let Err(error) = self.store.put_breaker(&breaker.subject.to_string(), &body).await {
                tracing::warn!(subject = %breaker.subject, %error, "that it is not asked was not written down");
            }
        })
    }

    fn closed<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.store.drop_breaker(&subject.to_string()).await {
                tracing::warn!(%subject, %error, "that it is asked again was not written down");
            }
        })
    }
}

/// The breakers that are written down, of these subjects or all. What cannot be read is from another version and counts
/// as closed.
///
/// # Errors
/// If the store fails.
pub(crate) async fn open_breakers(
    store: &dyn Store,
    of: Option<&[Subject]>,
) -> Result<Vec<OpenBreaker>, StoreError> {
    let names: Option<Vec<String>> = of.map(|subjects| subjects.iter().map(ToString::to_string).collect());
    let bodies = store.breakers(names.as_deref()).await?;
    Ok(bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect())
}
