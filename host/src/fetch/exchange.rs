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
/// cut after 2 KiB.
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

/// Parts of names whose values are secrets, whoever says them.
const SECRET_NAMES: [&str; 10] = [
    "token",
    "secret",
    "password",
    "passwd",
    "signature",
    "apikey",
    "api_key",
    "authorization",
    "session",
    "cookie",
];
/// Names whose values are secrets in what we send; in a reply they are ordinary words.
const SENT_SECRETS: [&str; 5] = ["key", "code", "sign", "auth", "otp"];

/// Who wrote a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is of our request.
    ByUs,
    /// It is of a reply.
    ByThem,
}

/// A text for people to look at: no mail addresses, no values of what is called a token, a password and the like, and not
/// too long.
pub(super) fn telling(text: &str, written: Written) -> String {
    const BLANK: &str = "[REDACTED]";
    let is_part = |letter: char| letter.is_alphanumeric() || "@.+-_%".contains(letter);
    let mut told = String::new();
    let mut rest = text;
    let mut name = "";
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter| is_part(letter) != is_part(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if !is_part(first) {
            told.push_str(word);
            if !is_assignment(word) {
                name = "";
            }
        } else if is_secret(name, written) {
            told.push_str(BLANK);
            // The value may hold what is no part of a word: `/` and `=` of base64.
            rest = &rest[rest
                .find(|letter: char| "&\"'\\,;}])<".contains(letter) || letter.is_whitespace())
                .unwrap_or(rest.len())..];
            name = "";
        } else {
            told.push_str(if word.contains('@') { BLANK } else { word });
            name = word;
        }
        if told.len() > TEXT_MAX {
            told.truncate(told.floor_char_boundary(TEXT_MAX));
            told.push('…');
            break;
        }
    }
    told
}

/// What stands between a name and its value: `=`, `":"`, `>`.
fn is_assignment(between: &str) -> bool {
    between.contains(['=', ':', '>'])
        && between.chars().all(|letter| "=:>\"'\\".contains(letter) || letter.is_whitespace())
}

fn is_secret(name: &str, written: Written) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
        || (written == Written::ByUs && SENT_SECRETS.contains(&name.as_str()))
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
        let reply = |text: &str| telling(text, Written::ByThem);
        assert_eq!(reply("{\"to\":\"asha@example.com\", \"n\": 3}"), "{\"to\":\"[REDACTED]\", \"n\": 3}");
        assert_eq!(reply("plain"), "plain");
        let long = reply(&"ä ".repeat(TEXT_MAX));
        assert!(long.len() <= TEXT_MAX + '…'.len_utf8() && long.ends_with('…'), "{} bytes", long.len());
    }

    #[test]
    fn what_is_called_a_secret_is_not_told_even_if_nobody_knows_it() {
        for (text, told) in [
            ("limit=5&authtoken=ab/c+d==&after=OD1", "limit=5&authtoken=[REDACTED]&after=OD1"),
            ("grant_type=code&code=a1%2Fb2", "grant_type=code&code=[REDACTED]"),
            (
                "{\"access_token\" : \"e.Y/j=\", \"orders\":[1]}",
                "{\"access_token\" : \"[REDACTED]\", \"orders\":[1]}",
            ),
            ("<Password>p/w</Password><Id>7</Id>", "<Password>[REDACTED]</Password><Id>7</Id>"),
            ("Set-Cookie: sid=x; Path=/", "Set-Cookie: [REDACTED]; Path=/"),
        ] {
            assert_eq!(telling(text, Written::ByUs), told);
        }
        let reply = "{\"code\":\"INVALID_TOKEN\",\"message\":\"the token is too old\"}";
        assert_eq!(telling(reply, Written::ByThem), reply);
    }
}
