//! The daemon's loop: takes what is due, a few runs at a time, tenant by tenant, until it is told to stop.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use plugin_api::Millis;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Choice, Engine, RunRequest, SyncError};
use crate::{
    domain::{codes::TenantCode, fingerprint},
    storage::{DueTask, RunResult, TaskFilter, TaskRow, Trigger},
};

/// The longest that the loop sleeps: tasks that other hosts or people make due are seen within this.
const TICK: Duration = Duration::from_secs(1);
/// How long runs in flight may go on after the word to stop.
const DRAIN: Duration = Duration::from_secs(25);
/// A failing task is never put off further than this.
const FURTHEST: Millis = 6 * 3_600_000;

/// How much runs at once.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Runs at the same time.
    pub runs: usize,
    /// Of these, for one tenant.
    pub runs_per_tenant: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Pool { runs: 32, runs_per_tenant: 4 }
    }
}

impl Engine {
    /// Runs what is due until `shutdown`; then claims nothing more and lets what runs end, for 25 s at most.
    ///
    /// # Errors
    /// None while it runs: a store that fails is tried again, and said so in the log.
    pub async fn serve(
        self: Arc<Self>,
        pool: Pool,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), SyncError> {
        tokio::pin!(shutdown);
        let mut runs: JoinSet<TenantCode> = JoinSet::new();
        let mut running: BTreeMap<TenantCode, usize> = BTreeMap::new();
        loop {
            while let Some(ended) = runs.try_join_next() {
                ended_run(&mut running, ended.ok());
            }
            let free = pool.runs.saturating_sub(runs.len());
            if free > 0 {
                match self.due(free, &running, pool).await {
                    Ok(due) => {
                        for task in due {
                            *running.entry(task.tenant.clone()).or_default() += 1;
                            let engine = Arc::clone(&self);
                            runs.spawn(async move {
                                let tenant = task.tenant.clone();
                                engine.run_due(task).await;
                                tenant
                            });
                        }
                    }
                    Err(error) => tracing::error!(%error, "the task list cannot be read; tried again"),
                }
            }
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = runs.join_next(), if !runs.is_empty() => ended_run(&mut running, ended.ok()),
                () = sleep(self.nap().await) => {}
            }
        }
        tracing::info!(runs = runs.len(), "stopping: no new runs; those in flight may end");
        let drained = timeout(DRAIN, async { while runs.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!(
                runs = runs.len(),
                "runs were ended before they were done; the next host goes on with them"
            );
            runs.shutdown().await;
        }
        Ok(())
    }

    /// How long nothing will be due.
    async fn nap(&self) -> Duration {
        let next = self.store.next_due_at().await.ok().flatten();
        let until = next.map_or(Millis::MAX, |next| (next - self.clock.now_ms()).max(50));
        Duration::from_millis(u64::try_from(until).unwrap_or(50)).min(TICK)
    }

    /// Due tasks that may begin now: one channel once, tenants in turn, none beyond its share.
    async fn due(
        &self,
        free: usize,
        running: &BTreeMap<TenantCode, usize>,
        pool: Pool,
    ) -> Result<Vec<DueTask>, SyncError> {
        let limit = u32::try_from(free.saturating_mul(8)).unwrap_or(u32::MAX);
        let due = self.store.due_tasks(self.clock.now_ms(), limit).await?;
        Ok(in_turn(due, free, running, pool.runs_per_tenant))
    }

    async fn run_due(&self, due: DueTask) {
        let filter = TaskFilter { tenant: Some(due.tenant.clone()), channel: Some(due.channel.clone()) };
        let row = match self.store.tasks(&filter).await {
            Ok(rows) => rows.into_iter().find(|row| row.task == due.task),
            Err(error) => {
                tracing::error!(%error, tenant = %due.tenant, channel = %due.channel, "the task cannot be read");
                return;
            }
        };
        let Some(row) = row else { return };
        let now = self.clock.now_ms();
        let request = RunRequest {
            tenant: due.tenant.clone(),
            channel: due.channel.clone(),
            task: due.task,
            choice: Choice::Task,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Timer,
            next_run_at: Some(next_run(&row, now)),
        };
        let span = tracing::info_span!("run", tenant = %due.tenant, channel = %due.channel, task = %due.task);
        let ran = tracing::Instrument::instrument(self.run(request, None), span).await;
        match ran {
            Ok(summary) if summary.result == RunResult::Failed => {
                self.put_off(&row, now).await;
                tracing::warn!(tenant = %due.tenant, channel = %due.channel, task = %due.task, message = summary.message, "run failed");
            }
            Ok(summary) => {
                tracing::info!(tenant = %due.tenant, channel = %due.channel, task = %due.task, result = %summary.result, message = summary.message, "run ended");
            }
            // Another run has the channel; the task stays due.
            Err(SyncError::AlreadyRunning { .. }) => {}
            Err(error) => {
                self.put_off(&row, now).await;
                tracing::error!(tenant = %due.tenant, channel = %due.channel, task = %due.task, %error, "run could not be done");
            }
        }
    }

