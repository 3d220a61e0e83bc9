//! Tasks and runs.

use std::collections::BTreeMap;

use plugin_api::{Millis, Task};

use super::{
    Database,
    pages::parked,
    sample::{MINUTE, acme, acme_with, apply, begin, channel, fence, fk1, import, keys, now},
};
use crate::secrets::Secret;
use crate::storage::{
    Claim, Counts, FailedCall, Full, Moment, NewRun, NewTask, OrderOutcome, PageKeys, PageResult, RunEnd,
    RunFilter, RunId, RunLine, RunOrder, RunResult, Store, StoreError, TaskEdit, TaskFilter, TaskRow,
    Timeline, ToldCall, Trigger,
};

fn new_run(task: Option<Task>, started_at: Millis) -> NewRun {
    NewRun {
        tenant: acme(),
        channel: fk1(),
        task,
        trigger: Trigger::Timer,
        started_at,
        request_key: None,
        only_if_due: false,
    }
}

fn end(result: RunResult, ended_at: Millis) -> RunEnd {
    RunEnd {
        ended_at,
        result,
        message: "3 orders".into(),
        counts: Counts { polled: 3, ..Counts::default() },
        calls: 2,
        retries: 1,
        next_run_at: Some(ended_at + MINUTE),
        interval_ms: None,
        complete_until: None,
        orders: Vec::new(),
        failed_call: None,
        timeline: None,
    }
}

async fn with_tasks(store: &dyn Store, tasks: &[Task]) {
    import(store, acme_with(1)).await;
    let tasks: Vec<_> = tasks.iter().map(|&task| NewTask::usual(task, now())).collect();
    store.ensure_tasks(&acme(), &fk1(), &tasks).await.unwrap();
}

async fn task(store: &dyn Store, task: Task) -> TaskRow {
    let tasks = store.tasks(&TaskFilter::default()).await.unwrap();
    tasks.into_iter().find(|row| row.task == task).unwrap()
}

pub(crate) async fn tasks_are_made_once(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Returns, Task::Status]).await;
    let edit = TaskEdit { interval_ms: Some(5 * MINUTE), ..TaskEdit::default() };
    store.set_task(&acme(), &fk1(), Task::Status, edit).await.unwrap();
    let again = [NewTask::usual(Task::Status, 0), NewTask::usual(Task::Pending, now())];
    store.ensure_tasks(&acme(), &fk1(), &again).await.unwrap();
    let tasks = store.tasks(&TaskFilter { tenant: Some(acme()), channel: Some(fk1()) }).await.unwrap();
    let kinds: Vec<_> = tasks.iter().map(|row| row.task).collect();
    assert_eq!(kinds, [Task::Status, Task::Pending, Task::Returns]);
    assert_eq!((tasks[0].interval_ms, tasks[0].next_run_at), (5 * MINUTE, now()));
    assert_eq!(tasks[2].window_ms, Some(30 * 24 * 60 * MINUTE));
    let none = store.tasks(&TaskFilter { tenant: Some("other".into()), channel: None }).await.unwrap();
    assert!(none.is_empty());
    let unknown = store.set_task(&acme(), &fk1(), Task::Delivery, edit).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    let unknown = store.ensure_tasks(&acme(), &"NO".into(), &again).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn channels_that_lack_tasks_are_found_by_connector(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending]).await;
    let without = |connector: &'static str, tasks: &'static [Task]| {
        let store = &store;
        async move { store.channels_without_tasks(connector, tasks).await.unwrap() }
    };
    assert_eq!(without("flipkart", &[Task::Status, Task::Returns]).await, [(acme(), fk1())]);
    assert_eq!(without("flipkart", &[Task::Pending, Task::Status]).await, []);
    assert_eq!(without("flipkart", &[]).await, []);
    assert_eq!(without("wooplr", &[Task::Returns]).await, []);
}

