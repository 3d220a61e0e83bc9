//! The simulated marketplaces, driven by plain HTTP: the traps of the real ones, the same world from the same seed, a
//! truth that agrees with what the API says, and faults that strike as planned.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kit::{
    faults::{Fault, Kind, UNHEARD_OF},
    simulators::{Config, Marketplace, Rates, Simulator, amazon::Amazon, flipkart::Flipkart},
};
use reqwest::{Client, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// 2026-01-15T09:30:00Z.
const START: i64 = 1_768_469_400_000;
const HOUR_MS: i64 = 3_600_000;

/// A marketplace with its clock, and whoever reads it.
struct Desk {
    sim: Simulator,
    clock: Arc<AtomicI64>,
    client: Client,
}

struct Reply {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

impl Desk {
    async fn open(market: impl Marketplace, seed: u64, orders: u32) -> Desk {
        Desk::with(market, seed, orders, |_| {}).await
    }

    async fn with(market: impl Marketplace, seed: u64, orders: u32, set: impl FnOnce(&mut Config)) -> Desk {
        let clock = Arc::new(AtomicI64::new(START));
        let read = Arc::clone(&clock);
        let mut config = Config::new(seed, orders, move || read.load(Ordering::SeqCst));
        set(&mut config);
        let sim = Simulator::start(market, config).await.unwrap();
        Desk { sim, clock, client: Client::builder().no_proxy().build().unwrap() }
    }

    /// Lets hours pass, for the orders and on the clock.
    fn pass(&self, hours: u32) {
        self.clock.fetch_add(i64::from(hours) * HOUR_MS, Ordering::SeqCst);
        self.sim.advance(hours);
    }

    fn tick(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.sim.base_url()))
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.sim.base_url()));
        request.header("content-type", "application/json").body(body.to_string())
    }

    async fn control(&self, path: &str) -> Value {
        send(self.get(&format!("/control/{path}"))).await.json()
    }
}

async fn send(request: RequestBuilder) -> Reply {
    let reply = request.send().await.unwrap();
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Reply { status, headers, text: reply.text().await.unwrap() }
}

fn time(at: i64) -> String {
    Timestamp::from_millisecond(at).unwrap().to_string()
}

// Flipkart.

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

const FK_LOGIN: &str = "/oauth-service/oauth/token?grant_type=client_credentials&scope=Seller_Api";

async fn fk_login(desk: &Desk) -> Value {
    let login = desk.get(FK_LOGIN).header("authorization", basic("fk-app-demo", "not-a-real-fk-secret"));
    let reply = send(login).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// A reader with a token.
struct Fk {
    desk: Desk,
    token: String,
}

impl Fk {
    async fn open(seed: u64, orders: u32) -> Fk {
        Fk::at(Desk::open(Flipkart, seed, orders).await).await
    }

    async fn at(desk: Desk) -> Fk {
        let token = format!("Bearer {}", fk_login(&desk).await["access_token"].as_str().unwrap());
        Fk { desk, token }
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.desk.get(&format!("/sellers{path}")).header("authorization", &self.token)).await
    }

    async fn filter(&self, filter: Value) -> Reply {
        let request = self.desk.post("/sellers/v3/shipments/filter", &json!({"filter": filter}));
        send(request.header("authorization", &self.token)).await
    }

    /// All shipments of a list, page by page.
    async fn list(&self, filter: Value) -> Vec<Value> {
        let mut page = self.filter(filter).await.json();
        let mut rows = Vec::new();
        loop {
            rows.extend(page["shipments"].as_array().unwrap().iter().cloned());
            if page["hasMore"] != true {
                return rows;
            }
            page = self.get(page["nextPageUrl"].as_str().unwrap()).await.json();
        }
    }

    async fn returns(&self, query: &str) -> Vec<Value> {
        let mut page = self.get(&format!("/v2/returns?{query}")).await.json();
        let mut rows = Vec::new();
        loop {
            rows.extend(page["returnItems"].as_array().unwrap().iter().cloned());
            if page["hasMore"] != true {
                return rows;
            }
            page = self.get(&format!("/v2{}", page["nextUrl"].as_str().unwrap())).await.json();
        }
    }

    /// The shipments of all orders, by order id.
    async fn all(&self) -> Vec<Value> {
        let orders: Vec<String> =
            self.desk.sim.truth(false).orders.into_iter().map(|order| order.order).collect();
        let mut rows = Vec::new();
        for ids in orders.chunks(100) {
            let reply = self.get(&format!("/v3/shipments?orderIds={}", ids.join(","))).await;
            rows.extend(reply.json()["shipments"].as_array().unwrap().iter().cloned());
        }
        rows
    }
}

