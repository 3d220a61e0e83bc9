//! People with a role in the tenant: the list, adding somebody, changing roles, a new link for who has lost theirs.
//!
//! An admin decides about the own tenant only. Whoever has a role elsewhere too keeps their password: a link would let the
//! admin in there as well.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use plugin_api::Millis;

use super::{address, frame, tabs};
use crate::{
    access::{Admin, Role, Scope},
    console::{
        Console, Reached,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        shown::{Chip, Tone, When},
        typed::{Typed, Wrong},
    },
    people::{self, PeopleError},
    storage::Person,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/settings/people", get(list).post(add))
        .route("/console/t/{tenant}/settings/people/{login}/role", post(set_role))
        .route("/console/t/{tenant}/settings/people/{login}/link", post(new_link))
}

/// The people.
#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    rows: Vec<Row>,
    /// A link that was made just now, and for whom.
    link: Option<(String, String)>,
    login: String,
    name: String,
    role: String,
    wrong: Wrong,
}

struct Row {
    login: String,
    name: String,
    /// The role here; with `everywhere`, in every tenant.
    role: Role,
    is_everywhere: bool,
    state: Chip,
    added: When,
    /// Where the role is changed, if it can be here.
    change: Option<String>,
    /// Where a new link is made, if it can be here.
    link: Option<String>,
}

/// What each role allows, as the form says it.
const ROLES: &[(Role, &str)] = &[
    (Role::Viewer, "viewer: sees everything but secrets"),
    (Role::Operator, "operator: also syncs and decides"),
    (Role::Admin, "admin: may do everything"),
];

/// What is decided about here of a person.
struct Here<'a> {
    place: &'a In<Admin>,
    people: String,
}

impl Here<'_> {
    /// The person's line; none for who has no role here.
    fn row(&self, person: &Person, now: Millis) -> Option<Row> {
        let tenant = &self.place.tenant;
        let everywhere = person.roles.iter().find(|(of, _)| of.is_none());
        let (of, role) =
            everywhere.or_else(|| person.roles.iter().find(|(of, _)| of.as_ref() == Some(tenant)))?;
        let user = &person.user;
        let is_self = user.id == self.place.somebody.person.user.id;
        let state = match (user.disabled_at, user.must_change_password) {
            (Some(_), _) => Chip::new(Tone::Over, "switched off"),
            (None, true) => Chip::new(Tone::Look, "password due"),
            (None, false) => Chip::new(Tone::Good, "may sign in"),
        };
        let below = |last: &str| crate::address::path(&self.people, &[&user.login, last]);
        Some(Row {
            login: user.login.clone(),
            name: user.name.clone(),
            role: *role,
            is_everywhere: of.is_none(),
            state,
            added: When::ago(user.created_at, now, &self.place.row.zone),
            change: (of.is_some() && !is_self).then(|| below("role")),
            link: (!is_self && self.decides_all(person)).then(|| below("link")),
        })
    }

    /// Whether the admin may admin everything that the person has a role in.
    fn decides_all(&self, person: &Person) -> bool {
        let caller = &self.place.somebody.caller;
        person.roles.iter().all(|(of, _)| match of {
            Some(tenant) => caller.may(Scope::Admin, tenant),
            None => caller.may_everywhere(Scope::Admin),
        })
    }
}

fn here(place: &In<Admin>) -> Here<'_> {
    Here { place, people: address(place, "people") }
}

async fn page(
    console: &Console,
    place: &In<Admin>,
    typed: &Typed,
    wrong: Wrong,
) -> Result<PeoplePage, Fault> {
    let (now, here) = (console.clock.now_ms(), here(place));
    let people = console.store.users().await?;
    Ok(PeoplePage {
        frame: frame(place, "People"),
        tabs: tabs(place, "people"),
        rows: people.iter().filter_map(|person| here.row(person, now)).collect(),
        address: here.people,
        link: None,
        login: typed.text("login").to_owned(),
        name: typed.text("name").to_owned(),
        role: typed.text("role").to_owned(),
        wrong,
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Admin>) -> Shown {
    show(&page(&console, &place, &Typed::default(), Wrong::default()).await?)
}

/// A link as a browser reaches it.
fn whole(console: &Console, headers: &HeaderMap, path: &str) -> String {
    match &console.reached {
        Reached::Through(url) => format!("{}{path}", url.as_str()),
        Reached::Here | Reached::Openly => {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
            format!("http://{host}{path}")
        }
    }
}

impl From<PeopleError> for Fault {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Store(error) => error.into(),
            PeopleError::Random(error) => {
                tracing::error!(%error, "nobody can be added");
                Fault::Internal
            }
        }
    }
}

