//! Snapdeal's words and what they mean: data, one line each.
//!
//! A suborder's word decides alone. Of returns the words are not published, so facts decide (which list, which mode,
//! which dates), and the words are handed on as they are.

use plugin_api::{Meaning, Status, StatusTable};

use crate::{
    config::{OcplusDispatch, Settings},
    requests::ReturnMode,
};

const REFERENCE: &str =
    "sellerapis.snapdeal.com reference (2016 to 2022): siStatusCode in its life-cycle order";
const RETURN_REFERENCE: &str = "sellerapis.snapdeal.com reference (2016 to 2022): pending and completed returns; the words of \
                                Status and actionStatus are not published, so what a list means is inferred from its fields";

/// `siStatusCode` of a suborder.
pub(crate) const SUBORDER: StatusTable = StatusTable::new(
    "suborder",
    REFERENCE,
    &[
        ("PFF", Some(Status::Created), "pending fulfilment: new"),
        ("PRNT", Some(Status::Created), "label and invoice printed, waybill known; still at the seller"),
        ("MFG", Some(Status::Created), "on a manifest (DROPSHIP); the hand-over comes after"),
        ("BARP", Some(Status::Created), "barcode printed (OCPLUS)"),
        ("AHOS", Some(Status::Created), "on a hand-over sheet (ONESHIP); not yet tracked"),
        ("ASTN", Some(Status::Created), "on a stock transfer note (OCPLUS); a rider collects against it"),
        ("SHP", Some(Status::Dispatched), "scanned by the courier: the first proof of hand-over"),
        ("FFD", Some(Status::Delivered), "for VENDOR_SELF the seller's own word"),
        ("CLD", Some(Status::Cancelled), "who cancelled stands in free text only"),
    ],
);

/// `siStatusCode` of mode OCPLUS where it differs, if the setting `ocplus_dispatch_at` says so.
pub(crate) const SUBORDER_OCPLUS: StatusTable = StatusTable::new(
    "suborder, OCPLUS",
    "assumed, and off by default: an OC Plus process paper (scribd.com/document/322580876) has a rider take the goods at this \
     point",
    &[("ASTN", Some(Status::Dispatched), "only with ocplus_dispatch_at = ASTN")],
);

/// A return, by the facts that decide.
pub(crate) const RETURN: StatusTable = StatusTable::new(
    "return",
    RETURN_REFERENCE,
    &[
        (PENDING_COURIER, Some(Status::CourierReturn), "returnDeliveredOn is empty: on its way back (RTO)"),
        (PENDING_BUYER, Some(Status::ReturnRequested), "returnDeliveredOn is empty: on its way back (CIR)"),
        (
            PENDING_DELIVERED,
            Some(Status::Returned),
            "returnDeliveredOn is set: at the seller, not yet accepted",
        ),
        (COMPLETED, Some(Status::Returned), "returnDeliveredOn or returnAcceptedOn is set"),
        (COMPLETED_UNDATED, Some(Status::Returned), "neither date is set: inferred from the list it is in"),
    ],
);

const PENDING_COURIER: &str = "pending, COURIER";
const PENDING_BUYER: &str = "pending, BUYER";
const PENDING_DELIVERED: &str = "pending, delivered";
const COMPLETED: &str = "completed";
const COMPLETED_UNDATED: &str = "completed, no date";

/// Every table, for the descriptor.
pub(crate) const TABLES: &[&StatusTable] = &[&SUBORDER, &SUBORDER_OCPLUS, &RETURN];

/// Which list a return stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnList {
    Pending,
    Completed,
}

/// What a suborder's word means.
pub(crate) fn of_suborder(settings: &Settings, raw: &str, mode: Option<&str>) -> Option<Status> {
    if settings.ocplus_dispatch_at == OcplusDispatch::Astn
        && mode == Some("OCPLUS")
        && let Meaning::Is(status) = SUBORDER_OCPLUS.meaning(raw)
    {
        return Some(status);
    }
    settings.statuses.meaning(&SUBORDER, raw).status()
}

