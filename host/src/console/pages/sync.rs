//! Runs that somebody set off: how far they are, and then what became of each order.
//!
//! A run of this process is told from its memory, one of another from the store, which says less while it is on.

use std::sync::Arc;

use askama::{Template, filters::HtmlSafe};
use axum::{
    Router,
    extract::{Query, State},
    http::HeaderMap,
    routing::get,
};
use serde::Deserialize;

use crate::{
    access::Read,
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, in_query, length, number},
    },
    live::{Ended, failed_because},
    storage::{Counts, Run, RunId, RunResult},
};

/// Runs on one page: one for each channel of a tenant.
const MOST: usize = 100;
/// Orders that are shown of one run.
const ORDERS_SHOWN: usize = 500;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/sync", get(follow))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Ids with commas between.
    runs: String,
    /// Channels that have none.
    without: String,
}

/// The runs, with what is around them.
#[derive(Template)]
#[template(path = "sync.html")]
struct SyncPage {
    frame: Frame,
    part: RunsPart,
    /// Channels on which no run has begun.
    without: Vec<String>,
    orders: String,
}

/// The runs alone: what is asked for again while one is on.
#[derive(Template)]
#[template(path = "sync_runs.html")]
struct RunsPart {
    /// Where they are told again.
    address: String,
    runs: Vec<RunTold>,
}

impl HtmlSafe for RunsPart {}

/// The runs, and beside them the sentence that is read out.
#[derive(Template)]
#[template(source = r#"{{ part }}<p id="told" hx-swap-oob="innerHTML">{{ part.told() }}</p>"#, ext = "html")]
struct Again {
    part: RunsPart,
}

impl RunsPart {
    fn is_on(&self) -> bool {
        self.runs.iter().any(|run| run.is_on)
    }

    /// How it stands, in a sentence that changes seldom.
    fn told(&self) -> String {
        let ended = self.runs.iter().filter(|run| !run.is_on).count();
        match (self.runs.len(), ended) {
            (1, 0) => "The run is on.".to_owned(),
            (1, _) => "The run has ended.".to_owned(),
            (all, ended) if all == ended => format!("All {all} runs have ended."),
            (all, ended) => format!("{ended} of {all} runs have ended."),
        }
    }
}

