//! Wooplr's words and what they mean: data, one line each, and the order in which an order's three words count.
//!
//! The words are those of the marketplace's own test project of 2016. A word that is not in a table is unmapped. Nothing
//! is guessed from part of a word.

use plugin_api::{Meaning, ReturnKind, Status, StatusTable, settings::StatusChanges};

use crate::wire::Order;

const SOURCE: &str = "EntityConstants of github.com/SantoshChandrakant/wooplr-automation2 (2016-12-15): the words are real, their \
                      meaning for the goods is assumed";
const LABELS: &str = "EntityConstants of github.com/SantoshChandrakant/wooplr-automation2 (2016-12-15): labels that screens showed \
                      for the words";

/// `orderStatus`.
pub(crate) const ORDER: StatusTable = StatusTable::new(
    "orderStatus",
    SOURCE,
    &[
        ("UNCONFIRMED", Some(Status::Created), "the seller has not confirmed"),
        ("CONFIRMED", Some(Status::Created), "whatever the shipment's status says of label and pickup"),
        ("SHIPPED", Some(Status::Dispatched), ""),
        ("COMPLETED", Some(Status::Delivered), ""),
        ("CANCELLED", Some(Status::Cancelled), ""),
        ("REJECTED", Some(Status::Cancelled), "seller or marketplace refused it"),
        ("RETURNED", Some(Status::Returned), "without a word of the way back: the kind is open"),
        (
            "FAILED",
            Some(Status::Cancelled),
            "never paid; only of orders that were asked for by id, else nothing",
        ),
        (
            "ABANDONED",
            Some(Status::Cancelled),
            "never paid; only of orders that were asked for by id, else nothing",
        ),
    ],
);

/// Labels of `orderStatus`, which may stand in its place.
pub(crate) const LABEL: StatusTable = StatusTable::new(
    "orderStatus, label",
    LABELS,
    &[
        ("PLACED", Some(Status::Created), "label of UNCONFIRMED"),
        ("DELIVERED", Some(Status::Delivered), "label of COMPLETED"),
        ("IN TRANSIT", Some(Status::Dispatched), "label of SHIPPED"),
    ],
);

/// `reverseShipmentStatus`: a return of the buyer's. Goes before everything else.
pub(crate) const REVERSE: StatusTable = StatusTable::new(
    "reverseShipmentStatus",
    SOURCE,
    &[
        ("INITIATED", Some(Status::ReturnRequested), ""),
        ("WAITING_TO_PICKED", Some(Status::ReturnRequested), "Wooplr's spelling"),
        ("PICKED_FROM_CUSTOMER", Some(Status::ReturnRequested), "on its way back"),
        ("DTO", Some(Status::Returned), "delivered to origin"),
        ("SUCCESS", Some(Status::Returned), ""),
        ("FAILED", None, "the other words count"),
    ],
);

/// `shipmentCreateStatus` where it goes before `orderStatus`: the parcel was turned back.
pub(crate) const SHIPMENT: StatusTable = StatusTable::new(
    "shipmentCreateStatus",
    SOURCE,
    &[
        ("RTO", Some(Status::CourierReturn), "turned back"),
        ("DTO", Some(Status::Returned), "delivered to origin: back at the seller"),
    ],
);

/// `shipmentCreateStatus` of an order without `orderStatus`.
pub(crate) const SHIPMENT_ALONE: StatusTable = StatusTable::new(
    "shipmentCreateStatus, no orderStatus",
    SOURCE,
    &[
        ("IN_TRANSIT", Some(Status::Dispatched), ""),
        ("INITIATED", None, "before dispatch"),
        ("WAITING_FOR_AWB", None, "before dispatch"),
        ("AWB_GENERATED", None, "before dispatch; the waybill is known"),
        ("NOT_PICKED", None, "before dispatch"),
        ("READY_TO_SHIP", None, "before dispatch"),
        ("SUCCESS", None, "making the shipment worked (assumed)"),
        ("FAILED", None, "making the shipment did not work (assumed)"),
    ],
);

