//! What receivers see: real requests to a receiver in this process, on a clock that is turned.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::*;
use crate::{
    clock::{SettableClock, SystemClock},
    domain::effect::{Change, Effect},
    fetch::Egress,
    secrets::Key,
    storage::{Claim, Fence, Mode, PageKeys, PageResult, Sqlite, Webhook, WebhookEdit},
};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;
const ORDERS: usize = 12;

/// A receiver that answers with the status it is set to.
#[derive(Clone)]
struct Answers {
    status: Arc<AtomicU16>,
    seen: Arc<Mutex<Vec<Seen>>>,
    arrived: Arc<Notify>,
    secret: Secret,
    delay: Duration,
}

/// A message as the receiver saw it.
#[derive(Clone, Debug)]
struct Seen {
    id: String,
    body: Value,
    answered: u16,
    /// Whether the reference library takes it.
    is_genuine: bool,
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let answered = self.status.load(Ordering::SeqCst);
        let reader = standardwebhooks::Webhook::new(self.secret.reveal()).unwrap();
        let seen = Seen {
            id: request.headers["webhook-id"].to_str().unwrap().to_owned(),
            body: serde_json::from_slice(&request.body).unwrap(),
            answered,
            is_genuine: reader.verify(&request.body, &request.headers).is_ok(),
        };
        self.seen.lock().unwrap().push(seen);
        self.arrived.notify_one();
        ResponseTemplate::new(answered)
            .set_body_string("thanks")
            .insert_header("location", "http://127.0.0.1:1/")
            .set_delay(self.delay)
    }
}

struct Receiver {
    _server: MockServer,
    answers: Answers,
    url: String,
}

impl Receiver {
    async fn new(secret: &Secret, delay: Duration) -> Receiver {
        let answers = Answers {
            status: Arc::new(AtomicU16::new(200)),
            seen: Arc::default(),
            arrived: Arc::default(),
            secret: secret.clone(),
            delay,
        };
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(answers.clone()).mount(&server).await;
        let url = format!("{}/hook", server.uri());
        Receiver { _server: server, answers, url }
    }

    fn answer(&self, status: u16) {
        self.answers.status.store(status, Ordering::SeqCst);
    }

    fn seen(&self) -> Vec<Seen> {
        self.answers.seen.lock().unwrap().clone()
    }
}

/// A tenant with orders on one channel, whose run is on.
struct Place {
    store: Arc<dyn Store>,
    clock: Arc<SettableClock>,
    fence: Fence,
    _dir: tempfile::TempDir,
}

fn acme() -> TenantCode {
    "acme".into()
}

fn turn(id: &str) -> WebhookTurn {
    WebhookTurn { tenant: acme(), webhook: id.to_owned() }
}

