//! The daemon is tried out against its own description: requests that fit it and requests that do not, several thousand of
//! each. Whatever is answered must be as described, nothing may fail inside, and nothing that does not fit may pass.
//!
//! It is done by schemathesis, a Python program, which is put below `target/` when it is not there.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use kit::built_programs;
use serde_json::json;

/// Examples of each operation beyond those of its limits.
const EXAMPLES: &str = "8";

/// Ends with the test.
struct Daemon {
    child: Child,
    address: String,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The program; installs it if need be.
fn schemathesis() -> PathBuf {
    let installed = Command::new(folder().join("schemathesis.sh")).output().expect("a shell script runs");
    let said = String::from_utf8_lossy(&installed.stderr);
    assert!(
        installed.status.success(),
        "schemathesis cannot be installed. It needs python3 with venv (Debian: apt-get install python3-venv) and the \
         package index PyPI, once; try `tests/schemathesis.sh` by hand:\n{said}"
    );
    String::from_utf8(installed.stdout).expect("a path").trim().into()
}

struct Place(tempfile::TempDir);

impl Place {
    fn command(&self, args: &[&str]) -> Command {
        let mut command =
            Command::new(built_programs::folder().expect("the program builds").join("statusync"));
        command.args(args).env_clear().env("STATUSYNC_DATA", self.0.path().join("data")).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn daemon(&self) -> Daemon {
        let mut child = self.command(&["run", "--log", "error"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        // What else it says is read, so that it never waits for a reader.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("daemon: {line}")));
        let address = first.split("answers on ").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.unwrap_or_else(|| panic!("no address: {first}")).to_owned();
        Daemon { child, address }
    }
}

#[test]
fn the_api_answers_as_it_is_described_whatever_it_is_asked() {
    let program = schemathesis();
    let place = Place(tempfile::tempdir().unwrap());
    place.run(&["-q", "init"]);
    let config = "[http]\nlisten = \"127.0.0.1:0\"\nrequests_per_minute = 10000000\n";
    fs::write(place.0.path().join("data/config.toml"), config).unwrap();
    let orders: Vec<_> = (1..=3)
        .map(|n| {
            json!({"code": format!("O{n}"), "channel": "FK1", "channel_order_id": format!("OD{n}"), "status": "CREATED",
                "items": [{"code": format!("O{n}-1"), "channel_item_id": "111", "sku": "A", "facility": "DEL1",
                    "status": "CREATED"}]})
        })
        .collect();
    let tenant = json!({"tenant": "acme", "live": true, "facilities": [{"code": "DEL1"}],
        "sequences": [{"owner": "DEL1", "kind": "SHIPPING_PACKAGE", "prefix": "SP", "next": 1}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 50}],
        // No connector of this name is loaded, so nothing is asked of any marketplace.
        "channels": [{"code": "FK1", "connector": "none", "default_facility": "DEL1"}], "orders": orders});
    let file = place.0.path().join("acme.json");
    fs::write(&file, tenant.to_string()).unwrap();
    place.run(&["-q", "import", file.to_str().unwrap()]);
    let key = place.run(&["-q", "api-key", "new", "--every-tenant", "--scopes", "admin"]);
    let daemon = place.daemon();

    let fixtures = folder().join("fixtures/schemathesis");
    let tried = Command::new(program)
        .arg("--config-file")
        .arg(fixtures.join("schemathesis.toml"))
        .args(["run", &format!("{}/v1/openapi.json", daemon.address)])
        .args(["--max-examples", EXAMPLES, "--seed", "20261122", "--workers", "2", "--no-color"])
        // A removed tenant would leave nothing to try the rest on.
        .args(["--exclude-path-regex", "/events$", "--exclude-operation-id", "remove_tenants"])
        .env("STATUSYNC_KEY", key)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &fixtures)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(place.0.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&tried.stdout);
    assert!(tried.status.success(), "{said}\n{}", String::from_utf8_lossy(&tried.stderr));
    assert!(said.contains("No issues found"), "{said}");
}
