//! Webhooks: the list, making one whose secret is shown once, and one with what it was told: change, test, on and off,
//! another secret, tell again, remove.

use std::{collections::BTreeSet, sync::Arc};

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
    access::{self, Admin},
    console::{
        Console,
        fault::{Fault, Shown, show, show_with},
        frame::{Frame, Link},
        place::In,
        shown::{Chip, Tone, When, number, sentence},
        typed::{Typed, Wrong},
    },
    domain::zone::Zone,
    secrets::{Secret, SecretError},
    storage::{Attempt, Delivery, DeliveryState, EventKind, Webhook, WebhookEdit},
    webhooks,
};

const HOUR_MS: Millis = 3_600_000;
/// For so long messages are signed with a replaced secret, too.
const OVERLAP_MS: Millis = 24 * HOUR_MS;
const LONGEST_LABEL: usize = 200;
const LONGEST_URL: usize = 2_000;
/// Deliveries on the page; the API and the command line list all.
const SHOWN: u32 = 50;

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new()
        .route("/console/t/{tenant}/settings/webhooks", get(list).post(make))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}", get(look).post(save))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}/test", post(test))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}/switch", post(switch))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}/rotate", post(rotate))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}/replay", post(replay))
        .route("/console/t/{tenant}/settings/webhooks/{webhook}/remove", post(remove))
}

/// The webhooks.
#[derive(Template)]
#[template(path = "webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    tabs: Vec<Link>,
    address: String,
    rows: Vec<Row>,
    form: HookForm,
}

/// The fields of a webhook, as they are shown in a form.
struct HookForm {
    url: String,
    label: String,
    chosen: Vec<String>,
    wrong: Wrong,
}

impl HookForm {
    /// As they were typed.
    fn typed(typed: &Typed, wrong: Wrong) -> HookForm {
        HookForm {
            url: typed.text("url").to_owned(),
            label: typed.text("label").to_owned(),
            chosen: typed.all("event").map(ToOwned::to_owned).collect(),
            wrong,
        }
    }

    /// As they are kept.
    fn of(webhook: &Webhook) -> HookForm {
        HookForm {
            url: webhook.url.clone(),
            label: webhook.label.clone(),
            chosen: webhook.events.iter().map(|event| event.as_str().to_owned()).collect(),
            wrong: Wrong::default(),
        }
    }

    /// Whether the box for an event is ticked.
    fn is_chosen(&self, event: &str) -> bool {
        self.chosen.iter().any(|known| known == event)
    }
}

/// A webhook, as it is shown.
struct Row {
    id: String,
    address: String,
    label: String,
    url: String,
    events: String,
    state: Chip,
    is_on: bool,
    because: Option<String>,
    waiting: String,
    oldest: Option<When>,
    failed: String,
}

/// A webhook with what it was told.
#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    frame: Frame,
    tabs: Vec<Link>,
    webhooks: String,
    row: Row,
    form: HookForm,
    /// A secret that was made just now.
    secret: Option<String>,
    /// What was done just now, and whether it went well.
    told: Option<(bool, String)>,
    deliveries: Vec<Line>,
}

/// Something that it was told, or is to be told.
struct Line {
    made: When,
    kind: &'static str,
    order: String,
    state: Chip,
    attempts: usize,
    /// How the last attempt went.
    last: Option<String>,
}

/// What each event tells, as the form says it.
const EVENTS: &[(EventKind, &str)] = &[
    (EventKind::OrderTaken, "an order was handed over"),
    (EventKind::OrderStatusChanged, "something of an order changed"),
    (EventKind::ConflictOpened, "a contradiction waits for a person"),
    (EventKind::RunFinished, "a run ended that had something to tell"),
];

/// How an attempt went, in words.
fn said(attempt: &Attempt) -> String {
    match attempt.status {
        Some(status) if webhooks::is_delivered(attempt) => format!("taken, HTTP {status}"),
        Some(status) => format!("HTTP {status}: {}", attempt.said),
        None => attempt.said.clone(),
    }
}

