//! Rows as they are copied out of the file and into it.

use rusqlite::{Connection, params};
use tokio::sync::mpsc;

use super::{
    fault::Fail,
    json::{each, execute, first},
    setting,
};
use crate::storage::{
    StoreError,
    copy::{Part, Piece, Portion, TableLine, same_columns},
};

/// Text is handed over in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// A column, and whether it holds bytes.
struct Column {
    name: String,
    is_bytes: bool,
}

fn columns(db: &Connection, table: &str) -> Result<Vec<Column>, Fail> {
    each(db, "SELECT name, type FROM pragma_table_info(?1) ORDER BY name", [table], |row| {
        Ok(Column { name: row.get(0)?, is_bytes: row.get::<_, String>(1)? == "BLOB" })
    })
}

/// Hands the rows of a part over, from one reading transaction; answers how many. Stops quietly if nobody listens.
pub(super) fn dump(db: &mut Connection, part: &Part, out: &mpsc::Sender<Vec<u8>>) -> Result<u64, Fail> {
    let tx = db.transaction()?;
    let (mut piece, mut count) = (Vec::new(), 0);
    for table in part.tables() {
        let columns = columns(&tx, table)?;
        let line = TableLine {
            table: (*table).to_owned(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
        };
        piece.extend_from_slice(super::json::json(&line)?.as_bytes());
        piece.push(b'\n');
        let values: Vec<String> = columns
            .iter()
            .map(|column| if column.is_bytes { format!("hex({})", column.name) } else { column.name.clone() })
            .collect();
        let mut sql = format!("SELECT json_array({}) FROM {table}", values.join(", "));
        let tenant = match part {
            Part::Shared if columns.iter().any(|column| column.name == "tenant") => {
                sql.push_str(" WHERE tenant = ?");
                Some("")
            }
            Part::Shared => None,
            Part::Tenant(code) => {
                sql.push_str(" WHERE tenant = ?");
                Some(code.as_str())
            }
        };
        let mut statement = tx.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(tenant))?;
        while let Some(row) = rows.next()? {
            piece.extend_from_slice(row.get_ref(0)?.as_bytes().map_err(super::json::other)?);
            piece.push(b'\n');
            count += 1;
            if piece.len() >= PIECE_BYTES && out.blocking_send(std::mem::take(&mut piece)).is_err() {
                return Ok(count);
            }
        }
    }
    // Whoever does not listen any more has said why.
    let _ = out.blocking_send(piece);
    Ok(count)
}

/// Takes the rows of a part, in the transaction that the caller opened.
pub(super) fn load(db: &Connection, part: &Part, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Fail> {
    if let Part::Tenant(code) = part
        && setting::tenant(db, code)?.is_some()
    {
        return Err(StoreError::Exists(format!("tenant {code}")).into());
    }
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Rows(portion)) => insert(db, part, &portion)?,
            Some(Piece::End) => break,
            None => return Err(StoreError::Contradiction("the copy ended too early".to_owned()).into()),
        }
    }
    let Part::Tenant(code) = part else { return Ok(()) };
    let found = first(db, "SELECT 1 FROM tenants WHERE tenant = ?1", [code.as_str()], |_| Ok(()))?;
    if found.is_none() {
        return Err(StoreError::Contradiction(format!("the copy has no row of tenant {code}")).into());
    }
    let sql = "UPDATE webhooks SET lease_holder = NULL, lease_until = 0 WHERE tenant = ?1";
    execute(db, sql, [code.as_str()])?;
    execute(
        db,
        "UPDATE channels SET lease_epoch = lease_epoch + 1, lease_holder = NULL, lease_since = NULL, lease_until = 0
         WHERE tenant = ?1",
        [code.as_str()],
    )?;
    Ok(())
}

fn insert(db: &Connection, part: &Part, portion: &Portion) -> Result<(), Fail> {
    let columns = columns(db, portion.table)?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    same_columns(portion, &names)?;
    let values: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| {
            let value = format!("value ->> '$[{at}]'");
            if column.is_bytes { format!("unhex({value})") } else { value }
        })
        .collect();
    // What is shared may be there already, and is newer than the copy.
    let (check, or) = match part {
        Part::Shared => (String::new(), " ON CONFLICT DO NOTHING"),
        Part::Tenant(code) => (code.to_string(), ""),
    };
    if let Some(at) = names.iter().position(|name| name == "tenant") {
        let others = format!("SELECT 1 FROM json_each(?1) WHERE value ->> '$[{at}]' IS NOT ?2 LIMIT 1");
        if first(db, &others, params![portion.rows, check], |_| Ok(()))?.is_some() {
            let table = portion.table;
            let problem = format!("table {table} has a row that is not of tenant {check}");
            return Err(StoreError::Contradiction(problem).into());
        }
    }
    let sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM json_each(?1) WHERE true{or}",
        portion.table,
        names.join(", "),
        values.join(", ")
    );
    execute(db, &sql, [&portion.rows])?;
    Ok(())
}
