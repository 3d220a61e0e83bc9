//! The routes below `/control` that every simulator has besides its marketplace's own.
//!
//! `POST advance {"hours":n}` · `GET truth[?counts=true]` · `POST faults {"faults":[…]}` · `GET calls`, `DELETE calls` ·
//! `GET snapshot?tenant=T` · `POST revoke-tokens`. They need no login: a simulator is on loopback only.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Calls, Marketplace, Site};
use crate::{faults::Fault, world::Truth};

#[derive(Clone)]
struct Control {
    site: Arc<Site>,
    market: Arc<dyn Marketplace>,
}

pub(super) fn routes(site: Arc<Site>, market: Arc<dyn Marketplace>) -> Router {
    Router::new()
        .route("/control/advance", post(advance))
        .route("/control/truth", get(truth))
        .route("/control/faults", post(faults))
        .route("/control/calls", get(calls).delete(forget_calls))
        .route("/control/snapshot", get(snapshot_route))
        .route("/control/revoke-tokens", post(revoke_tokens))
        .with_state(Control { site, market })
}

/// The snapshot of a world whose channel leads to this simulator, secrets among its settings.
pub(super) fn snapshot(site: &Site, market: &dyn Marketplace, tenant: &str) -> Value {
    let mut settings = market.settings(&site.base_url);
    if let (Value::Object(settings), Value::Object(secrets)) = (&mut settings, market.secrets()) {
        settings.extend(secrets);
    }
    site.world().snapshot(tenant, &settings, site.now())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    hours: u32,
}

async fn advance(State(control): State<Control>, Json(asked): Json<Advance>) -> Json<Value> {
    let steps = control.site.advance(asked.hours);
    let world = control.site.world();
    Json(json!({"hour": world.hour, "steps": steps, "steps_left": world.steps_left()}))
}

#[derive(Deserialize)]
struct TruthAsked {
    #[serde(default)]
    counts: bool,
}

async fn truth(State(control): State<Control>, Query(asked): Query<TruthAsked>) -> Json<Truth> {
    Json(control.site.world().truth(control.market.sight(), asked.counts))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Planned {
    faults: Vec<Fault>,
}

async fn faults(State(control): State<Control>, Json(planned): Json<Planned>) -> Json<Value> {
    let count = planned.faults.len();
    control.site.faults().plan(planned.faults);
    Json(json!({"planned": count}))
}

async fn calls(State(control): State<Control>) -> Json<Calls> {
    Json(control.site.calls().clone())
}

async fn forget_calls(State(control): State<Control>) -> Json<Calls> {
    Json(std::mem::take(&mut *control.site.calls()))
}

#[derive(Deserialize)]
struct SnapshotAsked {
    tenant: String,
}

async fn snapshot_route(State(control): State<Control>, Query(asked): Query<SnapshotAsked>) -> Json<Value> {
    Json(snapshot(&control.site, &*control.market, &asked.tenant))
}

async fn revoke_tokens(State(control): State<Control>) -> Json<Value> {
    control.site.tokens().revoke();
    Json(json!({}))
}
