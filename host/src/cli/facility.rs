//! `facility add|list`

use clap::Subcommand;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    values::traceability,
};
use crate::domain::{
    codes::{FacilityCode, TenantCode},
    snapshot::{Facility, Traceability},
};

/// Warehouses: add, list
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  statusync facility add --tenant acme DEL1")]
pub(super) enum FacilityCommand {
    /// Add a warehouse, or change how it knows its units
    #[command(after_help = "Examples:
  statusync facility add --tenant acme DEL1
  statusync facility add --tenant acme DEL1 --traceability ITEM")]
    Add {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
        /// The warehouse's code
        #[arg(value_name = "CODE")]
        code: FacilityCode,
        /// How it knows its units: NONE, SKU or ITEM
        #[arg(long, value_parser = traceability, default_value = "NONE")]
        traceability: Traceability,
    },
    /// List a tenant's warehouses
    #[command(after_help = "Example:\n  statusync facility list --tenant acme")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
    },
}

impl FacilityCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (out, app) = (context.out, context.open()?);
        match self {
            FacilityCommand::Add { tenant, code, traceability } => {
                known_tenant(&app, &tenant).await?;
                if code.as_str().trim().is_empty() {
                    return Err(Failure::usage("a facility needs a code, such as DEL1"));
                }
                app.store.put_facility(&tenant, &Facility { code: code.clone(), traceability }).await?;
                out.say(&format!("facility {code} of tenant {tenant} has traceability {traceability}"));
            }
            FacilityCommand::List { tenant } => {
                known_tenant(&app, &tenant).await?;
                let rows = app.store.facilities(&tenant).await?;
                let cells = |row: &Facility| vec![row.code.to_string(), row.traceability.to_string()];
                out.list(&rows, &["facility", "traceability"], cells, "there are no facilities")?;
            }
        }
        Ok(Exit::Ok)
    }
}
