//! Every call of the surface, handed to the database that it is for.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    time::Duration,
};

use async_trait::async_trait;
use plugin_api::{Mark, Millis, Task};
use tokio::sync::mpsc::Receiver;

use super::{CONTROL, Shards};
use crate::{
    access::{KeyHash, Role, TokenHash},
    domain::{
        codes::{ChannelCode, FacilityCode, OrderCode, Sku, TenantCode},
        effect::Change,
        invoice::Sequence,
        snapshot::{Channel, Facility, OrderFile, Snapshot},
        stock::Stock,
        zone::Zone,
    },
    secrets::Secret,
    storage::{
        AccessStore, Action, ApiKey, Attempt, Backlog, Batch, Begun, Call, Claim, ConflictRow, Decide,
        DecideIntake, Delivery, DeliveryState, DueTask, Edit, Ended, FailedCall, Fence, Freshness, Full,
        Health, IntakeKeys, IntakeStore, ItemCount, Landing, Mode, MovingStore, NamedOrder, NewRun, NewTask,
        OrderFilter, OrderRow, PageKeys, PageReport, ParkedFilter, ParkedRow, Part, PeopleStore, Person,
        Piece, PutawayRow, Result, Run, RunEnd, RunFilter, RunId, RunLine, RunOrder, SavedAnswer,
        SavedFilter, Session, Slot, Stage, Standing, Store, StoreError, TaskEdit, TaskFilter, TaskRow,
        TenantRow, Timeline, ToAsk, Webhook, WebhookEdit, WebhookStore, WebhookTurn,
    },
};

/// Asks the database of a tenant, and once more if the tenant turns out to be in another one.
macro_rules! at {
    ($self:ident, $tenant:expr, $store:ident => $call:expr) => {{
        let tenant: &TenantCode = $tenant;
        let mut place = $self.place_of(tenant).await?;
        loop {
            let $store = $self.at(&place).await?;
            match $call.await {
                Err(StoreError::Moved) if $self.is_elsewhere(tenant, &place).await? => {
                    place = $self.place_of(tenant).await?;
                }
                // On its way, and not there yet.
                Err(StoreError::Moved) => break Err(StoreError::Moving),
                done => break done,
            }
        }
    }};
}

/// A tenant does not leave while a lease of it lives, so whoever meets it on its way has lost its own.
fn lost<T>(fence: &Fence, done: Result<T>) -> Result<T> {
    match done {
        Err(StoreError::Moving | StoreError::Moved) => Err(fence.lost()),
        done => done,
    }
}

#[async_trait]
impl Store for Shards {
    async fn apply_page(
        &self,
        fence: &Fence,
        page: PageKeys,
        mode: Mode,
        decide: Decide,
    ) -> Result<PageReport> {
        let store = self.at(&self.place_of(&fence.tenant).await?).await?;
        lost(fence, store.apply_page(fence, page, mode, decide).await)
    }

    async fn orders_of_items(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        items: &[String],
    ) -> Result<BTreeMap<String, String>> {
        at!(self, tenant, store => store.orders_of_items(tenant, channel, items))
    }

    async fn waiting_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>> {
        at!(self, tenant, store => store.waiting_orders(tenant, channel, after, limit))
    }

    async fn edit_order(
        &self,
        tenant: &TenantCode,
        order: &OrderCode,
        now: Millis,
        mode: Mode,
        decide: Edit,
    ) -> Result<PageReport> {
        self.surely_at(tenant).await?.edit_order(tenant, order, now, mode, decide).await
    }

    async fn claim(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        holder: &str,
        ttl_ms: Millis,
        run: Option<&NewRun>,
    ) -> Result<Claim> {
        at!(self, tenant, store => store.claim(tenant, channel, holder, ttl_ms, run))
    }

    async fn renew(&self, fence: &Fence, ttl_ms: Millis) -> Result<()> {
        let store = self.at(&self.place_of(&fence.tenant).await?).await?;
        lost(fence, store.renew(fence, ttl_ms).await)
    }

    async fn release(&self, fence: &Fence) -> Result<()> {
        let store = self.at(&self.place_of(&fence.tenant).await?).await?;
        lost(fence, store.release(fence).await)
    }

