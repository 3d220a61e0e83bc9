//! How far a run has come, told on stderr while it goes on: a bar on a terminal, else a plain line now and then.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::{output::Out, tasks::counts};
use crate::{
    storage::Counts,
    sync::{Progress, Watch},
};

/// How often a moving line is drawn.
const DRAWN: Duration = Duration::from_millis(100);
/// Plain lines are no nearer to each other.
const APART: Duration = Duration::from_secs(5);

/// Says how a run goes on.
pub(super) enum Bar {
    /// A line that moves.
    Moving(ProgressBar, Arc<Mutex<So>>),
    /// Lines that stay.
    Plain(Out, Arc<Mutex<So>>),
}

/// What is known so far.
#[derive(Debug, Default)]
pub(super) struct So {
    chosen: Option<u64>,
    answered: u64,
    pages: u64,
    counts: Counts,
    /// When the next request leaves, and which.
    next: Option<(Instant, String)>,
    said_at: Option<Instant>,
}

impl So {
    /// Takes in what was told.
    fn learn(&mut self, progress: &Progress) {
        match progress {
            Progress::Held { .. } | Progress::Started(_) => {}
            Progress::Chosen(orders) => self.chosen = Some(*orders),
            Progress::Answered(orders) => self.answered = *orders,
            Progress::Page { answered, counts } => {
                (self.answered, self.counts) = (self.answered.max(*answered), *counts);
                self.pages += 1;
                self.next = None;
            }
            Progress::Waiting { operation, millis } => {
                let at = Instant::now().checked_add(Duration::from_millis(*millis));
                self.next = at.map(|at| (at, operation.clone()));
            }
        }
    }

    /// `120 of 500 orders, 3 pages: 12 applied; next request in 42 s (list)`.
    fn words(&self) -> String {
        let mut words = match self.chosen {
            Some(chosen) => format!("{} of {chosen} orders, ", self.answered.min(chosen)),
            None => String::new(),
        };
        // Writing to a String cannot fail.
        let _ = write!(words, "{} {}: {}", self.pages, plural(self.pages, "page"), counts(&self.counts));
        if let Some((at, operation)) = &self.next {
            let left = at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let _ = write!(words, "; next request in {} s ({operation})", left.as_secs_f64().ceil());
            }
        }
        words
    }
}

fn plural(number: u64, word: &str) -> String {
    if number == 1 { word.to_owned() } else { format!("{word}s") }
}

fn lock(so: &Mutex<So>) -> MutexGuard<'_, So> {
    so.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why it does not begin yet.
fn held(since: &str) -> String {
    format!(
        "another run has held the channel since {since}; looking for up to 20 s whether it is alive, and taking over if not"
    )
}

impl Bar {
    /// Begins with these words.
    pub(super) fn start(out: Out, words: String) -> Bar {
        let so = Arc::<Mutex<So>>::default();
        if out.is_quiet || !io::stderr().is_terminal() {
            out.say(&words);
            return Bar::Plain(out, so);
        }
        let bar = ProgressBar::new_spinner();
        bar.set_message(words);
        bar.enable_steady_tick(DRAWN);
        Bar::Moving(bar, so)
    }

    /// What the run tells as it goes on.
    pub(super) fn watch(&self) -> Watch {
        match self {
            Bar::Moving(bar, so) => {
                let (bar, so) = (bar.clone(), Arc::clone(so));
                Arc::new(move |progress| move_on(&bar, &so, &progress))
            }
            Bar::Plain(out, so) => {
                let (out, so) = (*out, Arc::clone(so));
                Arc::new(move |progress| {
                    if let Some(line) = plain_line(&mut lock(&so), &progress) {
                        out.say(&line);
                    }
                })
            }
        }
    }

    /// Takes the line away.
    pub(super) fn end(self) {
        if let Bar::Moving(bar, _) = self {
            bar.finish_and_clear();
        }
    }
}

fn move_on(bar: &ProgressBar, so: &Arc<Mutex<So>>, progress: &Progress) {
    let (answered, chosen) = {
        let mut so = lock(so);
        so.learn(progress);
        (so.answered, so.chosen)
    };
    match progress {
        Progress::Held { since } => bar.set_message(held(since)),
        Progress::Started(_) | Progress::Chosen(_) => {
            let template = if chosen.is_some() { "{bar:24} {so}" } else { "{spinner} {so}" };
            // The words are made anew each time the line is drawn, so that a wait counts down.
            let words = {
                let so = Arc::clone(so);
                move |_: &ProgressState, line: &mut dyn std::fmt::Write| {
                    // A line that cannot be written is not shown.
                    let _ = line.write_str(&lock(&so).words());
                }
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.with_key("so", words));
            }
        }
        Progress::Answered(_) | Progress::Page { .. } | Progress::Waiting { .. } => {}
    }
    if let Some(chosen) = chosen {
        bar.set_length(chosen);
        bar.set_position(answered.min(chosen));
    }
}

/// What is worth a line of its own now.
fn plain_line(so: &mut So, progress: &Progress) -> Option<String> {
    so.learn(progress);
    match progress {
        Progress::Held { since } => return Some(held(since)),
        Progress::Started(_) => return None,
        Progress::Chosen(orders) => {
            so.said_at = Some(Instant::now());
            return Some(format!("{orders} {} to ask about", plural(*orders, "order")));
        }
        Progress::Answered(_) | Progress::Page { .. } | Progress::Waiting { .. } => {}
    }
    let first = *so.said_at.get_or_insert_with(Instant::now);
    let is_long =
        matches!(progress, Progress::Waiting { millis, .. } if u128::from(*millis) >= APART.as_millis());
    if !is_long && first.elapsed() < APART {
        return None;
    }
    so.said_at = Some(Instant::now());
    Some(so.words())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_a_line_is_said_now_and_then_and_before_a_long_wait() {
        let mut so = So::default();
        let counts = Counts { polled: 3, applied: 2, unchanged: 1, ..Counts::default() };
        let page = |answered| Progress::Page { answered, counts };
        assert_eq!(plain_line(&mut so, &Progress::Started(None)), None);
        assert_eq!(plain_line(&mut so, &Progress::Chosen(500)).unwrap(), "500 orders to ask about");
        assert_eq!(plain_line(&mut so, &page(50)), None, "so soon after the last");
        let short = Progress::Waiting { operation: "list".into(), millis: 2_000 };
        assert_eq!(plain_line(&mut so, &short), None);
        let long = Progress::Waiting { operation: "list".into(), millis: 42_000 };
        let words = "50 of 500 orders, 1 page: 2 applied, 1 unchanged; next request in 42 s (list)";
        assert_eq!(plain_line(&mut so, &long).unwrap(), words);
        so.said_at = Instant::now().checked_sub(APART);
        assert!(so.said_at.is_some());
        let words = "100 of 500 orders, 2 pages: 2 applied, 1 unchanged";
        assert_eq!(plain_line(&mut so, &page(100)).unwrap(), words, "the wait is over");
        let held = plain_line(&mut so, &Progress::Held { since: "2026-01-15T09:30:00Z".into() }).unwrap();
        assert!(held.contains("since 2026-01-15T09:30:00Z"), "{held}");
    }

    #[test]
    fn what_a_task_reads_has_pages_and_no_number_of_orders() {
        let mut so = So::default();
        so.learn(&Progress::Page { answered: 7, counts: Counts::default() });
        assert_eq!(so.words(), "1 page: nothing");
    }
}
