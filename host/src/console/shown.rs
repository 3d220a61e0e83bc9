//! How values look on every page: instants, lengths of time, states, numbers, addresses in a query.

use askama::{Template, filters::HtmlSafe};
use plugin_api::Millis;

use crate::{
    domain::{
        order::{ItemStatus, OrderStatus, PackageStatus, ReturnStatus, Stage},
        time,
        zone::Zone,
    },
    storage::{OrderOutcome, RunResult},
};

/// An instant, as the tenant reads it, with the exact one for who wants it.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(source = r#"<time datetime="{{ exact }}" title="{{ title }}">{{ words }}</time>"#, ext = "html")]
pub(super) struct When {
    words: String,
    title: String,
    exact: String,
}

impl HtmlSafe for When {}

impl When {
    /// In full: `15 Jan 2026 15:00 IST`.
    pub(super) fn at(at: Millis, zone: &Zone) -> When {
        When { words: zone.words(at), title: time::text(at), exact: time::text(at) }
    }

    /// As long before `now`, `5 min ago`; what is two days old or older in full.
    pub(super) fn ago(at: Millis, now: Millis, zone: &Zone) -> When {
        let age = now.saturating_sub(at);
        let words = match age {
            0..60_000 => "just now".to_owned(),
            60_000..172_800_000 => format!("{} ago", length(age)),
            _ => zone.words(at),
        };
        When { words, title: format!("{}, {}", zone.words(at), time::text(at)), exact: time::text(at) }
    }
}

/// A text of which the parts between backticks are commands or names.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(
    source = "{% for (part, is_code) in parts %}{% if *is_code %}<code>{{ part }}</code>{% else %}{{ part }}{% endif %}{% endfor %}",
    ext = "html"
)]
pub(super) struct Marked<'a> {
    parts: Vec<(&'a str, bool)>,
}

impl HtmlSafe for Marked<'_> {}

/// A text with what is between backticks set as code; one with an odd backtick as it stands.
pub(super) fn marked(text: &str) -> Marked<'_> {
    let parts: Vec<(&str, bool)> =
        text.split('`').enumerate().map(|(at, part)| (part, !at.is_multiple_of(2))).collect();
    Marked { parts: if parts.len().is_multiple_of(2) { vec![(text, false)] } else { parts } }
}

/// How a state is meant: the colour beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing to say.
    Plain,
    /// It goes on.
    Going,
    /// It is done.
    Good,
    /// Somebody should look.
    Look,
    /// It went wrong.
    Bad,
    /// It came to nothing, and that is fine.
    Over,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Going => "going",
            Tone::Good => "good",
            Tone::Look => "look",
            Tone::Bad => "bad",
            Tone::Over => "over",
        }
    }
}

/// A state, as a word with a colour.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(source = r#"<span class="chip chip-{{ tone.class() }}">{{ text }}</span>"#, ext = "html")]
pub(super) struct Chip {
    tone: Tone,
    text: String,
}

impl HtmlSafe for Chip {}

impl Chip {
    /// Any word.
    pub(super) fn new(tone: Tone, text: impl Into<String>) -> Chip {
        Chip { tone, text: text.into() }
    }
}

impl From<OrderStatus> for Chip {
    fn from(status: OrderStatus) -> Self {
        let tone = match status {
            OrderStatus::PendingVerification => Tone::Look,
            OrderStatus::Created => Tone::Plain,
            OrderStatus::Processing => Tone::Going,
            OrderStatus::Complete => Tone::Good,
            OrderStatus::Cancelled => Tone::Over,
        };
        Chip::new(tone, status.as_str())
    }
}

impl From<PackageStatus> for Chip {
    fn from(status: PackageStatus) -> Self {
        let tone = match status.stage() {
            Stage::BeforePacked | Stage::Packed => Tone::Plain,
            Stage::Sent => Tone::Going,
            Stage::Delivered => Tone::Good,
            Stage::ComingBack => Tone::Look,
            Stage::Acknowledged | Stage::Returned | Stage::Gone => Tone::Over,
        };
        Chip::new(tone, status.as_str())
    }
}

impl From<ReturnStatus> for Chip {
    fn from(status: ReturnStatus) -> Self {
        Chip::new(if status.is_open() { Tone::Look } else { Tone::Over }, status.as_str())
    }
}

