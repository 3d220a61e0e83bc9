//! Orders with their items, packages and returns: the state that observations change.
//!
//! These are the records of the snapshot file and of the store alike, so that there is one description of each. They
//! hold state and answer questions about it; what may change it is decided in `apply`.

use plugin_api::{Millis, ReturnKind, ShippedBy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ChannelCode, FacilityCode, ItemCode, OrderCode, PackageCode, Sku},
    time::option_instant,
};

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$state_doc:meta])* $state:ident $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $name { $($(#[$state_doc])* #[serde(rename = $text)] $state,)* }

        impl $name {
            /// Every state, in the order of the life cycle.
            pub const ALL: &[$name] = &[$($name::$state,)*];
            /// The upper-case name, as in files and on screens.
            pub const fn as_str(self) -> &'static str { match self { $($name::$state => $text,)* } }
            /// The state of an upper-case name.
            pub fn parse(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|state| state.as_str() == text) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
pub(crate) use states;

states! {
    /// ```text
    /// PENDING_VERIFICATION -> CREATED -> PROCESSING -> COMPLETE
    ///            any before COMPLETE -> CANCELLED
    /// ```
    /// Derived from the items; never set by an observation.
    OrderStatus {
        /// The channel waits for the seller's acceptance.
        PendingVerification "PENDING_VERIFICATION",
        /// In the system, not yet allocated.
        Created "CREATED",
        /// Packages progress; still cancellable.
        Processing "PROCESSING",
        /// Every item that was not cancelled has left.
        Complete "COMPLETE",
        /// Every item is cancelled.
        Cancelled "CANCELLED",
    }
}

states! {
    /// The state of one unit.
    ItemStatus {
        /// Not yet allocated.
        Created "CREATED",
        /// No stock at allocation.
        Unfulfillable "UNFULFILLABLE",
        /// Stock is blocked for it.
        Fulfillable "FULFILLABLE",
        /// No courier serves the address.
        LocationNotServiceable "LOCATION_NOT_SERVICEABLE",
        /// Left the warehouse.
        Dispatched "DISPATCHED",
        /// The buyer has it.
        Delivered "DELIVERED",
        /// Will not be sent.
        Cancelled "CANCELLED",
        /// Back at the seller.
        Returned "RETURNED",
    }
}

impl ItemStatus {
    /// Whether the unit has not left and still may.
    pub const fn is_open(self) -> bool {
        match self {
            ItemStatus::Created
            | ItemStatus::Unfulfillable
            | ItemStatus::Fulfillable
            | ItemStatus::LocationNotServiceable => true,
            ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Cancelled | ItemStatus::Returned => {
                false
            }
        }
    }
}

states! {
    /// The state of a package.
    PackageStatus {
        /// Exists; stock allocated.
        Created "CREATED",
        /// No courier can serve it.
        LocationNotServiceable "LOCATION_NOT_SERVICEABLE",
        /// Made-to-order work is open.
        PendingCustomization "PENDING_CUSTOMIZATION",
        /// Made-to-order work is done.
        CustomizationComplete "CUSTOMIZATION_COMPLETE",
        /// On a picklist.
        Picking "PICKING",
        /// Taken from the shelf.
        Picked "PICKED",
        /// Invoiced.
        Packed "PACKED",
        /// Labelled.
        ReadyToShip "READY_TO_SHIP",
        /// On a closed manifest.
        Manifested "MANIFESTED",
        /// Handed over.
        Dispatched "DISPATCHED",
        /// The courier has moved it.
        Shipped "SHIPPED",
        /// The buyer has it.
        Delivered "DELIVERED",
        /// On its way back, undelivered.
        ReturnExpected "RETURN_EXPECTED",
        /// The warehouse confirmed that it is back.
        ReturnAcknowledged "RETURN_ACKNOWLEDGED",
        /// Back, by the channel's word.
        Returned "RETURNED",
        /// Nothing more happens to it.
        Cancelled "CANCELLED",
        /// Replaced by several.
        Splitted "SPLITTED",
        /// Joined into another.
        Merged "MERGED",
    }
}

/// The stages of a package, as far as the rules tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing packed yet: no invoice.
    BeforePacked,
    /// Packed and not handed over: one invoice covers it.
    Packed,
    /// On its way.
    Sent,
    /// Delivered.
    Delivered,
    /// On its way back.
    ComingBack,
    /// In the warehouse again, by the warehouse's word.
    Acknowledged,
    /// Back, by the channel's word.
    Returned,
    /// Cancelled or replaced.
    Gone,
}

impl PackageStatus {
    /// The stage that the state belongs to.
    pub const fn stage(self) -> Stage {
        match self {
            PackageStatus::Created
            | PackageStatus::LocationNotServiceable
            | PackageStatus::PendingCustomization
            | PackageStatus::CustomizationComplete
            | PackageStatus::Picking
            | PackageStatus::Picked => Stage::BeforePacked,
            PackageStatus::Packed | PackageStatus::ReadyToShip | PackageStatus::Manifested => Stage::Packed,
            PackageStatus::Dispatched | PackageStatus::Shipped => Stage::Sent,
            PackageStatus::Delivered => Stage::Delivered,
            PackageStatus::ReturnExpected => Stage::ComingBack,
            PackageStatus::ReturnAcknowledged => Stage::Acknowledged,
            PackageStatus::Returned => Stage::Returned,
            PackageStatus::Cancelled | PackageStatus::Splitted | PackageStatus::Merged => Stage::Gone,
        }
    }
}

states! {
    /// Where a package came from.
    PackageSource {
        /// Stock allocation.
        Allocation "ALLOCATION",
        /// A status that the marketplace reported.
        StatusSync "STATUS_SYNC",
        /// Part of another package.
        Split "SPLIT",
    }
}

states! {
    /// Why a package is held from dispatch.
    Hold {
        /// Items of an invoiced package were cancelled; it waits for a new invoice.
        ContainsCancelledItems "CONTAINS_CANCELLED_ITEMS",
    }
}

states! {
    /// The life of a return. An RTO is `NOT_RECEIVED`, then `RECEIVED`, or `CLOSED` when delivery was tried again with
    /// success; a customer return goes from `CREATED` to `COMPLETE` or `CANCELED`.
    ReturnStatus {
        /// A customer return was opened.
        Created "CREATED",
        /// Its pickup has a courier.
        CourierAllocated "COURIER_ALLOCATED",
        /// On its way back.
        NotReceived "NOT_RECEIVED",
        /// An RTO is back on the shelf.
        Received "RECEIVED",
        /// A customer return is back.
        Complete "COMPLETE",
        /// A customer return was withdrawn.
        Canceled "CANCELED",
        /// An RTO that was delivered after all.
        Closed "CLOSED",
    }
}

impl ReturnStatus {
    /// Whether the goods are still expected.
    pub const fn is_open(self) -> bool {
        match self {
            ReturnStatus::Created | ReturnStatus::CourierAllocated | ReturnStatus::NotReceived => true,
            ReturnStatus::Received
            | ReturnStatus::Complete
            | ReturnStatus::Canceled
            | ReturnStatus::Closed => false,
        }
    }
}

/// A buyer's order on one channel, with everything that goes out and comes back for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The seller's code.
    pub code: OrderCode,
    /// The channel that it came from.
    pub channel: ChannelCode,
    /// The marketplace's id.
    pub channel_order_id: String,
    /// Derived from the items.
    pub status: OrderStatus,
    /// Who arranges the courier; absent = the channel's setting decides.
    #[serde(default)]
    #[schemars(with = "Option<super::form::ChannelOrSeller>")]
    pub shipping: Option<ShippedBy>,
    /// The seller asked to wait with it.
    #[serde(default)]
    pub on_hold: bool,
    /// One entry a unit.
    pub items: Vec<Item>,
    /// Packages of this order.
    #[serde(default)]
    pub packages: Vec<Package>,
    /// Returns of this order.
    #[serde(default)]
    pub returns: Vec<Return>,
    /// What needs a person's eye, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attention: Vec<String>,
    /// Fingerprints of the observations that were applied, so that the same content is known again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<String>,
}

/// One unit of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The seller's code.
    pub code: ItemCode,
    /// The marketplace's id of the item, or of the order line that it is one unit of.
    #[serde(default)]
    pub channel_item_id: Option<String>,
    /// The product.
    pub sku: Sku,
    /// The warehouse that it goes out from.
    #[serde(default)]
    pub facility: Option<FacilityCode>,
    /// Its state.
    pub status: ItemStatus,
    /// The package that it is in.
    #[serde(default)]
    pub package: Option<PackageCode>,
    /// Whether a unit of stock is blocked for it; absent = whether it is `FULFILLABLE`.
    #[serde(default)]
    pub allocated: Option<bool>,
    /// When the channel says that it was cancelled.
    #[serde(default, with = "option_instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub cancelled_at: Option<Millis>,
    /// The marketplace's own word, where it is not yet reflected in the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_status: Option<String>,
}

impl Item {
    /// Whether a unit of stock is blocked for it.
    pub fn is_allocated(&self) -> bool {
        self.allocated.unwrap_or(self.status == ItemStatus::Fulfillable)
    }
}

/// Items of one order that go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The seller's code.
    pub code: PackageCode,
    /// The warehouse.
    #[serde(default)]
    pub facility: Option<FacilityCode>,
    /// Its state.
    pub status: PackageStatus,
    /// Where it came from.
    #[serde(default = "allocation")]
    pub source: PackageSource,
    /// The marketplace's id.
    #[serde(default)]
    pub channel_package_id: Option<String>,
    /// The forward waybill.
    #[serde(default)]
    pub awb: Option<String>,
    /// The forward courier.
    #[serde(default)]
    pub courier: Option<String>,
    /// The number of its live sale invoice.
    #[serde(default)]
    pub invoice: Option<String>,
    /// Why it must not be dispatched.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// When the channel says that it was handed over.
    #[serde(default, with = "option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub dispatched_at: Option<Millis>,
    /// When the channel says that it was delivered.
    #[serde(default, with = "option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub delivered_at: Option<Millis>,
    /// The latest time at which the channel says that it was delivered, where it said so again; an RTO must be newer.
    #[serde(default, with = "option_instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub last_delivered_at: Option<Millis>,
    /// The courier's last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier_status: Option<String>,
}

