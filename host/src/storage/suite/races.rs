//! Several hosts at once: numbers around midnight, and people beside runs.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use plugin_api::{InvoiceNumbering, Millis, Observation, ShippedBy, Status};

use super::{
    Database,
    sample::{acme, acme_with, apply, export, fence, file, import, keys, now, order},
};
use crate::{
    domain::{
        apply::{self, Fact, Policy},
        codes::TenantCode,
        invoice::Sequence,
        order::ItemStatus,
        snapshot::Snapshot,
        time,
    },
    storage::{Claim, Fence, Mode, PageKeys, PageResult, PageState, Store},
};

/// How many pages each host applies around midnight.
const PAGES: usize = 12;
/// How long a job that must wait is given to show that it does not. One that waits costs the test this much.
const GRACE: Duration = Duration::from_millis(100);

/// Decides a page by the rules: every order on it was dispatched.
fn dispatch_by_rules(state: PageState, now: Millis) -> PageResult {
    let policy = Policy {
        channel: state.channel.code.clone(),
        shipping: Some(ShippedBy::Channel),
        invoice_numbering: InvoiceNumbering::Seller,
        default_facility: None,
        billing_party: None,
        trust_delivery: false,
        capabilities: [(Status::Dispatched, ShippedBy::Channel)].into(),
        traceability: HashMap::new(),
        return_window_ms: 0,
        now,
    };
    let mut ledger = state.ledger;
    let mut result = PageResult::default();
    for (id, file) in state.files {
        let said = Fact::new(Observation::new(id, Some(Status::Dispatched), "SHIPPED"));
        let decided = apply::apply(&file, &mut ledger, &policy, &[said]);
        result.files.extend(decided.file);
    }
    result.ledger = ledger.changes(state.counters);
    result
}

/// A tenant with orders of two channels that draw from one series, which has come to 7 this year.
fn at_the_years_end(tenant: &str) -> Snapshot {
    let mut start = acme_with(PAGES);
    start.tenant = tenant.into();
    start.orders.extend((PAGES + 1..=2 * PAGES).map(|n| serde_json::from_value(order(n, "AZ1")).unwrap()));
    for series in &mut start.sequences {
        series.next = 7;
        series.financial_year = Some("2025-26".to_owned());
    }
    start
}

/// Applies a page for each order of a channel, each at the next millisecond of a clock that all hosts share.
async fn dispatch_all(store: &dyn Store, fence: &Fence, first: usize, clock: &AtomicI64) {
    for number in first..first + PAGES {
        let now = clock.fetch_add(1, Ordering::SeqCst);
        let page = PageKeys { now, ..keys([number]) };
        // The page may be written after one that was begun later.
        thread::yield_now();
        apply(store, fence, page, move |state| dispatch_by_rules(state, now)).await.unwrap();
    }
}

pub(crate) async fn a_series_turns_over_once_however_many_draw_from_it_at_midnight(db: &impl Database) {
    let tenants = ["acme", "other"];
    let first = db.open();
    for tenant in tenants {
        import(&*first, at_the_years_end(tenant)).await;
    }
    let midnight = time::parse("2026-03-31T18:30:00Z").unwrap();
    let mut hosts = Vec::new();
    for tenant in tenants {
        // Two channels of a tenant share its clock; midnight falls in the middle of their pages.
        let clock = Arc::new(AtomicI64::new(midnight - i64::try_from(PAGES).unwrap()));
        for (channel, from) in [("FK1", 1), ("AZ1", PAGES + 1)] {
            let store = db.open();
            let held = store.claim(&tenant.into(), &channel.into(), channel, 600_000, None).await.unwrap();
            let Claim::Got(fence, _) = held else { panic!("{held:?}") };
            hosts.push((store, fence, from, Arc::clone(&clock)));
        }
    }
    thread::scope(|scope| {
        for (store, fence, from, clock) in &hosts {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(dispatch_all(&**store, fence, *from, clock));
            });
        }
    });
    for tenant in tenants {
        let tenant = TenantCode::from(tenant);
        let end: Snapshot = serde_json::from_str(&export(&*first, &tenant).await).unwrap();
        let mut drawn: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for invoice in &end.invoices {
            let number = invoice.number.trim_start_matches("INV/").parse().unwrap();
            drawn.entry(&invoice.financial_year).or_default().push(number);
            let day = if invoice.financial_year == "2025-26" { "2026-03-31" } else { "2026-04-01" };
            assert_eq!(invoice.date.to_string(), day, "{invoice:?}");
        }
        for numbers in drawn.values_mut() {
            numbers.sort_unstable();
        }
        let (old, new) = (&drawn["2025-26"], &drawn["2026-27"]);
        assert_eq!(old.len() + new.len(), 2 * PAGES, "{tenant}");
        assert!(old.iter().copied().eq(7..7 + old.len() as u64), "{tenant}: {old:?}");
        assert!(new.iter().copied().eq(1..=new.len() as u64), "{tenant}: {new:?}");
        let turned: Vec<&Sequence> = end.sequences.iter().filter(|series| series.prefix == "INV/").collect();
        assert_eq!(
            (turned[0].next, turned[0].financial_year.as_deref()),
            (new.len() as u64 + 1, Some("2026-27"))
        );
    }
}

