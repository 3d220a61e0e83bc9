//! What observations do to one order: the rules, as a function of state and facts.
//!
//! ```text
//! facts of one answer ─┬─ guards: applied before? ours to sync? item known? word known?
//!                      ├─ cancellations
//!                      ├─ panel notes
//!                      ├─ dispatches
//!                      ├─ deliveries and courier words   (a missed dispatch is made up for first)
//!                      ├─ returns                        (the same)
//!                      └─ conflicts that no longer stand are closed, the order's status is derived
//! ```
//!
//! One file for each table of rules: `guards`, `cancel`, `dispatch`, `deliver`, `returns`; what people decide is
//! in [`people`]. Every answer names its row. Nothing here reads a clock, waits or stores: the caller keeps what comes
//! out, in one transaction.
//!
//! A package with its items is one group: all of a group's changes happen or none. A group that is refused leaves no
//! trace; the rest of the answer goes on.

mod cancel;
mod case;
mod conflicts;
mod deliver;
mod dispatch;
mod guards;
pub mod matrix;
mod outcome;
pub mod people;
mod returns;
mod rows;
mod select;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plugin_api::{InvoiceNumbering, Millis, Observation, ShippedBy, Status};

pub use outcome::{Code, Outcome, Verdict};
pub use rows::Row;

use self::{case::Case, guards::Guarded};
use super::{
    codes::{ChannelCode, FacilityCode, OwnerCode},
    effect::Effect,
    ledger::Ledger,
    order::Item,
    snapshot::{OrderFile, Traceability},
};

/// What the rules may know of channel, connector and run.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The channel.
    pub channel: ChannelCode,
    /// Who ships orders that do not say so themselves.
    pub shipping: Option<ShippedBy>,
    /// Who numbers sale invoices.
    pub invoice_numbering: InvoiceNumbering,
    /// For items without a facility.
    pub default_facility: Option<FacilityCode>,
    /// The legal seller whose series are used instead of the facility's.
    pub billing_party: Option<OwnerCode>,
    /// Whether the channel's word on delivery counts although the seller ships.
    pub trust_delivery: bool,
    /// What the connector declares that it can report.
    pub capabilities: BTreeSet<(Status, ShippedBy)>,
    /// How facilities know their units.
    pub traceability: HashMap<FacilityCode, Traceability>,
    /// How far back a return event may lie.
    pub return_window_ms: i64,
    /// The run's time.
    pub now: Millis,
}

/// One observation of an answer.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What was said.
    pub observation: Observation,
    /// For a fact that has waited: when it was first seen. Return windows are measured from here.
    pub seen_at: Option<Millis>,
}

impl Fact {
    /// A fact of this run.
    pub fn new(observation: Observation) -> Self {
        Fact { observation, seen_at: None }
    }
}

/// What became of an answer.
#[derive(Clone, Debug)]
pub struct Decision {
    /// One verdict a fact, in the order of the facts.
    pub verdicts: Vec<Verdict>,
    /// What each fact changed; shared changes stand with the first fact of their group.
    pub effects: Vec<Vec<Effect>>,
    /// The order afterwards, if anything of it changed.
    pub file: Option<OrderFile>,
}

/// Applies one answer about one order.
///
/// # Idempotency
/// The same facts again change nothing: what was applied is known by its content.
pub fn apply(file: &OrderFile, ledger: &mut Ledger, policy: &Policy, facts: &[Fact]) -> Decision {
    let mut case = Case::new(file.clone(), ledger, policy);
    let (verdicts, effects) = run(&mut case, facts, true, &file.order.items);
    Decision { verdicts, effects, file: (case.file != *file).then_some(case.file) }
}

/// Decides on facts about an order that is not known: they wait, unless they are not ours to sync anyway.
pub fn unknown_order(policy: &Policy, observation: &Observation) -> Verdict {
    guards::without_order(policy, observation)
}

/// The part of the answer that each group of facts belongs to, in the order in which the parts are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Cancel,
    Note,
    Dispatch,
    Deliver,
    Return,
}

const PARTS: [Part; 5] = [Part::Cancel, Part::Note, Part::Dispatch, Part::Deliver, Part::Return];

