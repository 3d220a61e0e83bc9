//! `sync`

use std::collections::BTreeSet;

use clap::Args;
use plugin_api::{ErrorKind, Task};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    context::{Context, known_channel, known_tenant},
    exit::{Exit, Failure},
    order_filter::FilterArgs,
    progress::Bar,
    runs::{ORDER_HEAD, OUTCOME_HEAD, order_cells, outcome_cells},
    signals::Stops,
    values::{Moment, moment, task},
};
use crate::{
    clock::{Clock as _, SystemClock},
    domain::codes::{ChannelCode, TenantCode},
    storage::{OrderFilter, RunResult, Trigger},
    sync::{Choice, RunRequest, RunSummary},
};

/// Ask a marketplace now: about some orders, about every open one, or what a task asks
#[derive(Debug, Args)]
#[command(
    after_help = "With --orders or --all it asks about these orders: whether they were dispatched or cancelled, or with --returns
whether those that have left came back, and tells what became of each. Without them it does what the task does by
the timer. It goes ahead of the timer and keeps to the same guards and limits. A dry run shows what would change
and changes nothing; it works before the tenant is live. Ctrl-C stops it: what was applied stays.

Examples:
  statusync sync --tenant acme --orders OD1,OD2
  statusync sync --tenant acme --channel FK1 --all --unchanged-for 2d
  statusync sync --tenant acme --channel FK1 --all --dry-run
  statusync sync --tenant acme --orders OD1 --returns
  statusync sync --tenant acme --channel FK1 --task returns --since 60d"
)]
pub(super) struct Sync {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel; may be left out if orders are named
    #[arg(long)]
    channel: Option<ChannelCode>,
    /// These orders, by our code or the channel's id, with commas between; all of one channel
    #[arg(long, value_delimiter = ',', value_name = "IDS", conflicts_with = "all")]
    orders: Option<Vec<String>>,
    /// Every open order of the channel, or those of them that the filter below lets through
    #[arg(long)]
    all: bool,
    /// Ask which of the orders came back: of those that are named, or of all that are on their way or were delivered lately
    #[arg(long, conflicts_with = "task")]
    returns: bool,
    /// status, pending, delivery or returns [default: status, with --orders or --all: pending]
    #[arg(long, value_parser = task)]
    task: Option<Task>,
    /// How far back, such as 30d, instead of from where the last run ended
    #[arg(long, value_parser = moment, value_name = "LENGTH")]
    since: Option<Moment>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// A text of yours: asked again with the same one, the run that was made is shown and none begun
    #[arg(long, value_name = "TEXT", conflicts_with = "dry_run")]
    request_key: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
}

impl Sync {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        // Heard from the first moment, so that a word that comes early is not lost.
        let stops = Stops::new()?;
        let (out, now) = (context.out, SystemClock.now_ms());
        let Sync { tenant, channel, orders, all, returns, task, since, dry_run, request_key, filter } = self;
        let choice = choose(orders, all, filter.at(now))?;
        let is_by_id = choice != Choice::Task;
        if returns && !is_by_id {
            return Err(Failure::usage(
                "--returns asks about orders: name them with --orders, or take --all; what came back lately is read by --task returns",
            ));
        }
        // Named orders tell their channel themselves.
        let channel = match (channel, &choice) {
            (Some(channel), _) => Ok(channel),
            (None, Choice::Orders(ids)) => Err(ids.clone()),
            (None, _) => return Err(Failure::usage("say which channel, with --channel")),
        };
        let usual = if is_by_id { Task::Pending } else { Task::Status };
        let task = if returns { Task::Returns } else { task.unwrap_or(usual) };
        let app = context.open()?;
        known_tenant(&app, &tenant).await?;
        let registry = app.registry();
        let engine = app.engine(registry.clone())?;
        let channel = match channel {
            Ok(channel) => channel,
            Err(ids) => engine.channel_of(&tenant, &ids).await?,
        };
        let known = known_channel(&app, &tenant, &channel).await?;
        let bar = Bar::start(out, format!("asking about channel {channel} of tenant {tenant}"));
        let request = RunRequest {
            tenant,
            channel,
            task,
            choice,
            since_ms: since.map(|since| since.ago(now)),
            dry_run,
            trigger: Trigger::Manual,
            due: None,
            request_key,
        };
        let stop = app.stop.clone();
        let stopping = "stopping: what is being applied is ended; once more to stop at once";
        let listening = tokio::spawn(stops.wait(out, stopping, move || stop.tell()));
        let summary = engine.run(request, Some(bar.watch())).await;
        listening.abort();
        bar.end();
        let summary = summary?;
        show(context, &summary)?;
        if summary.result == RunResult::Skipped && registry.get(&known.connector).is_none() {
            out.tell(&context.searched(&registry, &known.connector)?);
        }
        if summary.stopped {
            return Ok(Exit::Interrupted);
        }
        Ok(Exit::of_run(summary.result, summary.error.map(|error| error.kind)))
    }
}

