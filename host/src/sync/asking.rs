//! Asking about orders by id: which ones, in which batches, and what the question is.
//!
//! The same for the tasks by id and for a person's choice. What is asked for follows from the task: DISPATCHED and
//! CANCELLED of orders that are open, or RETURNED of orders that have left.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::{Descriptor, Millis, OrderRef, ScopeKind, ShippedBy, Status, Task};

use super::{Choice, Engine, Progress, RunRequest, SyncError, chosen::ENTRIES, gates::Open, run::Run};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{NamedOrder, OrderFilter, OrderStage, Shipping, ToAsk, Trigger},
};

/// Orders that may be named one by one.
const NAMES: usize = 10_000;
/// Orders that a sentence names.
const NAMED_IN_WORDS: usize = 5;
/// Ways in which a marketplace tells that goods come back.
const COMING_BACK: [Status; 4] =
    [Status::Returned, Status::RtoDelivered, Status::CourierReturn, Status::ReturnRequested];

impl RunRequest {
    /// Whether it asks about known orders, not for what changed.
    pub(super) fn is_by_id(&self) -> bool {
        self.task.is_by_id() || self.choice != Choice::Task
    }

    /// Whether a person chose the orders, and wants to know what became of each.
    pub(super) fn tells_each_order(&self) -> bool {
        self.is_by_id() && self.trigger != Trigger::Timer
    }

    /// Whether it looks which of the chosen orders came back.
    pub(super) fn looks_for_returns(&self) -> bool {
        self.is_by_id() && self.task == Task::Returns
    }

    /// The duty that the connector is asked for: by id there are two of them.
    pub(super) fn duty(&self) -> Task {
        match self.task {
            task if !self.is_by_id() => task,
            Task::Status | Task::Pending => Task::Pending,
            Task::Delivery | Task::Returns => Task::Delivery,
        }
    }

    /// The statuses that it is for.
    pub(super) fn statuses(&self) -> &'static [Status] {
        if self.looks_for_returns() { &[Status::Returned] } else { self.duty().statuses() }
    }

    /// How far on their way orders are that are asked about by id, unless they are named.
    pub(super) fn stages(&self, connector: &Descriptor, now: Millis, window: Millis) -> Vec<OrderStage> {
        let delivered = OrderStage::DeliveredSince(now - window);
        match self.task {
            Task::Status | Task::Pending => vec![OrderStage::Open],
            Task::Returns => vec![OrderStage::Moving, delivered],
            // Nothing else tells that a buyer sent a delivered order back.
            Task::Delivery if is_alone_with_returns(connector) => vec![OrderStage::Moving, delivered],
            Task::Delivery => vec![OrderStage::Moving],
        }
    }
}

/// Whether a connector tells of returns, and only of orders that it is asked about.
fn is_alone_with_returns(connector: &Descriptor) -> bool {
    !connector.tasks.contains(&Task::Returns)
        && COMING_BACK.iter().any(|&status| can_report_by_id(connector, status))
}

/// Whether orders that are asked about by id may be reported in this status.
pub(super) fn can_report_by_id(connector: &Descriptor, status: Status) -> bool {
    connector.capabilities.iter().any(|claim| claim.status == status && claim.scope == ScopeKind::Orders)
}

impl Engine {
    /// The channel of orders that are named by our code or by the marketplace's id.
    ///
    /// # Errors
    /// [`SyncError::BadRequest`] if none is named, one is not known, or they are not all of one channel: which is of which.
    pub async fn channel_of(&self, tenant: &TenantCode, ids: &[String]) -> Result<ChannelCode, SyncError> {
        let found = self.named(tenant, ids, None).await?;
        let mut channels: BTreeSet<&ChannelCode> =
            found.values().flatten().map(|order| &order.channel).collect();
        // An id that several channels have may be meant of the one that has all the others.
        channels.retain(|channel| {
            found.values().all(|orders| orders.iter().any(|order| order.channel == **channel))
        });
        match channels.pop_first() {
            Some(only) if channels.is_empty() => Ok(only.clone()),
            Some(_) => Err(SyncError::BadRequest(format!(
                "several channels have these orders; say which one with a channel: {}",
                of_which(&found)
            ))),
            None => Err(mixed(&found)),
        }
    }

