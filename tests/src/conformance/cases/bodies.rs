//! Bodies that cannot be read: none of them is an answer without rows.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::ErrorKind;
use wiremock::ResponseTemplate;

use super::{Bench, Outcome, PASSED, Verdict, failed, no_answer, struck};
use crate::conformance::{
    Scene,
    stage::{Fault, json as reply},
};

/// Deeper than any reader goes.
const DEPTH: usize = 100_000;

const PAGE: &str = "<!doctype html><html><body>Please sign in</body></html>";

async fn bad_reply(bench: &Bench<'_>, scene: &Scene, fault: ResponseTemplate, mend: &str) -> Verdict {
    let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
    failed(&ran, &[ErrorKind::BadReply], mend)
}

pub(super) fn html<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let kinds = no_answer(bench, |expired| expired.text.trim_start().starts_with('<'));
        let said = ResponseTemplate::new(200).set_body_raw(PAGE, "text/html; charset=utf-8");
        for page in [reply(200, PAGE), said] {
            let (_, ran) = struck(bench, scene, Fault::always(page)).await?;
            failed(&ran, kinds, "a page for people is no answer: `bad_reply`")?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn empty<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let mend = "an empty body is no answer without rows: `bad_reply`";
        bad_reply(bench, scene, reply(200, ""), mend).await?;
        bad_reply(bench, scene, reply(200, " \r\n"), mend).await
    }
    .boxed()
}

pub(super) fn cut<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        for part in [2, 10] {
            let fault = Fault::body(move |text| text.as_bytes()[..text.len() - text.len() / part].to_vec());
            let (_, ran) = struck(bench, scene, fault).await?;
            failed(&ran, &[ErrorKind::BadReply], "a part of an answer is none: `bad_reply`")?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn not_text<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    let bytes = ResponseTemplate::new(200).set_body_raw(vec![0x93, 0xff, 0xfe, 0, 0x80], "application/json");
    async move { bad_reply(bench, scene, bytes, "bytes that are no text are no answer: `bad_reply`").await }
        .boxed()
}

pub(super) fn badly_packed<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let fault = reply(200, "this is not packed").insert_header("content-encoding", "gzip");
        let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
        let kinds = [ErrorKind::BadReply, ErrorKind::Unavailable];
        failed(&ran, &kinds, "hand the host's error on as it is")
    }
    .boxed()
}

pub(super) fn deep<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let mend = "read replies with a reader that limits nesting";
        let lists = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        bad_reply(bench, scene, reply(200, &lists), mend).await?;
        bad_reply(bench, scene, reply(200, &"{\"a\":".repeat(DEPTH)), mend).await?;
        let markup = reply(200, &"<a>".repeat(DEPTH));
        let (_, ran) = struck(bench, scene, Fault::always(markup)).await?;
        failed(&ran, no_answer(bench, |expired| expired.text.trim_start().starts_with('<')), mend)
    }
    .boxed()
}

pub(super) fn huge<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(scene) = bench.subject.scenes.first() else {
            return Err("describe a scene in fixtures/suite.toml".to_owned());
        };
        let most = bench.host.descriptor().limits.reply_bytes;
        let Ok(most) = usize::try_from(most) else {
            return Ok(Outcome::NotForThis("it reads more than this machine can hold".to_owned()));
        };
        // Well-formed with or without rows, but for its size.
        let fault = Fault::body(move |text| {
            let mut body = text.as_bytes().to_vec();
            body.resize(body.len() + most, b' ');
            body
        });
        let (_, ran) = struck(bench, scene, fault).await?;
        failed(
            &ran,
            &[ErrorKind::BadReply],
            "hand the host's error on as it is, and declare `reply_bytes` as they are",
        )
    }
    .boxed()
}
