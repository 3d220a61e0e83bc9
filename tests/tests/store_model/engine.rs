//! A real store, asked in the words of the operations; its answers in the words of the model.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use plugin_api::{Mark, Task};
use serde_json::json;
use statusync::{
    domain::{
        codes::{ChannelCode, TenantCode},
        effect::Change,
        invoice::SequenceKind,
        snapshot::Snapshot,
    },
    secrets::Secret,
    storage::{
        Call, Claim, Counts, DueAgain, Fence, Full, Mode, NewRun, NewTask, OrderFilter, PageKeys, PageResult,
        PageState, ParkedFilter, RunEnd, RunFilter, RunId, RunLine, Slot, Store, StoreError, TaskEdit,
        TaskFilter, Trigger,
    },
};

use super::{
    model::Answer,
    operations::{Begins, Line, NOW, Name, ORDERS, Operation, Past, TASKS},
};

const LONG: i64 = 3_600_000;

/// A store with what it gave away so far.
pub(crate) struct Engine {
    pub(crate) name: Name,
    store: Arc<dyn Store>,
    fences: Vec<Fence>,
    runs: Vec<RunId>,
    holders: usize,
}

fn kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::NotFound(_) => "NotFound",
        StoreError::Exists(_) => "Exists",
        StoreError::LeaseLost { .. } => "LeaseLost",
        StoreError::Busy { .. } => "Busy",
        StoreError::Contradiction(_) => "Contradiction",
        _ => "another error",
    }
}

fn list<T: Debug>(items: impl IntoIterator<Item = T>) -> String {
    format!("{:?}", items.into_iter().collect::<Vec<_>>())
}

fn snapshot(tenant: Name, connector: Name, both: bool) -> Snapshot {
    let orders = (1..=ORDERS).filter(|order| both || *order <= 4).map(|order| {
        json!({"code": format!("O{order}"), "channel": if order <= 4 { "FK1" } else { "AZ1" },
            "channel_order_id": format!("OD{order}"), "status": "PROCESSING", "shipping": "CHANNEL",
            "items": [{"code": format!("O{order}-1"), "sku": "A", "facility": "DEL1", "status": "FULFILLABLE"}]})
    });
    let mut channels = vec![json!({"code": "FK1", "connector": connector, "default_facility": "DEL1"})];
    if both {
        channels.push(json!({"code": "AZ1", "connector": "amazon", "default_facility": "DEL1"}));
    }
    serde_json::from_value(json!({"tenant": tenant, "live": true,
        "facilities": [{"code": "DEL1", "traceability": "SKU"}],
        "sequences": [{"owner": "DEL1", "kind": "SALE_INVOICE", "prefix": "INV/", "width": 4, "next": 1}],
        "stock": [{"facility": "DEL1", "sku": "A", "on_hand": 50, "blocked": 2}],
        "channels": channels, "orders": orders.collect::<Vec<_>>()}))
    .expect("a snapshot")
}

/// Tells what the state holds, and decides as the model does.
fn decide(state: PageState, lines: &[Line], told: &mut String) -> PageResult {
    let mut result = PageResult::default();
    let PageState { live, mut files, unchanged, waiting, mut ledger, counters, .. } = state;
    let unchanged: BTreeSet<String> = unchanged.into_iter().collect();
    let _ = write!(told, "live {live}");
    for line in lines {
        let id = format!("OD{}", line.order);
        let waits: Vec<(i64, &str)> =
            waiting.get(&id).into_iter().flatten().map(|(id, fact)| (*id, fact.cause.as_str())).collect();
        if unchanged.contains(&id) {
            let _ = write!(told, "; {} unchanged", line.order);
        } else if let Some(file) = files.get(&id) {
            let _ = write!(told, "; {} touched {} waiting {waits:?}", line.order, file.order.attention.len());
        } else {
            let _ = write!(told, "; {} unknown waiting {waits:?}", line.order);
        }
    }
    for line in lines {
        let id = format!("OD{}", line.order);
        if let Some(mut file) = files.remove(&id) {
            if line.stock {
                let at = &("DEL1".into(), "A".into());
                ledger.change_stock(at, |stock| stock.on_hand += 1);
                let _ = write!(told, "; stock {}", ledger.stock(at).on_hand);
            }
            if line.draw
                && let Some(number) = ledger.draw(&("DEL1".into(), SequenceKind::SaleInvoice), NOW)
            {
                let _ = write!(told, "; number {number}");
            }
            if line.touch {
                file.order.attention.push("touched".into());
                result.changes.push(Change {
                    order: file.order.code.clone(),
                    channel: file.order.channel.clone(),
                    at: NOW,
                    run: "R1".into(),
                    connector: "test 1".into(),
                    row: "D3".into(),
                    code: None,
                    message: "touched".into(),
                    observation: None,
                    waited: None,
                    effects: Vec::new(),
                });
                result.files.push(file);
            }
        }
        if line.number {
            let _ = write!(told, "; {}", ledger.putaway_code());
        }
        if line.unpark {
            result.unpark.extend(waiting.get(&id).into_iter().flatten().map(|(id, _)| *id));
        }
        if let Some(cause) = line.park {
            let fact = json!({"cause": cause, "order": id, "observation": {"order": id}});
            result.park.push(serde_json::from_value(fact).expect("a fact"));
        }
        if line.remember {
            result.seen.push((id, line.fingerprint));
        }
    }
    result.ledger = ledger.changes(counters);
    result
}

