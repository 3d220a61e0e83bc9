//! The outbox and its deliveries: written with the change, claimed, noted, removed.

use std::{collections::BTreeSet, sync::LazyLock};

use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{each, execute, first, json},
    schema::NOW,
};
use crate::{
    domain::codes::TenantCode,
    secrets::Key,
    storage::{
        Attempt, Batch, Due, Ended, Run, RunEnd, WebhookTurn,
        events::{self, NewEvent},
        outbox::{AWAY_MS, PRUNED_AT_ONCE, Secrets, disabling, log_with},
        page::{PageKeys, PageResult},
    },
};

/// Writes down what a page tells, if somebody is to be told. `known`: see [`events::of_page`].
pub(super) fn tell_page(
    db: &Connection,
    tenant: &TenantCode,
    keys: &PageKeys,
    (has_webhooks, known): (bool, Option<&BTreeSet<String>>),
    result: &PageResult,
) -> Result<(), Fail> {
    if !has_webhooks || result.changes.is_empty() && known.is_none() {
        return Ok(());
    }
    tell(db, tenant, &events::of_page(tenant, result, known, keys.now)?, keys.now)
}

/// Writes down that a run has ended, if somebody is to be told.
pub(super) fn tell_run(db: &Connection, run: &Run, end: &RunEnd) -> Result<(), Fail> {
    let Some(event) = events::of_run(run, end)? else { return Ok(()) };
    let sql = "SELECT 1 FROM tenants WHERE tenant = ?1 AND webhooks > 0";
    if first(db, sql, [run.tenant.as_str()], |_| Ok(()))?.is_none() {
        return Ok(());
    }
    tell(db, &run.tenant, &[event], end.ended_at)
}

fn tell(db: &Connection, tenant: &TenantCode, events: &[NewEvent], now: Millis) -> Result<(), Fail> {
    if events.is_empty() {
        return Ok(());
    }
    let next = "SELECT coalesce(max(id), 0) + 1 FROM outbox WHERE tenant = ?1";
    let from: i64 = first(db, next, [tenant.as_str()], |row| Ok(row.get(0)?))?.unwrap_or(1);
    let rows: Vec<_> = events
        .iter()
        .map(|event| (&event.id, event.kind, &event.order, event.lane(), event.at, &event.body))
        .collect();
    execute(
        db,
        "INSERT INTO outbox (tenant, id, event, kind, order_code, lane, at, body)
         SELECT ?1, ?2 + key, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
         FROM json_each(?3)",
        params![tenant.as_str(), from, json(&rows)?],
    )?;
    execute(
        db,
        "INSERT INTO deliveries (tenant, webhook, event, lane, state, created_at)
         SELECT ?1, w.id, o.id, o.lane, 'WAITING', o.at FROM webhooks w CROSS JOIN outbox o
         WHERE w.tenant = ?1 AND o.tenant = ?1 AND o.id >= ?2
           AND (w.events = '[]' OR EXISTS (SELECT 1 FROM json_each(w.events) k WHERE k.value = o.kind))",
        params![tenant.as_str(), from],
    )?;
    let sql = "UPDATE webhooks SET due_at = min(coalesce(due_at, ?2), ?2) WHERE tenant = ?1";
    execute(db, sql, params![tenant.as_str(), now])?;
    first_of_lanes(db, tenant, None, from, now)
}

/// Lets the first of each lane be due at `now` that waits for nothing: of one webhook or all, from an event on.
pub(super) fn first_of_lanes(
    db: &Connection,
    tenant: &TenantCode,
    webhook: Option<&str>,
    from: i64,
    now: Millis,
) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE deliveries SET due_at = ?4
         WHERE tenant = ?1 AND webhook IN (SELECT id FROM webhooks WHERE tenant = ?1 AND (?2 IS NULL OR id = ?2))
           AND event >= ?3 AND state = 'WAITING' AND due_at IS NULL
           AND (lane = 0 OR NOT EXISTS (
                SELECT 1 FROM deliveries e WHERE e.tenant = deliveries.tenant AND e.webhook = deliveries.webhook
                  AND e.lane = deliveries.lane AND e.state = 'WAITING' AND e.event < deliveries.event))",
        params![tenant.as_str(), webhook, from, now],
    )?;
    Ok(())
}

pub(super) fn claim(
    db: &Connection,
    key: &Key,
    turn: &WebhookTurn,
    (holder, ttl_ms): (&str, Millis),
    now: Millis,
    most: u32,
) -> Result<Option<Batch>, Fail> {
    static TAKE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE webhooks SET lease_holder = ?3, lease_until = {NOW} + ?4
             WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL AND (lease_until <= {NOW} OR lease_holder = ?3)
             RETURNING url, sealed, failing_since"
        )
    });
    let WebhookTurn { tenant, webhook } = turn;
    let taken = first(db, &TAKE, params![tenant.as_str(), webhook, holder, ttl_ms], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<Millis>>(2)?))
    })?;
    let Some((url, sealed, failing_since)) = taken else {
        // If it was ours and is disabled by now, it is ours no longer.
        give_back(db, turn, holder)?;
        return Ok(None);
    };
    let due = each(
        db,
        "SELECT d.event, o.event, o.body, d.attempts, d.begun_at
         FROM deliveries d JOIN outbox o ON o.tenant = d.tenant AND o.id = d.event
         WHERE d.tenant = ?1 AND d.webhook = ?2 AND d.due_at <= ?3 ORDER BY d.due_at, d.event LIMIT ?4",
        params![tenant.as_str(), webhook, now, if failing_since.is_some() { 1 } else { most }],
        |row| {
            Ok(Due {
                number: row.get(0)?,
                event: row.get(1)?,
                body: row.get(2)?,
                attempts: row.get(3)?,
                begun_at: row.get(4)?,
            })
        },
    )?;
    if due.is_empty() {
        give_back(db, turn, holder)?;
    }
    let secrets = Secrets::open(key, tenant, webhook, &sealed)?.at(now);
    Ok(Some(Batch { url, secrets, failing_since, due }))
}

