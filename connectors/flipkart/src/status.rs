//! Flipkart's words and what they mean: data, one line each.
//!
//! A word that is not in a table is unmapped. Nothing is guessed from part of a word.

use plugin_api::{Meaning, Status, StatusTable};

use crate::requests::Source;

const ITEM_SOURCE: &str = "Flipkart seller API guide (flipkart.github.io/fk-api-platform-docs, 2024-06), order management; \
                           Flipkart/flipkart-seller-api-java-sdk, models of 2022";
const COURIER_RETURN_SOURCE: &str = "assumed: a real cancelled row with this flag, two months after its order, and RTO reasons \
                                     in cancelled lists; guide 2024-06: a cancellation after shipping is a courier return";
const RETURN_SOURCE: &str = "Flipkart seller API guide (flipkart.github.io/fk-api-platform-docs, 2024-06), returns v2 and \
                             notifications; clients in production";

/// `status` of an order item.
pub(crate) const ITEM: StatusTable = StatusTable::new(
    "item",
    ITEM_SOURCE,
    &[
        ("APPROVED", Some(Status::Created), "new; may be on hold or before its dispatch window"),
        ("PACKING_IN_PROGRESS", Some(Status::Created), "label and invoice are being made"),
        ("FORM_FAILED", Some(Status::Created), "a tax form is missing; the seller can mend it"),
        ("PACKED", Some(Status::Packed), "label, waybill and invoice number exist; still at the seller"),
        (
            "READY_TO_DISPATCH",
            Some(Status::ReadyToShip),
            "pickup asked for; still at the seller, may be cancelled",
        ),
        ("PICKUP_COMPLETE", Some(Status::Dispatched), "the courier has it"),
        ("SHIPPED", Some(Status::Dispatched), "in transit; PICKUP_COMPLETE may be skipped"),
        ("DELIVERED", Some(Status::Delivered), "for SELF shipments the seller's own posting"),
        ("COMPLETED", Some(Status::Delivered), "SELF: delivered and services done"),
        ("CANCELLED", Some(Status::Cancelled), "courierReturn absent or false: it never left"),
        (
            "RETURN_REQUESTED",
            Some(Status::ReturnRequested),
            "does not tell RTO from CIR; the returns list does",
        ),
        ("RETURNED", Some(Status::Returned), "does not tell RTO from CIR; the returns list does"),
    ],
);

/// `status` of an order item with `courierReturn: true`, where it differs from [`ITEM`].
pub(crate) const ITEM_TURNED_BACK: StatusTable = StatusTable::new(
    "item, courierReturn",
    COURIER_RETURN_SOURCE,
    &[(
        "CANCELLED",
        Some(Status::CourierReturn),
        "turned back on the way: an RTO, not a cancellation of unsent goods",
    )],
);

/// What `status` of an item says about the courier besides, where Flipkart or its 3PL ships.
pub(crate) const COURIER: StatusTable = StatusTable::new(
    "item, courier",
    ITEM_SOURCE,
    &[("SHIPPED", Some(Status::InTransit), "NORMAL and EXPRESS shipments only; reported after DISPATCHED")],
);

/// `status` of a row of the courier returns (RTO), in lower case.
pub(crate) const COURIER_RETURN: StatusTable = StatusTable::new(
    "courier_return",
    RETURN_SOURCE,
    &[
        (NONE, Some(Status::CourierReturn), "no status yet"),
        ("init", Some(Status::CourierReturn), "on the way back, unless the shipment status says delivered"),
        ("created", Some(Status::CourierReturn), "as init"),
        ("service_requested", Some(Status::CourierReturn), "as init"),
        ("approved", Some(Status::CourierReturn), "as init; SELF, spelling not verified"),
        ("return_created", Some(Status::CourierReturn), "as init; the webhooks' spelling"),
        ("return_picked_up", Some(Status::CourierReturn), "as init; the webhooks' spelling"),
        ("completed", Some(Status::Returned), "back at the seller"),
        ("return_completed", Some(Status::Returned), "back at the seller; the webhooks' spelling"),
        ("cancelled", Some(Status::ReturnCancelled), "the item goes forward again"),
        ("rejected", Some(Status::ReturnCancelled), "as cancelled"),
        ("return_cancelled", Some(Status::ReturnCancelled), "as cancelled; the webhooks' spelling"),
        ("cancellation_in_progress", None, "passing"),
    ],
);

