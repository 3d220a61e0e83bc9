//! Answers that can be read and are not quite as documented: other types, other order, more or less than expected.

use std::collections::HashSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{ErrorKind, Observation};
use serde_json::{Map, Value, json};

use super::{Bench, Outcome, PASSED, Ran, Verdict, failed, rows, struck};
use crate::conformance::{
    PERSONAL, Scene,
    stage::{Act, Fault},
};

/// What an answer of another form may be taken for: one that cannot be read, or one that refuses the question.
const MISREAD: &[ErrorKind] = &[ErrorKind::BadReply, ErrorKind::BadRequest];

const NO_JSON: &str = "its answers are not JSON";

/// The struck answer as JSON.
async fn json_of(bench: &Bench<'_>, scene: &Scene) -> Option<Value> {
    serde_json::from_str(bench.stage(Act::rows(scene)).await.good_text()).ok()
}

fn no_json() -> Outcome {
    Outcome::NotForThis(NO_JSON.to_owned())
}

/// A pull from answers that went through `change`.
async fn changed(
    bench: &Bench<'_>,
    scene: &Scene,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> Result<Ran, String> {
    let fault = Fault::body(move |text| {
        let Ok(mut value) = serde_json::from_str::<Value>(text) else { return text.as_bytes().to_vec() };
        change(&mut value);
        value.to_string().into_bytes()
    });
    Ok(struck(bench, scene, fault).await?.1)
}

/// That a change of an answer changes nothing of what is reported.
async fn is_the_same(bench: &Bench<'_>, scene: &Scene, ran: &Ran, mend: &str) -> Verdict {
    let usual = bench.usual(scene).await?;
    let set = |ran: &Ran| ran.observations.iter().cloned().collect::<HashSet<Observation>>();
    match &ran.result {
        Ok(_) if set(ran) == set(&usual) => PASSED,
        Ok(_) => Err(format!("other facts are reported then: {mend}")),
        Err(error) => Err(format!("it ends with `{error}` then: {mend}")),
    }
}

pub(super) fn other_types_on_top<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(whole) = json_of(bench, scene).await else { return Ok(no_json()) };
        let other: Map<String, Value> = match whole {
            Value::Object(members) => {
                members.into_iter().map(|(name, _)| (name, json!({ "a": 7 }))).collect()
            }
            _ => Map::new(),
        };
        let mend = "an answer of other types than documented is `bad_reply`, and not one without rows";
        let scalars = [json!("text"), json!(7), json!(true), Value::Null];
        // A list at the top is what is documented of some, and no rows in it are no rows.
        let list = if json_of(bench, scene).await.is_some_and(|whole| whole.is_array()) {
            json!([7])
        } else {
            json!([])
        };
        for body in [Value::Object(other), list].into_iter().chain(scalars) {
            let said = format!("{mend} ({body:.60})");
            let ran = changed(bench, scene, move |value| *value = body.clone()).await?;
            failed(&ran, MISREAD, &said)?;
        }
        PASSED
    }
    .boxed()
}

/// The places of values in an answer, as JSON pointers; of a list only its first member.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push(at.clone());
                pointers(member, &at, found);
            }
        }
        Value::Array(members) => {
            if let Some(first) = members.first() {
                let at = format!("{at}/0");
                found.push(at.clone());
                pointers(first, &at, found);
            }
        }
        _ => {}
    }
}

/// Values of other types.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!(7), json!("seven"), json!({ "a": 7 })],
        Value::Bool(_) => vec![json!("perhaps"), json!(7), Value::Null],
        Value::Number(number) => {
            vec![json!(number.to_string()), json!("seven"), json!(1e300), json!(-1), json!([7]), Value::Null]
        }
        Value::String(_) => vec![json!(7), json!(""), json!({ "a": 7 }), json!([]), Value::Null],
        Value::Array(_) => vec![json!({ "a": 7 }), json!("seven"), json!([null]), Value::Null],
        Value::Object(_) => vec![json!([7]), json!("seven"), json!({}), Value::Null],
    }
}

