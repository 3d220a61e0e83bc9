//! Orders from the seller's own system: added, or brought up to date, without touching anything else of the tenant.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Engine, SyncError};
use crate::{
    domain::{
        codes::{ChannelCode, FacilityCode, Sku, TenantCode},
        effect::Change,
        intake::{Intake, TakenOver, take_over},
        order::Order,
    },
    storage::{IntakeKeys, IntakeState, Mode, PageKeys, PageResult},
};

/// Orders that are taken over in one transaction.
const ORDERS_AT_ONCE: usize = 500;

/// What became of an order that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What.
    pub intake: Intake,
    /// What was said and is not taken; why it is rejected.
    pub notes: Vec<String>,
}

impl Engine {
    /// Takes orders over; answers what became of each, in their order. `by` is who handed them over, for the history.
    /// Those that are rejected do not stop the others. With `dry_run` nothing is changed.
    ///
    /// # Errors
    /// If a channel is not known, or the store failed. What was taken before stays.
    /// # Idempotency
    /// The same again changes nothing.
    pub async fn take_orders(
        &self,
        tenant: &TenantCode,
        orders: Vec<Order>,
        by: &str,
        dry_run: bool,
    ) -> Result<Vec<Taken>, SyncError> {
        let count = orders.len();
        let mut by_channel: BTreeMap<ChannelCode, Vec<(usize, Order)>> = BTreeMap::new();
        for (at, order) in orders.into_iter().enumerate() {
            by_channel.entry(order.channel.clone()).or_default().push((at, order));
        }
        let mut done: Vec<Option<Taken>> = vec![None; count];
        for (channel, orders) in by_channel {
            for orders in orders.chunks(ORDERS_AT_ONCE) {
                for (at, taken) in
                    self.take_of_channel(tenant, &channel, orders.to_vec(), by, dry_run).await?
                {
                    done[at] = Some(taken);
                }
            }
        }
        let lost = || Taken { intake: Intake::Rejected, notes: vec!["nothing became of it".to_owned()] };
        Ok(done.into_iter().map(|taken| taken.unwrap_or_else(lost)).collect())
    }

    async fn take_of_channel(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        orders: Vec<(usize, Order)>,
        by: &str,
        dry_run: bool,
    ) -> Result<Vec<(usize, Taken)>, SyncError> {
        let known = self.store.channel(tenant, channel).await?;
        let usual = known.and_then(|known| known.default_facility);
        let now = self.clock.now_ms();
        let keys = IntakeKeys {
            page: PageKeys {
                orders: orders.iter().map(|(_, order)| (order.channel_order_id.clone(), None)).collect(),
                stock: places(&orders, usual.as_ref()),
                now,
                ..PageKeys::default()
            },
            codes: orders.iter().map(|(_, order)| order.code.clone()).collect(),
        };
        let told: Arc<Mutex<Vec<(usize, Taken)>>> = Arc::default();
        let (tell, by) = (Arc::clone(&told), by.to_owned());
        let decide = Box::new(move |mut state: IntakeState| {
            let mut result = PageResult::default();
            let mut told = Vec::with_capacity(orders.len());
            for (at, order) in &orders {
                told.push((*at, take(order, &mut state, &mut result, &by, now)));
            }
            result.ledger = state.page.ledger.changes(state.page.counters);
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = told;
            result
        });
        let mode = if dry_run { Mode::Rehearse } else { Mode::Commit };
        self.store.take_orders(tenant, channel, keys, mode, decide).await?;
        let told = std::mem::take(&mut *told.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(told)
    }
}

/// Where stock of the orders lies.
fn places(orders: &[(usize, Order)], usual: Option<&FacilityCode>) -> Vec<(FacilityCode, Sku)> {
    let items = orders.iter().flat_map(|(_, order)| &order.items);
    let places: BTreeSet<(FacilityCode, Sku)> = items
        .filter_map(|item| Some((item.facility.as_ref().or(usual)?.clone(), item.sku.clone())))
        .collect();
    places.into_iter().collect()
}

fn take(
    order: &Order,
    state: &mut IntakeState,
    result: &mut PageResult,
    by: &str,
    now: plugin_api::Millis,
) -> Taken {
    let rejected = |why: String| Taken { intake: Intake::Rejected, notes: vec![why] };
    if let Some((channel, id)) = state.taken.get(&order.code)
        && (*channel != order.channel || *id != order.channel_order_id)
    {
        return rejected(format!("{} is here as order {id} of channel {channel}", order.code));
    }
    let page = &mut state.page;
    let here = page.files.get(&order.channel_order_id);
    match take_over(order, here, &page.channel, &mut page.ledger) {
        Err(why) => rejected(why),
        Ok(TakenOver { intake, file, effects, notes }) => {
            if intake != Intake::Unchanged {
                result.changes.push(Change {
                    order: order.code.clone(),
                    channel: order.channel.clone(),
                    at: now,
                    run: by.to_owned(),
                    connector: page.channel.connector.clone(),
                    row: String::new(),
                    code: None,
                    message: "the seller's system handed it over".to_owned(),
                    observation: None,
                    waited: None,
                    effects,
                });
                result.files.push(file);
            }
            Taken { intake, notes }
        }
    }
}
