//! One page: answers about orders, decided in memory, written in one transaction.
//!
//! This is where the store's rows and the rules meet: facts that waited go first, then the page's own answers, each order
//! by itself; what is refused or unknown waits again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use plugin_api::{InvoiceNumbering, Mark, Millis, Observation, ShippedBy, Status, Task};

use crate::{
    domain::{
        apply::{self, Decision, Fact, Outcome, Policy, Verdict},
        codes::FacilityCode,
        duties::Parked,
        effect::{Change, Waited},
        fingerprint,
        ledger::Ledger,
        observed::Observed,
        snapshot::{Channel, OrderFile, Traceability},
    },
    plugins::Connector,
    storage::{
        Counts, Decide, Mode, PageKeys, PageReport, PageResult, PageState, RunId, RunLine, StoreError,
    },
};

use super::{Engine, holding::Holding};

/// What the connector says of itself, as far as the rules ask.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) capabilities: BTreeSet<(Status, ShippedBy)>,
    pub(super) invoice_numbering: InvoiceNumbering,
    /// `flipkart 0.1.0`, for history.
    pub(super) name: String,
}

impl Declared {
    pub(super) fn by(connector: &Connector) -> Self {
        let descriptor = &connector.descriptor;
        Declared {
            capabilities: descriptor
                .capabilities
                .iter()
                .map(|claim| (claim.status, claim.shipped_by))
                .collect(),
            invoice_numbering: descriptor.invoice_numbering,
            name: format!("{} {}", descriptor.id, connector.version),
        }
    }
}

/// What a page is decided with besides its answers.
#[derive(Clone, Debug)]
pub(super) struct PageSetting {
    pub(super) declared: Arc<Declared>,
    pub(super) return_window_ms: Millis,
    /// The window that the timer keeps to; returns beyond it are counted.
    pub(super) usual_window_ms: Millis,
    pub(super) now: Millis,
    pub(super) run: Option<RunId>,
    /// Whether lines of applied facts are kept with the run as well.
    pub(super) keep_all: bool,
    /// Whether an order about which nothing new is said may be passed over unread.
    pub(super) pass_unchanged: bool,
}

/// One answer about one order.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) order: String,
    /// The facts, each with the number by which the caller knows it.
    pub(super) facts: Vec<(usize, Observation)>,
}

/// Groups observations into answers: on one page everything about an order is one answer, wherever it stands.
pub(super) fn answers(observations: Vec<Observation>) -> Vec<Answer> {
    let mut sizes: Vec<usize> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    let places: Vec<usize> = observations
        .iter()
        .map(|seen| {
            let place = *known.entry(&seen.order).or_insert(sizes.len());
            if place == sizes.len() {
                sizes.push(0);
            }
            sizes[place] += 1;
            place
        })
        .collect();
    let mut answers: Vec<Answer> = Vec::with_capacity(sizes.len());
    for (number, (seen, place)) in observations.into_iter().zip(places).enumerate() {
        if place == answers.len() {
            answers.push(Answer { order: seen.order.clone(), facts: Vec::with_capacity(sizes[place]) });
        }
        answers[place].facts.push((number, seen));
    }
    answers
}

/// What became of one fact.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The caller's number; none for a fact that had waited.
    pub(super) number: Option<usize>,
    pub(super) order: String,
    pub(super) item: Option<String>,
    pub(super) verdict: Verdict,
    /// Whether it is a return that was applied although it is older than the usual window.
    pub(super) is_beyond_window: bool,
}

/// What a page came to.
pub(super) struct PageOutcome {
    pub(super) report: PageReport,
    pub(super) told: Vec<Told>,
}

impl Engine {
    /// Applies answers in one transaction, after whatever waits for `waiting_orders`.
    pub(super) async fn apply_page(
        &self,
        holding: &Holding,
        setting: &PageSetting,
        answers: Vec<Answer>,
        waiting_orders: Vec<String>,
        mark: Option<(Task, Mark)>,
        mode: Mode,
    ) -> Result<PageOutcome, StoreError> {
        let retry: BTreeSet<String> = waiting_orders.iter().cloned().collect();
        // Taken once: a page may be decided again.
        let prints: Vec<Option<u64>> =
            answers.iter().map(|answer| setting.pass_unchanged.then(|| print(answer))).collect();
        let keys = keys(setting, (&answers, &prints), waiting_orders);
        let told = Arc::new(Mutex::new(Vec::new()));
        let decide: Decide = {
            let (setting, told) = (setting.clone(), Arc::clone(&told));
            Box::new(move |state| {
                let (result, lines) = decide(&setting, state, &retry, (&answers, &prints), mark.clone());
                *told.lock().unwrap_or_else(PoisonError::into_inner) = lines;
                result
            })
        };
        let report = self.store.apply_page(&holding.fence, keys, mode, decide).await?;
        let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(PageOutcome { report, told })
    }
}

