use plugin_api::{ReturnKind, ShippedBy};

use super::*;

fn key(call: &str, mode: &str) -> String {
    format!("{call}?fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP&returnMode={mode}")
}

fn pending_list(mode: &str) -> String {
    format!("{}&pageSize=20&pageNumber=1", key(PENDING, mode))
}

fn ranges(ran: &Ran<Mark>, mode: &str) -> Vec<(Millis, Millis)> {
    let number = |line: &str, name: &str| -> Millis {
        let (_, rest) = line.split_once(name).unwrap();
        rest.split('&').next().unwrap().parse().unwrap()
    };
    let of_mode = format!("returns/completed?fModes=VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP&returnMode={mode}&");
    let lines = ran.requests.iter().filter(|line| line.contains(&of_mode));
    lines.map(|line| (number(line, "startDate="), number(line, "endDate="))).collect()
}

/// Pulls the returns of the last two days. The five ranges of buyers' returns follow the one of couriers'.
fn returned(courier: &str, buyer: &str, pending: [(u16, &str); 2]) -> Ran<Mark> {
    let script = Script::new().reply(RETURNED, 200, courier);
    let script = (0..4).fold(script, |script, _| script.reply(RETURNED, 200, fixture!("empty_returns")));
    let [(courier_status, courier_pending), (buyer_status, buyer_pending)] = pending;
    script
        .reply(RETURNED, 200, buyer)
        .reply(&pending_list("COURIER"), courier_status, courier_pending)
        .reply(&pending_list("BUYER"), buyer_status, buyer_pending)
        .changed::<crate::Snapdeal>(Task::Returns, json!({}), SINCE, UNTIL)
}

const NOTHING: (u16, &str) = (200, fixture!("empty_returns"));

#[test]
fn buyers_returns_are_asked_for_thirty_days_back_and_couriers_from_an_hour_before() {
    let ran = returned(fixture!("empty_returns"), fixture!("empty_returns"), [NOTHING, NOTHING]);
    assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL));
    assert_eq!(ranges(&ran, "COURIER"), [(SINCE - 3_600_000, UNTIL)]);
    let buyer = ranges(&ran, "BUYER");
    assert_eq!((buyer[0].0, buyer[4].1, buyer.len()), (UNTIL - 30 * DAY, UNTIL, 5));
    assert!(buyer.windows(2).all(|pair| pair[0].1 == pair[1].0), "no gap");
    assert!(ran.requests.iter().all(|line| line.contains("pageSize=20") && !line.contains("FC_VOI")));
}

#[test]
fn completed_courier_returns_are_back_whatever_date_they_have() {
    let ran = returned(fixture!("returns_courier"), fixture!("empty_returns"), [NOTHING, NOTHING]);
    for (number, at, raw) in [
        (21, Some(THEN), "MADE-UP WORD/MADE-UP ACTION"),
        (22, Some(THEN), "MADE-UP ACTION"),
        (23, None, "completed, no date"),
    ] {
        let seen = about(&ran, number)[0];
        assert_eq!((seen.status, seen.at, seen.raw.as_str()), (Some(Status::Returned), at, raw));
        let ret = seen.ret.clone().unwrap();
        assert_eq!((ret.kind, ret.reason), (Some(ReturnKind::Rto), None));
        assert_eq!(ret.awb, Some(format!("72600000009{number}")));
        assert_eq!(seen.awb, None, "the way back is not the way out");
        assert_eq!(seen.package, None, "packageId is not the package's code");
        assert_eq!(seen.shipped_by, Some(ShippedBy::Channel));
    }
    assert!(ran.result.is_ok());
}

#[test]
fn completed_buyers_returns_have_reason_and_a_key_of_their_own() {
    let ran = returned(fixture!("empty_returns"), fixture!("returns_buyer"), [NOTHING, NOTHING]);
    let seen = about(&ran, 24)[0];
    let ret = seen.ret.clone().unwrap();
    assert_eq!(
        (seen.status, ret.kind, ret.reason.as_deref()),
        (Some(Status::Returned), Some(ReturnKind::Cir), Some("Damaged"))
    );
    assert_eq!(ret.id, Some(format!("{}-BUYER-{}", suborder(24), THEN - 5 * DAY)));
    // 12:00 in India.
    assert_eq!(seen.at, Some(1_768_372_200_000));
}

