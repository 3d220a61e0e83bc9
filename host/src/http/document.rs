//! The OpenAPI document: what the handlers declare, completed by what is the same for all of them.
//!
//! Records that files and the API share have one description, that of the file's schema; it is put in here.

use std::borrow::Cow;

use plugin_api::Task;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, RefOr, Schema},
};

use super::v1;
use crate::{
    access::{Scope, Scopes},
    domain::{
        duties::{Conflict, Parked, Putaway, Quality},
        effect::Change,
        intake::Intake,
        invoice::{Invoice, Sequence, SequenceKind},
        observed::Observed,
        order::{Order, OrderStatus},
        snapshot::{Channel, Facility, Snapshot, Traceability},
        stock::Stock,
    },
    storage::{
        Attempt, ConflictOpened, Counts, DeliveryState, EventKind, FailedCall, Moment, OrderStatusChanged,
        OrderTaken, RunFinished, RunLine, RunOrder, RunResult, TEST_EVENT, Timeline, ToldCall, Trigger,
        WebhookTest,
    },
};

/// Names records whose schema is that of the files; the names are those that the schema gives them.
macro_rules! shared {
    ($($record:ident)*) => {
        $(
            impl PartialSchema for $record {
                fn schema() -> RefOr<Schema> {
                    // Replaced when the document is completed.
                    Object::new().into()
                }
            }
            impl ToSchema for $record {
                fn name() -> Cow<'static, str> {
                    stringify!($record).into()
                }
            }
        )*

        fn shared_schemas() -> Map<String, Value> {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
            });
            let mut schemas = settings.into_generator();
            $( schemas.subschema_for::<$record>(); )*
            schemas.subschema_for::<OrderTaken>();
            schemas.subschema_for::<OrderStatusChanged>();
            schemas.subschema_for::<ConflictOpened>();
            schemas.subschema_for::<RunFinished>();
            schemas.subschema_for::<WebhookTest>();
            schemas.take_definitions(true)
        }
    };
}

shared! {
    Attempt Change Channel Conflict Counts DeliveryState EventKind Facility FailedCall Intake Invoice Moment Observed Order OrderStatus Parked Putaway Quality RunLine RunOrder RunResult
    Scope Scopes Sequence SequenceKind Snapshot Stock Timeline ToldCall Traceability Trigger
}

/// The variable parts of addresses: name, what it is, an example.
const PARTS: &[(&str, &str, &str)] = &[
    ("tenant", "The tenant's code.", "acme"),
    ("channel", "The channel's code.", "FK1"),
    ("order", "The seller's code of the order, or the marketplace's id.", "O1"),
    ("run", "The run's id.", "R12"),
    ("task", "`status`, `pending`, `delivery` or `returns`.", "status"),
    ("conflict", "The conflict's code.", "CF1"),
    ("putaway", "The putaway's code.", "PA1"),
    ("facility", "The facility's code.", "DEL1"),
    ("sku", "The seller's product code.", "A"),
    ("owner", "The facility or billing party that the series belongs to.", "DEL1"),
    ("kind", "`SHIPPING_PACKAGE`, `SALE_INVOICE` or `SALE_RETURN_INVOICE`.", "SALE_INVOICE"),
    ("connector", "The connector's id.", "flipkart"),
    ("key", "The key's id.", "3fGh7Kq0Za"),
    ("webhook", "The webhook's id.", "wh_3fGh7Kq0Za"),
];

/// What any operation may answer instead of what it is asked for.
const REFUSALS: &[(&str, &str)] = &[
    ("400", "The address, the query or the JSON makes no sense."),
    ("401", "There is no key, or it is not accepted."),
    ("403", "The key does not allow this."),
    ("404", "The tenant, or what was asked for in it, does not exist for this key."),
    ("429", "Too many requests."),
    ("500", "The program failed."),
    ("503", "The database does not answer, or the host is being stopped."),
    ("504", "It took too long."),
];
/// What an operation with a body may answer besides.
const BODY_REFUSALS: &[(&str, &str)] = &[
    ("409", "It does not fit what is there now."),
    ("413", "The body is too large."),
    ("415", "The body is not application/json."),
    ("422", "The body is not what is wanted."),
];

