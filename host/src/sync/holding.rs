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
    storage::{Claim, Fence, NewRun, RunEnd, RunId, Store, StoreError},
};

/// The longest that a dead holder's lease is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a lease that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// A lease in hand; renewed in the background until it is released or dropped.
pub(super) struct Holding {
    pub(super) fence: Fence,
    /// The run that was begun with it; none for a dry run.
    pub(super) run: Option<RunId>,
    store: Arc<dyn Store>,
    lost: Arc<AtomicBool>,
    is_back: AtomicBool,
    renewer: JoinHandle<()>,
}

impl Holding {
    /// Whether the lease is known to be gone. The store checks it again with every write.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Notes the end of the run, and gives the channel back with it.
    pub(super) async fn end(&self, end: &RunEnd) -> Result<(), StoreError> {
        let Some(run) = self.run else { return Ok(()) };
        self.store.finish_run(run, end, Some(&self.fence)).await?;
        self.is_back.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Gives the channel back, if the end of the run has not done so.
    pub(super) async fn release(self) {
        self.renewer.abort();
        if self.is_back.load(Ordering::Relaxed) {
            return;
        }
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
    /// Takes the channel, and begins `run` with it. A lease that nobody renews is waited for; one that is alive is not.
    ///
    /// # Errors
    /// [`SyncError::AlreadyRunning`].
    pub(super) async fn hold(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        wait: bool,
        mut run: Option<NewRun>,
    ) -> Result<Holding, SyncError> {
        let number = self.runs_begun.fetch_add(1, Ordering::Relaxed);
        let holder = format!("{}#{number}", self.host);
        let deadline = time::Instant::now() + PATIENCE;
        let mut first_until: Option<Millis> = None;
        loop {
            if let Some(run) = &mut run {
                run.started_at = self.clock.now_ms();
            }
            match self.store.claim(tenant, channel, &holder, self.lease.ttl_ms, run.as_ref()).await? {
                Claim::Got(fence, run) => return Ok(self.keep(fence, run)),
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

    fn keep(&self, fence: Fence, run: Option<RunId>) -> Holding {
        let lost = Arc::new(AtomicBool::new(false));
        let renewer =
            tokio::spawn(renew(Arc::clone(&self.store), fence.clone(), self.lease, Arc::clone(&lost)));
        let is_back = AtomicBool::new(false);
        Holding { fence, run, store: Arc::clone(&self.store), lost, is_back, renewer }
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
