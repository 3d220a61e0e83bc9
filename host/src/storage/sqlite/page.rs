//! A page: loaded, decided and written in the transaction that the caller opened.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::{fault::Fail, lease, load, save};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{Decide, Fence, PageKeys, PageReport, PageResult, StoreError},
};

pub(super) fn apply(
    db: &Connection,
    fence: &Fence,
    keys: &PageKeys,
    decide: Decide,
) -> Result<PageReport, Fail> {
    lease::check(db, fence)?;
    let (tenant, channel) = (&fence.tenant, &fence.channel);
    let state = load::page(db, tenant, channel, keys)?.ok_or_else(|| lease::lost(fence))?;
    let unchanged = state.unchanged.len();
    let result = decide(state);
    write(db, tenant, channel, keys, &result)?;
    if let Some(run) = keys.run {
        save::lines(db, tenant, run, &result.lines)?;
    }
    if let Some((task, mark)) = &result.mark {
        save::mark(db, tenant, channel, *task, mark)?;
    }
    Ok(report(result, unchanged))
}

pub(super) fn edit(
    db: &Connection,
    tenant: &TenantCode,
    order: &OrderCode,
    now: plugin_api::Millis,
    decide: Decide,
) -> Result<PageReport, Fail> {
    let (channel, id) = load::whereabouts(db, tenant, order)?;
    let keys = load::only(id.clone(), now);
    let state = load::page(db, tenant, &channel, &keys)?.ok_or_else(|| {
        StoreError::Contradiction(format!("order {order} is of channel {channel}, which does not exist"))
    })?;
    let mut result = decide(state);
    result.seen = vec![(id, None)];
    write(db, tenant, &channel, &keys, &result)?;
    Ok(report(result, 0))
}

fn report(result: PageResult, unchanged: usize) -> PageReport {
    PageReport { changes: result.changes, lines: result.lines, counts: result.counts, unchanged }
}

fn write(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
    result: &PageResult,
) -> Result<(), Fail> {
    let seen: HashMap<&str, Option<i64>> =
        result.seen.iter().map(|(id, seen)| (id.as_str(), seen.map(u64::cast_signed))).collect();
    let rows = save::Rows::of(&result.files, &save::shortfalls(&result.changes), &seen, Some(keys.now));
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
    let changed: HashSet<&str> =
        result.files.iter().map(|file| file.order.channel_order_id.as_str()).collect();
    let others: Vec<_> = seen.into_iter().filter(|(id, _)| !changed.contains(id)).collect();
    save::seen(db, tenant, channel, &others)
}
