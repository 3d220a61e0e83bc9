//! A run: what it did, what became of what it read, and the call after which the marketplace was given up.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};
use plugin_api::Millis;

use super::runs::RunShown;
use crate::{
    access::Read,
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        runs_shown::{set_off_by, took},
        shown::{Chip, Tone, When, number, sentence},
        timeline_shown::TimelineShown,
    },
    domain::{apply::Code, zone::Zone},
    storage::{FailedCall, OrderOutcome, Run, RunId, RunLine, RunOrder, RunResult},
};

/// Lines and chosen orders that are shown; the command line and the API tell all.
const SHOWN: usize = 500;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/runs/{run}", get(one))
}

/// The run.
#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    address: String,
    runs: String,
    /// The page of its task; none for observations from a file.
    task: Option<String>,
    is_on: bool,
    run: RunShown,
    steps: Vec<Step>,
    outcomes: Vec<(Chip, String)>,
    timeline: Option<TimelineShown>,
    call: Option<CallShown>,
    /// What became of chosen orders, and of observations.
    tables: Vec<(&'static str, Vec<OrderShown>)>,
    /// Lines that are kept, and not shown.
    more: usize,
}

/// Something that happened in a run.
struct Step {
    at: Option<When>,
    tone: &'static str,
    words: String,
}

/// The call after which the marketplace was given up.
struct CallShown {
    request: String,
    sent: String,
    answer: String,
    reply: String,
    /// Whether the reply was a success by its status.
    is_good: bool,
    words: String,
}

/// What became of an observation or of a chosen order.
struct OrderShown {
    order: String,
    address: Option<String>,
    item: String,
    outcome: Chip,
    row: String,
    message: String,
    remedy: &'static str,
}

fn steps(run: &Run, zone: &Zone) -> Vec<Step> {
    let step =
        |at: Option<Millis>, tone, words: String| Step { at: at.map(|at| When::at(at, zone)), tone, words };
    let mut steps =
        vec![step(Some(run.started_at), "plain", format!("Set off by {}", set_off_by(run.trigger)))];
    if run.calls > 0 {
        let repeats = match run.retries {
            0 => "none of them a repeat".to_owned(),
            repeats => format!("{} of them repeated after a failure or a new sign-in", number(repeats)),
        };
        steps.push(step(None, "plain", format!("Sent {} requests, {repeats}", number(run.calls))));
    } else if run.ended_at.is_some() {
        steps.push(step(None, "plain", "Sent no request".to_owned()));
    }
    if run.counts.polled > 0 {
        let words = format!("Read {} observations and decided on each", number(run.counts.polled));
        steps.push(step(None, "plain", words));
    }
    if let (Some(end), Some(result)) = (run.ended_at, run.result) {
        let tone = match result {
            RunResult::Success => "good",
            RunResult::Partial => "look",
            RunResult::Failed => "bad",
            RunResult::Skipped => "plain",
        };
        let lasted = took((end - run.started_at).max(0));
        steps.push(step(Some(end), tone, format!("Ended as {} after {lasted}", result.as_str())));
    }
    steps
}

impl From<FailedCall> for CallShown {
    fn from(call: FailedCall) -> Self {
        let (request, answer) = call.ends();
        let took = took(i64::try_from(call.took_ms).unwrap_or(i64::MAX));
        let words = format!("The call `{}`, attempt {}, took {took}.", call.operation, call.attempt);
        let is_good = call.told.is_none();
        let (sent, reply) = call.told.map(|told| (told.request, told.reply)).unwrap_or_default();
        CallShown { request, sent, answer: sentence(&answer), reply, is_good, words }
    }
}

fn outcome_chip(outcome: &str) -> Chip {
    OrderOutcome::parse(outcome).map_or_else(|| Chip::new(Tone::Plain, outcome), Chip::from)
}

fn remedy(code: Option<&str>) -> &'static str {
    code.and_then(Code::parse).map_or("", Code::remedy)
}

impl OrderShown {
    fn of_line<S>(line: RunLine, place: &In<S>) -> OrderShown {
        OrderShown {
            address: (!line.order.is_empty() && line.code.as_deref() != Some(Code::UnknownOrder.as_str()))
                .then(|| place.address(&["orders", &line.order])),
            order: line.order,
            item: line.item.unwrap_or_default(),
            outcome: outcome_chip(&line.outcome),
            row: line.row,
            message: line.message,
            remedy: remedy(line.code.as_deref()),
        }
    }

    fn of_order<S>(order: RunOrder, place: &In<S>) -> OrderShown {
        OrderShown {
            address: Some(place.address(&["orders", order.order.as_str()])),
            order: order.order.to_string(),
            item: String::new(),
            outcome: outcome_chip(order.outcome.as_str()),
            row: order.row.unwrap_or_default(),
            message: order.message,
            remedy: remedy(order.code.as_deref()),
        }
    }
}

