//! A data directory of its own, a simulated Flipkart, and the program that works on both.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use kit::{
    built_programs,
    simulators::{Config, Simulator, flipkart::Flipkart},
};
use serde_json::Value;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of its own for the program and its data, so that no connector lies beside the program.
pub(crate) struct Place {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) simulator: Simulator,
}

impl Place {
    pub(crate) async fn new(orders: u32) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let built = built_programs::folder().unwrap();
        fs::create_dir_all(dir.path().join("bin")).unwrap();
        let program = dir.path().join("bin/statusync");
        fs::hard_link(built.join("statusync"), &program)
            .or_else(|_| fs::copy(built.join("statusync"), &program).map(drop))
            .unwrap();
        let now = || jiff::Timestamp::now().as_millisecond();
        let config = Config { backdate_ms: 60_000, ..Config::new(7, orders, now) };
        let simulator = Simulator::start(Flipkart, config).await.unwrap();
        let place = Place { dir, simulator };
        place.run(&["init"]);
        let config =
            "[egress]\nallow_loopback = true\n[sync]\nrate_plan = false\n[http]\nlisten = \"127.0.0.1:0\"\n";
        fs::write(place.data().join("config.toml"), config).unwrap();
        place
    }

    /// Takes a seller over that is live, with its secrets.
    pub(crate) fn import(&self) {
        let mut snapshot = self.simulator.snapshot("acme");
        snapshot["live"] = Value::Bool(true);
        let file = self.dir.path().join("snapshot.json");
        fs::write(&file, snapshot.to_string()).unwrap();
        self.run(&["import", &file.display().to_string()]);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.dir.path().join("bin/statusync"));
        command.args(args).env_clear().env("STATUSYNC_DATA", self.data()).stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed and returns what it prints.
    pub(crate) fn run(&self, args: &[&str]) -> Vec<u8> {
        let output = self.command(args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
        output.stdout
    }

    pub(crate) fn daemon(&self) -> Daemon {
        let mut child = self.command(&["run", "--log", "warn"]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("is running"), "{first}");
        // What else it says is read, so that it never waits for a reader.
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        Daemon { child, rest: Some(rest) }
    }

    /// Waits until the last run of a task is as wanted.
    pub(crate) async fn until_last(&self, task: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let command = self.command(&["--json", "tasks", "--tenant", "acme"]);
            let mut command = tokio::process::Command::from(command);
            let listed = command.output().await.unwrap();
            let tasks: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
            let rows = tasks.as_array().cloned().unwrap_or_default();
            let row = rows.into_iter().find(|row| row["task"] == task).unwrap_or_default();
            if is(&row["last"]) {
                return row;
            }
            assert!(Instant::now() < deadline, "{what}: {row}");
        }
    }

    pub(crate) fn put(&self, library: &Path) {
        let plugins = self.data().join("plugins");
        // Written aside and renamed, as an installer does.
        let aside = plugins.join("libflipkart.part");
        fs::copy(library, &aside).unwrap();
        fs::rename(aside, plugins.join("libflipkart.so")).unwrap();
    }
}

/// Ends with the test.
pub(crate) struct Daemon {
    child: Child,
    rest: Option<std::thread::JoinHandle<Vec<String>>>,
}

impl Daemon {
    pub(crate) fn stop(mut self) -> Vec<String> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.rest.take().unwrap().join().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