fn ids(rows: &[Value], name: &str) -> Vec<String> {
    rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn flipkart_gives_one_token_until_it_ends() {
    let desk = Desk::with(Flipkart, 1, 5, |config| config.token_secs = Some(100)).await;
    let wrong = send(desk.get(FK_LOGIN).header("authorization", basic("fk-app-demo", "guess"))).await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (401, &json!("unauthorized")));
    let no_scope = "/oauth-service/oauth/token?grant_type=client_credentials";
    let no_scope = desk.get(no_scope).header("authorization", basic("fk-app-demo", "not-a-real-fk-secret"));
    assert_eq!(send(no_scope).await.status, 400);

    let first = fk_login(&desk).await;
    desk.tick(40_000);
    let again = fk_login(&desk).await;
    assert_eq!(first["access_token"], again["access_token"]);
    assert_eq!((first["expires_in"].as_i64(), again["expires_in"].as_i64()), (Some(100), Some(60)));

    let fk = Fk::at(desk).await;
    assert_eq!(fk.get("/v3/shipments?orderIds=OD1").await.status, 200);
    fk.desk.tick(60_000);
    let late = fk.get("/v3/shipments?orderIds=OD1").await;
    assert_eq!((late.status, &late.json()["error"]), (401, &json!("invalid_token")));
    let fk = Fk::at(fk.desk).await;
    fk.desk.sim.revoke_tokens();
    assert_eq!(fk.get("/v3/shipments?orderIds=OD1").await.status, 401);
}

#[tokio::test]
async fn flipkart_lists_hide_held_shipments_and_other_types_until_asked() {
    let fk = Fk::open(2, 300).await;
    let types = |hold: bool| json!({"type": "preDispatch", "hold": hold, "shipmentTypes": ["NORMAL", "EXPRESS", "SELF"]});
    let open = fk.list(types(false)).await;
    let held = fk.list(types(true)).await;
    let default = fk.list(json!({"type": "preDispatch"})).await;
    assert!(!held.is_empty() && held.iter().all(|row| row["hold"] == true));
    assert!(open.iter().all(|row| row["hold"] == false));
    assert!(open.iter().any(|row| row["shipmentType"] == "SELF"));
    assert!(default.iter().all(|row| row["shipmentType"] == "NORMAL") && default.len() < open.len());

    let seen: BTreeSet<String> =
        ids(&open, "shipmentId").into_iter().chain(ids(&held, "shipmentId")).collect();
    assert_eq!(seen.len(), open.len() + held.len(), "no shipment comes twice while nothing changes");
    assert_eq!(seen, ids(&fk.all().await, "shipmentId").into_iter().collect());
}

#[tokio::test]
async fn flipkart_may_give_a_next_url_when_there_is_no_more() {
    let fk = Fk::open(2, 30).await;
    let mut page = fk.filter(json!({"type": "preDispatch"})).await.json();
    assert_eq!(page["shipments"].as_array().unwrap().len(), 20);
    while page["hasMore"] == true {
        page = fk.get(page["nextPageUrl"].as_str().unwrap()).await.json();
    }
    let beyond = fk.get(page["nextPageUrl"].as_str().unwrap()).await.json();
    assert_eq!(beyond, json!({"hasMore": false, "nextPageUrl": null, "shipments": []}));
}

#[tokio::test]
async fn flipkart_refuses_lists_that_its_documents_do_not_name() {
    let fk = Fk::open(2, 3).await;
    let window = json!({"from": "2026-01-10T00:00:00", "to": "2026-01-11T00:00:00"});
    for (filter, names) in [
        (json!({}), "filter.type"),
        (json!({"type": "cancelled"}), "cancellationType"),
        (json!({"type": "preDispatch", "states": ["SHIPPED"]}), "SHIPPED"),
        (json!({"type": "postDispatch", "states": ["RETURNED"]}), "RETURNED"),
        (json!({"type": "preDispatch", "status": "NEW"}), "filter.status"),
        (json!({"type": "postDispatch", "modifiedDate": window}), "modifiedDate"),
    ] {
        let reply = fk.filter(filter.clone()).await;
        assert_eq!(reply.status, 400, "{filter}");
        assert!(reply.text.contains(names), "{} for {filter}", reply.text);
    }
}

