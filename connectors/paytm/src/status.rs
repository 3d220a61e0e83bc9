//! Paytm's item codes and what they mean: data, one line each.
//!
//! A code that is not in a table is unmapped, `3` among them: it was seen and nobody says what it is. The numbers are not
//! in the order of an item's life; nothing here compares them.

use plugin_api::{Meaning, Status, StatusTable, settings::StatusChanges};

const SOURCE: &str = "status constants of a public Yii/PHP ERP integration (2017), the seller panel's own scripts, and public \
                      Python, Ruby and C# clients (2014–2021); no official paper is public";
const UNSHIPPED_SOURCE: &str = "assumed: integrators cancel refunded orders only if they were not shipped, and a shipment is what \
                                gives an item its fulfillment_id";

/// Asked for by code in the list of returns: the buyer wants to send it back.
pub(crate) const RETURN_REQUESTED: &str = "17";
/// Asked for by code in the list of returns: it came back.
pub(crate) const RETURNED: &str = "18";

/// `status` of an item.
pub(crate) const ITEM: StatusTable = StatusTable::new(
    "item",
    SOURCE,
    &[
        ("1", None, "new, payment open: not released to the seller; not verified"),
        ("2", Some(Status::Created), "the seller has yet to accept"),
        ("5", Some(Status::Created), "accepted, no courier yet"),
        ("23", Some(Status::Created), "shipment and waybill exist; still at the seller"),
        ("13", Some(Status::Created), "label fetched, packed; not handed over"),
        ("25", Some(Status::Created), "manifest asked for; waits for pickup"),
        ("15", Some(Status::Dispatched), "the courier has it"),
        ("7", Some(Status::Delivered), ""),
        ("8", Some(Status::Cancelled), "by the buyer"),
        ("6", Some(Status::Cancelled), "rejected or cancelled by the seller"),
        ("12", None, "refunded after a shipment existed: money only"),
        (RETURN_REQUESTED, Some(Status::ReturnRequested), "by the buyer"),
        (RETURNED, Some(Status::Returned), "may close a buyer's return or an RTO: the kind stays open"),
    ],
);

/// `status` of an item without `fulfillment_id`, where it differs from [`ITEM`].
pub(crate) const ITEM_UNSHIPPED: StatusTable = StatusTable::new(
    "item, no shipment",
    UNSHIPPED_SOURCE,
    &[("12", Some(Status::Cancelled), "refunded before a shipment existed: it will not be sent")],
);

/// Every table, for the descriptor and for `status_table`.
pub(crate) const TABLES: &[&StatusTable] = &[&ITEM, &ITEM_UNSHIPPED];

/// What a code means, the operator's changes included.
pub(crate) fn of_item(raw: &str, has_shipment: bool, changes: &StatusChanges) -> Option<Status> {
    if !has_shipment && let meaning @ Meaning::Is(_) = changes.meaning(&ITEM_UNSHIPPED, raw) {
        return meaning.status();
    }
    changes.meaning(&ITEM, raw).status()
}

/// Whether goods in a status have left the seller, so that a waybill must exist.
pub(crate) fn has_left(status: Option<Status>) -> bool {
    matches!(
        status,
        Some(Status::Dispatched | Status::Delivered | Status::ReturnRequested | Status::Returned)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plugin_api::settings::Given;
    use serde_json::json;

    use super::*;

    fn plain(raw: &str, has_shipment: bool) -> Option<Status> {
        of_item(raw, has_shipment, &StatusChanges::default())
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
    fn a_refund_cancels_only_what_was_never_shipped() {
        assert_eq!(plain("12", false), Some(Status::Cancelled));
        assert_eq!(plain("12", true), None);
        for row in ITEM.rows().iter().filter(|row| row.raw != "12") {
            assert_eq!(plain(&row.raw, false), plain(&row.raw, true), "{}", row.raw);
        }
    }

    #[test]
    fn codes_that_nobody_explains_are_unmapped() {
        for code in ["3", "99", "015", "15.0", "shipped", ""] {
            for has_shipment in [false, true] {
                assert_eq!(plain(code, has_shipment), Some(Status::Unmapped), "{code}");
            }
        }
    }

    #[test]
    fn an_operator_may_add_and_change_codes_of_both_tables() {
        let given: Given = serde_json::from_value(json!({ "status_table": {
            "3": "PACKED", "7": "NO_CHANGE", "item, no shipment:15": "CREATED",
        }}))
        .unwrap();
        let changes = given.status_changes("status_table", TABLES).unwrap();
        assert_eq!(of_item("3", true, &changes), Some(Status::Packed));
        assert_eq!(of_item("7", true, &changes), None);
        assert_eq!(of_item("15", false, &changes), Some(Status::Created));
        assert_eq!(of_item("15", true, &changes), Some(Status::Dispatched));
    }
}
