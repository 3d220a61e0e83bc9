//! Which orders: the words of the filter, as the list shows them and as an action takes them.

use plugin_api::Millis;
use serde::Deserialize;

use crate::{
    console::{fault::Fault, shown::in_query},
    domain::{codes::ChannelCode, order::OrderStatus},
    storage::OrderFilter,
};

/// What an order may need, as the filter offers it: its word in the address, in the form, and what is said of those that
/// need it.
pub(super) const NEEDS: &[(&str, &str, &str)] = &[
    ("conflict", "a decision: in conflict", "in conflict with the channel: you decide"),
    ("refused", "a refusal's cause to go away", "refused until something is set up"),
    ("not-received", "receiving: returned by the channel's word", "back by the channel's word: receive them"),
    ("putaway", "a putaway", "with goods to put away"),
    ("shortfall", "a stock count: left without stock", "left without stock: count it"),
    ("parked", "an item that is not here yet", "waiting for an item that is not here yet"),
];

/// How long an order did not change, as the filter offers it: word, milliseconds.
pub(super) const UNCHANGED: &[(&str, Millis)] =
    &[("6 h", 21_600_000), ("1 d", 86_400_000), ("2 d", 172_800_000), ("7 d", 604_800_000)];

/// What is asked for; an empty field asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) channel: String,
    pub(super) status: String,
    pub(super) search: String,
    pub(super) needs: String,
    pub(super) unchanged: String,
    /// `changed`: the last changed first. Else by code.
    pub(super) sort: String,
    /// The last order of the page before.
    pub(super) after: String,
}

impl Asked {
    /// The filter as of `now`, UTC.
    ///
    /// # Errors
    /// [`Fault::Refused`] for a word that is not offered.
    pub(super) fn filter(&self, now: Millis) -> Result<OrderFilter, Fault> {
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
        need(&mut filter, &self.needs)?;
        if let Some(word) = text(&self.unchanged) {
            let known = UNCHANGED.iter().find(|(known, _)| *known == word);
            let (_, length) = known
                .ok_or_else(|| Fault::Refused(format!("{word} is no length of time that is offered")))?;
            filter.unchanged_since = Some(now - length);
        }
        Ok(filter)
    }

    /// Whether something is asked for.
    pub(super) fn is_narrow(&self) -> bool {
        self.fields().iter().any(|(_, value)| !value.trim().is_empty())
    }

    /// The fields that say which orders, with their names in a form.
    pub(super) fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("channel", &self.channel),
            ("status", &self.status),
            ("search", &self.search),
            ("needs", &self.needs),
            ("unchanged", &self.unchanged),
        ]
    }

    /// Takes a field of a form; answers whether it is one of ours.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        let field = match name {
            "channel" => &mut self.channel,
            "status" => &mut self.status,
            "search" => &mut self.search,
            "needs" => &mut self.needs,
            "unchanged" => &mut self.unchanged,
            _ => return false,
        };
        value.clone_into(field);
        true
    }

    /// Whether the last changed come first. Only all orders can be listed so.
    pub(super) fn is_by_change(&self) -> bool {
        self.sort == "changed" && !self.is_narrow()
    }

    /// What is asked for, as a query, for the orders after this one.
    pub(super) fn query(&self, after: &str) -> String {
        let given = self
            .fields()
            .into_iter()
            .chain([("sort", self.sort.as_str()), ("after", after)])
            .filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = given.map(|(name, value)| format!("{name}={}", in_query(value))).collect();
        format!("?{}", pairs.join("&"))
    }
}

/// Sets what orders must need.
///
/// # Errors
/// [`Fault::Refused`] for a word that is not offered.
pub(super) fn need(filter: &mut OrderFilter, word: &str) -> Result<(), Fault> {
    match word {
        "" => {}
        "conflict" => filter.in_conflict = true,
        "parked" => filter.has_parked = true,
        "refused" => filter.has_refused = true,
        "shortfall" => filter.has_shortfall = true,
        "not-received" => filter.returned_not_received = true,
        "putaway" => filter.has_putaway_due = true,
        other => return Err(Fault::Refused(format!("There is no need {other}"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_written_alike() {
        let asked = Asked {
            channel: " FK1 ".to_owned(),
            status: "COMPLETE".to_owned(),
            search: "a&b".to_owned(),
            needs: "refused".to_owned(),
            unchanged: "1 d".to_owned(),
            sort: String::new(),
            after: "O1".to_owned(),
        };
        let filter = asked.filter(86_400_000).unwrap();
        assert_eq!((filter.channel, filter.status), (Some("FK1".into()), Some(OrderStatus::Complete)));
        assert_eq!((filter.text.as_deref(), filter.unchanged_since), (Some("a&b"), Some(0)));
        assert!(filter.has_refused && asked.is_narrow() && !Asked::default().is_narrow());
        assert!(asked.query("O2").ends_with("search=a%26b&needs=refused&unchanged=1%20d&after=O2"));
        let mut again = Asked { after: "O1".to_owned(), ..Asked::default() };
        assert!(
            asked.fields().iter().all(|(name, value)| again.take(name, value)) && !again.take("order", "")
        );
        assert_eq!(again, asked);
    }

    #[test]
    fn every_need_that_is_offered_narrows_and_other_words_are_refused() {
        for (needs, ..) in NEEDS {
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
