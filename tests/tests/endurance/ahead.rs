//! Pages are fetched ahead of the one that is applied, and only a few of them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use kit::built_plugins::{Surface, library};
use rusqlite::Connection;

use crate::{
    place::{Place, seller},
    stall::{Answer, Stall, What},
};

const PAGES: usize = 40;
/// So many pages may be on their way to the one that is applied: two wait, and one is held by the connector.
const AHEAD: usize = 3;
/// Before the reply to every page of these is sent, the database is taken away until [`AHEAD`] more have been asked for.
const EVERY: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_pages_are_asked_for_while_one_is_applied_and_never_more_than_three() {
    let _turn = crate::TURN.lock().await;
    let place = Arc::new(Place::new("rate_plan = false"));
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    // Whoever holds this connection's transaction keeps the host from writing.
    let lock: Arc<Mutex<Option<Connection>>> = Arc::default();
    let most_ahead = Arc::new(AtomicUsize::new(0));
    let (script_place, script_lock, script_most) =
        (Arc::clone(&place), Arc::clone(&lock), Arc::clone(&most_ahead));
    let stall = Stall::open(move |asked| {
        let (place, lock, most) =
            (Arc::clone(&script_place), Arc::clone(&script_lock), Arc::clone(&script_most));
        Box::pin(async move {
            let What::Page(page) = asked.what else { return Answer::token(1) };
            let applied = tokio::task::block_in_place(|| applied(&place));
            assert!(page <= applied + AHEAD, "page {page} is asked for when {applied} are applied");
            most.fetch_max(page - applied, Ordering::SeqCst);
            if page % EVERY == 0 && page + AHEAD < PAGES {
                let taken = tokio::task::block_in_place(|| take(&place, page));
                *lock.lock().unwrap() = Some(taken);
            }
            if page % EVERY == AHEAD {
                tokio::task::spawn_blocking(move || {
                    // Time enough for another call, if one were to come.
                    for _ in 0..3 {
                        place.run(&["--version"]);
                    }
                    if let Some(taken) = lock.lock().unwrap().take() {
                        taken.execute_batch("ROLLBACK").unwrap();
                    }
                });
            }
            Answer::Page { orders: vec![(page, "sent")], more: page + 1 < PAGES }
        })
    })
    .await;
    place.import(&seller("acme", &stall.base_url, 1, PAGES));
    let place_of_sync = Arc::clone(&place);
    let ran = tokio::task::spawn_blocking(move || {
        place_of_sync.run(&["--json", "sync", "--tenant", "acme", "--channel", "C00", "--task", "status"])
    });
    let summary: serde_json::Value = serde_json::from_slice(&ran.await.unwrap()).unwrap();
    assert_eq!(
        (summary["result"].as_str(), summary["counts"]["applied"].as_u64()),
        (Some("SUCCESS"), Some(40))
    );
    assert_eq!(most_ahead.load(Ordering::SeqCst), AHEAD, "pages are fetched ahead");
    assert_eq!(applied(&place), PAGES);
}

/// Pages that are applied; each changes one order.
fn applied(place: &Place) -> usize {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    let count: u32 = db.query_row("SELECT count(*) FROM history", [], |row| row.get(0)).unwrap();
    count as usize
}

/// Takes the right to write, once the pages before this one are applied.
fn take(place: &Place, page: usize) -> Connection {
    let db = Connection::open(place.data().join("statusync.db")).unwrap();
    while applied(place) < page {
        std::thread::yield_now();
    }
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    db
}
