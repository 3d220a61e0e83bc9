//! Units that are called off, that go out and that arrive.

use std::collections::BTreeSet;

use plugin_api::Status;
use statusync::domain::{apply::Code, invoice::SequenceKind, order::Stage};

use super::{
    Answer, Buyers, Class, Part,
    Place::{Cancelled, ComingBack, Delivered, Open, Returned, Sent},
    Reference, decide, later,
};
use crate::history::Said;

impl Reference {
    pub(super) fn cancel(&mut self, unit: usize, said: &Said, answer: &mut Answer) -> Class {
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

    pub(super) fn buyer_returns(&self, unit: usize, parcel: usize) -> bool {
        self.parcels[parcel]
            .buyers
            .as_ref()
            .is_some_and(|(units, state)| *state == Buyers::Open && units.contains(&unit))
    }

    pub(super) fn call_off(&mut self, unit: usize, said: &Said, in_hand: bool) {
        let unit = &mut self.units[unit];
        unit.is = Cancelled;
        unit.cancelled_on = said.day;
        if in_hand {
            unit.due = Some(false);
        } else {
            unit.blocked = false;
        }
    }

    pub(super) fn withdraw_invoice(&mut self, parcel: usize) {
        self.withdrawn_invoices += usize::from(self.parcels[parcel].invoiced);
        self.parcels[parcel].invoiced = false;
    }

    pub(super) fn note(&mut self, unit: usize, said: &Said) -> Class {
        match (self.units[unit].is, said.day, self.units[unit].cancelled_on) {
            (Cancelled, Some(now), Some(then)) if now > then => {
                self.ask(Code::ReopenedOnChannel, unit, BTreeSet::from([unit]), said)
            }
            _ => Class::Nothing,
        }
    }

    pub(super) fn dispatch(&mut self, unit: usize, said: &Said, answer: &mut Answer) -> Class {
        match self.place(unit) {
            Cancelled => self.ask(Code::DispatchedButCancelledLocally, unit, BTreeSet::from([unit]), said),
            Open => self.send(unit, answer).err().unwrap_or(Class::Applied),
            Sent => answer.decided.get(&(Part::Send, unit)).map_or(Class::Nothing, |(class, _)| *class),
            _ => Class::Nothing,
        }
    }

    /// Sends a unit with those that go with it.
    pub(super) fn send(&mut self, unit: usize, answer: &mut Answer) -> Result<(), Class> {
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

    pub(super) fn deliver(
        &mut self,
        unit: usize,
        said: &Said,
        named: &[usize],
        answer: &mut Answer,
    ) -> Class {
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
    pub(super) fn moves(
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

    pub(super) fn delivered(&mut self, unit: usize, parcel: usize, said: &Said) -> Class {
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
}
