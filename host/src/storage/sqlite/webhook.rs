//! Webhooks as people set them, and the surface of everything about them.

use async_trait::async_trait;
use plugin_api::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    fault::Fail,
    json::{each, execute, first, json, other, record, state},
    outbox, setting,
    versions::Touches,
    writer::{Kind, Weight},
};
use crate::{
    domain::codes::TenantCode,
    secrets::{Key, Secret},
    storage::{
        Attempt, Backlog, Batch, Delivery, DeliveryState, Ended, EventKind, Mode, Result, Webhook,
        WebhookEdit, WebhookStore, WebhookTurn,
        outbox::{Secrets, no_webhook},
    },
};

const COLUMNS: &str = "id, label, url, events, created_at, disabled_at, disabled_because, failing_since,
    (SELECT count(*) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'WAITING'),
    (SELECT min(created_at) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'WAITING'),
    (SELECT count(*) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'FAILED')";

#[async_trait]
impl WebhookStore for Sqlite {
    async fn add_webhook(&self, tenant: &TenantCode, webhook: &Webhook, secret: &Secret) -> Result<()> {
        let sealed = Secrets::new(secret).seal(&self.key, tenant, &webhook.id)?;
        let (tenant, webhook) = (tenant.clone(), webhook.clone());
        self.write("was adding a webhook", move |db| add(db, &tenant, &webhook, &sealed)).await
    }

    async fn webhooks(&self, tenant: &TenantCode) -> Result<Vec<Webhook>> {
        let tenant = tenant.clone();
        self.read("was listing webhooks", move |db| {
            let sql = format!("SELECT {COLUMNS} FROM webhooks w WHERE tenant = ?1 ORDER BY id");
            each(db, &sql, [tenant.as_str()], webhook)
        })
        .await
    }

