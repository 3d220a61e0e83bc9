//! Looks through a history for what must not happen. Pure: it is told what was written, by whom, and what was said.
//!
//! Events of one channel are in the order in which they were committed; between channels there is none.

use std::collections::{BTreeMap, BTreeSet};

/// Something that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `tenant/channel`.
    pub(crate) channel: String,
    /// The epoch of the channel's lease as this was written.
    pub(crate) epoch: i64,
    /// The process that wrote it.
    pub(crate) host: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The lease was taken at `at`; the one before was good until `held_until`, 0 if it had been given back.
    Claim { at: i64, held_until: i64 },
    /// A run began.
    Begin { run: String },
    /// A page was written, which brought the run to so many observations.
    Page { run: String, polled: u64 },
    /// An order was changed.
    Change { run: String, order: String, steps: Vec<Step> },
}

/// A part of a change of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A thing went from one state to another: an item, a package, the order.
    Went { thing: String, from: String, to: String },
    /// Something that is done once.
    Made(String),
}

/// A host says that a page is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Acknowledged {
    pub(crate) host: String,
    pub(crate) run: String,
    pub(crate) polled: u64,
}

/// The states of things, by order and thing.
pub(crate) type States = BTreeMap<(String, String), String>;

/// What must not be in a history, a line for each. `start` are the states before it.
pub(crate) fn anomalies(start: &States, events: &[Event], acknowledged: &[Acknowledged]) -> Vec<String> {
    let mut checker = Checker { states: start.clone(), ..Checker::default() };
    for event in events {
        checker.see(event);
    }
    for said in acknowledged.iter().filter(|said| said.polled > 0) {
        match checker.pages.get(&(said.run.clone(), said.polled)) {
            None => checker.found.push(format!(
                "lost: {} said that run {} had written {} observations, and that page is not there",
                said.host, said.run, said.polled
            )),
            Some(writer) if *writer != said.host => checker.found.push(format!(
                "written by another: the page of run {} with {} observations, of which {} said that it had written it, is \
                 {writer}'s",
                said.run, said.polled, said.host
            )),
            Some(_) => {}
        }
    }
    checker.found
}

#[derive(Default)]
struct Checker {
    /// Of each channel: its epoch and who has it.
    leases: BTreeMap<String, (i64, String)>,
    /// Of each run: its channel, epoch and host.
    runs: BTreeMap<String, (String, i64, String)>,
    /// Who wrote a page.
    pages: BTreeMap<(String, u64), String>,
    /// How far each run is.
    polled: BTreeMap<String, u64>,
    states: States,
    made: BTreeSet<(String, String)>,
    found: Vec<String>,
}

impl Checker {
    fn see(&mut self, event: &Event) {
        self.see_epoch(event);
        match &event.what {
            What::Claim { at, held_until } => {
                if held_until > at {
                    self.found.push(format!(
                        "taken while held: {} took {} {} ms before its lease had run out",
                        event.host,
                        event.channel,
                        held_until - at
                    ));
                }
            }
            What::Begin { run } => {
                let of = (event.channel.clone(), event.epoch, event.host.clone());
                if self.runs.insert(run.clone(), of).is_some() {
                    self.found.push(format!("begun twice: run {run}"));
                }
            }
            What::Page { run, polled } => {
                self.see_run(event, run);
                if self.pages.insert((run.clone(), *polled), event.host.clone()).is_some() {
                    self.found
                        .push(format!("applied twice: the page of run {run} with {polled} observations"));
                }
                let before = self.polled.insert(run.clone(), *polled).unwrap_or(0);
                if *polled < before {
                    self.found.push(format!("order: run {run} went from {before} observations to {polled}"));
                }
            }
            What::Change { run, order, steps } => {
                self.see_run(event, run);
                let order = format!("{}/{order}", event.channel);
                for step in steps {
                    self.see_step(&order, run, step);
                }
            }
        }
    }

    /// Epochs rise by one with each claim; whatever else is written, is written by who has the channel.
    fn see_epoch(&mut self, event: &Event) {
        let Event { channel, epoch, host, what } = event;
        let is_claim = matches!(what, What::Claim { .. });
        let (had, holder) = self.leases.get(channel).cloned().unwrap_or_default();
        if *epoch < had {
            self.found.push(format!("epoch: {channel} went back from {had} to {epoch} by {host}"));
        } else if is_claim && *epoch != had + 1 {
            self.found.push(format!("epoch: {channel} was taken at {epoch} after {had} by {host}"));
        } else if !is_claim && *epoch > had {
            self.found.push(format!(
                "epoch: {host} wrote to {channel} at {epoch}, which nobody had taken after {had}"
            ));
        } else if !is_claim && *host != holder {
            self.found
                .push(format!("not the holder: {host} wrote to {channel}, which {holder} has at {epoch}"));
        }
        if is_claim {
            self.leases.insert(channel.clone(), (*epoch, host.clone()));
        }
    }

    fn see_run(&mut self, event: &Event, run: &str) {
        let now = (event.channel.clone(), event.epoch, event.host.clone());
        match self.runs.get(run) {
            Some(begun) if *begun == now => {}
            Some((channel, epoch, host)) => self.found.push(format!(
                "passed: run {run}, begun by {host} on {channel} at {epoch}, was written to by {} on {} at {}",
                event.host, event.channel, event.epoch
            )),
            None => self.found.push(format!("never begun: run {run}, written to by {}", event.host)),
        }
    }

