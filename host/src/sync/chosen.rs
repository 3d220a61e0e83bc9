//! What became of each order that a person chose: one entry an order, whatever came of it.
//!
//! It only keeps accounts. Which orders are asked about is decided in `run`, what an observation does in the rules.

use std::collections::HashMap;

use super::page::Told;
use crate::{
    domain::apply::Outcome,
    domain::codes::OrderCode,
    storage::{OrderOutcome, RunOrder},
};

/// Orders that get an entry; further ones are counted.
pub(super) const ENTRIES: usize = 10_000;

/// The orders that a person chose, in the order in which they are asked about.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    entries: Vec<Entry>,
    place: HashMap<String, usize>,
    /// Orders beyond those that have an entry.
    pub(super) more: u64,
}

#[derive(Debug)]
struct Entry {
    order: OrderCode,
    channel_order_id: String,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not yet asked about.
    Waits,
    /// Asked about; nothing was said yet.
    Asked,
    /// The answer is here and does not mention it.
    NotMentioned,
    /// There was no answer, and why.
    NotAnswered(String),
    /// Nothing can come back.
    NotDispatched,
    /// What was said, the gravest of it.
    Said { outcome: Outcome, row: String, code: Option<String>, message: String },
}

impl Chosen {
    /// Chooses an order.
    pub(super) fn add(&mut self, order: OrderCode, channel_order_id: String) {
        if self.entries.len() >= ENTRIES {
            self.more += 1;
            return;
        }
        self.place.insert(channel_order_id.clone(), self.entries.len());
        self.entries.push(Entry { order, channel_order_id, state: State::Waits });
    }

    /// So many were chosen in all; those without an entry are counted.
    pub(super) fn are_in_all(&mut self, count: u64) {
        self.more = count.saturating_sub(self.entries.len() as u64);
    }

    /// How many were chosen.
    pub(super) fn count(&self) -> u64 {
        self.entries.len() as u64 + self.more
    }

    /// Of an order that has not been dispatched.
    pub(super) fn not_dispatched(&mut self, channel_order_id: &str) {
        self.set(channel_order_id, |state| matches!(state, State::Waits), State::NotDispatched);
    }

    /// The order is being asked about.
    pub(super) fn asked(&mut self, channel_order_id: &str) {
        self.set(channel_order_id, |state| matches!(state, State::Waits), State::Asked);
    }

    /// The answer about the order is complete.
    pub(super) fn answered(&mut self, channel_order_id: &str) {
        self.set(channel_order_id, |state| matches!(state, State::Asked), State::NotMentioned);
    }

    /// There was no whole answer about the order.
    pub(super) fn not_answered(&mut self, channel_order_id: &str, why: &str) {
        let is_open = |state: &State| matches!(state, State::Asked);
        self.set(channel_order_id, is_open, State::NotAnswered(why.to_owned()));
    }

    fn set(&mut self, channel_order_id: &str, if_it: impl Fn(&State) -> bool, state: State) {
        if let Some(&at) = self.place.get(channel_order_id)
            && if_it(&self.entries[at].state)
        {
            self.entries[at].state = state;
        }
    }

    /// Something was said; of several things the gravest counts, of equally grave ones the first.
    pub(super) fn said(&mut self, told: &Told) {
        let Some(&at) = self.place.get(&told.order) else { return };
        let entry = &mut self.entries[at];
        let verdict = &told.verdict;
        let is_graver = match &entry.state {
            State::Said { outcome, .. } => verdict.outcome < *outcome,
            _ => true,
        };
        if is_graver {
            entry.state = State::Said {
                outcome: verdict.outcome,
                row: verdict.row_text(),
                code: verdict.code.map(|code| code.as_str().to_owned()),
                message: verdict.message.clone(),
            };
        }
    }

    /// How many could not be asked about because they have not been dispatched.
    pub(super) fn not_dispatched_count(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry.state, State::NotDispatched)).count() as u64
    }

    /// How many the run did not come to.
    pub(super) fn waiting_count(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry.state, State::Waits)).count() as u64
    }

    /// The entries; `ended_early` says why the run did not come to those that it did not ask about.
    pub(super) fn told(self, ended_early: &str) -> Vec<RunOrder> {
        self.entries.into_iter().map(|entry| entry.told(ended_early)).collect()
    }
}

