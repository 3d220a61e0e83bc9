//! The store in one `SQLite` file: one connection that writes, a few that read.
//!
//! Each call of the surface is one job on a worker's thread; writing jobs that wait together share a `BEGIN IMMEDIATE`
//! transaction. The SQL
//! is in the files named after what it is about.

mod access;
mod bucket;
mod copy;
mod export;
mod fault;
mod import;
mod intake;
mod json;
mod lease;
mod load;
mod moving;
mod order;
mod outbox;
mod page;
mod people;
mod run;
mod save;
mod schema;
mod setting;
mod task;
#[cfg(test)]
mod tests;
mod versions;
mod webhook;
mod words;
mod worker;
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use plugin_api::{Mark, Millis, Task};
use rusqlite::Connection;
use tokio::sync::{Semaphore, mpsc::Sender};

use self::{
    fault::Fail,
    versions::{Touches, Versions},
    worker::{Open, Workers},
    writer::{Kind, Weight, Writer},
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

/// Connections that read. More would not help: a read takes well under a millisecond, and there are few cores.
const READERS: usize = 3;

/// Connections on which pages are read and decided, beside the one that writes them. Others than those that read, which may be
/// busy for long with an export.
const DRAFTERS: usize = 2;

/// Pages that are decided and not yet on the disk, at most: those that share a transaction, as many again that get ready
/// meanwhile, and some. A page of a hundred orders takes about two megabytes, and a thousand runs may wait with one each.
const DRAFTS: usize = 40;

/// A store in one `SQLite` file. Dropping it waits for writes that are under way.
pub struct Sqlite {
    writer: Writer,
    versions: Arc<Versions>,
    readers: Workers,
    drafters: Workers,
    drafts: Semaphore,
    path: Arc<Path>,
    key: Key,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqlite").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Sqlite {
    /// Opens the file, makes it if there is none, and brings its schema up to date. `key` seals secrets.
    ///
    /// # Errors
    /// [`StoreError::OldEngine`], [`StoreError::Newer`], [`StoreError::ReadOnly`], [`StoreError::CannotOpen`],
    /// [`StoreError::Damaged`], [`StoreError::InUse`].
    pub fn open(path: &Path, key: Key) -> Result<Sqlite> {
        schema::check_engine()?;
        let path: Arc<Path> = Arc::from(path);
        let words = |fail: Fail| fail.in_words("was opening the database", &path);
        let writer = schema::open_writer(&path).map_err(words)?;
        let reading = |count: usize| (0..count).map(|_| schema::open_reader(&path).map_err(words)).collect();
        let (readers, drafters): (Result<Vec<_>>, Result<Vec<_>>) = (reading(READERS), reading(DRAFTERS));
        let (readers, drafters) = (readers?, drafters?);
        let versions = Arc::new(Versions::new());
        let opening = |open: fn(&Path) -> std::result::Result<Connection, Fail>| -> Open {
            let file = Arc::clone(&path);
            Arc::new(move || open(&file))
        };
        let no_threads = |error: std::io::Error| StoreError::Failed {
            doing: "was starting its threads".to_owned(),
            source: Box::new(error),
        };
        Ok(Sqlite {
            writer: Writer::start(&path, writer, &opening(schema::open_writer), Arc::clone(&versions))
                .map_err(no_threads)?,
            versions,
            readers: Workers::start("store-reader", &path, readers, &opening(schema::open_reader))
                .map_err(no_threads)?,
            drafters: Workers::start("store-drafter", &path, drafters, &opening(schema::open_reader))
                .map_err(no_threads)?,
            drafts: Semaphore::new(DRAFTS),
            path: Arc::clone(&path),
            key,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let kind = Kind { weight: Weight::Light, touches: Touches::All, mode: Mode::Commit };
        self.writer.write(doing, kind, job).await
    }

    /// Writes what no page rests on: nothing of orders and what belongs to them, of tenants, channels, stock or series.
    async fn write_beside<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let kind = Kind { weight: Weight::Light, touches: Touches::Nothing, mode: Mode::Commit };
        self.writer.write(doing, kind, job).await
    }

    /// Has text read on a reader's thread and writes it as it comes.
    async fn stream<T: Send + 'static>(
        &self,
        doing: &'static str,
        out: &mut (dyn Write + Send),
        job: impl FnOnce(&mut Connection, &Sender<Vec<u8>>) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        let (pieces, arriving) = tokio::sync::mpsc::channel(4);
        let reading = self.readers.work(doing, move |db| job(db, &pieces));
        passed_on(reading, arriving, out).await
    }

    /// Reads, however many statements it takes, as of one instant.
    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> std::result::Result<T, Fail> + Send + 'static,
    ) -> Result<T> {
        self.readers
            .work(doing, move |db| {
                let tx = db.transaction()?;
                job(&tx)
            })
            .await
    }
}

