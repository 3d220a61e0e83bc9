//! People, their roles and their sessions.

use async_trait::async_trait;
use plugin_api::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    Sqlite,
    fault::Fail,
    json::{each, execute, first, other, state},
    setting,
};
use crate::{
    access::{Role, TokenHash},
    domain::codes::TenantCode,
    storage::{PeopleStore, Person, Result, SavedFilter, Session, StoreError, User},
};

const USER: &str =
    "u.id, u.login, u.name, u.created_at, u.password_set_at, u.must_change_password, u.disabled_at";

#[async_trait]
impl PeopleStore for Sqlite {
    async fn add_user(&self, person: &Person, password: &str) -> Result<()> {
        let (person, password) = (person.clone(), password.to_owned());
        self.write_beside("was adding a user", move |db| add(db, &person, &password)).await
    }

    async fn user(&self, login: &str) -> Result<Option<(Person, String)>> {
        let login = login.to_owned();
        self.read("was reading a user", move |db| {
            let sql = format!("SELECT {USER}, u.password FROM users u WHERE u.login = ?1");
            let found = first(db, &sql, [login], |row| Ok((user(row)?, row.get(7)?)))?;
            found.map(|(user, password)| Ok((with_roles(db, user)?, password))).transpose()
        })
        .await
    }

    async fn users(&self) -> Result<Vec<Person>> {
        self.read("was listing users", move |db| {
            let found = each(db, &format!("SELECT {USER} FROM users u ORDER BY u.login"), [], user)?;
            found.into_iter().map(|user| with_roles(db, user)).collect()
        })
        .await
    }

    async fn set_password(&self, user: &str, password: &str, must_change: bool, now: Millis) -> Result<()> {
        let (user, password) = (user.to_owned(), password.to_owned());
        self.write_beside("was setting a password", move |db| {
            let sql = "UPDATE users SET password = ?2, must_change_password = ?3, password_set_at = ?4
                       WHERE id = ?1";
            let found = execute(db, sql, params![user, password, must_change, now])?;
            is_known(found, &user)?;
            end_all(db, &user)
        })
        .await
    }

    async fn disable_user(&self, user: &str, since: Option<Millis>) -> Result<()> {
        let user = user.to_owned();
        self.write_beside("was disabling a user", move |db| {
            let found = execute(db, "UPDATE users SET disabled_at = ?2 WHERE id = ?1", params![user, since])?;
            is_known(found, &user)?;
            end_all(db, &user)
        })
        .await
    }

    async fn set_role(&self, user: &str, tenant: Option<&TenantCode>, role: Option<Role>) -> Result<()> {
        let (user, tenant) = (user.to_owned(), tenant.cloned());
        self.write_beside("was setting a role", move |db| {
            let known = first(db, "SELECT 1 FROM users WHERE id = ?1", [&user], |_| Ok(()))?;
            is_known(usize::from(known.is_some()), &user)?;
            put_role(db, &user, tenant.as_ref(), role)
        })
        .await
    }

    async fn add_session(&self, hash: &TokenHash, session: &Session) -> Result<()> {
        let (hash, session) = (*hash, session.clone());
        self.write_beside("was beginning a session", move |db| {
            execute(db, "DELETE FROM sessions WHERE expires_at <= ?1", [session.created_at])?;
            let sql = "INSERT INTO sessions (hash, user_id, created_at, last_seen_at, expires_at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            let Session { user, created_at, last_seen_at, expires_at } = session;
            execute(db, sql, params![hash, user, created_at, last_seen_at, expires_at])?;
            Ok(())
        })
        .await
    }

