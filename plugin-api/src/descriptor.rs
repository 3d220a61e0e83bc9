//! What a connector says about itself: data only, read by the host before it asks for anything.
//!
//! The host asks for nothing that is not declared here, draws settings forms and documents from it, and the family
//! suite picks its cases by it. Every claim says how we know it.

use serde::{Deserialize, Serialize};

use crate::{ShippedBy, Status, StatusRow, StatusTable, Task};

/// How we know a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// No public source: a default that an operator with the private papers may change.
    Assumed,
    /// The marketplace's own document, or several independent clients.
    Documented,
    /// Seen on a live account.
    Live,
}

impl Evidence {
    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Evidence::Assumed => "assumed",
            Evidence::Documented => "documented",
            Evidence::Live => "live",
        }
    }
}

/// How orders are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// What changed in a window.
    Changed,
    /// Known orders by id.
    Orders,
}

/// One claim: this status can be reported for orders shipped so, asked for so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capability {
    /// What can be reported.
    pub status: Status,
    /// For orders shipped by whom.
    pub shipped_by: ShippedBy,
    /// Under which scope.
    pub scope: ScopeKind,
    /// How we know.
    pub evidence: Evidence,
    /// The page with the date read, or why we assume it.
    pub source: String,
}

/// Sizes and times that the host keeps to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Rows a page of a list has.
    pub page_size: u32,
    /// Orders that one pull by id is given at once.
    pub batch_size: u32,
    /// The furthest back that a window may begin, in seconds.
    pub look_back_secs: u64,
    /// The longest window that one pull is given, in seconds.
    pub window_secs: u64,
    /// How late a change may appear in the marketplace's lists, in seconds; windows overlap by at least this.
    pub settle_secs: u64,
    /// The largest reply that is read, in bytes after decompression. The host allows 64 MiB at most.
    pub reply_bytes: u64,
    /// Where these numbers come from.
    pub source: String,
}

/// The rate plan of one operation: a bucket of `burst` calls that refills by `per_second`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// The name that requests carry.
    pub name: String,
    /// Calls per second that the marketplace grants one account.
    pub per_second: f64,
    /// Calls that may be made at once after a pause.
    pub burst: u32,
    /// The reply header that carries the currently granted rate, in lower case, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_header: Option<String>,
    /// Where the numbers come from.
    pub source: String,
}

/// How an account signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// The scheme's name for people: `OAuth 2 refresh token`, `three headers`, …
    pub scheme: String,
    /// Whether [`Connector::login`](crate::Connector::login) has to be called for a token.
    pub login: bool,
    /// HTTP statuses that mean "the token has run out"; answered by one new login and one repeat.
    pub expired_on: Vec<u16>,
    /// Where this comes from.
    pub source: String,
}

/// Who numbers the sale invoices of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvoiceNumbering {
    /// The marketplace.
    Channel,
    /// The seller.
    Seller,
}

/// What a setting holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "values")]
pub enum SettingKind {
    /// Text; a number is taken as its digits.
    Text,
    /// A URL; its host is allowed for requests.
    Url,
    /// A whole number.
    Integer,
    /// Yes or no.
    Bool,
    /// One of these texts.
    Choice(Vec<String>),
    /// A table of texts.
    Table,
}

/// One setting of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The key.
    pub name: String,
    /// What it holds.
    pub kind: SettingKind,
    /// Whether it is a secret: stored sealed, never shown, handed to requests by reference only.
    pub secret: bool,
    /// Whether the channel works without it.
    pub required: bool,
    /// The value if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
    /// What it is, for a person filling in a form.
    pub help: String,
}

impl Setting {
    fn new(name: &str, kind: SettingKind, help: &str) -> Self {
        Setting { name: name.into(), kind, secret: false, required: false, default: None, help: help.into() }
    }

    /// A text.
    pub fn text(name: &str, help: &str) -> Self {
        Setting::new(name, SettingKind::Text, help)
    }

    /// A URL.
    pub fn url(name: &str, help: &str) -> Self {
        Setting::new(name, SettingKind::Url, help)
    }

    /// A whole number.
    pub fn integer(name: &str, help: &str) -> Self {
        Setting::new(name, SettingKind::Integer, help)
    }

    /// Yes or no.
    pub fn flag(name: &str, help: &str) -> Self {
        Setting::new(name, SettingKind::Bool, help)
    }

