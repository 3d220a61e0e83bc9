//! A page: loaded, decided and written in the transaction that the caller opened.

use super::{connections::Tx, fault::Fail, lease, load, outbox, save, setting::hold_tenant, words};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{
        Decide, Edit, Fence, PageKeys, PageReport, PageResult, StoreError, rows, wanted, words::Before,
    },
};

pub(super) async fn apply(
    db: &mut Tx,
    fence: &Fence,
    keys: &PageKeys,
    decide: Decide,
) -> Result<PageReport, Fail> {
    let (tenant, channel) = (&fence.tenant, &fence.channel);
    hold(db, tenant, || fence.lost()).await?;
    lease::check(db, fence).await?;
    let state = load::page(db, tenant, channel, keys).await?.ok_or_else(|| fence.lost())?;
    let (unchanged, has_webhooks) = (state.unchanged.len(), state.has_webhooks);
    let before = Before::of(&state);
    let result = decided(decide, state).await?;
    write(db, tenant, channel, keys, &result).await?;
    words::write(db, tenant, &before.changes(&result.files)).await?;
    if let Some(run) = keys.run {
        save::lines(db, tenant, run, &result.lines).await?;
        save::counts(db, tenant, run, &result.counts).await?;
    }
    if let Some((task, mark)) = &result.mark {
        save::mark(db, tenant, channel, *task, mark).await?;
    }
    outbox::tell_page(db, tenant, keys, (has_webhooks, None), &result).await?;
    Ok(PageReport::of(result, unchanged))
}

pub(super) async fn edit(
    db: &mut Tx,
    tenant: &TenantCode,
    order: &OrderCode,
    now: plugin_api::Millis,
    decide: Edit,
) -> Result<PageReport, Fail> {
    hold(db, tenant, || StoreError::NotFound(format!("order {order} of tenant {tenant}"))).await?;
    let (channel, id) = load::whereabouts(db, tenant, order).await?;
    let keys = wanted::only(id.clone(), now);
    let state = load::page(db, tenant, &channel, &keys).await?.ok_or_else(|| {
        StoreError::Contradiction(format!("order {order} is of channel {channel}, which does not exist"))
    })?;
    let has_webhooks = state.has_webhooks;
    let before = Before::of(&state);
    let mut result = decided(decide, state).await?;
    result.seen = vec![(id, None)];
    write(db, tenant, &channel, &keys, &result).await?;
    words::write(db, tenant, &before.changes(&result.files)).await?;
    outbox::tell_page(db, tenant, &keys, (has_webhooks, None), &result).await?;
    Ok(PageReport::of(result, 0))
}

/// Takes the tenant's row; a tenant that is gone is said in the caller's words.
async fn hold(db: &mut Tx, tenant: &TenantCode, gone: impl FnOnce() -> StoreError) -> Result<(), Fail> {
    hold_tenant(db, tenant).await.map_err(|fail| match fail {
        Fail::Store(StoreError::NotFound(_)) => Fail::Store(gone()),
        other => other,
    })
}

/// Has a page decided, on a thread where it holds up nobody who waits for the database.
pub(super) async fn decided<S: Send + 'static>(
    decide: impl FnOnce(S) -> PageResult + Send + 'static,
    state: S,
) -> Result<PageResult, Fail> {
    tokio::task::spawn_blocking(move || decide(state)).await.map_err(|_panicked| Fail::Decision)
}

pub(super) async fn write(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &PageKeys,
    result: &PageResult,
) -> Result<(), Fail> {
    let seen = rows::fingerprints(result);
    let rows = rows::Rows::of(&result.files, &rows::shortfalls(&result.changes), &seen, Some(keys.now));
    save::orders(db, tenant, &rows.orders).await?;
    save::invoices(db, tenant, &rows.invoices).await?;
    save::putaways(db, tenant, &rows.putaways).await?;
    save::conflicts(db, tenant, &rows.conflicts).await?;
    save::history(db, tenant, &result.changes).await?;
    save::unpark(db, tenant, &result.unpark).await?;
    let park: Vec<_> = result.park.iter().map(|fact| (channel.clone(), fact.clone())).collect();
    save::parked(db, tenant, &park).await?;
    save::stock(db, tenant, &result.ledger.stock).await?;
    save::sequences(db, tenant, &result.ledger.sequences).await?;
    if let Some(counters) = result.ledger.counters {
        save::counters(db, tenant, counters).await?;
    }
    save::seen(db, tenant, channel, &rows::only_seen(result, seen)).await
}
