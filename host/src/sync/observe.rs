//! Observations from a file: the same road as a run, without a connector's pull.

use std::{collections::BTreeMap, sync::Arc};

use plugin_api::{Millis, Observation};
use serde::Serialize;

use super::{
    Engine, SyncError,
    gates::{Gate, Open},
    holding::Holding,
    page::{Answer, Declared, PageSetting, Told},
    result::{Tally, result_of, sentence},
};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        observed,
    },
    storage::{Counts, Mode, NewRun, RunEnd, RunId, RunResult, StoreError, Trigger},
};

/// How far back returns count, unless the request says otherwise.
const RETURN_WINDOW: Millis = 30 * 86_400_000;
/// Answers that are applied in one transaction.
const ANSWERS_A_PAGE: usize = 500;
/// Orders whose waiting facts are tried in one transaction.
const RETRIES_A_PAGE: u32 = 500;

/// One line of the file.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was seen.
    pub observed: observed::Observed,
    /// Lines with the same number form one answer; without one, adjacent lines of one order do.
    pub answer: Option<i64>,
    /// The line in the file, from 1.
    pub number: usize,
}

/// Observations to apply.
#[derive(Clone, Debug)]
pub struct ObserveRequest {
    /// The tenant.
    pub tenant: TenantCode,
    /// The channel.
    pub channel: ChannelCode,
    /// The lines, in file order.
    pub lines: Vec<Line>,
    /// The run's time, UTC; absent = now.
    pub now: Option<Millis>,
    /// A wider return window, in milliseconds.
    pub since_ms: Option<Millis>,
    /// Show what would change, change nothing; works before go-live.
    pub dry_run: bool,
}

/// What became of one observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeLine {
    /// The marketplace's order id.
    pub order: String,
    /// The marketplace's item id.
    pub item: Option<String>,
    /// APPLIED, UNCHANGED, …
    pub outcome: String,
    /// The rule's row ids, `D1>L2`.
    pub row: String,
    /// The code, where the outcome has one.
    pub code: Option<String>,
    /// A sentence.
    pub message: String,
    /// Whether it had waited from an earlier run.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retried: bool,
}

/// What a file of observations came to.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its run; none for a dry run.
    pub run: Option<RunId>,
    /// How it ended.
    pub result: RunResult,
    /// In a sentence.
    pub message: String,
    /// One a line of the file, in file order; none if a gate stopped the run.
    pub lines: Vec<OutcomeLine>,
    /// What had waited and was tried again.
    pub retried: Vec<OutcomeLine>,
    /// What became of all of them.
    pub counts: Counts,
}

impl Engine {
    /// Applies observations.
    ///
    /// # Errors
    /// If the channel is unknown or held by another run, or the store failed.
    pub async fn observe(&self, request: ObserveRequest) -> Result<Observed, SyncError> {
        let (tenant, channel) = (&request.tenant, &request.channel);
        let standing = self.store.standing(tenant, channel).await?;
        let open = match self.gate(tenant, channel, standing, None, !request.dry_run)? {
            Gate::Open(open) => open,
            Gate::Closed(message) => return self.skip_observe(&request, message).await,
        };
        let begun = (!request.dry_run).then(|| self.new_observe(&request));
        let holding = self.claiming(tenant, channel, begun, None).hold().await?;
        let observed = self.held_observe(&request, &open, &holding).await;
        holding.release().await;
        observed
    }

    async fn skip_observe(&self, request: &ObserveRequest, message: String) -> Result<Observed, SyncError> {
        let run = if request.dry_run {
            None
        } else {
            Some(self.store.start_run(&self.new_observe(request)).await?)
        };
        let observed = Observed {
            run,
            result: RunResult::Skipped,
            message,
            lines: Vec::new(),
            retried: Vec::new(),
            counts: Counts::default(),
        };
        if let Some(run) = run {
            self.store.finish_run(run, &self.end_of_observe(&observed), None).await?;
        }
        Ok(observed)
    }

    fn new_observe(&self, request: &ObserveRequest) -> NewRun {
        NewRun {
            tenant: request.tenant.clone(),
            channel: request.channel.clone(),
            task: None,
            trigger: Trigger::Observe,
            started_at: self.clock.now_ms(),
            request_key: None,
            only_if_due: false,
        }
    }

