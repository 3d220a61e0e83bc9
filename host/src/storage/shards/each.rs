//! Calls about all tenants: each database is asked, and what it says of tenants that are not in it is left out.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::{BoxFuture, join_all};
use plugin_api::{Millis, Task};

use super::{CONTROL, FRESH, Placement, Shards, shown};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{
        Backlog, DueTask, Freshness, Full, Health, Postgres, Result, Run, RunFilter, RunId, Store as _,
        TaskFilter, TaskRow, TenantRow, WebhookStore as _, WebhookTurn,
    },
};

/// What a database said, with the database.
type Said<T> = (String, Result<T>);

/// Whether a place has a tenant.
fn has(places: &BTreeMap<TenantCode, Placement>, place: &str, tenant: &TenantCode) -> bool {
    places.get(tenant).map_or(CONTROL, |placement| placement.place.as_str()) == place
}

impl Shards {
    async fn each<T>(
        &self,
        ask: impl Fn(Arc<Postgres>) -> BoxFuture<'static, Result<T>>,
    ) -> Result<Vec<Said<T>>> {
        let asked = self.all().await?.into_iter().map(|place| {
            let ask = &ask;
            async move {
                let said = match self.at(&place).await {
                    Ok(store) => ask(store).await,
                    Err(error) => Err(error),
                };
                (place, said)
            }
        });
        Ok(join_all(asked).await)
    }

    /// What those say that answer. The control database must.
    fn of_those_that_answer<T>(said: Vec<Said<T>>) -> Result<Vec<(String, T)>> {
        let mut answers = Vec::new();
        for (place, said) in said {
            match said {
                Ok(answer) => answers.push((place, answer)),
                Err(error) if place == CONTROL => return Err(error),
                Err(error) => {
                    tracing::warn!(place = shown(&place), %error, "a database does not answer; its tenants wait");
                }
            }
        }
        Ok(answers)
    }

    /// Rows of all databases, of the tenants that are in them.
    async fn rows<T>(
        &self,
        ask: impl Fn(Arc<Postgres>) -> BoxFuture<'static, Result<Vec<T>>>,
        tenant: impl Fn(&T) -> &TenantCode,
    ) -> Result<Vec<T>> {
        let said = self.each(ask).await?;
        let places = self.known(FRESH).await?;
        let mut rows = Vec::new();
        for (place, found) in said {
            rows.extend(found?.into_iter().filter(|row| has(&places, &place, tenant(row))));
        }
        Ok(rows)
    }

