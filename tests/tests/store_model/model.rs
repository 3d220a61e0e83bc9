//! What a store is supposed to do, in memory and in the plainest way. It knows nothing of transactions, clocks or SQL.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use plugin_api::Task;
use statusync::storage::RunResult;

use super::operations::{Begins, Line, NOW, Name, ORDERS, Operation, Past, TASKS};

const QUIET_KEPT: usize = 30;

#[derive(Default)]
pub(crate) struct Model {
    tenants: BTreeMap<Name, Tenant>,
    runs: Vec<Option<Run>>,
    fences: Vec<Fence>,
    holders: usize,
    buckets: BTreeMap<Name, i64>,
    breakers: BTreeMap<Name, Name>,
}

#[derive(Clone, Default)]
struct Tenant {
    live: bool,
    has_series: bool,
    next_number: u64,
    putaways: u64,
    stock: BTreeMap<Name, (i64, i64)>,
    channels: BTreeMap<Name, Channel>,
    orders: BTreeMap<u32, Order>,
    parked: BTreeMap<i64, (Name, u32, Name)>,
    history: Vec<u32>,
}

#[derive(Clone)]
struct Channel {
    connector: Name,
    enabled: bool,
    trust: bool,
    epoch: i64,
    holder: usize,
    is_held: bool,
    tasks: BTreeMap<Task, Scheduled>,
    secrets: BTreeSet<Name>,
    token: Option<i64>,
}

#[derive(Clone)]
struct Scheduled {
    enabled: bool,
    interval: i64,
    next: i64,
    running: Option<Past>,
    last: Option<(Past, RunResult)>,
    failures: u32,
    mark: bool,
    until: Option<i64>,
}

#[derive(Clone)]
struct Order {
    channel: Name,
    touched: usize,
    seen: Option<u64>,
    is_changed: bool,
}

struct Run {
    tenant: Name,
    channel: Name,
    task: Option<Task>,
    result: Option<RunResult>,
    applied: u64,
    is_quiet: bool,
    lines: usize,
}

#[derive(Clone)]
struct Fence {
    tenant: Name,
    channel: Name,
    holder: usize,
    epoch: i64,
}

pub(crate) type Answer = Result<String, &'static str>;

const NONE: &str = "NotFound";

impl Model {
    pub(crate) fn fences(&self) -> usize {
        self.fences.len()
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// Whether a run is still there; those that are gone may not be asked for by id, since ids are the engine's business.
    pub(crate) fn has_run(&self, run: Past) -> bool {
        self.runs[run].is_some()
    }

    pub(crate) fn is_held(&self, tenant: Name, channel: Name) -> bool {
        self.tenants
            .get(tenant)
            .and_then(|tenant| tenant.channels.get(channel))
            .is_some_and(|channel| channel.is_held)
    }

    /// Whether a fence and a run are of one channel, as whoever ends a run has them.
    pub(crate) fn fits(&self, fence: Past, run: Past) -> bool {
        let fence = &self.fences[fence];
        self.runs[run].as_ref().is_some_and(|run| (run.tenant, run.channel) == (fence.tenant, fence.channel))
    }

    fn tenant(&mut self, tenant: Name) -> Result<&mut Tenant, &'static str> {
        self.tenants.get_mut(tenant).ok_or(NONE)
    }

