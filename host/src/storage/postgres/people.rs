//! People, their roles and their sessions. They are known before it is known for which tenant they ask, so that
//! is done for the host; the filters that they save are the tenant's.

use async_trait::async_trait;
use plugin_api::Millis;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    Postgres,
    connections::Tx,
    fault::Fail,
    job,
    scope::Access,
    setting,
    statement::{each, execute, first, state, text, with},
};
use crate::{
    access::{Role, TokenHash},
    domain::codes::TenantCode,
    storage::{PeopleStore, Person, Result, SavedFilter, Session, StoreError, User},
};

const USER: &str =
    "u.id, u.login, u.name, u.created_at, u.password_set_at, u.must_change_password, u.disabled_at";

#[async_trait]
impl PeopleStore for Postgres {
    async fn add_user(&self, person: &Person, password: &str) -> Result<()> {
        let (person, password) = (person.clone(), password.to_owned());
        let add = job!(|db| add(db, &person, &password).await);
        self.host("was adding a user", Access::Write, add).await
    }

    async fn user(&self, login: &str) -> Result<Option<(Person, String)>> {
        let login = login.to_owned();
        let read = job!(|db| {
            let sql = format!("SELECT {USER}, u.password FROM users u WHERE u.login = $1");
            let read = |row: &PgRow| Ok((user(row)?, text(row, 7)?));
            match first(db, AssertSqlSafe(sql), with![login], read).await? {
                Some((user, password)) => Ok(Some((with_roles(db, user).await?, password))),
                None => Ok(None),
            }
        });
        self.host("was reading a user", Access::Read, read).await
    }

    async fn users(&self) -> Result<Vec<Person>> {
        let read = job!(|db| {
            let sql = format!("SELECT {USER} FROM users u ORDER BY u.login");
            let mut people = Vec::new();
            for user in each(db, AssertSqlSafe(sql), with![], user).await? {
                people.push(with_roles(db, user).await?);
            }
            Ok(people)
        });
        self.host("was listing users", Access::Read, read).await
    }

    async fn set_password(&self, user: &str, password: &str, must_change: bool, now: Millis) -> Result<()> {
        let (user, password) = (user.to_owned(), password.to_owned());
        let set = job!(|db| {
            let sql = "UPDATE users SET password = $2, must_change_password = $3, password_set_at = $4
                       WHERE id = $1";
            let given = with![user.as_str(), password.as_str(), must_change, now];
            is_known(execute(db, sql, given).await?, &user)?;
            end_all(db, &user).await
        });
        self.host("was setting a password", Access::Write, set).await
    }

    async fn disable_user(&self, user: &str, since: Option<Millis>) -> Result<()> {
        let user = user.to_owned();
        let disable = job!(|db| {
            let sql = "UPDATE users SET disabled_at = $2 WHERE id = $1";
            is_known(execute(db, sql, with![user.as_str(), since]).await?, &user)?;
            end_all(db, &user).await
        });
        self.host("was disabling a user", Access::Write, disable).await
    }

    async fn set_role(&self, user: &str, tenant: Option<&TenantCode>, role: Option<Role>) -> Result<()> {
        let (user, tenant) = (user.to_owned(), tenant.cloned());
        let set = job!(|db| {
            let sql = "SELECT 1 FROM users WHERE id = $1 FOR UPDATE";
            let known = first(db, sql, with![user.as_str()], |_| Ok(())).await?;
            is_known(u64::from(known.is_some()), &user)?;
            put_role(db, &user, tenant.as_ref(), role).await
        });
        self.host("was setting a role", Access::Write, set).await
    }

    async fn add_session(&self, hash: &TokenHash, session: &Session) -> Result<()> {
        let (hash, session) = (*hash, session.clone());
        let add = job!(|db| {
            let over = "DELETE FROM sessions WHERE expires_at <= $1";
            execute(db, over, with![session.created_at]).await?;
            let sql = "INSERT INTO sessions (hash, user_id, created_at, last_seen_at, expires_at)
                       VALUES ($1, $2, $3, $4, $5)";
            let Session { user, created_at, last_seen_at, expires_at } = &session;
            let given = with![&hash[..], user.as_str(), *created_at, *last_seen_at, *expires_at];
            execute(db, sql, given).await?;
            Ok(())
        });
        self.host("was beginning a session", Access::Write, add).await
    }