#[test]
fn a_list_of_returns_names_the_suborder_and_leaves_the_order_to_the_host() {
    let ran = returned(fixture!("returns_courier"), fixture!("empty_returns"), [NOTHING, NOTHING]);
    assert_eq!(
        (about(&ran, 21)[0].order.as_str(), about(&ran, 21)[0].item.clone()),
        ("", Some(suborder(21)))
    );
}

#[test]
fn pending_returns_are_on_their_way() {
    let pending = [(200, fixture!("pending_courier")), (200, fixture!("pending_buyer"))];
    let ran = returned(fixture!("empty_returns"), fixture!("empty_returns"), pending);
    let facts: Vec<_> = about(&ran, 1).iter().map(|seen| (seen.status.unwrap(), seen.at)).collect();
    assert_eq!(
        facts,
        [(Status::CourierReturn, Some(THEN - 5 * DAY)), (Status::ReturnRequested, Some(THEN - 6 * DAY))]
    );
}

#[test]
fn a_marketplace_without_the_list_of_pending_returns_is_no_failure() {
    for none in [(404, ""), (404, "<html></html>"), (200, fixture!("refused")), (400, fixture!("refused"))] {
        let ran = returned(fixture!("returns_courier"), fixture!("empty_returns"), [none, none]);
        assert_eq!(ran.result.as_ref().unwrap(), &Mark::complete_until(UNTIL), "{none:?}");
        assert_eq!(ran.observations.len(), 3);
    }
    for (trouble, kind) in
        [((500, ""), plugin_api::ErrorKind::Unavailable), ((403, ""), plugin_api::ErrorKind::Auth)]
    {
        let ran = returned(fixture!("returns_courier"), fixture!("empty_returns"), [trouble, NOTHING]);
        assert_eq!(ran.result.unwrap_err().kind, kind, "trouble is another thing");
    }
}

#[test]
fn the_list_of_pending_returns_is_left_out_on_wish() {
    let script =
        (0..6).fold(Script::new(), |script, _| script.reply(RETURNED, 200, fixture!("empty_returns")));
    let settings = json!({"pending_returns_list": false});
    let ran = script.changed::<crate::Snapdeal>(Task::Returns, settings, SINCE, UNTIL);
    assert!(ran.result.is_ok() && ran.requests.len() == 6, "{:?}", ran.requests);
}

/// Asks about suborder 1 in package 1, which is in this status; then for its returns.
fn after(status: &str, returns: &[(&str, &str)]) -> Ran<Mark> {
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, packages([1], status));
    let script = returns
        .iter()
        .fold(script, |script, (mode, reply)| script.reply(&key(&pending_of(1), mode), 200, *reply));
    delivery(script, vec![held(1, &[1], &[1])])
}

#[test]
fn what_is_on_its_way_may_come_back_with_the_courier() {
    let ran = after("SHP", &[("COURIER", fixture!("pending_courier"))]);
    let facts: Vec<_> = about(&ran, 1).iter().map(|seen| seen.status.unwrap()).collect();
    assert_eq!(facts, [Status::Dispatched, Status::CourierReturn]);
    assert!(about(&ran, 1).iter().all(|seen| seen.order == order(1)));
    assert!(ran.result.is_ok() && ran.requests.len() == 2);
}

#[test]
fn what_is_delivered_may_come_back_from_the_buyer() {
    let ran = after("FFD", &[("BUYER", fixture!("pending_buyer"))]);
    let facts: Vec<_> = about(&ran, 1).iter().map(|seen| seen.status.unwrap()).collect();
    assert_eq!(facts, [Status::Delivered, Status::ReturnRequested]);
    assert!(ran.result.is_ok() && ran.requests.len() == 2);
}

#[test]
fn a_pending_return_that_was_delivered_is_back_and_waits_to_be_accepted() {
    let ran = after("SHP", &[("COURIER", fixture!("pending_delivered"))]);
    let seen = about(&ran, 1)[1];
    assert_eq!((seen.status, seen.at), (Some(Status::Returned), Some(THEN)));
    assert_eq!(seen.ret.clone().unwrap().kind, Some(ReturnKind::Rto));
}

