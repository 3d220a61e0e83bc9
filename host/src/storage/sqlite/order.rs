//! Reading orders and what belongs to them, for people and for tasks that ask by id.

use std::fmt::Write as _;

use plugin_api::Millis;
use rusqlite::{Connection, Row, params, params_from_iter, types::Value};

use super::{
    fault::Fail,
    json::{each, first, json, other, record, records, state},
    load, words,
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        effect::Change,
        order::{ItemStatus, Order, OrderStatus},
        snapshot::OrderFile,
    },
    storage::{
        ConflictRow, ItemCount, NamedOrder, OrderFilter, OrderRow, OrderStage, ParkedFilter, ParkedRow,
        PutawayRow, ToAsk,
        lists::the_only,
        search::{Ask, Search},
        words::Needles,
    },
};

/// Whether facts wait at all.
pub(super) fn has_waiting(db: &Connection, tenant: &TenantCode, channel: &ChannelCode) -> Result<bool, Fail> {
    let sql = "SELECT 1 FROM parked WHERE tenant = ?1 AND channel = ?2 LIMIT 1";
    Ok(first(db, sql, params![tenant.as_str(), channel.as_str()], |_| Ok(()))?.is_some())
}

pub(super) fn waiting(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, Fail> {
    each(
        db,
        "SELECT DISTINCT channel_order_id FROM parked p
         WHERE tenant = ?1 AND channel = ?2 AND channel_order_id > ?3
           AND (cause <> 'UNKNOWN_ORDER' OR EXISTS (SELECT 1 FROM orders o WHERE o.tenant = p.tenant
                AND o.channel = p.channel AND o.channel_order_id = p.channel_order_id))
         ORDER BY channel_order_id LIMIT ?4",
        params![tenant.as_str(), channel.as_str(), after.unwrap_or(""), limit],
        |row| Ok(row.get(0)?),
    )
}

pub(super) fn matching_refs(
    db: &Connection,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<ToAsk>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, |_, order| Ok(ToAsk::of(order)));
    }
    let sql = format!("SELECT body FROM orders o WHERE {} ORDER BY code LIMIT ?9", condition(filter));
    let asked = params_from_iter(values(tenant, filter, after, limit.into()));
    Ok(records(db, "order", &sql, asked)?.into_iter().map(ToAsk::of).collect())
}

pub(super) fn matching(
    db: &Connection,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<NamedOrder>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, |_, order| Ok(NamedOrder::of(order)));
    }
    let sql = format!(
        "SELECT code, channel, channel_order_id FROM orders o WHERE {} ORDER BY code LIMIT ?9",
        condition(filter)
    );
    each(db, &sql, params_from_iter(values(tenant, filter, after, limit.into())), named_order)
}

fn named_order(row: &Row<'_>) -> Result<NamedOrder, Fail> {
    Ok(NamedOrder {
        code: row.get::<_, String>(0)?.into(),
        channel: row.get::<_, String>(1)?.into(),
        channel_order_id: row.get(2)?,
    })
}

pub(super) fn count(db: &Connection, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64, Fail> {
    let (condition, asked) = with_words(tenant, filter, None, i64::MAX);
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM orders o WHERE {condition} LIMIT ?9)");
    Ok(first(db, &sql, params_from_iter(asked), |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or(0).unsigned_abs())
}

/// What must hold for orders `o` of a whole filter, with its values.
fn with_words(
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: i64,
) -> (String, Vec<Value>) {
    let (mut sql, mut given) = (condition(filter), Vec::from(values(tenant, filter, after, limit)));
    for span in Needles::of(filter).spans() {
        let at = given.len();
        let (from, to) = if span.is_one() { ("=", "=") } else { (">=", "<") };
        let _ = write!(
            sql,
            " AND code IN (SELECT w.code FROM order_words w WHERE w.tenant = ?1 AND w.kind = ?{}
                 AND w.word {from} ?{} AND w.word {to} ?{} AND w.code > ?2)",
            at + 1,
            at + 2,
            at + 3,
        );
        given.extend([Value::Integer(span.kind as i64), Value::Text(span.from), Value::Text(span.to)]);
    }
    (sql, given)
}

