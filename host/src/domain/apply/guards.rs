//! The guards: what an observation must pass before any rule looks at the order's state.
//!
//! Tenant and channel (G1, G2) are checked before a run begins, absence from an answer (G9) where the answer is read, hold
//! and acceptance (G10, G11) where something was applied.

use plugin_api::{Observation, ShippedBy, Status};

use super::{Code, Fact, Outcome, Part, Policy, Row, Verdict, case::Case, place, select};
use crate::domain::time;

/// What the guards say.
pub(super) enum Guarded {
    /// It ends here.
    Decided(Verdict),
    /// It goes on to the rules, with this status.
    Goes(Status),
}

/// Guards for a known order, in their order.
pub(super) fn check(case: &mut Case<'_>, fact: &Fact, remember: bool) -> Guarded {
    let seen = &fact.observation;
    if case.file.order.shipping.is_none() && seen.shipped_by.is_some() {
        case.file.order.shipping = seen.shipped_by;
    } else if let (Some(ours), Some(theirs)) = (case.file.order.shipping, seen.shipped_by)
        && ours != theirs
        && remember
        && !case.knows(seen)
    {
        note_who_ships(case, ours, theirs);
    }
    if let Some(verdict) = unsupported(case.policy, case.shipped_by(), seen) {
        return Guarded::Decided(verdict);
    }
    let found = match select::candidates(case, seen) {
        Ok(found) => found,
        Err(parked) => return Guarded::Decided(parked),
    };
    match seen.status {
        Some(Status::Unmapped) => {
            let word = if seen.raw.is_empty() { "(no text)" } else { &seen.raw };
            case.keep_word(&found, word);
            let text = format!("`{word}` of channel {} has no mapping", case.policy.channel);
            Guarded::Decided(Verdict::new(Outcome::Ignored, Row::G6, text).code(Code::UnmappedStatus))
        }
        _ if remember && case.knows(seen) => Guarded::Decided(Verdict::by(Outcome::Unchanged, Row::G7)),
        None => {
            fill_blanks(case, seen);
            case.keep_word(&found, &seen.raw);
            Guarded::Decided(Verdict::by(Outcome::Unchanged, Row::G7))
        }
        Some(status) => match outside_window(case.policy, fact, status) {
            Some(verdict) => Guarded::Decided(verdict),
            None => Guarded::Goes(status),
        },
    }
}

/// Guards for an order that is not known here.
pub(super) fn without_order(policy: &Policy, seen: &Observation) -> Verdict {
    if let Some(verdict) = unsupported(policy, seen.shipped_by.or(policy.shipping), seen) {
        return verdict;
    }
    if seen.status == Some(Status::Unmapped) {
        let text = format!("`{}` of channel {} has no mapping", seen.raw, policy.channel);
        return Verdict::new(Outcome::Ignored, Row::G6, text).code(Code::UnmappedStatus);
    }
    let item = seen
        .item
        .as_deref()
        .or(seen.sku.as_deref())
        .map(|item| format!(" / item {item}"))
        .unwrap_or_default();
    let text = if seen.item.as_ref() == Some(&seen.order) {
        // The marketplace named the item only, and its id stands for the order's.
        format!("Item {} of channel {} is of no order that is known here", seen.order, policy.channel)
    } else {
        format!("Order {}{item} of channel {} is not known here", seen.order, policy.channel)
    };
    Verdict::new(Outcome::Parked, Row::G4, text).code(Code::UnknownOrder)
}

fn note_who_ships(case: &mut Case<'_>, ours: ShippedBy, theirs: ShippedBy) {
    let text =
        format!("the order is {}-shipped here, the channel says {}-shipped", ours.as_str(), theirs.as_str());
    if !case.file.order.attention.contains(&text) {
        case.file.order.attention.push(text);
    }
}

/// G3: whether the connector declares this status for orders shipped so.
fn unsupported(policy: &Policy, shipped_by: Option<ShippedBy>, seen: &Observation) -> Option<Verdict> {
    let mode = shipped_by.unwrap_or(ShippedBy::Channel);
    let follows = policy.capabilities.iter().any(|(_, by)| *by == mode);
    let declared = match seen.status {
        // What says nothing by itself, or follows from what is declared, needs no claim of its own.
        None
        | Some(
            Status::Created
            | Status::PendingVerification
            | Status::Packed
            | Status::ReadyToShip
            | Status::Unmapped
            | Status::InTransit
            | Status::OutForDelivery
            | Status::Undelivered
            | Status::Lost
            | Status::Damaged
            | Status::ReturnCancelled,
        ) => follows,
        Some(Status::Dispatched | Status::Complete) => {
            claims(policy, mode, &[Status::Dispatched, Status::Complete])
        }
        Some(Status::Cancelled) => claims(policy, mode, &[Status::Cancelled]),
        Some(Status::Delivered) => claims(policy, mode, &[Status::Delivered]),
        Some(Status::CourierReturn | Status::RtoInitiated | Status::RtoDelivered | Status::Returned) => {
            claims(
                policy,
                mode,
                &[Status::CourierReturn, Status::RtoInitiated, Status::RtoDelivered, Status::Returned],
            )
        }
        Some(Status::ReturnRequested) => claims(policy, mode, &[Status::ReturnRequested, Status::Returned]),
    };
    (!declared).then(|| {
        let what = seen.status.map_or("", Status::as_str);
        let who = match mode {
            ShippedBy::Channel => "the channel",
            ShippedBy::Seller => "the seller",
        };
        let text = format!("{what} is not synced on channel {} for orders that {who} ships", policy.channel);
        Verdict::new(Outcome::Ignored, Row::G3, text).code(Code::StatusSyncUnsupported)
    })
}

fn claims(policy: &Policy, mode: ShippedBy, any_of: &[Status]) -> bool {
    any_of.iter().any(|&status| policy.capabilities.contains(&(status, mode)))
}

/// R8: whether a return event lies further back than the window; the boundary belongs to it.
fn outside_window(policy: &Policy, fact: &Fact, status: Status) -> Option<Verdict> {
    let at = fact.observation.at.filter(|_| place(status).0 == Part::Return)?;
    let now = fact.seen_at.unwrap_or(policy.now);
    (now.saturating_sub(at) > policy.return_window_ms).then(|| {
        let days = policy.return_window_ms / 86_400_000;
        let text = format!(
            "the return of {} on channel {} is older than {days} days",
            time::text(at),
            policy.channel
        );
        Verdict::new(Outcome::Ignored, Row::R8, text).code(Code::OutsideReturnWindow)
    })
}

/// Fills blanks of the package that an observation names, or of the order's only one.
pub(super) fn fill_blanks(case: &mut Case<'_>, seen: &Observation) {
    if let Ok(found) = select::candidates(case, seen) {
        let mut packages: Vec<_> = match select::named_package(case, seen) {
            Some(package) => vec![package],
            None => found
                .iter()
                .filter_map(|&item| case.package_of(item).map(|package| package.code.clone()))
                .collect(),
        };
        packages.dedup();
        if let [package] = packages.as_slice() {
            case.fill_package(&package.clone(), seen);
        }
    }
}
