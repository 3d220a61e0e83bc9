//! Sends requests for connectors: where to, how often, as whom, and what comes back.
//!
//! A [`Fetcher`] is the process's way out; an [`Account`] is one channel's identity on it. An account's
//! [`send`](Account::send) takes a request as it crossed the plugin boundary and returns the final reply or a typed
//! error. On the way there:
//!
//! 1. the URL is judged (`target`), and later every address that its host resolves to (`address`);
//! 2. references to secrets and to the account token are filled in (`fill`), after a login where needed (`login`);
//! 3. the call waits for its turn in the rate plan ([`Pacing`]), unless nobody has answered for a while (`breaker`);
//! 4. one attempt is made, within time and size (`client`, `body`);
//! 5. a refused token brings one login and one repeat, a passing failure waits and repeats (`sending`, [`Retrying`]);
//! 6. secrets that the marketplace echoed are blanked (`redact`).
//!
//! No body of a marketplace is understood here, nothing is stored, and no decision about an order is made.

mod account;
mod address;
mod body;
mod breaker;
mod client;
mod exchange;
mod fill;
mod limits;
mod login;
mod outgoing;
mod redact;
mod retry;
#[cfg(test)]
mod script;
mod sending;
mod target;
mod tenure;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plugin_api::Error;
use tower::retry::budget::TpsBudget;

pub use account::{Account, AccountSetup, LoginSender};
pub use breaker::{BreakerLog, NoBreakerLog, OpenBreaker, Subject, both as breakers_of};
pub use exchange::{Exchange, Failing, Notice, Observer};
pub use limits::{Buckets, NoPacing, Pacing, Turn, next_turn, refill};
pub use login::{HeldToken, Login, NotKept, TokenStore};
pub use outgoing::{Outgoing, Sent};
pub use retry::Retrying;
pub use tenure::{Claimed, Tenure};

use crate::clock::Clock;
pub use crate::secrets::Secret;

/// The largest reply that is read, whatever a descriptor asks for, in bytes after unpacking.
pub const LARGEST_REPLY_BYTES: u64 = 64 << 20;

/// Repeats are counted over this time,
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
/// so many a second are granted in any case,
const BUDGET_FLOOR: u32 = 10;
/// and this share of the requests besides.
const BUDGET_SHARE: f32 = 0.2;

/// Where packets may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// Whether requests may go to this machine, by plain HTTP too, where a URL in the channel's settings says so.
    pub allow_loopback: bool,
}

/// A source of random numbers in 0..1.
pub type Random = Box<dyn FnMut() -> f64 + Send>;

/// What a [`Fetcher`] is made from.
pub struct Setup {
    /// Where packets may go.
    pub egress: Egress,
    /// How often and how long a request is tried.
    pub retrying: Retrying,
    /// The rate plan's buckets.
    pub pacing: Arc<dyn Pacing>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What the waits between attempts are spread by.
    pub random: Random,
    /// Is told whom we leave in peace.
    pub breaker_log: Arc<dyn BreakerLog>,
}

/// The process's way out. Connections are shared by all accounts on it.
pub struct Fetcher {
    egress: Egress,
    retrying: Retrying,
    pacing: Arc<dyn Pacing>,
    clock: Arc<dyn Clock>,
    random: Mutex<Random>,
    breakers: breaker::Breakers,
    budgets: Mutex<HashMap<String, Arc<TpsBudget>>>,
    wire: Arc<dyn client::Wire>,
}

