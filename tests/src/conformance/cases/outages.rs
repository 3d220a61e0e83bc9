//! Answers whose HTTP status says that they are none.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::ErrorKind;
use wiremock::{MockServer, ResponseTemplate};

use super::{Bench, PASSED, Verdict, denied, failed, is_not_seen, no_answer, struck};
use crate::conformance::{
    Scene,
    stage::{Fault, json as reply},
};

const PAGE: &str = "<html><body><h1>Bad gateway</h1></body></html>";

fn gateway(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(PAGE, "text/html")
}

pub(super) fn passing_500<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, gateway(500)).boxed()
}

pub(super) fn passing_503<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_not_seen(bench, scene, gateway(503).insert_header("retry-after", "0")).boxed()
}

async fn stays(bench: &Bench<'_>, scene: &Scene, fault: ResponseTemplate) -> Verdict {
    let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
    failed(&ran, &[ErrorKind::Unavailable], "a 5xx is an outage, which is `unavailable`")
}

pub(super) fn staying_500<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    stays(bench, scene, reply(500, r#"{"error":"internal"}"#)).boxed()
}

pub(super) fn staying_502<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    stays(bench, scene, gateway(502)).boxed()
}

pub(super) fn staying_503<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    stays(bench, scene, reply(503, "")).boxed()
}

pub(super) fn forbidden<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let (stage, ran) =
            struck(bench, scene, Fault::always(reply(403, r#"{"message":"no access"}"#))).await?;
        let verdict = denied(scene, &ran, "a 403 says that this account may not, which is `auth`")?;
        match stage.logins() {
            0..=2 => Ok(verdict),
            logins => Err(format!("{logins} logins after a 403: one new login at most")),
        }
    }
    .boxed()
}

pub(super) fn refused<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let fault = reply(400, r#"{"code":"SUITE","message":"a parameter is wrong"}"#);
        let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
        let kinds = [ErrorKind::BadRequest, ErrorKind::BadReply, ErrorKind::Auth];
        failed(&ran, &kinds, "a refused request says nothing of orders: end with `bad_request`")
    }
    .boxed()
}

pub(super) fn gone<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let (_, ran) =
            struck(bench, scene, Fault::always(reply(404, r#"{"message":"no such page"}"#))).await?;
        let kinds = [ErrorKind::BadRequest, ErrorKind::BadReply];
        failed(&ran, &kinds, "a list that is not there is no empty list: end with `bad_request`")
    }
    .boxed()
}

pub(super) fn redirect<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let away = MockServer::start().await;
        let fault = reply(302, "").insert_header("location", away.uri().as_str());
        let (_, ran) = struck(bench, scene, Fault::always(fault)).await?;
        let kinds = no_answer(bench, |expired| (300..400).contains(&expired.status));
        failed(&ran, kinds, "a redirect is no answer: `bad_reply`")?;
        match away.received_requests().await.unwrap_or_default().len() {
            0 => PASSED,
            _ => Err("a redirect was followed: send nothing to an address that a reply names".to_owned()),
        }
    }
    .boxed()
}
