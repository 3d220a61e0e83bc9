//! What the way out keeps in the store, so that restarts and other hosts know it too: rate buckets and open breakers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use plugin_api::{Error, ErrorKind, Millis, Operation};

use crate::{
    clock::Clock,
    fetch::{BreakerLog, Claimed, OpenBreaker, Pacing, Subject, Tenure, Turn, breakers_of, refill},
    storage::{Call, Fence, Slot, Store, StoreError, level},
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
        tenure: Option<&'a dyn Tenure>,
        operation: &'a Operation,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        Box::pin(async move {
            let call = Call {
                account: account.to_owned(),
                operation: operation.name.clone(),
                interval_ms: interval_ms(self.refill(operation)),
                burst: operation.burst,
                patience_ms: i64::try_from(patience.as_millis()).unwrap_or(i64::MAX),
                now: self.clock.now_ms(),
            };
            let fence = tenure.map(fence);
            let wait = |ms: i64| Duration::from_millis(ms.try_into().unwrap_or(0));
            match self.store.reserve(call, fence.as_ref()).await {
                Ok(Slot::Taken(ms)) => Ok(Turn::In(wait(ms))),
                Ok(Slot::TooFar(ms)) => Ok(Turn::TooLong(wait(ms))),
                Err(StoreError::LeaseLost { .. }) => Err(lease_lost()),
                Err(error) => {
                    Err(Error::new(ErrorKind::Unavailable, format!("the rate plan cannot be read: {error}")))
                }
            }
        })
    }
}

/// The store's word for a claim.
pub(crate) fn fence(tenure: &dyn Tenure) -> Fence {
    let Claimed { tenant, channel, holder, epoch } = tenure.claim();
    Fence { tenant: tenant.into(), channel: channel.into(), holder: holder.to_owned(), epoch }
}

/// What a job is told whose channel another run has taken over.
pub(crate) fn lease_lost() -> Error {
    Error::new(ErrorKind::Unavailable, "lease lost: another run may have the channel now")
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

/// How a call of an account stands with the rate plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RateNow {
    /// The call.
    pub(crate) operation: String,
    /// How many a second the plan grants.
    pub(crate) per_second: f64,
    /// How many at once.
    pub(crate) burst: u32,
    /// How many may leave now.
    pub(crate) free: u32,
    /// When the next may leave, if none may now, UTC.
    pub(crate) next_at: Option<Millis>,
}

/// How an account (`tenant/channel`) stands with its rate plan now, call by call. Nothing is taken from it.
///
/// # Errors
/// If the store fails.
pub(crate) async fn rates_now(
    store: &dyn Store,
    account: &str,
    plan: &[Operation],
    now: Millis,
) -> Result<Vec<RateNow>, StoreError> {
    let kept: HashMap<String, Millis> = store.buckets(account).await?.into_iter().collect();
    let rates = plan.iter().map(|operation| {
        let full_at = kept.get(&operation.name).copied().unwrap_or(0);
        let (free, next_at) = level(full_at, interval_ms(refill(operation)), operation.burst, now);
        RateNow {
            operation: operation.name.clone(),
            per_second: operation.per_second,
            burst: operation.burst.max(1),
            free,
            next_at,
        }
    });
    Ok(rates.collect())
}

/// That a marketplace is left in peace for a while because nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PausedNow {
    /// Whether it is about one account; else about all of its connector.
    pub(crate) is_of_account: bool,
    /// Since when, UTC.
    pub(crate) since: Millis,
    /// When the next attempt may be made, UTC.
    pub(crate) next_attempt_at: Millis,
    /// Failures in a row so far.
    pub(crate) failures: u32,
    /// What went wrong last.
    pub(crate) reason: String,
}

/// Why an account (`tenant/channel`) of a connector is not asked for now; mostly nothing.
///
/// # Errors
/// If the store fails.
pub(crate) async fn paused_now(
    store: &dyn Store,
    account: &str,
    connector: &str,
) -> Result<Vec<PausedNow>, StoreError> {
    let open = open_breakers(store, Some(&breakers_of(account, connector))).await?;
    let paused = open.into_iter().map(|open| PausedNow {
        is_of_account: matches!(open.subject, Subject::Account(_)),
        since: open.since,
        next_attempt_at: open.probe_at,
        failures: open.failures,
        reason: open.reason,
    });
    Ok(paused.collect())
}

/// A bucket's refill of one call, as the store keeps it.
fn interval_ms(refill: Duration) -> Millis {
    i64::try_from(refill.as_micros().div_ceil(1_000)).unwrap_or(i64::MAX)
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
