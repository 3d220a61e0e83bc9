//! The pages, a file each, with the addresses that they have.

mod enter;
mod home;
mod nowhere;
mod order;
mod orders;
mod orders_filter;
mod orders_sync;
mod overview;
mod password;
mod sign_in;
mod sync;

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
        .merge(overview::routes())
        .merge(orders::routes())
        .merge(orders_sync::routes())
        .merge(order::routes())
        .merge(sync::routes())
        .merge(nowhere::routes())
        .method_not_allowed_fallback(nowhere::nowhere)
}
