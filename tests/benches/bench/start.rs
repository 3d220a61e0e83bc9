//! What the program itself is: how soon it answers with many orders in its database, its memory with nothing to do, its size.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use kit::load::Size;

use super::{
    measure::{Figures, figure, status_kib},
    report::Row,
    sides::{Market, Template, configure, release, scratch},
};

/// How long a program that has nothing to do is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(3);
const ROUNDS: usize = 5;

/// The rows.
pub(crate) fn rows(orders: u32) -> Result<Vec<Row>> {
    let [mut started, mut idle, mut size] = [Figures::default(), Figures::default(), Figures::default()];
    let market = Market::start(Size { orders, tenants: 100 })?;
    let full = Template::import(&market, None)?;
    for _ in 0..ROUNDS {
        started.add(Daemon::start(full.folder())?.took.as_secs_f64());
    }
    let empty = scratch()?;
    configure(empty.path(), None)?;
    for _ in 0..ROUNDS {
        let daemon = Daemon::start(empty.path())?;
        daemon.is_left_alone()?;
        idle.add(status_kib(&daemon.child.id().to_string(), "VmRSS")? / 1024.0);
    }
    size.add(figure(fs::metadata(release()?.join("statusync"))?.len()) / f64::from(1 << 20));
    Ok(vec![
        Row::new(format!("start with {orders} orders, until it answers"), &started, 2, " s")
            .at_most(1.0, &started, "1 s"),
        Row::new("memory with nothing to do", &idle, 1, " MiB").at_most(40.0, &idle, "40 MiB"),
        Row::new("size of the program", &size, 1, " MiB").at_most(40.0, &size, "40 MiB"),
    ])
}

struct Daemon {
    child: Child,
    took: Duration,
    /// Closes when the daemon ends.
    talk: Receiver<()>,
}

impl Daemon {
    fn start(data: &Path) -> Result<Daemon> {
        let program = release()?.join("statusync");
        let init = Command::new(&program).arg("--data").arg(data).arg("init").output()?;
        anyhow::ensure!(init.status.success(), "init: {}", String::from_utf8_lossy(&init.stderr));
        let began = Instant::now();
        let mut child = Command::new(program)
            .arg("--data")
            .arg(data)
            .args(["--log", "warn", "run"])
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut told = BufReader::new(child.stderr.take().context("no stderr")?);
        let mut said = String::new();
        while !said.contains("answers on http://") {
            if told.read_line(&mut said)? == 0 {
                bail!("the daemon ended before it answered: {said}");
            }
        }
        let took = began.elapsed();
        let (talking, talk) = channel();
        thread::spawn(move || {
            let _ends_with_the_daemon = talking;
            for _ in told.lines() {}
        });
        Ok(Daemon { child, took, talk })
    }

    /// Lets time pass, as long as the daemon is there.
    fn is_left_alone(&self) -> Result<()> {
        match self.talk.recv_timeout(SETTLE) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => bail!("the daemon ended by itself"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
