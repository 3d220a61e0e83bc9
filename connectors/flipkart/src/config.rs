//! The channel's settings: read, checked, named in the error when wrong.
//!
//! Holds no secret. Of the secrets it knows only which are present, because that decides how to log in.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Flipkart's production host; requests go to `/sellers/…` and `/oauth-service/…` below it.
pub(crate) const BASE_URL: &str = "https://api.flipkart.net";

/// Rows a list page has unless asked otherwise. The guide names this default; no client was seen to ask for more.
pub(crate) const PAGE_SIZE: u32 = 20;

/// The largest `page_size` that is accepted here. Flipkart publishes no maximum.
const MAX_PAGE_SIZE: u64 = 100;

/// The key under which the host passes the names of the secrets that the channel has.
const PRESENT_SECRETS: &str = "_secrets";

/// Whose app the credentials belong to, hence how to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum App {
    /// The seller's own ("self access"): id and secret alone.
    Own,
    /// A partner's ("third party"), authorised by the seller: a refresh token as well.
    Partner,
}

/// A channel's settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub(crate) struct Settings {
    /// Base of every URL, without a slash at the end.
    pub(crate) base_url: String,
    /// Rows asked for in a list page.
    pub(crate) page_size: u32,
    /// Whether goods in Flipkart's own warehouses are reported too.
    pub(crate) include_fbf: bool,
    /// How to log in.
    pub(crate) app: App,
}

impl TryFrom<Map<String, Value>> for Settings {
    type Error = String;

    fn try_from(given: Map<String, Value>) -> Result<Self, String> {
        Ok(Settings {
            base_url: base_url(given.get("base_url"))?,
            page_size: page_size(given.get("page_size"))?,
            include_fbf: flag("include_fbf", given.get("include_fbf"))?,
            app: app(given.get(PRESENT_SECRETS))?,
        })
    }
}

fn base_url(given: Option<&Value>) -> Result<String, String> {
    let text = match given {
        None | Some(Value::Null) => BASE_URL,
        Some(Value::String(text)) => text.trim().trim_end_matches('/'),
        Some(_) => return Err(String::from("`base_url` must be a URL such as https://api.flipkart.net")),
    };
    let rest = match text.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if is_loopback(rest) => rest,
        _ => {
            return Err(String::from(
                "`base_url` must begin with https:// (http:// only for this machine itself)",
            ));
        }
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@');
    if rest.is_empty() || rest.starts_with('/') || rest.contains(odd) {
        return Err(String::from(
            "`base_url` must be scheme, host and perhaps a path, without query or user",
        ));
    }
    Ok(text.to_owned())
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn page_size(given: Option<&Value>) -> Result<u32, String> {
    let number = match given {
        None | Some(Value::Null) => return Ok(PAGE_SIZE),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) => digits.trim().parse().ok(),
        Some(_) => None,
    };
    number
        .filter(|size| (1..=MAX_PAGE_SIZE).contains(size))
        .and_then(|size| u32::try_from(size).ok())
        .ok_or_else(|| format!("`page_size` must be a whole number from 1 to {MAX_PAGE_SIZE}"))
}

fn flag(name: &str, given: Option<&Value>) -> Result<bool, String> {
    match given {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(yes)) => Ok(*yes),
        Some(_) => Err(format!("`{name}` must be true or false")),
    }
}

fn app(given: Option<&Value>) -> Result<App, String> {
    match given {
        Some(Value::Array(names)) if names.iter().any(|name| name == "refresh_token") => Ok(App::Partner),
        None | Some(Value::Null | Value::Array(_)) => Ok(App::Own),
        Some(_) => Err(format!("`{PRESENT_SECRETS}` must be a list of names; the host fills it in")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> std::result::Result<Settings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_given_means_production_and_the_seller_s_own_app() {
        let settings = read(json!({})).unwrap();
        assert_eq!(settings.base_url, "https://api.flipkart.net");
        assert_eq!((settings.page_size, settings.include_fbf, settings.app), (20, false, App::Own));
    }

    #[test]
    fn a_slash_at_the_end_of_the_base_url_does_not_double() {
        assert_eq!(
            read(json!({"base_url": "https://sandbox-api.flipkart.net/"})).unwrap().base_url,
            "https://sandbox-api.flipkart.net"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in ["http://127.0.0.1:9000", "http://localhost:1/fk", "http://[::1]:80"] {
            assert_eq!(read(json!({ "base_url": url })).unwrap().base_url, url);
        }
        for url in ["http://api.flipkart.net", "http://127.0.0.1.example.org", "http://localhost@example.org"]
        {
            assert!(read(json!({ "base_url": url })).unwrap_err().contains("`base_url`"), "{url}");
        }
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_name() {
        for (key, value) in [
            ("base_url", json!("ftp://api.flipkart.net")),
            ("base_url", json!("api.flipkart.net")),
            ("base_url", json!("https://api.flipkart.net?x=1")),
            ("base_url", json!("https://")),
            ("base_url", json!(7)),
            ("page_size", json!(0)),
            ("page_size", json!(101)),
            ("page_size", json!(2.5)),
            ("page_size", json!("many")),
            ("include_fbf", json!("perhaps")),
            ("_secrets", json!("refresh_token")),
        ] {
            let error = read(json!({ key: value })).unwrap_err();
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }

    #[test]
    fn a_refresh_token_makes_it_a_partner_app() {
        let own = read(json!({"_secrets": ["client_id", "client_secret"]})).unwrap();
        let partner = read(json!({"_secrets": ["client_id", "client_secret", "refresh_token"]})).unwrap();
        assert_eq!((own.app, partner.app), (App::Own, App::Partner));
    }

    #[test]
    fn digits_as_text_are_a_page_size() {
        assert_eq!(read(json!({"page_size": "50"})).unwrap().page_size, 50);
    }
}
