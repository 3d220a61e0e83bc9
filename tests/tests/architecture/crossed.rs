//! Lines crossed on purpose: for each rule a small tree that breaks it, so that a rule that has gone blind fails.

use crate::{
    CONNECTOR_FILES, RULES, Rule, connector_folders_look_alike, connectors_are_light, connectors_only_read,
    connectors_reach_for_nothing, files_are_named_after_what_they_hold, host_modules_keep_their_distance,
    members_take_the_workspace_lints, nothing_is_unfinished, only_the_abi_crate_names_abi_stable,
    plugin_api_brings_nothing_of_the_host, the_domain_is_pure, the_host_reads_the_clock_in_one_place,
    the_kit_does_not_know_the_host,
    tree::{Member, Tree},
    unsafe_stays_at_the_boundary,
};

/// A tree of these files and members; every rule is content with what is not given.
fn tree(members: &[(&str, &str, &[&str])], files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (name, folder, dependencies) in members {
        tree.members.push(Member {
            name: (*name).to_owned(),
            folder: (*folder).to_owned(),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            crate_types: vec!["cdylib".to_owned()],
        });
    }
    for (path, text) in files {
        tree.add(path, (*text).to_owned());
    }
    tree
}

fn found_in(rule: Rule, path: &str, text: &str) -> Vec<String> {
    rule(&tree(&[], &[(path, text)]))
}

#[test]
fn a_member_without_the_workspace_lints_is_caught() {
    let member: &[(&str, &str, &[&str])] = &[("host", "host", &[])];
    for text in ["[package]\n", "[lints]\n[package]\nworkspace = true\n", "[lints.rust]\nworkspace = true\n"]
    {
        let found = members_take_the_workspace_lints(&tree(member, &[("host/Cargo.toml", text)]));
        assert_eq!(found, ["host/Cargo.toml: add `[lints] workspace = true`"], "{text}");
    }
    let kept = tree(member, &[("host/Cargo.toml", "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n")]);
    assert!(members_take_the_workspace_lints(&kept).is_empty());
}

#[test]
fn an_http_client_in_plugin_api_is_caught() {
    let found = plugin_api_brings_nothing_of_the_host(&tree(
        &[("plugin-api", "plugin-api", &["serde", "reqwest"])],
        &[("plugin-api/src/http.rs", "use {serde::Serialize, tokio::time::{sleep, Instant}};\n")],
    ));
    assert_eq!(found[0], "plugin-api/Cargo.toml: depends on reqwest");
    assert_eq!(found[1], "plugin-api/src/http.rs:1: names tokio");
}

#[test]
fn abi_stable_outside_its_crate_is_caught() {
    let found = only_the_abi_crate_names_abi_stable(&tree(
        &[("plugin-abi", "plugin-api/abi", &["abi_stable"]), ("statusync", "host", &["abi_stable"])],
        &[
            ("plugin-api/abi/src/lib.rs", "use abi_stable::StableAbi;"),
            ("host/src/plugins/load.rs", "fn f() {\n    abi_stable::std_types::RString::new();\n}"),
        ],
    ));
    assert_eq!(
        found,
        ["host/Cargo.toml: depends on abi_stable", "host/src/plugins/load.rs:2: names abi_stable"]
    );
}

#[test]
fn a_connector_with_a_runtime_is_caught() {
    let mut heavy = tree(&[("snapdeal", "connectors/snapdeal", &["plugin-api", "tokio"])], &[]);
    assert_eq!(
        connectors_are_light(&heavy),
        ["connectors/snapdeal/Cargo.toml: depends on tokio, which is not on the list"]
    );
    heavy.members[0].dependencies.pop();
    assert!(connectors_are_light(&heavy).is_empty());
    heavy.members[0].crate_types.push("rlib".to_owned());
    assert_eq!(connectors_are_light(&heavy).len(), 1);
}