pub(crate) async fn due_are_enabled_tasks_of_enabled_channels_that_no_run_holds(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending, Task::Delivery]).await;
    let set = |task, edit| {
        let store = &store;
        async move { store.set_task(&acme(), &fk1(), task, edit).await.unwrap() }
    };
    set(Task::Pending, TaskEdit { next_run_at: Some(now() + 1), ..TaskEdit::default() }).await;
    set(Task::Delivery, TaskEdit { enabled: Some(false), ..TaskEdit::default() }).await;
    let due = |at| {
        let store = &store;
        async move {
            let due = store.due_tasks(at, &Full::default(), 10).await.unwrap();
            due.into_iter().map(|due| due.task).collect::<Vec<_>>()
        }
    };
    assert_eq!(due(now() - 1).await, []);
    assert_eq!(due(now()).await, [Task::Status]);
    assert_eq!(due(now() + 1).await, [Task::Status, Task::Pending], "the longest due first");
    assert_eq!(store.due_tasks(now() + 1, &Full::default(), 1).await.unwrap().len(), 1);
    let first = &store.due_tasks(now(), &Full::default(), 1).await.unwrap()[0];
    assert_eq!(first.connector, "flipkart");
    for full in [
        Full { tenants: vec![acme()], ..Full::default() },
        Full { connectors: vec!["flipkart".into()], ..Full::default() },
    ] {
        assert_eq!(store.due_tasks(now() + 1, &full, 10).await.unwrap(), [], "{full:?}");
    }
    let held = fence(&*store, "FK1", "a").await;
    assert_eq!(due(now() + 1).await, []);
    store.release(&held).await.unwrap();
    store.enable_channel(&acme(), &fk1(), false).await.unwrap();
    assert_eq!(due(now() + 1).await, []);
    assert!(!channel(&*store, "FK1").await.enabled);
}

pub(crate) async fn late_tasks_are_counted_as_the_task_list_calls_them(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending, Task::Delivery]).await;
    let off = TaskEdit { enabled: Some(false), ..TaskEdit::default() };
    store.set_task(&acme(), &fk1(), Task::Delivery, off).await.unwrap();
    let (fence, run) = begin(&*store, &new_run(Some(Task::Pending), now()), "a").await;
    let whole = RunEnd { complete_until: Some(now() + 5 * MINUTE), ..end(RunResult::Success, now()) };
    store.finish_run(run, &whole, Some(&fence)).await.unwrap();
    // Status, every 10 min, was never read; Pending, every 40 min, is complete until five minutes after.
    for (minutes, late) in [(19, [0, 0]), (21, [0, 1]), (84, [0, 1]), (86, [1, 1])] {
        let at = now() + minutes * MINUTE;
        let fresh = store.freshness(at).await.unwrap();
        let counted: Vec<_> = fresh.iter().map(|row| (row.task, row.late)).collect();
        assert_eq!(counted, [(Task::Pending, late[0]), (Task::Status, late[1])], "after {minutes} min");
        assert_eq!(fresh[1].oldest_ms, minutes * MINUTE);
        let listed = store.tasks(&TaskFilter::default()).await.unwrap();
        let said = listed.iter().filter(|row| row.lateness_ms(at).is_some()).count();
        assert_eq!(u64::try_from(said).unwrap(), late[0] + late[1], "after {minutes} min");
    }
}

pub(crate) async fn a_run_that_is_on_while_its_task_is_set_leaves_what_was_set(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let usual = task(&*store, Task::Status).await.interval_ms;
    let ended = RunEnd { interval_ms: Some(usual), ..end(RunResult::Success, now() + 500) };
    let (held, run) = begin(&*store, &new_run(Some(Task::Status), now()), "a").await;
    store.finish_run(run, &ended, Some(&held)).await.unwrap();
    assert_eq!(task(&*store, Task::Status).await.next_run_at, now() + 500 + MINUTE, "nobody set it");
    let (held, run) = begin(&*store, &new_run(Some(Task::Status), now()), "a").await;
    let often =
        TaskEdit { interval_ms: Some(1_000), next_run_at: Some(now() + 1_000), ..TaskEdit::default() };
    store.set_task(&acme(), &fk1(), Task::Status, often).await.unwrap();
    store.finish_run(run, &ended, Some(&held)).await.unwrap();
    let row = task(&*store, Task::Status).await;
    assert_eq!((row.running, row.interval_ms, row.next_run_at), (None, 1_000, now() + 1_000));
}

