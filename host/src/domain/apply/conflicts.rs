//! Contradictions that only a person can decide: raised once per cause, refreshed while they stand, closed by themselves
//! when the facts stop contradicting.

use plugin_api::Observation;

use super::{
    Code, Outcome, Row, Verdict,
    case::{Case, ItemIndex},
};
use crate::domain::{
    codes::{ItemCode, PackageCode},
    duties::{Conflict, Decision},
    effect::Effect,
    observed::Observed,
    order::{ItemStatus, Stage},
};

/// Raises a conflict, or refreshes the one that stands for the same cause.
pub(super) fn raise(
    case: &mut Case<'_>,
    cause: Code,
    items: &[ItemIndex],
    package: Option<PackageCode>,
    message: String,
    seen: &Observation,
    row: Row,
) -> Verdict {
    let codes = case.codes_of(items);
    let fact = Observed::from(seen.clone());
    let known = case.file.conflicts.iter_mut().rev().find(|conflict| {
        conflict.cause == cause.as_str()
            && conflict.package == package
            && (package.is_some() || conflict.items.iter().any(|item| codes.contains(item)))
    });
    let verdict = Verdict::new(Outcome::Conflict, row, message.clone()).code(cause);
    if let Some(conflict) = known {
        match conflict.decision {
            Some(Decision::Keep) => {
                let text = format!("a person decided on {} to keep our state", conflict.code);
                // What is reported of a package still counts towards the whole of it.
                if package.is_some() {
                    refresh(conflict, &codes, fact, message);
                }
                return Verdict::new(Outcome::Unchanged, row, text);
            }
            Some(Decision::Accept) if conflict.facts.contains(&fact) => {
                return Verdict::new(
                    Outcome::Unchanged,
                    row,
                    format!("a person accepted this in {}", conflict.code),
                );
            }
            Some(Decision::Accept) => {}
            None => {
                refresh(conflict, &codes, fact, message);
                if !conflict.open {
                    conflict.open = true;
                    let effect = Effect::Conflict {
                        code: conflict.code.clone(),
                        cause: conflict.cause.clone(),
                        open: true,
                    };
                    case.push(effect);
                }
                return verdict;
            }
        }
    }
    let code = case.ledger.conflict_code();
    case.push(Effect::Conflict { code: code.clone(), cause: cause.as_str().to_owned(), open: true });
    case.file.conflicts.push(Conflict {
        code,
        cause: cause.as_str().to_owned(),
        order: case.file.order.code.clone(),
        items: codes,
        package,
        message,
        open: true,
        decision: None,
        facts: vec![fact],
    });
    verdict
}

fn refresh(conflict: &mut Conflict, items: &[ItemCode], fact: Observed, message: String) {
    for item in items {
        if !conflict.items.contains(item) {
            conflict.items.push(item.clone());
        }
    }
    // The same word at another time says nothing new.
    let timeless = |fact: &Observed| Observed { at: None, ..fact.clone() };
    if !conflict.facts.iter().any(|known| timeless(known) == timeless(&fact)) {
        conflict.facts.push(fact);
    }
    conflict.message = message;
}

/// D17 and L5.
pub(super) fn dispatched_but_cancelled(
    case: &mut Case<'_>,
    items: &[ItemIndex],
    seen: &Observation,
    row: Row,
) -> Verdict {
    let codes: Vec<_> = case.codes_of(items).into_iter().map(|code| code.to_string()).collect();
    let text = format!("Channel dispatched item {} which is cancelled here", codes.join(", "));
    raise(case, Code::DispatchedButCancelledLocally, items, None, text, seen, row)
}

/// D19.
pub(super) fn partial_dispatch(
    case: &mut Case<'_>,
    package: &PackageCode,
    part: &[ItemIndex],
    living: &[ItemIndex],
    seen: &Observation,
) -> Verdict {
    let text =
        format!("Channel dispatched part of invoiced package {package}: {}", parts(case, part, living));
    raise(case, Code::PartialDispatchOfInvoicedShipment, part, Some(package.clone()), text, seen, Row::D19)
}

