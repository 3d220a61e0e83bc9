//! A pooler before the private cluster of this process: pgbouncer, which gives each transaction another connection.
//!
//! Made on first use, gone when the process is, however it ends.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use crate::cluster::{APP, Cluster, Database, Unprivileged};

/// What is said where there is no pooler to be had.
const REMEDY: &str =
    "these tests need pgbouncer: run tests/tools.sh, or install it (Debian: apt-get install pgbouncer)";

/// The number in the name of its socket.
const PORT: u16 = 6432;

/// A running pooler.
#[derive(Debug)]
pub struct Pooler {
    folder: PathBuf,
    /// Ends the pooler and removes its folder when the pipe to it closes.
    _keeper: Child,
}

impl Pooler {
    /// The pooler of this process. It has four connections for each database, and any number of callers.
    ///
    /// # Panics
    /// If it does not start, saying what to do.
    pub fn of_this_process() -> &'static Pooler {
        static POOLER: OnceLock<Result<Pooler, String>> = OnceLock::new();
        match POOLER.get_or_init(|| Pooler::start(&Cluster::of_this_process().database())) {
            Ok(pooler) => pooler,
            Err(error) => panic!("{error}"),
        }
    }

    fn start(any: &Database) -> Result<Pooler, String> {
        let text = |error: std::io::Error| error.to_string();
        let folder = std::env::temp_dir().join(format!("statusync-pooler-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(text)?;
        let (settings, users) = (folder.join("pgbouncer.ini"), folder.join("users.txt"));
        fs::write(&users, format!("\"{APP}\" \"\"\n")).map_err(text)?;
        let lines = format!(
            "[databases]\n* = host={server}\n[pgbouncer]\npool_mode = transaction\ndefault_pool_size = 4\n\
             max_client_conn = 1000\nserver_idle_timeout = 1\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {folder}\nauth_type = trust\nauth_file = {users}\n",
            server = any.socket_folder().display(),
            folder = folder.display(),
            users = users.display(),
        );
        fs::write(&settings, lines).map_err(text)?;
        let keeper = keep(&Unprivileged::find(&folder)?, &folder, &settings)?;
        let pooler = Pooler { folder, _keeper: keeper };
        let (socket, deadline) =
            (pooler.folder.join(format!(".s.PGSQL.{PORT}")), Instant::now() + Duration::from_mins(1));
        while UnixStream::connect(&socket).is_err() {
            if Instant::now() > deadline {
                return Err("pgbouncer did not start within a minute".to_owned());
            }
            thread::park_timeout(Duration::from_millis(20));
        }
        Ok(pooler)
    }

    /// The URL by which hosts reach a database of the private cluster.
    pub fn url(&self, database: &Database) -> String {
        format!("postgres://{APP}@localhost:{PORT}/{}?host={}", database.name(), self.folder.display())
    }
}

fn keep(user: &Unprivileged, folder: &Path, settings: &Path) -> Result<Child, String> {
    const KEEPER: &str = r#"
        exec 3<&0
        "$1" --quiet "$2" </dev/null >/dev/null 2>&1 &
        pooler=$!
        read -r _ <&3
        kill -TERM "$pooler" 2>/dev/null
        kill -QUIT "$pooler" 2>/dev/null
        wait "$pooler" 2>/dev/null
        cd / && rm -rf "$3"
    "#;
    let program = ["pgbouncer", "/usr/sbin/pgbouncer"].into_iter().find(|program| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    });
    let program = program.ok_or_else(|| REMEDY.to_owned())?;
    let mut keeper = user.command("/bin/sh");
    keeper.args(["-c", KEEPER, "keeper", program]).arg(settings).arg(folder);
    std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
    keeper
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("/bin/sh cannot be started: {error}"))
}
