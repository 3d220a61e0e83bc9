//! Adds waybills, couriers and invoice numbers to what was seen, and hands it to the host.
//!
//! Statuses come from one call, waybills from another, invoice numbers from a third. The latter two are asked for in
//! batches, once per shipment and pull, and a failure there never holds a status back: it is logged and the status is
//! reported without. No failed kind of call is tried again within the pull.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use plugin_api::{Cx, Observation, Request, Result, ShippedBy};

use crate::{
    auth,
    config::Settings,
    errors,
    observe::{self, Sighting},
    requests::{self, DETAILS_PER_CALL, is_id, op},
    status::{self, Stage},
    wire::{CourierDetails, InvoiceReply, Shipment, ShipmentPage},
};

/// Right after packing the details call may answer with errors for a moment.
const PACKING_PAUSE: Duration = Duration::from_secs(1);

/// Sightings held back at most while a batch of questions fills up.
const MAX_WAITING: usize = 500;

/// For which shipments more is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    /// What moved, from lists: waybills of what has left the seller.
    Moved,
    /// Known orders: waybills from packing on where the host holds fewer than there are shipments, and invoice numbers of
    /// what has left the seller. Here the number of waybills that the host holds, by order.
    Known(HashMap<String, usize>),
}

/// The courier and the waybill of a shipment.
#[derive(Clone, Debug, Default)]
struct Courier {
    awb: Option<String>,
    name: Option<String>,
}

