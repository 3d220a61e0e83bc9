//! Orders that the seller's system hands over.

use std::collections::HashMap;

use async_trait::async_trait;

use super::{
    Postgres,
    connections::Tx,
    fault::Fail,
    job, load, outbox, page, save,
    scope::{Access, QUICK, Scope},
    setting::hold_tenant,
    statement::{each, text, with},
    words,
};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{
        DecideIntake, IntakeKeys, IntakeState, IntakeStore, Mode, PageReport, Result, StoreError,
        intake::known, words::Before,
    },
};

#[async_trait]
impl IntakeStore for Postgres {
    async fn take_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        keys: IntakeKeys,
        mode: Mode,
        decide: DecideIntake,
    ) -> Result<PageReport> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let of = (Scope::Tenant(tenant.clone()), Access::Write, QUICK);
        let take = job!(|db| take(db, &tenant, &channel, &keys, decide).await);
        self.transact("was taking orders over", of, mode, take).await
    }
}

async fn take(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &IntakeKeys,
    decide: DecideIntake,
) -> std::result::Result<PageReport, Fail> {
    hold_tenant(db, tenant).await?;
    let unknown = || StoreError::NotFound(format!("channel {channel} of tenant {tenant}"));
    let state = load::page(db, tenant, channel, &keys.page).await?.ok_or_else(unknown)?;
    let (has_webhooks, known) = (state.has_webhooks, known(&state));
    let before = Before::of(&state);
    let state = IntakeState { page: state, taken: taken(db, tenant, &keys.codes).await? };
    let result = page::decided(decide, state).await?;
    page::write(db, tenant, channel, &keys.page, &result).await?;
    words::write(db, tenant, &before.changes(&result.files)).await?;
    save::order_items(db, tenant, &result.files).await?;
    save::rehome(db, tenant).await?;
    outbox::tell_page(db, tenant, &keys.page, (has_webhooks, Some(&known)), &result).await?;
    Ok(PageReport::of(result, 0))
}

async fn taken(
    db: &mut Tx,
    tenant: &TenantCode,
    codes: &[OrderCode],
) -> std::result::Result<HashMap<OrderCode, (ChannelCode, String)>, Fail> {
    let codes: Vec<&str> = codes.iter().map(OrderCode::as_str).collect();
    let found = each(
        db,
        "SELECT o.code, o.channel, o.channel_order_id FROM unnest($2::text[]) AS k(code)
         JOIN orders o ON o.tenant = $1 AND o.code = k.code",
        with![tenant.as_str(), codes],
        |row| Ok((text(row, 0)?, (text(row, 1)?, text(row, 2)?))),
    );
    Ok(found.await?.into_iter().collect())
}
