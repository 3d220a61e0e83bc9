//! What the daemon answers over HTTP: whether it lives and can work, its figures, and the API below `/v1`.
//!
//! Handlers read what arrives, call the engine and the store, and say what came of it. Nothing is decided here.

mod access;
mod document;
mod extract;
mod guard;
mod health;
mod idempotency;
mod metrics;
mod paging;
mod problem;
mod v1;

use std::{io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{Router, middleware, routing::get};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

use self::idempotency::Turns;
pub use self::{
    document::openapi,
    metrics::Figures,
    problem::{Kind, Problem, problems},
};
use crate::{
    clock::Clock,
    live::Live,
    pace::Pace,
    storage::Store,
    sync::{Engine, Pulse, Served},
    webhooks::Sender,
};

/// Large bodies that are read and worked on at the same time.
const LARGE_AT_ONCE: usize = 4;

/// What health and figures are told from.
pub struct Answers {
    /// The state.
    pub store: Arc<dyn Store>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// The scheduler's sign of life.
    pub pulse: Pulse,
    /// The figures.
    pub figures: Figures,
}

/// What the API works with.
pub struct Api {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    served: watch::Receiver<Served>,
    sender: Arc<Sender>,
    pace: Pace,
    large: Semaphore,
    turns: Turns,
    live: Arc<Live>,
    /// Whether the host is being stopped.
    closing: watch::Receiver<bool>,
}

impl Api {
    /// An API over the engine that is served at the time of each request.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        served: watch::Receiver<Served>,
        (live, sender): (Arc<Live>, Arc<Sender>),
        requests_per_minute: NonZeroU32,
        closing: watch::Receiver<bool>,
    ) -> Api {
        Api {
            store,
            clock,
            served,
            sender,
            pace: Pace::new(requests_per_minute, Duration::from_mins(1)),
            large: Semaphore::new(LARGE_AT_ONCE),
            turns: Turns::default(),
            live,
            closing,
        }
    }

    fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.served.borrow().engine)
    }
}

/// Listens; the address is the one that was had, if port 0 was asked for.
///
/// # Errors
/// If the address cannot be had.
pub async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers, with the routes of the console besides, until the host is being stopped and what was asked before has its answer.
///
/// # Errors
/// If the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    answers: Answers,
    api: Arc<Api>,
    console: Router,
) -> io::Result<()> {
    let mut closing = api.closing.clone();
    let closed = async move {
        // A sender that is gone means the same.
        let _ = closing.wait_for(|closing| *closing).await;
    };
    let routes = health_routes(Arc::new(answers)).merge(api_routes(api)).merge(console);
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, routes).with_graceful_shutdown(closed).await
}

fn health_routes(answers: Arc<Answers>) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .with_state(answers)
}

/// The API, with everything that is done for each of its requests.
pub fn api_routes(api: Arc<Api>) -> Router {
    let (keyed, _) = v1::routes().split_for_parts();
    let keyed = keyed
        .fallback(guard::nowhere)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&api), idempotency::once))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::whole_body))
        .layer(middleware::from_fn_with_state(Arc::clone(&api), access::authenticate));
    keyed
        .merge(v1::open_routes())
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::accompany))
        .with_state(api)
}
