//! Finds what a person probably meant: the known name that is nearest to a mistyped one.

/// The known name that a mistyped one most probably stands for; `None` if none is near.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_ascii_lowercase();
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed, &name.to_ascii_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `; did you mean …?`, or nothing.
pub fn did_you_mean<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, known).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// A serde message with a suggestion added: serde lists what it expected after "unknown field" and "unknown variant".
pub fn with_suggestion(message: &str) -> String {
    let is_about_a_name = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let mut names = message.split('`').skip(1).step_by(2);
    match names.next() {
        Some(typed) if is_about_a_name => format!("{message}{}", did_you_mean(typed, names)),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_nothing_far_off() {
        assert_eq!(nearest("lease_tll_ms", ["lease_ttl_ms", "lease_renew_ms"]), Some("lease_ttl_ms"));
        assert_eq!(nearest("BASE_URL", ["token_url", "base_url"]), Some("base_url"));
        assert_eq!(nearest("zzz", ["base_url", "runs"]), None);
    }

    #[test]
    fn what_serde_expected_is_searched_for_what_was_meant() {
        assert_eq!(
            with_suggestion("unknown field `chanels`, expected one of `tenant`, `channels`"),
            "unknown field `chanels`, expected one of `tenant`, `channels`; did you mean `channels`?"
        );
        assert_eq!(with_suggestion("missing field `tenant`"), "missing field `tenant`");
    }
}
