//! Whole tenants: in, out, away.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use plugin_api::{Mark, Task};
use serde_json::json;

use super::{
    Database,
    sample::{acme, acme_with, apply, begin, export, fence, fk1, import, keys, now, order, snapshot},
};
use crate::{
    domain::snapshot::Snapshot,
    secrets::Secret,
    storage::{
        Claim, Full, Landing, NewTask, PageResult, RunFilter, Stage, StoreError, TaskFilter, Trigger, copy,
    },
};

/// A tenant with something of everything, codes and computed fields left out.
pub(crate) fn full() -> Snapshot {
    let mut tenant = acme_with(12);
    tenant.channels[0].settings =
        serde_json::from_value(json!({"marketplace_id": "A21", "nested": {"z": 1, "a": [true, null]}}))
            .unwrap();
    tenant.invoices = serde_json::from_value(json!([
        {"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2025-26", "number": "INV/0009", "package": "SP9",
         "status": "GENERATED", "date": "2026-01-10", "items": ["O9-1"]},
        {"owner": "DEL1", "kind": "SALE_INVOICE", "financial_year": "2024-25", "number": "INV/0009", "package": "OLD",
         "status": "CREDITED", "date": "2025-03-31", "items": []}]))
    .unwrap();
    tenant.putaways = serde_json::from_value(json!([
        {"type": "PUTAWAY_CANCELLED_ITEM", "item": "O2-1", "package": "SP2", "status": "DUE"},
        {"code": "PA11", "type": "PUTAWAY_PICKLIST_ITEM", "item": "O1-1", "status": "COMPLETE", "quality": "BAD_INVENTORY"}]))
    .unwrap();
    tenant.conflicts = serde_json::from_value(json!([
        {"cause": "CANCEL_AFTER_DELIVERY", "order": "O3", "items": ["O3-1"], "message": "m", "open": true,
         "facts": [{"order": "OD3", "status": "CANCELLED", "raw": "CANCELLED", "at": "2026-01-15T09:30:00Z"}]},
        {"code": "CF4", "cause": "REOPENED_ON_CHANNEL", "order": "O3", "items": [], "message": "\"ü\n", "open": false}]))
    .unwrap();
    tenant.parked = serde_json::from_value(json!([
        {"cause": "UNKNOWN_ITEM", "order": "OD4", "item": "999", "observation": {"order": "OD4", "item": "999"}},
        {"cause": "UNKNOWN_ORDER", "channel": "AZ1", "order": "X", "observation": {"order": "X"}}]))
    .unwrap();
    tenant.history = serde_json::from_value(json!([
        {"order": "O9", "channel": "FK1", "at": "2026-01-15T09:30:00.250Z", "run": "R1", "connector": "flipkart 1",
         "row": "D3", "message": "m", "effects": [{"what": "package_made", "package": "SP9", "source": "STATUS_SYNC"}]},
        {"order": "GONE", "channel": "FK1", "at": "2025-01-15T09:30:00Z", "run": "R0", "connector": "flipkart 1",
         "row": "D3", "message": "m", "effects": []}]))
    .unwrap();
    tenant
}

pub(crate) async fn an_export_of_an_import_of_an_export_is_equal(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    let first = export(&*store, &acme()).await;
    let read: Snapshot = serde_json::from_str(&first).unwrap();
    import(&*store, read.clone()).await;
    assert_eq!(export(&*store, &acme()).await, first);

    let given = full();
    assert_eq!(read.channels, {
        let mut channels = given.channels.clone();
        channels.sort_by(|a, b| a.code.cmp(&b.code));
        channels
    });
    assert_eq!(read.history, given.history, "oldest first, as given");
    assert_eq!((read.orders.len(), read.invoices.len(), read.parked.len()), (12, 2, 2));
    assert!(read.orders.iter().all(|order| order.items[0].allocated == Some(true)));
    assert!(read.sequences.iter().all(|series| series.financial_year.as_deref() == Some("2025-26")));
    assert_eq!(read.stock[0].available, 48);
    assert_eq!(read.parked[0].channel, Some(fk1()), "of the only order of its id");
    let lines = first.lines().filter(|line| line.starts_with("{\"code\":\"O"));
    assert_eq!(lines.count(), 12, "one order a line");
}

pub(crate) async fn missing_codes_follow_the_highest(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    let putaways = store.putaways(&acme(), false).await.unwrap();
    let codes: Vec<_> = putaways.iter().map(|row| (row.putaway.code.as_str(), row.order.as_str())).collect();
    assert_eq!(codes, [("PA11", "O1"), ("PA12", "O2")]);
    let conflicts = store.conflicts(&acme(), false).await.unwrap();
    let codes: Vec<_> = conflicts.iter().map(|row| row.conflict.code.as_str()).collect();
    assert_eq!(codes, ["CF4", "CF5"]);
    let fence = fence(&*store, "FK1", "a").await;
    apply(&*store, &fence, keys([]), |mut state| {
        assert_eq!(
            (state.ledger.putaway_code(), state.ledger.conflict_code()),
            ("PA13".into(), "CF6".into())
        );
        PageResult::default()
    })
    .await
    .unwrap();
}

