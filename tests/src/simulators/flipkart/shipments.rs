//! Shipments by id, their courier data and their invoices; and how a parcel of the world looks as a shipment.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{LOCATION, Refused, authorized, bad_request, ist};
use crate::{
    simulators::Site,
    world::{Canceller, Fulfilment, Order, Parcel, Row, Stage, World},
};

const MAX_IDS: usize = 100;
/// Goods may leave from six minutes after the order, and must within two days.
pub(super) const DISPATCH_AFTER_MS: i64 = 6 * 60_000;
pub(super) const DISPATCH_BY_MS: i64 = 48 * 3_600_000;

/// What a line's row says: its word, whether it turned back, and units.
pub(super) struct ItemRow {
    pub(super) status: &'static str,
    pub(super) courier_return: bool,
    pub(super) quantity: u32,
    pub(super) canceller: Option<Canceller>,
}

/// The rows of a line: what remains of it, and what was cancelled of it.
pub(super) fn rows_of(order: &Order, k: usize, line: usize) -> impl Iterator<Item = ItemRow> {
    let parcel = &order.parcels[k];
    let item = &order.lines[line];
    let (status, courier_return) = status(order, parcel, line);
    let canceller = courier_return.then_some(Canceller::Marketplace);
    let living = ItemRow { status, courier_return, quantity: item.living(), canceller };
    let gone = ItemRow {
        status: "CANCELLED",
        courier_return: false,
        quantity: item.cancelled,
        canceller: item.canceller,
    };
    [living, gone].into_iter().filter(|row| row.quantity > 0)
}

fn status(order: &Order, parcel: &Parcel, line: usize) -> (&'static str, bool) {
    let word = match parcel.stage {
        Stage::Approved => "APPROVED",
        Stage::Packed if parcel.rare(0) => "FORM_FAILED",
        Stage::Packed if parcel.quirk(3) => "PACKING_IN_PROGRESS",
        Stage::Packed | Stage::LabelWithdrawn => "PACKED",
        Stage::Ready => "READY_TO_DISPATCH",
        Stage::PickedUp => "PICKUP_COMPLETE",
        Stage::InTransit | Stage::OutForDelivery | Stage::Lost => "SHIPPED",
        Stage::Delivered => {
            let (asked, back) = order.returned(line);
            let living = order.lines[line].living();
            if back >= living {
                "RETURNED"
            } else if asked >= living {
                "RETURN_REQUESTED"
            } else if order.fulfilment == Fulfilment::Seller && parcel.quirk(4) {
                "COMPLETED"
            } else {
                "DELIVERED"
            }
        }
        Stage::RtoInitiated | Stage::RtoInTransit | Stage::RtoDelivered if parcel.quirk(5) => {
            return ("CANCELLED", true);
        }
        Stage::RtoInitiated | Stage::RtoInTransit => "RETURN_REQUESTED",
        Stage::RtoDelivered => "RETURNED",
    };
    (word, false)
}

