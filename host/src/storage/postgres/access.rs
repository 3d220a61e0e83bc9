//! Keys of programs, answers to requests that may be repeated, who did what. Callers are known before it is known for which
//! tenant they ask, so all of it is done for the host.

use async_trait::async_trait;
use plugin_api::Millis;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    Postgres,
    connections::Tx,
    fault::Fail,
    job,
    scope::Access,
    statement::{body, each, execute, first, json, text, with},
};
use crate::{
    access::KeyHash,
    domain::codes::TenantCode,
    secrets::{Key, Secret},
    storage::{
        ANSWER_KEPT_MS, AccessStore, Action, ApiKey, Begun, REQUEST_HELD_MS, Result, SavedAnswer, StoreError,
        access::answer_place, record::record,
    },
};

const KEY_COLUMNS: &str = "id, tenant, label, scopes, created_at, expires_at, revoked_at, last_used_at, hash";

#[async_trait]
impl AccessStore for Postgres {
    async fn add_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<()> {
        let (key, hash) = (key.clone(), *hash);
        self.host("was adding a key", Access::Write, job!(|db| add(db, &key, &hash).await)).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<(ApiKey, KeyHash)>> {
        let id = id.to_owned();
        let read = job!(|db| {
            let sql = format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE id = $1");
            first(db, AssertSqlSafe(sql), with![id], |row| Ok((key(row)?, bytes(row, 8)?))).await
        });
        self.host("was reading a key", Access::Read, read).await
    }

    async fn api_keys(&self, tenant: Option<&TenantCode>) -> Result<Vec<ApiKey>> {
        let tenant = tenant.map(ToString::to_string);
        let read = job!(|db| {
            let sql = format!(
                "SELECT {KEY_COLUMNS} FROM api_keys WHERE $1::text IS NULL OR tenant = $1 ORDER BY id"
            );
            each(db, AssertSqlSafe(sql), with![tenant], key).await
        });
        self.host("was listing keys", Access::Read, read).await
    }

    async fn revoke_api_key(&self, id: &str, now: Millis) -> Result<()> {
        let id = id.to_owned();
        let revoke = job!(|db| {
            let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1";
            let found = execute(db, sql, with![id.as_str(), now]).await?;
            if found == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("API key {id}")).into()) }
        });
        self.host("was revoking a key", Access::Write, revoke).await
    }

    async fn api_key_was_used(&self, id: &str, now: Millis) -> Result<()> {
        let id = id.to_owned();
        let note = job!(|db| {
            execute(db, "UPDATE api_keys SET last_used_at = $2 WHERE id = $1", with![id, now]).await?;
            Ok(())
        });
        self.host("was noting the use of a key", Access::Write, note).await
    }

    async fn begin_request(
        &self,
        owner: &str,
        key: &str,
        fingerprint: &[u8; 32],
        now: Millis,
    ) -> Result<Begun> {
        let (owner, request, fingerprint, seal) =
            (owner.to_owned(), key.to_owned(), *fingerprint, self.key.clone());
        let begin = job!(|db| begin(db, &seal, [&owner, &request], &fingerprint, now).await);
        self.host("was beginning a request", Access::Write, begin).await
    }

    async fn save_answer(&self, owner: &str, key: &str, answer: &SavedAnswer) -> Result<()> {
        let (owner, request, answer, seal) =
            (owner.to_owned(), key.to_owned(), answer.clone(), self.key.clone());
        let save = job!(|db| {
            let sealed = seal.seal(&answer_place(&owner, &request), &Secret::new(json(&answer)?))?;
            let sql = "UPDATE requests SET status = $3, answer = $4 WHERE owner = $1 AND request_key = $2";
            execute(db, sql, with![owner, request, i64::from(answer.status), sealed]).await?;
            Ok(())
        });
        self.host("was keeping an answer", Access::Write, save).await
    }

    async fn forget_request(&self, owner: &str, key: &str) -> Result<()> {
        let (owner, request) = (owner.to_owned(), key.to_owned());
        let forget = job!(|db| {
            let sql = "DELETE FROM requests WHERE owner = $1 AND request_key = $2 AND status IS NULL";
            execute(db, sql, with![owner, request]).await?;
            Ok(())
        });
        self.host("was forgetting a request", Access::Write, forget).await
    }

    async fn note_action(&self, action: &Action) -> Result<()> {
        let action = action.clone();
        self.host("was noting what was done", Access::Write, job!(|db| note(db, &action).await)).await
    }

    async fn actions(&self, tenant: &TenantCode, after: Option<i64>, limit: u32) -> Result<Vec<Action>> {
        let tenant = tenant.clone();
        let read = job!(|db| {
            each(
                db,
                "SELECT id, at, who, action, subject FROM actions WHERE tenant = $1 AND id < $2
                 ORDER BY id DESC LIMIT $3",
                with![tenant.as_str(), after.unwrap_or(i64::MAX), i64::from(limit)],
                |row| {
                    Ok(Action {
                        id: row.try_get(0)?,
                        tenant: Some(tenant.clone()),
                        at: row.try_get(1)?,
                        who: text(row, 2)?,
                        action: text(row, 3)?,
                        subject: text(row, 4)?,
                    })
                },
            )
            .await
        });
        self.host("was listing what was done", Access::Read, read).await
    }
}

