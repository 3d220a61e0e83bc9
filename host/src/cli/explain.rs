//! `order explain`: an order's story, to be read aloud.

use serde_json::json;

use super::{
    context::Context,
    exit::Failure,
    order::{file_json, heading},
    output::{Out, india},
};
use crate::{
    app::App,
    domain::{
        apply::{Code, Row},
        codes::TenantCode,
        effect::Change,
        snapshot::OrderFile,
        zone::Zone,
    },
    storage::{ParkedFilter, ParkedRow},
};

/// The most facts that are shown as waiting for one order.
const WAITING_SHOWN: u32 = 100;

/// Tells an order's story: each change, then what is open.
pub(super) async fn explain(
    context: &Context,
    app: &App,
    tenant: &TenantCode,
    file: &OrderFile,
) -> Result<(), Failure> {
    let out = context.out;
    let order = &file.order;
    let history = app.store.history(tenant, &order.code).await?;
    let filter = ParkedFilter {
        channel: Some(order.channel.clone()),
        channel_order_id: Some(order.channel_order_id.clone()),
    };
    let waiting = app.store.parked(tenant, &filter, None, WAITING_SHOWN).await?;
    if out.is_json {
        let mut document = file_json(file);
        document["history"] = json!(history);
        document["waiting"] = json!(waiting);
        return out.json(&document);
    }
    out.line(&heading(file))?;
    if history.is_empty() {
        out.line("\nNothing has changed it here: it is as it was imported.")?;
    }
    for change in &history {
        tell(out, change)?;
    }
    open_matters(out, file, &waiting)
}

fn tell(out: Out, change: &Change) -> Result<(), Failure> {
    out.line(&format!("\n{}", india(change.at)))?;
    if let Some(said) = &change.observation {
        out.line(&format!("  Channel {} said {}.", change.channel, said.words(&Zone::default())))?;
    }
    if let Some(waited) = &change.waited {
        let since = waited.since.map_or(String::new(), |at| format!(" since {}", india(at)));
        out.line(&format!("  It had waited{since}: {} [{}]", waited.message, waited.cause))?;
    }
    let rows = Row::chain(&change.row);
    for row in &rows {
        out.line(&format!("  Rule {row}: {}", row.sentence()))?;
    }
    if rows.iter().all(|row| row.sentence() != change.message) {
        let code = change.code.as_ref().map_or(String::new(), |code| format!(" [{code}]"));
        out.line(&format!("  {}{code}", change.message))?;
    }
    for effect in &change.effects {
        out.line(&format!("    {effect}"))?;
    }
    let by = if change.run.starts_with('R') { format!("run {}", change.run) } else { change.run.clone() };
    out.line(&format!("  By {by}, with connector {}.", change.connector))
}

fn open_matters(out: Out, file: &OrderFile, waiting: &[ParkedRow]) -> Result<(), Failure> {
    let remedy = |cause: &str| Code::parse(cause).map_or("", Code::remedy);
    let conflicts: Vec<_> = file.conflicts.iter().filter(|conflict| conflict.open).collect();
    if !conflicts.is_empty() {
        out.line("\nA person has to decide:")?;
    }
    for conflict in conflicts {
        out.line(&format!("  {}: {}. {}", conflict.code, conflict.message, remedy(&conflict.cause)))?;
    }
    if !waiting.is_empty() {
        out.line("\nWaits to be applied:")?;
    }
    for ParkedRow { parked, .. } in waiting {
        let since = parked.seen_at.map_or(String::new(), |at| format!(", since {}", india(at)));
        out.line(&format!(
            "  {}{since}: {}. {}",
            parked.observation.words(&Zone::default()),
            parked.message,
            remedy(&parked.cause)
        ))?;
    }
    if !file.order.attention.is_empty() {
        out.line("\nNeeds a person's eye:")?;
    }
    for sentence in &file.order.attention {
        out.line(&format!("  {sentence}"))?;
    }
    Ok(())
}
