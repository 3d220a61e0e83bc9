//! Orders that the seller's system hands over: one, or many with a list of those that are not taken.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::detached;
use crate::{
    domain::{intake::Intake, order::Order},
    http::{
        Api,
        access::{In, Orders},
        extract::{Ask, At, Body},
        problem::{Answer, Kind, Problem, Wrong},
    },
    import::check_orders,
    nearest::with_suggestion,
    sync::Taken,
};

/// Orders that are taken with one request.
const MOST: usize = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(put)).routes(routes!(hand_over))
}

/// Whether orders are really taken.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// Show what would become of them, and change nothing.
    dry_run: Option<bool>,
}

/// What became of an order that was handed over.
#[derive(Debug, Serialize, ToSchema)]
struct OrderIntake {
    /// Its place in the request, from 0.
    index: usize,
    /// Its code; null if it could not be read.
    code: Option<String>,
    /// What became of it.
    outcome: Intake,
    /// What it says and is not taken, in sentences: what has left is known better here.
    notes: Vec<String>,
    /// Why it is rejected.
    errors: Vec<Wrong>,
}

/// Add an order, or bring it up to date
///
/// Until a unit has left or was cancelled, what is handed over counts. From then on what is known here stays, and what is
/// said otherwise is told under `notes`. What is not mentioned stays as it is.
#[utoipa::path(put, path = "/v1/tenants/{tenant}/orders/{order}", tag = "orders", params(How), request_body = Order,
    security(("key" = ["orders"])),
    responses(
        (status = 200, description = "It was known, or would be taken.", body = OrderIntake),
        (status = 201, description = "It is new.", body = OrderIntake)))]
async fn put(
    State(api): State<Arc<Api>>,
    place: In<Orders>,
    At((_, code)): At<(String, String)>,
    Ask(how): Ask<How>,
    Body(order): Body<Order>,
) -> Answer<impl IntoResponse> {
    if order.code.as_str() != code {
        let said = format!("the address is of order {code} and the body of order {}", order.code);
        return Err(Problem::new(Kind::BodyWrong, said));
    }
    let dry_run = how.dry_run.unwrap_or(false);
    let mut done = take(&api, &place, vec![(0, order)], dry_run).await?;
    let done = done.remove(&0).ok_or_else(|| Problem::new(Kind::Internal, "nothing became of the order"))?;
    if done.outcome == Intake::Rejected {
        let said: Vec<&str> = done.errors.iter().map(|wrong| wrong.problem.as_str()).collect();
        return Err(Problem::with(Kind::DataContradicts, said.join("; "), done.errors.clone()));
    }
    let is_new = done.outcome == Intake::Created && !dry_run;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(done)))
}

/// Orders to take over.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"orders": [{"code": "O1", "channel": "FK1", "channel_order_id": "OD1", "status": "CREATED",
    "items": [{"code": "O1-1", "channel_item_id": "111", "sku": "A", "facility": "DEL1", "status": "CREATED"}]}]}))]
struct ManyOrders {
    /// The orders; each is read by itself, so one that is wrong does not stop the others.
    #[schema(value_type = Vec<Order>, max_items = 1_000)]
    orders: Vec<Value>,
}

/// What became of orders that were handed over.
#[derive(Debug, Serialize, ToSchema)]
struct IntakeReport {
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many became what.
    counts: BTreeMap<String, usize>,
    /// Each of them, in the order of the request.
    orders: Vec<OrderIntake>,
}

/// Add orders, or bring them up to date; those that are rejected are told and do not stop the others
#[utoipa::path(post, path = "/v1/tenants/{tenant}/orders", tag = "orders", params(How), request_body = ManyOrders,
    security(("key" = ["orders"])),
    responses((status = 200, description = "What became of each.", body = IntakeReport)))]
async fn hand_over(
    State(api): State<Arc<Api>>,
    place: In<Orders>,
    Ask(how): Ask<How>,
    Body(many): Body<ManyOrders>,
) -> Answer<Json<IntakeReport>> {
    if many.orders.len() > MOST {
        let said = format!("orders: {} were sent, and {MOST} are taken at once", many.orders.len());
        return Err(Problem::new(Kind::BodyWrong, said));
    }
    let dry_run = how.dry_run.unwrap_or(false);
    let mut done = BTreeMap::new();
    let mut readable = Vec::new();
    for (index, document) in many.orders.into_iter().enumerate() {
        let code = document["code"].as_str().map(str::to_owned);
        match serde_path_to_error::deserialize::<_, Order>(document) {
            Ok(order) => readable.push((index, order)),
            Err(error) => {
                let path = format!("orders[{index}].{}", error.path());
                let problem = with_suggestion(&error.inner().to_string());
                done.insert(index, rejected(index, code, vec![wrong(path, problem)]));
            }
        }
    }
    done.extend(take(&api, &place, readable, dry_run).await?);
    let mut counts = BTreeMap::new();
    for intake in Intake::ALL {
        let count = done.values().filter(|order| order.outcome == *intake).count();
        counts.insert(intake.as_str().to_lowercase(), count);
    }
    Ok(Json(IntakeReport { dry_run, counts, orders: done.into_values().collect() }))
}

/// Takes what fits together.
async fn take(
    api: &Api,
    place: &In<Orders>,
    orders: Vec<(usize, Order)>,
    dry_run: bool,
) -> Answer<BTreeMap<usize, OrderIntake>> {
    let channels = api.store.channels(&place.tenant).await?;
    let facilities = api.store.facilities(&place.tenant).await?;
    let listed: Vec<Order> = orders.iter().map(|(_, order)| order.clone()).collect();
    let mut misfits = check_orders(channels, facilities, listed);
    let (mut done, mut fitting, mut kept) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (at, (index, order)) in orders.into_iter().enumerate() {
        match misfits.remove(&at) {
            Some(found) => {
                // Their paths count those that could be read; the caller counts all.
                let there =
                    |path: &str| path.replacen(&format!("orders[{at}]"), &format!("orders[{index}]"), 1);
                let errors =
                    found.into_iter().map(|misfit| wrong(there(&misfit.path), misfit.problem)).collect();
                done.insert(index, rejected(index, Some(order.code.to_string()), errors));
            }
            None => {
                kept.push((index, order.code.to_string()));
                fitting.push(order);
            }
        }
    }
    let (engine, tenant, by) = (api.engine(), place.tenant.clone(), place.caller.who.clone());
    let taken = detached(async move { engine.take_orders(&tenant, fitting, &by, dry_run).await }).await??;
    for ((index, code), Taken { intake, notes }) in kept.into_iter().zip(taken) {
        let told = if intake == Intake::Rejected {
            let path = format!("orders[{index}]");
            rejected(index, Some(code), notes.into_iter().map(|why| wrong(path.clone(), why)).collect())
        } else {
            OrderIntake { index, code: Some(code), outcome: intake, notes, errors: Vec::new() }
        };
        done.insert(index, told);
    }
    Ok(done)
}

fn wrong(path: String, problem: String) -> Wrong {
    Wrong { path, line: None, column: None, problem }
}

fn rejected(index: usize, code: Option<String>, errors: Vec<Wrong>) -> OrderIntake {
    OrderIntake { index, code, outcome: Intake::Rejected, notes: Vec::new(), errors }
}
