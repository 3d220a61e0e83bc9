//! Rows as they are copied out of the database and into it.

use sqlx::AssertSqlSafe;
use tokio::sync::mpsc;

use super::{
    connections::Tx,
    fault::Fail,
    moving,
    scope::{Scope, turn_to},
    setting,
    statement::{each, execute, first, json, text, with},
    words,
};
use crate::{
    domain::codes::TenantCode,
    storage::{
        Landing, Stage, StoreError,
        copy::{Part, Piece, Portion, TableLine, same_columns},
        words::of_rows,
    },
};

/// Rows that one statement reads.
const ROWS: u32 = 500;

/// A column, and how its values stand in a copy.
struct Column {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Flag,
    Text,
    Bytes,
}

impl Column {
    /// Its value as a copy has it.
    fn out(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Number | Kind::Text => name.clone(),
            Kind::Flag => format!("{name}::int"),
            Kind::Bytes => format!("encode({name}, 'hex')"),
        }
    }

    /// Its value from the copy's row `row`, where it stands at `at`.
    fn taken(&self, at: usize) -> String {
        match self.kind {
            Kind::Number => format!("(row ->> {at})::bigint"),
            Kind::Flag => format!("(row ->> {at})::int::boolean"),
            Kind::Text => format!("row ->> {at}"),
            Kind::Bytes => format!("decode(row ->> {at}, 'hex')"),
        }
    }
}

async fn columns(db: &mut Tx, table: &str) -> Result<Vec<Column>, Fail> {
    let sql = "SELECT attname::text, atttypid::regtype::text FROM pg_attribute
               WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname COLLATE \"C\"";
    each(db, sql, with![table], |row| {
        let kind = match text::<String>(row, 1)?.as_str() {
            "boolean" => Kind::Flag,
            "bytea" => Kind::Bytes,
            "text" => Kind::Text,
            _ => Kind::Number,
        };
        Ok(Column { name: text(row, 0)?, kind })
    })
    .await
}

/// Hands the rows of a part over; answers how many. Stops quietly if nobody listens.
pub(super) async fn dump(db: &mut Tx, part: &Part, out: &mpsc::Sender<Vec<u8>>) -> Result<u64, Fail> {
    let mut count = 0;
    for table in part.tables() {
        let columns = columns(db, table).await?;
        let line = TableLine {
            table: (*table).to_owned(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
        };
        let mut piece = json(&line)?.into_bytes();
        piece.push(b'\n');
        let values: Vec<String> = columns.iter().map(Column::out).collect();
        let has_tenant = columns.iter().any(|column| column.name == "tenant");
        let accounts = part.accounts(table);
        let (of, given) = match (&accounts, part.tenant()) {
            (Some(accounts), _) => (" WHERE starts_with(account, $1)", with![accounts]),
            (None, None) if !has_tenant => ("", with![]),
            (None, tenant) => (" WHERE tenant = $1", with![tenant.map_or("", TenantCode::as_str)]),
        };
        if accounts.is_some() {
            turn_to(db, &Scope::Host).await?;
        }
        let sql = format!(
            "DECLARE copied NO SCROLL CURSOR FOR SELECT json_build_array({})::text FROM {table}{of}",
            values.join(", ")
        );
        execute(db, AssertSqlSafe(sql), given).await?;
        loop {
            let fetch = format!("FETCH {ROWS} FROM copied");
            let rows: Vec<String> = each(db, AssertSqlSafe(fetch), with![], |row| text(row, 0)).await?;
            let is_last = rows.is_empty();
            count += rows.len() as u64;
            for row in rows {
                piece.extend_from_slice(row.as_bytes());
                piece.push(b'\n');
            }
            if out.send(std::mem::take(&mut piece)).await.is_err() {
                return Ok(count);
            }
            if is_last {
                break;
            }
        }
        execute(db, "CLOSE copied", with![]).await?;
        if accounts.is_some()
            && let Some(code) = part.tenant()
        {
            turn_to(db, &Scope::Moving(code.clone())).await?;
        }
    }
    Ok(count)
}

/// Takes the rows of a part, in the transaction that the caller opened.
pub(super) async fn load(
    db: &mut Tx,
    part: &Part,
    mut pieces: mpsc::Receiver<Piece>,
    landing: Landing,
) -> Result<(), Fail> {
    if let Some(code) = part.tenant() {
        moving::forget_mark(db, code).await?;
        if setting::tenant(db, code).await?.is_some() {
            return Err(StoreError::Exists(format!("tenant {code}")).into());
        }
    }
    let mut words = words::Many::default();
    loop {
        match pieces.recv().await {
            Some(Piece::Rows(portion)) => {
                insert(db, part, &portion).await?;
                if let (Some(code), "orders") = (part.tenant(), portion.table) {
                    words.add_rows(db, code, of_rows(&portion.columns, &portion.rows)?).await?;
                }
            }
            Some(Piece::End) => break,
            None => return Err(StoreError::Contradiction("the copy ended too early".to_owned()).into()),
        }
    }
    let Some(code) = part.tenant() else { return Ok(()) };
    words.write(db, code).await?;
    // Runs go on behind the highest number that came.
    execute(
        db,
        "SELECT setval('run_ids', greatest((SELECT max(id) FROM runs WHERE tenant = $1), s.last_value), s.is_called
             OR EXISTS (SELECT 1 FROM runs WHERE tenant = $1)) FROM run_ids s",
        with![code.as_str()],
    )
    .await?;
    execute(
        db,
        "SELECT setval('outbox_ids', greatest((SELECT max(id) FROM outbox WHERE tenant = $1), s.last_value), s.is_called
             OR EXISTS (SELECT 1 FROM outbox WHERE tenant = $1)) FROM outbox_ids s",
        with![code.as_str()],
    )
    .await?;
    execute(
        db,
        "UPDATE webhooks SET lease_holder = NULL, lease_until = 0 WHERE tenant = $1",
        with![code.as_str()],
    )
    .await?;
    let stage = match landing {
        Landing::Here => Stage::Here,
        Landing::Arriving => Stage::Arriving,
    };
    if moving::set_stage(db, code, stage).await? {
        return Ok(());
    }
    Err(StoreError::Contradiction(format!("the copy has no row of tenant {code}")).into())
}

