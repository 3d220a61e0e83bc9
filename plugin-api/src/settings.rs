//! Reads a channel's settings one by one, so that a wrong one is refused by its name.
//!
//! ```
//! use plugin_api::settings::Given;
//!
//! #[derive(Debug, serde::Deserialize)]
//! #[serde(try_from = "Given")]
//! struct Settings { base_url: String, page_size: u32 }
//!
//! impl TryFrom<Given> for Settings {
//!     type Error = String;
//!     fn try_from(given: Given) -> Result<Self, String> {
//!         Ok(Settings {
//!             base_url: given.url("base_url", "https://api.example.com")?,
//!             page_size: given.integer("page_size", 50, 1..=100)?,
//!         })
//!     }
//! }
//!
//! let wrong = serde_json::from_value::<Settings>(serde_json::json!({"page_size": 0})).unwrap_err();
//! assert_eq!(wrong.to_string(), "`page_size` must be a whole number from 1 to 100");
//! ```
//!
//! Holds no secret: a connector learns only which secrets are present. Does not know the descriptor: defaults are given
//! twice, there for people and here for the code, and the family suite holds the two together.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Meaning, Status, StatusTable, time::IST_SECS};

/// The key under which the host passes the names of the secrets that the channel has.
const PRESENT_SECRETS: &str = "_secrets";

/// Settings as they were given. Null counts as absent; text is trimmed, and empty text counts as absent too.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Given(Map<String, Value>);

