//! Leases on channel rows, by the database's clock.

use plugin_api::Millis;
use sqlx::Row as _;

use super::{
    connections::Tx,
    fault::Fail,
    statement::{execute, first, now, text, with},
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{Claim, Fence, NewRun, StoreError, Trigger, lease::WANTED_MS},
};

pub(super) async fn claim(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    holder: &str,
    ttl_ms: Millis,
    run: Option<&(NewRun, Option<i64>)>,
) -> Result<Claim, Fail> {
    let (run, number) = run.map(|(run, number)| (run, *number)).unzip();
    if let Some(run) = run.filter(|run| run.only_if_due) {
        // Whoever ends a run of the channel meanwhile is waited for, and seen.
        let lock = "SELECT 1 FROM channels WHERE tenant = $1 AND code = $2 FOR NO KEY UPDATE";
        execute(db, lock, with![tenant.as_str(), channel.as_str()]).await?;
        if !super::task::is_due(db, run).await? {
            return Ok(Claim::NotDue);
        }
    }
    let is_person = run.is_none_or(|run| run.trigger != Trigger::Timer);
    let epoch = first(
        db,
        concat!(
            "UPDATE channels SET lease_epoch = lease_epoch + 1, lease_holder = $3, lease_since = ",
            now!(),
            ", lease_until = ",
            now!(),
            " + $4, wanted_until = 0 WHERE tenant = $1 AND code = $2 AND lease_until <= ",
            now!(),
            " AND ($5 OR wanted_until <= ",
            now!(),
            ") RETURNING lease_epoch"
        ),
        with![tenant.as_str(), channel.as_str(), holder, ttl_ms, is_person],
        |row| Ok(row.try_get::<i64, _>(0)?),
    )
    .await?;
    if let Some(epoch) = epoch {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let fence = Fence { tenant, channel, holder: holder.to_owned(), epoch };
        let run = match run {
            Some(run) => Some(super::run::begin(db, run, number.flatten()).await?),
            None => None,
        };
        return Ok(Claim::Got(fence, run));
    }
    if is_person {
        execute(
            db,
            concat!("UPDATE channels SET wanted_until = ", now!(), " + $3 WHERE tenant = $1 AND code = $2"),
            with![tenant.as_str(), channel.as_str(), WANTED_MS],
        )
        .await?;
    }
    first(
        db,
        concat!(
            "SELECT coalesce(lease_holder, ''), coalesce(lease_since, 0), lease_until, lease_until > ",
            now!(),
            " FROM channels WHERE tenant = $1 AND code = $2"
        ),
        with![tenant.as_str(), channel.as_str()],
        |row| {
            // A person who claimed in vain saw a holder, even if that one's time has run out since.
            if !is_person && !row.try_get::<bool, _>(3)? {
                return Ok(Claim::Wanted);
            }
            Ok(Claim::Held { holder: text(row, 0)?, since: row.try_get(1)?, until: row.try_get(2)? })
        },
    )
    .await?
    .ok_or_else(|| StoreError::NotFound(format!("channel {channel} of tenant {tenant}")).into())
}

pub(super) async fn renew(db: &mut Tx, fence: &Fence, ttl_ms: Millis) -> Result<(), Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    let held = execute(
        db,
        concat!(
            "UPDATE channels SET lease_until = ",
            now!(),
            " + $5 WHERE tenant = $1 AND code = $2 AND lease_holder = $3 AND lease_epoch = $4 AND lease_until > ",
            now!()
        ),
        with![tenant.as_str(), channel.as_str(), holder, epoch, ttl_ms],
    )
    .await?;
    if held == 1 { Ok(()) } else { Err(fence.lost().into()) }
}

pub(super) async fn release(db: &mut Tx, fence: &Fence) -> Result<(), Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    execute(
        db,
        "UPDATE channels SET lease_until = 0
         WHERE tenant = $1 AND code = $2 AND lease_holder = $3 AND lease_epoch = $4",
        with![tenant.as_str(), channel.as_str(), holder, epoch],
    )
    .await?;
    Ok(())
}

/// Fails unless the fence still holds, and locks its row: a claim waits until this transaction has ended.
pub(super) async fn check(db: &mut Tx, fence: &Fence) -> Result<(), Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    first(
        db,
        concat!(
            "SELECT 1 FROM channels
             WHERE tenant = $1 AND code = $2 AND lease_holder = $3 AND lease_epoch = $4 AND lease_until > ",
            now!(),
            " FOR NO KEY UPDATE"
        ),
        with![tenant.as_str(), channel.as_str(), holder, epoch],
        |_| Ok(()),
    )
    .await?
    .ok_or_else(|| fence.lost().into())
}

/// Whether somebody else has claimed the channel since, with a lock on its row: a claim waits until this transaction has
/// ended. A lease that has only run out is nobody else's yet.
pub(super) async fn is_passed(db: &mut Tx, fence: &Fence) -> Result<bool, Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    let latest = first(
        db,
        "SELECT 1 FROM channels WHERE tenant = $1 AND code = $2 AND lease_holder = $3 AND lease_epoch = $4
         FOR NO KEY UPDATE",
        with![tenant.as_str(), channel.as_str(), holder, epoch],
        |_| Ok(()),
    )
    .await?;
    Ok(latest.is_none())
}

/// Fails if somebody else has claimed the channel since. Locks nothing: what is written under it may be a claim late.
pub(super) async fn not_passed(db: &mut Tx, fence: &Fence) -> Result<(), Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    first(
        db,
        "SELECT 1 FROM channels WHERE tenant = $1 AND code = $2 AND lease_holder = $3 AND lease_epoch = $4",
        with![tenant.as_str(), channel.as_str(), holder, epoch],
        |_| Ok(()),
    )
    .await?
    .ok_or_else(|| fence.lost().into())
}

/// Locks every channel of the tenant, so that no claim comes between, and fails if a run holds one.
pub(super) async fn none_live(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    lock_channels(db, tenant).await?;
    let held = first(
        db,
        concat!(
            "SELECT code, coalesce(lease_since, 0) FROM channels WHERE tenant = $1 AND lease_until > ",
            now!(),
            " ORDER BY code LIMIT 1"
        ),
        with![tenant.as_str()],
        |row| Ok(StoreError::Busy { channel: text(row, 0)?, since: row.try_get(1)? }),
    )
    .await?;
    held.map_or(Ok(()), |busy| Err(busy.into()))
}

/// Locks every channel of the tenant against everything.
pub(super) async fn lock_channels(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    let sql = "SELECT 1 FROM channels WHERE tenant = $1 ORDER BY code FOR UPDATE";
    execute(db, sql, with![tenant.as_str()]).await?;
    Ok(())
}
