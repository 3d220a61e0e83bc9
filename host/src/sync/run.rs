//! One run from its gates to its result: the same road for the timer, for "sync now", for a back-fill and for a dry run.

use std::sync::Arc;

use plugin_api::{Error as ConnectorError, Millis, OrderRef, Scope, ShippedBy, Task};

use super::{
    Choice, Engine, Progress, RunRequest, RunSummary, SyncError, Watch,
    gates::{Gate, Open},
    holding::Holding,
    page::{Declared, PageOutcome, PageSetting},
    world::{AccountError, Calls, World, observer},
};
use crate::{
    domain::apply::Outcome,
    storage::{
        Counts, Mode, NewRun, RunEnd, RunId, RunLine, RunResult, Shipping, Standing, StoreError, Trigger,
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
    pub(super) tally: Tally,
}

/// What a run has come to so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) counts: Counts,
    pub(super) lines: Vec<RunLine>,
    pub(super) absent: Vec<String>,
    /// Pulls that failed, with the first error.
    pub(super) failed_pulls: u64,
    pub(super) error: Option<ConnectorError>,
    pub(super) lease_lost: bool,
    /// The host was stopped meanwhile.
    pub(super) stopped: bool,
}

impl Engine {
    /// Does a run.
    ///
    /// # Errors
    /// If it could not begin: the channel is unknown or held by another run, or the store failed. Once it has begun,
    /// whatever goes wrong is in the summary.
    pub async fn run(&self, request: RunRequest, watch: Option<Watch>) -> Result<RunSummary, SyncError> {
        if let Choice::Orders(ids) = &request.choice
            && ids.is_empty()
        {
            return Err(SyncError::BadRequest("no order was chosen; name at least one".to_owned()));
        }
        if let Some(done) = self.already_done(&request).await? {
            return Ok(done);
        }
        let standing = self.store.standing(&request.tenant, &request.channel).await?;
        self.run_from(request, standing, watch).await
    }

    /// Does a run of a channel of which the store has just said how it stands.
    pub(super) async fn run_from(
        &self,
        request: RunRequest,
        standing: Option<Standing>,
        watch: Option<Watch>,
    ) -> Result<RunSummary, SyncError> {
        let (tenant, channel) = (&request.tenant, &request.channel);
        let gate = self.gate(tenant, channel, standing, Some(request.task), !request.dry_run)?;
        let open = match gate {
            Gate::Open(open) => open,
            Gate::Closed(message) => return self.skip(&request, message).await,
        };
        let waits = request.trigger != Trigger::Timer;
        let begun = (!request.dry_run).then(|| self.new_run(&request));
        let holding = self.hold(&request.tenant, &request.channel, waits, begun).await?;
        let summary = self.held_run(&request, &open, &holding, watch).await;
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
            absent: Vec::new(),
            error: None,
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
            absent: Vec::new(),
            error: None,
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
        }
    }

    fn end_of(&self, request: &RunRequest, summary: &RunSummary, began: Millis) -> RunEnd {
        // Windows tell by their marks how far they are complete; orders by id are as of the run's beginning.
        let is_whole = request.task.is_by_id() && !matches!(request.choice, Choice::Orders(_));
        RunEnd {
            ended_at: self.clock.now_ms(),
            result: summary.result,
            message: summary.message.clone(),
            counts: summary.counts,
            calls: summary.calls,
            retries: summary.retries,
            next_run_at: request.next_run_at,
            complete_until: (is_whole && summary.result == RunResult::Success).then_some(began),
        }
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
                let world = World(account.for_job(Some(Arc::clone(&told))), Some(told));
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
                    tally: Tally::default(),
                };
                let worked = tokio::select! {
                    worked = run.work() => worked,
                    () = self.stop.told() => {
                        run.tally.stopped = true;
                        Ok(())
                    }
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
        let summary = summary(run, tally, &calls);
        holding.end(&self.end_of(request, &summary, began)).await?;
        Ok(summary)
    }

    fn setting(&self, request: &RunRequest, open: &Open, run: Option<RunId>) -> PageSetting {
        let window = open.task(request.task).and_then(|task| task.window_ms).unwrap_or(RETURN_WINDOW);
        PageSetting {
            declared: Arc::new(Declared::by(&open.connector)),
            return_window_ms: request.since_ms.map_or(window, |since| since.max(window)),
            now: self.clock.now_ms(),
            run,
            keep_all: matches!(request.choice, Choice::Orders(_)),
            pass_unchanged: !request.dry_run && request.trigger == Trigger::Timer,
        }
    }
}

