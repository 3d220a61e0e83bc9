//! Everything moves from one kind of database into the other, whole or not at all.

use std::{fs, process::Stdio, time::Duration};

use kit::cluster::{APP, Cluster, OWNER};
use serde_json::json;

use super::{Host, prepared};

/// Two tenants, one with something of most kinds and enough orders that moving them takes a while.
fn snapshots(host: &Host) {
    let order = |n: usize| {
        json!({"code": format!("O{n}"), "channel": "FK1", "channel_order_id": format!("OD{n}"), "status": "PROCESSING",
            "shipping": "CHANNEL", "items": [{"code": format!("O{n}-1"), "channel_item_id": format!("{n}"), "sku": "A",
                "facility": "DEL1", "status": "FULFILLABLE"}]})
    };
    let big = json!({"tenant": "acme", "live": true, "facilities": [{"code": "DEL1"}],
        "sequences": [{"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "width": 4, "next": 7}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5, "blocked": 1}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1"}],
        "orders": (0..3_000).map(order).collect::<Vec<_>>(),
        "parked": [{"cause": "UNKNOWN_ORDER", "order": "OD-", "observation": {"order": "OD-", "raw": "a \"b\"\n\u{20ac}"}}]});
    let small =
        json!({"tenant": "beta", "live": false, "channels": [{"code": "FK1", "connector": "flipkart"}]});
    for (snapshot, name) in [(big, "big.json"), (small, "small.json")] {
        let file = host.dir.path().join(name);
        fs::write(&file, snapshot.to_string()).expect("a snapshot");
        host.succeeds(&["import", &file.display().to_string()]);
    }
}

fn export(host: &Host) -> String {
    ["acme", "beta"].map(|tenant| host.succeeds(&["export", "--tenant", tenant])).concat()
}

#[test]
fn everything_moves_to_postgresql_and_back_and_proves_itself() {
    let host = Host::new("");
    snapshots(&host);
    let whole = export(&host);
    let database = prepared();
    let url = database.url(APP);
    let moved = host.run(&["migrate-store", "--from", "sqlite", "--to", &url]);
    assert_eq!(moved.exit, 0, "{}", moved.err);
    for said in ["tenant acme: equal", "tenant beta: equal", "SHA-256", "2 tenants", "set [database] url in"]
    {
        assert!(moved.err.contains(said), "{said}: {}", moved.err);
    }
    assert_eq!(export(&host), whole, "the source stays as it is");
    let epochs = "SELECT lease_epoch FROM channels WHERE tenant = 'acme'";
    let epoch: i64 =
        database.execute("postgres", epochs).expect("an epoch").trim().parse().expect("a number");
    assert!(epoch >= 2, "{epoch}");

    host.configure(&format!("url = \"{url}\""));
    assert_eq!(export(&host), whole);
    let again = host.run(&["migrate-store", "--from", "sqlite", "--to", &url]);
    assert!(
        again.exit == 0 && again.err.contains("tenant beta: equal"),
        "it is there already: {}",
        again.err
    );
    let file = host.data().join("back.db").display().to_string();
    let back = host.run(&["migrate-store", "--from", "postgres", "--to", &file]);
    assert_eq!(back.exit, 0, "{}", back.err);
    host.configure(&format!("url = \"{file}\""));
    assert_eq!(export(&host), whole);
    assert!(host.succeeds(&["tenant", "list"]).contains("beta"));
}

#[test]
fn a_move_into_another_store_is_refused_where_something_would_be_lost() {
    let host = Host::new("\n[http]\nlisten = \"off\"");
    snapshots(&host);
    let url = prepared().url(APP);
    let refused = |arguments: &[&str], exit: i32, words: &str| {
        let done = host.run(&[&["migrate-store"], arguments].concat());
        assert!(done.exit == exit && done.err.contains(words), "{arguments:?}: {} {}", done.exit, done.err);
    };
    refused(&["--from", "sqlite", "--to", "sqlite"], 2, "the same database");
    refused(&["--from", "sqlite", "--to", "postgres"], 2, "names no PostgreSQL database; give its URL");
    refused(&["--from", "/nowhere/s.db", "--to", &url], 1, "there is no database /nowhere/s.db");
    let bare = Cluster::of_this_process().database().url(OWNER);
    refused(&["--from", "sqlite", "--to", &bare], 1, "database prepare");

    let taken = Host::on(&prepared(), APP);
    taken.succeeds(&["tenant", "add", "other"]);
    let config = fs::read_to_string(taken.data().join("config.toml")).expect("a configuration");
    let occupied = config.split('"').nth(1).expect("a URL").to_owned();
    refused(
        &["--from", "sqlite", "--to", &occupied],
        4,
        "tenant other (a target must have no tenants) is there",
    );

    let mut daemon = host.command(&["run", "--quiet"]);
    let mut daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a daemon");
    while !host.data().join("daemon.json").exists() {
        assert!(daemon.try_wait().expect("a state").is_none(), "the daemon runs");
        std::thread::yield_now();
    }
    refused(&["--from", "sqlite", "--to", &url], 4, "stop it first");
    daemon.kill().expect("it is killed");
    daemon.wait().expect("it ends");
    refused(&["--from", "sqlite", "--to", &url], 0, "equal");
}

#[test]
fn a_migration_that_is_killed_leaves_the_source_as_it_was_and_is_done_again() {
    let host = Host::new("");
    snapshots(&host);
    let whole = export(&host);
    let url = prepared().url(APP);
    let there = Host::new(&format!("url = \"{url}\""));
    fs::copy(host.data().join("key"), there.data().join("key")).expect("a key");
    let mut killed = 0;
    for step in 1_u32.. {
        let mut command = host.command(&["migrate-store", "--from", "sqlite", "--to", &url]);
        let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
        let until = std::time::Instant::now() + Duration::from_millis(40) * step;
        let ended = loop {
            if let Some(ended) = child.try_wait().expect("a state") {
                break Some(ended);
            }
            if std::time::Instant::now() >= until {
                break None;
            }
            std::thread::yield_now();
        };
        if let Some(ended) = ended {
            assert!(ended.success());
            break;
        }
        child.kill().expect("it is killed");
        child.wait().expect("it ends");
        killed += 1;
        let shown = there.succeeds(&["tenant", "list", "--json"]);
        if shown.contains("acme") {
            assert_eq!(
                there.succeeds(&["export", "--tenant", "acme"]),
                host.succeeds(&["export", "--tenant", "acme"])
            );
        }
    }
    assert!(killed >= 2, "{killed}");
    assert_eq!(export(&host), whole);
    assert_eq!(export(&there), whole);
}