#[tokio::test]
async fn flipkart_windows_hold_what_changed_in_them() {
    let fk = Fk::open(3, 200).await;
    let before = fk.desk.now();
    fk.desk.pass(30);
    let at = fk.desk.now();
    fk.desk.pass(30);
    let list = async |from: i64, to: i64| {
        let types = ["NORMAL", "EXPRESS", "SELF"];
        let window = json!({"from": time(from), "to": time(to)});
        let filter = json!({"type": "postDispatch", "shipmentTypes": types, "modifiedDate": window});
        fk.list(filter).await
    };
    let (early, late, both) = (
        list(before + 1, at).await,
        list(at + 1, at + 30 * HOUR_MS).await,
        list(before, i64::MAX / 100_000).await,
    );
    assert!(!early.is_empty() && !late.is_empty());
    assert_eq!(early.len() + late.len(), both.len());
    assert!(list(before - HOUR_MS, before).await.is_empty(), "nothing was on its way at the start");
    let updated: Vec<i64> = both
        .iter()
        .map(|row| row["updatedAt"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond())
        .collect();
    assert!(updated.is_sorted());
    assert!(updated.iter().all(|&when| when == at || when == at + 30 * HOUR_MS));
}

#[tokio::test]
async fn flipkart_answers_by_exactly_one_kind_of_id() {
    let fk = Fk::open(4, 120).await;
    let all = fk.all().await;
    let (shipment, item) = (&all[0]["shipmentId"], &all[0]["orderItems"][0]);
    let (shipment, order, item) = (
        shipment.as_str().unwrap(),
        item["orderId"].as_str().unwrap(),
        item["orderItemId"].as_str().unwrap(),
    );
    for query in
        [format!("shipmentIds={shipment}"), format!("orderItemIds={item}"), format!("orderIds={order},OD0")]
    {
        let reply = fk.get(&format!("/v3/shipments?{query}")).await.json();
        assert_eq!(reply["shipments"][0]["shipmentId"], shipment, "{query}");
    }
    let unknown = fk.get(&format!("/v3/shipments?shipmentIds={order}")).await.json();
    assert_eq!(unknown, json!({"shipments": []}));
    assert_eq!(fk.get(&format!("/v3/shipments?shipmentIds={shipment}&orderIds={order}")).await.status, 400);
    assert_eq!(fk.get("/v3/shipments").await.status, 400);
    let many = vec!["OD1"; 101].join(",");
    assert_eq!(fk.get(&format!("/v3/shipments?orderIds={many}")).await.status, 400);
}

#[tokio::test]
async fn flipkart_courier_data_has_no_status_and_nobody_in_it() {
    let fk = Fk::open(5, 60).await;
    let shipments = ids(&fk.all().await, "shipmentId");
    let path = format!("/v3/shipments/{}", shipments[..50].join(","));
    let before = fk.get(&path).await;
    assert!(!before.text.contains("trackingId"), "no courier before packing");
    fk.desk.pass(60);
    let after = fk.get(&path).await;
    let rows = after.json()["shipments"].as_array().unwrap().clone();
    assert_eq!(rows.len(), 50);
    assert!(!after.text.contains("\"status\""));
    assert!(rows.iter().all(|row| row["orderItems"][0]["id"].is_string()));
    let places = |row: &Value| {
        (row["courierDetails"].is_object(), row["subShipments"][0]["courierDetails"].is_object())
    };
    let places: BTreeSet<_> = rows.iter().map(places).collect();
    assert!(
        places.contains(&(true, false)) && places.contains(&(false, true)),
        "both places are in use: {places:?}"
    );
    let people = ["deliveryAddress", "billingAddress", "buyerDetails", "sellerAddress", "returnAddress"];
    for value in
        rows.iter().flat_map(|row| people.iter().flat_map(|name| row[name].as_object().unwrap().values()))
    {
        assert_eq!(value, "x");
    }
    let invoices = fk.get(&format!("{path}/invoices")).await.json();
    let numbers = ids(invoices["invoices"].as_array().unwrap(), "invoiceNumber");
    assert!(!numbers.is_empty());
    assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len());
}

