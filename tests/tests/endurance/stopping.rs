//! The daemon is told to stop while hundreds of runs are on.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use kit::built_plugins::{Surface, library};
use rusqlite::Connection;

use crate::{
    place::{Daemon, Place, seller},
    stall::{Answer, Stall, What},
};

const RUNS: usize = 500;
/// Whoever asks it to stop may count on this.
const PROMISED: Duration = Duration::from_secs(25);

/// A marketplace that lets everybody in and then never answers.
async fn mute() -> Stall {
    let logins = AtomicUsize::new(0);
    Stall::open(move |asked| {
        let number = logins.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            match asked.what {
                What::Login => Answer::token(number),
                What::Page(_) => std::future::pending().await,
            }
        })
    })
    .await
}

/// A daemon with five hundred runs that wait for their first page.
async fn with_runs(stall: &Stall) -> (Place, Daemon) {
    let place = Place::new("runs = 1000\nruns_per_tenant = 500\nruns_per_connector = 500");
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    place.import(&seller("acme", &stall.base_url, RUNS, 1));
    let db = database(&place);
    db.execute("UPDATE tasks SET next_run_at = 0, enabled = (task = 'status')", []).unwrap();
    let daemon = place.daemon("warn");
    // Each has logged in and has asked.
    stall.until_called(2 * RUNS).await;
    (place, daemon)
}

fn database(place: &Place) -> Connection {
    Connection::open(place.data().join("statusync.db")).unwrap()
}

fn count(place: &Place, sql: &str) -> usize {
    let count: u32 = database(place).query_row(sql, [], |row| row.get(0)).unwrap();
    count as usize
}

const OPEN_RUNS: &str = "SELECT count(*) FROM runs WHERE ended_at IS NULL";
const LEASES: &str = "SELECT count(*) FROM channels WHERE lease_until > unixepoch('subsec') * 1000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_runs_in_flight_end_in_time_when_the_daemon_is_told_to_stop() {
    let _turn = crate::TURN.lock().await;
    let stall = mute().await;
    let (place, mut daemon) = with_runs(&stall).await;
    assert_eq!((count(&place, OPEN_RUNS), count(&place, LEASES)), (RUNS, RUNS));
    let told = Instant::now();
    daemon.signal("TERM");
    let code = daemon.ended().code();
    let took = told.elapsed();
    println!("{RUNS} runs in flight: exit {code:?} after {:.1} s", took.as_secs_f64());
    assert_eq!(code, Some(0), "{:?}", daemon.said());
    assert!(took < PROMISED, "{took:?}");
    assert_eq!((count(&place, OPEN_RUNS), count(&place, LEASES)), (0, 0));
    let ends = "SELECT count(*) FROM runs WHERE result IS NOT NULL AND message <> '' AND channel IN
                    (SELECT code FROM channels) AND tenant = 'acme'";
    assert_eq!(count(&place, ends), RUNS, "each run is written down with its end");
    assert_eq!(count(&place, "SELECT count(*) FROM tasks WHERE running IS NOT NULL"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_word_to_stop_ends_the_daemon_at_once_and_the_next_start_recovers() {
    let _turn = crate::TURN.lock().await;
    let stall = mute().await;
    let (place, mut daemon) = with_runs(&stall).await;
    daemon.signal("TERM");
    daemon.until_said("it stops", |lines| lines.iter().any(|line| line.contains("stopping")));
    let first = Instant::now();
    // What comes within a second is the same word.
    let code = loop {
        daemon.signal("TERM");
        if let Some(status) = daemon.has_ended() {
            break status.code();
        }
        assert!(first.elapsed() < Duration::from_secs(5), "it does not end");
        std::thread::yield_now();
    };
    println!("the second word ended it {:.2} s after the first", first.elapsed().as_secs_f64());
    assert_eq!(code, Some(130));
    assert_eq!(count(&place, OPEN_RUNS), RUNS, "it ended at once");

    let calls = stall.calls().len();
    let restarted = Instant::now();
    let daemon = place.daemon("warn");
    // Tokens were kept, so each asks once more, for its page.
    stall.until_called(calls + RUNS).await;
    println!("all channels were taken up again {:.1} s after the restart", restarted.elapsed().as_secs_f64());
    let asked: BTreeSet<String> =
        stall.calls().split_off(calls).into_iter().map(|call| call.account).collect();
    assert_eq!(asked.len(), RUNS);
    let lost = "SELECT count(*) FROM runs WHERE result = 'FAILED' AND message LIKE 'lease lost%'";
    assert_eq!(count(&place, lost), RUNS, "the runs that were left are ended");
    drop(daemon);
}