const ABOUT: &str = "Keeps a seller's order book true to what the marketplaces did.

Every request carries `Authorization: Bearer ssk_…`. Errors are problems (RFC 9457) with a stable `code`, a sentence and a
remedy. Lists are paged by key: give the `next` of one page as `after` for the next. A POST may carry an `Idempotency-Key`:
repeated within a day with the same key, it is answered as the first time and done once. Times are RFC 3339 in UTC.";

/// The document as it is served and kept among the documents.
pub fn openapi() -> String {
    let mut document = serde_json::to_value(v1::routes().into_openapi()).unwrap_or_default();
    complete(&mut document);
    let mut text = serde_json::to_string_pretty(&sorted(document)).unwrap_or_default();
    text.push('\n');
    text
}

fn complete(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Statusync",
        "version": env!("CARGO_PKG_VERSION"),
        "description": ABOUT,
        "license": {"name": "see the repository"},
    });
    document["servers"] = json!([{"url": "/", "description": "The daemon, where `[http] listen` says."}]);
    let components = &mut document["components"];
    components["securitySchemes"] = json!({"key": {
        "type": "http", "scheme": "bearer", "bearerFormat": "ssk_…",
        "description": "An API key. Its scopes are `read`, `orders`, `operate` and `admin`; `admin` allows everything.",
    }});
    if let Value::Object(schemas) = &mut components["schemas"] {
        schemas.extend(shared_schemas());
        // A page would describe its rows in full, beside their own description.
        for (name, schema) in schemas.iter_mut() {
            if let Some(row) = name.strip_prefix("Page_") {
                schema["properties"]["rows"]["items"] =
                    json!({"$ref": format!("#/components/schemas/{row}")});
            }
        }
    }
    components["schemas"]["Problem"] = problem_schema();
    for (status, said) in REFUSALS.iter().chain(BODY_REFUSALS) {
        components["responses"][refusal(status)] = json!({
            "description": said,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
    }
    document["webhooks"] = told();
    if let Value::Object(paths) = &mut document["paths"] {
        for (path, item) in paths {
            let Value::Object(operations) = item else { continue };
            for (method, operation) in operations {
                complete_operation(path, method, operation);
            }
        }
    }
}

/// What webhooks are sent: kind, the schema of its data, when it is sent.
const TOLD: &[(&str, &str, &str)] = &[
    (EventKind::OrderTaken.as_str(), "OrderTaken", "An order was handed over that was not known"),
    (
        EventKind::OrderStatusChanged.as_str(),
        "OrderStatusChanged",
        "Units, packages, invoices or returns of an order changed",
    ),
    (EventKind::ConflictOpened.as_str(), "ConflictOpened", "A contradiction waits for a person"),
    (
        EventKind::RunFinished.as_str(),
        "RunFinished",
        "A run ended that had something to tell, or that a person asked for",
    ),
    (TEST_EVENT, "WebhookTest", "Somebody sends a test"),
];

/// The requests that webhooks get.
fn told() -> Value {
    let header = |name: &str, about: &str, example: &str| {
        json!({"name": name, "in": "header", "required": true, "description": about, "example": example,
            "schema": {"type": "string"}})
    };
    let parameters = json!([
        header("webhook-id", "The event's id, the same each time that it is sent: do it once.", "evt_7c0f"),
        header("webhook-timestamp", "When it was sent, in seconds since 1970.", "1768470600"),
        header(
            "webhook-signature",
            "`v1,` and the base64 of the HMAC-SHA256 of `{webhook-id}.{webhook-timestamp}.{body}` under the webhook's secret \
             (what follows `whsec_`, from base64); two of them, with a blank between, while a secret is being replaced.",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        ),
    ]);
    let request = |(kind, data, about): &(&str, &str, &str)| {
        let schema = json!({
            "type": "object", "required": ["type", "timestamp", "data"],
            "properties": {
                "type": {"const": kind},
                "timestamp": {"type": "string", "format": "date-time", "description": "When it happened."},
                "data": {"$ref": format!("#/components/schemas/{data}")},
            },
        });
        let post = json!({"post": {
            "operationId": kind.replace('.', "_"), "tags": ["webhooks"], "summary": about, "parameters": parameters.clone(),
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {"2XX": {"description": "It was taken. 410 disables the webhook; anything else, redirects too, \
                is a failure, and it is sent again for days."}},
        }});
        ((*kind).to_owned(), post)
    };
    Value::Object(TOLD.iter().map(request).collect())
}

/// The name of a refusal among the components.
fn refusal(status: &str) -> String {
    format!("Problem{status}")
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let mut parameters: Vec<Value> =
        PARTS.iter().filter(|(name, ..)| path.contains(&format!("{{{name}}}"))).map(part).collect();
    if let Some(own) = operation["parameters"].as_array() {
        parameters.extend(own.iter().cloned());
    }
    if method == "post" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A text of the caller's, such as a UUID. Repeated within a day, the request is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(name) = operation["operationId"].as_str() {
        operation["operationId"] = json!(operation_id(name, path));
    }
    let is_open = operation["security"].as_array().is_none_or(Vec::is_empty);
    let with_body = if method == "get" { &[][..] } else { BODY_REFUSALS };
    for (status, _) in REFUSALS.iter().chain(with_body) {
        if operation["responses"][status].is_null()
            && !(is_open && matches!(*status, "401" | "403" | "404" | "429"))
        {
            operation["responses"][status] =
                json!({"$ref": format!("#/components/responses/{}", refusal(status))});
        }
    }
}

