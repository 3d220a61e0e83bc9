//! The settings of a tenant: live or not, facilities, number series, stock, keys, people, what was done.

use statusync::{
    access::{PresentedKey, Role},
    domain::invoice::SequenceKind,
};

use crate::site::{PASSWORD, Site};

const SETTINGS: &str = "/console/t/acme/settings";

#[tokio::test]
async fn a_tenant_goes_live_only_by_who_has_read_what_it_means() {
    let site = Site::new().await;
    site.person_in("ana", Some("other"), Role::Admin).await;
    let cookie = site.sign_in("ana", PASSWORD).await.cookie();
    let page = site.get("/console/t/other/settings", &cookie).await;
    page.shows(
        200,
        &["is not live", "Go live", "What was applied is not taken back", "There is no facility yet"],
    );
    let live = "/console/t/other/settings/live";
    site.post(live, &cookie, &[("to", "live")]).await.shows(422, &["Tick the box"]);
    site.post(live, &cookie, &[("to", "asleep"), ("sure", "yes")]).await.shows(422, &["<code>asleep</code>"]);
    let is_live = async || site.store.tenant(&"other".into()).await.unwrap().unwrap().live;
    assert!(!is_live().await);
    let done = site.post(live, &cookie, &[("to", "live"), ("sure", "yes")]).await;
    site.get(done.leads_to(), &cookie).await.shows(200, &["The tenant is live", "Take the tenant off live"]);
    assert!(is_live().await);
    let done = site.post(live, &cookie, &[("to", "not-live")]).await;
    site.get(done.leads_to(), &cookie).await.shows(200, &["not live any more"]);
    assert!(!is_live().await);
}

#[tokio::test]
async fn times_are_shown_in_the_tenants_zone() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    site.get(SETTINGS, &cookie).await.shows(200, &["<strong>Asia/Kolkata</strong>", " IST."]);
    let zone = format!("{SETTINGS}/zone");
    site.post(&zone, &cookie, &[("zone", "Asia/Nowhere")])
        .await
        .shows(422, &["There is no time zone", "Asia/Nowhere"]);
    let done = site.post(&zone, &cookie, &[("zone", "asia/dubai")]).await;
    let page = site.get(done.leads_to(), &cookie).await;
    page.shows(200, &["in this time zone from now on", "<strong>Asia/Dubai</strong>", " +04."]);
    let log = site.get(&format!("{SETTINGS}/log"), &cookie).await;
    log.shows(200, &["changed the time zone", " +04, ", "title=\"POST /console/t/acme/settings/zone\""]);
    assert!(!log.text.contains(" IST"), "{}", log.text);
    let viewer = site.signed_in("eve", Role::Viewer).await;
    assert!(!site.get(SETTINGS, &viewer).await.text.contains("IANA name"));
}

#[tokio::test]
async fn facilities_are_added_and_changed_and_what_is_wrong_is_named() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/facilities");
    let put = async |code: &str, kind: &str| {
        site.post(&path, &cookie, &[("code", code), ("traceability", kind)]).await
    };
    assert_eq!(put("BLR1", "ITEM").await.leads_to(), path);
    assert_eq!(put("DEL1", "SKU").await.leads_to(), path);
    site.get(&path, &cookie).await.shows(200, &["BLR1", "one by one", "by product"]);
    put("", "ITEM").await.shows(422, &["wrong-code", "A code cannot be empty."]);
    put("X", "SMELL").await.shows(422, &["wrong-traceability", "Choose one."]);
    assert_eq!(site.store.facilities(&"acme".into()).await.unwrap().len(), 2);
    let viewer = site.signed_in("eve", Role::Viewer).await;
    assert!(!site.get(&path, &viewer).await.text.contains("Save the facility"));
}