    async fn session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        let hash = *hash;
        let read = job!(|db| session(db, &hash).await);
        self.host("was reading a session", Access::Read, read).await
    }

    async fn session_was_used(&self, hash: &TokenHash, now: Millis) -> Result<()> {
        let hash = *hash;
        let note = job!(|db| {
            let sql = "UPDATE sessions SET last_seen_at = $2 WHERE hash = $1";
            execute(db, sql, with![&hash[..], now]).await?;
            Ok(())
        });
        self.host("was noting the use of a session", Access::Write, note).await
    }

    async fn end_session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        let hash = *hash;
        let end = job!(|db| {
            let found = session(db, &hash).await?;
            let ended = execute(db, "DELETE FROM sessions WHERE hash = $1", with![&hash[..]]).await?;
            // Somebody else may have ended it since it was read.
            Ok(found.filter(|_| ended == 1))
        });
        self.host("was ending a session", Access::Write, end).await
    }

    async fn save_filter(&self, tenant: &TenantCode, filter: &SavedFilter) -> Result<()> {
        let (of, filter) = (tenant.clone(), filter.clone());
        let save = job!(|db| {
            let known = setting::tenant(db, &of).await?;
            known.ok_or_else(|| StoreError::NotFound(format!("tenant {of}")))?;
            let sql = "INSERT INTO saved_filters (tenant, name, query, who, at) VALUES ($1, $2, $3, $4, $5)
                       ON CONFLICT (tenant, name) DO UPDATE
                       SET query = excluded.query, who = excluded.who, at = excluded.at";
            let SavedFilter { name, query, who, at } = &filter;
            execute(db, sql, with![of.as_str(), name.as_str(), query.as_str(), who.as_str(), *at]).await?;
            Ok(())
        });
        self.write("was keeping a filter", tenant, save).await
    }

    async fn saved_filters(&self, tenant: &TenantCode) -> Result<Vec<SavedFilter>> {
        let of = tenant.clone();
        let list = job!(|db| {
            let sql = "SELECT name, query, who, at FROM saved_filters WHERE tenant = $1 ORDER BY name";
            each(db, sql, with![of.as_str()], |row| {
                let at = row.try_get(3)?;
                Ok(SavedFilter { name: text(row, 0)?, query: text(row, 1)?, who: text(row, 2)?, at })
            })
            .await
        });
        self.read("was listing filters", tenant, list).await
    }

    async fn forget_filter(&self, tenant: &TenantCode, name: &str) -> Result<()> {
        let (of, name) = (tenant.clone(), name.to_owned());
        let forget = job!(|db| {
            let sql = "DELETE FROM saved_filters WHERE tenant = $1 AND name = $2";
            execute(db, sql, with![of.as_str(), name.as_str()]).await?;
            Ok(())
        });
        self.write("was forgetting a filter", tenant, forget).await
    }
}

async fn add(db: &mut Tx, person: &Person, password: &str) -> std::result::Result<(), Fail> {
    let User { id, login, name, created_at, password_set_at, must_change_password, disabled_at } =
        &person.user;
    let sql = "INSERT INTO users (id, login, name, password, created_at, password_set_at,
                   must_change_password, disabled_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (login) DO NOTHING";
    let given = with![
        id.as_str(),
        login.as_str(),
        name.as_str(),
        password,
        *created_at,
        *password_set_at,
        *must_change_password,
        *disabled_at
    ];
    if execute(db, sql, given).await? == 0 {
        return Err(StoreError::Exists(format!("user {login}")).into());
    }
    for (tenant, role) in &person.roles {
        put_role(db, id, tenant.as_ref(), Some(*role)).await?;
    }
    Ok(())
}

async fn put_role(
    db: &mut Tx,
    user: &str,
    tenant: Option<&TenantCode>,
    role: Option<Role>,
) -> std::result::Result<(), Fail> {
    if let Some(tenant) = tenant {
        let known = setting::tenant(db, tenant).await?;
        known.ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))?;
    }
    let place = tenant.map_or("", TenantCode::as_str);
    match role {
        Some(role) => {
            let sql = "INSERT INTO roles (user_id, tenant, role) VALUES ($1, $2, $3)
                       ON CONFLICT (user_id, tenant) DO UPDATE SET role = excluded.role";
            execute(db, sql, with![user, place, role.as_str()]).await?;
        }
        None => {
            let sql = "DELETE FROM roles WHERE user_id = $1 AND tenant = $2";
            execute(db, sql, with![user, place]).await?;
        }
    }
    Ok(())
}

fn user(row: &PgRow) -> std::result::Result<User, Fail> {
    Ok(User {
        id: text(row, 0)?,
        login: text(row, 1)?,
        name: text(row, 2)?,
        created_at: row.try_get(3)?,
        password_set_at: row.try_get(4)?,
        must_change_password: row.try_get(5)?,
        disabled_at: row.try_get(6)?,
    })
}

async fn with_roles(db: &mut Tx, user: User) -> std::result::Result<Person, Fail> {
    let sql = "SELECT tenant, role FROM roles WHERE user_id = $1 ORDER BY tenant";
    let roles = each(db, sql, with![user.id.as_str()], |row| {
        let tenant: String = text(row, 0)?;
        let role = state(row, 1, "role", Role::parse)?;
        Ok((Some(tenant).filter(|tenant| !tenant.is_empty()).map(TenantCode::from), role))
    })
    .await?;
    Ok(Person { user, roles })
}

async fn session(db: &mut Tx, hash: &TokenHash) -> std::result::Result<Option<(Session, Person)>, Fail> {
    let sql = format!(
        "SELECT {USER}, s.created_at, s.last_seen_at, s.expires_at
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = $1"
    );
    let found = first(db, AssertSqlSafe(sql), with![&hash[..]], |row| {
        let user = user(row)?;
        let session = Session {
            user: user.id.clone(),
            created_at: row.try_get(7)?,
            last_seen_at: row.try_get(8)?,
            expires_at: row.try_get(9)?,
        };
        Ok((session, user))
    })
    .await?;
    match found {
        Some((session, user)) => Ok(Some((session, with_roles(db, user).await?))),
        None => Ok(None),
    }
}

async fn end_all(db: &mut Tx, user: &str) -> std::result::Result<(), Fail> {
    execute(db, "DELETE FROM sessions WHERE user_id = $1", with![user]).await?;
    Ok(())
}

fn is_known(found: u64, user: &str) -> std::result::Result<(), Fail> {
    if found == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("user {user}")).into()) }
}
