//! When a message is sent again, when it is given up, and when nobody is told any more: decided from one attempt and what
//! was before it, without a clock of its own.
//!
//! ```text
//! at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, then every 24 h
//! ```

use plugin_api::Millis;

use crate::storage::{Attempt, Due, Ended};

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// The waits after each attempt, as Standard Webhooks proposes; the last one repeats.
const WAITS: &[Millis] =
    &[5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
/// The waits differ by so much in either direction, so that what failed together is not tried together.
const SPREAD: f64 = 0.1;
/// A message that others overtook is given up after the schedule's length.
const LONGEST: Millis = 75 * HOUR;
/// A webhook to which nothing got through for so long is disabled.
const PATIENCE: Millis = 5 * DAY;

/// What becomes of a message. `failing_since`: since when nothing got through to its webhook before this attempt; `random`
/// from 0 to 1.
pub(super) fn decide(attempt: &Attempt, due: &Due, failing_since: Option<Millis>, random: f64) -> Ended {
    let now = attempt.at;
    match attempt.status {
        Some(200..=299) => return Ended::Delivered,
        Some(410) => return Ended::Disabled("the receiver answered 410: it is gone for good".to_owned()),
        _ => {}
    }
    if let Some(since) = failing_since
        && now - since >= PATIENCE
    {
        let days = (now - since) / DAY;
        let last = attempt.status.map_or_else(|| attempt.said.clone(), |status| format!("status {status}"));
        return Ended::Disabled(format!("nothing got through for {days} days; the last time: {last}"));
    }
    let begun = due.begun_at.unwrap_or(now);
    // While nothing gets through it is not the message's fault.
    let others_got_through = failing_since.is_none_or(|since| since > begun);
    if others_got_through
        && usize::try_from(due.attempts).is_ok_and(|made| made >= WAITS.len())
        && now - begun >= LONGEST
    {
        return Ended::GivenUp;
    }
    let made = usize::try_from(due.attempts).unwrap_or(usize::MAX);
    let wait = WAITS.get(made).or(WAITS.last()).copied().unwrap_or(DAY);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a day is far below 2^52 ms"
    )]
    let spread = (wait as f64 * SPREAD * (2.0 * random - 1.0)) as Millis;
    Ended::Again(now + wait + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(at: Millis, status: Option<u16>) -> Attempt {
        Attempt { at, duration_ms: 0, status, said: "no connection to example.com (refused)".to_owned() }
    }

    fn due(attempts: u32, begun_at: Option<Millis>) -> Due {
        Due { number: 1, event: "evt_1".to_owned(), body: String::new(), attempts, begun_at }
    }

    #[test]
    fn the_schedule_is_that_of_the_scheme_and_goes_on_with_a_day() {
        let mut at = 0;
        let mut waits = Vec::new();
        for made in 0..11 {
            let begun = (made > 0).then_some(0);
            let Ended::Again(next) = decide(&attempt(at, None), &due(made, begun), begun, 0.5) else {
                panic!()
            };
            waits.push((next - at) / SECOND);
            at = next;
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400, 86_400]);
    }

    #[test]
    fn waits_are_spread_by_a_tenth() {
        let at = |random: f64| decide(&attempt(0, Some(500)), &due(1, Some(0)), None, random);
        assert_eq!((at(0.0), at(1.0)), (Ended::Again(270 * SECOND), Ended::Again(330 * SECOND)));
    }

    #[test]
    fn only_success_is_success_and_gone_is_for_good() {
        for status in [200, 201, 204, 299] {
            assert_eq!(decide(&attempt(0, Some(status)), &due(0, None), None, 0.5), Ended::Delivered);
        }
        for status in [100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503] {
            let ended = decide(&attempt(0, Some(status)), &due(0, None), None, 0.5);
            assert!(matches!(ended, Ended::Again(_)), "{status}");
        }
        let gone = decide(&attempt(0, Some(410)), &due(0, None), None, 0.5);
        assert!(matches!(gone, Ended::Disabled(because) if because.contains("410")));
    }

    #[test]
    fn after_five_days_of_nothing_the_webhook_is_disabled_with_the_reason() {
        let after =
            |passed: Millis, status| decide(&attempt(passed, status), &due(12, Some(0)), Some(0), 0.5);
        assert!(matches!(after(5 * DAY - 1, None), Ended::Again(_)));
        let Ended::Disabled(because) = after(5 * DAY, None) else { panic!() };
        assert_eq!(
            because,
            "nothing got through for 5 days; the last time: no connection to example.com (refused)"
        );
        let Ended::Disabled(because) = after(6 * DAY, Some(503)) else { panic!() };
        assert!(because.ends_with("status 503"), "{because}");
    }

    #[test]
    fn a_message_that_others_overtook_is_given_up_at_the_schedule_s_end_and_no_other() {
        let at = |passed: Millis, attempts, failing_since| {
            decide(&attempt(passed, Some(400)), &due(attempts, Some(0)), failing_since, 0.5)
        };
        assert_eq!(at(76 * HOUR, 9, Some(HOUR)), Ended::GivenUp);
        assert_eq!(at(76 * HOUR, 9, None), Ended::GivenUp);
        for ended in [at(76 * HOUR, 9, Some(0)), at(74 * HOUR, 30, None), at(76 * HOUR, 8, None)] {
            assert!(matches!(ended, Ended::Again(_)), "{ended:?}");
        }
    }
}
