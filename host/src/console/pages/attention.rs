//! What waits for a person: refusals by cause, contradictions, facts that wait, goods to put away and to receive.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use plugin_api::Millis;
use serde::Deserialize;

use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{When, in_query, number},
    },
    domain::{
        apply::Code,
        codes::ItemCode,
        duties::{Decision, PutawayStatus, PutawayType, Quality},
    },
    storage::{ConflictRow, OrderFilter, ParkedFilter, ParkedRow, PutawayRow},
};

/// Facts that are looked at for their causes.
const FACTS: u32 = 5_000;
/// Rows of a kind that are shown.
const SHOWN: usize = 50;
/// Orders that are named for a cause.
const EXAMPLES: usize = 5;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/attention", get(all))
}

/// Everything.
#[derive(Template)]
#[template(path = "attention.html")]
struct AttentionPage {
    frame: Frame,
    /// What was just done, in a sentence.
    done: Option<String>,
    orders: String,
    /// Refused facts, and parked ones.
    refused: Vec<Cause>,
    parked: Vec<Cause>,
    /// More facts wait than were looked at.
    has_more_facts: bool,
    conflicts: Vec<ConflictShown>,
    more_conflicts: usize,
    putaways: Vec<PutawayShown>,
    more_putaways: usize,
    /// Channel, number, and the list of them.
    to_receive: Vec<(String, String, String)>,
    may_act: bool,
}

impl AttentionPage {
    fn is_empty(&self) -> bool {
        self.refused.is_empty()
            && self.parked.is_empty()
            && self.conflicts.is_empty()
            && self.putaways.is_empty()
            && self.to_receive.is_empty()
    }
}

/// Facts that wait for the same reason.
struct Cause {
    /// What to do about it.
    remedy: &'static str,
    /// The page where that is done, and its address.
    place: Option<(&'static str, String)>,
    /// Why they wait.
    message: String,
    code: String,
    /// `41 orders wait`.
    count: String,
    /// Some of the orders; an address where the order is here.
    examples: Vec<(String, Option<String>)>,
    /// All of them.
    all: Option<String>,
}

/// A contradiction.
struct ConflictShown {
    code: String,
    address: String,
    order: String,
    order_address: String,
    channel: String,
    items: String,
    message: String,
    /// What the channel said.
    said: Vec<(String, Option<When>)>,
    choices: Choices,
}

/// What each answer to a contradiction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choices {
    accept: Option<&'static str>,
    keep: &'static str,
}

/// What `domain::apply::people` does for each answer, in words.
fn choices(cause: &str) -> Choices {
    let (accept, keep) = match Code::parse(cause) {
        Some(Code::DispatchedButCancelledLocally) => (
            "It is dispatched here as well: with a package, an invoice and its stock.",
            "It stays cancelled here. Ask the marketplace to stop the parcel.",
        ),
        Some(Code::CancelAfterDelivery) => {
            ("A return is opened, and the goods are expected back.", "It stays delivered.")
        }
        Some(Code::ReopenedOnChannel) => {
            ("The item is open again here, and can be sent.", "It stays cancelled here.")
        }
        Some(Code::ReturnOfCancelled) => (
            "It is recorded that it was sent and came back.",
            "It stays cancelled here, as if it had never left.",
        ),
        Some(Code::PartialDispatchOfInvoicedShipment) => (
            "The package is split, its invoice cancelled, and both parts are invoiced anew.",
            "The package stays whole until the rest is reported too.",
        ),
        Some(Code::PartialCourierReturn) => (
            "What comes back is split off as a package of its own.",
            "The package stays whole until the rest is reported too.",
        ),
        Some(Code::ReturnCancelledAfterReceipt) => {
            return Choices {
                accept: None,
                keep: "The goods stay received. Settle the withdrawn return with the marketplace first.",
            };
        }
        _ => ("What the channel said is applied.", "Our state stays, and the same is not asked again."),
    };
    Choices { accept: Some(accept), keep }
}

