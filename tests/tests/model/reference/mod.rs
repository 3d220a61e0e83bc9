//! What must become of an order: the rules once more, as plainly as they can be said, over units and parcels in memory.
//!
//! It knows no codes, numbers, records, effects, rows or sentences, and it shares nothing with the program but the names
//! of states. Where the program is quick or careful, this is slow and plain: it copies itself whole before what may be
//! refused, and looks everything up by going through the list.

mod back;
mod hearing;
mod out;
mod people;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plugin_api::{ShippedBy, Status};
use statusync::domain::{
    apply::Code,
    invoice::SequenceKind,
    order::{ItemStatus, PackageStatus, Stage},
};

use crate::history::{History, Of, Said, State};

/// What becomes of a fact, gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Refused,
    Conflict,
    Applied,
    Parked,
    /// Unchanged, stale or ignored.
    Nothing,
}

/// Where a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Open,
    Sent,
    Delivered,
    ComingBack,
    Returned,
    Cancelled,
}
use Place::{Cancelled, ComingBack, Delivered, Open, Returned, Sent};

#[derive(Clone)]
pub(crate) struct Unit {
    pub(crate) product: usize,
    pub(crate) parcel: Option<usize>,
    is: Place,
    pub(crate) blocked: bool,
    /// It has to be put away: because it came back, or because it never left.
    pub(crate) due: Option<bool>,
    pub(crate) credited: bool,
    cancelled_on: Option<u8>,
}

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts of a parcel")]
struct Parcel {
    stage: Stage,
    picked: bool,
    invoiced: bool,
    held: bool,
    moved: bool,
    courier: Option<Status>,
    delivered_on: Option<u8>,
    turned_on: Option<u8>,
    /// What the buyer sends back of it, and whether that is open, withdrawn or back.
    buyers: Option<(BTreeSet<usize>, Buyers)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Buyers {
    Open,
    Withdrawn,
    Back,
}

/// A question to a person.
#[derive(Clone, Default)]
pub(crate) struct Question {
    pub(crate) open: bool,
    /// Accepted or kept.
    decision: Option<bool>,
    units: BTreeSet<usize>,
    facts: Vec<Said>,
}

/// One answer as a whole.
#[derive(Default)]
struct Answer {
    /// Units that it names by item or product.
    own: BTreeSet<usize>,
    cancelled: BTreeSet<usize>,
    back: BTreeSet<usize>,
    /// The fact for whose sake a unit counts as sent.
    sent: BTreeMap<usize, Said>,
    /// Words of a courier that counted, if only as known.
    courier: HashSet<Said>,
    /// What was decided on a unit as one of a group.
    decided: BTreeMap<(Part, usize), (Class, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Cancel,
    Note,
    Send,
    Deliver,
    Return,
}

#[derive(Clone)]
pub(crate) struct Reference {
    channel_ships: bool,
    pub(crate) units: Vec<Unit>,
    parcels: Vec<Parcel>,
    pub(crate) on_hand: [i64; 2],
    pub(crate) shortfall: [i64; 2],
    pub(crate) invoices: usize,
    pub(crate) withdrawn_invoices: usize,
    missing: Option<SequenceKind>,
    applied: HashSet<Said>,
    pub(crate) waiting: Vec<Said>,
    /// By cause and by the unit or parcel that they are about, oldest first.
    pub(crate) questions: Vec<((Code, usize), Question)>,
}

fn part_of(status: Status) -> (Part, u8) {
    use Status as S;
    match status {
        S::Cancelled => (Part::Cancel, 0),
        S::Dispatched | S::Complete => (Part::Send, 0),
        S::InTransit => (Part::Deliver, 0),
        S::OutForDelivery => (Part::Deliver, 1),
        S::Undelivered => (Part::Deliver, 2),
        S::Lost | S::Damaged => (Part::Deliver, 3),
        S::Delivered => (Part::Deliver, 4),
        S::CourierReturn | S::RtoInitiated => (Part::Return, 0),
        S::ReturnRequested => (Part::Return, 1),
        S::RtoDelivered | S::Returned => (Part::Return, 2),
        S::ReturnCancelled => (Part::Return, 3),
        _ => (Part::Note, 0),
    }
}

impl Reference {
    pub(crate) fn new(history: &History) -> Reference {
        let mut all = Reference {
            channel_ships: history.shipped_by == ShippedBy::Channel,
            units: Vec::new(),
            parcels: Vec::new(),
            on_hand: history.free,
            shortfall: [0, 0],
            invoices: 0,
            withdrawn_invoices: 0,
            missing: history.missing.map(|(kind, _)| kind),
            applied: HashSet::new(),
            waiting: Vec::new(),
            questions: Vec::new(),
        };
        for start in &history.parcels {
            let (is, parcel) = match start.state {
                State::Loose(ItemStatus::Cancelled) => (Cancelled, None),
                State::Loose(_) => (Open, None),
                State::Packed(status) => {
                    let is = match status.stage() {
                        Stage::Sent => Sent,
                        Stage::Delivered => Delivered,
                        _ => Open,
                    };
                    let invoiced = status.stage() > Stage::BeforePacked;
                    all.invoices += usize::from(invoiced);
                    let picked = status == PackageStatus::Picked;
                    (is, Some(all.make_parcel(status.stage(), picked, invoiced)))
                }
            };
            for &product in &start.products {
                let blocked = start.state.is_blocked();
                all.on_hand[product] += i64::from(blocked);
                all.units.push(Unit {
                    product,
                    parcel,
                    is,
                    blocked,
                    due: None,
                    credited: false,
                    cancelled_on: None,
                });
            }
        }
        all
    }

