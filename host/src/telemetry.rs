//! Where log lines go: stderr, as text or JSON. What is logged is each module's business.

use std::io::{self, IsTerminal};

use tracing_subscriber::{filter::LevelFilter, fmt};

use crate::config::{Level, LogFormat};

/// Sends log lines of this level and above to stderr. Only the first call of a process has an effect.
pub fn start(level: Level, format: LogFormat) {
    let level = match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let lines = fmt().with_max_level(level).with_writer(io::stderr);
    // A second start is a test in the same process; the first one stays.
    let _ = match format {
        LogFormat::Json => lines.json().try_init(),
        LogFormat::Text => lines.with_ansi(may_colour(&io::stderr())).try_init(),
    };
}

/// Whether a stream may be coloured: it is a terminal, and `NO_COLOR` is not set.
pub fn may_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
