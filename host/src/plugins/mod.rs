//! Finds, checks, loads and runs connector libraries.
