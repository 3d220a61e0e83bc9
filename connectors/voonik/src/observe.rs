//! Vendor orders as observations: where numbers, units, times and couriers are read.
//!
//! A package's state counts for its lines. Planned milestones are never read, and nothing means anything because
//! another thing is absent.

use std::collections::BTreeSet;

use plugin_api::{
    Meaning, Millis, Observation, ReturnFact, ReturnKind, ShippedBy,
    Status::{self, CourierReturn, Created, ReturnRequested, Returned, RtoDelivered},
    reading::{Quantity, Row},
    time,
};

use crate::{
    config::Settings,
    fallback::{self, Inferred},
    status::STATE,
    wire::{Item, Order, Package},
};

/// What was read from some orders.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) observations: Vec<Observation>,
    /// Rows that lack what they are about or what they say, or cannot be read.
    pub(crate) unreadable: usize,
    /// States that are in no table, of lines whose progress told.
    pub(crate) inferred: BTreeSet<String>,
}

impl Seen {
    /// Reads an order. `asked` is the number that it was asked for by, if it was.
    pub(crate) fn order(&mut self, row: &Row<Order>, asked: Option<&str>, settings: &Settings) {
        let Row::Read(order) = row else {
            self.unreadable += 1;
            return;
        };
        let numbers = numbers(order, asked);
        let Some(packages) = order.vendor_packages.as_ref().filter(|_| !numbers.is_empty()) else {
            self.unreadable += 1;
            return;
        };
        let created_at = order.created_at.as_deref().and_then(|text| time::iso(text, settings.offset_secs));
        for package in packages {
            match package {
                Row::Read(package) if !package.vendor_order_line_items.is_empty() => {
                    self.package(package, &numbers, created_at, settings);
                }
                Row::Read(_) | Row::Unreadable => self.unreadable += 1,
            }
        }
    }

    fn package(
        &mut self,
        package: &Package,
        numbers: &[&str],
        created_at: Option<Millis>,
        settings: &Settings,
    ) {
        let happened = latest(package, settings.offset_secs);
        for row in &package.vendor_order_line_items {
            let line = match row {
                Row::Read(item) => Line::read(item, package, happened.text, settings),
                Row::Unreadable => None,
            };
            let Some(line) = line else {
                self.unreadable += 1;
                continue;
            };
            if line.is_inferred {
                self.inferred.extend(package.state.clone());
            }
            if line.units == Some(0) {
                continue;
            }
            for (number, status) in
                numbers.iter().flat_map(|number| line.statuses().map(move |status| (number, status)))
            {
                self.observations.push(Observation {
                    sku: line.item.sku.clone(),
                    quantity: line.units,
                    at: happened.at.or(created_at.filter(|_| status == Some(Created))),
                    shipped_by: package.shipment_provider_id.as_ref().map(|_| ShippedBy::Channel),
                    awb: package.tracking_code.clone(),
                    courier: package.shipment_provider_id.as_deref().map(|id| courier(id, settings)),
                    ret: ret(status, line.kind),
                    ..Observation::new(*number, status, &line.raw).item(line.id)
                });
            }
        }
    }
}

/// A line with what its package or its own progress says of it.
struct Line<'a> {
    item: &'a Item,
    id: &'a str,
    units: Option<u32>,
    raw: String,
    meaning: Meaning,
    courier: Option<Status>,
    kind: Option<ReturnKind>,
    is_inferred: bool,
}

impl<'a> Line<'a> {
    /// `None` if the line has no id, no readable units, or nothing that says how it is.
    fn read(item: &'a Item, package: &Package, happened: Option<&str>, settings: &Settings) -> Option<Self> {
        let id = item.id.as_deref()?;
        let units = match item.quantity {
            Quantity::Units(units) => Some(units),
            Quantity::Absent => None,
            Quantity::Unreadable => return None,
        };
        let state = package.state.as_deref();
        let known = state.map_or(Meaning::Unmapped, |state| settings.states.meaning(&STATE, state));
        if known != Meaning::Unmapped {
            let raw = state.unwrap_or_default().to_owned();
            return Some(Line {
                item,
                id,
                units,
                raw,
                meaning: known,
                courier: None,
                kind: None,
                is_inferred: false,
            });
        }
        let progress = item.get_progress_state.as_ref();
        let text = progress.and_then(|progress| progress.code.as_deref()).or(happened);
        let Inferred { meaning, courier, kind, position } = fallback::infer(progress, text, &settings.texts);
        let position = position.map(|position| position.to_string());
        let raw = [state, text, position.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("/");
        if raw.is_empty() {
            return None;
        }
        Some(Line { item, id, units, raw, meaning, courier, kind, is_inferred: meaning != Meaning::Unmapped })
    }

    /// What to report, the goods first, then the courier where it says something of its own.
    fn statuses(&self) -> impl Iterator<Item = Option<Status>> + use<> {
        [self.meaning.status()].into_iter().chain(self.courier.map(Some))
    }
}

/// The numbers to report an order under: the one that was asked for, else each that it has.
fn numbers<'a>(order: &'a Order, asked: Option<&'a str>) -> Vec<&'a str> {
    let own = order.voonik_order_number.as_deref();
    let current =
        order.current_processed_voonik_order_number.as_deref().filter(|current| Some(*current) != own);
    let both: Vec<_> = own.into_iter().chain(current).collect();
    match asked.filter(|asked| both.contains(asked)) {
        Some(asked) => vec![asked],
        None => both,
    }
}

/// The last thing that happened to a package.
#[derive(Default)]
struct Happened<'a> {
    at: Option<Millis>,
    text: Option<&'a str>,
}

fn latest(package: &Package, offset_secs: i32) -> Happened<'_> {
    let events = package.customer_tracking_details.iter().filter_map(|event| match event {
        Row::Read(event) => Some(Happened {
            at: Some(time::iso(event.changed_at.as_deref()?, offset_secs)?),
            text: event.formatted_customer_visible_text.as_deref(),
        }),
        Row::Unreadable => None,
    });
    events.max_by_key(|event| event.at).unwrap_or_default()
}

fn courier(provider_id: &str, settings: &Settings) -> String {
    settings.couriers.get(provider_id).cloned().unwrap_or_else(|| format!("provider:{provider_id}"))
}

/// An operator's own row may name a return's status too; its kind is told by the status where that tells it.
fn ret(status: Option<Status>, kind: Option<ReturnKind>) -> Option<ReturnFact> {
    let kind = match status? {
        CourierReturn | RtoDelivered | Status::RtoInitiated => Some(ReturnKind::Rto),
        ReturnRequested | Returned | Status::ReturnCancelled => kind,
        _ => return None,
    };
    Some(ReturnFact { kind, ..ReturnFact::default() })
}
