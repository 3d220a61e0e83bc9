//! Putaways: list, complete.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{conflicts::Deed, detached};
use crate::{
    domain::{
        codes::natural,
        duties::{Putaway, Quality},
    },
    http::{
        Api,
        access::{In, Operate, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::PutawayRow,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(complete))
}

/// A putaway with its order.
#[derive(Debug, Serialize, ToSchema)]
struct OrderPutaway {
    /// The order.
    order: String,
    /// The putaway.
    putaway: Putaway,
}

impl From<PutawayRow> for OrderPutaway {
    fn from(row: PutawayRow) -> Self {
        OrderPutaway { order: row.order.to_string(), putaway: row.putaway }
    }
}

/// Which putaways to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Those that are done or discarded too; otherwise the due ones.
    all: Option<bool>,
    /// The code of the last putaway that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List putaways, by number
#[utoipa::path(get, path = "/v1/tenants/{tenant}/putaways", tag = "duties", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Putaways, by number.", body = Page<OrderPutaway>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<OrderPutaway>>> {
    let size = size(list.limit)?;
    let rows = api.store.putaways(&place.tenant, !list.all.unwrap_or(false)).await?;
    let after = list.after.unwrap_or_default();
    let is_after = |row: &PutawayRow| natural(&row.putaway.code, &after).is_gt();
    Ok(Json(Page::cut(rows, size, is_after, |row| row.putaway.code.clone(), OrderPutaway::from)))
}

/// What the warehouse found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"quality": "GOOD_INVENTORY"}))]
struct Found {
    /// Whether it can be sold.
    quality: Quality,
}

/// Complete a putaway: the unit is back on a shelf
#[utoipa::path(post, path = "/v1/tenants/{tenant}/putaways/{putaway}/complete", tag = "duties", request_body = Found,
    security(("key" = ["operate"])), responses((status = 200, description = "It is complete.", body = Deed)))]
async fn complete(
    State(api): State<Arc<Api>>,
    place: In<Operate>,
    At((_, code)): At<(String, String)>,
    Body(found): Body<Found>,
) -> Answer<Json<Deed>> {
    if api.store.putaway(&place.tenant, &code).await?.is_none() {
        let said = format!("tenant {} has no putaway {code}", place.tenant);
        return Err(Problem::new(Kind::PutawayNotFound, said));
    }
    let engine = api.engine();
    let done =
        detached(async move { engine.complete_putaway(&place.tenant, &code, found.quality).await }).await??;
    Ok(Json(done.into()))
}
