//! What an order is, and what an observation does to it. Pure: no clock, no database, no network, nothing async.
//!
//! State and records are in the files named after them; the rules that change them are in [`apply`].

pub mod apply;
pub mod codes;
pub mod duties;
pub mod effect;
pub mod fingerprint;
pub(crate) mod form;
pub mod intake;
pub mod invoice;
pub mod ledger;
pub mod observed;
pub mod order;
pub mod snapshot;
pub mod stock;
pub mod time;
pub mod zone;