async fn one(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let now = console.clock.now_ms();
    let unknown = || Fault::NotFound(format!("There is no run {id}"));
    let known = RunId::parse(&id).ok_or_else(unknown)?;
    let found = console.store.run(known).await?.filter(|(run, _)| run.tenant == place.tenant);
    let (run, mut lines) = found.ok_or_else(unknown)?;
    let mut orders = console.store.run_orders(run.id).await?;
    let call = console.store.failed_call(run.id).await?;
    let timeline = console.store.timeline(run.id).await?;
    let lasted = run.ended_at.map_or(0, |end| end - run.started_at);
    let more = lines.len().saturating_sub(SHOWN) + orders.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    orders.truncate(SHOWN);
    let outcomes = run.counts.by_outcome().into_iter().filter(|(_, count)| *count > 0);
    show(&RunPage {
        frame: place.frame(&format!("Run {}", run.id), Section::Runs),
        address: place.address(&["runs", &run.id.to_string()]),
        runs: place.address(&["runs"]),
        task: run.task.map(|task| place.address(&["tasks", run.channel.as_str(), task.as_str()])),
        is_on: run.ended_at.is_none(),
        steps: steps(&run, &place.row.zone),
        outcomes: outcomes.map(|(name, count)| (outcome_chip(name), number(count))).collect(),
        timeline: timeline.and_then(|timeline| TimelineShown::of(&timeline, lasted)),
        call: call.map(CallShown::from),
        tables: vec![
            ("Chosen orders", orders.into_iter().map(|order| OrderShown::of_order(order, &place)).collect()),
            (
                "Observations that did more than repeat what is known",
                lines.into_iter().map(|line| OrderShown::of_line(line, &place)).collect(),
            ),
        ],
        more,
        run: RunShown::of(run, &place, now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::{frame::sample_frame, runs_shown::sample_run},
        storage::{Moment, Timeline, ToldCall},
    };

    fn sample(result: Option<RunResult>, call: Option<FailedCall>, lines: Vec<OrderShown>) -> String {
        let run = sample_run(7, result);
        let moment = Moment::Page { at_ms: 450, took_ms: 450, read: 9, applied: 1 };
        let timeline = Timeline { moments: vec![moment], left_out: 0 };
        let page = RunPage {
            frame: sample_frame(Section::Runs),
            address: "/console/t/acme/runs/R7".to_owned(),
            runs: "/console/t/acme/runs".to_owned(),
            task: Some("/console/t/acme/tasks/FK1/status".to_owned()),
            is_on: result.is_none(),
            steps: steps(&run, &Zone::default()),
            outcomes: vec![(outcome_chip("REFUSED"), number(41))],
            timeline: TimelineShown::of(&timeline, 900),
            call: call.map(CallShown::from),
            tables: vec![("Observations", lines)],
            more: 0,
            run: RunShown {
                id: "R7".to_owned(),
                address: "/console/t/acme/runs/R7".to_owned(),
                channel: "FK1".to_owned(),
                task: "status".to_owned(),
                by: "timer",
                began: When::ago(0, 0, &Zone::default()),
                took: took(450),
                result: Chip::from(result),
                message: run.message,
                counts: "9 read".to_owned(),
            },
        };
        page.render().unwrap()
    }

    fn call(told: Option<ToldCall>) -> FailedCall {
        FailedCall {
            operation: "list".to_owned(),
            method: "GET".to_owned(),
            target: "api.example.com/orders".to_owned(),
            status: Some(if told.is_some() { 503 } else { 200 }),
            bytes: 13,
            took_ms: 80,
            attempt: 2,
            told,
        }
    }

    #[test]
    fn a_failed_run_shows_what_was_asked_and_what_was_answered() {
        let told = ToldCall {
            query: "page=2".to_owned(),
            request: "{\"a\":1}".to_owned(),
            content_type: Some("text/html".to_owned()),
            reply: "<h1>down</h1>".to_owned(),
            problem: None,
        };
        let text = sample(Some(RunResult::Failed), Some(call(Some(told))), Vec::new());
        for part in [
            "GET api.example.com/orders?page=2",
            "HTTP 503, text/html, 13 bytes",
            "&#60;h1&#62;down",
            "attempt 2",
            "nothing &#60;new&#62;",
            "1 of them repeated",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = sample(Some(RunResult::Failed), Some(call(None)), Vec::new());
        assert!(text.contains("is not kept") && text.contains("HTTP 200"), "{text}");
    }

    #[test]
    fn an_outcome_is_told_with_its_rule_and_what_to_do() {
        let line = OrderShown {
            order: "OD1".to_owned(),
            address: Some("/console/t/acme/orders/OD1".to_owned()),
            item: "1".to_owned(),
            outcome: outcome_chip("REFUSED"),
            row: "D10".to_owned(),
            message: "Sequence SALE_INVOICE is not defined for BOM1".to_owned(),
            remedy: remedy(Some("SEQUENCE_NOT_DEFINED")),
        };
        let text = sample(Some(RunResult::Partial), None, vec![line]);
        let remedy = crate::console::shown::marked(remedy(Some("SEQUENCE_NOT_DEFINED"))).to_string();
        for part in ["orders/OD1", "D10", "not defined for BOM1", &remedy] {
            assert!(!part.is_empty() && text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn a_run_shows_where_its_time_went() {
        let text = sample(Some(RunResult::Success), None, Vec::new());
        assert!(text.contains("1 page written in 450 ms"), "{text}");
    }

    #[test]
    fn a_run_that_is_on_looks_again_by_itself() {
        assert!(sample(None, None, Vec::new()).contains("every 2s"));
        assert!(!sample(Some(RunResult::Success), None, Vec::new()).contains("every 2s"));
    }
}
