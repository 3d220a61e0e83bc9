//! What holds for any facts in any order.

use std::collections::{BTreeMap, HashSet};

use plugin_api::{Observation, ReturnKind, Status};
use proptest::{prelude::*, sample::subsequence};

use super::{
    super::{Decision, Outcome},
    scene::{ALL_SERIES, Scene, Words, loose, packed, says, scene},
};
use crate::domain::{
    duties::{PutawayStatus, Quality},
    effect::Effect,
    invoice::SequenceKind,
    order::{ItemStatus, PackageStatus, Stage},
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

/// Any fact about a small order: whole, by item, by product and quantity, with or without package, time and return data.
fn any_fact() -> impl Strategy<Value = Observation> {
    let which = prop_oneof![
        2 => Just((None, None)),
        3 => (1..6_usize).prop_map(|item| (Some(item.to_string()), None)),
        2 => (0..5_u32).prop_map(|quantity| (None, Some(quantity))),
    ];
    let package = prop::option::weighted(0.3, prop::sample::select(vec!["P1", "P2"]));
    let kind = prop::option::of(prop::sample::select(vec![ReturnKind::Rto, ReturnKind::Cir]));
    let day = prop::option::of(1..20_u8);
    let id = prop::sample::select(vec!["", "R1", "R2"]);
    (any_status(), which, package, day, kind, id).prop_map(
        |(status, (item, quantity), package, day, kind, id)| {
            let mut fact = says(status).ret(id, kind);
            fact.item = item;
            if let Some(quantity) = quantity {
                fact = fact.sku("A", quantity);
            }
            fact.package = package.map(str::to_owned);
            fact.awb = package.map(|package| format!("AWB-{package}"));
            match day {
                Some(day) => fact.on(&format!("2026-01-{day:02}")),
                None => fact,
            }
        },
    )
}

fn any_package_status() -> impl Strategy<Value = PackageStatus> {
    let all: Vec<_> = PackageStatus::ALL
        .iter()
        .copied()
        .filter(|status| !matches!(status, PackageStatus::Splitted | PackageStatus::Merged))
        .collect();
    prop::sample::select(all)
}

/// An order with up to two packages and up to two loose units.
fn any_scene() -> impl Strategy<Value = (Vec<(PackageStatus, usize)>, Vec<ItemStatus>, i64)> {
    let loose = prop::sample::select(vec![
        ItemStatus::Created,
        ItemStatus::Unfulfillable,
        ItemStatus::Fulfillable,
        ItemStatus::LocationNotServiceable,
        ItemStatus::Cancelled,
    ]);
    (
        prop::collection::vec((any_package_status(), 1..4_usize), 0..3),
        prop::collection::vec(loose, 0..3),
        4..10_i64,
    )
}

fn build((packages, units, on_hand): &(Vec<(PackageStatus, usize)>, Vec<ItemStatus>, i64)) -> Scene {
    let mut scene = scene().stock(*on_hand, 0);
    for (place, (status, count)) in packages.iter().enumerate() {
        scene = scene.package(&format!("SP{}", 90 + place), *status, *count);
    }
    for &status in units {
        scene = scene.loose(status);
    }
    scene
}

/// The forward rank of a unit, with its package's where it is in one.
fn rank(scene: &Scene, item: usize) -> u8 {
    let item = &scene.file.order.items[item];
    let package = scene.file.order.living_package_of(item).map(|package| package.status);
    match (item.status, package) {
        (ItemStatus::Cancelled, _) => 0,
        (ItemStatus::Returned, _) | (_, Some(PackageStatus::Returned)) => 9,
        (_, Some(PackageStatus::ReturnAcknowledged)) => 8,
        (_, Some(PackageStatus::ReturnExpected)) => 7,
        (ItemStatus::Delivered, _) => 6,
        (ItemStatus::Dispatched, Some(PackageStatus::Shipped)) => 5,
        (ItemStatus::Dispatched, _) => 4,
        _ => 0,
    }
}

/// Everything that must be true of an order after any facts.
fn assert_sound(scene: &Scene, before: &Scene) {
    let (stock, was) = (scene.stock_row(), before.stock_row());
    assert!(stock.on_hand >= 0 && stock.blocked >= 0 && stock.shortfall >= 0, "{stock:?}");
    // Each unit that left took one from the shelf or is written down as missing.
    let out = |scene: &Scene| -> i64 {
        let left = |status: ItemStatus| {
            matches!(status, ItemStatus::Dispatched | ItemStatus::Delivered | ItemStatus::Returned)
        };
        scene.file.order.items.iter().filter(|item| left(item.status)).count().try_into().unwrap()
    };
    assert_eq!(
        was.on_hand - stock.on_hand + (stock.shortfall - was.shortfall),
        out(scene) - out(before),
        "{}",
        scene.state()
    );
    // What is blocked is blocked for a unit.
    let allocated = scene.file.order.items.iter().filter(|item| item.is_allocated()).count();
    assert_eq!(stock.blocked, i64::try_from(allocated).unwrap(), "{}", scene.state());
    for package in &scene.file.order.packages {
        let live = scene.file.invoices.iter().filter(|invoice| {
            invoice.kind == SequenceKind::SaleInvoice
                && invoice.package == package.code
                && invoice.status == crate::domain::invoice::InvoiceStatus::Generated
        });
        assert!(live.count() <= 1, "{}", scene.state());
    }
    // A unit waits for one putaway at most.
    let due: Vec<_> =
        scene.file.putaways.iter().filter(|p| p.status == PutawayStatus::Due).map(|p| &p.item).collect();
    assert_eq!(due.len(), due.iter().collect::<HashSet<_>>().len(), "{}", scene.state());
    assert_numbers(scene);
}

/// No quantity, no package that may be known only afterwards, and a word that means something: what such a fact speaks of
/// does not depend on where things stand.
fn is_by_name(fact: &Observation) -> bool {
    fact.quantity.is_none() && fact.package.is_none() && fact.status != Some(Status::Unmapped)
}

/// The same answer once more leaves everything as it is.
fn assert_settled(scene: &mut Scene, answer: &[Observation]) {
    let (file, stock, state) = (scene.file.clone(), scene.stock_row(), scene.state());
    let again = scene.decide(answer);
    assert_eq!(scene.state(), state);
    assert_eq!(scene.file, file);
    assert_eq!(scene.stock_row(), stock);
    let applied = again.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Applied);
    assert!(!applied, "{:?}", again.verdicts);
}

