//! Tenants that arrive from another database or leave for it.

use std::{collections::BTreeMap, io::Write};

use async_trait::async_trait;
use plugin_api::Millis;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Postgres,
    connections::Tx,
    export,
    fault::Fail,
    job, lease,
    scope::{Access, EXPORT, LONG, Scope, turn_to},
    setting,
    statement::{each, execute, first, now, text, with},
};
use crate::{
    domain::codes::TenantCode,
    storage::{
        Mode, MovingStore, Part, Result, Stage, StoreError,
        export::passed_on,
        lease::WANTED_MS,
        moving::{FOREVER, HOLDER},
    },
};

#[async_trait]
impl MovingStore for Postgres {
    async fn stages(&self) -> Result<BTreeMap<TenantCode, Stage>> {
        let read = job!(|db| {
            let rows = each(db, "SELECT tenant, moving FROM tenants", with![], |row| {
                Ok((text(row, 0)?, Stage::of(row.try_get(1)?)))
            });
            Ok(rows.await?.into_iter().collect())
        });
        self.host("was looking which tenants are on their way", Access::Read, read).await
    }

    async fn settle(&self, tenant: &TenantCode) -> Result<()> {
        let settled = tenant.clone();
        let settle = job!(|db| match held_stage(db, &settled).await? {
            Some(Stage::Here) => Ok(()),
            Some(Stage::Leaving | Stage::Arriving) => set_stage(db, &settled, Stage::Here).await.map(drop),
            Some(Stage::Left) | None => Err(setting::no_tenant(&settled)),
        });
        self.moving("was taking a tenant in", tenant, settle).await
    }

    async fn turn_away(&self, tenant: &TenantCode) -> Result<()> {
        let turned = tenant.clone();
        let remove = job!(|db| match held_stage(db, &turned).await? {
            None | Some(Stage::Left) => Ok(()),
            Some(Stage::Arriving) => empty(db, &turned).await,
            Some(Stage::Here | Stage::Leaving) => {
                Err(StoreError::Exists(format!("tenant {turned}")).into())
            }
        });
        self.moving("was removing a tenant that arrives", tenant, remove).await
    }

    async fn export_moving(
        &self,
        tenant: &TenantCode,
        now: Millis,
        out: &mut (dyn Write + Send),
    ) -> Result<()> {
        let tenant = tenant.clone();
        let (pieces, arriving) = tokio::sync::mpsc::channel(4);
        let of = (Scope::Moving(tenant.clone()), Access::Read, EXPORT);
        let write = job!(|db| export::write(db, &tenant, now, &pieces).await);
        passed_on(self.transact("was exporting", of, Mode::Commit, write), arriving, out).await
    }
}

impl Postgres {
    async fn moving<T: Send + 'static>(
        &self,
        doing: &'static str,
        tenant: &TenantCode,
        job: impl for<'t> FnOnce(&'t mut Tx) -> super::Doing<'t, T> + Send + 'static,
    ) -> Result<T> {
        let of = (Scope::Moving(tenant.clone()), Access::Write, LONG);
        self.transact(doing, of, Mode::Commit, job).await
    }

    /// Lets a tenant leave: from here on nothing of it is written, and no run of it begins. Epochs rise. Transactions that
    /// write and have begun are waited for.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while a run holds one of its channels; the timer then gets none of them for two seconds, so
    /// that there comes a moment when all are free. [`StoreError::NotFound`] if it is not here.
    /// # Idempotency
    /// One that is leaving stays so.
    pub(in crate::storage) async fn leave(&self, tenant: &TenantCode) -> Result<()> {
        let leaving = tenant.clone();
        let leave = job!(|db| leave(db, &leaving).await);
        self.moving("was letting a tenant leave", tenant, leave).await?.map_or(Ok(()), Err)
    }

    /// Removes what is here of a tenant that is leaving, and leaves a mark that it has left: a host that believes it to be
    /// here learns by that that it is not. What is kept of its callers stays.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if it is here or arriving.
    /// # Idempotency
    /// One that has left stays so.
    pub(in crate::storage) async fn let_go(&self, tenant: &TenantCode) -> Result<()> {
        let gone = tenant.clone();
        let remove = job!(|db| match held_stage(db, &gone).await? {
            None | Some(Stage::Left) => Ok(()),
            Some(Stage::Leaving) => {
                empty(db, &gone).await?;
                let mark = "INSERT INTO tenants (tenant, live, moving) VALUES ($1, false, $2)";
                execute(db, mark, with![gone.as_str(), Stage::Left.as_str()]).await?;
                Ok(())
            }
            Some(Stage::Here | Stage::Arriving) => Err(StoreError::Exists(format!("tenant {gone}")).into()),
        });
        self.moving("was letting a tenant go", tenant, remove).await
    }
}

