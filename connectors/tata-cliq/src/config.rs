//! The channel's settings: read, checked, named in the error when wrong.
//!
//! Holds no secret. Of the secrets it knows only which are present. What no public page tells (paths, field names, the
//! meaning of a code) is a setting whose default is this project's assumption.

use std::collections::BTreeMap;

use plugin_api::{
    settings::{Given, StatusChanges},
    time::IST_SECS,
};
use serde::Deserialize;

use crate::status::TABLES;

/// Active orders of a seller. Assumed: the by-id address, whose grammar is known, without the order.
pub(crate) const LIST_PATH: &str =
    "/PartnerConnect/PC_{seller_id}/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/";

/// One order, as seen on the pre-production host.
pub(crate) const DETAIL_PATH: &str =
    "/PartnerConnect/PC_{seller_id}/AP_SALES_ORDER/AVT_JSON_SALES_ORDER/AV_2.0/OG_1/ORDID_{order_no}/";

/// Where the zone-less times are meant.
pub(crate) const TIMEZONE: &str = "+05:30";

/// Stands for a login path that was not given.
const NO_PATH: &str = "/";

/// A token's life from its issue: a day, by one that was seen.
pub(crate) const TOKEN_LIFE_SECS: u32 = 86_400;

/// How the marketplace writes its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Json,
    Xml,
}

/// How the channel signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    /// With a token that the operator pastes.
    StaticToken,
    /// With user name and password.
    Login(LoginCall),
}

/// The login call. Its whole form is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginCall {
    pub(crate) path: String,
    /// The form fields of user name and password.
    pub(crate) fields: [String; 2],
    /// The member of the reply that holds the token.
    pub(crate) token_field: String,
    pub(crate) life_secs: u32,
}

/// Names of the order line's members that are not in the public part of the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) awb: String,
    pub(crate) courier: String,
    pub(crate) return_awb: String,
    pub(crate) return_courier: String,
    pub(crate) shipped_at: String,
    pub(crate) delivered_at: String,
}

/// The names and their defaults, as the descriptor shows them.
pub(crate) const NAMES: [(&str, &str); 6] = [
    ("awb", "awbNumber"),
    ("courier", "logisticProviderName"),
    ("return_awb", "returnAWBNum"),
    ("return_courier", "reverseLogisticProviderName"),
    ("shipped_at", "shippingDate"),
    ("delivered_at", "deliveryDate"),
];

/// A channel's settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    /// Base of every URL, without a slash at the end.
    pub(crate) base_url: String,
    /// The seller's number; lines of another seller are not ours.
    pub(crate) seller_id: String,
    pub(crate) wire: Wire,
    pub(crate) auth: Auth,
    pub(crate) list_path: String,
    pub(crate) detail_path: String,
    /// Parameters that the operator adds to the list.
    pub(crate) list_query: BTreeMap<String, String>,
    /// How far ahead of UTC zone-less times are.
    pub(crate) offset_secs: i32,
    pub(crate) names: Names,
    pub(crate) changes: StatusChanges,
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        Ok(Settings {
            base_url: given.required_url("base_url")?,
            seller_id: given.required_id("seller_id")?,
            wire: given.choice("wire", &[("json", Wire::Json), ("xml", Wire::Xml)])?,
            auth: auth(&given)?,
            list_path: given.path("list_path", LIST_PATH, &["seller_id"])?,
            detail_path: detail_path(&given)?,
            list_query: given.table("list_query")?,
            offset_secs: given.utc_offset("timezone", IST_SECS)?,
            names: names(&given)?,
            changes: given.status_changes("status_table", TABLES)?,
        })
    }
}

/// Every setting of the login is looked at, whether it is used or not.
fn auth(given: &Given) -> Result<Auth, String> {
    let call = LoginCall {
        path: given.path("token_path", NO_PATH, &["seller_id"])?,
        fields: [given.text("user_field", "username")?, given.text("password_field", "password")?],
        token_field: given.text("token_field", "access_token")?,
        life_secs: given.integer("token_life_secs", TOKEN_LIFE_SECS, 60..=31_536_000)?,
    };
    if !given.choice("auth_mode", &[("static_token", false), ("login", true)])? {
        Ok(Auth::StaticToken)
    } else if call.path == NO_PATH {
        Err("`token_path` is missing: `auth_mode` is `login`, and no public page tells where it is".into())
    } else {
        Ok(Auth::Login(call))
    }
}

