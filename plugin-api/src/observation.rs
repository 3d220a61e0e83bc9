//! What a connector reports: one fact about an order, an item or some units of it.

use serde::{Deserialize, Serialize};

use crate::Status;

/// Milliseconds since 1970-01-01 00:00 UTC.
pub type Millis = i64;

/// Who arranges the courier for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ShippedBy {
    /// The marketplace ("third-party shipping"); it is then the source of courier status.
    Channel,
    /// The seller.
    Seller,
}

impl ShippedBy {
    /// The upper-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ShippedBy::Channel => "CHANNEL",
            ShippedBy::Seller => "SELLER",
        }
    }
}

/// The two ways in which goods come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ReturnKind {
    /// Return to origin: a package that was never delivered comes back whole.
    #[serde(rename = "RTO")]
    Rto,
    /// Customer-initiated return: the buyer sends delivered items back.
    #[serde(rename = "CIR")]
    Cir,
}

impl ReturnKind {
    /// The upper-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReturnKind::Rto => "RTO",
            ReturnKind::Cir => "CIR",
        }
    }
}

/// What is known of a return besides its status. Every field may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReturnFact {
    /// The marketplace's id of the return.
    pub id: Option<String>,
    /// RTO or CIR; absent when the marketplace does not tell.
    pub kind: Option<ReturnKind>,
    /// The reason, as the marketplace words it.
    pub reason: Option<String>,
    /// The waybill of the way back; never the forward one.
    pub awb: Option<String>,
    /// The courier of the way back.
    pub courier: Option<String>,
}

/// One fact, as a connector saw it.
///
/// Which units it speaks of: with [`item`](Self::item), that item; with [`sku`](Self::sku) and
/// [`quantity`](Self::quantity), that many units of the product *in total* (a cumulative target: "2 of 3 are
/// cancelled", so saying it again changes nothing); with neither, the whole order. An item with a quantity speaks of
/// that many units of an order line that stands for several.
///
/// Where the marketplace names the item and not its order, [`order`](Self::order) stays empty and `item` is given: the
/// host finds the order that has the item, and keeps the fact until there is one. A fact with neither is refused.
///
/// A connector reports facts and does not filter them: repeats, late facts and facts that nobody asked for are
/// welcome. It never reports an absence: "not in the answer" is not a fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The marketplace's order id; empty if the marketplace names only the item.
    pub order: String,
    /// The marketplace's id of the item or order line; needed if `order` is empty.
    pub item: Option<String>,
    /// The seller's SKU.
    pub sku: Option<String>,
    /// How many units are in this status by now, in total.
    pub quantity: Option<u32>,
    /// The canonical status. `None` for a word that is known to say nothing about the goods.
    pub status: Option<Status>,
    /// The marketplace's own text.
    pub raw: String,
    /// When it happened, by the marketplace's account, UTC.
    pub at: Option<Millis>,
    /// Who ships this order.
    pub shipped_by: Option<ShippedBy>,
    /// The marketplace's package or shipment id.
    pub package: Option<String>,
    /// The forward waybill number.
    pub awb: Option<String>,
    /// The forward courier's name.
    pub courier: Option<String>,
    /// The invoice number, where the marketplace numbers invoices.
    pub invoice: Option<String>,
    /// Data of a return.
    pub ret: Option<ReturnFact>,
}

impl Observation {
    /// A fact about a whole order: its status and the marketplace's own text for it.
    pub fn new(order: impl Into<String>, status: Option<Status>, raw: impl Into<String>) -> Self {
        Observation {
            order: order.into(),
            item: None,
            sku: None,
            quantity: None,
            status,
            raw: raw.into(),
            at: None,
            shipped_by: None,
            package: None,
            awb: None,
            courier: None,
            invoice: None,
            ret: None,
        }
    }

    /// The same fact, about one item.
    #[must_use]
    pub fn item(mut self, item: impl Into<String>) -> Self {
        self.item = Some(item.into());
        self
    }
}
