//! Webhooks are made, told, tested, changed and removed.

use serde_json::{Value, json};
use statusync::access::Scope;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::site::Site;

const HOOKS: &str = "/v1/tenants/acme/webhooks";

async fn receiver(status: u16) -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_string("thanks");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn made(site: &Site, url: &str, events: Value) -> (String, String) {
    let made = site.send("POST", HOOKS, json!({"url": url, "label": "order system", "events": events})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let address = made.headers["location"].to_str().unwrap().to_owned();
    let made = made.good();
    assert_eq!(address, format!("{HOOKS}/{}", made["webhook"]["id"].as_str().unwrap()));
    (address, made["secret"].as_str().unwrap().to_owned())
}

fn new_order(n: usize) -> Value {
    json!({"code": format!("N{n}"), "channel": "FK1", "channel_order_id": format!("NEW{n}"), "status": "CREATED",
        "items": [{"code": format!("N{n}-1"), "sku": "A", "facility": "DEL1", "status": "CREATED"}]})
}

#[tokio::test]
async fn an_order_that_is_handed_over_is_told_and_the_secret_is_shown_once() {
    let site = Site::new(1).await;
    let server = receiver(200).await;
    let (address, secret) = made(&site, &server.uri(), json!([])).await;
    assert!(secret.starts_with("whsec_"));
    for path in [HOOKS, address.as_str()] {
        let shown = site.get(path).await.good().to_string();
        assert!(!shown.contains(&secret[6..]) && shown.contains("order system"), "{shown}");
    }
    site.send("PUT", "/v1/tenants/acme/orders/N1", new_order(1)).await.good();
    assert_eq!(site.get(&address).await.good()["waiting"], 1);
    assert_eq!(site.sender.send_due().await, 1);
    let told: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert_eq!((&told["type"], &told["data"]["order"]["code"]), (&json!("order.taken"), &json!("N1")));
    let reader = site.key(Some("acme"), &[Scope::Read]).await;
    let listed = site.ask("GET", &format!("{address}/deliveries"), &reader, None).await.good();
    let row = &listed["rows"][0];
    assert_eq!(
        (&row["state"], &row["order"], &row["kind"]),
        (&json!("DELIVERED"), &json!("N1"), &json!("order.taken"))
    );
    assert_eq!((&row["attempts"][0]["status"], &row["attempts"][0]["said"]), (&json!(200), &json!("thanks")));
    let state = site.get(&address).await.good();
    assert_eq!(
        (&state["waiting"], &state["enabled"], &state["failing_since"]),
        (&json!(0), &json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn what_was_told_is_told_again_since_an_instant_and_listed_in_pages() {
    let site = Site::new(1).await;
    let server = receiver(200).await;
    let (address, _) = made(&site, &server.uri(), json!(["order.taken"])).await;
    for n in 1..=3 {
        site.send("PUT", &format!("/v1/tenants/acme/orders/N{n}"), new_order(n)).await.good();
    }
    assert_eq!(site.sender.send_due().await, 3);
    let operator = site.key(Some("acme"), &[Scope::Operate]).await;
    let replay = format!("{address}/replay");
    let again =
        site.ask("POST", &replay, &operator, Some(json!({"since": "2020-01-01T00:00:00+05:30"}))).await;
    assert_eq!((again.status.as_u16(), again.good()), (202, json!({"deliveries": 3})));
    assert_eq!(site.sender.send_due().await, 3);
    let wrong = site.send("POST", &replay, json!({"since": "yesterday"})).await;
    assert_eq!(wrong.problem(), "body.wrong");

    let deliveries = format!("{address}/deliveries");
    let first = site.get(&format!("{deliveries}?limit=2&state=DELIVERED")).await.good();
    assert_eq!(first["rows"].as_array().unwrap().len(), 2);
    let rest = format!("{deliveries}?after={}", first["next"].as_str().unwrap());
    let last = site.get(&rest).await.good();
    assert_eq!((last["rows"].as_array().unwrap().len(), &last["next"]), (1, &Value::Null));
    assert_eq!(last["rows"][0]["attempts"].as_array().unwrap().len(), 2);
    assert_eq!(site.get(&format!("{deliveries}?state=LATE")).await.problem(), "query.wrong");
}

#[tokio::test]
async fn a_test_tells_how_it_went() {
    let site = Site::new(1).await;
    let (well, ill) = (receiver(204).await, receiver(500).await);
    let (address, _) = made(&site, &well.uri(), json!([])).await;
    let tested = site.send("POST", &format!("{address}/test"), json!({})).await.good();
    assert_eq!((&tested["delivered"], &tested["attempt"]["status"]), (&json!(true), &json!(204)));
    site.send("PATCH", &address, json!({"url": ill.uri()})).await.good();
    let tested = site.send("POST", &format!("{address}/test"), json!({})).await.good();
    assert_eq!((&tested["delivered"], &tested["attempt"]["said"]), (&json!(false), &json!("thanks")));
}

#[tokio::test]
async fn a_webhook_is_changed_rotated_disabled_and_removed() {
    let site = Site::new(1).await;
    let (address, secret) = made(&site, "https://example.com/hook", json!(["run.finished"])).await;
    let changed = site.send("PATCH", &address, json!({"events": [], "enabled": false})).await.good();
    assert_eq!((&changed["events"], &changed["enabled"]), (&json!([]), &json!(false)));
    assert_eq!(changed["disabled_because"], "a person disabled it");
    let rotated = site.send("POST", &format!("{address}/rotate"), json!({"overlap_hours": 1})).await.good();
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_") && rotated["secret"] != json!(secret));
    let enabled = site.send("PATCH", &address, json!({"enabled": true})).await.good();
    assert_eq!((&enabled["enabled"], &enabled["disabled_at"]), (&json!(true), &Value::Null));
    assert_eq!(site.ask("DELETE", &address, &site.root, None).await.status, 204);
    for (method, path, body) in [
        ("GET", address.clone(), None),
        ("PATCH", address.clone(), Some(json!({}))),
        ("DELETE", address.clone(), None),
        ("GET", format!("{address}/deliveries"), None),
        ("POST", format!("{address}/test"), Some(json!({}))),
        ("POST", format!("{address}/rotate"), Some(json!({}))),
        ("POST", format!("{address}/replay"), Some(json!({"since": "2026-01-01T00:00:00Z"}))),
    ] {
        assert_eq!(
            site.ask(method, &path, &site.root, body).await.problem(),
            "webhook.not_found",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_webhook_of_one_tenant_is_not_there_for_another() {
    let site = Site::new(1).await;
    let (address, _) = made(&site, "https://example.com/hook", json!([])).await;
    let foreign = address.replace("/acme/", "/other/");
    assert_eq!(site.get(&foreign).await.problem(), "webhook.not_found");
    assert_eq!(site.get("/v1/tenants/other/webhooks").await.good()["rows"], json!([]));
}

#[tokio::test]
async fn a_url_that_leads_where_nothing_may_be_sent_is_refused() {
    let site = Site::new(1).await;
    for url in [
        "http://example.com/",
        "https://10.0.0.1/",
        "https://[fd12::1]/",
        "https://me:secret@example.com/",
        "ftp://example.com/",
        "example.com",
        "",
    ] {
        let refused = site.send("POST", HOOKS, json!({"url": url})).await;
        assert_eq!(refused.problem(), "body.wrong", "{url}");
        assert!(!refused.body.to_string().contains("secret"), "{refused:?}");
    }
    let unknown =
        site.send("POST", HOOKS, json!({"url": "https://example.com/", "events": ["order.lost"]})).await;
    assert_eq!(unknown.problem(), "body.wrong");
    assert_eq!(site.get(HOOKS).await.good()["rows"], json!([]));
}

#[tokio::test]
async fn the_document_describes_every_event_that_is_sent() {
    let site = Site::new(0).await;
    let document = site.ask("GET", "/v1/openapi.json", "", None).await.good();
    let told: Vec<&str> = document["webhooks"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        told,
        ["conflict.opened", "order.status_changed", "order.taken", "run.finished", "webhook.test"]
    );
    for (kind, item) in document["webhooks"].as_object().unwrap() {
        let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["properties"]["type"]["const"], json!(kind));
        let data = schema["properties"]["data"]["$ref"].as_str().unwrap();
        let data = document.pointer(data.trim_start_matches('#')).unwrap();
        assert!(data["properties"]["tenant"].is_object(), "{kind}: {data}");
    }
}
