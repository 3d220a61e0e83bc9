//! What can go wrong between a marketplace and whoever reads it, made to happen on purpose.
//!
//! A [`Fault`] says what, in which operation, and when: the next `count` calls after `after` good ones, or by chance from
//! the seed. [`Faults`] decides which call is hit; the simulators' gate carries it out on the finished reply, so a
//! marketplace's own code knows nothing of faults.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::random::Random;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// The rows of a page come with the next page instead. Hits only pages that have a next one.
    LatePage,
    /// The rows of a page come again with the next page. Hits only pages that have a next one.
    DuplicatePage,
    /// The rows of a page come in another order.
    ShuffledRows,
    /// The first row of a page bears a status word that nobody has heard of. Hits only pages with rows.
    UnknownStatus,
    /// The call fails with this HTTP status, 500 to 599, before anything is done.
    ServerError {
        /// The HTTP status.
        #[serde(default = "five_hundred")]
        status: u16,
    },
    /// The body comes in pieces over this time.
    SlowBody {
        /// From the first byte to the last.
        millis: u64,
    },
    /// HTTP 200 with a page for people instead of data.
    HtmlBody,
    /// HTTP 429 before anything is done.
    TooManyRequests {
        /// The `Retry-After` header as it is: seconds, an HTTP date, or nonsense; none if absent.
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// The connection ends in the middle of the body.
    CutBody,
    /// Every access token that was given out ends now, so this call and those after it are refused until a new login.
    RevokedToken,
}

fn five_hundred() -> u16 {
    500
}

/// One planned misbehaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: Kind,
    /// The operation that is hit (as `GET /control/calls` names them); any but the token's if absent.
    #[serde(default)]
    pub operation: Option<String>,
    /// Matching calls that are spared first.
    #[serde(default)]
    pub after: u32,
    /// How many calls are hit at most; 1 if absent, without limit if there is a `probability` only.
    #[serde(default)]
    pub count: Option<u32>,
    /// The chance of a matching call to be hit, 0 to 1; always if absent.
    #[serde(default)]
    pub probability: Option<f64>,
}

impl Fault {
    /// A fault that hits the next call of any operation, once.
    pub fn next(kind: Kind) -> Self {
        Fault { kind, operation: None, after: 0, count: None, probability: None }
    }

    /// Hits this operation only.
    #[must_use]
    pub fn of(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Spares so many matching calls first.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.after = calls;
        self
    }

    /// Hits so many calls.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    /// Hits calls by chance.
    #[must_use]
    pub fn with_probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }

    fn calls_left(&self) -> Option<u32> {
        match (self.count, self.probability) {
            (Some(count), _) => Some(count),
            (None, None) => Some(1),
            (None, Some(_)) => None,
        }
    }
}

/// How a list looks, for the faults that change its rows.
#[derive(Clone, Copy, Debug)]
pub struct Listing {
    /// JSON pointer of the array of rows.
    pub rows: &'static str,
    /// Whether a reply has a next page.
    pub has_more: fn(&Value) -> bool,
    /// The fields that hold status words, at any depth of a row.
    pub status_fields: &'static [&'static str],
}

/// Planned faults, and what they hold back.
#[derive(Debug)]
pub struct Faults {
    planned: Vec<(Fault, Option<u32>)>,
    held: HashMap<String, Vec<Value>>,
    random: Random,
}

impl Faults {
    /// Nothing goes wrong.
    pub fn none(seed: u64) -> Self {
        Faults { planned: Vec::new(), held: HashMap::new(), random: Random::of(seed, 0xFA17) }
    }

    /// Plans these faults instead of those before. Rows that are held back still come.
    pub fn plan(&mut self, faults: Vec<Fault>) {
        self.planned = faults.into_iter().map(|fault| (fault.clone(), fault.calls_left())).collect();
    }

    /// What happens to this call: the first planned fault that matches and is due. `token` is whether the call is a login.
    pub fn strike(&mut self, operation: &str, token: bool) -> Option<Kind> {
        for (fault, left) in &mut self.planned {
            let matches = fault.operation.as_deref().map_or(!token, |of| of == operation);
            if !matches || *left == Some(0) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            if let Some(probability) = fault.probability {
                #[expect(clippy::cast_precision_loss, reason = "a chance needs no more than 53 bits")]
                let drawn = (self.random.next() >> 11) as f64 / (1_u64 << 53) as f64;
                if drawn >= probability {
                    continue;
                }
            }
            *left = left.map(|left| left - 1);
            return Some(fault.kind.clone());
        }
        None
    }

    /// Gives a strike back that had nothing to hit.
    pub fn missed(&mut self, kind: &Kind, operation: &str) {
        let planned = self.planned.iter_mut().find(|(fault, left)| {
            fault.kind == *kind
                && fault.operation.as_deref().is_none_or(|of| of == operation)
                && left.is_some()
        });
        if let Some((_, Some(left))) = planned {
            *left += 1;
        }
    }

    /// Whether rows wait for the next page of an operation.
    pub fn holds(&self, operation: &str) -> bool {
        self.held.contains_key(operation)
    }

    /// Changes the rows of a reply as the fault says, and adds what was held back. False if there was nothing to hit.
    pub fn distort(
        &mut self,
        kind: Option<&Kind>,
        operation: &str,
        listing: Listing,
        body: &mut Value,
    ) -> bool {
        let more = (listing.has_more)(body);
        let Some(Value::Array(rows)) = body.pointer_mut(listing.rows) else { return false };
        let before = self.held.remove(operation).unwrap_or_default();
        let hit = match kind {
            Some(Kind::LatePage) if more => {
                self.held.insert(operation.to_owned(), std::mem::take(rows));
                true
            }
            Some(Kind::DuplicatePage) if more => {
                self.held.insert(operation.to_owned(), rows.clone());
                true
            }
            Some(Kind::ShuffledRows) => {
                for k in (1..rows.len()).rev() {
                    let other = self.random.below(u32::try_from(k + 1).unwrap_or(u32::MAX)) as usize;
                    rows.swap(k, other);
                }
                true
            }
            Some(Kind::UnknownStatus) if !rows.is_empty() => {
                reword(&mut rows[0], listing.status_fields);
                true
            }
            _ => false,
        };
        rows.extend(before);
        hit
    }
}

/// The status word that nobody has heard of.
pub const UNHEARD_OF: &str = "TELEPORTED";

fn reword(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                if inner.is_string() && fields.contains(&name.as_str()) {
                    *inner = Value::from(UNHEARD_OF);
                } else {
                    reword(inner, fields);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| reword(inner, fields)),
        _ => {}
    }
}
