//! Orders that the seller's system hands over.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    Sqlite,
    fault::Fail,
    json::{each, json},
    load, outbox, page, save,
    versions::Touches,
    writer::{Kind, Weight},
};
use crate::{
    domain::codes::{ChannelCode, OrderCode, TenantCode},
    storage::{
        DecideIntake, IntakeKeys, IntakeState, IntakeStore, Mode, PageReport, Result, StoreError,
        intake::known, words::Before,
    },
};

#[async_trait]
impl IntakeStore for Sqlite {
    async fn take_orders(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
        keys: IntakeKeys,
        mode: Mode,
        decide: DecideIntake,
    ) -> Result<PageReport> {
        let (tenant, channel) = (tenant.clone(), channel.clone());
        let kind = Kind { weight: Weight::Heavy, touches: Touches::tenant(&tenant), mode };
        self.writer
            .write("was taking orders over", kind, move |db| take(db, &tenant, &channel, &keys, decide))
            .await
    }
}

fn take(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    keys: &IntakeKeys,
    decide: DecideIntake,
) -> std::result::Result<PageReport, Fail> {
    let unknown = || StoreError::NotFound(format!("channel {channel} of tenant {tenant}"));
    let state = load::page(db, tenant, channel, &keys.page)?.ok_or_else(unknown)?;
    let (has_webhooks, known) = (state.has_webhooks, known(&state));
    let before = Before::of(&state);
    let result = decide(IntakeState { page: state, taken: taken(db, tenant, &keys.codes)? });
    page::write(db, tenant, (channel, &keys.page), &before, &result)?;
    save::order_items(&result.files)?.write(db, tenant)?;
    save::rehome(db, tenant)?;
    outbox::tell_page(db, tenant, &keys.page, (has_webhooks, Some(&known)), &result)?;
    Ok(PageReport::of(result, 0))
}

fn taken(
    db: &Connection,
    tenant: &TenantCode,
    codes: &[OrderCode],
) -> std::result::Result<HashMap<OrderCode, (ChannelCode, String)>, Fail> {
    let found = each(
        db,
        "SELECT o.code, o.channel, o.channel_order_id FROM json_each(?2) k CROSS JOIN orders o
           ON o.tenant = ?1 AND o.code = k.value",
        params![tenant.as_str(), json(codes)?],
        |row| {
            let (code, channel): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((code.into(), (channel.into(), row.get(2)?)))
        },
    )?;
    Ok(found.into_iter().collect())
}
