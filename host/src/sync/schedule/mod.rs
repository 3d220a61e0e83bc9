//! The daemon's loop: takes what is due, many runs at a time, tenant by tenant, until it is told to stop.
//!
//! Who may begin is decided in `turns`, when a task is due again in `timing`; both without clock or store.

#[cfg(test)]
mod simulation;
mod timing;
mod turns;

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use plugin_api::Millis;
use tokio::{
    sync::watch,
    task::{Id, JoinSet},
    time::{Instant, sleep, timeout},
};

pub(super) use self::timing::{next_run, retry_at};
pub use self::turns::Pool;
use self::turns::Turns;
use super::{Choice, Engine, Pulse, RunRequest, RunSummary, SyncError};
use crate::storage::{DueTask, RunResult, StoreError, TaskEdit, TaskRow, Trigger};

/// How often the loop looks for what is due.
const TICK: Duration = Duration::from_millis(200);
/// How long runs in flight may go on after the word to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// How long they may take to write down that they did not end by themselves.
const LAST_WORDS: Duration = Duration::from_secs(4);
/// Due tasks of one connector that are looked at together.
const LOOK: u32 = 500;
/// A store that stays away is told of again after this.
const TELL_AGAIN: Duration = Duration::from_mins(1);

/// What the daemon works with; a reload hands it another.
#[derive(Clone)]
pub struct Served {
    /// Does the runs.
    pub engine: Arc<Engine>,
    /// How many at once.
    pub pool: Pool,
}

/// Runs what is due until `shutdown`; then claims nothing more and lets what runs end, for 20 s at most. Runs that have not
/// ended by then write down that they were stopped and give their channels back.
///
/// What arrives at `served` is for the runs that begin from then on; those that are on end with what they began with. A
/// store that fails is tried again, and said so in the log.
pub async fn serve(mut served: watch::Receiver<Served>, pulse: Pulse, shutdown: impl Future<Output = ()>) {
    tokio::pin!(shutdown);
    let mut runs: JoinSet<()> = JoinSet::new();
    let mut begun: HashMap<Id, DueTask> = HashMap::new();
    let mut turns = Turns::new(served.borrow().pool);
    let mut away = Away::default();
    loop {
        let Served { engine, pool } = served.borrow_and_update().clone();
        turns.set_pool(pool);
        pulse.beat(engine.clock.now_ms());
        while let Some(ended) = runs.try_join_next_with_id() {
            note_end(&mut turns, &mut begun, ended.map(|(id, ())| id));
        }
        if turns.free() > 0 {
            match engine.store.due_tasks(engine.clock.now_ms(), &turns.full(), LOOK).await {
                Ok(due) => {
                    away.answered();
                    for task in turns.begin(due) {
                        let (engine, due) = (Arc::clone(&engine), task.clone());
                        let handle = runs.spawn(async move { engine.run_due(due).await });
                        begun.insert(handle.id(), task);
                    }
                }
                Err(error) => away.failed(&error),
            }
        }
        metrics::gauge!("statusync_runs_in_flight").set(u32::try_from(runs.len()).unwrap_or(u32::MAX));
        tokio::select! {
            () = &mut shutdown => break,
            () = sleep(TICK) => {}
        }
    }
    tracing::info!(runs = runs.len(), "stopping: no new runs; those in flight may end");
    if timeout(DRAIN, all_of(&mut runs)).await.is_ok() {
        return;
    }
    tracing::warn!(runs = runs.len(), "runs are ended before they are done; the next ones go on with them");
    served.borrow().engine.stop.tell();
    if timeout(LAST_WORDS, all_of(&mut runs)).await.is_err() {
        tracing::warn!(runs = runs.len(), "some runs do not end; their leases run out by themselves");
        runs.shutdown().await;
    }
}

async fn all_of(runs: &mut JoinSet<()>) {
    while runs.join_next().await.is_some() {}
}

/// Whether the task list could be read, told when that changes and not with each look.
#[derive(Default)]
struct Away {
    since: Option<Instant>,
    told: Option<Instant>,
}

impl Away {
    fn failed(&mut self, error: &StoreError) {
        let now = Instant::now();
        self.since.get_or_insert(now);
        if self.told.is_none_or(|at| now - at >= TELL_AGAIN) {
            tracing::error!(%error, "the task list cannot be read; tried again");
            self.told = Some(now);
        }
    }

