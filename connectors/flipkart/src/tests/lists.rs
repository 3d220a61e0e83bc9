use plugin_api::{Error, ErrorKind, Mark, ShippedBy};

use super::*;

const COURIER_41_42_43: &str = "GET /sellers/v3/shipments/7b1e2c90-1111-4222-8333-000000000041,\
                                7b1e2c90-1111-4222-8333-000000000042,7b1e2c90-1111-4222-8333-000000000043";
const SECOND_PAGE: &str = "GET /sellers/v3/shipments/filter?next_token=ewogICJwYWdlIjogMQp9_-==";

fn two_pages() -> Script {
    nothing_cancelled()
        .reply(LIST, 200, fixture!("list_first"))
        .reply(SECOND_PAGE, 200, fixture!("list_last"))
        .reply(COURIER_41_42_43, 200, fixture!("courier_forms"))
}

#[test]
fn a_quiet_half_hour_costs_four_calls_and_moves_the_mark() {
    let ran = changed(nothing_cancelled().reply(LIST, 200, fixture!("list_empty")));
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!((ran.requests.len(), ran.observations.len()), (4, 0));
}

#[test]
fn three_kinds_of_cancellation_are_asked_for_before_what_moved() {
    let ran = changed(nothing_cancelled().reply(LIST, 200, fixture!("list_empty")));
    let window = json!({"from": "2026-01-15T09:00:00Z", "to": "2026-01-15T09:30:00Z"});
    for (n, kind) in ["sellerCancellation", "buyerCancellation", "marketplaceCancellation"].iter().enumerate()
    {
        assert_eq!(
            body(&ran, n),
            json!({
                "filter": {
                    "type": "cancelled", "states": ["CANCELLED"], "cancellationType": kind,
                    "shipmentTypes": ["NORMAL", "EXPRESS", "SELF"], "cancellationDate": window,
                },
                "pagination": {"pageSize": 20},
                "sort": {"field": "orderDate", "order": "asc"},
            })
        );
    }
    assert_eq!(
        body(&ran, 3),
        json!({
            "filter": {
                "type": "postDispatch", "states": ["PICKUP_COMPLETE", "SHIPPED", "DELIVERED"],
                "shipmentTypes": ["NORMAL", "EXPRESS", "SELF"], "modifiedDate": window,
            },
            "pagination": {"pageSize": 20},
            "sort": {"field": "modifiedDate", "order": "asc"},
        })
    );
    assert!(ran.transcript[0].contains("\nauthorization: Bearer {token}\n"), "{}", ran.transcript[0]);
    assert!(ran.transcript[0].contains("\ncontent-type: application/json"));
}

#[test]
fn the_next_page_is_asked_for_word_for_word() {
    let ran = changed(two_pages());
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(
        ran.requests[4],
        "GET https://api.flipkart.net/sellers/v3/shipments/filter?next_token=ewogICJwYWdlIjogMQp9_-=="
    );
    assert!(ran.transcript[4].contains("Bearer {token}"));
}

#[test]
fn rows_that_slip_to_the_next_page_are_reported_once() {
    let ran = changed(two_pages());
    let dispatched = Some(Status::Dispatched);
    assert_eq!(statuses_of(&ran, 41), [dispatched, Some(Status::InTransit)]);
    assert_eq!(statuses_of(&ran, 42), [dispatched]);
    assert_eq!(statuses_of(&ran, 43), [Some(Status::Delivered)]);
}

#[test]
fn courier_data_is_found_in_each_of_its_places_with_one_call() {
    let ran = changed(two_pages());
    let awb = |number| (of_item(&ran, number)[0].awb.as_deref(), of_item(&ran, number)[0].courier.as_deref());
    assert_eq!(awb(41), (Some("FMPP0000000041"), Some("Ekart")), "the delivery leg, not the pickup leg");
    assert_eq!(awb(42), (Some("FMPP0000000042"), Some("Delhivery")), "the first parcel that has a waybill");
    assert_eq!(awb(43), (Some("FMPP0000000043"), Some("Ekart")), "on the shipment in older models");
    assert_eq!(
        of_item(&ran, 41)[1].awb.as_deref(),
        Some("FMPP0000000041"),
        "the courier's own status has it too"
    );
    assert_eq!(ran.requests.len(), 6);
}

