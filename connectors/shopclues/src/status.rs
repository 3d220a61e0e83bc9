//! ShopClues' order codes and what they mean: data, one line each.
//!
//! Codes are one or two letters or digits, text and case-sensitive. Some seventy are known and more exist: a code that is
//! not in a table is unmapped. Nothing is guessed from a code's neighbours.

use plugin_api::{
    Meaning, ReturnKind,
    Status::{
        self, Cancelled, CourierReturn, Created, Delivered, Dispatched, Lost, ReturnRequested, Returned,
        RtoDelivered,
    },
    StatusTable,
    settings::StatusChanges,
};

const SOURCE: &str = "names and meanings in ShopClues' own order-status service and history pages, as found in public (2014–2022); \
                      working integrations import on Q. Codes marked so are assumed";

const REQUESTED_BY_BUYER: &str = "the buyer asks for a cancellation; the code that decides follows";
const REQUESTED_BY_CHANNEL: &str = "ShopClues asks for a cancellation; the code that decides follows";

/// `status` of an order.
pub(crate) const ORDER: StatusTable = StatusTable::new(
    "order",
    SOURCE,
    &[
        ("N", None, "checkout not finished: never became an order"),
        ("F", None, "checkout failed: never became an order"),
        ("O", Some(Created), "open; cash on delivery still to be confirmed"),
        ("P", Some(Created), "paid"),
        ("Q", Some(Created), "cash on delivery confirmed"),
        ("92", Some(Created), "confirmed by itself, by one-time password"),
        ("93", Some(Created), "confirmed by itself, after a failing gateway"),
        ("E", Some(Created), "pickup round begun; not loaded yet"),
        ("L", Some(Created), "on a manifest; not handed over. May follow G, and takes nothing back then"),
        ("28", Some(Created), "pickup round done, order on hold: an exception"),
        ("G", Some(Dispatched), "assumed: picked up on the pickup round, so it has left the seller"),
        ("A", Some(Dispatched), "shipped; has a shipment record"),
        ("H", Some(Delivered), "delivered"),
        ("C", Some(Delivered), "complete; ShopClues dates the delivery by it where H is absent"),
        ("I", Some(Cancelled), "by the buyer, other reasons"),
        ("13", Some(Cancelled), "by the buyer, shipment delayed"),
        ("56", Some(Cancelled), "by the buyer, out of time"),
        ("73", Some(Cancelled), "by ShopClues, incomplete information"),
        ("91", Some(Cancelled), "by ShopClues, out of time, by itself"),
        ("54", Some(Cancelled), "by ShopClues, empty box"),
        ("19", Some(Cancelled), "by ShopClues, delivery not serviceable"),
        ("12", Some(Cancelled), "by the seller"),
        ("51", Some(Cancelled), "by the seller; not verified"),
        ("Y", Some(Cancelled), "by ShopClues, general"),
        ("24", Some(Cancelled), "by ShopClues, out of time"),
        ("25", Some(Cancelled), "by ShopClues, policy"),
        ("20", Some(Cancelled), "by ShopClues, pickup not serviceable"),
        ("22", Some(Cancelled), "by ShopClues, fraud"),
        ("52", Some(Cancelled), "by ShopClues, delay; may follow the dispatch"),
        ("53", Some(Cancelled), "by ShopClues, wrong address; may follow the dispatch"),
        ("84", Some(Cancelled), "by ShopClues, lost; may follow the dispatch. Told as LOST too"),
        ("Z", Some(Cancelled), "moved to a new order, which has an id of its own"),
        ("10", None, REQUESTED_BY_BUYER),
        ("41", None, REQUESTED_BY_BUYER),
        ("45", None, REQUESTED_BY_BUYER),
        ("55", None, REQUESTED_BY_BUYER),
        ("83", None, REQUESTED_BY_BUYER),
        ("90", None, REQUESTED_BY_BUYER),
        ("34", None, REQUESTED_BY_CHANNEL),
        ("37", None, REQUESTED_BY_CHANNEL),
        ("39", None, REQUESTED_BY_CHANNEL),
        ("44", None, REQUESTED_BY_CHANNEL),
        ("46", None, REQUESTED_BY_CHANNEL),
        ("47", None, REQUESTED_BY_CHANNEL),
        ("48", None, REQUESTED_BY_CHANNEL),
        ("50", None, REQUESTED_BY_CHANNEL),
        ("74", None, REQUESTED_BY_CHANNEL),
        ("J", Some(CourierReturn), "RTO: undelivered, coming back"),
        ("78", Some(CourierReturn), "RTO: at the hub, may go back to the seller"),
        ("9", Some(CourierReturn), "RTO: on its way to the seller"),
        ("79", Some(Returned), "RTO: back at the seller. Told as RTO_DELIVERED too"),
        ("S", Some(ReturnRequested), "buyer's return approved"),
        ("64", Some(ReturnRequested), "buyer's return: on a manifest"),
        ("65", Some(ReturnRequested), "buyer's return: on its way to the seller"),
        ("81", Some(ReturnRequested), "buyer's return: may go back to the seller"),
        ("80", Some(Returned), "buyer's return: back at the seller"),
        ("6", None, "refunded without pickup: the goods stay away"),
        ("30", None, "not to go back to the seller: the goods stay away"),
        ("M", None, "refunded: money only, after a cancellation or a return; the code does not say which"),
        ("R", None, "about a return, seen beside J only; not verified"),
        ("D", Some(Cancelled), "declined: a stock code of CS-Cart, not verified on ShopClues"),
        ("B", None, "back-ordered: a stock code of CS-Cart, not verified on ShopClues"),
        ("T", None, "holds other orders and no goods: a stock code of CS-Cart, not verified on ShopClues"),
    ],
);

