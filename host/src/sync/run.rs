//! One run from its gates to its result: the same road for the timer, for "sync now", for a back-fill and for a dry run.

use std::sync::Arc;

use plugin_api::{Millis, Scope, Task};
use tokio::time::Instant;

use super::{
    Choice, Engine, Progress, RunRequest, RunSummary, SyncError, Watch,
    gates::{Gate, Open},
    holding::Holding,
    page::{Declared, PageOutcome, PageSetting},
    result::{LEASE_LOST, Tally, failed_by_us, summary},
    schedule::{next_run, retry_at},
    world::{AccountError, Calls, World, observer},
};
use crate::{
    domain::apply::Outcome,
    storage::{
        Counts, Mode, NewRun, OrderFilter, RunEnd, RunId, RunLine, RunResult, Standing, StoreError, TaskRow,
        Timeline, Trigger,
    },
};

const DAY: Millis = 86_400_000;
/// How far back a first look at what changed goes.
const FIRST_LOOK: Millis = 15 * DAY;
/// How far back returns are looked for, unless the task says otherwise.
const RETURN_WINDOW: Millis = 30 * DAY;
/// Orders whose waiting facts are tried in one transaction.
const RETRIES_A_PAGE: u32 = 500;
/// Lines that a summary lists; its counts are of all.
const LINES_TOLD: usize = 10_000;

/// A run under way.
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine,
    pub(super) request: &'a RunRequest,
    pub(super) open: &'a Open,
    pub(super) holding: &'a Holding,
    pub(super) setting: PageSetting,
    pub(super) world: World,
    pub(super) secret_names: Vec<String>,
    pub(super) watch: Option<Watch>,
    pub(super) calls: Arc<Calls>,
    pub(super) tally: Tally,
    /// Chosen orders of the batches that have been answered.
    pub(super) answered: u64,
}

impl Engine {
    /// Does a run.
    ///
    /// # Errors
    /// If it could not begin: the channel is unknown or held by another run, the choice makes no sense, or the store failed.
    /// Once it has begun, whatever goes wrong is in the summary.
    /// # Idempotency
    /// By the request key, however many ask at the same time.
    pub async fn run(&self, request: RunRequest, watch: Option<Watch>) -> Result<RunSummary, SyncError> {
        match self.run_once(&request, watch).await {
            // Another channel's run took the key meanwhile, or one that a gate stopped.
            Err(SyncError::Store(StoreError::Exists(what))) if request.request_key.is_some() => {
                let done = self.already_done(&request).await?;
                done.ok_or(SyncError::Store(StoreError::Exists(what)))
            }
            other => other,
        }
    }

    async fn run_once(&self, request: &RunRequest, watch: Option<Watch>) -> Result<RunSummary, SyncError> {
        if let Some(done) = self.already_done(request).await? {
            return Ok(done);
        }
        self.check_choice(request).await?;
        let standing = self.store.standing(&request.tenant, &request.channel).await?;
        self.run_from(request, standing, watch).await
    }

    /// Does a run of a channel of which the store has just said how it stands.
    pub(super) async fn run_from(
        &self,
        request: &RunRequest,
        standing: Option<Standing>,
        watch: Option<Watch>,
    ) -> Result<RunSummary, SyncError> {
        let (tenant, channel) = (&request.tenant, &request.channel);
        let mut open = match self.gate(tenant, channel, standing, Some(request), !request.dry_run)? {
            Gate::Open(open) => open,
            Gate::Closed(message) => return self.skip(request, message).await,
        };
        self.check_filter(request, &open, windows(request, &open).1).await?;
        let begun = (!request.dry_run).then(|| self.new_run(request));
        let mut claiming = self.claiming(tenant, channel, begun, watch.as_ref());
        let holding = loop {
            match claiming.look().await {
                Ok(Some(holding)) => break holding,
                waits => {
                    // Whoever asked the same at the same time may have begun it meanwhile, or even ended it.
                    if let Some(done) = self.already_done(request).await? {
                        return Ok(done);
                    }
                    waits?;
                }
            }
        };
        if request.trigger != Trigger::Timer {
            // Whoever held the channel meanwhile may have been given other ones.
            open.secrets = self.store.secrets(&request.tenant, &request.channel).await?;
        }
        let summary = self.held_run(request, &open, &holding, watch).await;
        holding.release().await;
        summary
    }

