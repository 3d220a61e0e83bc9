//! The simulated marketplaces, driven by plain HTTP: the traps of the real ones, the same world from the same seed, a
//! truth that agrees with what the API says, and faults that strike as planned.

mod amazon;
mod faults;
mod flipkart;
mod paytm;
mod shopclues;
mod snapdeal;
mod snapshots;
mod tata_cliq;
mod voonik;
mod wooplr;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;
use kit::simulators::{Config, Marketplace, Rates, Simulator, amazon::Amazon, flipkart::Flipkart};
use reqwest::{Client, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

use crate::{
    amazon::{Az, since_start},
    flipkart::Fk,
};

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
        // An error only says that another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
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
    assert_eq!(
        names,
        [
            ("flipkart", "FK1"),
            ("amazon", "AZ1"),
            ("tata-cliq", "TC1"),
            ("voonik", "VO1"),
            ("paytm", "PT1"),
            ("shopclues", "SC1"),
            ("snapdeal", "SD1"),
            ("wooplr", "WP1"),
        ]
    );
    for row in rows {
        assert!(row["base_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
        let (set, base_url) = (row["settings"]["base_url"].as_str(), row["base_url"].as_str());
        assert!(set.unwrap().starts_with(base_url.unwrap()), "{row}");
        let mut secrets = row["secrets"].as_object().unwrap().values();
        assert!(secrets.any(|secret| secret.as_str().unwrap().starts_with("not-a-real-")), "{row}");
    }
    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
}
