//! Rows L1–L8 and K1–K6, and the notes from the marketplace's panel (D23, C15): what happens on the way, and who may say so.

use plugin_api::{Millis, Observation, ReturnKind, Status};

use super::{
    Code, Outcome, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    conflicts,
    dispatch::{ensure_sent, summary},
    select,
};
use crate::domain::{
    codes::PackageCode,
    effect::Effect,
    order::{ItemStatus, PackageStatus, ReturnStatus},
};

/// CREATED, PENDING_VERIFICATION, PACKED, READY_TO_SHIP: nothing has left.
pub(super) fn note(case: &mut Case<'_>, seen: &Observation, status: Status) -> Verdict {
    let found = match select::targets(case, seen, status) {
        Ok(found) => found,
        Err(parked) => return parked,
    };
    let panel = matches!(status, Status::Packed | Status::ReadyToShip);
    let mut verdicts = Vec::new();
    for item in found.items {
        verdicts.push(match case.standing(item) {
            Standing::Cancelled => reopened(case, item, seen),
            Standing::Open if panel => {
                let word = if seen.raw.is_empty() { status.as_str() } else { &seen.raw };
                case.keep_word(&[item], &format!("being processed on the panel: {word}"));
                fill(case, item, seen);
                Verdict::by(Outcome::Unchanged, Row::D23)
            }
            Standing::Open => {
                fill(case, item, seen);
                Verdict::by(Outcome::Unchanged, Row::G7)
            }
            Standing::Returned if case.is_put_away(item) => Verdict::by(Outcome::Stale, Row::R16),
            Standing::Sent
            | Standing::Delivered
            | Standing::ComingBack
            | Standing::Acknowledged
            | Standing::Returned => Verdict::by(Outcome::Stale, Row::G8),
        });
    }
    summary(verdicts, &found.rows)
}

/// C15: cancelled here, open there. Only a later word contradicts; an earlier one is simply old.
fn reopened(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) -> Verdict {
    let newer = matches!((seen.at, case.item(item).cancelled_at), (Some(now), Some(then)) if now > then);
    if !newer {
        let text = "the word is not known to be newer than the cancellation here";
        return Verdict::new(Outcome::Stale, Row::C15, text);
    }
    let text = format!("Channel shows item {} open again which is CANCELLED here", case.item(item).code);
    conflicts::raise(case, Code::ReopenedOnChannel, &[item], None, text, seen, Row::C15)
}

/// DELIVERED and the courier's words.
pub(super) fn apply(case: &mut Case<'_>, seen: &Observation, status: Status) -> Verdict {
    let found = match select::targets(case, seen, status) {
        Ok(found) => found,
        Err(parked) => return parked,
    };
    let mut verdicts = Vec::new();
    for &item in &found.items {
        verdicts.push(one(case, item, &found.items, seen, status));
    }
    summary(verdicts, &found.rows)
}

fn one(
    case: &mut Case<'_>,
    item: ItemIndex,
    all: &[ItemIndex],
    seen: &Observation,
    status: Status,
) -> Verdict {
    if case.standing(item) == Standing::Cancelled {
        return conflicts::dispatched_but_cancelled(case, &[item], seen, Row::L5);
    }
    let mut rows = Vec::new();
    let mut text = String::new();
    if case.standing(item) == Standing::Open {
        match ensure_sent(case, item, seen) {
            Ok(verdict) => {
                rows = verdict.rows;
                text = verdict.message;
            }
            Err(verdict) => return verdict,
        }
    } else if let Some(verdict) =
        case.decided(super::Part::Dispatch, item).filter(|_| only_implied(case, item))
    {
        rows = verdict.rows;
        text = verdict.message;
    }
    let implied = !rows.is_empty();
    let verdict = if case.channel_tells_delivery() {
        if status == Status::Delivered {
            delivered(case, item, implied, seen)
        } else {
            courier(case, item, all, seen, status)
        }
    } else {
        seller_ships(case, item, implied, seen, status)
    };
    if !implied {
        return verdict;
    }
    // The dispatch was applied, whatever became of the rest.
    let message = match verdict.outcome {
        Outcome::Applied | Outcome::Ignored => format!("{text}; {}", verdict.message),
        _ => text,
    };
    Verdict { outcome: Outcome::Applied, message, ..verdict }.after(&rows)
}

/// Whether a unit's dispatch in this answer was only implied, so that the word that implied it carries the rows.
fn only_implied(case: &Case<'_>, item: ItemIndex) -> bool {
    case.sent
        .get(&item)
        .is_some_and(|seen| !matches!(seen.status, Some(Status::Dispatched | Status::Complete)))
}

fn fill(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) {
    if let Some(package) = case.package_of(item).map(|package| package.code.clone()) {
        case.fill_package(&package, seen);
    }
}

/// L6, L7, K6: the seller's own courier is the authority; the marketplace's word is kept and shown.
fn seller_ships(
    case: &mut Case<'_>,
    item: ItemIndex,
    implied: bool,
    seen: &Observation,
    status: Status,
) -> Verdict {
    if case.standing(item) == Standing::Delivered && status == Status::Delivered {
        return Verdict::by(Outcome::Unchanged, Row::L7);
    }
    let word = if seen.raw.is_empty() { status.as_str() } else { &seen.raw };
    case.keep_word(&[item], word);
    let row = match (status, implied) {
        (Status::Delivered, true) => Row::L6,
        (Status::Delivered, false) => Row::L7,
        _ => Row::K6,
    };
    let text = format!("{word} of channel {}: the seller ships this order", case.policy.channel);
    Verdict::new(Outcome::Ignored, row, text).code(Code::NotChannelShipped)
}

