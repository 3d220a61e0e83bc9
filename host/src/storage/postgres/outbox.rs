//! The outbox and its deliveries: written with the change, claimed, noted, removed.
//!
//! Whoever writes of them holds the webhooks' rows first, by id and after every other row. So entries of a tenant are
//! numbered in the order in which they are committed, and who looks what is due next sees what others have just written.

use std::collections::BTreeSet;

use plugin_api::Millis;
use sqlx::Row as _;

use super::{
    connections::Tx,
    fault::Fail,
    statement::{each, execute, first, now, text, with},
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
pub(super) async fn tell_page(
    db: &mut Tx,
    tenant: &TenantCode,
    keys: &PageKeys,
    (has_webhooks, known): (bool, Option<&BTreeSet<String>>),
    result: &PageResult,
) -> Result<(), Fail> {
    if !has_webhooks || result.changes.is_empty() && known.is_none() {
        return Ok(());
    }
    tell(db, tenant, &events::of_page(tenant, result, known, keys.now)?, keys.now).await
}

/// Writes down that a run has ended, if somebody is to be told.
pub(super) async fn tell_run(db: &mut Tx, run: &Run, end: &RunEnd) -> Result<(), Fail> {
    let Some(event) = events::of_run(run, end)? else { return Ok(()) };
    let sql = "SELECT 1 FROM tenants WHERE tenant = $1 AND webhooks > 0";
    if first(db, sql, with![run.tenant.as_str()], |_| Ok(())).await?.is_none() {
        return Ok(());
    }
    tell(db, &run.tenant, &[event], end.ended_at).await
}

/// Holds the rows of all webhooks of a tenant. Whether there are any.
async fn hold(db: &mut Tx, tenant: &TenantCode) -> Result<bool, Fail> {
    let sql = "SELECT 1 FROM webhooks WHERE tenant = $1 ORDER BY id FOR NO KEY UPDATE";
    Ok(!each(db, sql, with![tenant.as_str()], |_| Ok(())).await?.is_empty())
}

async fn tell(db: &mut Tx, tenant: &TenantCode, events: &[NewEvent], now: Millis) -> Result<(), Fail> {
    if events.is_empty() || !hold(db, tenant).await? {
        return Ok(());
    }
    let of = |of: fn(&NewEvent) -> &str| -> Vec<&str> { events.iter().map(of).collect() };
    let from = first(
        db,
        "WITH told AS (
             INSERT INTO outbox (tenant, event, kind, order_code, lane, at, body)
             SELECT $1, k.* FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[]) AS k
             RETURNING id)
         SELECT min(id) FROM told",
        with![
            tenant.as_str(),
            of(|event| &event.id),
            of(|event| event.kind.as_str()),
            of(|event| &event.order),
            events.iter().map(NewEvent::lane).collect::<Vec<i64>>(),
            events.iter().map(|event| event.at).collect::<Vec<i64>>(),
            of(|event| &event.body),
        ],
        |row| Ok(row.try_get::<i64, _>(0)?),
    )
    .await?
    .unwrap_or_default();
    execute(
        db,
        "INSERT INTO deliveries (tenant, webhook, event, lane, state, created_at)
         SELECT $1, w.id, o.id, o.lane, 'WAITING', o.at FROM webhooks w CROSS JOIN outbox o
         WHERE w.tenant = $1 AND o.tenant = $1 AND o.id >= $2
           AND (w.events = '[]' OR o.kind IN (SELECT json_array_elements_text(w.events::json)))",
        with![tenant.as_str(), from],
    )
    .await?;
    let sql = "UPDATE webhooks SET due_at = least(due_at, $2) WHERE tenant = $1";
    execute(db, sql, with![tenant.as_str(), now]).await?;
    first_of_lanes(db, tenant, None, from, now).await
}

