//! The returns report: making, waiting, fetching, its endings, and going on after a cut.

use std::{io::Read as _, time::Duration};

use plugin_api::{
    Error, ErrorKind, Mark, Observation, Reply, ReturnKind, Scope, Status, Task, testing::Script,
};
use serde_json::json;

use super::*;

const CREATE: &str = "POST /reports/2021-06-30/reports";
const GET: &str = "GET /reports/2021-06-30/reports/R1";
const DOCUMENT: &str = "GET /reports/2021-06-30/documents/D1";
const DOWNLOAD: &str = "GET /demo?X-Amz-Signature=invented";

const CREATED: &str = include_str!("../../fixtures/report_created.json");
const DONE: &str = include_str!("../../fixtures/report_done.json");
const PLACE: &str = include_str!("../../fixtures/report_document.json");
const ROWS: &str = include_str!("../../fixtures/returns.txt");
const UNDER_WAY: &str = r#"{"report":"R1","until":1788434760000,"asked_at":1788434880000}"#;

const DAY_MS: i64 = 86_400_000;

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(text, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn report(status: &str) -> String {
    json!({ "reportId": "R1", "processingStatus": status }).to_string()
}

/// The last month.
fn pull(script: Script, mark: Option<Mark>) -> Ran<Mark> {
    let scope = Scope::Changed { since: now() - 30 * DAY_MS, until: now() };
    script.pull::<Amazon>(json!({}), Task::Returns, scope, mark)
}

fn marked(text: &str) -> Mark {
    Mark { text: text.into(), complete_until: Some(7) }
}

/// A report that is made at once and holds this.
fn holding(body: &[u8]) -> Ran<Mark> {
    pull(
        script()
            .reply(CREATE, 202, CREATED)
            .reply(GET, 200, DONE)
            .reply(DOCUMENT, 200, PLACE)
            .reply(DOWNLOAD, 200, body),
        None,
    )
}

fn rows(text: &str) -> Vec<Observation> {
    let ran = holding(&packed(text.as_bytes()));
    ran.result.unwrap();
    ran.observations
}

/// A report with the columns that are needed and one row.
fn row(status: &str, delivered_on: &str) -> Observation {
    let text = format!(
        "Order ID\tMerchant SKU\tReturn quantity\tReturn request status\tReturn request date\tReturn delivery date\n\
         404-1\tMUG\t1\t{status}\t05-Sep-2026\t{delivered_on}\n"
    );
    rows(&text).remove(0)
}

#[test]
fn a_report_is_made_waited_for_fetched_and_read() {
    let ran = pull(
        script()
            .reply(CREATE, 202, CREATED)
            .reply(GET, 200, report("IN_QUEUE"))
            .reply(GET, 200, report("IN_PROGRESS"))
            .reply(GET, 200, report("IN_PROGRESS"))
            .reply(GET, 200, report("IN_PROGRESS"))
            .reply(GET, 200, DONE)
            .reply(DOCUMENT, 200, PLACE)
            .reply(DOWNLOAD, 200, packed(ROWS.as_bytes())),
        None,
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(now() - 120_000));
    assert_eq!(ran.slept, Duration::from_secs(15 + 30 + 60 + 60));
    assert_eq!(ran.observations.len(), 4);
    assert!(ran.transcript[0].ends_with(
        r#"{"reportType":"GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE","marketplaceIds":["A21TJRUUN4KGV"],"dataStartTime":"2026-08-04T11:30:00Z","dataEndTime":"2026-09-03T11:28:00Z"}"#
    ), "{}", ran.transcript[0]);
}

#[test]
fn the_document_is_fetched_without_our_token_and_its_address_is_left_as_it_is() {
    let ran = holding(&packed(ROWS.as_bytes()));
    let fetched = ran.transcript.last().unwrap();
    assert!(fetched.starts_with(
        "GET https://tortuga-prod-eu.s3-eu-west-1.amazonaws.com/demo?X-Amz-Signature=invented\nuser-agent: Statusync/"
    ));
    assert!(!fetched.contains("{token}") && !fetched.contains("x-amz-access-token"), "{fetched}");
}

#[test]
fn the_fixture_rows_are_read() {
    let seen = rows(ROWS);
    let short: Vec<_> = seen
        .iter()
        .map(|seen| {
            (seen.order.as_str(), seen.sku.as_deref().unwrap(), seen.quantity.unwrap(), seen.status.unwrap())
        })
        .collect();
    assert_eq!(
        short,
        [
            ("404-5550001-1234567", "MUG-RED", 1, Status::Returned),
            ("404-5550002-7654321", "MUG-BLUE", 2, Status::ReturnRequested),
            ("404-5550004-0000002", "MUG-GREEN", 1, Status::ReturnRequested),
            ("404-5550005-0000003", "MUG-WHITE", 1, Status::ReturnCancelled),
        ]
    );
    let ret = seen[0].ret.as_ref().unwrap();
    assert_eq!(ret.id.as_deref(), Some("DdemoRRMA"));
    assert_eq!(ret.kind, Some(ReturnKind::Cir));
    assert_eq!(ret.reason.as_deref(), Some("AMZ-PG-BAD-DESC"));
    assert_eq!((ret.awb.as_deref(), ret.courier.as_deref()), (Some("340000000077"), Some("ATS")));
    assert_eq!(seen[0].raw, "Approved");
    assert_eq!(seen[0].at, Some(at("2026-09-08T18:30:00Z")), "9 September begins in India");
    assert_eq!(seen[1].at, Some(at("2026-09-05T18:30:00Z")));
    assert_eq!(seen[3].at, None, "when a request was withdrawn is not said");
    assert_eq!(seen[2].ret.as_ref().unwrap().kind, None, "neither authorisation nor type: nobody knows");
    for seen in &seen {
        assert_eq!((seen.shipped_by, seen.awb.as_deref(), seen.courier.as_deref()), (None, None, None));
    }
}

#[test]
fn headers_are_found_however_they_are_written_and_the_item_id_is_read() {
    let seen = rows(include_str!("../../fixtures/returns_other_headers.txt"));
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(
        (seen.item.as_deref(), seen.sku.as_deref(), seen.quantity),
        (Some("66000000000001"), Some("MUG-RED"), Some(1))
    );
    assert_eq!((seen.status, seen.at), (Some(Status::Returned), Some(at("2026-09-08T18:30:00Z"))));
}

#[test]
fn every_word_of_the_table_is_read_with_and_without_a_delivery_date() {
    for known in crate::status::RETURN_REQUEST.rows() {
        assert_eq!(row(&known.raw, "").status, known.status, "{}", known.raw);
        assert_eq!(row(&known.raw, "09-Sep-2026").status, Some(Status::Returned), "{}", known.raw);
        assert_eq!(row(&known.raw, "").raw, known.raw);
    }
}

#[test]
fn a_word_that_nobody_has_seen_changes_nothing_about_the_request() {
    assert_eq!(row("Under review", "").status, Some(Status::ReturnRequested));
    assert_eq!(row("", "").status, Some(Status::ReturnRequested));
}

#[test]
fn a_delivery_date_that_is_no_date_is_no_proof() {
    for text in ["N/A", "-", "soon"] {
        assert_eq!(row("Approved", text).status, Some(Status::ReturnRequested), "{text}");
    }
}

#[test]
fn a_row_that_does_not_say_of_what_or_how_many_is_passed_over() {
    let text = "Order ID\tMerchant SKU\tReturn quantity\n\
                404-1\t\t1\n404-2\tMUG\t\n404-3\tMUG\t0\n404-4\tMUG\tmany\n\tMUG\t1\n404-5\n404-6\tMUG\t1\n";
    let seen = rows(text);
    assert_eq!(seen.iter().map(|seen| seen.order.as_str()).collect::<Vec<_>>(), ["404-6"]);
}

#[test]
fn a_report_without_rows_or_without_anything_is_no_returns() {
    assert_eq!(rows("Order ID\tMerchant SKU\tReturn quantity\n"), []);
    assert_eq!(rows(""), []);
}

#[test]
fn what_is_no_such_table_is_a_bad_reply_that_names_the_column() {
    for (text, column) in [
        ("<html>\n</html>", "Order ID"),
        ("Order ID\tReturn quantity\n", "Merchant SKU"),
        ("Order ID\tMerchant SKU\n", "Return quantity"),
    ] {
        let error = holding(text.as_bytes()).result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadReply);
        assert!(error.message.contains(column), "{}", error.message);
    }
}

