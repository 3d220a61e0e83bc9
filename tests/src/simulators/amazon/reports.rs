//! Reports 2021-06-30, for the one report of seller-fulfilled returns.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::Write as _,
    sync::{Arc, MutexGuard, PoisonError},
};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use jiff::{Timestamp, tz::Offset};
use serde_json::{Value, json};

use super::{Account, MARKETPLACE_ID, Refused, authorized, bad_request, not_found, refuse, utc};
use crate::world::{By, ReturnKind, ReturnStage, World};

const REPORT_TYPE: &str = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE";
const MAX_WINDOW_MS: i64 = 60 * 86_400_000;
/// A document's URL lives five minutes.
const URL_MS: i64 = 5 * 60_000;

/// Reports that were asked for, by id, and documents that may be fetched, by the key in their URL.
#[derive(Default)]
pub(super) struct Reports {
    made: HashMap<String, Report>,
    urls: HashMap<String, (String, i64)>,
}

struct Report {
    from: i64,
    to: i64,
    created_at: i64,
    polls: u32,
    /// Once it is done: its text, empty if it has no rows.
    done: Option<String>,
}

fn reports(account: &Account) -> MutexGuard<'_, Reports> {
    account.reports.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) async fn create(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    authorized(&account.site, &headers)?;
    let body: Value = serde_json::from_slice(&body).map_err(|error| bad_request(format!("body: {error}")))?;
    if body["reportType"] != REPORT_TYPE {
        return Err(bad_request("reportType is not known"));
    }
    if body["marketplaceIds"] != json!([MARKETPLACE_ID]) {
        return Err(bad_request("marketplaceIds is not the account's"));
    }
    let now = account.site.now();
    let time = |name: &str| {
        let at = body[name].as_str().and_then(|text| text.parse::<Timestamp>().ok());
        at.map(Timestamp::as_millisecond).ok_or_else(|| bad_request(format!("{name} is not a date-time")))
    };
    let (from, to) = (time("dataStartTime")?, time("dataEndTime")?);
    if to > now || from > to {
        return Err(bad_request("dataEndTime is in the future or before dataStartTime"));
    }
    let mut reports = reports(&account);
    let id = format!("R{}", reports.made.len() + 1);
    reports.made.insert(id.clone(), Report { from, to, created_at: now, polls: 0, done: None });
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"reportId": id}))).into_response())
}

pub(super) async fn get(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    authorized(&account.site, &headers)?;
    let mut reports = reports(&account);
    let report = reports.made.get_mut(&id).ok_or_else(|| not_found("the report"))?;
    report.polls += 1;
    let mut wire = json!({"reportId": id, "reportType": REPORT_TYPE, "createdTime": utc(report.created_at),
            "dataStartTime": utc(report.from), "dataEndTime": utc(report.to)});
    wire["processingStatus"] = match report.polls {
        polls if polls < account.market.report_polls => {
            if polls == 1 { "IN_QUEUE" } else { "IN_PROGRESS" }.into()
        }
        _ if report.to - report.from > MAX_WINDOW_MS => "FATAL".into(),
        _ => {
            let (from, to) = (report.from, report.to);
            let rows = report.done.get_or_insert_with(|| rows(&account.site.world(), from, to));
            if rows.is_empty() {
                "CANCELLED".into()
            } else {
                wire["reportDocumentId"] = id.replace('R', "D").into();
                "DONE".into()
            }
        }
    };
    Ok(axum::Json(wire).into_response())
}

pub(super) async fn document(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    authorized(&account.site, &headers)?;
    let mut reports = reports(&account);
    let report = id.replace('D', "R");
    let rows = reports.made.get(&report).and_then(|report| report.done.as_ref());
    if rows.is_none_or(String::is_empty) {
        return Err(not_found("the document"));
    }
    let key = format!("{id}-{}", reports.urls.len() + 1);
    reports.urls.insert(key.clone(), (report, account.site.now() + URL_MS));
    let url = format!("{}/report-documents/{key}?signature=not-a-real-one", account.site.base_url);
    let wire = json!({"reportDocumentId": id, "url": url, "compressionAlgorithm": "GZIP"});
    Ok(axum::Json(wire).into_response())
}

/// The document store: it knows no tokens and refuses whoever shows one.
pub(super) async fn download(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Result<Response, Refused> {
    if headers.contains_key("x-amz-access-token") || headers.contains_key(header::AUTHORIZATION) {
        return Err(bad_request("only one way to authorize is allowed"));
    }
    let reports = reports(&account);
    let expired = || refuse(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired", "");
    let (report, until) = reports.urls.get(&key).ok_or_else(expired)?;
    let rows = reports.made.get(report).and_then(|report| report.done.as_ref());
    let Some(rows) = rows.filter(|_| account.site.now() < *until) else { return Err(expired()) };
    let mut zipped = GzEncoder::new(Vec::new(), Compression::fast());
    let zipped = zipped.write_all(rows.as_bytes()).and_then(|()| zipped.finish());
    let zipped =
        zipped.map_err(|error| refuse(StatusCode::INTERNAL_SERVER_ERROR, "Gzip", &error.to_string(), ""))?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], zipped).into_response())
}

/// The report's text: buyers' returns that were asked for in the window. Empty if there are none.
fn rows(world: &World, from: i64, to: i64) -> String {
    let mut text = String::from(
        "Order ID\tOrder date\tReturn request date\tReturn request status\tAmazon RMA ID\tReturn carrier\tTracking ID\t\
         Merchant SKU\tOrder Item ID\tReturn quantity\tReturn Reason\tReturn delivery date\n",
    );
    let header = text.len();
    for (index, place) in world.between(By::ReturnUpdate, from, i64::MAX) {
        let order = world.order(index);
        let row = &order.returns[usize::from(place)];
        if row.kind != ReturnKind::Cir || !(from..=to).contains(&row.created_at) {
            continue;
        }
        let line = &order.lines[usize::from(row.line)];
        let (status, carrier, tracking, delivered) = match row.stage {
            ReturnStage::Created => ("Approved", "", "", String::new()),
            ReturnStage::InTransit => ("Approved", "ATS", row.awb.as_str(), String::new()),
            ReturnStage::Completed => ("Completed", "ATS", row.awb.as_str(), day(row.updated_at)),
            ReturnStage::Cancelled => ("Cancelled", "", "", String::new()),
        };
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{status}\t{}\t{carrier}\t{tracking}\t{}\t{}\t{}\tOTHER\t{delivered}",
            order.id,
            day(order.created_at),
            day(row.created_at),
            row.id,
            line.sku,
            line.id,
            row.quantity,
        );
    }
    if text.len() > header { text } else { String::new() }
}

/// A day in India, as the reports of amazon.in write it: `02-Sep-2026`.
fn day(at: i64) -> String {
    let at = Timestamp::from_millisecond(at + 330 * 60_000).unwrap_or_default();
    Offset::UTC.to_datetime(at).strftime("%d-%b-%Y").to_string()
}