    fn see_step(&mut self, order: &str, run: &str, step: &Step) {
        match step {
            Step::Went { thing, from, to } => {
                let was = self.states.insert((order.to_owned(), thing.clone()), to.clone());
                if was.as_ref().is_some_and(|was| was != from) {
                    self.found.push(format!(
                        "order: run {run} took {thing} of {order} from {from} to {to}, and it was {}",
                        was.unwrap_or_default()
                    ));
                }
            }
            Step::Made(what) => {
                if !self.made.insert((order.to_owned(), what.clone())) {
                    self.found.push(format!("done twice: {what} of {order}, by run {run} too"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(epoch: i64, host: &str, what: What) -> Event {
        Event { channel: "acme/FK1".to_owned(), epoch, host: host.to_owned(), what }
    }

    fn went(run: &str, from: &str, to: &str) -> What {
        let step = Step::Went { thing: "item O1-1".to_owned(), from: from.to_owned(), to: to.to_owned() };
        let made = Step::Made(format!("invoice of {to}"));
        What::Change { run: run.to_owned(), order: "O1".to_owned(), steps: vec![step, made] }
    }

    fn page(run: &str, polled: u64) -> What {
        What::Page { run: run.to_owned(), polled }
    }

    fn said(host: &str, run: &str, polled: u64) -> Acknowledged {
        Acknowledged { host: host.to_owned(), run: run.to_owned(), polled }
    }

    /// Two hosts, one after the other, as it should be: the first dies with its lease.
    fn sound() -> (States, Vec<Event>, Vec<Acknowledged>) {
        let start = BTreeMap::from([(("acme/FK1/O1".to_owned(), "item O1-1".to_owned()), "OPEN".to_owned())]);
        let begin = |run: &str| What::Begin { run: run.to_owned() };
        let events = vec![
            event(1, "a", What::Claim { at: 100, held_until: 0 }),
            event(1, "a", begin("R1")),
            event(1, "a", went("R1", "OPEN", "DISPATCHED")),
            event(1, "a", page("R1", 10)),
            event(1, "a", page("R1", 20)),
            event(2, "b", What::Claim { at: 900, held_until: 800 }),
            event(2, "b", begin("R2")),
            event(2, "b", went("R2", "DISPATCHED", "DELIVERED")),
            event(2, "b", page("R2", 10)),
        ];
        (start, events, vec![said("a", "R1", 10), said("b", "R2", 10), said("b", "R2", 0)])
    }

    fn found(plant: impl FnOnce(&mut Vec<Event>, &mut Vec<Acknowledged>)) -> Vec<String> {
        let (start, mut events, mut acknowledged) = sound();
        plant(&mut events, &mut acknowledged);
        anomalies(&start, &events, &acknowledged)
    }

    /// One anomaly, of this kind.
    fn is_told(kind: &str, plant: impl FnOnce(&mut Vec<Event>, &mut Vec<Acknowledged>)) {
        let found = found(plant);
        assert!(found.len() == 1 && found[0].starts_with(kind), "{kind}: {found:?}");
    }

    #[test]
    fn a_sound_history_has_no_anomaly() {
        assert_eq!(found(|_, _| ()), [""; 0]);
    }

    #[test]
    fn a_page_that_was_acknowledged_and_is_gone_is_told() {
        is_told("lost", |events, _| drop(events.remove(3)));
        is_told("lost", |_, acknowledged| acknowledged.push(said("b", "R2", 30)));
        is_told("written by another", |_, acknowledged| acknowledged.push(said("c", "R2", 10)));
    }

    #[test]
    fn what_was_done_twice_is_told() {
        is_told("applied twice", |events, _| events.push(events[8].clone()));
        is_told("begun twice", |events, _| events.push(events[6].clone()));
        // From where it was before, so not from where it is.
        let twice = found(|events, _| events.push(events[7].clone()));
        assert!(
            twice.len() == 2 && twice[0].starts_with("order: ") && twice[1].starts_with("done twice"),
            "{twice:?}"
        );
    }

    #[test]
    fn a_change_that_does_not_go_on_from_the_one_before_is_told() {
        is_told("order", |events, _| events[7].what = went("R2", "OPEN", "DELIVERED"));
        is_told("order", |events, _| events[2].what = went("R1", "PACKED", "DISPATCHED"));
        is_told("order", |events, acknowledged| {
            events.swap(3, 4);
            acknowledged.clear();
        });
    }

    #[test]
    fn an_epoch_that_goes_back_or_was_skipped_is_told() {
        is_told("epoch: acme/FK1 went back", |events, _| {
            events.push(event(1, "b", What::Claim { at: 2_000, held_until: 0 }));
        });
        is_told("epoch: acme/FK1 was taken at 4", |events, _| {
            events.push(event(4, "b", What::Claim { at: 2_000, held_until: 0 }));
        });
        let unclaimed = found(|events, _| events.push(event(3, "b", page("R2", 20))));
        assert!(unclaimed.iter().any(|line| line.starts_with("epoch: b wrote")), "{unclaimed:?}");
    }

    #[test]
    fn a_channel_that_is_taken_while_it_is_held_is_told() {
        is_told("taken while held", |events, _| {
            events[5].what = What::Claim { at: 900, held_until: 901 };
        });
    }

    #[test]
    fn whoever_writes_without_the_lease_is_told() {
        let late = found(|events, _| events.push(event(2, "a", page("R1", 30))));
        assert!(late.len() == 2 && late[0].starts_with("not the holder"), "{late:?}");
        assert!(
            late[1].starts_with("passed: run R1, begun by a on acme/FK1 at 1, was written to by a"),
            "{late:?}"
        );
        is_told("never begun", |events, _| events.push(event(2, "b", page("R9", 10))));
        is_told("passed", |events, _| events.push(event(2, "b", page("R1", 30))));
    }
}
