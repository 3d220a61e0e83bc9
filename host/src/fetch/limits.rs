//! The rate plan: when the next call of an account may leave.
//!
//! The arithmetic is GCRA: one instant for each account and operation says it all, so that a bucket fits into one
//! column and into one update. The buckets here live in memory and die with the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use plugin_api::{Error, Operation};

use super::Tenure;
use crate::clock::Clock;

/// When a call may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After this wait; the slot is taken.
    In(Duration),
    /// Only after this wait, which is more than the caller has patience for; no slot is taken.
    TooLong(Duration),
}

/// Hands out turns.
pub trait Pacing: Send + Sync {
    /// Takes the next slot of an account's operation, unless it is further off than `patience`.
    ///
    /// `operation` carries the rate that is granted now, which may differ from the descriptor's. A slot that is written down
    /// is taken only while `tenure` has not been passed.
    ///
    /// # Errors
    /// `unavailable` if the plan cannot be read or the tenure is over; the call does not leave then.
    fn turn<'a>(
        &'a self,
        account: &'a str,
        tenure: Option<&'a dyn Tenure>,
        operation: &'a Operation,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Turn, Error>>;

    /// The least wait after a 429 that gives no advice: one refill of the bucket.
    fn refill(&self, operation: &Operation) -> Duration {
        refill(operation)
    }
}

/// The time in which one call's worth flows back into a bucket.
pub fn refill(operation: &Operation) -> Duration {
    Duration::from_micros(u64::try_from(interval_us(operation)).unwrap_or(0))
}

/// No rate plan at all: every call leaves at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPacing;

impl Pacing for NoPacing {
    fn turn<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a dyn Tenure>,
        _: &'a Operation,
        _: Duration,
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        Box::pin(std::future::ready(Ok(Turn::In(Duration::ZERO))))
    }

    fn refill(&self, _: &Operation) -> Duration {
        Duration::ZERO
    }
}

/// Buckets in this process's memory.
pub struct Buckets {
    clock: Arc<dyn Clock>,
    full_at_us: Mutex<HashMap<(String, String), i64>>,
}

impl Buckets {
    /// Buckets that are all full.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Buckets { clock, full_at_us: Mutex::default() }
    }
}

impl Pacing for Buckets {
    fn turn<'a>(
        &'a self,
        account: &'a str,
        _: Option<&'a dyn Tenure>,
        operation: &'a Operation,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Turn, Error>> {
        let now_us = self.clock.now_ms().saturating_mul(1_000);
        let mut buckets = self.full_at_us.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= 4_096 {
            // A full bucket is as good as none.
            buckets.retain(|_, full_at_us| *full_at_us > now_us);
        }
        let bucket = buckets.entry((account.to_owned(), operation.name.clone())).or_insert(0);
        let (turn, full_at_us) = next_turn(*bucket, now_us, operation, patience);
        *bucket = full_at_us;
        Box::pin(std::future::ready(Ok(turn)))
    }
}

/// The next turn of a bucket, and the bucket after it.
///
/// A bucket is the instant at which it will be full again, in microseconds since 1970; 0 is a full one. An
/// instant further off than this plan could have put it comes from a clock that was set back or from a slower rate: the
/// bucket counts as empty then.
pub fn next_turn(full_at_us: i64, now_us: i64, operation: &Operation, patience: Duration) -> (Turn, i64) {
    let interval_us = interval_us(operation);
    let burst_us = interval_us.saturating_mul(i64::from(operation.burst.max(1)));
    let patience_us = i64::try_from(patience.as_micros()).unwrap_or(i64::MAX);
    let empty_us = now_us.saturating_add(burst_us);
    let full_at_us =
        if full_at_us > empty_us.saturating_add(patience_us) { empty_us } else { full_at_us.max(now_us) };

    let leaves_full_at_us = full_at_us.saturating_add(interval_us);
    let wait_us = leaves_full_at_us.saturating_sub(burst_us).saturating_sub(now_us).max(0);
    let wait = Duration::from_micros(u64::try_from(wait_us).unwrap_or(0));
    if wait > patience { (Turn::TooLong(wait), full_at_us) } else { (Turn::In(wait), leaves_full_at_us) }
}

