//! Connectors are dropped in, replaced and broken under a daemon at work.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use kit::built_plugins::{Surface, library};
use rusqlite::Connection;
use tokio::sync::watch;

use crate::{
    place::{Daemon, Place, seller},
    stall::{Answer, Stall, What},
};

const CHANNELS: usize = 40;
const FILE: &str = "libstall.so";
/// A file in a plugin folder is taken within this time, and a little for the run to begin.
const PROMISED: Duration = Duration::from_secs(10);

fn bytes(fixture: &str) -> Vec<u8> {
    fs::read(library(Surface::Current, fixture).unwrap()).unwrap()
}

fn until_told(daemon: &Daemon, what: &str) {
    daemon.until_said(what, |lines| lines.iter().any(|line| line.contains(what)));
}

/// Makes the daemon look at its folders, and waits until it has done so.
fn look(place: &Place, daemon: &Daemon) {
    let looks =
        |lines: &[String]| lines.iter().filter(|line| line.contains("folders were looked at")).count();
    let before = looks(&daemon.said());
    place.run(&["connector", "reload"]);
    // One look may have been on when the word came.
    daemon.until_said("it looks at its folders", |lines| looks(lines) > before);
}

/// How many history rows each connector version has written, by what they say.
fn history(place: &Place) -> BTreeMap<(String, String), usize> {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    let sql =
        "SELECT body ->> 'connector', body ->> '$.observation.status', count(*) FROM history GROUP BY 1, 2";
    let mut found = db.prepare(sql).unwrap();
    let rows =
        found.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, u32>(2)? as usize))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn failed_runs(place: &Place) -> u32 {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    let sql = "SELECT count(*) FROM runs WHERE result IS NOT NULL AND result <> 'SUCCESS'";
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn set_all_due(place: &Place) {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    db.busy_timeout(crate::place::PATIENCE).unwrap();
    db.execute("UPDATE tasks SET next_run_at = 0, enabled = (task = 'status')", []).unwrap();
}

/// The first run of a channel finds its order sent and waits for its second page; later ones find it delivered.
struct Market {
    seen: Mutex<HashMap<String, usize>>,
    is_held: AtomicBool,
    let_go: watch::Sender<bool>,
}

impl Market {
    async fn open() -> (Arc<Market>, Stall) {
        let market = Arc::new(Market {
            seen: Mutex::default(),
            is_held: AtomicBool::new(true),
            let_go: watch::channel(false).0,
        });
        let script = Arc::clone(&market);
        let stall = Stall::open(move |asked| {
            let market = Arc::clone(&script);
            Box::pin(async move {
                let What::Page(page) = asked.what else { return Answer::token(1) };
                let run = {
                    let mut seen = market.seen.lock().unwrap();
                    let runs = seen.entry(asked.account).or_default();
                    *runs += usize::from(page == 0);
                    *runs
                };
                if run == 1 && page == 1 && market.is_held.load(Ordering::SeqCst) {
                    let _ = market.let_go.subscribe().wait_for(|go| *go).await;
                }
                let state = if run == 1 { "sent" } else { "delivered" };
                Answer::Page { orders: vec![(page, state)], more: page == 0 }
            })
        })
        .await;
        (market, stall)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_is_dropped_in_begins_within_seconds_and_an_upgrade_under_load_fails_no_run() {
    let _turn = crate::TURN.lock().await;
    let (market, stall) = Market::open().await;
    let place = Place::new("rate_plan = false\nruns_per_tenant = 100");
    place.import(&seller("acme", &stall.base_url, CHANNELS, 2));
    let daemon = place.daemon("info");
    let dropped = Instant::now();
    place.put(&library(Surface::Current, "stall").unwrap(), FILE);
    stall.until_called(1).await;
    let took = dropped.elapsed();
    println!("from `cp` to the first call: {:.1} s", took.as_secs_f64());
    assert!(took < PROMISED, "{took:?}");
    // Each run has logged in and waits for its second page.
    stall.until_called(3 * CHANNELS).await;

    let replaced = Instant::now();
    place.put(&library(Surface::Current, "stall_newer").unwrap(), FILE);
    until_told(&daemon, "version=0.2.0");
    println!(
        "from `cp` to the newer version: {:.1} s, with {CHANNELS} runs on",
        replaced.elapsed().as_secs_f64()
    );
    market.let_go.send_replace(true);
    let ended = |times: usize| {
        move |lines: &[String]| {
            lines.iter().filter(|line| line.contains("run ended") && line.contains("task=status")).count()
                >= times
        }
    };
    tokio::task::block_in_place(|| daemon.until_said("the old runs end", ended(CHANNELS)));
    set_all_due(&place);
    tokio::task::block_in_place(|| daemon.until_said("the new runs end", ended(2 * CHANNELS)));
    assert_eq!(failed_runs(&place), 0);
    let by = |version: &str, status: &str| ((format!("stall {version}"), status.to_owned()), 2 * CHANNELS);
    let wanted = BTreeMap::from([by("0.1.0", "DISPATCHED"), by("0.2.0", "DELIVERED")]);
    assert_eq!(history(&place), wanted, "old runs end on the old version, new ones begin on the new one");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_upgrade_leaves_the_old_version_serving_and_is_told_once() {
    let _turn = crate::TURN.lock().await;
    let (market, stall) = Market::open().await;
    market.is_held.store(false, Ordering::SeqCst);
    let place = Place::new("rate_plan = false");
    place.put(&library(Surface::Current, "stall").unwrap(), FILE);
    place.import(&seller("acme", &stall.base_url, 1, 2));
    let daemon = place.daemon("debug");
    let newer = bytes("stall_newer");
    let other_abi = patched(&newer, b"abi=1.", b"abi=7.");
    let half = &newer[..newer.len() / 2];
    let broken = [
        ("half copied", half.to_vec(), "whole"),
        ("of another boundary", other_abi, "plugin-abi 7."),
        ("panics at its start", bytes("stall_panics"), "the shop is closed"),
        ("half copied again", half.to_vec(), "whole"),
    ];
    let path = place.data().join("plugins").join(FILE);
    let mut refusals = 0;
    for (what, content, reason) in broken {
        // Renamed, so that the daemon never sees less of it than this.
        let aside = path.with_extension("part");
        fs::write(&aside, content).unwrap();
        fs::rename(&aside, &path).unwrap();
        refusals += 1;
        let is_told = |line: &&String| line.contains("a connector file is refused");
        look(&place, &daemon);
        daemon.until_said(what, |lines| lines.iter().filter(is_told).count() >= refusals);
        for _ in 0..3 {
            look(&place, &daemon);
        }
        let said = daemon.said();
        let told: Vec<&String> = said.iter().filter(is_told).collect();
        assert_eq!(told.len(), refusals, "{what}, told once: {told:#?}");
        assert!(
            told[refusals - 1].contains(reason) && told[refusals - 1].contains(FILE),
            "{what}: {told:#?}"
        );
        set_all_due(&place);
        let calls = stall.calls().len();
        stall.until_called(calls + 2).await;
    }
    assert!(!daemon.said().iter().any(|line| line.contains("version=0.2.0")));
    // The copy comes to its end, in the file itself.
    fs::write(&path, &newer).unwrap();
    look(&place, &daemon);
    until_told(&daemon, "version=0.2.0");
    set_all_due(&place);
    let calls = stall.calls().len();
    stall.until_called(calls + 2).await;
    daemon.stop();
    assert_eq!(failed_runs(&place), 0);
}

/// Replaces a text that occurs once by another of the same length.
fn patched(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, part)| *part == from).map(|(at, _)| at).collect();
    assert_eq!(places.len(), 1, "{}", String::from_utf8_lossy(from));
    let mut bytes = bytes.to_vec();
    bytes[places[0]..places[0] + to.len()].copy_from_slice(to);
    bytes
}