#[tokio::test]
async fn number_series_are_changed_and_a_number_that_breaks_the_rules_is_refused() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/sequences");
    let chosen = site.get(&format!("{path}?owner=DEL1&kind=SALE_INVOICE"), &cookie).await;
    chosen.shows(200, &["value=\"INV/\"", "INV/1", "value=\"SALE_INVOICE\" selected"]);
    let fields = |prefix: &'static str, next: &'static str| {
        [
            ("owner", "DEL1"),
            ("kind", "SALE_INVOICE"),
            ("prefix", prefix),
            ("next", next),
            ("width", "4"),
            ("restarts", "yes"),
        ]
    };
    assert_eq!(site.post(&path, &cookie, &fields("INV/25-26/", "42")).await.leads_to(), path);
    site.get(&path, &cookie).await.shows(200, &["INV/25-26/0042"]);
    let wrong = site.post(&path, &cookie, &fields("INVOICE/2025-26/", "1")).await;
    wrong.shows(422, &["wrong-prefix", "too long"]);
    site.post(&path, &cookie, &fields("INV/", "soon")).await.shows(422, &["wrong-next", "whole number"]);
    site.post(&path, &cookie, &[]).await.shows(422, &["wrong-owner", "wrong-kind", "wrong-width"]);
    let kept = site.store.sequences(&"acme".into()).await.unwrap();
    let invoice = kept.iter().find(|row| row.kind == SequenceKind::SaleInvoice).unwrap();
    assert_eq!((invoice.prefix.as_str(), invoice.next, kept.len()), ("INV/25-26/", 42, 2));
}

#[tokio::test]
async fn stock_is_looked_up_and_what_is_on_hand_is_set() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/stock");
    site.get(&path, &cookie).await.shows(200, &["5000", "120", "4880"]);
    site.get(&format!("{path}?search=nothing"), &cookie).await.shows(200, &["No product has “nothing”"]);
    let set = async |facility: &str, sku: &str, units: &str| {
        site.post(&path, &cookie, &[("facility", facility), ("sku", sku), ("on_hand", units)]).await
    };
    let done = set("DEL1", "Shirt L", "7").await;
    assert_eq!(done.leads_to(), format!("{path}?search=Shirt%20L"));
    site.get(done.leads_to(), &cookie).await.shows(200, &["Shirt L", ">7<"]);
    set("DEL9", "A", "1").await.shows(422, &["wrong-facility"]);
    set("DEL1", "", "1").await.shows(422, &["wrong-sku", "cannot be empty"]);
    for units in ["-1", "many", "1000000001", ""] {
        set("DEL1", "A", units).await.shows(422, &["wrong-on_hand", "whole number"]);
    }
    let kept = site.store.stock(&"acme".into()).await.unwrap();
    assert!(kept.iter().any(|row| row.sku == "A" && row.on_hand == 5000), "{kept:?}");
}

#[tokio::test]
async fn a_key_is_shown_once_works_and_is_revoked() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/keys");
    let fields = [("label", "order system"), ("scope", "read"), ("scope", "orders"), ("days", "30")];
    let made = site.post(&path, &cookie, &fields).await;
    made.shows(200, &["not shown again", "order system", "orders"]);
    let text = made.text.split(['<', '>']).find(|part| part.starts_with("ssk_")).unwrap().to_owned();
    let presented = PresentedKey::read(&text).unwrap();
    let (key, hash) = site.store.api_key(&presented.id).await.unwrap().unwrap();
    assert!(presented.is(&hash) && key.tenant == Some("acme".into()) && key.expires_at.is_some());
    assert!(!site.get(&path, &cookie).await.text.contains(&text), "it is shown once");

    let revoke = format!("{path}/{}/revoke", key.id);
    site.person_in("eve", Some("other"), Role::Admin).await;
    let theirs = site.sign_in("eve", PASSWORD).await.cookie();
    let foreign = revoke.replace("/acme/", "/other/");
    site.post(&foreign, &theirs, &[]).await.shows(404, &["has no API key"]);
    assert_eq!(site.post(&revoke, &cookie, &[]).await.leads_to(), path);
    site.get(&path, &cookie).await.shows(200, &["revoked"]);
    assert!(site.store.api_key(&key.id).await.unwrap().unwrap().0.revoked_at.is_some());
    site.post(&path, &cookie, &[("days", "0")])
        .await
        .shows(422, &["wrong-label", "wrong-scope", "wrong-days"]);
}

