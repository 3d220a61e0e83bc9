//! The demo: every simulated marketplace, one seller, two weeks in a minute or two, everything through the public command
//! line. Ends with what the marketplaces say beside what Statusync holds, and fails if a cell differs.
//!
//! ```text
//! demo PATH-TO-statusync DATA-DIR
//! ```

use std::{
    fs,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::PathBuf,
    process::{self, Child, Command, ExitCode, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use jiff::Timestamp;
use kit::{
    agreement::{STATES, Units},
    simulators::{Config, Simulator, amazon::Amazon, family},
    world::snapshot,
};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

const TENANT: &str = "demo";
const ORDERS: u32 = 1_000;
/// Steps of virtual time; the last return of these worlds is settled after some two weeks.
const STEP_HOURS: u32 = 24;
/// The longest that the daemon may take to read everything once.
const CATCH_UP: Duration = Duration::from_mins(3);

/// Shows Statusync at work on simulated marketplaces.
#[derive(Parser)]
struct Args {
    /// The `statusync` program.
    program: PathBuf,
    /// Where the seller's data goes; emptied first.
    data: PathBuf,
    /// The same seed gives the same orders.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match show(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn show(args: Args) -> Result<()> {
    let began = Instant::now();
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminated.recv().await;
        let daemon = DAEMON.load(Ordering::SeqCst);
        if daemon != 0 {
            let _ = tell_to_stop(daemon);
        }
        process::exit(TERMINATED);
    });
    let now = || Timestamp::now().as_millisecond();
    // Amazon takes no question about its last two minutes, so the simulated changes are stamped a little earlier.
    let config = |_| Config { backdate_ms: 180_000, ..Config::new(args.seed, ORDERS, now) };
    let amazon = Amazon { easy_ship_role: true, report_polls: 0, ..Amazon::default() };
    let markets = family::start(amazon, config).await.context("a simulated marketplace does not start")?;
    let demo = Demo { program: args.program, data: args.data };
    say("1", &format!("{} marketplaces are simulated on this machine", markets.len()));
    for market in &markets {
        println!("   {:9} {} orders on {}", market.connector(), ORDERS, market.base_url());
    }

    say("2", "A seller is set up in a fresh directory");
    demo.set_up(&markets)?;

    say("3", "A day passes. The seller is not live yet: nothing moves");
    for market in &markets {
        market.advance(STEP_HOURS);
    }
    demo.before_go_live()?;

    say("4", "The seller goes live; time passes while the daemon syncs");
    demo.run(&["tenant", "live", TENANT])?;
    let (daemon, _) = demo.start_daemon("1s")?;
    demo.live_through(&markets)?;
    daemon.stop()?;

    say("5", "What the marketplaces say, and what Statusync holds");
    let held: Value = serde_json::from_slice(&demo.quietly(&["export", "--tenant", TENANT])?)?;
    let differing = compare(&markets, &held);

    say("6", "Three orders explained");
    demo.explain(&held)?;

    println!();
    println!(
        "Done in {} s. The data is in {}; go on with, for example:",
        began.elapsed().as_secs(),
        demo.data.display()
    );
    let program = demo.program.display();
    for example in [
        "tasks",
        "runs",
        "order list --tenant demo --status CANCELLED",
        "putaway list --tenant demo",
        "conflict list --tenant demo",
    ] {
        println!("   {program} --data {} {example}", demo.data.display());
    }
    ensure!(differing == 0, "{differing} items differ from what the marketplaces say");
    if std::io::stdout().is_terminal() {
        say("7", "The console shows all of it, until Ctrl-C; the simulated marketplaces go on answering");
        demo.open_console().await?;
    }
    Ok(())
}

fn say(number: &str, what: &str) {
    println!("\n{number}. {what}");
}

struct Demo {
    program: PathBuf,
    data: PathBuf,
}

