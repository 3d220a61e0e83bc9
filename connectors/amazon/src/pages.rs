//! Walks the pages of a list of orders, in either interface, past the traps of Amazon's page tokens.
//!
//! A token lives for a day and only with the filters it was made for. A dead one is answered by HTTP 400: the walk then
//! begins anew, once. A token that comes twice would walk in a circle: an error. A page may be empty and not the last;
//! an order may come twice.

use std::collections::BTreeSet;

use plugin_api::{Cx, Error, Millis, Reply, Request, Result};

use crate::{
    config::{Config, OrdersApi},
    errors,
    order::Order,
    requests::{self, Window},
    time, wire, wire_v0,
};

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(crate) enum Query<'a> {
    /// Orders that changed in a window.
    Changed(Window),
    /// Orders by id; Orders v0 only.
    Ids(&'a [&'a str]),
}

/// A page of orders.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) orders: Vec<Order>,
    /// Up to when Amazon says the list is complete, if that can be read.
    pub(crate) complete_until: Option<Millis>,
    /// Whether it is the first page of its walk.
    pub(crate) is_first: bool,
    /// The token of the page after it; `None` for the last.
    pub(crate) next: Option<String>,
}

/// A walk through the pages of one query.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    cx: &'a Cx,
    config: &'a Config,
    query: Query<'a>,
    /// The window of the walk that this one goes on with.
    window: Option<Window>,
    next: Next,
    tokens: BTreeSet<String>,
    has_restarted: bool,
}

#[derive(Debug)]
enum Next {
    First,
    Token(String),
    End,
}

impl<'a> Pages<'a> {
    /// A walk that begins with the first page.
    pub(crate) fn new(cx: &'a Cx, config: &'a Config, query: Query<'a>) -> Self {
        Pages {
            cx,
            config,
            query,
            window: None,
            next: Next::First,
            tokens: BTreeSet::new(),
            has_restarted: false,
        }
    }

    /// A walk through changes that goes on at a token of another window. If that token is dead, `query` is begun anew.
    pub(crate) fn resumed(self, window: Window, token: &str) -> Self {
        Pages { window: Some(window), next: Next::Token(token.to_owned()), ..self }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// What the request met; `bad_reply` if the pages go in a circle.
    pub(crate) async fn next(&mut self) -> Result<Option<Page>> {
        loop {
            let token = match &self.next {
                Next::First => None,
                Next::Token(token) => Some(token.as_str()),
                Next::End => return Ok(None),
            };
            let is_first = token.is_none();
            let request = self.request(token);
            let operation = request.operation().to_owned();
            let reply = self.cx.send(request).await?;
            if reply.status == 400 && !is_first && !self.has_restarted {
                tracing::warn!(
                    "Amazon refuses a page token, which may have died of age: reading the list anew"
                );
                self.has_restarted = true;
                self.window = None;
                self.tokens.clear();
                self.next = Next::First;
                continue;
            }
            let page = self.read(&errors::check(reply, &operation)?, is_first)?;
            self.next = self.follow(page.next.clone(), &operation)?;
            return Ok(Some(page));
        }
    }

    fn follow(&mut self, token: Option<String>, operation: &str) -> Result<Next> {
        let Some(token) = token else { return Ok(Next::End) };
        if self.tokens.insert(token.clone()) {
            return Ok(Next::Token(token));
        }
        Err(Error::bad_reply("the pages go in a circle: a page token came twice").during(operation))
    }

    fn request(&self, token: Option<&str>) -> Request {
        match (&self.query, self.config.orders_api) {
            (Query::Changed(window), api) => {
                let window = self.window.unwrap_or(*window);
                match api {
                    OrdersApi::V2026 => requests::search_orders(self.config, window, token),
                    OrdersApi::V0 => requests::get_orders(self.config, window, token),
                }
            }
            (Query::Ids(ids), _) => requests::get_orders_by_id(self.config, ids, token),
        }
    }

    fn read(&self, reply: &Reply, is_first: bool) -> Result<Page> {
        let (orders, next, bound) = match (&self.query, self.config.orders_api) {
            (Query::Changed(_), OrdersApi::V2026) => page_2026(reply)?,
            (Query::Changed(_), OrdersApi::V0) | (Query::Ids(_), _) => page_v0(reply)?,
        };
        let complete_until = bound.as_deref().and_then(time::read);
        Ok(Page { orders, complete_until, is_first, next: next.filter(|token| !token.is_empty()) })
    }
}

type Parts = (Vec<Order>, Option<String>, Option<String>);

fn page_2026(reply: &Reply) -> Result<Parts> {
    let page: wire::OrdersPage = reply.json()?;
    let next = page.pagination.and_then(|pagination| pagination.next_token);
    Ok((page.orders.into_iter().map(Order::from).collect(), next, page.last_updated_before))
}

fn page_v0(reply: &Reply) -> Result<Parts> {
    let page: wire_v0::Orders = payload(reply, requests::GET_ORDERS)?;
    Ok((page.orders.into_iter().map(Order::from).collect(), page.next_token, page.last_updated_before))
}

/// The payload of a v0 reply; an error that stands in its place counts, one that stands beside it is logged.
pub(crate) fn payload<T: serde::de::DeserializeOwned>(reply: &Reply, operation: &str) -> Result<T> {
    let envelope: wire_v0::Envelope<T> = reply.json()?;
    let payload = envelope.payload.ok_or_else(|| errors::failed(reply, operation))?;
    if let Some(code) = errors::code(reply) {
        tracing::warn!(code, operation, "Amazon sent an error beside the payload");
    }
    Ok(payload)
}
