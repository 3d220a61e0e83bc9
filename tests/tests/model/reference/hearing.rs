//! One answer: what of it is new, which units it names, and the parts in which it is applied.

use std::collections::BTreeSet;

use plugin_api::Status;

use super::{Answer, Class, Part, Reference, part_of};
use crate::history::{Of, Said};

impl Reference {
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

    pub(super) fn run(&mut self, facts: &[Said], remembers: bool) -> Vec<Class> {
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

    pub(super) fn has_product(&self, said: &Said) -> bool {
        !matches!(said.of, Of::Product(product, _) if self.units.iter().all(|unit| unit.product != product))
    }
}
