//! Invoices, and the number series that they and packages are numbered from.

use std::collections::HashSet;

use jiff::civil::Date;
use plugin_api::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ItemCode, OwnerCode, PackageCode},
    order::states,
    time,
};

states! {
    /// What a series numbers.
    SequenceKind {
        /// Packages.
        ShippingPackage "SHIPPING_PACKAGE",
        /// Sale invoices.
        SaleInvoice "SALE_INVOICE",
        /// Sale-return invoices (credit notes).
        SaleReturnInvoice "SALE_RETURN_INVOICE",
    }
}

states! {
    /// The life of an invoice. A number once given stays used, whatever becomes of the invoice.
    InvoiceStatus {
        /// Valid.
        Generated "GENERATED",
        /// Withdrawn before dispatch.
        Cancelled "CANCELLED",
        /// Every unit on it was credited by return invoices.
        Credited "CREDITED",
    }
}

/// An invoice. Its key is owner, kind, financial year and number: with a counter that starts again each year the same
/// text lawfully comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invoice {
    /// Whose series: a facility, a billing party, or the channel that numbered it.
    pub owner: OwnerCode,
    /// `SALE_INVOICE` or `SALE_RETURN_INVOICE`.
    pub kind: SequenceKind,
    /// `2025-26`.
    pub financial_year: String,
    /// The number, as printed.
    pub number: String,
    /// The package.
    pub package: PackageCode,
    /// Its state.
    pub status: InvoiceStatus,
    /// The calendar day in India when it was made.
    #[schemars(with = "super::form::Day")]
    pub date: Date,
    /// The sale invoice that a return invoice credits.
    #[serde(default)]
    pub against: Option<String>,
    /// The units on it.
    pub items: Vec<ItemCode>,
}

/// A number series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The facility or billing party.
    pub owner: OwnerCode,
    /// What it numbers.
    pub kind: SequenceKind,
    /// Text before the counter.
    pub prefix: String,
    /// The counter is padded with zeros to this width.
    #[serde(default = "one")]
    pub width: u8,
    /// The next counter.
    pub next: u64,
    /// Whether the counter starts again at 1 with each financial year.
    #[serde(default = "yes")]
    pub reset: bool,
    /// The prefix from the next financial year on.
    #[serde(default)]
    pub next_year_prefix: Option<String>,
    /// The year of the last number drawn; absent = the year of the first to come.
    #[serde(default)]
    pub financial_year: Option<String>,
}

/// A day, in milliseconds.
const DAY: Millis = 86_400_000;

fn one() -> u8 {
    1
}

fn yes() -> bool {
    true
}

/// Why a number breaks the rules for invoice numbers (CGST rule 46(b)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadNumber {
    /// More than 16 characters.
    TooLong,
    /// Something else than letters, digits, `-` and `/`.
    BadCharacter,
    /// Given before in this financial year.
    AlreadyUsed,
}

impl BadNumber {
    /// The words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            BadNumber::TooLong => "too long",
            BadNumber::BadCharacter => "bad character",
            BadNumber::AlreadyUsed => "already used",
        }
    }
}

impl Sequence {
    /// Turns the series over if a financial year has begun since its last number, then draws the next one.
    ///
    /// Exactly once a year, by whoever draws first: the year of the last draw is part of the series.
    pub fn draw(&mut self, now: Millis) -> String {
        self.roll_over(now);
        let number = format!("{}{:0width$}", self.prefix, self.next, width = usize::from(self.width));
        self.next = self.next.saturating_add(1);
        number
    }

    /// The instant that the series numbers for: now; or the beginning of the year that it has turned over to already, by
    /// a run that began later than ours or on a host whose clock is ahead.
    ///
    /// Such a run is hours ahead at most; a year further off is a mistake in the series, and its date is not believed.
    pub fn instant(&self, now: Millis) -> Millis {
        let turned = self.financial_year.as_deref().and_then(time::beginning_of);
        turned.filter(|turned| (now..=now.saturating_add(DAY)).contains(turned)).unwrap_or(now)
    }

    fn roll_over(&mut self, now: Millis) {
        let year = time::financial_year(now);
        match &self.financial_year {
            None => self.financial_year = Some(year),
            Some(last) if *last < year => {
                if self.reset {
                    self.next = 1;
                }
                if let Some(prefix) = self.next_year_prefix.take().filter(|prefix| !prefix.is_empty()) {
                    self.prefix = prefix;
                }
                self.financial_year = Some(year);
            }
            Some(_) => {}
        }
    }

