//! Webhooks as people set them, and the surface of everything about them.

use async_trait::async_trait;
use plugin_api::Millis;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    Postgres,
    connections::Tx,
    fault::Fail,
    job, outbox,
    scope::Access,
    setting::hold_tenant,
    statement::{body, count, each, execute, first, json, now, state, text, with},
};
use crate::{
    domain::codes::TenantCode,
    secrets::{Key, Secret},
    storage::{
        Attempt, Backlog, Batch, Delivery, DeliveryState, Ended, EventKind, Result, Webhook, WebhookEdit,
        WebhookStore, WebhookTurn,
        outbox::{Secrets, no_webhook},
    },
};

const COLUMNS: &str = "id, label, url, events, created_at, disabled_at, disabled_because, failing_since,
    (SELECT count(*) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'WAITING'),
    (SELECT min(created_at) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'WAITING'),
    (SELECT count(*) FROM deliveries d WHERE d.tenant = w.tenant AND d.webhook = w.id AND d.state = 'FAILED')";

#[async_trait]
impl WebhookStore for Postgres {
    async fn add_webhook(&self, tenant: &TenantCode, webhook: &Webhook, secret: &Secret) -> Result<()> {
        let sealed = Secrets::new(secret).seal(&self.key, tenant, &webhook.id)?;
        let (code, webhook) = (tenant.clone(), webhook.clone());
        let add = job!(|db| add(db, &code, &webhook, &sealed).await);
        self.write("was adding a webhook", tenant, add).await
    }

    async fn webhooks(&self, tenant: &TenantCode) -> Result<Vec<Webhook>> {
        let code = tenant.clone();
        let list = job!(|db| {
            let sql = format!("SELECT {COLUMNS} FROM webhooks w WHERE tenant = $1 ORDER BY id");
            each(db, AssertSqlSafe(sql), with![code.as_str()], webhook).await
        });
        self.read("was listing webhooks", tenant, list).await
    }

    async fn webhook(&self, tenant: &TenantCode, id: &str) -> Result<Option<Webhook>> {
        let (code, id) = (tenant.clone(), id.to_owned());
        let one = job!(|db| {
            let sql = format!("SELECT {COLUMNS} FROM webhooks w WHERE tenant = $1 AND id = $2");
            first(db, AssertSqlSafe(sql), with![code.as_str(), id], webhook).await
        });
        self.read("was reading a webhook", tenant, one).await
    }

