//! Parcels that turn round, and what buyers send back.

use std::collections::BTreeSet;

use plugin_api::{ReturnKind, Status};
use statusync::domain::{apply::Code, invoice::SequenceKind, order::Stage};

use super::{
    Answer, Buyers, Class, Part,
    Place::{Cancelled, ComingBack, Delivered, Open, Returned, Sent},
    Reference, decide, later, part_of,
};
use crate::history::Said;

impl Reference {
    pub(super) fn come_back(
        &mut self,
        unit: usize,
        said: &Said,
        named: &[usize],
        answer: &mut Answer,
    ) -> Class {
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
    pub(super) fn turning(
        &self,
        unit: usize,
        parcel: usize,
        named: &[usize],
        answer: &Answer,
    ) -> BTreeSet<usize> {
        let heard = self.heard(Code::PartialCourierReturn, parcel);
        let says =
            |u: &usize| *u == unit || named.contains(u) || heard.contains(u) || answer.back.contains(u);
        self.still_out(parcel).into_iter().filter(says).collect()
    }

    pub(super) fn turns(
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

    pub(super) fn is_back(
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

    pub(super) fn buyer_asks(&mut self, unit: usize, parcel: usize, state: Buyers) -> Class {
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

    pub(super) fn buyer_withdraws(
        &mut self,
        unit: usize,
        parcel: usize,
        said: &Said,
        answer: &mut Answer,
    ) -> Class {
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

    pub(super) fn buyer_is_back(&mut self, unit: usize, parcel: usize) -> Class {
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
}
