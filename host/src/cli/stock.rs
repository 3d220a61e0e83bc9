//! `stock set|list`

use clap::Subcommand;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
};
use crate::{
    domain::{
        codes::{FacilityCode, Sku, TenantCode},
        stock::Stock,
    },
    nearest::did_you_mean,
};

/// Stock: set, list
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  statusync stock set --tenant acme --facility DEL1 --sku A --on-hand 5")]
pub(super) enum StockCommand {
    /// Say how many units are on hand
    #[command(after_help = "Example:\n  statusync stock set --tenant acme --facility DEL1 --sku A --on-hand 5")]
    Set {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
        /// The warehouse
        #[arg(long)]
        facility: FacilityCode,
        /// The product
        #[arg(long)]
        sku: Sku,
        /// Units in the warehouse
        #[arg(long, value_parser = clap::value_parser!(i64).range(0..))]
        on_hand: i64,
    },
    /// List a tenant's stock
    #[command(after_help = "Example:\n  statusync stock list --tenant acme --json")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
    },
}

impl StockCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        match self {
            StockCommand::Set { tenant, facility, sku, on_hand } => {
                known_tenant(&app, &tenant).await?;
                let facilities = app.store.facilities(&tenant).await?;
                if facilities.iter().all(|known| known.code != facility) {
                    let meant = did_you_mean(facility.as_str(), facilities.iter().map(|known| known.code.as_str()));
                    return Err(Failure::failed(format!(
                        "tenant {tenant} has no facility {facility}{meant}; `statusync facility add --tenant {tenant} {facility}` adds it"
                    )));
                }
                let row = app.store.set_on_hand(&tenant, &facility, &sku, on_hand).await?;
                let (blocked, available) = (row.blocked, row.available());
                out.say(&format!("{sku} in {facility}: {on_hand} on hand, {blocked} blocked, {available} available"));
            }
            StockCommand::List { tenant } => {
                known_tenant(&app, &tenant).await?;
                let rows = app.store.stock(&tenant).await?;
                let head = ["facility", "sku", "on hand", "blocked", "available", "shortfall"];
                let cells = |row: &Stock| {
                    let Stock { facility, sku, on_hand, blocked, shortfall, .. } = row;
                    let numbers = [*on_hand, *blocked, row.available(), *shortfall].map(|units| units.to_string());
                    [facility.to_string(), sku.to_string()].into_iter().chain(numbers).collect()
                };
                out.list(&rows, &head, cells, "there is no stock")?;
            }
        }
        Ok(Exit::Ok)
    }
}
