//! What a run has come to: its tally as it goes on, its result, and the sentence for it.

use plugin_api::{Error as ConnectorError, Millis};

use super::{RunSummary, SyncError, chosen::Chosen, world::Calls};
use crate::{
    domain::apply::Outcome,
    storage::{Counts, FailedCall, RunId, RunLine, RunResult, Timeline},
};

const DAY: Millis = 86_400_000;

/// What a run has come to so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) lines: Vec<RunLine>,
    /// What became of each order that a person chose.
    pub(super) chosen: Chosen,
    /// The first of the orders that were asked for and not mentioned,
    pub(super) absent: Vec<String>,
    /// and how many there are.
    pub(super) absent_count: u64,
    /// Pulls that failed, with the first error and the words of the last.
    pub(super) failed_pulls: u64,
    pub(super) error: Option<ConnectorError>,
    pub(super) last_error: Option<String>,
    /// The attempt after which the first of them was given up.
    pub(super) failed_call: Option<FailedCall>,
    /// A pull failed in a way in which the next would fail as well.
    pub(super) nobody_answers: bool,
    pub(super) lease_lost: bool,
    /// It was told to stop meanwhile.
    pub(super) stopped: bool,
    /// Applied returns that the usual window leaves out, and that window.
    pub(super) beyond_window: u64,
    pub(super) usual_window_ms: Millis,
    /// How far back was asked for and how far back the marketplace tells, if that is less.
    pub(super) cut: Option<(Millis, Millis)>,
}

const STOPPED: &str = "stopped before the run ended; what was applied stays, and the next run goes on";
/// What a run says that no longer holds its channel.
pub(super) const LEASE_LOST: &str =
    "lease lost: this host stood still for too long, and another may have taken the channel over";

/// The summary of a run that ended.
pub(super) fn summary(run: Option<RunId>, tally: Tally, calls: &Calls) -> RunSummary {
    let (result, message) = (result_of(&tally), sentence(&tally));
    RunSummary {
        calls: calls.sent(),
        retries: calls.again(),
        timeline: calls.timeline(),
        ..told(run, tally, result, message)
    }
}

/// The summary of a run that we could not go on with.
pub(super) fn failed_by_us(run: Option<RunId>, mut tally: Tally, error: &SyncError) -> RunSummary {
    tally.last_error = Some(error.to_string());
    tally.error = None;
    told(run, tally, RunResult::Failed, error.to_string())
}

fn told(run: Option<RunId>, tally: Tally, result: RunResult, message: String) -> RunSummary {
    let ended_early = match &tally.last_error {
        _ if tally.stopped => "the run was stopped",
        _ if tally.lease_lost => LEASE_LOST,
        Some(error) => error,
        None => "it changed before its turn",
    };
    RunSummary {
        run,
        result,
        message,
        counts: tally.counts,
        calls: 0,
        retries: 0,
        lines: tally.lines,
        more_orders: tally.chosen.more,
        orders: tally.chosen.told(ended_early),
        absent: tally.absent,
        error: tally.error,
        failed_call: tally.failed_call,
        timeline: Timeline::default(),
        stopped: tally.stopped,
        lease_lost: tally.lease_lost,
    }
}

/// FAILED: nothing could be asked, or everything that called for action was refused. PARTIAL: some of either. SKIPPED: there
/// was nothing to ask about. Conflicts, facts that wait and facts that are not ours are named in the message and leave
/// a run a SUCCESS.
pub(super) fn result_of(tally: &Tally) -> RunResult {
    let counts = &tally.counts;
    let chosen = tally.chosen.count();
    if tally.stopped && counts.polled == 0 {
        return RunResult::Skipped;
    }
    if tally.lease_lost || (tally.failed_pulls > 0 && counts.polled == 0) {
        return RunResult::Failed;
    }
    if chosen > 0 && tally.chosen.not_dispatched_count() == chosen && counts.polled == 0 {
        return RunResult::Skipped;
    }
    if counts.refused > 0 && counts.applied == 0 && counts.conflict == 0 {
        return RunResult::Failed;
    }
    if tally.failed_pulls > 0 || counts.refused > 0 || tally.stopped {
        RunResult::Partial
    } else {
        RunResult::Success
    }
}

