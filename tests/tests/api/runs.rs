//! "Sync now": runs are begun, followed, and told in the end.

use kit::faults::{Fault, Kind};
use serde_json::{Value, json};

use crate::site::Site;

/// Follows a run to its end and answers its events.
async fn followed(site: &Site, id: &str) -> Vec<(String, Value)> {
    let told = site.get(&format!("/v1/tenants/acme/runs/{id}/events")).await;
    assert_eq!(told.headers["content-type"], "text/event-stream");
    let text = told.body.as_str().unwrap().to_owned();
    let events = text.split("\n\n").filter(|event| event.starts_with("event: "));
    let read = |event: &str| {
        let (name, data) = event["event: ".len()..].split_once("\ndata: ").unwrap();
        (name.to_owned(), serde_json::from_str(data).unwrap())
    };
    events.map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_begun_followed_to_its_end_and_told_by_order() {
    let site = Site::with_market(20).await;
    site.simulator.as_ref().unwrap().advance(48);
    let begun = site.send("POST", "/v1/tenants/acme/runs", json!({"channel": "FK1", "matching": {}})).await;
    assert_eq!(begun.status, 202);
    let address = begun.headers["location"].to_str().unwrap().to_owned();
    let id = begun.good()["id"].as_str().unwrap().to_owned();
    assert_eq!(address, format!("/v1/tenants/acme/runs/{id}"));
    let events = followed(&site, &id).await;
    let (name, last) = events.last().unwrap();
    assert_eq!((name.as_str(), &last["result"]), ("ended", &"SUCCESS".into()), "{events:?}");
    let told = site.get(&address).await.good();
    assert!(told["run"]["counts"]["applied"].as_u64().unwrap() > 0, "{told}");
    assert!(!told["lines"].as_array().unwrap().is_empty(), "{told}");
    assert!(!told["orders"].as_array().unwrap().is_empty(), "each chosen order is told: {told}");
    let moments = told["timeline"]["moments"].as_array().unwrap();
    for what in ["call", "page"] {
        assert!(moments.iter().any(|moment| moment["what"] == what), "{what}: {moments:?}");
    }
    assert!(told["failed_call"].is_null(), "{told}");
    assert_eq!(followed(&site, &id).await.len(), 1, "one that has ended is told at once");
    assert_eq!(site.get("/v1/tenants/acme/runs").await.good()["rows"][0]["id"], id.as_str());
    for path in [format!("/v1/tenants/other/runs/{id}"), format!("/v1/tenants/other/runs/{id}/events")] {
        assert_eq!(site.get(&path).await.problem(), "run.not_found", "another tenant's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_failed_tells_the_call_after_which_the_marketplace_was_given_up() {
    let site = Site::with_market(5).await;
    let market = site.simulator.as_ref().unwrap();
    market.faults(vec![Fault::next(Kind::ServerError { status: 503 }).times(u32::MAX)]);
    let begun = site.send("POST", "/v1/tenants/acme/runs", json!({"channel": "FK1"})).await.good();
    let id = begun["id"].as_str().unwrap();
    followed(&site, id).await;
    let told = site.get(&format!("/v1/tenants/acme/runs/{id}")).await.good();
    assert_eq!(told["run"]["result"], "FAILED", "{told}");
    let call = &told["failed_call"];
    assert_eq!((&call["status"], call["told"]["reply"].is_string()), (&503.into(), true), "{told}");
    let failed = told["timeline"]["moments"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&failed["what"], &failed["status"]), (&"call".into(), &503.into()), "{told}");
    for secret in market.secrets().as_object().unwrap().values() {
        assert!(!told.to_string().contains(secret.as_str().unwrap()), "a secret is told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let site = Site::with_market(20).await;
    site.store.set_live(&"acme".into(), false).await.unwrap();
    site.simulator.as_ref().unwrap().advance(48);
    let before = site.get("/v1/tenants/acme/orders?limit=1000").await.good();
    let asked = json!({"channel": "FK1", "matching": {}, "dry_run": true});
    let begun = site.send("POST", "/v1/tenants/acme/runs", asked).await.good();
    let id = begun["id"].as_str().unwrap();
    assert!(id.starts_with("dry-"), "{begun}");
    followed(&site, id).await;
    let told = site.get(&format!("/v1/tenants/acme/runs/{id}")).await.good();
    assert!(told["lines"].as_array().unwrap().iter().any(|line| line["outcome"] == "APPLIED"), "{told}");
    assert_eq!(site.get("/v1/tenants/acme/orders?limit=1000").await.good(), before);
    assert_eq!(site.get("/v1/tenants/acme/runs").await.good()["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_tenant_that_is_not_live_is_skipped_with_the_message() {
    let site = Site::with_market(5).await;
    site.store.set_live(&"acme".into(), false).await.unwrap();
    let begun = site.send("POST", "/v1/tenants/acme/runs", json!({"channel": "FK1"})).await.good();
    assert_eq!(begun["result"], "SKIPPED");
    assert_eq!(begun["message"], "Sync not allowed as Tenant is not Live yet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_choice_that_makes_no_sense_is_refused() {
    let site = Site::with_market(5).await;
    for (body, code) in [
        (json!({"channel": "FK1", "orders": ["OD1"], "matching": {}}), "body.wrong"),
        (json!({"channel": "FK1", "matching": {"stauts": "CREATED"}}), "body.wrong"),
        (json!({"channel": "FK1", "matching": {"search": "nobody's"}}), "orders.none"),
        (json!({"channel": "FK1", "orders": ["nobody's"]}), "order.not_found"),
        (json!({"channel": "FK1", "task": "stauts"}), "body.wrong"),
        (json!({"channel": "FK1", "since": "yesterday"}), "body.wrong"),
        (json!({"channel": "FK9"}), "channel.not_found"),
    ] {
        let answer = site.send("POST", "/v1/tenants/acme/runs", body.clone()).await;
        assert_eq!(answer.problem(), code, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_host_stops_runs_end_and_none_is_begun() {
    let site = Site::with_market(5).await;
    let begun = site.send("POST", "/v1/tenants/acme/runs", json!({"channel": "FK1"})).await.good();
    site.closing.send_replace(true);
    let refused = site.send("POST", "/v1/tenants/acme/runs", json!({"channel": "FK1"})).await;
    assert_eq!(refused.problem(), "host.stopping");
    site.live.drain(&statusync::sync::Stop::default()).await;
    let ended = site.get(&format!("/v1/tenants/acme/runs/{}", begun["id"].as_str().unwrap())).await.good();
    assert!(ended["run"]["ended_at"].is_string(), "{ended}");
}
