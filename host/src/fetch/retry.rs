//! When to try again: pure arithmetic on attempt, advice and a random number that is handed in.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;

/// A `Retry-After` beyond this is a mistake, not advice.
const BELIEVABLE: Duration = Duration::from_hours(24);

/// A day of the week that does not fit the date is no reason to distrust the date.
static DATE: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);

/// How often and how long a request is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// Attempts at most, the first one included.
    pub max_attempts: u32,
    /// The longest single wait: for the rate plan, or before another attempt. A longer one ends the request with
    /// `rate_limited`.
    pub max_wait: Duration,
    /// What the waits between attempts start from; doubled with every failure.
    pub base: Duration,
}

impl Default for Retrying {
    fn default() -> Self {
        Retrying { max_attempts: 4, max_wait: Duration::from_mins(1), base: Duration::from_millis(500) }
    }
}

impl Retrying {
    /// A wait with full jitter after the n-th failure (from 1): anything from nothing to `base · 2^(n-1)`, at most
    /// `max_wait`. `random` is in 0..1.
    pub(super) fn backoff(&self, failures: u32, random: f64) -> Duration {
        let doubled =
            self.base.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        doubled.min(self.max_wait).mul_f64(random.clamp(0.0, 1.0))
    }
}

/// What a `Retry-After` header means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Wait this long.
    Wait(Duration),
    /// The header asks for more than a day.
    Absurd,
    /// The header cannot be read.
    Unreadable,
}

/// Reads a `Retry-After`: seconds, or a date, which means "now" if it has passed.
pub(super) fn advice(header: &str, now_ms: i64) -> Advice {
    let header = header.trim();
    let wait = if let Ok(seconds) = header.parse::<f64>() {
        if seconds.is_nan() {
            return Advice::Unreadable;
        }
        Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
    } else {
        let Ok(date) = DATE.parse_timestamp(header) else { return Advice::Unreadable };
        let wait_ms = date.as_millisecond().saturating_sub(now_ms);
        Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
    };
    if wait > BELIEVABLE { Advice::Absurd } else { Advice::Wait(wait) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-15 09:30:00 UTC.
    const NOW: i64 = 1_768_469_400_000;

    #[test]
    fn waits_are_spread_from_nothing_to_a_doubling_bound() {
        let plan = Retrying::default();
        let bounds = |random| (1..=9).map(|n| plan.backoff(n, random).as_millis()).collect::<Vec<_>>();
        assert_eq!(bounds(1.0), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(bounds(0.5), [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert!(bounds(0.0).iter().all(|&wait| wait == 0));
        assert_eq!(plan.backoff(u32::MAX, 1.0), plan.max_wait);
    }

    #[test]
    fn advice_is_read_in_seconds_and_as_a_date() {
        let wait = |secs| Advice::Wait(Duration::from_secs(secs));
        for (header, expected) in [
            ("0", wait(0)),
            ("7", wait(7)),
            (" 120 ", wait(120)),
            ("86400", wait(86_400)),
            ("1.5", Advice::Wait(Duration::from_millis(1_500))),
            ("-5", wait(0)),
            ("Thu, 15 Jan 2026 09:30:30 GMT", wait(30)),
            ("Thu, 15 Jan 2026 09:29:00 GMT", wait(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", wait(0)),
            ("Fri, 15 Jan 2036 09:30:00 GMT", Advice::Absurd),
            ("86401", Advice::Absurd),
            ("315360000", Advice::Absurd),
            ("99999999999999999999999999", Advice::Absurd),
            ("inf", Advice::Absurd),
            ("nan", Advice::Unreadable),
            ("soon", Advice::Unreadable),
            ("", Advice::Unreadable),
        ] {
            assert_eq!(advice(header, NOW), expected, "{header}");
        }
    }
}
