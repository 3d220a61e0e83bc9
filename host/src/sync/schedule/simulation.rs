//! A day of the schedule in virtual time: the scheduler's own decisions and the rate plan's own arithmetic, over tenants
//! that live in a list. Nothing waits and nothing is stored.
//!
//! Of eight connectors one answers after 30 s, and of the tenants one has a million orders. `STATUSYNC_TENANTS` and
//! `STATUSYNC_SEED` give other numbers; a failure prints the seed that repeats it.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
    env,
    time::Duration,
};

use plugin_api::{Millis, Operation, Task};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{LOOK, Pool, TICK, next_run, turns::Turns};
use crate::{
    domain::codes::TenantCode,
    fetch::{Turn, next_turn},
    storage::{DueTask, NewTask, TaskRow},
};

const CONNECTORS: usize = 8;
/// This one answers after [`SLOW_MS`].
const SLOW: usize = 0;
const SLOW_MS: Millis = 30_000;
const DAY: Millis = 86_400_000;
/// The most that a run may take.
const RUN_LIMIT: Millis = 1_800_000;
/// The plan of every call: one a second, three at once.
const RATE: f64 = 1.0;
const BURST: u32 = 3;
/// What the noisy tenant's tasks ask, in calls.
const NOISY_CALLS: [(Task, usize); 4] =
    [(Task::Status, 400), (Task::Pending, 20_000), (Task::Delivery, 20_000), (Task::Returns, 2_000)];

/// A day of some tenants.
struct Simulation {
    random: StdRng,
    tasks: Vec<TaskRow>,
    /// What is due when, by connector; what runs is not in it.
    due: Vec<BTreeSet<(Millis, usize)>>,
    ends: BinaryHeap<Reverse<(Millis, usize)>>,
    held: BTreeSet<usize>,
    turns: Turns,
    buckets: HashMap<usize, (i64, Leak)>,
    noisy: bool,
    delays: Vec<Millis>,
    ran: Vec<u32>,
    latest: Vec<Millis>,
}

/// The rate plan once more, in another way: a bucket that leaks.
#[derive(Default)]
struct Leak {
    level: f64,
    at_us: i64,
}

impl Leak {
    fn call(&mut self, at_us: i64) {
        #[expect(clippy::cast_precision_loss, reason = "a day of microseconds")]
        let leaked = (at_us - self.at_us) as f64 / 1e6 * RATE;
        self.level = (self.level - leaked).max(0.0) + 1.0;
        self.at_us = at_us;
        assert!(self.level <= f64::from(BURST) + 1e-3, "{} calls at once are more than the plan", self.level);
    }
}

impl Simulation {
    fn new(tenants: usize, seed: u64, noisy: bool) -> Simulation {
        let mut random = StdRng::seed_from_u64(seed);
        let mut tasks = Vec::new();
        let mut due = vec![BTreeSet::new(); CONNECTORS];
        for tenant in 0..tenants {
            for (channel, due) in due.iter_mut().enumerate() {
                for task in Task::ALL {
                    let usual = NewTask::usual(*task, 0);
                    let mut row = TaskRow {
                        tenant: TenantCode::from(format!("t{tenant:05}").as_str()),
                        channel: format!("C{channel}").as_str().into(),
                        connector: format!("c{channel}"),
                        task: *task,
                        enabled: true,
                        interval_ms: usual.interval_ms,
                        window_ms: usual.window_ms,
                        next_run_at: 0,
                        running: None,
                        last: None,
                        consecutive_failures: 0,
                        mark: None,
                        complete_until: None,
                    };
                    // As after a night without the host: everything is due at once, or at its own place.
                    row.next_run_at =
                        if random.random_bool(0.1) { 0 } else { next_run(&row, 0) % row.interval_ms };
                    due.insert((row.next_run_at, tasks.len()));
                    tasks.push(row);
                }
            }
        }
        let count = tasks.len();
        Simulation {
            random,
            tasks,
            due,
            ends: BinaryHeap::new(),
            held: BTreeSet::new(),
            turns: Turns::new(Pool::default()),
            buckets: HashMap::new(),
            noisy,
            delays: Vec::new(),
            ran: vec![0; count],
            latest: vec![0; count],
        }
    }

    fn channel(task: usize) -> usize {
        task / Task::ALL.len()
    }

    fn is_noisy(&self, task: usize) -> bool {
        self.noisy && Self::channel(task) < CONNECTORS
    }

    fn run(mut self) -> Self {
        let tick = Millis::try_from(TICK.as_millis()).unwrap();
        let mut now = 0;
        while now < DAY {
            while let Some(Reverse((at, task))) = self.ends.peek().copied()
                && at <= now
            {
                self.ends.pop();
                self.end(task);
            }
            let found = self.look(now);
            for begun in self.turns.begin(found.iter().map(|(_, due)| due.clone()).collect()) {
                let (task, _) = found.iter().find(|(_, due)| *due == begun).unwrap();
                self.begin(*task, now);
            }
            let next_due = self.due.iter().filter_map(|due| due.first()).map(|(at, _)| *at).min();
            let next_end = self.ends.peek().map(|Reverse((at, _))| *at);
            let next = next_due.into_iter().chain(next_end).min().unwrap_or(DAY);
            // The loop looks at every tick; looks that would find nothing are passed over.
            now += ((next - now).max(1) + tick - 1) / tick * tick;
        }
        self
    }

