//! Facts whose order the marketplace does not name: the host finds it by the item.
//!
//! Where no order has the item, the item's id stands for the order's, so that the fact waits under it; the import that
//! brings the order moves it there.

use std::collections::BTreeSet;

use plugin_api::Observation;

use super::{Engine, holding::Holding};
use crate::storage::StoreError;

impl Engine {
    /// Gives facts that name their item only the order that has it: one look-up for all of them, none if there are none.
    pub(super) async fn name_orders(
        &self,
        holding: &Holding,
        facts: &mut [Observation],
    ) -> Result<(), StoreError> {
        let unnamed = facts.iter().filter(|seen| seen.order.is_empty());
        let items: BTreeSet<String> = unnamed.filter_map(|seen| seen.item.clone()).collect();
        if items.is_empty() {
            return Ok(());
        }
        let items: Vec<String> = items.into_iter().collect();
        let fence = &holding.fence;
        let orders = self.store.orders_of_items(&fence.tenant, &fence.channel, &items).await?;
        for seen in facts.iter_mut().filter(|seen| seen.order.is_empty()) {
            if let Some(item) = &seen.item {
                seen.order = orders.get(item).unwrap_or(item).clone();
            }
        }
        Ok(())
    }
}
