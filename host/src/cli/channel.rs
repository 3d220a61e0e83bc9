//! `channel add|list|set|enable|disable`

mod set;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use plugin_api::{InvoiceNumbering, ShippedBy};

use self::set::Set;
use super::{
    context::{Context, known_channel, known_tenant},
    exit::{Exit, Failure, sentence},
    output::or_dash,
    values::{invoice_numbering, shipped_by, shown, toml_of},
};
use crate::{
    channels::{self, ChannelError, Draft},
    domain::{
        codes::{ChannelCode, FacilityCode, OwnerCode, TenantCode},
        snapshot::Channel,
    },
    plugins::Connector,
    settings::{self, Sorted},
};

/// Selling accounts on marketplaces: add, list, set, enable, disable
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync channel add --tenant acme FK1 --connector flipkart --settings fk1.toml
  statusync channel set --tenant acme FK1 --secrets fk1-secrets.toml")]
pub(super) enum ChannelCommand {
    Add(Add),
    /// List a tenant's channels
    #[command(after_help = "Example:\n  statusync channel list --tenant acme")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
    },
    Set(Set),
    /// Switch a channel on
    #[command(after_help = "Example:\n  statusync channel enable --tenant acme FK1")]
    Enable(Named),
    /// Switch a channel off: it is not synced until it is switched on
    #[command(after_help = "Example:\n  statusync channel disable --tenant acme FK1")]
    Disable(Named),
}

/// A channel, in either way.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel's code
    #[arg(value_name = "CODE", required_unless_present = "channel")]
    code: Option<ChannelCode>,
    /// The channel's code
    #[arg(long, conflicts_with = "code", hide = true)]
    channel: Option<ChannelCode>,
}

/// Add a channel
#[derive(Debug, Args)]
#[command(
    after_help = "The settings file is TOML: the connector's settings and secrets at top level. Secrets are sealed and never shown.

Examples:
  statusync channel add --tenant acme FK1 --connector flipkart --settings fk1.toml --default-facility DEL1
  statusync channel add --tenant acme AZ1 --connector amazon --settings az1.toml --shipping CHANNEL"
)]
pub(super) struct Add {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel's code
    #[arg(value_name = "CODE")]
    code: ChannelCode,
    /// The id of the connector
    #[arg(long, value_name = "ID")]
    connector: String,
    /// The file with settings and secrets; - is stdin
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    #[command(flatten)]
    traits: Traits,
}

/// What a channel is besides its connector's settings.
#[derive(Debug, Default, Args)]
pub(super) struct Traits {
    /// The facility of items that have none
    #[arg(long, value_name = "FACILITY")]
    default_facility: Option<FacilityCode>,
    /// The legal seller whose number series are used instead of the facility's
    #[arg(long, value_name = "OWNER")]
    billing_party: Option<OwnerCode>,
    /// Who ships orders that do not say so themselves: CHANNEL or SELLER
    #[arg(long, value_name = "WHO", value_parser = shipped_by)]
    shipping: Option<ShippedBy>,
    /// Who numbers sale invoices: CHANNEL or SELLER [default: as the connector declares]
    #[arg(long, value_name = "WHO", value_parser = invoice_numbering)]
    invoice_numbering: Option<InvoiceNumbering>,
    /// Whether the channel's word on delivery counts although the seller ships
    #[arg(long, value_name = "true|false")]
    trust_delivery: Option<bool>,
}

impl Traits {
    fn give(self, channel: &mut Channel) {
        channel.default_facility = self.default_facility.or(channel.default_facility.take());
        channel.billing_party = self.billing_party.or(channel.billing_party.take());
        channel.shipping = self.shipping.or(channel.shipping);
        channel.invoice_numbering = self.invoice_numbering.or(channel.invoice_numbering);
        channel.trust_delivery = self.trust_delivery.unwrap_or(channel.trust_delivery);
    }
}

impl ChannelCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            ChannelCommand::Add(add) => add.run(context).await,
            ChannelCommand::List { tenant } => list(context, &tenant).await,
            ChannelCommand::Set(set) => set.run(context).await,
            ChannelCommand::Enable(named) => switch(context, named, true).await,
            ChannelCommand::Disable(named) => switch(context, named, false).await,
        }
    }
}

