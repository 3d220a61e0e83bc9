//! Sends requests for connectors: where to, how often, as whom, and what comes back.
//!
//! A [`Fetcher`] is the process's way out; an [`Account`] is one channel's identity on it. An account's
//! [`send`](Account::send) takes a request as it crossed the plugin boundary and returns the final reply or a typed
//! error. On the way there:
//!
//! 1. the URL is judged (`target`), and later every address that its host resolves to (`address`);
//! 2. references to secrets and to the account token are filled in (`fill`), after a login where needed (`login`);
//! 3. the call waits for its turn in the rate plan ([`Pacing`]);
//! 4. one attempt is made, within time and size (`client`, `body`);
//! 5. a refused token brings one login and one repeat, a passing failure waits and repeats (`sending`, [`Retrying`]);
//! 6. secrets that the marketplace echoed are blanked (`redact`).
//!
//! No body of a marketplace is understood here, nothing is stored, and no decision about an order is made.

mod account;
mod address;
mod body;
mod client;
mod exchange;
mod fill;
mod limits;
mod login;
mod redact;
mod retry;
#[cfg(test)]
mod script;
mod sending;
mod target;

use std::sync::{Arc, Mutex, PoisonError};

use plugin_api::Error;

pub use account::{Account, AccountSetup, LoginSender};
pub use exchange::{Exchange, Observer};
pub use limits::{Buckets, NoPacing, Pacing, Turn, next_turn};
pub use login::{HeldToken, Login, NotKept, TokenStore};
pub use redact::Secret;
pub use retry::Retrying;

use crate::clock::Clock;

/// The largest reply that is read, whatever a descriptor asks for, in bytes after unpacking.
pub const LARGEST_REPLY_BYTES: u64 = 64 << 20;

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
}

/// The process's way out. Connections are shared by all accounts on it.
pub struct Fetcher {
    egress: Egress,
    retrying: Retrying,
    pacing: Arc<dyn Pacing>,
    clock: Arc<dyn Clock>,
    random: Mutex<Random>,
    wire: Box<dyn client::Wire>,
}

impl Fetcher {
    /// A fetcher on the network.
    ///
    /// # Errors
    /// `config` if this machine has no certificates to check marketplaces with.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        let network = client::Network::new(setup.egress)?;
        Ok(Fetcher::over(Box::new(network), setup))
    }

    fn over(wire: Box<dyn client::Wire>, setup: Setup) -> Self {
        let Setup { egress, retrying, pacing, clock, random } = setup;
        Fetcher { egress, retrying, pacing, clock, random: Mutex::new(random), wire }
    }

    fn random(&self) -> f64 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)()
    }
}