    /// One of some texts.
    pub fn choice(name: &str, values: &[&str], help: &str) -> Self {
        Setting::new(name, SettingKind::Choice(values.iter().map(|&v| v.into()).collect()), help)
    }

    /// A table of texts.
    pub fn table(name: &str, help: &str) -> Self {
        Setting::new(name, SettingKind::Table, help)
    }

    /// A secret text.
    pub fn secret(name: &str, help: &str) -> Self {
        Setting { secret: true, ..Setting::text(name, help) }
    }

    /// The setting must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The setting has this value if none is given.
    #[must_use]
    pub fn default(mut self, value: impl Into<serde_json::Value>) -> Self {
        self.default = Some(value.into());
        self
    }
}

/// Everything a connector says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptor {
    /// The id that channels name: lower case, digits, `-`.
    pub id: String,
    /// The marketplace's name for people.
    pub name: String,
    /// The connector's own version; filled in by [`export_connector!`](crate::export_connector).
    #[serde(default)]
    pub version: String,
    /// The marketplace API that it speaks, with its version.
    pub api_version: String,
    /// What it can report.
    pub capabilities: Vec<Capability>,
    /// The duties it serves.
    pub tasks: Vec<Task>,
    /// Sizes and times.
    pub limits: Limits,
    /// The rate plan; every request names one of these.
    pub operations: Vec<Operation>,
    /// Hosts that requests may go to, besides those of the URLs that the operator set.
    pub hosts: Vec<String>,
    /// How an account signs in.
    pub auth: Auth,
    /// The channel's settings and secrets.
    pub settings: Vec<Setting>,
    /// Who numbers sale invoices.
    pub invoice_numbering: InvoiceNumbering,
    /// The status tables, row by row.
    pub statuses: Vec<StatusRow>,
}

impl Descriptor {
    /// A descriptor with an id and a name, and nothing declared yet.
    pub fn new(id: &str, name: &str, api_version: &str) -> Self {
        Descriptor {
            id: id.into(),
            name: name.into(),
            version: String::new(),
            api_version: api_version.into(),
            capabilities: Vec::new(),
            tasks: Vec::new(),
            limits: Limits {
                page_size: 100,
                batch_size: 50,
                look_back_secs: 30 * 86_400,
                window_secs: 86_400,
                settle_secs: 300,
                reply_bytes: 16 << 20,
                source: String::new(),
            },
            operations: Vec::new(),
            hosts: Vec::new(),
            auth: Auth { scheme: "none".into(), login: false, expired_on: Vec::new(), source: String::new() },
            settings: Vec::new(),
            invoice_numbering: InvoiceNumbering::Seller,
            statuses: Vec::new(),
        }
    }

    /// Claims that share who ships, how asked, and how we know.
    #[must_use]
    pub fn reports(
        mut self,
        statuses: &[Status],
        shipped_by: ShippedBy,
        scopes: &[ScopeKind],
        evidence: Evidence,
        source: &str,
    ) -> Self {
        for &status in statuses {
            for &scope in scopes {
                self.capabilities.push(Capability {
                    status,
                    shipped_by,
                    scope,
                    evidence,
                    source: source.into(),
                });
            }
        }
        self
    }

    /// The duties it serves.
    #[must_use]
    pub fn tasks(mut self, tasks: &[Task]) -> Self {
        self.tasks.extend_from_slice(tasks);
        self
    }

    /// One line of the rate plan.
    #[must_use]
    pub fn operation(mut self, name: &str, per_second: f64, burst: u32, source: &str) -> Self {
        self.operations.push(Operation {
            name: name.into(),
            per_second,
            burst,
            rate_header: None,
            source: source.into(),
        });
        self
    }

    /// A host that requests may go to.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// A setting.
    #[must_use]
    pub fn setting(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// A status table.
    #[must_use]
    pub fn statuses(mut self, table: &StatusTable) -> Self {
        self.statuses.extend(table.rows());
        self
    }

    /// Whether orders shipped so may be reported in this status, under any scope.
    pub fn can_report(&self, status: Status, shipped_by: ShippedBy) -> bool {
        self.capabilities.iter().any(|claim| claim.status == status && claim.shipped_by == shipped_by)
    }

    /// Whether orders shipped so are followed at all.
    pub fn follows(&self, shipped_by: ShippedBy) -> bool {
        self.capabilities.iter().any(|claim| claim.shipped_by == shipped_by)
    }
}
