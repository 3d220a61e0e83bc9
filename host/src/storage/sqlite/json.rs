//! Records as JSON text, and lists of keys and rows as one JSON parameter.
//!
//! Rows of several values are taken apart by `jsonb_each`: `json_each` would print each row as text once for each of its values,
//! and parse that again. It serves where a row is a single value, or is itself what is stored.

use rusqlite::{CachedStatement, Connection, Params, Row};
use serde::{Serialize, de::DeserializeOwned};

use super::fault::Fail;
use crate::storage::{StoreError, record};

/// A record or a list as JSON text.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Fail> {
    Ok(record::json(value)?)
}

/// A record from the JSON text that was stored. `what` names it: `order`.
pub(super) fn record<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Fail> {
    Ok(record::record(what, text)?)
}

/// The records of a statement's first column.
pub(super) fn records<T: DeserializeOwned>(
    connection: &Connection,
    what: &str,
    sql: &str,
    params: impl Params,
) -> Result<Vec<T>, Fail> {
    each(connection, sql, params, |row| record(what, row.get_ref(0)?.as_str().map_err(other)?))
}

/// Every row of a statement, read by `read`.
pub(super) fn each<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut statement: CachedStatement<'_> = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}

/// The first row of a statement, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// Executes a statement; answers how many rows it wrote.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<usize, Fail> {
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// A column of another type than the schema's is a fault of the database.
pub(super) fn other(error: rusqlite::types::FromSqlError) -> Fail {
    Fail::Sql(error.into())
}

/// A state from the name that was stored.
pub(super) fn state<T>(what: &str, text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Fail> {
    Ok(record::state(what, text, parse)?)
}

/// The bodies of many rows as one parameter, beside the JSON list of their keys.
///
/// A body could be an element of that list, but then the engine would parse and print it again for each row. In SQL a
/// row takes its own by `CAST(substr(?n, start, length) AS TEXT)`.
#[derive(Default)]
pub(super) struct Bodies(Vec<u8>);

impl Bodies {
    /// Adds a body; answers where it starts, from 1, and its length, in bytes.
    pub(super) fn add<T: Serialize>(&mut self, body: &T) -> Result<(usize, usize), Fail> {
        let start = self.0.len();
        serde_json::to_writer(&mut self.0, body).map_err(|error| {
            StoreError::Contradiction(format!("a record cannot be written as JSON: {error}"))
        })?;
        Ok((start + 1, self.0.len() - start))
    }

    /// The parameter.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
