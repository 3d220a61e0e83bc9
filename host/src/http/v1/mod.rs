//! The first version of the API: one file for each noun, with its addresses, what goes in and out, and its handlers.

mod api_keys;
mod channels;
mod conflicts;
mod connectors;
mod facilities;
mod filter;
mod intake;
mod observations;
mod orders;
mod parked;
mod putaways;
mod runs;
mod sequences;
mod snapshot;
mod stock;
mod sync;
mod tasks;
mod tenants;
mod webhooks;

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse, routing::get};
use plugin_api::Millis;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Api,
    problem::{Answer, Kind, Problem, Wrong},
};
use crate::domain::{codes::problem_of, time};

/// Everything that needs a key.
pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .merge(tenants::routes())
        .merge(snapshot::routes())
        .merge(orders::routes())
        .merge(intake::routes())
        .merge(observations::routes())
        .merge(runs::routes())
        .merge(sync::routes())
        .merge(tasks::routes())
        .merge(channels::routes())
        .merge(connectors::routes())
        .merge(conflicts::routes())
        .merge(parked::routes())
        .merge(putaways::routes())
        .merge(sequences::routes())
        .merge(stock::routes())
        .merge(facilities::routes())
        .merge(api_keys::routes())
        .merge(webhooks::routes())
}

/// The description of the API, for everybody.
pub(super) fn open_routes() -> Router<Arc<Api>> {
    Router::new().route("/v1/openapi.json", get(document))
}

async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], super::document::openapi())
}

/// An instant as the API tells it.
fn at(instant: Millis) -> String {
    time::text(instant)
}

/// Does something to its end, even if the caller does not wait for it.
async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Answer<T> {
    tokio::spawn(work).await.map_err(|error| Problem::internal(&error))
}

/// The address of something, with each part written so that it stays one.
fn address(parts: &[&str]) -> String {
    crate::address::path("/v1", parts)
}

/// A code for something new.
///
/// # Errors
/// If it could not be said or typed later.
fn new_code(code: &str) -> Answer<&str> {
    let Some(problem) = problem_of(code) else { return Ok(code) };
    let wrong = Wrong { path: "code".to_owned(), line: None, column: None, problem: problem.to_owned() };
    Err(Problem::with(Kind::BodyWrong, format!("code: {problem}"), vec![wrong]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_nobody_could_type_are_refused() {
        assert_eq!(new_code("Müller & Co").unwrap(), "Müller & Co");
        for wrong in ["", "  ", " a", "a\n", "a\u{0}b", &"x".repeat(101)] {
            assert!(new_code(wrong).is_err(), "{wrong:?}");
        }
    }
}
