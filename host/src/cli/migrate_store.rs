//! `migrate-store --from … --to …`

use std::path::Path;

use clap::Args;

use super::{
    backup::counted,
    context::Context,
    exit::{Exit, Failure, sentence},
    output::length,
};
use crate::{
    app::{App, DataDir},
    config::{Config, DatabaseUrl},
    presence::{self, Presence, PresenceError},
    storage::{StoreError, migrate},
};

/// Move everything into another database, from SQLite to PostgreSQL or back, and prove that it is there
#[derive(Debug, Args)]
#[command(
    after_help = "`sqlite` is the file of the data directory, `postgres` the database that the configuration names; a path or URL
names another one. A PostgreSQL database must be ready (`statusync database prepare`), and the target must have no tenants.

Stop every daemon first, on other machines too. The source stays as it is. Each tenant's export is compared: the command
succeeds only if all are equal. If it is cut off, give the same command again.

Examples:
  statusync migrate-store --from sqlite --to postgres://statusync@db.example/statusync
  statusync migrate-store --from postgres --to sqlite"
)]
pub(super) struct MigrateStore {
    /// Where everything is: `sqlite`, `postgres`, a path or a URL
    #[arg(long, value_name = "DATABASE")]
    from: String,
    /// Where it goes: `sqlite`, `postgres`, a path or a URL
    #[arg(long, value_name = "DATABASE")]
    to: String,
}

impl MigrateStore {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (data, config) = (context.data()?, context.config()?);
        let (from, to) = (named(&self.from, config)?, named(&self.to, config)?);
        if from == to {
            return Err(Failure::usage("--from and --to are the same database"));
        }
        let side = |url: &Option<DatabaseUrl>| {
            let mut config = config.clone();
            config.database.url.clone_from(url);
            config
        };
        let (from, to) = (side(&from), side(&to));
        if let Some(file) = data.database(&from).filter(|file| !file.exists()) {
            return Err(Failure::failed(format!("there is no database {} to move", file.display())));
        }
        for config in [&from, &to] {
            alone_beside(data, config)?;
        }
        let source = App::open(data.clone(), from)?;
        let now = source.clock.now_ms();
        let _alone = Presence::take(data.path(), now).map_err(|error| match error {
            PresenceError::Taken { .. } => stop_it_first(&sentence(&error)),
            PresenceError::File { .. } => Failure::failed(sentence(&error)),
        })?;
        let target = App::open(data.clone(), to.clone())?.store;
        let out = context.out;
        let moved = migrate::everything(&source.store, &*target, now, &|step| match step {
            migrate::Step::Removed(count) => out.say(&format!(
                "an earlier attempt did not come to its end; what it had copied ({count} tenant{}) is removed and copied again",
                if count == 1 { "" } else { "s" }
            )),
            migrate::Step::Copying(tenant) => out.say(&format!("copying tenant {tenant}")),
            migrate::Step::Comparing(tenant) => out.say(&format!("comparing tenant {tenant}")),
        })
        .await
        .map_err(|error| match error {
            StoreError::Exists(what) => {
                Failure::new(Exit::Blocked, format!("{what} is there already; name an empty database"))
            }
            StoreError::Changed(_) => Failure::new(
                Exit::Blocked,
                "runs were made at the source meanwhile: a daemon or a command works on it; stop it and give the same command \
                 again",
            ),
            other => other.into(),
        })?;
        for (tenant, digest) in &moved.tenants {
            out.say(&format!("tenant {tenant}: equal, {} bytes, SHA-256 {}", digest.bytes, digest.sha256));
        }
        let held = counted(moved.tenants.len(), moved.rows);
        out.say(&format!("{held} were moved in {}", length(source.clock.now_ms() - now)));
        out.say(&next(data, &to, &self.to));
        Ok(Exit::Ok)
    }
}

/// What a side is called, as a configuration says it; `None` is the file of the data directory.
fn named(text: &str, config: &Config) -> Result<Option<DatabaseUrl>, Failure> {
    let configured = &config.database.url;
    match text {
        "sqlite" => Ok(configured.clone().filter(|url| matches!(url, DatabaseUrl::Sqlite(_)))),
        "postgres" | "postgresql" => match configured {
            Some(url @ DatabaseUrl::Postgres(_)) => Ok(Some(url.clone())),
            _ => Err(Failure::usage(
                "the configuration names no PostgreSQL database; give its URL, such as postgres://statusync@db.example/statusync",
            )),
        },
        other => DatabaseUrl::try_from(other.to_owned()).map(Some).map_err(Failure::usage),
    }
}

/// Refuses a file that lies in another data directory whose daemon runs.
fn alone_beside(data: &DataDir, config: &Config) -> Result<(), Failure> {
    let Some(file) = data.database(config) else { return Ok(()) };
    let beside = file.parent().unwrap_or(Path::new("."));
    match presence::find(beside) {
        Some(note) => {
            Err(stop_it_first(&format!("a daemon runs on {}, process {}", beside.display(), note.pid)))
        }
        None => Ok(()),
    }
}

fn stop_it_first(what: &str) -> Failure {
    Failure::new(Exit::Blocked, format!("{what}; stop it first"))
}

/// What to change now.
fn next(data: &DataDir, to: &Config, typed: &str) -> String {
    let file = data.config_file().display().to_string();
    let line = match &to.database.url {
        None => format!("take `url` out of [database] in {file}"),
        Some(DatabaseUrl::Sqlite(path)) => format!("set [database] url = \"{}\" in {file}", path.display()),
        // As it was typed it may hold a password, which is on the screen already; as it was configured it stands there.
        Some(DatabaseUrl::Postgres(_))
            if typed.starts_with("postgres:") || typed.starts_with("postgresql:") =>
        {
            format!("set [database] url in {file} to the URL that you gave as --to")
        }
        Some(DatabaseUrl::Postgres(_)) => format!("[database] url in {file} names it already"),
    };
    format!(
        "next: {line}, then start the daemon. Do not let the old database work any more: both would give invoice numbers"
    )
}
