//! What orders share while a page is decided: stock, number series, used numbers, and the counters behind `PA1` and `CF1`.
//!
//! A decision may be taken back (a refusal leaves no trace), so every change is noted and can be undone to a mark.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use plugin_api::Millis;

use super::{
    codes::{FacilityCode, OwnerCode, Sku},
    invoice::{BadNumber, Sequence, SequenceKind, UsedNumbers, check_form},
    stock::Stock,
    time,
};

/// Where a product lies.
pub type StockKey = (FacilityCode, Sku);
/// Whose series, of what.
pub type SequenceKey = (OwnerCode, SequenceKind);

/// The counters behind the codes of duties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The last `PA` number given.
    pub putaways: u64,
    /// The last `CF` number given.
    pub conflicts: u64,
}

/// The shared state of a page. Load every row that the page's orders may touch before deciding.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    stock: BTreeMap<StockKey, Stock>,
    sequences: BTreeMap<SequenceKey, Sequence>,
    used: UsedNumbers,
    counters: Counters,
    dirty_stock: BTreeSet<StockKey>,
    dirty_sequences: BTreeSet<SequenceKey>,
    undo: Vec<Undo>,
}

#[derive(Clone, Debug)]
enum Undo {
    Stock(StockKey, Option<Stock>),
    Sequence(SequenceKey, Sequence),
    Used((OwnerCode, SequenceKind, String, String)),
    Counters(Counters),
}

/// A point to go back to.
#[derive(Clone, Copy, Debug)]
pub struct LedgerMark(usize);

/// The rows that changed.
#[derive(Clone, Debug, Default)]
pub struct LedgerChanges {
    /// Stock rows, as they are now.
    pub stock: Vec<Stock>,
    /// Series, as they are now.
    pub sequences: Vec<Sequence>,
    /// The counters, if they moved.
    pub counters: Option<Counters>,
}

impl Ledger {
    /// A ledger of loaded rows. `used` must hold every used number among those that the series may give next.
    pub fn new(
        stock: impl IntoIterator<Item = Stock>,
        sequences: impl IntoIterator<Item = Sequence>,
        used: HashSet<(OwnerCode, SequenceKind, String, String)>,
        counters: Counters,
    ) -> Self {
        Ledger {
            stock: stock.into_iter().map(|row| ((row.facility.clone(), row.sku.clone()), row)).collect(),
            sequences: sequences.into_iter().map(|row| ((row.owner.clone(), row.kind), row)).collect(),
            used,
            counters,
            ..Ledger::default()
        }
    }

    /// Stock of a product; zero where there is no row.
    pub fn stock(&self, key: &StockKey) -> Stock {
        self.stock.get(key).cloned().unwrap_or_else(|| Stock::none(key.0.clone(), key.1.clone()))
    }

    /// Changes stock of a product.
    pub fn change_stock(&mut self, key: &StockKey, change: impl FnOnce(&mut Stock)) {
        let mut row = self.stock(key);
        change(&mut row);
        self.undo.push(Undo::Stock(key.clone(), self.stock.insert(key.clone(), row)));
        self.dirty_stock.insert(key.clone());
    }

    /// Whether a series is defined.
    pub fn has_sequence(&self, key: &SequenceKey) -> bool {
        self.sequences.contains_key(key)
    }

    /// The instant that a series numbers for, see [`Sequence::instant`].
    pub fn instant(&self, key: &SequenceKey, now: Millis) -> Millis {
        self.sequences.get(key).map_or(now, |series| series.instant(now))
    }

    /// Draws the next number of a series; `None` if it is not defined.
    pub fn draw(&mut self, key: &SequenceKey, now: Millis) -> Option<String> {
        let series = self.sequences.get_mut(key)?;
        self.undo.push(Undo::Sequence(key.clone(), series.clone()));
        self.dirty_sequences.insert(key.clone());
        Some(series.draw(now))
    }

    /// Takes an invoice number for good, if its form and its year allow.
    pub fn use_number(
        &mut self,
        owner: &OwnerCode,
        kind: SequenceKind,
        number: &str,
        now: Millis,
        form: bool,
    ) -> Result<(), BadNumber> {
        if form {
            check_form(number)?;
        }
        let key = (owner.clone(), kind, time::financial_year(now), number.to_owned());
        if !self.used.insert(key.clone()) {
            return Err(BadNumber::AlreadyUsed);
        }
        self.undo.push(Undo::Used(key));
        Ok(())
    }

    /// The next putaway code.
    pub fn putaway_code(&mut self) -> String {
        self.undo.push(Undo::Counters(self.counters));
        self.counters.putaways += 1;
        format!("PA{}", self.counters.putaways)
    }

