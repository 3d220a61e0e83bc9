//! What only `SQLite` can get wrong; the cases that every store shares are in the suite.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use plugin_api::Task;
use rusqlite::{
    Connection,
    trace::{TraceEvent, TraceEventCodes},
};
use serde_json::json;

use super::{Kind, Sqlite, Touches, Weight, fault::Fail, lease, load, order, run, setting, task};
use crate::{
    domain::order::OrderStatus,
    secrets::Key,
    storage::{
        Fence, Mode, NewTask, OrderFilter, OrderStage, PageKeys, PageResult, PageState, RunFilter, Store,
        StoreError, TaskFilter,
        suite::{
            self, Database,
            sample::{acme, acme_with, apply, change, everything, export, fence, fk1, import, keys},
        },
    },
};

const LIGHT: Kind = Kind { weight: Weight::Light, touches: Touches::All, mode: Mode::Commit };

struct File {
    dir: tempfile::TempDir,
    key: Key,
}

impl File {
    fn new() -> File {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        File { dir, key }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("statusync.db")
    }

    fn try_open(&self) -> super::Result<Sqlite> {
        Sqlite::open(&self.path(), self.key.clone())
    }
}

impl Database for File {
    fn open(&self) -> Box<dyn Store> {
        Box::new(self.try_open().unwrap())
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        let key = Key::create(&self.dir.path().join("another")).unwrap();
        Box::new(Sqlite::open(&self.path(), key).unwrap())
    }
}

mod shared {
    super::suite::suite!(super::super::File::new());
}

thread_local! {
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Applies a page that something was written beside: it is read again and decided on the writer's connection.
async fn apply_late(
    store: &Sqlite,
    fence: &Fence,
    keys: PageKeys,
    decide: impl Fn(PageState) -> PageResult + Send + Sync + 'static,
) {
    let versions = Arc::clone(&store.versions);
    let decide = Box::new(move |state| {
        versions.touch(Touches::All);
        decide(state)
    });
    store.apply_page(fence, keys, Mode::Commit, decide).await.unwrap();
}

/// How often a page is decided beside which `written` is written.
async fn decisions_beside(written: impl AsyncFnOnce(&Sqlite)) -> usize {
    let file = File::new();
    let store = Arc::new(file.try_open().unwrap());
    import(&*store, acme_with(1)).await;
    store.add_tenant(&"other".into()).await.unwrap();
    let fence = fence(&*store, "FK1", "a").await;
    let (has_loaded, loaded) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let (times, may_go_on) = (Arc::new(AtomicUsize::new(0)), std::sync::Mutex::new(may_go_on));
    let decide = {
        let times = Arc::clone(&times);
        Box::new(move |mut state: PageState| {
            if times.fetch_add(1, Ordering::SeqCst) == 0 {
                has_loaded.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            let mut file = state.files.remove("OD1").unwrap();
            file.order.attention.push("seen".to_owned());
            PageResult { files: vec![file], ..PageResult::default() }
        })
    };
    let page = store.apply_page(&fence, keys([1]), Mode::Commit, decide);
    let beside = async {
        let mut loaded = loaded;
        loaded.recv().await.unwrap();
        written(&store).await;
        go_on.send(()).unwrap();
    };
    let (page, ()) = futures_util::future::join(page, beside).await;
    page.unwrap();
    times.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_page_is_decided_again_if_what_it_rests_on_was_written_meanwhile() {
    let stock = async |store: &Sqlite| {
        store.set_on_hand(&acme(), &"DEL1".into(), &"A".into(), 7).await.unwrap();
    };
    assert_eq!(decisions_beside(stock).await, 2);
    assert_eq!(decisions_beside(async |_| {}).await, 1);
    let beside = async |store: &Sqlite| {
        store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 0)]).await.unwrap();
    };
    assert_eq!(decisions_beside(beside).await, 1, "a task is nothing that orders rest on");
    let foreign = async |store: &Sqlite| {
        let other = Connection::open(store.path()).unwrap();
        other.execute("UPDATE stock SET on_hand = 9", []).unwrap();
    };
    assert_eq!(decisions_beside(foreign).await, 2, "another program wrote");
}

