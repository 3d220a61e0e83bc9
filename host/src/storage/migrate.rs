//! Moves everything from one store into another, and proves that it is there.
//!
//! Nothing is written at the source. At the target a tenant is arriving, neither shown nor run, until all of them are there
//! and their snapshots are equal; so what was cut off half way is known by that, and made good by doing it again.

use std::{
    fmt::Write as _,
    io::{self, BufReader, Write},
};

use plugin_api::Millis;
use sha2::{Digest as _, Sha256};

use super::{
    Landing, Part, Result, RunFilter, RunId, Stage, Store, StoreError,
    copy::{self, Contents},
};
use crate::domain::codes::TenantCode;

/// What is told while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tenants of an earlier attempt that did not come to its end were removed.
    Removed(usize),
    /// A tenant is being copied.
    Copying(TenantCode),
    /// Its snapshots are being compared.
    Comparing(TenantCode),
}

/// A snapshot's SHA-256 and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// As hexadecimal text.
    pub sha256: String,
    /// In bytes.
    pub bytes: u64,
}

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Rows of all tables.
    pub rows: u64,
    /// Each tenant with the digest that its snapshot has in both stores.
    pub tenants: Vec<(TenantCode, Digest)>,
}

/// Moves everything. The source stays as it is.
///
/// # Errors
/// [`StoreError::Exists`] if the target has a tenant, unless it is the same as the source's; [`StoreError::Busy`] if a run is on
/// at the source; [`StoreError::Changed`] if runs began there meanwhile; [`StoreError::Contradiction`] if snapshots are not
/// equal. The target shows none of the tenants then.
/// # Idempotency
/// Done again after it was cut off, it begins anew with what is not there.
pub async fn everything(
    source: &std::sync::Arc<dyn Store>,
    target: &dyn Store,
    now: Millis,
    tell: &(dyn Fn(Step) + Sync),
) -> Result<Moved> {
    let tenants: Vec<TenantCode> = source.tenants().await?.into_iter().map(|row| row.code).collect();
    let last = last_run(&**source).await?;
    let mut moved = Moved::default();
    let (mut here, mut removed) = (Vec::new(), 0);
    for (tenant, stage) in target.stages().await? {
        match stage {
            Stage::Here | Stage::Leaving => {
                // All arrive before the first is there, so what is there besides came that way, or was there before.
                let same = tenants.contains(&tenant)
                    && digest(&**source, &tenant, now).await? == digest(target, &tenant, now).await?;
                if !same {
                    return Err(StoreError::Exists(format!(
                        "tenant {tenant} (a target must have no tenants)"
                    )));
                }
                here.push(tenant);
            }
            Stage::Arriving => {
                target.turn_away(&tenant).await?;
                removed += 1;
            }
            Stage::Left => {}
        }
    }
    if removed > 0 {
        tell(Step::Removed(removed));
    }
    moved.rows += part(source, target, Part::Shared, now).await?;
    let coming: Vec<&TenantCode> = tenants.iter().filter(|tenant| !here.contains(tenant)).collect();
    for tenant in &coming {
        tell(Step::Copying((*tenant).clone()));
        moved.rows += part(source, target, Part::Tenant((*tenant).clone()), now).await?;
    }
    for tenant in &tenants {
        tell(Step::Comparing(tenant.clone()));
        moved.tenants.push((tenant.clone(), same(&**source, target, tenant, now).await?));
    }
    if last_run(&**source).await? != last {
        return Err(StoreError::Changed("the source".to_owned()));
    }
    for tenant in coming {
        target.settle(tenant).await?;
    }
    Ok(moved)
}

/// The last run with its end: nobody works on a store where that does not change.
async fn last_run(store: &dyn Store) -> Result<Option<(RunId, Option<Millis>)>> {
    let runs = store.runs(&RunFilter::default(), None, 1).await?;
    Ok(runs.first().map(|run| (run.id, run.ended_at)))
}

/// Copies a part; answers how many rows it has. Both ends work at once, and little is in memory between them.
pub(super) async fn part(
    source: &std::sync::Arc<dyn Store>,
    target: &dyn Store,
    part: Part,
    now: Millis,
) -> Result<u64> {
    let landing = if part.tenant().is_some() { Landing::Arriving } else { Landing::Here };
    let (reader, mut writer) = io::pipe().map_err(StoreError::Output)?;
    let (from, runtime) = (std::sync::Arc::clone(source), tokio::runtime::Handle::current());
    let writing = tokio::task::spawn_blocking(move || {
        runtime.block_on(copy::write_parts(&*from, &[part], now, &mut writer))
    });
    let taken = copy::take_parts(target, BufReader::with_capacity(64 << 10, reader), landing).await;
    let written: Result<Contents> = writing.await.map_err(|_| StoreError::Closed)?;
    match (written, taken) {
        // Whoever is not listened to any more has no news.
        (Err(StoreError::Output(error)), Err(why)) if error.kind() == io::ErrorKind::BrokenPipe => Err(why),
        (Err(error), _) | (_, Err(error)) => Err(error),
        (Ok(written), Ok(taken)) if written.rows == taken.rows => Ok(taken.rows),
        (Ok(written), Ok(taken)) => Err(StoreError::Contradiction(format!(
            "{} rows were read and {} were written; do it again",
            written.rows, taken.rows
        ))),
    }
}

/// The digest that a tenant's snapshot has in both stores.
///
/// # Errors
/// [`StoreError::Contradiction`] if there are two.
pub(super) async fn same(
    source: &dyn Store,
    target: &dyn Store,
    tenant: &TenantCode,
    now: Millis,
) -> Result<Digest> {
    let (before, after) =
        futures_util::future::join(digest(source, tenant, now), digest(target, tenant, now)).await;
    let (before, after) = (before?, after?);
    if before == after {
        return Ok(before);
    }
    Err(StoreError::Contradiction(format!(
        "the snapshot of tenant {tenant} has {} bytes at the source and {} at the target, and they are not equal; let \
         nothing work on the source and do it again",
        before.bytes, after.bytes
    )))
}

/// The digest of a tenant's snapshot, wherever the tenant is on its way.
async fn digest(store: &dyn Store, tenant: &TenantCode, now: Millis) -> Result<Digest> {
    let mut hashing = Hashing { hash: Sha256::new(), bytes: 0 };
    store.export_moving(tenant, now, &mut hashing).await?;
    let mut sha256 = String::new();
    for byte in hashing.hash.finalize() {
        // Writing to a String cannot fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(Digest { sha256, bytes: hashing.bytes })
}

struct Hashing {
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
