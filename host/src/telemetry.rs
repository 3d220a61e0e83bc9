//! Where log lines go: stderr, as text or JSON. What is logged is each module's business.

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use tracing_subscriber::{
    Registry, filter::LevelFilter, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::config::{Level, LogFormat};

type Handle = reload::Handle<LevelFilter, Registry>;

/// The level that lines are held to now.
static LEVEL: OnceLock<Handle> = OnceLock::new();

/// Sends log lines of this level and above to stderr. Only the first call of a process has an effect.
pub fn start(level: Level, format: LogFormat) {
    let (filter, handle) = reload::Layer::new(filter(level));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(io::stderr);
    // A second start is a test in the same process; the first one stays.
    let started = match format {
        LogFormat::Json => registry.with(lines.json()).try_init(),
        LogFormat::Text => registry.with(lines.with_ansi(may_colour(&io::stderr()))).try_init(),
    };
    if started.is_ok() {
        let _ = LEVEL.set(handle);
    }
}

/// Holds log lines to another level from now on.
pub fn set_level(level: Level) {
    if let Some(handle) = LEVEL.get() {
        // It fails only if logging has ended.
        let _ = handle.reload(filter(level));
    }
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// Whether a stream may be coloured: it is a terminal, and `NO_COLOR` is not set.
pub fn may_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
