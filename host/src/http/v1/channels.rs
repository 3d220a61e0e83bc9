//! Channels: list, add, show with their form, change, store secrets, test the connection.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{at, connectors::Field};
use crate::{
    channels::{self, ChannelError, Draft},
    domain::{codes::TenantCode, snapshot::Channel},
    http::{
        Api,
        access::{Admin, In, Operate, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem, Wrong},
    },
    kept::{PausedNow, RateNow, paused_now, rates_now},
    nearest::did_you_mean,
    plugins::Connector,
    secrets::Secret,
    settings,
    sync::Engine,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, change))
        .routes(routes!(put_secrets))
        .routes(routes!(test))
}

/// A channel of the tenant.
pub(super) async fn known<S>(api: &Api, place: &In<S>, code: &str) -> Answer<Channel> {
    if let Some(channel) = api.store.channel(&place.tenant, &code.into()).await? {
        return Ok(channel);
    }
    let known = api.store.channels(&place.tenant).await?;
    let meant = did_you_mean(code, known.iter().map(|channel| channel.code.as_str()));
    let said = format!("tenant {} has no channel {code}{meant}", place.tenant);
    Err(Problem::new(Kind::ChannelNotFound, said))
}

/// Which channels to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The code of the last channel that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the channels, by code
#[utoipa::path(get, path = "/v1/tenants/{tenant}/channels", tag = "channels", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Channels, by code.", body = Page<Channel>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Channel>>> {
    let size = size(list.limit)?;
    let rows = api.store.channels(&place.tenant).await?;
    let engine = api.engine();
    let after = list.after.unwrap_or_default();
    let is_after = |row: &Channel| row.code.as_str() > after.as_str();
    Ok(Json(Page::cut(rows, size, is_after, |row| row.code.to_string(), |row| without_secrets(&engine, row))))
}

/// A channel whose connector came after it may still have secrets among its settings; while the connector is away nobody
/// knows which they are, so none are shown.
fn without_secrets(engine: &Engine, mut channel: Channel) -> Channel {
    let connector = engine.registry().get(&channel.connector);
    channel.settings = match connector {
        Some(connector) => {
            let is_secret = |name: &String| {
                connector.descriptor.settings.iter().any(|setting| setting.secret && setting.name == *name)
            };
            channel.settings.into_iter().filter(|(name, _)| !is_secret(name)).collect()
        }
        None => Map::new(),
    };
    channel
}

/// A channel with the form that it is set up with.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelDocument {
    /// The channel; its settings without secrets, and none while its connector is not loaded.
    channel: Channel,
    /// Whether its connector is loaded.
    connector_loaded: bool,
    /// The names of the secrets that are stored.
    secrets: BTreeSet<String>,
    /// The names of those that it still needs.
    missing_secrets: Vec<String>,
    /// The fields of its form; empty while its connector is not loaded.
    form: Vec<Field>,
    /// How its calls stand with the rate plan; empty while its connector is not loaded.
    rates: Vec<Rate>,
    /// Why the marketplace is not asked for a while; mostly empty.
    pauses: Vec<Pause>,
}

/// How a call stands with the account's rate plan.
#[derive(Debug, Serialize, ToSchema)]
struct Rate {
    /// The call, by its name in the connector's rate plan.
    operation: String,
    /// How many a second the plan grants.
    per_second: f64,
    /// How many at once.
    burst: u32,
    /// How many may leave now.
    free: u32,
    /// When the next may leave, if none may now.
    next_at: Option<String>,
}

impl From<RateNow> for Rate {
    fn from(now: RateNow) -> Self {
        let RateNow { operation, per_second, burst, free, next_at } = now;
        Rate { operation, per_second, burst, free, next_at: next_at.map(at) }
    }
}

/// That a marketplace is left in peace because nobody answered.
#[derive(Debug, Serialize, ToSchema)]
struct Pause {
    /// Whom it is about: `account`, or `connector` if no account of it was answered.
    of: &'static str,
    /// Since when.
    since: String,
    /// When the next attempt is made.
    next_attempt_at: String,
    /// Attempts in a row that failed.
    failures: u32,
    /// What went wrong last.
    reason: String,
}

impl From<PausedNow> for Pause {
    fn from(now: PausedNow) -> Self {
        Pause {
            of: if now.is_of_account { "account" } else { "connector" },
            since: at(now.since),
            next_attempt_at: at(now.next_attempt_at),
            failures: now.failures,
            reason: now.reason,
        }
    }
}

