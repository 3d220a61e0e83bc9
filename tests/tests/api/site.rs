//! The API of one host, asked in this process: tenants `acme` and `other`, on a store of their own.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use kit::simulators::{Config, Simulator, flipkart::Flipkart};
use serde_json::{Value, json};
use statusync::{
    access::{Scope, Scopes, mint},
    clock::{Clock as _, SystemClock},
    domain::snapshot::Snapshot,
    fetch::{Egress, Fetcher, NoBreakerLog, NoPacing, Outgoing, Retrying, Setup as FetchSetup},
    http::{Api, api_routes},
    live::Live,
    plugins::{Registry, file_name},
    secrets::{Key, Secret},
    storage::{ApiKey, NewTask, Sqlite, Store},
    sync::{Engine, LeaseTimes, Pool, Served, Setup, Stop},
    webhooks::{Sender, Way},
};
use tokio::sync::watch;
use tower::ServiceExt as _;

pub(crate) struct Site {
    routes: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) live: Arc<Live>,
    pub(crate) sender: Arc<Sender>,
    pub(crate) closing: watch::Sender<bool>,
    /// A key that may do everything everywhere.
    pub(crate) root: String,
    pub(crate) simulator: Option<Simulator>,
    _served: watch::Sender<Served>,
    _data: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The code of a problem, which must be one in every respect.
    #[track_caller]
    pub(crate) fn problem(&self) -> &str {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], self.status.as_u16(), "{self:?}");
        for member in ["type", "title", "detail", "remedy"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self:?}");
        }
        assert!(self.headers.contains_key("x-request-id"), "{self:?}");
        self.body["code"].as_str().unwrap()
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.body
    }
}

/// An order `O<n>` of channel FK1, id `OD<n>`, with one open unit.
pub(crate) fn order(n: usize) -> Value {
    json!({"code": format!("O{n}"), "channel": "FK1", "channel_order_id": format!("OD{n}"), "status": "PROCESSING",
        "items": [{"code": format!("O{n}-1"), "channel_item_id": format!("{n}11"), "sku": "A", "facility": "DEL1",
            "status": "FULFILLABLE"}]})
}

