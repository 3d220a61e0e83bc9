//! The daemon through its public command line while things change around it: connectors come and go, people sync.

mod place;
mod sync_now;

use std::fs;

use kit::built_programs;
use place::Place;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_is_dropped_in_begins_to_sync_and_one_that_is_taken_away_ends() {
    let library = built_programs::folder().unwrap().join("libflipkart.so");
    let place = Place::new(20).await;
    let daemon = place.daemon();
    let listed: Value = serde_json::from_slice(&place.run(&["--json", "connector", "list"])).unwrap();
    assert_eq!(listed["connectors"].as_array().map(Vec::len), Some(0), "{listed}");
    place.import();

    place.put(&library);
    place.run(&["connector", "reload"]);
    let row = place.until_last("status", "it syncs", |last| last["result"] == "SUCCESS").await;
    assert_eq!(row["connector"], "flipkart");
    let exported = String::from_utf8(place.run(&["export", "--tenant", "acme"])).unwrap();
    assert!(!exported.contains("client_secret"), "its secrets were sealed when its connector came");

    fs::write(place.data().join("plugins/libbroken.so"), "no library").unwrap();
    fs::remove_file(place.data().join("plugins/libflipkart.so")).unwrap();
    place.run(&["connector", "reload"]);
    place.run(&["-q", "tasks", "set", "--tenant", "acme", "--channel", "FK1", "--task", "status", "--now"]);
    let row = place.until_last("status", "it is skipped", |last| last["result"] == "SKIPPED").await;
    let message = row["last"]["message"].as_str().unwrap();
    assert!(message.contains("no libflipkart.so was found"), "{message}");

    place.put(&library);
    place.run(&["connector", "reload"]);
    place.run(&["-q", "tasks", "set", "--tenant", "acme", "--channel", "FK1", "--task", "status", "--now"]);
    place.until_last("status", "it syncs again", |last| last["result"] == "SUCCESS").await;
    let said = daemon.stop();
    assert!(said.iter().any(|line| line.contains("libbroken.so")), "the broken file is told: {said:?}");
}
