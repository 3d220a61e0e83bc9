//! Amazon: the login, both order interfaces, Easy Ship, the returns report, and everything that may come instead.

use std::io::Write as _;

use kit::conformance::Ran;
use plugin_api::{ErrorKind, Mark, Millis, OrderRef, ReturnKind, Scope, Status, Task};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header as has_header, method, path, query_param},
};

use crate::{
    market::{
        Tokens, Without, asked, asked_at, body, date_in_an_hour, get, get_once, header, json as reply, raw,
        status, statuses_of,
    },
    trial::Asked,
};

/// 2026-09-03 11:30 UTC.
const NOW: Millis = 1_788_435_000_000;
const LOGIN: &str = "/auth/o2/token";
const SEARCH: &str = "/orders/2026-01-01/orders";
const V0: &str = "/orders/v0/orders";
const EASY_SHIP: &str = "/easyShip/2022-03-23/package";
const REPORTS: &str = "/reports/2021-06-30/reports";
const DOCUMENT: &str = "/reports/2021-06-30/documents/D1";
const LOGIN_BODY: &str = r#"{"access_token":"{token}","token_type":"bearer","expires_in":3600}"#;
const SECRETS: [&str; 5] =
    ["amzn-client-7731", "amzn-secret-9942", "Atzr|refresh-5518", "Atza|token-1", "Atza|token-2"];

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../connectors/amazon/fixtures/", $name))
    };
}

fn order(id: &str) -> OrderRef {
    OrderRef { order: id.to_owned(), ..OrderRef::default() }
}

fn pull(server: &MockServer, task: Task, scope: Scope) -> Asked {
    let settings = json!({
        "base_url": server.uri(), "token_url": format!("{}{LOGIN}", server.uri()),
        "client_id": SECRETS[0], "client_secret": SECRETS[1], "refresh_token": SECRETS[2],
    });
    Asked { connector: "amazon".to_owned(), settings, task, scope, now: NOW, max_attempts: 2 }
}

fn last_hour() -> Scope {
    Scope::Changed { since: NOW - 3_600_000, until: NOW }
}

fn changed(server: &MockServer) -> Asked {
    pull(server, Task::Status, last_hour())
}

fn by_id(server: &MockServer, ids: &[&str]) -> Asked {
    pull(server, Task::Pending, Scope::Orders(ids.iter().copied().map(order).collect()))
}

fn returns(server: &MockServer) -> Asked {
    pull(server, Task::Returns, Scope::Changed { since: NOW - 30 * 86_400_000, until: NOW })
}

trait With {
    fn with(self, name: &str, value: impl Into<Value>) -> Self;
}

impl With for Asked {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings[name] = value.into();
        self
    }
}

/// A marketplace that gives out `Atza|token-1`, `Atza|token-2`, …
async fn market() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(LOGIN))
        .respond_with(Tokens::new("Atza|token-", LOGIN_BODY))
        .mount(&server)
        .await;
    server
}

/// Answers the list's first page, and the page after `token`.
async fn pages(server: &MockServer, first: ResponseTemplate, token: &str, next: ResponseTemplate) {
    let list = || Mock::given(method("GET")).and(path(SEARCH));
    list().and(Without("paginationToken")).respond_with(first).mount(server).await;
    list().and(query_param("paginationToken", token)).respond_with(next).mount(server).await;
}

fn fixture_order(change: impl Fn(&mut Value)) -> Value {
    let mut page: Value = serde_json::from_str(fixture!("search_orders.json")).expect("JSON");
    let mut order = page["orders"][0].take();
    change(&mut order);
    order
}

fn page(orders: &[Value], token: Option<&str>) -> ResponseTemplate {
    let pagination = token.map(|token| json!({ "nextToken": token }));
    let page =
        json!({ "orders": orders, "pagination": pagination, "lastUpdatedBefore": "2026-09-03T11:28:00Z" });
    reply(page.to_string())
}

fn kind(ran: &Ran) -> ErrorKind {
    ran.result.as_ref().expect_err("the pull should have failed").kind
}