impl Given {
    /// A text or the digits of a number; `None` if absent.
    ///
    /// # Errors
    /// If it is something else.
    pub fn optional_text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("`{name}` must be a text")),
        }
    }

    /// A text, or the default.
    ///
    /// # Errors
    /// If it is something else.
    pub fn text(&self, name: &str, default: &str) -> Result<String, String> {
        Ok(self.optional_text(name)?.unwrap_or_else(|| default.to_owned()))
    }

    /// A text that must be given.
    ///
    /// # Errors
    /// If it is absent or something else.
    pub fn required_text(&self, name: &str) -> Result<String, String> {
        self.optional_text(name)?.ok_or_else(|| format!("`{name}` is missing"))
    }

    /// An id for use in a path: letters, digits, `-`, `_` and `.`, and not dots alone.
    ///
    /// # Errors
    /// If it is absent or has other characters.
    pub fn required_id(&self, name: &str) -> Result<String, String> {
        let id = self.required_text(name)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if id.chars().all(fits) && id.chars().any(|c| c != '.') {
            Ok(id)
        } else {
            Err(format!("`{name}` must be letters, digits, `-`, `_` and `.` only"))
        }
    }

    /// The base of URLs, without a slash at its end, or the default. See [`required_url`](Self::required_url).
    ///
    /// # Errors
    /// If it is no such URL.
    pub fn url(&self, name: &str, default: &str) -> Result<String, String> {
        match self.get(name) {
            None => Ok(default.to_owned()),
            Some(given) => url(name, given),
        }
    }

    /// The base of URLs, without a slash at its end: `https://`, or `http://` for this machine itself; no user, no
    /// query.
    ///
    /// # Errors
    /// If it is absent or no such URL.
    pub fn required_url(&self, name: &str) -> Result<String, String> {
        self.get(name).map_or_else(|| Err(format!("`{name}` is missing")), |given| url(name, given))
    }

    /// A path below the base: begins with `/`, without query and `..`; or the default. `{…}` marks what is filled in.
    ///
    /// # Errors
    /// If it is no such path, or names something in braces that is not in `fills`.
    pub fn path(&self, name: &str, default: &str, fills: &[&str]) -> Result<String, String> {
        let path = self.text(name, default)?;
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\');
        if !path.starts_with('/') || path.starts_with("//") || path.contains(odd) {
            return Err(format!("`{name}` must be a path that begins with one `/`, without query"));
        }
        if path.split('/').any(|part| part == "..") {
            return Err(format!("`{name}` must not lead upwards with `..`"));
        }
        let mut rest = path.as_str();
        while let Some((_, after)) = rest.split_once('{') {
            let Some((fill, after)) = after.split_once('}').filter(|(fill, _)| fills.contains(fill)) else {
                let known: Vec<_> = fills.iter().map(|fill| format!("{{{fill}}}")).collect();
                return Err(format!("`{name}` may hold {} in braces and nothing else", known.join(", ")));
            };
            debug_assert!(!fill.is_empty());
            rest = after;
        }
        Ok(path)
    }

    /// A whole number in a range, also as digits in a text; or the default.
    ///
    /// # Errors
    /// If it is none or outside the range.
    pub fn integer(&self, name: &str, default: u32, range: RangeInclusive<u32>) -> Result<u32, String> {
        let number = match self.get(name) {
            None => return Ok(default),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(digits)) => digits.trim().parse().ok(),
            Some(_) => None,
        };
        number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!("`{name}` must be a whole number from {} to {}", range.start(), range.end())
            })
    }

    /// How far ahead of UTC a place is, in seconds: `IST`, `UTC` or an offset such as `+05:30`; or the default.
    ///
    /// # Errors
    /// If it is something else, the name of a region among it.
    pub fn utc_offset(&self, name: &str, default_secs: i32) -> Result<i32, String> {
        let Some(text) = self.optional_text(name)? else { return Ok(default_secs) };
        offset_secs(&text).ok_or_else(|| format!("`{name}` must be IST, UTC or an offset such as +05:30"))
    }

    /// Yes or no, or the default.
    ///
    /// # Errors
    /// If it is neither.
    pub fn flag(&self, name: &str, default: bool) -> Result<bool, String> {
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(format!("`{name}` must be true or false")),
        }
    }

    /// One of some texts; the first is the default.
    ///
    /// # Errors
    /// If it is none of them.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, String> {
        let given = self.optional_text(name)?;
        let found = match &given {
            None => choices.first(),
            Some(text) => choices.iter().find(|(choice, _)| choice == text),
        };
        found.map(|(_, value)| *value).ok_or_else(|| {
            let all: Vec<_> = choices.iter().map(|(choice, _)| format!("`{choice}`")).collect();
            format!("`{name}` must be {}", all.join(" or "))
        })
    }

    /// A table of texts; numbers are taken as their digits.
    ///
    /// # Errors
    /// If it is no table, or holds something else.
    pub fn table(&self, name: &str) -> Result<BTreeMap<String, String>, String> {
        let rows = match self.get(name) {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(rows)) => rows,
            Some(_) => return Err(format!("`{name}` must be a table")),
        };
        rows.iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key.clone(), text.trim().to_owned())),
                Value::Number(number) => Ok((key.clone(), number.to_string())),
                _ => Err(format!("`{name}`: `{key}` must be a text")),
            })
            .collect()
    }

    /// The operator's changes to the connector's status tables. See [`StatusChanges`].
    ///
    /// # Errors
    /// If a value is neither a status nor `NO_CHANGE`.
    pub fn status_changes(&self, name: &str, tables: &[&StatusTable]) -> Result<StatusChanges, String> {
        let mut changes = BTreeMap::new();
        for (key, value) in self.table(name)? {
            let meaning = match (value.as_str(), Status::parse(&value)) {
                (_, Some(status)) => Meaning::Is(status),
                ("NO_CHANGE", None) => Meaning::NoChange,
                _ => {
                    return Err(format!(
                        "`{name}`: `{key}` must be a status such as DISPATCHED, or NO_CHANGE; `{value}` is neither"
                    ));
                }
            };
            let named = key
                .split_once(':')
                .filter(|(vocabulary, _)| tables.iter().any(|table| table.vocabulary() == *vocabulary));
            let first = tables.first().map_or("", |table| table.vocabulary());
            let (vocabulary, raw) = named.unwrap_or((first, &key));
            changes.insert((vocabulary.to_owned(), raw.to_owned()), meaning);
        }
        Ok(StatusChanges { changes })
    }

    /// Whether the channel has the secret of this name.
    ///
    /// # Errors
    /// If the host's list of names is none.
    pub fn has_secret(&self, secret: &str) -> Result<bool, String> {
        match self.get(PRESENT_SECRETS) {
            None => Ok(false),
            Some(Value::Array(names)) => Ok(names.iter().any(|name| name == secret)),
            Some(_) => Err(format!("`{PRESENT_SECRETS}` must be a list of names; the host fills it in")),
        }
    }

    /// Refuses a channel that lacks one of these secrets, before anything is sent: for a connector whose first request
    /// does not need all of them. Where the host names no secret at all, the host refuses by itself.
    ///
    /// # Errors
    /// If one is missing, or the host's list of names is none.
    pub fn required_secrets(&self, names: &[&str]) -> Result<(), String> {
        if self.get(PRESENT_SECRETS).is_none() {
            return Ok(());
        }
        for name in names {
            if !self.has_secret(name)? {
                return Err(format!("`{name}` is missing"));
            }
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }
}

