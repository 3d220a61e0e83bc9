//! The channel's settings. Secrets are not among them: requests name them, the host fills them in.
//!
//! ShopClues' own pages are stubs, so every address, name of a field, size and code can be set; the defaults are what
//! public integrations used.

use plugin_api::settings::{Given, StatusChanges};
use serde::Deserialize;

use crate::status::TABLES;

/// The API. Clients use plain http, which would show the token to everybody on the way.
pub(crate) const BASE_URL: &str = "https://developer.shopclues.com/api/v1";
/// The login.
pub(crate) const TOKEN_URL: &str = "https://auth.shopclues.com/loginToken.php";
/// Orders, below `base_url`.
pub(crate) const ORDERS_PATH: &str = "/order";
/// How long a span one list goes over; assumed.
pub(crate) const WINDOW_HOURS: u32 = 24;
/// How much longer ago than a return its order may have been placed; assumed, a month.
pub(crate) const RETURN_LEAD_DAYS: u32 = 30;
/// Where in an order a waybill may stand; `order` is the order itself. Assumed, after CS-Cart's shipments.
pub(crate) const TRACKING_PLACES: &str = "shipments, shipment, order";
/// What a waybill may be called.
pub(crate) const TRACKING_FIELDS: &str = "tracking_number, awbno, awb";
/// What a courier may be called.
pub(crate) const COURIER_FIELDS: &str = "carrier, carrier_name";

/// The setting that says what stands before the token, with its values; the first is the default.
pub(crate) const TOKEN_PREFIX: &[(&str, &str)] = &[("Bearer", "Bearer "), ("none", "")];

/// A channel's settings.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) token_url: String,
    pub(crate) orders_path: String,
    pub(crate) password_is_md5: bool,
    /// What stands before the token, with the blank after it.
    pub(crate) token_prefix: String,
    pub(crate) window_hours: u32,
    pub(crate) return_lead_days: u32,
    pub(crate) tracking_places: Vec<String>,
    pub(crate) tracking_fields: Vec<String>,
    pub(crate) courier_fields: Vec<String>,
    pub(crate) status_changes: StatusChanges,
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        Ok(Settings {
            base_url: given.url("base_url", BASE_URL)?,
            token_url: given.url("token_url", TOKEN_URL)?,
            orders_path: given.path("orders_path", ORDERS_PATH, &[])?.trim_end_matches('/').to_owned(),
            password_is_md5: given.flag("password_is_md5", false)?,
            token_prefix: given.choice("token_prefix", TOKEN_PREFIX)?.to_owned(),
            window_hours: given.integer("window_hours", WINDOW_HOURS, 1..=168)?,
            return_lead_days: given.integer("return_lead_days", RETURN_LEAD_DAYS, 0..=90)?,
            tracking_places: names(&given, "tracking_places", TRACKING_PLACES)?,
            tracking_fields: names(&given, "tracking_fields", TRACKING_FIELDS)?,
            courier_fields: names(&given, "courier_fields", COURIER_FIELDS)?,
            status_changes: given.status_changes("status_table", TABLES)?,
        })
    }
}

/// Names of members, with commas between them.
fn names(given: &Given, name: &str, default: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = given.text(name, default)?.split(',').map(|one| one.trim().to_owned()).collect();
    let is_name = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if names.iter().all(is_name) {
        Ok(names)
    } else {
        Err(format!("`{name}` must be names with commas between them, such as `{default}`"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Settings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_has_to_be_given() {
        let settings = read(json!({})).unwrap();
        assert_eq!(settings.base_url, "https://developer.shopclues.com/api/v1");
        assert_eq!(settings.token_url, "https://auth.shopclues.com/loginToken.php");
        assert_eq!((settings.orders_path.as_str(), settings.token_prefix.as_str()), ("/order", "Bearer "));
        assert_eq!((settings.window_hours, settings.return_lead_days), (24, 30));
        assert!(!settings.password_is_md5);
        assert_eq!(settings.tracking_places, ["shipments", "shipment", "order"]);
        assert_eq!(settings.tracking_fields, ["tracking_number", "awbno", "awb"]);
        assert_eq!(settings.courier_fields, ["carrier", "carrier_name"]);
    }

    #[test]
    fn an_operator_who_knows_better_may_change_everything() {
        let settings = read(json!({
            "base_url": "http://127.0.0.1:80/api/", "token_url": "https://sandbox.shopclues.com/oauth/loginToken.php",
            "orders_path": "/orders/", "token_prefix": "none", "password_is_md5": true, "window_hours": "6",
            "tracking_fields": "waybill",
        }))
        .unwrap();
        assert_eq!(settings.base_url, "http://127.0.0.1:80/api");
        assert_eq!((settings.orders_path.as_str(), settings.token_prefix.as_str()), ("/orders", ""));
        assert!(settings.password_is_md5);
        assert_eq!(settings.tracking_fields, ["waybill"]);
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_name() {
        for (key, value) in [
            ("base_url", json!("http://developer.shopclues.com/api/v1")),
            ("token_url", json!("auth.shopclues.com")),
            ("orders_path", json!("order")),
            ("orders_path", json!("/order?x=1")),
            ("password_is_md5", json!("yes")),
            ("token_prefix", json!("Basic")),
            ("window_hours", json!(0)),
            ("return_lead_days", json!(91)),
            ("tracking_places", json!("shipments,,order")),
            ("tracking_fields", json!([1])),
            ("courier_fields", json!("the carrier")),
            ("status_table", json!({"G": "GONE"})),
        ] {
            let error = read(json!({ key: value })).unwrap_err();
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }
}
