//! Where the time of a run went: a picture of its moments, their sums in words, and the same as a table.

use askama::{Template, filters::HtmlSafe};
use plugin_api::Millis;

use super::{
    runs_shown::took,
    shown::{Chip, Tone, number},
};
use crate::storage::{Moment, Timeline};

/// The picture is so wide, in its own units.
const WIDE: u64 = 1_000;
/// What is shorter than can be seen is drawn so wide.
const LEAST: u64 = 3;
/// Where the lane of calls and that of pages are.
const CALLS: u32 = 0;
const PAGES: u32 = 26;

/// The moments of a run, for its page.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "timeline.html")]
pub(super) struct TimelineShown {
    bars: Vec<Bar>,
    /// What the time was spent on: colour, words.
    sums: Vec<(&'static str, String)>,
    /// How long all of it took.
    whole: String,
    rows: Vec<Row>,
    left_out: u64,
}

impl HtmlSafe for TimelineShown {}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bar {
    tone: &'static str,
    x: u64,
    y: u32,
    width: u64,
    title: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    at: String,
    what: String,
    waited: String,
    took: String,
    came: Chip,
}

#[derive(Default)]
struct Sums {
    waited_ms: u64,
    calls: u64,
    called_ms: u64,
    repeats: u64,
    failed: u64,
    pages: u64,
    written_ms: u64,
}

impl TimelineShown {
    /// Of a run that took `whole_ms`; nothing if no moment is kept.
    pub(super) fn of(line: &Timeline, whole_ms: Millis) -> Option<TimelineShown> {
        let last = line.moments.iter().map(Moment::ended_ms).max()?;
        let whole = last.max(u64::try_from(whole_ms).unwrap_or(0)).max(1);
        let mut sums = Sums::default();
        let mut bars = Vec::new();
        let mut bar = |tone, y, at_ms: u64, ms: u64, title: String| {
            let (x, width) = (at_ms * WIDE / whole, (ms * WIDE / whole).max(LEAST));
            bars.push(Bar { tone, x: x.min(WIDE - LEAST), y, width: width.min(WIDE), title });
        };
        let rows = line.moments.iter().map(|moment| {
            let (at_ms, waited_ms, took_ms) = match *moment {
                Moment::Call { at_ms, waited_ms, took_ms, .. } => (at_ms, waited_ms, took_ms),
                Moment::Page { at_ms, took_ms, .. } => (at_ms, 0, took_ms),
            };
            let (what, came) = match moment {
                Moment::Call { operation, attempt, status, .. } => {
                    let words = match attempt {
                        0 | 1 => format!("asked {operation}"),
                        attempt => format!("asked {operation}, attempt {attempt}"),
                    };
                    sums.calls += 1;
                    sums.called_ms += took_ms;
                    sums.waited_ms += waited_ms;
                    sums.repeats += u64::from(*attempt > 1);
                    let is_good = status.is_some_and(|status| status < 400);
                    sums.failed += u64::from(!is_good);
                    if waited_ms > 0 {
                        bar("look", CALLS, at_ms, waited_ms, format!("waited {}", span(waited_ms)));
                    }
                    let came = answer(*status);
                    let tone = if is_good { "going" } else { "bad" };
                    bar(tone, CALLS, at_ms + waited_ms, took_ms, format!("{words}: {}", span(took_ms)));
                    (words, came)
                }
                Moment::Page { read, applied, .. } => {
                    sums.pages += 1;
                    sums.written_ms += took_ms;
                    let words = format!("wrote a page of {}", number(*read));
                    bar("good", PAGES, at_ms, took_ms, format!("{words}: {}", span(took_ms)));
                    let tone = if *applied > 0 { Tone::Good } else { Tone::Plain };
                    (words, Chip::new(tone, format!("{} applied", number(*applied))))
                }
            };
            Row {
                at: span(at_ms),
                what,
                waited: if waited_ms > 0 { span(waited_ms) } else { String::new() },
                took: span(took_ms),
                came,
            }
        });
        let rows = rows.collect();
        Some(TimelineShown { bars, sums: sums.words(), whole: span(whole), rows, left_out: line.left_out })
    }