fn allocation() -> PackageSource {
    PackageSource::Allocation
}

/// Goods on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Return {
    /// RTO or CIR.
    #[schemars(with = "super::form::RtoOrCir")]
    pub kind: ReturnKind,
    /// The package's code for an RTO, the channel's return id for a CIR.
    pub code: String,
    /// Its state.
    pub status: ReturnStatus,
    /// The package that the goods went out in.
    #[serde(default)]
    pub package: Option<PackageCode>,
    /// The units.
    pub items: Vec<ItemCode>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// The waybill of the way back.
    #[serde(default)]
    pub awb: Option<String>,
    /// The courier of the way back.
    #[serde(default)]
    pub courier: Option<String>,
    /// When the channel says that it began.
    #[serde(default, with = "option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub at: Option<Millis>,
    /// The latest time at which the channel says that it is on its way, where it said so again; a delivery with a new
    /// attempt must be newer.
    #[serde(default, with = "option_instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub last_at: Option<Millis>,
    /// The kind was not told and had to be guessed, or the return came after a delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
}

impl Order {
    /// A package by code.
    pub fn package(&self, code: &PackageCode) -> Option<&Package> {
        self.packages.iter().find(|package| package.code == *code)
    }

    /// The package that an item is in, unless that package was replaced or cancelled.
    pub fn living_package_of(&self, item: &Item) -> Option<&Package> {
        self.package(item.package.as_ref()?).filter(|package| package.status.stage() != Stage::Gone)
    }

