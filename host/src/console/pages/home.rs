//! `/` and `/console`: to the one tenant that somebody has, or to the list of those to choose from.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Redirect},
    routing::get,
};
use serde::Deserialize;

use crate::{
    console::{
        Console,
        fault::{Shown, show},
        frame::{Frame, Section, tenant_address},
        place::Signed,
        shown::number,
    },
    storage::TenantRow,
};

/// Tenants on the page. Who has more searches.
const SHOWN: usize = 200;

pub(super) fn routes() -> Router<Arc<Console>> {
    let to_console = get(|| async { Redirect::to("/console") });
    Router::new()
        .route("/", to_console.clone())
        .route("/console/", to_console)
        .route("/console", get(home))
        .route("/console/tenants", get(tenants))
}

/// Tenants to choose from.
#[derive(Template)]
#[template(path = "tenants.html")]
struct TenantsPage {
    frame: Frame,
    search: String,
    rows: Vec<Row>,
    /// How many there are that match.
    count: String,
    has_more: bool,
}

struct Row {
    code: String,
    address: String,
    is_live: bool,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    search: String,
}

async fn home(State(console): State<Arc<Console>>, signed: Signed) -> Shown {
    let tenants = known(&console, &signed).await?;
    match tenants.as_slice() {
        [only] => Ok(Redirect::to(&tenant_address(&only.code, &[])).into_response()),
        _ => show(&page(&signed, tenants, String::new())),
    }
}

async fn tenants(State(console): State<Arc<Console>>, signed: Signed, Query(asked): Query<Asked>) -> Shown {
    let tenants = known(&console, &signed).await?;
    show(&page(&signed, tenants, asked.search))
}

async fn known(console: &Console, signed: &Signed) -> Result<Vec<TenantRow>, crate::storage::StoreError> {
    let mut tenants = console.store.tenants().await?;
    tenants.retain(|tenant| signed.0.caller.knows(&tenant.code));
    Ok(tenants)
}

fn page(signed: &Signed, tenants: Vec<TenantRow>, search: String) -> TenantsPage {
    let wanted = search.trim().to_lowercase();
    let matching: Vec<TenantRow> =
        tenants.into_iter().filter(|tenant| tenant.code.as_str().to_lowercase().contains(&wanted)).collect();
    let count = matching.len();
    let row = |tenant: TenantRow| Row {
        address: tenant_address(&tenant.code, &[]),
        code: tenant.code.to_string(),
        is_live: tenant.live,
    };
    TenantsPage {
        frame: Frame::of("Tenants", Some(&signed.0), None, Section::Elsewhere),
        search,
        rows: matching.into_iter().take(SHOWN).map(row).collect(),
        count: number(u64::try_from(count).unwrap_or(u64::MAX)),
        has_more: count > SHOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{access::Role, console::place::sample_somebody};

    fn sample(count: usize, search: &str) -> TenantsPage {
        let tenant = |n| TenantRow {
            code: format!("shop{n}").into(),
            live: n % 2 == 0,
            zone: crate::domain::zone::Zone::default(),
        };
        let signed = Signed(Arc::new(sample_somebody(Role::Admin)));
        page(&signed, (0..count).map(tenant).collect(), search.to_owned())
    }

    #[test]
    fn tenants_are_found_by_a_part_of_their_code() {
        let page = sample(300, "SHOP12");
        assert_eq!((page.count.as_str(), page.rows[0].code.as_str()), ("11", "shop12"));
        let text = page.render().unwrap();
        assert!(text.contains("href=\"/console/t/shop12\"") && text.contains("not live"), "{text}");
    }

    #[test]
    fn a_long_list_says_that_there_is_more_and_an_empty_one_what_to_do() {
        assert!(sample(1_300, "").render().unwrap().contains("200 of 1,300"));
        assert!(sample(0, "").render().unwrap().contains("statusync tenant add"));
        assert!(sample(3, "x").render().unwrap().contains("No tenant"));
    }
}