#[async_trait]
impl Store for Sqlite {
    async fn apply_page(
        &self,
        fence: &Fence,
        page: PageKeys,
        mode: Mode,
        decide: Decide,
    ) -> Result<PageReport> {
        let _room = self.drafts.acquire().await.map_err(|_| StoreError::Closed)?;
        let (versions, version) = (Arc::clone(&self.versions), self.versions.of(&fence.tenant));
        let (theirs, decide, keys) = (fence.clone(), Arc::new(decide), Arc::new(page));
        let drafting = {
            let (fence, decide, keys) = (fence.clone(), Arc::clone(&decide), Arc::clone(&keys));
            self.drafters.work("was reading a page", move |db| {
                let tx = db.transaction()?;
                lease::check(&tx, &fence)?;
                page::draft(&tx, &fence, &keys, &decide)
            })
        };
        // What fails beside the writer may be right when the page's turn comes: a lease that is renewed meanwhile, for one.
        let draft = drafting.await.ok();
        let kind = Kind { weight: Weight::Page, touches: Touches::tenant(&fence.tenant), mode };
        // What the page was decided with is freed here, not while others wait for the writer.
        let _kept = Arc::clone(&decide);
        self.writer
            .write("was writing a page", kind, move |db| {
                lease::check(db, &theirs)?;
                let draft = match draft.filter(|_| versions.is_still(version, &theirs.tenant)) {
                    Some(draft) => draft,
                    None => page::draft(db, &theirs, &keys, &decide)?,
                };
                page::apply(db, &theirs, &keys, draft)
            })
            .await
    }

    async fn orders_of_items(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        items: &[String],
    ) -> Result<BTreeMap<String, String>> {
        let (tenant, channel, items) = (tenant.clone(), channel.clone(), items.to_vec());
        self.read("was finding the orders of items", move |db| {
            load::orders_of_items(db, &tenant, &channel, &items)
        })
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
        self.read("was listing waiting facts", move |db| {
            order::waiting(db, &tenant, &channel, after.as_deref(), limit)
        })
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
        let kind = Kind { weight: Weight::Light, touches: Touches::tenant(&tenant), mode };
        self.writer
            .write("was writing an order", kind, move |db| page::edit(db, &tenant, &order, now, decide))
            .await
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
        let (holder, run) = (holder.to_owned(), run.cloned());
        self.write_beside("was claiming a channel", move |db| {
            lease::claim(db, &tenant, &channel, &holder, ttl_ms, run.as_ref())
        })
        .await
    }

    async fn renew(&self, fence: &Fence, ttl_ms: Millis) -> Result<()> {
        let fence = fence.clone();
        self.write_beside("was renewing a lease", move |db| lease::renew(db, &fence, ttl_ms)).await
    }

    async fn release(&self, fence: &Fence) -> Result<()> {
        let fence = fence.clone();
        self.write_beside("was releasing a lease", move |db| lease::release(db, &fence)).await
    }

