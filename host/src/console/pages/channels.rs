//! Channels: the list, a channel with its settings, adding one.

mod add;
mod form;
mod one;
mod tasks;

use std::sync::Arc;

use askama::Template;
use axum::{Router, extract::State, routing::get};

use self::tasks::TaskLine;
use crate::{
    access::{Read, Scope},
    console::{
        Console,
        fault::{Shown, show},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone},
    },
    kept::open_breakers,
    storage::TaskFilter,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    let list = Router::new().route("/console/t/{tenant}/channels", get(list));
    list.merge(one::routes()).merge(add::routes())
}

/// The list.
#[derive(Template)]
#[template(path = "channels.html")]
struct ChannelsPage {
    frame: Frame,
    rows: Vec<Row>,
    /// Where one is added, for who may.
    add: Option<String>,
}

struct Row {
    code: String,
    address: String,
    connector: String,
    state: Chip,
    /// What keeps it from being synced, or will.
    notes: Vec<Chip>,
    tasks: Vec<TaskLine>,
}

/// Whether a channel is switched on.
fn state(is_enabled: bool) -> Chip {
    if is_enabled { Chip::new(Tone::Good, "on") } else { Chip::new(Tone::Over, "off") }
}

async fn list(State(console): State<Arc<Console>>, place: In<Read>) -> Shown {
    let now = console.clock.now_ms();
    let engine = Arc::clone(&console.served.borrow().engine);
    let channels = console.store.channels(&place.tenant).await?;
    let filter = TaskFilter { tenant: Some(place.tenant.clone()), channel: None };
    let tasks = console.store.tasks(&filter).await?;
    let open: Vec<String> =
        open_breakers(&*console.store, None).await?.iter().map(|one| one.subject.to_string()).collect();
    let rows = channels.into_iter().map(|channel| {
        let rows = tasks.iter().filter(|row| row.channel == channel.code);
        let account = format!("account {}/{}", place.tenant, channel.code);
        let is_paused = open.contains(&account) || open.contains(&format!("connector {}", channel.connector));
        let is_loaded = engine.registry().get(&channel.connector).is_some();
        let notes = [
            (!is_loaded).then(|| Chip::new(Tone::Bad, "connector not loaded")),
            is_paused.then(|| Chip::new(Tone::Look, "not asked for a while")),
        ];
        Row {
            address: place.address(&["channels", channel.code.as_str()]),
            code: channel.code.to_string(),
            connector: channel.connector,
            state: state(channel.enabled),
            notes: notes.into_iter().flatten().collect(),
            tasks: rows.map(|row| TaskLine::of(row, now, &place.row.zone)).collect(),
        }
    });
    let may_add = place.somebody.caller.may(Scope::Admin, &place.tenant);
    show(&ChannelsPage {
        frame: place.frame("Channels", Section::Channels),
        rows: rows.collect(),
        add: may_add.then(|| place.address(&["add-channel"])),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::frame::sample_frame;

    fn sample(rows: Vec<Row>, add: Option<&str>) -> String {
        let page =
            ChannelsPage { frame: sample_frame(Section::Channels), rows, add: add.map(ToOwned::to_owned) };
        page.render().unwrap()
    }

    #[test]
    fn each_channel_says_whether_it_is_synced_and_what_is_in_the_way() {
        let row = Row {
            code: "F<1>".to_owned(),
            address: "/console/t/acme/channels/F%3C1%3E".to_owned(),
            connector: "flipkart".to_owned(),
            state: state(false),
            notes: vec![Chip::new(Tone::Bad, "connector not loaded")],
            tasks: vec![TaskLine::of(&tasks::sample_row(), 0, &crate::domain::zone::Zone::default())],
        };
        let text = sample(vec![row], None);
        for part in ["F&#60;1&#62;", ">off<", "connector not loaded", "status"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_empty_list_says_what_to_do_to_those_who_may_do_it() {
        assert!(sample(Vec::new(), Some("/console/t/acme/add-channel")).contains("Add the first channel"));
        let text = sample(Vec::new(), None);
        assert!(text.contains("No channels yet") && text.contains("admin"), "{text}");
    }
}