impl Fetcher {
    /// A fetcher on the network.
    ///
    /// # Errors
    /// `config` if this machine has no certificates to check marketplaces with.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let network = client::Network::new(setup.egress)?;
        Ok(Fetcher::over(Arc::new(network), setup))
    }

    /// Another fetcher on the same connections, with a plan, breakers and a budget of its own. Packets may go where this
    /// one's may, whatever `setup` says.
    #[must_use]
    pub fn beside(&self, setup: Setup) -> Self {
        Fetcher::over(Arc::clone(&self.wire), Setup { egress: self.egress, ..setup })
    }

    fn over(wire: Arc<dyn client::Wire>, setup: Setup) -> Self {
        let Setup { egress, retrying, pacing, clock, random, breaker_log } = setup;
        Fetcher {
            egress,
            retrying,
            pacing,
            clock,
            random: Mutex::new(random),
            breakers: breaker::Breakers::new(breaker_log),
            budgets: Mutex::default(),
            wire,
        }
    }

    /// Takes over what another process, or this one before its restart, has found out.
    pub fn learn_breaker(&self, open: OpenBreaker) {
        self.breakers.learn(open);
    }

    /// The connector's budget for repeats: a fifth of its requests, and a few a second in any case.
    fn budget(&self, connector: &str) -> Arc<TpsBudget> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets.entry(connector.to_owned());
        let new = || Arc::new(TpsBudget::new(BUDGET_WINDOW, BUDGET_FLOOR, BUDGET_SHARE));
        Arc::clone(budget.or_insert_with(new))
    }

    /// A number from 0 to 1.
    pub(crate) fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use plugin_abi::{Field, source};
    use plugin_api::{Descriptor, ErrorKind, Token};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string, header, method, path, query_param},
    };

    use super::{
        script::{field, request},
        *,
    };
    use crate::clock::SystemClock;

    fn account(base_url: &str, allow_loopback: bool) -> Account {
        let descriptor = Descriptor::new("example", "Example", "1");
        let mut descriptor =
            descriptor.operation("list", 5.0, 5, "assumed").operation("login", 5.0, 5, "assumed");
        descriptor.auth.expired_on = vec![401];
        let setup = Setup {
            egress: Egress { allow_loopback },
            retrying: Retrying { base: Duration::ZERO, ..Retrying::default() },
            pacing: Arc::new(Buckets::new(Arc::new(SystemClock))),
            clock: Arc::new(SystemClock),
            random: Box::new(|| 0.5),
            breaker_log: Arc::new(NoBreakerLog),
        };
        let mut login = request("POST", &format!("{base_url}/token"));
        login.operation = "login".into();
        login.form = vec![field("client_secret", source::SECRET, "client_secret")].into();
        let login: Login = Arc::new(move |sender| {
            let login = login.clone();
            Box::pin(async move { Ok(Token::new(sender.send(login).await?.ok()?.text(), 3_600)) })
        });
        let account = AccountSetup {
            key: "acme/EX1".to_owned(),
            descriptor: &descriptor,
            urls: BTreeMap::from([("base_url".to_owned(), base_url.to_owned())]),
            secrets: BTreeMap::from([("client_secret".to_owned(), Secret::from("hush hush"))]),
            token: None,
            login: Some(login),
            store: Arc::new(NotKept),
        };
        Account::new(Arc::new(Fetcher::new(setup).unwrap()), account).unwrap()
    }

    fn orders(base_url: &str) -> plugin_abi::Request {
        let mut request = request("GET", &format!("{base_url}/orders?page=1"));
        let token = field("authorization", source::TOKEN, "");
        request.headers = vec![Field { prefix: "Bearer ".into(), ..token }].into();
        request.query = vec![field("since", source::TEXT, "2026-01-15T09:30:00+05:30")].into();
        request
    }

    #[tokio::test]
    async fn login_expired_token_and_passing_failure_work_over_the_network() {
        let server = MockServer::start().await;
        let token = |value: &str| ResponseTemplate::new(200).set_body_string(value);
        let login =
            || Mock::given(method("POST")).and(path("/token")).and(body_string("client_secret=hush+hush"));
        login().respond_with(token("old-token")).up_to_n_times(1).expect(1).mount(&server).await;
        login().respond_with(token("new-token")).expect(1).mount(&server).await;
        let list = |bearer| {
            let list = Mock::given(method("GET")).and(path("/orders")).and(query_param("page", "1"));
            list.and(query_param("since", "2026-01-15T09:30:00+05:30")).and(header("authorization", bearer))
        };
        list("Bearer old-token").respond_with(ResponseTemplate::new(401)).expect(1).mount(&server).await;
        list("Bearer new-token")
            .respond_with(ResponseTemplate::new(502))
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
        let found = ResponseTemplate::new(200).set_body_string("found by new-token");
        list("Bearer new-token").respond_with(found).expect(1).mount(&server).await;

        let account = account(&server.uri(), true);
        let request = orders(&server.uri());
        // On a task, since jobs run on any thread.
        let reply = tokio::spawn(async move { account.send(request).await }).await.unwrap().unwrap();
        assert_eq!((reply.status, reply.text()), (200, "found by [REDACTED]".to_owned()));
    }

    #[tokio::test]
    async fn this_machine_is_not_asked_unless_that_is_allowed() {
        let server = MockServer::start().await;
        let error = account(&server.uri(), false).send(orders(&server.uri())).await.unwrap_err();
        assert_eq!((error.kind, &*error.operation), (ErrorKind::BadRequest, "list"));
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}
