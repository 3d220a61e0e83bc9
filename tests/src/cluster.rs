//! A private PostgreSQL cluster for the tests of one process: made on first use, gone when the process is, however it ends.
//! A test that stops its server has one to itself.
//!
//! It keeps nothing safe (`fsync=off`): it lives for the tests only; measurements have one that syncs. It finds the
//! server's own programs and needs no superuser and no port; its socket lies in its folder.

use std::{
    collections::VecDeque,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

/// What is said where there is no server to be had.
const REMEDY: &str = "these tests need the programs of a PostgreSQL server, version 13 or later: run tests/tools.sh, or install \
                      them (Debian: apt-get install postgresql), or put the folder with `initdb` and `postgres` into PATH";

/// The role that owns the databases of tests and makes their tables.
pub const OWNER: &str = "app_owner";
/// The role that hosts work with.
pub const APP: &str = "app";
/// A superuser.
pub const SUPERUSER: &str = "postgres";
/// A role that is let in with its password only, which is [`GUARDED_PASSWORD`].
pub const GUARDED: &str = "app_guarded";
/// The password of [`GUARDED`].
pub const GUARDED_PASSWORD: &str = "open-sesame";

/// What makes a cluster quick that lives for a test.
const FORGETFUL: &[&str] = &["fsync=off", "full_page_writes=off", "shared_buffers=64MB", "autovacuum=off"];
/// Whatever is acknowledged is on the disk, as everywhere in use.
const DURABLE: &[&str] = &["shared_buffers=256MB"];

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
    keeper: Mutex<Keeper>,
}

/// Ends the cluster and removes its folder when the pipe to it closes: so also when this process is killed.
#[derive(Debug)]
struct Keeper {
    process: Child,
    told: mpsc::Receiver<Told>,
}

/// What a keeper and its server say.
#[derive(Debug)]
enum Told {
    Ready,
    Stopped,
    /// There is no keeper any more; its last lines.
    Gone(String),
}

/// How long a server may take to start or stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// An empty database of a cluster. It stays until the cluster goes.
#[derive(Clone, Debug)]
pub struct Database {
    socket: PathBuf,
    programs: PathBuf,
    name: String,
}

impl Cluster {
    /// The cluster of this process.
    ///
    /// # Panics
    /// If there is no server to be had, saying what to do.
    pub fn of_this_process() -> &'static Cluster {
        static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
        match CLUSTER.get_or_init(|| Cluster::start("", FORGETFUL)) {
            Ok(cluster) => cluster,
            Err(error) => panic!("{error}"),
        }
    }

    /// A cluster that nobody else works with, so that its server may be stopped.
    ///
    /// # Panics
    /// If there is no server to be had, saying what to do.
    pub fn alone() -> Cluster {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        Cluster::start(&format!("-{number}"), FORGETFUL).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Ends the server without a word to anybody, as if its processes were killed.
    ///
    /// # Panics
    /// If it does not end.
    pub fn stop_at_once(&self) {
        self.tell("stop", |told| matches!(told, Told::Stopped));
    }

    /// Starts the server again; it recovers what was committed.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start_again(&self) {
        self.tell("start", |told| matches!(told, Told::Ready));
    }

    fn tell(&self, word: &str, is_done: impl Fn(&Told) -> bool) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let input = keeper.process.stdin.as_mut().expect("the keeper's input is a pipe");
        writeln!(input, "{word}").unwrap_or_else(|error| panic!("the keeper is gone: {error}"));
        loop {
            match keeper.told.recv_timeout(PATIENCE) {
                Ok(told) if is_done(&told) => return,
                Ok(Told::Gone(log)) => panic!("the PostgreSQL server does not {word}:\n{log}"),
                Ok(_) => {}
                Err(error) => panic!("the PostgreSQL server did not {word} within a minute: {error}"),
            }
        }
    }

    /// A cluster that waits for the disk as a server in use does, for measurements.
    ///
    /// # Errors
    /// If there is no server to be had, saying what to do.
    pub fn durable() -> Result<Cluster, String> {
        Cluster::start("-durable", DURABLE)
    }

    fn start(name: &str, settings: &[&str]) -> Result<Cluster, String> {
        let programs = find_programs().ok_or_else(|| REMEDY.to_owned())?;
        let folder = std::env::temp_dir().join(format!("statusync-pg-{}{name}", std::process::id()));
        let data = folder.join("data");
        // Of an earlier process of this number, if it and its keeper were killed together.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        let user = Unprivileged::find(&folder)?;
        let mut init = user.command(programs.join("initdb"));
        init.arg("--pgdata").arg(&data).args(["--username", SUPERUSER, "--encoding=UTF8", "--locale=C"]);
        init.args(["--auth=trust", "--no-sync"]).stdin(Stdio::null());
        run(init)?;
        let guarded = format!("local all {GUARDED} scram-sha-256\nlocal all all trust\n");
        fs::write(data.join("pg_hba.conf"), guarded).map_err(|error| error.to_string())?;
        let keeper = Mutex::new(keep(&user, &programs, &folder, &data, settings)?);
        let cluster = Cluster { folder, programs, databases: AtomicU32::new(0), keeper };
        cluster.at("postgres").execute(
            SUPERUSER,
            &format!(
                "CREATE ROLE {OWNER} LOGIN; CREATE ROLE {APP} LOGIN;
                 CREATE ROLE {GUARDED} LOGIN PASSWORD '{GUARDED_PASSWORD}'"
            ),
        )?;
        Ok(cluster)
    }

    /// The id of the server's first process.
    ///
    /// # Errors
    /// If the server does not say.
    pub fn server(&self) -> Result<u32, String> {
        let file = self.folder.join("data/postmaster.pid");
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        text.lines().next().and_then(|id| id.trim().parse().ok()).ok_or_else(|| "no process id".to_owned())
    }

    fn at(&self, name: &str) -> Database {
        Database { socket: self.folder.clone(), programs: self.programs.clone(), name: name.to_owned() }
    }

    /// A new, empty database that [`OWNER`] owns.
    ///
    /// # Panics
    /// If the server does not make it.
    pub fn database(&self) -> Database {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = self.at("postgres").execute(SUPERUSER, &format!("CREATE DATABASE {name} OWNER {OWNER}"));
        made.unwrap_or_else(|error| panic!("no database could be made: {error}"));
        self.at(&name)
    }

    /// A copy of a database to which nobody is connected, with all that is in it.
    ///
    /// # Panics
    /// If the server does not make it.
    pub fn copy(&self, of: &Database) -> Database {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {}", of.name);
        let made = self.at("postgres").execute(SUPERUSER, &sql);
        made.unwrap_or_else(|error| panic!("no database could be copied: {error}"));
        self.at(&name)
    }
}

