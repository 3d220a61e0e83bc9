//! `connector list|new|test|check|try|docs`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use plugin_api::{Descriptor, ShippedBy};
use serde_json::{Value, json};

use super::{
    connector_new::New,
    connector_test::Test,
    connector_try::Try,
    context::Context,
    exit::{Exit, Failure},
    output::Out,
    reload::Reload,
};
use crate::{
    plugins::{self, Connector, Registry},
    printed::{self, COLUMNS, LEGEND, cell},
};

/// Connectors: list what they can do, begin one, test it, check a file, try a pull, print a page
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync connector list
  statusync connector new bazaar --auth oauth2 --paging token
  statusync connector test bazaar
  statusync connector check libflipkart.so
  statusync connector try libflipkart.so --settings s.toml --task status")]
pub(super) enum ConnectorCommand {
    /// List the connectors that are loaded, what they can report, and the files that were refused
    #[command(after_help = "Examples:\n  statusync connector list\n  statusync connector list --json")]
    List,
    New(New),
    Test(Test),
    Reload(Reload),
    Check(Check),
    Try(Try),
    /// Print a connector's page: settings, statuses, limits, errors and what to do
    #[command(after_help = "Example:\n  statusync connector docs flipkart")]
    Docs {
        /// Its id
        id: String,
    },
}

/// Look a connector's file over, without a marketplace
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  statusync connector check target/release/libflipkart.so")]
pub(super) struct Check {
    /// The library
    file: PathBuf,
}

impl ConnectorCommand {
    /// Whether the command keeps what is logged to itself, to look through it.
    pub(super) fn keeps_the_log(&self) -> bool {
        matches!(self, ConnectorCommand::Test(_))
    }

    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            ConnectorCommand::List => list(context),
            ConnectorCommand::New(new) => new.run(context.out),
            ConnectorCommand::Test(test) => test.run(context).await,
            ConnectorCommand::Reload(reload) => reload.run(context).await,
            ConnectorCommand::Check(Check { file }) => {
                let checked = tokio::task::spawn_blocking(move || plugins::check(&file)).await;
                let report = checked.map_err(|_| Failure::failed("the check broke off; see the log"))?;
                check(context.out, &report)
            }
            ConnectorCommand::Try(attempt) => attempt.run(context).await,
            ConnectorCommand::Docs { id } => {
                let (registry, _passing) = context.connectors()?;
                let connector = context.connector(&registry, &id)?;
                context.out.line(printed::connector(&connector.descriptor).trim_end())?;
                Ok(Exit::Ok)
            }
        }
    }
}

fn check(out: Out, report: &plugins::CheckReport) -> Result<Exit, Failure> {
    if out.is_json {
        let lines: Vec<Value> = report
            .lines
            .iter()
            .map(|line| json!({ "name": line.name, "ok": line.is_ok, "sentence": line.sentence }))
            .collect();
        out.json(&json!({ "path": report.path, "ok": report.is_ok(), "lines": lines }))?;
    } else {
        for line in &report.lines {
            let mark = if line.is_ok { '✓' } else { '✗' };
            out.line(&format!("{mark} {:<13} {}", line.name, line.sentence))?;
        }
    }
    Ok(if report.is_ok() { Exit::Ok } else { Exit::Failed })
}

fn list(context: &Context) -> Result<Exit, Failure> {
    let out = context.out;
    let (registry, _passing) = context.connectors()?;
    let connectors = registry.list();
    if out.is_json {
        let described: Vec<Value> = connectors
            .iter()
            .map(|connector| {
                json!({
                    "id": connector.descriptor.id,
                    "version": connector.version.to_string(),
                    "abi": connector.abi.to_string(),
                    "path": connector.path,
                    "sha256": connector.sha256,
                    "descriptor": connector.descriptor,
                })
            })
            .collect();
        let refused: Vec<Value> = registry
            .refusals()
            .into_iter()
            .map(|refusal| json!({ "path": refusal.path, "sentence": refusal.sentence }))
            .collect();
        out.json(&json!({ "connectors": described, "refused": refused }))?;
        return Ok(Exit::Ok);
    }
    if connectors.is_empty() {
        let folders: Vec<String> =
            context.plugin_folders()?.iter().map(|dir| dir.display().to_string()).collect();
        out.say(&format!("no connectors were found in {}", folders.join(", ")));
    } else {
        files(out, &connectors)?;
        matrix(out, &connectors)?;
    }
    refusals(out, &registry);
    Ok(Exit::Ok)
}

fn files(out: Out, connectors: &[std::sync::Arc<Connector>]) -> Result<(), Failure> {
    let rows = connectors.iter().map(|connector| {
        let Descriptor { id, name, api_version, tasks, .. } = &connector.descriptor;
        let tasks: Vec<&str> = tasks.iter().map(|task| task.as_str()).collect();
        vec![
            id.clone(),
            connector.version.to_string(),
            name.clone(),
            api_version.clone(),
            tasks.join(" "),
            connector.path.display().to_string(),
        ]
    });
    out.table(&["connector", "version", "marketplace", "speaks", "tasks", "file"], rows)
}

fn matrix(out: Out, connectors: &[std::sync::Arc<Connector>]) -> Result<(), Failure> {
    let head: Vec<&str> =
        ["connector", "shipped by"].into_iter().chain(COLUMNS.map(|(name, _)| name)).collect();
    let rows = connectors.iter().flat_map(|connector| {
        [ShippedBy::Channel, ShippedBy::Seller].map(|by| {
            let said = &connector.descriptor;
            let cells = COLUMNS.map(|(_, status)| cell(said, status, by));
            [said.id.clone(), by.as_str().to_lowercase()].into_iter().chain(cells).collect()
        })
    });
    out.line("")?;
    out.table(&head, rows)?;
    out.line("")?;
    out.line(LEGEND)
}

fn refusals(out: Out, registry: &Registry) {
    for refusal in registry.refusals() {
        out.warn(&format!("refused: {}", refusal.sentence));
    }
}
