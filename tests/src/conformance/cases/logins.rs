//! Logins: refused, run out in the middle, and absent.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::ErrorKind;
use wiremock::ResponseTemplate;

use super::{Bench, PASSED, Verdict, failed};
use crate::conformance::{
    Scene,
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

pub(super) fn run_out<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let undisturbed = bench.usual(scene).await?;
        let stage = bench.stage(Act::rows(scene).fault(Fault::once(json(401, "")))).await;
        let ran = bench.pull(&stage).await?;
        if ran.result != undisturbed.result || ran.observations != undisturbed.observations {
            return Err(format!(
                "after a login that ran out the pull ends with {:?} and {} observations instead of {:?} and {}: send the \
                 token by reference and leave 401 to the host",
                ran.result,
                ran.observations.len(),
                undisturbed.result,
                undisturbed.observations.len()
            ));
        }
        let new = token(bench.id(), 2);
        let is_renewed = stage.struck().iter().any(|request| {
            let in_header = request.headers.values().any(|value| value.to_str().is_ok_and(|text| text.contains(&new)));
            in_header
                || request.url.as_str().contains(&new)
                || String::from_utf8_lossy(&request.body).contains(&new)
        });
        if is_renewed { PASSED } else { Err("no repeat carries the new token: refer to it by `account_token()`".to_owned()) }
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
