//! Webhooks: what is written down with a change, who sends it, and what becomes of it.

use plugin_api::{Millis, Task};
use serde_json::{Value, json};

use super::{
    Database,
    sample::{MINUTE, acme, acme_with, apply, begin, change, fence, fk1, import, keys, now, order, snapshot},
};
use crate::{
    domain::effect::Effect,
    secrets::Secret,
    storage::{
        Attempt, Backlog, Batch, Counts, DecideIntake, Delivery, DeliveryState, Due, Ended, EventKind,
        IntakeKeys, Mode, NewRun, NewTask, PageKeys, PageResult, PageState, RunEnd, RunResult, Store,
        StoreError, Trigger, Webhook, WebhookEdit, WebhookTurn, copy,
    },
};

const TTL: Millis = 60_000;
const DAY: Millis = 86_400_000;

pub(crate) fn hook(id: &str) -> Webhook {
    Webhook::new(
        id.to_owned(),
        "order system".to_owned(),
        "https://example.com/hook".to_owned(),
        [].into(),
        now(),
    )
}

fn turn(webhook: &str) -> WebhookTurn {
    WebhookTurn { tenant: acme(), webhook: webhook.to_owned() }
}

/// The tenant with three orders and a webhook.
async fn told(db: &impl Database) -> Box<dyn Store> {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    store.add_webhook(&acme(), &hook("w1"), &"whsec_one".into()).await.unwrap();
    store
}

/// A unit of each order of the page is dispatched.
pub(crate) fn dispatched(mut state: PageState) -> PageResult {
    let mut result = PageResult::default();
    for (_, file) in std::mem::take(&mut state.files) {
        let item = &file.order.items[0];
        let effect = Effect::Item { item: item.code.clone(), from: item.status, to: item.status };
        result
            .changes
            .push(crate::domain::effect::Change { effects: vec![effect], ..change(&file.order.code) });
        result.files.push(file);
    }
    result
}

/// Changes these orders, each in a transaction of its own.
async fn change_orders(store: &dyn Store, numbers: &[usize]) {
    let fence = fence(store, "FK1", "a").await;
    for n in numbers {
        apply(store, &fence, keys([*n]), dispatched).await.unwrap();
    }
    store.release(&fence).await.unwrap();
}

async fn claim(store: &dyn Store, at: Millis) -> Option<Batch> {
    store.claim_webhook(&turn("w1"), "h", TTL, at, 10).await.unwrap()
}

async fn due(store: &dyn Store, at: Millis) -> Vec<Due> {
    claim(store, at).await.map(|batch| batch.due).unwrap_or_default()
}

fn bodies(due: &[Due]) -> Vec<Value> {
    due.iter().map(|due| serde_json::from_str(&due.body).unwrap()).collect()
}

/// The orders that a batch is about, as the bodies tell.
fn orders(due: &[Due]) -> Vec<String> {
    bodies(due).iter().map(|body| body["data"]["order_code"].as_str().unwrap_or("-").to_owned()).collect()
}

fn attempt(at: Millis, status: u16) -> Attempt {
    Attempt { at, duration_ms: 5, status: Some(status), said: "ok".to_owned() }
}

async fn note(store: &dyn Store, number: i64, at: Millis, ended: Ended) -> bool {
    let status = if ended == Ended::Delivered { 200 } else { 500 };
    store.note_attempt(&turn("w1"), "h", number, &attempt(at, status), &ended).await.unwrap()
}

async fn listed(store: &dyn Store) -> Vec<Delivery> {
    store.deliveries(&acme(), "w1", None, None, 100).await.unwrap()
}

async fn shown(store: &dyn Store) -> Webhook {
    store.webhook(&acme(), "w1").await.unwrap().unwrap()
}

