//! What is told about each attempt: enough to count and to time, nothing secret.

use std::{sync::Arc, time::Duration};

/// One attempt that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The rate-plan name of the call.
    pub operation: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Host and path, without query.
    pub target: String,
    /// The HTTP status; absent if there was no whole reply.
    pub status: Option<u16>,
    /// Bytes of the body, unpacked.
    pub bytes: u64,
    /// How long the attempt took.
    pub took_ms: u64,
    /// Which attempt of its request it was, from 1.
    pub attempt: u32,
    /// How long it had waited before, for its turn and after a failure.
    pub waited_ms: u64,
    /// What was sent and what came back; of attempts that failed only: good replies hold what is nobody's business here.
    pub failing: Option<Box<Failing>>,
}

/// An attempt that got no reply, or one that is no success (2xx). Secrets and mail addresses are blanked, and each text is
/// cut after [`TEXT_MAX`] bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// The query, without the question mark.
    pub query: String,
    /// The body that was sent.
    pub request: String,
    /// The reply's content type.
    pub content_type: Option<String>,
    /// The reply's body.
    pub reply: String,
    /// Why there was no reply.
    pub problem: Option<String>,
}

/// The most of a text that is told.
pub(super) const TEXT_MAX: usize = 2_048;

/// A text for people to look at: no mail addresses, and not too long.
pub(super) fn telling(text: &str) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || "@.+-_%".contains(letter);
    let mut told = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| is_part(letter) != is_part(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        told.push_str(if word.contains('@') { "[REDACTED]" } else { word });
        rest = after;
        if told.len() > TEXT_MAX {
            told.truncate(told.floor_char_boundary(TEXT_MAX));
            told.push('…');
            break;
        }
    }
    told
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Its next attempt has to wait, for its turn in the rate plan or after a failure. Told before the wait.
    Waits {
        /// The rate-plan name of the call.
        operation: &'a str,
        /// How long.
        wait: Duration,
    },
    /// An attempt has ended.
    Ended(&'a Exchange),
}

/// Is told about every wait and every attempt, in the order in which they happen. It must not block.
pub type Observer = Arc<dyn Fn(Notice<'_>) + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_no_mail_address_and_an_end() {
        assert_eq!(telling("{\"to\":\"asha@example.com\", \"n\": 3}"), "{\"to\":\"[REDACTED]\", \"n\": 3}");
        assert_eq!(telling("plain"), "plain");
        let long = telling(&"ä ".repeat(TEXT_MAX));
        assert!(long.len() <= TEXT_MAX + '…'.len_utf8() && long.ends_with('…'), "{} bytes", long.len());
    }
}
