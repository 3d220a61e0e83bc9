//! The channel's settings: read, checked, named in the error when wrong.
//!
//! Holds no secret. No seller API of Voonik was ever published, so every address, parameter and name is a setting whose
//! default is this project's assumption.

use std::collections::BTreeMap;

use plugin_api::{
    settings::{Given, StatusChanges},
    time::IST_SECS,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::status::{OWN, STATE, TEXT};

/// The seller's orders. Assumed: the by-id address, which was seen, as Rails would list it.
pub(crate) const LIST_PATH: &str = "/oms/vendor_orders.json";
/// One order, as seen in a call between Voonik's own services.
pub(crate) const DETAIL_PATH: &str = "/oms/vendor_orders/vendor_order.json";
/// The member that holds the rows of a list.
pub(crate) const ITEMS_PATH: &str = "vendor_orders";
/// Rows a list page has unless asked otherwise: as the sister warehouse service has it.
pub(crate) const PAGE_SIZE: u32 = 30;
/// Where times without an offset are meant.
pub(crate) const TIMEZONE: &str = "+05:30";

/// The list's parameters by default. The two about pages were seen on the warehouse service, the others are assumed.
pub(crate) const LIST_QUERY: [(&str, &str); 5] = [
    ("seller_id", "{seller_id}"),
    ("updated_after", "{since}"),
    ("updated_before", "{until}"),
    ("page", "{page}"),
    ("per_page", "{size}"),
];
const FILLS: [&str; 5] = ["{seller_id}", "{since}", "{until}", "{page}", "{size}"];

/// How the channel signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// User name and key, as HTTP Basic.
    Basic,
    /// The key in a header of this name.
    Header(String),
    /// The key in a query parameter of this name.
    Query(String),
}

#[derive(Clone, Copy)]
enum Mode {
    Basic,
    Header,
    Query,
}

/// A channel's settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    /// Base of every URL, without a slash at the end.
    pub(crate) base_url: String,
    pub(crate) seller_id: String,
    pub(crate) auth: Auth,
    pub(crate) extra_headers: BTreeMap<String, String>,
    pub(crate) list_path: String,
    /// Parameter to value, with what is to be filled in in braces.
    pub(crate) list_query: BTreeMap<String, String>,
    /// The way to a list's rows, member by member.
    pub(crate) items_path: Vec<String>,
    pub(crate) detail_path: String,
    pub(crate) page_start: u32,
    pub(crate) page_size: u32,
    /// Whether orders are only asked for by number, for a list that cannot be narrowed by time.
    pub(crate) poll_open_orders: bool,
    /// How far ahead of UTC times without an offset are.
    pub(crate) offset_secs: i32,
    /// Provider id to courier name.
    pub(crate) couriers: BTreeMap<String, String>,
    /// The marketplace's name of a member to the one that is read here.
    pub(crate) aliases: BTreeMap<String, String>,
    /// The operator's changes to the states.
    pub(crate) states: StatusChanges,
    /// The operator's meanings of texts, which are in lower case here.
    pub(crate) texts: StatusChanges,
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        Ok(Settings {
            base_url: given.required_url("base_url")?,
            seller_id: given.required_id("seller_id")?,
            auth: auth(&given)?,
            extra_headers: extra_headers(&given)?,
            list_path: given.path("list_path", LIST_PATH, &[])?,
            list_query: list_query(&given)?,
            items_path: items_path(&given)?,
            detail_path: given.path("detail_path", DETAIL_PATH, &[])?,
            page_start: given.integer("page_start", 1, 0..=1)?,
            page_size: given.integer("page_size", PAGE_SIZE, 1..=500)?,
            poll_open_orders: given.flag("poll_open_orders", false)?,
            offset_secs: given.utc_offset("timezone", IST_SECS)?,
            couriers: given.table("couriers")?,
            aliases: aliases(&given)?,
            states: given.status_changes("status_table", OWN)?,
            texts: texts(&given)?,
        })
    }
}

fn auth(given: &Given) -> Result<Auth, String> {
    let mode = given
        .choice("auth_mode", &[("basic", Mode::Basic), ("header", Mode::Header), ("query", Mode::Query)])?;
    let name = given.optional_text("auth_name")?;
    let named = |what: &str| {
        name.clone().ok_or_else(|| format!("`auth_name` is missing: the {what} that carries the key"))
    };
    Ok(match mode {
        Mode::Basic => Auth::Basic,
        Mode::Header => Auth::Header(header_name("auth_name", named("header")?)?),
        Mode::Query => Auth::Query(named("query parameter")?),
    })
}

fn extra_headers(given: &Given) -> Result<BTreeMap<String, String>, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in given.table("extra_headers")? {
        if value.chars().any(char::is_control) {
            return Err(format!("`extra_headers`: `{name}` must be a text of one line"));
        }
        headers.insert(header_name("extra_headers", name)?, value);
    }
    Ok(headers)
}

fn header_name(setting: &str, name: String) -> Result<String, String> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !name.is_empty() {
        Ok(name)
    } else {
        Err(format!("`{setting}`: a header's name has letters, digits and `-` only"))
    }
}

