//! The words that orders are found by, in their table.

use sqlx::AssertSqlSafe;

use super::{
    connections::Tx,
    fault::Fail,
    statement::{each, execute, first, text, with},
};
use crate::{
    domain::{
        codes::{OrderCode, TenantCode},
        snapshot::OrderFile,
    },
    storage::words::{BATCH, Changes, Span, Word, of},
};

/// Rows that one statement writes where they are many.
const ROWS: usize = 50_000;

/// Writes the words that orders got, and takes away those that they lost.
pub(super) async fn write(db: &mut Tx, tenant: &TenantCode, changes: &Changes<'_>) -> Result<(), Fail> {
    let columns = |words: &[(Word, &OrderCode)]| -> (Vec<i16>, Vec<String>, Vec<String>) {
        let kinds = words.iter().map(|(word, _)| word.kind as i16).collect();
        let texts = words.iter().map(|(word, _)| word.text.clone()).collect();
        (kinds, texts, words.iter().map(|(_, code)| code.to_string()).collect())
    };
    if !changes.gone.is_empty() {
        let (kinds, words, codes) = columns(&changes.gone);
        execute(
            db,
            "DELETE FROM order_words w USING unnest($2::smallint[], $3::text[], $4::text[]) AS k(kind, word, code)
             WHERE w.tenant = $1 AND w.kind = k.kind AND w.word = k.word AND w.code = k.code",
            with![tenant.as_str(), kinds, words, codes],
        )
        .await?;
    }
    if !changes.new.is_empty() {
        let (kinds, words, codes) = columns(&changes.new);
        execute(db, INSERT, with![tenant.as_str(), kinds, words, codes]).await?;
    }
    Ok(())
}

const INSERT: &str = "INSERT INTO order_words (tenant, kind, word, code)
     SELECT $1, k.* FROM unnest($2::smallint[], $3::text[], $4::text[]) AS k ON CONFLICT DO NOTHING";

/// The first and the last of these words.
pub(super) async fn ends(
    db: &mut Tx,
    tenant: &TenantCode,
    span: &Span,
) -> Result<Option<(String, String)>, Fail> {
    let condition = condition(span);
    let mut found = Vec::new();
    for order in ["ASC", "DESC"] {
        let sql = format!("SELECT word FROM order_words WHERE {condition} ORDER BY word {order} LIMIT 1");
        let given = with![tenant.as_str(), span.kind as i16, &span.from, &span.to];
        found.extend(first(db, AssertSqlSafe(sql), given, |row| text::<String>(row, 0)).await?);
    }
    Ok(match <[String; 2]>::try_from(found) {
        Ok([first, last]) => Some((first, last)),
        Err(_) => None,
    })
}

/// The codes of the orders that have these words, by code; one that has several comes several times.
pub(super) async fn codes(
    db: &mut Tx,
    tenant: &TenantCode,
    span: &Span,
    after: &OrderCode,
    limit: usize,
) -> Result<Vec<OrderCode>, Fail> {
    let condition = condition(span);
    let sql = format!("SELECT code FROM order_words WHERE {condition} AND code > $5 ORDER BY code LIMIT $6");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let given = with![tenant.as_str(), span.kind as i16, &span.from, &span.to, after.as_str(), limit];
    each(db, AssertSqlSafe(sql), given, |row| text(row, 0)).await
}

/// What must hold for words of a span, which is parameters 2 to 4.
fn condition(span: &Span) -> &'static str {
    if span.is_one() {
        "tenant = $1 AND kind = $2 AND word = $3 AND word = $4"
    } else {
        "tenant = $1 AND kind = $2 AND word >= $3 AND word < $4"
    }
}

/// Words of many orders, which are written in their own order: each place of the table is then touched once for many.
#[derive(Default)]
pub(super) struct Many(Vec<(Word, OrderCode)>);

impl Many {
    pub(super) async fn add(
        &mut self,
        db: &mut Tx,
        tenant: &TenantCode,
        files: &[OrderFile],
    ) -> Result<(), Fail> {
        let rows = files
            .iter()
            .flat_map(|OrderFile { order, .. }| of(order).into_iter().map(|word| (word, order.code.clone())));
        self.add_rows(db, tenant, rows.collect()).await
    }

    pub(super) async fn add_rows(
        &mut self,
        db: &mut Tx,
        tenant: &TenantCode,
        rows: Vec<(Word, OrderCode)>,
    ) -> Result<(), Fail> {
        self.0.extend(rows);
        if self.0.len() >= BATCH { self.write(db, tenant).await } else { Ok(()) }
    }

    pub(super) async fn write(&mut self, db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
        self.0.sort_unstable();
        for rows in self.0.chunks(ROWS) {
            let kinds: Vec<i16> = rows.iter().map(|(word, _)| word.kind as i16).collect();
            let words: Vec<&str> = rows.iter().map(|(word, _)| word.text.as_str()).collect();
            let codes: Vec<&str> = rows.iter().map(|(_, code)| code.as_str()).collect();
            execute(db, INSERT, with![tenant.as_str(), kinds, words, codes]).await?;
        }
        self.0.clear();
        Ok(())
    }
}
