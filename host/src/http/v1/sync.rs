//! "Sync now": a run is begun, and followed as it goes on.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{Stream, stream};
use plugin_api::Task;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    channels,
    filter::Wanted,
    runs::{RunState, kept, unknown},
};
use crate::{
    domain::{codes::TenantCode, time},
    http::{
        Api,
        access::{In, Operate, Read},
        extract::{At, Body},
        idempotency::RequestKey,
        problem::{Answer, Kind, Problem},
    },
    live::LiveRun,
    storage::{Counts, RunId, Trigger},
    sync::{Choice, RunRequest},
};

/// How often a run that another process does is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(start)).routes(routes!(follow))
}

/// A run to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"channel": "FK1", "orders": ["OD1", "OD2"]}))]
struct NewRun {
    /// The channel.
    channel: String,
    /// These orders, by our code or the marketplace's id; all of the one channel.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    orders: Vec<String>,
    /// All orders that the filter lets through and that can be asked about; `{}` for all that are open.
    #[serde(rename = "matching")]
    filter: Option<Wanted>,
    /// `status`, `pending`, `delivery` or `returns`; if it is left out, `pending` for chosen orders, else `status`. For
    /// chosen orders `returns` asks whether those that have left came back.
    #[schema(pattern = "^(status|pending|delivery|returns)$")]
    task: Option<String>,
    /// How far back, instead of from where the last run ended.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Show what would change, and change nothing; works before go-live.
    #[serde(default)]
    dry_run: bool,
}

impl NewRun {
    fn request(self, tenant: TenantCode, now: plugin_api::Millis, key: Option<String>) -> Answer<RunRequest> {
        let wrong = |said: String| Problem::new(Kind::BodyWrong, said);
        let choice = match (self.filter, self.orders.is_empty()) {
            (Some(filter), true) => Choice::Matching(Box::new(filter.filter(now))),
            (Some(_), false) => {
                return Err(wrong("orders: name orders or choose with `matching`, not both".to_owned()));
            }
            (None, false) => Choice::Orders(self.orders),
            (None, true) => Choice::Task,
        };
        let task = match self.task {
            Some(name) => Task::parse(&name).ok_or_else(|| {
                wrong(format!("task: {name} is none; there are status, pending, delivery and returns"))
            })?,
            None if choice != Choice::Task => Task::Pending,
            None => Task::Status,
        };
        let since = match self.since {
            Some(text) => {
                let at =
                    time::parse(&text).ok_or_else(|| wrong(format!("since: {text} is no RFC 3339 time")))?;
                Some(now.saturating_sub(at).max(0))
            }
            None => None,
        };
        Ok(RunRequest {
            tenant,
            channel: self.channel.into(),
            task,
            choice,
            since_ms: since,
            dry_run: self.dry_run,
            trigger: Trigger::Manual,
            due: None,
            request_key: key.filter(|_| !self.dry_run),
        })
    }
}

/// Begin a sync now: of a task, of chosen orders, or of all that are open
///
/// The run goes on by itself. Its address is in `Location`; `/events` below it tells how it goes on.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/runs", tag = "sync", request_body = NewRun,
    security(("key" = ["operate"])), responses((status = 202, description = "It has begun.", body = RunState)))]
async fn start(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    key: RequestKey,
    Body(new): Body<NewRun>,
) -> Answer<impl IntoResponse> {
    channels::known(&api, &place, &new.channel).await?;
    let request = new.request(place.tenant.clone(), api.clock.now_ms(), key.0)?;
    if let Choice::Orders(ids) = &request.choice {
        let known = api.store.named_orders(&place.tenant, ids).await?;
        let is_known =
            |id: &&String| known.iter().any(|order| order.code == ***id || order.channel_order_id == **id);
        if let Some(id) = ids.iter().find(|id| !is_known(id)) {
            let said = format!("tenant {} has no order {id}, by our code or a channel's id", place.tenant);
            return Err(Problem::new(Kind::OrderNotFound, said));
        }
    }
    if *api.closing.borrow() {
        return Err(Problem::new(Kind::Stopping, "no run is begun any more"));
    }
    let (id, live) = api.live.begin(api.engine(), request).await.map_err(|error| Problem::from(&*error))?;
    let address = super::address(&["tenants", place.tenant.as_str(), "runs", &id]);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, address)], Json(RunState::live(id, &live))))
}

