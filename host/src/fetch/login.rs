//! The account token: kept while it is good, renewed by one login at a time.
//!
//! However many requests find the token gone, one login runs and all of them get what it brought. A login that failed is
//! remembered for a while, so that a run with a thousand requests does not knock a thousand times with a bad password.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use plugin_api::{Error, ErrorKind, Token};
use tokio::sync::OwnedMutexGuard;

use super::{LoginSender, Secret, Tenure};

/// A token is renewed this long before it ends.
const EARLY_MS: i64 = 60_000;
/// How long refused credentials are not tried again.
const REFUSED_MS: i64 = 60_000;
/// How long any other failed login is not tried again, if it brought no advice.
const FAILED_MS: i64 = 5_000;

/// Runs the connector's login job, whose requests go through the sender.
pub type Login = Arc<dyn Fn(LoginSender) -> BoxFuture<'static, Result<Token, Error>> + Send + Sync>;

/// An account token as the host keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldToken {
    /// The token itself.
    pub value: Secret,
    /// Its named companions.
    pub parts: BTreeMap<String, Secret>,
    /// From this instant on a new one is asked for; milliseconds since 1970, UTC.
    pub renew_at_ms: i64,
}

impl HeldToken {
    pub(super) fn new(token: Token, now_ms: i64) -> Self {
        let life_ms = i64::try_from(token.expires_in_secs).unwrap_or(i64::MAX).saturating_mul(1_000);
        // One that lives for two minutes or less is used for half its life.
        let used_ms = life_ms.saturating_sub(EARLY_MS.min(life_ms / 2));
        HeldToken {
            value: token.value.into(),
            parts: token.parts.into_iter().map(|(name, value)| (name, value.into())).collect(),
            renew_at_ms: now_ms.saturating_add(used_ms),
        }
    }
}

/// Keeps what a login brought beyond the life of the process.
///
/// The host calls [`keep_secrets`](TokenStore::keep_secrets) before anything else is done with a login's result: the old
/// secrets may be dead already. An error of either ends the login with that error.
pub trait TokenStore: Send + Sync {
    /// Stores secrets that the marketplace replaced, by name, unless another login or a person has replaced them since:
    /// `replaced` is what they were when the login began.
    fn keep_secrets<'a>(
        &'a self,
        account: &'a str,
        replaced: &'a BTreeMap<String, Secret>,
        rotated: &'a BTreeMap<String, Secret>,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Stores the token, unless the tenure under which it was got has been passed.
    fn keep_token<'a>(
        &'a self,
        account: &'a str,
        tenure: Option<&'a dyn Tenure>,
        token: &'a HeldToken,
    ) -> BoxFuture<'a, Result<(), Error>>;
}

/// Keeps nothing: for a run that stands alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotKept;

impl TokenStore for NotKept {
    fn keep_secrets<'a>(
        &'a self,
        _: &'a str,
        _: &'a BTreeMap<String, Secret>,
        _: &'a BTreeMap<String, Secret>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn keep_token<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a dyn Tenure>,
        _: &'a HeldToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A token with its place in the row of tokens that this process has seen, from 1.
#[derive(Clone)]
pub(super) struct Numbered {
    pub(super) number: u64,
    pub(super) token: Arc<HeldToken>,
}

/// The account's token, if it has one.
pub(super) struct TokenCell {
    state: Mutex<State>,
    gate: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    held: Option<Numbered>,
    failed: Option<(Error, i64)>,
}

impl TokenCell {
    pub(super) fn new(token: Option<HeldToken>) -> Self {
        let held = token.map(|token| Numbered { number: 1, token: Arc::new(token) });
        TokenCell { state: Mutex::new(State { held, failed: None }), gate: Arc::default() }
    }

    /// The token whatever its age, for blanking it in replies.
    pub(super) fn any(&self) -> Option<Arc<HeldToken>> {
        self.lock().held.as_ref().map(|held| Arc::clone(&held.token))
    }

    /// The number of the newest token, good or not; 0 if there was none.
    pub(super) fn newest(&self) -> u64 {
        self.lock().held.as_ref().map_or(0, |held| held.number)
    }

    /// What is known without a login: a good token later than number `stale`, or the failure of a login just now.
    pub(super) fn known(&self, stale: u64, now_ms: i64) -> Option<Result<Numbered, Error>> {
        let known = self.lock();
        let good = known.held.as_ref().filter(|held| held.number > stale && now_ms < held.token.renew_at_ms);
        if let Some(good) = good {
            return Some(Ok(good.clone()));
        }
        known.failed.as_ref().filter(|(_, until_ms)| now_ms < *until_ms).map(|(error, _)| Err(error.clone()))
    }

    /// The right to log in, which one holds at a time.
    pub(super) async fn gate(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.gate).lock_owned().await
    }

    /// Records how a login ended.
    pub(super) fn settle(&self, result: Result<HeldToken, Error>, now_ms: i64) -> Result<Numbered, Error> {
        let mut state = self.lock();
        match result {
            Ok(token) => {
                let number = state.held.as_ref().map_or(0, |held| held.number) + 1;
                let held = Numbered { number, token: Arc::new(token) };
                *state = State { held: Some(held.clone()), failed: None };
                Ok(held)
            }
            Err(error) => {
                let wait_ms = match (error.kind, error.retry_after) {
                    (_, Some(wait)) => i64::try_from(wait.as_millis()).unwrap_or(i64::MAX).min(REFUSED_MS),
                    (ErrorKind::Auth | ErrorKind::Config, None) => REFUSED_MS,
                    (_, None) => FAILED_MS,
                };
                state.failed = Some((error.clone(), now_ms.saturating_add(wait_ms.max(FAILED_MS))));
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_renewed_a_minute_early_and_a_short_lived_one_after_half_its_life() {
        let used_secs = |secs| HeldToken::new(Token::new("t", secs), 5_000).renew_at_ms / 1_000 - 5;
        assert_eq!([3_600, 121, 120, 60, 10, 0].map(used_secs), [3_540, 61, 60, 30, 5, 0]);
        assert_eq!(HeldToken::new(Token::new("t", u64::MAX), 5_000).renew_at_ms, i64::MAX - 60_000 + 5_000);
    }

    #[test]
    fn a_held_token_shows_nothing() {
        let token = HeldToken::new(Token::new("token-value", 60).part("cookie", "cookie-value"), 0);
        let shown = format!("{token:?}");
        assert!(!shown.contains("-value"), "{shown}");
    }

    #[test]
    fn a_failed_login_is_remembered_and_then_forgotten() {
        let unavailable = || Error::new(ErrorKind::Unavailable, "down");
        for (error, remembered_ms) in [
            (Error::auth("refused"), 60_000),
            (Error::config("no secret"), 60_000),
            (unavailable(), 5_000),
            (unavailable().retry_after(Duration::from_secs(20)), 20_000),
            (unavailable().retry_after(Duration::from_hours(1)), 60_000),
            (unavailable().retry_after(Duration::ZERO), 5_000),
        ] {
            let cell = TokenCell::new(None);
            assert!(cell.known(0, 1_000).is_none());
            assert!(cell.settle(Err(error.clone()), 1_000).is_err());
            assert_eq!(cell.known(0, 1_000 + remembered_ms - 1).unwrap().err().unwrap(), error);
            assert!(cell.known(0, 1_000 + remembered_ms).is_none());
        }
    }
}
