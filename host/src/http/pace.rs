//! How often one caller may ask: a bucket for each, kept in memory.
//!
//! It protects this process from a caller who runs wild; it is no accounting, and starts full with the process.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::problem::{Kind, Problem};

/// Callers that are remembered; beyond this those with full buckets are forgotten.
const REMEMBERED: usize = 10_000;

/// Buckets of one minute's requests, which refill evenly.
#[derive(Debug)]
pub(super) struct Pace {
    per_minute: NonZeroU32,
    /// When the bucket of each caller is full again.
    full_at: Mutex<HashMap<String, Instant>>,
}

impl Pace {
    /// So many requests a minute, and as many at once after a pause.
    pub(super) fn new(per_minute: NonZeroU32) -> Pace {
        Pace { per_minute, full_at: Mutex::default() }
    }

    /// Takes a request from a caller's bucket.
    ///
    /// # Errors
    /// [`Kind::RateExceeded`] with the wait.
    pub(super) fn take(&self, who: &str) -> Result<(), Problem> {
        self.take_at(who, Instant::now())
    }

    fn take_at(&self, who: &str, now: Instant) -> Result<(), Problem> {
        const MINUTE: Duration = Duration::from_mins(1);
        let each = MINUTE / self.per_minute.get();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= REMEMBERED {
            full_at.retain(|_, full| *full > now);
        }
        let full = full_at.get(who).copied().unwrap_or(now).max(now) + each;
        let over = full.saturating_duration_since(now).saturating_sub(MINUTE);
        if over.is_zero() {
            full_at.insert(who.to_owned(), full);
            return Ok(());
        }
        let wait = over.as_secs() + u64::from(over.subsec_nanos() > 0);
        let said = format!("more than {} requests a minute came from this caller", self.per_minute);
        Err(Problem { retry_after: Some(wait), ..Problem::new(Kind::RateExceeded, said) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_gets_a_minutes_requests_at_once_and_then_one_by_one() {
        let pace = Pace::new(NonZeroU32::new(60).unwrap());
        let start = Instant::now();
        let after = |secs| start + Duration::from_secs(secs);
        assert!((0..60).all(|_| pace.take_at("a", start).is_ok()));
        assert_eq!(pace.take_at("a", start).unwrap_err().retry_after, Some(1));
        assert!(pace.take_at("b", start).is_ok(), "each caller has its own");
        assert!(pace.take_at("a", after(1)).is_ok() && pace.take_at("a", after(1)).is_err());
        assert!((0..60).all(|_| pace.take_at("a", after(100)).is_ok()));
    }
}
