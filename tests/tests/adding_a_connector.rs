//! Does what docs/ADDING_A_CONNECTOR.md says, line by line, in a folder outside the workspace and without a network: a
//! connector for a marketplace that nobody here knows, from nothing to its first order.
//!
//! Blocks that are marked `sh` are run, files that are named before a block are compared with what the program wrote, or
//! written where the page says that they are changed or new. Nothing else is done but to put a simulated marketplace in the
//! place of `https://api.bazaar.example`.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use kit::built_programs;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{body_string_contains, header, method, path},
};

const PAGE: &str = include_str!("../../docs/ADDING_A_CONNECTOR.md");
const ADDRESS: &str = "https://api.bazaar.example";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// Where connectors are built here.
fn target() -> PathBuf {
    root().join("target/adding")
}

/// A fenced block, and what stands before it.
struct Block<'a> {
    /// The word after the fence.
    kind: &'a str,
    /// The line above.
    above: &'a str,
    text: String,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open, mut above) = (Vec::new(), None::<Block<'_>>, "");
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => open = Some(Block { kind, above, text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text.extend([line, "\n"]),
            (None, None) if !line.trim().is_empty() => above = line,
            (None, None) => above = "",
        }
    }
    blocks
}

/// The file that a block is, and whether it is new or changed.
fn file_of<'a>(block: &Block<'a>) -> Option<(&'a str, bool)> {
    let (name, rest) = block.above.strip_prefix('`')?.split_once('`')?;
    Some((name, rest == ", changed" || !name.starts_with("src/")))
}

/// A reader of the page.
struct Reader {
    home: tempfile::TempDir,
    /// Where the reader stands.
    at: PathBuf,
    /// What the reader has exported.
    exports: String,
    marketplace: MockServer,
}

impl Reader {
    async fn new() -> Reader {
        let home = tempfile::tempdir().expect("a folder");
        symlink(root(), home.path().join("statusync")).expect("a copy of the sources");
        let at = home.path().join("work");
        fs::create_dir(&at).expect("a folder");
        Reader { home, at, exports: String::new(), marketplace: bazaar().await }
    }

    /// What a block says, with the simulated marketplace in it.
    fn adapted(&self, text: &str) -> String {
        text.replace(ADDRESS, &self.marketplace.uri())
            .replace("allow_loopback = false", "allow_loopback = true")
    }

    async fn run(&mut self, script: &str) -> String {
        let place = self.home.path().join("place");
        let shell = format!("set -e\n{}\n{script}\npwd > {}\n", self.exports, place.display());
        let programs = built_programs::folder().expect("the program builds");
        let cargo = Path::new(env!("CARGO")).parent().expect("cargo is in a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = [programs.to_owned(), cargo.to_owned()].into_iter().chain(std::env::split_paths(&path));
        let mut command = Command::new("sh");
        command.args(["-c", &shell]).current_dir(&self.at).env("CARGO_NET_OFFLINE", "true");
        command.env("CARGO_TARGET_DIR", target());
        command.env("PATH", std::env::join_paths(folders).expect("a search path"));
        for own in ["STATUSYNC_DATA", "STATUSYNC_CONFIG", "RUSTFLAGS"] {
            command.env_remove(own);
        }
        let done =
            tokio::task::spawn_blocking(move || command.output().expect("a shell")).await.expect("it ends");
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(
            done.status.success(),
            "this does not work:\n{script}\n--- prints\n{out}\n--- and says\n{err}"
        );
        self.at = PathBuf::from(fs::read_to_string(&place).expect("where it ended").trim());
        let exports = script.lines().filter(|line| line.starts_with("export "));
        self.exports.extend(exports.map(|line| format!("{line}\n")));
        format!("{out}{err}")
    }
}

/// Bazaar, as far as the page asks it: one order that is with the courier.
async fn bazaar() -> MockServer {
    let server = MockServer::start().await;
    let token = r#"{"access_token":"a-token","expires_in":3600}"#;
    Mock::given(method("POST"))
        .and(path("/oauth/token"))
        .and(body_string_contains("client_secret=a-secret-from-the-developer-page"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(token, "application/json"))
        .mount(&server)
        .await;
    let orders = r#"{"orders":[{"id":"B1001","updated_at":"2026-01-15T09:10:00Z","tracking_number":"AW1001",
        "lines":[{"id":"L1","state":"with_courier"}]}]}"#;
    Mock::given(method("GET"))
        .and(path("/v1/orders"))
        .and(header("authorization", "Bearer a-token"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(orders, "application/json"))
        .mount(&server)
        .await;
    server
}