async fn add(db: &mut Tx, key: &ApiKey, hash: &KeyHash) -> std::result::Result<(), Fail> {
    if let Some(tenant) = &key.tenant {
        super::setting::tenant(db, tenant)
            .await?
            .ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))?;
    }
    execute(
        db,
        "INSERT INTO api_keys (id, tenant, label, scopes, hash, created_at, expires_at, revoked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        with![
            key.id.as_str(),
            key.tenant.as_ref().map_or("", TenantCode::as_str),
            key.label.as_str(),
            json(&key.scopes)?,
            &hash[..],
            key.created_at,
            key.expires_at,
            key.revoked_at
        ],
    )
    .await?;
    Ok(())
}

fn key(row: &PgRow) -> std::result::Result<ApiKey, Fail> {
    let tenant: String = text(row, 1)?;
    Ok(ApiKey {
        id: text(row, 0)?,
        tenant: Some(tenant).filter(|tenant| !tenant.is_empty()).map(TenantCode::from),
        label: text(row, 2)?,
        scopes: body(row, 3, "list of scopes")?,
        created_at: row.try_get(4)?,
        expires_at: row.try_get(5)?,
        revoked_at: row.try_get(6)?,
        last_used_at: row.try_get(7)?,
    })
}

fn bytes(row: &PgRow, column: usize) -> std::result::Result<[u8; 32], Fail> {
    let stored: &[u8] = row.try_get(column)?;
    stored
        .try_into()
        .map_err(|_| StoreError::Contradiction("a stored hash is not 32 bytes".to_owned()).into())
}

async fn begin(
    db: &mut Tx,
    seal: &Key,
    [owner, request]: [&str; 2],
    fingerprint: &[u8; 32],
    now: Millis,
) -> std::result::Result<Begun, Fail> {
    execute(db, "DELETE FROM requests WHERE created_at <= $1", with![now - ANSWER_KEPT_MS]).await?;
    let made = execute(
        db,
        "INSERT INTO requests (owner, request_key, fingerprint, created_at, held_until) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        with![owner, request, &fingerprint[..], now, now + REQUEST_HELD_MS],
    )
    .await?;
    if made == 1 {
        return Ok(Begun::First { since: now });
    }
    let found = first(
        db,
        "SELECT fingerprint, created_at, held_until, answer FROM requests WHERE owner = $1 AND request_key = $2 FOR UPDATE",
        with![owner, request],
        |row| {
            let sealed: Option<Vec<u8>> = row.try_get(3)?;
            Ok((bytes(row, 0)?, row.try_get::<Millis, _>(1)?, row.try_get::<Millis, _>(2)?, sealed))
        },
    )
    .await?;
    match found {
        // It was forgotten meanwhile; the caller asks again.
        None => Ok(Begun::Running),
        Some((before, ..)) if before != *fingerprint => Ok(Begun::Different),
        Some((.., Some(sealed))) => {
            let opened = seal.open(&answer_place(owner, request), &sealed)?;
            Ok(Begun::Answered(record("answer", opened.reveal())?))
        }
        Some((_, _, held_until, None)) if held_until > now => Ok(Begun::Running),
        Some((_, since, _, None)) => {
            execute(
                db,
                "UPDATE requests SET held_until = $3 WHERE owner = $1 AND request_key = $2",
                with![owner, request, now + REQUEST_HELD_MS],
            )
            .await?;
            Ok(Begun::First { since })
        }
    }
}

/// Two who note at once meet at the same number: one of them waits, sees that it is taken and tries the next.
pub(super) async fn note(db: &mut Tx, action: &Action) -> std::result::Result<(), Fail> {
    loop {
        let noted = execute(
            db,
            "INSERT INTO actions (tenant, id, at, who, action, subject)
             SELECT $1, (SELECT coalesce(max(id), 0) + 1 FROM actions WHERE tenant = $1), $2, $3, $4, $5
             ON CONFLICT DO NOTHING",
            with![
                action.tenant.as_ref().map_or("", TenantCode::as_str),
                action.at,
                action.who.as_str(),
                action.action.as_str(),
                action.subject.as_str()
            ],
        )
        .await?;
        if noted == 1 {
            return Ok(());
        }
    }
}
