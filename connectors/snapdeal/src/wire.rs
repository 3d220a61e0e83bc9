//! Snapdeal's JSON under its own names. No logic beyond reading the forms in which a value was seen.
//!
//! Buyer and price fields have no member here, so they are dropped while reading. A row that lacks what makes it a row
//! (its suborder code, its status) is unreadable by itself and does not hide those beside it.

use plugin_api::{
    Millis,
    reading::{self, Row, marked_text, rows, text},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::times::time;

/// What every answer has around it.
#[derive(Deserialize)]
pub(crate) struct Head {
    #[serde(default, deserialize_with = "envelope")]
    metadata: Option<Metadata>,
    /// Where a gateway's refusal has its message.
    #[serde(default, deserialize_with = "text")]
    message: Option<String>,
    /// Whether there is a payload that is not null; `None` if the member is not there.
    #[serde(default, deserialize_with = "member")]
    pub(crate) payload: Option<bool>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "text")]
    message: Option<String>,
}

impl Head {
    /// Whether the answer is Snapdeal's own and not a gateway's.
    pub(crate) fn has_envelope(&self) -> bool {
        self.metadata.is_some()
    }

    /// The message that makes an answer a refusal.
    pub(crate) fn message(&self) -> Option<&str> {
        self.metadata.as_ref().and_then(|data| data.message.as_deref()).or(self.message.as_deref())
    }
}

/// An answer's payload.
#[derive(Deserialize)]
pub(crate) struct Body<P> {
    pub(crate) payload: P,
}

/// A payload that holds rows.
pub(crate) trait Payload: DeserializeOwned {
    /// One row.
    type Row: Listed;
    /// The member that holds the rows.
    const MEMBER: &'static str;
    /// The rows; `None` if the member is not there.
    fn rows(self) -> Option<Vec<Row<Self::Row>>>;
}

/// A row of a list, as far as paging needs to know it.
pub(crate) trait Listed {
    /// What tells this row from others: the same again is a repeat.
    fn key(&self) -> String;
    /// Suborders in it.
    fn units(&self) -> usize;
    /// Suborders in it that cannot be read.
    fn unreadable(&self) -> usize {
        0
    }
}

/// The payload of new and of completed orders.
#[derive(Deserialize)]
pub(crate) struct Packages {
    #[serde(default, deserialize_with = "rows")]
    packages: Option<Vec<Row<Package>>>,
}

/// The payload of cancelled suborders.
#[derive(Deserialize)]
pub(crate) struct Suborders {
    #[serde(default, deserialize_with = "rows")]
    items: Option<Vec<Row<Suborder>>>,
}

/// The payload of returns. The reference writes the member's name with a capital letter.
#[derive(Deserialize)]
pub(crate) struct Returns {
    #[serde(
        default,
        rename = "ReturnDataSROList",
        alias = "returnDataSROList",
        alias = "ReturnDataSroList",
        alias = "returnDataSroList",
        deserialize_with = "rows"
    )]
    returns: Option<Vec<Row<Return>>>,
}

impl Payload for Packages {
    type Row = Package;
    const MEMBER: &'static str = "packages";
    fn rows(self) -> Option<Vec<Row<Package>>> {
        self.packages
    }
}

impl Payload for Suborders {
    type Row = Suborder;
    const MEMBER: &'static str = "items";
    fn rows(self) -> Option<Vec<Row<Suborder>>> {
        self.items
    }
}

impl Payload for Returns {
    type Row = Return;
    const MEMBER: &'static str = "ReturnDataSROList";
    fn rows(self) -> Option<Vec<Row<Return>>> {
        self.returns
    }
}

/// A package: what is shipped together.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "Snapdeal's own names")]
pub(crate) struct Package {
    #[serde(deserialize_with = "text")]
    pub(crate) package_reference_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) fulfillment_model_code: Option<String>,
    /// From the printing of the label on.
    #[serde(deserialize_with = "marked_text")]
    pub(crate) awb_no: Option<String>,
    /// Only while the order is new.
    #[serde(deserialize_with = "marked_text")]
    pub(crate) courier_name: Option<String>,
    #[serde(deserialize_with = "marked_text")]
    pub(crate) courier_code: Option<String>,
    #[serde(deserialize_with = "time")]
    pub(crate) shipped_date: Option<Millis>,
    #[serde(deserialize_with = "time")]
    pub(crate) updated: Option<Millis>,
    #[serde(deserialize_with = "marked_text")]
    pub(crate) invoice_number: Option<String>,
    #[serde(deserialize_with = "reading::list")]
    pub(crate) items: Vec<Row<Suborder>>,
}