pub(crate) async fn a_finished_run_shows_in_its_task(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let mut failures = Vec::new();
    for result in [RunResult::Failed, RunResult::Failed, RunResult::Skipped, RunResult::Partial] {
        let (fence, run) = begin(&*store, &new_run(Some(Task::Status), now()), "a").await;
        assert_eq!(task(&*store, Task::Status).await.running, Some(run));
        store.finish_run(run, &end(result, now() + 500), Some(&fence)).await.unwrap();
        // The end of a run is told once.
        store.finish_run(run, &end(RunResult::Success, now() + 900), None).await.unwrap();
        let row = task(&*store, Task::Status).await;
        let last = row.last.unwrap();
        assert_eq!((last.run, last.result, last.duration_ms), (run, result, 500));
        assert_eq!((last.message.as_str(), last.counts.polled), ("3 orders", 3));
        assert_eq!((row.running, row.next_run_at), (None, now() + 500 + MINUTE));
        failures.push(row.consecutive_failures);
    }
    assert_eq!(failures, [1, 2, 2, 0]);
    let unknown = store.finish_run(RunId(99), &end(RunResult::Success, now()), None).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn a_run_whose_host_died_fails_when_the_next_begins(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let (dead, lost) = begin(&*store, &new_run(Some(Task::Status), now()), "dead").await;
    store.release(&dead).await.unwrap();
    let (_, run) = begin(&*store, &new_run(Some(Task::Status), now() + 7), "next").await;
    let (ended, _) = store.run(lost).await.unwrap().unwrap();
    assert_eq!((ended.result, ended.ended_at), (Some(RunResult::Failed), Some(now() + 7)));
    assert!(ended.message.starts_with("lease lost"), "{}", ended.message);
    let row = task(&*store, Task::Status).await;
    assert_eq!((row.running, row.consecutive_failures), (Some(run), 1));
}

pub(crate) async fn a_run_that_was_passed_ends_as_lost_and_leaves_its_task_alone(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let begin = async |holder, ttl, run: Option<NewRun>| match store
        .claim(&acme(), &fk1(), holder, ttl, run.as_ref())
        .await
        .unwrap()
    {
        Claim::Got(fence, run) => (fence, run),
        other => panic!("{other:?}"),
    };
    let (new, success) = (|| Some(new_run(Some(Task::Status), now())), end(RunResult::Success, now() + 9));
    let (old, run) = begin("old", 0, new()).await;
    // The next holder has begun no run, so the old one ends its own.
    let (next, _) = begin("next", 0, None).await;
    let run = run.unwrap();
    let passed = store.finish_run(run, &success, Some(&old)).await;
    assert!(matches!(passed, Err(StoreError::LeaseLost { .. })));
    let (ended, _) = store.run(run).await.unwrap().unwrap();
    assert_eq!((ended.result, ended.counts.polled), (Some(RunResult::Failed), 3));
    assert!(ended.message.starts_with("lease lost"), "{}", ended.message);
    let row = task(&*store, Task::Status).await;
    assert_eq!((row.running, row.last, row.next_run_at), (None, None, now()));
    store.release(&next).await.unwrap();

    // The next holder has begun one, and has ended what it found.
    let (second, run) = begin("second", 0, new()).await;
    let (_, third) = begin("third", MINUTE, new()).await;
    let before = task(&*store, Task::Status).await;
    let passed = store.finish_run(run.unwrap(), &success, Some(&second)).await;
    assert!(matches!(passed, Err(StoreError::LeaseLost { .. })));
    assert_eq!(task(&*store, Task::Status).await, before);
    assert_eq!(before.running, third);
}

pub(crate) async fn a_run_of_a_task_that_is_not_due_any_more_does_not_begin(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let late = NewRun { only_if_due: true, ..new_run(Some(Task::Status), now() - 1) };
    let claimed = store.claim(&acme(), &fk1(), "late", MINUTE, Some(&late)).await.unwrap();
    assert_eq!(claimed, Claim::NotDue);
    assert!(store.runs(&RunFilter::default(), None, 10).await.unwrap().is_empty());
    let due = NewRun { started_at: now(), ..late };
    let claimed = store.claim(&acme(), &fk1(), "due", MINUTE, Some(&due)).await.unwrap();
    assert!(matches!(claimed, Claim::Got(_, Some(_))), "{claimed:?}");
}

pub(crate) async fn a_run_begins_with_its_lease_and_gives_it_back_with_its_end(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status]).await;
    let new = new_run(Some(Task::Status), now());
    let (fence, run) = begin(&*store, &new, "a").await;
    let held = store.claim(&acme(), &fk1(), "b", MINUTE, Some(&new)).await.unwrap();
    assert!(matches!(held, Claim::Held { .. }), "{held:?}");
    assert_eq!(
        store.runs(&RunFilter::default(), None, 10).await.unwrap().len(),
        1,
        "no run without its lease"
    );
    store.finish_run(run, &end(RunResult::Success, now()), Some(&fence)).await.unwrap();
    let lost = store.renew(&fence, MINUTE).await;
    assert!(matches!(lost, Err(StoreError::LeaseLost { .. })), "{lost:?}");
    let (next, second) = begin(&*store, &new, "b").await;
    // A holder that has been passed ends its run and takes nothing from the one that came after.
    let passed = store.finish_run(second, &end(RunResult::Failed, now()), Some(&fence)).await;
    assert!(matches!(passed, Err(StoreError::LeaseLost { .. })), "{passed:?}");
    store.renew(&next, MINUTE).await.unwrap();
}

