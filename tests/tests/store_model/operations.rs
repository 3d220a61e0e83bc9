//! What may be asked of a store, drawn at random from a small world, so that operations meet each other often.

use kit::random::Random;
use plugin_api::Task;
use statusync::storage::RunResult;

/// The instant of everything.
pub(crate) const NOW: i64 = 1_768_469_400_000;
pub(crate) const TASKS: [Task; 2] = [Task::Status, Task::Pending];
/// Orders of the snapshot: `O1` to `O4` of the first channel, the others of the second.
pub(crate) const ORDERS: u32 = 6;

pub(crate) type Name = &'static str;

const TENANTS: [Name; 2] = ["acme", "other"];
const CHANNELS: [Name; 2] = ["AZ1", "FK1"];
const CONNECTORS: [Name; 2] = ["amazon", "flipkart"];

/// What a page says of an order and what is decided about it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may be decided by itself")]
pub(crate) struct Line {
    /// The order's number; 9 is not known anywhere.
    pub(crate) order: u32,
    pub(crate) fingerprint: Option<u64>,
    pub(crate) touch: bool,
    pub(crate) park: Option<Name>,
    pub(crate) unpark: bool,
    pub(crate) remember: bool,
    pub(crate) stock: bool,
    pub(crate) draw: bool,
    pub(crate) number: bool,
}

/// A thing of the past, by its place among those of its kind.
pub(crate) type Past = usize;

/// What begins with a lease.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begins {
    Nothing,
    Run(Option<Task>),
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    AddTenant(Name),
    SetLive(Name, bool),
    RemoveTenant(Name),
    Tenants,
    Import {
        tenant: Name,
        connector: Name,
        both: bool,
    },
    Export(Name),
    PutChannel {
        tenant: Name,
        channel: Name,
        connector: Name,
        enabled: bool,
        trust: bool,
    },
    EnableChannel(Name, Name, bool),
    Claim {
        tenant: Name,
        channel: Name,
        holds: bool,
        begins: Begins,
    },
    Renew(Past, bool),
    Release(Past),
    EnsureTasks(Name, Name, i64),
    SetTask(Name, Name, Task, Option<bool>, Option<i64>),
    Tasks(Option<Name>, Option<Name>),
    Due(i64, Option<Name>),
    Freshness(i64),
    StartRun(Name, Name, Option<Task>),
    FinishRun {
        run: Past,
        fence: Option<Past>,
        result: RunResult,
        applied: u64,
        until: Option<i64>,
        due: i64,
    },
    Runs(Option<Name>, Option<Name>, Option<Task>, u32),
    Run(Past),
    Page {
        fence: Past,
        lines: Vec<Line>,
        mark: Option<Task>,
        run: Option<Past>,
        keep: bool,
    },
    Edit {
        tenant: Name,
        order: u32,
        touch: bool,
        keep: bool,
    },
    Orders(Name),
    Parked(Name, Option<Name>),
    Waiting(Name, Name),
    History(Name, u32),
    SetOnHand(Name, Name, i64),
    Stock(Name),
    PutSecret(Name, Name, Name),
    Secrets(Name, Name),
    PutToken(Past, i64),
    ForgetToken(Name, Name),
    Reserve(Name, i64),
    PutBreaker(Name, Name),
    DropBreaker(Name),
    Breakers,
}

fn one<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(u32::try_from(of.len()).expect("a few")) as usize]
}

fn maybe<T>(random: &mut Random, percent: u32, make: impl FnOnce(&mut Random) -> T) -> Option<T> {
    if random.chance(percent) { Some(make(random)) } else { None }
}

fn line(random: &mut Random, order: u32) -> Line {
    Line {
        order,
        fingerprint: maybe(random, 80, |random| random.next() % 3),
        touch: random.chance(30),
        park: maybe(random, 15, |random| {
            one(random, &["UNKNOWN_ORDER", "UNKNOWN_ITEM", "SEQUENCE_NOT_DEFINED"])
        }),
        unpark: random.chance(30),
        remember: random.chance(60),
        stock: random.chance(30),
        draw: random.chance(30),
        number: random.chance(20),
    }
}

