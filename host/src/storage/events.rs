//! What webhooks are told: the kinds of events, their documents, and which of them a page or the end of a run makes.
//!
//! An event is written in the transaction of the change that it tells. Who is told, and how, is not decided here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use plugin_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Counts, Result, Run, RunEnd, RunResult, Trigger, page::PageResult, record::json};
use crate::domain::{
    codes::{ChannelCode, OrderCode, TenantCode},
    duties::Conflict,
    effect::{Change, Effect},
    order::{Order, states},
    time::instant,
};

states! {
    /// What kind of event it is.
    EventKind {
        /// The seller's system handed an order over that was not known.
        OrderTaken "order.taken",
        /// Units, packages, invoices or returns of an order changed.
        OrderStatusChanged "order.status_changed",
        /// A contradiction waits for a person.
        ConflictOpened "conflict.opened",
        /// A run ended that had something to tell, or that a person asked for.
        RunFinished "run.finished",
    }
}

/// Data of `order.taken`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderTaken {
    /// The tenant.
    tenant: TenantCode,
    /// The order as it is kept now.
    order: Order,
}

/// Data of `order.status_changed`: what one transaction changed of one order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OrderStatusChanged {
    /// The tenant.
    tenant: TenantCode,
    /// The order's code.
    order_code: OrderCode,
    /// The channel.
    channel: ChannelCode,
    /// The order as it is now.
    order: Option<Order>,
    /// What changed, in the order in which it did.
    changes: Vec<ToldChange>,
}

/// One change of an order, with the rule that decided it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ToldChange {
    /// When it was applied.
    #[serde(with = "instant")]
    #[schemars(with = "crate::domain::form::Instant")]
    at: Millis,
    /// The run that applied it, or the person's act.
    run: String,
    /// The connector with its version.
    connector: String,
    /// The rule's row ids.
    row: String,
    /// The code, where the decision has one.
    code: Option<String>,
    /// The sentence.
    message: String,
    /// What changed.
    effects: Vec<Effect>,
}

/// Data of `conflict.opened`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConflictOpened {
    /// The tenant.
    tenant: TenantCode,
    /// The channel.
    channel: ChannelCode,
    /// The conflict.
    conflict: Conflict,
}

/// Data of `run.finished`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunFinished {
    /// The tenant.
    tenant: TenantCode,
    /// The run's id.
    run: String,
    /// The channel.
    channel: ChannelCode,
    /// Its task; null for observations that were handed in.
    task: Option<String>,
    /// What set it off.
    trigger: Trigger,
    /// When it began.
    #[serde(with = "instant")]
    #[schemars(with = "crate::domain::form::Instant")]
    started_at: Millis,
    /// When it ended.
    #[serde(with = "instant")]
    #[schemars(with = "crate::domain::form::Instant")]
    ended_at: Millis,
    /// How it ended.
    result: RunResult,
    /// In a sentence.
    message: String,
    /// What became of the observations.
    counts: Counts,
    /// Requests that were sent to the marketplace.
    calls: u64,
    /// Of these: sent again.
    retries: u64,
}

/// Data of `webhook.test`, which is sent when somebody asks for it and is not kept.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WebhookTest {
    /// The tenant.
    pub tenant: TenantCode,
    /// The webhook's id.
    pub webhook: String,
}

/// The name of the event that is sent as a test.
pub const TEST_EVENT: &str = "webhook.test";

#[derive(Serialize)]
struct Document<'a, T> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(with = "instant")]
    timestamp: Millis,
    data: T,
}

/// The body of an event, as it is sent.
///
/// # Errors
/// [`StoreError::Contradiction`](super::StoreError::Contradiction) if it cannot be written as JSON.
pub fn event_body<T: Serialize>(kind: &str, at: Millis, data: T) -> Result<String> {
    json(&Document { kind, timestamp: at, data })
}

/// An id that no other event has, on whatever host.
pub fn event_id() -> String {
    format!("evt_{:032x}", rand::random::<u128>())
}

/// An event to be written down.
#[derive(Clone, Debug)]
pub(super) struct NewEvent {
    pub(super) id: String,
    pub(super) kind: EventKind,
    /// The order that it is about; empty if it is about none.
    pub(super) order: String,
    pub(super) at: Millis,
    pub(super) body: String,
}

impl NewEvent {
    fn new<T: Serialize>(kind: EventKind, order: &str, at: Millis, data: T) -> Result<NewEvent> {
        let body = event_body(kind.as_str(), at, data)?;
        Ok(NewEvent { id: event_id(), kind, order: order.to_owned(), at, body })
    }

