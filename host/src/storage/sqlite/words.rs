//! The words that orders are found by, in their table.

use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{each, first},
    save::Batch,
};
use crate::{
    domain::{
        codes::{OrderCode, TenantCode},
        snapshot::OrderFile,
    },
    storage::{
        StoreError,
        words::{BATCH, Changes, Span, Word, of, of_stored},
    },
};

/// Words that orders lost, to be taken away.
pub(super) fn gone(changes: &Changes<'_>) -> Result<Batch, Fail> {
    Batch::new(
        "DELETE FROM order_words WHERE tenant = ?1
           AND (kind, word, code) IN (SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?2))",
        &rows(&changes.gone),
    )
}

/// Words that orders got.
pub(super) fn new(changes: &Changes<'_>) -> Result<Batch, Fail> {
    Batch::new(
        "INSERT INTO order_words (tenant, kind, word, code)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?2) WHERE true
         ON CONFLICT DO NOTHING",
        &rows(&changes.new),
    )
}

fn rows<'a>(words: &'a [(Word, &OrderCode)]) -> Vec<(u8, &'a str, &'a OrderCode)> {
    words.iter().map(|(word, code)| (word.kind as u8, word.text.as_str(), *code)).collect()
}

/// The first and the last of these words.
pub(super) fn ends(
    db: &Connection,
    tenant: &TenantCode,
    span: &Span,
) -> Result<Option<(String, String)>, Fail> {
    let end = |order: &str| {
        let condition = condition(span);
        let sql = format!("SELECT word FROM order_words WHERE {condition} ORDER BY word {order} LIMIT 1");
        first(db, &sql, params![tenant.as_str(), span.kind as u8, span.from, span.to], |row| Ok(row.get(0)?))
    };
    Ok(end("ASC")?.zip(end("DESC")?))
}

/// The codes of the orders that have these words, by code; one that has several comes several times.
pub(super) fn codes(
    db: &Connection,
    tenant: &TenantCode,
    span: &Span,
    after: &OrderCode,
    limit: usize,
) -> Result<Vec<OrderCode>, Fail> {
    let condition = condition(span);
    let sql = format!("SELECT code FROM order_words WHERE {condition} AND code > ?5 ORDER BY code LIMIT ?6");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let given = params![tenant.as_str(), span.kind as u8, span.from, span.to, after.as_str(), limit];
    each(db, &sql, given, |row| Ok(row.get::<_, String>(0)?.into()))
}

/// What must hold for words of a span, which is parameters 2 to 4.
pub(super) fn condition(span: &Span) -> &'static str {
    if span.is_one() {
        "tenant = ?1 AND kind = ?2 AND word = ?3 AND word = ?4"
    } else {
        "tenant = ?1 AND kind = ?2 AND word >= ?3 AND word < ?4"
    }
}

/// Words of many orders, which are written in their own order: each place of the table is then touched once for many.
#[derive(Default)]
pub(super) struct Many(Vec<(String, Word, String)>);

impl Many {
    pub(super) fn add(
        &mut self,
        db: &Connection,
        (tenant, code): (&str, &str),
        words: impl IntoIterator<Item = Word>,
    ) -> Result<(), Fail> {
        self.0.extend(words.into_iter().map(|word| (tenant.to_owned(), word, code.to_owned())));
        if self.0.len() >= BATCH { self.write(db) } else { Ok(()) }
    }

    pub(super) fn add_files(
        &mut self,
        db: &Connection,
        tenant: &TenantCode,
        files: &[OrderFile],
    ) -> Result<(), Fail> {
        files
            .iter()
            .try_for_each(|file| self.add(db, (tenant.as_str(), file.order.code.as_str()), of(&file.order)))
    }

    pub(super) fn write(&mut self, db: &Connection) -> Result<(), Fail> {
        self.0.sort_unstable();
        let mut insert =
            db.prepare_cached("INSERT INTO order_words (tenant, kind, word, code) VALUES (?1, ?2, ?3, ?4)")?;
        for (tenant, word, code) in self.0.drain(..) {
            insert.execute(params![tenant, word.kind as u8, word.text, code])?;
        }
        Ok(())
    }
}

/// Writes the words of all orders that are there.
pub(super) fn fill(db: &Connection) -> Result<(), Fail> {
    let mut many = Many::default();
    let mut orders = db.prepare("SELECT tenant, code, channel_order_id, body FROM orders")?;
    let mut rows = orders.query([])?;
    while let Some(row) = rows.next()? {
        let text = |column: usize| -> Result<&str, Fail> {
            row.get_ref(column)?.as_str().map_err(super::json::other)
        };
        let (tenant, code) = (text(0)?, text(1)?);
        let words = of_stored(code, text(2)?, text(3)?).map_err(|error| {
            StoreError::Contradiction(format!("order {code} of tenant {tenant} cannot be read: {error}"))
        })?;
        many.add(db, (tenant, code), words)?;
    }
    many.write(db)
}
