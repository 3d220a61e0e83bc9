//! Who may use whom: the lines that no source may cross, read from the manifests and the sources themselves.
//!
//! Each rule is a function over a [`Tree`], a small model of a source tree. The test here asks every rule about this
//! workspace; those in `crossed` build small trees that cross one line on purpose.

#[path = "architecture/crossed.rs"]
mod crossed;
#[path = "architecture/tree.rs"]
mod tree;
#[path = "architecture/words.rs"]
mod words;

use std::fmt::Write as _;

use tree::{Member, Tree, this_workspace};
use words::Token;

/// What each module of the host may use of the others. A module that is not here may not exist: decide first.
const HOST_MODULES: &[(&str, Uses)] = &[
    ("access", Uses::These(&["domain", "secrets"])),
    ("address", Uses::These(&[])),
    ("app", Uses::Everything),
    ("channels", Uses::These(&["domain", "nearest", "plugins", "secrets", "settings", "storage", "sync"])),
    ("cli", Uses::Everything),
    ("clock", Uses::These(&[])),
    ("config", Uses::These(&["nearest"])),
    (
        "console",
        Uses::These(&[
            "access", "address", "channels", "clock", "config", "domain", "kept", "live", "nearest", "pace",
            "people", "plugins", "printed", "secrets", "settings", "storage", "sync", "webhooks",
        ]),
    ),
    ("domain", Uses::These(&[])),
    ("fetch", Uses::These(&["clock", "secrets"])),
    (
        "http",
        Uses::These(&[
            "access", "address", "channels", "clock", "domain", "import", "kept", "live", "nearest", "pace",
            "plugins", "secrets", "settings", "storage", "sync", "webhooks",
        ]),
    ),
    ("import", Uses::These(&["domain", "nearest"])),
    ("kept", Uses::These(&["clock", "fetch", "storage"])),
    ("live", Uses::These(&["domain", "storage", "sync"])),
    ("memory", Uses::These(&[])),
    ("nearest", Uses::These(&[])),
    ("pace", Uses::These(&[])),
    ("people", Uses::These(&["access", "address", "domain", "secrets", "storage"])),
    ("plugins", Uses::These(&[])),
    ("presence", Uses::These(&[])),
    ("printed", Uses::These(&["domain"])),
    ("proof", Uses::These(&["fetch", "plugins", "sync"])),
    ("secrets", Uses::These(&[])),
    ("settings", Uses::These(&["nearest", "secrets"])),
    ("storage", Uses::These(&["access", "clock", "domain", "secrets"])),
    ("sync", Uses::These(&["clock", "domain", "fetch", "kept", "plugins", "secrets", "storage"])),
    ("telemetry", Uses::These(&["config"])),
    ("webhooks", Uses::These(&["clock", "domain", "fetch", "secrets", "storage"])),
];

enum Uses {
    Everything,
    These(&'static [&'static str]),
}

/// Crates that a module of the host must not name, whoever else may.
const NOT_IN_MODULE: &[(&str, &[&str])] = &[
    (
        "domain",
        &["tokio", "futures_util", "rusqlite", "sqlx", "reqwest", "axum", "plugin_abi", "libloading", "rand"],
    ),
    ("plugins", &["rusqlite", "sqlx", "reqwest", "axum"]),
    ("storage", &["reqwest", "axum", "plugin_abi", "libloading"]),
    ("fetch", &["rusqlite", "sqlx", "axum", "libloading"]),
    ("sync", &["rusqlite", "sqlx", "reqwest", "axum", "libloading"]),
    ("console", &["rusqlite", "sqlx", "reqwest", "libloading"]),
    ("webhooks", &["rusqlite", "sqlx", "reqwest", "axum", "libloading"]),
];

/// What a connector is made from. Each is pure: no socket, file, thread or clock of its own that we use.
const CONNECTOR_CRATES: &[&str] =
    &["plugin-api", "flate2", "jiff", "quick-xml", "serde", "serde_json", "tracing"];

