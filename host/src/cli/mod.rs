//! The command line: reads what was typed, calls the parts that do it, and says what came of it.
//!
//! One file for each noun. Data goes to stdout, talk to stderr; exit codes are in `exit`. Nothing is decided here.

mod api_key;
mod backup;
mod channel;
mod completions;
mod conflict;
mod connector;
mod connector_new;
mod connector_test;
mod connector_try;
mod context;
mod daemon;
mod database;
mod doctor;
mod doctor_tenants;
mod exit;
mod explain;
mod export;
mod facility;
mod import;
mod init;
mod migrate_store;
mod observe;
mod order;
mod order_filter;
mod order_show;
mod output;
mod parked;
mod progress;
mod putaway;
mod reload;
mod runs;
mod schema;
mod sequence;
mod signals;
mod stock;
mod sync;
mod tasks;
mod tenant;
mod tenant_move;
mod user;
mod values;
mod webhook;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, CommandFactory, Parser, Subcommand};

use self::{
    context::Context,
    exit::{Exit, Failure},
};
use crate::{config::Level, telemetry};

/// Keeps a seller's order book true to what the marketplaces did.
#[derive(Debug, Parser)]
#[command(
    name = "statusync",
    version,
    max_term_width = 110,
    after_help = "Examples:
  statusync init                                      a data directory, a configuration, a key
  statusync import acme.json                          a tenant with its channels and orders
  statusync tenant live acme                          from now on it is synced
  statusync sync --tenant acme --channel FK1 --all    ask the marketplace about every open order
  statusync order explain OD1 --tenant acme           why an order is as it is
  statusync run                                       keep everything true from now on

Exit codes: 0 done, 1 failed, 2 usage, 3 partly, 4 blocked or skipped, 5 credentials refused, 6 unreachable."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Global {
    /// The configuration file [default: config.toml in the data directory; env: STATUSYNC_CONFIG]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    config: Option<PathBuf>,
    /// The data directory [default: ~/.local/share/statusync; env: STATUSYNC_DATA]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    data: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true, help_heading = "Everywhere")]
    json: bool,
    /// Say nothing but warnings and errors
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    quiet: bool,
    /// How much to log to stderr
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Everywhere")]
    log: Option<Level>,
    /// Work with a PostgreSQL role that row security does not hold: a superuser, or the owner of the tables
    #[arg(long, global = true, help_heading = "Everywhere")]
    allow_privileged_role: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Run(daemon::Run),
    Reload(reload::Reload),
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    #[command(subcommand)]
    Channel(channel::ChannelCommand),
    #[command(subcommand)]
    Facility(facility::FacilityCommand),
    Import(import::Import),
    Export(export::Export),
    Sync(sync::Sync),
    Observe(observe::Observe),
    Tasks(tasks::Tasks),
    Runs(runs::Runs),
    #[command(subcommand)]
    Order(order::Order),
    #[command(subcommand)]
    Conflict(conflict::ConflictCommand),
    #[command(subcommand)]
    Parked(parked::Parked),
    #[command(subcommand)]
    Putaway(putaway::PutawayCommand),
    #[command(subcommand)]
    Sequence(sequence::SequenceCommand),
    #[command(subcommand)]
    Stock(stock::StockCommand),
    #[command(subcommand)]
    Connector(connector::ConnectorCommand),
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    Restore(backup::Restore),
    MigrateStore(migrate_store::MigrateStore),
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    Completions(completions::Completions),
    #[command(subcommand, hide = true)]
    Schema(schema::Schema),
}

impl Command {
    async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Command::Init(command) => command.run(context).await,
            Command::Run(command) => command.run(context).await,
            Command::Reload(command) => command.run(context).await,
            Command::Tenant(command) => command.run(context).await,
            Command::Channel(command) => command.run(context).await,
            Command::Facility(command) => command.run(context).await,
            Command::Import(command) => command.run(context).await,
            Command::Export(command) => command.run(context).await,
            Command::Sync(command) => command.run(context).await,
            Command::Observe(command) => command.run(context).await,
            Command::Tasks(command) => command.run(context).await,
            Command::Runs(command) => command.run(context).await,
            Command::Order(command) => command.run(context).await,
            Command::Conflict(command) => command.run(context).await,
            Command::Parked(command) => command.run(context).await,
            Command::Putaway(command) => command.run(context).await,
            Command::Sequence(command) => command.run(context).await,
            Command::Stock(command) => command.run(context).await,
            Command::Connector(command) => command.run(context).await,
            Command::ApiKey(command) => command.run(context).await,
            Command::User(command) => command.run(context).await,
            Command::Webhook(command) => command.run(context).await,
            Command::Doctor(command) => command.run(context).await,
            Command::Backup(command) => command.run(context).await,
            Command::Restore(command) => command.run(context).await,
            Command::MigrateStore(command) => command.run(context).await,
            Command::Database(command) => command.run(context).await,
            Command::Completions(command) => command.run(context, &mut Cli::command()),
            Command::Schema(command) => command.run(context),
        }
    }
}

/// Does what the process was called for.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Help and version come this way too. If nobody reads them, that is no failure.
            let _ = refused.print();
            return ExitCode::from(u8::try_from(refused.exit_code()).unwrap_or(Exit::Usage as u8));
        }
    };
    let usual = match cli.command {
        Command::Run(_) => Level::Info,
        // Whoever writes a connector wants to hear what it logs.
        Command::Connector(_) => Level::Warn,
        // What a command has to say, it says itself.
        _ => Level::Error,
    };
    let context = Context::new(&cli.global);
    let (level, format) = context.logging();
    let keeps_the_log = matches!(&cli.command, Command::Connector(command) if command.keeps_the_log());
    if !keeps_the_log {
        telemetry::start(cli.global.log.or(level).unwrap_or(usual), format);
    }
    let out = context.out;
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.command.run(&context)),
        Err(error) => Err(Failure::failed(format!("the system gives no threads: {error}"))),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(Failure { exit, sentence }) => {
            if let Some(sentence) = sentence {
                out.tell(&format!("error: {sentence}"));
            }
            exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
