//! Finding orders by words: however they came, and whatever became of them since.

use std::io;

use serde_json::json;

use super::{
    Database,
    sample::{acme, acme_with, apply, fence, fk1, import, keys, now, order, snapshot},
};
use crate::{
    domain::{
        order::{Order, OrderStatus},
        snapshot::{OrderFile, Snapshot},
    },
    storage::{
        IntakeKeys, IntakeState, Landing, Mode, OrderFilter, PageKeys, PageResult, PageState, Part, Store,
        copy,
    },
};

fn text(text: &str) -> OrderFilter {
    OrderFilter { text: Some(text.to_owned()), ..OrderFilter::default() }
}

fn from(facility: &str) -> OrderFilter {
    OrderFilter { facility: Some(facility.into()), ..OrderFilter::default() }
}

/// The codes that a filter finds, page by page; all three lists and the count say the same.
async fn found(store: &dyn Store, filter: &OrderFilter, limit: u32) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let rows = store.orders(&acme(), filter, after.as_ref(), limit).await.unwrap();
        let named = store.matching_orders(&acme(), filter, after.as_ref(), limit).await.unwrap();
        let refs = store.matching_refs(&acme(), filter, after.as_ref(), limit).await.unwrap();
        assert!(rows.iter().map(|row| &row.code).eq(named.iter().map(|order| &order.code)), "{filter:?}");
        assert!(rows.iter().map(|row| &row.code).eq(refs.iter().map(|order| &order.code)), "{filter:?}");
        let Some(last) = rows.last() else { break };
        after = Some(last.code.clone());
        all.extend(rows.iter().map(|row| row.code.to_string()));
    }
    assert_eq!(store.count_orders(&acme(), filter).await.unwrap(), all.len() as u64, "{filter:?}");
    all
}

/// Orders of which every third has one product, the products of the others begin alike, and the waybills fall as codes rise.
fn many(count: usize) -> Snapshot {
    let mut tenant = acme_with(0);
    let one = |n: usize| {
        let mut order = order(n, if n.is_multiple_of(5) { "AZ1" } else { "FK1" });
        order["code"] = json!(format!("O{n:05}"));
        order["channel_order_id"] = json!(format!("403-{:07}-{n:07}", 9_999_999 - n));
        let sku = if n.is_multiple_of(3) { "ONE".to_owned() } else { format!("Shirt-{n}") };
        order["items"][0]["sku"] = json!(sku);
        order["items"][0]["facility"] = json!(if n.is_multiple_of(2) { "DEL1" } else { "BOM1" });
        order["packages"][0]["awb"] = json!(format!("EK{:05}", 99_999 - n));
        if n.is_multiple_of(100) {
            order["status"] = json!("COMPLETE");
        }
        order
    };
    tenant.orders = (0..count).map(|n| serde_json::from_value(one(n)).unwrap()).collect();
    tenant
}

pub(crate) async fn many_orders_are_found_page_by_page_by_how_a_word_begins(db: &impl Database) {
    let store = db.open();
    let tenant = many(3_000);
    import(&*store, tenant.clone()).await;
    let complete = |filter: OrderFilter| OrderFilter { status: Some(OrderStatus::Complete), ..filter };
    let of_fk1 = |filter: OrderFilter| OrderFilter { channel: Some(fk1()), ..filter };
    let in_bombay = |filter: OrderFilter| OrderFilter { facility: Some("BOM1".into()), ..filter };
    let has_text = |order: &Order, word: &str| {
        let sku = order.items[0].sku.as_str().to_lowercase();
        let awb = order.packages[0].awb.as_deref().unwrap().to_lowercase();
        let values = [order.code.as_str().to_lowercase(), order.channel_order_id.clone(), sku, awb];
        let mut parts = values.iter().flat_map(|value| {
            let behind = value.match_indices('-').map(|(at, _)| &value[at + 1..]);
            std::iter::once(value.as_str()).chain(behind)
        });
        parts.any(|part| part.starts_with(word))
    };
    let mut tried = 0;
    for word in
        ["nothing", "o00007", "one", "shirt", "shirt-29", "29", "o", "ek97", "403-", "0002999", "9997"]
    {
        for filter in [
            text(word),
            complete(text(word)),
            of_fk1(text(word)),
            in_bombay(text(&word.to_uppercase())),
            complete(in_bombay(text(word))),
        ] {
            let lets = |order: &&Order| {
                has_text(order, word)
                    && filter.status.is_none_or(|status| order.status == status)
                    && filter.channel.as_ref().is_none_or(|channel| order.channel == *channel)
                    && filter
                        .facility
                        .as_ref()
                        .is_none_or(|code| order.items[0].facility.as_ref() == Some(code))
            };
            let expected: Vec<_> =
                tenant.orders.iter().filter(lets).map(|order| order.code.to_string()).collect();
            let limit = if expected.len() > 500 { 900 } else { 50 };
            assert_eq!(found(&*store, &filter, limit).await, expected, "{filter:?}");
            tried += expected.len();
        }
    }
    assert!(tried > 10_000, "{tried}");
    for (code, count) in [("BOM1", 1_500), ("DEL1", 1_500), ("del1", 0), ("DEL", 0)] {
        assert_eq!(found(&*store, &from(code), 900).await.len(), count, "{code}");
    }
    assert_eq!(found(&*store, &complete(from("DEL1")), 9).await.len(), 30);
}

