//! What keeps calls within bounds: rate buckets, and breakers, texts that the caller makes.

use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{each, execute, first, json},
    lease,
};
use crate::storage::{Call, Fence, Slot};

pub(super) fn reserve(db: &Connection, call: &Call, fence: Option<&Fence>) -> Result<Slot, Fail> {
    if let Some(fence) = fence {
        lease::not_passed(db, fence)?;
    }
    let Call { account, operation, .. } = call;
    let full_at = first(
        db,
        "SELECT full_at FROM buckets WHERE account = ?1 AND operation = ?2",
        params![account, operation],
        |row| Ok(row.get::<_, Millis>(0)?),
    )?;
    let (slot, full_at) = call.answer(full_at.unwrap_or(0));
    if let Slot::Taken(_) = slot {
        execute(
            db,
            "INSERT INTO buckets (account, operation, full_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, operation) DO UPDATE SET full_at = excluded.full_at",
            params![account, operation, full_at],
        )?;
    }
    Ok(slot)
}

pub(super) fn all(db: &Connection, account: &str) -> Result<Vec<(String, Millis)>, Fail> {
    let sql = "SELECT operation, full_at FROM buckets WHERE account = ?1 ORDER BY operation";
    each(db, sql, [account], |row| Ok((row.get(0)?, row.get(1)?)))
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