/// How a run ended; without a result it is on.
impl From<Option<RunResult>> for Chip {
    fn from(result: Option<RunResult>) -> Self {
        match result {
            None => Chip::new(Tone::Going, "RUNNING"),
            Some(RunResult::Success) => Chip::new(Tone::Good, RunResult::Success.as_str()),
            Some(RunResult::Partial) => Chip::new(Tone::Look, RunResult::Partial.as_str()),
            Some(RunResult::Failed) => Chip::new(Tone::Bad, RunResult::Failed.as_str()),
            Some(RunResult::Skipped) => Chip::new(Tone::Over, RunResult::Skipped.as_str()),
        }
    }
}

impl From<OrderOutcome> for Chip {
    fn from(outcome: OrderOutcome) -> Self {
        let tone = match outcome {
            OrderOutcome::Applied => Tone::Good,
            OrderOutcome::Unchanged | OrderOutcome::Stale | OrderOutcome::Ignored => Tone::Plain,
            OrderOutcome::Parked | OrderOutcome::NotMentioned => Tone::Look,
            OrderOutcome::Refused | OrderOutcome::Conflict | OrderOutcome::NotAnswered => Tone::Bad,
            OrderOutcome::NotAsked | OrderOutcome::NotDispatched => Tone::Over,
        };
        Chip::new(tone, outcome.as_str())
    }
}

impl From<ItemStatus> for Chip {
    fn from(status: ItemStatus) -> Self {
        let tone = match status {
            ItemStatus::Created | ItemStatus::Fulfillable => Tone::Plain,
            ItemStatus::Unfulfillable | ItemStatus::LocationNotServiceable => Tone::Look,
            ItemStatus::Dispatched => Tone::Going,
            ItemStatus::Delivered => Tone::Good,
            ItemStatus::Cancelled | ItemStatus::Returned => Tone::Over,
        };
        Chip::new(tone, status.as_str())
    }
}

/// A length of time in one unit: `12 s`, `5 min`, `3 h`, `2 d`.
pub(super) fn length(millis: Millis) -> String {
    let (unit, name) = match millis {
        ..60_000 => (1_000, "s"),
        60_000..7_200_000 => (60_000, "min"),
        7_200_000..172_800_000 => (3_600_000, "h"),
        _ => (86_400_000, "d"),
    };
    format!("{} {name}", millis / unit)
}

/// A number with its thousands apart: `12,345`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A fragment as the beginning of a sentence: the first letter is large.
pub(super) fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text as a value in a query.
pub(super) fn in_query(text: &str) -> String {
    crate::address::path("", &[text]).split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_tell_the_exact_one_too() {
        let at = time::parse("2026-01-15T09:30:00Z").unwrap();
        let full = "<time datetime=\"2026-01-15T09:30:00Z\" title=\"2026-01-15T09:30:00Z\">15 Jan 2026 15:00 IST</time>";
        assert_eq!(When::at(at, &Zone::default()).to_string(), full);
        let recent = "<time datetime=\"2026-01-15T09:30:00Z\" title=\"15 Jan 2026 15:00 IST, 2026-01-15T09:30:00Z\">just now</time>";
        assert_eq!(When::ago(at, at, &Zone::default()).to_string(), recent);
        let words = |ms| When::ago(at, at + ms, &Zone::default()).words;
        assert_eq!(
            [0, 59_999, 60_000, 7_200_000].map(words),
            ["just now", "just now", "1 min ago", "2 h ago"]
        );
        assert_eq!([-1, 172_800_000].map(words), ["15 Jan 2026 15:00 IST"; 2]);
        let dubai = Zone::parse("Asia/Dubai").unwrap();
        assert_eq!(When::at(at, &dubai).words, "15 Jan 2026 13:30 +04");
    }

    #[test]
    fn what_is_shown_cannot_be_markup() {
        assert_eq!(
            Chip::new(Tone::Bad, "<b>").to_string(),
            "<span class=\"chip chip-bad\">&#60;b&#62;</span>"
        );
        assert_eq!(in_query("/a?b=c d&e"), "%2Fa%3Fb%3Dc%20d%26e");
        assert_eq!(marked("run `a <b>` now").to_string(), "run <code>a &#60;b&#62;</code> now");
        assert_eq!(marked("it`s").to_string(), "it`s");
    }

    #[test]
    fn numbers_and_lengths_are_read_at_a_glance() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1_000, 90_000, 7_200_000, 259_200_000].map(length), ["1 s", "1 min", "2 h", "3 d"]);
        assert_eq!(sentence("order OD1"), "Order OD1");
    }
}
