//! Number series: list, put.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    domain::{
        codes::OwnerCode,
        invoice::{Sequence, SequenceKind},
    },
    http::{
        Api,
        access::{Admin, In, Read},
        extract::{Ask, At, Body},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put))
}

/// Which series to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// Owner and kind of the last series that the caller has, as `next` gave them.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the number series, by owner and kind
#[utoipa::path(get, path = "/v1/tenants/{tenant}/sequences", tag = "set-up", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Series, by owner and kind.", body = Page<Sequence>)))]
async fn list(
    State(api): State<Arc<Api>>,
    place: In<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<Sequence>>> {
    let size = size(list.limit)?;
    let rows = api.store.sequences(&place.tenant).await?;
    let key = |row: &Sequence| format!("{}/{}", row.owner, row.kind);
    let after = list.after.unwrap_or_default();
    let (owner, kind) = after.rsplit_once('/').unwrap_or((&after, ""));
    let is_after = |row: &Sequence| (row.owner.as_str(), row.kind.as_str()) > (owner, kind);
    Ok(Json(Page::cut(rows, size, is_after, key, |row| row)))
}

/// What a number series is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prefix": "INV/26-27/", "next": 1, "width": 4, "next_year_prefix": "INV/27-28/"}))]
struct SequenceTraits {
    /// The text before the counter.
    prefix: String,
    /// The next counter.
    #[schema(minimum = 0, maximum = 2_000_000_000)]
    next: u64,
    /// The counter is padded with zeros to this width; 1 unless said otherwise.
    #[serde(default = "one")]
    #[schema(minimum = 0, maximum = 255)]
    width: u8,
    /// Whether it starts again at 1 with each financial year; true unless said otherwise.
    #[serde(default = "yes")]
    reset: bool,
    /// The prefix from the next financial year on.
    next_year_prefix: Option<String>,
}

fn one() -> u8 {
    1
}

fn yes() -> bool {
    true
}

/// Define a number series, or change one
#[utoipa::path(put, path = "/v1/tenants/{tenant}/sequences/{owner}/{kind}", tag = "set-up", request_body = SequenceTraits,
    security(("key" = ["admin"])), responses((status = 200, description = "The series as it is now.", body = Sequence)))]
async fn put(
    State(api): State<Arc<Api>>,
    place: In<Admin>,
    At((_, owner, kind)): At<(String, String, String)>,
    Body(traits): Body<SequenceTraits>,
) -> Answer<Json<Sequence>> {
    let kind = SequenceKind::parse(&kind).ok_or_else(|| {
        let known: Vec<&str> = SequenceKind::ALL.iter().map(|kind| kind.as_str()).collect();
        Problem::new(
            Kind::PathWrong,
            format!("`{kind}` is no kind of series; give one of {}", known.join(", ")),
        )
    })?;
    if traits.next > 2_000_000_000 {
        return Err(Problem::new(
            Kind::BodyWrong,
            format!("next: {} is more than any series needs", traits.next),
        ));
    }
    let owner = OwnerCode::from(super::new_code(&owner)?);
    let before = api.store.sequences(&place.tenant).await?;
    // The year of the last draw stays: without it a series would turn over once too often, or once too seldom.
    let before = before.into_iter().find(|row| row.owner == owner && row.kind == kind);
    let SequenceTraits { prefix, next, width, reset, next_year_prefix } = traits;
    let financial_year = before.and_then(|row| row.financial_year);
    let row = Sequence { owner, kind, prefix, width, next, reset, next_year_prefix, financial_year };
    api.store.put_sequence(&place.tenant, &row).await?;
    Ok(Json(row))
}
