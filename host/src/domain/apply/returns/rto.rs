//! Packages that come back undelivered: rows R1–R3, R11, R17, R18.

use plugin_api::{Observation, ReturnKind};

use super::{fill_return, flag, note_missing_invoice, return_data};
use crate::domain::{
    apply::{
        Code, Outcome, Part, Row, Verdict,
        case::{Case, ItemIndex, Standing},
        conflicts,
    },
    codes::PackageCode,
    duties::{PutawayStatus, PutawayType},
    effect::Effect,
    order::{ItemStatus, PackageStatus, Return, ReturnStatus, Stage},
};

/// The units of a package that this answer says come back undelivered, this one among them.
fn part_of(case: &Case<'_>, item: ItemIndex, all: &[ItemIndex], package: &PackageCode) -> Vec<ItemIndex> {
    let heard = conflicts::reported_parts(case, Code::PartialCourierReturn, package);
    case.still_out(package)
        .into_iter()
        .filter(|other| {
            *other == item
                || all.contains(other)
                || heard.contains(other)
                || case.said.contains(&(Part::Return, *other))
        })
        .collect()
}

/// R1, R11, R17: undelivered and on its way back.
pub(super) fn begun(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
    if let Some(verdict) = case.decided(Part::Return, item) {
        if let Some(package) = case.package_of(item).map(|package| package.code.clone()) {
            fill(case, &package, seen);
            said_again(case, &package, seen);
        }
        return verdict;
    }
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Stale, Row::G8);
    };
    match case.standing(item) {
        Standing::ComingBack | Standing::Acknowledged => {
            fill(case, &package, seen);
            said_again(case, &package, seen);
            return Verdict::by(Outcome::Unchanged, Row::R1);
        }
        Standing::Returned => {
            fill(case, &package, seen);
            let row = if case.is_put_away(item) { Row::R16 } else { Row::G8 };
            return Verdict::by(Outcome::Stale, row);
        }
        Standing::Sent | Standing::Delivered => {}
        Standing::Open | Standing::Cancelled => return Verdict::by(Outcome::Unchanged, Row::G7),
    }
    let stage = case.package(&package).map(|package| package.status.stage());
    let was_delivered = stage == Some(Stage::Delivered);
    if was_delivered {
        let known = case.package(&package);
        let delivered_at = known.and_then(|package| package.last_delivered_at.or(package.delivered_at));
        if matches!((seen.at, delivered_at), (Some(turned), Some(delivered)) if turned < delivered) {
            let text = "the way back is older than the delivery: it was tried again, and delivered";
            return Verdict::new(Outcome::Stale, Row::R17, text);
        }
    }
    let living = case.still_out(&package);
    let part = part_of(case, item, all, &package);
    let verdict = if part.len() < living.len() {
        conflicts::partial_return(case, &package, &part, &living, seen, Row::R11)
    } else {
        open(case, &package, ReturnStatus::NotReceived, seen, None);
        if was_delivered {
            for &item in &living {
                case.set_item(item, ItemStatus::Dispatched);
            }
            flag(case, item, "returned after delivered");
        }
        case.set_package(&package, PackageStatus::ReturnExpected);
        let row = if was_delivered { Row::R17 } else { Row::R1 };
        Verdict::new(Outcome::Applied, row, format!("package {package} is on its way back"))
    };
    for item in part {
        case.decide(Part::Return, item, verdict.clone());
    }
    verdict
}

/// Keeps the latest time of a way back that is known; one that was told without a time stays so.
fn said_again(case: &mut Case<'_>, package: &PackageCode, seen: &Observation) {
    let open = case.file.order.returns.iter_mut().find(|ret| {
        ret.kind == ReturnKind::Rto && ret.status.is_open() && ret.package.as_ref() == Some(package)
    });
    if let Some(ret) = open.filter(|ret| ret.at.is_some() && seen.at > ret.last_at.or(ret.at)) {
        ret.last_at = seen.at;
    }
}

