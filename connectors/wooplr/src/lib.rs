//! Wooplr (seller orders as of 2016) as a Statusync connector.
//!
//! No seller API was ever published, so the contract is assumed: field names and words are real for 2016, paths, paging
//! and the login are settings with a default. Owns everything that is peculiar to Wooplr. It only reads there: no call in
//! this crate changes anything on the marketplace. It keeps no state between pulls and decides nothing about local
//! orders.
//!
//! Way through the code: `pull` is the order of the calls, `requests` builds them, `wire` picks the fields of an order,
//! `errors` says what is no answer, `paging` decides where the list ends, `observe` and `status` give it meaning.

mod auth;
mod config;
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

use plugin_api::{Connector, Cx, Descriptor, Mark, Pull, Result, export_connector};

use crate::config::Settings;

/// Wooplr for one channel.
#[derive(Debug)]
struct Wooplr {
    settings: Settings,
}

impl Connector for Wooplr {
    type Settings = Settings;

    fn descriptor() -> Descriptor {
        descriptor::descriptor()
    }

    fn new(settings: Settings) -> Result<Self> {
        Ok(Wooplr { settings })
    }

    async fn pull(&self, cx: &Cx, job: Pull) -> Result<Mark> {
        pull::pull(cx, &self.settings, job).await
    }
}

export_connector!(Wooplr);
