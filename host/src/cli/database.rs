//! `database`: makes a PostgreSQL database ready for hosts.

use clap::{Args, Subcommand};

use super::{
    context::Context,
    exit::{Exit, Failure},
};
use crate::{app, storage::Postgres};

/// Make a PostgreSQL database ready
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync database prepare --url postgres://owner@db.example/statusync")]
pub(super) enum DatabaseCommand {
    Prepare(Prepare),
}

/// Make or update the tables as their owner, and let the hosts' role work with them
#[derive(Debug, Args)]
#[command(
    after_help = "The hosts work with another role than the owner: the one that `[database] url` names. It must exist, and gets
no right to change the tables, so that row security keeps tenants apart. Run this again with each new version; nothing
that is there is touched.

Leave the password out of the URL: it is taken from PGPASSWORD or ~/.pgpass.

Examples:
  statusync database prepare --url postgres://owner@db.example/statusync
  statusync database prepare --url postgres://owner@db.example/statusync --role statusync"
)]
pub(super) struct Prepare {
    /// The database, with the role that owns it or may make tables in it
    #[arg(long, value_name = "URL")]
    url: String,
    /// The role that hosts work with [default: that of `[database] url`]
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
}

impl DatabaseCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let DatabaseCommand::Prepare(Prepare { url, role }) = self;
        let role = match role {
            Some(role) => role,
            None => app::database_role(context.config()?)?.ok_or_else(|| {
                Failure::usage(
                    "it is not known which role the hosts work with: name it with --role, or give `[database] url` a \
                     PostgreSQL database",
                )
            })?,
        };
        let prepared = Postgres::prepare(&url, &role).await?;
        let tables = match prepared.before {
            0 => format!("made the tables, schema {}", prepared.now),
            before if before == prepared.now => format!("the tables are there already, schema {before}"),
            before => format!("updated the tables from schema {before} to {}", prepared.now),
        };
        context.out.say(&format!("{}: {tables}; role {role} may work with them", prepared.place));
        Ok(Exit::Ok)
    }
}
