//! Webhooks and what waits for them.
//!
//! Events are written down in the transaction that makes them, one entry for each webhook besides, so that a reader can skip
//! none: it looks for entries that wait, not for numbers. Of one order they are told one after another. A webhook is
//! sent to by one host at a time, under a lease by the database's clock. When the next attempt is made, and what counts as
//! delivered, is decided elsewhere.

use std::collections::BTreeSet;

use async_trait::async_trait;
use plugin_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Action, EventKind, Result, StoreError, record};
use crate::{
    domain::{codes::TenantCode, order::states, time},
    secrets::{Key, Secret},
};

/// Attempts of a delivery that are kept: the last ones.
const ATTEMPTS_KEPT: usize = 20;
/// Entries that are removed in one transaction.
pub(super) const PRUNED_AT_ONCE: u32 = 5_000;

states! {
    /// How a delivery stands.
    DeliveryState {
        /// It is still to be made.
        Waiting "WAITING",
        /// The receiver has it.
        Delivered "DELIVERED",
        /// It was given up; a replay makes it again.
        Failed "FAILED",
    }
}

/// A place that is told of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// What it is for, in its maker's words.
    pub label: String,
    /// Where it is.
    pub url: String,
    /// What it is told; empty: everything.
    pub events: BTreeSet<EventKind>,
    /// When it was made, UTC.
    pub created_at: Millis,
    /// When it was disabled, UTC.
    pub disabled_at: Option<Millis>,
    /// Why, in a sentence.
    pub disabled_because: Option<String>,
    /// Since then nothing got through, UTC.
    pub failing_since: Option<Millis>,
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the oldest of them was made, UTC.
    pub oldest_waiting_at: Option<Millis>,
    /// Deliveries that were given up.
    pub failed: u64,
}

impl Webhook {
    /// One that was just made: it is enabled and has been told nothing.
    pub fn new(
        id: String,
        label: String,
        url: String,
        events: BTreeSet<EventKind>,
        created_at: Millis,
    ) -> Webhook {
        Webhook {
            id,
            label,
            url,
            events,
            created_at,
            disabled_at: None,
            disabled_because: None,
            failing_since: None,
            waiting: 0,
            oldest_waiting_at: None,
            failed: 0,
        }
    }
}

/// What to change of a webhook; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookEdit {
    /// What it is for.
    pub label: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// What it is told.
    pub events: Option<BTreeSet<EventKind>>,
    /// Whether it is told at all; what waits is told once it is again.
    pub enabled: Option<bool>,
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// When it was made.
    #[serde(with = "time::instant")]
    #[schemars(with = "crate::domain::form::Instant")]
    pub at: Millis,
    /// What it took.
    pub duration_ms: u64,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The beginning of what was answered, or why there was no answer.
    pub said: String,
}

/// What a webhook was told, or is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Rising.
    pub number: i64,
    /// The id that the receiver knows it by.
    pub event: String,
    /// What kind of event it is.
    pub kind: EventKind,
    /// The order that it is about.
    pub order: Option<String>,
    /// How it stands.
    pub state: DeliveryState,
    /// When it was made, UTC: with the event, or by a replay.
    pub created_at: Millis,
    /// When the next attempt is made, UTC; absent while an earlier one of the order waits.
    pub due_at: Option<Millis>,
    /// When it was delivered or given up, UTC.
    pub ended_at: Option<Millis>,
    /// The attempts, oldest first.
    pub attempts: Vec<Attempt>,
}

/// A webhook whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookTurn {
    /// The tenant.
    pub tenant: TenantCode,
    /// The webhook's id.
    pub webhook: String,
}

/// A delivery to be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Rising.
    pub number: i64,
    /// The id that the receiver knows it by.
    pub event: String,
    /// The body.
    pub body: String,
    /// Attempts that were made since it was begun.
    pub attempts: u32,
    /// When the first of them was made, UTC.
    pub begun_at: Option<Millis>,
}