async fn insert(db: &mut Tx, part: &Part, portion: &Portion) -> Result<(), Fail> {
    let columns = columns(db, portion.table).await?;
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    same_columns(portion, &names)?;
    let accounts = part.accounts(portion.table);
    let foreign = match (&accounts, part.tenant(), names.iter().position(|name| name == "tenant")) {
        // By its name the account comes first.
        (Some(accounts), ..) => Some(("left(row ->> 0, length($2))".to_owned(), accounts.as_str())),
        (None, Some(code), Some(at)) => Some((format!("row ->> {at}"), code.as_str())),
        _ => None,
    };
    if let Some((owner, expected)) = foreign {
        let others = format!(
            "SELECT 1 FROM jsonb_array_elements($1::jsonb) AS row WHERE {owner} IS DISTINCT FROM $2 LIMIT 1"
        );
        let given = with![portion.rows.as_str(), expected];
        if first(db, AssertSqlSafe(others), given, |_| Ok(())).await?.is_some() {
            let (table, code) = (portion.table, part.tenant().map_or("", TenantCode::as_str));
            let problem = format!("table {table} has a row that is not of tenant {code}");
            return Err(StoreError::Contradiction(problem).into());
        }
    }
    let values: Vec<String> = columns.iter().enumerate().map(|(at, column)| column.taken(at)).collect();
    // What is shared may be there already, and is newer than the copy.
    let or = match (part.tenant(), &accounts) {
        (Some(_), None) => "",
        _ => " ON CONFLICT DO NOTHING",
    };
    let sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM jsonb_array_elements($1::jsonb) AS row{or}",
        portion.table,
        names.join(", "),
        values.join(", ")
    );
    if accounts.is_some() {
        turn_to(db, &Scope::Host).await?;
    }
    execute(db, AssertSqlSafe(sql), with![portion.rows.as_str()]).await?;
    if accounts.is_some()
        && let Some(code) = part.tenant()
    {
        turn_to(db, &Scope::Moving(code.clone())).await?;
    }
    Ok(())
}
