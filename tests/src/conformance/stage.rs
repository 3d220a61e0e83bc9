//! A marketplace on a loopback port as a subject describes it, a fault in it if wished, and pulls from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use plugin_api::{ErrorKind, Millis, Observation, ScopeKind, Status, time};
use serde_json::{Map, Value};
use wiremock::{Mock, MockServer, Request, matchers::any};

use super::{
    Ask, Host, Ran,
    played::{Batch, Call, Played, Player},
    subject::{PERSONAL, Route, Scene, Subject, braced},
};

pub(super) use super::played::{At, Fault, is_asked, json, token};

/// How long a pull may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Before this no marketplace of ours was there.
const YEAR_2000: Millis = 946_684_800_000;
const DAY: Millis = 86_400_000;

/// A host with a connector, the connector's subject, and what was proved so far.
pub struct Bench<'a> {
    /// The host.
    pub host: &'a dyn Host,
    /// The subject.
    pub subject: &'a Subject,
    /// What was reported where its word stood.
    pub(super) proved: Mutex<Vec<(Status, ScopeKind)>>,
    /// What each scene is reported as when nothing disturbs.
    pub(super) usual: Mutex<BTreeMap<(String, Show), Result<Ran, String>>>,
}

/// What a marketplace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Show {
    /// Rows that are reported.
    Rows,
    /// The same rows, each of them twice.
    Twice,
    /// As `Twice`, with a second page that is the first one again.
    Circle,
    /// Pages without end.
    Endless,
    /// A sound answer without rows.
    Nothing,
}

/// What is to be seen in a scene.
#[derive(Clone)]
pub(super) struct Act<'a> {
    pub(super) scene: &'a Scene,
    pub(super) show: Show,
    /// What stands at some places instead of what normally does.
    pub(super) words: BTreeMap<String, String>,
    pub(super) fault: Option<Fault>,
    /// Other orders that are asked about: requests that no route fits are answered like those for the scene's own.
    pub(super) batch: Option<Batch>,
}

impl<'a> Act<'a> {
    pub(super) fn new(scene: &'a Scene, show: Show) -> Self {
        Act { scene, show, words: BTreeMap::new(), fault: None, batch: None }
    }

    pub(super) fn rows(scene: &'a Scene) -> Self {
        Act::new(scene, Show::Rows)
    }

    pub(super) fn fault(self, fault: Fault) -> Self {
        Act { fault: Some(fault), ..self }
    }

    /// Other orders are asked about, in the same way.
    pub(super) fn batch(self, batch: Batch) -> Self {
        Act { batch: Some(batch), ..self }
    }

    /// The answers, those that are laid over others in their place.
    fn routes(&self) -> Vec<Route> {
        let Scene { rows, twice, endless, nothing, .. } = self.scene;
        let layers: &[&[Route]] = match self.show {
            Show::Rows => &[rows],
            Show::Twice | Show::Circle => &[rows, twice],
            Show::Endless => &[rows, twice, endless],
            Show::Nothing => &[rows, nothing],
        };
        let mut routes: Vec<Route> = Vec::new();
        for route in layers.iter().copied().flatten() {
            match routes.iter_mut().find(|other| other.asks_like(route)) {
                // An answer in the place of a struck one is struck.
                Some(other) => *other = Route { struck: route.struck || other.struck, ..route.clone() },
                None => routes.push(route.clone()),
            }
        }
        if self.show == Show::Circle {
            let first = routes.iter().find(|route| route.struck).map(|route| route.text.clone());
            for second in routes.iter_mut().filter(|route| route.second) {
                second.text = first.clone().unwrap_or_default();
            }
        }
        routes
    }
}

/// A marketplace for one case.
pub(super) struct Stage<'a> {
    /// Serves for as long as it lives.
    _server: MockServer,
    pub(super) scene: &'a Scene,
    pub(super) settings: Map<String, Value>,
    played: Arc<Played>,
}

