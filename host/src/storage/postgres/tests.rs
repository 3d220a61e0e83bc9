//! What only PostgreSQL can get wrong; the cases that every store shares are in the suite.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use kit::{
    cluster::{self, Cluster},
    pooler::Pooler,
    proxy::{Mode as Line, Proxy},
};
use plugin_api::{Mark, Task};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Postgres, PostgresSetup,
    address::Address,
    connections::{Connections, Tx},
    scope::{self, Access, Scope},
    statement::{and_with, execute, first, text, with},
};
use crate::{
    domain::{
        codes::TenantCode,
        effect::{Change, Effect},
        invoice::SequenceKind,
        snapshot::Snapshot,
    },
    secrets::{Key, Secret},
    storage::{
        Attempt, Call, Claim, Counts, Ended, Fence, Mode, NewRun, NewTask, OrderFilter, PageKeys, PageResult,
        PageState, PeopleStore as _, RunEnd, RunLine, RunResult, SavedFilter, Store, StoreError, TaskEdit,
        Trigger, WebhookEdit, WebhookStore as _, WebhookTurn,
        copy::{NOT_COPIED, SHARED_TABLES},
        rows::TENANT_TABLES,
        suite::{
            self, Database,
            sample::{
                MINUTE, acme, acme_with, apply, begin, change, channel, everything, fence, fk1, import, keys,
                now, order,
            },
            tenants::full,
            webhooks::{dispatched, hook},
        },
    },
};

/// A database of the private cluster, prepared for the role that hosts work with.
struct Place {
    database: cluster::Database,
    dir: tempfile::TempDir,
    key: Key,
}

fn prepare(database: &cluster::Database) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Postgres::prepare(&database.url(cluster::OWNER), cluster::APP)).unwrap();
}

impl Place {
    /// A copy of one that was prepared before: making the tables takes longer.
    fn new() -> Place {
        static PREPARED: OnceLock<cluster::Database> = OnceLock::new();
        let cluster = Cluster::of_this_process();
        let prepared = PREPARED.get_or_init(|| {
            let database = cluster.database();
            std::thread::scope(|scope| scope.spawn(|| prepare(&database)).join().unwrap());
            database
        });
        Place::copy_of(prepared)
    }

    fn copy_of(prepared: &cluster::Database) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        Place { database: Cluster::of_this_process().copy(prepared), dir, key }
    }

    fn setup(&self) -> PostgresSetup {
        PostgresSetup {
            url: self.database.url(cluster::APP),
            connections: 4,
            prepared_statements: true,
            allow_privileged_role: false,
        }
    }

    fn store(&self) -> Postgres {
        Postgres::open(&self.setup(), self.key.clone()).unwrap()
    }
}

impl Database for Place {
    fn open(&self) -> Box<dyn Store> {
        Box::new(self.store())
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        let key = Key::create(&self.dir.path().join("another")).unwrap();
        Box::new(Postgres::open(&self.setup(), key).unwrap())
    }
}

mod shared {
    super::suite::suite!(super::super::Place::new());
}

/// What the next version might add: a column to every table, a table, an index. This program knows nothing of it.
const NEXT: &str = "-- expand
    DO $$
    DECLARE name TEXT;
    BEGIN
        FOR name IN SELECT relname FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relrowsecurity
        LOOP
            EXECUTE format('ALTER TABLE %I ADD COLUMN next_count BIGINT NOT NULL DEFAULT 0, ADD COLUMN next_text TEXT', name);
        END LOOP;
    END $$;
    CREATE TABLE next_things (tenant TEXT COLLATE \"C\" NOT NULL PRIMARY KEY, body TEXT NOT NULL DEFAULT '');
    ALTER TABLE next_things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON next_things USING (tenant = nullif(current_setting('statusync.tenant', true), ''));
    CREATE INDEX next_orders ON orders (tenant, next_count)";

/// The schema's migrations, and one that this program does not know.
fn with_next() -> Vec<&'static str> {
    super::schema::MIGRATIONS.iter().copied().chain([NEXT]).collect()
}

/// A database whose schema is already the next version's.
struct Ahead(Place);

impl Ahead {
    fn new() -> Ahead {
        static PREPARED: OnceLock<cluster::Database> = OnceLock::new();
        let prepared = PREPARED.get_or_init(|| {
            let database = Place::new().database;
            let url = database.url(cluster::OWNER);
            let migrate = || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let hub = Connections::new(Address::read(&url).unwrap(), 1, true);
                runtime.block_on(super::schema::migrate_to(&hub, &with_next())).unwrap()
            };
            let (before, now) = std::thread::scope(|scope| scope.spawn(migrate).join().unwrap());
            assert_eq!((before, now), (super::schema::known(), super::schema::known() + 1));
            database
        });
        Ahead(Place::copy_of(prepared))
    }
}

impl Database for Ahead {
    fn open(&self) -> Box<dyn Store> {
        self.0.open()
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        self.0.open_with_another_key()
    }
}

/// A host that is still to be replaced works with the schema that its successor needs.
mod against_the_next_schema {
    super::suite::suite!(super::super::Ahead::new());
}

/// A database behind a pooler that gives each transaction another connection.
struct Pooled(Place);

impl Pooled {
    fn open_with(&self, key: Key) -> Box<dyn Store> {
        let url = Pooler::of_this_process().url(&self.0.database);
        Box::new(
            Postgres::open(&PostgresSetup { url, prepared_statements: false, ..self.0.setup() }, key)
                .unwrap(),
        )
    }
}

