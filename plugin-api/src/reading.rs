//! Readers for the forms in which marketplaces write the same thing: ids as text or number, lists as null or as a
//! single object, units as `1`, `1.0` or `"1"`.
//!
//! For `#[serde(deserialize_with = "…")]` in a connector's wire types, beside `#[serde(default)]`. A reader accepts
//! every form that one thing was seen in and refuses the rest; it never guesses a value.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor, value::MapAccessDeserializer,
    },
};

/// A text, or an id written as a whole number. Null and blank are `None`. A float is refused: it may have lost digits.
pub fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    struct Text;
    impl Visitor<'_> for Text {
        type Value = Option<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a whole number")
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            let text = text.trim();
            Ok((!text.is_empty()).then(|| text.to_owned()))
        }
        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }
        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number.to_string()))
        }
        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
            Err(E::invalid_type(Unexpected::Float(number), &self))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    from.deserialize_any(Text)
}

/// As [`text`], for marketplaces that write `"null"` or `"NA"` where nothing is.
pub fn marked_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let is_mark = |text: &String| ["null", "na", "n/a"].iter().any(|mark| text.eq_ignore_ascii_case(mark));
    Ok(text(from)?.filter(|text| !is_mark(text)))
}

/// A list, or null for an empty one.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// The rows of a page: null is an empty page; a member that is not there stays `None` by serde's default.
pub fn rows<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    list(from).map(Some)
}

/// A list, or a single object in its place, or null for an empty one.
pub fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct OneOrMany<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list or a single object")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut many = Vec::new();
            while let Some(one) = seq.next_element()? {
                many.push(one);
            }
            Ok(many)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
    }
    from.deserialize_any(OneOrMany(PhantomData))
}

/// Yes or no, written as `true`, `1`, `"1"`, `"true"`, `"Y"` or `"yes"` and their opposites. Anything else is `None`.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match serde_json::Value::deserialize(from)? {
        serde_json::Value::Bool(flag) => Some(flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            _ => None,
        },
        serde_json::Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "y" | "yes" => Some(true),
            "0" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a member is there and is not null; its content is dropped unread.
pub fn is_there<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Option::<IgnoredAny>::deserialize(from).map(|member| member.is_some())
}

/// A row of a list that is read by itself: one that has another form than documented does not hide those beside it.
///
/// What lies deeper may be a list of such rows again. Telling of an unreadable row is the connector's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<T> {
    /// As documented.
    Read(T),
    /// Something else; its content is dropped.
    Unreadable,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Row<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        Ok(serde_json::from_value(value).map_or(Row::Unreadable, Row::Read))
    }
}

/// How many units a row speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    /// The member is not there, or null.
    #[default]
    Absent,
    /// That many; written `1`, `1.0` or `"1"`.
    Units(u32),
    /// Something that is no number of units.
    Unreadable,
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match serde_json::Value::deserialize(from)? {
            serde_json::Value::Null => Quantity::Absent,
            serde_json::Value::Number(number) => whole(&number.to_string()),
            serde_json::Value::String(digits) => whole(&digits),
            _ => Quantity::Unreadable,
        })
    }
}

fn whole(text: &str) -> Quantity {
    let text = text.trim();
    let digits = text
        .split_once('.')
        .map_or(text, |(whole, rest)| if rest.bytes().all(|digit| digit == b'0') { whole } else { text });
    digits.parse().map_or(Quantity::Unreadable, Quantity::Units)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read<T>(
        reader: impl FnOnce(Value) -> Result<T, serde_json::Error>,
        value: Value,
    ) -> Result<T, String> {
        reader(value).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_are_units_however_they_are_written() {
        let quantity = |value| serde_json::from_value::<Quantity>(value).unwrap();
        for value in [json!(3), json!(3.0), json!("3"), json!("3.00")] {
            assert_eq!(quantity(value.clone()), Quantity::Units(3), "{value}");
        }
        assert_eq!(quantity(json!(null)), Quantity::Absent);
        for value in [json!(1.5), json!(-1), json!("a few"), json!(""), json!([1]), json!(5e10)] {
            assert_eq!(quantity(value.clone()), Quantity::Unreadable, "{value}");
        }
    }

    #[test]
    fn ids_survive_as_text_and_as_numbers_but_never_as_floats() {
        let id = |value| read(text, value);
        assert_eq!(id(json!("999000111222333001")).unwrap().as_deref(), Some("999000111222333001"));
        assert_eq!(id(json!(999_000_111_222_333_001_u64)).unwrap().as_deref(), Some("999000111222333001"));
        assert_eq!(id(json!(-7)).unwrap().as_deref(), Some("-7"));
        assert_eq!(id(json!(" 016 ")).unwrap().as_deref(), Some("016"));
        assert_eq!(id(json!("  ")).unwrap(), None);
        assert_eq!(id(json!(null)).unwrap(), None);
        assert!(id(json!(9.990_001_112_223e17)).is_err());
        assert!(id(json!({"id": 1})).is_err());
    }

    #[test]
    fn texts_that_mean_nothing_are_nothing_where_the_marketplace_writes_them() {
        for mark in ["null", "NULL", "NA", "n/a", ""] {
            assert_eq!(read(marked_text, json!(mark)).unwrap(), None, "{mark}");
            assert_eq!(read(text, json!(mark)).unwrap().is_none(), mark.is_empty(), "{mark}");
        }
        assert_eq!(read(marked_text, json!("NAGPUR")).unwrap().as_deref(), Some("NAGPUR"));
    }

    #[test]
    fn null_is_an_empty_list_and_one_object_a_list_of_one() {
        assert_eq!(read(list::<_, u8>, json!(null)).unwrap(), Vec::<u8>::new());
        assert_eq!(read(rows::<_, u8>, json!(null)).unwrap(), Some(Vec::new()));
        assert!(read(list::<_, u8>, json!({"a": 1})).is_err());
        let many = |value| read(one_or_many::<_, Value>, value);
        assert_eq!(many(json!({"a": 1})).unwrap(), [json!({"a": 1})]);
        assert_eq!(many(json!([{"a": 1}, {"a": 2}])).unwrap().len(), 2);
        assert_eq!(many(json!(null)).unwrap().len(), 0);
        assert!(many(json!("a")).is_err());
    }

    #[test]
    fn a_flag_is_read_in_every_form_and_never_guessed() {
        for (value, is) in [
            (json!(true), Some(true)),
            (json!(1), Some(true)),
            (json!("Y"), Some(true)),
            (json!("0"), Some(false)),
            (json!("no"), Some(false)),
            (json!(2), None),
            (json!("perhaps"), None),
            (json!(null), None),
            (json!([true]), None),
        ] {
            assert_eq!(read(flag, value.clone()).unwrap(), is, "{value}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_does_not_hide_the_others() {
        let rows: Vec<Row<u8>> = serde_json::from_value(json!([1, "x", 300, null, 2])).unwrap();
        let unreadable = || Row::Unreadable;
        assert_eq!(rows, [Row::Read(1), unreadable(), unreadable(), unreadable(), Row::Read(2)]);
        assert!(serde_json::from_str::<Vec<Row<u8>>>("[1, 2").is_err(), "half a list is none");
    }

    #[test]
    fn a_member_is_there_unless_null() {
        assert!(read(is_there, json!({"name": "x"})).unwrap());
        assert!(!read(is_there, json!(null)).unwrap());
    }
}
