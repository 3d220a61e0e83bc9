//! A channel: how it goes, its settings, whether it is switched on, a test of its connection.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use plugin_api::Millis;
use serde::Deserialize;

use super::{
    form::{self, ChannelForm, Input},
    state,
    tasks::TaskLine,
};
use crate::{
    access::{Admin, Operate, Read, Scope},
    channels,
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Section},
        place::In,
        shown::{Chip, Tone, When, length, sentence},
        typed::{Typed, Wrong},
    },
    domain::snapshot::Channel,
    kept::{RateNow, paused_now, rates_now},
    nearest::did_you_mean,
    storage::TaskFilter,
    sync::Connection,
};

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/channels/{channel}", get(look).post(save))
        .route("/console/t/{tenant}/channels/{channel}/test", post(test))
        .route("/console/t/{tenant}/channels/{channel}/switch", post(switch))
}

/// A channel.
#[derive(Template)]
#[template(path = "channel.html")]
struct ChannelPage {
    frame: Frame,
    code: String,
    address: String,
    channels: String,
    connector: ConnectorLine,
    state: Chip,
    is_enabled: bool,
    may_operate: bool,
    may_change: bool,
    /// What was done a moment ago.
    done: Option<&'static str>,
    tested: Option<Tested>,
    pauses: Vec<Pause>,
    rates: Vec<RateLine>,
    tasks: Vec<TaskLine>,
    missing_secrets: Vec<String>,
    /// None while the connector is not loaded.
    form: Option<ChannelForm>,
}

struct ConnectorLine {
    id: String,
    /// Marketplace and version; none while it is not loaded.
    named: Option<String>,
    address: String,
}

/// How a test of the connection went.
struct Tested {
    works: bool,
    message: String,
    calls: u64,
    remedy: &'static str,
}

/// How a call stands with the rate plan.
struct RateLine {
    operation: String,
    plan: String,
    free: Chip,
    /// When the next may leave, if none may now.
    next: Option<String>,
}

impl RateLine {
    fn of(rate: RateNow, now: Millis) -> RateLine {
        let RateNow { operation, per_second, burst, free, next_at } = rate;
        let tone = if free == 0 { Tone::Look } else { Tone::Good };
        RateLine {
            operation,
            plan: format!("{per_second} a second, {burst} at once"),
            free: Chip::new(tone, format!("{free} of {burst}")),
            next: next_at.map(|at| length_up((at - now).max(0))),
        }
    }
}

/// A length of time that is not shorter than it is: `1 s` for 400 ms.
fn length_up(millis: Millis) -> String {
    length(millis.saturating_add(999))
}

/// That the marketplace is left in peace for a while.
struct Pause {
    whom: &'static str,
    since: When,
    again: When,
    reason: String,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    done: String,
}

/// What was done, as the address of the page says it.
const DONE: &[(&str, &str)] = &[
    ("added", "The channel is added. Test its connection, then switch it on."),
    ("saved", "The settings are saved."),
    ("on", "The channel is switched on."),
    ("off", "The channel is switched off: it is not synced until it is switched on."),
];

async fn known<S>(console: &Console, place: &In<S>, code: &str) -> Result<Channel, Fault> {
    if let Some(channel) = console.store.channel(&place.tenant, &code.into()).await? {
        return Ok(channel);
    }
    let known = console.store.channels(&place.tenant).await?;
    let meant = did_you_mean(code, known.iter().map(|channel| channel.code.as_str()));
    Err(Fault::NotFound(format!("Tenant {} has no channel {code}{meant}", place.tenant)))
}

