//! A POST with an Idempotency-Key is done once.

use axum::body::Body;
use serde_json::{Value, json};
use statusync::storage::RunFilter;

use crate::site::{Answer, Site};

async fn post(site: &Site, path: &str, key: &str, body: &Value) -> Answer {
    let request =
        site.request("POST", path).header("content-type", "application/json").header("idempotency-key", key);
    site.raw(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_equal_requests_at_once_make_one_run() {
    let site = Site::with_market(5).await;
    let body = json!({"channel": "FK1", "task": "status"});
    let asked = (0..1_000).map(|_| post(&site, "/v1/tenants/acme/runs", "the-same", &body));
    let answers = futures_util::future::join_all(asked).await;
    let first = &answers[0].body["id"];
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body["id"]), (202, first), "{answer:?}");
        assert_eq!(answer.headers["location"], answers[0].headers["location"]);
    }
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(replayed, 999);
    let runs = site.store.runs(&RunFilter::default(), None, 10).await.unwrap();
    assert_eq!(runs.len(), 1, "{runs:?}");
}

#[tokio::test]
async fn the_same_key_with_another_body_or_address_is_refused() {
    let site = Site::new(1).await;
    let first = post(&site, "/v1/tenants", "k", &json!({"code": "one"})).await;
    assert_eq!(first.status, 201);
    assert_eq!(
        post(&site, "/v1/tenants", "k", &json!({"code": "two"})).await.problem(),
        "idempotency.other_request"
    );
    let elsewhere = post(&site, "/v1/tenants/acme/api-keys", "k", &json!({"code": "one"})).await;
    assert_eq!(elsewhere.problem(), "idempotency.other_request");
    let again = post(&site, "/v1/tenants", "k", &json!({"code": "one"})).await;
    assert_eq!((again.status.as_u16(), again.body), (201, first.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(again.headers["location"], "/v1/tenants/one");
    assert!(site.store.tenant(&"two".into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_request_that_came_to_nothing_may_be_tried_again_with_its_key() {
    let site = Site::new(1).await;
    let body = json!({"code": "late"});
    site.store.add_tenant(&"late".into()).await.unwrap();
    assert_eq!(post(&site, "/v1/tenants", "k", &body).await.problem(), "code.taken");
    site.store.remove_tenant(&"late".into()).await.unwrap();
    assert_eq!(post(&site, "/v1/tenants", "k", &body).await.status, 201);
}

#[tokio::test]
async fn a_key_that_is_shown_once_is_shown_again_to_a_repetition_and_not_kept_open() {
    let site = Site::new(1).await;
    let body = json!({"scopes": ["read"]});
    let first = post(&site, "/v1/tenants/acme/api-keys", "k", &body).await.good();
    let again = post(&site, "/v1/tenants/acme/api-keys", "k", &body).await.good();
    assert_eq!(first["text"], again["text"]);
    assert_eq!(site.get("/v1/tenants/acme/api-keys").await.good()["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_one_caller_means_nothing_to_another_and_a_key_that_is_none_is_refused() {
    let site = Site::new(1).await;
    assert_eq!(post(&site, "/v1/tenants", "k", &json!({"code": "one"})).await.status, 201);
    let other = site.key(None, &[statusync::access::Scope::Admin]).await;
    let request = axum::http::Request::post("/v1/tenants")
        .header("authorization", format!("Bearer {other}"))
        .header("content-type", "application/json")
        .header("idempotency-key", "k")
        .body(Body::from("{\"code\": \"two\"}"));
    assert_eq!(site.raw(request.unwrap()).await.status, 201);
    for wrong in ["", "with blank", &"x".repeat(256)] {
        let answer = post(&site, "/v1/tenants", wrong, &json!({"code": "three"})).await;
        assert_eq!(answer.problem(), "idempotency.key_wrong", "{wrong:?}");
    }
}
