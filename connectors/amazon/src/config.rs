//! The channel's settings: read, checked and named in errors. Secrets are never among them; requests refer to those.

use plugin_api::{Error, Result};
use serde::Deserialize;
use serde_json::Value;

/// The host for Europe, to which India belongs (Selling Partner API endpoints, read 2026-09).
pub(crate) const BASE_URL: &str = "https://sellingpartnerapi-eu.amazon.com";
/// Login with Amazon.
pub(crate) const TOKEN_URL: &str = "https://api.amazon.com/auth/o2/token";
/// amazon.in (Marketplace IDs, read 2026-09).
pub(crate) const MARKETPLACE_ID: &str = "A21TJRUUN4KGV";
/// The names by which `orders_api` chooses.
pub(crate) const ORDERS_APIS: &[&str] = &["2026-01-01", "v0"];

/// Settings as they come: anything, so that a wrong one can be refused by its name.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Settings {
    #[serde(default)]
    base_url: Value,
    #[serde(default)]
    token_url: Value,
    #[serde(default)]
    marketplace_id: Value,
    #[serde(default)]
    orders_api: Value,
    #[serde(default)]
    easy_ship: Value,
    #[serde(default)]
    document_url: Value,
}

/// Which of Amazon's two order interfaces is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrdersApi {
    /// Orders 2026-01-01.
    V2026,
    /// Orders v0, which Amazon switches off on 2027-03-27.
    V0,
}

/// Settings that were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Without a slash at its end.
    pub(crate) base_url: String,
    pub(crate) token_url: String,
    pub(crate) marketplace_id: String,
    pub(crate) orders_api: OrdersApi,
    /// Whether the Easy Ship interface may be asked; it needs a restricted role.
    pub(crate) easy_ship: bool,
    /// Where report documents may lie, besides the known hosts.
    pub(crate) document_url: Option<String>,
}

impl Config {
    /// Checks settings.
    ///
    /// # Errors
    /// `config`, naming the setting.
    pub(crate) fn read(settings: &Settings) -> Result<Config> {
        let orders_api = text("orders_api", &settings.orders_api)?;
        Ok(Config {
            base_url: url("base_url", &settings.base_url)?.unwrap_or_else(|| BASE_URL.to_owned()),
            token_url: url("token_url", &settings.token_url)?.unwrap_or_else(|| TOKEN_URL.to_owned()),
            marketplace_id: marketplace(&settings.marketplace_id)?,
            orders_api: match orders_api.as_deref() {
                None | Some("2026-01-01") => OrdersApi::V2026,
                Some("v0") => OrdersApi::V0,
                Some(_) => return Err(Error::config("orders_api: give `2026-01-01` or `v0`")),
            },
            easy_ship: match &settings.easy_ship {
                Value::Null => false,
                Value::Bool(flag) => *flag,
                _ => return Err(Error::config("easy_ship: give true or false")),
            },
            document_url: url("document_url", &settings.document_url)?,
        })
    }
}

/// A text; an absent one is none, a number is taken as its digits.
fn text(name: &str, value: &Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
        Value::String(_) => Err(Error::config(format!("{name}: it is empty; leave it out for the default"))),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(Error::config(format!("{name}: give a text"))),
    }
}

/// An absolute URL without query, its closing slashes cut off.
fn url(name: &str, value: &Value) -> Result<Option<String>> {
    let Some(text) = text(name, value)? else { return Ok(None) };
    let is_web = host(&text).is_some();
    if !is_web || text.contains(|c: char| c.is_whitespace() || c == '?' || c == '#') {
        return Err(Error::config(format!("{name}: give a URL such as `https://host`, without a query")));
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

fn marketplace(value: &Value) -> Result<String> {
    let Some(id) = text("marketplace_id", value)? else { return Ok(MARKETPLACE_ID.to_owned()) };
    if id.chars().all(|c| c.is_ascii_alphanumeric()) {
        Ok(id)
    } else {
        Err(Error::config(format!("marketplace_id: give letters and digits, such as `{MARKETPLACE_ID}`")))
    }
}

/// The host of a web URL, without port, in lower case; `None` if it is no web URL.
pub(crate) fn host(url: &str) -> Option<String> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        Some((v6, _)) => v6,
        None => authority.split(':').next().unwrap_or_default(),
    };
    // A user name before the host would make it look like another one.
    (!host.is_empty() && !authority.contains('@')).then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use plugin_api::ErrorKind;
    use serde_json::json;

    use super::*;

    fn read(settings: Value) -> Result<Config> {
        Config::read(&serde_json::from_value(settings).unwrap())
    }

    #[test]
    fn nothing_given_is_amazon_in_with_the_new_interface() {
        let config = read(json!({})).unwrap();
        assert_eq!(config.base_url, "https://sellingpartnerapi-eu.amazon.com");
        assert_eq!(config.token_url, "https://api.amazon.com/auth/o2/token");
        assert_eq!(config.marketplace_id, "A21TJRUUN4KGV");
        assert_eq!(config.orders_api, OrdersApi::V2026);
        assert!(!config.easy_ship);
        assert_eq!(config.document_url, None);
    }

    #[test]
    fn what_is_given_is_kept() {
        let config = read(json!({
            "base_url": "http://127.0.0.1:8080/", "orders_api": "v0", "easy_ship": true,
            "document_url": "https://documents.example", "marketplace_id": 42
        }))
        .unwrap();
        assert_eq!(config.base_url, "http://127.0.0.1:8080");
        assert_eq!(config.orders_api, OrdersApi::V0);
        assert!(config.easy_ship);
        assert_eq!(config.document_url.as_deref(), Some("https://documents.example"));
        assert_eq!(config.marketplace_id, "42");
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        for (name, value) in [
            ("base_url", json!("")),
            ("base_url", json!("ftp://amazon.com")),
            ("base_url", json!("https://amazon.com/?a=b")),
            ("base_url", json!("https://user@amazon.com")),
            ("token_url", json!(["https://api.amazon.com"])),
            ("marketplace_id", json!("A21/..")),
            ("orders_api", json!("v1")),
            ("easy_ship", json!("yes")),
            ("document_url", json!("documents.example")),
        ] {
            let error = read(json!({ name: value })).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Config, "{name}");
            assert!(error.message.starts_with(name), "{name}: {}", error.message);
        }
    }

    #[test]
    fn a_host_is_read_without_port_and_path() {
        assert_eq!(host("https://S3.example/a?b"), Some("s3.example".to_owned()));
        assert_eq!(host("http://[::1]:80/a"), Some("::1".to_owned()));
        for text in ["", "https://", "s3.example", "https://a@b/", "file:///etc"] {
            assert_eq!(host(text), None, "{text}");
        }
    }
}
