//! Rows R1–R18: what comes back. An RTO is a whole package that was not delivered ([`rto`]); a customer return is any units
//! that a buyer sends back ([`cir`]). Goods count as stock again only when they are put away.

mod cir;
mod rto;

use plugin_api::{Observation, ReturnKind, Status};

use super::{
    Code, Fact, Outcome, Part, Row, Verdict,
    case::{Case, ItemIndex, Standing},
    conflicts,
    dispatch::{ensure_sent, summary},
    select,
};
use crate::domain::{codes::PackageCode, effect::Effect};

pub(super) use rto::{open as open_rto, receive_if_put_away};

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
        Status::CourierReturn => rto::begun(case, item, all, seen),
        Status::RtoInitiated => {
            let rows: &[Row] = if by_courier { &[Row::K3] } else { &[] };
            rto::begun(case, item, all, seen).after(rows)
        }
        Status::RtoDelivered => {
            let rows: &[Row] = if by_courier || coming_back { &[Row::K4] } else { &[] };
            rto::back(case, item, all, seen).after(rows)
        }
        Status::ReturnRequested => match (kind, case.standing(item)) {
            (Some(ReturnKind::Rto), _) => rto::begun(case, item, all, seen),
            // The word itself means a buyer's return, unless the fact has return data that leaves the kind open.
            (None, Standing::Sent) if seen.ret.is_some() => {
                rto::begun(case, item, all, seen).guessed(case, item)
            }
            (None, Standing::Delivered) if seen.ret.is_some() => {
                cir::asked(case, item, seen, None).guessed(case, item)
            }
            (Some(ReturnKind::Cir) | None, _) => cir::asked(case, item, seen, None),
        },
        Status::ReturnCancelled => cir::withdrawn(case, item, seen, kind),
        _ => match kind {
            Some(ReturnKind::Rto) => rto::back(case, item, all, seen),
            Some(ReturnKind::Cir) => cir::back(case, item, all, seen),
            None if cir::open_of(case, item, seen).is_some() => cir::back(case, item, all, seen),
            None => match case.standing(item) {
                Standing::Delivered => cir::back(case, item, all, seen).guessed(case, item),
                Standing::Sent => rto::back(case, item, all, seen).guessed(case, item),
                _ => rto::back(case, item, all, seen),
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

fn fill_return(case: &mut Case<'_>, place: usize, seen: &Observation, is_rto: bool) {
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
    for (field, value) in filled {
        case.push(Effect::Filled { of: of.clone(), field: field.to_owned(), value });
    }
}

fn push_return(case: &mut Case<'_>, place: usize) {
    let ret = &case.file.order.returns[place];
    let effect =
        Effect::Return { kind: ret.kind, code: ret.code.clone(), to: ret.status, items: ret.items.clone() };
    case.push(effect);
}
