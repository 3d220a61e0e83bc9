//! Orders 2026-01-01: `searchOrders` and `getOrder`.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Account, MARKETPLACE_ID, Refused, authorized, bad_request, fine, is_cancelled,
    lists::{self, Names, Params},
    not_found, order_status, tells_easy_ship, utc,
};
use crate::world::{By, Canceller, Fulfilment, Line, Order, Stage};

const STATUSES: [&str; 7] = [
    "PENDING_AVAILABILITY",
    "PENDING",
    "UNSHIPPED",
    "PARTIALLY_SHIPPED",
    "SHIPPED",
    "CANCELLED",
    "UNFULFILLABLE",
];
const DATA: [&str; 11] = [
    "BUYER",
    "RECIPIENT",
    "PROCEEDS",
    "EXPENSE",
    "PROMOTION",
    "CANCELLATION",
    "FULFILLMENT",
    "PACKAGES",
    "FULFILLMENT_ORDERS",
    "TAX",
    "PAYMENT",
];
const NAMES: Names =
    Names { api: "2026", token: "paginationToken", page_size: "maxResultsPerPage", free: &["includedData"] };

/// The parts of an order that were asked for.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a part of its own")]
struct Included {
    fulfillment: bool,
    packages: bool,
    cancellation: bool,
    detailed_status: bool,
}