#[tokio::test]
async fn the_login_is_a_form_and_its_token_is_sent_in_amazon_s_header() {
    let server = market().await;
    get(&server, SEARCH, page(&[], None)).await;
    assert_eq!(changed(&server).run().await.result, Ok(Mark::complete_until(NOW - 120_000)));
    let logins = asked_at(&server, LOGIN).await;
    assert_eq!(logins.len(), 1);
    assert_eq!(header(&logins[0], "content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        String::from_utf8_lossy(&logins[0].body),
        "grant_type=refresh_token&refresh_token=Atzr%7Crefresh-5518&client_id=amzn-client-7731&client_secret=amzn-secret-9942"
    );
    assert_eq!(header(&logins[0], "x-amz-access-token"), "");
    let lists = asked_at(&server, SEARCH).await;
    assert_eq!(header(&lists[0], "x-amz-access-token"), "Atza|token-1");
    assert!(header(&lists[0], "user-agent").starts_with("Statusync/"));
    let query: Vec<(String, String)> = lists[0].url.query_pairs().into_owned().collect();
    let expected = [
        ("marketplaceIds", "A21TJRUUN4KGV"),
        ("fulfilledBy", "MERCHANT"),
        ("includedData", "FULFILLMENT,PACKAGES,CANCELLATION"),
        ("maxResultsPerPage", "100"),
        ("lastUpdatedAfter", "2026-09-03T10:30:00Z"),
    ];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_refused_login_is_auth_and_is_not_tried_again() {
    for (code, text) in
        [(400, fixture!("login_invalid_grant.json")), (401, fixture!("login_invalid_client.json"))]
    {
        let server = MockServer::start().await;
        Mock::given(path(LOGIN)).respond_with(status(code, text)).mount(&server).await;
        let ran = changed(&server).run().await;
        assert_eq!(kind(&ran), ErrorKind::Auth, "{code}");
        assert_eq!(asked(&server).await.len(), 1, "{code}");
    }
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_the_mark_is_the_first_page_s_bound() {
    let server = market().await;
    let (first, last) = (fixture!("search_orders.json"), fixture!("search_orders_last.json"));
    pages(&server, reply(first), "opaque", reply(last)).await;
    let ran = changed(&server).run().await;
    assert_eq!(ran.result, Ok(Mark::complete_until(NOW - 120_000)));
    let expected = [Status::Dispatched, Status::OutForDelivery];
    assert_eq!(statuses_of(&ran.observations, "66000000000001"), expected);
    assert_eq!(statuses_of(&ran.observations, "404-5550003-0000001"), [Status::Cancelled]);
    assert_eq!(ran.observations[0].awb.as_deref(), Some("340000000001"));
    assert_eq!(ran.checkpoints.len(), 1, "the place is kept between the pages");
    let lists = asked_at(&server, SEARCH).await;
    let filters = lists[0].url.query().expect("a query");
    assert_eq!(lists[1].url.query(), Some(format!("{filters}&paginationToken=opaque").as_str()));
}

#[tokio::test]
async fn every_task_by_id_asks_for_each_order_and_reports_it() {
    for task in [Task::Status, Task::Pending, Task::Delivery] {
        let server = market().await;
        let delivered = fixture_order(|order| {
            order["packages"][0]["packageStatus"] =
                json!({"status": "DELIVERED", "detailedStatus": "DELIVERED"});
        });
        get(
            &server,
            &format!("{SEARCH}/404-5550001-1234567"),
            reply(json!({ "order": delivered }).to_string()),
        )
        .await;
        let scope = Scope::Orders(vec![order("404-5550001-1234567")]);
        let ran = pull(&server, task, scope).run().await;
        assert_eq!(ran.result, Ok(Mark::default()), "{task}");
        assert_eq!(statuses_of(&ran.observations, "66000000000001"), [Status::Delivered], "{task}");
    }
}

#[tokio::test]
async fn an_order_that_amazon_does_not_know_is_not_reported() {
    let server = market().await;
    let known = fixture_order(|_| {});
    get(&server, &format!("{SEARCH}/404-5550001-1234567"), reply(json!({ "order": known }).to_string()))
        .await;
    get(&server, &format!("{SEARCH}/404-9999999-9999999"), status(404, fixture!("error_not_found.json")))
        .await;
    let ran = by_id(&server, &["404-9999999-9999999", "404-5550001-1234567"]).run().await;
    assert_eq!(ran.result, Ok(Mark::default()));
    assert!(!ran.observations.is_empty());
    assert!(ran.observations.iter().all(|seen| seen.order == "404-5550001-1234567"));
}

#[tokio::test]
async fn an_unknown_word_is_unmapped_with_its_text() {
    let server = market().await;
    let odd =
        fixture_order(|order| order["packages"][0]["packageStatus"]["detailedStatus"] = json!("TELEPORTED"));
    get(&server, SEARCH, page(&[odd], None)).await;
    let ran = changed(&server).run().await;
    let seen: Vec<_> = ran.observations.iter().map(|seen| (seen.status, seen.raw.as_str())).collect();
    assert_eq!(seen, [(Some(Status::Unmapped), "TELEPORTED")]);
}

#[tokio::test]
async fn a_401_or_403_in_the_middle_of_paging_costs_one_login_and_one_repeat() {
    for code in [401, 403] {
        let server = market().await;
        let list = || Mock::given(method("GET")).and(path(SEARCH));
        list()
            .and(Without("paginationToken"))
            .respond_with(reply(fixture!("search_orders.json")))
            .mount(&server)
            .await;
        let next = |token: &str| {
            list().and(query_param("paginationToken", "opaque")).and(has_header("x-amz-access-token", token))
        };
        next("Atza|token-1").respond_with(status(code, fixture!("error_denied.json"))).mount(&server).await;
        next("Atza|token-2").respond_with(reply(fixture!("search_orders_last.json"))).mount(&server).await;
        let ran = changed(&server).run().await;
        assert!(ran.result.is_ok(), "{code}: {:?}", ran.result);
        assert_eq!(statuses_of(&ran.observations, "404-5550003-0000001"), [Status::Cancelled], "{code}");
        assert_eq!(
            (asked_at(&server, LOGIN).await.len(), asked_at(&server, SEARCH).await.len()),
            (2, 3),
            "{code}"
        );

        let server = market().await;
        get(&server, SEARCH, status(code, fixture!("error_denied.json"))).await;
        assert_eq!(kind(&changed(&server).run().await), ErrorKind::Auth, "{code}");
        assert_eq!(
            (asked_at(&server, LOGIN).await.len(), asked_at(&server, SEARCH).await.len()),
            (2, 2),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_429_is_waited_out_as_its_header_says_in_seconds_or_as_a_date() {
    for short in ["0", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        let server = market().await;
        let limited = status(429, fixture!("error_quota.json")).insert_header("retry-after", short);
        get_once(&server, SEARCH, limited).await;
        get(&server, SEARCH, reply(fixture!("search_orders_last.json"))).await;
        let ran = changed(&server).run().await;
        assert_eq!(statuses_of(&ran.observations, "404-5550003-0000001"), [Status::Cancelled], "{short}");
    }
    let date = date_in_an_hour();
    for (long, least) in [("3600", 3_600), (date.as_str(), 3_500)] {
        let server = market().await;
        get(&server, SEARCH, status(429, fixture!("error_quota.json")).insert_header("retry-after", long))
            .await;
        let error = changed(&server).run().await.result.expect_err("too long a wait");
        assert_eq!(
            (error.kind, error.operation.as_str()),
            (ErrorKind::RateLimited, "searchOrders"),
            "{long}"
        );
        let advice = error.retry_after.expect("advice");
        assert!((least..=3_600).contains(&advice.as_secs()), "{long}: {advice:?}");
        assert_eq!(asked_at(&server, SEARCH).await.len(), 1, "{long}");
    }
}

#[tokio::test]
async fn a_failure_that_passes_is_not_seen_and_one_that_stays_is_an_outage() {
    for code in [500, 502, 503, 504] {
        let server = market().await;
        get_once(&server, SEARCH, status(code, "<html>trouble</html>")).await;
        get(&server, SEARCH, reply(fixture!("search_orders_last.json"))).await;
        assert_eq!(changed(&server).run().await.observations.len(), 1, "{code}");

        let server = market().await;
        get(&server, SEARCH, status(code, "<html>trouble</html>")).await;
        assert_eq!(kind(&changed(&server).run().await), ErrorKind::Unavailable, "{code}");
        assert_eq!(asked_at(&server, SEARCH).await.len(), 2, "{code}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_answer_is_a_bad_reply_and_nothing_is_reported() {
    let good = fixture!("search_orders.json");
    for text in
        ["<html>sign in</html>", "", "{}", "[]", "null", r#"{"orders":{"a":1}}"#, &good[..good.len() / 2]]
    {
        let server = market().await;
        get(&server, SEARCH, reply(text)).await;
        let ran = changed(&server).run().await;
        assert_eq!(kind(&ran), ErrorKind::BadReply, "{text:.40}");
        assert!(ran.observations.is_empty(), "{text:.40}");
    }
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_of_a_body_is_an_outage() {
    let base = raw(|_| {
        "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\nconnection: close\r\n\r\n{\"orders\":[{\"orde".to_owned()
    });
    let server = market().await;
    let ran = changed(&server).with("base_url", base).run().await;
    assert_eq!(kind(&ran), ErrorKind::Unavailable);
    assert!(ran.observations.is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let foreign = MockServer::start().await;
    for code in [301, 302, 307, 308] {
        let server = market().await;
        let away = format!("{}{SEARCH}", foreign.uri());
        get(&server, SEARCH, status(code, "").insert_header("location", away)).await;
        assert_eq!(kind(&changed(&server).run().await), ErrorKind::BadReply, "{code}");
    }
    assert!(asked(&foreign).await.is_empty());
}

#[tokio::test]
async fn pages_that_go_in_a_circle_are_told_after_their_rows_were_reported() {
    let server = market().await;
    let first = reply(fixture!("search_orders.json"));
    pages(&server, first.clone(), "opaque", first).await;
    let ran = changed(&server).run().await;
    assert_eq!(kind(&ran), ErrorKind::BadReply);
    assert_eq!(asked_at(&server, SEARCH).await.len(), 2);
    let expected = [Status::Dispatched, Status::OutForDelivery];
    assert_eq!(statuses_of(&ran.observations, "66000000000001")[..2], expected);
}

#[tokio::test]
async fn a_dead_page_token_begins_the_list_anew_once() {
    let server = market().await;
    let dead = status(400, r#"{"errors":[{"code":"InvalidInput"}]}"#);
    pages(&server, reply(fixture!("search_orders.json")), "opaque", dead).await;
    let ran = changed(&server).run().await;
    assert_eq!(kind(&ran), ErrorKind::BadRequest);
    let has_token: Vec<_> = asked_at(&server, SEARCH)
        .await
        .iter()
        .map(|request| request.url.query().unwrap_or_default().contains("paginationToken"))
        .collect();
    assert_eq!(has_token, [false, true, false, true]);
}

#[tokio::test]
async fn orders_v0_is_asked_where_the_setting_says_so() {
    let server = market().await;
    get(&server, V0, reply(fixture!("v0_orders.json"))).await;
    let ran = changed(&server).with("orders_api", "v0").run().await;
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(statuses_of(&ran.observations, "404-5550002-7654321"), [Status::CourierReturn]);
    let shown = format!("{ran:?}");
    assert!(!shown.contains("INVENTED") && !shown.contains("marketplace.invalid"), "{shown}");
    let query: Vec<(String, String)> =
        asked_at(&server, V0).await[0].url.query_pairs().into_owned().collect();
    assert!(query.contains(&("FulfillmentChannels".to_owned(), "MFN".to_owned())), "{query:?}");
    assert!(asked_at(&server, SEARCH).await.is_empty());
}

#[tokio::test]
async fn orders_v0_by_id_reads_the_lines_of_an_order_that_lost_one() {
    let server = market().await;
    get(&server, V0, reply(fixture!("v0_orders.json"))).await;
    get(&server, &format!("{V0}/404-5550002-7654321/orderItems"), reply(fixture!("v0_order_items.json")))
        .await;
    let held = OrderRef {
        items: ["66000000000002", "66000000000004", "66000000000005"].map(str::to_owned).into(),
        ..order("404-5550002-7654321")
    };
    let ran = pull(&server, Task::Pending, Scope::Orders(vec![held])).with("orders_api", "v0").run().await;
    assert_eq!(ran.result, Ok(Mark::default()));
    assert_eq!(statuses_of(&ran.observations, "66000000000005"), [Status::Cancelled]);
    let query = asked_at(&server, V0).await[0].url.query().expect("a query").to_owned();
    assert!(query.contains("AmazonOrderIds=404-5550002-7654321"), "{query}");
}

/// An order that its list shows without a package.
fn without_package() -> Value {
    fixture_order(|order| {
        order["orderId"] = json!("404-5550002-7654321");
        order["packages"] = json!([]);
    })
}

#[tokio::test]
async fn easy_ship_fills_what_the_order_lacks_where_it_may_be_asked() {
    let server = market().await;
    get(&server, SEARCH, page(&[without_package()], None)).await;
    get(&server, EASY_SHIP, reply(fixture!("scheduled_package.json"))).await;
    let ran = changed(&server).with("easy_ship", true).run().await;
    assert_eq!(statuses_of(&ran.observations, "66000000000001"), [Status::Returned]);
    let seen = &ran.observations[0];
    assert_eq!((seen.awb.as_deref(), seen.invoice.as_deref()), (Some("340000000002"), Some("IN-77")));
    assert_eq!(seen.ret.as_ref().and_then(|ret| ret.kind), Some(ReturnKind::Rto));

    let server = market().await;
    get(&server, SEARCH, page(&[without_package()], None)).await;
    assert!(changed(&server).run().await.result.is_ok());
    assert!(asked_at(&server, EASY_SHIP).await.is_empty(), "off unless it is switched on");
}

#[tokio::test]
async fn easy_ship_that_is_denied_costs_no_order_and_is_left_alone_then() {
    let server = market().await;
    let other = fixture_order(|order| order["packages"] = json!([]));
    get(&server, SEARCH, page(&[without_package(), other], None)).await;
    get(&server, EASY_SHIP, status(403, fixture!("error_denied.json"))).await;
    let ran = changed(&server).with("easy_ship", true).run().await;
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    let orders: Vec<_> = ran.observations.iter().map(|seen| (seen.order.as_str(), seen.status)).collect();
    let dispatched = Some(Status::Dispatched);
    assert_eq!(orders, [("404-5550002-7654321", dispatched), ("404-5550001-1234567", dispatched)]);
    let calls = asked_at(&server, EASY_SHIP).await;
    assert_eq!(calls.len(), 2, "the call and its repeat after one login, and none for the second order");
    assert_eq!(asked_at(&server, LOGIN).await.len(), 2);
}

fn packed(text: &str) -> Vec<u8> {
    let mut packing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packing.write_all(text.as_bytes()).expect("in memory");
    packing.finish().expect("in memory")
}

/// A marketplace whose returns report is ready at once, and lies at `url`.
async fn report(url: &str) -> MockServer {
    let server = market().await;
    Mock::given(method("POST"))
        .and(path(REPORTS))
        .respond_with(status(202, fixture!("report_created.json")))
        .mount(&server)
        .await;
    get(&server, &format!("{REPORTS}/R1"), reply(fixture!("report_done.json"))).await;
    let place = json!({"reportDocumentId": "D1", "url": url, "compressionAlgorithm": "GZIP"});
    get(&server, DOCUMENT, reply(place.to_string())).await;
    server
}

/// A place where documents lie: the packed fixture at `/doc`.
async fn place() -> MockServer {
    let place = MockServer::start().await;
    let document = ResponseTemplate::new(200).set_body_raw(packed(fixture!("returns.txt")), "text/plain");
    get(&place, "/doc", document).await;
    place
}

#[tokio::test]
async fn the_returns_report_is_asked_for_fetched_unpacked_and_read() {
    let place = place().await;
    let server = report(&format!("{}/doc?X-Amz-Signature=a%2Bb", place.uri())).await;
    let ran = returns(&server).with("document_url", place.uri()).run().await;
    assert_eq!(ran.result, Ok(Mark::complete_until(NOW - 120_000)));
    let seen: Vec<_> = ran
        .observations
        .iter()
        .map(|seen| (seen.sku.as_deref().unwrap_or_default(), seen.status, seen.quantity))
        .collect();
    assert_eq!(
        seen,
        [
            ("MUG-RED", Some(Status::Returned), Some(1)),
            ("MUG-BLUE", Some(Status::ReturnRequested), Some(2)),
            ("MUG-GREEN", Some(Status::ReturnRequested), Some(1)),
            ("MUG-WHITE", Some(Status::ReturnCancelled), Some(1)),
        ]
    );
    assert_eq!(ran.checkpoints.len(), 1, "the report's id is kept");
    let created = body(&asked_at(&server, REPORTS).await[0]);
    assert_eq!(
        created,
        json!({
            "reportType": "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE", "marketplaceIds": ["A21TJRUUN4KGV"],
            "dataStartTime": "2026-08-04T11:30:00Z", "dataEndTime": "2026-09-03T11:28:00Z",
        })
    );
    let fetched = asked(&place).await;
    assert_eq!(fetched[0].url.query(), Some("X-Amz-Signature=a%2Bb"), "the address is sent as it was signed");
    assert_eq!((header(&fetched[0], "x-amz-access-token"), header(&fetched[0], "authorization")), ("", ""));
}

#[tokio::test]
async fn a_document_on_a_host_that_nobody_named_is_not_fetched() {
    let foreign = place().await;
    let server = report(&format!("{}/doc", foreign.uri().replace("127.0.0.1", "localhost"))).await;
    let ran = returns(&server).run().await;
    let error = ran.result.expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("document_url"), "{error}");
    assert!(asked(&foreign).await.is_empty());

    // The same host at another port passes the connector's own look, and not the host's.
    let server = report(&format!("{}/doc", foreign.uri())).await;
    assert_eq!(kind(&returns(&server).run().await), ErrorKind::BadRequest);
    assert!(asked(&foreign).await.is_empty());
}

#[tokio::test]
async fn a_report_that_the_app_may_not_read_leaves_the_returns_out() {
    let server = market().await;
    Mock::given(path(REPORTS)).respond_with(status(403, fixture!("error_denied.json"))).mount(&server).await;
    let ran = returns(&server).run().await;
    assert_eq!(ran.result, Ok(Mark::default()), "nothing is complete");
    assert!(ran.observations.is_empty() && ran.checkpoints.is_empty());
    assert_eq!((asked_at(&server, REPORTS).await.len(), asked_at(&server, LOGIN).await.len()), (2, 2));
}

#[tokio::test]
async fn a_document_cut_short_is_a_bad_reply() {
    let place = MockServer::start().await;
    let whole = packed(fixture!("returns.txt"));
    get(&place, "/doc", ResponseTemplate::new(200).set_body_raw(&whole[..whole.len() / 2], "text/plain"))
        .await;
    let server = report(&format!("{}/doc", place.uri())).await;
    let ran = returns(&server).with("document_url", place.uri()).run().await;
    assert_eq!(kind(&ran), ErrorKind::BadReply);
    assert!(ran.observations.is_empty());
}

#[tokio::test]
async fn a_report_that_fails_or_has_no_rows_is_not_mistaken_for_the_other() {
    for (word, expected) in
        [("CANCELLED", None), ("FATAL", Some(ErrorKind::Unavailable)), ("LOST", Some(ErrorKind::BadReply))]
    {
        let server = market().await;
        Mock::given(method("POST"))
            .and(path(REPORTS))
            .respond_with(status(202, fixture!("report_created.json")))
            .mount(&server)
            .await;
        get(
            &server,
            &format!("{REPORTS}/R1"),
            reply(json!({"reportId": "R1", "processingStatus": word}).to_string()),
        )
        .await;
        let ran = returns(&server).run().await;
        assert_eq!(ran.result.as_ref().err().map(|error| error.kind), expected, "{word}");
        assert!(ran.observations.is_empty(), "{word}");
    }
}

#[tokio::test]
async fn what_the_marketplace_echoes_is_blanked_in_errors_and_observations() {
    let echo = format!("{} {} {} Atza|token-1", SECRETS[0], SECRETS[1], SECRETS[2]);
    for code in [200, 400, 403, 404, 500] {
        let server = market().await;
        let odd = fixture_order(|order| {
            order["packages"][0]["trackingNumber"] = json!(&echo);
            order["packages"][0]["packageStatus"]["detailedStatus"] = json!("Atza|token-1");
            order["orderItems"][0]["product"]["sellerSku"] = json!(SECRETS[2]);
        });
        let text = json!({"errors": [{"code": "Atza|token-1", "message": &echo, "details": &echo}], "orders": [odd]});
        let answer = status(code, text.to_string()).insert_header("x-amzn-requestid", SECRETS[0]);
        get(&server, SEARCH, answer).await;
        let ran = changed(&server).run().await;
        assert_eq!(ran.result.is_ok(), code == 200, "{code}");
        assert_eq!(ran.observations.is_empty(), code != 200, "{code}");
        let shown = format!("{ran:?}");
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{code}: {secret} in {shown}");
        }
    }
    let server = MockServer::start().await;
    let refused = json!({"error": SECRETS[1], "error_description": echo});
    Mock::given(path(LOGIN)).respond_with(status(401, refused.to_string())).mount(&server).await;
    let shown = format!("{:?}", changed(&server).run().await);
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}
