//! The settings of a tenant: whether it is live, and what its orders are worked with. A file for each part.

mod deeds;
mod facilities;
mod keys;
mod log;
mod people;
mod sequences;
mod stock;
mod webhooks;

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use serde::Deserialize;

use crate::{
    access::{Admin, Read, Scope},
    console::{
        Console,
        fault::{Fault, Shown, show},
        frame::{Frame, Link, Section},
        place::In,
        shown::sentence,
        typed::Typed,
    },
    domain::zone::Zone,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/settings", get(look))
        .route("/console/t/{tenant}/settings/live", post(set_live))
        .route("/console/t/{tenant}/settings/zone", post(set_zone))
        .merge(facilities::routes())
        .merge(sequences::routes())
        .merge(stock::routes())
        .merge(keys::routes())
        .merge(people::routes())
        .merge(webhooks::routes())
        .merge(log::routes())
}

/// The parts of the settings: name, last part of the address, whether it is for admins only.
const PARTS: &[(&str, &str, bool)] = &[
    ("Tenant", "", false),
    ("Facilities", "facilities", false),
    ("Number series", "sequences", false),
    ("Stock", "stock", false),
    ("API keys", "keys", true),
    ("Webhooks", "webhooks", true),
    ("People", "people", true),
    ("Action log", "log", true),
];

/// Where one can go among the settings.
fn tabs<S>(place: &In<S>, here: &str) -> Vec<Link> {
    let parts = PARTS.iter().filter(|(.., is_for_admins)| !is_for_admins || may_change(place));
    let link = |(name, last, _): &(&'static str, &'static str, bool)| Link {
        icon: "",
        name,
        address: address(place, last),
        is_here: *last == here,
    };
    parts.map(link).collect()
}

fn address<S>(place: &In<S>, last: &str) -> String {
    if last.is_empty() { place.address(&["settings"]) } else { place.address(&["settings", last]) }
}

fn may_change<S>(place: &In<S>) -> bool {
    place.somebody.caller.may(Scope::Admin, &place.tenant)
}

fn frame<S>(place: &In<S>, title: &str) -> Frame {
    place.frame(title, Section::Settings)
}

/// What was done a moment ago, as the address of a page says it.
#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    done: String,
}

/// Whether the tenant is live.
#[derive(Template)]
#[template(path = "settings.html")]
struct TenantPage {
    frame: Frame,
    tabs: Vec<Link>,
    tenant: String,
    is_live: bool,
    may_change: bool,
    address: String,
    /// Where the time zone is set, and which it is.
    zones: String,
    zone: String,
    /// What time it is there.
    clock: String,
    done: Option<&'static str>,
    channels: usize,
    channels_on: usize,
    facilities: usize,
    sequences: usize,
}

async fn look(State(console): State<Arc<Console>>, place: In<Read>, Query(told): Query<Told>) -> Shown {
    let channels = console.store.channels(&place.tenant).await?;
    show(&TenantPage {
        frame: frame(&place, "Settings"),
        tabs: tabs(&place, ""),
        tenant: place.tenant.to_string(),
        is_live: place.row.live,
        may_change: may_change(&place),
        address: place.address(&["settings", "live"]),
        zones: place.address(&["settings", "zone"]),
        zone: place.row.zone.name().to_owned(),
        clock: place.row.zone.words(console.clock.now_ms()),
        done: match told.done.as_str() {
            "live" => Some("The tenant is live: its channels are synced from now on."),
            "not-live" => Some("The tenant is not live any more: nothing is synced until it is again."),
            "zone" => Some("Times are shown in this time zone from now on."),
            _ => None,
        },
        channels: channels.len(),
        channels_on: channels.iter().filter(|channel| channel.enabled).count(),
        facilities: console.store.facilities(&place.tenant).await?.len(),
        sequences: console.store.sequences(&place.tenant).await?.len(),
    })
}

async fn set_live(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let live = match typed.text("to") {
        "live" if !typed.is_ticked("sure") => {
            return Err(Fault::Refused("Tick the box that says what going live means".to_owned()));
        }
        "live" => true,
        "not-live" => false,
        other => return Err(Fault::Refused(format!("A tenant is live or not-live, not `{other}`"))),
    };
    console.store.set_live(&place.tenant, live).await?;
    let done = if live { "live" } else { "not-live" };
    Ok(Redirect::to(&format!("{}?done={done}", address(&place, ""))).into_response())
}

async fn set_zone(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let zone = Zone::parse(typed.text("zone")).map_err(|said| Fault::Refused(sentence(&said)))?;
    console.store.set_zone(&place.tenant, &zone).await?;
    Ok(Redirect::to(&format!("{}?done=zone", address(&place, ""))).into_response())
}

#[cfg(test)]
fn sample_tabs() -> Vec<Link> {
    let link = |(name, last, _): &(&'static str, &'static str, bool)| Link {
        icon: "",
        name,
        address: format!("/console/t/acme/settings/{last}"),
        is_here: false,
    };
    PARTS.iter().map(link).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;

    fn sample(is_live: bool, may_change: bool) -> String {
        let page = TenantPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            tenant: "a<b>".to_owned(),
            is_live,
            may_change,
            address: "/console/t/acme/settings/live".to_owned(),
            zones: "/console/t/acme/settings/zone".to_owned(),
            zone: "Asia/Kolkata".to_owned(),
            clock: "15 Jan 2026 15:00 IST".to_owned(),
            done: None,
            channels: 2,
            channels_on: 0,
            facilities: 0,
            sequences: 1,
        };
        page.render().unwrap()
    }

    #[test]
    fn an_admin_reads_what_going_live_means_before_it_is_done() {
        let text = sample(false, true);
        for part in
            ["a&#60;b&#62;", "is not live", "name=\"sure\"", "value=\"live\"", "No channel is switched on"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = sample(true, true);
        assert!(text.contains("is live") && text.contains("value=\"not-live\""), "{text}");
    }

    #[test]
    fn others_only_see_how_it_is() {
        for is_live in [true, false] {
            let text = sample(is_live, false);
            assert!(!text.contains("name=\"to\""), "{text}");
        }
    }
}