    /// Looks whether a choice makes sense before anything is claimed or written down.
    pub(super) async fn check_choice(&self, request: &RunRequest) -> Result<(), SyncError> {
        let (tenant, channel) = (&request.tenant, &request.channel);
        match &request.choice {
            Choice::Task => Ok(()),
            Choice::Orders(ids) => {
                let found = self.named(tenant, ids, Some(channel)).await?;
                let is_here = |orders: &Vec<NamedOrder>| orders.iter().any(|order| order.channel == *channel);
                if found.values().all(is_here) { Ok(()) } else { Err(mixed(&found)) }
            }
            Choice::Matching(filter) => {
                if filter.channel.as_ref().is_some_and(|wanted| wanted != channel) {
                    return Err(SyncError::BadRequest(format!(
                        "the filter is for another channel than {channel}; choose orders of one channel"
                    )));
                }
                Ok(())
            }
        }
    }

    /// A filter that matches nothing that is asked about is told before anything is claimed or written down.
    pub(super) async fn check_filter(
        &self,
        request: &RunRequest,
        open: &Open,
        window: Millis,
    ) -> Result<(), SyncError> {
        let Choice::Matching(filter) = &request.choice else { return Ok(()) };
        let of_channel = OrderFilter { channel: Some(request.channel.clone()), ..OrderFilter::default() };
        if **filter == OrderFilter::default() || **filter == of_channel {
            return Ok(());
        }
        let filters = filters(request, open, self.clock.now_ms(), window);
        if self.count_all(&request.tenant, &filters).await? > 0 {
            return Ok(());
        }
        let which = if request.looks_for_returns() { "dispatched" } else { "open" };
        Err(SyncError::NothingChosen(format!(
            "no {which} order of channel {} matches the filter; `order list` with the same filter shows what there is",
            request.channel
        )))
    }

    async fn count_all(&self, tenant: &TenantCode, filters: &[OrderFilter]) -> Result<u64, SyncError> {
        let mut count = 0;
        for filter in filters {
            count += self.store.count_orders(tenant, filter).await?;
        }
        Ok(count)
    }

    /// The orders of each name. With a channel, names of it come first; a name is of one order of a channel.
    async fn named(
        &self,
        tenant: &TenantCode,
        ids: &[String],
        channel: Option<&ChannelCode>,
    ) -> Result<BTreeMap<String, Vec<NamedOrder>>, SyncError> {
        if ids.is_empty() {
            return Err(SyncError::BadRequest("no order was chosen; name at least one".to_owned()));
        }
        if ids.len() > NAMES {
            return Err(SyncError::BadRequest(format!(
                "{} orders are named and {NAMES} at a time is the most; choose all of a filter instead",
                ids.len()
            )));
        }
        let known = self.store.named_orders(tenant, ids).await?;
        let mut found: BTreeMap<String, Vec<NamedOrder>> = BTreeMap::new();
        for id in ids {
            let mut orders: Vec<NamedOrder> = known
                .iter()
                .filter(|order| order.code.as_str() == id || order.channel_order_id == *id)
                .cloned()
                .collect();
            if let Some(channel) = channel
                && orders.iter().any(|order| order.channel == *channel)
            {
                orders.retain(|order| order.channel == *channel);
            }
            found.insert(id.clone(), orders);
        }
        let unknown: Vec<&str> =
            found.iter().filter(|(_, orders)| orders.is_empty()).map(|(id, _)| id.as_str()).collect();
        if unknown.is_empty() {
            return Ok(found);
        }
        let (list, noun) = (some_of(&unknown), if unknown.len() == 1 { "order" } else { "orders" });
        Err(SyncError::BadRequest(format!(
            "tenant {tenant} has no {noun} {list}, by our code or a channel's id; `order list` shows those that it has"
        )))
    }
}

/// What is asked about by id, stage by stage, unless orders are named.
pub(super) fn filters(request: &RunRequest, open: &Open, now: Millis, window: Millis) -> Vec<OrderFilter> {
    let connector = &open.connector.descriptor;
    // Orders that the connector does not follow are not asked about.
    let only = match (connector.follows(ShippedBy::Channel), connector.follows(ShippedBy::Seller)) {
        (true, false) => Some(ShippedBy::Channel),
        (false, true) => Some(ShippedBy::Seller),
        _ => None,
    };
    let usual = open.channel.shipping.unwrap_or(ShippedBy::Channel);
    let asked = match &request.choice {
        Choice::Matching(filter) => (**filter).clone(),
        Choice::Task | Choice::Orders(_) => OrderFilter::default(),
    };
    let stages = request.stages(connector, now, window).into_iter().map(|stage| OrderFilter {
        channel: Some(request.channel.clone()),
        stage: Some(stage),
        shipping: only.map(|only| Shipping { only, usual }),
        ..asked.clone()
    });
    stages.collect()
}

