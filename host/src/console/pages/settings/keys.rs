//! Keys of programs: the list, making one whose text is shown once, revoking one.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use plugin_api::Millis;

use super::{address, frame, tabs};
use crate::{
    access::{self, Admin, Scope, Scopes},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        shown::{Chip, Tone, When},
        typed::{Typed, Wrong},
    },
    domain::zone::Zone,
    storage::ApiKey,
};

const DAY_MS: Millis = 86_400_000;
const MOST_DAYS: i64 = 3_650;
const LONGEST_LABEL: usize = 200;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/settings/keys", get(list).post(make))
        .route("/console/t/{tenant}/settings/keys/{key}/revoke", post(revoke))
}

/// The keys.
#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    rows: Vec<Row>,
    /// The text of a key that was made just now.
    made: Option<String>,
    label: String,
    chosen: Vec<String>,
    days: String,
    wrong: Wrong,
}

impl KeysPage {
    /// Whether the form's box for a scope was ticked.
    fn is_chosen(&self, scope: &str) -> bool {
        self.chosen.iter().any(|known| known == scope)
    }
}

struct Row {
    id: String,
    label: String,
    scopes: String,
    made: When,
    used: Option<When>,
    state: Chip,
    /// When it runs out, if it does.
    expires: Option<When>,
    /// Where it is revoked, if it can be.
    revoke: Option<String>,
}

/// What each scope allows, as the form says it.
const SCOPES: &[(Scope, &str)] = &[
    (Scope::Read, "see everything but secrets"),
    (Scope::Orders, "hand orders over and keep them up to date"),
    (Scope::Operate, "run syncs, decide conflicts, complete putaways"),
    (Scope::Admin, "change the set-up, secrets and keys; all of the above besides"),
];

impl Row {
    fn of(key: ApiKey, keys: &str, now: Millis, zone: &Zone) -> Row {
        let is_over = key.expires_at.is_some_and(|at| at <= now);
        let state = if key.revoked_at.is_some() {
            Chip::new(Tone::Over, "revoked")
        } else if is_over {
            Chip::new(Tone::Over, "ran out")
        } else {
            Chip::new(Tone::Good, "works")
        };
        let revoke = key.revoked_at.is_none().then(|| crate::address::path(keys, &[&key.id, "revoke"]));
        Row {
            scopes: key.scopes.to_string().replace(',', ", "),
            made: When::ago(key.created_at, now, zone),
            used: key.last_used_at.map(|at| When::ago(at, now, zone)),
            expires: key.expires_at.map(|at| When::ago(at, now, zone)),
            state,
            revoke,
            id: key.id,
            label: key.label,
        }
    }
}