async fn document(
    api: &Api,
    engine: &Engine,
    tenant: &TenantCode,
    channel: Channel,
) -> Answer<ChannelDocument> {
    let secrets = api.store.secret_names(tenant, &channel.code).await?;
    let connector = engine.registry().get(&channel.connector);
    let loaded = connector.as_deref();
    let account = format!("{tenant}/{}", channel.code);
    let plan = loaded.map_or(&[][..], |loaded| &loaded.descriptor.operations);
    let rates = rates_now(&*api.store, &account, plan, api.clock.now_ms()).await?;
    let pauses = paused_now(&*api.store, &account, &channel.connector).await?;
    Ok(ChannelDocument {
        rates: rates.into_iter().map(Rate::from).collect(),
        pauses: pauses.into_iter().map(Pause::from).collect(),
        connector_loaded: loaded.is_some(),
        missing_secrets: loaded
            .map_or_else(Vec::new, |loaded| channels::missing_secrets(loaded, &channel, &secrets)),
        form: loaded
            .map_or_else(Vec::new, |loaded| loaded.descriptor.settings.iter().map(Field::from).collect()),
        channel: without_secrets(engine, channel),
        secrets,
    })
}

/// Show a channel with its settings' form
#[utoipa::path(get, path = "/v1/tenants/{tenant}/channels/{channel}", tag = "channels", security(("key" = ["read"])),
    responses((status = 200, description = "The channel.", body = ChannelDocument)))]
async fn show(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, code)): At<(String, String)>,
) -> Answer<Json<ChannelDocument>> {
    let channel = known(&api, &place, &code).await?;
    Ok(Json(document(&api, &api.engine(), &place.tenant, channel).await?))
}

/// What a channel is besides its settings; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true, "default_facility": "DEL1", "settings": {"page_size": 50}}))]
struct ChannelChange {
    /// Whether it is synced.
    enabled: Option<bool>,
    /// For items that have no facility.
    default_facility: Option<String>,
    /// The legal seller whose series are used instead of the facility's.
    billing_party: Option<String>,
    /// Who ships orders that do not say so themselves: `CHANNEL` or `SELLER`.
    #[schema(value_type = Option<String>, pattern = "^(CHANNEL|SELLER)$")]
    shipping: Option<plugin_api::ShippedBy>,
    /// Who numbers sale invoices: `CHANNEL` or `SELLER`.
    #[schema(value_type = Option<String>, pattern = "^(CHANNEL|SELLER)$")]
    invoice_numbering: Option<plugin_api::InvoiceNumbering>,
    /// Whether the channel's word on delivery counts although the seller ships.
    trust_delivery: Option<bool>,
    /// Settings to change, as its form names them; null takes one away. Secrets are not taken here.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

impl ChannelChange {
    fn give(&self, channel: &mut Channel) {
        channel.enabled = self.enabled.unwrap_or(channel.enabled);
        if let Some(facility) = &self.default_facility {
            channel.default_facility = Some(facility.as_str().into());
        }
        if let Some(party) = &self.billing_party {
            channel.billing_party = Some(party.as_str().into());
        }
        channel.shipping = self.shipping.or(channel.shipping);
        channel.invoice_numbering = self.invoice_numbering.or(channel.invoice_numbering);
        channel.trust_delivery = self.trust_delivery.unwrap_or(channel.trust_delivery);
    }
}

/// A channel to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "FK1", "connector": "flipkart", "traits": {"default_facility": "DEL1"}}))]
struct NewChannel {
    /// Its code.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x20\\x7f-\\xa0]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0])?$"
    )]
    code: String,
    /// The id of the connector that serves it.
    connector: String,
    /// What it is besides.
    #[serde(default)]
    traits: ChannelChange,
    /// Its secrets, by name. They are sealed and never shown.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    secrets: BTreeMap<String, String>,
}

/// Add a channel; its settings are checked by its connector
#[utoipa::path(post, path = "/v1/tenants/{tenant}/channels", tag = "channels", request_body = NewChannel,
    security(("key" = ["admin"])), responses((status = 201, description = "It is added.", body = ChannelDocument)))]
async fn add(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Body(new): Body<NewChannel>,
) -> Answer<impl IntoResponse> {
    let engine = api.engine();
    let code = super::new_code(&new.code)?.to_owned();
    let connector = loaded(&engine, &new.connector)?;
    let mut channel = Channel {
        code: code.clone().into(),
        connector: new.connector,
        enabled: true,
        default_facility: None,
        billing_party: None,
        shipping: None,
        invoice_numbering: None,
        trust_delivery: false,
        settings: changed(&connector, Map::new(), &new.traits.settings)?,
    };
    new.traits.give(&mut channel);
    let draft = Draft { channel, secrets: secrets(&connector, new.secrets)? };
    channels::add(&engine, &place.tenant, &draft).await?;
    let address = super::address(&["tenants", place.tenant.as_str(), "channels", &code]);
    let shown = document(&api, &engine, &place.tenant, draft.channel).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, address)], Json(shown)))
}

/// Change a channel; its settings are checked by its connector
#[utoipa::path(patch, path = "/v1/tenants/{tenant}/channels/{channel}", tag = "channels", request_body = ChannelChange,
    security(("key" = ["admin"])), responses((status = 200, description = "The channel as it is now.", body = ChannelDocument)))]