pub(super) fn other_types<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(whole) = json_of(bench, scene).await else { return Ok(no_json()) };
        let mut places = Vec::new();
        pointers(&whole, "", &mut places);
        for place in places {
            for other in whole.pointer(&place).map(others).unwrap_or_default() {
                let (at, put) = (place.clone(), other.clone());
                // That what comes of it can be a fact, and is no breakdown, is looked after by `pull`.
                let ran = changed(bench, scene, move |value| {
                    if let Some(value) = value.pointer_mut(&at) {
                        *value = put.clone();
                    }
                });
                let ran = ran.await.map_err(|problem| format!("with {other} at {place}: {problem}"))?;
                if let Err(error) = &ran.result
                    && !MISREAD.contains(&error.kind)
                {
                    return Err(format!(
                        "with {other} at {place} it ends with `{error}`: that is `bad_reply`"
                    ));
                }
            }
        }
        PASSED
    }
    .boxed()
}

/// The members on the way to the outermost lists of records.
fn ways(value: &Value, at: &str, found: &mut Vec<String>) -> bool {
    let Value::Object(members) = value else {
        return value.as_array().is_some_and(|rows| rows.iter().any(Value::is_object));
    };
    let mut leads = false;
    for (name, member) in members {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if ways(member, &at, found) {
            found.push(at);
            leads = true;
        }
    }
    leads
}

fn remove(value: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    if let Some(Value::Object(members)) = value.pointer_mut(parent) {
        members.remove(&name.replace("~1", "/").replace("~0", "~"));
    }
}

pub(super) fn missing_rows<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(whole) = json_of(bench, scene).await else { return Ok(no_json()) };
        let mut places = Vec::new();
        ways(&whole, "", &mut places);
        for place in places {
            let at = place.clone();
            let ran = changed(bench, scene, move |value| remove(value, &at)).await?;
            if ran.result.is_ok() && ran.observations.is_empty() {
                return Err(format!(
                    "an answer without {place} is taken for one without rows: it is `bad_reply`, since nobody said that \
                     there are none"
                ));
            }
        }
        PASSED
    }
    .boxed()
}

/// Puts members that nobody has documented into every record.
fn grow(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(grow);
            members.insert(
                "suiteUndocumented".to_owned(),
                json!({ "name": PERSONAL, "lines": [PERSONAL, 7, null] }),
            );
        }
        Value::Array(members) => members.iter_mut().for_each(grow),
        _ => {}
    }
}

pub(super) fn more_than_documented<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if json_of(bench, scene).await.is_none() {
            return Ok(no_json());
        }
        let ran = changed(bench, scene, grow).await?;
        is_the_same(bench, scene, &ran, "pass members over that you do not know").await
    }
    .boxed()
}

/// Turns every list of records round.
fn reverse(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(reverse),
        Value::Array(members) => {
            members.iter_mut().for_each(reverse);
            members.reverse();
        }
        _ => {}
    }
}

pub(super) fn in_other_order<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if json_of(bench, scene).await.is_none() {
            return Ok(no_json());
        }
        let ran = changed(bench, scene, reverse).await?;
        is_the_same(bench, scene, &ran, "rows come in any order").await
    }
    .boxed()
}

pub(super) fn with_a_mark<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if json_of(bench, scene).await.is_none() {
            return Ok(no_json());
        }
        let fault = Fault::body(|text| [b"\xef\xbb\xbf", text.as_bytes()].concat());
        let (_, ran) = struck(bench, scene, fault).await?;
        is_the_same(
            bench,
            scene,
            &ran,
            "a byte order mark before JSON means nothing; `Reply::json` passes it over",
        )
        .await
    }
    .boxed()
}

pub(super) fn one_line<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if json_of(bench, scene).await.is_none() {
            return Ok(no_json());
        }
        // Written anew: other white space, other order of members, escapes where there were none.
        let ran = changed(bench, scene, |_| {}).await?;
        is_the_same(bench, scene, &ran, "read JSON as JSON, whatever its spaces").await
    }
    .boxed()
}

pub(super) fn sane<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        // Ids, quantities and times are looked after by `pull`.
        let ran = rows::shown(bench, Act::rows(scene)).await?;
        match ran.observations.iter().find(|seen| seen.raw.trim().is_empty()) {
            Some(seen) => {
                Err(format!("a fact of order {} has no `raw`: keep the marketplace's own text", seen.order))
            }
            None => PASSED,
        }
    }
    .boxed()
}
