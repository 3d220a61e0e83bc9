//! What time it is: the one place that reads the system's clock.
//!
//! Everything that needs the time of day is handed a [`Clock`]. Waiting and deadlines are not its business: they run on
//! the runtime's own, monotonic time.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time of day.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970, UTC.
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    fn now_ms(&self) -> i64 {
        // A machine whose clock stands before 1970 is taken to be at 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is set, for tests and for runs that are given their time.
#[derive(Debug)]
pub struct SettableClock(AtomicI64);

impl SettableClock {
    /// A clock that shows this time, in milliseconds since 1970, UTC.
    pub fn at(now_ms: i64) -> Self {
        SettableClock(AtomicI64::new(now_ms))
    }

    /// Sets the clock.
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    /// Turns the clock on, or back if negative.
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for SettableClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settable_clock_shows_what_it_was_set_to() {
        let clock = SettableClock::at(1_000);
        clock.advance(500);
        assert_eq!(clock.now_ms(), 1_500);
        clock.set(7);
        clock.advance(-2);
        assert_eq!(clock.now_ms(), 5);
    }

    #[test]
    fn the_machine_is_past_the_year_2025() {
        assert!(SystemClock.now_ms() > 1_735_689_600_000);
    }
}
