//! A store's whole content as lines of text, the same whatever the engine: for backups, and for moving to another store.
//!
//! ```text
//! {"statusync_copy":1,"by":"0.1.0","taken_at":1768470600000}
//! {"part":{"tenant":"acme"}}
//! {"table":"orders","columns":["body","channel",…]}
//! ["{…}","FK1",…]
//! {"end":{"rows":1}}
//! ```
//! Each part is as of one instant, and is written and taken in one transaction. What a column means is the engines'
//! business; here rows are arrays of numbers, texts and nulls, with bytes as hexadecimal text. Secrets stay sealed.

use std::io::{self, BufRead, Write};

use plugin_api::Millis;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    Result, Store, StoreError,
    rows::{DERIVED, OF_CALLERS, TENANT_TABLES},
};
use crate::domain::codes::TenantCode;

const FORMAT: u32 = 1;
/// Tables with rows of no tenant; where a table has rows of tenants too, those without one have an empty code. Sessions
/// and answers to repeated requests are not copied: they would be honoured beside those of the host that goes on.
pub(super) const SHARED_TABLES: &[&str] = &["buckets", "breakers", "users", "api_keys", "roles", "actions"];
/// Tables that no copy has: sessions and answers are of this host, and where tenants are is so of this database only.
#[cfg(test)]
pub(super) const NOT_COPIED: &[&str] = &["requests", "sessions", "placements"];
/// Rows are taken in portions of about so many, and about so many bytes.
const PORTION_ROWS: usize = 500;
const PORTION_BYTES: usize = 512 << 10;
/// Portions that are read ahead.
const AHEAD: usize = 4;

/// Whose rows a part of a copy holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Those of no tenant.
    Shared,
    /// Those of a tenant.
    Tenant(TenantCode),
    /// Those of a tenant that moves to another database of the same installation: without what is kept of its callers,
    /// which stays where all callers are known, and with its rate buckets.
    Moving(TenantCode),
    /// What is kept of a tenant's callers.
    #[serde(skip)]
    Callers(TenantCode),
}

/// What becomes of a tenant that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landing {
    /// It is there.
    Here,
    /// It is [arriving](super::Stage::Arriving).
    Arriving,
}

impl Part {
    /// The tables that it is about.
    pub(super) fn tables(&self) -> Vec<&'static str> {
        let of_tenant = || TENANT_TABLES.iter().copied().filter(|table| !DERIVED.contains(table));
        match self {
            Part::Shared => SHARED_TABLES.to_vec(),
            Part::Tenant(_) => of_tenant().collect(),
            Part::Callers(_) => OF_CALLERS.to_vec(),
            Part::Moving(_) => {
                let own = of_tenant().filter(|table| !OF_CALLERS.contains(table));
                ["buckets"].into_iter().chain(own).collect()
            }
        }
    }

    /// Its tenant.
    pub(super) const fn tenant(&self) -> Option<&TenantCode> {
        match self {
            Part::Shared => None,
            Part::Tenant(code) | Part::Moving(code) | Part::Callers(code) => Some(code),
        }
    }

    /// How the accounts of its rate buckets begin, if it has those of one tenant.
    pub(super) fn accounts(&self, table: &str) -> Option<String> {
        match self {
            Part::Moving(code) if table == "buckets" => Some(format!("{code}/")),
            _ => None,
        }
    }
}

/// Rows of one table.
#[derive(Debug)]
pub struct Portion {
    pub(super) table: &'static str,
    /// By name, as the rows have them.
    pub(super) columns: Vec<String>,
    /// A JSON array of rows.
    pub(super) rows: String,
}

/// What a part consists of when it is taken.
#[derive(Debug)]
pub enum Piece {
    /// Rows.
    Rows(Portion),
    /// There are no more; without it nothing is kept.
    End,
}

/// What a copy holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// When it was made, UTC.
    pub taken_at: Millis,
    /// The tenants, in the order in which they stand in it.
    pub tenants: Vec<TenantCode>,
    /// Rows of all tables.
    pub rows: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    statusync_copy: u32,
    by: String,
    taken_at: Millis,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Mark {
    Part(Part),
    End { rows: u64 },
}

/// The line above the rows of a table.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableLine {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

/// Refuses a copy whose columns are not those of the store's own table.
pub(super) fn same_columns(portion: &Portion, own: &[String]) -> Result<()> {
    if portion.columns == own {
        return Ok(());
    }
    Err(StoreError::Contradiction(format!(
        "table {} of the copy has other columns than this version's ({} there, {} here); restore it with the statusync \
         that made it, and bring that up to date then",
        portion.table,
        portion.columns.join(", "),
        own.join(", ")
    )))
}