pub(crate) async fn a_change_is_told_with_its_transaction_or_not_at_all(db: &impl Database) {
    let store = told(db).await;
    assert_eq!(store.due_webhooks(now(), 10).await.unwrap(), []);
    let fence = fence(&*store, "FK1", "a").await;
    store.apply_page(&fence, keys([1]), Mode::Rehearse, Box::new(dispatched)).await.unwrap();
    apply(&*store, &fence, keys([1]), |_| panic!("on purpose")).await.unwrap_err();
    apply(&*store, &fence, keys([1]), |mut state| {
        let mut result = dispatched(PageState { files: std::mem::take(&mut state.files), ..state });
        result.files[0].order.channel = "AZ1".into();
        result
    })
    .await
    .unwrap_err();
    assert_eq!((listed(&*store).await, store.due_webhooks(now(), 10).await.unwrap()), (vec![], vec![]));
    apply(&*store, &fence, keys(1..=3), dispatched).await.unwrap();
    assert_eq!(listed(&*store).await.len(), 3, "one event for each order");
    assert_eq!(store.due_webhooks(now(), 10).await.unwrap(), [turn("w1")]);
    assert_eq!(store.due_webhooks(now() - 1, 10).await.unwrap(), []);
    let backlog = store.backlog().await.unwrap();
    assert_eq!(backlog, Backlog { waiting: 3, oldest_at: Some(now()), failed: 0, disabled: 0 });
}

pub(crate) async fn nothing_is_written_down_for_a_tenant_without_webhooks(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    change_orders(&*store, &[1, 2, 3]).await;
    assert!(store.tenants_with_webhooks().await.unwrap().is_empty());
    store.add_webhook(&acme(), &hook("w1"), &"whsec_one".into()).await.unwrap();
    assert_eq!(store.replay_webhook(&acme(), "w1", 0, now()).await.unwrap(), 0);
    assert_eq!(store.tenants_with_webhooks().await.unwrap(), [acme()]);
    let unknown = store.add_webhook(&"nobody".into(), &hook("w1"), &"s".into()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn an_event_tells_what_one_transaction_changed_of_an_order(db: &impl Database) {
    let store = told(db).await;
    let fence = fence(&*store, "FK1", "a").await;
    apply(&*store, &fence, keys([1, 2]), |mut state| {
        let conflict = state.ledger.conflict_code();
        let mut result = dispatched(state);
        let first = result.changes.iter().position(|change| change.order.as_str() == "O1").unwrap();
        let opened = Effect::Conflict { code: conflict.clone(), cause: "C".to_owned(), open: true };
        let again = crate::domain::effect::Change { effects: vec![opened], ..result.changes[first].clone() };
        result.changes.push(again);
        let file = result.files.iter_mut().find(|file| file.order.code.as_str() == "O1").unwrap();
        file.order.applied.push("a fingerprint".to_owned());
        let code = file.order.code.clone();
        file.conflicts.push(
            serde_json::from_value(json!({"code": conflict, "cause": "C", "order": code, "items": [],
                "message": "m", "open": true}))
            .unwrap(),
        );
        // Of this one only the stock changes: nothing is told.
        let other = result.changes.iter_mut().find(|change| change.order.as_str() == "O2").unwrap();
        other.effects = vec![Effect::Note { text: "n".to_owned() }];
        result
    })
    .await
    .unwrap();
    let first = due(&*store, now()).await;
    assert_eq!(first.len(), 1);
    let body = &bodies(&first)[0];
    assert_eq!(body["type"], "order.status_changed");
    assert_eq!(body["timestamp"], "2026-01-15T09:30:00Z");
    let data = &body["data"];
    assert_eq!(
        (&data["tenant"], &data["order_code"], &data["channel"]),
        (&json!("acme"), &json!("O1"), &json!("FK1"))
    );
    assert_eq!(data["order"]["channel_order_id"], "OD1");
    assert!(data["order"]["applied"].is_null());
    assert_eq!(data["changes"].as_array().unwrap().len(), 2);
    assert_eq!(data["changes"][0]["row"], "D3");
    assert_eq!(data["changes"][0]["message"], "order O1 was dispatched");
    assert_eq!(data["changes"][0]["effects"][0]["what"], "item");
    assert!(note(&*store, first[0].number, now(), Ended::Delivered).await);
    let second = bodies(&due(&*store, now() + 10).await);
    assert_eq!(
        (&second[0]["type"], &second[0]["data"]["conflict"]["code"]),
        (&json!("conflict.opened"), &json!("CF1"))
    );
}

pub(crate) async fn orders_that_are_handed_over_are_told_once_as_new(db: &impl Database) {
    let store = told(db).await;
    let hand_over = async |numbers: Vec<usize>| {
        let page = keys(numbers.iter().copied());
        let decide: DecideIntake = Box::new(move |state| {
            let mut result = PageResult::default();
            for n in numbers {
                let given = order(n, "FK1");
                let file = snapshot(json!({"tenant": "acme", "orders": [given]})).orders.remove(0);
                result.changes.push(change(&file.code));
                let known = state.page.files.get(&file.channel_order_id);
                let (invoices, putaways, conflicts) = Default::default();
                let new = crate::domain::snapshot::OrderFile { order: file, invoices, putaways, conflicts };
                result.files.push(known.cloned().unwrap_or(new));
            }
            result
        });
        let keys = IntakeKeys { page, codes: Vec::new() };
        store.take_orders(&acme(), &fk1(), keys, Mode::Commit, decide).await.unwrap();
    };
    hand_over(vec![3, 4]).await;
    hand_over(vec![4]).await;
    let told = bodies(&due(&*store, now()).await);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["type"], &told[0]["data"]["order"]["code"]), (&json!("order.taken"), &json!("O4")));
}

