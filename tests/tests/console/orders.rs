//! The list of orders, an order, what is set off from there, and the overview.

use axum::body::Body;
use statusync::{
    access::Role,
    storage::{Mode, PageResult, PageState, RunFilter},
    sync::Stop,
};

use crate::site::{PASSWORD, Site, request};

#[tokio::test]
async fn orders_are_shown_page_by_page_and_none_twice() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    let mut seen = Vec::new();
    let mut address = "/console/t/acme/orders".to_owned();
    loop {
        let page = site.get(&address, &cookie).await;
        page.shows(200, &["<table"]);
        let codes = page.text.split("/console/t/acme/orders/").skip(1);
        seen.extend(codes.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let next = page.text.split('"').find(|part| part.contains("?after="));
        match next.filter(|_| page.text.contains("rel=\"next\"")) {
            Some(next) => next.clone_into(&mut address),
            None => break,
        }
    }
    let expected: Vec<String> = (1..=120).map(|n| format!("O{n:03}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_filter_narrows_the_list_and_nonsense_in_it_is_refused_in_words() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    let page = site.get("/console/t/acme/orders?needs=conflict&channel=&status=&search=", &cookie).await;
    page.shows(200, &["O002", "in conflict"]);
    assert!(!page.text.contains("O003"));
    site.get("/console/t/acme/orders?search=nothing", &cookie).await.shows(200, &["No order matches"]);
    site.get("/console/t/acme/orders?status=GONE", &cookie).await.shows(422, &["There is no status GONE"]);
}

#[tokio::test]
async fn chosen_orders_are_synced_and_what_became_of_them_is_shown() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Operator).await;
    let sync = "/console/t/acme/orders/sync";
    let begun = site.post(sync, &cookie, &[("what", "status"), ("order", "O001"), ("order", "O002")]).await;
    assert_eq!(begun.leads_to(), "/console/t/acme/sync?runs=R1&without=");
    let page = begun.leads_to().to_owned();
    site.live.drain(&Stop::default()).await;
    let told = site.get(&page, &cookie).await;
    told.shows(200, &["Sync status on FK1", "SKIPPED", "needs connector flipkart", "The run has ended."]);
    let again = request("GET", &page, &cookie).header("hx-request", "true");
    let part = site.send(again.body(Body::empty()).unwrap()).await;
    part.shows(200, &["SKIPPED", "hx-swap-oob"]);
    assert!(!part.text.contains("<html") && !part.text.contains("hx-get"), "{part:?}");

    let all = [("what", "returns"), ("all", "yes"), ("needs", "conflict"), ("channel", "FK1")];
    let begun = site.post(sync, &cookie, &all).await;
    assert_eq!(begun.leads_to(), "/console/t/acme/sync?runs=R2&without=");
    site.live.drain(&Stop::default()).await;
    site.get(begun.leads_to(), &cookie).await.shows(200, &["Check returns on FK1"]);

    let done = site.store.actions(&"acme".into(), None, 10).await.unwrap();
    let noted: Vec<(&str, &str)> =
        done.iter().map(|action| (action.who.as_str(), action.action.as_str())).collect();
    assert_eq!(noted, [("user:id-of-ana", "POST /console/t/{tenant}/orders/sync"); 2]);
}

#[tokio::test]
async fn a_choice_that_makes_no_sense_begins_nothing_and_says_why() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Operator).await;
    for (fields, status, words) in [
        (&[("what", "status")][..], 422, "No order is chosen"),
        (&[("what", "status"), ("order", "O999")], 404, "There is no order O999"),
        (&[("what", "status"), ("all", "yes"), ("channel", "XX")], 404, "no such channel"),
        (&[("what", "status"), ("all", "yes"), ("needs", "sleep")], 422, "There is no need sleep"),
        (&[("what", "cancel"), ("order", "O001")], 422, "no field what"),
    ] {
        site.post("/console/t/acme/orders/sync", &cookie, fields).await.shows(status, &[words]);
    }
    site.closing.send_replace(true);
    let late = site.post("/console/t/acme/orders/sync", &cookie, &[("order", "O001")]).await;
    late.shows(422, &["being stopped"]);
    assert_eq!(site.store.runs(&RunFilter::default(), None, 10).await.unwrap(), []);
    for path in ["/console/t/acme/sync", "/console/t/acme/sync?runs=R1", "/console/t/acme/sync?runs=x"] {
        site.get(path, &cookie).await.shows(404, &["Not found"]);
    }
}

