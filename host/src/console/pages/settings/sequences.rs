//! Number series: the list, defining one, changing one.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::get,
};
use plugin_api::Millis;
use serde::Deserialize;

use super::{address, frame, may_change, tabs};
use crate::{
    access::{Admin, Read},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        shown::in_query,
        typed::{Typed, Wrong},
    },
    domain::{
        codes::{OwnerCode, problem_of},
        invoice::{Sequence, SequenceKind, check_form},
    },
};

/// More than any series needs.
const MOST: u64 = 2_000_000_000;
/// Digits of the longest invoice number.
const WIDEST: u8 = 16;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/settings/sequences", get(list).post(put))
}

/// The number series.
#[derive(Template)]
#[template(path = "sequences.html")]
struct SequencesPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    may_change: bool,
    rows: Vec<Row>,
    /// Who may own one, to choose from.
    owners: Vec<String>,
    form: Fields,
    wrong: Wrong,
}

struct Row {
    owner: String,
    kind: &'static str,
    /// The next number, as it would be printed.
    next: String,
    restarts: bool,
    next_year: Option<String>,
    /// That the number breaks the rules for invoices.
    problem: Option<String>,
    /// Where it is changed.
    change: String,
}

/// The form's fields.
#[derive(Default)]
struct Fields {
    owner: String,
    kind: String,
    prefix: String,
    next: String,
    width: String,
    restarts: bool,
    next_year_prefix: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    owner: String,
    kind: String,
}

/// What a series may number, in words.
const KINDS: &[(SequenceKind, &str)] = &[
    (SequenceKind::ShippingPackage, "packages"),
    (SequenceKind::SaleInvoice, "sale invoices"),
    (SequenceKind::SaleReturnInvoice, "return invoices"),
];

fn words(kind: SequenceKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, words)| words)
}

fn next_of(row: &Sequence, now: Millis) -> String {
    row.upcoming(now, 1).into_iter().next().unwrap_or_default()
}

/// Why numbers of the series are no invoice numbers.
fn problem(row: &Sequence, number: &str) -> Option<String> {
    let is_invoice = row.kind != SequenceKind::ShippingPackage;
    let bad = check_form(number).err().filter(|_| is_invoice)?;
    Some(format!(
        "{number} is {}: invoice numbers have at most 16 characters, letters, digits, - and /",
        bad.as_str()
    ))
}

impl Row {
    fn of(row: &Sequence, address: &str, now: Millis) -> Row {
        let next = next_of(row, now);
        let asked = [("owner", row.owner.as_str()), ("kind", row.kind.as_str())];
        let asked: Vec<String> =
            asked.iter().map(|(name, value)| format!("{name}={}", in_query(value))).collect();
        Row {
            owner: row.owner.to_string(),
            kind: words(row.kind),
            problem: problem(row, &next),
            next,
            restarts: row.reset,
            next_year: row.next_year_prefix.clone(),
            change: format!("{address}?{}", asked.join("&")),
        }
    }
}

impl Fields {
    fn of(row: &Sequence) -> Fields {
        Fields {
            owner: row.owner.to_string(),
            kind: row.kind.as_str().to_owned(),
            prefix: row.prefix.clone(),
            next: row.next.to_string(),
            width: row.width.to_string(),
            restarts: row.reset,
            next_year_prefix: row.next_year_prefix.clone().unwrap_or_default(),
        }
    }

    fn typed(typed: &Typed) -> Fields {
        let text = |field: &str| typed.text(field).to_owned();
        Fields {
            owner: text("owner"),
            kind: text("kind"),
            prefix: text("prefix"),
            next: text("next"),
            width: text("width"),
            restarts: typed.is_ticked("restarts"),
            next_year_prefix: text("next_year_prefix"),
        }
    }

    fn empty() -> Fields {
        Fields { next: "1".to_owned(), width: "1".to_owned(), restarts: true, ..Fields::default() }
    }

    /// The series, or what is wrong with it.
    fn read(&self, before: &[Sequence], now: Millis) -> Result<Sequence, Wrong> {
        let mut wrong = Wrong::default();
        if let Some(problem) = problem_of(&self.owner) {
            wrong.add("owner", problem);
        }
        let kind = SequenceKind::parse(&self.kind);
        if kind.is_none() {
            wrong.add("kind", "choose what is numbered");
        }
        let next = self.next.parse::<u64>().ok().filter(|next| *next <= MOST);
        if next.is_none() {
            wrong.add("next", &format!("this must be a whole number from 0 to {MOST}"));
        }
        let width = self.width.parse::<u8>().ok().filter(|width| *width <= WIDEST);
        if width.is_none() {
            wrong.add("width", &format!("this must be a whole number from 0 to {WIDEST}"));
        }
        let (Some(kind), Some(next), Some(width), true) = (kind, next, width, wrong.is_empty()) else {
            return Err(wrong);
        };
        let owner = OwnerCode::from(self.owner.as_str());
        // The year of the last draw stays: without it a series would turn over once too often, or once too seldom.
        let known = before.iter().find(|row| row.owner == owner && row.kind == kind);
        let row = Sequence {
            financial_year: known.and_then(|row| row.financial_year.clone()),
            owner,
            kind,
            prefix: self.prefix.clone(),
            width,
            next,
            reset: self.restarts,
            next_year_prefix: Some(self.next_year_prefix.clone()).filter(|prefix| !prefix.is_empty()),
        };
        if let Some(problem) = problem(&row, &next_of(&row, now)) {
            wrong.add("prefix", &problem);
            return Err(wrong);
        }
        Ok(row)
    }
}

