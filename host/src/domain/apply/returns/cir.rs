//! What buyers send back: rows R4–R6, R9, R10, R12, R14.

use plugin_api::{Observation, ReturnKind};

use super::{fill_return, note_missing_invoice, push_return, return_data};
use crate::domain::{
    apply::{
        Code, Outcome, Part, Row, Verdict,
        case::{Case, ItemIndex, Standing},
        conflicts,
        dispatch::draw_invoice,
    },
    codes::{ItemCode, OwnerCode, PackageCode},
    duties::PutawayType,
    effect::Effect,
    invoice::{Invoice, InvoiceStatus, SequenceKind},
    order::{ItemStatus, PackageStatus, Return, ReturnStatus},
    time,
};

/// The code under which a customer return of this package is kept when the marketplace gives none.
fn own_code(package: &PackageCode) -> String {
    format!("CIR-{package}")
}

/// Whether a return has no id of the marketplace's yet: one that was reported without, or that a person opened by deciding
/// a conflict.
fn is_named_by_us(case: &Case<'_>, code: &str, package: &PackageCode) -> bool {
    code == own_code(package) || case.file.conflicts.iter().any(|conflict| conflict.code == code)
}

fn return_id(seen: &Observation) -> Option<&str> {
    seen.ret.as_ref().and_then(|ret| ret.id.as_deref()).filter(|id| !id.is_empty())
}

/// The customer return that an observation means for a unit: by id and package. One without an id is the open one that
/// the unit is in, else the package's nameless one.
fn of(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> Option<usize> {
    let code = &case.item(item).code;
    let package = case.item(item).package.as_ref()?;
    let returns = &case.file.order.returns;
    let by_code = |wanted: &str| {
        returns.iter().position(|ret| {
            ret.kind == ReturnKind::Cir && ret.code == wanted && ret.package.as_ref() == Some(package)
        })
    };
    let open_with_unit = |only_nameless: bool| {
        returns.iter().position(|ret| {
            ret.kind == ReturnKind::Cir
                && ret.status.is_open()
                && ret.items.contains(code)
                && (!only_nameless || is_named_by_us(case, &ret.code, package))
        })
    };
    match return_id(seen) {
        Some(id) => by_code(id).or_else(|| open_with_unit(true)),
        None => open_with_unit(false).or_else(|| by_code(&own_code(package))),
    }
}

pub(super) fn open_of(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> Option<usize> {
    of(case, item, seen).filter(|&place| case.file.order.returns[place].status.is_open())
}

/// R4, R9: the buyer sends it back.
pub(super) fn asked(
    case: &mut Case<'_>,
    item: ItemIndex,
    seen: &Observation,
    status: Option<ReturnStatus>,
) -> Verdict {
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Stale, Row::G8);
    };
    match case.standing(item) {
        Standing::Sent | Standing::Delivered => {}
        Standing::Open | Standing::Cancelled => return Verdict::by(Outcome::Unchanged, Row::G7),
        Standing::ComingBack | Standing::Acknowledged | Standing::Returned => {
            if let Some(place) = of(case, item, seen) {
                fill_return(case, place, seen, false);
                return Verdict::by(Outcome::Unchanged, Row::R9);
            }
            let row = if case.is_put_away(item) { Row::R16 } else { Row::G8 };
            return Verdict::by(Outcome::Stale, row);
        }
    }
    let code = case.code_of(item);
    if let Some(place) = of(case, item, seen) {
        return known(case, item, place, seen);
    }
    let in_other = case
        .file
        .order
        .returns
        .iter()
        .any(|ret| ret.kind == ReturnKind::Cir && ret.status.is_open() && ret.items.contains(&code));
    if in_other {
        return Verdict::by(Outcome::Unchanged, Row::R9);
    }
    note_missing_invoice(case, &package);
    let (reason, awb, courier) = return_data(seen, false);
    let id = return_id(seen).map_or_else(|| own_code(&package), str::to_owned);
    case.file.order.returns.push(Return {
        kind: ReturnKind::Cir,
        code: id.clone(),
        status: status.unwrap_or(ReturnStatus::Created),
        package: Some(package),
        items: vec![code.clone()],
        reason,
        awb,
        courier,
        at: seen.at,
        flag: None,
        last_at: None,
    });
    let place = case.file.order.returns.len() - 1;
    push_return(case, place);
    Verdict::new(Outcome::Applied, Row::R4, format!("the buyer sends item {code} back, return {id}"))
}