pub(crate) async fn a_run_learns_how_its_channel_stands(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending]).await;
    let secret = BTreeMap::from([("token".to_owned(), Secret::from("t0"))]);
    store.put_secrets(&acme(), &fk1(), &secret).await.unwrap();
    let standing = store.standing(&acme(), &fk1()).await.unwrap().unwrap();
    assert_eq!((standing.live, standing.has_waiting), (true, false));
    assert_eq!(standing.channel.unwrap().code, fk1());
    assert_eq!(standing.tasks.iter().map(|row| row.task).collect::<Vec<_>>(), [Task::Status, Task::Pending]);
    assert_eq!(standing.secrets["token"].reveal(), "t0");
    let fence = fence(&*store, "FK1", "a").await;
    let park = vec![parked("OD9", "UNKNOWN_ORDER")];
    apply(&*store, &fence, keys([9]), |_| PageResult { park, ..PageResult::default() }).await.unwrap();
    assert!(store.standing(&acme(), &fk1()).await.unwrap().unwrap().has_waiting);
    let elsewhere = store.standing(&acme(), &"NO".into()).await.unwrap().unwrap();
    assert!(elsewhere.channel.is_none() && elsewhere.tasks.is_empty() && !elsewhere.has_waiting);
    assert!(store.standing(&"nobody".into(), &fk1()).await.unwrap().is_none());
}

pub(crate) async fn a_run_keeps_its_lines(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[]).await;
    let (fence, run) = begin(&*store, &new_run(None, now()), "a").await;
    for order in ["OD1", "OD2"] {
        let line = RunLine {
            order: order.into(),
            outcome: "REFUSED".into(),
            row: "D10".into(),
            code: Some("SEQUENCE_NOT_DEFINED".into()),
            ..RunLine::default()
        };
        let lines = vec![line.clone(), line];
        let page = PageKeys { run: Some(run), ..keys([]) };
        apply(&*store, &fence, page, |_| PageResult { lines, ..PageResult::default() }).await.unwrap();
    }
    store.finish_run(run, &end(RunResult::Failed, now() + 3), Some(&fence)).await.unwrap();
    let (row, lines) = store.run(run).await.unwrap().unwrap();
    assert_eq!((row.id, row.task, row.calls, row.retries), (run, None, 2, 1));
    let orders: Vec<_> = lines.iter().map(|line| line.order.as_str()).collect();
    assert_eq!(orders, ["OD1", "OD1", "OD2", "OD2"]);
    assert!(store.run(RunId(run.0 + 1)).await.unwrap().is_none());
}

pub(crate) async fn of_quiet_runs_the_last_are_kept_and_of_others_all(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending]).await;
    let quiet = RunEnd {
        counts: Counts { polled: 9, unchanged: 9, ..Counts::default() },
        ..end(RunResult::Success, now())
    };
    let busy = RunEnd { counts: Counts { polled: 9, applied: 1, ..Counts::default() }, ..quiet.clone() };
    let ran = |task, key: Option<&str>, end: &RunEnd| {
        let (store, new) =
            (&store, NewRun { request_key: key.map(str::to_owned), ..new_run(Some(task), now()) });
        let end = end.clone();
        async move {
            let (fence, run) = begin(&**store, &new, "a").await;
            store.finish_run(run, &end, Some(&fence)).await.unwrap();
            run
        }
    };
    let mut kept = vec![
        ran(Task::Status, None, &busy).await,
        ran(Task::Status, None, &end(RunResult::Failed, now())).await,
        ran(Task::Status, Some("mine"), &quiet).await,
        ran(Task::Pending, None, &quiet).await,
    ];
    for n in 0..33 {
        let run = ran(Task::Status, None, &quiet).await;
        if n >= 3 {
            kept.push(run);
        }
    }
    let left = store.runs(&RunFilter::default(), None, 100).await.unwrap();
    assert_eq!(left.iter().rev().map(|run| run.id).collect::<Vec<_>>(), kept);
}

