//! Paytm Mall (fulfilment API v1) as a Statusync connector.
//!
//! Owns everything that is peculiar to Paytm: its settings, its three-step login, its requests and windows, its codes,
//! and how they become observations. It only reads there: no call in this crate acknowledges, ships or cancels anything.
//! It keeps no state between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `wire` is what comes back, `observe`
//! and `status` give it meaning, `courier` adds waybills.

mod auth;
mod config;
mod courier;
mod descriptor;
mod errors;
mod observe;
mod pull;
mod requests;
mod status;
mod wire;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, Token, export_connector};

use crate::config::Settings;

/// Paytm for one channel.
#[derive(Debug)]
struct Paytm {
    settings: Settings,
}

impl Connector for Paytm {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(Paytm { settings })
    }

    async fn login(&self, cx: &Cx) -> Result<Token> {
        auth::login(cx, &self.settings).await
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(Paytm);
