//! Facts that wait: for their order, for an item, or for the cause of a refusal to go away.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::at;
use crate::{
    domain::{apply::Code, codes::ChannelCode, observed::Observed},
    http::{
        Api,
        access::{In, Read},
        extract::{Ask, wrong_query},
        paging::{Page, size},
        problem::Answer,
    },
    storage::{ParkedFilter, ParkedRow},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A fact that waits.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Waiting {
    /// Its number, rising.
    id: i64,
    /// `UNKNOWN_ORDER`, `UNKNOWN_ITEM`, or the code of the refusal.
    cause: String,
    /// Why it waits, in a sentence.
    message: String,
    /// What to do; empty if nothing is.
    remedy: String,
    /// The channel that said it.
    channel: Option<String>,
    /// The marketplace's order id.
    order: String,
    /// The marketplace's item id.
    item: Option<String>,
    /// What was said.
    observation: Observed,
    /// When it was first seen.
    seen_at: Option<String>,
}

impl From<ParkedRow> for Waiting {
    fn from(ParkedRow { id, parked }: ParkedRow) -> Self {
        Waiting {
            id,
            remedy: Code::parse(&parked.cause).map_or("", Code::remedy).to_owned(),
            cause: parked.cause,
            message: parked.message,
            channel: parked.channel.map(|channel| channel.to_string()),
            order: parked.order,
            item: parked.item,
            observation: parked.observation,
            seen_at: parked.seen_at.map(at),
        }
    }
}

/// Which facts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Of this channel.
    channel: Option<String>,
    /// For this order, by the marketplace's id.
    order: Option<String>,
    /// The number of the last fact that the caller has.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the facts that wait, the oldest first
#[utoipa::path(get, path = "/v1/tenants/{tenant}/parked", tag = "duties", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Facts that wait, the oldest first.", body = Page<Waiting>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Waiting>>> {
    let size = size(list.limit)?;
    if list.after.is_some_and(i64::is_negative) {
        return Err(wrong_query("after: the number of a fact is not negative"));
    }
    let filter = ParkedFilter { channel: list.channel.map(ChannelCode::from), channel_order_id: list.order };
    let rows = api.store.parked(&place.tenant, &filter, list.after, size + 1).await?;
    Ok(Json(Page::of(rows, size, |row| row.id.to_string(), Waiting::from)))
}
