//! What a run did, moment by moment: its calls with what they waited for, and its pages. Kept with the run, so that people
//! see where its time went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Moments that are kept of a run: the first half of them and the last.
const KEPT: usize = 200;

/// The moments of a run, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Of a long run the first hundred and the last hundred.
    pub moments: Vec<Moment>,
    /// How many are left out between those.
    #[serde(default)]
    pub left_out: u64,
}

/// Something that a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Moment {
    /// A request was sent to the marketplace, after it had waited for its turn.
    Call {
        /// When the wait for it began, in milliseconds after the run's beginning.
        at_ms: u64,
        /// How long it waited for the rate plan or before it was repeated, in milliseconds.
        waited_ms: u64,
        /// How long the marketplace took, in milliseconds.
        took_ms: u64,
        /// The rate-plan name of the call.
        operation: String,
        /// Which attempt of its request it was, from 1.
        attempt: u32,
        /// The HTTP status; absent if there was no whole reply.
        status: Option<u16>,
    },
    /// A page of observations was decided and written.
    Page {
        /// When that began, in milliseconds after the run's beginning.
        at_ms: u64,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Observations on it.
        read: u64,
        /// Of these: changed something.
        applied: u64,
    },
}

impl Moment {
    /// When it ended, in milliseconds after the run's beginning.
    pub fn ended_ms(&self) -> u64 {
        match *self {
            Moment::Call { at_ms, waited_ms, took_ms, .. } => at_ms + waited_ms + took_ms,
            Moment::Page { at_ms, took_ms, .. } => at_ms + took_ms,
        }
    }
}

impl Timeline {
    /// Adds what has just ended.
    pub fn add(&mut self, moment: Moment) {
        if self.moments.len() == KEPT {
            self.moments.remove(KEPT / 2);
            self.left_out += 1;
        }
        self.moments.push(moment);
    }

    /// Whether somebody may want to see it though nothing came of the run: a call waited, was repeated or failed.
    pub fn is_telling(&self) -> bool {
        self.left_out > 0
            || self.moments.iter().any(|moment| match moment {
                Moment::Call { waited_ms, attempt, status, .. } => {
                    *waited_ms > 0 || *attempt > 1 || !status.is_some_and(|status| status < 400)
                }
                Moment::Page { .. } => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(at_ms: u64) -> Moment {
        Moment::Page { at_ms, took_ms: 2, read: 10, applied: 1 }
    }

    fn call(waited_ms: u64, attempt: u32, status: Option<u16>) -> Moment {
        Moment::Call { at_ms: 0, waited_ms, took_ms: 5, operation: "list".to_owned(), attempt, status }
    }

    #[test]
    fn of_a_long_run_the_beginning_and_the_end_are_kept() {
        let mut line = Timeline::default();
        (0..1_000).for_each(|at| line.add(page(at)));
        assert_eq!((line.moments.len(), line.left_out), (200, 800));
        assert_eq!([&line.moments[99], &line.moments[100]], [&page(99), &page(900)]);
        assert_eq!(line.moments[199].ended_ms(), 1_001);
    }

    #[test]
    fn waiting_repeating_and_failing_are_telling() {
        let is_telling = |moment| Timeline { moments: vec![moment], left_out: 0 }.is_telling();
        assert_eq!(
            [
                page(0),
                call(0, 1, Some(200)),
                call(9, 1, Some(200)),
                call(0, 2, Some(200)),
                call(0, 1, Some(503)),
                call(0, 1, None)
            ]
            .map(is_telling),
            [false, false, true, true, true, true]
        );
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let line = Timeline { moments: vec![call(3, 2, None), page(8)], left_out: 1 };
        let text = r#"{"moments":[{"what":"call","at_ms":0,"waited_ms":3,"took_ms":5,"operation":"list","attempt":2,"status":null},{"what":"page","at_ms":8,"took_ms":2,"read":10,"applied":1}],"left_out":1}"#;
        assert_eq!(serde_json::to_string(&line).unwrap(), text);
        assert_eq!(serde_json::from_str::<Timeline>(text).unwrap(), line);
    }
}