    fn channel(&mut self, tenant: Name, channel: Name) -> Result<&mut Channel, &'static str> {
        self.tenants.get_mut(tenant).and_then(|tenant| tenant.channels.get_mut(channel)).ok_or(NONE)
    }

    /// What a store answers; `None` if only the engines know.
    pub(crate) fn answer(&mut self, operation: &Operation) -> Option<Answer> {
        if let Operation::Export(tenant) = operation {
            return if self.tenants.contains_key(tenant) { None } else { Some(Err(NONE)) };
        }
        Some(self.known(operation))
    }

    #[expect(clippy::too_many_lines, reason = "one line or two for each thing that may be asked")]
    fn known(&mut self, operation: &Operation) -> Answer {
        let done = || Ok(String::new());
        match operation {
            Operation::AddTenant(tenant) => {
                if self.tenants.contains_key(tenant) {
                    return Err("Exists");
                }
                self.tenants.insert(tenant, Tenant::default());
                done()
            }
            Operation::SetLive(tenant, live) => {
                self.tenant(tenant)?.live = *live;
                done()
            }
            Operation::RemoveTenant(tenant) => {
                self.tenants.remove(tenant).ok_or(NONE)?;
                self.forget_runs(tenant, None);
                done()
            }
            Operation::Tenants => Ok(format!(
                "{:?}",
                self.tenants.iter().map(|(code, tenant)| (code, tenant.live)).collect::<Vec<_>>()
            )),
            Operation::Import { tenant, connector, both } => self.import(tenant, connector, *both),
            Operation::Export(_) => done(),
            Operation::PutChannel { tenant, channel, connector, enabled, trust } => {
                self.put_channel(tenant, channel, connector, (*enabled, *trust))
            }
            Operation::EnableChannel(tenant, channel, enabled) => {
                self.channel(tenant, channel)?.enabled = *enabled;
                done()
            }
            Operation::Claim { tenant, channel, holds, begins } => {
                self.claim(tenant, channel, *holds, *begins)
            }
            Operation::Renew(fence, holds) => {
                self.held(*fence)?.is_held = *holds;
                done()
            }
            Operation::Release(fence) => {
                self.release(*fence);
                done()
            }
            Operation::EnsureTasks(tenant, channel, at) => {
                let channel = self.channel(tenant, channel)?;
                for task in TASKS {
                    channel.tasks.entry(task).or_insert(Scheduled {
                        enabled: true,
                        interval: if task == Task::Status { 600_000 } else { 2_400_000 },
                        next: *at,
                        running: None,
                        last: None,
                        failures: 0,
                        mark: false,
                        until: None,
                    });
                }
                done()
            }
            Operation::SetTask(tenant, channel, task, enabled, next) => {
                let task = self.channel(tenant, channel)?.tasks.get_mut(task).ok_or(NONE)?;
                task.enabled = enabled.unwrap_or(task.enabled);
                task.next = next.unwrap_or(task.next);
                done()
            }
            Operation::Tasks(tenant, channel) => Ok(self.tasks(*tenant, *channel)),
            Operation::Due(at, full) => Ok(self.due(*at, *full)),
            Operation::Freshness(at) => Ok(self.freshness(*at)),
            Operation::StartRun(tenant, channel, task) => {
                self.channel(tenant, channel)?;
                Ok(format!("run {}", self.begin(tenant, channel, *task)))
            }
            Operation::FinishRun { run, fence, result, applied, until, due } => {
                if let Some(fence) = fence {
                    if self.latest(*fence).is_none() {
                        self.end_passed(*run, *applied);
                        return Err("LeaseLost");
                    }
                    self.release(*fence);
                }
                self.end(*run, *result, (*applied, *until, Some(*due)));
                done()
            }
            Operation::Runs(tenant, channel, task, limit) => {
                Ok(self.list_runs((*tenant, *channel, *task), *limit as usize))
            }
            Operation::Run(run) => {
                let run = self.runs[*run].as_ref().ok_or(NONE)?;
                Ok(format!("{:?} {} {} lines", run.result, run.applied, run.lines))
            }
            Operation::Page { fence, lines, mark, run, keep } => {
                self.page(*fence, lines, (*mark, *run), *keep)
            }
            Operation::Edit { tenant, order, touch, keep } => self.edit(tenant, *order, *touch, *keep),
            Operation::Orders(tenant) => Ok(self.tenants.get(tenant).map_or(String::new(), Tenant::list)),
            Operation::Parked(tenant, channel) => {
                let parked = self.tenants.get(tenant).into_iter().flat_map(|tenant| &tenant.parked);
                let of = parked.filter(|(_, (of, ..))| channel.is_none_or(|channel| channel == *of));
                Ok(format!(
                    "{:?}",
                    of.map(|(id, (channel, order, cause))| (id, channel, order, cause)).collect::<Vec<_>>()
                ))
            }
            Operation::Waiting(tenant, channel) => {
                let Some(tenant) = self.tenants.get(tenant) else { return Ok("{}".to_owned()) };
                let is_known =
                    |order: &u32| tenant.orders.get(order).is_some_and(|of| of.channel == *channel);
                let may = tenant.parked.values().filter(|(of, order, cause)| {
                    of == channel && (*cause != "UNKNOWN_ORDER" || is_known(order))
                });
                Ok(format!("{:?}", may.map(|(_, order, _)| format!("OD{order}")).collect::<BTreeSet<_>>()))
            }
            Operation::History(tenant, order) => {
                let lines = self
                    .tenants
                    .get(tenant)
                    .map_or(0, |tenant| tenant.history.iter().filter(|of| *of == order).count());
                Ok(lines.to_string())
            }
            Operation::SetOnHand(tenant, sku, on_hand) => {
                let row = self.tenant(tenant)?.stock.entry(sku).or_default();
                row.0 = *on_hand;
                Ok(format!("{row:?}"))
            }
            Operation::Stock(tenant) => {
                let stock = self.tenants.get(tenant).map(|tenant| tenant.stock.clone()).unwrap_or_default();
                Ok(format!("{stock:?}"))
            }
            Operation::PutSecret(tenant, channel, name) => {
                self.channel(tenant, channel)?.secrets.insert(name);
                done()
            }
            Operation::Secrets(tenant, channel) => {
                let channel = self.channel(tenant, channel).ok().cloned();
                let (secrets, token) =
                    channel.map(|channel| (channel.secrets, channel.token)).unwrap_or_default();
                Ok(format!("{secrets:?} {token:?}"))
            }
            Operation::PutToken(fence, at) => {
                self.latest(*fence).ok_or("LeaseLost")?.token = Some(*at);
                done()
            }
            Operation::ForgetToken(tenant, channel) => {
                if let Ok(channel) = self.channel(tenant, channel) {
                    channel.token = None;
                }
                done()
            }
            Operation::Reserve(account, at) => Ok(self.reserve(account, *at)),
            Operation::PutBreaker(subject, body) => {
                self.breakers.insert(subject, body);
                done()
            }
            Operation::DropBreaker(subject) => {
                self.breakers.remove(subject);
                done()
            }
            Operation::Breakers => Ok(format!("{:?}", self.breakers.values().collect::<Vec<_>>())),
        }
    }

    fn import(&mut self, code: Name, connector: Name, both: bool) -> Answer {
        let tenant = self.tenants.entry(code).or_default();
        if tenant.channels.values().any(|channel| channel.is_held) {
            return Err("Busy");
        }
        let comes = [("FK1", Some(connector)), ("AZ1", both.then_some("amazon"))];
        let mut lost = Vec::new();
        for (name, now) in comes {
            match (tenant.channels.get_mut(name), now) {
                (Some(channel), Some(now)) => {
                    if channel.connector != now {
                        channel.tasks.clear();
                        channel.secrets.clear();
                        channel.token = None;
                        lost.push(name);
                    }
                    for task in channel.tasks.values_mut() {
                        (task.mark, task.until) = (false, None);
                    }
                    (channel.connector, channel.enabled, channel.trust) = (now, true, false);
                }
                (None, Some(now)) => {
                    tenant.channels.insert(name, Channel::new(now, true, false));
                }
                (Some(_), None) => {
                    tenant.channels.remove(name);
                    lost.push(name);
                }
                (None, None) => {}
            }
        }
        (tenant.live, tenant.has_series, tenant.next_number, tenant.putaways) = (true, true, 1, 0);
        tenant.stock = BTreeMap::from([("A", (50, 2))]);
        tenant.parked.clear();
        tenant.history.clear();
        let of = |order: u32| if order <= 4 { "FK1" } else { "AZ1" };
        tenant.orders = (1..=ORDERS)
            .filter(|order| both || of(*order) == "FK1")
            .map(|order| (order, Order { channel: of(order), touched: 0, seen: None, is_changed: false }))
            .collect();
        for channel in lost {
            self.forget_runs(code, Some(channel));
        }
        Ok(String::new())
    }

    fn forget_runs(&mut self, tenant: Name, channel: Option<Name>) {
        for run in &mut self.runs {
            let is_of =
                |run: &Run| run.tenant == tenant && channel.is_none_or(|channel| run.channel == channel);
            if run.as_ref().is_some_and(is_of) {
                *run = None;
            }
        }
    }

    fn put_channel(
        &mut self,
        tenant: Name,
        code: Name,
        connector: Name,
        (enabled, trust): (bool, bool),
    ) -> Answer {
        let tenant = self.tenant(tenant)?;
        match tenant.channels.get_mut(code) {
            None => {
                tenant.channels.insert(code, Channel::new(connector, enabled, trust));
            }
            Some(channel) => {
                if (channel.connector, channel.trust) != (connector, trust) {
                    for order in tenant.orders.values_mut().filter(|order| order.channel == code) {
                        order.seen = None;
                    }
                }
                (channel.connector, channel.enabled, channel.trust) = (connector, enabled, trust);
            }
        }
        Ok(String::new())
    }

    fn claim(&mut self, tenant: Name, code: Name, holds: bool, begins: Begins) -> Answer {
        self.holders += 1;
        let holder = self.holders;
        let channel = self.channel(tenant, code)?;
        if channel.is_held {
            return Ok(format!("held by {}", channel.holder));
        }
        channel.epoch += 1;
        (channel.holder, channel.is_held) = (holder, holds);
        let epoch = channel.epoch;
        self.fences.push(Fence { tenant, channel: code, holder, epoch });
        let Begins::Run(task) = begins else { return Ok(format!("got {epoch}")) };
        for at in 0..self.runs.len() {
            let is_of = |run: &Run| (run.tenant, run.channel) == (tenant, code) && run.result.is_none();
            if self.runs[at].as_ref().is_some_and(is_of) {
                self.end(at, RunResult::Failed, (0, None, None));
            }
        }
        Ok(format!("got {epoch} run {}", self.begin(tenant, code, task)))
    }

    fn begin(&mut self, tenant: Name, code: Name, task: Option<Task>) -> Past {
        let run = self.runs.len();
        let (result, applied, is_quiet, lines) = (None, 0, false, 0);
        self.runs.push(Some(Run { tenant, channel: code, task, result, applied, is_quiet, lines }));
        if let Some(task) = task
            && let Ok(channel) = self.channel(tenant, code)
            && let Some(scheduled) = channel.tasks.get_mut(&task)
        {
            scheduled.running = Some(run);
        }
        run
    }

    fn end(&mut self, at: Past, result: RunResult, (applied, until, due): (u64, Option<i64>, Option<i64>)) {
        let Some(run) = self.runs[at].as_mut().filter(|run| run.result.is_none()) else { return };
        (run.result, run.applied) = (Some(result), applied);
        run.is_quiet = matches!(result, RunResult::Success | RunResult::Skipped) && applied == 0;
        let (tenant, code, task, is_quiet) = (run.tenant, run.channel, run.task, run.is_quiet);
        let Some(task) = task else { return };
        if is_quiet {
            let is_of =
                |run: &Run| run.is_quiet && (run.tenant, run.channel, run.task) == (tenant, code, Some(task));
            let quiet = self.runs.iter().enumerate().filter(|(_, run)| run.as_ref().is_some_and(is_of));
            let quiet: Vec<Past> = quiet.map(|(at, _)| at).collect();
            for old in quiet.iter().rev().skip(QUIET_KEPT) {
                self.runs[*old] = None;
            }
        }
        let Ok(channel) = self.channel(tenant, code) else { return };
        let Some(scheduled) = channel.tasks.get_mut(&task) else { return };
        if scheduled.running == Some(at) {
            scheduled.running = None;
        }
        scheduled.last = Some((at, result));
        if due == Some(scheduled.next) {
            scheduled.next += 60_000;
        }
        scheduled.until = scheduled.until.max(until);
        scheduled.failures = match result {
            RunResult::Failed => scheduled.failures + 1,
            RunResult::Skipped => scheduled.failures,
            RunResult::Success | RunResult::Partial => 0,
        };
    }

    /// The end of a run whose channel somebody else has claimed since: its task is the other's business.
    fn end_passed(&mut self, at: Past, applied: u64) {
        let Some(run) = self.runs[at].as_mut().filter(|run| run.result.is_none()) else { return };
        (run.result, run.applied) = (Some(RunResult::Failed), applied);
        let (tenant, code, task) = (run.tenant, run.channel, run.task);
        let Ok(channel) = self.channel(tenant, code) else { return };
        if let Some(scheduled) = task.and_then(|task| channel.tasks.get_mut(&task))
            && scheduled.running == Some(at)
        {
            scheduled.running = None;
        }
    }

    fn reserve(&mut self, account: Name, at: i64) -> String {
        let empty = at + 3_000;
        let full_at = self.buckets.entry(account).or_insert(0);
        // Further than any wait that is put up with: the clock was set back.
        *full_at = if *full_at > empty + 900_000 { empty } else { (*full_at).max(at) };
        let wait = (*full_at + 1_000 - empty).max(0);
        if wait > 5_000 {
            return format!("too far {wait}");
        }
        *full_at += 1_000;
        format!("taken {wait}")
    }

    /// The channel of a fence, unless somebody else has claimed it since; the lease may have run out.
    fn latest(&mut self, fence: Past) -> Option<&mut Channel> {
        let fence = self.fences[fence].clone();
        self.channel(fence.tenant, fence.channel)
            .ok()
            .filter(|channel| (channel.holder, channel.epoch) == (fence.holder, fence.epoch))
    }

    fn held(&mut self, fence: Past) -> Result<&mut Channel, &'static str> {
        let fence = self.fences[fence].clone();
        self.channel(fence.tenant, fence.channel)
            .ok()
            .filter(|channel| {
                channel.is_held && (channel.holder, channel.epoch) == (fence.holder, fence.epoch)
            })
            .ok_or("LeaseLost")
    }

    fn release(&mut self, fence: Past) {
        if let Ok(channel) = self.held(fence) {
            channel.is_held = false;
        }
    }

    fn tasks(&self, tenant: Option<Name>, channel: Option<Name>) -> String {
        let mut text = String::new();
        for (code, of) in self.tenants.iter().filter(|(code, _)| tenant.is_none_or(|tenant| tenant == **code))
        {
            for (name, of) in
                of.channels.iter().filter(|(name, _)| channel.is_none_or(|channel| channel == **name))
            {
                for (task, row) in &of.tasks {
                    let Scheduled { enabled, interval, next, running, last, failures, mark, until } = row;
                    let connector = of.connector;
                    let _ = writeln!(
                        text,
                        "{code} {name} {task} {connector} {enabled} {interval} {next} {running:?} {last:?} {failures} {mark} {until:?}"
                    );
                }
            }
        }
        text
    }

    fn due(&self, at: i64, full: Option<Name>) -> String {
        let mut due = BTreeSet::new();
        for (code, tenant) in self.tenants.iter().filter(|(code, _)| full != Some(**code)) {
            for (name, channel) in
                tenant.channels.iter().filter(|(_, channel)| channel.enabled && !channel.is_held)
            {
                let tasks = channel.tasks.iter().filter(|(_, row)| row.enabled && row.next <= at);
                due.extend(
                    tasks.map(|(task, row)| {
                        format!("{} {} {code} {name} {task}", channel.connector, row.next)
                    }),
                );
            }
        }
        format!("{due:?}")
    }

    fn freshness(&self, at: i64) -> String {
        let mut fresh: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for channel in self.tenants.values().flat_map(|tenant| tenant.channels.values()) {
            for (task, row) in channel.tasks.iter().filter(|(_, row)| row.enabled) {
                let age = at - row.until.unwrap_or(row.next);
                let of = fresh.entry(format!("{} {task}", channel.connector)).or_insert((0, 0));
                of.0 += u64::from(age > 2 * row.interval);
                of.1 = of.1.max(age);
            }
        }
        format!("{fresh:?}")
    }

    fn list_runs(
        &self,
        (tenant, channel, task): (Option<Name>, Option<Name>, Option<Task>),
        limit: usize,
    ) -> String {
        let of = |run: &&(Past, &Run)| {
            tenant.is_none_or(|tenant| tenant == run.1.tenant)
                && channel.is_none_or(|channel| channel == run.1.channel)
                && task.is_none_or(|task| run.1.task == Some(task))
        };
        let all: Vec<(Past, &Run)> =
            self.runs.iter().enumerate().filter_map(|(at, run)| Some((at, run.as_ref()?))).collect();
        let listed = all.iter().rev().filter(of).take(limit);
        format!("{:?}", listed.map(|(at, run)| (at, run.result, run.applied)).collect::<Vec<_>>())
    }

    fn page(
        &mut self,
        fence: Past,
        lines: &[Line],
        (mark, run): (Option<Task>, Option<Past>),
        keep: bool,
    ) -> Answer {
        self.held(fence)?;
        let Fence { tenant, channel, .. } = self.fences[fence].clone();
        let before = self.tenants.get(tenant).cloned().expect("a held channel has a tenant");
        let mut after = before;
        let told = after.decide(channel, lines, true);
        if let Some(task) = mark {
            let scheduled = after.channels.get_mut(channel).and_then(|channel| channel.tasks.get_mut(&task));
            let scheduled = scheduled.ok_or(NONE)?;
            (scheduled.mark, scheduled.until) = (true, scheduled.until.max(Some(NOW)));
        }
        if keep {
            self.tenants.insert(tenant, after);
            if let Some(run) = run.and_then(|run| self.runs[run].as_mut()) {
                run.lines += 1;
            }
        }
        Ok(told)
    }

    fn edit(&mut self, tenant: Name, order: u32, touch: bool, keep: bool) -> Answer {
        let of = self.tenants.get(tenant).ok_or(NONE)?;
        let channel = of.orders.get(&order).ok_or(NONE)?.channel;
        let mut after = of.clone();
        let line = Line {
            order,
            fingerprint: None,
            touch,
            park: None,
            unpark: false,
            remember: false,
            stock: true,
            draw: false,
            number: false,
        };
        let told = after.decide(channel, &[line], false);
        after.orders.get_mut(&order).expect("it is there").seen = None;
        if keep {
            self.tenants.insert(tenant, after);
        }
        Ok(told)
    }
}

