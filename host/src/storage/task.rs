//! Recurrent tasks: what is asked of a channel again and again, and how it went last.

use plugin_api::{Mark, Millis, Task};
use serde::{Deserialize, Serialize};

use std::collections::BTreeMap;

use super::run::{Counts, RunId, RunResult};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        snapshot::Channel,
    },
    secrets::Secret,
};

const MINUTE: Millis = 60_000;
const DAY: Millis = 24 * 60 * MINUTE;

/// A task to make, if the channel does not have it yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// Which.
    pub task: Task,
    /// How often, in milliseconds.
    pub interval_ms: Millis,
    /// How far back it looks, in milliseconds, where that is a rule of ours.
    pub window_ms: Option<Millis>,
    /// When it is due first, UTC.
    pub next_run_at: Millis,
}

impl NewTask {
    /// A task with our default interval: status 10 min, pending 40 min, delivery and returns daily, returns over 30 days.
    pub const fn usual(task: Task, next_run_at: Millis) -> Self {
        let (interval_ms, window_ms) = match task {
            Task::Status => (10 * MINUTE, None),
            Task::Pending => (40 * MINUTE, None),
            Task::Delivery => (DAY, None),
            Task::Returns => (DAY, Some(30 * DAY)),
        };
        NewTask { task, interval_ms, window_ms, next_run_at }
    }
}

/// What to change of a task; `None` leaves it as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskEdit {
    /// How often, in milliseconds.
    pub interval_ms: Option<Millis>,
    /// Whether the timer runs it.
    pub enabled: Option<bool>,
    /// How far back it looks, in milliseconds.
    pub window_ms: Option<Millis>,
    /// When it is due next, UTC.
    pub next_run_at: Option<Millis>,
}

/// The last finished run of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// The run.
    pub run: RunId,
    /// When it began, UTC.
    pub started_at: Millis,
    /// How long it took.
    pub duration_ms: Millis,
    /// How it ended.
    pub result: RunResult,
    /// In a sentence.
    pub message: String,
    /// What became of the observations.
    pub counts: Counts,
}

/// A task as the task list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The channel's connector.
    pub connector: String,
    /// Which.
    pub task: Task,
    /// Whether the timer runs it.
    pub enabled: bool,
    /// How often, in milliseconds.
    pub interval_ms: Millis,
    /// How far back it looks, in milliseconds, where that is a rule of ours.
    pub window_ms: Option<Millis>,
    /// When it is due, UTC.
    pub next_run_at: Millis,
    /// The run that is on.
    pub running: Option<RunId>,
    /// How it went last.
    pub last: Option<LastRun>,
    /// Runs that failed since the last that did not.
    pub consecutive_failures: u32,
    /// How far it has come, in the connector's words.
    pub mark: Option<Mark>,
    /// Everything that happened before this instant, UTC, has been read and applied.
    pub complete_until: Option<Millis>,
}

impl TaskRow {
    /// By how much what this task has read is older than twice its interval; `None` if it is not, or if the timer does not
    /// run it. A task that never ran is late from twice its interval after it was first due.
    pub fn lateness_ms(&self, now: Millis) -> Option<Millis> {
        let since = self.complete_until.unwrap_or(self.next_run_at);
        let over = now.saturating_sub(since).saturating_sub(self.interval_ms.saturating_mul(2));
        (self.enabled && over > 0).then_some(over)
    }
}

/// What a run has to know of its channel before it begins.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether the tenant is live.
    pub live: bool,
    /// The channel, if the tenant has it.
    pub channel: Option<Channel>,
    /// Its tasks.
    pub tasks: Vec<TaskRow>,
    /// Its secrets, opened.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether facts of it wait.
    pub has_waiting: bool,
}

/// How fresh the data of a kind of task is, over all channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The connector.
    pub connector: String,
    /// The kind.
    pub task: Task,
    /// Enabled tasks that are late, as [`TaskRow::lateness_ms`] says.
    pub late: u64,
    /// The age of the oldest data, in milliseconds.
    pub oldest_ms: Millis,
}

/// Which tasks to list. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    /// Of this tenant.
    pub tenant: Option<TenantCode>,
    /// Of this channel.
    pub channel: Option<ChannelCode>,
}

/// Whose due tasks need not be looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Full {
    /// These tenants'.
    pub tenants: Vec<TenantCode>,
    /// Those that these connectors serve.
    pub connectors: Vec<String>,
}

/// A task whose time has come, on an enabled channel that no run holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueTask {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The channel's connector.
    pub connector: String,
    /// Which.
    pub task: Task,
    /// Since when, UTC.
    pub next_run_at: Millis,
}