/// What nobody who has no socket, file, thread, process or clock can name.
const OUTSIDE_WORLD: &[&str] = &[
    "std::env::args",
    "std::env::set_var",
    "std::env::var",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// What plugin-api must not drag into every connector.
const NOT_FOR_AUTHORS: &[&str] =
    &["statusync", "tokio", "rusqlite", "sqlx", "axum", "reqwest", "hyper", "ureq", "curl", "isahc"];

/// The files of every connector folder; more are welcome.
const CONNECTOR_FILES: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "fixtures/README.md",
    "src/auth.rs",
    "src/config.rs",
    "src/descriptor.rs",
    "src/errors.rs",
    "src/lib.rs",
    "src/observe.rs",
    "src/requests.rs",
    "src/status.rs",
    "src/wire.rs",
];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "common", "helpers", "helper", "types", "misc", "transformers"];

/// The files that may write `unsafe`: the boundary's two sides, the allocator, and plugins that are wrong on purpose.
const UNSAFE_FILES: &[&str] = &[
    "plugin-api/abi/src/lib.rs",
    "plugin-api/src/boundary.rs",
    "plugin-api/src/export.rs",
    "host/src/plugins/load.rs",
    "host/src/memory.rs",
    "tests/fixtures/plugins/garbage/src/lib.rs",
    "tests/fixtures/plugins/no_entry/src/lib.rs",
];

/// Parts of addresses and names of calls by which a marketplace is told something. None may stand in a connector.
const WRITING_CALLS: &[&str] = &[
    // Flipkart Marketplace: order and returns API references of seller.flipkart.com/api-docs.
    "/shipments/cancel",
    "/shipments/dispatch",
    "/shipments/labels",
    "/shipments/manifest",
    "/selfShip/",
    "/returns/approve",
    "/v2/returns/complete",
    "/returns/pickup",
    "/returns/reject",
    // Amazon Selling Partner API: models of github.com/amzn/selling-partner-api-models.
    "confirmShipment",
    "/shipmentConfirmation",
    "updateShipmentStatus",
    "updateVerificationStatus",
    "createScheduledPackage",
    "updateScheduledPackages",
    "listHandoverSlots",
    "/timeSlot",
    "/packages/bulk",
    "cancelReport",
    "/feeds/",
    // Tata CLiQ PartnerConnect: a public script that pushes inventory; the pushes of status and returns are not public.
    "AP_INVENTORY",
    // Snapdeal Seller API: reference at sellerapis.snapdeal.com.
    "/orders/print",
    "/orders/reprint",
    "/orders/split",
    "/orders/invoice",
    "/bulk/status",
    "/dropship/manifest",
    "/oneship/hos",
    "/ocplus/stn",
    "/returns/buyer/status",
    "/returns/courier/status",
    // Wooplr's seller writes, by their bean names of 2016; their paths were never published.
    "ecommorder/cancel",
    "ecommorder/confirm",
    "ecommorder/reverse",
    "ecommorder/status",
    // Paytm Mall, fulfilment API: acknowledging, shipping and manifests in public clients of 2014 to 2021.
    "/fulfillment/",
];

/// Addresses that are read with GET and written with POST.
const READ_WITH_GET_ONLY: &[&str] = &["/easyShip/"];

type Rule = fn(&Tree) -> Vec<String>;

const RULES: &[Rule] = &[
    members_take_the_workspace_lints,
    plugin_api_brings_nothing_of_the_host,
    only_the_abi_crate_names_abi_stable,
    connectors_are_light,
    connectors_reach_for_nothing,
    connectors_only_read,
    connector_folders_look_alike,
    host_modules_keep_their_distance,
    the_domain_is_pure,
    the_host_reads_the_clock_in_one_place,
    the_kit_does_not_know_the_host,
    files_are_named_after_what_they_hold,
    unsafe_stays_at_the_boundary,
    nothing_is_unfinished,
];

fn members_take_the_workspace_lints(tree: &Tree) -> Vec<String> {
    let takes_them = |member: &&Member| {
        let manifest = tree.texts.get(&member.file("Cargo.toml")).map_or("", String::as_str);
        let section = manifest.split_once("[lints]").map_or("", |(_, rest)| rest);
        let section = section.split("\n[").next().unwrap_or_default();
        section.lines().any(|line| line.split_whitespace().collect::<String>() == "workspace=true")
    };
    let without = tree.members.iter().filter(|member| !takes_them(member));
    without.map(|member| format!("{}: add `[lints] workspace = true`", member.file("Cargo.toml"))).collect()
}

