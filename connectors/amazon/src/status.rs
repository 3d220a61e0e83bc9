//! The status tables: Amazon's words, what they mean here, and where they come from. Data only.
//!
//! One of Amazon's words may say two things: where the goods are in our book, and what the courier is doing with them.
//! Such a word has a row in an item table and one in the courier table beside it.

use plugin_api::{Meaning, Status, StatusTable};

const MODELS: &str = "amzn/selling-partner-api-models, 2026-08-05";
const RETURNS: &str = "words seen in public copies of the report, read 2026-09; Amazon lists none";

/// A word of Amazon's, translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// As Amazon wrote it.
    pub(crate) raw: String,
    /// What it says about the goods.
    pub(crate) item: Meaning,
    /// What it says about the courier, where that is something else.
    pub(crate) courier: Option<Status>,
}

impl Word {
    /// How far along the road this word is; of two words about the same goods the further one is right, because
    /// Amazon's interfaces lag behind each other. A word that we do not know is behind all that we do.
    pub(crate) fn progress(&self) -> u8 {
        match (self.item, self.courier) {
            (Meaning::Is(Status::Returned), _) => 8,
            (Meaning::Is(Status::Delivered), _) => 7,
            (Meaning::Is(Status::Lost | Status::Damaged), _) => 6,
            (Meaning::Is(Status::CourierReturn), None) => 5,
            (Meaning::Is(Status::CourierReturn), Some(_)) => 4,
            (Meaning::Is(_), Some(Status::OutForDelivery)) => 3,
            (Meaning::Is(Status::Dispatched), _) => 2,
            (Meaning::Is(_), _) => 1,
            (Meaning::NoChange | Meaning::Unmapped, _) => 0,
        }
    }

    /// Whether nothing more is to come: with the buyer, or back at the seller.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.item, Meaning::Is(Status::Delivered | Status::Returned))
    }

    /// Whether the label was withdrawn: its package and waybill are void, the order lives.
    pub(crate) fn is_withdrawn(&self) -> bool {
        matches!(self.raw.as_str(), "LabelCanceled" | "LABEL_CANCELLED" | "CANCELLED")
    }

    /// Whether there is no label, so that asking for a waybill is idle.
    pub(crate) fn is_unbooked(&self) -> bool {
        self.is_withdrawn() || matches!(self.raw.as_str(), "PendingSchedule" | "PENDING_SCHEDULE")
    }
}

/// One of Amazon's vocabularies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vocabulary {
    pub(crate) item: StatusTable,
    pub(crate) courier: StatusTable,
}

impl Vocabulary {
    /// Translates a word.
    pub(crate) fn word(&self, raw: &str) -> Word {
        let courier = match self.courier.meaning(raw) {
            Meaning::Is(status) => Some(status),
            Meaning::NoChange | Meaning::Unmapped => None,
        };
        Word { raw: raw.to_owned(), item: self.item.meaning(raw), courier }
    }
}

/// `OrderStatus` of Orders v0.
pub(crate) const ORDER_V0: StatusTable = StatusTable::new(
    "v0 OrderStatus",
    MODELS,
    &[
        ("PendingAvailability", Some(Status::Created), "pre-order, unpaid"),
        ("Pending", Some(Status::Created), "not paid or not ready yet"),
        ("Unshipped", Some(Status::Created), "ready, nothing has left; the buyer may have asked to cancel"),
        ("PartiallyShipped", Some(Status::Dispatched), "only the quantities shipped"),
        ("Shipped", Some(Status::Dispatched), "unless the finer status says before pickup"),
        ("InvoiceUnconfirmed", Some(Status::Dispatched), "all shipped, only paperwork is open"),
        ("Canceled", Some(Status::Cancelled), "final; one L"),
        ("Unfulfillable", None, "only for orders that Amazon fulfils"),
    ],
);