/// Draws an operation; `fences` and `runs` are how many there were so far.
#[expect(clippy::too_many_lines, reason = "one line or two for each thing that may be asked")]
pub(crate) fn draw(random: &mut Random, fences: usize, runs: usize) -> Operation {
    let tenant = one(random, &TENANTS);
    let channel = one(random, &CHANNELS);
    let task = one(random, &TASKS);
    // Mostly the last ones: those may still hold.
    let past = |random: &mut Random, count: usize| -> Option<Past> {
        let back = if random.chance(85) { random.below(3) } else { random.below(40) };
        count.checked_sub(1 + back as usize)
    };
    let (fence, run) = (past(random, fences), past(random, runs));
    let at = NOW + i64::from(random.below(40)) * 60_000;
    match random.below(100) {
        0 => Operation::AddTenant(tenant),
        1 => Operation::SetLive(tenant, random.chance(70)),
        2 if random.chance(30) => Operation::RemoveTenant(tenant),
        2 | 3 => Operation::Tenants,
        4 | 5 => Operation::Import {
            tenant,
            connector: if random.chance(80) { "flipkart" } else { "amazon" },
            both: random.chance(85),
        },
        6 => Operation::Export(tenant),
        7 | 8 => Operation::PutChannel {
            tenant,
            channel,
            connector: one(random, &CONNECTORS),
            enabled: random.chance(80),
            trust: random.chance(50),
        },
        9 => Operation::EnableChannel(tenant, channel, random.chance(70)),
        10..=21 => Operation::Claim {
            tenant,
            channel,
            holds: random.chance(85),
            begins: if random.chance(60) {
                Begins::Run(maybe(random, 80, |random| one(random, &TASKS)))
            } else {
                Begins::Nothing
            },
        },
        22..=24 => fence.map_or(Operation::Tenants, |fence| Operation::Renew(fence, random.chance(80))),
        25..=30 => fence.map_or(Operation::Breakers, Operation::Release),
        31 | 32 => Operation::EnsureTasks(tenant, channel, at),
        33 | 34 => Operation::SetTask(
            tenant,
            channel,
            task,
            maybe(random, 50, |random| random.chance(70)),
            maybe(random, 50, |_| at),
        ),
        35 | 36 => Operation::Tasks(maybe(random, 70, |_| tenant), maybe(random, 40, |_| channel)),
        37 | 38 => Operation::Due(at, maybe(random, 30, |_| tenant)),
        39 => Operation::Freshness(at),
        40 => Operation::StartRun(tenant, channel, maybe(random, 70, |_| task)),
        41..=47 => run.map_or(Operation::Tenants, |run| Operation::FinishRun {
            run,
            fence: fence.filter(|_| random.chance(50)),
            result: one(
                random,
                &[RunResult::Success, RunResult::Partial, RunResult::Failed, RunResult::Skipped],
            ),
            applied: random.next() % 2,
            until: maybe(random, 50, |_| at),
            due: at,
        }),
        48 => Operation::Runs(
            maybe(random, 70, |_| tenant),
            maybe(random, 40, |_| channel),
            maybe(random, 40, |_| task),
            random.between(1, 50),
        ),
        49 => run.map_or(Operation::Breakers, Operation::Run),
        50..=72 => fence.map_or(Operation::Stock(tenant), |fence| {
            let mut lines = Vec::new();
            for order in (1..=ORDERS).chain([9]) {
                if random.chance(45) {
                    lines.push(line(random, order));
                }
            }
            Operation::Page {
                fence,
                lines,
                mark: maybe(random, 25, |_| task),
                run: run.filter(|_| random.chance(40)),
                keep: random.chance(90),
            }
        }),
        73..=76 => Operation::Edit {
            tenant,
            order: random.between(1, ORDERS + 1),
            touch: random.chance(60),
            keep: random.chance(90),
        },
        77 => Operation::Orders(tenant),
        78 => Operation::Parked(tenant, maybe(random, 40, |_| channel)),
        79 => Operation::Waiting(tenant, channel),
        80 => Operation::History(tenant, random.between(1, ORDERS)),
        81 | 82 => Operation::SetOnHand(tenant, one(random, &["A", "B"]), i64::from(random.below(100))),
        83 => Operation::Stock(tenant),
        84 | 85 => Operation::PutSecret(tenant, channel, one(random, &["client_id", "token"])),
        86 => Operation::Secrets(tenant, channel),
        87 => fence.map_or(Operation::Tenants, |fence| Operation::PutToken(fence, at)),
        88 => Operation::ForgetToken(tenant, channel),
        89..=94 => Operation::Reserve(one(random, &["acme/FK1", "acme/AZ1"]), at),
        95 | 96 => Operation::PutBreaker(one(random, &["connector paytm", "account a"]), channel),
        97 => Operation::DropBreaker(one(random, &["connector paytm", "account a"])),
        _ => Operation::Breakers,
    }
}
