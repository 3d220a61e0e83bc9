//! Reading orders and what belongs to them, for people and for tasks that ask by id.

use plugin_api::{OrderRef, ShippedBy, Task};
use rusqlite::{Connection, Row, params};

use super::{
    fault::Fail,
    json::{each, first, json, other, record, records, state},
    load,
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        effect::Change,
        order::{ItemStatus, Order, OrderStatus},
        snapshot::OrderFile,
    },
    storage::{
        ConflictRow, ItemCount, OrderFilter, OrderRow, ParkedFilter, ParkedRow, PutawayRow, Shipping,
        lists::{reference, the_only},
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

pub(super) fn open_refs(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    (task, shipping): (Task, Shipping),
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<(OrderCode, OrderRef)>, Fail> {
    let sql = match task {
        Task::Pending => {
            "SELECT body FROM orders WHERE tenant = ?1 AND channel = ?2 AND is_open = 1 AND code > ?3
             AND (?5 IS NULL OR coalesce(body ->> 'shipping', ?6) = ?5)
             ORDER BY code LIMIT ?4"
        }
        Task::Delivery => {
            "SELECT body FROM orders WHERE tenant = ?1 AND channel = ?2 AND is_moving = 1 AND code > ?3
             AND (?5 IS NULL OR coalesce(body ->> 'shipping', ?6) = ?5)
             ORDER BY code LIMIT ?4"
        }
        Task::Status | Task::Returns => return Ok(Vec::new()),
    };
    let after = after.map_or("", OrderCode::as_str);
    let only = shipping.only.map(ShippedBy::as_str);
    let (tenant, channel, usual) = (tenant.as_str(), channel.as_str(), shipping.usual.as_str());
    let orders = records(db, "order", sql, params![tenant, channel, after, limit, only, usual])?;
    Ok(orders.into_iter().map(reference).collect())
}

pub(super) fn refs(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    ids: &[String],
) -> Result<Vec<(OrderCode, OrderRef)>, Fail> {
    let orders = records(
        db,
        "order",
        "SELECT body FROM orders WHERE tenant = ?1 AND channel = ?2 AND code IN (SELECT value FROM json_each(?3))
         UNION
         SELECT body FROM orders
         WHERE tenant = ?1 AND channel = ?2 AND channel_order_id IN (SELECT value FROM json_each(?3))",
        params![tenant.as_str(), channel.as_str(), json(ids)?],
    )?;
    let mut refs: Vec<_> = orders.into_iter().map(reference).collect();
    refs.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(refs)
}

pub(super) fn list(
    db: &Connection,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<OrderRow>, Fail> {
    const WAITS: &str = "SELECT 1 FROM parked p WHERE p.tenant = o.tenant AND p.channel = o.channel \
                         AND p.channel_order_id = o.channel_order_id";
    let mut sql = String::from(
        "SELECT body, open_conflicts, putaways_due, shortfall, returned_not_received, changed_at,
             (SELECT count(*) FROM parked p WHERE p.tenant = o.tenant AND p.channel = o.channel
              AND p.channel_order_id = o.channel_order_id)
         FROM orders o WHERE tenant = ?1 AND code > ?2",
    );
    let mut also = |wanted: bool, condition: &str| {
        if wanted {
            sql.push_str(" AND ");
            sql.push_str(condition);
        }
    };
    also(filter.channel.is_some(), "channel = ?3");
    also(filter.status.is_some(), "status = ?4");
    also(filter.in_conflict, "open_conflicts > 0");
    also(filter.has_shortfall, "shortfall > 0");
    also(filter.returned_not_received, "returned_not_received = 1");
    also(filter.has_putaway_due, "putaways_due > 0");
    also(filter.has_parked, &format!("EXISTS ({WAITS} AND p.cause LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    also(filter.has_refused, &format!("EXISTS ({WAITS} AND p.cause NOT LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    sql.push_str(" ORDER BY code LIMIT ?5");
    each(
        db,
        &sql,
        params![
            tenant.as_str(),
            after.map_or("", OrderCode::as_str),
            filter.channel.as_ref().map(ChannelCode::as_str),
            filter.status.map(OrderStatus::as_str),
            limit
        ],
        order_row,
    )
}

fn order_row(row: &Row<'_>) -> Result<OrderRow, Fail> {
    let order = record("order", row.get_ref(0)?.as_str().map_err(other)?)?;
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
