//! Flipkart: the login, lists with links, questions by id, returns, and everything that may come instead.

use std::time::Duration;

use kit::conformance::Ran;
use plugin_api::{ErrorKind, Mark, Millis, OrderRef, ReturnKind, Scope, Status, Task};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_partial_json, header as has_header, method, path, path_regex, query_param},
};

use crate::{
    market::{
        Tokens, asked, asked_at, body, date_in_an_hour, get, get_once, header, json as reply, raw, status,
        statuses_of,
    },
    trial::Asked,
};

/// 2026-01-15 09:30 UTC.
const NOW: Millis = 1_768_469_400_000;
const LOGIN: &str = "/oauth-service/oauth/token";
const LIST: &str = "/sellers/v3/shipments/filter";
const BY_ID: &str = "/sellers/v3/shipments";
const RETURNS: &str = "/sellers/v2/returns";
const EMPTY: &str = r#"{"hasMore":false,"shipments":[]}"#;
const LOGIN_BODY: &str =
    r#"{"access_token":"{token}","token_type":"bearer","expires_in":5183999,"scope":"Seller_Api"}"#;
const SECRETS: [&str; 5] =
    ["app-id-7731", "app-secret-9942", "partner-refresh-5518", "fk-token-1", "fk-token-2"];

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../connectors/flipkart/fixtures/", $name, ".json"))
    };
}

fn item(number: u32) -> String {
    format!("9990001112223{number:05}")
}

fn order(number: u32) -> OrderRef {
    OrderRef { order: format!("OD{}", item(number)), ..OrderRef::default() }
}

fn half_an_hour() -> Scope {
    Scope::Changed { since: NOW - 1_800_000, until: NOW }
}

fn pull(server: &MockServer, task: Task, scope: Scope) -> Asked {
    let settings = json!({
        "base_url": server.uri(), "client_id": SECRETS[0], "client_secret": SECRETS[1],
    });
    Asked { connector: "flipkart".to_owned(), settings, task, scope, now: NOW, max_attempts: 2 }
}

fn by_id(server: &MockServer, numbers: &[u32]) -> Asked {
    pull(server, Task::Pending, Scope::Orders(numbers.iter().copied().map(order).collect()))
}

fn changed(server: &MockServer) -> Asked {
    pull(server, Task::Status, half_an_hour())
}

