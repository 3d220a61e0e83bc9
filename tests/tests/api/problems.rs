//! Whatever goes wrong is told as a problem with a code, a sentence and a remedy.

use axum::body::Body;
use serde_json::json;

use crate::site::Site;

#[tokio::test]
async fn every_mistake_of_a_caller_is_a_problem_that_names_it() {
    let site = Site::new(2).await;
    let json = |method: &str, path: &str, body: &str| {
        site.request(method, path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let bare = |method: &str, path: &str| site.request(method, path).body(Body::empty()).unwrap();
    let patch = "/v1/tenants/acme";
    let large = format!("{{\"live\": \"{}\"}}", "x".repeat(2 << 20));
    for (request, status, code, part) in [
        (bare("GET", "/v1/nothing"), 404, "route.not_found", "/v1/nothing"),
        (bare("GET", "/v2"), 404, "route.not_found", "/v2"),
        (bare("POST", "/v1/tenants/acme"), 405, "method.not_allowed", "does not take POST"),
        (bare("GET", "/v1/tenants/acme/orders?limit=0"), 400, "query.wrong", "limit"),
        (bare("GET", "/v1/tenants/acme/orders?limit=x"), 400, "query.wrong", "limit"),
        (
            bare("GET", "/v1/tenants/acme/orders?stauts=COMPLETE"),
            400,
            "query.wrong",
            "did you mean `status`?",
        ),
        (bare("GET", "/v1/tenants/acme/orders?status=COMPLET"), 400, "query.wrong", "COMPLETE"),
        (bare("GET", "/v1/tenants/acme/runs?after=12"), 400, "query.wrong", "after"),
        (bare("GET", "/v1/tenants/%FF/orders"), 400, "path.wrong", "UTF-8"),
        (json("PATCH", patch, "{\"live\": tru}"), 400, "body.malformed", "1:13"),
        (json("PATCH", patch, "{\"live\":\n \"yes\"}"), 422, "body.wrong", "2:"),
        (json("PATCH", patch, "{\"lives\": true}"), 422, "body.wrong", "did you mean `live`?"),
        (json("PATCH", patch, &large), 413, "body.too_large", "1 MiB"),
        (bare("PATCH", patch), 415, "body.not_json", "no type"),
        (bare("GET", "/v1/tenants/acme/orders/O9"), 404, "order.not_found", "O9"),
        (bare("GET", "/v1/tenants/acme/runs/R9"), 404, "run.not_found", "R9"),
        (bare("GET", "/v1/tenants/acme/channels/FK"), 404, "channel.not_found", "did you mean `FK1`?"),
        (bare("GET", "/v1/connectors/flipkart"), 404, "connector.not_found", "flipkart"),
        (bare("POST", "/v1/tenants/acme/conflicts/CF9/keep"), 404, "conflict.not_found", "CF9"),
    ] {
        let asked = format!("{} {}", request.method(), request.uri());
        let answer = site.raw(request).await;
        assert_eq!((answer.status.as_u16(), answer.problem()), (status, code), "{asked}");
        let said = answer.body.to_string();
        assert!(said.contains(part), "{asked}: {said}");
    }
}

#[tokio::test]
async fn a_method_that_is_not_taken_is_answered_with_those_that_are() {
    let site = Site::new(0).await;
    let answer = site.ask("POST", "/v1/tenants/acme", &site.root, None).await;
    let allowed = answer.headers["allow"].to_str().unwrap();
    for method in ["GET", "PATCH", "DELETE"] {
        assert!(allowed.contains(method), "{allowed}");
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_body_is_placed() {
    let site = Site::new(0).await;
    let answer = site.send("PATCH", "/v1/tenants/acme", json!({"live": 1})).await;
    assert_eq!(answer.problem(), "body.wrong");
    assert_eq!(
        answer.body["errors"],
        json!([{"path": "live", "line": 1, "column": 9, "problem": "invalid type: integer `1`, expected a boolean"}])
    );
}

#[tokio::test]
async fn no_answer_may_be_kept_or_shown_by_a_browser() {
    let site = Site::new(0).await;
    for path in ["/v1/tenants", "/v1/nothing", "/v1/openapi.json"] {
        let answer = site.get(path).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert!(
            answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"),
            "{path}"
        );
    }
}