/// Writes everything that a store holds.
///
/// # Errors
/// Those of the store, and [`StoreError::Output`].
pub async fn write(store: &dyn Store, now: Millis, out: &mut (dyn Write + Send)) -> Result<Contents> {
    let tenants = store.tenants().await?.into_iter().map(|row| row.code);
    let parts: Vec<Part> = [Part::Shared].into_iter().chain(tenants.map(Part::Tenant)).collect();
    write_parts(store, &parts, now, out).await
}

/// Writes these parts of what a store holds.
pub(super) async fn write_parts(
    store: &dyn Store,
    parts: &[Part],
    now: Millis,
    out: &mut (dyn Write + Send),
) -> Result<Contents> {
    let mut contents = Contents { taken_at: now, ..Contents::default() };
    let head = Head { statusync_copy: FORMAT, by: env!("CARGO_PKG_VERSION").to_owned(), taken_at: now };
    line(out, &head)?;
    for part in parts {
        contents.tenants.extend(part.tenant().cloned());
        line(out, &Mark::Part(part.clone()))?;
        contents.rows += store.dump(part, out).await?;
    }
    line(out, &Mark::End { rows: contents.rows })?;
    out.flush().map_err(StoreError::Output)?;
    Ok(contents)
}

fn line<T: Serialize>(out: &mut (dyn Write + Send), content: &T) -> Result<()> {
    let text = serde_json::to_string(content).map_err(|error| StoreError::Output(error.into()))?;
    writeln!(out, "{text}").map_err(StoreError::Output)
}

/// Reads a copy to its end without keeping anything.
///
/// # Errors
/// [`StoreError::Contradiction`], naming the line, if it is not whole.
pub fn check(copy: impl BufRead) -> Result<Contents> {
    let mut contents = Contents::default();
    read(copy, |event| {
        match event {
            Event::Head(taken_at) => contents.taken_at = taken_at,
            Event::Part(part) => contents.tenants.extend(part.tenant().cloned()),
            Event::Rows(_, count) => contents.rows += count,
            Event::PartEnd => {}
        }
        true
    })?;
    Ok(contents)
}

/// Takes a copy into a store that has no tenants. Leases are not taken over: whoever held one when the copy was made
/// holds none here.
///
/// # Errors
/// [`StoreError::Exists`] if there are tenants; those of the store, and what [`check`] says. Whatever was taken until then is
/// removed again.
pub async fn take(store: &dyn Store, copy: impl BufRead + Send + 'static) -> Result<Contents> {
    if let Some(there) = store.tenants().await?.first() {
        return Err(StoreError::Exists(format!("tenant {} (a copy needs an empty store)", there.code)));
    }
    let taken = take_parts(store, copy, Landing::Here).await;
    if taken.is_err() {
        for tenant in store.tenants().await? {
            store.remove_tenant(&tenant.code).await?;
        }
    }
    taken
}

/// Takes the parts of a copy, whatever the store has.
pub(super) async fn take_parts(
    store: &dyn Store,
    copy: impl BufRead + Send + 'static,
    landing: Landing,
) -> Result<Contents> {
    let (events, arriving) = mpsc::channel(AHEAD);
    let reading =
        tokio::task::spawn_blocking(move || read(copy, |event| events.blocking_send(event).is_ok()));
    let taken = take_events(store, arriving, landing).await;
    // What is wrong with the copy itself says more than that a part of it ended.
    reading.await.map_err(|_| StoreError::Closed)??;
    taken
}

async fn take_events(
    store: &dyn Store,
    mut arriving: mpsc::Receiver<Event>,
    landing: Landing,
) -> Result<Contents> {
    let mut contents = Contents::default();
    while let Some(event) = arriving.recv().await {
        match event {
            Event::Head(taken_at) => contents.taken_at = taken_at,
            Event::Part(part) => {
                contents.tenants.extend(part.tenant().cloned());
                contents.rows += take_part(store, &part, &mut arriving, landing).await?;
            }
            Event::Rows(..) | Event::PartEnd => {}
        }
    }
    Ok(contents)
}

