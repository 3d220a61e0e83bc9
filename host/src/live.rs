//! Runs that this process was asked for by its callers, programs or people: begun here, watched here, and let end when
//! the host is stopped.
//!
//! A run that has an id is kept by the store; here is only how far it has come. A dry run leaves no trace in the store,
//! so what came of it is kept here, for a while.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use plugin_api::Millis;
use tokio::{sync::watch, task::JoinSet, time::timeout};

use crate::{
    domain::codes::TenantCode,
    storage::Counts,
    sync::{Engine, Progress, RunRequest, RunSummary, Stop, SyncError},
};

/// How long what came of a run is kept here.
const KEPT: Duration = Duration::from_hours(1);
/// Ended runs that are kept.
const MOST_KEPT: usize = 1_000;
/// How long runs may take to end when the host is stopped, and then to write down that they did not.
const DRAIN: Duration = Duration::from_secs(20);
const LAST_WORDS: Duration = Duration::from_secs(4);

/// How far a run has come.
#[derive(Clone, Debug, Default)]
pub struct Passing {
    /// Its id, as callers name it; none until it has begun.
    pub id: Option<String>,
    /// Orders that are asked about by id.
    pub chosen: u64,
    /// How many of these were answered.
    pub answered: u64,
    /// What became of observations so far.
    pub counts: Counts,
    /// What it waits for: the call, and for how many milliseconds.
    pub waiting: Option<(String, u64)>,
    /// What came of it.
    pub ended: Option<Ended>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It came to its end.
    Summary(Arc<RunSummary>),
    /// It could not be done.
    Failed(Arc<SyncError>),
}

/// A run that was begun here.
#[derive(Clone, Debug)]
pub struct LiveRun {
    /// What was asked for.
    pub request: Arc<RunRequest>,
    /// When, UTC.
    pub began: Millis,
    /// How far it has come.
    pub passing: watch::Receiver<Passing>,
    since: Instant,
}

/// The runs that were begun here.
#[derive(Debug, Default)]
pub struct Live {
    runs: Mutex<HashMap<String, LiveRun>>,
    working: Mutex<JoinSet<()>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Live {
    /// Begins a run and waits until it has an id, or has ended without one.
    ///
    /// # Errors
    /// Why it could not begin.
    pub async fn begin(
        &self,
        engine: Arc<Engine>,
        request: RunRequest,
    ) -> Result<(String, LiveRun), Arc<SyncError>> {
        let (tell, mut passing) = watch::channel(Passing::default());
        let tell = Arc::new(tell);
        let dry_id = format!("dry-{:016x}", rand::random::<u64>());
        let run = LiveRun {
            request: Arc::new(request.clone()),
            began: engine.now_ms(),
            passing: passing.clone(),
            since: Instant::now(),
        };
        let watching = Arc::clone(&tell);
        let dry = dry_id.clone();
        let watch = move |progress: Progress| watching.send_modify(|passing| note(passing, progress, &dry));
        let work = async move {
            let done = engine.run(request, Some(Arc::new(watch))).await;
            tell.send_modify(|passing| {
                passing.waiting = None;
                passing.ended = Some(match done {
                    Ok(summary) => {
                        passing.counts = summary.counts;
                        passing.id.get_or_insert(summary.run.map_or(dry_id, |run| run.to_string()));
                        Ended::Summary(Arc::new(summary))
                    }
                    Err(error) => {
                        if let SyncError::Store(cause) = &error {
                            tracing::error!(error = %cause, "the store failed under a run");
                        }
                        Ended::Failed(Arc::new(error))
                    }
                });
            });
        };
        {
            let mut working = held(&self.working);
            while working.try_join_next().is_some() {}
            working.spawn(work);
        }
        let begun = passing.wait_for(|passing| passing.id.is_some() || passing.ended.is_some()).await;
        let nothing = || Arc::new(SyncError::Stopped);
        let begun = begun.map_err(|_| nothing())?.clone();
        match (begun.id, begun.ended) {
            (Some(id), _) => {
                self.keep(id.clone(), run.clone());
                Ok((id, run))
            }
            (None, Some(Ended::Failed(error))) => Err(error),
            (None, _) => Err(nothing()),
        }
    }

    fn keep(&self, id: String, run: LiveRun) {
        let mut runs = held(&self.runs);
        let is_on = |run: &LiveRun| run.passing.borrow().ended.is_none();
        runs.retain(|_, run| is_on(run) || run.since.elapsed() < KEPT);
        if runs.len() >= MOST_KEPT
            && let Some(oldest) = runs.iter().filter(|(_, run)| !is_on(run)).min_by_key(|(_, run)| run.since)
        {
            let oldest = oldest.0.clone();
            runs.remove(&oldest);
        }
        runs.insert(id, run);
    }

    /// A run of a tenant that was begun here.
    pub fn find(&self, tenant: &TenantCode, id: &str) -> Option<LiveRun> {
        held(&self.runs).get(id).filter(|run| run.request.tenant == *tenant).cloned()
    }

    /// Lets the runs that were asked for here end, for 20 s at most; those that have not ended then are told by `stop` to
    /// write down how far they came.
    pub async fn drain(&self, stop: &Stop) {
        let mut working = std::mem::take(&mut *held(&self.working));
        if timeout(DRAIN, all_of(&mut working)).await.is_ok() {
            return;
        }
        stop.tell();
        if timeout(LAST_WORDS, all_of(&mut working)).await.is_err() {
            tracing::warn!(runs = working.len(), "some runs do not end; their leases run out by themselves");
        }
    }
}

/// Why a run could not be done, for who asked; what goes wrong inside is in the log.
pub fn failed_because(error: &SyncError) -> String {
    match error {
        SyncError::Store(_) => "the cause is in the host's log".to_owned(),
        error => error.to_string(),
    }
}

async fn all_of(working: &mut JoinSet<()>) {
    while working.join_next().await.is_some() {}
}

fn note(passing: &mut Passing, progress: Progress, dry_id: &str) {
    if !matches!(progress, Progress::Waiting { .. }) {
        passing.waiting = None;
    }
    match progress {
        Progress::Started(run) => {
            passing.id = Some(run.map_or_else(|| dry_id.to_owned(), |run| run.to_string()));
        }
        Progress::Held { .. } => {}
        Progress::Chosen(orders) => passing.chosen = orders,
        Progress::Answered(orders) => passing.answered = orders,
        Progress::Page { answered, counts } => (passing.answered, passing.counts) = (answered, counts),
        Progress::Waiting { operation, millis } => passing.waiting = Some((operation, millis)),
    }
}
