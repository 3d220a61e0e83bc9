//! What arrives, read strictly: bodies, queries and addresses, each with precise words about what is wrong in it.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{header, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

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

/// Reads a body, which is an object whatever it is about; an error names line, column and field.
fn read<T: DeserializeOwned>(text: &str) -> Answer<T> {
    // Members could be read by their places, too.
    if text.trim_start().starts_with('[') && serde_json::from_str::<Value>(text).is_ok() {
        let problem = "it is a list, and must be an object with named members".to_owned();
        let wrong = Wrong { path: String::new(), line: Some(1), column: None, problem: problem.clone() };
        return Err(Problem::with(Kind::BodyWrong, problem, vec![wrong]));
    }
    let fault = match read_document(text) {
        Ok(read) => return Ok(read),
        Err(fault) => fault,
    };
    // Text that is no JSON at all is another matter than JSON of another shape.
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return Err(Problem::with(Kind::BodyMalformed, fault.to_string(), vec![fault.into()]));
    };
    if fault.problem.contains("floating point")
        && whole_numbers(&mut value)
        && let Ok(read) = T::deserialize(value)
    {
        return Ok(read);
    }
    Err(Problem::with(Kind::BodyWrong, fault.to_string(), vec![fault.into()]))
}

/// Writes `60.0` as `60`: to JSON Schema, and to programs that know one kind of number only, both are the same whole number.
/// Tells whether there was one.
fn whole_numbers(value: &mut Value) -> bool {
    /// Above this, not every whole number has a float of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < EXACT)
            else {
                return false;
            };
            #[expect(clippy::cast_possible_truncation, reason = "whole, and small enough to be exact")]
            let whole = float as i64;
            *number = whole.into();
            true
        }
        Value::Array(values) => values.iter_mut().fold(false, |found, value| whole_numbers(value) | found),
        Value::Object(members) => {
            members.iter_mut().fold(false, |found, (_, value)| whole_numbers(value) | found)
        }
        _ => false,
    }
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

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Plan {
        every: Vec<u32>,
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        assert_eq!(read::<Plan>(r#"{"every": [60.0, 1e2, 5]}"#).unwrap(), Plan { every: vec![60, 100, 5] });
    }

    #[test]
    fn what_is_no_whole_number_is_refused_by_its_place() {
        for text in [r#"{"every": [60.5]}"#, r#"{"every": [-1.0]}"#, r#"{"every": [1e300]}"#] {
            let refused = read::<Plan>(text).unwrap_err();
            assert_eq!(
                (refused.kind, refused.errors[0].path.as_str()),
                (Kind::BodyWrong, "every[0]"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_list_is_refused_although_its_members_would_do() {
        let refused = read::<Plan>("[[1, 2]]").unwrap_err();
        assert_eq!(refused.kind, Kind::BodyWrong);
        assert!(refused.errors[0].problem.contains("a list"), "{refused:?}");
        assert_eq!(read::<Plan>("[[1, 2]").unwrap_err().kind, Kind::BodyMalformed);
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        assert_eq!(read::<Plan>("{").unwrap_err().kind, Kind::BodyMalformed);
    }
}
