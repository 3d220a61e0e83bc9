use plugin_api::ShippedBy;

use super::*;

/// A script with this page of new orders and nothing cancelled.
fn new_orders(page: &str) -> Script {
    Script::new().reply(NEW, 200, page).reply(CANCELLED, 200, fixture!("empty_items"))
}

#[test]
fn new_orders_show_waybill_courier_and_invoice_number() {
    let ran = changed(new_orders(fixture!("new_orders")));
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    let printed = about(&ran, 1)[0];
    assert_eq!((printed.status, printed.raw.as_str()), (Some(Status::Created), "PRNT"));
    assert_eq!((printed.order.as_str(), printed.package.as_deref()), ("65700000001", Some("SLP5000000001")));
    assert_eq!(
        (printed.awb.as_deref(), printed.courier.as_deref(), printed.invoice.as_deref()),
        (Some("7260000000001"), Some("Delhivery"), Some("SD/25/001"))
    );
    assert_eq!((printed.sku.as_deref(), printed.quantity), (Some("SKU-1"), None), "a suborder is one unit");
    assert_eq!((printed.at, printed.shipped_by), (Some(THEN), Some(ShippedBy::Channel)));
}

#[test]
fn what_is_blank_or_na_is_not_known() {
    let ran = changed(new_orders(fixture!("new_orders")));
    let fresh = about(&ran, 2)[0];
    assert_eq!((fresh.awb.as_ref(), fresh.courier.as_ref(), fresh.invoice.as_ref()), (None, None, None));
    let marked = about(&ran, 3)[0];
    assert_eq!((marked.awb.as_ref(), marked.invoice.as_ref()), (None, None));
    assert_eq!(marked.courier.as_deref(), Some("DLV"), "the code stands in for the name");
}

#[test]
fn times_come_in_every_form() {
    let ran = changed(new_orders(fixture!("new_orders")));
    // 16:43:20 in India is 11:13:20 UTC.
    assert_eq!(about(&ran, 2)[0].at, Some(THEN - 3 * 3_600_000));
    assert_eq!(about(&ran, 3)[0].at, Some(THEN));
}

#[test]
fn a_package_holds_several_suborders_and_the_mode_says_who_ships() {
    let ran = changed(new_orders(fixture!("new_orders")));
    assert_eq!(
        (about(&ran, 3)[0].package.clone(), about(&ran, 4)[0].package.clone()),
        (Some(package(3)), Some(package(3)))
    );
    assert_eq!(about(&ran, 5)[0].shipped_by, Some(ShippedBy::Seller));
    assert_eq!(ran.observations.len(), 5);
}

#[test]
fn every_request_has_the_three_headers_and_the_modes() {
    let ran = changed(new_orders(fixture!("empty_packages")));
    assert_eq!(
        ran.transcript,
        [
            "GET https://apigateway.snapdeal.com/seller-api/orders/new?fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP&pageSize=20&pageNumber=1\n\
             clientId: {secret:client_id}\nX-Auth-Token: {secret:auth_token}\nX-Seller-AuthZ-Token: {secret:seller_token}"
                .to_owned(),
            format!(
                "GET https://apigateway.snapdeal.com/seller-api/suborders/cancelled?fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP\
                 &startDate={SINCE}&endDate={UNTIL}&pageSize=20&pageNumber=1\n\
                 clientId: {{secret:client_id}}\nX-Auth-Token: {{secret:auth_token}}\nX-Seller-AuthZ-Token: {{secret:seller_token}}"
            )
        ]
    );
}

#[test]
fn the_mode_of_snapdeal_s_own_centres_is_asked_for_on_wish() {
    let ran = new_orders(fixture!("empty_packages")).changed::<crate::Snapdeal>(
        Task::Status,
        json!({"include_fc_voi": true}),
        SINCE,
        UNTIL,
    );
    assert!(
        ran.requests.iter().all(|line| line.contains("fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP,FC_VOI&"))
    );
}

#[test]
fn cancelled_suborders_have_their_order_their_package_and_their_time() {
    let ran = changed(Script::new().reply(NEW, 200, fixture!("empty_packages")).reply(
        CANCELLED,
        200,
        fixture!("cancelled"),
    ));
    let seen = about(&ran, 6)[0];
    assert_eq!((seen.status, seen.raw.as_str()), (Some(Status::Cancelled), "CLD"));
    assert_eq!((seen.order.as_str(), seen.package.as_deref()), ("65700000001", Some("SLP5000000001")));
    assert_eq!((seen.at, seen.shipped_by), (Some(THEN), Some(ShippedBy::Channel)));
    assert_eq!(about(&ran, 7)[0].at, Some(THEN), "a time without a zone is Indian");
}

