//! How the tasks of a channel are told: how old what was read is, how the last run went.

use plugin_api::Millis;

use crate::{
    console::{
        frame::tenant_address,
        shown::{Chip, Tone, When, length, sentence},
    },
    domain::zone::Zone,
    storage::{RunResult, TaskRow},
};

/// A task of a channel.
pub(super) struct TaskLine {
    pub(super) task: &'static str,
    pub(super) address: String,
    /// Up to when everything was read; none if nothing was yet.
    pub(super) complete: Option<When>,
    /// It is older than it should be.
    pub(super) late: Option<Chip>,
    /// Whether the timer runs it, and how often.
    pub(super) rhythm: String,
    pub(super) last: Option<LastLine>,
    /// Runs that failed in a row, if any did.
    pub(super) failures: Option<Chip>,
}

/// The last run of a task.
pub(super) struct LastLine {
    pub(super) result: Chip,
    pub(super) began: When,
    pub(super) message: String,
}

impl TaskLine {
    pub(super) fn of(row: &TaskRow, now: Millis, zone: &Zone) -> TaskLine {
        let rhythm = if row.enabled {
            format!("every {}", length(row.interval_ms))
        } else {
            "switched off".to_owned()
        };
        let last = row.last.as_ref().map(|last| LastLine {
            result: Chip::new(
                match last.result {
                    RunResult::Success => Tone::Good,
                    RunResult::Partial => Tone::Look,
                    RunResult::Failed => Tone::Bad,
                    RunResult::Skipped => Tone::Over,
                },
                last.result.as_str(),
            ),
            began: When::ago(last.started_at, now, zone),
            message: sentence(&last.message),
        });
        let late = row.lateness_ms(now).map(|over| Chip::new(Tone::Look, format!("{} late", length(over))));
        let failures = (row.consecutive_failures > 0).then(|| match row.consecutive_failures {
            1 => Chip::new(Tone::Bad, "failed last time"),
            times => Chip::new(Tone::Bad, format!("failed {times} times in a row")),
        });
        TaskLine {
            task: row.task.as_str(),
            address: tenant_address(&row.tenant, &["tasks", row.channel.as_str(), row.task.as_str()]),
            complete: row.complete_until.map(|until| When::ago(until, now, zone)),
            late,
            rhythm,
            last,
            failures,
        }
    }
}

#[cfg(test)]
pub(super) fn sample_row() -> TaskRow {
    TaskRow {
        tenant: "acme".into(),
        channel: "FK1".into(),
        connector: "flipkart".to_owned(),
        task: plugin_api::Task::Status,
        enabled: true,
        interval_ms: 600_000,
        window_ms: None,
        next_run_at: 0,
        running: None,
        last: None,
        consecutive_failures: 0,
        mark: None,
        complete_until: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_says_how_old_what_it_read_is_and_that_it_fails() {
        let row = TaskRow { complete_until: Some(0), consecutive_failures: 3, ..sample_row() };
        let line = TaskLine::of(&row, 1_800_000, &Zone::default());
        assert!(line.complete.unwrap().to_string().contains("30 min ago"));
        assert!(line.late.unwrap().to_string().contains("10 min late"));
        assert!(line.failures.unwrap().to_string().contains("failed 3 times in a row"));
        let quiet = TaskLine::of(&sample_row(), 0, &Zone::default());
        assert!(quiet.complete.is_none() && quiet.late.is_none() && quiet.failures.is_none());
        let off = TaskLine::of(&TaskRow { enabled: false, ..sample_row() }, 0, &Zone::default());
        assert_eq!(off.rhythm, "switched off");
    }
}
