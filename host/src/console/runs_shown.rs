//! How tasks and runs look: results, counts, what a task is for, and the bars of its last runs.

use askama::{Template, filters::HtmlSafe};
use plugin_api::{Millis, Task};

use super::shown::{length, number};
use crate::{
    domain::zone::Zone,
    storage::{Counts, Run, RunResult, Trigger},
};

/// Runs that the bars show.
pub(super) const BARS: u32 = 30;
/// Room for a bar, in units of the picture.
const BAR_STEP: usize = 5;
const BAR_HIGHEST: u32 = 22;
const BAR_LOWEST: u32 = 6;

/// What a task asks the marketplace.
pub(super) fn purpose(task: Task) -> &'static str {
    match task {
        Task::Status => "what was dispatched, cancelled or delivered since it last asked",
        Task::Pending => "each order that has not left, one by one",
        Task::Delivery => "each parcel that is on its way, one by one",
        Task::Returns => "what comes back or came back",
    }
}

/// What set a run off.
pub(super) fn set_off_by(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Timer => "timer",
        Trigger::Manual => "a person",
        Trigger::Observe => "a file",
    }
}

/// Counts as words, without those of nothing: `240 read, 3 applied, 1 refused`.
pub(super) fn counted(counts: &Counts) -> String {
    let outcomes = counts.by_outcome();
    let words = outcomes.iter().map(|(name, count)| (name.to_lowercase(), *count));
    let all = std::iter::once(("read".to_owned(), counts.polled)).chain(words);
    let told: Vec<String> = all
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{} {name}", number(count)))
        .collect();
    if told.is_empty() { "nothing read".to_owned() } else { told.join(", ") }
}

/// How long a run took, exactly where it was short.
pub(super) fn took(millis: Millis) -> String {
    match millis {
        ..100 => format!("{millis} ms"),
        100..10_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => length(millis),
    }
}

/// The last runs of a task as bars: how they ended by colour, how long they took by height.
#[derive(Clone, Debug, Default, PartialEq, Eq, Template)]
#[template(path = "bars.svg", ext = "html")]
pub(super) struct Bars {
    words: String,
    bars: Vec<Bar>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bar {
    tone: &'static str,
    x: usize,
    y: u32,
    height: u32,
    title: String,
}

impl HtmlSafe for Bars {}

impl Bars {
    /// Of runs, the newest first.
    pub(super) fn of(runs: &[Run], zone: &Zone) -> Bars {
        let ended: Vec<&Run> = runs.iter().filter(|run| run.ended_at.is_some()).collect();
        let lasted =
            |run: &Run| u64::try_from(run.ended_at.unwrap_or(run.started_at) - run.started_at).unwrap_or(0);
        let longest = ended.iter().map(|run| lasted(run)).max().unwrap_or(0).max(1);
        let free = (BARS as usize).saturating_sub(ended.len());
        let bars = ended.iter().rev().enumerate().map(|(at, run)| {
            let share =
                u32::try_from(lasted(run) * u64::from(BAR_HIGHEST - BAR_LOWEST) / longest).unwrap_or(0);
            let height = BAR_LOWEST + share;
            let result = run.result.map_or("", RunResult::as_str);
            Bar {
                tone: match run.result {
                    Some(RunResult::Success) => "good",
                    Some(RunResult::Partial) => "look",
                    Some(RunResult::Failed) => "bad",
                    Some(RunResult::Skipped) | None => "over",
                },
                x: (free + at) * BAR_STEP,
                y: BAR_HIGHEST - height,
                height,
                title: format!("{} {}: {result}", run.id, zone.words(run.started_at)),
            }
        });
        let of = |result: RunResult| ended.iter().filter(|run| run.result == Some(result)).count();
        let counts: Vec<String> = RunResult::ALL
            .iter()
            .filter(|result| of(**result) > 0)
            .map(|result| format!("{} {}", of(*result), result.as_str()))
            .collect();
        let words = match counts.as_slice() {
            [] => "No run yet".to_owned(),
            counts => format!("Last {} runs: {}", ended.len(), counts.join(", ")),
        };
        Bars { words, bars: bars.collect() }
    }
}

#[cfg(test)]
pub(super) fn sample_run(id: i64, result: Option<RunResult>) -> Run {
    use crate::storage::RunId;
    Run {
        id: RunId(id),
        tenant: "acme".into(),
        channel: "FK1".into(),
        task: Some(Task::Status),
        trigger: Trigger::Timer,
        started_at: id * 1_000,
        ended_at: result.map(|_| id * 1_100),
        result,
        message: "nothing <new>".to_owned(),
        counts: Counts { polled: 1_240, applied: 3, ..Counts::default() },
        calls: 4,
        retries: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_leave_out_what_is_nothing() {
        assert_eq!(counted(&Counts::default()), "nothing read");
        let counts = Counts { polled: 1_240, applied: 3, refused: 1, ..Counts::default() };
        assert_eq!(counted(&counts), "1,240 read, 3 applied, 1 refused");
    }

    #[test]
    fn bars_stand_from_the_oldest_to_the_newest_and_say_what_they_show() {
        let runs = [(9, Some(RunResult::Failed)), (8, None), (7, Some(RunResult::Success))];
        let text = Bars::of(&runs.map(|(id, result)| sample_run(id, result)), &Zone::default()).to_string();
        assert!(text.contains("aria-label=\"Last 2 runs: 1 SUCCESS, 1 FAILED\""), "{text}");
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
        assert!(place("R7") < place("R9") && !text.contains("R8"), "{text}");
        assert!(Bars::of(&[], &Zone::default()).to_string().contains("No run yet"));
    }

    #[test]
    fn short_runs_are_told_exactly() {
        assert_eq!([45, 450, 9_990, 10_000, 125_000].map(took), ["45 ms", "0.4 s", "9.9 s", "10 s", "2 min"]);
    }
}
