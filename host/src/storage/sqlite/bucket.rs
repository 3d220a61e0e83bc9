//! Rate buckets: one instant each, when the bucket would be full again (the generic cell rate algorithm).

use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{execute, first},
};

pub(super) fn reserve(
    db: &Connection,
    account: &str,
    operation: &str,
    interval_ms: Millis,
    burst: u32,
    now: Millis,
) -> Result<Millis, Fail> {
    let full_at = first(
        db,
        "INSERT INTO buckets (account, operation, full_at) VALUES (?1, ?2, ?4 + ?3)
         ON CONFLICT (account, operation) DO UPDATE SET full_at = max(full_at, ?4) + ?3 RETURNING full_at",
        params![account, operation, interval_ms, now],
        |row| Ok(row.get::<_, Millis>(0)?),
    )?
    .unwrap_or(now);
    Ok((full_at - now - interval_ms * Millis::from(burst)).max(0))
}

pub(super) fn give_back(
    db: &Connection,
    account: &str,
    operation: &str,
    interval_ms: Millis,
) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE buckets SET full_at = full_at - ?3 WHERE account = ?1 AND operation = ?2",
        params![account, operation, interval_ms],
    )?;
    Ok(())
}
