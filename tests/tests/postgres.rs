//! The program on PostgreSQL, as people meet it: the same results as on SQLite, and words for what stands in the way.

#[path = "postgres/moving.rs"]
mod moving;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use kit::{
    built_programs,
    cluster::{APP, Cluster, Database, GUARDED, GUARDED_PASSWORD, OWNER, SUPERUSER},
    simulators::{Config, Simulator, flipkart::Flipkart},
};
use serde_json::{Value, json};

/// When everything is applied.
const NOW: &str = "2026-01-20T06:00:00Z";

/// A host of its own, with a data directory.
struct Host {
    dir: tempfile::TempDir,
}

struct Done {
    exit: i32,
    out: String,
    err: String,
}

impl Host {
    /// A host whose database is named by a line of the configuration.
    fn new(database: &str) -> Host {
        let host = Host { dir: tempfile::tempdir().expect("a folder") };
        assert_eq!(host.run(&["init"]).exit, 0);
        host.configure(database);
        host
    }

    fn on(database: &Database, role: &str) -> Host {
        Host::new(&format!("url = \"{}\"", database.url(role)))
    }

    fn configure(&self, database: &str) {
        fs::write(self.data().join("config.toml"), format!("[database]\n{database}\n"))
            .expect("a configuration");
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = built_programs::folder().expect("the program builds").join("statusync");
        let mut command = Command::new(program);
        command.env_remove("PGPASSWORD").arg("--data").arg(self.data()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Done {
        done(&self.command(arguments).output().expect("it starts"))
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.exit, 0, "{arguments:?}: {}", done.err);
        done.out
    }

    /// What a command says that must not succeed.
    fn fails(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.exit, 1, "{arguments:?}: {}{}", done.out, done.err);
        done.err
    }
}

