//! One store over several PostgreSQL databases: each tenant is in one of them, as the control database says.
//!
//! The control database holds tenants like any other. Besides it has what belongs to no tenant or is needed before one is
//! known: where tenants are, callers, requests, breakers, the numbers of runs. A call about a tenant goes to its database;
//! a call about all goes to each. What this host believes of the places may be old: a database in which the tenant is not
//! any more refuses, and the places are read again.

mod each;
mod mover;
mod routed;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

pub use self::mover::{Ended, Step};
use super::{Postgres, PostgresSetup, Result, Store as _, StoreError};
use crate::{domain::codes::TenantCode, secrets::Key};

/// What is known of the places is read again after this, where all are asked.
const FRESH: Duration = Duration::from_secs(2);
/// A database that could not be opened is left alone for this long.
const PAUSE: Duration = Duration::from_secs(2);

/// What the control database is called as a place.
pub const CONTROL: &str = "";

/// Where a tenant is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// The URL of its database; empty for the control database.
    pub(super) place: String,
    /// While it moves: the other end, and how far it is.
    pub(super) moves: Option<(String, Phase)>,
}

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is where it was, and is copied to the other end.
    Copying,
    /// It is where it was to go; what the other end has is removed.
    Clearing,
}

impl Phase {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Phase::Copying => "COPYING",
            Phase::Clearing => "CLEARING",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Phase> {
        [Phase::Copying, Phase::Clearing].into_iter().find(|phase| phase.as_str() == text)
    }
}

/// The places of tenants as they were once.
#[derive(Clone, Default)]
struct Known {
    placements: Arc<BTreeMap<TenantCode, Placement>>,
    read_at: Option<Instant>,
}

/// The store of an installation whose control database is on PostgreSQL.
pub struct Shards {
    control: Arc<Postgres>,
    /// How databases beside the control database are worked with; the URL is another one for each.
    setup: PostgresSetup,
    key: Key,
    known: RwLock<Known>,
    opened: Mutex<HashMap<String, Opened>>,
}

#[derive(Clone)]
enum Opened {
    Store(Arc<Postgres>),
    NotSince(Instant),
}

impl std::fmt::Debug for Shards {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shards").field("control", &self.control).finish_non_exhaustive()
    }
}

impl Shards {
    /// Opens the control database. Others are opened when a tenant in them is asked for.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub fn open(setup: PostgresSetup, key: Key) -> Result<Shards> {
        let control = Arc::new(Postgres::open(&setup, key.clone())?);
        Ok(Shards { control, setup, key, known: RwLock::default(), opened: Mutex::default() })
    }

    /// The tenants that are not in the control database, each with the URL of its own.
    ///
    /// # Errors
    /// Those of the control database.
    pub async fn places(&self) -> Result<BTreeMap<TenantCode, String>> {
        let known = self.read_places().await?;
        let placed = known.iter().filter(|(_, placement)| placement.place != CONTROL);
        Ok(placed.map(|(tenant, placement)| (tenant.clone(), placement.place.clone())).collect())
    }

    async fn read_places(&self) -> Result<Arc<BTreeMap<TenantCode, Placement>>> {
        // What is written while they are read may be missing, so they are as old as the beginning.
        let read_at = Some(Instant::now());
        let placements = Arc::new(self.control.placements().await?);
        let known = Known { placements: Arc::clone(&placements), read_at };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(placements)
    }

    /// What is known of the places: read now if it never was, or is older than `most`.
    async fn known(&self, most: Duration) -> Result<Arc<BTreeMap<TenantCode, Placement>>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known.read_at {
            Some(at) if at.elapsed() <= most => Ok(known.placements),
            _ => self.read_places().await,
        }
    }

    /// Where a tenant is, as far as is known.
    async fn place_of(&self, tenant: &TenantCode) -> Result<String> {
        let known = self.known(Duration::MAX).await?;
        Ok(known.get(tenant).map_or_else(String::new, |placement| placement.place.clone()))
    }

    /// The store of a place.
    async fn at(&self, place: &str) -> Result<Arc<Postgres>> {
        if place == CONTROL {
            return Ok(Arc::clone(&self.control));
        }
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        match opened {
            Some(Opened::Store(store)) => return Ok(store),
            Some(Opened::NotSince(at)) if at.elapsed() < PAUSE => {
                return Err(StoreError::Unreachable {
                    place: shown(place),
                    source: "it could not be opened a moment ago".into(),
                });
            }
            _ => {}
        }
        let setup = PostgresSetup { url: place.to_owned(), ..self.setup.clone() };
        let (key, control) = (self.key.clone(), Arc::clone(&self.control));
        let opening =
            tokio::task::spawn_blocking(move || Postgres::open_beside(&setup, key, &control).map(Arc::new));
        let store = opening.await.map_err(|_| StoreError::Closed)?;
        let opened = match &store {
            Ok(store) => Opened::Store(Arc::clone(store)),
            Err(_) => Opened::NotSince(Instant::now()),
        };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(place.to_owned(), opened);
        store
    }

    /// Every place that a tenant is in, the control database first.
    async fn all(&self) -> Result<Vec<String>> {
        let known = self.known(FRESH).await?;
        let others: BTreeSet<&str> = known
            .values()
            .map(|placement| placement.place.as_str())
            .filter(|place| *place != CONTROL)
            .collect();
        Ok([CONTROL].into_iter().chain(others).map(str::to_owned).collect())
    }

    /// The store that has a tenant for certain a moment ago, for a call that cannot be repeated.
    async fn surely_at(&self, tenant: &TenantCode) -> Result<Arc<Postgres>> {
        let store = self.at(&self.place_of(tenant).await?).await?;
        match store.tenant(tenant).await {
            Err(StoreError::Moved) => {
                self.read_places().await?;
                self.at(&self.place_of(tenant).await?).await
            }
            found => found.map(|_| store),
        }
    }

    /// The tenant of an account, which is `tenant/channel`. Either code may have a stroke of its own.
    async fn tenant_of(&self, account: &str) -> Result<TenantCode> {
        let known = self.known(Duration::MAX).await?;
        let names = account.match_indices('/').map(|(at, _)| TenantCode::from(&account[..at]));
        let names: Vec<TenantCode> = names.collect();
        let placed = names.iter().find(|name| known.contains_key(*name));
        Ok(placed.or(names.first()).cloned().unwrap_or_default())
    }

    /// Whether a tenant is in another place than was believed; an error that says so is worth another attempt then.
    async fn is_elsewhere(&self, tenant: &TenantCode, believed: &str) -> Result<bool> {
        self.read_places().await?;
        Ok(self.place_of(tenant).await? != believed)
    }
}

/// A place as people read it, without a password.
pub fn shown(place: &str) -> String {
    match place.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (who, rest))) => {
            let role = who.split(':').next().unwrap_or_default();
            format!("{scheme}://{role}@{rest}")
        }
        None => place.to_owned(),
    }
}