    async fn standing(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Standing>> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        self.read("was reading what a run needs", move |db| {
            let Some(row) = setting::tenant(db, &tenant)? else { return Ok(None) };
            let filter = TaskFilter { tenant: Some(tenant.clone()), channel: Some(channel.clone()) };
            Ok(Some(Standing {
                live: row.live,
                channel: setting::channel(db, &tenant, &channel)?,
                tasks: task::list(db, &filter)?,
                secrets: setting::secrets(db, &key, &tenant, &channel)?,
                has_waiting: order::has_waiting(db, &tenant, &channel)?,
            }))
        })
        .await
    }

    async fn ensure_tasks(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        tasks: &[NewTask],
    ) -> Result<()> {
        let (tenant, channel, tasks) = (tenant.clone(), channel.clone(), tasks.to_owned());
        self.write_beside("was making tasks", move |db| task::ensure(db, &tenant, &channel, &tasks)).await
    }

    async fn channels_without_tasks(
        &self,
        connector: &str,
        tasks: &[Task],
    ) -> Result<Vec<(TenantCode, ChannelCode)>> {
        let (connector, tasks) = (connector.to_owned(), tasks.to_owned());
        self.read("was looking for channels without tasks", move |db| {
            task::channels_without(db, &connector, &tasks)
        })
        .await
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
        let filter = filter.clone();
        self.read("was listing tasks", move |db| task::list(db, &filter)).await
    }

    async fn due_tasks(&self, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>> {
        let full = full.clone();
        self.read("was looking for due tasks", move |db| task::due(db, now, &full, limit)).await
    }

    async fn freshness(&self, now: Millis) -> Result<Vec<Freshness>> {
        self.read("was looking how fresh data is", move |db| task::freshness(db, now)).await
    }

    async fn set_task(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        task: Task,
        edit: TaskEdit,
    ) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write_beside("was setting a task", move |db| task::set(db, &tenant, &channel, task, edit)).await
    }

    async fn start_run(&self, run: &NewRun) -> Result<RunId> {
        let run = run.clone();
        self.write_beside("was starting a run", move |db| run::start(db, &run)).await
    }

    async fn finish_run(&self, run: RunId, end: &RunEnd, fence: Option<&Fence>) -> Result<()> {
        let (end, fence) = (end.clone(), fence.cloned());
        let passed = self.write_beside("was ending a run", move |db| match &fence {
            Some(fence) if lease::is_passed(db, fence)? => {
                run::finish_passed(db, run, &end)?;
                Ok(Some(fence.lost()))
            }
            fence => run::finish(db, run, &end, fence.as_ref()).map(|()| None),
        });
        passed.await?.map_or(Ok(()), Err)
    }

    async fn runs(&self, filter: &RunFilter, after: Option<RunId>, limit: u32) -> Result<Vec<Run>> {
        let filter = filter.clone();
        self.read("was listing runs", move |db| run::list(db, &filter, after, limit)).await
    }

    async fn run(&self, run: RunId) -> Result<Option<(Run, Vec<RunLine>)>> {
        self.read("was reading a run", move |db| run::with_lines(db, run)).await
    }

    async fn run_orders(&self, run: RunId) -> Result<Vec<RunOrder>> {
        self.read("was reading a run", move |db| run::orders(db, run)).await
    }

    async fn failed_call(&self, run: RunId) -> Result<Option<FailedCall>> {
        self.read("was reading a run", move |db| run::failed_call(db, run)).await
    }

    async fn timeline(&self, run: RunId) -> Result<Option<Timeline>> {
        self.read("was reading a run", move |db| run::timeline(db, run)).await
    }

    async fn run_of_request(&self, tenant: &TenantCode, key: &str) -> Result<Option<RunId>> {
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.read("was looking for a run", move |db| run::of_request(db, &tenant, &key)).await
    }

    async fn mark(&self, tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Result<Option<Mark>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read("was reading a mark", move |db| task::mark(db, &tenant, &channel, task)).await
    }

