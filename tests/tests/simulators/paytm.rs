//! Paytm's traps, and its truth.

use std::collections::{BTreeMap, BTreeSet};

use kit::simulators::paytm::Paytm;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{Desk, HOUR_MS, Reply, START, send};

const ORDERS: &str = "/v1/merchant/111111/orders.json";
const FULFILMENTS: &str = "/v1/merchant/111111/fulfillments.json";

fn form(request: RequestBuilder, fields: &str) -> RequestBuilder {
    request.header("content-type", "application/x-www-form-urlencoded").body(fields.to_owned())
}

async fn authorize(desk: &Desk, password: &str, extra: &str) -> Reply {
    let post = desk.client.post(format!("{}/oauth2/authorize", desk.sim.base_url()));
    let fields =
        format!("username=pt-panel-demo&password={password}&client_id=pt-app-demo&response_type=code{extra}");
    send(form(post, &fields)).await
}

async fn token(desk: &Desk, code: &str) -> Reply {
    let post = desk.client.post(format!("{}/oauth2/token", desk.sim.base_url()));
    let fields = format!(
        "grant_type=authorization_code&code={code}&client_id=pt-app-demo&client_secret=not-a-real-pt-secret&state=s"
    );
    send(form(post, &fields)).await
}

/// A reader with a token.
struct Pt {
    desk: Desk,
    token: String,
}

impl Pt {
    /// One whose token outlives the world.
    async fn open(seed: u64, orders: u32) -> Pt {
        let desk = Desk::with(Paytm::default(), seed, orders, |config| {
            config.token_secs = Some(i64::from(u32::MAX));
        });
        Pt::at(desk.await).await
    }

    async fn at(desk: Desk) -> Pt {
        let code = authorize(&desk, "not-a-real-pt-password", "&notredirect=true&state=s").await.json();
        let token = token(&desk, code["code"].as_str().unwrap()).await.json();
        Pt { desk, token: token["access_token"].as_str().unwrap().to_owned() }
    }

    async fn get(&self, path: &str, query: &str) -> Reply {
        send(self.desk.get(&format!("{path}?authtoken={}&{query}", self.token))).await
    }

    async fn rows(&self, query: &str) -> Vec<Value> {
        self.get(ORDERS, query).await.json().as_array().expect("a bare list").clone()
    }