    async fn set_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        edit: &WebhookEdit,
        now: Millis,
    ) -> Result<()> {
        let (code, id, edit) = (tenant.clone(), id.to_owned(), edit.clone());
        let set = job!(|db| set(db, &code, &id, &edit, now).await);
        self.write("was changing a webhook", tenant, set).await
    }

    async fn remove_webhook(&self, tenant: &TenantCode, id: &str) -> Result<()> {
        let (code, id) = (tenant.clone(), id.to_owned());
        let remove = job!(|db| remove(db, &code, &id).await);
        self.write("was removing a webhook", tenant, remove).await
    }

    async fn rotate_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        next: &Secret,
        old_until: Millis,
    ) -> Result<()> {
        let (code, id, next, key) = (tenant.clone(), id.to_owned(), next.clone(), self.key.clone());
        let rotate = job!(|db| {
            hold(db, &code, &id).await?;
            let secrets = secrets(db, &key, &code, &id).await?.ok_or_else(|| no_webhook(&code, &id))?;
            let sealed = secrets.rotated(&next, old_until).seal(&key, &code, &id)?;
            let sql = "UPDATE webhooks SET sealed = $3 WHERE tenant = $1 AND id = $2";
            execute(db, sql, with![code.as_str(), id, sealed]).await?;
            Ok(())
        });
        self.write("was changing a webhook's secret", tenant, rotate).await
    }

    async fn webhook_secrets(&self, tenant: &TenantCode, id: &str, now: Millis) -> Result<Vec<Secret>> {
        let (code, id, key) = (tenant.clone(), id.to_owned(), self.key.clone());
        let read = job!(|db| {
            let secrets = secrets(db, &key, &code, &id).await?;
            Ok(secrets.map(|secrets| secrets.at(now)).unwrap_or_default())
        });
        self.read("was reading a webhook's secret", tenant, read).await
    }

    async fn deliveries(
        &self,
        tenant: &TenantCode,
        id: &str,
        state: Option<DeliveryState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let (code, id) = (tenant.clone(), id.to_owned());
        let list = job!(|db| {
            each(
                db,
                "SELECT d.event, o.event, o.kind, o.order_code, d.state, d.created_at, d.due_at, d.ended_at, d.log
                 FROM deliveries d JOIN outbox o ON o.tenant = d.tenant AND o.id = d.event
                 WHERE d.tenant = $1 AND d.webhook = $2 AND ($3::text IS NULL OR d.state = $3) AND d.event < $4
                 ORDER BY d.event DESC LIMIT $5",
                with![
                    code.as_str(),
                    id,
                    state.map(DeliveryState::as_str),
                    after.unwrap_or(i64::MAX),
                    i64::from(limit)
                ],
                delivery,
            )
            .await
        });
        self.read("was listing deliveries", tenant, list).await
    }

    async fn replay_webhook(&self, tenant: &TenantCode, id: &str, since: Millis, now: Millis) -> Result<u64> {
        let (code, id) = (tenant.clone(), id.to_owned());
        let replay = job!(|db| replay(db, &code, &id, since, now).await);
        self.write("was replaying to a webhook", tenant, replay).await
    }

    async fn due_webhooks(&self, now: Millis, limit: u32) -> Result<Vec<WebhookTurn>> {
        let look = job!(|db| {
            each(
                db,
                concat!(
                    "SELECT tenant, id FROM webhooks WHERE disabled_at IS NULL AND due_at <= $1 AND lease_until <= ",
                    now!(),
                    " ORDER BY due_at, tenant, id LIMIT $2"
                ),
                with![now, i64::from(limit)],
                |row| Ok(WebhookTurn { tenant: text(row, 0)?, webhook: text(row, 1)? }),
            )
            .await
        });
        self.host("was looking for due webhooks", Access::Read, look).await
    }

    async fn claim_webhook(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        ttl_ms: Millis,
        now: Millis,
        most: u32,
    ) -> Result<Option<Batch>> {
        let (of, holder, key) = (turn.clone(), holder.to_owned(), self.key.clone());
        let claim = job!(|db| outbox::claim(db, &key, &of, (&holder, ttl_ms), now, most).await);
        self.write("was claiming a webhook", &turn.tenant, claim).await
    }

    async fn note_attempt(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        number: i64,
        attempt: &Attempt,
        ended: &Ended,
    ) -> Result<bool> {
        let (of, holder) = (turn.clone(), holder.to_owned());
        let (attempt, ended) = (attempt.clone(), ended.clone());
        let note = job!(|db| outbox::note(db, &of, &holder, number, &attempt, &ended).await);
        self.write("was noting a delivery", &turn.tenant, note).await
    }

    async fn give_back_webhook(&self, turn: &WebhookTurn, holder: &str) -> Result<()> {
        let (of, holder) = (turn.clone(), holder.to_owned());
        let give = job!(|db| outbox::give_back(db, &of, &holder).await);
        self.write("was giving a webhook back", &turn.tenant, give).await
    }

    async fn prune_outbox(&self, tenant: &TenantCode, before: Millis) -> Result<u64> {
        let code = tenant.clone();
        let prune = job!(|db| outbox::prune(db, &code, before).await);
        self.write("was pruning an outbox", tenant, prune).await
    }

    async fn tenants_with_webhooks(&self) -> Result<Vec<TenantCode>> {
        let list = job!(|db| {
            let sql = "SELECT tenant FROM tenants WHERE webhooks > 0 ORDER BY tenant";
            each(db, sql, with![], |row| text(row, 0)).await
        });
        self.host("was listing tenants", Access::Read, list).await
    }

    async fn backlog(&self) -> Result<Backlog> {
        let look = job!(|db| {
            let found = first(
                db,
                "SELECT count(*), min(created_at), (SELECT count(*) FROM deliveries WHERE state = 'FAILED'),
                     (SELECT count(*) FROM webhooks WHERE disabled_at IS NOT NULL)
                 FROM deliveries WHERE state = 'WAITING'",
                with![],
                |row| {
                    Ok(Backlog {
                        waiting: count(row, 0)?,
                        oldest_at: row.try_get(1)?,
                        failed: count(row, 2)?,
                        disabled: count(row, 3)?,
                    })
                },
            );
            Ok(found.await?.unwrap_or_default())
        });
        self.host("was looking what waits for webhooks", Access::Read, look).await
    }
}

