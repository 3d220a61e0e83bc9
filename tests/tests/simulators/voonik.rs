//! Voonik's traps, and its truth.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use kit::simulators::voonik::Voonik;
use serde_json::{Value, json};

use crate::{Desk, Reply, send, time};

/// A reader with its credentials.
struct Vk(Desk);

impl Vk {
    async fn open(seed: u64, orders: u32) -> Vk {
        Vk(Desk::open(Voonik, seed, orders).await)
    }

    async fn get(&self, path: &str) -> Reply {
        let basic = format!("Basic {}", STANDARD.encode("voonik-demo:not-a-real-voonik-key"));
        send(self.0.get(&format!("/oms{path}")).header("authorization", basic).header("x-vaccount-id", "1"))
            .await
    }

    /// All orders of a list, page by page.
    async fn list(&self, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1.. {
            let reply =
                self.get(&format!("/vendor_orders.json?page={page}&per_page=30&{query}")).await.json();
            let page = reply["vendor_orders"].as_array().unwrap().clone();
            let is_last = page.len() < 30;
            rows.extend(page);
            if is_last {
                break;
            }
        }
        rows
    }
}

fn numbers(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["voonik_order_number"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn voonik_refuses_what_is_not_signed_and_fails_inside_a_success_without_the_account() {
    let vk = Vk::open(1, 5).await;
    assert_eq!(send(vk.0.get("/oms/vendor_orders.json")).await.status, 401);
    let basic = format!("Basic {}", STANDARD.encode("voonik-demo:not-a-real-voonik-key"));
    let no_account = send(vk.0.get("/oms/vendor_orders.json").header("authorization", basic)).await;
    assert_eq!((no_account.status, &no_account.json()["output"]["status"]), (200, &json!("error")));
    let unknown = vk.get("/vendor_orders/vendor_order.json?id=R1-1").await;
    assert_eq!((unknown.status, unknown.json()), (404, json!({"error": "Not found"})));
    let wrong = vk.get("/vendor_orders.json?updated_after=yesterday").await;
    assert_eq!((wrong.status, wrong.json()), (422, json!({"errors": {"updated_after": ["is invalid"]}})));
    assert_eq!(vk.get("/vendor_orders.json?page=0").await.status, 422);
}

#[tokio::test]
async fn voonik_lists_what_changed_in_a_window_page_by_page_and_each_order_once() {
    let vk = Vk::open(2, 100).await;
    let all = vk.list("seller_id=42").await;
    let seen: BTreeSet<String> = numbers(&all).into_iter().collect();
    let orders: BTreeSet<String> =
        vk.0.sim.truth(false).orders.into_iter().map(|order| order.order).collect();
    assert_eq!((all.len(), seen), (100, orders));
    assert!(vk.list("seller_id=7").await.is_empty(), "another seller's");

    let before = vk.0.now();
    vk.0.pass(10);
    let window = format!("updated_after={}&updated_before={}", time(before + 1), time(vk.0.now()));
    let changed = vk.list(&window).await;
    assert!(!changed.is_empty() && changed.len() < 100, "{}", changed.len());
    for row in changed.iter().take(5) {
        let number = row["voonik_order_number"].as_str().unwrap();
        let one = vk.get(&format!("/vendor_orders/vendor_order.json?id={number}")).await.json();
        assert_eq!(one["vendor_order"], *row);
    }
}

#[tokio::test]
async fn voonik_s_packages_agree_with_the_truth_and_always_plan_a_delivery() {
    let vk = Vk::open(3, 200).await;
    vk.0.pass(24 * 30);
    let rows = vk.list("seller_id=42").await;
    let mut checked = BTreeMap::new();
    for truth in vk.0.sim.truth(false).orders {
        let row = rows.iter().find(|row| row["voonik_order_number"] == truth.order.as_str()).unwrap();
        let mut units: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
        for package in row["vendor_packages"].as_array().unwrap() {
            assert_eq!(
                package["vendor_package_tracking_details"][0]["state"], 400,
                "planned, whatever happened"
            );
            let state = match package["state"].as_u64().unwrap() {
                100 | 135 | 200 => "OPEN",
                155 => "CANCELLED",
                300 | 500 => "DISPATCHED",
                400 | 600 => "DELIVERED",
                510 | 610 => "RETURNED",
                other => panic!("state {other}"),
            };
            assert!(state != "OPEN" || package["shipment_provider_id"].is_null() || package["state"] == 200);
            *checked.entry(state).or_insert(0) += 1;
            for line in package["vendor_order_line_items"].as_array().unwrap() {
                let of_line = units.entry(line["id"].to_string()).or_default();
                *of_line.entry(state).or_default() += line["quantity"].as_u64().unwrap();
            }
        }
        let expected: BTreeMap<String, BTreeMap<&str, u64>> = truth
            .items
            .into_iter()
            .map(|(id, states)| (id, states.into_iter().map(|(state, n)| (state, u64::from(n))).collect()))
            .collect();
        assert_eq!(units, expected, "{}", truth.order);
    }
    assert!(
        ["OPEN", "CANCELLED", "DELIVERED", "RETURNED"].iter().all(|state| checked.contains_key(state)),
        "{checked:?}"
    );
}
