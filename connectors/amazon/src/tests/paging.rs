//! Pages, windows and marks, in both interfaces.

use plugin_api::{Error, ErrorKind, Mark, Reply, Scope, Task};
use serde_json::{Value, json};

use super::*;

/// A page with these orders and a token for the next.
fn page(api: &Value, orders: &[&str], next: Option<&str>, bound: Option<&str>) -> String {
    if *api == v0() {
        let orders: Vec<_> = orders
            .iter()
            .map(|id| {
                let mut order = order_v0("Shipped", Some("Delivered"));
                order["AmazonOrderId"] = json!(id);
                order
            })
            .collect();
        return json!({"payload": {"Orders": orders, "NextToken": next, "LastUpdatedBefore": bound}})
            .to_string();
    }
    let orders: Vec<_> = orders
        .iter()
        .map(|id| {
            let mut order = order_2026("SHIPPED", &json!([]));
            order["orderId"] = json!(id);
            order
        })
        .collect();
    let pagination = next.map(|next| json!({ "nextToken": next }));
    json!({"orders": orders, "pagination": pagination, "lastUpdatedBefore": bound}).to_string()
}

fn both(test: impl Fn(Value, &str)) {
    test(json!({}), SEARCH);
    test(v0(), V0);
}

fn ids(ran: &Ran<Mark>) -> Vec<&str> {
    ran.observations.iter().map(|seen| seen.order.as_str()).collect()
}

const BOUND: Option<&str> = Some("2026-09-03T11:28:00Z");
const LATER: Option<&str> = Some("2026-09-03T11:29:00Z");

#[test]
fn the_fixture_pages_are_read_to_the_end() {
    let ran = changed(
        script().reply(SEARCH, 200, include_str!("../../fixtures/search_orders.json")).reply(
            SEARCH,
            200,
            include_str!("../../fixtures/search_orders_last.json"),
        ),
        json!({}),
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(at("2026-09-03T11:28:00Z")));
    let seen: Vec<_> =
        ran.observations.iter().map(|seen| (seen.order.as_str(), seen.status.unwrap())).collect();
    assert_eq!(
        seen,
        [
            ("404-5550001-1234567", Status::Dispatched),
            ("404-5550001-1234567", Status::OutForDelivery),
            ("404-5550003-0000001", Status::Cancelled),
        ]
    );
    assert_eq!(ran.observations[0].item.as_deref(), Some("66000000000001"));
    assert_eq!(ran.observations[0].sku.as_deref(), Some("MUG-RED"));
}

#[test]
fn the_first_request_asks_for_statuses_and_never_for_people() {
    let ran = changed(script().reply(SEARCH, 200, page_2026(&[])), json!({}));
    assert_eq!(
        ran.requests,
        ["GET https://sellingpartnerapi-eu.amazon.com/orders/2026-01-01/orders?marketplaceIds=A21TJRUUN4KGV\
          &fulfilledBy=MERCHANT&includedData=FULFILLMENT,PACKAGES,CANCELLATION&maxResultsPerPage=100\
          &lastUpdatedAfter=2026-09-03T10:30:00Z"]
    );
    let ran = changed(script().reply(V0, 200, page_v0(&[])), v0());
    assert_eq!(
        ran.requests,
        ["GET https://sellingpartnerapi-eu.amazon.com/orders/v0/orders?MarketplaceIds=A21TJRUUN4KGV\
          &FulfillmentChannels=MFN&MaxResultsPerPage=100&LastUpdatedAfter=2026-09-03T10:30:00Z"]
    );
}

#[test]
fn every_request_carries_the_headers_that_amazon_asks_for() {
    let ran = changed(script().reply(SEARCH, 200, page_2026(&[])), json!({}));
    assert!(ran.transcript[0].contains("\nuser-agent: Statusync/"));
    assert!(ran.transcript[0].contains("\naccept: application/json"));
    assert!(ran.transcript[0].contains("\nx-amz-access-token: {token}"));
}

#[test]
fn a_following_page_is_asked_for_with_the_same_filters_and_its_token() {
    both(|api, key| {
        let ran = changed(
            script().reply(key, 200, page(&api, &["A"], Some("t1"), BOUND)).reply(
                key,
                200,
                page(&api, &["B"], None, LATER),
            ),
            api.clone(),
        );
        let name = if api == v0() { "NextToken" } else { "paginationToken" };
        assert_eq!(ran.requests[1], format!("{}&{name}=t1", ran.requests[0]));
        assert_eq!(ids(&ran), ["A", "B"]);
    });
}

#[test]
fn the_mark_is_the_bound_of_the_first_page() {
    both(|api, key| {
        let ran = changed(
            script().reply(key, 200, page(&api, &["A"], Some("t1"), BOUND)).reply(
                key,
                200,
                page(&api, &[], None, LATER),
            ),
            api,
        );
        assert_eq!(ran.result.unwrap(), Mark::complete_until(at(BOUND.unwrap())));
    });
}

