//! What orders are found by: the one place that says which words an order has, and whether an order has one.
//!
//! A word is a value, or the rest of a value behind a separator, so that `7654321` finds `403-1234567-7654321`. The engines
//! keep the words of each order in a table, in step with the order; how the table is read is said in `search`.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use serde::Deserialize;

use super::{OrderFilter, PageState, Result, StoreError};
use crate::domain::{
    codes::{FacilityCode, OrderCode, Sku},
    order::Order,
    snapshot::OrderFile,
};

/// Characters of a word that are kept. Longer ones are told apart when their orders are looked at.
const LONGEST: usize = 64;
/// Words of one value. Those behind them are not found by.
const MOST: usize = 12;
/// Words that are sorted at once where there are many; they take about a hundred bytes each.
pub(super) const BATCH: usize = 1_000_000;

/// What a word is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Of our code, the marketplace's id, a waybill or a product: people look for how it begins.
    Text = 0,
    /// A facility that an item goes out from.
    Facility = 1,
}

/// A word as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// Where the words of a value start, in bytes.
fn starts(value: &str) -> impl Iterator<Item = usize> + '_ {
    let is_separator = |byte: u8| matches!(byte, b' ' | b'-' | b'_' | b'/' | b'.');
    let bytes = value.as_bytes();
    let begins = move |at: &usize| *at == 0 || (is_separator(bytes[at - 1]) && !is_separator(bytes[*at]));
    (0..bytes.len()).filter(begins).take(MOST)
}

/// The first characters of a text, as far as they are stored.
fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end])
}

/// The words of these values, each once.
fn words<'a>(
    texts: impl Iterator<Item = &'a str>,
    facilities: impl Iterator<Item = &'a str>,
) -> BTreeSet<Word> {
    let of_value = |value: &'a str| {
        starts(value).map(|at| Word { kind: Kind::Text, text: cut(&value[at..]).to_ascii_lowercase() })
    };
    let facilities = facilities.filter(|code| !code.is_empty());
    texts
        .flat_map(of_value)
        .chain(facilities.map(|code| Word { kind: Kind::Facility, text: cut(code).to_owned() }))
        .collect()
}

fn awbs(order: &Order) -> impl Iterator<Item = &str> {
    order.packages.iter().filter_map(|package| package.awb.as_deref())
}

fn skus(order: &Order) -> impl Iterator<Item = &str> {
    order.items.iter().map(|item| item.sku.as_str())
}

fn facilities(order: &Order) -> impl Iterator<Item = &str> {
    order.items.iter().filter_map(|item| item.facility.as_ref().map(FacilityCode::as_str))
}

fn texts(order: &Order) -> impl Iterator<Item = &str> {
    [order.code.as_str(), &order.channel_order_id].into_iter().chain(awbs(order)).chain(skus(order))
}

/// The words of an order.
pub(super) fn of(order: &Order) -> BTreeSet<Word> {
    words(texts(order), facilities(order))
}

/// As much of a stored order as has words, whatever version of the program wrote it.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow, default)]
    items: Vec<StoredItem<'a>>,
    #[serde(borrow, default)]
    packages: Vec<StoredPackage<'a>>,
}

#[derive(Deserialize)]
struct StoredItem<'a> {
    #[serde(borrow, default)]
    sku: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    facility: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct StoredPackage<'a> {
    #[serde(borrow, default)]
    awb: Option<Cow<'a, str>>,
}

/// The words of an order as it is stored.
///
/// # Errors
/// If the body is no order's.
pub(super) fn of_stored(
    code: &str,
    channel_order_id: &str,
    body: &str,
) -> serde_json::Result<BTreeSet<Word>> {
    let stored: Stored<'_> = serde_json::from_str(body)?;
    let awbs = stored.packages.iter().filter_map(|package| package.awb.as_deref());
    let skus = stored.items.iter().filter_map(|item| item.sku.as_deref());
    let facilities = stored.items.iter().filter_map(|item| item.facility.as_deref());
    Ok(words([code, channel_order_id].into_iter().chain(awbs).chain(skus), facilities))
}

