//! Recurrent tasks: list, change, let run now.

use std::sync::Arc;

use axum::{Json, extract::State};
use plugin_api::Task;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::at;
use crate::{
    domain::codes::ChannelCode,
    http::{
        Api,
        access::{Admin, In, Operate, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::{Counts, RunResult, TaskEdit, TaskFilter, TaskRow},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(change)).routes(routes!(run_now))
}

/// How a task went last.
#[derive(Debug, Serialize, ToSchema)]
struct LastRun {
    /// The run.
    run: String,
    /// When it began.
    started_at: String,
    /// How long it took, in milliseconds.
    duration_ms: i64,
    /// How it ended.
    result: RunResult,
    /// In a sentence.
    message: String,
    /// What became of the observations.
    counts: Counts,
}

/// A recurrent task.
#[derive(Debug, Serialize, ToSchema)]
struct TaskState {
    /// The channel.
    channel: String,
    /// The channel's connector.
    connector: String,
    /// `status`, `pending`, `delivery` or `returns`.
    task: String,
    /// Whether the timer runs it.
    enabled: bool,
    /// How often, in seconds.
    interval_secs: i64,
    /// How far back it looks, in seconds, where that is a rule of ours.
    window_secs: Option<i64>,
    /// When it is due.
    next_run_at: String,
    /// The run that is on.
    running: Option<String>,
    /// How it went last.
    last: Option<LastRun>,
    /// Runs that failed since the last that did not.
    consecutive_failures: u32,
    /// Everything that happened before this has been read and applied.
    complete_until: Option<String>,
    /// By how many seconds what it has read is older than twice its interval; null if it is not.
    late_secs: Option<i64>,
}

impl TaskState {
    fn of(row: TaskRow, now: plugin_api::Millis) -> TaskState {
        let late = row.lateness_ms(now).map(|late| late / 1_000);
        TaskState {
            channel: row.channel.to_string(),
            connector: row.connector,
            task: row.task.to_string(),
            enabled: row.enabled,
            interval_secs: row.interval_ms / 1_000,
            window_secs: row.window_ms.map(|window| window / 1_000),
            next_run_at: at(row.next_run_at),
            running: row.running.map(|run| run.to_string()),
            last: row.last.map(|last| LastRun {
                run: last.run.to_string(),
                started_at: at(last.started_at),
                duration_ms: last.duration_ms,
                result: last.result,
                message: last.message,
                counts: last.counts,
            }),
            consecutive_failures: row.consecutive_failures,
            complete_until: row.complete_until.map(at),
            late_secs: late,
        }
    }
}

/// Which tasks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Of this channel.
    channel: Option<String>,
    /// Channel and task of the last row that the caller has, as `next` gave them.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the recurrent tasks, by channel
#[utoipa::path(get, path = "/v1/tenants/{tenant}/tasks", tag = "sync", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Tasks, by channel.", body = Page<TaskState>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<TaskState>>> {
    let size = size(list.limit)?;
    let filter = TaskFilter { tenant: Some(place.tenant), channel: list.channel.map(ChannelCode::from) };
    let rows = api.store.tasks(&filter).await?;
    let after = list.after.unwrap_or_default();
    let (channel, task) = after.rsplit_once('/').unwrap_or((&after, ""));
    let task = Task::parse(task);
    let is_after = |row: &TaskRow| (row.channel.as_str(), Some(row.task)) > (channel, task);
    let key = |row: &TaskRow| format!("{}/{}", row.channel, row.task);
    let now = api.clock.now_ms();
    Ok(Json(Page::cut(rows, size, is_after, key, |row| TaskState::of(row, now))))
}

/// What to change of a task; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"interval_secs": 300, "enabled": true}))]
struct TaskChange {
    /// Whether the timer runs it.
    enabled: Option<bool>,
    /// How often, in seconds; counts from now on.
    #[schema(minimum = 1, maximum = 31_536_000)]
    interval_secs: Option<u32>,
    /// How far returns are looked back for, in seconds.
    #[schema(minimum = 1, maximum = 31_536_000)]
    window_secs: Option<u32>,
}

/// Change a task: how often it runs, how far it looks back, whether it runs at all
#[utoipa::path(patch, path = "/v1/tenants/{tenant}/channels/{channel}/tasks/{task}", tag = "sync", request_body = TaskChange,
    security(("key" = ["admin"])), responses((status = 200, description = "The task as it is now.", body = TaskState)))]
async fn change(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, channel, task)): At<(String, String, String)>,
    Body(change): Body<TaskChange>,
) -> Answer<Json<TaskState>> {
    const YEAR_SECS: u32 = 31_536_000;
    let (channel, task) = known(&api, &place, &channel, &task).await?;
    for (name, secs) in [("interval_secs", change.interval_secs), ("window_secs", change.window_secs)] {
        if let Some(secs) = secs.filter(|secs| !(1..=YEAR_SECS).contains(secs)) {
            return Err(Problem::new(Kind::BodyWrong, format!("{name}: {secs} is not from 1 s to a year")));
        }
    }
    let millis = |secs: u32| i64::from(secs) * 1_000;
    let interval_ms = change.interval_secs.map(millis);
    let edit = TaskEdit {
        interval_ms,
        enabled: change.enabled,
        window_ms: change.window_secs.map(millis),
        // A shorter interval counts from now on, not only after the next run.
        next_run_at: interval_ms.map(|interval| api.clock.now_ms() + interval),
    };
    edited(&api, &place, channel, task, edit).await
}

/// Let a task run now: the timer takes it up within seconds
#[utoipa::path(post, path = "/v1/tenants/{tenant}/channels/{channel}/tasks/{task}/run-now", tag = "sync",
    security(("key" = ["operate"])), responses((status = 200, description = "The task, due now.", body = TaskState)))]
async fn run_now(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, channel, task)): At<(String, String, String)>,
) -> Answer<Json<TaskState>> {
    let (channel, task) = known(&api, &place, &channel, &task).await?;
    let edit = TaskEdit { next_run_at: Some(api.clock.now_ms()), ..TaskEdit::default() };
    edited(&api, &place, channel, task, edit).await
}

async fn known<S>(api: &Api, place: &In<S>, channel: &str, task: &str) -> Answer<(ChannelCode, Task)> {
    let channel = super::channels::known(api, place, channel).await?.code;
    let task = Task::parse(task);
    let task = task
        .ok_or_else(|| Problem::new(Kind::TaskNotFound, "there are status, pending, delivery and returns"))?;
    Ok((channel, task))
}

async fn edited<S>(
    api: &Api,
    place: &In<S>,
    channel: ChannelCode,
    task: Task,
    edit: TaskEdit,
) -> Answer<Json<TaskState>> {
    let missing = || Problem::new(Kind::TaskNotFound, format!("channel {channel} has no task {task}"));
    let filter = TaskFilter { tenant: Some(place.tenant.clone()), channel: Some(channel.clone()) };
    let is_there = api.store.tasks(&filter).await?.iter().any(|row| row.task == task);
    if !is_there {
        return Err(missing());
    }
    api.store.set_task(&place.tenant, &channel, task, edit).await?;
    let rows = api.store.tasks(&filter).await?;
    let row = rows.into_iter().find(|row| row.task == task).ok_or_else(missing)?;
    Ok(Json(TaskState::of(row, api.clock.now_ms())))
}