#[tokio::test]
async fn so_many_pages_at_most_are_decided_and_not_yet_written() {
    let file = File::new();
    let store = Arc::new(file.try_open().unwrap());
    import(&*store, acme_with(1)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let writer = store.writer.work("was kept waiting", move |_| {
        gate.recv().unwrap();
        Ok(())
    });
    let (live, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let pages = (0..super::DRAFTS + 20).map(|_| {
        let (live, most, go) = (Arc::clone(&live), Arc::clone(&most), go.clone());
        let (store, fence) = (&store, &fence);
        async move {
            let is_first = std::sync::atomic::AtomicBool::new(true);
            let counted = Arc::clone(&live);
            let decide = Box::new(move |_| {
                // A page may be decided again in its turn.
                if is_first.swap(false, Ordering::SeqCst) {
                    let now = counted.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    if now == super::DRAFTS {
                        let _writes_already = go.send(());
                    }
                }
                PageResult::default()
            });
            store.apply_page(fence, keys([1]), Mode::Commit, decide).await.unwrap();
            live.fetch_sub(1, Ordering::SeqCst);
        }
    });
    let (written, _) = futures_util::future::join(writer, futures_util::future::join_all(pages)).await;
    written.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), super::DRAFTS);
}

#[tokio::test]
async fn a_page_that_was_read_before_the_transaction_it_gets_into_was_committed_is_decided_again() {
    let file = File::new();
    let store = Arc::new(file.try_open().unwrap());
    import(&*store, acme_with(1)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let tenant = Kind { touches: Touches::tenant(&acme()), ..LIGHT };
    let nothing = Kind { touches: Touches::Nothing, ..LIGHT };
    let ((go, gate), (go_on, second_gate)) =
        (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let (has_written, written) = tokio::sync::oneshot::channel();
    let holding = store.writer.work("was kept waiting", move |_| {
        gate.recv().unwrap();
        Ok(())
    });
    let change = store
        .writer
        .write("was changing", tenant, |db| Ok(db.execute("UPDATE stock SET on_hand = 4711", [])?));
    // Keeps the transaction open in which stock was changed.
    let keeping = store.writer.write("was keeping it open", nothing, move |_| {
        has_written.send(()).unwrap();
        second_gate.recv().unwrap();
        Ok(())
    });
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let page = async {
        go.send(()).unwrap();
        written.await.unwrap();
        let (seen, has_read) = (Arc::clone(&seen), go_on.clone());
        let decide = Box::new(move |state: PageState| {
            let stock = state.ledger.stock(&("DEL1".into(), "A".into()));
            seen.lock().unwrap().push(stock.on_hand);
            let _ = has_read.send(());
            PageResult::default()
        });
        store.apply_page(&fence, keys([1]), Mode::Commit, decide).await.unwrap();
    };
    let (held, changed, kept, ()) = futures_util::future::join4(holding, change, keeping, page).await;
    held.unwrap();
    changed.unwrap();
    kept.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!((seen.len(), seen.last()), (2, Some(&4711)), "{seen:?}");
}

/// How many statements a page of changed orders takes.
async fn statements_of_a_page(orders: usize) -> usize {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(orders)).await;
    let fence = fence(&store, "FK1", "a").await;
    let watch = |on: bool| {
        store.writer.work("was counting statements", move |db| {
            let count: fn(TraceEvent<'_>) = |_| STATEMENTS.with(|count| count.set(count.get() + 1));
            db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, on.then_some(count));
            Ok(STATEMENTS.with(|count| count.replace(0)))
        })
    };
    watch(true).await.unwrap();
    apply_late(&store, &fence, keys(1..=orders), everything).await;
    watch(false).await.unwrap()
}

#[tokio::test]
async fn a_page_takes_the_same_number_of_statements_for_any_number_of_orders() {
    let few = statements_of_a_page(10).await;
    assert_eq!(statements_of_a_page(1_000).await, few);
    assert!((10..40).contains(&few), "{few} statements");
}

/// Notes the statements that the writer executes from now on.
async fn note_statements(store: &Sqlite) {
    let note: fn(TraceEvent<'_>) = |event| {
        if let TraceEvent::Stmt(_, sql) = event {
            NOTED.with_borrow_mut(|noted| noted.push(sql.to_owned()));
        }
    };
    let watch = store.writer.work("was watching", move |db| {
        db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
        Ok(())
    });
    watch.await.unwrap();
}

/// How the engine reads for each statement that was noted.
async fn plans(store: &Sqlite) -> Vec<String> {
    let explain = store.writer.work("was explaining", |db| {
        db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, None);
        let mut plans = Vec::new();
        for sql in NOTED.take() {
            let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let mut rows = explain.raw_query();
            while let Some(row) = rows.next()? {
                plans.push(row.get::<_, String>("detail")?);
            }
        }
        Ok(plans)
    });
    explain.await.unwrap()
}

