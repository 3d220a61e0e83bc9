//! For tests: a wire that follows a script, a clock on the runtime's time, and accounts on both.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use plugin_abi::{Field, RVec, encoding};
use plugin_api::{Descriptor, Error, Reply, Setting, Token};
use tokio::time::{Instant, sleep};

use super::{
    Account, AccountSetup, Egress, Exchange, Fetcher, HeldToken, Login, NoPacing, NotKept, Notice, Observer,
    Pacing, Retrying, Secret, Setup, TokenStore,
    client::{Failure, Wire},
    fill::Call,
};
use crate::clock::Clock;

/// 2026-01-15 09:30:00 UTC, where the clock of these tests starts.
pub(super) const START_MS: i64 = 1_768_469_400_000;

/// A field of a request.
pub(super) fn field(name: &str, source: u16, value: &str) -> Field {
    Field { name: name.into(), source, value: value.into(), prefix: "".into(), encoding: encoding::PLAIN }
}

/// A request with nothing but method and URL, of the operation `list`.
pub(super) fn request(method: &str, url: &str) -> plugin_abi::Request {
    plugin_abi::Request {
        operation: "list".into(),
        method: method.into(),
        url: url.into(),
        headers: RVec::new(),
        query: RVec::new(),
        form: RVec::new(),
        json: RVec::new(),
        body: RVec::new(),
        ext: RVec::new(),
    }
}

/// A GET that carries the account token.
pub(super) fn signed() -> plugin_abi::Request {
    let mut request = request("GET", "https://api.example.com/orders");
    let token = field("authorization", plugin_abi::source::TOKEN, "");
    request.headers = vec![Field { prefix: "Bearer ".into(), ..token }].into();
    request
}

/// Shows the runtime's time, which stands still but for sleeping when paused.
pub(super) struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now_ms(&self) -> i64 {
        START_MS + i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

pub(super) fn runtime_clock() -> Arc<dyn Clock> {
    Arc::new(RuntimeClock(Instant::now()))
}

type Answer = dyn Fn(&Call, usize) -> Result<Reply, Failure> + Send + Sync;

/// A wire whose answers are computed from the call and its number, from 0.
pub(super) struct Script {
    answer: Box<Answer>,
    calls: Arc<Mutex<Vec<Sent>>>,
}

/// A call as the wire got it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Duration,
    pub(super) token: String,
}

impl Wire for Script {
    fn attempt<'a>(&'a self, call: &'a Call, _: u64) -> BoxFuture<'a, Result<Reply, Failure>> {
        let token = call
            .headers
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default();
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(Sent { at: Duration::ZERO, token });
            calls.len() - 1
        };
        let answer = (self.answer)(call, number);
        Box::pin(async move {
            tokio::task::yield_now().await;
            answer
        })
    }
}

/// A reply with headers.
pub(super) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut reply = Reply::new(status, body);
    reply.headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    reply
}

/// An account on a script, put together piece by piece.
pub(super) struct Scene {
    pub(super) retrying: Retrying,
    pub(super) pacing: Arc<dyn Pacing>,
    pub(super) random: f64,
    pub(super) descriptor: Descriptor,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) token: Option<HeldToken>,
    pub(super) login: Option<Login>,
    pub(super) store: Arc<dyn TokenStore>,
}

/// What a scene plays on, and what was seen.
pub(super) struct Stage {
    pub(super) account: Account,
    calls: Arc<Mutex<Vec<Sent>>>,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let mut descriptor = Descriptor::new("example", "Example", "1")
            .host("api.example.com")
            .operation("list", 2.0, 100, "assumed")
            .operation("login", 1.0, 10, "assumed")
            .setting(Setting::secret("client_secret", "from the portal"))
            .setting(Setting::secret("refresh_token", "from the portal"));
        descriptor.auth.expired_on = vec![401];
        Scene {
            retrying: Retrying::default(),
            pacing: Arc::new(NoPacing),
            random: 0.5,
            descriptor,
            secrets: [("client_secret".to_owned(), Secret::from("hush-hush-hush"))].into(),
            token: None,
            login: None,
            store: Arc::new(NotKept),
        }
    }

    /// A login that takes a second and brings `token-1`, `token-2`, … for an hour each.
    pub(super) fn with_login(mut self) -> (Self, Arc<AtomicUsize>) {
        let logins = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&logins);
        self.login = Some(Arc::new(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                Ok(Token::new(format!("token-{number}"), 3_600))
            })
        }));
        (self, logins)
    }

    /// A login that takes a second and fails.
    pub(super) fn with_failing_login(mut self, error: Error) -> (Self, Arc<AtomicUsize>) {
        let logins = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&logins);
        self.login = Some(Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let error = error.clone();
            Box::pin(async move {
                sleep(Duration::from_secs(1)).await;
                Err(error)
            })
        }));
        (self, logins)
    }

    pub(super) fn play(
        self,
        answer: impl Fn(&Call, usize) -> Result<Reply, Failure> + Send + Sync + 'static,
    ) -> Stage {
        let calls: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let start = Instant::now();
        let timed = Arc::clone(&calls);
        let answer = move |call: &Call, number: usize| {
            timed.lock().unwrap()[number].at = start.elapsed();
            answer(call, number)
        };
        let random = self.random;
        let fetcher = Fetcher::over(
            Arc::new(Script { answer: Box::new(answer), calls: Arc::clone(&calls) }),
            Setup {
                egress: Egress::default(),
                retrying: self.retrying,
                pacing: self.pacing,
                clock: runtime_clock(),
                random: Box::new(move || random),
                breaker_log: Arc::new(super::NoBreakerLog),
            },
        );
        let setup = AccountSetup {
            key: "acme/EX1".to_owned(),
            descriptor: &self.descriptor,
            urls: BTreeMap::new(),
            secrets: self.secrets,
            token: self.token,
            login: self.login,
            store: self.store,
        };
        let exchanges: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let seen = Arc::clone(&exchanges);
        let waits: Arc<Mutex<Vec<Duration>>> = Arc::default();
        let noted = Arc::clone(&waits);
        let observer: Observer = Arc::new(move |notice| match notice {
            Notice::Waits { wait, .. } => noted.lock().unwrap().push(wait),
            Notice::Ended(exchange) => seen.lock().unwrap().push(exchange.clone()),
        });
        let account = Account::new(Arc::new(fetcher), setup).unwrap().for_job(Some(observer), None);
        Stage { account, calls, exchanges, waits }
    }
}

impl Stage {
    /// Every call so far.
    pub(super) fn calls(&self) -> Vec<Sent> {
        self.calls.lock().unwrap().clone()
    }

    /// When the calls left, in milliseconds from the start.
    pub(super) fn left_at_ms(&self) -> Vec<u128> {
        self.calls().iter().map(|sent| sent.at.as_millis()).collect()
    }

    /// The tokens that the calls carried.
    pub(super) fn tokens(&self) -> Vec<String> {
        self.calls().into_iter().map(|sent| sent.token).collect()
    }

    /// The waits that the observer was told of before they began.
    pub(super) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }

    /// What the observer was told.
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }
}
