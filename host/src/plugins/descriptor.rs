//! Whether what a connector says about itself makes sense.
//!
//! A library whose description has a fault is not loaded: the rest of the host takes these rules for granted.

use std::collections::BTreeSet;

use plugin_api::{Descriptor, Setting, SettingKind};

/// What a fault is about; the name of the line in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Identity,
    Capabilities,
    Operations,
    Hosts,
    Settings,
    Statuses,
}

impl Topic {
    pub(super) const ALL: &[Topic] = &[
        Topic::Identity,
        Topic::Capabilities,
        Topic::Operations,
        Topic::Hosts,
        Topic::Settings,
        Topic::Statuses,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Topic::Identity => "identity",
            Topic::Capabilities => "capabilities",
            Topic::Operations => "operations",
            Topic::Hosts => "hosts",
            Topic::Settings => "settings",
            Topic::Statuses => "statuses",
        }
    }
}

/// Everything about a topic that makes the descriptor unusable, each as a sentence fragment.
pub(super) fn faults(topic: Topic, said: &Descriptor) -> Vec<String> {
    let mut faults = Vec::new();
    match topic {
        Topic::Identity => identity(said, &mut faults),
        Topic::Capabilities => capabilities(said, &mut faults),
        Topic::Operations => operations(said, &mut faults),
        Topic::Hosts => hosts(said, &mut faults),
        Topic::Settings => settings(said, &mut faults),
        Topic::Statuses => statuses(said, &mut faults),
    }
    faults
}

fn identity(said: &Descriptor, faults: &mut Vec<String>) {
    if !is_id(&said.id) {
        faults.push(format!(
            "id `{}` is not lower-case letters, digits and single `-` after a letter",
            said.id
        ));
    }
    if said.name.trim().is_empty() {
        faults.push("the name is empty".into());
    }
    if said.api_version.trim().is_empty() {
        faults.push("the version of the marketplace's API is empty".into());
    }
}

fn is_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
}

fn capabilities(said: &Descriptor, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for claim in &said.capabilities {
        let shown =
            format!("{} of {} orders under {:?}", claim.status, claim.shipped_by.as_str(), claim.scope);
        if claim.source.trim().is_empty() {
            faults.push(format!("{shown} has no source"));
        }
        if !seen.insert((claim.status, claim.shipped_by, claim.scope)) {
            faults.push(format!("{shown} is claimed twice"));
        }
    }
    let mut tasks = BTreeSet::new();
    for task in said.tasks.iter().filter(|task| !tasks.insert(**task)) {
        faults.push(format!("task {task} is named twice"));
    }
}

fn operations(said: &Descriptor, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for operation in &said.operations {
        let name = &operation.name;
        if name.trim().is_empty() {
            faults.push("an operation has no name".into());
        }
        if !seen.insert(name.as_str()) {
            faults.push(format!("operation `{name}` is named twice"));
        }
        if !(operation.per_second.is_finite() && operation.per_second > 0.0) || operation.burst == 0 {
            faults.push(format!("operation `{name}` allows no call: rate and burst must be above 0"));
        }
        if operation.source.trim().is_empty() {
            faults.push(format!("the rate of operation `{name}` has no source"));
        }
    }
}

fn hosts(said: &Descriptor, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for host in &said.hosts {
        if !is_host(host) {
            faults.push(format!("`{host}` is not a host name in lower case, without scheme, port and path"));
        }
        if !seen.insert(host.as_str()) {
            faults.push(format!("host `{host}` is named twice"));
        }
    }
}

/// A name of the domain name system; an address in digits is none.
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && host.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn settings(said: &Descriptor, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for setting in &said.settings {
        let name = &setting.name;
        let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            faults.push(format!("setting `{name}` is not named in lower-case letters, digits and `_`"));
        }
        if !seen.insert(name.as_str()) {
            faults.push(format!("setting `{name}` is named twice"));
        }
        if setting.help.trim().is_empty() {
            faults.push(format!("setting `{name}` does not say what it is"));
        }
        if setting.secret && setting.default.is_some() {
            faults.push(format!("secret `{name}` has a default, which would be no secret"));
        }
        if setting.required && setting.default.is_some() {
            faults.push(format!("setting `{name}` is required and has a default"));
        }
        if setting.default.as_ref().is_some_and(|value| !fits(setting, value)) {
            faults.push(format!("the default of setting `{name}` is not of its kind"));
        }
    }
}

fn fits(setting: &Setting, value: &serde_json::Value) -> bool {
    match &setting.kind {
        SettingKind::Text => value.is_string(),
        SettingKind::Url => {
            value.as_str().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))
        }
        SettingKind::Integer => value.is_i64() || value.is_u64(),
        SettingKind::Bool => value.is_boolean(),
        SettingKind::Choice(values) => {
            value.as_str().is_some_and(|value| values.iter().any(|one| one == value))
        }
        SettingKind::Table => {
            value.as_object().is_some_and(|rows| rows.values().all(serde_json::Value::is_string))
        }
    }
}

