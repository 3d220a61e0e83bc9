//! ShopClues' traps, and its truth.

use std::collections::{BTreeMap, BTreeSet};

use kit::simulators::shopclues::ShopClues;
use serde_json::{Value, json};

use crate::{Desk, HOUR_MS, Reply, START, send};

/// MD5 of the demo's password.
const MD5: &str = "fa3ad57581b776b216495521e4942c7f";

async fn login(desk: &Desk, password: &str) -> Value {
    let body = json!({"username": "sc-demo@example.invalid", "password": password, "client_id": "sc-app-demo",
        "client_secret": "not-a-real-sc-secret", "grant_type": "password"});
    send(desk.post("/loginToken.php", &body)).await.json()
}

/// A reader with a token.
struct Sc {
    desk: Desk,
    token: String,
}

impl Sc {
    /// One whose token outlives the world.
    async fn open(seed: u64, orders: u32) -> Sc {
        let desk = Desk::with(ShopClues, seed, orders, |config| {
            config.token_secs = Some(i64::from(u32::MAX));
        });
        Sc::at(desk.await).await
    }

    async fn at(desk: Desk) -> Sc {
        let token = login(&desk, MD5).await["access_token"].as_str().unwrap().to_owned();
        Sc { desk, token }
    }

    async fn get(&self, path: &str) -> Reply {
        send(
            self.desk
                .get(&format!("/api/v1{path}"))
                .header("authorization", format!("Bearer {}", self.token)),
        )
        .await
    }

    /// All orders of the day before the start, page by page; and how many pages there were.
    async fn list(&self) -> (Vec<Value>, usize) {
        let (from, to) = ((START - 24 * HOUR_MS) / 1000, START / 1000);
        let mut path = format!("/order?time_from={from}&time_to={to}");
        let (mut rows, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.get(&path).await.json();
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            pages += 1;
            let next = page["extra"]["next"].as_str().unwrap();
            if next.is_empty() {
                return (rows, pages);
            }
            let base = format!("{}/api/v1", self.desk.sim.base_url());
            next.strip_prefix(&base).expect("a link to the same host").clone_into(&mut path);
        }
    }
}

#[tokio::test]
async fn shopclues_wants_the_password_as_md5() {
    let desk = Desk::open(ShopClues, 1, 5).await;
    for wrong in ["not-a-real-sc-password", "", &MD5.to_uppercase()] {
        assert_eq!(login(&desk, wrong).await.get("access_token"), None, "{wrong}");
    }
    assert_eq!(login(&desk, MD5).await["expires_in"], 86_400);
}

#[tokio::test]
async fn shopclues_tells_a_token_that_ran_out_inside_the_body() {
    let sc = Sc::at(Desk::open(ShopClues, 2, 5).await).await;
    sc.desk.tick(25 * HOUR_MS);
    let reply = sc.get("/order?time_from=0&time_to=1").await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("403")));
}

#[tokio::test]
async fn shopclues_pages_by_links_that_end_in_nothing() {
    let sc = Sc::open(3, 120).await;
    let (rows, pages) = sc.list().await;
    assert_eq!((rows.len(), pages), (120, 5));
    let ids: BTreeSet<_> = rows.iter().map(|row| row["order_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 120);
    assert_eq!(sc.get("/order?time_from=5").await.status, 400);
    assert_eq!(sc.get("/order?time_from=5&time_to=4").await.status, 400);
}

#[tokio::test]
async fn shopclues_writes_numbers_as_text_lines_in_two_forms_and_nobody() {
    let sc = Sc::open(4, 60).await;
    sc.desk.pass(60);
    let mut places = BTreeSet::new();
    for row in sc.list().await.0 {
        assert!(row["timestamp"].is_string() && row["items_list"].is_array() && row["firstname"] == "x");
        let detail = sc.get(&format!("/order/{}", row["order_id"].as_str().unwrap())).await.json();
        let detail = &detail["data"];
        assert_eq!(detail["status"], row["status"]);
        assert!(detail["items"].is_object() && detail["s_phone"] == "x");
        places.insert((detail["shipments"].is_array(), detail["awbno"].is_string()));
    }
    assert_eq!(places.len(), 3, "in either place, or none yet: {places:?}");
    assert_eq!(sc.get("/order/80").await.status, 404);
}

#[tokio::test]
async fn the_truth_of_shopclues_is_what_its_api_tells() {
    let sc = Sc::open(8, 300).await;
    let mut codes = BTreeSet::new();
    for _ in 0..20 {
        sc.desk.pass(20);
        let truth = sc.desk.sim.truth(false);
        let told: BTreeMap<String, String> = sc
            .list()
            .await
            .0
            .iter()
            .map(|row| {
                (row["order_id"].as_str().unwrap().to_owned(), row["status"].as_str().unwrap().to_owned())
            })
            .collect();
        for order in truth.orders {
            let code = &told[&order.order];
            codes.insert(code.clone());
            let state = match code.as_str() {
                "O" | "P" | "Q" | "E" | "28" => "OPEN",
                // A request to cancel says nothing of the goods, and L may follow G.
                "41" | "L" => continue,
                "G" | "A" | "J" | "78" | "9" => "DISPATCHED",
                "H" | "C" | "S" | "64" | "65" if order.shipping == "SELLER" => "DISPATCHED",
                "H" | "C" | "S" | "64" | "65" => "DELIVERED",
                "79" | "80" => "RETURNED",
                "12" | "Y" | "24" | "I" | "56" => "CANCELLED",
                other => panic!("{other} is not to be expected here"),
            };
            for (item, units) in &order.items {
                assert_eq!(
                    units.keys().collect::<Vec<_>>(),
                    [&state],
                    "{item} of {} at {}",
                    order.order,
                    truth.hour
                );
            }
        }
    }
    assert_eq!(sc.desk.sim.steps_left(), 0);
    for code in
        ["P", "Q", "E", "L", "G", "A", "H", "C", "12", "I", "56", "J", "9", "78", "79", "65", "80", "41"]
    {
        assert!(codes.contains(code), "{code} was never shown: {codes:?}");
    }
}