/// A run, as it is told.
struct RunTold {
    id: String,
    channel: String,
    what: &'static str,
    state: Chip,
    is_on: bool,
    /// Orders answered, and chosen, if it is known.
    progress: Option<(u64, u64)>,
    /// What it waits for.
    waiting: Option<String>,
    message: String,
    counts: Vec<(String, &'static str)>,
    orders: Vec<OrderTold>,
    /// Orders that are not shown.
    more: usize,
}

/// What became of an order.
struct OrderTold {
    code: String,
    address: String,
    channel_order_id: String,
    outcome: Chip,
    message: String,
}

async fn follow(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Shown {
    let mut runs = Vec::new();
    for id in asked.runs.split(',').filter(|id| !id.is_empty()).take(MOST) {
        runs.push(told(&console, &place, id).await?);
    }
    if runs.is_empty() {
        return Err(Fault::NotFound("No run is named here".to_owned()));
    }
    let address = format!("{}?runs={}", place.address(&["sync"]), in_query(&asked.runs));
    let part = RunsPart { address, runs };
    if headers.contains_key("hx-request") {
        return show(&Again { part });
    }
    show(&SyncPage {
        frame: place.frame("Sync", Section::Orders),
        part,
        without: asked.without.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect(),
        orders: place.address(&["orders"]),
    })
}

async fn told(console: &Console, place: &In<Read>, id: &str) -> Result<RunTold, Fault> {
    let nowhere = || Fault::NotFound(format!("There is no run {id}"));
    let run = RunId::parse(id).ok_or_else(nowhere)?;
    let (run, _) = console.store.run(run).await?.ok_or_else(nowhere)?;
    if run.tenant != place.tenant {
        return Err(nowhere());
    }
    let mut told = RunTold::of(&run);
    if run.ended_at.is_some() {
        let orders = console.store.run_orders(run.id).await?;
        told.more = orders.len().saturating_sub(ORDERS_SHOWN);
        told.orders = orders
            .into_iter()
            .take(ORDERS_SHOWN)
            .map(|order| OrderTold {
                address: place.address(&["orders", order.order.as_str()]),
                code: order.order.to_string(),
                channel_order_id: order.channel_order_id,
                outcome: order.outcome.into(),
                message: order.message,
            })
            .collect();
    } else if let Some(live) = console.live.find(&place.tenant, id) {
        let passing = live.passing.borrow();
        told.progress = (passing.chosen > 0).then_some((passing.answered, passing.chosen));
        told.counts = counted(&passing.counts);
        told.waiting = passing
            .waiting
            .as_ref()
            .map(|(call, millis)| format!("{call}, {}", length(i64::try_from(*millis).unwrap_or(i64::MAX))));
        if let Some(Ended::Failed(error)) = &passing.ended {
            told.is_on = false;
            told.state = Some(RunResult::Failed).into();
            told.message = failed_because(error);
        }
    }
    Ok(told)
}

impl RunTold {
    fn of(run: &Run) -> RunTold {
        let what = match run.task {
            Some(plugin_api::Task::Returns) => "Check returns",
            Some(_) => "Sync status",
            None => "Observations",
        };
        RunTold {
            id: run.id.to_string(),
            channel: run.channel.to_string(),
            what,
            state: run.result.into(),
            is_on: run.ended_at.is_none(),
            progress: None,
            waiting: None,
            message: run.message.clone(),
            counts: counted(&run.counts),
            orders: Vec::new(),
            more: 0,
        }
    }
}

/// What became of the observations, without those that became nothing.
fn counted(counts: &Counts) -> Vec<(String, &'static str)> {
    let some = counts.by_outcome().into_iter().filter(|(_, count)| *count > 0);
    some.map(|(name, count)| (number(count), name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::frame::sample_frame,
        storage::{OrderOutcome, Trigger},
    };

    fn sample(ended: &[Option<RunResult>]) -> SyncPage {
        let run = |(n, result): (usize, &Option<RunResult>)| {
            let run = Run {
                id: RunId(i64::try_from(n).unwrap()),
                tenant: "acme".into(),
                channel: "FK1".into(),
                task: Some(plugin_api::Task::Returns),
                trigger: Trigger::Manual,
                started_at: 0,
                ended_at: result.map(|_| 1),
                result: *result,
                message: "m <b>".to_owned(),
                counts: Counts { polled: 1_500, applied: 1_500, ..Counts::default() },
                calls: 1,
                retries: 0,
            };
            let mut told = RunTold::of(&run);
            told.progress = Some((3, 7));
            told.waiting = Some("orders.search, 12 s".to_owned());
            told.orders = vec![OrderTold {
                code: "O1".to_owned(),
                address: "/console/t/acme/orders/O1".to_owned(),
                channel_order_id: "OD1".to_owned(),
                outcome: OrderOutcome::NotMentioned.into(),
                message: "n".to_owned(),
            }];
            told
        };
        SyncPage {
            frame: sample_frame(Section::Orders),
            part: RunsPart {
                address: "/console/t/acme/sync?runs=R0".to_owned(),
                runs: ended.iter().enumerate().map(run).collect(),
            },
            without: vec!["AZ1".to_owned()],
            orders: "/console/t/acme/orders".to_owned(),
        }
    }

    #[test]
    fn a_run_that_is_on_is_asked_for_again_with_and_without_a_script() {
        let text = sample(&[None, Some(RunResult::Success)]).render().unwrap();
        for part in [
            "hx-get=\"/console/t/acme/sync?runs=R0\"",
            "http-equiv=\"refresh\"",
            "<progress max=\"7\" value=\"3\">",
            "orders.search, 12 s",
            "1 of 2 runs have ended.",
            "AZ1",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn a_run_that_has_ended_tells_what_became_of_each_order_and_is_not_asked_for_again() {
        let text = sample(&[Some(RunResult::Partial)]).render().unwrap();
        for part in ["NOT_MENTIONED", "m &#60;b&#62;", "1,500 APPLIED", "The run has ended."] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("hx-get") && !text.contains("http-equiv"), "{text}");
    }
}
