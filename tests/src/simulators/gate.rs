//! The one layer that every call to a marketplace passes: it counts, limits, and lets go wrong what was planned.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Marketplace, Rates, Site};
use crate::faults::Kind;

/// Calls so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// All calls but those to `/control`.
    pub total: u64,
    /// By operation.
    pub operations: BTreeMap<String, OperationCalls>,
}

impl Calls {
    /// Calls of one operation.
    pub fn of(&self, operation: &str) -> u64 {
        self.operations.get(operation).map_or(0, |calls| calls.calls)
    }
}

/// Calls of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCalls {
    /// How many.
    pub calls: u64,
    /// Replies by HTTP status.
    pub replies: BTreeMap<u16, u64>,
}

/// What is left of each operation's rate: calls that may be made, and when that was true.
pub(super) type Buckets = BTreeMap<String, (f64, i64)>;

#[derive(Clone)]
pub(super) struct Gate {
    pub(super) site: Arc<Site>,
    pub(super) market: Arc<dyn Marketplace>,
}

/// Largest reply that a fault may have to rewrite.
const BODY_LIMIT: usize = 64 << 20;

pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let operation = gate.market.operation(request.method().as_str(), request.uri().path());
    let mut response = gate.answer(operation, request, next).await;
    if let (Some(header), Some((rate, _))) = (gate.market.rate_header(), gate.rate(operation))
        && matches!(response.status().as_u16(), 200..=299 | 400 | 404)
        && let Ok(rate) = HeaderValue::from_str(&rate.to_string())
    {
        response.headers_mut().insert(HeaderName::from_static(header), rate);
    }
    let mut calls = gate.site.calls();
    calls.total += 1;
    let counted = calls.operations.entry(operation.to_owned()).or_default();
    counted.calls += 1;
    *counted.replies.entry(response.status().as_u16()).or_default() += 1;
    drop(calls);
    response
}

impl Gate {
    async fn answer(&self, operation: &'static str, request: Request, next: Next) -> Response {
        if !self.spend(operation) {
            return self.refuse(StatusCode::TOO_MANY_REQUESTS);
        }
        let strike = self.site.faults().strike(operation, operation == "token");
        match strike {
            Some(Kind::ServerError { status }) => {
                self.refuse(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
            }
            Some(Kind::TooManyRequests { retry_after }) => {
                let mut response = self.refuse(StatusCode::TOO_MANY_REQUESTS);
                if let Some(Ok(value)) = retry_after.as_deref().map(HeaderValue::from_str) {
                    response.headers_mut().insert(header::RETRY_AFTER, value);
                }
                response
            }
            Some(Kind::HtmlBody) => {
                let page = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Back soon.</body></html>";
                ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
            }
            Some(Kind::RevokedToken) => {
                self.site.tokens().revoke();
                next.run(request).await
            }
            Some(Kind::SlowBody { millis }) => slow(next.run(request).await, millis).await,
            Some(Kind::CutBody) => cut(next.run(request).await).await,
            Some(
                kind @ (Kind::LatePage | Kind::DuplicatePage | Kind::ShuffledRows | Kind::UnknownStatus),
            ) => self.distort(Some(kind), operation, next.run(request).await).await,
            None if self.site.faults().holds(operation) => {
                self.distort(None, operation, next.run(request).await).await
            }
            None => next.run(request).await,
        }
    }

    fn rate(&self, operation: &str) -> Option<(f64, u32)> {
        match self.site.config.rates {
            _ if operation == "token" => None,
            Rates::Off | Rates::Published => self.market.rate(operation),
            Rates::Each { per_second, burst } => Some((per_second, burst)),
        }
    }

    /// Takes one call from the operation's bucket; false if there is none.
    fn spend(&self, operation: &str) -> bool {
        let (Some((per_second, burst)), true) = (self.rate(operation), self.site.config.rates != Rates::Off)
        else {
            return true;
        };
        let now = self.site.now();
        let mut buckets = self.site.buckets();
        let (left, at) = buckets.entry(operation.to_owned()).or_insert((f64::from(burst), now));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two calls are few")]
        let passed_secs = (now - *at).max(0) as f64 / 1000.0;
        *left = (*left + passed_secs * per_second).min(f64::from(burst));
        *at = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }

    fn refuse(&self, status: StatusCode) -> Response {
        (status, axum::Json(self.market.refusal(status.as_u16()))).into_response()
    }

    async fn distort(&self, kind: Option<Kind>, operation: &str, response: Response) -> Response {
        let (mut parts, body) = response.into_parts();
        let Ok(bytes) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return self.refuse(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let listing = self.market.listing(operation).filter(|_| parts.status == StatusCode::OK);
        let page = serde_json::from_slice::<Value>(&bytes).ok();
        let mut faults = self.site.faults();
        if let (Some(listing), Some(mut page)) = (listing, page) {
            if !faults.distort(kind.as_ref(), operation, listing, &mut page)
                && let Some(kind) = &kind
            {
                faults.missed(kind, operation);
            }
            parts.headers.remove(header::CONTENT_LENGTH);
            return Response::from_parts(parts, Body::from(page.to_string()));
        }
        if let Some(kind) = &kind {
            faults.missed(kind, operation);
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

/// The body in ten pieces over `millis`.
async fn slow(response: Response, millis: u64) -> Response {
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    let pieces: Vec<Bytes> =
        bytes.chunks(bytes.len().div_ceil(10).max(1)).map(Bytes::copy_from_slice).collect();
    let pause = Duration::from_millis(millis / u64::try_from(pieces.len().max(1)).unwrap_or(1));
    let pieces = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Infallible>(piece)
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}

/// Half of the body, under a header that promises all of it; then the connection breaks.
async fn cut(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let half = stream::iter([Ok(bytes.slice(..bytes.len() / 2))]);
    // The half must have left before the connection breaks.
    let broken = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::other("cut on purpose"))
    });
    let half = half.chain(broken);
    Response::from_parts(parts, Body::from_stream(half))
}
