//! How far a run has come, shown on stderr while it goes on; only where that is a terminal.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{output::Out, tasks::counts};
use crate::sync::{Progress, Watch};

/// A line that moves, and the watch that moves it.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Begins. Off a terminal the words are said once.
    pub(super) fn start(out: Out, words: String) -> Bar {
        if out.is_quiet || !io::stderr().is_terminal() {
            out.say(&words);
            return Bar(ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()));
        }
        let bar = ProgressBar::new_spinner();
        bar.set_message(words);
        bar.enable_steady_tick(Duration::from_millis(100));
        Bar(bar)
    }

    /// What the run tells as it goes on.
    pub(super) fn watch(&self) -> Watch {
        let bar = self.0.clone();
        Arc::new(move |progress| match progress {
            Progress::Started(_) => {}
            Progress::Asking(orders) => {
                bar.set_length(orders);
                if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} orders, {eta} left  {msg}") {
                    bar.set_style(style);
                }
            }
            Progress::Page { orders, counts: so_far } => {
                bar.inc(orders);
                bar.set_message(counts(&so_far));
            }
            Progress::Waiting { operation, millis } => {
                bar.set_message(format!("next request in {} s ({operation})", millis.div_ceil(1_000)));
            }
        })
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        self.0.finish_and_clear();
    }
}