/// What must hold for orders `o` of a filter, but for its text and its facility; its values are those of [`values`].
fn condition(filter: &OrderFilter) -> String {
    // Few facts wait, and orders are many.
    const WAITS: &str = "code IN (SELECT h.code FROM parked p CROSS JOIN orders h ON h.tenant = p.tenant \
                         AND h.channel = p.channel AND h.channel_order_id = p.channel_order_id \
                         WHERE p.tenant = ?1 AND p.cause";
    let mut sql = String::from("tenant = ?1 AND code > ?2");
    let mut also = |wanted: bool, condition: &str| {
        if wanted {
            sql.push_str(" AND ");
            sql.push_str(condition);
        }
    };
    also(filter.channel.is_some(), "channel = ?3");
    also(filter.status.is_some(), "status = ?4");
    match filter.stage {
        None => {}
        Some(OrderStage::Open) => also(true, "is_open = 1"),
        Some(OrderStage::Moving) => also(true, "is_moving = 1"),
        Some(OrderStage::DeliveredSince(_)) => also(true, "delivered_at >= ?5 AND is_moving = 0"),
    }
    also(filter.shipping.is_some(), "coalesce(body ->> 'shipping', ?7) = ?6");
    also(filter.in_conflict, "open_conflicts > 0");
    also(filter.has_shortfall, "shortfall > 0");
    also(filter.returned_not_received, "returned_not_received = 1");
    also(filter.has_putaway_due, "putaways_due > 0");
    also(filter.on_hold, "body ->> 'on_hold' = 1");
    also(filter.unchanged_since.is_some(), "coalesce(changed_at, 0) < ?8");
    also(filter.has_parked, &format!("{WAITS} LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    also(filter.has_refused, &format!("{WAITS} NOT LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    sql
}

/// The values of a [`condition`], and a limit as the ninth.
fn values(tenant: &TenantCode, filter: &OrderFilter, after: Option<&OrderCode>, limit: i64) -> [Value; 9] {
    let text = |text: &str| Value::Text(text.to_owned());
    let or_null = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    [
        text(tenant.as_str()),
        text(after.map_or("", OrderCode::as_str)),
        or_null(filter.channel.as_ref().map(ChannelCode::as_str)),
        or_null(filter.status.map(OrderStatus::as_str)),
        filter.delivered_since().map_or(Value::Null, Value::Integer),
        or_null(filter.shipping.map(|shipping| shipping.only.as_str())),
        or_null(filter.shipping.map(|shipping| shipping.usual.as_str())),
        filter.unchanged_since.map_or(Value::Null, Value::Integer),
        Value::Integer(limit),
    ]
}

/// Reads for a search what it asks for, until everything is found.
fn searched<T>(
    db: &Connection,
    tenant: &TenantCode,
    mut search: Search<T>,
    make: impl Fn(&Row<'_>, Order) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    while let Some(ask) = search.next() {
        let seen = |row: &Row<'_>| {
            let order: Order = record("order", row.get_ref(0)?.as_str().map_err(other)?)?;
            let code = order.code.clone();
            Ok((code, search.has(&order).then(|| make(row, order)).transpose()?))
        };
        let condition = condition(search.rest());
        match ask {
            Ask::Ends(span) => search.ends(words::ends(db, tenant, &span)?),
            Ask::Codes(span, after, most) => search.codes(words::codes(db, tenant, &span, &after, most)?),
            Ask::Both(after, most) => {
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                let (condition, given) = with_words(tenant, search.filter(), Some(&after), most);
                let sql = format!("SELECT code FROM orders o WHERE {condition} ORDER BY code LIMIT ?9");
                let codes =
                    each(db, &sql, params_from_iter(given), |row| Ok(row.get::<_, String>(0)?.into()))?;
                search.codes(codes);
            }
            Ask::Walk(after, most) => {
                let sql = format!("SELECT {ROW} FROM orders o WHERE {condition} ORDER BY code LIMIT ?9");
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                let given = values(tenant, search.rest(), Some(&after), most);
                let walked = each(db, &sql, params_from_iter(given), seen)?;
                search.walked(walked);
            }
            Ask::Of(codes) => {
                // Each order is taken by its key, whatever else the filter has an index for.
                let sql = format!(
                    "SELECT {ROW} FROM (SELECT f.rowid AS place FROM json_each(?9) k CROSS JOIN orders f
                         ON f.tenant = ?1 AND f.code = k.value)
                     CROSS JOIN orders o ON o.rowid = place WHERE {condition}"
                );
                let mut given = values(tenant, search.rest(), None, 0);
                given[8] = Value::Text(json(&codes)?);
                let mut taken = each(db, &sql, params_from_iter(given), seen)?;
                taken.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
                search.take(taken);
            }
        }
    }
    Ok(search.found())
}

