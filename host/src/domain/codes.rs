//! The codes by which people and files name things. One type each, so that a facility cannot pass for a channel.
//!
//! A code is text, cheap to copy. It owns no format: codes come from the seller's own system and from its marketplaces.

use std::{borrow::Borrow, cmp::Ordering, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(with = "String")] SmolStr);

        impl $name {
            /// The code as text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        impl From<&str> for $name { fn from(text: &str) -> Self { $name(SmolStr::new(text)) } }
        impl From<String> for $name { fn from(text: String) -> Self { $name(SmolStr::from(text)) } }
        impl Borrow<str> for $name { fn borrow(&self) -> &str { &self.0 } }
        impl AsRef<str> for $name { fn as_ref(&self) -> &str { &self.0 } }
        impl PartialEq<str> for $name { fn eq(&self, other: &str) -> bool { self.0 == other } }
        impl PartialEq<&str> for $name { fn eq(&self, other: &&str) -> bool { self.0 == *other } }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )*};
}

codes! {
    /// One seller account.
    TenantCode,
    /// One selling account on one marketplace.
    ChannelCode,
    /// One warehouse.
    FacilityCode,
    /// The seller's own code of an order.
    OrderCode,
    /// The seller's own code of one unit.
    ItemCode,
    /// The seller's own code of a package.
    PackageCode,
    /// The seller's product code.
    Sku,
    /// Who a number series belongs to: a facility, a billing party, or a channel that numbers its own invoices.
    OwnerCode,
}

/// What is wrong with a code for something new, that nobody could say or type later; nothing if it is fine.
pub fn problem_of(code: &str) -> Option<&'static str> {
    let is_blank = |c: char| matches!(c, ' ' | '\u{a0}');
    if code.is_empty() {
        Some("a code cannot be empty")
    } else if code.chars().count() > 100 {
        Some("a code has at most 100 characters")
    } else if code.starts_with(is_blank) || code.ends_with(is_blank) || code.chars().any(char::is_control) {
        Some("a code has no blanks around it and no control characters")
    } else {
        None
    }
}

/// Compares codes as people read them: runs of digits by value, so `O1-2` comes before `O1-10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        match (a.chars().next(), b.chars().next()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = digits(a);
                let (number_b, rest_b) = digits(b);
                let by_value = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
                if by_value != Ordering::Equal {
                    return by_value;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x == y => {
                (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            }
            (Some(x), Some(y)) => return x.cmp(&y),
        }
    }
}

/// The leading digits without their zeros, and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_sort_as_people_read_them() {
        let mut codes = ["O1-10", "O1-2", "O1-1", "A9", "O1-02b"];
        codes.sort_by(|a, b| natural(a, b));
        assert_eq!(codes, ["A9", "O1-1", "O1-2", "O1-02b", "O1-10"]);
    }

    #[test]
    fn a_digit_and_a_letter_compare_as_characters() {
        assert_eq!((natural("O1", "Oa"), natural("Oa", "O1")), (Ordering::Less, Ordering::Greater));
        assert_eq!((natural("O1", "O-"), natural("O-", "O1")), (Ordering::Greater, Ordering::Less));
    }

    #[test]
    fn a_code_is_its_text() {
        let code = ItemCode::from("O1-1");
        assert_eq!((code.as_str(), code.to_string(), code.as_ref()), ("O1-1", "O1-1".to_owned(), "O1-1"));
        assert!(code == "O1-1" && code != "O1-2" && code == *"O1-1" && code != *"O1-2");
        let borrowed: &str = code.borrow();
        assert_eq!(borrowed, "O1-1");
    }
}
