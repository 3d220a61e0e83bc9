//! Writes records, any number of them with one statement a table.

use plugin_api::{Mark, Millis, Task};
use sqlx::Row as _;

use super::{
    connections::Tx,
    fault::Fail,
    statement::{bodies, body, each, execute, json, with, write_all},
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        duties::{Conflict, Parked, Putaway},
        effect::Change,
        invoice::{Invoice, Sequence},
        ledger::Counters,
        snapshot::{Facility, OrderFile},
        stock::Stock,
    },
    storage::{
        Counts, RunId, RunLine, RunOrder, StoreError,
        line::Line,
        rows::{Derived, homes_of_items, is_due, of_channel},
    },
};

/// One column of many rows.
fn column<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// A count as the column has it.
fn counted(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Adds or replaces orders.
pub(super) async fn orders(db: &mut Tx, tenant: &TenantCode, rows: &[Derived<'_>]) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    write_all(
        db,
        "INSERT INTO orders (tenant, code, channel, channel_order_id, status, is_open, is_moving,
             returned_not_received, open_conflicts, putaways_due, shortfall, changed_at, seen, delivered_at, body)
         SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bool[], $8::bool[],
             $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
             $15::text[]) AS k
         ON CONFLICT (tenant, code) DO UPDATE SET status = excluded.status, is_open = excluded.is_open,
             is_moving = excluded.is_moving, returned_not_received = excluded.returned_not_received,
             open_conflicts = excluded.open_conflicts, putaways_due = excluded.putaways_due,
             shortfall = orders.shortfall + excluded.shortfall, changed_at = excluded.changed_at,
             seen = excluded.seen, delivered_at = excluded.delivered_at, body = excluded.body
         WHERE orders.channel = excluded.channel AND orders.channel_order_id = excluded.channel_order_id",
        with![
            tenant.as_str(),
            column(rows, |row| row.order.code.as_str()),
            column(rows, |row| row.order.channel.as_str()),
            column(rows, |row| row.order.channel_order_id.as_str()),
            column(rows, |row| row.order.status.as_str()),
            column(rows, Derived::is_open),
            column(rows, Derived::is_moving),
            column(rows, |row| row.order.is_returned_not_received()),
            column(rows, |row| counted(row.open_conflicts)),
            column(rows, |row| counted(row.putaways_due)),
            column(rows, |row| row.shortfall),
            column(rows, |row| row.changed_at),
            column(rows, |row| row.seen),
            column(rows, Derived::delivered_at),
            bodies(rows.iter().map(|row| row.order))?,
        ],
        (rows.len(), "an order was given to another channel"),
    )
    .await
}

/// Notes which order has an item, by the marketplace's ids. An item that an earlier order has stays with that one.
pub(super) async fn order_items(db: &mut Tx, tenant: &TenantCode, files: &[OrderFile]) -> Result<(), Fail> {
    let rows = homes_of_items(files);
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO order_items (tenant, channel, channel_item_id, channel_order_id)
         SELECT $1, k.channel, k.item, k.home
         FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS k(channel, item, home, at) ORDER BY k.at
         ON CONFLICT DO NOTHING",
        with![
            tenant.as_str(),
            column(&rows, |(channel, ..)| channel.as_str()),
            column(&rows, |(_, item, _)| *item),
            column(&rows, |(.., home)| *home),
        ],
    )
    .await?;
    Ok(())
}

/// Gives facts that wait under the id of an item the order that has the item.
pub(super) async fn rehome(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    let mut homeless: Vec<(i64, String, Parked)> = each(
        db,
        "SELECT p.id, i.channel_order_id, p.body
         FROM parked p JOIN order_items i
           ON i.tenant = p.tenant AND i.channel = p.channel AND i.channel_item_id = p.channel_order_id
         WHERE p.tenant = $1 AND p.body::json ->> 'item' = p.channel_order_id
           AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.tenant = p.tenant AND o.channel = p.channel
                           AND o.channel_order_id = p.channel_order_id)",
        with![tenant.as_str()],
        |row| Ok((row.try_get(0)?, row.try_get(1)?, body(row, 2, "parked fact")?)),
    )
    .await?;
    if homeless.is_empty() {
        return Ok(());
    }
    for (_, home, fact) in &mut homeless {
        fact.order.clone_from(home);
        fact.observation.order.clone_from(home);
    }
    execute(
        db,
        "UPDATE parked SET channel_order_id = k.home, body = k.body
         FROM unnest($2::bigint[], $3::text[], $4::text[]) AS k(id, home, body)
         WHERE parked.tenant = $1 AND parked.id = k.id",
        with![
            tenant.as_str(),
            column(&homeless, |(id, ..)| *id),
            column(&homeless, |(_, home, _)| home.as_str()),
            bodies(homeless.iter().map(|(.., fact)| fact))?,
        ],
    )
    .await?;
    Ok(())
}

