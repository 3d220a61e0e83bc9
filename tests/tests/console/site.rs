//! The console of one host, asked in this process: tenants `acme` and `other`, and people with a role each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, request::Builder},
};
use serde_json::{Value, json};
use statusync::{
    access::{Password, Role, Token, TokenKind},
    clock::{Clock, SettableClock},
    console::{Console, Reached, routes},
    domain::{snapshot::Snapshot, time},
    fetch::{Egress, Fetcher, NoBreakerLog, NoPacing, Outgoing, Retrying, Setup as FetchSetup},
    live::Live,
    plugins::{Registry, file_name},
    secrets::Key,
    storage::{Person, Session, Sqlite, Store, User},
    sync::{Engine, LeaseTimes, Pool, Served, Setup, Stop},
    webhooks::{Sender, Way},
};
use tokio::sync::watch;
use tower::ServiceExt as _;

/// What everybody here signs in with.
pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Site {
    routes: Router,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<SettableClock>,
    registry: Arc<Registry>,
    pub(crate) live: Arc<Live>,
    pub(crate) closing: watch::Sender<bool>,
    _served: watch::Sender<Served>,
    data: tempfile::TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Where it leads to.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{self:?}");
        self.headers["location"].to_str().unwrap()
    }

    /// The cookie that it sets, as a browser sends it back.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers["set-cookie"].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }

    /// That it is a page with these words.
    #[track_caller]
    pub(crate) fn shows(&self, status: u16, words: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "text/html; charset=utf-8", "{self:?}");
        for word in words {
            assert!(self.text.contains(word), "{word} is missing: {self:?}");
        }
    }
}

impl Site {
    pub(crate) async fn new() -> Site {
        Site::reached(Reached::Here).await
    }

    pub(crate) async fn reached(reached: Reached) -> Site {
        let data = tempfile::tempdir().unwrap();
        let key = Key::create(&data.path().join("key")).unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&data.path().join("s.db"), key).unwrap());
        let clock = Arc::new(SettableClock::at(time::parse("2026-01-15T09:30:00Z").unwrap()));
        let fetcher = Fetcher::new(FetchSetup {
            egress: Egress { allow_loopback: true },
            retrying: Retrying {
                max_attempts: 3,
                max_wait: Duration::from_millis(50),
                base: Duration::from_millis(1),
            },
            pacing: Arc::new(NoPacing),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Box::new(|| 0.5),
            breaker_log: Arc::new(NoBreakerLog),
        })
        .unwrap();
        let registry = Arc::new(Registry::new(data.path().join("plugin-store")));
        let engine = Arc::new(Engine::new(Setup {
            store: Arc::clone(&store),
            registry: Arc::clone(&registry),
            fetcher: Arc::new(fetcher),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            lease: LeaseTimes::default(),
            host: "test".to_owned(),
            run_limit_ms: 60_000,
            stop: Stop::default(),
        }));
        let pool = Pool { runs: 8, runs_per_tenant: 8, runs_per_connector: 8 };
        let (served_by, served) = watch::channel(Served { engine, pool });
        let (closing, closed) = watch::channel(false);
        let live = Arc::new(Live::default());
        let outgoing = Outgoing::new(Egress { allow_loopback: true }).unwrap();
        let sender = Arc::new(Sender::new(
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Box::new(|| 0.5),
            "test".to_owned(),
            Way { outgoing, keep_ms: 7 * 86_400_000 },
        ));
        let console = Console::new(
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            served,
            (Arc::clone(&live), sender),
            reached,
            closed,
        );
        let site = Site {
            routes: routes(Arc::new(console)),
            store,
            clock,
            registry,
            live,
            closing,
            _served: served_by,
            data,
        };
        site.import(acme()).await;
        site.import(json!({"tenant": "other", "channels": [{"code": "FK1", "connector": "flipkart"}]})).await;
        site
    }

    /// Loads the connector of a marketplace.
    pub(crate) fn load(&self, connector: &str) {
        let file = kit::built_programs::folder().unwrap().join(file_name(connector));
        self.registry.add_file(&file).unwrap();
    }

    /// Offers a file that is no connector.
    pub(crate) fn offer(&self, name: &str) {
        let file = self.data.path().join(name);
        std::fs::write(&file, "no library").unwrap();
        self.registry.add_file(&file).unwrap_err();
    }

    async fn import(&self, document: Value) {
        let snapshot: Snapshot = serde_json::from_value(document).unwrap();
        self.store.import(snapshot, BTreeMap::new()).await.unwrap();
    }

    /// Adds somebody with a role in `acme`.
    pub(crate) async fn person(&self, login: &str, role: Role) {
        self.person_in(login, Some("acme"), role).await;
    }

    pub(crate) async fn person_in(&self, login: &str, tenant: Option<&str>, role: Role) {
        let now = self.clock.now_ms();
        let user = User {
            id: format!("id-of-{login}"),
            login: login.to_owned(),
            name: format!("The {login}"),
            created_at: now,
            password_set_at: now,
            must_change_password: false,
            disabled_at: None,
        };
        let person = Person { user, roles: vec![(tenant.map(Into::into), role)] };
        let kept = Password::new(PASSWORD).hash().unwrap();
        self.store.add_user(&person, &kept).await.unwrap();
    }

    /// A link that signs somebody in.
    pub(crate) async fn link(&self, login: &str) -> String {
        let token = Token::mint(TokenKind::Link).unwrap();
        let now = self.clock.now_ms();
        let link = Session {
            user: format!("id-of-{login}"),
            created_at: now,
            last_seen_at: now,
            expires_at: now + 60_000,
        };
        self.store.add_session(&token.hash, &link).await.unwrap();
        format!("/console/enter/{}", token.text.reveal())
    }

    /// Adds somebody and signs them in; answers the cookie.
    pub(crate) async fn signed_in(&self, login: &str, role: Role) -> String {
        self.person(login, role).await;
        self.sign_in(login, PASSWORD).await.cookie()
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Answer {
        self.post("/console/sign-in", "", &[("login", login), ("password", password)]).await
    }

    pub(crate) async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(request("GET", path, cookie).body(Body::empty()).unwrap()).await
    }

    /// Sends a form, as a page of the console does.
    pub(crate) async fn post(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let request = request("POST", path, cookie)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(pairs.join("&"))).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

/// A request that is still to be sent.
pub(crate) fn request(method: &str, path: &str, cookie: &str) -> Builder {
    let request = Request::builder().method(method).uri(path).header("host", "sync.example");
    if cookie.is_empty() { request } else { request.header("cookie", cookie) }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// The tenant `acme` with 120 orders, one of them in conflict.
fn acme() -> Value {
    let order = |n: usize| {
        json!({"code": format!("O{n:03}"), "channel": "FK1", "channel_order_id": format!("OD{n}"),
            "status": "PROCESSING",
            "items": [{"code": format!("O{n}-1"), "channel_item_id": format!("{n}11"), "sku": "A",
                "facility": "DEL1", "status": "FULFILLABLE"}]})
    };
    json!({"tenant": "acme", "live": true,
        "facilities": [{"code": "DEL1"}],
        "sequences": [
            {"owner": "DEL1", "kind": "SHIPPING_PACKAGE", "prefix": "SP", "next": 1},
            {"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "next": 1}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5000, "blocked": 120}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}],
        "orders": (1..=120).map(order).collect::<Vec<Value>>(),
        "conflicts": [{"code": "CF1", "cause": "CANCEL_AFTER_DELIVERY", "order": "O002", "items": ["O2-1"],
            "message": "m", "open": true}]})
}