pub(crate) async fn the_end_of_a_run_is_told_unless_the_timer_had_nothing_to_tell(db: &impl Database) {
    let store = told(db).await;
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    let run = async |trigger: Trigger, applied: u64| {
        let new = NewRun {
            tenant: acme(),
            channel: fk1(),
            task: Some(Task::Status),
            trigger,
            started_at: now(),
            request_key: None,
            only_if_due: false,
        };
        let (fence, run) = begin(&*store, &new, &format!("{trigger}{applied}")).await;
        let end = RunEnd {
            ended_at: now(),
            result: RunResult::Success,
            message: "all is well".to_owned(),
            counts: Counts { applied, ..Counts::default() },
            calls: 3,
            retries: 1,
            next_run_at: None,
            complete_until: None,
            orders: Vec::new(),
            failed_call: None,
            timeline: None,
        };
        store.finish_run(run, &end, Some(&fence)).await.unwrap();
        store.finish_run(run, &end, None).await.unwrap();
        run.to_string()
    };
    run(Trigger::Timer, 0).await;
    let with_news = run(Trigger::Timer, 2).await;
    let asked = run(Trigger::Manual, 0).await;
    let told = bodies(&due(&*store, now()).await);
    let runs: Vec<&str> = told.iter().map(|body| body["data"]["run"].as_str().unwrap()).collect();
    assert_eq!(runs, [with_news.as_str(), asked.as_str()]);
    let expected = json!({"type": "run.finished", "timestamp": "2026-01-15T09:30:00Z", "data": {
        "tenant": "acme", "run": with_news, "channel": "FK1", "task": "status", "trigger": "TIMER",
        "started_at": "2026-01-15T09:30:00Z", "ended_at": "2026-01-15T09:30:00Z", "result": "SUCCESS",
        "message": "all is well", "counts": Counts { applied: 2, ..Counts::default() }, "calls": 3, "retries": 1}});
    assert_eq!(told[0], expected);
}

pub(crate) async fn a_webhook_is_told_of_the_kinds_that_it_asked_for(db: &impl Database) {
    let store = told(db).await;
    let some = Webhook { events: [EventKind::RunFinished, EventKind::OrderTaken].into(), ..hook("w2") };
    store.add_webhook(&acme(), &some, &"whsec_two".into()).await.unwrap();
    change_orders(&*store, &[1]).await;
    assert_eq!(listed(&*store).await.len(), 1);
    assert!(store.deliveries(&acme(), "w2", None, None, 10).await.unwrap().is_empty());
    let edit = WebhookEdit { events: Some([EventKind::OrderStatusChanged].into()), ..WebhookEdit::default() };
    store.set_webhook(&acme(), "w2", &edit, now()).await.unwrap();
    change_orders(&*store, &[2]).await;
    let told = store.deliveries(&acme(), "w2", None, None, 10).await.unwrap();
    assert_eq!(told.iter().map(|row| row.order.as_deref()).collect::<Vec<_>>(), [Some("O2")]);
    let webhooks = store.webhooks(&acme()).await.unwrap();
    let waiting: Vec<_> = webhooks.iter().map(|row| (row.id.as_str(), row.waiting)).collect();
    assert_eq!(waiting, [("w1", 2), ("w2", 1)]);
    assert_eq!(
        webhooks[1],
        Webhook { events: edit.events.unwrap(), waiting: 1, oldest_waiting_at: Some(now()), ..some }
    );
    let unknown = store.set_webhook(&acme(), "w3", &WebhookEdit::default(), now()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn events_of_an_order_come_one_after_another_and_other_orders_go_on(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 1, 2, 1]).await;
    let first = due(&*store, now()).await;
    assert_eq!(orders(&first), ["O1", "O2"]);
    assert!(note(&*store, first[0].number, now(), Ended::Again(now() + MINUTE)).await);
    assert!(note(&*store, first[1].number, now(), Ended::Delivered).await);
    assert!(due(&*store, now() + 1_000).await.is_empty(), "the next of the order waits as well");
    assert_eq!(store.due_webhooks(now() + 1_000, 10).await.unwrap(), []);
    assert_eq!(store.due_webhooks(now() + MINUTE, 10).await.unwrap(), [turn("w1")]);
    change_orders(&*store, &[1, 2]).await;
    let again = due(&*store, now() + 1_000).await;
    assert_eq!(orders(&again), ["O2"], "what comes later waits behind it");
    let mut told = vec![first[0].number];
    let mut at = now() + MINUTE;
    assert!(note(&*store, again[0].number, at, Ended::Delivered).await);
    while let [one, ..] = due(&*store, at).await.as_slice() {
        assert_eq!(orders(std::slice::from_ref(one)), ["O1"]);
        told.push(one.number);
        assert!(note(&*store, one.number, at, Ended::Delivered).await);
        at += 1_000;
    }
    assert_eq!(told.len(), 5, "the first of them twice");
    assert!(told.is_sorted(), "{told:?}");
    assert!(listed(&*store).await.iter().all(|row| row.state == DeliveryState::Delivered));
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
}