/// Adds or replaces invoices.
pub(super) async fn invoices(
    db: &mut Tx,
    tenant: &TenantCode,
    rows: &[(&OrderCode, &Invoice)],
) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    write_all(
        db,
        "INSERT INTO invoices (tenant, order_code, owner, kind, financial_year, number, body)
         SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS k
         ON CONFLICT (tenant, owner, kind, financial_year, number) DO UPDATE SET body = excluded.body
         WHERE invoices.order_code = excluded.order_code",
        with![
            tenant.as_str(),
            column(rows, |(order, _)| order.as_str()),
            column(rows, |(_, invoice)| invoice.owner.as_str()),
            column(rows, |(_, invoice)| invoice.kind.as_str()),
            column(rows, |(_, invoice)| invoice.financial_year.as_str()),
            column(rows, |(_, invoice)| invoice.number.as_str()),
            bodies(rows.iter().map(|(_, invoice)| *invoice))?,
        ],
        (rows.len(), "an invoice number of this financial year belongs to another order"),
    )
    .await
}

/// Adds or replaces putaways.
pub(super) async fn putaways(
    db: &mut Tx,
    tenant: &TenantCode,
    rows: &[(&OrderCode, &Putaway)],
) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    write_all(
        db,
        "INSERT INTO putaways (tenant, order_code, due, code, body)
         SELECT $1, k.* FROM unnest($2::text[], $3::bool[], $4::text[], $5::text[]) AS k
         ON CONFLICT (tenant, code) DO UPDATE SET due = excluded.due, body = excluded.body
         WHERE putaways.order_code = excluded.order_code",
        with![
            tenant.as_str(),
            column(rows, |(order, _)| order.as_str()),
            column(rows, |(_, putaway)| is_due(putaway)),
            column(rows, |(_, putaway)| putaway.code.as_str()),
            bodies(rows.iter().map(|(_, putaway)| *putaway))?,
        ],
        (rows.len(), "a putaway's code belongs to another order"),
    )
    .await
}

/// Adds or replaces conflicts.
pub(super) async fn conflicts(db: &mut Tx, tenant: &TenantCode, rows: &[&Conflict]) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    write_all(
        db,
        "INSERT INTO conflicts (tenant, order_code, open, code, body)
         SELECT $1, k.* FROM unnest($2::text[], $3::bool[], $4::text[], $5::text[]) AS k
         ON CONFLICT (tenant, code) DO UPDATE SET open = excluded.open, body = excluded.body
         WHERE conflicts.order_code = excluded.order_code",
        with![
            tenant.as_str(),
            column(rows, |conflict| conflict.order.as_str()),
            column(rows, |conflict| conflict.open),
            column(rows, |conflict| conflict.code.as_str()),
            bodies(rows.iter().copied())?,
        ],
        (rows.len(), "a conflict's code belongs to another order"),
    )
    .await
}

/// Adds lines of history after those that are there.
pub(super) async fn history(db: &mut Tx, tenant: &TenantCode, changes: &[Change]) -> Result<(), Fail> {
    if changes.is_empty() {
        return Ok(());
    }
    let lines: Vec<Line<'_>> = changes.iter().map(Line::of).collect();
    execute(
        db,
        "INSERT INTO history (tenant, id, order_code, body)
         SELECT $1, (SELECT coalesce(max(id), 0) FROM history WHERE tenant = $1) + k.at, k.order_code, k.body
         FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS k(order_code, body, at)",
        with![tenant.as_str(), column(changes, |change| change.order.as_str()), bodies(&lines)?],
    )
    .await?;
    Ok(())
}

/// Adds facts that wait, each of the channel that it is given with.
pub(super) async fn parked(
    db: &mut Tx,
    tenant: &TenantCode,
    facts: &[(ChannelCode, Parked)],
) -> Result<(), Fail> {
    if facts.is_empty() {
        return Ok(());
    }
    let bodies = bodies(&of_channel(facts))?;
    execute(
        db,
        "INSERT INTO parked (tenant, id, channel, channel_order_id, cause, body)
         SELECT $1, (SELECT coalesce(max(id), 0) FROM parked WHERE tenant = $1) + k.at, k.channel, k.id, k.cause, k.body
         FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS k(channel, id, cause, body, at)",
        with![
            tenant.as_str(),
            column(facts, |(channel, _)| channel.as_str()),
            column(facts, |(_, fact)| fact.order.as_str()),
            column(facts, |(_, fact)| fact.cause.as_str()),
            bodies,
        ],
    )
    .await?;
    Ok(())
}

/// Removes facts that wait no longer.
pub(super) async fn unpark(db: &mut Tx, tenant: &TenantCode, ids: &[i64]) -> Result<(), Fail> {
    if ids.is_empty() {
        return Ok(());
    }
    let sql = "DELETE FROM parked WHERE tenant = $1 AND id = ANY($2)";
    execute(db, sql, with![tenant.as_str(), ids]).await?;
    Ok(())
}