    async fn standing(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Standing>> {
        at!(self, tenant, store => store.standing(tenant, channel))
    }

    async fn ensure_tasks(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        tasks: &[NewTask],
    ) -> Result<()> {
        at!(self, tenant, store => store.ensure_tasks(tenant, channel, tasks))
    }

    async fn channels_without_tasks(
        &self,
        connector: &str,
        tasks: &[Task],
    ) -> Result<Vec<(TenantCode, ChannelCode)>> {
        self.all_channels_without_tasks(connector, tasks).await
    }

    async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskRow>> {
        match &filter.tenant {
            Some(tenant) => at!(self, tenant, store => store.tasks(filter)),
            None => self.all_tasks(filter).await,
        }
    }

    async fn due_tasks(&self, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>> {
        self.all_due(now, full, limit).await
    }

    async fn freshness(&self, now: Millis) -> Result<Vec<Freshness>> {
        self.all_freshness(now).await
    }

    async fn set_task(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        task: Task,
        edit: TaskEdit,
    ) -> Result<()> {
        at!(self, tenant, store => store.set_task(tenant, channel, task, edit))
    }

    async fn start_run(&self, run: &NewRun) -> Result<RunId> {
        at!(self, &run.tenant, store => store.start_run(run))
    }

    async fn finish_run(&self, run: RunId, end: &RunEnd, fence: Option<&Fence>) -> Result<()> {
        let Some(fence) = fence else {
            let (store, _) =
                self.find_run(run).await?.ok_or_else(|| StoreError::NotFound(format!("run {run}")))?;
            return store.finish_run(run, end, None).await;
        };
        let tenant = &fence.tenant;
        let mut place = self.place_of(tenant).await?;
        loop {
            match self.at(&place).await?.finish_run(run, end, Some(fence)).await {
                Err(StoreError::Moved | StoreError::NotFound(_))
                    if self.is_elsewhere(tenant, &place).await? =>
                {
                    place = self.place_of(tenant).await?;
                }
                done => return lost(fence, done),
            }
        }
    }

    async fn runs(&self, filter: &RunFilter, after: Option<RunId>, limit: u32) -> Result<Vec<Run>> {
        match &filter.tenant {
            Some(tenant) => at!(self, tenant, store => store.runs(filter, after, limit)),
            None => self.all_runs(filter, after, limit).await,
        }
    }

    async fn run(&self, run: RunId) -> Result<Option<(Run, Vec<RunLine>)>> {
        match self.find_run(run).await? {
            Some((store, _)) => store.run(run).await,
            None => Ok(None),
        }
    }

    async fn run_orders(&self, run: RunId) -> Result<Vec<RunOrder>> {
        match self.find_run(run).await? {
            Some((store, _)) => store.run_orders(run).await,
            None => Ok(Vec::new()),
        }
    }

    async fn failed_call(&self, run: RunId) -> Result<Option<FailedCall>> {
        match self.find_run(run).await? {
            Some((store, _)) => store.failed_call(run).await,
            None => Ok(None),
        }
    }

    async fn timeline(&self, run: RunId) -> Result<Option<Timeline>> {
        match self.find_run(run).await? {
            Some((store, _)) => store.timeline(run).await,
            None => Ok(None),
        }
    }

    async fn run_of_request(&self, tenant: &TenantCode, key: &str) -> Result<Option<RunId>> {
        at!(self, tenant, store => store.run_of_request(tenant, key))
    }

    async fn mark(&self, tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Result<Option<Mark>> {
        at!(self, tenant, store => store.mark(tenant, channel, task))
    }

    async fn matching_refs(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<ToAsk>> {
        at!(self, tenant, store => store.matching_refs(tenant, filter, after, limit))
    }

    async fn matching_orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<NamedOrder>> {
        at!(self, tenant, store => store.matching_orders(tenant, filter, after, limit))
    }

    async fn count_orders(&self, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64> {
        at!(self, tenant, store => store.count_orders(tenant, filter))
    }

    async fn named_orders(&self, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>> {
        at!(self, tenant, store => store.named_orders(tenant, ids))
    }

    async fn refs(&self, tenant: &TenantCode, channel: &ChannelCode, ids: &[String]) -> Result<Vec<ToAsk>> {
        at!(self, tenant, store => store.refs(tenant, channel, ids))
    }

    async fn orders(
        &self,
        tenant: &TenantCode,
        filter: &OrderFilter,
        after: Option<&OrderCode>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        at!(self, tenant, store => store.orders(tenant, filter, after, limit))
    }

    async fn changed_orders(
        &self,
        tenant: &TenantCode,
        after: Option<(Millis, &OrderCode)>,
        limit: u32,
    ) -> Result<Vec<OrderRow>> {
        at!(self, tenant, store => store.changed_orders(tenant, after, limit))
    }

    async fn order(&self, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>> {
        at!(self, tenant, store => store.order(tenant, id))
    }

    async fn history(&self, tenant: &TenantCode, order: &OrderCode) -> Result<Vec<Change>> {
        at!(self, tenant, store => store.history(tenant, order))
    }

    async fn conflicts(&self, tenant: &TenantCode, open_only: bool) -> Result<Vec<ConflictRow>> {
        at!(self, tenant, store => store.conflicts(tenant, open_only))
    }

    async fn conflict(&self, tenant: &TenantCode, code: &str) -> Result<Option<ConflictRow>> {
        at!(self, tenant, store => store.conflict(tenant, code))
    }

    async fn putaways(&self, tenant: &TenantCode, due_only: bool) -> Result<Vec<PutawayRow>> {
        at!(self, tenant, store => store.putaways(tenant, due_only))
    }

    async fn putaway(&self, tenant: &TenantCode, code: &str) -> Result<Option<PutawayRow>> {
        at!(self, tenant, store => store.putaway(tenant, code))
    }

    async fn parked(
        &self,
        tenant: &TenantCode,
        filter: &ParkedFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<ParkedRow>> {
        at!(self, tenant, store => store.parked(tenant, filter, after, limit))
    }

    async fn stock(&self, tenant: &TenantCode) -> Result<Vec<Stock>> {
        at!(self, tenant, store => store.stock(tenant))
    }

    async fn sequences(&self, tenant: &TenantCode) -> Result<Vec<Sequence>> {
        at!(self, tenant, store => store.sequences(tenant))
    }

    async fn facilities(&self, tenant: &TenantCode) -> Result<Vec<Facility>> {
        at!(self, tenant, store => store.facilities(tenant))
    }

    async fn channels(&self, tenant: &TenantCode) -> Result<Vec<Channel>> {
        at!(self, tenant, store => store.channels(tenant))
    }

    async fn channel(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<Channel>> {
        at!(self, tenant, store => store.channel(tenant, channel))
    }

    async fn tenants(&self) -> Result<Vec<TenantRow>> {
        self.all_tenants().await
    }

    async fn tenant(&self, tenant: &TenantCode) -> Result<Option<TenantRow>> {
        at!(self, tenant, store => store.tenant(tenant))
    }

    async fn item_counts(&self, tenant: &TenantCode) -> Result<Vec<ItemCount>> {
        at!(self, tenant, store => store.item_counts(tenant))
    }

    async fn add_tenant(&self, tenant: &TenantCode) -> Result<()> {
        if self.known(Duration::ZERO).await?.contains_key(tenant) {
            if at!(self, tenant, store => store.tenant(tenant))?.is_some() {
                return Err(StoreError::Exists(format!("tenant {tenant}")));
            }
            // It was removed there, and its place was not forgotten any more.
            self.control.forget_placement(tenant).await?;
            self.read_places().await?;
        }
        self.control.add_tenant(tenant).await
    }

    async fn set_live(&self, tenant: &TenantCode, live: bool) -> Result<()> {
        at!(self, tenant, store => store.set_live(tenant, live))
    }

    async fn set_zone(&self, tenant: &TenantCode, zone: &Zone) -> Result<()> {
        at!(self, tenant, store => store.set_zone(tenant, zone))
    }

    async fn remove_tenant(&self, tenant: &TenantCode) -> Result<()> {
        let is_placed = self.known(Duration::ZERO).await?.contains_key(tenant);
        match at!(self, tenant, store => store.remove_tenant(tenant)) {
            // Cut off here, it is done again.
            Err(StoreError::NotFound(_)) if is_placed => {}
            done => done?,
        }
        if is_placed {
            self.control.forget_placement(tenant).await?;
            self.read_places().await?;
        }
        Ok(())
    }

    async fn put_channel(&self, tenant: &TenantCode, channel: &Channel) -> Result<()> {
        at!(self, tenant, store => store.put_channel(tenant, channel))
    }

    async fn enable_channel(&self, tenant: &TenantCode, channel: &ChannelCode, enabled: bool) -> Result<()> {
        at!(self, tenant, store => store.enable_channel(tenant, channel, enabled))
    }

    async fn put_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<()> {
        at!(self, tenant, store => store.put_secrets(tenant, channel, secrets))
    }

    async fn secret_names(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeSet<String>> {
        at!(self, tenant, store => store.secret_names(tenant, channel))
    }

    async fn secrets(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<BTreeMap<String, Secret>> {
        at!(self, tenant, store => store.secrets(tenant, channel))
    }

    async fn replace_secrets(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        was: &BTreeMap<String, Secret>,
        next: &BTreeMap<String, Secret>,
    ) -> Result<bool> {
        at!(self, tenant, store => store.replace_secrets(tenant, channel, was, next))
    }

    async fn put_token(&self, fence: &Fence, token: &Secret, expires_at: Millis) -> Result<()> {
        let store = self.at(&self.place_of(&fence.tenant).await?).await?;
        lost(fence, store.put_token(fence, token, expires_at).await)
    }

    async fn token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<Option<(Secret, Millis)>> {
        at!(self, tenant, store => store.token(tenant, channel))
    }

    async fn forget_token(&self, tenant: &TenantCode, channel: &ChannelCode) -> Result<()> {
        at!(self, tenant, store => store.forget_token(tenant, channel))
    }

    async fn put_facility(&self, tenant: &TenantCode, facility: &Facility) -> Result<()> {
        at!(self, tenant, store => store.put_facility(tenant, facility))
    }

    async fn put_sequence(&self, tenant: &TenantCode, sequence: &Sequence) -> Result<()> {
        at!(self, tenant, store => store.put_sequence(tenant, sequence))
    }

    async fn set_on_hand(
        &self,
        tenant: &TenantCode,
        facility: &FacilityCode,
        sku: &Sku,
        on_hand: i64,
    ) -> Result<Stock> {
        at!(self, tenant, store => store.set_on_hand(tenant, facility, sku, on_hand))
    }

    async fn import(
        &self,
        snapshot: Snapshot,
        secrets: BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
    ) -> Result<()> {
        self.surely_at(&snapshot.tenant).await?.import(snapshot, secrets).await
    }

    async fn export(&self, tenant: &TenantCode, now: Millis, out: &mut (dyn Write + Send)) -> Result<()> {
        at!(self, tenant, store => store.export(tenant, now, &mut *out))
    }

    async fn dump(&self, part: &Part, out: &mut (dyn Write + Send)) -> Result<u64> {
        let Part::Tenant(tenant) = part else { return self.control.dump(part, out).await };
        let rows = at!(self, tenant, store => store.dump(part, &mut *out))?;
        if self.place_of(tenant).await? == CONTROL {
            return Ok(rows);
        }
        Ok(rows + self.control.dump(&Part::Callers(tenant.clone()), out).await?)
    }

    async fn load(&self, part: &Part, pieces: Receiver<Piece>, landing: Landing) -> Result<()> {
        self.control.load(part, pieces, landing).await
    }

    async fn reserve(&self, call: Call, fence: Option<&Fence>) -> Result<Slot> {
        let Some(fence) = fence else {
            let tenant = self.tenant_of(&call.account).await?;
            return at!(self, &tenant, store => store.reserve(call.clone(), None));
        };
        let store = self.at(&self.place_of(&fence.tenant).await?).await?;
        lost(fence, store.reserve(call, Some(fence)).await)
    }

    async fn buckets(&self, account: &str) -> Result<Vec<(String, Millis)>> {
        let tenant = self.tenant_of(account).await?;
        at!(self, &tenant, store => store.buckets(account))
    }

    async fn put_breaker(&self, subject: &str, body: &str) -> Result<()> {
        self.control.put_breaker(subject, body).await
    }

    async fn drop_breaker(&self, subject: &str) -> Result<()> {
        self.control.drop_breaker(subject).await
    }

    async fn breakers(&self, subjects: Option<&[String]>) -> Result<Vec<String>> {
        self.control.breakers(subjects).await
    }

    async fn answers(&self) -> Result<()> {
        self.control.answers().await
    }

    async fn check(&self) -> Result<Health> {
        self.check_all().await
    }
}

/// Callers are known in the control database, before it is known for which tenant they ask.
#[async_trait]
impl AccessStore for Shards {
    async fn add_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<()> {
        self.control.add_api_key(key, hash).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<(ApiKey, KeyHash)>> {
        self.control.api_key(id).await
    }

    async fn api_keys(&self, tenant: Option<&TenantCode>) -> Result<Vec<ApiKey>> {
        self.control.api_keys(tenant).await
    }

    async fn revoke_api_key(&self, id: &str, now: Millis) -> Result<()> {
        self.control.revoke_api_key(id, now).await
    }

    async fn api_key_was_used(&self, id: &str, now: Millis) -> Result<()> {
        self.control.api_key_was_used(id, now).await
    }

    async fn begin_request(
        &self,
        owner: &str,
        key: &str,
        fingerprint: &[u8; 32],
        now: Millis,
    ) -> Result<Begun> {
        self.control.begin_request(owner, key, fingerprint, now).await
    }

    async fn save_answer(&self, owner: &str, key: &str, answer: &SavedAnswer) -> Result<()> {
        self.control.save_answer(owner, key, answer).await
    }

    async fn forget_request(&self, owner: &str, key: &str) -> Result<()> {
        self.control.forget_request(owner, key).await
    }

    async fn note_action(&self, action: &Action) -> Result<()> {
        self.control.note_action(action).await
    }

    async fn actions(&self, tenant: &TenantCode, after: Option<i64>, limit: u32) -> Result<Vec<Action>> {
        self.control.actions(tenant, after, limit).await
    }
}

#[async_trait]
impl IntakeStore for Shards {
    async fn take_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        keys: IntakeKeys,
        mode: Mode,
        decide: DecideIntake,
    ) -> Result<PageReport> {
        self.surely_at(tenant).await?.take_orders(tenant, channel, keys, mode, decide).await
    }
}

/// As the end of a migration: what comes in comes into the control database.
#[async_trait]
impl MovingStore for Shards {
    async fn stages(&self) -> Result<BTreeMap<TenantCode, Stage>> {
        self.control.stages().await
    }

    async fn settle(&self, tenant: &TenantCode) -> Result<()> {
        self.control.settle(tenant).await
    }

    async fn turn_away(&self, tenant: &TenantCode) -> Result<()> {
        self.control.turn_away(tenant).await
    }

    async fn export_moving(
        &self,
        tenant: &TenantCode,
        now: Millis,
        out: &mut (dyn Write + Send),
    ) -> Result<()> {
        if self.place_of(tenant).await? == CONTROL {
            return self.control.export_moving(tenant, now, out).await;
        }
        at!(self, tenant, store => store.export(tenant, now, &mut *out))
    }
}

#[async_trait]
impl PeopleStore for Shards {
    async fn add_user(&self, person: &Person, password: &str) -> Result<()> {
        self.control.add_user(person, password).await
    }

    async fn user(&self, login: &str) -> Result<Option<(Person, String)>> {
        self.control.user(login).await
    }

    async fn users(&self) -> Result<Vec<Person>> {
        self.control.users().await
    }

    async fn set_password(&self, user: &str, password: &str, must_change: bool, now: Millis) -> Result<()> {
        self.control.set_password(user, password, must_change, now).await
    }

    async fn disable_user(&self, user: &str, since: Option<Millis>) -> Result<()> {
        self.control.disable_user(user, since).await
    }

    async fn set_role(&self, user: &str, tenant: Option<&TenantCode>, role: Option<Role>) -> Result<()> {
        self.control.set_role(user, tenant, role).await
    }

    async fn add_session(&self, hash: &TokenHash, session: &Session) -> Result<()> {
        self.control.add_session(hash, session).await
    }

    async fn session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        self.control.session(hash).await
    }

    async fn session_was_used(&self, hash: &TokenHash, now: Millis) -> Result<()> {
        self.control.session_was_used(hash, now).await
    }

    async fn end_session(&self, hash: &TokenHash) -> Result<Option<(Session, Person)>> {
        self.control.end_session(hash).await
    }

    async fn save_filter(&self, tenant: &TenantCode, filter: &SavedFilter) -> Result<()> {
        at!(self, tenant, store => store.save_filter(tenant, filter))
    }

    async fn saved_filters(&self, tenant: &TenantCode) -> Result<Vec<SavedFilter>> {
        at!(self, tenant, store => store.saved_filters(tenant))
    }

    async fn forget_filter(&self, tenant: &TenantCode, name: &str) -> Result<()> {
        at!(self, tenant, store => store.forget_filter(tenant, name))
    }
}

#[async_trait]
impl WebhookStore for Shards {
    async fn add_webhook(&self, tenant: &TenantCode, webhook: &Webhook, secret: &Secret) -> Result<()> {
        at!(self, tenant, store => store.add_webhook(tenant, webhook, secret))
    }

    async fn webhooks(&self, tenant: &TenantCode) -> Result<Vec<Webhook>> {
        at!(self, tenant, store => store.webhooks(tenant))
    }

    async fn webhook(&self, tenant: &TenantCode, id: &str) -> Result<Option<Webhook>> {
        at!(self, tenant, store => store.webhook(tenant, id))
    }

    async fn set_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        edit: &WebhookEdit,
        now: Millis,
    ) -> Result<()> {
        at!(self, tenant, store => store.set_webhook(tenant, id, edit, now))
    }

    async fn remove_webhook(&self, tenant: &TenantCode, id: &str) -> Result<()> {
        at!(self, tenant, store => store.remove_webhook(tenant, id))
    }

    async fn rotate_webhook(
        &self,
        tenant: &TenantCode,
        id: &str,
        next: &Secret,
        old_until: Millis,
    ) -> Result<()> {
        at!(self, tenant, store => store.rotate_webhook(tenant, id, next, old_until))
    }

    async fn webhook_secrets(&self, tenant: &TenantCode, id: &str, now: Millis) -> Result<Vec<Secret>> {
        at!(self, tenant, store => store.webhook_secrets(tenant, id, now))
    }

    async fn deliveries(
        &self,
        tenant: &TenantCode,
        id: &str,
        state: Option<DeliveryState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        at!(self, tenant, store => store.deliveries(tenant, id, state, after, limit))
    }

    async fn replay_webhook(&self, tenant: &TenantCode, id: &str, since: Millis, now: Millis) -> Result<u64> {
        at!(self, tenant, store => store.replay_webhook(tenant, id, since, now))
    }

    async fn due_webhooks(&self, now: Millis, limit: u32) -> Result<Vec<WebhookTurn>> {
        self.all_due_webhooks(now, limit).await
    }

    async fn claim_webhook(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        ttl_ms: Millis,
        now: Millis,
        most: u32,
    ) -> Result<Option<Batch>> {
        at!(self, &turn.tenant, store => store.claim_webhook(turn, holder, ttl_ms, now, most))
    }

    async fn note_attempt(
        &self,
        turn: &WebhookTurn,
        holder: &str,
        number: i64,
        attempt: &Attempt,
        ended: &Ended,
    ) -> Result<bool> {
        at!(self, &turn.tenant, store => store.note_attempt(turn, holder, number, attempt, ended))
    }

    async fn give_back_webhook(&self, turn: &WebhookTurn, holder: &str) -> Result<()> {
        at!(self, &turn.tenant, store => store.give_back_webhook(turn, holder))
    }

    async fn prune_outbox(&self, tenant: &TenantCode, before: Millis) -> Result<u64> {
        at!(self, tenant, store => store.prune_outbox(tenant, before))
    }

    async fn tenants_with_webhooks(&self) -> Result<Vec<TenantCode>> {
        self.all_with_webhooks().await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.whole_backlog().await
    }
}
