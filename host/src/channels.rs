//! Setting a channel up: its settings are checked by its connector before anything is stored, its secrets sealed apart,
//! its tasks made. The same for whoever asks: the command line or the API.
//!
//! What was typed, and how what went wrong is told, is the caller's business.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::Millis;
use serde_json::{Map, Value};

use crate::{
    domain::{
        codes::{ChannelCode, FacilityCode, TenantCode},
        snapshot::Channel,
    },
    nearest::did_you_mean,
    plugins::Connector,
    secrets::Secret,
    settings,
    storage::{NewTask, Store, StoreError},
    sync::Engine,
};

/// A channel as it shall be.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The channel; its settings hold no secret.
    pub channel: Channel,
    /// Secrets to store besides those that it has.
    pub secrets: BTreeMap<String, Secret>,
}

/// Why a channel was not set up. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Its default facility is not known.
    #[error("tenant {tenant} has no facility {facility}{meant}")]
    NoFacility {
        /// The tenant.
        tenant: TenantCode,
        /// What was asked for.
        facility: FacilityCode,
        /// `; did you mean …?`, or nothing.
        meant: String,
    },
    /// Its connector is not loaded.
    #[error("connector {0} is not loaded")]
    NoConnector(String),
    /// A setting is missing, or the connector does not take one; the sentence names it.
    #[error("{0}")]
    Settings(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a channel with its secrets and tasks; answers which secrets it still needs.
///
/// # Errors
/// [`StoreError::Exists`] if there is one of its code.
pub async fn add(engine: &Engine, tenant: &TenantCode, draft: &Draft) -> Result<Vec<String>, ChannelError> {
    let Draft { channel, secrets } = draft;
    let store = engine.store();
    if store.channel(tenant, &channel.code).await?.is_some() {
        return Err(StoreError::Exists(format!("channel {}", channel.code)).into());
    }
    knows_facility(store, tenant, channel).await?;
    let connector = engine.registry().get(&channel.connector);
    let connector = connector.ok_or_else(|| ChannelError::NoConnector(channel.connector.clone()))?;
    let names = secrets.keys().cloned().collect();
    check(engine, &connector, &channel.settings, &names).await?;
    store.put_channel(tenant, channel).await?;
    store.put_secrets(tenant, &channel.code, secrets).await?;
    ensure_tasks(store, engine.now_ms(), tenant, &channel.code, &connector).await?;
    Ok(missing_secrets(&connector, channel, &names))
}

/// Changes a channel; answers which secrets it still needs. If neither settings nor secrets change, its connector need not
/// be loaded.
pub async fn change(
    engine: &Engine,
    tenant: &TenantCode,
    draft: &Draft,
) -> Result<Vec<String>, ChannelError> {
    let Draft { channel, secrets } = draft;
    let store = engine.store();
    let code = &channel.code;
    let before = store.channel(tenant, code).await?;
    let before = before.ok_or_else(|| StoreError::NotFound(format!("channel {code} of tenant {tenant}")))?;
    knows_facility(store, tenant, channel).await?;
    if before.settings == channel.settings && secrets.is_empty() {
        store.put_channel(tenant, channel).await?;
        return Ok(Vec::new());
    }
    let connector = engine.registry().get(&channel.connector);
    let connector = connector.ok_or_else(|| ChannelError::NoConnector(channel.connector.clone()))?;
    let mut names = store.secret_names(tenant, code).await?;
    names.extend(secrets.keys().cloned());
    check(engine, &connector, &channel.settings, &names).await?;
    store.put_channel(tenant, channel).await?;
    if !secrets.is_empty() {
        store.put_secrets(tenant, code, secrets).await?;
        // A token that was got with other secrets is not theirs.
        store.forget_token(tenant, code).await?;
    }
    Ok(missing_secrets(&connector, channel, &names))
}

async fn knows_facility(
    store: &dyn Store,
    tenant: &TenantCode,
    channel: &Channel,
) -> Result<(), ChannelError> {
    let Some(facility) = &channel.default_facility else { return Ok(()) };
    let known = store.facilities(tenant).await?;
    if known.iter().any(|row| row.code == *facility) {
        return Ok(());
    }
    let meant = did_you_mean(facility.as_str(), known.iter().map(|row| row.code.as_str()));
    Err(ChannelError::NoFacility { tenant: tenant.clone(), facility: facility.clone(), meant })
}

/// Settings as the connector's declaration and then the connector itself want them.
async fn check(
    engine: &Engine,
    connector: &std::sync::Arc<Connector>,
    given: &Map<String, Value>,
    secrets: &BTreeSet<String>,
) -> Result<(), ChannelError> {
    let missing = settings::missing(&connector.descriptor, given, secrets);
    if let Some(setting) = missing.iter().find(|setting| !setting.secret) {
        let sentence = format!("{connector} needs setting `{}`: {}", setting.name, setting.help);
        return Err(ChannelError::Settings(sentence));
    }
    let names: Vec<String> = secrets.iter().cloned().collect();
    engine.check_settings(connector, given, &names).await.map_err(|error| {
        ChannelError::Settings(format!("{connector} does not take these settings: {}", error.message))
    })
}

/// The secrets that a channel needs and does not have.
pub fn missing_secrets(connector: &Connector, channel: &Channel, names: &BTreeSet<String>) -> Vec<String> {
    let missing = settings::missing(&connector.descriptor, &channel.settings, names);
    missing.into_iter().filter(|setting| setting.secret).map(|setting| setting.name.clone()).collect()
}

/// Makes the tasks that a channel's connector serves and the channel does not have yet, and seals what among its settings is
/// a secret.
///
/// # Idempotency
/// Tasks that are there stay as they are.
pub async fn ensure_tasks(
    store: &dyn Store,
    now: Millis,
    tenant: &TenantCode,
    channel: &ChannelCode,
    connector: &Connector,
) -> Result<(), StoreError> {
    if let Some(known) = store.channel(tenant, channel).await? {
        seal(store, tenant, known, connector).await?;
    }
    let tasks: Vec<NewTask> =
        connector.descriptor.tasks.iter().map(|task| NewTask::usual(*task, now)).collect();
    store.ensure_tasks(tenant, channel, &tasks).await
}

/// Seals the secrets among a channel's settings. They stand there if the channel was taken over before its connector, which
/// alone knows what is a secret. Settings that the connector does not take are left alone; runs and `doctor` name them.
pub async fn seal(
    store: &dyn Store,
    tenant: &TenantCode,
    mut channel: Channel,
    connector: &Connector,
) -> Result<(), StoreError> {
    let Ok(sorted) = settings::sort(&connector.descriptor, &channel.settings) else { return Ok(()) };
    if sorted.secrets.is_empty() {
        return Ok(());
    }
    store.put_secrets(tenant, &channel.code, &sorted.secrets).await?;
    channel.settings = sorted.settings;
    store.put_channel(tenant, &channel).await
}
