//! What people decide: conflicts accepted or kept, and goods put away.

use plugin_api::ReturnKind;

use super::{Code, Fact, Policy, Verdict, case::Case, returns, run};
use crate::domain::{
    codes::PackageCode,
    duties::{Decision, PutawayStatus, PutawayType, Quality},
    effect::Effect,
    invoice::SequenceKind,
    ledger::Ledger,
    order::{ItemStatus, PackageSource, PackageStatus, Return, ReturnStatus},
    snapshot::OrderFile,
};

/// What became of a person's act.
#[derive(Clone, Debug)]
pub struct Act {
    /// The order afterwards.
    pub file: OrderFile,
    /// What changed.
    pub effects: Vec<Effect>,
    /// What the rules said to the facts that were applied with it.
    pub verdicts: Vec<Verdict>,
}

/// Decides a conflict. Accepting applies what the channel said at once; keeping leaves our state as it is. Either way the
/// same observation does not raise it again.
///
/// # Errors
/// A sentence, if the order has no such open conflict, or if accepting it is refused.
pub fn decide_conflict(
    file: &OrderFile,
    ledger: &mut Ledger,
    policy: &Policy,
    code: &str,
    decision: Decision,
) -> Result<Act, String> {
    let start = ledger.mark();
    let act = decide(file, ledger, policy, code, decision);
    if act.is_err() {
        ledger.roll_back(start);
    }
    act
}

fn decide(
    file: &OrderFile,
    ledger: &mut Ledger,
    policy: &Policy,
    code: &str,
    decision: Decision,
) -> Result<Act, String> {
    let mut case = Case::new(file.clone(), ledger, policy);
    let place = case
        .file
        .conflicts
        .iter()
        .position(|conflict| conflict.code == code)
        .ok_or_else(|| format!("there is no conflict {code}"))?;
    let conflict = case.file.conflicts[place].clone();
    if !conflict.open {
        let how = conflict.decision.map_or("by itself", |decision| match decision {
            Decision::Accept => "as accepted",
            Decision::Keep => "as kept",
        });
        return Err(format!("conflict {code} is closed already, {how}"));
    }
    case.file.conflicts[place].open = false;
    case.file.conflicts[place].decision = Some(decision);
    case.push(Effect::Conflict { code: code.to_owned(), cause: conflict.cause.clone(), open: false });
    let mut verdicts = Vec::new();
    let mut effects = Vec::new();
    if decision == Decision::Accept {
        let apply_facts = make_way(&mut case, &conflict)?;
        effects.extend(case.take_effects());
        if apply_facts {
            let facts: Vec<Fact> = conflict
                .facts
                .iter()
                // It was heard in time; how long the person took does not count.
                .map(|fact| Fact { observation: fact.clone().into(), seen_at: fact.at })
                .collect();
            let before = case.file.order.items.clone();
            let (decided, changed) = run(&mut case, &facts, false, &before);
            if let Some(refused) = decided.iter().find(|verdict| verdict.outcome == super::Outcome::Refused) {
                return Err(format!("conflict {code} cannot be accepted yet: {}", refused.message));
            }
            if !decided.iter().any(|verdict| verdict.outcome == super::Outcome::Applied) {
                let why = decided.first().map_or("nothing was said", |verdict| verdict.message.as_str());
                return Err(format!("conflict {code} cannot be accepted: {why}"));
            }
            for fact in &facts {
                case.remember(&fact.observation);
            }
            effects.extend(changed.into_iter().flatten());
            verdicts = decided;
        }
    }
    case.derive_order_status();
    effects.extend(case.take_effects());
    Ok(Act { file: case.file, effects, verdicts })
}

