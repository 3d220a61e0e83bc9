//! How orders are found by words: which of them are looked at, one portion after another. Pure; the engines read what it
//! asks for.
//!
//! The orders of one word stand by code, so they are read one after another. The orders of all words that begin alike do
//! not: to have those with the lowest codes, all such words are read. Where these are very many, most orders have one, and a
//! look at the first few hundred orders is quicker. So what a search costs is bounded by the number of words that begin
//! alike, and mostly by far less.

use std::collections::VecDeque;

use super::{
    OrderFilter, OrderStage,
    words::{Needles, Span},
};
use crate::domain::{codes::OrderCode, order::Order};

/// Orders that are looked at without asking which words they have.
const WALKED: usize = 500;
/// The same where another filter has an index, so that all that it lets through may be fewer.
const WALKED_BESIDE: usize = 2_000;
/// Codes that are read at once for words that begin alike: reading them in portions reads the words again.
const CODES: usize = 1_000;
/// By how much the portions grow when they were too small.
const GROWTH: usize = 8;

/// What is to be read next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// The first and the last of these words.
    Ends(Span),
    /// The codes of these words that come after this one, by code; the same code may come several times.
    Codes(Span, OrderCode, usize),
    /// The orders that the filter lets through, but for its text and its facility, with codes after this one, by code.
    Walk(OrderCode, usize),
    /// The codes after this one, by code, of the orders that the whole filter lets through by its words and all else: however
    /// the engine finds them.
    Both(OrderCode, usize),
    /// Those of these codes, which are in order, that the filter lets through, but for its text and its facility; by code.
    Of(Vec<OrderCode>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Codes(usize),
    Walk(usize),
    Both,
}

/// A search that is on. `T` is what is made of an order.
pub(super) struct Search<T> {
    needles: Needles,
    filter: OrderFilter,
    rest: OrderFilter,
    limit: usize,
    reached: OrderCode,
    /// The words of one needle; the other, if there is one, is looked for in the orders that have the first.
    span: Option<Span>,
    steps: VecDeque<Step>,
    /// What is being read; for codes and walks how many at most.
    asked: Asked,
    /// Codes that are still to be looked at, and whether there are no more behind them.
    codes: VecDeque<OrderCode>,
    is_last: bool,
    portion: usize,
    found: Vec<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Ends,
    Other,
}

impl<T> Search<T> {
    /// Begins a search; none if the filter has neither text nor facility.
    pub(super) fn begin(filter: &OrderFilter, after: Option<&OrderCode>, limit: u32) -> Option<Search<T>> {
        let needles = Needles::of(filter);
        let span = needles.text().or_else(|| needles.facility())?;
        Some(Search {
            filter: filter.clone(),
            rest: OrderFilter { text: None, facility: None, ..filter.clone() },
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            reached: after.cloned().unwrap_or_default(),
            steps: VecDeque::new(),
            asked: Asked::Ends,
            codes: VecDeque::new(),
            is_last: false,
            portion: 0,
            found: Vec::new(),
            needles,
            span: Some(span),
        })
    }

    /// The whole filter.
    pub(super) fn filter(&self) -> &OrderFilter {
        &self.filter
    }

    /// The filter without what is looked for by words.
    pub(super) fn rest(&self) -> &OrderFilter {
        &self.rest
    }

    /// What is to be read next; nothing once everything is found.
    pub(super) fn next(&mut self) -> Option<Ask> {
        let span = self.span.clone()?;
        if self.found.len() >= self.limit {
            return None;
        }
        if self.asked == Asked::Ends {
            return Some(Ask::Ends(span));
        }
        if !self.codes.is_empty() {
            self.portion = self.portion.saturating_mul(4).max(self.limit).min(self.codes.len());
            return Some(Ask::Of(self.codes.drain(..self.portion).collect()));
        }
        if self.is_last {
            return None;
        }
        self.portion = 0;
        Some(match *self.steps.front()? {
            Step::Codes(most) => Ask::Codes(span, self.reached.clone(), most),
            Step::Walk(most) => Ask::Walk(self.reached.clone(), most),
            Step::Both => Ask::Both(self.reached.clone(), self.limit),
        })
    }

    /// Whether one needle is all that the filter has.
    fn is_alone(&self) -> bool {
        self.rest == OrderFilter::default() && self.needles.count() == 1
    }

