//! Runs a connector against a script of replies: no host, no server, no runtime, no waiting.
//!
//! ```no_run
//! # use plugin_api::{testing::Script, Connector, Task, Pull, Scope};
//! # fn show<C: Connector>() {
//! let run = Script::new()
//!     .reply("GET /oauth/token", 200, r#"{"access_token":"t","expires_in":60}"#)
//!     .reply("POST /orders", 200, r#"{"orders":[]}"#)
//!     .changed::<C>(Task::Status, serde_json::json!({}), 0, 1_000);
//! assert!(run.result.is_ok());
//! # }
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde_json::Value as Json;

use crate::{
    Connector, Error, ErrorKind, Mark, Millis, Observation, OrderRef, Pull, Reply, Request, Result, Scope,
    Task, Token, Work,
    http::{Source, Value},
    machine::{Machine, Question, job},
};

/// Replies by method and path, given out in the order in which they were added.
///
/// A key is `METHOD /path` or `METHOD /path?query`; the longer one wins. The last reply of a key is not repeated: a
/// request without a reply left is an error that names it, which ends the pull.
#[derive(Debug, Default)]
pub struct Script {
    replies: BTreeMap<String, VecDeque<Result<Reply>>>,
    now: Millis,
}

/// What happened.
#[derive(Debug)]
pub struct Ran<T> {
    /// How the job ended.
    pub result: Result<T>,
    /// Everything observed.
    pub observations: Vec<Observation>,
    /// Marks kept on the way.
    pub checkpoints: Vec<Mark>,
    /// Every request, as `METHOD url?query` with references shown as `{secret:name}` or `{token}`.
    pub requests: Vec<String>,
    /// The same requests in full: headers, form and body after the line.
    pub transcript: Vec<String>,
    /// Everything that was slept, on paper.
    pub slept: Duration,
    /// How often a new login was asked for.
    pub relogins: u32,
}

impl<T> Ran<T> {
    /// `(item, or else order, and status)` of every observation.
    pub fn statuses(&self) -> Vec<(&str, Option<crate::Status>)> {
        self.observations
            .iter()
            .map(|seen| (seen.item.as_deref().unwrap_or(&seen.order), seen.status))
            .collect()
    }
}

impl Script {
    /// An empty script; the run's time is 2026-01-15 09:30 UTC.
    pub fn new() -> Self {
        Script { replies: BTreeMap::new(), now: 1_768_469_400_000 }
    }

    /// The run's time.
    #[must_use]
    pub fn at(mut self, now: Millis) -> Self {
        self.now = now;
        self
    }

    /// The next reply to a request.
    #[must_use]
    pub fn reply(self, key: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.answer(key, Ok(Reply::new(status, body)))
    }

    /// The next answer to a request: a reply with headers, or the error that the host gives up with.
    #[must_use]
    pub fn answer(mut self, key: &str, answer: Result<Reply>) -> Self {
        self.replies.entry(key.to_owned()).or_default().push_back(answer);
        self
    }

    /// Runs a login.
    pub fn login<C: Connector>(self, settings: Json) -> Ran<Token> {
        self.run::<C, Token>(settings, Work::Login)
    }

    /// Pulls what changed in a window.
    pub fn changed<C: Connector>(
        self,
        task: Task,
        settings: Json,
        since: Millis,
        until: Millis,
    ) -> Ran<Mark> {
        self.pull::<C>(settings, task, Scope::Changed { since, until }, None)
    }

    /// Pulls known orders.
    pub fn orders<C: Connector>(self, task: Task, settings: Json, refs: Vec<OrderRef>) -> Ran<Mark> {
        self.pull::<C>(settings, task, Scope::Orders(refs), None)
    }

    /// Pulls with a mark from before.
    pub fn pull<C: Connector>(
        self,
        settings: Json,
        task: Task,
        scope: Scope,
        mark: Option<Mark>,
    ) -> Ran<Mark> {
        let statuses = task.statuses().to_vec();
        self.run::<C, Mark>(settings, Work::Pull(Pull { task, statuses, scope, mark }))
    }