#[tokio::test]
async fn flipkart_returns_come_by_source_in_pages_of_25() {
    let fk = Fk::open(6, 900).await;
    fk.desk.pass(400);
    let page = fk.get("/v2/returns?source=courier_return").await.json();
    assert_eq!(page["returnItems"].as_array().unwrap().len(), 25);
    assert!(page["nextUrl"].as_str().unwrap().starts_with("/returns/search/"));
    let (rto, cir) = (fk.returns("source=courier_return").await, fk.returns("source=customer_return").await);
    let (rto_ids, cir_ids) = (ids(&rto, "returnId"), ids(&cir, "returnId"));
    let all: BTreeSet<&String> = rto_ids.iter().chain(&cir_ids).collect();
    assert_eq!(all.len(), rto.len() + cir.len());
    assert!(rto.iter().all(|row| row.get("source").is_none()));
    assert!(rto.iter().any(|row| row["reason"] == "") && rto.iter().any(|row| row["courierName"].is_null()));

    let some = fk.returns(&format!("returnIds={}", cir_ids[..3].join(","))).await;
    assert_eq!(ids(&some, "returnId"), cir_ids[..3]);
    assert_eq!(fk.get(&format!("/v2/returns?returnIds={}", vec!["1"; 26].join(","))).await.status, 400);
    assert_eq!(fk.get("/v2/returns?modifiedAfter=2026-01-01T00:00:00Z").await.status, 400, "no source");
    let raw_plus = "/v2/returns?source=courier_return&modifiedAfter=2026-01-01T00:00:00+05:30";
    assert_eq!(fk.get(raw_plus).await.status, 400, "a raw + is a blank");
    let later = fk.returns(&format!("source=courier_return&modifiedAfter={}", time(fk.desk.now() + 1))).await;
    assert!(later.is_empty());
}

/// Units by state, as a careful reader of Flipkart's shipments and returns makes them out.
async fn flipkart_as_read(fk: &Fk) -> BTreeMap<String, BTreeMap<&'static str, u32>> {
    let mut items = BTreeMap::<String, BTreeMap<&'static str, u32>>::new();
    let mut back = BTreeMap::<String, u32>::new();
    for row in fk.returns("source=customer_return").await {
        if row["status"] == "completed" || row["shipmentStatus"] == "delivered" {
            let units = u32::try_from(row["quantity"].as_u64().unwrap()).unwrap();
            *back.entry(row["orderItemId"].as_str().unwrap().to_owned()).or_default() += units;
        }
    }
    let rto = fk.returns("source=courier_return").await;
    let rto: BTreeSet<&str> = rto
        .iter()
        .filter(|row| row["status"] == "completed" || row["shipmentStatus"] == "delivered")
        .map(|row| row["orderItemId"].as_str().unwrap())
        .collect();
    for shipment in fk.all().await {
        for row in shipment["orderItems"].as_array().unwrap() {
            let id = row["orderItemId"].as_str().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 may come as 1.0")]
            let mut units = row["quantity"].as_f64().unwrap() as u32;
            let held = items.entry(id.to_owned()).or_default();
            let state = match row["status"].as_str().unwrap() {
                "CANCELLED" if row["courierReturn"] != true => "CANCELLED",
                _ if rto.contains(id) => "RETURNED",
                "APPROVED" | "PACKING_IN_PROGRESS" | "PACKED" | "FORM_FAILED" | "READY_TO_DISPATCH" => "OPEN",
                "DELIVERED" | "COMPLETED" if shipment["shipmentType"] == "SELF" => "DISPATCHED",
                "PICKUP_COMPLETE" | "SHIPPED" | "CANCELLED" => "DISPATCHED",
                word => {
                    let returned = back.remove(id).unwrap_or(0);
                    if returned > 0 {
                        *held.entry("RETURNED").or_default() += returned;
                        units -= returned;
                    }
                    let is_rto = word == "RETURN_REQUESTED" && fk_is_rto(fk, id).await;
                    if is_rto { "DISPATCHED" } else { "DELIVERED" }
                }
            };
            if units > 0 {
                *held.entry(state).or_default() += units;
            }
        }
    }
    items
}

/// Whether a requested return of an item is the courier's.
async fn fk_is_rto(fk: &Fk, item: &str) -> bool {
    fk.returns("source=courier_return")
        .await
        .iter()
        .any(|row| row["orderItemId"] == item && row["status"] != "cancelled")
}

