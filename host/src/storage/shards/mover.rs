//! Moves a tenant from one database of the installation to another while hosts work.
//!
//! It leaves where it is once no run of it is on; it is copied, compared, and from one instant on it is in the new place:
//! when the control database says so. Before that instant the old database has it, after it the new one. What the other end
//! holds is never shown, so a move that was cut off anywhere is finished, or taken back, by another call.

use std::{sync::Arc, time::Duration};

use plugin_api::Millis;

use super::{CONTROL, Phase, Placement, Shards, shown};
use crate::{
    domain::codes::TenantCode,
    storage::{
        MovingStore as _, Part, Postgres, Result, Stage, Store, StoreError,
        migrate::{self, Digest},
        postgres::Moves,
    },
};

/// How often it is looked whether the runs of a tenant have ended.
const LOOK: Duration = Duration::from_millis(250);

/// Looks for the right to move tenants that this process had a moment ago.
const LOOKS: u32 = 40;

/// What is told while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A move that was cut off is gone on with.
    GoingOn,
    /// A run holds this channel; it is waited for, and no other begins.
    Waiting {
        /// The channel.
        channel: String,
    },
    /// Nothing of it is written any more; its rows are copied.
    Copying,
    /// Its snapshots are compared.
    Comparing,
    /// It is in the new place; the old one is cleared.
    Clearing,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was there already.
    Already,
    /// A move that was cut off was taken back.
    TakenBack,
    /// A move that had been cut off at its very end was finished.
    Finished,
    /// It was moved.
    Moved {
        /// Rows that moved.
        rows: u64,
        /// The digest that its snapshot has at both ends.
        digest: Digest,
    },
}

