//! Observations that are handed in instead of asked for: the same road as a run, without a marketplace.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{channels, detached};
use crate::{
    domain::{observed::Observed, time},
    http::{
        Api,
        access::{In, Operate},
        extract::{At, Body},
        problem::{Answer, Kind, Problem},
    },
    storage::{Counts, RunResult},
    sync::{Line, ObserveRequest, OutcomeLine},
};

/// Observations that are taken with one request.
const MOST: usize = 10_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// Observations to apply. Adjacent ones of one order form one answer of the marketplace.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"observations": [{"order": "OD1", "item": "111", "status": "DISPATCHED", "raw": "SHIPPED",
    "at": "2026-01-15T09:30:00Z"}]}))]
struct Seen {
    /// What was seen, in the marketplace's order.
    #[schema(max_items = 10_000)]
    observations: Vec<Observed>,
    /// How far back returns count, instead of 30 days.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Show what would change, and change nothing; works before go-live.
    #[serde(default)]
    dry_run: bool,
}

/// What became of an observation.
#[derive(Debug, Serialize, ToSchema)]
struct ObservationOutcome {
    /// The marketplace's order id.
    order: String,
    /// The marketplace's item id.
    item: Option<String>,
    /// `APPLIED`, `UNCHANGED`, …
    outcome: String,
    /// The rules that decided.
    row: String,
    /// The code, where the outcome has one.
    code: Option<String>,
    /// In a sentence.
    message: String,
}

impl From<OutcomeLine> for ObservationOutcome {
    fn from(line: OutcomeLine) -> Self {
        let OutcomeLine { order, item, outcome, row, code, message, .. } = line;
        ObservationOutcome { order, item, outcome, row, code, message }
    }
}

/// What observations came to.
#[derive(Debug, Serialize, ToSchema)]
struct ObservationReport {
    /// The run that they were; null for a dry run.
    run: Option<String>,
    /// How it ended.
    result: RunResult,
    /// In a sentence.
    message: String,
    /// One for each observation, in their order; none if a gate stopped the run.
    outcomes: Vec<ObservationOutcome>,
    /// What had waited and was tried again.
    retried: Vec<ObservationOutcome>,
    /// What became of all of them.
    counts: Counts,
}

/// Apply observations that are handed in
#[utoipa::path(post, path = "/v1/tenants/{tenant}/channels/{channel}/observations", tag = "sync",
    request_body = Seen, security(("key" = ["operate"])),
    responses((status = 200, description = "What became of each.", body = ObservationReport)))]
async fn apply(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, channel)): At<(String, String)>,
    Body(given): Body<Seen>,
) -> Answer<Json<ObservationReport>> {
    let wrong = |said: String| Problem::new(Kind::BodyWrong, said);
    let channel = channels::known(&api, &place, &channel).await?.code;
    if given.observations.len() > MOST {
        let count = given.observations.len();
        return Err(wrong(format!("observations: {count} were sent, and {MOST} are taken at once")));
    }
    let nameless = |seen: &Observed| seen.order.is_empty() && seen.item.is_none();
    if let Some(at) = given.observations.iter().position(nameless) {
        return Err(wrong(format!("observations[{at}]: an observation names its order, or else its item")));
    }
    let since_ms = match given.since {
        Some(text) => {
            let at = time::parse(&text).ok_or_else(|| wrong(format!("since: {text} is no RFC 3339 time")))?;
            Some(api.clock.now_ms().saturating_sub(at).max(0))
        }
        None => None,
    };
    let lines = given.observations.into_iter().enumerate();
    let request = ObserveRequest {
        tenant: place.tenant,
        channel,
        lines: lines.map(|(at, observed)| Line { observed, answer: None, number: at + 1 }).collect(),
        now: None,
        since_ms,
        dry_run: given.dry_run,
    };
    let engine = api.engine();
    let observed = detached(async move { engine.observe(request).await }).await??;
    Ok(Json(ObservationReport {
        run: observed.run.map(|run| run.to_string()),
        result: observed.result,
        message: observed.message,
        outcomes: observed.lines.into_iter().map(ObservationOutcome::from).collect(),
        retried: observed.retried.into_iter().map(ObservationOutcome::from).collect(),
        counts: observed.counts,
    }))
}
