//! A marketplace for measurements: as many sellers and orders as asked for, at next to no cost of its own.
//!
//! It speaks Amazon's Orders 2026-01-01 as the connector `amazon` reads it, a hundred orders a page and one call a page. Orders
//! are arithmetic: the order with number `n` of tenant `t` is always the same, and all that is kept of it is how far it is.
//! It checks nothing, limits nothing and fails never; [`simulators`](crate::simulators) are for that.

use std::{
    fmt::Write as _,
    io,
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::{get, post},
    serve::ListenerExt,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Orders in a page of a list.
pub const PAGE: u32 = 100;
/// The channel of every tenant.
pub const CHANNEL: &str = "AZ1";

const FACILITY: &str = "F1";
const SKUS: u32 = 200;
/// What an order's steps are called; the first is how it stands when it is imported.
const STEPS: [&str; 3] = ["PENDING_PICK_UP", "PICKED_UP", "DELIVERED"];

/// How many sellers with how many orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Orders of all tenants together.
    pub orders: u32,
    /// Tenants; each has one channel and its share of the orders.
    pub tenants: u32,
}

impl Size {
    /// Orders of one tenant.
    pub fn of_a_tenant(self) -> u32 {
        (self.orders / self.tenants.max(1)).max(1)
    }

    /// Orders there are, after each tenant got the same number.
    pub fn all(self) -> u32 {
        self.of_a_tenant() * self.tenants.max(1)
    }

    /// The fewest calls that read every order once: the pages, and nothing besides.
    pub fn fewest_calls(self) -> u64 {
        u64::from(self.of_a_tenant().div_ceil(PAGE)) * u64::from(self.tenants.max(1))
    }
}

/// The code of a tenant.
pub fn tenant(number: u32) -> String {
    format!("t{number:05}")
}

/// The marketplace's id of an order.
fn order_id(tenant: u32, number: u32) -> String {
    format!("404-{tenant:07}-{number:07}")
}

fn item_id(tenant: u32, number: u32, line: u32) -> u64 {
    66_000_000_000_000 + u64::from(tenant) * 100_000_000 + u64::from(number) * 10 + u64::from(line)
}

/// Every fourth order has two lines.
fn lines(number: u32) -> u32 {
    1 + u32::from(number % 4 == 3)
}

fn sku(number: u32, line: u32) -> String {
    format!("SKU-{:03}", (number * 7 + line * 3) % SKUS)
}

struct World {
    size: Size,
    /// How far each order is, tenant by tenant.
    steps: Vec<AtomicU8>,
    /// When each was last changed, in milliseconds since 1970.
    changed: Vec<AtomicI64>,
    /// When all of them were made and, later, picked up.
    began: i64,
    calls: AtomicU64,
}

/// Serves the marketplace until the process ends; `ready` is told the port. `POST /control/advance?every=10&at=1` moves each
/// tenant's orders whose number leaves 1 when divided by 10 one step on, `POST /control/reset` takes all steps back, and
/// `GET /control/calls` counts the calls so far.
///
/// # Errors
/// When no port can be had.
pub async fn serve(size: Size, ready: impl FnOnce(u16)) -> io::Result<()> {
    let now = Timestamp::now().as_millisecond();
    let world = Arc::new(World::new(size, 0, now - 3_600_000));
    let routes = Router::new()
        .route("/token", post(token))
        .route("/{tenant}/orders/2026-01-01/orders", get(list))
        .route("/control/advance", post(advance))
        .route("/control/reset", post(reset))
        .route("/control/calls", get(calls))
        .with_state(world);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    ready(listener.local_addr()?.port());
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await
}

async fn token(State(world): State<Arc<World>>) -> impl IntoResponse {
    world.calls.fetch_add(1, Relaxed);
    ([(CONTENT_TYPE, "application/json")], r#"{"access_token":"not-a-real-token","expires_in":3600}"#)
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "paginationToken", default)]
    token: Option<String>,
}

async fn list(
    State(world): State<Arc<World>>,
    Path(tenant): Path<String>,
    Query(asked): Query<Asked>,
) -> impl IntoResponse {
    world.calls.fetch_add(1, Relaxed);
    let tenant: u32 = tenant.trim_start_matches('t').parse().unwrap_or(0);
    let page = asked.token.and_then(|token| token.trim_start_matches('p').parse().ok()).unwrap_or(0);
    ([(CONTENT_TYPE, "application/json")], world.page(tenant, page))
}

#[derive(Deserialize)]
struct Advance {
    every: u32,
    at: u32,
}

async fn advance(State(world): State<Arc<World>>, Query(which): Query<Advance>) -> String {
    // Amazon's lists end two minutes ago.
    let now = Timestamp::now().as_millisecond() - 180_000;
    let mine = world.size.of_a_tenant();
    let mut moved = 0;
    for (place, (step, changed)) in (0_u32..).zip(world.steps.iter().zip(&world.changed)) {
        let is_chosen = place % mine % which.every.max(1) == which.at;
        if is_chosen && usize::from(step.load(Relaxed)) + 1 < STEPS.len() {
            step.fetch_add(1, Relaxed);
            changed.store(now, Relaxed);
            moved += 1;
        }
    }
    moved.to_string()
}

