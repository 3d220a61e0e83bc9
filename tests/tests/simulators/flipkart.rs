//! Flipkart's traps, and its truth.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use kit::simulators::flipkart::Flipkart;
use serde_json::{Value, json};

use crate::{Desk, HOUR_MS, Reply, send, time};

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
pub(super) struct Fk {
    pub(super) desk: Desk,
    pub(super) token: String,
}

impl Fk {
    pub(super) async fn open(seed: u64, orders: u32) -> Fk {
        Fk::at(Desk::open(Flipkart, seed, orders).await).await
    }

    pub(super) async fn at(desk: Desk) -> Fk {
        let token = format!("Bearer {}", fk_login(&desk).await["access_token"].as_str().unwrap());
        Fk { desk, token }
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        send(self.desk.get(&format!("/sellers{path}")).header("authorization", &self.token)).await
    }

    pub(super) async fn filter(&self, filter: Value) -> Reply {
        let request = self.desk.post("/sellers/v3/shipments/filter", &json!({"filter": filter}));
        send(request.header("authorization", &self.token)).await
    }

    /// All shipments of a list, page by page.
    pub(super) async fn list(&self, filter: Value) -> Vec<Value> {
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

    pub(super) async fn returns(&self, query: &str) -> Vec<Value> {
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
    pub(super) async fn all(&self) -> Vec<Value> {
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

pub(super) fn ids(rows: &[Value], name: &str) -> Vec<String> {
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

    let partner =
        "/oauth-service/oauth/token?grant_type=refresh_token&refresh_token=not-a-real-fk-refresh-token";
    let partner = desk.get(partner).header("authorization", basic("fk-app-demo", "not-a-real-fk-secret"));
    assert_eq!(send(partner).await.json()["access_token"], first["access_token"]);

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
    let rto_where = |is: fn(&Value) -> bool| -> BTreeSet<&str> {
        rto.iter().filter(|row| is(row)).map(|row| row["orderItemId"].as_str().unwrap()).collect()
    };
    let turned = rto_where(|row| row["status"] != "cancelled" && row["status"] != "rejected");
    let rto = rto_where(|row| row["status"] == "completed" || row["shipmentStatus"] == "delivered");
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
                    let is_rto = word == "RETURN_REQUESTED" && turned.contains(id);
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
