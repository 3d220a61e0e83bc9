//! What went wrong, as a page: a sentence about it and what to do.
//!
//! What goes wrong inside is logged here and not shown.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{frame::Frame, shown};
use crate::{live, storage::StoreError, sync::SyncError};

/// Why a page is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody is signed in; the page is to be shown afterwards.
    NotSignedIn(String),
    /// A password must be chosen first.
    PasswordDue,
    /// There is no such thing: what.
    NotFound(String),
    /// The role does not allow it: what would.
    NotAllowed(String),
    /// Another site sent the request.
    Foreign,
    /// It makes no sense or is not possible now: why.
    Refused(String),
    /// Too often; in so many seconds again.
    TooOften(u64),
    /// The database does not answer.
    StoreAway,
    /// It took too long.
    TimedOut,
    /// The program failed.
    Internal,
}

/// What a handler answers.
pub(super) type Shown = Result<Response, Fault>;

impl Fault {
    fn status(&self) -> StatusCode {
        match self {
            Fault::NotSignedIn(_) | Fault::PasswordDue => StatusCode::SEE_OTHER,
            Fault::NotFound(_) => StatusCode::NOT_FOUND,
            Fault::NotAllowed(_) | Fault::Foreign => StatusCode::FORBIDDEN,
            Fault::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Fault::StoreAway => StatusCode::SERVICE_UNAVAILABLE,
            Fault::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Headline, sentence and what to do.
    fn words(&self, request: &str) -> (&'static str, String, String) {
        let (title, sentence, remedy) = match self {
            Fault::NotSignedIn(_) => ("Sign in", "Nobody is signed in here.".into(), "Sign in and go on.".into()),
            Fault::PasswordDue => ("Choose a password", "A password is due.".into(), "Choose one and go on.".into()),
            Fault::NotFound(what) => (
                "Not found",
                format!("{what}."),
                "Look for a typing mistake in the address, or go back. What belongs to a tenant that you have no role in is not shown either.".into(),
            ),
            Fault::NotAllowed(needs) => (
                "Not allowed",
                format!("Your role does not allow this; it takes {needs}."),
                "Ask an admin for the role: Settings shows who they are.".into(),
            ),
            Fault::Foreign => (
                "Refused",
                "This request came from another site, so nothing was done.".into(),
                "If you meant it, do it from the console's own page.".into(),
            ),
            Fault::Refused(why) => ("Not done", format!("{why}."), "Go back, change what is named, and try again.".into()),
            Fault::TooOften(secs) => (
                "Too many attempts",
                "There were too many attempts.".into(),
                format!("Try again in {}.", shown::length(i64::try_from(*secs).unwrap_or(i64::MAX).saturating_mul(1_000))),
            ),
            Fault::StoreAway => (
                "The database does not answer",
                "The console cannot read or write anything at the moment. Nothing is lost.".into(),
                "Try again in a moment. On the host, `statusync doctor` says what is wrong.".into(),
            ),
            Fault::TimedOut => (
                "It took too long",
                "The page was given up after a minute. What was set off may still be done.".into(),
                "Look before you repeat it; a narrower filter is faster.".into(),
            ),
            Fault::Internal => (
                "The program failed",
                "This is a mistake of ours. What was done before is kept.".into(),
                format!("Try once more. If it fails again, report it with the number {request}: the host's log has the cause under it."),
            ),
        };
        (title, sentence, remedy)
    }

    /// The page that says so.
    pub(super) fn page(&self, frame: Frame, request: &str) -> Response {
        match self {
            Fault::NotSignedIn(next) => {
                let next =
                    if next.is_empty() { String::new() } else { format!("?next={}", shown::in_query(next)) };
                return Redirect::to(&format!("/console/sign-in{next}")).into_response();
            }
            Fault::PasswordDue => return Redirect::to("/console/password").into_response(),
            _ => {}
        }
        let (title, sentence, remedy) = self.words(request);
        let page = FaultPage { frame: frame.titled(title), title, sentence, remedy };
        let mut response = show_with(self.status(), &page);
        let wait = match self {
            Fault::TooOften(secs) => Some(*secs),
            Fault::StoreAway => Some(5),
            _ => None,
        };
        if let Some(secs) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// A handler does not know who asks for the page, so it only says what is wrong; `guard` makes the page of it.
impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Something that went wrong, with what to do.
#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    frame: Frame,
    title: &'static str,
    sentence: String,
    remedy: String,
}

/// A page.
///
/// # Errors
/// [`Fault::Internal`] if its template fails.
pub(super) fn show(page: &impl Template) -> Shown {
    match page.render() {
        Ok(text) => Ok(html(StatusCode::OK, text)),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            Err(Fault::Internal)
        }
    }
}

/// A page with another status than 200.
pub(super) fn show_with(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => html(status, text),
        Err(error) => {
            tracing::error!(%error, "a template failed");
            html(StatusCode::INTERNAL_SERVER_ERROR, "The program failed; its log says why.".to_owned())
        }
    }
}

fn html(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::from(&error)
    }
}

impl From<&StoreError> for Fault {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Fault::NotFound(format!("There is no {what} any more")),
            StoreError::Exists(_)
            | StoreError::Changed(_)
            | StoreError::Busy { .. }
            | StoreError::Contradiction(_) => Fault::Refused(shown::sentence(&error.to_string())),
            error => {
                let mut causes = error.to_string();
                let mut next = std::error::Error::source(error);
                while let Some(cause) = next {
                    causes.push_str(": ");
                    causes.push_str(&cause.to_string());
                    next = cause.source();
                }
                tracing::error!(causes, "the store failed under a page");
                if error.is_passing() { Fault::StoreAway } else { Fault::Internal }
            }
        }
    }
}

impl From<&SyncError> for Fault {
    fn from(error: &SyncError) -> Self {
        match error {
            SyncError::Store(error) => error.into(),
            error => Fault::Refused(shown::sentence(&live::failed_because(error))),
        }
    }
}
