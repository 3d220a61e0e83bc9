//! The world's orders as a seller's order management holds them before it has ever synced: all open, in mixed states.
//!
//! The document is the one that `statusync import` reads. It depends on the seed alone, not on what has happened since.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::Offset};
use serde_json::{Value, json};

use super::{Fulfilment, Order, World};
use crate::random::Random;

/// How far the seller's own work on a parcel is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    /// No facility chosen yet: the channel's default counts.
    New,
    /// No stock for it.
    Unfulfillable,
    /// Stock is blocked and a package exists.
    Allocated,
    /// Taken from the shelf.
    Picked,
    /// Packed, with an invoice.
    Packed,
}

impl World {
    /// A snapshot of a tenant that is not live, with one channel whose settings (secrets among them) are `settings`.
    ///
    /// `now` (ms UTC) decides the financial year and the dates of invoices. Items are units: a line of two units is two
    /// items with the same `channel_item_id`. Every parcel of the marketplace has at most one package here.
    pub fn snapshot(&self, tenant: &str, settings: &Value, now: i64) -> Value {
        let mut book = Book::default();
        let date = Timestamp::from_millisecond(now).unwrap_or_default();
        let date = Offset::constant(5)
            .to_datetime(date.saturating_add(jiff::SignedDuration::from_mins(30)).unwrap_or(date));
        let year = if date.month() >= 4 { date.year() } else { date.year() - 1 };
        book.year = format!("{year}-{:02}", (year + 1) % 100);
        book.date = date.date().to_string();
        let orders: Vec<Value> = self.orders().iter().map(|order| self.order_row(order, &mut book)).collect();

        let (facility, series) = (self.profile.facility, self.profile.series);
        let stock = book.blocked.iter().enumerate().map(|(k, (sku, &blocked))| {
            let spare = if k % 5 == 0 { 0 } else { Random::of(self.seed, k as u64).between(3, 60) };
            json!({"facility": facility, "sku": sku, "on_hand": blocked + spare, "blocked": blocked, "shortfall": 0})
        });
        let sequence = |kind: &str, prefix: &str, next: usize| {
            json!({"owner": facility, "kind": kind, "prefix": format!("{prefix}{series}-"), "width": 1, "next": next, "reset": true,
                "next_year_prefix": null, "financial_year": book.year})
        };
        json!({
            "tenant": tenant,
            "live": false,
            "facilities": [{"code": facility, "traceability": "NONE"}],
            "sequences": [
                sequence("SHIPPING_PACKAGE", "SP", book.packages + 1),
                sequence("SALE_INVOICE", "INV", book.invoices.len() + 1),
                sequence("SALE_RETURN_INVOICE", "CRN", 1),
            ],
            "stock": stock.collect::<Vec<_>>(),
            "channels": [{"code": self.profile.channel, "connector": self.profile.connector, "enabled": true,
                "default_facility": facility, "billing_party": null, "shipping": "CHANNEL",
                "invoice_numbering": "SELLER", "settings": settings}],
            "orders": orders,
            "invoices": book.invoices,
            "putaways": [], "conflicts": [], "parked": [], "history": [],
        })
    }

    fn order_row(&self, order: &Order, book: &mut Book) -> Value {
        let (facility, series) = (self.profile.facility, self.profile.series);
        let random = &mut Random::of(!self.seed, u64::from(order.index));
        let code = format!("{}-{}", self.profile.channel, order.index + 1);
        let (mut items, mut packages) = (Vec::new(), Vec::new());
        for (k, parcel) in order.parcels.iter().enumerate() {
            let work = [
                (Work::New, 15),
                (Work::Unfulfillable, 20),
                (Work::Allocated, 30),
                (Work::Picked, 15),
                (Work::Packed, 20),
            ];
            let work = random.pick(&work).unwrap_or(Work::New);
            let package_status = match work {
                Work::New | Work::Unfulfillable => None,
                Work::Allocated => Some("CREATED"),
                Work::Picked => Some("PICKED"),
                Work::Packed => Some("PACKED"),
            };
            let package = package_status.map(|_| {
                book.packages += 1;
                format!("SP{series}-{}", book.packages)
            });
            let first = items.len();
            for (_, line) in order.lines_of(k) {
                let blocked = book.blocked.entry(line.sku.clone()).or_default();
                for _ in 0..line.ordered {
                    let (status, facility) = match work {
                        Work::New => ("CREATED", None),
                        Work::Unfulfillable => ("UNFULFILLABLE", Some(facility)),
                        Work::Allocated | Work::Picked | Work::Packed => ("FULFILLABLE", Some(facility)),
                    };
                    *blocked += u32::from(status == "FULFILLABLE");
                    items.push(
                        json!({"code": format!("{code}-{}", items.len() + 1), "channel_item_id": line.id,
                        "sku": line.sku, "facility": facility, "status": status, "package": package}),
                    );
                }
            }
            let (Some(package), Some(status)) = (package, package_status) else { continue };
            let invoice = (work == Work::Packed).then(|| {
                let number = format!("INV{series}-{}", book.invoices.len() + 1);
                let codes: Vec<&Value> = items[first..].iter().map(|item| &item["code"]).collect();
                book.invoices.push(json!({"owner": facility, "kind": "SALE_INVOICE", "financial_year": book.year,
                    "number": number, "package": package, "status": "GENERATED", "date": book.date, "against": null,
                    "items": codes}));
                number
            });
            // Whoever packs on the panel of a marketplace that names its packages knows the name.
            let channel_package_id =
                (self.profile.names_packages && work == Work::Packed).then_some(&parcel.id);
            packages.push(json!({"code": package, "facility": facility, "status": status, "source": "ALLOCATION",
                "channel_package_id": channel_package_id, "awb": null, "courier": null, "invoice": invoice, "hold": null,
                "dispatched_at": null, "delivered_at": null}));
        }
        let shipping = if order.fulfilment == Fulfilment::Channel { "CHANNEL" } else { "SELLER" };
        json!({"code": code, "channel": self.profile.channel, "channel_order_id": order.id, "status": "PROCESSING",
            "shipping": shipping, "on_hold": random.chance(2), "items": items, "packages": packages, "returns": []})
    }
}

/// One tenant's snapshot out of several worlds': they share no facility, series or code.
/// None for none.
pub fn joined(snapshots: impl IntoIterator<Item = Value>) -> Option<Value> {
    snapshots.into_iter().reduce(|mut all, more| {
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            for (name, part) in more {
                if let (Some(Value::Array(list)), Value::Array(part)) = (all.get_mut(&name), part) {
                    list.extend(part);
                }
            }
        }
        all
    })
}

/// What is counted while orders are written.
#[derive(Default)]
struct Book {
    packages: usize,
    invoices: Vec<Value>,
    blocked: BTreeMap<String, u32>,
    year: String,
    date: String,
}
