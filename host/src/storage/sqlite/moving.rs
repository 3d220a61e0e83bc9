//! Tenants that arrive from another database. None ever leaves a file for another database of the same installation.

use std::{collections::BTreeMap, io::Write};

use async_trait::async_trait;
use plugin_api::Millis;
use rusqlite::{Connection, params};

use super::{
    Sqlite, export,
    fault::Fail,
    json::{each, execute, first, other},
    schema::NOW,
    setting,
};
use crate::{
    domain::codes::TenantCode,
    storage::{
        MovingStore, Result, Stage, StoreError,
        moving::{FOREVER, HOLDER},
    },
};

#[async_trait]
impl MovingStore for Sqlite {
    async fn stages(&self) -> Result<BTreeMap<TenantCode, Stage>> {
        self.read("was looking which tenants are on their way", |db| {
            let rows = each(db, "SELECT tenant, moving FROM tenants", [], |row| {
                let stage = Stage::of(row.get_ref(1)?.as_str_or_null().map_err(other)?);
                Ok((row.get::<_, String>(0)?.into(), stage))
            })?;
            Ok(rows.into_iter().collect())
        })
        .await
    }

    async fn settle(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was taking a tenant in", move |db| match stage(db, &tenant)? {
            Some(Stage::Here) => Ok(()),
            Some(Stage::Leaving | Stage::Arriving) => set_stage(db, &tenant, Stage::Here).map(drop),
            Some(Stage::Left) | None => Err(setting::no_tenant(&tenant)),
        })
        .await
    }

    async fn turn_away(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        self.write("was removing a tenant that arrives", move |db| match stage(db, &tenant)? {
            None | Some(Stage::Left) => Ok(()),
            Some(Stage::Arriving) => setting::empty(db, &tenant),
            Some(Stage::Here | Stage::Leaving) => Err(StoreError::Exists(format!("tenant {tenant}")).into()),
        })
        .await
    }

    async fn export_moving(
        &self,
        tenant: &TenantCode,
        now: Millis,
        out: &mut (dyn Write + Send),
    ) -> Result<()> {
        let tenant = tenant.clone();
        self.stream("was exporting", out, move |db, pieces| export::write(db, &tenant, now, pieces)).await
    }
}

pub(super) fn stage(db: &Connection, tenant: &TenantCode) -> std::result::Result<Option<Stage>, Fail> {
    first(db, "SELECT moving FROM tenants WHERE tenant = ?1", [tenant.as_str()], |row| {
        Ok(Stage::of(row.get_ref(0)?.as_str_or_null().map_err(other)?))
    })
}

/// Whether there is such a tenant. The channels of one that is on its way are held, so that no run of it begins.
pub(super) fn set_stage(
    db: &Connection,
    tenant: &TenantCode,
    stage: Stage,
) -> std::result::Result<bool, Fail> {
    let sql = "UPDATE tenants SET moving = ?2 WHERE tenant = ?1";
    let found = execute(db, sql, params![tenant.as_str(), stage.as_str()])?;
    let is_free = stage == Stage::Here;
    let channels = format!(
        "UPDATE channels SET lease_epoch = lease_epoch + 1, lease_holder = ?2, lease_since = iif(?2 IS NULL, NULL, {NOW}),
             lease_until = ?3, wanted_until = 0
         WHERE tenant = ?1"
    );
    let (holder, until) = if is_free { (None, 0) } else { (Some(HOLDER), FOREVER) };
    execute(db, &channels, params![tenant.as_str(), holder, until])?;
    Ok(found == 1)
}
