//! Templates: names in double braces, and parts that are for some choices only.

/// Keeps the lines that are for one of the choices: those between `%if a b` and `%end` are for `a` or `b`. Parts do not
/// lie in one another.
pub(super) fn render(template: &str, chosen: &[&str]) -> String {
    let mut text = String::new();
    let mut is_kept = true;
    for line in template.lines() {
        if let Some(choices) = line.strip_prefix("%if ") {
            is_kept = choices.split(' ').any(|choice| chosen.contains(&choice));
        } else if line == "%end" {
            is_kept = true;
        } else if is_kept {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Puts values in the places of their names.
pub(super) fn filled(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_for_their_choices() {
        let template = "a\n%if x y\nb\n%end\n%if z\nc\n%end\nd\n";
        assert_eq!(render(template, &["y"]), "a\nb\nd\n");
        assert_eq!(render(template, &["z", "x"]), "a\nb\nc\nd\n");
        assert_eq!(render(template, &[]), "a\nd\n");
    }

    #[test]
    fn names_are_filled_in_and_other_braces_stay() {
        assert_eq!(filled("use a::{{{b}}c}; {d}", &[("b", "x, ")]), "use a::{x, c}; {d}");
    }
}
