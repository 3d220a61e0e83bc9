//! Writes records, any number of them with one statement a table.
//!
//! What takes long, printing records as JSON, is done when a [`Batch`] is made, which needs no connection.

use plugin_api::{Mark, Task};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{
    fault::Fail,
    json::{Bodies, execute, first, json},
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        duties::{Conflict, Parked, Putaway},
        effect::Change,
        invoice::{Invoice, Sequence},
        ledger::Counters,
        snapshot::OrderFile,
        stock::Stock,
    },
    storage::{
        Counts, RunId, RunLine, RunOrder, StoreError,
        line::Line,
        rows::{Derived, homes_of_items, is_due, of_channel},
    },
};

/// Rows of a table, ready for the statement that writes them.
pub(super) struct Batch {
    /// Its parameters are the tenant, the list of rows, and the bodies if those are apart.
    sql: &'static str,
    /// The last number of the table's rows, for those that are numbered: the fourth parameter. It is asked for beforehand: if
    /// the statement itself read the table, all rows would be put aside first.
    last: Option<&'static str>,
    count: usize,
    list: String,
    bodies: Option<Bodies>,
    /// What it means if not every row was written; with nothing, a row may be there already.
    otherwise: Option<&'static str>,
}

impl Batch {
    pub(super) fn new<T: Serialize>(sql: &'static str, rows: &[T]) -> Result<Batch, Fail> {
        let list = if rows.is_empty() { String::new() } else { json(rows)? };
        Ok(Batch { sql, last: None, count: rows.len(), list, bodies: None, otherwise: None })
    }

    fn with(self, bodies: Bodies) -> Batch {
        Batch { bodies: Some(bodies), ..self }
    }

    fn after(self, last: &'static str) -> Batch {
        Batch { last: Some(last), ..self }
    }

    fn or(self, otherwise: &'static str) -> Batch {
        Batch { otherwise: Some(otherwise), ..self }
    }

    /// Writes them, if there are any.
    pub(super) fn write(&self, db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
        if self.count == 0 {
            return Ok(());
        }
        let (tenant, list, bodies) = (tenant.as_str(), &self.list, self.bodies.as_ref().map(Bodies::bytes));
        let last =
            self.last.map(|sql| first(db, sql, [tenant], |row| Ok(row.get::<_, i64>(0)?))).transpose()?;
        let written = match (bodies, last.flatten()) {
            (None, _) => execute(db, self.sql, params![tenant, list])?,
            (Some(bodies), None) => execute(db, self.sql, params![tenant, list, bodies])?,
            (Some(bodies), Some(last)) => execute(db, self.sql, params![tenant, list, bodies, last])?,
        };
        match self.otherwise {
            Some(otherwise) if written != self.count => {
                Err(StoreError::Contradiction(otherwise.to_owned()).into())
            }
            _ => Ok(()),
        }
    }
}

/// Orders to add or to replace.
pub(super) fn orders(rows: &[Derived<'_>]) -> Result<Batch, Fail> {
    let mut bodies = Bodies::default();
    let rows = rows
        .iter()
        .map(|row| {
            let order = row.order;
            let (start, length) = bodies.add(order)?;
            Ok((
                &order.code,
                &order.channel,
                &order.channel_order_id,
                order.status,
                u8::from(row.is_open()),
                u8::from(row.is_moving()),
                u8::from(order.is_returned_not_received()),
                row.open_conflicts,
                row.putaways_due,
                row.shortfall,
                row.changed_at,
                row.seen,
                row.delivered_at(),
                start,
                length,
            ))
        })
        .collect::<Result<Vec<_>, Fail>>()?;
    Ok(Batch::new(
        "INSERT INTO orders (tenant, code, channel, channel_order_id, status, is_open, is_moving,
             returned_not_received, open_conflicts, putaways_due, shortfall, changed_at, seen,
             delivered_at, body)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
             value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12,
             CAST(substr(?3, value ->> 13, value ->> 14) AS TEXT)
         FROM jsonb_each(?2) WHERE true
         ON CONFLICT (tenant, code) DO UPDATE SET status = excluded.status, is_open = excluded.is_open,
             is_moving = excluded.is_moving, returned_not_received = excluded.returned_not_received,
             open_conflicts = excluded.open_conflicts, putaways_due = excluded.putaways_due,
             shortfall = orders.shortfall + excluded.shortfall, changed_at = excluded.changed_at,
             seen = excluded.seen, delivered_at = excluded.delivered_at, body = excluded.body
         WHERE channel = excluded.channel AND channel_order_id = excluded.channel_order_id",
        &rows,
    )?
    .with(bodies)
    .or("an order was given to another channel"))
}

