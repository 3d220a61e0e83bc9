//! Chosen orders are synced now: one run for each of their channels is begun, and followed on the next page.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Redirect},
    routing::post,
};
use futures_util::future::join_all;
use plugin_api::Task;

use super::orders_filter::Asked;
use crate::{
    access::Operate,
    console::{
        Console,
        fault::{Fault, Shown},
        place::In,
        shown::in_query,
    },
    domain::codes::ChannelCode,
    storage::Trigger,
    sync::{Choice, RunRequest, SyncError},
};

/// The most orders that are chosen one by one.
const MOST: usize = 10_000;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/orders/sync", post(begin))
}

/// What a person chose on the list of orders.
#[derive(Debug, Default, PartialEq, Eq)]
struct Chosen {
    /// By id, or to ask whether they came back.
    is_returns: bool,
    /// All that match, instead of those that are named.
    is_all: bool,
    asked: Asked,
    orders: Vec<String>,
}

impl Chosen {
    fn read(fields: Vec<(String, String)>) -> Result<Chosen, Fault> {
        let mut chosen = Chosen::default();
        for (name, value) in fields {
            match (name.as_str(), value.as_str()) {
                ("what", "status") => chosen.is_returns = false,
                ("what", "returns") => chosen.is_returns = true,
                ("all", "yes") => chosen.is_all = true,
                ("order", _) => chosen.orders.push(value),
                _ if chosen.asked.take(&name, &value) => {}
                _ => return Err(Fault::Refused(format!("The form has no field {name}"))),
            }
        }
        if !chosen.is_all && chosen.orders.is_empty() {
            return Err(Fault::Refused("No order is chosen: tick some, or all that match".to_owned()));
        }
        if chosen.orders.len() > MOST {
            return Err(Fault::Refused(format!("More than {MOST} orders are chosen; choose all that match")));
        }
        Ok(chosen)
    }

    fn task(&self) -> Task {
        if self.is_returns { Task::Returns } else { Task::Pending }
    }
}

async fn begin(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Shown {
    let chosen = Chosen::read(fields)?;
    if *console.closing.borrow() {
        return Err(Fault::Refused("The host is being stopped, and begins nothing any more".to_owned()));
    }
    let task = chosen.task();
    let choices = by_channel(&console, &place, chosen).await?;
    let engine = Arc::clone(&console.served.borrow().engine);
    let begun = choices.into_iter().map(|(channel, choice)| {
        let request = RunRequest {
            tenant: place.tenant.clone(),
            channel: channel.clone(),
            task,
            choice,
            since_ms: None,
            dry_run: false,
            trigger: Trigger::Manual,
            due: None,
            request_key: None,
        };
        let live = Arc::clone(&console.live);
        let engine = Arc::clone(&engine);
        // Whoever closes the window does not stop what was set off.
        let begun = tokio::spawn(async move { live.begin(engine, request).await });
        async move { (channel, begun.await) }
    });
    let (mut runs, mut without) = (Vec::new(), Vec::new());
    for (channel, begun) in join_all(begun).await {
        match begun.map_err(|_| Fault::Internal)? {
            Ok((run, _)) => runs.push(run),
            Err(error) => without.push((channel, error)),
        }
    }
    if let (true, Some((_, error))) = (runs.is_empty(), without.first()) {
        return Err(Fault::from(&**error));
    }
    // Of all that match, a channel without any is no news.
    without.retain(|(_, error)| !matches!(**error, SyncError::NothingChosen(_)));
    let without: Vec<&str> = without.iter().map(|(channel, _)| channel.as_str()).collect();
    let query = format!("?runs={}&without={}", in_query(&runs.join(",")), in_query(&without.join(",")));
    Ok(Redirect::to(&(place.address(&["sync"]) + query.as_str())).into_response())
}

/// What is chosen, for each channel that has some of it.
async fn by_channel(
    console: &Console,
    place: &In<Operate>,
    chosen: Chosen,
) -> Result<Vec<(ChannelCode, Choice)>, Fault> {
    if chosen.is_all {
        let mut filter = chosen.asked.filter(console.clock.now_ms())?;
        let only = filter.channel.take();
        let mut channels = console.store.channels(&place.tenant).await?;
        channels.retain(|channel| only.as_ref().map_or(channel.enabled, |only| *only == channel.code));
        if channels.is_empty() {
            return Err(Fault::NotFound("There is no such channel that is switched on".to_owned()));
        }
        let matching = |code| (code, Choice::Matching(Box::new(filter.clone())));
        return Ok(channels.into_iter().map(|channel| matching(channel.code)).collect());
    }
    let known = console.store.named_orders(&place.tenant, &chosen.orders).await?;
    let is_known = |id: &&String| known.iter().any(|order| order.code == ***id);
    if let Some(id) = chosen.orders.iter().find(|id| !is_known(id)) {
        return Err(Fault::NotFound(format!("There is no order {id}")));
    }
    let mut by_channel: BTreeMap<ChannelCode, Vec<String>> = BTreeMap::new();
    for order in known {
        by_channel.entry(order.channel).or_default().push(order.code.to_string());
    }
    Ok(by_channel.into_iter().map(|(channel, orders)| (channel, Choice::Orders(orders))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &[(&str, &str)]) -> Result<Chosen, Fault> {
        Chosen::read(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn orders_are_chosen_by_name_or_by_the_filter() {
        let named =
            read(&[("what", "returns"), ("order", "O1"), ("order", "O2"), ("channel", "FK1")]).unwrap();
        assert_eq!((named.task(), named.is_all, named.orders.len()), (Task::Returns, false, 2));
        let all = read(&[("all", "yes"), ("needs", "conflict"), ("what", "status")]).unwrap();
        assert_eq!((all.task(), all.is_all, all.asked.needs.as_str()), (Task::Pending, true, "conflict"));
    }

    #[test]
    fn nothing_chosen_and_nonsense_are_refused() {
        for wrong in [&[("what", "status")][..], &[("order", "O1"), ("what", "cancel")], &[("orders", "O1")]]
        {
            assert!(matches!(read(wrong), Err(Fault::Refused(_))), "{wrong:?}");
        }
    }
}
