//! Leaves a marketplace in peace when nobody answers there: each account by itself, and a connector as a whole.
//!
//! A breaker opens after failures in a row, lets one attempt pass when its time has come, and closes with the first
//! answer. What counts is decided by the caller: no reply, or a reply that says "down". Being asked to wait (429) is an
//! answer. Open breakers are told to a [`BreakerLog`], for people and for other hosts; the count of failures is not.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use plugin_api::Millis;
use serde::{Deserialize, Serialize};

/// An account opens after this many failed attempts in a row.
const ACCOUNT_FAILURES: u32 = 8;
/// A connector opens after this many in a row,
const CONNECTOR_FAILURES: u32 = 24;
/// if they are of this many accounts at least: one seller's trouble is not the marketplace's.
const CONNECTOR_ACCOUNTS: usize = 3;
/// The first pause; it doubles with each probe that fails,
const FIRST_PAUSE_MS: Millis = 30_000;
/// up to this.
const LONGEST_PAUSE_MS: Millis = 300_000;

/// Whom a breaker is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "of", content = "id")]
pub enum Subject {
    /// One account, as `tenant/channel`.
    Account(String),
    /// All accounts of a connector, by its id.
    Connector(String),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Account(key) => write!(f, "account {key}"),
            Subject::Connector(id) => write!(f, "connector {id}"),
        }
    }
}

/// A breaker that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBreaker {
    /// Whom it is about.
    pub subject: Subject,
    /// Since when, UTC.
    pub since: Millis,
    /// When the next attempt may be made, UTC.
    pub probe_at: Millis,
    /// Failures in a row so far.
    pub failures: u32,
    /// What went wrong last.
    pub reason: String,
}

/// Keeps what is open. Failing to keep it must not keep a request from being made, so nothing is returned.
pub trait BreakerLog: Send + Sync {
    /// A breaker has opened, or stays open for longer.
    fn opened<'a>(&'a self, breaker: &'a OpenBreaker) -> BoxFuture<'a, ()>;
    /// A breaker has closed.
    fn closed<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, ()>;
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBreakerLog;

impl BreakerLog for NoBreakerLog {
    fn opened<'a>(&'a self, _: &'a OpenBreaker) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
    fn closed<'a>(&'a self, _: &'a Subject) -> BoxFuture<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// One breaker.
#[derive(Debug, Default)]
struct State {
    failures: u32,
    accounts: BTreeSet<String>,
    open: Option<OpenBreaker>,
}

/// The breakers of a process.
pub(super) struct Breakers {
    states: Mutex<HashMap<Subject, State>>,
    log: Arc<dyn BreakerLog>,
}

impl Breakers {
    pub(super) fn new(log: Arc<dyn BreakerLog>) -> Breakers {
        Breakers { states: Mutex::default(), log }
    }

    /// Whether an attempt may be made now. The one that is let through an open breaker is its probe: until it is told how
    /// that went, or another pause has passed, no other is.
    ///
    /// # Errors
    /// The breaker that is in the way.
    pub(super) fn pass(&self, account: &str, connector: &str, now: Millis) -> Result<(), OpenBreaker> {
        let mut states = self.lock();
        let subjects = both(account, connector);
        for subject in &subjects {
            if let Some(open) = states.get(subject).and_then(|state| state.open.as_ref())
                && now < open.probe_at
            {
                return Err(open.clone());
            }
        }
        for subject in &subjects {
            if let Some(open) = states.get_mut(subject).and_then(|state| state.open.as_mut()) {
                open.probe_at = now + pause(open.failures, threshold(subject));
            }
        }
        Ok(())
    }

    /// An attempt was answered.
    pub(super) async fn answered(&self, account: &str, connector: &str) {
        let mut closed = Vec::new();
        {
            let mut states = self.lock();
            for subject in both(account, connector) {
                if states.remove(&subject).is_some_and(|state| state.open.is_some()) {
                    closed.push(subject);
                }
            }
        }
        for subject in &closed {
            tracing::info!(%subject, "answers again");
            self.log.closed(subject).await;
        }
    }

    /// An attempt failed.
    pub(super) async fn failed(&self, account: &str, connector: &str, now: Millis, reason: &str) {
        let mut opened = Vec::new();
        {
            let mut states = self.lock();
            for subject in both(account, connector) {
                let state = states.entry(subject.clone()).or_default();
                state.failures = state.failures.saturating_add(1);
                state.accounts.insert(account.to_owned());
                let is_widespread =
                    matches!(subject, Subject::Account(_)) || state.accounts.len() >= CONNECTOR_ACCOUNTS;
                if state.failures < threshold(&subject) || !is_widespread {
                    continue;
                }
                let since = state.open.as_ref().map_or(now, |open| open.since);
                let open = OpenBreaker {
                    probe_at: now + pause(state.failures, threshold(&subject)),
                    subject,
                    since,
                    failures: state.failures,
                    reason: reason.to_owned(),
                };
                state.open = Some(open.clone());
                opened.push(open);
            }
        }
        for open in &opened {
            let of = match open.subject {
                Subject::Account(_) => "account",
                Subject::Connector(_) => "connector",
            };
            metrics::counter!("statusync_breaker_opened_total", "connector" => connector.to_owned(), "of" => of)
                .increment(1);
            tracing::warn!(subject = %open.subject, failures = open.failures, reason = open.reason, "is not asked for a while");
            self.log.opened(open).await;
        }
    }