/// Notes which order has an item, by the marketplace's ids. An item that an earlier order has stays with that one.
pub(super) fn order_items(files: &[OrderFile]) -> Result<Batch, Fail> {
    let rows = homes_of_items(files);
    Batch::new(
        "INSERT INTO order_items (tenant, channel, channel_item_id, channel_order_id)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?2) WHERE true
         ON CONFLICT DO NOTHING",
        &rows,
    )
}

/// Gives facts that wait under the id of an item the order that has the item.
pub(super) fn rehome(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    execute(
        db,
        "WITH k AS MATERIALIZED (
             SELECT p.id, i.channel_order_id AS home
             FROM parked p CROSS JOIN order_items i
               ON i.tenant = p.tenant AND i.channel = p.channel AND i.channel_item_id = p.channel_order_id
             WHERE p.tenant = ?1 AND p.body ->> 'item' = p.channel_order_id
               AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.tenant = p.tenant AND o.channel = p.channel
                               AND o.channel_order_id = p.channel_order_id))
         UPDATE parked SET channel_order_id = k.home,
             body = json_set(body, '$.order', k.home, '$.observation.order', k.home)
         FROM k WHERE parked.tenant = ?1 AND parked.id = k.id",
        [tenant.as_str()],
    )?;
    Ok(())
}

/// Adds or replaces invoices.
pub(super) fn invoices(rows: &[(&OrderCode, &Invoice)]) -> Result<Batch, Fail> {
    let mut bodies = Bodies::default();
    let rows = rows
        .iter()
        .map(|(order, invoice)| {
            let (start, length) = bodies.add(invoice)?;
            let Invoice { owner, kind, financial_year, number, .. } = invoice;
            Ok((order, owner, kind, financial_year, number, start, length))
        })
        .collect::<Result<Vec<_>, Fail>>()?;
    Ok(Batch::new(
        "INSERT INTO invoices (tenant, order_code, owner, kind, financial_year, number, body)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
             CAST(substr(?3, value ->> 5, value ->> 6) AS TEXT)
         FROM jsonb_each(?2) WHERE true
         ON CONFLICT (tenant, owner, kind, financial_year, number) DO UPDATE SET body = excluded.body
         WHERE order_code = excluded.order_code",
        &rows,
    )?
    .with(bodies)
    .or("an invoice number of this financial year belongs to another order"))
}

/// Adds or replaces putaways.
pub(super) fn putaways(rows: &[(&OrderCode, &Putaway)]) -> Result<Batch, Fail> {
    let rows: Vec<_> =
        rows.iter().map(|(order, putaway)| (order, u8::from(is_due(putaway)), putaway)).collect();
    Ok(Batch::new(
        "INSERT INTO putaways (tenant, order_code, due, code, body)
         SELECT ?1, value ->> 0, value ->> 1, value ->> '$[2].code', value -> 2 FROM json_each(?2) WHERE true
         ON CONFLICT (tenant, code) DO UPDATE SET due = excluded.due, body = excluded.body
         WHERE order_code = excluded.order_code",
        &rows,
    )?
    .or("a putaway's code belongs to another order"))
}

/// Adds or replaces conflicts.
pub(super) fn conflicts(rows: &[&Conflict]) -> Result<Batch, Fail> {
    Ok(Batch::new(
        "INSERT INTO conflicts (tenant, order_code, open, code, body)
         SELECT ?1, value ->> 'order', value ->> 'open', value ->> 'code', value FROM json_each(?2) WHERE true
         ON CONFLICT (tenant, code) DO UPDATE SET open = excluded.open, body = excluded.body
         WHERE order_code = excluded.order_code",
        rows,
    )?
    .or("a conflict's code belongs to another order"))
}

/// Adds lines of history after those that are there.
pub(super) fn history(changes: &[Change]) -> Result<Batch, Fail> {
    let mut bodies = Bodies::default();
    let rows = changes
        .iter()
        .map(|change| {
            let (start, length) = bodies.add(&Line::of(change))?;
            Ok((&change.order, start, length))
        })
        .collect::<Result<Vec<_>, Fail>>()?;
    Ok(Batch::new(
        "INSERT INTO history (tenant, id, order_code, body)
         SELECT ?1, ?4 + 1 + key, value ->> 0,
             CAST(substr(?3, value ->> 1, value ->> 2) AS TEXT)
         FROM jsonb_each(?2)",
        &rows,
    )?
    .with(bodies)
    .after("SELECT coalesce(max(id), 0) FROM history WHERE tenant = ?1"))
}

/// Adds facts that wait, each of the channel that it is given with.
pub(super) fn parked(facts: &[(ChannelCode, Parked)]) -> Result<Batch, Fail> {
    let facts = of_channel(facts);
    Batch::new(
        "INSERT INTO parked (tenant, id, channel, channel_order_id, cause, body)
         SELECT ?1, (SELECT coalesce(max(id), 0) FROM parked WHERE tenant = ?1) + 1 + key,
             value ->> 'channel', value ->> 'order', value ->> 'cause', value
         FROM json_each(?2)",
        &facts,
    )
}