/// Lets the first of each lane be due at `now` that waits for nothing: of one webhook or all, from an event on.
pub(super) async fn first_of_lanes(
    db: &mut Tx,
    tenant: &TenantCode,
    webhook: Option<&str>,
    from: i64,
    now: Millis,
) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE deliveries SET due_at = $4
         WHERE tenant = $1 AND webhook IN (SELECT id FROM webhooks WHERE tenant = $1 AND ($2::text IS NULL OR id = $2))
           AND event >= $3 AND state = 'WAITING' AND due_at IS NULL
           AND (lane = 0 OR NOT EXISTS (
                SELECT 1 FROM deliveries e WHERE e.tenant = deliveries.tenant AND e.webhook = deliveries.webhook
                  AND e.lane = deliveries.lane AND e.state = 'WAITING' AND e.event < deliveries.event))",
        with![tenant.as_str(), webhook, from, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn claim(
    db: &mut Tx,
    key: &Key,
    turn: &WebhookTurn,
    (holder, ttl_ms): (&str, Millis),
    now: Millis,
    most: u32,
) -> Result<Option<Batch>, Fail> {
    let WebhookTurn { tenant, webhook } = turn;
    let taken = first(
        db,
        concat!(
            "UPDATE webhooks SET lease_holder = $3, lease_until = ",
            now!(),
            " + $4 WHERE tenant = $1 AND id = $2 AND disabled_at IS NULL AND (lease_holder = $3 OR lease_until <= ",
            now!(),
            ") RETURNING url, sealed, failing_since"
        ),
        with![tenant.as_str(), webhook, holder, ttl_ms],
        |row| {
            let sealed: Vec<u8> = row.try_get(1)?;
            Ok((text::<String>(row, 0)?, sealed, row.try_get::<Option<Millis>, _>(2)?))
        },
    )
    .await?;
    let Some((url, sealed, failing_since)) = taken else {
        // If it was ours and is disabled by now, it is ours no longer.
        give_back(db, turn, holder).await?;
        return Ok(None);
    };
    let due = each(
        db,
        "SELECT d.event, o.event, o.body, d.attempts, d.begun_at
         FROM deliveries d JOIN outbox o ON o.tenant = d.tenant AND o.id = d.event
         WHERE d.tenant = $1 AND d.webhook = $2 AND d.due_at <= $3 ORDER BY d.due_at, d.event LIMIT $4",
        with![tenant.as_str(), webhook, now, if failing_since.is_some() { 1 } else { i64::from(most) }],
        |row| {
            Ok(Due {
                number: row.try_get(0)?,
                event: text(row, 1)?,
                body: text(row, 2)?,
                attempts: u32::try_from(row.try_get::<i64, _>(3)?).unwrap_or(u32::MAX),
                begun_at: row.try_get(4)?,
            })
        },
    )
    .await?;
    if due.is_empty() {
        give_back(db, turn, holder).await?;
    }
    let secrets = Secrets::open(key, tenant, webhook, &sealed)?.at(now);
    Ok(Some(Batch { url, secrets, failing_since, due }))
}

/// With a lock on the row first: what others had written before it was had is seen then.
pub(super) async fn give_back(db: &mut Tx, turn: &WebhookTurn, holder: &str) -> Result<(), Fail> {
    let (tenant, webhook) = (turn.tenant.as_str(), turn.webhook.as_str());
    let sql = "SELECT 1 FROM webhooks WHERE tenant = $1 AND id = $2 FOR NO KEY UPDATE";
    execute(db, sql, with![tenant, webhook]).await?;
    execute(
        db,
        "UPDATE webhooks SET lease_holder = NULL, lease_until = 0, due_at = (
             SELECT min(due_at) FROM deliveries WHERE tenant = $1 AND webhook = $2 AND due_at IS NOT NULL)
         WHERE tenant = $1 AND id = $2 AND lease_holder = $3",
        with![tenant, webhook, holder],
    )
    .await?;
    Ok(())
}

