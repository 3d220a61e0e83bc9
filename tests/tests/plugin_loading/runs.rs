//! Runs of connectors that go right and, mostly, wrong. The host goes on in every case.

use std::{
    sync::{Arc, mpsc as std_mpsc},
    time::{Duration, Instant},
};

use kit::built_plugins::Surface;
use plugin_api::{ErrorKind, Job, Work};
use serde_json::json;
use statusync::plugins::{
    Connector,
    drive::{self, PAGE_MAX, Page},
};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    log_lines,
    shop::{LONG, Outer, Ran, Shop, built, job, run},
};

/// Long enough for a step, short enough to wait for.
const SHORT: Duration = Duration::from_millis(200);

fn faults() -> (Shop, Arc<Connector>) {
    let shop = Shop::new();
    let connector = shop.load(&built(Surface::Current, "faults"));
    (shop, connector)
}

async fn ran(act: &str, count: usize) -> Ran {
    let (_shop, connector) = faults();
    run(&connector, &job(act, count), &Outer::default(), LONG).await
}

#[tokio::test]
async fn a_pull_hands_over_pages_and_a_mark() {
    let ran = ran("one page", 0).await;
    assert_eq!(ran.end.as_deref(), Ok(r#"{"text":"","complete_until":1768469400000}"#));
    assert_eq!(ran.orders(), ["O1", "re 1"]);
    assert_eq!(ran.pages.len(), 2, "what was seen before a request is handed over before it is sent");
    assert_eq!(ran.pages[0].observations[0].status, Some(plugin_api::Status::Dispatched));
}

#[tokio::test]
async fn a_login_ends_with_a_token_and_a_check_with_nothing() {
    let (_shop, connector) = faults();
    let settings = json!({ "act": "panic" });
    let outer = Outer::default();
    let login =
        run(&connector, &Job { now: 0, settings: settings.clone(), work: Work::Login }, &outer, LONG).await;
    assert_eq!(
        login.end.as_deref(),
        Ok(r#"{"value":"re token","expires_in_secs":60,"parts":{},"rotated":{}}"#)
    );
    let check = run(&connector, &Job { now: 0, settings, work: Work::Check }, &outer, LONG).await;
    assert_eq!(check.end.as_deref(), Ok("null"));
    let wrong = run(&connector, &Job { now: 0, settings: json!({}), work: Work::Check }, &outer, LONG).await;
    assert_eq!(wrong.error(), (ErrorKind::Config, "settings: missing field `act`"));
    assert_eq!(ran("refuse", 0).await.error(), (ErrorKind::Config, "act: `refuse` is not allowed"));
}

#[tokio::test]
async fn a_panic_anywhere_is_an_error_of_that_run_and_the_connector_runs_again() {
    let (_shop, connector) = faults();
    let outer = Outer::default();
    for (act, text) in [
        ("panic in new", "the connector panicked: no such shop"),
        ("panic", "the connector panicked: cannot read page 7"),
        ("panic after a reply", "the connector panicked: cannot read page 7"),
        ("panic in drop", "the connector panicked: dropped badly"),
    ] {
        let bad = run(&connector, &job(act, 7), &outer, LONG).await;
        assert_eq!(bad.error(), (ErrorKind::PluginFault, text), "{act}");
        let good = run(&connector, &job("one page", 0), &outer, LONG).await;
        assert_eq!(good.orders(), ["O1", "re 1"], "after {act}");
    }
}

#[tokio::test]
async fn what_was_observed_before_an_error_is_kept() {
    assert_eq!(ran("panic after a reply", 0).await.orders(), ["O1"]);
}

#[tokio::test]
async fn the_place_of_a_panic_is_logged_in_the_span_of_its_run() {
    log_lines::collect();
    let (_shop, connector) = faults();
    let span = tracing::info_span!("run", tenant = "acme", case = "place of a panic");
    run(&connector, &job("panic", 7), &Outer::default(), LONG).instrument(span).await;
    let line = log_lines::wait_for(&["place of a panic", "cannot read page 7"]);
    assert!(
        line.contains("ERROR") && line.contains(r#"tenant="acme""#) && line.contains("src/lib.rs:"),
        "{line}"
    );
}

#[tokio::test]
async fn a_connector_s_own_log_lines_appear_in_the_span_of_its_run() {
    log_lines::collect();
    let (_shop, connector) = faults();
    let span = tracing::info_span!("run", tenant = "acme", case = "own lines");
    run(&connector, &job("one page", 0), &Outer::default(), LONG).instrument(span).await;
    let line = log_lines::wait_for(&["own lines", "page read rows=1"]);
    assert!(line.contains("INFO") && line.contains(r#"tenant="acme""#), "{line}");
}

#[tokio::test]
async fn errors_keep_their_kind_and_their_advice() {
    for kind in (1..=8).map(ErrorKind::from_code) {
        let ran = ran(kind.as_str(), 1500).await;
        let error = ran.end.expect_err("as told");
        assert_eq!((error.kind, error.message.as_str()), (kind, "as told"));
        assert_eq!(error.retry_after, Some(Duration::from_millis(1500)));
    }
}

#[tokio::test]
async fn what_the_world_outside_refuses_comes_back_with_its_operation() {
    let ran = ran("send elsewhere", 0).await;
    let error = ran.end.expect_err("refused");
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadRequest, "orders"));
    assert!(error.message.contains("https://elsewhere.example.net/ is on no allowed host"), "{error}");
}

#[tokio::test]
async fn sends_awaited_together_leave_together() {
    let two = ran("join two", 0).await;
    assert_eq!(two.end.as_deref(), Ok(r#"{"text":"re a re b","complete_until":null}"#));

    let (_shop, connector) = faults();
    let silent = Outer { is_silent: true, ..Outer::default() };
    let both = job("join two", 0);
    let run = run(&connector, &both, &silent, LONG);
    tokio::select! {
        ran = run => panic!("no answer comes: {ran:?}"),
        () = async { while silent.log().len() < 2 { silent.asked.notified().await } } => {}
    }
    assert_eq!(silent.log(), ["https://api.example.com/a", "https://api.example.com/b"]);

    let many = ran("join many", 100).await;
    assert_eq!(many.orders().len(), 100);
}

#[tokio::test]
async fn waiting_and_logging_in_are_the_host_s() {
    let (_shop, connector) = faults();
    let outer = Outer::default();
    assert!(run(&connector, &job("sleep", 3600), &outer, LONG).await.end.is_ok());
    assert!(run(&connector, &job("relogin", 0), &outer, LONG).await.end.is_ok());
    assert_eq!(outer.log(), ["sleep 3600s", "relogin"]);
}

#[tokio::test]
async fn a_large_page_is_split_and_its_mark_leaves_with_the_last_part() {
    let ran = ran("many observations", 2 * PAGE_MAX + 1).await;
    let sizes: Vec<usize> = ran.pages.iter().map(|page| page.observations.len()).collect();
    assert_eq!(sizes, [PAGE_MAX, PAGE_MAX, 1]);
    let marks: Vec<bool> = ran.pages.iter().map(|page| page.mark.is_some()).collect();
    assert_eq!(marks, [false, false, true]);
    assert_eq!((ran.orders()[0], ran.orders()[PAGE_MAX]), ("O0", "O5000"));
    let bare = self::ran("many observations", 0).await;
    let mark = plugin_api::Mark::default().with_text("half way");
    assert_eq!(bare.pages, [Page { observations: vec![], mark: Some(mark) }]);
}

#[tokio::test]
async fn a_run_waits_for_whoever_takes_its_pages() {
    let (_shop, connector) = faults();
    let (pages, mut received) = mpsc::channel(1);
    let (outer, job) = (Outer::default(), job("many observations", 4 * PAGE_MAX));
    let mut run = Box::pin(drive::run(&connector, &job, &outer, &pages, LONG));
    // One page lies in the channel and the next one is waiting for room.
    let first = tokio::select! {
        end = &mut run => panic!("nobody has taken a page: {end:?}"),
        page = async { while pages.capacity() > 0 { tokio::task::yield_now().await } received.recv().await } => page,
    };
    assert_eq!(first.map(|page| page.observations.len()), Some(PAGE_MAX));
    drop(received);
    let error = run.await.expect_err("nobody takes the rest");
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unavailable, "the host ended the run"));
}

#[tokio::test]
async fn marks_are_small() {
    assert!(ran("long mark", 4096).await.end.is_ok());
    let ran = ran("long mark", 4097).await;
    let (kind, text) = ran.error();
    assert_eq!(kind, ErrorKind::PluginFault);
    assert!(text.ends_with("its mark has 4097 bytes, 4096 are allowed"), "{text}");
}

#[tokio::test]
async fn nonsense_is_told_from_facts() {
    let shop = Shop::new();
    let garbage = shop.load(&built(Surface::Current, "garbage"));
    for (act, text) in [
        ("mark is no JSON", "its mark cannot be read"),
        ("end is no JSON", "its mark cannot be read"),
        ("end is a list", "its mark cannot be read"),
        ("unknown status", "it reported status number 999, which does not exist"),
        ("negative quantity", "it reported a quantity of -7"),
        ("no order id", "it reported a fact that names neither an order nor an item"),
        ("unknown shipper", "it reported shipper 7"),
        ("asks twice", "it asked question 1 twice"),
        ("asks nothing", "it waits and has asked for nothing"),
        ("http without request", "it asked to send a request and gave none"),
        ("unknown fault", "something new"),
    ] {
        let ran = run(&garbage, &job(act, 0), &Outer::default(), LONG).await;
        let (kind, message) = ran.error();
        assert_eq!(kind, ErrorKind::PluginFault, "{act}");
        assert!(message.contains(text), "{act}: {message}");
        assert!(ran.pages.is_empty(), "{act}: no fact comes of it");
    }
    let ran = run(&garbage, &job("unknown operation", 0), &Outer::default(), LONG).await;
    assert_eq!(ran.error(), (ErrorKind::Unsupported, "this host does not know operation 77"));
}

#[tokio::test]
async fn awaiting_something_that_is_not_the_host_s_fails_at_once() {
    let began = Instant::now();
    let ran = ran("await for ever", 0).await;
    let (kind, text) = ran.error();
    assert_eq!(kind, ErrorKind::PluginFault);
    assert!(text.contains("can never come"), "{text}");
    assert!(began.elapsed() < LONG);
}

#[tokio::test]
async fn a_marketplace_that_never_answers_costs_the_run_its_time_limit_and_no_more() {
    let (_shop, connector) = faults();
    let silent = Outer { is_silent: true, ..Outer::default() };
    let ran = run(&connector, &job("one page", 0), &silent, SHORT).await;
    let text = "the run did not end within 200ms; it was waiting for the reply to `orders`";
    assert_eq!(ran.error(), (ErrorKind::Unavailable, text));
    assert_eq!(ran.orders(), ["O1"], "what came before is kept");
    assert!(!connector.is_hung());
}

#[tokio::test]
async fn a_connector_that_asks_for_ever_is_ended_in_time() {
    let (_shop, connector) = faults();
    let ran = run(&connector, &job("ask for ever", 0), &Outer::default(), SHORT).await;
    let (kind, text) = ran.error();
    assert!(text.starts_with("the run did not end within 200ms"), "{text}");
    assert_eq!(kind, ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_step_that_never_returns_fails_its_own_run_and_leaves_the_other_channel_alone() {
    let shop = Shop::new();
    let hangs = shop.load(&built(Surface::Current, "faults"));
    let other = shop.load(&built(Surface::Current, "faults_newer"));
    for act in ["loop", "loop in new", "loop in drop"] {
        let hangs = if hangs.is_hung() { shop.load(&hangs.path) } else { Arc::clone(&hangs) };
        let outer = Outer::default();
        let (hung, well) = (job(act, 0), job("one page", 0));
        let (hung, well) = tokio::join!(run(&hangs, &hung, &outer, SHORT), run(&other, &well, &outer, LONG));
        let (kind, text) = hung.error();
        assert_eq!(kind, ErrorKind::PluginFault, "{act}");
        assert!(
            text.starts_with("connector `faults` 0.1.0 did not come back from a step within the run's 200ms"),
            "{text}"
        );
        assert_eq!(well.orders(), ["O1", "re 1"], "{act}");

        let refused = run(&hangs, &job("one page", 0), &outer, LONG).await;
        assert!(
            refused.error().1.starts_with("connector `faults` 0.1.0 is refused"),
            "{:?}",
            refused.error()
        );
        assert_eq!(hangs.open(&job("one page", 0)).expect_err("refused").kind, ErrorKind::PluginFault);
        let well = run(&other, &job("one page", 0), &outer, LONG).await;
        assert_eq!(well.orders(), ["O1", "re 1"], "after {act}");
    }
}

#[tokio::test]
async fn a_step_that_was_given_up_and_comes_back_makes_its_connector_usable_again() {
    log_lines::collect();
    let (_shop, connector) = faults();
    let (let_go, until) = std_mpsc::channel();
    log_lines::hold(r#"case="comes back"}: connector: a line"#, until);
    let span = tracing::info_span!("run", case = "comes back");
    let slow = run(&connector, &job("log a line", 0), &Outer::default(), SHORT).instrument(span).await;
    assert!(slow.error().1.contains("did not come back"), "{:?}", slow.error());
    assert!(connector.is_hung());
    let_go.send(()).expect("the line is held");
    log_lines::wait_for(&["comes back", "a step that was given up has come back"]);
    let well = run(&connector, &job("one page", 0), &Outer::default(), LONG).await;
    assert_eq!(well.orders(), ["O1", "re 1"]);
}

#[tokio::test]
async fn dropping_a_run_cancels_its_request_and_drops_the_pull() {
    log_lines::collect();
    let (_shop, connector) = faults();
    let silent = Outer { is_silent: true, ..Outer::default() };
    let span = tracing::info_span!("run", case = "cancelled run");
    let cancelled = job("log in drop", 0);
    tokio::select! {
        ran = run(&connector, &cancelled, &silent, LONG).instrument(span) => panic!("no answer comes: {ran:?}"),
        () = silent.asked.notified() => {}
    }
    assert_eq!(*silent.cancelled.lock().expect("no panic holds it"), 1);
    log_lines::wait_for(&["cancelled run", "the pull was dropped"]);
    assert!(!connector.is_hung());
}

#[tokio::test]
async fn a_panic_in_the_destructor_of_a_cancelled_pull_stays_inside() {
    log_lines::collect();
    let (_shop, connector) = faults();
    let silent = Outer { is_silent: true, ..Outer::default() };
    let span = tracing::info_span!("run", case = "panics when cancelled");
    let cancelled = job("panic in drop", 0);
    tokio::select! {
        ran = run(&connector, &cancelled, &silent, LONG).instrument(span) => panic!("no answer comes: {ran:?}"),
        () = silent.asked.notified() => {}
    }
    log_lines::wait_for(&["panics when cancelled", "dropped badly"]);
    let well = run(&connector, &job("one page", 0), &Outer::default(), LONG).await;
    assert_eq!(well.orders(), ["O1", "re 1"]);
}
