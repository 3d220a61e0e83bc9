use plugin_api::{ErrorKind, Mark, ReturnKind};

use super::*;

const COURIER_RETURNS: &str = "GET /sellers/v2/returns?source=courier_return&modifiedAfter=2026-01-15T09:00:00Z&modifiedBefore=2026-01-15T09:30:00Z";
const CUSTOMER_RETURNS: &str = "GET /sellers/v2/returns?source=customer_return&modifiedAfter=2026-01-15T09:00:00Z&modifiedBefore=2026-01-15T09:30:00Z";

fn both() -> Ran<Mark> {
    returned(
        Script::new()
            .reply(COURIER_RETURNS, 200, fixture!("returns_courier"))
            .reply(CUSTOMER_RETURNS, 200, fixture!("returns_customer"))
            .reply(BY_ID, 200, r#"{"shipments":[]}"#),
    )
}

#[test]
fn every_row_of_the_return_tables_is_reported_with_the_kind_of_its_source() {
    use Status::*;
    let ran = both();
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    for (base, opened, kind) in
        [(100, CourierReturn, ReturnKind::Rto), (200, ReturnRequested, ReturnKind::Cir)]
    {
        let expected = [
            (Some(opened), "(none)/(none)"),
            (Some(opened), "init/start"),
            (Some(opened), "CREATED/picked_up"),
            (Some(opened), "service_requested/in_transit"),
            (Some(opened), "approved/out_for_delivery"),
            (Some(opened), "RETURN_CREATED/(none)"),
            (Some(opened), "RETURN_PICKED_UP/picked_up"),
            (Some(Returned), "created/delivered"),
            (Some(Returned), "completed/(none)"),
            (Some(Returned), "RETURN_COMPLETED/delivered"),
            (Some(ReturnCancelled), "cancelled/in_transit"),
            (Some(ReturnCancelled), "rejected/(none)"),
            (Some(ReturnCancelled), "RETURN_CANCELLED/(none)"),
            (None, "cancellation_in_progress/in_transit"),
            (Some(Unmapped), "teleported/(none)"),
            (Some(Unmapped), "created/teleported"),
        ];
        for (number, (status, raw)) in (base..).zip(expected) {
            let [seen] = of_item(&ran, number)[..] else { panic!("{raw} of {kind:?} is not reported once") };
            assert_eq!((seen.status, seen.raw.as_str()), (status, raw), "{kind:?}");
            assert_eq!(seen.ret.as_ref().unwrap().kind, Some(kind), "{raw}");
        }
    }
}

#[test]
fn every_row_of_the_return_tables_has_a_fixture() {
    let ran = both();
    let parts = |n: usize| -> Vec<String> {
        ran.observations
            .iter()
            .filter_map(|seen| Some(seen.raw.split('/').nth(n)?.to_ascii_lowercase()))
            .collect()
    };
    for row in crate::status::COURIER_RETURN.rows().iter().chain(&crate::status::CUSTOMER_RETURN.rows()) {
        assert!(parts(0).contains(&row.raw), "{}", row.raw);
    }
    for row in crate::status::RETURN_SHIPMENT.rows() {
        assert!(parts(1).contains(&row.raw), "{}", row.raw);
    }
}

#[test]
fn a_return_carries_its_own_waybill_and_never_the_forward_one() {
    let ran = both();
    let seen = of_item(&ran, 103)[0];
    let fact = seen.ret.clone().unwrap();
    assert_eq!(fact.id.as_deref(), Some("10299900011122230103"));
    assert_eq!(
        (fact.awb.as_deref(), fact.courier.as_deref()),
        (Some("FMPR0000000103"), Some("flipkartlogistics"))
    );
    assert_eq!(fact.reason.as_deref(), Some("DEFECTIVE_PRODUCT"));
    assert_eq!((seen.awb.clone(), seen.courier.clone(), seen.package.clone()), (None, None, None));
    assert_eq!(
        seen.at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-15T04:00:00Z"),
        "updatedDate"
    );
    assert_eq!((seen.order.as_str(), seen.quantity), ("OD999000111222300103", Some(1)));
}

#[test]
fn goods_that_are_refunded_without_pickup_are_not_back() {
    assert_eq!(statuses_of(&both(), 220), [Some(Status::ReturnRequested)]);
}

#[test]
fn returns_to_flipkart_s_own_warehouse_are_not_ours() {
    assert!(of_item(&both(), 221).is_empty());
}

#[test]
fn blank_return_data_is_absent_and_not_empty() {
    let ran = both();
    let seen = of_item(&ran, 222)[0];
    let fact = seen.ret.clone().unwrap();
    assert_eq!((fact.reason, fact.awb, fact.courier), (None, None, None));
    assert_eq!(
        seen.at.map(plugin_api::time::rfc3339).as_deref(),
        Some("2026-01-14T04:30:00Z"),
        "createdDate stands in"
    );
}

#[test]
fn buyers_comments_are_not_read() {
    let shown = format!("{:?}", both());
    assert!(fixture!("returns_customer").contains("BUYER-NAME") && !shown.contains("BUYER-NAME"));
}

#[test]
fn items_of_cancelled_courier_returns_are_read_again() {
    let ran = both();
    let again = [110, 111, 112].map(item).join(",");
    assert_eq!(paths(&ran)[2..], [format!("{BY_ID}?orderItemIds={again}")]);
}

#[test]
fn the_next_page_has_its_own_prefix_and_a_link_at_the_end_is_not_followed() {
    let ran = returned(
        Script::new()
            .reply(COURIER_RETURNS, 200, fixture!("returns_first"))
            .reply("GET /sellers/v2/returns/search/eyJwYWdlIjoxfQ==", 200, fixture!("returns_last"))
            .reply(CUSTOMER_RETURNS, 200, fixture!("returns_empty")),
    );
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(paths(&ran)[1], "GET /sellers/v2/returns/search/eyJwYWdlIjoxfQ==");
    assert_eq!(ran.requests.len(), 3);
    let seen = of_item(&ran, 301)[0];
    assert_eq!((seen.quantity, seen.ret.clone().unwrap().kind), (Some(2), Some(ReturnKind::Rto)));
    assert_eq!(
        of_item(&ran, 302)[0].ret.clone().unwrap().kind,
        Some(ReturnKind::Rto),
        "the source holds on every page"
    );
}

#[test]
fn links_of_returns_that_lead_elsewhere_are_not_followed() {
    for link in [
        "/v3/shipments/filter?next_token=x",
        "https://evil.example/returns/",
        "//evil.example/returns/",
        "/returns/../../oauth",
        "",
    ] {
        let page = json!({"hasMore": true, "nextUrl": link, "returnItems": []}).to_string();
        let ran = returned(Script::new().reply(COURIER_RETURNS, 200, page).reply(
            CUSTOMER_RETURNS,
            200,
            fixture!("returns_empty"),
        ));
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply, "{link}");
        assert_eq!(ran.requests.len(), 2, "{link}");
    }
}

