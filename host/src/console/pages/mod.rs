//! The pages, a file each, with the addresses that they have.

mod attention;
mod channels;
mod connectors;
mod duties;
mod enter;
mod home;
mod nowhere;
mod order;
mod orders;
mod orders_filter;
mod orders_saved;
mod orders_sync;
mod overview;
mod password;
mod run;
mod runs;
mod settings;
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
        .merge(orders_saved::routes())
        .merge(orders_sync::routes())
        .merge(order::routes())
        .merge(sync::routes())
        .merge(attention::routes())
        .merge(duties::routes())
        .merge(tasks::routes())
        .merge(task::routes())
        .merge(runs::routes())
        .merge(run::routes())
        .merge(channels::routes())
        .merge(connectors::routes())
        .merge(settings::routes())
        .merge(nowhere::routes())
        .method_not_allowed_fallback(nowhere::nowhere)
}
