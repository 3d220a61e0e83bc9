//! The configuration file: what may stand in it, what each key means, and precise words about what is wrong.
//!
//! It reads text and checks it. Where the file lies, and what is made from it, is `app`'s business.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroU64},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::nearest::with_suggestion;

/// The file that `init` writes: every key with its default, commented out.
pub const TEMPLATE: &str = include_str!("config_template.toml");

/// Everything that can be configured. Absent keys have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where state is kept.
    pub database: DatabaseConfig,
    /// Where connectors are looked for.
    pub plugins: PluginsConfig,
    /// Where requests may go.
    pub egress: EgressConfig,
    /// Runs.
    pub sync: SyncConfig,
    /// Where the daemon answers.
    pub http: HttpConfig,
    /// What is told to others.
    pub webhooks: WebhooksConfig,
    /// What is written to stderr while it works.
    pub log: LogConfig,
}

/// `[database]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// The database; absent = the SQLite file `statusync.db` in the data directory. A relative path starts there too.
    pub url: Option<DatabaseUrl>,
    /// The most connections to a PostgreSQL server at once.
    pub connections: NonZeroU32,
    /// Whether statements are prepared once for each connection to a PostgreSQL server.
    pub prepared_statements: bool,
    /// Whether a PostgreSQL role may be used that row security does not hold. The command line says so, never the file.
    #[serde(skip)]
    pub allow_privileged_role: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        DatabaseConfig {
            url: None,
            connections: count(10),
            prepared_statements: true,
            allow_privileged_role: false,
        }
    }
}

/// A database: an SQLite file, written as a path or as `sqlite:PATH`, or one on a PostgreSQL server, `postgres://…`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum DatabaseUrl {
    /// The path of a file.
    Sqlite(PathBuf),
    /// The URL of a server's database.
    Postgres(PostgresUrl),
}

/// The URL of a database on a PostgreSQL server. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// The URL as it was written, password and all.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl([not shown])")
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let path = match scheme {
            "" => text.as_str(),
            "sqlite" => text["sqlite:".len()..].trim_start_matches("//"),
            "postgres" | "postgresql" => return Ok(DatabaseUrl::Postgres(PostgresUrl(text))),
            // The rest of it may be a password.
            _ => {
                return Err(format!(
                    "`{scheme}:` is no database that is known here; give the path of an SQLite file, such as \
                     /var/lib/statusync/statusync.db, or postgres://role@host/database"
                ));
            }
        };
        if path.is_empty() {
            return Err("the path of the SQLite file is empty; leave `url` out for the default".into());
        }
        Ok(DatabaseUrl::Sqlite(path.into()))
    }
}

/// `[plugins]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginsConfig {
    /// Folders that are searched before `plugins` in the data directory and the program's own folder.
    pub dirs: Vec<PathBuf>,
}

/// `[egress]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EgressConfig {
    /// Whether requests may go to this machine, by plain HTTP too.
    pub allow_loopback: bool,
}

/// `[sync]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SyncConfig {
    /// A lease that is not renewed runs out after this.
    pub lease_ttl_ms: NonZeroU32,
    /// A lease is renewed this often.
    pub lease_renew_ms: NonZeroU32,
    /// Runs at the same time.
    pub runs: NonZeroU32,
    /// Of these, for one tenant.
    pub runs_per_tenant: NonZeroU32,
    /// Of these, for one connector.
    pub runs_per_connector: NonZeroU32,
    /// The most that one run may take.
    pub run_limit_secs: NonZeroU32,
    /// Attempts at a request, the first included.
    pub max_attempts: NonZeroU32,
    /// The longest wait for the rate plan or before another attempt.
    pub max_wait_ms: NonZeroU64,
    /// Whether calls keep to the connectors' rate plans.
    pub rate_plan: bool,
}