#[tokio::test]
async fn somebody_is_added_chooses_a_password_and_gets_another_role() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/people");
    let added = site.post(&path, &cookie, &[("login", "Bo@acme.example"), ("role", "viewer")]).await;
    added.shows(200, &["bo@acme.example", "serves once", "password due"]);
    let link = added.text.split(['<', '>']).find(|part| part.contains("/console/enter/")).unwrap();
    let entered = site.post(link.split_once("sync.example").unwrap().1, "", &[]).await;
    assert_eq!(entered.leads_to(), "/console/password");

    let role = format!("{path}/bo%40acme.example/role");
    assert_eq!(site.post(&role, &cookie, &[("role", "operator")]).await.leads_to(), path);
    let (person, _) = site.store.user("bo@acme.example").await.unwrap().unwrap();
    assert_eq!(person.roles, [(Some("acme".into()), Role::Operator)]);
    site.post(&role, &cookie, &[("role", "king")]).await.shows(422, &["There is no role <code>king</code>"]);
    assert_eq!(site.post(&role, &cookie, &[("role", "none")]).await.leads_to(), path);
    assert!(!site.get(&path, &cookie).await.text.contains("bo@acme.example"));

    site.post(&path, &cookie, &[("login", "a b"), ("role", "viewer")]).await.shows(422, &["wrong-login"]);
    site.post(&path, &cookie, &[("login", "bob"), ("role", "king")]).await.shows(422, &["wrong-role"]);
    let again = site.post(&path, &cookie, &[("login", "ana"), ("role", "viewer")]).await;
    again.shows(422, &["wrong-login", "have a role here already"]);
}

#[tokio::test]
async fn an_admin_of_one_tenant_cannot_get_into_others_through_people() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/people");
    site.person_in("root", None, Role::Admin).await;
    site.person_in("eve", Some("other"), Role::Admin).await;
    let page = site.get(&path, &cookie).await;
    page.shows(200, &["root", "in every tenant"]);
    assert!(!page.text.contains(">eve<"), "who has no role here is not shown");
    for (login, part, status, said) in [
        ("root", "role", 422, "holds in every tenant"),
        ("root", "link", 422, "a role elsewhere too"),
        ("ana", "role", 422, "Nobody changes their own role"),
        ("eve", "role", 404, "Nobody with a role in tenant acme"),
        ("eve", "link", 404, "Nobody with a role in tenant acme"),
    ] {
        let answer = site.post(&format!("{path}/{login}/{part}"), &cookie, &[("role", "viewer")]).await;
        answer.shows(status, &[said]);
    }
    // She gets a role here besides; her password and her other role stay as they are.
    assert_eq!(site.post(&path, &cookie, &[("login", "eve"), ("role", "viewer")]).await.leads_to(), path);
    site.post(&format!("{path}/eve/link"), &cookie, &[]).await.shows(422, &["a role elsewhere too"]);
    assert_eq!(site.sign_in("eve", PASSWORD).await.leads_to(), "/console");
}

#[tokio::test]
async fn a_new_link_takes_the_password_away() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    site.person("bo", Role::Viewer).await;
    let made = site.post(&format!("{SETTINGS}/people/bo/link"), &cookie, &[]).await;
    made.shows(200, &["/console/enter/", "Give this link to bo"]);
    site.sign_in("bo", PASSWORD).await.shows(422, &["wrong"]);
}