pub(super) fn shipment_type(order: &Order, parcel: &Parcel) -> &'static str {
    match order.fulfilment {
        Fulfilment::Seller => "SELF",
        _ if parcel.rare(6) => "EXPRESS",
        _ => "NORMAL",
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(super) struct Shipment<'a> {
    shipment_id: &'a str,
    dispatch_by_date: String,
    dispatch_after_date: String,
    updated_at: String,
    location_id: &'a str,
    hold: bool,
    mps: bool,
    packaging_policy: &'a str,
    shipment_type: &'a str,
    sub_shipments: [SubShipment; 1],
    pub(super) order_items: Vec<OrderItem<'a>>,
    forms: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubShipment {
    sub_shipment_id: &'static str,
    packages: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(super) struct OrderItem<'a> {
    order_item_id: &'a str,
    order_id: &'a str,
    order_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<&'static str>,
    payment_type: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    courier_return: Option<bool>,
    quantity: Value,
    sku: &'a str,
    hsn: Option<()>,
    package_ids: [(); 0],
    service_profile: &'static str,
    #[serde(rename = "is_replacement")]
    is_replacement: bool,
}

/// A parcel as a shipment, with those of its rows that `wanted` takes.
pub(super) fn shipment(order: &Order, k: usize, wanted: impl Fn(&ItemRow) -> bool) -> Shipment<'_> {
    let parcel = &order.parcels[k];
    let order_items = order.lines_of(k).flat_map(|(place, line)| {
        let (wanted, parcel) = (&wanted, &parcel);
        rows_of(order, k, place).filter(move |row| wanted(row)).map(move |row| {
            let cancelled = row.status == "CANCELLED";
            OrderItem {
                order_item_id: &line.id,
                order_id: &order.id,
                order_date: ist(order.created_at),
                cancellation_date: parcel.cancelled_at.filter(|_| cancelled).map(ist),
                cancellation_reason: cancelled.then_some("cancellation_requested"),
                payment_type: "PREPAID",
                status: row.status,
                // Absent where nothing turned back, in half of the parcels.
                courier_return: (row.courier_return || parcel.quirk(9)).then_some(row.courier_return),
                // Seen as 1 and as 1.0.
                quantity: if parcel.quirk(10) { row.quantity.into() } else { f64::from(row.quantity).into() },
                sku: &line.sku,
                hsn: None,
                package_ids: [],
                service_profile: "Seller_Fulfilment",
                is_replacement: false,
            }
        })
    });
    Shipment {
        shipment_id: &parcel.id,
        dispatch_by_date: ist(order.created_at + DISPATCH_BY_MS),
        dispatch_after_date: ist(order.created_at + DISPATCH_AFTER_MS),
        updated_at: ist(parcel.changed_at),
        location_id: LOCATION,
        hold: order.hold,
        mps: false,
        packaging_policy: "DEFAULT",
        shipment_type: shipment_type(order, parcel),
        sub_shipments: [SubShipment { sub_shipment_id: "SS-1", packages: [] }],
        order_items: order_items.collect(),
        forms: [],
    }
}

#[derive(Serialize)]
struct Shipments<'a> {
    shipments: Vec<Shipment<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
pub(super) struct Ids {
    shipment_ids: Option<String>,
    order_item_ids: Option<String>,
    order_ids: Option<String>,
}

pub(super) async fn by_id(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(ids): Query<Ids>,
) -> Result<Response, Refused> {
    status_by_id(&site, &headers, &ids)
}

fn status_by_id(site: &Site, headers: &HeaderMap, ids: &Ids) -> Result<Response, Refused> {
    authorized(site, headers)?;
    let given = [&ids.shipment_ids, &ids.order_item_ids, &ids.order_ids].map(Option::as_deref);
    let (form, text) = match given {
        [Some(text), None, None] => (0, text),
        [None, Some(text), None] => (1, text),
        [None, None, Some(text)] => (2, text),
        _ => return Err(bad_request("give exactly one of shipmentIds, orderItemIds, orderIds")),
    };
    let ids = split(text)?;
    let world = site.world();
    let mut shipments = Vec::new();
    let mut told: Vec<Row> = Vec::new();
    for id in ids {
        let Some((index, k)) = world.find(id) else { continue };
        let order = world.order(index);
        let parcels = match form {
            0 if order.parcels.get(usize::from(k)).is_some_and(|parcel| parcel.id == id) => k..k + 1,
            1 if order.lines.iter().any(|line| line.id == id) => k..k + 1,
            2 if order.id == id => 0..u8::try_from(order.parcels.len()).unwrap_or(u8::MAX),
            _ => continue,
        };
        for k in parcels {
            if !told.contains(&(index, k)) {
                told.push((index, k));
                shipments.push(shipment(order, usize::from(k), |_| true));
            }
        }
    }
    Ok(axum::Json(Shipments { shipments }).into_response())
}

