//! Rows R1–R18: what comes back. An RTO is a whole package that was not delivered; a customer return is any units that a
//! buyer sends back. Goods count as stock again only when they are put away.

use plugin_api::{Millis, Observation, ReturnKind, Status};

use super::{
    Code, Fact, Outcome, Part, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    conflicts,
    dispatch::{draw_invoice, ensure_sent, summary},
    select,
};
use crate::domain::{
    codes::{ItemCode, OwnerCode, PackageCode},
    duties::{PutawayStatus, PutawayType},
    effect::Effect,
    invoice::{Invoice, InvoiceStatus, SequenceKind},
    order::{ItemStatus, PackageStatus, Return, ReturnStatus, Stage},
    time,
};

/// COURIER_RETURN, RTO_*, RETURN_REQUESTED, RETURNED, RETURN_CANCELLED.
pub(super) fn apply(case: &mut Case<'_>, fact: &Fact, status: Status) -> Verdict {
    let seen = &fact.observation;
    let found = match select::targets(case, seen, status) {
        Ok(found) => found,
        Err(parked) => return parked,
    };
    let mut verdicts = Vec::new();
    let mut packages: Vec<Option<PackageCode>> = Vec::new();
    for &item in &found.items {
        let verdict =
            case.attempt(|case| Ok(one(case, item, &found.items, seen, status)).and_then(refused_is_error));
        packages.push(case.item(item).package.clone());
        verdicts.push(match verdict {
            Ok(verdict) | Err(verdict) => verdict,
        });
    }
    packages.sort();
    packages.dedup();
    let is_cir = matches!(status, Status::ReturnRequested | Status::Returned)
        && verdicts.iter().any(|verdict| verdict.rows.iter().any(|row| matches!(row, Row::R4 | Row::R5)));
    let mut rows = found.rows;
    if is_cir && packages.len() > 1 {
        rows.push(Row::R10);
    }
    summary(verdicts, &rows)
}

/// A refusal is an error, so that what was made up for on its behalf is taken back with it.
fn refused_is_error(verdict: Verdict) -> Result<Verdict, Verdict> {
    if verdict.outcome == Outcome::Refused { Err(verdict) } else { Ok(verdict) }
}

fn one(
    case: &mut Case<'_>,
    item: ItemIndex,
    all: &[ItemIndex],
    seen: &Observation,
    status: Status,
) -> Verdict {
    if case.standing(item) == Standing::Cancelled {
        let text =
            format!("Channel reports a return of item {} which is CANCELLED here", case.item(item).code);
        return conflicts::raise(case, Code::ReturnOfCancelled, &[item], None, text, seen, Row::R13);
    }
    if status == Status::RtoInitiated
        && !case.channel_tells_delivery()
        && case.standing(item) != Standing::Open
    {
        return seller_tells(case, item, seen);
    }
    let mut rows = Vec::new();
    let mut text = String::new();
    if case.standing(item) == Standing::Open {
        match ensure_sent(case, item, seen) {
            Ok(verdict) => {
                rows = verdict.rows;
                rows.push(Row::R7);
                text = verdict.message;
            }
            Err(verdict) => return verdict,
        }
        if status == Status::RtoInitiated && !case.channel_tells_delivery() {
            rows.pop();
            let told = seller_tells(case, item, seen);
            let message = format!("{text}; {}", told.message);
            return Verdict { outcome: Outcome::Applied, message, ..told }.after(&rows);
        }
    } else if let Some(verdict) = case.decided(Part::Dispatch, item).filter(|_| made_up_for(case, item)) {
        rows = verdict.rows;
        rows.push(Row::R7);
        text = verdict.message;
    }
    let verdict = by_kind(case, item, all, seen, status);
    if rows.is_empty() || verdict.outcome == Outcome::Refused {
        return verdict;
    }
    let message =
        if verdict.outcome == Outcome::Applied { format!("{text}; {}", verdict.message) } else { text };
    let outcome = if verdict.outcome == Outcome::Conflict { Outcome::Conflict } else { Outcome::Applied };
    Verdict { outcome, message, ..verdict }.after(&rows)
}