/// Numbers that were drawn are unique and follow one another.
fn assert_numbers(scene: &Scene) {
    let mut drawn: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for invoice in &scene.file.invoices {
        if let Some((prefix, number)) = invoice.number.split_once('/').filter(|(prefix, _)| *prefix != "OLD")
        {
            drawn.entry(prefix).or_default().push(number.parse().unwrap());
        }
    }
    for (prefix, mut numbers) in drawn {
        numbers.sort_unstable();
        let expected: Vec<u64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expected, "{prefix}");
    }
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn any_answers_keep_an_order_sound(shape in any_scene(), answers in prop::collection::vec(prop::collection::vec(any_fact(), 1..4), 1..4)) {
        let before = build(&shape);
        let mut scene = build(&shape);
        for answer in &answers {
            let ranks: Vec<u8> = (0..scene.file.order.items.len()).map(|item| rank(&scene, item)).collect();
            let cancelled: Vec<bool> = scene.file.order.items.iter().map(|item| item.status == ItemStatus::Cancelled).collect();
            let decision = scene.decide(answer);
            prop_assert_eq!(decision.verdicts.len(), answer.len());
            prop_assert_eq!(decision.effects.len(), answer.len());
            for verdict in &decision.verdicts {
                prop_assert!(!verdict.rows.is_empty() && !verdict.message.is_empty());
            }
            for (item, (rank_before, was_cancelled)) in ranks.into_iter().zip(cancelled).enumerate() {
                let after = rank(&scene, item);
                // Only a new attempt leads from "coming back" to "delivered".
                let re_attempted = rank_before == 7 && after == 6;
                prop_assert!(after >= rank_before || re_attempted, "{} {}", rank_before, after);
                prop_assert!(!was_cancelled || scene.file.order.items[item].status == ItemStatus::Cancelled);
            }
            assert_sound(&scene, &before);
        }
    }

    #[test]
    fn what_was_said_by_name_said_again_changes_nothing(
        shape in any_scene(),
        answer in prop::collection::vec(any_fact().prop_filter("by name", is_by_name), 1..5),
    ) {
        let mut scene = build(&shape);
        let first = scene.decide(&answer);
        // What contradicts is weighed again each time it is said.
        if first.verdicts.iter().any(|verdict| verdict.outcome == Outcome::Conflict) {
            return Ok(());
        }
        let (outline, stock, returns) = (scene.outline(), scene.stock_row(), scene.file.order.returns.clone());
        let again = scene.decide(&answer);
        prop_assert_eq!(scene.outline(), outline);
        prop_assert_eq!(scene.stock_row(), stock);
        prop_assert_eq!(&scene.file.order.returns, &returns);
        prop_assert!(again.verdicts.iter().all(|verdict| verdict.outcome != Outcome::Applied), "{:?}", again.verdicts);
    }

    #[test]
    fn totals_settle_when_they_are_said_again(shape in any_scene(), answer in prop::collection::vec(any_fact(), 1..5)) {
        let mut scene = build(&shape);
        // A total may mean another unit once the answer's other facts have moved some: no more often than there are units.
        for _ in 0..answer.len() + scene.file.order.items.len() {
            scene.decide(&answer);
        }
        assert_settled(&mut scene, &answer);
    }

    #[test]
    fn putting_everything_away_settles_the_books(shape in any_scene(), answer in prop::collection::vec(any_fact(), 1..4)) {
        let mut scene = build(&shape);
        scene.decide(&answer);
        let returned = |scene: &Scene| scene.file.putaways.iter().filter(|p| scene.file.order.items.iter().any(|item| item.code == p.item && item.status == ItemStatus::Returned)).count();
        let (on_hand, back) = (scene.stock_row().on_hand, returned(&scene));
        for code in scene.file.putaways.iter().filter(|p| p.status == PutawayStatus::Due).map(|p| p.code.clone()).collect::<Vec<_>>() {
            scene.put_away(&code, Quality::Good);
        }
        prop_assert_eq!(scene.stock_row().on_hand, on_hand + i64::try_from(back).unwrap());
        let open = scene.file.order.items.iter().filter(|item| item.status.is_open() && item.is_allocated()).count();
        prop_assert_eq!(scene.stock_row().blocked, i64::try_from(open).unwrap());
        let returned_packages: Vec<_> = scene.file.order.packages.iter().filter(|p| p.status == PackageStatus::Returned).collect();
        prop_assert!(scene.open_returns() == 0 || returned_packages.len() < scene.file.order.packages.len());
    }

    #[test]
    fn a_refused_answer_about_one_group_leaves_no_trace(status in any_package_status(), said in any_fact(), lacking in subsequence(ALL_SERIES.to_vec(), 1..=3)) {
        let mut scene = packed(status, 1).lacking(&lacking);
        let (file, stock) = (scene.file.clone(), scene.stock_row());
        let Decision { verdicts, effects, .. } = scene.decide(&[said]);
        if verdicts[0].outcome == Outcome::Refused {
            prop_assert_eq!(&scene.file, &file);
            prop_assert_eq!(scene.stock_row(), stock);
            let told = effects.iter().flatten().all(|effect| matches!(effect, Effect::Note { .. }));
            prop_assert!(told);
            prop_assert!(scene.ledger.changes(crate::domain::ledger::Counters::default()).counters.is_none());
        }
    }
}