/// The words of rows of the table of orders: a JSON array of arrays with these columns.
///
/// # Errors
/// [`StoreError::Contradiction`] if they are no orders.
pub(super) fn of_rows(columns: &[String], rows: &str) -> Result<Vec<(Word, OrderCode)>> {
    let wrong = |problem: &str| StoreError::Contradiction(format!("an order cannot be read: {problem}"));
    let rows: Vec<Vec<serde_json::Value>> =
        serde_json::from_str(rows).map_err(|error| wrong(&error.to_string()))?;
    let mut found = Vec::new();
    for row in &rows {
        let text = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            at.and_then(|at| row.get(at)?.as_str()).ok_or_else(|| wrong(&format!("{name} is no text")))
        };
        let code = text("code")?;
        let words = of_stored(code, text("channel_order_id")?, text("body")?);
        let words = words.map_err(|error| wrong(&format!("{code}: {error}")))?;
        found.extend(words.into_iter().map(|word| (word, OrderCode::from(code))));
    }
    Ok(found)
}

/// What orders were found by before a page was decided. Codes and the marketplace's ids stay as they are.
#[derive(Default)]
pub(super) struct Before(HashMap<OrderCode, Values>);

struct Values {
    awbs: Vec<String>,
    skus: Vec<Sku>,
    facilities: Vec<FacilityCode>,
}

impl Values {
    fn are_those_of(&self, order: &Order) -> bool {
        awbs(order).eq(self.awbs.iter().map(String::as_str))
            && skus(order).eq(self.skus.iter().map(Sku::as_str))
            && facilities(order).eq(self.facilities.iter().map(FacilityCode::as_str))
    }

    fn texts(&self) -> BTreeSet<&str> {
        self.awbs.iter().map(String::as_str).chain(self.skus.iter().map(Sku::as_str)).collect()
    }

    fn facilities(&self) -> BTreeSet<&str> {
        self.facilities.iter().map(FacilityCode::as_str).collect()
    }
}

impl Before {
    /// Of the orders that were loaded.
    pub(super) fn of(state: &PageState) -> Before {
        let values = |file: &OrderFile| {
            let order = &file.order;
            let values = Values {
                awbs: awbs(order).map(str::to_owned).collect(),
                skus: order.items.iter().map(|item| item.sku.clone()).collect(),
                facilities: order.items.iter().filter_map(|item| item.facility.clone()).collect(),
            };
            (order.code.clone(), values)
        };
        Before(state.files.values().map(values).collect())
    }

    /// What is to be written so that orders are found by what they have now.
    pub(super) fn changes<'a>(&self, files: &'a [OrderFile]) -> Changes<'a> {
        let mut changes = Changes::default();
        for OrderFile { order, .. } in files {
            let Some(before) = self.0.get(&order.code) else {
                changes.new.extend(of(order).into_iter().map(|word| (word, &order.code)));
                continue;
            };
            if before.are_those_of(order) {
                continue;
            }
            let (had, has) = (before.texts(), awbs(order).chain(skus(order)).collect::<BTreeSet<_>>());
            let (left, goes) = (before.facilities(), facilities(order).collect::<BTreeSet<_>>());
            let new = words(has.difference(&had).copied(), goes.difference(&left).copied());
            changes.new.extend(new.into_iter().map(|word| (word, &order.code)));
            let mut gone = words(had.difference(&has).copied(), left.difference(&goes).copied());
            if !gone.is_empty() {
                // A word may be of another value too.
                let kept = of(order);
                gone.retain(|word| !kept.contains(word));
                changes.gone.extend(gone.into_iter().map(|word| (word, &order.code)));
            }
        }
        changes
    }
}

/// Words that orders have now and may not have had, and those that they have no longer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    pub(super) new: Vec<(Word, &'a OrderCode)>,
    pub(super) gone: Vec<(Word, &'a OrderCode)>,
}

/// What a filter looks for by words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needles {
    /// How a word begins, in small letters; whole.
    text: Option<String>,
    facility: Option<FacilityCode>,
}

impl Needles {
    pub(super) fn of(filter: &OrderFilter) -> Needles {
        let text = filter.text.as_deref().map(|text| text.trim().to_ascii_lowercase());
        Needles { text: text.filter(|text| !text.is_empty()), facility: filter.facility.clone() }
    }

