//! Runs: list, show, start ("sync now"), follow as they go on.

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
        access::{In, Read},
        extract::{Ask, At, wrong_query},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    live::{Ended, LiveRun, failed_because},
    storage::{Counts, FailedCall, Run, RunFilter, RunId, RunLine, RunOrder, RunResult, Timeline, Trigger},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// A run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunState {
    /// Its id: `R12`, or `dry-…` for a dry run.
    pub(super) id: String,
    /// The channel.
    channel: String,
    /// Its task; null for observations that were handed in.
    task: Option<String>,
    /// What set it off.
    trigger: Trigger,
    /// Whether it changes nothing.
    dry_run: bool,
    /// When it began.
    started_at: String,
    /// When it ended; null while it runs, and for a dry run.
    ended_at: Option<String>,
    /// How it ended; null while it runs.
    pub(super) result: Option<RunResult>,
    /// In a sentence.
    message: String,
    /// What became of the observations.
    counts: Counts,
    /// Requests that were sent to the marketplace.
    calls: u64,
    /// Of these: sent again.
    retries: u64,
}

impl From<Run> for RunState {
    fn from(run: Run) -> Self {
        RunState {
            id: run.id.to_string(),
            channel: run.channel.to_string(),
            task: run.task.map(|task| task.to_string()),
            trigger: run.trigger,
            dry_run: false,
            started_at: at(run.started_at),
            ended_at: run.ended_at.map(at),
            result: run.result,
            message: run.message,
            counts: run.counts,
            calls: run.calls,
            retries: run.retries,
        }
    }
}

impl RunState {
    /// A run as this process sees it.
    pub(super) fn live(id: String, live: &LiveRun) -> RunState {
        let passing = live.passing.borrow();
        let (result, message, calls, retries) = match &passing.ended {
            None => (None, String::new(), 0, 0),
            Some(Ended::Summary(summary)) => {
                (Some(summary.result), summary.message.clone(), summary.calls, summary.retries)
            }
            Some(Ended::Failed(error)) => (Some(RunResult::Failed), failed_because(error), 0, 0),
        };
        RunState {
            id,
            channel: live.request.channel.to_string(),
            task: Some(live.request.task.to_string()),
            trigger: live.request.trigger,
            dry_run: live.request.dry_run,
            started_at: at(live.began),
            ended_at: None,
            result,
            message,
            counts: passing.counts,
            calls,
            retries,
        }
    }
}

/// A run with what became of each observation.
#[derive(Debug, Serialize, ToSchema)]
struct RunReport {
    /// The run.
    run: RunState,
    /// What became of each observation that did more than repeat what is known; of a large run, the first ten thousand.
    lines: Vec<RunLine>,
    /// What became of each order that was chosen, once the run has ended; the first ten thousand.
    orders: Vec<RunOrder>,
    /// What it did, moment by moment; null before its end, for a dry run, and for a run of which nothing came and in which
    /// nothing waited.
    timeline: Option<Timeline>,
    /// The call after which the marketplace was given up, if it was. Secrets and mail addresses are blanked.
    failed_call: Option<FailedCall>,
}

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Of this channel.
    channel: Option<String>,
    /// Of this task: `status`, `pending`, `delivery` or `returns`.
    #[param(pattern = "^(status|pending|delivery|returns)$")]
    task: Option<String>,
    /// The id of the oldest run that the caller has.
    #[param(pattern = "^[Rr][0-9]{1,18}$")]
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List runs, the newest first
#[utoipa::path(get, path = "/v1/tenants/{tenant}/runs", tag = "sync", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Runs, the newest first.", body = Page<RunState>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<RunState>>> {
    let size = size(list.limit)?;
    let task = list.task.map(|task| Task::parse(&task).ok_or_else(|| no_task(&task))).transpose()?;
    let after = list
        .after
        .map(|id| RunId::parse(&id).ok_or_else(|| wrong_query(&format!("after: {id} is no run's id"))));
    let filter = RunFilter { tenant: Some(place.tenant), channel: list.channel.map(ChannelCode::from), task };
    let rows = api.store.runs(&filter, after.transpose()?, size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.id.to_string(), RunState::from)))
}

fn no_task(name: &str) -> Problem {
    wrong_query(&format!("task: {name} is none; there are status, pending, delivery and returns"))
}

/// Show a run with what became of each observation
#[utoipa::path(get, path = "/v1/tenants/{tenant}/runs/{run}", tag = "sync", security(("key" = ["read"])),
    responses((status = 200, description = "The run.", body = RunReport)))]
async fn show(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, id)): At<(String, String)>,
) -> Answer<Json<RunReport>> {
    let live = api.live.find(&place.tenant, &id);
    let told = live.as_ref().and_then(|live| match live.passing.borrow().ended.clone() {
        Some(Ended::Summary(summary)) => Some(summary),
        None | Some(Ended::Failed(_)) => None,
    });
    // The store keeps the lines that matter later; here are all of them, for a while.
    let all_lines = told.as_ref().map(|summary| summary.lines.clone());
    if let Some((run, lines)) = kept(&api, &place, &id).await? {
        let orders = api.store.run_orders(run.id).await?;
        let timeline = api.store.timeline(run.id).await?;
        let failed_call = api.store.failed_call(run.id).await?;
        let lines = all_lines.unwrap_or(lines);
        return Ok(Json(RunReport { run: run.into(), lines, orders, timeline, failed_call }));
    }
    let live = live.ok_or_else(|| unknown(&place, &id))?;
    let orders = told.map_or_else(Vec::new, |summary| summary.orders.clone());
    Ok(Json(RunReport {
        run: RunState::live(id, &live),
        lines: all_lines.unwrap_or_default(),
        orders,
        timeline: None,
        failed_call: None,
    }))
}

pub(super) fn unknown<S>(place: &In<S>, id: &str) -> Problem {
    Problem::new(Kind::RunNotFound, format!("tenant {} has no run {id}", place.tenant))
}

/// A run of the tenant that the store keeps.
pub(super) async fn kept<S>(api: &Api, place: &In<S>, id: &str) -> Answer<Option<(Run, Vec<RunLine>)>> {
    let Some(id) = RunId::parse(id) else { return Ok(None) };
    Ok(api.store.run(id).await?.filter(|(run, _)| run.tenant == place.tenant))
}
