//! Rows as they are copied out of the file and into it.

use rusqlite::{Connection, params};
use tokio::sync::mpsc;

use super::{
    fault::Fail,
    json::{each, execute, first},
    moving, words,
};
use crate::{
    domain::codes::TenantCode,
    storage::{
        Landing, Stage, StoreError,
        copy::{Part, Piece, Portion, TableLine, same_columns},
        words::of_rows,
    },
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
        let has_tenant = columns.iter().any(|column| column.name == "tenant");
        let given = match (part.accounts(table), part.tenant()) {
            (Some(accounts), _) => {
                sql.push_str(" WHERE substr(account, 1, length(?1)) = ?1");
                Some(accounts)
            }
            (None, None) if !has_tenant => None,
            (None, tenant) => {
                sql.push_str(" WHERE tenant = ?1");
                Some(tenant.map_or_else(String::new, ToString::to_string))
            }
        };
        let mut statement = tx.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(given))?;
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
pub(super) fn load(
    db: &Connection,
    part: &Part,
    mut pieces: mpsc::Receiver<Piece>,
    landing: Landing,
) -> Result<(), Fail> {
    if let Some(code) = part.tenant()
        && moving::stage(db, code)?.is_some()
    {
        return Err(StoreError::Exists(format!("tenant {code}")).into());
    }
    let mut words = words::Many::default();
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Rows(portion)) => {
                insert(db, part, &portion)?;
                if let (Some(code), "orders") = (part.tenant(), portion.table) {
                    for (word, order) in of_rows(&portion.columns, &portion.rows)? {
                        words.add(db, (code.as_str(), order.as_str()), [word])?;
                    }
                }
            }
            Some(Piece::End) => break,
            None => return Err(StoreError::Contradiction("the copy ended too early".to_owned()).into()),
        }
    }
    let Some(code) = part.tenant() else { return Ok(()) };
    words.write(db)?;
    let sql = "UPDATE webhooks SET lease_holder = NULL, lease_until = 0 WHERE tenant = ?1";
    execute(db, sql, [code.as_str()])?;
    let stage = match landing {
        Landing::Here => Stage::Here,
        Landing::Arriving => Stage::Arriving,
    };
    if moving::set_stage(db, code, stage)? {
        return Ok(());
    }
    Err(StoreError::Contradiction(format!("the copy has no row of tenant {code}")).into())
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
    let check = part.tenant().map_or("", TenantCode::as_str);
    let or = match (part.tenant(), part.accounts(portion.table)) {
        (Some(_), None) => "",
        _ => " ON CONFLICT DO NOTHING",
    };
    let foreign = match (part.accounts(portion.table), names.iter().position(|name| name == "tenant")) {
        // By its name the account comes first.
        (Some(accounts), _) => Some(("substr(value ->> '$[0]', 1, length(?2))".to_owned(), accounts)),
        (None, Some(at)) => Some((format!("value ->> '$[{at}]'"), check.to_owned())),
        (None, None) => None,
    };
    if let Some((owner, expected)) = foreign {
        let others = format!("SELECT 1 FROM json_each(?1) WHERE {owner} IS NOT ?2 LIMIT 1");
        if first(db, &others, params![portion.rows, expected], |_| Ok(()))?.is_some() {
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