/// What came of it, in a sentence.
pub(super) fn sentence(tally: &Tally) -> String {
    let counts = &tally.counts;
    let mut parts = Vec::new();
    if tally.lease_lost {
        parts.push(LEASE_LOST.to_owned());
    }
    if tally.stopped {
        parts.push(STOPPED.to_owned());
    }
    if let Some(error) = tally.error.as_ref().filter(|_| !tally.lease_lost) {
        parts.push(error.to_string());
    }
    for (number, words) in [
        (counts.applied, "applied"),
        (counts.refused, "refused"),
        (counts.conflict, "in conflict"),
        (counts.parked, "waiting for an order or item"),
        (counts.ignored, "ignored"),
        (counts.stale, "stale"),
        (tally.chosen.not_dispatched_count(), "not dispatched yet and not asked about"),
        (tally.chosen.waiting_count(), "not asked about"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    if tally.beyond_window > 0 {
        let (number, days) = (tally.beyond_window, tally.usual_window_ms / DAY);
        parts.push(format!("{number} of the returns that were applied are older than the usual {days} days"));
    }
    if let Some((asked, told)) = tally.cut {
        let (asked, told) = (asked / DAY, told / DAY);
        parts.push(format!("asked back to {told} days and not {asked}: the marketplace tells no more"));
    }
    if tally.absent_count > 0 {
        parts.push(format!("{} asked for and not mentioned by the marketplace", tally.absent_count));
    }
    if let Some(refused) = tally.lines.iter().find(|line| line.outcome == Outcome::Refused.as_str()) {
        parts.push(refused.message.clone());
    }
    if parts.is_empty() {
        let words = if counts.polled == 0 { "nothing was reported" } else { "nothing new" };
        return words.to_owned();
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(applied: u64, refused: u64) -> Tally {
        let counts = Counts { polled: 3, applied, refused, ..Counts::default() };
        Tally { counts, usual_window_ms: 30 * DAY, ..Tally::default() }
    }

    #[test]
    fn a_run_that_was_stopped_says_so_and_how_far_it_came() {
        let mut stopped = Tally { stopped: true, ..tally(2, 0) };
        stopped.chosen.add("O1".into(), "OD1".into());
        assert_eq!(result_of(&stopped), RunResult::Partial);
        assert_eq!(sentence(&stopped), format!("{STOPPED}; 2 applied; 1 not asked about"));
        assert_eq!(result_of(&Tally { stopped: true, ..Tally::default() }), RunResult::Skipped);
    }

    #[test]
    fn a_back_fill_counts_what_the_usual_window_leaves_out_and_says_where_the_marketplace_ends() {
        let told = Tally { beyond_window: 4, cut: Some((45 * DAY, 40 * DAY)), ..tally(9, 0) };
        let words = "9 applied; 4 of the returns that were applied are older than the usual 30 days; asked back to 40 \
                     days and not 45: the marketplace tells no more";
        assert_eq!(sentence(&told), words);
        assert_eq!(result_of(&told), RunResult::Success);
    }

    #[test]
    fn a_run_that_had_nothing_to_ask_about_is_skipped() {
        let mut early = Tally::default();
        early.chosen.add("O1".into(), "OD1".into());
        early.chosen.not_dispatched("OD1");
        assert_eq!(result_of(&early), RunResult::Skipped);
        assert_eq!(sentence(&early), "1 not dispatched yet and not asked about");
        early.chosen.add("O2".into(), "OD2".into());
        assert_eq!(result_of(&early), RunResult::Success, "the other was asked about");
    }
}