async fn add(
    db: &mut Tx,
    tenant: &TenantCode,
    new: &Webhook,
    sealed: &[u8],
) -> std::result::Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    execute(
        db,
        "INSERT INTO webhooks (tenant, id, label, url, events, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        with![
            tenant.as_str(),
            new.id.as_str(),
            new.label.as_str(),
            new.url.as_str(),
            json(&new.events)?,
            sealed,
            new.created_at
        ],
    )
    .await?;
    recount(db, tenant).await
}

async fn recount(db: &mut Tx, tenant: &TenantCode) -> std::result::Result<(), Fail> {
    let sql =
        "UPDATE tenants SET webhooks = (SELECT count(*) FROM webhooks WHERE tenant = $1) WHERE tenant = $1";
    execute(db, sql, with![tenant.as_str()]).await?;
    Ok(())
}

/// Holds the row of a webhook, as who writes of its deliveries does.
async fn hold(db: &mut Tx, tenant: &TenantCode, id: &str) -> std::result::Result<(), Fail> {
    let sql = "SELECT 1 FROM webhooks WHERE tenant = $1 AND id = $2 FOR NO KEY UPDATE";
    let found = first(db, sql, with![tenant.as_str(), id], |_| Ok(())).await?;
    found.ok_or_else(|| no_webhook(tenant, id).into())
}

fn webhook(row: &PgRow) -> std::result::Result<Webhook, Fail> {
    Ok(Webhook {
        id: text(row, 0)?,
        label: text(row, 1)?,
        url: text(row, 2)?,
        events: body(row, 3, "list of events")?,
        created_at: row.try_get(4)?,
        disabled_at: row.try_get(5)?,
        disabled_because: row.try_get(6)?,
        failing_since: row.try_get(7)?,
        waiting: count(row, 8)?,
        oldest_waiting_at: row.try_get(9)?,
        failed: count(row, 10)?,
    })
}

fn delivery(row: &PgRow) -> std::result::Result<Delivery, Fail> {
    let order: String = text(row, 3)?;
    Ok(Delivery {
        number: row.try_get(0)?,
        event: text(row, 1)?,
        kind: state(row, 2, "kind of event", EventKind::parse)?,
        order: Some(order).filter(|order| !order.is_empty()),
        state: state(row, 4, "state of a delivery", DeliveryState::parse)?,
        created_at: row.try_get(5)?,
        due_at: row.try_get(6)?,
        ended_at: row.try_get(7)?,
        attempts: body(row, 8, "list of attempts")?,
    })
}

async fn secrets(
    db: &mut Tx,
    key: &Key,
    tenant: &TenantCode,
    id: &str,
) -> std::result::Result<Option<Secrets>, Fail> {
    let sql = "SELECT sealed FROM webhooks WHERE tenant = $1 AND id = $2";
    let read = first(db, sql, with![tenant.as_str(), id], |row| Ok(row.try_get::<Vec<u8>, _>(0)?));
    let sealed = read.await?;
    Ok(sealed.map(|sealed| Secrets::open(key, tenant, id, &sealed)).transpose()?)
}