/// What is to be sent to a webhook now.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Where to.
    pub url: String,
    /// What it is signed with, the newest first.
    pub secrets: Vec<Secret>,
    /// Since then nothing got through, UTC.
    pub failing_since: Option<Millis>,
    /// The deliveries; one only while nothing gets through.
    pub due: Vec<Due>,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The receiver has it.
    Delivered,
    /// It is tried again, at this instant, UTC.
    Again(Millis),
    /// It is given up.
    GivenUp,
    /// It waits; the webhook is disabled for this reason.
    Disabled(String),
}

/// What waits for all webhooks together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Deliveries that wait.
    pub waiting: u64,
    /// When the oldest of them was made, UTC.
    pub oldest_at: Option<Millis>,
    /// Deliveries that were given up and are still kept.
    pub failed: u64,
    /// Webhooks that are disabled.
    pub disabled: u64,
}

/// The part of a store that is about webhooks.
#[async_trait]
pub trait WebhookStore: Send + Sync {
    /// Adds a webhook. It is told of what happens from now on.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the tenant is not known.
    async fn add_webhook(&self, tenant: &TenantCode, webhook: &Webhook, secret: &Secret) -> Result<()>;

    /// The webhooks of a tenant, by id.
    async fn webhooks(&self, tenant: &TenantCode) -> Result<Vec<Webhook>>;

    /// A webhook.
    async fn webhook(&self, tenant: &TenantCode, id: &str) -> Result<Option<Webhook>>;

    /// Changes a webhook. One that is enabled again is told at once of everything that waits.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn set_webhook(&self, tenant: &TenantCode, id: &str, edit: &WebhookEdit, now: Millis)
    -> Result<()>;

    /// Removes a webhook with what waits for it; with the last one the outbox is emptied.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn remove_webhook(&self, tenant: &TenantCode, id: &str) -> Result<()>;

    /// Gives a webhook another secret; what is sent is signed with the one before, too, until `old_until`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn rotate_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        next: &Secret,
        old_until: Millis,
    ) -> Result<()>;

    /// What a webhook's messages are signed with at `now`, the newest first; nothing if there is no such webhook.
    async fn webhook_secrets(&self, tenant: &TenantCode, id: &str, now: Millis) -> Result<Vec<Secret>>;

    /// What a webhook was told and is to be told, the newest first; `after` is the number of the oldest that the caller has.
    async fn deliveries(
        &self,
        tenant: &TenantCode,
        id: &str,
        state: Option<DeliveryState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>>;

    /// Tells a webhook again of everything since an instant that is still kept, also of what it has; answers how many
    /// deliveries that makes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn replay_webhook(&self, tenant: &TenantCode, id: &str, since: Millis, now: Millis) -> Result<u64>;

    /// Webhooks for which something is due at `now` and to which no host sends, the longest due first.
    async fn due_webhooks(&self, now: Millis, limit: u32) -> Result<Vec<WebhookTurn>>;

    /// Takes a webhook for `ttl_ms`, or holds on to it, and answers at most `most` of what is due at `now`, the longest due
    /// first. `None` if another host has it, or if it is disabled or gone. If nothing is due it is given back.
    async fn claim_webhook(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        ttl_ms: Millis,
        now: Millis,
        most: u32,
    ) -> Result<Option<Batch>>;

    /// Notes an attempt and what becomes of the delivery. Whether it was noted: a host whose lease another one has taken
    /// over notes nothing, and the delivery is made again.
    async fn note_attempt(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        number: i64,
        attempt: &Attempt,
        ended: &Ended,
    ) -> Result<bool>;

    /// Gives a webhook back.
    async fn give_back_webhook(&self, turn: &WebhookTurn, holder: &str) -> Result<()>;

    /// Removes what came into a tenant's outbox before an instant and waits for no enabled webhook; answers how much.
    async fn prune_outbox(&self, tenant: &TenantCode, before: Millis) -> Result<u64>;

    /// Tenants that have webhooks, by code.
    async fn tenants_with_webhooks(&self) -> Result<Vec<TenantCode>>;

    /// What waits for all webhooks together.
    async fn backlog(&self) -> Result<Backlog>;
}

