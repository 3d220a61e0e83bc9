//! An order as either of Amazon's interfaces shows it, in one shape. Says what Amazon said; decides nothing about it.

use plugin_api::{Meaning, Millis, Status};

use crate::{
    classify::{self, Shipping},
    status::{DETAILED_2026, EASY_SHIP_V0, ORDER_2026, ORDER_V0, PACKAGE_2026, SCHEDULED, Word},
    time, wire, wire_v0,
};

/// What one answer says of an order.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) shipping: Shipping,
    /// When Amazon last touched the order, UTC: the latest that anything it shows can have happened.
    pub(crate) updated_at: Option<Millis>,
    /// The status of the order as a whole; absent if the answer had none.
    pub(crate) level: Option<Word>,
    /// The order lines; empty where they were not read.
    pub(crate) lines: Vec<Line>,
    pub(crate) packages: Vec<Package>,
    /// Units on the order, where the answer counts them without its lines.
    pub(crate) units: Option<u32>,
}

/// An order line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// The seller's product code.
    pub(crate) sku: Option<String>,
    /// Units that have left the seller, in total; absent if Amazon does not count.
    pub(crate) shipped: Option<u32>,
    /// Whether no unit is wanted any more.
    pub(crate) is_emptied: bool,
    /// Whether a cancellation was carried out on the line; how many units it took is not said.
    pub(crate) has_execution: bool,
}

/// A package, or all that an interface without packages says about the shipment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) id: Option<String>,
    /// The finer status.
    pub(crate) fine: Option<Word>,
    /// The coarser status, for packages without a finer one.
    pub(crate) coarse: Option<Word>,
    pub(crate) awb: Option<String>,
    pub(crate) courier: Option<String>,
    pub(crate) shipped_at: Option<Millis>,
    pub(crate) invoice: Option<String>,
    /// Order line and units; empty where Amazon does not say what is inside.
    pub(crate) items: Vec<(String, u32)>,
}

impl Package {
    /// What is known of it: the finer status, else the coarser.
    pub(crate) fn word(&self) -> Option<&Word> {
        self.fine.as_ref().or(self.coarse.as_ref())
    }

    fn is_withdrawn(&self) -> bool {
        self.word().is_some_and(Word::is_withdrawn)
    }
}

impl Order {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.level.as_ref().is_some_and(|level| level.item == Meaning::Is(Status::Cancelled))
    }

    /// Whether only some units have left.
    pub(crate) fn is_partial(&self) -> bool {
        self.level
            .as_ref()
            .is_some_and(|level| matches!(level.raw.as_str(), "PartiallyShipped" | "PARTIALLY_SHIPPED"))
    }

    /// Whether the order cannot have a package yet.
    fn is_pending(&self) -> bool {
        self.level.as_ref().is_some_and(|level| {
            matches!(
                level.raw.as_str(),
                "Pending" | "PENDING" | "PendingAvailability" | "PENDING_AVAILABILITY"
            )
        })
    }

    /// The packages that count: a withdrawn label counts only while nothing has replaced it, and a package without any
    /// status says nothing.
    pub(crate) fn live_packages(&self) -> Vec<&Package> {
        let (withdrawn, live): (Vec<_>, Vec<_>) = self
            .packages
            .iter()
            .filter(|package| package.word().is_some())
            .partition(|package| package.is_withdrawn());
        if live.is_empty() { withdrawn.into_iter().take(1).collect() } else { live }
    }

    /// Whether the Easy Ship interface could tell more: the finer status or the waybill is missing. `has_awb`: the
    /// waybill is known from elsewhere.
    ///
    /// That interface knows one package per order, so it has nothing to add to an order with several.
    pub(crate) fn lacks_detail(&self, has_awb: bool) -> bool {
        if self.shipping != Shipping::EasyShip || self.is_cancelled() || self.is_pending() {
            return false;
        }
        match self.live_packages().as_slice() {
            [] => true,
            [package] => match &package.fine {
                None => true,
                Some(word) if word.is_final() || word.is_unbooked() => false,
                Some(_) => package.awb.is_none() && !has_awb,
            },
            _ => false,
        }
    }

    /// Adds what the Easy Ship interface says about the order's package: the further status wins, gaps are filled. Its own id
    /// of the package is left out: the order interface calls the same package otherwise, and the host would take them for
    /// two. The waybill tells that they are one.
    pub(crate) fn add_scheduled(&mut self, scheduled: wire::ScheduledPackage) {
        let added = Package {
            fine: given(scheduled.package_status).map(|raw| SCHEDULED.word(&raw)),
            awb: scheduled.tracking_details.and_then(|tracking| given(tracking.tracking_id)),
            invoice: scheduled.invoice.and_then(|invoice| given(invoice.invoice_number)),
            ..Package::default()
        };
        let same = self.packages.iter_mut().find(|package| {
            !package.is_withdrawn()
                && (package.awb.is_none() || added.awb.is_none() || package.awb == added.awb)
        });
        match same {
            None => self.packages.push(added),
            Some(package) => {
                if further(added.fine.as_ref(), package.fine.as_ref()) {
                    package.fine = added.fine;
                }
                package.awb = package.awb.take().or(added.awb);
                package.invoice = added.invoice;
            }
        }
    }

    /// Adds the lines of an order whose interface lists them apart.
    pub(crate) fn add_lines(&mut self, items: Vec<wire_v0::OrderItem>) {
        self.lines.extend(items.into_iter().map(|item| Line {
            id: item.order_item_id,
            sku: given(item.seller_sku),
            shipped: item.quantity_shipped,
            is_emptied: item.quantity_ordered == 0,
            has_execution: false,
        }));
    }
}

