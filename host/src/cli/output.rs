//! What a command says, and where: data to stdout, talk to stderr.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::exit::Failure;
use crate::domain::time;
pub(super) use crate::domain::time::india;

/// The two streams, and how the person wants to be spoken to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    /// Data as JSON.
    pub(super) is_json: bool,
    /// No talk but warnings and errors.
    pub(super) is_quiet: bool,
}

impl Out {
    /// A line of data.
    #[expect(clippy::unused_self, reason = "all output goes through here")]
    pub(super) fn line(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        Ok(stdout.flush()?)
    }

    /// A document, with times as text.
    pub(super) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&serde_json::to_string_pretty(&document(value)?).map_err(unwritable)?)
    }

    /// A document on one line, as it is.
    pub(super) fn json_line(self, value: &impl Serialize) -> Result<(), Failure> {
        self.line(&serde_json::to_string(value).map_err(unwritable)?)
    }

    /// A list: as JSON, or as a table of these columns. An empty table is told on stderr in these words.
    pub(super) fn list<T: Serialize>(
        self,
        rows: &[T],
        head: &[&str],
        cells: impl Fn(&T) -> Vec<String>,
        none: &str,
    ) -> Result<(), Failure> {
        if self.is_json {
            return self.json(&rows);
        }
        if rows.is_empty() {
            self.say(none);
            return Ok(());
        }
        self.table(head, rows.iter().map(cells))
    }

    /// A table for people.
    pub(super) fn table(
        self,
        head: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), Failure> {
        self.line(&table(head, rows))
    }

    /// Talk, unless it is not wanted.
    pub(super) fn say(self, text: &str) {
        if !self.is_quiet {
            self.tell(text);
        }
    }

    /// Talk that must be heard.
    #[expect(clippy::unused_self, reason = "all output goes through here")]
    pub(super) fn tell(self, text: &str) {
        // If stderr is gone there is no other place to say so.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// A warning.
    pub(super) fn warn(self, text: &str) {
        self.tell(&format!("warning: {text}"));
    }
}

/// A table without borders, its lines without trailing blanks. On a terminal it keeps to the width.
pub(super) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if io::IsTerminal::is_terminal(&io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A length of time in words: `350 ms`, `12 s`, `10 min`, `3 h`, `30 d`.
pub(super) fn length(millis: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let exact = UNITS.iter().find(|(unit, _)| millis >= *unit && millis % unit == 0);
    let rough = UNITS.iter().find(|(unit, _)| millis >= 2 * unit);
    match exact.or(rough) {
        Some((unit, name)) => format!("{} {name}", millis / unit),
        None => format!("{millis} ms"),
    }
}

/// Text, or a dash for none.
pub(super) fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".into(), |text| text.to_string())
}

/// What is written as JSON, with instants as RFC 3339 in UTC.
fn document(value: &impl Serialize) -> Result<Value, Failure> {
    let mut document = serde_json::to_value(value).map_err(unwritable)?;
    times_as_text(&mut document);
    Ok(document)
}

/// Members that are instants although their names do not end in `_at`.
const OTHER_INSTANTS: &[&str] = &["complete_until", "failing_since", "old_until"];

fn times_as_text(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_i64() {
                    Some(at) if name.ends_with("_at") || OTHER_INSTANTS.contains(&name.as_str()) => {
                        *member = Value::from(time::text(at));
                    }
                    _ => times_as_text(member),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(times_as_text),
        _ => {}
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritable(error: serde_json::Error) -> Failure {
    Failure::failed(format!("the answer could not be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instants_are_shown_in_indian_time_and_written_in_utc() {
        let at = time::parse("2026-01-15T09:30:00Z").unwrap();
        assert_eq!(india(at), "15 Jan 2026 15:00 IST");
        let rows = json!([{"next_run_at": at, "last": {"ended_at": null}, "mark": {"complete_until": at}, "format": 3}]);
        assert_eq!(
            document(&rows).unwrap(),
            json!([{"next_run_at": "2026-01-15T09:30:00Z", "last": {"ended_at": null},
                    "mark": {"complete_until": "2026-01-15T09:30:00Z"}, "format": 3}])
        );
    }

    #[test]
    fn lengths_of_time_are_in_the_unit_that_people_use() {
        let words = [350, 1_000, 1_500, 90_000, 600_000, 2_400_000, 86_400_000, 2_592_000_000].map(length);
        assert_eq!(words, ["350 ms", "1 s", "1500 ms", "90 s", "10 min", "40 min", "1 d", "30 d"]);
    }

    #[test]
    fn a_table_has_no_borders_and_no_trailing_blanks() {
        let rows = [vec!["O1".into(), "CREATED".into()], vec!["O10".into(), "-".into()]];
        assert_eq!(table(&["order", "status"], rows), "ORDER  STATUS\nO1     CREATED\nO10    -");
    }
}