const fn count(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl Default for SyncConfig {
    fn default() -> Self {
        SyncConfig {
            lease_ttl_ms: count(15_000),
            lease_renew_ms: count(5_000),
            runs: count(1_000),
            runs_per_tenant: count(8),
            runs_per_connector: count(750),
            run_limit_secs: count(1_800),
            max_attempts: count(4),
            max_wait_ms: NonZeroU64::from(count(60_000)),
            rate_plan: true,
        }
    }
}

/// `[http]`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Where the daemon listens.
    pub listen: Listen,
    /// The URL by which browsers reach the daemon, if a proxy stands before it.
    pub public_url: Option<PublicUrl>,
    /// How many requests a minute one caller may make.
    pub requests_per_minute: NonZeroU32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        let port = 8420;
        HttpConfig {
            listen: Listen::At(SocketAddr::from(([127, 0, 0, 1], port))),
            public_url: None,
            requests_per_minute: count(1_200),
        }
    }
}

/// A URL without a path: `https://sync.example`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL, without a `/` at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of HTTPS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = host.map(|host| host.trim_end_matches('/')).unwrap_or_default();
        let is_host = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(format!("`{text}` is no URL without a path, such as https://sync.example"));
        }
        Ok(PublicUrl(text.trim_end_matches('/').to_owned()))
    }
}

/// `[webhooks]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// For so many days events are kept after they happened; a replay reaches so far.
    pub keep_days: NonZeroU32,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        WebhooksConfig { keep_days: count(7) }
    }
}

/// An address and port, or nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// It does not listen.
    Off,
    /// Here; port 0 takes a free one.
    At(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "off" {
            return Ok(Listen::Off);
        }
        let wrong = |_| format!("`{text}` is no address and port, such as 127.0.0.1:8420, nor `off`");
        text.parse().map(Listen::At).map_err(wrong)
    }
}

/// `[log]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// The least important lines that are written; absent = `info` for the daemon, less for other commands.
    pub level: Option<Level>,
    /// How lines look.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What someone should look at.
    Warn,
    /// What happened.
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is wrong with a configuration file, with the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {problem}", path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Names the key and what is allowed.
    pub problem: String,
}

impl Config {
    /// Reads the text of a configuration file; `path` is for the words of errors.
    ///
    /// # Errors
    /// The first thing that is wrong: line and column, the key, what is allowed, and the key that was probably meant.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        let at = |offset: usize, problem: String| {
            let (line, column) = place(text, offset);
            ConfigError { path: path.to_owned(), line, column, problem }
        };
        let refused = |key: &str, error: &toml::de::Error| {
            let problem = with_suggestion(error.message());
            let offset = error.span().map_or(0, |span| span.start);
            at(offset, if key.is_empty() || key == "." { problem } else { format!("{key}: {problem}") })
        };
        let document = toml::Deserializer::parse(text).map_err(|error| refused("", &error))?;
        let config: Config = serde_path_to_error::deserialize(document)
            .map_err(|error| refused(&error.path().to_string(), error.inner()))?;
        if config.sync.lease_renew_ms.get() > config.sync.lease_ttl_ms.get() / 2 {
            let offset = text.find("lease_renew_ms").or_else(|| text.find("lease_ttl_ms")).unwrap_or(0);
            let problem = format!(
                "sync.lease_renew_ms: {} is more than half of lease_ttl_ms ({}); a lease must be renewed at least twice \
                 in its life",
                config.sync.lease_renew_ms, config.sync.lease_ttl_ms
            );
            return Err(at(offset, problem));
        }
        Ok(config)
    }
}