    async fn matching_refs(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<ToAsk>> {
        let (tenant, filter, after) = (tenant.clone(), filter.clone(), after.cloned());
        self.read("was listing orders to ask about", move |db| {
            order::matching_refs(db, &tenant, &filter, after.as_ref(), limit)
        })
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
        self.read("was listing orders to ask about", move |db| {
            order::matching(db, &tenant, &filter, after.as_ref(), limit)
        })
        .await
    }

    async fn count_orders(&self, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.read("was counting orders", move |db| order::count(db, &tenant, &filter)).await
    }

    async fn named_orders(&self, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>> {
        let (tenant, ids) = (tenant.clone(), ids.to_owned());
        self.read("was looking for orders", move |db| order::named(db, &tenant, &ids)).await
    }

    async fn refs(&self, tenant: &TenantCode, channel: &ChannelCode, ids: &[String]) -> Result<Vec<ToAsk>> {
        let (tenant, channel, ids) = (tenant.clone(), channel.clone(), ids.to_owned());
        self.read("was listing orders to ask about", move |db| order::refs(db, &tenant, &channel, &ids)).await
    }

    async fn orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        let (tenant, filter, after) = (tenant.clone(), filter.clone(), after.cloned());
        self.read("was listing orders", move |db| order::list(db, &tenant, &filter, after.as_ref(), limit))
            .await
    }

    async fn changed_orders(
        &self,
        tenant: &TenantCode,
        after: Option<(Millis, &OrderCode)>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        let (tenant, after) = (tenant.clone(), after.map(|(at, code)| (at, code.clone())));
        self.read("was listing changed orders", move |db| order::changed(db, &tenant, after, limit)).await
    }

    async fn order(&self, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read("was reading an order", move |db| order::file(db, &tenant, &id)).await
    }

    async fn history(&self, tenant: &TenantCode, order: &OrderCode) -> Result<Vec<Change>> {
        let (tenant, order) = (tenant.clone(), order.clone());
        self.read("was reading history", move |db| order::history(db, &tenant, &order)).await
    }

    async fn conflicts(&self, tenant: &TenantCode, open_only: bool) -> Result<Vec<ConflictRow>> {
        let tenant = tenant.clone();
        self.read("was listing conflicts", move |db| order::conflicts(db, &tenant, open_only)).await
    }

    async fn conflict(&self, tenant: &TenantCode, code: &str) -> Result<Option<ConflictRow>> {
        let (tenant, code) = (tenant.clone(), code.to_owned());
        self.read("was reading a conflict", move |db| order::conflict(db, &tenant, &code)).await
    }

    async fn putaways(&self, tenant: &TenantCode, due_only: bool) -> Result<Vec<PutawayRow>> {
        let tenant = tenant.clone();
        self.read("was listing putaways", move |db| order::putaways(db, &tenant, due_only)).await
    }

    async fn putaway(&self, tenant: &TenantCode, code: &str) -> Result<Option<PutawayRow>> {
        let (tenant, code) = (tenant.clone(), code.to_owned());
        self.read("was reading a putaway", move |db| order::putaway(db, &tenant, &code)).await
    }

    async fn parked(
        &self,
        tenant: &TenantCode,
        filter: &ParkedFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ParkedRow>> {
        let (tenant, filter) = (tenant.clone(), filter.clone());
        self.read("was listing waiting facts", move |db| order::parked(db, &tenant, &filter, after, limit))
            .await
    }

    async fn stock(&self, tenant: &TenantCode) -> Result<Vec<Stock>> {
        let tenant = tenant.clone();
        self.read("was listing stock", move |db| setting::stock(db, &tenant)).await
    }

    async fn sequences(&self, tenant: &TenantCode) -> Result<Vec<Sequence>> {
        let tenant = tenant.clone();
        self.read("was listing sequences", move |db| load::sequences(db, &tenant)).await
    }

    async fn facilities(&self, tenant: &TenantCode) -> Result<Vec<Facility>> {
        let tenant = tenant.clone();
        self.read("was listing facilities", move |db| load::facilities(db, &tenant)).await
    }

    async fn channels(&self, tenant: &TenantCode) -> Result<Vec<Channel>> {
        let tenant = tenant.clone();
        self.read("was listing channels", move |db| setting::channels(db, &tenant)).await
    }

    async fn channel(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Channel>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read("was reading a channel", move |db| setting::channel(db, &tenant, &channel)).await
    }

    async fn tenants(&self) -> Result<Vec<TenantRow>> {
        self.read("was listing tenants", setting::tenants).await
    }

    async fn tenant(&self, tenant: &TenantCode) -> Result<Option<TenantRow>> {
        let tenant = tenant.clone();
        self.read("was reading a tenant", move |db| setting::tenant(db, &tenant)).await
    }

    async fn item_counts(&self, tenant: &TenantCode) -> Result<Vec<ItemCount>> {
        let tenant = tenant.clone();
        self.read("was counting items", move |db| order::item_counts(db, &tenant)).await
    }

    async fn add_tenant(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was adding a tenant", move |db| setting::add_tenant(db, &tenant)).await
    }

    async fn set_live(&self, tenant: &TenantCode, live: bool) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was changing a tenant", move |db| setting::set_live(db, &tenant, live)).await
    }

    async fn set_zone(&self, tenant: &TenantCode, zone: &Zone) -> Result<()> {
        let (tenant, zone) = (tenant.clone(), zone.clone());
        self.write("was changing a tenant", move |db| setting::set_zone(db, &tenant, &zone)).await
    }

    async fn remove_tenant(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was removing a tenant", move |db| setting::remove_tenant(db, &tenant)).await
    }

    async fn put_channel(&self, tenant: &TenantCode, channel: &Channel) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write("was writing a channel", move |db| setting::put_channel(db, &tenant, &channel)).await
    }