async fn change(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, code)): At<(String, String)>,
    Body(change): Body<ChannelChange>,
) -> Answer<Json<ChannelDocument>> {
    let engine = api.engine();
    let mut channel = known(&api, &place, &code).await?;
    change.give(&mut channel);
    if !change.settings.is_empty() {
        let connector = loaded(&engine, &channel.connector)?;
        channel.settings = changed(&connector, channel.settings, &change.settings)?;
    }
    let draft = Draft { channel, secrets: BTreeMap::new() };
    channels::change(&engine, &place.tenant, &draft).await?;
    Ok(Json(document(&api, &engine, &place.tenant, draft.channel).await?))
}

/// Secrets of a channel, by name.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = BTreeMap<String, String>, example = json!({"client_id": "…", "client_secret": "…"}))]
struct SecretsByName(BTreeMap<String, String>);

/// Store secrets of a channel; others that it has stay, and none is ever shown
#[utoipa::path(put, path = "/v1/tenants/{tenant}/channels/{channel}/secrets", tag = "channels",
    request_body = SecretsByName, security(("key" = ["admin"])),
    responses((status = 200, description = "The channel, with the names of its secrets.", body = ChannelDocument)))]
async fn put_secrets(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, code)): At<(String, String)>,
    Body(SecretsByName(given)): Body<SecretsByName>,
) -> Answer<Json<ChannelDocument>> {
    let engine = api.engine();
    let channel = known(&api, &place, &code).await?;
    let connector = loaded(&engine, &channel.connector)?;
    let draft = Draft { channel, secrets: secrets(&connector, given)? };
    channels::change(&engine, &place.tenant, &draft).await?;
    Ok(Json(document(&api, &engine, &place.tenant, draft.channel).await?))
}

fn loaded(engine: &Engine, id: &str) -> Answer<Arc<Connector>> {
    engine.registry().get(id).ok_or_else(|| ChannelError::NoConnector(id.to_owned()).into())
}

/// Settings with changes, in the shape that the connector declares.
fn changed(
    connector: &Connector,
    mut before: Map<String, Value>,
    changes: &Map<String, Value>,
) -> Answer<Map<String, Value>> {
    let declared = &connector.descriptor.settings;
    if let Some(secret) =
        declared.iter().find(|setting| setting.secret && changes.contains_key(&setting.name))
    {
        let said = format!("`{}` is a secret; `PUT …/secrets` takes it", secret.name);
        return Err(Problem::new(Kind::SettingsWrong, said));
    }
    for name in changes.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name) {
        before.remove(name);
    }
    before.extend(sorted(connector, changes)?.settings);
    Ok(before)
}

fn secrets(connector: &Connector, given: BTreeMap<String, String>) -> Answer<BTreeMap<String, Secret>> {
    let declared = &connector.descriptor.settings;
    let is_setting =
        |name: &&String| declared.iter().any(|setting| !setting.secret && setting.name == **name);
    if let Some(name) = given.keys().find(is_setting) {
        return Err(Problem::new(Kind::SettingsWrong, format!("`{name}` is a setting and no secret")));
    }
    let given = given.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    Ok(sorted(connector, &given)?.secrets)
}

fn sorted(connector: &Connector, given: &Map<String, Value>) -> Answer<settings::Sorted> {
    settings::sort(&connector.descriptor, given).map_err(|problems| {
        let said = problems.join("; ");
        let wrong = |problem| Wrong { path: "settings".to_owned(), line: None, column: None, problem };
        Problem::with(Kind::SettingsWrong, said, problems.into_iter().map(wrong).collect())
    })
}

/// How a test of the connection went.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectionTest {
    /// Whether the marketplace answered as it should.
    works: bool,
    /// In a sentence.
    message: String,
    /// The kind of the error: `auth`, `unavailable`, `config`, …
    kind: Option<String>,
    /// Requests that were sent.
    calls: u64,
}

/// Test a channel's connection: one small question to the marketplace, of which nothing is applied
///
/// It works before go-live. An answer of 200 says that the test was made; `works` says how it went.
#[utoipa::path(post, path = "/v1/tenants/{tenant}/channels/{channel}/test", tag = "channels",
    security(("key" = ["operate"])), responses((status = 200, description = "How it went.", body = ConnectionTest)))]
async fn test(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, code)): At<(String, String)>,
) -> Answer<Json<ConnectionTest>> {
    let code = known(&api, &place, &code).await?.code;
    let tested = api.engine().test_connection(&place.tenant, &code).await?;
    let kind = tested.kind.map(|kind| kind.as_str().to_owned());
    Ok(Json(ConnectionTest { works: tested.works, message: tested.message, kind, calls: tested.calls }))
}
