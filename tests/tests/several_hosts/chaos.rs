//! Four hosts share sellers while they are killed, stand still, lose their way to the database, and the database's server
//! itself falls over. Nothing is lost, nothing is done twice.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use kit::{
    agreement::{Units, odd_numbers},
    proxy::Mode,
    random::Random,
    simulators::{Config, Simulator, flipkart::Flipkart, snapdeal::Snapdeal},
};

use crate::{
    asked,
    checker::{self, States},
    place::{Host, PATIENCE, Place, start, until},
    witness::{Witness, states},
};

const SEED: u64 = 20_261_122;
const HOSTS: usize = 4;
const SELLERS: u64 = 3;
const ORDERS: u32 = 40;
/// How far marketplaces live on between two faults. Every task reads a day before the next begins: whoever comes days later
/// sees a return before the delivery, and may take it for another kind of return.
const STEP_HOURS: u32 = 24;
/// What another host takes at most until it goes on with what one has left, on a busy machine.
const TAKEN_OVER: Duration = Duration::from_mins(1);

/// What goes wrong with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// SIGKILL, and another start.
    Killed,
    /// SIGSTOP past its leases, then SIGCONT.
    Frozen,
    /// Its connections to the database are closed.
    Cut,
    /// Its connections carry nothing for longer than its leases, and then what they had swallowed.
    Silent,
    /// As silent, and in the end they are closed.
    SilentThenCut,
    /// The server's processes are killed and started again: everybody's trouble.
    ServerKilled,
}

const TROUBLES: [(Trouble, u32); 6] = [
    (Trouble::Killed, 25),
    (Trouble::Frozen, 20),
    (Trouble::Cut, 20),
    (Trouble::Silent, 10),
    (Trouble::SilentThenCut, 10),
    (Trouble::ServerKilled, 15),
];

/// Sellers with their marketplaces, from their import until the marketplaces have no more to tell.
struct Generation {
    tenants: Vec<(String, Vec<Simulator>)>,
}

impl Generation {
    async fn new(number: u64, seed: u64, by: &Host<'_>, start: &mut States) -> Generation {
        let now = || jiff::Timestamp::now().as_millisecond();
        let mut tenants = Vec::new();
        for seller in 0..SELLERS {
            let seed = seed + number * SELLERS + seller;
            // Changes are stamped a little earlier, for connectors that keep away from the newest minutes.
            let config = || Config { backdate_ms: 180_000, ..Config::new(seed, ORDERS, now) };
            let markets = vec![
                Simulator::start(Flipkart, config()).await.unwrap(),
                Simulator::start(Snapdeal { accepts_returns: true }, config()).await.unwrap(),
            ];
            let tenant = format!("g{number}s{seller}");
            start.extend(states(&by.import(&tenant, &markets, "1s")));
            tenants.push((tenant, markets));
        }
        Generation { tenants }
    }

    fn advance(&self, hours: u32) {
        for market in self.tenants.iter().flat_map(|(_, markets)| markets) {
            market.advance(hours);
        }
    }

    fn steps_left(&self) -> usize {
        self.tenants.iter().flat_map(|(_, markets)| markets).map(Simulator::steps_left).sum()
    }

    /// Waits until everything that the marketplaces say is held, looks whether it is held well, and lets the sellers go.
    fn settle(&self, by: &Host<'_>) {
        for (tenant, markets) in &self.tenants {
            let differences = |held: &serde_json::Value| -> Vec<String> {
                let of = |market: &Simulator| {
                    Units::said(market).differences(&Units::held(held, market.channel()))
                };
                markets.iter().flat_map(of).collect()
            };
            let deadline = Instant::now() + PATIENCE;
            let held = loop {
                let held = by.export(tenant);
                let left = differences(&held);
                if left.is_empty() {
                    break held;
                }
                assert!(
                    Instant::now() <= deadline,
                    "{tenant}:\n{}\n{}",
                    left.join("\n"),
                    by.explained(tenant, &left[0])
                );
                std::thread::park_timeout(Duration::from_millis(500));
            };
            assert_eq!(odd_numbers(&held), [""; 0], "{tenant}");
            by.run(&["tenant", "remove", tenant, "--yes"]);
        }
    }
}