/// `list` of `/v1/tenants/{tenant}/orders` is `list_orders`.
fn operation_id(handler: &str, path: &str) -> String {
    let mut fixed = path.split('/').filter(|part| !part.starts_with('{')).map(|part| part.replace('-', "_"));
    let noun = fixed.rfind(|part| part != handler).unwrap_or_default();
    if handler.ends_with(&noun) { handler.to_owned() } else { format!("{handler}_{noun}") }
}

fn part((name, about, example): &(&str, &str, &str)) -> Value {
    let schema = match *name {
        "task" => {
            json!({"type": "string", "enum": Task::ALL.iter().map(|task| task.as_str()).collect::<Vec<_>>()})
        }
        "kind" => json!({"$ref": "#/components/schemas/SequenceKind"}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    json!({"name": name, "in": "path", "required": true, "description": about, "example": example, "schema": schema})
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong: RFC 9457, with a stable code and what to do.",
        "required": ["type", "title", "status", "code", "detail", "remedy"],
        "properties": {
            "type": {"type": "string", "description": "`urn:statusync:problem:` and the code."},
            "title": {"type": "string", "description": "The kind, in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "code": {"type": "string", "description": "The kind; it stays the same."},
            "detail": {"type": "string", "description": "This case, in a sentence."},
            "remedy": {"type": "string", "description": "What to do."},
            "errors": {"type": "array", "description": "What is wrong in what was sent.",
                       "items": {"$ref": "#/components/schemas/Wrong"}},
        },
        "example": {
            "type": "urn:statusync:problem:tenant.not_found", "title": "There is no such tenant for this key",
            "status": 404, "code": "tenant.not_found", "detail": "tenant acme is not known to this key",
            "remedy": "`GET /v1/tenants` lists those that the key is for.",
        },
    })
}

/// With members in the order of their names, whatever the maps that they come from.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(list) => list.into_iter().map(sorted).collect(),
        other => other,
    }
}