async fn reset(State(world): State<Arc<World>>) {
    for (step, changed) in world.steps.iter().zip(&world.changed) {
        step.store(0, Relaxed);
        changed.store(world.began, Relaxed);
    }
}

async fn calls(State(world): State<Arc<World>>) -> String {
    world.calls.load(Relaxed).to_string()
}

impl World {
    fn new(size: Size, step: u8, began: i64) -> World {
        World {
            size,
            steps: (0..size.all()).map(|_| AtomicU8::new(step)).collect(),
            changed: (0..size.all()).map(|_| AtomicI64::new(began)).collect(),
            began,
            calls: AtomicU64::new(0),
        }
    }

    /// A page of a tenant's list, as JSON.
    fn page(&self, tenant: u32, page: u32) -> String {
        let mine = self.size.of_a_tenant();
        let first = page.saturating_mul(PAGE).min(mine);
        let end = page.saturating_add(1).saturating_mul(PAGE).min(mine);
        let began = utc(self.began);
        let mut out = String::with_capacity(800 * PAGE as usize);
        out.push_str(r#"{"orders":["#);
        for number in first..end {
            let place = (tenant * mine + number) as usize;
            let (step, changed) = (self.steps[place].load(Relaxed), self.changed[place].load(Relaxed));
            if number > first {
                out.push(',');
            }
            order(&mut out, (tenant, number), usize::from(step), &began, &utc(changed));
        }
        out.push(']');
        if end < mine {
            let _ = write!(out, r#","pagination":{{"nextToken":"p{}"}}"#, page + 1);
        }
        let _ = write!(out, r#","lastUpdatedBefore":"{}"}}"#, utc(Timestamp::now().as_millisecond()));
        out
    }
}

fn order(out: &mut String, (tenant, number): (u32, u32), step: usize, began: &str, changed: &str) {
    let id = order_id(tenant, number);
    let has_left = step > 0;
    let status = if has_left { "SHIPPED" } else { "UNSHIPPED" };
    let _ = write!(
        out,
        r#"{{"orderId":"{id}","createdTime":"{began}","lastUpdatedTime":"{changed}","programs":["AMAZON_EASY_SHIP"],"#
    );
    let _ = write!(
        out,
        r#""salesChannel":{{"channelName":"AMAZON","marketplaceId":"A21TJRUUN4KGV"}},"fulfillment":{{"fulfillmentStatus":"{status}","fulfilledBy":"MERCHANT"}},"orderItems":["#
    );
    for line in 0..lines(number) {
        let comma = if line > 0 { "," } else { "" };
        let (done, open) = if has_left { (1, 0) } else { (0, 1) };
        let (item, sku) = (item_id(tenant, number, line), sku(number, line));
        let _ = write!(
            out,
            r#"{comma}{{"orderItemId":"{item}","quantityOrdered":1,"product":{{"sellerSku":"{sku}"}},"fulfillment":{{"quantityFulfilled":{done},"quantityUnfulfilled":{open}}}}}"#
        );
    }
    let (coarse, fine) = (["PENDING", "IN_TRANSIT", "DELIVERED"][step], STEPS[step]);
    let _ = write!(
        out,
        r#"],"packages":[{{"packageReferenceId":"1","packageStatus":{{"status":"{coarse}","detailedStatus":"{fine}"}},"carrier":"ATS","#
    );
    if has_left {
        let _ = write!(out, r#""shipTime":"{began}","#);
    }
    let _ = write!(out, r#""trackingNumber":"34{tenant:05}{number:07}","packageItems":["#);
    for line in 0..lines(number) {
        let comma = if line > 0 { "," } else { "" };
        let _ = write!(out, r#"{comma}{{"orderItemId":"{}","quantity":1}}"#, item_id(tenant, number, line));
    }
    out.push_str("]}]}");
}

fn utc(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}

/// A tenant as it is before it has ever synced, for `statusync import`: its orders are open, in mixed states, and some have
/// neither package nor invoice nor stock. `base_url` is the marketplace's; `year` the running financial year, `2026-27`.
pub fn snapshot(size: Size, number: u32, base_url: &str, year: &str) -> Value {
    let count = size.of_a_tenant();
    let code = tenant(number);
    let (mut orders, mut invoices, mut packages) = (Vec::with_capacity(count as usize), Vec::new(), 0_u32);
    let mut blocked = vec![0_u32; SKUS as usize];
    for n in 0..count {
        let (status, package_status) = match n % 20 {
            0..=2 => ("CREATED", None),
            3..=6 => ("UNFULFILLABLE", None),
            7..=12 => ("FULFILLABLE", Some("CREATED")),
            13..=15 => ("FULFILLABLE", Some("PICKED")),
            _ => ("FULFILLABLE", Some("PACKED")),
        };
        let facility = (status != "CREATED").then_some(FACILITY);
        let package = package_status.map(|_| {
            packages += 1;
            format!("SP{packages}")
        });
        let items: Vec<Value> = (0..lines(n))
            .map(|line| {
                if status == "FULFILLABLE" {
                    blocked[((n * 7 + line * 3) % SKUS) as usize] += 1;
                }
                json!({"code": format!("O{n}-{}", line + 1), "channel_item_id": item_id(number, n, line).to_string(),
                    "sku": sku(n, line), "facility": facility, "status": status, "package": package})
            })
            .collect();
        let packed: Vec<Value> = package_status
            .map(|status| {
                let invoice = (status == "PACKED").then(|| {
                    let invoice = format!("INV-{}", invoices.len() + 1);
                    let codes: Vec<&Value> = items.iter().map(|item| &item["code"]).collect();
                    invoices.push(json!({"owner": FACILITY, "kind": "SALE_INVOICE", "financial_year": year,
                        "number": invoice, "package": package, "status": "GENERATED", "date": "2026-04-02",
                        "against": null, "items": codes}));
                    invoice
                });
                json!({"code": package, "facility": FACILITY, "status": status, "source": "ALLOCATION",
                    "channel_package_id": null, "awb": null, "courier": null, "invoice": invoice, "hold": null,
                    "dispatched_at": null, "delivered_at": null})
            })
            .into_iter()
            .collect();
        orders.push(json!({"code": format!("O{n}"), "channel": CHANNEL, "channel_order_id": order_id(number, n),
            "status": "PROCESSING", "shipping": "CHANNEL", "on_hold": false, "items": items, "packages": packed,
            "returns": []}));
    }
    let stock: Vec<Value> = (0_u32..)
        .zip(&blocked)
        .map(|(n, blocked)| {
            json!({"facility": FACILITY, "sku": format!("SKU-{n:03}"), "on_hand": blocked + n % 5 * 10,
                "blocked": blocked, "shortfall": 0})
        })
        .collect();
    let sequence = |kind: &str, prefix: &str, next: usize| {
        json!({"owner": FACILITY, "kind": kind, "prefix": prefix, "width": 1, "next": next, "reset": true,
            "next_year_prefix": null, "financial_year": year})
    };
    json!({"tenant": code, "live": true,
        "facilities": [{"code": FACILITY, "traceability": "NONE"}],
        "sequences": [
            sequence("SHIPPING_PACKAGE", "SP", packages as usize + 1),
            sequence("SALE_INVOICE", "INV-", invoices.len() + 1),
            sequence("SALE_RETURN_INVOICE", "CRN-", 1),
        ],
        "stock": stock,
        "channels": [{"code": CHANNEL, "connector": "amazon", "enabled": true, "default_facility": FACILITY,
            "billing_party": null, "shipping": "CHANNEL", "invoice_numbering": "SELLER",
            "settings": {"base_url": format!("{base_url}/{code}"), "token_url": format!("{base_url}/token")}}],
        "orders": orders, "invoices": invoices, "putaways": [], "conflicts": [], "parked": [], "history": []})
}

/// A page of a list with every order at this step, as the marketplace would answer it: of one tenant that has `pages` of them.
pub fn body(page: u32, pages: u32, step: u8) -> String {
    World::new(Size { orders: pages * PAGE, tenants: 1 }, step, 1_790_000_000_000).page(0, page)
}

/// The secrets of each channel.
pub const SECRETS: [(&str, &str); 3] = [
    ("client_id", "amzn-app-demo"),
    ("client_secret", "not-a-real-secret"),
    ("refresh_token", "Atzr|not-a-real-refresh-token"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_a_tenant_is_on_exactly_one_page() {
        let size = Size { orders: 505, tenants: 2 };
        assert_eq!((size.of_a_tenant(), size.all(), size.fewest_calls()), (252, 504, 6));
        let world = World::new(size, 1, 0);
        let pages: Vec<Value> =
            (0..3).map(|page| serde_json::from_str(&world.page(1, page)).expect("JSON")).collect();
        let ids: Vec<&str> = pages
            .iter()
            .flat_map(|page| page["orders"].as_array().expect("orders"))
            .filter_map(|order| order["orderId"].as_str())
            .collect();
        let held = snapshot(size, 1, "http://x", "2026-27");
        let expected: Vec<&str> = held["orders"]
            .as_array()
            .expect("orders")
            .iter()
            .filter_map(|o| o["channel_order_id"].as_str())
            .collect();
        assert_eq!(ids, expected);
        assert!(pages[1]["pagination"].is_object() && pages[2]["pagination"].is_null());
    }
}
