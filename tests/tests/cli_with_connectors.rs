//! The program with a real connector file, against a simulated marketplace: trials, channels, secrets, observations.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use kit::simulators::{Config, Simulator, flipkart::Flipkart};
use serde_json::{Value, json};

/// The folder with the program and the connectors, built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "statusync", "-p", "flipkart"]).current_dir(&root);
        assert!(build.status().unwrap().success(), "program and connector build");
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("debug")
    })
}

struct Place {
    dir: tempfile::TempDir,
    simulator: Simulator,
}

struct Done {
    exit: i32,
    out: String,
    err: String,
}

impl Place {
    async fn new() -> Place {
        let now = || jiff::Timestamp::now().as_millisecond();
        let simulator = Simulator::start(Flipkart, Config::new(7, 20, now)).await.unwrap();
        simulator.advance(24);
        let place = Place { dir: tempfile::tempdir().unwrap(), simulator };
        let text = format!(
            "[plugins]\ndirs = [\"{}\"]\n[egress]\nallow_loopback = true\n[sync]\nrate_plan = false\n",
            place.plugins().display()
        );
        fs::create_dir_all(place.plugins()).unwrap();
        fs::copy(built().join("libflipkart.so"), place.plugins().join("libflipkart.so")).unwrap();
        place.file("config.toml", &text);
        place
    }

