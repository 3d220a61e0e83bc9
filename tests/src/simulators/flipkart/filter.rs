//! The list of shipments: `POST` for the first page, `GET` with a token for every further one.
//!
//! Paging is by page number over whatever the list is now, as at the real one: rows slip and repeat while orders change.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Query, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    LOCATION, Refused, authorized, bad_request,
    shipments::{self, DISPATCH_AFTER_MS, DISPATCH_BY_MS, ItemRow, Shipment},
    time,
};
use crate::{
    simulators::Site,
    world::{By, Canceller, Order, Row, World},
};

/// Asked for or not; more is not given (every client that is public asks for 20).
const PAGE_SIZE: usize = 20;

/// What a list is of.
struct Filter {
    type_: &'static str,
    states: Vec<String>,
    canceller: Option<Canceller>,
    index: By,
    window: (i64, i64),
    modified: Option<(i64, i64)>,
    created: Vec<(i64, i64)>,
    hold: bool,
    types: Vec<String>,
    skus: Vec<String>,
    /// Some filter of the request can match nothing of this seller.
    is_void: bool,
    sort: Option<(Sort, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Created,
    Modified,
}

pub(super) async fn first_page(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let body: Value = serde_json::from_slice(&body).map_err(|error| bad_request(format!("body: {error}")))?;
    let per_page = match &body["pagination"]["pageSize"] {
        Value::Null => PAGE_SIZE,
        given => match given.as_u64().and_then(|given| usize::try_from(given).ok()) {
            Some(given) if given > 0 => given.min(PAGE_SIZE),
            _ => return Err(bad_request("pagination.pageSize is not a number above 0")),
        },
    };
    page(&site, json!({"filter": body["filter"], "sort": body["sort"]}), per_page, 1)
}

#[derive(Deserialize)]
pub(super) struct Next {
    next_token: Option<String>,
}

/// What a next page's token holds.
#[derive(Serialize, Deserialize)]
struct Token {
    query: Value,
    per_page: usize,
    page: usize,
}

pub(super) async fn next_page(
    State(site): State<Arc<Site>>,
    headers: HeaderMap,
    Query(next): Query<Next>,
) -> Result<Response, Refused> {
    authorized(&site, &headers)?;
    let token = next.next_token.and_then(|token| URL_SAFE_NO_PAD.decode(token).ok());
    let token = token.and_then(|token| serde_json::from_slice::<Token>(&token).ok());
    let token = token.ok_or_else(|| bad_request("next_token is not one of ours"))?;
    page(&site, token.query, token.per_page, token.page)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<'a> {
    has_more: bool,
    next_page_url: Option<String>,
    shipments: Vec<Shipment<'a>>,
}

fn page(site: &Site, query: Value, per_page: usize, page: usize) -> Result<Response, Refused> {
    let filter = read(&query)?;
    let rows = site.list(&query.to_string(), |world| filter.rows(world));
    let start = rows.len().min(per_page.saturating_mul(page.saturating_sub(1)));
    let end = rows.len().min(start.saturating_add(per_page));
    let world = site.world();
    let shipments = rows[start..end]
        .iter()
        .map(|&(index, k)| shipments::shipment(world.order(index), usize::from(k), |row| filter.takes(row)));
    let shipments: Vec<_> = shipments.collect();
    // A last page may have a URL all the same; what tells the end is hasMore.
    let next_page_url = (start < end).then(|| {
        let token = json!(Token { query, per_page, page: page + 1 });
        format!("/v3/shipments/filter?next_token={}", URL_SAFE_NO_PAD.encode(token.to_string()))
    });
    Ok(axum::Json(Page { has_more: end < rows.len(), next_page_url, shipments }).into_response())
}

/// The fields of `filter`, each read in the one way it may be given.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(one)) => Ok(Some(vec![one.clone()])),
            Some(value) => serde_json::from_value(value.clone())
                .map(Some)
                .map_err(|_| bad_request(format!("filter.{name} is not a list of texts"))),
        }
    }

    fn window(&self, name: &str) -> Result<Option<(i64, i64)>, Refused> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let end = |side: &str| match value[side].as_str() {
            Some(text) => time(&format!("filter.{name}.{side}"), text),
            None => Err(bad_request(format!("filter.{name}.{side} is missing"))),
        };
        let (from, to) = (end("from")?, end("to")?);
        if from > to {
            Err(bad_request(format!("filter.{name}: from is after to")))
        } else {
            Ok(Some((from, to)))
        }
    }

    /// The type and the states it may have.
    fn type_(&self) -> Result<(&'static str, &'static [&'static str]), Refused> {
        match self.get("type").and_then(Value::as_str) {
            Some("preDispatch") => Ok((
                "preDispatch",
                &["APPROVED", "PACKING_IN_PROGRESS", "PACKED", "FORM_FAILED", "READY_TO_DISPATCH"],
            )),
            Some("postDispatch") => Ok(("postDispatch", &["PICKUP_COMPLETE", "SHIPPED", "DELIVERED"])),
            Some("cancelled") => Ok(("cancelled", &["CANCELLED"])),
            _ => Err(bad_request("filter.type is not preDispatch, postDispatch or cancelled")),
        }
    }

    fn canceller(&self) -> Result<Canceller, Refused> {
        match self.get("cancellationType").and_then(Value::as_str) {
            Some("sellerCancellation") => Ok(Canceller::Seller),
            Some("buyerCancellation") => Ok(Canceller::Buyer),
            Some("marketplaceCancellation") => Ok(Canceller::Marketplace),
            _ => Err(bad_request("filter.cancellationType is required for cancelled shipments")),
        }
    }

    /// Whether no shipment of this seller can match: other warehouses, other programmes.
    fn is_void(&self) -> Result<bool, Refused> {
        let ours = |profile: &String| profile == "NON_FBF" || profile == "Seller_Fulfilment";
        Ok(self.texts("serviceProfiles")?.is_some_and(|profiles| !profiles.iter().any(ours))
            || self.get("locationId").is_some_and(|location| location != LOCATION)
            || self.get("mps").is_some_and(|mps| mps == true)
            || self
                .texts("dispatchServiceTiers")?
                .is_some_and(|tiers| !tiers.iter().any(|tier| tier == "REGULAR")))
    }
}

