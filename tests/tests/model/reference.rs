//! What must become of an order: the rules once more, as plainly as they can be said, over units and parcels in memory.
//!
//! It knows no codes, numbers, records, effects, rows or sentences, and it shares nothing with the program but the names
//! of states. Where the program is quick or careful, this is slow and plain: it copies itself whole before what may be
//! refused, and looks everything up by going through the list.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plugin_api::{ReturnKind, ShippedBy, Status};
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

    // ---- looking

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
            Some(Status::Cancelled) => &[&[Cancelled], &[Open], &[Sent], &[Delivered, ComingBack, Returned]],
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

    // ---- hearing

    /// Something begins: what waits is tried again, as one answer.
    pub(crate) fn retry(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.waiting);
        let classes = self.run(&waiting, true);
        let still = waiting.into_iter().zip(classes);
        self.waiting = still
            .filter(|(_, class)| matches!(class, Class::Refused | Class::Parked))
            .map(|(said, _)| said)
            .collect();
    }

    pub(crate) fn hear(&mut self, facts: &[Said]) -> Vec<Class> {
        let classes = self.run(facts, true);
        for (said, class) in facts.iter().zip(&classes) {
            if matches!(class, Class::Refused | Class::Parked) && !self.waiting.contains(said) {
                self.waiting.push(*said);
            }
        }
        classes
    }

    pub(crate) fn define(&mut self) {
        self.missing = None;
    }

    fn run(&mut self, facts: &[Said], remembers: bool) -> Vec<Class> {
        let mut classes = vec![Class::Nothing; facts.len()];
        let mut fresh: Vec<(Part, u8, usize)> = Vec::new();
        let mut answer = Answer::default();
        for (place, said) in facts.iter().enumerate() {
            let Some(status) = said.status.filter(|status| *status != Status::Unmapped) else {
                if said.of == Of::Stranger
                    || self.named(said, &BTreeSet::new()).is_empty() && !self.has_product(said)
                {
                    classes[place] = Class::Parked;
                }
                continue;
            };
            if said.of == Of::Stranger || !self.has_product(said) {
                classes[place] = Class::Parked;
                continue;
            }
            if said.of != Of::Order {
                answer.own.extend(self.named(said, &BTreeSet::new()));
            }
            if !(remembers && self.applied.contains(said)) {
                let (part, turn) = part_of(status);
                fresh.push((part, turn, place));
            }
        }
        let is_sending = |part: Part| matches!(part, Part::Send | Part::Deliver | Part::Return);
        for (part, _, place) in &fresh {
            let named = self.named(&facts[*place], &answer.own);
            match part {
                Part::Cancel => answer.cancelled.extend(named),
                Part::Return
                    if !matches!(
                        facts[*place].status,
                        Some(Status::ReturnRequested | Status::ReturnCancelled)
                    ) =>
                {
                    answer.back.extend(named);
                }
                _ => {}
            }
        }
        let mut turns = fresh.clone();
        turns.sort_unstable();
        let mut reads_sent = true;
        for (part, _, place) in turns {
            if is_sending(part) && std::mem::take(&mut reads_sent) {
                let first = fresh.iter().filter(|(part, ..)| *part == Part::Send);
                let then = fresh.iter().filter(|(part, ..)| is_sending(*part) && *part != Part::Send);
                for (_, _, place) in first.chain(then) {
                    for unit in self.named(&facts[*place], &answer.own) {
                        answer.sent.entry(unit).or_insert(facts[*place]);
                    }
                }
            }
            let said = &facts[place];
            let named = self.named(said, &answer.own);
            let mut class = Class::Nothing;
            for &unit in &named {
                class = class.min(match part {
                    Part::Cancel => self.cancel(unit, said, &mut answer),
                    Part::Note => self.note(unit, said),
                    Part::Send => self.dispatch(unit, said, &mut answer),
                    Part::Deliver => self.deliver(unit, said, &named, &mut answer),
                    Part::Return => {
                        let before = (self.clone(), answer.decided.clone());
                        let class = self.come_back(unit, said, &named, &mut answer);
                        if class == Class::Refused {
                            (*self, answer.decided) = before;
                        }
                        class
                    }
                });
            }
            classes[place] = class;
            if remembers
                && (class == Class::Applied || class == Class::Nothing && answer.courier.contains(said))
            {
                self.applied.insert(*said);
            }
        }
        self.settle();
        classes
    }

    fn has_product(&self, said: &Said) -> bool {
        !matches!(said.of, Of::Product(product, _) if self.units.iter().all(|unit| unit.product != product))
    }

    // ---- questions

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

    // ---- the five parts

    fn cancel(&mut self, unit: usize, said: &Said, answer: &mut Answer) -> Class {
        if let Some(&(class, _)) = answer.decided.get(&(Part::Cancel, unit)) {
            return class;
        }
        match (self.place(unit), self.units[unit].parcel) {
            (Cancelled, _) => {
                for ((cause, about), question) in &mut self.questions {
                    if *about == unit
                        && matches!(cause, Code::DispatchedButCancelledLocally | Code::ReopenedOnChannel)
                    {
                        question.open = false;
                    }
                }
                let on = &mut self.units[unit].cancelled_on;
                *on = on.or(said.day);
                Class::Nothing
            }
            (Open, None) => {
                self.call_off(unit, said, false);
                Class::Applied
            }
            (Open, Some(parcel)) => {
                let living = self.living(parcel);
                let part: BTreeSet<usize> =
                    living.iter().copied().filter(|u| *u == unit || answer.cancelled.contains(u)).collect();
                let packed = self.parcels[parcel].stage == Stage::Packed;
                for &unit in &part {
                    self.call_off(unit, said, packed || self.parcels[parcel].picked);
                    if !packed && part != living {
                        self.units[unit].parcel = None;
                    }
                }
                if part == living {
                    self.withdraw_invoice(parcel);
                    self.parcels[parcel].stage = Stage::Gone;
                } else {
                    self.parcels[parcel].held |= packed;
                }
                decide(answer, Part::Cancel, &part, Class::Applied, false)
            }
            (Sent, Some(parcel)) => {
                let out = self.still_out(parcel);
                let mut part = self.heard(Code::PartialCourierReturn, parcel);
                part.extend(out.iter().filter(|u| **u == unit || answer.cancelled.contains(u)));
                let class = if out.is_subset(&part) {
                    self.parcels[parcel].stage = Stage::ComingBack;
                    self.parcels[parcel].turned_on = said.day;
                    Class::Applied
                } else {
                    self.ask(Code::PartialCourierReturn, parcel, part.clone(), said)
                };
                decide(answer, Part::Cancel, &part, class, false)
            }
            (Delivered, Some(parcel)) if !self.buyer_returns(unit, parcel) => {
                self.ask(Code::CancelAfterDelivery, unit, BTreeSet::from([unit]), said)
            }
            _ => Class::Nothing,
        }
    }

    fn buyer_returns(&self, unit: usize, parcel: usize) -> bool {
        self.parcels[parcel]
            .buyers
            .as_ref()
            .is_some_and(|(units, state)| *state == Buyers::Open && units.contains(&unit))
    }

    fn call_off(&mut self, unit: usize, said: &Said, in_hand: bool) {
        let unit = &mut self.units[unit];
        unit.is = Cancelled;
        unit.cancelled_on = said.day;
        if in_hand {
            unit.due = Some(false);
        } else {
            unit.blocked = false;
        }
    }

    fn withdraw_invoice(&mut self, parcel: usize) {
        self.withdrawn_invoices += usize::from(self.parcels[parcel].invoiced);
        self.parcels[parcel].invoiced = false;
    }

    fn note(&mut self, unit: usize, said: &Said) -> Class {
        match (self.units[unit].is, said.day, self.units[unit].cancelled_on) {
            (Cancelled, Some(now), Some(then)) if now > then => {
                self.ask(Code::ReopenedOnChannel, unit, BTreeSet::from([unit]), said)
            }
            _ => Class::Nothing,
        }
    }

    fn dispatch(&mut self, unit: usize, said: &Said, answer: &mut Answer) -> Class {
        match self.place(unit) {
            Cancelled => self.ask(Code::DispatchedButCancelledLocally, unit, BTreeSet::from([unit]), said),
            Open => self.send(unit, answer).err().unwrap_or(Class::Applied),
            Sent => answer.decided.get(&(Part::Send, unit)).map_or(Class::Nothing, |(class, _)| *class),
            _ => Class::Nothing,
        }
    }

    /// Sends a unit with those that go with it.
    fn send(&mut self, unit: usize, answer: &mut Answer) -> Result<(), Class> {
        if let Some(&(class, _)) = answer.decided.get(&(Part::Send, unit)) {
            return if class == Class::Applied { Ok(()) } else { Err(class) };
        }
        let from = self.units[unit].parcel;
        let mut group: BTreeSet<usize> = answer
            .sent
            .keys()
            .copied()
            .filter(|&u| self.place(u) == Open && self.units[u].parcel == from)
            .collect();
        group.insert(unit);
        let (mut needs_parcel, mut needs_invoice) = (from.is_none(), true);
        if let Some(parcel) = from {
            let living = self.living(parcel);
            let packed = self.parcels[parcel].stage == Stage::Packed;
            if packed {
                group.extend(self.heard(Code::PartialDispatchOfInvoicedShipment, parcel));
                needs_invoice = self.parcels[parcel].held || !self.parcels[parcel].invoiced;
            }
            if packed && group != living {
                let said = answer.sent[&unit];
                let class = self.ask(Code::PartialDispatchOfInvoicedShipment, parcel, group.clone(), &said);
                return Err(decide(answer, Part::Send, &group, class, false));
            }
            needs_parcel = group != living;
        }
        let lacks = match self.missing {
            Some(SequenceKind::SaleInvoice) => needs_invoice,
            Some(SequenceKind::ShippingPackage) => needs_parcel,
            _ => false,
        };
        if lacks {
            return Err(decide(answer, Part::Send, &group, Class::Refused, false));
        }
        let parcel = match from {
            Some(parcel) if !needs_parcel => parcel,
            _ => self.make_parcel(Stage::BeforePacked, false, false),
        };
        if needs_invoice {
            self.withdraw_invoice(parcel);
            self.parcels[parcel].invoiced = true;
            self.parcels[parcel].held = false;
            self.invoices += 1;
        }
        self.parcels[parcel].stage = Stage::Sent;
        for &unit in &group {
            let product = self.units[unit].product;
            let blocked = self.units.iter().filter(|u| u.product == product && u.blocked).count();
            let free = self.on_hand[product] - i64::try_from(blocked).unwrap();
            if self.units[unit].blocked || free > 0 {
                self.on_hand[product] -= 1;
            } else {
                self.shortfall[product] += 1;
            }
            let unit = &mut self.units[unit];
            (unit.is, unit.parcel, unit.blocked, unit.due) = (Sent, Some(parcel), false, None);
        }
        decide(answer, Part::Send, &group, Class::Applied, false);
        Ok(())
    }

    fn deliver(&mut self, unit: usize, said: &Said, named: &[usize], answer: &mut Answer) -> Class {
        if self.place(unit) == Cancelled {
            return self.ask(Code::DispatchedButCancelledLocally, unit, BTreeSet::from([unit]), said);
        }
        let mut implied = false;
        if self.place(unit) == Open {
            if let Err(class) = self.send(unit, answer) {
                return class;
            }
            implied = true;
        } else if answer.decided.contains_key(&(Part::Send, unit)) {
            implied = !matches!(answer.sent[&unit].status, Some(Status::Dispatched | Status::Complete));
        }
        let class = match (self.channel_ships, said.status, self.units[unit].parcel) {
            (true, Some(Status::Delivered), Some(parcel)) => self.delivered(unit, parcel, said),
            (true, Some(status), Some(parcel)) if self.place(unit) == Sent => {
                self.moves(unit, parcel, status, said, named, answer)
            }
            _ => Class::Nothing,
        };
        if implied { Class::Applied } else { class }
    }

    /// The courier's word; said twice in one answer it counts twice.
    fn moves(
        &mut self,
        unit: usize,
        parcel: usize,
        word: Status,
        said: &Said,
        named: &[usize],
        answer: &mut Answer,
    ) -> Class {
        let mates = self.living(parcel).into_iter().filter(|u| named.contains(u)).collect();
        let parcel = &mut self.parcels[parcel];
        answer.courier.insert(*said);
        if let (Some(&(class, _)), true) =
            (answer.decided.get(&(Part::Deliver, unit)), parcel.courier == Some(word))
        {
            return class;
        }
        let starts = matches!(word, Status::InTransit | Status::OutForDelivery) && !parcel.moved;
        let is_news = starts || parcel.courier != Some(word);
        parcel.moved |= starts;
        parcel.courier = Some(word);
        decide(answer, Part::Deliver, &mates, if is_news { Class::Applied } else { Class::Nothing }, false)
    }

    fn delivered(&mut self, unit: usize, parcel: usize, said: &Said) -> Class {
        match self.place(unit) {
            Sent => {
                self.units[unit].is = Delivered;
                if self.living(parcel).iter().all(|&u| matches!(self.units[u].is, Delivered | Returned)) {
                    self.parcels[parcel].stage = Stage::Delivered;
                    self.parcels[parcel].delivered_on = said.day;
                }
                Class::Applied
            }
            Delivered => {
                let on = &mut self.parcels[parcel].delivered_on;
                *on = (*on).max(said.day);
                Class::Nothing
            }
            ComingBack if later(said.day, self.parcels[parcel].turned_on) => {
                for unit in self.still_out(parcel) {
                    self.units[unit].is = Delivered;
                }
                self.parcels[parcel].stage = Stage::Delivered;
                self.parcels[parcel].delivered_on = said.day;
                Class::Applied
            }
            _ => Class::Nothing,
        }
    }

    fn come_back(&mut self, unit: usize, said: &Said, named: &[usize], answer: &mut Answer) -> Class {
        let only_told = said.status == Some(Status::RtoInitiated) && !self.channel_ships;
        let mut implied = false;
        match self.place(unit) {
            Cancelled => return self.ask(Code::ReturnOfCancelled, unit, BTreeSet::from([unit]), said),
            Open => {
                if let Err(class) = self.send(unit, answer) {
                    return class;
                }
                if only_told {
                    return Class::Applied;
                }
                implied = true;
            }
            _ if only_told => return Class::Nothing,
            _ => {
                if answer.decided.contains_key(&(Part::Send, unit)) {
                    implied =
                        answer.sent[&unit].status.is_some_and(|status| part_of(status).0 == Part::Return);
                }
            }
        }
        let Some(parcel) = self.units[unit].parcel else { return Class::Nothing };
        let class = match said.status {
            Some(Status::CourierReturn | Status::RtoInitiated) => {
                self.turns(unit, parcel, said, named, answer)
            }
            Some(Status::ReturnRequested) => self.buyer_asks(unit, parcel, Buyers::Open),
            Some(Status::ReturnCancelled) => self.buyer_withdraws(unit, parcel, said, answer),
            _ if said.kind == Some(ReturnKind::Rto) => self.is_back(unit, parcel, said, named, answer),
            _ => self.buyer_is_back(unit, parcel),
        };
        if implied && class > Class::Conflict { Class::Applied } else { class }
    }

    /// The units of a parcel that this answer, or an earlier question, says come back undelivered.
    fn turning(&self, unit: usize, parcel: usize, named: &[usize], answer: &Answer) -> BTreeSet<usize> {
        let heard = self.heard(Code::PartialCourierReturn, parcel);
        let says =
            |u: &usize| *u == unit || named.contains(u) || heard.contains(u) || answer.back.contains(u);
        self.still_out(parcel).into_iter().filter(says).collect()
    }

    fn turns(
        &mut self,
        unit: usize,
        parcel: usize,
        said: &Said,
        named: &[usize],
        answer: &mut Answer,
    ) -> Class {
        if self.place(unit) == ComingBack {
            let on = &mut self.parcels[parcel].turned_on;
            *on = on.map(|on| on.max(said.day.unwrap_or(0)));
        }
        if let Some(&(class, _)) = answer.decided.get(&(Part::Return, unit)) {
            return class;
        }
        match self.place(unit) {
            Sent | Delivered => {
                let was_delivered = self.parcels[parcel].stage == Stage::Delivered;
                if was_delivered && later(self.parcels[parcel].delivered_on, said.day) {
                    return Class::Nothing;
                }
                let part = self.turning(unit, parcel, named, answer);
                if part != self.still_out(parcel) {
                    let class = self.ask(Code::PartialCourierReturn, parcel, part.clone(), said);
                    return decide(answer, Part::Return, &part, class, false);
                }
                if was_delivered {
                    for &unit in &part {
                        self.units[unit].is = Sent;
                    }
                }
                self.parcels[parcel].stage = Stage::ComingBack;
                self.parcels[parcel].turned_on = said.day;
                decide(answer, Part::Return, &part, Class::Applied, true)
            }
            _ => Class::Nothing,
        }
    }

    fn is_back(
        &mut self,
        unit: usize,
        parcel: usize,
        said: &Said,
        named: &[usize],
        answer: &mut Answer,
    ) -> Class {
        if let Some(&(class, false)) = answer.decided.get(&(Part::Return, unit)) {
            return class;
        }
        let part = match self.place(unit) {
            ComingBack => self.still_out(parcel),
            Sent | Delivered => self.turning(unit, parcel, named, answer),
            _ => return Class::Nothing,
        };
        if part != self.still_out(parcel) {
            let class = self.ask(Code::PartialCourierReturn, parcel, part.clone(), said);
            return decide(answer, Part::Return, &part, class, false);
        }
        self.parcels[parcel].stage = Stage::Returned;
        for &unit in &part {
            self.units[unit].is = Returned;
            self.units[unit].due = Some(true);
        }
        decide(answer, Part::Return, &part, Class::Applied, false)
    }

    fn buyer_asks(&mut self, unit: usize, parcel: usize, state: Buyers) -> Class {
        if !matches!(self.place(unit), Sent | Delivered) {
            return Class::Nothing;
        }
        match &mut self.parcels[parcel].buyers {
            None => self.parcels[parcel].buyers = Some((BTreeSet::from([unit]), state)),
            Some((units, now)) => {
                if *now == Buyers::Withdrawn || !units.insert(unit) {
                    return Class::Nothing;
                }
                *now = Buyers::Open;
            }
        }
        Class::Applied
    }

    fn buyer_withdraws(&mut self, unit: usize, parcel: usize, said: &Said, answer: &mut Answer) -> Class {
        let Some((units, state)) = self.parcels[parcel].buyers.clone() else {
            return self.buyer_asks(unit, parcel, Buyers::Withdrawn);
        };
        if let Some(&(class, _)) = answer.decided.get(&(Part::Return, unit)) {
            return class;
        }
        match state {
            Buyers::Back if units.contains(&unit) => {
                let class = self.ask(Code::ReturnCancelledAfterReceipt, unit, BTreeSet::from([unit]), said);
                decide(answer, Part::Return, &units, class, false)
            }
            Buyers::Open => {
                self.parcels[parcel].buyers = Some((units.clone(), Buyers::Withdrawn));
                decide(answer, Part::Return, &units, Class::Applied, false)
            }
            _ => decide(answer, Part::Return, &units, Class::Nothing, false),
        }
    }

    fn buyer_is_back(&mut self, unit: usize, parcel: usize) -> Class {
        if !matches!(self.place(unit), Sent | Delivered) {
            return Class::Nothing;
        }
        if self.parcels[parcel].invoiced && self.missing == Some(SequenceKind::SaleReturnInvoice) {
            return Class::Refused;
        }
        let (mut units, _) = self.parcels[parcel].buyers.take().unwrap_or((BTreeSet::new(), Buyers::Open));
        units.insert(unit);
        let of = &mut self.units[unit];
        (of.is, of.due, of.credited) = (Returned, Some(true), self.parcels[parcel].invoiced);
        let all_back = units.iter().all(|&u| self.units[u].is == Returned);
        self.parcels[parcel].buyers = Some((units, if all_back { Buyers::Back } else { Buyers::Open }));
        if self.still_out(parcel).is_empty() {
            self.parcels[parcel].stage = Stage::Returned;
        }
        Class::Applied
    }

    // ---- people

    /// Whether there was something to put away.
    pub(crate) fn put_away(&mut self, unit: usize, good: bool) -> bool {
        let unit = &mut self.units[unit];
        let on_hand = &mut self.on_hand[unit.product];
        match unit.due.take() {
            None => return false,
            Some(came_back) => {
                if came_back {
                    *on_hand += i64::from(good);
                } else if unit.blocked {
                    *on_hand -= i64::from(!good);
                    unit.blocked = false;
                }
            }
        }
        true
    }

    /// Decides the first open question; false if there is none or it cannot be decided so now.
    pub(crate) fn decide(&mut self, accept: bool) -> bool {
        let Some(place) = self.questions.iter().position(|(_, question)| question.open) else { return false };
        let before = self.clone();
        let ((cause, about), question) = self.questions[place].clone();
        self.questions[place].1.open = false;
        self.questions[place].1.decision = Some(accept);
        if !accept {
            return true;
        }
        match cause {
            Code::DispatchedButCancelledLocally | Code::ReturnOfCancelled => {
                let unit = &mut self.units[about];
                (unit.is, unit.parcel, unit.due, unit.cancelled_on) = (Open, None, None, None);
            }
            Code::ReopenedOnChannel => {
                let unit = &mut self.units[about];
                (unit.is, unit.parcel, unit.cancelled_on) = (Open, None, None);
                return true;
            }
            Code::CancelAfterDelivery => {
                if let Some(parcel) = self.units[about].parcel {
                    self.parcels[parcel].buyers = Some((BTreeSet::from([about]), Buyers::Open));
                }
                return true;
            }
            Code::PartialDispatchOfInvoicedShipment => {
                self.withdraw_invoice(about);
                let parcel = &mut self.parcels[about];
                (parcel.stage, parcel.picked, parcel.held) = (Stage::BeforePacked, true, false);
            }
            Code::PartialCourierReturn => {
                if self.missing == Some(SequenceKind::ShippingPackage) {
                    *self = before;
                    return false;
                }
                self.parcels.push(Parcel { buyers: None, courier: None, ..self.parcels[about].clone() });
                for &unit in &question.units {
                    self.units[unit].parcel = Some(self.parcels.len() - 1);
                }
            }
            _ => return true,
        }
        let classes = self.run(&question.facts, false);
        if classes.contains(&Class::Refused) || !classes.contains(&Class::Applied) {
            *self = before;
            return false;
        }
        self.applied.extend(question.facts);
        true
    }
}

fn later(one: Option<u8>, other: Option<u8>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one > other)
}

fn decide(answer: &mut Answer, part: Part, units: &BTreeSet<usize>, class: Class, flag: bool) -> Class {
    answer.decided.extend(units.iter().map(|&unit| ((part, unit), (class, flag))));
    class
}