    /// Takes the first and the last word.
    pub(super) fn ends(&mut self, ends: Option<(String, String)>) {
        self.asked = Asked::Other;
        let Some((first, last)) = ends else {
            self.span = None;
            return;
        };
        let is_alone = self.is_alone();
        let Some(span) = &mut self.span else { return };
        if first == last {
            *span = Span::only(span.kind, first);
        }
        let codes = if span.is_one() && is_alone { self.limit } else { self.limit.max(CODES) };
        self.steps = match (is_alone, span.is_one()) {
            (true, false) => [Step::Walk(WALKED), Step::Codes(codes)].into(),
            (false, _) if is_narrow(&self.rest) => [Step::Codes(codes), Step::Walk(WALKED_BESIDE)].into(),
            (true, true) | (false, _) => [Step::Codes(codes)].into(),
        };
        // Where many have the word and many are let through by the rest, and few by both, neither helps to find them.
        self.steps.push_back(if is_alone { Step::Codes(codes.saturating_mul(GROWTH)) } else { Step::Both });
    }

    /// Takes the codes that were asked for.
    pub(super) fn codes(&mut self, mut codes: Vec<OrderCode>) {
        let most = match self.steps.pop_front() {
            Some(Step::Codes(most)) => most,
            Some(Step::Both) => self.limit,
            Some(Step::Walk(_)) | None => return,
        };
        self.is_last = codes.len() < most;
        if self.steps.is_empty() {
            let is_alone = self.is_alone();
            self.steps.push_back(if is_alone {
                Step::Codes(most.saturating_mul(GROWTH))
            } else {
                Step::Both
            });
        }
        codes.dedup();
        if let Some(last) = codes.last() {
            self.reached = last.clone();
        }
        self.codes = codes.into();
    }

    /// Takes the orders of a walk: how many there were, the code of the last, and what was made of those that have the
    /// needles.
    pub(super) fn walked(&mut self, seen: Vec<(OrderCode, Option<T>)>) {
        let Some(Step::Walk(most)) = self.steps.pop_front() else { return };
        self.is_last = seen.len() < most;
        if let Some((last, _)) = seen.last() {
            self.reached = last.clone();
        }
        self.take(seen);
    }

    /// Takes orders of codes.
    pub(super) fn take(&mut self, seen: Vec<(OrderCode, Option<T>)>) {
        self.found.extend(seen.into_iter().filter_map(|(_, found)| found));
        self.found.truncate(self.limit);
    }

    /// Whether an order has what is looked for.
    pub(super) fn has(&self, order: &Order) -> bool {
        self.needles.are_in(order)
    }

    /// What was found, by code.
    pub(super) fn found(self) -> Vec<T> {
        self.found
    }
}

