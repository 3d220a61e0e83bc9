//! Keys of programs, answers to requests that may be repeated, who did what.

use async_trait::async_trait;
use plugin_api::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    fault::Fail,
    json::{each, execute, first, json, other, record},
    setting,
};
use crate::{
    access::KeyHash,
    domain::codes::TenantCode,
    secrets::{Key, Secret},
    storage::{
        ANSWER_KEPT_MS, AccessStore, Action, ApiKey, Begun, REQUEST_HELD_MS, Result, SavedAnswer, StoreError,
        access::answer_place,
    },
};

const KEY_COLUMNS: &str = "id, tenant, label, scopes, created_at, expires_at, revoked_at, last_used_at, hash";

#[async_trait]
impl AccessStore for Sqlite {
    async fn add_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<()> {
        let (key, hash) = (key.clone(), *hash);
        self.write_beside("was adding a key", move |db| add(db, &key, &hash)).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<(ApiKey, KeyHash)>> {
        let id = id.to_owned();
        self.read("was reading a key", move |db| {
            first(db, &format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE id = ?1"), [id], |row| {
                Ok((key(row)?, row.get(8)?))
            })
        })
        .await
    }

    async fn api_keys(&self, tenant: Option<&TenantCode>) -> Result<Vec<ApiKey>> {
        let tenant = tenant.cloned();
        self.read("was listing keys", move |db| {
            let sql =
                format!("SELECT {KEY_COLUMNS} FROM api_keys WHERE ?1 IS NULL OR tenant = ?1 ORDER BY id");
            each(db, &sql, [tenant.as_ref().map(TenantCode::as_str)], key)
        })
        .await
    }

    async fn revoke_api_key(&self, id: &str, now: Millis) -> Result<()> {
        let id = id.to_owned();
        self.write_beside("was revoking a key", move |db| {
            let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
            let found = execute(db, sql, params![id, now])?;
            if found == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("API key {id}")).into()) }
        })
        .await
    }

    async fn api_key_was_used(&self, id: &str, now: Millis) -> Result<()> {
        let id = id.to_owned();
        self.write_beside("was noting the use of a key", move |db| {
            execute(db, "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", params![id, now])?;
            Ok(())
        })
        .await
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
        self.write_beside("was beginning a request", move |db| {
            begin(db, &seal, [&owner, &request], &fingerprint, now)
        })
        .await
    }

    async fn save_answer(&self, owner: &str, key: &str, answer: &SavedAnswer) -> Result<()> {
        let (owner, request, answer, seal) =
            (owner.to_owned(), key.to_owned(), answer.clone(), self.key.clone());
        self.write_beside("was keeping an answer", move |db| {
            let sealed = seal.seal(&answer_place(&owner, &request), &Secret::new(json(&answer)?))?;
            let sql = "UPDATE requests SET status = ?3, answer = ?4 WHERE owner = ?1 AND request_key = ?2";
            execute(db, sql, params![owner, request, answer.status, sealed])?;
            Ok(())
        })
        .await
    }

    async fn forget_request(&self, owner: &str, key: &str) -> Result<()> {
        let (owner, request) = (owner.to_owned(), key.to_owned());
        self.write_beside("was forgetting a request", move |db| {
            let sql = "DELETE FROM requests WHERE owner = ?1 AND request_key = ?2 AND status IS NULL";
            execute(db, sql, params![owner, request])?;
            Ok(())
        })
        .await
    }

    async fn note_action(&self, action: &Action) -> Result<()> {
        let action = action.clone();
        self.write_beside("was noting what was done", move |db| note(db, &action)).await
    }

    async fn actions(&self, tenant: &TenantCode, after: Option<i64>, limit: u32) -> Result<Vec<Action>> {
        let tenant = tenant.clone();
        self.read("was listing what was done", move |db| {
            each(
                db,
                "SELECT id, at, who, action, subject FROM actions WHERE tenant = ?1 AND id < ?2
                 ORDER BY id DESC LIMIT ?3",
                params![tenant.as_str(), after.unwrap_or(i64::MAX), limit],
                |row| {
                    Ok(Action {
                        id: row.get(0)?,
                        tenant: Some(tenant.clone()),
                        at: row.get(1)?,
                        who: row.get(2)?,
                        action: row.get(3)?,
                        subject: row.get(4)?,
                    })
                },
            )
        })
        .await
    }
}

pub(super) fn note(db: &Connection, action: &Action) -> std::result::Result<(), Fail> {
    execute(
        db,
        "INSERT INTO actions (tenant, id, at, who, action, subject)
         VALUES (?1, (SELECT coalesce(max(id), 0) + 1 FROM actions WHERE tenant = ?1), ?2, ?3, ?4, ?5)",
        params![
            action.tenant.as_ref().map_or("", TenantCode::as_str),
            action.at,
            action.who,
            action.action,
            action.subject
        ],
    )?;
    Ok(())
}

fn add(db: &Connection, key: &ApiKey, hash: &KeyHash) -> std::result::Result<(), Fail> {
    if let Some(tenant) = &key.tenant {
        setting::known_tenant(db, tenant)?;
    }
    execute(
        db,
        "INSERT INTO api_keys (id, tenant, label, scopes, hash, created_at, expires_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            key.id,
            key.tenant.as_ref().map_or("", TenantCode::as_str),
            key.label,
            json(&key.scopes)?,
            hash,
            key.created_at,
            key.expires_at,
            key.revoked_at
        ],
    )?;
    Ok(())
}

fn key(row: &Row<'_>) -> std::result::Result<ApiKey, Fail> {
    let tenant: String = row.get(1)?;
    Ok(ApiKey {
        id: row.get(0)?,
        tenant: Some(tenant).filter(|tenant| !tenant.is_empty()).map(TenantCode::from),
        label: row.get(2)?,
        scopes: record("list of scopes", row.get_ref(3)?.as_str().map_err(other)?)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        revoked_at: row.get(6)?,
        last_used_at: row.get(7)?,
    })
}

fn begin(
    db: &Connection,
    seal: &Key,
    [owner, request]: [&str; 2],
    fingerprint: &[u8; 32],
    now: Millis,
) -> std::result::Result<Begun, Fail> {
    execute(db, "DELETE FROM requests WHERE created_at <= ?1", [now - ANSWER_KEPT_MS])?;
    let found = first(
        db,
        "SELECT fingerprint, held_until, answer FROM requests WHERE owner = ?1 AND request_key = ?2",
        params![owner, request],
        |row| {
            let sealed = row.get_ref(2)?.as_blob_or_null().map_err(other)?.map(<[u8]>::to_vec);
            Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, Millis>(1)?, sealed))
        },
    )?;
    match found {
        Some((before, ..)) if before != *fingerprint => Ok(Begun::Different),
        Some((_, _, Some(sealed))) => {
            let opened = seal.open(&answer_place(owner, request), &sealed)?;
            Ok(Begun::Answered(record("answer", opened.reveal())?))
        }
        Some((_, held_until, None)) if held_until > now => Ok(Begun::Running),
        None | Some((_, _, None)) => {
            let since = first(
                db,
                "INSERT INTO requests (owner, request_key, fingerprint, created_at, held_until)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (owner, request_key) DO UPDATE SET held_until = excluded.held_until
                 RETURNING created_at",
                params![owner, request, fingerprint, now, now + REQUEST_HELD_MS],
                |row| Ok(row.get(0)?),
            )?;
            Ok(Begun::First { since: since.unwrap_or(now) })
        }
    }
}
