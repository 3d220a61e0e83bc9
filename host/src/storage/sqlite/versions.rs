//! Whether what a page was decided on is still so.
//!
//! Each tenant has a number, shared with others that fall on the same place, which grows when something is written that a
//! page of the tenant may rest on. From the moment that it is written until it is on the disk, or is taken back, the number is
//! odd: who reads meanwhile does not see it, and may yet have their turn behind it in the same transaction. Whoever takes an
//! even number, then reads, and finds the same number when their turn to write has come, has read what is there now. It may
//! grow for nothing; then a page is decided twice.
//!
//! Only the thread that writes makes numbers grow.

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

    /// Whether what was read after `version` was asked for is what is there now, in the transaction that is open.
    pub(super) fn is_still(&self, version: Version, tenant: &TenantCode) -> bool {
        let Version(all, place) = version;
        all.is_multiple_of(2) && place.is_multiple_of(2) && self.of(tenant) == version
    }

    /// Something is written, and not on the disk yet.
    pub(super) fn open(&self, what: Touches) {
        if let Some(number) = self.number(what)
            && number.load(Ordering::SeqCst).is_multiple_of(2)
        {
            number.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// It is on the disk, or taken back.
    pub(super) fn close(&self, what: Touches) {
        if let Some(number) = self.number(what)
            && !number.load(Ordering::SeqCst).is_multiple_of(2)
        {
            number.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Something was written elsewhere, and is on the disk.
    pub(super) fn touch(&self, what: Touches) {
        self.open(what);
        self.close(what);
    }

    fn number(&self, what: Touches) -> Option<&AtomicU64> {
        match what {
            Touches::Nothing => None,
            Touches::Tenant(Place(at)) => Some(&self.places[at]),
            Touches::All => Some(&self.all),
        }
    }
}
