//! Answers requests as a subject's routes say, and goes wrong where a case wants it to.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use plugin_api::OrderRef;
use serde_json::Value;
use wiremock::{Request, Respond, ResponseTemplate};

use super::subject::{Refusal, Route};

/// Which calls go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Those that are struck.
    Struck,
    /// The one for the second page.
    Second,
    /// A step of the login, from 1.
    Login(usize),
}

/// What a call brings instead of its answer.
#[derive(Clone)]
pub(super) struct Fault {
    at: At,
    brings: Brings,
    /// How many requests of each call go wrong; all of them if absent.
    times: Option<usize>,
}

#[derive(Clone)]
enum Brings {
    Reply(ResponseTemplate),
    /// The answer with another body, made from its own.
    Changed(Change),
}

/// A body made from a body.
pub(super) type Change = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

impl Fault {
    pub(super) fn always(reply: ResponseTemplate) -> Self {
        Fault { at: At::Struck, brings: Brings::Reply(reply), times: None }
    }

    pub(super) fn once(reply: ResponseTemplate) -> Self {
        Fault { times: Some(1), ..Fault::always(reply) }
    }

    /// Until the connector has seen it once: what the host repeats by itself, it sees after two attempts.
    pub(super) fn once_seen(refusal: &Refusal) -> Self {
        let is_repeated = matches!(refusal.status, 500 | 502 | 503 | 504);
        Fault { times: Some(if is_repeated { 2 } else { 1 }), ..Fault::always(refusal.into()) }
    }

    /// The answer's body goes through `change`.
    pub(super) fn body(change: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Fault { at: At::Struck, brings: Brings::Changed(Arc::new(change)), times: None }
    }

    pub(super) fn at(self, at: At) -> Self {
        Fault { at, ..self }
    }
}

/// Answers requests.
pub(super) struct Played {
    /// Those that ask for most come first.
    pub(super) calls: Vec<Call>,
    pub(super) fault: Option<Fault>,
    pub(super) batch: Option<Batch>,
    pub(super) id: String,
    pub(super) log: Mutex<Vec<Answered>>,
}

pub(super) struct Call {
    pub(super) route: Route,
    /// The step of the login that it is.
    pub(super) login: Option<usize>,
}

/// A request, and which call answered it.
#[derive(Clone)]
pub(super) struct Answered {
    pub(super) request: Request,
    pub(super) call: Option<usize>,
}

/// Orders that are asked about instead of the scene's, and the one of the scene that they are like.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) like: OrderRef,
    pub(super) orders: Vec<OrderRef>,
}

impl Batch {
    /// A reply about the scene's order, as one about another.
    fn speaking_of(&self, order: &OrderRef, text: &str) -> String {
        let pairs = ids(&self.like).zip(ids(order));
        pairs.fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
    }

    /// The one order that a request asks about, if it is one.
    fn asked_by(&self, request: &Request) -> Option<&OrderRef> {
        let mut asked = self.orders.iter().filter(|order| is_asked(order, request));
        asked.next().filter(|_| asked.next().is_none())
    }
}

/// Every id of an order.
fn ids(order: &OrderRef) -> impl Iterator<Item = &String> {
    [&order.items, &order.packages, &order.awbs].into_iter().flatten().chain([&order.order])
}

/// Whether one of an order's ids stands in a request.
pub(super) fn is_asked(order: &OrderRef, request: &Request) -> bool {
    let query: Vec<_> = request.url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let body = String::from_utf8_lossy(&request.body);
    ids(order).filter(|id| !id.is_empty()).any(|id| {
        request.url.path().contains(id.as_str())
            || body.contains(id.as_str())
            || query.iter().any(|value| value.contains(id.as_str()))
    })
}

/// Hands the played marketplace to its server, which wants to own it.
pub(super) struct Player(pub(super) Arc<Played>);

impl Respond for Player {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.answer(request)
    }
}

impl Played {
    pub(super) fn log(&self) -> MutexGuard<'_, Vec<Answered>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> ResponseTemplate {
        let fits = self.calls.iter().position(|call| call.route.fits(request));
        let found = fits.or_else(|| self.batch.as_ref().and_then(|_| self.like(request)));
        let mut log = self.log();
        let before = log.iter().filter(|answered| answered.call == found).count();
        log.push(Answered { request: request.clone(), call: found });
        let Some(call) = found.and_then(|found| self.calls.get(found)) else {
            return json(404, r#"{"message":"the suite's file has no route for this"}"#);
        };
        let mut change = None;
        if let Some(Fault { at, brings, times }) = &self.fault {
            let is_hit = match at {
                At::Struck => call.login.is_none() && call.route.struck,
                At::Second => call.login.is_none() && call.route.second,
                At::Login(step) => call.login == Some(*step),
            };
            if is_hit && times.is_none_or(|times| before < times) {
                match brings {
                    Brings::Reply(reply) => return reply.clone(),
                    Brings::Changed(how) => change = Some(how),
                }
            }
        }
        let logins = log
            .iter()
            .filter_map(|answered| self.calls.get(answered.call?))
            .filter(|call| call.login == Some(1))
            .count();
        let route = match self.batch.as_ref().and_then(|batch| Some((batch, batch.asked_by(request)?))) {
            Some((batch, order)) => {
                Route { text: batch.speaking_of(order, &call.route.text), ..call.route.clone() }
            }
            None => call.route.clone(),
        };
        route.answer(&token(&self.id, logins), log.len(), change)
    }

    /// The call that is most like a request: that of its path, whatever it asks for, or else the struck one.
    fn like(&self, request: &Request) -> Option<usize> {
        let calls = || self.calls.iter();
        let same = calls().position(|call| {
            call.login.is_none()
                && call.route.path == request.url.path()
                && call.route.method == request.method.as_str()
        });
        same.or_else(|| calls().position(|call| call.route.struck))
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
    pub(super) fn weight(&self) -> usize {
        self.query.len() + self.form.len() + self.json.as_ref().map_or(0, leaves)
    }

    fn answer(&self, token: &str, number: usize, change: Option<&Change>) -> ResponseTemplate {
        let text = self.text.replace("{token}", token).replace("{n}", &number.to_string());
        let body = change.map_or_else(|| text.clone().into_bytes(), |change| change(&text));
        let mut reply = ResponseTemplate::new(self.status).set_body_raw(body, self.says_it_is());
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

impl Route {
    /// Whether it asks for the same as another.
    pub(super) fn asks_like(&self, other: &Route) -> bool {
        self.method == other.method
            && self.path == other.path
            && self.query == other.query
            && self.json == other.json
            && self.form == other.form
    }
}