/// Every table; the first is the one whose rows the setting `status_table` changes without a prefix.
pub(crate) const TABLES: &[&StatusTable] = &[&ORDER, &LABEL, &REVERSE, &SHIPMENT, &SHIPMENT_ALONE];

/// How an order was come by, which decides about words that only count for known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// In a list.
    List,
    /// By its id: the host holds it.
    ById,
}

/// What one of an order's words says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said<'o> {
    pub(crate) raw: &'o str,
    pub(crate) status: Option<Status>,
    /// The kind of the return that it tells of.
    pub(crate) kind: Option<ReturnKind>,
}

/// What an order's words say: the first that yields a status, and before it every unknown one.
pub(crate) fn said<'o>(changes: &StatusChanges, order: &'o Order, asked: Asked) -> Vec<Said<'o>> {
    let mut said = Vec::new();
    if let Some(raw) = order.reverse_status.as_deref() {
        match changes.meaning(&REVERSE, raw) {
            Meaning::Is(status) => {
                said.push(Said { raw, status: Some(status), kind: Some(ReturnKind::Cir) });
                return said;
            }
            Meaning::Unmapped => said.push(Said { raw, status: Some(Status::Unmapped), kind: None }),
            Meaning::NoChange => {}
        }
    }
    if let Some(raw) = order.shipment_status.as_deref()
        && let Meaning::Is(status) = changes.meaning(&SHIPMENT, raw)
    {
        said.push(Said { raw, status: Some(status), kind: Some(ReturnKind::Rto) });
        return said;
    }
    match (order.order_status.as_deref(), order.shipment_status.as_deref()) {
        (Some(raw), _) => said.push(Said { raw, status: of_order(changes, raw, asked), kind: None }),
        (None, Some(raw)) => {
            said.push(Said { raw, status: changes.meaning(&SHIPMENT_ALONE, raw).status(), kind: None });
        }
        (None, None) => {}
    }
    said
}