async fn page(console: &Console, place: &In<Admin>, typed: &Typed, wrong: Wrong) -> Result<KeysPage, Fault> {
    let now = console.clock.now_ms();
    let here = address(place, "keys");
    let keys = console.store.api_keys(Some(&place.tenant)).await?;
    Ok(KeysPage {
        frame: frame(place, "API keys"),
        tabs: tabs(place, "keys"),
        rows: keys.into_iter().map(|key| Row::of(key, &here, now, &place.row.zone)).collect(),
        address: here,
        made: None,
        label: typed.text("label").to_owned(),
        chosen: typed.all("scope").map(ToOwned::to_owned).collect(),
        days: typed.text("days").to_owned(),
        wrong,
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Admin>) -> Shown {
    show(&page(&console, &place, &Typed::default(), Wrong::default()).await?)
}

/// What a key shall be: label, scopes, when it runs out.
fn read(typed: &Typed, now: Millis) -> Result<(String, Scopes, Option<Millis>), Wrong> {
    let mut wrong = Wrong::default();
    let label = typed.text("label");
    if label.is_empty() || label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        wrong.add("label", &format!("say in 1 to {LONGEST_LABEL} characters which program it is for"));
    }
    let known: Option<Vec<Scope>> = typed.all("scope").map(Scope::parse).collect();
    let scopes = Scopes::from_iter(known.unwrap_or_default());
    if scopes.is_empty() {
        wrong.add("scope", "choose at least one");
    }
    let days = Some(typed.text("days")).filter(|text| !text.is_empty());
    let days = days.map(|text| text.parse::<i64>().ok().filter(|days| (1..=MOST_DAYS).contains(days)));
    if days == Some(None) {
        wrong.add("days", &format!("this must be a whole number from 1 to {MOST_DAYS}, or empty"));
    }
    let expires_at = days.flatten().map(|days| now + days * DAY_MS);
    if wrong.is_empty() { Ok((label.to_owned(), scopes, expires_at)) } else { Err(wrong) }
}

async fn make(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let now = console.clock.now_ms();
    let (label, scopes, expires_at) = match read(&typed, now) {
        Ok(read) => read,
        Err(wrong) => {
            let page = page(&console, &place, &typed, wrong).await?;
            return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let minted = access::mint().map_err(|error| {
        tracing::error!(%error, "no key can be made");
        Fault::Internal
    })?;
    let key = ApiKey {
        id: minted.id,
        tenant: Some(place.tenant.clone()),
        label,
        scopes,
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    console.store.add_api_key(&key, &minted.hash).await?;
    // Not a redirect: the text is nowhere else.
    let made = Some(minted.text.reveal().to_owned());
    show(&KeysPage { made, ..page(&console, &place, &Typed::default(), Wrong::default()).await? })
}

async fn revoke(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let found = console.store.api_key(&id).await?;
    if found.is_none_or(|(key, _)| key.tenant.as_ref() != Some(&place.tenant)) {
        return Err(Fault::NotFound(format!("Tenant {} has no API key {id}", place.tenant)));
    }
    console.store.revoke_api_key(&id, console.clock.now_ms()).await?;
    Ok(Redirect::to(&address(&place, "keys")).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::sample_tabs, *};
    use crate::console::frame::{Section, sample_frame};

    fn key() -> ApiKey {
        ApiKey {
            id: "k1".to_owned(),
            tenant: Some("acme".into()),
            label: "the <shop>".to_owned(),
            scopes: Scopes::from_iter([Scope::Read, Scope::Orders]),
            created_at: 0,
            expires_at: Some(10),
            revoked_at: None,
            last_used_at: None,
        }
    }

    fn sample(rows: Vec<Row>, made: Option<&str>) -> String {
        let page = KeysPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            address: "/console/t/acme/settings/keys".to_owned(),
            rows,
            made: made.map(ToOwned::to_owned),
            label: String::new(),
            chosen: vec!["read".to_owned()],
            days: String::new(),
            wrong: Wrong::default(),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_key_is_shown_once_and_says_so() {
        let text =
            sample(vec![Row::of(key(), "/console/t/acme/settings/keys", 0, &Zone::default())], Some("ssk_x"));
        for part in
            ["the &#60;shop&#62;", "ssk_x", "not shown again", "keys/k1/revoke", "read, orders", "never used"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(sample(Vec::new(), None).contains("No keys yet"));
    }

    #[test]
    fn keys_that_are_over_say_why() {
        let state = |key: ApiKey, now| Row::of(key, "", now, &Zone::default()).state.to_string();
        assert!(state(key(), 9).contains("works") && state(key(), 10).contains("ran out"));
        let revoked = ApiKey { revoked_at: Some(5), ..key() };
        assert!(state(revoked.clone(), 20).contains("revoked"));
        assert!(Row::of(revoked, "", 20, &Zone::default()).revoke.is_none());
    }

    #[test]
    fn what_is_wrong_with_a_key_is_named_by_its_field() {
        let typed = |fields: &[(&str, &str)]| -> Typed { serde_json::from_value(json!(fields)).unwrap() };
        let fine = typed(&[("label", "shop"), ("scope", "read"), ("scope", "orders"), ("days", "2")]);
        let (label, scopes, expires_at) = read(&fine, 5).unwrap();
        assert_eq!((label.as_str(), expires_at), ("shop", Some(2 * DAY_MS + 5)));
        assert_eq!(scopes, Scopes::from_iter([Scope::Read, Scope::Orders]));
        for (field, fields) in [
            ("label", &[("scope", "read")][..]),
            ("scope", &[("label", "shop")]),
            ("scope", &[("label", "shop"), ("scope", "everything")]),
            ("days", &[("label", "shop"), ("scope", "read"), ("days", "0")]),
            ("days", &[("label", "shop"), ("scope", "read"), ("days", "soon")]),
        ] {
            let wrong = read(&typed(fields), 0).unwrap_err();
            assert!(!wrong.say(field).to_string().is_empty(), "{field}: {wrong:?}");
        }
    }

    #[test]
    fn every_scope_has_its_words() {
        assert!(Scope::ALL.iter().all(|scope| SCOPES.iter().any(|(known, _)| known == scope)));
    }
}