impl From<Map<String, Value>> for Given {
    fn from(given: Map<String, Value>) -> Self {
        Given(given)
    }
}

/// What an operator with the marketplace's own papers changed in a connector's status tables.
///
/// A setting `status_table = { "15" = "DELIVERED", "return:Closed" = "RETURNED", "99" = "NO_CHANGE" }` changes or adds
/// rows: a key is the raw text, exactly; before it, with a colon, the vocabulary if it is not the first table's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusChanges {
    changes: BTreeMap<(String, String), Meaning>,
}

impl StatusChanges {
    /// What a raw text means: the operator's word first, then the table's.
    pub fn meaning(&self, table: &StatusTable, raw: &str) -> Meaning {
        if self.changes.is_empty() {
            return table.meaning(raw);
        }
        let key = (table.vocabulary().to_owned(), raw.to_owned());
        self.changes.get(&key).copied().unwrap_or_else(|| table.meaning(raw))
    }
}

fn url(name: &str, given: &Value) -> Result<String, String> {
    let Value::String(text) = given else {
        return Err(format!("`{name}` must be a URL such as https://api.example.com"));
    };
    let text = text.trim().trim_end_matches('/');
    let rest = match text.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if is_loopback(rest) => rest,
        _ => {
            return Err(format!("`{name}` must begin with https:// (http:// only for this machine itself)"));
        }
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\');
    if rest.is_empty() || rest.starts_with('/') || rest.contains(odd) {
        return Err(format!("`{name}` must be scheme, host and perhaps a path, without query or user"));
    }
    Ok(text.to_owned())
}

