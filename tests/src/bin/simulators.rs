//! Runs every simulated marketplace until its input closes or it is told to stop.
//!
//! Prints one line of JSON: `{"simulators":[{"connector","channel","base_url","settings","secrets"}]}`.

use std::io::Write;

use anyhow::{Context, Result};
use clap::Parser;
use jiff::Timestamp;
use kit::simulators::{Config, Rates, amazon::Amazon, family};
use serde_json::json;
use tokio::{io::AsyncReadExt, signal::unix};

/// Marketplaces on loopback ports, with orders that live as `POST /control/advance` lets time pass.
#[derive(Parser)]
struct Args {
    /// The same seed gives the same orders.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Orders per marketplace.
    #[arg(long, default_value_t = 1000)]
    orders: u32,
    /// The first port; free ones if absent.
    #[arg(long)]
    port_base: Option<u16>,
    /// Let the published rate limits hold.
    #[arg(long)]
    rates: bool,
    /// Stamp changes this many seconds in the past.
    #[arg(long, default_value_t = 0)]
    backdate_secs: u32,
    /// Let Amazon's account have the role for Easy Ship.
    #[arg(long)]
    easy_ship: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let config = |k: u16| {
        let mut config = Config::new(args.seed, args.orders, || Timestamp::now().as_millisecond());
        config.port = args.port_base.map_or(0, |base| base.saturating_add(k));
        config.rates = if args.rates { Rates::Published } else { Rates::Off };
        config.backdate_ms = i64::from(args.backdate_secs) * 1000;
        config
    };
    let amazon = Amazon { easy_ship_role: args.easy_ship, ..Amazon::default() };
    let running = family::start(amazon, config)
        .await
        .context("a simulated marketplace does not start; choose another --port-base")?;
    let rows = running.iter().map(|one| {
        json!({"connector": one.connector(), "channel": one.channel(), "base_url": one.base_url(),
            "settings": one.settings(), "secrets": one.secrets()})
    });
    let mut out = std::io::stdout();
    writeln!(out, "{}", json!({"simulators": rows.collect::<Vec<_>>()}))?;
    out.flush()?;

    let mut stop = unix::signal(unix::SignalKind::terminate())?;
    let mut input = tokio::io::stdin();
    let mut sink = [0; 512];
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            read = input.read(&mut sink) => if matches!(read, Ok(0) | Err(_)) { break },
        }
    }
    // A read of standard input may still be waiting: do not wait for it.
    std::process::exit(0);
}
