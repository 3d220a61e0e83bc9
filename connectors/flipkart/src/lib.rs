//! Flipkart Marketplace (seller API v3) as a Statusync connector.
//!
//! Owns everything that is peculiar to Flipkart: its settings, its requests and paging, its words, and how they become
//! observations. It only reads there: no call in this crate changes anything on the marketplace. It keeps no state
//! between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `wire` is what comes back,
//! `observe` and `status` give it meaning, `courier` adds waybills and invoice numbers.

mod auth;
mod batches;
mod config;
mod courier;
mod descriptor;
mod errors;
mod observe;
mod paging;
mod pull;
mod requests;
mod status;
mod wire;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, Token, export_connector};

use crate::config::Settings;

/// Flipkart for one channel.
#[derive(Debug)]
struct Flipkart {
    settings: Settings,
}

impl Connector for Flipkart {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(Flipkart { settings })
    }

    async fn login(&self, cx: &Cx) -> Result<Token> {
        auth::login(cx, &self.settings).await
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(Flipkart);
