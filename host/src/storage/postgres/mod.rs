//! The store in a PostgreSQL database, which several hosts may share.
//!
//! Each call of the surface is one transaction that says for whom it is; the policies of the tables hold it to that. It
//! runs on threads of the store's own and is finished even if its caller goes away. The SQL is in the files named after
//! what it is about.
//!
//! Rows are locked in one order (the tenant, its channels, runs, tasks, then everything else), so transactions never wait
//! for each other in a circle.

mod access;
mod address;
mod bucket;
mod connections;
mod copy;
mod export;
mod fault;
mod import;
mod intake;
mod lease;
mod load;
mod moving;
mod order;
mod outbox;
mod page;
mod people;
mod placement;
mod run;
mod save;
mod schema;
mod scope;
mod setting;
mod statement;
mod task;
#[cfg(test)]
mod tests;
mod webhook;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use plugin_api::{Mark, Millis, Task};
use sqlx::Row as _;
use tokio::{runtime::Runtime, time::timeout};

pub(in crate::storage) use self::placement::Moves;
use self::{
    address::Address,
    connections::{Connections, Tx},
    fault::Fail,
    scope::{Access, COPY, EXPORT, LONG, Limits, QUICK, Scope},
    statement::with,
};
use super::{
    Call, Claim, ConflictRow, Decide, DueTask, Edit, FailedCall, Fence, Freshness, Full, Health, ItemCount,
    Landing, Mode, NamedOrder, NewRun, NewTask, OrderFilter, OrderRow, PageKeys, PageReport, ParkedFilter,
    ParkedRow, Part, Piece, PutawayRow, Result, Run, RunEnd, RunFilter, RunId, RunLine, RunOrder, Slot,
    Standing, Store, StoreError, TaskEdit, TaskFilter, TaskRow, TenantRow, Timeline, ToAsk,
    export::passed_on, import::Import,
};
use crate::{
    domain::{
        codes::{ChannelCode, FacilityCode, OrderCode, Sku, TenantCode},
        effect::Change,
        invoice::Sequence,
        snapshot::{Channel, Facility, OrderFile, Snapshot},
        stock::Stock,
        zone::Zone,
    },
    secrets::{Key, Secret},
};

/// Threads that talk to the server. They mostly wait.
const THREADS: usize = 2;

/// A PostgreSQL database and how to work with it.
#[derive(Clone)]
pub struct PostgresSetup {
    /// Where it is, with role and, unless it stands elsewhere, password.
    pub url: String,
    /// The most connections at once.
    pub connections: usize,
    /// Whether statements are prepared once for each connection. A pooler that hands out another connection with each
    /// transaction may not know them.
    pub prepared_statements: bool,
    /// Whether a role may be used that row security does not hold. Its tables are then brought up to date too.
    pub allow_privileged_role: bool,
}

/// What was made of a database.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Where it is, without a password.
    pub place: String,
    /// The schema's number before; 0 if there was none.
    pub before: i64,
    /// The schema's number now.
    pub now: i64,
}

/// A store in a PostgreSQL database. Dropping it waits, for a few seconds, for what is under way.
pub struct Postgres {
    hub: Arc<Connections>,
    runtime: Option<Runtime>,
    key: Key,
    /// Where runs get their numbers, if not here.
    numbers: Option<Arc<Postgres>>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("place", &self.hub.address.place).finish_non_exhaustive()
    }
}

impl PostgresSetup {
    /// The role that the URL names.
    ///
    /// # Errors
    /// [`StoreError::NotAdmitted`] if the URL cannot be read.
    pub fn role(&self) -> Result<String> {
        Ok(Address::read(&self.url)?.role().to_owned())
    }
}

/// What a job does inside its transaction.
type Doing<'t, T> = BoxFuture<'t, std::result::Result<T, Fail>>;

/// A job that begins a future on the transaction it gets.
macro_rules! job {
    (|$db:ident| $body:expr) => {
        $crate::storage::postgres::for_any(move |$db| Box::pin(async move { $body }))
    };
}

use job;