    /// Whether an order has all of them.
    pub(super) fn are_in(&self, order: &Order) -> bool {
        let begins = |value: &str, text: &str| {
            let (value, text) = (value.as_bytes(), text.as_bytes());
            value.len() >= text.len() && value[..text.len()].eq_ignore_ascii_case(text)
        };
        let has = |text: &str| texts(order).any(|value| starts(value).any(|at| begins(&value[at..], text)));
        self.text.as_deref().is_none_or(has)
            && self.facility.as_ref().is_none_or(|code| facilities(order).any(|one| one == code.as_str()))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        usize::from(self.text.is_some()) + usize::from(self.facility.is_some())
    }

    /// Where all that is looked for stands.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        self.text().into_iter().chain(self.facility())
    }

    /// Where the words of the text stand among all words.
    pub(super) fn text(&self) -> Option<Span> {
        let from = cut(self.text.as_deref()?).to_owned();
        // No word has the last of all characters.
        Some(Span { kind: Kind::Text, to: format!("{from}\u{10ffff}"), from })
    }

    /// Where the facility stands among all words.
    pub(super) fn facility(&self) -> Option<Span> {
        self.facility.as_ref().map(|code| Span::only(Kind::Facility, cut(code.as_str()).to_owned()))
    }
}

/// Words that stand side by side: from one, and before the other. If both are the same, only that word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) kind: Kind,
    pub(super) from: String,
    pub(super) to: String,
}

impl Span {
    /// One word.
    pub(super) fn only(kind: Kind, word: String) -> Span {
        Span { kind, to: word.clone(), from: word }
    }

