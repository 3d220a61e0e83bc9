//! `/livez` and `/readyz`.
//!
//! Alive means that the process answers and its scheduler turns; a database that is away does not make it dead. Ready
//! means that the database answers too. Both say in words what is wrong, a line each.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode};
use tokio::time::timeout;

use super::Answers;

/// A scheduler that has not turned for so long is stuck.
const STUCK_MS: i64 = 30_000;
/// A database that does not answer within this time does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn live(State(answers): State<Arc<Answers>>) -> (StatusCode, String) {
    match scheduler(&answers) {
        Ok(line) => (StatusCode::OK, line),
        Err(line) => (StatusCode::SERVICE_UNAVAILABLE, line),
    }
}

pub(super) async fn ready(State(answers): State<Arc<Answers>>) -> (StatusCode, String) {
    let database = match timeout(PATIENCE, answers.store.answers()).await {
        Ok(Ok(())) => Ok("database: answers\n".to_owned()),
        Ok(Err(error)) => Err(format!("database: {error}\n")),
        Err(_) => Err(format!("database: no answer within {} s\n", PATIENCE.as_secs())),
    };
    let lines = [scheduler(&answers), database];
    let status =
        if lines.iter().all(Result::is_ok) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, lines.into_iter().map(|line| line.unwrap_or_else(|wrong| wrong)).collect())
}

fn scheduler(answers: &Answers) -> Result<String, String> {
    let still_ms = answers.pulse.still_ms(answers.clock.now_ms());
    if still_ms <= STUCK_MS {
        Ok("scheduler: turns\n".to_owned())
    } else {
        Err(format!("scheduler: has not turned for {} s\n", still_ms / 1_000))
    }
}
