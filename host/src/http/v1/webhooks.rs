//! Webhooks: list, make, show, change, remove, another secret, a test, what was told, tell again.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use plugin_api::Millis;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::at;
use crate::{
    access,
    domain::time,
    http::{
        Api,
        access::{Admin, In, Operate, Read},
        extract::{Ask, At, Body, wrong_query},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::{Attempt, Delivery, DeliveryState, EventKind, Webhook, WebhookEdit},
    webhooks,
};

/// How long a secret counts beside the next one, unless said otherwise.
const OVERLAP_HOURS: u16 = 24;
const HOUR_MS: Millis = 3_600_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, change, remove))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(replay))
}

/// A place that is told of events, without its secret.
#[derive(Debug, Serialize, ToSchema)]
struct Hook {
    /// Its id.
    id: String,
    /// What it is for, in its maker's words.
    label: String,
    /// Where it is.
    url: String,
    /// What it is told; empty: everything.
    events: Vec<EventKind>,
    /// Whether it is told.
    enabled: bool,
    /// When it was disabled.
    disabled_at: Option<String>,
    /// Why it was disabled.
    disabled_because: Option<String>,
    /// Since then nothing got through.
    failing_since: Option<String>,
    /// Deliveries that wait.
    waiting: u64,
    /// When the oldest of them was made.
    oldest_waiting_at: Option<String>,
    /// Deliveries that were given up and are still kept.
    failed: u64,
    /// When it was made.
    created_at: String,
}

impl From<Webhook> for Hook {
    fn from(webhook: Webhook) -> Self {
        Hook {
            id: webhook.id,
            label: webhook.label,
            url: webhook.url,
            events: webhook.events.into_iter().collect(),
            enabled: webhook.disabled_at.is_none(),
            disabled_at: webhook.disabled_at.map(at),
            disabled_because: webhook.disabled_because,
            failing_since: webhook.failing_since.map(at),
            waiting: webhook.waiting,
            oldest_waiting_at: webhook.oldest_waiting_at.map(at),
            failed: webhook.failed,
            created_at: at(webhook.created_at),
        }
    }
}

fn unknown<S>(place: &In<S>, id: &str) -> Problem {
    Problem::new(Kind::WebhookNotFound, format!("tenant {} has no webhook {id}", place.tenant))
}

async fn known<S>(api: &Api, place: &In<S>, id: &str) -> Answer<Webhook> {
    api.store.webhook(&place.tenant, id).await?.ok_or_else(|| unknown(place, id))
}

/// Which webhooks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The id of the last webhook that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the tenant's webhooks, by id, with what waits for them
#[utoipa::path(get, path = "/v1/tenants/{tenant}/webhooks", tag = "webhooks", params(List), security(("key" = ["admin"])),
    responses((status = 200, description = "Webhooks, by id.", body = Page<Hook>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Hook>>> {
    let size = size(list.limit)?;
    let rows = api.store.webhooks(&place.tenant).await?;
    let after = list.after.unwrap_or_default();
    Ok(Json(Page::cut(rows, size, |row| row.id > after, |row| row.id.clone(), Hook::from)))
}

/// A webhook to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://example.com/statusync", "events": ["order.status_changed"]}))]
struct NewHook {
    /// Where it is: https.
    #[schema(
        max_length = 2_000,
        pattern = "^https://([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?[.])+[a-z]{2,20}(:[1-9][0-9]{0,3})?(/[!-~]*)?$"
    )]
    url: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    label: String,
    /// What it is told; everything, unless said.
    #[serde(default)]
    events: Vec<EventKind>,
}

/// A webhook that was made, with its secret.
#[derive(Debug, Serialize, ToSchema)]
struct MadeHook {
    /// The webhook.
    webhook: Hook,
    /// What its messages are signed with: shown here and never again.
    secret: String,
}

/// Make a webhook, told of what happens from now on; its secret is in this answer and nowhere else
#[utoipa::path(post, path = "/v1/tenants/{tenant}/webhooks", tag = "webhooks", request_body = NewHook,
    security(("key" = ["admin"])), responses((status = 201, description = "It is made.", body = MadeHook)))]