fn keys(
    setting: &PageSetting,
    (answers, prints): (&[Answer], &[Option<u64>]),
    waiting: Vec<String>,
) -> PageKeys {
    let mut orders: BTreeMap<String, Option<u64>> = waiting.into_iter().map(|order| (order, None)).collect();
    for (answer, print) in answers.iter().zip(prints) {
        // An order with two answers on one page is always read.
        orders.entry(answer.order.clone()).and_modify(|print| *print = None).or_insert(*print);
    }
    let numbers =
        answers.iter().flat_map(|answer| &answer.facts).filter_map(|(_, seen)| seen.invoice.clone());
    let invoice_numbers: BTreeSet<String> = numbers.collect();
    PageKeys {
        orders: orders.into_iter().collect(),
        stock: Vec::new(),
        invoice_numbers: invoice_numbers.into_iter().collect(),
        now: setting.now,
        run: setting.run,
    }
}

fn print(answer: &Answer) -> u64 {
    let facts: Vec<&Observation> = answer.facts.iter().map(|(_, seen)| seen).collect();
    fingerprint::of(&facts)
}

/// What the rules may know, from the channel as it is now.
pub(super) fn policy(
    channel: &Channel,
    facilities: &BTreeMap<FacilityCode, Traceability>,
    declared: &Declared,
    return_window_ms: Millis,
    now: Millis,
) -> Policy {
    Policy {
        channel: channel.code.clone(),
        shipping: channel.shipping,
        invoice_numbering: channel.invoice_numbering.unwrap_or(declared.invoice_numbering),
        default_facility: channel.default_facility.clone(),
        billing_party: channel.billing_party.clone(),
        trust_delivery: channel.trust_delivery,
        capabilities: declared.capabilities.clone(),
        traceability: facilities.iter().map(|(code, traced)| (code.clone(), *traced)).collect(),
        return_window_ms,
        now,
    }
}

/// Decides a page. Pure.
fn decide(
    setting: &PageSetting,
    state: PageState,
    retry: &BTreeSet<String>,
    (answers, prints): (&[Answer], &[Option<u64>]),
    mark: Option<(Task, Mark)>,
) -> (PageResult, Vec<Told>) {
    let policy =
        policy(&state.channel, &state.facilities, &setting.declared, setting.return_window_ms, setting.now);
    let mut desk = Desk {
        setting,
        policy,
        files: state.files,
        ledger: state.ledger,
        waiting: state.waiting,
        changed: BTreeSet::new(),
        seen: BTreeMap::new(),
        result: PageResult { mark, ..PageResult::default() },
        told: Vec::new(),
    };
    for order in retry {
        if desk.files.contains_key(order) && desk.waiting.contains_key(order) {
            desk.retry(order);
        }
    }
    let unchanged: HashSet<String> = state.unchanged.into_iter().collect();
    for (answer, print) in answers.iter().zip(prints) {
        if unchanged.contains(&answer.order) {
            desk.pass_over(answer);
        } else {
            desk.take(answer, *print);
        }
    }
    desk.result.ledger = desk.ledger.changes(state.counters);
    desk.result.seen = desk.seen.into_iter().collect();
    desk.result.files = desk.changed.iter().filter_map(|order| desk.files.remove(order)).collect();
    (desk.result, desk.told)
}

/// A page on the desk.
struct Desk<'a> {
    setting: &'a PageSetting,
    policy: Policy,
    files: HashMap<String, OrderFile>,
    ledger: Ledger,
    waiting: HashMap<String, Vec<(i64, Parked)>>,
    changed: BTreeSet<String>,
    /// The fingerprints to remember.
    seen: BTreeMap<String, Option<u64>>,
    result: PageResult,
    told: Vec<Told>,
}

