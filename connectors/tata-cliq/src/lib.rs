//! Tata CLiQ (PartnerConnect, sales order 2.0) as a Statusync connector.
//!
//! Owns everything that is peculiar to Tata CLiQ: its settings, its addresses, its codes, and how they become
//! observations. It only reads there: no call in this crate changes anything on the marketplace. It keeps no state
//! between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `wire` is what comes back (`xml`
//! brings XML into the same shape), `observe` and `status` give it meaning.

mod auth;
mod config;
mod descriptor;
mod errors;
mod observe;
mod pull;
mod requests;
mod status;
mod wire;
mod xml;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, Token, export_connector};

use crate::config::Settings;

/// Tata CLiQ for one channel.
#[derive(Debug)]
struct TataCliq {
    settings: Settings,
}

impl Connector for TataCliq {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(TataCliq { settings })
    }

    async fn login(&self, cx: &Cx) -> Result<Token> {
        auth::login(cx, &self.settings).await
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(TataCliq);
