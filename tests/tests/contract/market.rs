//! A marketplace on a loopback port, put together reply by reply, and looks at what it was asked.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
};

use plugin_api::{Observation, Status};
use statusync::clock::{Clock as _, SystemClock};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

/// A reply of JSON.
pub(crate) fn json(body: impl Into<String>) -> ResponseTemplate {
    status(200, body)
}

/// A reply of this status with a body that says it is JSON.
pub(crate) fn status(code: u16, body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_raw(body.into(), "application/json")
}

/// Answers GETs of a path.
pub(crate) async fn get(server: &MockServer, path: &str, reply: ResponseTemplate) {
    Mock::given(matchers::method("GET")).and(matchers::path(path)).respond_with(reply).mount(server).await;
}

/// Answers the next GET of a path, before any other answer to it.
pub(crate) async fn get_once(server: &MockServer, path: &str, reply: ResponseTemplate) {
    Mock::given(matchers::method("GET"))
        .and(matchers::path(path))
        .respond_with(reply)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(server)
        .await;
}

/// Requests without this query parameter.
pub(crate) struct Without(pub(crate) &'static str);

impl Match for Without {
    fn matches(&self, request: &Request) -> bool {
        request.url.query_pairs().all(|(name, _)| name != self.0)
    }
}

/// Logins that bring `{prefix}1`, `{prefix}2`, … in turn: a body with `{token}` in it.
pub(crate) struct Tokens {
    pub(crate) body: &'static str,
    pub(crate) prefix: &'static str,
    given: AtomicUsize,
}

impl Tokens {
    pub(crate) fn new(prefix: &'static str, body: &'static str) -> Self {
        Tokens { body, prefix, given: AtomicUsize::new(0) }
    }
}

impl Respond for Tokens {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        json(self.body.replace("{token}", &format!("{}{number}", self.prefix)))
    }
}

/// The date an hour from now, as HTTP writes dates.
pub(crate) fn date_in_an_hour() -> String {
    let then = jiff::Timestamp::from_millisecond(SystemClock.now_ms() + 3_600_000).expect("a time");
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&then).expect("a date")
}

/// Everything that was asked, in order.
pub(crate) async fn asked(server: &MockServer) -> Vec<Request> {
    server.received_requests().await.expect("requests are recorded")
}

/// The requests to a path.
pub(crate) async fn asked_at(server: &MockServer, path: &str) -> Vec<Request> {
    let mut requests = asked(server).await;
    requests.retain(|request| request.url.path() == path);
    requests
}

/// A header of a request; empty if it has none.
pub(crate) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).map_or("", |value| value.to_str().expect("a text"))
}

/// The body of a request.
pub(crate) fn body(request: &Request) -> serde_json::Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// The statuses reported of an item, or of an order without items.
pub(crate) fn statuses_of(seen: &[Observation], id: &str) -> Vec<Status> {
    let is_of = |seen: &&Observation| seen.item.as_deref().unwrap_or(&seen.order) == id;
    seen.iter().filter(is_of).filter_map(|seen| seen.status).collect()
}

/// A server that answers every request with the same bytes and closes the connection, until the process ends.
pub(crate) fn raw(answer: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut part = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut part) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => request.extend_from_slice(&part[..length]),
                }
            }
            // A client that is gone has what it wanted.
            let _ = stream.write_all(answer(&String::from_utf8_lossy(&request)).as_bytes());
        }
    });
    base
}