    fn end_of_observe(&self, observed: &Observed) -> RunEnd {
        RunEnd {
            ended_at: self.clock.now_ms(),
            result: observed.result,
            message: observed.message.clone(),
            counts: observed.counts,
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

    async fn held_observe(
        &self,
        request: &ObserveRequest,
        open: &Open,
        holding: &Holding,
    ) -> Result<Observed, SyncError> {
        let run = holding.run;
        let setting = PageSetting {
            declared: Arc::new(Declared::by(&open.connector)),
            return_window_ms: request.since_ms.unwrap_or(RETURN_WINDOW),
            usual_window_ms: RETURN_WINDOW,
            now: request.now.unwrap_or_else(|| self.clock.now_ms()),
            run,
            keep_all: true,
            pass_unchanged: false,
        };
        let mut observed = Observed {
            run,
            result: RunResult::Failed,
            message: String::new(),
            lines: Vec::new(),
            retried: Vec::new(),
            counts: Counts::default(),
        };
        let applied = self.apply_lines(request, holding, &setting, &mut observed).await;
        let mut tally = Tally { counts: observed.counts, ..Tally::default() };
        if let Err(SyncError::Store(StoreError::LeaseLost { .. })) = &applied {
            tally.lease_lost = true;
        }
        observed.result = if applied.is_ok() { result_of(&tally) } else { RunResult::Failed };
        observed.message = match &applied {
            Ok(()) => sentence(&tally),
            Err(error) => error.to_string(),
        };
        // Why it failed matters more than that another has ended it meanwhile.
        let ended = holding.end(&self.end_of_observe(&observed)).await;
        applied?;
        ended?;
        Ok(observed)
    }

    async fn apply_lines(
        &self,
        request: &ObserveRequest,
        holding: &Holding,
        setting: &PageSetting,
        observed: &mut Observed,
    ) -> Result<(), SyncError> {
        let mode = if request.dry_run { Mode::Rehearse } else { Mode::Commit };
        let mut after: Option<String> = None;
        loop {
            let waiting = self
                .store
                .waiting_orders(&request.tenant, &request.channel, after.as_deref(), RETRIES_A_PAGE)
                .await?;
            let Some(last) = waiting.last().cloned() else { break };
            let page = self.apply_page(holding, setting, Vec::new(), waiting, None, mode).await?;
            observed.counts += page.report.counts;
            observed.retried.extend(page.told.into_iter().map(outcome_line));
            after = Some(last);
        }
        let mut facts: Vec<Observation> =
            request.lines.iter().map(|line| line.observed.clone().into()).collect();
        self.name_orders(holding, &mut facts).await?;
        let answers = group(request.lines.iter().map(|line| line.answer).zip(facts));
        let mut told: BTreeMap<usize, OutcomeLine> = BTreeMap::new();
        for answers in answers.chunks(ANSWERS_A_PAGE) {
            let page = self.apply_page(holding, setting, answers.to_vec(), Vec::new(), None, mode).await?;
            observed.counts += page.report.counts;
            for line in page.told {
                if let Some(number) = line.number {
                    told.insert(number, outcome_line(line));
                }
            }
        }
        observed.lines = told.into_values().collect();
        Ok(())
    }
}

fn outcome_line(told: Told) -> OutcomeLine {
    OutcomeLine {
        order: told.order,
        item: told.item,
        outcome: told.verdict.outcome.as_str().to_owned(),
        row: told.verdict.row_text(),
        code: told.verdict.code.map(|code| code.as_str().to_owned()),
        message: told.verdict.message,
        retried: told.number.is_none(),
    }
}

/// Groups lines into answers: by their number if they have one, else what is adjacent and about one order.
fn group(lines: impl Iterator<Item = (Option<i64>, Observation)>) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let mut by_number: BTreeMap<(i64, String), usize> = BTreeMap::new();
    let mut adjacent: Option<usize> = None;
    for (number, (answer, fact)) in lines.enumerate() {
        let order = fact.order.clone();
        let place = match answer {
            Some(answer) => {
                adjacent = None;
                by_number.get(&(answer, order.clone())).copied()
            }
            None => adjacent.filter(|&place| answers[place].order == order),
        };
        match place {
            Some(place) => answers[place].facts.push((number, fact)),
            None => {
                answers.push(Answer { order: order.clone(), facts: vec![(number, fact)] });
                match answer {
                    Some(answer) => drop(by_number.insert((answer, order), answers.len() - 1)),
                    None => adjacent = Some(answers.len() - 1),
                }
            }
        }
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(order: &str, answer: Option<i64>) -> (Option<i64>, Observation) {
        (answer, Observation::new(order, None, ""))
    }

    fn shape<const N: usize>(lines: [(Option<i64>, Observation); N]) -> Vec<(String, Vec<usize>)> {
        let numbers =
            |answer: Answer| (answer.order, answer.facts.into_iter().map(|(number, _)| number).collect());
        group(lines.into_iter()).into_iter().map(numbers).collect()
    }

    #[test]
    fn adjacent_lines_of_one_order_are_one_answer() {
        let lines = [line("A", None), line("A", None), line("B", None), line("A", None)];
        assert_eq!(shape(lines), [("A".into(), vec![0, 1]), ("B".into(), vec![2]), ("A".into(), vec![3])]);
    }

    #[test]
    fn an_answers_number_alone_groups_its_lines() {
        let lines =
            [line("A", Some(1)), line("A", Some(2)), line("A", Some(1)), line("A", None), line("B", Some(1))];
        let expected = [("A", vec![0, 2]), ("A", vec![1]), ("A", vec![3]), ("B", vec![4])];
        assert_eq!(shape(lines), expected.map(|(order, numbers)| (order.to_owned(), numbers)));
    }
}