/// What happens to a package, in the order in which it happens.
#[derive(Clone, Copy, Debug)]
enum Story {
    Delivered,
    ReturnedToOrigin,
    DeliveredThenBroughtBack,
    ReturnedByTheBuyer,
    TriedAgain,
    TurnedTwice,
    DeliveredTwice,
}

/// What the marketplace tells about when.
#[derive(Clone, Copy, Debug)]
enum Times {
    None,
    Rising,
    Equal,
}

fn any_times() -> impl Strategy<Value = Times> {
    prop::sample::select(vec![Times::None, Times::Rising, Times::Equal])
}

fn story(story: Story, times: Times) -> Vec<Observation> {
    let rto = |status| says(status).ret("", Some(ReturnKind::Rto));
    let cir = |status| says(status).ret("RR1", Some(ReturnKind::Cir));
    let forward =
        [says(Status::Dispatched).awb("EK1"), says(Status::InTransit), says(Status::OutForDelivery)];
    let rest = match story {
        Story::Delivered => vec![says(Status::Delivered)],
        Story::ReturnedToOrigin => vec![
            says(Status::Undelivered),
            says(Status::RtoInitiated),
            rto(Status::CourierReturn),
            says(Status::RtoDelivered),
            rto(Status::Returned),
        ],
        Story::DeliveredThenBroughtBack => {
            vec![says(Status::Delivered), rto(Status::CourierReturn), says(Status::RtoDelivered)]
        }
        Story::TriedAgain => {
            vec![says(Status::Undelivered), rto(Status::CourierReturn), says(Status::Delivered)]
        }
        Story::TurnedTwice => {
            vec![
                rto(Status::CourierReturn),
                says(Status::Delivered).raw("second attempt"),
                says(Status::RtoInitiated),
            ]
        }
        Story::DeliveredTwice => {
            vec![
                says(Status::Delivered),
                rto(Status::CourierReturn),
                says(Status::Delivered).raw("second attempt"),
            ]
        }
        Story::ReturnedByTheBuyer => {
            vec![says(Status::Delivered), cir(Status::ReturnRequested), cir(Status::Returned)]
        }
    };
    let facts = forward.into_iter().chain(rest);
    let timed = |(day, fact): (usize, Observation)| match times {
        Times::None => fact,
        Times::Rising => fact.on(&format!("2026-01-{:02}", day + 5)),
        Times::Equal => fact.on("2026-01-10"),
    };
    facts.enumerate().map(timed).collect()
}

