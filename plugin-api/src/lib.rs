//! Everything the author of a Statusync connector needs, and nothing of the host.
//!
//! A connector is one type that implements [`Connector`]: it describes itself ([`Descriptor`]), turns a [`Pull`] into
//! [`Request`]s, and reads [`Reply`]s into [`Observation`]s. It is written as ordinary `async` Rust; under the hood it
//! runs as a step machine without runtime, socket or clock, so the same file runs in a test against a
//! [`Script`](testing::Script) of replies and in the host against the marketplace.
//!
//! Read in this order: [`Connector`], [`Cx`], [`Observation`], [`Status`], [`Descriptor`], [`testing`]; then what saves
//! writing the same again: [`settings`], [`reading`], [`time`], [`Window`], [`Progress`].
//!
//! What crosses the boundary to the host is in the crate `plugin-abi` and never shows here.

mod boundary;
mod connector;
mod descriptor;
mod error;
mod export;
mod http;
mod job;
mod logging;
mod machine;
mod observation;
mod progress;
pub mod reading;
pub mod settings;
mod status;
pub mod testing;
pub mod time;
mod window;

pub use connector::{Connector, Cx};
pub use descriptor::{
    Auth, Capability, Descriptor, Evidence, InvoiceNumbering, Limits, Operation, ScopeKind, Setting,
    SettingKind,
};
pub use error::{Error, ErrorKind, Result};
pub use http::{Reply, Request, Value, account_token, secret, token_part};
pub use job::{Job, Mark, OrderRef, Pull, Scope, Task, Token, Work};
pub use observation::{Millis, Observation, ReturnFact, ReturnKind, ShippedBy};
pub use progress::Progress;
pub use status::{Meaning, Status, StatusRow, StatusTable};
pub use window::Window;

/// The host's side of the boundary: records to plain types. Connectors have no use for it.
#[doc(hidden)]
pub mod host_side {
    pub use crate::boundary::{error, fault, observation};
}

/// What [`export_connector!`] expands to.
#[doc(hidden)]
pub mod __export {
    pub use crate::{
        abi_version,
        boundary::{Exported, Header, header},
        machine::Linked,
    };
}

/// The version of `plugin-abi`, as a literal for `concat!`; a test holds the two together.
#[doc(hidden)]
#[macro_export]
macro_rules! abi_version {
    () => {
        "1.0.0"
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_in_the_section_is_the_abi_s() {
        assert_eq!(abi_version!(), plugin_abi::VERSION);
    }
}
