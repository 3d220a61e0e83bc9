//! A database server of its own, and daemons on it, each with a data directory and a line to the database that can fail.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use kit::{
    built_programs,
    cluster::{APP, Cluster, Database, OWNER},
    proxy::Proxy,
    simulators::Simulator,
    world::snapshot,
};
use serde_json::Value;

use crate::checker::Acknowledged;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at something that gives no sign.
const LOOK: Duration = Duration::from_millis(100);

/// Looks until something is there.
pub(crate) fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {patience:?}: {what}");
        thread::park_timeout(LOOK);
    }
}

/// A server, a database on it, and the program with the connectors that are wanted.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(crate) cluster: Cluster,
    pub(crate) database: Database,
    sync: String,
}

impl Place {
    /// Every host has these lines below `[sync]`.
    pub(crate) fn new(sync: &str, connectors: &[&str]) -> Place {
        let built = built_programs::folder().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let programs = dir.path().join("bin");
        fs::create_dir_all(&programs).unwrap();
        let libraries = connectors.iter().map(|id| format!("lib{}.so", id.replace('-', "_")));
        for name in libraries.chain(["statusync".to_owned()]) {
            let (from, to) = (built.join(&name), programs.join(&name));
            fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop)).unwrap();
        }
        let cluster = Cluster::alone();
        let database = cluster.database();
        let place = Place { dir, cluster, database, sync: sync.to_owned() };
        let data = place.dir.path().join("anywhere");
        let prepare = ["database", "prepare", "--url", &place.database.url(OWNER), "--role", APP];
        let prepared = place.command(&data, &prepare).output().unwrap();
        assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
        place
    }

    fn command(&self, data: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(self.dir.path().join("bin/statusync"));
        command.args(args).env_clear().env("STATUSYNC_DATA", data).stdin(Stdio::null());
        command
    }

    /// A host that does not run yet; all have the key of the first.
    pub(crate) fn host(&self, name: &str) -> Host<'_> {
        let data = self.dir.path().join(name);
        let made = self.command(&data, &["init"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let key = self.dir.path().join("key");
        if key.exists() {
            fs::copy(&key, data.join("key")).unwrap();
        } else {
            fs::copy(data.join("key"), &key).unwrap();
        }
        let line = Proxy::to(&self.database).unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        Host { place: self, name: name.to_owned(), data, line, lives: 0, running: None, heard }
    }
}

/// Starts them all.
pub(crate) fn start(hosts: &mut [Host<'_>]) {
    for host in hosts {
        host.start();
    }
}

/// What a host has said.
#[derive(Default)]
struct Heard {
    acknowledged: Vec<Acknowledged>,
    last: VecDeque<String>,
    lines: u64,
}

/// A data directory with a line to the database, and the daemon on it, if it runs.
pub(crate) struct Host<'a> {
    place: &'a Place,
    pub(crate) name: String,
    data: PathBuf,
    pub(crate) line: Proxy,
    lives: u32,
    running: Option<Running>,
    heard: Arc<Mutex<Heard>>,
}

struct Running {
    child: Child,
    http: String,
    reader: thread::JoinHandle<()>,
}

