//! Keeps everything that must survive the process: orders and what belongs to them, leases, tasks, runs, sealed secrets.
//!
//! It decides nothing about orders. A page of observations is loaded, handed to the caller's decision, and written, all in
//! one transaction; whatever the number of orders, with the same number of statements. Times are milliseconds UTC.

mod access;
mod bucket;
pub mod copy;
mod error;
mod events;
mod export;
mod import;
mod intake;
mod lease;
mod line;
mod lists;
pub mod migrate;
mod moving;
mod outbox;
mod page;
mod people;
mod postgres;
mod record;
mod rows;
mod run;
mod search;
pub mod shards;
mod sqlite;
#[cfg(test)]
mod suite;
mod task;
mod timeline;
mod wanted;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use async_trait::async_trait;
use plugin_api::{Mark, Millis, Task};

pub use self::{
    access::{ANSWER_KEPT_MS, AccessStore, Action, ApiKey, Begun, REQUEST_HELD_MS, SavedAnswer},
    bucket::{Call, Slot, level},
    copy::{Landing, Part, Piece},
    error::{Result, StoreError},
    events::{
        ConflictOpened, EventKind, OrderStatusChanged, OrderTaken, RunFinished, TEST_EVENT, ToldChange,
        WebhookTest, event_body, event_id,
    },
    intake::{DecideIntake, IntakeKeys, IntakeState, IntakeStore},
    lease::{Claim, Fence},
    lists::{
        ConflictRow, Health, ItemCount, NamedOrder, OrderFilter, OrderRow, OrderStage, ParkedFilter,
        ParkedRow, PutawayRow, Shipping, TenantRow, ToAsk,
    },
    moving::{MovingStore, Stage},
    outbox::{
        Attempt, Backlog, Batch, Delivery, DeliveryState, Due, Ended, Webhook, WebhookEdit, WebhookStore,
        WebhookTurn,
    },
    page::{Decide, Edit, Mode, PageKeys, PageReport, PageResult, PageState},
    people::{PeopleStore, Person, SavedFilter, Session, User},
    postgres::{Postgres, PostgresSetup, Prepared},
    run::{
        Counts, DueAgain, FailedCall, NewRun, OrderOutcome, Run, RunEnd, RunFilter, RunId, RunLine, RunOrder,
        RunResult, ToldCall, Trigger,
    },
    sqlite::Sqlite,
    task::{DueTask, Freshness, Full, LastRun, NewTask, Standing, TaskEdit, TaskFilter, TaskRow},
    timeline::{Moment, Timeline},
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
    secrets::Secret,
};

/// A place where state is kept. Every write is one transaction; when a call returns, what it wrote is on the disk.
///
/// Lists are paged by key: `after` is the key of the last row that the caller has, `limit` the most rows it wants.
#[async_trait]
pub trait Store: AccessStore + PeopleStore + IntakeStore + MovingStore + WebhookStore + Send + Sync {
    // Pages.

    /// Loads, decides and writes a page under a lease.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the fence has been passed or has run out by the database's clock; nothing is written.
    /// # Idempotency
    /// None of its own: the decision sees what an earlier call wrote.
    async fn apply_page(
        &self,
        fence: &Fence,
        page: PageKeys,
        mode: Mode,
        decide: Decide,
    ) -> Result<PageReport>;

    /// The order of each item that an order has, by the marketplace's ids: for facts that name their item only. If two
    /// orders of the channel have the item, it is the one that was imported first.
    async fn orders_of_items(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        items: &[String],
    ) -> Result<BTreeMap<String, String>>;

    /// Orders for which facts wait that may be applied now, by the marketplace's id: whose order is known, or which were
    /// refused.
    async fn waiting_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>>;

    /// The same as a page, for one order by our code and without a lease: a person's act. The order is always loaded and
    /// forgets its fingerprint; `seen`, `lines` and `mark` of the result are not written.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such order.
    async fn edit_order(
        &self,
        tenant: &TenantCode,
        order: &OrderCode,
        now: Millis,
        mode: Mode,
        decide: Edit,
    ) -> Result<PageReport>;

    // Leases.

