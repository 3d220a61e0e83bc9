//! A marketplace on a loopback port as a subject describes it, a fault in it if wished, and pulls from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plugin_api::{ErrorKind, ScopeKind, Status};
use serde_json::{Map, Value};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::{
    Ask, Host, Ran,
    subject::{PERSONAL, Refusal, Route, Scene, Subject, braced},
};

/// A host with a connector, the connector's subject, and what was proved so far.
pub struct Bench<'a> {
    /// The host.
    pub host: &'a dyn Host,
    /// The subject.
    pub subject: &'a Subject,
    /// What was reported where its word stood.
    pub(super) proved: Mutex<Vec<(Status, ScopeKind)>>,
    /// What the rows of each scene are reported as when nothing disturbs.
    pub(super) usual: Mutex<BTreeMap<String, Result<Ran, String>>>,
}

/// What a marketplace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Show {
    /// Rows that are reported.
    Rows,
    /// The same rows, each of them twice.
    Twice,
    /// A sound answer without rows.
    Nothing,
}

/// Which calls go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Those that are struck.
    Struck,
    /// A step of the login, from 1.
    Login(usize),
}

/// What a call brings instead of its answer.
#[derive(Clone)]
pub(super) struct Fault {
    at: At,
    reply: ResponseTemplate,
    /// How many requests of each call go wrong; all of them if absent.
    times: Option<usize>,
}

impl Fault {
    pub(super) fn always(reply: ResponseTemplate) -> Self {
        Fault { at: At::Struck, reply, times: None }
    }

    pub(super) fn once(reply: ResponseTemplate) -> Self {
        Fault { times: Some(1), ..Fault::always(reply) }
    }

    pub(super) fn at(self, at: At) -> Self {
        Fault { at, ..self }
    }
}

/// What is to be seen in a scene.
#[derive(Clone)]
pub(super) struct Act<'a> {
    pub(super) scene: &'a Scene,
    pub(super) show: Show,
    /// What stands at some places instead of what normally does.
    pub(super) words: BTreeMap<String, String>,
    pub(super) fault: Option<Fault>,
}

impl<'a> Act<'a> {
    pub(super) fn new(scene: &'a Scene, show: Show) -> Self {
        Act { scene, show, words: BTreeMap::new(), fault: None }
    }

    pub(super) fn rows(scene: &'a Scene) -> Self {
        Act::new(scene, Show::Rows)
    }

    pub(super) fn fault(self, fault: Fault) -> Self {
        Act { fault: Some(fault), ..self }
    }
}

/// A marketplace for one case.
pub(super) struct Stage<'a> {
    /// Serves for as long as it lives.
    _server: MockServer,
    pub(super) scene: &'a Scene,
    settings: Map<String, Value>,
    played: Arc<Played>,
}

/// Answers requests.
struct Played {
    /// Those that ask for most come first.
    calls: Vec<Call>,
    fault: Option<Fault>,
    id: String,
    log: Mutex<Vec<Answered>>,
}

struct Call {
    route: Route,
    /// The step of the login that it is.
    login: Option<usize>,
}

/// A request, and which call answered it.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) request: Request,
    call: Option<usize>,
}

/// Hands the played marketplace to its server, which wants to own it.
struct Player(Arc<Played>);

impl Respond for Player {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.answer(request)
    }
}

impl Played {
    fn log(&self) -> MutexGuard<'_, Vec<Answered>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let found = self.calls.iter().position(|call| call.route.fits(request));
        let mut log = self.log();
        let before = log.iter().filter(|answered| answered.call == found).count();
        log.push(Answered { request: request.clone(), call: found });
        let Some(call) = found.and_then(|found| self.calls.get(found)) else {
            return json(404, r#"{"message":"the suite's file has no route for this"}"#);
        };
        if let Some(Fault { at, reply, times }) = &self.fault {
            let is_hit = match at {
                At::Struck => call.login.is_none() && call.route.struck,
                At::Login(step) => call.login == Some(*step),
            };
            if is_hit && times.is_none_or(|times| before < times) {
                return reply.clone();
            }
        }
        let logins = log
            .iter()
            .filter_map(|answered| self.calls.get(answered.call?))
            .filter(|call| call.login == Some(1))
            .count();
        call.route.answer(&token(&self.id, logins), log.len())
    }
}

impl Route {
    /// Whether it answers a request.
    fn fits(&self, request: &Request) -> bool {
        let mut form = request.url.clone();
        form.set_query(std::str::from_utf8(&request.body).ok());
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let form: Vec<(String, String)> = form.query_pairs().into_owned().collect();
        let has = |given: &[(String, String)], wanted: &BTreeMap<String, String>| {
            wanted.iter().all(|(name, value)| given.iter().any(|(n, v)| n == name && v == value))
        };
        let has_json = |members: &Value| {
            serde_json::from_slice(&request.body).is_ok_and(|body: Value| holds(&body, members))
        };
        self.path == request.url.path()
            && self.method == request.method.as_str()
            && has(&query, &self.query)
            && has(&form, &self.form)
            && self.json.as_ref().is_none_or(has_json)
    }

