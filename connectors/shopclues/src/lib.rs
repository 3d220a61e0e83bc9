//! ShopClues (merchant API v1) as a Statusync connector.
//!
//! Owns everything that is peculiar to ShopClues: its settings, its login, its requests and paging, its codes, and how
//! they become observations. It only reads there. It keeps no state between pulls and decides nothing about local orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `paging` goes from page to page, `wire`
//! is what comes back, `observe` and `status` give it meaning, `tracking` finds waybills.

mod auth;
mod config;
mod descriptor;
mod errors;
mod observe;
mod paging;
mod pull;
mod requests;
mod status;
mod tracking;
mod wire;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, Token, export_connector};

use crate::config::Settings;

/// ShopClues for one channel.
#[derive(Debug)]
struct ShopClues {
    settings: Settings,
}

impl Connector for ShopClues {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(ShopClues { settings })
    }

    async fn login(&self, cx: &Cx) -> Result<Token> {
        auth::login(cx, &self.settings).await
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(ShopClues);