/// The tenant `acme` with so many orders, a conflict and a putaway.
pub(crate) fn acme(orders: usize) -> Value {
    let listed: Vec<Value> = (1..=orders).map(order).collect();
    let mut tenant = json!({"tenant": "acme", "live": true,
        "facilities": [{"code": "DEL1"}],
        "sequences": [
            {"owner": "DEL1", "kind": "SHIPPING_PACKAGE", "prefix": "SP", "next": 1},
            {"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "next": 1}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5000, "blocked": orders}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}],
        "orders": listed});
    if orders > 1 {
        tenant["orders"][0]["status"] = json!("CANCELLED");
        tenant["orders"][0]["items"][0]["status"] = json!("CANCELLED");
        tenant["putaways"] =
            json!([{"code": "PA1", "type": "PUTAWAY_CANCELLED_ITEM", "item": "O1-1", "status": "DUE"}]);
        tenant["conflicts"] = json!([{"code": "CF1", "cause": "CANCEL_AFTER_DELIVERY", "order": "O2", "items": ["O2-1"],
            "message": "m", "open": true}]);
        tenant["parked"] = json!([{"cause": "UNKNOWN_ORDER", "channel": "FK1", "order": "OD999999",
            "observation": {"order": "OD999999", "status": "DISPATCHED"}}]);
    }
    tenant
}

impl Site {
    /// With `acme` of so many orders; no connector is loaded.
    pub(crate) async fn new(orders: usize) -> Site {
        let site = Site::bare(None).await;
        site.import(acme(orders)).await;
        site
    }

    /// With `acme` on a simulated Flipkart, its connector loaded and its secrets stored.
    pub(crate) async fn with_market(orders: u32) -> Site {
        let now = || SystemClock.now_ms();
        let config = Config { backdate_ms: 180_000, ..Config::new(7, orders, now) };
        let simulator = Simulator::start(Flipkart, config).await.unwrap();
        let mut document = simulator.snapshot("acme");
        document["channels"][0]["settings"] = simulator.settings();
        document["live"] = Value::Bool(true);
        let secrets = simulator.secrets().as_object().unwrap().clone();
        let site = Site::bare(Some(simulator)).await;
        site.import(document).await;
        let secrets: BTreeMap<String, Secret> = secrets
            .iter()
            .map(|(name, value)| (name.clone(), Secret::new(value.as_str().unwrap())))
            .collect();
        let (tenant, channel) = ("acme".into(), "FK1".into());
        site.store.put_secrets(&tenant, &channel, &secrets).await.unwrap();
        let rows: Vec<NewTask> = plugin_api::Task::ALL.iter().map(|&task| NewTask::usual(task, 0)).collect();
        site.store.ensure_tasks(&tenant, &channel, &rows).await.unwrap();
        site
    }

    async fn bare(simulator: Option<Simulator>) -> Site {
        let data = tempfile::tempdir().unwrap();
        let key = Key::create(&data.path().join("key")).unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&data.path().join("s.db"), key).unwrap());
        let registry = Arc::new(Registry::new(data.path().join("plugin-store")));
        if let Some(simulator) = &simulator {
            let file = kit::built_programs::folder().unwrap().join(file_name(simulator.connector()));
            registry.add_file(&file).unwrap();
        }
        let fetcher = Fetcher::new(FetchSetup {
            egress: Egress { allow_loopback: true },
            retrying: Retrying {
                max_attempts: 3,
                max_wait: Duration::from_millis(50),
                base: Duration::from_millis(1),
            },
            pacing: Arc::new(NoPacing),
            clock: Arc::new(SystemClock),
            random: Box::new(|| 0.5),
            breaker_log: Arc::new(NoBreakerLog),
        })
        .unwrap();
        let engine = Arc::new(Engine::new(Setup {
            store: Arc::clone(&store),
            registry,
            fetcher: Arc::new(fetcher),
            clock: Arc::new(SystemClock),
            lease: LeaseTimes::default(),
            host: "test".to_owned(),
            run_limit_ms: 60_000,
            stop: Stop::default(),
        }));
        let pool = Pool { runs: 8, runs_per_tenant: 8, runs_per_connector: 8 };
        let (served_by, served) = watch::channel(Served { engine, pool });
        let (closing, closed) = watch::channel(false);
        let per_minute = NonZeroU32::new(1_000_000).unwrap();
        let outgoing = Outgoing::new(Egress { allow_loopback: true }).unwrap();
        let sender = Arc::new(Sender::new(
            Arc::clone(&store),
            Arc::new(SystemClock),
            Box::new(|| 0.5),
            "test".to_owned(),
            Way { outgoing, keep_ms: 7 * 86_400_000 },
        ));
        let live = Arc::new(Live::default());
        let clock = Arc::new(SystemClock);
        let of = (Arc::clone(&live), Arc::clone(&sender));
        let api = Arc::new(Api::new(Arc::clone(&store), clock, served, of, per_minute, closed));
        let other = json!({"tenant": "other", "channels": [{"code": "FK1", "connector": "flipkart"}]});
        let mut site = Site {
            routes: api_routes(Arc::clone(&api)),
            store,
            live,
            sender,
            closing,
            root: String::new(),
            simulator,
            _served: served_by,
            _data: data,
        };
        site.import(other).await;
        site.root = site.key(None, &[Scope::Admin]).await;
        site
    }

    pub(crate) async fn import(&self, document: Value) {
        let snapshot: Snapshot = serde_json::from_value(document).unwrap();
        self.store.import(snapshot, BTreeMap::new()).await.unwrap();
    }

    /// Makes a key and answers its text.
    pub(crate) async fn key(&self, tenant: Option<&str>, scopes: &[Scope]) -> String {
        self.key_that_ends(tenant, scopes, None).await
    }

    pub(crate) async fn key_that_ends(
        &self,
        tenant: Option<&str>,
        scopes: &[Scope],
        end: Option<i64>,
    ) -> String {
        let minted = mint().unwrap();
        let key = ApiKey {
            id: minted.id,
            tenant: tenant.map(Into::into),
            label: String::new(),
            scopes: scopes.iter().copied().collect::<Scopes>(),
            created_at: 0,
            expires_at: end,
            revoked_at: None,
            last_used_at: None,
        };
        self.store.add_api_key(&key, &minted.hash).await.unwrap();
        minted.text.reveal().to_owned()
    }

    /// Asks as root.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &self.root, None).await
    }

    /// Asks as root, with a body.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        self.ask(method, path, &self.root, Some(body)).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, key: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).unwrap()).await
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 64 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A request as root that is still to be sent.
    pub(crate) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.root))
    }
}
