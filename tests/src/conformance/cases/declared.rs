//! What a connector says about itself, and what it says to wrong settings.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{Descriptor, ErrorKind, ScopeKind, Setting, SettingKind, Status};
use serde_json::{Value, json};
use wiremock::MockServer;

use super::{Bench, PASSED, Verdict};

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

pub(super) fn refuses_settings<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let Some(scene) = bench.subject.scenes.first() else {
            return Err("describe a scene in fixtures/suite.toml".to_owned());
        };
        let server = MockServer::start().await;
        let sound = bench.settings(Some(scene), &server.uri());
        let mut problems = Vec::new();
        for setting in &bench.host.descriptor().settings {
            let mut tries = wrong(setting);
            if setting.required {
                tries.push(Value::Null);
            }
            for value in tries {
                let mut settings = sound.clone();
                if value.is_null() {
                    settings.remove(&setting.name);
                } else {
                    settings.insert(setting.name.clone(), value.clone());
                }
                let ran = bench.pull_with(settings, scene).await?;
                let is_named = |message: &str| message.contains(&setting.name);
                match &ran.result {
                    Err(error) if error.kind == ErrorKind::Config && is_named(&error.message) => {}
                    Err(error) => {
                        problems.push(format!("`{}` = {value} is answered with `{error}`", setting.name));
                    }
                    Ok(_) => problems.push(format!("`{}` = {value} is taken", setting.name)),
                }
            }
        }
        if !problems.is_empty() {
            return Err(format!("answer with `config` and the setting's name: {}", problems.join("; ")));
        }
        match server.received_requests().await.unwrap_or_default().len() {
            0 => PASSED,
            count => {
                Err(format!("{count} requests left although a setting was wrong: check settings in `new`"))
            }
        }
    }
    .boxed()
}
