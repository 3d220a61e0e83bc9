//! chromedriver for the tests of one process: started on first use, gone with its browsers when the process is, however it
//! ends.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

/// What is said where there is no browser to be had.
const REMEDY: &str = "these tests need Chromium and its chromedriver: run tests/tools.sh, or install them (Debian: apt-get install \
                      chromium chromium-driver), and put both into PATH";

/// How the browser is started: without a screen, as any user, and without a word to anybody but the pages that are asked
/// for.
pub(super) const ARGUMENTS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--lang=en-GB",
];

struct Driver {
    url: String,
    /// Ends the driver and its browsers when the pipe to it closes: so also when this process is killed.
    _keeper: Child,
}

/// Where the driver of this process listens.
pub(super) fn of_this_process() -> Result<&'static str, String> {
    static DRIVER: OnceLock<Result<Driver, String>> = OnceLock::new();
    match DRIVER.get_or_init(start) {
        Ok(driver) => Ok(&driver.url),
        Err(error) => Err(error.clone()),
    }
}

fn start() -> Result<Driver, String> {
    let program = in_path("chromedriver").ok_or(REMEDY)?;
    let folder = std::env::temp_dir().join(format!("statusync-browser-{}", std::process::id()));
    // Of an earlier process of this number, if it and its keeper were killed together.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    let mut keeper = keep(&program, &folder)?;
    let said = keeper.stdout.take().ok_or("what chromedriver says cannot be read")?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in BufReader::new(said).lines().map_while(Result::ok) {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                // Nobody listens after the first word.
                let _ = tell.send(Ok(port.trim_end_matches('.').to_owned()));
            }
            lines.push(line);
        }
        let _ = tell.send(Err(lines.join("\n")));
    });
    match told.recv_timeout(Duration::from_mins(1)) {
        Ok(Ok(port)) => Ok(Driver { url: format!("http://127.0.0.1:{port}"), _keeper: keeper }),
        Ok(Err(said)) => Err(format!("chromedriver does not start:\n{said}\n{REMEDY}")),
        Err(_) => Err("chromedriver did not start within a minute".to_owned()),
    }
}

/// Starts chromedriver under a keeper: a shell that waits for its input to close, which happens when this process ends, and
/// then ends its whole process group, which the browsers are in, and removes the folder with their profiles.
fn keep(program: &Path, folder: &Path) -> Result<Child, String> {
    const KEEPER: &str = r#"
        exec 3<&0
        "$1" --port=0 --allowed-ips= </dev/null 2>&1 &
        driver=$!
        read -r _ <&3
        exec >/dev/null
        trap '' TERM
        kill -TERM 0
        wait "$driver" 2>/dev/null
        cd / && while ! rm -rf "$2"; do :; done
        kill -KILL 0
    "#;
    let mut keeper = Command::new("/bin/sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(program).arg(folder).env("TMPDIR", folder);
    std::os::unix::process::CommandExt::process_group(&mut keeper, 0);
    keeper
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("/bin/sh cannot be started: {error}"))
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keeper_ends_the_driver_when_its_input_closes() {
        let folder = std::env::temp_dir().join(format!("statusync-browser-{}-kept", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let mut keeper = keep(&in_path("chromedriver").expect(REMEDY), &folder).unwrap();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("started successfully")));
        drop(keeper.stdin.take());
        keeper.wait().unwrap();
        assert!(!folder.exists());
        assert_eq!(lines.count(), 0, "nobody is left who could write");
    }
}
