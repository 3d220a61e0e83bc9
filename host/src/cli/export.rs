//! `export`

use std::io::{self, BufWriter};

use clap::Args;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
};
use crate::domain::codes::TenantCode;

/// Print a tenant's whole state as a snapshot, without secrets
#[derive(Debug, Args)]
#[command(after_help = "What is exported can be imported again, here or elsewhere. Secrets are not in it.

Example:
  statusync export --tenant acme > acme.json")]
pub(super) struct Export {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
}

impl Export {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        known_tenant(&app, &self.tenant).await?;
        let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
        app.store.export(&self.tenant, app.clock.now_ms(), &mut out).await?;
        io::Write::flush(&mut out)?;
        Ok(Exit::Ok)
    }
}
