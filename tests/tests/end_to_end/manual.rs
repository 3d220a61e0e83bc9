//! "Sync now": a person's choice of orders, and what became of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use futures_util::future::join_all;
use kit::{
    faults::{Fault, Kind},
    simulators::tata_cliq::TataCliq,
};
use plugin_api::Task;
use statusync::{
    domain::snapshot::Snapshot,
    storage::{OrderFilter, OrderOutcome, RunFilter, RunOrder, RunResult},
    sync::{Choice, Progress, RunRequest, RunSummary, SyncError},
};

use super::site::{Site, now};

const DAY: i64 = 86_400_000;

/// Our codes of all orders.
async fn codes(site: &Site) -> Vec<String> {
    let rows = site.store.orders(&site.tenant, &OrderFilter::default(), None, 10_000).await.expect("a list");
    rows.into_iter().map(|row| row.code.to_string()).collect()
}

async fn run(site: &Site, request: RunRequest) -> RunSummary {
    site.engine.run(request, None).await.expect("the run begins")
}

async fn refusal(site: &Site, request: RunRequest) -> SyncError {
    site.engine.run(request, None).await.expect_err("the choice makes no sense")
}

fn outcomes(orders: &[RunOrder]) -> BTreeMap<String, OrderOutcome> {
    orders.iter().map(|told| (told.order.to_string(), told.outcome)).collect()
}

