//! What a run keeps in memory does not grow with the number of orders.

use std::{fs, process::Stdio, sync::Arc, time::Instant};

use kit::built_plugins::{Surface, library};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::{
    place::{PATIENCE, Place, seller},
    stall::{Answer, Stall, What},
};

const FEW: usize = 20_000;
const MANY: usize = 200_000;
const ON_A_PAGE: usize = 1_000;
/// The most that ten times as many orders may cost. Eight bytes for each would be a tenth of it.
const GROWTH_KIB: u64 = 14 * 1024;
/// The database's own caches, which fill up when much is written: 32 MiB for the writer, 4 MiB for each reader.
const CACHES_KIB: u64 = 44 * 1024;

/// A marketplace with many orders that nobody here knows. Channel `C00` sells the few, `C01` the many. After the last page
/// it may wait for a word.
struct Market {
    last_page: Notify,
    go_on: Notify,
}

async fn market(waits: bool) -> (Arc<Market>, Stall) {
    let market = Arc::new(Market { last_page: Notify::new(), go_on: Notify::new() });
    let script = Arc::clone(&market);
    let stall = Stall::open(move |asked| {
        let market = Arc::clone(&script);
        Box::pin(async move {
            let What::Page(page) = asked.what else { return Answer::token(1) };
            let orders = if asked.account.ends_with("C01") { MANY } else { FEW };
            let more = (page + 1) * ON_A_PAGE < orders;
            if waits && !more {
                market.last_page.notify_one();
                market.go_on.notified().await;
            }
            let first = 1 + page * ON_A_PAGE;
            Answer::Page { orders: (first..first + ON_A_PAGE).map(|order| (order, "sent")).collect(), more }
        })
    })
    .await;
    (market, stall)
}

/// The most memory that a process has had, in KiB.
fn peak_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn place(stall: &Stall) -> Place {
    let place = Place::new("rate_plan = false\nrun_limit_secs = 600");
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    place.import(&seller("acme", &stall.base_url, 2, 1));
    place
}

fn is_end(line: &str) -> bool {
    line.contains("run ended") || line.contains("run failed")
}

fn database(place: &Place) -> Connection {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    db.busy_timeout(PATIENCE).unwrap();
    db
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timers_run_over_ten_times_the_orders_takes_no_more_memory() {
    let _turn = crate::TURN.lock().await;
    let (_market, stall) = market(false).await;
    let place = place(&stall);
    // A seller who has no invoice series: every order that was sent is refused.
    let mut known = seller("known", &stall.base_url, 1, FEW + 1);
    known["sequences"] = serde_json::json!([]);
    known["channels"][0]["code"] = "KNOWN".into();
    for order in known["orders"].as_array_mut().unwrap() {
        order["channel"] = "KNOWN".into();
    }
    place.import(&known);
    let db = database(&place);
    db.execute("UPDATE tasks SET enabled = 0", []).unwrap();
    let daemon = place.daemon("info");
    let mut peaks = Vec::new();
    let cases = [
        ("few", "C00", FEW),
        ("many", "C01", MANY),
        ("refused", "KNOWN", FEW),
        // What was refused waits, and is tried again before the same pages are read.
        ("tried again", "KNOWN", 2 * FEW),
    ];
    for (what, channel, told) in cases {
        let ended = daemon.said().iter().filter(|line| is_end(line)).count();
        let due = "UPDATE tasks SET enabled = 1, next_run_at = 0 WHERE channel = ?1 AND task = 'status'";
        assert_eq!(db.execute(due, [channel]).unwrap(), 1);
        let began = Instant::now();
        tokio::task::block_in_place(|| {
            daemon
                .until_said("the run ends", |lines| lines.iter().filter(|line| is_end(line)).count() > ended);
        });
        let took = began.elapsed();
        db.execute("UPDATE tasks SET enabled = 0", []).unwrap();
        peaks.push(peak_kib(daemon.pid()));
        let last: (String, usize) = db
            .query_row("SELECT result, counts ->> 'polled' FROM runs ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get::<_, u32>(1)? as usize))
            })
            .unwrap();
        let result = if channel == "KNOWN" { "FAILED" } else { "SUCCESS" };
        assert_eq!(last, (result.to_owned(), told), "{what}");
        println!(
            "by timer, {what}: {told} facts in {:.1} s, peak {} KiB",
            took.as_secs_f64(),
            peaks[peaks.len() - 1]
        );
    }
    let most = peaks.iter().max().copied().unwrap_or(0);
    assert!(most < peaks[0] + GROWTH_KIB + CACHES_KIB, "{peaks:?} KiB");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_by_hand_over_ten_times_the_orders_takes_no_more_memory() {
    let _turn = crate::TURN.lock().await;
    let (market, stall) = market(true).await;
    let place = place(&stall);
    let mut peaks = Vec::new();
    for (channel, orders) in [("C00", FEW), ("C01", MANY)] {
        let args =
            ["--json", "sync", "--tenant", "acme", "--channel", channel, "--task", "status", "--dry-run"];
        let mut command = tokio::process::Command::from(place.command(&args));
        let child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        tokio::time::timeout(PATIENCE, market.last_page.notified()).await.unwrap();
        peaks.push(peak_kib(child.id().unwrap()));
        market.go_on.notify_one();
        let output = child.wait_with_output().await.unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["counts"]["polled"].as_u64(), Some(orders as u64));
        assert_eq!(summary["lines"].as_array().map(Vec::len), Some(10_000), "the first ten thousand");
    }
    println!("by hand: peak {} KiB with {FEW} orders, {} KiB with {MANY}", peaks[0], peaks[1]);
    assert!(peaks[1] < peaks[0] + GROWTH_KIB, "{peaks:?} KiB");
}
