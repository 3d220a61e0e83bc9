//! What a connector says about itself, and what it says to wrong settings.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{Descriptor, ErrorKind, ScopeKind, Setting, SettingKind, Status, Task};
use serde_json::{Map, Value, json};
use wiremock::Request;

use super::{Bench, Outcome, PASSED, Ran, Verdict};
use crate::conformance::{Scene, stage::Act};

pub(super) fn is_complete<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let gaps = gaps(bench.host.descriptor());
        if gaps.is_empty() { PASSED } else { Err(format!("complete the descriptor: {}", gaps.join("; "))) }
    }
    .boxed()
}

fn gaps(said: &Descriptor) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut need = |is_there: bool, what: &str| {
        if !is_there {
            gaps.push(what.to_owned());
        }
    };
    need(!said.name.trim().is_empty() && !said.api_version.trim().is_empty(), "name or API version is empty");
    need(!said.tasks.is_empty(), "no task");
    need(!said.capabilities.is_empty(), "no claim");
    need(!said.statuses.is_empty(), "no status table");
    need(!said.operations.is_empty(), "no rate plan");
    need(said.capabilities.iter().all(|claim| !claim.source.trim().is_empty()), "a claim without a source");
    need(said.operations.iter().all(|one| !one.source.trim().is_empty()), "a rate without a source");
    need(said.statuses.iter().all(|row| !row.source.trim().is_empty()), "a status row without a source");
    need(!said.limits.source.trim().is_empty(), "limits without a source");
    need(!said.auth.source.trim().is_empty(), "no source for how an account signs in");
    let limits = &said.limits;
    let sizes = [limits.look_back_secs, limits.window_secs, limits.reply_bytes];
    need(limits.page_size > 0 && limits.batch_size > 0 && sizes.iter().all(|size| *size > 0), "a limit of 0");
    for &task in &said.tasks {
        let scope = if task.is_by_id() { ScopeKind::Orders } else { ScopeKind::Changed };
        need(
            said.capabilities.iter().any(|claim| claim.scope == scope),
            &format!("task {task} without a claim of its scope"),
        );
    }
    gaps
}

pub(super) fn agrees<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    let said = bench.host.descriptor();
    let claimed: BTreeSet<Status> = said.capabilities.iter().map(|claim| claim.status).collect();
    let listed: BTreeSet<Status> = said.statuses.iter().filter_map(|row| row.status).collect();
    // That an order exists needs no claim: it moves nothing.
    let moving = listed.iter().filter(|status| **status != Status::Created);
    let unclaimed: Vec<&Status> = moving.filter(|status| !claimed.contains(status)).collect();
    let unlisted: Vec<&Status> = claimed.difference(&listed).collect();
    let verdict = if unclaimed.is_empty() && unlisted.is_empty() {
        PASSED
    } else {
        Err(format!(
            "{unclaimed:?} stand in a table and are not claimed, {unlisted:?} are claimed and stand in no table: add the \
             claims or the rows that are missing"
        ))
    };
    std::future::ready(verdict).boxed()
}

/// Values that a setting cannot have.
fn wrong(setting: &Setting) -> Vec<Value> {
    match setting.kind {
        _ if setting.secret => vec![json!({ "a": 1 }), json!([1])],
        SettingKind::Text => vec![json!({ "a": 1 }), json!([1])],
        SettingKind::Url => vec![json!("no url"), json!("ftp://marketplace.invalid"), json!(7)],
        SettingKind::Integer => vec![json!("many"), json!(1.5), json!(-1), json!(true)],
        SettingKind::Bool => vec![json!("perhaps"), json!(7)],
        SettingKind::Choice(_) => vec![json!("none of these"), json!([])],
        SettingKind::Table => vec![json!("no table"), json!(7)],
    }
}

/// That a pull with this value of a setting, or without one, is refused by its name before anything is sent.
async fn is_refused(bench: &Bench<'_>, setting: &Setting, value: Option<Value>) -> Result<(), String> {
    let Some(scene) = bench.subject.scenes.first() else {
        return Err("describe a scene in fixtures/suite.toml".to_owned());
    };
    let stage = bench.stage(Act::rows(scene)).await;
    let mut settings = stage.settings.clone();
    let shown = value.as_ref().map_or_else(|| "no value".to_owned(), ToString::to_string);
    match value {
        Some(value) => drop(settings.insert(setting.name.clone(), value)),
        None => drop(settings.remove(&setting.name)),
    }
    let ran = bench.pull_asked(bench.ask(scene, settings)).await?;
    match &ran.result {
        Err(error) if error.kind == ErrorKind::Config && error.message.contains(&setting.name) => {}
        Err(error) => {
            return Err(format!(
                "{shown} is answered with `{error}`: answer `config` and the setting's name"
            ));
        }
        Ok(_) => return Err(format!("{shown} is taken: answer `config` and the setting's name")),
    }
    match stage.data().len() + stage.logins() {
        0 => Ok(()),
        count => Err(format!("{count} requests left although {shown} is wrong: check settings in `new`")),
    }
}