    /// Takes the channel for `ttl_ms`, unless a run holds it, and with it notes the beginning of `run`, which is of that
    /// channel. `holder` must be a text that no other run has ever used. Runs of the channel that never ended (their host
    /// died, or stood still) are ended as FAILED. Without a run, or with one that a person asked for, it goes ahead of the
    /// timer: for two seconds after it was asked for in vain the timer does not get it either.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if a run was made with the same request key; the channel is not taken then.
    async fn claim(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        holder: &str,
        ttl_ms: Millis,
        run: Option<&NewRun>,
    ) -> Result<Claim>;

    /// Holds on to the channel for `ttl_ms` from now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if it ran out or was taken over.
    async fn renew(&self, fence: &Fence, ttl_ms: Millis) -> Result<()>;

    /// Gives the channel back. A lease that is already lost stays as it is.
    async fn release(&self, fence: &Fence) -> Result<()>;

    // Tasks and runs.

    /// What a run has to know of its channel before it begins, as of one instant; `None` if there is no such tenant.
    async fn standing(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Standing>>;

    /// Makes the tasks that the channel does not have yet; leaves the others as they are.
    async fn ensure_tasks(&self, tenant: &TenantCode, channel: &ChannelCode, tasks: &[NewTask])
    -> Result<()>;

    /// The channels of a connector, of all tenants, that do not have all of these tasks.
    async fn channels_without_tasks(
        &self,
        connector: &str,
        tasks: &[Task],
    ) -> Result<Vec<(TenantCode, ChannelCode)>>;

    /// The task list, by tenant, channel and task.
    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>>;

    /// Enabled tasks of enabled channels that are due at `now` and whose channel no run holds and no person waits for: of
    /// each connector the longest due, `limit` at most. Those that are `full` are left out.
    async fn due_tasks(&self, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>>;

    /// How fresh enabled tasks are, by connector and kind.
    async fn freshness(&self, now: Millis) -> Result<Vec<Freshness>>;

    /// Changes a task.
    async fn set_task(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        task: Task,
        edit: TaskEdit,
    ) -> Result<()>;

    /// Notes a run that asks nothing and so holds no channel: one that a gate stopped.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if a run was made with the same request key.
    async fn start_run(&self, run: &NewRun) -> Result<RunId>;

    /// Notes the end of a run, in its task too, and gives its channel back. A run that has ended already stays as it is.
    /// Of a task's quiet runs (see [`RunEnd::is_quiet`]) only the last thirty are kept; nobody asked for those, so the
    /// ones with a request key stay.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the fence has been passed. The run, unless whoever passed it has done so, is ended as
    /// FAILED then, and its task stays as it is. A fence that has only run out does no harm.
    async fn finish_run(&self, run: RunId, end: &RunEnd, fence: Option<&Fence>) -> Result<()>;

    /// Runs, the newest first; `after` is the oldest that the caller has.
    async fn runs(&self, filter: &RunFilter, after: Option<RunId>, limit: u32) -> Result<Vec<Run>>;

    /// A run with the lines that were kept.
    async fn run(&self, run: RunId) -> Result<Option<(Run, Vec<RunLine>)>>;

    /// What became of each order that a person chose for a run; nothing before its end.
    async fn run_orders(&self, run: RunId) -> Result<Vec<RunOrder>>;

    /// The call after which the marketplace was given up in a run, if it was.
    async fn failed_call(&self, run: RunId) -> Result<Option<FailedCall>>;

    /// What a run did, moment by moment; nothing before its end, nor for a run of which nothing came and in which nothing
    /// waited.
    async fn timeline(&self, run: RunId) -> Result<Option<Timeline>>;

    /// The run that was made for a request with this key.
    async fn run_of_request(&self, tenant: &TenantCode, key: &str) -> Result<Option<RunId>>;

    /// How far a task has come.
    async fn mark(&self, tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Result<Option<Mark>>;

    // Orders by id.

    /// The orders of a filter as a marketplace knows them, by our code.
    async fn matching_refs(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<ToAsk>>;

    /// Which orders a filter has, by our code.
    async fn matching_orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<NamedOrder>>;

    /// How many orders a filter has.
    async fn count_orders(&self, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64>;

    /// The orders of all channels that are named by our code or by the marketplace's id, by our code; unknown names are
    /// left out.
    async fn named_orders(&self, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>>;

    /// The orders of a channel that are named by our code or by the marketplace's id; unknown names are left out.
    async fn refs(&self, tenant: &TenantCode, channel: &ChannelCode, ids: &[String]) -> Result<Vec<ToAsk>>;

    // Reading.

    /// Orders, by code.
    async fn orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<OrderRow>>;

    /// Orders that changed since their import, the last changed first; `after` is when the last that the caller has changed,
    /// and its code.
    async fn changed_orders(
        &self,
        tenant: &TenantCode,
        after: Option<(Millis, &OrderCode)>,
        limit: u32,
    ) -> Result<Vec<OrderRow>>;

    /// An order with what belongs to it, by our code or else by the marketplace's id.
    ///
    /// # Errors
    /// [`StoreError::Contradiction`] if two channels have an order of that id.
    async fn order(&self, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>>;

    /// What was changed of an order, oldest first.
    async fn history(&self, tenant: &TenantCode, order: &OrderCode) -> Result<Vec<Change>>;

    /// Conflicts by number; all, or the open ones.
    async fn conflicts(&self, tenant: &TenantCode, open_only: bool) -> Result<Vec<ConflictRow>>;

    /// A conflict by its code.
    async fn conflict(&self, tenant: &TenantCode, code: &str) -> Result<Option<ConflictRow>>;

    /// Putaways by number; all, or those to be done.
    async fn putaways(&self, tenant: &TenantCode, due_only: bool) -> Result<Vec<PutawayRow>>;

    /// A putaway by its code.
    async fn putaway(&self, tenant: &TenantCode, code: &str) -> Result<Option<PutawayRow>>;

    /// Facts that wait, oldest first.
    async fn parked(
        &self,
        tenant: &TenantCode,
        filter: &ParkedFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ParkedRow>>;

    /// Stock, by facility and product; `available` is filled in.
    async fn stock(&self, tenant: &TenantCode) -> Result<Vec<Stock>>;

    /// Number series, by owner and kind.
    async fn sequences(&self, tenant: &TenantCode) -> Result<Vec<Sequence>>;

    /// Facilities, by code.
    async fn facilities(&self, tenant: &TenantCode) -> Result<Vec<Facility>>;

    /// Channels, by code.
    async fn channels(&self, tenant: &TenantCode) -> Result<Vec<Channel>>;

    /// A channel.
    async fn channel(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Channel>>;

    /// Tenants, by code.
    async fn tenants(&self) -> Result<Vec<TenantRow>>;

    /// A tenant.
    async fn tenant(&self, tenant: &TenantCode) -> Result<Option<TenantRow>>;

    /// Units per channel and state.
    async fn item_counts(&self, tenant: &TenantCode) -> Result<Vec<ItemCount>>;

    // Setting.

    /// Adds a tenant that is not live.
    ///
    /// # Errors
    /// [`StoreError::Exists`].
    async fn add_tenant(&self, tenant: &TenantCode) -> Result<()>;

    /// Says whether a tenant is live.
    async fn set_live(&self, tenant: &TenantCode, live: bool) -> Result<()>;

    /// Says in which time zone the people of a tenant read times.
    async fn set_zone(&self, tenant: &TenantCode, zone: &Zone) -> Result<()>;

    /// Removes a tenant with everything that is kept for it, secrets among it. A run of it loses its lease.
    async fn remove_tenant(&self, tenant: &TenantCode) -> Result<()>;

    /// Adds or replaces a channel.
    async fn put_channel(&self, tenant: &TenantCode, channel: &Channel) -> Result<()>;

    /// Switches a channel on or off.
    async fn enable_channel(&self, tenant: &TenantCode, channel: &ChannelCode, enabled: bool) -> Result<()>;

    /// Stores secrets of a channel, sealed. Others that it has stay.
    async fn put_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<()>;

    /// The names of a channel's secrets.
    async fn secret_names(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeSet<String>>;

    /// A channel's secrets, opened.
    async fn secrets(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeMap<String, Secret>>;

    /// Stores secrets that the marketplace replaced, unless one of them is no longer what it `was`: another login, or a
    /// person, has replaced it since. Whether they were stored.
    async fn replace_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        was: &BTreeMap<String, Secret>,
        next: &BTreeMap<String, Secret>,
    ) -> Result<bool>;

    /// Stores the account token of the fence's channel, sealed, as the text that the caller makes of it.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the fence has been passed.
    async fn put_token(&self, fence: &Fence, token: &Secret, expires_at: Millis) -> Result<()>;

    /// A channel's account token, with the instant when it runs out.
    async fn token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<(Secret, Millis)>>;

    /// Forgets a channel's account token.
    async fn forget_token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<()>;

    /// Adds or replaces a facility.
    async fn put_facility(&self, tenant: &TenantCode, facility: &Facility) -> Result<()>;

    /// Adds or replaces a number series.
    async fn put_sequence(&self, tenant: &TenantCode, sequence: &Sequence) -> Result<()>;

    /// Sets the units on hand; what is blocked stays.
    async fn set_on_hand(
        &self,
        tenant: &TenantCode,
        facility: &FacilityCode,
        sku: &Sku,
        on_hand: i64,
    ) -> Result<Stock>;

    // Whole tenants.

    /// Replaces a tenant's whole state by a snapshot. Kept are the secrets of channels that remain with the same
    /// connector, and the tasks of channels that remain. `secrets` are stored besides, by channel.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while a run holds one of its channels; [`StoreError::Contradiction`] if the snapshot does not
    /// fit together, naming the entry. Nothing is changed then.
    async fn import(
        &self,
        snapshot: Snapshot,
        secrets: BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
    ) -> Result<()>;

    /// Writes a tenant's whole state as a snapshot, one order a line, in a stable order. `now` sets the financial year
    /// of series that have drawn no number yet.
    async fn export(&self, tenant: &TenantCode, now: Millis, out: &mut (dyn Write + Send)) -> Result<()>;

    // Copies.

    /// Writes the rows of a part as lines, as of one instant; answers how many.
    async fn dump(&self, part: &Part, out: &mut (dyn Write + Send)) -> Result<u64>;

    /// Takes the rows of a part, all or none. Leases are not taken over, and their epochs rise.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the tenant is there; [`StoreError::Contradiction`] if rows do not fit the tables, or no
    /// [`Piece::End`] came.
    async fn load(
        &self,
        part: &Part,
        pieces: tokio::sync::mpsc::Receiver<Piece>,
        landing: Landing,
    ) -> Result<()>;

    // Rate buckets.

    /// Takes a call from its bucket, unless it would have to wait too long.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] if the fence has been passed; nothing is taken.
    async fn reserve(&self, call: Call, fence: Option<&Fence>) -> Result<Slot>;

    /// The buckets of an account (`tenant/channel`), by operation, each with when it would be full again, UTC. Nothing is
    /// taken. One that no call was taken from may be missing: it is full.
    async fn buckets(&self, account: &str) -> Result<Vec<(String, Millis)>>;

    // Breakers.

    /// Writes down who is not asked for a while, by a name; `body` is the caller's own text.
    async fn put_breaker(&self, subject: &str, body: &str) -> Result<()>;

    /// Strikes it out again.
    async fn drop_breaker(&self, subject: &str) -> Result<()>;

    /// The texts that are written down, of these subjects or of all, by subject.
    async fn breakers(&self, subjects: Option<&[String]>) -> Result<Vec<String>>;

    // Itself.

    /// Whether the store answers at all; as little work as possible.
    async fn answers(&self) -> Result<()>;

    /// Looks whether the store is sound.
    async fn check(&self) -> Result<Health>;
}

/// A token's place has one part more than a secret's, so neither opens as the other.
fn token_place<'a>(tenant: &'a TenantCode, channel: &'a ChannelCode) -> [&'a str; 4] {
    [tenant.as_str(), channel.as_str(), "account", "token"]
}
