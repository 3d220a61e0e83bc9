//! What happens to every request of the API before and after its handler: an id, a line in the log, a time limit, a limit
//! on its body, headers that keep browsers out, and an answer even if a handler panics.
//!
//! Neither the query nor a header's value is logged: they may hold what must not be read by others.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::{
    Api,
    problem::{Answer, Kind, Problem},
};
use crate::{domain::codes::TenantCode, storage::Action};

/// The longest that a request may take. What it began goes on by itself.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// The largest usual body.
const USUAL_BYTES: usize = 1 << 20;
/// The largest body where many records are sent at once.
pub(super) const LARGE_BYTES: usize = 32 << 20;
/// The ends of addresses that take large bodies.
const LARGE: &[&str] = &["/orders", "/observations", "/snapshot"];

/// What is found out about a request on its way, for those who look at it afterwards.
#[derive(Clone, Debug, Default)]
pub(super) struct Trail(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    who: OnceLock<String>,
    tenant: OnceLock<TenantCode>,
}

impl Trail {
    pub(super) fn is_by(&self, who: &str) {
        // The first word counts.
        let _ = self.0.who.set(who.to_owned());
    }

    pub(super) fn is_in(&self, tenant: &TenantCode) {
        let _ = self.0.tenant.set(tenant.clone());
    }
}

/// Wraps everything else.
pub(super) async fn accompany(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = format!("{:016x}", rand::random::<u64>());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let answered = AssertUnwindSafe(timeout(TIME_LIMIT, next.run(request))).catch_unwind().await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            let said = format!("it was given up after {} s", TIME_LIMIT.as_secs());
            Problem::new(Kind::TimedOut, said).into_response()
        }
        Err(_) => {
            tracing::error!(request = id, %method, route, "a handler panicked");
            Problem::new(Kind::Internal, "the cause is in the host's log").into_response()
        }
    };
    close_to_browsers(response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    let (status, who) = (response.status(), trail.0.who.get().map_or("-", String::as_str));
    tracing::info!(
        request = id,
        %method,
        route,
        status = status.as_u16(),
        millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        caller = who,
        "answered"
    );
    if method != Method::GET && status.is_success() && who != "-" {
        note(&api, &trail, format!("{method} {route}"), path).await;
    }
    response
}

/// Writes down who did what.
async fn note(api: &Api, trail: &Trail, action: String, subject: String) {
    let action = Action {
        id: 0,
        tenant: trail.0.tenant.get().cloned(),
        at: api.clock.now_ms(),
        who: trail.0.who.get().cloned().unwrap_or_default(),
        action,
        subject,
    };
    if let Err(error) = api.store.note_action(&action).await {
        tracing::error!(%error, who = action.who, action = action.action, "what was done was not noted");
    }
}

fn close_to_browsers(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

/// Reads the body, as far as it may go. What comes after finds it whole.
pub(super) async fn whole_body(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let limit =
        if LARGE.iter().any(|end| request.uri().path().ends_with(end)) { LARGE_BYTES } else { USUAL_BYTES };
    let (parts, body) = request.into_parts();
    let told =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|text| text.to_str().ok()?.parse::<usize>().ok());
    // Few large ones at a time, so that many of them cannot take all the memory there is.
    let turn = if limit > USUAL_BYTES && told.is_none_or(|bytes| bytes > USUAL_BYTES) {
        api.large.acquire().await.ok()
    } else {
        None
    };
    let read = if told.is_some_and(|bytes| bytes > limit) {
        Err(too_large(limit))
    } else {
        collect(body, limit).await
    };
    let response = match read {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => problem.into_response(),
    };
    drop(turn);
    response
}

async fn collect(body: Body, limit: usize) -> Answer<Bytes> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| {
            Problem::new(Kind::BodyMalformed, format!("the body did not come whole: {error}"))
        })?;
        if whole.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Kind::BodyTooLarge, format!("at most {} MiB are taken here", limit >> 20))
}

/// For addresses that do not exist.
pub(super) async fn nowhere(request: Request) -> Problem {
    Problem::new(Kind::RouteNotFound, format!("there is nothing at {}", request.uri().path()))
}

/// For methods that an address does not take.
pub(super) async fn no_such_method(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    Problem::new(Kind::MethodNotAllowed, format!("{path} does not take {method}"))
}