fn made_up_for(case: &Case<'_>, item: ItemIndex) -> bool {
    case.sent
        .get(&item)
        .is_some_and(|seen| seen.status.is_some_and(|status| super::place(status).0 == Part::Return))
}

fn seller_tells(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) -> Verdict {
    let word = if seen.raw.is_empty() { Status::RtoInitiated.as_str() } else { &seen.raw };
    case.keep_word(&[item], word);
    let text = format!("{word} of channel {}: the seller ships this order", case.policy.channel);
    Verdict::new(Outcome::Ignored, Row::K6, text).code(Code::NotChannelShipped)
}

/// Sends the fact on by what kind of return it is.
fn by_kind(
    case: &mut Case<'_>,
    item: ItemIndex,
    all: &[ItemIndex],
    seen: &Observation,
    status: Status,
) -> Verdict {
    let kind = seen.ret.as_ref().and_then(|ret| ret.kind);
    let implied = case.decided(Part::Dispatch, item).is_some() && made_up_for(case, item);
    let told = case.channel_tells_delivery() && !implied;
    let by_courier = told && case.standing(item) == Standing::Sent;
    let coming_back = told && case.standing(item) == Standing::ComingBack;
    match status {
        Status::CourierReturn => rto_begun(case, item, all, seen),
        Status::RtoInitiated => {
            let rows: &[Row] = if by_courier { &[Row::K3] } else { &[] };
            rto_begun(case, item, all, seen).after(rows)
        }
        Status::RtoDelivered => {
            let rows: &[Row] = if by_courier || coming_back { &[Row::K4] } else { &[] };
            rto_back(case, item, all, seen).after(rows)
        }
        Status::ReturnRequested => match (kind, case.standing(item)) {
            (Some(ReturnKind::Rto), _) => rto_begun(case, item, all, seen),
            // The word itself means a buyer's return, unless the fact has return data that leaves the kind open.
            (None, Standing::Sent) if seen.ret.is_some() => {
                rto_begun(case, item, all, seen).guessed(case, item)
            }
            (None, Standing::Delivered) if seen.ret.is_some() => {
                cir_asked(case, item, seen, None).guessed(case, item)
            }
            (Some(ReturnKind::Cir) | None, _) => cir_asked(case, item, seen, None),
        },
        Status::ReturnCancelled => return_withdrawn(case, item, seen, kind),
        _ => match kind {
            Some(ReturnKind::Rto) => rto_back(case, item, all, seen),
            Some(ReturnKind::Cir) => cir_back(case, item, all, seen),
            None if open_cir_of(case, item, seen).is_some() => cir_back(case, item, all, seen),
            None => match case.standing(item) {
                Standing::Delivered => cir_back(case, item, all, seen).guessed(case, item),
                Standing::Sent => rto_back(case, item, all, seen).guessed(case, item),
                _ => rto_back(case, item, all, seen),
            },
        },
    }
}

impl Verdict {
    /// R15: the kind was not told; what was made of it is flagged.
    fn guessed(self, case: &mut Case<'_>, item: ItemIndex) -> Verdict {
        if self.outcome == Outcome::Applied {
            flag(case, item, "the kind of return was guessed");
        }
        self.after(&[Row::R15])
    }
}

