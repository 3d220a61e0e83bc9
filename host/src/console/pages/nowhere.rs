//! Addresses below `/console` that lead nowhere.

use std::sync::Arc;

use axum::{Router, routing::any};

use crate::console::{Console, fault::Fault};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/{*rest}", any(nowhere))
}

pub(super) async fn nowhere() -> Fault {
    Fault::NotFound("There is no page at this address".to_owned())
}