/// Orders whose history the run added to.
async fn changed_by(site: &Site, summary: &RunSummary) -> BTreeSet<String> {
    let run = summary.run.expect("a run").to_string();
    let mut changed = BTreeSet::new();
    for code in codes(site).await {
        let history = site.store.history(&site.tenant, &code.as_str().into()).await.expect("history");
        if history.iter().any(|change| change.run == run) {
            changed.insert(code);
        }
    }
    changed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_chosen_order_is_told_what_became_of_it_and_the_run_keeps_it() {
    let site = Site::flipkart(7, 60).await;
    site.simulator.advance(30);
    let all = codes(&site).await;
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let heard = Arc::clone(&told);
    let watch: statusync::sync::Watch =
        Arc::new(move |progress| heard.lock().expect("unbroken").push(progress));
    let request = site.by_hand(Task::Pending, Choice::Orders(all.clone()));
    let summary = site.engine.run(request.clone(), Some(watch)).await.expect("the run begins");
    assert_eq!(summary.result, RunResult::Success, "{}", summary.message);

    let by_order = outcomes(&summary.orders);
    assert_eq!(by_order.keys().cloned().collect::<Vec<_>>(), all, "an entry for each");
    let applied: BTreeSet<String> = by_order
        .iter()
        .filter(|(_, told)| **told == OrderOutcome::Applied)
        .map(|(code, _)| code.clone())
        .collect();
    assert!(applied.len() > 5, "{by_order:?}");
    let changed = changed_by(&site, &summary).await;
    assert!(applied.is_subset(&changed), "{:?}", applied.difference(&changed));
    let unspoken = |told: &OrderOutcome| {
        matches!(told, OrderOutcome::NotMentioned | OrderOutcome::NotAsked | OrderOutcome::NotAnswered)
    };
    assert!(changed.iter().all(|code| !unspoken(&by_order[code])), "{by_order:?}");
    let quiet =
        summary.orders.iter().find(|told| told.outcome == OrderOutcome::Unchanged).expect("one at least");
    assert_eq!(quiet.message, "no news");
    let kept = site.store.run_orders(summary.run.expect("a run")).await.expect("they are read");
    assert_eq!(kept, summary.orders);

    let told = std::mem::take(&mut *told.lock().expect("unbroken"));
    assert!(told.iter().any(|progress| matches!(progress, Progress::Chosen(60))), "{told:?}");
    let last = told.iter().rev().find_map(|progress| match progress {
        Progress::Answered(orders) => Some(*orders),
        _ => None,
    });
    assert_eq!(last, Some(60));

    let again = run(&site, request).await;
    assert!(changed_by(&site, &again).await.is_empty());
    assert!(again.orders.iter().all(|told| told.outcome != OrderOutcome::Applied), "{:?}", again.orders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_chooses_among_the_open_orders_and_one_that_matches_nothing_is_told() {
    let site = Site::flipkart(7, 40).await;
    site.simulator.advance(30);
    let code = codes(&site).await.remove(0);
    let file = site.store.order(&site.tenant, &code).await.expect("it answers").expect("the order");
    let id = file.order.channel_order_id;
    let of = |filter| site.by_hand(Task::Pending, Choice::Matching(Box::new(filter)));
    let named = OrderFilter { text: Some(id.to_lowercase()), ..OrderFilter::default() };
    let summary = run(&site, of(named)).await;
    assert_eq!(outcomes(&summary.orders).into_keys().collect::<Vec<_>>(), [code]);

    let calls = site.simulator.calls().total;
    let none = OrderFilter { text: Some("no such order".to_owned()), ..OrderFilter::default() };
    let error = refusal(&site, of(none)).await;
    assert!(matches!(error, SyncError::NothingChosen(_)), "{error}");
    assert!(error.to_string().contains("no open order of channel FK1 matches"), "{error}");
    let elsewhere = OrderFilter { channel: Some("AZ1".into()), ..OrderFilter::default() };
    assert!(matches!(refusal(&site, of(elsewhere)).await, SyncError::BadRequest(_)));
    assert_eq!(site.simulator.calls().total, calls, "nothing was asked");
    let runs = site.store.runs(&RunFilter::default(), None, 10).await.expect("a list");
    assert_eq!(runs.len(), 1, "and nothing was begun");

    let everything = run(&site, of(OrderFilter::default())).await;
    assert!(
        everything.orders.len() > 10 && everything.result == RunResult::Success,
        "{}",
        everything.message
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_two_channels_are_refused_and_named_before_anything_is_begun() {
    let site = Site::flipkart(7, 10).await;
    let mut document = site.export().await;
    let mut other = document["channels"][0].clone();
    other["code"] = "FK2".into();
    document["channels"].as_array_mut().expect("channels").push(other);
    let moved = document["orders"][3]["code"].as_str().expect("a code").to_owned();
    document["orders"][3]["channel"] = "FK2".into();
    let snapshot: Snapshot = serde_json::from_value(document.clone()).expect("a snapshot");
    site.store.import(snapshot, BTreeMap::new()).await.expect("it fits");
    let here = document["orders"][0]["channel_order_id"].as_str().expect("an id").to_owned();

    let chosen = |ids: &[&str]| Choice::Orders(ids.iter().map(|id| (*id).to_owned()).collect());
    let mixed = refusal(&site, site.by_hand(Task::Pending, chosen(&[&here, &moved]))).await;
    let words = mixed.to_string();
    assert!(matches!(mixed, SyncError::BadRequest(_)), "{words}");
    for part in [format!("{here} is of channel FK1"), format!("{moved} is of channel FK2")] {
        assert!(words.contains(&part), "{part}: {words}");
    }
    for (ids, part) in [(&[][..], "no order was chosen"), (&[&*here, "NO"][..], "has no order NO")] {
        let refused = refusal(&site, site.by_hand(Task::Pending, chosen(ids))).await;
        assert!(refused.to_string().contains(part), "{refused}");
    }
    assert!(site.store.runs(&RunFilter::default(), None, 10).await.expect("a list").is_empty());
    assert_eq!(site.simulator.calls().total, 0);

    let found =
        site.engine.channel_of(&site.tenant, std::slice::from_ref(&moved)).await.expect("it is known");
    assert_eq!(found.as_str(), "FK2");
    let mixed = site.engine.channel_of(&site.tenant, &[here, moved]).await.expect_err("two channels");
    assert!(mixed.to_string().contains("is of channel FK2"), "{mixed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn returns_are_looked_for_among_dispatched_orders_and_the_others_are_told_so() {
    let site = Site::flipkart(7, 60).await;
    site.simulator.advance(20);
    run(&site, site.by_hand(Task::Pending, Choice::Matching(Box::default()))).await;
    let mut left = BTreeMap::new();
    for code in codes(&site).await {
        let file = site.store.order(&site.tenant, &code).await.expect("it answers").expect("the order");
        let gone = ["DISPATCHED", "DELIVERED", "RETURNED"];
        left.insert(code, file.order.items.iter().any(|item| gone.contains(&item.status.as_str())));
    }
    assert!(left.values().any(|gone| *gone) && left.values().any(|gone| !gone), "{left:?}");
    site.simulator.advance(24 * 40);

    let chosen = Choice::Orders(left.keys().cloned().collect());
    let summary = run(&site, site.by_hand(Task::Returns, chosen)).await;
    let told = outcomes(&summary.orders);
    for (code, gone) in &left {
        assert_eq!(told[code] == OrderOutcome::NotDispatched, !gone, "{code}: {:?}", told[code]);
    }
    assert!(summary.message.contains("not dispatched yet and not asked about"), "{}", summary.message);
    let changed = changed_by(&site, &summary).await;
    assert!(changed.iter().all(|code| left[code]), "nothing else was asked about");
    let mut returned = 0;
    for code in &changed {
        let file = site.store.order(&site.tenant, code).await.expect("it answers").expect("the order");
        returned += usize::from(file.order.items.iter().any(|item| item.status.as_str() == "RETURNED"));
    }
    assert!(returned > 0, "some came back");

    let early: Vec<String> = left.iter().filter(|(_, gone)| !*gone).map(|(code, _)| code.clone()).collect();
    let calls = site.simulator.calls().total;
    let nothing = run(&site, site.by_hand(Task::Returns, Choice::Orders(early))).await;
    assert_eq!((nothing.result, site.simulator.calls().total), (RunResult::Skipped, calls));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_requests_with_one_key_are_one_run() {
    let site = Site::flipkart(7, 40).await;
    site.simulator.advance(30);
    let request = RunRequest {
        request_key: Some("press-1".to_owned()),
        ..site.by_hand(Task::Pending, Choice::Orders(codes(&site).await))
    };
    let answers = join_all((0..100).map(|_| site.engine.run(request.clone(), None))).await;
    let answers: Vec<RunSummary> =
        answers.into_iter().map(|answer| answer.expect("it is answered")).collect();
    let runs: BTreeSet<_> = answers.iter().map(|summary| summary.run).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(site.store.runs(&RunFilter::default(), None, 10).await.expect("a list").len(), 1);
    let done = answers.iter().find(|summary| summary.result == RunResult::Success).expect("one did it");
    let late = run(&site, request.clone()).await;
    assert_eq!((late.run, &late.orders), (done.run, &done.orders), "whoever asks later is told the same");

    let other = RunRequest { task: Task::Status, ..request };
    let refused = refusal(&site, other).await;
    assert!(refused.to_string().contains("was used for another run"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_the_run_does_not_come_to_are_told_why() {
    let site = Site::flipkart(7, 120).await;
    site.simulator.advance(30);
    let all = codes(&site).await;
    // The first batch is answered, then nobody answers any more.
    site.simulator.faults(vec![Fault::next(Kind::ServerError { status: 503 }).after(4).times(1_000)]);
    let summary = run(&site, site.by_hand(Task::Pending, Choice::Orders(all.clone()))).await;
    assert_ne!(summary.result, RunResult::Success);
    assert_eq!(summary.orders.len(), all.len(), "an entry for each");
    let untold: Vec<&RunOrder> = summary
        .orders
        .iter()
        .filter(|told| matches!(told.outcome, OrderOutcome::NotAnswered | OrderOutcome::NotAsked))
        .collect();
    assert!(!untold.is_empty());
    for told in untold {
        assert!(told.message.contains(": unavailable"), "{}", told.message);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_back_fill_takes_in_returns_beyond_the_usual_window_and_counts_them() {
    // Everything happened forty days ago.
    let behind = Arc::new(AtomicI64::new(40 * DAY));
    let clock = Arc::clone(&behind);
    let site = Site::paytm_by(move || now() - clock.load(Ordering::SeqCst), 7, 80).await;
    site.simulator.advance(24 * 60);
    behind.store(0, Ordering::SeqCst);

    let usual = run(&site, site.by_hand(Task::Returns, Choice::Task)).await;
    assert!(usual.result == RunResult::Success && usual.counts.ignored > 0, "{}", usual.message);
    assert!(!usual.message.contains("older than the usual"), "{}", usual.message);
    let before = changed_by(&site, &usual).await;
    let wide = RunRequest { since_ms: Some(45 * DAY), ..site.by_hand(Task::Returns, Choice::Task) };
    let filled = run(&site, wide.clone()).await;
    let (applied, ignored) = (filled.counts.applied, filled.counts.ignored);
    assert!(applied > 0 && ignored < usual.counts.ignored, "{}", filled.message);
    let words = format!("{applied} of the returns that were applied are older than the usual 30 days");
    assert!(filled.message.contains(&words), "{}", filled.message);
    assert!(!filled.message.contains("tells no more"), "{}", filled.message);
    assert!(!changed_by(&site, &filled).await.is_subset(&before), "orders that the usual window leaves out");
    let far = RunRequest { since_ms: Some(400 * DAY), ..wide };
    let cut = run(&site, far).await.message;
    assert!(cut.contains("asked back to 90 days and not 400: the marketplace tells no more"), "{cut}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_daily_task_finds_returns_of_delivered_orders_where_no_list_tells_of_them() {
    let site = Site::tata_cliq(TataCliq::default(), 7, 40).await;
    let mut found = 0;
    for _ in 0..40 {
        site.simulator.advance(24);
        run(&site, site.due(Task::Pending)).await;
        let was_delivered = delivered(&site).await;
        let daily = run(&site, site.due(Task::Delivery)).await;
        if daily.counts.applied > 0 {
            found += changed_by(&site, &daily).await.intersection(&was_delivered).count();
        }
    }
    assert!(found > 0, "buyers sent delivered goods back, and the timer learnt of it");
}

/// Orders that are with the buyer, and of which nothing is on its way.
async fn delivered(site: &Site) -> BTreeSet<String> {
    let mut delivered = BTreeSet::new();
    for code in codes(site).await {
        let file = site.store.order(&site.tenant, &code).await.expect("it answers").expect("the order");
        let order = file.order;
        let is_there = |status: &str| matches!(status, "DELIVERED" | "CANCELLED");
        let at_rest = order.packages.iter().all(|package| is_there(package.status.as_str()));
        if at_rest && !order.packages.is_empty() && order.returns.iter().all(|back| !back.status.is_open()) {
            delivered.insert(code);
        }
    }
    delivered
}