pub(crate) async fn one_host_sends_to_a_webhook_until_its_lease_has_run_out(db: &impl Database) {
    let store = told(db).await;
    let other = db.open();
    change_orders(&*store, &[1]).await;
    let take = async |holder: &str, ttl: Millis| {
        let host = if holder == "a" { &store } else { &other };
        host.claim_webhook(&turn("w1"), holder, ttl, now(), 10).await.unwrap().map(|batch| batch.due)
    };
    let first = take("a", TTL).await.unwrap();
    assert_eq!(take("b", TTL).await, None);
    assert_eq!(other.due_webhooks(now(), 10).await.unwrap(), []);
    assert_eq!(take("a", 0).await.as_ref(), Some(&first), "who has it holds on to it");
    // It has run out at once: the delivery was made perhaps, and is made again under the same id.
    assert_eq!(other.due_webhooks(now(), 10).await.unwrap(), [turn("w1")]);
    assert_eq!(take("b", TTL).await.as_ref(), Some(&first));
    let delivered = async |holder: &str| {
        let noted = attempt(now(), 200);
        store.note_attempt(&turn("w1"), holder, first[0].number, &noted, &Ended::Delivered).await.unwrap()
    };
    assert!(!delivered("a").await && shown(&*store).await.waiting == 1);
    store.give_back_webhook(&turn("w1"), "a").await.unwrap();
    assert_eq!(take("a", TTL).await, None, "who was passed gives nothing back");
    assert!(delivered("b").await && shown(&*store).await.waiting == 0);
    assert!(delivered("b").await, "what is delivered stays so");
    assert_eq!(listed(&*store).await[0].attempts, [attempt(now(), 200)]);
    assert_eq!(take("b", TTL).await, Some(vec![]));
    assert_eq!(take("a", TTL).await, Some(vec![]), "with nothing to send it is given back");
}

pub(crate) async fn a_webhook_that_was_away_gets_everything_at_once_when_it_is_back(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 2, 3]).await;
    let first = due(&*store, now()).await;
    assert_eq!(first.len(), 3);
    for one in &first {
        assert!(note(&*store, one.number, now(), Ended::Again(now() + DAY)).await);
    }
    assert_eq!(shown(&*store).await.failing_since, Some(now()));
    change_orders(&*store, &[1]).await;
    let one = due(&*store, now() + DAY).await;
    assert_eq!(one.len(), 1, "while nothing gets through it is asked with one at a time");
    assert_eq!((one[0].attempts, one[0].begun_at), (1, Some(now())));
    let later = now() + DAY;
    assert!(note(&*store, one[0].number, later, Ended::Delivered).await);
    assert_eq!(shown(&*store).await.failing_since, None);
    assert_eq!(due(&*store, later + 10).await.len(), 3, "with the one that came behind the first");

    // A delivery that failed a moment ago keeps its time: the others were delivered all the while.
    let rest = due(&*store, later + 10).await;
    assert!(note(&*store, rest[0].number, later + 10, Ended::Again(later + MINUTE)).await);
    assert!(note(&*store, rest[1].number, later + 20, Ended::Delivered).await);
    let numbers: Vec<i64> = due(&*store, later + 50).await.iter().map(|due| due.number).collect();
    assert_eq!(numbers, [rest[2].number]);
}

