//! A hundred thousand random histories of small orders, each decided by the program and by a plain reference.
//!
//! What is said is random, and so is how it arrives: in any order, repeated, in answers of one or several facts, with
//! people's acts and late series in between. `STATUSYNC_SEED=17` runs the history of that seed alone, `17..5000` those
//! of several.

mod history;
mod host;
mod people;
mod reference;

use std::{collections::BTreeMap, env, fmt::Write as _, ops::Range, sync::Arc, thread};

use history::{History, STEPS, Step};
use host::{End, Host, observed, snapshot};
use reference::{Class, Place, Reference};
use statusync::{
    domain::{
        invoice::SequenceKind,
        snapshot::{OrderFile, Snapshot},
    },
    plugins::Registry,
};

/// Histories that are lived through side by side, on one database.
const BATCH: u64 = 500;

#[expect(
    clippy::disallowed_methods,
    reason = "a person at a terminal replays a history; nothing else depends on it"
)]
fn seeds() -> Range<u64> {
    let Ok(wanted) = env::var("STATUSYNC_SEED") else { return 0..100_000 };
    let number =
        |text: &str| text.parse::<u64>().expect("STATUSYNC_SEED is a number, or two with .. between them");
    match wanted.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&wanted)..number(&wanted) + 1,
    }
}

/// What a history came to by one account: a line for each step that says something, and the state in the end.
type Told = Vec<String>;

fn referred(history: &History) -> Told {
    let mut order = Reference::new(history);
    let mut told = Told::new();
    for step in 0..STEPS {
        if history.missing.is_some_and(|(_, at)| at == step) {
            order.define();
        }
        let mut line = String::new();
        match history.steps.get(step) {
            Some(Step::PutAway(unit, good)) => line = format!("done {}", order.put_away(*unit, *good)),
            Some(Step::Decide(accept)) => line = format!("done {}", order.decide(*accept)),
            _ => {}
        }
        order.retry();
        if let Some(Step::Answer(facts)) = history.steps.get(step) {
            line = format!("{:?}", order.hear(facts));
        }
        told.push(line);
    }
    told.push(in_words(&order));
    told
}

fn in_words(order: &Reference) -> String {
    let places: Vec<Place> = (0..order.units.len()).map(|unit| order.place(unit)).collect();
    let status = if places.contains(&Place::Open) {
        "PROCESSING"
    } else if places.iter().all(|place| *place == Place::Cancelled) {
        "CANCELLED"
    } else {
        "COMPLETE"
    };
    let mut text = format!("order {status}\n");
    for (unit, of) in order.units.iter().enumerate() {
        let cancelled = places[unit] == Place::Cancelled;
        let parcel = of.parcel.filter(|_| !cancelled);
        let with: Vec<String> = parcel
            .map(|parcel| order.living(parcel))
            .unwrap_or_default()
            .iter()
            .map(|u| (u + 1).to_string())
            .collect();
        let courier = order.courier(unit).filter(|_| !cancelled).map(plugin_api::Status::as_str);
        writeln!(
            text,
            "unit {} {:?} parcel {:?} blocked {} due {:?} credited {} courier {courier:?}",
            unit + 1,
            places[unit],
            with.join("+"),
            of.blocked,
            of.due,
            usize::from(of.credited)
        )
        .unwrap();
    }
    writeln!(text, "invoices {} withdrawn {}", order.invoices, order.withdrawn_invoices).unwrap();
    for product in 0..2 {
        let blocked = order.units.iter().filter(|unit| unit.product == product && unit.blocked).count();
        writeln!(
            text,
            "product {product} on hand {} blocked {blocked} shortfall {}",
            order.on_hand[product], order.shortfall[product]
        )
        .unwrap();
    }
    let mut open: Vec<String> = order.open_questions();
    open.sort();
    writeln!(text, "open {open:?}\nwaiting {}", order.waiting.len()).unwrap();
    text
}