pub(crate) async fn an_import_replaces_everything_but_secrets_and_tasks(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    for channel in ["FK1", "AZ1"] {
        let secret = BTreeMap::from([("token".to_owned(), Secret::from(channel))]);
        store.put_secrets(&acme(), &channel.into(), &secret).await.unwrap();
        store.ensure_tasks(&acme(), &channel.into(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
        let run = crate::storage::NewRun {
            tenant: acme(),
            channel: channel.into(),
            task: Some(Task::Status),
            trigger: Trigger::Manual,
            request_key: None,
            only_if_due: false,
            started_at: now(),
        };
        let (fence, _) = begin(&*store, &run, "a").await;
        let mark = Some((Task::Status, Mark::complete_until(now())));
        apply(&*store, &fence, keys([]), |_| PageResult { mark, ..PageResult::default() }).await.unwrap();
        store.release(&fence).await.unwrap();
    }
    let mut next = acme_with(1);
    next.live = false;
    next.channels[1].connector = "another".into();
    let secrets = BTreeMap::from([(fk1(), BTreeMap::from([("extra".to_owned(), Secret::from("new"))]))]);
    store.import(next.clone(), secrets).await.unwrap();

    let mut plain = next.clone();
    plain.putaways.clear();
    let exported: Snapshot = serde_json::from_str(&export(&*store, &acme()).await).unwrap();
    assert_eq!(exported.orders.len(), 1);
    assert!(exported.invoices.is_empty() && exported.history.is_empty() && exported.parked.is_empty());
    assert!(!exported.live);
    let secrets = store.secrets(&acme(), &fk1()).await.unwrap();
    assert_eq!((secrets["token"].reveal(), secrets["extra"].reveal()), ("FK1", "new"));
    assert!(store.secrets(&acme(), &"AZ1".into()).await.unwrap().is_empty(), "it has another connector now");
    let tasks = store.tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!((tasks[0].channel.clone(), tasks[0].next_run_at), (fk1(), 5));
    assert_eq!(tasks[0].mark, None, "the state that came in may be older than the mark");
    assert_eq!(store.runs(&RunFilter::default(), None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn an_import_is_refused_while_a_run_holds_a_channel(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    let before = export(&*store, &acme()).await;
    let held = fence(&*store, "FK1", "a").await;
    match store.import(acme_with(5), BTreeMap::new()).await {
        Err(StoreError::Busy { channel, since }) => {
            assert_eq!(channel, "FK1");
            assert!(since > 0);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(export(&*store, &acme()).await, before);
    store.release(&held).await.unwrap();
    import(&*store, acme_with(5)).await;
    let passed = apply(&*store, &held, keys([1]), |_| PageResult::default()).await;
    assert!(matches!(passed, Err(StoreError::LeaseLost { .. })));
}

pub(crate) async fn a_snapshot_that_does_not_fit_together_changes_nothing(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(1)).await;
    let before = export(&*store, &acme()).await;
    let mut cases: Vec<(&str, Snapshot)> = Vec::new();
    let mut case = |says, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = full();
        change(&mut snapshot);
        cases.push((says, snapshot));
    };
    case("order O1 is of channel NO, which is not listed", &|s| s.orders[0].channel = "NO".into());
    case("order O2 is listed twice", &|s| s.orders[0].code = "O2".into());
    case("channel FK1 has two orders of the id OD2", &|s| s.orders[0].channel_order_id = "OD2".into());
    case("order O1 has two items O1-1", &|s| {
        let item = s.orders[0].items[0].clone();
        s.orders[0].items.push(item);
    });
    case("order O1 has two packages SP1", &|s| {
        let package = s.orders[0].packages[0].clone();
        s.orders[0].packages.push(package);
    });
    case("facility DEL1 is listed twice", &|s| s.facilities.push(s.facilities[0].clone()));
    case("channel FK1 is listed twice", &|s| s.channels.push(s.channels[0].clone()));
    case("sequence SALE_INVOICE of DEL1 is listed twice", &|s| s.sequences.push(s.sequences[1].clone()));
    case("stock of A in DEL1 is listed twice", &|s| s.stock.push(s.stock[0].clone()));
    case("SALE_INVOICE INV/0009 of DEL1 is listed twice for 2025-26", &|s| {
        s.invoices.push(s.invoices[0].clone());
    });
    case("putaway PA11 is listed twice", &|s| s.putaways[0].code = "PA11".into());
    case("putaway PA11 is for item NO, which no order has", &|s| s.putaways[1].item = "NO".into());
    case("conflict CF4 is listed twice", &|s| s.conflicts[0].code = "CF4".into());
    case("conflict CF4 is about order NO, which is not listed", &|s| s.conflicts[1].order = "NO".into());
    case("a fact waits for order X of channel NO, which is not listed", &|s| {
        s.parked[1].channel = Some("NO".into());
    });
    case("a fact waits for order X and does not say of which channel", &|s| s.parked[1].channel = None);
    case("the snapshot names no tenant", &|s| s.tenant = "".into());
    for (says, snapshot) in cases {
        match store.import(snapshot, BTreeMap::new()).await {
            Err(StoreError::Contradiction(text)) => assert_eq!(text, says),
            other => panic!("{says}: {other:?}"),
        }
    }
    let secrets = BTreeMap::from([("NO".into(), BTreeMap::new())]);
    assert!(matches!(store.import(full(), secrets).await, Err(StoreError::Contradiction(_))));
    assert_eq!(export(&*store, &acme()).await, before);
}

pub(crate) async fn a_removed_tenant_leaves_nothing_and_touches_no_other(db: &impl Database) {
    let store = db.open();
    let mut other = full();
    other.tenant = "other".into();
    import(&*store, other).await;
    let others = export(&*store, &"other".into()).await;
    import(&*store, full()).await;
    let secret = BTreeMap::from([("token".to_owned(), Secret::from("s"))]);
    store.put_secrets(&acme(), &fk1(), &secret).await.unwrap();
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    let held = fence(&*store, "FK1", "a").await;
    store.put_token(&held, &"bearer".into(), now()).await.unwrap();

    store.remove_tenant(&acme()).await.unwrap();
    let passed = apply(&*store, &held, keys([1]), |_| PageResult::default()).await;
    assert!(matches!(passed, Err(StoreError::LeaseLost { .. })));
    assert!(matches!(store.remove_tenant(&acme()).await, Err(StoreError::NotFound(_))));
    let gone = store.export(&acme(), now(), &mut Vec::new()).await;
    assert!(matches!(gone, Err(StoreError::NotFound(_))));
    assert!(store.tasks(&TaskFilter::default()).await.unwrap().is_empty());
    assert_eq!(export(&*store, &"other".into()).await, others);
    // What comes after under the same name begins with nothing.
    let bare = json!({"tenant": "acme", "orders": [order(1, "FK1")],
        "channels": [{"code": "FK1", "connector": "flipkart"}]});
    import(&*store, snapshot(bare)).await;
    assert!(store.secrets(&acme(), &fk1()).await.unwrap().is_empty());
    assert!(store.token(&acme(), &fk1()).await.unwrap().is_none());
    assert!(store.history(&acme(), &"O9".into()).await.unwrap().is_empty());
}

pub(crate) async fn an_export_that_cannot_be_written_says_so(db: &impl Database) {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let store = db.open();
    // More than the pieces that are on their way at once.
    import(&*store, acme_with(3_000)).await;
    let written = store.export(&acme(), now(), &mut Full).await;
    assert!(matches!(written, Err(StoreError::Output(_))));
    assert_eq!(
        export(&*store, &acme()).await.lines().filter(|line| line.starts_with("{\"code\":\"O")).count(),
        3_000
    );
}

pub(crate) async fn a_copy_brings_everything_back_and_lets_no_earlier_run_write(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    let secret = BTreeMap::from([("token".to_owned(), Secret::from("t0"))]);
    store.put_secrets(&acme(), &fk1(), &secret).await.unwrap();
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    store.put_breaker("connector paytm", "open").await.unwrap();
    store.add_tenant(&"empty".into()).await.unwrap();
    let (fence, _) = begin(&*store, &new_run(), "before").await;
    let (exported, tasks) =
        (export(&*store, &acme()).await, store.tasks(&TaskFilter::default()).await.unwrap());

    let mut text = Vec::new();
    let written = copy::write(&*store, now(), &mut text).await.unwrap();
    assert_eq!(copy::check(&*text).unwrap(), written);
    assert_eq!(written.tenants, [acme(), "empty".into()]);
    let refused = copy::take(&*store, io::Cursor::new(text.clone())).await.unwrap_err();
    assert!(matches!(refused, StoreError::Exists(_)), "{refused}");
    for tenant in &written.tenants {
        store.remove_tenant(tenant).await.unwrap();
    }

    assert_eq!(copy::take(&*store, io::Cursor::new(text)).await.unwrap(), written);
    assert_eq!(export(&*store, &acme()).await, exported);
    assert_eq!(store.tasks(&TaskFilter::default()).await.unwrap(), tasks);
    assert_eq!(store.secrets(&acme(), &fk1()).await.unwrap()["token"].reveal(), "t0");
    assert_eq!(store.breakers(None).await.unwrap(), ["open"]);
    let late = apply(&*store, &fence, keys([]), |_| PageResult::default()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost { .. })), "{late:?}");
    let runs = store.runs(&RunFilter::default(), None, 10).await.unwrap();
    let (next, run) = begin(&*store, &new_run(), "after").await;
    assert!(runs.iter().all(|old| old.id < run), "{run} after {runs:?}");
    assert!(next.epoch > fence.epoch + 1, "{} after {}", next.epoch, fence.epoch);
}

pub(crate) async fn a_copy_that_is_not_whole_leaves_nothing(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    let mut text = Vec::new();
    copy::write(&*store, now(), &mut text).await.unwrap();
    store.remove_tenant(&acme()).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines = text.lines().count();
    let first = |count: usize| text.split_inclusive('\n').take(count).collect::<String>();
    let other = |from: &str, to: &str| text.replacen(from, to, 1);
    let cases = [
        (first(lines - 1), "is not whole"),
        (first(lines / 2), "is not whole"),
        (text[..text.len() / 2].to_owned(), "line "),
        (String::new(), "line 1: the copy ends here"),
        (other("\"statusync_copy\":1", "\"statusync_copy\":9"), "form 9 of a copy"),
        (other("\"table\":\"orders\"", "\"table\":\"sqlite_master\""), "no table sqlite_master"),
        (other("\"channel_order_id\"", "\"channel_order\""), "other columns"),
        (other("\"acme\"]", "\"other\"]"), "not of tenant acme"),
        (first(lines - 1) + "{\"end\":{\"rows\":1}}\n", "the copy had 1 rows"),
    ];
    for (text, words) in cases {
        let refused = copy::take(&*store, io::Cursor::new(text)).await.unwrap_err();
        assert!(refused.to_string().contains(words), "{words}: {refused}");
        assert!(store.tenants().await.unwrap().is_empty(), "{words}");
        assert!(store.tasks(&TaskFilter::default()).await.unwrap().is_empty(), "{words}");
    }
}

pub(crate) async fn a_tenant_that_arrives_is_neither_shown_nor_run_until_it_is_there(db: &impl Database) {
    let store = db.open();
    import(&*store, full()).await;
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    let exported = export(&*store, &acme()).await;
    let mut text = Vec::new();
    copy::write(&*store, now(), &mut text).await.unwrap();
    store.remove_tenant(&acme()).await.unwrap();

    let landing = Landing::Arriving;
    copy::take_parts(&*store, io::Cursor::new(text.clone()), landing).await.unwrap();
    assert_eq!(store.stages().await.unwrap(), BTreeMap::from([(acme(), Stage::Arriving)]));
    assert!(store.tenants().await.unwrap().is_empty());
    assert!(store.due_tasks(now(), &Full::default(), 10).await.unwrap().is_empty());
    let claimed = store.claim(&acme(), &fk1(), "a", 1_000, None).await;
    assert!(!matches!(claimed, Ok(Claim::Got(..))), "{claimed:?}");
    assert!(store.set_live(&acme(), false).await.is_err());
    assert!(store.put_channel(&acme(), &full().channels[0]).await.is_err());
    let mut seen = Vec::new();
    store.export_moving(&acme(), now(), &mut seen).await.unwrap();
    assert_eq!(String::from_utf8(seen).unwrap(), exported);

    store.turn_away(&acme()).await.unwrap();
    store.turn_away(&acme()).await.unwrap();
    assert!(store.stages().await.unwrap().is_empty());
    assert!(matches!(store.settle(&acme()).await, Err(StoreError::NotFound(_))));

    copy::take_parts(&*store, io::Cursor::new(text), landing).await.unwrap();
    store.settle(&acme()).await.unwrap();
    store.settle(&acme()).await.unwrap();
    assert!(matches!(store.turn_away(&acme()).await, Err(StoreError::Exists(_))));
    assert_eq!(export(&*store, &acme()).await, exported);
    assert_eq!(store.due_tasks(now(), &Full::default(), 10).await.unwrap().len(), 1);
    fence(&*store, "FK1", "b").await;
}

fn new_run() -> crate::storage::NewRun {
    crate::storage::NewRun {
        tenant: acme(),
        channel: fk1(),
        task: Some(Task::Status),
        trigger: Trigger::Timer,
        request_key: None,
        only_if_due: false,
        started_at: now(),
    }
}
