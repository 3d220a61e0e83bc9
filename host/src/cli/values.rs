//! What may be typed for a value: times, lengths of time, and the names of the domain.

use std::path::Path;

use plugin_api::{InvoiceNumbering, Millis, ShippedBy, Task};
use serde_json::{Map, Value};

use super::exit::Failure;
use crate::{
    domain::{invoice::SequenceKind, order::OrderStatus, snapshot::Traceability, time},
    nearest::did_you_mean,
};

/// A point in time, as it may be typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// RFC 3339.
    At(Millis),
    /// So long ago.
    Ago(Millis),
}

impl Moment {
    /// The instant.
    pub(super) fn at(self, now: Millis) -> Millis {
        match self {
            Moment::At(at) => at,
            Moment::Ago(length) => now.saturating_sub(length),
        }
    }

    /// How long ago.
    pub(super) fn ago(self, now: Millis) -> Millis {
        match self {
            Moment::At(at) => now.saturating_sub(at).max(0),
            Moment::Ago(length) => length,
        }
    }
}

/// `2026-01-15T09:30:00Z`
pub(super) fn instant(text: &str) -> Result<Millis, String> {
    time::parse(text).ok_or_else(|| "give a time such as 2026-01-15T09:30:00Z".to_owned())
}

/// `30d`, or a time.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Some(length) = length(text) {
        return Ok(Moment::Ago(length));
    }
    time::parse(text).map(Moment::At).ok_or_else(|| {
        "give a length of time such as 45m, 12h, 30d or 2w, or a time such as 2026-01-15T09:30:00Z".to_owned()
    })
}

/// `10m`
pub(super) fn span(text: &str) -> Result<Millis, String> {
    length(text)
        .filter(|length| *length > 0)
        .ok_or_else(|| "give a length of time such as 30s, 10m, 12h or 30d".to_owned())
}

fn length(text: &str) -> Option<Millis> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 7 * 86_400_000,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    Millis::from(number).checked_mul(unit)
}

pub(super) fn task(text: &str) -> Result<Task, String> {
    let names: Vec<&str> = Task::ALL.iter().map(|task| task.as_str()).collect();
    Task::parse(text).ok_or_else(|| one_of(text, &names))
}

pub(super) fn sequence_kind(text: &str) -> Result<SequenceKind, String> {
    let names: Vec<&str> = SequenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
    SequenceKind::parse(&text.to_uppercase()).ok_or_else(|| one_of(text, &names))
}

pub(super) fn order_status(text: &str) -> Result<OrderStatus, String> {
    let names: Vec<&str> = OrderStatus::ALL.iter().map(|status| status.as_str()).collect();
    OrderStatus::parse(&text.to_uppercase()).ok_or_else(|| one_of(text, &names))
}

pub(super) fn traceability(text: &str) -> Result<Traceability, String> {
    let names: Vec<&str> = Traceability::ALL.iter().map(|kind| kind.as_str()).collect();
    Traceability::parse(&text.to_uppercase()).ok_or_else(|| one_of(text, &names))
}

pub(super) fn shipped_by(text: &str) -> Result<ShippedBy, String> {
    let known = [ShippedBy::Channel, ShippedBy::Seller];
    let found = known.into_iter().find(|known| known.as_str() == text.to_uppercase());
    found.ok_or_else(|| one_of(text, &known.map(ShippedBy::as_str)))
}

pub(super) fn invoice_numbering(text: &str) -> Result<InvoiceNumbering, String> {
    match text.to_uppercase().as_str() {
        "CHANNEL" => Ok(InvoiceNumbering::Channel),
        "SELLER" => Ok(InvoiceNumbering::Seller),
        _ => Err(one_of(text, &["CHANNEL", "SELLER"])),
    }
}

fn one_of(text: &str, names: &[&str]) -> String {
    format!("give one of {}{}", names.join(", "), did_you_mean(text, names.iter().copied()))
}

/// A file's text; `-` is stdin.
pub(super) fn text_of(path: &Path) -> Result<String, Failure> {
    let read = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|error| Failure::failed(format!("could not read {}: {error}", shown(path))))
}

/// How a file is called in messages.
pub(super) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.display().to_string() }
}

/// A TOML file as a table of JSON values; `-` is stdin.
pub(super) fn toml_of(path: &Path) -> Result<Map<String, Value>, Failure> {
    let text = text_of(path)?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        // Only the message: the rest of the error shows lines of the file, and they may hold secrets.
        Failure::usage(format!("{}:{line}: {}", shown(path), error.message()))
    })?;
    Ok(table.into_iter().map(|(name, value)| (name, json_of(value))).collect())
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(name, value)| (name, json_of(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lengths_of_time_are_told_apart() {
        assert_eq!(moment("30d"), Ok(Moment::Ago(2_592_000_000)));
        assert_eq!(moment("2w").unwrap().at(1_300_000_000), 90_400_000);
        let at = moment("2026-01-15T09:30:00Z").unwrap();
        assert_eq!(at.ago(at.at(0) + 500), 500);
        for wrong in ["", "d", "30", "30 d", "-1d", "yesterday", "1.5h", "é"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_taken_in_either_case_and_mistyped_ones_are_recognised() {
        assert_eq!(sequence_kind("sale_invoice"), Ok(SequenceKind::SaleInvoice));
        assert_eq!(shipped_by("seller"), Ok(ShippedBy::Seller));
        assert!(task("pendign").unwrap_err().ends_with("did you mean `pending`?"));
    }
}