/// A return that is known: blanks are filled in, further units join it, and one without an id may begin again.
fn known(case: &mut Case<'_>, item: ItemIndex, place: usize, seen: &Observation) -> Verdict {
    let code = case.code_of(item);
    let ret = &case.file.order.returns[place];
    let (known, withdrawn) = (ret.items.contains(&code), ret.status == ReturnStatus::Canceled);
    let again = withdrawn
        && return_id(seen).is_none()
        && matches!((seen.at, ret.at), (Some(asked), Some(before)) if asked > before);
    if (known || withdrawn) && !again {
        adopt_id(case, place, seen);
        fill_return(case, place, seen, false);
        return Verdict::by(Outcome::Unchanged, Row::R9);
    }
    let ret = &mut case.file.order.returns[place];
    if again {
        ret.at = seen.at;
    }
    if !known {
        ret.items.push(code.clone());
    }
    if !ret.status.is_open() {
        ret.status = ReturnStatus::Created;
    }
    push_return(case, place);
    Verdict::new(Outcome::Applied, Row::R4, format!("item {code} joins the buyer's return"))
}

/// A return that was kept under our own code gets the marketplace's id once it is told.
fn adopt_id(case: &mut Case<'_>, place: usize, seen: &Observation) {
    if let Some(id) = return_id(seen)
        && case.file.order.returns[place].code != id
    {
        let of = format!("return {}", case.file.order.returns[place].code);
        id.clone_into(&mut case.file.order.returns[place].code);
        case.push(Effect::Filled { of, field: "return id".to_owned(), value: id.to_owned() });
    }
}

/// R5, R6, R14: the buyer's return is back.
pub(super) fn back(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
    match case.standing(item) {
        Standing::Sent | Standing::Delivered => {}
        Standing::Returned => {
            if let Some(place) = of(case, item, seen) {
                fill_return(case, place, seen, false);
            }
            return Verdict::by(Outcome::Unchanged, Row::R5);
        }
        Standing::ComingBack | Standing::Acknowledged => return Verdict::by(Outcome::Stale, Row::G8),
        Standing::Open | Standing::Cancelled => return Verdict::by(Outcome::Unchanged, Row::G7),
    }
    if let Some(verdict) = case.decided(Part::Return, item).filter(|verdict| verdict.rows.contains(&Row::R5))
    {
        return verdict;
    }
    // All that this word brings back in one package is credited together.
    let package = case.item(item).package.clone();
    let standing = case.standing(item);
    let told = seen.ret.as_ref().is_some_and(|ret| ret.kind == Some(ReturnKind::Cir));
    let mut members: Vec<ItemIndex> = all
        .iter()
        .copied()
        .filter(|&other| {
            other == item
                || case.item(other).package == package
                    && (case.standing(other) == standing
                        || told && matches!(case.standing(other), Standing::Sent | Standing::Delivered))
        })
        .collect();
    for &member in &members {
        let code = case.code_of(member);
        let is_in = |place: usize| case.file.order.returns[place].items.contains(&code);
        if !open_of(case, member, seen).is_some_and(is_in) {
            reopen_withdrawn(case, member, seen);
            let asked = asked(case, member, seen, None);
            if member == item && open_of(case, item, seen).is_none() {
                return asked;
            }
        }
    }
    let Some(place) = open_of(case, item, seen) else { return Verdict::by(Outcome::Unchanged, Row::R9) };
    adopt_id(case, place, seen);
    fill_return(case, place, seen, false);
    // And so is what the same answer brings back of the same return, item by item.
    let announced = case.file.order.returns[place].items.clone();
    members.retain(|&member| announced.contains(&case.item(member).code));
    members.extend((0..case.file.order.items.len()).filter(|&other| {
        case.said.contains(&(Part::Return, other))
            && announced.contains(&case.item(other).code)
            && matches!(case.standing(other), Standing::Sent | Standing::Delivered)
    }));
    members.sort_unstable();
    members.dedup();
    let verdict = match complete(case, place, &members) {
        Ok(verdict) | Err(verdict) => verdict,
    };
    for other in members {
        case.decide(Part::Return, other, verdict.clone());
    }
    verdict
}

/// A return that was withdrawn and comes back all the same: that the goods are here counts for more.
fn reopen_withdrawn(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) {
    if let Some(place) = of(case, item, seen)
        && case.file.order.returns[place].status == ReturnStatus::Canceled
    {
        let text = format!(
            "return {} was withdrawn and came back all the same",
            case.file.order.returns[place].code
        );
        case.attention(text);
        case.file.order.returns[place].status = ReturnStatus::Created;
        push_return(case, place);
    }
}