impl Row {
    fn of(webhook: Webhook, webhooks: &str, now: Millis, zone: &Zone) -> Row {
        let is_on = webhook.disabled_at.is_none();
        let state = match (is_on, webhook.failing_since) {
            (false, _) => Chip::new(Tone::Over, "off"),
            (true, Some(_)) => Chip::new(Tone::Bad, "nothing gets through"),
            (true, None) => Chip::new(Tone::Good, "on"),
        };
        let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
        Row {
            address: crate::address::path(webhooks, &[&webhook.id]),
            events: if events.is_empty() { "everything".to_owned() } else { events.join(", ") },
            state,
            is_on,
            because: webhook.disabled_because.as_deref().map(sentence),
            waiting: number(webhook.waiting),
            oldest: webhook.oldest_waiting_at.map(|at| When::ago(at, now, zone)),
            failed: number(webhook.failed),
            id: webhook.id,
            label: webhook.label,
            url: webhook.url,
        }
    }
}

impl Line {
    fn of(delivery: &Delivery, now: Millis, zone: &Zone) -> Line {
        let tone = match delivery.state {
            DeliveryState::Waiting => Tone::Going,
            DeliveryState::Delivered => Tone::Good,
            DeliveryState::Failed => Tone::Bad,
        };
        Line {
            made: When::ago(delivery.created_at, now, zone),
            kind: delivery.kind.as_str(),
            order: delivery.order.clone().unwrap_or_default(),
            state: Chip::new(tone, delivery.state.as_str()),
            attempts: delivery.attempts.len(),
            last: delivery.attempts.last().map(said),
        }
    }
}

async fn page(
    console: &Console,
    place: &In<Admin>,
    typed: &Typed,
    wrong: Wrong,
) -> Result<WebhooksPage, Fault> {
    let (here, now) = (address(place, "webhooks"), console.clock.now_ms());
    let known = console.store.webhooks(&place.tenant).await?;
    Ok(WebhooksPage {
        frame: frame(place, "Webhooks"),
        tabs: tabs(place, "webhooks"),
        rows: known.into_iter().map(|webhook| Row::of(webhook, &here, now, &place.row.zone)).collect(),
        address: here,
        form: HookForm::typed(typed, wrong),
    })
}

async fn list(State(console): State<Arc<Console>>, place: In<Admin>) -> Shown {
    show(&page(&console, &place, &Typed::default(), Wrong::default()).await?)
}

async fn known(console: &Console, place: &In<Admin>, id: &str) -> Result<Webhook, Fault> {
    let found = console.store.webhook(&place.tenant, id).await?;
    found.ok_or_else(|| Fault::NotFound(format!("Tenant {} has no webhook {id}", place.tenant)))
}

/// The page of a webhook as it is now.
async fn one(console: &Console, place: &In<Admin>, id: &str) -> Result<WebhookPage, Fault> {
    let (here, now) = (address(place, "webhooks"), console.clock.now_ms());
    let webhook = known(console, place, id).await?;
    let deliveries = console.store.deliveries(&place.tenant, id, None, None, SHOWN).await?;
    Ok(WebhookPage {
        frame: frame(place, "Webhook"),
        tabs: tabs(place, "webhooks"),
        form: HookForm::of(&webhook),
        row: Row::of(webhook, &here, now, &place.row.zone),
        webhooks: here,
        secret: None,
        told: None,
        deliveries: deliveries.iter().map(|delivery| Line::of(delivery, now, &place.row.zone)).collect(),
    })
}

async fn look(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    show(&one(&console, &place, &id).await?)
}

/// What was typed, and what is wrong with it; `check` says whether messages may be sent to a URL.
fn read(
    typed: &Typed,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<(String, String, BTreeSet<EventKind>), Wrong> {
    let (url, label) = (typed.text("url"), typed.text("label"));
    let mut wrong = Wrong::default();
    if url.is_empty() || url.len() > LONGEST_URL || url.chars().any(char::is_control) {
        wrong.add("url", &format!("give an https address of at most {LONGEST_URL} characters"));
    } else if let Err(why) = check(url) {
        wrong.add("url", &why);
    }
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        wrong.add("label", &format!("give at most {LONGEST_LABEL} characters"));
    }
    let events: Option<BTreeSet<EventKind>> = typed.all("event").map(EventKind::parse).collect();
    match events {
        Some(events) if wrong.is_empty() => return Ok((url.to_owned(), label.to_owned(), events)),
        Some(_) => {}
        None => wrong.add("event", "choose from these"),
    }
    Err(wrong)
}

