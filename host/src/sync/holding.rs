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

use super::{Engine, LeaseTimes, Progress, SyncError, Watch};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        time::text,
    },
    storage::{Claim, Fence, NewRun, RunEnd, RunId, Store, StoreError, Trigger},
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

/// Claiming a channel, look by look. The timer looks once. A person's run waits for a lease that nobody renews, and goes
/// ahead of the timer meanwhile; one that is alive it does not wait for.
pub(super) struct Claiming<'a> {
    engine: &'a Engine,
    tenant: &'a TenantCode,
    channel: &'a ChannelCode,
    run: Option<NewRun>,
    watch: Option<&'a Watch>,
    holder: String,
    deadline: time::Instant,
    first_until: Option<Millis>,
}

impl Claiming<'_> {
    /// One look; nothing if it is worth another one, before which it has waited.
    ///
    /// # Errors
    /// [`SyncError::AlreadyRunning`], [`SyncError::Stopped`].
    pub(super) async fn look(&mut self) -> Result<Option<Holding>, SyncError> {
        let (engine, channel) = (self.engine, self.channel);
        let ttl = engine.lease.ttl_ms;
        let running = |since| Err(SyncError::AlreadyRunning { channel: channel.clone(), since: text(since) });
        if let Some(run) = &mut self.run {
            run.started_at = engine.clock.now_ms();
        }
        let is_timer = self.run.as_ref().is_some_and(|run| run.trigger == Trigger::Timer);
        match engine.store.claim(self.tenant, channel, &self.holder, ttl, self.run.as_ref()).await? {
            Claim::Got(fence, run) => Ok(Some(engine.keep(fence, run))),
            // The person's run begins any moment.
            Claim::Wanted => running(engine.clock.now_ms()),
            Claim::Held { since, until, .. } => {
                let is_alive = self.first_until.is_some_and(|first| until > first);
                if is_timer || is_alive || time::Instant::now() >= self.deadline {
                    return running(since);
                }
                if self.first_until.is_none()
                    && let Some(watch) = self.watch
                {
                    watch(Progress::Held { since: text(since) });
                }
                self.first_until.get_or_insert(until);
                tokio::select! {
                    () = time::sleep(LOOK) => Ok(None),
                    () = engine.stop.told() => Err(SyncError::Stopped),
                }
            }
        }
    }

    /// Looks until it has the channel.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(super) async fn hold(mut self) -> Result<Holding, SyncError> {
        loop {
            if let Some(holding) = self.look().await? {
                return Ok(holding);
            }
        }
    }
}

impl Engine {
    /// Begins to claim a channel, and to begin `run` with it; a dry run has none.
    pub(super) fn claiming<'a>(
        &'a self,
        tenant: &'a TenantCode,
        channel: &'a ChannelCode,
        run: Option<NewRun>,
        watch: Option<&'a Watch>,
    ) -> Claiming<'a> {
        let number = self.runs_begun.fetch_add(1, Ordering::Relaxed);
        let holder = format!("{}#{number}", self.host);
        let deadline = time::Instant::now() + PATIENCE;
        Claiming { engine: self, tenant, channel, run, watch, holder, deadline, first_until: None }
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