/// Collects what was seen, completes it and reports it.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    ask: Ask,
    waiting: Vec<Sighting>,
    couriers: HashMap<String, Courier>,
    invoices: HashMap<String, String>,
    courier_calls_fail: bool,
    invoice_calls_fail: bool,
    reported: HashSet<Observation>,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(cx: &'a Cx, settings: &'a Settings, ask: Ask) -> Self {
        Reporter {
            cx,
            settings,
            ask,
            waiting: Vec::new(),
            couriers: HashMap::new(),
            invoices: HashMap::new(),
            courier_calls_fail: false,
            invoice_calls_fail: false,
            reported: HashSet::new(),
        }
    }

    /// Takes the shipments of a page; reports what fills a batch of questions.
    pub(crate) async fn add(&mut self, shipments: &[Shipment]) {
        self.hold(shipments);
        while let Some(batch) = self.full_batch() {
            self.report(batch).await;
        }
    }

    /// Takes the shipments of a page and keeps them until [`flush`](Self::flush), so that one answer stays together.
    pub(crate) fn hold(&mut self, shipments: &[Shipment]) {
        let include_fbf = self.settings.include_fbf;
        self.waiting.extend(shipments.iter().filter_map(|seen| observe::shipment(seen, include_fbf)));
    }

    /// Reports everything that is held.
    pub(crate) async fn flush(&mut self) {
        let batch = std::mem::take(&mut self.waiting);
        self.report(batch).await;
    }

    /// Forgets what repeats were recognised by. Called between windows, so that memory does not grow with the pull.
    pub(crate) fn forget(&mut self) {
        self.reported.clear();
        self.couriers.clear();
        self.invoices.clear();
    }

    /// The oldest held sightings whose questions fill exactly one call, or all if many ask nothing.
    fn full_batch(&mut self) -> Option<Vec<Sighting>> {
        let asking = self.wanting_courier(&self.waiting);
        let end = match asking.get(DETAILS_PER_CALL - 1) {
            Some(last) => {
                let last = self.waiting.iter().position(|seen| seen.shipment.as_ref() == Some(last))?;
                last + 1
            }
            None if self.waiting.len() >= MAX_WAITING => self.waiting.len(),
            None => return None,
        };
        Some(self.waiting.drain(..end).collect())
    }

    async fn report(&mut self, batch: Vec<Sighting>) {
        let mut shown = Vec::new();
        for ids in self.wanting_courier(&batch).chunks(DETAILS_PER_CALL) {
            shown.extend(self.ask_courier(ids).await);
        }
        for ids in self.wanting_invoice(&batch).chunks(DETAILS_PER_CALL) {
            self.ask_invoices(ids).await;
        }
        let page: Vec<_> = batch.into_iter().chain(shown).flat_map(|seen| self.completed(seen)).collect();
        self.tell(page);
    }

    /// Reports observations that need nothing more; what was reported already is left out.
    pub(crate) fn tell(&mut self, mut page: Vec<Observation>) {
        page.retain(|seen| self.reported.insert(seen.clone()));
        self.cx.observe(page);
    }

    /// The shipments whose waybill is to be asked for, in order, each once.
    fn wanting_courier(&self, batch: &[Sighting]) -> Vec<String> {
        let least = match self.ask {
            Ask::Moved => Stage::Dispatched,
            Ask::Known(_) => Stage::Packed,
        };
        if self.courier_calls_fail {
            return Vec::new();
        }
        let wanting = distinct(batch.iter().filter(|seen| seen.stage >= least));
        let mut shipments: HashMap<&str, usize> = HashMap::new();
        for (_, seen) in &wanting {
            *shipments.entry(&seen.order).or_default() += 1;
        }
        let is_missing = |id: &str, order: &str| match &self.ask {
            _ if self.couriers.contains_key(id) => false,
            Ask::Moved => true,
            Ask::Known(held) => {
                held.get(order).copied().unwrap_or(0) < shipments.get(order).copied().unwrap_or(0)
            }
        };
        wanting
            .iter()
            .filter(|(id, seen)| is_missing(id, &seen.order))
            .map(|(id, _)| (*id).to_owned())
            .collect()
    }

    /// The shipments whose invoice number is to be asked for, in order, each once. Sellers number their own `SELF` ones.
    fn wanting_invoice(&self, batch: &[Sighting]) -> Vec<String> {
        if self.invoice_calls_fail || matches!(self.ask, Ask::Moved) {
            return Vec::new();
        }
        let sent =
            |seen: &&Sighting| seen.stage >= Stage::Dispatched && seen.shipped_by == Some(ShippedBy::Channel);
        let wanting = distinct(batch.iter().filter(sent)).into_iter();
        wanting.filter(|(id, _)| !self.invoices.contains_key(*id)).map(|(id, _)| id.to_owned()).collect()
    }

    /// Asks for waybills. Returns what the answer shows of statuses: nothing, as far as is known, but the guide's sample
    /// of this call has them.
    async fn ask_courier(&mut self, ids: &[String]) -> Vec<Sighting> {
        if self.courier_calls_fail {
            return Vec::new();
        }
        let shipments = match self.courier_answer(ids).await {
            Ok(shipments) => shipments,
            Err(error) => {
                self.courier_calls_fail = true;
                tracing::warn!(%error, shipments = ids.len(), "statuses are reported without waybills");
                return Vec::new();
            }
        };
        for shipment in &shipments {
            if let Some(id) = &shipment.shipment_id {
                self.couriers.insert(id.clone(), courier_of(shipment));
            }
        }
        let include_fbf = self.settings.include_fbf;
        shipments.iter().filter_map(|shown| observe::shipment(shown, include_fbf)).collect()
    }

    async fn courier_answer(&self, ids: &[String]) -> Result<Vec<Shipment>> {
        let mut page: ShipmentPage = self.get(requests::courier(self.settings, ids)).await?;
        if !page.errors.is_empty() {
            self.cx.sleep(PACKING_PAUSE).await?;
            page = self.get(requests::courier(self.settings, ids)).await?;
            if let Err(error) = errors::none_in_body(&page.errors, op::GET_COURIER) {
                tracing::warn!(%error, "some statuses are reported without waybills");
            }
        }
        Ok(page.shipments.unwrap_or_default())
    }

    async fn ask_invoices(&mut self, ids: &[String]) {
        if self.invoice_calls_fail {
            return;
        }
        match self.get::<InvoiceReply>(requests::invoices(self.settings, ids)).await {
            Ok(reply) => {
                let numbered =
                    |invoice: crate::wire::Invoice| Some((invoice.shipment_id?, invoice.invoice_number?));
                self.invoices.extend(reply.invoices.into_iter().filter_map(numbered));
            }
            Err(error) => {
                self.invoice_calls_fail = true;
                tracing::warn!(%error, shipments = ids.len(), "statuses are reported without invoice numbers");
            }
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<T> {
        auth::send(self.cx, request).await?.json()
    }

    fn completed(&self, sighting: Sighting) -> Vec<Observation> {
        let id = sighting.shipment.as_deref().unwrap_or_default();
        let courier = self.couriers.get(id).cloned().unwrap_or_default();
        let invoice = self.invoices.get(id);
        let mut observations = sighting.observations;
        for seen in &mut observations {
            let stage = status::stage(seen.status);
            if stage >= Stage::Packed {
                seen.awb.clone_from(&courier.awb);
                seen.courier.clone_from(&courier.name);
            }
            if stage >= Stage::Dispatched {
                seen.invoice = invoice.cloned();
            }
        }
        observations
    }
}

/// The sightings whose shipment can be asked about, each shipment once.
fn distinct<'b>(sightings: impl Iterator<Item = &'b Sighting>) -> Vec<(&'b str, &'b Sighting)> {
    let mut listed = HashSet::new();
    sightings
        .filter_map(|seen| Some((seen.shipment.as_deref().filter(|id| is_id(id))?, seen)))
        .filter(|(id, _)| listed.insert(*id))
        .collect()
}

/// The last leg's courier and waybill; of several parcels the first's that has one. Older models have the block on the
/// shipment itself.
fn courier_of(shipment: &Shipment) -> Courier {
    let parcels = shipment.sub_shipments.iter().filter_map(|parcel| parcel.courier_details.as_ref());
    let legs = parcels
        .chain(&shipment.courier_details)
        .filter_map(|CourierDetails { delivery_details }| delivery_details.as_ref());
    legs.map(|leg| Courier { awb: leg.tracking_id.clone(), name: leg.vendor_name.clone() })
        .find(|courier| courier.awb.is_some())
        .unwrap_or_default()
}