/// A unit to put away.
struct PutawayShown {
    code: String,
    address: String,
    order: String,
    order_address: String,
    item: String,
    package: String,
    why: &'static str,
}

fn why(kind: PutawayType) -> &'static str {
    match kind {
        PutawayType::CancelledItem => "cancelled after its invoice, before it left",
        PutawayType::CourierReturnedItems => "came back undelivered",
        PutawayType::ReversePickupItem => "sent back by the buyer",
        PutawayType::PicklistItem => "picked, then cancelled",
    }
}

/// What was just done, as the page before tells.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The conflict or putaway.
    done: String,
}

impl Asked {
    /// What became of it, by what is kept, not by what the address says.
    async fn told<S>(&self, console: &Console, place: &In<S>) -> Result<Option<String>, Fault> {
        if self.done.is_empty() {
            return Ok(None);
        }
        if let Some(row) = console.store.conflict(&place.tenant, &self.done).await? {
            let order = &row.conflict.order;
            return Ok(row.conflict.decision.map(|decision| match decision {
                Decision::Accept => {
                    format!(
                        "Conflict {} is accepted: what the channel said of order {order} is applied.",
                        self.done
                    )
                }
                Decision::Keep => {
                    format!(
                        "Conflict {} is kept: order {order} stays as it is, and this is not asked again.",
                        self.done
                    )
                }
            }));
        }
        let Some(row) = console.store.putaway(&place.tenant, &self.done).await? else { return Ok(None) };
        let put = &row.putaway;
        Ok((put.status == PutawayStatus::Complete).then(|| match put.quality {
            Some(Quality::Bad) => {
                format!("Putaway {} is complete: item {} cannot be sold any more.", put.code, put.item)
            }
            _ => format!("Putaway {} is complete: item {} is in stock again.", put.code, put.item),
        }))
    }
}

/// Groups facts by why they wait: cause and sentence. The most orders come first.
fn causes<S>(facts: &[ParkedRow], place: &In<S>, is_parked: bool) -> Vec<Cause> {
    let mut groups: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let waits =
        |row: &&ParkedRow| Code::parse(&row.parked.cause).is_some_and(waits_for_its_order) == is_parked;
    for ParkedRow { parked, .. } in facts.iter().filter(waits) {
        // Sentences about a single order would make a group each.
        let message = if is_parked { "" } else { parked.message.as_str() };
        let orders = groups.entry((&parked.cause, message)).or_default();
        if !orders.contains(&parked.order.as_str()) {
            orders.push(&parked.order);
        }
    }
    let mut found: Vec<_> = groups.into_iter().collect();
    found.sort_by_key(|(_, orders)| std::cmp::Reverse(orders.len()));
    let list = |needs: &str| place.address(&["orders"]) + "?needs=" + needs;
    let shown = found.into_iter().map(|((cause, message), orders)| {
        let code = Code::parse(cause);
        let is_here = code != Some(Code::UnknownOrder);
        let address = |order: &str| is_here.then(|| place.address(&["orders", order]));
        let message = match (message, code) {
            ("", Some(Code::UnknownOrder)) => "The channel reports orders that are not here",
            ("", Some(Code::UnknownItem)) => "The channel reports items that their orders do not have here",
            ("", _) => cause,
            (message, _) => message,
        };
        Cause {
            remedy: code.map_or("", Code::remedy),
            place: code.and_then(set_up_at).map(|(name, part)| (name, place.address(&["settings", part]))),
            message: message.to_owned(),
            code: cause.to_owned(),
            count: if orders.len() == 1 {
                "1 order waits".to_owned()
            } else {
                format!("{} orders wait", number(orders.len() as u64))
            },
            examples: orders
                .iter()
                .take(EXAMPLES)
                .map(|order| ((*order).to_owned(), address(order)))
                .collect(),
            all: (is_here && orders.len() > EXAMPLES)
                .then(|| list(if is_parked { "parked" } else { "refused" })),
        }
    });
    shown.collect()
}

