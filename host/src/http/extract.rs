//! What arrives, read strictly: bodies, queries and addresses, each with precise words about what is wrong in it.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{
    Api,
    problem::{Answer, Kind, Problem, Wrong},
};
use crate::import::read_document;

/// A JSON body.
pub(super) struct Body<T>(pub T);

/// A query; parameters that are not known are refused.
pub(super) struct Ask<T>(pub T);

/// The variable parts of an address.
pub(super) struct At<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Answer<Self> {
        let text = Text::from_request(request, api).await?.0;
        read(&text).map(Body)
    }
}

/// The text of a JSON body, for those who read it themselves.
pub(super) struct Text(pub String);

impl FromRequest<Arc<Api>> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Answer<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" {
            let said = if kind.is_empty() { "it names no type".to_owned() } else { format!("it is {kind}") };
            return Err(Problem::new(Kind::BodyNotJson, said));
        }
        // How much is read was seen to before.
        let bytes = Bytes::from_request(request, api).await;
        let bytes = bytes.map_err(|error| Problem::new(Kind::BodyMalformed, error.to_string()))?;
        String::from_utf8(bytes.into()).map(Text).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Problem::new(Kind::BodyMalformed, format!("it is not UTF-8 from byte {place} on"))
        })
    }
}

/// Reads a body; an error names line, column and field.
fn read<T: DeserializeOwned>(text: &str) -> Answer<T> {
    read_document(text).map_err(|fault| {
        // Text that is no JSON at all is another matter than JSON of another shape.
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let kind = if is_json { Kind::BodyWrong } else { Kind::BodyMalformed };
        Problem::with(kind, fault.to_string(), vec![fault.into()])
    })
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Ask<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Answer<Self> {
        match Query::<T>::from_request_parts(parts, api).await {
            Ok(Query(query)) => Ok(Ask(query)),
            Err(error) => {
                let text = error.body_text();
                let said = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, said)| said);
                let (name, problem) = said.split_once(": ").unwrap_or(("", said));
                Err(wrong_query(&format!("{name}: {}", crate::nearest::with_suggestion(problem))))
            }
        }
    }
}

/// A query parameter that makes no sense: `limit: …`.
pub(super) fn wrong_query(said: &str) -> Problem {
    let (path, problem) = said.split_once(": ").unwrap_or(("", said));
    let wrong = Wrong { path: path.to_owned(), line: None, column: None, problem: problem.to_owned() };
    Problem::with(Kind::QueryWrong, said, vec![wrong])
}

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Answer<Self> {
        match Path::<T>::from_request_parts(parts, api).await {
            Ok(Path(parts)) => Ok(At(parts)),
            Err(error) => Err(Problem::new(Kind::PathWrong, error.body_text())),
        }
    }
}