fn plugin_api_brings_nothing_of_the_host(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in tree.members.iter().filter(|member| member.folder.starts_with("plugin-api")) {
        let wrong = member.dependencies.iter().filter(|name| NOT_FOR_AUTHORS.contains(&name.as_str()));
        found.extend(wrong.map(|name| format!("{}: depends on {name}", member.file("Cargo.toml"))));
    }
    let banned: Vec<&str> = NOT_FOR_AUTHORS.to_vec();
    found.extend(tree.naming("plugin-api/", &banned));
    found
}

fn only_the_abi_crate_names_abi_stable(tree: &Tree) -> Vec<String> {
    let others = tree.members.iter().filter(|member| member.folder != "plugin-api/abi");
    let mut found: Vec<String> = others
        .filter(|member| member.dependencies.iter().any(|name| name == "abi_stable"))
        .map(|member| format!("{}: depends on abi_stable", member.file("Cargo.toml")))
        .collect();
    let named = tree.naming("", &["abi_stable"]);
    found.extend(named.into_iter().filter(|line| !line.starts_with("plugin-api/abi/")));
    found
}

fn connectors_are_light(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in tree.connectors() {
        let manifest = member.file("Cargo.toml");
        let heavy = member.dependencies.iter().filter(|name| !CONNECTOR_CRATES.contains(&name.as_str()));
        found.extend(heavy.map(|name| format!("{manifest}: depends on {name}, which is not on the list")));
        if member.crate_types != ["cdylib"] {
            found.push(format!("{manifest}: the library's crate-type is not just \"cdylib\""));
        }
    }
    found
}

fn connectors_reach_for_nothing(tree: &Tree) -> Vec<String> {
    let mut banned = OUTSIDE_WORLD.to_vec();
    banned.extend(["plugin_abi", "kit"]);
    banned.extend(NOT_FOR_AUTHORS);
    let names: Vec<String> = tree.connectors().map(|member| member.name.replace('-', "_")).collect();
    let mut found = tree.naming("connectors/", &banned);
    for (path, source) in tree.sources_under("connectors/") {
        let own = path.split('/').nth(1).unwrap_or_default().replace('-', "_");
        let other = |name: &&String| **name != own && source.modules().all(|module| module != name.as_str());
        for name in names.iter().filter(other) {
            found.extend(source.naming(path, &[name.as_str()]));
        }
    }
    found
}

fn connectors_only_read(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, source) in tree.sources_under("connectors/") {
        for (line, token) in &source.tokens {
            let Token::Text(text) = token else { continue };
            let writing = WRITING_CALLS.iter().find(|call| text.contains(*call));
            found.extend(writing.map(|call| format!("{path}:{line}: `{call}` writes to the marketplace")));
        }
        for (line, arguments) in source.calls_of("post") {
            let posts_to = |address: &&&str| arguments.iter().any(|text| text.contains(**address));
            let wrong = READ_WITH_GET_ONLY.iter().find(posts_to);
            found.extend(wrong.map(|address| format!("{path}:{line}: a POST to `{address}` writes there")));
        }
    }
    for (path, source) in tree.sources_under("plugin-api/src/") {
        for (line, token) in &source.tokens {
            if matches!(token, Token::Text(text) if ["PUT", "DELETE", "PATCH"].contains(&text.as_str())) {
                found.push(format!("{path}:{line}: connectors are offered GET and POST, nothing else"));
            }
        }
    }
    found
}

fn connector_folders_look_alike(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for member in tree.connectors() {
        let missing = CONNECTOR_FILES.iter().filter(|file| !tree.texts.contains_key(&member.file(file)));
        found.extend(missing.map(|file| format!("{}: {file} is missing", member.folder)));
    }
    found
}

