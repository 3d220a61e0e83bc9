//! `tenant move TENANT --to URL`

use clap::Args;

use super::{
    context::Context,
    exit::{Exit, Failure},
    signals::Stops,
};
use crate::{
    domain::codes::TenantCode,
    storage::{
        StoreError,
        shards::{CONTROL, Ended, Step, shown},
    },
};

/// Move a tenant into another PostgreSQL database of this installation, while everything works
#[derive(Debug, Args)]
#[command(
    after_help = "The database that `[database] url` names is the control database: it says where tenants are. The other one must be
ready (`statusync database prepare`) and empty at first. Its URL is written down in the control database, so leave the password
out; every host takes it from ~/.pgpass or PGPASSWORD.

Runs of the tenant come to their end first, and none begins until it is moved; nothing that is due is lost. Its exports at
both ends are compared. If the command is cut off, give it again; to take it back, name the database where the tenant is.

Examples:
  statusync tenant move acme --to postgres://statusync@db2.example/statusync
  statusync tenant move acme --to control"
)]
pub(super) struct Move {
    /// The tenant's code
    #[arg(value_name = "CODE")]
    code: TenantCode,
    /// Where it goes: a URL, or `control` for the control database
    #[arg(long, value_name = "DATABASE")]
    to: String,
}

impl Move {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let to = place(&self.to)?;
        let (out, app, tenant) = (context.out, context.open()?, self.code);
        let Some(shards) = &app.shards else {
            return Err(Failure::failed(
                "this state is in an SQLite file; tenants are in several databases on PostgreSQL only: move everything there \
                 with `statusync migrate-store` first",
            ));
        };
        let name = if to == CONTROL { "the control database".to_owned() } else { shown(to) };
        let tell = |step| match step {
            Step::GoingOn => out.say("a move that was cut off is gone on with"),
            Step::Waiting { channel } => out.say(&format!("waiting for the run on channel {channel}")),
            Step::Copying => out.say("copying; nothing of it is written meanwhile"),
            Step::Comparing => out.say("comparing"),
            Step::Clearing => out.say(&format!("it is in {name}; clearing the old place")),
        };
        let mut stops = Stops::new()?;
        let moved = tokio::select! {
            moved = shards.move_tenant(&tenant, to, app.clock.now_ms(), &tell) => moved,
            () = stops.one() => {
                // Before the instant of the move it works again where it was; after it, where it is.
                shards.settle_move(&tenant).await?;
                return Err(Failure::new(Exit::Interrupted, "stopped; the tenant is where `statusync tenant list` says"));
            }
        };
        match moved.map_err(|error| refused(error, &tenant))? {
            Ended::Already => out.say(&format!("tenant {tenant} is in {name} already")),
            Ended::TakenBack => {
                out.say(&format!("the move of tenant {tenant} is taken back; it works in {name}"));
            }
            Ended::Finished => out.say(&format!("the move of tenant {tenant} to {name} is finished")),
            Ended::Moved { rows, digest } => out.say(&format!(
                "tenant {tenant} is in {name}: {rows} rows, export equal before and after, {} bytes, SHA-256 {}",
                digest.bytes, digest.sha256
            )),
        }
        Ok(Exit::Ok)
    }
}

/// What the control database calls it.
fn place(typed: &str) -> Result<&str, Failure> {
    if typed == "control" {
        return Ok(CONTROL);
    }
    let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| typed.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Err(Failure::usage(
            "--to is the URL of a PostgreSQL database, such as postgres://statusync@db2.example/statusync, or `control`",
        ));
    };
    let who = rest.split_once('@').map_or("", |(who, _)| who);
    if who.contains(':') || rest.contains("password=") {
        return Err(Failure::usage(
            "the URL is written down in the control database, where a password would be read: leave it out and put it into \
             ~/.pgpass on every host",
        ));
    }
    Ok(typed)
}

fn refused(error: StoreError, tenant: &TenantCode) -> Failure {
    match error {
        StoreError::InUse { .. } => Failure::new(
            Exit::Blocked,
            "another tenant is being moved, or this one by somebody else; try again when that has ended",
        ),
        StoreError::Exists(what) => Failure::new(
            Exit::Blocked,
            format!(
                "{what} is there already; name an empty database, or one that has tenants of this installation"
            ),
        ),
        StoreError::NotFound(_) => Failure::failed(format!(
            "tenant {tenant} is not known here; `statusync tenant list` shows those that are"
        )),
        other => other.into(),
    }
}
