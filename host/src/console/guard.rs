//! What happens to every request of the console before and after its page: an id, the refusal of what other sites send, a
//! time limit, headers for browsers, a line in the log, a note of what was done, and a page even if a handler panics.
//!
//! Neither the query nor a header's value is logged: they may hold what must not be read by others.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use tokio::time::timeout;

use super::{
    Console,
    fault::Fault,
    frame::{Frame, Section},
    place::Somebody,
};
use crate::{domain::codes::TenantCode, storage::Action};

/// The longest that a page may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// The longest sentence of the framework, in bytes.
const LONGEST_WORD: usize = 2_000;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What is found out about a request on its way, for those who look at it afterwards.
#[derive(Clone, Default)]
pub(super) struct Trail(Arc<Found>);

#[derive(Default)]
struct Found {
    somebody: OnceLock<Arc<Somebody>>,
    tenant: OnceLock<TenantCode>,
}

impl Trail {
    pub(super) fn is_by(&self, somebody: &Arc<Somebody>) {
        // The first word counts.
        let _ = self.0.somebody.set(Arc::clone(somebody));
    }

    pub(super) fn is_in(&self, tenant: &TenantCode) {
        let _ = self.0.tenant.set(tenant.clone());
    }

    fn who(&self) -> &str {
        self.0.somebody.get().map_or("-", |somebody| &somebody.caller.who)
    }
}

/// Wraps everything else.
pub(super) async fn accompany(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = format!("{:016x}", rand::random::<u64>());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let answered = if is_ours(&method, request.headers()) {
        AssertUnwindSafe(timeout(TIME_LIMIT, next.run(request))).catch_unwind().await
    } else {
        Ok(Ok(Fault::Foreign.into_response()))
    };
    let response = match answered {
        Ok(Ok(response)) => unread(response).await,
        Ok(Err(_)) => Fault::TimedOut.into_response(),
        Err(_) => {
            tracing::error!(request = id, %method, route, "a handler panicked");
            Fault::Internal.into_response()
        }
    };
    let mut response = match response.extensions().get::<Fault>() {
        None => response,
        Some(fault) => {
            let (somebody, tenant) = (trail.0.somebody.get(), trail.0.tenant.get());
            let frame = Frame::of("", somebody.map(AsRef::as_ref), tenant, Section::Elsewhere);
            fault.page(frame, &id)
        }
    };
    instruct_browsers(&console, response.headers_mut());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    let status = response.status();
    tracing::info!(
        request = id,
        %method,
        route,
        status = status.as_u16(),
        millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        caller = trail.who(),
        "answered"
    );
    let is_done = status.is_success() || status == StatusCode::SEE_OTHER;
    if method == Method::POST && is_done && trail.who() != "-" {
        note(&console, &trail, format!("{method} {route}"), path).await;
    }
    response
}

/// What the framework says in plain text of a form or an address that it cannot read is said on a page of ours instead.
async fn unread(response: Response) -> Response {
    let is_plain = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !is_plain {
        return response;
    }
    let said = axum::body::to_bytes(response.into_body(), LONGEST_WORD).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    // It begins with what was tried, such as "Failed to deserialize form body: ".
    let detail = said.split_once(": ").map_or(&*said, |(_, detail)| detail);
    Fault::Refused(format!("What was sent cannot be read: {detail}")).into_response()
}

/// Writes down who did what.
async fn note(console: &Console, trail: &Trail, action: String, subject: String) {
    let action = Action {
        id: 0,
        tenant: trail.0.tenant.get().cloned(),
        at: console.clock.now_ms(),
        who: trail.who().to_owned(),
        action,
        subject,
    };
    if let Err(error) = console.store.note_action(&action).await {
        tracing::error!(%error, who = action.who, action = action.action, "what was done was not noted");
    }
}

/// Whether a request that may change something comes from a page of ours, or from no browser at all. The rules are those
/// of Go's `http.CrossOriginProtection`: browsers say where a request comes from, and no site can make them say otherwise.
fn is_ours(method: &Method, headers: &HeaderMap) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return true;
    }
    let told = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (told("sec-fetch-site"), told("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, None) => true,
        (None, Some(origin)) => {
            let from = origin.split_once("://").map(|(_, host)| host);
            from.is_some() && from == told("host")
        }
    }
}

fn instruct_browsers(console: &Console, headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        // Without a referrer browsers would not say where forms come from.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if console.reached.is_encrypted() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(told: &[(&'static str, &'static str)]) -> bool {
        let headers =
            told.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_ours(&Method::POST, &headers.collect())
    }

    #[test]
    fn what_another_site_sends_is_not_ours() {
        assert!(posted(&[]), "no browser");
        assert!(posted(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(posted(&[("sec-fetch-site", "none")]), "typed by a person");
        assert!(posted(&[("origin", "https://sync.example"), ("host", "sync.example")]));
        for site in ["cross-site", "same-site", ""] {
            assert!(!posted(&[("sec-fetch-site", site), ("host", "a"), ("origin", "http://a")]), "{site}");
        }
        for origin in ["https://other.example", "null", "https://sync.example:444"] {
            assert!(!posted(&[("origin", origin), ("host", "sync.example")]), "{origin}");
        }
        let foreign = HeaderMap::from_iter([(
            HeaderName::from_static("sec-fetch-site"),
            HeaderValue::from_static("cross-site"),
        )]);
        assert!(is_ours(&Method::GET, &foreign), "a link from elsewhere changes nothing");
    }
}