fn no_random(error: &SecretError) -> Fault {
    tracing::error!(%error, "no secret can be made");
    Fault::Internal
}

fn new_secret() -> Result<Secret, Fault> {
    webhooks::mint().map_err(|error| no_random(&error))
}

async fn make(State(console): State<Arc<Console>>, place: In<Admin>, Form(typed): Form<Typed>) -> Shown {
    let (url, label, events) = match read(&typed, |url| console.sender.check(url)) {
        Ok(read) => read,
        Err(wrong) => {
            let page = page(&console, &place, &typed, wrong).await?;
            return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let secret = new_secret()?;
    let webhook = Webhook::new(
        format!("wh_{}", access::mint().map_err(|error| no_random(&error))?.id),
        label,
        url,
        events,
        console.clock.now_ms(),
    );
    console.store.add_webhook(&place.tenant, &webhook, &secret).await?;
    // Not a redirect: the secret is nowhere else.
    let secret = Some(secret.reveal().to_owned());
    show(&WebhookPage { secret, ..one(&console, &place, &webhook.id).await? })
}

async fn save(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    let page = one(&console, &place, &id).await?;
    let (url, label, events) = match read(&typed, |url| console.sender.check(url)) {
        Ok(read) => read,
        Err(wrong) => {
            let page = WebhookPage { form: HookForm::typed(&typed, wrong), ..page };
            return Ok(show_with(StatusCode::UNPROCESSABLE_ENTITY, &page));
        }
    };
    let edit =
        WebhookEdit { url: Some(url), label: Some(label), events: Some(events), ..WebhookEdit::default() };
    console.store.set_webhook(&place.tenant, &id, &edit, console.clock.now_ms()).await?;
    let told = Some((true, "The webhook is changed".to_owned()));
    show(&WebhookPage { told, ..one(&console, &place, &id).await? })
}

async fn test(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    let page = one(&console, &place, &id).await?;
    let attempt = console.sender.test(&place.tenant, &id).await?;
    let attempt = attempt.ok_or_else(|| Fault::NotFound("The webhook was removed meanwhile".to_owned()))?;
    let told = Some((webhooks::is_delivered(&attempt), format!("A test was sent: {}", said(&attempt))));
    show(&WebhookPage { told, ..page })
}

async fn switch(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    known(&console, &place, &id).await?;
    let enabled = match typed.text("to") {
        "on" => true,
        "off" => false,
        other => return Err(Fault::Refused(format!("A webhook is switched on or off, not `{other}`"))),
    };
    let edit = WebhookEdit { enabled: Some(enabled), ..WebhookEdit::default() };
    console.store.set_webhook(&place.tenant, &id, &edit, console.clock.now_ms()).await?;
    let page = crate::address::path(&address(&place, "webhooks"), &[&id]);
    Ok(Redirect::to(&page).into_response())
}

async fn rotate(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
) -> Shown {
    known(&console, &place, &id).await?;
    let (secret, old_until) = (new_secret()?, console.clock.now_ms() + OVERLAP_MS);
    console.store.rotate_webhook(&place.tenant, &id, &secret, old_until).await?;
    let secret = Some(secret.reveal().to_owned());
    show(&WebhookPage { secret, ..one(&console, &place, &id).await? })
}

async fn replay(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    known(&console, &place, &id).await?;
    let hours = typed.text("hours").parse::<i64>().ok().filter(|hours| (1..=8_760).contains(hours));
    let hours = hours.ok_or_else(|| Fault::Refused("Give a whole number of hours, 1 to 8760".to_owned()))?;
    let now = console.clock.now_ms();
    let count = console.store.replay_webhook(&place.tenant, &id, now - hours * HOUR_MS, now).await?;
    let told = Some((true, format!("{} messages are sent again", number(count))));
    show(&WebhookPage { told, ..one(&console, &place, &id).await? })
}

async fn remove(
    State(console): State<Arc<Console>>,
    place: In<Admin>,
    Path((_, id)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Shown {
    known(&console, &place, &id).await?;
    if !typed.is_ticked("sure") {
        return Err(Fault::Refused("Tick the box that says what is lost".to_owned()));
    }
    console.store.remove_webhook(&place.tenant, &id).await?;
    Ok(Redirect::to(&address(&place, "webhooks")).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::sample_tabs, *};
    use crate::console::frame::{Section, sample_frame};

    fn webhook() -> Webhook {
        Webhook {
            id: "wh_1".to_owned(),
            label: "the <shop>".to_owned(),
            url: "https://shop.example/told".to_owned(),
            events: BTreeSet::from([EventKind::RunFinished]),
            created_at: 0,
            disabled_at: None,
            disabled_because: None,
            failing_since: None,
            waiting: 1_234,
            oldest_waiting_at: Some(0),
            failed: 0,
        }
    }

    fn row(webhook: Webhook) -> Row {
        Row::of(webhook, "/console/t/acme/settings/webhooks", 0, &Zone::default())
    }

    #[test]
    fn the_list_shows_where_each_is_and_what_waits() {
        let page = |rows| {
            let page = WebhooksPage {
                frame: sample_frame(Section::Settings),
                tabs: sample_tabs(),
                address: "/console/t/acme/settings/webhooks".to_owned(),
                rows,
                form: HookForm {
                    url: "ftp:x".to_owned(),
                    label: String::new(),
                    chosen: vec!["order.taken".to_owned()],
                    wrong: Wrong::default(),
                },
            };
            page.render().unwrap()
        };
        let text = page(vec![row(webhook())]);
        for part in
            ["the &#60;shop&#62;", "1,234", "run.finished", "webhooks/wh_1", "value=\"order.taken\" checked"]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(page(Vec::new()).contains("No webhooks yet"));
    }

    #[test]
    fn a_webhook_shows_its_secret_once_and_how_deliveries_went() {
        let attempt = Attempt { at: 0, duration_ms: 5, status: Some(500), said: "<oops>".to_owned() };
        let delivery = Delivery {
            number: 1,
            event: "e".to_owned(),
            kind: EventKind::OrderTaken,
            order: Some("O1".to_owned()),
            state: DeliveryState::Failed,
            created_at: 0,
            due_at: None,
            ended_at: Some(0),
            attempts: vec![attempt],
        };
        let off = Webhook { disabled_at: Some(0), disabled_because: Some("gone".to_owned()), ..webhook() };
        let page = WebhookPage {
            frame: sample_frame(Section::Settings),
            tabs: sample_tabs(),
            webhooks: "/console/t/acme/settings/webhooks".to_owned(),
            form: HookForm::of(&off),
            row: row(off),
            secret: Some("whsec_x".to_owned()),
            told: Some((false, "A test was sent".to_owned())),
            deliveries: vec![Line::of(&delivery, 0, &Zone::default())],
        };
        let text = page.render().unwrap();
        for part in [
            "whsec_x",
            "not shown again",
            "HTTP 500: &#60;oops&#62;",
            "FAILED",
            "Gone",
            "Switch it on",
            "value=\"run.finished\" checked",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let typed = |fields: &[(&str, &str)]| -> Typed { serde_json::from_value(json!(fields)).unwrap() };
        let check =
            |url: &str| if url.starts_with("https:") { Ok(()) } else { Err("it is no https".to_owned()) };
        let fine = typed(&[("url", "https://x.example"), ("event", "order.taken")]);
        let (url, _, events) = read(&fine, check).unwrap();
        assert_eq!((url.as_str(), events), ("https://x.example", BTreeSet::from([EventKind::OrderTaken])));
        for (field, fields) in [
            ("url", &[("url", "")][..]),
            ("url", &[("url", "http://x.example")]),
            ("event", &[("url", "https://x.example"), ("event", "rain")]),
        ] {
            let wrong = read(&typed(fields), check).unwrap_err();
            assert!(!wrong.say(field).to_string().is_empty(), "{field}: {wrong:?}");
        }
    }

    #[test]
    fn every_event_has_its_words() {
        assert!(EventKind::ALL.iter().all(|kind| EVENTS.iter().any(|(known, _)| known == kind)));
    }
}