impl Database for Pooled {
    fn open(&self) -> Box<dyn Store> {
        self.open_with(self.0.key.clone())
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        self.open_with(Key::create(&self.0.dir.path().join("another")).unwrap())
    }
}

mod pooled {
    super::suite::suite!(super::super::Pooled(super::super::Place::new()));
}

/// A connection pool of the test's own, as a role.
fn hub(place: &Place, role: &str) -> Connections {
    Connections::new(Address::read(&place.database.url(role)).unwrap(), 2, true)
}

async fn count(db: &mut Tx, sql: String) -> i64 {
    first(db, AssertSqlSafe(sql), with![], |row| Ok(row.try_get(0)?)).await.unwrap().unwrap()
}

/// A number that a superuser sees, whom no policy holds.
fn counted(place: &Place, sql: &str) -> i64 {
    place.database.execute(cluster::SUPERUSER, sql).unwrap().trim().parse().unwrap()
}

/// Puts rows into every table that has some of a tenant.
async fn fill(store: &Postgres, tenant: &str) {
    let mut whole = full();
    whole.tenant = tenant.into();
    import(store, whole).await;
    let tenant: TenantCode = tenant.into();
    store.add_webhook(&tenant, &hook("w1"), &"whsec_".into()).await.unwrap();
    let secret = BTreeMap::from([("token".to_owned(), Secret::from("s"))]);
    store.put_secrets(&tenant, &fk1(), &secret).await.unwrap();
    let named = SavedFilter { name: "n".into(), query: "?".into(), who: "user:u".into(), at: 0 };
    store.save_filter(&tenant, &named).await.unwrap();
    store.ensure_tasks(&tenant, &fk1(), &[NewTask::usual(Task::Status, 5)]).await.unwrap();
    let new = NewRun {
        tenant: tenant.clone(),
        channel: fk1(),
        task: Some(Task::Status),
        trigger: Trigger::Manual,
        started_at: now(),
        request_key: None,
        only_if_due: false,
    };
    let (fence, run) = begin(store, &new, "a").await;
    store.put_token(&fence, &"bearer".into(), now()).await.unwrap();
    let lines = vec![RunLine { order: "OD1".into(), ..RunLine::default() }];
    let page = PageKeys { run: Some(run), ..keys([]) };
    apply(store, &fence, page, |_| PageResult { lines, ..PageResult::default() }).await.unwrap();
    apply(store, &fence, keys([1]), dispatched).await.unwrap();
    let order = serde_json::from_value(json!({"order": "O1", "channel_order_id": "OD1",
        "outcome": "UNCHANGED", "message": "m"}));
    let end = RunEnd { orders: vec![order.unwrap()], ..done() };
    store.finish_run(run, &end, Some(&fence)).await.unwrap();
}

/// Tables by which callers are known, before it is known for which tenant they ask: the host reads and writes them.
const OF_CALLERS: [&str; 3] = ["actions", "api_keys", "roles"];

/// Tables of which the host sees the rows of all tenants.
const SEEN_BY_HOST: [&str; 6] = ["tenants", "channels", "tasks", "runs", "webhooks", "deliveries"];

/// Puts rows into the tables of callers.
fn fill_callers(place: &Place, tenant: &str) {
    for sql in [
        format!(
            "INSERT INTO api_keys (id, tenant, label, scopes, hash, created_at)
             VALUES ('key of {tenant}', '{tenant}', '', '[]', '', 0)"
        ),
        format!(
            "INSERT INTO roles (user_id, tenant, role) VALUES ('user of {tenant}', '{tenant}', 'viewer')"
        ),
        format!(
            "INSERT INTO actions (tenant, id, at, who, action, subject) VALUES ('{tenant}', 1, 0, '', '', '')"
        ),
    ] {
        place.database.execute(cluster::SUPERUSER, &sql).unwrap();
    }
}

#[tokio::test]
async fn every_table_is_walled_and_a_tenant_comes_first_in_every_key() {
    let place = Place::new();
    let unwalled = "SELECT count(*) FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND relname <> 'schema_version' AND (NOT relrowsecurity OR NOT relforcerowsecurity
            OR NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))";
    assert_eq!(counted(&place, unwalled), 0, "a table that is not held by forced row security");
    let with_tenant = "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant'";
    let late = format!(
        "SELECT count(*) {with_tenant} AND c.relname NOT IN ('{}')
             AND NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indkey[0] = a.attnum)",
        OF_CALLERS.join("', '")
    );
    assert_eq!(counted(&place, &late), 0, "a primary key that does not begin with the tenant");
    let shared = format!(
        "SELECT count(*) {with_tenant} AND NOT EXISTS (SELECT 1 FROM pg_policy p
             WHERE p.polrelid = c.oid AND p.polname = 'own_tenant')"
    );
    assert_eq!(counted(&place, &shared), 0, "a table of tenants without its policy");
    assert_eq!(
        counted(&place, &format!("SELECT count(*) {with_tenant}")),
        i64::try_from(TENANT_TABLES.len()).unwrap(),
        "a table that removing a tenant would leave full"
    );
    let names = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'schema_version'";
    let names = place.database.execute(cluster::SUPERUSER, names).unwrap();
    let copied = |name: &&str| {
        TENANT_TABLES.contains(name) || SHARED_TABLES.contains(name) || NOT_COPIED.contains(name)
    };
    let forgotten: Vec<&str> = names.split_whitespace().filter(|name| !copied(name)).collect();
    assert_eq!(
        forgotten, [""; 0],
        "a table that copies and moves would leave behind: say in `copy` what becomes of it"
    );
}