impl Channel {
    fn new(connector: Name, enabled: bool, trust: bool) -> Channel {
        Channel {
            connector,
            enabled,
            trust,
            epoch: 0,
            holder: 0,
            is_held: false,
            tasks: BTreeMap::new(),
            secrets: BTreeSet::new(),
            token: None,
        }
    }
}

impl Tenant {
    fn list(&self) -> String {
        let mut text = String::new();
        for (order, row) in &self.orders {
            let waiting =
                self.parked.values().filter(|(of, id, _)| (*of, id) == (row.channel, order)).count();
            let _ = writeln!(text, "O{order} {waiting} {}", row.is_changed);
        }
        text
    }

    /// What the decision is told, and what it then does.
    fn decide(&mut self, channel: Name, lines: &[Line], is_page: bool) -> String {
        let mut told = format!("live {}", self.live);
        let mut loaded = Vec::new();
        for line in lines {
            let waiting: Vec<(i64, Name)> = self
                .parked
                .iter()
                .filter(|(_, (of, order, _))| *of == channel && *order == line.order)
                .map(|(id, (.., cause))| (*id, *cause))
                .collect();
            let order = self.orders.get(&line.order).filter(|order| order.channel == channel);
            let is_same = |order: &&Order| {
                line.fingerprint.is_some() && order.seen == line.fingerprint && waiting.is_empty()
            };
            match order {
                Some(order) if is_same(&order) => {
                    let _ = write!(told, "; {} unchanged", line.order);
                }
                Some(order) => {
                    let _ = write!(told, "; {} touched {} waiting {waiting:?}", line.order, order.touched);
                    loaded.push(line.order);
                }
                None => {
                    let _ = write!(told, "; {} unknown waiting {waiting:?}", line.order);
                }
            }
        }
        let mut parks = Vec::new();
        for line in lines {
            if loaded.contains(&line.order) {
                if line.stock {
                    let row = self.stock.entry("A").or_default();
                    row.0 += 1;
                    let _ = write!(told, "; stock {}", row.0);
                }
                if line.draw && self.has_series {
                    let _ = write!(told, "; number INV/{:04}", self.next_number);
                    self.next_number += 1;
                }
                if line.touch {
                    let order = self.orders.get_mut(&line.order).expect("it was loaded");
                    order.touched += 1;
                    order.is_changed = true;
                    order.seen = line.fingerprint.filter(|_| line.remember && is_page);
                    self.history.push(line.order);
                }
            }
            if line.number {
                self.putaways += 1;
                let _ = write!(told, "; PA{}", self.putaways);
            }
            if line.unpark {
                self.parked.retain(|_, (of, order, _)| !(*of == channel && *order == line.order));
            }
            if let Some(cause) = line.park {
                parks.push((channel, line.order, cause));
            }
            if line.remember
                && is_page
                && !(line.touch && loaded.contains(&line.order))
                && let Some(order) = self.orders.get_mut(&line.order).filter(|order| order.channel == channel)
            {
                order.seen = line.fingerprint;
            }
        }
        let mut last = self.parked.keys().next_back().copied().unwrap_or(0);
        for fact in parks {
            last += 1;
            self.parked.insert(last, fact);
        }
        told
    }
}