pub(crate) async fn a_run_tells_how_far_it_is_and_keeps_what_became_of_chosen_orders(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[]).await;
    let (fence, run) = begin(&*store, &new_run(None, now()), "a").await;
    for (applied, unchanged) in [(2, 0), (1, 4)] {
        let counts = Counts { polled: applied + unchanged, applied, unchanged, ..Counts::default() };
        let page = PageKeys { run: Some(run), ..keys([]) };
        apply(&*store, &fence, page, move |_| PageResult { counts, ..PageResult::default() }).await.unwrap();
    }
    let (on, _) = store.run(run).await.unwrap().unwrap();
    let so_far = Counts { polled: 7, applied: 3, unchanged: 4, ..Counts::default() };
    assert_eq!((on.ended_at, on.counts), (None, so_far));
    let chosen = |order: &str, outcome| RunOrder {
        order: order.into(),
        channel_order_id: format!("OD of {order}"),
        outcome,
        row: None,
        code: None,
        message: "a sentence".into(),
    };
    let orders = vec![chosen("O2", OrderOutcome::NotMentioned), chosen("O1", OrderOutcome::Unchanged)];
    let told = ToldCall {
        query: "page=2".into(),
        request: String::new(),
        content_type: Some("text/html".into()),
        reply: "<h1>down</h1>".into(),
        problem: None,
    };
    let call = FailedCall {
        operation: "list".into(),
        method: "GET".into(),
        target: "api.example.com/orders".into(),
        status: Some(503),
        bytes: 13,
        took_ms: 7,
        attempt: 2,
        told: Some(told),
    };
    let page = Moment::Page { at_ms: 90, took_ms: 4, read: 2, applied: 1 };
    let timeline = Timeline { moments: vec![page], left_out: 3 };
    let end = RunEnd {
        orders: orders.clone(),
        failed_call: Some(call.clone()),
        timeline: Some(timeline.clone()),
        ..end(RunResult::Partial, now())
    };
    assert_eq!(store.failed_call(run).await.unwrap(), None, "it has not ended");
    assert_eq!(store.timeline(run).await.unwrap(), None, "it has not ended");
    store.finish_run(run, &end, None).await.unwrap();
    store.finish_run(run, &end, Some(&fence)).await.unwrap();
    assert_eq!(store.run_orders(run).await.unwrap(), orders, "in their order, once");
    assert!(store.run_orders(RunId(99)).await.unwrap().is_empty());
    assert_eq!(store.failed_call(run).await.unwrap(), Some(call));
    assert_eq!(store.failed_call(RunId(99)).await.unwrap(), None);
    assert_eq!(store.timeline(run).await.unwrap(), Some(timeline));
    assert_eq!(store.timeline(RunId(99)).await.unwrap(), None);
}

pub(crate) async fn two_runs_are_not_made_for_one_request(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[]).await;
    let asked = |key: &str| NewRun { request_key: Some(key.to_owned()), ..new_run(None, now()) };
    let first = store.start_run(&asked("k1")).await.unwrap();
    assert!(matches!(store.start_run(&asked("k1")).await, Err(StoreError::Exists(_))));
    let claimed = store.claim(&acme(), &fk1(), "a", MINUTE, Some(&asked("k1"))).await;
    assert!(matches!(claimed, Err(StoreError::Exists(_))), "{claimed:?}");
    let (_, second) = begin(&*store, &asked("k2"), "b").await;
    assert!(second > first, "the channel was not taken for the other");
    assert_eq!(store.run_of_request(&acme(), "k1").await.unwrap(), Some(first));
}

pub(crate) async fn runs_are_listed_newest_first(db: &impl Database) {
    let store = db.open();
    with_tasks(&*store, &[Task::Status, Task::Pending]).await;
    let mut ids = Vec::new();
    for task in [Some(Task::Status), Some(Task::Pending), Some(Task::Status), None] {
        let run = store.start_run(&new_run(task, now())).await.unwrap();
        store.finish_run(run, &end(RunResult::Skipped, now()), None).await.unwrap();
        ids.push(run);
    }
    assert_eq!(ids[0].to_string(), "R1");
    let list = |filter, after, limit| {
        let store = &store;
        async move {
            let runs = store.runs(&filter, after, limit).await.unwrap();
            runs.into_iter().map(|run| run.id.0).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(RunFilter::default(), None, 10).await, [4, 3, 2, 1]);
    assert_eq!(list(RunFilter::default(), Some(ids[2]), 1).await, [2]);
    let status = RunFilter { task: Some(Task::Status), ..RunFilter::default() };
    assert_eq!(list(status, None, 10).await, [3, 1]);
    let here = RunFilter { tenant: Some(acme()), channel: Some(fk1()), task: None };
    assert_eq!(list(here, None, 10).await, [4, 3, 2, 1]);
    let elsewhere = RunFilter { channel: Some("AZ1".into()), ..RunFilter::default() };
    assert!(list(elsewhere, None, 10).await.is_empty());
}