async fn page<S>(
    console: &Console,
    place: &In<S>,
    known: &[Sequence],
    form: Fields,
    wrong: Wrong,
) -> Result<SequencesPage, Fault> {
    let (store, tenant, now) = (&*console.store, &place.tenant, console.clock.now_ms());
    let mut owners: Vec<String> =
        store.facilities(tenant).await?.into_iter().map(|row| row.code.to_string()).collect();
    let channels = store.channels(tenant).await?;
    owners.extend(channels.into_iter().filter_map(|row| row.billing_party).map(|party| party.to_string()));
    owners.sort();
    owners.dedup();
    let here = address(place, "sequences");
    Ok(SequencesPage {
        frame: frame(place, "Number series"),
        tabs: tabs(place, "sequences"),
        may_change: may_change(place),
        rows: known.iter().map(|row| Row::of(row, &here, now)).collect(),
        address: here,
        owners,
        form,
        wrong,
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>, Query(asked): Query<Asked>) -> Shown {
    let known = console.store.sequences(&place.tenant).await?;
    let chosen =
        known.iter().find(|row| row.owner == asked.owner.as_str() && row.kind.as_str() == asked.kind);
    let form = chosen.map_or_else(Fields::empty, Fields::of);
    show(&page(&console, &place, &known, form, Wrong::default()).await?)
}

async fn put(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let known = console.store.sequences(&place.tenant).await?;
    let form = Fields::typed(&typed);
    match form.read(&known, console.clock.now_ms()) {
        Ok(row) => {
            console.store.put_sequence(&place.tenant, &row).await?;
            Ok(Redirect::to(&address(&place, "sequences")).into_response())
        }
        Err(wrong) => {
            let page = page(&console, &place, &known, form, wrong).await?;
            Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample_tabs, *};
    use crate::{
        console::frame::{Section, sample_frame},
        domain::time,
    };

    fn series() -> Sequence {
        Sequence {
            owner: "DEL<1>".into(),
            kind: SequenceKind::SaleInvoice,
            prefix: "INV/25-26/".to_owned(),
            width: 4,
            next: 7,
            reset: true,
            next_year_prefix: Some("INV/26-27/".to_owned()),
            financial_year: Some("2025-26".to_owned()),
        }
    }

    fn now() -> Millis {
        time::parse("2026-01-15T09:30:00Z").unwrap()
    }

    #[test]
    fn a_series_shows_its_next_number_and_what_is_wrong_with_it() {
        let here = "/console/t/acme/settings/sequences";
        let too_long = Sequence { prefix: "INVOICE/2025-26/".to_owned(), ..series() };
        let page = |rows, may_change| {
            let page = SequencesPage {
                frame: sample_frame(Section::Settings),
                tabs: sample_tabs(),
                address: here.to_owned(),
                may_change,
                rows,
                owners: vec!["DEL1".to_owned()],
                form: Fields::of(&series()),
                wrong: Wrong::default(),
            };
            page.render().unwrap()
        };
        let text = page(vec![Row::of(&series(), here, now()), Row::of(&too_long, here, now())], true);
        for part in ["DEL&#60;1&#62;", "INV/25-26/0007", "too long", "owner=DEL%3C1%3E&#38;kind=SALE_INVOICE"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = page(Vec::new(), false);
        assert!(
            text.contains("No number series yet") && !text.contains("<form class=\"settings\""),
            "{text}"
        );
    }

    #[test]
    fn what_is_typed_becomes_a_series_that_keeps_the_year_of_its_last_draw() {
        let form = Fields { next: "8".to_owned(), ..Fields::of(&series()) };
        assert_eq!(form.read(&[series()], now()).unwrap(), Sequence { next: 8, ..series() });
        assert_eq!(form.read(&[], now()).unwrap().financial_year, None);
    }

    #[test]
    fn everything_that_is_numbered_has_its_words() {
        assert!(SequenceKind::ALL.iter().all(|kind| !words(*kind).is_empty()));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let fine = || Fields::of(&series());
        for (field, form) in [
            ("owner", Fields { owner: String::new(), ..fine() }),
            ("kind", Fields { kind: "LETTERS".to_owned(), ..fine() }),
            ("next", Fields { next: "-1".to_owned(), ..fine() }),
            ("next", Fields { next: "2000000001".to_owned(), ..fine() }),
            ("width", Fields { width: "17".to_owned(), ..fine() }),
            ("prefix", Fields { prefix: "INV 25".to_owned(), ..fine() }),
        ] {
            let wrong = form.read(&[], now()).unwrap_err();
            assert!(!wrong.say(field).to_string().is_empty(), "{field}: {wrong:?}");
        }
        let package = Fields { prefix: "SP 1 ".to_owned(), kind: "SHIPPING_PACKAGE".to_owned(), ..fine() };
        assert!(package.read(&[], now()).is_ok(), "the rule is for invoices");
    }
}
