//! Amazon's Selling Partner API (amzn/selling-partner-api-models, 2026-08-05): Orders 2026-01-01 and the returns report.

use plugin_api::{Millis, OrderRef, Scope, Task};
use serde_json::{Value, json};

use crate::conformance::{Login, Route, Show, Subject, UNHEARD_OF};

/// 2026-09-03 11:30 UTC.
const NOW: Millis = 1_788_435_000_000;
const ORDER: &str = "404-5550001-1234567";
const ORDERS: &str = "/orders/2026-01-01/orders";
const REPORTS: &str = "/reports/2021-06-30/reports";

pub(super) struct Amazon;

impl Subject for Amazon {
    fn id(&self) -> &'static str {
        "amazon"
    }

    fn settings(&self, base: &str) -> Value {
        json!({
            "base_url": base, "token_url": format!("{base}/auth/o2/token"), "document_url": base,
            "client_id": "suite-amazon-client-id", "client_secret": "suite-amazon-client-secret",
            "refresh_token": "Atzr|suite-amazon-refresh-token",
        })
    }

    fn now(&self) -> Millis {
        NOW
    }

    fn login(&self) -> Option<Login> {
        Some(Login {
            method: "POST",
            path: "/auth/o2/token",
            good: r#"{"access_token":"{token}","token_type":"bearer","expires_in":3600}"#,
            refused: (400, r#"{"error":"invalid_grant","error_description":"refused"}"#),
        })
    }

    fn scope(&self, task: Task) -> Scope {
        match task {
            Task::Status => Scope::Changed { since: NOW - 3_600_000, until: NOW },
            Task::Returns => Scope::Changed { since: NOW - 30 * 86_400_000, until: NOW },
            Task::Pending | Task::Delivery => {
                Scope::Orders(vec![OrderRef { order: ORDER.to_owned(), ..OrderRef::default() }])
            }
        }
    }

    fn routes(&self, task: Task, show: Show, base: &str) -> Option<Vec<Route>> {
        match task {
            Task::Status => Some(changed(show)),
            Task::Pending | Task::Delivery => Some(known(show)),
            // Every row of the report is a return that was asked for, whatever its word.
            Task::Returns if show == Show::Unknown => None,
            Task::Returns => Some(returns(show, base)),
        }
    }
}

fn order(show: Show) -> Value {
    let status = if show == Show::Unknown { UNHEARD_OF } else { "OUT_FOR_DELIVERY" };
    let package = json!({
        "packageReferenceId": "1", "packageStatus": {"status": "IN_TRANSIT", "detailedStatus": status}, "carrier": "ATS",
        "trackingNumber": "340000000001", "shipTime": "2026-09-02T09:00:00Z",
        "packageItems": [{"orderItemId": "66000000000001", "quantity": 2}],
    });
    json!({
        "orderId": ORDER, "createdTime": "2026-09-01T04:10:00Z", "lastUpdatedTime": "2026-09-03T11:20:00Z",
        "programs": ["AMAZON_EASY_SHIP"], "fulfillment": {"fulfillmentStatus": "SHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [{"orderItemId": "66000000000001", "quantityOrdered": 2, "product": {"sellerSku": "MUG-RED"}}],
        "packages": [package],
    })
}

/// The list of what changed. Repeated rows come on a page of their own.
fn changed(show: Show) -> Vec<Route> {
    let page = |orders: Vec<Value>, token: Option<&str>| {
        let next = token.map(|token| json!({ "nextToken": token }));
        json!({"orders": orders, "pagination": next, "lastUpdatedBefore": "2026-09-03T11:28:00Z"}).to_string()
    };
    let orders = if show == Show::Nothing { Vec::new() } else { vec![order(show)] };
    let token = (show == Show::RowsTwice).then_some("opaque");
    vec![
        Route::get(ORDERS, page(orders.clone(), token)).struck(),
        Route::get(ORDERS, page(orders, None)).with_query("paginationToken", "opaque"),
    ]
}

/// One order by its id. The duty knows no list; an order that comes twice was asked for twice.
fn known(show: Show) -> Vec<Route> {
    let path = format!("{ORDERS}/{ORDER}");
    let unknown = json!({"errors": [{"code": "NotFound", "message": "unknown", "details": ""}]}).to_string();
    let found = Route::get(&path, json!({ "order": order(show) }).to_string()).struck();
    match show {
        Show::Nothing => vec![Route { status: 404, ..Route::get(path, unknown).struck() }],
        Show::Rows | Show::RowsTwice | Show::Unknown => vec![found],
    }
}

/// The returns report, made at once.
fn returns(show: Show, base: &str) -> Vec<Route> {
    let header = "Order ID\tReturn request date\tReturn request status\tAmazon RMA ID\tMerchant SKU\tReturn quantity\n";
    let row = format!("{ORDER}\t01-Sep-2026\tApproved\tDdemoRRMA\tMUG-RED\t1\n");
    let rows = match show {
        Show::Nothing => String::new(),
        Show::RowsTwice => row.repeat(2),
        Show::Rows | Show::Unknown => row,
    };
    let place = json!({"reportDocumentId": "D1", "url": format!("{base}/document?signature=invented")});
    let done = json!({"reportId": "R1", "processingStatus": "DONE", "reportDocumentId": "D1"});
    vec![
        Route { status: 202, ..Route::post(REPORTS, r#"{"reportId":"R1"}"#).struck() },
        Route::get(format!("{REPORTS}/R1"), done.to_string()),
        Route::get("/reports/2021-06-30/documents/D1", place.to_string()),
        Route::get("/document", format!("{header}{rows}")),
    ]
}
