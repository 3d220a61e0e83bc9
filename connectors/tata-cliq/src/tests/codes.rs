use plugin_api::{
    ReturnKind,
    Status::{self, *},
};

use super::*;

/// Every code of the tables and what its line reports, written down once more and apart from the tables.
const EXPECTED: &[(&[Option<Status>], &[&str])] = &[
    (
        &[Some(Created)],
        &[
            "001",
            "ORDALLOC",
            "002",
            "ORDACCEP",
            "ODREALOC",
            "004",
            "PICKINPR",
            "005",
            "PICKHOLD",
            "006",
            "PICKCONF",
            "007",
            "PILIGENE",
            "008",
            "SCANNED",
            "009",
            "AWBASSIG",
            "010",
            "PRISHLAB",
            "011",
            "INVOGENE",
            "012",
            "PRIINVOI",
            "013",
            "MANIPEND",
            "014",
            "RETOSHIP",
            "CNCINTED",
            "RDYCOLTN",
            "ORDER_CONFIRMED",
            "ITEM_PACKED",
        ],
    ),
    (&[Some(Dispatched)], &["016", "HOTCOURI", "HOTC", "SHIPPED"]),
    (&[Some(Dispatched), Some(InTransit)], &["017", "RENEARHB"]),
    (&[Some(Dispatched), Some(OutForDelivery)], &["OTFRDLVY", "OUT_FOR_DELIVERY"]),
    (&[Some(Undelivered)], &["UNDLVERD", "UNDELIVERED"]),
    (&[Some(Delivered)], &["018", "DELIVERD", "ORDCOLTD", "DELIVERED"]),
    (&[Some(Cancelled)], &["019", "ORDCANCL", "020", "CLONCANC", "ORDER_CANCELLED"]),
    (&[Some(CourierReturn)], &["024", "RETTOORG", "RETUIRTO", "RTO_INITIATED", "RTO_IN_PROGRESS"]),
    (
        &[Some(ReturnRequested)],
        &[
            "025",
            "RETUINIT",
            "032",
            "REVRSAWB",
            "PKUPRQCF",
            "PKUPSCLD",
            "OTFRRTPK",
            "PKUPATUS",
            "DRSPQCFL",
            "DRSPQCPS",
            "RTRNPKUP",
            "RTNINTST",
            "OTFRRTDL",
            "RETURN_REQUESTED",
            "RETURN_INITIATED",
            "PICKUP_SCHEDULED",
        ],
    ),
    (
        &[Some(Returned)],
        &[
            "026",
            "SRECTORI",
            "028",
            "RETUCLOS",
            "031",
            "QCFAILED",
            "RTNDELSL",
            "RETURN_CLOSED",
            "RETURN_COMPLETED",
        ],
    ),
    (&[Some(Returned), Some(RtoDelivered)], &["030", "CLRETORI", "RTO_DELIVERED"]),
    (&[Some(ReturnCancelled)], &["027", "RETUCANC", "RETCNCUS", "RETREJEC"]),
    (&[Some(Lost)], &["033", "LOSTINTT"]),
    (
        &[None],
        &[
            "003",
            "ORDREJEC",
            "015",
            "LPSWITCH",
            "021",
            "REFUINIT",
            "022",
            "REFINPRO",
            "023",
            "REFCLOSE",
            "CODCWRND",
            "029",
            "REDIINIT",
            "046",
            "PKUPCNLP",
            "ORDUNCTD",
            "LPPNASIGN",
            "TXCTNHLD",
            "ORDONHLD",
            "RTNLSINT",
            "RETCNCLP",
        ],
    ),
    (&[Some(Unmapped)], &["034", "TELEPORTED"]),
];

#[test]
fn every_code_is_reported_as_the_tables_say_with_its_own_text() {
    let ran = listed(fixture!("line_codes.json"), json!({}));
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    let mut checked = 0;
    for (statuses, codes) in EXPECTED {
        for code in *codes {
            let seen = of(&ran, &format!("T-{code}"));
            assert_eq!(seen.iter().map(|seen| seen.status).collect::<Vec<_>>(), *statuses, "{code}");
            assert!(seen.iter().all(|seen| seen.raw == *code), "{code}");
            checked += seen.len();
        }
    }
    assert_eq!(checked, ran.observations.len(), "the fixture has no other lines");
    let rows = crate::status::LINE.rows().len() + crate::status::SHOP_NAMES.rows().len();
    assert_eq!(
        EXPECTED.iter().map(|(_, codes)| codes.len()).sum::<usize>(),
        rows + 2,
        "every row and two unknown codes"
    );
}

