//! How often somebody may do something: a bucket for each, kept in memory.
//!
//! It protects this process from who runs wild; it is no accounting, and starts full with the process.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Names that are remembered; beyond this those with full buckets are forgotten.
const REMEMBERED: usize = 10_000;

/// Buckets that hold what may be done in one period, and refill evenly.
#[derive(Debug)]
pub struct Pace {
    count: NonZeroU32,
    period: Duration,
    /// When the bucket of each name is full again.
    full_at: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// So many in a period, and as many at once after a pause.
    pub fn new(count: NonZeroU32, period: Duration) -> Pace {
        Pace { count, period, full_at: Mutex::default() }
    }

    /// Takes one from the bucket of a name.
    ///
    /// # Errors
    /// How long to wait, in whole seconds.
    pub fn take(&self, who: &str) -> Result<(), u64> {
        self.take_at(who, Instant::now())
    }

    fn take_at(&self, who: &str, now: Instant) -> Result<(), u64> {
        let each = self.period / self.count.get();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= REMEMBERED {
            full_at.retain(|_, full| *full > now);
        }
        let full = full_at.get(who).copied().unwrap_or(now).max(now) + each;
        let over = full.saturating_duration_since(now).saturating_sub(self.period);
        if over.is_zero() {
            full_at.insert(who.to_owned(), full);
            return Ok(());
        }
        Err(over.as_secs() + u64::from(over.subsec_nanos() > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_a_minutes_requests_at_once_and_then_one_by_one() {
        let pace = Pace::new(NonZeroU32::new(60).unwrap(), Duration::from_mins(1));
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        assert!((0..60).all(|_| pace.take_at("a", start).is_ok()));
        assert_eq!(pace.take_at("a", start), Err(1));
        assert!(pace.take_at("b", start).is_ok(), "each caller has its own");
        assert!(pace.take_at("a", after(1)).is_ok() && pace.take_at("a", after(1)).is_err());
        assert!((0..60).all(|_| pace.take_at("a", after(100)).is_ok()));
    }
}
