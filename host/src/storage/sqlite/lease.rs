//! Leases on channel rows, by the database's clock.

use std::sync::LazyLock;

use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{execute, first},
    schema::NOW,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{Claim, Fence, NewRun, StoreError, Trigger, lease::WANTED_MS},
};

pub(super) fn claim(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    holder: &str,
    ttl_ms: Millis,
    run: Option<&NewRun>,
) -> Result<Claim, Fail> {
    static TAKE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE channels SET lease_epoch = lease_epoch + 1, lease_holder = ?3, lease_since = {NOW},
                 lease_until = {NOW} + ?4, wanted_until = 0
             WHERE tenant = ?1 AND code = ?2 AND lease_until <= {NOW} AND (?5 OR wanted_until <= {NOW})
             RETURNING lease_epoch"
        )
    });
    static WANT: LazyLock<String> = LazyLock::new(|| {
        format!("UPDATE channels SET wanted_until = {NOW} + {WANTED_MS} WHERE tenant = ?1 AND code = ?2")
    });
    static HOLDER: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT lease_holder, lease_since, lease_until, lease_until > {NOW} FROM channels
             WHERE tenant = ?1 AND code = ?2"
        )
    });
    if let Some(run) = run.filter(|run| run.only_if_due)
        && !super::task::is_due(db, run)?
    {
        return Ok(Claim::NotDue);
    }
    let is_person = run.is_none_or(|run| run.trigger != Trigger::Timer);
    let asked = params![tenant.as_str(), channel.as_str(), holder, ttl_ms, is_person];
    let epoch = first(db, &TAKE, asked, |row| Ok(row.get::<_, i64>(0)?))?;
    if let Some(epoch) = epoch {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let fence = Fence { tenant, channel, holder: holder.to_owned(), epoch };
        let run = run.map(|run| super::run::begin(db, run)).transpose()?;
        return Ok(Claim::Got(fence, run));
    }
    if is_person {
        execute(db, &WANT, params![tenant.as_str(), channel.as_str()])?;
    }
    first(db, &HOLDER, params![tenant.as_str(), channel.as_str()], |row| {
        // A person who claimed in vain saw a holder, even if that one's time has run out since.
        if !is_person && !row.get::<_, bool>(3)? {
            return Ok(Claim::Wanted);
        }
        Ok(Claim::Held { holder: row.get(0)?, since: row.get(1)?, until: row.get(2)? })
    })?
    .ok_or_else(|| StoreError::NotFound(format!("channel {channel} of tenant {tenant}")).into())
}

pub(super) fn renew(db: &Connection, fence: &Fence, ttl_ms: Millis) -> Result<(), Fail> {
    static RENEW: LazyLock<String> = LazyLock::new(|| {
        format!(
            "UPDATE channels SET lease_until = {NOW} + ?5
             WHERE tenant = ?1 AND code = ?2 AND lease_holder = ?3 AND lease_epoch = ?4 AND lease_until > {NOW}"
        )
    });
    let Fence { tenant, channel, holder, epoch } = fence;
    let held = execute(db, &RENEW, params![tenant.as_str(), channel.as_str(), holder, epoch, ttl_ms])?;
    if held == 1 { Ok(()) } else { Err(fence.lost().into()) }
}

pub(super) fn release(db: &Connection, fence: &Fence) -> Result<(), Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    execute(
        db,
        "UPDATE channels SET lease_until = 0
         WHERE tenant = ?1 AND code = ?2 AND lease_holder = ?3 AND lease_epoch = ?4",
        params![tenant.as_str(), channel.as_str(), holder, epoch],
    )?;
    Ok(())
}

/// Fails unless the fence still holds. Inside a writing transaction it then holds until the commit, since a claim would
/// have to write.
pub(super) fn check(db: &Connection, fence: &Fence) -> Result<(), Fail> {
    static HELD: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT 1 FROM channels
             WHERE tenant = ?1 AND code = ?2 AND lease_holder = ?3 AND lease_epoch = ?4 AND lease_until > {NOW}"
        )
    });
    let Fence { tenant, channel, holder, epoch } = fence;
    first(db, &HELD, params![tenant.as_str(), channel.as_str(), holder, epoch], |_| Ok(()))?
        .ok_or_else(|| fence.lost().into())
}

/// Whether somebody else has claimed the channel since. A lease that has only run out is nobody else's yet.
pub(super) fn is_passed(db: &Connection, fence: &Fence) -> Result<bool, Fail> {
    let Fence { tenant, channel, holder, epoch } = fence;
    let latest = first(
        db,
        "SELECT 1 FROM channels WHERE tenant = ?1 AND code = ?2 AND lease_holder = ?3 AND lease_epoch = ?4",
        params![tenant.as_str(), channel.as_str(), holder, epoch],
        |_| Ok(()),
    )?;
    Ok(latest.is_none())
}

/// Fails if somebody else has claimed the channel since.
pub(super) fn not_passed(db: &Connection, fence: &Fence) -> Result<(), Fail> {
    if is_passed(db, fence)? { Err(fence.lost().into()) } else { Ok(()) }
}

/// Fails if a run holds a channel of the tenant.
pub(super) fn none_live(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    static LIVE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT code, lease_since FROM channels WHERE tenant = ?1 AND lease_until > {NOW} ORDER BY code LIMIT 1"
        )
    });
    let held = first(db, &LIVE, [tenant.as_str()], |row| {
        Ok(StoreError::Busy { channel: row.get(0)?, since: row.get(1)? })
    })?;
    held.map_or(Ok(()), |busy| Err(busy.into()))
}