/// The defaults with the operator's changes; an empty value takes a parameter away.
fn list_query(given: &Given) -> Result<BTreeMap<String, String>, String> {
    let mut query: BTreeMap<String, String> =
        LIST_QUERY.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    query.extend(given.table("list_query")?);
    query.retain(|_, value| !value.is_empty());
    for (name, value) in &query {
        let rest = FILLS.iter().fold(value.clone(), |value, fill| value.replace(fill, ""));
        if rest.contains(['{', '}']) {
            return Err(format!("`list_query`: `{name}` may hold {} and no other braces", FILLS.join(", ")));
        }
    }
    Ok(query)
}

fn items_path(given: &Given) -> Result<Vec<String>, String> {
    let path = given.text("items_path", ITEMS_PATH)?;
    let members: Vec<_> = path.split('.').map(str::to_owned).collect();
    if members.iter().any(String::is_empty) {
        return Err(
            "`items_path` must be the names of members with dots between, such as data.vendor_orders".into(),
        );
    }
    Ok(members)
}

/// Turned around: the operator gives our name first, answers are read by theirs.
fn aliases(given: &Given) -> Result<BTreeMap<String, String>, String> {
    let mut aliases = BTreeMap::new();
    for (ours, theirs) in given.table("field_aliases")? {
        if theirs.is_empty() {
            return Err(format!("`field_aliases`: `{ours}` has no name"));
        }
        if aliases.insert(theirs.clone(), ours).is_some() {
            return Err(format!("`field_aliases`: `{theirs}` stands twice"));
        }
    }
    Ok(aliases)
}

/// The same table once more with its keys in lower case: texts are compared without case, states as they are.
fn texts(given: &Given) -> Result<StatusChanges, String> {
    let lower: Map<String, Value> = given
        .table("status_table")?
        .into_iter()
        .map(|(key, value)| (key.to_lowercase(), Value::String(value)))
        .collect();
    let table = Map::from_iter([("status_table".to_owned(), Value::Object(lower))]);
    Given::from(table).status_changes("status_table", &[&TEXT, &STATE])
}

#[cfg(test)]
mod tests {
    use plugin_api::{Meaning, Status};
    use serde_json::json;

    use super::*;

    fn read(mut more: Value) -> Result<Settings, String> {
        let all = more.as_object_mut().unwrap();
        for (key, value) in [("base_url", json!("https://voonik.example")), ("seller_id", json!(42))] {
            all.entry(key).or_insert(value);
        }
        serde_json::from_value(more).map_err(|error| error.to_string())
    }

    #[test]
    fn base_url_and_seller_are_all_that_must_be_given() {
        let settings = read(json!({})).unwrap();
        assert_eq!((settings.seller_id.as_str(), settings.auth.clone()), ("42", Auth::Basic));
        assert_eq!((settings.page_start, settings.page_size, settings.offset_secs), (1, 30, 19_800));
        assert_eq!(settings.list_query["updated_after"], "{since}");
        assert_eq!(settings.items_path, ["vendor_orders"]);
    }

    #[test]
    fn each_wrong_setting_is_refused_by_its_name() {
        for (settings, name) in [
            (json!({"base_url": null}), "`base_url`"),
            (json!({"seller_id": ""}), "`seller_id`"),
            (json!({"auth_mode": "oauth"}), "`auth_mode`"),
            (json!({"auth_mode": "header"}), "`auth_name`"),
            (json!({"auth_mode": "query"}), "`auth_name`"),
            (json!({"auth_mode": "header", "auth_name": "X Key"}), "`auth_name`"),
            (json!({"extra_headers": {"X:Y": "1"}}), "`extra_headers`"),
            (json!({"extra_headers": {"X-Y": "1\r\nZ: 2"}}), "`extra_headers`"),
            (json!({"list_query": {"from": "{yesterday}"}}), "`list_query`"),
            (json!({"items_path": "a..b"}), "`items_path`"),
            (json!({"page_start": 2}), "`page_start`"),
            (json!({"page_size": 0}), "`page_size`"),
            (json!({"poll_open_orders": "yes"}), "`poll_open_orders`"),
            (json!({"timezone": "Asia/Dhaka"}), "`timezone`"),
            (json!({"couriers": ["a"]}), "`couriers`"),
            (json!({"field_aliases": {"state": ""}}), "`field_aliases`"),
            (json!({"field_aliases": {"state": "x", "sku": "x"}}), "`field_aliases`"),
            (json!({"status_table": {"300": "SENT"}}), "`status_table`"),
            (json!({"detail_path": "vendor_order.json"}), "`detail_path`"),
        ] {
            let error = read(settings.clone()).unwrap_err();
            assert!(error.contains(name), "{settings}: {error}");
        }
    }

    #[test]
    fn an_empty_parameter_is_taken_away_and_others_stay() {
        let query = read(json!({"list_query": {"updated_after": "", "status": "all"}})).unwrap().list_query;
        assert!(!query.contains_key("updated_after"));
        assert_eq!((query["status"].as_str(), query["page"].as_str()), ("all", "{page}"));
    }

    #[test]
    fn texts_have_no_case_and_states_are_states() {
        let settings =
            read(json!({"status_table": {"Handed Over": "DISPATCHED", "300": "DISPATCHED"}})).unwrap();
        assert_eq!(settings.texts.meaning(&TEXT, "handed over"), Meaning::Is(Status::Dispatched));
        assert_eq!(settings.states.meaning(&STATE, "300"), Meaning::Is(Status::Dispatched));
        assert_eq!(settings.states.meaning(&STATE, "301"), Meaning::Unmapped);
    }
}
