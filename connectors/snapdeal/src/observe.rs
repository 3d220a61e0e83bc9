//! Snapdeal's rows as observations: ids, times, who ships, and how a return is told from others.
//!
//! Reports what a row says and nothing that it does not. A suborder is one unit, so no observation has a quantity.

use plugin_api::{Millis, Observation, ReturnFact, ReturnKind, ShippedBy, Status};

use crate::{
    config::Settings,
    requests::{CENTRE_MODE, ReturnMode},
    status::{self, ReturnList},
    wire::{Package, Return, Suborder},
};

/// What the host holds as order id of a suborder, for answers that do not name the order.
pub(crate) type OrderOf<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a package: one fact a suborder. `now` is when it was seen.
pub(crate) fn package(
    settings: &Settings,
    seen: &Package,
    now: Millis,
    order_of: OrderOf<'_>,
) -> Vec<Observation> {
    let facts = seen.suborders().filter_map(|row| {
        let mut fact = suborder(settings, row, Some(seen), order_of)?;
        // There is no time of delivery: it is when the delivery was seen.
        if fact.status == Some(Status::Delivered) {
            fact.at = Some(now);
        }
        Some(fact)
    });
    facts.collect()
}

/// Reads a suborder, of a package or by itself; `None` for goods in Snapdeal's own centres that nobody asked for.
pub(crate) fn suborder(
    settings: &Settings,
    row: &Suborder,
    package: Option<&Package>,
    order_of: OrderOf<'_>,
) -> Option<Observation> {
    let mode = package
        .and_then(|package| package.fulfillment_model_code.as_deref())
        .or(row.fulfillment_model_code.as_deref());
    if mode == Some(CENTRE_MODE) && !settings.include_fc_voi {
        return None;
    }
    let raw = &row.si_status_code;
    let status = status::of_suborder(settings, raw, mode);
    let at = at(status, row, package);
    let courier =
        package.and_then(|package| package.courier_name.clone().or_else(|| package.courier_code.clone()));
    Some(Observation {
        sku: row.sku_code.clone(),
        at,
        shipped_by: shipped_by(mode),
        package: package
            .and_then(|package| package.package_reference_code.clone())
            .or_else(|| row.package_reference_code.clone()),
        awb: package.and_then(|package| package.awb_no.clone()),
        courier,
        invoice: package.and_then(|package| package.invoice_number.clone()),
        ..Observation::new(order_id(row.order_code.as_ref(), &row.suborder_code, order_of), status, raw)
            .item(&row.suborder_code)
    })
}

/// There is no time per status: hand-over has the package's, a delivery none, the rest that of the last edit.
fn at(status: Option<Status>, row: &Suborder, package: Option<&Package>) -> Option<Millis> {
    let shipped = package.and_then(|package| package.shipped_date);
    match status {
        Some(Status::Dispatched) => shipped,
        Some(Status::Delivered) => None,
        _ => row.updated.or_else(|| package.and_then(|package| package.updated)),
    }
}

/// Reads a return; `None` for goods in Snapdeal's own centres.
pub(crate) fn return_row(
    row: &Return,
    list: ReturnList,
    mode: ReturnMode,
    order_of: OrderOf<'_>,
) -> Option<Observation> {
    if row.fulfillment_mode.as_deref() == Some(CENTRE_MODE) {
        return None;
    }
    let (is_delivered, is_accepted) = (row.return_delivered_on.is_some(), row.return_accepted_on.is_some());
    let (by_facts, status) = status::of_return(list, mode, is_delivered, is_accepted);
    let words = match (&row.status, &row.action_status) {
        (Some(status), Some(action)) => format!("{status}/{action}"),
        (Some(word), None) | (None, Some(word)) => word.clone(),
        (None, None) => by_facts.to_owned(),
    };
    let begun = row.customer_return_initiated_on.or(row.return_initiated_on);
    let at = match status {
        Some(Status::Returned) => row.return_delivered_on.or(row.return_accepted_on),
        _ => begun,
    };
    let kind = match mode {
        ReturnMode::Courier => ReturnKind::Rto,
        ReturnMode::Buyer => ReturnKind::Cir,
    };
    Some(Observation {
        sku: row.sku_code.clone(),
        at,
        shipped_by: shipped_by(row.fulfillment_mode.as_deref()),
        ret: Some(ReturnFact {
            id: Some(return_id(row, mode)),
            kind: Some(kind),
            reason: row.return_reason.clone(),
            awb: row.awb_number.clone(),
            courier: None,
        }),
        ..Observation::new(order_id(row.order_code.as_ref(), &row.suborder_code, order_of), status, words)
            .item(&row.suborder_code)
    })
}

/// Snapdeal numbers no returns. A suborder is one unit: its code, the mode and the start tell its returns apart.
fn return_id(row: &Return, mode: ReturnMode) -> String {
    let code = &row.suborder_code;
    match row.return_initiated_on {
        Some(start) => format!("{code}-{}-{start}", mode.as_str()),
        None => format!("{code}-{}", mode.as_str()),
    }
}

/// The order's code as the row has it, else as the host holds it. Empty where neither knows: the host finds the order by
/// its item.
fn order_id(given: Option<&String>, suborder: &str, order_of: OrderOf<'_>) -> String {
    given.cloned().or_else(|| order_of(suborder)).unwrap_or_default()
}

/// A mode that nobody has described is left to the order's own record.
fn shipped_by(mode: Option<&str>) -> Option<ShippedBy> {
    match mode? {
        "DROPSHIP" | "ONESHIP" | "OCPLUS" | CENTRE_MODE => Some(ShippedBy::Channel),
        "VENDOR_SELF" => Some(ShippedBy::Seller),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_decides_who_ships() {
        for mode in ["DROPSHIP", "ONESHIP", "OCPLUS", "FC_VOI"] {
            assert_eq!(shipped_by(Some(mode)), Some(ShippedBy::Channel), "{mode}");
        }
        assert_eq!(shipped_by(Some("VENDOR_SELF")), Some(ShippedBy::Seller));
        assert_eq!((shipped_by(Some("DRONE")), shipped_by(None)), (None, None));
    }
}