pub(super) fn refs(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    ids: &[String],
) -> Result<Vec<ToAsk>, Fail> {
    let orders = records(
        db,
        "order",
        "SELECT body FROM orders WHERE tenant = ?1 AND channel = ?2 AND code IN (SELECT value FROM json_each(?3))
         UNION
         SELECT body FROM orders
         WHERE tenant = ?1 AND channel = ?2 AND channel_order_id IN (SELECT value FROM json_each(?3))",
        params![tenant.as_str(), channel.as_str(), json(ids)?],
    )?;
    let mut refs: Vec<ToAsk> = orders.into_iter().map(ToAsk::of).collect();
    refs.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(refs)
}

pub(super) fn named(db: &Connection, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>, Fail> {
    let mut found = each(
        db,
        "SELECT code, channel, channel_order_id FROM orders
         WHERE tenant = ?1 AND code IN (SELECT value FROM json_each(?2))
         UNION
         SELECT o.code, o.channel, o.channel_order_id FROM channels c CROSS JOIN orders o
           ON o.tenant = c.tenant AND o.channel = c.code
             AND o.channel_order_id IN (SELECT value FROM json_each(?2))
         WHERE c.tenant = ?1",
        params![tenant.as_str(), json(ids)?],
        named_order,
    )?;
    found.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(found)
}

/// What an order's row is read from.
const ROW: &str = "body, open_conflicts, putaways_due, shortfall, returned_not_received, changed_at,
         (SELECT count(*) FROM parked p WHERE p.tenant = o.tenant AND p.channel = o.channel
          AND p.channel_order_id = o.channel_order_id)";

pub(super) fn changed(
    db: &Connection,
    tenant: &TenantCode,
    after: Option<(Millis, OrderCode)>,
    limit: u32,
) -> Result<Vec<OrderRow>, Fail> {
    let (at, code) = after.unwrap_or((Millis::MAX, OrderCode::default()));
    let sql = format!(
        "SELECT {ROW} FROM orders o WHERE tenant = ?1 AND changed_at IS NOT NULL AND (changed_at, code) < (?2, ?3)
         ORDER BY changed_at DESC, code DESC LIMIT ?4"
    );
    each(db, &sql, params![tenant.as_str(), at, code.as_str(), limit], order_row)
}

pub(super) fn list(
    db: &Connection,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<OrderRow>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, row_of);
    }
    let sql = format!("SELECT {ROW} FROM orders o WHERE {} ORDER BY code LIMIT ?9", condition(filter));
    each(db, &sql, params_from_iter(values(tenant, filter, after, limit.into())), order_row)
}

fn order_row(row: &Row<'_>) -> Result<OrderRow, Fail> {
    row_of(row, record("order", row.get_ref(0)?.as_str().map_err(other)?)?)
}

fn row_of(row: &Row<'_>, order: Order) -> Result<OrderRow, Fail> {
    Ok(OrderRow {
        open_conflicts: row.get::<_, i64>(1)?.unsigned_abs(),
        putaways_due: row.get::<_, i64>(2)?.unsigned_abs(),
        shortfall: row.get(3)?,
        returned_not_received: row.get(4)?,
        changed_at: row.get(5)?,
        waiting: row.get::<_, i64>(6)?.unsigned_abs(),
        ..OrderRow::of(order)
    })
}