#[test]
fn a_plain_document_and_a_latin_1_one_are_read() {
    let place = PLACE.replace(r#","compressionAlgorithm":"GZIP""#, "");
    let text = b"Order ID\tMerchant SKU\tReturn quantity\tReturn Reason\n404-1\tCAF\xc9\t1\ttrop caf\xe9\n";
    let ran = pull(
        script().reply(CREATE, 202, CREATED).reply(GET, 200, DONE).reply(DOCUMENT, 200, place).reply(
            DOWNLOAD,
            200,
            text.to_vec(),
        ),
        None,
    );
    assert_eq!(ran.observations[0].sku.as_deref(), Some("CAFÉ"));
}

#[test]
fn a_repeated_report_says_the_same() {
    assert_eq!(rows(ROWS), rows(ROWS));
}

#[test]
fn cancelled_is_amazon_s_word_for_no_rows() {
    let ran = pull(script().reply(CREATE, 202, CREATED).reply(GET, 200, report("CANCELLED")), None);
    assert_eq!(ran.result.unwrap(), Mark::complete_until(now() - 120_000));
    assert_eq!(ran.observations, []);
}

#[test]
fn fatal_fails_the_run_and_the_report_is_forgotten() {
    let ran = pull(script().reply(CREATE, 202, CREATED).reply(GET, 200, report("FATAL")), Some(marked("")));
    let error = ran.result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Unavailable, "getReport"));
    assert_eq!(ran.checkpoints.last(), Some(&marked("")));
}