    async fn session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        let hash = *hash;
        self.read("was reading a session", move |db| session(db, &hash)).await
    }

    async fn session_was_used(&self, hash: &TokenHash, now: Millis) -> Result<()> {
        let hash = *hash;
        self.write_beside("was noting the use of a session", move |db| {
            execute(db, "UPDATE sessions SET last_seen_at = ?2 WHERE hash = ?1", params![hash, now])?;
            Ok(())
        })
        .await
    }

    async fn end_session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        let hash = *hash;
        self.write_beside("was ending a session", move |db| {
            let found = session(db, &hash)?;
            execute(db, "DELETE FROM sessions WHERE hash = ?1", [hash])?;
            Ok(found)
        })
        .await
    }

    async fn save_filter(&self, tenant: &TenantCode, filter: &SavedFilter) -> Result<()> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.write_beside("was keeping a filter", move |db| {
            setting::known_tenant(db, &tenant)?;
            let sql = "INSERT OR REPLACE INTO saved_filters (tenant, name, query, who, at) VALUES (?1, ?2, ?3, ?4, ?5)";
            let SavedFilter { name, query, who, at } = filter;
            execute(db, sql, params![tenant.as_str(), name, query, who, at])?;
            Ok(())
        })
        .await
    }

    async fn saved_filters(&self, tenant: &TenantCode) -> Result<Vec<SavedFilter>> {
        let tenant = tenant.clone();
        self.read("was listing filters", move |db| {
            let sql = "SELECT name, query, who, at FROM saved_filters WHERE tenant = ?1 ORDER BY name";
            each(db, sql, [tenant.as_str()], |row| {
                Ok(SavedFilter { name: row.get(0)?, query: row.get(1)?, who: row.get(2)?, at: row.get(3)? })
            })
        })
        .await
    }

    async fn forget_filter(&self, tenant: &TenantCode, name: &str) -> Result<()> {
        let (tenant, name) = (tenant.clone(), name.to_owned());
        self.write_beside("was forgetting a filter", move |db| {
            let sql = "DELETE FROM saved_filters WHERE tenant = ?1 AND name = ?2";
            execute(db, sql, params![tenant.as_str(), name])?;
            Ok(())
        })
        .await
    }
}

fn add(db: &Connection, person: &Person, password: &str) -> std::result::Result<(), Fail> {
    let User { id, login, name, created_at, password_set_at, must_change_password, disabled_at } =
        &person.user;
    let sql = "INSERT INTO users (id, login, name, password, created_at, password_set_at,
                   must_change_password, disabled_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (login) DO NOTHING";
    let added = execute(
        db,
        sql,
        params![id, login, name, password, created_at, password_set_at, must_change_password, disabled_at],
    )?;
    if added == 0 {
        return Err(StoreError::Exists(format!("user {login}")).into());
    }
    person.roles.iter().try_for_each(|(tenant, role)| put_role(db, id, tenant.as_ref(), Some(*role)))
}

fn put_role(
    db: &Connection,
    user: &str,
    tenant: Option<&TenantCode>,
    role: Option<Role>,
) -> std::result::Result<(), Fail> {
    if let Some(tenant) = tenant {
        setting::known_tenant(db, tenant)?;
    }
    let place = tenant.map_or("", TenantCode::as_str);
    match role {
        Some(role) => execute(
            db,
            "INSERT INTO roles (user_id, tenant, role) VALUES (?1, ?2, ?3)
             ON CONFLICT (user_id, tenant) DO UPDATE SET role = excluded.role",
            params![user, place, role.as_str()],
        )?,
        None => execute(db, "DELETE FROM roles WHERE user_id = ?1 AND tenant = ?2", params![user, place])?,
    };
    Ok(())
}

fn user(row: &Row<'_>) -> std::result::Result<User, Fail> {
    Ok(User {
        id: row.get(0)?,
        login: row.get(1)?,
        name: row.get(2)?,
        created_at: row.get(3)?,
        password_set_at: row.get(4)?,
        must_change_password: row.get(5)?,
        disabled_at: row.get(6)?,
    })
}

fn with_roles(db: &Connection, user: User) -> std::result::Result<Person, Fail> {
    let sql = "SELECT tenant, role FROM roles WHERE user_id = ?1 ORDER BY tenant";
    let roles = each(db, sql, [&user.id], |row| {
        let tenant: String = row.get(0)?;
        let role = state("role", row.get_ref(1)?.as_str().map_err(other)?, Role::parse)?;
        Ok((Some(tenant).filter(|tenant| !tenant.is_empty()).map(TenantCode::from), role))
    })?;
    Ok(Person { user, roles })
}

fn session(db: &Connection, hash: &TokenHash) -> std::result::Result<Option<(Session, Person)>, Fail> {
    let sql = format!(
        "SELECT {USER}, s.created_at, s.last_seen_at, s.expires_at
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.hash = ?1"
    );
    let found = first(db, &sql, [hash], |row| {
        let user = user(row)?;
        let session = Session {
            user: user.id.clone(),
            created_at: row.get(7)?,
            last_seen_at: row.get(8)?,
            expires_at: row.get(9)?,
        };
        Ok((session, user))
    })?;
    found.map(|(session, user)| Ok((session, with_roles(db, user)?))).transpose()
}

fn end_all(db: &Connection, user: &str) -> std::result::Result<(), Fail> {
    execute(db, "DELETE FROM sessions WHERE user_id = ?1", [user])?;
    Ok(())
}

fn is_known(found: usize, user: &str) -> std::result::Result<(), Fail> {
    if found == 1 { Ok(()) } else { Err(StoreError::NotFound(format!("user {user}")).into()) }
}
