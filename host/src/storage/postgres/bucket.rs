//! What keeps calls within bounds: rate buckets, and breakers, texts that the caller makes.

use plugin_api::Millis;
use sqlx::Row as _;

use super::{
    connections::Tx,
    fault::Fail,
    lease,
    statement::{each, execute, first, text, with},
};
use crate::storage::{Call, Fence, Slot};

pub(super) async fn reserve(db: &mut Tx, call: &Call, fence: Option<&Fence>) -> Result<Slot, Fail> {
    if let Some(fence) = fence {
        // A page of the channel may be under way and hold its row: the next call does not wait for that.
        lease::not_passed(db, fence).await?;
    }
    let Call { account, operation, .. } = call;
    // A full bucket is made first, so that there is a row to lock: whoever comes at the same time waits.
    execute(
        db,
        "INSERT INTO buckets (account, operation, full_at) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
        with![account, operation],
    )
    .await?;
    let full_at = first(
        db,
        "SELECT full_at FROM buckets WHERE account = $1 AND operation = $2 FOR UPDATE",
        with![account, operation],
        |row| Ok(row.try_get::<Millis, _>(0)?),
    )
    .await?;
    let (slot, full_at) = call.answer(full_at.unwrap_or(0));
    if let Slot::Taken(_) = slot {
        execute(
            db,
            "UPDATE buckets SET full_at = $3 WHERE account = $1 AND operation = $2",
            with![account, operation, full_at],
        )
        .await?;
    }
    Ok(slot)
}

pub(super) async fn all(db: &mut Tx, account: &str) -> Result<Vec<(String, Millis)>, Fail> {
    let sql = "SELECT operation, full_at FROM buckets WHERE account = $1 ORDER BY operation COLLATE \"C\"";
    each(db, sql, with![account], |row| Ok((text(row, 0)?, row.try_get(1)?))).await
}

pub(super) async fn put_breaker(db: &mut Tx, subject: &str, body: &str) -> Result<(), Fail> {
    execute(
        db,
        "INSERT INTO breakers (subject, body) VALUES ($1, $2) ON CONFLICT (subject) DO UPDATE SET body = excluded.body",
        with![subject, body],
    )
    .await?;
    Ok(())
}

pub(super) async fn drop_breaker(db: &mut Tx, subject: &str) -> Result<(), Fail> {
    execute(db, "DELETE FROM breakers WHERE subject = $1", with![subject]).await?;
    Ok(())
}

pub(super) async fn breakers(db: &mut Tx, subjects: Option<&[String]>) -> Result<Vec<String>, Fail> {
    each(
        db,
        "SELECT body FROM breakers WHERE $1::text[] IS NULL OR subject = ANY($1) ORDER BY subject",
        with![subjects],
        |row| text(row, 0),
    )
    .await
}
