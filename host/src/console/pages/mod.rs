//! The pages, a file each, with the addresses that they have.

mod channels;
mod connectors;
mod enter;
mod home;
mod nowhere;
mod orders;
mod password;
mod settings;
mod sign_in;

use std::sync::Arc;

use axum::Router;

use super::Console;

/// Every page.
pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .merge(home::routes())
        .merge(sign_in::routes())
        .merge(enter::routes())
        .merge(password::routes())
        .merge(orders::routes())
        .merge(channels::routes())
        .merge(connectors::routes())
        .merge(settings::routes())
        .merge(nowhere::routes())
        .method_not_allowed_fallback(nowhere::nowhere)
}
