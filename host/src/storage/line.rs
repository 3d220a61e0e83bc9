//! A line of history as it is stored: what is absent is left out.
//!
//! Lines are the most of what a database holds, and most of what a marketplace may say it does not. Read back they are
//! [`Change`]s; files and the API show those, with their nulls.

use plugin_api::{Millis, ReturnKind, ShippedBy, Status};
use serde::Serialize;

use crate::domain::{
    codes::{ChannelCode, OrderCode},
    effect::{Change, Effect, Waited},
    observed::{Observed, ObservedReturn},
    time::{instant, option_instant},
};

/// A [`Change`] for the store.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    order: &'a OrderCode,
    channel: &'a ChannelCode,
    #[serde(with = "instant")]
    at: Millis,
    run: &'a str,
    connector: &'a str,
    row: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    observation: Option<Said<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waited: Option<&'a Waited>,
    effects: &'a [Effect],
}

#[derive(Serialize)]
struct Said<'a> {
    order: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", with = "option_instant")]
    at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipped_by: Option<ShippedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    awb: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    courier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "return")]
    ret: Option<SaidReturn<'a>>,
}

#[derive(Serialize)]
struct SaidReturn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ReturnKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    awb: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    courier: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn of(change: &'a Change) -> Line<'a> {
        // Every field is named, so that a new one cannot be forgotten here.
        let Change { order, channel, at, run, connector, row, code, message, observation, waited, effects } =
            change;
        Line {
            order,
            channel,
            at: *at,
            run,
            connector,
            row,
            code: code.as_deref(),
            message,
            observation: observation.as_ref().map(Said::of),
            waited: waited.as_ref(),
            effects,
        }
    }
}

impl<'a> Said<'a> {
    fn of(seen: &'a Observed) -> Said<'a> {
        let Observed {
            order,
            item,
            sku,
            quantity,
            status,
            raw,
            at,
            shipped_by,
            package,
            awb,
            courier,
            invoice,
            ret,
        } = seen;
        Said {
            order,
            item: item.as_deref(),
            sku: sku.as_deref(),
            quantity: *quantity,
            status: *status,
            raw: raw.as_deref(),
            at: *at,
            shipped_by: *shipped_by,
            package: package.as_deref(),
            awb: awb.as_deref(),
            courier: courier.as_deref(),
            invoice: invoice.as_deref(),
            ret: ret.as_ref().map(SaidReturn::of),
        }
    }
}

impl<'a> SaidReturn<'a> {
    fn of(seen: &'a ObservedReturn) -> SaidReturn<'a> {
        let ObservedReturn { id, kind, reason, awb, courier } = seen;
        SaidReturn {
            id: id.as_deref(),
            kind: *kind,
            reason: reason.as_deref(),
            awb: awb.as_deref(),
            courier: courier.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(observation: Option<Observed>, code: Option<&str>, waited: Option<Waited>) -> Change {
        Change {
            order: "O1".into(),
            channel: "FK1".into(),
            at: 1_768_469_400_000,
            run: "r7".to_owned(),
            connector: "flipkart 0.1.0".to_owned(),
            row: "D1>L2".to_owned(),
            code: code.map(ToOwned::to_owned),
            message: "a \"sentence\"".to_owned(),
            observation,
            waited,
            effects: vec![Effect::Note { text: "n".to_owned() }],
        }
    }

    fn said(text: &str) -> Observed {
        serde_json::from_str(text).expect("an observation")
    }

    #[test]
    fn a_line_is_read_back_as_the_change_that_it_was() {
        let full = r#"{"order":"OD1","item":"111","sku":"A","quantity":2,"status":"DISPATCHED","raw":"SHIPPED",
            "at":"2026-01-15T09:30:00Z","shipped_by":"CHANNEL","package":"P1","awb":"EK1","courier":"E-Kart","invoice":"I1",
            "return":{"id":"R1","kind":"RTO","reason":"x","awb":"EK2","courier":"y"}}"#;
        let waited =
            Waited { since: Some(1_768_469_400_000), cause: "C".to_owned(), message: "m".to_owned() };
        let bare_return = r#"{"order":"OD1","return":{}}"#;
        for change in [
            change(Some(said(full)), Some("CODE"), Some(waited)),
            change(Some(said(bare_return)), None, None),
            change(Some(said(r#"{"order":"OD1"}"#)), None, None),
            change(None, None, None),
        ] {
            let text = serde_json::to_string(&Line::of(&change)).expect("a line");
            assert!(!text.contains("null"), "{text}");
            assert_eq!(serde_json::from_str::<Change>(&text).expect("a change"), change, "{text}");
        }
    }
}