fn offset_secs(text: &str) -> Option<i32> {
    let two = |digits: &str, most: i32| {
        let is_number = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| is_number && *number <= most)
    };
    let (sign, rest) = match text {
        "IST" => return Some(IST_SECS),
        "UTC" | "Z" => return Some(0),
        _ => text
            .strip_prefix('+')
            .map(|rest| (1, rest))
            .or_else(|| text.strip_prefix('-').map(|rest| (-1, rest)))?,
    };
    let (hours, minutes) = rest.split_once(':')?;
    Some(sign * (two(hours, 14)? * 3600 + two(minutes, 59)? * 60))
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(value: Value) -> Given {
        serde_json::from_value(value).unwrap()
    }

    const ITEM: StatusTable = StatusTable::new("item", "test", &[("15", Some(Status::Dispatched), "")]);
    const RETURN: StatusTable = StatusTable::new("return", "test", &[("Open", None, "")]);

    #[test]
    fn null_and_blank_are_absent() {
        for absent in [json!({}), json!({"a": null}), json!({"a": "  "})] {
            let given = given(absent);
            assert_eq!(given.text("a", "default").unwrap(), "default");
            assert_eq!(given.integer("a", 7, 1..=9).unwrap(), 7);
            assert!(given.flag("a", true).unwrap());
            assert_eq!(given.url("a", "https://x").unwrap(), "https://x");
            assert_eq!(given.required_text("a").unwrap_err(), "`a` is missing");
            assert_eq!(given.required_url("a").unwrap_err(), "`a` is missing");
        }
    }

    #[test]
    fn an_offset_is_read_in_each_of_its_forms_and_regions_are_refused() {
        for (text, secs) in
            [("IST", 19_800), ("+05:30", 19_800), ("UTC", 0), ("Z", 0), ("-03:00", -10_800), (" ", 7)]
        {
            assert_eq!(given(json!({ "zone": text })).utc_offset("zone", 7), Ok(secs), "{text}");
        }
        for text in ["5:30", "+5:30", "+05:60", "+15:00", "+0530", "+-1:00", "Asia/Kolkata"] {
            let error = given(json!({ "zone": text })).utc_offset("zone", 7).unwrap_err();
            assert!(error.starts_with("`zone`"), "{text}");
        }
    }

    #[test]
    fn a_slash_at_the_end_of_a_url_does_not_double() {
        assert_eq!(given(json!({"u": "https://a.b/c/"})).required_url("u").unwrap(), "https://a.b/c");
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for url in ["http://127.0.0.1:9000", "http://localhost:1/fk", "http://[::1]:80"] {
            assert_eq!(given(json!({ "u": url })).required_url("u").unwrap(), url);
        }
        for url in
            ["http://api.b", "http://127.0.0.1.example.org", "http://localhost@b", "ftp://b", "https://"]
        {
            assert!(given(json!({ "u": url })).required_url("u").unwrap_err().starts_with("`u`"), "{url}");
        }
    }

    #[test]
    fn ids_fit_into_a_path() {
        assert_eq!(given(json!({"id": 111_111})).required_id("id").unwrap(), "111111");
        for id in [json!("a/b"), json!(".."), json!("a b"), json!("a?b"), json!([1])] {
            assert!(given(json!({ "id": id })).required_id("id").is_err(), "{id}");
        }
    }

    #[test]
    fn a_path_names_only_what_is_filled_in() {
        let path = |text: &str| given(json!({ "p": text })).path("p", "/", &["id"]);
        assert_eq!(path("/orders/{id}.json").unwrap(), "/orders/{id}.json");
        for text in ["orders", "//evil.example", "/a?b", "/a/../b", "/{token}", "/{", "/a b", "/\\b"] {
            assert!(path(text).unwrap_err().starts_with("`p`"), "{text}");
        }
    }

    #[test]
    fn choices_and_tables_are_read_or_refused_by_name() {
        let choices = [("json", 1), ("xml", 2)];
        assert_eq!(given(json!({})).choice("wire", &choices).unwrap(), 1);
        assert_eq!(given(json!({"wire": "xml"})).choice("wire", &choices).unwrap(), 2);
        let error = given(json!({"wire": "csv"})).choice("wire", &choices).unwrap_err();
        assert_eq!(error, "`wire` must be `json` or `xml`");
        let table = given(json!({"t": {"62": "Gati", "63": 7}})).table("t").unwrap();
        assert_eq!((table["62"].as_str(), table["63"].as_str()), ("Gati", "7"));
        assert!(given(json!({"t": {"62": []}})).table("t").unwrap_err().contains("`62`"));
        assert!(given(json!({"t": "x"})).table("t").is_err());
    }

    #[test]
    fn an_operator_s_word_stands_before_the_table_s() {
        let read =
            |value| given(json!({ "status_table": value })).status_changes("status_table", &[&ITEM, &RETURN]);
        let changes = read(
            json!({"15": "DELIVERED", "16": "NO_CHANGE", "return:Closed": "RETURNED", "CNC:020": "DELIVERED"}),
        );
        let changes = changes.unwrap();
        assert_eq!(changes.meaning(&ITEM, "15"), Meaning::Is(Status::Delivered));
        assert_eq!(changes.meaning(&ITEM, "16"), Meaning::NoChange);
        assert_eq!(changes.meaning(&ITEM, "17"), Meaning::Unmapped);
        assert_eq!(changes.meaning(&ITEM, "CNC:020"), Meaning::Is(Status::Delivered));
        assert_eq!(changes.meaning(&RETURN, "Closed"), Meaning::Is(Status::Returned));
        assert_eq!(changes.meaning(&RETURN, "Open"), Meaning::NoChange);
        assert_eq!(changes.meaning(&RETURN, "15"), Meaning::Unmapped);
        assert_eq!(StatusChanges::default().meaning(&ITEM, "15"), Meaning::Is(Status::Dispatched));
        let error = read(json!({"15": "SHIPPED"})).unwrap_err();
        assert!(error.contains("`15`") && error.contains("SHIPPED"), "{error}");
    }

    #[test]
    fn secrets_are_known_by_name_only() {
        let with = given(json!({"_secrets": ["client_id"]}));
        assert!(with.has_secret("client_id").unwrap() && !with.has_secret("token").unwrap());
        assert!(!given(json!({})).has_secret("client_id").unwrap());
        assert!(given(json!({"_secrets": "client_id"})).has_secret("client_id").is_err());
    }

    #[test]
    fn a_secret_that_is_missing_is_refused_by_its_name() {
        let names = ["client_id", "client_secret"];
        let said = given(json!({"_secrets": ["client_id"]})).required_secrets(&names);
        assert_eq!(said.unwrap_err(), "`client_secret` is missing");
        assert!(given(json!({"_secrets": names})).required_secrets(&names).is_ok());
        assert!(given(json!({})).required_secrets(&names).is_ok(), "nothing is said of secrets");
    }

    #[test]
    fn numbers_are_read_as_digits_too_and_kept_in_range() {
        let number = |value| given(json!({ "n": value })).integer("n", 1, 1..=100);
        assert_eq!(number(json!("50")).unwrap(), 50);
        for value in [json!(0), json!(101), json!(2.5), json!("many"), json!(true), json!(5_000_000_000_u64)]
        {
            assert_eq!(
                number(value.clone()).unwrap_err(),
                "`n` must be a whole number from 1 to 100",
                "{value}"
            );
        }
    }
}
