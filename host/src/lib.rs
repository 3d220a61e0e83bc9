//! The host of Statusync: loads connectors, asks marketplaces on a schedule, applies what they say to orders.
//!
//! Each module owns one thing and says in its own first lines what it leaves to the others.

pub mod clock;
pub mod domain;
pub mod fetch;
pub mod plugins;
pub mod secrets;
pub mod storage;
pub mod sync;