/// What `status` of an order says about its parcel besides.
pub(crate) const COURIER: StatusTable = StatusTable::new(
    "order, courier",
    SOURCE,
    &[("84", Some(Lost), "reported after CANCELLED"), ("79", Some(RtoDelivered), "reported after RETURNED")],
);

/// Every table, for the descriptor and for `status_table`.
pub(crate) const TABLES: &[&StatusTable] = &[&ORDER, &COURIER];

/// Codes of goods that came back, by the kind of their return.
const BACK: &[(&str, ReturnKind)] = &[("79", ReturnKind::Rto), ("80", ReturnKind::Cir)];

/// What a code means for the goods, the operator's changes included.
pub(crate) fn of_order(raw: &str, changes: &StatusChanges) -> Option<Status> {
    changes.meaning(&ORDER, raw).status()
}

/// What a code means for the parcel besides. Most say nothing of it.
pub(crate) fn of_parcel(raw: &str, changes: &StatusChanges) -> Option<Status> {
    match changes.meaning(&COURIER, raw) {
        Meaning::Is(status) => Some(status),
        Meaning::NoChange | Meaning::Unmapped => None,
    }
}

/// The kind of return that a status and its code tell; `None` if it is no return, `Some(None)` if the kind is not told.
#[expect(clippy::option_option, reason = "no return and a return of unknown kind are different things")]
pub(crate) fn return_kind(status: Option<Status>, raw: &str) -> Option<Option<ReturnKind>> {
    match status? {
        CourierReturn | RtoDelivered => Some(Some(ReturnKind::Rto)),
        ReturnRequested => Some(Some(ReturnKind::Cir)),
        Returned => Some(BACK.iter().find(|(code, _)| *code == raw).map(|(_, kind)| *kind)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plugin_api::settings::Given;
    use serde_json::json;

    use super::*;

    fn plain(raw: &str) -> Option<Status> {
        of_order(raw, &StatusChanges::default())
    }

    #[test]
    fn no_table_has_a_code_twice() {
        for table in TABLES {
            let rows = table.rows();
            let codes: BTreeSet<_> = rows.iter().map(|row| &row.raw).collect();
            assert_eq!(codes.len(), rows.len(), "{}", table.vocabulary());
        }
    }

    #[test]
    fn codes_are_text_and_case_counts() {
        for code in ["h", "a", "06", "6.0", "9 ", "101", "AA", ""] {
            assert_eq!(plain(code), Some(Status::Unmapped), "{code}");
        }
        assert_eq!((plain("6"), plain("9"), plain("H")), (None, Some(CourierReturn), Some(Delivered)));
    }

    #[test]
    fn a_request_to_cancel_is_no_cancellation() {
        for code in ["10", "41", "45", "55", "83", "90", "34", "37", "39", "44", "46", "47", "48", "50", "74"]
        {
            assert_eq!(plain(code), None, "{code}");
        }
    }

    #[test]
    fn every_code_of_a_return_tells_its_kind() {
        for (codes, kind) in [
            (&["J", "78", "9", "79"][..], ReturnKind::Rto),
            (&["S", "64", "65", "81", "80"], ReturnKind::Cir),
        ] {
            for code in codes {
                assert_eq!(return_kind(plain(code), code), Some(Some(kind)), "{code}");
            }
        }
        for row in ORDER.rows() {
            let is_return = matches!(row.status, Some(CourierReturn | ReturnRequested | Returned));
            assert_eq!(return_kind(row.status, &row.raw).is_some(), is_return, "{}", row.raw);
        }
        assert_eq!(return_kind(Some(Returned), "M"), Some(None), "a code of the operator's");
    }

    #[test]
    fn only_a_lost_and_a_returned_parcel_are_told_twice() {
        let plain = StatusChanges::default();
        for row in ORDER.rows() {
            let expected = match row.raw.as_str() {
                "84" => Some(Lost),
                "79" => Some(RtoDelivered),
                _ => None,
            };
            assert_eq!(of_parcel(&row.raw, &plain), expected, "{}", row.raw);
        }
    }

    #[test]
    fn an_operator_may_move_pickup_requests_and_refunds() {
        let given: Given = serde_json::from_value(json!({ "status_table": {
            "G": "CREATED", "10": "CANCELLED", "M": "CANCELLED", "order, courier:84": "NO_CHANGE",
        }}))
        .unwrap();
        let changes = given.status_changes("status_table", TABLES).unwrap();
        assert_eq!(of_order("G", &changes), Some(Created));
        assert_eq!((of_order("10", &changes), of_order("M", &changes)), (Some(Cancelled), Some(Cancelled)));
        assert_eq!((of_order("84", &changes), of_parcel("84", &changes)), (Some(Cancelled), None));
    }
}
