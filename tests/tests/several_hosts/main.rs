//! Several daemons on one PostgreSQL database, through their public command line, while things go wrong between them.
//!
//! What happened is read from the database itself, whose triggers write down who did what ([`witness`]), and from what the
//! hosts say that they have written; [`checker`] looks for what must not be in it.
//!
//! Short by default. `SEVERAL_HOSTS_SECS=600` is the long chaos, `SEVERAL_HOSTS_KILLS=50` the many kills,
//! `SEVERAL_HOSTS_AWAY_SECS=300` the long absence, `SEVERAL_HOSTS_SEED` another seed.

mod away;
mod chaos;

mod checker;
mod place;
mod shared;
mod takeover;
mod witness;

/// One at a time: each of these tests has a clock in it, and wants the machine to itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A number that whoever runs the tests may give.
#[expect(clippy::disallowed_methods, reason = "how long and how often is for whoever runs it")]
fn asked(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
