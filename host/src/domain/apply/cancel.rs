//! Rows C1–C16: what will not be sent. Never needs a number series.

use plugin_api::{InvoiceNumbering, Observation, ReturnKind, ShippedBy, Status};

use super::{
    Code, Outcome, Part, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    conflicts,
    dispatch::summary,
    returns, select,
};
use crate::domain::{
    codes::PackageCode,
    duties::PutawayType,
    effect::Effect,
    order::{Hold, ItemStatus, PackageStatus, ReturnStatus, Stage},
};

/// CANCELLED.
pub(super) fn apply(case: &mut Case<'_>, seen: &Observation) -> Verdict {
    let found = match select::targets(case, seen, Status::Cancelled) {
        Ok(found) => found,
        Err(parked) => return parked,
    };
    let mut verdicts = Vec::new();
    for item in found.items {
        let left = case.standing(item) == Standing::Sent;
        let verdict = case.decided(Part::Cancel, item).unwrap_or_else(|| one(case, item, seen));
        if left && seen.quantity.is_some() && found.rows.contains(&Row::C12) {
            case.note(format!("too few units were open to cancel: item {} had left", case.item(item).code));
        }
        verdicts.push(verdict);
    }
    summary(verdicts, &found.rows)
}

fn one(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) -> Verdict {
    match case.standing(item) {
        Standing::Cancelled => {
            let settled = conflicts::agree_on_cancelled(case, item);
            // Where the channel has not said a thing that counted, it was the seller who cancelled.
            let first_word = case.item(item).cancelled_at.is_none();
            let confirms = settled || (first_word && case.file.order.applied.is_empty());
            if first_word {
                case.edit_item(item).cancelled_at = seen.at;
            }
            Verdict::by(Outcome::Unchanged, if confirms { Row::C14 } else { Row::C9 })
        }
        Standing::Open => open(case, item, seen),
        Standing::Sent => sent(case, item, seen),
        Standing::Delivered if !is_coming_back(case, item) => {
            let code = case.code_of(item);
            let text = format!("Channel cancelled item {code} which is DELIVERED here");
            conflicts::raise(case, Code::CancelAfterDelivery, &[item], None, text, seen, Row::C8)
        }
        Standing::ComingBack if is_cancelled_after_dispatch(case, item) => {
            Verdict::by(Outcome::Unchanged, Row::C7)
        }
        Standing::Delivered | Standing::ComingBack | Standing::Acknowledged | Standing::Returned => {
            Verdict::by(Outcome::Stale, Row::C8)
        }
    }
}

fn is_coming_back(case: &Case<'_>, item: ItemIndex) -> bool {
    let code = &case.item(item).code;
    case.file.order.returns.iter().any(|ret| ret.status.is_open() && ret.items.contains(code))
}

/// What C7 writes as the reason of the RTO that it opens.
pub(super) const CANCELLED_AFTER_DISPATCH: &str = "cancelled after dispatch";

fn is_cancelled_after_dispatch(case: &Case<'_>, item: ItemIndex) -> bool {
    let code = &case.item(item).code;
    case.file.order.returns.iter().any(|ret| {
        ret.kind == ReturnKind::Rto
            && ret.items.contains(code)
            && ret.reason.as_deref() == Some(CANCELLED_AFTER_DISPATCH)
    })
}

/// The units of a package that this answer cancels, this one among them.
fn part_of(case: &Case<'_>, item: ItemIndex, package: &PackageCode) -> Vec<ItemIndex> {
    let living = case.still_out(package);
    living.into_iter().filter(|&other| other == item || case.said.contains(&(Part::Cancel, other))).collect()
}

