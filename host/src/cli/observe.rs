//! `observe`

use std::path::PathBuf;

use clap::Args;
use plugin_api::Millis;

use super::{
    context::{Context, known_channel},
    exit::{Exit, Failure},
    import::refused,
    output::or_dash,
    runs::OUTCOME_HEAD,
    tasks::counts,
    values::{Moment, instant, moment, text_of},
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    import::read_observations,
    storage::RunResult,
    sync::{Line, ObserveRequest, OutcomeLine},
};

/// Apply observations from a file
#[derive(Debug, Args)]
#[command(after_help = "One JSON object a line; `statusync schema observation` prints its shape. Each line has exactly one outcome.
With --json one line is printed for each line of the file, then those that waited from earlier runs.

Examples:
  statusync observe --tenant acme --channel FK1 seen.jsonl
  statusync observe --tenant acme --channel FK1 --dry-run --json - < seen.jsonl
  statusync observe --tenant acme --channel FK1 --now 2026-01-15T09:30:00Z --since 60d seen.jsonl")]
pub(super) struct Observe {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel that said it
    #[arg(long)]
    channel: ChannelCode,
    /// The time to apply them at, RFC 3339
    #[arg(long, value_parser = instant, value_name = "TIME")]
    now: Option<Millis>,
    /// How far back returns may lie, such as 60d
    #[arg(long, value_parser = moment, value_name = "LENGTH")]
    since: Option<Moment>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The observations; - is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Observe {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        let text = text_of(&self.file)?;
        let lines = read_observations(&text).map_err(|faults| refused(&self.file, &faults))?;
        drop(text);
        let known = known_channel(&app, &self.tenant, &self.channel).await?;
        let registry = app.registry();
        let engine = app.engine(registry.clone())?;
        let now = self.now;
        let request = ObserveRequest {
            tenant: self.tenant,
            channel: self.channel,
            lines: lines
                .into_iter()
                .map(|line| Line { observed: line.observed, answer: line.answer, number: line.number })
                .collect(),
            now,
            since_ms: self.since.map(|since| since.ago(now.unwrap_or_else(|| app.clock.now_ms()))),
            dry_run: self.dry_run,
        };
        let observed = engine.observe(request).await?;
        let told = || observed.lines.iter().chain(&observed.retried);
        if out.is_json {
            for line in told() {
                out.json_line(line)?;
            }
        } else if told().next().is_some() {
            out.table(&OUTCOME_HEAD, told().map(cells))?;
        }
        if observed.result == RunResult::Skipped {
            out.tell(&observed.message);
            if registry.get(&known.connector).is_none() {
                out.tell(&context.searched(&registry, &known.connector)?);
            }
            return Ok(Exit::Blocked);
        }
        let run = observed.run.map_or_else(|| "dry run, nothing was changed".to_owned(), |run| format!("run {run}"));
        let words = format!("{run}: {}: {}; {}", observed.result, observed.message, counts(&observed.counts));
        if observed.result == RunResult::Success { out.say(&words) } else { out.tell(&words) }
        Ok(Exit::of_run(observed.result, None))
    }
}

fn cells(line: &OutcomeLine) -> Vec<String> {
    let waited = if line.retried { " (had waited)" } else { "" };
    vec![
        line.order.clone(),
        or_dash(line.item.as_ref()),
        line.outcome.clone(),
        line.row.clone(),
        or_dash(line.code.as_ref()),
        format!("{}{waited}", line.message),
    ]
}
