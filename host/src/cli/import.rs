//! `import FILE…|-`

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    context::Context,
    exit::{Exit, Failure},
    tasks::ensure,
    values::{shown, text_of},
};
use crate::{
    app::App,
    domain::{codes::ChannelCode, snapshot::Snapshot},
    import::{Fault, read_snapshot},
    plugins::{Registry, file_name},
    secrets::Secret,
    settings,
};

/// The most faults that are listed.
const FAULTS_SHOWN: usize = 50;

type Secrets = BTreeMap<ChannelCode, BTreeMap<String, Secret>>;

/// Take a tenant's whole state over from a snapshot
#[derive(Debug, Args)]
#[command(
    after_help = "The snapshot replaces all that is kept for its tenant, in one piece, and is refused whole if it contradicts
itself. Secrets among a channel's settings are sealed; channels that remain keep the secrets they have. Of several
snapshots each stands for itself: one that is refused does not stop the others.

Examples:
  statusync import acme.json
  statusync import sellers/*.json
  statusync export --tenant acme --data /old | statusync import -"
)]
pub(super) struct Import {
    /// Snapshots, one tenant each; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Import {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        if let [file] = self.files.as_slice() {
            // A snapshot that is refused makes no data directory.
            let read = Read::from(context, file)?;
            let app = context.open_or_make()?;
            let registry = app.registry();
            return read.take(context, &app, &registry).await.map(|()| Exit::Ok);
        }
        let app = context.open_or_make()?;
        let registry = app.registry();
        let mut refused = 0;
        for file in &self.files {
            let done = match Read::from(context, file) {
                Ok(read) => read.take(context, &app, &registry).await,
                Err(failure) => Err(failure),
            };
            if let Err(failure) = done {
                context.out.tell(&failure.sentence.unwrap_or_default());
                refused += 1;
            }
        }
        if refused == 0 {
            return Ok(Exit::Ok);
        }
        let of = self.files.len();
        let (exit, others) =
            if refused == of { (Exit::Failed, "") } else { (Exit::Partly, "; the others were") };
        Err(Failure::new(exit, format!("{refused} of {of} snapshots were not taken{others}")))
    }
}

/// A snapshot that was read.
struct Read<'a> {
    file: &'a Path,
    snapshot: Snapshot,
}

impl<'a> Read<'a> {
    fn from(context: &Context, file: &'a Path) -> Result<Read<'a>, Failure> {
        let text = text_of(file)?;
        let read = read_snapshot(&text).map_err(|faults| refused(file, &faults))?;
        for odd in &read.warnings {
            context.out.warn(&format!("{}:{odd}", shown(file)));
        }
        Ok(Read { file, snapshot: read.snapshot })
    }

    async fn take(self, context: &Context, app: &App, registry: &Registry) -> Result<(), Failure> {
        let Read { file, mut snapshot } = self;
        let out = context.out;
        let secrets = take_secrets(&mut snapshot, registry).map_err(|problem| {
            Failure::failed(format!("{}: {problem}; nothing was imported", shown(file)))
        })?;
        let (tenant, channels) = (snapshot.tenant.clone(), snapshot.channels.clone());
        let items: usize = snapshot.orders.iter().map(|order| order.items.len()).sum();
        let words = format!(
            "tenant {tenant} is imported: {}, {}, {}{}",
            counted(channels.len(), "channel"),
            counted(snapshot.orders.len(), "order"),
            counted(items, "item"),
            if snapshot.live { "" } else { "; it is not live yet" }
        );
        app.store.import(snapshot, secrets).await?;
        out.say(&words);
        for channel in &channels {
            match registry.get(&channel.connector) {
                Some(connector) => ensure(app, &tenant, &channel.code, &connector).await?,
                None => out.warn(&format!(
                    "channel {}: no {} is loaded, so its settings were taken as they are and it is not synced until it is",
                    channel.code,
                    file_name(&channel.connector)
                )),
            }
        }
        missing_secrets(context, app, &tenant, &channels, registry).await
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Every fault on a line of its own.
pub(super) fn refused(file: &Path, faults: &[Fault]) -> Failure {
    let file = shown(file);
    let mut lines: Vec<String> =
        faults.iter().take(FAULTS_SHOWN).map(|fault| format!("{file}:{fault}")).collect();
    if faults.len() > FAULTS_SHOWN {
        lines.push(format!("and {} more", faults.len() - FAULTS_SHOWN));
    }
    let what = if faults.len() == 1 { "a fault".to_owned() } else { format!("{} faults", faults.len()) };
    Failure::failed(format!("{file} has {what}, and nothing of it was taken:\n{}", lines.join("\n")))
}

/// Moves secrets out of the settings of channels whose connector is loaded.
fn take_secrets(snapshot: &mut Snapshot, registry: &Registry) -> Result<Secrets, String> {
    let mut secrets = Secrets::new();
    for (index, channel) in snapshot.channels.iter_mut().enumerate() {
        let Some(connector) = registry.get(&channel.connector) else { continue };
        let sorted = settings::sort(&connector.descriptor, &channel.settings).map_err(|problems| {
            format!("channels[{index}].settings: channel {}: {}", channel.code, problems.join("; "))
        })?;
        channel.settings = sorted.settings;
        if !sorted.secrets.is_empty() {
            secrets.insert(channel.code.clone(), sorted.secrets);
        }
    }
    Ok(secrets)
}

async fn missing_secrets(
    context: &Context,
    app: &App,
    tenant: &crate::domain::codes::TenantCode,
    channels: &[crate::domain::snapshot::Channel],
    registry: &Registry,
) -> Result<(), Failure> {
    for channel in channels {
        let Some(connector) = registry.get(&channel.connector) else { continue };
        let names = app.store.secret_names(tenant, &channel.code).await?;
        let missing = settings::missing(&connector.descriptor, &channel.settings, &names);
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(|setting| setting.name.as_str()).collect();
            let code = &channel.code;
            context.out.warn(&format!(
                "channel {code} needs {}; `statusync channel set --tenant {tenant} {code} --secrets FILE.toml` takes secrets",
                missing.join(", ")
            ));
        }
    }
    Ok(())
}
