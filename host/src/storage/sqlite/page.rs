//! A page: loaded and decided as a draft, beside the writer if nothing it rests on changes meanwhile, and written in the
//! transaction that the caller opened.

use rusqlite::Connection;

use super::{fault::Fail, json::json, load, outbox, save, words};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{
        Decide, Edit, Fence, PageKeys, PageReport, PageResult, StoreError, rows, wanted, words::Before,
    },
};

/// A page that is decided, in the form in which it is written.
pub(super) struct Draft {
    result: PageResult,
    written: Written,
    unchanged: usize,
    has_webhooks: bool,
}

/// Loads a page and decides it.
pub(super) fn draft(db: &Connection, fence: &Fence, keys: &PageKeys, decide: &Decide) -> Result<Draft, Fail> {
    let state = load::page(db, &fence.tenant, &fence.channel, keys)?.ok_or_else(|| fence.lost())?;
    let (unchanged, has_webhooks) = (state.unchanged.len(), state.has_webhooks);
    let before = Before::of(&state);
    let result = decide(state);
    let written = Written::of((&fence.channel, keys), &before, &result)?;
    Ok(Draft { result, written, unchanged, has_webhooks })
}

/// Writes a draft that rests on what is still so.
pub(super) fn apply(
    db: &Connection,
    fence: &Fence,
    keys: &PageKeys,
    draft: Draft,
) -> Result<PageReport, Fail> {
    let Draft { result, written, unchanged, has_webhooks } = draft;
    let (tenant, channel) = (&fence.tenant, &fence.channel);
    written.write(db, tenant, channel, &result)?;
    if let Some(run) = keys.run {
        save::lines(db, tenant, run, &result.lines)?;
        save::counts(db, tenant, run, &result.counts)?;
    }
    if let Some((task, mark)) = &result.mark {
        save::mark(db, tenant, channel, *task, mark)?;
    }
    outbox::tell_page(db, tenant, keys, (has_webhooks, None), &result)?;
    Ok(PageReport::of(result, unchanged))
}

pub(super) fn edit(
    db: &Connection,
    tenant: &TenantCode,
    order: &OrderCode,
    now: plugin_api::Millis,
    decide: Edit,
) -> Result<PageReport, Fail> {
    let (channel, id) = load::whereabouts(db, tenant, order)?;
    let keys = wanted::only(id.clone(), now);
    let state = load::page(db, tenant, &channel, &keys)?.ok_or_else(|| {
        StoreError::Contradiction(format!("order {order} is of channel {channel}, which does not exist"))
    })?;
    let has_webhooks = state.has_webhooks;
    let before = Before::of(&state);
    let mut result = decide(state);
    result.seen = vec![(id, None)];
    write(db, tenant, (&channel, &keys), &before, &result)?;
    outbox::tell_page(db, tenant, &keys, (has_webhooks, None), &result)?;
    Ok(PageReport::of(result, 0))
}

pub(super) fn write(
    db: &Connection,
    tenant: &TenantCode,
    (channel, keys): (&ChannelCode, &PageKeys),
    before: &Before,
    result: &PageResult,
) -> Result<(), Fail> {
    Written::of((channel, keys), before, result)?.write(db, tenant, channel, result)
}

/// What a decision changes, ready to be written.
struct Written {
    batches: [save::Batch; 10],
    /// The list of fingerprints of orders that did not change otherwise.
    seen: Option<String>,
}

impl Written {
    fn of(
        (channel, keys): (&ChannelCode, &PageKeys),
        before: &Before,
        result: &PageResult,
    ) -> Result<Written, Fail> {
        let seen = rows::fingerprints(result);
        let rows = rows::Rows::of(&result.files, &rows::shortfalls(&result.changes), &seen, Some(keys.now));
        let park: Vec<_> = result.park.iter().map(|fact| (channel.clone(), fact.clone())).collect();
        let words = before.changes(&result.files);
        let batches = [
            words::gone(&words)?,
            words::new(&words)?,
            save::orders(&rows.orders)?,
            save::invoices(&rows.invoices)?,
            save::putaways(&rows.putaways)?,
            save::conflicts(&rows.conflicts)?,
            save::history(&result.changes)?,
            save::parked(&park)?,
            save::stock(&result.ledger.stock)?,
            save::sequences(&result.ledger.sequences)?,
        ];
        let seen = rows::only_seen(result, seen);
        let seen = if seen.is_empty() { None } else { Some(json(&seen)?) };
        Ok(Written { batches, seen })
    }

    fn write(
        &self,
        db: &Connection,
        tenant: &TenantCode,
        channel: &ChannelCode,
        result: &PageResult,
    ) -> Result<(), Fail> {
        save::unpark(db, tenant, &result.unpark)?;
        for batch in &self.batches {
            batch.write(db, tenant)?;
        }
        if let Some(counters) = result.ledger.counters {
            save::counters(db, tenant, counters)?;
        }
        self.seen.as_ref().map_or(Ok(()), |seen| save::seen(db, tenant, channel, seen))
    }
}
