//! Good answers: what is reported of them, and what is not.

use std::{collections::HashSet, sync::PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{Observation, ScopeKind, Status};

use super::{Bench, PASSED, Ran, Verdict};
use crate::conformance::{
    Scene,
    stage::{Act, Show},
};

/// What a marketplace that shows this is reported as.
pub(super) async fn shown(bench: &Bench<'_>, act: Act<'_>) -> Result<Ran, String> {
    let stage = bench.stage(act).await;
    let ran = bench.pull(&stage).await?;
    let unanswered = stage.unanswered();
    match &ran.result {
        _ if !unanswered.is_empty() => Err(format!(
            "fixtures/suite.toml has no answer to {}: add a route to scene {}, or do not ask for it",
            unanswered.join(", "),
            stage.scene.name
        )),
        Ok(_) => Ok(ran),
        Err(error) => Err(format!(
            "in scene {}, a sound answer ends the pull with `{error}`: read it as documented",
            stage.scene.name
        )),
    }
}

impl Bench<'_> {
    /// What the rows of a scene are reported as when nothing disturbs; asked once.
    pub(super) async fn usual(&self, scene: &Scene) -> Result<Ran, String> {
        self.undisturbed(scene, Show::Rows).await
    }

    /// What a scene is reported as when nothing disturbs; asked once.
    pub(super) async fn undisturbed(&self, scene: &Scene, show: Show) -> Result<Ran, String> {
        let known = || self.usual.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (scene.name.clone(), show);
        if let Some(ran) = known().get(&key) {
            return ran.clone();
        }
        let ran = shown(self, Act::new(scene, show)).await.and_then(|ran| match ran.observations.len() {
            0 => Err("nothing is reported of a sound answer with rows: read them".to_owned()),
            _ => Ok(ran),
        });
        known().insert(key, ran.clone());
        ran
    }
}

pub(super) fn are_reported<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let ran = bench.usual(scene).await?;
        let scope = scene.scope_kind();
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

pub(super) fn same<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let (once, again) = (bench.usual(scene).await?, shown(bench, Act::rows(scene)).await?);
        if once.observations == again.observations {
            PASSED
        } else {
            Err("a second pull reports the same rows otherwise: let observations depend on rows alone"
                .to_owned())
        }
    }
    .boxed()
}

pub(super) fn repeat<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if scene.twice.is_empty() {
            return Err(
                "no row comes twice: rows repeat in every marketplace; describe how with [[scenes.twice]]"
                    .to_owned(),
            );
        }
        let once: HashSet<_> = bench.usual(scene).await?.observations.into_iter().collect();
        let twice = bench.undisturbed(scene, Show::Twice).await?;
        if twice.observations.into_iter().collect::<HashSet<_>>() == once {
            PASSED
        } else {
            Err("rows that come twice are reported otherwise: units of a row must not add up over repeats"
                .to_owned())
        }
    }
    .boxed()
}

pub(super) fn are_absent<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        if scene.nothing.is_empty() {
            return Err("no answer is without rows: describe one with [[scenes.nothing]]".to_owned());
        }
        match shown(bench, Act::new(scene, Show::Nothing)).await?.observations.len() {
            0 => PASSED,
            count => Err(format!(
                "{count} observations of an answer without rows: what is not in an answer is not a fact"
            )),
        }
    }
    .boxed()
}