#[test]
fn no_pending_return_is_no_news() {
    for nothing in
        [fixture!("empty_returns"), fixture!("refused"), r#"{"payload":{"ReturnDataSROList":null}}"#]
    {
        let ran = after("SHP", &[("COURIER", nothing)]);
        assert!(ran.result.is_ok(), "{nothing}: {:?}", ran.result);
        assert_eq!(status_of(&ran, 1), Some(Status::Dispatched));
    }
}

#[test]
fn what_has_not_left_has_no_returns_and_what_is_in_no_list_may_have_either() {
    assert_eq!(after("PRNT", &[]).requests.len(), 1);
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 404, "")
        .reply(&of(NEW, &package(1)), 404, "")
        .reply(&of(CANCELLED, &suborder(1)), 404, "")
        .reply(&key(&pending_of(1), "COURIER"), 200, fixture!("pending_courier"))
        .reply(&key(&pending_of(1), "BUYER"), 200, fixture!("empty_returns"));
    let ran = delivery(script, vec![held(1, &[1], &[1])]);
    assert_eq!(status_of(&ran, 1), Some(Status::CourierReturn));
    assert!(ran.result.is_ok());
}

#[test]
fn pending_orders_are_not_asked_for_returns() {
    let script = Script::new().reply(&of(COMPLETED, &package(1)), 200, packages([1], "SHP"));
    assert_eq!(known(script, vec![held(1, &[1], &[1])]).requests.len(), 1);
}

#[test]
fn goods_of_snapdeal_s_own_centres_do_not_come_back_to_us() {
    let row = json!({"suborderCode": suborder(1), "fulfillmentMode": "FC_VOI", "returnDeliveredOn": THEN});
    let page = json!({"payload": {"ReturnDataSROList": [row]}}).to_string();
    let ran = returned(&page, fixture!("empty_returns"), [NOTHING, NOTHING]);
    assert!(ran.result.is_ok() && ran.observations.is_empty());
}

#[test]
fn a_return_without_a_start_is_told_by_suborder_and_mode() {
    let page = json!({"payload": {"ReturnDataSROList": [{"suborderCode": suborder(1)}]}}).to_string();
    let ran = returned(&page, fixture!("empty_returns"), [NOTHING, NOTHING]);
    let seen = about(&ran, 1)[0];
    assert_eq!(seen.ret.clone().unwrap().id, Some(format!("{}-COURIER", suborder(1))));
    assert_eq!(seen.shipped_by, None);
}

#[test]
fn the_returns_of_an_order_are_reported_together() {
    let row = |n| json!({"payload": {"ReturnDataSROList": [{"suborderCode": suborder(n)}]}}).to_string();
    let two = json!({"payload": {"packages": [{"packageReferenceCode": package(1), "items": [
        {"suborderCode": suborder(1), "siStatusCode": "SHP"}, {"suborderCode": suborder(2), "siStatusCode": "SHP"}]}]}});
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, two.to_string())
        .reply(&pending_of(1), 200, row(1))
        .reply(&pending_of(2), 200, row(2));
    let ran = delivery(script, vec![held(1, &[1, 2], &[1])]);
    let facts: Vec<_> = ran.observations.iter().filter_map(|seen| seen.status).collect();
    assert_eq!(facts, [Status::Dispatched, Status::Dispatched, Status::CourierReturn, Status::CourierReturn]);
    assert!(ran.result.is_ok());
}

#[test]
fn a_question_about_returns_that_fails_keeps_those_that_were_answered() {
    let row = json!({"payload": {"ReturnDataSROList": [{"suborderCode": suborder(1)}]}}).to_string();
    let script = Script::new()
        .reply(&of(COMPLETED, &package(1)), 200, packages([1, 2], "SHP"))
        .reply(&pending_of(1), 200, row)
        .reply(&pending_of(2), 403, "");
    let ran = delivery(script, vec![held(1, &[1, 2], &[1])]);
    assert_eq!(ran.result.as_ref().unwrap_err().kind, plugin_api::ErrorKind::Auth);
    assert_eq!(about(&ran, 1).last().unwrap().status, Some(Status::CourierReturn));
}
