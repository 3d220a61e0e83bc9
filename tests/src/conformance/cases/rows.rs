//! Good answers: what is reported of them, and what is not.

use std::collections::HashSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{Observation, Scope, ScopeKind, Status, Task};

use super::{Bench, Outcome, PASSED, Ran, Verdict};
use crate::conformance::{Show, UNHEARD_OF};

/// What a marketplace that shows this is reported as; `None` if the duty knows no such thing.
async fn shown(bench: &Bench<'_>, task: Task, show: Show) -> Result<Option<Ran>, String> {
    let Some(stage) = bench.stage(task, show, None).await? else { return Ok(None) };
    let ran = bench.pull(&stage, task).await?;
    match &ran.result {
        Ok(_) => Ok(Some(ran)),
        Err(error) => Err(format!("a sound answer ends the pull with `{error}`: read it as documented")),
    }
}

/// What rows are reported as.
pub(super) async fn good(bench: &Bench<'_>, task: Task) -> Result<Ran, String> {
    let ran = shown(bench, task, Show::Rows).await?;
    let ran = ran
        .ok_or("its subject shows no rows for this task: describe some in tests/src/conformance/subjects")?;
    if ran.observations.is_empty() {
        return Err("nothing is reported of a sound answer with rows: read them".to_owned());
    }
    Ok(ran)
}

pub(super) fn are_reported<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let ran = good(bench, task).await?;
        let scope = match bench.subject.scope(task) {
            Scope::Changed { .. } => ScopeKind::Changed,
            Scope::Orders(_) => ScopeKind::Orders,
        };
        match ran.observations.iter().find(|seen| !is_claimed(bench, seen, scope)) {
            None => PASSED,
            Some(seen) => Err(format!(
                "{:?} of orders shipped by {:?} is reported under {scope:?} and is not claimed: add the claim with its source, \
                 or do not report it",
                seen.status, seen.shipped_by
            )),
        }
    }
    .boxed()
}

/// Whether the descriptor has a claim for it. That an order exists needs none, and neither does a word without meaning.
fn is_claimed(bench: &Bench<'_>, seen: &Observation, scope: ScopeKind) -> bool {
    let Some(status) = seen.status.filter(|status| !matches!(status, Status::Created | Status::Unmapped))
    else {
        return true;
    };
    bench.host.descriptor().capabilities.iter().any(|claim| {
        claim.status == status
            && claim.scope == scope
            && seen.shipped_by.is_none_or(|by| by == claim.shipped_by)
    })
}

pub(super) fn repeat<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let once: HashSet<_> = good(bench, task).await?.observations.into_iter().collect();
        let again: HashSet<_> = good(bench, task).await?.observations.into_iter().collect();
        if once != again {
            return Err(
                "a second pull reports the same rows otherwise: let observations depend on rows alone"
                    .to_owned(),
            );
        }
        let Some(twice) = shown(bench, task, Show::RowsTwice).await? else {
            return Err(
                "its subject shows no row twice: rows repeat in every marketplace, describe how".to_owned()
            );
        };
        if twice.observations.into_iter().collect::<HashSet<_>>() == once {
            PASSED
        } else {
            Err("rows that come twice are reported otherwise: units of a row must not add up over repeats"
                .to_owned())
        }
    }
    .boxed()
}

pub(super) fn are_absent<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        match shown(bench, task, Show::Nothing).await? {
            None => Err("its subject has no answer without rows: describe one".to_owned()),
            Some(ran) if ran.observations.is_empty() => PASSED,
            Some(ran) => Err(format!(
                "{} observations of an answer without rows: what is not in an answer is not a fact",
                ran.observations.len()
            )),
        }
    }
    .boxed()
}

pub(super) fn stay_unmapped<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(ran) = shown(bench, task, Show::Unknown).await? else {
            return Ok(Outcome::NotForThis("its rows have no word of which an unknown one could be taken for a status"));
        };
        let is_raw = |seen: &Observation| seen.raw.to_ascii_uppercase().contains(UNHEARD_OF);
        match ran.observations.iter().find(|seen| seen.status != Some(Status::Unmapped) || !is_raw(seen)) {
            _ if ran.observations.is_empty() => {
                Err("a row with an unknown status is dropped: report it as UNMAPPED with its text".to_owned())
            }
            Some(seen) => Err(format!(
                "an unknown status becomes {:?} with the text `{}`: look words up in the table and guess none",
                seen.status, seen.raw
            )),
            None => PASSED,
        }
    }
    .boxed()
}

pub(super) fn are_unknown_somewhere<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let mut tasks = bench.host.descriptor().tasks.iter();
        if tasks
            .any(|&task| bench.subject.routes(task, Show::Unknown, "https://marketplace.invalid").is_some())
        {
            PASSED
        } else {
            Err("its subject shows an unknown status in no task: describe one".to_owned())
        }
    }
    .boxed()
}
