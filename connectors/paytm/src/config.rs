//! The channel's settings. Secrets are not among them: requests name them, the host fills them in.
//!
//! No official paper of Paytm's is public, so every host, path, size and code can be set; the defaults are what public
//! integrations used from 2014 to 2021.

use plugin_api::settings::{Given, StatusChanges};
use serde::Deserialize;

use crate::status::TABLES;

/// Orders and fulfilments.
pub(crate) const BASE_URL: &str = "https://fulfillment.paytm.com";
/// The login ("persona").
pub(crate) const LOGIN_URL: &str = "https://persona.paytm.com";
/// Rows of a list; integrators use it and treat it as the cap.
pub(crate) const PAGE_SIZE: u32 = 500;
/// What a long-running integrator lists at once.
pub(crate) const WINDOW_MINUTES: u32 = 60;
/// How much longer ago than a return its order may have been placed; assumed, a month.
pub(crate) const RETURN_LEAD_DAYS: u32 = 30;

/// How many days of placement one list of returns goes over: they are few, and a list that is full is halved. Assumed.
pub(crate) const RETURN_WINDOW_DAYS: u32 = 7;

/// Path settings: name, default, what it leads to.
pub(crate) const PATHS: &[(&str, &str, &str)] = &[
    ("authorize_path", "/oauth2/authorize", "Below `login_url`: exchanges the seller's login for a code."),
    ("token_path", "/oauth2/token", "Below `login_url`: exchanges the code for a token."),
    ("session_path", "/authorize", "Opens the session of a token."),
    ("orders_path", "/v1/merchant/{merchant_id}/orders.json", "Orders, by time of placement or by id."),
    ("fulfilments_path", "/v1/merchant/{merchant_id}/fulfillments.json", "Shipments with their waybills."),
    ("shippers_path", "/v1/merchant/{merchant_id}/shippers", "Names of couriers."),
];

/// What the login needs, not all of it in its first step.
pub(crate) const SECRETS: &[&str] = &["username", "password", "client_id", "client_secret"];

/// A channel's settings.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    pub(crate) authorize_url: String,
    pub(crate) token_url: String,
    pub(crate) session_url: String,
    pub(crate) orders_url: String,
    pub(crate) fulfilments_url: String,
    pub(crate) shippers_url: String,
    pub(crate) page_size: u32,
    pub(crate) window_minutes: u32,
    pub(crate) return_lead_days: u32,
    pub(crate) return_window_days: u32,
    pub(crate) status_changes: StatusChanges,
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        given.required_secrets(SECRETS)?;
        let base_url = given.url("base_url", BASE_URL)?;
        let login_url = given.url("login_url", LOGIN_URL)?;
        let merchant_id = given.required_id("merchant_id")?;
        let at = |base: &str, name: &str| {
            let default =
                PATHS.iter().find(|(path, ..)| *path == name).map_or("/", |(_, default, _)| default);
            let path = given.path(name, default, &["merchant_id"])?;
            Ok::<_, String>(format!("{base}{}", path.replace("{merchant_id}", &merchant_id)))
        };
        Ok(Settings {
            authorize_url: at(&login_url, "authorize_path")?,
            token_url: at(&login_url, "token_path")?,
            session_url: at(&base_url, "session_path")?,
            orders_url: at(&base_url, "orders_path")?,
            fulfilments_url: at(&base_url, "fulfilments_path")?,
            shippers_url: at(&base_url, "shippers_path")?,
            page_size: given.integer("page_size", PAGE_SIZE, 1..=PAGE_SIZE)?,
            window_minutes: given.integer("window_minutes", WINDOW_MINUTES, 1..=1440)?,
            return_lead_days: given.integer("return_lead_days", RETURN_LEAD_DAYS, 0..=90)?,
            return_window_days: given.integer("return_window_days", RETURN_WINDOW_DAYS, 1..=90)?,
            status_changes: given.status_changes("status_table", TABLES)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(mut value: Value) -> Result<Settings, String> {
        if value.get("merchant_id").is_none() {
            value["merchant_id"] = json!("111111");
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn the_merchant_s_number_is_enough() {
        let settings = read(json!({"merchant_id": 111_111})).unwrap();
        assert_eq!(settings.authorize_url, "https://persona.paytm.com/oauth2/authorize");
        assert_eq!(settings.token_url, "https://persona.paytm.com/oauth2/token");
        assert_eq!(settings.session_url, "https://fulfillment.paytm.com/authorize");
        assert_eq!(settings.orders_url, "https://fulfillment.paytm.com/v1/merchant/111111/orders.json");
        assert_eq!(
            settings.fulfilments_url,
            "https://fulfillment.paytm.com/v1/merchant/111111/fulfillments.json"
        );
        assert_eq!(settings.shippers_url, "https://fulfillment.paytm.com/v1/merchant/111111/shippers");
        assert_eq!((settings.page_size, settings.window_minutes, settings.return_lead_days), (500, 60, 30));
    }

    #[test]
    fn an_operator_who_knows_better_may_move_everything() {
        let settings = read(json!({
            "base_url": "https://fulfillment-staging.paytm.com/", "login_url": "http://127.0.0.1:8080",
            "orders_path": "/v2/{merchant_id}/orders", "page_size": "100", "window_minutes": 30,
        }))
        .unwrap();
        assert_eq!(settings.orders_url, "https://fulfillment-staging.paytm.com/v2/111111/orders");
        assert_eq!(settings.authorize_url, "http://127.0.0.1:8080/oauth2/authorize");
        assert_eq!((settings.page_size, settings.window_minutes), (100, 30));
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_name() {
        for (key, value) in [
            ("base_url", json!("ftp://fulfillment.paytm.com")),
            ("login_url", json!("http://persona.paytm.com")),
            ("merchant_id", json!("")),
            ("merchant_id", json!("../1")),
            ("orders_path", json!("orders.json")),
            ("orders_path", json!("/v1/{seller}/orders.json")),
            ("fulfilments_path", json!("/v1/../fulfillments.json")),
            ("page_size", json!(0)),
            ("page_size", json!(501)),
            ("window_minutes", json!(0)),
            ("return_lead_days", json!(91)),
            ("return_window_days", json!(0)),
            ("status_table", json!({"15": "SENT"})),
            ("_secrets", json!("username")),
        ] {
            let error = read(json!({ key: value })).unwrap_err();
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }
}
