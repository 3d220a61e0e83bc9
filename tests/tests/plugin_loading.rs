//! Connector libraries in the real loader: what is taken, what is refused and with which sentence, and what a connector
//! that goes wrong costs. The libraries are built by `kit::built_plugins`.

#[path = "plugin_loading/files.rs"]
mod files;
#[path = "plugin_loading/log_lines.rs"]
mod log_lines;
#[path = "plugin_loading/other_versions.rs"]
mod other_versions;
#[path = "plugin_loading/registry.rs"]
mod registry;
#[path = "plugin_loading/runs.rs"]
mod runs;
#[path = "plugin_loading/shop.rs"]
mod shop;
