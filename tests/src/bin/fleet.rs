//! What the schedule of a large daemon costs when nothing happens: many tenants with eight channels each, on a connector
//! that answers at once and has no news.
//!
//! ```text
//! fleet PATH-TO-statusync DATA-DIR [--tenants 10000] [--minutes 10]
//! ```
//!
//! It sets the tenants up in DATA-DIR unless they are there already, starts the daemon, waits until nothing is left over
//! from the set-up, and then prints what the daemon did in the given time: runs, how late they began, processor time
//! and memory. Prints figures only; it judges nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use kit::built_plugins;
use serde_json::json;

const CHANNELS: u32 = 8;
const TASKS: u32 = 4;
/// Snapshots that are taken over by one process.
const AT_ONCE: usize = 2_000;
/// Runs that may be on when the backlog of the set-up counts as worked off.
const QUIET: f64 = 20.0;

/// Measures a daemon with very many tasks.
#[derive(Parser)]
struct Args {
    /// The `statusync` program.
    program: PathBuf,
    /// Where its data is.
    data: PathBuf,
    /// How many tenants.
    #[arg(long, default_value_t = 10_000)]
    tenants: u32,
    /// How long it is watched.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if !args.data.join("statusync.db").exists() {
        set_up(&args)?;
    }
    let daemon = Daemon::start(&args)?;
    println!("{} tenants, {} tasks", args.tenants, args.tenants * CHANNELS * TASKS);
    let began = Instant::now();
    daemon.wait_until_quiet()?;
    let all = daemon.figures()?;
    println!(
        "first look at everything: {} runs in {:.0} s, {:.2} ms of a processor each",
        all.runs(),
        began.elapsed().as_secs_f64(),
        1e3 * daemon.cpu_secs()? / all.runs()
    );
    let (before, cpu, since) = (all, daemon.cpu_secs()?, Instant::now());
    daemon.pass(Duration::from_secs(args.minutes * 60))?;
    let wall = since.elapsed().as_secs_f64();
    let after = daemon.figures()?;
    let cpu = daemon.cpu_secs()? - cpu;
    let runs = after.runs() - before.runs();
    println!("watched for {wall:.0} s: {runs} runs, {:.1} a second", runs / wall);
    for share in [0.5, 0.99, 0.999] {
        println!("start delay p{}: at most {}", share * 100.0, after.delay_since(&before, share));
    }
    println!(
        "processor: {cpu:.1} s, {:.1} % of a core, {:.2} ms a run",
        100.0 * cpu / wall,
        1e3 * cpu / runs
    );
    for (name, words) in [("VmRSS", "memory now"), ("VmHWM", "most memory")] {
        println!("{words}: {} MiB", daemon.status(name)? / 1024);
    }
    daemon.stop()
}

fn set_up(args: &Args) -> Result<()> {
    println!("setting {} tenants up in {}", args.tenants, args.data.display());
    statusync(args, &["init"])?;
    let plugin = built_plugins::fast_library("instant")?;
    fs::copy(&plugin, args.data.join("plugins").join("libinstant.so"))?;
    // A free port, so that other daemons may run beside it.
    fs::write(args.data.join("config.toml"), "[http]\nlisten = \"127.0.0.1:0\"\n")?;
    let folder = args.data.join("snapshots");
    fs::create_dir_all(&folder)?;
    let mut files = Vec::new();
    for tenant in 0..args.tenants {
        let channels: Vec<_> = (1..=CHANNELS)
            .map(|n| {
                json!({"code": format!("C{n}"), "connector": "instant", "enabled": true,
                    "default_facility": "F1", "shipping": "CHANNEL", "invoice_numbering": "SELLER", "settings": {}})
            })
            .collect();
        let code = format!("t{tenant:05}");
        let file = folder.join(format!("{code}.json"));
        let snapshot = json!({"tenant": code, "live": true,
            "facilities": [{"code": "F1", "traceability": "NONE"}], "channels": channels});
        fs::write(&file, snapshot.to_string())?;
        files.push(file.to_string_lossy().into_owned());
    }
    for some in files.chunks(AT_ONCE) {
        let mut words = vec!["import"];
        words.extend(some.iter().map(String::as_str));
        statusync(args, &words)?;
    }
    Ok(fs::remove_dir_all(&folder)?)
}