async fn take_part(
    store: &dyn Store,
    part: &Part,
    arriving: &mut mpsc::Receiver<Event>,
    landing: Landing,
) -> Result<u64> {
    let (pieces, taken) = mpsc::channel(AHEAD);
    let feeding = async {
        let mut rows = 0;
        while let Some(event) = arriving.recv().await {
            let piece = match event {
                Event::Rows(portion, count) => {
                    rows += count;
                    Piece::Rows(portion)
                }
                _ => Piece::End,
            };
            let is_end = matches!(piece, Piece::End);
            // A store that takes no more says why itself.
            if pieces.send(piece).await.is_err() || is_end {
                break;
            }
        }
        drop(pieces);
        rows
    };
    let (rows, loaded) = futures_util::future::join(feeding, store.load(part, taken, landing)).await;
    loaded.map(|()| rows)
}

/// What stands in a copy, in order.
enum Event {
    Head(Millis),
    Part(Part),
    Rows(Portion, u64),
    PartEnd,
}

/// Reads a copy; `tell` answers whether it is to go on.
fn read(copy: impl BufRead, mut tell: impl FnMut(Event) -> bool) -> Result<()> {
    let mut lines = Lines { of: copy, number: 0, text: String::new() };
    let head: Head = lines.next_as("the head of a copy")?;
    if head.statusync_copy != FORMAT {
        return Err(lines.wrong(&format!(
            "this is form {} of a copy, made by statusync {}; this one reads form {FORMAT}",
            head.statusync_copy, head.by
        )));
    }
    let mut going = tell(Event::Head(head.taken_at));
    let (mut part, mut table, mut open, mut rows, mut known) =
        (None::<Part>, None::<(&'static str, Vec<String>)>, String::new(), 0_u64, 0_u64);
    loop {
        if !going {
            return Ok(());
        }
        lines.advance()?;
        let is_row = lines.text.starts_with('[');
        let is_full = open.len() >= PORTION_BYTES || rows >= PORTION_ROWS as u64;
        if let Some((name, columns)) = table.as_ref().filter(|_| rows > 0 && (!is_row || is_full)) {
            open.push(']');
            let portion = Portion { table: name, columns: columns.clone(), rows: std::mem::take(&mut open) };
            known += rows;
            going = tell(Event::Rows(portion, std::mem::take(&mut rows)));
        }
        if is_row {
            if table.is_none() {
                return Err(lines.wrong("a row stands before its table"));
            }
            open.push(if open.is_empty() { '[' } else { ',' });
            open.push_str(lines.text.trim_end());
            rows += 1;
        } else if lines.text.starts_with("{\"table\"") {
            let line: TableLine = lines.this_as("the line of a table")?;
            let mut tables = part.iter().flat_map(Part::tables);
            let Some(name) = tables.find(|name| *name == line.table) else {
                return Err(lines.wrong(&format!("there is no table {} in this part", line.table)));
            };
            table = Some((name, line.columns));
        } else {
            let mark: Mark = lines.this_as("a part, a table, a row or the end")?;
            if part.is_some() {
                going = going && tell(Event::PartEnd);
            }
            match mark {
                Mark::Part(next) => {
                    (part, table) = (Some(next.clone()), None);
                    going = going && tell(Event::Part(next));
                }
                Mark::End { rows } if rows == known => return Ok(()),
                Mark::End { rows } => {
                    return Err(lines.wrong(&format!("the copy had {rows} rows and has {known}")));
                }
            }
        }
    }
}

struct Lines<R> {
    of: R,
    number: u64,
    text: String,
}

impl<R: BufRead> Lines<R> {
    fn advance(&mut self) -> Result<()> {
        self.number += 1;
        self.text.clear();
        match self.of.read_line(&mut self.text) {
            Ok(0) => Err(self.wrong("the copy ends here and is not whole")),
            Ok(_) if !self.text.ends_with('\n') => Err(self.wrong("the copy is cut in the middle of a line")),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.wrong("the copy ends here and is not whole"))
            }
            Err(error) => Err(self.wrong(&format!("it cannot be read: {error}"))),
        }
    }

    fn this_as<T: for<'a> Deserialize<'a>>(&self, what: &str) -> Result<T> {
        serde_json::from_str(&self.text).map_err(|error| self.wrong(&format!("this is not {what}: {error}")))
    }

    fn next_as<T: for<'a> Deserialize<'a>>(&mut self, what: &str) -> Result<T> {
        self.advance()?;
        self.this_as(what)
    }

    fn wrong(&self, problem: &str) -> StoreError {
        StoreError::Contradiction(format!("line {}: {problem}", self.number))
    }
}