/// Removes facts that wait no longer.
pub(super) fn unpark(db: &Connection, tenant: &TenantCode, ids: &[i64]) -> Result<(), Fail> {
    if ids.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "DELETE FROM parked WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2))",
        params![tenant.as_str(), json(ids)?],
    )?;
    Ok(())
}

/// Adds or replaces stock rows.
pub(super) fn stock(rows: &[Stock]) -> Result<Batch, Fail> {
    Batch::new(
        "INSERT INTO stock (tenant, facility, sku, on_hand, blocked, shortfall)
         SELECT ?1, value ->> 'facility', value ->> 'sku', value ->> 'on_hand', value ->> 'blocked',
             value ->> 'shortfall'
         FROM jsonb_each(?2) WHERE true
         ON CONFLICT (tenant, facility, sku) DO UPDATE
         SET on_hand = excluded.on_hand, blocked = excluded.blocked, shortfall = excluded.shortfall",
        rows,
    )
}

/// Adds or replaces number series.
pub(super) fn sequences(rows: &[Sequence]) -> Result<Batch, Fail> {
    Batch::new(
        "INSERT INTO sequences (tenant, owner, kind, body)
         SELECT ?1, value ->> 'owner', value ->> 'kind', value FROM json_each(?2) WHERE true
         ON CONFLICT (tenant, owner, kind) DO UPDATE SET body = excluded.body",
        rows,
    )
}

/// Sets the counters behind the codes of duties.
pub(super) fn counters(db: &Connection, tenant: &TenantCode, counters: Counters) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE tenants SET putaways = ?2, conflicts = ?3 WHERE tenant = ?1",
        params![tenant.as_str(), counters.putaways.cast_signed(), counters.conflicts.cast_signed()],
    )?;
    Ok(())
}

/// Remembers fingerprints of orders that did not change otherwise: a JSON list of the marketplace's order ids, each with its
/// fingerprint.
pub(super) fn seen(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    seen: &str,
) -> Result<(), Fail> {
    execute(
        db,
        // The orders are found by their keys first: joined to the update itself, the planner would read all orders of
        // the channel for each page.
        "WITH k AS MATERIALIZED (
             SELECT o.rowid AS id, j.value ->> 1 AS seen
             FROM jsonb_each(?3) j CROSS JOIN orders o INDEXED BY orders_by_channel
             WHERE o.tenant = ?1 AND o.channel = ?2 AND o.channel_order_id = j.value ->> 0)
         UPDATE orders SET seen = k.seen FROM k WHERE orders.rowid = k.id",
        params![tenant.as_str(), channel.as_str(), seen],
    )?;
    Ok(())
}

/// Keeps lines with a run, after those that are there.
pub(super) fn lines(db: &Connection, tenant: &TenantCode, run: RunId, lines: &[RunLine]) -> Result<(), Fail> {
    if lines.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO run_lines (tenant, run, line, body)
         SELECT ?1, ?2, (SELECT coalesce(max(line), 0) FROM run_lines WHERE tenant = ?1 AND run = ?2) + 1 + key, value
         FROM json_each(?3)",
        params![tenant.as_str(), run.0, json(lines)?],
    )?;
    Ok(())
}

/// Adds to what a run has come to, so that it can be looked at while it is on.
pub(super) fn counts(db: &Connection, tenant: &TenantCode, run: RunId, more: &Counts) -> Result<(), Fail> {
    if *more == Counts::default() {
        return Ok(());
    }
    execute(
        db,
        "UPDATE runs SET counts = (
             SELECT json_group_object(key, value + coalesce(runs.counts ->> key, 0)) FROM json_each(?3))
         WHERE tenant = ?1 AND id = ?2",
        params![tenant.as_str(), run.0, json(more)?],
    )?;
    Ok(())
}

/// Keeps what became of each chosen order with the run.
pub(super) fn run_orders(
    db: &Connection,
    tenant: &TenantCode,
    run: RunId,
    orders: &[RunOrder],
) -> Result<(), Fail> {
    if orders.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO run_orders (tenant, run, line, body) SELECT ?1, ?2, key + 1, value FROM json_each(?3)",
        params![tenant.as_str(), run.0, json(orders)?],
    )?;
    Ok(())
}

/// Stores how far a task has come.
pub(super) fn mark(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
    mark: &Mark,
) -> Result<(), Fail> {
    let written = execute(
        db,
        "UPDATE tasks SET mark = ?4, complete_until = coalesce(max(complete_until, ?5), ?5, complete_until)
         WHERE tenant = ?1 AND channel = ?2 AND task = ?3",
        params![tenant.as_str(), channel.as_str(), task.as_str(), json(mark)?, mark.complete_until],
    )?;
    if written == 0 {
        return Err(StoreError::NotFound(format!("task {task} of channel {channel}")).into());
    }
    Ok(())
}