#[test]
fn a_connector_that_reaches_outside_is_caught() {
    for (text, named) in [
        ("use std::{collections::BTreeMap, fs::File};", "std::fs"),
        ("fn f() { let _ = std::net::TcpStream::connect(\"x\"); }", "std::net::TcpStream"),
        ("use std::net;\nfn f() { net::UdpSocket::bind(a); }", "std::net::UdpSocket"),
        ("use std::time::*;", "std::time::Instant"),
        ("use std::thread;", "std::thread"),
        ("use std::time::{Duration, SystemTime};", "std::time::SystemTime"),
        ("use std::time;\nfn f() { time::Instant::now(); }", "std::time::Instant"),
        ("use jiff::Timestamp;\nfn f() { Timestamp::now(); }", "jiff::Timestamp::now"),
        ("use plugin_abi::Step;", "plugin_abi"),
        ("use statusync::domain;", "statusync"),
    ] {
        let found = found_in(connectors_reach_for_nothing, "connectors/x/src/lib.rs", text);
        assert!(found.iter().any(|line| line.ends_with(&format!("names {named}"))), "{text}: {found:?}");
    }
    let innocent =
        "use std::{net::IpAddr, time::Duration};\n// std::fs::File\nconst A: &str = \"std::net::TcpStream\";";
    assert!(found_in(connectors_reach_for_nothing, "connectors/x/src/lib.rs", innocent).is_empty());
}

#[test]
fn a_connector_that_uses_another_is_caught() {
    let members: &[(&str, &str, &[&str])] =
        &[("flipkart", "connectors/flipkart", &[]), ("tata-cliq", "connectors/tata-cliq", &[])];
    let text = "use tata_cliq::status;\nuse flipkart::status;";
    let found = connectors_reach_for_nothing(&tree(members, &[("connectors/flipkart/src/lib.rs", text)]));
    assert_eq!(found, ["connectors/flipkart/src/lib.rs:1: names tata_cliq"]);
}

