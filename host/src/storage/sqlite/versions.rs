//! Whether what a page was decided on is still so.
//!
//! Each tenant has a number, shared with others that fall on the same place, which grows when something is written that a
//! page of the tenant may rest on: once when it is in the transaction, and once more when it is on the disk. Whoever takes
//! the number, then reads, and finds the same number when their turn to write has come, has read what is there now. It may
//! grow for nothing; then a page is decided twice.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::domain::codes::TenantCode;

/// Far more than tenants that write at the same time.
const PLACES: usize = 4096;

/// What a writing job changes of that which pages rest on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Touches {
    /// Nothing: leases, runs, tasks, rate buckets, tokens, callers, deliveries.
    Nothing,
    /// Orders, channels, stock or the like of one tenant.
    Tenant(Place),
    /// Anything.
    All,
}

impl Touches {
    pub(super) fn tenant(tenant: &TenantCode) -> Touches {
        Touches::Tenant(Place::of(tenant))
    }
}

/// Where a tenant's number is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

impl Place {
    fn of(tenant: &TenantCode) -> Place {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(tenant.as_str());
        #[expect(clippy::cast_possible_truncation, reason = "any of its bits will do")]
        Place(hash as usize % PLACES)
    }
}

/// What stays equal while nothing is written that a tenant's pages may rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version(u64, u64);

/// The numbers of all tenants, and one that grows when anything may have changed.
#[derive(Debug)]
pub(super) struct Versions {
    places: Box<[AtomicU64]>,
    all: AtomicU64,
}

impl Versions {
    pub(super) fn new() -> Versions {
        Versions { places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(), all: AtomicU64::new(0) }
    }

    /// To be asked for before reading.
    pub(super) fn of(&self, tenant: &TenantCode) -> Version {
        let place = &self.places[Place::of(tenant).0];
        Version(self.all.load(Ordering::SeqCst), place.load(Ordering::SeqCst))
    }

    pub(super) fn touch(&self, what: Touches) {
        match what {
            Touches::Nothing => return,
            Touches::Tenant(Place(at)) => &self.places[at],
            Touches::All => &self.all,
        }
        .fetch_add(1, Ordering::SeqCst);
    }
}
