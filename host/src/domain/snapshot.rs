//! The one document that `import` and `export` use: a tenant's whole state.

use plugin_api::{InvoiceNumbering, ShippedBy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ChannelCode, FacilityCode, OwnerCode, TenantCode},
    duties::{Conflict, Parked, Putaway},
    effect::Change,
    invoice::{Invoice, Sequence},
    order::{Order, states},
    stock::Stock,
    zone::Zone,
};

states! {
    /// How a facility knows its units, which decides from when on a package may be dispatched by force.
    Traceability {
        /// Not at all.
        None "NONE",
        /// By product.
        Sku "SKU",
        /// Each unit has its own barcode.
        Item "ITEM",
    }
}

/// A warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facility {
    /// Its code.
    pub code: FacilityCode,
    /// How it knows its units.
    #[serde(default = "untraced")]
    pub traceability: Traceability,
}

fn untraced() -> Traceability {
    Traceability::None
}

/// One selling account on one marketplace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its code.
    pub code: ChannelCode,
    /// The id of the connector that serves it.
    pub connector: String,
    /// Whether it is synced.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// For items that have no facility.
    #[serde(default)]
    pub default_facility: Option<FacilityCode>,
    /// The legal seller whose series are used instead of the facility's.
    #[serde(default)]
    pub billing_party: Option<OwnerCode>,
    /// Who ships orders that do not say so themselves.
    #[serde(default)]
    #[schemars(with = "Option<super::form::ChannelOrSeller>")]
    pub shipping: Option<ShippedBy>,
    /// Who numbers sale invoices; absent = as the connector declares.
    #[serde(default)]
    #[schemars(with = "Option<super::form::ChannelOrSeller>")]
    pub invoice_numbering: Option<InvoiceNumbering>,
    /// Whether the channel's word on delivery counts although the seller ships.
    #[serde(default)]
    pub trust_delivery: bool,
    /// The connector's settings, without secrets.
    #[serde(default)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

fn yes() -> bool {
    true
}

/// A tenant's whole state. Names of states are upper case, times RFC 3339 in UTC, absent is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The seller account.
    pub tenant: TenantCode,
    /// Whether it has gone live.
    #[serde(default)]
    pub live: bool,
    /// In which time zone its people read times; absent = India's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Warehouses.
    #[serde(default)]
    pub facilities: Vec<Facility>,
    /// Number series.
    #[serde(default)]
    pub sequences: Vec<Sequence>,
    /// Stock.
    #[serde(default)]
    pub stock: Vec<Stock>,
    /// Channels.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Orders.
    #[serde(default)]
    pub orders: Vec<Order>,
    /// Invoices.
    #[serde(default)]
    pub invoices: Vec<Invoice>,
    /// Putaways.
    #[serde(default)]
    pub putaways: Vec<Putaway>,
    /// Conflicts.
    #[serde(default)]
    pub conflicts: Vec<Conflict>,
    /// Facts that wait.
    #[serde(default)]
    pub parked: Vec<Parked>,
    /// What was changed, oldest first.
    #[serde(default)]
    pub history: Vec<Change>,
}

/// One order with everything that belongs to it: what a decision about it may read and change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderFile {
    /// The order.
    pub order: Order,
    /// Its invoices.
    pub invoices: Vec<Invoice>,
    /// Its putaways.
    pub putaways: Vec<Putaway>,
    /// Its conflicts, open and closed.
    pub conflicts: Vec<Conflict>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_leaves_out_is_the_plain_case() {
        let channel: Channel = serde_json::from_str(r#"{"code": "FK1", "connector": "flipkart"}"#).unwrap();
        assert!(channel.enabled && !channel.trust_delivery);
        let facility: Facility = serde_json::from_str(r#"{"code": "DEL1"}"#).unwrap();
        assert_eq!(facility.traceability, Traceability::None);
        let nothing: Snapshot = serde_json::from_str(r#"{"tenant": "acme"}"#).unwrap();
        assert!(!nothing.live && nothing.orders.is_empty());
    }
}