fn any_story() -> impl Strategy<Value = Vec<Observation>> {
    let which = prop::sample::select(vec![
        Story::Delivered,
        Story::ReturnedToOrigin,
        Story::DeliveredThenBroughtBack,
        Story::ReturnedByTheBuyer,
        Story::TriedAgain,
        Story::TurnedTwice,
        Story::DeliveredTwice,
    ]);
    // A story may also be cut short.
    (which, any_times(), 1..=8_usize).prop_map(|(which, times, length)| {
        let mut facts = story(which, times);
        facts.truncate(length);
        facts
    })
}

/// A story, and a way in which it may reach us: shuffled, repeated, in answers of one or several facts.
fn any_arrival() -> impl Strategy<Value = (Vec<Observation>, Vec<Vec<Observation>>)> {
    any_story().prop_flat_map(|facts| {
        let all: Vec<usize> = (0..facts.len()).collect();
        let repeats = prop::collection::vec(0..facts.len(), 0..4);
        (Just(facts), Just(all), repeats, any::<u64>()).prop_flat_map(|(facts, all, repeats, cuts)| {
            let told: Vec<usize> = all.into_iter().chain(repeats).collect();
            (Just(facts), Just(told).prop_shuffle(), Just(cuts)).prop_map(|(facts, told, cuts)| {
                let mut answers: Vec<Vec<Observation>> = vec![Vec::new()];
                for (place, index) in told.into_iter().enumerate() {
                    if cuts >> (place % 64) & 1 == 1 {
                        answers.push(Vec::new());
                    }
                    if let Some(last) = answers.last_mut() {
                        last.push(facts[index].clone());
                    }
                }
                (facts, answers)
            })
        })
    })
}