/// The page of the settings where the cause of a refusal is put right: its name, and the last part of its address.
fn set_up_at(code: Code) -> Option<(&'static str, &'static str)> {
    match code {
        Code::SequenceNotDefined | Code::InvoiceNumberInvalid => Some(("Number series", "sequences")),
        _ => None,
    }
}

fn waits_for_its_order(code: Code) -> bool {
    matches!(code, Code::UnknownOrder | Code::UnknownItem)
}

fn conflict<S>(row: ConflictRow, place: &In<S>, now: Millis) -> ConflictShown {
    let ConflictRow { channel, conflict } = row;
    let items: Vec<&str> = conflict.items.iter().map(ItemCode::as_str).collect();
    let said = conflict.facts.iter().map(|fact| {
        let status = fact.status.map_or_else(|| "an unknown status".to_owned(), |status| status.to_string());
        let words = match &fact.raw {
            Some(raw) if *raw != status => format!("{status} (“{raw}”)"),
            _ => status,
        };
        (words, fact.at.map(|at| When::ago(at, now, &place.row.zone)))
    });
    ConflictShown {
        address: place.address(&["conflicts", &conflict.code]),
        order_address: place.address(&["orders", conflict.order.as_str()]),
        order: conflict.order.to_string(),
        channel: channel.to_string(),
        items: items.join(", "),
        said: said.collect(),
        choices: choices(&conflict.cause),
        message: conflict.message,
        code: conflict.code,
    }
}

fn putaway<S>(row: PutawayRow, place: &In<S>) -> PutawayShown {
    PutawayShown {
        address: place.address(&["putaways", &row.putaway.code]),
        order_address: place.address(&["orders", row.order.as_str()]),
        order: row.order.to_string(),
        item: row.putaway.item.to_string(),
        package: row.putaway.package.map(|package| package.to_string()).unwrap_or_default(),
        why: why(row.putaway.kind),
        code: row.putaway.code,
    }
}