    /// Whether it is one word, whose orders stand by code.
    pub(super) fn is_one(&self) -> bool {
        self.from == self.to
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(document: &serde_json::Value) -> Order {
        let mut whole = json!({"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "CREATED", "items": []});
        whole.as_object_mut().unwrap().extend(document.as_object().unwrap().clone());
        serde_json::from_value(whole).unwrap()
    }

    fn item(sku: &str, facility: Option<&str>) -> serde_json::Value {
        json!({"code": "I", "sku": sku, "facility": facility, "status": "CREATED"})
    }

    fn package(awb: Option<&str>) -> serde_json::Value {
        json!({"code": "P", "status": "CREATED", "awb": awb})
    }

    fn amazon() -> Order {
        order(&json!({"channel_order_id": "403-1234567-7654321",
            "items": [item("Shirt_Blue.XL", Some("DEL1")), item("Shirt_Blue.XL", Some("DEL1"))],
            "packages": [package(Some("EK 77")), package(None)]}))
    }

    fn listed(words: BTreeSet<Word>) -> Vec<String> {
        words.into_iter().map(|word| word.text).collect()
    }

    fn looks_for(text: &str) -> Needles {
        Needles::of(&OrderFilter { text: Some(text.to_owned()), ..OrderFilter::default() })
    }

    #[test]
    fn an_order_has_the_words_of_its_code_id_waybills_products_and_facilities_each_once() {
        let expected = [
            "1234567-7654321",
            "403-1234567-7654321",
            "7654321",
            "77",
            "blue.xl",
            "ek 77",
            "o1",
            "shirt_blue.xl",
            "xl",
            "DEL1",
        ];
        assert_eq!(listed(of(&amazon())), expected);
    }

    #[test]
    fn a_stored_order_has_the_words_of_the_order() {
        let order = amazon();
        let body = serde_json::to_string(&order).unwrap();
        assert_eq!(of_stored("O1", &order.channel_order_id, &body).unwrap(), of(&order));
        let bare =
            listed(of_stored("A", "", r#"{"items":[{"channel_item_id":"1"},{"sku":"a\"b"}]}"#).unwrap());
        assert_eq!(bare, ["a", "a\"b"], "an earlier version wrote less");
        assert!(of_stored("A", "B", "7").is_err());

        let columns = ["body", "channel_order_id", "code"].map(String::from);
        let rows = json!([[body, order.channel_order_id, "O1"], ["{}", "B", "A"]]).to_string();
        let found = of_rows(&columns, &rows).unwrap();
        let of =
            |code: &str| found.iter().filter(|(_, of)| *of == code).map(|(word, _)| word.clone()).collect();
        assert_eq!((self::of(&order), listed(of("A"))), (of("O1"), vec!["a".to_owned(), "b".to_owned()]));
        for rows in ["[[]]", "{}", r#"[["7", "B", "A"]]"#, r#"[["{}", "B", 1]]"#] {
            assert!(matches!(of_rows(&columns, rows), Err(StoreError::Contradiction(_))), "{rows}");
        }
    }

    #[test]
    fn separators_that_follow_each_other_begin_nothing() {
        let of_sku = |sku: &str| {
            let all = listed(of(&order(&json!({"items": [item(sku, None)]}))));
            all.into_iter().filter(|word| word != "o1" && word != "od1").collect::<Vec<_>>()
        };
        assert_eq!(of_sku("--A -/ B--"), ["--a -/ b--", "a -/ b--", "b--"]);
        assert_eq!(of_sku(""), [""; 0]);
        assert_eq!(of_sku("ÜBER-É"), ["É", "Über-É"], "only plain letters have two cases");
        let long = "é".repeat(LONGEST) + "-tail";
        assert_eq!(of_sku(&long), ["tail".to_owned(), "é".repeat(LONGEST)]);
        let many: Vec<String> = (0..100).map(|n: u8| n.to_string()).collect();
        assert_eq!(of_sku(&many.join("-")).len(), MOST);
    }

    #[test]
    fn what_is_looked_for_begins_a_word_in_either_case() {
        let order = amazon();
        for text in [
            "403-1",
            "7654321",
            "1234567-7",
            "o1",
            "O1",
            "ek",
            "EK 7",
            "blue",
            "XL",
            " xl ",
            "shirt_blue.xl",
            "",
            " ",
        ] {
            assert!(looks_for(text).are_in(&order), "{text}");
        }
        for text in ["34567", "irt", "765432100", "-1234567", "del1", "ek77"] {
            assert!(!looks_for(text).are_in(&order), "{text}");
        }
        let from =
            |code: &str| Needles::of(&OrderFilter { facility: Some(code.into()), ..OrderFilter::default() });
        assert!(from("DEL1").are_in(&order) && !from("del1").are_in(&order) && !from("DEL").are_in(&order));
        let both =
            OrderFilter { text: Some("xl".into()), facility: Some("BOM1".into()), ..OrderFilter::default() };
        assert!(!Needles::of(&both).are_in(&order));
    }

    #[test]
    fn every_word_that_is_found_stands_in_the_span_of_what_is_looked_for() {
        let order = amazon();
        for text in ["4", "403-", "xl", "EK", "shirt_blue.xl"] {
            let span = looks_for(text).text().unwrap();
            let stands =
                |word: &Word| word.kind == span.kind && span.from <= word.text && word.text < span.to;
            assert_eq!(of(&order).iter().filter(|word| stands(word)).count(), 1, "{text}");
        }
        let long = "a".repeat(LONGEST + 5);
        let span = looks_for(&long).text().unwrap();
        assert_eq!(span.from.len(), LONGEST, "a text that is longer than a word begins with one");
        assert_eq!((looks_for(" ").text(), looks_for("x").facility()), (None, None));
    }

    fn state(order: Order) -> Before {
        let values = Values {
            awbs: awbs(&order).map(str::to_owned).collect(),
            skus: order.items.iter().map(|item| item.sku.clone()).collect(),
            facilities: order.items.iter().filter_map(|item| item.facility.clone()).collect(),
        };
        Before(HashMap::from([(order.code, values)]))
    }

    fn file(order: Order) -> [OrderFile; 1] {
        [OrderFile { order, invoices: Vec::new(), putaways: Vec::new(), conflicts: Vec::new() }]
    }

    #[test]
    fn only_words_that_came_or_went_are_written() {
        let before = state(amazon());
        let mut now = amazon();
        now.attention.push("looked at".into());
        assert_eq!(before.changes(&file(now.clone())), Changes::default());
        now.packages[0].awb = Some("EK 78".into());
        now.items[0].facility = Some("BOM1".into());
        let now = file(now);
        let changes = before.changes(&now);
        let texts = |words: &[(Word, &OrderCode)]| -> Vec<String> {
            words.iter().map(|(word, code)| format!("{} of {code}", word.text)).collect()
        };
        assert_eq!(texts(&changes.new), ["78 of O1", "ek 78 of O1", "BOM1 of O1"]);
        assert_eq!(texts(&changes.gone), ["77 of O1", "ek 77 of O1"], "an item still goes out from DEL1");
        let unknown = Before::default().changes(&now).new.len();
        assert_eq!(unknown, 11, "an order that was not there has all its words to be written");
    }
}
