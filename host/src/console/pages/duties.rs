//! What people do about what waits for them: conflicts accepted or kept, units put away.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, State},
    response::{IntoResponse, Redirect},
    routing::post,
};
use serde::Deserialize;

use crate::{
    access::Operate,
    console::{
        Console,
        fault::{Fault, Shown},
        place::In,
        shown::in_query,
    },
    domain::duties::{Decision, Quality},
    sync::{Done, SyncError},
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/conflicts/{conflict}/accept", post(accept))
        .route("/console/t/{tenant}/conflicts/{conflict}/keep", post(keep))
        .route("/console/t/{tenant}/putaways/{putaway}/complete", post(complete))
}

async fn accept(
    state: State<Arc<Console>>,
    place: In<Operate>,
    Path((_, code)): Path<(String, String)>,
) -> Shown {
    decide(state, place, code, Decision::Accept).await
}

async fn keep(
    state: State<Arc<Console>>,
    place: In<Operate>,
    Path((_, code)): Path<(String, String)>,
) -> Shown {
    decide(state, place, code, Decision::Keep).await
}

async fn decide(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    code: String,
    decision: Decision,
) -> Shown {
    if console.store.conflict(&place.tenant, &code).await?.is_none() {
        return Err(Fault::NotFound(format!("There is no conflict {code}")));
    }
    let engine = Arc::clone(&console.served.borrow().engine);
    let (tenant, conflict) = (place.tenant.clone(), code.clone());
    // Whoever closes the window does not stop what was set off.
    let deciding = tokio::spawn(async move { engine.decide_conflict(&tenant, &conflict, decision).await });
    led(&place, &code, deciding.await)
}

/// What the warehouse found.
#[derive(Debug, Deserialize)]
struct Found {
    quality: Quality,
}

async fn complete(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Path((_, code)): Path<(String, String)>,
    Form(found): Form<Found>,
) -> Shown {
    if console.store.putaway(&place.tenant, &code).await?.is_none() {
        return Err(Fault::NotFound(format!("There is no putaway {code}")));
    }
    let engine = Arc::clone(&console.served.borrow().engine);
    let (tenant, putaway) = (place.tenant.clone(), code.clone());
    let completing =
        tokio::spawn(async move { engine.complete_putaway(&tenant, &putaway, found.quality).await });
    led(&place, &code, completing.await)
}

/// To the page that tells what came of it.
fn led(
    place: &In<Operate>,
    code: &str,
    done: Result<Result<Done, SyncError>, tokio::task::JoinError>,
) -> Shown {
    done.map_err(|_| Fault::Internal)?.map_err(|error| Fault::from(&error))?;
    let address = place.address(&["attention"]) + "?done=" + in_query(code).as_str();
    Ok(Redirect::to(&address).into_response())
}
