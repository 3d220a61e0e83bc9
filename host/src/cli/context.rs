//! What a command works with: where things are, how it is configured, and how to speak.

use std::{env, io, path::PathBuf, sync::Arc};

use super::{
    Global,
    exit::{Exit, Failure, sentence},
    output::Out,
};
use crate::{
    app::{self, App, AppError, DataDir},
    config::{Config, Level, LogFormat},
    domain::{
        codes::{ChannelCode, TenantCode},
        snapshot::Channel,
    },
    nearest::did_you_mean,
    plugins::{Connector, Registry, file_name},
    storage::TenantRow,
};

/// Where things are, how it is configured, and how to speak.
pub(super) struct Context {
    pub(super) out: Out,
    data: Result<DataDir, AppError>,
    named: Option<PathBuf>,
    log: Option<Level>,
    config: Result<Config, AppError>,
}

impl Context {
    pub(super) fn new(global: &Global) -> Self {
        let data = DataDir::find(global.data.clone());
        let from_env =
            || env::var_os("STATUSYNC_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
        let named = global.config.clone().or_else(from_env);
        let config = match &data {
            Ok(data) => app::read_config(named.as_deref(), data),
            Err(_) => Ok(Config::default()),
        };
        let is_allowed = global.allow_privileged_role;
        let config = config.map(|config| allowing(config, is_allowed));
        let out = Out { is_json: global.json, is_quiet: global.quiet };
        Context { out, data, named, log: global.log, config }
    }

    /// Reads the configuration again, as it is now.
    ///
    /// # Errors
    /// What is wrong in it.
    pub(super) fn read_again(&self) -> Result<Config, Failure> {
        let config = app::read_config(self.named.as_deref(), self.data()?)?;
        let is_allowed = self.config()?.database.allow_privileged_role;
        Ok(allowing(config, is_allowed))
    }

    /// The level that the command line asks for, which a configuration does not change.
    pub(super) fn log_level(&self) -> Option<Level> {
        self.log
    }

    /// What the configuration says about logging.
    pub(super) fn logging(&self) -> (Option<Level>, LogFormat) {
        self.config.as_ref().map(|config| (config.log.level, config.log.format)).unwrap_or_default()
    }

    pub(super) fn data(&self) -> Result<&DataDir, Failure> {
        self.data.as_ref().map_err(|error| Failure::usage(sentence(error)))
    }

    /// # Errors
    /// What is wrong in the configuration file; a mistake in it is as one on the command line.
    pub(super) fn config(&self) -> Result<&Config, Failure> {
        self.config.as_ref().map_err(|error| Failure::usage(sentence(error)))
    }

    /// Opens the data directory, for a command that reads or changes what is there.
    pub(super) fn open(&self) -> Result<App, Failure> {
        Ok(App::open(self.data()?.clone(), self.config()?.clone())?)
    }

    /// Opens the data directory, for a command that may be the first: it is made if it is missing.
    pub(super) fn open_or_make(&self) -> Result<App, Failure> {
        let (data, config) = (self.data()?, self.config()?);
        let is_new = !data.path().is_dir();
        data.make(config)?;
        if is_new {
            self.out.say(&format!("made the data directory {}", data.path().display()));
        }
        self.open()
    }

    /// The folders in which connectors are looked for.
    pub(super) fn plugin_folders(&self) -> Result<Vec<PathBuf>, Failure> {
        Ok(self.data()?.plugin_folders(self.config()?))
    }

    /// The connectors, for a command that may run without a data directory: the copies of their files then lie in a
    /// folder of their own, which is gone when the second value is dropped.
    pub(super) fn connectors(&self) -> Result<(Arc<Registry>, Option<Passing>), Failure> {
        let (data, folders) = (self.data()?, self.plugin_folders()?);
        if data.path().is_dir() {
            return Ok((app::scanned(data.plugin_store(), &folders), None));
        }
        let passing = Passing::new()?;
        Ok((app::scanned(passing.0.clone(), &folders), Some(passing)))
    }

    /// The connector of a channel.
    ///
    /// # Errors
    /// Blocked: which file was looked for, where, and why one that is there was not taken.
    pub(super) fn connector(&self, registry: &Registry, id: &str) -> Result<Arc<Connector>, Failure> {
        match registry.get(id) {
            Some(connector) => Ok(connector),
            None => Err(Failure::new(
                Exit::Blocked,
                format!("connector {id} is not loaded; {}", self.searched(registry, id)?),
            )),
        }
    }

    /// Where a connector that is not loaded was looked for, and what to do.
    pub(super) fn searched(&self, registry: &Registry, id: &str) -> Result<String, Failure> {
        let file = file_name(id);
        let refusals = registry.refusals();
        if let Some(refused) = refusals.iter().find(|refusal| refusal.path.ends_with(&file)) {
            return Ok(refused.sentence.clone());
        }
        let folders: Vec<String> =
            self.plugin_folders()?.iter().map(|dir| dir.display().to_string()).collect();
        let known: Vec<String> =
            registry.list().iter().map(|connector| connector.descriptor.id.clone()).collect();
        let meant = did_you_mean(id, known.iter().map(String::as_str));
        Ok(format!(
            "looked for {file} in {}; put it into one of these folders, or name another under [plugins] dirs{meant}",
            folders.join(", ")
        ))
    }
}

/// The configuration with what the command line alone may allow.
fn allowing(mut config: Config, privileged_role: bool) -> Config {
    config.database.allow_privileged_role = privileged_role;
    config
}

/// A folder that is gone when it is dropped.
pub(super) struct Passing(pub(super) PathBuf);

impl Passing {
    pub(super) fn new() -> Result<Passing, Failure> {
        let path =
            env::temp_dir().join(format!("statusync-{}-{:08x}", std::process::id(), rand::random::<u32>()));
        let made: io::Result<()> = std::fs::create_dir(&path);
        made.map_err(|error| Failure::failed(format!("could not make {}: {error}", path.display())))?;
        Ok(Passing(path))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // A folder left behind does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A tenant that must be known.
pub(super) async fn known_tenant(app: &App, code: &TenantCode) -> Result<TenantRow, Failure> {
    if let Some(tenant) = app.store.tenant(code).await? {
        return Ok(tenant);
    }
    let known = app.store.tenants().await?;
    let meant = did_you_mean(code.as_str(), known.iter().map(|tenant| tenant.code.as_str()));
    Err(Failure::failed(format!(
        "tenant {code} is not known here{meant}; `statusync tenant list` shows those that are"
    )))
}

/// A channel that must be known.
pub(super) async fn known_channel(
    app: &App,
    tenant: &TenantCode,
    code: &ChannelCode,
) -> Result<Channel, Failure> {
    known_tenant(app, tenant).await?;
    if let Some(channel) = app.store.channel(tenant, code).await? {
        return Ok(channel);
    }
    let known = app.store.channels(tenant).await?;
    let meant = did_you_mean(code.as_str(), known.iter().map(|channel| channel.code.as_str()));
    Err(Failure::failed(format!(
        "tenant {tenant} has no channel {code}{meant}; `statusync channel list --tenant {tenant}` shows those that it has"
    )))
}
