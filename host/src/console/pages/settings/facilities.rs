//! Facilities: the list, adding one, changing how it knows its units.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::get,
};

use super::{address, frame, may_change, tabs};
use crate::{
    access::{Admin, Read},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        typed::{Typed, Wrong},
    },
    domain::{
        codes::problem_of,
        snapshot::{Facility, Traceability},
    },
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/settings/facilities", get(list).post(put))
}

/// The facilities.
#[derive(Template)]
#[template(path = "facilities.html")]
struct FacilitiesPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    may_change: bool,
    /// Code, and how it knows its units.
    rows: Vec<(String, &'static str)>,
    code: String,
    traceability: String,
    wrong: Wrong,
}

/// How a facility may know its units, in words.
const TRACEABILITY: &[(Traceability, &str)] = &[
    (Traceability::None, "not at all: units are counted"),
    (Traceability::Sku, "by product: each product has its barcode"),
    (Traceability::Item, "one by one: each unit has its own barcode"),
];

fn words(traceability: Traceability) -> &'static str {
    TRACEABILITY.iter().find(|(known, _)| *known == traceability).map_or("", |(_, words)| words)
}

fn line(row: &Facility) -> (String, &'static str) {
    (row.code.to_string(), words(row.traceability))
}

async fn page<S>(
    console: &Console,
    place: &In<S>,
    typed: &Typed,
    wrong: Wrong,
) -> Result<FacilitiesPage, Fault> {
    Ok(FacilitiesPage {
        frame: frame(place, "Facilities"),
        tabs: tabs(place, "facilities"),
        address: address(place, "facilities"),
        may_change: may_change(place),
        rows: console.store.facilities(&place.tenant).await?.iter().map(line).collect(),
        code: typed.text("code").to_owned(),
        traceability: typed.text("traceability").to_owned(),
        wrong,
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>) -> Shown {
    show(&page(&console, &place, &Typed::default(), Wrong::default()).await?)
}

async fn put(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let (code, kind) = (typed.text("code"), typed.text("traceability"));
    let mut wrong = Wrong::default();
    if let Some(problem) = problem_of(code) {
        wrong.add("code", problem);
    }
    match Traceability::parse(kind) {
        Some(traceability) if wrong.is_empty() => {
            let facility = Facility { code: code.into(), traceability };
            console.store.put_facility(&place.tenant, &facility).await?;
            return Ok(Redirect::to(&address(&place, "facilities")).into_response());
        }
        Some(_) => {}
        None => wrong.add("traceability", "choose one"),
    }
    Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&console, &place, &typed, wrong).await?))
}

#[cfg(test)]
mod tests {
    use super::{super::sample_tabs, *};
    use crate::console::frame::{Section, sample_frame};

    fn sample(rows: &[Facility], may_change: bool) -> String {
        let mut wrong = Wrong::default();
        wrong.add("code", "a code cannot be empty");
        let page = FacilitiesPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            address: "/console/t/acme/settings/facilities".to_owned(),
            may_change,
            rows: rows.iter().map(line).collect(),
            code: "D<1>".to_owned(),
            traceability: "ITEM".to_owned(),
            wrong,
        };
        page.render().unwrap()
    }

    #[test]
    fn facilities_say_how_they_know_their_units() {
        let row = Facility { code: "DEL<1>".into(), traceability: Traceability::Sku };
        let text = sample(&[row], true);
        for part in [
            "DEL&#60;1&#62;",
            "by product",
            "D&#60;1&#62;",
            "A code cannot be empty.",
            "value=\"ITEM\" selected",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = sample(&[], false);
        assert!(
            text.contains("No facilities yet") && !text.contains("<button type=\"submit\">Save"),
            "{text}"
        );
    }

    #[test]
    fn every_way_to_know_units_has_its_words() {
        for kind in Traceability::ALL {
            assert!(!words(*kind).is_empty(), "{kind}");
        }
    }
}