#[test]
fn a_bound_that_cannot_be_read_neither_fails_the_page_nor_becomes_the_mark() {
    both(|api, key| {
        for bound in [None, Some(""), Some("yesterday"), Some("2026-13-40T00:00:00Z")] {
            let ran = changed(script().reply(key, 200, page(&api, &["A"], None, bound)), api.clone());
            assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(now() - 120_000), "{bound:?}");
            assert_eq!(ids(&ran), ["A"]);
        }
    });
}

#[test]
fn a_bound_beyond_the_window_does_not_move_the_mark_beyond_it() {
    both(|api, key| {
        let ran = changed(script().reply(key, 200, page(&api, &[], None, Some("2099-01-01T00:00:00Z"))), api);
        assert_eq!(ran.result.unwrap(), Mark::complete_until(now()));
    });
}

#[test]
fn an_upper_bound_is_sent_only_when_it_is_two_minutes_old() {
    both(|api, key| {
        let name = if api == v0() { "LastUpdatedBefore" } else { "lastUpdatedBefore" };
        for (until, is_sent) in
            [(now(), false), (now() - 119_999, false), (now() - 120_000, true), (now() + 60_000, false)]
        {
            let ran = script().reply(key, 200, page(&api, &[], None, BOUND)).changed::<Amazon>(
                Task::Status,
                api.clone(),
                now() - 86_400_000,
                until,
            );
            let expected = format!("&{name}={}", time::write(until));
            assert_eq!(ran.requests[0].contains(&expected), is_sent, "{}", ran.requests[0]);
            assert_eq!(ran.requests[0].contains(name), is_sent, "{}", ran.requests[0]);
        }
    });
}

#[test]
fn empty_pages_in_the_middle_are_walked_past() {
    both(|api, key| {
        let ran = changed(
            script()
                .reply(key, 200, page(&api, &[], Some("t1"), BOUND))
                .reply(key, 200, page(&api, &[], Some("t2"), BOUND))
                .reply(key, 200, page(&api, &["A"], None, BOUND)),
            api,
        );
        assert!(ran.result.is_ok());
        assert_eq!(ids(&ran), ["A"]);
    });
}

#[test]
fn an_empty_token_is_the_end() {
    both(|api, key| {
        let ran = changed(script().reply(key, 200, page(&api, &["A"], Some(""), BOUND)), api);
        assert!(ran.result.is_ok());
        assert_eq!(ran.requests.len(), 1);
    });
}

#[test]
fn an_order_that_comes_twice_is_reported_alike_twice() {
    both(|api, key| {
        let ran = changed(
            script().reply(key, 200, page(&api, &["A"], Some("t1"), BOUND)).reply(
                key,
                200,
                page(&api, &["A"], None, BOUND),
            ),
            api,
        );
        assert_eq!(ran.observations[0], ran.observations[1]);
        assert_eq!(ran.observations.len(), 2);
    });
}

#[test]
fn a_token_that_comes_twice_ends_the_pull() {
    both(|api, key| {
        let ran = changed(
            script()
                .reply(key, 200, page(&api, &["A"], Some("t1"), BOUND))
                .reply(key, 200, page(&api, &["B"], Some("t2"), BOUND))
                .reply(key, 200, page(&api, &["C"], Some("t1"), BOUND)),
            api,
        );
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
        assert_eq!(ran.requests.len(), 3);
    });
}

#[test]
fn a_dead_token_restarts_the_window_once_and_the_mark_is_that_of_the_new_walk() {
    both(|api, key| {
        let ran = changed(
            script()
                .reply(key, 200, page(&api, &["A"], Some("t1"), BOUND))
                .reply(key, 400, r#"{"errors":[{"code":"InvalidInput","message":"token"}]}"#)
                .reply(key, 200, page(&api, &["A"], Some("t1"), LATER))
                .reply(key, 200, page(&api, &["B"], None, LATER)),
            api,
        );
        assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(at(LATER.unwrap())));
        assert_eq!(ids(&ran), ["A", "A", "B"]);
        assert_eq!(ran.requests[2], ran.requests[0]);
    });
}

#[test]
fn a_second_dead_token_fails_the_pull() {
    both(|api, key| {
        let ran = changed(
            script()
                .reply(key, 200, page(&api, &["A"], Some("t1"), BOUND))
                .reply(key, 400, "")
                .reply(key, 200, page(&api, &["A"], Some("t1"), BOUND))
                .reply(key, 400, ""),
            api,
        );
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadRequest);
        assert_eq!(ran.requests.len(), 4);
    });
}

#[test]
fn a_refused_first_page_is_not_asked_for_again() {
    both(|api, key| {
        let ran = changed(script().reply(key, 400, ""), api);
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadRequest);
        assert_eq!(ran.requests.len(), 1);
    });
}

#[test]
fn a_failed_page_fails_the_pull_and_keeps_what_was_seen() {
    both(|api, key| {
        for (status, kind) in [
            (401, ErrorKind::Auth),
            (403, ErrorKind::Auth),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            let ran = changed(
                script().reply(key, 200, page(&api, &["A"], Some("t1"), BOUND)).reply(key, status, DENIED),
                api.clone(),
            );
            let error = ran.result.as_ref().unwrap_err();
            assert_eq!(error.kind, kind, "{status}");
            assert_eq!(error.operation, if api == v0() { "getOrders" } else { "searchOrders" });
            assert_eq!(ids(&ran), ["A"]);
        }
    });
}

