//! Flipkart's seller API (guide at flipkart.github.io/fk-api-platform-docs, state of June 2024).

use plugin_api::{Millis, OrderRef, Scope, Task};
use serde_json::{Value, json};

use crate::conformance::{Login, Route, Show, Subject, UNHEARD_OF};

/// 2026-01-15 09:30 UTC.
const NOW: Millis = 1_768_469_400_000;
const LIST: &str = "/sellers/v3/shipments/filter";
const BY_ID: &str = "/sellers/v3/shipments";
const RETURNS: &str = "/sellers/v2/returns";
const SHIPMENT: &str = "7b1e2c90-1111-4222-8333-000000000001";

pub(super) struct Flipkart;

impl Subject for Flipkart {
    fn id(&self) -> &'static str {
        "flipkart"
    }

    fn settings(&self, base: &str) -> Value {
        json!({
            "base_url": base, "page_size": 20, "include_fbf": false,
            "client_id": "suite-flipkart-app-id", "client_secret": "suite-flipkart-app-secret",
        })
    }

    fn now(&self) -> Millis {
        NOW
    }

    fn login(&self) -> Option<Login> {
        Some(Login {
            method: "GET",
            path: "/oauth-service/oauth/token",
            good: r#"{"access_token":"{token}","token_type":"bearer","expires_in":5183999,"scope":"Seller_Api"}"#,
            refused: (401, r#"{"error":"unauthorized","error_description":"Bad credentials"}"#),
        })
    }

    fn scope(&self, task: Task) -> Scope {
        match task {
            Task::Status | Task::Returns => Scope::Changed { since: NOW - 1_800_000, until: NOW },
            Task::Pending | Task::Delivery => Scope::Orders(vec![OrderRef {
                order: "OD999000111222300001".to_owned(),
                ..OrderRef::default()
            }]),
        }
    }

    fn routes(&self, task: Task, show: Show, _: &str) -> Option<Vec<Route>> {
        let mut routes = match task {
            Task::Status => changed(show),
            Task::Pending | Task::Delivery => {
                vec![Route::get(BY_ID, json!({ "shipments": shipments(show) }).to_string()).struck()]
            }
            Task::Returns => returns(show),
        };
        let details = json!({"shipments": [{"shipmentId": SHIPMENT, "subShipments": [
            {"courierDetails": {"deliveryDetails": {"trackingId": "FMPP0000000001", "vendorName": "Ekart"}}}]}]});
        routes.push(Route::get(format!("{BY_ID}/{SHIPMENT}"), details.to_string()));
        let invoices = json!({"invoices": [{"shipmentId": SHIPMENT, "invoiceNumber": "FAXX260000001"}]});
        routes.push(Route::get(format!("{BY_ID}/{SHIPMENT}/invoices"), invoices.to_string()));
        Some(routes)
    }
}

fn shipments(show: Show) -> Vec<Value> {
    let status = if show == Show::Unknown { UNHEARD_OF } else { "SHIPPED" };
    let shipment = json!({
        "shipmentId": SHIPMENT, "shipmentType": "NORMAL", "updatedAt": "2026-01-15T09:00:00.000+05:30",
        "orderItems": [{
            "orderItemId": "999000111222300001", "orderId": "OD999000111222300001", "status": status,
            "courierReturn": false, "quantity": 2, "sku": "MUG-RED", "serviceProfile": "Seller_Fulfilment",
        }],
    });
    match show {
        Show::Nothing => Vec::new(),
        Show::RowsTwice => vec![shipment.clone(), shipment],
        Show::Rows | Show::Unknown => vec![shipment],
    }
}

/// The lists of what changed: nothing is cancelled. Repeated rows come on a page of their own.
fn changed(show: Show) -> Vec<Route> {
    let page = |rows: Vec<Value>, link: Option<&str>| {
        json!({"hasMore": link.is_some(), "nextPageUrl": link, "shipments": rows}).to_string()
    };
    let link = (show == Show::RowsTwice).then_some("/v3/shipments/filter?next_token=eyJ-_==");
    let first = if link.is_some() { Show::Rows } else { show };
    vec![
        Route::post(LIST, page(Vec::new(), None)),
        Route::post(LIST, page(shipments(first), link))
            .with_body(json!({"filter": {"type": "postDispatch"}}))
            .struck(),
        Route::get(LIST, page(shipments(first), None)),
    ]
}

fn returns(show: Show) -> Vec<Route> {
    let status = if show == Show::Unknown { UNHEARD_OF } else { "created" };
    let row = json!({
        "returnId": "10299900011122230001", "orderItemId": "999000111222300001", "orderId": "OD999000111222300001",
        "quantity": 1, "updatedDate": "2026-01-15T09:30:00+05:30", "courierName": "flipkartlogistics",
        "trackingId": "FMPR0000000001", "shipmentStatus": "in_transit", "status": status, "reason": "DEFECTIVE_PRODUCT",
    });
    let rows = if show == Show::Nothing { Vec::new() } else { vec![row] };
    let page = |rows: &[Value], link: Option<&str>| {
        json!({"hasMore": link.is_some(), "nextUrl": link, "returnItems": rows}).to_string()
    };
    let link = (show == Show::RowsTwice).then_some("/returns/search/eyJwYWdlIjoxfQ==");
    vec![
        Route::get(RETURNS, page(&[], None)),
        Route::get(RETURNS, page(&rows, link)).with_query("source", "customer_return").struck(),
        Route::get("/sellers/v2/returns/search/eyJwYWdlIjoxfQ==", page(&rows, None)),
    ]
}
