//! `tasks`, `tasks set`

use clap::{Args, Subcommand};
use plugin_api::{Millis, Task};

use super::{
    context::{Context, known_channel, known_tenant},
    exit::{Exit, Failure},
    output::{india, length, or_dash},
    values::{self, task},
};
use crate::{
    app::App,
    channels,
    domain::{
        codes::{ChannelCode, TenantCode},
        snapshot::Channel,
    },
    plugins::Connector,
    storage::{Counts, LastRun, TaskEdit, TaskFilter, TaskRow},
};

/// List the recurrent tasks: what they ask, when they run, how the last run went
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync tasks
  statusync tasks --tenant acme --json
  statusync tasks set --tenant acme --channel FK1 --task status --every 5m")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Tasks {
    #[command(subcommand)]
    command: Option<TasksCommand>,
    /// Only this tenant's
    #[arg(long)]
    tenant: Option<TenantCode>,
    /// Only this channel's
    #[arg(long)]
    channel: Option<ChannelCode>,
}

#[derive(Debug, Subcommand)]
enum TasksCommand {
    Set(Set),
}

/// Change how often a task runs, how far it looks back, whether the timer runs it, or run it now
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync tasks set --tenant acme --channel FK1 --task status --every 5m
  statusync tasks set --tenant acme --channel FK1 --task returns --window 45d
  statusync tasks set --tenant acme --channel FK1 --task delivery --off")]
struct Set {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel
    #[arg(long)]
    channel: ChannelCode,
    /// status, pending, delivery or returns
    #[arg(long, value_parser = task)]
    task: Task,
    /// How often, such as 10m or 1d
    #[arg(long, value_parser = values::span)]
    every: Option<Millis>,
    /// How far returns are looked back for, such as 30d
    #[arg(long, value_parser = values::span)]
    window: Option<Millis>,
    /// Let the timer run it
    #[arg(long, conflicts_with = "off")]
    on: bool,
    /// Do not let the timer run it
    #[arg(long)]
    off: bool,
    /// Due at once
    #[arg(long)]
    now: bool,
}

impl Set {
    async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        known_channel(&app, &self.tenant, &self.channel).await?;
        let now = app.clock.now_ms();
        let edit = TaskEdit {
            interval_ms: self.every,
            enabled: (self.on || self.off).then_some(self.on),
            window_ms: self.window,
            // A shorter interval counts from now on, not only after the next run.
            next_run_at: if self.now { Some(now) } else { self.every.map(|every| now + every) },
        };
        app.store.set_task(&self.tenant, &self.channel, self.task, edit).await?;
        context.out.say(&format!("task {} of channel {} is changed", self.task, self.channel));
        Ok(Exit::Ok)
    }
}

impl Tasks {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        if let Some(TasksCommand::Set(set)) = self.command {
            return set.run(context).await;
        }
        let app = context.open()?;
        if let Some(tenant) = &self.tenant {
            known_tenant(&app, tenant).await?;
        }
        let mut rows = app.store.tasks(&TaskFilter { tenant: self.tenant, channel: self.channel }).await?;
        let now = app.clock.now_ms();
        // What is late comes first, the latest of all at the top; the rest keeps its order.
        rows.sort_by_key(|row| std::cmp::Reverse(row.lateness_ms(now).unwrap_or(0)));
        let head = [
            "tenant",
            "channel",
            "task",
            "every",
            "next run",
            "data as of",
            "last run",
            "took",
            "result",
            "fails",
            "counts",
            "message",
        ];
        let cells = |row: &TaskRow| cells(row, now);
        let none = "there are no tasks; a channel gets them when it is added and its connector is loaded";
        context.out.list(&rows, &head, cells, none)?;
        Ok(Exit::Ok)
    }
}

fn cells(row: &TaskRow, now: Millis) -> Vec<String> {
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
        as_of(row, now),
        or_dash(last.map(|last| india(last.started_at))),
        or_dash(last.map(|last| length(last.duration_ms))),
        or_dash(last.map(|last| last.result)),
        row.consecutive_failures.to_string(),
        or_dash(last.map(|last| counts(&last.counts))),
        or_dash(last.map(|last: &LastRun| last.message.clone())),
    ]
}

/// How old what we know is: `4min`, with a word if that is more than it should be.
fn as_of(row: &TaskRow, now: Millis) -> String {
    let Some(complete_until) = row.complete_until else { return "never".to_owned() };
    let age = length((now - complete_until).max(0));
    if row.lateness_ms(now).is_some() { format!("{age} ago, late") } else { format!("{age} ago") }
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

/// Seals the secrets among a channel's settings.
pub(super) async fn seal(
    app: &App,
    tenant: &TenantCode,
    channel: Channel,
    connector: &Connector,
) -> Result<(), Failure> {
    Ok(channels::seal(&*app.store, tenant, channel, connector).await?)
}

/// Makes the tasks that a channel's connector serves and the channel does not have yet.
pub(super) async fn ensure(
    app: &App,
    tenant: &TenantCode,
    channel: &ChannelCode,
    connector: &Connector,
) -> Result<(), Failure> {
    Ok(channels::ensure_tasks(&*app.store, app.clock.now_ms(), tenant, channel, connector).await?)
}
