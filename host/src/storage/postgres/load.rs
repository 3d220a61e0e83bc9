//! Reads what a page is about, with the same number of statements for any number of orders.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::de::DeserializeOwned;
use sqlx::{Row as _, postgres::PgRow};

use super::{
    connections::Tx,
    fault::Fail,
    statement::{body, count, each, first, records, state, text, with},
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        duties::Parked,
        invoice::{Sequence, SequenceKind, UsedNumbers},
        ledger::{Counters, Ledger},
        order::Order,
        snapshot::{Channel, Facility, OrderFile},
        stock::Stock,
    },
    storage::{
        PageKeys, PageState, StoreError,
        record::record,
        wanted::{ByOrder, Wanted, told_numbers},
    },
};

/// The state of a page. `None` if the channel is not known.
pub(super) async fn page(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<Option<PageState>, Fail> {
    let Some((channel, (live, has_webhooks), counters)) = channel_state(db, tenant, channel).await? else {
        return Ok(None);
    };
    let (orders, unchanged) = orders(db, tenant, &channel.code, keys).await?;
    let mut files = HashMap::with_capacity(orders.len());
    for file in with_belongings(db, tenant, orders).await? {
        files.insert(file.order.channel_order_id.clone(), file);
    }
    let facilities = facilities(db, tenant).await?;
    let waiting = waiting(db, tenant, &channel.code, keys).await?;
    let told = told_numbers(keys, &waiting, &files);
    let ledger = ledger(db, tenant, &channel, (keys, &told), &files, counters).await?;
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

async fn channel_state(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<Option<Found>, Fail> {
    first(
        db,
        "SELECT c.body, t.live, t.putaways, t.conflicts, t.webhooks > 0 FROM channels c JOIN tenants t ON t.tenant = c.tenant
         WHERE c.tenant = $1 AND c.code = $2",
        with![tenant.as_str(), channel.as_str()],
        |row| {
            let counters = Counters { putaways: count(row, 2)?, conflicts: count(row, 3)? };
            Ok((body(row, 0, "channel")?, (row.try_get(1)?, row.try_get(4)?), counters))
        },
    )
    .await
}

/// The orders that are not unchanged, and the marketplace's ids of those that are.
async fn orders(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<(Vec<Order>, Vec<String>), Fail> {
    let ids: Vec<&str> = keys.orders.iter().map(|(id, _)| id.as_str()).collect();
    let seen: Vec<Option<i64>> = keys.orders.iter().map(|(_, seen)| seen.map(u64::cast_signed)).collect();
    let (mut orders, mut unchanged) = (Vec::new(), Vec::new());
    each(
        db,
        "SELECT o.channel_order_id,
                CASE WHEN o.seen = k.seen
                      AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.tenant = o.tenant
                                      AND p.channel = o.channel AND p.channel_order_id = o.channel_order_id)
                     THEN NULL ELSE o.body END
         FROM unnest($3::text[], $4::bigint[]) AS k(id, seen) JOIN orders o
           ON o.tenant = $1 AND o.channel = $2 AND o.channel_order_id = k.id",
        with![tenant.as_str(), channel.as_str(), ids, seen],
        |row| {
            match row.try_get::<Option<&str>, _>(1)? {
                Some(body) => orders.push(record("order", body)?),
                None => unchanged.push(text(row, 0)?),
            }
            Ok(())
        },
    )
    .await?;
    Ok((orders, unchanged))
}

/// Orders with their invoices, putaways and conflicts.
pub(super) async fn with_belongings(
    db: &mut Tx,
    tenant: &TenantCode,
    orders: Vec<Order>,
) -> Result<Vec<OrderFile>, Fail> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let codes: Vec<&str> = orders.iter().map(|order| order.code.as_str()).collect();
    let invoices = by_order(
        db,
        tenant,
        "invoice",
        "SELECT b.order_code, b.body FROM unnest($2::text[]) AS k(code)
         JOIN invoices b ON b.tenant = $1 AND b.order_code = k.code
         ORDER BY b.owner, b.kind, b.financial_year, b.number",
        &codes,
    )
    .await?;
    let putaways = by_order(
        db,
        tenant,
        "putaway",
        "SELECT b.order_code, b.body FROM unnest($2::text[]) AS k(code)
         JOIN putaways b ON b.tenant = $1 AND b.order_code = k.code",
        &codes,
    )
    .await?;
    let conflicts = by_order(
        db,
        tenant,
        "conflict",
        "SELECT b.order_code, b.body FROM unnest($2::text[]) AS k(code)
         JOIN conflicts b ON b.tenant = $1 AND b.order_code = k.code",
        &codes,
    )
    .await?;
    Ok(ByOrder { invoices, putaways, conflicts }.join(orders))
}

async fn by_order<T: DeserializeOwned>(
    db: &mut Tx,
    tenant: &TenantCode,
    what: &str,
    sql: &'static str,
    codes: &[&str],
) -> Result<HashMap<String, Vec<T>>, Fail> {
    let mut found: HashMap<String, Vec<T>> = HashMap::new();
    each(db, sql, with![tenant.as_str(), codes], |row| {
        let belonging = body(row, 1, what)?;
        found.entry(text(row, 0)?).or_default().push(belonging);
        Ok(())
    })
    .await?;
    Ok(found)
}

async fn waiting(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
) -> Result<HashMap<String, Vec<(i64, Parked)>>, Fail> {
    let ids: Vec<&str> = keys.orders.iter().map(|(id, _)| id.as_str()).collect();
    let mut waiting: HashMap<String, Vec<(i64, Parked)>> = HashMap::new();
    each(
        db,
        "SELECT p.channel_order_id, p.id, p.body FROM unnest($3::text[]) AS k(id)
         JOIN parked p ON p.tenant = $1 AND p.channel = $2 AND p.channel_order_id = k.id
         ORDER BY p.id",
        with![tenant.as_str(), channel.as_str(), ids],
        |row| {
            let parked = body(row, 2, "parked fact")?;
            waiting.entry(text(row, 0)?).or_default().push((row.try_get(1)?, parked));
            Ok(())
        },
    )
    .await?;
    Ok(waiting)
}

/// The orders of items, by the marketplace's ids.
pub(super) async fn orders_of_items(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    items: &[String],
) -> Result<BTreeMap<String, String>, Fail> {
    let found = each(
        db,
        "SELECT i.channel_item_id, i.channel_order_id FROM unnest($3::text[]) AS k(id)
         JOIN order_items i ON i.tenant = $1 AND i.channel = $2 AND i.channel_item_id = k.id",
        with![tenant.as_str(), channel.as_str(), items],
        |row| Ok((text(row, 0)?, text(row, 1)?)),
    );
    Ok(found.await?.into_iter().collect())
}

pub(super) async fn facilities(db: &mut Tx, tenant: &TenantCode) -> Result<Vec<Facility>, Fail> {
    let sql = "SELECT body FROM facilities WHERE tenant = $1 ORDER BY code";
    records(db, "facility", sql, with![tenant.as_str()]).await
}

pub(super) async fn sequences(db: &mut Tx, tenant: &TenantCode) -> Result<Vec<Sequence>, Fail> {
    let sql = "SELECT body FROM sequences WHERE tenant = $1 ORDER BY owner, kind";
    records(db, "sequence", sql, with![tenant.as_str()]).await
}

/// Reads a stock row whose columns begin with facility and SKU.
pub(super) fn stock_row(row: &PgRow) -> Result<Stock, Fail> {
    let mut stock = Stock {
        facility: text(row, 0)?,
        sku: text(row, 1)?,
        on_hand: row.try_get(2)?,
        blocked: row.try_get(3)?,
        shortfall: row.try_get(4)?,
        available: 0,
    };
    stock.available = stock.available();
    Ok(stock)
}

async fn ledger(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &Channel,
    (keys, told): (&PageKeys, &BTreeSet<&str>),
    files: &HashMap<String, OrderFile>,
    counters: Counters,
) -> Result<Ledger, Fail> {
    let mut wanted = Wanted::by(channel, files.values());
    wanted.places.extend(keys.stock.iter().map(|(facility, sku)| (facility, sku)));
    let (facilities, skus): (Vec<&str>, Vec<&str>) =
        wanted.places.iter().map(|(at, sku)| (at.as_str(), sku.as_str())).unzip();
    let stock = each(
        db,
        "SELECT s.facility, s.sku, s.on_hand, s.blocked, s.shortfall
         FROM unnest($2::text[], $3::text[]) AS k(facility, sku)
         JOIN stock s ON s.tenant = $1 AND s.facility = k.facility AND s.sku = k.sku",
        with![tenant.as_str(), facilities, skus],
        stock_row,
    )
    .await?;
    let sequences = sequences(db, tenant).await?;
    let used = used_numbers(db, tenant, &wanted.numbers(channel, (keys.now, told), &sequences)).await?;
    Ok(Ledger::new(stock, sequences, used, counters))
}

/// Which of the numbers that may be given on this page were given before.
async fn used_numbers(
    db: &mut Tx,
    tenant: &TenantCode,
    asked: &[(&str, SequenceKind, String, String)],
) -> Result<UsedNumbers, Fail> {
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let owners: Vec<&str> = asked.iter().map(|(owner, ..)| *owner).collect();
    let kinds: Vec<&str> = asked.iter().map(|(_, kind, ..)| kind.as_str()).collect();
    let years: Vec<&str> = asked.iter().map(|(_, _, year, _)| year.as_str()).collect();
    let numbers: Vec<&str> = asked.iter().map(|(.., number)| number.as_str()).collect();
    let used = each(
        db,
        "SELECT i.owner, i.kind, i.financial_year, i.number
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k(owner, kind, year, number)
         JOIN invoices i ON i.tenant = $1 AND i.owner = k.owner AND i.kind = k.kind
           AND i.financial_year = k.year AND i.number = k.number",
        with![tenant.as_str(), owners, kinds, years, numbers],
        |row| Ok((text(row, 0)?, state(row, 1, "kind", SequenceKind::parse)?, text(row, 2)?, text(row, 3)?)),
    );
    Ok(used.await?.into_iter().collect())
}

/// The channel and the marketplace's id of an order.
pub(super) async fn whereabouts(
    db: &mut Tx,
    tenant: &TenantCode,
    order: &OrderCode,
) -> Result<(ChannelCode, String), Fail> {
    first(
        db,
        "SELECT channel, channel_order_id FROM orders WHERE tenant = $1 AND code = $2",
        with![tenant.as_str(), order.as_str()],
        |row| Ok((text(row, 0)?, text(row, 1)?)),
    )
    .await?
    .ok_or_else(|| StoreError::NotFound(format!("order {order} of tenant {tenant}")).into())
}
