//! Statements with their parameters, and rows as records.

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Row as _, SqlSafeStr,
    postgres::{PgArguments, PgRow},
};

use super::{connections::Tx, fault::Fail};
use crate::storage::{StoreError, record};

/// The database's clock, in milliseconds: of this instant, not of the transaction's beginning.
macro_rules! now {
    () => {
        "(floor(extract(epoch FROM clock_timestamp()) * 1000))::bigint"
    };
}

/// The parameters of a statement, `$1` first.
macro_rules! with {
    () => {
        sqlx::postgres::PgArguments::default()
    };
    ($($value:expr),+ $(,)?) => {{
        let mut given = sqlx::postgres::PgArguments::default();
        $(
            sqlx::Arguments::add(&mut given, $value)
                .map_err(|error| $crate::storage::postgres::fault::Fail::Sql(sqlx::Error::Encode(error)))?;
        )+
        given
    }};
}

pub(super) use {now, with};

/// Another parameter, behind those that are given.
pub(super) fn and_with<'t, T>(given: &mut PgArguments, value: T) -> Result<(), Fail>
where
    T: sqlx::Encode<'t, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + 't,
{
    sqlx::Arguments::add(given, value).map_err(|error| Fail::Sql(sqlx::Error::Encode(error)))
}

fn query<'q>(
    db: &mut Tx,
    sql: impl SqlSafeStr,
    with: PgArguments,
) -> sqlx::query::Query<'q, sqlx::Postgres, PgArguments> {
    let sql = sql.into_sql_str();
    #[cfg(test)]
    db.statements.push(sql.as_str().to_owned());
    sqlx::query_with(sql, with).persistent(db.named)
}

/// Every row of a statement, read by `read`.
pub(super) async fn each<T>(
    db: &mut Tx,
    sql: impl SqlSafeStr,
    with: PgArguments,
    mut read: impl FnMut(&PgRow) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let query = query(db, sql, with);
    let rows = query.fetch_all(db.connection()).await?;
    rows.iter().map(&mut read).collect()
}

/// The first row of a statement, if there is one.
pub(super) async fn first<T>(
    db: &mut Tx,
    sql: impl SqlSafeStr,
    with: PgArguments,
    read: impl FnOnce(&PgRow) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let query = query(db, sql, with);
    let row = query.fetch_optional(db.connection()).await?;
    row.as_ref().map(read).transpose()
}

/// Executes a statement; answers how many rows it wrote.
pub(super) async fn execute(db: &mut Tx, sql: impl SqlSafeStr, with: PgArguments) -> Result<u64, Fail> {
    let query = query(db, sql, with);
    Ok(query.execute(db.connection()).await?.rows_affected())
}

/// The records of a statement's first column.
pub(super) async fn records<T: DeserializeOwned>(
    db: &mut Tx,
    what: &str,
    sql: impl SqlSafeStr,
    with: PgArguments,
) -> Result<Vec<T>, Fail> {
    each(db, sql, with, |row| body(row, 0, what)).await
}

/// The record in a column. `what` names it: `order`.
pub(super) fn body<T: DeserializeOwned>(row: &PgRow, column: usize, what: &str) -> Result<T, Fail> {
    Ok(record::record(what, row.try_get(column)?)?)
}

/// The record in a column that may be empty.
pub(super) fn body_or_null<T: DeserializeOwned>(
    row: &PgRow,
    column: usize,
    what: &str,
) -> Result<Option<T>, Fail> {
    let text: Option<&str> = row.try_get(column)?;
    Ok(text.map(|text| record::record(what, text)).transpose()?)
}

/// A code or another text in a column.
pub(super) fn text<T: From<String>>(row: &PgRow, column: usize) -> Result<T, Fail> {
    Ok(row.try_get::<String, _>(column)?.into())
}

/// A state from the name in a column.
pub(super) fn state<T>(
    row: &PgRow,
    column: usize,
    what: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Fail> {
    Ok(record::state(what, row.try_get(column)?, parse)?)
}

/// A count in a column.
pub(super) fn count(row: &PgRow, column: usize) -> Result<u64, Fail> {
    Ok(row.try_get::<i64, _>(column)?.unsigned_abs())
}

/// A record or a list as JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fail> {
    Ok(record::json(value)?)
}

/// Records as JSON texts: one parameter.
pub(super) fn bodies<'a, T: Serialize + 'a>(
    records: impl IntoIterator<Item = &'a T>,
) -> Result<Vec<String>, Fail> {
    records.into_iter().map(json).collect()
}

/// Executes a statement that must write `given` rows, none of which may belong to someone else.
pub(super) async fn write_all(
    db: &mut Tx,
    sql: impl SqlSafeStr,
    with: PgArguments,
    (given, otherwise): (usize, &str),
) -> Result<(), Fail> {
    let refused = || Fail::Store(StoreError::Contradiction(otherwise.to_owned()));
    match execute(db, sql, with).await {
        Ok(written) if usize::try_from(written) == Ok(given) => Ok(()),
        // 21000: the same key stands in the list twice.
        Err(fail) if fail.code() == Some("21000") => Err(refused()),
        Ok(_) => Err(refused()),
        Err(fail) => Err(fail),
    }
}