/// Whether the orders that a filter lets through are found by an index, so that few are read if there are few.
fn is_narrow(filter: &OrderFilter) -> bool {
    let by_stage = matches!(filter.stage, Some(OrderStage::Open | OrderStage::Moving));
    filter.status.is_some()
        || filter.in_conflict
        || filter.has_parked
        || filter.has_refused
        || filter.has_shortfall
        || filter.returned_not_received
        || filter.has_putaway_due
        || filter.on_hold
        || (by_stage && filter.channel.is_some())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::{domain::order::OrderStatus, storage::words};

    /// Orders as an engine would keep them.
    struct Kept {
        orders: BTreeMap<OrderCode, Order>,
        words: Vec<(words::Word, OrderCode)>,
        read: usize,
    }

    impl Kept {
        fn of(orders: impl IntoIterator<Item = Order>) -> Kept {
            let orders: BTreeMap<_, _> =
                orders.into_iter().map(|order| (order.code.clone(), order)).collect();
            let all = orders
                .values()
                .flat_map(|order| words::of(order).into_iter().map(|word| (word, order.code.clone())));
            let mut words: Vec<_> = all.collect();
            words.sort();
            Kept { orders, words, read: 0 }
        }

        fn within(&self, span: &Span) -> Vec<&(words::Word, OrderCode)> {
            let is_within = |(word, _): &&(words::Word, OrderCode)| {
                let text = &word.text;
                word.kind == span.kind
                    && *text >= span.from
                    && (*text < span.to || (span.is_one() && *text == span.from))
            };
            self.words.iter().filter(is_within).collect()
        }

        /// The codes that are found, page after page.
        fn search(&mut self, filter: &OrderFilter, after: &str, limit: u32) -> Vec<String> {
            let mut search = Search::begin(filter, Some(&after.into()), limit).unwrap();
            while let Some(ask) = search.next() {
                let lets = |order: &Order| filter.status.is_none_or(|status| order.status == status);
                match ask {
                    Ask::Ends(span) => {
                        let words = self.within(&span);
                        let text =
                            |end: Option<&&(words::Word, OrderCode)>| end.map(|(word, _)| word.text.clone());
                        search.ends(text(words.first()).zip(text(words.last())));
                    }
                    Ask::Codes(span, after, most) => {
                        let words = self.within(&span);
                        let read = words.len();
                        let mut codes: Vec<_> = words
                            .into_iter()
                            .map(|(_, code)| code.clone())
                            .filter(|code| *code > after)
                            .collect();
                        codes.sort();
                        codes.truncate(most);
                        self.read += read;
                        search.codes(codes);
                    }
                    Ask::Both(after, most) => {
                        let orders = self.orders.values().filter(|order| order.code > after && lets(order));
                        let codes = orders.filter(|order| search.has(order)).map(|order| order.code.clone());
                        let codes = codes.take(most).collect();
                        search.codes(codes);
                    }
                    Ask::Walk(after, most) => {
                        let seen: Vec<_> = self
                            .orders
                            .values()
                            .filter(|order| order.code > after && lets(order))
                            .take(most)
                            .collect();
                        self.read += seen.len();
                        let seen = seen.into_iter();
                        let seen = seen.map(|order| {
                            (order.code.clone(), search.has(order).then(|| order.code.to_string()))
                        });
                        let seen = seen.collect();
                        search.walked(seen);
                    }
                    Ask::Of(codes) => {
                        assert!(codes.is_sorted());
                        self.read += codes.len();
                        let orders = codes.iter().map(|code| &self.orders[code]).filter(|order| lets(order));
                        let seen = orders.map(|order| {
                            (order.code.clone(), search.has(order).then(|| order.code.to_string()))
                        });
                        let seen = seen.collect();
                        search.take(seen);
                    }
                }
            }
            search.found()
        }
    }

    fn order(n: usize) -> Order {
        // Every third is of one product, the products of the others begin alike, and the waybills fall as codes rise.
        let sku = if n.is_multiple_of(3) { "ONE".to_owned() } else { format!("SHIRT-{n}") };
        let status = if n.is_multiple_of(100) { "COMPLETE" } else { "CREATED" };
        serde_json::from_value(json!({"code": format!("O{n:05}"), "channel": "FK1", "channel_order_id": format!("{n}"),
            "status": status, "items": [{"code": "I", "sku": sku, "status": "CREATED", "facility": format!("F{}", n % 2)}],
            "packages": [{"code": "P", "status": "CREATED", "awb": format!("EK{:05}", 99_999 - n)}]}))
        .unwrap()
    }

    fn text(text: &str) -> OrderFilter {
        OrderFilter { text: Some(text.to_owned()), ..OrderFilter::default() }
    }

    #[test]
    fn page_by_page_every_order_is_found_once_by_code_however_many_there_are() {
        let mut kept = Kept::of((0..6_000).map(order));
        let complete = |filter: OrderFilter| OrderFilter { status: Some(OrderStatus::Complete), ..filter };
        let from = |filter: OrderFilter, code: &str| OrderFilter { facility: Some(code.into()), ..filter };
        let filters = [
            text("nothing"),
            text("o00007"),
            text("one"),
            text("shirt"),
            text("shirt-59"),
            text("o"),
            text("o059"),
            text("ek"),
            text("ek94"),
            complete(text("one")),
            complete(text("ek")),
            complete(text("shirt-1")),
            from(text("one"), "F1"),
            from(text("shirt"), "F0"),
            from(OrderFilter::default(), "F0"),
            from(OrderFilter::default(), "F2"),
            complete(from(OrderFilter::default(), "F1")),
            complete(from(OrderFilter::default(), "F0")),
        ];
        for filter in filters {
            let needles = Needles::of(&filter);
            let lets = |order: &&Order| {
                needles.are_in(order) && filter.status.is_none_or(|status| order.status == status)
            };
            let expected: Vec<String> =
                kept.orders.values().filter(lets).map(|order| order.code.to_string()).collect();
            for limit in [50, 700] {
                let (mut all, mut after) = (Vec::new(), String::new());
                loop {
                    let page = kept.search(&filter, &after, limit);
                    let Some(last) = page.last() else { break };
                    after.clone_from(last);
                    all.extend(page);
                }
                assert_eq!(all, expected, "{filter:?} by {limit}");
            }
        }
    }

    #[test]
    fn a_page_reads_little_of_what_there_is() {
        let mut kept = Kept::of((0..20_000).map(order));
        let mut reads = |filter: OrderFilter| {
            kept.read = 0;
            kept.search(&filter, "", 50);
            kept.read
        };
        assert_eq!(reads(text("nothing")), 0);
        assert_eq!(reads(text("o00007")), 2);
        assert_eq!(reads(text("o")), WALKED, "every order has it");
        let late = reads(text("o19"));
        assert_eq!(
            late,
            WALKED + 1_000 + 50,
            "they stand at the end: their words are read instead of the orders before"
        );
    }

    #[test]
    fn without_text_and_facility_nothing_is_searched() {
        assert!(Search::<()>::begin(&OrderFilter::default(), None, 10).is_none());
        assert!(Search::<()>::begin(&text(" "), None, 10).is_none());
    }
}