/// The part that a status belongs to, and its place within the part.
fn place(status: Status) -> (Part, u8) {
    match status {
        Status::Created | Status::PendingVerification | Status::Packed | Status::ReadyToShip => {
            (Part::Note, 0)
        }
        Status::Unmapped => (Part::Note, 1),
        Status::Cancelled => (Part::Cancel, 0),
        Status::Dispatched | Status::Complete => (Part::Dispatch, 0),
        Status::InTransit => (Part::Deliver, 0),
        Status::OutForDelivery => (Part::Deliver, 1),
        Status::Undelivered => (Part::Deliver, 2),
        Status::Lost | Status::Damaged => (Part::Deliver, 3),
        Status::Delivered => (Part::Deliver, 4),
        Status::CourierReturn | Status::RtoInitiated => (Part::Return, 0),
        Status::ReturnRequested => (Part::Return, 1),
        Status::RtoDelivered | Status::Returned => (Part::Return, 2),
        Status::ReturnCancelled => (Part::Return, 3),
    }
}

/// Whether a status tells that goods come back, or do not come back after all.
pub fn is_of_a_return(status: Status) -> bool {
    place(status).0 == Part::Return
}

/// Runs the parts over the facts: a verdict and the effects of each. `remember` keeps what was applied, so that it is known
/// again; `before` are the items as they were.
fn run(
    case: &mut Case<'_>,
    facts: &[Fact],
    remember: bool,
    before: &[Item],
) -> (Vec<Verdict>, Vec<Vec<Effect>>) {
    let mut verdicts: Vec<Option<Verdict>> = Vec::with_capacity(facts.len());
    let mut work: Vec<(usize, Status)> = Vec::new();
    let mut effects: BTreeMap<usize, Vec<Effect>> = BTreeMap::new();
    for (index, fact) in facts.iter().enumerate() {
        let guarded = guards::check(case, fact, remember);
        effects.insert(index, case.take_effects());
        match guarded {
            Guarded::Decided(verdict) => verdicts.push(Some(verdict)),
            Guarded::Goes(status) => {
                verdicts.push(None);
                work.push((index, status));
            }
        }
    }
    case.read_answer(facts, &work);
    for part in PARTS {
        let mut here: Vec<_> = work.iter().filter(|(_, status)| place(*status).0 == part).collect();
        here.sort_by_key(|(index, status)| (place(*status).1, *index));
        if part == Part::Dispatch {
            case.read_sent(facts, &work);
        }
        for (index, status) in here {
            let fact = &facts[*index];
            let verdict = match part {
                Part::Note => deliver::note(case, &fact.observation, *status),
                Part::Cancel => cancel::apply(case, &fact.observation),
                Part::Dispatch => dispatch::apply(case, &fact.observation),
                Part::Deliver => deliver::apply(case, &fact.observation, *status),
                Part::Return => returns::apply(case, fact, *status),
            };
            let verdict = case.accompany(verdict);
            // A courier's word, told again, must not take the place of a later one; so it counts even if it was known.
            let courier = matches!(verdict.rows.last(), Some(Row::K1 | Row::K2 | Row::K5));
            let counts =
                verdict.outcome == Outcome::Applied || verdict.outcome == Outcome::Unchanged && courier;
            if counts && remember {
                case.remember(&fact.observation);
            }
            effects.entry(*index).or_default().extend(case.take_effects());
            verdicts[*index] = Some(verdict);
        }
    }
    conflicts::settle(case);
    if case.file.order.items != before {
        case.derive_order_status();
    }
    let rest = case.take_effects();
    if !rest.is_empty() {
        let at = work.iter().map(|(index, _)| *index).find(|index| {
            verdicts[*index].as_ref().is_some_and(|verdict| verdict.outcome == Outcome::Applied)
        });
        effects.entry(at.or(work.first().map(|(index, _)| *index)).unwrap_or(0)).or_default().extend(rest);
    }
    let unchanged = || Verdict::by(Outcome::Unchanged, Row::G7);
    (
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(unchanged)).collect(),
        (0..facts.len()).map(|index| effects.remove(&index).unwrap_or_default()).collect(),
    )
}