    /// The status that the items imply.
    pub fn derived_status(&self) -> OrderStatus {
        let mut open = false;
        let mut sent = false;
        for item in &self.items {
            match item.status {
                ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Returned => sent = true,
                ItemStatus::Cancelled => {}
                ItemStatus::Created
                | ItemStatus::Unfulfillable
                | ItemStatus::Fulfillable
                | ItemStatus::LocationNotServiceable => open = true,
            }
        }
        match (open, sent) {
            (true, true) => OrderStatus::Processing,
            (true, false) => match self.status {
                OrderStatus::Complete | OrderStatus::Cancelled => OrderStatus::Processing,
                status @ (OrderStatus::PendingVerification
                | OrderStatus::Created
                | OrderStatus::Processing) => status,
            },
            (false, true) => OrderStatus::Complete,
            (false, false) if self.items.is_empty() => self.status,
            (false, false) => OrderStatus::Cancelled,
        }
    }

    /// Whether a return is by the channel's word at the seller, and the warehouse has not said so.
    pub fn is_returned_not_received(&self) -> bool {
        self.returns.iter().any(|ret| {
            ret.kind == ReturnKind::Rto
                && ret.status == ReturnStatus::NotReceived
                && ret
                    .package
                    .as_ref()
                    .and_then(|code| self.package(code))
                    .is_some_and(|package| package.status == PackageStatus::Returned)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(status: OrderStatus, items: &[ItemStatus]) -> Order {
        let mut order: Order = serde_json::from_value(serde_json::json!({
            "code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": status, "items": []
        }))
        .unwrap();
        order.items = items
            .iter()
            .map(|status| {
                serde_json::from_value(serde_json::json!({"code": "O1-1", "sku": "A", "status": status}))
                    .unwrap()
            })
            .collect();
        order
    }

    #[test]
    fn a_unit_is_open_until_it_leaves_or_is_cancelled() {
        use ItemStatus as I;
        let open: Vec<_> = I::ALL.iter().copied().filter(|status| status.is_open()).collect();
        assert_eq!(open, [I::Created, I::Unfulfillable, I::Fulfillable, I::LocationNotServiceable]);
    }

    #[test]
    fn an_orders_status_follows_its_items() {
        use ItemStatus as I;
        use OrderStatus as O;
        for (before, items, after) in [
            (O::Created, vec![I::Created, I::Cancelled], O::Created),
            (O::PendingVerification, vec![I::Created], O::PendingVerification),
            (O::Complete, vec![I::Fulfillable], O::Processing),
            (O::Cancelled, vec![I::Unfulfillable], O::Processing),
            (O::Created, vec![I::LocationNotServiceable, I::Dispatched], O::Processing),
            (O::Processing, vec![I::Dispatched, I::Delivered, I::Returned, I::Cancelled], O::Complete),
            (O::Processing, vec![I::Cancelled, I::Cancelled], O::Cancelled),
            (O::Created, vec![], O::Created),
        ] {
            assert_eq!(order(before, &items).derived_status(), after, "{before} {items:?}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for &status in PackageStatus::ALL {
            assert_eq!(PackageStatus::parse(status.as_str()), Some(status));
            assert_eq!(status.to_string(), status.as_str());
        }
        assert_eq!(PackageStatus::parse("packed"), None);
    }
}