#[tokio::test]
async fn under_one_tenant_nothing_of_another_is_seen_or_written() {
    let place = Place::new();
    let store = place.store();
    for tenant in ["acme", "other"] {
        fill(&store, tenant).await;
        fill_callers(&place, tenant);
    }
    let hub = hub(&place, cluster::APP);
    let under = |scope: Scope| scope::begin(&scope, Access::Write, scope::QUICK);
    for table in TENANT_TABLES {
        let of_other = format!("SELECT count(*) FROM {table} WHERE tenant = 'other'");
        assert!(counted(&place, &of_other) > 0, "fill {table} in this test");
        let mut db = hub.begin(&under(Scope::Tenant("acme".into()))).await.unwrap();
        assert!(count(&mut db, format!("SELECT count(*) FROM {table}")).await > 0, "{table}");
        assert_eq!(count(&mut db, of_other.clone()).await, 0, "{table}");
        let taken = format!("UPDATE {table} SET tenant = 'acme' WHERE tenant = 'other'");
        assert_eq!(execute(&mut db, AssertSqlSafe(taken), with![]).await.unwrap(), 0, "{table}");
        let given = format!("UPDATE {table} SET tenant = 'other' WHERE tenant = 'acme'");
        let refused = execute(&mut db, AssertSqlSafe(given), with![]).await.unwrap_err();
        assert_eq!(refused.code(), Some("42501"), "{table}: {refused:?}");
        hub.roll_back(db).await.unwrap();

        let mut db = hub.begin(&under(Scope::Host)).await.unwrap();
        let (is_of_callers, seen) = (OF_CALLERS.contains(table), count(&mut db, of_other).await);
        let is_read = is_of_callers || SEEN_BY_HOST.contains(table);
        assert_eq!(seen > 0, is_read, "{table}: {seen}");
        let gone = execute(&mut db, AssertSqlSafe(format!("DELETE FROM {table}")), with![]).await;
        assert_eq!(gone.unwrap() > 0, is_of_callers, "the host reads {table} and writes nothing of it");
        hub.roll_back(db).await.unwrap();

        let mut db = hub.begin("BEGIN").await.unwrap();
        let seen = count(&mut db, format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(seen, 0, "{table} without a word for whom");
        hub.roll_back(db).await.unwrap();
    }
}

#[tokio::test]
async fn no_code_of_a_tenant_opens_the_walls() {
    let place = Place::new();
    let store = place.store();
    fill(&store, "acme").await;
    for code in ["*", "host", "'; SET statusync.scope = 'host'; --", "a\\'b", "", "ü\u{1F4E6}"] {
        let tenant: TenantCode = code.into();
        assert!(store.orders(&tenant, &OrderFilter::default(), None, 10).await.unwrap().is_empty(), "{code}");
        assert!(store.tenant(&tenant).await.unwrap().is_none(), "{code}");
    }
    store.add_tenant(&"'; SET statusync.scope = 'host'; --".into()).await.unwrap();
    assert_eq!(store.tenants().await.unwrap().len(), 2);
    let refused = store.add_tenant(&"a\0b".into()).await.unwrap_err();
    assert!(refused.to_string().contains("NUL"), "{refused}");
}

#[tokio::test]
async fn a_page_takes_the_same_number_of_statements_for_any_number_of_orders() {
    let mut taken = Vec::new();
    for orders in [10, 500] {
        let place = Place::new();
        let store = place.store();
        import(&store, acme_with(orders)).await;
        let fence = fence(&store, "FK1", "a").await;
        let hub = hub(&place, cluster::APP);
        let text = scope::begin(&Scope::Tenant(acme()), Access::Write, scope::QUICK);
        let mut db = hub.begin(&text).await.unwrap();
        super::page::apply(&mut db, &fence, &keys(1..=orders), Box::new(everything)).await.unwrap();
        taken.push(db.statements.len());
        hub.commit(db).await.unwrap();
        assert_eq!(store.history(&acme(), &"O7".into()).await.unwrap().len(), 1);
    }
    assert_eq!(taken[0], taken[1]);
    assert!((10..40).contains(&taken[0]), "{taken:?}");
}

/// How many statements a page of so many orders takes.
async fn statements(orders: usize, webhooks: usize) -> usize {
    let place = Place::new();
    let store = place.store();
    import(&store, acme_with(orders)).await;
    for n in 0..webhooks {
        store.add_webhook(&acme(), &hook(&format!("w{n}")), &"whsec_".into()).await.unwrap();
    }
    let fence = fence(&store, "FK1", "a").await;
    let hub = hub(&place, cluster::APP);
    let text = scope::begin(&Scope::Tenant(acme()), Access::Write, scope::QUICK);
    let mut db = hub.begin(&text).await.unwrap();
    super::page::apply(&mut db, &fence, &keys(1..=orders), Box::new(dispatched)).await.unwrap();
    let taken = db.statements.len();
    hub.commit(db).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().waiting, (orders * webhooks) as u64);
    taken
}

#[tokio::test]
async fn webhooks_cost_a_page_five_statements_and_nothing_if_there_are_none() {
    let without = statements(10, 0).await;
    for (orders, webhooks) in [(10, 1), (300, 3)] {
        assert_eq!(statements(orders, webhooks).await, without + 5);
    }
}

