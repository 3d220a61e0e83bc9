//! Amazon's traps, and its truth.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
};

use kit::simulators::amazon::Amazon;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{Desk, HOUR_MS, Reply, START, flipkart::ids, send, time};

pub(super) async fn az_login(desk: &Desk, refresh_token: &str, secret: &str) -> Reply {
    let body = format!(
        "grant_type=refresh_token&refresh_token={refresh_token}&client_id=amzn-app-demo&client_secret={secret}"
    );
    let request = desk.client.post(format!("{}/auth/o2/token", desk.sim.base_url()));
    send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

pub(super) struct Az {
    pub(super) desk: Desk,
    pub(super) token: String,
}

impl Az {
    pub(super) async fn open(market: Amazon, seed: u64, orders: u32) -> Az {
        Az::at(Desk::with(market, seed, orders, |config| config.token_secs = Some(10_000_000)).await).await
    }

    pub(super) async fn at(desk: Desk) -> Az {
        let reply = az_login(&desk, "Atzr%7Cnot-a-real-refresh-token", "not-a-real-amzn-secret").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        Az { desk, token }
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("x-amz-access-token", &self.token).header("user-agent", "Kit/1 (Language=Rust)")
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        send(self.with_token(self.desk.get(path))).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.with_token(self.desk.post(path, &body))).await
    }

    pub(super) async fn search(&self, query: &str) -> Reply {
        self.get(&format!("/orders/2026-01-01/orders?{query}")).await
    }

    pub(super) async fn all(&self, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut page = self.search(query).await.json();
        loop {
            rows.extend(page["orders"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
            let Some(token) = page["pagination"]["nextToken"].as_str() else { return rows };
            page = self.search(&format!("{query}&paginationToken={token}")).await.json();
        }
    }

    /// Asks for the returns report until it ends; its status and document id.
    pub(super) async fn report(&self, from: i64, to: i64) -> (Vec<String>, Option<String>) {
        let asked = json!({"reportType": "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
            "marketplaceIds": ["A21TJRUUN4KGV"], "dataStartTime": time(from), "dataEndTime": time(to)});
        let created = self.post("/reports/2021-06-30/reports", asked).await;
        assert_eq!(created.status, 202, "{}", created.text);
        let path = format!("/reports/2021-06-30/reports/{}", created.json()["reportId"].as_str().unwrap());
        let mut states = Vec::new();
        loop {
            let report = self.get(&path).await.json();
            let state = report["processingStatus"].as_str().unwrap().to_owned();
            let wait = state.starts_with("IN_");
            states.push(state);
            if !wait {
                return (states, report["reportDocumentId"].as_str().map(str::to_owned));
            }
        }
    }
}

const EVERYTHING: &str = "includedData=FULFILLMENT,PACKAGES,CANCELLATION";

pub(super) fn since_start() -> String {
    format!("lastUpdatedAfter={}", time(START - 48 * HOUR_MS))
}

#[tokio::test]
async fn amazon_tells_wrong_credentials_apart_and_ends_tokens() {
    let desk = Desk::open(Amazon::default(), 1, 5).await;
    let wrong = az_login(&desk, "Atzr%7Cnot-a-real-refresh-token", "guess").await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &json!("invalid_client")));
    let revoked = az_login(&desk, "Atzr%7Cold", "not-a-real-amzn-secret").await;
    assert_eq!((revoked.status, &revoked.json()["error"]), (400, &json!("invalid_grant")));

    let az = Az::at(desk).await;
    assert_eq!(az.search(&since_start()).await.status, 200);
    az.desk.tick(HOUR_MS);
    let late = az.search(&since_start()).await;
    assert_eq!((late.status, &late.json()["errors"][0]["code"]), (403, &json!("Unauthorized")));
    assert!(!late.headers.contains_key("x-amzn-ratelimit-limit"));
}

#[tokio::test]
async fn amazon_tells_no_status_unless_it_is_included() {
    let az = Az::open(Amazon::default(), 2, 50).await;
    az.desk.pass(60);
    let bare = az.all(&since_start()).await;
    assert_eq!(bare.len(), 50);
    for order in &bare {
        assert!(order.get("fulfillment").is_none() && order.get("packages").is_none(), "{order}");
    }
    let full = az.all(&format!("{}&{EVERYTHING}", since_start())).await;
    assert!(full.iter().all(|order| order["fulfillment"]["fulfillmentStatus"].is_string()));
    assert!(full.iter().any(|order| order["packages"][0]["packageStatus"]["detailedStatus"].is_string()));

    let path = format!("/orders/2026-01-01/orders/{}?{EVERYTHING}", full[0]["orderId"].as_str().unwrap());
    assert_eq!(az.get(&path).await.json()["order"], full[0]);
    let missing = az.get("/orders/2026-01-01/orders/404-0000000-0000000").await;
    assert_eq!((missing.status, missing.headers["x-amzn-ratelimit-limit"].to_str().unwrap()), (404, "0.5"));
}

