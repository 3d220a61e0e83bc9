use plugin_api::{
    ErrorKind, ReturnKind,
    Status::{self, *},
};

use super::*;

fn statuses(package: &Value, more: Value) -> Vec<(String, Option<Status>)> {
    let ran = listed(one_package(package), more);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    ran.observations.iter().map(|seen| (seen.raw.clone(), seen.status)).collect()
}

/// A package with one line in this state and with this progress.
fn package(state: &Value, progress: &Value) -> Value {
    json!({"state": state, "vendor_order_line_items": [{"id": 1, "quantity": 1, "get_progress_state": progress}]})
}

#[test]
fn every_known_state_is_reported_and_an_unknown_one_is_unmapped() {
    let ran = listed(fixture!("states"), json!({}));
    assert!(ran.result.is_ok());
    let expected = [
        ("100", Created),
        ("135", Created),
        ("155", Cancelled),
        ("400", Delivered),
        ("300", Unmapped),
        ("555", Unmapped),
    ];
    let seen: Vec<_> = ran.observations.iter().map(|seen| (seen.raw.as_str(), seen.status)).collect();
    assert_eq!(seen, expected.map(|(raw, status)| (raw, Some(status))));
    assert_eq!(crate::status::STATE.rows().len() + 2, expected.len(), "every row and two unknown states");
}

#[test]
fn a_known_state_counts_whatever_the_progress_says() {
    let cancelled = json!({"code": "Cancelled", "progress_position": 10, "is_negative": true});
    assert_eq!(statuses(&package(&json!(100), &cancelled), json!({})), [("100".into(), Some(Created))]);
    assert_eq!(statuses(&package(&json!("400"), &json!(null)), json!({})), [("400".into(), Some(Delivered))]);
}

#[test]
fn an_unknown_state_is_read_from_the_progress_and_its_text_is_kept() {
    for (progress, raw, status) in [
        (
            json!({"code": "Processed", "progress_position": 20, "is_negative": false}),
            "300/Processed/20",
            Created,
        ),
        (json!({"code": "Dispatched", "progress_position": 30}), "300/Dispatched/30", Dispatched),
        (
            json!({"code": "Delivered", "progress_position": "40", "is_negative": "false"}),
            "300/Delivered/40",
            Delivered,
        ),
        (
            json!({"code": "Cancelled", "progress_position": 10, "is_negative": true}),
            "300/Cancelled",
            Cancelled,
        ),
        (
            json!({"code": "Return Requested", "progress_position": 40, "is_negative": true}),
            "300/Return Requested",
            ReturnRequested,
        ),
        (
            json!({"code": "rto initiated", "progress_position": 30, "is_negative": 1}),
            "300/rto initiated",
            CourierReturn,
        ),
        (json!({"code": "Lost", "progress_position": 30, "is_negative": true}), "300/Lost", Unmapped),
        (json!({"progress_position": 10, "is_negative": true}), "300", Unmapped),
        (json!({"code": "Dispatched", "progress_position": null}), "300/Dispatched", Unmapped),
        (json!({"progress_position": 30}), "300/30", Dispatched),
    ] {
        let seen = statuses(&package(&json!(300), &progress), json!({}));
        assert_eq!(seen, [(raw.to_owned(), Some(status))], "{progress}");
    }
}

#[test]
fn a_package_without_a_state_is_read_from_the_progress_alone() {
    let progress = json!({"code": "Dispatched", "progress_position": 30});
    assert_eq!(
        statuses(&package(&json!(null), &progress), json!({})),
        [("Dispatched/30".into(), Some(Dispatched))]
    );
}

#[test]
fn a_planned_milestone_is_no_state() {
    let planned = json!([{"state": 400, "progress_position": 40, "formated_changed_at": null,
                          "formated_change_expected_at": "Mar 08,2018"}]);
    for (state, status) in [(json!(100), Created), (json!(155), Cancelled), (json!(300), Unmapped)] {
        let mut package = package(&state, &json!(null));
        package["vendor_package_tracking_details"] = planned.clone();
        assert_eq!(statuses(&package, json!({}))[0].1, Some(status));
    }
    let ran = listed(fixture!("list"), json!({}));
    assert!(ran.observations.iter().all(|seen| seen.status != Some(Delivered)));
}

