//! A host with something to look at: a daemon on a directory of its own, simulated marketplaces, and two sellers.
//!
//! `acme` is live. Its channel FK1 works well: orders went every way, some of them against what the seller did here. Its
//! channel TC1 has no invoice series, so invoices are refused, and its marketplace has just stopped answering. `bazaar`
//! is not live yet. When [`Showcase::open`] is done, everything that is there has been read, and nothing changes by
//! itself for some minutes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

#[cfg(unix)]
use crate::browser::Browser;
use crate::{
    built_programs,
    faults::{Fault, Kind},
    simulators::{Config, Simulator, flipkart::Flipkart, paytm::Paytm, tata_cliq::TataCliq},
    world::snapshot,
};

/// The seller that is live.
pub const SELLER: &str = "acme";
/// The seller that is not.
pub const NEWCOMER: &str = "bazaar";

/// What everybody here signs in with.
pub const PASSWORD: &str = "correct horse battery";

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often the task list is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(300);
/// Days that the marketplaces live through.
const DAYS: u32 = 4;
const DAY_HOURS: u32 = 24;
/// Orders of each marketplace.
const ORDERS: u32 = 40;
/// How often tasks run when nobody is in a hurry: as a new channel has them.
const USUAL: [(&str, &str); 4] =
    [("status", "10m"), ("pending", "40m"), ("delivery", "1d"), ("returns", "1d")];

/// A running host. It ends, and its directory goes, when this is dropped.
pub struct Showcase {
    dir: TempDir,
    flipkart: Simulator,
    tata: Simulator,
    paytm: Simulator,
    daemon: Option<Daemon>,
}

#[derive(Debug)]
struct Daemon {
    child: Child,
    url: String,
}

impl Showcase {
    /// Makes the host, lets its sellers live through some days, and leaves it running.
    ///
    /// # Errors
    /// If a part of it does not start, or a command is refused.
    pub async fn open() -> Result<Showcase> {
        let now = || Timestamp::now().as_millisecond();
        let config = || Config { backdate_ms: 180_000, ..Config::new(7, ORDERS, now) };
        let mut showcase = Showcase {
            dir: tempfile::tempdir()?,
            flipkart: Simulator::start(Flipkart, config()).await?,
            tata: Simulator::start(TataCliq::default(), config()).await?,
            paytm: Simulator::start(Paytm::default(), config()).await?,
            daemon: None,
        };
        showcase.set_up()?;
        showcase.start()?;
        showcase.live_through().await?;
        showcase.break_one()?;
        Ok(showcase)
    }

    /// An address of the host: `/console`, for example.
    pub fn url(&self, path: &str) -> String {
        let daemon = self.daemon.as_ref().map_or("", |daemon| &daemon.url);
        format!("{daemon}{path}")
    }

    /// Lets somebody new in, with this role in every tenant, and signs them in: `viewer`, `operator` or `admin`.
    ///
    /// # Errors
    /// If the console does not let them in.
    #[cfg(unix)]
    pub async fn sign_in(&self, browser: &Browser, role: &str) -> Result<()> {
        let (login, name) = (format!("{role}@acme.example"), called(role));
        let link = self.run(&["user", "add", &login, "--name", name, "--role", role, "--every-tenant"])?;
        browser.goto(link.trim()).await?;
        browser.click("button", "Sign in").await?;
        browser.fill("New password", PASSWORD).await?;
        browser.fill("Once more", PASSWORD).await?;
        browser.click("button", "Set it").await?;
        browser.until_text(name).await
    }

    /// The marketplace of channel FK1.
    pub fn flipkart(&self) -> &Simulator {
        &self.flipkart
    }

