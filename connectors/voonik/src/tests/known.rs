use plugin_api::{ErrorKind, Status::Created};

use super::*;

#[test]
fn each_order_is_asked_for_by_its_number_once() {
    let script = Script::new().reply(&format!("{DETAIL}?id=R1000000004-2"), 200, fixture!("detail")).reply(
        &format!("{DETAIL}?id=R1000000005-1"),
        200,
        fixture!("renumbered"),
    );
    let ran = known(script, &["R1000000004-2", "R1000000005-1", "R1000000004-2", " "], json!({}));
    assert_eq!(ran.result.unwrap(), Mark::default());
    assert_eq!(ran.requests.len(), 2);
    assert!(ran.transcript[0].contains("authorization: Basic {secret:username}:{secret:key}"));
}

#[test]
fn a_renumbered_order_is_reported_under_the_number_that_was_asked_for() {
    for asked in ["R1000000005-1", "R1000000005-3"] {
        let ran = known(Script::new().reply(DETAIL, 200, fixture!("renumbered")), &[asked], json!({}));
        let orders: Vec<_> = ran.observations.iter().map(|seen| seen.order.as_str()).collect();
        assert_eq!(orders, [asked]);
    }
}

#[test]
fn a_renumbered_order_that_nobody_asked_for_is_reported_under_both_numbers() {
    let detail: Value = serde_json::from_str(fixture!("renumbered")).unwrap();
    let ran = listed(json!([detail["vendor_order"]]).to_string(), json!({}));
    let seen: Vec<_> = ran.observations.iter().map(|seen| (seen.order.as_str(), seen.status)).collect();
    assert_eq!(seen, [("R1000000005-1", Some(Created)), ("R1000000005-3", Some(Created))]);
}

#[test]
fn one_order_that_fails_does_not_keep_the_next_from_being_asked_for() {
    for (status, body, kind) in [
        (404, r#"{"error":"Not found"}"#, ErrorKind::BadRequest),
        (404, "<html>The page you were looking for doesn't exist.</html>", ErrorKind::BadRequest),
        (422, fixture!("error_fields"), ErrorKind::BadRequest),
        (200, fixture!("error_output"), ErrorKind::BadReply),
        (200, "<html></html>", ErrorKind::BadReply),
        (200, "{}", ErrorKind::BadReply),
        (200, r#"{"vendor_order":null}"#, ErrorKind::BadReply),
        (200, r#"{"vendor_order":[]}"#, ErrorKind::BadReply),
    ] {
        let script = Script::new().reply(DETAIL, status, body).reply(DETAIL, 200, fixture!("detail"));
        let ran = known(script, &["R9-1", "R1000000004-2"], json!({}));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "get_order"), "{status} {body}");
        assert_eq!(ran.observations.len(), 4, "{status} {body}");
    }
}

#[test]
fn an_outage_or_a_refusal_ends_the_pull_at_once() {
    for (status, kind) in [
        (503, ErrorKind::Unavailable),
        (429, ErrorKind::RateLimited),
        (401, ErrorKind::Auth),
        (403, ErrorKind::Auth),
    ] {
        let ran = known(Script::new().reply(DETAIL, status, ""), &["R1-1", "R2-1"], json!({}));
        assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (kind, 1), "{status}");
    }
}

#[test]
fn no_orders_are_no_calls() {
    let ran = known(Script::new(), &[], json!({}));
    assert!(ran.result.is_ok() && ran.requests.is_empty());
}
