//! Writes a tenant's whole state as a snapshot, some hundred rows at a time, so that its size does not matter.

use plugin_api::Millis;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::Row as _;
use tokio::sync::mpsc::Sender;

use super::{
    connections::Tx,
    fault::Fail,
    load, setting,
    statement::{body, each, text, with},
};
use crate::{
    domain::{
        codes::TenantCode,
        duties::{Conflict, Parked, Putaway},
        effect::Change,
        invoice::Invoice,
        order::Order,
    },
    storage::{
        StoreError,
        export::{Text, shown_order, shown_sequences},
    },
};

/// Rows that one statement reads.
const ROWS: i64 = 500;

/// Hands the snapshot's text to `out`, from one reading transaction. Stops quietly if nobody listens any more.
pub(super) async fn write(
    db: &mut Tx,
    tenant: &TenantCode,
    now: Millis,
    out: &Sender<Vec<u8>>,
) -> Result<(), Fail> {
    let row =
        setting::tenant(db, tenant).await?.ok_or_else(|| StoreError::NotFound(format!("tenant {tenant}")))?;
    let mut text = Text::of(&row)?;
    text.list("facilities", &load::facilities(db, tenant).await?)?;
    text.list("sequences", &shown_sequences(load::sequences(db, tenant).await?, now))?;
    text.list("stock", &setting::stock(db, tenant).await?)?;
    text.list("channels", &setting::channels(db, tenant).await?)?;
    let mut rows = Rows { db, tenant, out, text, gone: false };
    rows.by_code::<Order>(
        "orders",
        "SELECT body, code FROM orders WHERE tenant = $1 AND code > $2 ORDER BY code LIMIT $3",
        shown_order,
    )
    .await?;
    rows.invoices().await?;
    rows.by_length::<Putaway>(
        "putaways",
        "SELECT body, code FROM putaways WHERE tenant = $1 AND (length(code), code) > (length($2), $2)
         ORDER BY length(code), code LIMIT $3",
    )
    .await?;
    rows.by_length::<Conflict>(
        "conflicts",
        "SELECT body, code FROM conflicts WHERE tenant = $1 AND (length(code), code) > (length($2), $2)
         ORDER BY length(code), code LIMIT $3",
    )
    .await?;
    rows.by_id::<Parked>(
        "parked",
        "SELECT body, id FROM parked WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .await?;
    rows.by_id::<Change>(
        "history",
        "SELECT body, id FROM history WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
    )
    .await?;
    rows.finish().await;
    Ok(())
}

/// Adds rows to the text, and hands over what there is enough of.
struct Rows<'a> {
    db: &'a mut Tx,
    tenant: &'a TenantCode,
    out: &'a Sender<Vec<u8>>,
    text: Text,
    gone: bool,
}

impl Rows<'_> {
    async fn by_code<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        sql: &'static str,
        fill: impl Fn(&mut T),
    ) -> Result<(), Fail> {
        self.text.begin(name);
        let mut after = String::new();
        loop {
            let found: Vec<(T, String)> =
                each(self.db, sql, with![self.tenant.as_str(), &after, ROWS], |row| {
                    Ok((body(row, 0, name)?, text(row, 1)?))
                })
                .await?;
            let Some((_, last)) = found.last() else { break };
            after.clone_from(last);
            for (mut entry, _) in found {
                fill(&mut entry);
                self.add(&entry).await?;
            }
            if self.gone {
                break;
            }
        }
        self.text.end();
        Ok(())
    }

    /// Codes that end in a number, by the number.
    async fn by_length<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        sql: &'static str,
    ) -> Result<(), Fail> {
        self.by_code::<T>(name, sql, |_| {}).await
    }

    async fn by_id<T: Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        sql: &'static str,
    ) -> Result<(), Fail> {
        self.text.begin(name);
        let mut after = i64::MIN;
        loop {
            let found: Vec<(T, i64)> = each(self.db, sql, with![self.tenant.as_str(), after, ROWS], |row| {
                Ok((body(row, 0, name)?, row.try_get(1)?))
            })
            .await?;
            let Some((_, last)) = found.last() else { break };
            after = *last;
            for (entry, _) in &found {
                self.add(entry).await?;
            }
            if self.gone {
                break;
            }
        }
        self.text.end();
        Ok(())
    }

    async fn invoices(&mut self) -> Result<(), Fail> {
        self.text.begin("invoices");
        let mut after: [String; 4] = Default::default();
        loop {
            let [owner, kind, year, number] = &after;
            let found: Vec<(Invoice, [String; 4])> = each(
                self.db,
                "SELECT body, owner, kind, financial_year, number FROM invoices
                 WHERE tenant = $1 AND (owner, kind, financial_year, number) > ($2, $3, $4, $5)
                 ORDER BY owner, kind, financial_year, number LIMIT $6",
                with![self.tenant.as_str(), owner, kind, year, number, ROWS],
                |row| {
                    let key = [text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?];
                    Ok((body(row, 0, "invoice")?, key))
                },
            )
            .await?;
            let Some((_, last)) = found.last() else { break };
            after.clone_from(last);
            for (entry, _) in &found {
                self.add(entry).await?;
            }
            if self.gone {
                break;
            }
        }
        self.text.end();
        Ok(())
    }

    async fn add<T: Serialize>(&mut self, entry: &T) -> Result<(), Fail> {
        self.text.entry(entry)?;
        if !self.gone
            && let Some(piece) = self.text.piece()
        {
            self.gone = self.out.send(piece).await.is_err();
        }
        Ok(())
    }

    async fn finish(self) {
        if !self.gone {
            let _nobody_listens_any_more = self.out.send(self.text.finish()).await;
        }
    }
}
