//! Sends requests for connectors.
