//! What the daemon answers over HTTP: whether it lives, whether it can work, and its figures.
//!
//! It reads; nothing can be changed here.

mod health;
mod metrics;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, routing::get};
use tokio::net::TcpListener;

pub use self::metrics::Figures;
use crate::{clock::Clock, storage::Store, sync::Pulse};

/// What the answers are made from.
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

/// Listens; the address is the one that was had, if port 0 was asked for.
///
/// # Errors
/// If the address cannot be had.
pub async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers until it is dropped.
///
/// # Errors
/// If the listener fails for good.
pub async fn serve(listener: TcpListener, answers: Answers) -> io::Result<()> {
    axum::serve(listener, router(Arc::new(answers))).await
}

fn router(answers: Arc<Answers>) -> Router {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::page))
        .with_state(answers)
}
