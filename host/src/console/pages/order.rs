//! An order: what belongs to it, what is open, and its story.

use std::sync::Arc;

use askama::{Template, filters::HtmlSafe};
use axum::{
    Router,
    extract::{Path, State},
    routing::get,
};

use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When},
    },
    domain::{
        apply::{Code, Row},
        codes::ItemCode,
        duties::PutawayStatus,
        effect::Change,
        invoice::InvoiceStatus,
        snapshot::OrderFile,
        zone::Zone,
    },
    storage::{ParkedFilter, ParkedRow},
};

/// The most facts that are shown as waiting for one order.
const WAITING_SHOWN: u32 = 100;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/orders/{order}", get(show_order))
}

/// An order.
#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    code: String,
    channel: String,
    channel_order_id: String,
    status: Chip,
    /// What else there is to say of the whole order.
    remarks: Vec<String>,
    /// Where an action on it is sent to; none if the person may not.
    sync: Option<String>,
    /// What a person has to do, in sentences.
    open: Vec<String>,
    sections: Vec<Part>,
    story: Vec<Chapter>,
}

/// A table of what belongs to the order.
struct Part {
    name: &'static str,
    head: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Part {
    /// A table without the columns that are empty in every row.
    fn of(name: &'static str, head: &[&'static str], rows: impl Iterator<Item = Vec<Cell>>) -> Part {
        let mut rows: Vec<Vec<Cell>> = rows.collect();
        let is_told: Vec<bool> = (0..head.len())
            .map(|at| rows.iter().any(|row| !matches!(row.get(at), None | Some(Cell::None))))
            .collect();
        for row in &mut rows {
            let mut told = is_told.iter();
            row.retain(|_| told.next() == Some(&true));
        }
        let head = head.iter().zip(&is_told).filter(|(_, told)| **told).map(|(name, _)| *name).collect();
        Part { name, head, rows }
    }
}

/// A cell of such a table.
#[derive(Template)]
#[template(
    source = "{% match self %}{% when Cell::Text with (text) %}{{ text }}{% when Cell::State with (chip) %}{{ chip }}\
              {% when Cell::Time with (when) %}{{ when }}{% when Cell::None %}{% endmatch %}",
    ext = "html"
)]
enum Cell {
    Text(String),
    State(Chip),
    Time(When),
    None,
}

impl HtmlSafe for Cell {}

fn text(text: Option<impl ToString>) -> Cell {
    text.map_or(Cell::None, |text| Cell::Text(text.to_string()))
}

fn time(at: Option<plugin_api::Millis>, zone: &Zone) -> Cell {
    at.map_or(Cell::None, |at| Cell::Time(When::at(at, zone)))
}

fn state(state: impl Into<Chip>) -> Cell {
    Cell::State(state.into())
}

/// One change, as it is told.
struct Chapter {
    at: When,
    said: Option<String>,
    waited: Option<String>,
    rules: Vec<(&'static str, &'static str)>,
    message: Option<String>,
    effects: Vec<String>,
    by: String,
}

impl Chapter {
    fn of(change: Change, zone: &Zone) -> Chapter {
        let rules = Row::chain(&change.row);
        let is_said = rules.iter().any(|row| row.sentence() == change.message);
        let by = if change.run.starts_with('R') { format!("run {}", change.run) } else { change.run };
        Chapter {
            at: When::at(change.at, zone),
            said: change
                .observation
                .map(|said| format!("Channel {} said {}.", change.channel, said.words(zone))),
            waited: change
                .waited
                .map(|waited| format!("It had waited: {} [{}]", waited.message, waited.cause)),
            rules: rules.into_iter().map(|row| (row.as_str(), row.sentence())).collect(),
            message: Some(change.message).filter(|_| !is_said),
            effects: change.effects.iter().map(ToString::to_string).collect(),
            by: format!("By {by}, with connector {}", change.connector),
        }
    }
}

async fn show_order(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let file = console.store.order(&place.tenant, &id).await?;
    let file = file.ok_or_else(|| Fault::NotFound(format!("Tenant {} has no order {id}", place.tenant)))?;
    let history = console.store.history(&place.tenant, &file.order.code).await?;
    let filter = ParkedFilter {
        channel: Some(file.order.channel.clone()),
        channel_order_id: Some(file.order.channel_order_id.clone()),
    };
    let waiting = console.store.parked(&place.tenant, &filter, None, WAITING_SHOWN).await?;
    let frame = place.frame(&format!("Order {}", file.order.code), Section::Orders);
    let sync = place.may(Scope::Operate).then(|| place.address(&["orders", "sync"]));
    show(&page((frame, &place.row.zone), sync, &file, &waiting, history))
}