    /// The numbers that this series may give next at `now`, `count` of them: what a store has to look up among the used.
    pub fn upcoming(&self, now: Millis, count: usize) -> Vec<String> {
        let mut copy = self.clone();
        (0..count).map(|_| copy.draw(now)).collect()
    }
}

/// Numbers that were given, by owner, kind, financial year and text.
pub type UsedNumbers = HashSet<(OwnerCode, SequenceKind, String, String)>;

/// Checks the form of an invoice number.
pub fn check_form(number: &str) -> Result<(), BadNumber> {
    if number.chars().count() > 16 {
        return Err(BadNumber::TooLong);
    }
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '/') {
        return Err(BadNumber::BadCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series() -> Sequence {
        Sequence {
            owner: "DEL1".into(),
            kind: SequenceKind::SaleInvoice,
            prefix: "A/".into(),
            width: 4,
            next: 7,
            reset: true,
            next_year_prefix: None,
            financial_year: None,
        }
    }

    fn at(text: &str) -> Millis {
        time::parse(text).unwrap()
    }

    #[test]
    fn a_series_turns_over_once_at_midnight_in_india() {
        let mut series = series();
        assert_eq!(series.draw(at("2026-03-31T18:29:59Z")), "A/0007");
        assert_eq!(series.draw(at("2026-03-31T18:30:00Z")), "A/0001");
        assert_eq!(series.draw(at("2026-04-02T00:00:00Z")), "A/0002");
        assert_eq!(series.financial_year.as_deref(), Some("2026-27"));
    }

    #[test]
    fn the_next_years_prefix_is_used_once() {
        let mut series = Sequence {
            next_year_prefix: Some("B/".into()),
            financial_year: Some("2025-26".into()),
            ..series()
        };
        assert_eq!(series.draw(at("2026-04-01T00:00:00Z")), "B/0001");
        assert_eq!(series.next_year_prefix, None);
        assert_eq!(series.draw(at("2027-04-01T00:00:00Z")), "B/0001");
    }

    #[test]
    fn without_reset_the_counter_goes_on() {
        let mut series = Sequence { reset: false, financial_year: Some("2024-25".into()), ..series() };
        assert_eq!(series.draw(at("2026-04-01T00:00:00Z")), "A/0007");
    }

    #[test]
    fn a_first_draw_sets_the_year_and_keeps_the_counter() {
        let mut series = series();
        assert_eq!(series.draw(at("2026-04-01T00:00:00Z")), "A/0007");
        assert_eq!(
            series.draw(at("2026-03-01T00:00:00Z")),
            "A/0008",
            "a clock that went back turns nothing over"
        );
    }

    #[test]
    fn who_draws_late_numbers_for_the_year_that_others_have_begun() {
        let turned = Sequence { financial_year: Some("2026-27".into()), ..series() };
        let midnight = at("2026-03-31T18:30:00Z");
        assert_eq!(turned.instant(midnight - 1), midnight);
        assert_eq!(turned.instant(midnight + 1), midnight + 1);
        assert_eq!(turned.instant(at("2026-01-15T00:00:00Z")), at("2026-01-15T00:00:00Z"), "not by months");
    }

    #[test]
    fn the_upcoming_numbers_are_those_that_will_be_drawn() {
        let mut series = Sequence { financial_year: Some("2024-25".into()), ..series() };
        let now = at("2026-03-31T18:00:00Z");
        let upcoming = series.upcoming(now, 3);
        assert_eq!(upcoming, ["A/0001", "A/0002", "A/0003"]);
        assert_eq!([(); 3].map(|()| series.draw(now)), upcoming.as_slice());
    }

    #[test]
    fn a_series_that_says_no_more_is_padded_to_one_digit_and_starts_again_each_year() {
        let text = r#"{"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "A/", "next": 7}"#;
        let series: Sequence = serde_json::from_str(text).unwrap();
        assert_eq!((series.width, series.reset), (1, true));
        assert_eq!((series.next_year_prefix, series.financial_year), (None, None));
    }

    #[test]
    fn the_form_of_a_number_is_the_laws() {
        assert_eq!(check_form("INV/25-26/000001"), Ok(()));
        assert_eq!(check_form("INV/25-26/0000001"), Err(BadNumber::TooLong));
        assert_eq!(check_form("INV 1"), Err(BadNumber::BadCharacter));
        assert_eq!(check_form(""), Err(BadNumber::BadCharacter));
    }
}