/// `status` of a row of the customer returns (CIR), in lower case.
pub(crate) const CUSTOMER_RETURN: StatusTable = StatusTable::new(
    "customer_return",
    RETURN_SOURCE,
    &[
        (NONE, Some(Status::ReturnRequested), "no status yet"),
        ("init", Some(Status::ReturnRequested), "on the way back, unless the shipment status says delivered"),
        ("created", Some(Status::ReturnRequested), "as init"),
        ("service_requested", Some(Status::ReturnRequested), "as init"),
        ("approved", Some(Status::ReturnRequested), "as init; SELF, spelling not verified"),
        ("return_created", Some(Status::ReturnRequested), "as init; the webhooks' spelling"),
        ("return_picked_up", Some(Status::ReturnRequested), "as init; the webhooks' spelling"),
        ("completed", Some(Status::Returned), "back at the seller, unless the action says dnt_expect"),
        ("return_completed", Some(Status::Returned), "as completed; the webhooks' spelling"),
        (
            "cancelled",
            Some(Status::ReturnCancelled),
            "withdrawn; another return id may follow for the same item",
        ),
        ("rejected", Some(Status::ReturnCancelled), "as cancelled"),
        ("return_cancelled", Some(Status::ReturnCancelled), "as cancelled; the webhooks' spelling"),
        ("cancellation_in_progress", None, "passing"),
    ],
);

/// `shipmentStatus` of a return that is under way, in lower case. `None` leaves the return's own status standing.
pub(crate) const RETURN_SHIPMENT: StatusTable = StatusTable::new(
    "return, shipmentStatus",
    RETURN_SOURCE,
    &[
        (NONE, None, "no parcel yet"),
        ("start", None, "on the way"),
        ("picked_up", None, "on the way"),
        ("in_transit", None, "on the way"),
        ("out_for_delivery", None, "on the way to the seller"),
        ("delivered", Some(Status::Returned), "physically back, even if the return is not closed yet"),
    ],
);

/// How the tables write a text that is null or blank.
pub(crate) const NONE: &str = "(none)";

/// Every table, for the descriptor.
pub(crate) const TABLES: &[&StatusTable] =
    &[&ITEM, &ITEM_TURNED_BACK, &COURIER, &COURIER_RETURN, &CUSTOMER_RETURN, &RETURN_SHIPMENT];

/// What an order item's status means.
pub(crate) fn of_item(raw: &str, courier_return: bool) -> Option<Status> {
    if courier_return && let Meaning::Is(status) = ITEM_TURNED_BACK.meaning(raw) {
        return Some(status);
    }
    ITEM.meaning(raw).status()
}

/// What a return's status, parcel and action mean. Texts are compared without case.
pub(crate) fn of_return(
    source: Source,
    status: Option<&str>,
    shipment: Option<&str>,
    action: Option<&str>,
) -> Option<Status> {
    let (table, opened) = match source {
        Source::Courier => (&COURIER_RETURN, Status::CourierReturn),
        Source::Customer => (&CUSTOMER_RETURN, Status::ReturnRequested),
    };
    let status = match table.meaning(&word(status)) {
        Meaning::Is(status) if status == opened => match RETURN_SHIPMENT.meaning(&word(shipment)) {
            Meaning::NoChange => status,
            Meaning::Is(moved) => moved,
            Meaning::Unmapped => Status::Unmapped,
        },
        meaning => meaning.status()?,
    };
    // Refunded without pickup: the return is real, the goods never come.
    let never_comes = action.is_some_and(|action| action.to_ascii_lowercase().contains("dnt_expect"));
    Some(if never_comes && status == Status::Returned { opened } else { status })
}

fn word(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), str::to_ascii_lowercase)
}