    /// The picture in words.
    fn words(&self) -> String {
        let sums: Vec<&str> = self.sums.iter().map(|(_, words)| words.as_str()).collect();
        format!("In {}: {}", self.whole, sums.join(", "))
    }
}

impl Sums {
    fn words(&self) -> Vec<(&'static str, String)> {
        let plural = |count: u64, one: &str, many: &str| {
            format!("{} {}", number(count), if count == 1 { one } else { many })
        };
        let mut words = Vec::new();
        if self.waited_ms > 0 {
            words.push(("look", format!("waited {}", span(self.waited_ms))));
        }
        if self.calls > 0 {
            let repeats = match self.repeats {
                0 => String::new(),
                repeats => format!(", {} again", number(repeats)),
            };
            let calls = plural(self.calls, "call", "calls");
            words.push(("going", format!("{calls}{repeats} took {}", span(self.called_ms))));
        }
        if self.failed > 0 {
            words.push(("bad", format!("{} failed", number(self.failed))));
        }
        if self.pages > 0 {
            let pages = plural(self.pages, "page", "pages");
            words.push(("good", format!("{pages} written in {}", span(self.written_ms))));
        }
        words
    }
}

/// What came back, as a chip.
fn answer(status: Option<u16>) -> Chip {
    match status {
        None => Chip::new(Tone::Bad, "no reply"),
        Some(status) => {
            let tone = if status < 400 { Tone::Plain } else { Tone::Bad };
            Chip::new(tone, format!("HTTP {status}"))
        }
    }
}

/// A length of time, exactly where it is short: `12 ms`, `1.4 s`.
fn span(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { took(Millis::try_from(ms).unwrap_or(Millis::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at_ms: u64, waited_ms: u64, attempt: u32, status: Option<u16>) -> Moment {
        Moment::Call { at_ms, waited_ms, took_ms: 400, operation: "list".to_owned(), attempt, status }
    }

    #[test]
    fn the_picture_has_the_length_of_the_run_and_says_what_the_time_went_on() {
        let moments = vec![
            call(0, 0, 1, Some(503)),
            call(400, 1_000, 2, Some(200)),
            Moment::Page { at_ms: 1_800, took_ms: 200, read: 50, applied: 3 },
        ];
        let shown = TimelineShown::of(&Timeline { moments, left_out: 7 }, 2_000).unwrap();
        let places: Vec<_> = shown.bars.iter().map(|bar| (bar.tone, bar.x, bar.y, bar.width)).collect();
        assert_eq!(
            places,
            [("bad", 0, 0, 200), ("look", 200, 0, 500), ("going", 700, 0, 200), ("good", 900, 26, 100)]
        );
        assert_eq!(
            shown.words(),
            "In 2.0 s: waited 1.0 s, 2 calls, 1 again took 800 ms, 1 failed, 1 page written in 200 ms"
        );
        let text = shown.render().unwrap();
        for part in ["HTTP 503", "attempt 2", "3 applied", "7 moments", "<svg", "wrote a page of 50"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn a_run_of_no_length_has_a_picture_and_one_without_moments_none() {
        assert!(TimelineShown::of(&Timeline::default(), 10).is_none());
        let moment = Moment::Page { at_ms: 0, took_ms: 0, read: 1, applied: 0 };
        let shown = TimelineShown::of(&Timeline { moments: vec![moment], left_out: 0 }, 0).unwrap();
        assert_eq!(shown.bars[0].width, 3);
        let unanswered = TimelineShown::of(&Timeline { moments: vec![call(0, 0, 1, None)], left_out: 0 }, 0);
        assert!(unanswered.unwrap().render().unwrap().contains("no reply"));
    }
}