async fn all(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let (now, tenant) = (console.clock.now_ms(), &place.tenant);
    let facts = console.store.parked(tenant, &ParkedFilter::default(), None, FACTS).await?;
    let mut conflicts = console.store.conflicts(tenant, true).await?;
    let mut putaways = console.store.putaways(tenant, true).await?;
    let (more_conflicts, more_putaways) =
        (conflicts.len().saturating_sub(SHOWN), putaways.len().saturating_sub(SHOWN));
    conflicts.truncate(SHOWN);
    putaways.truncate(SHOWN);
    let mut to_receive = Vec::new();
    for channel in console.store.channels(tenant).await? {
        let filter = OrderFilter {
            channel: Some(channel.code.clone()),
            returned_not_received: true,
            ..OrderFilter::default()
        };
        let count = console.store.count_orders(tenant, &filter).await?;
        if count > 0 {
            let query = format!("?channel={}&needs=not-received", in_query(channel.code.as_str()));
            to_receive.push((
                channel.code.to_string(),
                number(count),
                place.address(&["orders"]) + query.as_str(),
            ));
        }
    }
    show(&AttentionPage {
        frame: place.frame("Attention", Section::Attention),
        done: asked.told(&console, &place).await?,
        orders: place.address(&["orders"]),
        refused: causes(&facts, &place, false),
        parked: causes(&facts, &place, true),
        has_more_facts: facts.len() == FACTS as usize,
        conflicts: conflicts.into_iter().map(|row| conflict(row, &place, now)).collect(),
        more_conflicts,
        putaways: putaways.into_iter().map(|row| putaway(row, &place)).collect(),
        more_putaways,
        to_receive,
        may_act: place.may(Scope::Operate),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;
    use crate::domain::zone::Zone;

    fn empty() -> AttentionPage {
        AttentionPage {
            frame: sample_frame(Section::Attention),
            done: None,
            orders: "/console/t/acme/orders".to_owned(),
            refused: Vec::new(),
            parked: Vec::new(),
            has_more_facts: false,
            conflicts: Vec::new(),
            more_conflicts: 0,
            putaways: Vec::new(),
            more_putaways: 0,
            to_receive: Vec::new(),
            may_act: true,
        }
    }

    fn full(may_act: bool) -> String {
        let page = AttentionPage {
            refused: vec![Cause {
                remedy: Code::SequenceNotDefined.remedy(),
                place: Some(("Number series", "/console/t/acme/settings/sequences".to_owned())),
                message: "Sequence SALE_INVOICE is not defined for BOM1".to_owned(),
                code: "SEQUENCE_NOT_DEFINED".to_owned(),
                count: "41 orders wait".to_owned(),
                examples: vec![("OD<1>".to_owned(), Some("/console/t/acme/orders/OD1".to_owned()))],
                all: Some("/console/t/acme/orders?needs=refused".to_owned()),
            }],
            conflicts: vec![ConflictShown {
                code: "CF1".to_owned(),
                address: "/console/t/acme/conflicts/CF1".to_owned(),
                order: "O1".to_owned(),
                order_address: "/console/t/acme/orders/O1".to_owned(),
                channel: "FK1".to_owned(),
                items: "O1-1".to_owned(),
                message: "Channel dispatched item O1-1 which is cancelled here".to_owned(),
                said: vec![("DISPATCHED".to_owned(), Some(When::ago(0, 60_000, &Zone::default())))],
                choices: choices("DISPATCHED_BUT_CANCELLED_LOCALLY"),
            }],
            putaways: vec![PutawayShown {
                code: "PA1".to_owned(),
                address: "/console/t/acme/putaways/PA1".to_owned(),
                order: "O2".to_owned(),
                order_address: "/console/t/acme/orders/O2".to_owned(),
                item: "O2-1".to_owned(),
                package: "SP1".to_owned(),
                why: why(PutawayType::CancelledItem),
            }],
            to_receive: vec![(
                "FK1".to_owned(),
                "12".to_owned(),
                "/console/t/acme/orders?needs=not-received".to_owned(),
            )],
            may_act,
            ..empty()
        };
        page.render().unwrap()
    }

    #[test]
    fn every_kind_is_told_with_what_can_be_done() {
        let text = full(true);
        for part in [
            "41 orders wait",
            "not defined for BOM1",
            &crate::console::shown::marked(Code::SequenceNotDefined.remedy()).to_string(),
            "settings/sequences\">Number series",
            "OD&#60;1&#62;",
            "It is dispatched here as well",
            "It stays cancelled here.",
            "conflicts/CF1/accept",
            "putaways/PA1/complete",
            "GOOD_INVENTORY",
            "needs=not-received",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn who_may_only_look_gets_no_buttons() {
        let text = full(false);
        assert!(!text.contains("/accept") && !text.contains("GOOD_INVENTORY"), "{text}");
    }

    #[test]
    fn an_empty_page_is_good_news() {
        assert!(empty().render().unwrap().contains("Nothing waits for you"));
    }

    #[test]
    fn each_contradiction_says_what_its_answers_do() {
        let usual = choices("SOMETHING_NEW");
        for code in [
            Code::DispatchedButCancelledLocally,
            Code::CancelAfterDelivery,
            Code::ReopenedOnChannel,
            Code::ReturnOfCancelled,
            Code::PartialDispatchOfInvoicedShipment,
            Code::PartialCourierReturn,
        ] {
            let told = choices(code.as_str());
            assert!(told.accept != usual.accept && told.keep != usual.keep, "{code:?}");
        }
        assert_eq!(choices("RETURN_CANCELLED_AFTER_RECEIPT").accept, None);
    }
}
