//! The right to write a channel's orders, held by one run at a time.
//!
//! A lease is a row of the database and is judged by the database's clock only.

use plugin_api::Millis;

use super::{StoreError, run::RunId};
use crate::domain::codes::{ChannelCode, TenantCode};

/// For so long a channel is kept for a person whose claim was in vain; each further claim renews it.
pub(super) const WANTED_MS: Millis = 2_000;

/// Proof of a lease. Every write of a run carries it; a write whose fence has been passed changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// Who holds it: a text of its own for each run, so that no two holders are alike.
    pub holder: String,
    /// Rises with each claim.
    pub epoch: i64,
}

impl Fence {
    /// What is said to a holder whose lease has ended.
    pub(super) fn lost(&self) -> StoreError {
        StoreError::LeaseLost { tenant: self.tenant.to_string(), channel: self.channel.to_string() }
    }
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The channel is ours until the time to live has passed; with the run that was begun with it.
    Got(Fence, Option<RunId>),
    /// The task is not due any more; the channel was left alone.
    NotDue,
    /// A run has it.
    Held {
        /// Who.
        holder: String,
        /// Since when, UTC by the database's clock.
        since: Millis,
        /// Until when, unless it is renewed.
        until: Millis,
    },
    /// Nobody has it, and it is kept for a person who waits; only the timer is told so.
    Wanted,
}
