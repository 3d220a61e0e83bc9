//! The processes that a measure needs, and the folders and databases that they work on.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::{Timestamp, tz::Offset};
use kit::{
    cluster::{APP, Cluster, Database, OWNER},
    load::Size,
};
use serde::de::DeserializeOwned;
use statusync::storage::Postgres;

use super::{
    host::Ran,
    measure::{Cost, cpu_secs},
};

/// Folders of measures lie below the target folder, which is on a disk.
pub(crate) fn scratch() -> Result<tempfile::TempDir> {
    let folder = release()?.join("bench-data");
    fs::create_dir_all(&folder)?;
    Ok(tempfile::tempdir_in(folder)?)
}

/// The folder with the program and the connectors, built in release.
pub(crate) fn release() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("an odd place for a benchmark")?.to_owned();
    ensure!(
        folder.join("libamazon.so").exists(),
        "{} has no connectors: run `make bench`, which builds them first",
        folder.display()
    );
    Ok(folder)
}

/// Runs a part in a process of its own and reads what it says.
fn part<T: DeserializeOwned>(arguments: &[String]) -> Result<T> {
    let output = Command::new(std::env::current_exe()?).args(arguments).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "{} failed", arguments[0]);
    let said = String::from_utf8(output.stdout)?;
    Ok(serde_json::from_str(said.lines().last().context("it said nothing")?)?)
}

fn words(words: &[&dyn ToString]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

/// The marketplace in a process of its own; it ends with this one.
pub(crate) struct Market {
    child: Child,
    address: String,
    pub(crate) size: Size,
}

impl Market {
    pub(crate) fn start(size: Size) -> Result<Market> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(words(&[&"market", &size.orders, &size.tenants]))
            .stdout(Stdio::piped())
            .spawn()?;
        let mut port = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut port)?;
        Ok(Market { child, address: format!("127.0.0.1:{}", port.trim()), size })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn ask(&self, method: &str, path: &str) -> Result<String> {
        let mut socket = TcpStream::connect(&self.address)?;
        let address = &self.address;
        write!(
            socket,
            "{method} /control/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        let (head, body) = text.split_once("\r\n\r\n").context("an odd answer")?;
        if !head.starts_with("HTTP/1.1 200") {
            bail!("the marketplace answered {head}");
        }
        Ok(body.trim().to_owned())
    }

    /// Moves every so-many-th order one step on.
    pub(crate) fn advance(&self, every: u32) -> Result<u64> {
        Ok(self.ask("POST", &format!("advance?every={every}&at={}", every / 2))?.parse()?)
    }

    /// Takes every order back to where it was imported.
    pub(crate) fn reset(&self) -> Result<()> {
        self.ask("POST", "reset").map(drop)
    }

    pub(crate) fn calls(&self) -> Result<u64> {
        Ok(self.ask("GET", "calls")?.parse()?)
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        }
    }
}

/// Tenants as they were imported; each round works on a copy.
pub(crate) struct Template<'a> {
    market: &'a Market,
    folder: tempfile::TempDir,
    server: Option<(&'a Cluster, Database)>,
}

/// A copy of the tenants, and a place for the floor.
pub(crate) struct Copied<'a> {
    market: &'a Market,
    folder: tempfile::TempDir,
    server: Option<(&'a Cluster, Database)>,
}

impl<'a> Template<'a> {
    /// Sets the market's tenants up; with a server, in a database of it.
    pub(crate) fn import(market: &'a Market, server: Option<&'a Cluster>) -> Result<Template<'a>> {
        let folder = scratch()?;
        let server = server.map(|cluster| (cluster, cluster.database()));
        if let Some((_, database)) = &server {
            let owner = database.url(OWNER);
            let prepared = Postgres::prepare(&owner, APP);
            tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(prepared)?;
        }
        configure(folder.path(), server.as_ref().map(|(_, database)| database))?;
        let Size { orders, tenants } = market.size;
        let data = folder.path().display();
        let _nothing: serde_json::Value =
            part(&words(&[&"import", &orders, &tenants, &market.url(), &financial_year(), &data]))?;
        Ok(Template { market, folder, server })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A copy to work on, with every order at its first step.
    pub(crate) fn copy(&self) -> Result<Copied<'a>> {
        self.market.reset()?;
        let folder = scratch()?;
        for entry in fs::read_dir(self.folder.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name()))?;
            }
        }
        let server = self.server.as_ref().map(|(cluster, database)| (*cluster, cluster.copy(database)));
        if let Some((_, database)) = &server {
            configure(folder.path(), Some(database))?;
        }
        Ok(Copied { market: self.market, folder, server })
    }
}

impl Copied<'_> {
    /// Runs every tenant once.
    pub(crate) fn run(&self) -> Result<Ran> {
        let Size { orders, tenants } = self.market.size;
        part(&words(&[&"run", &orders, &tenants, &self.folder.path().display(), &release()?.display()]))
    }

    /// Runs the bare loop once.
    pub(crate) fn floor(&self) -> Result<Cost> {
        let Size { orders, tenants } = self.market.size;
        let mut arguments = words(&[&"floor", &orders, &tenants, &self.market.url()]);
        match &self.server {
            Some((_, database)) => arguments.extend(words(&[&"--postgres", &database.url(OWNER)])),
            None => {
                let file = self.folder.path().join("floor.db");
                arguments.extend(words(&[&"--sqlite", &file.display()]));
            }
        }
        part(&arguments)
    }

    /// What the database server has cost so far, in seconds of processors.
    pub(crate) fn server_cpu(&self) -> Result<f64> {
        let Some((cluster, _)) = &self.server else { return Ok(0.0) };
        let server = cluster.server().map_err(anyhow::Error::msg)?.to_string();
        let mut all = cpu_secs(&server)?;
        for entry in fs::read_dir("/proc")?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
            let parent =
                stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1).map(str::to_owned));
            if parent.as_deref() == Some(server.as_str()) {
                all += cpu_secs(&name).unwrap_or(0.0);
            }
        }
        Ok(all)
    }
}

/// Writes the configuration of a measure, with a free port for the daemon: others may run beside it.
pub(crate) fn configure(folder: &Path, database: Option<&Database>) -> Result<()> {
    let database =
        database.map(|one| format!("[database]\nurl = \"{}\"\n", one.url(APP))).unwrap_or_default();
    // On a busy machine a measure must get slow, and not lose its leases.
    let sync = "[sync]\nrate_plan = false\nlease_ttl_ms = 300000\nrun_limit_secs = 3600\n";
    let config =
        format!("[egress]\nallow_loopback = true\n[http]\nlisten = \"127.0.0.1:0\"\n{sync}{database}");
    Ok(fs::write(folder.join("config.toml"), config)?)
}

/// The running financial year, from April to March in India.
fn financial_year() -> String {
    let now = Offset::constant(5).to_datetime(Timestamp::now());
    let year = if now.month() >= 4 { now.year() } else { now.year() - 1 };
    format!("{year}-{:02}", (year + 1) % 100)
}
