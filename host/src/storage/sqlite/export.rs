//! Writes a tenant's whole state as a snapshot, row by row, so that its size does not matter.

use plugin_api::Millis;
use rusqlite::Connection;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::mpsc::Sender;

use super::{
    fault::Fail,
    json::{json, other, record},
    load, setting,
};
use crate::{
    domain::{
        codes::TenantCode,
        duties::{Conflict, Parked, Putaway},
        effect::Change,
        invoice::{Invoice, Sequence},
        order::Order,
        snapshot::Channel,
        stock::Stock,
        time,
    },
    storage::StoreError,
};

/// Text is handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Hands the snapshot's text to `out`, from one reading transaction. Stops quietly if nobody listens any more.
pub(super) fn write(
    db: &mut Connection,
    tenant: &TenantCode,
    now: Millis,
    out: &Sender<Vec<u8>>,
) -> Result<(), Fail> {
    let tx = db.transaction()?;
    let row =
        setting::tenant(&tx, tenant)?.ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))?;
    let mut text = Text { db: &tx, tenant, out, piece: Vec::new(), gone: false };
    text.add(&format!("{{\"tenant\":{},\"live\":{}", json(tenant)?, row.live));
    text.list("facilities", &load::facilities(&tx, tenant)?)?;
    let year = time::financial_year(now);
    let mut sequences: Vec<Sequence> = load::sequences(&tx, tenant)?;
    for sequence in &mut sequences {
        sequence.financial_year.get_or_insert_with(|| year.clone());
    }
    text.list("sequences", &sequences)?;
    text.list::<Stock>("stock", &setting::stock(&tx, tenant)?)?;
    text.list::<Channel>("channels", &setting::channels(&tx, tenant)?)?;
    text.rows("orders", "SELECT body FROM orders WHERE tenant = ?1 ORDER BY code", |order: &mut Order| {
        for item in &mut order.items {
            item.allocated = Some(item.is_allocated());
        }
    })?;
    text.rows::<Invoice>(
        "invoices",
        "SELECT body FROM invoices WHERE tenant = ?1 ORDER BY owner, kind, financial_year, number",
        |_| {},
    )?;
    text.rows::<Putaway>(
        "putaways",
        "SELECT body FROM putaways WHERE tenant = ?1 ORDER BY length(code), code",
        |_| {},
    )?;
    text.rows::<Conflict>(
        "conflicts",
        "SELECT body FROM conflicts WHERE tenant = ?1 ORDER BY length(code), code",
        |_| {},
    )?;
    text.rows::<Parked>("parked", "SELECT body FROM parked WHERE tenant = ?1 ORDER BY id", |_| {})?;
    text.rows::<Change>("history", "SELECT body FROM history WHERE tenant = ?1 ORDER BY id", |_| {})?;
    text.add("}\n");
    text.hand_over();
    Ok(())
}

struct Text<'a> {
    db: &'a Connection,
    tenant: &'a TenantCode,
    out: &'a Sender<Vec<u8>>,
    piece: Vec<u8>,
    gone: bool,
}

impl Text<'_> {
    fn add(&mut self, text: &str) {
        self.piece.extend_from_slice(text.as_bytes());
        if self.piece.len() >= PIECE_BYTES {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let piece = std::mem::take(&mut self.piece);
        self.gone |= !self.gone && self.out.blocking_send(piece).is_err();
    }

    fn list<T: Serialize>(&mut self, name: &str, entries: &[T]) -> Result<(), Fail> {
        self.begin(name);
        for (at, entry) in entries.iter().enumerate() {
            self.entry(at, entry)?;
        }
        self.add("]");
        Ok(())
    }

    fn rows<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        sql: &str,
        fill: impl Fn(&mut T),
    ) -> Result<(), Fail> {
        self.begin(name);
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([self.tenant.as_str()])?;
        let mut at = 0;
        while let Some(row) = rows.next()?
            && !self.gone
        {
            let mut entry: T = record(name, row.get_ref(0)?.as_str().map_err(other)?)?;
            fill(&mut entry);
            self.entry(at, &entry)?;
            at += 1;
        }
        self.add("]");
        Ok(())
    }

    fn begin(&mut self, name: &str) {
        self.add(&format!(",\n\"{name}\":["));
    }

    fn entry<T: Serialize>(&mut self, at: usize, entry: &T) -> Result<(), Fail> {
        self.add(if at == 0 { "\n" } else { ",\n" });
        self.add(&json(entry)?);
        Ok(())
    }
}