/// A marketplace that gives out `fk-token-1`, `fk-token-2`, … and has nothing cancelled.
async fn market() -> MockServer {
    let server = MockServer::start().await;
    get_tokens(&server).await;
    Mock::given(method("POST"))
        .and(path(LIST))
        .and(body_partial_json(json!({"filter": {"type": "cancelled"}})))
        .respond_with(reply(fixture!("list_empty")))
        .mount(&server)
        .await;
    // Waybills and invoices, unless a case is about them.
    Mock::given(method("GET"))
        .and(path_regex("^/sellers/v3/shipments/[0-9a-f-]{8}[^/]*(/invoices)?$"))
        .respond_with(reply(r#"{"shipments":[],"invoices":[]}"#))
        .with_priority(9)
        .mount(&server)
        .await;
    server
}

async fn get_tokens(server: &MockServer) {
    Mock::given(method("GET"))
        .and(path(LOGIN))
        .respond_with(Tokens::new("fk-token-", LOGIN_BODY))
        .mount(server)
        .await;
}

/// Answers the list of what has left.
async fn left(server: &MockServer, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path(LIST))
        .and(body_partial_json(json!({"filter": {"type": "postDispatch"}})))
        .respond_with(answer)
        .mount(server)
        .await;
}

fn page(link: &Value, has_more: &Value) -> ResponseTemplate {
    let rows = json!([{"shipmentId": "7b1e2c90-1", "shipmentType": "NORMAL", "orderItems": [
        {"orderId": "OD1", "orderItemId": "11", "status": "DELIVERED", "quantity": 1}]}]);
    reply(json!({"hasMore": has_more, "nextPageUrl": link, "shipments": rows}).to_string())
}

fn kind(ran: &Ran) -> ErrorKind {
    ran.result.as_ref().expect_err("the pull should have failed").kind
}

#[tokio::test]
async fn the_seller_s_own_app_logs_in_with_basic_and_its_token_is_sent() {
    let server = market().await;
    left(&server, reply(fixture!("list_empty"))).await;
    assert_eq!(changed(&server).run().await.result, Ok(Mark::complete_until(NOW)));
    let logins = asked_at(&server, LOGIN).await;
    assert_eq!(logins.len(), 1);
    assert_eq!(logins[0].url.query(), Some("grant_type=client_credentials&scope=Seller_Api"));
    // base64 of `app-id-7731:app-secret-9942`
    assert_eq!(header(&logins[0], "authorization"), "Basic YXBwLWlkLTc3MzE6YXBwLXNlY3JldC05OTQy");
    let lists = asked_at(&server, LIST).await;
    assert_eq!(lists.len(), 4);
    for list in &lists {
        assert_eq!(header(list, "authorization"), "Bearer fk-token-1");
        assert_eq!(header(list, "content-type"), "application/json");
    }
    assert_eq!(
        body(&lists[3])["filter"]["modifiedDate"],
        json!({"from": "2026-01-15T09:00:00Z", "to": "2026-01-15T09:30:00Z"})
    );
}

#[tokio::test]
async fn a_partner_app_logs_in_with_its_refresh_token() {
    let server = market().await;
    get(&server, BY_ID, reply(EMPTY)).await;
    let mut asking = by_id(&server, &[1]);
    asking.settings["refresh_token"] = json!(SECRETS[2]);
    assert!(asking.run().await.result.is_ok());
    let logins = asked_at(&server, LOGIN).await;
    let query = logins[0].url.query().expect("a query");
    assert_eq!(query, format!("grant_type=refresh_token&refresh_token={}", SECRETS[2]));
    assert!(header(&logins[0], "authorization").starts_with("Basic "));
}

#[tokio::test]
async fn a_refused_login_is_auth_and_is_not_tried_again() {
    for (code, text) in
        [(401, fixture!("error_unauthorized")), (400, fixture!("error_unauthorized")), (403, "")]
    {
        let server = MockServer::start().await;
        get(&server, LOGIN, status(code, text)).await;
        let ran = changed(&server).run().await;
        assert_eq!(kind(&ran), ErrorKind::Auth, "{code}");
        assert_eq!(asked(&server).await.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn pages_are_read_along_relative_links_sent_word_for_word() {
    let server = market().await;
    left(&server, reply(fixture!("list_first"))).await;
    get(&server, LIST, reply(fixture!("list_last"))).await;
    let ran = changed(&server).run().await;
    assert_eq!(ran.result, Ok(Mark::complete_until(NOW)));
    assert_eq!(statuses_of(&ran.observations, &item(41)), [Status::Dispatched, Status::InTransit]);
    assert_eq!(statuses_of(&ran.observations, &item(42)), [Status::Dispatched]);
    assert_eq!(statuses_of(&ran.observations, &item(43)), [Status::Delivered]);
    let lists = asked_at(&server, LIST).await;
    let next = lists.iter().find(|request| request.method == "GET").expect("the next page");
    assert_eq!(next.url.query(), Some("next_token=ewogICJwYWdlIjogMQp9_-=="));
}

#[tokio::test]
async fn every_task_by_id_reports_what_the_table_says() {
    for task in [Task::Status, Task::Pending, Task::Delivery] {
        let server = market().await;
        get(&server, BY_ID, reply(fixture!("item_statuses"))).await;
        let ran = pull(&server, task, Scope::Orders((1..=14).map(order).collect())).run().await;
        assert_eq!(ran.result, Ok(Mark::default()), "{task}");
        for (number, expected) in [
            (1, &[Status::Created][..]),
            (4, &[Status::Packed]),
            (5, &[Status::ReadyToShip]),
            (6, &[Status::Dispatched]),
            (7, &[Status::Dispatched, Status::InTransit]),
            (8, &[Status::Delivered]),
            (10, &[Status::Cancelled]),
            (12, &[Status::Returned]),
            (13, &[Status::CourierReturn]),
            (14, &[Status::Unmapped]),
        ] {
            assert_eq!(statuses_of(&ran.observations, &item(number)), expected, "{task} {number}");
        }
        let unknown = ran.observations.iter().find(|seen| seen.status == Some(Status::Unmapped));
        assert_eq!(unknown.map(|seen| seen.raw.as_str()), Some("TELEPORTED"), "{task}");
        let questions = asked_at(&server, BY_ID).await;
        let ids: Vec<_> = (1..=14).map(|number| order(number).order).collect();
        let asked_for: Vec<_> =
            questions[0].url.query_pairs().map(|(name, ids)| (name.into(), ids.into())).collect();
        assert_eq!(asked_for, [("orderIds".to_owned(), ids.join(","))], "{task}");
    }
}

#[tokio::test]
async fn waybills_and_invoice_numbers_come_from_their_own_calls() {
    let server = market().await;
    get(&server, BY_ID, reply(fixture!("item_statuses"))).await;
    Mock::given(path_regex("^/sellers/v3/shipments/[^/]+/invoices$"))
        .respond_with(reply(fixture!("invoices")))
        .mount(&server)
        .await;
    let details = json!({"shipments": [{"shipmentId": "7b1e2c90-1111-4222-8333-000000000006", "subShipments": [
        {"courierDetails": {"deliveryDetails": {"trackingId": "FMPP6", "vendorName": "Ekart"}}}]}]});
    Mock::given(path_regex("^/sellers/v3/shipments/7b1e[^/]+$"))
        .respond_with(reply(details.to_string()))
        .mount(&server)
        .await;
    let ran = by_id(&server, &[6]).run().await;
    let seen = ran.observations.iter().find(|seen| seen.item == Some(item(6))).expect("item 6");
    assert_eq!(seen.awb.as_deref(), Some("FMPP6"));
    assert_eq!(seen.courier.as_deref(), Some("Ekart"));
    assert_eq!(seen.invoice.as_deref(), Some("FAXX260000006"));
}

#[tokio::test]
async fn returns_of_both_sources_are_read_and_told_apart() {
    let server = market().await;
    let of = |source| Mock::given(method("GET")).and(path(RETURNS)).and(query_param("source", source));
    of("courier_return").respond_with(reply(fixture!("returns_courier"))).mount(&server).await;
    of("customer_return").respond_with(reply(fixture!("returns_first"))).mount(&server).await;
    // The link is `/returns/search/…`: of another prefix than that of shipments.
    get(&server, "/sellers/v2/returns/search/eyJwYWdlIjoxfQ==", reply(fixture!("returns_last"))).await;
    get(&server, BY_ID, reply(EMPTY)).await;
    let ran = pull(&server, Task::Returns, half_an_hour()).run().await;
    assert_eq!(ran.result, Ok(Mark::complete_until(NOW)));
    for (number, expected, source) in [
        (101, Status::CourierReturn, ReturnKind::Rto),
        (107, Status::Returned, ReturnKind::Rto),
        (110, Status::ReturnCancelled, ReturnKind::Rto),
        (114, Status::Unmapped, ReturnKind::Rto),
        (301, Status::ReturnRequested, ReturnKind::Cir),
        (302, Status::ReturnRequested, ReturnKind::Cir),
    ] {
        assert_eq!(statuses_of(&ran.observations, &item(number)), [expected], "{number}");
        let seen = ran.observations.iter().find(|seen| seen.item == Some(item(number))).expect("seen");
        assert_eq!(seen.ret.as_ref().and_then(|ret| ret.kind), Some(source), "{number}");
        assert_eq!(seen.awb, None, "the way back's waybill is not the forward one: {number}");
    }
}

#[tokio::test]
async fn links_that_lead_away_are_not_followed_and_take_no_token_along() {
    let foreign = MockServer::start().await;
    let own = MockServer::start().await;
    let host = foreign.address();
    for link in [
        format!("{}/sellers/v3/shipments/filter?next_token=x", foreign.uri()),
        format!("//{host}/v3/shipments/filter?next_token=x"),
        format!("@{host}/v3/shipments/filter?next_token=x"),
        format!("{}/v3/shipments/filter?next_token=x", own.uri()),
        "/v3/shipments/filter/../../../oauth-service/oauth/token?x".to_owned(),
        "/v3/shipments/filter/%2e%2e/%2E%2e/x?y".to_owned(),
        "/v3/orders/search?next_token=x".to_owned(),
    ] {
        let server = market().await;
        left(&server, page(&json!(link), &json!(true))).await;
        let ran = changed(&server).run().await;
        assert_eq!(kind(&ran), ErrorKind::BadReply, "{link}");
        assert_eq!(statuses_of(&ran.observations, "11"), [Status::Delivered], "the rows count: {link}");
        let followed = asked_at(&server, LIST).await.iter().filter(|request| request.method == "GET").count();
        assert_eq!(followed, 0, "{link}");
        let logins = asked_at(&server, LOGIN).await.len();
        assert_eq!(logins, 1, "{link}");
    }
    assert!(asked(&foreign).await.is_empty() && asked(&own).await.is_empty());
}

#[tokio::test]
async fn has_more_decides_about_the_end_and_a_link_is_needed_to_go_on() {
    for (link, has_more, expected) in [
        (json!("/v3/shipments/filter?next_token=a"), json!(false), None),
        (Value::Null, json!(false), None),
        (Value::Null, json!(true), Some(ErrorKind::BadReply)),
        (json!("/v3/shipments/filter?next_token=a"), Value::Null, Some(ErrorKind::BadReply)),
    ] {
        let server = market().await;
        left(&server, page(&link, &has_more)).await;
        let ran = changed(&server).run().await;
        assert_eq!(ran.result.as_ref().err().map(|error| error.kind), expected, "{link} {has_more}");
        assert_eq!(statuses_of(&ran.observations, "11"), [Status::Delivered], "{link} {has_more}");
    }
}

#[tokio::test]
async fn the_same_page_twice_is_told_and_its_rows_are_reported_once() {
    let server = market().await;
    let link = json!("/v3/shipments/filter?next_token=a");
    left(&server, page(&link, &json!(true))).await;
    get(&server, LIST, page(&link, &json!(true))).await;
    let ran = changed(&server).run().await;
    assert_eq!(kind(&ran), ErrorKind::BadReply);
    assert_eq!(statuses_of(&ran.observations, "11"), [Status::Delivered]);
    assert_eq!(asked_at(&server, LIST).await.len(), 5, "three cancelled, one page, the same page again");
}

#[tokio::test]
async fn a_401_in_the_middle_of_paging_costs_one_login_and_one_repeat() {
    let server = market().await;
    left(&server, reply(fixture!("list_first"))).await;
    Mock::given(method("GET"))
        .and(path(LIST))
        .and(has_header("authorization", "Bearer fk-token-1"))
        .respond_with(status(401, fixture!("error_invalid_token")))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(LIST))
        .and(has_header("authorization", "Bearer fk-token-2"))
        .respond_with(reply(fixture!("list_last")))
        .mount(&server)
        .await;
    let ran = changed(&server).run().await;
    assert_eq!(ran.result, Ok(Mark::complete_until(NOW)));
    assert_eq!(statuses_of(&ran.observations, &item(43)), [Status::Delivered]);
    assert_eq!(asked_at(&server, LOGIN).await.len(), 2);
    assert_eq!(asked_at(&server, LIST).await.len(), 6, "four lists, the refused page and its repeat");
}

#[tokio::test]
async fn a_401_that_stays_is_auth_after_one_new_login() {
    let server = market().await;
    get(&server, BY_ID, status(401, fixture!("error_invalid_token"))).await;
    let ran = by_id(&server, &[6]).run().await;
    assert_eq!(kind(&ran), ErrorKind::Auth);
    assert_eq!((asked_at(&server, LOGIN).await.len(), asked_at(&server, BY_ID).await.len()), (2, 2));
}

#[tokio::test]
async fn an_invalid_token_inside_a_500_is_a_login_that_ran_out() {
    for text in [fixture!("error_invalid_token"), fixture!("error_invalid_token_wrapped")] {
        let server = market().await;
        let with = |bearer: &str| {
            Mock::given(method("GET")).and(path(BY_ID)).and(has_header("authorization", bearer))
        };
        with("Bearer fk-token-1").respond_with(status(500, text)).mount(&server).await;
        with("Bearer fk-token-2").respond_with(reply(fixture!("item_statuses"))).mount(&server).await;
        let ran = by_id(&server, &[8]).run().await;
        assert!(ran.result.is_ok(), "{:?}", ran.result);
        assert_eq!(statuses_of(&ran.observations, &item(8)), [Status::Delivered]);
        assert_eq!(asked_at(&server, LOGIN).await.len(), 2);

        let server = market().await;
        get(&server, BY_ID, status(500, text)).await;
        assert_eq!(kind(&by_id(&server, &[8]).run().await), ErrorKind::Auth);
        assert_eq!(asked_at(&server, LOGIN).await.len(), 2, "no third login");
    }
}

#[tokio::test]
async fn a_429_is_waited_out_as_its_header_says_in_seconds_or_as_a_date() {
    for short in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let server = market().await;
        get_once(&server, BY_ID, status(429, "").insert_header("retry-after", short)).await;
        get(&server, BY_ID, reply(fixture!("item_statuses"))).await;
        let ran = by_id(&server, &[8]).run().await;
        assert!(ran.result.is_ok(), "{short}: {:?}", ran.result);
        assert_eq!(asked_at(&server, BY_ID).await.len(), 2, "{short}");
    }
    let date = date_in_an_hour();
    for (long, least) in [("3600", 3_600), (date.as_str(), 3_500)] {
        let server = market().await;
        get(&server, BY_ID, status(429, "").insert_header("retry-after", long)).await;
        let error = by_id(&server, &[8]).run().await.result.expect_err("too long a wait");
        assert_eq!(
            (error.kind, error.operation.as_str()),
            (ErrorKind::RateLimited, "get_shipments"),
            "{long}"
        );
        let advice = error.retry_after.expect("advice");
        assert!((least..=3_600).contains(&advice.as_secs()), "{long}: {advice:?}");
        assert_eq!(asked_at(&server, BY_ID).await.len(), 1, "{long}");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_not_seen_and_one_that_stays_is_an_outage() {
    for code in [500, 502, 503, 504] {
        let server = market().await;
        get_once(&server, BY_ID, status(code, "<html>heavy</html>")).await;
        get(&server, BY_ID, reply(fixture!("item_statuses"))).await;
        let ran = by_id(&server, &[8]).run().await;
        assert_eq!(statuses_of(&ran.observations, &item(8)), [Status::Delivered], "{code}");

        let server = market().await;
        get(&server, BY_ID, status(code, "<html>heavy</html>")).await;
        assert_eq!(kind(&by_id(&server, &[8]).run().await), ErrorKind::Unavailable, "{code}");
        assert_eq!(asked_at(&server, BY_ID).await.len(), 2, "{code}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_a_bad_reply_and_nothing_is_reported() {
    let good = fixture!("item_statuses");
    for text in
        ["<html>sign in</html>", "", "{}", "[]", "null", r#"{"shipments":{"a":1}}"#, &good[..good.len() / 2]]
    {
        let server = market().await;
        get(&server, BY_ID, reply(text)).await;
        let ran = by_id(&server, &[8]).run().await;
        assert_eq!(kind(&ran), ErrorKind::BadReply, "{text:.40}");
        assert!(ran.observations.is_empty(), "{text:.40}");
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_body_is_an_outage() {
    let base = raw(|request| {
        if request.starts_with("GET /oauth-service/") {
            let token = LOGIN_BODY.replace("{token}", "fk-token-1");
            return format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{token}",
                token.len()
            );
        }
        "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\nconnection: close\r\n\r\n{\"shipments\":[{\"shipm"
            .to_owned()
    });
    let server = MockServer::start().await;
    let mut asking = by_id(&server, &[8]);
    asking.settings["base_url"] = json!(base);
    let ran = asking.run().await;
    assert_eq!(kind(&ran), ErrorKind::Unavailable);
    assert!(ran.observations.is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let foreign = MockServer::start().await;
    for code in [301, 302, 307, 308] {
        let server = market().await;
        let away = format!("{}/sellers/v3/shipments", foreign.uri());
        get(&server, BY_ID, status(code, "").insert_header("location", away)).await;
        let ran = by_id(&server, &[8]).run().await;
        assert_eq!(kind(&ran), ErrorKind::BadReply, "{code}");
    }
    assert!(asked(&foreign).await.is_empty());
}

#[tokio::test]
async fn an_order_that_is_not_in_the_answer_is_not_reported() {
    let server = market().await;
    get(&server, BY_ID, reply(fixture!("partial_cancel"))).await;
    let ran = by_id(&server, &[31, 32]).run().await;
    assert_eq!(ran.result, Ok(Mark::default()));
    assert_eq!(statuses_of(&ran.observations, &item(31)), [Status::Packed, Status::Cancelled]);
    assert!(ran.observations.iter().all(|seen| seen.order == order(31).order));
}

#[tokio::test]
async fn what_the_marketplace_echoes_is_blanked_in_errors_and_observations() {
    let echo = format!("{} {} fk-token-1", SECRETS[0], SECRETS[1]);
    for code in [200, 400, 403, 422, 500] {
        let server = market().await;
        let text = json!({
            "error": &echo, "errors": [{"code": "fk-token-1", "description": &echo}],
            "shipments": [{"orderItems": [{"orderId": "OD1", "orderItemId": "11", "status": "fk-token-1", "quantity": 1,
                                           "sku": &echo}]}],
        });
        get(&server, BY_ID, status(code, text.to_string())).await;
        let ran = by_id(&server, &[1]).run().await;
        assert!(ran.result.is_err(), "{code}");
        let shown = format!("{ran:?}");
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{code}: {secret} in {shown}");
        }
        assert_eq!(ran.observations.len(), usize::from(code == 200), "{code}");
    }
    let server = MockServer::start().await;
    get(&server, LOGIN, status(401, json!({ "error": echo }).to_string())).await;
    let shown = format!("{:?}", by_id(&server, &[1]).run().await);
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

#[tokio::test]
async fn advice_on_waiting_crosses_the_boundary() {
    let server = market().await;
    get(&server, BY_ID, status(408, "").insert_header("retry-after", "17")).await;
    let error = by_id(&server, &[1]).run().await.result.expect_err("refused");
    assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(Duration::from_secs(17))));
}
