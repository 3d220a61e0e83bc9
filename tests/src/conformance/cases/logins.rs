//! Logins: refused, run out in the middle, and absent.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::ErrorKind;
use wiremock::ResponseTemplate;

use super::{Bench, Outcome, PASSED, Verdict, carries, denied, failed, struck};
use crate::conformance::{
    Refusal, Scene,
    stage::{Act, At, Fault, json, token},
};

pub(super) fn are_refused<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let login = bench.subject.login.as_ref();
        let login = login
            .ok_or("the descriptor has a login and fixtures/suite.toml none: describe it with [login]")?;
        for refused in &login.refused {
            let fault = Fault::always(ResponseTemplate::from(refused)).at(At::Login(refused.step));
            let stage = bench.stage(Act::rows(scene).fault(fault)).await;
            let ran = bench.pull(&stage).await?;
            failed(&ran, &[ErrorKind::Auth], "a login that is refused is `auth`, and ends the pull")?;
            let (logins, calls) = (stage.logins(), stage.struck().len());
            if (logins, calls) != (1, 0) {
                return Err(format!(
                    "{logins} logins and {calls} calls after a refusal: one login, and nothing after it"
                ));
            }
        }
        PASSED
    }
    .boxed()
}

/// That a login which ran out in the middle costs one login and one repeat.
async fn is_renewed(bench: &Bench<'_>, scene: &Scene, expired: &Refusal) -> Verdict {
    let undisturbed = bench.usual(scene).await?;
    let (stage, ran) = struck(bench, scene, Fault::once_seen(expired)).await?;
    if ran.result != undisturbed.result || ran.observations != undisturbed.observations {
        return Err(format!(
            "after a login that ran out the pull ends with {:?} and {} observations instead of {:?} and {}: send the token \
             by reference; a 401 is the host's, and any other form of it is for `Cx::send_signed_in`",
            ran.result,
            ran.observations.len(),
            undisturbed.result,
            undisturbed.observations.len()
        ));
    }
    // Each struck call is struck once, and each may cost a login.
    let logins = stage.logins();
    if !(2..=stage.calls_struck() + 1).contains(&logins) {
        return Err(format!("{logins} logins for one that ran out: one new login"));
    }
    let new = token(bench.id(), 2);
    if stage.struck().iter().any(|request| carries(request, &new)) {
        PASSED
    } else {
        Err("no repeat carries the new token: refer to it by `account_token()`".to_owned())
    }
}

pub(super) fn run_out<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move { is_renewed(bench, scene, &Refusal::bare(401)).await }.boxed()
}

/// The forms in which a login that ran out may look, besides the descriptor's HTTP statuses.
fn forms<'a>(bench: &Bench<'a>) -> &'a [Refusal] {
    bench.subject.login.as_ref().map_or(&[], |login| &login.expired)
}

fn none_otherwise() -> Outcome {
    Outcome::NotForThis("a login runs out with the descriptor's HTTP statuses only".to_owned())
}

pub(super) fn run_out_otherwise<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        for form in forms(bench) {
            is_renewed(bench, scene, form).await?;
        }
        if forms(bench).is_empty() { Ok(none_otherwise()) } else { PASSED }
    }
    .boxed()
}

/// That a login which never holds is `auth`, after one new login.
async fn is_given_up(bench: &Bench<'_>, scene: &Scene, expired: ResponseTemplate) -> Verdict {
    let (stage, ran) = struck(bench, scene, Fault::always(expired)).await?;
    let verdict = denied(scene, &ran, "a login that does not hold is `auth`")?;
    match stage.logins() {
        2 => Ok(verdict),
        logins => Err(format!("{logins} logins for one that does not hold: one new login, and then `auth`")),
    }
}

pub(super) fn do_not_hold<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    is_given_up(bench, scene, json(401, "")).boxed()
}

pub(super) fn never_hold<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        for form in forms(bench) {
            is_given_up(bench, scene, ResponseTemplate::from(form)).await?;
        }
        if forms(bench).is_empty() { Ok(none_otherwise()) } else { PASSED }
    }
    .boxed()
}

/// How a pull ends whose first login call brings this.
async fn first_step(
    bench: &Bench<'_>,
    scene: &Scene,
    reply: ResponseTemplate,
    kinds: &[ErrorKind],
    mend: &str,
) -> Verdict {
    let (stage, ran) = struck(bench, scene, Fault::always(reply).at(At::Login(1))).await?;
    failed(&ran, kinds, mend)?;
    match stage.data().len() {
        0 => PASSED,
        calls => Err(format!("{calls} calls for data without a login: nothing is sent then")),
    }
}

pub(super) fn are_down<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let mend = "a login that cannot be had now is `unavailable`, not `auth`: nobody's secrets are wrong";
        first_step(bench, scene, json(500, "<html>trouble</html>"), &[ErrorKind::Unavailable], mend).await?;
        first_step(bench, scene, json(503, ""), &[ErrorKind::Unavailable], mend).await
    }
    .boxed()
}

pub(super) fn are_unreadable<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let kinds = [ErrorKind::BadReply, ErrorKind::Auth, ErrorKind::Unavailable];
        let mend = "a login whose answer cannot be read has failed: `bad_reply`, or `auth` if it says no";
        for body in [
            "<html>Please sign in</html>",
            "",
            "{}",
            "[]",
            "null",
            r#"{"access_token":7}"#,
            r#"{"access_token":""}"#,
        ] {
            first_step(bench, scene, json(200, body), &kinds, &format!("{mend} (after `{body}`)")).await?;
        }
        // Cut behind the token: that it is not quoted is looked after by `pull`.
        let steps = bench.subject.login.as_ref().map_or(&[][..], |login| &login.steps);
        for (at, _) in steps.iter().enumerate().filter(|(_, step)| step.text.contains("{token}")) {
            let half = Fault::body(|text| text.as_bytes()[..text.len().saturating_sub(1)].to_vec());
            let (_, ran) = struck(bench, scene, half.at(At::Login(at + 1))).await?;
            failed(&ran, &kinds, mend)?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn have_no_login<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let stage = bench.stage(Act::rows(scene).fault(Fault::always(json(401, "")))).await;
        let ran = bench.pull(&stage).await?;
        failed(&ran, &[ErrorKind::Auth], "a 401 says that the secrets are not accepted, which is `auth`")
    }
    .boxed()
}