impl Attempt {
    pub(super) fn ended_at(&self) -> Millis {
        self.at.saturating_add_unsigned(self.duration_ms)
    }
}

impl Ended {
    pub(super) fn state(&self) -> DeliveryState {
        match self {
            Ended::Delivered => DeliveryState::Delivered,
            Ended::GivenUp => DeliveryState::Failed,
            Ended::Again(_) | Ended::Disabled(_) => DeliveryState::Waiting,
        }
    }

    /// Whether no attempt follows.
    pub(super) fn is_over(&self) -> bool {
        self.state() != DeliveryState::Waiting
    }

    pub(super) fn due_at(&self, now: Millis) -> Option<Millis> {
        match self {
            Ended::Delivered | Ended::GivenUp => None,
            Ended::Again(at) => Some(*at),
            Ended::Disabled(_) => Some(now),
        }
    }
}

/// Why a webhook is disabled, if it is, with the entry for those who look what was done.
pub(super) fn disabling(turn: &WebhookTurn, ended: &Ended, now: Millis) -> Option<(String, Action)> {
    let Ended::Disabled(because) = ended else { return None };
    let action = Action {
        id: 0,
        tenant: Some(turn.tenant.clone()),
        at: now,
        who: "host".to_owned(),
        action: format!("webhook disabled: {because}"),
        subject: format!("/v1/tenants/{}/webhooks/{}", turn.tenant, turn.webhook),
    };
    Some((because.clone(), action))
}

/// After success a webhook that had failed for so long is told at once of everything that waits for another attempt; it
/// was away, not unwilling.
pub(super) const AWAY_MS: Millis = 600_000;

/// Attempts as they are stored, with one more.
pub(super) fn log_with(log: &str, attempt: &Attempt) -> Result<String> {
    let mut attempts: Vec<Attempt> = record::record("list of attempts", log)?;
    attempts.push(attempt.clone());
    let surplus = attempts.len().saturating_sub(ATTEMPTS_KEPT);
    record::json(&attempts[surplus..])
}

pub(super) fn no_webhook(tenant: &TenantCode, id: &str) -> StoreError {
    StoreError::NotFound(format!("webhook {id} of tenant {tenant}"))
}

/// The secrets of a webhook, as they are sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    current: String,
    old: Option<(String, Millis)>,
}

impl Secrets {
    pub(super) fn new(secret: &Secret) -> Secrets {
        Secrets { current: secret.reveal().to_owned(), old: None }
    }

    /// With another one; the one before counts until `old_until`.
    pub(super) fn rotated(self, next: &Secret, old_until: Millis) -> Secrets {
        Secrets { current: next.reveal().to_owned(), old: Some((self.current, old_until)) }
    }

    /// Those that count at `now`, the newest first.
    pub(super) fn at(self, now: Millis) -> Vec<Secret> {
        let old = self.old.filter(|(_, until)| *until > now).map(|(secret, _)| Secret::new(secret));
        [Secret::new(self.current)].into_iter().chain(old).collect()
    }

    pub(super) fn seal(&self, key: &Key, tenant: &TenantCode, id: &str) -> Result<Vec<u8>> {
        Ok(key.seal(&place(tenant, id), &Secret::new(record::json(self)?))?)
    }

    pub(super) fn open(key: &Key, tenant: &TenantCode, id: &str, sealed: &[u8]) -> Result<Secrets> {
        record::record("secret of a webhook", key.open(&place(tenant, id), sealed)?.reveal())
    }
}

fn place<'a>(tenant: &'a TenantCode, id: &'a str) -> [&'a str; 4] {
    [tenant.as_str(), id, "webhook", "secrets"]
}