async fn set(
    db: &mut Tx,
    tenant: &TenantCode,
    id: &str,
    edit: &WebhookEdit,
    now: Millis,
) -> std::result::Result<(), Fail> {
    let WebhookEdit { label, url, events, enabled } = edit;
    let was_disabled = first(
        db,
        "UPDATE webhooks SET label = coalesce($3, label), url = coalesce($4, url), events = coalesce($5, events)
         WHERE tenant = $1 AND id = $2 RETURNING disabled_at IS NOT NULL",
        with![
            tenant.as_str(),
            id,
            label.as_deref(),
            url.as_deref(),
            events.as_ref().map(json).transpose()?
        ],
        |row| Ok(row.try_get::<bool, _>(0)?),
    )
    .await?
    .ok_or_else(|| no_webhook(tenant, id))?;
    match (enabled, was_disabled) {
        (Some(true), true) => {
            execute(
                db,
                "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL, failing_since = NULL, due_at = $3
                 WHERE tenant = $1 AND id = $2",
                with![tenant.as_str(), id, now],
            )
            .await?;
            begin_anew(db, tenant, id, now).await?;
        }
        (Some(false), false) => {
            execute(
                db,
                "UPDATE webhooks SET disabled_at = $3, disabled_because = 'a person disabled it'
                 WHERE tenant = $1 AND id = $2",
                with![tenant.as_str(), id, now],
            )
            .await?;
        }
        (Some(true), false) | (Some(false), true) | (None, _) => {}
    }
    Ok(())
}

/// Begins with everything that waits for a webhook as if nothing had been tried.
async fn begin_anew(
    db: &mut Tx,
    tenant: &TenantCode,
    id: &str,
    now: Millis,
) -> std::result::Result<(), Fail> {
    execute(
        db,
        "UPDATE deliveries SET due_at = NULL, attempts = 0, begun_at = NULL
         WHERE tenant = $1 AND webhook = $2 AND state = 'WAITING'",
        with![tenant.as_str(), id],
    )
    .await?;
    outbox::first_of_lanes(db, tenant, Some(id), 0, now).await
}

async fn replay(
    db: &mut Tx,
    tenant: &TenantCode,
    id: &str,
    since: Millis,
    now: Millis,
) -> std::result::Result<u64, Fail> {
    hold(db, tenant, id).await?;
    let sql = "UPDATE webhooks SET due_at = $3 WHERE tenant = $1 AND id = $2";
    execute(db, sql, with![tenant.as_str(), id, now]).await?;
    let made = execute(
        db,
        "INSERT INTO deliveries (tenant, webhook, event, lane, state, created_at)
         SELECT $1, w.id, o.id, o.lane, 'WAITING', $4 FROM webhooks w CROSS JOIN outbox o
         WHERE w.tenant = $1 AND w.id = $2 AND o.tenant = $1 AND o.at >= $3
           AND (w.events = '[]' OR o.kind IN (SELECT json_array_elements_text(w.events::json)))
         ON CONFLICT (tenant, webhook, event) DO UPDATE
         SET state = excluded.state, created_at = excluded.created_at, ended_at = NULL",
        with![tenant.as_str(), id, since, now],
    )
    .await?;
    begin_anew(db, tenant, id, now).await?;
    Ok(made)
}

async fn remove(db: &mut Tx, tenant: &TenantCode, id: &str) -> std::result::Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    let sql = "DELETE FROM webhooks WHERE tenant = $1 AND id = $2";
    if execute(db, sql, with![tenant.as_str(), id]).await? == 0 {
        return Err(no_webhook(tenant, id).into());
    }
    let sql = "DELETE FROM deliveries WHERE tenant = $1 AND webhook = $2";
    execute(db, sql, with![tenant.as_str(), id]).await?;
    recount(db, tenant).await?;
    let sql =
        "DELETE FROM outbox WHERE tenant = $1 AND NOT EXISTS (SELECT 1 FROM webhooks WHERE tenant = $1)";
    execute(db, sql, with![tenant.as_str()]).await?;
    Ok(())
}
