//! `sequence set|list`

use clap::{Args, Subcommand};

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
    output::or_dash,
    values::sequence_kind,
};
use crate::domain::{
    codes::{OwnerCode, TenantCode},
    invoice::{Sequence, SequenceKind},
};

/// Number series: set, list
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  statusync sequence set --tenant acme --owner DEL1 --kind SALE_INVOICE --prefix INV/25-26/ --next 1 --width 4")]
pub(super) enum SequenceCommand {
    Set(Set),
    /// List a tenant's number series
    #[command(after_help = "Example:\n  statusync sequence list --tenant acme")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
    },
}

/// Define a number series, or change one
#[derive(Debug, Args)]
#[command(after_help = "Invoice numbers have at most 16 characters: letters, digits, - and /.

Examples:
  statusync sequence set --tenant acme --owner DEL1 --kind SHIPPING_PACKAGE --prefix SP --next 101
  statusync sequence set --tenant acme --owner DEL1 --kind SALE_INVOICE --prefix INV/25-26/ --next 1 --width 4 \\
    --next-year-prefix INV/26-27/")]
pub(super) struct Set {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The facility or billing party
    #[arg(long)]
    owner: OwnerCode,
    /// SHIPPING_PACKAGE, SALE_INVOICE or SALE_RETURN_INVOICE
    #[arg(long, value_parser = sequence_kind)]
    kind: SequenceKind,
    /// The text before the counter
    #[arg(long, allow_hyphen_values = true)]
    prefix: String,
    /// The next counter
    #[arg(long)]
    next: u64,
    /// Pad the counter with zeros to this width
    #[arg(long, default_value_t = 1)]
    width: u8,
    /// Go on counting over the financial year's end instead of starting again at 1
    #[arg(long)]
    no_reset: bool,
    /// The prefix from the next financial year on
    #[arg(long, value_name = "PREFIX", allow_hyphen_values = true)]
    next_year_prefix: Option<String>,
}

impl SequenceCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            SequenceCommand::Set(set) => set.run(context).await,
            SequenceCommand::List { tenant } => {
                let app = context.open()?;
                known_tenant(&app, &tenant).await?;
                let rows = app.store.sequences(&tenant).await?;
                let head = ["owner", "kind", "prefix", "next", "width", "restarts", "next year", "year"];
                context.out.list(&rows, &head, cells, "there are no number series; `statusync sequence set` defines one")?;
                Ok(Exit::Ok)
            }
        }
    }
}

fn cells(row: &Sequence) -> Vec<String> {
    vec![
        row.owner.to_string(),
        row.kind.to_string(),
        row.prefix.clone(),
        row.next.to_string(),
        row.width.to_string(),
        if row.reset { "yes" } else { "no" }.to_owned(),
        or_dash(row.next_year_prefix.as_ref()),
        or_dash(row.financial_year.as_ref()),
    ]
}

impl Set {
    async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let app = context.open()?;
        let Set { tenant, owner, kind, prefix, next, width, no_reset, next_year_prefix } = self;
        known_tenant(&app, &tenant).await?;
        let facilities = app.store.facilities(&tenant).await?;
        let channels = app.store.channels(&tenant).await?;
        let is_known = facilities.iter().any(|facility| facility.code.as_str() == owner.as_str())
            || channels.iter().any(|channel| channel.billing_party.as_ref() == Some(&owner));
        if !is_known {
            let text = "is neither a facility nor the billing party of a channel, so nothing draws from this series yet";
            context.out.warn(&format!("{owner} {text}"));
        }
        // The year of the last draw stays: without it a series would turn over once too often, or once too seldom.
        let before = app.store.sequences(&tenant).await?;
        let before = before.into_iter().find(|row| row.owner == owner && row.kind == kind);
        let financial_year = before.and_then(|row| row.financial_year);
        let reset = !no_reset;
        let row = Sequence { owner, kind, prefix, width, next, reset, next_year_prefix, financial_year };
        app.store.put_sequence(&tenant, &row).await?;
        let Sequence { owner, prefix, .. } = row;
        context.out.say(&format!(
            "the next {kind} of {owner} is {prefix}{next:0width$}; what waits for it is applied by the next run",
            width = usize::from(width)
        ));
        Ok(Exit::Ok)
    }
}