async fn page<S>(console: &Console, place: &In<S>, channel: &Channel) -> Result<ChannelPage, Fault> {
    let (store, tenant, now) = (&*console.store, &place.tenant, console.clock.now_ms());
    let engine = Arc::clone(&console.served.borrow().engine);
    let connector = engine.registry().get(&channel.connector);
    let may = |scope: Scope| place.somebody.caller.may(scope, tenant);
    let filter = TaskFilter { tenant: Some(tenant.clone()), channel: Some(channel.code.clone()) };
    let tasks = store.tasks(&filter).await?;
    let account = format!("{tenant}/{}", channel.code);
    let paused = paused_now(store, &account, &channel.connector).await?;
    let pauses = paused.iter().map(|paused| Pause {
        whom: if paused.is_of_account { "this account" } else { "the marketplace as a whole" },
        since: When::ago(paused.since, now, &place.row.zone),
        again: When::ago(paused.next_attempt_at, now, &place.row.zone),
        reason: sentence(&paused.reason),
    });
    let plan = connector.as_ref().map_or(&[][..], |loaded| &loaded.descriptor.operations);
    let rates = rates_now(store, &account, plan, now).await?;
    let stored = store.secret_names(tenant, &channel.code).await?;
    let facilities = store.facilities(tenant).await?;
    let form = connector.as_ref().map(|connector| ChannelForm {
        may_change: may(Scope::Admin),
        ..ChannelForm::of(&connector.descriptor, channel, &stored, &facilities)
    });
    Ok(ChannelPage {
        frame: place.frame(&format!("Channel {}", channel.code), Section::Channels),
        code: channel.code.to_string(),
        address: place.address(&["channels", channel.code.as_str()]),
        channels: place.address(&["channels"]),
        connector: ConnectorLine {
            id: channel.connector.clone(),
            named: connector
                .as_ref()
                .map(|loaded| format!("{} (version {})", loaded.descriptor.name, loaded.version)),
            address: place.address(&["connectors", &channel.connector]),
        },
        state: state(channel.enabled),
        is_enabled: channel.enabled,
        may_operate: may(Scope::Operate),
        may_change: may(Scope::Admin),
        done: None,
        tested: None,
        pauses: pauses.collect(),
        rates: rates.into_iter().map(|rate| RateLine::of(rate, now)).collect(),
        tasks: tasks.iter().map(|row| TaskLine::of(row, now, &place.row.zone)).collect(),
        missing_secrets: connector
            .map_or_else(Vec::new, |loaded| channels::missing_secrets(&loaded, channel, &stored)),
        form,
    })
}

async fn look(
    State(console): State<Arc<Console>>,
    place: In<Read>,
    Path((_, code)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Shown {
    let channel = known(&console, &place, &code).await?;
    let done = DONE.iter().find(|(word, _)| *word == asked.done).map(|(_, sentence)| *sentence);
    show(&ChannelPage { done, ..page(&console, &place, &channel).await? })
}

async fn save(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, code)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    let channel = known(&console, &place, &code).await?;
    let engine = Arc::clone(&console.served.borrow().engine);
    let connector = engine.registry().get(&channel.connector).ok_or_else(|| {
        Fault::Refused(format!(
            "Connector {} is not loaded, so nobody can check its settings",
            channel.connector
        ))
    })?;
    let read = form::read(&connector.descriptor, channel, &typed)?;
    let draft = read.draft;
    let wrong = if read.wrong.is_empty() {
        match channels::change(&engine, &place.tenant, &draft).await {
            Ok(_) => {
                let address = place.address(&["channels", &code]);
                return Ok(Redirect::to(&format!("{address}?done=saved")).into_response());
            }
            Err(error) => form::explain(&connector.descriptor, error)?,
        }
    } else {
        read.wrong
    };
    again(&console, &place, &draft.channel, &typed, wrong).await
}

/// The page with the form as it was sent.
async fn again(
    console: &Console,
    place: &In<Admin>,
    channel: &Channel,
    typed: &Typed,
    wrong: Wrong,
) -> Shown {
    let mut page = page(console, place, channel).await?;
    page.form = page.form.map(|form| form.again(typed, wrong));
    Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page))
}

async fn test(
    State(console): State<Arc<Console>>,
    place: In<Operate>,
    Path((_, code)): Path<(String, String)>,
) -> Shown {
    let channel = known(&console, &place, &code).await?;
    let engine = Arc::clone(&console.served.borrow().engine);
    let tested =
        engine.test_connection(&place.tenant, &channel.code).await.map_err(|error| Fault::from(&error))?;
    show(&ChannelPage { tested: Some(Tested::of(&tested)), ..page(&console, &place, &channel).await? })
}

impl Tested {
    fn of(tested: &Connection) -> Tested {
        use plugin_api::ErrorKind as Kind;
        let remedy = match tested.kind {
            _ if tested.works => "",
            Some(Kind::Auth) => {
                "The marketplace does not accept the credentials: type the secrets again, and look whether the account is still authorised."
            }
            Some(Kind::Config) => "Change the setting that is named.",
            Some(Kind::RateLimited | Kind::Unavailable) => {
                "The marketplace does not answer as it should at the moment: try again in a while."
            }
            Some(_) => {
                "Neither setting nor secret is to blame, as far as is known: the host's log has more about it."
            }
            None => "Mend what is named and test again.",
        };
        Tested { works: tested.works, message: sentence(&tested.message), calls: tested.calls, remedy }
    }
}