/// The tenant's row, locked against everything: whoever writes for the tenant has a share in it.
pub(super) async fn held_stage(db: &mut Tx, tenant: &TenantCode) -> std::result::Result<Option<Stage>, Fail> {
    let sql = "SELECT moving FROM tenants WHERE tenant = $1 FOR UPDATE";
    first(db, sql, with![tenant.as_str()], |row| Ok(Stage::of(row.try_get(0)?))).await
}

/// Why it cannot leave yet. That is no failure: the channels are kept from the timer all the same.
async fn leave(db: &mut Tx, tenant: &TenantCode) -> std::result::Result<Option<StoreError>, Fail> {
    match held_stage(db, tenant).await? {
        Some(Stage::Leaving) => return Ok(None),
        Some(Stage::Here) => {}
        Some(Stage::Left | Stage::Arriving) | None => return Err(setting::no_tenant(tenant)),
    }
    match lease::none_live(db, tenant).await {
        Ok(()) => set_stage(db, tenant, Stage::Leaving).await.map(|_| None),
        Err(Fail::Store(busy @ StoreError::Busy { .. })) => {
            let wanted = concat!("UPDATE channels SET wanted_until = ", now!(), " + $2 WHERE tenant = $1");
            execute(db, wanted, with![tenant.as_str(), WANTED_MS]).await?;
            Ok(Some(busy))
        }
        Err(fail) => Err(fail),
    }
}

/// Removes everything of the tenant but what is kept of its callers.
async fn empty(db: &mut Tx, tenant: &TenantCode) -> std::result::Result<(), Fail> {
    let part = Part::Moving(tenant.clone());
    for table in part.tables() {
        let Some(accounts) = part.accounts(table) else {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1");
            execute(db, AssertSqlSafe(sql), with![tenant.as_str()]).await?;
            continue;
        };
        turn_to(db, &Scope::Host).await?;
        let sql = format!("DELETE FROM {table} WHERE starts_with(account, $1)");
        execute(db, AssertSqlSafe(sql), with![accounts]).await?;
        turn_to(db, &Scope::Moving(tenant.clone())).await?;
    }
    Ok(())
}

/// Whether there is such a tenant. The channels of one that is on its way are held, so that no run of it begins.
pub(super) async fn set_stage(
    db: &mut Tx,
    tenant: &TenantCode,
    stage: Stage,
) -> std::result::Result<bool, Fail> {
    let sql = "UPDATE tenants SET moving = $2 WHERE tenant = $1";
    let found = execute(db, sql, with![tenant.as_str(), stage.as_str()]).await?;
    let (holder, until) = if stage == Stage::Here { (None, 0) } else { (Some(HOLDER), FOREVER) };
    execute(
        db,
        concat!(
            "UPDATE channels SET lease_epoch = lease_epoch + 1, lease_holder = $2,
                 lease_since = CASE WHEN $2 IS NOT NULL THEN ",
            now!(),
            " END, lease_until = $3, wanted_until = 0 WHERE tenant = $1"
        ),
        with![tenant.as_str(), holder, until],
    )
    .await?;
    Ok(found == 1)
}

/// Forgets that a tenant has left: it comes back.
pub(super) async fn forget_mark(db: &mut Tx, tenant: &TenantCode) -> std::result::Result<(), Fail> {
    let sql = "DELETE FROM tenants WHERE tenant = $1 AND moving = $2";
    execute(db, sql, with![tenant.as_str(), Stage::Left.as_str()]).await?;
    Ok(())
}
