//! The host of Statusync: loads connectors, asks marketplaces on a schedule, applies what they say to orders.
//!
//! Each module owns one thing and says in its own first lines what it leaves to the others.

pub mod access;
pub mod address;
pub mod app;
pub mod channels;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod domain;
pub mod fetch;
pub mod http;
pub mod import;
mod kept;
pub mod live;
mod memory;
pub mod nearest;
pub mod pace;
pub mod people;
pub mod plugins;
pub mod presence;
pub mod printed;
pub mod proof;
pub mod secrets;
pub mod settings;
pub mod storage;
pub mod sync;
pub mod telemetry;
pub mod webhooks;
