//! What every simulated marketplace has: a world, tokens, limits, remembered lists.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{Calls, Config, gate::Buckets};
use crate::{
    faults::Faults,
    world::{Profile, Row, World},
};

/// Which rate limits hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rates {
    /// None.
    Off,
    /// Those of [`Marketplace::rate`](super::Marketplace::rate), per operation.
    Published,
    /// This one for every operation but the login.
    Each {
        /// Calls per second.
        per_second: f64,
        /// Calls at once after a pause.
        burst: u32,
    },
}

/// A call that is refused: the HTTP status, and a body in the marketplace's own shape.
pub struct Refused(pub StatusCode, pub Value);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}

/// The rows of a list, with the world's version that they were found in.
type Remembered = (u64, Arc<[Row]>);

/// A marketplace's premises.
pub struct Site {
    /// Where it is, without a slash at the end.
    pub base_url: String,
    pub(super) config: Config,
    world: RwLock<World>,
    tokens: Mutex<Tokens>,
    lists: Mutex<HashMap<String, Remembered>>,
    faults: Mutex<Faults>,
    calls: Mutex<Calls>,
    buckets: Mutex<Buckets>,
}

/// Lists that are remembered at once; the oldest go first, all together.
const LISTS_KEPT: usize = 64;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    pub(super) fn new(profile: &'static Profile, config: Config, base_url: String) -> Self {
        let world = World::new(profile, config.seed, config.orders, (config.clock)() - config.backdate_ms);
        Site {
            base_url,
            world: RwLock::new(world),
            tokens: Mutex::new(Tokens { seed: config.seed, ..Tokens::default() }),
            lists: Mutex::default(),
            faults: Mutex::new(Faults::none(config.seed)),
            calls: Mutex::default(),
            buckets: Mutex::default(),
            config,
        }
    }

    /// The marketplace's time, ms UTC.
    pub fn now(&self) -> i64 {
        (self.config.clock)()
    }

    /// The life of an access token in seconds, given what is documented.
    pub fn token_secs(&self, documented: i64) -> i64 {
        self.config.token_secs.unwrap_or(documented)
    }

    /// The world, to read.
    pub fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn advance(&self, hours: u32) -> usize {
        let at = self.now() - self.config.backdate_ms;
        self.world.write().unwrap_or_else(PoisonError::into_inner).advance(hours, at)
    }

    /// The tokens that were given out.
    pub fn tokens(&self) -> MutexGuard<'_, Tokens> {
        lock(&self.tokens)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, Calls> {
        lock(&self.calls)
    }

    pub(super) fn buckets(&self) -> MutexGuard<'_, Buckets> {
        lock(&self.buckets)
    }

    /// The rows that `find` gives for the filter `key`. They are remembered until the world changes; a list that is paged
    /// by offset then goes on in another list, as it does at a real marketplace.
    pub fn list(&self, key: &str, find: impl FnOnce(&World) -> Vec<Row>) -> Arc<[Row]> {
        let world = self.world();
        if let Some((version, rows)) = lock(&self.lists).get(key)
            && *version == world.version
        {
            return Arc::clone(rows);
        }
        let rows: Arc<[Row]> = find(&world).into();
        let mut lists = lock(&self.lists);
        if lists.len() >= LISTS_KEPT {
            lists.clear();
        }
        lists.insert(key.to_owned(), (world.version, Arc::clone(&rows)));
        rows
    }
}

/// Access tokens of one account.
#[derive(Debug, Default)]
pub struct Tokens {
    seed: u64,
    issued: u64,
    /// Tokens that hold, with the time they end, ms UTC.
    valid: Vec<(String, i64)>,
}

impl Tokens {
    /// A new token that ends at `until`.
    pub fn issue(&mut self, prefix: &str, now: i64, until: i64) -> String {
        self.issued += 1;
        self.valid.retain(|&(_, end)| end > now);
        let token = format!("{prefix}not-a-real-token-{}-{}", self.seed, self.issued);
        self.valid.push((token.clone(), until));
        token
    }

    /// The newest token that holds, with its end.
    pub fn current(&self, now: i64) -> Option<(String, i64)> {
        self.valid.last().filter(|&&(_, end)| end > now).cloned()
    }

    /// Whether a token holds.
    pub fn accepts(&self, token: &str, now: i64) -> bool {
        self.valid.iter().any(|(valid, end)| valid == token && *end > now)
    }

    /// Ends all of them.
    pub fn revoke(&mut self) {
        self.valid.clear();
    }
}