/// Tells the compiler that a job takes a transaction of any lifetime.
fn for_any<T, J>(job: J) -> J
where
    J: for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T> + Send + 'static,
{
    job
}

impl Postgres {
    /// Opens a database whose schema is there and up to date. `key` seals secrets.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`], [`StoreError::NotAdmitted`], [`StoreError::Newer`], [`StoreError::TimedOut`].
    pub fn open(setup: &PostgresSetup, key: Key) -> Result<Postgres> {
        let is_privilege_allowed = setup.allow_privileged_role;
        let store = Postgres::start(setup, key)?;
        store.wait("was opening the database", move |hub| {
            Box::pin(async move { schema::admit(&hub, is_privilege_allowed).await })
        })?;
        Ok(store)
    }

    /// Makes or updates the schema as the owner of a database, and gives a role what a host needs.
    ///
    /// # Errors
    /// As [`open`](Postgres::open); [`StoreError::NotAdmitted`] if there is no such role, too.
    /// # Idempotency
    /// What is there stays as it is. Two at once are done one after another.
    pub async fn prepare(owner_url: &str, role: &str) -> Result<Prepared> {
        let hub = Connections::new(Address::read(owner_url)?, 1, true);
        let done = async {
            let (before, now) = schema::migrate(&hub).await?;
            schema::grant(&hub, role).await?;
            Ok(Prepared { place: hub.address.place.clone(), before, now })
        };
        done.await.map_err(|fail: Fail| fail.in_words("was preparing the database", &hub.address))
    }

    fn start(setup: &PostgresSetup, key: Key) -> Result<Postgres> {
        let address = Address::read(&setup.url)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Failed {
                doing: "was starting its threads".to_owned(),
                source: Box::new(error),
            })?;
        let hub = Connections::new(address, setup.connections.max(1), setup.prepared_statements);
        Ok(Postgres { hub: Arc::new(hub), runtime: Some(runtime), key, numbers: None })
    }

    /// Has something done while this thread waits.
    fn wait<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(Arc<Connections>) -> BoxFuture<'static, std::result::Result<T, Fail>>,
    ) -> Result<T> {
        let (reply, answer) = std::sync::mpsc::channel();
        let job = job(Arc::clone(&self.hub));
        self.runtime()?.spawn(async move {
            // Whoever asked waits for it.
            let _ = reply.send(job.await);
        });
        let done = answer.recv().map_err(|_| StoreError::Closed)?;
        done.map_err(|fail| fail.in_words(doing, &self.hub.address))
    }

    fn runtime(&self) -> Result<&Runtime> {
        self.runtime.as_ref().ok_or(StoreError::Closed)
    }

    /// Does a job in a transaction of its own.
    async fn transact<T: Send + 'static>(
        &self,
        doing: &'static str,
        (scope, access, limits): (Scope, Access, Limits),
        mode: Mode,
        job: impl for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T> + Send + 'static,
    ) -> Result<T> {
        let hub = Arc::clone(&self.hub);
        let done = self.runtime()?.spawn(async move {
            let mut tx = hub.begin(&scope::begin(&scope, access, limits)).await?;
            // Where this ends early the connection is dropped, and the server takes the transaction back.
            match timeout(limits.whole, job(&mut tx)).await.map_err(|_| Fail::TookTooLong)? {
                Ok(done) => {
                    match (access, mode) {
                        (Access::Write, Mode::Commit) => hub.commit(tx).await?,
                        _ => hub.roll_back(tx).await?,
                    }
                    Ok(done)
                }
                Err(fail) => {
                    if !fail.is_of_connection() {
                        // If that fails the connection is closed, which does the same.
                        let _ = hub.roll_back(tx).await;
                    }
                    Err(fail)
                }
            }
        });
        let ended = done.await.map_err(|error| {
            if error.is_panic() {
                StoreError::DecisionFailed { doing: doing.to_owned() }
            } else {
                StoreError::Closed
            }
        })?;
        ended.map_err(|fail: Fail| fail.in_words(doing, &self.hub.address))
    }

    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        tenant: &TenantCode,
        job: impl for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T> + Send + 'static,
    ) -> Result<T> {
        let of = (Scope::Tenant(tenant.clone()), Access::Write, QUICK);
        self.transact(doing, of, Mode::Commit, job).await
    }

    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        tenant: &TenantCode,
        job: impl for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T> + Send + 'static,
    ) -> Result<T> {
        let of = (Scope::Tenant(tenant.clone()), Access::Read, QUICK);
        self.transact(doing, of, Mode::Commit, job).await
    }

    async fn host<T: Send + 'static>(
        &self,
        doing: &'static str,
        access: Access,
        job: impl for<'t> FnOnce(&'t mut Tx) -> Doing<'t, T> + Send + 'static,
    ) -> Result<T> {
        self.transact(doing, (Scope::Host, access, QUICK), Mode::Commit, job).await
    }
}

