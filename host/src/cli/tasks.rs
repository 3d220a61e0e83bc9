//! `tasks`

use std::sync::Arc;

use clap::Args;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    output::{india, length, or_dash},
};
use crate::{
    app::App,
    domain::codes::{ChannelCode, TenantCode},
    plugins::Connector,
    storage::{Counts, LastRun, NewTask, TaskFilter, TaskRow},
};

/// List the recurrent tasks: what they ask, when they run, how the last run went
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync tasks
  statusync tasks --tenant acme --json")]
pub(super) struct Tasks {
    /// Only this tenant's
    #[arg(long)]
    tenant: Option<TenantCode>,
    /// Only this channel's
    #[arg(long)]
    channel: Option<ChannelCode>,
}

impl Tasks {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        if let Some(tenant) = &self.tenant {
            known_tenant(&app, tenant).await?;
        }
        let rows = app.store.tasks(&TaskFilter { tenant: self.tenant, channel: self.channel }).await?;
        let head = [
            "tenant", "channel", "task", "every", "next run", "last run", "took", "result", "fails",
            "counts", "message",
        ];
        let none = "there are no tasks; a channel gets them when it is added and its connector is loaded";
        context.out.list(&rows, &head, cells, none)?;
        Ok(Exit::Ok)
    }
}

fn cells(row: &TaskRow) -> Vec<String> {
    let last = row.last.as_ref();
    let next = match (row.enabled, row.running) {
        (_, Some(run)) => format!("{run} is on"),
        (true, None) => india(row.next_run_at),
        (false, None) => "off".to_owned(),
    };
    vec![
        row.tenant.to_string(),
        row.channel.to_string(),
        row.task.to_string(),
        length(row.interval_ms),
        next,
        or_dash(last.map(|last| india(last.started_at))),
        or_dash(last.map(|last| length(last.duration_ms))),
        or_dash(last.map(|last| last.result)),
        row.consecutive_failures.to_string(),
        or_dash(last.map(|last| counts(&last.counts))),
        or_dash(last.map(|last: &LastRun| last.message.clone())),
    ]
}

/// The outcomes that there were: `3 applied, 1 refused`.
pub(super) fn counts(counts: &Counts) -> String {
    let named = [
        (counts.applied, "applied"),
        (counts.refused, "refused"),
        (counts.conflict, "conflict"),
        (counts.parked, "parked"),
        (counts.ignored, "ignored"),
        (counts.stale, "stale"),
        (counts.unchanged, "unchanged"),
    ];
    let told: Vec<String> = named
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}"))
        .collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

/// Makes the tasks that a channel's connector serves and the channel does not have yet.
pub(super) async fn ensure(
    app: &App,
    tenant: &TenantCode,
    channel: &ChannelCode,
    connector: &Arc<Connector>,
) -> Result<(), Failure> {
    let now = app.clock.now_ms();
    let tasks: Vec<NewTask> =
        connector.descriptor.tasks.iter().map(|task| NewTask::usual(*task, now)).collect();
    Ok(app.store.ensure_tasks(tenant, channel, &tasks).await?)
}