/// Lives through histories side by side.
async fn lived(registry: &Arc<Registry>, histories: &[History]) -> (Vec<Told>, Snapshot) {
    let host = Host::new(registry, snapshot(histories.iter().enumerate())).await;
    let mut told = vec![Told::new(); histories.len()];
    for step in 0..STEPS {
        host.define(step).await;
        let (mut facts, mut tellers) = (Vec::new(), Vec::new());
        for (number, history) in histories.iter().enumerate() {
            let mut line = String::new();
            match history.steps.get(step) {
                Some(Step::Answer(answer)) => {
                    facts.extend(observed(answer, number));
                    tellers.extend(answer.iter().map(|_| number));
                }
                Some(act @ (Step::PutAway(..) | Step::Decide(_))) => {
                    line = format!("done {}", host.act(number, act).await);
                }
                Some(Step::Pause) | None => {}
            }
            told[number].push(line);
        }
        let mut classes: BTreeMap<usize, Vec<Class>> = BTreeMap::new();
        for (teller, class) in tellers.into_iter().zip(host.observe(facts).await) {
            classes.entry(teller).or_default().push(class);
        }
        for (teller, classes) in classes {
            told[teller][step] = format!("{classes:?}");
        }
    }
    let end = host.export().await;
    for (number, text) in outlines(&end) {
        told[number].push(text);
    }
    (told, end)
}

/// What each order came to, by number.
fn outlines(end: &Snapshot) -> BTreeMap<usize, String> {
    let number_of = |code: &str| -> usize {
        let digits = code.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.split('-').next().unwrap_or_default().parse().expect("a number")
    };
    let mut ends: BTreeMap<usize, End> = BTreeMap::new();
    for order in &end.orders {
        let (invoices, putaways, conflicts) = Default::default();
        let file = OrderFile { order: order.clone(), invoices, putaways, conflicts };
        let number = number_of(order.code.as_str());
        ends.insert(number, End { file, stock: [(0, 0, 0); 2], waiting: 0 });
    }
    let mut of =
        |code: &str, note: &dyn Fn(&mut End)| note(ends.get_mut(&number_of(code)).expect("an order"));
    for invoice in &end.invoices {
        let unit = invoice.items.first().expect("an invoice is of units");
        of(unit.as_str(), &|end| end.file.invoices.push(invoice.clone()));
    }
    for putaway in &end.putaways {
        of(putaway.item.as_str(), &|end| end.file.putaways.push(putaway.clone()));
    }
    for conflict in &end.conflicts {
        of(conflict.order.as_str(), &|end| end.file.conflicts.push(conflict.clone()));
    }
    for row in &end.stock {
        let product = usize::from(row.sku.as_str().ends_with("-1"));
        of(row.sku.as_str(), &|end| end.stock[product] = (row.on_hand, row.blocked, row.shortfall));
    }
    for parked in &end.parked {
        of(&parked.order, &|end| end.waiting += 1);
    }
    ends.into_iter().map(|(number, end)| (number, end.in_words())).collect()
}

