//! Orders that the seller's system hands over: one transaction for those of a channel, decided like a page, without a lease.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;

use super::{Mode, PageKeys, PageReport, PageResult, PageState, Result};
use crate::domain::codes::{ChannelCode, OrderCode, TenantCode};

/// What orders are handed over.
#[derive(Clone, Debug, Default)]
pub struct IntakeKeys {
    /// The marketplace's ids, and the stock that may be touched besides that of what is here.
    pub page: PageKeys,
    /// The seller's codes.
    pub codes: Vec<OrderCode>,
}

/// What was found.
#[derive(Debug)]
pub struct IntakeState {
    /// The channel, the orders that are known, stock.
    pub page: PageState,
    /// The codes that are taken, each with the channel and the marketplace's id of its order.
    pub taken: HashMap<OrderCode, (ChannelCode, String)>,
}

/// The orders that are here already, by the marketplace's id.
pub(super) fn known(page: &PageState) -> BTreeSet<String> {
    page.files.keys().chain(&page.unchanged).cloned().collect()
}

/// Decides what becomes of orders. Pure, quick, and called at most once, while the store holds its write lock.
pub type DecideIntake = Box<dyn FnOnce(IntakeState) -> PageResult + Send>;

/// The part of a store that takes orders over.
#[async_trait]
pub trait IntakeStore: Send + Sync {
    /// Loads, decides and writes orders of one channel. An order that is written forgets its fingerprint; facts that wait
    /// under the id of an item come to the order that has it now. `seen`, `lines` and `mark` of the result are not written.
    ///
    /// # Errors
    /// [`StoreError::NotFound`](super::StoreError::NotFound) if there is no such channel.
    async fn take_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        keys: IntakeKeys,
        mode: Mode,
        decide: DecideIntake,
    ) -> Result<PageReport>;
}