/// R11, and C7 for a part.
pub(super) fn partial_return(
    case: &mut Case<'_>,
    package: &PackageCode,
    part: &[ItemIndex],
    living: &[ItemIndex],
    seen: &Observation,
    row: Row,
) -> Verdict {
    let text =
        format!("Channel says that part of package {package} comes back: {}", parts(case, part, living));
    raise(case, Code::PartialCourierReturn, part, Some(package.clone()), text, seen, row)
}

fn parts(case: &Case<'_>, part: &[ItemIndex], living: &[ItemIndex]) -> String {
    let names = |items: Vec<ItemIndex>| {
        case.codes_of(&items).iter().map(ItemCode::as_str).collect::<Vec<_>>().join(", ")
    };
    let missing: Vec<_> = living.iter().copied().filter(|item| !part.contains(item)).collect();
    format!("reported {}, missing {}", names(part.to_vec()), names(missing))
}

/// The units of a package that an open conflict has heard of already.
pub(super) fn reported_parts(case: &Case<'_>, cause: Code, package: &PackageCode) -> Vec<ItemIndex> {
    let heard: Vec<&ItemCode> = case
        .file
        .conflicts
        .iter()
        .filter(|conflict| conflict.cause == cause.as_str() && conflict.package.as_ref() == Some(package))
        .filter(|conflict| conflict.open || conflict.decision == Some(Decision::Keep))
        .flat_map(|conflict| &conflict.items)
        .collect();
    case.living_items(package).into_iter().filter(|&item| heard.contains(&&case.item(item).code)).collect()
}

/// The channel says cancelled, as we do: what contradicted that is settled. Says whether there was such a contradiction.
pub(super) fn agree_on_cancelled(case: &mut Case<'_>, item: ItemIndex) -> bool {
    let code = case.code_of(item);
    close_where(case, |conflict| {
        matches!(
            Code::parse(&conflict.cause),
            Some(Code::DispatchedButCancelledLocally | Code::ReopenedOnChannel)
        ) && conflict.items.contains(&code)
    })
}

/// Closes the conflicts that no longer stand.
pub(super) fn settle(case: &mut Case<'_>) {
    let order = case.file.order.clone();
    let any_is = |conflict: &Conflict, status: ItemStatus| {
        order.items.iter().any(|item| conflict.items.contains(&item.code) && item.status == status)
    };
    let stage_of = |conflict: &Conflict| {
        conflict.package.as_ref().and_then(|code| order.package(code)).map(|package| package.status.stage())
    };
    close_where(case, |conflict| match Code::parse(&conflict.cause) {
        Some(Code::DispatchedButCancelledLocally | Code::ReopenedOnChannel | Code::ReturnOfCancelled) => {
            !any_is(conflict, ItemStatus::Cancelled)
        }
        Some(Code::CancelAfterDelivery) => !any_is(conflict, ItemStatus::Delivered),
        Some(Code::PartialDispatchOfInvoicedShipment) => stage_of(conflict) != Some(Stage::Packed),
        Some(Code::PartialCourierReturn) => {
            !matches!(stage_of(conflict), Some(Stage::Sent | Stage::Delivered))
        }
        _ => false,
    });
}

fn close_where(case: &mut Case<'_>, settled: impl Fn(&Conflict) -> bool) -> bool {
    let mut closed = Vec::new();
    for conflict in case.file.conflicts.iter_mut().filter(|conflict| conflict.open) {
        if settled(conflict) {
            conflict.open = false;
            closed.push(Effect::Conflict {
                code: conflict.code.clone(),
                cause: conflict.cause.clone(),
                open: false,
            });
        }
    }
    let any = !closed.is_empty();
    for effect in closed {
        case.push(effect);
    }
    any
}
