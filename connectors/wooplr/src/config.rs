//! The channel's settings: read, checked, named in the error when wrong. Holds no secret.
//!
//! Since no contract was published, every part of it can be set; the defaults are the assumed contract.

use plugin_api::settings::{Given, StatusChanges};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    status::TABLES,
    wire::{FieldNames, JsonPath},
};

/// The list of a seller's orders. Assumed after the style of the paths that are known.
pub(crate) const LIST_PATH: &str = "/shop/rest/v2/ecommorder/search";

/// One order by its sub-order id. Assumed, as the list.
pub(crate) const DETAIL_PATH: &str = "/shop/rest/v2/ecommorder/id/{subOrderId}";

/// The filter of the list: its member names are those of Wooplr's own list filter.
pub(crate) const LIST_BODY: &str = r#"{"storeId": <store_id>, "status": [], "sort": {"sortField": "orderUpdateDate", "sortOrder": "DESC"}, "pageNumber": <n>, "count": <size>}"#;

/// Rows of a page. Assumed.
pub(crate) const PAGE_SIZE: u32 = 50;

/// The header that carries the secret.
pub(crate) const AUTH_HEADER: &str = "Authorization";

/// The field that tells when an order last changed.
pub(crate) const UPDATED_FIELD: &str = "orderUpdateDate";

/// An HTTP method that reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// The unit of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    /// Milliseconds since 1970; numbers below 10¹¹ are taken as seconds all the same.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
}

/// A channel's settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    /// Base of every URL, without a slash at the end.
    pub(crate) base_url: String,
    /// The seller's store.
    pub(crate) store_id: String,
    pub(crate) list_method: Method,
    pub(crate) list_path: String,
    /// The list's filter with `<store_id>`, `<n>` and `<size>` to be filled in.
    pub(crate) list_body: String,
    pub(crate) detail_method: Method,
    pub(crate) detail_path: String,
    /// Where a list has its rows, and how many there are in all.
    pub(crate) items_path: JsonPath,
    pub(crate) total_path: JsonPath,
    /// The number of the first page.
    pub(crate) page_start: u32,
    pub(crate) page_size: u32,
    pub(crate) auth_header: String,
    pub(crate) updated_field: String,
    pub(crate) names: FieldNames,
    pub(crate) time_unit: TimeUnit,
    /// The operator's changes to the status tables.
    pub(crate) statuses: StatusChanges,
}

impl Settings {
    /// The list's filter for a page.
    ///
    /// # Errors
    /// If what comes out is no JSON object.
    pub(crate) fn filter(&self, page: u32) -> Result<Value, String> {
        filter(&self.list_body, &self.store_id, page, self.page_size)
    }
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        let settings = Settings {
            base_url: given.required_url("base_url")?,
            store_id: given.required_text("store_id")?,
            list_method: given.choice("list_method", &[("POST", Method::Post), ("GET", Method::Get)])?,
            list_path: given.path("list_path", LIST_PATH, &[])?,
            list_body: given.text("list_body", LIST_BODY)?,
            detail_method: given.choice("detail_method", &[("GET", Method::Get), ("POST", Method::Post)])?,
            detail_path: given.path("detail_path", DETAIL_PATH, &["subOrderId"])?,
            items_path: JsonPath::read(&given.text("items_path", "orders")?),
            total_path: JsonPath::read(&given.text("total_path", "totalCount")?),
            page_start: given.integer("page_start", 1, 0..=1)?,
            page_size: given.integer("page_size", PAGE_SIZE, 1..=1_000)?,
            auth_header: header(given.text("auth_header", AUTH_HEADER)?)?,
            updated_field: given.text("updated_field", UPDATED_FIELD)?,
            names: FieldNames::with(&given.table("field_aliases")?)?,
            time_unit: given
                .choice("time_unit", &[("ms", TimeUnit::Milliseconds), ("s", TimeUnit::Seconds)])?,
            statuses: given.status_changes("status_table", TABLES)?,
        };
        if !settings.detail_path.contains("{subOrderId}") {
            return Err("`detail_path` must hold {subOrderId}".to_owned());
        }
        settings.filter(settings.page_start)?;
        Ok(settings)
    }
}

fn filter(body: &str, store_id: &str, page: u32, size: u32) -> Result<Value, String> {
    // A store id of digits is a number there; written out it cannot be anything but a JSON value.
    let is_number = store_id.bytes().all(|byte| byte.is_ascii_digit()) && !store_id.starts_with('0');
    let store = if is_number { store_id.to_owned() } else { Value::from(store_id).to_string() };
    let text = body.replace("<n>", &page.to_string()).replace("<size>", &size.to_string());
    let filter: Value = serde_json::from_str(&text.replace("<store_id>", &store)).map_err(|_| {
        "`list_body` must be a JSON object in which <store_id>, <n> and <size> are filled in".to_owned()
    })?;
    if filter.is_object() && body.contains("<n>") {
        Ok(filter)
    } else {
        Err("`list_body` must be a JSON object that holds the page number <n>".to_owned())
    }
}

fn header(name: String) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.bytes().all(fits) {
        Ok(name)
    } else {
        Err("`auth_header` must be letters, digits, `-` and `_` only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<Settings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    fn with(key: &str, value: Value) -> Result<Settings, String> {
        let mut given = json!({"base_url": "https://wooplr.example", "store_id": "77"});
        given[key] = value;
        read(given)
    }

    #[test]
    fn two_settings_are_enough_for_the_assumed_contract() {
        let settings = with("store_id", json!(77)).unwrap();
        assert_eq!((settings.list_method, settings.detail_method), (Method::Post, Method::Get));
        assert_eq!(
            (settings.page_start, settings.page_size, settings.auth_header.as_str()),
            (1, 50, "Authorization")
        );
        assert_eq!(
            settings.filter(3).unwrap(),
            json!({"storeId": 77, "status": [], "sort": {"sortField": "orderUpdateDate", "sortOrder": "DESC"},
                   "pageNumber": 3, "count": 50})
        );
    }

    #[test]
    fn a_store_id_that_is_no_number_is_a_text() {
        for id in ["S-77", "077", "7\", \"x\": \"y"] {
            assert_eq!(with("store_id", json!(id)).unwrap().filter(1).unwrap()["storeId"], json!(id));
        }
    }

    #[test]
    fn base_and_store_are_needed() {
        assert!(read(json!({"store_id": "77"})).unwrap_err().contains("`base_url` is missing"));
        let error = read(json!({"base_url": "https://wooplr.example"})).unwrap_err();
        assert!(error.contains("`store_id` is missing"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_name() {
        for (key, value) in [
            ("base_url", json!("http://wooplr.example")),
            ("list_method", json!("PUT")),
            ("list_path", json!("shop")),
            ("list_body", json!("[]")),
            ("list_body", json!("{\"pageNumber\": <n>")),
            ("list_body", json!("{\"storeId\": <store_id>}")),
            ("detail_method", json!("post")),
            ("detail_path", json!("/orders/{id}")),
            ("detail_path", json!("/orders")),
            ("page_start", json!(2)),
            ("page_size", json!(0)),
            ("auth_header", json!("Authorization: x")),
            ("field_aliases", json!({"customerName": "name"})),
            ("field_aliases", json!("none")),
            ("time_unit", json!("minutes")),
            ("status_table", json!({"SHIPPED": "SENT"})),
        ] {
            let error = with(key, value.clone()).unwrap_err();
            assert!(error.contains(&format!("`{key}`")), "{key} = {value}: {error}");
        }
    }
}