/// A suborder: one unit. In a package, or by itself in the list of what was cancelled.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "Snapdeal's own names")]
pub(crate) struct Suborder {
    #[serde(deserialize_with = "needed")]
    pub(crate) suborder_code: String,
    #[serde(deserialize_with = "needed")]
    pub(crate) si_status_code: String,
    /// Not in answers about completed orders.
    #[serde(default, deserialize_with = "text")]
    pub(crate) order_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku_code: Option<String>,
    /// Only among the cancelled; else the package's.
    #[serde(default, deserialize_with = "text")]
    pub(crate) package_reference_code: Option<String>,
    /// As the package code.
    #[serde(default, deserialize_with = "text")]
    pub(crate) fulfillment_model_code: Option<String>,
    /// As the package code.
    #[serde(default, deserialize_with = "time")]
    pub(crate) updated: Option<Millis>,
}

/// A return of one suborder. Its mode is not in the row, and `packageId` is not the package's code.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "Snapdeal's own names")]
pub(crate) struct Return {
    #[serde(deserialize_with = "needed")]
    pub(crate) suborder_code: String,
    /// Not in the reference; read in case it is there.
    #[serde(default, deserialize_with = "text")]
    pub(crate) order_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku_code: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) fulfillment_mode: Option<String>,
    /// Of the way back, as it seems.
    #[serde(default, deserialize_with = "marked_text")]
    pub(crate) awb_number: Option<String>,
    /// Only for returns of buyers.
    #[serde(default, deserialize_with = "time")]
    pub(crate) customer_return_initiated_on: Option<Millis>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) return_initiated_on: Option<Millis>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) return_delivered_on: Option<Millis>,
    #[serde(default, deserialize_with = "time")]
    pub(crate) return_accepted_on: Option<Millis>,
    /// Only for returns of buyers.
    #[serde(default, deserialize_with = "marked_text")]
    pub(crate) return_reason: Option<String>,
    #[serde(default, rename = "Status", alias = "status", deserialize_with = "text")]
    pub(crate) status: Option<String>,
    #[serde(default, alias = "ActionStatus", deserialize_with = "text")]
    pub(crate) action_status: Option<String>,
}

impl Package {
    /// The suborders that can be read.
    pub(crate) fn suborders(&self) -> impl Iterator<Item = &Suborder> {
        self.items.iter().filter_map(|item| match item {
            Row::Read(suborder) => Some(suborder),
            Row::Unreadable => None,
        })
    }
}

impl Listed for Package {
    fn key(&self) -> String {
        let mut key = self.package_reference_code.clone().unwrap_or_default();
        for suborder in self.suborders() {
            key.push(' ');
            key.push_str(&suborder.key());
        }
        key
    }

    fn units(&self) -> usize {
        self.items.len().max(1)
    }

    fn unreadable(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Row::Unreadable)).count()
    }
}

impl Listed for Suborder {
    fn key(&self) -> String {
        format!("{}={}", self.suborder_code, self.si_status_code)
    }

    fn units(&self) -> usize {
        1
    }
}

impl Listed for Return {
    fn key(&self) -> String {
        let dates = (self.return_initiated_on, self.return_delivered_on, self.return_accepted_on);
        format!("{} {dates:?}", self.suborder_code)
    }

    fn units(&self) -> usize {
        1
    }
}

/// A text that makes the row what it is; without it the row cannot be read.
fn needed<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    text(from)?.ok_or_else(|| serde::de::Error::custom("blank where the row needs a text"))
}

/// The envelope's own part, an object or null; serde would take a list for one.
fn envelope<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Metadata>, D::Error> {
    Option::<serde_json::Map<String, serde_json::Value>>::deserialize(from)?
        .map(|members| serde_json::from_value(members.into()).map_err(serde::de::Error::custom))
        .transpose()
}

/// Whether a member is not null; a member that is not there stays `None` by serde's default.
fn member<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    reading::is_there(from).map(Some)
}
