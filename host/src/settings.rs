//! A channel's settings against what its connector declares: what is a setting, what is a secret, what is missing or
//! mistyped. What a value means is for the connector to say.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::{Descriptor, Setting, SettingKind};
use serde_json::{Map, Value};

use crate::{nearest::did_you_mean, secrets::Secret};

/// Settings and secrets, told apart by the connector's declaration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sorted {
    /// Without secrets; ids are text.
    pub settings: Map<String, Value>,
    /// By name.
    pub secrets: BTreeMap<String, Secret>,
}

/// Tells settings and secrets apart and brings values into their declared shape.
///
/// # Errors
/// Every key that is not declared, with the one that was probably meant, and every value of another shape. No secret's
/// value is in a message.
pub fn sort(descriptor: &Descriptor, given: &Map<String, Value>) -> Result<Sorted, Vec<String>> {
    let (mut sorted, mut problems) = (Sorted::default(), Vec::new());
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let Some(setting) = descriptor.settings.iter().find(|setting| setting.name == *name) else {
            problems.push(unknown(descriptor, name));
            continue;
        };
        match shaped(setting, value) {
            Ok(Value::String(text)) if setting.secret => {
                if !text.is_empty() {
                    sorted.secrets.insert(name.clone(), Secret::new(text));
                }
            }
            Ok(value) => drop(sorted.settings.insert(name.clone(), value)),
            Err(expected) => problems.push(format!("setting `{name}` must be {expected}")),
        }
    }
    if problems.is_empty() { Ok(sorted) } else { Err(problems) }
}

/// The required settings that are neither given nor have a default; secrets among them if they are not in `secrets`.
pub fn missing<'a>(
    descriptor: &'a Descriptor,
    settings: &Map<String, Value>,
    secrets: &BTreeSet<String>,
) -> Vec<&'a Setting> {
    let is_given = |setting: &Setting| {
        if setting.secret { secrets.contains(&setting.name) } else { settings.contains_key(&setting.name) }
    };
    let required = descriptor.settings.iter().filter(|setting| setting.required && setting.default.is_none());
    required.filter(|setting| !is_given(setting)).collect()
}

/// A value that was typed as `key=value`, in the shape that the key's declaration asks for. A table is given entry by
/// entry, as `key.entry=value`, and is not for this function.
///
/// # Errors
/// What it must be.
pub fn typed(setting: &Setting, text: &str) -> Result<Value, String> {
    let value = match setting.kind {
        SettingKind::Integer => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        SettingKind::Bool => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        SettingKind::Text | SettingKind::Url | SettingKind::Choice(_) | SettingKind::Table => Value::from(text),
    };
    shaped(setting, &value).map_err(|expected| format!("setting `{}` must be {expected}", setting.name))
}

/// What to say about a key that is not declared.
pub fn unknown(descriptor: &Descriptor, name: &str) -> String {
    let names = || descriptor.settings.iter().map(|setting| setting.name.as_str());
    let known: Vec<String> = names().map(|name| format!("`{name}`")).collect();
    let meant = did_you_mean(name, names());
    format!("connector {} has no setting `{name}`{meant}; it has {}", descriptor.id, known.join(", "))
}

