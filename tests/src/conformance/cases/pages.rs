//! Lists of several pages: they end, a page that fails costs the others nothing, and the mark stays where it was.

use std::{collections::HashSet, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{ErrorKind, Mark, Observation, Scope};

use super::{Bench, Outcome, PASSED, Ran, Verdict};
use crate::conformance::{
    Ask, Refusal, Scene,
    stage::{Act, At, Fault, Show, Stage, json as reply, token},
};

/// A list of two pages is read in fewer requests, even if each page is asked for several times over.
const MOST_REQUESTS: usize = 60;

/// How long a list without end may be read before the run is ended.
const PATIENCE: Duration = Duration::from_millis(400);

/// Why a scene has no second page, or that it lacks one.
fn unpaged(scene: &Scene) -> Option<Verdict> {
    if scene.twice.iter().any(|route| route.second) {
        return None;
    }
    Some(match &scene.unpaged {
        Some(why) => Ok(Outcome::NotForThis(why.clone())),
        None => Err(
            "its list has no second page: describe one with [[scenes.twice]] and `second = true`, or say with `unpaged` why \
             there is none"
                .to_owned(),
        ),
    })
}

/// A pull of two pages, the second of which goes wrong.
async fn second<'a>(bench: &Bench<'a>, scene: &'a Scene, fault: Fault) -> Result<(Stage<'a>, Ran), String> {
    let act = Act::new(scene, Show::Twice).fault(fault.at(At::Second));
    let stage = bench.stage(act).await;
    let ran = bench.pull(&stage).await?;
    Ok((stage, ran))
}

fn facts(ran: &Ran) -> HashSet<&Observation> {
    ran.observations.iter().collect()
}

/// That a pull ended with an error of these kinds, told what the first page showed, and left the mark where it was.
async fn first_counts(
    bench: &Bench<'_>,
    scene: &Scene,
    ran: &Ran,
    kinds: &[ErrorKind],
    mend: &str,
) -> Verdict {
    let undisturbed = bench.undisturbed(scene, Show::Twice).await?;
    match &ran.result {
        Ok(_) => return Err(format!("the pull ends well, and its mark says that all was read: {mend}")),
        Err(error) if !kinds.contains(&error.kind) => return Err(format!("it ended with `{error}`: {mend}")),
        Err(_) => {}
    }
    if let Some(mark) = moved(scene, &ran.checkpoints) {
        return Err(format!(
            "a checkpoint says that all was read until {mark}, which it was not: move it after the last page"
        ));
    }
    if facts(ran) != facts(&undisturbed) {
        return Err(
            "the rows of the page that could be read are not reported: report each page as it is read"
                .to_owned(),
        );
    }
    PASSED
}

/// A mark that moved past the beginning of the window.
fn moved(scene: &Scene, marks: &[Mark]) -> Option<i64> {
    let Scope::Changed { since, .. } = scene.scope else { return None };
    marks.iter().filter_map(|mark| mark.complete_until).find(|until| *until > since)
}

pub(super) fn are_read_to_the_end<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let stage = bench.stage(Act::new(scene, Show::Twice)).await;
        let ran = bench.pull(&stage).await?;
        let mark = ran.result.map_err(|error| format!("two sound pages end with `{error}`: read them both"))?;
        if stage.second().is_empty() {
            return Err("the second page is not asked for: read on until the marketplace says that there is no more".to_owned());
        }
        let Scope::Changed { until, .. } = scene.scope else { return PASSED };
        match mark.complete_until {
            Some(complete) if complete > until => Err(format!(
                "the mark says that all was read until {complete}, and the window ends at {until}: no mark beyond the window"
            )),
            _ => PASSED,
        }
    }
    .boxed()
}

pub(super) fn cut<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let half = Fault::body(|text| text.as_bytes()[..text.len() / 2].to_vec());
        let (_, ran) = second(bench, scene, half).await?;
        let mend = "half a page is `bad_reply`";
        first_counts(bench, scene, &ran, &[ErrorKind::BadReply], mend).await
    }
    .boxed()
}

pub(super) fn down<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let (_, ran) = second(bench, scene, Fault::always(reply(500, ""))).await?;
        let mend = "a page that cannot be had is `unavailable`";
        first_counts(bench, scene, &ran, &[ErrorKind::Unavailable], mend).await
    }
    .boxed()
}

pub(super) fn down_for_a_moment<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let undisturbed = bench.undisturbed(scene, Show::Twice).await?;
        let (_, ran) = second(bench, scene, Fault::once(reply(502, ""))).await?;
        if ran.result == undisturbed.result && facts(&ran) == facts(&undisturbed) {
            PASSED
        } else {
            Err(format!(
                "it ends with {:?}: leave what passes to the host, which repeats the request",
                ran.result
            ))
        }
    }
    .boxed()
}