    /// What came of the run that was made for the same request before.
    async fn already_done(&self, request: &RunRequest) -> Result<Option<RunSummary>, SyncError> {
        let Some(key) = request.request_key.as_deref().filter(|_| !request.dry_run) else { return Ok(None) };
        let Some(id) = self.store.run_of_request(&request.tenant, key).await? else { return Ok(None) };
        let Some((run, lines)) = self.store.run(id).await? else { return Ok(None) };
        if run.channel != request.channel || run.task != Some(request.task) {
            return Err(SyncError::BadRequest(format!(
                "request key {key} was used for another run ({id} on channel {}); take a new one",
                run.channel
            )));
        }
        let orders = self.store.run_orders(id).await?;
        let is_on = run.ended_at.is_none();
        let message = if is_on { "this run is on since the first request".to_owned() } else { run.message };
        Ok(Some(RunSummary {
            run: Some(id),
            result: run.result.unwrap_or(RunResult::Skipped),
            message,
            counts: run.counts,
            calls: run.calls,
            retries: run.retries,
            lines,
            orders,
            more_orders: 0,
            absent: Vec::new(),
            error: None,
            failed_call: None,
            timeline: Timeline::default(),
            stopped: false,
            lease_lost: false,
        }))
    }

    /// A run that a gate stopped: it asks nothing, and the task list shows why.
    async fn skip(&self, request: &RunRequest, message: String) -> Result<RunSummary, SyncError> {
        let run =
            if request.dry_run { None } else { Some(self.store.start_run(&self.new_run(request)).await?) };
        let summary = RunSummary {
            run,
            result: RunResult::Skipped,
            message,
            counts: Counts::default(),
            calls: 0,
            retries: 0,
            lines: Vec::new(),
            orders: Vec::new(),
            more_orders: 0,
            absent: Vec::new(),
            error: None,
            failed_call: None,
            timeline: Timeline::default(),
            stopped: false,
            lease_lost: false,
        };
        if let Some(run) = run {
            self.store.finish_run(run, &self.end_of(request, &summary, self.clock.now_ms()), None).await?;
        }
        Ok(summary)
    }

    fn new_run(&self, request: &RunRequest) -> NewRun {
        NewRun {
            tenant: request.tenant.clone(),
            channel: request.channel.clone(),
            task: Some(request.task),
            trigger: request.trigger,
            started_at: self.clock.now_ms(),
            request_key: request.request_key.clone(),
            only_if_due: request.due.is_some(),
        }
    }

    fn end_of(&self, request: &RunRequest, summary: &RunSummary, began: Millis) -> RunEnd {
        // Windows tell by their marks how far they are complete; orders by id are as of the run's beginning.
        let is_whole = request.task.is_by_id()
            && match &request.choice {
                Choice::Task => true,
                Choice::Matching(filter) => **filter == OrderFilter::default(),
                Choice::Orders(_) => false,
            };
        RunEnd {
            ended_at: self.clock.now_ms(),
            result: summary.result,
            message: summary.message.clone(),
            counts: summary.counts,
            calls: summary.calls,
            retries: summary.retries,
            // A run that has lost its channel leaves its task due.
            next_run_at: request
                .due
                .as_ref()
                .filter(|_| !summary.lease_lost)
                .map(|row| self.due_again(row, summary, began)),
            interval_ms: request.due.as_ref().map(|row| row.interval_ms),
            complete_until: (is_whole && summary.result == RunResult::Success).then_some(began),
            orders: summary.orders.clone(),
            failed_call: summary.failed_call.clone(),
            timeline: None,
        }
        .with_timeline(&summary.timeline)
    }