fn shaped(setting: &Setting, value: &Value) -> Result<Value, String> {
    match (&setting.kind, value) {
        (SettingKind::Text, Value::Number(number)) => Ok(Value::from(number.to_string())),
        (SettingKind::Text, Value::String(_))
        | (SettingKind::Integer, Value::Number(_))
        | (SettingKind::Bool, Value::Bool(_)) => match (&setting.kind, value.as_i64()) {
            (SettingKind::Integer, None) => Err("a whole number".into()),
            _ => Ok(value.clone()),
        },
        (SettingKind::Url, Value::String(text)) => match reqwest::Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(value.clone()),
            _ => Err("a URL, such as https://api.example.com".into()),
        },
        (SettingKind::Choice(choices), Value::String(text)) if choices.contains(text) => Ok(value.clone()),
        (SettingKind::Choice(choices), value) => {
            let named: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
            let meant = did_you_mean(value.as_str().unwrap_or_default(), choices.iter().map(String::as_str));
            Err(format!("one of {}{meant}", named.join(", ")))
        }
        (SettingKind::Table, Value::Object(entries)) => {
            let entry = |(key, value): (&String, &Value)| match value {
                Value::String(_) => Ok((key.clone(), value.clone())),
                Value::Number(number) => Ok((key.clone(), Value::from(number.to_string()))),
                _ => Err(format!("a table of texts, and its `{key}` is none")),
            };
            entries.iter().map(entry).collect::<Result<_, _>>().map(Value::Object)
        }
        (SettingKind::Text, _) => Err("a text".into()),
        (SettingKind::Url, _) => Err("a URL in quotes".into()),
        (SettingKind::Integer, _) => Err("a whole number".into()),
        (SettingKind::Bool, _) => Err("true or false".into()),
        (SettingKind::Table, _) => Err("a table of texts".into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn descriptor() -> Descriptor {
        Descriptor::new("example", "Example", "1")
            .setting(Setting::url("base_url", "").default("https://api.example.com"))
            .setting(Setting::text("seller_id", "").required())
            .setting(Setting::integer("page_size", "").default(50))
            .setting(Setting::flag("easy_ship", ""))
            .setting(Setting::choice("wire", &["json", "xml"], ""))
            .setting(Setting::table("status_table", ""))
            .setting(Setting::secret("token", "").required())
    }

    fn sorted(given: Value) -> Result<Sorted, Vec<String>> {
        let Value::Object(given) = given else { panic!("not a table") };
        sort(&descriptor(), &given)
    }

    #[test]
    fn secrets_are_told_apart_and_ids_become_text() {
        let given = json!({"seller_id": 42, "token": "hush", "status_table": {"SHIPPED": "DISPATCHED"}, "wire": null});
        let sorted = sorted(given).unwrap();
        assert_eq!(
            Value::Object(sorted.settings.clone()),
            json!({"seller_id": "42", "status_table": {"SHIPPED": "DISPATCHED"}})
        );
        assert_eq!(sorted.secrets, BTreeMap::from([("token".to_owned(), Secret::new("hush"))]));
        let (descriptor, secrets) = (descriptor(), sorted.secrets.into_keys().collect());
        assert!(missing(&descriptor, &sorted.settings, &secrets).is_empty());
        let names: Vec<_> =
            missing(&descriptor, &Map::new(), &BTreeSet::new()).iter().map(|setting| &*setting.name).collect();
        assert_eq!(names, ["seller_id", "token"]);
    }

    #[test]
    fn everything_wrong_is_named_and_no_secret_is_shown() {
        let given = json!({"base_urll": "x", "base_url": "not a url", "page_size": 1.5, "easy_ship": "yes",
                           "wire": "jsn", "status_table": {"A": []}, "token": ["hush-hush"], "seller_id": true});
        let problems = sorted(given).unwrap_err();
        for part in [
            "no setting `base_urll`; did you mean `base_url`?",
            "`base_url` must be a URL",
            "`page_size` must be a whole number",
            "`easy_ship` must be true or false",
            "`wire` must be one of \"json\", \"xml\"; did you mean `json`?",
            "`status_table` must be a table of texts, and its `A`",
            "`token` must be a text",
            "`seller_id` must be a text",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
        }
        assert!(problems.iter().all(|problem| !problem.contains("hush")));
    }

    #[test]
    fn what_is_typed_takes_the_declared_shape() {
        let descriptor = descriptor();
        let setting = |name: &str| descriptor.settings.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(typed(setting("page_size"), "20"), Ok(json!(20)));
        assert_eq!(typed(setting("easy_ship"), "true"), Ok(json!(true)));
        assert_eq!(typed(setting("seller_id"), "007"), Ok(json!("007")));
        assert_eq!(typed(setting("page_size"), "many"), Err("setting `page_size` must be a whole number".into()));
    }
}