/// The time in which one call's worth flows back. A rate that is no rate counts as one call a day.
fn interval_us(operation: &Operation) -> i64 {
    const DAY_US: f64 = 86_400e6;
    let interval_us = (1e6 / operation.per_second).ceil();
    #[expect(clippy::cast_possible_truncation, reason = "between 1 and a day")]
    if interval_us >= 1.0 { interval_us.min(DAY_US) as i64 } else { DAY_US as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SettableClock;

    const PATIENCE: Duration = Duration::from_mins(1);

    fn operation(per_second: f64, burst: u32) -> Operation {
        Operation { name: "list".into(), per_second, burst, rate_header: None, source: String::new() }
    }

    async fn wait_ms(buckets: &Buckets, account: &str, operation: &Operation) -> Result<u128, u128> {
        match buckets.turn(account, None, operation, PATIENCE).await.unwrap() {
            Turn::In(wait) => Ok(wait.as_millis()),
            Turn::TooLong(wait) => Err(wait.as_millis()),
        }
    }

    #[tokio::test]
    async fn a_burst_leaves_at_once_and_the_rest_at_the_rate() {
        let clock = Arc::new(SettableClock::at(1_768_469_400_000));
        let buckets = Buckets::new(clock.clone());
        let plan = operation(2.0, 3);
        for expected in [0, 0, 0, 500, 1_000, 1_500] {
            assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(expected));
        }
        clock.advance(2_000);
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(0));
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(500));
        clock.advance(3_600_000);
        for expected in [0, 0, 0, 500] {
            assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn accounts_and_operations_do_not_share_a_bucket() {
        let buckets = Buckets::new(Arc::new(SettableClock::at(0)));
        let list = operation(1.0, 1);
        let get = Operation { name: "get".into(), ..list.clone() };
        assert_eq!(wait_ms(&buckets, "a/1", &list).await, Ok(0));
        assert_eq!(wait_ms(&buckets, "a/2", &list).await, Ok(0));
        assert_eq!(wait_ms(&buckets, "a/1", &get).await, Ok(0));
        assert_eq!(wait_ms(&buckets, "a/1", &list).await, Ok(1_000));
    }

    #[tokio::test]
    async fn a_turn_that_is_too_far_off_takes_no_slot() {
        let clock = Arc::new(SettableClock::at(1_000));
        let buckets = Buckets::new(clock.clone());
        // One call a minute or so, as Amazon grants for lists of orders.
        let plan = operation(0.0167, 1);
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(0));
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(59_880));
        for _ in 0..10 {
            assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Err(119_760));
        }
        clock.advance(59_881);
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(59_879));
    }

    #[tokio::test]
    async fn a_clock_set_back_does_not_block_the_account() {
        let clock = Arc::new(SettableClock::at(1_768_469_400_000));
        let buckets = Buckets::new(clock.clone());
        let plan = operation(1.0, 1);
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(0));
        clock.advance(-3_600_000);
        assert_eq!(wait_ms(&buckets, "a/1", &plan).await, Ok(1_000));
    }

    #[test]
    fn a_rate_that_is_no_rate_lets_one_call_a_day_out() {
        for rate in [0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(interval_us(&operation(rate, 1)), 86_400_000_000, "{rate}");
        }
        assert_eq!(interval_us(&operation(1e-12, 1)), 86_400_000_000);
        assert_eq!(interval_us(&operation(3.0, 1)), 333_334);
        assert_eq!(interval_us(&operation(1e9, 1)), 1);
    }

    #[tokio::test]
    async fn no_plan_lets_everything_out_at_once() {
        let plan = operation(0.0001, 1);
        for _ in 0..100 {
            assert_eq!(NoPacing.turn("a/1", None, &plan, PATIENCE).await.unwrap(), Turn::In(Duration::ZERO));
        }
        assert_eq!(NoPacing.refill(&plan), Duration::ZERO);
    }

    #[tokio::test]
    async fn full_buckets_are_forgotten() {
        let clock = Arc::new(SettableClock::at(1_000));
        let buckets = Buckets::new(clock.clone());
        let plan = operation(1.0, 1);
        for account in 0..4_096 {
            assert_eq!(wait_ms(&buckets, &account.to_string(), &plan).await, Ok(0));
        }
        clock.advance(1_000);
        assert_eq!(wait_ms(&buckets, "one more", &plan).await, Ok(0));
        assert_eq!(buckets.full_at_us.lock().unwrap().len(), 1);
    }
}