/// The words of a tenant's orders, as the table has them.
fn words_of(place: &Place, tenant: &str) -> String {
    let sql = format!(
        "SELECT string_agg(kind || ' ' || word || ' ' || code, E'\\n' ORDER BY kind, word, code) FROM order_words
         WHERE tenant = '{tenant}'"
    );
    place.database.execute(cluster::SUPERUSER, &sql).unwrap().trim().to_owned()
}

/// Orders whose values have everything that a word may have.
fn odd() -> Snapshot {
    let mut tenant = acme_with(4);
    let long = "é".repeat(70) + "-" + "ab-".repeat(20).as_str();
    let values = [
        ("403-1234567-7654321", "Shirt_Blue.XL", Some("EK 77"), Some("DEL1")),
        ("--A -/ B--", "ÜBER-É \u{1F4E6}-x", None, None),
        (long.as_str(), "\"quoted\\\\\" 'text'", Some(""), Some("del 1-2")),
        ("İ-Ǆ", "", Some("-"), Some("")),
    ];
    for (order, (id, sku, awb, facility)) in tenant.orders.iter_mut().zip(values) {
        order.channel_order_id = id.to_owned();
        order.items[0].sku = sku.into();
        order.items[0].facility = facility.map(Into::into);
        order.packages[0].awb = awb.map(str::to_owned);
    }
    tenant
}

