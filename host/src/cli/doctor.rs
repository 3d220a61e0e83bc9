//! `doctor`: looks over the host, then its tenants.

use std::{fs, path::Path};

use clap::Args;
use serde::Serialize;

use super::{
    context::Context,
    doctor_tenants,
    exit::{Exit, Failure, sentence},
};
use crate::{
    app::{App, DataDir},
    config::Config,
    plugins::Registry,
    secrets::Key,
};

/// Look everything over: files, configuration, database, connectors, channels, tasks
#[derive(Debug, Args)]
#[command(after_help = "Each line is ✓ (as it should be), ! (worth a look) or ✗ (wrong), with what to do. The exit code is 1 if anything is
wrong.

Examples:
  statusync doctor
  statusync doctor --json")]
pub(super) struct Doctor {}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Grade {
    /// As it should be.
    Ok,
    /// Worth a look.
    Look,
    /// Wrong.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    pub(super) grade: Grade,
    /// What was looked at.
    pub(super) about: String,
    /// What was found, and what to do.
    pub(super) sentence: String,
}

/// Everything that was looked at.
#[derive(Debug, Default)]
pub(super) struct Report(pub(super) Vec<Line>);

impl Report {
    pub(super) fn ok(&mut self, about: impl Into<String>, sentence: impl Into<String>) {
        self.add(Grade::Ok, about, sentence);
    }

    pub(super) fn look(&mut self, about: impl Into<String>, sentence: impl Into<String>) {
        self.add(Grade::Look, about, sentence);
    }

    pub(super) fn wrong(&mut self, about: impl Into<String>, sentence: impl Into<String>) {
        self.add(Grade::Wrong, about, sentence);
    }

    fn add(&mut self, grade: Grade, about: impl Into<String>, sentence: impl Into<String>) {
        self.0.push(Line { grade, about: about.into(), sentence: sentence.into() });
    }

    /// Takes a failure as something wrong.
    fn failed(&mut self, about: &str, failure: Failure) {
        self.wrong(about, failure.sentence.unwrap_or_default());
    }
}

impl Doctor {
    #[expect(clippy::unused_self, reason = "every command is run so")]
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut report = Report::default();
        look_over(context, &mut report).await?;
        let out = context.out;
        if out.is_json {
            out.json(&report.0)?;
        } else {
            for line in &report.0 {
                let mark = match line.grade {
                    Grade::Ok => '✓',
                    Grade::Look => '!',
                    Grade::Wrong => '✗',
                };
                out.line(&format!("{mark} {}: {}", line.about, line.sentence))?;
            }
        }
        let is_wrong = report.0.iter().any(|line| line.grade == Grade::Wrong);
        Ok(if is_wrong { Exit::Failed } else { Exit::Ok })
    }
}

async fn look_over(context: &Context, report: &mut Report) -> Result<(), Failure> {
    let data = context.data()?;
    directory(report, data.path());
    let config = match context.config() {
        Ok(config) => {
            report.ok("configuration", if data.config_file().exists() { "can be read" } else { "the defaults" });
            config.clone()
        }
        Err(failure) => {
            report.failed("configuration", failure);
            Config::default()
        }
    };
    if !data.path().is_dir() {
        return Ok(());
    }
    key(report, data);
    match context.connectors() {
        Ok((registry, _passing)) => {
            connectors(report, &registry, data, &config);
            match App::open(data.clone(), config) {
                Ok(app) => {
                    database(report, &app).await;
                    doctor_tenants::look_over(context, report, &app, &registry).await?;
                }
                Err(error) => report.wrong("database", sentence(&error)),
            }
        }
        // The configuration names the folders; that it is wrong was said.
        Err(_) => report.look("connectors", "not looked for, since the configuration cannot be read"),
    }
    Ok(())
}

fn directory(report: &mut Report, path: &Path) {
    let shown = path.display();
    if !path.is_dir() {
        report.wrong("data directory", format!("{shown} does not exist; `statusync init` makes it"));
        return;
    }
    let probe = path.join(format!(".doctor-{}", std::process::id()));
    match fs::write(&probe, b"x").and_then(|()| fs::remove_file(&probe)) {
        Ok(()) => report.ok("data directory", format!("{shown} can be written")),
        Err(error) => report.wrong(
            "data directory",
            format!("{shown} cannot be written ({error}); give this user write permission, or free some space"),
        ),
    }
}

fn key(report: &mut Report, data: &DataDir) {
    let path = data.key_file();
    if !path.exists() {
        let remedy = "restore it from the backup, or run `statusync init` if nothing was stored yet";
        report.wrong("key file", format!("{} is missing; {remedy}", path.display()));
        return;
    }
    match Key::load(&path) {
        Ok(_) => report.ok("key file", format!("{} is a key that only this user may read", path.display())),
        Err(error) => report.wrong("key file", sentence(&error)),
    }
}

fn connectors(report: &mut Report, registry: &Registry, data: &DataDir, config: &Config) {
    for dir in config.plugins.dirs.iter().map(|dir| data.path().join(dir)).filter(|dir| !dir.is_dir()) {
        report.wrong(
            "plugin folder",
            format!("{} does not exist; make it, or take it out of [plugins] dirs", dir.display()),
        );
    }
    let loaded = registry.list();
    let names: Vec<String> =
        loaded.iter().map(|connector| format!("{} {}", connector.descriptor.id, connector.version)).collect();
    if names.is_empty() {
        let folders: Vec<String> =
            data.plugin_folders(config).iter().map(|dir| dir.display().to_string()).collect();
        let sentence = format!("none are loaded; put their files into one of {}", folders.join(", "));
        report.look("connectors", sentence);
    } else {
        report.ok("connectors", names.join(", "));
    }
    for refusal in registry.refusals() {
        report.wrong("connector file", refusal.sentence);
    }
}

async fn database(report: &mut Report, app: &App) {
    let about = "database";
    match app.store.check().await {
        Ok(health) if health.faults.is_empty() => report.ok(
            about,
            format!("sound, {}, journal {}, schema {}", health.engine, health.journal, health.schema),
        ),
        Ok(health) => report.wrong(
            about,
            format!("damaged ({}); stop the host, keep the file, restore the last backup", health.faults.join("; ")),
        ),
        Err(error) => report.wrong(about, sentence(&error)),
    }
}