#[test]
fn the_operator_s_states_and_texts_change_and_add_meanings() {
    let more = json!({"status_table": {"300": "DISPATCHED", "100": "NO_CHANGE", "Handed Over": "DISPATCHED", "text:Lost": "LOST"}});
    let event = json!([{"changed_at": "2018-03-02T12:00:00+05:30", "formatted_customer_visible_text": "handed over"}]);
    let mut told = package(&json!(301), &json!(null));
    told["customer_tracking_details"] = event;
    for (package, raw, status) in [
        (package(&json!(300), &json!(null)), "300", Some(Dispatched)),
        (package(&json!(100), &json!(null)), "100", None),
        (told, "301/handed over", Some(Dispatched)),
        (package(&json!(301), &json!({"code": "LOST", "is_negative": true})), "301/LOST", Some(Lost)),
        (package(&json!(302), &json!({"code": "Nothing"})), "302/Nothing", Some(Unmapped)),
    ] {
        assert_eq!(statuses(&package, more.clone()), [(raw.to_owned(), status)], "{package}");
    }
}

#[test]
fn the_last_event_by_its_time_counts_wherever_it_stands() {
    let mut package = package(&json!(300), &json!({"code": "Dispatched", "progress_position": 30}));
    package["customer_tracking_details"] = json!([
        {"changed_at": "2018-03-02T12:00:00.000+06:00"}, {"changed_at": "2018-03-02T11:29:59.000+05:30"},
        {"changed_at": null}, {"changed_at": "soon"}, "event"]);
    let ran = listed(one_package(&package), json!({}));
    assert_eq!(ran.observations[0].at, Some(1_519_970_400_000), "12:00 +06:00 is later than 11:29:59 +05:30");
}

#[test]
fn times_without_an_offset_are_meant_where_the_settings_say() {
    let mut package = package(&json!(300), &json!({"code": "Dispatched", "progress_position": 30}));
    package["customer_tracking_details"] = json!([{"changed_at": "2018-03-02T12:00:00"}]);
    for (zone, at) in [("IST", 1_519_972_200_000), ("+06:00", 1_519_970_400_000)] {
        let ran = listed(one_package(&package), json!({ "timezone": zone }));
        assert_eq!(ran.observations[0].at, Some(at), "{zone}");
    }
}

#[test]
fn what_comes_back_has_its_kind_and_a_parcel_that_is_back_says_so_twice() {
    let ran = known(Script::new().reply(DETAIL, 200, fixture!("detail")), &["R1000000004-2"], json!({}));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    let kinds = |item| {
        of(&ran, item)
            .iter()
            .map(|seen| (seen.status, seen.ret.as_ref().and_then(|ret| ret.kind)))
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("41"), [(Some(Delivered), None)]);
    assert_eq!(
        kinds("42"),
        [(Some(Returned), Some(ReturnKind::Rto)), (Some(RtoDelivered), Some(ReturnKind::Rto))]
    );
    assert_eq!(kinds("43"), [(Some(ReturnRequested), Some(ReturnKind::Cir))]);
    assert_eq!(of(&ran, "42")[0].awb.as_deref(), Some("EE4042"));
}

#[test]
fn a_courier_that_the_settings_do_not_name_keeps_its_number() {
    let ran = known(
        Script::new().reply(DETAIL, 200, fixture!("detail")),
        &["R1000000004-2"],
        json!({"couriers": {"5": "Ecom Express"}}),
    );
    assert_eq!(of(&ran, "41")[0].courier.as_deref(), Some("provider:6"));
    assert_eq!(of(&ran, "42")[0].courier.as_deref(), Some("Ecom Express"));
}

#[test]
fn rows_that_cannot_be_read_are_told_and_their_neighbours_are_reported() {
    let ran = listed(fixture!("odd_rows"), json!({}));
    assert_eq!(ran.statuses(), [("61", Some(Created)), ("66", Some(Created)), ("68", Some(Cancelled))]);
    assert_eq!((of(&ran, "61")[0].quantity, of(&ran, "68")[0].quantity), (Some(1), None));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"));
    assert!(error.message.contains(": 8;"), "{error}");
}

#[test]
fn no_buyer_is_read() {
    for body in [fixture!("list"), fixture!("odd_rows")] {
        let shown = format!("{:?}", listed(body, json!({})));
        assert!(
            body.contains("Nobody") && !shown.contains("Nobody") && !shown.contains("example.invalid"),
            "{shown}"
        );
    }
}

#[test]
fn members_under_other_names_are_read_by_their_aliases() {
    let more = json!({"field_aliases": {"voonik_order_number": "order_no", "state": "st", "tracking_code": "awb", "sku": "code"}});
    let body = json!({"vendor_orders": [{"order_no": "R9-1", "vendor_packages": [
        {"st": 155, "tracking_code": null, "awb": "EE9",
         "vendor_order_line_items": [{"id": 9, "sku": "OWN", "code": "OTHER"}]}]}]});
    let ran = listed(body.to_string(), more);
    let seen = &ran.observations[0];
    assert_eq!(
        (seen.order.as_str(), seen.status, seen.awb.as_deref()),
        ("R9-1", Some(Cancelled), Some("EE9"))
    );
    assert_eq!(seen.sku.as_deref(), Some("OWN"), "a member under our name stays");
}
