//! Connectors: what is loaded, what each can do, and the form that a channel of it is set up with.

use std::sync::Arc;

use axum::{Json, extract::State};
use plugin_api::{Descriptor, Setting, SettingKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    http::{
        Api,
        access::{Anywhere, Read},
        extract::{Ask, At},
        paging::{Page, size},
        problem::{Answer, Kind, Problem},
    },
    nearest::did_you_mean,
    plugins::Connector,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// A connector.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorSummary {
    /// The id that channels name.
    id: String,
    /// The marketplace's name.
    name: String,
    /// The connector's version.
    version: String,
    /// The marketplace API that it speaks.
    api_version: String,
    /// The duties that it serves.
    tasks: Vec<String>,
}

impl ConnectorSummary {
    fn of(connector: &Connector) -> ConnectorSummary {
        let Descriptor { id, name, api_version, tasks, .. } = &connector.descriptor;
        ConnectorSummary {
            id: id.clone(),
            name: name.clone(),
            version: connector.version.to_string(),
            api_version: api_version.clone(),
            tasks: tasks.iter().map(ToString::to_string).collect(),
        }
    }
}

/// One field of the form that a channel is set up with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Field {
    /// The key.
    name: String,
    /// `text`, `url`, `integer`, `bool`, `choice` or `table`.
    kind: String,
    /// What may be chosen.
    choices: Vec<String>,
    /// Whether it is a secret: written, never shown.
    secret: bool,
    /// Whether it must be given.
    required: bool,
    /// The value if none is given.
    #[schema(value_type = Option<Value>)]
    default: Option<Value>,
    /// What it is.
    help: String,
}

impl From<&Setting> for Field {
    fn from(setting: &Setting) -> Self {
        let (kind, choices) = match &setting.kind {
            SettingKind::Text => ("text", Vec::new()),
            SettingKind::Url => ("url", Vec::new()),
            SettingKind::Integer => ("integer", Vec::new()),
            SettingKind::Bool => ("bool", Vec::new()),
            SettingKind::Choice(choices) => ("choice", choices.clone()),
            SettingKind::Table => ("table", Vec::new()),
        };
        Field {
            name: setting.name.clone(),
            kind: kind.to_owned(),
            choices,
            secret: setting.secret,
            required: setting.required && setting.default.is_none(),
            default: setting.default.clone(),
            help: setting.help.clone(),
        }
    }
}

/// What can be reported of orders.
#[derive(Debug, Serialize, ToSchema)]
struct Claim {
    /// The status.
    status: String,
    /// For orders shipped by `CHANNEL` or `SELLER`.
    shipped_by: String,
    /// `live`, `documented` or `assumed`.
    evidence: String,
}

/// A connector with what it can report and the form of its channels.
#[derive(Debug, Serialize, ToSchema)]
struct ConnectorDocument {
    /// What it is.
    connector: ConnectorSummary,
    /// What it can report.
    reports: Vec<Claim>,
    /// The form that a channel is set up with.
    form: Vec<Field>,
}

/// Which connectors to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct List {
    /// The id of the last connector that the caller has.
    after: Option<String>,
    /// How many, 100 unless said otherwise.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// List the connectors that are loaded, by id
#[utoipa::path(get, path = "/v1/connectors", tag = "connectors", params(List), security(("key" = ["read"])),
    responses((status = 200, description = "Connectors, by id.", body = Page<ConnectorSummary>)))]
async fn list(
    State(api): State<Arc<Api>>,
    _: Anywhere<Read>,
    Ask(list): Ask<List>,
) -> Answer<Json<Page<ConnectorSummary>>> {
    let size = size(list.limit)?;
    let rows = api.engine().registry().list();
    let after = list.after.unwrap_or_default();
    let id = |row: &Arc<Connector>| row.descriptor.id.clone();
    Ok(Json(Page::cut(rows, size, |row| id(row) > after, id, |row| ConnectorSummary::of(&row))))
}

/// Show a connector: what it can report, and the form that a channel of it is set up with
#[utoipa::path(get, path = "/v1/connectors/{connector}", tag = "connectors", security(("key" = ["read"])),
    responses((status = 200, description = "The connector.", body = ConnectorDocument)))]
async fn show(
    State(api): State<Arc<Api>>,
    _: Anywhere<Read>,
    At(id): At<String>,
) -> Answer<Json<ConnectorDocument>> {
    let registry = Arc::clone(api.engine().registry());
    let connector = registry.get(&id).ok_or_else(|| {
        let known: Vec<String> = registry.list().iter().map(|row| row.descriptor.id.clone()).collect();
        let meant = did_you_mean(&id, known.iter().map(String::as_str));
        Problem::new(Kind::ConnectorNotFound, format!("connector {id} is not loaded{meant}"))
    })?;
    let mut reports: Vec<Claim> = Vec::new();
    for claim in &connector.descriptor.capabilities {
        let (status, shipped_by) = (claim.status.as_str(), claim.shipped_by.as_str());
        let is_new = |told: &Claim| told.status != status || told.shipped_by != shipped_by;
        if reports.iter().all(is_new) {
            reports.push(Claim {
                status: status.to_owned(),
                shipped_by: shipped_by.to_owned(),
                evidence: claim.evidence.as_str().to_owned(),
            });
        }
    }
    let form = connector.descriptor.settings.iter().map(Field::from).collect();
    Ok(Json(ConnectorDocument { connector: ConnectorSummary::of(&connector), reports, form }))
}