impl Drop for Postgres {
    /// A runtime must not be waited for on a thread of another one.
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let ending = std::thread::Builder::new().name("store-end".to_owned());
        let ended = ending.spawn(move || runtime.shutdown_timeout(Duration::from_secs(5)));
        if let Ok(thread) = ended {
            let _ended_by_panic = thread.join();
        }
    }
}

#[async_trait]
impl Store for Postgres {
    async fn apply_page(
        &self,
        fence: &Fence,
        page: PageKeys,
        mode: Mode,
        decide: Decide,
    ) -> Result<PageReport> {
        let fence = fence.clone();
        let of = (Scope::Tenant(fence.tenant.clone()), Access::Write, QUICK);
        self.transact("was writing a page", of, mode, job!(|db| page::apply(db, &fence, &page, decide).await))
            .await
    }

    async fn orders_of_items(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        items: &[String],
    ) -> Result<BTreeMap<String, String>> {
        let (tenant, channel, items) = (tenant.clone(), channel.clone(), items.to_vec());
        self.read(
            "was finding the orders of items",
            &tenant.clone(),
            job!(|db| load::orders_of_items(db, &tenant, &channel, &items).await),
        )
        .await
    }

    async fn waiting_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>> {
        let (tenant, channel, after) = (tenant.clone(), channel.clone(), after.map(str::to_owned));
        self.read(
            "was listing waiting facts",
            &tenant.clone(),
            job!(|db| order::waiting(db, &tenant, &channel, after.as_deref(), limit).await),
        )
        .await
    }

    async fn edit_order(
        &self,
        tenant: &TenantCode,
        order: &OrderCode,
        now: Millis,
        mode: Mode,
        decide: Edit,
    ) -> Result<PageReport> {
        let (tenant, order) = (tenant.clone(), order.clone());
        let of = (Scope::Tenant(tenant.clone()), Access::Write, QUICK);
        let edit = job!(|db| page::edit(db, &tenant, &order, now, decide).await);
        self.transact("was writing an order", of, mode, edit).await
    }