/// The row of [`RETURN`] that the facts of a return pick. `is_delivered`: it has reached the seller; `is_dated`: or was
/// accepted there.
pub(crate) fn of_return(
    list: ReturnList,
    mode: ReturnMode,
    is_delivered: bool,
    is_accepted: bool,
) -> (&'static str, Option<Status>) {
    let row = match (list, mode) {
        (ReturnList::Pending, _) if is_delivered => PENDING_DELIVERED,
        (ReturnList::Pending, ReturnMode::Courier) => PENDING_COURIER,
        (ReturnList::Pending, ReturnMode::Buyer) => PENDING_BUYER,
        (ReturnList::Completed, _) if is_delivered || is_accepted => COMPLETED,
        (ReturnList::Completed, _) => COMPLETED_UNDATED,
    };
    (row, RETURN.meaning(row).status())
}

#[cfg(test)]
mod tests {
    use plugin_api::Status::{
        Cancelled, CourierReturn, Created, Delivered, Dispatched, ReturnRequested, Returned, Unmapped,
    };
    use serde_json::{Value, json};

    use super::*;

    fn settings(value: Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_word_means_what_the_table_says_and_no_other_means_anything() {
        let expected = [
            ("PFF", Created),
            ("PRNT", Created),
            ("MFG", Created),
            ("BARP", Created),
            ("AHOS", Created),
            ("ASTN", Created),
            ("SHP", Dispatched),
            ("FFD", Delivered),
            ("CLD", Cancelled),
        ];
        let usual = settings(json!({}));
        for (raw, status) in expected {
            assert_eq!(of_suborder(&usual, raw, Some("DROPSHIP")), Some(status), "{raw}");
        }
        assert_eq!(SUBORDER.rows().len(), expected.len());
        for raw in ["shp", "SHP ", "SHIPPED", "RTO", ""] {
            assert_eq!(of_suborder(&usual, raw, None), Some(Unmapped), "{raw}");
        }
    }

    #[test]
    fn a_stock_transfer_note_is_a_hand_over_on_wish_and_for_ocplus_only() {
        let on_note = settings(json!({"ocplus_dispatch_at": "ASTN"}));
        assert_eq!(of_suborder(&on_note, "ASTN", Some("OCPLUS")), Some(Dispatched));
        assert_eq!(of_suborder(&on_note, "ASTN", Some("ONESHIP")), Some(Created));
        assert_eq!(of_suborder(&on_note, "ASTN", None), Some(Created));
        assert_eq!(of_suborder(&on_note, "BARP", Some("OCPLUS")), Some(Created));
        assert_eq!(of_suborder(&settings(json!({})), "ASTN", Some("OCPLUS")), Some(Created));
    }

    #[test]
    fn an_operator_may_add_and_change_words() {
        let changed = settings(json!({"status_table": {"RTO": "COURIER_RETURN", "MFG": "NO_CHANGE"}}));
        assert_eq!(of_suborder(&changed, "RTO", None), Some(CourierReturn));
        assert_eq!(of_suborder(&changed, "MFG", None), None);
        assert_eq!(of_suborder(&changed, "SHP", None), Some(Dispatched));
    }

    #[test]
    fn facts_decide_about_returns() {
        use ReturnList::{Completed, Pending};
        use ReturnMode::{Buyer, Courier};
        for (list, mode, delivered, accepted, status) in [
            (Pending, Courier, false, false, CourierReturn),
            (Pending, Buyer, false, false, ReturnRequested),
            (Pending, Courier, true, false, Returned),
            (Pending, Buyer, true, false, Returned),
            (Completed, Courier, true, false, Returned),
            (Completed, Buyer, false, true, Returned),
            (Completed, Buyer, false, false, Returned),
        ] {
            let (row, meaning) = of_return(list, mode, delivered, accepted);
            assert_eq!(meaning, Some(status), "{list:?} {mode:?} {delivered} {accepted}");
            assert!(RETURN.rows().iter().any(|known| known.raw == row));
        }
        assert_eq!(of_return(Completed, Courier, false, false).0, "completed, no date");
    }
}