/// Orders as no import should bring them: units in packages that are not there, states that do not fit, blanks, doubles.
fn any_nonsense() -> impl Strategy<Value = Scene> {
    let item = (
        prop::sample::select(ItemStatus::ALL.to_vec()),
        0..5_usize,
        prop::option::of(any::<bool>()),
        any::<bool>(),
    );
    let package = (prop::sample::select(PackageStatus::ALL.to_vec()), any::<[bool; 4]>());
    (prop::collection::vec(item, 0..5), prop::collection::vec(package, 0..4), any::<[bool; 3]>(), -2..3_i64)
        .prop_map(|(items, packages, [channel_numbers, traced, no_series], on_hand)| {
            let mut scene = scene();
            for (status, package, allocated, facility) in items {
                scene = scene.loose(status);
                let item = scene.file.order.items.last_mut().unwrap();
                item.package = (package > 0).then(|| format!("SP{}", 89 + package).into());
                item.allocated = allocated;
                item.facility = item.facility.take().filter(|_| facility);
            }
            for (place, (status, [facility, invoice, named, known])) in packages.into_iter().enumerate() {
                scene = scene.package(&format!("SP{}", 90 + place / 2), status, 0);
                let package = scene.file.order.packages.last_mut().unwrap();
                package.facility = package.facility.take().filter(|_| facility);
                package.invoice = invoice.then(|| "OLD/9".to_owned());
                package.channel_package_id = named.then(|| "P1".to_owned());
                package.awb = known.then(|| "AWB-P1".to_owned());
            }
            if channel_numbers {
                scene.policy.invoice_numbering = plugin_api::InvoiceNumbering::Channel;
            }
            if traced {
                scene.policy.traceability.insert("DEL1".into(), crate::domain::snapshot::Traceability::Item);
            }
            let scene = if no_series { scene.lacking(&ALL_SERIES) } else { scene };
            scene.stock(on_hand, -on_hand)
        })
}

/// Two packages of one order, told apart by the marketplace's id; each with a story of its own.
fn any_two_packages() -> impl Strategy<Value = (Vec<Observation>, Vec<Observation>)> {
    let stories = [
        Story::Delivered,
        Story::ReturnedToOrigin,
        Story::DeliveredThenBroughtBack,
        Story::ReturnedByTheBuyer,
    ];
    let which = prop::sample::select(stories.to_vec());
    (which.clone(), which, any_times()).prop_flat_map(|(one, other, times)| {
        let of = |which, item: &str, package: &str| -> Vec<Observation> {
            let mut facts = story(which, times);
            for fact in &mut facts {
                fact.item = Some(item.to_owned());
                fact.package = Some(package.to_owned());
                fact.awb = None;
                if let Some(ret) = fact.ret.as_mut().filter(|ret| ret.id.is_some()) {
                    ret.id = Some(format!("RR-{package}"));
                }
            }
            facts
        };
        let straight: Vec<_> = of(one, "1", "P1").into_iter().chain(of(other, "2", "P2")).collect();
        (Just(straight.clone()), Just(straight).prop_shuffle())
    })
}

fn any_start() -> impl Strategy<Value = (Option<PackageStatus>, usize)> {
    let before = prop::sample::select(vec![
        None,
        Some(PackageStatus::Created),
        Some(PackageStatus::Picked),
        Some(PackageStatus::Packed),
        Some(PackageStatus::Manifested),
    ]);
    (before, 1..3_usize)
}

fn start((status, units): (Option<PackageStatus>, usize)) -> Scene {
    match status {
        Some(status) => packed(status, units),
        None => (1..units)
            .fold(loose(ItemStatus::Unfulfillable), |scene, _| scene.loose(ItemStatus::Unfulfillable)),
    }
}

/// Applies answers as runs do: what was refused is tried again before what is new.
fn run_all(scene: &mut Scene, answers: &[Vec<Observation>], define_at: usize, missing: SequenceKind) {
    let mut waiting: Vec<Observation> = Vec::new();
    for (place, answer) in answers.iter().enumerate() {
        if place == define_at {
            scene.define(missing);
        }
        retry(scene, &mut waiting);
        hear_one(scene, answer, &mut waiting);
    }
    if define_at >= answers.len() {
        scene.define(missing);
    }
    retry(scene, &mut waiting);
    assert!(waiting.is_empty(), "still refused: {waiting:?}");
}

fn retry(scene: &mut Scene, waiting: &mut Vec<Observation>) {
    for fact in std::mem::take(waiting) {
        hear_one(scene, &[fact], waiting);
    }
}

