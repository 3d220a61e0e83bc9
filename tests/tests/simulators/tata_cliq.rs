//! Tata CLiQ's traps, and its truth.

use std::collections::{BTreeMap, BTreeSet};

use kit::simulators::tata_cliq::TataCliq;
use serde_json::{Value, json};

use crate::{Desk, Reply, send};

const ORDERS: &str = "/PartnerConnect/PC_100001/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/";

/// A reader with a token.
struct Cliq {
    desk: Desk,
    token: String,
}

async fn login(desk: &Desk, password: &str) -> Reply {
    let form = format!("username=cliq-user-demo&password={password}");
    let request = desk.client.post(format!("{}/oauth/token", desk.sim.base_url())).body(form);
    send(request.header("content-type", "application/x-www-form-urlencoded")).await
}

impl Cliq {
    async fn open(seed: u64, orders: u32) -> Cliq {
        Cliq::at(Desk::open(TataCliq::default(), seed, orders).await).await
    }

    async fn at(desk: Desk) -> Cliq {
        let reply = login(&desk, "not-a-real-cliq-password").await.json();
        let token = format!("Bearer {}", reply["access_token"].as_str().unwrap());
        Cliq { desk, token }
    }

    /// Lets hours pass, and logs in anew: a token lives for a day.
    async fn pass(self, hours: u32) -> Cliq {
        self.desk.pass(hours);
        Cliq::at(self.desk).await
    }

    async fn get(&self, path: &str, form: &str) -> Reply {
        let request = self.desk.get(&format!("{ORDERS}{path}")).header("authorization", &self.token);
        send(request.header("accept", form)).await
    }

    async fn order(&self, number: &str) -> Value {
        self.get(&format!("OG_1/ORDID_{number}/"), "application/json").await.json()["order"][0].clone()
    }
}

fn lines(orders: &Value) -> Vec<Value> {
    let orders = orders["order"].as_array().unwrap().iter();
    orders.flat_map(|order| order["orderLine"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn tata_cliq_gives_a_token_for_a_day_and_refuses_without() {
    let desk = Desk::with(TataCliq::default(), 1, 5, |config| config.token_secs = Some(100)).await;
    assert_eq!(login(&desk, "guess").await.status, 401);
    let cliq = Cliq::at(desk).await;
    assert_eq!(cliq.get("", "application/json").await.status, 200);
    assert_eq!(cliq.get("OG_1/ORDID_1-2-3/", "application/json").await.status, 404);
    cliq.desk.tick(100_000);
    let late = cliq.get("", "application/json").await;
    assert_eq!((late.status, &late.json()["error"]), (401, &json!("invalid_token")));
}

#[tokio::test]
async fn tata_cliq_lists_only_what_is_under_way_and_shows_the_rest_by_number() {
    let mut cliq = Cliq::open(2, 120).await;
    let all = lines(&cliq.get("", "application/json").await.json()).len();
    cliq = cliq.pass(200).await;
    let active = lines(&cliq.get("", "application/json").await.json());
    assert!(!active.is_empty() && active.len() < all, "{} of {all}", active.len());
    let mut by_id = BTreeMap::new();
    for truth in cliq.desk.sim.truth(false).orders {
        for line in cliq.order(&truth.order).await["orderLine"].as_array().unwrap() {
            let id = line["transactionId"].as_str().unwrap().to_owned();
            let [(state, units)] = truth.items[&id].iter().collect::<Vec<_>>()[..] else {
                panic!("{truth:?}")
            };
            assert_eq!(*units, 1, "a line is a unit");
            by_id.insert(id, *state);
        }
    }
    assert_eq!(by_id.len(), all, "every line is shown by number");
    for line in &active {
        let state = by_id[line["transactionId"].as_str().unwrap()];
        assert!(matches!(state, "OPEN" | "DISPATCHED"), "{state}: {line}");
    }
    let ended: BTreeSet<_> = by_id.values().copied().collect();
    assert!(
        ended.contains("CANCELLED") && ended.contains("DELIVERED") && ended.contains("RETURNED"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn tata_cliq_writes_codes_in_all_their_forms() {
    let cliq = Cliq::open(3, 300).await.pass(30).await;
    let lines = lines(&cliq.get("", "application/json").await.json());
    let codes: Vec<&Value> = lines.iter().map(|line| &line["omsStatusCode"]).collect();
    let any = |form: fn(&str) -> bool| codes.iter().any(|code| code.as_str().is_some_and(form));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    assert!(any(|code| code.len() == 3 && code.starts_with('0')), "padded");
    assert!(any(|code| code.len() < 3), "without its zeros");
    assert!(codes.iter().any(|code| code.is_u64()), "as a number");
    assert!(codes.iter().any(|code| code.as_str().is_some_and(|code| !is_number(code))), "a mnemonic");
    let nothing: BTreeSet<&str> =
        lines.iter().map(|line| line["returnLogisticsID"].as_str().unwrap()).collect();
    assert_eq!(nothing, ["", "NA", "null"].into());
}

#[tokio::test]
async fn tata_cliq_says_the_same_in_xml() {
    let cliq = Cliq::open(4, 40).await.pass(30).await;
    let ids = lines(&cliq.get("", "application/json").await.json());
    let xml = cliq.get("", "application/xml").await;
    assert_eq!(xml.headers["content-type"], "application/xml");
    assert_eq!(xml.text.matches("<orderLine>").count(), ids.len());
    for line in ids {
        let id = line["transactionId"].as_str().unwrap();
        assert!(xml.text.contains(&format!("<transactionId>{id}</transactionId>")), "{id}");
    }
}
