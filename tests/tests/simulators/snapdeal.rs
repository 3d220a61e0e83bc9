//! Snapdeal's traps, and its truth.

use std::collections::BTreeSet;

use kit::simulators::snapdeal::Snapdeal;
use serde_json::{Value, json};

use crate::{Desk, Reply, send};

const MODES: &str = "fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP";

/// A reader with the three headers.
struct Sd(Desk);

impl Sd {
    async fn open(accepts_returns: bool, orders: u32) -> Sd {
        Sd(Desk::open(Snapdeal { accepts_returns }, 5, orders).await)
    }

    async fn get(&self, path: &str) -> Reply {
        let request = self
            .0
            .get(path)
            .header("clientId", "not-a-real-sd-client")
            .header("X-Auth-Token", "not-a-real-sd-partner-token")
            .header("X-Seller-AuthZ-Token", "not-a-real-sd-seller-token");
        send(request).await
    }

    /// The rows of a list, page by page.
    async fn list(&self, path: &str, member: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1.. {
            let reply = self.get(&format!("{path}&pageSize=20&pageNumber={page}")).await.json();
            let more = reply["payload"][member].as_array().unwrap_or_else(|| panic!("{reply}")).clone();
            let is_last = more.len() < 20;
            rows.extend(more);
            if is_last {
                break;
            }
        }
        rows
    }
}

fn suborders(rows: &[Value]) -> BTreeSet<String> {
    let items = rows.iter().flat_map(|row| row["items"].as_array().unwrap());
    items.map(|item| item["suborderCode"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn snapdeal_wants_three_headers_and_its_modes() {
    let sd = Sd::open(false, 5).await;
    assert_eq!(send(sd.0.get(&format!("/orders/new?{MODES}"))).await.status, 401);
    assert_eq!(sd.get(&format!("/orders/new?{MODES}")).await.status, 200);
    for path in ["/orders/new", "/orders/new?fModes=DRONE", "/suborders/cancelled/7?fModes="] {
        let reply = sd.get(path).await;
        assert_eq!(
            (reply.status, &reply.json()["metadata"]["message"]),
            (200, &json!("Invalid fulfilment mode")),
            "{path}"
        );
    }
    let centre = sd.get(&format!("/returns/pending/suborder/7?{MODES},FC_VOI&returnMode=BUYER")).await;
    assert_eq!(centre.json()["metadata"]["message"], "Invalid fulfilment mode");
    assert_eq!(sd.get(&format!("/returns/pending?{MODES}&returnMode=BUYER")).await.status, 404);
}

#[tokio::test]
async fn a_suborder_is_in_one_of_snapdeal_s_lists_or_in_none() {
    let sd = Sd::open(false, 120).await;
    let mut in_none = 0;
    for _ in 0..12 {
        sd.0.pass(4);
        let new = suborders(&sd.list(&format!("/orders/new?{MODES}"), "packages").await);
        let sent = suborders(&sd.list(&format!("/orders/completed?{MODES}"), "packages").await);
        let gone: BTreeSet<String> = sd
            .list(&format!("/suborders/cancelled?{MODES}"), "items")
            .await
            .iter()
            .map(|row| row["suborderCode"].as_str().unwrap().to_owned())
            .collect();
        assert!(new.is_disjoint(&sent) && new.is_disjoint(&gone) && sent.is_disjoint(&gone));
        let truth = sd.0.sim.truth(false);
        let items = truth.orders.iter().flat_map(|order| &order.items);
        for (item, units) in items {
            let state = *units.keys().next().unwrap();
            assert_eq!(units[state], 1, "a suborder is one unit");
            assert_eq!(gone.contains(item), state == "CANCELLED", "{item}");
            assert_eq!(
                sent.contains(item),
                matches!(state, "DISPATCHED" | "DELIVERED" | "RETURNED"),
                "{item}"
            );
            in_none += u32::from(!new.contains(item) && state == "OPEN");
        }
    }
    assert!(in_none > 0, "between printing and hand-over");
}

#[tokio::test]
async fn snapdeal_s_completed_packages_name_neither_order_nor_courier() {
    let sd = Sd::open(false, 60).await;
    sd.0.pass(60);
    let rows = sd.list(&format!("/orders/completed?{MODES}"), "packages").await;
    assert!(rows.len() > 10);
    for row in rows {
        assert!(row["courierName"].is_null() && row["items"][0]["orderCode"].is_null(), "{row}");
        let code = row["packageReferenceCode"].as_str().unwrap();
        let one = sd.get(&format!("/orders/completed/{code}?{MODES}")).await.json();
        assert_eq!(one["payload"]["packages"], json!([row]));
        let new = sd.get(&format!("/orders/new/{code}?{MODES}")).await;
        assert_eq!((new.status, &new.json()["payload"]), (200, &Value::Null), "a refusal with HTTP 200");
    }
}

#[tokio::test]
async fn snapdeal_s_returns_wait_until_they_are_accepted() {
    for accepts in [false, true] {
        let sd = Sd::open(accepts, 120).await;
        sd.0.pass(600);
        let range = format!("startDate=0&endDate={}", sd.0.now());
        let path = |kind: &str| format!("/returns/completed?{MODES}&returnMode={kind}&{range}");
        let mut accepted = Vec::new();
        for kind in ["COURIER", "BUYER"] {
            let rows = sd.list(&path(kind), "ReturnDataSROList").await;
            assert_eq!(rows.is_empty(), !accepts, "{kind}");
            accepted.extend(rows);
        }
        assert!(accepted.iter().all(|row| row["orderCode"].is_null()), "they name the suborder only");
        let back: Vec<String> =
            sd.0.sim
                .truth(false)
                .orders
                .iter()
                .flat_map(|order| order.items.clone())
                .filter(|(_, units)| units.contains_key("RETURNED"))
                .map(|(item, _)| item)
                .collect();
        assert!(!back.is_empty());
        for item in back {
            let mut rows = Vec::new();
            for kind in ["COURIER", "BUYER"] {
                let path = format!("/returns/pending/suborder/{item}?{MODES}&returnMode={kind}");
                let reply = sd.get(&path).await.json();
                rows.extend(reply["payload"]["ReturnDataSROList"].as_array().unwrap().clone());
            }
            assert_eq!(rows.len(), usize::from(!accepts), "{item}");
            assert!(accepts || rows[0]["returnDeliveredOn"].is_i64());
            assert_eq!(accepted.iter().any(|row| row["suborderCode"] == item.as_str()), accepts);
        }
        let large = sd.get(&format!("{}&pageSize=21", path("COURIER"))).await;
        assert_eq!(large.json()["metadata"]["message"], "Invalid page size");
    }
}
