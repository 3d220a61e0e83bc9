//! Signing in and out, sessions, links, passwords.

use axum::http::StatusCode;
use statusync::{access::Role, clock::Clock as _, console::Reached};

use crate::site::{PASSWORD, Site};

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn somebody_signs_in_and_out_and_both_are_noted() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    let answer = site.sign_in(" ANA ", PASSWORD).await;
    assert_eq!(answer.leads_to(), "/console");
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.contains("HttpOnly; SameSite=Lax") && !set.contains("Secure"), "{set}");
    let cookie = answer.cookie();
    assert_eq!(site.get("/console", &cookie).await.leads_to(), "/console/t/acme");
    site.get("/console/t/acme/orders", &cookie).await.shows(200, &["The ana", "acme"]);

    let out = site.post("/console/sign-out", &cookie, &[]).await;
    assert_eq!((out.leads_to(), out.cookie().as_str()), ("/console/sign-in", "statusync="));
    let stale = site.get("/console/t/acme/orders?search=a%26b", &cookie).await;
    assert_eq!(stale.leads_to(), "/console/sign-in?next=%2Fconsole%2Ft%2Facme%2Forders%3Fsearch%3Da%2526b");
}

#[tokio::test]
async fn the_same_is_said_whatever_is_wrong() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    site.person("eve", Role::Viewer).await;
    site.store.disable_user("id-of-eve", Some(1)).await.unwrap();
    let mut said = Vec::new();
    for (login, password) in [("ana", "wrong"), ("ana", ""), ("bob", PASSWORD), ("eve", PASSWORD), ("", "")] {
        let answer = site.sign_in(login, password).await;
        answer.shows(422, &["Name or password is wrong"]);
        assert!(!answer.headers.contains_key("set-cookie"), "{login}");
        said.push(answer.text.replace(&format!("value=\"{login}\""), "value=\"\"").replace(" autofocus", ""));
    }
    assert!(said.iter().all(|text| text == &said[0]), "{said:?}");
}