/// Whether a step of a plan reads a whole table, or all orders of a channel.
fn reads_all(plan: &str) -> bool {
    // `k` is what the statement was given.
    if plan == "SCAN k" {
        return false;
    }
    let fair = ["VIRTUAL TABLE", "CONSTANT ROW", "USING INDEX", "USING COVERING INDEX"];
    let whole_table = plan.starts_with("SCAN") && !fair.iter().any(|fair| plan.contains(fair));
    whole_table || plan.contains("orders_by_channel (tenant=? AND channel=?)")
}

#[tokio::test]
async fn no_statement_of_a_page_reads_a_whole_table() {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(3)).await;
    let fence = fence(&store, "FK1", "a").await;
    note_statements(&store).await;
    apply_late(&store, &fence, keys(1..=3), everything).await;
    apply_late(&store, &fence, keys(1..=3), |state| PageResult {
        unpark: state.waiting.values().flatten().map(|(id, _)| *id).collect(),
        seen: vec![("OD1".into(), Some(2))],
        ..PageResult::default()
    })
    .await;
    let plans = plans(&store).await;
    assert!(plans.len() > 20, "{plans:?}");
    for plan in plans {
        // Of these a tenant has few, and all are wanted; or only the highest id is looked up.
        let fair = ["tenants", "facilities", "sequences", "history", "parked USING PRIMARY KEY"];
        let whole_tenant = plan.ends_with("(tenant=?)") && !fair.iter().any(|table| plan.contains(table));
        assert!(!reads_all(&plan) && !whole_tenant, "{plan}");
    }
}

