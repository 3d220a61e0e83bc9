//! Requests that may be repeated: a POST with an `Idempotency-Key` is done once, and its repetitions within a day get the
//! answer of the first.
//!
//! Only answers of success are kept. A request that came to nothing may be tried again with the same key, so that a cause
//! that goes away does not stick to it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use super::{
    Api,
    guard::LARGE_BYTES,
    problem::{Answer, Kind, Problem},
};
use crate::{
    access::Caller,
    storage::{Begun, SavedAnswer},
};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Headers that belong to an answer.
const KEPT_HEADERS: &[HeaderName] = &[header::CONTENT_TYPE, header::LOCATION];

/// Requests of this process that have the same key wait for each other here.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<(String, String), Turn>>);

type Turn = Arc<tokio::sync::Mutex<()>>;

impl Turns {
    async fn take(&self, owner: &str, key: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits any more for those that only this map knows.
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(turns.entry((owner.to_owned(), key.to_owned())).or_default())
        };
        turn.lock_owned().await
    }
}

/// The text by which a handler may recognise a repetition itself; none if the request carries no key.
#[derive(Clone, Debug)]
pub(super) struct RequestKey(pub(super) Option<String>);

impl FromRequestParts<Arc<Api>> for RequestKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _api: &Arc<Api>) -> Answer<Self> {
        Ok(parts.extensions.get::<RequestKey>().cloned().unwrap_or(RequestKey(None)))
    }
}

/// Answers a repetition as the first time.
pub(super) async fn once(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(HEADER) else { return next.run(request).await };
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let is_printable =
        |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(key) = key.to_str().ok().filter(is_printable).map(str::to_owned) else {
        let said = "it is not 1 to 255 printable ASCII characters without blanks";
        return Problem::new(Kind::IdempotencyKeyWrong, said).into_response();
    };
    let owner = request.extensions().get::<Caller>().map_or_else(String::new, |caller| caller.who.clone());
    answer_once(&api, &owner, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer_once(api: &Api, owner: &str, key: &str, request: Request, next: Next) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGE_BYTES).await.map_err(|error| Problem::internal(&error))?;
    let fingerprint = fingerprint(&parts, &body);
    let _turn = api.turns.take(owner, key).await;
    let since = match api.store.begin_request(owner, key, &fingerprint, api.clock.now_ms()).await? {
        Begun::First { since } => since,
        Begun::Answered(answer) => return Ok(replayed(answer)),
        Begun::Running => {
            let said = format!("the first request with the key {key} is still being answered");
            return Err(Problem { retry_after: Some(1), ..Problem::new(Kind::IdempotencyRunning, said) });
        }
        Begun::Different => {
            let said = format!("the key {key} was used for another address or body");
            return Err(Problem::new(Kind::IdempotencyOther, said));
        }
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    // With the time: after a day the key may be used for something else.
    let recognised = format!("{owner}/{key}/{since}");
    request.extensions_mut().insert(RequestKey(Some(recognised)));
    let response = next.run(request).await;
    if !response.status().is_success() {
        api.store.forget_request(owner, key).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, LARGE_BYTES).await.map_err(|error| Problem::internal(&error))?;
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let answer = SavedAnswer {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    api.store.save_answer(owner, key, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Of everything that makes a request another one.
fn fingerprint(parts: &Parts, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn replayed(answer: SavedAnswer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
