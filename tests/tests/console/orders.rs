//! The list of orders.

use statusync::access::Role;

use crate::site::Site;

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