pub(super) fn refuses<'a>(bench: &'a Bench<'a>, setting: &'a Setting) -> BoxFuture<'a, Verdict> {
    async move {
        for value in wrong(setting) {
            is_refused(bench, setting, Some(value)).await?;
        }
        PASSED
    }
    .boxed()
}

pub(super) fn needs<'a>(bench: &'a Bench<'a>, setting: &'a Setting) -> BoxFuture<'a, Verdict> {
    async move { is_refused(bench, setting, None).await.map(|()| Outcome::Passed) }.boxed()
}

/// What is sent and reported in a scene with these settings.
async fn sent(
    bench: &Bench<'_>,
    scene: &Scene,
    change: impl Fn(&mut Map<String, Value>),
) -> Result<(Vec<String>, Ran), String> {
    let stage = bench.stage(Act::rows(scene)).await;
    let mut settings = stage.settings.clone();
    change(&mut settings);
    let ran = bench.pull_asked(bench.ask(scene, settings)).await?;
    let line = |request: &Request| {
        let (path, query) = (request.url.path(), request.url.query().unwrap_or_default());
        format!("{} {path}?{query} {}", request.method, String::from_utf8_lossy(&request.body))
    };
    Ok((stage.data().iter().map(line).collect(), ran))
}

pub(super) fn counts<'a>(bench: &'a Bench<'a>, setting: &'a Setting) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(default) = &setting.default else { return PASSED };
        for scene in bench.subject.scenes.iter().filter(|scene| !scene.settings.contains_key(&setting.name)) {
            let absent = sent(bench, scene, |settings| drop(settings.remove(&setting.name))).await?;
            let told = sent(bench, scene, |settings| drop(settings.insert(setting.name.clone(), default.clone()))).await?;
            if absent.0 != told.0
                || absent.1.result != told.1.result
                || absent.1.observations != told.1.observations
            {
                return Err(format!(
                    "in scene {}, a channel without it behaves otherwise than one with {default}: tell the default that the \
                     code takes",
                    scene.name
                ));
            }
        }
        PASSED
    }
    .boxed()
}

pub(super) fn is_declared<'a>(bench: &'a Bench<'a>, setting: &'a Setting) -> BoxFuture<'a, Verdict> {
    let said = bench.host.descriptor();
    let url = setting.default.as_ref().and_then(Value::as_str).unwrap_or_default();
    let host =
        url.split_once("://").map_or("", |(_, rest)| rest.split(['/', ':']).next().unwrap_or_default());
    let verdict = if said.hosts.iter().any(|known| known == host) {
        PASSED
    } else {
        Err(format!(
            "requests to {url} are refused, since `{host}` is not among the descriptor's hosts: add it"
        ))
    };
    std::future::ready(verdict).boxed()
}

pub(super) fn is_described<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    let scenes = &bench.subject.scenes;
    let said = bench.host.descriptor();
    let has_scene = |task: &&Task| scenes.iter().any(|scene| scene.task == **task && !scene.words_only);
    let without: Vec<&str> =
        said.tasks.iter().filter(|task| !has_scene(task)).map(|task| task.as_str()).collect();
    let odd = scenes.iter().find(|scene| !said.tasks.contains(&scene.task));
    let verdict = match (without.is_empty(), odd) {
        (false, _) => Err(format!("describe a scene of {} in fixtures/suite.toml", without.join(", "))),
        (true, Some(scene)) => {
            Err(format!("scene {} is of a task that the descriptor lacks: declare it", scene.name))
        }
        (true, None) => PASSED,
    };
    std::future::ready(verdict).boxed()
}

pub(super) fn can_be_kept<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    let said = bench.host.descriptor();
    let limits = &said.limits;
    let mut gaps = Vec::new();
    let mut need = |is_so: bool, what: String| {
        if !is_so {
            gaps.push(what);
        }
    };
    need(limits.window_secs <= limits.look_back_secs, "a window is longer than the look-back".to_owned());
    need(limits.settle_secs < limits.look_back_secs, "the overlap is longer than the look-back".to_owned());
    for one in &said.operations {
        let is_rate = one.per_second.is_finite() && one.per_second > 0.0 && one.burst > 0;
        need(is_rate, format!("operation `{}` can never be called", one.name));
    }
    for expired in &said.auth.expired_on {
        need((400..600).contains(expired), format!("HTTP {expired} does not say that a login ran out"));
    }
    need(said.auth.login || said.auth.expired_on.is_empty(), "`expired_on` without a login".to_owned());
    let verdict =
        if gaps.is_empty() { PASSED } else { Err(format!("mend the descriptor: {}", gaps.join("; "))) };
    std::future::ready(verdict).boxed()
}
