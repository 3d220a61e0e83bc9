//! How a connector's marketplace looks to the suite: its settings, its login, and a few pages of each duty.

use plugin_api::{Millis, Scope, Task};
use serde_json::Value;

/// A status word that no marketplace has.
pub const UNHEARD_OF: &str = "UNHEARD_OF_BY_THE_SUITE";

/// What a marketplace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Rows that are reported.
    Rows,
    /// The same rows, each of them twice: on a page of its own where the duty has pages.
    RowsTwice,
    /// Rows with [`UNHEARD_OF`] as their status.
    Unknown,
    /// A sound answer without rows.
    Nothing,
}

/// How an account signs in.
#[derive(Clone, Debug)]
pub struct Login {
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the marketplace's base.
    pub path: &'static str,
    /// The body of a login that works; `{token}` stands for the token.
    pub good: &'static str,
    /// HTTP status and body of a login that is refused.
    pub refused: (u16, &'static str),
}

/// A request that the marketplace answers, and its answer.
#[derive(Clone, Debug)]
pub struct Route {
    /// The HTTP method.
    pub method: &'static str,
    /// The path below the marketplace's base.
    pub path: String,
    /// A query parameter that it must have.
    pub query: Option<(&'static str, &'static str)>,
    /// Members that its JSON body must have.
    pub body: Option<Value>,
    /// The answer's HTTP status.
    pub status: u16,
    /// The answer's body.
    pub text: String,
    /// Whether this is the call of the duty that the suite lets go wrong.
    pub is_struck: bool,
    /// Which of several routes that fit a request answers it: the lowest number, from 2.
    pub priority: u8,
}

impl Route {
    /// A GET that is answered with HTTP 200.
    pub fn get(path: impl Into<String>, text: impl Into<String>) -> Self {
        Route {
            method: "GET",
            path: path.into(),
            query: None,
            body: None,
            status: 200,
            text: text.into(),
            is_struck: false,
            priority: 5,
        }
    }

    /// A POST that is answered with HTTP 200.
    pub fn post(path: impl Into<String>, text: impl Into<String>) -> Self {
        Route { method: "POST", ..Route::get(path, text) }
    }

    /// The same, only with this query parameter, and before routes without.
    #[must_use]
    pub fn with_query(self, name: &'static str, value: &'static str) -> Self {
        Route { query: Some((name, value)), priority: 3, ..self }
    }

    /// The same, only with these members in its JSON body, and before routes without.
    #[must_use]
    pub fn with_body(self, members: Value) -> Self {
        Route { body: Some(members), priority: 3, ..self }
    }

    /// The same, as the call that the suite lets go wrong.
    #[must_use]
    pub fn struck(self) -> Self {
        Route { is_struck: true, ..self }
    }
}

/// A connector's marketplace, for the suite.
pub trait Subject: Sync {
    /// The connector's id.
    fn id(&self) -> &'static str;
    /// Settings and secrets that lead to a marketplace at `base`. Secrets are long and occur nowhere else.
    fn settings(&self, base: &str) -> Value;
    /// The run's time, UTC.
    fn now(&self) -> Millis;
    /// How an account signs in; `None` if the descriptor declares no login.
    fn login(&self) -> Option<Login>;
    /// The window or the orders of a duty.
    fn scope(&self, task: Task) -> Scope;
    /// What a marketplace at `base` answers; `None` if the duty knows no such thing. One route at least is struck.
    fn routes(&self, task: Task, show: Show, base: &str) -> Option<Vec<Route>>;
}
