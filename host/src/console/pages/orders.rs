//! The list of orders: filters, pages by key.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use plugin_api::Millis;
use serde::Deserialize;

use crate::{
    access::Read,
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When, in_query},
    },
    domain::{
        codes::{ChannelCode, OrderCode},
        order::OrderStatus,
    },
    storage::{OrderFilter, OrderRow},
};

/// Orders on a page.
const SHOWN: u32 = 50;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/orders", get(list))
}

/// The list.
#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    /// Where the filter is sent to.
    address: String,
    asked: Asked,
    channels: Vec<String>,
    rows: Vec<Row>,
    /// The first page, if this is a later one.
    first: Option<String>,
    /// The next page.
    next: Option<String>,
}

/// What is asked for; an empty field asks for nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    channel: String,
    status: String,
    search: String,
    needs: String,
    unchanged: String,
    after: String,
}

/// What an order may need, as the filter offers it: its word in the address, and in the form.
const NEEDS: &[(&str, &str)] = &[
    ("conflict", "a decision: in conflict"),
    ("parked", "an item that is not here yet"),
    ("refused", "a refusal's cause to go away"),
    ("shortfall", "a stock count: left without stock"),
    ("not-received", "receiving: returned by the channel's word"),
    ("putaway", "a putaway"),
];

/// How long an order did not change, as the filter offers it: word, milliseconds.
const UNCHANGED: &[(&str, Millis)] =
    &[("6 h", 21_600_000), ("1 d", 86_400_000), ("2 d", 172_800_000), ("7 d", 604_800_000)];

impl Asked {
    fn filter(&self, now: Millis) -> Result<OrderFilter, Fault> {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let status = text(&self.status).map(|name| {
            OrderStatus::parse(&name).ok_or_else(|| Fault::Refused(format!("There is no status {name}")))
        });
        let mut filter = OrderFilter {
            channel: text(&self.channel).map(ChannelCode::from),
            status: status.transpose()?,
            text: text(&self.search),
            ..OrderFilter::default()
        };
        match self.needs.as_str() {
            "" => {}
            "conflict" => filter.in_conflict = true,
            "parked" => filter.has_parked = true,
            "refused" => filter.has_refused = true,
            "shortfall" => filter.has_shortfall = true,
            "not-received" => filter.returned_not_received = true,
            "putaway" => filter.has_putaway_due = true,
            other => return Err(Fault::Refused(format!("There is no need {other}"))),
        }
        if let Some(word) = text(&self.unchanged) {
            let known = UNCHANGED.iter().find(|(known, _)| *known == word);
            let (_, length) = known
                .ok_or_else(|| Fault::Refused(format!("{word} is no length of time that is offered")))?;
            filter.unchanged_since = Some(now - length);
        }
        Ok(filter)
    }

    /// Whether something is asked for.
    fn is_narrow(&self) -> bool {
        let fields = [&self.channel, &self.status, &self.search, &self.needs, &self.unchanged];
        fields.iter().any(|field| !field.trim().is_empty())
    }

    /// What is asked for, as a query, after another order than now.
    fn query(&self, after: &str) -> String {
        let fields = [
            ("channel", self.channel.as_str()),
            ("status", &self.status),
            ("search", &self.search),
            ("needs", &self.needs),
            ("unchanged", &self.unchanged),
            ("after", after),
        ];
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
        format!("?{}", pairs.join("&"))
    }
}

/// An order, as it is shown.
struct Row {
    code: String,
    address: String,
    channel: String,
    channel_order_id: String,
    status: Chip,
    items: Vec<(u64, Chip)>,
    duties: Vec<Chip>,
    changed: Option<When>,
}

