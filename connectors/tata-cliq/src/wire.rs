//! Tata CLiQ's orders under their own names, from JSON or XML. No meaning: a code is text here.
//!
//! Address, buyer and payment blocks have no field here, so they are dropped while reading. A row that cannot be read
//! does not spoil its neighbours: it is kept as "unreadable".

use plugin_api::{
    Error, Reply, Result,
    reading::{self, Row},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{
    config::{Names, Wire},
    xml,
};

/// The root of an XML answer.
const ROOT: &str = "orders";

/// An answer: of the list and of a question by order number alike.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// `None` if the member is not there or null: then it is no answer.
    #[serde(default, deserialize_with = "orders")]
    pub(crate) order: Option<Vec<Row<Order>>>,
}

impl Answer {
    /// Reads a reply.
    ///
    /// # Errors
    /// `bad_reply`, never quoting the body.
    pub(crate) fn read(reply: &Reply, wire: Wire) -> Result<Answer> {
        match wire {
            Wire::Json => reply.json(),
            Wire::Xml => from_xml(&reply.text()).map_err(|why| {
                let hint = "; see the setting `wire` if Tata CLiQ answers in JSON";
                Error::bad_reply(format!("the reply cannot be read as XML: {why}{hint}"))
            }),
        }
    }
}

fn from_xml(text: &str) -> Result<Answer, &'static str> {
    let (root, content) = xml::read(text)?;
    match content {
        _ if root != ROOT => Err("its root is not `orders`"),
        Value::String(blank) if blank.trim().is_empty() => Ok(Answer { order: Some(Vec::new()) }),
        content => serde_json::from_value(content).map_err(|_| "it has another form than known"),
    }
}

/// An order.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    #[serde(rename = "orderNo", default, deserialize_with = "reading::marked_text")]
    pub(crate) order_no: Option<String>,
    /// Lines with all their members: the names of some are the operator's to say. See [`Line::read`].
    #[serde(rename = "orderLine", default, deserialize_with = "reading::one_or_many")]
    pub(crate) lines: Vec<Row<Map<String, Value>>>,
}

/// A list of orders or a single one. Null is neither.
fn orders<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<Row<Order>>>, D::Error> {
    struct Many(Vec<Row<Order>>);
    impl<'de> Deserialize<'de> for Many {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            reading::one_or_many(from).map(Many)
        }
    }
    Ok(Option::<Many>::deserialize(from)?.map(|Many(orders)| orders))
}

/// An order line: one unit.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) transaction_id: Option<String>,
    pub(crate) oms_status_code: Option<String>,
    pub(crate) seller_id: Option<String>,
    pub(crate) article_number: Option<String>,
    pub(crate) fulfillment_type: Option<String>,
    pub(crate) delivery_mode: Option<String>,
    pub(crate) p1_logistics_id: Option<String>,
    pub(crate) return_logistics_id: Option<String>,
    pub(crate) awb: Option<String>,
    pub(crate) courier: Option<String>,
    pub(crate) return_awb: Option<String>,
    pub(crate) return_courier: Option<String>,
    pub(crate) shipped_at: Option<String>,
    pub(crate) delivered_at: Option<String>,
}

impl Line {
    /// Picks the members that matter; `None` if one of them is no text and no whole number.
    pub(crate) fn read(row: &Map<String, Value>, names: &Names) -> Option<Line> {
        let text = |name: &str| match row.get(name) {
            None => Some(None),
            Some(value) => reading::marked_text(value).ok(),
        };
        Some(Line {
            transaction_id: text("transactionId")?,
            oms_status_code: text("omsStatusCode")?,
            seller_id: text("sellerID")?,
            article_number: text("articleNumber")?,
            fulfillment_type: text("fulfillmentType")?,
            delivery_mode: text("deliveryMode")?,
            p1_logistics_id: text("p1LogisticsID")?,
            return_logistics_id: text("returnLogisticsID")?,
            awb: text(&names.awb)?,
            courier: text(&names.courier)?,
            return_awb: text(&names.return_awb)?,
            return_courier: text(&names.return_courier)?,
            shipped_at: text(&names.shipped_at)?,
            delivered_at: text(&names.delivered_at)?,
        })
    }
}

/// A body that tells of an error, in the forms that such gateways use. Descriptions are never read: they may quote ids.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) error: Value,
    #[serde(rename = "errorCode")]
    pub(crate) error_code: Value,
    pub(crate) code: Value,
}