    /// How much it asks for.
    fn weight(&self) -> usize {
        self.query.len() + self.form.len() + self.json.as_ref().map_or(0, leaves)
    }

    fn answer(&self, token: &str, number: usize) -> ResponseTemplate {
        let text = self.text.replace("{token}", token).replace("{n}", &number.to_string());
        let mut reply = ResponseTemplate::new(self.status).set_body_raw(text, self.says_it_is());
        for (name, value) in &self.headers {
            reply = reply.append_header(name.as_str(), value.replace("{token}", token).as_str());
        }
        reply
    }

    fn says_it_is(&self) -> &str {
        let by_look = match self.text.trim_start().chars().next() {
            Some('{' | '[') | None => "application/json",
            Some('<') => "application/xml",
            Some(_) => "text/plain",
        };
        self.content_type.as_deref().unwrap_or(by_look)
    }
}

/// Whether a value has these members.
fn holds(value: &Value, members: &Value) -> bool {
    match (value, members) {
        (Value::Object(value), Value::Object(members)) => {
            members.iter().all(|(name, member)| value.get(name).is_some_and(|value| holds(value, member)))
        }
        (value, members) => value == members,
    }
}

fn leaves(value: &Value) -> usize {
    value.as_object().map_or(1, |members| members.values().map(leaves).sum())
}

/// The n-th token that a marketplace gives out, from 1.
pub(super) fn token(id: &str, number: usize) -> String {
    format!("suite-token-{number}-of-{id}")
}

/// A reply that says it is JSON.
pub(super) fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

impl From<&Refusal> for ResponseTemplate {
    fn from(refusal: &Refusal) -> Self {
        let is_markup = refusal.text.trim_start().starts_with('<');
        let kind = if is_markup { "text/html" } else { "application/json" };
        ResponseTemplate::new(refusal.status).set_body_raw(refusal.text.as_str(), kind)
    }
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
        let Act { scene, show, words, fault } = act;
        let over = match show {
            Show::Rows => &[][..],
            Show::Twice => &scene.twice,
            Show::Nothing => &scene.nothing,
        };
        let filled = |route: &Route| {
            let mut route = route.clone();
            for (place, usual) in &self.subject.places {
                route.text = route.text.replace(&braced(place), words.get(place).unwrap_or(usual));
            }
            route.text = route.text.replace("{base}", &server.uri()).replace("{personal}", PERSONAL);
            route
        };
        let call = |route: &Route| Call { route: filled(route), login: None };
        // Sorting keeps the order of equals: routes that stand over others come first.
        let mut over: Vec<Call> = over.iter().map(call).collect();
        let mut under: Vec<Call> = scene.rows.iter().map(call).collect();
        // An answer that stands over a struck one is struck in its place.
        for call in &mut over {
            let stands_for = |other: &&Call| other.route.asks_like(&call.route);
            call.route.struck |= under.iter().find(stands_for).is_some_and(|other| other.route.struck);
        }
        under.retain(|call| !over.iter().any(|other| other.route.asks_like(&call.route)));
        over.append(&mut under);
        over.sort_by_key(|call| std::cmp::Reverse(call.route.weight()));
        let steps = self.subject.login.iter().flat_map(|login| &login.steps).enumerate();
        over.extend(steps.map(|(at, route)| Call { route: filled(route), login: Some(at + 1) }));
        let played = Arc::new(Played { calls: over, fault, id: self.id().to_owned(), log: Mutex::default() });
        Mock::given(any()).respond_with(Player(Arc::clone(&played))).mount(&server).await;
        let settings = self.settings(Some(scene), &server.uri());
        Stage { _server: server, scene, settings, played }
    }

    /// A pull from a marketplace, in which two attempts of each request are made.
    ///
    /// # Errors
    /// What to mend if the connector broke down, asked for something that it does not declare, or let a secret through.
    pub(super) async fn pull(&self, stage: &Stage<'_>) -> Result<Ran, String> {
        self.pull_with(stage.settings.clone(), stage.scene).await
    }

    /// The same with settings of the caller's.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub(super) async fn pull_with(&self, settings: Map<String, Value>, scene: &Scene) -> Result<Ran, String> {
        let secrets = self.secrets(&settings);
        let ask = Ask {
            settings: Value::Object(settings),
            task: scene.task,
            scope: scene.scope.clone(),
            now: self.subject.now,
            max_attempts: 2,
        };
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

impl Route {
    /// Whether it asks for the same as another.
    fn asks_like(&self, other: &Route) -> bool {
        self.method == other.method
            && self.path == other.path
            && self.query == other.query
            && self.json == other.json
            && self.form == other.form
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

    /// The answer that the struck call has when nothing goes wrong.
    pub(super) fn good_text(&self) -> &str {
        self.played.calls.iter().find(|call| call.route.struck).map_or("", |call| call.route.text.as_str())
    }
}
