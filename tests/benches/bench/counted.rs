//! A guard against getting slower that no clock decides: the instructions of fixed pieces of work, as valgrind counts them, beside
//! those that are written down in `instructions.json`.
//!
//! Counts depend on the compilers, so they are written down for each pair of them. What is not written down is counted, said
//! and not judged: `make bench-record` writes it down.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use statusync::{
    secrets::Key,
    storage::{Sqlite, Store},
};

use crate::{
    boundary,
    sides::scratch,
    work::{Book, Orders},
};

/// How far a count may be from what is written down.
const SHARE: f64 = 0.05;
/// Each piece of work, with how often it is done less and more: the difference leaves out what comes before and after.
const WORK: [(&str, u32, u32); 3] = [("apply", 1, 4), ("boundary", 4, 12), ("page on SQLite", 2, 6)];

/// Which counts.
#[derive(Debug, Args)]
pub(crate) struct Instructions {
    /// Writes the counts down instead of comparing them.
    #[arg(long)]
    record: bool,
}

type Written = BTreeMap<String, BTreeMap<String, u64>>;

/// Does a piece of work. Each piece is about a page of orders.
pub(crate) async fn work(name: &str, times: u32) -> Result<()> {
    match name {
        "apply" => {
            let orders = Orders::new(100)?;
            for _ in 0..times {
                ensure!(orders.apply() > 100, "hardly anything was applied");
            }
        }
        "boundary" => boundary::read(times)?,
        "page on SQLite" => {
            let folder = scratch()?;
            let key = Key::create(&folder.path().join("key"))?;
            let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("s.db"), key)?);
            let book = Book::fill(store).await?;
            for _ in 0..times {
                book.commit().await?;
            }
        }
        other => bail!("there is no work `{other}`"),
    }
    Ok(())
}

impl Instructions {
    /// Counts and compares, or counts and writes down.
    pub(crate) fn compare(&self) -> Result<()> {
        let compilers = compilers()?;
        let mut written = read()?;
        let known = written.get(&compilers).cloned().unwrap_or_default();
        let mut counted = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, less, more) in WORK {
            let count = (count(name, more)?.saturating_sub(count(name, less)?)) / u64::from(more - less);
            let beside = known.get(name).copied();
            let change =
                beside.map(|before| crate::measure::figure(count) / crate::measure::figure(before) - 1.0);
            let words =
                change.map_or_else(|| "not written down".to_owned(), |by| format!("{:+.1} %", by * 100.0));
            println!("{name}: {count} instructions for a page of a hundred orders, {words}");
            if change.is_some_and(|by| by.abs() > SHARE) {
                wrong.push(name);
            }
            counted.insert(name.to_owned(), count);
        }
        if self.record {
            written.insert(compilers, counted);
            let text = serde_json::to_string_pretty(&written)? + "\n";
            return fs::write(file(), text).with_context(|| file().display().to_string());
        }
        if known.is_empty() {
            println!("no counts are written down for {compilers}: `make bench-record` does it");
        }
        ensure!(
            wrong.is_empty(),
            "{} took more than {:.0} % more or fewer instructions than written down in {}: find out why, or write the new \
             counts down with `make bench-record` and say so in the commit",
            wrong.join(", "),
            SHARE * 100.0,
            file().display()
        );
        Ok(())
    }
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/bench/instructions.json")
}

fn read() -> Result<Written> {
    match fs::read_to_string(file()) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Written::new()),
        Err(error) => Err(error).with_context(|| file().display().to_string()),
    }
}

/// Those that made what is counted: of Rust, and of the C of SQLite; and for which machine.
fn compilers() -> Result<String> {
    let first_line = |program: &str, argument: &str| -> Result<String> {
        let output = Command::new(program).arg(argument).output().with_context(|| program.to_owned())?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned())
    };
    let rust = first_line("rustc", "--version")?;
    Ok(format!("{rust}, cc {}, {}", first_line("cc", "-dumpfullversion")?, std::env::consts::ARCH))
}

/// The instructions of a process that does the work so many times.
fn count(name: &str, times: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["work", name, &times.to_string()])
        .stdout(Stdio::null())
        .output()
        .context("valgrind cannot be started: tests/tools.sh installs it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the work `{name}` failed under valgrind: {said}");
    let collected =
        said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    collected.and_then(|count| count.parse().ok()).context("valgrind told no count")
}
