//! Rate buckets: one instant each, when the bucket would be full again (the generic cell rate algorithm).

use plugin_api::Millis;

/// A bucket that would be full only this long after it could have been empty comes from a clock that was set back, or from
/// a far slower rate.
const ABSURD: Millis = 15 * 60_000;

/// A call that wants its turn.
#[derive(Clone, Debug)]
pub struct Call {
    /// Whose it is, as `tenant/channel`.
    pub account: String,
    /// What it is of.
    pub operation: String,
    /// The bucket refills one call in this time, in milliseconds.
    pub interval_ms: Millis,
    /// The bucket holds so many calls.
    pub burst: u32,
    /// The longest wait that is put up with, in milliseconds.
    pub patience_ms: Millis,
    /// UTC.
    pub now: Millis,
}

/// What a bucket says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// It may be made after this wait, in milliseconds; it is taken from the bucket.
    Taken(Millis),
    /// It could be made after this wait, which is more than is put up with; nothing is taken.
    TooFar(Millis),
}

/// How many calls a bucket lets out now, and when it lets the next one out if that is none, UTC. `full_at` is when it would
/// be full again.
pub fn level(full_at: Millis, interval_ms: Millis, burst: u32, now: Millis) -> (u32, Option<Millis>) {
    let interval = interval_ms.max(1);
    let held = interval.saturating_mul(Millis::from(burst.max(1)));
    let missing = full_at.saturating_sub(now).max(0);
    let free = held.saturating_sub(missing).max(0) / interval;
    let next_at = (free == 0).then(|| full_at.saturating_add(interval).saturating_sub(held));
    (u32::try_from(free).unwrap_or(burst), next_at)
}

impl Call {
    /// The answer of a bucket that would be full again at `full_at`, UTC, and when it would be afterwards.
    pub(super) fn answer(&self, full_at: Millis) -> (Slot, Millis) {
        let interval = self.interval_ms.max(1);
        let held = interval.saturating_mul(Millis::from(self.burst.max(1)));
        let empty = self.now.saturating_add(held);
        let furthest = empty.saturating_add(self.patience_ms.max(ABSURD));
        let full_at = if full_at > furthest { empty } else { full_at.max(self.now) };
        let then = full_at.saturating_add(interval);
        let wait = then.saturating_sub(held).saturating_sub(self.now).max(0);
        if wait > self.patience_ms { (Slot::TooFar(wait), full_at) } else { (Slot::Taken(wait), then) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_768_469_400_000;

    fn call(now: Millis) -> Call {
        let (account, operation) = ("acme/FK1".to_owned(), "search".to_owned());
        Call { account, operation, interval_ms: 1_000, burst: 3, patience_ms: 60_000, now }
    }

    #[test]
    fn a_bucket_says_how_many_calls_it_lets_out_and_when_the_next() {
        let level = |full_at| level(full_at, 1_000, 3, NOW);
        assert_eq!(level(0), (3, None));
        assert_eq!(level(NOW + 500), (2, None));
        assert_eq!(level(NOW + 2_000), (1, None));
        assert_eq!(level(NOW + 2_001), (0, Some(NOW + 1)));
        assert_eq!(level(NOW + 9_000), (0, Some(NOW + 7_000)));
        let (slot, _) = call(NOW).answer(NOW + 9_000);
        assert_eq!(slot, Slot::Taken(7_000), "as long as a call would wait");
    }

    #[test]
    fn a_call_that_is_too_far_off_leaves_the_bucket_as_it_is() {
        let (slot, after) = call(NOW).answer(NOW + 63_000);
        assert_eq!((slot, after), (Slot::TooFar(61_000), NOW + 63_000));
        assert_eq!(call(NOW).answer(NOW + 62_000), (Slot::Taken(60_000), NOW + 63_000));
    }

    #[test]
    fn a_clock_that_was_set_back_finds_an_empty_bucket_and_no_locked_one() {
        assert_eq!(call(NOW - 3_600_000).answer(NOW), (Slot::Taken(1_000), NOW - 3_600_000 + 4_000));
    }

    #[test]
    fn a_shorter_patience_does_not_forget_what_a_longer_one_has_reserved() {
        let hasty = Call { patience_ms: 10, ..call(NOW) };
        assert_eq!(hasty.answer(NOW + 60_000), (Slot::TooFar(58_000), NOW + 60_000));
    }
}