pub(crate) async fn a_disabled_webhook_keeps_what_waits_and_gets_it_when_it_is_enabled(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1]).await;
    let one = due(&*store, now()).await.remove(0);
    assert!(note(&*store, one.number, now(), Ended::Disabled("it is gone".to_owned())).await);
    let off = shown(&*store).await;
    assert_eq!((off.disabled_at, off.disabled_because.as_deref()), (Some(now() + 5), Some("it is gone")));
    let done = store.actions(&acme(), None, 10).await.unwrap();
    assert_eq!((&*done[0].who, &*done[0].action), ("host", "webhook disabled: it is gone"));
    assert_eq!(done[0].subject, "/v1/tenants/acme/webhooks/w1");
    change_orders(&*store, &[1, 2]).await;
    assert_eq!(store.due_webhooks(now() + DAY, 10).await.unwrap(), []);
    assert!(claim(&*store, now() + DAY).await.is_none());
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.disabled), (3, 1));

    let edit = |enabled| WebhookEdit { enabled: Some(enabled), ..WebhookEdit::default() };
    store.set_webhook(&acme(), "w1", &edit(true), now() + DAY).await.unwrap();
    let on = shown(&*store).await;
    assert_eq!((on.disabled_at, on.disabled_because, on.failing_since, on.waiting), (None, None, None, 3));
    assert_eq!(store.due_webhooks(now() + DAY, 10).await.unwrap(), [turn("w1")]);
    let again = due(&*store, now() + DAY).await;
    assert_eq!((orders(&again), again[0].attempts), (vec!["O1".to_owned(), "O2".to_owned()], 0));
    store.set_webhook(&acme(), "w1", &edit(false), now() + DAY).await.unwrap();
    assert_eq!(shown(&*store).await.disabled_because.as_deref(), Some("a person disabled it"));
}

pub(crate) async fn a_delivery_that_was_given_up_lets_the_next_of_its_order_go(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 1]).await;
    let first = due(&*store, now()).await.remove(0);
    assert!(note(&*store, first.number, now(), Ended::GivenUp).await);
    let second = due(&*store, now() + 10).await.remove(0);
    assert!(second.number > first.number);
    let failed = store.deliveries(&acme(), "w1", Some(DeliveryState::Failed), None, 10).await.unwrap();
    assert_eq!(failed.iter().map(|row| row.number).collect::<Vec<_>>(), [first.number]);
    assert_eq!((failed[0].ended_at, failed[0].due_at), (Some(now() + 5), None));
    assert_eq!((shown(&*store).await.failed, store.backlog().await.unwrap().failed), (1, 1));
    let older = store.deliveries(&acme(), "w1", None, Some(second.number), 10).await.unwrap();
    assert_eq!(older, failed);
}

pub(crate) async fn a_replay_tells_everything_again_in_order_under_the_same_ids(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 2, 1]).await;
    let mut ids = Vec::new();
    while let [one, ..] = due(&*store, now() + MINUTE).await.as_slice() {
        ids.push((one.number, one.event.clone()));
        assert!(note(&*store, one.number, now(), Ended::Delivered).await);
    }
    assert_eq!(store.replay_webhook(&acme(), "w1", now() + 1, now() + DAY).await.unwrap(), 0);
    assert_eq!(store.replay_webhook(&acme(), "w1", now(), now() + DAY).await.unwrap(), 3);
    let mut again = Vec::new();
    loop {
        let batch = due(&*store, now() + DAY + MINUTE).await;
        let Some(one) = batch.first() else { break };
        let lanes = orders(&batch);
        assert_eq!(lanes.iter().filter(|order| *order == "O1").count().max(1), 1, "{lanes:?}");
        again.push((one.number, one.event.clone()));
        assert!(note(&*store, one.number, now() + DAY, Ended::Delivered).await);
    }
    ids.sort();
    again.sort();
    assert_eq!(again, ids);
    assert_eq!(listed(&*store).await[0].attempts.len(), 2);
    let unknown = store.replay_webhook(&acme(), "w9", 0, now()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn old_entries_go_unless_they_wait_for_an_enabled_webhook(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 2]).await;
    let first = due(&*store, now()).await;
    assert!(note(&*store, first[0].number, now(), Ended::Delivered).await);
    assert_eq!(store.prune_outbox(&acme(), now()).await.unwrap(), 0, "nothing is old yet");
    assert_eq!(store.prune_outbox(&acme(), now() + 1).await.unwrap(), 1);
    let left: Vec<i64> = listed(&*store).await.iter().map(|row| row.number).collect();
    assert_eq!(left, [first[1].number]);
    assert!(note(&*store, first[1].number, now(), Ended::Disabled("off".to_owned())).await);
    assert_eq!(store.prune_outbox(&acme(), now() + 1).await.unwrap(), 1);
    assert!(listed(&*store).await.is_empty());
}