async fn add(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Shown {
    let mut wrong = Wrong::default();
    let login = people::login(typed.text("login")).map_err(|problem| wrong.add("login", &problem)).ok();
    let role = Role::parse(typed.text("role"));
    if role.is_none() {
        wrong.add("role", "choose what they may do");
    }
    let name = typed.text("name");
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        wrong.add("name", "give at most 100 characters");
    }
    let (Some(login), Some(role), true) = (login, role, wrong.is_empty()) else {
        let page = page(&console, &place, &typed, wrong).await?;
        return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
    };
    let (store, tenant, now) = (&*console.store, Some(place.tenant.clone()), console.clock.now_ms());
    if let Some((known, _)) = store.user(&login).await? {
        if here(&place).row(&known, now).is_some() {
            wrong.add("login", "they have a role here already: change it in the list");
            let page = page(&console, &place, &typed, wrong).await?;
            return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
        // They sign in with the password that they have.
        store.set_role(&known.user.id, tenant.as_ref(), Some(role)).await?;
        return Ok(Redirect::to(&address(&place, "people")).into_response());
    }
    let name = if name.is_empty() { login.clone() } else { name.to_owned() };
    let id = people::add(store, now, &login, name, (tenant, role)).await?;
    linked(&console, &place, &headers, (&id, login)).await
}

/// The page with a link for somebody. Not a redirect: the link is nowhere else.
async fn linked(
    console: &Console,
    place: &In<Admin>,
    headers: &HeaderMap,
    (id, login): (&str, String),
) -> Shown {
    let path = people::link(&*console.store, console.clock.now_ms(), id).await?;
    let link = Some((login, whole(console, headers, path.reveal())));
    show(&PeoplePage { link, ..page(console, place, &Typed::default(), Wrong::default()).await? })
}

async fn known(console: &Console, place: &In<Admin>, login: &str) -> Result<(Person, Row), Fault> {
    let found = console.store.user(login).await?;
    let found = found.and_then(|(person, _)| {
        let row = here(place).row(&person, console.clock.now_ms())?;
        Some((person, row))
    });
    found.ok_or_else(|| {
        Fault::NotFound(format!("Nobody with a role in tenant {} signs in as {login}", place.tenant))
    })
}

async fn set_role(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, login)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    let (person, row) = known(&console, &place, &login).await?;
    if row.change.is_none() {
        let why = if row.is_everywhere {
            "The role holds in every tenant; who runs the host changes it with `statusync user role`"
        } else {
            "Nobody changes their own role; another admin does"
        };
        return Err(Fault::Refused(why.to_owned()));
    }
    let role = match typed.text("role") {
        "none" => None,
        word => Some(Role::parse(word).ok_or_else(|| Fault::Refused(format!("There is no role `{word}`")))?),
    };
    console.store.set_role(&person.user.id, Some(&place.tenant), role).await?;
    Ok(Redirect::to(&address(&place, "people")).into_response())
}

async fn new_link(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    headers: HeaderMap,
    Path((_, login)): Path<(String, String)>,
) -> Shown {
    let (person, row) = known(&console, &place, &login).await?;
    if row.link.is_none() {
        let why = "They have a role elsewhere too, or it is you; who runs the host makes the link with `statusync user reset`";
        return Err(Fault::Refused(why.to_owned()));
    }
    console.store.set_password(&person.user.id, "", true, console.clock.now_ms()).await?;
    linked(&console, &place, &headers, (&person.user.id, person.user.login.clone())).await
}

#[cfg(test)]
mod tests {
    use super::{super::sample_tabs, *};
    use crate::console::frame::{Section, sample_frame};
    use crate::domain::zone::Zone;

    fn row(change: Option<&str>) -> Row {
        Row {
            login: "ana<1>".to_owned(),
            name: "Ana <b>".to_owned(),
            role: Role::Operator,
            is_everywhere: change.is_none(),
            state: Chip::new(Tone::Good, "may sign in"),
            added: When::ago(0, 0, &Zone::default()),
            change: change.map(ToOwned::to_owned),
            link: change.map(|change| format!("{change}/link")),
        }
    }

    fn sample(rows: Vec<Row>, link: Option<(String, String)>) -> String {
        let mut wrong = Wrong::default();
        wrong.add("login", "give 1 to 100 characters");
        let page = PeoplePage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            address: "/console/t/acme/settings/people".to_owned(),
            rows,
            link,
            login: "a b".to_owned(),
            name: String::new(),
            role: "operator".to_owned(),
            wrong,
        };
        page.render().unwrap()
    }

    #[test]
    fn people_are_shown_with_their_roles_and_forms_where_they_can_be_changed() {
        let text = sample(vec![row(Some("/people/ana/role"))], None);
        for part in
            ["ana&#60;1&#62;", "Ana &#60;b&#62;", "action=\"/people/ana/role\"", "Give 1 to 100 characters."]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        let text = sample(vec![row(None)], None);
        assert!(text.contains("in every tenant") && !text.contains("New link"), "{text}");
    }

    #[test]
    fn a_link_is_shown_once_with_what_to_do_with_it() {
        let link = ("ana".to_owned(), "/console/enter/x".to_owned());
        let text = sample(Vec::new(), Some(link));
        assert!(text.contains("/console/enter/x") && text.contains("serves once"), "{text}");
    }

    #[test]
    fn every_role_has_its_words() {
        assert!(Role::ALL.iter().all(|role| ROLES.iter().any(|(known, _)| known == role)));
    }
}
