//! Reads what a page is about, with the same number of statements for any number of orders.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;

use super::{
    fault::Fail,
    json::{each, first, json, other, record, records},
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, OwnerCode, TenantCode},
        duties::Parked,
        invoice::{Sequence, SequenceKind, UsedNumbers},
        ledger::{Counters, Ledger},
        order::Order,
        snapshot::{Channel, Facility, OrderFile},
        stock::Stock,
    },
    storage::{
        PageKeys, PageState, StoreError,
        wanted::{ByOrder, Wanted, told_numbers},
    },
};

/// The state of a page. `None` if the channel is not known.
pub(super) fn page(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<Option<PageState>, Fail> {
    let Some((channel, (live, has_webhooks), counters)) = channel_state(db, tenant, channel)? else {
        return Ok(None);
    };
    let (orders, unchanged) = orders(db, tenant, &channel.code, keys)?;
    let mut files = HashMap::with_capacity(orders.len());
    for file in with_belongings(db, tenant, orders)? {
        files.insert(file.order.channel_order_id.clone(), file);
    }
    let facilities = facilities(db, tenant)?;
    let waiting = waiting(db, tenant, &channel.code, keys)?;
    let told = told_numbers(keys, &waiting, &files);
    let ledger = ledger(db, tenant, &channel, (keys, &told), files.values(), counters)?;
    Ok(Some(PageState {
        waiting,
        facilities: facilities.into_iter().map(|facility| (facility.code, facility.traceability)).collect(),
        channel,
        live,
        has_webhooks,
        files,
        unchanged,
        ledger,
        counters,
    }))
}

/// A channel, whether its tenant is live and whether it has webhooks, and the tenant's counters.
type Found = (Channel, (bool, bool), Counters);

fn channel_state(db: &Connection, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Found>, Fail> {
    first(
        db,
        "SELECT c.body, live, putaways, conflicts, webhooks > 0 FROM channels c JOIN tenants ON tenants.tenant = c.tenant
         WHERE c.tenant = ?1 AND c.code = ?2",
        params![tenant.as_str(), channel.as_str()],
        |row| {
            let counters = Counters {
                putaways: row.get::<_, i64>(2)?.unsigned_abs(),
                conflicts: row.get::<_, i64>(3)?.unsigned_abs(),
            };
            let flags = (row.get(1)?, row.get(4)?);
            Ok((record("channel", row.get_ref(0)?.as_str().map_err(other)?)?, flags, counters))
        },
    )
}

/// The orders that are not unchanged, and the marketplace's ids of those that are.
fn orders(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<(Vec<Order>, Vec<String>), Fail> {
    let asked: Vec<(&str, Option<i64>)> =
        keys.orders.iter().map(|(id, seen)| (id.as_str(), seen.map(u64::cast_signed))).collect();
    let (mut orders, mut unchanged) = (Vec::new(), Vec::new());
    each(
        db,
        "SELECT o.channel_order_id,
                CASE WHEN o.seen = k.value ->> 1
                      AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.tenant = o.tenant
                                      AND p.channel = o.channel AND p.channel_order_id = o.channel_order_id)
                     THEN NULL ELSE o.body END
         FROM jsonb_each(?3) k CROSS JOIN orders o
           ON o.tenant = ?1 AND o.channel = ?2 AND o.channel_order_id = k.value ->> 0",
        params![tenant.as_str(), channel.as_str(), json(&asked)?],
        |row| {
            match row.get_ref(1)?.as_str_or_null().map_err(other)? {
                Some(body) => orders.push(record("order", body)?),
                None => unchanged.push(row.get(0)?),
            }
            Ok(())
        },
    )?;
    Ok((orders, unchanged))
}

/// Orders with their invoices, putaways and conflicts.
pub(super) fn with_belongings(
    db: &Connection,
    tenant: &TenantCode,
    orders: Vec<Order>,
) -> Result<Vec<OrderFile>, Fail> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let codes = json(&orders.iter().map(|order| order.code.as_str()).collect::<Vec<_>>())?;
    let invoices = by_order(
        db,
        tenant,
        "invoice",
        "SELECT b.order_code, b.body FROM json_each(?2) k CROSS JOIN invoices b INDEXED BY invoices_by_order
           ON b.tenant = ?1 AND b.order_code = k.value",
        &codes,
    )?;
    let putaways = by_order(
        db,
        tenant,
        "putaway",
        "SELECT b.order_code, b.body FROM json_each(?2) k CROSS JOIN putaways b INDEXED BY putaways_by_order
           ON b.tenant = ?1 AND b.order_code = k.value",
        &codes,
    )?;
    let conflicts = by_order(
        db,
        tenant,
        "conflict",
        "SELECT b.order_code, b.body FROM json_each(?2) k CROSS JOIN conflicts b INDEXED BY conflicts_by_order
           ON b.tenant = ?1 AND b.order_code = k.value",
        &codes,
    )?;
    Ok(ByOrder { invoices, putaways, conflicts }.join(orders))
}

fn by_order<T: DeserializeOwned>(
    db: &Connection,
    tenant: &TenantCode,
    what: &str,
    sql: &str,
    codes: &str,
) -> Result<HashMap<String, Vec<T>>, Fail> {
    let mut found: HashMap<String, Vec<T>> = HashMap::new();
    each(db, sql, params![tenant.as_str(), codes], |row| {
        let belonging = record(what, row.get_ref(1)?.as_str().map_err(other)?)?;
        found.entry(row.get(0)?).or_default().push(belonging);
        Ok(())
    })?;
    Ok(found)
}

fn waiting(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<HashMap<String, Vec<(i64, Parked)>>, Fail> {
    let ids: Vec<&str> = keys.orders.iter().map(|(id, _)| id.as_str()).collect();
    let mut waiting: HashMap<String, Vec<(i64, Parked)>> = HashMap::new();
    each(
        db,
        "SELECT p.channel_order_id, p.id, p.body FROM json_each(?3) k CROSS JOIN parked p INDEXED BY parked_by_order
           ON p.tenant = ?1 AND p.channel = ?2 AND p.channel_order_id = k.value
         ORDER BY p.id",
        params![tenant.as_str(), channel.as_str(), json(&ids)?],
        |row| {
            let parked = record("parked fact", row.get_ref(2)?.as_str().map_err(other)?)?;
            waiting.entry(row.get(0)?).or_default().push((row.get(1)?, parked));
            Ok(())
        },
    )?;
    Ok(waiting)
}

/// The orders of items, by the marketplace's ids.
pub(super) fn orders_of_items(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    items: &[String],
) -> Result<BTreeMap<String, String>, Fail> {
    let found = each(
        db,
        "SELECT i.channel_item_id, i.channel_order_id FROM json_each(?3) k CROSS JOIN order_items i
           ON i.tenant = ?1 AND i.channel = ?2 AND i.channel_item_id = k.value",
        params![tenant.as_str(), channel.as_str(), json(items)?],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(found.into_iter().collect())
}

pub(super) fn facilities(db: &Connection, tenant: &TenantCode) -> Result<Vec<Facility>, Fail> {
    records(db, "facility", "SELECT body FROM facilities WHERE tenant = ?1 ORDER BY code", [tenant.as_str()])
}

pub(super) fn sequences(db: &Connection, tenant: &TenantCode) -> Result<Vec<Sequence>, Fail> {
    records(
        db,
        "sequence",
        "SELECT body FROM sequences WHERE tenant = ?1 ORDER BY owner, kind",
        [tenant.as_str()],
    )
}

/// Reads a stock row whose columns begin with facility and SKU.
pub(super) fn stock_row(row: &rusqlite::Row<'_>) -> Result<Stock, Fail> {
    let mut stock = Stock {
        facility: row.get::<_, String>(0)?.into(),
        sku: row.get::<_, String>(1)?.into(),
        on_hand: row.get(2)?,
        blocked: row.get(3)?,
        shortfall: row.get(4)?,
        available: 0,
    };
    stock.available = stock.available();
    Ok(stock)
}

fn ledger<'a>(
    db: &Connection,
    tenant: &TenantCode,
    channel: &'a Channel,
    (keys, told): (&'a PageKeys, &BTreeSet<&str>),
    files: impl Iterator<Item = &'a OrderFile>,
    counters: Counters,
) -> Result<Ledger, Fail> {
    let mut wanted = Wanted::by(channel, files);
    wanted.places.extend(keys.stock.iter().map(|(facility, sku)| (facility, sku)));
    let places: Vec<(&str, &str)> =
        wanted.places.iter().map(|(at, sku)| (at.as_str(), sku.as_str())).collect();
    let stock = each(
        db,
        "SELECT s.facility, s.sku, s.on_hand, s.blocked, s.shortfall FROM jsonb_each(?2) k CROSS JOIN stock s
           ON s.tenant = ?1 AND s.facility = k.value ->> 0 AND s.sku = k.value ->> 1",
        params![tenant.as_str(), json(&places)?],
        stock_row,
    )?;
    let sequences = sequences(db, tenant)?;
    let used = used_numbers(db, tenant, &wanted.numbers(channel, (keys.now, told), &sequences))?;
    Ok(Ledger::new(stock, sequences, used, counters))
}

/// Which of the numbers that may be given on this page were given before, and maybe others between them: a series is asked
/// for as a few ranges. Numbers of one length stand in the order of their text.
fn used_numbers(
    db: &Connection,
    tenant: &TenantCode,
    asked: &[(&str, SequenceKind, String, String)],
) -> Result<UsedNumbers, Fail> {
    let mut ranges: BTreeMap<(&str, &str, &str, usize), (&str, &str)> = BTreeMap::new();
    for (owner, kind, year, number) in asked {
        let range = ranges.entry((owner, kind.as_str(), year, number.len())).or_insert((number, number));
        *range = (range.0.min(number), range.1.max(number));
    }
    if ranges.is_empty() {
        return Ok(HashSet::new());
    }
    let ranges: Vec<_> = ranges.into_iter().collect();
    let used = each(
        db,
        "SELECT i.owner, i.kind, i.financial_year, i.number FROM jsonb_each(?2) k CROSS JOIN invoices i
           ON i.tenant = ?1 AND i.owner = k.value ->> '$[0][0]' AND i.kind = k.value ->> '$[0][1]'
          AND i.financial_year = k.value ->> '$[0][2]'
          AND i.number BETWEEN k.value ->> '$[1][0]' AND k.value ->> '$[1][1]'",
        params![tenant.as_str(), json(&ranges)?],
        |row| {
            let kind = row.get_ref(1)?;
            let kind = super::json::state("kind", kind.as_str().map_err(other)?, SequenceKind::parse)?;
            Ok((OwnerCode::from(row.get::<_, String>(0)?), kind, row.get(2)?, row.get::<_, String>(3)?))
        },
    )?;
    Ok(used.into_iter().collect())
}

/// The channel and the marketplace's id of an order.
pub(super) fn whereabouts(
    db: &Connection,
    tenant: &TenantCode,
    order: &OrderCode,
) -> Result<(ChannelCode, String), Fail> {
    first(
        db,
        "SELECT channel, channel_order_id FROM orders WHERE tenant = ?1 AND code = ?2",
        params![tenant.as_str(), order.as_str()],
        |row| Ok((ChannelCode::from(row.get::<_, String>(0)?), row.get(1)?)),
    )?
    .ok_or_else(|| StoreError::NotFound(format!("order {order} of tenant {tenant}")).into())
}
