//! The marketplaces of the workspace's connectors, one file each.
//!
//! To add one: a file here that implements [`Subject`], and its line in [`ALL`]. Replies follow the marketplace's own
//! documents; ids and names are invented.

mod amazon;
mod flipkart;

use super::Subject;

/// Every subject, by the connector's id.
pub const ALL: &[&dyn Subject] = &[&amazon::Amazon, &flipkart::Flipkart];

/// The subject of a connector.
pub fn of(id: &str) -> Option<&'static dyn Subject> {
    ALL.iter().copied().find(|subject| subject.id() == id)
}