#[test]
fn html_and_half_a_page_are_bad_replies() {
    both(|api, key| {
        let whole = page(&api, &["A"], None, BOUND);
        for body in ["<html>busy</html>", "", "{}", &whole[..whole.len() / 2]] {
            let ran = changed(script().reply(key, 200, body), api.clone());
            assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply, "{body}");
            assert_eq!(ran.observations, []);
        }
    });
}

#[test]
fn an_error_of_the_host_is_passed_on() {
    both(|api, key| {
        let ran =
            changed(script().answer(key, Err(Error::new(ErrorKind::RateLimited, "waited long enough"))), api);
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::RateLimited);
    });
}

#[test]
fn an_error_in_place_of_a_payload_counts_and_one_beside_it_does_not() {
    let quota = include_str!("../../fixtures/error_quota.json");
    assert_eq!(
        changed(script().reply(V0, 200, quota), v0()).result.unwrap_err().kind,
        ErrorKind::RateLimited
    );

    let mut beside: Value = serde_json::from_str(&page(&v0(), &["A"], None, BOUND)).unwrap();
    beside["errors"] = json!([{"code": "InternalFailure", "message": "part of it"}]);
    let ran = changed(script().reply(V0, 200, beside.to_string()), v0());
    assert_eq!(ids(&ran), ["A"]);
}

#[test]
fn nothing_of_a_buyer_is_reported() {
    let page = include_str!("../../fixtures/v0_orders.json");
    assert!(page.contains("INVENTEDCITY"), "the fixture is about this");
    let ran = changed(script().answer(V0, Ok(Reply::new(200, page))), v0());
    let shown = format!("{:?}", ran.observations);
    assert_eq!(ran.observations.len(), 1);
    assert!(!shown.to_lowercase().contains("invented"), "{shown}");
}

/// A pull that was cut at the second page, and the place that it kept.
fn cut(api: &Value, key: &str) -> Mark {
    let script = script()
        .reply(key, 200, page(api, &["A"], Some("t1"), BOUND))
        .answer(key, Err(Error::new(ErrorKind::RateLimited, "the bucket is empty")));
    let scope = Scope::Changed { since: now() - 3_600_000, until: now() };
    let ran = script.pull::<Amazon>(api.clone(), Task::Status, scope, Some(Mark::complete_until(7)));
    assert_eq!(ran.result.as_ref().unwrap_err().kind, ErrorKind::RateLimited);
    assert_eq!(ids(&ran), ["A"]);
    let [place] = ran.checkpoints.as_slice() else { panic!("{:?}", ran.checkpoints) };
    assert_eq!(place.complete_until, Some(7), "nothing more is complete than before");
    place.clone()
}

#[test]
fn a_walk_that_was_cut_goes_on_at_its_page_and_ends_at_its_own_bound() {
    both(|api, key| {
        let later = now() + 600_000;
        let scope = Scope::Changed { since: later - 3_600_000, until: later };
        let ran = script().at(later).reply(key, 200, page(&api, &["B"], None, LATER)).pull::<Amazon>(
            api.clone(),
            Task::Status,
            scope,
            Some(cut(&api, key)),
        );
        assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(at(BOUND.unwrap())));
        assert_eq!(ids(&ran), ["B"]);
        let [request] = ran.requests.as_slice() else { panic!("{:?}", ran.requests) };
        assert!(request.ends_with("oken=t1"), "{request}");
        assert!(
            request.contains("pdatedAfter=2026-09-03T10:30:00Z"),
            "the filters are those of the token: {request}"
        );
    });
}

#[test]
fn a_walk_whose_token_died_meanwhile_is_begun_anew_with_the_new_window() {
    both(|api, key| {
        let later = now() + 600_000;
        let scope = Scope::Changed { since: later - 3_600_000, until: later };
        let ran = script()
            .at(later)
            .reply(key, 400, "")
            .reply(key, 200, page(&api, &["A", "B"], None, Some("2026-09-03T11:38:00Z")))
            .pull::<Amazon>(api.clone(), Task::Status, scope, Some(cut(&api, key)));
        assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(at("2026-09-03T11:38:00Z")));
        assert_eq!(ids(&ran), ["A", "B"]);
        assert!(ran.requests[1].contains("pdatedAfter=2026-09-03T10:40:00Z"), "{}", ran.requests[1]);
    });
}

#[test]
fn a_wider_window_than_that_of_the_walk_is_read_whole() {
    both(|api, key| {
        let scope = Scope::Changed { since: now() - 86_400_000, until: now() };
        let ran = script().reply(key, 200, page(&api, &["A", "B"], None, BOUND)).pull::<Amazon>(
            api.clone(),
            Task::Status,
            scope,
            Some(cut(&api, key)),
        );
        assert_eq!(ids(&ran), ["A", "B"]);
        assert!(!ran.requests[0].contains("oken="), "{}", ran.requests[0]);
    });
}
