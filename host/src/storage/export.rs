//! The text of a snapshot, made entry by entry, so that its size does not matter. The engines read the entries.

use std::io::Write;

use plugin_api::Millis;
use serde::Serialize;

use super::{Result, StoreError, TenantRow, record::json};
use crate::domain::{invoice::Sequence, order::Order, time, zone::Zone};

/// Text is handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// A snapshot in the making.
#[derive(Default)]
pub(super) struct Text {
    piece: Vec<u8>,
    is_first: bool,
}

impl Text {
    /// Begins the snapshot of a tenant.
    pub(super) fn of(tenant: &TenantRow) -> Result<Text> {
        let mut text = Text::default();
        text.add(&format!("{{\"tenant\":{},\"live\":{}", json(&tenant.code)?, tenant.live));
        if tenant.zone != Zone::default() {
            text.add(&format!(",\"zone\":{}", json(&tenant.zone)?));
        }
        Ok(text)
    }

    fn add(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
    }

    /// Begins a list; entries follow.
    pub(super) fn begin(&mut self, name: &str) {
        self.add(&format!(",\n\"{name}\":["));
        self.is_first = true;
    }

    /// Adds an entry to the list that was begun.
    pub(super) fn entry<T: Serialize>(&mut self, entry: &T) -> Result<()> {
        self.add(if self.is_first { "\n" } else { ",\n" });
        self.is_first = false;
        self.add(&json(entry)?);
        Ok(())
    }

    /// Ends the list that was begun.
    pub(super) fn end(&mut self) {
        self.add("]");
    }

    /// A whole list.
    pub(super) fn list<T: Serialize>(&mut self, name: &str, entries: &[T]) -> Result<()> {
        self.begin(name);
        for entry in entries {
            self.entry(entry)?;
        }
        self.end();
        Ok(())
    }

    /// A piece of the text, once there is enough of it.
    pub(super) fn piece(&mut self) -> Option<Vec<u8>> {
        (self.piece.len() >= PIECE_BYTES).then(|| std::mem::take(&mut self.piece))
    }

    /// The rest of it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.add("}\n");
        self.piece
    }
}

/// Number series as a snapshot shows them: with the year of the first draw to come where there was none yet.
pub(super) fn shown_sequences(mut sequences: Vec<Sequence>, now: Millis) -> Vec<Sequence> {
    let year = time::financial_year(now);
    for sequence in &mut sequences {
        sequence.financial_year.get_or_insert_with(|| year.clone());
    }
    sequences
}

/// An order as a snapshot shows it: it says of each item whose block it is.
pub(super) fn shown_order(order: &mut Order) {
    for item in &mut order.items {
        item.allocated = Some(item.is_allocated());
    }
}

/// Writes text as a store reads it.
pub(super) async fn passed_on<T>(
    reading: impl Future<Output = Result<T>>,
    mut arriving: tokio::sync::mpsc::Receiver<Vec<u8>>,
    out: &mut (dyn Write + Send),
) -> Result<T> {
    let writing = async move {
        while let Some(piece) = arriving.recv().await {
            out.write_all(&piece).map_err(StoreError::Output)?;
        }
        // Dropped with an error, the receiver tells the reader to stop.
        drop(arriving);
        out.flush().map_err(StoreError::Output)
    };
    let (written, read) = futures_util::future::join(writing, reading).await;
    written.and(read)
}