/// Gives the package of an order another waybill and its item another facility.
fn sent_otherwise(state: PageState) -> PageResult {
    let mut result = PageResult::default();
    for (_, mut file) in state.files {
        file.order.packages[0].awb = Some("NEW 1".into());
        file.order.items[0].facility = Some("BOM1".into());
        result.files.push(file);
    }
    result
}

pub(crate) async fn an_order_is_found_by_what_it_has_now(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    let fence = fence(&*store, "FK1", "a").await;
    let by = async |filter: OrderFilter| found(&*store, &filter, 10).await;
    let changed = |n: usize, mode: Mode| store.apply_page(&fence, keys([n]), mode, Box::new(sent_otherwise));
    changed(1, Mode::Rehearse).await.unwrap();
    assert_eq!((by(text("ek1")).await, by(text("new")).await), (vec!["O1".to_owned()], vec![]));
    changed(1, Mode::Commit).await.unwrap();
    assert_eq!((by(text("ek1")).await, by(text("new")).await), (vec![], vec!["O1".to_owned()]));
    assert_eq!((by(from("DEL1")).await.len(), by(from("BOM1")).await.len()), (2, 1));
    store.edit_order(&acme(), &"O2".into(), now(), Mode::Commit, Box::new(sent_otherwise)).await.unwrap();
    assert_eq!(by(text("1")).await, ["O1", "O2"], "a word behind a separator");
    assert_eq!(by(text("ek")).await, ["O3"]);
    // A page that changes something else leaves them as they are.
    apply(&*store, &fence, keys([1, 3]), super::sample::everything).await.unwrap();
    assert_eq!((by(text("new")).await.len(), by(text("EK3")).await.len()), (2, 1));
    store.release(&fence).await.unwrap();

    let given: Order = serde_json::from_value(order(9, "FK1")).unwrap();
    let keys = IntakeKeys {
        page: PageKeys { orders: vec![("OD9".into(), None)], now: now(), ..PageKeys::default() },
        codes: vec!["O9".into()],
    };
    let take = move |_: IntakeState| PageResult {
        files: vec![OrderFile { order: given, invoices: vec![], putaways: vec![], conflicts: vec![] }],
        ..PageResult::default()
    };
    store.take_orders(&acme(), &fk1(), keys, Mode::Commit, Box::new(take)).await.unwrap();
    assert_eq!(by(text("od9")).await, ["O9"]);

    import(&*store, acme_with(1)).await;
    assert_eq!((by(text("o")).await, by(from("BOM1")).await), (vec!["O1".to_owned()], vec![]));
    store.remove_tenant(&acme()).await.unwrap();
    import(&*store, snapshot(json!({"tenant": "acme"}))).await;
    assert_eq!(by(text("o")).await, [""; 0], "nothing is left of what was removed");
}

pub(crate) async fn orders_that_were_copied_are_found_and_no_copy_has_their_words(db: &impl Database) {
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::from(db.open());
    import(&*store, acme_with(30)).await;
    for part in [Part::Tenant(acme()), Part::Moving(acme())] {
        let mut out = Vec::new();
        copy::write_parts(&*store, &[part], now(), &mut out).await.unwrap();
        assert!(
            !String::from_utf8(out.clone()).unwrap().contains("order_words"),
            "they follow from the orders"
        );
        store.remove_tenant(&acme()).await.unwrap();
        copy::take_parts(&*store, io::Cursor::new(out), Landing::Here).await.unwrap();
        assert_eq!(found(&*store, &text("ek7"), 10).await, ["O7"]);
        assert_eq!(found(&*store, &from("DEL1"), 10).await.len(), 30);
    }
}

pub(crate) async fn a_tenant_finds_none_of_anothers_orders(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(2)).await;
    import(&*store, Snapshot { tenant: "other".into(), ..acme_with(5) }).await;
    assert_eq!(found(&*store, &text("od"), 10).await, ["O1", "O2"]);
    assert_eq!(found(&*store, &from("DEL1"), 10).await.len(), 2);
}
