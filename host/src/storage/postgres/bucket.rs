//! What keeps calls within bounds: rate buckets, one instant each, when the bucket would be full again (the generic cell
//! rate algorithm), and breakers, texts that the caller makes.

use plugin_api::Millis;
use sqlx::Row as _;

use super::{
    connections::Tx,
    fault::Fail,
    statement::{each, execute, first, text, with},
};

pub(super) async fn reserve(
    db: &mut Tx,
    account: &str,
    operation: &str,
    interval_ms: Millis,
    burst: u32,
    now: Millis,
) -> Result<Millis, Fail> {
    let full_at = first(
        db,
        "INSERT INTO buckets (account, operation, full_at) VALUES ($1, $2, $4 + $3)
         ON CONFLICT (account, operation) DO UPDATE SET full_at = greatest(buckets.full_at, $4) + $3 RETURNING full_at",
        with![account, operation, interval_ms, now],
        |row| Ok(row.try_get::<Millis, _>(0)?),
    )
    .await?
    .unwrap_or(now);
    Ok((full_at - now - interval_ms * Millis::from(burst)).max(0))
}

pub(super) async fn give_back(
    db: &mut Tx,
    account: &str,
    operation: &str,
    interval_ms: Millis,
) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE buckets SET full_at = full_at - $3 WHERE account = $1 AND operation = $2",
        with![account, operation, interval_ms],
    )
    .await?;
    Ok(())
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