impl Desk<'_> {
    /// Tries what waits for an order again; what is still refused goes on waiting.
    fn retry(&mut self, order: &str) {
        let waiting = self.waiting.remove(order).unwrap_or_default();
        let facts: Vec<Fact> = waiting
            .iter()
            .map(|(_, parked)| Fact { observation: parked.fact(), seen_at: parked.seen_at })
            .collect();
        let waited = |index: usize| {
            let (_, parked): &(i64, Parked) = waiting.get(index)?;
            let Parked { seen_at: since, cause, message, .. } = parked.clone();
            Some(Waited { since, cause, message })
        };
        let verdicts = self.apply(order, facts, |_| None, waited);
        let mut still = Vec::new();
        for ((id, parked), verdict) in waiting.into_iter().zip(verdicts) {
            if matches!(verdict.outcome, Outcome::Refused | Outcome::Parked) {
                still.push((id, parked));
            } else {
                self.result.unpark.push(id);
            }
        }
        self.waiting.insert(order.to_owned(), still);
    }

    fn pass_over(&mut self, answer: &Answer) {
        for (number, seen) in &answer.facts {
            let verdict = Verdict::by(Outcome::Unchanged, apply::Row::G7);
            self.tell(Some(*number), seen, verdict);
        }
    }

    fn take(&mut self, answer: &Answer, print: Option<u64>) {
        let Answer { order, facts: numbered } = answer;
        let facts: Vec<Fact> = numbered.iter().map(|(_, seen)| Fact::new(seen.clone())).collect();
        let known = self.files.contains_key(order);
        let number = |index: usize| numbered.get(index).map(|(number, _)| *number);
        let verdicts = self.apply(order, facts, number, |_| None);
        let mut settled = true;
        for ((_, seen), verdict) in numbered.iter().zip(&verdicts) {
            settled &= matches!(verdict.outcome, Outcome::Applied | Outcome::Unchanged);
            if matches!(verdict.outcome, Outcome::Refused | Outcome::Parked) {
                self.park(seen, verdict);
            }
        }
        if known {
            let waits = self.waiting.get(order).is_some_and(|waiting| !waiting.is_empty());
            self.seen.insert(order.clone(), print.filter(|_| settled && !waits));
        }
    }

    /// Applies facts to an order and keeps what came of it.
    fn apply(
        &mut self,
        order: &str,
        facts: Vec<Fact>,
        number: impl Fn(usize) -> Option<usize>,
        waited: impl Fn(usize) -> Option<Waited>,
    ) -> Vec<Verdict> {
        let decision = match self.files.get(order) {
            Some(file) => apply::apply(file, &mut self.ledger, &self.policy, &facts),
            None => Decision {
                verdicts: facts
                    .iter()
                    .map(|fact| apply::unknown_order(&self.policy, &fact.observation))
                    .collect(),
                effects: vec![Vec::new(); facts.len()],
                file: None,
            },
        };
        if let Some(file) = decision.file {
            self.changed.insert(order.to_owned());
            self.files.insert(order.to_owned(), file);
        }
        for (index, (fact, effects)) in facts.into_iter().zip(decision.effects).enumerate() {
            let verdict = &decision.verdicts[index];
            self.tell(number(index), &fact.observation, verdict.clone());
            if !effects.is_empty()
                && let Some(file) = self.files.get(order)
            {
                self.result.changes.push(Change {
                    order: file.order.code.clone(),
                    channel: self.policy.channel.clone(),
                    at: self.setting.now,
                    run: self.setting.run.map_or_else(|| "dry run".to_owned(), |run| run.to_string()),
                    connector: self.setting.declared.name.clone(),
                    row: verdict.row_text(),
                    code: verdict.code.map(|code| code.as_str().to_owned()),
                    message: verdict.message.clone(),
                    observation: Some(Observed::from(fact.observation)),
                    waited: waited(index),
                    effects,
                });
            }
        }
        decision.verdicts
    }

    /// Makes a fact wait, once.
    fn park(&mut self, seen: &Observation, verdict: &Verdict) {
        let observation = Observed::from(seen.clone());
        let waits = self
            .waiting
            .get(&seen.order)
            .is_some_and(|waiting| waiting.iter().any(|(_, parked)| parked.observation == observation));
        if waits || self.result.park.iter().any(|parked| parked.observation == observation) {
            return;
        }
        self.result.park.push(Parked {
            cause: verdict.code.map_or_else(String::new, |code| code.as_str().to_owned()),
            channel: Some(self.policy.channel.clone()),
            order: seen.order.clone(),
            item: seen.item.clone(),
            observation,
            message: verdict.message.clone(),
            seen_at: Some(self.setting.now),
        });
    }

    fn tell(&mut self, number: Option<usize>, seen: &Observation, verdict: Verdict) {
        let counts = &mut self.result.counts;
        counts.polled += 1;
        *count_of(counts, verdict.outcome) += 1;
        let keep = match verdict.outcome {
            Outcome::Refused | Outcome::Conflict | Outcome::Parked => true,
            Outcome::Applied | Outcome::Ignored | Outcome::Stale => self.setting.keep_all,
            Outcome::Unchanged => false,
        };
        if keep {
            self.result.lines.push(RunLine {
                order: seen.order.clone(),
                item: seen.item.clone(),
                outcome: verdict.outcome.as_str().to_owned(),
                row: verdict.row_text(),
                code: verdict.code.map(|code| code.as_str().to_owned()),
                message: verdict.message.clone(),
            });
        }
        let is_beyond_window = verdict.outcome == Outcome::Applied
            && seen.status.is_some_and(apply::is_of_a_return)
            && seen.at.is_some_and(|at| self.setting.now.saturating_sub(at) > self.setting.usual_window_ms);
        let (order, item) = (seen.order.clone(), seen.item.clone());
        self.told.push(Told { number, order, item, verdict, is_beyond_window });
    }
}

fn count_of(counts: &mut Counts, outcome: Outcome) -> &mut u64 {
    match outcome {
        Outcome::Applied => &mut counts.applied,
        Outcome::Unchanged => &mut counts.unchanged,
        Outcome::Stale => &mut counts.stale,
        Outcome::Parked => &mut counts.parked,
        Outcome::Conflict => &mut counts.conflict,
        Outcome::Refused => &mut counts.refused,
        Outcome::Ignored => &mut counts.ignored,
    }
}
