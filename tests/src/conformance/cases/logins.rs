//! Logins: refused, run out in the middle, and absent.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{ErrorKind, Task};
use wiremock::{
    Mock,
    matchers::{method, path},
};

use super::{Bench, PASSED, Verdict, failed, rows};
use crate::conformance::{
    Show,
    stage::{Fault, Stage, json, token},
};

async fn stage(bench: &Bench<'_>, task: Task, fault: Option<Fault>) -> Result<Stage, String> {
    let stage = bench.stage(task, Show::Rows, fault).await?;
    stage.ok_or_else(|| "its subject shows no rows for this task: describe some".to_owned())
}

pub(super) fn are_refused<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let login =
            bench.subject.login().ok_or("its descriptor has a login and its subject none: describe it")?;
        let stage = stage(bench, task, None).await?;
        let (status, body) = login.refused;
        let mock = Mock::given(method(login.method)).and(path(login.path)).respond_with(json(status, body));
        mock.with_priority(1).mount(&stage.server).await;
        let ran = bench.pull(&stage, task).await?;
        failed(&ran, &[ErrorKind::Auth], "a login that is refused is `auth`, and ends the pull")?;
        match (stage.logins(bench.subject).await, stage.struck().await.len()) {
            (1, 0) => PASSED,
            (logins, calls) => Err(format!(
                "{logins} logins and {calls} calls after a refusal: one login, and nothing after it"
            )),
        }
    }
    .boxed()
}

pub(super) fn run_out<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let undisturbed = rows::good(bench, task).await?;
        let stage = stage(bench, task, Some(Fault::once(json(401, "")))).await?;
        let ran = bench.pull(&stage, task).await?;
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
        // Each struck route is struck once.
        let requests = stage.struck().await;
        let new = token(bench.subject.id(), 2);
        let is_renewed = requests.iter().any(|request| {
            let in_header = request.headers.values().any(|value| value.to_str().is_ok_and(|text| text.contains(&new)));
            in_header || request.url.as_str().contains(&new)
        });
        if is_renewed { PASSED } else { Err("no repeat carries the new token: refer to it by `account_token()`".to_owned()) }
    }
    .boxed()
}

pub(super) fn have_no_login<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let stage = stage(bench, task, Some(Fault::always(json(401, "")))).await?;
        let ran = bench.pull(&stage, task).await?;
        failed(&ran, &[ErrorKind::Auth], "a 401 says that the secrets are not accepted, which is `auth`")
    }
    .boxed()
}
