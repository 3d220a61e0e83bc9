//! What people set: tenants, channels, secrets, series, stock on hand, facilities.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::Millis;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    connections::Tx,
    fault::Fail,
    lease, load, moving, save,
    statement::{body, each, execute, first, json, records, text, with},
};
use crate::{
    domain::{
        codes::{ChannelCode, FacilityCode, Sku, TenantCode},
        invoice::Sequence,
        snapshot::{Channel, Facility},
        stock::Stock,
        zone::Zone,
    },
    secrets::{Key, Secret},
    storage::{
        Stage, StoreError, TenantRow,
        rows::{TENANT_TABLES, decides_alike},
        token_place,
    },
};

pub(super) fn no_tenant(tenant: &TenantCode) -> Fail {
    StoreError::NotFound(format!("tenant {tenant}")).into()
}

fn no_channel(tenant: &TenantCode, channel: &ChannelCode) -> Fail {
    StoreError::NotFound(format!("channel {channel} of tenant {tenant}")).into()
}

pub(super) async fn tenants(db: &mut Tx) -> Result<Vec<TenantRow>, Fail> {
    let sql =
        "SELECT tenant, live, zone FROM tenants WHERE moving IS NULL OR moving = 'LEAVING' ORDER BY tenant";
    each(db, sql, with![], tenant_row).await
}

pub(super) async fn tenant(db: &mut Tx, tenant: &TenantCode) -> Result<Option<TenantRow>, Fail> {
    let sql = "SELECT tenant, live, zone FROM tenants WHERE tenant = $1";
    first(db, sql, with![tenant.as_str()], tenant_row).await
}

fn tenant_row(row: &PgRow) -> Result<TenantRow, Fail> {
    Ok(TenantRow { code: text(row, 0)?, live: row.try_get(1)?, zone: Zone::of_stored(row.try_get(2)?) })
}

pub(super) async fn add_tenant(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    let added = execute(
        db,
        "INSERT INTO tenants (tenant, live) VALUES ($1, false) ON CONFLICT DO NOTHING",
        with![tenant.as_str()],
    )
    .await?;
    if added == 1 { Ok(()) } else { Err(StoreError::Exists(format!("tenant {tenant}")).into()) }
}

pub(super) async fn set_live(db: &mut Tx, tenant: &TenantCode, live: bool) -> Result<(), Fail> {
    let sql = "UPDATE tenants SET live = $2 WHERE tenant = $1";
    let found = execute(db, sql, with![tenant.as_str(), live]).await?;
    if found == 1 { Ok(()) } else { Err(no_tenant(tenant)) }
}

pub(super) async fn set_zone(db: &mut Tx, tenant: &TenantCode, zone: &Zone) -> Result<(), Fail> {
    let sql = "UPDATE tenants SET zone = $2 WHERE tenant = $1";
    let found = execute(db, sql, with![tenant.as_str(), zone.name()]).await?;
    if found == 1 { Ok(()) } else { Err(no_tenant(tenant)) }
}

pub(super) async fn remove_tenant(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    // All of the row: who writes for the tenant has a share in it, and may wait for a channel.
    match moving::held_stage(db, tenant).await? {
        Some(Stage::Here) => {}
        Some(Stage::Leaving) => return Err(StoreError::Moving.into()),
        Some(Stage::Left | Stage::Arriving) => return Err(StoreError::Moved.into()),
        None => return Err(no_tenant(tenant)),
    }
    lease::lock_channels(db, tenant).await?;
    for table in TENANT_TABLES {
        let sql = AssertSqlSafe(format!("DELETE FROM {table} WHERE tenant = $1"));
        execute(db, sql, with![tenant.as_str()]).await?;
    }
    Ok(())
}

/// Takes the tenant's row. Who changes orders, stock, series or what belongs to them does this first: so the transactions
/// of a tenant that draw from the same rows come one after another, and can never wait for each other.
pub(super) async fn hold_tenant(db: &mut Tx, tenant: &TenantCode) -> Result<(), Fail> {
    let sql = "SELECT 1 FROM tenants WHERE tenant = $1 FOR NO KEY UPDATE";
    first(db, sql, with![tenant.as_str()], |_| Ok(())).await?.ok_or_else(|| no_tenant(tenant))
}