pub(super) async fn note(
    db: &mut Tx,
    turn: &WebhookTurn,
    holder: &str,
    number: i64,
    attempt: &Attempt,
    ended: &Ended,
) -> Result<bool, Fail> {
    let (tenant, webhook) = (turn.tenant.as_str(), turn.webhook.as_str());
    let held = first(
        db,
        "SELECT failing_since FROM webhooks WHERE tenant = $1 AND id = $2 AND lease_holder = $3 FOR NO KEY UPDATE",
        with![tenant, webhook, holder],
        |row| Ok(row.try_get::<Option<Millis>, _>(0)?),
    )
    .await?;
    let Some(failing_since) = held else { return Ok(false) };
    let waiting = first(
        db,
        "SELECT lane, log FROM deliveries WHERE tenant = $1 AND webhook = $2 AND event = $3 AND state = 'WAITING'",
        with![tenant, webhook, number],
        |row| Ok((row.try_get::<i64, _>(0)?, text::<String>(row, 1)?)),
    )
    .await?;
    let Some((lane, log)) = waiting else { return Ok(true) };
    let now = attempt.ended_at();
    execute(
        db,
        "UPDATE deliveries SET attempts = attempts + 1, begun_at = coalesce(begun_at, $4), log = $5, state = $6,
             due_at = $7, ended_at = $8
         WHERE tenant = $1 AND webhook = $2 AND event = $3",
        with![
            tenant,
            webhook,
            number,
            attempt.at,
            log_with(&log, attempt)?,
            ended.state().as_str(),
            ended.due_at(now),
            ended.is_over().then_some(now)
        ],
    )
    .await?;
    if ended.is_over() && lane != 0 {
        execute(
            db,
            "UPDATE deliveries SET due_at = $4 WHERE tenant = $1 AND webhook = $2 AND due_at IS NULL AND event = (
                 SELECT min(event) FROM deliveries
                 WHERE tenant = $1 AND webhook = $2 AND lane = $3 AND state = 'WAITING')",
            with![tenant, webhook, lane, now],
        )
        .await?;
    }
    if *ended == Ended::Delivered {
        let sql = "UPDATE webhooks SET failing_since = NULL WHERE tenant = $1 AND id = $2";
        execute(db, sql, with![tenant, webhook]).await?;
        if failing_since.is_some_and(|since| now - since >= AWAY_MS) {
            let sql = "UPDATE deliveries SET due_at = $3 WHERE tenant = $1 AND webhook = $2 AND due_at > $3";
            execute(db, sql, with![tenant, webhook, now]).await?;
        }
    } else {
        let disabled = disabling(turn, ended, now);
        execute(
            db,
            "UPDATE webhooks SET failing_since = coalesce(failing_since, $3), disabled_at = coalesce(disabled_at, $4),
                 disabled_because = coalesce(disabled_because, $5)
             WHERE tenant = $1 AND id = $2",
            with![
                tenant,
                webhook,
                attempt.at,
                disabled.as_ref().map(|_| now),
                disabled.as_ref().map(|(because, _)| because.as_str())
            ],
        )
        .await?;
        if let Some((_, action)) = disabled {
            super::access::note(db, &action).await?;
        }
    }
    Ok(true)
}

pub(super) async fn prune(db: &mut Tx, tenant: &TenantCode, before: Millis) -> Result<u64, Fail> {
    hold(db, tenant).await?;
    let gone: Vec<i64> = each(
        db,
        "DELETE FROM outbox WHERE tenant = $1 AND id IN (
             SELECT o.id FROM outbox o WHERE o.tenant = $1 AND o.at < $2 AND NOT EXISTS (
                 SELECT 1 FROM deliveries d JOIN webhooks w ON w.tenant = d.tenant AND w.id = d.webhook
                 WHERE d.tenant = $1 AND d.event = o.id AND d.state = 'WAITING' AND w.disabled_at IS NULL)
             LIMIT $3)
         RETURNING id",
        with![tenant.as_str(), before, i64::from(PRUNED_AT_ONCE)],
        |row| Ok(row.try_get(0)?),
    )
    .await?;
    let sql = "DELETE FROM deliveries WHERE tenant = $1 AND event = ANY($2)";
    let removed = gone.len() as u64;
    execute(db, sql, with![tenant.as_str(), gone]).await?;
    Ok(removed)
}