    fn answered(&mut self) {
        self.told = None;
        if let Some(since) = self.since.take() {
            tracing::warn!(after_secs = since.elapsed().as_secs(), "the task list can be read again");
        }
    }
}

fn note_end(turns: &mut Turns, begun: &mut HashMap<Id, DueTask>, ended: Result<Id, tokio::task::JoinError>) {
    let id = ended.unwrap_or_else(|error| error.id());
    if let Some(task) = begun.remove(&id) {
        turns.ended(&task);
    }
}

impl Engine {
    async fn run_due(&self, due: DueTask) {
        let standing = match self.store.standing(&due.tenant, &due.channel).await {
            Ok(standing) => standing,
            Err(error) => {
                tracing::error!(%error, tenant = %due.tenant, channel = %due.channel, "the task cannot be read");
                return;
            }
        };
        let mut tasks = standing.iter().flat_map(|standing| &standing.tasks);
        let Some(row) = tasks.find(|row| row.task == due.task).cloned() else { return };
        let now = self.clock.now_ms();
        let request = RunRequest {
            tenant: due.tenant.clone(),
            channel: due.channel.clone(),
            task: due.task,
            choice: Choice::Task,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Timer,
            due: Some(row.clone()),
            request_key: None,
        };
        let span = tracing::info_span!("run", tenant = %due.tenant, channel = %due.channel, task = %due.task);
        let ran = tracing::Instrument::instrument(self.run_from(&request, standing, None), span).await;
        if let Ok(summary) = &ran {
            self.tell_figures(&due, summary, now);
        }
        match ran {
            Ok(summary) if summary.result == RunResult::Failed => {
                tracing::warn!(tenant = %due.tenant, channel = %due.channel, task = %due.task, message = summary.message, "run failed");
            }
            Ok(summary) => {
                tracing::info!(tenant = %due.tenant, channel = %due.channel, task = %due.task, result = %summary.result, message = summary.message, "run ended");
            }
            // Another run has, or had, the channel, or its tenant is being moved; if the task is still due, it comes again.
            Err(
                SyncError::AlreadyRunning { .. }
                | SyncError::NoLongerDue
                | SyncError::Stopped
                | SyncError::Store(StoreError::LeaseLost { .. } | StoreError::Moving | StoreError::Moved),
            ) => {}
            // Not the task's fault: it goes on where it was as soon as there is a database again.
            Err(SyncError::Store(error @ StoreError::Unreachable { .. })) => {
                tracing::warn!(tenant = %due.tenant, channel = %due.channel, task = %due.task, %error, "run could not be done; its task stays due");
            }
            Err(error) => {
                self.put_off(&row, now).await;
                tracing::error!(tenant = %due.tenant, channel = %due.channel, task = %due.task, %error, "run could not be done");
            }
        }
    }

    fn tell_figures(&self, due: &DueTask, summary: &RunSummary, began: Millis) {
        let secs = |ms: Millis| Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64();
        let (connector, task) = (due.connector.clone(), due.task.as_str());
        let result = summary.result.as_str();
        metrics::counter!("statusync_runs_total", "connector" => connector.clone(), "task" => task, "result" => result)
            .increment(1);
        metrics::histogram!("statusync_run_seconds", "connector" => connector.clone(), "task" => task)
            .record(secs(self.clock.now_ms() - began));
        metrics::histogram!("statusync_start_delay_seconds", "connector" => connector.clone())
            .record(secs(began - due.next_run_at));
        for (outcome, count) in summary.counts.by_outcome() {
            if count > 0 {
                metrics::counter!("statusync_outcomes_total", "connector" => connector.clone(), "outcome" => outcome)
                    .increment(count);
            }
        }
    }

    /// Puts off a task whose run could not be done, and says so if even that fails.
    async fn put_off(&self, row: &TaskRow, now: Millis) {
        let at = retry_at(row, now, self.fetcher.random(), None);
        let edit = TaskEdit { next_run_at: Some(at), ..TaskEdit::default() };
        if let Err(error) = self.store.set_task(&row.tenant, &row.channel, row.task, edit).await {
            tracing::error!(%error, "the failing task was not put off");
        }
    }
}