#[tokio::test]
async fn for_a_program_that_knows_nothing_of_words_the_database_writes_the_same() {
    let place = Place::new();
    let store = place.store();
    import(&store, odd()).await;
    let by_program = words_of(&place, "acme");
    assert!(by_program.lines().count() > 30, "{by_program}");
    // The same rows, written as an earlier program would.
    let as_before = |sql: &str| {
        let sql = format!(
            "BEGIN; SET LOCAL statusync.tenant = 'acme'; SET LOCAL statusync.scope = 'tenant'; {sql}; COMMIT"
        );
        place.database.execute(cluster::APP, &sql).unwrap()
    };
    as_before(
        "CREATE TEMP TABLE kept AS SELECT * FROM orders; DELETE FROM orders; INSERT INTO orders SELECT * FROM kept",
    );
    assert_eq!(words_of(&place, "acme"), by_program);
    as_before("DELETE FROM orders");
    assert_eq!(words_of(&place, "acme"), "");
    import(&store, odd()).await;
    assert_eq!(
        words_of(&place, "acme"),
        by_program,
        "the program wrote them once, and the database not again"
    );

    as_before("UPDATE orders SET body = replace(body, 'EK 77', 'NEW-1') WHERE code = 'O1'");
    let now = words_of(&place, "acme");
    assert!(!now.contains("ek 77") && now.contains("new-1 O1"), "{now}");
    as_before("UPDATE orders SET body = replace(body, 'NEW-1', 'EK 77'), seen = 5 WHERE code = 'O1'");
    assert_eq!(words_of(&place, "acme"), by_program);
    let text = OrderFilter { text: Some("7654321".into()), ..OrderFilter::default() };
    assert_eq!(store.orders(&acme(), &text, None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn orders_of_an_earlier_schema_are_found_by_their_words() {
    let cluster = Cluster::of_this_process();
    let database = cluster.database();
    let owner = Connections::new(Address::read(&database.url(cluster::OWNER)).unwrap(), 1, true);
    super::schema::migrate_to(&owner, &super::schema::MIGRATIONS[..11]).await.unwrap();
    let place = Place::new();
    let store = place.store();
    import(&store, odd()).await;
    let sql = "SELECT code, channel, channel_order_id, body FROM orders ORDER BY code";
    let mut db = hub(&place, cluster::APP);
    let mut tx = db.begin(&scope::begin(&Scope::Tenant(acme()), Access::Read, scope::QUICK)).await.unwrap();
    let rows = super::statement::each(&mut tx, sql, with![], |row| {
        Ok([text::<String>(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?])
    });
    let rows = rows.await.unwrap();
    db.roll_back(tx).await.unwrap();
    db = owner;
    let mut tx = db.begin(&scope::begin(&Scope::Tenant(acme()), Access::Write, scope::QUICK)).await.unwrap();
    for row in rows {
        let sql = "INSERT INTO orders (tenant, code, channel, channel_order_id, status, is_open, is_moving,
                 returned_not_received, open_conflicts, putaways_due, shortfall, body)
             VALUES ('acme', $1, $2, $3, 'CREATED', true, false, false, 0, 0, 0, $4)";
        let mut given = with![];
        row.into_iter().try_for_each(|value| and_with(&mut given, value)).unwrap();
        execute(&mut tx, sql, given).await.unwrap();
    }
    db.commit(tx).await.unwrap();
    super::schema::migrate(&db).await.unwrap();
    let there = "SELECT string_agg(kind || ' ' || word || ' ' || code, E'\\n' ORDER BY kind, word, code) FROM order_words";
    assert_eq!(database.execute(cluster::SUPERUSER, there).unwrap().trim(), words_of(&place, "acme"));
}

/// A transaction that changes an order and is still to be committed.
async fn half_way(hub: &Connections, fence: &Fence, order: usize) -> Tx {
    let text = scope::begin(&Scope::Tenant(fence.tenant.clone()), Access::Write, scope::QUICK);
    let mut db = hub.begin(&text).await.unwrap();
    super::page::apply(&mut db, fence, &keys([order]), Box::new(dispatched)).await.unwrap();
    db
}

/// Until somebody waits for a row that another transaction holds.
async fn somebody_waits(place: &Place) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while counted(place, waiting) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_entry_that_is_committed_after_a_later_number_is_sent_all_the_same() {
    let place = Place::new();
    let store = place.store();
    let hub = hub(&place, cluster::APP);
    let mut fences = Vec::new();
    for tenant in ["acme", "other"] {
        import(&store, Snapshot { tenant: tenant.into(), ..acme_with(2) }).await;
        store.add_webhook(&tenant.into(), &hook("w1"), &"whsec_".into()).await.unwrap();
        let claimed = store.claim(&tenant.into(), &fk1(), "a", 10 * MINUTE, None).await.unwrap();
        let Claim::Got(fence, _) = claimed else { panic!() };
        fences.push(fence);
    }
    let earlier = half_way(&hub, &fences[0], 1).await;
    apply(&store, &fences[1], keys([1]), dispatched).await.unwrap();
    let turn = |tenant: &str| WebhookTurn { tenant: tenant.into(), webhook: "w1".to_owned() };
    let claim = async |tenant: &str| {
        store.claim_webhook(&turn(tenant), "h", MINUTE, now(), 10).await.unwrap().unwrap()
    };
    let of_other = claim("other").await.due;
    assert_eq!((of_other.len(), store.due_webhooks(now(), 9).await.unwrap().len()), (1, 0));
    hub.commit(earlier).await.unwrap();
    assert_eq!(store.due_webhooks(now(), 9).await.unwrap(), [turn("acme")]);
    let of_acme = claim("acme").await.due;
    assert!(of_acme[0].number < of_other[0].number);

    // Within a tenant numbers are committed in their order: the later one waits.
    let first = half_way(&hub, &fences[0], 1).await;
    let (late, fence) = (place.store(), fences[0].clone());
    let second = tokio::spawn(async move { apply(&late, &fence, keys([1, 2]), dispatched).await });
    somebody_waits(&place).await;
    hub.commit(first).await.unwrap();
    second.await.unwrap().unwrap();
    let listed = store.deliveries(&acme(), "w1", None, None, 9).await.unwrap();
    assert_eq!(listed.len(), 4);
}

#[tokio::test]
async fn a_host_that_gives_a_webhook_back_waits_for_who_has_something_for_it() {
    let place = Place::new();
    let store = Arc::new(place.store());
    import(&*store, acme_with(1)).await;
    store.add_webhook(&acme(), &hook("w1"), &"whsec_".into()).await.unwrap();
    let fence = fence(&*store, "FK1", "a").await;
    let turn = WebhookTurn { tenant: acme(), webhook: "w1".to_owned() };
    apply(&*store, &fence, keys([1]), dispatched).await.unwrap();
    let batch = store.claim_webhook(&turn, "h", MINUTE, now(), 10).await.unwrap().unwrap();
    let attempt = Attempt { at: now(), duration_ms: 1, status: Some(200), said: String::new() };
    let number = batch.due[0].number;
    assert!(store.note_attempt(&turn, "h", number, &attempt, &Ended::Delivered).await.unwrap());
    let hub = hub(&place, cluster::APP);
    let page = half_way(&hub, &fence, 1).await;
    let (giving, of) = (Arc::clone(&store), turn.clone());
    let given = tokio::spawn(async move { giving.give_back_webhook(&of, "h").await });
    somebody_waits(&place).await;
    hub.commit(page).await.unwrap();
    given.await.unwrap().unwrap();
    assert_eq!(store.due_webhooks(now(), 9).await.unwrap(), [turn], "what came meanwhile is not forgotten");
}

#[tokio::test]
async fn a_store_works_on_when_its_connections_were_closed() {
    let place = Place::new();
    let store = place.store();
    import(&store, acme_with(1)).await;
    for _ in 0..3 {
        let closed = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        assert!(counted(&place, closed) > 0);
        store.answers().await.unwrap();
    }
    import(&store, acme_with(2)).await;
}

#[tokio::test]
async fn a_host_that_stands_still_inside_a_page_is_passed() {
    let place = Place::new();
    let store = place.store();
    import(&store, acme_with(1)).await;
    let Claim::Got(old, _) = store.claim(&acme(), &fk1(), "old", 300, None).await.unwrap() else { panic!() };
    let hub = hub(&place, cluster::APP);
    let impatient = scope::QUICK.with_idle_ms(400);
    let text = scope::begin(&Scope::Tenant(acme()), Access::Write, impatient);
    let mut frozen = hub.begin(&text).await.unwrap();
    super::setting::hold_tenant(&mut frozen, &acme()).await.unwrap();
    super::lease::check(&mut frozen, &old).await.unwrap();
    // It does nothing from here on. Once its lease has run out a claim waits for its row, until the server has ended it.
    let new = loop {
        match store.claim(&acme(), &fk1(), "new", 10 * MINUTE, None).await.unwrap() {
            Claim::Got(fence, _) => break fence,
            Claim::Held { holder, .. } => assert_eq!(holder, "old"),
            other => panic!("{other:?}"),
        }
    };
    assert!(new.epoch > old.epoch);
    apply(&store, &new, keys([1]), |_| PageResult::default()).await.unwrap();
    let late = execute(&mut frozen, "UPDATE orders SET body = '{}' WHERE tenant = 'acme'", with![]).await;
    assert!(late.unwrap_err().is_of_connection());
    assert!(hub.commit(frozen).await.is_err());
    assert_eq!(store.order(&acme(), "O1").await.unwrap().unwrap().order.items.len(), 1);
}

#[tokio::test]
async fn behind_a_pooler_nothing_stays_in_a_session() {
    let place = Place::new();
    let store = Postgres::open(
        &PostgresSetup { prepared_statements: false, connections: 1, ..place.setup() },
        place.key.clone(),
    )
    .unwrap();
    fill(&store, "acme").await;
    let hub = Arc::clone(&store.hub);
    let left = store.wait("was looking", move |_| {
        Box::pin(async move {
            let mut db = hub.begin("BEGIN").await?;
            let left = first(
                &mut db,
                "SELECT (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_cursors WHERE is_holdable),
                     coalesce(current_setting('statusync.tenant', true), '') || coalesce(current_setting('statusync.scope', true), '')
                     || current_setting('lock_timeout')",
                with![],
                |row| Ok((row.try_get::<i64, _>(0)?, text::<String>(row, 1)?)),
            );
            let left = left.await?;
            hub.roll_back(db).await?;
            Ok(left)
        })
    });
    assert_eq!(left.unwrap(), Some((0, "0".to_owned())));
}

#[tokio::test]
async fn two_who_prepare_at_once_both_find_it_done() {
    let database = Cluster::of_this_process().database();
    let owner = database.url(cluster::OWNER);
    let prepare = || Postgres::prepare(&owner, cluster::APP);
    let (one, two, three) = futures_util::future::join3(prepare(), prepare(), prepare()).await;
    for prepared in [one.unwrap(), two.unwrap(), three.unwrap()] {
        assert_eq!(prepared.now, super::schema::known());
    }
}

#[tokio::test]
async fn a_migration_that_dies_leaves_nothing_half_made() {
    let database = Cluster::of_this_process().database();
    let (owner, app) = (database.url(cluster::OWNER), database.url(cluster::APP));
    let dir = tempfile::tempdir().unwrap();
    let key = Key::create(&dir.path().join("key")).unwrap();
    let setup =
        PostgresSetup { url: app, connections: 2, prepared_statements: true, allow_privileged_role: false };
    let mut whole = false;
    for after in 0..200 {
        // The connection goes away after ever more time; the next one finds some number of whole steps.
        let step = std::time::Duration::from_millis(after * 2);
        if tokio::time::timeout(step, Postgres::prepare(&owner, cluster::APP))
            .await
            .is_ok_and(|done| done.is_ok())
        {
            whole = true;
            break;
        }
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        let count: i64 = database.execute(cluster::SUPERUSER, tables).unwrap().trim().parse().unwrap();
        let numbered = "SELECT coalesce((SELECT version FROM schema_version), -1)";
        let number = if count == 0 { -1 } else { counted_in(&database, numbered) };
        assert!((count > 1) == (number > 0), "{count} tables at number {number}");
    }
    assert!(whole, "the last one had time enough");
    Postgres::open(&setup, key).unwrap().add_tenant(&acme()).await.unwrap();
}

/// Ends the connection of whoever changes the schema, with the n-th change. Counting is not taken back with a transaction.
const KILLER: &str = "
    CREATE SCHEMA killer;
    CREATE SEQUENCE killer.changes;
    CREATE TABLE killer.at (change BIGINT NOT NULL);
    INSERT INTO killer.at VALUES (0);
    CREATE FUNCTION killer.strike() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        IF nextval('killer.changes') = (SELECT change FROM killer.at) THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
    END $$;
    -- The next to be killed; the tables that there are, and the number of the schema, -1 without one.
    CREATE FUNCTION killer.next(next BIGINT, OUT tables BIGINT, OUT number BIGINT) LANGUAGE plpgsql AS $$ BEGIN
        UPDATE killer.at SET change = next;
        PERFORM setval('killer.changes', 1, false);
        SELECT count(*) INTO tables FROM pg_tables WHERE schemaname = 'public';
        number := -1;
        IF tables > 0 THEN
            EXECUTE 'SELECT version FROM public.schema_version' INTO number;
        END IF;
    END $$;
    CREATE EVENT TRIGGER killer ON ddl_command_start EXECUTE FUNCTION killer.strike()";

#[tokio::test]
async fn a_migration_that_is_killed_with_any_of_its_changes_is_made_by_the_next_who_tries() {
    let database = Cluster::of_this_process().database();
    database.execute(cluster::SUPERUSER, KILLER).unwrap();
    let next = |change: i64| -> (i64, i64) {
        let sql = format!("SELECT tables || ' ' || number FROM killer.next({change})");
        let told = database.execute(cluster::SUPERUSER, &sql).unwrap();
        let (tables, number) = told.trim().split_once(' ').unwrap();
        (tables.parse().unwrap(), number.parse().unwrap())
    };
    let (mut kills, mut change) = (0, 1);
    let (_, mut at) = next(change);
    let hub = Connections::new(Address::read(&database.url(cluster::OWNER)).unwrap(), 1, true);
    let migrations = with_next();
    while let Err(fail) = super::schema::migrate_to(&hub, &migrations).await {
        assert!(fail.is_of_connection(), "{fail:?}");
        kills += 1;
        let (tables, number) = next(change + 1);
        // Whole steps only: with the number are the tables.
        assert!((tables > 1) == (number > 0), "{tables} tables at number {number}");
        change += 1;
        if number > at {
            (change, at) = (1, number);
            next(change);
        }
    }
    assert_eq!(next(0).1, super::schema::known() + 1);
    assert!(kills > 80, "{kills} kills");
    let whole = Place::new();
    let names = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    // The next one's table with its key, and one index.
    assert_eq!(counted_in(&database, names), counted(&whole, names) + 3);
}

#[tokio::test]
async fn a_change_of_the_schema_does_not_make_hosts_wait_for_long_behind_whoever_has_a_table() {
    let place = Place::new();
    let store = place.store();
    store.add_tenant(&acme()).await.unwrap();
    let hub = hub(&place, cluster::APP);
    let patient = scope::QUICK.with_idle_ms(60_000);
    let mut reader = hub.begin(&scope::begin(&Scope::Host, Access::Read, patient)).await.unwrap();
    count(&mut reader, "SELECT count(*) FROM tenants".to_owned()).await;

    let owner = Connections::new(Address::read(&place.database.url(cluster::OWNER)).unwrap(), 1, true);
    let next = with_next();
    let mut migrating = std::pin::pin!(super::schema::migrate_to(&owner, &next));
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenants'::regclass";
    while counted(&place, waits) == 0 {
        tokio::select! {
            ended = &mut migrating => panic!("{ended:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    // It stands in the line before us, and leaves it.
    let began = std::time::Instant::now();
    let listed = tokio::select! {
        ended = &mut migrating => panic!("{ended:?}"),
        listed = store.tenants() => listed.unwrap(),
    };
    assert_eq!(listed.len(), 1);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    hub.roll_back(reader).await.unwrap();
    let (before, now) = migrating.await.unwrap();
    assert_eq!(now, before + 1);
    assert_eq!(store.tenants().await.unwrap().len(), 1, "the host works on");
    place.store().add_tenant(&"other".into()).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_took_something_away_is_not_for_this_program() {
    let place = Place::new();
    let owner = Connections::new(Address::read(&place.database.url(cluster::OWNER)).unwrap(), 1, true);
    let contracted: Vec<&str> = super::schema::MIGRATIONS.iter().copied().chain(["SELECT 1"]).collect();
    super::schema::migrate_to(&owner, &contracted).await.unwrap();
    let refused = Postgres::open(&place.setup(), place.key.clone()).unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
    let refused = Postgres::prepare(&place.database.url(cluster::OWNER), cluster::APP).await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer { .. }), "{refused}");
}

#[tokio::test]
async fn every_call_ends_in_time_when_nothing_comes_back() {
    let place = Place::new();
    let line = Proxy::to(&place.database).unwrap();
    let setup = PostgresSetup { url: line.url(cluster::APP, "silent"), connections: 10, ..place.setup() };
    let store = Postgres::open(&setup, place.key.clone()).unwrap();
    import(&store, acme_with(1)).await;
    let fence = fence(&store, "FK1", "a").await;
    // Connections that were sound a moment ago lie ready.
    let reads = (0..5).map(|_| store.tenants());
    futures_util::future::try_join_all(reads).await.unwrap();
    line.set(Line::Silent);
    let began = std::time::Instant::now();
    let (tenant, channel) = (acme(), fk1());
    let page = apply(&store, &fence, keys([1]), |_| PageResult::default());
    let ended = futures_util::join!(
        async { page.await.unwrap_err() },
        async { store.renew(&fence, MINUTE).await.unwrap_err() },
        async { store.claim(&tenant, &channel, "b", MINUTE, None).await.unwrap_err() },
        async { store.order(&tenant, "O1").await.unwrap_err() },
        async { store.tenants().await.unwrap_err() },
        async { store.answers().await.unwrap_err() },
    );
    let took = began.elapsed();
    for error in <[StoreError; 6]>::from(ended) {
        let is_told = matches!(error, StoreError::TimedOut { .. } | StoreError::Unreachable { .. });
        assert!(is_told, "{error:?}");
    }
    assert!(took < std::time::Duration::from_secs(15), "{took:?}");
    line.cut();
    line.set(Line::Open);
    // The next attempt is made a second later at most.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while let Err(error) = store.renew(&fence, MINUTE).await {
        assert!(std::time::Instant::now() < deadline, "{error}");
    }
}

fn counted_in(database: &cluster::Database, sql: &str) -> i64 {
    database.execute(cluster::SUPERUSER, sql).unwrap().trim().parse().unwrap()
}

/// Writes every order and every shared row that a page may.
fn touched(mut state: PageState) -> PageResult {
    let mut result = PageResult::default();
    for (id, file) in std::mem::take(&mut state.files) {
        state.ledger.change_stock(&("DEL1".into(), "A".into()), |stock| stock.on_hand += 1);
        state.ledger.draw(&("DEL1".into(), SequenceKind::SaleInvoice), now()).unwrap();
        state.ledger.putaway_code();
        let item = &file.order.items[0];
        let effect = Effect::Item { item: item.code.clone(), from: item.status, to: item.status };
        result.changes.push(Change { effects: vec![effect], ..change(&file.order.code) });
        result.unpark.extend(state.waiting.get(&id).into_iter().flatten().map(|(id, _)| *id));
        result.park.push(
            serde_json::from_value(
                json!({"cause": "UNKNOWN_ITEM", "order": id, "observation": {"order": id}}),
            )
            .unwrap(),
        );
        result.files.push(file);
    }
    result.ledger = state.ledger.changes(state.counters);
    result
}

/// What everyone does at once: each waits for the others at most, and never in a circle.
#[tokio::test]
async fn whatever_is_done_at_once_nobody_waits_in_a_circle() {
    const ROUNDS: u32 = 25;
    let place = Place::new();
    let first = place.store();
    let mut start = acme_with(20);
    start.orders.extend((21..=30).map(|n| serde_json::from_value(order(n, "AZ1")).unwrap()));
    import(&first, start).await;
    let tasks = [Task::Status, Task::Pending].map(|task| NewTask::usual(task, 5));
    for channel in ["FK1", "AZ1"] {
        first.ensure_tasks(&acme(), &channel.into(), &tasks).await.unwrap();
    }
    for id in ["w1", "w2", "w3"] {
        first.add_webhook(&acme(), &hook(id), &"whsec_".into()).await.unwrap();
    }
    let sends = async |store: Postgres, holder: &str| {
        for round in 0..ROUNDS {
            let webhook = format!("w{}", round % 3 + 1);
            let turn = WebhookTurn { tenant: acme(), webhook: webhook.clone() };
            let batch = store.claim_webhook(&turn, holder, MINUTE, now(), 5).await.unwrap();
            for due in batch.into_iter().flat_map(|batch| batch.due) {
                let attempt = Attempt { at: now(), duration_ms: 1, status: None, said: String::new() };
                let ended = match round % 4 {
                    0 => Ended::Again(now()),
                    1 => Ended::Disabled("round".to_owned()),
                    _ => Ended::Delivered,
                };
                store.note_attempt(&turn, holder, due.number, &attempt, &ended).await.unwrap();
            }
            store.give_back_webhook(&turn, holder).await.unwrap();
            let edit = WebhookEdit { enabled: Some(true), ..WebhookEdit::default() };
            store.set_webhook(&acme(), &webhook, &edit, now()).await.unwrap();
            store.replay_webhook(&acme(), &webhook, now(), now()).await.unwrap();
            store.prune_outbox(&acme(), now() + i64::from(round % 2)).await.unwrap();
            store.rotate_webhook(&acme(), &webhook, &"whsec_2".into(), now()).await.unwrap();
        }
    };
    let runs = async |store: Postgres, channel: &str| {
        for round in 0..ROUNDS {
            let new = NewRun {
                tenant: acme(),
                channel: channel.into(),
                task: Some(tasks[round as usize % 2].task),
                trigger: Trigger::Timer,
                started_at: now(),
                request_key: None,
                only_if_due: false,
            };
            let (fence, run) = begin(&store, &new, &format!("{channel}{round}")).await;
            let page = PageKeys { run: Some(run), ..keys((1..=30).rev()) };
            let task = tasks[round as usize % 2].task;
            apply(&store, &fence, page, move |state| PageResult {
                mark: Some((task, Mark::complete_until(now()))),
                lines: vec![RunLine::default()],
                ..touched(state)
            })
            .await
            .unwrap();
            store.renew(&fence, MINUTE).await.unwrap();
            let counts = Counts { applied: 1, ..Counts::default() };
            store.finish_run(run, &RunEnd { counts, ..done() }, Some(&fence)).await.unwrap();
        }
    };
    let people = async |store: Postgres| {
        let secrets = |order: [&str; 2]| -> BTreeMap<String, Secret> {
            order.iter().map(|name| ((*name).to_owned(), Secret::from("s"))).collect()
        };
        for round in 0..ROUNDS {
            let on_hand = i64::from(round);
            store.set_on_hand(&acme(), &"DEL1".into(), &"A".into(), on_hand).await.unwrap();
            let mut channel = channel(&store, "FK1").await;
            channel.trust_delivery = round % 2 == 0;
            store.put_channel(&acme(), &channel).await.unwrap();
            store.ensure_tasks(&acme(), &fk1(), &tasks).await.unwrap();
            store.put_secrets(&acme(), &fk1(), &secrets(["a", "b"])).await.unwrap();
            store.put_secrets(&acme(), &fk1(), &secrets(["b", "c"])).await.unwrap();
            let note = Box::new(|mut state: PageState| {
                let files = state.files.drain().map(|(_, file)| file).collect();
                PageResult { files, ..PageResult::default() }
            });
            store.edit_order(&acme(), &"O3".into(), now(), Mode::Commit, note).await.unwrap();
            let edit = TaskEdit { next_run_at: Some(on_hand), ..TaskEdit::default() };
            store.set_task(&acme(), &fk1(), Task::Status, edit).await.unwrap();
            let (account, operation) = ("acme/FK1".to_owned(), "search".to_owned());
            let call = Call { account, operation, interval_ms: 1, burst: 1, patience_ms: 1_000, now: now() };
            store.reserve(call, None).await.unwrap();
        }
    };
    futures_util::future::join5(
        runs(place.store(), "FK1"),
        runs(place.store(), "AZ1"),
        futures_util::future::join3(people(place.store()), people(place.store()), people(first)),
        sends(place.store(), "s"),
        sends(place.store(), "t"),
    )
    .await;
    let waited = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(counted(&place, waited), 0);
}

fn done() -> RunEnd {
    RunEnd {
        ended_at: now(),
        result: RunResult::Success,
        message: String::new(),
        counts: Counts::default(),
        calls: 0,
        retries: 0,
        next_run_at: None,
        complete_until: None,
        orders: Vec::new(),
        failed_call: None,
        timeline: None,
    }
}
