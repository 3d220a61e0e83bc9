//! A person syncs while the daemon does.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Output, Stdio},
    time::Instant,
};

use kit::{
    agreement::odd_numbers,
    built_programs,
    faults::{Fault, Kind},
};
use serde_json::Value;

use super::place::{PATIENCE, Place};

/// Every outcome that an order may be told of.
const TOLD: [&str; 8] =
    ["APPLIED", "UNCHANGED", "STALE", "CONFLICT", "PARKED", "IGNORED", "REFUSED", "NOT_MENTIONED"];

async fn ready(orders: u32) -> Place {
    let place = Place::new(orders).await;
    place.put(&built_programs::folder().unwrap().join("libflipkart.so"));
    place.import();
    place
}

/// Runs a command while the simulator answers.
async fn attempt(place: &Place, args: &[&str]) -> Output {
    tokio::process::Command::from(place.command(args)).output().await.unwrap()
}

fn document(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Asks about orders until no other run is on the channel; returns what was told, and how often another run was on.
async fn sync(place: &Place, ids: &str) -> (Value, u32) {
    let deadline = Instant::now() + PATIENCE;
    let mut held = 0;
    loop {
        let done = attempt(place, &["--json", "sync", "--tenant", "acme", "--orders", ids]).await;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        match done.status.code() {
            Some(0) => return (document(&done), held),
            Some(4) => {
                assert!(said.contains("Status sync of channel FK1 is already running since 20"), "{said}");
                held += 1;
            }
            code => panic!("{code:?}: {said}"),
        }
        assert!(Instant::now() < deadline, "the channel was never free: {said}");
    }
}

/// What was done more than once, by the history of a snapshot.
fn doubles(snapshot: &Value) -> Vec<String> {
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for change in list(&snapshot["history"]) {
        for effect in list(&change["effects"]) {
            let what = match effect["what"].as_str().unwrap_or_default() {
                "item" => format!("item {} became {}", effect["item"], effect["to"]),
                "invoice" => format!("invoice {} became {}", effect["number"], effect["to"]),
                "package_made" => format!("package {} was made", effect["package"]),
                _ => continue,
            };
            *times.entry(what).or_default() += 1;
        }
    }
    times
        .into_iter()
        .filter(|(_, times)| *times > 1)
        .map(|(what, times)| format!("{what} {times} times"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_orders_are_synced_by_hand_while_the_daemon_syncs_them_too() {
    let place = ready(500).await;
    let daemon = place.daemon();
    for task in ["status", "pending"] {
        let set =
            ["-q", "tasks", "set", "--tenant", "acme", "--channel", "FK1", "--task", task, "--every", "1s"];
        assert!(attempt(&place, &set).await.status.success());
    }
    let all =
        document(&attempt(&place, &["--json", "order", "list", "--tenant", "acme", "--limit", "1000"]).await);
    let codes: BTreeSet<String> = list(&all).map(|row| row["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 500);
    let ids = codes.iter().cloned().collect::<Vec<_>>().join(",");

    let mut applied = 0;
    for _ in 0..4 {
        place.simulator.advance(8);
        let (summary, _) = sync(&place, &ids).await;
        let told: BTreeMap<&str, &str> = list(&summary["orders"])
            .map(|told| (told["order"].as_str().unwrap(), told["outcome"].as_str().unwrap()))
            .collect();
        assert!(told.keys().copied().eq(codes.iter().map(String::as_str)), "an entry for each of the 500");
        for (order, outcome) in &told {
            assert!(TOLD.contains(outcome), "{order}: {outcome}");
        }
        applied += told.values().filter(|outcome| **outcome == "APPLIED").count();
        // The daemon comes to its turn between.
        let run = summary["run"].as_str().unwrap().trim_start_matches('R').parse::<u64>().unwrap();
        place
            .until_last("status", "the timer goes on", |last| {
                let last = last["run"].as_str().and_then(|id| id.trim_start_matches('R').parse::<u64>().ok());
                last.is_some_and(|last| last > run)
            })
            .await;
    }
    assert!(applied > 0, "the person's runs applied something");
    daemon.stop();

    let runs = document(&attempt(&place, &["--json", "runs", "--limit", "500"]).await);
    let by = |trigger: &str| list(&runs).filter(|run| run["trigger"] == trigger).count();
    assert!(by("MANUAL") == 4 && by("TIMER") > 0, "{} and {}", by("MANUAL"), by("TIMER"));
    assert!(list(&runs).all(|run| run["result"] != "FAILED"), "{runs}");
    let held = document(&attempt(&place, &["export", "--tenant", "acme"]).await);
    assert_eq!(doubles(&held), [""; 0]);
    assert_eq!(odd_numbers(&held), [""; 0]);
    let sent = list(&held["orders"]).flat_map(|order| list(&order["items"]));
    assert!(sent.filter(|item| item["status"] == "DISPATCHED").count() > 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_is_interrupted_ends_cleanly_and_is_written_down() {
    let place = ready(120).await;
    place.simulator.advance(24);
    // Nobody waits that long.
    let slow = Kind::SlowBody { millis: 600_000 };
    place.simulator.faults(vec![Fault::next(slow).after(3).times(1_000)]);
    let sync = ["sync", "--tenant", "acme", "--channel", "FK1", "--all"];
    let mut command = tokio::process::Command::from(place.command(&sync));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id().unwrap().to_string();

    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = document(&attempt(&place, &["--json", "tasks", "--tenant", "acme"]).await);
        if list(&tasks).any(|row| row["running"] == "R1") {
            break;
        }
        assert!(Instant::now() < deadline, "it does not begin: {tasks}");
    }
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ended = child.wait_with_output().await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped before the run ended"), "{said}");

    let kept = document(&attempt(&place, &["--json", "runs", "R1"]).await);
    let (result, message) = (&kept["run"]["result"], kept["run"]["message"].as_str().unwrap());
    assert!(*result == "SKIPPED" || *result == "PARTIAL", "{kept}");
    assert!(message.starts_with("stopped before the run ended"), "{message}");
    let untold = list(&kept["orders"])
        .filter(|told| told["message"].as_str().unwrap().contains("the run was stopped"));
    assert!(untold.count() > 0, "{kept}");

    place.simulator.faults(Vec::new());
    let again = attempt(&place, &sync).await;
    assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
}
