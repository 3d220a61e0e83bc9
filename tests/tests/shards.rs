//! A seller moves between three PostgreSQL clusters while a daemon keeps syncing: nothing is lost and nothing done twice.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kit::{
    agreement::{Units, odd_numbers},
    built_programs,
    cluster::{APP, Cluster, Database, OWNER},
    simulators::{Config, Simulator, flipkart::Flipkart},
};
use serde_json::Value;

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(built_programs::folder().expect("it builds").join("statusync"));
        command.arg("--data").arg(self.data()).args(arguments).stdin(Stdio::null()).env_remove("PGPASSWORD");
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let done = self.command(arguments).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (done.status.code().unwrap_or(-1), text(&done.stdout), text(&done.stderr))
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (exit, out, err) = self.run(arguments);
        assert_eq!(exit, 0, "{arguments:?}: {out}{err}");
        out
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        serde_json::from_str(&self.succeeds(arguments)).expect("a list")
    }

    /// Runs of a tenant that have ended, and those that have not.
    fn runs(&self, tenant: &str) -> (Vec<Value>, Vec<Value>) {
        let runs = self.json(&["--json", "runs", "--tenant", tenant, "--limit", "1000"]);
        runs.into_iter().partition(|run| !run["ended_at"].is_null())
    }

    /// Waits until so many more runs of the tenant have ended well.
    fn work_goes_on(&self, tenant: &str) {
        let newest = |runs: &[Value]| {
            let ids =
                runs.iter().filter_map(|run| run["id"].as_str()?.strip_prefix('R')?.parse::<i64>().ok());
            ids.max().unwrap_or(0)
        };
        let before = newest(&self.runs(tenant).0);
        let deadline = Instant::now() + PATIENCE;
        while newest(&self.runs(tenant).0) < before + 2 {
            assert!(Instant::now() < deadline, "runs of {tenant} go on after R{before}");
        }
    }
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn prepared(place: &Place, cluster: &Cluster) -> Database {
    let database = cluster.database();
    place.succeeds(&["database", "prepare", "--url", &database.url(OWNER), "--role", APP]);
    database
}

/// Changes that stand in the history twice: what a page does a second time.
fn doubles(snapshot: &Value) -> Vec<String> {
    let mut changes: Vec<String> = snapshot["history"]
        .as_array()
        .expect("history")
        .iter()
        .map(|change| format!("{} {} {}", change["order"], change["row"], change["effects"]))
        .collect();
    changes.sort();
    changes.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_moves_between_three_clusters_while_it_is_synced() {
    let place = Place { dir: tempfile::tempdir().expect("a folder") };
    place.succeeds(&["init"]);
    let (second, third) = (Cluster::alone(), Cluster::alone());
    let control = prepared(&place, Cluster::of_this_process());
    let others = [prepared(&place, &second), prepared(&place, &third)];
    let config = format!(
        "[database]\nurl = \"{}\"\n[http]\nlisten = \"off\"\n[egress]\nallow_loopback = true\n[sync]\nrate_plan = false\n[plugins]\ndirs = [\"{}\"]\n",
        control.url(APP),
        built_programs::folder().expect("it builds").display()
    );
    fs::write(place.data().join("config.toml"), config).expect("a configuration");

    let clock = || jiff::Timestamp::now().as_millisecond();
    let simulator =
        Simulator::start(Flipkart, Config { backdate_ms: 60_000, ..Config::new(17, 60, clock) }).await;
    let simulator = simulator.expect("it starts");
    for tenant in ["acme", "beta"] {
        let mut snapshot = simulator.snapshot(tenant);
        snapshot["live"] = Value::Bool(true);
        let file = place.dir.path().join(format!("{tenant}.json"));
        fs::write(&file, snapshot.to_string()).expect("a snapshot");
        place.succeeds(&["import", &file.display().to_string()]);
    }
    let log = fs::File::create(place.dir.path().join("daemon.log")).expect("a log");
    let daemon = place.command(&["run", "--log", "warn"]).stderr(log).stdout(Stdio::null()).spawn();
    let daemon = Daemon(daemon.expect("a daemon"));
    let deadline = Instant::now() + PATIENCE;
    let is_often = |row: &&Value| row["task"] == "status" || row["task"] == "pending";
    while place.json(&["--json", "tasks"]).iter().filter(is_often).count() < 4 {
        assert!(Instant::now() < deadline, "tasks are made");
    }
    // As often as they can be.
    for tenant in ["acme", "beta"] {
        for task in ["status", "pending"] {
            let of = ["--tenant", tenant, "--channel", "FK1", "--task", task, "--every", "1s", "--now"];
            place.succeeds(&[&["-q", "tasks", "set"], &of[..]].concat());
        }
    }
    place.work_goes_on("acme");
    let mut ended_before: Vec<Value> = Vec::new();
    for to in [others[0].url(APP), others[1].url(APP), "control".to_owned(), others[1].url(APP)] {
        simulator.advance(24);
        let (exit, out, err) = place.run(&["tenant", "move", "acme", "--to", &to]);
        assert_eq!(exit, 0, "{out}{err}");
        assert!(err.contains("export equal before and after"), "{err}");
        let (ended, _) = place.runs("acme");
        let failed: Vec<&Value> = ended.iter().filter(|run| run["result"] == "FAILED").collect();
        assert!(failed.is_empty(), "no run was cut off by the move: {failed:?}");
        // Quiet runs of a task are forgotten but for the last thirty; those with something to tell are all there.
        for run in ended_before.iter().filter(|run| run["counts"]["applied"] != 0) {
            assert!(ended.contains(run), "{run} came with the tenant");
        }
        ended_before = ended;
        place.work_goes_on("acme");
        place.work_goes_on("beta");
    }
    assert!(ended_before.iter().any(|run| run["counts"]["applied"] != 0), "there was work");
    let listed = place.succeeds(&["tenant", "list"]);
    assert!(listed.contains("control") && listed.contains("postgres://app@"), "{listed}");
    drop(daemon);

    for task in ["pending", "status", "returns", "delivery"] {
        let sync = place.run(&["sync", "--tenant", "acme", "--channel", "FK1", "--task", task]);
        assert_eq!(sync.0, 0, "{}", sync.2);
    }
    let held: Value =
        serde_json::from_str(&place.succeeds(&["export", "--tenant", "acme"])).expect("an export");
    let differences = Units::said(&simulator).differences(&Units::held(&held, "FK1"));
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(odd_numbers(&held).is_empty(), "{:?}", odd_numbers(&held));
    assert!(doubles(&held).is_empty(), "{:?}", doubles(&held));
    let log = fs::read_to_string(place.dir.path().join("daemon.log")).expect("a log");
    assert!(!log.contains("run failed") && !log.contains("could not be done"), "{log}");
}