/// R2, R3, R11, R18: back at the seller, undelivered.
pub(super) fn back(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
    if let Some(verdict) = case.decided(Part::Return, item)
        && !verdict.rows.iter().any(|row| matches!(row, Row::R1 | Row::R17))
    {
        return verdict;
    }
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Unchanged, Row::R2);
    };
    let row = match case.standing(item) {
        Standing::Returned => {
            fill(case, &package, seen);
            return Verdict::by(Outcome::Unchanged, Row::R2);
        }
        Standing::Acknowledged => Row::R3,
        Standing::Delivered => Row::R18,
        Standing::Sent | Standing::ComingBack => Row::R2,
        Standing::Open | Standing::Cancelled => return Verdict::by(Outcome::Unchanged, Row::G7),
    };
    let living = case.still_out(&package);
    let part = if row == Row::R3 || case.standing(item) == Standing::ComingBack {
        // The whole package is known to come back; it arrives as a whole.
        living.clone()
    } else {
        part_of(case, item, all, &package)
    };
    let verdict = if part.len() < living.len() {
        conflicts::partial_return(case, &package, &part, &living, seen, Row::R11)
    } else {
        open(case, &package, ReturnStatus::NotReceived, seen, None);
        if row == Row::R18 {
            flag(case, item, "returned after delivered");
        }
        case.set_package(&package, PackageStatus::Returned);
        for &item in &living {
            case.set_item(item, ItemStatus::Returned);
            case.due(item, PutawayType::CourierReturnedItems, Some(package.clone()));
        }
        receive_if_put_away(case, &package);
        Verdict::new(Outcome::Applied, row, format!("package {package} is back and has to be put away"))
    };
    for item in part {
        case.decide(Part::Return, item, verdict.clone());
    }
    verdict
}

/// Opens the RTO of a package, or fills blanks of the one there is.
pub(in crate::domain::apply) fn open(
    case: &mut Case<'_>,
    package: &PackageCode,
    status: ReturnStatus,
    seen: &Observation,
    reason: Option<&str>,
) {
    let known = case.file.order.returns.iter().any(|ret| {
        ret.kind == ReturnKind::Rto
            && ret.package.as_ref() == Some(package)
            && ret.status != ReturnStatus::Closed
    });
    if known {
        fill(case, package, seen);
        return;
    }
    note_missing_invoice(case, package);
    let items = case.still_out(package);
    let items = case.codes_of(&items);
    let (own_reason, awb, courier) = return_data(seen, true);
    let reason = reason.map(str::to_owned).or(own_reason);
    case.push(Effect::Return {
        kind: ReturnKind::Rto,
        code: package.to_string(),
        to: status,
        items: items.clone(),
    });
    let fresh = Return {
        kind: ReturnKind::Rto,
        code: package.to_string(),
        status,
        package: Some(package.clone()),
        items,
        reason,
        awb,
        courier,
        at: seen.at,
        flag: None,
        last_at: None,
    };
    // A package has one RTO; one that was closed by a new attempt begins again.
    let closed = case
        .file
        .order
        .returns
        .iter_mut()
        .find(|ret| ret.kind == ReturnKind::Rto && ret.package.as_ref() == Some(package));
    match closed {
        Some(ret) => *ret = fresh,
        None => case.file.order.returns.push(fresh),
    }
}

fn fill(case: &mut Case<'_>, package: &PackageCode, seen: &Observation) {
    let place = case
        .file
        .order
        .returns
        .iter()
        .position(|ret| ret.kind == ReturnKind::Rto && ret.package.as_ref() == Some(package));
    if let Some(place) = place {
        fill_return(case, place, seen, true);
    }
}

/// Marks the RTO of a package received once all its putaways are complete.
pub(in crate::domain::apply) fn receive_if_put_away(case: &mut Case<'_>, package: &PackageCode) {
    let mut putaways = case
        .file
        .putaways
        .iter()
        .filter(|putaway| {
            putaway.kind == PutawayType::CourierReturnedItems && putaway.package.as_ref() == Some(package)
        })
        .peekable();
    if putaways.peek().is_none() || !putaways.all(|putaway| putaway.status == PutawayStatus::Complete) {
        return;
    }
    let open = case.file.order.returns.iter_mut().find(|ret| {
        ret.kind == ReturnKind::Rto
            && ret.package.as_ref() == Some(package)
            && ret.status == ReturnStatus::NotReceived
    });
    if let Some(ret) = open {
        ret.status = ReturnStatus::Received;
        let effect = Effect::Return {
            kind: ret.kind,
            code: ret.code.clone(),
            to: ReturnStatus::Received,
            items: ret.items.clone(),
        };
        case.push(effect);
    }
}
