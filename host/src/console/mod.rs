//! The web console: pages for people, rendered here, readable without a script.
//!
//! A page is a struct with what it shows, a template of the same name in `host/templates`, and a handler that fills the one
//! from the store. What people set off goes the way that the command line and the API go: storage traits and the engine.
//! It decides nothing, writes no SQL and does not call the API. How a page is made: `docs/ARCHITECTURE.md`.

mod assets;
mod fault;
mod frame;
mod guard;
mod pages;
mod place;
mod runs_shown;
mod session;
mod shown;
mod timeline_shown;
mod typed;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use axum::{Router, middleware};
use tokio::sync::{Semaphore, watch};

use crate::{
    clock::Clock, config::PublicUrl, live::Live, pace::Pace, storage::Store, sync::Served, webhooks::Sender,
};

/// Attempts to sign in with one name in a quarter of an hour.
const TRIES_OF_A_LOGIN: u32 = 10;
/// Attempts to sign in from one address in a quarter of an hour.
const TRIES_FROM_AN_ADDRESS: u32 = 30;
const TRIES_WITHIN: Duration = Duration::from_mins(15);
/// Passwords that are hashed at the same time; each takes 19 MiB.
const HASHED_AT_ONCE: usize = 2;

/// How browsers reach the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// By plain HTTP, from this machine only.
    Here,
    /// By HTTPS, through a proxy, under this URL.
    Through(PublicUrl),
    /// By plain HTTP, from other machines too: passwords would be read on the way, so nobody can sign in.
    Openly,
}

impl Reached {
    /// Whether what is sent is encrypted on its way.
    fn is_encrypted(&self) -> bool {
        matches!(self, Reached::Through(_))
    }
}

/// What the console works with.
pub struct Console {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    served: watch::Receiver<Served>,
    live: Arc<Live>,
    sender: Arc<Sender>,
    reached: Reached,
    by_login: Pace,
    by_address: Pace,
    hashing: Semaphore,
    /// Whether the host is being stopped.
    closing: watch::Receiver<bool>,
}

impl Console {
    /// A console over the engine that is served at the time of each request.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        served: watch::Receiver<Served>,
        (live, sender): (Arc<Live>, Arc<Sender>),
        reached: Reached,
        closing: watch::Receiver<bool>,
    ) -> Console {
        let tries = |count| Pace::new(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN), TRIES_WITHIN);
        Console {
            store,
            clock,
            served,
            live,
            sender,
            reached,
            by_login: tries(TRIES_OF_A_LOGIN),
            by_address: tries(TRIES_FROM_AN_ADDRESS),
            hashing: Semaphore::new(HASHED_AT_ONCE),
            closing,
        }
    }
}

/// The console's addresses: `/` and everything below `/console`.
pub fn routes(console: Arc<Console>) -> Router {
    pages::routes()
        .layer(middleware::from_fn_with_state(Arc::clone(&console), session::recognise))
        .layer(middleware::from_fn_with_state(Arc::clone(&console), guard::accompany))
        .merge(assets::routes())
        .with_state(console)
}
