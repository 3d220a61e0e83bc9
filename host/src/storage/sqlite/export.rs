//! Writes a tenant's whole state as a snapshot, row by row, so that its size does not matter.

use plugin_api::Millis;
use rusqlite::Connection;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::mpsc::Sender;

use super::{
    fault::Fail,
    json::{other, record},
    load, setting,
};
use crate::{
    domain::{
        codes::TenantCode,
        duties::{Conflict, Parked, Putaway},
        effect::Change,
        invoice::Invoice,
    },
    storage::{
        StoreError,
        export::{Text, shown_order, shown_sequences},
    },
};

/// Hands the snapshot's text to `out`, from one reading transaction. Stops quietly if nobody listens any more.
pub(super) fn write(
    db: &mut Connection,
    tenant: &TenantCode,
    now: Millis,
    out: &Sender<Vec<u8>>,
) -> Result<(), Fail> {
    let tx = db.transaction()?;
    let row = setting::moving_tenant(&tx, tenant)?
        .ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))?;
    let mut text = Text::of(&row)?;
    text.list("facilities", &load::facilities(&tx, tenant)?)?;
    text.list("sequences", &shown_sequences(load::sequences(&tx, tenant)?, now))?;
    text.list("stock", &setting::stock(&tx, tenant)?)?;
    text.list("channels", &setting::channels(&tx, tenant)?)?;
    let mut rows = Rows { db: &tx, tenant, out, text, gone: false };
    rows.add("orders", "SELECT body FROM orders WHERE tenant = ?1 ORDER BY code", shown_order)?;
    rows.add::<Invoice>(
        "invoices",
        "SELECT body FROM invoices WHERE tenant = ?1 ORDER BY owner, kind, financial_year, number",
        |_| {},
    )?;
    rows.add::<Putaway>(
        "putaways",
        "SELECT body FROM putaways WHERE tenant = ?1 ORDER BY length(code), code",
        |_| {},
    )?;
    rows.add::<Conflict>(
        "conflicts",
        "SELECT body FROM conflicts WHERE tenant = ?1 ORDER BY length(code), code",
        |_| {},
    )?;
    rows.add::<Parked>("parked", "SELECT body FROM parked WHERE tenant = ?1 ORDER BY id", |_| {})?;
    rows.add::<Change>("history", "SELECT body FROM history WHERE tenant = ?1 ORDER BY id", |_| {})?;
    rows.finish();
    Ok(())
}

/// Adds rows to the text, and hands over what there is enough of.
struct Rows<'a> {
    db: &'a Connection,
    tenant: &'a TenantCode,
    out: &'a Sender<Vec<u8>>,
    text: Text,
    gone: bool,
}

impl Rows<'_> {
    fn add<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        sql: &str,
        fill: impl Fn(&mut T),
    ) -> Result<(), Fail> {
        self.text.begin(name);
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query([self.tenant.as_str()])?;
        while let Some(row) = rows.next()?
            && !self.gone
        {
            let mut entry: T = record(name, row.get_ref(0)?.as_str().map_err(other)?)?;
            fill(&mut entry);
            self.text.entry(&entry)?;
            if let Some(piece) = self.text.piece() {
                self.gone = self.out.blocking_send(piece).is_err();
            }
        }
        self.text.end();
        Ok(())
    }

    fn finish(self) {
        if !self.gone {
            let _nobody_listens_any_more = self.out.blocking_send(self.text.finish());
        }
    }
}