impl Shards {
    /// Moves a tenant to another database: [`CONTROL`] or a URL. Where that is, is written down as it stands, so it must hold
    /// no password.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::InUse`] while another tenant is moved; [`StoreError::Exists`] if the database
    /// has tenants that do not belong to this installation, or this very tenant; [`StoreError::Busy`] if another move of it
    /// was cut off: finish that, or move it to where it is. The tenant is where it was then, and works.
    /// # Idempotency
    /// Cut off and called again, it goes on.
    pub async fn move_tenant(
        &self,
        tenant: &TenantCode,
        to: &str,
        now: Millis,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Ended> {
        let mut moves = Some(self.control.hold_moves().await?);
        let ended = self.move_holding(&mut moves, tenant, to, now, tell).await;
        if let Some(moves) = moves {
            moves.release().await;
        }
        ended
    }

    async fn move_holding(
        &self,
        moves: &mut Option<Moves>,
        tenant: &TenantCode,
        to: &str,
        now: Millis,
        tell: &(dyn Fn(Step) + Sync),
    ) -> Result<Ended> {
        let placement = self.read_places().await?.get(tenant).cloned().unwrap_or_default();
        let Placement { place, moves: cut_off } = placement;
        match &cut_off {
            Some((from, Phase::Clearing)) => {
                tell(Step::GoingOn);
                self.clear(tenant, from, &place).await?;
                if place == to {
                    return Ok(Ended::Finished);
                }
            }
            Some((other, Phase::Copying)) if place == to => {
                self.take_back(tenant, &place, other).await?;
                return Ok(Ended::TakenBack);
            }
            Some((other, Phase::Copying)) if other == to => tell(Step::GoingOn),
            Some((other, Phase::Copying)) => {
                return Err(StoreError::Contradiction(format!(
                    "a move of tenant {tenant} to {} was cut off; give that as the target to finish it, or {} to take it back",
                    named(other),
                    named(&place)
                )));
            }
            None => {}
        }
        if place == to {
            return Ok(Ended::Already);
        }
        let (source, target) = (self.at(&place).await?, self.at(to).await?);
        if source.tenant(tenant).await?.is_none() {
            return Err(StoreError::NotFound(format!("tenant {tenant}")));
        }
        self.is_ours(to, &target).await?;
        let begun = Placement { place: place.clone(), moves: Some((to.to_owned(), Phase::Copying)) };
        self.control.put_placement(tenant, &begun).await?;
        let copied = async {
            wait_until_it_leaves(&source, tenant, tell).await?;
            tell(Step::Copying);
            target.turn_away(tenant).await?;
            let from: Arc<dyn Store> = Arc::<Postgres>::clone(&source);
            let rows = migrate::part(&from, &*target, Part::Moving(tenant.clone()), now).await?;
            tell(Step::Comparing);
            Ok((rows, migrate::same(&*source, &*target, tenant, now).await?))
        };
        let (rows, digest) = match copied.await {
            Ok(copied) => copied,
            Err(error) => {
                if moves.as_ref().is_some_and(Moves::holds) {
                    self.take_back(tenant, &place, to).await?;
                }
                return Err(error);
            }
        };
        // From here on it is there.
        let there = Placement { place: to.to_owned(), moves: Some((place.clone(), Phase::Clearing)) };
        moves.take().ok_or(StoreError::Closed)?.switch(tenant, &there).await?;
        tell(Step::Clearing);
        self.clear(tenant, &place, to).await?;
        Ok(Ended::Moved { rows, digest })
    }

    /// Brings a move to an end that was cut off in this process: back if it had not got there, else on.
    ///
    /// # Errors
    /// Those of the databases; [`StoreError::InUse`] if somebody else moves a tenant by now.
    pub async fn settle_move(&self, tenant: &TenantCode) -> Result<()> {
        let mut looks = 0;
        let moves = loop {
            match self.control.hold_moves().await {
                // Ours is about to be given back.
                Err(StoreError::InUse { .. }) if looks < LOOKS => {
                    looks += 1;
                    tokio::time::sleep(LOOK).await;
                }
                held => break held?,
            }
        };
        let settled = match self.read_places().await?.get(tenant).cloned() {
            Some(Placement { place, moves: Some((other, Phase::Copying)) }) => {
                self.take_back(tenant, &place, &other).await
            }
            Some(Placement { place, moves: Some((other, Phase::Clearing)) }) => {
                self.clear(tenant, &other, &place).await
            }
            _ => Ok(()),
        };
        moves.release().await;
        settled
    }

    /// The tenant works where it is. What the other end has is not shown there, so it may be left, if that is away.
    async fn take_back(&self, tenant: &TenantCode, place: &str, other: &str) -> Result<()> {
        self.at(place).await?.settle(tenant).await?;
        self.control.put_placement(tenant, &Placement { place: place.to_owned(), moves: None }).await?;
        self.read_places().await?;
        let removed = match self.at(other).await {
            Ok(target) => target.turn_away(tenant).await,
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!(%tenant, place = shown(other), %error, "what was copied of the tenant stays there, unseen");
        }
        Ok(())
    }

    /// The tenant works where it is now, and the place that it came from is cleared.
    async fn clear(&self, tenant: &TenantCode, from: &str, to: &str) -> Result<()> {
        self.at(to).await?.settle(tenant).await?;
        self.read_places().await?;
        self.at(from).await?.let_go(tenant).await?;
        self.control.put_placement(tenant, &Placement { place: to.to_owned(), moves: None }).await?;
        self.read_places().await?;
        Ok(())
    }

    /// Refuses a database with tenants of its own: their runs may have the same numbers as ours.
    async fn is_ours(&self, place: &str, store: &Postgres) -> Result<()> {
        let known = self.known(Duration::MAX).await?;
        if place == CONTROL || known.values().any(|placement| placement.place == place) {
            return Ok(());
        }
        for (there, stage) in store.stages().await? {
            if matches!(stage, Stage::Here | Stage::Leaving) {
                return Err(StoreError::Exists(format!(
                    "tenant {there} in {}, which is not of this installation,",
                    shown(place)
                )));
            }
        }
        Ok(())
    }
}

fn named(place: &str) -> String {
    if place == CONTROL { "control".to_owned() } else { shown(place) }
}

/// Runs come to their end, however long they take; the timer begins none meanwhile.
async fn wait_until_it_leaves(
    source: &Postgres,
    tenant: &TenantCode,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<()> {
    let mut told = None;
    loop {
        match source.leave(tenant).await {
            Err(StoreError::Busy { channel, .. }) => {
                if told.as_ref() != Some(&channel) {
                    tell(Step::Waiting { channel: channel.clone() });
                    told = Some(channel);
                }
                tokio::time::sleep(LOOK).await;
            }
            done => return done,
        }
    }
}