#[tokio::test]
async fn amazon_may_leave_the_fine_status_out() {
    let az = Az::open(Amazon { detailed_status: false, ..Amazon::default() }, 2, 50).await;
    az.desk.pass(60);
    let orders = az.all(&format!("{}&{EVERYTHING}", since_start())).await;
    let packages: Vec<&Value> = orders.iter().filter_map(|order| order.get("packages")).collect();
    assert!(!packages.is_empty());
    for package in packages {
        assert!(package[0]["packageStatus"]["status"].is_string());
        assert!(package[0]["packageStatus"].get("detailedStatus").is_none());
    }
}

#[tokio::test]
async fn amazon_pages_hold_every_order_once_and_tokens_hold_to_their_filters() {
    let az = Az::open(Amazon::default(), 3, 250).await;
    let since = since_start();
    let rows = az.all(&since).await;
    let seen: BTreeSet<String> = ids(&rows, "orderId").into_iter().collect();
    assert_eq!((rows.len(), seen.len()), (250, 250));

    let first = az.search(&since).await.json();
    assert_eq!(first["orders"].as_array().unwrap().len(), 100);
    assert_eq!(first["lastUpdatedBefore"], time(az.desk.now()));
    let token = first["pagination"]["nextToken"].as_str().unwrap();
    let next = az.search(&format!("{since}&{EVERYTHING}&maxResultsPerPage=10&paginationToken={token}")).await;
    assert_eq!(next.json()["orders"].as_array().unwrap().len(), 10, "page size and included data may change");
    let other = az.search(&format!("{since}&fulfilledBy=MERCHANT&paginationToken={token}")).await;
    assert_eq!(other.status, 400);
    let old = az.desk;
    old.tick(25 * HOUR_MS);
    let az = Az::at(old).await;
    assert_eq!(
        az.search(&format!("{since}&paginationToken={token}")).await.status,
        400,
        "the token is a day old"
    );
}

#[tokio::test]
async fn amazon_refuses_young_bounds_mixed_dates_and_unknown_parameters() {
    let az = Az::open(Amazon::default(), 3, 10).await;
    let since = since_start();
    let now = az.desk.now();
    let before = |ms: i64| format!("{since}&lastUpdatedBefore={}", time(now - ms));
    assert_eq!(az.search(&before(120_000)).await.status, 200);
    for query in [
        before(119_000),
        String::new(),
        format!("{since}&createdAfter={}", time(START)),
        format!("{since}&AmazonOrderIds=1"),
        format!("{since}&maxResultsPerPage=101"),
        format!("{since}&includedData=STATUS"),
        format!("{since}&fulfillmentStatuses=Shipped"),
        "lastUpdatedAfter=2026-01-01T00:00:00+05:30".to_owned(),
    ] {
        let reply = az.search(&query).await;
        assert_eq!(
            (reply.status, &reply.json()["errors"][0]["code"]),
            (400, &json!("InvalidInput")),
            "{query}"
        );
    }
    let nameless =
        az.desk.get(&format!("/orders/2026-01-01/orders?{since}")).header("x-amz-access-token", &az.token);
    assert_eq!(send(nameless).await.status, 400, "a user agent is required");
}