    fn run<C: Connector, T: serde::de::DeserializeOwned>(mut self, settings: Json, work: Work) -> Ran<T> {
        let mut ran = Ran {
            result: Err(Error::new(ErrorKind::PluginFault, "not run")),
            observations: Vec::new(),
            checkpoints: Vec::new(),
            requests: Vec::new(),
            transcript: Vec::new(),
            slept: Duration::ZERO,
            relogins: 0,
        };
        let mut machine = match Machine::open::<C>(job(self.now, settings, work)) {
            Ok(machine) => machine,
            Err(error) => return Ran { result: Err(error), ..ran },
        };
        let mut answers = Vec::new();
        loop {
            let step = machine.step(answers.drain(..));
            ran.observations.extend(step.observations);
            ran.checkpoints.extend(step.mark);
            if let Some(end) = step.end {
                ran.result = end.and_then(|text| {
                    serde_json::from_str(&text)
                        .map_err(|error| Error::new(ErrorKind::PluginFault, error.to_string()))
                });
                return ran;
            }
            for (id, question) in step.asks {
                let answer = match question {
                    Question::Http(request) => self.answer_request(&request, &mut ran).map(Some),
                    Question::Sleep(wait) => {
                        ran.slept += wait;
                        Ok(None)
                    }
                    Question::Relogin => {
                        ran.relogins += 1;
                        Ok(None)
                    }
                };
                answers.push((id, answer));
            }
        }
    }

    fn answer_request<T>(&mut self, request: &Request, ran: &mut Ran<T>) -> Result<Reply> {
        let line = line(request);
        let path = line.split_once(' ').map_or("", |(_, url)| url);
        let path =
            path.split_once("://").map_or(path, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
        let full = format!("{} {path}", request.method);
        let bare = full.split('?').next().unwrap_or_default().to_owned();
        ran.transcript.push(transcript(&line, request));
        ran.requests.push(line);
        for key in [&full, &bare] {
            if let Some(answer) = self.replies.get_mut(key).and_then(VecDeque::pop_front) {
                return answer;
            }
        }
        Err(Error::new(ErrorKind::Unavailable, format!("the script has no reply left for `{full}`")))
    }
}

fn shown(value: &Value) -> String {
    let text = match &value.source {
        Source::Text(text) => text.clone(),
        Source::Secret(name) => format!("{{secret:{name}}}"),
        Source::Token => "{token}".to_owned(),
        Source::TokenPart(name) => format!("{{token:{name}}}"),
        Source::Basic { user, password } => format!("Basic {{secret:{user}}}:{{secret:{password}}}"),
    };
    let text = if value.md5_hex { format!("md5({text})") } else { text };
    format!("{}{text}", value.prefix)
}

fn pairs(fields: &[(String, Value)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect::<Vec<_>>().join("&")
}

fn line(request: &Request) -> String {
    let query = pairs(&request.query);
    let join = match (query.is_empty(), request.url.contains('?')) {
        (true, _) => "",
        (false, false) => "?",
        (false, true) => "&",
    };
    format!("{} {}{join}{query}", request.method, request.url)
}

fn transcript(line: &str, request: &Request) -> String {
    use std::fmt::Write as _;
    let mut text = line.to_owned();
    for (name, value) in &request.headers {
        let _ = write!(text, "\n{name}: {}", shown(value));
    }
    if !request.form.is_empty() {
        let _ = write!(text, "\n\n{}", pairs(&request.form));
    }
    if !request.body.is_empty() {
        let _ = write!(text, "\n\n{}", String::from_utf8_lossy(&request.body));
    }
    for (pointer, value) in &request.json {
        let _ = write!(text, "\n{pointer} = {}", shown(value));
    }
    text
}
