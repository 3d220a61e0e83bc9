//! The test kit: marketplaces that live in memory, and tools to make them misbehave.
//!
//! Nothing here knows the host. A simulator is a marketplace as its public documents describe it, served over HTTP on
//! a loopback port; the host and its connectors meet it only there.

pub mod agreement;
pub mod built_plugins;
pub mod built_programs;
pub mod conformance;
pub mod faults;
pub mod random;
pub mod simulators;
pub mod world;