    fn make_parcel(&mut self, stage: Stage, picked: bool, invoiced: bool) -> usize {
        self.parcels.push(Parcel {
            stage,
            picked,
            invoiced,
            held: false,
            moved: false,
            courier: None,
            delivered_on: None,
            turned_on: None,
            buyers: None,
        });
        self.parcels.len() - 1
    }

    pub(crate) fn place(&self, unit: usize) -> Place {
        let of = &self.units[unit];
        match (of.is, of.parcel.map(|parcel| self.parcels[parcel].stage)) {
            (Sent | Delivered, Some(Stage::ComingBack)) => ComingBack,
            (is, _) => is,
        }
    }

    /// The units of a parcel that are not cancelled.
    pub(crate) fn living(&self, parcel: usize) -> BTreeSet<usize> {
        (0..self.units.len())
            .filter(|&u| self.units[u].parcel == Some(parcel) && self.units[u].is != Cancelled)
            .collect()
    }

    fn still_out(&self, parcel: usize) -> BTreeSet<usize> {
        self.living(parcel).into_iter().filter(|&u| self.units[u].is != Returned).collect()
    }

    pub(crate) fn courier(&self, unit: usize) -> Option<Status> {
        self.parcels[self.units[unit].parcel?].courier
    }

    fn named(&self, said: &Said, own: &BTreeSet<usize>) -> Vec<usize> {
        let all = 0..self.units.len();
        let mut units: Vec<usize> = match said.of {
            Of::Order => all.filter(|unit| !own.contains(unit)).collect(),
            Of::Unit(unit) => vec![unit],
            Of::Product(product, _) => all.filter(|&unit| self.units[unit].product == product).collect(),
            Of::Stranger => Vec::new(),
        };
        if let Of::Product(_, Some(quantity)) = said.of {
            units.sort_by_key(|&unit| self.distance(said, unit));
            units.truncate(quantity as usize);
        } else if said.status != Some(Status::Cancelled)
            && units.iter().any(|&u| self.units[u].is != Cancelled)
        {
            units.retain(|&unit| self.units[unit].is != Cancelled);
        }
        units
    }

