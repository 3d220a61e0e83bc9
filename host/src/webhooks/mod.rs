//! Sends what waits in the outbox to webhooks, by the scheme of Standard Webhooks (<https://www.standardwebhooks.com>).
//!
//! A host looks every second which webhooks have something due, takes each under a lease, and sends: at least once, of each
//! order one message after another. Orders never wait for it: events are written down with the change, by the store. A
//! message whose outcome could not be noted is sent again under the same id.

mod schedule;
mod signature;
#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use futures_util::future::join_all;
use plugin_api::Millis;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

pub use self::signature::mint;
use crate::{
    clock::Clock,
    domain::codes::TenantCode,
    fetch::{Outgoing, Random},
    secrets::Secret,
    storage::{
        Attempt, Batch, Due, Ended, Store, StoreError, TEST_EVENT, WebhookTest, WebhookTurn, event_body,
        event_id,
    },
};

/// How often it is looked what is due.
const LOOK: Duration = Duration::from_secs(1);
/// How often old entries are removed.
const TIDY: Duration = Duration::from_hours(1);
/// Webhooks that are sent to at the same time. They mostly wait.
const WEBHOOKS_AT_ONCE: usize = 256;
/// Messages on their way to one webhook at the same time.
const MESSAGES_AT_ONCE: u32 = 4;
/// A host keeps a webhook for so long beyond its last message.
const LEASE_MS: Millis = 60_000;
/// After this others get their turn.
const VISIT: Duration = Duration::from_mins(1);
/// How long messages that are on their way may take when the host is stopped.
const LAST_MESSAGES: Duration = Duration::from_secs(18);

/// How messages go out; may be replaced while the host runs.
pub struct Way {
    /// The way out.
    pub outgoing: Outgoing,
    /// Entries are kept for so long after they came, for replays.
    pub keep_ms: Millis,
}

/// Sends to webhooks.
pub struct Sender {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Mutex<Random>,
    /// Names this process in leases.
    holder: String,
    way: RwLock<Arc<Way>>,
    /// Webhooks that this process sends to now.
    busy: Mutex<HashSet<WebhookTurn>>,
}