/// What a person writes into an order beside a run.
fn note(mut state: PageState) -> PageResult {
    let mut file = state.files.drain().next().map(|(_, file)| file).unwrap();
    file.order.attention.push(format!("a person saw it {}", file.order.items[0].status));
    PageResult { files: vec![file], ..PageResult::default() }
}

pub(crate) async fn a_persons_act_during_a_page_is_kept_and_keeps_the_page(db: &impl Database) {
    let (run, person) = (db.open(), db.open());
    import(&*run, acme_with(1)).await;
    let fence = fence(&*run, "FK1", "a").await;
    let (page_has_loaded, loaded) = mpsc::channel();
    let (person_has_loaded, read) = mpsc::channel();
    let read = Arc::new(Mutex::new(read));
    let page = apply(&*run, &fence, keys([1]), move |state| {
        // The person's act begins now. Whether it waits or goes first is the engine's business.
        let _ = page_has_loaded.send(());
        let _ = read.lock().unwrap().recv_timeout(GRACE);
        dispatch_by_rules(state, now())
    });
    let act = tokio::task::spawn_blocking(move || {
        loaded.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decide = Box::new(move |state| {
            // Nobody listens any more if the page went first.
            let _ = person_has_loaded.send(());
            note(state)
        });
        runtime.block_on(person.edit_order(&acme(), &"O1".into(), now(), Mode::Commit, decide)).unwrap();
    });
    page.await.unwrap();
    act.await.unwrap();
    let order = file(&*run, "O1").await.order;
    assert_eq!(order.items[0].status, ItemStatus::Dispatched, "what the page decided is kept");
    assert!(
        [["a person saw it DISPATCHED"], ["a person saw it FULFILLABLE"]]
            .iter()
            .any(|one| order.attention == one),
        "and so is what the person did: {:?}",
        order.attention
    );
}

pub(crate) async fn a_page_keeps_what_the_person_does_who_holds_its_order(db: &impl Database) {
    let (run, person) = (db.open(), db.open());
    import(&*run, acme_with(1)).await;
    let fence = fence(&*run, "FK1", "a").await;
    let (person_has_loaded, loaded) = mpsc::channel();
    let (page_has_loaded, read) = mpsc::channel();
    let decide = Box::new(move |state| {
        person_has_loaded.send(()).unwrap();
        // The page has begun, and must not be decided on the order as it was before.
        let _ = read.recv_timeout(GRACE);
        note(state)
    });
    let order = "O1".into();
    let tenant = acme();
    let act = person.edit_order(&tenant, &order, now(), Mode::Commit, decide);
    let page = tokio::task::spawn_blocking(move || {
        loaded.recv().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decide = move |state| {
            let _ = page_has_loaded.send(());
            dispatch_by_rules(state, now())
        };
        runtime.block_on(apply(&*run, &fence, keys([1]), decide)).unwrap();
    });
    act.await.unwrap();
    page.await.unwrap();
    let order = file(&*person, "O1").await.order;
    assert_eq!(order.items[0].status, ItemStatus::Dispatched);
    assert_eq!(order.attention, ["a person saw it FULFILLABLE"], "the page has kept the person's words");
}