/// `fulfillmentStatus` of Orders 2026-01-01.
pub(crate) const ORDER_2026: StatusTable = StatusTable::new(
    "2026-01-01 fulfillmentStatus",
    MODELS,
    &[
        ("PENDING_AVAILABILITY", Some(Status::Created), "pre-order, unpaid"),
        ("PENDING", Some(Status::Created), "not paid or not ready yet"),
        ("UNSHIPPED", Some(Status::Created), "ready, nothing has left; the buyer may have asked to cancel"),
        ("PARTIALLY_SHIPPED", Some(Status::Dispatched), "only the quantities fulfilled"),
        ("SHIPPED", Some(Status::Dispatched), "unless the finer status says before pickup"),
        ("CANCELLED", Some(Status::Cancelled), "final; two L"),
        ("UNFULFILLABLE", None, "only for orders that Amazon fulfils"),
    ],
);

/// `EasyShipShipmentStatus` of Orders v0.
pub(crate) const EASY_SHIP_V0: Vocabulary = Vocabulary {
    item: StatusTable::new(
        "v0 EasyShipShipmentStatus",
        MODELS,
        &[
            ("PendingSchedule", Some(Status::Created), "pickup not booked"),
            ("PendingPickUp", Some(Status::Created), "label made, still at the seller"),
            ("PendingDropOff", Some(Status::Created), "the seller has to hand it over"),
            (
                "LabelCanceled",
                Some(Status::Created),
                "pickup withdrawn; the order lives and may be booked again",
            ),
            ("PickedUp", Some(Status::Dispatched), ""),
            ("DroppedOff", Some(Status::Dispatched), ""),
            ("DropOff", Some(Status::Dispatched), "older spelling, seen in clients only"),
            ("AtOriginFC", Some(Status::Dispatched), "in the courier's network"),
            ("AtDestinationFC", Some(Status::Dispatched), "in the courier's network"),
            ("OutForDelivery", Some(Status::Dispatched), ""),
            ("Delivered", Some(Status::Delivered), ""),
            ("RejectedByBuyer", Some(Status::CourierReturn), "refused at the door"),
            ("Undeliverable", Some(Status::CourierReturn), "end of the way out; a later delivery heals it"),
            ("ReturningToSeller", Some(Status::CourierReturn), ""),
            ("ReturnedToSeller", Some(Status::Returned), "never delivered, back at the seller"),
            ("Lost", Some(Status::Lost), "a claim case"),
            ("Damaged", Some(Status::Damaged), "may become a return later"),
        ],
    ),
    courier: StatusTable::new(
        "v0 EasyShipShipmentStatus, courier",
        MODELS,
        &[
            ("PickedUp", Some(Status::InTransit), ""),
            ("DroppedOff", Some(Status::InTransit), ""),
            ("DropOff", Some(Status::InTransit), "older spelling, seen in clients only"),
            ("AtOriginFC", Some(Status::InTransit), ""),
            ("AtDestinationFC", Some(Status::InTransit), ""),
            ("OutForDelivery", Some(Status::OutForDelivery), ""),
            ("Undeliverable", Some(Status::Undelivered), ""),
        ],
    ),
};

/// `packages[].packageStatus.detailedStatus` of Orders 2026-01-01.
pub(crate) const DETAILED_2026: Vocabulary = Vocabulary {
    item: StatusTable::new(
        "2026-01-01 detailedStatus",
        MODELS,
        &[
            ("PENDING_SCHEDULE", Some(Status::Created), "pickup not booked"),
            ("PENDING_PICK_UP", Some(Status::Created), "label made, still at the seller"),
            ("PENDING_DROP_OFF", Some(Status::Created), "the seller has to hand it over"),
            (
                "LABEL_CANCELLED",
                Some(Status::Created),
                "pickup withdrawn; the order lives and may be booked again",
            ),
            ("PICKED_UP", Some(Status::Dispatched), ""),
            ("DROPPED_OFF", Some(Status::Dispatched), ""),
            ("AT_ORIGIN_FC", Some(Status::Dispatched), "in the courier's network"),
            ("AT_DESTINATION_FC", Some(Status::Dispatched), "in the courier's network"),
            ("OUT_FOR_DELIVERY", Some(Status::Dispatched), ""),
            ("DELIVERED", Some(Status::Delivered), ""),
            ("REJECTED_BY_BUYER", Some(Status::CourierReturn), "refused at the door"),
            ("UNDELIVERABLE", Some(Status::CourierReturn), "end of the way out; a later delivery heals it"),
            ("RETURNING_TO_SELLER", Some(Status::CourierReturn), ""),
            ("RETURNED_TO_SELLER", Some(Status::Returned), "never delivered, back at the seller"),
            ("LOST", Some(Status::Lost), "a claim case"),
            ("DAMAGED", Some(Status::Damaged), "may become a return later"),
        ],
    ),
    courier: StatusTable::new(
        "2026-01-01 detailedStatus, courier",
        MODELS,
        &[
            ("PICKED_UP", Some(Status::InTransit), ""),
            ("DROPPED_OFF", Some(Status::InTransit), ""),
            ("AT_ORIGIN_FC", Some(Status::InTransit), ""),
            ("AT_DESTINATION_FC", Some(Status::InTransit), ""),
            ("OUT_FOR_DELIVERY", Some(Status::OutForDelivery), ""),
            ("UNDELIVERABLE", Some(Status::Undelivered), ""),
        ],
    ),
};