async fn add(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Body(new): Body<NewHook>,
) -> Answer<impl IntoResponse> {
    check(&api, Some(&new.label), Some(&new.url))?;
    let secret = webhooks::mint().map_err(|error| Problem::internal(&error))?;
    let id = access::mint().map_err(|error| Problem::internal(&error))?.id;
    let webhook = Webhook::new(
        format!("wh_{id}"),
        new.label,
        new.url,
        new.events.into_iter().collect(),
        api.clock.now_ms(),
    );
    api.store.add_webhook(&place.tenant, &webhook, &secret).await?;
    let address = super::address(&["tenants", place.tenant.as_str(), "webhooks", &webhook.id]);
    let made = MadeHook { webhook: webhook.into(), secret: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, address)], Json(made)))
}

fn check(api: &Api, label: Option<&str>, url: Option<&str>) -> Answer<()> {
    let wrong = |said: String| Err(Problem::new(Kind::BodyWrong, said));
    if let Some(label) = label
        && (label.chars().count() > 200 || label.chars().any(char::is_control))
    {
        return wrong("label: at most 200 characters, and none of control".to_owned());
    }
    if let Some(url) = url {
        if url.len() > 2_000 || url.chars().any(char::is_control) {
            return wrong("url: at most 2000 characters, and none of control".to_owned());
        }
        if let Err(why) = api.sender.check(url) {
            return wrong(format!("url: {why}"));
        }
    }
    Ok(())
}

/// Show a webhook with its state
#[utoipa::path(get, path = "/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks", security(("key" = ["admin"])),
    responses((status = 200, description = "The webhook.", body = Hook)))]
async fn show(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, id)): At<(String, String)>,
) -> Answer<Json<Hook>> {
    Ok(Json(known(&api, &place, &id).await?.into()))
}

/// What to change of a webhook; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true}))]
struct HookChange {
    /// Where it is: https.
    #[schema(
        max_length = 2_000,
        pattern = "^https://([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?[.])+[a-z]{2,20}(:[1-9][0-9]{0,3})?(/[!-~]*)?$"
    )]
    url: Option<String>,
    /// What it is for.
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    label: Option<String>,
    /// What it is told; empty: everything.
    events: Option<Vec<EventKind>>,
    /// Whether it is told. Once it is again, it gets what waits.
    enabled: Option<bool>,
}

/// Change a webhook: where it is, what it is told, whether it is told at all
#[utoipa::path(patch, path = "/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks", request_body = HookChange,
    security(("key" = ["admin"])), responses((status = 200, description = "The webhook as it is now.", body = Hook)))]
async fn change(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, id)): At<(String, String)>,
    Body(change): Body<HookChange>,
) -> Answer<Json<Hook>> {
    known(&api, &place, &id).await?;
    check(&api, change.label.as_deref(), change.url.as_deref())?;
    let HookChange { url, label, events, enabled } = change;
    let events: Option<BTreeSet<EventKind>> = events.map(|events| events.into_iter().collect());
    let edit = WebhookEdit { label, url, events, enabled };
    api.store.set_webhook(&place.tenant, &id, &edit, api.clock.now_ms()).await?;
    Ok(Json(known(&api, &place, &id).await?.into()))
}

/// Remove a webhook with what waits for it
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/webhooks/{webhook}", tag = "webhooks", security(("key" = ["admin"])),
    responses((status = 204, description = "It is removed.")))]
async fn remove(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, id)): At<(String, String)>,
) -> Answer<StatusCode> {
    known(&api, &place, &id).await?;
    api.store.remove_webhook(&place.tenant, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How to replace a secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"overlap_hours": 24}))]
struct Rotation {
    /// For how many hours messages are signed with the secret before, too; 24, unless said.
    #[schema(maximum = 720)]
    overlap_hours: Option<u16>,
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
struct Rotated {
    /// What messages are signed with from now on: shown here and never again.
    secret: String,
    /// Until then they are signed with the one before, too.
    old_until: String,
}

/// Replace a webhook's secret; for a while messages are signed with both
#[utoipa::path(post, path = "/v1/tenants/{tenant}/webhooks/{webhook}/rotate", tag = "webhooks", request_body = Rotation,
    security(("key" = ["admin"])), responses((status = 200, description = "It is replaced.", body = Rotated)))]
async fn rotate(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, id)): At<(String, String)>,
    Body(rotation): Body<Rotation>,
) -> Answer<Json<Rotated>> {
    known(&api, &place, &id).await?;
    let hours = rotation.overlap_hours.unwrap_or(OVERLAP_HOURS);
    if hours > 720 {
        return Err(Problem::new(Kind::BodyWrong, "overlap_hours: give 0 to 720"));
    }
    let secret = webhooks::mint().map_err(|error| Problem::internal(&error))?;
    let old_until = api.clock.now_ms() + i64::from(hours) * HOUR_MS;
    api.store.rotate_webhook(&place.tenant, &id, &secret, old_until).await?;
    Ok(Json(Rotated { secret: secret.reveal().to_owned(), old_until: at(old_until) }))
}

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
struct Tested {
    /// Whether it was taken.
    delivered: bool,
    /// The attempt.
    attempt: Attempt,
}