#[tokio::test]
async fn what_was_changed_is_in_the_log_with_who_did_it() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/log");
    site.post(&format!("{SETTINGS}/facilities"), &cookie, &[("code", "BLR1"), ("traceability", "NONE")])
        .await
        .leads_to();
    let page = site.get(&path, &cookie).await;
    page.shows(200, &["/console/t/acme/settings/facilities", ">ana<", "just now", "console"]);
    site.get(&format!("{path}?after=1"), &cookie).await.shows(200, &["First page"]);
}

#[tokio::test]
async fn a_form_that_misses_a_field_is_refused_on_a_page_of_the_console() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let answer = site.post("/console/t/acme/tasks/FK1/status", &cookie, &[("unit", "minutes")]).await;
    answer.shows(422, &["<!doctype html>", "cannot be read", "<code>every</code>", "Not done"]);
    let answer = site.post("/console/t/acme/putaways/PA1/complete", &cookie, &[("quality", "SHINY")]).await;
    answer.shows(422, &["<!doctype html>", "GOOD_INVENTORY"]);
}

#[tokio::test]
async fn a_webhook_is_made_tested_told_again_and_removed() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = format!("{SETTINGS}/webhooks");
    for url in ["", "ftp://shop.example/x", "https://user:word@shop.example/x", "https://10.0.0.1/x"] {
        site.post(&path, &cookie, &[("url", url)]).await.shows(422, &["wrong-url"]);
    }
    assert_eq!(site.store.webhooks(&"acme".into()).await.unwrap(), []);

    // Nobody listens there.
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/told", listener.local_addr().unwrap());
    drop(listener);
    let fields = [("url", url.as_str()), ("label", "the shop"), ("event", "run.finished")];
    let made = site.post(&path, &cookie, &fields).await;
    made.shows(200, &["not shown again", "whsec_", "run.finished", "the shop"]);
    let id = site.store.webhooks(&"acme".into()).await.unwrap().remove(0).id;
    let one = format!("{path}/{id}");
    let page = site.get(&one, &cookie).await;
    page.shows(200, &["Nothing yet", "Switch it off"]);
    assert!(!page.text.contains("whsec_"), "the secret is shown once");

    let moved = format!("{url}/moved");
    site.post(&one, &cookie, &[("url", "ftp://x"), ("label", "kept")])
        .await
        .shows(422, &["wrong-url", "kept"]);
    let fields = [("url", moved.as_str()), ("label", "the other shop"), ("event", "order.taken")];
    site.post(&one, &cookie, &fields).await.shows(200, &["The webhook is changed", "the other shop", &moved]);
    let kept = site.store.webhook(&"acme".into(), &id).await.unwrap().unwrap();
    assert_eq!(
        (kept.url.as_str(), kept.label.as_str(), kept.events.len()),
        (moved.as_str(), "the other shop", 1)
    );

    let tested = site.post(&format!("{one}/test"), &cookie, &[]).await;
    tested.shows(200, &["class=\"wrong\"", "A test was sent"]);
    let off = site.post(&format!("{one}/switch"), &cookie, &[("to", "off")]).await;
    assert_eq!(off.leads_to(), one);
    site.get(&path, &cookie).await.shows(200, &["the other shop", ">off<"]);
    site.post(&format!("{one}/rotate"), &cookie, &[]).await.shows(200, &["whsec_", "another day"]);
    site.post(&format!("{one}/replay"), &cookie, &[("hours", "2")])
        .await
        .shows(200, &["0 messages are sent again"]);
    site.post(&format!("{one}/replay"), &cookie, &[("hours", "0")])
        .await
        .shows(422, &["whole number of hours"]);
    site.post(&format!("{one}/remove"), &cookie, &[]).await.shows(422, &["Tick the box"]);
    let removed = site.post(&format!("{one}/remove"), &cookie, &[("sure", "yes")]).await;
    assert_eq!(removed.leads_to(), path);
    site.get(&one, &cookie).await.shows(404, &["has no webhook"]);
}