/// `packages[].packageStatus.status` of Orders 2026-01-01: read only where `detailedStatus` is absent.
pub(crate) const PACKAGE_2026: Vocabulary = Vocabulary {
    item: StatusTable::new(
        "2026-01-01 packageStatus",
        MODELS,
        &[
            ("PENDING", Some(Status::Created), "not handed over"),
            ("SHIPPED", Some(Status::Dispatched), ""),
            ("IN_TRANSIT", Some(Status::Dispatched), "may hide a way back"),
            ("DELIVERED", Some(Status::Delivered), "final destination, taken to be the buyer"),
            ("CANCELLED", None, "the package was dropped; the order may get another"),
            ("UNDELIVERABLE", Some(Status::CourierReturn), "cannot tell returning from returned"),
        ],
    ),
    courier: StatusTable::new(
        "2026-01-01 packageStatus, courier",
        MODELS,
        &[
            ("SHIPPED", Some(Status::InTransit), ""),
            ("IN_TRANSIT", Some(Status::InTransit), ""),
            ("UNDELIVERABLE", Some(Status::Undelivered), ""),
        ],
    ),
};

/// `packageStatus` of Easy Ship 2022-03-23.
pub(crate) const SCHEDULED: Vocabulary = Vocabulary {
    item: StatusTable::new(
        "Easy Ship packageStatus",
        MODELS,
        &[
            ("ReadyForPickup", Some(Status::Created), "label made, still at the seller"),
            (
                "LabelCanceled",
                Some(Status::Created),
                "pickup withdrawn; the order lives and may be booked again",
            ),
            ("PickedUp", Some(Status::Dispatched), ""),
            ("AtOriginFC", Some(Status::Dispatched), "in the courier's network"),
            ("AtDestinationFC", Some(Status::Dispatched), "in the courier's network"),
            ("OutForDelivery", Some(Status::Dispatched), ""),
            ("Delivered", Some(Status::Delivered), ""),
            ("Rejected", Some(Status::CourierReturn), "refused at the door"),
            ("Undeliverable", Some(Status::CourierReturn), "end of the way out; a later delivery heals it"),
            ("ReturnedToSeller", Some(Status::Returned), "never delivered, back at the seller"),
            ("LostInTransit", Some(Status::Lost), "a claim case"),
            ("DamagedInTransit", Some(Status::Damaged), "may become a return later"),
        ],
    ),
    courier: StatusTable::new(
        "Easy Ship packageStatus, courier",
        MODELS,
        &[
            ("PickedUp", Some(Status::InTransit), ""),
            ("AtOriginFC", Some(Status::InTransit), ""),
            ("AtDestinationFC", Some(Status::InTransit), ""),
            ("OutForDelivery", Some(Status::OutForDelivery), ""),
            ("Undeliverable", Some(Status::Undelivered), ""),
        ],
    ),
};

/// The text for an order line that an order no longer wants, in Orders 2026-01-01.
pub(crate) const LINE_CANCELLED_2026: &str = "cancellationExecution";
/// The text for an order line that an order no longer wants, in either interface.
pub(crate) const LINE_EMPTIED: &str = "quantityOrdered=0";