/// How far a run has come.
#[derive(Debug, Serialize, ToSchema)]
struct RunProgress {
    /// Orders that are asked about by id.
    chosen: u64,
    /// How many of them were answered.
    answered: u64,
    /// What became of observations so far.
    counts: Counts,
    /// The call that the marketplace makes us wait for.
    waiting_for: Option<String>,
    /// For how long, in milliseconds.
    waiting_ms: Option<u64>,
}

/// Follow a run: server-sent events `progress` as it goes on, then one `ended`
///
/// The data of `progress` is how far it has come; that of `ended` is the run.
#[utoipa::path(get, path = "/v1/tenants/{tenant}/runs/{run}/events", tag = "sync", security(("key" = ["read"])),
    responses((status = 200, description = "Events until the run has ended.", body = RunProgress, content_type = "text/event-stream")))]
async fn follow(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, id)): At<(String, String)>,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let source = match api.live.find(&place.tenant, &id) {
        Some(live) => Source::Here(id, Box::new(live)),
        None => {
            let (run, _) = kept(&api, &place, &id).await?.ok_or_else(|| unknown(&place, &id))?;
            Source::Store(run.id)
        }
    };
    let following = Following { api, source, is_first: true, is_over: false };
    Ok(Sse::new(stream::unfold(following, Following::next)).keep_alive(KeepAlive::default()))
}

enum Source {
    /// This process does the run.
    Here(String, Box<LiveRun>),
    /// Another does, or it was set off by the timer.
    Store(RunId),
}

struct Following {
    api: Arc<Api>,
    source: Source,
    is_first: bool,
    is_over: bool,
}

impl Following {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Following)> {
        if self.is_over {
            return None;
        }
        if !self.is_first {
            let mut closing = self.api.closing.clone();
            tokio::select! {
                () = self.source.moves() => {}
                // The host is being stopped: who listens asks again.
                _ = closing.wait_for(|closing| *closing) => return None,
            }
        }
        self.is_first = false;
        let (event, is_over) = self.source.tell(&self.api).await?;
        self.is_over = is_over;
        Some((Ok(event), self))
    }
}

impl Source {
    async fn moves(&mut self) {
        match self {
            // A sender that is gone has said its last word.
            Source::Here(_, live) => drop(live.passing.changed().await),
            Source::Store(_) => sleep(LOOK).await,
        }
    }

    /// The next event, and whether it is the last.
    async fn tell(&mut self, api: &Api) -> Option<(Event, bool)> {
        match self {
            Source::Here(id, live) => {
                let passing = live.passing.borrow_and_update().clone();
                if passing.ended.is_some() {
                    return Some((event("ended", &RunState::live(id.clone(), live)), true));
                }
                let (waiting_for, waiting_ms) = passing.waiting.unzip();
                let told = RunProgress {
                    chosen: passing.chosen,
                    answered: passing.answered,
                    counts: passing.counts,
                    waiting_for,
                    waiting_ms,
                };
                Some((event("progress", &told), false))
            }
            Source::Store(id) => {
                let (run, _) = api.store.run(*id).await.ok()??;
                if run.ended_at.is_some() {
                    return Some((event("ended", &RunState::from(run)), true));
                }
                let told = RunProgress {
                    chosen: 0,
                    answered: 0,
                    counts: run.counts,
                    waiting_for: None,
                    waiting_ms: None,
                };
                Some((event("progress", &told), false))
            }
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let event = Event::default().event(name);
    // What is serialised here has no map with keys that are no text, so this cannot fail.
    event.json_data(data).unwrap_or_default()
}