impl Run<'_> {
    pub(super) fn mode(&self) -> Mode {
        if self.request.dry_run { Mode::Rehearse } else { Mode::Commit }
    }

    async fn work(&mut self) -> Result<(), SyncError> {
        if self.open.has_waiting {
            self.retry_what_waits().await?;
        }
        match (&self.request.choice, self.request.task.is_by_id()) {
            (Choice::Orders(ids), _) => {
                let ids = ids.clone();
                self.chosen(&ids).await
            }
            (Choice::Task, false) => self.changed().await,
            (Choice::AllOpen, _) | (Choice::Task, true) => self.open_orders().await,
        }
    }

    /// What was refused or waits for an order goes first; nobody has to choose it again.
    async fn retry_what_waits(&mut self) -> Result<(), SyncError> {
        let (tenant, channel) = (&self.request.tenant, &self.request.channel);
        let mut after: Option<String> = None;
        loop {
            let waiting =
                self.engine.store.waiting_orders(tenant, channel, after.as_deref(), RETRIES_A_PAGE).await?;
            let Some(last) = waiting.last().cloned() else { return Ok(()) };
            let page = self
                .engine
                .apply_page(self.holding, &self.setting, Vec::new(), waiting, None, self.mode())
                .await?;
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

    async fn open_orders(&mut self) -> Result<(), SyncError> {
        let task = if self.request.task.is_by_id() { self.request.task } else { Task::Pending };
        let batch = self.open.connector.descriptor.limits.batch_size.max(1);
        // Orders that the connector does not follow are not asked about.
        let said = &self.open.connector.descriptor;
        let only = match (said.follows(ShippedBy::Channel), said.follows(ShippedBy::Seller)) {
            (true, false) => Some(ShippedBy::Channel),
            (false, true) => Some(ShippedBy::Seller),
            _ => None,
        };
        let shipping = Shipping { only, usual: self.open.channel.shipping.unwrap_or(ShippedBy::Channel) };
        let mut after = None;
        loop {
            let (tenant, channel) = (&self.request.tenant, &self.request.channel);
            let found =
                self.engine.store.open_refs(tenant, channel, task, shipping, after.as_ref(), batch).await?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            after = Some(last.clone());
            let refs = found.into_iter().map(|(_, order)| order).collect();
            if !self.by_id(refs).await? {
                return Ok(());
            }
        }
    }

    async fn chosen(&mut self, ids: &[String]) -> Result<(), SyncError> {
        let (tenant, channel) = (&self.request.tenant, &self.request.channel);
        let found = self.engine.store.refs(tenant, channel, ids).await?;
        let known = |id: &String| found.iter().any(|(code, order)| code == id.as_str() || order.order == *id);
        if let Some(unknown) = ids.iter().find(|id| !known(id)) {
            return Err(SyncError::BadRequest(format!(
                "channel {channel} has no order {unknown}; all chosen orders must be of one channel"
            )));
        }
        let batch = usize::try_from(self.open.connector.descriptor.limits.batch_size.max(1)).unwrap_or(50);
        let refs: Vec<OrderRef> = found.into_iter().map(|(_, order)| order).collect();
        for refs in refs.chunks(batch) {
            if !self.by_id(refs.to_vec()).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks about orders by id; whether to go on.
    async fn by_id(&mut self, refs: Vec<OrderRef>) -> Result<bool, SyncError> {
        if let Some(watch) = &self.watch {
            watch(Progress::Asking(refs.len() as u64));
        }
        let asked: Vec<String> = refs.iter().map(|order| order.order.clone()).collect();
        let before = self.tally.failed_pulls;
        let seen = self.pull_orders(refs).await?;
        if self.tally.failed_pulls == before {
            self.tally.absent.extend(asked.into_iter().filter(|order| !seen.contains(order)));
            return Ok(true);
        }
        // A batch that failed does not stop the others, unless nobody answers at all.
        Ok(!self.tally.error.as_ref().is_some_and(|error| is_hopeless(error.kind)))
    }

    /// Adds a page to the tally.
    pub(super) fn count(&mut self, page: PageOutcome, orders: u64) {
        self.tally.counts += page.report.counts;
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
        if let Some(watch) = &self.watch {
            watch(Progress::Page { orders, counts: self.tally.counts });
        }
    }
}

fn is_hopeless(kind: plugin_api::ErrorKind) -> bool {
    use plugin_api::ErrorKind::{
        Auth, BadReply, BadRequest, Config, PluginFault, RateLimited, Unavailable, Unsupported,
    };
    match kind {
        Auth | Config | RateLimited | Unavailable | Unsupported | PluginFault => true,
        BadRequest | BadReply => false,
    }
}

fn millis(secs: u64) -> Millis {
    Millis::try_from(secs).unwrap_or(Millis::MAX / 1_000).saturating_mul(1_000)
}

fn failed_by_us(run: Option<RunId>, tally: Tally, error: &SyncError) -> RunSummary {
    RunSummary {
        run,
        result: RunResult::Failed,
        message: error.to_string(),
        counts: tally.counts,
        calls: 0,
        retries: 0,
        lines: tally.lines,
        absent: tally.absent,
        error: None,
    }
}

/// How a run ended, and the sentence for it.
fn summary(run: Option<RunId>, tally: Tally, calls: &Calls) -> RunSummary {
    let counts = tally.counts;
    let result = result_of(&tally);
    RunSummary {
        run,
        result,
        message: sentence(&tally),
        counts,
        calls: calls.sent(),
        retries: calls.again(),
        lines: tally.lines,
        absent: tally.absent,
        error: tally.error,
    }
}

/// FAILED: nothing could be asked, or everything that called for action was refused. PARTIAL: some of either. Conflicts,
/// facts that wait and facts that are not ours are named in the message and leave a run a SUCCESS.
pub(super) fn result_of(tally: &Tally) -> RunResult {
    let counts = &tally.counts;
    if tally.stopped && counts.polled == 0 {
        return RunResult::Skipped;
    }
    if tally.lease_lost || (tally.failed_pulls > 0 && counts.polled == 0) {
        return RunResult::Failed;
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

pub(super) fn sentence(tally: &Tally) -> String {
    let counts = &tally.counts;
    let mut parts = Vec::new();
    if tally.lease_lost {
        parts.push("lease lost: another host has taken the channel over".to_owned());
    }
    if tally.stopped {
        parts.push("the host was stopped before the run ended; the next run goes on".to_owned());
    }
    if let Some(error) = &tally.error {
        parts.push(error.to_string());
    }
    for (number, words) in [
        (counts.applied, "applied"),
        (counts.refused, "refused"),
        (counts.conflict, "in conflict"),
        (counts.parked, "waiting for an order or item"),
        (counts.ignored, "ignored"),
        (counts.stale, "stale"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {words}"));
        }
    }
    if !tally.absent.is_empty() {
        parts.push(format!("{} asked for and not mentioned by the marketplace", tally.absent.len()));
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