fn statuses(said: &Descriptor, faults: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for row in &said.statuses {
        let shown = format!("`{}` of the vocabulary `{}`", row.raw, row.vocabulary);
        if row.vocabulary.trim().is_empty() {
            faults.push(format!("status `{}` belongs to no vocabulary", row.raw));
        }
        if row.raw.is_empty() {
            faults.push(format!("a row of the vocabulary `{}` has no text", row.vocabulary));
        }
        if row.source.trim().is_empty() {
            faults.push(format!("{shown} has no source"));
        }
        if row.status == Some(plugin_api::Status::Unmapped) {
            faults.push(format!("{shown} is mapped to UNMAPPED: leave the row out, or give it no status"));
        }
        if !seen.insert((row.vocabulary.as_str(), row.raw.as_str())) {
            faults.push(format!("{shown} stands twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::{Evidence, ScopeKind, ShippedBy, Status, StatusTable, Task};

    use super::*;

    const ROWS: StatusTable =
        StatusTable::new("item", "guide, 2024-06", &[("SHIPPED", Some(Status::Dispatched), "")]);
    const TWICE: StatusTable =
        StatusTable::new("item", "guide, 2024-06", &[("A", None, ""), ("A", Some(Status::Delivered), "")]);

    fn sound() -> Descriptor {
        Descriptor::new("tata-cliq", "Tata CLiQ", "v1")
            .reports(
                &[Status::Dispatched],
                ShippedBy::Channel,
                &[ScopeKind::Changed],
                Evidence::Assumed,
                "no public page",
            )
            .tasks(&[Task::Status])
            .operation("orders", 0.5, 1, "guide, 2024-06")
            .host("api.example.com")
            .setting(Setting::url("base_url", "where").default("https://api.example.com"))
            .setting(Setting::secret("token", "the token").required())
            .setting(Setting::choice("wire", &["json", "xml"], "format").default("json"))
            .statuses(&ROWS)
    }

    fn faults_of(said: &Descriptor) -> Vec<String> {
        Topic::ALL.iter().flat_map(|topic| faults(*topic, said)).collect()
    }

    #[test]
    fn a_sound_descriptor_has_no_faults() {
        assert_eq!(faults_of(&sound()), Vec::<String>::new());
    }

    #[test]
    fn ids_are_lower_case_words() {
        for id in ["amazon", "tata-cliq", "a1"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "Amazon", "1a", "-a", "a-", "a--b", "a_b", "a/b", "ä", &"a".repeat(65)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn hosts_are_names_and_nothing_more() {
        for host in ["api.flipkart.net", "sellingpartnerapi-eu.amazon.com", "x1.example"] {
            assert!(is_host(host), "{host}");
        }
        let wrong = [
            "",
            "localhost",
            "https://a.b",
            "a.b:80",
            "a.b/c",
            "A.b",
            "a..b",
            "-a.b",
            "a-.b",
            "10.0.0.1",
            "*.a.b",
            "u@a.b",
            "a.b.",
        ];
        for host in wrong {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn what_is_named_twice_is_a_fault() {
        let said = sound()
            .tasks(&[Task::Status])
            .operation("orders", 1.0, 1, "guide")
            .host("api.example.com")
            .setting(Setting::text("wire", "again"))
            .reports(
                &[Status::Dispatched],
                ShippedBy::Channel,
                &[ScopeKind::Changed],
                Evidence::Live,
                "seen",
            );
        assert_eq!(
            faults_of(&said),
            [
                "DISPATCHED of CHANNEL orders under Changed is claimed twice",
                "task status is named twice",
                "operation `orders` is named twice",
                "host `api.example.com` is named twice",
                "setting `wire` is named twice",
            ]
        );
        assert_eq!(faults_of(&sound().statuses(&TWICE)), ["`A` of the vocabulary `item` stands twice"]);
    }

    #[test]
    fn what_has_no_source_is_a_fault() {
        let mut said = sound().operation("returns", 1.0, 1, " ");
        said.capabilities[0].source.clear();
        said.statuses[0].source.clear();
        assert_eq!(
            faults_of(&said),
            [
                "DISPATCHED of CHANNEL orders under Changed has no source",
                "the rate of operation `returns` has no source",
                "`SHIPPED` of the vocabulary `item` has no source",
            ]
        );
    }

    #[test]
    fn settings_that_cannot_work_are_faults() {
        let said = sound()
            .setting(Setting::text("Seller", "who"))
            .setting(Setting::text("store", ""))
            .setting(Setting::secret("key", "the key").default("hunter2"))
            .setting(Setting::choice("unit", &["a", "b"], "which").default("c"))
            .setting(Setting::integer("size", "how many").default("ten").required());
        assert_eq!(
            faults_of(&said),
            [
                "setting `Seller` is not named in lower-case letters, digits and `_`",
                "setting `store` does not say what it is",
                "secret `key` has a default, which would be no secret",
                "the default of setting `unit` is not of its kind",
                "setting `size` is required and has a default",
                "the default of setting `size` is not of its kind",
            ]
        );
    }

    #[test]
    fn rates_that_allow_no_call_are_faults() {
        for (per_second, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (f64::INFINITY, 1), (1.0, 0)] {
            let said = sound().operation("x", per_second, burst, "guide");
            assert_eq!(faults_of(&said).len(), 1, "{per_second} {burst}");
        }
    }
}