/// What makes an order line cancelled while its order lives.
pub(crate) const LINE: StatusTable = StatusTable::new(
    "order line",
    MODELS,
    &[
        (
            LINE_CANCELLED_2026,
            Some(Status::Cancelled),
            "2026-01-01: carried out, and nothing of the line fulfilled",
        ),
        (LINE_EMPTIED, Some(Status::Cancelled), "v0 shows a cancelled line so (seen in clients only)"),
    ],
);

/// `Return request status` of the returns report. Looked up without regard to case; see [`return_status`].
pub(crate) const RETURN_REQUEST: StatusTable = StatusTable::new(
    "Return request status",
    RETURNS,
    &[
        ("Approved", Some(Status::ReturnRequested), ""),
        ("Pending", Some(Status::ReturnRequested), ""),
        (
            "Completed",
            Some(Status::ReturnRequested),
            "no proof that the goods are back: only a delivery date is",
        ),
        ("Cancelled", Some(Status::ReturnCancelled), "as every word that begins with `cancel`"),
        ("Canceled", Some(Status::ReturnCancelled), "as every word that begins with `cancel`"),
    ],
);

/// What a row of the returns report says, by its word and by whether a delivery date is filled in.
///
/// Amazon does not list the words, so the row itself is the fact: it stands for a return that was requested. A delivery
/// date says the goods are back; a word that begins with `cancel` says the return was withdrawn. No other word changes
/// anything.
pub(crate) fn return_status(word: &str, is_delivered: bool) -> Status {
    if is_delivered {
        return Status::Returned;
    }
    let begins_with_cancel = word.trim().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("cancel"));
    if begins_with_cancel { Status::ReturnCancelled } else { Status::ReturnRequested }
}

/// Every table, for the descriptor.
pub(crate) const TABLES: &[&StatusTable] = &[
    &ORDER_2026,
    &DETAILED_2026.item,
    &DETAILED_2026.courier,
    &PACKAGE_2026.item,
    &PACKAGE_2026.courier,
    &ORDER_V0,
    &EASY_SHIP_V0.item,
    &EASY_SHIP_V0.courier,
    &SCHEDULED.item,
    &SCHEDULED.courier,
    &LINE,
    &RETURN_REQUEST,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_text_stands_twice_in_a_vocabulary() {
        let rows: Vec<_> = TABLES.iter().flat_map(|table| table.rows()).collect();
        let keys: BTreeSet<_> = rows.iter().map(|row| (&row.vocabulary, &row.raw)).collect();
        assert_eq!(keys.len(), rows.len());
    }

    #[test]
    fn every_courier_word_is_an_item_word_too() {
        for vocabulary in [EASY_SHIP_V0, DETAILED_2026, PACKAGE_2026, SCHEDULED] {
            for row in vocabulary.courier.rows() {
                assert_ne!(vocabulary.item.meaning(&row.raw), Meaning::Unmapped, "{}", row.raw);
            }
        }
    }

    #[test]
    fn the_return_words_in_the_table_mean_what_the_rule_says() {
        for row in RETURN_REQUEST.rows() {
            assert_eq!(Some(return_status(&row.raw, false)), row.status, "{}", row.raw);
            assert_eq!(return_status(&row.raw, true), Status::Returned, "{}", row.raw);
        }
        for word in ["Whatever", "", "  ", "Cance", "भेजा गया"] {
            assert_eq!(return_status(word, false), Status::ReturnRequested, "{word}");
        }
        for word in ["cancelled by buyer", "CANCELED", " Cancelled "] {
            assert_eq!(return_status(word, false), Status::ReturnCancelled, "{word}");
        }
    }

    #[test]
    fn a_delivery_is_further_than_a_failed_one_and_a_known_word_than_an_unknown() {
        let road = [
            "Teleported",
            "PENDING_PICK_UP",
            "PICKED_UP",
            "OUT_FOR_DELIVERY",
            "UNDELIVERABLE",
            "RETURNING_TO_SELLER",
            "LOST",
            "DELIVERED",
            "RETURNED_TO_SELLER",
        ];
        let progress: Vec<_> = road.iter().map(|raw| DETAILED_2026.word(raw).progress()).collect();
        assert!(progress.is_sorted_by(|a, b| a < b), "{progress:?}");
    }
}