impl Demo {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(&self.data).args(args);
        command
    }

    /// Runs a command that must succeed, shows it and what it says.
    fn run(&self, args: &[&str]) -> Result<()> {
        println!("   $ statusync {}", args.join(" "));
        let status = self.command(args).status().context("statusync cannot be started")?;
        ensure!(status.success(), "`statusync {}` ended with {status}", args.join(" "));
        Ok(())
    }

    /// Runs a command that must succeed and returns what it prints.
    fn quietly(&self, args: &[&str]) -> Result<Vec<u8>> {
        let output =
            self.command(args).stderr(Stdio::inherit()).output().context("statusync cannot be started")?;
        ensure!(output.status.success(), "`statusync {}` ended with {}", args.join(" "), output.status);
        Ok(output.stdout)
    }

    fn set_up(&self, markets: &[Simulator]) -> Result<()> {
        if self.data.exists() {
            fs::remove_dir_all(&self.data).context("the old demo data cannot be removed")?;
        }
        self.run(&["init"])?;
        let config = "[egress]\nallow_loopback = true\n\n[sync]\nrate_plan = false\n\n[http]\nlisten = \"127.0.0.1:0\"\n\n[log]\nlevel = \"warn\"\n";
        fs::write(self.data.join("config.toml"), config)?;
        let joined = snapshot::joined(markets.iter().map(|market| market.snapshot(TENANT)))
            .context("no marketplace")?;
        let file = self.data.join("snapshot.json");
        fs::write(&file, serde_json::to_vec(&joined)?)?;
        self.run(&["import", &file.display().to_string()])?;
        self.run(&["connector", "list"])
    }

    fn before_go_live(&self) -> Result<()> {
        let args = ["sync", "--tenant", TENANT, "--channel", "FK1", "--task", "pending"];
        println!("   $ statusync {}", args.join(" "));
        let status = self.command(&args).status()?;
        ensure!(status.code() == Some(4), "a sync before go-live must be skipped, it ended with {status}");
        let args = ["sync", "--tenant", TENANT, "--channel", "FK1", "--task", "pending", "--dry-run"];
        println!("   $ statusync {}   (the first lines)", args.join(" "));
        let output = self.command(&args).output()?;
        for line in String::from_utf8_lossy(&output.stdout).lines().take(8) {
            println!("{}", line.chars().take(150).collect::<String>());
        }
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            println!("{line}");
        }
        Ok(())
    }

    /// Starts the daemon with every task this often; answers with its address, too.
    fn start_daemon(&self, every: &str) -> Result<(Daemon, String)> {
        let tasks: Value = serde_json::from_slice(&self.quietly(&["--json", "tasks", "--tenant", TENANT])?)?;
        for task in tasks.as_array().context("`tasks --json` prints a list")? {
            let [channel, kind] = ["channel", "task"].map(|key| task[key].as_str().unwrap_or_default());
            self.quietly(&[
                "-q",
                "tasks",
                "set",
                "--tenant",
                TENANT,
                "--channel",
                channel,
                "--task",
                kind,
                "--every",
                every,
            ])?;
        }
        println!(
            "   $ statusync run   (every task every {every}, instead of every ten minutes to every day)"
        );
        let mut log = fs::File::create(self.data.join("daemon.log"))?;
        let mut child = self
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("the daemon cannot be started")?;
        let mut said = BufReader::new(child.stderr.take().context("the daemon's output is a pipe")?);
        DAEMON.store(child.id(), Ordering::SeqCst);
        let daemon = Daemon(child);
        let mut first = String::new();
        said.read_line(&mut first)?;
        log.write_all(first.as_bytes())?;
        std::thread::spawn(move || std::io::copy(&mut said, &mut log));
        let address = first.split("answers on ").nth(1).and_then(|rest| rest.split([',', ';', '\n']).next());
        let address =
            address.with_context(|| format!("the daemon does not say where it answers: {first}"))?;
        Ok((daemon, address.to_owned()))
    }

    /// Lets the worlds live to their end, a day at a time, each day read by every task before the next begins.
    fn live_through(&self, markets: &[Simulator]) -> Result<()> {
        let mut day = 1;
        loop {
            let caught_up = Timestamp::now().as_millisecond();
            self.wait_for_every_task(caught_up)?;
            let left: usize = markets.iter().map(Simulator::steps_left).sum();
            day += 1;
            progress(day, left, markets.iter().map(|market| market.calls().total).sum::<u64>());
            if left == 0 {
                break;
            }
            for market in markets {
                market.advance(STEP_HOURS);
            }
        }
        println!();
        Ok(())
    }

    /// Waits until each task has begun a run after `since` and ended it.
    fn wait_for_every_task(&self, since: i64) -> Result<()> {
        let deadline = Instant::now() + CATCH_UP;
        loop {
            let tasks: Value =
                serde_json::from_slice(&self.quietly(&["--json", "tasks", "--tenant", TENANT])?)?;
            let tasks = tasks.as_array().context("`tasks --json` prints a list")?;
            let done = |task: &Value| {
                let began = task["last"]["started_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
                began.is_some_and(|at| at.as_millisecond() >= since)
            };
            if !tasks.is_empty() && tasks.iter().all(done) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let late: Vec<String> =
                    tasks.iter().filter(|task| !done(task)).map(ToString::to_string).collect();
                bail!(
                    "the daemon does not keep up; {} tells why. Late: {}",
                    self.data.join("daemon.log").display(),
                    late.join("\n")
                );
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Runs the daemon for somebody who looks at its console, until Ctrl-C.
    async fn open_console(&self) -> Result<()> {
        let (daemon, address) = self.start_daemon("1m")?;
        let link: Value = serde_json::from_slice(&self.quietly(&["--json", "user", "link", "admin"])?)?;
        let path = link["link"].as_str().and_then(|link| link.find("/console/").map(|at| &link[at..]));
        let path = path.context("`user link` prints a link to the console")?;
        println!("   Open this in a browser. It signs you in as the admin, once:");
        println!("   {address}{path}");
        tokio::signal::ctrl_c().await?;
        println!();
        daemon.stopped_by_terminal()
    }

    fn explain(&self, held: &Value) -> Result<()> {
        let wanted = [
            ("an unfulfillable order that was dispatched on the panel", &["D1"][..]),
            ("a cancellation after the invoice, with its putaway", &["C4", "C5", "C6", "C16"]),
            ("a parcel that came back undelivered", &["R2"]),
        ];
        for (what, rows) in wanted {
            let history = held["history"].as_array().context("the export has a history")?;
            let found = history.iter().find(|change| {
                change["row"].as_str().is_some_and(|chain| chain.split('>').any(|row| rows.contains(&row)))
            });
            let Some(order) = found.and_then(|change| change["order"].as_str()) else {
                bail!("no order shows {what} with this seed");
            };
            println!("\n   {what}:");
            self.run(&["order", "explain", order, "--tenant", TENANT])?;
        }
        Ok(())
    }
}

fn progress(day: u32, left: usize, calls: u64) {
    let line = format!("   day {day:>2}: {left:>5} events to come, {calls:>6} calls answered so far");
    if std::io::stdout().is_terminal() {
        print!("\r{line}");
        let _ = std::io::stdout().flush();
    } else if day.is_multiple_of(10) || left == 0 {
        println!("{line}");
    }
}

/// The daemon's process while one runs: when the demo is told to end, nothing is dropped.
static DAEMON: AtomicU32 = AtomicU32::new(0);

/// What a shell calls the end by SIGTERM.
const TERMINATED: i32 = 143;

fn tell_to_stop(daemon: u32) -> Result<()> {
    let status = Command::new("kill").arg(daemon.to_string()).status()?;
    ensure!(status.success(), "the daemon cannot be told to stop");
    Ok(())
}

/// The daemon; ended with the demo, whatever happens.
struct Daemon(Child);

impl Daemon {
    /// Tells it to stop, and waits until its runs have ended.
    fn stop(mut self) -> Result<()> {
        tell_to_stop(self.0.id())?;
        let ended = self.0.wait()?;
        ensure!(ended.success(), "the daemon ended with {ended}");
        Ok(())
    }

    /// Waits until it has ended after a Ctrl-C, which the terminal sent to it as well; tells it if it was not.
    fn stopped_by_terminal(mut self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(ended) = self.0.try_wait()? {
                ensure!(ended.success(), "the daemon ended with {ended}");
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        self.stop()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        DAEMON.store(0, Ordering::SeqCst);
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Prints the table and returns how many items differ in any unit.
fn compare(markets: &[Simulator], held: &Value) -> usize {
    println!("   {:9} {:11} {:>12} {:>12}", "channel", "units", "marketplace", "Statusync");
    let mut differing = 0;
    for market in markets {
        let (said, held) = (Units::said(market), Units::held(held, market.channel()));
        for state in STATES {
            let (a, b) = (said.sum(state), held.sum(state));
            println!(
                "   {:9} {state:11} {a:>12} {b:>12}  {}",
                market.channel(),
                if a == b { "equal" } else { "DIFFERENT" }
            );
        }
        let differences = said.differences(&held);
        differing += differences.len();
        for line in differences.iter().take(5) {
            println!("   differs: {line}");
        }
    }
    differing
}
