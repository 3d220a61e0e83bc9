//! Holding a channel: claiming its lease, keeping it alive, and knowing when it is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use plugin_api::{Error as ConnectorError, Millis};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{self, Instant},
};

use super::{Engine, LeaseTimes, Progress, SyncError, Watch};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        time::text,
    },
    fetch::{Claimed, Tenure},
    kept::lease_lost,
    storage::{Claim, Fence, NewRun, RunEnd, RunId, Store, StoreError, Trigger},
};

/// The longest that a dead holder's lease is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a lease that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// The part of a lease's life after which a holder that has not renewed it no longer counts on it: the rest is for a reply
/// that was long under way.
const COUNTED_ON: f64 = 0.8;

/// A lease in hand; renewed in the background until it is released or dropped.
pub(super) struct Holding {
    pub(super) fence: Fence,
    /// The run that was begun with it; none for a dry run.
    pub(super) run: Option<RunId>,
    store: Arc<dyn Store>,
    state: watch::Receiver<State>,
    is_back: AtomicBool,
    renewer: JoinHandle<()>,
}

/// What the holder knows of its lease.
#[derive(Clone, Copy, Debug)]
struct State {
    /// Nobody else can have the channel before this instant.
    sure_until: Instant,
    /// The store has said that it is gone.
    is_lost: bool,
}

impl State {
    fn held_at(asked: Instant, ttl_ms: Millis) -> State {
        let ttl = Duration::from_millis(u64::try_from(ttl_ms).unwrap_or(0));
        State { sure_until: asked + ttl.mul_f64(COUNTED_ON), is_lost: false }
    }
}

impl Holding {
    /// Whether the lease is known to be gone. The store checks it again with every write.
    pub(super) fn is_lost(&self) -> bool {
        self.state.borrow().is_lost
    }

    /// Comes back when the lease is known to be gone.
    pub(super) async fn lost(&self) {
        if self.state.clone().wait_for(|state| state.is_lost).await.is_err() {
            // It ended without being lost.
            std::future::pending::<()>().await;
        }
    }

    /// The hold, for what is sent under it.
    pub(super) fn grip(&self) -> Arc<dyn Tenure> {
        Arc::new(Grip { fence: self.fence.clone(), state: self.state.clone() })
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
    deadline: Instant,
    first_until: Option<Millis>,
}

impl Claiming<'_> {
    /// One look; nothing if it is worth another one, before which it has waited.
    ///
    /// # Errors
    /// [`SyncError::AlreadyRunning`], [`SyncError::NoLongerDue`], [`SyncError::Stopped`].
    pub(super) async fn look(&mut self) -> Result<Option<Holding>, SyncError> {
        let (engine, channel) = (self.engine, self.channel);
        let ttl = engine.lease.ttl_ms;
        let running = |since| Err(SyncError::AlreadyRunning { channel: channel.clone(), since: text(since) });
        if let Some(run) = &mut self.run {
            run.started_at = engine.clock.now_ms();
        }
        let is_timer = self.run.as_ref().is_some_and(|run| run.trigger == Trigger::Timer);
        let asked = Instant::now();
        match engine.store.claim(self.tenant, channel, &self.holder, ttl, self.run.as_ref()).await? {
            Claim::Got(fence, run) => Ok(Some(engine.keep(fence, run, asked))),
            Claim::NotDue => Err(SyncError::NoLongerDue),
            // The person's run begins any moment.
            Claim::Wanted => running(engine.clock.now_ms()),
            Claim::Held { since, until, .. } => {
                let is_alive = self.first_until.is_some_and(|first| until > first);
                if is_timer || is_alive || Instant::now() >= self.deadline {
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
        let deadline = Instant::now() + PATIENCE;
        Claiming { engine: self, tenant, channel, run, watch, holder, deadline, first_until: None }
    }

    fn keep(&self, fence: Fence, run: Option<RunId>, asked: Instant) -> Holding {
        let (tell, state) = watch::channel(State::held_at(asked, self.lease.ttl_ms));
        let renewer = tokio::spawn(renew(Arc::clone(&self.store), fence.clone(), self.lease, tell));
        let is_back = AtomicBool::new(false);
        Holding { fence, run, store: Arc::clone(&self.store), state, is_back, renewer }
    }
}

async fn renew(store: Arc<dyn Store>, fence: Fence, times: LeaseTimes, tell: watch::Sender<State>) {
    let every = Duration::from_millis(u64::try_from(times.renew_ms).unwrap_or(1).max(1));
    loop {
        time::sleep(every).await;
        let asked = Instant::now();
        match store.renew(&fence, times.ttl_ms).await {
            Ok(()) => drop(tell.send_replace(State::held_at(asked, times.ttl_ms))),
            Err(StoreError::LeaseLost { .. }) => {
                tell.send_modify(|state| state.is_lost = true);
                return;
            }
            Err(error) => {
                tracing::warn!(channel = %fence.channel, %error, "the lease was not renewed; tried again");
            }
        }
    }
}

/// A run's hold, as far as sending is concerned.
struct Grip {
    fence: Fence,
    state: watch::Receiver<State>,
}

impl Tenure for Grip {
    fn claim(&self) -> Claimed<'_> {
        let Fence { tenant, channel, holder, epoch } = &self.fence;
        Claimed { tenant: tenant.as_str(), channel: channel.as_str(), holder, epoch: *epoch }
    }

    fn assured(&self) -> BoxFuture<'_, Result<(), ConnectorError>> {
        Box::pin(async move {
            let mut state = self.state.clone();
            // Between a lease that is no longer sure and the word that it was renewed or lost, nothing leaves.
            let sure = state.wait_for(|state| state.is_lost || Instant::now() < state.sure_until).await;
            match sure {
                Ok(state) if !state.is_lost => Ok(()),
                _ => Err(lease_lost()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grip() -> (watch::Sender<State>, Grip) {
        let (tell, state) = watch::channel(State::held_at(Instant::now(), 15_000));
        let fence =
            Fence { tenant: "acme".into(), channel: "FK1".into(), holder: "h#1".to_owned(), epoch: 7 };
        (tell, Grip { fence, state })
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_between_a_lease_that_is_no_longer_sure_and_the_word_that_it_was_renewed() {
        let (tell, grip) = grip();
        assert!(grip.assured().await.is_ok());
        time::advance(Duration::from_secs(12)).await;
        let mut waiting = std::pin::pin!(grip.assured());
        assert!(futures_util::poll!(&mut waiting).is_pending());
        tell.send_replace(State::held_at(Instant::now(), 15_000));
        assert!(waiting.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_once_the_lease_is_lost_or_given_back() {
        let (tell, grip) = grip();
        tell.send_modify(|state| state.is_lost = true);
        assert!(grip.assured().await.unwrap_err().message.starts_with("lease lost"));
        let (tell, grip) = self::grip();
        drop(tell);
        assert!(grip.assured().await.is_ok(), "what is sure stays sure");
        time::advance(Duration::from_secs(12)).await;
        assert!(grip.assured().await.is_err());
    }
}
