//! The canonical statuses, and the table by which a connector translates a marketplace's own words.
//!
//! A table is data: one row per raw text, with its source. There is no default row. A raw text that is not in the
//! table is [`Status::Unmapped`] and its text is kept; nothing is ever guessed from part of a text.

use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal,)*) => {
        /// What a marketplace says about an order, an item or a package, in our words.
        ///
        /// The code is what crosses the plugin boundary and never changes its meaning; the text is what files, the
        /// API and people see.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum Status { $($(#[$doc])* $name = $code,)* }

        impl Status {
            /// Every status, in the order of their codes.
            pub const ALL: &[Status] = &[$(Status::$name,)*];

            /// The upper-case name, as in files and on screens.
            pub const fn as_str(self) -> &'static str {
                match self { $(Status::$name => $text,)* }
            }

            /// The status of a boundary code; `None` for a code that this version does not know.
            pub const fn from_code(code: u16) -> Option<Status> {
                match code { $($code => Some(Status::$name),)* _ => None }
            }
        }
    };
}

statuses! {
    /// Known to the marketplace, nothing has left the seller.
    Created = 1 "CREATED",
    /// The marketplace waits for the seller's acceptance.
    PendingVerification = 2 "PENDING_VERIFICATION",
    /// Packed on the marketplace's panel; still at the seller.
    Packed = 3 "PACKED",
    /// Pickup was asked for on the panel; still at the seller.
    ReadyToShip = 4 "READY_TO_SHIP",
    /// Handed over to the courier.
    Dispatched = 5 "DISPATCHED",
    /// The whole order is dispatched.
    Complete = 6 "COMPLETE",
    /// The courier is moving it.
    InTransit = 7 "IN_TRANSIT",
    /// On the delivery van.
    OutForDelivery = 8 "OUT_FOR_DELIVERY",
    /// A delivery attempt failed; another may follow.
    Undelivered = 9 "UNDELIVERED",
    /// The buyer has it.
    Delivered = 10 "DELIVERED",
    /// It will not be sent.
    Cancelled = 11 "CANCELLED",
    /// Undelivered and on its way back (RTO).
    CourierReturn = 12 "COURIER_RETURN",
    /// The courier has started the way back (RTO).
    RtoInitiated = 13 "RTO_INITIATED",
    /// Undelivered and back at the seller (RTO).
    RtoDelivered = 14 "RTO_DELIVERED",
    /// The buyer sends it back (CIR).
    ReturnRequested = 15 "RETURN_REQUESTED",
    /// Back at the seller.
    Returned = 16 "RETURNED",
    /// The buyer's return was withdrawn.
    ReturnCancelled = 17 "RETURN_CANCELLED",
    /// Lost by the courier.
    Lost = 18 "LOST",
    /// Damaged by the courier.
    Damaged = 19 "DAMAGED",
    /// The marketplace used a word that is not in the table.
    Unmapped = 20 "UNMAPPED",
}

impl Status {
    /// The code that crosses the plugin boundary.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The status of an upper-case name.
    pub fn parse(text: &str) -> Option<Status> {
        Status::ALL.iter().copied().find(|status| status.as_str() == text)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One line of a status table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRow {
    /// Which of the marketplace's vocabularies: `item`, `return`, `package`, … Raw texts are unique within one.
    pub vocabulary: String,
    /// The marketplace's text, exactly.
    pub raw: String,
    /// What it means; absent for a known word that says nothing about the goods (money states, requests).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What a reader should know: a condition, a reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Where this line comes from: a page with the date read, or `assumed`.
    pub source: String,
}

/// What a look-up of a raw text found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The table gives this status.
    Is(Status),
    /// The table knows the word; it changes nothing.
    NoChange,
    /// The table does not know the word.
    Unmapped,
}

impl Meaning {
    /// What to report: unknown words as [`Status::Unmapped`], words without a status as none.
    pub fn status(self) -> Option<Status> {
        match self {
            Meaning::Is(status) => Some(status),
            Meaning::NoChange => None,
            Meaning::Unmapped => Some(Status::Unmapped),
        }
    }
}

/// A status table, as a constant that a connector writes down and its descriptor prints.
///
/// ```
/// use plugin_api::{Meaning, Status, StatusTable};
/// const ITEM: StatusTable = StatusTable::new("item", "Seller API guide, 2024-06", &[
///     ("SHIPPED", Some(Status::Dispatched), "in transit"),
///     ("REFUNDED", None, "money only"),
/// ]);
/// assert_eq!(ITEM.meaning("SHIPPED"), Meaning::Is(Status::Dispatched));
/// assert_eq!(ITEM.meaning("REFUNDED"), Meaning::NoChange);
/// assert_eq!(ITEM.meaning("SHIPPED?"), Meaning::Unmapped);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StatusTable {
    vocabulary: &'static str,
    source: &'static str,
    rows: &'static [(&'static str, Option<Status>, &'static str)],
}

impl StatusTable {
    /// A table of `(raw text, status, note)` rows that share one source.
    pub const fn new(
        vocabulary: &'static str,
        source: &'static str,
        rows: &'static [(&'static str, Option<Status>, &'static str)],
    ) -> Self {
        StatusTable { vocabulary, source, rows }
    }

    /// Which of the marketplace's vocabularies this is.
    pub const fn vocabulary(&self) -> &'static str {
        self.vocabulary
    }

    /// Looks a raw text up, exactly as written.
    pub fn meaning(&self, raw: &str) -> Meaning {
        match self.rows.iter().find(|(text, ..)| *text == raw) {
            Some((_, Some(status), _)) => Meaning::Is(*status),
            Some((_, None, _)) => Meaning::NoChange,
            None => Meaning::Unmapped,
        }
    }

    /// The rows as the descriptor carries them.
    pub fn rows(&self) -> Vec<StatusRow> {
        self.rows
            .iter()
            .map(|(raw, status, note)| StatusRow {
                vocabulary: self.vocabulary.to_owned(),
                raw: (*raw).to_owned(),
                status: *status,
                note: (*note).to_owned(),
                source: self.source.to_owned(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back_to_their_status() {
        for &status in Status::ALL {
            assert_eq!(Status::from_code(status.code()), Some(status));
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Status::from_code(0), None);
        assert_eq!(Status::from_code(999), None);
    }
}