fn statusync(args: &Args, words: &[&str]) -> Result<()> {
    let done = Command::new(&args.program)
        .arg("--data")
        .arg(&args.data)
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    ensure!(done.status.success(), "statusync {}: {}", words[0], String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// The daemon, and where it answers.
struct Daemon {
    child: Child,
    address: String,
    /// Closes when the daemon ends.
    talk: Receiver<()>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start(args: &Args) -> Result<Daemon> {
        let began = Instant::now();
        let mut child = Command::new(&args.program)
            .arg("--data")
            .arg(&args.data)
            .args(["--log", "warn", "run"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut told = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut line = String::new();
        while !line.contains("answers on http://") {
            line.clear();
            if told.read_line(&mut line)? == 0 {
                bail!("the daemon ended before it answered");
            }
        }
        let (_, rest) = line.split_once("http://").context("no address")?;
        let address =
            rest.split_once(',').or(rest.split_once(';')).map_or(rest, |(address, _)| address).to_owned();
        // What it says from now on is for whoever looks on.
        let (talking, talk) = channel();
        thread::spawn(move || {
            let _ends_with_the_daemon = talking;
            for line in told.lines().map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        println!("the daemon answered after {:.1} s", began.elapsed().as_secs_f64());
        Ok(Daemon { child, address, talk })
    }

    fn figures(&self) -> Result<Figures> {
        let mut socket = TcpStream::connect(&self.address)?;
        write!(socket, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address)?;
        let mut text = String::new();
        socket.read_to_string(&mut text)?;
        Ok(Figures::of(&text))
    }

    /// Lets time pass, as long as the daemon is there.
    fn pass(&self, time: Duration) -> Result<()> {
        match self.talk.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => bail!("the daemon ended by itself"),
        }
    }

    fn wait_until_quiet(&self) -> Result<()> {
        let mut quiet = 0;
        while quiet < 5 {
            self.pass(Duration::from_secs(1))?;
            let figures = self.figures()?;
            let is_quiet = figures.sum("statusync_runs_in_flight") < QUIET && figures.runs() > 0.0;
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
        Ok(())
    }

    fn proc(&self, file: &str) -> Result<String> {
        let path = Path::new("/proc").join(self.child.id().to_string()).join(file);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    }

    /// User and system time, in seconds.
    fn cpu_secs(&self) -> Result<f64> {
        const TICKS: f64 = 100.0;
        let stat = self.proc("stat")?;
        let (_, fields) = stat.rsplit_once(')').context("an odd stat file")?;
        let ticks: Vec<f64> =
            fields.split_whitespace().skip(11).take(2).map_while(|n| n.parse().ok()).collect();
        Ok(ticks.iter().sum::<f64>() / TICKS)
    }

    /// A line of its status file, in KiB.
    fn status(&self, name: &str) -> Result<u64> {
        let text = self.proc("status")?;
        let line = text.lines().find(|line| line.starts_with(name)).context("no such line")?;
        Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
    }

    fn stop(mut self) -> Result<()> {
        let began = Instant::now();
        let told = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(told.success(), "the daemon is gone already");
        let status = self.child.wait()?;
        println!("stopped after {:.1} s: {status}", began.elapsed().as_secs_f64());
        Ok(())
    }
}

/// What `/metrics` said, by the whole name with its labels.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    fn of(text: &str) -> Figures {
        let lines = text.lines().filter(|line| line.starts_with("statusync_"));
        let named = |line: &str| {
            let (name, value) = line.trim().rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Figures(lines.filter_map(named).collect())
    }

    fn sum(&self, name: &str) -> f64 {
        self.0.iter().filter(|(full, _)| full.split('{').next() == Some(name)).map(|(_, value)| value).sum()
    }

    fn runs(&self) -> f64 {
        self.sum("statusync_runs_total")
    }

    /// The bucket in which a share of the start delays since then lies.
    fn delay_since(&self, before: &Figures, share: f64) -> String {
        let bucket = "statusync_start_delay_seconds_bucket";
        let mut counts: Vec<(f64, f64)> = Vec::new();
        for (full, value) in self.0.iter().filter(|(full, _)| full.starts_with(bucket)) {
            let limit = full.split("le=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("+Inf");
            let limit = limit.parse().unwrap_or(f64::INFINITY);
            counts.push((limit, value - before.0.get(full).unwrap_or(&0.0)));
        }
        counts.sort_by(|a, b| a.0.total_cmp(&b.0));
        counts.retain(|(_, count)| *count > 0.0);
        let all = counts.last().map_or(0.0, |(_, count)| *count);
        let found = counts.iter().find(|(_, count)| *count >= all * share);
        found.map_or_else(|| "nothing ran".to_owned(), |(limit, _)| format!("{limit} s"))
    }
}
