//! Returns: by source in windows, or by their ids; 25 a page.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LOCATION, Refused, authorized, bad_request, ist_secs, time};
use crate::{
    simulators::Site,
    world::{By, Order, Return, ReturnKind, ReturnStage, Row, World},
};

const PAGE_SIZE: usize = 25;
const MAX_IDS: usize = 25;
const DAY_MS: i64 = 86_400_000;

/// The query, also what a next page's token holds.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Asked {
    source: Option<String>,
    modified_after: Option<String>,
    modified_before: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    location_id: Option<String>,
    return_ids: Option<String>,
    tracking_ids: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Token {
    asked: Asked,
    page: usize,
}

pub(super) async fn first_page(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    page(&site, &headers, Some(Token { asked, page: 1 }))
}

pub(super) async fn next_page(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Result<Response, Refused> {
    let token = URL_SAFE_NO_PAD.decode(token).ok().and_then(|token| serde_json::from_slice(&token).ok());
    page(&site, &headers, token)
}

fn page(site: &Site, headers: &HeaderMap, token: Option<Token>) -> Result<Response, Refused> {
    authorized(site, headers)?;
    let Token { asked, page } = token.ok_or_else(|| bad_request("the page token is not one of ours"))?;
    let rows = match (&asked.return_ids, &asked.tracking_ids) {
        (None, None) => listed(site, &asked)?,
        (Some(ids), None) => by_ids(&site.world(), ids, |row| &row.id)?.into(),
        (None, Some(ids)) => by_ids(&site.world(), ids, |row| &row.awb)?.into(),
        (Some(_), Some(_)) => return Err(bad_request("give returnIds or trackingIds, not both")),
    };
    let start = rows.len().min(page.saturating_sub(1).saturating_mul(PAGE_SIZE));
    let end = rows.len().min(start + PAGE_SIZE);
    let world = site.world();
    let items = rows[start..end].iter().map(|&(index, place)| {
        let order = world.order(index);
        wire(order, &order.returns[usize::from(place)])
    });
    let items: Vec<Value> = items.collect();
    let has_more = end < rows.len();
    let next_url = has_more.then(|| {
        let token = json!(Token { asked, page: page + 1 });
        format!("/returns/search/{}", URL_SAFE_NO_PAD.encode(token.to_string()))
    });
    Ok(axum::Json(json!({"hasMore": has_more, "nextUrl": next_url, "returnItems": items})).into_response())
}

fn listed(site: &Site, asked: &Asked) -> Result<Arc<[Row]>, Refused> {
    let kind = match asked.source.as_deref() {
        Some("customer_return") => ReturnKind::Cir,
        Some("courier_return") => ReturnKind::Rto,
        _ => return Err(bad_request("source is not customer_return or courier_return")),
    };
    let at = |name: &str, text: &Option<String>, otherwise: i64| match text {
        Some(text) => time(name, text),
        None => Ok(otherwise),
    };
    let from = at("modifiedAfter", &asked.modified_after, i64::MIN)?;
    let to = at("modifiedBefore", &asked.modified_before, i64::MAX)?;
    // Creation dates are cut to whole days, so more rows come than were asked for.
    let first = at("createdAfter", &asked.created_after, i64::MIN)?.div_euclid(DAY_MS);
    let last = at("createdBefore", &asked.created_before, i64::MAX)?.div_euclid(DAY_MS);
    let elsewhere = asked.location_id.as_deref().is_some_and(|location| location != LOCATION);
    let key = json!({"returns": asked}).to_string();
    let rows = site.list(&key, |world| {
        let mut rows = if elsewhere { Vec::new() } else { world.between(By::ReturnUpdate, from, to) };
        rows.retain(|&(index, place)| {
            let row = &world.order(index).returns[usize::from(place)];
            row.kind == kind && (first..=last).contains(&row.created_at.div_euclid(DAY_MS))
        });
        rows
    });
    Ok(rows)
}

fn by_ids(world: &World, ids: &str, id_of: impl Fn(&Return) -> &String) -> Result<Vec<Row>, Refused> {
    let ids: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if ids.len() > MAX_IDS {
        return Err(bad_request(format!("{} ids are more than {MAX_IDS}", ids.len())));
    }
    let found = ids.into_iter().filter_map(|id| {
        let (index, place) = world.find(id)?;
        let row = world.order(index).returns.get(usize::from(place))?;
        (id_of(row) == id).then_some((index, place))
    });
    Ok(found.collect())
}

fn wire(order: &Order, row: &Return) -> Value {
    let line = &order.lines[usize::from(row.line)];
    let parcel = &order.parcels[usize::from(line.parcel)];
    let (status, shipment_status) = match row.stage {
        ReturnStage::Created => {
            (if parcel.quirk(13) { "created" } else { "init" }, parcel.quirk(14).then_some("start"))
        }
        ReturnStage::InTransit => {
            ("created", Some(if parcel.quirk(15) { "in_transit" } else { "out_for_delivery" }))
        }
        ReturnStage::Completed if parcel.quirk(16) => ("completed", Some("delivered")),
        // Back at the seller though not closed.
        ReturnStage::Completed => ("created", Some("delivered")),
        ReturnStage::Cancelled => (if parcel.quirk(17) { "cancelled" } else { "rejected" }, None),
    };
    // Real RTOs often have neither reason nor courier.
    let is_bare = row.kind == ReturnKind::Rto && parcel.quirk(18);
    let moving = row.stage != ReturnStage::Created;
    json!({
        "returnId": row.id, "orderItemId": line.id, "orderId": order.id, "locationId": LOCATION, "quantity": row.quantity,
        "orderDate": Timestamp::from_millisecond(order.created_at).unwrap_or_default().to_string(),
        "createdDate": ist_secs(row.created_at), "updatedDate": ist_secs(row.updated_at),
        "approvedOn": ist_secs(row.created_at), "expectedDate": null,
        "courierName": if is_bare { None } else { Some("flipkartlogistics") },
        "trackingId": moving.then_some(&row.awb),
        "shipmentId": parcel.quirk(19).then_some(&parcel.id),
        "shipmentStatus": shipment_status, "status": status,
        "reason": if is_bare { "" } else { "DEFECTIVE_PRODUCT" }, "subReason": if is_bare { "" } else { "BROKEN" },
        "comments": "", "serviceProfile": "Seller_Fulfilment", "services": [],
    })
}