/// Gaps and doubles in the series of a batch.
fn odd_numbers(end: &Snapshot) -> Vec<String> {
    let mut series: BTreeMap<(String, SequenceKind), Vec<u64>> = BTreeMap::new();
    for invoice in end.invoices.iter().filter(|invoice| !invoice.number.starts_with("OLD/")) {
        let number =
            invoice.number.rsplit_once('/').and_then(|(_, number)| number.parse().ok()).expect("a number");
        series.entry((invoice.owner.to_string(), invoice.kind)).or_default().push(number);
    }
    let mut odd = Vec::new();
    for (key, mut numbers) in series {
        numbers.sort_unstable();
        if !numbers.iter().copied().eq(1..=numbers.len() as u64) {
            odd.push(format!("{key:?}: {numbers:?}"));
        }
    }
    odd
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The first of some histories on which the program and the reference differ, and what they say.
fn first_to_differ(registry: &Arc<Registry>, histories: &[History]) -> Option<(History, Told, Told)> {
    let (told, _) = runtime().block_on(lived(registry, histories));
    told.into_iter().zip(histories).find_map(|(lived, history)| {
        let referred = referred(history);
        (lived != referred).then(|| (history.clone(), lived, referred))
    })
}

/// The gaps and doubles in what these histories draw, if they have a database to themselves.
fn odd_numbers_of(registry: &Arc<Registry>, histories: &[History]) -> Vec<String> {
    odd_numbers(&runtime().block_on(lived(registry, histories)).1)
}

/// What is wrong with the numbers of some histories, told by as few and as short ones as will do.
fn report_numbers(registry: &Arc<Registry>, mut histories: Vec<History>) -> String {
    let is_odd = |some: &[History]| !odd_numbers_of(registry, some).is_empty();
    while histories.len() > 1 {
        let (one, other) = histories.split_at(histories.len() / 2);
        let Some(half) = [one, other].into_iter().find(|half| is_odd(half)) else { break };
        histories = half.to_vec();
    }
    while let [history] = histories.as_slice()
        && let Some(smaller) = history.smaller().into_iter().find(|one| is_odd(std::slice::from_ref(one)))
    {
        histories = vec![smaller];
    }
    let told: String = histories.iter().map(History::to_string).collect();
    format!("{told}  numbers are not 1, 2, 3, …: {}\n", odd_numbers_of(registry, &histories).join(", "))
}

fn report(registry: &Arc<Registry>, seed: u64) -> String {
    let mut text = format!("STATUSYNC_SEED={seed}");
    let Some((mut history, mut lived, mut referred)) = first_to_differ(registry, &[History::random(seed)])
    else {
        return text + " differs beside others, and not by itself\n";
    };
    while let Some(smaller) = first_to_differ(registry, &history.smaller()) {
        (history, lived, referred) = smaller;
    }
    write!(text, ", made smaller:\n{history}").unwrap();
    for (step, (lived, referred)) in lived.iter().zip(&referred).enumerate().filter(|(_, (a, b))| a != b) {
        if step < STEPS {
            writeln!(text, "  step {}: the program {lived}, the reference {referred}", step + 1).unwrap();
        } else {
            let lines = lived.lines().zip(referred.lines()).filter(|(a, b)| a != b);
            for (lived, referred) in lines {
                writeln!(text, "  program:   {lived}\n  reference: {referred}").unwrap();
            }
        }
    }
    text
}

#[test]
fn any_history_ends_as_the_reference_says() {
    let seeds = seeds();
    let registry = host::connector();
    let threads: u64 = thread::available_parallelism().map_or(2, |n| n.get() as u64);
    let work = |worker: u64| -> Vec<u64> {
        let mut bad = Vec::new();
        let mut from = seeds.start + worker * BATCH;
        while from < seeds.end && bad.is_empty() {
            let batch: Vec<u64> = (from..seeds.end.min(from + BATCH)).collect();
            let histories: Vec<History> = batch.iter().map(|seed| History::random(*seed)).collect();
            let (told, end) = runtime().block_on(lived(&registry, &histories));
            if !odd_numbers(&end).is_empty() {
                let range = format!("STATUSYNC_SEED={from}..{}", from + batch.len() as u64);
                panic!("{range}, made smaller:\n{}", report_numbers(&registry, histories));
            }
            let differs =
                |(place, told): (usize, Told)| (told != referred(&histories[place])).then_some(batch[place]);
            bad.extend(told.into_iter().enumerate().filter_map(differs));
            from += threads * BATCH;
        }
        bad
    };
    let work = &work;
    let bad: Vec<u64> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|worker| scope.spawn(move || work(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    let count = bad.len();
    let reports: Vec<String> = bad.into_iter().take(5).map(|seed| report(&registry, seed)).collect();
    assert!(reports.is_empty(), "{count} histories differ\n{}", reports.join("\n"));
}