async fn list(context: &Context, tenant: &TenantCode) -> Result<Exit, Failure> {
    let app = context.open()?;
    known_tenant(&app, tenant).await?;
    let rows = app.store.channels(tenant).await?;
    let head = ["channel", "connector", "state", "ships", "facility", "billing party", "settings"];
    let cells = |row: &Channel| {
        vec![
            row.code.to_string(),
            row.connector.clone(),
            if row.enabled { "on" } else { "off" }.to_owned(),
            or_dash(row.shipping.map(ShippedBy::as_str)),
            or_dash(row.default_facility.as_ref()),
            or_dash(row.billing_party.as_ref()),
            row.settings.keys().cloned().collect::<Vec<_>>().join(", "),
        ]
    };
    context.out.list(&rows, &head, cells, "there are no channels; `statusync channel add` adds one")?;
    Ok(Exit::Ok)
}

async fn switch(context: &Context, named: Named, on: bool) -> Result<Exit, Failure> {
    let app = context.open()?;
    let code = named.code.or(named.channel).unwrap_or_default();
    known_channel(&app, &named.tenant, &code).await?;
    app.store.enable_channel(&named.tenant, &code, on).await?;
    context.out.say(&format!("channel {code} is switched {}", if on { "on" } else { "off" }));
    Ok(Exit::Ok)
}

impl Add {
    async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Add { tenant, code, connector, settings, traits } = self;
        let app = context.open()?;
        known_tenant(&app, &tenant).await?;
        if code.as_str().trim().is_empty() {
            return Err(Failure::usage("a channel needs a code, such as FK1"));
        }
        if app.store.channel(&tenant, &code).await?.is_some() {
            return Err(Failure::failed(format!(
                "channel {code} exists already; `statusync channel set --tenant {tenant} {code}` changes it"
            )));
        }
        let registry = app.registry();
        let loaded = context.connector(&registry, &connector)?;
        let sorted = match &settings {
            Some(file) => sorted(&loaded, file)?,
            None => Sorted::default(),
        };
        let mut channel = Channel {
            code: code.clone(),
            connector,
            enabled: true,
            default_facility: None,
            billing_party: None,
            shipping: None,
            invoice_numbering: None,
            trust_delivery: false,
            settings: sorted.settings,
        };
        traits.give(&mut channel);
        let draft = Draft { channel, secrets: sorted.secrets };
        let missing = channels::add(&app.engine(registry)?, &tenant, &draft)
            .await
            .map_err(|error| not_set(&tenant, error))?;
        context.out.say(&format!("channel {code} is added, served by {loaded}"));
        warn_of_missing_secrets(context, &tenant, &code, &missing);
        Ok(Exit::Ok)
    }
}

/// Settings and secrets of a file, told apart.
fn sorted(connector: &Connector, file: &Path) -> Result<Sorted, Failure> {
    settings::sort(&connector.descriptor, &toml_of(file)?)
        .map_err(|problems| Failure::usage(format!("{}: {}", shown(file), problems.join("; "))))
}

/// Why a channel was not set up, with what to type.
fn not_set(tenant: &TenantCode, error: ChannelError) -> Failure {
    match error {
        ChannelError::Store(error) => error.into(),
        ChannelError::NoFacility { facility, .. } => Failure::failed(format!(
            "tenant {tenant} has no facility {facility}; `statusync facility add --tenant {tenant} {facility}` adds it"
        )),
        ChannelError::NoConnector(_) => Failure::new(Exit::Blocked, sentence(&error)),
        ChannelError::Settings(sentence) => Failure::usage(sentence),
    }
}

fn warn_of_missing_secrets(context: &Context, tenant: &TenantCode, code: &ChannelCode, missing: &[String]) {
    if !missing.is_empty() {
        context.out.warn(&format!(
            "channel {code} needs the secrets {}; `statusync channel set --tenant {tenant} {code} --secrets FILE.toml` takes them",
            missing.join(", ")
        ));
    }
}
