//! Answers that are none: limits, outages, and bodies that cannot be read.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::ErrorKind;
use serde_json::{Map, Value, json};
use wiremock::{MockServer, ResponseTemplate};

use super::{Bench, Outcome, PASSED, Ran, Verdict, failed};
use crate::conformance::{
    Refusal, Scene,
    stage::{Act, Fault, Stage, json as reply},
};

/// Deeper than any reader goes.
const DEPTH: usize = 100_000;

async fn struck<'a>(bench: &Bench<'a>, scene: &'a Scene, fault: Fault) -> Result<(Stage<'a>, Ran), String> {
    let stage = bench.stage(Act::rows(scene).fault(fault)).await;
    let ran = bench.pull(&stage).await?;
    Ok((stage, ran))
}

/// That a failure which passed left no trace but one request more.
async fn is_not_seen(bench: &Bench<'_>, scene: &Scene, fault: ResponseTemplate) -> Verdict {
    let undisturbed = bench.usual(scene).await?;
    let calm = bench.stage(Act::rows(scene)).await;
    bench.pull(&calm).await?;
    let (stage, ran) = struck(bench, scene, Fault::once(fault)).await?;
    if ran.result != undisturbed.result || ran.observations != undisturbed.observations {
        return Err(format!(
            "it ends with {:?}: leave what passes to the host, which repeats the request",
            ran.result
        ));
    }
    match (calm.struck().len() + calm.calls_struck(), stage.struck().len()) {
        (expected, sent) if expected == sent => PASSED,
        (expected, sent) => {
            Err(format!("{sent} requests instead of {expected}: leave repeating to the host"))
        }
    }
}

pub(super) fn short_limit<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, reply(429, "").insert_header("retry-after", "0")).boxed()
}

pub(super) fn passing<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, reply(500, "<html>trouble</html>")).boxed()
}

pub(super) fn long_limit<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let fault = reply(429, "").insert_header("retry-after", "3600");
        let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
        failed(&ran, &[ErrorKind::RateLimited], "a limit ends the pull with the host's own error")?;
        let advice = ran.result.err().and_then(|error| error.retry_after);
        if advice == Some(Duration::from_hours(1)) {
            PASSED
        } else {
            Err(format!("the advice became {advice:?}: hand the host's error on as it is"))
        }
    }
    .boxed()
}

pub(super) fn staying<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let (_, ran) = struck(bench, scene, Fault::always(reply(500, "<html>trouble</html>"))).await?;
        failed(&ran, &[ErrorKind::Unavailable], "a 5xx is an outage, which is `unavailable`")
    }
    .boxed()
}

async fn bad_reply(bench: &Bench<'_>, scene: &Scene, body: &str, mend: &str) -> Verdict {
    let (_, ran) = struck(bench, scene, Fault::always(reply(200, body))).await?;
    failed(&ran, &[ErrorKind::BadReply], mend)
}

pub(super) fn html<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let page = "<!doctype html><html><body>Please sign in</body></html>";
        let (_, ran) = struck(bench, scene, Fault::always(reply(200, page))).await?;
        let kinds = kinds_if(bench, |expired| expired.text.trim_start().starts_with('<'));
        failed(&ran, kinds, "a page for people is no answer: `bad_reply`")
    }
    .boxed()
}

/// What an answer that is none may end a pull with: also `auth`, if a login that ran out looks so.
fn kinds_if(bench: &Bench<'_>, looks_so: impl Fn(&Refusal) -> bool) -> &'static [ErrorKind] {
    let expired = bench.subject.login.iter().flat_map(|login| &login.expired);
    if expired.into_iter().any(looks_so) {
        &[ErrorKind::BadReply, ErrorKind::Auth]
    } else {
        &[ErrorKind::BadReply]
    }
}

pub(super) fn cut<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let whole = good_text(bench, scene).await;
        let half: String = whole.chars().take(whole.chars().count() / 2).collect();
        bad_reply(bench, scene, &half, "half an answer is none: `bad_reply`").await
    }
    .boxed()
}

pub(super) fn other_types<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let Ok(Value::Object(members)) = serde_json::from_str(&good_text(bench, scene).await) else {
            return Ok(Outcome::NotForThis("its answers are no JSON objects".to_owned()));
        };
        let other: Map<String, Value> =
            members.into_iter().map(|(name, _)| (name, json!({ "a": 7 }))).collect();
        let mend = "an answer of other types than documented is `bad_reply`, and not one without rows";
        for body in [Value::Object(other), json!([]), json!("text"), json!(7), Value::Null] {
            bad_reply(bench, scene, &body.to_string(), &format!("{mend} ({body:.60})")).await?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn deep<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let mend = "read replies with a reader that limits nesting";
        bad_reply(bench, scene, &format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)), mend).await?;
        bad_reply(bench, scene, &"{\"a\":".repeat(DEPTH), mend).await
    }
    .boxed()
}

pub(super) fn redirect<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let away = MockServer::start().await;
        let fault = reply(302, "").insert_header("location", away.uri().as_str());
        let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
        let kinds = kinds_if(bench, |expired| (300..400).contains(&expired.status));
        failed(&ran, kinds, "a redirect is no answer: `bad_reply`")?;
        match away.received_requests().await.unwrap_or_default().len() {
            0 => PASSED,
            _ => Err("a redirect was followed: send nothing to an address that a reply names".to_owned()),
        }
    }
    .boxed()
}

async fn good_text(bench: &Bench<'_>, scene: &Scene) -> String {
    bench.stage(Act::rows(scene)).await.good_text().to_owned()
}
