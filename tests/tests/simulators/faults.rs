//! Faults strike as planned, and only then.

use std::collections::BTreeSet;

use kit::{
    faults::{Fault, Kind, UNHEARD_OF},
    simulators::amazon::Amazon,
};
use serde_json::{Value, json};

use crate::{
    amazon::{Az, az_login, since_start},
    flipkart::{Fk, ids},
    send,
};

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