    /// What must be told one after another: a number for each order, that does not tell which; 0 for no order.
    pub(super) fn lane(&self) -> i64 {
        if self.order.is_empty() {
            return 0;
        }
        let hash = Sha256::digest(self.order.as_bytes());
        hash.iter().take(8).fold(0_i64, |number, byte| number << 8 | i64::from(*byte)) | 1
    }
}

/// The events of what was decided about orders. `known` are the orders that were here before, by the marketplace's id,
/// where orders are handed over; with `None` none of them is new.
pub(super) fn of_page(
    tenant: &TenantCode,
    result: &PageResult,
    known: Option<&BTreeSet<String>>,
    now: Millis,
) -> Result<Vec<NewEvent>> {
    let mut events = Vec::new();
    let mut changed: BTreeMap<&OrderCode, Vec<&Change>> = BTreeMap::new();
    for change in &result.changes {
        changed.entry(&change.order).or_default().push(change);
    }
    let files: HashMap<&OrderCode, _> = result.files.iter().map(|file| (&file.order.code, file)).collect();
    for file in &result.files {
        let order = &file.order;
        if known.is_some_and(|known| !known.contains(&order.channel_order_id)) {
            let data = OrderTaken { tenant: tenant.clone(), order: without_marks(order) };
            events.push(NewEvent::new(EventKind::OrderTaken, order.code.as_str(), now, data)?);
        }
    }
    for (code, changes) in changed {
        let file = files.get(code);
        let effects = || changes.iter().flat_map(|change| &change.effects);
        if effects().any(is_told)
            && let Some(change) = changes.first()
        {
            let data = OrderStatusChanged {
                tenant: tenant.clone(),
                order_code: code.clone(),
                channel: change.channel.clone(),
                order: file.map(|file| without_marks(&file.order)),
                changes: changes.iter().map(|change| told(change)).collect(),
            };
            events.push(NewEvent::new(EventKind::OrderStatusChanged, code.as_str(), now, data)?);
        }
        for effect in effects() {
            let Effect::Conflict { code: conflict, open: true, .. } = effect else { continue };
            let found = file.and_then(|file| file.conflicts.iter().find(|known| known.code == *conflict));
            let Some((file, conflict)) = file.zip(found) else { continue };
            let channel = file.order.channel.clone();
            let data = ConflictOpened { tenant: tenant.clone(), channel, conflict: conflict.clone() };
            events.push(NewEvent::new(EventKind::ConflictOpened, code.as_str(), now, data)?);
        }
    }
    Ok(events)
}

/// Fingerprints of what was applied are of use to nobody else.
fn without_marks(order: &Order) -> Order {
    Order { applied: Vec::new(), ..order.clone() }
}

/// Whether an effect is of those that make an order's state: stock, duties and remarks are not.
fn is_told(effect: &Effect) -> bool {
    match effect {
        Effect::Order { .. }
        | Effect::Item { .. }
        | Effect::Moved { .. }
        | Effect::PackageMade { .. }
        | Effect::Package { .. }
        | Effect::Held { .. }
        | Effect::Invoice { .. }
        | Effect::Return { .. } => true,
        Effect::Stock { .. }
        | Effect::PutawayDue { .. }
        | Effect::Filled { .. }
        | Effect::Courier { .. }
        | Effect::Conflict { .. }
        | Effect::Note { .. } => false,
    }
}

fn told(change: &Change) -> ToldChange {
    ToldChange {
        at: change.at,
        run: change.run.clone(),
        connector: change.connector.clone(),
        row: change.row.clone(),
        code: change.code.clone(),
        message: change.message.clone(),
        effects: change.effects.clone(),
    }
}

/// The event of a run's end; none of a run by the timer that had nothing to tell.
pub(super) fn of_run(run: &Run, end: &RunEnd) -> Result<Option<NewEvent>> {
    if run.trigger == Trigger::Timer && end.is_quiet() {
        return Ok(None);
    }
    let data = RunFinished {
        tenant: run.tenant.clone(),
        run: run.id.to_string(),
        channel: run.channel.clone(),
        task: run.task.map(|task| task.to_string()),
        trigger: run.trigger,
        started_at: run.started_at,
        ended_at: end.ended_at,
        result: end.result,
        message: end.message.clone(),
        counts: end.counts,
        calls: end.calls,
        retries: end.retries,
    };
    NewEvent::new(EventKind::RunFinished, "", end.ended_at, data).map(Some)
}