    async fn held_run(
        &self,
        request: &RunRequest,
        open: &Open,
        holding: &Holding,
        watch: Option<Watch>,
    ) -> Result<RunSummary, SyncError> {
        let began = self.clock.now_ms();
        let run = holding.run;
        if let Some(watch) = &watch {
            watch(Progress::Started(run));
        }
        let calls = Arc::new(Calls::default());
        let tally = match self.account(&request.tenant, &open.channel, &open.connector, &open.secrets).await {
            Ok((account, secret_names)) => {
                let told = observer(Arc::clone(&calls), watch.clone());
                let world = World::of(&account, Some(told), Some(holding.grip()));
                let setting = self.setting(request, open, run);
                let mut run = Run {
                    engine: self,
                    request,
                    open,
                    holding,
                    setting,
                    world,
                    secret_names,
                    watch,
                    calls: Arc::clone(&calls),
                    tally: Tally::default(),
                    answered: 0,
                };
                run.tally.usual_window_ms = run.setting.usual_window_ms;
                let worked = tokio::select! {
                    biased;
                    () = holding.lost() => {
                        run.tally.lease_lost = true;
                        Ok(())
                    }
                    worked = run.work() => worked,
                };
                match worked {
                    Err(SyncError::Store(StoreError::LeaseLost { .. })) => run.tally.lease_lost = true,
                    // The run has begun: its failure is written down before it is told.
                    Err(error) => {
                        let summary = failed_by_us(run.setting.run, run.tally, &error);
                        let _ = holding.end(&self.end_of(request, &summary, began)).await;
                        return Err(error);
                    }
                    Ok(()) => {}
                }
                run.tally
            }
            Err(AccountError::Connector(error)) => {
                Tally { error: Some(error), failed_pulls: 1, ..Tally::default() }
            }
            Err(AccountError::Sync(error)) => {
                let summary = failed_by_us(run, Tally::default(), &error);
                let _ = holding.end(&self.end_of(request, &summary, began)).await;
                return Err(error);
            }
        };
        let lease_lost = tally.lease_lost || holding.is_lost();
        let summary = summary(run, Tally { lease_lost, ..tally }, &calls);
        match holding.end(&self.end_of(request, &summary, began)).await {
            // What it did was done while it held the channel; that it has ended is for the next holder to say.
            Err(StoreError::LeaseLost { .. }) => Ok(RunSummary {
                result: RunResult::Failed,
                message: if summary.lease_lost { summary.message } else { LEASE_LOST.to_owned() },
                lease_lost: true,
                ..summary
            }),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(summary),
        }
    }

    /// When a task is due again after a run that began at `began`.
    fn due_again(&self, row: &TaskRow, summary: &RunSummary, began: Millis) -> Millis {
        if summary.result != RunResult::Failed {
            return next_run(row, began);
        }
        let asked = summary.error.as_ref().and_then(|error| error.retry_after);
        let not_before = asked.and_then(|wait| began.checked_add(Millis::try_from(wait.as_millis()).ok()?));
        retry_at(row, began, self.fetcher.random(), not_before)
    }

    fn setting(&self, request: &RunRequest, open: &Open, run: Option<RunId>) -> PageSetting {
        let (usual_window_ms, return_window_ms) = windows(request, open);
        PageSetting {
            declared: Arc::new(Declared::by(&open.connector)),
            return_window_ms,
            usual_window_ms,
            now: self.clock.now_ms(),
            run,
            keep_all: matches!(request.choice, Choice::Orders(_) | Choice::Matching(_)),
            pass_unchanged: !request.dry_run && request.trigger == Trigger::Timer,
        }
    }
}

