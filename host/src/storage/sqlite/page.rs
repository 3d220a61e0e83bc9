//! A page: loaded, decided and written in the transaction that the caller opened.

use rusqlite::Connection;

use super::{fault::Fail, lease, load, outbox, save, words};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{Decide, Fence, PageKeys, PageReport, PageResult, StoreError, rows, wanted, words::Before},
};

pub(super) fn apply(
    db: &Connection,
    fence: &Fence,
    keys: &PageKeys,
    decide: Decide,
) -> Result<PageReport, Fail> {
    lease::check(db, fence)?;
    let (tenant, channel) = (&fence.tenant, &fence.channel);
    let state = load::page(db, tenant, channel, keys)?.ok_or_else(|| fence.lost())?;
    let (unchanged, has_webhooks) = (state.unchanged.len(), state.has_webhooks);
    let before = Before::of(&state);
    let result = decide(state);
    write(db, tenant, channel, keys, &result)?;
    words::write(db, tenant, &before.changes(&result.files))?;
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
    decide: Decide,
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
    write(db, tenant, &channel, &keys, &result)?;
    words::write(db, tenant, &before.changes(&result.files))?;
    outbox::tell_page(db, tenant, &keys, (has_webhooks, None), &result)?;
    Ok(PageReport::of(result, 0))
}

pub(super) fn write(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
    result: &PageResult,
) -> Result<(), Fail> {
    let seen = rows::fingerprints(result);
    let rows = rows::Rows::of(&result.files, &rows::shortfalls(&result.changes), &seen, Some(keys.now));
    save::orders(db, tenant, &rows.orders)?;
    save::invoices(db, tenant, &rows.invoices)?;
    save::putaways(db, tenant, &rows.putaways)?;
    save::conflicts(db, tenant, &rows.conflicts)?;
    save::history(db, tenant, &result.changes)?;
    save::unpark(db, tenant, &result.unpark)?;
    let park: Vec<_> = result.park.iter().map(|fact| (channel.clone(), fact.clone())).collect();
    save::parked(db, tenant, &park)?;
    save::stock(db, tenant, &result.ledger.stock)?;
    save::sequences(db, tenant, &result.ledger.sequences)?;
    if let Some(counters) = result.ledger.counters {
        save::counters(db, tenant, counters)?;
    }
    save::seen(db, tenant, channel, &rows::only_seen(result, seen))
}
