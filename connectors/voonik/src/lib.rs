//! Voonik (vendor orders of its order service) as a Statusync connector.
//!
//! Owns everything that is peculiar to Voonik: its settings, its addresses, its states, and how they become
//! observations. It only reads there: no call in this crate changes anything on the marketplace. It keeps no state
//! between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `wire` is what comes back,
//! `observe`, `status` and `fallback` give it meaning.

mod auth;
mod config;
mod descriptor;
mod errors;
mod fallback;
mod observe;
mod paging;
mod pull;
mod requests;
mod status;
mod wire;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, export_connector};

use crate::config::Settings;

/// Voonik for one channel.
#[derive(Debug)]
struct Voonik {
    settings: Settings,
}

impl Connector for Voonik {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(Voonik { settings })
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(Voonik);
