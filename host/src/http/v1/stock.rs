//! Stock: list, set what is on hand.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::{
        codes::{FacilityCode, Sku},
        stock::Stock,
    },
    http::{
        Api,
        access::{Admin, In, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    nearest::did_you_mean,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(set))
}

/// Which stock to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Facility and product of the last row that the caller has, as `next` gave them.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List stock, by facility and product
#[utoipa::path(get, path = "/v1/tenants/{tenant}/stock", tag = "set-up", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Stock, by facility and product.", body = Page<Stock>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Stock>>> {
    let size = size(list.limit)?;
    let rows = api.store.stock(&place.tenant).await?;
    // No code has a control character in it, so this one divides them.
    let key = |row: &Stock| format!("{}\u{1f}{}", row.facility, row.sku);
    let after = list.after.unwrap_or_default();
    let (facility, sku) = after.split_once('\u{1f}').unwrap_or((&after, ""));
    let is_after = |row: &Stock| (row.facility.as_str(), row.sku.as_str()) > (facility, sku);
    Ok(Json(Page::cut(rows, size, is_after, key, |row| row)))
}

/// What is on hand.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"on_hand": 5}))]
struct OnHand {
    /// Units in the warehouse; what is blocked of them stays.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    on_hand: i64,
}

/// Say how many units of a product are on hand
#[utoipa::path(put, path = "/v1/tenants/{tenant}/stock/{facility}/{sku}", tag = "set-up", request_body = OnHand,
    security(("key" = ["admin"])), responses((status = 200, description = "The stock as it is now.", body = Stock)))]
async fn set(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, facility, sku)): At<(String, String, String)>,
    Body(said): Body<OnHand>,
) -> Answer<Json<Stock>> {
    if !(0..=1_000_000_000).contains(&said.on_hand) {
        let said = format!("on_hand: {} is not from 0 to 1000000000", said.on_hand);
        return Err(Problem::new(Kind::BodyWrong, said));
    }
    let (facility, sku) = (FacilityCode::from(facility), Sku::from(super::new_code(&sku)?));
    let known = api.store.facilities(&place.tenant).await?;
    if known.iter().all(|row| row.code != facility) {
        let meant = did_you_mean(facility.as_str(), known.iter().map(|row| row.code.as_str()));
        let said = format!("tenant {} has no facility {facility}{meant}", place.tenant);
        return Err(Problem::new(Kind::FacilityNotFound, said));
    }
    Ok(Json(api.store.set_on_hand(&place.tenant, &facility, &sku, said.on_hand).await?))
}