/// Makes our state such that the channel's word applies to it; says whether the facts are to be applied then.
fn make_way(case: &mut Case<'_>, conflict: &crate::domain::duties::Conflict) -> Result<bool, String> {
    let members: Vec<usize> = (0..case.file.order.items.len())
        .filter(|&index| conflict.items.contains(&case.item(index).code))
        .collect();
    match Code::parse(&conflict.cause) {
        Some(Code::DispatchedButCancelledLocally | Code::ReturnOfCancelled) => {
            for item in members {
                case.discard_putaways(item);
                case.set_item(item, ItemStatus::Unfulfillable);
                case.edit_item(item).cancelled_at = None;
                case.move_item(item, None);
            }
            Ok(true)
        }
        Some(Code::ReopenedOnChannel) => {
            for item in members {
                // A unit that waits to be put away keeps its block until it is.
                case.set_item(item, ItemStatus::Created);
                case.edit_item(item).cancelled_at = None;
                case.move_item(item, None);
            }
            Ok(false)
        }
        Some(Code::CancelAfterDelivery) => {
            let items = conflict.items.clone();
            let package = members.first().and_then(|&item| case.item(item).package.clone());
            case.push(Effect::Return {
                kind: ReturnKind::Cir,
                code: conflict.code.clone(),
                to: ReturnStatus::Created,
                items: items.clone(),
            });
            case.file.order.returns.push(Return {
                kind: ReturnKind::Cir,
                code: conflict.code.clone(),
                status: ReturnStatus::Created,
                package,
                items,
                reason: Some("cancelled after delivery".to_owned()),
                awb: None,
                courier: None,
                at: conflict.facts.first().and_then(|fact| fact.at),
                flag: None,
                last_at: None,
            });
            Ok(false)
        }
        Some(Code::PartialDispatchOfInvoicedShipment) => {
            if let Some(package) = &conflict.package {
                case.cancel_invoice(package);
                case.set_package(package, PackageStatus::Picked);
                if let Some(package) = case.edit_package(package) {
                    package.hold = None;
                }
            }
            Ok(true)
        }
        Some(Code::PartialCourierReturn) => {
            if let Some(package) = &conflict.package {
                split_sent(case, package, &members)?;
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Splits units off a package that has left; both parts keep its invoice.
fn split_sent(case: &mut Case<'_>, package: &PackageCode, members: &[usize]) -> Result<(), String> {
    let Some(whole) = case.package(package).cloned() else { return Ok(()) };
    let facility =
        whole.facility.clone().or_else(|| case.policy.default_facility.clone()).unwrap_or_default();
    let owner = case.owner(&facility);
    let key = (owner.clone(), SequenceKind::ShippingPackage);
    let Some(code) = case.ledger.draw(&key, case.policy.now) else {
        return Err(format!(
            "Sequence {} is not defined for {}",
            SequenceKind::ShippingPackage,
            case.owner_words(&owner)
        ));
    };
    let code = PackageCode::from(code);
    case.make_package(code.clone(), facility, PackageSource::Split, whole.status);
    if let Some(part) = case.edit_package(&code) {
        part.invoice = whole.invoice;
        part.awb = whole.awb;
        part.courier = whole.courier;
        part.dispatched_at = whole.dispatched_at;
        part.delivered_at = whole.delivered_at;
    }
    for &item in members {
        case.move_item(item, Some(code.clone()));
    }
    Ok(())
}

/// Completes a putaway: only now does stock come back.
///
/// # Errors
/// A sentence, if the order has no such putaway or it is not due.
pub fn complete_putaway(
    file: &OrderFile,
    ledger: &mut Ledger,
    policy: &Policy,
    code: &str,
    quality: Quality,
) -> Result<Act, String> {
    let mut case = Case::new(file.clone(), ledger, policy);
    let place = case
        .file
        .putaways
        .iter()
        .position(|putaway| putaway.code == code)
        .ok_or_else(|| format!("there is no putaway {code}"))?;
    let putaway = case.file.putaways[place].clone();
    if putaway.status != PutawayStatus::Due {
        return Err(format!("putaway {code} is {} already", putaway.status));
    }
    case.file.putaways[place].status = PutawayStatus::Complete;
    case.file.putaways[place].quality = Some(quality);
    let item = case.file.order.items.iter().position(|item| item.code == putaway.item);
    if let Some(item) = item {
        match putaway.kind {
            PutawayType::CancelledItem | PutawayType::PicklistItem => {
                let blocked = i64::from(
                    case.item(item).is_allocated() && case.stock_of(item).is_some_and(|s| s.blocked > 0),
                );
                let lost = i64::from(quality == Quality::Bad && blocked == 1);
                if blocked == 1 {
                    case.move_stock(item, -lost, -blocked, 0);
                }
                case.edit_item(item).allocated = Some(false);
            }
            PutawayType::CourierReturnedItems | PutawayType::ReversePickupItem => {
                if quality == Quality::Good {
                    case.move_stock(item, 1, 0, 0);
                }
            }
        }
    }
    case.note(format!("putaway {code} of item {} is complete: {quality}", putaway.item));
    if let Some(package) = &putaway.package {
        returns::receive_if_put_away(&mut case, package);
    }
    let effects = case.take_effects();
    Ok(Act { file: case.file, effects, verdicts: Vec::new() })
}