fn host_modules_keep_their_distance(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let modules: Vec<&str> = HOST_MODULES.iter().map(|(module, _)| *module).collect();
    for (path, source) in tree.sources_under("host/src/") {
        let module = top_module(path);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, uses)) = HOST_MODULES.iter().find(|(name, _)| *name == module) else {
            found.push(format!("{path}: module `{module}` has no line in HOST_MODULES of this test"));
            continue;
        };
        if let Uses::These(allowed) = uses {
            for (line, name) in &source.paths {
                let inside = name.first().is_some_and(|first| first == "crate");
                let Some(other) = name.get(1).filter(|_| inside).map(String::as_str) else { continue };
                if other != module && modules.contains(&other) && !allowed.contains(&other) {
                    found.push(format!("{path}:{line}: host::{module} must not use host::{other}"));
                }
            }
        }
        if let Some((_, banned)) = NOT_IN_MODULE.iter().find(|(name, _)| *name == module) {
            found.extend(source.naming(path, banned));
        }
    }
    found
}

fn the_domain_is_pure(tree: &Tree) -> Vec<String> {
    let mut found = tree.naming("host/src/domain/", OUTSIDE_WORLD);
    for (path, source) in tree.sources_under("host/src/domain/") {
        let waits =
            source.tokens.iter().filter(|(_, token)| token.is_word("async") || token.is_word("await"));
        found.extend(waits.map(|(line, _)| format!("{path}:{line}: the rules do not wait for anything")));
    }
    found
}

/// Deadlines and spans of time are another thing: those run on the monotonic clock.
fn the_host_reads_the_clock_in_one_place(tree: &Tree) -> Vec<String> {
    let clocks = ["std::time::SystemTime", "jiff::Timestamp::now", "jiff::Zoned::now"];
    let found = tree.naming("host/src/", &clocks);
    found.into_iter().filter(|line| !line.starts_with("host/src/clock.rs:")).collect()
}

fn the_kit_does_not_know_the_host(tree: &Tree) -> Vec<String> {
    tree.naming("tests/src/", &["statusync", "plugin_abi"])
}

fn files_are_named_after_what_they_hold(tree: &Tree) -> Vec<String> {
    let empty = |path: &&String| {
        let name = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        EMPTY_NAMES.contains(&name.rsplit('/').next().unwrap_or_default())
    };
    tree.sources.keys().filter(empty).map(|path| format!("{path}: name it after what it holds")).collect()
}

fn unsafe_stays_at_the_boundary(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, source) in tree.sources_under("") {
        if UNSAFE_FILES.contains(&path.as_str()) {
            continue;
        }
        let lines = source.tokens.iter().filter(|(_, token)| token.is_word("unsafe"));
        found.extend(lines.map(|(line, _)| format!("{path}:{line}: `unsafe` outside the boundary")));
    }
    found
}

fn nothing_is_unfinished(tree: &Tree) -> Vec<String> {
    let mut found = tree.naming("", &["std::thread::sleep"]);
    for (path, source) in tree.sources_under("") {
        for (at, (line, token)) in source.tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|at| source.tokens.get(at)).map(|(_, token)| token);
            let after = source.tokens.get(at + 1).map(|(_, token)| token);
            let Token::Word(word) = token else { continue };
            let unfinished = match word.as_str() {
                "todo" | "unimplemented" | "dbg" => after == Some(&Token::Mark('!')),
                "ignore" | "should_panic" => before == Some(&Token::Mark('[')),
                _ => false,
            };
            if unfinished {
                found.push(format!("{path}:{line}: `{word}`"));
            }
        }
    }
    found
}

/// The first folder or file below `src/`.
fn top_module(path: &str) -> &str {
    let inside = path.split_once("src/").map_or(path, |(_, rest)| rest);
    inside.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

#[test]
fn no_line_is_crossed() {
    let tree = this_workspace();
    assert!(tree.members.len() >= 6 && tree.connectors().count() >= 2, "{:?}", tree.members);
    assert!(tree.sources.len() > 100, "only {} sources were found", tree.sources.len());
    let mut breaches = String::new();
    for breach in RULES.iter().flat_map(|rule| rule(&tree)) {
        // Writing to a String cannot fail.
        let _ = writeln!(breaches, "  {breach}");
    }
    assert!(
        breaches.is_empty(),
        "lines are crossed; docs/ARCHITECTURE.md says why they are there:\n{breaches}"
    );
}
