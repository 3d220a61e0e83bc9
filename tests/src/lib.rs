//! The test kit: marketplaces that live in memory, and tools to make them misbehave.
//!
//! Nothing here knows the host. A simulator is a marketplace as its public documents describe it, served over HTTP on
//! a loopback port; the host and its connectors meet it only there.

pub mod conformance;

#[cfg(feature = "workspace")]
pub mod agreement;
#[cfg(all(unix, feature = "workspace"))]
pub mod browser;
#[cfg(feature = "workspace")]
pub mod built_plugins;
#[cfg(feature = "workspace")]
pub mod built_programs;
#[cfg(all(unix, feature = "cluster"))]
pub mod cluster;
#[cfg(feature = "workspace")]
pub mod faults;
#[cfg(feature = "workspace")]
pub mod load;
#[cfg(all(unix, feature = "cluster"))]
pub mod pooler;
#[cfg(all(unix, feature = "cluster"))]
pub mod proxy;
#[cfg(feature = "workspace")]
pub mod random;
#[cfg(feature = "workspace")]
pub mod showcase;
#[cfg(feature = "workspace")]
pub mod simulators;
#[cfg(feature = "workspace")]
pub mod world;
