//! Keys are made, used and revoked.

use serde_json::json;
use statusync::access::Scope;

use crate::site::Site;

#[tokio::test]
async fn a_key_is_shown_once_serves_until_it_is_revoked_and_its_maker_is_noted() {
    let site = Site::new(1).await;
    let asked = json!({"label": "order system", "scopes": ["read"]});
    let made = site.send("POST", "/v1/tenants/acme/api-keys", asked).await;
    assert_eq!(made.status, 201);
    let (address, made) = (made.headers["location"].to_str().unwrap().to_owned(), made.good());
    let text = made["text"].as_str().unwrap();
    assert!(site.ask("GET", "/v1/tenants/acme/orders", text, None).await.status.is_success());

    let listed = site.get("/v1/tenants/acme/api-keys").await.good();
    assert_eq!(listed["rows"][0]["id"], made["key"]["id"]);
    assert!(listed["rows"][0]["last_used_at"].is_string(), "its use is noted: {listed}");
    assert!(!listed.to_string().contains(&text[20..]), "its text is not shown again");

    assert_eq!(site.ask("DELETE", &address, &site.root, None).await.status, 204);
    let refused = site.ask("GET", "/v1/tenants/acme/orders", text, None).await;
    assert_eq!(refused.problem(), "key.refused");
    let done = site.get("/v1/tenants/acme/actions").await.good();
    let actions: Vec<&str> =
        done["rows"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["DELETE /v1/tenants/{tenant}/api-keys/{key}", "POST /v1/tenants/{tenant}/api-keys"],
        "the newest first; looking is not noted"
    );
    assert!(done["rows"][0]["who"].as_str().unwrap().starts_with("key:"));
}

#[tokio::test]
async fn a_key_of_one_tenant_is_not_there_for_another() {
    let site = Site::new(1).await;
    let made = site.send("POST", "/v1/tenants/acme/api-keys", json!({"scopes": ["read"]})).await.good();
    let address = format!("/v1/tenants/other/api-keys/{}", made["key"]["id"].as_str().unwrap());
    assert_eq!(site.ask("DELETE", &address, &site.root, None).await.problem(), "api_key.not_found");
}

#[tokio::test]
async fn a_tenants_admin_sees_its_own_tenant_only_and_adds_none() {
    let site = Site::new(1).await;
    let admin = site.key(Some("acme"), &[Scope::Admin]).await;
    let seen = site.ask("GET", "/v1/tenants", &admin, None).await.good();
    assert_eq!(seen["rows"], json!([{"code": "acme", "live": true, "zone": "Asia/Kolkata"}]));
    for (method, path, body) in
        [("POST", "/v1/tenants", Some(json!({"code": "third"}))), ("DELETE", "/v1/tenants/acme", None)]
    {
        assert_eq!(site.ask(method, path, &admin, body).await.problem(), "scope.missing", "{method}");
    }
    let added = site.send("POST", "/v1/tenants", json!({"code": "third"})).await;
    assert_eq!(
        (added.status.as_u16(), &added.headers["location"]),
        (201, &"/v1/tenants/third".parse().unwrap())
    );
    assert_eq!(site.send("POST", "/v1/tenants", json!({"code": "third"})).await.problem(), "code.taken");
}