#[test]
fn the_same_return_page_twice_is_a_loop() {
    let page = fixture!("returns_first");
    let ran = returned(
        Script::new()
            .reply(COURIER_RETURNS, 200, page)
            .reply("GET /sellers/v2/returns/search/eyJwYWdlIjoxfQ==", 200, page)
            .reply(CUSTOMER_RETURNS, 200, fixture!("returns_empty")),
    );
    assert!(ran.result.unwrap_err().message.contains("read already"));
    assert_eq!(ran.observations.len(), 1);
}

#[test]
fn a_page_without_its_rows_is_not_an_empty_one() {
    let ran = returned(Script::new().reply(RETURNS, 200, r#"{"hasMore":false}"#).reply(
        RETURNS,
        200,
        fixture!("returns_empty"),
    ));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_returns"));
}

#[test]
fn known_orders_tell_of_returns_by_their_own_status() {
    let script = Script::new().reply(
        BY_ID,
        200,
        r#"{"shipments":[{"orderItems":[{"orderId":"OD1","orderItemId":"11","status":"RETURN_REQUESTED","quantity":1}]}]}"#,
    );
    let ran = script.orders::<crate::Flipkart>(plugin_api::Task::Returns, json!({}), vec![order_ref(1)]);
    assert_eq!(ran.statuses(), [("11", Some(Status::ReturnRequested))]);
    assert_eq!(ran.requests.len(), 1);
}