    async fn claim(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        holder: &str,
        ttl_ms: Millis,
        run: Option<&NewRun>,
    ) -> Result<Claim> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let number = if run.is_some() { self.number_from_elsewhere().await? } else { None };
        let (holder, run) = (holder.to_owned(), run.cloned().map(|run| (run, number)));
        self.write(
            "was claiming a channel",
            &tenant.clone(),
            job!(|db| lease::claim(db, &tenant, &channel, &holder, ttl_ms, run.as_ref()).await),
        )
        .await
    }

    async fn renew(&self, fence: &Fence, ttl_ms: Millis) -> Result<()> {
        let fence = fence.clone();
        self.write(
            "was renewing a lease",
            &fence.tenant.clone(),
            job!(|db| lease::renew(db, &fence, ttl_ms).await),
        )
        .await
    }

    async fn release(&self, fence: &Fence) -> Result<()> {
        let fence = fence.clone();
        self.write(
            "was releasing a lease",
            &fence.tenant.clone(),
            job!(|db| lease::release(db, &fence).await),
        )
        .await
    }

    async fn standing(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Standing>> {
        let (code, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        let stand = job!(|db| {
            let Some(row) = setting::tenant(db, &code).await? else { return Ok(None) };
            let filter = TaskFilter { tenant: Some(code.clone()), channel: Some(channel.clone()) };
            Ok(Some(Standing {
                live: row.live,
                channel: setting::channel(db, &code, &channel).await?,
                tasks: task::list(db, &filter).await?,
                secrets: setting::secrets(db, &key, &code, &channel).await?,
                has_waiting: order::has_waiting(db, &code, &channel).await?,
            }))
        });
        self.read("was reading what a run needs", tenant, stand).await
    }

    async fn ensure_tasks(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        tasks: &[NewTask],
    ) -> Result<()> {
        let (tenant, channel, tasks) = (tenant.clone(), channel.clone(), tasks.to_owned());
        self.write(
            "was making tasks",
            &tenant.clone(),
            job!(|db| task::ensure(db, &tenant, &channel, &tasks).await),
        )
        .await
    }

    async fn channels_without_tasks(
        &self,
        connector: &str,
        tasks: &[Task],
    ) -> Result<Vec<(TenantCode, ChannelCode)>> {
        let (connector, tasks) = (connector.to_owned(), tasks.to_owned());
        let find = job!(|db| task::channels_without(db, &connector, &tasks).await);
        self.host("was looking for channels without tasks", Access::Read, find).await
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
        let filter = filter.clone();
        let scope = filter.tenant.clone().map_or(Scope::Host, Scope::Tenant);
        let list = job!(|db| task::list(db, &filter).await);
        self.transact("was listing tasks", (scope, Access::Read, QUICK), Mode::Commit, list).await
    }

    async fn due_tasks(&self, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>> {
        let full = full.clone();
        let due = job!(|db| task::due(db, now, &full, limit).await);
        self.host("was looking for due tasks", Access::Read, due).await
    }

    async fn freshness(&self, now: Millis) -> Result<Vec<Freshness>> {
        self.host("was looking how fresh data is", Access::Read, job!(|db| task::freshness(db, now).await))
            .await
    }

    async fn set_task(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        task: Task,
        edit: TaskEdit,
    ) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write(
            "was setting a task",
            &tenant.clone(),
            job!(|db| task::set(db, &tenant, &channel, task, edit).await),
        )
        .await
    }

    async fn start_run(&self, run: &NewRun) -> Result<RunId> {
        let tenant = run.tenant.clone();
        let (run, number) = (run.clone(), self.number_from_elsewhere().await?);
        let start = job!(|db| run::start(db, &run, number).await);
        self.write("was starting a run", &tenant, start).await
    }

    async fn finish_run(&self, run: RunId, end: &RunEnd, fence: Option<&Fence>) -> Result<()> {
        let (end, fence) = (end.clone(), fence.cloned());
        let lost = fence.as_ref().map(Fence::lost);
        let finish = job!(|db| run::finish(db, run, &end, fence.as_ref()).await);
        let is_passed = self.host("was ending a run", Access::Write, finish).await?;
        lost.filter(|_| is_passed).map_or(Ok(()), Err)
    }

    async fn runs(&self, filter: &RunFilter, after: Option<RunId>, limit: u32) -> Result<Vec<Run>> {
        let filter = filter.clone();
        let scope = filter.tenant.clone().map_or(Scope::Host, Scope::Tenant);
        let list = job!(|db| run::list(db, &filter, after, limit).await);
        self.transact("was listing runs", (scope, Access::Read, QUICK), Mode::Commit, list).await
    }

    async fn run(&self, run: RunId) -> Result<Option<(Run, Vec<RunLine>)>> {
        self.host("was reading a run", Access::Read, job!(|db| run::with_lines(db, run).await)).await
    }

    async fn run_orders(&self, run: RunId) -> Result<Vec<RunOrder>> {
        self.host("was reading a run", Access::Read, job!(|db| run::orders(db, run).await)).await
    }

    async fn failed_call(&self, run: RunId) -> Result<Option<FailedCall>> {
        self.host("was reading a run", Access::Read, job!(|db| run::failed_call(db, run).await)).await
    }

    async fn timeline(&self, run: RunId) -> Result<Option<Timeline>> {
        self.host("was reading a run", Access::Read, job!(|db| run::timeline(db, run).await)).await
    }

    async fn run_of_request(&self, tenant: &TenantCode, key: &str) -> Result<Option<RunId>> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.read(
            "was looking for a run",
            &tenant.clone(),
            job!(|db| run::of_request(db, &tenant, &key).await),
        )
        .await
    }

    async fn mark(&self, tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Result<Option<Mark>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read(
            "was reading a mark",
            &tenant.clone(),
            job!(|db| task::mark(db, &tenant, &channel, task).await),
        )
        .await
    }

    async fn matching_refs(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<ToAsk>> {
        let (tenant, filter, after) = (tenant.clone(), filter.clone(), after.cloned());
        self.read(
            "was listing orders to ask about",
            &tenant.clone(),
            job!(|db| order::matching_refs(db, &tenant, &filter, after.as_ref(), limit).await),
        )
        .await
    }

    async fn matching_orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<NamedOrder>> {
        let (tenant, filter, after) = (tenant.clone(), filter.clone(), after.cloned());
        self.read(
            "was listing orders",
            &tenant.clone(),
            job!(|db| order::matching(db, &tenant, &filter, after.as_ref(), limit).await),
        )
        .await
    }

    async fn count_orders(&self, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        let of = tenant.clone();
        let count = job!(|db| order::count_of(db, &tenant, &filter).await);
        self.read("was counting orders", &of, count).await
    }

    async fn named_orders(&self, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>> {
        let (tenant, ids) = (tenant.clone(), ids.to_owned());
        let of = tenant.clone();
        let named = job!(|db| order::named(db, &tenant, &ids).await);
        self.read("was finding orders", &of, named).await
    }

    async fn refs(&self, tenant: &TenantCode, channel: &ChannelCode, ids: &[String]) -> Result<Vec<ToAsk>> {
        let (tenant, channel, ids) = (tenant.clone(), channel.clone(), ids.to_owned());
        self.read(
            "was listing orders to ask about",
            &tenant.clone(),
            job!(|db| order::refs(db, &tenant, &channel, &ids).await),
        )
        .await
    }

    async fn orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        let (tenant, filter, after) = (tenant.clone(), filter.clone(), after.cloned());
        self.read(
            "was listing orders",
            &tenant.clone(),
            job!(|db| order::list(db, &tenant, &filter, after.as_ref(), limit).await),
        )
        .await
    }

    async fn changed_orders(
        &self,
        tenant: &TenantCode,
        after: Option<(Millis, &OrderCode)>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        let (of, after) = (tenant.clone(), after.map(|(at, code)| (at, code.clone())));
        let list = job!(|db| order::changed(db, &of, after, limit).await);
        self.read("was listing changed orders", tenant, list).await
    }

    async fn order(&self, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read("was reading an order", &tenant.clone(), job!(|db| order::file(db, &tenant, &id).await))
            .await
    }

    async fn history(&self, tenant: &TenantCode, order: &OrderCode) -> Result<Vec<Change>> {
        let (tenant, order) = (tenant.clone(), order.clone());
        self.read(
            "was reading history",
            &tenant.clone(),
            job!(|db| order::history(db, &tenant, &order).await),
        )
        .await
    }

    async fn conflicts(&self, tenant: &TenantCode, open_only: bool) -> Result<Vec<ConflictRow>> {
        let tenant = tenant.clone();
        self.read(
            "was listing conflicts",
            &tenant.clone(),
            job!(|db| order::conflicts(db, &tenant, open_only).await),
        )
        .await
    }

    async fn conflict(&self, tenant: &TenantCode, code: &str) -> Result<Option<ConflictRow>> {
        let (tenant, code) = (tenant.clone(), code.to_owned());
        self.read(
            "was reading a conflict",
            &tenant.clone(),
            job!(|db| order::conflict(db, &tenant, &code).await),
        )
        .await
    }

    async fn putaways(&self, tenant: &TenantCode, due_only: bool) -> Result<Vec<PutawayRow>> {
        let tenant = tenant.clone();
        self.read(
            "was listing putaways",
            &tenant.clone(),
            job!(|db| order::putaways(db, &tenant, due_only).await),
        )
        .await
    }

    async fn putaway(&self, tenant: &TenantCode, code: &str) -> Result<Option<PutawayRow>> {
        let (tenant, code) = (tenant.clone(), code.to_owned());
        self.read(
            "was reading a putaway",
            &tenant.clone(),
            job!(|db| order::putaway(db, &tenant, &code).await),
        )
        .await
    }

    async fn parked(
        &self,
        tenant: &TenantCode,
        filter: &ParkedFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ParkedRow>> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.read(
            "was listing waiting facts",
            &tenant.clone(),
            job!(|db| order::parked(db, &tenant, &filter, after, limit).await),
        )
        .await
    }

    async fn stock(&self, tenant: &TenantCode) -> Result<Vec<Stock>> {
        let tenant = tenant.clone();
        self.read("was listing stock", &tenant.clone(), job!(|db| setting::stock(db, &tenant).await)).await
    }

    async fn sequences(&self, tenant: &TenantCode) -> Result<Vec<Sequence>> {
        let tenant = tenant.clone();
        self.read("was listing sequences", &tenant.clone(), job!(|db| load::sequences(db, &tenant).await))
            .await
    }

    async fn facilities(&self, tenant: &TenantCode) -> Result<Vec<Facility>> {
        let tenant = tenant.clone();
        self.read("was listing facilities", &tenant.clone(), job!(|db| load::facilities(db, &tenant).await))
            .await
    }

    async fn channels(&self, tenant: &TenantCode) -> Result<Vec<Channel>> {
        let tenant = tenant.clone();
        self.read("was listing channels", &tenant.clone(), job!(|db| setting::channels(db, &tenant).await))
            .await
    }

    async fn channel(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Channel>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read(
            "was reading a channel",
            &tenant.clone(),
            job!(|db| setting::channel(db, &tenant, &channel).await),
        )
        .await
    }

    async fn tenants(&self) -> Result<Vec<TenantRow>> {
        self.host("was listing tenants", Access::Read, job!(|db| setting::tenants(db).await)).await
    }

    async fn tenant(&self, tenant: &TenantCode) -> Result<Option<TenantRow>> {
        let code = tenant.clone();
        let one = job!(|db| setting::tenant(db, &code).await);
        self.read("was reading a tenant", tenant, one).await
    }

    async fn item_counts(&self, tenant: &TenantCode) -> Result<Vec<ItemCount>> {
        let tenant = tenant.clone();
        self.read("was counting items", &tenant.clone(), job!(|db| order::item_counts(db, &tenant).await))
            .await
    }

    async fn add_tenant(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was adding a tenant", &tenant.clone(), job!(|db| setting::add_tenant(db, &tenant).await))
            .await
    }

    async fn set_live(&self, tenant: &TenantCode, live: bool) -> Result<()> {
        let tenant = tenant.clone();
        self.write(
            "was changing a tenant",
            &tenant.clone(),
            job!(|db| setting::set_live(db, &tenant, live).await),
        )
        .await
    }

    async fn set_zone(&self, tenant: &TenantCode, zone: &Zone) -> Result<()> {
        let (of, zone) = (tenant.clone(), zone.clone());
        let set = job!(|db| setting::set_zone(db, &of, &zone).await);
        self.write("was changing a tenant", tenant, set).await
    }

    async fn remove_tenant(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        // Without a share in the tenant's row: two who remove it at once would wait for each other's.
        let of = (Scope::Moving(tenant.clone()), Access::Write, LONG);
        self.transact(
            "was removing a tenant",
            of,
            Mode::Commit,
            job!(|db| setting::remove_tenant(db, &tenant).await),
        )
        .await
    }

    async fn put_channel(&self, tenant: &TenantCode, channel: &Channel) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let of = (Scope::Tenant(tenant.clone()), Access::Write, LONG);
        self.transact(
            "was writing a channel",
            of,
            Mode::Commit,
            job!(|db| setting::put_channel(db, &tenant, &channel).await),
        )
        .await
    }

    async fn enable_channel(&self, tenant: &TenantCode, channel: &ChannelCode, enabled: bool) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write(
            "was writing a channel",
            &tenant.clone(),
            job!(|db| setting::enable_channel(db, &tenant, &channel, enabled).await),
        )
        .await
    }

    async fn put_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<()> {
        let (tenant, channel, secrets, key) =
            (tenant.clone(), channel.clone(), secrets.clone(), self.key.clone());
        self.write(
            "was writing secrets",
            &tenant.clone(),
            job!(|db| setting::put_secrets(db, &key, &tenant, &channel, &secrets).await),
        )
        .await
    }

    async fn secret_names(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeSet<String>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read(
            "was listing secrets",
            &tenant.clone(),
            job!(|db| setting::secret_names(db, &tenant, &channel).await),
        )
        .await
    }

    async fn secrets(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeMap<String, Secret>> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        self.read(
            "was reading secrets",
            &tenant.clone(),
            job!(|db| setting::secrets(db, &key, &tenant, &channel).await),
        )
        .await
    }

    async fn replace_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        was: &BTreeMap<String, Secret>,
        next: &BTreeMap<String, Secret>,
    ) -> Result<bool> {
        let (code, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        let (was, next) = (was.clone(), next.clone());
        let replace = job!(|db| setting::replace_secrets(db, &key, (&code, &channel), &was, &next).await);
        self.write("was replacing secrets", tenant, replace).await
    }

    async fn put_token(&self, fence: &Fence, token: &Secret, expires_at: Millis) -> Result<()> {
        let (of, token, key) = (fence.clone(), token.clone(), self.key.clone());
        let put = job!(|db| {
            if lease::is_passed(db, &of).await? {
                return Err(of.lost().into());
            }
            setting::put_token(db, &key, (&of.tenant, &of.channel), (&token, expires_at)).await
        });
        self.write("was writing a token", &fence.tenant, put).await
    }

    async fn token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<(Secret, Millis)>> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        self.read(
            "was reading a token",
            &tenant.clone(),
            job!(|db| setting::token(db, &key, &tenant, &channel).await),
        )
        .await
    }

    async fn forget_token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write(
            "was forgetting a token",
            &tenant.clone(),
            job!(|db| setting::forget_token(db, &tenant, &channel).await),
        )
        .await
    }

    async fn put_facility(&self, tenant: &TenantCode, facility: &Facility) -> Result<()> {
        let (tenant, facility) = (tenant.clone(), facility.clone());
        self.write(
            "was writing a facility",
            &tenant.clone(),
            job!(|db| setting::put_facility(db, &tenant, &facility).await),
        )
        .await
    }

    async fn put_sequence(&self, tenant: &TenantCode, sequence: &Sequence) -> Result<()> {
        let (tenant, sequence) = (tenant.clone(), sequence.clone());
        self.write(
            "was writing a sequence",
            &tenant.clone(),
            job!(|db| setting::put_sequence(db, &tenant, &sequence).await),
        )
        .await
    }

    async fn set_on_hand(
        &self,
        tenant: &TenantCode,
        facility: &FacilityCode,
        sku: &Sku,
        on_hand: i64,
    ) -> Result<Stock> {
        let (tenant, facility, sku) = (tenant.clone(), facility.clone(), sku.clone());
        self.write(
            "was writing stock",
            &tenant.clone(),
            job!(|db| setting::set_on_hand(db, &tenant, &facility, &sku, on_hand).await),
        )
        .await
    }

    async fn reserve(&self, call: Call, fence: Option<&Fence>) -> Result<Slot> {
        let fence = fence.cloned();
        self.host(
            "was taking from a rate bucket",
            Access::Write,
            job!(|db| bucket::reserve(db, &call, fence.as_ref()).await),
        )
        .await
    }

    async fn buckets(&self, account: &str) -> Result<Vec<(String, Millis)>> {
        let account = account.to_owned();
        self.host("was reading rate buckets", Access::Read, job!(|db| bucket::all(db, &account).await)).await
    }

    async fn put_breaker(&self, subject: &str, body: &str) -> Result<()> {
        let (subject, body) = (subject.to_owned(), body.to_owned());
        self.host(
            "was writing a breaker",
            Access::Write,
            job!(|db| bucket::put_breaker(db, &subject, &body).await),
        )
        .await
    }

    async fn drop_breaker(&self, subject: &str) -> Result<()> {
        let subject = subject.to_owned();
        self.host(
            "was striking out a breaker",
            Access::Write,
            job!(|db| bucket::drop_breaker(db, &subject).await),
        )
        .await
    }

    async fn breakers(&self, subjects: Option<&[String]>) -> Result<Vec<String>> {
        let subjects = subjects.map(<[String]>::to_vec);
        self.host(
            "was reading breakers",
            Access::Read,
            job!(|db| bucket::breakers(db, subjects.as_deref()).await),
        )
        .await
    }

    async fn import(
        &self,
        snapshot: Snapshot,
        secrets: BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
    ) -> Result<()> {
        let key = self.key.clone();
        let prepared = Import::prepare(snapshot, &secrets)?;
        let of = (Scope::Tenant(prepared.snapshot.tenant.clone()), Access::Write, LONG);
        let write = job!(|db| import::write(db, &prepared, &key, &secrets).await);
        self.transact("was importing a snapshot", of, Mode::Commit, write).await
    }

    async fn export(&self, tenant: &TenantCode, now: Millis, out: &mut (dyn Write + Send)) -> Result<()> {
        let tenant = tenant.clone();
        let (pieces, arriving) = tokio::sync::mpsc::channel(4);
        let of = (Scope::Tenant(tenant.clone()), Access::Read, EXPORT);
        let write = job!(|db| export::write(db, &tenant, now, &pieces).await);
        let reading = self.transact("was exporting", of, Mode::Commit, write);
        passed_on(reading, arriving, out).await
    }

    async fn dump(&self, part: &Part, out: &mut (dyn Write + Send)) -> Result<u64> {
        let part = part.clone();
        let (pieces, arriving) = tokio::sync::mpsc::channel(4);
        let scope = match &part {
            Part::Shared => Scope::Host,
            // They stay where their tenant has left.
            Part::Callers(code) => Scope::Moving(code.clone()),
            Part::Tenant(code) | Part::Moving(code) => Scope::Tenant(code.clone()),
        };
        let of = (scope, Access::Read, EXPORT);
        let dump = job!(|db| copy::dump(db, &part, &pieces).await);
        passed_on(self.transact("was writing a copy", of, Mode::Commit, dump), arriving, out).await
    }

    async fn load(
        &self,
        part: &Part,
        pieces: tokio::sync::mpsc::Receiver<Piece>,
        landing: Landing,
    ) -> Result<()> {
        let part = part.clone();
        let scope = part.tenant().map_or(Scope::Host, |code| Scope::Moving(code.clone()));
        let of = (scope, Access::Write, COPY);
        let load = job!(|db| copy::load(db, &part, pieces, landing).await);
        self.transact("was taking a copy", of, Mode::Commit, load).await
    }

    async fn answers(&self) -> Result<()> {
        let ask = job!(|db| statement::first(db, "SELECT 1 FROM tenants LIMIT 1", with![], |_| Ok(())).await);
        self.host("was asked whether it answers", Access::Read, ask).await.map(drop)
    }

    async fn check(&self) -> Result<Health> {
        let check = job!(|db| {
            let health = statement::first(
                db,
                "SELECT current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit'),
                     version FROM schema_version",
                with![],
                |row| {
                    let (version, fsync, commit): (String, String, String) =
                        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                    Ok(Health {
                        engine: format!("PostgreSQL {version}"),
                        journal: format!("WAL, fsync {fsync}, synchronous_commit {commit}"),
                        schema: row.try_get(3)?,
                        faults: Vec::new(),
                    })
                },
            );
            Ok(health
                .await?
                .ok_or_else(|| StoreError::Contradiction("the schema has no number".to_owned()))?)
        });
        self.host("was being checked", Access::Read, check).await
    }
}