    fn plugins(&self) -> PathBuf {
        self.dir.path().join("connectors")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// A settings file of the simulator, each line as `edit` leaves it.
    fn settings(&self, name: &str, edit: impl Fn(&str) -> String) -> String {
        let mut lines = vec![format!("base_url = \"{}\"", self.simulator.base_url())];
        let secrets = self.simulator.secrets();
        let secrets = secrets.as_object().unwrap().iter().filter(|(name, _)| *name != "refresh_token");
        lines.extend(secrets.map(|(name, value)| format!("{name} = {value}")));
        lines.extend(
            ["[host]", "allow_loopback = true", "rate_plan = false", "max_attempts = 1"].map(String::from),
        );
        let text: Vec<String> = lines.iter().map(|line| edit(line)).collect();
        self.file(name, &text.join("\n"))
    }

    /// Runs the program while the simulator answers.
    async fn run(&self, arguments: &str) -> Done {
        let mut command = Command::new(built().join("statusync"));
        command.args(arguments.split_whitespace()).env("STATUSYNC_DATA", self.dir.path().join("data"));
        command.arg("--config").arg(self.dir.path().join("config.toml"));
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { exit: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
    }

    async fn attempt(&self, settings: &str, rest: &str) -> Done {
        let file = self.plugins().join("libflipkart.so");
        self.run(&format!("connector try {} --settings {settings} {rest}", file.display())).await
    }
}

impl Done {
    /// The last line that was printed.
    fn last(&self) -> Value {
        serde_json::from_str(self.out.lines().last().unwrap()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_prints_observations_and_its_mark_and_touches_no_database() {
    let place = Place::new().await;
    let settings = place.settings("s.toml", str::to_owned);
    let tried = place.attempt(&settings, "--task status --since 48h").await;
    assert_eq!(tried.exit, 0, "{}", tried.err);
    assert!(tried.out.lines().count() > 1, "{}", tried.out);
    assert!(tried.last()["complete_until"].is_string(), "{}", tried.out);
    let first: Value = serde_json::from_str(tried.out.lines().next().unwrap()).unwrap();
    assert!(first["order"].is_string() && first["status"].is_string(), "{first}");
    assert!(!place.dir.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_fails_says_whose_move_it_is() {
    let place = Place::new().await;
    let wrong = place.settings("wrong.toml", |line| {
        if line.starts_with("client_secret") {
            "client_secret = \"another-secret-text\"".into()
        } else {
            line.into()
        }
    });
    let refused = place.attempt(&wrong, "--task status").await;
    assert_eq!((refused.exit, &refused.last()["error"]["kind"]), (5, &"auth".into()), "{}", refused.err);
    assert!(!refused.out.contains("another-secret-text") && !refused.err.contains("another-secret-text"));

    // A port on which nobody listens: that of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = place.settings("away.toml", |line| {
        if line.starts_with("base_url") { format!("base_url = \"http://{gone}\"") } else { line.into() }
    });
    let unreachable = place.attempt(&away, "--task pending --orders OD1").await;
    assert_eq!((unreachable.exit, &unreachable.last()["error"]["kind"]), (6, &"unavailable".into()));

    for (name, line_instead, words) in [
        ("a.toml", "base_urk = \"x\"", "did you mean `base_url`?"),
        ("c.toml", "base_url = \"x", "c.toml:1:"),
    ] {
        let edit = |line: &str| if line.starts_with("base_url") { line_instead.into() } else { line.into() };
        let refused = place.attempt(&place.settings(name, edit), "--task status").await;
        assert!(refused.exit == 2 && refused.err.contains(words), "{name}: {}", refused.err);
    }
    let unnamed = place.attempt(&place.settings("s.toml", str::to_owned), "--task pending").await;
    assert!(unnamed.exit == 2 && unnamed.err.contains("--orders or --refs"), "{}", unnamed.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_snapshot_are_sealed_and_the_channel_is_synced() {
    let place = Place::new().await;
    let snapshot = place.file("simco.json", &place.simulator.snapshot("simco").to_string());
    let imported = place.run(&format!("import {snapshot}")).await;
    assert_eq!(imported.exit, 0, "{}", imported.err);
    let secret = place.simulator.secrets()["client_secret"].as_str().unwrap().to_owned();
    for arguments in
        ["channel list --tenant simco --json", "export --tenant simco", "connector list", "doctor"]
    {
        let done = place.run(arguments).await;
        assert!(done.exit == 0 && !done.out.contains(&secret), "{arguments}: {}{}", done.out, done.err);
    }
    assert_eq!(place.run("tasks --json").await.out.matches("\"next_run_at\"").count(), 4);

    assert_eq!(place.run("tenant live simco").await.exit, 0);
    let dry = place.run("sync --tenant simco --channel FK1 --all --dry-run --json").await;
    assert_eq!(dry.exit, 0, "{}", dry.err);
    let dry: Value = serde_json::from_str(&dry.out).unwrap();
    assert_eq!((&dry["run"], &dry["result"]), (&Value::Null, &"SUCCESS".into()));
    let synced = place.run("sync --tenant simco --channel FK1 --all").await;
    assert!(synced.exit == 0 && synced.err.contains("run R1: SUCCESS"), "{}", synced.err);

    let refused = place.run("channel set --tenant simco FK1 client_secret=typed-in-the-open").await;
    assert!(refused.exit == 2 && refused.err.contains("is a secret"), "{}", refused.err);
    let wrong = place.run("channel set --tenant simco FK1 page_size=0").await;
    assert!(wrong.exit == 2 && wrong.err.contains("page_size"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn observations_have_one_line_each_and_what_waited_comes_last() {
    let place = Place::new().await;
    let snapshot = json!({
        "tenant": "acme", "live": true, "facilities": [{"code": "DEL1"}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 5, "blocked": 1}],
        "channels": [{"code": "FK1", "connector": "flipkart", "default_facility": "DEL1", "shipping": "CHANNEL",
                      "invoice_numbering": "SELLER"}],
        "orders": [{"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "PROCESSING",
            "items": [{"code": "O1-1", "channel_item_id": "111", "sku": "A", "facility": "DEL1",
                       "status": "FULFILLABLE", "package": "SP90"}],
            "packages": [{"code": "SP90", "facility": "DEL1", "status": "CREATED"}]}]
    });
    let file = place.file("acme.json", &snapshot.to_string());
    assert_eq!(place.run(&format!("import {file}")).await.exit, 0);
    let lines = place.file(
        "o.jsonl",
        "{\"order\":\"OD9\",\"status\":\"DISPATCHED\"}\n\
         {\"order\":\"OD1\",\"item\":\"111\",\"status\":\"DISPATCHED\",\"raw\":\"SHIPPED\"}\n",
    );
    let observe = format!("observe --tenant acme --channel FK1 --json {lines}");
    let outcomes = |done: &Done| -> Vec<(String, String, bool)> {
        let line = |line: &str| -> (String, String, bool) {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().unwrap().to_owned();
            (text("order"), text("outcome"), line["retried"] == true)
        };
        done.out.lines().map(line).collect()
    };
    let told = |order: &str, outcome: &str, retried| (order.to_owned(), outcome.to_owned(), retried);

    let refused = place.run(&observe).await;
    assert_eq!(refused.exit, 1, "{}", refused.err);
    assert_eq!(outcomes(&refused), [told("OD9", "PARKED", false), told("OD1", "REFUSED", false)]);
    for kind in ["SALE_INVOICE", "SHIPPING_PACKAGE"] {
        let set = format!("sequence set --tenant acme --owner DEL1 --kind {kind} --prefix S --next 1");
        assert_eq!(place.run(&set).await.exit, 0);
    }
    let applied = place.run(&observe).await;
    assert_eq!(applied.exit, 0, "{}", applied.err);
    let expected =
        [told("OD9", "PARKED", false), told("OD1", "UNCHANGED", false), told("OD1", "APPLIED", true)];
    assert_eq!(outcomes(&applied), expected);
    let explained = place.run("order explain OD1 --tenant acme").await.out;
    for words in
        ["said \"SHIPPED\" (DISPATCHED) of item 111", "Rule D3:", "FULFILLABLE → DISPATCHED", "By run R2"]
    {
        assert!(explained.contains(words), "{words}: {explained}");
    }
}
