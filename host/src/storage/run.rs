//! Runs: one pass of a task, or of a person's request, over a channel.

use std::{fmt, ops::AddAssign};

use plugin_api::{Millis, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{task::LastRun, timeline::Timeline};
use crate::domain::{
    codes::{ChannelCode, OrderCode, TenantCode},
    order::states,
};

/// The id of a run: `R1`, `R2`, …, rising over all tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub i64);

impl RunId {
    /// The id that a person typed, in either case.
    pub fn parse(text: &str) -> Option<RunId> {
        let digits = text.strip_prefix(['R', 'r'])?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().map(RunId)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "R{}", self.0)
    }
}

impl Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        RunId::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no run such as R12")))
    }
}

states! {
    /// How a run ended.
    RunResult {
        /// Everything that was asked was answered and nothing was refused.
        Success "SUCCESS",
        /// Some page failed or something was refused.
        Partial "PARTIAL",
        /// Nothing could be asked, or everything was refused.
        Failed "FAILED",
        /// A guard stopped it before it asked anything.
        Skipped "SKIPPED",
    }
}

states! {
    /// What set a run off.
    Trigger {
        /// Its task was due.
        Timer "TIMER",
        /// A person asked for it.
        Manual "MANUAL",
        /// Observations came from a file.
        Observe "OBSERVE",
    }
}

/// What became of observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the outcome of its name")]
pub struct Counts {
    pub polled: u64,
    pub applied: u64,
    pub unchanged: u64,
    pub stale: u64,
    pub parked: u64,
    pub conflict: u64,
    pub refused: u64,
    pub ignored: u64,
}

impl Counts {
    /// The counts of outcomes, each with its name.
    pub fn by_outcome(&self) -> [(&'static str, u64); 7] {
        [
            ("APPLIED", self.applied),
            ("UNCHANGED", self.unchanged),
            ("STALE", self.stale),
            ("PARKED", self.parked),
            ("CONFLICT", self.conflict),
            ("REFUSED", self.refused),
            ("IGNORED", self.ignored),
        ]
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.polled += more.polled;
        self.applied += more.applied;
        self.unchanged += more.unchanged;
        self.stale += more.stale;
        self.parked += more.parked;
        self.conflict += more.conflict;
        self.refused += more.refused;
        self.ignored += more.ignored;
    }
}

/// The outcome of one observation, kept with its run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLine {
    /// The marketplace's order id.
    pub order: String,
    /// The marketplace's item id.
    #[serde(default)]
    pub item: Option<String>,
    /// APPLIED, REFUSED, …
    pub outcome: String,
    /// The rule's row ids.
    pub row: String,
    /// The code, where the outcome has one.
    #[serde(default)]
    pub code: Option<String>,
    /// The sentence.
    pub message: String,
}

states! {
    /// What became of a chosen order: the gravest outcome of what was said of it, or why nothing was said.
    OrderOutcome {
        /// Something is missing on our side; tried again with each run.
        Refused "REFUSED",
        /// A contradiction that a person must decide.
        Conflict "CONFLICT",
        /// It changed.
        Applied "APPLIED",
        /// Something of it waits for an item that is not known yet.
        Parked "PARKED",
        /// Not ours to apply.
        Ignored "IGNORED",
        /// Older than what is known.
        Stale "STALE",
        /// No news.
        Unchanged "UNCHANGED",
        /// The marketplace was asked and did not mention it.
        NotMentioned "NOT_MENTIONED",
        /// The marketplace was asked and did not answer.
        NotAnswered "NOT_ANSWERED",
        /// The run ended before it was asked about.
        NotAsked "NOT_ASKED",
        /// It has not been dispatched, so nothing can come back; not asked about.
        NotDispatched "NOT_DISPATCHED",
    }
}

/// What became of one order that a person chose, kept with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunOrder {
    /// Our code.
    #[schemars(with = "String")]
    pub order: OrderCode,
    /// The marketplace's id.
    pub channel_order_id: String,
    /// The gravest outcome, or why there is none.
    #[schemars(with = "String")]
    pub outcome: OrderOutcome,
    /// The rule's row ids, where a rule decided.
    #[serde(default)]
    pub row: Option<String>,
    /// The code, where the outcome has one.
    #[serde(default)]
    pub code: Option<String>,
    /// The sentence.
    pub message: String,
}

/// A run to start.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The task whose row it keeps up to date; none for observations from a file.
    pub task: Option<Task>,
    /// What set it off.
    pub trigger: Trigger,
    /// When it began, UTC.
    pub started_at: Millis,
    /// The text by which its caller finds it again; unique within the tenant.
    pub request_key: Option<String>,
    /// Whether it is begun only if its task is due at `started_at`: another host may have done it since it was looked for.
    pub only_if_due: bool,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// When it ended, UTC.
    pub ended_at: Millis,
    /// How.
    pub result: RunResult,
    /// In a sentence.
    pub message: String,
    /// What became of the observations.
    pub counts: Counts,
    /// Requests that were sent.
    pub calls: u64,
    /// Of these: sent again.
    pub retries: u64,
    /// When its task is due again; `None` leaves that as it is.
    pub next_run_at: Option<Millis>,
    /// The interval that this was reckoned from, in milliseconds. If the task has another one by now, somebody has changed it
    /// meanwhile and said when it is due.
    pub interval_ms: Option<Millis>,
    /// Everything that happened before this instant, UTC, has been read and applied by it.
    pub complete_until: Option<Millis>,
    /// What became of each order that a person chose.
    pub orders: Vec<RunOrder>,
    /// The call after which the marketplace was given up, if it was.
    pub failed_call: Option<FailedCall>,
    /// What it did, moment by moment; none if there is nothing to tell.
    pub timeline: Option<Timeline>,
}

