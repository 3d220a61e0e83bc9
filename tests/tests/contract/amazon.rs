//! Amazon.