/// Line and column, from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(text, Path::new("c.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_means_the_defaults_and_so_does_the_template() {
        assert_eq!(Config::parse("", Path::new("c.toml")), Ok(Config::default()));
        assert_eq!(Config::parse(TEMPLATE, Path::new("c.toml")), Ok(Config::default()));
    }

    #[test]
    fn the_values_that_the_template_names_are_the_defaults() {
        let is_setting =
            |line: &str| line.starts_with("# ") && line.contains(" = ") && !line.contains("e.g.");
        let given: String = TEMPLATE
            .lines()
            .map(|line| if is_setting(line) { &line[2..] } else { line })
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut config = Config::parse(&given, Path::new("c.toml")).unwrap();
        assert_eq!(config.log.level.take(), Some(Level::Info));
        let url = "https://sync.example".to_owned();
        assert_eq!(config.http.public_url.take(), PublicUrl::try_from(url).ok());
        assert_eq!(config.database.url.take(), Some(DatabaseUrl::Sqlite("statusync.db".into())));
        assert_eq!(config, Config::default());
    }

    #[test]
    fn everything_wrong_is_named_with_its_place_and_what_was_meant() {
        let cases = [
            ("[sync]\nrun = 3\n", "c.toml:2:1: sync.run: unknown field `run`", "did you mean `runs`?"),
            ("[snyc]\n", "c.toml:1:2: snyc: unknown field `snyc`", "did you mean `sync`?"),
            ("[sync]\nruns = 0\n", "c.toml:2:8: sync.runs: ", "nonzero"),
            ("[sync]\nruns = -1\n", "c.toml:2:8: sync.runs: ", "nonzero"),
            (
                "[sync]\nruns = \"3\"\n",
                "c.toml:2:8: sync.runs: invalid type: string \"3\"",
                "expected a nonzero u32",
            ),
            (
                "[sync]\nlease_renew_ms = 9000\n",
                "c.toml:2:1: sync.lease_renew_ms: 9000 is more than half",
                "15000",
            ),
            (
                "[log]\nlevel = \"wran\"\n",
                "c.toml:2:9: log.level: unknown variant `wran`",
                "did you mean `warn`?",
            ),
            (
                "[log]\nformat = \"xml\"\n",
                "c.toml:2:10: log.format: unknown variant `xml`",
                "`text` or `json`",
            ),
            ("[egress]\nallow_loopback = 1\n", "c.toml:2:18: egress.allow_loopback: ", "a boolean"),
            ("[plugins]\ndirs = \"x\"\n", "c.toml:2:8: plugins.dirs: ", "sequence"),
            (
                "[http]\nlisten = \"8420\"\n",
                "c.toml:2:10: http.listen: `8420` is no address and port",
                "127.0.0.1:8420",
            ),
            (
                "[database]\nurl = \"mysql://u:secret@h\"\n",
                "c.toml:2:7: database.url: `mysql:` is no database that is known here; give",
                "SQLite",
            ),
            ("[database]\nurl = \"\"\n", "c.toml:2:7: database.url: the path", "empty"),
            ("runs = 3\n", "c.toml:1:1: runs: unknown field `runs`", "`sync`"),
            ("[sync\n", "c.toml:1:6: ", ""),
            ("[log]\nlevel = \"info\"\nlevel = \"warn\"\n", "c.toml:3:1: ", "duplicate key"),
        ];
        for (text, start, part) in cases {
            let said = error(text);
            assert!(said.starts_with(start) && said.contains(part), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_database_may_be_named_by_path_or_by_url() {
        for text in ["/x/s.db", "sqlite:/x/s.db", "sqlite:///x/s.db"] {
            assert_eq!(
                DatabaseUrl::try_from(text.to_owned()),
                Ok(DatabaseUrl::Sqlite("/x/s.db".into())),
                "{text}"
            );
        }
        for text in ["postgres://app:s3cret@h/db", "postgresql://app:s3cret@h/db"] {
            let config =
                Config::parse(&format!("[database]\nurl = \"{text}\""), Path::new("c.toml")).unwrap();
            let Some(DatabaseUrl::Postgres(url)) = &config.database.url else { panic!("{config:?}") };
            assert_eq!(url.reveal(), text);
            assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
        }
    }

    #[test]
    fn only_the_command_line_allows_a_privileged_role() {
        assert!(error("[database]\nallow_privileged_role = true\n").contains("unknown field"));
    }
}