/// Whether a status is further along than another, or the only one.
fn further(new: Option<&Word>, old: Option<&Word>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => new.progress() > old.progress(),
        (new, None) => new.is_some(),
        (None, Some(_)) => false,
    }
}

impl From<wire::Order> for Order {
    fn from(order: wire::Order) -> Self {
        let shipping = classify::orders_2026(&order);
        let fulfillment = order.fulfillment;
        let level = fulfillment
            .and_then(|fulfillment| given(fulfillment.fulfillment_status))
            .map(|raw| Word { item: ORDER_2026.meaning(&raw), raw, courier: None });
        Order {
            id: order.order_id,
            shipping,
            updated_at: order.last_updated_time.as_deref().and_then(time::read),
            level,
            lines: order.order_items.into_iter().flatten().map(Line::from).collect(),
            packages: order.packages.into_iter().flatten().map(Package::from).collect(),
            units: None,
        }
    }
}

impl From<wire::OrderItem> for Line {
    fn from(item: wire::OrderItem) -> Self {
        Line {
            id: item.order_item_id,
            sku: item.product.and_then(|product| given(product.seller_sku)),
            shipped: item.fulfillment.and_then(|fulfillment| fulfillment.quantity_fulfilled),
            is_emptied: item.quantity_ordered == Some(0),
            has_execution: item
                .cancellation
                .is_some_and(|cancellation| cancellation.cancellation_execution.is_some()),
        }
    }
}

impl From<wire::Package> for Package {
    fn from(package: wire::Package) -> Self {
        let (status, detailed) = package
            .package_status
            .map_or((None, None), |status| (given(status.status), given(status.detailed_status)));
        let items = package.package_items.into_iter().flatten();
        Package {
            id: given(package.package_reference_id),
            fine: detailed.map(|raw| DETAILED_2026.word(&raw)),
            coarse: status.map(|raw| PACKAGE_2026.word(&raw)),
            awb: given(package.tracking_number),
            courier: given(package.carrier),
            shipped_at: package.ship_time.as_deref().and_then(time::read),
            invoice: None,
            items: items.map(|item| (item.order_item_id, item.quantity)).collect(),
        }
    }
}

impl From<wire_v0::Order> for Order {
    fn from(order: wire_v0::Order) -> Self {
        let shipping = classify::orders_v0(&order);
        let fine = given(order.easy_ship_shipment_status).map(|raw| EASY_SHIP_V0.word(&raw));
        Order {
            id: order.amazon_order_id,
            shipping,
            updated_at: order.last_update_date.as_deref().and_then(time::read),
            level: Some(Word {
                item: ORDER_V0.meaning(&order.order_status),
                raw: order.order_status,
                courier: None,
            }),
            lines: Vec::new(),
            packages: fine
                .map(|word| Package { fine: Some(word), ..Package::default() })
                .into_iter()
                .collect(),
            units: order
                .number_of_items_shipped
                .zip(order.number_of_items_unshipped)
                .map(|(a, b)| a.saturating_add(b)),
        }
    }
}

/// A text that says something.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
