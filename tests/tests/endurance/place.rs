//! A folder of its own for the program and its data, so that no connector lies beside the program.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use kit::built_programs;
use serde_json::{Value, json};

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A data directory with this configuration besides what every test needs.
    pub(crate) fn new(sync: &str) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let built = built_programs::folder().unwrap();
        fs::create_dir_all(dir.path().join("bin")).unwrap();
        let program = dir.path().join("bin/statusync");
        fs::hard_link(built.join("statusync"), &program)
            .or_else(|_| fs::copy(built.join("statusync"), &program).map(drop))
            .unwrap();
        let place = Place { dir };
        place.run(&["init"]);
        let config =
            format!("[egress]\nallow_loopback = true\n[http]\nlisten = \"127.0.0.1:0\"\n[sync]\n{sync}\n");
        fs::write(place.data().join("config.toml"), config).unwrap();
        place
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

    /// Takes a seller over.
    pub(crate) fn import(&self, snapshot: &Value) {
        let file = self.dir.path().join("snapshot.json");
        fs::write(&file, snapshot.to_string()).unwrap();
        self.run(&["import", &file.display().to_string()]);
    }

    pub(crate) fn daemon(&self, log: &str) -> Daemon {
        let mut child = self.command(&["run", "--log", log]).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let heard = Arc::new(Heard::default());
        loop {
            let line = lines.next().expect("it runs").unwrap();
            let is_running = line.contains("is running on");
            heard.lines.lock().unwrap().push(line);
            if is_running {
                break;
            }
        }
        let writing = Arc::clone(&heard);
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                writing.lines.lock().unwrap().push(line);
                writing.more.notify_all();
            }
        });
        Daemon { child, heard, reader: Some(reader) }
    }

    /// Puts a file into the plugin folder, written aside and renamed, as an installer does.
    pub(crate) fn put(&self, library: &Path, name: &str) {
        let plugins = self.data().join("plugins");
        let aside = plugins.join(format!("{name}.part"));
        fs::copy(library, &aside).unwrap();
        fs::rename(aside, plugins.join(name)).unwrap();
    }
}

/// What a daemon has said so far.
#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// Ends with the test.
pub(crate) struct Daemon {
    child: Child,
    heard: Arc<Heard>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits until all of its threads stand still after SIGSTOP.
    pub(crate) fn until_it_stands(&self) {
        let deadline = Instant::now() + PATIENCE;
        let folder = format!("/proc/{}/task", self.child.id());
        let stands = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_none_or(|rest| rest.is_empty() || rest.starts_with('T'))
        };
        while !fs::read_dir(&folder).unwrap().all(|task| stands(task.unwrap())) {
            assert!(Instant::now() < deadline, "it does not stand still");
            std::thread::yield_now();
        }
    }

    /// Waits until what it has said is as wanted.
    pub(crate) fn until_said(&self, what: &str, is: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.heard.lines.lock().unwrap();
        while !is(&lines) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: {lines:?}");
            lines = self.heard.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// What it has said.
    pub(crate) fn said(&self) -> Vec<String> {
        self.heard.lines.lock().unwrap().clone()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its end, if it has come.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to stop, which it must do well.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("TERM");
        assert_eq!(self.ended().code(), Some(0), "{:?}", self.said());
        self.said()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A live seller whose channels `C00`, `C01`, … sell at a stall, with `orders` orders each that have to be sent.
pub(crate) fn seller(tenant: &str, stall: &str, channels: usize, orders: usize) -> Value {
    let series = |kind: &str, prefix: &str| {
        json!({"owner": "DEL1", "kind": kind, "prefix": prefix, "width": 1, "next": 1, "reset": true,
               "next_year_prefix": null})
    };
    let channel = |number: usize| {
        let code = format!("C{number:02}");
        json!({"code": code, "connector": "stall", "enabled": true, "default_facility": "DEL1",
               "billing_party": null, "shipping": "CHANNEL", "invoice_numbering": "SELLER",
               "settings": {"base_url": format!("{stall}/{tenant}/{code}"), "key": "key-0"}})
    };
    let order = |number: usize| {
        let (channel, of_channel) = (number / orders, number % orders);
        let id = order_id(of_channel);
        json!({"code": format!("O{number}"), "channel": format!("C{channel:02}"), "channel_order_id": id,
               "status": "PROCESSING", "shipping": "CHANNEL", "on_hold": false,
               "items": [{"code": format!("O{number}-1"), "channel_item_id": format!("{id}-1"), "sku": "A",
                          "facility": "DEL1", "status": "FULFILLABLE", "package": null}],
               "packages": [], "returns": []})
    };
    json!({"tenant": tenant, "live": true,
           "facilities": [{"code": "DEL1", "traceability": "NONE"}],
           "sequences": [series("SHIPPING_PACKAGE", "SP"), series("SALE_INVOICE", "I")],
           "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 10_000_000, "blocked": channels * orders,
                      "shortfall": 0}],
           "channels": (0..channels).map(channel).collect::<Vec<_>>(),
           "orders": (0..channels * orders).map(order).collect::<Vec<_>>(),
           "invoices": [], "putaways": [], "conflicts": [], "parked": [], "history": []})
}

/// The marketplace's id of a channel's n-th order.
pub(crate) fn order_id(number: usize) -> String {
    format!("OD{number}")
}