async fn switch(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, code)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    let channel = known(&console, &place, &code).await?;
    let on = match typed.text("to") {
        "on" => true,
        "off" => false,
        other => return Err(Fault::Refused(format!("A channel is switched on or off, not `{other}`"))),
    };
    console.store.enable_channel(&place.tenant, &channel.code, on).await?;
    let address = place.address(&["channels", &code]);
    Ok(Redirect::to(&format!("{address}?done={}", if on { "on" } else { "off" })).into_response())
}

#[cfg(test)]
mod tests {
    use crate::domain::zone::Zone;
    use std::collections::BTreeSet;

    use plugin_api::ErrorKind;

    use super::{
        super::{
            form::{sample_channel, sample_descriptor},
            tasks::sample_row,
        },
        *,
    };
    use crate::console::frame::sample_frame;

    fn sample(may_change: bool) -> ChannelPage {
        let stored = BTreeSet::from(["token".to_owned()]);
        let form = ChannelForm::of(&sample_descriptor(), &sample_channel(), &stored, &[]);
        let used_up = RateNow {
            operation: "list".to_owned(),
            per_second: 0.5,
            burst: 2,
            free: 0,
            next_at: Some(1_001),
        };
        ChannelPage {
            frame: sample_frame(Section::Channels),
            code: "BZ1".to_owned(),
            address: "/console/t/acme/channels/BZ1".to_owned(),
            channels: "/console/t/acme/channels".to_owned(),
            connector: ConnectorLine {
                id: "bazaar".to_owned(),
                named: Some("Bazaar (version 1.0.0)".to_owned()),
                address: "/console/t/acme/connectors/bazaar".to_owned(),
            },
            state: state(true),
            is_enabled: true,
            may_operate: may_change,
            may_change,
            done: None,
            tested: None,
            pauses: Vec::new(),
            rates: vec![RateLine::of(used_up, 0)],
            tasks: vec![TaskLine::of(&sample_row(), 0, &Zone::default())],
            missing_secrets: Vec::new(),
            form: Some(ChannelForm { may_change, ..form }),
        }
    }

    #[test]
    fn a_call_that_has_to_wait_says_how_long() {
        let text = sample(false).render().unwrap();
        for part in ["0.5 a second, 2 at once", "0 of 2", "the next in 2 s"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_admin_gets_a_form_and_a_viewer_reads_only() {
        let text = sample(true).render().unwrap();
        for part in
            ["S&#60;1&#62;", "Your number &#60;there&#62;.", "Save", "Test the connection", "Switch it off"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(text.contains("type=\"password\"") && text.contains("is set"), "{text}");
        let text = sample(false).render().unwrap();
        assert!(text.contains("<fieldset disabled"), "{text}");
        for part in ["Save", "Test the connection", "Switch it"] {
            assert!(!text.contains(part), "{part} is in {text}");
        }
    }

    #[test]
    fn a_test_says_how_it_went_and_what_to_do() {
        let went = |works, kind| {
            let message = "the token <x> was refused".to_owned();
            Tested::of(&Connection { works, message, kind, calls: 1 })
        };
        let page = ChannelPage { tested: Some(went(false, Some(ErrorKind::Auth))), ..sample(true) };
        let text = page.render().unwrap();
        assert!(
            text.contains("The token &#60;x&#62; was refused") && text.contains("type the secrets again"),
            "{text}"
        );
        let page = ChannelPage { tested: Some(went(true, None)), ..sample(true) };
        assert!(page.render().unwrap().contains("The connection works"));
    }

    #[test]
    fn without_its_connector_a_channel_has_no_form_and_says_why() {
        let mut page = sample(true);
        (page.form, page.connector.named) = (None, None);
        page.missing_secrets = vec!["token".to_owned()];
        page.pauses = vec![Pause {
            whom: "this account",
            since: When::ago(0, 0, &Zone::default()),
            again: When::ago(0, 0, &Zone::default()),
            reason: "No answer".to_owned(),
        }];
        let text = page.render().unwrap();
        for part in ["is not loaded on this host", "No answer", "this account"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
