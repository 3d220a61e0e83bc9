//! A marketplace on a loopback port as a subject describes it, a fault in it if wished, and pulls from it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use plugin_api::{ErrorKind, Task};
use serde_json::Value;
use wiremock::{
    Mock, MockBuilder, MockServer, Request, Respond, ResponseTemplate,
    matchers::{body_partial_json, method, path, query_param},
};

use super::{Ask, Host, Ran, Route, Show, Subject};

/// A host with a connector, and the connector's subject.
pub struct Bench<'a> {
    /// The host.
    pub host: &'a dyn Host,
    /// The subject.
    pub subject: &'a dyn Subject,
}

/// What the struck call brings instead of its answer.
pub(super) struct Fault {
    pub(super) reply: ResponseTemplate,
    /// How many calls are struck; all of them if absent.
    pub(super) times: Option<u64>,
}

impl Fault {
    pub(super) fn always(reply: ResponseTemplate) -> Self {
        Fault { reply, times: None }
    }

    pub(super) fn once(reply: ResponseTemplate) -> Self {
        Fault { reply, times: Some(1) }
    }
}

/// A marketplace for one case.
pub(super) struct Stage {
    pub(super) server: MockServer,
    struck: Vec<Route>,
}

/// Logins that bring a token of another number each time.
struct Tokens {
    body: &'static str,
    subject: &'static str,
    given: Arc<AtomicUsize>,
}

impl Respond for Tokens {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        json(200, &self.body.replace("{token}", &token(self.subject, number)))
    }
}

/// The n-th token that a subject's marketplace gives out, from 1.
pub(super) fn token(subject: &str, number: usize) -> String {
    format!("suite-token-{number}-of-{subject}")
}

/// A reply that says it is JSON.
pub(super) fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, "application/json")
}

fn given(route: &Route) -> MockBuilder {
    let mut mock = Mock::given(method(route.method)).and(path(route.path.as_str()));
    if let Some((name, value)) = route.query {
        mock = mock.and(query_param(name, value));
    }
    if let Some(members) = &route.body {
        mock = mock.and(body_partial_json(members));
    }
    mock
}

impl Bench<'_> {
    /// A marketplace that shows `show`; `None` if the duty knows no such thing.
    ///
    /// # Errors
    /// What is wrong with the subject.
    pub(super) async fn stage(
        &self,
        task: Task,
        show: Show,
        fault: Option<Fault>,
    ) -> Result<Option<Stage>, String> {
        let server = MockServer::start().await;
        let Some(routes) = self.subject.routes(task, show, &server.uri()) else { return Ok(None) };
        let struck: Vec<Route> = routes.iter().filter(|route| route.is_struck).cloned().collect();
        if struck.is_empty() {
            return Err(format!("its subject marks no route of task {task} as struck"));
        }
        for route in &routes {
            let reply = json(route.status, &route.text);
            given(route).respond_with(reply).with_priority(route.priority).mount(&server).await;
        }
        if let Some(login) = self.subject.login() {
            let tokens = Tokens { body: login.good, subject: self.subject.id(), given: Arc::default() };
            let mock = Mock::given(method(login.method)).and(path(login.path));
            mock.respond_with(tokens).with_priority(9).mount(&server).await;
        }
        if let Some(Fault { reply, times }) = fault {
            for route in &struck {
                let mock = given(route).respond_with(reply.clone()).with_priority(1);
                let mock = if let Some(times) = times { mock.up_to_n_times(times) } else { mock };
                mock.mount(&server).await;
            }
        }
        Ok(Some(Stage { server, struck }))
    }

    /// A pull from a marketplace, in which two attempts of each request are made.
    ///
    /// # Errors
    /// What to mend if the connector broke down, asked for something that it does not declare, or let a secret through.
    pub(super) async fn pull(&self, stage: &Stage, task: Task) -> Result<Ran, String> {
        let settings = self.subject.settings(&stage.server.uri());
        self.pull_with(settings, task).await
    }

    /// The same with settings of the caller's.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub(super) async fn pull_with(&self, settings: Value, task: Task) -> Result<Ran, String> {
        let (scope, now) = (self.subject.scope(task), self.subject.now());
        let secrets = self.secrets(&settings);
        let ran = self.host.pull(Ask { settings, task, scope, now, max_attempts: 2 }).await;
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
        match secrets.iter().find(|(_, value)| shown.contains(value.as_str())) {
            Some((name, _)) => Err(format!(
                "`{name}` stands in an error, a mark or an observation: refer to it, and quote no reply"
            )),
            None => Ok(ran),
        }
    }

    /// Everything that must not be seen, by name.
    pub(super) fn secrets(&self, settings: &Value) -> Vec<(String, String)> {
        let declared = self.host.descriptor().settings.iter().filter(|setting| setting.secret);
        let mut secrets: Vec<(String, String)> = declared
            .filter_map(|setting| Some((setting.name.clone(), settings[&setting.name].as_str()?.to_owned())))
            .collect();
        secrets.extend((1..=3).map(|number| ("the token".to_owned(), token(self.subject.id(), number))));
        secrets
    }
}

impl Stage {
    /// The requests that the marketplace got so far.
    pub(super) async fn asked(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap_or_default()
    }

    /// The requests to the calls that are struck.
    pub(super) async fn struck(&self) -> Vec<Request> {
        let is_struck = |request: &Request| {
            self.struck
                .iter()
                .any(|route| route.path == request.url.path() && route.method == request.method.as_str())
        };
        self.asked().await.into_iter().filter(is_struck).collect()
    }

    /// How often somebody logged in.
    pub(super) async fn logins(&self, subject: &dyn Subject) -> usize {
        let Some(login) = subject.login() else { return 0 };
        self.asked().await.iter().filter(|request| request.url.path() == login.path).count()
    }

    /// The answer that the struck call has when nothing goes wrong.
    pub(super) fn good_text(&self) -> &str {
        self.struck.first().map_or("", |route| route.text.as_str())
    }
}
