//! An order of Amazon's, as observations.
//!
//! What is trusted, first to last: that the order is cancelled; the finer status; the coarser status of a package; the
//! status of the order; counts on its lines. How it is split: by package and line where Amazon says what is inside,
//! else by line with the units that have left, else the whole order. Cancel requests are not cancellations, and what an
//! answer does not mention is not reported.

use plugin_api::{Meaning, Millis, Observation, ReturnFact, ReturnKind, ShippedBy, Status};

use crate::{
    classify::Shipping,
    order::{Line, Order, Package},
    status::{LINE, LINE_CANCELLED_2026, LINE_EMPTIED, Word},
};

/// Easy Ship names no courier; it is Amazon's own.
const COURIER: &str = "Amazon Easy Ship";

/// Everything that one answer says of an order. Nothing for an order that Amazon's courier does not carry.
pub(crate) fn observations(order: &Order) -> Vec<Observation> {
    if order.shipping == Shipping::Other {
        return Vec::new();
    }
    if order.id.trim().is_empty() {
        tracing::warn!("Amazon sent an order without an id; nothing is reported of it");
        return Vec::new();
    }
    let mut seen = Vec::new();
    if order.is_cancelled() {
        seen.extend(
            order.level.iter().map(|level| Fact::whole(order, level).observation(level.item.status())),
        );
        return seen;
    }
    seen.extend(
        order.lines.iter().filter(|line| is_cancelled(order, line)).map(|line| cancelled(order, line)),
    );
    let said = packages(order, &mut seen);
    if !said {
        level(order, &mut seen);
    }
    seen
}

/// What is said, before it is split into observations.
struct Fact<'a> {
    order: &'a Order,
    word: &'a Word,
    package: Option<&'a Package>,
    line: Option<&'a str>,
    quantity: Option<u32>,
}

impl<'a> Fact<'a> {
    fn whole(order: &'a Order, word: &'a Word) -> Self {
        Fact { order, word, package: None, line: None, quantity: None }
    }

    /// One observation, or two if the word says something about the courier too: the goods come first.
    fn observations(&self) -> impl Iterator<Item = Observation> {
        let courier = self.word.courier.map(|status| self.observation(Some(status)));
        std::iter::once(self.observation(self.word.item.status())).chain(courier)
    }

    fn observation(&self, status: Option<Status>) -> Observation {
        let has_left = has_left(self.word);
        let package = self.package;
        let awb = package.and_then(|package| package.awb.clone()).filter(|_| !self.word.is_withdrawn());
        Observation {
            item: self.line.map(ToOwned::to_owned),
            sku: self.sku(),
            quantity: self.quantity,
            at: self.at(status),
            shipped_by: (self.order.shipping == Shipping::EasyShip).then_some(ShippedBy::Channel),
            package: package.and_then(|package| package.id.clone()),
            courier: package
                .filter(|_| has_left || awb.is_some())
                .map(|package| package.courier.clone().unwrap_or_else(|| COURIER.to_owned())),
            awb,
            invoice: package.and_then(|package| package.invoice.clone()),
            ret: matches!(status, Some(Status::CourierReturn | Status::Returned))
                .then(|| ReturnFact { kind: Some(ReturnKind::Rto), ..ReturnFact::default() }),
            ..Observation::new(&self.order.id, status, &self.word.raw)
        }
    }

    /// The product of the line, for orders that were imported without Amazon's line ids.
    fn sku(&self) -> Option<String> {
        let line = self.line?;
        self.order.lines.iter().find(|known| known.id == line)?.sku.clone()
    }

    /// A dispatch has a time of its own; everything else happened by the order's last update.
    fn at(&self, status: Option<Status>) -> Option<Millis> {
        let shipped_at = self
            .package
            .and_then(|package| package.shipped_at)
            .filter(|_| status == Some(Status::Dispatched));
        shipped_at.or(self.order.updated_at)
    }
}