#[test]
fn an_item_is_reported_with_its_units_and_its_shipment() {
    let ran = changed(two_pages());
    let seen = of_item(&ran, 41)[0];
    assert_eq!(seen.order, format!("OD{}", item(41)));
    assert_eq!((seen.quantity, seen.package.clone()), (Some(2), Some(shipment(41))));
    assert_eq!((seen.raw.as_str(), seen.sku.as_deref()), ("SHIPPED", Some("MUG-RED")));
    assert_eq!(seen.shipped_by, Some(ShippedBy::Channel));
    assert_eq!(seen.at, Some(1_768_447_800_000), "updatedAt with its own offset: 03:30 UTC");
    assert_eq!((seen.invoice.clone(), seen.ret.clone()), (None, None));
}

#[test]
fn courier_data_is_asked_for_in_batches_of_twenty_five() {
    let rows = |from: u32, to: u32| -> Vec<_> {
        let row = |n| {
            json!({"shipmentId": shipment(n), "orderItems": [
            {"orderId": format!("OD{}", item(n)), "orderItemId": item(n), "status": "SHIPPED", "quantity": 1}]})
        };
        (from..to).map(row).collect()
    };
    let page = |rows: Vec<_>, more: Option<&str>| {
        json!({"hasMore": more.is_some(), "nextPageUrl": more, "shipments": rows}).to_string()
    };
    let calls = |from: u32, to: u32| {
        format!("GET /sellers/v3/shipments/{}", (from..to).map(shipment).collect::<Vec<_>>().join(","))
    };
    let nothing = r#"{"shipments":[]}"#;
    let ran = changed(
        nothing_cancelled()
            .reply(LIST, 200, page(rows(0, 20), Some("/v3/shipments/filter?next_token=a")))
            .reply("GET /sellers/v3/shipments/filter?next_token=a", 200, page(rows(20, 40), None))
            .reply(&calls(0, 25), 200, nothing)
            .reply(&calls(25, 40), 200, nothing),
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert_eq!((ran.requests.len(), ran.observations.len()), (7, 80));
}

#[test]
fn a_day_is_one_window_and_a_longer_span_several_with_marks_between() {
    const DAY: i64 = 86_400_000;
    let mut script = Script::new();
    for _ in 0..12 {
        script = script.reply(LIST, 200, fixture!("list_empty"));
    }
    let since = UNTIL - 2 * DAY - 60_000;
    let ran = script.changed::<crate::Flipkart>(plugin_api::Task::Status, json!({}), since, UNTIL);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    assert_eq!(ran.checkpoints, [Mark::complete_until(since + DAY), Mark::complete_until(since + 2 * DAY)]);
    assert_eq!(
        body(&ran, 4)["filter"]["cancellationDate"],
        json!({"from": "2026-01-14T09:28:00Z", "to": "2026-01-15T09:29:00Z"})
    );
}

#[test]
fn a_mark_never_lies_in_the_future() {
    let script = nothing_cancelled().reply(LIST, 200, fixture!("list_empty"));
    let ran =
        script.changed::<crate::Flipkart>(plugin_api::Task::Status, json!({}), SINCE, UNTIL + 3_600_000);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
}

#[test]
fn an_empty_window_asks_nothing() {
    let ran = Script::new().changed::<crate::Flipkart>(plugin_api::Task::Status, json!({}), UNTIL, UNTIL);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
    assert!(ran.requests.is_empty());
}

#[test]
fn a_window_on_which_flipkart_fails_is_halved_down_to_a_quarter_of_an_hour() {
    let down = || Err(Error::new(ErrorKind::Unavailable, "timed out"));
    let ran = changed(
        Script::new()
            .answer(LIST, down())
            .answer(LIST, Ok(empty_page()))
            .reply(LIST, 503, "<html>heavy</html>")
            .answer(LIST, down()),
    );
    let windows: Vec<_> = (0..4).map(|n| body(&ran, n)["filter"]["cancellationDate"].clone()).collect();
    assert_eq!(
        windows,
        [
            json!({"from": "2026-01-15T09:00:00Z", "to": "2026-01-15T09:30:00Z"}),
            json!({"from": "2026-01-15T09:00:00Z", "to": "2026-01-15T09:15:00Z"}),
            json!({"from": "2026-01-15T09:14:00Z", "to": "2026-01-15T09:30:00Z"}),
            json!({"from": "2026-01-15T09:14:00Z", "to": "2026-01-15T09:29:00Z"}),
        ]
    );
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::Unavailable, 4));
}