impl<'a> Bench<'a> {
    /// A host with a connector before its marketplace.
    pub(super) fn new(host: &'a dyn Host, subject: &'a Subject) -> Self {
        Bench { host, subject, proved: Mutex::default(), usual: Mutex::default() }
    }

    /// The connector's id.
    pub(super) fn id(&self) -> &str {
        &self.host.descriptor().id
    }

    /// Settings and secrets, common ones and a scene's, for a marketplace at `base`.
    pub(super) fn settings(&self, scene: Option<&Scene>, base: &str) -> Map<String, Value> {
        let mut settings = self.subject.settings.clone();
        settings.extend(scene.into_iter().flat_map(|scene| scene.settings.clone()));
        for value in settings.values_mut() {
            if let Value::String(text) = value {
                *text = text.replace("{base}", base);
            }
        }
        let secrets = self.subject.secrets.iter();
        settings.extend(secrets.map(|(name, secret)| (name.clone(), Value::from(secret.as_str()))));
        settings
    }

    /// A marketplace.
    pub(super) async fn stage(&self, act: Act<'a>) -> Stage<'a> {
        let server = MockServer::start().await;
        let filled = |route: &Route| {
            let mut route = route.clone();
            for (place, usual) in &self.subject.places {
                route.text = route.text.replace(&braced(place), act.words.get(place).unwrap_or(usual));
            }
            route.text = route.text.replace("{base}", &server.uri()).replace("{personal}", PERSONAL);
            route
        };
        let mut calls: Vec<Call> =
            act.routes().iter().map(|route| Call { route: filled(route), login: None }).collect();
        // Pages without end stand before all others. Sorting keeps the order of equals.
        let is_endless = |route: &Route| act.scene.endless.iter().any(|endless| endless.asks_like(route));
        let stands_first = |route: &Route| act.show == Show::Endless && is_endless(route);
        calls.sort_by_key(|call| std::cmp::Reverse((stands_first(&call.route), call.route.weight())));
        let steps = self.subject.login.iter().flat_map(|login| &login.steps).enumerate();
        calls.extend(steps.map(|(at, route)| Call { route: filled(route), login: Some(at + 1) }));
        let Act { fault, batch, .. } = act;
        let id = self.id().to_owned();
        let played = Played { calls, fault, batch, id, log: Mutex::default() };
        let played = Arc::new(played);
        Mock::given(any()).respond_with(Player(Arc::clone(&played))).mount(&server).await;
        let settings = self.settings(Some(act.scene), &server.uri());
        Stage { _server: server, scene: act.scene, settings, played }
    }

    /// A pull from a marketplace, in which two attempts of each request are made.
    ///
    /// # Errors
    /// What to mend if the connector broke down, asked for something that it does not declare, or let a secret through.
    pub(super) async fn pull(&self, stage: &Stage<'_>) -> Result<Ran, String> {
        self.pull_asked(self.ask(stage.scene, stage.settings.clone())).await
    }

    /// What is asked of the host in a scene, with these settings.
    pub(super) fn ask(&self, scene: &Scene, settings: Map<String, Value>) -> Ask {
        Ask {
            settings: Value::Object(settings),
            task: scene.task,
            scope: scene.scope.clone(),
            mark: None,
            now: self.subject.now,
            limit: LIMIT,
        }
    }

    /// The same for whatever is asked.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub(super) async fn pull_asked(&self, ask: Ask) -> Result<Ran, String> {
        let secrets = self.secrets(ask.settings.as_object().unwrap_or(&Map::new()));
        let ran = self.host.pull(ask).await;
        // A server blocks while it is dropped, for ever if the task has used up its turn of the runtime: a new turn.
        tokio::task::yield_now().await;
        if let Err(error) = &ran.result {
            if error.kind == ErrorKind::PluginFault {
                return Err(format!(
                    "the connector broke down ({error}): answer with an error of another kind instead"
                ));
            }
            if error.message.contains("is not in the rate plan") {
                return Err(format!(
                    "{error}: add the operation to the descriptor, with its rate and source"
                ));
            }
        }
        ran.observations.iter().try_for_each(|seen| sane(seen, self.subject.now))?;
        let shown = format!("{ran:?}");
        if shown.contains(PERSONAL) {
            return Err(
                "data of a buyer stands in an error, a mark or an observation: have no field for it, and \
                        quote no reply"
                    .to_owned(),
            );
        }
        match secrets.iter().find(|(_, value)| shown.contains(value.as_str())) {
            Some((name, _)) => Err(format!(
                "`{name}` stands in an error, a mark or an observation: refer to it, and quote no reply"
            )),
            None => Ok(ran),
        }
    }