#[tokio::test]
async fn what_is_read_again_and_again_is_found_by_an_index_and_needs_no_sorting() {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(3)).await;
    note_statements(&store).await;
    let read = store.writer.work("was reading", |db| {
        let (tenant, channel) = (acme(), fk1());
        task::due(db, 0, &crate::storage::Full::default(), 10)?;
        task::mark(db, &tenant, &channel, Task::Status)?;
        setting::tenant(db, &tenant)?;
        setting::channel(db, &tenant, &channel)?;
        task::list(db, &TaskFilter { tenant: Some(tenant.clone()), channel: Some(channel.clone()) })?;
        order::has_waiting(db, &tenant, &channel)?;
        order::waiting(db, &tenant, &channel, None, 10)?;
        load::orders_of_items(db, &tenant, &channel, &["111".to_owned()])?;
        for stage in [OrderStage::Open, OrderStage::Moving, OrderStage::DeliveredSince(0)] {
            let of_channel = OrderFilter { channel: Some(channel.clone()), ..OrderFilter::default() };
            order::matching_refs(db, &tenant, &OrderFilter { stage: Some(stage), ..of_channel }, None, 10)?;
        }
        for filter in [
            OrderFilter { channel: Some(channel.clone()), ..OrderFilter::default() },
            OrderFilter { status: Some(OrderStatus::Complete), ..OrderFilter::default() },
            OrderFilter { in_conflict: true, ..OrderFilter::default() },
            OrderFilter { has_putaway_due: true, ..OrderFilter::default() },
            OrderFilter { on_hold: true, ..OrderFilter::default() },
            OrderFilter { has_parked: true, ..OrderFilter::default() },
            OrderFilter { has_refused: true, ..OrderFilter::default() },
        ] {
            order::list(db, &tenant, &filter, None, 10)?;
        }
        run::list(db, &RunFilter::default(), None, 10)?;
        order::history(db, &tenant, &"O1".into())?;
        lease::none_live(db, &tenant)
    });
    read.await.unwrap();
    let plans = plans(&store).await;
    assert!(plans.len() > 15, "{plans:?}");
    for plan in plans {
        assert!(!reads_all(&plan) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[tokio::test]
async fn a_search_reads_the_words_that_it_looks_for_and_orders_by_their_codes() {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(1_200)).await;
    note_statements(&store).await;
    let read = store.writer.work("was searching", |db| {
        let filters = [
            OrderFilter { text: Some("od7".into()), ..OrderFilter::default() },
            OrderFilter { text: Some("a".into()), ..OrderFilter::default() },
            OrderFilter {
                text: Some("o".into()),
                status: Some(OrderStatus::Complete),
                ..OrderFilter::default()
            },
            OrderFilter {
                text: Some("ek".into()),
                channel: Some(fk1()),
                on_hold: true,
                ..OrderFilter::default()
            },
            OrderFilter { facility: Some("DEL1".into()), in_conflict: true, ..OrderFilter::default() },
        ];
        for filter in filters {
            order::list(db, &acme(), &filter, Some(&"O5".into()), 10)?;
        }
        Ok(())
    });
    read.await.unwrap();
    let plans = plans(&store).await;
    let kinds = [
        "order_words USING PRIMARY KEY (tenant=? AND kind=? AND word>? AND word<?)",
        "order_words USING PRIMARY KEY (tenant=? AND kind=? AND word=? AND code>?)",
        "f USING COVERING INDEX sqlite_autoindex_orders_1 (tenant=? AND code=?)",
        "o USING INTEGER PRIMARY KEY (rowid=?)",
        "o USING INDEX sqlite_autoindex_orders_1 (tenant=? AND code>?)",
    ];
    for kind in kinds {
        assert!(plans.iter().any(|plan| plan.ends_with(kind)), "{kind} in {plans:#?}");
    }
    for plan in plans {
        let whole_tenant = plan.ends_with("(tenant=?)") || plan.ends_with("(tenant=? AND kind=?)");
        assert!(!reads_all(&plan) && !whole_tenant, "{plan}");
    }
    // Where the words alone say which orders to look at, no other index is gone through for each of them.
    note_statements(&store).await;
    let read = store.writer.work("was searching", |db| {
        let status = Some(OrderStatus::Processing);
        let filter =
            OrderFilter { text: Some("ek7".into()), status, in_conflict: true, ..OrderFilter::default() };
        order::list(db, &acme(), &filter, None, 10)?;
        order::list(db, &acme(), &OrderFilter { in_conflict: false, ..filter }, None, 10)
    });
    assert_eq!(read.await.unwrap().len(), 10);
    for plan in self::plans(&store).await {
        assert!(!plan.contains("orders_by_status") && !plan.contains("orders_in_conflict"), "{plan}");
    }
}

#[tokio::test]
async fn orders_of_an_earlier_schema_are_found_by_their_words() {
    let file = File::new();
    let old = Connection::open(file.path()).unwrap();
    for migration in [
        include_str!("../../../migrations/sqlite/0001_start.sql"),
        include_str!("../../../migrations/sqlite/0002_schedule.sql"),
    ] {
        old.execute_batch(migration).unwrap();
    }
    for (tenant, code) in [("acme", "A"), ("acme", "B"), ("other", "A")] {
        let body = json!({"items": [{"sku": format!("SKU-{code}"), "facility": "DEL1"}, {"sku": "x", "facility": null}],
            "packages": [{"awb": null}, {"awb": format!("AWB {code}")}]});
        old.execute(
            "INSERT INTO orders VALUES (?1, ?2, 'FK1', 'OD' || ?2, 'CREATED', 1, 0, 0, 0, 0, 0, NULL, NULL, ?3)",
            [tenant.to_owned(), code.to_owned(), body.to_string()],
        )
        .unwrap();
    }
    old.pragma_update(None, "user_version", 2).unwrap();
    drop(old);
    let store = file.try_open().unwrap();
    for (text, count) in [("sku-a", 1), ("b", 1), ("awb", 2), ("oda", 1), ("x", 2), ("del1", 0)] {
        let filter = OrderFilter { text: Some(text.into()), ..OrderFilter::default() };
        assert_eq!(store.count_orders(&acme(), &filter).await.unwrap(), count, "{text}");
    }
    let from = OrderFilter { facility: Some("DEL1".into()), ..OrderFilter::default() };
    assert_eq!(store.count_orders(&"other".into(), &from).await.unwrap(), 1);
}

#[tokio::test]
async fn what_was_not_committed_is_gone_after_reopening() {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(2)).await;
    let before = export(&store, &acme()).await;
    // A process that dies leaves its transaction open and its WAL behind.
    let image = file.dir.path().join("image.db");
    store
        .writer
        .work("was dying", {
            let (from, to) = (file.path(), image.clone());
            move |db| {
                let tx = db.transaction()?;
                tx.execute("DELETE FROM orders", [])?;
                tx.execute("UPDATE sequences SET body = '{}'", [])?;
                tx.cache_flush()?;
                for end in ["", "-wal"] {
                    let name = |path: &PathBuf| format!("{}{end}", path.display());
                    std::fs::copy(name(&from), name(&to)).unwrap();
                }
                Ok(())
            }
        })
        .await
        .unwrap();
    let again = Sqlite::open(&image, file.key.clone()).unwrap();
    assert_eq!(export(&again, &acme()).await, before);
    assert_eq!(again.check().await.unwrap().faults, [""; 0]);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused() {
    let file = File::new();
    drop(file.try_open().unwrap());
    Connection::open(file.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = file.try_open().unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }));
    assert!(error.to_string().contains("use the newer statusync"), "{error}");
}