    pub(super) async fn all_tenants(&self) -> Result<Vec<TenantRow>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            Box::pin(async move { store.tenants().await })
        };
        let mut rows = self.rows(ask, |row: &TenantRow| &row.code).await?;
        rows.sort_by(|a, b| a.code.cmp(&b.code));
        Ok(rows)
    }

    pub(super) async fn all_tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            let filter = filter.clone();
            Box::pin(async move { store.tasks(&filter).await })
        };
        let mut rows = self.rows(ask, |row: &TaskRow| &row.tenant).await?;
        rows.sort_by(|a, b| (&a.tenant, &a.channel, a.task).cmp(&(&b.tenant, &b.channel, b.task)));
        Ok(rows)
    }

    pub(super) async fn all_channels_without_tasks(
        &self,
        connector: &str,
        tasks: &[Task],
    ) -> Result<Vec<(TenantCode, ChannelCode)>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            let (connector, tasks) = (connector.to_owned(), tasks.to_owned());
            Box::pin(async move { store.channels_without_tasks(&connector, &tasks).await })
        };
        let mut rows = self.rows(ask, |row: &(TenantCode, ChannelCode)| &row.0).await?;
        rows.sort();
        Ok(rows)
    }

    pub(super) async fn all_due(&self, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            let full = full.clone();
            Box::pin(async move { store.due_tasks(now, &full, limit).await })
        };
        let said = self.each(ask).await?;
        let places = self.known(FRESH).await?;
        let mut by_connector: BTreeMap<String, Vec<DueTask>> = BTreeMap::new();
        for (place, found) in Self::of_those_that_answer(said)? {
            for task in found.into_iter().filter(|task| has(&places, &place, &task.tenant)) {
                by_connector.entry(task.connector.clone()).or_default().push(task);
            }
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        for tasks in by_connector.values_mut() {
            tasks.sort_by(|a, b| {
                let key = |task: &DueTask| task.next_run_at;
                (key(a), &a.tenant, &a.channel, a.task.as_str()).cmp(&(
                    key(b),
                    &b.tenant,
                    &b.channel,
                    b.task.as_str(),
                ))
            });
            tasks.truncate(most);
        }
        Ok(by_connector.into_values().flatten().collect())
    }

    /// A tenant that moves is counted at both ends meanwhile.
    pub(super) async fn all_freshness(&self, now: Millis) -> Result<Vec<Freshness>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            Box::pin(async move { store.freshness(now).await })
        };
        let mut all: Vec<Freshness> = Vec::new();
        for (_, found) in Self::of_those_that_answer(self.each(ask).await?)? {
            for row in found {
                match all
                    .iter_mut()
                    .find(|known| (&known.connector, known.task) == (&row.connector, row.task))
                {
                    Some(known) => {
                        known.late += row.late;
                        known.oldest_ms = known.oldest_ms.max(row.oldest_ms);
                    }
                    None => all.push(row),
                }
            }
        }
        all.sort_by(|a, b| (&a.connector, a.task.as_str()).cmp(&(&b.connector, b.task.as_str())));
        Ok(all)
    }

    /// The newest of all: runs are numbered in one place.
    pub(super) async fn all_runs(
        &self,
        filter: &RunFilter,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<Run>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            let filter = filter.clone();
            Box::pin(async move { store.runs(&filter, after, limit).await })
        };
        let mut rows = self.rows(ask, |run: &Run| &run.tenant).await?;
        rows.sort_by_key(|run| std::cmp::Reverse(run.id));
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    /// A run, with the store that has it: nothing in its number says where its tenant is.
    pub(super) async fn find_run(&self, id: RunId) -> Result<Option<(Arc<Postgres>, Run)>> {
        for place in self.all().await? {
            let store = self.at(&place).await?;
            let filter = RunFilter::default();
            let found = store.runs(&filter, Some(RunId(id.0.saturating_add(1))), 1).await?;
            let places = self.known(FRESH).await?;
            if let Some(run) = found.into_iter().find(|run| run.id == id && has(&places, &place, &run.tenant))
            {
                return Ok(Some((store, run)));
            }
        }
        Ok(None)
    }

    /// Of each database in turn, as none says since when something is due.
    pub(super) async fn all_due_webhooks(&self, now: Millis, limit: u32) -> Result<Vec<WebhookTurn>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            Box::pin(async move { store.due_webhooks(now, limit).await })
        };
        let said = self.each(ask).await?;
        let places = self.known(FRESH).await?;
        let mut turns: Vec<(usize, WebhookTurn)> = Vec::new();
        for (place, found) in Self::of_those_that_answer(said)? {
            let here = found.into_iter().filter(|turn| has(&places, &place, &turn.tenant));
            turns.extend(here.enumerate());
        }
        turns.sort_by_key(|(at, _)| *at);
        turns.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(turns.into_iter().map(|(_, turn)| turn).collect())
    }

    pub(super) async fn all_with_webhooks(&self) -> Result<Vec<TenantCode>> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            Box::pin(async move { store.tenants_with_webhooks().await })
        };
        let mut tenants = self.rows(ask, |tenant: &TenantCode| tenant).await?;
        tenants.sort();
        Ok(tenants)
    }

    /// As [`all_freshness`](Self::all_freshness), with a tenant that moves counted at both ends.
    pub(super) async fn whole_backlog(&self) -> Result<Backlog> {
        let ask = |store: Arc<Postgres>| -> BoxFuture<'static, _> {
            Box::pin(async move { store.backlog().await })
        };
        let mut all = Backlog::default();
        for (_, found) in Self::of_those_that_answer(self.each(ask).await?)? {
            all.waiting += found.waiting;
            all.oldest_at = [all.oldest_at, found.oldest_at].into_iter().flatten().min();
            all.failed += found.failed;
            all.disabled += found.disabled;
        }
        Ok(all)
    }

    pub(super) async fn check_all(&self) -> Result<Health> {
        let ask =
            |store: Arc<Postgres>| -> BoxFuture<'static, _> { Box::pin(async move { store.check().await }) };
        let mut healths = Vec::new();
        for (_, said) in self.each(ask).await? {
            healths.push(said?);
        }
        let mut healths = healths.into_iter();
        let mut all = healths.next().ok_or(crate::storage::StoreError::Closed)?;
        let others = healths.len();
        all.faults.extend(healths.flat_map(|health| health.faults));
        if others > 0 {
            all.engine = format!("{} and {others} databases beside it", all.engine);
        }
        Ok(all)
    }
}