#[test]
fn a_limit_is_no_reason_to_halve() {
    let ran = changed(Script::new().reply(LIST, 429, ""));
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::RateLimited, 1));
}

#[test]
fn cancellations_are_told_from_turned_back_parcels() {
    let page = r#"{"hasMore":false,"nextPageUrl":null,"shipments":[
        {"shipmentId":"s1","shipmentType":"NORMAL","orderItems":[{"orderId":"OD1","orderItemId":"11","status":"CANCELLED",
         "courierReturn":false,"quantity":1,"cancellationDate":"2026-01-15T14:45:00+05:30"}]},
        {"shipmentId":"s2","shipmentType":"NORMAL","orderItems":[{"orderId":"OD2","orderItemId":"21","status":"CANCELLED",
         "courierReturn":true,"quantity":1,"cancellationDate":"2026-01-15T14:45:00+05:30"}]}]}"#;
    let ran = changed(
        Script::new()
            .reply(LIST, 200, page)
            .reply(LIST, 200, fixture!("list_empty"))
            .reply(LIST, 200, fixture!("list_empty"))
            .reply(LIST, 200, fixture!("list_empty"))
            .reply("GET /sellers/v3/shipments/s2", 200, r#"{"shipments":[]}"#),
    );
    assert_eq!(ran.statuses(), [("11", Some(Status::Cancelled)), ("21", Some(Status::CourierReturn))]);
    assert_eq!(ran.observations[0].at, Some(UNTIL - 900_000));
    assert!(ran.result.is_ok());
}

#[test]
fn the_page_size_is_the_channel_s_and_fbf_is_asked_for_only_on_wish() {
    let settings = json!({"page_size": 50, "include_fbf": true});
    let script = nothing_cancelled().reply(LIST, 200, fixture!("list_empty"));
    let ran = script.changed::<crate::Flipkart>(plugin_api::Task::Status, settings, SINCE, UNTIL);
    assert_eq!(body(&ran, 3)["pagination"]["pageSize"], 50);
    assert_eq!(body(&ran, 3)["filter"]["serviceProfiles"], json!(["NON_FBF", "FBF"]));
}

#[test]
fn a_shipment_that_comes_up_again_is_not_asked_about_again() {
    let row = |n: u32, status: &str| {
        json!({"shipmentId": shipment(n), "orderItems": [
        {"orderId": format!("OD{}", item(n)), "orderItemId": item(n), "status": status, "quantity": 1}]})
    };
    let first: Vec<_> = (0..25).map(|n| row(n, "PICKUP_COMPLETE")).collect();
    let first =
        json!({"hasMore": true, "nextPageUrl": "/v3/shipments/filter?next_token=a", "shipments": first});
    let second = json!({"hasMore": false, "nextPageUrl": null, "shipments": [row(0, "DELIVERED")]});
    let answer = json!({"shipments": [{"shipmentId": shipment(0), "subShipments": [
        {"courierDetails": {"deliveryDetails": {"trackingId": "EK0", "vendorName": "Ekart"}}}]}]});
    let call = format!("GET /sellers/v3/shipments/{}", (0..25).map(shipment).collect::<Vec<_>>().join(","));
    let ran = changed(
        nothing_cancelled().reply(LIST, 200, first.to_string()).reply(&call, 200, answer.to_string()).reply(
            "GET /sellers/v3/shipments/filter?next_token=a",
            200,
            second.to_string(),
        ),
    );
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.requests.len(), 6);
    let seen = of_item(&ran, 0);
    assert_eq!(seen.iter().map(|seen| seen.awb.as_deref()).collect::<Vec<_>>(), [Some("EK0"), Some("EK0")]);
    assert_eq!(statuses_of(&ran, 0), [Some(Status::Dispatched), Some(Status::Delivered)]);
}
