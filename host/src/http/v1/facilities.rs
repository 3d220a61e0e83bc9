//! Facilities: list, put.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::snapshot::{Facility, Traceability},
    http::{
        Api,
        access::{Admin, In, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::Answer,
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put))
}

/// Which facilities to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The code of the last facility that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the facilities, by code
#[utoipa::path(get, path = "/v1/tenants/{tenant}/facilities", tag = "set-up", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Facilities, by code.", body = Page<Facility>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Facility>>> {
    let size = size(list.limit)?;
    let rows = api.store.facilities(&place.tenant).await?;
    let after = list.after.unwrap_or_default();
    let is_after = |row: &Facility| row.code.as_str() > after.as_str();
    Ok(Json(Page::cut(rows, size, is_after, |row| row.code.to_string(), |row| row)))
}

/// What a facility is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"traceability": "NONE"}))]
struct FacilityTraits {
    /// How it knows its units.
    traceability: Traceability,
}

/// Add a facility, or change how it knows its units
#[utoipa::path(put, path = "/v1/tenants/{tenant}/facilities/{facility}", tag = "set-up", request_body = FacilityTraits,
    security(("key" = ["admin"])), responses((status = 200, description = "The facility as it is now.", body = Facility)))]
async fn put(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, code)): At<(String, String)>,
    Body(traits): Body<FacilityTraits>,
) -> Answer<Json<Facility>> {
    let facility = Facility { code: super::new_code(&code)?.into(), traceability: traits.traceability };
    api.store.put_facility(&place.tenant, &facility).await?;
    Ok(Json(facility))
}