    /// "Two are delivered": those that are, then those that are nearest to it; among like ones the first.
    fn distance(&self, said: &Said, unit: usize) -> (usize, i8, usize) {
        let place = self.place(unit);
        let order: &[&[Place]] = match said.status {
            Some(Status::Cancelled) => {
                &[&[Cancelled], &[Open], &[Sent], &[ComingBack], &[Delivered], &[Returned]]
            }
            Some(Status::Delivered) => {
                &[&[Delivered], &[Sent], &[ComingBack], &[Returned], &[Open], &[Cancelled]]
            }
            Some(status) => match part_of(status).0 {
                Part::Note => &[&[Open], &[Sent, Delivered, ComingBack, Returned], &[Cancelled]],
                Part::Deliver => &[&[Sent], &[Delivered], &[ComingBack], &[Returned], &[Open], &[Cancelled]],
                Part::Return => &[&[ComingBack, Returned], &[Sent], &[Delivered], &[Open], &[Cancelled]],
                _ => &[&[Sent, Delivered, ComingBack, Returned], &[Open], &[Cancelled]],
            },
            None => &[],
        };
        let how_far = |parcel: &Parcel| match parcel.stage {
            Stage::Gone => 0,
            stage => 1 + 2 * stage as i8 + i8::from(parcel.moved),
        };
        let parcel = self.units[unit].parcel.map(|parcel| &self.parcels[parcel]);
        let far = parcel.map_or(0, how_far) + 20 * place as i8;
        let least = matches!(said.status.map(|status| part_of(status).0), Some(Part::Cancel | Part::Note));
        let group = order.iter().position(|places| places.contains(&place)).unwrap_or(order.len());
        (group, if least { far } else { -far }, unit)
    }

    /// What needs a person, with the units that it is about.
    pub(crate) fn open_questions(&self) -> Vec<String> {
        let open = self.questions.iter().filter(|(_, question)| question.open);
        open.map(|((cause, _), question)| {
            let units: Vec<String> = question.units.iter().map(|unit| (unit + 1).to_string()).collect();
            format!("{} {}", cause.as_str(), units.join("+"))
        })
        .collect()
    }

    fn ask(&mut self, cause: Code, about: usize, units: BTreeSet<usize>, said: &Said) -> Class {
        let place = match self.questions.iter().rposition(|(key, _)| *key == (cause, about)) {
            Some(place) => match self.questions[place].1.decision {
                Some(true) if self.questions[place].1.facts.contains(said) => return Class::Nothing,
                Some(true) => None,
                _ => Some(place),
            },
            None => None,
        };
        let place = place.unwrap_or_else(|| {
            self.questions.push(((cause, about), Question::default()));
            self.questions.len() - 1
        });
        let question = &mut self.questions[place].1;
        let kept = question.decision == Some(false);
        let of_parcel = matches!(cause, Code::PartialCourierReturn | Code::PartialDispatchOfInvoicedShipment);
        if !kept || of_parcel {
            question.units.extend(units);
            let timeless = |fact: &Said| Said { day: None, ..*fact };
            if !question.facts.iter().any(|known| timeless(known) == timeless(said)) {
                question.facts.push(*said);
            }
        }
        question.open |= !kept;
        if kept { Class::Nothing } else { Class::Conflict }
    }

    /// The units of a parcel that a question has heard of.
    fn heard(&self, cause: Code, parcel: usize) -> BTreeSet<usize> {
        let about = self.questions.iter().filter(|(key, _)| *key == (cause, parcel));
        let counts = about.filter(|(_, question)| question.open || question.decision == Some(false));
        let units: BTreeSet<usize> = counts.flat_map(|(_, question)| question.units.clone()).collect();
        units.intersection(&self.living(parcel)).copied().collect()
    }

    /// Questions that the facts have answered are closed.
    fn settle(&mut self) {
        for place in 0..self.questions.len() {
            let ((cause, about), _) = self.questions[place];
            let stands = match cause {
                Code::CancelAfterDelivery => self.units[about].is == Delivered,
                Code::PartialDispatchOfInvoicedShipment => self.parcels[about].stage == Stage::Packed,
                Code::PartialCourierReturn => {
                    matches!(self.parcels[about].stage, Stage::Sent | Stage::Delivered)
                }
                Code::ReturnCancelledAfterReceipt => true,
                _ => self.units[about].is == Cancelled,
            };
            self.questions[place].1.open &= stands;
        }
    }
}

fn later(one: Option<u8>, other: Option<u8>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one > other)
}

fn decide(answer: &mut Answer, part: Part, units: &BTreeSet<usize>, class: Class, flag: bool) -> Class {
    answer.decided.extend(units.iter().map(|&unit| ((part, unit), (class, flag))));
    class
}
