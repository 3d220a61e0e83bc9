//! Wires the parts: the data directory with its files, the store, the connectors, the way out, the engine.
//!
//! It makes and opens; it decides nothing about tenants or orders.

use std::{
    env,
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use plugin_api::Error as ConnectorError;

use crate::{
    clock::{Clock, SystemClock},
    config::{self, Config, ConfigError, DatabaseUrl, PostgresUrl, SyncConfig},
    fetch::{self, Egress, Fetcher, NoPacing, Outgoing, Retrying},
    kept::{StoredBreakers, StoredPacing},
    memory,
    plugins::Registry,
    secrets::{Key, SecretError},
    storage::{PostgresSetup, Sqlite, Store, StoreError, shards::Shards},
    sync::{Engine, LeaseTimes, Pool, Setup, Stop},
    webhooks::{Sender, Way},
};

const DAY_MS: i64 = 86_400_000;

/// The database of a data directory, unless another is named.
const DATABASE: &str = "statusync.db";

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no place for data.
    #[error("no data directory is known: give one with --data DIR, or set STATUSYNC_DATA or HOME")]
    NoDataDir,
    /// The data directory does not exist.
    #[error("there is no data directory {} yet; `statusync init` makes it", .0.display())]
    Missing(PathBuf),
    /// A file or directory cannot be used.
    #[error("could not {doing} {}", path.display())]
    File {
        /// What was being done: `read`, `make`, …
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key file.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The key file is gone, and there is a database.
    #[error(
        "the key file {} is missing and {} may hold secrets that only it opens; restore it from the backup",
        key.display(), database.display()
    )]
    KeyLost {
        /// Where it should be.
        key: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The way out.
    #[error("requests cannot be sent: {0}")]
    WayOut(ConnectorError),
}