pub(crate) async fn a_secret_is_rotated_with_an_overlap_and_sealed_for_its_webhook(db: &impl Database) {
    let store = told(db).await;
    let at = async |at: Millis| {
        let secrets = store.webhook_secrets(&acme(), "w1", at).await.unwrap();
        secrets.iter().map(|secret| secret.reveal().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(at(now()).await, ["whsec_one"]);
    store.rotate_webhook(&acme(), "w1", &Secret::from("whsec_two"), now() + DAY).await.unwrap();
    assert_eq!(at(now() + DAY - 1).await, ["whsec_two", "whsec_one"]);
    assert_eq!(at(now() + DAY).await, ["whsec_two"]);
    change_orders(&*store, &[1]).await;
    let batch = claim(&*store, now()).await.unwrap();
    assert_eq!((batch.secrets.len(), &*batch.url), (2, "https://example.com/hook"));
    assert!(!format!("{batch:?}").contains("whsec_"));
    let stranger = db.open_with_another_key();
    assert!(matches!(stranger.webhook_secrets(&acme(), "w1", now()).await, Err(StoreError::Secret(_))));
    assert!(store.webhook_secrets(&acme(), "w2", now()).await.unwrap().is_empty());
    let unknown = store.rotate_webhook(&acme(), "w2", &"s".into(), now()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn a_webhook_goes_with_what_waits_for_it(db: &impl Database) {
    let store = told(db).await;
    store.add_webhook(&acme(), &hook("w2"), &"whsec_two".into()).await.unwrap();
    change_orders(&*store, &[1]).await;
    store.remove_webhook(&acme(), "w1").await.unwrap();
    assert!(matches!(store.remove_webhook(&acme(), "w1").await, Err(StoreError::NotFound(_))));
    assert!(claim(&*store, now()).await.is_none());
    assert_eq!(store.backlog().await.unwrap().waiting, 1);
    store.remove_webhook(&acme(), "w2").await.unwrap();
    assert!(store.tenants_with_webhooks().await.unwrap().is_empty());
    store.add_webhook(&acme(), &hook("w3"), &"whsec_three".into()).await.unwrap();
    assert_eq!(store.replay_webhook(&acme(), "w3", 0, now()).await.unwrap(), 0, "the outbox was emptied");
    store.remove_tenant(&acme()).await.unwrap();
    assert!(store.webhooks(&acme()).await.unwrap().is_empty());
}

pub(crate) async fn a_copy_brings_webhooks_back_and_lets_anybody_send(db: &impl Database) {
    let store = told(db).await;
    change_orders(&*store, &[1, 2]).await;
    let first = due(&*store, now()).await;
    assert!(note(&*store, first[0].number, now(), Ended::Delivered).await);
    let mut written = Vec::new();
    copy::write(&*store, now(), &mut written).await.unwrap();
    store.remove_tenant(&acme()).await.unwrap();
    copy::take(&*store, std::io::Cursor::new(written)).await.unwrap();
    let rest = store.claim_webhook(&turn("w1"), "another", TTL, now(), 10).await.unwrap().unwrap();
    assert_eq!((rest.due, rest.secrets), (vec![first[1].clone()], vec!["whsec_one".into()]));
    change_orders(&*store, &[3]).await;
    let newest = listed(&*store).await.remove(0);
    assert!(newest.number > first[1].number && newest.order.as_deref() == Some("O3"));
    // Restored pages go on telling: the tenant knows that it has webhooks.
    apply(&*store, &fence(&*store, "FK1", "b").await, PageKeys { now: now(), ..keys([1]) }, dispatched)
        .await
        .unwrap();
    assert_eq!(listed(&*store).await.len(), 4);
}
