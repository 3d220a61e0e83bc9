use plugin_api::{Observation, ReturnFact, ReturnKind};

use super::*;

fn one(body: &str) -> Ran<Mark> {
    known(Script::new().reply(&detail_of("80000001"), 200, body), &["80000001"])
}

#[test]
fn every_row_of_the_tables_is_reported_as_the_tables_say() {
    let rows = crate::descriptor::descriptor().statuses;
    let orders: Vec<_> = rows.iter().filter(|row| row.vocabulary == "order").collect();
    assert_eq!(orders.len(), 63);
    for row in orders {
        let ran = one(&detail("80000001", &row.raw));
        assert_eq!(ran.result.as_ref().unwrap(), &Mark::default(), "{}", row.raw);
        let mut expected = vec![("80000001", row.status)];
        expected.extend(
            rows.iter()
                .filter(|other| other.vocabulary == "order, courier" && other.raw == row.raw)
                .map(|other| ("80000001", other.status)),
        );
        assert_eq!(ran.statuses(), expected, "{}", row.raw);
        assert!(ran.observations.iter().all(|seen| seen.raw == row.raw));
    }
}

#[test]
fn an_order_is_asked_for_by_its_id_with_its_waybill_in_the_answer() {
    let ran = one(fixture!("detail"));
    assert_eq!(
        ran.transcript,
        ["GET https://developer.shopclues.com/api/v1/order/80000001\nauthorization: Bearer {token}\n\
          content-type: application/json"]
    );
    assert_eq!(
        ran.observations,
        [Observation {
            awb: Some("GA000222".into()),
            courier: Some("Gati".into()),
            ..Observation::new("80000001", Some(Status::Dispatched), "A")
        }]
    );
}

#[test]
fn lines_may_be_a_list_or_an_object_and_no_waybill_is_no_error() {
    let ran = one(fixture!("detail_items_list"));
    assert!(ran.result.is_ok());
    assert_eq!(ran.observations, [Observation::new("80000001", Some(Status::Delivered), "H")]);
}

#[test]
fn a_waybill_that_the_host_holds_is_not_told_again() {
    let held = OrderRef { awbs: vec!["GA000222".into()], ..order_ref("80000001") };
    let script = Script::new().reply(&detail_of("80000001"), 200, fixture!("detail"));
    let ran = script.orders::<crate::ShopClues>(Task::Delivery, json!({}), vec![held]);
    assert_eq!(ran.observations, [Observation::new("80000001", Some(Status::Dispatched), "A")]);
}

#[test]
fn a_cancellation_is_of_every_parcel_and_names_none() {
    let body = json!({"data": {"order_id": "80000001", "status": "84", "awb": "A1"}}).to_string();
    let ran = one(&body);
    assert_eq!(ran.statuses(), [("80000001", Some(Status::Cancelled)), ("80000001", Some(Status::Lost))]);
    let awbs: Vec<_> = ran.observations.iter().map(|seen| seen.awb.as_deref()).collect();
    assert_eq!(awbs, [None, Some("A1")]);
}

#[test]
fn returns_tell_their_kind() {
    for (code, statuses, kind) in [
        ("J", &[Status::CourierReturn][..], ReturnKind::Rto),
        ("79", &[Status::Returned, Status::RtoDelivered], ReturnKind::Rto),
        ("S", &[Status::ReturnRequested], ReturnKind::Cir),
        ("80", &[Status::Returned], ReturnKind::Cir),
    ] {
        let ran = one(&detail("80000001", code));
        let seen: Vec<_> = ran.observations.iter().filter_map(|seen| seen.status).collect();
        assert_eq!(seen, statuses, "{code}");
        let fact = ReturnFact { kind: Some(kind), ..ReturnFact::default() };
        assert!(ran.observations.iter().all(|seen| seen.ret.as_ref() == Some(&fact)), "{code}");
    }
    assert!(one(&detail("80000001", "M")).observations[0].ret.is_none(), "a refund is no return");
}

#[test]
fn a_code_that_comes_after_a_later_one_is_told_as_it_is() {
    // G may come before L: that nothing goes back is the host's rule.
    let ran = known(
        Script::new().reply(&detail_of("1"), 200, detail("1", "G")).reply(
            &detail_of("2"),
            200,
            detail("2", "L"),
        ),
        &["1", "2"],
    );
    assert_eq!(ran.statuses(), [("1", Some(Status::Dispatched)), ("2", Some(Status::Created))]);
}

#[test]
fn a_request_to_cancel_that_is_withdrawn_leaves_no_trace() {
    let asked = one(&detail("80000001", "41"));
    assert_eq!((asked.statuses(), asked.observations[0].raw.as_str()), (vec![("80000001", None)], "41"));
    assert_eq!(one(&detail("80000001", "A")).statuses(), [("80000001", Some(Status::Dispatched))]);
}

#[test]
fn an_operator_s_table_wins() {
    let settings = json!({"status_table": {"G": "CREATED", "41": "CANCELLED", "zz": "DELIVERED", "order, courier:84": "NO_CHANGE"}});
    for (code, status) in [
        ("G", Status::Created),
        ("41", Status::Cancelled),
        ("zz", Status::Delivered),
        ("84", Status::Cancelled),
    ] {
        let script = Script::new().reply(&detail_of("1"), 200, detail("1", code));
        let ran = script.orders::<crate::ShopClues>(Task::Pending, settings.clone(), vec![order_ref("1")]);
        assert_eq!(ran.statuses(), [("1", Some(status))], "{code}");
    }
}

#[test]
fn a_digit_code_may_come_as_a_number() {
    let ran = one(r#"{"data":{"order_id":80000001,"status":79,"items":[]}}"#);
    assert_eq!(
        (ran.observations[0].status, ran.observations[0].raw.as_str()),
        (Some(Status::Returned), "79")
    );
}

#[test]
fn each_order_is_asked_for_once_and_only_by_an_id_that_fits_a_path() {
    let script = Script::new().reply(&detail_of("1"), 200, detail("1", "P"));
    let ran = known(script, &["1", "../login", "a b", "", "1", "1?x=2"]);
    assert!(ran.result.is_ok());
    assert_eq!(ran.requests, ["GET https://developer.shopclues.com/api/v1/order/1"]);
}

#[test]
fn parents_that_are_asked_for_say_nothing() {
    let ran = one(r#"{"data":{"order_id":"80000001","status":"P","is_parent_order":"Y"}}"#);
    assert!(ran.result.is_ok() && ran.observations.is_empty());
}

#[test]
fn an_order_that_shopclues_does_not_know_is_no_news() {
    let ran = known(
        Script::new()
            .reply(&detail_of("1"), 404, r#"{"status":404,"message":"no such order"}"#)
            .reply(&detail_of("2"), 404, "")
            .reply(&detail_of("3"), 200, r#"{"status":"404"}"#)
            .reply(&detail_of("4"), 200, detail("4", "H")),
        &["1", "2", "3", "4"],
    );
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    assert_eq!(ran.statuses(), [("4", Some(Status::Delivered))]);
}
