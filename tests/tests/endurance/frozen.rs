//! A host that stood still past its leases and comes back when another host has its channels: it changes nothing.
//!
//! The host that stands still is the daemon, stopped by SIGSTOP; the other is an engine of this process on the same
//! database. What the first one might have changed is looked for in the database itself: everything of the tenant, before
//! it comes back and afterwards.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use kit::{
    built_plugins::{Surface, library},
    random::Random,
};
use plugin_api::Task;
use rusqlite::{Connection, types::Value as Cell};
use statusync::{
    app::{App, DataDir, read_config},
    config::SyncConfig,
    domain::codes::{ChannelCode, TenantCode},
    secrets::Secret,
    storage::{NewTask, RunResult, Store, TaskEdit, TaskFilter, TaskRow, Trigger},
    sync::{Choice, Engine, RunRequest, RunSummary},
};
use tokio::sync::watch;

use crate::{
    place::{Daemon, PATIENCE, Place, order_id, seller},
    stall::{Answer, Asked, Stall, What},
};

const SEED: u64 = 20_261_122;
/// Runs that are interrupted, each of a channel of its own.
const CASES: usize = 1_000;
const CHANNELS: usize = 50;
/// Each channel's orders come on pages of two.
const ORDERS: usize = 6;
const PAGES: usize = ORDERS / 2;
const DAY: i64 = 86_400_000;

/// Where a run's calls wait, and until when.
#[derive(Clone)]
struct Holds {
    /// The call of each channel that waits until the hosts have changed.
    first: HashMap<String, What>,
    /// Calls of the other host for this page wait until the first host is back.
    second: Option<usize>,
}

/// The script of the marketplace, which both hosts ask.
struct Market {
    holds: Mutex<Holds>,
    /// Whose calls come now.
    is_second: AtomicBool,
    held: watch::Sender<usize>,
    let_go: watch::Sender<u64>,
    logins: AtomicUsize,
}

impl Market {
    fn new() -> Arc<Market> {
        Arc::new(Market {
            holds: Mutex::new(Holds { first: HashMap::new(), second: None }),
            is_second: AtomicBool::new(false),
            held: watch::channel(0).0,
            let_go: watch::channel(0).0,
            logins: AtomicUsize::new(0),
        })
    }

    async fn answer(self: Arc<Self>, asked: Asked) -> Answer {
        let waits = {
            let holds = self.holds.lock().unwrap();
            if self.is_second.load(Ordering::SeqCst) {
                holds.second.is_some_and(|page| asked.what == What::Page(page))
            } else {
                holds.first.get(&asked.account) == Some(&asked.what)
            }
        };
        if waits {
            let mut let_go = self.let_go.subscribe();
            let before = *let_go.borrow_and_update();
            self.held.send_modify(|held| *held += 1);
            let _ = let_go.wait_for(|now| *now > before).await;
        }
        match asked.what {
            What::Login => Answer::token(self.logins.fetch_add(1, Ordering::SeqCst) + 1),
            What::Page(page) => Answer::Page {
                orders: vec![(2 * page, "sent"), (2 * page + 1, "sent")],
                more: page + 1 < PAGES,
            },
        }
    }

    /// Waits until so many calls are held.
    async fn until_held(&self, calls: usize) {
        let mut held = self.held.subscribe();
        let come = tokio::time::timeout(PATIENCE, held.wait_for(|held| *held >= calls)).await;
        assert!(come.is_ok(), "{} of {calls} calls are held", *self.held.borrow());
    }

    /// Answers what is held.
    fn let_go(&self) {
        self.held.send_replace(0);
        self.let_go.send_modify(|round| *round += 1);
    }
}

/// The database as anybody may read it.
struct Witness(Connection);

impl Witness {
    fn of(place: &Place) -> Witness {
        let db = Connection::open(place.data().join("statusync.db")).unwrap();
        db.busy_timeout(Duration::ZERO).unwrap();
        Witness(db)
    }

    /// Whether somebody is in the middle of a transaction that writes.
    fn is_being_written(&self) -> bool {
        let begun = self.0.execute_batch("BEGIN IMMEDIATE");
        if begun.is_ok() {
            self.0.execute_batch("ROLLBACK").unwrap();
        }
        begun.is_err()
    }

