//! Hands a connector's `tracing` events to the host.
//!
//! A connector library carries its own copy of `tracing` without a subscriber, so its events would be lost. They are
//! handed over synchronously, inside the host's span, which puts tenant and channel on every line.

use std::fmt::{self, Write as _};

use tracing_core::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

use crate::boundary::host;

struct Forward;

/// Installs the forwarding subscriber; a second call does nothing.
pub(crate) fn forward() {
    let _ = tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(Forward));
}

/// Logs a panic with its place.
pub(crate) fn panicked(text: &str) {
    send(1, "panic", text);
}

fn send(level: u8, target: &str, text: &str) {
    if let Some(host) = host() {
        (host.log())(level, target.into(), text.into());
    }
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

impl Subscriber for Forward {
    /// Asked for each event anew: an operator may change the host's level at any time.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        host().is_some_and(|host| number(*metadata.level()) <= (host.max_level())())
    }
    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        send(number(*event.metadata().level()), event.metadata().target(), &line.0);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let space = if self.0.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            write!(self.0, "{space}{value:?}")
        } else {
            write!(self.0, "{space}{}={value:?}", field.name())
        };
    }
}
