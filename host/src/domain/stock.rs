//! Stock of one product in one facility.
//!
//! On-hand falls at dispatch and rises only when a returned unit is put away; blocked follows allocation; shortfall counts
//! units that left although the books had none.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{FacilityCode, Sku};

/// Counts of one product in one facility.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    /// The warehouse.
    pub facility: FacilityCode,
    /// The product.
    pub sku: Sku,
    /// Units in the warehouse.
    pub on_hand: i64,
    /// Of these: allocated to orders, or waiting for a putaway.
    #[serde(default)]
    pub blocked: i64,
    /// Units that left without being on hand.
    #[serde(default)]
    pub shortfall: i64,
    /// `on_hand − blocked`. Written on export; ignored on import.
    #[serde(default)]
    pub available: i64,
}

impl Stock {
    /// No units at all.
    pub fn none(facility: FacilityCode, sku: Sku) -> Self {
        Stock { facility, sku, on_hand: 0, blocked: 0, shortfall: 0, available: 0 }
    }

    /// Units that may still be allocated.
    pub fn available(&self) -> i64 {
        self.on_hand - self.blocked
    }
}