    /// Every row of a tenant in every table, without the leases themselves.
    fn everything(&self, tenant: &str) -> BTreeSet<String> {
        let names = |sql: &str| -> Vec<String> {
            let mut found = self.0.prepare(sql).unwrap();
            let rows = found.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let mut rows = BTreeSet::new();
        for table in names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        {
            let columns = names(&format!("SELECT name FROM pragma_table_info('{table}')"));
            let filter = match table.as_str() {
                _ if columns.iter().any(|column| column == "tenant") => "tenant = ?1".to_owned(),
                "tenants" => "code = ?1".to_owned(),
                "buckets" => "account LIKE ?1 || '/%'".to_owned(),
                // Of no tenant: every row counts.
                "breakers" | "placements" | "requests" | "users" | "sessions" => "?1 = ?1".to_owned(),
                other => panic!("whose are the rows of {other}?"),
            };
            let kept: Vec<&str> =
                columns.iter().map(String::as_str).filter(|column| !column.starts_with("lease_")).collect();
            let sql = format!("SELECT {} FROM {table} WHERE {filter}", kept.join(", "));
            let mut found = self.0.prepare(&sql).unwrap();
            let mut cells = found.query([tenant]).unwrap();
            while let Some(row) = cells.next().unwrap() {
                let cells: Vec<Cell> = (0..kept.len()).map(|column| row.get(column).unwrap()).collect();
                rows.insert(format!("{table} {cells:?}"));
            }
        }
        rows
    }

    /// The channels of a tenant whose run has begun and has not ended, each with the run, and the number of orders that
    /// were changed.
    fn in_flight(&self, tenant: &str) -> BTreeMap<String, (i64, u32)> {
        let sql = "SELECT r.channel, r.id, (SELECT count(*) FROM history h JOIN orders o
                       ON o.tenant = h.tenant AND o.code = h.order_code
                   WHERE h.tenant = r.tenant AND o.channel = r.channel)
                   FROM runs r WHERE r.tenant = ?1 AND r.ended_at IS NULL";
        let mut found = self.0.prepare(sql).unwrap();
        let rows = found.query_map([tenant], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// How each run of a tenant ended.
    fn runs(&self, tenant: &str) -> Vec<String> {
        let sql = "SELECT id || ' of ' || channel || ': ' || coalesce(result, 'RUNNING') || ' ' || coalesce(message, '')
                   FROM runs WHERE tenant = ?1 ORDER BY id";
        let mut found = self.0.prepare(sql).unwrap();
        found.query_map([tenant], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn count(&self, sql: &str, tenant: &str) -> usize {
        let count: u32 = self.0.query_row(sql, [tenant], |row| row.get(0)).unwrap();
        count as usize
    }
}

/// The other host.
struct Second {
    store: Arc<dyn Store>,
    engine: Engine,
}

impl Second {
    fn of(place: &Place) -> Second {
        let data = DataDir::find(Some(place.data())).unwrap();
        let mut config = read_config(None, &data).unwrap();
        // It holds on to what it has, however busy the machine is.
        config.sync.lease_ttl_ms = SyncConfig::default().lease_ttl_ms;
        let app = App::open(data, config).unwrap();
        let engine = app.engine(app.registry()).unwrap();
        Second { store: Arc::clone(&app.store), engine }
    }

    /// Takes a seller over whose tasks are due at once.
    async fn import(&self, tenant: &TenantCode, stall: &str) {
        let mut document = seller(tenant.as_str(), stall, CHANNELS, ORDERS);
        let mut secrets = BTreeMap::new();
        let channels = document["channels"].as_array_mut().unwrap();
        let mut codes = Vec::new();
        for channel in channels {
            let code = ChannelCode::from(channel["code"].as_str().unwrap());
            let key = channel["settings"].as_object_mut().unwrap().remove("key").unwrap();
            let key = Secret::new(key.as_str().unwrap());
            secrets.insert(code.clone(), BTreeMap::from([("key".to_owned(), key)]));
            codes.push(code);
        }
        self.store.import(serde_json::from_value(document).unwrap(), secrets).await.unwrap();
        for code in &codes {
            self.store.ensure_tasks(tenant, code, &[NewTask::usual(Task::Status, 0)]).await.unwrap();
            let daily = TaskEdit { interval_ms: Some(DAY), ..TaskEdit::default() };
            self.store.set_task(tenant, code, Task::Status, daily).await.unwrap();
        }
    }

    /// The tasks of a tenant that have not been done, also those whose run was lost by a host that was slow.
    async fn due(&self, tenant: &TenantCode) -> Vec<TaskRow> {
        let filter = TaskFilter { tenant: Some(tenant.clone()), channel: None };
        let rows = self.store.tasks(&filter).await.unwrap();
        let is_done = |row: &TaskRow| row.last.as_ref().is_some_and(|last| last.result == RunResult::Success);
        rows.into_iter().filter(|row| !is_done(row)).collect()
    }

    async fn run(&self, row: TaskRow) -> RunSummary {
        let request = RunRequest {
            tenant: row.tenant.clone(),
            channel: row.channel.clone(),
            task: Task::Status,
            choice: Choice::Task,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Manual,
            due: Some(row),
            request_key: None,
        };
        self.engine.run(request, None).await.unwrap()
    }
}

/// Stops the daemon at a place where it does not hold the database, which nobody else could write otherwise. Returns how
/// often it had to be tried again.
fn freeze(daemon: &Daemon, witness: &Witness) -> u32 {
    let mut again = 0;
    loop {
        daemon.signal("STOP");
        daemon.until_it_stands();
        if !witness.is_being_written() {
            return again;
        }
        again += 1;
        daemon.signal("CONT");
        let deadline = Instant::now() + PATIENCE;
        while witness.is_being_written() {
            assert!(Instant::now() < deadline, "the daemon writes and writes");
            std::thread::yield_now();
        }
    }
}

/// What the rounds have come to.
#[derive(Debug, Default)]
struct Figures {
    cases: usize,
    rounds: u64,
    /// Cases by the pages that were applied before the host stood still.
    by_pages: BTreeMap<u32, usize>,
    /// Cases whose successor was in the middle of its own run when the host came back.
    beside_a_run: usize,
    /// Stops that came while the host held the database, and were tried again.
    in_a_transaction: u32,
    /// Calls that had been paid for before the host stood still, and left when it came back.
    on_their_way: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_runs_of_hosts_that_stood_still_change_nothing_when_they_come_back() {
    let _turn = crate::TURN.lock().await;
    let began = Instant::now();
    println!("seed {SEED}");
    let place = Place::new("lease_ttl_ms = 2500\nlease_renew_ms = 250\nruns_per_tenant = 100");
    place.put(&library(Surface::Current, "stall").unwrap(), "libstall.so");
    let market = Market::new();
    let script = Arc::clone(&market);
    let stall = Stall::open(move |asked| Box::pin(Arc::clone(&script).answer(asked))).await;
    let daemon = place.daemon("warn");
    let (second, witness) = (Second::of(&place), Witness::of(&place));
    let mut figures = Figures::default();
    let mut left_behind = Vec::new();
    while figures.cases < CASES {
        assert!(figures.rounds < 60, "too few runs are interrupted: {figures:?}");
        let tenant = TenantCode::from(format!("t{:02}", figures.rounds));
        round(&market, &stall, &daemon, &second, &witness, &tenant, &mut figures).await;
        left_behind.push((witness.everything(tenant.as_str()), tenant));
    }
    // Nor has it changed anything later.
    for (before, tenant) in &left_behind {
        assert_eq!(difference(before, &witness.everything(tenant.as_str())), [""; 0], "{tenant}, at the end");
    }
    let said = daemon.stop();
    assert!(!said.iter().any(|line| line.contains("is not asked for a while")), "{said:?}");
    println!("{figures:?}; 0 stale writes; {:.1} s", began.elapsed().as_secs_f64());
}

async fn round(
    market: &Arc<Market>,
    stall: &Stall,
    daemon: &Daemon,
    second: &Second,
    witness: &Witness,
    tenant: &TenantCode,
    figures: &mut Figures,
) {
    let mut random = Random::of(SEED, figures.rounds);
    // In every third round nothing is held, and the host is stopped with any one of its calls.
    let is_held = figures.rounds % 3 != 2;
    let is_beside = figures.rounds % 2 == 1;
    figures.rounds += 1;
    let mut first = HashMap::new();
    if is_held {
        for channel in 0..CHANNELS {
            let call = match random.below(4) {
                0 => What::Login,
                page => What::Page(page as usize - 1),
            };
            first.insert(format!("{tenant}/C{channel:02}"), call);
        }
    }
    let holds = Holds { first, second: is_beside.then(|| random.below(3) as usize) };
    *market.holds.lock().unwrap() = holds.clone();
    let calls_before = stall.calls().len();
    market.is_second.store(false, Ordering::SeqCst);
    second.import(tenant, &stall.base_url).await;
    if is_held {
        market.until_held(CHANNELS).await;
    } else {
        let calls = random.between(10, 110) as usize;
        stall.until_called(calls_before + calls).await;
    }
    figures.in_a_transaction += freeze(daemon, witness);
    let interrupted = witness.in_flight(tenant.as_str());
    for (_, changed) in interrupted.values() {
        *figures.by_pages.entry(changed / 2).or_default() += 1;
    }
    // The replies lie in the sockets when it comes back.
    market.is_second.store(true, Ordering::SeqCst);
    market.let_go();

    let due = second.due(tenant).await;
    let taken_over = due.len();
    // A host that was stopped late may have left nothing to do.
    let is_beside = is_beside && taken_over > 0;
    let runs = join_all(due.into_iter().map(|row| second.run(row)));
    let summaries = if is_beside {
        let mut runs = Box::pin(runs);
        tokio::select! {
            ended = &mut runs => panic!(
                "its runs end although their calls are held: {:?}",
                ended.iter().map(|summary| &summary.message).collect::<Vec<_>>()
            ),
            () = market.until_held(taken_over) => {}
        }
        let pages = holds.second.unwrap_or_default();
        until_applied(&mut runs, witness, tenant, pages).await;
        figures.on_their_way += come_back(daemon, stall, witness, tenant, &interrupted);
        market.let_go();
        runs.await
    } else {
        let summaries = runs.await;
        figures.on_their_way += come_back(daemon, stall, witness, tenant, &interrupted);
        summaries
    };
    for summary in &summaries {
        assert_eq!(summary.result, RunResult::Success, "{}", summary.message);
    }
    figures.cases += interrupted.len();
    figures.beside_a_run += if is_beside { interrupted.len() } else { 0 };
    let changes = witness.count("SELECT count(*) FROM history WHERE tenant = ?1", tenant.as_str());
    let ended = witness.runs(tenant.as_str());
    assert_eq!(changes, CHANNELS * ORDERS, "each order is sent once: {ended:#?}");
    let runs: Vec<String> = interrupted.values().map(|(run, _)| run.to_string()).collect();
    let lost = format!(
        "SELECT count(*) FROM runs WHERE tenant = ?1 AND id IN ({}) AND result = 'FAILED'
         AND message LIKE 'lease lost%'",
        runs.join(", ")
    );
    assert_eq!(witness.count(&lost, tenant.as_str()), interrupted.len(), "each is written down as lost");
}

/// Waits until the other host has applied the pages before the one that is held.
async fn until_applied<T>(
    runs: &mut (impl Future<Output = T> + Unpin),
    witness: &Witness,
    tenant: &TenantCode,
    pages: usize,
) {
    let ids: Vec<String> = (0..2 * pages).map(|order| format!("'{}'", order_id(order))).collect();
    let left = format!(
        "SELECT count(*) FROM orders WHERE tenant = ?1 AND channel_order_id IN ({})
         AND code NOT IN (SELECT order_code FROM history WHERE tenant = ?1)",
        ids.join(", ")
    );
    let deadline = Instant::now() + PATIENCE;
    while witness.count(&left, tenant.as_str()) > 0 {
        assert!(Instant::now() < deadline, "the other host does not come to its held page");
        tokio::select! {
            _ = &mut *runs => panic!("its runs end although their calls are held"),
            () = tokio::task::yield_now() => {}
        }
    }
}

/// Lets the daemon go on, and waits until all runs that were interrupted have ended. Nothing may change meanwhile. Returns
/// how many calls had been on their way when it was stopped, and have come now.
fn come_back(
    daemon: &Daemon,
    stall: &Stall,
    witness: &Witness,
    tenant: &TenantCode,
    interrupted: &BTreeMap<String, (i64, u32)>,
) -> usize {
    let (before, calls) = (witness.everything(tenant.as_str()), stall.calls().len());
    let said = daemon.said().len();
    daemon.signal("CONT");
    let is_told = |lines: &[String]| {
        let of_tenant = format!("tenant={tenant} ");
        interrupted.keys().all(|channel| {
            let of_channel = format!("channel={channel} ");
            lines[said..].iter().any(|line| {
                line.contains("run failed")
                    && line.contains("lease lost")
                    && line.contains(&of_tenant)
                    && line.contains(&of_channel)
            })
        })
    };
    // The other host's leases are renewed in the meantime.
    tokio::task::block_in_place(|| daemon.until_said("every interrupted run ends as lost", is_told));
    let after = witness.everything(tenant.as_str());
    assert_eq!(difference(&before, &after), [""; 0], "{tenant}: written by a host that had been passed");
    let calls: Vec<String> = stall.calls().split_off(calls).into_iter().map(|call| call.account).collect();
    let accounts: BTreeSet<&String> = calls.iter().collect();
    assert_eq!(accounts.len(), calls.len(), "a host that had been passed asks on: {calls:?}");
    calls.len()
}

/// Rows that are in one only.
fn difference(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<String> {
    before.symmetric_difference(after).cloned().collect()
}