impl Engine {
    pub(crate) fn new(name: Name, store: Arc<dyn Store>) -> Engine {
        Engine { name, store, fences: Vec::new(), runs: Vec::new(), holders: 0 }
    }

    pub(crate) async fn answer(&mut self, operation: &Operation) -> Answer {
        match self.asked(operation).await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                let kind = kind(&error);
                assert_ne!(kind, "another error", "{} on {operation:?}: {error} {error:?}", self.name);
                Err(kind)
            }
        }
    }

    /// The place of a run among those that were begun: ids are the engine's own, and one may be given again.
    fn place(&self, run: RunId) -> Past {
        self.runs.iter().rposition(|known| *known == run).expect("a run that was begun here")
    }

    fn new_run(tenant: Name, channel: Name, task: Option<Task>) -> NewRun {
        NewRun {
            tenant: tenant.into(),
            channel: channel.into(),
            task,
            trigger: Trigger::Timer,
            started_at: NOW,
            request_key: None,
            only_if_due: false,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one line or two for each thing that may be asked")]
    async fn asked(&mut self, operation: &Operation) -> Result<String, StoreError> {
        let store = Arc::clone(&self.store);
        let done = |()| String::new();
        let (t, c) = (|name: &Name| TenantCode::from(*name), |name: &Name| ChannelCode::from(*name));
        match operation {
            Operation::AddTenant(tenant) => store.add_tenant(&t(tenant)).await.map(done),
            Operation::SetLive(tenant, live) => store.set_live(&t(tenant), *live).await.map(done),
            Operation::RemoveTenant(tenant) => store.remove_tenant(&t(tenant)).await.map(done),
            Operation::Tenants => {
                Ok(list(store.tenants().await?.iter().map(|row| (row.code.as_str(), row.live))))
            }
            Operation::Import { tenant, connector, both } => {
                store.import(snapshot(tenant, connector, *both), BTreeMap::new()).await.map(done)
            }
            Operation::Export(tenant) => {
                let mut text = Vec::new();
                store.export(&t(tenant), NOW, &mut text).await?;
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            Operation::PutChannel { tenant, channel, connector, enabled, trust } => {
                let new = json!({"code": channel, "connector": connector, "enabled": enabled,
                    "default_facility": "DEL1", "trust_delivery": trust});
                store
                    .put_channel(&t(tenant), &serde_json::from_value(new).expect("a channel"))
                    .await
                    .map(done)
            }
            Operation::EnableChannel(tenant, channel, enabled) => {
                store.enable_channel(&t(tenant), &c(channel), *enabled).await.map(done)
            }
            Operation::Claim { tenant, channel, holds, begins } => {
                self.holders += 1;
                let holder = self.holders.to_string();
                let ttl = if *holds { LONG } else { 0 };
                let run = match begins {
                    Begins::Nothing => None,
                    Begins::Run(task) => Some(Engine::new_run(tenant, channel, *task)),
                };
                match store.claim(&t(tenant), &c(channel), &holder, ttl, run.as_ref()).await? {
                    Claim::Got(fence, run) => {
                        let mut text = format!("got {}", fence.epoch);
                        self.fences.push(fence);
                        if let Some(run) = run {
                            let _ = write!(text, " run {}", self.runs.len());
                            self.runs.push(run);
                        }
                        Ok(text)
                    }
                    Claim::Held { holder, .. } => Ok(format!("held by {holder}")),
                    other @ (Claim::Wanted | Claim::NotDue) => Ok(format!("{other:?}")),
                }
            }
            Operation::Renew(fence, holds) => {
                store.renew(&self.fences[*fence], if *holds { LONG } else { 0 }).await.map(done)
            }
            Operation::Release(fence) => store.release(&self.fences[*fence]).await.map(done),
            Operation::EnsureTasks(tenant, channel, at) => {
                let tasks = TASKS.map(|task| NewTask::usual(task, *at));
                store.ensure_tasks(&t(tenant), &c(channel), &tasks).await.map(done)
            }
            Operation::SetTask(tenant, channel, task, enabled, next) => {
                let edit = TaskEdit { enabled: *enabled, next_run_at: *next, ..TaskEdit::default() };
                store.set_task(&t(tenant), &c(channel), *task, edit).await.map(done)
            }
            Operation::Tasks(tenant, channel) => {
                let filter = TaskFilter { tenant: tenant.as_ref().map(t), channel: channel.as_ref().map(c) };
                let mut text = String::new();
                for row in store.tasks(&filter).await? {
                    let running = row.running.map(|run| self.place(run));
                    let last = row.last.map(|last| (self.place(last.run), last.result));
                    let _ = writeln!(
                        text,
                        "{} {} {} {} {} {} {} {running:?} {last:?} {} {} {:?}",
                        row.tenant,
                        row.channel,
                        row.task,
                        row.connector,
                        row.enabled,
                        row.interval_ms,
                        row.next_run_at,
                        row.consecutive_failures,
                        row.mark.is_some(),
                        row.complete_until
                    );
                }
                Ok(text)
            }
            Operation::Due(at, full) => {
                let full = Full { tenants: full.iter().map(t).collect(), ..Full::default() };
                let due = store.due_tasks(*at, &full, 100).await?;
                let due: BTreeSet<String> = due
                    .iter()
                    .map(|due| {
                        format!(
                            "{} {} {} {} {}",
                            due.connector, due.next_run_at, due.tenant, due.channel, due.task
                        )
                    })
                    .collect();
                Ok(format!("{due:?}"))
            }
            Operation::Freshness(at) => {
                let fresh = store.freshness(*at).await?;
                let fresh: BTreeMap<String, (u64, i64)> = fresh
                    .iter()
                    .map(|row| (format!("{} {}", row.connector, row.task), (row.late, row.oldest_ms)))
                    .collect();
                Ok(format!("{fresh:?}"))
            }
            Operation::StartRun(tenant, channel, task) => {
                let run = store.start_run(&Engine::new_run(tenant, channel, *task)).await?;
                self.runs.push(run);
                Ok(format!("run {}", self.runs.len() - 1))
            }
            Operation::FinishRun { run, fence, result, applied, until, due } => {
                let end = RunEnd {
                    ended_at: NOW,
                    result: *result,
                    message: "done".into(),
                    counts: Counts { applied: *applied, ..Counts::default() },
                    calls: 1,
                    retries: 0,
                    next_run_at: Some(DueAgain { was: *due, at: *due + 60_000 }),
                    complete_until: *until,
                    orders: Vec::new(),
                    failed_call: None,
                    timeline: None,
                };
                let fence = fence.map(|fence| &self.fences[fence]);
                store.finish_run(self.runs[*run], &end, fence).await.map(done)
            }
            Operation::Runs(tenant, channel, task, limit) => {
                let filter = RunFilter {
                    tenant: tenant.as_ref().map(t),
                    channel: channel.as_ref().map(c),
                    task: *task,
                };
                let runs = store.runs(&filter, None, *limit).await?;
                Ok(list(runs.iter().map(|run| (self.place(run.id), run.result, run.counts.applied))))
            }
            Operation::Run(run) => {
                let found = store.run(self.runs[*run]).await?;
                let (run, lines) = found.ok_or_else(|| StoreError::NotFound("run".to_owned()))?;
                Ok(format!("{:?} {} {} lines", run.result, run.counts.applied, lines.len()))
            }
            Operation::Page { fence, lines, mark, run, keep } => {
                let keys = PageKeys {
                    orders: lines
                        .iter()
                        .map(|line| (format!("OD{}", line.order), line.fingerprint))
                        .collect(),
                    now: NOW,
                    run: run.map(|run| self.runs[run]),
                    ..PageKeys::default()
                };
                let mark = mark.map(|task| (task, Mark::complete_until(NOW)));
                let (lines, told) = (lines.clone(), Arc::new(Mutex::new(String::new())));
                let telling = Arc::clone(&told);
                let decide = Box::new(move |state: PageState| {
                    let mut told = telling.lock().expect("nobody panics");
                    // Only the last decision about a page counts.
                    told.clear();
                    let mark = mark.clone();
                    let kept = vec![RunLine { order: "OD1".into(), ..RunLine::default() }];
                    PageResult { mark, lines: kept, ..decide(state, &lines, &mut told) }
                });
                let mode = if *keep { Mode::Commit } else { Mode::Rehearse };
                store.apply_page(&self.fences[*fence], keys, mode, decide).await?;
                let told = told.lock().expect("nobody panics").clone();
                Ok(told)
            }
            Operation::Edit { tenant, order, touch, keep } => {
                let line = Line {
                    order: *order,
                    fingerprint: None,
                    touch: *touch,
                    park: None,
                    unpark: false,
                    remember: false,
                    stock: true,
                    draw: false,
                    number: false,
                };
                let told = Arc::new(Mutex::new(String::new()));
                let telling = Arc::clone(&told);
                let decide = Box::new(move |state: PageState| {
                    decide(state, &[line], &mut telling.lock().expect("nobody panics"))
                });
                let mode = if *keep { Mode::Commit } else { Mode::Rehearse };
                store.edit_order(&t(tenant), &format!("O{order}").into(), NOW, mode, decide).await?;
                let told = told.lock().expect("nobody panics").clone();
                Ok(told)
            }
            Operation::Orders(tenant) => {
                let mut text = String::new();
                for row in store.orders(&t(tenant), &OrderFilter::default(), None, 100).await? {
                    let _ = writeln!(text, "{} {} {}", row.code, row.waiting, row.changed_at == Some(NOW));
                }
                Ok(text)
            }
            Operation::Parked(tenant, channel) => {
                let filter = ParkedFilter { channel: channel.as_ref().map(c), ..ParkedFilter::default() };
                let rows = store.parked(&t(tenant), &filter, None, 1_000).await?;
                Ok(list(rows.iter().map(|row| {
                    let channel = row.parked.channel.as_ref().map_or("", |channel| channel.as_str());
                    let order: u32 = row.parked.order.trim_start_matches("OD").parse().expect("a number");
                    (row.id, channel, order, row.parked.cause.as_str())
                })))
            }
            Operation::Waiting(tenant, channel) => {
                let waiting = store.waiting_orders(&t(tenant), &c(channel), None, 100).await?;
                Ok(format!("{:?}", waiting.into_iter().collect::<BTreeSet<_>>()))
            }
            Operation::History(tenant, order) => {
                Ok(store.history(&t(tenant), &format!("O{order}").into()).await?.len().to_string())
            }
            Operation::SetOnHand(tenant, sku, on_hand) => {
                let row = store.set_on_hand(&t(tenant), &"DEL1".into(), &(*sku).into(), *on_hand).await?;
                Ok(format!("{:?}", (row.on_hand, row.blocked)))
            }
            Operation::Stock(tenant) => {
                let stock = store.stock(&t(tenant)).await?;
                let rows: BTreeMap<&str, (i64, i64)> =
                    stock.iter().map(|row| (row.sku.as_str(), (row.on_hand, row.blocked))).collect();
                Ok(format!("{rows:?}"))
            }
            Operation::PutSecret(tenant, channel, name) => {
                let secret = BTreeMap::from([((*name).to_owned(), Secret::from("s"))]);
                store.put_secrets(&t(tenant), &c(channel), &secret).await.map(done)
            }
            Operation::Secrets(tenant, channel) => {
                let names = store.secret_names(&t(tenant), &c(channel)).await?;
                let opened = store.secrets(&t(tenant), &c(channel)).await?;
                assert!(opened.keys().eq(&names) && opened.values().all(|secret| secret.reveal() == "s"));
                let token = store.token(&t(tenant), &c(channel)).await?;
                Ok(format!("{names:?} {:?}", token.map(|(_, expires_at)| expires_at)))
            }
            Operation::PutToken(fence, at) => {
                store.put_token(&self.fences[*fence], &"bearer".into(), *at).await.map(done)
            }
            Operation::ForgetToken(tenant, channel) => {
                store.forget_token(&t(tenant), &c(channel)).await.map(done)
            }
            Operation::Reserve(account, at) => {
                let (account, operation) = ((*account).to_owned(), "search".to_owned());
                let call =
                    Call { account, operation, interval_ms: 1_000, burst: 3, patience_ms: 5_000, now: *at };
                Ok(match store.reserve(call, None).await? {
                    Slot::Taken(wait) => format!("taken {wait}"),
                    Slot::TooFar(wait) => format!("too far {wait}"),
                })
            }
            Operation::PutBreaker(subject, body) => store.put_breaker(subject, body).await.map(done),
            Operation::DropBreaker(subject) => store.drop_breaker(subject).await.map(done),
            Operation::Breakers => Ok(format!("{:?}", store.breakers(None).await?)),
        }
    }

    /// How many runs were begun.
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }
}