    async fn enable_channel(&self, tenant: &TenantCode, channel: &ChannelCode, enabled: bool) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write("was writing a channel", move |db| setting::enable_channel(db, &tenant, &channel, enabled))
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
        self.write("was writing secrets", move |db| {
            setting::put_secrets(db, &key, &tenant, &channel, &secrets)
        })
        .await
    }

    async fn secret_names(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeSet<String>> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.read("was listing secrets", move |db| setting::secret_names(db, &tenant, &channel)).await
    }

    async fn secrets(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeMap<String, Secret>> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        self.read("was reading secrets", move |db| setting::secrets(db, &key, &tenant, &channel)).await
    }

    async fn replace_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        was: &BTreeMap<String, Secret>,
        next: &BTreeMap<String, Secret>,
    ) -> Result<bool> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        let (was, next) = (was.clone(), next.clone());
        self.write("was replacing secrets", move |db| {
            let stored = setting::secrets(db, &key, &tenant, &channel)?;
            if next.keys().any(|name| stored.get(name) != was.get(name)) {
                return Ok(false);
            }
            setting::put_secrets(db, &key, &tenant, &channel, &next).map(|()| true)
        })
        .await
    }

    async fn put_token(&self, fence: &Fence, token: &Secret, expires_at: Millis) -> Result<()> {
        let (fence, token, key) = (fence.clone(), token.clone(), self.key.clone());
        self.write_beside("was writing a token", move |db| {
            lease::not_passed(db, &fence)?;
            setting::put_token(db, &key, &fence.tenant, &fence.channel, &token, expires_at)
        })
        .await
    }

    async fn token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<(Secret, Millis)>> {
        let (tenant, channel, key) = (tenant.clone(), channel.clone(), self.key.clone());
        self.read("was reading a token", move |db| setting::token(db, &key, &tenant, &channel)).await
    }

    async fn forget_token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<()> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        self.write_beside("was forgetting a token", move |db| setting::forget_token(db, &tenant, &channel))
            .await
    }

    async fn put_facility(&self, tenant: &TenantCode, facility: &Facility) -> Result<()> {
        let (tenant, facility) = (tenant.clone(), facility.clone());
        self.write("was writing a facility", move |db| setting::put_facility(db, &tenant, &facility)).await
    }

    async fn put_sequence(&self, tenant: &TenantCode, sequence: &Sequence) -> Result<()> {
        let (tenant, sequence) = (tenant.clone(), sequence.clone());
        self.write("was writing a sequence", move |db| setting::put_sequence(db, &tenant, &sequence)).await
    }

    async fn set_on_hand(
        &self,
        tenant: &TenantCode,
        facility: &FacilityCode,
        sku: &Sku,
        on_hand: i64,
    ) -> Result<Stock> {
        let (tenant, facility, sku) = (tenant.clone(), facility.clone(), sku.clone());
        self.write("was writing stock", move |db| setting::set_on_hand(db, &tenant, &facility, &sku, on_hand))
            .await
    }

    async fn reserve(&self, call: Call, fence: Option<&Fence>) -> Result<Slot> {
        let fence = fence.cloned();
        self.write_beside("was taking from a rate bucket", move |db| {
            bucket::reserve(db, &call, fence.as_ref())
        })
        .await
    }

    async fn buckets(&self, account: &str) -> Result<Vec<(String, Millis)>> {
        let account = account.to_owned();
        self.read("was reading rate buckets", move |db| bucket::all(db, &account)).await
    }

    async fn put_breaker(&self, subject: &str, body: &str) -> Result<()> {
        let (subject, body) = (subject.to_owned(), body.to_owned());
        self.write_beside("was writing a breaker", move |db| bucket::put_breaker(db, &subject, &body)).await
    }

    async fn drop_breaker(&self, subject: &str) -> Result<()> {
        let subject = subject.to_owned();
        self.write_beside("was striking out a breaker", move |db| bucket::drop_breaker(db, &subject)).await
    }

    async fn breakers(&self, subjects: Option<&[String]>) -> Result<Vec<String>> {
        let subjects = subjects.map(<[String]>::to_vec);
        self.read("was reading breakers", move |db| bucket::breakers(db, subjects.as_deref())).await
    }

    async fn import(
        &self,
        snapshot: Snapshot,
        secrets: BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
    ) -> Result<()> {
        let key = self.key.clone();
        let prepared = Import::prepare(snapshot, &secrets)?;
        let kind = Kind { weight: Weight::Heavy, touches: Touches::All, mode: Mode::Commit };
        self.writer
            .write("was importing a snapshot", kind, move |db| import::write(&prepared, db, &key, &secrets))
            .await
    }

    async fn export(&self, tenant: &TenantCode, now: Millis, out: &mut (dyn Write + Send)) -> Result<()> {
        let tenant = tenant.clone();
        self.stream("was exporting", out, move |db, pieces| export::write(db, &tenant, now, pieces)).await
    }

    async fn dump(&self, part: &Part, out: &mut (dyn Write + Send)) -> Result<u64> {
        let part = part.clone();
        self.stream("was writing a copy", out, move |db, pieces| copy::dump(db, &part, pieces)).await
    }

    async fn load(
        &self,
        part: &Part,
        pieces: tokio::sync::mpsc::Receiver<Piece>,
        landing: Landing,
    ) -> Result<()> {
        let part = part.clone();
        self.write("was taking a copy", move |db| copy::load(db, &part, pieces, landing)).await
    }

    async fn answers(&self) -> Result<()> {
        self.read("was asked whether it answers", |db| {
            json::first(db, "SELECT 1 FROM tenants LIMIT 1", [], |_| Ok(())).map(drop)
        })
        .await
    }

    async fn check(&self) -> Result<Health> {
        self.read("was being checked", |db| {
            Ok(Health {
                engine: format!("SQLite {}", rusqlite::version()),
                journal: db.pragma_query_value(None, "journal_mode", |row| row.get(0))?,
                schema: db.pragma_query_value(None, "user_version", |row| row.get(0))?,
                faults: json::each(db, "PRAGMA quick_check", [], |row| Ok(row.get::<_, String>(0)?))?
                    .into_iter()
                    .filter(|line| line != "ok")
                    .collect(),
            })
        })
        .await
    }
}