pub(super) fn limited<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let fault = reply(429, "").insert_header("retry-after", "3600");
        let (_, ran) = second(bench, scene, Fault::always(fault)).await?;
        let mend = "a limit ends the pull with the host's own error";
        first_counts(bench, scene, &ran, &[ErrorKind::RateLimited], mend).await
    }
    .boxed()
}

/// That a login which ran out on the second page costs one login and one repeat of that page.
async fn is_renewed(bench: &Bench<'_>, scene: &Scene, expired: &Refusal) -> Verdict {
    let undisturbed = bench.undisturbed(scene, Show::Twice).await?;
    let (stage, ran) = second(bench, scene, Fault::once_seen(expired)).await?;
    if ran.result != undisturbed.result || facts(&ran) != facts(&undisturbed) {
        return Err(format!(
            "it ends with {:?}: a login that runs out between two pages is renewed, and that page is asked for again",
            ran.result
        ));
    }
    let new = token(bench.id(), 2);
    match (stage.logins(), stage.second().iter().any(|request| super::carries(request, &new))) {
        (2, true) => PASSED,
        (logins, _) => Err(format!(
            "{logins} logins for one that ran out: one more, and the page again with the new token"
        )),
    }
}

pub(super) fn login_runs_out<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        match unpaged(scene) {
            Some(verdict) => verdict,
            None => is_renewed(bench, scene, &Refusal::bare(401)).await,
        }
    }
    .boxed()
}

pub(super) fn login_runs_out_otherwise<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let forms = bench.subject.login.as_ref().map_or(&[][..], |login| &login.expired);
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        if forms.is_empty() {
            return Ok(Outcome::NotForThis(
                "a login runs out with the descriptor's HTTP statuses only".to_owned(),
            ));
        }
        for form in forms {
            is_renewed(bench, scene, form).await?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn in_a_circle<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let undisturbed = bench.undisturbed(scene, Show::Twice).await?;
        let stage = bench.stage(Act::new(scene, Show::Circle)).await;
        let ran = bench.pull(&stage).await?;
        let requests = stage.data().len();
        if requests > MOST_REQUESTS {
            return Err(format!(
                "{requests} requests for a page that leads to itself: end when a page or a link comes twice"
            ));
        }
        match &ran.result {
            Err(error) if error.kind != ErrorKind::BadReply => {
                Err(format!("it ended with `{error}`: pages that go in a circle are `bad_reply`"))
            }
            _ if facts(&ran) != facts(&undisturbed) => {
                Err("other facts are reported of a page that comes again and again: its rows are the same"
                    .to_owned())
            }
            _ => PASSED,
        }
    }
    .boxed()
}

pub(super) fn without_end<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        if scene.endless.is_empty() {
            return Ok(Outcome::NotForThis("[[scenes.endless]] describes no pages without end".to_owned()));
        }
        let stage = bench.stage(Act::new(scene, Show::Endless)).await;
        let ran =
            bench.pull_asked(Ask { limit: PATIENCE, ..bench.ask(scene, stage.settings.clone()) }).await?;
        match &ran.result {
            Err(error) if matches!(error.kind, ErrorKind::BadReply | ErrorKind::Unavailable) => {
                match moved(scene, &ran.checkpoints) {
                    None => PASSED,
                    Some(mark) => Err(format!(
                        "a checkpoint says that all was read until {mark}, while pages still came"
                    )),
                }
            }
            Err(error) => Err(format!("it ended with `{error}`: pages without end are `bad_reply`")),
            Ok(_) => {
                Err("it ended well, and its mark says that all was read, while pages still came".to_owned())
            }
        }
    }
    .boxed()
}

pub(super) fn are_gone_on_with<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if let Some(verdict) = unpaged(scene) {
            return verdict;
        }
        let undisturbed = bench.undisturbed(scene, Show::Twice).await?;
        let (_, broken) = second(bench, scene, Fault::always(reply(500, ""))).await?;
        let stage = bench.stage(Act::new(scene, Show::Twice)).await;
        let ask =
            Ask { mark: broken.checkpoints.last().cloned(), ..bench.ask(scene, stage.settings.clone()) };
        let again = bench.pull_asked(ask).await?;
        if let Err(error) = &again.result {
            return Err(format!(
                "the pull after one that was cut ends with `{error}`: go on from the last checkpoint"
            ));
        }
        let both: HashSet<&Observation> = facts(&broken).union(&facts(&again)).copied().collect();
        if both == facts(&undisturbed) {
            PASSED
        } else {
            Err("a pull that was cut and the one after it together report other facts than one that was not"
                .to_owned())
        }
    }
    .boxed()
}