/// Makes sure that the channel stays as it is until the transaction has ended.
pub(super) async fn share_channel(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<(), Fail> {
    first(
        db,
        "SELECT 1 FROM channels WHERE tenant = $1 AND code = $2 FOR SHARE",
        with![tenant.as_str(), channel.as_str()],
        |_| Ok(()),
    )
    .await?
    .ok_or_else(|| no_channel(tenant, channel))
}

pub(super) async fn channels(db: &mut Tx, tenant: &TenantCode) -> Result<Vec<Channel>, Fail> {
    let sql = "SELECT body FROM channels WHERE tenant = $1 ORDER BY code";
    records(db, "channel", sql, with![tenant.as_str()]).await
}

pub(super) async fn channel(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<Option<Channel>, Fail> {
    first(
        db,
        "SELECT body FROM channels WHERE tenant = $1 AND code = $2",
        with![tenant.as_str(), channel.as_str()],
        |row| body(row, 0, "channel"),
    )
    .await
}

pub(super) async fn put_channel(db: &mut Tx, tenant: &TenantCode, new: &Channel) -> Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    let old = channel(db, tenant, &new.code).await?;
    write_channels(db, tenant, std::slice::from_ref(new)).await?;
    if !decides_alike(old, new) {
        // What the channel said before may now be decided otherwise, so nothing counts as unchanged.
        execute(
            db,
            "UPDATE orders SET seen = NULL WHERE tenant = $1 AND channel = $2 AND seen IS NOT NULL",
            with![tenant.as_str(), new.code.as_str()],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn write_channels(db: &mut Tx, tenant: &TenantCode, new: &[Channel]) -> Result<(), Fail> {
    for channel in new {
        execute(
            db,
            "INSERT INTO channels (tenant, code, connector, enabled, body) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (tenant, code) DO UPDATE
             SET connector = excluded.connector, enabled = excluded.enabled, body = excluded.body",
            with![
                tenant.as_str(),
                channel.code.as_str(),
                &channel.connector,
                channel.enabled,
                json(channel)?
            ],
        )
        .await?;
        execute(
            db,
            "UPDATE tasks SET connector = $3 WHERE tenant = $1 AND channel = $2 AND connector <> $3",
            with![tenant.as_str(), channel.code.as_str(), &channel.connector],
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn enable_channel(
    db: &mut Tx,
    tenant: &TenantCode,
    code: &ChannelCode,
    enabled: bool,
) -> Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    let channel = channel(db, tenant, code).await?.ok_or_else(|| no_channel(tenant, code))?;
    write_channels(db, tenant, &[Channel { enabled, ..channel }]).await
}

pub(super) async fn put_secrets(
    db: &mut Tx,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), Fail> {
    share_channel(db, tenant, channel).await?;
    write_secrets(db, key, tenant, channel, secrets).await
}

/// Whether they were still what they `was`, and are replaced. Who replaces others of the channel at the same time is waited
/// for.
pub(super) async fn replace_secrets(
    db: &mut Tx,
    key: &Key,
    (tenant, channel): (&TenantCode, &ChannelCode),
    was: &BTreeMap<String, Secret>,
    next: &BTreeMap<String, Secret>,
) -> Result<bool, Fail> {
    let lock = "SELECT 1 FROM channels WHERE tenant = $1 AND code = $2 FOR NO KEY UPDATE";
    execute(db, lock, with![tenant.as_str(), channel.as_str()]).await?;
    let stored = secrets(db, key, tenant, channel).await?;
    if next.keys().any(|name| stored.get(name) != was.get(name)) {
        return Ok(false);
    }
    put_secrets(db, key, tenant, channel, next).await?;
    Ok(true)
}

/// By name, so that two who write at once cannot wait for each other.
pub(super) async fn write_secrets(
    db: &mut Tx,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), Fail> {
    let mut names: Vec<&str> = Vec::new();
    let mut sealed: Vec<Vec<u8>> = Vec::new();
    for (name, secret) in secrets {
        names.push(name);
        sealed.push(key.seal(&[tenant.as_str(), channel.as_str(), name], secret)?);
    }
    execute(
        db,
        "INSERT INTO secrets (tenant, channel, name, sealed)
         SELECT $1, $2, k.name, k.sealed FROM unnest($3::text[], $4::bytea[]) WITH ORDINALITY AS k(name, sealed, at)
         ORDER BY k.at
         ON CONFLICT (tenant, channel, name) DO UPDATE SET sealed = excluded.sealed",
        with![tenant.as_str(), channel.as_str(), names, sealed],
    )
    .await?;
    Ok(())
}

pub(super) async fn secret_names(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<BTreeSet<String>, Fail> {
    let names = each(
        db,
        "SELECT name FROM secrets WHERE tenant = $1 AND channel = $2",
        with![tenant.as_str(), channel.as_str()],
        |row| text(row, 0),
    );
    Ok(names.await?.into_iter().collect())
}

pub(super) async fn secrets(
    db: &mut Tx,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<BTreeMap<String, Secret>, Fail> {
    let secrets = each(
        db,
        "SELECT name, sealed FROM secrets WHERE tenant = $1 AND channel = $2",
        with![tenant.as_str(), channel.as_str()],
        |row| {
            let name: String = text(row, 0)?;
            let secret = key.open(&[tenant.as_str(), channel.as_str(), &name], row.try_get(1)?)?;
            Ok((name, secret))
        },
    );
    Ok(secrets.await?.into_iter().collect())
}

pub(super) async fn put_token(
    db: &mut Tx,
    key: &Key,
    (tenant, channel): (&TenantCode, &ChannelCode),
    (token, expires_at): (&Secret, Millis),
) -> Result<(), Fail> {
    let sealed = key.seal(&token_place(tenant, channel), token)?;
    execute(
        db,
        "INSERT INTO tokens (tenant, channel, sealed, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, channel) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at",
        with![tenant.as_str(), channel.as_str(), sealed, expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn token(
    db: &mut Tx,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<Option<(Secret, Millis)>, Fail> {
    first(
        db,
        "SELECT sealed, expires_at FROM tokens WHERE tenant = $1 AND channel = $2",
        with![tenant.as_str(), channel.as_str()],
        |row| Ok((key.open(&token_place(tenant, channel), row.try_get(0)?)?, row.try_get(1)?)),
    )
    .await
}

pub(super) async fn forget_token(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<(), Fail> {
    let sql = "DELETE FROM tokens WHERE tenant = $1 AND channel = $2";
    execute(db, sql, with![tenant.as_str(), channel.as_str()]).await?;
    Ok(())
}

pub(super) async fn put_facility(db: &mut Tx, tenant: &TenantCode, facility: &Facility) -> Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    save::facilities(db, tenant, std::slice::from_ref(facility)).await
}

pub(super) async fn stock(db: &mut Tx, tenant: &TenantCode) -> Result<Vec<Stock>, Fail> {
    each(
        db,
        "SELECT facility, sku, on_hand, blocked, shortfall FROM stock WHERE tenant = $1 ORDER BY facility, sku",
        with![tenant.as_str()],
        load::stock_row,
    )
    .await
}

pub(super) async fn put_sequence(db: &mut Tx, tenant: &TenantCode, sequence: &Sequence) -> Result<(), Fail> {
    hold_tenant(db, tenant).await?;
    save::sequences(db, tenant, std::slice::from_ref(sequence)).await
}

pub(super) async fn set_on_hand(
    db: &mut Tx,
    tenant: &TenantCode,
    facility: &FacilityCode,
    sku: &Sku,
    on_hand: i64,
) -> Result<Stock, Fail> {
    hold_tenant(db, tenant).await?;
    first(
        db,
        "INSERT INTO stock (tenant, facility, sku, on_hand, blocked, shortfall) VALUES ($1, $2, $3, $4, 0, 0)
         ON CONFLICT (tenant, facility, sku) DO UPDATE SET on_hand = excluded.on_hand
         RETURNING facility, sku, on_hand, blocked, shortfall",
        with![tenant.as_str(), facility.as_str(), sku.as_str(), on_hand],
        load::stock_row,
    )
    .await?
    .ok_or_else(|| no_tenant(tenant))
}
