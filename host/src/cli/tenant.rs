//! `tenant add|list|live|zone|move|remove`

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal, Write},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    tenant_move::Move,
};
use crate::{
    domain::{codes::TenantCode, zone::Zone},
    storage::{TenantRow, shards::shown},
};

/// Sellers: add, list, let live, set the time zone, move, remove
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync tenant add acme
  statusync tenant live acme")]
pub(super) enum Tenant {
    /// Add a tenant; it is not synced until it is live
    #[command(after_help = "Example:\n  statusync tenant add acme")]
    Add(Name),
    /// List the tenants
    #[command(after_help = "Example:\n  statusync tenant list --json")]
    List,
    /// Let a tenant go live, or take that back
    #[command(after_help = "Examples:
  statusync tenant live acme
  statusync tenant live acme --off")]
    Live {
        #[command(flatten)]
        name: Name,
        /// The tenant is not live any more
        #[arg(long)]
        off: bool,
    },
    /// Say in which time zone the people of a tenant read times in the console
    #[command(after_help = "Example:\n  statusync tenant zone acme Asia/Dubai

Invoices and financial years are Indian whatever the zone; so are the times that commands print.")]
    Zone {
        /// The tenant's code
        code: TenantCode,
        /// Its IANA name, such as Asia/Kolkata
        #[arg(value_parser = Zone::parse)]
        zone: Zone,
    },
    Move(Move),
    /// Remove a tenant with everything that is kept for it
    #[command(
        after_help = "Example:\n  statusync export --tenant acme > acme.json && statusync tenant remove acme --yes"
    )]
    Remove {
        #[command(flatten)]
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A tenant with its database, where there are several.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    row: TenantRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
}

/// The tenant, in either way.
#[derive(Debug, Args)]
pub(super) struct Name {
    /// The tenant's code
    #[arg(value_name = "CODE", required_unless_present = "tenant")]
    code: Option<TenantCode>,
    /// The tenant's code
    #[arg(long, value_name = "CODE", conflicts_with = "code", hide = true)]
    tenant: Option<TenantCode>,
}

impl Name {
    fn code(self) -> TenantCode {
        self.code.or(self.tenant).unwrap_or_default()
    }
}

impl Tenant {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        match self {
            Tenant::Add(name) => {
                let code = name.code();
                if code.as_str().trim().is_empty() {
                    return Err(Failure::usage("a tenant needs a code, such as acme"));
                }
                context.open_or_make()?.store.add_tenant(&code).await?;
                out.say(&format!("tenant {code} is added, and not live yet; next: `statusync channel add --tenant {code} …`"));
            }
            Tenant::List => {
                let app = context.open()?;
                let places = match &app.shards {
                    Some(shards) => shards.places().await?,
                    None => BTreeMap::new(),
                };
                let database = |code: &TenantCode| {
                    places.get(code).map_or_else(|| "control".to_owned(), |url| shown(url))
                };
                let has_several = !places.is_empty();
                let tenants = app.store.tenants().await?.into_iter().map(|row| {
                    let database = has_several.then(|| database(&row.code));
                    Listed { row, database }
                });
                let cells = |Listed { row, database }: &Listed| {
                    let state = if row.live { "live" } else { "not live" };
                    let zone = row.zone.name().to_owned();
                    [Some(row.code.to_string()), Some(state.to_owned()), Some(zone), database.clone()]
                        .into_iter()
                        .flatten()
                        .collect()
                };
                let head = ["tenant", "state", "time zone", "database"];
                let head = if has_several { &head[..] } else { &head[..3] };
                let none = "there are no tenants; `statusync tenant add CODE` adds one";
                out.list(&tenants.collect::<Vec<_>>(), head, cells, none)?;
            }
            Tenant::Live { name, off } => {
                let (app, code) = (context.open()?, name.code());
                known_tenant(&app, &code).await?;
                app.store.set_live(&code, !off).await?;
                out.say(&format!("tenant {code} is {}", if off { "not live any more" } else { "live" }));
            }
            Tenant::Zone { code, zone } => {
                let app = context.open()?;
                known_tenant(&app, &code).await?;
                app.store.set_zone(&code, &zone).await?;
                out.say(&format!("the console shows times of tenant {code} in {}", zone.name()));
            }
            Tenant::Move(command) => return command.run(context).await,
            Tenant::Remove { name, yes } => {
                let (app, code) = (context.open()?, name.code());
                known_tenant(&app, &code).await?;
                if !yes && io::stdin().is_terminal() && !agreed(&code)? {
                    return Err(Failure::new(Exit::Blocked, "nothing was removed"));
                }
                app.store.remove_tenant(&code).await?;
                out.say(&format!("tenant {code} is removed with everything that was kept for it"));
            }
        }
        Ok(Exit::Ok)
    }
}

fn agreed(code: &TenantCode) -> Result<bool, Failure> {
    let mut stderr = io::stderr().lock();
    let ask =
        write!(stderr, "Remove tenant {code} with all its orders, history and secrets? Type its code: ");
    ask.and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == code.as_str())
}