#[tokio::test]
async fn who_works_on_a_file_that_a_newer_program_has_taken_over_writes_nothing_more() {
    let file = File::new();
    let store = file.try_open().unwrap();
    store.add_tenant(&acme()).await.unwrap();
    Connection::open(file.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for _ in 0..2 {
        let error = store.set_live(&acme(), true).await.unwrap_err();
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("statusync.db"), "{error}");
    }
    assert!(!store.tenant(&acme()).await.unwrap().unwrap().live);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let file = File::new();
    std::fs::write(file.path(), "not a database, but long enough to look at ".repeat(100)).unwrap();
    assert!(matches!(file.try_open().unwrap_err(), StoreError::Damaged { .. }));
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let file = File::new();
    let nowhere = file.dir.path().join("nowhere/statusync.db");
    let error = Sqlite::open(&nowhere, file.key.clone()).unwrap_err();
    assert!(matches!(error, StoreError::CannotOpen { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn the_journal_survives_a_power_cut_by_its_settings() {
    let file = File::new();
    let store = file.try_open().unwrap();
    let settings = store.writer.work("was asked", |db| {
        let journal: String = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let synchronous: i64 = db.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok((journal, synchronous))
    });
    assert_eq!(settings.await.unwrap(), ("wal".to_owned(), 2));
}

#[cfg(unix)]
#[test]
fn only_this_user_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let file = File::new();
    let _open = file.try_open().unwrap();
    for end in ["", "-wal", "-shm"] {
        let path = format!("{}{end}", file.path().display());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_passes_by_itself() {
    let file = File::new();
    let store = file.try_open().unwrap();
    import(&store, acme_with(1)).await;
    let before = export(&store, &acme()).await;
    let limit = |pages: i64| {
        store.writer.work("was limiting", move |db| {
            // The answer is the limit that holds: never below the size that there is.
            Ok(db.pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?)
        })
    };
    limit(1).await.unwrap();
    let error = store.import(acme_with(2_000), std::collections::BTreeMap::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    assert!(error.is_passing());
    assert_eq!(export(&store, &acme()).await, before, "no part of it was written, and reading goes on");
    limit(1_000_000).await.unwrap();
    import(&store, acme_with(2_000)).await;
}

#[tokio::test]
async fn a_database_that_may_only_be_read_is_named() {
    let file = File::new();
    let store = file.try_open().unwrap();
    store
        .writer
        .work("was closing the door", |db| Ok(db.pragma_update(None, "query_only", true)?))
        .await
        .unwrap();
    let error = store.add_tenant(&acme()).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("write permission"), "{error}");
}

#[tokio::test]
async fn after_a_fault_of_the_disk_the_connection_is_opened_anew() {
    let file = File::new();
    let store = file.try_open().unwrap();
    store
        .writer
        .work(
            "was marking its connection",
            |db| Ok(db.execute_batch("CREATE TEMP TABLE old_connection (x)")?),
        )
        .await
        .unwrap();
    let is_old =
        || store.writer.work("was looking", |db| Ok(db.table_exists(Some("temp"), "old_connection")?));
    assert!(is_old().await.unwrap());
    let fault = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
    let failed: super::Result<()> = store
        .writer
        .work("was writing", move |_| Err(Fail::Sql(rusqlite::Error::SqliteFailure(fault, None))))
        .await;
    assert!(matches!(failed, Err(StoreError::DiskFault { .. })));
    assert!(!is_old().await.unwrap());
    store.add_tenant(&acme()).await.unwrap();
}

#[tokio::test]
async fn orders_of_an_earlier_schema_are_found_by_their_items() {
    let file = File::new();
    let old = Connection::open(file.path()).unwrap();
    old.execute_batch(include_str!("../../../migrations/sqlite/0001_start.sql")).unwrap();
    for (code, items) in [
        ("B", json!([{"channel_item_id": "1"}, {"channel_item_id": null}, {}])),
        ("A", json!([{"channel_item_id": "1"}, {"channel_item_id": "2"}, {"channel_item_id": "2"}])),
    ] {
        old.execute(
            "INSERT INTO orders VALUES ('acme', ?1, 'FK1', 'OD' || ?1, 'CREATED', 1, 0, 0, 0, 0, 0, NULL, NULL, ?2)",
            [code.to_owned(), json!({ "items": items }).to_string()],
        )
        .unwrap();
    }
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let store = file.try_open().unwrap();
    let items = ["1".to_owned(), "2".to_owned()];
    let found = store.orders_of_items(&acme(), &fk1(), &items).await.unwrap();
    let found: Vec<_> = found.iter().map(|(item, order)| (item.as_str(), order.as_str())).collect();
    assert_eq!(found, [("1", "ODB"), ("2", "ODA")]);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let file = File::new();
    let store = file.try_open().unwrap();
    let written = store.readers.work("was writing", |db| Ok(db.execute("DELETE FROM tenants", [])?)).await;
    assert!(matches!(written, Err(StoreError::ReadOnly { .. })));
}

/// Prints how long pages take; asserts only that they were written. Run with `--nocapture`.
#[tokio::test]
async fn a_page_of_a_thousand_orders_is_timed() {
    const ORDERS: usize = 1_000;
    let file = File::new();
    let store = Arc::new(file.try_open().unwrap());
    import(&*store, acme_with(ORDERS)).await;
    let fence = fence(&*store, "FK1", "a").await;
    for round in 0..5 {
        let decide = Box::new(move |state: crate::storage::PageState| {
            let mut result = PageResult::default();
            for (_, mut file) in state.files {
                file.order.attention = vec!["x".repeat(500), round.to_string()];
                if round == 0 {
                    file.invoices.push(
                        serde_json::from_value(json!({"owner": "DEL1", "kind": "SALE_INVOICE", "date": "2026-01-15",
                            "financial_year": "2025-26", "number": format!("N{}", file.order.code), "items": [],
                            "package": "SP1", "status": "GENERATED"}))
                        .unwrap(),
                    );
                }
                result.changes.push(change(&file.order.code));
                result.files.push(file);
            }
            result
        });
        let began = std::time::Instant::now();
        let report = store.apply_page(&fence, keys(1..=ORDERS), Mode::Commit, decide).await.unwrap();
        let took = began.elapsed();
        println!("page of {ORDERS} changed orders, round {round}: {took:?}");
        assert_eq!(report.changes.len(), ORDERS);
    }
    assert_eq!(store.history(&acme(), &"O1".into()).await.unwrap().len(), 5);
    let orders: Vec<_> = (1..=ORDERS).map(|n| (format!("OD{n}"), Some(7))).collect();
    let seen = orders.clone();
    apply(&*store, &fence, keys(1..=ORDERS), |_| PageResult { seen, ..PageResult::default() }).await.unwrap();
    let began = std::time::Instant::now();
    let page = PageKeys { orders, ..keys([]) };
    let report = apply(&*store, &fence, page, |_| PageResult::default()).await.unwrap();
    println!("page of {ORDERS} unchanged orders: {:?}", began.elapsed());
    assert_eq!(report.unchanged, ORDERS);
}

#[tokio::test]
async fn jobs_that_wait_together_share_one_commit_and_fail_alone() {
    let file = File::new();
    let store = Arc::new(file.try_open().unwrap());
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let holding = store.writer.work("was kept waiting", move |db| {
        gate.recv().unwrap();
        let commit: fn(TraceEvent<'_>) = |event| {
            if let TraceEvent::Stmt(_, sql) = event
                && sql.starts_with("COMMIT")
            {
                STATEMENTS.with(|count| count.set(count.get() + 1));
            }
        };
        db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(commit));
        Ok(())
    });
    let add = |tenant: &'static str, mode: Mode| {
        let store = Arc::clone(&store);
        async move {
            let add = move |db: &Connection| super::setting::add_tenant(db, &tenant.into());
            store.writer.write("was adding a tenant", Kind { mode, ..LIGHT }, add).await
        }
    };
    let store_too = Arc::clone(&store);
    let panics = async move {
        let job = |_: &Connection| -> Result<(), Fail> { panic!("a decision that fails") };
        store_too.writer.write("was deciding", LIGHT, job).await
    };
    let all = futures_util::future::join5(
        add("a", Mode::Commit),
        add("a", Mode::Commit),
        add("rehearsed", Mode::Rehearse),
        panics,
        add("b", Mode::Commit),
    );
    // Each is polled once, in this order: the jobs stand in the queue behind the one that waits when it may go on.
    let (held, (first, second, rehearsed, panicked, last), ()) =
        futures_util::future::join3(holding, all, async move { go.send(()).unwrap() }).await;
    held.unwrap();
    assert!(first.is_ok() && rehearsed.is_ok() && last.is_ok());
    assert!(matches!(second, Err(StoreError::Exists(_))));
    assert!(matches!(panicked, Err(StoreError::DecisionFailed { .. })));
    let tenants: Vec<_> =
        store.tenants().await.unwrap().into_iter().map(|row| row.code.to_string()).collect();
    assert_eq!(tenants, ["a", "b"]);
    let commits = store
        .writer
        .work("was counting", |db| {
            db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, None);
            Ok(STATEMENTS.with(|count| count.replace(0)))
        })
        .await;
    assert_eq!(commits.unwrap(), 1);
}

#[tokio::test]
async fn deliveries_of_an_earlier_schema_are_found_by_their_time() {
    let file = File::new();
    let old = Connection::open(file.path()).unwrap();
    old.execute_batch(include_str!("../../../migrations/sqlite/0001_start.sql")).unwrap();
    let package =
        |status: &str, at: &str| json!({"status": status, "dispatched_at": null, "delivered_at": at});
    for (code, packages) in [
        (
            "A",
            json!([
                package("DELIVERED", "2026-01-15T09:30:00Z"),
                package("DELIVERED", "2026-01-14T09:30:00Z")
            ]),
        ),
        ("B", json!([package("RETURNED", "2026-01-15T09:30:00Z")])),
        (
            "C",
            json!([{"status": "DELIVERED", "delivered_at": null, "dispatched_at": "2026-01-10T09:30:00.500Z"}]),
        ),
    ] {
        old.execute(
            "INSERT INTO orders VALUES ('acme', ?1, 'FK1', 'OD' || ?1, 'CREATED', 1, 0, 0, 0, 0, 0, NULL, NULL, ?2)",
            [code.to_owned(), json!({ "items": [], "packages": packages }).to_string()],
        )
        .unwrap();
    }
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    drop(file.try_open().unwrap());
    let new = Connection::open(file.path()).unwrap();
    let mut found = new.prepare("SELECT code, delivered_at FROM orders ORDER BY code").unwrap();
    let found = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let found: Vec<(String, Option<i64>)> = found.map(Result::unwrap).collect();
    let at = |text| crate::domain::time::parse(text);
    let expected = [at("2026-01-15T09:30:00Z"), None, at("2026-01-10T09:30:00.500Z")];
    assert_eq!(found.iter().map(|(_, at)| *at).collect::<Vec<_>>(), expected);
}
