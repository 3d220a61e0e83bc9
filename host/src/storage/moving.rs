//! How far a tenant is on its way from one database to another. A tenant that is not here in full is neither shown nor
//! written.
//!
//! What is done in which order is not decided here.

use std::{collections::BTreeMap, io::Write};

use async_trait::async_trait;
use plugin_api::Millis;

use super::Result;
use crate::domain::codes::TenantCode;

/// Who holds the channels of a tenant that is on its way.
pub(super) const HOLDER: &str = "a move to another database";
/// Until when: longer than anything.
pub(super) const FOREVER: Millis = Millis::MAX / 4;

/// How far a tenant is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is here.
    Here,
    /// It is being copied to another database: it is read here and not written.
    Leaving,
    /// It is in another database; what is left here is a mark that says so.
    Left,
    /// It is being copied to here: it is neither read nor written.
    Arriving,
}

impl Stage {
    /// As it is stored.
    pub(super) const fn as_str(self) -> Option<&'static str> {
        match self {
            Stage::Here => None,
            Stage::Leaving => Some("LEAVING"),
            Stage::Left => Some("LEFT"),
            Stage::Arriving => Some("ARRIVING"),
        }
    }

    /// From what is stored.
    pub(super) fn of(stored: Option<&str>) -> Stage {
        let stages = [Stage::Leaving, Stage::Left, Stage::Arriving];
        stages.into_iter().find(|stage| stage.as_str() == stored).unwrap_or(Stage::Here)
    }
}

/// The part of a store that takes tenants in from another database.
#[async_trait]
pub trait MovingStore: Send + Sync {
    /// How far each tenant is that there is any trace of.
    async fn stages(&self) -> Result<BTreeMap<TenantCode, Stage>>;

    /// A tenant that is on its way is here from now on, and free. Epochs rise.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound) if there is none, or only the mark of one that has left.
    /// # Idempotency
    /// One that is here stays as it is.
    async fn settle(&self, tenant: &TenantCode) -> Result<()>;

    /// Removes a tenant that is arriving, with everything of it.
    ///
    /// # Errors
    /// [`StoreError::Exists`](super::StoreError::Exists) if it is here or leaving.
    /// # Idempotency
    /// One that is not there stays away.
    async fn turn_away(&self, tenant: &TenantCode) -> Result<()>;

    /// As [`export`](super::Store::export), for a tenant that is on its way.
    async fn export_moving(
        &self,
        tenant: &TenantCode,
        now: Millis,
        out: &mut (dyn Write + Send),
    ) -> Result<()>;
}