    /// The next conflict code.
    pub fn conflict_code(&mut self) -> String {
        self.undo.push(Undo::Counters(self.counters));
        self.counters.conflicts += 1;
        format!("CF{}", self.counters.conflicts)
    }

    /// Where the ledger stands.
    pub fn mark(&self) -> LedgerMark {
        LedgerMark(self.undo.len())
    }

    /// Takes back everything since the mark.
    pub fn roll_back(&mut self, to: LedgerMark) {
        while self.undo.len() > to.0 {
            match self.undo.pop() {
                Some(Undo::Stock(key, Some(row))) => drop(self.stock.insert(key, row)),
                Some(Undo::Stock(key, None)) => drop(self.stock.remove(&key)),
                Some(Undo::Sequence(key, row)) => drop(self.sequences.insert(key, row)),
                Some(Undo::Used(key)) => drop(self.used.remove(&key)),
                Some(Undo::Counters(counters)) => self.counters = counters,
                None => {}
            }
        }
    }

    /// The rows to write. `before` are the counters as they were loaded.
    pub fn changes(&self, before: Counters) -> LedgerChanges {
        LedgerChanges {
            stock: self.dirty_stock.iter().filter_map(|key| self.stock.get(key).cloned()).collect(),
            sequences: self
                .dirty_sequences
                .iter()
                .filter_map(|key| self.sequences.get(key).cloned())
                .collect(),
            counters: (self.counters != before).then_some(self.counters),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StockKey {
        ("DEL1".into(), "A".into())
    }

    fn series() -> SequenceKey {
        ("DEL1".into(), SequenceKind::SaleInvoice)
    }

    fn ledger() -> Ledger {
        let sequence = Sequence {
            owner: "DEL1".into(),
            kind: SequenceKind::SaleInvoice,
            prefix: "A/".to_owned(),
            width: 1,
            next: 7,
            reset: true,
            next_year_prefix: None,
            financial_year: None,
        };
        let untouched = Stock::none("DEL1".into(), "B".into());
        Ledger::new([untouched], [sequence], HashSet::new(), Counters::default())
    }

    fn change_everything(ledger: &mut Ledger) {
        ledger.change_stock(&key(), |row| row.on_hand += 2);
        assert_eq!(ledger.draw(&series(), 0).as_deref(), Some("A/7"));
        assert_eq!(ledger.use_number(&"DEL1".into(), SequenceKind::SaleInvoice, "A/7", 0, true), Ok(()));
        assert_eq!((ledger.putaway_code(), ledger.conflict_code()), ("PA1".to_owned(), "CF1".to_owned()));
    }

    #[test]
    fn what_changed_is_written_and_nothing_else() {
        let mut ledger = ledger();
        let none = ledger.changes(Counters::default());
        assert!(none.stock.is_empty() && none.sequences.is_empty() && none.counters.is_none());
        change_everything(&mut ledger);
        let changes = ledger.changes(Counters::default());
        assert_eq!(changes.stock, [Stock { on_hand: 2, ..Stock::none("DEL1".into(), "A".into()) }]);
        assert_eq!(changes.sequences.iter().map(|row| row.next).collect::<Vec<_>>(), [8]);
        assert_eq!(changes.counters, Some(Counters { putaways: 1, conflicts: 1 }));
        assert_eq!(ledger.changes(Counters { putaways: 1, conflicts: 1 }).counters, None);
    }

    #[test]
    fn going_back_to_a_mark_takes_back_what_came_after_it_and_no_more() {
        let mut ledger = ledger();
        ledger.change_stock(&key(), |row| row.on_hand = 5);
        let mark = ledger.mark();
        change_everything(&mut ledger);
        ledger.roll_back(mark);
        assert_eq!(ledger.stock(&key()).on_hand, 5);
        change_everything(&mut ledger);
    }

    #[test]
    fn a_series_that_is_not_defined_gives_nothing() {
        let mut ledger = ledger();
        assert!(ledger.has_sequence(&series()));
        let other = ("DEL1".into(), SequenceKind::ShippingPackage);
        assert!(!ledger.has_sequence(&other));
        assert_eq!(ledger.draw(&other, 0), None);
    }

    #[test]
    fn a_number_is_used_once_and_its_form_matters_only_where_it_is_ours() {
        let mut ledger = ledger();
        let mut take = |number: &str, form| {
            ledger.use_number(&"DEL1".into(), SequenceKind::SaleInvoice, number, 0, form)
        };
        assert_eq!(take("A 7", true), Err(BadNumber::BadCharacter));
        assert_eq!(take("A 7", false), Ok(()));
        assert_eq!(take("A 7", false), Err(BadNumber::AlreadyUsed));
    }
}
