//! Easy Ship 2022-03-23: `getScheduledPackage`, for applications that have the restricted role.

use std::sync::Arc;

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Account, MARKETPLACE_ID, Refused, authorized, bad_request, fine, refuse};
use crate::world::Fulfilment;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    amazon_order_id: Option<String>,
    marketplace_id: Option<String>,
}

pub(super) async fn package(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Result<Response, Refused> {
    scheduled(&account, &headers, &asked)
}

fn scheduled(account: &Account, headers: &HeaderMap, asked: &Asked) -> Result<Response, Refused> {
    authorized(&account.site, headers)?;
    if !account.market.easy_ship_role {
        return Err(refuse(
            StatusCode::FORBIDDEN,
            "Unauthorized",
            "Access to requested resource is denied.",
            "",
        ));
    }
    let (Some(id), Some(marketplace)) = (&asked.amazon_order_id, &asked.marketplace_id) else {
        return Err(bad_request("amazonOrderId or marketplaceId is missing"));
    };
    if marketplace != MARKETPLACE_ID {
        return Err(refuse(
            StatusCode::NOT_FOUND,
            "RegionNotSupported",
            "The marketplace has no Easy Ship",
            "",
        ));
    }
    let world = account.site.world();
    let order = world.find(id).map(|(index, _)| world.order(index));
    let order = order.filter(|order| order.id == *id && order.fulfilment == Fulfilment::Channel);
    let scheduled = order.and_then(|order| fine(order).easy_ship.map(|status| (order, status)));
    let Some((order, status)) = scheduled else {
        return Err(refuse(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "No package is scheduled for the order",
            "",
        ));
    };
    let parcel = &order.parcels[0];
    let items = order.lines.iter().filter(|line| line.living() > 0);
    let items = items.map(|line| json!({"orderItemId": line.id, "orderItemSerialNumbers": []}));
    let reply = json!({
        "scheduledPackageId": {"amazonOrderId": order.id, "packageId": parcel.id},
        "packageDimensions": {"length": 12, "width": 12, "height": 12, "unit": "cm"},
        "packageWeight": {"value": 230, "unit": "g"},
        "packageItems": items.collect::<Vec<_>>(),
        "packageTimeSlot": {"slotId": "demo", "startTime": "2026-09-02T10:00:00+05:30", "endTime": "2026-09-02T13:00:00+05:30",
            "handoverMethod": if parcel.rare(6) { "DROPOFF" } else { "PICKUP" }},
        "invoice": {"invoiceNumber": format!("IN-{}", order.index + 1)},
        "packageStatus": status,
        "trackingDetails": {"trackingId": parcel.awb},
    });
    Ok(axum::Json(reply).into_response())
}