/// Completes units of a customer return: credited against the invoice of their own package, due to be put away.
fn complete(case: &mut Case<'_>, place: usize, members: &[ItemIndex]) -> Result<Verdict, Verdict> {
    let code = case.file.order.returns[place].code.clone();
    let Some(package) = case.file.order.returns[place].package.clone() else {
        return Ok(Verdict::by(Outcome::Unchanged, Row::R5));
    };
    let items = case.codes_of(members);
    let mut rows = vec![Row::R5];
    let mut credited = String::new();
    match case.live_invoice(&package).map(|invoice| invoice.number.clone()) {
        None => {
            rows.push(Row::R14);
            note_missing_invoice(case, &package);
        }
        Some(number) => {
            let facility = case.package(&package).and_then(|package| package.facility.clone());
            let facility = facility.or_else(|| members.first().and_then(|&item| case.facility_of(item).ok()));
            let owner = case.owner(&facility.unwrap_or_default());
            let note = credit(case, owner, &package, &number, items.clone())?;
            credited = format!(", credited by {note}");
        }
    }
    for &item in members {
        case.set_item(item, ItemStatus::Returned);
        case.edit_item(item).channel_status = None;
        case.due(item, PutawayType::ReversePickupItem, Some(package.clone()));
    }
    let out = case.file.order.returns[place].items.iter().any(|code| {
        case.file.order.items.iter().any(|item| item.code == *code && item.status != ItemStatus::Returned)
    });
    if !out {
        case.file.order.returns[place].status = ReturnStatus::Complete;
        push_return(case, place);
    }
    if case.living_items(&package).iter().all(|&item| case.item(item).status == ItemStatus::Returned) {
        case.set_package(&package, PackageStatus::Returned);
    }
    Ok(Verdict {
        outcome: Outcome::Applied,
        rows,
        code: None,
        message: format!("return {code} is back{credited}"),
    })
}

/// Makes the return invoice for units of a package.
fn credit(
    case: &mut Case<'_>,
    owner: OwnerCode,
    package: &PackageCode,
    against: &str,
    items: Vec<ItemCode>,
) -> Result<String, Verdict> {
    let (number, at) = draw_invoice(case, &owner, SequenceKind::SaleReturnInvoice, Row::R6)?;
    case.add_invoice(Invoice {
        owner,
        kind: SequenceKind::SaleReturnInvoice,
        financial_year: time::financial_year(at),
        number: number.clone(),
        package: package.clone(),
        status: InvoiceStatus::Generated,
        date: time::india_date(at),
        against: Some(against.to_owned()),
        items,
    });
    let is_credited = |item: &ItemCode| {
        case.file.invoices.iter().any(|invoice| {
            invoice.kind == SequenceKind::SaleReturnInvoice
                && invoice.against.as_deref() == Some(against)
                && invoice.items.contains(item)
        })
    };
    let all = case.file.invoices.iter().position(|invoice| {
        invoice.kind == SequenceKind::SaleInvoice
            && invoice.number == against
            && invoice.status == InvoiceStatus::Generated
            && invoice.items.iter().all(is_credited)
    });
    if let Some(place) = all {
        case.file.invoices[place].status = InvoiceStatus::Credited;
        let effect = Effect::Invoice {
            number: against.to_owned(),
            kind: SequenceKind::SaleInvoice,
            package: package.clone(),
            to: InvoiceStatus::Credited,
        };
        case.push(effect);
    }
    Ok(number)
}

/// R12: the buyer's return was withdrawn.
pub(super) fn withdrawn(
    case: &mut Case<'_>,
    item: ItemIndex,
    seen: &Observation,
    kind: Option<ReturnKind>,
) -> Verdict {
    if kind == Some(ReturnKind::Rto) {
        // A way back that is called off ends in a delivery, which the marketplace reports as such (L3).
        return Verdict::by(Outcome::Unchanged, Row::R12);
    }
    let Some(place) = of(case, item, seen) else {
        if case.standing(item) == Standing::Returned {
            return Verdict::by(Outcome::Stale, Row::R12);
        }
        // Withdrawn before it was heard of: kept, so that the request, coming late, opens nothing.
        let verdict = asked(case, item, seen, Some(ReturnStatus::Canceled));
        let verdict = Verdict { rows: vec![Row::R12], ..verdict };
        return Verdict { message: "the buyer's return was withdrawn".to_owned(), ..verdict };
    };
    if let Some(verdict) = case.decided(Part::Return, item).filter(|verdict| verdict.rows.contains(&Row::R12))
    {
        return verdict;
    }
    let ret = &case.file.order.returns[place];
    let verdict = match ret.status {
        status if !status.is_open() && !ret.items.contains(&case.item(item).code) => {
            Verdict::by(Outcome::Unchanged, Row::R12)
        }
        ReturnStatus::Canceled => Verdict::by(Outcome::Unchanged, Row::R12),
        ReturnStatus::Complete | ReturnStatus::Received | ReturnStatus::Closed => {
            let text = format!(
                "Channel withdrew return {} of item {} which is back here",
                ret.code,
                case.item(item).code
            );
            conflicts::raise(case, Code::ReturnCancelledAfterReceipt, &[item], None, text, seen, Row::R12)
        }
        ReturnStatus::Created | ReturnStatus::CourierAllocated | ReturnStatus::NotReceived => {
            case.file.order.returns[place].status = ReturnStatus::Canceled;
            push_return(case, place);
            Verdict::by(Outcome::Applied, Row::R12)
        }
    };
    let members: Vec<_> = (0..case.file.order.items.len())
        .filter(|&other| case.file.order.returns[place].items.contains(&case.item(other).code))
        .collect();
    for other in members {
        case.decide(Part::Return, other, verdict.clone());
    }
    verdict
}