/// Whether the goods of a word have left the seller.
fn has_left(word: &Word) -> bool {
    match word.item {
        Meaning::Is(status) => !matches!(status, Status::Created | Status::Cancelled),
        Meaning::NoChange | Meaning::Unmapped => false,
    }
}

/// Whether a line is cancelled while its order lives: no unit is wanted any more, or a cancellation was carried out;
/// and none has left. How many units an execution took is not said; Easy Ship cancels no part of a shipment.
fn is_cancelled(order: &Order, line: &Line) -> bool {
    let has_left_in_package = order.live_packages().iter().any(|package| {
        package.word().is_some_and(has_left) && package.items.iter().any(|(id, _)| *id == line.id)
    });
    (line.is_emptied || line.has_execution) && line.shipped.unwrap_or(0) == 0 && !has_left_in_package
}

fn cancelled(order: &Order, line: &Line) -> Observation {
    let raw = if line.is_emptied { LINE_EMPTIED } else { LINE_CANCELLED_2026 };
    let word = Word { raw: raw.to_owned(), item: LINE.meaning(raw), courier: None };
    Fact { line: Some(&line.id), ..Fact::whole(order, &word) }.observation(word.item.status())
}

/// The lines that a status of the whole shipment speaks of, with the units that have left; of a partly shipped order
/// only the lines of which something has.
fn shares(order: &Order) -> impl Iterator<Item = (&str, Option<u32>)> {
    let is_partial = order.is_partial();
    order.lines.iter().filter(|line| !is_cancelled(order, line)).filter_map(move |line| {
        let units = line.shipped.filter(|units| *units > 0);
        (units.is_some() || !is_partial).then_some((line.id.as_str(), units))
    })
}

/// Says what the packages say; whether they said anything.
fn packages(order: &Order, seen: &mut Vec<Observation>) -> bool {
    let live = order.live_packages();
    if let [package] = live.as_slice()
        && let Some(word) = package.word()
        && package.items.is_empty()
    {
        spread(order, word, Some(package), seen);
        return true;
    }
    let before = seen.len();
    for package in &live {
        let Some(word) = package.word() else { continue };
        for (line, units) in &package.items {
            if !order.lines.iter().any(|known| known.id == *line && is_cancelled(order, known)) {
                let fact =
                    Fact { order, word, package: Some(package), line: Some(line), quantity: Some(*units) };
                seen.extend(fact.observations());
            }
        }
    }
    let said = seen.len() > before;
    if said {
        unpacked(order, &live, seen);
    }
    said
}

/// Lines of which something has left, though no package lists them.
fn unpacked(order: &Order, live: &[&Package], seen: &mut Vec<Observation>) {
    let Some(level) = order.level.as_ref().filter(|level| has_left(level)) else { return };
    let is_packed = |line: &str| live.iter().any(|package| package.items.iter().any(|(id, _)| id == line));
    for (line, quantity) in shares(order).filter(|(line, units)| units.is_some() && !is_packed(line)) {
        let fact = Fact { line: Some(line), quantity, ..Fact::whole(order, level) };
        seen.extend(fact.observations());
    }
}

/// Says what the order as a whole says.
fn level(order: &Order, seen: &mut Vec<Observation>) {
    if let Some(level) = &order.level {
        spread(order, level, None, seen);
    } else {
        tracing::warn!(order = order.id, "Amazon sent the order without a status; nothing is reported of it");
    }
}

/// Says one word of the whole shipment: by line where goods have left and the lines are known, else of the order. A
/// partly shipped order whose lines are not known is passed over: which goods have left is not said.
fn spread(order: &Order, word: &Word, package: Option<&Package>, seen: &mut Vec<Observation>) {
    let fact = |line, quantity| Fact { order, word, package, line, quantity };
    if !has_left(word) || (order.lines.is_empty() && !order.is_partial()) {
        seen.extend(fact(None, None).observations());
        return;
    }
    for (line, quantity) in shares(order) {
        seen.extend(fact(Some(line), quantity).observations());
    }
}