fn of_order(changes: &StatusChanges, raw: &str, asked: Asked) -> Option<Status> {
    // Never paid: whether there was an order at all, only who holds it knows.
    let is_unpaid = matches!(raw, "FAILED" | "ABANDONED");
    match changes.meaning(&ORDER, raw) {
        Meaning::Is(Status::Cancelled) if is_unpaid && asked == Asked::List => None,
        Meaning::Unmapped => changes.meaning(&LABEL, raw).status(),
        meaning => meaning.status(),
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Status::{
        Cancelled, CourierReturn, Created, Delivered, Dispatched, ReturnRequested, Returned, Unmapped,
    };

    use super::*;

    fn order(reverse: &str, shipment: &str, status: &str) -> Order {
        let word = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Order {
            reverse_status: word(reverse),
            shipment_status: word(shipment),
            order_status: word(status),
            ..Order::default()
        }
    }

    fn says(reverse: &str, shipment: &str, status: &str) -> Vec<(String, Option<Status>)> {
        let order = order(reverse, shipment, status);
        let said = said(&StatusChanges::default(), &order, Asked::ById);
        said.into_iter().map(|said| (said.raw.to_owned(), said.status)).collect()
    }

    fn one(raw: &str, status: Option<Status>) -> Vec<(String, Option<Status>)> {
        vec![(raw.to_owned(), status)]
    }

    #[test]
    fn every_word_of_every_table_means_what_it_says() {
        for (raw, status) in [
            ("UNCONFIRMED", Created),
            ("CONFIRMED", Created),
            ("SHIPPED", Dispatched),
            ("COMPLETED", Delivered),
            ("CANCELLED", Cancelled),
            ("REJECTED", Cancelled),
            ("RETURNED", Returned),
            ("FAILED", Cancelled),
            ("ABANDONED", Cancelled),
            ("PLACED", Created),
            ("DELIVERED", Delivered),
            ("IN TRANSIT", Dispatched),
        ] {
            assert_eq!(says("", "", raw), one(raw, Some(status)));
        }
        for (raw, status) in [
            ("INITIATED", ReturnRequested),
            ("WAITING_TO_PICKED", ReturnRequested),
            ("PICKED_FROM_CUSTOMER", ReturnRequested),
            ("DTO", Returned),
            ("SUCCESS", Returned),
        ] {
            assert_eq!(says(raw, "", "COMPLETED"), one(raw, Some(status)));
        }
        for (raw, status) in [("RTO", CourierReturn), ("DTO", Returned)] {
            assert_eq!(says("", raw, "SHIPPED"), one(raw, Some(status)));
        }
        for (raw, status) in [
            ("IN_TRANSIT", Some(Dispatched)),
            ("INITIATED", None),
            ("WAITING_FOR_AWB", None),
            ("AWB_GENERATED", None),
            ("NOT_PICKED", None),
            ("READY_TO_SHIP", None),
            ("SUCCESS", None),
            ("FAILED", None),
        ] {
            assert_eq!(says("", raw, ""), one(raw, status));
        }
        let rows: usize = TABLES.iter().map(|table| table.rows().len()).sum();
        assert_eq!(rows, 12 + 6 + 2 + 8, "each row is tried here or in the next test");
    }

    #[test]
    fn a_failed_reverse_shipment_leaves_the_other_words() {
        assert_eq!(says("FAILED", "", "COMPLETED"), one("COMPLETED", Some(Delivered)));
        assert_eq!(says("FAILED", "RTO", "SHIPPED"), one("RTO", Some(CourierReturn)));
    }

    #[test]
    fn the_way_back_counts_before_the_shipment_and_that_before_the_order() {
        assert_eq!(
            says("PICKED_FROM_CUSTOMER", "RTO", "COMPLETED"),
            one("PICKED_FROM_CUSTOMER", Some(ReturnRequested))
        );
        assert_eq!(says("", "RTO", "CANCELLED"), one("RTO", Some(CourierReturn)));
        assert_eq!(says("", "IN_TRANSIT", "CONFIRMED"), one("CONFIRMED", Some(Created)));
        assert_eq!(says("", "NON_SERVICEABLE_ORDER_SELLER", "CONFIRMED"), one("CONFIRMED", Some(Created)));
    }

    #[test]
    fn unknown_words_are_unmapped_and_hide_nothing() {
        for raw in ["TELEPORTED", "shipped", "SHIPPED ", "IN_TRANSIT"] {
            assert_eq!(says("", "", raw), one(raw, Some(Unmapped)), "{raw}");
        }
        assert_eq!(
            says("", "NON_SERVICEABLE_ORDER_SELLER", ""),
            one("NON_SERVICEABLE_ORDER_SELLER", Some(Unmapped))
        );
        assert_eq!(
            says("BEAMED", "", "COMPLETED"),
            [("BEAMED".to_owned(), Some(Unmapped)), ("COMPLETED".to_owned(), Some(Delivered))]
        );
        assert_eq!(says("", "", ""), []);
    }

    #[test]
    fn orders_that_were_never_paid_are_cancelled_only_if_they_are_known() {
        for raw in ["FAILED", "ABANDONED"] {
            let order = order("", "", raw);
            let status = |asked| said(&StatusChanges::default(), &order, asked)[0].status;
            assert_eq!((status(Asked::List), status(Asked::ById)), (None, Some(Cancelled)));
        }
    }

    #[test]
    fn the_words_tell_the_kind_of_a_return() {
        let kind = |order: Order| said(&StatusChanges::default(), &order, Asked::List)[0].kind;
        assert_eq!(kind(order("DTO", "", "")), Some(ReturnKind::Cir));
        assert_eq!(kind(order("", "DTO", "")), Some(ReturnKind::Rto));
        assert_eq!(kind(order("", "", "RETURNED")), None);
    }
}
