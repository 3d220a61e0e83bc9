//! When a task is due again: at its own place in its interval, or later if it fails.
//!
//! Pure: time and chance are handed in.

use plugin_api::Millis;

use crate::{domain::fingerprint, storage::TaskRow};

/// No task comes more often than this.
const LEAST_INTERVAL: Millis = 1_000;
/// The first wait of a failing task is up to twice this.
const FIRST_WAIT: Millis = 30_000;
/// A failing task is never put off further than this.
const FURTHEST: Millis = 6 * 3_600_000;

/// When the task is due after a run that began at `now`: at its own place in its interval, so that tasks do not all fall
/// on the hour, and never sooner than half an interval from now.
pub(in crate::sync) fn next_run(row: &TaskRow, now: Millis) -> Millis {
    let interval = row.interval_ms.max(LEAST_INTERVAL);
    let key = (row.tenant.as_str(), row.channel.as_str(), row.task.as_str());
    let phase = i64::try_from(fingerprint::of(&key) % interval.cast_unsigned()).unwrap_or(0);
    let begun = (now - phase).div_euclid(interval) * interval + phase;
    let next = begun + interval;
    if next - now < interval / 2 { next + interval } else { next }
}

/// When a failing task is tried again: after a random part of a time that doubles with each failure, up to four
/// intervals and six hours, but not before `not_before`. `chance` is from 0 to 1.
pub(in crate::sync) fn retry_at(
    row: &TaskRow,
    now: Millis,
    chance: f64,
    not_before: Option<Millis>,
) -> Millis {
    let failures = row.consecutive_failures.saturating_add(1).min(20);
    let most = (row.interval_ms.max(LEAST_INTERVAL) * 4).min(FURTHEST);
    let ceiling = FIRST_WAIT.min(row.interval_ms).saturating_mul(1 << failures).min(most);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "some hours at most")]
    let wait = (ceiling as f64 * chance.clamp(0.0, 1.0)) as Millis;
    (now + wait.max(LEAST_INTERVAL)).max(not_before.map_or(0, |at| at.min(now + FURTHEST)))
}

#[cfg(test)]
mod tests {
    use plugin_api::Task;

    use super::*;

    fn task(channel: &str, interval_ms: Millis, consecutive_failures: u32) -> TaskRow {
        TaskRow {
            tenant: "acme".into(),
            channel: channel.into(),
            connector: "flipkart".into(),
            task: Task::Status,
            enabled: true,
            interval_ms,
            window_ms: None,
            next_run_at: 0,
            running: None,
            last: None,
            consecutive_failures,
            mark: None,
            complete_until: None,
        }
    }

    #[test]
    fn a_task_keeps_its_place_in_its_interval_and_tasks_have_different_ones() {
        let mut places = std::collections::BTreeSet::new();
        for channel in ["A", "B", "C", "D"] {
            let row = task(channel, 600_000, 0);
            let first = next_run(&row, 1_000_000_000);
            assert_eq!(next_run(&row, first), first + 600_000, "on time");
            assert_eq!(next_run(&row, first + 200_000), first + 600_000, "a little late");
            assert_eq!(next_run(&row, first + 500_000), first + 1_200_000, "too late for the next");
            places.insert(first % 600_000);
        }
        assert_eq!(places.len(), 4);
    }

    #[test]
    fn a_failing_task_waits_longer_each_time_and_never_for_ever() {
        let longest = |failures| retry_at(&task("A", 600_000, failures), 0, 1.0, None);
        assert_eq!([0, 1, 2, 3].map(longest), [60_000, 120_000, 240_000, 480_000]);
        assert_eq!([10, 1_000, u32::MAX].map(longest), [2_400_000; 3], "four intervals");
        assert_eq!(retry_at(&task("A", 86_400_000, 30), 0, 1.0, None), FURTHEST);
        assert_eq!(retry_at(&task("A", 600_000, 3), 0, 0.5, None), 240_000, "a random part of it");
        assert_eq!(retry_at(&task("A", 600_000, 3), 0, 0.0, None), LEAST_INTERVAL);
    }

    #[test]
    fn what_the_marketplace_asked_for_is_waited_and_an_absurd_wish_is_not() {
        let row = task("A", 600_000, 0);
        assert_eq!(retry_at(&row, 0, 0.1, Some(300_000)), 300_000);
        assert_eq!(retry_at(&row, 0, 0.1, Some(Millis::MAX)), FURTHEST);
    }
}
