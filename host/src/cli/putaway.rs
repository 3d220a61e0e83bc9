//! `putaway list|complete`

use clap::{Args, Subcommand};

use super::{
    conflict::told,
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    output::or_dash,
};
use crate::{
    domain::{codes::TenantCode, duties::Quality},
    storage::PutawayRow,
};

/// Goods that have to be put back on a shelf: list, complete
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync putaway list --tenant acme
  statusync putaway complete --tenant acme PA1")]
pub(super) enum PutawayCommand {
    /// List the putaways that are due
    #[command(after_help = "Examples:
  statusync putaway list --tenant acme
  statusync putaway list --tenant acme --all --json")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
        /// Those that are done, too
        #[arg(long)]
        all: bool,
    },
    Complete(Complete),
}

/// Say that a unit is back on the shelf
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync putaway complete --tenant acme PA1
  statusync putaway complete --tenant acme PA2 --bad")]
pub(super) struct Complete {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The putaway, such as PA1
    #[arg(value_name = "CODE")]
    code: String,
    /// It cannot be sold any more
    #[arg(long)]
    bad: bool,
}

impl PutawayCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        match self {
            PutawayCommand::List { tenant, all } => {
                known_tenant(&app, &tenant).await?;
                let rows = app.store.putaways(&tenant, !all).await?;
                let head = ["putaway", "order", "item", "package", "why", "state", "quality"];
                context.out.list(&rows, &head, cells, "no putaways are due")?;
                Ok(Exit::Ok)
            }
            PutawayCommand::Complete(Complete { tenant, code, bad }) => {
                known_tenant(&app, &tenant).await?;
                let quality = if bad { Quality::Bad } else { Quality::Good };
                let engine = app.engine(app.registry())?;
                let done = engine.complete_putaway(&tenant, &code, quality).await?;
                told(context, &done)
            }
        }
    }
}

fn cells(row: &PutawayRow) -> Vec<String> {
    let putaway = &row.putaway;
    vec![
        putaway.code.clone(),
        row.order.to_string(),
        putaway.item.to_string(),
        or_dash(putaway.package.as_ref()),
        putaway.kind.to_string(),
        putaway.status.to_string(),
        or_dash(putaway.quality),
    ]
}
