//! Errors as the API tells them: RFC 9457 problems, each with a stable code, a sentence and what to do.
//!
//! What goes wrong inside is logged here and not told to callers. Codes are never used for something else later.

use std::fmt::Write as _;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{channels::ChannelError, import::Fault, storage::StoreError, sync::SyncError};

macro_rules! kinds {
    ($($name:ident $code:literal $status:ident $title:literal $remedy:literal,)*) => {
        /// What kind of problem it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the title says what each is")]
        pub enum Kind { $($name,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Kind] = &[$(Kind::$name,)*];
            /// The stable code.
            pub const fn code(self) -> &'static str { match self { $(Kind::$name => $code,)* } }
            /// The HTTP status.
            pub const fn status(self) -> StatusCode { match self { $(Kind::$name => StatusCode::$status,)* } }
            /// The kind in words.
            pub const fn title(self) -> &'static str { match self { $(Kind::$name => $title,)* } }
            /// What to do.
            pub const fn remedy(self) -> &'static str { match self { $(Kind::$name => $remedy,)* } }
        }
    };
}

kinds! {
    KeyMissing "key.missing" UNAUTHORIZED "No API key came with the request"
        "Send `Authorization: Bearer ssk_…`; `statusync api-key new` makes a key.",
    KeyRefused "key.refused" UNAUTHORIZED "The API key is not accepted"
        "Look for a mistake in the key; if it was revoked or ran out, take a new one.",
    ScopeMissing "scope.missing" FORBIDDEN "The API key does not allow this"
        "Use a key that has the scope that is named.",
    TenantNotFound "tenant.not_found" NOT_FOUND "There is no such tenant for this key"
        "`GET /v1/tenants` lists those that the key is for.",
    ChannelNotFound "channel.not_found" NOT_FOUND "The tenant has no such channel"
        "`GET /v1/tenants/{tenant}/channels` lists those that it has.",
    OrderNotFound "order.not_found" NOT_FOUND "The tenant has no such order"
        "Ask by our code or by the marketplace's id; orders come in by `PUT /v1/tenants/{tenant}/orders/{order}`.",
    NothingChosen "orders.none" NOT_FOUND "No order that could be asked about is chosen"
        "`GET /v1/tenants/{tenant}/orders` with the same filter lists what there is.",
    RunNotFound "run.not_found" NOT_FOUND "The tenant has no such run"
        "`GET /v1/tenants/{tenant}/runs` lists the last ones. Dry runs are kept for an hour, by the process that did them.",
    TaskNotFound "task.not_found" NOT_FOUND "The channel has no such task"
        "`GET /v1/tenants/{tenant}/tasks` lists those that it has; its connector decides.",
    ConflictNotFound "conflict.not_found" NOT_FOUND "The tenant has no such conflict"
        "`GET /v1/tenants/{tenant}/conflicts` lists those that are open.",
    PutawayNotFound "putaway.not_found" NOT_FOUND "The tenant has no such putaway"
        "`GET /v1/tenants/{tenant}/putaways` lists those that are due.",
    FacilityNotFound "facility.not_found" NOT_FOUND "The tenant has no such facility"
        "`PUT /v1/tenants/{tenant}/facilities/{facility}` adds it.",
    ConnectorNotFound "connector.not_found" NOT_FOUND "There is no such connector"
        "`GET /v1/connectors` lists those that are loaded.",
    ApiKeyNotFound "api_key.not_found" NOT_FOUND "The tenant has no such API key"
        "`GET /v1/tenants/{tenant}/api-keys` lists those that it has.",
    WebhookNotFound "webhook.not_found" NOT_FOUND "The tenant has no such webhook"
        "`GET /v1/tenants/{tenant}/webhooks` lists those that it has.",
    RouteNotFound "route.not_found" NOT_FOUND "There is nothing at this address"
        "`GET /v1/openapi.json` describes what there is.",
    Gone "state.gone" NOT_FOUND "What was to be changed is not there any more"
        "Look again; somebody else took it away.",
    MethodNotAllowed "method.not_allowed" METHOD_NOT_ALLOWED "This address does not take this method"
        "The `Allow` header names those that it takes.",
    QueryWrong "query.wrong" BAD_REQUEST "The query makes no sense"
        "Mend the parameter that is named.",
    PathWrong "path.wrong" BAD_REQUEST "The address makes no sense"
        "Mend the part that is named.",
    BodyMalformed "body.malformed" BAD_REQUEST "The body is no JSON"
        "Mend it at the line and column that are named.",
    BodyWrong "body.wrong" UNPROCESSABLE_ENTITY "The body is not what is wanted here"
        "Mend what is named under `errors`; `GET /v1/openapi.json` describes the body.",
    BodyNotJson "body.not_json" UNSUPPORTED_MEDIA_TYPE "The body's type is not application/json"
        "Send JSON, with `Content-Type: application/json`.",
    BodyTooLarge "body.too_large" PAYLOAD_TOO_LARGE "The body is larger than is taken here"
        "Send it in parts.",
    IdempotencyKeyWrong "idempotency.key_wrong" BAD_REQUEST "The Idempotency-Key is none"
        "Send 1 to 255 printable ASCII characters; a UUID does well.",
    IdempotencyOther "idempotency.other_request" UNPROCESSABLE_ENTITY "The Idempotency-Key was used for another request"
        "Take a new key for each new request; repeat a request with the same address and body.",
    IdempotencyRunning "idempotency.running" CONFLICT "The first request with this Idempotency-Key is not answered yet"
        "Ask again after the time in `Retry-After`.",
    ChannelBusy "channel.busy" CONFLICT "A run has the channel"
        "Ask again when it has ended; `GET /v1/tenants/{tenant}/runs` shows it.",
    CodeTaken "code.taken" CONFLICT "There is one of that code already"
        "Change the one that is there, or take another code.",
    StateChanged "state.changed" CONFLICT "Somebody else changed it first"
        "Look again and repeat.",
    StateRefused "state.refused" CONFLICT "The rules do not allow this now"
        "The sentence says what is missing.",
    ConnectorNotLoaded "connector.not_loaded" CONFLICT "The channel's connector is not loaded"
        "Put its library into a plugin folder; it is taken within seconds.",
    SettingsWrong "settings.wrong" UNPROCESSABLE_ENTITY "The connector does not take these settings"
        "Mend what is named; `GET /v1/connectors/{connector}` shows the form.",
    DataContradicts "data.contradicts" UNPROCESSABLE_ENTITY "What was sent contradicts itself or what is kept"
        "Mend the entries that are named; nothing was taken.",
    RequestWrong "request.wrong" UNPROCESSABLE_ENTITY "The request makes no sense"
        "The sentence says what is wrong with it.",
    RateExceeded "rate.exceeded" TOO_MANY_REQUESTS "Too many requests"
        "Wait for the time in `Retry-After`; `[http] requests_per_minute` sets how many are taken.",
    StoreAway "store.away" SERVICE_UNAVAILABLE "The database does not answer"
        "Ask again in a moment; `statusync doctor` on the host says what is wrong.",
    Stopping "host.stopping" SERVICE_UNAVAILABLE "The host is being stopped"
        "Ask again when it is back.",
    TimedOut "request.timed_out" GATEWAY_TIMEOUT "The request took too long"
        "It may still be done: look before you repeat it.",
    Internal "internal" INTERNAL_SERVER_ERROR "The program failed"
        "Report it, with the `X-Request-Id` of this answer; the host's log has the cause under it.",
}