impl Row {
    fn of<S>(row: OrderRow, place: &In<S>, now: Millis) -> Row {
        let duty = |count: u64, tone: Tone, words: &str| (count > 0).then(|| Chip::new(tone, words));
        let duties = [
            duty(row.open_conflicts, Tone::Bad, "in conflict"),
            duty(row.waiting, Tone::Look, "waiting"),
            duty(u64::try_from(row.shortfall).unwrap_or(0), Tone::Look, "short of stock"),
            duty(u64::from(row.returned_not_received), Tone::Look, "to receive"),
            duty(row.putaways_due, Tone::Look, "to put away"),
        ];
        Row {
            address: place.address(&["orders", row.code.as_str()]),
            code: row.code.to_string(),
            channel: row.channel.to_string(),
            channel_order_id: row.channel_order_id,
            status: row.status.into(),
            items: row.items.into_iter().map(|(status, units)| (units, status.into())).collect(),
            duties: duties.into_iter().flatten().collect(),
            changed: row.changed_at.map(|at| When::ago(at, now)),
        }
    }
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let now = console.clock.now_ms();
    let filter = asked.filter(now)?;
    let after = Some(asked.after.as_str()).filter(|code| !code.is_empty()).map(OrderCode::from);
    let mut found = console.store.orders(&place.tenant, &filter, after.as_ref(), SHOWN + 1).await?;
    let channels = console.store.channels(&place.tenant).await?;
    let has_more = found.len() > SHOWN as usize;
    found.truncate(SHOWN as usize);
    let next = found.last().filter(|_| has_more).map(|last| asked.query(last.code.as_str()));
    show(&OrdersPage {
        frame: place.frame("Orders", Section::Orders),
        address: place.address(&["orders"]),
        channels: channels.into_iter().map(|channel| channel.code.to_string()).collect(),
        rows: found.into_iter().map(|row| Row::of(row, &place, now)).collect(),
        first: after.map(|_| asked.query("")),
        next,
        asked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{console::frame::sample_frame, domain::order::ItemStatus};

    fn sample(rows: Vec<Row>, asked: Asked) -> OrdersPage {
        OrdersPage {
            frame: sample_frame(Section::Orders),
            address: "/console/t/acme/orders".to_owned(),
            channels: vec!["FK1".to_owned(), "AZ1".to_owned()],
            rows,
            first: Some("?".to_owned()),
            next: Some("?after=O1".to_owned()),
            asked,
        }
    }

    fn row() -> Row {
        Row {
            code: "O<1>".to_owned(),
            address: "/console/t/acme/orders/O%3C1%3E".to_owned(),
            channel: "FK1".to_owned(),
            channel_order_id: "OD1".to_owned(),
            status: OrderStatus::Processing.into(),
            items: vec![(2, ItemStatus::Fulfillable.into())],
            duties: vec![Chip::new(Tone::Bad, "in conflict")],
            changed: Some(When::ago(0, 0)),
        }
    }

    #[test]
    fn the_page_shows_each_order_with_what_it_needs() {
        let asked = Asked { channel: "AZ1".to_owned(), ..Asked::default() };
        let text = sample(vec![row()], asked).render().unwrap();
        for part in ["O&#60;1&#62;", "in conflict", "PROCESSING", "value=\"AZ1\" selected", "after=O1"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_empty_list_says_why_and_what_to_do() {
        let text = sample(Vec::new(), Asked::default()).render().unwrap();
        assert!(text.contains("No orders yet"), "{text}");
        let asked = Asked { search: "x".to_owned(), ..Asked::default() };
        let text = sample(Vec::new(), asked).render().unwrap();
        assert!(text.contains("No order matches"), "{text}");
    }

    #[test]
    fn what_is_asked_for_is_read_and_written_alike() {
        let asked = Asked {
            channel: " FK1 ".to_owned(),
            status: "COMPLETE".to_owned(),
            search: "a&b".to_owned(),
            needs: "refused".to_owned(),
            unchanged: "1 d".to_owned(),
            after: "O1".to_owned(),
        };
        let filter = asked.filter(86_400_000).unwrap();
        assert_eq!((filter.channel, filter.status), (Some("FK1".into()), Some(OrderStatus::Complete)));
        assert_eq!((filter.text.as_deref(), filter.unchanged_since), (Some("a&b"), Some(0)));
        assert!(filter.has_refused && asked.is_narrow() && !Asked::default().is_narrow());
        assert!(asked.query("O2").ends_with("search=a%26b&needs=refused&unchanged=1%20d&after=O2"));
        for (needs, _) in NEEDS {
            let one = Asked { needs: (*needs).to_owned(), ..Asked::default() };
            assert_ne!(one.filter(0).unwrap(), OrderFilter::default(), "{needs}");
        }
        for wrong in [
            Asked { status: "GONE".to_owned(), ..Asked::default() },
            Asked { needs: "sleep".to_owned(), ..Asked::default() },
            Asked { unchanged: "5 y".to_owned(), ..Asked::default() },
        ] {
            assert!(matches!(wrong.filter(0), Err(Fault::Refused(_))), "{wrong:?}");
        }
    }
}
