//! Snapdeal (Seller API) as a Statusync connector.
//!
//! Owns everything that is peculiar to Snapdeal: its settings, its headers, its lists and questions by id, its words,
//! and how they become observations. It only reads there: no call in this crate changes anything on the marketplace. It
//! keeps no state between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls for a window and `known` for orders by id, `requests` builds
//! them, `wire` is what comes back, `errors` opens the envelope, `paging` walks lists, `observe` and `status` give it
//! meaning.

mod auth;
mod config;
mod descriptor;
mod errors;
mod known;
mod lists;
mod observe;
mod paging;
mod pull;
mod requests;
mod status;
mod times;
mod wire;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, export_connector};

use crate::config::Settings;

/// Snapdeal for one channel.
#[derive(Debug)]
struct Snapdeal {
    settings: Settings,
}

impl Connector for Snapdeal {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(Snapdeal { settings })
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(Snapdeal);
