//! `connector try`: one pull of a connector's file, without a database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use plugin_api::{Millis, OrderRef, Scope, Task};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    context::{Context, Passing},
    exit::{Exit, Failure},
    sync::ErrorWords,
    values::{Moment, instant, moment, shown, task, text_of, toml_of},
};
use crate::{
    clock::{Clock, SystemClock},
    domain::time,
    nearest::with_suggestion,
    plugins::Connector,
    settings,
    sync::{Trial, TrialEvent, TrialHost},
};

/// How far back a window begins if nothing is said.
const SINCE: Duration = Duration::from_hours(24);

/// Run one pull of a connector and print what it observes
#[derive(Debug, Args)]
#[command(
    after_help = "The settings file is TOML: settings and secrets at top level, and, if wanted, a table [host] with
allow_loopback, rate_plan (false: calls are not paced), max_attempts, max_wait_ms.
Observations are printed as JSON lines. The last line is {\"mark\":…}, or {\"error\":…} if the pull failed.

Examples:
  statusync connector try libflipkart.so --settings s.toml --task status --since 2026-01-15T00:00:00Z
  statusync connector try libflipkart.so --settings s.toml --task pending --orders OD1,OD2
  statusync connector try libflipkart.so --settings s.toml --task delivery --refs refs.json"
)]
pub(super) struct Try {
    /// The library
    file: PathBuf,
    /// The file with settings and secrets; - is stdin
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// status, pending, delivery or returns
    #[arg(long, value_parser = task)]
    task: Task,
    /// These orders, by the channel's id, with commas between
    #[arg(long, value_delimiter = ',', value_name = "IDS", conflicts_with = "refs")]
    orders: Vec<String>,
    /// A JSON file with orders and the ids that are known of them
    #[arg(long, value_name = "FILE")]
    refs: Option<PathBuf>,
    /// Where the window begins: a time, or a length such as 12h [default: 24h]
    #[arg(long, value_parser = moment, value_name = "TIME")]
    since: Option<Moment>,
    /// Where the window ends: a time, or a length such as 1h [default: now]
    #[arg(long, value_parser = moment, value_name = "TIME")]
    until: Option<Moment>,
    /// The run's time, RFC 3339 [default: the time of day]
    #[arg(long, value_parser = instant, value_name = "TIME")]
    now: Option<Millis>,
}

/// The last line of a pull that succeeded.
#[derive(Debug, Serialize)]
struct MarkLine<'a> {
    mark: &'a str,
    complete_until: Option<String>,
}

/// The last line of a pull that failed.
#[derive(Debug, Serialize)]
struct ErrorLine<'a> {
    error: ErrorWords<'a>,
}

impl Try {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        let store = Passing::new()?;
        let connector =
            Connector::load(&self.file, &store.0).map_err(|error| Failure::failed(error.sentence()))?;
        let (settings, host) = self.read_settings(&connector)?;
        let scope = self.scope()?;
        let trial = Trial {
            connector: Arc::new(connector),
            settings,
            host,
            task: self.task,
            scope,
            mark: None,
            now: self.now,
        };
        let (mut reported, mut unwritten) = (0_u64, None);
        let mut told = |event: TrialEvent| {
            if let (TrialEvent::Observation(seen), None) = (event, &unwritten) {
                reported += 1;
                unwritten = out.json_line(&seen).err();
            }
        };
        let ended = trial.run(&mut told).await;
        if let Some(failure) = unwritten {
            return Err(failure);
        }
        match ended {
            Ok(mark) => {
                let until = mark.complete_until.map(time::text);
                out.json_line(&MarkLine { mark: &mark.text, complete_until: until })?;
                out.say(&format!("{reported} observations"));
                Ok(Exit::Ok)
            }
            Err(error) => {
                out.json_line(&ErrorLine { error: ErrorWords::of(&error) })?;
                out.tell(&format!("error: {error}"));
                Ok(if reported > 0 { Exit::Partly } else { Exit::of_error(error.kind) })
            }
        }
    }

    /// The settings file: what is the connector's, and what is the host's.
    fn read_settings(&self, connector: &Connector) -> Result<(Map<String, Value>, TrialHost), Failure> {
        let file = shown(&self.settings);
        let mut given = toml_of(&self.settings)?;
        let host = given.remove("host").map_or(Ok(TrialHost::default()), |host| {
            serde_json::from_value(host).map_err(|error| {
                Failure::usage(format!("{file}: [host]: {}", with_suggestion(&error.to_string())))
            })
        })?;
        let sorted = settings::sort(&connector.descriptor, &given)
            .map_err(|problems| Failure::usage(format!("{file}: {}", problems.join("; "))))?;
        let names = sorted.secrets.keys().cloned().collect();
        let missing = settings::missing(&connector.descriptor, &sorted.settings, &names);
        if let Some(setting) = missing.first() {
            let what = if setting.secret { "secret" } else { "setting" };
            return Err(Failure::usage(format!(
                "{file}: the {what} `{}` is missing: {}",
                setting.name, setting.help
            )));
        }
        let mut settings = sorted.settings;
        let secrets = sorted.secrets.into_iter().map(|(name, secret)| (name, Value::from(secret.reveal())));
        settings.extend(secrets);
        Ok((settings, host))
    }

    fn scope(&self) -> Result<Scope, Failure> {
        if let Some(file) = &self.refs {
            return Ok(Scope::Orders(read_refs(file)?));
        }
        let orders = self.orders.iter().map(|id| id.trim()).filter(|id| !id.is_empty());
        let orders: Vec<OrderRef> =
            orders.map(|order| OrderRef { order: order.to_owned(), ..OrderRef::default() }).collect();
        if !orders.is_empty() {
            return Ok(Scope::Orders(orders));
        }
        if self.task.is_by_id() && self.since.is_none() && self.until.is_none() {
            return Err(Failure::usage(format!(
                "task {} asks for orders by id: name them with --orders or --refs",
                self.task
            )));
        }
        let now = self.now.unwrap_or_else(|| SystemClock.now_ms());
        let day = Millis::try_from(SINCE.as_millis()).unwrap_or(Millis::MAX);
        let until = self.until.map_or(now, |until| until.at(now));
        let since = self.since.map_or(until.saturating_sub(day), |since| since.at(now));
        if since >= until {
            return Err(Failure::usage(format!(
                "the window begins at {} and ends at {}: --since must be before --until",
                time::text(since),
                time::text(until)
            )));
        }
        Ok(Scope::Changed { since, until })
    }
}

fn read_refs(file: &Path) -> Result<Vec<OrderRef>, Failure> {
    let text = text_of(file)?;
    let mut input = serde_json::Deserializer::from_str(&text);
    let refs: Vec<OrderRef> = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        Failure::usage(format!(
            "{}: {}: {}",
            shown(file),
            error.path(),
            with_suggestion(&error.inner().to_string())
        ))
    })?;
    if refs.is_empty() {
        return Err(Failure::usage(format!("{} names no order", shown(file))));
    }
    Ok(refs)
}