fn statuses(line: Value, more: Value) -> Vec<Option<Status>> {
    let mut line = line;
    line["transactionId"] = json!("T1");
    let ran = listed(one_line(&line), more);
    assert!(ran.result.is_ok(), "{:?}", ran.result);
    ran.observations.iter().map(|seen| seen.status).collect()
}

#[test]
fn a_code_without_its_zeros_or_as_a_number_is_the_same_code_and_keeps_its_text() {
    for code in [json!("16"), json!(16), json!("016"), json!(" 016 ")] {
        assert_eq!(statuses(json!({"omsStatusCode": code}), json!({})), [Some(Dispatched)], "{code}");
    }
    let ran = listed(one_line(&json!({"transactionId": "T1", "omsStatusCode": 1})), json!({}));
    assert_eq!((ran.observations[0].raw.as_str(), ran.observations[0].status), ("1", Some(Created)));
}

#[test]
fn the_reused_numbers_of_click_and_collect_change_nothing_until_the_operator_says_what_they_mean() {
    let line = json!({"omsStatusCode": "020", "deliveryMode": "CNC"});
    assert_eq!(statuses(line.clone(), json!({})), [None]);
    assert_eq!(statuses(line.clone(), json!({"status_table": {"CNC:020": "DELIVERED"}})), [Some(Delivered)]);
    assert_eq!(
        statuses(line, json!({"status_table": {"020": "DELIVERED"}})),
        [None],
        "a row for every mode does not settle what click & collect means by it"
    );
    let home = json!({"omsStatusCode": "020", "deliveryMode": "HD"});
    assert_eq!(statuses(home, json!({"status_table": {"CNC:020": "DELIVERED"}})), [Some(Cancelled)]);
}

#[test]
fn the_operator_s_rows_change_and_add_meanings() {
    let more = json!({"status_table": {"034": "LOST", "001": "NO_CHANGE", "ED:016": "DELIVERED", "courier:016": "IN_TRANSIT"}});
    for (line, expected) in [
        (json!({"omsStatusCode": "34"}), vec![Some(Lost)]),
        (json!({"omsStatusCode": "001"}), vec![None]),
        (json!({"omsStatusCode": "016", "deliveryMode": "ED"}), vec![Some(Delivered), Some(InTransit)]),
        (json!({"omsStatusCode": "016", "deliveryMode": "SDD"}), vec![Some(Dispatched), Some(InTransit)]),
    ] {
        assert_eq!(statuses(line.clone(), more.clone()), expected, "{line}");
    }
}

#[test]
fn a_line_that_one_location_rejects_and_another_gets_is_open_again() {
    let [rejected, again] = ["003", "001"].map(|code| {
        let line = json!({"transactionId": "T1", "omsStatusCode": code, "p1SlaveId": format!("TD{code}")});
        listed(one_line(&line), json!({})).observations
    });
    assert_eq!((rejected[0].status, rejected[0].raw.as_str()), (None, "003"));
    assert_eq!((again[0].status, again[0].item.as_deref()), (Some(Created), Some("T1")));
}

#[test]
fn returns_carry_the_way_back_and_only_the_kind_that_the_code_tells() {
    let script = Script::new().reply(&by_id("10001-200-300002"), 200, fixture!("order_returned.json"));
    let ran = known(script, &["10001-200-300002"]);
    let asked = of(&ran, "90000000000000010")[0];
    let ret = asked.ret.as_ref().unwrap();
    assert_eq!((asked.status, ret.kind), (Some(ReturnRequested), None));
    assert_eq!((ret.awb.as_deref(), ret.courier.as_deref()), (Some("GT0010"), Some("GT")));
    assert_eq!(
        (asked.awb.as_deref(), asked.courier.as_deref()),
        (Some("DL0010"), Some("DL")),
        "the way there"
    );

    let back = of(&ran, "90000000000000011");
    assert_eq!(back.iter().map(|seen| seen.status).collect::<Vec<_>>(), [Some(Returned), Some(RtoDelivered)]);
    for seen in back {
        let ret = seen.ret.as_ref().unwrap();
        assert_eq!((ret.kind, ret.awb.as_deref()), (Some(ReturnKind::Rto), None));
        assert_eq!(ret.courier.as_deref(), Some("Delhivery Reverse"));
    }
}
