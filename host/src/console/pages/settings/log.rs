//! Who changed what in the tenant, the newest first.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::get,
};
use plugin_api::Millis;
use serde::Deserialize;

use super::{address, deeds, frame, tabs};
use crate::{
    access::Admin,
    console::{
        Console,
        fault::{Shown, show},
        frame::{Frame, Link},
        place::In,
        shown::When,
    },
    domain::zone::Zone,
    storage::{Action, ApiKey, Person},
};

/// Actions on a page.
const SHOWN: u32 = 100;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/t/{tenant}/settings/log", get(list))
}

/// The log.
#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    rows: Vec<Row>,
    is_later_page: bool,
    next: Option<i64>,
}

struct Row {
    at: When,
    who: String,
    /// By what: the console or the API.
    way: &'static str,
    /// What was done, in words.
    words: String,
    /// The call that did it.
    call: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    after: Option<i64>,
}

/// Who is who, by the name that actions carry.
fn names(people: &[Person], keys: &[ApiKey]) -> HashMap<String, String> {
    let people = people.iter().map(|person| (format!("user:{}", person.user.id), person.user.login.clone()));
    let keys = keys.iter().map(|key| {
        let label = if key.label.is_empty() { &key.id } else { &key.label };
        (format!("key:{}", key.id), format!("API key “{label}”"))
    });
    people.chain(keys).collect()
}

/// The call of an action: its method with the address, or what the host itself noted.
fn called(action: &Action) -> String {
    match action.action.split_once(" /") {
        Some((method, _)) => format!("{method} {}", action.subject),
        None => action.subject.clone(),
    }
}

impl Row {
    fn of(action: &Action, names: &HashMap<String, String>, now: Millis, zone: &Zone) -> Row {
        Row {
            at: When::ago(action.at, now, zone),
            who: names.get(&action.who).cloned().unwrap_or_else(|| action.who.clone()),
            way: if action.subject.starts_with("/console/") { "console" } else { "API" },
            words: deeds::words(&action.action, &action.subject),
            call: called(action),
        }
    }
}

async fn list(State(console): State<Arc<Console>>, place: In<Admin>, Query(asked): Query<Asked>) -> Shown {
    let (tenant, now) = (&place.tenant, console.clock.now_ms());
    let mut found = console.store.actions(tenant, asked.after, SHOWN + 1).await?;
    let has_more = found.len() > SHOWN as usize;
    found.truncate(SHOWN as usize);
    let next = found.last().filter(|_| has_more).map(|last| last.id);
    let names = names(&console.store.users().await?, &console.store.api_keys(Some(tenant)).await?);
    show(&LogPage {
        frame: frame(&place, "Action log"),
        tabs: tabs(&place, "log"),
        address: address(&place, "log"),
        rows: found.iter().map(|action| Row::of(action, &names, now, &place.row.zone)).collect(),
        is_later_page: asked.after.is_some(),
        next,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::sample_tabs, *};
    use crate::{
        access::Role,
        console::{
            frame::{Section, sample_frame},
            place::sample_somebody,
        },
    };

    fn action(who: &str) -> Action {
        Action {
            id: 1,
            tenant: Some("acme".into()),
            at: 0,
            who: who.to_owned(),
            action: "POST /console/t/{tenant}/settings/live".to_owned(),
            subject: "/console/t/acme/settings/<live>".to_owned(),
        }
    }

    fn sample(rows: Vec<Row>, next: Option<i64>) -> String {
        let page = LogPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            address: "/console/t/acme/settings/log".to_owned(),
            rows,
            is_later_page: next.is_some(),
            next,
        };
        page.render().unwrap()
    }

    #[test]
    fn the_log_names_people_as_they_sign_in() {
        let person = sample_somebody(Role::Admin).person;
        let names = names(&[person], &[]);
        assert_eq!(Row::of(&action("user:u1"), &names, 0, &Zone::default()).who, "ana@acme.example");
        assert_eq!(Row::of(&action("key:gone"), &names, 0, &Zone::default()).who, "key:gone");
        let text = sample(vec![Row::of(&action("user:u1"), &names, 0, &Zone::default())], Some(7));
        for part in [
            "ana@acme.example",
            "let the tenant go live, or took that back",
            "title=\"POST /console/t/acme/settings/&#60;live&#62;\"",
            "?after=7",
            "just now",
            "console",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(sample(Vec::new(), None).contains("Nothing was changed yet"));
    }
}
