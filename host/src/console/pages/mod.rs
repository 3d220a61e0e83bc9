//! The pages, a file each, with the addresses that they have.

mod attention;
mod duties;
mod enter;
mod home;
mod nowhere;
mod order;
mod orders;
mod orders_filter;
mod orders_sync;
mod overview;
mod password;
mod run;
mod runs;
mod sign_in;
mod sync;
mod task;
mod tasks;

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
        .merge(attention::routes())
        .merge(duties::routes())
        .merge(tasks::routes())
        .merge(task::routes())
        .merge(runs::routes())
        .merge(run::routes())
        .merge(orders_sync::routes())
        .merge(order::routes())
        .merge(sync::routes())
        .merge(nowhere::routes())
        .method_not_allowed_fallback(nowhere::nowhere)
}