    /// What another process, or this one before its restart, has found out.
    pub(super) fn learn(&self, open: OpenBreaker) {
        let mut states = self.lock();
        let state = states.entry(open.subject.clone()).or_default();
        if state.open.as_ref().is_none_or(|known| known.probe_at < open.probe_at) {
            state.failures = state.failures.max(open.failures);
            state.open = Some(open);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The breakers that concern an account.
pub fn both(account: &str, connector: &str) -> [Subject; 2] {
    [Subject::Account(account.to_owned()), Subject::Connector(connector.to_owned())]
}

fn threshold(subject: &Subject) -> u32 {
    match subject {
        Subject::Account(_) => ACCOUNT_FAILURES,
        Subject::Connector(_) => CONNECTOR_FAILURES,
    }
}

/// The pause after so many failures, of which `threshold` opened the breaker.
fn pause(failures: u32, threshold: u32) -> Millis {
    let doublings = failures.saturating_sub(threshold).min(10);
    (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakers() -> Breakers {
        Breakers::new(Arc::new(NoBreakerLog))
    }

    async fn fail(breakers: &Breakers, account: &str, times: u32, now: Millis) {
        for _ in 0..times {
            breakers.failed(account, "paytm", now, "HTTP 503").await;
        }
    }

    #[tokio::test]
    async fn an_account_opens_after_eight_failures_in_a_row_and_an_answer_starts_the_count_again() {
        let breakers = breakers();
        fail(&breakers, "a/P1", 7, 0).await;
        breakers.answered("a/P1", "paytm").await;
        fail(&breakers, "a/P1", 7, 0).await;
        assert_eq!(breakers.pass("a/P1", "paytm", 0), Ok(()));
        fail(&breakers, "a/P1", 1, 0).await;
        let open = breakers.pass("a/P1", "paytm", 29_999).unwrap_err();
        assert_eq!(
            (open.since, open.probe_at, open.failures, open.reason.as_str()),
            (0, 30_000, 8, "HTTP 503")
        );
        assert_eq!(breakers.pass("b/P1", "paytm", 0), Ok(()), "another account");
    }

    #[tokio::test]
    async fn one_probe_passes_at_a_time_and_pauses_grow_to_five_minutes() {
        let breakers = breakers();
        fail(&breakers, "a/P1", 8, 0).await;
        let mut now = 0;
        let mut pauses = Vec::new();
        for _ in 0..6 {
            let wait = breakers.pass("a/P1", "paytm", now).unwrap_err().probe_at - now;
            pauses.push(wait / 1_000);
            now += wait;
            assert_eq!(breakers.pass("a/P1", "paytm", now), Ok(()), "the probe");
            assert!(breakers.pass("a/P1", "paytm", now).is_err(), "no second one beside it");
            fail(&breakers, "a/P1", 1, now).await;
        }
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        breakers.answered("a/P1", "paytm").await;
        assert_eq!(breakers.pass("a/P1", "paytm", now), Ok(()));
    }

    #[tokio::test]
    async fn a_connector_opens_when_several_accounts_fail_and_not_for_one_seller() {
        let breakers = breakers();
        fail(&breakers, "a/P1", 60, 0).await;
        assert_eq!(breakers.pass("z/P1", "paytm", 0), Ok(()), "one seller's trouble");
        fail(&breakers, "b/P1", 1, 0).await;
        fail(&breakers, "c/P1", 1, 0).await;
        let open = breakers.pass("z/P1", "paytm", 0).unwrap_err();
        assert_eq!(open.subject, Subject::Connector("paytm".into()));
        assert_eq!(breakers.pass("z/F1", "flipkart", 0), Ok(()), "another connector");
    }

    #[tokio::test]
    async fn what_was_open_before_a_restart_is_open_after_it() {
        let (before, after) = (breakers(), breakers());
        fail(&before, "a/P1", 10, 0).await;
        let open = before.pass("a/P1", "paytm", 0).unwrap_err();
        after.learn(open.clone());
        assert_eq!(after.pass("a/P1", "paytm", 1), Err(open));
    }
}