#[tokio::test]
async fn amazon_v0_tells_fine_status_in_the_list_and_cancelled_lines_by_quantity() {
    let az = Az::open(Amazon::default(), 4, 400).await;
    az.desk.pass(30);
    let query = format!(
        "/orders/v0/orders?MarketplaceIds=A21TJRUUN4KGV&LastUpdatedAfter={}",
        time(START - 48 * HOUR_MS)
    );
    let mut page = az.get(&query).await.json();
    let mut orders = Vec::new();
    loop {
        orders.extend(page["payload"]["Orders"].as_array().unwrap().clone());
        let Some(token) = page["payload"]["NextToken"].as_str() else { break };
        page = az.get(&format!("{query}&NextToken={token}")).await.json();
    }
    assert_eq!(orders.len(), 400);
    let fine: BTreeSet<&str> =
        orders.iter().filter_map(|order| order["EasyShipShipmentStatus"].as_str()).collect();
    assert!(
        fine.contains("PendingPickUp") && fine.contains("PickedUp") && fine.contains("AtOriginFC"),
        "{fine:?}"
    );
    assert!(orders.iter().all(|order| order["BuyerInfo"]["BuyerEmail"] == "x"));
    let cancelled: Vec<&Value> = orders.iter().filter(|order| order["OrderStatus"] == "Canceled").collect();
    assert!(cancelled.iter().any(|order| order.get("EasyShipShipmentStatus").is_none()));

    let id = cancelled[0]["AmazonOrderId"].as_str().unwrap();
    let items = az.get(&format!("/orders/v0/orders/{id}/orderItems")).await.json();
    for item in items["payload"]["OrderItems"].as_array().unwrap() {
        assert_eq!((&item["QuantityOrdered"], &item["QuantityShipped"]), (&json!(0), &json!(0)));
    }
    let by_id =
        az.get(&format!("/orders/v0/orders?MarketplaceIds=A21TJRUUN4KGV&AmazonOrderIds={id},404-1-1")).await;
    assert_eq!(by_id.json()["payload"], json!({"Orders": [cancelled[0]]}));
    let many = vec![id; 51].join(",");
    let many = az.get(&format!("/orders/v0/orders?MarketplaceIds=A21TJRUUN4KGV&AmazonOrderIds={many}")).await;
    assert_eq!(many.status, 400);
}

#[tokio::test]
async fn amazon_easy_ship_needs_the_role_and_a_scheduled_package() {
    let path = |order: &str| {
        format!("/easyShip/2022-03-23/package?amazonOrderId={order}&marketplaceId=A21TJRUUN4KGV")
    };
    let plain = Az::open(Amazon::default(), 5, 40).await;
    let any = plain.desk.sim.truth(false).orders[0].order.clone();
    assert_eq!(plain.get(&path(&any)).await.status, 403);

    let az = Az::open(Amazon { easy_ship_role: true, ..Amazon::default() }, 5, 40).await;
    let code = async |order: &str| az.get(&path(order)).await.json()["errors"][0]["code"].clone();
    assert_eq!(code(&any).await, "ResourceNotFound", "nothing is scheduled yet");
    az.desk.pass(400);
    let truth = az.desk.sim.truth(false);
    let delivered =
        truth.orders.iter().find(|order| !order.untouched && order.packages[0].state == "DELIVERED").unwrap();
    let package = az.get(&path(&delivered.order)).await.json();
    assert_eq!(package["packageStatus"], "Delivered");
    assert_eq!(package["trackingDetails"]["trackingId"].as_str(), delivered.packages[0].awb.as_deref());
    let own = truth.orders.iter().find(|order| order.untouched).unwrap();
    assert_eq!(code(&own.order).await, "ResourceNotFound");
}

#[tokio::test]
async fn amazon_returns_come_as_a_report() {
    let az = Az::open(Amazon { report_polls: 3, ..Amazon::default() }, 6, 300).await;
    assert_eq!(
        az.report(START - HOUR_MS, START).await,
        (vec!["IN_QUEUE".into(), "IN_PROGRESS".into(), "CANCELLED".into()], None)
    );
    let desk = az.desk;
    desk.pass(500);
    let az = Az::at(desk).await;
    let now = az.desk.now();
    let (states, _) = az.report(now - 61 * 24 * HOUR_MS, now).await;
    assert_eq!(states.last().map(String::as_str), Some("FATAL"));
    let (states, document) = az.report(START, now).await;
    assert_eq!(states, ["IN_QUEUE", "IN_PROGRESS", "DONE"]);
    let path = format!("/reports/2021-06-30/documents/{}", document.unwrap());
    let url = az.get(&path).await.json()["url"].as_str().unwrap().to_owned();

    let with_token = send(az.with_token(az.desk.client.get(&url))).await;
    assert_eq!(with_token.status, 400, "the document store must not see our token");
    let zipped = az.desk.client.get(&url).send().await.unwrap().bytes().await.unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut text).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let column = |name: &str| rows[0].iter().position(|held| *held == name).unwrap();
    let (rma, delivered) = (column("Amazon RMA ID"), column("Return delivery date"));
    let back: BTreeSet<&str> =
        rows[1..].iter().filter(|row| !row[delivered].is_empty()).map(|row| row[rma]).collect();
    let truth = az.desk.sim.truth(false);
    let cir: Vec<_> =
        truth.orders.iter().flat_map(|order| &order.returns).filter(|row| row.kind == "CIR").collect();
    assert!(!cir.is_empty());
    assert_eq!(back, cir.iter().map(|row| row.id.as_str()).collect());
    assert!(
        rows[1][column("Return request date")].contains("-Jan-2026")
            || rows[1][column("Return request date")].contains("-Feb-2026")
    );

    az.desk.tick(5 * 60_000);
    assert_eq!(send(az.desk.client.get(&url)).await.status, 403, "the URL has ended");
}

