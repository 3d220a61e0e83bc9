//! What people set, and the store's word about itself.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::Millis;

use super::{
    Database,
    sample::{acme, acme_with, channel, fence, fk1, import, now},
};
use crate::{
    domain::zone::Zone,
    secrets::{Secret, SecretError},
    storage::{Call, Claim, Slot, StoreError},
};

pub(crate) async fn tenants_are_added_once_and_go_live(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    assert!(matches!(store.add_tenant(&acme()).await, Err(StoreError::Exists(_))));
    assert!(!store.tenant(&acme()).await.unwrap().unwrap().live);
    store.set_live(&acme(), true).await.unwrap();
    assert!(store.tenants().await.unwrap()[0].live);
    assert!(matches!(store.set_live(&"other".into(), true).await, Err(StoreError::NotFound(_))));
    assert!(store.tenant(&"other".into()).await.unwrap().is_none());
}

pub(crate) async fn a_tenant_keeps_its_time_zone_and_takes_it_along(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    let zone = async || store.tenant(&acme()).await.unwrap().unwrap().zone.name().to_owned();
    assert_eq!(zone().await, "Asia/Kolkata");
    assert!(!super::sample::export(&*store, &acme()).await.contains("zone"), "what is usual is not said");
    let dubai = Zone::parse("Asia/Dubai").unwrap();
    store.set_zone(&acme(), &dubai).await.unwrap();
    assert_eq!((zone().await.as_str(), &store.tenants().await.unwrap()[0].zone), ("Asia/Dubai", &dubai));
    assert!(matches!(store.set_zone(&"other".into(), &dubai).await, Err(StoreError::NotFound(_))));
    let exported = super::sample::export(&*store, &acme()).await;
    import(&*store, acme_with(0)).await;
    assert_eq!(zone().await, "Asia/Kolkata", "a snapshot replaces the whole state");
    import(&*store, serde_json::from_str(&exported).unwrap()).await;
    assert_eq!(zone().await, "Asia/Dubai");
    assert_eq!(super::sample::export(&*store, &acme()).await, exported);
}

fn pair(name: &str, value: &str) -> BTreeMap<String, Secret> {
    BTreeMap::from([(name.to_owned(), value.into())])
}