#[test]
fn a_report_that_is_never_made_is_given_up_after_two_hours() {
    let mut script = script().reply(CREATE, 202, CREATED);
    for _ in 0..200 {
        script = script.reply(GET, 200, report("IN_QUEUE"));
    }
    let ran = pull(script, Some(marked("")));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
    assert!((Duration::from_hours(2)..Duration::from_hours(2) + Duration::from_mins(1)).contains(&ran.slept));
    assert_eq!(ran.checkpoints.last(), Some(&marked("")));
}

#[test]
fn a_state_that_amazon_does_not_document_is_a_bad_reply() {
    let ran = pull(script().reply(CREATE, 202, CREATED).reply(GET, 200, report("PONDERING")), None);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
}

#[test]
fn a_done_report_without_a_document_is_a_bad_reply() {
    let ran = pull(script().reply(CREATE, 202, CREATED).reply(GET, 200, report("DONE")), None);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::BadReply);
}

#[test]
fn the_report_s_id_is_kept_as_soon_as_it_exists_and_the_old_mark_with_it() {
    let ran = pull(script().reply(CREATE, 202, CREATED).reply(GET, 503, ""), Some(marked("")));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
    let expected = format!(r#"{{"report":"R1","until":{},"asked_at":{}}}"#, now() - 120_000, now());
    assert_eq!(ran.checkpoints, [marked(&expected)]);
}

#[test]
fn the_next_pull_goes_on_with_the_report_under_way() {
    let ran = pull(
        script().reply(GET, 200, DONE).reply(DOCUMENT, 200, PLACE).reply(
            DOWNLOAD,
            200,
            packed(ROWS.as_bytes()),
        ),
        Some(marked(UNDER_WAY)),
    );
    assert_eq!(ran.result.unwrap(), Mark::complete_until(1_788_434_760_000));
    assert_eq!(ran.observations.len(), 4);
    assert!(!ran.requests.iter().any(|request| request.starts_with("POST")));
}

#[test]
fn a_report_under_way_that_is_gone_or_a_day_old_is_replaced() {
    let whole = |script: Script| {
        script
            .reply(CREATE, 202, r#"{"reportId":"R2"}"#)
            .reply("GET /reports/2021-06-30/reports/R2", 200, DONE)
            .reply(DOCUMENT, 200, PLACE)
            .reply(DOWNLOAD, 200, packed(ROWS.as_bytes()))
    };
    let gone = pull(whole(script().reply(GET, 404, "")), Some(marked(UNDER_WAY)));
    let old = UNDER_WAY.replace("1788434880000", &(now() - DAY_MS).to_string());
    let old = pull(whole(script()), Some(marked(&old)));
    let unreadable = pull(whole(script()), Some(marked("{half")));
    for ran in [gone, old, unreadable] {
        assert_eq!(ran.result.unwrap(), Mark::complete_until(now() - 120_000));
        assert_eq!(ran.observations.len(), 4);
    }
}

#[test]
fn a_report_that_vanishes_fails_the_run_and_is_forgotten() {
    let created = script().reply(CREATE, 202, CREATED).reply(GET, 404, "");
    let fetched = script().reply(CREATE, 202, CREATED).reply(GET, 200, DONE).reply(DOCUMENT, 404, "");
    for script in [created, fetched] {
        let ran = pull(script, None);
        assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
        assert_eq!(ran.checkpoints.last(), Some(&Mark::default()));
    }
}

#[test]
fn a_denied_report_ends_the_pull_without_an_error_and_without_moving_the_mark() {
    let denied = || Ok(Reply::new(403, DENIED));
    let at_create = script().answer(CREATE, denied());
    let at_create_by_host = script().answer(CREATE, Err(Error::auth("denied")));
    let at_get = script().reply(CREATE, 202, CREATED).answer(GET, denied());
    let at_document = script().reply(CREATE, 202, CREATED).reply(GET, 200, DONE).answer(DOCUMENT, denied());
    for script in [at_create, at_create_by_host, at_get, at_document] {
        let ran = pull(script, Some(marked("")));
        assert_eq!(ran.result.unwrap(), marked(""));
        assert_eq!(ran.observations, []);
    }
}

#[test]
fn a_login_that_fails_is_not_taken_for_a_denied_report() {
    let ran = pull(script().answer(CREATE, Err(Error::auth("authorise again").during("token"))), None);
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Auth);
}

#[test]
fn other_failures_are_errors_of_their_call() {
    for (status, kind) in
        [(400, ErrorKind::BadRequest), (429, ErrorKind::RateLimited), (500, ErrorKind::Unavailable)]
    {
        let error = pull(script().reply(CREATE, status, ""), None).result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (kind, "createReport"), "{status}");
    }
    let error = pull(script().reply(CREATE, 202, r#"{"reportId":"../x"}"#), None).result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadReply);
}

#[test]
fn an_address_that_has_expired_is_asked_for_anew_once() {
    let start = || script().reply(CREATE, 202, CREATED).reply(GET, 200, DONE).reply(DOCUMENT, 200, PLACE);
    for expired in [Ok(Reply::new(403, "<Error/>")), Err(Error::auth("denied"))] {
        let again = start().answer(DOWNLOAD, expired.clone()).reply(DOCUMENT, 200, PLACE);
        let ran = pull(again.reply(DOWNLOAD, 200, packed(ROWS.as_bytes())), None);
        assert_eq!(ran.observations.len(), 4);
        let never =
            start().answer(DOWNLOAD, expired.clone()).reply(DOCUMENT, 200, PLACE).answer(DOWNLOAD, expired);
        let error = pull(never, None).result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Unavailable, "downloadDocument"));
    }
}