fn hear_one(scene: &mut Scene, answer: &[Observation], waiting: &mut Vec<Observation>) {
    let decision = scene.decide(answer);
    for (fact, verdict) in answer.iter().zip(decision.verdicts) {
        if verdict.outcome == Outcome::Refused && !waiting.contains(fact) {
            waiting.push(fact.clone());
        }
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn any_order_of_arrival_ends_in_the_same_state((told, arrival) in any_arrival(), from in any_start()) {
        let mut straight = start(from);
        for fact in told {
            straight.decide(&[fact]);
        }
        let mut scene = start(from);
        for answer in &arrival {
            scene.decide(answer);
        }
        prop_assert_eq!(scene.outline(), straight.outline());
        prop_assert_eq!(scene.file.order.packages.len(), 1);
        prop_assert_eq!(scene.file.invoices.iter().filter(|i| i.kind == SequenceKind::SaleInvoice).count(), 1);
        prop_assert!(scene.file.conflicts.is_empty(), "{}", scene.state());
        prop_assert_eq!(scene.stock_row(), straight.stock_row());
    }

    #[test]
    fn two_packages_of_one_order_do_not_disturb_each_other((told, arrival) in any_two_packages(), loose_units in any::<bool>()) {
        let start = || {
            if loose_units {
                loose(ItemStatus::Created).loose(ItemStatus::Created)
            } else {
                packed(PackageStatus::Created, 1).package("SP91", PackageStatus::Packed, 1)
            }
        };
        let (mut straight, mut scene) = (start(), start());
        for fact in told {
            straight.decide(&[fact]);
        }
        for fact in arrival {
            scene.decide(&[fact]);
        }
        let items = |scene: &Scene| -> Vec<_> {
            let of = |item: &crate::domain::order::Item| {
                (item.status, scene.file.order.living_package_of(item).map(|package| package.status))
            };
            scene.file.order.items.iter().map(of).collect()
        };
        prop_assert_eq!(items(&scene), items(&straight));
        prop_assert_eq!(scene.file.order.packages.len(), 2);
        prop_assert!(scene.file.conflicts.is_empty(), "{}", scene.state());
        prop_assert_eq!(scene.stock_row(), straight.stock_row());
        assert_numbers(&scene);
    }

    #[test]
    fn bad_data_is_survived(
        mut scene in any_nonsense(),
        answers in prop::collection::vec(prop::collection::vec(any_fact(), 1..4), 1..4),
        accepts in any::<bool>(),
    ) {
        for answer in &answers {
            let before: Vec<_> = scene.file.order.packages.iter().map(|package| package.status).collect();
            let decision = scene.decide(answer);
            prop_assert_eq!(decision.verdicts.len(), answer.len());
            for (before, after) in before.into_iter().zip(&scene.file.order.packages) {
                let re_attempted = before.stage() == Stage::ComingBack && after.status == PackageStatus::Delivered;
                prop_assert!(after.status >= before || re_attempted, "{} {}", before, after.status);
            }
        }
        let decision = if accepts { crate::domain::duties::Decision::Accept } else { crate::domain::duties::Decision::Keep };
        for conflict in scene.file.conflicts.clone() {
            scene.person(&conflict.code, decision);
        }
        for putaway in scene.file.putaways.clone() {
            scene.put_away(&putaway.code, Quality::Good);
        }
        for answer in &answers {
            scene.decide(answer);
        }
    }

    #[test]
    fn the_same_under_a_series_that_is_defined_later(
        (told, arrival) in any_arrival(),
        from in any_start(),
        missing in prop::sample::select(ALL_SERIES.to_vec()),
        define_at in 0..8_usize,
    ) {
        let mut straight = start(from);
        for fact in told {
            straight.decide(&[fact]);
        }
        let mut scene = start(from).lacking(&[missing]);
        run_all(&mut scene, &arrival, define_at, missing);
        prop_assert_eq!(scene.outline(), straight.outline());
        prop_assert_eq!(scene.stock_row(), straight.stock_row());
        assert_numbers(&scene);
    }
}
