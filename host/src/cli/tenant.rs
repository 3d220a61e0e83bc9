//! `tenant add|list|live|remove`

use std::io::{self, IsTerminal, Write};

use clap::{Args, Subcommand};

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
};
use crate::domain::codes::TenantCode;

/// Sellers: add, list, let live, remove
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
    /// Remove a tenant with everything that is kept for it
    #[command(after_help = "Example:\n  statusync export --tenant acme > acme.json && statusync tenant remove acme --yes")]
    Remove {
        #[command(flatten)]
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
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
                let tenants = context.open()?.store.tenants().await?;
                let cells = |row: &crate::storage::TenantRow| {
                    vec![row.code.to_string(), if row.live { "live" } else { "not live" }.to_owned()]
                };
                out.list(&tenants, &["tenant", "state"], cells, "there are no tenants; `statusync tenant add CODE` adds one")?;
            }
            Tenant::Live { name, off } => {
                let (app, code) = (context.open()?, name.code());
                known_tenant(&app, &code).await?;
                app.store.set_live(&code, !off).await?;
                out.say(&format!("tenant {code} is {}", if off { "not live any more" } else { "live" }));
            }
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
    let ask = write!(stderr, "Remove tenant {code} with all its orders, history and secrets? Type its code: ");
    ask.and_then(|()| stderr.flush())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == code.as_str())
}