impl Place {
    async fn new(now: Millis) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&dir.path().join("s.db"), key).unwrap());
        let order = |n: usize| {
            json!({"code": format!("O{n}"), "channel": "FK1", "channel_order_id": format!("OD{n}"),
                "status": "PROCESSING",
                "items": [{"code": format!("O{n}-1"), "sku": "A", "status": "FULFILLABLE"}]})
        };
        let snapshot = json!({"tenant": "acme", "live": true, "channels": [{"code": "FK1", "connector": "flipkart"}],
            "orders": (1..=ORDERS).map(order).collect::<Vec<_>>()});
        store.import(serde_json::from_value(snapshot).unwrap(), BTreeMap::new()).await.unwrap();
        let claimed = store.claim(&acme(), &"FK1".into(), "run", HOUR, None).await.unwrap();
        let Claim::Got(fence, None) = claimed else { panic!("{claimed:?}") };
        Place { store, clock: Arc::new(SettableClock::at(now)), fence, _dir: dir }
    }

    fn sender(&self, holder: &str) -> Arc<Sender> {
        let outgoing = Outgoing::new(Egress { allow_loopback: true }).unwrap();
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        let way = Way { outgoing, keep_ms: 7 * DAY };
        Arc::new(Sender::new(store, clock, Box::new(|| 0.5), holder.to_owned(), way))
    }

    async fn hook(&self, id: &str, url: &str) -> Secret {
        let secret = mint().unwrap();
        self.hook_with(id, url, &secret).await;
        secret
    }

    async fn hook_with(&self, id: &str, url: &str, secret: &Secret) {
        let webhook =
            Webhook::new(id.to_owned(), String::new(), url.to_owned(), [].into(), self.clock.now_ms());
        self.store.add_webhook(&acme(), &webhook, secret).await.unwrap();
    }

    /// A webhook with its receiver.
    async fn received(&self, id: &str) -> Receiver {
        let secret = mint().unwrap();
        let receiver = Receiver::new(&secret, Duration::ZERO).await;
        self.hook_with(id, &receiver.url, &secret).await;
        receiver
    }

    /// Changes these orders in one page; `what` tells which change it was.
    async fn change(&self, orders: &[usize], what: usize) {
        let now = self.clock.now_ms();
        let ids = orders.iter().map(|n| (format!("OD{n}"), None)).collect();
        let page = PageKeys { orders: ids, now, ..PageKeys::default() };
        let decide = Box::new(move |mut state: crate::storage::PageState| {
            let mut result = PageResult::default();
            for (_, file) in state.files.drain() {
                let item = &file.order.items[0];
                result.changes.push(Change {
                    order: file.order.code.clone(),
                    channel: "FK1".into(),
                    at: now,
                    run: "R1".to_owned(),
                    connector: "flipkart 1".to_owned(),
                    row: "D3".to_owned(),
                    code: None,
                    message: what.to_string(),
                    observation: None,
                    waited: None,
                    effects: vec![Effect::Item {
                        item: item.code.clone(),
                        from: item.status,
                        to: item.status,
                    }],
                });
                result.files.push(file);
            }
            result
        });
        self.store.apply_page(&self.fence, page, Mode::Commit, decide).await.unwrap();
    }

    async fn shown(&self, id: &str) -> Webhook {
        self.store.webhook(&acme(), id).await.unwrap().unwrap()
    }
}

/// Which order a message is about, and which change of it.
fn told(seen: &Seen) -> (String, usize) {
    let data = &seen.body["data"];
    let what = data["changes"][0]["message"].as_str().unwrap().parse().unwrap();
    (data["order_code"].as_str().unwrap().to_owned(), what)
}

#[tokio::test]
async fn a_receiver_that_was_down_for_three_days_gets_everything_in_order_and_once() {
    let back_at = SystemClock.now_ms();
    let place = Place::new(back_at - 3 * DAY).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    receiver.answer(503);
    let mut changes = 0;
    while place.clock.now_ms() < back_at {
        if changes < 144 {
            place.change(&[changes % (ORDERS - 1) + 1, (changes * 5) % (ORDERS - 1) + 1], changes).await;
            changes += 1;
        }
        sender.send_due().await;
        place.clock.advance(30 * MINUTE);
    }
    let while_down = receiver.seen().len();
    assert!(
        while_down < (ORDERS - 1) * 12,
        "{while_down} attempts: each order's first keeps to the schedule"
    );
    let state = place.shown("w1").await;
    assert!(state.disabled_at.is_none() && state.failing_since == Some(back_at - 3 * DAY), "{state:?}");
    let waiting = usize::try_from(state.waiting).unwrap();

    receiver.answer(204);
    place.clock.set(SystemClock.now_ms());
    // Something of another order happens, and so it is seen that the receiver is back.
    place.change(&[ORDERS], changes).await;
    while sender.send_due().await > 0 {
        place.clock.set(SystemClock.now_ms());
    }
    let taken: Vec<Seen> = receiver.seen().split_off(while_down);
    assert_eq!(taken.len(), waiting + 1, "nothing is missing and nothing comes twice");
    assert_eq!(taken.iter().map(|seen| &seen.id).collect::<HashSet<_>>().len(), taken.len());
    assert!(taken.iter().all(|seen| seen.is_genuine && seen.answered == 204));
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for (order, what) in taken.iter().map(told) {
        assert!(last.insert(order.clone(), what).is_none_or(|before| before < what), "{order} {what}");
    }
    assert_eq!(last.len(), ORDERS);
    let state = place.shown("w1").await;
    assert_eq!((state.waiting, state.failed, state.failing_since), (0, 0, None));
}