fn split(text: &str) -> Result<Vec<&str>, Refused> {
    let ids: Vec<&str> = text.split(',').filter(|id| !id.is_empty()).collect();
    match ids.len() {
        0 => Err(bad_request("no id given")),
        count if count > MAX_IDS => Err(bad_request(format!("{count} ids are more than {MAX_IDS}"))),
        _ if ids.iter().any(|id| id.contains(' ')) => Err(bad_request("an id holds a blank")),
        _ => Ok(ids),
    }
}

/// The parcels of shipment ids that exist.
fn parcels<'a>(world: &'a World, ids: &[&str]) -> Vec<(&'a Order, usize)> {
    let found = ids.iter().filter_map(|id| {
        let (index, k) = world.find(id)?;
        let order = world.order(index);
        (order.parcels.get(usize::from(k))?.id == *id).then_some((order, usize::from(k)))
    });
    found.collect()
}

pub(super) async fn details(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(ids): Path<String>,
) -> Result<Response, Refused> {
    courier_data(&site, &headers, &ids)
}

fn courier_data(site: &Site, headers: &HeaderMap, ids: &str) -> Result<Response, Refused> {
    authorized(site, headers)?;
    let ids = split(ids)?;
    let world = site.world();
    let nobody = json!({"firstName": "x", "lastName": "x", "addressLine1": "x", "city": "x", "state": "x", "pinCode": "x",
        "contactNumber": "x"});
    let rows = parcels(&world, &ids).into_iter().map(|(order, k)| {
        let parcel = &order.parcels[k];
        let items = order.lines_of(k).map(|(_, line)| json!({"id": line.id, "dangerous": false, "fragile": false}));
        let mut sub = json!({"subShipmentId": "SS-1", "shipmentDimensions": {"length": 10.0, "breadth": 10.0, "height": 10.0,
            "weight": 0.4}});
        let mut row = json!({"orderId": order.id, "shipmentId": parcel.id, "locationId": LOCATION,
            "orderItems": items.collect::<Vec<_>>(), "deliveryAddress": nobody, "billingAddress": nobody,
            "buyerDetails": {"firstName": "x", "contactNumber": "x"}, "sellerAddress": nobody, "returnAddress": nobody});
        if let Some(awb) = &parcel.awb {
            // The first mile may have a courier of its own.
            let first = if parcel.quirk(11) { awb.clone() } else { format!("FM{awb}") };
            let courier = json!({"pickupDetails": {"trackingId": first, "vendorName": "Ekart"},
                "deliveryDetails": {"trackingId": awb, "vendorName": "Ekart"}});
            // Older models have it on the shipment.
            if parcel.rare(20) {
                row["courierDetails"] = courier;
            } else {
                sub["courierDetails"] = courier;
            }
        }
        row["subShipments"] = json!([sub]);
        row
    });
    Ok(axum::Json(json!({"shipments": rows.collect::<Vec<_>>()})).into_response())
}

pub(super) async fn invoices(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Path(ids): Path<String>,
) -> Result<Response, Refused> {
    invoice_numbers(&site, &headers, &ids)
}

/// From packing on, and not for parcels that the seller ships.
fn invoice_numbers(site: &Site, headers: &HeaderMap, ids: &str) -> Result<Response, Refused> {
    authorized(site, headers)?;
    let ids = split(ids)?;
    let world = site.world();
    let packed = parcels(&world, &ids).into_iter().filter(|(order, k)| {
        order.parcels[*k].stage >= Stage::Packed && order.fulfilment == Fulfilment::Channel
    });
    let rows = packed.map(|(order, k)| {
        let items =
            order.lines_of(k).map(|(_, line)| json!({"orderItemId": line.id, "invoiceAmount": 340.0}));
        json!({"shipmentId": order.parcels[k].id, "invoiceNumber": format!("FAXX{:08}{k}", order.index),
            "invoiceDate": &ist(order.created_at)[..10], "orderItems": items.collect::<Vec<_>>()})
    });
    Ok(axum::Json(json!({"invoices": rows.collect::<Vec<_>>()})).into_response())
}
