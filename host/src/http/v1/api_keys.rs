//! Keys of programs: list, make, revoke. And what was done with them and by people.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::at;
use crate::{
    access::{self, Scope, Scopes},
    http::{
        Api,
        access::{Admin, In},
        extract::{Ask, At, Body, wrong_query},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::{Action, ApiKey},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(revoke)).routes(routes!(actions))
}

/// A key, without its text.
#[derive(Debug, Serialize, ToSchema)]
struct Key {
    /// Its id.
    id: String,
    /// What it is for, in its maker's words.
    label: String,
    /// What it allows.
    scopes: Scopes,
    /// When it was made.
    created_at: String,
    /// When it runs out.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
}

impl From<ApiKey> for Key {
    fn from(key: ApiKey) -> Self {
        Key {
            id: key.id,
            label: key.label,
            scopes: key.scopes,
            created_at: at(key.created_at),
            expires_at: key.expires_at.map(at),
            revoked_at: key.revoked_at.map(at),
            last_used_at: key.last_used_at.map(at),
        }
    }
}

/// Which keys to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The id of the last key that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the tenant's keys, by id; their texts are kept nowhere
#[utoipa::path(get, path = "/v1/tenants/{tenant}/api-keys", tag = "access", params(List), security(("key" = ["admin"])),
    responses((status = 200, description = "Keys, by id.", body = Page<Key>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Key>>> {
    let size = size(list.limit)?;
    let rows = api.store.api_keys(Some(&place.tenant)).await?;
    let after = list.after.unwrap_or_default();
    Ok(Json(Page::cut(rows, size, |row| row.id > after, |row| row.id.clone(), Key::from)))
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "order system", "scopes": ["read", "orders"]}))]
struct NewKey {
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 200, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    label: String,
    /// What it allows; no more than the key that makes it.
    #[schema(min_items = 1)]
    scopes: Vec<Scope>,
    /// After how many days it runs out; never, unless said.
    #[schema(minimum = 1, maximum = 3_650)]
    expires_in_days: Option<u16>,
}

/// A key that was made, with its text.
#[derive(Debug, Serialize, ToSchema)]
struct MadeKey {
    /// The key.
    key: Key,
    /// Its text: shown here and never again.
    text: String,
}

/// Make a key for the tenant; its text is in this answer and nowhere else
#[utoipa::path(post, path = "/v1/tenants/{tenant}/api-keys", tag = "access", request_body = NewKey,
    security(("key" = ["admin"])), responses((status = 201, description = "It is made.", body = MadeKey)))]
async fn add(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Body(new): Body<NewKey>,
) -> Answer<impl IntoResponse> {
    let wrong = |said: &str| Problem::new(Kind::BodyWrong, said);
    let scopes = Scopes::from_iter(new.scopes);
    if scopes.is_empty() {
        return Err(wrong("scopes: name at least one"));
    }
    if new.label.chars().count() > 200 || new.label.chars().any(char::is_control) {
        return Err(wrong("label: at most 200 characters, and none of control"));
    }
    let now = api.clock.now_ms();
    if new.expires_in_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
        return Err(wrong("expires_in_days: give 1 to 3650"));
    }
    let expires_at = new.expires_in_days.map(|days| now + i64::from(days) * 86_400_000);
    let minted = access::mint().map_err(|error| Problem::internal(&error))?;
    let key = ApiKey {
        id: minted.id,
        tenant: Some(place.tenant.clone()),
        label: new.label,
        scopes,
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    api.store.add_api_key(&key, &minted.hash).await?;
    let address = super::address(&["tenants", place.tenant.as_str(), "api-keys", &key.id]);
    let made = MadeKey { key: key.into(), text: minted.text.reveal().to_owned() };
    Ok((StatusCode::CREATED, [(header::LOCATION, address)], Json(made)))
}

/// Revoke a key of the tenant: it is refused from now on
#[utoipa::path(delete, path = "/v1/tenants/{tenant}/api-keys/{key}", tag = "access", security(("key" = ["admin"])),
    responses((status = 204, description = "It is revoked.")))]
async fn revoke(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, id)): At<(String, String)>,
) -> Answer<StatusCode> {
    let found = api.store.api_key(&id).await?;
    if found.is_none_or(|(key, _)| key.tenant.as_ref() != Some(&place.tenant)) {
        return Err(Problem::new(
            Kind::ApiKeyNotFound,
            format!("tenant {} has no API key {id}", place.tenant),
        ));
    }
    api.store.revoke_api_key(&id, api.clock.now_ms()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something that somebody did.
#[derive(Debug, Serialize, ToSchema)]
struct Done {
    /// Rising.
    id: i64,
    /// When.
    at: String,
    /// `key:…`, `user:…`, or `host` for what it did by itself.
    who: String,
    /// What.
    action: String,
    /// To what.
    subject: String,
}

impl From<Action> for Done {
    fn from(action: Action) -> Self {
        let Action { id, at: when, who, action, subject, .. } = action;
        Done { id, at: at(when), who, action, subject }
    }
}

/// Which deeds to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Deeds {
    /// The id of the oldest that the caller has.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List who changed what in the tenant, the newest first
#[utoipa::path(get, path = "/v1/tenants/{tenant}/actions", tag = "access", params(Deeds), security(("key" = ["admin"])),
    responses((status = 200, description = "What was done, the newest first.", body = Page<Done>)))]
async fn actions(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Ask(list): Ask<Deeds>,
) -> Answer<Json<Page<Done>>> {
    let size = size(list.limit)?;
    if list.after.is_some_and(i64::is_negative) {
        return Err(wrong_query("after: an id is not negative"));
    }
    let rows = api.store.actions(&place.tenant, list.after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.id.to_string(), Done::from)))
}
