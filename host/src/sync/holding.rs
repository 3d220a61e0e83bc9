//! Holding a channel: claiming its lease, keeping it alive, and knowing when it is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use plugin_api::Millis;
use tokio::{task::JoinHandle, time};

use super::{Engine, LeaseTimes, SyncError};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        time::text,
    },
    storage::{Claim, Fence, Store, StoreError},
};

/// The longest that a dead holder's lease is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a lease that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A lease in hand; renewed in the background until it is released or dropped.
pub(super) struct Holding {
    pub(super) fence: Fence,
    store: Arc<dyn Store>,
    lost: Arc<AtomicBool>,
    renewer: JoinHandle<()>,
}

impl Holding {
    /// Whether the lease is known to be gone. The store checks it again with every write.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Gives the channel back.
    pub(super) async fn release(self) {
        self.renewer.abort();
        if let Err(error) = self.store.release(&self.fence).await {
            tracing::warn!(channel = %self.fence.channel, %error, "the lease was not given back; it runs out by itself");
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.renewer.abort();
    }
}

impl Engine {
    /// Takes the channel. A lease that nobody renews is waited for; one that is alive is not.
    ///
    /// # Errors
    /// [`SyncError::AlreadyRunning`].
    pub(super) async fn hold(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        wait: bool,
    ) -> Result<Holding, SyncError> {
        let number = self.runs_begun.fetch_add(1, Ordering::Relaxed);
        let holder = format!("{}#{number}", self.host);
        let deadline = time::Instant::now() + PATIENCE;
        let mut first_until: Option<Millis> = None;
        loop {
            match self.store.claim(tenant, channel, &holder, self.lease.ttl_ms).await? {
                Claim::Got(fence) => return Ok(self.keep(fence)),
                Claim::Held { since, until, .. } => {
                    let renewed = first_until.is_some_and(|first| until > first);
                    if !wait || renewed || time::Instant::now() >= deadline {
                        return Err(SyncError::AlreadyRunning {
                            channel: channel.clone(),
                            since: text(since),
                        });
                    }
                    first_until.get_or_insert(until);
                    time::sleep(LOOK).await;
                }
            }
        }
    }

    fn keep(&self, fence: Fence) -> Holding {
        let lost = Arc::new(AtomicBool::new(false));
        let renewer =
            tokio::spawn(renew(Arc::clone(&self.store), fence.clone(), self.lease, Arc::clone(&lost)));
        Holding { fence, store: Arc::clone(&self.store), lost, renewer }
    }
}

async fn renew(store: Arc<dyn Store>, fence: Fence, times: LeaseTimes, lost: Arc<AtomicBool>) {
    let every = Duration::from_millis(u64::try_from(times.renew_ms).unwrap_or(1).max(1));
    loop {
        time::sleep(every).await;
        match store.renew(&fence, times.ttl_ms).await {
            Ok(()) => {}
            Err(StoreError::LeaseLost { .. }) => {
                lost.store(true, Ordering::Relaxed);
                return;
            }
            Err(error) => {
                tracing::warn!(channel = %fence.channel, %error, "the lease was not renewed; tried again");
            }
        }
    }
}
