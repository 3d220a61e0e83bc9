//! Marketplaces that run on loopback ports.
//!
//! A marketplace is one file here: it says what its world is made of, serves its routes from that world, and names its
//! operations. Everything that marketplaces share (tokens, rate limits, counted calls, faults, the control routes) is
//! done around it. Nothing is ever written by a reader, and no reply holds data of a person: where a schema has such
//! fields, they hold `x`.

pub mod amazon;
pub mod family;
pub mod flipkart;
pub mod paytm;
pub mod shopclues;
pub mod snapdeal;
pub mod tata_cliq;
pub mod voonik;
pub mod wooplr;

mod control;
mod gate;
mod site;

use std::{io, net::Ipv4Addr, sync::Arc};

use axum::{Router, serve::ListenerExt};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

pub use gate::{Calls, OperationCalls};
pub use site::{Rates, Refused, Site};

use crate::{
    faults::{Fault, Listing},
    world::{Profile, Sight, Truth},
};

/// The time in ms UTC, as somebody hands it in.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// One marketplace.
pub trait Marketplace: Send + Sync + 'static {
    /// What its world is made of.
    fn profile(&self) -> &'static Profile;

    /// Its routes, served from the site.
    fn routes(self: Arc<Self>, site: Arc<Site>) -> Router;

    /// The operation of a call; `token` for a login.
    fn operation(&self, method: &str, path: &str) -> &'static str;

    /// How the list of an operation looks; `None` for an operation that is not a list.
    fn listing(&self, operation: &str) -> Option<Listing>;

    /// The rate of an operation: calls per second, burst; as published, else what public clients keep to. `None` for no
    /// limit.
    fn rate(&self, operation: &str) -> Option<(f64, u32)>;

    /// The reply header that tells the rate, if there is one.
    fn rate_header(&self) -> Option<&'static str> {
        None
    }

    /// The body of a refusal with this HTTP status.
    fn refusal(&self, status: u16) -> Value;

    /// What can be seen of the world.
    fn sight(&self) -> Sight;

    /// A channel's settings that lead to this simulator, without secrets.
    fn settings(&self, base_url: &str) -> Value;

    /// The secrets that this simulator accepts; plainly not real ones.
    fn secrets(&self) -> Value;
}

/// How a simulator is set up.
#[derive(Clone)]
pub struct Config {
    /// The seed of its world and of its faults.
    pub seed: u64,
    /// How many orders there are.
    pub orders: u32,
    /// The marketplace's time. Steps are stamped with it, tokens end by it.
    pub clock: Clock,
    /// Steps are stamped this much earlier than the clock, for readers that keep away from the newest minutes.
    pub backdate_ms: i64,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Which rate limits hold.
    pub rates: Rates,
    /// How long an access token lives; what the marketplace documents if `None`.
    pub token_secs: Option<i64>,
}

impl Config {
    /// A free port, no rate limits, documented token lives.
    pub fn new(seed: u64, orders: u32, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let clock: Clock = Arc::new(clock);
        Config { seed, orders, clock, backdate_ms: 0, port: 0, rates: Rates::Off, token_secs: None }
    }
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    site: Arc<Site>,
    market: Arc<dyn Marketplace>,
    server: JoinHandle<()>,
}

impl Simulator {
    /// Starts a marketplace on a loopback port.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start(market: impl Marketplace, config: Config) -> io::Result<Simulator> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        // Replies leave at once, also the last piece of a long one.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let market = Arc::new(market);
        let site = Arc::new(Site::new(market.profile(), config, base_url));
        let routes = Arc::clone(&market).routes(Arc::clone(&site));
        let market: Arc<dyn Marketplace> = market;
        let gate = gate::Gate { site: Arc::clone(&site), market: Arc::clone(&market) };
        let routes = routes
            .layer(axum::middleware::from_fn_with_state(gate, gate::pass))
            .merge(control::routes(Arc::clone(&site), Arc::clone(&market)));
        let server = tokio::spawn(async move {
            // Accepting ends only when the task is dropped.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Simulator { site, market, server })
    }

    /// Where it is, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.site.base_url
    }

    /// The code of its channel in [`snapshot`](Self::snapshot).
    pub fn channel(&self) -> &'static str {
        self.market.profile().channel
    }

    /// The connector that serves it.
    pub fn connector(&self) -> &'static str {
        self.market.profile().connector
    }

    /// A channel's settings that lead here, without secrets.
    pub fn settings(&self) -> Value {
        self.market.settings(self.base_url())
    }

    /// The secrets that are accepted here.
    pub fn secrets(&self) -> Value {
        self.market.secrets()
    }

    /// Lets hours pass; returns how many steps were due.
    pub fn advance(&self, hours: u32) -> usize {
        self.site.advance(hours)
    }

    /// Steps that are still to come.
    pub fn steps_left(&self) -> usize {
        self.site.world().steps_left()
    }

    /// What a correct host must hold now; only counts if asked so.
    pub fn truth(&self, counts_only: bool) -> Truth {
        self.site.world().truth(self.market.sight(), counts_only)
    }

    /// The orders as a snapshot for `statusync import`; see [`World::snapshot`](crate::world::World::snapshot).
    pub fn snapshot(&self, tenant: &str) -> Value {
        control::snapshot(&self.site, &*self.market, tenant)
    }

    /// Plans faults instead of those before.
    pub fn faults(&self, faults: Vec<Fault>) {
        self.site.faults().plan(faults);
    }

    /// Ends every access token that was given out.
    pub fn revoke_tokens(&self) {
        self.site.tokens().revoke();
    }

    /// The calls so far, by operation.
    pub fn calls(&self) -> Calls {
        self.site.calls().clone()
    }

    /// Counts calls from zero again.
    pub fn forget_calls(&self) {
        *self.site.calls() = Calls::default();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.server.abort();
    }
}
