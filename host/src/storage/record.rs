//! Records as the JSON text that is stored, and back.

use serde::{Serialize, de::DeserializeOwned};

use super::{Result, StoreError};

/// A record or a list as JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Contradiction(format!("a record cannot be written as JSON: {error}")))
}

/// A record from the JSON text that was stored. `what` names it: `order`.
pub(super) fn record<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Contradiction(format!("a stored {what} cannot be read: {error}")))
}

/// A state from the name that was stored.
pub(super) fn state<T>(what: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parse(text).ok_or_else(|| StoreError::Contradiction(format!("the stored {what} `{text}` is not known")))
}
