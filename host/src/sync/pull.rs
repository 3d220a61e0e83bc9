//! One pull of a connector: its pages are applied as they come, while it is fetching the next.

use std::{collections::BTreeSet, time::Duration};

use plugin_api::{Error as ConnectorError, ErrorKind, Job, Mark, OrderRef, Pull, Scope, Work};
use tokio::{sync::mpsc, time::Instant};

use super::{SyncError, page, run::Run, world::settings_for};
use crate::{
    fetch::{Exchange, Failing},
    plugins::drive::{self, Page},
    storage::{FailedCall, StoreError, ToldCall},
};

/// Pages that may be fetched ahead of the one being applied.
const AHEAD: usize = 2;

impl Run<'_> {
    /// Pulls a window; `None` if it failed, in which case the mark has not moved.
    pub(super) async fn pull(
        &mut self,
        scope: Scope,
        mark: Option<Mark>,
        moves_mark: bool,
    ) -> Result<Option<Mark>, SyncError> {
        match self.drive(scope, mark, moves_mark, None).await? {
            None => Ok(None),
            Some(Ok(mark)) => {
                if moves_mark && !self.request.dry_run {
                    let moved = Some((self.request.task, mark.clone()));
                    self.engine
                        .apply_page(self.holding, &self.setting, Vec::new(), Vec::new(), moved, self.mode())
                        .await?;
                }
                Ok(Some(mark))
            }
            Some(Err(error)) => {
                self.failed(error);
                Ok(None)
            }
        }
    }

    /// Pulls orders by id; returns those that were mentioned.
    pub(super) async fn pull_orders(&mut self, refs: Vec<OrderRef>) -> Result<BTreeSet<String>, SyncError> {
        let mut seen = BTreeSet::new();
        if let Some(Err(error)) = self.drive(Scope::Orders(refs), None, false, Some(&mut seen)).await? {
            self.failed(error);
        }
        Ok(seen)
    }

    fn failed(&mut self, error: ConnectorError) {
        tracing::warn!(
            tenant = %self.request.tenant, channel = %self.request.channel, task = %self.request.task, %error,
            "a pull failed"
        );
        self.tally.failed_pulls += 1;
        self.tally.nobody_answers |= is_hopeless(error.kind);
        self.tally.last_error = Some(error.to_string());
        if self.tally.error.is_none() {
            self.tally.failed_call = self.calls.take_last().map(failed_call);
        }
        self.tally.error.get_or_insert(error);
    }

    /// Nothing if it was told to stop; what was applied before stays. A page that is being applied is always ended.
    async fn drive(
        &mut self,
        scope: Scope,
        mark: Option<Mark>,
        keeps_marks: bool,
        mut seen: Option<&mut BTreeSet<String>>,
    ) -> Result<Option<Result<Mark, ConnectorError>>, SyncError> {
        let statuses = self.request.statuses().to_vec();
        // What was sent before is not what this pull may fail of.
        self.calls.take_last();
        let work = Work::Pull(Pull { task: self.request.duty(), statuses, scope, mark });
        let settings = settings_for(&self.open.connector, &self.open.channel.settings, &self.secret_names);
        let job = Job { now: self.setting.now, settings, work };
        let limit = Duration::from_millis(self.engine.run_limit_ms);
        let (pages, mut arrived) = mpsc::channel::<Page>(AHEAD);

        // The job runs on a task of its own, so that fetching goes on while a page is applied.
        let (connector, world) = (std::sync::Arc::clone(&self.open.connector), self.world.again());
        let pulling = tokio::spawn(async move { drive::run(&connector, &job, &world, &pages, limit).await });
        let stop = StopOnDrop(pulling.abort_handle());
        loop {
            let page = tokio::select! {
                page = arrived.recv() => page,
                () = self.engine.stop.told() => {
                    self.tally.stopped = true;
                    return Ok(None);
                }
            };
            let Some(page) = page else { break };
            if self.holding.is_lost() {
                return Err(lease_lost(self));
            }
            self.apply(page, keeps_marks, seen.as_deref_mut()).await?;
        }
        let end = pulling.await.unwrap_or_else(|_| {
            Err(ConnectorError::new(ErrorKind::PluginFault, "the run of the connector was ended"))
        });
        drop(stop);
        Ok(Some(end.and_then(|text| {
            serde_json::from_str(&text)
                .map_err(|_| ConnectorError::new(ErrorKind::PluginFault, "the connector returned no mark"))
        })))
    }

    async fn apply(
        &mut self,
        page: Page,
        keeps_marks: bool,
        mut seen: Option<&mut BTreeSet<String>>,
    ) -> Result<(), SyncError> {
        let mark =
            page.mark.filter(|_| keeps_marks && !self.request.dry_run).map(|mark| (self.request.task, mark));
        let mut facts = page.observations;
        self.engine.name_orders(self.holding, &mut facts).await?;
        let answers = page::answers(facts);
        // Who asked for a batch of orders wants to know which came; of a window's nobody keeps a list.
        if let Some(seen) = &mut seen {
            seen.extend(answers.iter().map(|answer| answer.order.clone()));
        }
        let began = Instant::now();
        let done = self
            .engine
            .apply_page(self.holding, &self.setting, answers, Vec::new(), mark, self.mode())
            .await?;
        self.calls.page(began.elapsed(), &done.report.counts);
        let answered = self.answered + seen.map_or(0, |seen| seen.len() as u64);
        self.count(done, answered);
        if let Some(run) = self.setting.run {
            tracing::debug!(%run, polled = self.tally.counts.polled, "a page is written");
        }
        Ok(())
    }
}

fn failed_call(last: Exchange) -> FailedCall {
    let Exchange { operation, method, target, status, bytes, took_ms, attempt, failing, .. } = last;
    let told = failing.map(|failing| {
        let Failing { query, request, content_type, reply, problem } = *failing;
        ToldCall { query, request, content_type, reply, problem }
    });
    FailedCall { operation, method, target, status, bytes, took_ms, attempt, told }
}

fn is_hopeless(kind: ErrorKind) -> bool {
    use ErrorKind::{Auth, BadReply, BadRequest, Config, PluginFault, RateLimited, Unavailable, Unsupported};
    match kind {
        Auth | Config | RateLimited | Unavailable | Unsupported | PluginFault => true,
        BadRequest | BadReply => false,
    }
}

fn lease_lost(run: &Run<'_>) -> SyncError {
    let (tenant, channel) = (run.request.tenant.to_string(), run.request.channel.to_string());
    SyncError::Store(StoreError::LeaseLost { tenant, channel })
}

/// Ends the job when nobody waits for its pages any longer.
struct StopOnDrop(tokio::task::AbortHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