#[tokio::test]
async fn runs_of_another_tenant_are_not_told() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Operator).await;
    site.post("/console/t/acme/orders/sync", &cookie, &[("order", "O001")]).await.leads_to();
    site.live.drain(&Stop::default()).await;
    site.person_in("eve", Some("other"), Role::Admin).await;
    let theirs = site.sign_in("eve", PASSWORD).await.cookie();
    site.get("/console/t/other/sync?runs=R1", &theirs).await.shows(404, &["There is no run R1"]);
    site.get("/console/t/other/orders/O001", &theirs).await.shows(404, &["has no order O001"]);
    let chosen = [("what", "status"), ("order", "O001")];
    let sent = site.post("/console/t/other/orders/sync", &theirs, &chosen).await;
    sent.shows(404, &["There is no order O001"]);
}

#[tokio::test]
async fn an_order_is_shown_by_either_of_its_names_and_the_overview_leads_to_what_needs_a_person() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    for id in ["O002", "OD2"] {
        let page = site.get(&format!("/console/t/acme/orders/{id}"), &cookie).await;
        page.shows(200, &["Order O002", "OD2", "A person has to decide CF1", "as it was imported"]);
        assert!(!page.text.contains("Sync status"), "a viewer cannot");
    }
    let overview = site.get("/console/t/acme", &cookie).await;
    overview.shows(200, &["/console/t/acme/orders?needs=conflict", "It has no tasks yet", "since midnight"]);
    site.person_in("eve", Some("other"), Role::Viewer).await;
    let theirs = site.sign_in("eve", PASSWORD).await.cookie();
    site.get("/console/t/other", &theirs).await.shows(200, &["not live", "Nothing needs a person"]);
}

#[tokio::test]
async fn a_filter_gets_a_name_for_everybody_in_the_tenant_and_is_forgotten_again() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Operator).await;
    let filters = "/console/t/acme/orders/filters";
    let saved = site.post(filters, &cookie, &[("name", "Undecided"), ("needs", "conflict")]).await;
    assert_eq!(saved.leads_to(), "/console/t/acme/orders?needs=conflict");
    let viewer = site.signed_in("vik", Role::Viewer).await;
    let page = site.get("/console/t/acme/orders", &viewer).await;
    page.shows(200, &["Undecided", "/console/t/acme/orders?needs=conflict"]);
    site.get(saved.leads_to(), &cookie).await.shows(200, &["Forget “Undecided”", "aria-current=\"true\""]);

    for (fields, words) in [
        (&[("name", "All"), ("needs", "")][..], "needs no name"),
        (&[("name", ""), ("needs", "conflict")], "1 to 40 characters"),
        (&[("name", "x"), ("needs", "sleep")], "There is no need sleep"),
    ] {
        site.post(filters, &cookie, fields).await.shows(422, &[words]);
    }
    site.post(&format!("{filters}/forget"), &cookie, &[("name", "Undecided")]).await.leads_to();
    assert!(!site.get("/console/t/acme/orders", &viewer).await.text.contains("Undecided"));
}

#[tokio::test]
async fn the_last_changed_orders_come_first_where_that_is_asked() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Viewer).await;
    let sorted = "/console/t/acme/orders?sort=changed";
    site.get(sorted, &cookie).await.shows(200, &["No order has changed since its import"]);
    for n in 1..=60_i64 {
        let touch = |state: PageState| PageResult {
            files: state.files.into_values().collect(),
            ..PageResult::default()
        };
        let order = format!("O{n:03}").as_str().into();
        site.store.edit_order(&"acme".into(), &order, n, Mode::Commit, Box::new(touch)).await.unwrap();
    }
    let page = site.get(sorted, &cookie).await;
    page.shows(200, &["O060", "O011", "sort=changed&#38;after=11.O011"]);
    assert!(!page.text.contains("O010") && page.text.find("O060") < page.text.find("O059"), "{page:?}");
    let next = site.get(&format!("{sorted}&after=11.O011"), &cookie).await;
    next.shows(200, &["O010", "O001", "not changed since their import"]);
    let narrow = site.get(&format!("{sorted}&needs=conflict"), &cookie).await;
    narrow.shows(200, &["aria-sort=\"ascending\"", "O002"]);
}
