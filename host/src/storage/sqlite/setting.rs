//! What people set: tenants, channels, secrets, series, stock on hand, facilities.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    fault::Fail,
    json::{each, execute, first, json, other, record, records},
    load,
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
        StoreError, TenantRow,
        rows::{TENANT_TABLES, decides_alike},
        token_place,
    },
};

pub(super) fn no_tenant(tenant: &TenantCode) -> Fail {
    StoreError::NotFound(format!("tenant {tenant}")).into()
}

pub(super) fn tenants(db: &Connection) -> Result<Vec<TenantRow>, Fail> {
    each(db, "SELECT tenant, live, zone FROM tenants WHERE moving IS NULL ORDER BY tenant", [], tenant_row)
}

pub(super) fn tenant(db: &Connection, tenant: &TenantCode) -> Result<Option<TenantRow>, Fail> {
    let sql = "SELECT tenant, live, zone FROM tenants WHERE tenant = ?1 AND moving IS NULL";
    first(db, sql, [tenant.as_str()], tenant_row)
}

/// The same, although it may be on its way here.
pub(super) fn moving_tenant(db: &Connection, tenant: &TenantCode) -> Result<Option<TenantRow>, Fail> {
    first(db, "SELECT tenant, live, zone FROM tenants WHERE tenant = ?1", [tenant.as_str()], tenant_row)
}

fn tenant_row(row: &Row<'_>) -> Result<TenantRow, Fail> {
    let zone: Option<String> = row.get(2)?;
    Ok(TenantRow {
        code: row.get::<_, String>(0)?.into(),
        live: row.get(1)?,
        zone: Zone::of_stored(zone.as_deref()),
    })
}

pub(super) fn add_tenant(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    let added = execute(
        db,
        "INSERT INTO tenants (tenant, live) VALUES (?1, 0) ON CONFLICT DO NOTHING",
        [tenant.as_str()],
    )?;
    if added == 1 { Ok(()) } else { Err(StoreError::Exists(format!("tenant {tenant}")).into()) }
}

pub(super) fn set_live(db: &Connection, tenant: &TenantCode, live: bool) -> Result<(), Fail> {
    let found = execute(
        db,
        "UPDATE tenants SET live = ?2 WHERE tenant = ?1 AND moving IS NULL",
        params![tenant.as_str(), live],
    )?;
    if found == 1 { Ok(()) } else { Err(no_tenant(tenant)) }
}

pub(super) fn set_zone(db: &Connection, tenant: &TenantCode, zone: &Zone) -> Result<(), Fail> {
    let sql = "UPDATE tenants SET zone = ?2 WHERE tenant = ?1 AND moving IS NULL";
    let found = execute(db, sql, params![tenant.as_str(), zone.name()])?;
    if found == 1 { Ok(()) } else { Err(no_tenant(tenant)) }
}

pub(super) fn remove_tenant(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    known_tenant(db, tenant)?;
    empty(db, tenant)
}

/// Removes everything of the tenant.
pub(super) fn empty(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    for table in TENANT_TABLES {
        execute(db, &format!("DELETE FROM {table} WHERE tenant = ?1"), [tenant.as_str()])?;
    }
    Ok(())
}

pub(super) fn known_tenant(db: &Connection, tenant: &TenantCode) -> Result<(), Fail> {
    first(db, "SELECT 1 FROM tenants WHERE tenant = ?1 AND moving IS NULL", [tenant.as_str()], |_| Ok(()))?
        .ok_or_else(|| no_tenant(tenant))
}

pub(super) fn known_channel(db: &Connection, tenant: &TenantCode, channel: &ChannelCode) -> Result<(), Fail> {
    first(
        db,
        "SELECT 1 FROM channels WHERE tenant = ?1 AND code = ?2",
        params![tenant.as_str(), channel.as_str()],
        |_| Ok(()),
    )?
    .ok_or_else(|| StoreError::NotFound(format!("channel {channel} of tenant {tenant}")).into())
}

pub(super) fn channels(db: &Connection, tenant: &TenantCode) -> Result<Vec<Channel>, Fail> {
    records(db, "channel", "SELECT body FROM channels WHERE tenant = ?1 ORDER BY code", [tenant.as_str()])
}