/// What must be seen after a block of commands, by a line of it.
const SEEN: &[(&str, &[&str])] = &[
    ("cargo test", &["test result: ok", "0 failed"]),
    (
        "statusync connector test . ||",
        &["✗ status tables and claims name the same statuses: [CourierReturn]", "as expected"],
    ),
    ("statusync connector check", &["✓"]),
    ("statusync connector try", &["\"order\":\"B1001\"", "\"status\":\"DISPATCHED\"", "\"mark\""]),
    ("statusync connector list", &["bazaar"]),
    ("statusync order explain", &["with_courier", "FULFILLABLE → DISPATCHED"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_page_leads_from_nothing_to_the_first_order() {
    let mut reader = Reader::new().await;
    let (mut commands, mut files) = (0, 0);
    for block in blocks(PAGE) {
        if block.kind == "sh" {
            commands += 1;
            let said = reader.run(&block.text).await;
            for (line, words) in SEEN.iter().filter(|(line, _)| block.text.contains(line)) {
                for word in *words {
                    assert!(said.contains(word), "`{word}` is not seen after `{line}`:\n{said}");
                }
            }
            prepare(&reader, &block.text);
        } else if let Some((name, is_written)) = file_of(&block) {
            files += 1;
            let file = reader.at.join(name);
            if is_written {
                fs::write(&file, reader.adapted(&block.text)).expect("the file can be written");
            } else {
                let written = fs::read_to_string(&file).expect("the program has written it");
                assert!(
                    written == block.text,
                    "{name} is on the page otherwise than `connector new` writes it:\n{written}"
                );
            }
        }
    }
    assert!(
        commands >= 7 && files >= 12,
        "{commands} blocks of commands and {files} files: the page has changed its form"
    );
}

/// What the page leaves to the reader's machine: where cargo builds, so that dependencies are built once for all tests, and
/// leave for loopback.
fn prepare(reader: &Reader, script: &str) {
    if script.contains("connector new") {
        symlink(target(), reader.at.join("target")).expect("what cargo builds is where the page says");
    }
    if script.contains("statusync init") {
        let file = reader.at.join("data/config.toml");
        let text = fs::read_to_string(&file).expect("a configuration");
        let allowed = text.replace("# allow_loopback = false", "allow_loopback = true");
        assert!(text != allowed, "the template of the configuration has changed");
        fs::write(&file, allowed).expect("it can be written");
    }
}

#[test]
fn every_choice_of_a_new_connector_keeps_to_the_contract_at_once() {
    let home = tempfile::tempdir().expect("a folder");
    let program = built_programs::folder().expect("the program builds").join("statusync");
    for (auth, paging) in [("none", "none"), ("basic", "page"), ("header", "link"), ("bearer", "token")] {
        let name = format!("shop-{auth}");
        let run = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).current_dir(home.path());
            command.env("CARGO_NET_OFFLINE", "true").env("CARGO_TARGET_DIR", target());
            let done = command.output().expect("the program runs");
            let said = String::from_utf8_lossy(&done.stdout).into_owned()
                + String::from_utf8_lossy(&done.stderr).as_ref();
            (done.status.success(), said)
        };
        let (is_new, said) = run(&["connector", "new", &name, "--auth", auth, "--paging", paging]);
        assert!(is_new, "{said}");
        let (is_sound, said) = run(&["connector", "test", &name]);
        assert!(is_sound, "{said}");
        let passed: usize = said.lines().filter(|line| line.starts_with('✓')).count();
        assert!(passed >= 60, "{passed} cases:\n{said}");
    }
}