    /// Puts a failing task off: never further than a few intervals, never for ever, never silently.
    async fn put_off(&self, row: &TaskRow, now: Millis) {
        let failures = row.consecutive_failures.min(16);
        let wait =
            (row.interval_ms.min(60_000) << failures).min(row.interval_ms.max(60_000) * 4).min(FURTHEST);
        let jitter = wait / 2
            + i64::try_from(fingerprint::of(&(now, row.task.as_str())) % 1_000).unwrap_or(0) * (wait / 2)
                / 1_000;
        let edit =
            crate::storage::TaskEdit { next_run_at: Some(now + jitter.max(1_000)), ..Default::default() };
        if let Err(error) = self.store.set_task(&row.tenant, &row.channel, row.task, edit).await {
            tracing::error!(%error, "the failing task was not put off");
        }
    }
}

fn ended_run(running: &mut BTreeMap<TenantCode, usize>, ended: Option<TenantCode>) {
    let Some(tenant) = ended else { return };
    if let Some(count) = running.get_mut(&tenant) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            running.remove(&tenant);
        }
    }
}

/// The task's own place in its interval, so that tasks do not all fall on the hour.
fn next_run(row: &TaskRow, now: Millis) -> Millis {
    let interval = row.interval_ms.max(1_000);
    let key = (row.tenant.as_str(), row.channel.as_str(), row.task.as_str());
    let phase = i64::try_from(fingerprint::of(&key) % u64::try_from(interval).unwrap_or(1)).unwrap_or(0);
    let begun = (now - phase).div_euclid(interval) * interval + phase;
    let next = begun + interval;
    // Never sooner than half an interval from now.
    if next - now < interval / 2 { next + interval } else { next }
}

/// Picks tenants in turn, each channel once.
fn in_turn(
    due: Vec<DueTask>,
    free: usize,
    running: &BTreeMap<TenantCode, usize>,
    share: usize,
) -> Vec<DueTask> {
    let mut queues: Vec<(TenantCode, VecDeque<DueTask>)> = Vec::new();
    for task in due {
        let known = queues.iter_mut().find(|(tenant, _)| *tenant == task.tenant);
        match known {
            Some((_, queue)) if queue.iter().any(|other| other.channel == task.channel) => {}
            Some((_, queue)) => queue.push_back(task),
            None => queues.push((task.tenant.clone(), VecDeque::from([task]))),
        }
    }
    // Whoever has nothing running goes first.
    queues.sort_by_key(|(tenant, _)| running.get(tenant).copied().unwrap_or(0));
    let mut picked = Vec::new();
    let mut taken: BTreeMap<TenantCode, usize> = running.clone();
    loop {
        let before = picked.len();
        for (tenant, queue) in &mut queues {
            let count = taken.entry(tenant.clone()).or_default();
            if picked.len() < free
                && *count < share
                && let Some(task) = queue.pop_front()
            {
                *count += 1;
                picked.push(task);
            }
        }
        if picked.len() == before {
            return picked;
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Task;

    use super::*;

    fn due(tenant: &str, channel: &str, task: Task) -> DueTask {
        DueTask {
            tenant: tenant.into(),
            live: true,
            channel: channel.into(),
            connector: "flipkart".into(),
            task,
            next_run_at: 0,
        }
    }

    fn picked(
        due: Vec<DueTask>,
        free: usize,
        running: &BTreeMap<TenantCode, usize>,
    ) -> Vec<(String, String)> {
        let names = |task: DueTask| (task.tenant.to_string(), task.channel.to_string());
        in_turn(due, free, running, 2).into_iter().map(names).collect()
    }

    #[test]
    fn a_tenant_with_many_due_tasks_does_not_hold_up_the_others() {
        let mut tasks: Vec<_> = (0..20).map(|n| due("noisy", &format!("C{n}"), Task::Status)).collect();
        tasks.push(due("quiet", "C1", Task::Status));
        let picked = picked(tasks, 3, &BTreeMap::new());
        assert_eq!(
            picked,
            [("noisy", "C0"), ("quiet", "C1"), ("noisy", "C1")].map(|(t, c)| (t.into(), c.into()))
        );
    }

    #[test]
    fn a_channel_is_begun_once_and_a_tenant_keeps_to_its_share() {
        let tasks = vec![
            due("a", "C1", Task::Status),
            due("a", "C1", Task::Pending),
            due("a", "C2", Task::Status),
            due("a", "C3", Task::Status),
        ];
        let running = BTreeMap::from([("a".into(), 1)]);
        assert_eq!(picked(tasks, 10, &running), [("a".into(), "C1".into())]);
    }
}