pub(super) fn give_back(db: &Connection, turn: &WebhookTurn, holder: &str) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE webhooks SET lease_holder = NULL, lease_until = 0, due_at = (
             SELECT min(due_at) FROM deliveries WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NOT NULL)
         WHERE tenant = ?1 AND id = ?2 AND lease_holder = ?3",
        params![turn.tenant.as_str(), turn.webhook, holder],
    )?;
    Ok(())
}

pub(super) fn note(
    db: &Connection,
    turn: &WebhookTurn,
    holder: &str,
    number: i64,
    attempt: &Attempt,
    ended: &Ended,
) -> Result<bool, Fail> {
    let (tenant, webhook) = (turn.tenant.as_str(), turn.webhook.as_str());
    let held = first(
        db,
        "SELECT failing_since FROM webhooks WHERE tenant = ?1 AND id = ?2 AND lease_holder = ?3",
        params![tenant, webhook, holder],
        |row| Ok(row.get::<_, Option<Millis>>(0)?),
    )?;
    let Some(failing_since) = held else { return Ok(false) };
    let waiting = first(
        db,
        "SELECT lane, log FROM deliveries WHERE tenant = ?1 AND webhook = ?2 AND event = ?3 AND state = 'WAITING'",
        params![tenant, webhook, number],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
    )?;
    let Some((lane, log)) = waiting else { return Ok(true) };
    let now = attempt.ended_at();
    execute(
        db,
        "UPDATE deliveries SET attempts = attempts + 1, begun_at = coalesce(begun_at, ?4), log = ?5, state = ?6,
             due_at = ?7, ended_at = ?8
         WHERE tenant = ?1 AND webhook = ?2 AND event = ?3",
        params![
            tenant,
            webhook,
            number,
            attempt.at,
            log_with(&log, attempt)?,
            ended.state().as_str(),
            ended.due_at(now),
            ended.is_over().then_some(now)
        ],
    )?;
    if ended.is_over() && lane != 0 {
        execute(
            db,
            "UPDATE deliveries SET due_at = ?4 WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NULL AND event = (
                 SELECT min(event) FROM deliveries
                 WHERE tenant = ?1 AND webhook = ?2 AND lane = ?3 AND state = 'WAITING')",
            params![tenant, webhook, lane, now],
        )?;
    }
    if *ended == Ended::Delivered {
        let sql = "UPDATE webhooks SET failing_since = NULL WHERE tenant = ?1 AND id = ?2";
        execute(db, sql, params![tenant, webhook])?;
        if failing_since.is_some_and(|since| now - since >= AWAY_MS) {
            let sql = "UPDATE deliveries SET due_at = ?3 WHERE tenant = ?1 AND webhook = ?2 AND due_at > ?3";
            execute(db, sql, params![tenant, webhook, now])?;
        }
    } else {
        let disabled = disabling(turn, ended, now);
        execute(
            db,
            "UPDATE webhooks SET failing_since = coalesce(failing_since, ?3), disabled_at = coalesce(disabled_at, ?4),
                 disabled_because = coalesce(disabled_because, ?5)
             WHERE tenant = ?1 AND id = ?2",
            params![
                tenant,
                webhook,
                attempt.at,
                disabled.as_ref().map(|_| now),
                disabled.as_ref().map(|(because, _)| because)
            ],
        )?;
        if let Some((_, action)) = disabled {
            super::access::note(db, &action)?;
        }
    }
    Ok(true)
}

pub(super) fn prune(db: &Connection, tenant: &TenantCode, before: Millis) -> Result<u64, Fail> {
    let gone: Vec<i64> = each(
        db,
        "DELETE FROM outbox WHERE tenant = ?1 AND id IN (
             SELECT o.id FROM outbox o WHERE o.tenant = ?1 AND o.at < ?2 AND NOT EXISTS (
                 SELECT 1 FROM deliveries d JOIN webhooks w ON w.tenant = d.tenant AND w.id = d.webhook
                 WHERE d.tenant = ?1 AND d.event = o.id AND d.state = 'WAITING' AND w.disabled_at IS NULL)
             LIMIT ?3)
         RETURNING id",
        params![tenant.as_str(), before, PRUNED_AT_ONCE],
        |row| Ok(row.get(0)?),
    )?;
    let sql = "DELETE FROM deliveries WHERE tenant = ?1 AND event IN (SELECT value FROM json_each(?2))";
    execute(db, sql, params![tenant.as_str(), json(&gone)?])?;
    Ok(gone.len() as u64)
}
