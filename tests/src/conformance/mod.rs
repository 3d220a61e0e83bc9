//! The family suite.

pub mod built;