impl Database {
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &Path) -> Database {
        Database { socket: folder.to_owned(), programs: PathBuf::new(), name: "none".to_owned() }
    }

    /// The server's socket.
    pub fn socket_file(&self) -> PathBuf {
        self.socket.join(".s.PGSQL.5432")
    }

    /// The folder in which the server's socket lies.
    pub fn socket_folder(&self) -> &Path {
        &self.socket
    }

    /// The URL for a role that needs no password.
    pub fn url(&self, role: &str) -> String {
        self.url_with(role, None, &self.name)
    }

    /// The URL for a role with a password, and for a database of another name.
    pub fn url_with(&self, role: &str, password: Option<&str>, database: &str) -> String {
        let password = password.map(|password| format!(":{password}")).unwrap_or_default();
        format!("postgres://{role}{password}@localhost/{database}?host={}", self.socket.display())
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Executes SQL as a role; answers what came of it as lines of text.
    ///
    /// # Errors
    /// What the server says against it.
    pub fn execute(&self, role: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]);
        psql.arg("--host").arg(&self.socket).args(["--username", role, "--dbname", &self.name]);
        psql.args(["--command", sql]).stdin(Stdio::null());
        run(psql)
    }
}

/// The user that servers run as: they refuse to run as root.
pub struct Unprivileged(Option<(u32, u32)>);

impl Unprivileged {
    /// Finds it, and gives it the folder.
    ///
    /// # Errors
    /// If the system does not say who its users are.
    pub fn find(folder: &Path) -> Result<Unprivileged, String> {
        if id("-u", None)? != 0 {
            return Ok(Unprivileged(None));
        }
        let name = if id("-u", Some("postgres")).is_ok() { "postgres" } else { "nobody" };
        let (uid, gid) = (id("-u", Some(name))?, id("-g", Some(name))?);
        std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        Ok(Unprivileged(Some((uid, gid))))
    }

    /// A command that runs as that user.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = self.0 {
            std::os::unix::process::CommandExt::gid(&mut command, gid);
            std::os::unix::process::CommandExt::uid(&mut command, uid);
        }
        command.current_dir("/").env("LC_ALL", "C");
        command
    }
}

fn id(what: &str, of: Option<&str>) -> Result<u32, String> {
    let mut id = Command::new("id");
    id.arg(what).args(of);
    run(id)?.trim().parse().map_err(|error| format!("`id {what}` says no number: {error}"))
}

