//! A marketplace that is asked too often, and says so in each of the ways that there are.

use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};
use plugin_api::ErrorKind;
use wiremock::ResponseTemplate;

use super::{Bench, PASSED, Ran, Verdict, failed, is_not_seen, struck};
use crate::conformance::{
    Scene,
    stage::{Fault, json as reply},
};

const HOUR: Duration = Duration::from_hours(1);

/// 429 with this advice.
fn limit(advice: &str) -> ResponseTemplate {
    reply(429, "").insert_header("retry-after", advice)
}

pub(super) fn passing<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, limit("0")).boxed()
}

pub(super) fn without_advice<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, reply(429, "")).boxed()
}

pub(super) fn date_gone<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, limit("Sun, 06 Nov 1994 08:49:37 GMT")).boxed()
}

/// How a pull ends whose calls are all answered with a 429 of this advice; the advice that is left.
async fn ended(bench: &Bench<'_>, scene: &Scene, advice: &str) -> Result<Option<Duration>, String> {
    let (_, ran): (_, Ran) = struck(bench, scene, Fault::always(limit(advice))).await?;
    failed(&ran, &[ErrorKind::RateLimited], "a limit ends the pull with the host's own error")?;
    Ok(ran.result.err().and_then(|error| error.retry_after))
}

pub(super) fn seconds<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        match ended(bench, scene, "3600").await? {
            Some(HOUR) => PASSED,
            advice => Err(format!("the advice became {advice:?}: hand the host's error on as it is")),
        }
    }
    .boxed()
}

pub(super) fn date<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let then = Timestamp::now() + SignedDuration::from_hours(1);
        let then = DateTimePrinter::new().timestamp_to_rfc9110_string(&then);
        let then = then.map_err(|error| format!("the suite cannot write a date: {error}"))?;
        match ended(bench, scene, &then).await? {
            Some(advice) if advice <= HOUR && advice + Duration::from_mins(1) > HOUR => PASSED,
            advice => Err(format!("the advice became {advice:?}: hand the host's error on as it is")),
        }
    }
    .boxed()
}

pub(super) fn absurd<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        for advice in ["315360000", "99999999999999999999999999", "soon"] {
            if let Some(wait) = ended(bench, scene, advice).await?.filter(|wait| *wait > HOUR) {
                return Err(format!("`Retry-After: {advice}` became {wait:?}: leave advice to the host"));
            }
        }
        PASSED
    }
    .boxed()
}