fn detail_path(given: &Given) -> Result<String, String> {
    let path = given.path("detail_path", DETAIL_PATH, &["seller_id", "order_no"])?;
    if path.contains("{order_no}") {
        Ok(path)
    } else {
        Err("`detail_path` must hold {order_no}: it is where one order is asked for".into())
    }
}

fn names(given: &Given) -> Result<Names, String> {
    let mut given = given.table("tracking_fields")?;
    let [awb, courier, return_awb, return_courier, shipped_at, delivered_at] =
        NAMES.map(|(key, default)| given.remove(key).unwrap_or_else(|| default.to_owned()));
    match given.keys().next() {
        None => Ok(Names { awb, courier, return_awb, return_courier, shipped_at, delivered_at }),
        Some(unknown) => {
            let known: Vec<_> = NAMES.iter().map(|(key, _)| format!("`{key}`")).collect();
            Err(format!("`tracking_fields`: `{unknown}` is not one of {}", known.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(mut more: Value) -> Result<Settings, String> {
        let all = more.as_object_mut().unwrap();
        for (key, value) in [("base_url", "https://cliq.example"), ("seller_id", "100001")] {
            all.entry(key).or_insert_with(|| json!(value));
        }
        serde_json::from_value(more).map_err(|error| error.to_string())
    }

    #[test]
    fn base_url_and_seller_are_all_that_must_be_given() {
        let settings = read(json!({"base_url": "https://cliq.example/", "seller_id": 100_001})).unwrap();
        assert_eq!(
            (settings.base_url.as_str(), settings.seller_id.as_str()),
            ("https://cliq.example", "100001")
        );
        assert_eq!((settings.wire, settings.auth), (Wire::Json, Auth::StaticToken));
        assert_eq!((settings.offset_secs, settings.names.awb.as_str()), (19_800, "awbNumber"));
        assert_eq!((settings.list_path.as_str(), settings.detail_path.as_str()), (LIST_PATH, DETAIL_PATH));
    }

    #[test]
    fn each_wrong_setting_is_refused_by_its_name() {
        for (settings, name) in [
            (json!({"base_url": null}), "`base_url`"),
            (json!({"base_url": "http://cliq.example"}), "`base_url`"),
            (json!({"seller_id": ""}), "`seller_id`"),
            (json!({"seller_id": "1/2"}), "`seller_id`"),
            (json!({"wire": "soap"}), "`wire`"),
            (json!({"auth_mode": "magic"}), "`auth_mode`"),
            (json!({"auth_mode": "login"}), "`token_path`"),
            (json!({"token_path": [1]}), "`token_path`"),
            (json!({"user_field": [1]}), "`user_field`"),
            (json!({"list_path": "orders"}), "`list_path`"),
            (json!({"detail_path": "/orders/"}), "`detail_path`"),
            (json!({"detail_path": "/{order}/"}), "`detail_path`"),
            (json!({"list_query": "a=b"}), "`list_query`"),
            (json!({"timezone": "Asia/Kolkata"}), "`timezone`"),
            (json!({"tracking_fields": {"awbs": "x"}}), "`tracking_fields`"),
            (json!({"status_table": {"016": "SENT"}}), "`status_table`"),
            (json!({"auth_mode": "login", "token_path": "/t", "token_life_secs": 1}), "`token_life_secs`"),
        ] {
            let error = read(settings.clone()).unwrap_err();
            assert!(error.contains(name), "{settings}: {error}");
        }
    }

    #[test]
    fn names_of_tracking_members_can_be_changed_one_by_one() {
        let names = read(json!({"tracking_fields": {"awb": "trackingNo"}})).unwrap().names;
        assert_eq!((names.awb.as_str(), names.courier.as_str()), ("trackingNo", "logisticProviderName"));
    }

    #[test]
    fn a_login_has_defaults_for_all_but_its_path() {
        let auth = read(json!({"auth_mode": "login", "token_path": "/token/PC_{seller_id}/"})).unwrap().auth;
        let Auth::Login(call) = auth else { panic!("{auth:?}") };
        assert_eq!(call.fields, ["username", "password"]);
        assert_eq!((call.token_field.as_str(), call.life_secs), ("access_token", 86_400));
    }
}