/// Send a test to a webhook now, disabled or not, and tell how that went
#[utoipa::path(post, path = "/v1/tenants/{tenant}/webhooks/{webhook}/test", tag = "webhooks",
    security(("key" = ["operate"])), responses((status = 200, description = "It was sent.", body = Tested)))]
async fn test(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, id)): At<(String, String)>,
) -> Answer<Json<Tested>> {
    let attempt = api.sender.test(&place.tenant, &id).await?.ok_or_else(|| unknown(&place, &id))?;
    Ok(Json(Tested { delivered: webhooks::is_delivered(&attempt), attempt }))
}

/// What a webhook was told, or is to be told.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    /// Rising.
    number: i64,
    /// The id that the receiver knows it by: `webhook-id`.
    event: String,
    /// What kind of event it is.
    kind: EventKind,
    /// The order that it is about.
    order: Option<String>,
    /// How it stands.
    state: DeliveryState,
    /// When it was made: with the event, or by a replay.
    created_at: String,
    /// When the next attempt is made; null while an earlier one of the order waits, and once it is done.
    due_at: Option<String>,
    /// When it was delivered or given up.
    ended_at: Option<String>,
    /// The attempts, oldest first; the last twenty.
    attempts: Vec<Attempt>,
}

impl From<Delivery> for Told {
    fn from(delivery: Delivery) -> Self {
        Told {
            number: delivery.number,
            event: delivery.event,
            kind: delivery.kind,
            order: delivery.order,
            state: delivery.state,
            created_at: at(delivery.created_at),
            due_at: delivery.due_at.map(at),
            ended_at: delivery.ended_at.map(at),
            attempts: delivery.attempts,
        }
    }
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Deliveries {
    /// Those that stand so: `WAITING`, `DELIVERED` or `FAILED`.
    #[param(pattern = "^(WAITING|DELIVERED|FAILED)$")]
    state: Option<String>,
    /// The number of the oldest that the caller has.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List what a webhook was told and is to be told, the newest first, with each attempt
#[utoipa::path(get, path = "/v1/tenants/{tenant}/webhooks/{webhook}/deliveries", tag = "webhooks", params(Deliveries),
    security(("key" = ["read"])),
    responses((status = 200, description = "Deliveries, the newest first.", body = Page<Told>)))]
async fn deliveries(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    At((_, id)): At<(String, String)>,
    Ask(list): Ask<Deliveries>,
) -> Answer<Json<Page<Told>>> {
    known(&api, &place, &id).await?;
    let size = size(list.limit)?;
    if list.after.is_some_and(i64::is_negative) {
        return Err(wrong_query("after: a number is not negative"));
    }
    let state = list.state.map(|name| {
        let said = || wrong_query(&format!("state: {name} is none; there are WAITING, DELIVERED and FAILED"));
        DeliveryState::parse(&name).ok_or_else(said)
    });
    let rows = api.store.deliveries(&place.tenant, &id, state.transpose()?, list.after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.number.to_string(), Told::from)))
}

/// What to tell again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"since": "2026-01-15T09:30:00Z"}))]
struct Again {
    /// Everything since this instant that is still kept.
    #[schema(format = DateTime)]
    since: String,
}

/// How much is told again.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// Deliveries that are made again.
    deliveries: u64,
}

/// Tell a webhook again of everything since an instant, also of what it has: under the same ids
#[utoipa::path(post, path = "/v1/tenants/{tenant}/webhooks/{webhook}/replay", tag = "webhooks", request_body = Again,
    security(("key" = ["operate"])), responses((status = 202, description = "It is on its way.", body = Replayed)))]
async fn replay(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, id)): At<(String, String)>,
    Body(again): Body<Again>,
) -> Answer<impl IntoResponse> {
    known(&api, &place, &id).await?;
    let said = || format!("since: `{}` is no RFC 3339 time such as 2026-01-15T09:30:00Z", again.since);
    let since = time::parse(&again.since).ok_or_else(|| Problem::new(Kind::BodyWrong, said()))?;
    let deliveries = api.store.replay_webhook(&place.tenant, &id, since, api.clock.now_ms()).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { deliveries })))
}