impl Included {
    fn read(params: &Params, account: &Account) -> Result<Self, Refused> {
        let data = params.list("includedData").unwrap_or_default();
        if let Some(name) = data.iter().find(|name| !DATA.contains(name)) {
            return Err(bad_request(format!("includedData {name} is not known")));
        }
        Ok(Included {
            fulfillment: data.contains(&"FULFILLMENT"),
            packages: data.contains(&"PACKAGES"),
            cancellation: data.contains(&"CANCELLATION"),
            detailed_status: account.market.detailed_status,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    orders: Vec<WireOrder<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pagination: Option<Pagination>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_before: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_token: String,
}

#[derive(Serialize)]
struct One<'a> {
    order: WireOrder<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireOrder<'a> {
    order_id: &'a str,
    created_time: String,
    last_updated_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<[&'static str; 1]>,
    sales_channel: SalesChannel,
    #[serde(skip_serializing_if = "Option::is_none")]
    fulfillment: Option<OrderFulfillment>,
    order_items: Vec<WireItem<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<[WirePackage<'a>; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SalesChannel {
    channel_name: &'static str,
    marketplace_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderFulfillment {
    fulfillment_status: &'static str,
    fulfilled_by: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireItem<'a> {
    order_item_id: &'a str,
    quantity_ordered: u32,
    product: Product<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fulfillment: Option<ItemFulfillment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation: Option<Cancellation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Product<'a> {
    seller_sku: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFulfillment {
    quantity_fulfilled: u32,
    quantity_unfulfilled: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_request: Option<CancellationRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_execution: Option<CancellationExecution>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancellationRequest {
    requester: &'static str,
    cancel_reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancellationExecution {
    cancelled_by: &'static str,
    cancel_reason: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePackage<'a> {
    package_reference_id: &'static str,
    package_status: PackageStatus,
    carrier: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ship_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracking_number: Option<&'a str>,
    package_items: Vec<PackageItem<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageStatus {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detailed_status: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PackageItem<'a> {
    order_item_id: &'a str,
    quantity: u32,
}

fn wire(order: &Order, included: Included) -> WireOrder<'_> {
    let (_, status) = order_status(order);
    WireOrder {
        order_id: &order.id,
        created_time: utc(order.created_at),
        last_updated_time: utc(order.changed_at),
        programs: tells_easy_ship(order).then_some(["AMAZON_EASY_SHIP"]),
        sales_channel: SalesChannel { channel_name: "AMAZON", marketplace_id: MARKETPLACE_ID },
        fulfillment: included
            .fulfillment
            .then(|| OrderFulfillment { fulfillment_status: status, fulfilled_by: fulfilled_by(order) }),
        order_items: order
            .lines
            .iter()
            .map(|line| wire_item(order, line, status == "SHIPPED", included))
            .collect(),
        packages: if included.packages {
            wire_package(order, included).map(|package| [package])
        } else {
            None
        },
    }
}

fn fulfilled_by(order: &Order) -> &'static str {
    if order.fulfilment == Fulfilment::Marketplace { "AMAZON" } else { "MERCHANT" }
}

fn wire_item<'a>(order: &Order, line: &'a Line, shipped: bool, included: Included) -> WireItem<'a> {
    let (fulfilled, unfulfilled) = if shipped { (line.living(), 0) } else { (0, line.living()) };
    let request = order
        .cancel_requested
        .then_some(CancellationRequest { requester: "BUYER", cancel_reason: "BUYER_REQUESTED_CANCELLATION" });
    let execution = line.canceller.map(|canceller| CancellationExecution {
        cancelled_by: match canceller {
            Canceller::Buyer => "BUYER",
            Canceller::Seller => "MERCHANT",
            Canceller::Marketplace => "AMAZON",
        },
        cancel_reason: "OTHER",
    });
    let cancellation = Cancellation { cancellation_request: request, cancellation_execution: execution };
    let has_cancellation =
        cancellation.cancellation_request.is_some() || cancellation.cancellation_execution.is_some();
    WireItem {
        order_item_id: &line.id,
        // A cancelled line keeps its quantity; only the execution tells.
        quantity_ordered: line.ordered,
        product: Product { seller_sku: &line.sku },
        fulfillment: included
            .fulfillment
            .then_some(ItemFulfillment { quantity_fulfilled: fulfilled, quantity_unfulfilled: unfulfilled }),
        cancellation: (included.cancellation && has_cancellation).then_some(cancellation),
    }
}

/// Packages are told of what sellers ship: Easy Ship's from packing on, a seller's own once it is sent.
fn wire_package(order: &Order, included: Included) -> Option<WirePackage<'_>> {
    let parcel = &order.parcels[0];
    let (status, detailed_status) = match order.fulfilment {
        Fulfilment::Marketplace => return None,
        Fulfilment::Channel if parcel.stage < Stage::Packed => return None,
        Fulfilment::Channel => {
            let fine = fine(order);
            (fine.coarse, included.detailed_status.then_some(fine.detailed))
        }
        Fulfilment::Seller if parcel.stage < Stage::PickedUp || is_cancelled(order) => return None,
        Fulfilment::Seller if parcel.stage == Stage::Delivered => ("DELIVERED", None),
        Fulfilment::Seller => ("SHIPPED", None),
    };
    let items = order.lines.iter().filter(|line| line.living() > 0);
    Some(WirePackage {
        package_reference_id: "1",
        package_status: PackageStatus { status, detailed_status },
        carrier: if order.fulfilment == Fulfilment::Channel { "ATS" } else { "Other" },
        ship_time: parcel.picked_up_at.map(utc),
        tracking_number: parcel.awb.as_deref(),
        package_items: items
            .map(|line| PackageItem { order_item_id: &line.id, quantity: line.living() })
            .collect(),
    })
}

pub(super) async fn search(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    found(&account, &headers, pairs)
}

fn found(account: &Account, headers: &HeaderMap, pairs: Vec<(String, String)>) -> Result<Response, Refused> {
    let site = &account.site;
    authorized(site, headers)?;
    let known = [
        "createdAfter",
        "createdBefore",
        "lastUpdatedAfter",
        "lastUpdatedBefore",
        "marketplaceIds",
        "fulfilledBy",
        "fulfillmentStatuses",
        "includedData",
        "maxResultsPerPage",
        "paginationToken",
    ];
    let params = Params::read(pairs, &known)?;
    let included = Included::read(&params, account)?;
    let now = site.now();
    let dates = ["createdAfter", "createdBefore", "lastUpdatedAfter", "lastUpdatedBefore"];
    let window = params.window(dates, now)?;
    let window = window.ok_or_else(|| bad_request("createdAfter or lastUpdatedAfter is missing"))?;
    let statuses = params.list("fulfillmentStatuses");
    if let Some(status) = statuses.iter().flatten().find(|status| !STATUSES.contains(status)) {
        return Err(bad_request(format!("fulfillmentStatuses {status} is not known")));
    }
    let fulfilled = params.list("fulfilledBy");
    let here = params.list("marketplaceIds").is_none_or(|ids| ids.contains(&MARKETPLACE_ID));
    let page = lists::page(site, &params, &NAMES, window, |order| {
        here && statuses.as_ref().is_none_or(|statuses| statuses.contains(&order_status(order).1))
            && fulfilled.as_ref().is_none_or(|by| by.contains(&fulfilled_by(order)))
    })?;
    let world = site.world();
    let bound = utc(if window.2 == i64::MAX { now } else { window.2 });
    let found = Found {
        orders: page.rows[page.start..page.end]
            .iter()
            .map(|&(index, _)| wire(world.order(index), included))
            .collect(),
        pagination: page.next_token.map(|next_token| Pagination { next_token }),
        last_updated_before: (window.0 == By::Change).then(|| bound.clone()),
        created_before: (window.0 == By::Creation).then_some(bound),
    };
    Ok(axum::Json(found).into_response())
}

pub(super) async fn get(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    authorized(&account.site, &headers)?;
    let included = Included::read(&Params::read(pairs, &["includedData"])?, &account)?;
    let world = account.site.world();
    let order = world.find(&id).map(|(index, _)| world.order(index)).filter(|order| order.id == id);
    let order = order.ok_or_else(|| not_found("the order"))?;
    Ok(axum::Json(One { order: wire(order, included) }).into_response())
}