fn page(
    (frame, zone): (Frame, &Zone),
    sync: Option<String>,
    file: &OrderFile,
    waiting: &[ParkedRow],
    history: Vec<Change>,
) -> OrderPage {
    let order = &file.order;
    let ships = order.shipping.map(|by| format!("shipped by the {}", by.as_str().to_lowercase()));
    let sections = [
        items(file),
        packages(file, zone),
        returns(file, zone),
        invoices(file),
        putaways(file),
        conflicts(file),
    ];
    OrderPage {
        frame,
        code: order.code.to_string(),
        channel: order.channel.to_string(),
        channel_order_id: order.channel_order_id.clone(),
        status: order.status.into(),
        remarks: ships.into_iter().chain(order.on_hold.then(|| "on hold".to_owned())).collect(),
        sync,
        open: open(file, waiting, zone),
        sections: sections.into_iter().filter(|part| !part.rows.is_empty()).collect(),
        story: history.into_iter().rev().map(|change| Chapter::of(change, zone)).collect(),
    }
}

/// What waits for a person or for something else.
fn open(file: &OrderFile, waiting: &[ParkedRow], zone: &Zone) -> Vec<String> {
    let remedy = |cause: &str| Code::parse(cause).map_or("", Code::remedy);
    let conflicts = file.conflicts.iter().filter(|conflict| conflict.open).map(|conflict| {
        format!("A person has to decide {}: {}. {}", conflict.code, conflict.message, remedy(&conflict.cause))
    });
    let waiting = waiting.iter().map(|ParkedRow { parked, .. }| {
        let said = parked.observation.words(zone);
        format!("Waits to be applied: {said}. {}. {}", parked.message, remedy(&parked.cause))
    });
    conflicts.chain(waiting).chain(file.order.attention.iter().cloned()).collect()
}

fn items(file: &OrderFile) -> Part {
    let rows = file.order.items.iter().map(|item| {
        vec![
            text(Some(&item.code)),
            state(item.status),
            text(Some(&item.sku)),
            text(item.channel_item_id.as_ref()),
            text(item.facility.as_ref()),
            text(item.package.as_ref()),
            text(item.channel_status.as_ref()),
        ]
    });
    let head = &["Item", "Status", "Product", "Marketplace's id", "Facility", "Package", "Channel says"];
    Part::of("Items", head, rows)
}

fn packages(file: &OrderFile, zone: &Zone) -> Part {
    let rows = file.order.packages.iter().map(|package| {
        vec![
            text(Some(&package.code)),
            state(package.status),
            text(package.awb.as_ref()),
            text(package.courier.as_ref()),
            text(package.invoice.as_ref()),
            text(package.hold),
            time(package.dispatched_at, zone),
            time(package.delivered_at, zone),
            text(package.courier_status.as_ref()),
        ]
    });
    let head = &[
        "Package",
        "Status",
        "Waybill",
        "Courier",
        "Invoice",
        "Held",
        "Dispatched",
        "Delivered",
        "Courier says",
    ];
    Part::of("Packages", head, rows)
}

fn returns(file: &OrderFile, zone: &Zone) -> Part {
    let rows = file.order.returns.iter().map(|ret| {
        let items: Vec<&str> = ret.items.iter().map(ItemCode::as_str).collect();
        vec![
            text(Some(&ret.code)),
            state(ret.status),
            text(Some(ret.kind.as_str())),
            text(ret.package.as_ref()),
            text(Some(items.join(", "))),
            text(ret.reason.as_ref()),
            text(ret.awb.as_ref()),
            time(ret.at, zone),
            text(ret.flag.as_ref()),
        ]
    });
    let head = &["Return", "Status", "Kind", "Package", "Items", "Reason", "Waybill", "Since", "Note"];
    Part::of("Returns", head, rows)
}

fn invoices(file: &OrderFile) -> Part {
    let rows = file.invoices.iter().map(|invoice| {
        let tone = match invoice.status {
            InvoiceStatus::Generated => Tone::Good,
            InvoiceStatus::Cancelled | InvoiceStatus::Credited => Tone::Over,
        };
        vec![
            text(Some(&invoice.number)),
            state(Chip::new(tone, invoice.status.as_str())),
            text(Some(invoice.kind)),
            text(Some(invoice.date)),
            text(Some(&invoice.financial_year)),
            text(Some(&invoice.owner)),
            text(Some(&invoice.package)),
            text(invoice.against.as_ref()),
        ]
    });
    let head = &["Number", "Status", "Kind", "Date", "Year", "Series of", "Package", "Against"];
    Part::of("Invoices", head, rows)
}

