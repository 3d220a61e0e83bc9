//! What was typed into a form, and what is wrong with it, said beside the field.

use std::collections::BTreeMap;

use askama::{Template, filters::HtmlSafe};
use serde::Deserialize;

use super::shown::sentence;

/// The fields of a form as they were sent.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Typed(Vec<(String, String)>);

impl Typed {
    /// A field without blanks around it; one that was not sent is empty.
    pub(super) fn text(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| name == field).map_or("", |(_, value)| value.trim())
    }

    /// Everything that was sent under one name, as check boxes are.
    pub(super) fn all<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == field).map(|(_, value)| value.trim())
    }

    /// Whether a check box is ticked.
    pub(super) fn is_ticked(&self, field: &str) -> bool {
        self.text(field) == "yes"
    }
}

/// What is wrong with what was typed, by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong(BTreeMap<String, String>);

impl Wrong {
    /// That a field is wrong: a fragment or a sentence about it, without its full stop. The first word about a field counts.
    pub(super) fn add(&mut self, field: &str, said: &str) {
        self.0.entry(field.to_owned()).or_insert_with(|| format!("{}.", sentence(said)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the field's tag says of it.
    pub(super) fn mark(&self, field: &str) -> Mark {
        Mark { field: field.to_owned(), is_wrong: self.0.contains_key(field) }
    }

    /// The sentence after the field.
    pub(super) fn say(&self, field: &str) -> Said {
        Said { field: field.to_owned(), said: self.0.get(field).cloned() }
    }
}

/// Attributes of a field that is wrong; none if it is fine.
#[derive(Template)]
#[template(
    source = r#"{% if is_wrong %} aria-invalid="true" aria-describedby="wrong-{{ field }}"{% endif %}"#,
    ext = "html"
)]
pub(super) struct Mark {
    field: String,
    is_wrong: bool,
}

impl HtmlSafe for Mark {}

/// What is wrong with a field; nothing if it is fine.
#[derive(Template)]
#[template(
    source = r#"{% if let Some(said) = said %}<p class="field-wrong" id="wrong-{{ field }}">{{ crate::console::shown::marked(said) }}</p>{% endif %}"#,
    ext = "html"
)]
pub(super) struct Said {
    field: String,
    said: Option<String>,
}

impl HtmlSafe for Said {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_tied_to_its_field_and_is_no_markup() {
        let mut wrong = Wrong::default();
        assert!(wrong.is_empty() && wrong.mark("code").to_string().is_empty());
        wrong.add("code", "no <b> in it");
        wrong.add("code", "second");
        assert_eq!(wrong.mark("code").to_string(), " aria-invalid=\"true\" aria-describedby=\"wrong-code\"");
        let said = "<p class=\"field-wrong\" id=\"wrong-code\">No &#60;b&#62; in it.</p>";
        assert_eq!(wrong.say("code").to_string(), said);
        assert!(wrong.say("other").to_string().is_empty());
    }

    #[test]
    fn fields_are_read_without_the_blanks_around_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let typed = Typed(vec![pair("a", " x "), pair("b", "yes"), pair("a", "y")]);
        assert_eq!((typed.text("a"), typed.text("c")), ("x", ""));
        assert_eq!(typed.all("a").collect::<Vec<_>>(), ["x", "y"]);
        assert!(typed.is_ticked("b") && !typed.is_ticked("a"));
    }
}