#[tokio::test]
async fn the_truth_of_flipkart_is_what_its_api_tells() {
    let fk = Fk::open(8, 150).await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        fk.desk.pass(20);
        let truth = fk.desk.sim.truth(false);
        let told: BTreeMap<_, _> = truth.orders.into_iter().flat_map(|order| order.items).collect();
        assert_eq!(flipkart_as_read(&fk).await, told, "at hour {}", truth.hour);
        seen.extend(truth.items.into_keys().chain(truth.packages.into_keys()));
    }
    assert_eq!(fk.desk.sim.steps_left(), 0);
    let all = ["CANCELLED", "DELIVERED", "DISPATCHED", "OPEN", "RETURNED", "RETURN_EXPECTED"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

// Amazon.

async fn az_login(desk: &Desk, refresh_token: &str, secret: &str) -> Reply {
    let body = format!(
        "grant_type=refresh_token&refresh_token={refresh_token}&client_id=amzn-app-demo&client_secret={secret}"
    );
    let request = desk.client.post(format!("{}/auth/o2/token", desk.sim.base_url()));
    send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

struct Az {
    desk: Desk,
    token: String,
}

impl Az {
    async fn open(market: Amazon, seed: u64, orders: u32) -> Az {
        Az::at(Desk::open(market, seed, orders).await).await
    }

    async fn at(desk: Desk) -> Az {
        let reply = az_login(&desk, "Atzr%7Cnot-a-real-refresh-token", "not-a-real-amzn-secret").await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        Az { desk, token }
    }

    fn with_token(&self, request: RequestBuilder) -> RequestBuilder {
        request.header("x-amz-access-token", &self.token).header("user-agent", "Kit/1 (Language=Rust)")
    }

    async fn get(&self, path: &str) -> Reply {
        send(self.with_token(self.desk.get(path))).await
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.with_token(self.desk.post(path, &body))).await
    }

    async fn search(&self, query: &str) -> Reply {
        self.get(&format!("/orders/2026-01-01/orders?{query}")).await
    }

    async fn all(&self, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut page = self.search(query).await.json();
        loop {
            rows.extend(page["orders"].as_array().unwrap_or_else(|| panic!("{page}")).iter().cloned());
            let Some(token) = page["pagination"]["nextToken"].as_str() else { return rows };
            page = self.search(&format!("{query}&paginationToken={token}")).await.json();
        }
    }

    /// Asks for the returns report until it ends; its status and document id.
    async fn report(&self, from: i64, to: i64) -> (Vec<String>, Option<String>) {
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

fn since_start() -> String {
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
    az.desk.pass(60);
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
        fine.contains("PickedUp") && fine.contains("Delivered") && fine.contains("AtOriginFC"),
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
    let desk = Desk::with(Amazon::default(), 9, 200, |config| config.token_secs = Some(10_000_000)).await;
    let az = Az::at(desk).await;
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
            seen.insert(state);
        }
        let open: u32 = truth
            .orders
            .iter()
            .flat_map(|order| order.items.values().flatten())
            .map(|(_, units)| units)
            .sum();
        assert_eq!(open, truth.items.values().sum());
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
        Some("PENDING_PICK_UP" | "PENDING_DROP_OFF") | None => "OPEN",
        Some(word) => panic!("{word}"),
    }
}

// What they share.

#[tokio::test]
async fn the_same_seed_gives_the_same_replies() {
    let replies = async |seed: u64| {
        let fk = Fk::open(seed, 80).await;
        fk.desk.pass(50);
        let shipments = fk.all().await;
        let returns = fk.returns("source=courier_return").await;
        let mut snapshot = fk.desk.sim.snapshot("acme");
        snapshot["channels"] = Value::Null;
        (shipments, returns, snapshot, fk.desk.sim.truth(false))
    };
    assert_eq!(replies(11).await, replies(11).await);
    assert_ne!(replies(11).await.0, replies(12).await.0);
}

#[tokio::test]
async fn small_steps_and_large_ones_lead_to_the_same_truth() {
    let (small, large) = (Desk::open(Flipkart, 13, 200).await, Desk::open(Flipkart, 13, 200).await);
    for _ in 0..40 {
        small.pass(10);
    }
    large.pass(400);
    assert_eq!(small.sim.truth(false), large.sim.truth(false));
    assert_eq!(large.control("truth").await, serde_json::to_value(large.sim.truth(false)).unwrap());
    assert_eq!(large.control("truth?counts=true").await["orders"], json!([]));
}

#[tokio::test]
async fn the_control_routes_advance_and_count() {
    let fk = Fk::open(14, 50).await;
    let advanced = send(fk.desk.post("/control/advance", &json!({"hours": 30}))).await.json();
    assert_eq!(advanced["hour"], 30);
    assert!(advanced["steps"].as_u64().unwrap() > 0);
    fk.list(json!({"type": "preDispatch"})).await;
    fk.get("/v3/shipments").await;
    let calls = fk.desk.control("calls").await;
    assert_eq!(calls["operations"]["token"]["calls"], 1);
    assert_eq!(calls["operations"]["shipments"], json!({"calls": 1, "replies": {"400": 1}}));
    assert_eq!(fk.desk.sim.calls().of("filter"), calls["operations"]["filter"]["calls"].as_u64().unwrap());
    fk.desk.sim.forget_calls();
    assert_eq!(fk.desk.sim.calls().total, 0);
}

#[tokio::test]
async fn rates_hold_when_they_are_on() {
    let set = |config: &mut Config| config.rates = Rates::Each { per_second: 1.0, burst: 2 };
    let az = Az::at(Desk::with(Amazon::default(), 1, 5, set).await).await;
    let statuses = async |count: usize| {
        let mut statuses = Vec::new();
        for _ in 0..count {
            statuses.push(az.search(&since_start()).await.status);
        }
        statuses
    };
    assert_eq!(statuses(3).await, [200, 200, 429]);
    assert_eq!(az.search(&since_start()).await.json()["errors"][0]["code"], "QuotaExceeded");
    az.desk.tick(1000);
    assert_eq!(statuses(2).await, [200, 429]);
}

/// Rows of a two-page list under a fault that strikes once.
async fn pages_under(kind: Kind) -> Vec<Vec<String>> {
    let fk = Fk::open(15, 40).await;
    fk.desk.sim.faults(vec![Fault::next(kind).of("filter")]);
    let mut pages = Vec::new();
    let mut page = fk.filter(json!({"type": "preDispatch"})).await.json();
    loop {
        pages.push(ids(page["shipments"].as_array().unwrap(), "shipmentId"));
        if page["hasMore"] != true {
            return pages;
        }
        page = fk.get(page["nextPageUrl"].as_str().unwrap()).await.json();
    }
}

#[tokio::test]
async fn pages_come_late_twice_or_shuffled() {
    let good = pages_under(Kind::SlowBody { millis: 20 }).await;
    assert_eq!(good.len(), 2);
    let late = pages_under(Kind::LatePage).await;
    assert_eq!(late, [vec![], [good[1].clone(), good[0].clone()].concat()]);
    let twice = pages_under(Kind::DuplicatePage).await;
    assert_eq!(twice, [good[0].clone(), [good[1].clone(), good[0].clone()].concat()]);
    let shuffled = pages_under(Kind::ShuffledRows).await;
    assert_ne!(shuffled[0], good[0]);
    assert_eq!(shuffled[0].iter().collect::<BTreeSet<_>>(), good[0].iter().collect());
    assert_eq!(shuffled[1], good[1]);
}

#[tokio::test]
async fn a_late_page_waits_for_a_list_that_has_a_next_one() {
    let az = Az::open(Amazon::default(), 15, 150).await;
    az.desk.sim.faults(vec![Fault::next(Kind::LatePage)]);
    let id = az.desk.sim.truth(false).orders[0].order.clone();
    assert_eq!(az.get(&format!("/orders/2026-01-01/orders/{id}")).await.status, 200);
    let page = az.search(&since_start()).await.json();
    assert_eq!(page["orders"], json!([]));
    assert_eq!(az.all(&since_start()).await.len(), 250, "what came late came with the next page");
}

#[tokio::test]
async fn calls_fail_as_planned_and_only_then() {
    let az = Az::open(Amazon::default(), 16, 5).await;
    let status = async || az.search(&since_start()).await.status;
    let planned = json!({"faults": [
        {"kind": "server_error", "status": 503, "operation": "search_orders", "after": 1, "count": 2},
        {"kind": "too_many_requests", "retry_after": "Wed, 21 Oct 2099 07:28:00 GMT", "operation": "get_order"},
        {"kind": "html_body", "operation": "get_orders_v0"},
        {"kind": "server_error", "operation": "token"},
    ]});
    assert_eq!(send(az.desk.post("/control/faults", &planned)).await.json()["planned"], 4);
    assert_eq!([status().await, status().await, status().await, status().await], [200, 503, 503, 200]);
    let limited = az.get("/orders/2026-01-01/orders/1").await;
    assert_eq!(
        (limited.status, limited.headers["retry-after"].to_str().unwrap()),
        (429, "Wed, 21 Oct 2099 07:28:00 GMT")
    );
    let html = az.get("/orders/v0/orders").await;
    assert_eq!(html.status, 200);
    assert!(
        html.headers["content-type"].to_str().unwrap().starts_with("text/html")
            && html.text.contains("<html>")
    );
    assert_eq!(az_login(&az.desk, "x", "x").await.status, 500);
    assert_eq!(az_login(&az.desk, "x", "x").await.status, 401);
}

#[tokio::test]
async fn a_revoked_token_stays_revoked_until_the_next_login() {
    let fk = Fk::open(17, 60).await;
    fk.desk.sim.faults(vec![Fault::next(Kind::RevokedToken).of("filter").after(1)]);
    let first = fk.filter(json!({"type": "preDispatch"})).await.json();
    let next = first["nextPageUrl"].as_str().unwrap();
    assert_eq!([fk.get(next).await.status, fk.get(next).await.status], [401, 401]);
    let fk = Fk::at(fk.desk).await;
    assert_eq!(fk.get(next).await.status, 200, "paging goes on where it was");
}

#[tokio::test]
async fn a_cut_body_ends_before_its_promised_length() {
    let fk = Fk::open(18, 30).await;
    fk.desk.sim.faults(vec![Fault::next(Kind::CutBody).of("filter")]);
    let body = json!({"filter": {"type": "preDispatch"}});
    let request = fk.desk.post("/sellers/v3/shipments/filter", &body).header("authorization", &fk.token);
    let reply = request.send().await.unwrap();
    assert_eq!(reply.status(), 200);
    assert!(reply.text().await.is_err());
    assert_eq!(fk.filter(body["filter"].clone()).await.status, 200);
}

#[tokio::test]
async fn an_unknown_status_word_is_in_one_row_only() {
    let fk = Fk::open(19, 30).await;
    fk.desk.sim.faults(vec![Fault::next(Kind::UnknownStatus)]);
    let page = fk.filter(json!({"type": "preDispatch"})).await.json();
    let strange = |row: &Value| row["orderItems"][0]["status"] == UNHEARD_OF;
    let rows = page["shipments"].as_array().unwrap();
    assert!(strange(&rows[0]) && !rows[1..].iter().any(strange));
}

#[tokio::test]
async fn faults_by_chance_depend_on_the_seed() {
    let hits = async |seed: u64| {
        let fk = Fk::open(seed, 1).await;
        fk.desk.sim.faults(vec![Fault::next(Kind::ServerError { status: 500 }).with_probability(0.3)]);
        let mut hits = Vec::new();
        for _ in 0..60 {
            hits.push(fk.get("/v3/shipments?orderIds=OD1").await.status == 500);
        }
        hits
    };
    let first = hits(20).await;
    let count = first.iter().filter(|&&hit| hit).count();
    assert!((5..=35).contains(&count), "{count} of 60");
    assert_eq!(first, hits(20).await);
}

/// What any importer must be able to rely on.
fn check_snapshot(sim: &Simulator) {
    let snapshot = sim.snapshot("acme");
    let list = |value: &Value| value.as_array().unwrap().clone();
    let truth = sim.truth(false);
    assert_eq!((&snapshot["tenant"], &snapshot["live"]), (&json!("acme"), &json!(false)));
    assert_eq!(snapshot["channels"][0]["settings"]["base_url"], sim.base_url());
    assert_eq!(list(&snapshot["orders"]).len(), truth.orders.len());

    let (mut blocked, mut packages, mut states) =
        (BTreeMap::<String, u64>::new(), BTreeSet::new(), BTreeSet::new());
    for (order, told) in list(&snapshot["orders"]).iter().zip(&truth.orders) {
        assert_eq!(
            (&order["channel_order_id"], &order["shipping"]),
            (&json!(told.order), &json!(told.shipping))
        );
        for package in list(&order["packages"]) {
            assert!(packages.insert(package["code"].as_str().unwrap().to_owned()), "{package} comes twice");
            let inside: BTreeSet<String> = list(&order["items"])
                .iter()
                .filter(|item| item["package"] == package["code"])
                .map(|item| item["channel_item_id"].as_str().unwrap().to_owned())
                .collect();
            assert!(
                told.packages
                    .iter()
                    .any(|parcel| parcel.items.iter().cloned().collect::<BTreeSet<_>>() == inside)
            );
            assert_eq!(package["invoice"].is_string(), package["status"] == "PACKED");
            states.insert(package["status"].as_str().unwrap().to_owned());
        }
        for (id, units) in &told.items {
            let items: Vec<_> =
                list(&order["items"]).into_iter().filter(|item| item["channel_item_id"] == *id).collect();
            assert_eq!(u32::try_from(items.len()).unwrap(), units.values().sum::<u32>(), "one item per unit");
        }
        for item in list(&order["items"]) {
            let sku = blocked.entry(item["sku"].as_str().unwrap().to_owned()).or_default();
            *sku += u64::from(item["status"] == "FULFILLABLE");
            assert_eq!(item["facility"].is_null(), item["status"] == "CREATED");
            assert_eq!(item["package"].is_string(), item["status"] == "FULFILLABLE");
            states.insert(item["status"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(
        states,
        ["CREATED", "FULFILLABLE", "PACKED", "PICKED", "UNFULFILLABLE"].map(str::to_owned).into()
    );
    for row in list(&snapshot["stock"]) {
        assert_eq!(row["blocked"].as_u64(), blocked.get(row["sku"].as_str().unwrap()).copied(), "{row}");
        assert!(row["on_hand"].as_u64() >= row["blocked"].as_u64());
    }
    let next = |kind: &str| {
        let sequence = list(&snapshot["sequences"]).into_iter().find(|row| row["kind"] == kind).unwrap();
        assert_eq!(sequence["financial_year"], "2025-26");
        usize::try_from(sequence["next"].as_u64().unwrap()).unwrap()
    };
    assert_eq!(next("SHIPPING_PACKAGE"), packages.len() + 1);
    assert_eq!(next("SALE_INVOICE"), list(&snapshot["invoices"]).len() + 1);
    assert_eq!(next("SALE_RETURN_INVOICE"), 1);
    for invoice in list(&snapshot["invoices"]) {
        assert!(packages.contains(invoice["package"].as_str().unwrap()));
        assert_eq!((&invoice["financial_year"], &invoice["date"]), (&json!("2025-26"), &json!("2026-01-15")));
    }
}

#[tokio::test]
async fn snapshots_hold_every_order_open_and_consistent() {
    let (fk, az) = (Desk::open(Flipkart, 21, 200).await, Desk::open(Amazon::default(), 21, 200).await);
    check_snapshot(&fk.sim);
    check_snapshot(&az.sim);
    assert_eq!(fk.control("snapshot?tenant=acme").await, fk.sim.snapshot("acme"));
    let before = fk.sim.snapshot("acme");
    fk.sim.advance(300);
    assert_eq!(fk.sim.snapshot("acme"), before, "what happens since does not show in it");
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_paged_goes_on_by_offset() {
    let fk = Fk::open(22, 60).await;
    let first = fk.filter(json!({"type": "preDispatch"})).await.json();
    fk.desk.pass(40);
    let second = fk.get(first["nextPageUrl"].as_str().unwrap()).await.json();
    let now = fk.list(json!({"type": "preDispatch"})).await;
    assert_eq!(second["shipments"].as_array().unwrap()[..], now[20.min(now.len())..40.min(now.len())]);
}

#[test]
fn the_program_prints_where_they_are_and_ends_with_its_input() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_simulators"))
        .args(["--seed", "7", "--orders", "20"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let rows = line["simulators"].as_array().unwrap();
    let names: Vec<_> = rows
        .iter()
        .map(|row| (row["connector"].as_str().unwrap(), row["channel"].as_str().unwrap()))
        .collect();
    assert_eq!(names, [("flipkart", "FK1"), ("amazon", "AZ1")]);
    for row in rows {
        assert!(row["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        assert_eq!(row["settings"]["base_url"], row["base_url"]);
        assert!(row["secrets"]["client_secret"].as_str().unwrap().starts_with("not-a-real-"));
    }
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