/// The table of problems, as the documents show it.
pub fn problems() -> String {
    let mut table = "| code | status | what | what to do |\n|---|---|---|---|\n".to_owned();
    for kind in Kind::ALL {
        let (status, title, remedy) = (kind.status().as_u16(), kind.title(), kind.remedy());
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{}` | {status} | {title} | {remedy} |", kind.code());
    }
    table
}

/// One thing that is wrong in what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Wrong {
    /// Where: `items[0].sku`.
    pub path: String,
    /// From 1, in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// What is wrong with it.
    pub problem: String,
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Wrong { path: fault.path, line: Some(fault.line), column: fault.column, problem: fault.problem }
    }
}

/// An answer that says what went wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind it is.
    pub kind: Kind,
    /// This case of it, in a sentence.
    pub detail: String,
    /// What is wrong in what was sent.
    pub errors: Vec<Wrong>,
    /// When to ask again, in seconds.
    pub retry_after: Option<u64>,
}

/// What a handler answers.
pub(super) type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem with its sentence.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    /// A problem with what is wrong, at each place.
    pub fn with(kind: Kind, detail: impl Into<String>, errors: Vec<Wrong>) -> Problem {
        Problem { errors, ..Problem::new(kind, detail) }
    }

    /// A fault of ours: the cause goes to the log, not to the caller.
    pub fn internal(cause: &dyn std::error::Error) -> Problem {
        let mut causes = cause.to_string();
        let mut next = cause.source();
        while let Some(cause) = next {
            causes.push_str(": ");
            causes.push_str(&cause.to_string());
            next = cause.source();
        }
        tracing::error!(causes, "a request failed");
        Problem::new(Kind::Internal, "the cause is in the host's log")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { kind, detail, errors, retry_after } = self;
        let mut body = json!({
            "type": format!("urn:statusync:problem:{}", kind.code()),
            "title": kind.title(),
            "status": kind.status().as_u16(),
            "code": kind.code(),
            "detail": detail,
            "remedy": kind.remedy(),
        });
        if !errors.is_empty() {
            body["errors"] = json!(errors);
        }
        let mut response = (kind.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if kind.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"statusync\""));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Problem::from(&error)
    }
}

impl From<&StoreError> for Problem {
    fn from(error: &StoreError) -> Self {
        let said = error.to_string();
        match error {
            StoreError::NotFound(_) => Problem::new(Kind::Gone, said),
            StoreError::Exists(_) => Problem::new(Kind::CodeTaken, said),
            StoreError::Changed(_) => Problem::new(Kind::StateChanged, said),
            StoreError::Busy { .. } => Problem::new(Kind::ChannelBusy, said),
            StoreError::Contradiction(_) => Problem::new(Kind::DataContradicts, said),
            StoreError::Moving | StoreError::Moved => {
                Problem { retry_after: Some(5), ..Problem::new(Kind::StoreAway, said) }
            }
            error if error.is_passing() => {
                tracing::error!(%error, "the store failed under a request");
                Problem {
                    retry_after: Some(5),
                    ..Problem::new(Kind::StoreAway, "the cause is in the host's log")
                }
            }
            error => Problem::internal(error),
        }
    }
}

impl From<SyncError> for Problem {
    fn from(error: SyncError) -> Self {
        Problem::from(&error)
    }
}

impl From<&SyncError> for Problem {
    fn from(error: &SyncError) -> Self {
        let said = error.to_string();
        match error {
            SyncError::Store(error) => error.into(),
            SyncError::AlreadyRunning { .. } | SyncError::NoLongerDue => {
                Problem::new(Kind::ChannelBusy, said)
            }
            SyncError::NotFound(_) => Problem::new(Kind::Gone, said),
            SyncError::BadRequest(_) => Problem::new(Kind::RequestWrong, said),
            SyncError::NothingChosen(_) => Problem::new(Kind::NothingChosen, said),
            SyncError::Stopped => Problem::new(Kind::Stopping, said),
            SyncError::Refused(_) => Problem::new(Kind::StateRefused, said),
        }
    }
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        let said = error.to_string();
        match error {
            ChannelError::Store(error) => error.into(),
            ChannelError::NoFacility { .. } => Problem::new(Kind::FacilityNotFound, said),
            ChannelError::NoConnector(_) => Problem::new(Kind::ConnectorNotLoaded, said),
            ChannelError::Settings(_) => Problem::new(Kind::SettingsWrong, said),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_share_a_code_and_each_has_a_title_and_a_remedy() {
        let codes: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(!kind.title().is_empty() && kind.remedy().ends_with('.'), "{kind:?}");
            assert!(kind.status().is_client_error() || kind.status().is_server_error(), "{kind:?}");
        }
    }
}