fn flag(case: &mut Case<'_>, item: ItemIndex, text: &str) {
    let code = case.code_of(item);
    if let Some(ret) = case.file.order.returns.iter_mut().rev().find(|ret| ret.items.contains(&code)) {
        ret.flag = Some(text.to_owned());
    }
}

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
fn rto_begun(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
    if let Some(verdict) = case.decided(Part::Return, item) {
        return verdict;
    }
    let Some(package) = case.package_of(item).map(|package| package.code.clone()) else {
        return Verdict::by(Outcome::Stale, Row::G8);
    };
    match case.standing(item) {
        Standing::ComingBack | Standing::Acknowledged => {
            fill_rto(case, &package, seen);
            return Verdict::by(Outcome::Unchanged, Row::R1);
        }
        Standing::Returned => {
            fill_rto(case, &package, seen);
            let row = if case.is_put_away(item) { Row::R16 } else { Row::G8 };
            return Verdict::by(Outcome::Stale, row);
        }
        Standing::Sent | Standing::Delivered => {}
        Standing::Open | Standing::Cancelled => return Verdict::by(Outcome::Unchanged, Row::G7),
    }
    let stage = case.package(&package).map(|package| package.status.stage());
    let was_delivered = stage == Some(Stage::Delivered);
    if was_delivered {
        let delivered_at = case.package(&package).and_then(|package| package.delivered_at);
        if matches!((seen.at, delivered_at), (Some(turned), Some(delivered)) if turned <= delivered) {
            let text = "the way back is older than the delivery: it was tried again, and delivered";
            return Verdict::new(Outcome::Stale, Row::R17, text);
        }
    }
    let living = case.still_out(&package);
    let part = part_of(case, item, all, &package);
    let verdict = if part.len() < living.len() {
        conflicts::partial_return(case, &package, &part, &living, seen, Row::R11)
    } else {
        open_rto(case, &package, ReturnStatus::NotReceived, seen, None);
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

/// R2, R3, R11, R18: back at the seller, undelivered.
fn rto_back(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
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
            fill_rto(case, &package, seen);
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
        open_rto(case, &package, ReturnStatus::NotReceived, seen, None);
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
pub(super) fn open_rto(
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
        fill_rto(case, package, seen);
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

/// R14: a return of a package that has no invoice here is recorded all the same, for a person to see to.
fn note_missing_invoice(case: &mut Case<'_>, package: &PackageCode) {
    if case.live_invoice(package).is_none() {
        case.attention(format!("package {package} has no invoice here: its return has no return invoice"));
    }
}

/// Reason, waybill and courier of the way back. An RTO's reason falls back to the raw text, its courier to the forward one.
fn return_data(seen: &Observation, is_rto: bool) -> (Option<String>, Option<String>, Option<String>) {
    let ret = seen.ret.clone().unwrap_or_default();
    let full = |text: Option<String>| text.filter(|text| !text.is_empty());
    let raw = Some(seen.raw.clone()).filter(|_| is_rto);
    let courier = seen.courier.clone().filter(|_| is_rto);
    (full(ret.reason).or(full(raw)), full(ret.awb), full(ret.courier).or(full(courier)))
}

fn fill_rto(case: &mut Case<'_>, package: &PackageCode, seen: &Observation) {
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

fn fill_return(case: &mut Case<'_>, place: usize, seen: &Observation, is_rto: bool) -> bool {
    let (reason, awb, courier) = return_data(seen, is_rto);
    let ret = &mut case.file.order.returns[place];
    let mut filled = Vec::new();
    for (field, slot, value) in [
        ("reason", &mut ret.reason, reason),
        ("AWB", &mut ret.awb, awb),
        ("courier", &mut ret.courier, courier),
    ] {
        if slot.as_deref().is_none_or(str::is_empty)
            && let Some(value) = value
        {
            *slot = Some(value.clone());
            filled.push((field, value));
        }
    }
    let of = format!("return {}", ret.code);
    let any = !filled.is_empty();
    for (field, value) in filled {
        case.push(Effect::Filled { of: of.clone(), field: field.to_owned(), value });
    }
    any
}

/// Marks the RTO of a package received once all its putaways are complete.
pub(super) fn receive_if_put_away(case: &mut Case<'_>, package: &PackageCode) {
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

/// The code under which a customer return of this package is kept when the marketplace gives none.
fn own_code(package: &PackageCode) -> String {
    format!("CIR-{package}")
}

fn return_id(seen: &Observation) -> Option<&str> {
    seen.ret.as_ref().and_then(|ret| ret.id.as_deref()).filter(|id| !id.is_empty())
}

/// The customer return that an observation means for a unit: by id and package. One without an id is the open one that
/// the unit is in, else the package's nameless one.
fn cir_of(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> Option<usize> {
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
                && (!only_nameless || ret.code == own_code(package))
        })
    };
    match return_id(seen) {
        Some(id) => by_code(id).or_else(|| open_with_unit(true)),
        None => open_with_unit(false).or_else(|| by_code(&own_code(package))),
    }
}

fn open_cir_of(case: &Case<'_>, item: ItemIndex, seen: &Observation) -> Option<usize> {
    cir_of(case, item, seen).filter(|&place| case.file.order.returns[place].status.is_open())
}

/// R4, R9: the buyer sends it back.
fn cir_asked(
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
            if let Some(place) = cir_of(case, item, seen) {
                fill_return(case, place, seen, false);
                return Verdict::by(Outcome::Unchanged, Row::R9);
            }
            let row = if case.is_put_away(item) { Row::R16 } else { Row::G8 };
            return Verdict::by(Outcome::Stale, row);
        }
    }
    let code = case.code_of(item);
    if let Some(place) = cir_of(case, item, seen) {
        return known_cir(case, item, place, seen);
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
    });
    let place = case.file.order.returns.len() - 1;
    push_return(case, place);
    Verdict::new(Outcome::Applied, Row::R4, format!("the buyer sends item {code} back, return {id}"))
}

/// A return that is known: blanks are filled in, further units join it, and one without an id may begin again.
fn known_cir(case: &mut Case<'_>, item: ItemIndex, place: usize, seen: &Observation) -> Verdict {
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

fn push_return(case: &mut Case<'_>, place: usize) {
    let ret = &case.file.order.returns[place];
    let effect =
        Effect::Return { kind: ret.kind, code: ret.code.clone(), to: ret.status, items: ret.items.clone() };
    case.push(effect);
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
fn cir_back(case: &mut Case<'_>, item: ItemIndex, all: &[ItemIndex], seen: &Observation) -> Verdict {
    match case.standing(item) {
        Standing::Sent | Standing::Delivered => {}
        Standing::Returned => {
            if let Some(place) = cir_of(case, item, seen) {
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
        if open_cir_of(case, member, seen).is_none() {
            reopen_withdrawn(case, member, seen);
            let asked = cir_asked(case, member, seen, None);
            if member == item && open_cir_of(case, item, seen).is_none() {
                return asked;
            }
        }
    }
    let Some(place) = open_cir_of(case, item, seen) else { return Verdict::by(Outcome::Unchanged, Row::R9) };
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
    let verdict = match complete_cir(case, place, &members) {
        Ok(verdict) | Err(verdict) => verdict,
    };
    for other in members {
        case.decide(Part::Return, other, verdict.clone());
    }
    verdict
}

/// A return that was withdrawn and comes back all the same: that the goods are here counts for more.
fn reopen_withdrawn(case: &mut Case<'_>, item: ItemIndex, seen: &Observation) {
    if let Some(place) = cir_of(case, item, seen)
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
fn complete_cir(case: &mut Case<'_>, place: usize, members: &[ItemIndex]) -> Result<Verdict, Verdict> {
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
    let number = draw_invoice(case, &owner, SequenceKind::SaleReturnInvoice, Row::R6)?;
    let now: Millis = case.policy.now;
    case.add_invoice(Invoice {
        owner,
        kind: SequenceKind::SaleReturnInvoice,
        financial_year: time::financial_year(now),
        number: number.clone(),
        package: package.clone(),
        status: InvoiceStatus::Generated,
        date: time::india_date(now),
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
fn return_withdrawn(
    case: &mut Case<'_>,
    item: ItemIndex,
    seen: &Observation,
    kind: Option<ReturnKind>,
) -> Verdict {
    if kind == Some(ReturnKind::Rto) {
        // A way back that is called off ends in a delivery, which the marketplace reports as such (L3).
        return Verdict::by(Outcome::Unchanged, Row::R12);
    }
    let Some(place) = cir_of(case, item, seen) else {
        if case.standing(item) == Standing::Returned {
            return Verdict::by(Outcome::Stale, Row::R12);
        }
        // Withdrawn before it was heard of: kept, so that the request, coming late, opens nothing.
        let verdict = cir_asked(case, item, seen, Some(ReturnStatus::Canceled));
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