    /// The marketplace of channel TC1.
    pub fn tata(&self) -> &Simulator {
        &self.tata
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A command on the host's data.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.dir.path().join("bin/statusync"));
        command.args(args).env_clear().env("STATUSYNC_DATA", self.data()).stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed; what it prints.
    ///
    /// # Errors
    /// If it fails, with what it says.
    pub fn run(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args).output().context("statusync cannot be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`statusync {}`: {said}", args.join(" "));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What the host holds of a seller, as `statusync export` writes it.
    ///
    /// # Errors
    /// If it is not written.
    pub fn held(&self, tenant: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.run(&["export", "--tenant", tenant])?)?)
    }

    fn set_up(&self) -> Result<()> {
        let built = built_programs::folder()?;
        let place = |from: &Path, to: &Path| -> Result<()> {
            let folder = to.parent().context("a folder")?;
            fs::create_dir_all(folder)?;
            fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))?;
            Ok(())
        };
        place(&built.join("statusync"), &self.dir.path().join("bin/statusync"))?;
        self.run(&["init"])?;
        for library in ["libflipkart.so", "libtata_cliq.so", "libpaytm.so"] {
            place(&built.join(library), &self.data().join("plugins").join(library))?;
        }
        let config = "[egress]\nallow_loopback = true\n[sync]\nrate_plan = false\nmax_attempts = 2\n\
                      [http]\nlisten = \"127.0.0.1:0\"\n";
        fs::write(self.data().join("config.toml"), config)?;
        let parts = [disputed(self.flipkart.snapshot(SELLER)), without_series(self.tata.snapshot(SELLER))];
        let mut seller = snapshot::joined(parts).context("two channels")?;
        seller["live"] = json!(true);
        for document in [seller, self.paytm.snapshot(NEWCOMER)] {
            let file = self.dir.path().join("snapshot.json");
            fs::write(&file, document.to_string())?;
            self.run(&["import", &file.display().to_string()])?;
        }
        Ok(())
    }

    fn start(&mut self) -> Result<()> {
        let log = fs::File::create(self.dir.path().join("daemon.log"))?;
        let mut child = self.command(&["run", "--log", "warn"]).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("its words")?).lines();
        let first = lines.next().context("the daemon ended without a word")??;
        let (_, rest) = first.split_once("answers on ").with_context(|| first.clone())?;
        let url = rest.split(';').next().unwrap_or_default().to_owned();
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || {
            let mut log = log;
            for line in lines.map_while(Result::ok) {
                // A log that cannot be written is no reason to stop reading.
                let _ = std::io::Write::write_all(&mut log, format!("{line}\n").as_bytes());
            }
        });
        self.daemon = Some(Daemon { child, url });
        Ok(())
    }

    /// Lets the marketplaces live through some days, each read by every task before the next begins.
    async fn live_through(&self) -> Result<()> {
        self.every(|_| "1s")?;
        for _ in 0..DAYS {
            self.flipkart.advance(DAY_HOURS);
            self.tata.advance(DAY_HOURS);
            self.until_all_have_run().await?;
        }
        self.every(|usual| usual)
    }

    /// Sets the intervals of all tasks of the live seller.
    fn every(&self, interval: impl Fn(&'static str) -> &'static str) -> Result<()> {
        let tasks: Value = serde_json::from_str(&self.run(&["--json", "tasks", "--tenant", SELLER])?)?;
        for row in tasks.as_array().context("`tasks --json` prints a list")? {
            let [channel, task] = ["channel", "task"].map(|part| row[part].as_str().unwrap_or_default());
            let usual = USUAL.iter().find(|(known, _)| *known == task).map_or("1d", |(_, usual)| usual);
            let place = ["-q", "tasks", "set", "--tenant", SELLER, "--channel", channel, "--task", task];
            self.run(&[&place[..], &["--every", interval(usual)]].concat())?;
        }
        Ok(())
    }

    async fn until_all_have_run(&self) -> Result<()> {
        let (since, deadline) = (Timestamp::now(), Instant::now() + PATIENCE);
        let mut glances = tokio::time::interval(GLANCE);
        glances.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            glances.tick().await;
            let mut command =
                tokio::process::Command::from(self.command(&["--json", "tasks", "--tenant", SELLER]));
            let tasks: Value = serde_json::from_slice(&command.output().await?.stdout)?;
            let has_run = |task: &Value| {
                let began = task["last"]["started_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
                began.is_some_and(|at| at >= since)
            };
            let rows = tasks.as_array().context("`tasks --json` prints a list")?;
            if !rows.is_empty() && rows.iter().all(has_run) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not every task runs: {tasks}");
            }
        }
    }

    /// Lets the marketplace of TC1 fail from now on, and a task meet it.
    fn break_one(&self) -> Result<()> {
        self.tata.faults(vec![Fault::next(Kind::ServerError { status: 503 }).times(u32::MAX)]);
        let task = ["sync", "--tenant", SELLER, "--channel", self.tata.channel(), "--task", "status"];
        let output = self.command(&task).output()?;
        ensure!(!output.status.success(), "a sync with a marketplace that is down must fail");
        Ok(())
    }
}

/// Who has this role.
fn called(role: &str) -> &'static str {
    match role {
        "admin" => "Asha Rao",
        "operator" => "Meera Iyer",
        _ => "Vikram Shah",
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A snapshot that the marketplace will contradict: the first orders without a package were cancelled here, and the next
/// are not here at all.
fn disputed(mut snapshot: Value) -> Value {
    let Some(orders) = snapshot["orders"].as_array_mut() else { return snapshot };
    let is_untouched = |order: &Value| {
        let items = order["items"].as_array().into_iter().flatten();
        order["packages"].as_array().is_some_and(Vec::is_empty) && items.clone().count() > 0
    };
    for order in orders.iter_mut().filter(|order| is_untouched(order)).take(6) {
        order["status"] = json!("CANCELLED");
        for item in order["items"].as_array_mut().into_iter().flatten() {
            item["status"] = json!("CANCELLED");
        }
    }
    let mut left_out = 0;
    orders.retain(|order| {
        let goes = is_untouched(order) && order["status"] != "CANCELLED" && left_out < 3;
        left_out += usize::from(goes);
        !goes
    });
    snapshot
}

/// A snapshot whose facility can draw no sale invoice.
fn without_series(mut snapshot: Value) -> Value {
    if let Some(series) = snapshot["sequences"].as_array_mut() {
        series.retain(|series| series["kind"] != "SALE_INVOICE");
    }
    snapshot
}
