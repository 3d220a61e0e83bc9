use plugin_api::{
    ErrorKind, ShippedBy,
    Status::{Cancelled, Delivered, Dispatched},
};

use super::*;

fn listed_xml(body: &str) -> Ran<Mark> {
    listed(body, json!({"wire": "xml"}))
}

#[test]
fn xml_says_the_same_as_json() {
    let ran = listed_xml(fixture!("orders_active.xml"));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    let expected = [
        ("90000000000000001", Dispatched),
        ("90000000000000002", Cancelled),
        ("90000000000000003", Delivered),
    ];
    assert_eq!(ran.statuses(), expected.map(|(item, status)| (item, Some(status))));
    let sent = &ran.observations[0];
    assert_eq!((sent.raw.as_str(), sent.sku.as_deref()), ("016", Some("TEA & MUG")));
    assert_eq!((sent.awb.as_deref(), sent.courier.as_deref()), (Some("BD0001"), Some("BD")));
    assert_eq!(sent.shipped_by, Some(ShippedBy::Channel));
    assert_eq!(ran.observations[1].awb, None, "an empty element is absent");
    assert!(ran.transcript[0].contains("accept: application/xml"));
    assert!(!format!("{:?}", ran.observations).contains("Nobody"));
}

#[test]
fn a_single_order_by_number_is_read_too() {
    let body = "<orders><order><orderNo>10001-200-300000</orderNo><orderLine><transactionId>90000000000000001</transactionId>\
                <omsStatusCode>DELIVERD</omsStatusCode></orderLine></order></orders>";
    let script = Script::new().reply(&by_id("10001-200-300000"), 200, body);
    let ran = known_with(script, &["10001-200-300000"], json!({"wire": "xml"}));
    assert_eq!(ran.statuses(), [("90000000000000001", Some(Delivered))]);
}

#[test]
fn an_empty_root_is_an_empty_list() {
    for body in ["<orders/>", "<orders></orders>", "<?xml version=\"1.0\"?>\n<orders>\n</orders>\n"] {
        let ran = listed_xml(body);
        assert!(ran.result.is_ok() && ran.observations.is_empty(), "{body}: {:?}", ran.result);
    }
}

#[test]
fn what_is_no_answer_in_xml_is_a_failure() {
    for body in [
        "",
        "<html><body>sign in</body></html>",
        r#"{"order":[]}"#,
        "<orders><order><orderNo>1",
        "<orders>BUYER-NAME</orders>",
        "<orders><error>BUYER-NAME</error></orders>",
        "<order><orderNo>1</orderNo></order>",
        "<!DOCTYPE orders SYSTEM \"https://evil.example/x\"><orders/>",
        "<orders>&BUYER-NAME;</orders>",
    ] {
        let ran = listed_xml(body);
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::BadReply, "list_orders"), "{body}");
        assert!(!error.message.contains("BUYER-NAME") && ran.observations.is_empty(), "{error}");
    }
}

#[test]
fn a_row_that_cannot_be_read_in_xml_is_told_and_its_neighbour_reported() {
    let ran = listed_xml(
        "<orders><order><orderNo>1</orderNo><orderLine><omsStatusCode>016</omsStatusCode></orderLine>\
         <orderLine><transactionId>T2</transactionId><omsStatusCode>016</omsStatusCode></orderLine></order></orders>",
    );
    assert_eq!(ran.statuses(), [("T2", Some(Dispatched))]);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
}
