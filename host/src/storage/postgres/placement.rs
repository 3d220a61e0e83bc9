//! Which database each tenant is in, who moves one, and the numbers of runs that other databases draw here.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::{AssertSqlSafe, Row as _};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    Postgres, PostgresSetup,
    connections::Tx,
    fault::Fail,
    job,
    scope::{Access, COPY, Scope, turn_to},
    statement::{each, execute, first, text, with},
};
use crate::{
    domain::codes::TenantCode,
    secrets::Key,
    storage::{
        Mode, Result, Stage, StoreError,
        rows::OF_CALLERS,
        shards::{Phase, Placement},
    },
};

impl Postgres {
    /// Opens a database that stands beside a control database. Its runs are numbered there, so that no two of the
    /// installation have the same number.
    ///
    /// # Errors
    /// As [`open`](Postgres::open).
    pub(in crate::storage) fn open_beside(
        setup: &PostgresSetup,
        key: Key,
        control: &Arc<Postgres>,
    ) -> Result<Postgres> {
        let mut store = Postgres::open(setup, key)?;
        store.numbers = Some(Arc::clone(control));
        Ok(store)
    }

    /// The number of a run that is about to begin, if it is drawn elsewhere.
    pub(super) async fn number_from_elsewhere(&self) -> Result<Option<i64>> {
        let Some(control) = &self.numbers else { return Ok(None) };
        let draw =
            job!(|db| first(db, "SELECT nextval('run_ids')", with![], |row| Ok(row.try_get(0)?)).await);
        control.host("was numbering a run", Access::Write, draw).await
    }

    /// The tenants that are in other databases, or on their way.
    pub(in crate::storage) async fn placements(&self) -> Result<BTreeMap<TenantCode, Placement>> {
        let read = job!(|db| {
            let sql = "SELECT code, place, other, phase FROM placements WHERE code <> ''";
            let rows = each(db, sql, with![], |row| {
                let phase: Option<&str> = row.try_get(3)?;
                let moves = row.try_get::<Option<String>, _>(2)?.zip(phase.and_then(Phase::parse));
                Ok((text(row, 0)?, Placement { place: text(row, 1)?, moves }))
            });
            Ok(rows.await?.into_iter().collect())
        });
        self.host("was reading where tenants are", Access::Read, read).await
    }

    /// Writes down where a tenant is.
    pub(in crate::storage) async fn put_placement(
        &self,
        tenant: &TenantCode,
        placement: &Placement,
    ) -> Result<()> {
        let (tenant, placement) = (tenant.clone(), placement.clone());
        let write = job!(|db| write(db, &tenant, &placement).await);
        self.host("was writing where a tenant is", Access::Write, write).await
    }

    /// Forgets a tenant that was removed where it was: its place, the mark that it has left, and its callers.
    pub(in crate::storage) async fn forget_placement(&self, tenant: &TenantCode) -> Result<()> {
        let tenant = tenant.clone();
        let forget = job!(|db| {
            execute(db, "DELETE FROM placements WHERE code = $1", with![tenant.as_str()]).await?;
            turn_to(db, &Scope::Moving(tenant.clone())).await?;
            for table in OF_CALLERS {
                let sql = format!("DELETE FROM {table} WHERE tenant = $1");
                execute(db, AssertSqlSafe(sql), with![tenant.as_str()]).await?;
            }
            let sql = "DELETE FROM tenants WHERE tenant = $1 AND moving = $2";
            execute(db, sql, with![tenant.as_str(), Stage::Left.as_str()]).await?;
            Ok(())
        });
        self.host("was forgetting where a tenant was", Access::Write, forget).await
    }

    /// Keeps everybody else from moving tenants, until the answer is dropped or used.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if somebody else moves one.
    pub(in crate::storage) async fn hold_moves(self: &Arc<Self>) -> Result<Moves> {
        let (ready, begun) = oneshot::channel();
        let (switch, told) = oneshot::channel::<(TenantCode, Placement)>();
        let control = Arc::clone(self);
        let held = tokio::spawn(async move {
            let hold = job!(|db| {
                let sql = "SELECT 1 FROM placements WHERE code = '' FOR UPDATE NOWAIT";
                first(db, sql, with![], |_| Ok(())).await?;
                // Whoever asked may have gone.
                let _ = ready.send(());
                match told.await {
                    Ok((tenant, placement)) => write(db, &tenant, &placement).await,
                    Err(_) => Ok(()),
                }
            });
            let of = (Scope::Host, Access::Write, COPY);
            control.transact("was keeping others from moving tenants", of, Mode::Commit, hold).await
        });
        match begun.await {
            Ok(()) => Ok(Moves { switch, held }),
            Err(_) => held.await.map_err(|_| StoreError::Closed)?.and(Err(StoreError::Closed)),
        }
    }
}

/// The right to move a tenant: one at a time, of an installation. It ends with the process that has it.
pub(in crate::storage) struct Moves {
    switch: oneshot::Sender<(TenantCode, Placement)>,
    held: JoinHandle<Result<()>>,
}

impl Moves {
    /// Writes down where the tenant is from now on, if the right still holds, and gives it back.
    ///
    /// # Errors
    /// If it was lost, or nothing could be written.
    pub(in crate::storage) async fn switch(self, tenant: &TenantCode, placement: &Placement) -> Result<()> {
        // Where nobody listens any more, the other end says why.
        let _ = self.switch.send((tenant.clone(), placement.clone()));
        self.held.await.map_err(|_| StoreError::Closed)?
    }

    /// Gives it back.
    pub(in crate::storage) async fn release(self) {
        drop(self.switch);
        // If it was lost, there is nothing to give back.
        let _ = self.held.await;
    }

    /// Whether it is still held.
    pub(in crate::storage) fn holds(&self) -> bool {
        !self.held.is_finished()
    }
}

async fn write(db: &mut Tx, tenant: &TenantCode, placement: &Placement) -> std::result::Result<(), Fail> {
    let Placement { place, moves } = placement;
    if place.is_empty() && moves.is_none() {
        execute(db, "DELETE FROM placements WHERE code = $1", with![tenant.as_str()]).await?;
        return Ok(());
    }
    let (other, phase) = moves.as_ref().map(|(other, phase)| (other.as_str(), phase.as_str())).unzip();
    execute(
        db,
        "INSERT INTO placements (code, place, other, phase) VALUES ($1, $2, $3, $4)
         ON CONFLICT (code) DO UPDATE SET place = excluded.place, other = excluded.other, phase = excluded.phase",
        with![tenant.as_str(), place, other, phase],
    )
    .await?;
    Ok(())
}
