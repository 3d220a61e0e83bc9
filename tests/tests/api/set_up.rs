//! Tenants, channels and what belongs to them are set up.

use serde_json::{Value, json};

use crate::site::Site;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seller_is_set_up_from_nothing_and_its_connection_tested() {
    let site = Site::with_market(5).await;
    let market = site.simulator.as_ref().unwrap();
    let send = async |method: &str, path: &str, body: Value| site.send(method, path, body).await.good();
    send("POST", "/v1/tenants", json!({"code": "new"})).await;
    send("PUT", "/v1/tenants/new/facilities/DEL1", json!({"traceability": "NONE"})).await;
    let series = json!({"prefix": "INV/", "next": 1, "width": 4});
    send("PUT", "/v1/tenants/new/sequences/DEL1/SALE_INVOICE", series).await;
    let stock = send("PUT", "/v1/tenants/new/stock/DEL1/A", json!({"on_hand": 7})).await;
    assert_eq!(stock["available"], 7);

    let form = site.get("/v1/connectors/flipkart").await.good()["form"].clone();
    let secret =
        form.as_array().unwrap().iter().find(|field| field["name"] == "client_secret").unwrap().clone();
    assert_eq!((&secret["secret"], &secret["required"]), (&json!(true), &json!(true)));
    let traits = json!({"default_facility": "DEL1", "settings": market.settings()});
    let asked = json!({"code": "FK1", "connector": "flipkart", "traits": traits});
    let added = send("POST", "/v1/tenants/new/channels", asked).await;
    assert!(added["missing_secrets"].as_array().unwrap().contains(&json!("client_secret")), "{added}");
    let tasks = site.get("/v1/tenants/new/tasks").await.good();
    assert_eq!(tasks["rows"].as_array().unwrap().len(), 4, "its connector serves four: {tasks}");

    let test = "/v1/tenants/new/channels/FK1/test";
    let asked = send("POST", test, Value::Null).await;
    assert_eq!(asked["works"], false, "{asked}");
    let stored = send("PUT", "/v1/tenants/new/channels/FK1/secrets", market.secrets()).await;
    assert_eq!(stored["missing_secrets"], json!([]));
    let text = stored.to_string();
    for value in market.secrets().as_object().unwrap().values() {
        assert!(!text.contains(value.as_str().unwrap()), "no secret is shown: {text}");
    }
    let asked = send("POST", test, Value::Null).await;
    assert_eq!((&asked["works"], &asked["kind"]), (&json!(true), &Value::Null), "{asked}");

    let off = send("PATCH", "/v1/tenants/new/channels/FK1", json!({"enabled": false})).await;
    assert_eq!(off["channel"]["enabled"], false);
    let rates = off["rates"].as_array().unwrap();
    assert!(!rates.is_empty() && rates.iter().all(|rate| rate["free"] == rate["burst"]), "{off}");
    assert_eq!(off["pauses"], json!([]));
    let task = "/v1/tenants/new/channels/FK1/tasks/status";
    let changed = send("PATCH", task, json!({"interval_secs": 300, "enabled": false})).await;
    assert_eq!((&changed["interval_secs"], &changed["enabled"]), (&json!(300), &json!(false)));
    send("POST", &format!("{task}/run-now"), Value::Null).await;
    assert_eq!(send("PATCH", "/v1/tenants/new", json!({"live": true})).await["live"], true);
    let moved = send("PATCH", "/v1/tenants/new", json!({"zone": "asia/dubai"})).await;
    assert_eq!(moved, json!({"code": "new", "live": true, "zone": "Asia/Dubai"}), "what is left out stays");
    let wrong = site.send("PATCH", "/v1/tenants/new", json!({"zone": "Nowhere"})).await;
    assert_eq!((wrong.problem(), &wrong.body["errors"][0]["path"]), ("body.wrong", &json!("zone")));
    assert_eq!(site.ask("DELETE", "/v1/tenants/new", &site.root, None).await.status, 204);
    assert_eq!(site.get("/v1/tenants/new").await.problem(), "tenant.not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_the_connector_does_not_take_are_refused_by_name() {
    let site = Site::with_market(5).await;
    let channel = "/v1/tenants/acme/channels/FK1";
    for (path, body, code, part) in [
        (
            channel.to_owned(),
            json!({"settings": {"base_urll": "x"}}),
            "settings.wrong",
            "did you mean `base_url`?",
        ),
        (channel.to_owned(), json!({"settings": {"client_secret": "hush"}}), "settings.wrong", "is a secret"),
        (channel.to_owned(), json!({"default_facility": "NO"}), "facility.not_found", "NO"),
        (format!("{channel}/tasks/status"), json!({"interval_secs": 0}), "body.wrong", "interval_secs"),
        (format!("{channel}/tasks/stauts"), json!({}), "task.not_found", "status"),
    ] {
        let refused = site.send("PATCH", &path, body).await;
        assert_eq!(refused.problem(), code);
        let said = refused.body["detail"].as_str().unwrap();
        assert!(said.contains(part) && !said.contains("hush"), "{said}");
    }
    let refused =
        site.send("PUT", &format!("{channel}/secrets"), json!({"base_url": "https://a.example"})).await;
    assert_eq!(refused.problem(), "settings.wrong");
}

#[tokio::test]
async fn a_putaway_is_completed_once_and_a_conflict_decided_once() {
    let site = Site::new(3).await;
    let putaway = "/v1/tenants/acme/putaways/PA1/complete";
    let done = site.send("POST", putaway, json!({"quality": "BAD_INVENTORY"})).await.good();
    assert_eq!(done["order"], "O1");
    assert_eq!(
        site.send("POST", putaway, json!({"quality": "BAD_INVENTORY"})).await.problem(),
        "state.refused"
    );
    let keep = "/v1/tenants/acme/conflicts/CF1/keep";
    assert_eq!(site.send("POST", keep, Value::Null).await.good()["order"], "O2");
    assert_eq!(site.send("POST", keep, Value::Null).await.problem(), "state.refused");
    assert_eq!(site.get("/v1/tenants/acme/conflicts").await.good()["rows"], json!([]));
    let all = site.get("/v1/tenants/acme/conflicts?all=true").await.good();
    assert_eq!(all["rows"][0]["conflict"]["decision"], "KEEP");
}