impl Host<'_> {
    /// The name of this life: no other process has it.
    pub(crate) fn alias(&self) -> String {
        format!("{}.{}", self.name, self.lives)
    }

    fn configure(&self) {
        let config = format!(
            "[database]\nurl = \"{}\"\n[egress]\nallow_loopback = true\n[http]\nlisten = \"127.0.0.1:0\"\n[log]\n\
             format = \"json\"\n[sync]\n{}\n",
            self.line.url(APP, &self.alias()),
            self.place.sync
        );
        fs::write(self.data.join("config.toml"), config).unwrap();
    }

    /// A command of this host, by its line to the database.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.configure();
        self.place.command(&self.data, args)
    }

    pub(crate) fn attempt(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed and returns what it prints.
    pub(crate) fn run(&self, args: &[&str]) -> Vec<u8> {
        let output = self.attempt(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Takes a live seller of these marketplaces over, whose tasks come this often. Returns what it began with.
    pub(crate) fn import(&self, tenant: &str, markets: &[Simulator], every: &str) -> Value {
        let mut snapshot = snapshot::joined(markets.iter().map(|market| market.snapshot(tenant))).unwrap();
        snapshot["live"] = Value::Bool(true);
        let file = self.data.join("snapshot.json");
        fs::write(&file, snapshot.to_string()).unwrap();
        self.run(&["import", &file.display().to_string()]);
        let set = |of: &Value, what: &[&str]| {
            let [channel, kind] = ["channel", "task"].map(|key| of[key].as_str().unwrap());
            let of = ["-q", "tasks", "set", "--tenant", tenant, "--channel", channel, "--task", kind];
            self.run(&[&of, what].concat());
        };
        for task in self.tasks(tenant) {
            set(&task, &["--every", every]);
        }
        // A run that was on meanwhile puts its task off by the interval that it had before.
        let mut seen = BTreeSet::new();
        let text = |task: &Value| format!("{}/{}", task["channel"], task["task"]);
        until("every task comes soon", PATIENCE, || {
            let soon = jiff::Timestamp::now() + Duration::from_mins(2);
            let at = |task: &Value| task["next_run_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            let (running, others): (Vec<Value>, Vec<Value>) =
                self.tasks(tenant).into_iter().partition(|task| !task["running"].is_null());
            let late: Vec<&Value> = others.iter().filter(|task| at(task) > soon).collect();
            for task in &late {
                set(task, &["--now"]);
            }
            // Whatever began after this is by the new interval.
            seen.extend(others.iter().filter(|task| at(task) <= soon).map(&text));
            running.iter().all(|task| seen.contains(&text(task))).then_some(()).filter(|()| late.is_empty())
        });
        snapshot
    }

    pub(crate) fn tasks(&self, tenant: &str) -> Vec<Value> {
        let listed = self.run(&["--json", "tasks", "--tenant", tenant]);
        serde_json::from_slice::<Value>(&listed).unwrap().as_array().unwrap().clone()
    }

    pub(crate) fn export(&self, tenant: &str) -> Value {
        serde_json::from_slice(&self.run(&["export", "--tenant", tenant])).unwrap()
    }

    /// What became of the order that a line of differences begins with, and how its tasks are.
    pub(crate) fn explained(&self, tenant: &str, difference: &str) -> String {
        let order = difference.split(' ').nth(1).unwrap();
        let told = [&["order", "explain", order, "--tenant", tenant][..], &["tasks", "--tenant", tenant]];
        told.iter().map(|args| String::from_utf8_lossy(&self.attempt(args).stdout).into_owned()).collect()
    }

    /// Starts the daemon, under a new name.
    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none());
        self.lives += 1;
        let mut command = self.command(&["run", "--log", "debug"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let http = loop {
            let line = lines
                .next()
                .unwrap_or_else(|| panic!("{} does not run: {}", self.name, self.said()))
                .unwrap();
            if let Some((_, rest)) = line.split_once("answers on http://") {
                break rest.split(';').next().unwrap().to_owned();
            }
            self.heard().take(line, "");
        };
        let (heard, alias) = (Arc::clone(&self.heard), self.alias());
        let reader = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).take(line, &alias);
            }
        });
        self.running = Some(Running { child, http, reader });
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("it runs")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.running().child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let told = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("it runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        running.reader.join().unwrap();
    }

    /// Asks it to stop, which it must do well.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let mut running = self.running.take().expect("it runs");
        let ended = running.child.wait().unwrap();
        running.reader.join().unwrap();
        assert_eq!(ended.code(), Some(0), "{}: {}", self.name, self.said());
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.running.as_mut().is_some_and(|running| running.child.try_wait().unwrap().is_some())
    }

    /// What `/readyz` or another path answers; nothing if nobody answers.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&self.running().http).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.get("/readyz").is_some_and(|(status, _)| status == 200)
    }

    /// The processor time that it has used, in milliseconds.
    pub(crate) fn cpu_ms(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        // In hundredths of a second on every Linux that there is.
        [11, 12].iter().map(|at| fields[*at].parse::<u64>().unwrap() * 10).sum()
    }

    /// Lines that it has written so far.
    pub(crate) fn lines(&self) -> u64 {
        self.heard().lines
    }

    /// The pages that it says are written.
    pub(crate) fn acknowledged(&self) -> Vec<Acknowledged> {
        self.heard().acknowledged.clone()
    }

    /// Its last lines, for whoever wants to know why.
    pub(crate) fn said(&self) -> String {
        self.heard().last.iter().fold(String::new(), |text, line| text + line.as_str() + "\n")
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Heard {
    fn take(&mut self, line: String, alias: &str) {
        self.lines += 1;
        if line.contains("a page is written") {
            let said: Value = serde_json::from_str(&line).unwrap();
            self.acknowledged.push(Acknowledged {
                host: alias.to_owned(),
                run: said["fields"]["run"].as_str().unwrap().to_owned(),
                polled: said["fields"]["polled"].as_u64().unwrap(),
            });
            return;
        }
        if !line.contains("\"DEBUG\"") {
            self.last.push_back(line);
        }
        if self.last.len() > 30 {
            self.last.pop_front();
        }
    }
}