fn open(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) -> Verdict {
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        let row = if case.item(item).status == ItemStatus::Fulfillable { Row::C2 } else { Row::C1 };
        case.release(item);
        cancel_item(case, item, seen);
        return Verdict::new(Outcome::Applied, row, format!("item {} cancelled", case.item(item).code));
    };
    let status = case.package(&package).map_or(PackageStatus::Created, |package| package.status);
    let part = part_of(case, item, &package);
    let whole = part.len() == case.living_items(&package).len();
    let row = match (status.stage(), whole) {
        (Stage::Packed, false) => Row::C11,
        (Stage::Packed, true) => match status {
            PackageStatus::Manifested => Row::C6,
            PackageStatus::ReadyToShip => Row::C5,
            _ if case.policy.invoice_numbering == InvoiceNumbering::Channel => Row::C16,
            _ => Row::C4,
        },
        (_, false) => Row::C10,
        (_, true) => match status {
            PackageStatus::PendingCustomization
            | PackageStatus::CustomizationComplete
            | PackageStatus::Picking
            | PackageStatus::Picked => Row::C3,
            _ => Row::C2,
        },
    };
    for &item in &part {
        match status.stage() {
            Stage::Packed => case.due(item, PutawayType::CancelledItem, Some(package.clone())),
            _ if status == PackageStatus::Picked => {
                case.due(item, PutawayType::PicklistItem, Some(package.clone()));
            }
            _ => case.release(item),
        }
        cancel_item(case, item, seen);
        if row == Row::C10 {
            case.move_item(item, None);
        }
    }
    if row == Row::C11 {
        if case.package(&package).is_some_and(|package| package.hold.is_none()) {
            case.push(Effect::Held { package: package.clone(), held: true });
        }
        if let Some(package) = case.edit_package(&package) {
            package.hold = Some(Hold::ContainsCancelledItems);
        }
    }
    if whole {
        close_package(case, &package, status);
    }
    let mut own = None;
    for &other in &part {
        let code = case.code_of(other);
        let text = match row {
            Row::C11 => {
                format!("item {code} cancelled; package {package} is held until it is invoiced again")
            }
            _ if whole => format!("item {code} cancelled, package {package} cancelled with it"),
            _ => format!("item {code} cancelled and taken out of package {package}"),
        };
        let verdict = Verdict::new(Outcome::Applied, row, text);
        if other == item {
            own = Some(verdict.clone());
        }
        case.decide(Part::Cancel, other, verdict);
    }
    own.unwrap_or_else(|| Verdict::by(Outcome::Applied, row))
}

fn cancel_item(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) {
    let held = case.item(item).is_allocated();
    case.set_item(item, ItemStatus::Cancelled);
    let item = case.edit_item(item);
    item.allocated = Some(held);
    item.cancelled_at = seen.at;
    item.channel_status = None;
}

/// A package whose last item was cancelled.
fn close_package(case: &mut Case<'_>, package: &PackageCode, status: PackageStatus) {
    case.cancel_invoice(package);
    if status == PackageStatus::Manifested {
        case.note(format!("package {package} is taken off its manifest"));
    }
    let voids_label = matches!(status, PackageStatus::ReadyToShip | PackageStatus::Manifested)
        && case.shipped_by() == Some(ShippedBy::Seller);
    if let Some(package) = case.edit_package(package) {
        package.hold = None;
        if voids_label && let Some(awb) = package.awb.take() {
            let text = format!("label with AWB {awb} of package {} is void", package.code);
            case.note(text);
        }
    }
    case.set_package(package, PackageStatus::Cancelled);
}

/// C7: it has left; it is expected back, as a whole.
fn sent(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) -> Verdict {
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Stale, Row::C8);
    };
    let mut part = part_of(case, item, &package);
    part.extend(conflicts::reported_parts(case, Code::PartialCourierReturn, &package));
    part.sort_unstable();
    part.dedup();
    let living = case.still_out(&package);
    let verdict = if living.iter().all(|item| part.contains(item)) {
        returns::open_rto(case, &package, ReturnStatus::NotReceived, seen, Some(CANCELLED_AFTER_DISPATCH));
        case.set_package(&package, PackageStatus::ReturnExpected);
        let text = format!("package {package} had left already: it is expected back");
        Verdict::new(Outcome::Applied, Row::C7, text)
    } else {
        conflicts::partial_return(case, &package, &part, &living, seen, Row::C7)
    };
    for other in part {
        case.decide(Part::Cancel, other, verdict.clone());
    }
    verdict
}
