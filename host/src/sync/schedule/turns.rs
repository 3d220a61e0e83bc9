//! Who may begin next: never more at once than the pool allows, tenants in turn, no marketplace with everything.
//!
//! Pure: it is told what is due and what has ended. When a task is due is `timing`'s business.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{DueTask, Full},
};

/// How much runs at once. Runs mostly wait for marketplaces, so there may be many more than cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Runs at the same time.
    pub runs: usize,
    /// Of these, for one tenant.
    pub runs_per_tenant: usize,
    /// Of these, for one connector: a marketplace that answers slowly does not take every place.
    pub runs_per_connector: usize,
}

impl Default for Pool {
    fn default() -> Self {
        Pool { runs: 1_000, runs_per_tenant: 8, runs_per_connector: 750 }
    }
}

/// This part of the pool is for tenants that have nothing running.
const KEPT_FREE: usize = 8;

/// What runs now, and who is next.
#[derive(Debug, Default)]
pub(super) struct Turns {
    pool: Pool,
    of_tenant: HashMap<TenantCode, usize>,
    of_connector: HashMap<String, usize>,
    channels: HashSet<(TenantCode, ChannelCode)>,
}

impl Turns {
    pub(super) fn new(pool: Pool) -> Turns {
        Turns { pool, ..Turns::default() }
    }

    /// Another pool from now on. What runs is left alone.
    pub(super) fn set_pool(&mut self, pool: Pool) {
        self.pool = pool;
    }

    /// Runs that may begin.
    pub(super) fn free(&self) -> usize {
        self.pool.runs.saturating_sub(self.channels.len())
    }

    /// Whose tasks need not be looked at, since none of them may begin.
    pub(super) fn full(&self) -> Full {
        let at_least = |share: usize| move |count: &usize| *count >= share.max(1);
        let (tenant, connector) =
            (at_least(self.pool.runs_per_tenant), at_least(self.pool.runs_per_connector));
        Full {
            tenants: self
                .of_tenant
                .iter()
                .filter(|(_, count)| tenant(count))
                .map(|(code, _)| code.clone())
                .collect(),
            connectors: self
                .of_connector
                .iter()
                .filter(|(_, count)| connector(count))
                .map(|(id, _)| id.clone())
                .collect(),
        }
    }

    /// Of what is due, what begins now. It counts as running until [`ended`](Self::ended).
    ///
    /// Tenants take turns, those with the least running first, each with what is due longest; a channel is begun once.
    pub(super) fn begin(&mut self, due: Vec<DueTask>) -> Vec<DueTask> {
        let mut queues: BTreeMap<TenantCode, VecDeque<DueTask>> = BTreeMap::new();
        for task in due {
            queues.entry(task.tenant.clone()).or_default().push_back(task);
        }
        let mut queues: Vec<(TenantCode, VecDeque<DueTask>)> = queues.into_iter().collect();
        for (_, queue) in &mut queues {
            queue.make_contiguous().sort_by_key(|task| task.next_run_at);
        }
        queues.sort_by_key(|(tenant, queue)| {
            (self.running(tenant), queue.front().map(|task| task.next_run_at))
        });
        let mut begun = Vec::new();
        loop {
            let before = begun.len();
            for (tenant, queue) in &mut queues {
                if let Some(task) = self.next_of(tenant, queue) {
                    self.note(&task);
                    begun.push(task);
                }
            }
            if begun.len() == before {
                return begun;
            }
        }
    }

    /// A run that was begun has ended.
    pub(super) fn ended(&mut self, task: &DueTask) {
        if self.channels.remove(&(task.tenant.clone(), task.channel.clone())) {
            less(&mut self.of_tenant, &task.tenant);
            less(&mut self.of_connector, &task.connector);
        }
    }

    /// The tenant's next task that may begin; those that may not are dropped: they are due again at the next look.
    fn next_of(&self, tenant: &TenantCode, queue: &mut VecDeque<DueTask>) -> Option<DueTask> {
        let running = self.running(tenant);
        let is_kept_free = self.free() <= self.pool.runs / KEPT_FREE && running > 0;
        if self.free() == 0 || running >= self.pool.runs_per_tenant.max(1) || is_kept_free {
            return None;
        }
        while let Some(task) = queue.pop_front() {
            let of_connector = self.of_connector.get(&task.connector).copied().unwrap_or(0);
            let is_held = self.channels.contains(&(task.tenant.clone(), task.channel.clone()));
            if !is_held && of_connector < self.pool.runs_per_connector.max(1) {
                return Some(task);
            }
        }
        None
    }