/// Runs a command to its end; answers what it printed.
fn run(mut command: Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// The folder with the server's programs: of PATH, of `pg_config`, or where Debian puts it.
fn find_programs() -> Option<PathBuf> {
    let whole = |folder: &Path| {
        let folder = fs::canonicalize(folder.join("initdb")).ok()?.parent()?.to_owned();
        ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()).then_some(folder)
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let from_path = std::env::split_paths(&path).find_map(|folder| whole(&folder));
    let mut config = Command::new("pg_config");
    config.arg("--bindir");
    from_path.or_else(|| whole(Path::new(run(config).ok()?.trim()))).or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<PathBuf> =
            versions.flatten().map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.iter().rev().find_map(|folder| whole(folder))
    })
}

/// Starts the server under a keeper: a shell that stops and starts it when told to, waits for its input to close, which
/// happens when this process ends, and then stops the server and removes the folder. It has a process group of its own,
/// so that no signal to ours reaches it.
fn keep(
    user: &Unprivileged,
    programs: &Path,
    folder: &Path,
    data: &Path,
    settings: &[&str],
) -> Result<Keeper, String> {
    const KEEPER: &str = r#"
        exec 3<&0
        program=$1 data=$2 folder=$3
        shift 3
        start() {
            "$program" -D "$data" -k "$folder" -c listen_addresses= -c max_connections=200 -c max_wal_size=4GB "$@" </dev/null &
            server=$!
        }
        stop() {
            kill -QUIT "$server" 2>/dev/null
            wait "$server" 2>/dev/null
        }
        start "$@"
        while read -r word <&3; do
            case $word in
                stop) stop; echo "keeper: the server is stopped" >&2 ;;
                start) start "$@" ;;
            esac
        done
        stop
        cd / && rm -rf "$folder"
    "#;
    let mut keeper = user.command("/bin/sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(programs.join("postgres")).arg(data).arg(folder);
    keeper.args(settings.iter().flat_map(|setting| ["-c", setting]));
    std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
    let mut process = keeper
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("/bin/sh cannot be started: {error}"))?;
    let log = process.stderr.take().ok_or("the server's log cannot be read")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut last: VecDeque<String> = VecDeque::new();
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Nobody may be listening any more.
            if line.contains("database system is ready to accept connections") {
                let _ = tell.send(Told::Ready);
            }
            if line == "keeper: the server is stopped" {
                let _ = tell.send(Told::Stopped);
            }
            last.push_back(line);
            if last.len() > 20 {
                last.pop_front();
            }
        }
        let _ = tell.send(Told::Gone(last.into_iter().collect::<Vec<_>>().join("\n")));
    });
    match told.recv_timeout(PATIENCE) {
        Ok(Told::Gone(log)) => Err(format!("the PostgreSQL server does not start:\n{log}")),
        Ok(Told::Ready | Told::Stopped) => Ok(Keeper { process, told }),
        Err(_) => Err("the PostgreSQL server did not start within a minute".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_is_its_own() {
        let cluster = Cluster::of_this_process();
        let (one, two) = (cluster.database(), cluster.database());
        one.execute(OWNER, "CREATE TABLE t AS SELECT 7 AS n").unwrap();
        assert_eq!(one.execute(OWNER, "SELECT n FROM t").unwrap().trim(), "7");
        assert!(two.execute(OWNER, "SELECT n FROM t").unwrap_err().contains("does not exist"));
        assert_eq!(cluster.copy(&one).execute(OWNER, "SELECT n FROM t").unwrap().trim(), "7");
    }

    #[test]
    fn the_keeper_ends_the_server_when_its_input_closes() {
        let programs = find_programs().expect(REMEDY);
        let folder = std::env::temp_dir().join(format!("statusync-pg-{}-kept", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let user = Unprivileged::find(&folder).unwrap();
        let data = folder.join("data");
        let mut init = user.command(programs.join("initdb"));
        init.arg("--pgdata").arg(&data).args(["--auth=trust", "--no-sync"]);
        run(init).unwrap();
        let mut keeper = keep(&user, &programs, &folder, &data, FORGETFUL).unwrap();
        assert!(data.join("postmaster.pid").exists());
        drop(keeper.process.stdin.take());
        keeper.process.wait().unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_server_that_is_stopped_at_once_starts_again_with_what_was_committed() {
        let cluster = Cluster::alone();
        let database = cluster.database();
        database.execute(OWNER, "CREATE TABLE t AS SELECT 7 AS n").unwrap();
        cluster.stop_at_once();
        assert!(database.execute(OWNER, "SELECT n FROM t").is_err());
        cluster.start_again();
        assert_eq!(database.execute(OWNER, "SELECT n FROM t").unwrap().trim(), "7");
    }
}
