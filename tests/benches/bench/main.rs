//! `make bench`: how fast Statusync is, against what it must reach and against a floor that is measured in the same run.
//!
//! ```text
//! bench [--quick] [--orders N] [--tenants N] [--rounds N] [--only sqlite|postgres|growth|start|boundary] [--write FILE]
//! bench instructions [--record]
//! ```
//!
//! The marketplace, the floor and the host are processes of their own, so that what each costs is what the system counted for
//! it. The host is the library that the program is made of, with the program's own wiring; what is measured begins when the
//! connector is loaded and the store is open. Figures are printed; nothing here judges them but the column beside.

mod boundary;
mod counted;
mod floor;
mod growth;
mod host;
mod measure;
mod report;
mod sides;
mod start;
mod work;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};
use kit::load::{self, Size};

/// Measures Statusync.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
    /// A few minutes instead of half an hour: fewer orders, one round.
    #[arg(long)]
    quick: bool,
    /// Orders of the main measures.
    #[arg(long)]
    orders: Option<u32>,
    /// Tenants that share them.
    #[arg(long, default_value_t = 100)]
    tenants: u32,
    /// How often each measure is taken.
    #[arg(long)]
    rounds: Option<usize>,
    /// Only some of the measures.
    #[arg(long)]
    only: Vec<String>,
    /// Where the figures are written, as a document.
    #[arg(long)]
    write: Option<PathBuf>,
    /// What cargo hands to every benchmark.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// What a process of its own does; the first process starts the others.
#[derive(Debug, Subcommand)]
enum Part {
    /// Serves the marketplace.
    #[command(hide = true)]
    Market { orders: u32, tenants: u32 },
    /// Fetches, parses and upserts, and nothing else.
    #[command(hide = true)]
    Floor(floor::Floor),
    /// Sets tenants up.
    #[command(hide = true)]
    Import(host::Import),
    /// Runs the task `status` of every tenant.
    #[command(hide = true)]
    Run(host::Run),
    /// Does a fixed piece of work so many times.
    #[command(hide = true)]
    Work { name: String, times: u32 },
    /// Counts the instructions of fixed pieces of work and compares them with those that are written down.
    Instructions(counted::Instructions),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.part {
        Some(part) => in_a_process(part),
        None => report::measure(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn in_a_process(part: Part) -> Result<()> {
    let one = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    // As the program's own.
    let many = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match part {
        Part::Market { orders, tenants } => {
            one()?.block_on(load::serve(Size { orders, tenants }, |port| println!("{port}")))?;
            Ok(())
        }
        Part::Floor(floor) => one()?.block_on(floor.run()),
        Part::Import(import) => many()?.block_on(import.run()),
        Part::Run(run) => many()?.block_on(run.run()),
        Part::Work { name, times } => one()?.block_on(counted::work(&name, times)),
        Part::Instructions(instructions) => instructions.compare(),
    }
}
