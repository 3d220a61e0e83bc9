//! People beside runs: what they decide stands, whatever is said again and whoever else is writing.

use plugin_api::{ShippedBy, Status};
use statusync::{
    domain::{
        duties::{Decision, PutawayStatus, Quality},
        order::{ItemStatus, PackageStatus},
    },
    storage::RunResult,
};

use crate::{
    history::{History, Of, Said, Start, State},
    host::{Host, connector, observed, snapshot, tenant},
    reference::Class,
};

/// Orders that a run and a person work on at the same time.
const ORDERS: usize = 60;

fn order(state: State, units: usize) -> History {
    let parcels = vec![Start { state, products: vec![0; units] }];
    History { shipped_by: ShippedBy::Channel, missing: None, parcels, free: [1, 0], steps: Vec::new() }
}

fn says(status: Status, day: u8) -> Said {
    Said { status: Some(status), kind: None, of: Of::Order, day: Some(day) }
}

#[tokio::test]
async fn what_a_person_decided_is_not_asked_again_however_often_it_is_said() {
    let cancelled = order(State::Loose(ItemStatus::Cancelled), 1);
    let host = Host::new(&connector(), snapshot([(0, &cancelled), (1, &cancelled)].into_iter())).await;
    let sent: Vec<_> = (0..2).flat_map(|number| observed(&[says(Status::Dispatched, 10)], number)).collect();
    assert_eq!(host.observe(sent.clone()).await, [Class::Conflict; 2]);
    let decisions = [Decision::Accept, Decision::Keep];
    for (number, decision) in decisions.into_iter().enumerate() {
        let code = &host.file(number).await.conflicts[0].code;
        host.engine.decide_conflict(&tenant(), code, decision).await.expect("it is decided");
    }
    let before = host.export().await;
    // The same fact, and the same word at a later time.
    let again: Vec<_> = (0..2).flat_map(|number| observed(&[says(Status::Dispatched, 11)], number)).collect();
    for _ in 0..10 {
        assert_eq!(host.observe(sent.clone()).await, [Class::Nothing; 2]);
        assert_eq!(host.observe(again.clone()).await, [Class::Nothing; 2]);
    }
    let after = host.export().await;
    assert_eq!(
        (after.orders[0].items[0].status, after.orders[1].items[0].status),
        (ItemStatus::Dispatched, ItemStatus::Cancelled)
    );
    assert_eq!(
        after.conflicts.iter().map(|conflict| conflict.decision).collect::<Vec<_>>(),
        decisions.map(Some)
    );
    assert!(after.conflicts.iter().all(|conflict| !conflict.open));
    assert_eq!(
        (after.conflicts, after.invoices, after.stock),
        (before.conflicts, before.invoices, before.stock)
    );
}

/// What a person does about each order while runs go on.
async fn work(host: &Host, number: usize) {
    let file = host.file(number).await;
    let done = match (file.putaways.first(), file.conflicts.first()) {
        (Some(putaway), _) => host.engine.complete_putaway(&tenant(), &putaway.code, Quality::Good).await,
        (_, Some(conflict)) => host.engine.decide_conflict(&tenant(), &conflict.code, Decision::Keep).await,
        (None, None) => panic!("order {number} needs nobody"),
    };
    done.expect("a person's act is done although a run is writing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_while_a_run_writes_is_never_lost() {
    // Even orders: two units of an invoiced package, one of which was cancelled and waits to be put away.
    // Odd orders: cancelled here and sent there, which asks for a person.
    let histories: Vec<History> = (0..ORDERS)
        .map(|number| match number % 2 {
            0 => order(State::Packed(PackageStatus::Packed), 2),
            _ => order(State::Loose(ItemStatus::Cancelled), 1),
        })
        .collect();
    let host = Host::new(&connector(), snapshot(histories.iter().enumerate())).await;
    let first = |number: usize| {
        let of = if number.is_multiple_of(2) { Of::Unit(0) } else { Of::Order };
        let status = if number.is_multiple_of(2) { Status::Cancelled } else { Status::Dispatched };
        observed(&[Said { of, ..says(status, 5) }], number)
    };
    host.observe((0..ORDERS).flat_map(first).collect()).await;

    // A run on another host tells more and more about every order, while the person goes through the list.
    let other = host.another();
    let run = async {
        for day in 6..14 {
            let status = [Status::Dispatched, Status::InTransit, Status::Delivered][usize::from(day) % 3];
            for numbers in [0..ORDERS / 2, ORDERS / 2..ORDERS] {
                let facts = numbers.flat_map(|number| observed(&[says(status, day)], number)).collect();
                assert_eq!(other.observe_all(facts).await, RunResult::Success);
            }
        }
    };
    let person = async {
        for number in 0..ORDERS {
            work(&host, number).await;
        }
    };
    tokio::join!(run, person);

    for number in 0..ORDERS {
        let file = host.file(number).await;
        let states: Vec<ItemStatus> = file.order.items.iter().map(|item| item.status).collect();
        if number.is_multiple_of(2) {
            assert_eq!(file.putaways[0].status, PutawayStatus::Complete, "order {number}");
            assert_eq!(states, [ItemStatus::Cancelled, ItemStatus::Delivered], "order {number}");
            assert!(!file.order.items[0].is_allocated());
        } else {
            assert_eq!(
                (file.conflicts[0].open, file.conflicts[0].decision),
                (false, Some(Decision::Keep)),
                "order {number}"
            );
            assert_eq!(states, [ItemStatus::Cancelled], "order {number}");
        }
        let told = host.store.history(&tenant(), &file.order.code).await.expect("history");
        assert_eq!(told.iter().filter(|change| change.run == "a person").count(), 1, "order {number}");
    }
    // One unit of each even order has left and one is back on the shelf; the odd ones moved nothing.
    for row in host.export().await.stock.iter().filter(|row| row.sku.as_str().ends_with("-0")) {
        let number: usize = row.sku.as_str()[2..row.sku.as_str().len() - 2].parse().expect("a number");
        let on_hand = if number.is_multiple_of(2) { 2 } else { 1 };
        assert_eq!((row.on_hand, row.blocked, row.shortfall), (on_hand, 0, 0), "order {number}");
    }
}