/// The call to a marketplace after which it was given up, kept with its run so that people can see why. It holds no secret,
/// and nothing of a good reply but its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedCall {
    /// The rate-plan name of the call.
    pub operation: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Host and path, without query.
    pub target: String,
    /// The HTTP status; absent if there was no whole reply.
    pub status: Option<u16>,
    /// Bytes of the reply's body, unpacked.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Which attempt of its request it was, from 1.
    pub attempt: u32,
    /// What was said; absent if the reply was a success by its status (2xx) and only its content was of no use.
    pub told: Option<ToldCall>,
}

impl FailedCall {
    /// What was asked, and what was answered: `GET api.example.com/orders?page=2`, `HTTP 503, text/html, 13 bytes`.
    pub fn ends(&self) -> (String, String) {
        let told = self.told.as_ref();
        let query = told.map(|told| told.query.as_str()).filter(|query| !query.is_empty());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let answer = match (self.status, told) {
            (Some(status), told) => {
                let kind = told.and_then(|told| told.content_type.as_ref());
                let kind = kind.map(|kind| format!(", {kind}")).unwrap_or_default();
                format!("HTTP {status}{kind}, {} bytes", self.bytes)
            }
            (None, told) => {
                let why = told.and_then(|told| told.problem.as_deref()).unwrap_or("the cause is not known");
                format!("no reply: {why}")
            }
        };
        (format!("{} {}{query}", self.method, self.target), answer)
    }

    /// All of it as lines of text.
    pub fn lines(&self) -> Vec<String> {
        let (asked, answered) = self.ends();
        let told = self.told.as_ref();
        let text = |part: fn(&ToldCall) -> &String| told.map(part).filter(|text| !text.is_empty()).cloned();
        let mut lines = vec![format!(
            "The marketplace was given up after call {}, attempt {}:",
            self.operation, self.attempt
        )];
        lines.push(asked);
        lines.extend(text(|told| &told.request));
        lines.push(answered);
        lines.extend(text(|told| &told.reply));
        lines
    }
}

/// What was sent and what came back, blanked, and cut where it is long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToldCall {
    /// The query, without the question mark.
    pub query: String,
    /// The body that was sent.
    pub request: String,
    /// The reply's content type.
    pub content_type: Option<String>,
    /// The reply's body.
    pub reply: String,
    /// Why there was no reply.
    pub problem: Option<String>,
}

/// Quiet runs of a task that are kept: enough to see how it went lately.
pub(super) const QUIET_RUNS_KEPT: u32 = 30;

impl RunEnd {
    /// Whether there is nothing to tell of the run but that it was: nothing failed, and nothing came of what was reported.
    pub fn is_quiet(&self) -> bool {
        let Counts { applied, parked, conflict, refused, .. } = self.counts;
        let is_calm = matches!(self.result, RunResult::Success | RunResult::Skipped);
        // What became of chosen orders is worth keeping, whatever it is: somebody asked.
        is_calm && applied + parked + conflict + refused == 0 && self.orders.is_empty()
    }

    /// The same end with what the run did, moment by moment, unless nothing came of it and nothing waited.
    #[must_use]
    pub fn with_timeline(self, timeline: &Timeline) -> RunEnd {
        let is_kept = !self.is_quiet() || timeline.is_telling();
        RunEnd { timeline: (is_kept && !timeline.moments.is_empty()).then(|| timeline.clone()), ..self }
    }

    /// The end of a run whose host died or stood still. Only one run at a time holds a channel, so one that has not ended
    /// when the next begins, at `at`, has no host any more, or one that has been passed.
    pub(super) fn abandoned(at: Millis, counts: Counts) -> RunEnd {
        RunEnd {
            ended_at: at,
            result: RunResult::Failed,
            message:
                "lease lost: the run's host stopped or stood still before its end; what it had applied stays"
                    .to_owned(),
            counts,
            calls: 0,
            retries: 0,
            next_run_at: None,
            interval_ms: None,
            complete_until: None,
            orders: Vec::new(),
            failed_call: None,
            timeline: None,
        }
    }

    /// What the run leaves in its task.
    pub(super) fn last(&self, run: &Run) -> LastRun {
        LastRun {
            run: run.id,
            started_at: run.started_at,
            duration_ms: (self.ended_at - run.started_at).max(0),
            result: self.result,
            message: self.message.clone(),
            counts: self.counts,
        }
    }

    /// What becomes of a task's count of failures, in SQL.
    pub(super) fn failures(&self) -> &'static str {
        match self.result {
            RunResult::Failed => "consecutive_failures + 1",
            RunResult::Success | RunResult::Partial => "0",
            RunResult::Skipped => "consecutive_failures",
        }
    }
}

/// A run as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The task.
    pub task: Option<Task>,
    /// What set it off.
    pub trigger: Trigger,
    /// When it began, UTC.
    pub started_at: Millis,
    /// When it ended, UTC; absent while it runs.
    pub ended_at: Option<Millis>,
    /// How it ended.
    pub result: Option<RunResult>,
    /// In a sentence.
    pub message: String,
    /// What became of the observations.
    pub counts: Counts,
    /// Requests that were sent.
    pub calls: u64,
    /// Of these: sent again.
    pub retries: u64,
}

/// Which runs to list. Empty means all.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this tenant.
    pub tenant: Option<TenantCode>,
    /// Of this channel.
    pub channel: Option<ChannelCode>,
    /// Of this task.
    pub task: Option<Task>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_is_read_as_it_is_printed() {
        assert_eq!(RunId::parse(&RunId(12).to_string()), Some(RunId(12)));
        assert_eq!(RunId::parse("r7"), Some(RunId(7)));
        for wrong in ["", "R", "12", "R-1", "R+1", "R1x"] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
    }
}