const FIELDS: [&str; 15] = [
    "type",
    "states",
    "cancellationType",
    "orderDate",
    "dispatchAfterDate",
    "dispatchByDate",
    "modifiedDate",
    "cancellationDate",
    "hold",
    "shipmentTypes",
    "serviceProfiles",
    "locationId",
    "sku",
    "mps",
    "dispatchServiceTiers",
];

fn read(query: &Value) -> Result<Filter, Refused> {
    let fields = Fields(query["filter"].as_object().ok_or_else(|| bad_request("filter is missing"))?);
    if let Some(name) = fields.0.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(bad_request(format!("filter.{name} is not known")));
    }
    let (type_, all) = fields.type_()?;
    let states =
        fields.texts("states")?.unwrap_or_else(|| all.iter().map(|&state| state.to_owned()).collect());
    if let Some(state) = states.iter().find(|state| !all.contains(&state.as_str())) {
        return Err(bad_request(format!("filter.states: {state} is not a state of {type_}")));
    }
    let canceller = if type_ == "cancelled" { Some(fields.canceller()?) } else { None };

    let modified = fields.window("modifiedDate")?;
    let shift = |window: Option<(i64, i64)>, by: i64| window.map(|(from, to)| (from - by, to - by));
    let created = [
        fields.window("orderDate")?,
        shift(fields.window("dispatchAfterDate")?, DISPATCH_AFTER_MS),
        shift(fields.window("dispatchByDate")?, DISPATCH_BY_MS),
    ];
    let created: Vec<_> = created.into_iter().flatten().collect();
    let (index, window) = match (fields.window("cancellationDate")?, modified, created.first()) {
        (Some(window), ..) => (By::Cancel, window),
        (None, Some(window), _) => (By::Change, window),
        (None, None, Some(&window)) => (By::Creation, window),
        (None, None, None) if type_ == "cancelled" => (By::Cancel, (i64::MIN, i64::MAX)),
        (None, None, None) => (By::Creation, (i64::MIN, i64::MAX)),
    };
    Ok(Filter {
        type_,
        states,
        canceller,
        index,
        window,
        modified,
        created,
        hold: fields.get("hold").is_some_and(|hold| hold == true),
        // The default is what the documents imply: only what Flipkart ships the normal way.
        types: fields.texts("shipmentTypes")?.unwrap_or_else(|| vec!["NORMAL".into()]),
        skus: fields.texts("sku")?.unwrap_or_default(),
        is_void: fields.is_void()?,
        sort: sort(&query["sort"])?,
    })
}

/// What to sort by, and whether ascending; `None` leaves the order of the index.
fn sort(sort: &Value) -> Result<Option<(Sort, bool)>, Refused> {
    let Some(field) = sort["field"].as_str() else { return Ok(None) };
    let field = match field {
        "orderDate" | "dispatchByDate" | "dispatchAfterDate" => Sort::Created,
        "modifiedDate" => Sort::Modified,
        _ => return Err(bad_request(format!("sort.field {field} is not known"))),
    };
    match sort["order"].as_str() {
        Some("asc") | None => Ok(Some((field, true))),
        Some("desc") => Ok(Some((field, false))),
        Some(_) => Err(bad_request("sort.order is not asc or desc")),
    }
}

impl Filter {
    /// Whether a row of a shipment belongs into the list.
    fn takes(&self, row: &ItemRow) -> bool {
        self.states.iter().any(|state| state == row.status)
            && (self.canceller.is_none() || row.canceller == self.canceller)
    }

    fn takes_parcel(&self, order: &Order, k: usize) -> bool {
        let parcel = &order.parcels[k];
        let within = |window: (i64, i64), at: i64| window.0 <= at && at <= window.1;
        let type_ = shipments::shipment_type(order, parcel);
        // Without `hold` the held ones are hidden; with it they are what is listed.
        (self.type_ != "preDispatch" || order.hold == self.hold)
            && self.types.iter().any(|wanted| wanted == type_)
            && self.modified.is_none_or(|window| within(window, parcel.changed_at))
            && self.created.iter().all(|&window| within(window, order.created_at))
            && (self.skus.is_empty() || order.lines_of(k).any(|(_, line)| self.skus.contains(&line.sku)))
            && order
                .lines_of(k)
                .any(|(line, _)| shipments::rows_of(order, k, line).any(|row| self.takes(&row)))
    }

    fn rows(&self, world: &World) -> Vec<Row> {
        if self.is_void {
            return Vec::new();
        }
        let mut rows = world.between(self.index, self.window.0, self.window.1);
        rows.retain(|&(index, k)| self.takes_parcel(world.order(index), usize::from(k)));
        if let Some((field, ascending)) = self.sort {
            let key = |&(index, k): &Row| {
                let order = world.order(index);
                match field {
                    Sort::Created => order.created_at,
                    Sort::Modified => order.parcels[usize::from(k)].changed_at,
                }
            };
            rows.sort_by_key(key);
            if !ascending {
                rows.reverse();
            }
        }
        rows
    }
}
