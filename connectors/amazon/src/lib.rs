//! Amazon India through the Selling Partner API: statuses of Easy Ship orders, and buyer returns.
//!
//! Owns nothing but the translation. Orders from Amazon's own warehouses and orders that the seller ships are passed
//! over, buyers' data is dropped while reading, and nothing is ever changed at Amazon.

mod auth;
mod classify;
mod config;
mod descriptor;
mod easy_ship;
mod errors;
mod observe;
mod order;
mod orders_v0;
mod pages;
mod pull;
mod report;
mod requests;
mod returns;
mod status;
mod time;
mod walk;
mod wire;
mod wire_v0;

#[cfg(test)]
mod tests;

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, Token, export_connector};

use crate::config::{Config, Settings};

/// Amazon India for one channel.
#[derive(Debug)]
pub(crate) struct Amazon(Config);

impl Connector for Amazon {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Config::read(&settings).map(Amazon)
    }

    async fn login(&self, cx: &Cx) -> Result<Token> {
        auth::login(cx, &self.0).await
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.0, job).await
    }
}

export_connector!(Amazon);