#[test]
fn buyers_are_never_read() {
    let ran = changed(Script::new().reply(NEW, 200, fixture!("empty_packages")).reply(
        CANCELLED,
        200,
        fixture!("cancelled"),
    ));
    let shown = format!("{:?}", ran.observations);
    assert!(
        ran.observations.len() == 2 && !shown.contains("MADE-UP") && !shown.contains("made-up"),
        "{shown}"
    );
}

#[test]
fn cancellations_are_asked_for_in_ranges_of_seven_days() {
    let script = (0..3).fold(Script::new().reply(NEW, 200, fixture!("empty_packages")), |script, _| {
        script.reply(CANCELLED, 200, fixture!("empty_items"))
    });
    let ran = script.changed::<crate::Snapdeal>(Task::Status, json!({}), UNTIL - 15 * DAY, UNTIL);
    let range = |from: Millis, to: Millis| format!("startDate={from}&endDate={to}&");
    for (line, (from, to)) in ran.requests[1..].iter().zip([(15, 8), (8, 1), (1, 0)]) {
        assert!(line.contains(&range(UNTIL - from * DAY, UNTIL - to * DAY)), "{line}");
    }
    assert_eq!(ran.result.unwrap(), Mark::complete_until(UNTIL));
}

#[test]
fn dates_of_cancellations_are_seconds_on_wish() {
    let ran = new_orders(fixture!("empty_packages")).changed::<crate::Snapdeal>(
        Task::Status,
        json!({"cancelled_dates": "seconds"}),
        SINCE,
        UNTIL,
    );
    let range = format!("startDate={}&endDate={}&", SINCE / 1000, UNTIL / 1000);
    assert!(ran.requests[1].contains(&range), "{}", ran.requests[1]);
}

#[test]
fn a_full_page_asks_for_the_next_and_a_short_one_ends_the_list() {
    let script = Script::new()
        .reply(NEW, 200, packages(100..120, "PFF"))
        .reply(NEW, 200, packages(120..125, "PFF"))
        .reply(CANCELLED, 200, fixture!("empty_items"));
    let ran = changed(script);
    assert_eq!((ran.requests.len(), ran.observations.len()), (3, 25));
    assert!(ran.requests[1].ends_with("pageNumber=2"));
    assert!(ran.result.is_ok());
}

#[test]
fn an_exactly_full_last_page_is_followed_by_an_empty_one() {
    let script = Script::new()
        .reply(NEW, 200, packages(100..120, "PFF"))
        .reply(NEW, 200, fixture!("empty_packages"))
        .reply(CANCELLED, 200, fixture!("empty_items"));
    let ran = changed(script);
    assert_eq!((ran.requests.len(), ran.observations.len()), (3, 20));
}

#[test]
fn orders_that_come_in_between_are_read_from_the_start_again() {
    let script = Script::new()
        .reply(
            &format!("{NEW}?fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP&pageSize=20&pageNumber=1"),
            200,
            packages(100..120, "PFF"),
        )
        .reply(NEW, 200, packages(119..130, "PFF"))
        .reply(NEW, 200, packages(99..119, "PFF"))
        .reply(NEW, 200, packages(119..130, "PFF"))
        .reply(CANCELLED, 200, fixture!("empty_items"));
    let ran = changed(script);
    assert_eq!(ran.observations.len(), 31, "each package once");
    assert_eq!(about(&ran, 99).len(), 1, "the one that came in front");
    let pages: Vec<_> = ran
        .requests
        .iter()
        .filter(|line| line.contains("orders/new"))
        .map(|line| &line[line.len() - 1..])
        .collect();
    assert_eq!(pages, ["1", "2", "1", "2"]);
    assert!(ran.result.is_ok());
}

#[test]
fn a_list_that_repeats_its_page_is_a_failure_and_the_mark_stays() {
    let page = packages(100..120, "PFF");
    let script = (0..3).fold(Script::new(), |script, _| script.reply(NEW, 200, page.clone()));
    let ran = changed(script.reply(CANCELLED, 200, fixture!("cancelled")));
    let error = ran.result.as_ref().unwrap_err();
    assert!(error.message.starts_with("new orders: the list shows the same page"), "{error}");
    assert_eq!(ran.observations.len(), 22, "the cancelled ones are read all the same");
}

#[test]
fn a_page_size_of_the_operator_s_is_kept_to() {
    let ran = new_orders(&packages(100..105, "PFF"))
        .reply(NEW, 200, fixture!("empty_packages"))
        .changed::<crate::Snapdeal>(Task::Status, json!({"page_size": 5}), SINCE, UNTIL);
    assert!(ran.result.is_ok() && ran.requests[1].ends_with("pageSize=5&pageNumber=2"), "{:?}", ran.requests);
}

#[test]
fn a_window_that_ends_in_the_future_is_complete_until_now() {
    let ran = new_orders(fixture!("empty_packages")).changed::<crate::Snapdeal>(
        Task::Status,
        json!({}),
        SINCE,
        UNTIL + DAY,
    );
    assert_eq!(ran.result.unwrap().complete_until, Some(UNTIL));
}
