//! Orders v0: `getOrders`, `getOrder`, `getOrderItems`. Deprecated, ends 2027-03-27.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Account, MARKETPLACE_ID, Refused, authorized, bad_request, fine,
    lists::{self, Names, Params},
    not_found, order_status, tells_easy_ship, utc,
};
use crate::world::{By, Fulfilment, Order};

const NAMES: Names = Names { api: "v0", token: "NextToken", page_size: "MaxResultsPerPage", free: &[] };
const MAX_IDS: usize = 50;

/// An order; the address and the buyer are there as the real ones are, with nothing in them.
fn wire(order: &Order) -> Value {
    let (status, _) = order_status(order);
    let units: u32 = order.lines.iter().map(crate::world::Line::living).sum();
    let (shipped, unshipped) = if status == "Shipped" { (units, 0) } else { (0, units) };
    let mut wire = json!({
        "AmazonOrderId": order.id, "PurchaseDate": utc(order.created_at), "LastUpdateDate": utc(order.changed_at),
        "OrderStatus": status, "FulfillmentChannel": fulfillment_channel(order), "MarketplaceId": MARKETPLACE_ID,
        "NumberOfItemsShipped": shipped, "NumberOfItemsUnshipped": unshipped, "IsReplacementOrder": "false",
        "ShippingAddress": {"City": "x", "StateOrRegion": "x", "PostalCode": "x", "CountryCode": "IN"},
        "BuyerInfo": {"BuyerEmail": "x"},
    });
    if tells_easy_ship(order) {
        wire["EasyShipShipmentStatus"] = Value::from(fine(order).v0);
    }
    wire
}

fn fulfillment_channel(order: &Order) -> &'static str {
    if order.fulfilment == Fulfilment::Marketplace { "AFN" } else { "MFN" }
}

pub(super) async fn list(
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
        "MarketplaceIds",
        "CreatedAfter",
        "CreatedBefore",
        "LastUpdatedAfter",
        "LastUpdatedBefore",
        "OrderStatuses",
        "FulfillmentChannels",
        "EasyShipShipmentStatuses",
        "AmazonOrderIds",
        "MaxResultsPerPage",
        "NextToken",
    ];
    let params = Params::read(pairs, &known)?;
    let Some(marketplaces) = params.list("MarketplaceIds") else {
        return Err(bad_request("MarketplaceIds is missing"));
    };
    let now = site.now();
    let dates = ["CreatedAfter", "CreatedBefore", "LastUpdatedAfter", "LastUpdatedBefore"];
    let window = params.window(dates, now)?;
    let ids = params.list("AmazonOrderIds");
    let takes = |order: &Order| {
        let within = |name: &str, value: &str| params.list(name).is_none_or(|wanted| wanted.contains(&value));
        marketplaces.contains(&MARKETPLACE_ID)
            && within("OrderStatuses", order_status(order).0)
            && within("FulfillmentChannels", fulfillment_channel(order))
            && params
                .list("EasyShipShipmentStatuses")
                .is_none_or(|wanted| tells_easy_ship(order) && wanted.contains(&fine(order).v0))
    };
    let mut payload = match (ids, window) {
        (Some(ids), _) if ids.len() > MAX_IDS => {
            return Err(bad_request(format!("{} AmazonOrderIds are more than {MAX_IDS}", ids.len())));
        }
        (Some(ids), _) => {
            let world = site.world();
            let orders = ids.into_iter().filter_map(|id| {
                let order = world.order(world.find(id)?.0);
                (order.id == id && takes(order)).then(|| wire(order))
            });
            json!({"Orders": orders.collect::<Vec<_>>()})
        }
        (None, None) => return Err(bad_request("CreatedAfter or LastUpdatedAfter is missing")),
        (None, Some(window)) => {
            let page = lists::page(site, &params, &NAMES, window, takes)?;
            let world = site.world();
            let rows = page.rows[page.start..page.end].iter();
            let orders: Vec<Value> = rows.map(|&(index, _)| wire(world.order(index))).collect();
            let mut payload = json!({"Orders": orders});
            if let Some(token) = page.next_token {
                payload["NextToken"] = token.into();
            }
            payload
        }
    };
    if let Some((by, _, to)) = window {
        let name = if by == By::Change { "LastUpdatedBefore" } else { "CreatedBefore" };
        payload[name] = utc(if to == i64::MAX { now } else { to }).into();
    }
    Ok(axum::Json(json!({"payload": payload})).into_response())
}

/// The payload that `of` makes of one order.
fn one(
    account: &Account,
    headers: &HeaderMap,
    id: &str,
    of: impl Fn(&Order) -> Value,
) -> Result<Response, Refused> {
    authorized(&account.site, headers)?;
    let world = account.site.world();
    let order = world.find(id).map(|(index, _)| world.order(index)).filter(|order| order.id == id);
    let order = order.ok_or_else(|| not_found("the order"))?;
    Ok(axum::Json(json!({"payload": of(order)})).into_response())
}

pub(super) async fn get(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    one(&account, &headers, &id, wire)
}

pub(super) async fn items(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    one(&account, &headers, &id, |order| {
        let shipped = order_status(order).0 == "Shipped";
        let items = order.lines.iter().map(|line| {
            // A cancelled line is told by its quantity alone.
            let mut item = json!({"ASIN": "B0DEMO0001", "OrderItemId": line.id, "SellerSKU": line.sku,
                "QuantityOrdered": line.living(), "QuantityShipped": if shipped { line.living() } else { 0 }});
            if order.cancel_requested {
                item["BuyerRequestedCancel"] = json!({"IsBuyerRequestedCancel": "true", "BuyerCancelReason": "OTHER"});
            }
            item
        });
        json!({"AmazonOrderId": order.id, "OrderItems": items.collect::<Vec<_>>()})
    })
}
