//! The blanking of secrets in what others wrote.
//!
//! Deciding which values are secret is the account's business, not this module's.

use std::borrow::Cow;

use memchr::memmem::Finder;

/// What stands where a secret stood.
const BLANK: &str = "[REDACTED]";

/// Shorter values are too likely to be ordinary words of a reply.
const SHORTEST: usize = 6;

/// Blanks a set of values, each as it is and as JSON and URLs write it.
pub(super) struct Scrub(Vec<Finder<'static>>);

impl Scrub {
    /// Values of fewer than six bytes are left alone.
    pub(super) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = Vec::new();
        for value in values.into_iter().filter(|value| value.len() >= SHORTEST) {
            let quoted = serde_json::Value::from(value).to_string();
            let json = quoted.get(1..quoted.len() - 1).unwrap_or(value).to_owned();
            needles.push(json.replace('/', "\\/"));
            needles.push(json);
            needles.push(super::fill::percent_encoded(value));
            needles.push(value.to_owned());
        }
        // The longest first: a value that contains another is blanked as a whole.
        needles.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        needles.dedup();
        Scrub(needles.iter().map(|needle| Finder::new(needle.as_bytes()).into_owned()).collect())
    }

    pub(super) fn bytes(&self, mut text: Vec<u8>) -> Vec<u8> {
        for finder in &self.0 {
            if let Cow::Owned(clean) = blank(finder, &text) {
                text = clean;
            }
        }
        text
    }

    pub(super) fn text(&self, text: String) -> String {
        // Whole characters go and whole characters come, so this stays UTF-8.
        String::from_utf8(self.bytes(text.into_bytes())).unwrap_or_default()
    }
}

fn blank<'a>(finder: &Finder<'_>, text: &'a [u8]) -> Cow<'a, [u8]> {
    let mut clean: Vec<u8> = Vec::new();
    let mut from = 0;
    let digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
    let is_number = finder.needle().iter().all(u8::is_ascii_digit);
    for at in finder.find_iter(text) {
        // Digits inside a longer number are another number, such as an order's.
        if is_number && (digit(at.checked_sub(1)) || digit(Some(at + finder.needle().len()))) {
            continue;
        }
        clean.extend_from_slice(&text[from..at]);
        clean.extend_from_slice(BLANK.as_bytes());
        from = at + finder.needle().len();
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    clean.extend_from_slice(&text[from..]);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = crate::secrets::Secret::from("hunter2hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[REDACTED] Some([REDACTED])");
        assert_eq!(secret.reveal(), "hunter2hunter2");
    }

    #[test]
    fn every_occurrence_is_blanked_in_every_spelling() {
        let scrub = Scrub::new(["ab/cd\"ef"]);
        let text = r#"raw ab/cd"ef, json ab/cd\"ef, php ab\/cd\"ef, url ab%2Fcd%22ef, twice ab/cd"ef"#;
        assert_eq!(
            scrub.text(text.to_owned()),
            "raw [REDACTED], json [REDACTED], php [REDACTED], url [REDACTED], twice [REDACTED]"
        );
    }

    #[test]
    fn a_value_that_contains_another_is_blanked_whole() {
        let scrub = Scrub::new(["secret", "secret-and-more"]);
        assert_eq!(scrub.text("secret-and-more secret".to_owned()), "[REDACTED] [REDACTED]");
    }

    #[test]
    fn a_number_inside_a_longer_number_is_another_number() {
        let scrub = Scrub::new(["123456"]);
        let text = "OD1234567 9123456 id=123456, \"123456\"";
        assert_eq!(scrub.text(text.to_owned()), "OD1234567 9123456 id=[REDACTED], \"[REDACTED]\"");
    }

    #[test]
    fn short_values_and_clean_text_stay() {
        let scrub = Scrub::new(["12345", ""]);
        assert_eq!(scrub.bytes(b"order 12345 \xff".to_vec()), b"order 12345 \xff");
    }
}