    fn running(&self, tenant: &TenantCode) -> usize {
        self.of_tenant.get(tenant).copied().unwrap_or(0)
    }

    fn note(&mut self, task: &DueTask) {
        *self.of_tenant.entry(task.tenant.clone()).or_default() += 1;
        *self.of_connector.entry(task.connector.clone()).or_default() += 1;
        self.channels.insert((task.tenant.clone(), task.channel.clone()));
    }
}

fn less<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use plugin_api::Task;

    use super::*;

    fn due(tenant: &str, channel: &str, task: Task) -> DueTask {
        DueTask {
            tenant: tenant.into(),
            channel: channel.into(),
            connector: "flipkart".into(),
            task,
            next_run_at: 0,
        }
    }

    fn begun(turns: &mut Turns, due: Vec<DueTask>) -> Vec<(String, String)> {
        turns.begin(due).into_iter().map(|task| (task.tenant.to_string(), task.channel.to_string())).collect()
    }

    fn pool(runs: usize, runs_per_tenant: usize, runs_per_connector: usize) -> Turns {
        Turns::new(Pool { runs, runs_per_tenant, runs_per_connector })
    }

    fn named<const N: usize>(names: [(&str, &str); N]) -> Vec<(String, String)> {
        names.map(|(tenant, channel)| (tenant.to_owned(), channel.to_owned())).into()
    }

    #[test]
    fn a_tenant_with_many_due_tasks_does_not_hold_up_the_others() {
        let mut tasks: Vec<_> = (0..20).map(|n| due("noisy", &format!("C{n:02}"), Task::Status)).collect();
        tasks.push(due("quiet", "C1", Task::Status));
        let begun = begun(&mut pool(3, 2, 3), tasks);
        assert_eq!(begun, named([("noisy", "C00"), ("quiet", "C1"), ("noisy", "C01")]));
    }

    #[test]
    fn a_channel_is_begun_once_and_a_tenant_keeps_to_its_share() {
        let mut turns = pool(10, 2, 10);
        let tasks = |channels: &[&str]| -> Vec<DueTask> {
            let both = |channel: &&str| [Task::Status, Task::Pending].map(|task| due("a", channel, task));
            channels.iter().flat_map(both).collect()
        };
        assert_eq!(begun(&mut turns, tasks(&["C1"])), named([("a", "C1")]));
        assert_eq!(begun(&mut turns, tasks(&["C1", "C2", "C3"])), named([("a", "C2")]));
        assert_eq!(turns.full().tenants, [TenantCode::from("a")]);
        turns.ended(&due("a", "C1", Task::Status));
        assert_eq!(begun(&mut turns, tasks(&["C2", "C3"])), named([("a", "C3")]));
    }

    #[test]
    fn a_marketplace_keeps_to_its_share() {
        let mut turns = pool(10, 10, 2);
        let slow: Vec<_> = (0..5).map(|n| due(&format!("t{n}"), "C1", Task::Status)).collect();
        let mut tasks = slow.clone();
        tasks.push(DueTask { connector: "paytm".into(), ..due("t9", "P1", Task::Status) });
        assert_eq!(begun(&mut turns, tasks), named([("t0", "C1"), ("t1", "C1"), ("t9", "P1")]));
        assert_eq!(turns.full().connectors, ["flipkart"]);
        turns.ended(&slow[0]);
        assert_eq!(turns.full(), Full::default());
    }

    #[test]
    fn the_last_places_are_for_those_who_have_nothing_running() {
        let mut turns = pool(8, 8, 8);
        let many: Vec<_> = (0..8).map(|n| due("a", &format!("C{n}"), Task::Status)).collect();
        assert_eq!(begun(&mut turns, many.clone()).len(), 7);
        assert_eq!(
            begun(&mut turns, vec![many[7].clone(), due("b", "C1", Task::Status)]),
            named([("b", "C1")])
        );
        assert_eq!(turns.free(), 0);
    }

    #[test]
    fn a_run_that_ends_twice_counts_once() {
        let mut turns = pool(2, 2, 2);
        let tasks = vec![due("a", "C1", Task::Status), due("a", "C2", Task::Status)];
        turns.begin(tasks.clone());
        turns.ended(&tasks[0]);
        turns.ended(&tasks[0]);
        assert_eq!((turns.free(), turns.running(&"a".into())), (1, 1));
    }
}