/// The directory that holds all of a host's own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The directory that was given, else `$STATUSYNC_DATA`, else `statusync` in the user's data directory.
    ///
    /// # Errors
    /// [`AppError::NoDataDir`].
    pub fn find(given: Option<PathBuf>) -> Result<DataDir, AppError> {
        let from_env = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        given
            .or_else(|| from_env("STATUSYNC_DATA"))
            .or_else(|| Some(from_env("XDG_DATA_HOME")?.join("statusync")))
            .or_else(|| Some(from_env("HOME")?.join(".local/share/statusync")))
            .map(DataDir)
            .ok_or(AppError::NoDataDir)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The configuration, unless another is named.
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The key that secrets are sealed with.
    pub fn key_file(&self) -> PathBuf {
        self.0.join("key")
    }

    /// The database, if it is a file.
    pub fn database(&self, config: &Config) -> Option<PathBuf> {
        match &config.database.url {
            None => Some(self.0.join(DATABASE)),
            Some(DatabaseUrl::Sqlite(path)) => Some(self.0.join(path)),
            Some(DatabaseUrl::Postgres(_)) => None,
        }
    }

    /// The host's own copies of connector files.
    pub fn plugin_store(&self) -> PathBuf {
        self.0.join("plugin-store")
    }

    /// The folders in which connectors are looked for, in order, whether they exist or not.
    pub fn plugin_folders(&self, config: &Config) -> Vec<PathBuf> {
        let own = env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let configured = config.plugins.dirs.iter().map(|dir| self.0.join(dir));
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in configured.chain([self.0.join("plugins")]).chain(own) {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        folders
    }

    /// Makes the directory and what is missing in it, and says what it made.
    ///
    /// # Errors
    /// [`AppError::File`], or [`AppError::KeyLost`]: a new key would leave stored secrets closed for ever.
    /// # Idempotency
    /// What is there is left as it is.
    pub fn make(&self, config: &Config) -> Result<Vec<PathBuf>, AppError> {
        let mut made = Vec::new();
        for dir in [self.0.clone(), self.0.join("plugins")] {
            if !dir.is_dir() {
                make_private(&dir)?;
                made.push(dir);
            }
        }
        let file = self.config_file();
        if !file.exists() {
            fs::write(&file, config::TEMPLATE).map_err(file_error("write", &file))?;
            made.push(file);
        }
        let key = self.key_file();
        if !key.exists() {
            if let Some(database) = self.database(config).filter(|file| file.exists()) {
                return Err(AppError::KeyLost { key, database });
            }
            Key::create(&key)?;
            made.push(key);
        }
        Ok(made)
    }
}

#[cfg(unix)]
fn make_private(dir: &Path) -> Result<(), AppError> {
    let mut builder = DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(builder.recursive(true), 0o700);
    builder.create(dir).map_err(file_error("make", dir))
}

fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AppError {
    move |source| AppError::File { doing, path: path.to_owned(), source }
}

/// Reads the configuration: of the file that is named, or of the data directory's if there is one.
///
/// # Errors
/// [`AppError::Config`] for what stands in it, [`AppError::File`] if it cannot be read.
pub fn read_config(named: Option<&Path>, data: &DataDir) -> Result<Config, AppError> {
    let own = data.config_file();
    let path = named.unwrap_or(&own);
    match fs::read_to_string(path) {
        Ok(text) => Ok(Config::parse(&text, path)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Config::default()),
        Err(error) => Err(file_error("read", path)(error)),
    }
}

/// The opened parts of a host.
#[derive(Clone)]
pub struct App {
    /// Its files.
    pub data: DataDir,
    /// How it is configured.
    pub config: Config,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Its state.
    pub store: Arc<dyn Store>,
    /// The same, where it may be in several databases: on PostgreSQL.
    pub shards: Option<Arc<Shards>>,
    /// Ends the runs of every engine that was made here.
    pub stop: Stop,
}

impl App {
    /// Opens the store of a data directory that exists.
    ///
    /// # Errors
    /// [`AppError::Missing`] if there is none, and what key and store say.
    pub fn open(data: DataDir, config: Config) -> Result<App, AppError> {
        let key_file = data.key_file();
        if !data.path().is_dir() {
            return Err(AppError::Missing(data.path().to_owned()));
        }
        if !key_file.exists() {
            return Err(match data.database(&config).filter(|file| file.exists()) {
                Some(database) => AppError::KeyLost { key: key_file, database },
                None => AppError::Missing(data.path().to_owned()),
            });
        }
        let (store, shards) = open_store(&data, &config, Key::load(&key_file)?)?;
        Ok(App { data, config, clock: Arc::new(SystemClock), store, shards, stop: Stop::default() })
    }

    /// The connectors of the plugin folders. A folder that does not exist holds none.
    pub fn registry(&self) -> Arc<Registry> {
        scanned(self.data.plugin_store(), &self.data.plugin_folders(&self.config))
    }

    /// An engine over the store, these connectors and the network.
    ///
    /// # Errors
    /// [`AppError::WayOut`].
    pub fn engine(&self, registry: Arc<Registry>) -> Result<Engine, AppError> {
        let sync = self.config.sync;
        let setup = fetch::Setup {
            egress: Egress { allow_loopback: self.config.egress.allow_loopback },
            retrying: Retrying {
                max_attempts: sync.max_attempts.get(),
                max_wait: Duration::from_millis(sync.max_wait_ms.get()),
                ..Retrying::default()
            },
            pacing: if self.config.sync.rate_plan {
                Arc::new(StoredPacing { store: Arc::clone(&self.store), clock: Arc::clone(&self.clock) })
            } else {
                Arc::new(NoPacing)
            },
            clock: Arc::clone(&self.clock),
            random: Box::new(rand::random),
            breaker_log: Arc::new(StoredBreakers { store: Arc::clone(&self.store) }),
        };
        let fetcher = Fetcher::new(setup).map_err(AppError::WayOut)?;
        Ok(Engine::new(Setup {
            store: Arc::clone(&self.store),
            registry,
            fetcher: Arc::new(fetcher),
            clock: Arc::clone(&self.clock),
            lease: LeaseTimes {
                ttl_ms: sync.lease_ttl_ms.get().into(),
                renew_ms: sync.lease_renew_ms.get().into(),
            },
            host: self.host(),
            run_limit_ms: u64::from(sync.run_limit_secs.get()) * 1_000,
            stop: self.stop.clone(),
        }))
    }

    /// What sends to webhooks.
    ///
    /// # Errors
    /// [`AppError::WayOut`].
    pub fn sender(&self) -> Result<Sender, AppError> {
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        Ok(Sender::new(store, clock, Box::new(rand::random), self.host(), self.way()?))
    }

    /// How messages to webhooks go out.
    ///
    /// # Errors
    /// [`AppError::WayOut`].
    pub fn way(&self) -> Result<Way, AppError> {
        let egress = Egress { allow_loopback: self.config.egress.allow_loopback };
        let outgoing = Outgoing::new(egress).map_err(AppError::WayOut)?;
        Ok(Way { outgoing, keep_ms: i64::from(self.config.webhooks.keep_days.get()) * DAY_MS })
    }

    /// How much runs at once.
    pub fn pool(&self) -> Pool {
        let count = |number: std::num::NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let SyncConfig { runs, runs_per_tenant, runs_per_connector, .. } = self.config.sync;
        Pool {
            runs: count(runs),
            runs_per_tenant: count(runs_per_tenant),
            runs_per_connector: count(runs_per_connector),
        }
    }

    /// Machine, process and time of start: no two processes are called alike.
    fn host(&self) -> String {
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let machine = if machine.trim().is_empty() { "host" } else { machine.trim() };
        format!("{machine}:{}:{:x}:{:08x}", std::process::id(), self.clock.now_ms(), rand::random::<u32>())
    }
}

type Opened = (Arc<dyn Store>, Option<Arc<Shards>>);

fn open_store(data: &DataDir, config: &Config, key: Key) -> Result<Opened, AppError> {
    let file = match &config.database.url {
        Some(DatabaseUrl::Postgres(url)) => {
            let shards = Arc::new(Shards::open(postgres(url, config), key)?);
            return Ok((Arc::<Shards>::clone(&shards), Some(shards)));
        }
        Some(DatabaseUrl::Sqlite(path)) => data.0.join(path),
        None => data.0.join(DATABASE),
    };
    Ok((Arc::new(Sqlite::open(&file, key)?), None))
}

fn postgres(url: &PostgresUrl, config: &Config) -> PostgresSetup {
    PostgresSetup {
        url: url.reveal().to_owned(),
        connections: usize::try_from(config.database.connections.get()).unwrap_or(usize::MAX),
        prepared_statements: config.database.prepared_statements,
        allow_privileged_role: config.database.allow_privileged_role,
    }
}

/// The role that hosts work with, of a configuration that names a PostgreSQL database.
///
/// # Errors
/// [`AppError::Store`] if the URL cannot be read.
pub fn database_role(config: &Config) -> Result<Option<String>, AppError> {
    match &config.database.url {
        Some(DatabaseUrl::Postgres(url)) => Ok(Some(postgres(url, config).role()?)),
        _ => Ok(None),
    }
}

/// A registry that has looked into those of the folders that exist.
pub fn scanned(store: PathBuf, folders: &[PathBuf]) -> Arc<Registry> {
    let registry = Registry::new(store);
    if !registry.scan(&existing(folders)).is_empty() {
        // Reading whole files and comparing layouts takes memory that this thread does not need again.
        memory::give_back();
    }
    Arc::new(registry)
}

/// Those of the folders that exist.
pub fn existing(folders: &[PathBuf]) -> Vec<PathBuf> {
    folders.iter().filter(|folder| folder.is_dir()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_is_made_once_and_its_key_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::find(Some(dir.path().join("new"))).unwrap();
        let config = Config::default();
        assert_eq!(data.make(&config).unwrap().len(), 4);
        let key = fs::read(data.key_file()).unwrap();
        assert_eq!(data.make(&config).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read(data.key_file()).unwrap(), key);

        fs::write(data.database(&config).unwrap(), "").unwrap();
        fs::remove_file(data.key_file()).unwrap();
        assert!(matches!(data.make(&config), Err(AppError::KeyLost { .. })));
        assert!(!data.key_file().exists());
    }

    #[test]
    fn connectors_are_looked_for_in_configured_folders_first() {
        let data = DataDir::find(Some("/d".into())).unwrap();
        let config = Config::parse("[plugins]\ndirs = [\"/p\", \"own\"]", Path::new("c")).unwrap();
        let folders = data.plugin_folders(&config);
        assert_eq!(folders[..3], [PathBuf::from("/p"), "/d/own".into(), "/d/plugins".into()]);
        assert_eq!(folders.len(), 4);
    }

    #[test]
    fn a_configuration_that_is_named_must_exist() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::find(Some(dir.path().to_owned())).unwrap();
        assert_eq!(read_config(None, &data).unwrap(), Config::default());
        let named = dir.path().join("other.toml");
        assert!(matches!(read_config(Some(&named), &data), Err(AppError::File { .. })));
    }
}