    async fn webhook(&self, tenant: &TenantCode, id: &str) -> Result<Option<Webhook>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read("was reading a webhook", move |db| {
            let sql = format!("SELECT {COLUMNS} FROM webhooks w WHERE tenant = ?1 AND id = ?2");
            first(db, &sql, params![tenant.as_str(), id], webhook)
        })
        .await
    }

    async fn set_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        edit: &WebhookEdit,
        now: Millis,
    ) -> Result<()> {
        let (tenant, id, edit) = (tenant.clone(), id.to_owned(), edit.clone());
        self.write("was changing a webhook", move |db| set(db, &tenant, &id, &edit, now)).await
    }

    async fn remove_webhook(&self, tenant: &TenantCode, id: &str) -> Result<()> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.write("was removing a webhook", move |db| remove(db, &tenant, &id)).await
    }

    async fn rotate_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        next: &Secret,
        old_until: Millis,
    ) -> Result<()> {
        let (tenant, id, next, key) = (tenant.clone(), id.to_owned(), next.clone(), self.key.clone());
        self.write("was changing a webhook's secret", move |db| {
            let sealed = secrets(db, &key, &tenant, &id)?
                .ok_or_else(|| no_webhook(&tenant, &id))?
                .rotated(&next, old_until);
            let sql = "UPDATE webhooks SET sealed = ?3 WHERE tenant = ?1 AND id = ?2";
            execute(db, sql, params![tenant.as_str(), id, sealed.seal(&key, &tenant, &id)?])?;
            Ok(())
        })
        .await
    }

    async fn webhook_secrets(&self, tenant: &TenantCode, id: &str, now: Millis) -> Result<Vec<Secret>> {
        let (tenant, id, key) = (tenant.clone(), id.to_owned(), self.key.clone());
        self.read("was reading a webhook's secret", move |db| {
            Ok(secrets(db, &key, &tenant, &id)?.map(|secrets| secrets.at(now)).unwrap_or_default())
        })
        .await
    }

    async fn deliveries(
        &self,
        tenant: &TenantCode,
        id: &str,
        state: Option<DeliveryState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read("was listing deliveries", move |db| {
            each(
                db,
                "SELECT d.event, o.event, o.kind, o.order_code, d.state, d.created_at, d.due_at, d.ended_at, d.log
                 FROM deliveries d JOIN outbox o ON o.tenant = d.tenant AND o.id = d.event
                 WHERE d.tenant = ?1 AND d.webhook = ?2 AND (?3 IS NULL OR d.state = ?3) AND d.event < ?4
                 ORDER BY d.event DESC LIMIT ?5",
                params![
                    tenant.as_str(),
                    id,
                    state.map(DeliveryState::as_str),
                    after.unwrap_or(i64::MAX),
                    limit
                ],
                delivery,
            )
        })
        .await
    }

    async fn replay_webhook(&self, tenant: &TenantCode, id: &str, since: Millis, now: Millis) -> Result<u64> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.write("was replaying to a webhook", move |db| replay(db, &tenant, &id, since, now)).await
    }

    async fn due_webhooks(&self, now: Millis, limit: u32) -> Result<Vec<WebhookTurn>> {
        self.read("was looking for due webhooks", move |db| {
            let sql = format!(
                "SELECT tenant, id FROM webhooks WHERE disabled_at IS NULL AND due_at <= ?1 AND lease_until <= {}
                 ORDER BY due_at, tenant, id LIMIT ?2",
                super::schema::NOW
            );
            each(db, &sql, params![now, limit], |row| {
                Ok(WebhookTurn { tenant: row.get::<_, String>(0)?.into(), webhook: row.get(1)? })
            })
        })
        .await
    }

    async fn claim_webhook(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        ttl_ms: Millis,
        now: Millis,
        most: u32,
    ) -> Result<Option<Batch>> {
        let (turn, holder, key) = (turn.clone(), holder.to_owned(), self.key.clone());
        self.write_beside("was claiming a webhook", move |db| {
            outbox::claim(db, &key, &turn, (&holder, ttl_ms), now, most)
        })
        .await
    }

    async fn note_attempt(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        number: i64,
        attempt: &Attempt,
        ended: &Ended,
    ) -> Result<bool> {
        let (turn, holder) = (turn.clone(), holder.to_owned());
        let (attempt, ended) = (attempt.clone(), ended.clone());
        // It may be the one after which the webhook is given up.
        let touches = Touches::tenant(&turn.tenant);
        let kind = Kind { weight: Weight::Light, touches, mode: Mode::Commit };
        self.writer
            .write("was noting a delivery", kind, move |db| {
                outbox::note(db, &turn, &holder, number, &attempt, &ended)
            })
            .await
    }

    async fn give_back_webhook(&self, turn: &WebhookTurn, holder: &str) -> Result<()> {
        let (turn, holder) = (turn.clone(), holder.to_owned());
        self.write_beside("was giving a webhook back", move |db| outbox::give_back(db, &turn, &holder)).await
    }

    async fn prune_outbox(&self, tenant: &TenantCode, before: Millis) -> Result<u64> {
        let tenant = tenant.clone();
        self.write_beside("was pruning an outbox", move |db| outbox::prune(db, &tenant, before)).await
    }

    async fn tenants_with_webhooks(&self) -> Result<Vec<TenantCode>> {
        self.read("was listing tenants", move |db| {
            let sql = "SELECT tenant FROM tenants WHERE webhooks > 0 ORDER BY tenant";
            each(db, sql, [], |row| Ok(row.get::<_, String>(0)?.into()))
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.read("was looking what waits for webhooks", move |db| {
            let found = first(
                db,
                "SELECT count(*), min(created_at), (SELECT count(*) FROM deliveries WHERE state = 'FAILED'),
                     (SELECT count(*) FROM webhooks WHERE disabled_at IS NOT NULL)
                 FROM deliveries WHERE state = 'WAITING'",
                [],
                |row| {
                    Ok(Backlog {
                        waiting: row.get::<_, i64>(0)?.unsigned_abs(),
                        oldest_at: row.get(1)?,
                        failed: row.get::<_, i64>(2)?.unsigned_abs(),
                        disabled: row.get::<_, i64>(3)?.unsigned_abs(),
                    })
                },
            )?;
            Ok(found.unwrap_or_default())
        })
        .await
    }
}

fn add(db: &Connection, tenant: &TenantCode, new: &Webhook, sealed: &[u8]) -> std::result::Result<(), Fail> {
    setting::known_tenant(db, tenant)?;
    execute(
        db,
        "INSERT INTO webhooks (tenant, id, label, url, events, sealed, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![tenant.as_str(), new.id, new.label, new.url, json(&new.events)?, sealed, new.created_at],
    )?;
    recount(db, tenant)
}

fn recount(db: &Connection, tenant: &TenantCode) -> std::result::Result<(), Fail> {
    let sql =
        "UPDATE tenants SET webhooks = (SELECT count(*) FROM webhooks WHERE tenant = ?1) WHERE tenant = ?1";
    execute(db, sql, [tenant.as_str()])?;
    Ok(())
}

fn webhook(row: &Row<'_>) -> std::result::Result<Webhook, Fail> {
    Ok(Webhook {
        id: row.get(0)?,
        label: row.get(1)?,
        url: row.get(2)?,
        events: record("list of events", row.get_ref(3)?.as_str().map_err(other)?)?,
        created_at: row.get(4)?,
        disabled_at: row.get(5)?,
        disabled_because: row.get(6)?,
        failing_since: row.get(7)?,
        waiting: row.get::<_, i64>(8)?.unsigned_abs(),
        oldest_waiting_at: row.get(9)?,
        failed: row.get::<_, i64>(10)?.unsigned_abs(),
    })
}

fn delivery(row: &Row<'_>) -> std::result::Result<Delivery, Fail> {
    let order: String = row.get(3)?;
    Ok(Delivery {
        number: row.get(0)?,
        event: row.get(1)?,
        kind: state("kind of event", row.get_ref(2)?.as_str().map_err(other)?, EventKind::parse)?,
        order: Some(order).filter(|order| !order.is_empty()),
        state: state("state of a delivery", row.get_ref(4)?.as_str().map_err(other)?, DeliveryState::parse)?,
        created_at: row.get(5)?,
        due_at: row.get(6)?,
        ended_at: row.get(7)?,
        attempts: record("list of attempts", row.get_ref(8)?.as_str().map_err(other)?)?,
    })
}

fn secrets(
    db: &Connection,
    key: &Key,
    tenant: &TenantCode,
    id: &str,
) -> std::result::Result<Option<Secrets>, Fail> {
    let sql = "SELECT sealed FROM webhooks WHERE tenant = ?1 AND id = ?2";
    let sealed = first(db, sql, params![tenant.as_str(), id], |row| Ok(row.get::<_, Vec<u8>>(0)?))?;
    Ok(sealed.map(|sealed| Secrets::open(key, tenant, id, &sealed)).transpose()?)
}

fn set(
    db: &Connection,
    tenant: &TenantCode,
    id: &str,
    edit: &WebhookEdit,
    now: Millis,
) -> std::result::Result<(), Fail> {
    let WebhookEdit { label, url, events, enabled } = edit;
    let was_disabled = first(
        db,
        "UPDATE webhooks SET label = coalesce(?3, label), url = coalesce(?4, url), events = coalesce(?5, events)
         WHERE tenant = ?1 AND id = ?2 RETURNING disabled_at IS NOT NULL",
        params![tenant.as_str(), id, label, url, events.as_ref().map(json).transpose()?],
        |row| Ok(row.get::<_, bool>(0)?),
    )?
    .ok_or_else(|| no_webhook(tenant, id))?;
    match (enabled, was_disabled) {
        (Some(true), true) => {
            execute(
                db,
                "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL, failing_since = NULL, due_at = ?3
                 WHERE tenant = ?1 AND id = ?2",
                params![tenant.as_str(), id, now],
            )?;
            begin_anew(db, tenant, id, now)?;
        }
        (Some(false), false) => {
            execute(
                db,
                "UPDATE webhooks SET disabled_at = ?3, disabled_because = 'a person disabled it'
                 WHERE tenant = ?1 AND id = ?2",
                params![tenant.as_str(), id, now],
            )?;
        }
        (Some(true), false) | (Some(false), true) | (None, _) => {}
    }
    Ok(())
}

/// Begins with everything that waits for a webhook as if nothing had been tried.
fn begin_anew(db: &Connection, tenant: &TenantCode, id: &str, now: Millis) -> std::result::Result<(), Fail> {
    execute(
        db,
        "UPDATE deliveries SET due_at = NULL, attempts = 0, begun_at = NULL
         WHERE tenant = ?1 AND webhook = ?2 AND state = 'WAITING'",
        params![tenant.as_str(), id],
    )?;
    outbox::first_of_lanes(db, tenant, Some(id), 0, now)
}

fn replay(
    db: &Connection,
    tenant: &TenantCode,
    id: &str,
    since: Millis,
    now: Millis,
) -> std::result::Result<u64, Fail> {
    let sql = "UPDATE webhooks SET due_at = ?3 WHERE tenant = ?1 AND id = ?2";
    if execute(db, sql, params![tenant.as_str(), id, now])? == 0 {
        return Err(no_webhook(tenant, id).into());
    }
    let made = execute(
        db,
        "INSERT INTO deliveries (tenant, webhook, event, lane, state, created_at)
         SELECT ?1, w.id, o.id, o.lane, 'WAITING', ?4 FROM webhooks w CROSS JOIN outbox o
         WHERE w.tenant = ?1 AND w.id = ?2 AND o.tenant = ?1 AND o.at >= ?3
           AND (w.events = '[]' OR EXISTS (SELECT 1 FROM json_each(w.events) k WHERE k.value = o.kind))
         ON CONFLICT (tenant, webhook, event) DO UPDATE
         SET state = excluded.state, created_at = excluded.created_at, ended_at = NULL",
        params![tenant.as_str(), id, since, now],
    )?;
    begin_anew(db, tenant, id, now)?;
    Ok(made as u64)
}

fn remove(db: &Connection, tenant: &TenantCode, id: &str) -> std::result::Result<(), Fail> {
    let sql = "DELETE FROM webhooks WHERE tenant = ?1 AND id = ?2";
    if execute(db, sql, params![tenant.as_str(), id])? == 0 {
        return Err(no_webhook(tenant, id).into());
    }
    execute(db, "DELETE FROM deliveries WHERE tenant = ?1 AND webhook = ?2", params![tenant.as_str(), id])?;
    recount(db, tenant)?;
    let sql =
        "DELETE FROM outbox WHERE tenant = ?1 AND NOT EXISTS (SELECT 1 FROM webhooks WHERE tenant = ?1)";
    execute(db, sql, [tenant.as_str()])?;
    Ok(())
}
