//! Adding a channel: choose the connector, fill in the form. It is added switched off; its own page tests it and switches it on.

use std::{collections::BTreeSet, sync::Arc};

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::get,
};
use serde_json::Map;

use super::form::{self, ChannelForm, Input};
use crate::{
    access::Admin,
    channels::{self, ChannelError},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Section},
        place::In,
        typed::{Typed, Wrong},
    },
    domain::{codes::problem_of, snapshot::Channel},
    nearest::did_you_mean,
    plugins::Connector,
    storage::StoreError,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/add-channel", get(choose))
        .route("/console/t/{tenant}/add-channel/{connector}", get(fill_in).post(add))
}

/// The connectors to choose from.
#[derive(Template)]
#[template(path = "channel_choose.html")]
struct ChoosePage {
    frame: Frame,
    channels: String,
    connectors: Vec<Choice>,
}

struct Choice {
    id: String,
    name: String,
    speaks: String,
    address: String,
}

/// The form of a channel that is not there yet.
#[derive(Template)]
#[template(path = "channel_add.html")]
struct AddPage {
    frame: Frame,
    address: String,
    choose: String,
    marketplace: String,
    signs_in: String,
    code: String,
    form: ChannelForm,
}

async fn choose(State(console): State<Arc<Console>>, place: In<Admin>) -> Shown {
    let engine = Arc::clone(&console.served.borrow().engine);
    let choice = |connector: Arc<Connector>| {
        let said = &connector.descriptor;
        Choice {
            id: said.id.clone(),
            name: said.name.clone(),
            speaks: said.api_version.clone(),
            address: place.address(&["add-channel", &said.id]),
        }
    };
    show(&ChoosePage {
        frame: place.frame("Add a channel", Section::Channels),
        channels: place.address(&["channels"]),
        connectors: engine.registry().list().into_iter().map(choice).collect(),
    })
}

fn loaded(console: &Console, id: &str) -> Result<Arc<Connector>, Fault> {
    let registry = Arc::clone(console.served.borrow().engine.registry());
    registry.get(id).ok_or_else(|| {
        let known: Vec<String> = registry.list().iter().map(|row| row.descriptor.id.clone()).collect();
        let meant = did_you_mean(id, known.iter().map(String::as_str));
        Fault::NotFound(format!("Connector {id} is not loaded on this host{meant}"))
    })
}

fn blank(connector: &str, code: &str) -> Channel {
    Channel {
        code: code.into(),
        connector: connector.to_owned(),
        enabled: false,
        default_facility: None,
        billing_party: None,
        shipping: None,
        invoice_numbering: None,
        trust_delivery: false,
        settings: Map::new(),
    }
}

async fn page(
    console: &Console,
    place: &In<Admin>,
    connector: &Connector,
    channel: &Channel,
) -> Result<AddPage, Fault> {
    let said = &connector.descriptor;
    let facilities = console.store.facilities(&place.tenant).await?;
    Ok(AddPage {
        frame: place.frame(&format!("Add a channel of {}", said.name), Section::Channels),
        address: place.address(&["add-channel", &said.id]),
        choose: place.address(&["add-channel"]),
        marketplace: said.name.clone(),
        signs_in: said.auth.scheme.clone(),
        code: channel.code.to_string(),
        form: ChannelForm::of(said, channel, &BTreeSet::new(), &facilities),
    })
}

async fn fill_in(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let connector = loaded(&console, &id)?;
    show(&page(&console, &place, &connector, &blank(&id, "")).await?)
}

async fn add(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    let connector = loaded(&console, &id)?;
    let engine = Arc::clone(&console.served.borrow().engine);
    let code = typed.text("code");
    let form::Read { draft, mut wrong } = form::read(&connector.descriptor, blank(&id, code), &typed)?;
    if let Some(problem) = problem_of(code) {
        wrong.add("code", problem);
    }
    if wrong.is_empty() {
        match channels::add(&engine, &place.tenant, &draft).await {
            Ok(_) => {
                let address = place.address(&["channels", code]);
                return Ok(Redirect::to(&format!("{address}?done=added")).into_response());
            }
            Err(error) => wrong = explain(&connector, error)?,
        }
    }
    let mut page = page(&console, &place, &connector, &draft.channel).await?;
    page.form = page.form.again(&typed, wrong);
    Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

fn explain(connector: &Connector, error: ChannelError) -> Result<Wrong, Fault> {
    if let ChannelError::Store(error @ StoreError::Exists(_)) = &error {
        let mut wrong = Wrong::default();
        wrong.add("code", &error.to_string());
        return Ok(wrong);
    }
    form::explain(&connector.descriptor, error)
}

#[cfg(test)]
mod tests {
    use super::{super::form::sample_descriptor, *};
    use crate::console::frame::sample_frame;

    #[test]
    fn the_connectors_to_choose_from_are_named_and_none_says_what_to_do() {
        let page = |connectors| ChoosePage {
            frame: sample_frame(Section::Channels),
            channels: "/console/t/acme/channels".to_owned(),
            connectors,
        };
        let choice = Choice {
            id: "bazaar".to_owned(),
            name: "Bazaar <b>".to_owned(),
            speaks: "v1".to_owned(),
            address: "/console/t/acme/add-channel/bazaar".to_owned(),
        };
        let text = page(vec![choice]).render().unwrap();
        assert!(text.contains("Bazaar &#60;b&#62;") && text.contains("add-channel/bazaar\""), "{text}");
        assert!(page(Vec::new()).render().unwrap().contains("No connector is loaded"));
    }

    #[test]
    fn the_form_asks_for_everything_at_once_and_says_what_is_wrong_beside_it() {
        let channel = blank("bazaar", "F<1>");
        let mut form = ChannelForm::of(&sample_descriptor(), &channel, &BTreeSet::new(), &[]);
        form.wrong.add("code", "a code cannot be empty");
        form.wrong.add("setting.page_size", "this must be a whole number");
        let page = AddPage {
            frame: sample_frame(Section::Channels),
            address: "/console/t/acme/add-channel/bazaar".to_owned(),
            choose: "/console/t/acme/add-channel".to_owned(),
            marketplace: "Bazaar".to_owned(),
            signs_in: "a key".to_owned(),
            code: channel.code.to_string(),
            form,
        };
        let text = page.render().unwrap();
        for part in [
            "F&#60;1&#62;",
            "A code cannot be empty.",
            "This must be a whole number.",
            "aria-describedby=\"wrong-setting.page_size\"",
            "if it is left empty: 50",
            "name=\"setting.token\"",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
