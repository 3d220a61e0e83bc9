//! Conflicts: list, accept, keep.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::detached;
use crate::{
    domain::{
        apply::Code,
        codes::natural,
        duties::{Conflict, Decision},
    },
    http::{
        Api,
        access::{In, Operate, Read},
        extract::{Ask, At},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::ConflictRow,
    sync::Done,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(accept)).routes(routes!(keep))
}

/// A conflict with its channel.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelConflict {
    /// The order's channel.
    channel: String,
    /// What a person can do about it.
    remedy: String,
    /// The conflict.
    conflict: Conflict,
}

impl From<ConflictRow> for ChannelConflict {
    fn from(row: ConflictRow) -> Self {
        let remedy = Code::parse(&row.conflict.cause).map_or("", Code::remedy).to_owned();
        ChannelConflict { channel: row.channel.to_string(), remedy, conflict: row.conflict }
    }
}

/// Which conflicts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Those that are decided too; otherwise the open ones.
    all: Option<bool>,
    /// The code of the last conflict that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List conflicts, by number
#[utoipa::path(get, path = "/v1/tenants/{tenant}/conflicts", tag = "duties", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Conflicts, by number.", body = Page<ChannelConflict>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<ChannelConflict>>> {
    let size = size(list.limit)?;
    let rows = api.store.conflicts(&place.tenant, !list.all.unwrap_or(false)).await?;
    let after = list.after.unwrap_or_default();
    let is_after = |row: &ConflictRow| natural(&row.conflict.code, &after).is_gt();
    Ok(Json(Page::cut(rows, size, is_after, |row| row.conflict.code.clone(), ChannelConflict::from)))
}

/// What a person's act came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deed {
    /// The order that it was about.
    order: String,
    /// In a sentence.
    message: String,
    /// What changed, in sentences.
    changes: Vec<String>,
}

impl From<Done> for Deed {
    fn from(done: Done) -> Self {
        Deed {
            order: done.order.to_string(),
            message: done.message,
            changes: done.effects.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Accept a conflict: what the channel said is applied at once
#[utoipa::path(post, path = "/v1/tenants/{tenant}/conflicts/{conflict}/accept", tag = "duties",
    security(("key" = ["operate"])), responses((status = 200, description = "It is decided.", body = Deed)))]
async fn accept(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, code)): At<(String, String)>,
) -> Answer<Json<Deed>> {
    decide(&api, place, code, Decision::Accept).await
}

/// Keep our state in a conflict: the same is not asked again
#[utoipa::path(post, path = "/v1/tenants/{tenant}/conflicts/{conflict}/keep", tag = "duties",
    security(("key" = ["operate"])), responses((status = 200, description = "It is decided.", body = Deed)))]
async fn keep(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, code)): At<(String, String)>,
) -> Answer<Json<Deed>> {
    decide(&api, place, code, Decision::Keep).await
}

async fn decide(api: &Api, place: In<Operate>, code: String, decision: Decision) -> Answer<Json<Deed>> {
    if api.store.conflict(&place.tenant, &code).await?.is_none() {
        let said = format!("tenant {} has no conflict {code}", place.tenant);
        return Err(Problem::new(Kind::ConflictNotFound, said));
    }
    let engine = api.engine();
    let done =
        detached(async move { engine.decide_conflict(&place.tenant, &code, decision).await }).await??;
    Ok(Json(done.into()))
}