impl Sender {
    /// A sender; `holder` must be a text that no other process has.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Random,
        holder: String,
        way: Way,
    ) -> Sender {
        Sender {
            store,
            clock,
            random: Mutex::new(random),
            holder,
            way: RwLock::new(Arc::new(way)),
            busy: Mutex::default(),
        }
    }

    /// Sends another way from now on.
    pub fn send_by(&self, way: Way) {
        *self.way.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(way);
    }

    fn way(&self) -> Arc<Way> {
        Arc::clone(&self.way.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether messages may be sent to a URL.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self, url: &str) -> Result<(), String> {
        self.way().outgoing.check(url)
    }

    /// Sends until the host is being stopped and what is on its way has arrived.
    pub async fn serve(self: Arc<Self>, mut closing: watch::Receiver<bool>) {
        let (mut look, mut tidy) = (interval(LOOK), interval(TIDY));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut visits = JoinSet::new();
        let told = closing.clone();
        loop {
            tokio::select! {
                () = closed(&mut closing) => break,
                _ = tidy.tick() => self.tidy().await,
                _ = look.tick() => {
                    while visits.try_join_next().is_some() {}
                    for turn in self.due(WEBHOOKS_AT_ONCE.saturating_sub(visits.len())).await {
                        let (sender, closing) = (Arc::clone(&self), told.clone());
                        visits.spawn(async move { sender.visit(turn, || *closing.borrow()).await });
                    }
                }
            }
        }
        let ended = async { while visits.join_next().await.is_some() {} };
        if timeout(LAST_MESSAGES, ended).await.is_err() {
            tracing::warn!("messages to webhooks were still on their way; they are sent again");
        }
    }

    /// Sends what is due now, and answers how many messages were sent.
    pub async fn send_due(self: &Arc<Self>) -> usize {
        let turns = self.due(WEBHOOKS_AT_ONCE).await;
        join_all(turns.into_iter().map(|turn| self.visit(turn, || false))).await.into_iter().sum()
    }

    /// Webhooks to be sent to that this process does not send to yet.
    async fn due(&self, most: usize) -> Vec<WebhookTurn> {
        if most == 0 {
            return Vec::new();
        }
        let limit = u32::try_from(most).unwrap_or(u32::MAX);
        match self.store.due_webhooks(self.clock.now_ms(), limit).await {
            Ok(mut turns) => {
                let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
                turns.retain(|turn| busy.insert(turn.clone()));
                turns
            }
            Err(error) => {
                tracing::warn!(%error, "which webhooks are due is not known; looked again");
                Vec::new()
            }
        }
    }

    /// Sends to one webhook until nothing is due or others should have their turn.
    async fn visit(&self, turn: WebhookTurn, is_over: impl Fn() -> bool) -> usize {
        let _place = Place { busy: &self.busy, turn: &turn };
        let until = Instant::now() + VISIT;
        let mut sent = 0;
        let ended = loop {
            if is_over() || Instant::now() >= until {
                break self.store.give_back_webhook(&turn, &self.holder).await;
            }
            match self.send_some(&turn).await {
                Ok(0) => break Ok(()),
                Ok(some) => sent += some,
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = ended {
            let WebhookTurn { tenant, webhook } = &turn;
            tracing::warn!(%error, %tenant, webhook, "what was sent is not noted; it is sent again");
        }
        sent
    }

    /// Sends some of what is due.
    async fn send_some(&self, turn: &WebhookTurn) -> Result<usize, StoreError> {
        let now = self.clock.now_ms();
        let claimed = self.store.claim_webhook(turn, &self.holder, LEASE_MS, now, MESSAGES_AT_ONCE).await?;
        let Some(batch) = claimed else { return Ok(0) };
        let messages = batch.due.iter().map(|due| self.send(turn, &batch, due));
        for noted in join_all(messages).await {
            if !noted? {
                // Another host has it now.
                return Ok(0);
            }
        }
        Ok(batch.due.len())
    }

    /// Sends a message and notes how that went. Whether it was noted.
    async fn send(&self, turn: &WebhookTurn, batch: &Batch, due: &Due) -> Result<bool, StoreError> {
        let attempt = self.attempt(&batch.url, &batch.secrets, &due.event, &due.body).await;
        let random = self.random.lock().unwrap_or_else(PoisonError::into_inner)();
        let ended = schedule::decide(&attempt, due, batch.failing_since, random);
        let WebhookTurn { tenant, webhook } = turn;
        let outcome = match &ended {
            Ended::Delivered => "delivered",
            Ended::Again(_) => "failed",
            Ended::GivenUp => "given_up",
            Ended::Disabled(because) => {
                tracing::warn!(%tenant, webhook, because, "a webhook is disabled");
                "disabled"
            }
        };
        metrics::counter!("statusync_webhook_attempts_total", "outcome" => outcome).increment(1);
        tracing::debug!(%tenant, webhook, event = due.event, status = attempt.status, outcome, "told a webhook");
        self.store.note_attempt(turn, &self.holder, due.number, &attempt, &ended).await
    }

    async fn attempt(&self, url: &str, secrets: &[Secret], event: &str, body: &str) -> Attempt {
        let (at, began, way) = (self.clock.now_ms(), Instant::now(), self.way());
        let sent = match signature::headers(secrets, event, at.div_euclid(1_000), body) {
            Ok(headers) => {
                let hidden: Vec<&str> = secrets.iter().flat_map(signature::forms).collect();
                way.outgoing.post(url, &headers, body.to_owned(), &hidden).await
            }
            Err(why) => Err(why),
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match sent {
            Ok(sent) => Attempt { at, duration_ms, status: Some(sent.status), said: sent.said },
            Err(said) => Attempt { at, duration_ms, status: None, said },
        }
    }

    /// Sends a test to a webhook, disabled or not, and tells how that went. Nothing is noted. `None` if there is no such
    /// webhook.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn test(&self, tenant: &TenantCode, id: &str) -> Result<Option<Attempt>, StoreError> {
        let Some(webhook) = self.store.webhook(tenant, id).await? else { return Ok(None) };
        let now = self.clock.now_ms();
        let secrets = self.store.webhook_secrets(tenant, id, now).await?;
        let data = WebhookTest { tenant: tenant.clone(), webhook: webhook.id };
        let body = event_body(TEST_EVENT, now, data)?;
        Ok(Some(self.attempt(&webhook.url, &secrets, &event_id(), &body).await))
    }

    /// Removes entries that are older than they are kept.
    pub async fn tidy(&self) {
        let before = self.clock.now_ms() - self.way().keep_ms;
        let tidied = async {
            for tenant in self.store.tenants_with_webhooks().await? {
                while self.store.prune_outbox(&tenant, before).await? > 0 {}
            }
            Ok::<(), StoreError>(())
        };
        if let Err(error) = tidied.await {
            tracing::warn!(%error, "old entries of the outbox are not removed; tried again");
        }
    }
}

/// Until the host is being stopped; a sender that is gone means the same.
async fn closed(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
}

/// A webhook that this process sends to, for as long as this is kept.
struct Place<'a> {
    busy: &'a Mutex<HashSet<WebhookTurn>>,
    turn: &'a WebhookTurn,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(self.turn);
    }
}

/// Whether an attempt got through.
pub fn is_delivered(attempt: &Attempt) -> bool {
    attempt.status.is_some_and(|status| (200..300).contains(&status))
}
