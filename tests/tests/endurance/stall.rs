//! A small marketplace for the connector `stall`: it counts who asks for what, and answers when and what it is told to.

use std::{
    collections::HashMap,
    fmt::Write as _,
    future::Future,
    net::Ipv4Addr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::place::order_id;

/// A call as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `tenant/channel`.
    pub(crate) account: String,
    /// A login, or a page of orders.
    pub(crate) what: What,
    pub(crate) at: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Login,
    /// Which page, from 0.
    Page(usize),
}

/// What is answered.
pub(crate) enum Answer {
    /// A token that lives for an hour, and a key for the next login.
    Token { token: String, next_key: String },
    /// Orders, by number and the state of their line, and whether there is another page.
    Page { orders: Vec<(usize, &'static str)>, more: bool },
    /// A refusal, with the `Retry-After` header if it has one.
    Refused(StatusCode, Option<&'static str>),
}

impl Answer {
    /// What the n-th login brings.
    pub(crate) fn token(number: usize) -> Answer {
        Answer::Token { token: format!("token-{number}"), next_key: format!("key-{number}") }
    }
}

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Decides what a call is answered, and when.
pub(crate) type Script = Arc<dyn Fn(Asked) -> Answering + Send + Sync>;

struct Behind {
    script: Script,
    calls: Mutex<Vec<Asked>>,
    count: watch::Sender<usize>,
}

/// Stands while it is kept.
pub(crate) struct Stall {
    pub(crate) base_url: String,
    behind: Arc<Behind>,
    server: JoinHandle<()>,
}

impl Stall {
    pub(crate) async fn open(script: impl Fn(Asked) -> Answering + Send + Sync + 'static) -> Stall {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let behind = Arc::new(Behind {
            script: Arc::new(script),
            calls: Mutex::default(),
            count: watch::channel(0).0,
        });
        let routes = Router::new()
            .route("/{tenant}/{channel}/login", post(login))
            .route("/{tenant}/{channel}/orders", get(orders))
            .with_state(Arc::clone(&behind));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Stall { base_url, behind, server }
    }

    /// Every call so far.
    pub(crate) fn calls(&self) -> Vec<Asked> {
        self.behind.calls.lock().unwrap().clone()
    }

    /// Waits until so many calls have come.
    pub(crate) async fn until_called(&self, times: usize) {
        let mut count = self.behind.count.subscribe();
        let come = count.wait_for(|count| *count >= times);
        let in_time = tokio::time::timeout(crate::place::PATIENCE, come).await;
        assert!(in_time.is_ok(), "{} of {times} calls came", self.behind.calls.lock().unwrap().len());
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Behind {
    async fn answer(&self, account: String, what: What) -> Response {
        let number = if let What::Page(number) = what { number } else { 0 };
        let asked = Asked { account, what, at: Instant::now() };
        let count = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(asked.clone());
            calls.len()
        };
        self.count.send_replace(count);
        match (self.script)(asked).await {
            Answer::Token { token, next_key } => {
                let body =
                    format!(r#"{{"access_token":"{token}","expires_in":3600,"next_key":"{next_key}"}}"#);
                body.into_response()
            }
            Answer::Refused(status, None) => status.into_response(),
            Answer::Refused(status, Some(wait)) => (status, [("retry-after", wait)]).into_response(),
            Answer::Page { orders, more } => page(&orders, more.then_some(number + 1)).into_response(),
        }
    }
}

fn page(orders: &[(usize, &'static str)], next: Option<usize>) -> String {
    let mut body = String::from(r#"{"orders":["#);
    for (number, (order, state)) in orders.iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        let id = order_id(*order);
        let _ = write!(body, r#"{comma}{{"id":"{id}","lines":[{{"id":"{id}-1","state":"{state}"}}]}}"#);
    }
    body.push(']');
    if let Some(next) = next {
        let _ = write!(body, r#","next":"{next}""#);
    }
    body.push('}');
    body
}

async fn login(
    State(behind): State<Arc<Behind>>,
    Path((tenant, channel)): Path<(String, String)>,
    _: Bytes,
) -> Response {
    behind.answer(format!("{tenant}/{channel}"), What::Login).await
}

async fn orders(
    State(behind): State<Arc<Behind>>,
    Path((tenant, channel)): Path<(String, String)>,
    Query(asked): Query<HashMap<String, String>>,
) -> Response {
    let number = match asked.get("next").map(|next| next.parse::<usize>()) {
        None => 0,
        Some(Ok(number)) => number,
        Some(Err(_)) => return StatusCode::BAD_REQUEST.into_response(),
    };
    behind.answer(format!("{tenant}/{channel}"), What::Page(number)).await
}