pub(super) fn channel(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<Option<Channel>, Fail> {
    first(
        db,
        "SELECT body FROM channels WHERE tenant = ?1 AND code = ?2",
        params![tenant.as_str(), channel.as_str()],
        |row| record("channel", row.get_ref(0)?.as_str().map_err(other)?),
    )
}

pub(super) fn put_channel(db: &Connection, tenant: &TenantCode, new: &Channel) -> Result<(), Fail> {
    known_tenant(db, tenant)?;
    let old = channel(db, tenant, &new.code)?;
    write_channel(db, tenant, new)?;
    if !decides_alike(old, new) {
        // What the channel said before may now be decided otherwise, so nothing counts as unchanged.
        execute(
            db,
            "UPDATE orders SET seen = NULL WHERE tenant = ?1 AND channel = ?2 AND seen IS NOT NULL",
            params![tenant.as_str(), new.code.as_str()],
        )?;
    }
    Ok(())
}

pub(super) fn write_channel(db: &Connection, tenant: &TenantCode, new: &Channel) -> Result<(), Fail> {
    execute(
        db,
        "INSERT INTO channels (tenant, code, connector, enabled, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, code) DO UPDATE
         SET connector = excluded.connector, enabled = excluded.enabled, body = excluded.body",
        params![tenant.as_str(), new.code.as_str(), new.connector, new.enabled, json(new)?],
    )?;
    execute(
        db,
        "UPDATE tasks SET connector = ?3 WHERE tenant = ?1 AND channel = ?2 AND connector <> ?3",
        params![tenant.as_str(), new.code.as_str(), new.connector],
    )?;
    Ok(())
}

pub(super) fn enable_channel(
    db: &Connection,
    tenant: &TenantCode,
    code: &ChannelCode,
    enabled: bool,
) -> Result<(), Fail> {
    let channel = channel(db, tenant, code)?
        .ok_or_else(|| StoreError::NotFound(format!("channel {code} of tenant {tenant}")))?;
    write_channel(db, tenant, &Channel { enabled, ..channel })
}

pub(super) fn put_secrets(
    db: &Connection,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
    secrets: &BTreeMap<String, Secret>,
) -> Result<(), Fail> {
    known_channel(db, tenant, channel)?;
    for (name, secret) in secrets {
        let sealed = key.seal(&[tenant.as_str(), channel.as_str(), name], secret)?;
        execute(
            db,
            "INSERT INTO secrets (tenant, channel, name, sealed) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (tenant, channel, name) DO UPDATE SET sealed = excluded.sealed",
            params![tenant.as_str(), channel.as_str(), name, sealed],
        )?;
    }
    Ok(())
}

pub(super) fn secret_names(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<BTreeSet<String>, Fail> {
    let names = each(
        db,
        "SELECT name FROM secrets WHERE tenant = ?1 AND channel = ?2",
        params![tenant.as_str(), channel.as_str()],
        |row| Ok(row.get(0)?),
    )?;
    Ok(names.into_iter().collect())
}

pub(super) fn secrets(
    db: &Connection,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<BTreeMap<String, Secret>, Fail> {
    let open = |row: &Row<'_>| {
        let name: String = row.get(0)?;
        let sealed = row.get_ref(1)?.as_blob().map_err(other)?;
        let secret = key.open(&[tenant.as_str(), channel.as_str(), &name], sealed)?;
        Ok((name, secret))
    };
    let secrets = each(
        db,
        "SELECT name, sealed FROM secrets WHERE tenant = ?1 AND channel = ?2",
        params![tenant.as_str(), channel.as_str()],
        open,
    )?;
    Ok(secrets.into_iter().collect())
}

pub(super) fn put_token(
    db: &Connection,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
    token: &Secret,
    expires_at: Millis,
) -> Result<(), Fail> {
    let sealed = key.seal(&token_place(tenant, channel), token)?;
    execute(
        db,
        "INSERT INTO tokens (tenant, channel, sealed, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (tenant, channel) DO UPDATE SET sealed = excluded.sealed, expires_at = excluded.expires_at",
        params![tenant.as_str(), channel.as_str(), sealed, expires_at],
    )?;
    Ok(())
}

pub(super) fn token(
    db: &Connection,
    key: &Key,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<Option<(Secret, Millis)>, Fail> {
    first(
        db,
        "SELECT sealed, expires_at FROM tokens WHERE tenant = ?1 AND channel = ?2",
        params![tenant.as_str(), channel.as_str()],
        |row| {
            let sealed = row.get_ref(0)?.as_blob().map_err(other)?;
            Ok((key.open(&token_place(tenant, channel), sealed)?, row.get(1)?))
        },
    )
}

pub(super) fn forget_token(db: &Connection, tenant: &TenantCode, channel: &ChannelCode) -> Result<(), Fail> {
    execute(
        db,
        "DELETE FROM tokens WHERE tenant = ?1 AND channel = ?2",
        params![tenant.as_str(), channel.as_str()],
    )?;
    Ok(())
}

pub(super) fn put_facility(db: &Connection, tenant: &TenantCode, facility: &Facility) -> Result<(), Fail> {
    known_tenant(db, tenant)?;
    execute(
        db,
        "INSERT INTO facilities (tenant, code, body) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant, code) DO UPDATE SET body = excluded.body",
        params![tenant.as_str(), facility.code.as_str(), json(facility)?],
    )?;
    Ok(())
}

pub(super) fn stock(db: &Connection, tenant: &TenantCode) -> Result<Vec<Stock>, Fail> {
    each(
        db,
        "SELECT facility, sku, on_hand, blocked, shortfall FROM stock WHERE tenant = ?1 ORDER BY facility, sku",
        [tenant.as_str()],
        load::stock_row,
    )
}

pub(super) fn put_sequence(db: &Connection, tenant: &TenantCode, sequence: &Sequence) -> Result<(), Fail> {
    known_tenant(db, tenant)?;
    super::save::sequences(std::slice::from_ref(sequence))?.write(db, tenant)
}

pub(super) fn set_on_hand(
    db: &Connection,
    tenant: &TenantCode,
    facility: &FacilityCode,
    sku: &Sku,
    on_hand: i64,
) -> Result<Stock, Fail> {
    known_tenant(db, tenant)?;
    first(
        db,
        "INSERT INTO stock (tenant, facility, sku, on_hand, blocked, shortfall) VALUES (?1, ?2, ?3, ?4, 0, 0)
         ON CONFLICT (tenant, facility, sku) DO UPDATE SET on_hand = excluded.on_hand
         RETURNING facility, sku, on_hand, blocked, shortfall",
        params![tenant.as_str(), facility.as_str(), sku.as_str(), on_hand],
        load::stock_row,
    )?
    .ok_or_else(|| no_tenant(tenant))
}