impl Run<'_> {
    pub(super) fn mode(&self) -> Mode {
        if self.request.dry_run { Mode::Rehearse } else { Mode::Commit }
    }

    async fn work(&mut self) -> Result<(), SyncError> {
        self.choose().await?;
        if self.open.has_waiting {
            self.retry_what_waits().await?;
        }
        if self.request.is_by_id() { self.by_ids().await } else { self.changed().await }
    }

    /// What was refused or waits for an order goes first; nobody has to choose it again.
    async fn retry_what_waits(&mut self) -> Result<(), SyncError> {
        let (tenant, channel) = (&self.request.tenant, &self.request.channel);
        let mut after: Option<String> = None;
        loop {
            let waiting =
                self.engine.store.waiting_orders(tenant, channel, after.as_deref(), RETRIES_A_PAGE).await?;
            let Some(last) = waiting.last().cloned() else { return Ok(()) };
            if self.engine.stop.is_told() {
                self.tally.stopped = true;
                return Ok(());
            }
            let began = Instant::now();
            let page = self
                .engine
                .apply_page(self.holding, &self.setting, Vec::new(), waiting, None, self.mode())
                .await?;
            self.calls.page(began.elapsed(), &page.report.counts);
            self.count(page, 0);
            after = Some(last);
        }
    }

    /// A window of time, in pieces that the connector takes.
    async fn changed(&mut self) -> Result<(), SyncError> {
        let limits = &self.open.connector.descriptor.limits;
        let (window, look_back) = (millis(limits.window_secs).max(60_000), millis(limits.look_back_secs));
        let until = self.setting.now;
        let row = self.open.task(self.request.task);
        // What was read before the channel was ours may be a mark that another run has moved since.
        let Open { channel, .. } = self.open;
        let mark = self.engine.store.mark(&self.request.tenant, &channel.code, self.request.task).await?;
        let since = match (self.request.since_ms, self.request.task) {
            (Some(since), _) => until - since,
            (None, Task::Returns) => until - self.setting.return_window_ms,
            (None, _) => {
                let interval = row.map_or(0, |row| row.interval_ms);
                let overlap = millis(limits.settle_secs).max(2 * interval);
                let first_look = until - FIRST_LOOK.min(look_back);
                mark.as_ref().and_then(|mark| mark.complete_until).map_or(first_look, |done| done - overlap)
            }
        };
        if self.request.since_ms.is_some() && until - since > look_back {
            self.tally.cut = Some((until - since, look_back));
        }
        let mut since = since.max(until - look_back).min(until);
        // A back-fill looks where the marks do not point, and leaves them alone.
        let moves_mark = self.request.since_ms.is_none();
        let mut mark = if moves_mark { mark } else { None };
        loop {
            let to = (since + window).min(until);
            match self.pull(Scope::Changed { since, until: to }, mark.take(), moves_mark).await? {
                Some(done) => mark = Some(done),
                None => return Ok(()),
            }
            if to == until {
                return Ok(());
            }
            since = to;
        }
    }

    /// Adds a page to the tally.
    pub(super) fn count(&mut self, page: PageOutcome, answered: u64) {
        self.tally.counts += page.report.counts;
        for told in &page.told {
            self.tally.chosen.said(told);
            self.tally.beyond_window += u64::from(told.is_beyond_window);
        }
        let worth_telling = |told: &super::page::Told| told.verdict.outcome != Outcome::Unchanged;
        if self.request.trigger != Trigger::Timer || self.request.dry_run {
            let room = LINES_TOLD.saturating_sub(self.tally.lines.len());
            self.tally.lines.extend(page.told.into_iter().filter(worth_telling).take(room).map(|told| {
                RunLine {
                    order: told.order,
                    item: told.item,
                    outcome: told.verdict.outcome.as_str().to_owned(),
                    row: told.verdict.row_text(),
                    code: told.verdict.code.map(|code| code.as_str().to_owned()),
                    message: told.verdict.message,
                }
            }));
        }
        self.tell(Progress::Page { answered, counts: self.tally.counts });
    }
}

/// The return window of the timer and that of this run, which may be wider.
fn windows(request: &RunRequest, open: &Open) -> (Millis, Millis) {
    let usual = open.task(request.task).and_then(|task| task.window_ms).unwrap_or(RETURN_WINDOW);
    (usual, request.since_ms.map_or(usual, |since| since.max(usual)))
}

fn millis(secs: u64) -> Millis {
    Millis::try_from(secs).unwrap_or(Millis::MAX / 1_000).saturating_mul(1_000)
}