fn putaways(file: &OrderFile) -> Part {
    let rows = file.putaways.iter().map(|putaway| {
        let tone = if putaway.status == PutawayStatus::Due { Tone::Look } else { Tone::Over };
        vec![
            text(Some(&putaway.code)),
            state(Chip::new(tone, putaway.status.as_str())),
            text(Some(putaway.kind)),
            text(Some(&putaway.item)),
            text(putaway.package.as_ref()),
            text(putaway.quality),
        ]
    });
    let head = &["Putaway", "Status", "Kind", "Item", "Package", "Quality"];
    Part::of("Putaways", head, rows)
}

fn conflicts(file: &OrderFile) -> Part {
    let rows = file.conflicts.iter().map(|conflict| {
        let chip = if conflict.open { Chip::new(Tone::Bad, "OPEN") } else { Chip::new(Tone::Over, "CLOSED") };
        let items: Vec<&str> = conflict.items.iter().map(ItemCode::as_str).collect();
        vec![
            text(Some(&conflict.code)),
            state(chip),
            text(Some(&conflict.cause)),
            text(Some(items.join(", "))),
            text(conflict.package.as_ref()),
            text(Some(&conflict.message)),
            text(conflict.decision),
        ]
    });
    let head = &["Conflict", "State", "Cause", "Items", "Package", "What happened", "Decided"];
    Part::of("Conflicts", head, rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::frame::sample_frame;

    fn sample(history: serde_json::Value) -> OrderPage {
        let file: OrderFile = OrderFile {
            order: serde_json::from_value(
                json!({"code": "O1", "channel": "FK1", "channel_order_id": "OD<1>",
                "status": "PROCESSING", "shipping": "CHANNEL", "on_hold": true,
                "items": [{"code": "O1-1", "sku": "A", "status": "DISPATCHED", "package": "SP1"}],
                "packages": [{"code": "SP1", "status": "DISPATCHED", "awb": "EK1", "invoice": "INV/1",
                    "dispatched_at": "2026-01-15T09:30:00Z"}],
                "attention": ["Look at <this>."]}),
            )
            .unwrap(),
            invoices: Vec::new(),
            putaways: serde_json::from_value(json!([{"code": "PA1", "type": "PUTAWAY_CANCELLED_ITEM",
                "item": "O1-1", "status": "DUE"}]))
            .unwrap(),
            conflicts: serde_json::from_value(json!([{"code": "CF1", "cause": "CANCEL_AFTER_DELIVERY",
                "order": "O1", "items": ["O1-1"], "message": "it was delivered", "open": true}]))
            .unwrap(),
        };
        let history = serde_json::from_value(history).unwrap();
        page(
            (sample_frame(Section::Orders), &Zone::default()),
            Some("/console/t/acme/orders/sync".to_owned()),
            &file,
            &[],
            history,
        )
    }

    #[test]
    fn everything_that_belongs_to_an_order_is_shown_and_nothing_of_it_is_markup() {
        let text = sample(json!([])).render().unwrap();
        for part in [
            "OD&#60;1&#62;",
            "on hold",
            "shipped by the channel",
            "Look at &#60;this&#62;.",
            "A person has to decide CF1: it was delivered.",
            "datetime=\"2026-01-15T09:30:00Z\"",
            "PUTAWAY_CANCELLED_ITEM",
            "value=\"returns\"",
            "as it was imported",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains(">Returns</h2>"), "an empty table is left out");
    }

    #[test]
    fn the_story_tells_what_was_said_which_rule_decided_and_what_changed_the_newest_first() {
        let change = |at: &str, row: &str, message: &str| {
            json!({"order": "O1", "channel": "FK1", "at": at, "run": "R7", "connector": "flipkart 1.0.0",
                "row": row, "message": message, "observation": {"order": "OD1", "status": "DISPATCHED"},
                "effects": [{"what": "item", "item": "O1-1", "from": "FULFILLABLE", "to": "DISPATCHED"}]})
        };
        let history = json!([
            change("2026-01-15T09:30:00Z", "D9", Row::D9.sentence()),
            change("2026-01-16T09:30:00Z", "D15", "The waybill was filled in.")
        ]);
        let story = sample(history).story;
        assert_eq!(story[0].rules, [("D15", Row::D15.sentence())]);
        assert_eq!(story[0].message.as_deref(), Some("The waybill was filled in."));
        assert_eq!((story[1].message.as_ref(), story[1].rules[0].0), (None, "D9"));
        assert_eq!(story[1].effects, ["item O1-1 FULFILLABLE → DISPATCHED"]);
        assert_eq!(story[1].by, "By run R7, with connector flipkart 1.0.0");
        let said = story[1].said.as_deref();
        assert_eq!(said, Some("Channel FK1 said DISPATCHED of the whole order, without a time."));
    }
}