pub(crate) async fn secrets_are_read_back_and_sealed_for_their_place(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    store.put_secrets(&acme(), &fk1(), &pair("client_id", "one")).await.unwrap();
    store.put_secrets(&acme(), &fk1(), &pair("token", "two")).await.unwrap();
    store.put_secrets(&acme(), &fk1(), &pair("token", "three")).await.unwrap();
    let names = BTreeSet::from(["client_id".to_owned(), "token".to_owned()]);
    assert_eq!(store.secret_names(&acme(), &fk1()).await.unwrap(), names);
    let secrets = store.secrets(&acme(), &fk1()).await.unwrap();
    assert_eq!((secrets["client_id"].reveal(), secrets["token"].reveal()), ("one", "three"));
    assert!(store.secrets(&acme(), &"AZ1".into()).await.unwrap().is_empty());
    let unknown = store.put_secrets(&acme(), &"NO".into(), &pair("a", "b")).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn a_host_with_another_key_cannot_read_secrets(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    store.put_secrets(&acme(), &fk1(), &pair("token", "s3cret")).await.unwrap();
    let error = db.open_with_another_key().secrets(&acme(), &fk1()).await.unwrap_err();
    assert!(matches!(error, StoreError::Secret(SecretError::WrongKey { .. })));
    let text = format!("{error} {error:?}");
    assert!(text.contains("acme/FK1/token") && !text.contains("s3cret"), "{text}");
}

pub(crate) async fn a_token_is_kept_unless_its_run_was_passed(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    assert!(store.token(&acme(), &fk1()).await.unwrap().is_none());
    let Claim::Got(old, _) = store.claim(&acme(), &fk1(), "old", 0, None).await.unwrap() else { panic!() };
    // It has run out, and nobody has the channel since.
    store.put_token(&old, &"bearer".into(), now()).await.unwrap();
    let (token, expires_at) = store.token(&acme(), &fk1()).await.unwrap().unwrap();
    assert_eq!((token.reveal(), expires_at), ("bearer", now()));

    let new = fence(&*store, "FK1", "new").await;
    store.put_token(&new, &"newer".into(), now()).await.unwrap();
    let stale = store.put_token(&old, &"older".into(), now()).await;
    assert!(matches!(stale, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.token(&acme(), &fk1()).await.unwrap().unwrap().0.reveal(), "newer");
    store.forget_token(&acme(), &fk1()).await.unwrap();
    assert!(store.token(&acme(), &fk1()).await.unwrap().is_none());
}

pub(crate) async fn secrets_that_were_replaced_meanwhile_are_not_replaced_again(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let replace = |was, next| {
        let (store, was, next) = (&store, pair("refresh_token", was), pair("refresh_token", next));
        async move { store.replace_secrets(&acme(), &fk1(), &was, &next).await.unwrap() }
    };
    let none = BTreeMap::new();
    let first = pair("refresh_token", "one");
    assert!(store.replace_secrets(&acme(), &fk1(), &none, &first).await.unwrap());
    assert!(replace("one", "two").await);
    assert!(!replace("one", "late").await);
    assert!(!store.replace_secrets(&acme(), &fk1(), &none, &first).await.unwrap());
    assert_eq!(store.secrets(&acme(), &fk1()).await.unwrap()["refresh_token"].reveal(), "two");
}

fn call(account: &str, operation: &str, burst: u32, now: Millis) -> Call {
    let (account, operation) = (account.to_owned(), operation.to_owned());
    Call { account, operation, interval_ms: 1_000, burst, patience_ms: 2_000, now }
}

pub(crate) async fn a_bucket_lets_its_burst_through_and_then_paces(db: &impl Database) {
    let (store, other_host) = (db.open(), db.open());
    let mut slots = Vec::new();
    for store in [&store, &other_host, &store, &other_host, &store, &other_host, &store] {
        slots.push(store.reserve(call("acme/FK1", "search", 3, now()), None).await.unwrap());
    }
    let wanted = [0, 0, 0, 1_000, 2_000].map(Slot::Taken).into_iter().chain([Slot::TooFar(3_000); 2]);
    assert_eq!(slots, wanted.collect::<Vec<_>>());
    let reserve = async |account, operation, burst, now| {
        store.reserve(call(account, operation, burst, now), None).await.unwrap()
    };
    assert_eq!(reserve("acme/FK1", "search", 3, now() + 1_500).await, Slot::Taken(1_500));
    assert_eq!(reserve("acme/FK1", "search", 3, now() + 60_000).await, Slot::Taken(0));
    assert_eq!(reserve("acme/FK1", "other", 1, now()).await, Slot::Taken(0));
    assert_eq!(reserve("acme/AZ1", "search", 1, now()).await, Slot::Taken(0));
}

pub(crate) async fn buckets_are_read_without_taking(db: &impl Database) {
    let store = db.open();
    let reserve = async |account, operation, burst| {
        store.reserve(call(account, operation, burst, now()), None).await.unwrap()
    };
    assert!(store.buckets("acme/FK1").await.unwrap().is_empty());
    reserve("acme/FK1", "search", 3).await;
    reserve("acme/FK1", "search", 3).await;
    reserve("acme/FK1", "list", 1).await;
    reserve("acme/AZ1", "search", 1).await;
    for _ in 0..2 {
        let wanted = [("list".to_owned(), now() + 1_000), ("search".to_owned(), now() + 2_000)];
        assert_eq!(store.buckets("acme/FK1").await.unwrap(), wanted);
    }
    assert!(store.buckets("acme/FK").await.unwrap().is_empty());
}

pub(crate) async fn a_run_that_was_passed_takes_nothing_from_a_bucket(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let Claim::Got(old, _) = store.claim(&acme(), &fk1(), "old", 0, None).await.unwrap() else { panic!() };
    let new = fence(&*store, "FK1", "new").await;
    let one = call("acme/FK1", "search", 1, now());
    let stale = store.reserve(one.clone(), Some(&old)).await;
    assert!(matches!(stale, Err(StoreError::LeaseLost { .. })));
    assert_eq!(store.reserve(one, Some(&new)).await.unwrap(), Slot::Taken(0));
}

pub(crate) async fn stock_on_hand_is_set_and_what_is_blocked_stays(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let (facility, sku) = ("DEL1".into(), "A".into());
    let stock = store.set_on_hand(&acme(), &facility, &sku, 7).await.unwrap();
    assert_eq!((stock.on_hand, stock.blocked, stock.available), (7, 2, 5));
    let stock = store.set_on_hand(&acme(), &facility, &"B".into(), 1).await.unwrap();
    assert_eq!((stock.on_hand, stock.blocked), (1, 0));
    assert_eq!(store.stock(&acme()).await.unwrap().len(), 2);
    let unknown = store.set_on_hand(&"other".into(), &facility, &sku, 7).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn a_channel_is_switched_off_and_on(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    for enabled in [false, true] {
        store.enable_channel(&acme(), &fk1(), enabled).await.unwrap();
        assert_eq!(channel(&*store, "FK1").await.enabled, enabled);
    }
    let codes: Vec<_> =
        store.channels(&acme()).await.unwrap().iter().map(|channel| channel.code.to_string()).collect();
    assert_eq!(codes, ["AZ1", "FK1"]);
    let unknown = store.enable_channel(&acme(), &"NO".into(), true).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    let unknown = store.put_channel(&"other".into(), &channel(&*store, "FK1").await).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn breakers_are_kept_until_they_are_struck_out(db: &impl Database) {
    let store = db.open();
    store.put_breaker("connector paytm", "old").await.unwrap();
    store.put_breaker("connector paytm", "P").await.unwrap();
    store.put_breaker("account acme/FK1", "A").await.unwrap();
    drop(store);
    let store = db.open();
    assert_eq!(store.breakers(None).await.unwrap(), ["A", "P"]);
    let one = ["connector paytm".to_owned(), "connector voonik".to_owned()];
    assert_eq!(store.breakers(Some(&one)).await.unwrap(), ["P"]);
    store.drop_breaker("connector paytm").await.unwrap();
    store.drop_breaker("connector paytm").await.unwrap();
    assert_eq!(store.breakers(None).await.unwrap(), ["A"]);
}

pub(crate) async fn the_store_is_sound(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(3)).await;
    let health = store.check().await.unwrap();
    assert_eq!(health.faults, [""; 0]);
    assert!(health.schema >= 3, "{}", health.schema);
}
