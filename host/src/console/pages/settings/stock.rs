//! Stock: a product is looked up, and what is on hand is set.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::get,
};
use serde::Deserialize;

use super::{address, frame, may_change, tabs};
use crate::{
    access::{Admin, Read},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        shown::{in_query, number},
        typed::{Typed, Wrong},
    },
    domain::{
        codes::{FacilityCode, Sku, problem_of},
        stock::Stock,
    },
};

/// Products on the page. Who has more searches.
const SHOWN: usize = 100;
/// The most units that are believed.
const MOST: i64 = 1_000_000_000;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/settings/stock", get(list).post(set))
}

/// Stock.
#[derive(Template)]
#[template(path = "stock.html")]
struct StockPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    may_change: bool,
    search: String,
    rows: Vec<Stock>,
    /// How many there are that match.
    count: String,
    has_more: bool,
    facilities: Vec<String>,
    facility: String,
    sku: String,
    on_hand: String,
    wrong: Wrong,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    search: String,
}

fn matching(rows: Vec<Stock>, search: &str) -> Vec<Stock> {
    let wanted = search.trim().to_lowercase();
    rows.into_iter().filter(|row| row.sku.as_str().to_lowercase().contains(&wanted)).collect()
}

async fn page<S>(
    console: &Console,
    place: &In<S>,
    search: &str,
    typed: &Typed,
    wrong: Wrong,
) -> Result<StockPage, Fault> {
    let mut rows = matching(console.store.stock(&place.tenant).await?, search);
    let count = rows.len();
    rows.truncate(SHOWN);
    let facilities = console.store.facilities(&place.tenant).await?;
    Ok(StockPage {
        frame: frame(place, "Stock"),
        tabs: tabs(place, "stock"),
        address: address(place, "stock"),
        may_change: may_change(place),
        search: search.trim().to_owned(),
        rows,
        count: number(u64::try_from(count).unwrap_or(u64::MAX)),
        has_more: count > SHOWN,
        facilities: facilities.into_iter().map(|row| row.code.to_string()).collect(),
        facility: typed.text("facility").to_owned(),
        sku: typed.text("sku").to_owned(),
        on_hand: typed.text("on_hand").to_owned(),
        wrong,
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    show(&page(&console, &place, &asked.search, &Typed::default(), Wrong::default()).await?)
}

/// The units that were typed.
fn units(typed: &Typed, wrong: &mut Wrong) -> i64 {
    let read = typed.text("on_hand").parse::<i64>().ok().filter(|units| (0..=MOST).contains(units));
    if read.is_none() {
        wrong.add("on_hand", &format!("this must be a whole number from 0 to {MOST}"));
    }
    read.unwrap_or_default()
}

async fn set(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let (facility, sku) = (typed.text("facility"), typed.text("sku"));
    let mut wrong = Wrong::default();
    let on_hand = units(&typed, &mut wrong);
    if let Some(problem) = problem_of(sku) {
        wrong.add("sku", problem);
    }
    let known = console.store.facilities(&place.tenant).await?;
    if known.iter().all(|row| row.code != facility) {
        wrong.add("facility", "choose one of the tenant's facilities");
    }
    if !wrong.is_empty() {
        let page = page(&console, &place, sku, &typed, wrong).await?;
        return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    }
    let (facility, sku) = (FacilityCode::from(facility), Sku::from(sku));
    console.store.set_on_hand(&place.tenant, &facility, &sku, on_hand).await?;
    let address = format!("{}?search={}", address(&place, "stock"), in_query(sku.as_str()));
    Ok(Redirect::to(&address).into_response())
}

#[cfg(test)]
mod tests {
    use super::{super::sample_tabs, *};
    use crate::console::frame::{Section, sample_frame};

    fn stock(sku: &str) -> Stock {
        Stock { on_hand: 5, blocked: 2, available: 3, ..Stock::none("DEL1".into(), sku.into()) }
    }

    fn sample(rows: Vec<Stock>, search: &str, may_change: bool) -> String {
        let page = StockPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            address: "/console/t/acme/settings/stock".to_owned(),
            may_change,
            search: search.to_owned(),
            count: "1,234".to_owned(),
            has_more: true,
            rows,
            facilities: vec!["DEL1".to_owned()],
            facility: "DEL1".to_owned(),
            sku: String::new(),
            on_hand: "many".to_owned(),
            wrong: Wrong::default(),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_product_is_found_by_a_part_of_its_code() {
        let found = matching(vec![stock("Shirt-L"), stock("Hat")], " SHIRT ");
        assert_eq!(found, [stock("Shirt-L")]);
        let text = sample(vec![stock("S<1>")], "s", true);
        for part in ["S&#60;1&#62;", "1 of 1,234", "name=\"on_hand\""] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!sample(vec![stock("S")], "s", false).contains("name=\"on_hand\""));
    }

    #[test]
    fn an_empty_list_says_whether_it_was_searched() {
        assert!(sample(Vec::new(), "hat", true).contains("No product has “hat” in its code"));
        assert!(sample(Vec::new(), "", true).contains("No stock yet"));
    }
}