    /// Everything that must not be seen, by name.
    pub(super) fn secrets(&self, settings: &Map<String, Value>) -> Vec<(String, String)> {
        let declared = self.host.descriptor().settings.iter().filter(|setting| setting.secret);
        let mut secrets: Vec<(String, String)> = declared
            .filter_map(|setting| {
                Some((setting.name.clone(), settings.get(&setting.name)?.as_str()?.to_owned()))
            })
            .collect();
        secrets.extend((1..=3).map(|number| ("the token".to_owned(), token(self.id(), number))));
        secrets
    }
}

/// That an observation can be a fact.
fn sane(seen: &Observation, now: Millis) -> Result<(), String> {
    let ids = [&seen.item, &seen.sku, &seen.package, &seen.awb, &seen.courier, &seen.invoice];
    let is_blank = |text: &String| text.trim().is_empty();
    // A row may name its item only: the host finds the order.
    let names_nothing = seen.order.is_empty() && seen.item.is_none();
    let has_blank_order = !seen.order.is_empty() && is_blank(&seen.order);
    if names_nothing || has_blank_order || ids.into_iter().flatten().any(is_blank) {
        return Err("an observation has an id of nothing: a blank id is no id, and a row that names neither an order \
                    nor an item no fact"
            .to_owned());
    }
    if seen.quantity == Some(0) {
        return Err(format!("an observation of order {} speaks of 0 units: that is no fact", seen.order));
    }
    match seen.at {
        Some(at) if !(YEAR_2000..=now + DAY).contains(&at) => Err(format!(
            "an observation of order {} happened at {}, and the run is at {}: read times in their own unit and zone, and \
             leave out those that cannot be",
            seen.order,
            time::rfc3339(at),
            time::rfc3339(now)
        )),
        _ => Ok(()),
    }
}

impl Stage<'_> {
    fn those(&self, is_meant: impl Fn(Option<&Call>) -> bool) -> Vec<Request> {
        let log = self.played.log();
        let meant =
            log.iter().filter(|answered| is_meant(answered.call.and_then(|at| self.played.calls.get(at))));
        meant.map(|answered| answered.request.clone()).collect()
    }

    /// The requests to the calls that are struck.
    pub(super) fn struck(&self) -> Vec<Request> {
        self.those(|call| call.is_some_and(|call| call.route.struck))
    }

    /// How many calls are struck.
    pub(super) fn calls_struck(&self) -> usize {
        self.played.calls.iter().filter(|call| call.route.struck).count()
    }

    /// How often somebody logged in.
    pub(super) fn logins(&self) -> usize {
        self.those(|call| call.is_some_and(|call| call.login == Some(1))).len()
    }

    /// Requests that the suite's file knows no answer to.
    pub(super) fn unanswered(&self) -> Vec<String> {
        self.those(|call| call.is_none())
            .iter()
            .map(|request| {
                let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{} {}{query}", request.method, request.url.path())
            })
            .collect()
    }

    /// The requests to the second page.
    pub(super) fn second(&self) -> Vec<Request> {
        self.those(|call| call.is_some_and(|call| call.route.second))
    }

    /// Every request for data.
    pub(super) fn data(&self) -> Vec<Request> {
        self.those(|call| call.is_none_or(|call| call.login.is_none()))
    }

    /// The answer that the struck call has when nothing goes wrong.
    pub(super) fn good_text(&self) -> &str {
        self.played.calls.iter().find(|call| call.route.struck).map_or("", |call| call.route.text.as_str())
    }
}