#[tokio::test]
async fn a_message_that_is_tried_again_keeps_its_id_and_body() {
    let place = Place::new(SystemClock.now_ms()).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    receiver.answer(500);
    place.change(&[1], 1).await;
    assert_eq!(sender.send_due().await, 1);
    assert_eq!(sender.send_due().await, 0, "not before its time");
    receiver.answer(200);
    place.clock.advance(6_000);
    assert_eq!(sender.send_due().await, 1);
    let seen = receiver.seen();
    assert_eq!((&seen[0].id, &seen[0].body), (&seen[1].id, &seen[1].body));
    let log = place.store.deliveries(&acme(), "w1", None, None, 9).await.unwrap().remove(0).attempts;
    assert_eq!(log.iter().map(|attempt| attempt.status).collect::<Vec<_>>(), [Some(500), Some(200)]);
    assert_eq!(log[1].said, "thanks");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_not_told_any_more() {
    let place = Place::new(SystemClock.now_ms()).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    receiver.answer(410);
    place.change(&[1, 2, 3], 1).await;
    sender.send_due().await;
    let state = place.shown("w1").await;
    assert!(state.disabled_because.unwrap().contains("410"));
    assert_eq!(state.waiting, 3);
    place.clock.advance(DAY);
    assert_eq!(sender.send_due().await, 0);
    let done = place.store.actions(&acme(), None, 9).await.unwrap();
    assert!(done.iter().all(|action| action.action.starts_with("webhook disabled: ")) && !done.is_empty());

    receiver.answer(200);
    let edit = WebhookEdit { enabled: Some(true), ..WebhookEdit::default() };
    place.store.set_webhook(&acme(), "w1", &edit, place.clock.now_ms()).await.unwrap();
    assert_eq!(sender.send_due().await, 3, "what waited is told");
}

#[tokio::test]
async fn a_redirect_is_a_failure() {
    let place = Place::new(SystemClock.now_ms()).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    receiver.answer(308);
    place.change(&[1], 1).await;
    assert_eq!(sender.send_due().await, 1);
    let delivery = place.store.deliveries(&acme(), "w1", None, None, 9).await.unwrap().remove(0);
    assert_eq!((delivery.attempts[0].status, delivery.ended_at), (Some(308), None));
    assert!(delivery.due_at.is_some());
}

#[tokio::test]
async fn a_webhook_to_which_nothing_gets_through_is_disabled_after_five_days() {
    let start = SystemClock.now_ms();
    let place = Place::new(start).await;
    let sender = place.sender("a");
    // Nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    place.hook("w1", &url).await;
    place.change(&[1, 2], 1).await;
    while place.shown("w1").await.disabled_at.is_none() {
        sender.send_due().await;
        place.clock.advance(HOUR);
        assert!(place.clock.now_ms() < start + 8 * DAY);
    }
    let state = place.shown("w1").await;
    let because = state.disabled_because.unwrap();
    assert!(
        because.starts_with("nothing got through for 5 days; the last time: no connection to"),
        "{because}"
    );
    assert!((5 * DAY..7 * DAY).contains(&(state.disabled_at.unwrap() - start)));
    assert_eq!((state.waiting, state.failed), (2, 0), "nothing is given up while nothing gets through");
}

#[tokio::test]
async fn a_receiver_that_does_not_answer_holds_up_nobody_else() {
    let place = Place::new(SystemClock.now_ms()).await;
    let sender = place.sender("a");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    place.hook("w0", &format!("http://{}/", silent.local_addr().unwrap())).await;
    let receiver = place.received("w1").await;
    place.change(&[1], 1).await;
    let sending = tokio::spawn({
        let sender = Arc::clone(&sender);
        async move { sender.send_due().await }
    });
    let (stream, _) = silent.accept().await.unwrap();
    receiver.answers.arrived.notified().await;
    // The other is on its way still; orders and other webhooks go on.
    place.change(&[1, 2], 2).await;
    while place.shown("w1").await.waiting > 0 {
        sender.send_due().await;
        place.clock.advance(100);
        tokio::task::yield_now().await;
    }
    assert_eq!(receiver.seen().len(), 3);
    assert!(!sending.is_finished() && place.shown("w0").await.waiting == 3);
    sending.abort();
    drop(stream);
}

#[tokio::test]
async fn a_message_whose_host_died_before_it_noted_it_is_sent_again_under_the_same_id() {
    let place = Place::new(SystemClock.now_ms()).await;
    let secret = mint().unwrap();
    let receiver = Receiver::new(&secret, Duration::from_secs(30)).await;
    place.hook_with("w1", &receiver.url, &secret).await;
    place.change(&[1], 1).await;
    let dying = place.sender("dead");
    let sending = tokio::spawn(async move { dying.send_due().await });
    receiver.answers.arrived.notified().await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    let next = place.sender("next");
    assert_eq!(next.send_due().await, 0, "its lease has not run out");
    // Now it has.
    place.store.claim_webhook(&turn("w1"), "dead", 0, place.clock.now_ms(), 1).await.unwrap();
    let again = Receiver::new(&secret, Duration::ZERO).await;
    let edit = WebhookEdit { url: Some(again.url.clone()), ..WebhookEdit::default() };
    place.store.set_webhook(&acme(), "w1", &edit, place.clock.now_ms()).await.unwrap();
    assert_eq!(next.send_due().await, 1);
    assert_eq!(receiver.seen()[0].id, again.seen()[0].id);
    assert_eq!(place.shown("w1").await.waiting, 0);
}

#[tokio::test]
async fn hosts_on_one_database_send_each_message_once() {
    let place = Place::new(SystemClock.now_ms()).await;
    let receiver = place.received("w1").await;
    let senders = ["a", "b", "c"].map(|holder| place.sender(holder));
    for what in 0..5 {
        place.change(&(1..=ORDERS).collect::<Vec<_>>(), what).await;
    }
    while place.shown("w1").await.waiting > 0 {
        place.clock.set(SystemClock.now_ms());
        join_all(senders.iter().map(Sender::send_due)).await;
    }
    let seen = receiver.seen();
    assert_eq!(seen.len(), 5 * ORDERS);
    assert_eq!(seen.iter().map(|seen| &seen.id).collect::<HashSet<_>>().len(), seen.len());
}

#[tokio::test]
async fn a_host_that_is_stopped_lets_messages_arrive_and_sends_no_more() {
    let place = Place::new(SystemClock.now_ms()).await;
    let receiver = place.received("w1").await;
    place.change(&[1, 2], 1).await;
    let (close, closing) = watch::channel(false);
    let serving = tokio::spawn(place.sender("a").serve(closing));
    receiver.answers.arrived.notified().await;
    close.send_replace(true);
    serving.await.unwrap();
    let noted = place.store.deliveries(&acme(), "w1", None, None, 9).await.unwrap();
    let delivered = noted.iter().filter(|delivery| delivery.ended_at.is_some()).count();
    assert_eq!(delivered, receiver.seen().len(), "what arrived is noted");
    assert!(place.sender("b").send_due().await + delivered == 2, "and the rest is sent by who comes next");
}

#[tokio::test]
async fn a_test_is_sent_signed_and_is_not_kept() {
    let place = Place::new(SystemClock.now_ms()).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    let attempt = sender.test(&acme(), "w1").await.unwrap().unwrap();
    assert!(is_delivered(&attempt) && attempt.said == "thanks");
    let seen = receiver.seen().remove(0);
    assert!(seen.is_genuine);
    assert_eq!((&seen.body["type"], &seen.body["data"]["webhook"]), (&json!("webhook.test"), &json!("w1")));
    receiver.answer(410);
    assert!(!is_delivered(&sender.test(&acme(), "w1").await.unwrap().unwrap()));
    assert!(place.shown("w1").await.disabled_at.is_none(), "a test disables nothing");
    assert!(sender.test(&acme(), "w2").await.unwrap().is_none());
    assert!(place.store.deliveries(&acme(), "w1", None, None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn entries_are_kept_as_long_as_is_configured() {
    let start = SystemClock.now_ms();
    let place = Place::new(start).await;
    let (receiver, sender) = (place.received("w1").await, place.sender("a"));
    place.change(&[1], 1).await;
    sender.send_due().await;
    place.clock.set(start + 7 * DAY);
    sender.tidy().await;
    assert_eq!(place.store.replay_webhook(&acme(), "w1", 0, place.clock.now_ms()).await.unwrap(), 1);
    sender.send_due().await;
    place.clock.advance(1);
    sender.tidy().await;
    assert_eq!(place.store.replay_webhook(&acme(), "w1", 0, place.clock.now_ms()).await.unwrap(), 0);
    assert_eq!(receiver.seen().len(), 2);
}