#[derive(Debug, Default)]
struct Figures {
    faults: BTreeMap<Trouble, u32>,
    /// Faults that came while another one was on.
    at_once: u32,
    generations: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hosts_lose_nothing_and_double_nothing_whatever_goes_wrong_between_them() {
    let _turn = crate::TURN.lock().await;
    let (seed, least) =
        (asked("SEVERAL_HOSTS_SEED", SEED), Duration::from_secs(asked("SEVERAL_HOSTS_SECS", 0)));
    println!("SEVERAL_HOSTS_SEED={seed}");
    let (mut random, mut figures) = (Random::of(seed, 1), Figures::default());
    let place =
        Place::new("rate_plan = false\nlease_ttl_ms = 2500\nlease_renew_ms = 500", &["flipkart", "snapdeal"]);
    let witness = Witness::of(&place.database);
    let mut hosts: Vec<Host<'_>> = (0..HOSTS).map(|number| place.host(&format!("h{number}"))).collect();
    let mut first = States::new();
    start(&mut hosts);
    let began = Instant::now();
    while figures.generations == 0 || began.elapsed() < least {
        let generation = Generation::new(figures.generations, seed, &hosts[0], &mut first).await;
        figures.generations += 1;
        while generation.steps_left() > 0 {
            generation.advance(STEP_HOURS);
            let pages = witness.pages() + u64::from(random.between(1, 12));
            until("pages are written", PATIENCE, || (witness.pages() >= pages).then_some(()));
            strike(&place, &witness, &mut hosts, &mut random, &mut figures);
            let well_since = jiff::Timestamp::now().as_millisecond();
            until("every task has read the day", PATIENCE, || {
                (witness.behind(well_since) == 0).then_some(())
            });
        }
        println!("{:.0} s, {figures:?}", began.elapsed().as_secs_f64());
        generation.settle(&hosts[0]);
    }
    for host in &mut hosts {
        host.stop();
    }

    let events = witness.events();
    let acknowledged: Vec<_> = hosts.iter().flat_map(Host::acknowledged).collect();
    let found = checker::anomalies(&first, &events, &acknowledged);
    let count = |is: fn(&checker::What) -> bool| events.iter().filter(|event| is(&event.what)).count();
    println!(
        "{:.0} s, {figures:?}\n{} claims, {} takeovers, {} pages, {} changes, {} pages acknowledged; {} anomalies",
        began.elapsed().as_secs_f64(),
        count(|what| matches!(what, checker::What::Claim { .. })),
        witness.claims(0).iter().filter(|claim| claim.is_takeover).count(),
        count(|what| matches!(what, checker::What::Page { .. })),
        count(|what| matches!(what, checker::What::Change { .. })),
        acknowledged.len(),
        found.len()
    );
    assert!(
        found.is_empty(),
        "{}",
        found.iter().take(30).fold(String::new(), |text, line| text + line.as_str() + "\n")
    );
    // A history that saw too little proves nothing.
    let page_count = count(|what| matches!(what, checker::What::Page { .. }));
    assert!(
        page_count > 50 && acknowledged.len() * 2 > page_count,
        "{page_count} pages, {}",
        acknowledged.len()
    );
}

/// Lets something go wrong with one or two hosts, waits until the others have gone on with what those had, and lets it be
/// well again.
fn strike(
    place: &Place,
    witness: &Witness,
    hosts: &mut [Host<'_>],
    random: &mut Random,
    figures: &mut Figures,
) {
    let first = random.below(u32::try_from(HOSTS).unwrap()) as usize;
    let mut troubles = vec![(first, random.pick(&TROUBLES).unwrap())];
    if random.chance(30) {
        let other = (first + random.between(1, 3) as usize) % HOSTS;
        troubles.push((other, random.pick(&TROUBLES).unwrap()));
        figures.at_once += 1;
    }
    let before = witness.last();
    let is_down = troubles.iter().any(|(_, trouble)| *trouble == Trouble::ServerKilled);
    let mut left = Vec::new();
    for (victim, trouble) in &troubles {
        *figures.faults.entry(*trouble).or_default() += 1;
        let host = &mut hosts[*victim];
        match trouble {
            Trouble::Killed => host.kill(),
            Trouble::Frozen => host.signal("STOP"),
            Trouble::Cut => host.line.cut(),
            Trouble::Silent | Trouble::SilentThenCut => host.line.set(Mode::Silent),
            Trouble::ServerKilled => {}
        }
        if !matches!(trouble, Trouble::Cut | Trouble::ServerKilled) {
            let alias = host.alias();
            left.extend(witness.held_by(&alias).into_iter().map(|channel| (alias.clone(), channel)));
        }
    }
    if is_down {
        place.cluster.stop_at_once();
        let well = |at: &usize| {
            troubles.iter().all(|(victim, trouble)| victim != at || *trouble == Trouble::ServerKilled)
        };
        for at in (0..hosts.len()).filter(well) {
            until("a host sees that the server is away", PATIENCE, || (!hosts[at].is_ready()).then_some(()));
        }
        place.cluster.start_again();
    }
    until("others go on with what a host has left", TAKEN_OVER, || {
        let claims = witness.claims(before);
        let goes_on = |(alias, channel): &(String, String)| {
            claims.iter().any(|claim| claim.channel == *channel && claim.by != *alias)
        };
        left.iter().all(goes_on).then_some(())
    });
    for (victim, trouble) in &troubles {
        let host = &mut hosts[*victim];
        match trouble {
            Trouble::Killed => host.start(),
            Trouble::Frozen => host.signal("CONT"),
            Trouble::Silent => host.line.set(Mode::Open),
            Trouble::SilentThenCut => {
                host.line.cut();
                host.line.set(Mode::Open);
            }
            Trouble::Cut | Trouble::ServerKilled => {}
        }
    }
    for host in hosts {
        assert!(!host.has_ended(), "{} has ended: {}", host.name, host.said());
        until("a host is well again", PATIENCE, || host.is_ready().then_some(()));
    }
}
