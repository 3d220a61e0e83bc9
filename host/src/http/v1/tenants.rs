//! Tenants: list, add, show, let live, remove.

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

use crate::{
    domain::{codes::TenantCode, zone::Zone},
    http::{
        Api,
        access::{Admin, Anywhere, Everywhere, In, Read},
        extract::{Ask, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    storage::TenantRow,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, change, remove))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
struct Tenant {
    /// Its code.
    #[schema(example = "acme")]
    code: String,
    /// Whether it has gone live: before that it is not synced, and dry runs work.
    live: bool,
    /// The time zone that its people read times in on the pages of the console, by its IANA name. Invoices and financial years
    /// are Indian whatever it is.
    #[schema(example = "Asia/Kolkata")]
    zone: String,
}

impl From<TenantRow> for Tenant {
    fn from(row: TenantRow) -> Self {
        Tenant { code: row.code.to_string(), live: row.live, zone: row.zone.name().to_owned() }
    }
}

/// Which tenants to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The code of the last tenant that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the tenants that the key is for
#[utoipa::path(get, path = "/v1/tenants", tag = "tenants", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Tenants, by code.", body = Page<Tenant>)))]
async fn list(
    State(api): State<Arc<Api>>,
    Anywhere { caller, .. }: Anywhere<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Tenant>>> {
    let size = size(list.limit)?;
    let known = api.store.tenants().await?;
    let after = list.after.unwrap_or_default();
    let is_wanted = |row: &TenantRow| {
        row.code.as_str() > after.as_str() && caller.may(crate::access::Scope::Read, &row.code)
    };
    Ok(Json(Page::cut(known, size, is_wanted, |row| row.code.to_string(), Tenant::from)))
}

/// A tenant to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "acme"}))]
struct NewTenant {
    /// Its code.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[^\\x00-\\x20\\x7f-\\xa0]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0])?$"
    )]
    code: String,
}

/// Add a tenant; it is not live until it is let
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", request_body = NewTenant, security(("key" = ["admin"])),
    responses((status = 201, description = "It is added.", body = Tenant)))]
async fn add(
    State(api): State<Arc<Api>>,
    _: Everywhere<Admin>,
    Body(new): Body<NewTenant>,
) -> Answer<impl IntoResponse> {
    let code = super::new_code(&new.code)?;
    let code = TenantCode::from(code);
    api.store.add_tenant(&code).await?;
    let place = [(header::LOCATION, super::address(&["tenants", code.as_str()]))];
    Ok((
        StatusCode::CREATED,
        place,
        Json(Tenant::from(TenantRow { code, live: false, zone: Zone::default() })),
    ))
}

/// Show a tenant
#[utoipa::path(get, path = "/v1/tenants/{tenant}", tag = "tenants", security(("key" = ["read"])),
    responses((status = 200, description = "The tenant.", body = Tenant)))]
async fn show(place: In<Read>) -> Json<Tenant> {
    Json(place.row.into())
}

/// What to change of a tenant; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"live": true}))]
struct TenantChange {
    /// Whether it is live.
    live: Option<bool>,
    /// The time zone of its people, by its IANA name.
    #[schema(value_type = Option<String>, example = "Asia/Kolkata")]
    zone: Option<Zone>,
}

/// Let a tenant go live, or take that back; say in which time zone its people read times
#[utoipa::path(patch, path = "/v1/tenants/{tenant}", tag = "tenants", request_body = TenantChange,
    security(("key" = ["admin"])), responses((status = 200, description = "The tenant as it is now.", body = Tenant)))]
async fn change(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    Body(change): Body<TenantChange>,
) -> Answer<Json<Tenant>> {
    let mut row = place.row;
    if let Some(zone) = change.zone {
        api.store.set_zone(&place.tenant, &zone).await?;
        row.zone = zone;
    }
    if let Some(live) = change.live {
        api.store.set_live(&place.tenant, live).await?;
        row.live = live;
    }
    Ok(Json(row.into()))
}

/// Remove a tenant with everything that is kept for it; needs a key for every tenant
#[utoipa::path(delete, path = "/v1/tenants/{tenant}", tag = "tenants", security(("key" = ["admin"])),
    responses((status = 204, description = "It is gone.")))]
async fn remove(State(api): State<Arc<Api>>, place: In<Admin>) -> Answer<StatusCode> {
    if !place.caller.may_everywhere(crate::access::Scope::Admin) {
        let said = "removing a tenant needs the scope `admin` for every tenant";
        return Err(Problem::new(Kind::ScopeMissing, said));
    }
    api.store.remove_tenant(&place.tenant).await?;
    Ok(StatusCode::NO_CONTENT)
}