#[tokio::test]
async fn the_truth_of_amazon_is_what_its_api_tells() {
    let az = Az::open(Amazon::default(), 9, 200).await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        az.desk.pass(20);
        let truth = az.desk.sim.truth(false);
        let orders = az.all(&format!("{}&{EVERYTHING}", since_start())).await;
        let orders: BTreeMap<&str, &Value> =
            orders.iter().map(|order| (order["orderId"].as_str().unwrap(), order)).collect();
        assert_eq!(orders.len(), 200);
        for told in &truth.orders {
            let order = orders[told.order.as_str()];
            let state = amazon_package_state(order);
            if told.untouched {
                assert_eq!(told.packages[0].state, "OPEN");
                assert!(order.get("programs").is_none());
            } else if state == "DELIVERED" {
                assert!(["DELIVERED", "RETURNED"].contains(&told.packages[0].state), "{told:?}");
            } else {
                assert_eq!(told.packages[0].state, state, "{order}");
            }
            for item in order["orderItems"].as_array().unwrap().iter().filter(|_| !told.untouched) {
                let units = &told.items[item["orderItemId"].as_str().unwrap()];
                let ordered = u32::try_from(item["quantityOrdered"].as_u64().unwrap()).unwrap();
                let state = match state {
                    _ if item["cancellation"]["cancellationExecution"].is_object() => "CANCELLED",
                    "RETURN_EXPECTED" => "DISPATCHED",
                    // Buyers' returns are not in the order: the report tells them.
                    "DELIVERED" if units.contains_key("RETURNED") => {
                        assert_eq!(units.values().sum::<u32>(), ordered);
                        continue;
                    }
                    state => state,
                };
                assert_eq!(*units, BTreeMap::from([(state, ordered)]), "{order}");
            }
            seen.insert(state);
        }
    }
    let all = ["CANCELLED", "DELIVERED", "DISPATCHED", "OPEN", "RETURNED", "RETURN_EXPECTED"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

/// A package's state as a careful reader of an order makes it out.
fn amazon_package_state(order: &Value) -> &'static str {
    if order["fulfillment"]["fulfillmentStatus"] == "CANCELLED" {
        return "CANCELLED";
    }
    match order["packages"][0]["packageStatus"]["detailedStatus"].as_str() {
        Some(
            "PICKED_UP" | "DROPPED_OFF" | "AT_ORIGIN_FC" | "AT_DESTINATION_FC" | "OUT_FOR_DELIVERY" | "LOST",
        ) => "DISPATCHED",
        Some("DELIVERED") => "DELIVERED",
        Some("REJECTED_BY_BUYER" | "UNDELIVERABLE" | "RETURNING_TO_SELLER") => "RETURN_EXPECTED",
        Some("RETURNED_TO_SELLER") => "RETURNED",
        Some("PENDING_PICK_UP" | "PENDING_DROP_OFF" | "LABEL_CANCELLED") | None => "OPEN",
        Some(word) => panic!("{word}"),
    }
}

#[tokio::test]
async fn amazon_takes_labels_back_without_cancelling_the_order() {
    let az = Az::open(Amazon::default(), 10, 300).await;
    let mut withdrawn = BTreeMap::new();
    for _ in 0..40 {
        az.desk.pass(1);
        for order in az.all(&format!("{}&{EVERYTHING}", since_start())).await {
            let package = &order["packages"][0];
            let is_open = order["fulfillment"]["fulfillmentStatus"] == "UNSHIPPED";
            if is_open && package["packageStatus"]["detailedStatus"] == "LABEL_CANCELLED" {
                withdrawn
                    .insert(order["orderId"].as_str().unwrap().to_owned(), package["trackingNumber"].clone());
            }
        }
    }
    assert!(!withdrawn.is_empty());
    az.desk.pass(400);
    let truth = az.desk.sim.truth(false);
    for told in truth.orders.iter().filter(|told| withdrawn.contains_key(&told.order)) {
        assert_eq!(told.packages[0].state, "DELIVERED");
        assert_ne!(withdrawn[&told.order].as_str(), told.packages[0].awb.as_deref());
    }
}