/// Which orders, by what was typed.
fn choose(orders: Option<Vec<String>>, all: bool, filter: OrderFilter) -> Result<Choice, Failure> {
    let is_filtered = filter != OrderFilter::default();
    let Some(orders) = orders else {
        return match (all, is_filtered) {
            (true, _) => Ok(Choice::Matching(Box::new(filter))),
            (false, false) => Ok(Choice::Task),
            (false, true) => Err(Failure::usage(
                "a filter chooses among all orders: add --all, or name them with --orders",
            )),
        };
    };
    if is_filtered {
        return Err(Failure::usage("orders are named and filtered at once; take either --orders or --all"));
    }
    // Each once, in the order in which they were typed.
    let mut seen = BTreeSet::new();
    let ids = orders.iter().map(|id| id.trim()).filter(|id| !id.is_empty() && seen.insert(*id));
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.is_empty() {
        return Err(Failure::usage("--orders names no order; give at least one id"));
    }
    Ok(Choice::Orders(ids))
}

fn show(context: &Context, summary: &RunSummary) -> Result<(), Failure> {
    let out = context.out;
    if out.is_json {
        let mut document = serde_json::to_value(summary).unwrap_or_default();
        if let (Value::Object(members), Some(error)) = (&mut document, &summary.error) {
            members.insert("error".into(), json!(ErrorWords::of(error)));
        }
        out.json(&document)?;
    } else if !summary.orders.is_empty() {
        out.table(&ORDER_HEAD, summary.orders.iter().map(order_cells))?;
        if summary.more_orders > 0 {
            out.say(&format!("{} more orders are not listed; the counts are of all", summary.more_orders));
        }
    } else {
        if !summary.lines.is_empty() {
            out.table(&OUTCOME_HEAD, summary.lines.iter().map(outcome_cells))?;
        }
        for order in &summary.absent {
            out.say(&format!("order {order} was asked for and not mentioned by the marketplace"));
        }
    }
    if summary.result == RunResult::Skipped {
        out.tell(&summary.message);
        return Ok(());
    }
    let run =
        summary.run.map_or_else(|| "dry run, nothing was changed".to_owned(), |run| format!("run {run}"));
    let words = format!("{run}: {}: {}, {} requests", summary.result, summary.message, summary.calls);
    if summary.result == RunResult::Success {
        out.say(&words);
    } else {
        out.tell(&words);
    }
    Ok(())
}

/// A connector's error, as `connector try` prints it too.
#[derive(Debug, Serialize)]
pub(super) struct ErrorWords<'a> {
    kind: ErrorKind,
    operation: Option<&'a str>,
    message: &'a str,
    retry_after_ms: Option<u128>,
}

impl<'a> ErrorWords<'a> {
    pub(super) fn of(error: &'a plugin_api::Error) -> Self {
        ErrorWords {
            kind: error.kind,
            operation: Some(error.operation.as_str()).filter(|operation| !operation.is_empty()),
            message: &error.message,
            retry_after_ms: error.retry_after.map(|wait| wait.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_chosen_by_name_or_by_filter_and_an_empty_choice_is_told() {
        let typed = |ids: &str| Some(ids.split(',').map(str::to_owned).collect::<Vec<_>>());
        let none = OrderFilter::default;
        let filter = || OrderFilter { on_hold: true, ..OrderFilter::default() };
        let chosen = choose(typed(" OD2,OD1,,OD2 "), false, none()).unwrap();
        assert_eq!(chosen, Choice::Orders(vec!["OD2".to_owned(), "OD1".to_owned()]));
        assert_eq!(choose(None, false, none()).unwrap(), Choice::Task);
        assert_eq!(choose(None, true, filter()).unwrap(), Choice::Matching(Box::new(filter())));
        for (orders, all, filter, words) in [
            (typed(","), false, none(), "names no order"),
            (typed(""), false, none(), "names no order"),
            (typed("OD1"), false, filter(), "either --orders or --all"),
            (None, false, filter(), "add --all"),
        ] {
            let refused = choose(orders, all, filter).unwrap_err();
            let sentence = refused.sentence.unwrap_or_default();
            assert!(refused.exit == Exit::Usage && sentence.contains(words), "{sentence}");
        }
    }
}
