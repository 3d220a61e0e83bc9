//! The log of this process, line by line, as the cases wait for it.

use std::{
    io::{self, Write},
    sync::{Condvar, Mutex, OnceLock, mpsc::Receiver},
    time::Duration,
};

use tracing_subscriber::fmt::MakeWriter;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();
static HELD: Mutex<Vec<(String, Receiver<()>)>> = Mutex::new(Vec::new());

/// Takes one line.
struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        let held = {
            let mut held = HELD.lock().expect("no panic holds it");
            let at = held.iter().position(|(part, _)| text.contains(part));
            at.map(|at| held.swap_remove(at).1)
        };
        LINES.lock().expect("no panic holds it").push(text);
        MORE.notify_all();
        if let Some(held) = held {
            // Ends when the case lets go, or is gone.
            let _ = held.recv();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;
    fn make_writer(&self) -> Lines {
        Lines
    }
}

/// Collects lines from now on; cases tell theirs apart by a span of their own.
pub(crate) fn collect() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| Lines).with_ansi(false).without_time();
        tracing::subscriber::set_global_default(subscriber.finish()).expect("the first one");
    });
}

/// Whoever writes the next line that contains `part` waits until `until` says so.
pub(crate) fn hold(part: &str, until: Receiver<()>) {
    HELD.lock().expect("no panic holds it").push((part.to_owned(), until));
}

/// Waits for a line that contains all parts.
pub(crate) fn wait_for(parts: &[&str]) -> String {
    let fits = |line: &String| parts.iter().all(|part| line.contains(part));
    let lines = LINES.lock().expect("no panic holds it");
    let (lines, waited) = MORE
        .wait_timeout_while(lines, Duration::from_mins(1), |lines| !lines.iter().any(fits))
        .expect("no panic holds it");
    assert!(!waited.timed_out(), "no line has {parts:?} among:\n{}", lines.join("\n"));
    lines.iter().find(|line| fits(line)).cloned().unwrap_or_default()
}