/// Adds or replaces stock rows.
pub(super) async fn stock(db: &mut Tx, tenant: &TenantCode, rows: &[Stock]) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO stock (tenant, facility, sku, on_hand, blocked, shortfall)
         SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) AS k
         ON CONFLICT (tenant, facility, sku) DO UPDATE
         SET on_hand = excluded.on_hand, blocked = excluded.blocked, shortfall = excluded.shortfall",
        with![
            tenant.as_str(),
            column(rows, |row| row.facility.as_str()),
            column(rows, |row| row.sku.as_str()),
            column(rows, |row| row.on_hand),
            column(rows, |row| row.blocked),
            column(rows, |row| row.shortfall),
        ],
    )
    .await?;
    Ok(())
}

/// Adds or replaces number series.
pub(super) async fn sequences(db: &mut Tx, tenant: &TenantCode, rows: &[Sequence]) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO sequences (tenant, owner, kind, body)
         SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::text[]) AS k
         ON CONFLICT (tenant, owner, kind) DO UPDATE SET body = excluded.body",
        with![
            tenant.as_str(),
            column(rows, |row| row.owner.as_str()),
            column(rows, |row| row.kind.as_str()),
            bodies(rows)?,
        ],
    )
    .await?;
    Ok(())
}

/// Adds or replaces facilities.
pub(super) async fn facilities(db: &mut Tx, tenant: &TenantCode, rows: &[Facility]) -> Result<(), Fail> {
    if rows.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO facilities (tenant, code, body) SELECT $1, k.* FROM unnest($2::text[], $3::text[]) AS k
         ON CONFLICT (tenant, code) DO UPDATE SET body = excluded.body",
        with![tenant.as_str(), column(rows, |row| row.code.as_str()), bodies(rows)?],
    )
    .await?;
    Ok(())
}

/// Sets the counters behind the codes of duties.
pub(super) async fn counters(db: &mut Tx, tenant: &TenantCode, counters: Counters) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE tenants SET putaways = $2, conflicts = $3 WHERE tenant = $1",
        with![tenant.as_str(), counters.putaways.cast_signed(), counters.conflicts.cast_signed()],
    )
    .await?;
    Ok(())
}

/// Remembers fingerprints of orders that did not change otherwise.
pub(super) async fn seen(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    seen: &[(&str, Option<i64>)],
) -> Result<(), Fail> {
    if seen.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "UPDATE orders SET seen = k.seen FROM unnest($3::text[], $4::bigint[]) AS k(id, seen)
         WHERE orders.tenant = $1 AND orders.channel = $2 AND orders.channel_order_id = k.id",
        with![
            tenant.as_str(),
            channel.as_str(),
            column(seen, |(id, _)| *id),
            column(seen, |(_, seen)| *seen),
        ],
    )
    .await?;
    Ok(())
}

/// Keeps lines with a run, after those that are there.
pub(super) async fn lines(
    db: &mut Tx,
    tenant: &TenantCode,
    run: RunId,
    lines: &[RunLine],
) -> Result<(), Fail> {
    if lines.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO run_lines (tenant, run, line, body)
         SELECT $1, $2, (SELECT coalesce(max(line), 0) FROM run_lines WHERE tenant = $1 AND run = $2) + k.at, k.body
         FROM unnest($3::text[]) WITH ORDINALITY AS k(body, at)",
        with![tenant.as_str(), run.0, bodies(lines)?],
    )
    .await?;
    Ok(())
}

/// Adds to what a run has come to, so that it can be looked at while it is on.
pub(super) async fn counts(db: &mut Tx, tenant: &TenantCode, run: RunId, more: &Counts) -> Result<(), Fail> {
    if *more == Counts::default() {
        return Ok(());
    }
    execute(
        db,
        "UPDATE runs SET counts = (
             SELECT json_object_agg(key, value::bigint + coalesce((runs.counts::json ->> key)::bigint, 0))::text
             FROM json_each_text($3::json))
         WHERE tenant = $1 AND id = $2",
        with![tenant.as_str(), run.0, json(more)?],
    )
    .await?;
    Ok(())
}

/// Keeps what became of each chosen order with the run.
pub(super) async fn run_orders(
    db: &mut Tx,
    tenant: &TenantCode,
    run: RunId,
    orders: &[RunOrder],
) -> Result<(), Fail> {
    if orders.is_empty() {
        return Ok(());
    }
    execute(
        db,
        "INSERT INTO run_orders (tenant, run, line, body)
         SELECT $1, $2, k.at, k.body FROM unnest($3::text[]) WITH ORDINALITY AS k(body, at)",
        with![tenant.as_str(), run.0, bodies(orders)?],
    )
    .await?;
    Ok(())
}

/// Stores how far a task has come.
pub(super) async fn mark(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
    mark: &Mark,
) -> Result<(), Fail> {
    let until: Option<Millis> = mark.complete_until;
    let written = execute(
        db,
        "UPDATE tasks SET mark = $4, complete_until = greatest(complete_until, $5)
         WHERE tenant = $1 AND channel = $2 AND task = $3",
        with![tenant.as_str(), channel.as_str(), task.as_str(), json(mark)?, until],
    )
    .await?;
    if written == 0 {
        return Err(StoreError::NotFound(format!("task {task} of channel {channel}")).into());
    }
    Ok(())
}
