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
        observed::Observed,
        snapshot::OrderFile,
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
        out.line(&format!("  Channel {} said {}.", change.channel, said_words(said)))?;
    }
    if let Some(waited) = &change.waited {
        let since = waited.since.map_or(String::new(), |at| format!(" since {}", india(at)));
        out.line(&format!("  It had waited{since}: {} [{}]", waited.message, waited.cause))?;
    }
    let rows: Vec<Row> = change.row.split('>').filter_map(row).collect();
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

fn row(id: &str) -> Option<Row> {
    Row::ALL.iter().copied().find(|row| row.as_str() == id.trim())
}

/// `"SHIPPED" (DISPATCHED) of item 111, 15 Jan 2026 15:00 IST`
fn said_words(said: &Observed) -> String {
    let status = said.status.map_or("no status of ours", plugin_api::Status::as_str);
    let status = match &said.raw {
        Some(raw) if raw != status => format!("\"{raw}\" ({status})"),
        _ => status.to_owned(),
    };
    let of = match (&said.item, &said.sku, said.quantity) {
        (Some(item), _, None) => format!("item {item}"),
        (Some(item), _, Some(units)) => format!("{units} in total of item {item}"),
        (None, Some(sku), Some(units)) => format!("{units} in total of {sku}"),
        (None, Some(sku), None) => sku.clone(),
        (None, None, _) => "the whole order".to_owned(),
    };
    let details = [
        ("package", &said.package),
        ("AWB", &said.awb),
        ("courier", &said.courier),
        ("invoice", &said.invoice),
    ];
    let details = details.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    let reason = said.ret.as_ref().and_then(|ret| ret.reason.as_ref());
    let at = said.at.map_or_else(|| "without a time".to_owned(), |at| format!("on {}", india(at)));
    let parts: Vec<String> = std::iter::once(format!("{status} of {of}"))
        .chain(details)
        .chain(reason.map(|reason| format!("because \"{reason}\"")))
        .chain([at])
        .collect();
    parts.join(", ")
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
            said_words(&parked.observation),
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

#[cfg(test)]
mod tests {
    use plugin_api::Status;

    use super::*;
    use crate::domain::time;

    #[test]
    fn what_the_marketplace_said_reads_as_a_sentence() {
        let said = Observed {
            order: "OD1".into(),
            item: Some("111".into()),
            status: Some(Status::Dispatched),
            raw: Some("SHIPPED".into()),
            awb: Some("EK1".into()),
            at: time::parse("2026-01-15T09:30:00Z"),
            ..Observed::default()
        };
        assert_eq!(
            said_words(&said),
            "\"SHIPPED\" (DISPATCHED) of item 111, AWB EK1, on 15 Jan 2026 15:00 IST"
        );
        let units = Observed {
            sku: Some("A".into()),
            quantity: Some(2),
            status: Some(Status::Cancelled),
            ..Observed::default()
        };
        assert_eq!(said_words(&units), "CANCELLED of 2 in total of A, without a time");
    }

    #[test]
    fn a_chain_of_rows_is_read_row_by_row() {
        let rows: Vec<_> = "D1>L2".split('>').filter_map(row).collect();
        assert_eq!(rows, [Row::D1, Row::L2]);
    }
}