fn delivered(case: &mut Case<'_>, item: ItemIndex, implied: bool, seen: &Observation) -> Verdict {
    let package = case.package_of(item).map(|package| package.code.clone());
    match case.standing(item) {
        Standing::Sent => {
            fill(case, item, seen);
            deliver_item(case, item, package.as_ref(), seen);
            let row = if implied { Row::L2 } else { Row::L1 };
            Verdict::new(Outcome::Applied, row, format!("item {} delivered", case.item(item).code))
        }
        Standing::Delivered => {
            fill(case, item, seen);
            if let Some(package) = package.and_then(|code| case.edit_package(&code)) {
                if package.delivered_at.is_none() {
                    package.delivered_at = seen.at;
                } else if seen.at > package.last_delivered_at.or(package.delivered_at) {
                    package.last_delivered_at = seen.at;
                }
            }
            Verdict::by(Outcome::Unchanged, Row::L1)
        }
        Standing::ComingBack => {
            let turned = package.as_ref().and_then(|package| open_rto_time(case, package));
            let newer = matches!((seen.at, turned), (Some(now), Some(then)) if now > then);
            if !newer {
                return Verdict::by(Outcome::Stale, Row::G8);
            }
            if let Some(package) = &package {
                re_attempted(case, package);
                // The package came back as a whole, so it was delivered as a whole.
                for other in case.still_out(package) {
                    deliver_item(case, other, Some(package), seen);
                }
            }
            Verdict::new(Outcome::Applied, Row::L3, "delivered with a new attempt; the RTO is closed")
        }
        Standing::Returned if case.is_put_away(item) => Verdict::by(Outcome::Stale, Row::R16),
        Standing::Acknowledged | Standing::Returned => Verdict::by(Outcome::Stale, Row::L4),
        Standing::Open | Standing::Cancelled => Verdict::by(Outcome::Unchanged, Row::G7),
    }
}

/// When a package was last said to be on its way back, if the channel said when.
fn open_rto_time(case: &Case<'_>, package: &PackageCode) -> Option<Millis> {
    let open = case.file.order.returns.iter().find(|ret| {
        ret.kind == ReturnKind::Rto && ret.status.is_open() && ret.package.as_ref() == Some(package)
    });
    open.and_then(|ret| ret.last_at.or(ret.at))
}

fn re_attempted(case: &mut Case<'_>, package: &PackageCode) {
    let open = case.file.order.returns.iter_mut().find(|ret| {
        ret.kind == ReturnKind::Rto && ret.status.is_open() && ret.package.as_ref() == Some(package)
    });
    if let Some(ret) = open {
        ret.status = ReturnStatus::Closed;
        let effect = Effect::Return {
            kind: ret.kind,
            code: ret.code.clone(),
            to: ReturnStatus::Closed,
            items: ret.items.clone(),
        };
        case.push(effect);
    }
}

/// The unit is delivered; the package is once all its living units are.
fn deliver_item(case: &mut Case<'_>, item: ItemIndex, package: Option<&PackageCode>, seen: &Observation) {
    case.set_item(item, ItemStatus::Delivered);
    case.edit_item(item).channel_status = None;
    let Some(package) = package else { return };
    let all = case
        .living_items(package)
        .iter()
        .all(|&item| matches!(case.item(item).status, ItemStatus::Delivered | ItemStatus::Returned));
    if all {
        case.set_package(package, PackageStatus::Delivered);
        if let Some(package) = case.edit_package(package) {
            package.delivered_at = seen.at;
            package.last_delivered_at = None;
        }
    }
}

/// K1, K2, K5.
fn courier(
    case: &mut Case<'_>,
    item: ItemIndex,
    all: &[ItemIndex],
    seen: &Observation,
    status: Status,
) -> Verdict {
    match case.standing(item) {
        Standing::Sent => {}
        Standing::Returned if case.is_put_away(item) => return Verdict::by(Outcome::Stale, Row::R16),
        _ => return Verdict::by(Outcome::Stale, Row::D16),
    }
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Unchanged, Row::G7);
    };
    let row = match status {
        Status::Undelivered => Row::K2,
        Status::Lost | Status::Damaged => Row::K5,
        _ => Row::K1,
    };
    let word = if seen.raw.is_empty() { status.as_str().to_owned() } else { seen.raw.clone() };
    let text = format!("courier says {word}");
    // Another word of the same row in this answer is another word.
    let is_same = |verdict: &Verdict| verdict.rows == [row] && verdict.message == text;
    if let Some(verdict) = case.decided(super::Part::Deliver, item).filter(is_same) {
        return verdict;
    }
    fill(case, item, seen);
    let mut changed = false;
    if row == Row::K1
        && case.package(&package).is_some_and(|package| package.status == PackageStatus::Dispatched)
    {
        case.set_package(&package, PackageStatus::Shipped);
        changed = true;
    }
    if case.package(&package).is_some_and(|package| package.courier_status.as_deref() != Some(&word)) {
        if let Some(package) = case.edit_package(&package) {
            package.courier_status = Some(word.clone());
        }
        case.push(Effect::Courier { package: package.clone(), text: word.clone() });
        changed = true;
    }
    if row == Row::K5 {
        case.attention(format!("courier says {word} of package {package}: see to the claim"));
    }
    let outcome = if changed { Outcome::Applied } else { Outcome::Unchanged };
    let verdict = Verdict::new(outcome, row, text);
    // The package has one courier status; its other units in this observation share the answer.
    for &other in all {
        if case.item(other).package.as_ref() == Some(&package) {
            case.decide(super::Part::Deliver, other, verdict.clone());
        }
    }
    verdict
}