fn mixed(found: &BTreeMap<String, Vec<NamedOrder>>) -> SyncError {
    SyncError::BadRequest(format!("all chosen orders must be of one channel: {}", of_which(found)))
}

/// `OD1 of FK1, OD2 of AZ1`: of each channel at least one order is named.
fn of_which(found: &BTreeMap<String, Vec<NamedOrder>>) -> String {
    let mut by_channel: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, orders) in found {
        for order in orders {
            by_channel.entry(order.channel.as_str()).or_default().push(id);
        }
    }
    let words = by_channel.iter().map(|(channel, ids)| {
        let verb = if ids.len() == 1 { "is" } else { "are" };
        format!("{} {verb} of channel {channel}", some_of(ids))
    });
    words.collect::<Vec<_>>().join("; ")
}

fn some_of(ids: &[&str]) -> String {
    let (named, more) = ids.split_at(ids.len().min(NAMED_IN_WORDS));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", named.join(", "))
}

impl Run<'_> {
    /// Notes what was chosen, before anything of it changes.
    pub(super) async fn choose(&mut self) -> Result<(), SyncError> {
        if !self.request.is_by_id() || (self.watch.is_none() && !self.request.tells_each_order()) {
            return Ok(());
        }
        let (engine, tenant) = (self.engine, &self.request.tenant);
        if let Choice::Orders(ids) = &self.request.choice {
            for found in engine.store.refs(tenant, &self.request.channel, ids).await? {
                self.tally.chosen.add(found.code, found.order.order);
            }
        } else {
            let filters = self.filters();
            for filter in &filters {
                let most = u32::try_from(ENTRIES).unwrap_or(u32::MAX);
                for found in engine.store.matching_orders(tenant, filter, None, most).await? {
                    self.tally.chosen.add(found.code, found.channel_order_id);
                }
            }
            self.tally.chosen.are_in_all(engine.count_all(tenant, &filters).await?);
        }
        self.tell(Progress::Chosen(self.tally.chosen.count()));
        Ok(())
    }

    /// Asks about orders by id, batch by batch.
    pub(super) async fn by_ids(&mut self) -> Result<(), SyncError> {
        let (tenant, channel) = (&self.request.tenant, &self.request.channel);
        if let Choice::Orders(ids) = &self.request.choice {
            let found = self.engine.store.refs(tenant, channel, ids).await?;
            for batch in found.chunks(self.batch_size()) {
                if !self.ask(batch.to_vec()).await? {
                    return Ok(());
                }
            }
            return Ok(());
        }
        for filter in self.filters() {
            let mut after = None;
            loop {
                let batch = u32::try_from(self.batch_size()).unwrap_or(u32::MAX);
                let found = self.engine.store.matching_refs(tenant, &filter, after.as_ref(), batch).await?;
                let Some(last) = found.last() else { break };
                after = Some(last.code.clone());
                if !self.ask(found).await? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn filters(&self) -> Vec<OrderFilter> {
        filters(self.request, self.open, self.setting.now, self.setting.return_window_ms)
    }

    fn batch_size(&self) -> usize {
        usize::try_from(self.open.connector.descriptor.limits.batch_size.max(1)).unwrap_or(50)
    }

    /// Asks about a batch; whether to go on.
    async fn ask(&mut self, found: Vec<ToAsk>) -> Result<bool, SyncError> {
        let (asked, early): (Vec<ToAsk>, Vec<ToAsk>) =
            found.into_iter().partition(|order| order.has_left || !self.request.looks_for_returns());
        for order in early {
            self.tally.chosen.not_dispatched(&order.order.order);
            self.answered += 1;
        }
        if asked.is_empty() {
            return Ok(true);
        }
        self.by_id(asked.into_iter().map(|order| order.order).collect()).await
    }

    async fn by_id(&mut self, refs: Vec<OrderRef>) -> Result<bool, SyncError> {
        if self.engine.stop.is_told() {
            self.tally.stopped = true;
            return Ok(false);
        }
        let asked: Vec<String> = refs.iter().map(|order| order.order.clone()).collect();
        for order in &asked {
            self.tally.chosen.asked(order);
        }
        let failed_before = self.tally.failed_pulls;
        let seen = self.pull_orders(refs).await?;
        self.answered += asked.len() as u64;
        if self.tally.stopped {
            return Ok(false);
        }
        if self.tally.failed_pulls == failed_before {
            for order in &asked {
                self.tally.chosen.answered(order);
            }
            for order in asked.into_iter().filter(|order| !seen.contains(order)) {
                self.tally.absent_count += 1;
                if self.tally.absent.len() < NAMES {
                    self.tally.absent.push(order);
                }
            }
            self.tell(Progress::Answered(self.answered));
            return Ok(true);
        }
        let why = self.tally.last_error.clone().unwrap_or_default();
        for order in &asked {
            self.tally.chosen.not_answered(order, &why);
        }
        // A batch that failed does not stop the others, unless nobody answers at all.
        Ok(!self.tally.nobody_answers)
    }

    pub(super) fn tell(&self, progress: Progress) {
        if let Some(watch) = &self.watch {
            watch(progress);
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Evidence;

    use super::*;

    fn request(task: Task, choice: Choice) -> RunRequest {
        RunRequest {
            tenant: "acme".into(),
            channel: "FK1".into(),
            task,
            choice,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Manual,
            due: None,
            request_key: None,
        }
    }

    fn chosen() -> Choice {
        Choice::Orders(vec!["O1".to_owned()])
    }

    #[test]
    fn what_is_asked_for_follows_from_the_action() {
        let sent = [Status::Dispatched, Status::Cancelled];
        for task in [Task::Status, Task::Pending] {
            let request = request(task, chosen());
            assert_eq!((request.duty(), request.statuses()), (Task::Pending, &sent[..]), "{task}");
        }
        let returns = request(Task::Returns, chosen());
        assert_eq!((returns.duty(), returns.statuses()), (Task::Delivery, &[Status::Returned][..]));
        assert!(returns.looks_for_returns());
        for task in Task::ALL {
            let request = request(*task, Choice::Task);
            assert_eq!((request.duty(), request.statuses()), (*task, task.statuses()));
            assert!(!request.looks_for_returns());
        }
    }

    #[test]
    fn delivered_orders_are_asked_about_where_nothing_else_tells_of_returns() {
        let by_id = |status, tasks: &[Task]| {
            let scopes = [ScopeKind::Orders];
            Descriptor::new("x", "X", "1").tasks(tasks).reports(
                &[status],
                ShippedBy::Channel,
                &scopes,
                Evidence::Assumed,
                "-",
            )
        };
        let delivery = request(Task::Delivery, Choice::Task);
        let stages = |connector: &Descriptor| delivery.stages(connector, 100, 30);
        let delivered = OrderStage::DeliveredSince(70);
        assert_eq!(stages(&by_id(Status::Returned, &[Task::Delivery])), [OrderStage::Moving, delivered]);
        let has_list = by_id(Status::Returned, &[Task::Delivery, Task::Returns]);
        assert_eq!(stages(&has_list), [OrderStage::Moving]);
        assert_eq!(stages(&by_id(Status::Delivered, &[Task::Delivery])), [OrderStage::Moving]);
        let returns = request(Task::Returns, Choice::Matching(Box::default()));
        assert_eq!(returns.stages(&has_list, 100, 30), [OrderStage::Moving, delivered]);
    }

    #[test]
    fn orders_of_several_channels_are_named_with_their_channels() {
        let order = |channel: &str| NamedOrder {
            code: "O".into(),
            channel: channel.into(),
            channel_order_id: "OD".to_owned(),
        };
        let mut found: BTreeMap<String, Vec<NamedOrder>> =
            (1..=7).map(|n| (format!("OD{n}"), vec![order("FK1")])).collect();
        found.insert("A1".to_owned(), vec![order("AZ1")]);
        let words = "all chosen orders must be of one channel: A1 is of channel AZ1; OD1, OD2, OD3, OD4, OD5 and 2 more \
                     are of channel FK1";
        assert_eq!(mixed(&found).to_string(), words);
    }
}