    /// What the store answers when asked for what is due.
    fn look(&self, now: Millis) -> Vec<(usize, DueTask)> {
        let full = self.turns.full();
        let limit = usize::try_from(LOOK).unwrap();
        let mut found = Vec::new();
        for (connector, due) in self.due.iter().enumerate() {
            if full.connectors.iter().any(|id| *id == format!("c{connector}")) {
                continue;
            }
            let there = due
                .range(..=(now, usize::MAX))
                .map(|(_, task)| *task)
                .filter(|task| !self.held.contains(&Self::channel(*task)))
                .filter(|task| !full.tenants.contains(&self.tasks[*task].tenant));
            found.extend(there.take(limit).map(|task| {
                let TaskRow { tenant, channel, connector, task: kind, next_run_at, .. } = &self.tasks[task];
                let (tenant, channel, connector) = (tenant.clone(), channel.clone(), connector.clone());
                (task, DueTask { tenant, channel, connector, task: *kind, next_run_at: *next_run_at })
            }));
        }
        found
    }

    fn begin(&mut self, task: usize, now: Millis) {
        let row = &self.tasks[task];
        let connector = Self::channel(task) % CONNECTORS;
        self.due[connector].remove(&(row.next_run_at, task));
        self.held.insert(Self::channel(task));
        let delay = now - row.next_run_at;
        self.latest[task] = self.latest[task].max(delay);
        if !self.is_noisy(task) && connector != SLOW {
            self.delays.push(delay);
        }
        self.ran[task] += 1;
        let took = self.took(task, connector, now);
        self.tasks[task].next_run_at = next_run(&self.tasks[task], now);
        self.ends.push(Reverse((now + took, task)));
    }

    /// How long a run takes: each of its calls waits for its turn, then for the marketplace.
    fn took(&mut self, task: usize, connector: usize, now: Millis) -> Millis {
        let calls = if self.is_noisy(task) {
            NOISY_CALLS.iter().find(|(kind, _)| *kind == self.tasks[task].task).unwrap().1
        } else {
            1
        };
        let answer_ms = if connector == SLOW { SLOW_MS } else { self.random.random_range(50..400) };
        let operation = Operation {
            name: "list".to_owned(),
            per_second: RATE,
            burst: BURST,
            rate_header: None,
            source: String::new(),
        };
        let (full_at, leak) = self.buckets.entry(Self::channel(task)).or_default();
        let mut at = now;
        for _ in 0..calls {
            let (turn, next) = next_turn(*full_at, at * 1_000, &operation, Duration::MAX);
            let Turn::In(wait) = turn else { unreachable!("there is patience without end") };
            *full_at = next;
            let leaves_us = at * 1_000 + i64::try_from(wait.as_micros()).unwrap();
            if leaves_us / 1_000 - now > RUN_LIMIT {
                return RUN_LIMIT;
            }
            leak.call(leaves_us);
            at = leaves_us / 1_000 + answer_ms;
        }
        (at - now).min(RUN_LIMIT)
    }

    fn end(&mut self, task: usize) {
        let row = &self.tasks[task];
        let TaskRow { tenant, channel, connector, task: kind, next_run_at, .. } = row.clone();
        self.due[Self::channel(task) % CONNECTORS].insert((next_run_at, task));
        self.held.remove(&Self::channel(task));
        self.turns.ended(&DueTask { tenant, channel, connector, task: kind, next_run_at });
    }

    /// How late runs of the others began: in the middle, and one of a hundred.
    fn delay_ms(&mut self) -> (Millis, Millis) {
        self.delays.sort_unstable();
        let at = |share: usize| self.delays[(self.delays.len() - 1) * share / 100];
        (at(50), at(99))
    }
}

#[expect(clippy::disallowed_methods, reason = "a test's size and seed are for whoever runs it")]
fn number(name: &str, otherwise: u64) -> u64 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn a_noisy_tenant_and_a_slow_marketplace_hold_nobody_up_over_a_day() {
    let tenants = usize::try_from(number("STATUSYNC_TENANTS", 1_000)).unwrap();
    let seed = number("STATUSYNC_SEED", 20_261_122);
    println!("STATUSYNC_SEED={seed} STATUSYNC_TENANTS={tenants}");
    let (mut quiet, mut noisy) = std::thread::scope(|scope| {
        let quiet = scope.spawn(|| Simulation::new(tenants, seed, false).run());
        let noisy = Simulation::new(tenants, seed, true).run();
        (quiet.join().unwrap(), noisy)
    });
    let ((quiet_50, quiet_99), (noisy_50, noisy_99)) = (quiet.delay_ms(), noisy.delay_ms());
    let runs: u64 = noisy.ran.iter().map(|ran| u64::from(*ran)).sum();
    println!("{runs} runs; start delay without noise p50 {quiet_50} ms, p99 {quiet_99} ms");
    println!("with noise p50 {noisy_50} ms, p99 {noisy_99} ms");
    assert!(noisy_50 <= quiet_50 * 2 && noisy_99 <= quiet_99 * 2, "the others wait for the noisy tenant");
    assert!(noisy_99 <= 1_000, "p99 {noisy_99} ms");
    for (task, row) in noisy.tasks.iter().enumerate() {
        let wanted = DAY / row.interval_ms;
        let ran = i64::from(noisy.ran[task]);
        // The noisy tenant's own channels are busy with their long tasks; nobody is left out even there.
        let least = if noisy.is_noisy(task) { 1 } else { wanted * 9 / 10 };
        assert!(
            ran >= least.max(1),
            "{}/{} {} ran {ran} times of {wanted}",
            row.tenant,
            row.channel,
            row.task
        );
    }
}
