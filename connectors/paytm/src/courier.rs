//! Waybills and couriers: asked for once for an order whose goods have left, and only where the host lacks them.
//!
//! A status never waits for a waybill. A call that fails is logged, the status is reported without, and the pull asks no
//! more of its kind.

use std::collections::{HashMap, HashSet};

use plugin_api::{Cx, Observation, Result, reading::Row};

use crate::{
    config::Settings,
    errors, requests,
    status::has_left,
    wire::{Fulfilment, Rows, Shipper},
};

/// For which orders to ask.
#[derive(Debug)]
pub(crate) enum Ask {
    /// For every order that has left.
    Moved,
    /// For orders that have left in more shipments than the host holds waybills of; by order id.
    Known(HashMap<String, usize>),
    /// For none.
    Never,
}

/// Adds waybills to what was seen.
#[derive(Debug)]
pub(crate) struct Courier<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    ask: Ask,
    /// Orders that were asked about in this pull, with what was answered: windows overlap.
    asked: HashMap<String, Vec<Fulfilment>>,
    /// Couriers by id.
    names: HashMap<String, String>,
    gave_up_fulfilments: bool,
    gave_up_shippers: bool,
}

impl<'a> Courier<'a> {
    pub(crate) fn new(cx: &'a Cx, settings: &'a Settings, ask: Ask) -> Self {
        Courier {
            cx,
            settings,
            ask,
            asked: HashMap::new(),
            names: HashMap::new(),
            gave_up_fulfilments: false,
            gave_up_shippers: false,
        }
    }

    /// Adds waybills and couriers to the observations of one order.
    pub(crate) async fn add_to(&mut self, seen: &mut [Observation]) {
        let Some(order) = seen.first().map(|seen| seen.order.clone()) else { return };
        if !self.is_wanted(&order, seen) {
            return;
        }
        if !self.asked.contains_key(&order) {
            if self.gave_up_fulfilments {
                return;
            }
            match self.fulfilments(&order).await {
                Ok(fulfilments) => {
                    self.asked.insert(order.clone(), fulfilments);
                }
                Err(error) => {
                    tracing::warn!(%error, "statuses are reported without waybills for the rest of this pull");
                    self.gave_up_fulfilments = true;
                    return;
                }
            }
        }
        for fulfilment in &self.asked[&order] {
            for seen in seen.iter_mut().filter(|seen| is_of(fulfilment, seen)) {
                if fulfilment.tracking_number.is_some() {
                    seen.awb.clone_from(&fulfilment.tracking_number);
                    seen.courier = self.name(fulfilment);
                }
            }
        }
    }

    fn is_wanted(&self, order: &str, seen: &[Observation]) -> bool {
        let shipments: HashSet<_> =
            seen.iter().filter(|seen| has_left(seen.status)).map(|seen| &seen.package).collect();
        let held = match &self.ask {
            Ask::Moved => 0,
            Ask::Known(held) => held.get(order).copied().unwrap_or(0),
            Ask::Never => return false,
        };
        shipments.len() > held
    }

    async fn fulfilments(&mut self, order: &str) -> Result<Vec<Fulfilment>> {
        let request = requests::fulfilments(self.settings, order);
        let operation = request.operation().to_owned();
        let reply = self.cx.send_signed_in(request, errors::login_has_run_out).await?;
        let rows: Rows<Fulfilment> = errors::checked(reply, &operation)?.json()?;
        let of_this_order = |row| match row {
            Row::Read(fulfilment) => Some(fulfilment),
            Row::Unreadable => {
                tracing::warn!(operation, "a fulfilment that cannot be read was skipped");
                None
            }
        };
        let fulfilments: Vec<Fulfilment> = rows
            .into_iter()
            .filter_map(of_this_order)
            .filter(|fulfilment| fulfilment.order_id.as_ref().is_none_or(|id| id == order))
            .collect();
        self.learn_names(order, &fulfilments).await;
        Ok(fulfilments)
    }

    /// Asks for the names of couriers that the fulfilments give by number only.
    async fn learn_names(&mut self, order: &str, fulfilments: &[Fulfilment]) {
        let is_nameless = |fulfilment: &&Fulfilment| fulfilment.shipping_description.is_none();
        let mut ids = fulfilments.iter().filter(is_nameless).filter_map(|one| one.shipper_id.as_ref());
        if self.gave_up_shippers || ids.all(|id| self.names.contains_key(id)) {
            return;
        }
        if let Err(error) = self.shippers(order).await {
            tracing::warn!(%error, "couriers without a name are reported by their number for the rest of this pull");
            self.gave_up_shippers = true;
        }
    }

    async fn shippers(&mut self, order: &str) -> Result<()> {
        let request = requests::shippers(self.settings, order);
        let operation = request.operation().to_owned();
        let reply = self.cx.send_signed_in(request, errors::login_has_run_out).await?;
        let rows: Rows<Shipper> = errors::checked(reply, &operation)?.json()?;
        for row in rows {
            if let Row::Read(Shipper { id: Some(id), name: Some(name) }) = row {
                self.names.insert(id, name);
            }
        }
        Ok(())
    }

    fn name(&self, fulfilment: &Fulfilment) -> Option<String> {
        let id = fulfilment.shipper_id.as_ref();
        let known = || id.and_then(|id| self.names.get(id)).or(id);
        fulfilment.shipping_description.as_ref().or_else(known).cloned()
    }
}

/// Whether an item travels in a fulfilment: by the fulfilment's id where the item names one, else by the item's.
fn is_of(fulfilment: &Fulfilment, seen: &Observation) -> bool {
    match (&seen.package, fulfilment.own_id()) {
        (Some(package), Some(own)) => package == own,
        _ => seen.item.as_deref().is_some_and(|item| fulfilment.holds(item)),
    }
}