impl Entry {
    fn told(self, ended_early: &str) -> RunOrder {
        let (mut row, mut code) = (None, None);
        let (outcome, message) = match self.state {
            State::Waits => (OrderOutcome::NotAsked, format!("not asked: {ended_early}")),
            State::Asked => (OrderOutcome::NotAnswered, format!("not answered: {ended_early}")),
            State::NotAnswered(why) => (OrderOutcome::NotAnswered, format!("not answered: {why}")),
            State::NotMentioned => {
                (OrderOutcome::NotMentioned, "not mentioned by the marketplace".to_owned())
            }
            State::NotDispatched => (
                OrderOutcome::NotDispatched,
                "not dispatched yet, so nothing can come back; not asked".to_owned(),
            ),
            State::Said { outcome, row: decided_by, code: its_code, message } => {
                (row, code) = (Some(decided_by), its_code);
                let is_news = outcome != Outcome::Unchanged;
                (outcome.into(), if is_news { message } else { "no news".to_owned() })
            }
        };
        RunOrder { order: self.order, channel_order_id: self.channel_order_id, outcome, row, code, message }
    }
}

impl From<Outcome> for OrderOutcome {
    fn from(outcome: Outcome) -> OrderOutcome {
        match outcome {
            Outcome::Refused => OrderOutcome::Refused,
            Outcome::Conflict => OrderOutcome::Conflict,
            Outcome::Applied => OrderOutcome::Applied,
            Outcome::Parked => OrderOutcome::Parked,
            Outcome::Ignored => OrderOutcome::Ignored,
            Outcome::Stale => OrderOutcome::Stale,
            Outcome::Unchanged => OrderOutcome::Unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::apply::{Row, Verdict};

    fn said(order: &str, outcome: Outcome, row: Row) -> Told {
        let verdict = Verdict::new(outcome, row, format!("{outcome} of {order}"));
        Told { number: None, order: order.to_owned(), item: None, verdict, is_beyond_window: false }
    }

    fn chosen(count: usize) -> Chosen {
        let mut chosen = Chosen::default();
        for n in 1..=count {
            chosen.add(format!("O{n}").as_str().into(), format!("OD{n}"));
        }
        chosen
    }

    #[test]
    fn the_gravest_of_what_was_said_counts_and_of_equally_grave_the_first() {
        let mut chosen = chosen(2);
        for (outcome, row) in [
            (Outcome::Unchanged, Row::G7),
            (Outcome::Applied, Row::D3),
            (Outcome::Refused, Row::D10),
            (Outcome::Refused, Row::D12),
            (Outcome::Stale, Row::G8),
        ] {
            chosen.said(&said("OD1", outcome, row));
        }
        chosen.said(&said("OD2", Outcome::Unchanged, Row::G7));
        chosen.said(&said("OD9", Outcome::Applied, Row::D3));
        let told = chosen.told("");
        assert_eq!((told[0].outcome, told[0].row.as_deref()), (OrderOutcome::Refused, Some("D10")));
        assert_eq!((told[1].outcome, told[1].message.as_str()), (OrderOutcome::Unchanged, "no news"));
        assert_eq!(told.len(), 2, "an order that nobody chose has no entry");
    }

    #[test]
    fn orders_of_which_nothing_was_said_say_why() {
        let mut chosen = chosen(6);
        chosen.not_dispatched("OD1");
        for order in ["OD2", "OD3", "OD4", "OD5"] {
            chosen.asked(order);
        }
        chosen.said(&said("OD2", Outcome::Applied, Row::D3));
        chosen.answered("OD2");
        chosen.answered("OD3");
        chosen.not_answered("OD4", "a time-out");
        assert_eq!((chosen.not_dispatched_count(), chosen.waiting_count()), (1, 1));
        let told: Vec<_> =
            chosen.told("stopped").into_iter().map(|told| (told.outcome, told.message)).collect();
        let words = |outcome, text: &str| (outcome, text.to_owned());
        assert_eq!(
            told,
            [
                words(OrderOutcome::NotDispatched, "not dispatched yet, so nothing can come back; not asked"),
                words(OrderOutcome::Applied, "APPLIED of OD2"),
                words(OrderOutcome::NotMentioned, "not mentioned by the marketplace"),
                words(OrderOutcome::NotAnswered, "not answered: a time-out"),
                words(OrderOutcome::NotAnswered, "not answered: stopped"),
                words(OrderOutcome::NotAsked, "not asked: stopped"),
            ]
        );
    }

    #[test]
    fn further_orders_are_counted() {
        let mut chosen = chosen(ENTRIES + 3);
        chosen.said(&said(&format!("OD{}", ENTRIES + 1), Outcome::Applied, Row::D3));
        assert_eq!((chosen.more, chosen.count()), (3, 10_003));
        chosen.are_in_all(10_007);
        assert_eq!((chosen.more, chosen.told("").len()), (7, ENTRIES));
    }
}
