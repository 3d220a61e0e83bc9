//! What is kept about people: who may sign in, what they are to which tenant, the sessions that they have, and
//! the filters that they gave names.
//!
//! Of a password its argon2id form is kept, of a session's token its hash. Whether a session still counts, and what a role
//! allows, is decided elsewhere.

use async_trait::async_trait;
use plugin_api::Millis;
use serde::Serialize;

use super::Result;
use crate::{
    access::{Role, TokenHash},
    domain::codes::TenantCode,
};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Names the person ever after; no two have the same.
    pub id: String,
    /// What is typed to sign in; lower case.
    pub login: String,
    /// As the person is called.
    pub name: String,
    /// When they were added, UTC.
    pub created_at: Millis,
    /// When the password was set, UTC.
    pub password_set_at: Millis,
    /// Whether they must choose a password before anything else.
    pub must_change_password: bool,
    /// Since when they may not sign in, UTC.
    pub disabled_at: Option<Millis>,
}

/// Somebody with what they are to tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// Who it is.
    #[serde(flatten)]
    pub user: User,
    /// Roles by tenant; one without a tenant holds in every one, those to come among them.
    pub roles: Vec<(Option<TenantCode>, Role)>,
}

/// That somebody has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: String,
    /// When, UTC.
    pub created_at: Millis,
    /// When it was last used, UTC, to the minute.
    pub last_seen_at: Millis,
    /// When it ends whatever happens, UTC.
    pub expires_at: Millis,
}

/// A filter of orders that somebody gave a name, for everybody in the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilter {
    /// What it is called.
    pub name: String,
    /// The filter, as it stands in the address of the list.
    pub query: String,
    /// `user:…`
    pub who: String,
    /// When, UTC.
    pub at: Millis,
}

/// The part of a store that is about people.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Adds somebody. `password` is a PHC string, or empty for somebody who has none yet.
    ///
    /// # Errors
    /// [`StoreError::Exists`](super::StoreError::Exists) if the login is taken,
    /// [`StoreError::NotFound`](super::StoreError::NotFound) if a tenant is not known.
    async fn add_user(&self, person: &Person, password: &str) -> Result<()>;

    /// Somebody by login, with the PHC string of the password.
    async fn user(&self, login: &str) -> Result<Option<(Person, String)>>;

    /// Everybody, by login.
    async fn users(&self) -> Result<Vec<Person>>;

    /// Sets a password and ends every session and sign-in link of its owner.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound).
    async fn set_password(&self, user: &str, password: &str, must_change: bool, now: Millis) -> Result<()>;

    /// Says since when somebody may not sign in, or that they may. Ends their sessions and sign-in links.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound).
    async fn disable_user(&self, user: &str, since: Option<Millis>) -> Result<()>;

    /// Says what somebody is to a tenant, or to every one; `None` takes the role away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound) if the person or the tenant is not known.
    async fn set_role(&self, user: &str, tenant: Option<&TenantCode>, role: Option<Role>) -> Result<()>;

    /// Begins a session, and forgets those that are over.
    async fn add_session(&self, hash: &TokenHash, session: &Session) -> Result<()>;

    /// A session with its owner, whether it still counts or not.
    async fn session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>>;

    /// Notes that a session was used.
    async fn session_was_used(&self, hash: &TokenHash, now: Millis) -> Result<()>;

    /// Ends a session, or uses a sign-in link up: of all who end the same, one is told whose it was.
    async fn end_session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>>;

    /// Keeps a filter; one of that name is replaced.
    async fn save_filter(&self, tenant: &TenantCode, filter: &SavedFilter) -> Result<()>;

    /// The filters of a tenant, by name.
    async fn saved_filters(&self, tenant: &TenantCode) -> Result<Vec<SavedFilter>>;

    /// Forgets a filter. One that is not there stays so.
    async fn forget_filter(&self, tenant: &TenantCode, name: &str) -> Result<()>;
}
