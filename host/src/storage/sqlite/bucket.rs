//! What keeps calls within bounds: rate buckets, one instant each, when the bucket would be full again (the generic cell
//! rate algorithm), and breakers, texts that the caller makes.

use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{each, execute, first, json},
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

pub(super) fn put_breaker(db: &Connection, subject: &str, body: &str) -> Result<(), Fail> {
    execute(
        db,
        "INSERT INTO breakers (subject, body) VALUES (?1, ?2) ON CONFLICT (subject) DO UPDATE SET body = excluded.body",
        params![subject, body],
    )?;
    Ok(())
}

pub(super) fn drop_breaker(db: &Connection, subject: &str) -> Result<(), Fail> {
    execute(db, "DELETE FROM breakers WHERE subject = ?1", [subject])?;
    Ok(())
}

pub(super) fn breakers(db: &Connection, subjects: Option<&[String]>) -> Result<Vec<String>, Fail> {
    let read = |row: &rusqlite::Row<'_>| Ok(row.get(0)?);
    match subjects {
        None => each(db, "SELECT body FROM breakers ORDER BY subject", [], read),
        Some(subjects) => each(
            db,
            "SELECT body FROM breakers WHERE subject IN (SELECT value FROM json_each(?1)) ORDER BY subject",
            [json(&subjects)?],
            read,
        ),
    }
}