/// How far units in a status are, as far as courier data goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// No label yet, or it will never be sent.
    #[default]
    Unpacked,
    /// Label, waybill and invoice number exist.
    Packed,
    /// It has left the seller.
    Dispatched,
}

/// The stage of a status.
pub(crate) fn stage(status: Option<Status>) -> Stage {
    match status {
        Some(Status::Packed | Status::ReadyToShip) => Stage::Packed,
        Some(
            Status::Dispatched
            | Status::InTransit
            | Status::Delivered
            | Status::CourierReturn
            | Status::ReturnRequested
            | Status::Returned,
        ) => Stage::Dispatched,
        _ => Stage::Unpacked,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_table_has_a_word_twice() {
        for table in TABLES {
            let rows = table.rows();
            let words: BTreeSet<_> = rows.iter().map(|row| &row.raw).collect();
            assert_eq!(words.len(), rows.len(), "{}", rows[0].vocabulary);
        }
    }

    #[test]
    fn unknown_words_are_unmapped_everywhere() {
        assert_eq!(of_item("SHIPPED_TO_MARS", false), Some(Status::Unmapped));
        assert_eq!(of_item("shipped", false), Some(Status::Unmapped), "item words are compared exactly");
        assert_eq!(of_item("SHIPPED_TO_MARS", true), Some(Status::Unmapped));
        for source in [Source::Courier, Source::Customer] {
            assert_eq!(
                of_return(source, Some("teleported"), Some("delivered"), None),
                Some(Status::Unmapped)
            );
            assert_eq!(of_return(source, Some("created"), Some("teleported"), None), Some(Status::Unmapped));
        }
    }

    #[test]
    fn courier_return_changes_the_meaning_of_cancelled_only() {
        for row in ITEM.rows() {
            let turned_back = of_item(&row.raw, true);
            if row.raw == "CANCELLED" {
                assert_eq!(turned_back, Some(Status::CourierReturn));
            } else {
                assert_eq!(turned_back, row.status, "{}", row.raw);
            }
        }
    }

    #[test]
    fn a_return_under_way_is_back_once_its_parcel_is_delivered() {
        for status in [None, Some("init"), Some("CREATED"), Some("Service_Requested"), Some("approved")] {
            for moving in
                [None, Some("start"), Some("PICKED_UP"), Some("in_transit"), Some("out_for_delivery")]
            {
                assert_eq!(of_return(Source::Courier, status, moving, None), Some(Status::CourierReturn));
                assert_eq!(of_return(Source::Customer, status, moving, None), Some(Status::ReturnRequested));
            }
            for source in [Source::Courier, Source::Customer] {
                assert_eq!(of_return(source, status, Some("Delivered"), None), Some(Status::Returned));
            }
        }
    }

    #[test]
    fn closed_returns_do_not_depend_on_the_parcel() {
        for parcel in [None, Some("in_transit"), Some("delivered"), Some("teleported")] {
            for source in [Source::Courier, Source::Customer] {
                assert_eq!(of_return(source, Some("COMPLETED"), parcel, None), Some(Status::Returned));
                assert_eq!(of_return(source, Some("cancelled"), parcel, None), Some(Status::ReturnCancelled));
                assert_eq!(of_return(source, Some("rejected"), parcel, None), Some(Status::ReturnCancelled));
                assert_eq!(of_return(source, Some("cancellation_in_progress"), parcel, None), None);
            }
        }
    }

    #[test]
    fn goods_that_are_not_expected_never_count_as_back() {
        let action = Some("refund_dnt_expect");
        assert_eq!(
            of_return(Source::Customer, Some("completed"), None, action),
            Some(Status::ReturnRequested)
        );
        assert_eq!(
            of_return(Source::Customer, Some("created"), Some("delivered"), action),
            Some(Status::ReturnRequested)
        );
        assert_eq!(
            of_return(Source::Customer, Some("cancelled"), None, action),
            Some(Status::ReturnCancelled)
        );
        assert_eq!(
            of_return(Source::Customer, Some("completed"), None, Some("refund")),
            Some(Status::Returned)
        );
    }
}
