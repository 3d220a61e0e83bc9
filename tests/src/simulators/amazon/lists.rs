//! What the two order lists share: parameters, windows, page tokens.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Refused, bad_request};
use crate::{
    simulators::Site,
    world::{By, Order, Row},
};

/// A `…Before` must be at least this old.
const SETTLED_MS: i64 = 2 * 60_000;
/// A page token dies after 24 hours.
const TOKEN_MS: i64 = 24 * 3_600_000;
const MAX_ROWS: usize = 100;

/// The parameters of a query, by name; lists are comma-separated.
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// Refuses names that the API does not have.
    pub(super) fn read(pairs: Vec<(String, String)>, known: &[&str]) -> Result<Self, Refused> {
        let mut params = BTreeMap::<String, String>::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                return Err(bad_request(format!("{name} is not a parameter of this operation")));
            }
            let held = params.entry(name).or_default();
            if !held.is_empty() {
                held.push(',');
            }
            held.push_str(&value);
        }
        Ok(Params(params))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The values of a list; `None` if it is not given.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name).map(|text| text.split(',').filter(|value| !value.is_empty()).collect())
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let at = text
            .parse::<Timestamp>()
            .map_err(|_| bad_request(format!("{name} is not an ISO 8601 date-time")))?;
        Ok(Some(at.as_millisecond()))
    }

    /// The window that two of the four dates give; `None` if none is given. Refuses mixed families, a `…Before` that is
    /// too young, and a `…Before` before its `…After`.
    pub(super) fn window(&self, dates: [&str; 4], now: i64) -> Result<Option<(By, i64, i64)>, Refused> {
        let [created_after, created_before, updated_after, updated_before] = dates;
        let given = |name: &str| self.get(name).is_some();
        let (created, updated) =
            (given(created_after) || given(created_before), given(updated_after) || given(updated_before));
        let (by, after, before) = match (created, updated) {
            (false, false) => return Ok(None),
            (true, true) => {
                return Err(bad_request(format!("{created_after} and {updated_after} exclude each other")));
            }
            (true, false) => (By::Creation, created_after, created_before),
            (false, true) => (By::Change, updated_after, updated_before),
        };
        let from = self.time(after)?.ok_or_else(|| bad_request(format!("{after} is missing")))?;
        let to = self.time(before)?;
        if to.is_some_and(|to| to > now - SETTLED_MS) {
            return Err(bad_request(format!("{before} must be at least two minutes in the past")));
        }
        if to.is_some_and(|to| to < from) {
            return Err(bad_request(format!("{before} is before {after}")));
        }
        Ok(Some((by, from, to.unwrap_or(i64::MAX))))
    }

    fn filters(&self, but: &[&str]) -> String {
        let filters = self.0.iter().filter(|(name, _)| !but.contains(&name.as_str()));
        filters.map(|(name, value)| [name, "=", value, "&"].concat()).collect()
    }
}

/// What a page token holds.
#[derive(Serialize, Deserialize)]
struct Token {
    filters: String,
    offset: usize,
    issued_at: i64,
}

/// One page of a list.
pub(super) struct Page {
    pub(super) rows: Arc<[Row]>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) next_token: Option<String>,
}

/// How a list names what is not a filter.
pub(super) struct Names {
    pub(super) api: &'static str,
    pub(super) token: &'static str,
    pub(super) page_size: &'static str,
    /// Besides those two, what may differ between the pages of one list.
    pub(super) free: &'static [&'static str],
}

/// The page that the parameters ask for, of the orders in the window that `takes` takes.
pub(super) fn page(
    site: &Site,
    params: &Params,
    names: &Names,
    (by, from, to): (By, i64, i64),
    takes: impl Fn(&Order) -> bool,
) -> Result<Page, Refused> {
    let per_page = match params.get(names.page_size).map(str::parse::<usize>) {
        None => MAX_ROWS,
        Some(Ok(given)) if (1..=MAX_ROWS).contains(&given) => given,
        Some(_) => return Err(bad_request(format!("{} is not from 1 to {MAX_ROWS}", names.page_size))),
    };
    let filters = params.filters(&[&[names.token, names.page_size], names.free].concat());
    let start = match params.get(names.token) {
        None => 0,
        Some(token) => {
            let token = URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|token| serde_json::from_slice::<Token>(&token).ok());
            let token = token.ok_or_else(|| bad_request(format!("{} is not one of ours", names.token)))?;
            if token.filters != filters {
                return Err(bad_request(format!("{} was given for other parameters", names.token)));
            }
            if site.now() - token.issued_at > TOKEN_MS {
                return Err(bad_request(format!("{} has expired", names.token)));
            }
            token.offset
        }
    };
    let rows = site.list(&format!("{}?{filters}", names.api), |world| {
        let mut rows = world.between(by, from, to);
        rows.retain(|&(index, _)| takes(world.order(index)));
        rows
    });
    let start = start.min(rows.len());
    let end = rows.len().min(start + per_page);
    let token = (end < rows.len()).then(|| Token { filters, offset: end, issued_at: site.now() });
    let next_token = token.map(|token| URL_SAFE_NO_PAD.encode(serde_json::json!(token).to_string()));
    Ok(Page { rows, start, end, next_token })
}