#[tokio::test]
async fn a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours_anyway() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    let status = async || site.get("/console/t/acme/orders", &cookie).await.status;
    for _ in 0..24 {
        site.clock.advance(29 * MINUTE);
        assert_eq!(status().await, StatusCode::OK);
    }
    site.clock.advance(24 * MINUTE);
    assert_eq!(status().await, StatusCode::SEE_OTHER, "twelve hours have passed");

    let again = site.sign_in("ana", PASSWORD).await.cookie();
    site.clock.advance(30 * MINUTE);
    assert_eq!(site.get("/console/t/acme/orders", &again).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_in_ends_the_session_that_the_browser_had() {
    let site = Site::new().await;
    let old = site.signed_in("ana", Role::Viewer).await;
    let fields = [("login", "ana"), ("password", PASSWORD)];
    let new = site.post("/console/sign-in", &old, &fields).await.cookie();
    assert_ne!(old, new);
    assert_eq!(site.get("/console/t/acme/orders", &old).await.status, StatusCode::SEE_OTHER);
    assert_eq!(site.get("/console/t/acme/orders", &new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn guesses_are_held_up_for_one_name_and_from_one_address() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    for _ in 0..10 {
        site.sign_in("ana", "wrong").await.shows(422, &[]);
    }
    let held = site.sign_in("ana", PASSWORD).await;
    held.shows(429, &["Too many attempts"]);
    assert!(held.headers.contains_key("retry-after"), "{held:?}");
    for n in 0..19 {
        site.sign_in(&format!("name{n}"), "wrong").await.shows(422, &[]);
    }
    site.sign_in("another", "wrong").await.shows(429, &["Too many attempts"]);
}

#[tokio::test]
async fn one_is_led_to_where_one_wanted_to_go_and_never_to_another_site() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    for (next, led) in [
        ("/console/t/acme/orders?status=CREATED", "/console/t/acme/orders?status=CREATED"),
        ("https://other.example/", "/console"),
        ("//other.example/", "/console"),
    ] {
        let fields = [("login", "ana"), ("password", PASSWORD), ("next", next)];
        assert_eq!(site.post("/console/sign-in", "", &fields).await.leads_to(), led);
    }
}

#[tokio::test]
async fn a_link_signs_in_once_and_opening_it_changes_nothing() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    let link = site.link("ana").await;
    for _ in 0..3 {
        site.get(&link, "").await.shows(200, &["The ana", "once"]);
    }
    let answer = site.post(&link, "", &[]).await;
    assert_eq!(answer.leads_to(), "/console");
    assert_eq!(site.get("/console/t/acme/orders", &answer.cookie()).await.status, StatusCode::OK);
    for answer in [site.post(&link, "", &[]).await, site.get(&link, "").await] {
        answer.shows(404, &["a link signs in once"]);
    }
    let token = link.rsplit('/').next().unwrap();
    let as_session = site.get("/console", &format!("statusync={token}")).await;
    assert_eq!(as_session.leads_to(), "/console/sign-in?next=%2Fconsole");

    let late = site.link("ana").await;
    site.clock.advance(MINUTE);
    site.post(&late, "", &[]).await.shows(404, &["a link signs in once"]);
}

#[tokio::test]
async fn a_password_that_is_due_is_chosen_before_anything_else() {
    let site = Site::new().await;
    site.person("ana", Role::Viewer).await;
    site.store.set_password("id-of-ana", "", true, site.clock.now_ms()).await.unwrap();
    site.sign_in("ana", "").await.shows(422, &["wrong"]);
    let link = site.link("ana").await;
    let entered = site.post(&link, "", &[]).await;
    assert_eq!(entered.leads_to(), "/console/password");
    let cookie = entered.cookie();
    assert_eq!(site.get("/console/t/acme/orders", &cookie).await.leads_to(), "/console/password");
    let page = site.get("/console/password", &cookie).await;
    page.shows(200, &["Choose a password"]);

    let set = async |new: &str, again: &str| {
        site.post("/console/password", &cookie, &[("new", new), ("again", again)]).await
    };
    set("short", "short").await.shows(422, &["at least 12 characters"]);
    set("a long enough one", "another").await.shows(422, &["not the same"]);
    let done = set("a long enough one", "a long enough one").await;
    assert_eq!(done.leads_to(), "/console");
    assert_eq!(site.get("/console/t/acme/orders", &done.cookie()).await.status, StatusCode::OK);
    assert_eq!(site.get("/console/t/acme/orders", &cookie).await.status, StatusCode::SEE_OTHER);
    assert_eq!(site.sign_in("ana", "a long enough one").await.leads_to(), "/console");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_old_one_and_others_are_signed_out() {
    let site = Site::new().await;
    let here = site.signed_in("ana", Role::Viewer).await;
    let there = site.sign_in("ana", PASSWORD).await.cookie();
    let change = async |old: &str| {
        let fields = [("old", old), ("new", "quite another one"), ("again", "quite another one")];
        site.post("/console/password", &here, &fields).await
    };
    change("wrong").await.shows(422, &["The old password is wrong"]);
    let new = change(PASSWORD).await.cookie();
    assert_eq!(site.get("/console/t/acme/orders", &there).await.status, StatusCode::SEE_OTHER);
    assert_eq!(site.get("/console/t/acme/orders", &new).await.status, StatusCode::OK);
}

#[tokio::test]
async fn over_https_the_cookie_is_bound_to_the_host_and_in_the_open_nobody_signs_in() {
    let url = "https://sync.example".to_owned().try_into().unwrap();
    let site = Site::reached(Reached::Through(url)).await;
    site.person("ana", Role::Viewer).await;
    let answer = site.sign_in("ana", PASSWORD).await;
    let set = answer.headers["set-cookie"].to_str().unwrap();
    assert!(set.starts_with("__Host-statusync=") && set.ends_with("; Secure"), "{set}");
    assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(site.get("/console/t/acme/orders", &answer.cookie()).await.status, StatusCode::OK);

    let open = Site::reached(Reached::Openly).await;
    open.person("ana", Role::Viewer).await;
    open.get("/console/sign-in", "").await.shows(200, &["plain HTTP", "public_url"]);
    open.sign_in("ana", PASSWORD).await.shows(422, &["open way"]);
    let link = open.link("ana").await;
    open.post(&link, "", &[]).await.shows(422, &["open way"]);
}

#[tokio::test]
async fn who_is_disabled_is_signed_out_at_once() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    site.store.disable_user("id-of-ana", Some(site.clock.now_ms())).await.unwrap();
    assert_eq!(site.get("/console/t/acme/orders", &cookie).await.status, StatusCode::SEE_OTHER);
}