    /// Every order, by id.
    async fn all(&self) -> Vec<Value> {
        let ids: Vec<String> =
            self.desk.sim.truth(false).orders.into_iter().map(|order| order.order).collect();
        let mut rows = Vec::new();
        for ids in ids.chunks(50) {
            rows.extend(self.rows(&format!("order_ids={}", ids.join(","))).await);
        }
        rows
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[tokio::test]
async fn paytm_signs_in_in_three_steps_and_a_code_is_good_once() {
    let desk = Desk::open(Paytm::default(), 1, 5).await;
    let wrong = authorize(&desk, "wrong", "&notredirect=true").await;
    assert_eq!((wrong.status, wrong.json()["error"].is_string()), (200, true), "a failure with HTTP 200");
    let code = authorize(&desk, "not-a-real-pt-password", "&notredirect=true&state=x").await.json();
    assert_eq!(code["state"], "x");
    let code = code["code"].as_str().unwrap().to_owned();
    let first = token(&desk, &code).await.json();
    assert!(first["token_expiry_time"].as_str().unwrap().parse::<i64>().unwrap() > START);
    assert_eq!(token(&desk, &code).await.status, 400, "used up");
    let session =
        send(desk.get(&format!("/authorize?authtoken={}", first["access_token"].as_str().unwrap()))).await;
    assert!(session.headers["set-cookie"].to_str().unwrap().starts_with("connect.sid="));
    assert!(send(desk.get("/authorize?authtoken=x")).await.json()["error"].is_string());
}

#[tokio::test]
async fn paytm_tells_a_token_that_ran_out_with_http_200() {
    let pt = Pt::at(Desk::open(Paytm::default(), 2, 20).await).await;
    pt.desk.tick(13 * HOUR_MS);
    let reply = pt.get(ORDERS, "order_ids=1").await;
    assert_eq!(reply.status, 200);
    assert!(reply.json()["error"].as_str().unwrap().contains("authtoken"));
    assert_eq!(
        pt.get("/v1/merchant/222222/orders.json", "order_ids=1").await.status,
        200,
        "the token goes first"
    );
}

#[tokio::test]
async fn paytm_lists_by_placement_alone_and_up_to_the_limit() {
    let pt = Pt::open(3, 80).await;
    let day = format!("placed_after={}&placed_before={START}", START - 24 * HOUR_MS);
    let all = pt.rows(&day).await;
    assert_eq!(all.len(), 80);
    let half = pt.rows(&format!("placed_after={}&placed_before={START}", START - 12 * HOUR_MS)).await;
    assert!(!half.is_empty() && half.len() < 80);
    pt.desk.pass(100);
    assert_eq!(
        pt.rows(&format!("placed_after={}&placed_before={}", START + 1, pt.desk.now())).await,
        [] as [Value; 0]
    );
    assert_eq!(pt.rows(&day).await.len(), 80, "what changed since is still listed by its placement");
    assert_eq!(pt.rows(&format!("{day}&limit=7")).await.len(), 7);
    assert_eq!(pt.get(ORDERS, "").await.status, 400);
    assert_eq!(pt.get(ORDERS, "placed_after=0").await.status, 400);
}

#[tokio::test]
async fn paytm_filters_by_the_code_of_an_item() {
    let pt = Pt::open(4, 300).await;
    pt.desk.pass(400);
    let day = format!("placed_after={}&placed_before={START}", START - 24 * HOUR_MS);
    let back = pt.rows(&format!("{day}&status=18")).await;
    assert!(!back.is_empty());
    for order in &back {
        assert!(
            order["items"].as_array().unwrap().iter().any(|item| text(&item["status"]) == "18"),
            "{order}"
        );
    }
}

#[tokio::test]
async fn paytm_shows_nobody_and_writes_ids_and_codes_both_ways() {
    let pt = Pt::open(5, 120).await;
    pt.desk.pass(60);
    let all = pt.all().await;
    assert!(
        all.iter().any(|order| order["id"].is_string()) && all.iter().any(|order| order["id"].is_number())
    );
    assert!(all.iter().any(|order| order.get("status").is_none()), "an order's own status is often missing");
    for order in &all {
        assert_eq!(
            (&order["customer_firstname"], &order["address"][0]["address"]),
            (&json!("x"), &json!("x"))
        );
        let has_left = |item: &Value| ["15", "7", "17", "18"].contains(&text(&item["status"]).as_str());
        for item in order["items"].as_array().unwrap() {
            assert_eq!(item["order_id"], order["id"]);
            assert!(!has_left(item) || !item["fulfillment_id"].is_null(), "{item}");
        }
    }
}

#[tokio::test]
async fn paytm_fulfilments_hide_their_id_and_their_courier() {
    let pt = Pt::open(6, 150).await;
    pt.desk.pass(60);
    let mut forms = BTreeSet::new();
    for order in pt.all().await {
        let id = text(&order["id"]);
        let rows = pt.get(FULFILMENTS, &format!("order_id={id}")).await.json();
        for row in rows.as_array().unwrap() {
            assert_eq!(text(&row["order_id"]), id);
            assert!(row["tracking_url"].as_str().unwrap().contains("#AWBID#"));
            forms.insert((row["id"].is_null(), row["shipping_description"].is_null()));
        }
    }
    assert_eq!(forms.len(), 4, "each with and without: {forms:?}");
    assert_eq!(pt.get(FULFILMENTS, "").await.status, 400);
}

#[tokio::test]
async fn the_truth_of_paytm_is_what_its_api_tells() {
    let pt = Pt::open(8, 150).await;
    let mut codes = BTreeSet::new();
    // Packing takes hours, everything else days.
    for step in 0..40 {
        pt.desk.pass(if step < 20 { 2 } else { 20 });
        let truth = pt.desk.sim.truth(false);
        let by_seller: BTreeSet<String> = truth
            .orders
            .iter()
            .filter(|order| order.shipping == "SELLER")
            .map(|order| order.order.clone())
            .collect();
        let mut told = BTreeMap::new();
        for order in pt.all().await {
            for item in order["items"].as_array().unwrap() {
                let code = text(&item["status"]);
                let state = match code.as_str() {
                    "1" | "2" | "5" | "13" | "23" | "25" => "OPEN",
                    "15" => "DISPATCHED",
                    // What a seller ships is the seller's to know.
                    "7" | "17" if by_seller.contains(&text(&order["id"])) => "DISPATCHED",
                    "7" | "17" => "DELIVERED",
                    "18" => "RETURNED",
                    "6" | "8" => "CANCELLED",
                    "12" if item["fulfillment_id"].is_null() => "CANCELLED",
                    other => panic!("{other} is not to be expected here"),
                };
                told.insert(text(&item["id"]), BTreeMap::from([(state, 1)]));
                codes.insert(code);
            }
        }
        let is: BTreeMap<_, _> = truth.orders.into_iter().flat_map(|order| order.items).collect();
        assert_eq!(told, is, "at hour {}", truth.hour);
    }
    assert_eq!(pt.desk.sim.steps_left(), 0);
    for code in ["2", "5", "23", "13", "25", "15", "7", "8", "6", "12", "17", "18"] {
        assert!(codes.contains(code), "{code} was never shown: {codes:?}");
    }
}
