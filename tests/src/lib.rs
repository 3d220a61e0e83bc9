//! The test kit: what the suites across crates have in common.

pub mod built_plugins;