#[test]
fn a_document_on_a_host_that_nobody_allowed_is_not_fetched() {
    let place = r#"{"reportDocumentId":"D1","url":"https://documents.example/one?secret=hush"}"#;
    let start = || script().reply(CREATE, 202, CREATED).reply(GET, 200, DONE).reply(DOCUMENT, 200, place);
    let ran = pull(start(), None);
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("document_url"), "{}", error.message);
    assert!(!error.message.contains("hush"));
    assert_eq!(ran.requests.len(), 3);

    let scope = Scope::Changed { since: now() - DAY_MS, until: now() };
    for settings in [
        json!({ "document_url": "https://documents.example" }),
        json!({ "base_url": "https://documents.example:8443" }),
    ] {
        let script = start().reply("GET /one?secret=hush", 200, packed(ROWS.as_bytes()));
        let ran = script.pull::<Amazon>(settings, Task::Returns, scope.clone(), None);
        assert_eq!(ran.observations.len(), 4);
    }
}

#[test]
fn a_window_longer_than_sixty_days_is_cut_into_reports() {
    let since = now() - 120_000 - 90 * DAY_MS;
    let second = "GET /reports/2021-06-30/reports/R2";
    let ran = script()
        .reply(CREATE, 202, CREATED)
        .reply(GET, 200, report("CANCELLED"))
        .reply(CREATE, 202, r#"{"reportId":"R2"}"#)
        .reply(second, 200, report("CANCELLED"))
        .changed::<Amazon>(Task::Returns, json!({}), since, now());
    assert_eq!(ran.result.unwrap(), Mark::complete_until(now() - 120_000));
    let cut = time::write(since + 60 * DAY_MS);
    assert!(ran.transcript[0].contains(&format!(r#""dataEndTime":"{cut}""#)));
    assert!(ran.transcript[2].contains(&format!(r#""dataStartTime":"{cut}""#)));
}

#[test]
fn an_empty_window_asks_for_nothing() {
    let ran = script().changed::<Amazon>(Task::Returns, json!({}), now(), now());
    assert!(ran.result.is_ok());
    assert_eq!(ran.requests, Vec::<String>::new());
}