pub(super) fn file(db: &Connection, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>, Fail> {
    let by_code = records(
        db,
        "order",
        "SELECT body FROM orders WHERE tenant = ?1 AND code = ?2",
        params![tenant.as_str(), id],
    )?;
    let found: Vec<Order> = if by_code.is_empty() {
        records(
            db,
            "order",
            "SELECT o.body FROM channels c CROSS JOIN orders o
               ON o.tenant = c.tenant AND o.channel = c.code AND o.channel_order_id = ?2
             WHERE c.tenant = ?1 ORDER BY o.code",
            params![tenant.as_str(), id],
        )?
    } else {
        by_code
    };
    let found = the_only(found, id)?.into_iter().collect();
    Ok(load::with_belongings(db, tenant, found)?.pop())
}

pub(super) fn history(db: &Connection, tenant: &TenantCode, order: &OrderCode) -> Result<Vec<Change>, Fail> {
    records(
        db,
        "line of history",
        "SELECT body FROM history WHERE tenant = ?1 AND order_code = ?2 ORDER BY id",
        params![tenant.as_str(), order.as_str()],
    )
}

fn conflict_row(row: &Row<'_>) -> Result<ConflictRow, Fail> {
    Ok(ConflictRow {
        channel: row.get::<_, String>(0)?.into(),
        conflict: record("conflict", row.get_ref(1)?.as_str().map_err(other)?)?,
    })
}

pub(super) fn conflicts(
    db: &Connection,
    tenant: &TenantCode,
    open_only: bool,
) -> Result<Vec<ConflictRow>, Fail> {
    let only = if open_only { "AND f.open = 1" } else { "" };
    let sql = format!(
        "SELECT o.channel, f.body FROM conflicts f JOIN orders o ON o.tenant = f.tenant AND o.code = f.order_code
         WHERE f.tenant = ?1 {only} ORDER BY length(f.code), f.code"
    );
    each(db, &sql, [tenant.as_str()], conflict_row)
}

pub(super) fn conflict(
    db: &Connection,
    tenant: &TenantCode,
    code: &str,
) -> Result<Option<ConflictRow>, Fail> {
    first(
        db,
        "SELECT o.channel, f.body FROM conflicts f JOIN orders o ON o.tenant = f.tenant AND o.code = f.order_code
         WHERE f.tenant = ?1 AND f.code = ?2",
        params![tenant.as_str(), code],
        conflict_row,
    )
}

fn putaway_row(row: &Row<'_>) -> Result<PutawayRow, Fail> {
    Ok(PutawayRow {
        order: row.get::<_, String>(0)?.into(),
        putaway: record("putaway", row.get_ref(1)?.as_str().map_err(other)?)?,
    })
}

pub(super) fn putaways(
    db: &Connection,
    tenant: &TenantCode,
    due_only: bool,
) -> Result<Vec<PutawayRow>, Fail> {
    let only = if due_only { "AND due = 1" } else { "" };
    let sql =
        format!("SELECT order_code, body FROM putaways WHERE tenant = ?1 {only} ORDER BY length(code), code");
    each(db, &sql, [tenant.as_str()], putaway_row)
}

pub(super) fn putaway(db: &Connection, tenant: &TenantCode, code: &str) -> Result<Option<PutawayRow>, Fail> {
    first(
        db,
        "SELECT order_code, body FROM putaways WHERE tenant = ?1 AND code = ?2",
        params![tenant.as_str(), code],
        putaway_row,
    )
}

pub(super) fn parked(
    db: &Connection,
    tenant: &TenantCode,
    filter: &ParkedFilter,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<ParkedRow>, Fail> {
    each(
        db,
        "SELECT id, body FROM parked WHERE tenant = ?1 AND id > ?2 AND (?3 IS NULL OR channel = ?3)
           AND (?4 IS NULL OR channel_order_id = ?4)
         ORDER BY id LIMIT ?5",
        params![
            tenant.as_str(),
            after.unwrap_or(0),
            filter.channel.as_ref().map(ChannelCode::as_str),
            filter.channel_order_id,
            limit
        ],
        |row| {
            Ok(ParkedRow {
                id: row.get(0)?,
                parked: record("parked fact", row.get_ref(1)?.as_str().map_err(other)?)?,
            })
        },
    )
}

pub(super) fn item_counts(db: &Connection, tenant: &TenantCode) -> Result<Vec<ItemCount>, Fail> {
    let mut counts = each(
        db,
        "SELECT o.channel, i.value ->> 'status', count(*) FROM orders o, json_each(o.body, '$.items') i
         WHERE o.tenant = ?1 GROUP BY 1, 2",
        [tenant.as_str()],
        |row| {
            Ok(ItemCount {
                channel: row.get::<_, String>(0)?.into(),
                status: state("item status", row.get_ref(1)?.as_str().map_err(other)?, ItemStatus::parse)?,
                count: row.get::<_, i64>(2)?.unsigned_abs(),
            })
        },
    )?;
    counts.sort_by(|a, b| (a.channel.as_str(), a.status).cmp(&(b.channel.as_str(), b.status)));
    Ok(counts)
}