fn done(output: &Output) -> Done {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { exit: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
}

/// A database that is ready for the hosts' role.
fn prepared() -> Database {
    let database = Cluster::of_this_process().database();
    let anywhere = Host { dir: tempfile::tempdir().expect("a folder") };
    anywhere.succeeds(&["database", "prepare", "--url", &database.url(OWNER), "--role", APP]);
    database
}

/// What the marketplace says of the orders of a snapshot: each was sent, every other one arrived, one is unknown.
fn said(snapshot: &Value) -> String {
    let orders = snapshot["orders"].as_array().expect("orders");
    let mut lines: Vec<Value> = Vec::new();
    for (at, order) in orders.iter().enumerate() {
        let id = &order["channel_order_id"];
        let mut say = |status: &str, raw: &str, hour: usize| {
            let at = format!("2026-01-1{hour}T09:30:00Z");
            lines.push(json!({"order": id, "status": status, "raw": raw, "at": at, "shipped_by": "CHANNEL"}));
        };
        say("DISPATCHED", "SHIPPED", 5);
        if at % 2 == 0 {
            say("DELIVERED", "DELIVERED", 7);
        }
        if at % 7 == 3 {
            say("CANCELLED", "CANCELLED", 8);
        }
    }
    lines.push(json!({"order": "NOWHERE", "status": "DISPATCHED", "raw": "SHIPPED"}));
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

/// Imports, observes twice and exports.
fn worked_on(host: &Host, snapshot: &Path, lines: &Path) -> (String, String) {
    host.succeeds(&["import", &snapshot.display().to_string()]);
    let lines = lines.display().to_string();
    let observe = ["observe", "--tenant", "acme", "--channel", "FK1", "--now", NOW, "--json", lines.as_str()];
    let first = host.run(&observe);
    assert!([0, 3].contains(&first.exit), "{}", first.err);
    let again = host.run(&observe);
    assert!([0, 3].contains(&again.exit), "{}", again.err);
    let orders = host.succeeds(&["order", "list", "--tenant", "acme", "--json"]);
    // When things were done here is the machine's business.
    let conflicts = host.succeeds(&["conflict", "list", "--tenant", "acme", "--json"]);
    (host.succeeds(&["export", "--tenant", "acme"]), format!("{}{}{orders}{conflicts}", first.out, again.out))
}

#[tokio::test]
async fn postgresql_and_sqlite_end_with_the_same_export() {
    let clock = || jiff::Timestamp::now().as_millisecond();
    let simulator = Simulator::start(Flipkart, Config::new(11, 120, clock)).await.expect("it starts");
    let mut snapshot = simulator.snapshot("acme");
    snapshot["live"] = Value::Bool(true);
    let dir = tempfile::tempdir().expect("a folder");
    let (file, lines) = (dir.path().join("acme.json"), dir.path().join("said.jsonl"));
    fs::write(&file, snapshot.to_string()).expect("a snapshot");
    fs::write(&lines, said(&snapshot)).expect("observations");

    let (sqlite, postgres) = (Host::new(""), Host::on(&prepared(), APP));
    let expected = worked_on(&sqlite, &file, &lines);
    assert!(expected.0.contains("DELIVERED") && expected.0.contains("\"parked\":[\n{"), "{}", expected.0);
    // `init` made it, before the configuration named another database.
    let untouched = fs::read(postgres.data().join("statusync.db")).expect("a file");
    let found = worked_on(&postgres, &file, &lines);
    assert_eq!(found.1, expected.1);
    assert_eq!(found.0, expected.0);
    assert!(fs::read(postgres.data().join("statusync.db")).expect("a file") == untouched);

    // A second host on the same database goes on where the first one is.
    let second = Host { dir: tempfile::tempdir().expect("a folder") };
    fs::create_dir(second.data()).expect("a folder");
    for file in ["key", "config.toml"] {
        fs::copy(postgres.data().join(file), second.data().join(file)).expect("a copy");
    }
    assert_eq!(second.succeeds(&["export", "--tenant", "acme"]), expected.0);
    let doctor = second.run(&["doctor"]);
    assert!(doctor.out.contains("✓ database: sound, PostgreSQL 1"), "{}{}", doctor.out, doctor.err);
}

#[test]
fn a_backup_moves_everything_between_sqlite_and_postgresql() {
    let snapshot = json!({"tenant": "acme", "live": true,
        "facilities": [{"code": "DEL1"}],
        "sequences": [{"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "width": 4, "next": 7}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5, "blocked": 1}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}],
        "orders": [{"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "PROCESSING", "shipping": "CHANNEL",
            "items": [{"code": "O1-1", "channel_item_id": "1", "sku": "A", "facility": "DEL1", "status": "FULFILLABLE"}]}],
        "parked": [{"cause": "UNKNOWN_ORDER", "order": "OD9", "observation": {"order": "OD9", "raw": "a \"b\"\n\u{20ac}"}}]});
    let dir = tempfile::tempdir().expect("a folder");
    let file = |name: &str| dir.path().join(name).display().to_string();
    fs::write(file("acme.json"), snapshot.to_string()).expect("a snapshot");
    let first = Host::new("");
    first.succeeds(&["import", &file("acme.json")]);
    let export = |host: &Host| host.succeeds(&["export", "--tenant", "acme"]);
    let whole = export(&first);
    first.succeeds(&["backup", &file("from-sqlite.gz")]);

    let moved = Host::on(&prepared(), APP);
    moved.succeeds(&["restore", &file("from-sqlite.gz")]);
    assert_eq!(export(&moved), whole);
    moved.succeeds(&["backup", &file("from-postgres.gz")]);
    let back = Host::new("");
    back.succeeds(&["restore", &file("from-postgres.gz")]);
    assert_eq!(export(&back), whole);
}

#[test]
fn what_stands_in_the_way_is_named_with_the_next_step() {
    let database = prepared();
    let list = ["tenant", "list"];
    let host = Host::on(&database, APP);
    host.succeeds(&list);

    let nowhere = Host::new("url = \"postgres://app:hush@127.0.0.1:1/db\"");
    let said = nowhere.fails(&list);
    assert!(said.contains("could not reach postgres://app@127.0.0.1:1/db"), "{said}");
    assert!(said.contains("check that the server runs") && !said.contains("hush"), "{said}");

    let guarded = |password: Option<&str>, name: &str| {
        Host::new(&format!("url = \"{}\"", database.url_with(GUARDED, password, name)))
    };
    let said = guarded(Some("hush"), database.name()).fails(&list);
    assert!(said.contains("does not accept the password of role app_guarded"), "{said}");
    assert!(said.contains("~/.pgpass") && !said.contains("hush"), "{said}");
    let said = guarded(None, database.name()).fails(&list);
    assert!(said.contains("password"), "{said}");

    let said = Host::new(&format!("url = \"{}\"", database.url_with(APP, None, "nowhere"))).fails(&list);
    assert!(said.contains("has no database nowhere; make it with CREATE DATABASE"), "{said}");
    let said = Host::on(&database, "stranger").fails(&list);
    assert!(said.contains("does not let role stranger in; make the role"), "{said}");
    let said = Host::new("url = \"postgres://app@h/db?sslmod=require\"").fails(&list);
    assert!(said.contains("has the parameter `sslmod`") && said.contains("sslmode"), "{said}");

    let said = guarded(Some(GUARDED_PASSWORD), database.name()).fails(&list);
    assert!(said.contains("`statusync database prepare` grants what is needed"), "{said}");
    let prepare = guarded(Some(GUARDED_PASSWORD), database.name());
    prepare.succeeds(&["database", "prepare", "--url", &database.url(OWNER)]);
    prepare.succeeds(&list);
}

#[test]
fn a_database_is_prepared_by_its_owner_before_hosts_work_with_it() {
    let database = Cluster::of_this_process().database();
    let host = Host::on(&database, APP);
    let said = host.fails(&["tenant", "list"]);
    assert!(said.contains("has no tables yet; run `statusync database prepare --url`"), "{said}");

    let said = host.fails(&["database", "prepare", "--url", &database.url(APP)]);
    assert!(said.contains("does not let role app make tables; name the owner"), "{said}");
    let said = host.fails(&["database", "prepare", "--url", &database.url(OWNER), "--role", "stranger"]);
    assert!(said.contains("has no role stranger; make it first: CREATE ROLE"), "{said}");
    let said = host.fails(&["database", "prepare", "--url", &database.url(OWNER), "--role", SUPERUSER]);
    assert!(said.contains("ALTER ROLE postgres NOSUPERUSER NOBYPASSRLS"), "{said}");
    let unnamed = Host::new("");
    let done = unnamed.run(&["database", "prepare", "--url", &database.url(OWNER)]);
    assert!(done.exit == 2 && done.err.contains("name it with --role"), "{}", done.err);

    let first = host.run(&["database", "prepare", "--url", &database.url(OWNER)]);
    assert!(first.err.contains("the tables are there already"), "an earlier one got as far: {}", first.err);
    host.succeeds(&["tenant", "add", "acme"]);

    let set = |version: &str| {
        database
            .execute(OWNER, &format!("UPDATE schema_version SET version = {version}"))
            .expect("it is set");
    };
    set("version + 7, oldest = version + 7");
    let said = host.fails(&["tenant", "list"]);
    assert!(said.contains("use the newer statusync that wrote it"), "{said}");
    set("version - 8, oldest = 1");
    let said = host.fails(&["tenant", "list"]);
    assert!(said.contains("and this program needs") && said.contains("database prepare"), "{said}");
}

#[test]
fn a_role_that_no_row_security_holds_is_refused_unless_it_is_allowed() {
    let database = prepared();
    for (role, what) in [(SUPERUSER, "is a superuser"), (OWNER, "owns the tables")] {
        let host = Host::on(&database, role);
        let said = host.fails(&["tenant", "list"]);
        assert!(said.contains(&format!("is entered as {role}, which {what}")), "{said}");
        assert!(said.contains("--allow-privileged-role"), "{said}");
        host.succeeds(&["--allow-privileged-role", "tenant", "list"]);
        let warned = host.run(&["--allow-privileged-role", "--log", "warn", "tenant", "list"]);
        assert!(warned.err.contains("the database does not keep tenants apart"), "{}", warned.err);
    }
    let bypassing = "bypassing";
    database
        .execute(SUPERUSER, &format!("CREATE ROLE {bypassing} LOGIN BYPASSRLS"))
        .expect("the role is made");
    let said = Host::on(&database, bypassing).fails(&["tenant", "list"]);
    assert!(said.contains("may bypass row security"), "{said}");

    // Alone on its database, with one role for everything, it makes the tables itself.
    let small = Cluster::of_this_process().database();
    let host = Host::on(&small, OWNER);
    host.succeeds(&["--allow-privileged-role", "tenant", "add", "acme"]);
    assert!(host.succeeds(&["--allow-privileged-role", "tenant", "list"]).contains("acme"));
}
