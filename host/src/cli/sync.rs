//! `sync`

use clap::Args;
use plugin_api::{ErrorKind, Task};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    context::{Context, known_channel},
    exit::{Exit, Failure},
    progress::Bar,
    runs::{OUTCOME_HEAD, outcome_cells},
    values::{Moment, moment, task},
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{RunResult, Trigger},
    sync::{Choice, RunRequest, RunSummary},
};

/// Ask a marketplace now: about some orders, about every open one, or what a task asks
#[derive(Debug, Args)]
#[command(
    after_help = "Without --orders and --all it does what the task does by the timer. A dry run shows what would change and
changes nothing; it works before the tenant is live.

Examples:
  statusync sync --tenant acme --channel FK1
  statusync sync --tenant acme --channel FK1 --orders OD1,OD2
  statusync sync --tenant acme --channel FK1 --all --dry-run
  statusync sync --tenant acme --channel FK1 --task returns --since 60d"
)]
pub(super) struct Sync {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel
    #[arg(long)]
    channel: ChannelCode,
    /// These orders, by our code or the channel's id, with commas between
    #[arg(long, value_delimiter = ',', value_name = "IDS", conflicts_with = "all")]
    orders: Vec<String>,
    /// Every open order
    #[arg(long)]
    all: bool,
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
}

impl Sync {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        let Sync { tenant, channel, orders, all, task, since, dry_run, request_key } = self;
        let orders: Vec<String> =
            orders.into_iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
        let is_by_id = all || !orders.is_empty();
        let choice = match (all, orders.is_empty()) {
            (true, _) => Choice::AllOpen,
            (false, false) => Choice::Orders(orders),
            (false, true) => Choice::Task,
        };
        let task = task.unwrap_or(if is_by_id { Task::Pending } else { Task::Status });
        let known = known_channel(&app, &tenant, &channel).await?;
        let registry = app.registry();
        let engine = app.engine(registry.clone())?;
        let bar = Bar::start(out, format!("asking about channel {channel} of tenant {tenant}"));
        let request = RunRequest {
            tenant,
            channel,
            task,
            choice,
            since_ms: since.map(|since| since.ago(app.clock.now_ms())),
            dry_run,
            trigger: Trigger::Manual,
            next_run_at: None,
            request_key,
        };
        let summary = engine.run(request, Some(bar.watch())).await;
        bar.end();
        let summary = summary?;
        show(context, &summary)?;
        if summary.result == RunResult::Skipped && registry.get(&known.connector).is_none() {
            out.tell(&context.searched(&registry, &known.connector)?);
        }
        Ok(Exit::of_run(summary.result, summary.error.map(|error| error.kind)))
    }
}

fn show(context: &Context, summary: &RunSummary) -> Result<(), Failure> {
    let out = context.out;
    if out.is_json {
        let mut document = serde_json::to_value(summary).unwrap_or_default();
        if let (Value::Object(members), Some(error)) = (&mut document, &summary.error) {
            members.insert("error".into(), json!(ErrorWords::of(error)));
        }
        out.json(&document)?;
    } else if !summary.lines.is_empty() {
        out.table(&OUTCOME_HEAD, summary.lines.iter().map(outcome_cells))?;
    }
    for order in &summary.absent {
        out.say(&format!("order {order} was asked for and not mentioned by the marketplace"));
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