#[test]
fn a_connector_that_writes_to_its_marketplace_is_caught() {
    for text in [
        "fn f() { get(op, format!(\"{}/sellers/v3/shipments/dispatch\", base)); }",
        "const CANCEL: &str = \"/v3/shipments/cancel\";",
        "const LABELS: &str = r#\"/v3/shipments/labels\"#;",
        "const OPERATION: &str = \"confirmShipment\";",
        "fn f() { Request::get(op, format!(\"{base}/orders/v0/orders/{order}/shipmentConfirmation\")); }",
        "fn f() { Request::post(op, format!(\"{}/easyShip/2022-03-23/package\", base.url())); }",
    ] {
        let found = found_in(connectors_only_read, "connectors/x/src/requests.rs", text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
    }
    let reading =
        "fn f() { Request::post(op, \"/v3/shipments/filter\"); get(op, \"/easyShip/2022-03-23/package\"); }";
    assert!(found_in(connectors_only_read, "connectors/x/src/requests.rs", reading).is_empty());
    let offered = "fn put(url: &str) -> Request { Request::new(\"PUT\", url) }";
    assert_eq!(found_in(connectors_only_read, "plugin-api/src/http.rs", offered).len(), 1);
}

#[test]
fn a_connector_folder_without_a_file_is_caught() {
    let files: Vec<(String, String)> =
        CONNECTOR_FILES.iter().map(|file| (format!("connectors/x/{file}"), String::new())).collect();
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let members: &[(&str, &str, &[&str])] = &[("x", "connectors/x", &[])];
    assert!(connector_folders_look_alike(&tree(members, &files)).is_empty());
    files.retain(|(path, _)| !path.ends_with("src/status.rs"));
    assert_eq!(
        connector_folders_look_alike(&tree(members, &files)),
        ["connectors/x: src/status.rs is missing"]
    );
}

#[test]
fn a_host_module_that_uses_a_forbidden_one_is_caught() {
    for (path, text, breach) in [
        ("domain/order.rs", "use crate::storage::Store;", "host::domain must not use host::storage"),
        ("domain/apply/mod.rs", "use super::super::clock::Clock;", "host::domain must not use host::clock"),
        ("plugins/drive.rs", "use crate::{\n    fetch,\n};", "host::plugins must not use host::fetch"),
        ("storage/sqlite/page.rs", "fn f() { crate::sync::run(); }", "host::storage must not use host::sync"),
        ("fetch/mod.rs", "mod tests { use super::super::domain; }", "host::fetch must not use host::domain"),
        ("sync/run.rs", "use rusqlite::Connection;", "names rusqlite"),
        ("sync/run.rs", "use axum::Router;", "names axum"),
        ("domain/time.rs", "use tokio::time;", "names tokio"),
        ("teapot.rs", "", "module `teapot` has no line in HOST_MODULES of this test"),
    ] {
        let found = found_in(host_modules_keep_their_distance, &format!("host/src/{path}"), text);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(found[0].ends_with(breach), "{path}: {found:?}");
    }
    let kept = "use crate::{clock::Clock, domain::apply};\nuse super::storage;\nmod tests { use super::*; }";
    assert!(found_in(host_modules_keep_their_distance, "host/src/sync/run.rs", kept).is_empty());
}

#[test]
fn a_rule_that_waits_or_reads_the_clock_is_caught() {
    assert_eq!(found_in(the_domain_is_pure, "host/src/domain/order.rs", "pub async fn f() {}").len(), 1);
    let clock = "use std::time::SystemTime;";
    assert_eq!(found_in(the_domain_is_pure, "host/src/domain/time.rs", clock).len(), 1);
    assert!(
        found_in(the_domain_is_pure, "host/src/domain/order.rs", "/// Nothing async.\nfn f() {}").is_empty()
    );
}

#[test]
fn a_second_place_that_reads_the_clock_is_caught() {
    for text in ["use std::time::SystemTime;", "use jiff::{Timestamp, Unit};\nfn f() { Timestamp::now(); }"] {
        let found = found_in(the_host_reads_the_clock_in_one_place, "host/src/cli/sync.rs", text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found_in(the_host_reads_the_clock_in_one_place, "host/src/clock.rs", text).is_empty());
    }
    let span = "use std::time::{Duration, Instant};\nuse jiff::Timestamp;\nfn f(t: Timestamp) {}";
    assert!(found_in(the_host_reads_the_clock_in_one_place, "host/src/cli/sync.rs", span).is_empty());
}

#[test]
fn a_kit_that_uses_the_host_is_caught() {
    let text = "use statusync::storage::Store;";
    assert_eq!(found_in(the_kit_does_not_know_the_host, "tests/src/world.rs", text).len(), 1);
    assert!(found_in(the_kit_does_not_know_the_host, "tests/tests/crash.rs", text).is_empty());
}

#[test]
fn a_file_with_an_empty_name_is_caught() {
    for path in ["host/src/utils.rs", "connectors/x/src/types.rs", "host/src/sync/common/mod.rs"] {
        assert_eq!(found_in(files_are_named_after_what_they_hold, path, "").len(), 1, "{path}");
    }
    assert!(found_in(files_are_named_after_what_they_hold, "host/src/typesetting.rs", "").is_empty());
}

#[test]
fn unsafe_code_elsewhere_is_caught() {
    let text = "fn f() {\n    // SAFETY: none\n    unsafe { std::hint::unreachable_unchecked() }\n}";
    let found = found_in(unsafe_stays_at_the_boundary, "host/src/domain/order.rs", text);
    assert_eq!(found, ["host/src/domain/order.rs:3: `unsafe` outside the boundary"]);
    assert!(found_in(unsafe_stays_at_the_boundary, "host/src/plugins/load.rs", text).is_empty());
    let innocent = "#![expect(unsafe_code)]\n// unsafe\nconst A: &str = \"unsafe\";";
    assert!(found_in(unsafe_stays_at_the_boundary, "host/src/domain/order.rs", innocent).is_empty());
}

#[test]
fn unfinished_work_is_caught() {
    for text in [
        "fn f() { todo!() }",
        "fn f() { unimplemented!(\"later\") }",
        "#[test]\n#[ignore]\nfn f() {}",
        "#[ignore = \"slow\"]\nfn f() {}",
        "#[should_panic(expected = \"x\")]\nfn f() {}",
        "fn f() { std::thread::sleep(D); }",
        "use std::{thread, time::Duration};\nfn f() { thread::sleep(D); }",
        "use std::thread::sleep;",
    ] {
        assert!(!found_in(nothing_is_unfinished, "host/src/x.rs", text).is_empty(), "{text}");
    }
    let innocent = "/// todo!() and #[ignore]\nfn f() { ignore(todo); let c = '\"'; let l: &'static str = \"todo!()\"; }";
    assert!(found_in(nothing_is_unfinished, "host/src/x.rs", innocent).is_empty());
}

#[test]
fn every_rule_is_asked() {
    let source = include_str!("../architecture.rs");
    let written = source.matches("(tree: &Tree) -> Vec<String> {").count();
    assert_eq!(RULES.len(), written, "a rule is not in RULES");
}
