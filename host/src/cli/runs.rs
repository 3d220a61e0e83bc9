//! `runs [ID]`

use clap::Args;
use plugin_api::Task;
use serde_json::json;

use super::{
    context::Context,
    exit::{Exit, Failure},
    output::{india, length, or_dash},
    tasks::counts,
    values::task,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{Run, RunFilter, RunId, RunLine, RunOrder},
};

/// List the last runs, or show one with what became of each observation
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync runs --tenant acme --limit 5
  statusync runs R12
  statusync runs R12 --json")]
pub(super) struct Runs {
    /// The run to show, such as R12
    #[arg(value_parser = run_id)]
    id: Option<RunId>,
    /// Only this tenant's
    #[arg(long, conflicts_with = "id")]
    tenant: Option<TenantCode>,
    /// Only this channel's
    #[arg(long, conflicts_with = "id")]
    channel: Option<ChannelCode>,
    /// Only this task's
    #[arg(long, value_parser = task, conflicts_with = "id")]
    task: Option<Task>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text)
        .or_else(|| RunId::parse(&format!("R{text}")))
        .ok_or_else(|| "a run's id is such as R12".to_owned())
}

impl Runs {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        let Some(id) = self.id else {
            let filter = RunFilter { tenant: self.tenant, channel: self.channel, task: self.task };
            let runs = app.store.runs(&filter, None, self.limit).await?;
            let head =
                ["run", "tenant", "channel", "task", "by", "started", "took", "result", "counts", "message"];
            out.list(&runs, &head, cells, "there are no runs")?;
            return Ok(Exit::Ok);
        };
        let Some((run, lines)) = app.store.run(id).await? else {
            return Err(Failure::failed(format!(
                "run {id} is not known here; `statusync runs` shows the last ones"
            )));
        };
        let orders = app.store.run_orders(id).await?;
        let call = app.store.failed_call(id).await?;
        let timeline = app.store.timeline(id).await?;
        if out.is_json {
            let told = json!({ "run": run, "orders": orders, "lines": lines, "failed_call": call, "timeline": timeline });
            out.json(&told)?;
            return Ok(Exit::Ok);
        }
        let what =
            run.task.map_or_else(|| "observations from a file".to_owned(), |task| format!("task {task}"));
        out.line(&format!(
            "Run {} of channel {} of tenant {}: {what}, {}",
            run.id, run.channel, run.tenant, run.trigger
        ))?;
        let took = run.ended_at.map_or("still running".to_owned(), |end| length(end - run.started_at));
        out.line(&format!(
            "Started {}, {took}; {} requests, {} of them repeats",
            india(run.started_at),
            run.calls,
            run.retries
        ))?;
        out.line(&format!("{}: {}", or_dash(run.result), run.message))?;
        out.line(&format!("{} observations: {}", run.counts.polled, counts(&run.counts)))?;
        if let Some(call) = call {
            out.line("")?;
            for line in call.lines() {
                out.line(&line)?;
            }
        }
        if !orders.is_empty() {
            out.line("")?;
            out.table(&ORDER_HEAD, orders.iter().map(order_cells))?;
        }
        if !lines.is_empty() {
            out.line("")?;
            out.table(&OUTCOME_HEAD, lines.iter().map(outcome_cells))?;
        }
        Ok(Exit::Ok)
    }
}

fn cells(run: &Run) -> Vec<String> {
    vec![
        run.id.to_string(),
        run.tenant.to_string(),
        run.channel.to_string(),
        or_dash(run.task),
        run.trigger.to_string(),
        india(run.started_at),
        run.ended_at.map_or_else(|| "…".to_owned(), |end| length(end - run.started_at)),
        or_dash(run.result),
        counts(&run.counts),
        run.message.clone(),
    ]
}

/// The columns of what became of chosen orders.
pub(super) const ORDER_HEAD: [&str; 6] = ["order", "channel's id", "outcome", "row", "code", "message"];

/// The cells of what became of a chosen order.
pub(super) fn order_cells(order: &RunOrder) -> Vec<String> {
    vec![
        order.order.to_string(),
        order.channel_order_id.clone(),
        order.outcome.to_string(),
        or_dash(order.row.as_ref()),
        or_dash(order.code.as_ref()),
        order.message.clone(),
    ]
}

/// The columns of outcomes.
pub(super) const OUTCOME_HEAD: [&str; 6] = ["order", "item", "outcome", "row", "code", "message"];

/// The cells of an outcome.
pub(super) fn outcome_cells(line: &RunLine) -> Vec<String> {
    vec![
        line.order.clone(),
        or_dash(line.item.as_ref()),
        line.outcome.clone(),
        line.row.clone(),
        or_dash(line.code.as_ref()),
        line.message.clone(),
    ]
}
