//! What is kept about callers: keys of programs, answers to requests that may be repeated, who did what.
//!
//! Of a key its hash is kept, never its text. Whether a caller may do something is decided elsewhere.

use async_trait::async_trait;
use plugin_api::Millis;
use serde::{Deserialize, Serialize};

use super::Result;
use crate::{
    access::{KeyHash, Scopes},
    domain::codes::TenantCode,
};

/// How long the answer to a request is kept for its repetitions: a day.
pub const ANSWER_KEPT_MS: Millis = 86_400_000;
/// How long a request that has no answer yet keeps others with its key out; its process may have died.
pub const REQUEST_HELD_MS: Millis = 60_000;

/// A program's key, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// The tenant that it is for; `None` for every tenant.
    pub tenant: Option<TenantCode>,
    /// What it is for, in its maker's words.
    pub label: String,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made, UTC.
    pub created_at: Millis,
    /// When it runs out, UTC.
    pub expires_at: Option<Millis>,
    /// When it was revoked, UTC.
    pub revoked_at: Option<Millis>,
    /// When it was last used, UTC, to the minute.
    pub last_used_at: Option<Millis>,
}

/// What a request with an idempotency key finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is the first, or the first was never answered; it is to be answered now.
    First {
        /// When the first was begun, UTC.
        since: Millis,
    },
    /// The first is being answered.
    Running,
    /// It was answered.
    Answered(SavedAnswer),
    /// The key was used for something else.
    Different,
}

/// An answer, as it is given again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Rising within the tenant; 0 for one that is to be noted.
    pub id: i64,
    /// The tenant; `None` for the host as a whole.
    pub tenant: Option<TenantCode>,
    /// When, UTC.
    pub at: Millis,
    /// `key:…`, `user:…`, or `host` for what it did by itself.
    pub who: String,
    /// What: `POST /v1/tenants/{tenant}/runs`.
    pub action: String,
    /// To what: the address, without a query.
    pub subject: String,
}

/// Where the answer to a request is sealed for.
pub(super) fn answer_place<'a>(owner: &'a str, request: &'a str) -> [&'a str; 4] {
    ["answer", owner, request, ""]
}

/// The part of a store that is about callers.
#[async_trait]
pub trait AccessStore: Send + Sync {
    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound) if its tenant is not known.
    async fn add_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<()>;

    /// A key with the hash of its text; revoked ones and those that ran out among them.
    async fn api_key(&self, id: &str) -> Result<Option<(ApiKey, KeyHash)>>;

    /// Keys by id: of a tenant, or all.
    async fn api_keys(&self, tenant: Option<&TenantCode>) -> Result<Vec<ApiKey>>;

    /// Revokes a key.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound).
    /// # Idempotency
    /// One that is revoked stays so, since when it was.
    async fn revoke_api_key(&self, id: &str, now: Millis) -> Result<()>;

    /// Notes that a key was used.
    async fn api_key_was_used(&self, id: &str, now: Millis) -> Result<()>;

    /// Begins a request that may be repeated: of all that are begun with the same owner and key, one is the first.
    /// Forgets answers that are older than [`ANSWER_KEPT_MS`].
    async fn begin_request(
        &self,
        owner: &str,
        key: &str,
        fingerprint: &[u8; 32],
        now: Millis,
    ) -> Result<Begun>;

    /// Keeps the answer of a request that was begun.
    async fn save_answer(&self, owner: &str, key: &str, answer: &SavedAnswer) -> Result<()>;

    /// Forgets a request that came to nothing, so that it can be tried again with the same key.
    async fn forget_request(&self, owner: &str, key: &str) -> Result<()>;

    /// Notes what somebody did.
    async fn note_action(&self, action: &Action) -> Result<()>;

    /// What was done in a tenant, the newest first; `after` is the id of the oldest that the caller has.
    async fn actions(&self, tenant: &TenantCode, after: Option<i64>, limit: u32) -> Result<Vec<Action>>;
}
