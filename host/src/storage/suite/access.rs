//! Keys of programs, requests that may be repeated, and who did what.

use plugin_api::Millis;

use super::{
    Database,
    sample::{acme, now},
};
use crate::{
    access::{Scope, Scopes},
    storage::{ANSWER_KEPT_MS, Action, ApiKey, Begun, REQUEST_HELD_MS, SavedAnswer, StoreError},
};

fn key(id: &str, tenant: Option<&str>) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        tenant: tenant.map(Into::into),
        label: "order system".to_owned(),
        scopes: Scopes::from_iter([Scope::Read, Scope::Orders]),
        created_at: now(),
        expires_at: Some(now() + 1),
        revoked_at: None,
        last_used_at: None,
    }
}

pub(crate) async fn a_key_is_kept_with_its_hash_until_it_is_revoked_and_after(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    let (one, every) = (key("one", Some("acme")), key("zero", None));
    store.add_api_key(&one, &[1; 32]).await.unwrap();
    store.add_api_key(&every, &[2; 32]).await.unwrap();
    assert_eq!(store.api_key("one").await.unwrap(), Some((one.clone(), [1; 32])));
    assert_eq!(store.api_key("two").await.unwrap(), None);
    assert_eq!(store.api_keys(Some(&acme())).await.unwrap(), std::slice::from_ref(&one));
    assert_eq!(store.api_keys(None).await.unwrap(), [one.clone(), every]);
    store.api_key_was_used("one", 5).await.unwrap();
    store.revoke_api_key("one", 7).await.unwrap();
    store.revoke_api_key("one", 9).await.unwrap();
    let (revoked, _) = store.api_key("one").await.unwrap().unwrap();
    assert_eq!(revoked, ApiKey { revoked_at: Some(7), last_used_at: Some(5), ..one });
    assert!(matches!(store.revoke_api_key("two", 7).await, Err(StoreError::NotFound(_))));
    let unknown = store.add_api_key(&key("two", Some("nobody")), &[3; 32]).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn the_keys_of_a_tenant_go_with_it(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    store.add_api_key(&key("one", Some("acme")), &[1; 32]).await.unwrap();
    store.add_api_key(&key("zero", None), &[2; 32]).await.unwrap();
    store.remove_tenant(&acme()).await.unwrap();
    assert!(store.api_key("one").await.unwrap().is_none() && store.api_key("zero").await.unwrap().is_some());
}

fn answer() -> SavedAnswer {
    let headers = vec![("location".to_owned(), "/v1/x".to_owned())];
    SavedAnswer { status: 202, headers, body: "{\"text\":\"shown once\"}".to_owned() }
}

pub(crate) async fn of_requests_with_one_key_one_is_the_first_and_the_others_get_its_answer(
    db: &impl Database,
) {
    let (one, other) = (db.open(), db.open());
    let begin = async |hash: u8| one.begin_request("a", "k", &[hash; 32], now()).await.unwrap();
    assert_eq!(begin(1).await, Begun::First { since: now() });
    assert_eq!(other.begin_request("a", "k", &[1; 32], now()).await.unwrap(), Begun::Running);
    assert_eq!(begin(2).await, Begun::Different);
    assert_eq!(one.begin_request("b", "k", &[2; 32], now()).await.unwrap(), Begun::First { since: now() });
    one.save_answer("a", "k", &answer()).await.unwrap();
    assert_eq!(begin(1).await, Begun::Answered(answer()));
    assert_eq!(begin(2).await, Begun::Different);
}

pub(crate) async fn a_request_that_came_to_nothing_is_forgotten_and_an_answered_one_is_not(
    db: &impl Database,
) {
    let store = db.open();
    let begin = async |hash: u8| store.begin_request("a", "k", &[hash; 32], now()).await.unwrap();
    begin(1).await;
    store.forget_request("a", "k").await.unwrap();
    assert_eq!(begin(2).await, Begun::First { since: now() });
    store.save_answer("a", "k", &answer()).await.unwrap();
    store.forget_request("a", "k").await.unwrap();
    assert_eq!(begin(2).await, Begun::Answered(answer()));
}

pub(crate) async fn a_request_whose_host_died_is_taken_over_and_an_old_answer_is_forgotten(
    db: &impl Database,
) {
    let store = db.open();
    let at = async |later: Millis| store.begin_request("a", "k", &[1; 32], now() + later).await.unwrap();
    let first = Begun::First { since: now() };
    assert_eq!(at(0).await, first);
    assert_eq!(at(REQUEST_HELD_MS - 1).await, Begun::Running);
    assert_eq!(at(REQUEST_HELD_MS).await, first, "it is still the same request");
    store.save_answer("a", "k", &answer()).await.unwrap();
    assert_eq!(at(ANSWER_KEPT_MS - 1).await, Begun::Answered(answer()));
    assert_eq!(at(ANSWER_KEPT_MS).await, Begun::First { since: now() + ANSWER_KEPT_MS });
}

pub(crate) async fn what_was_done_is_listed_newest_first_by_tenant(db: &impl Database) {
    let store = db.open();
    let action = |tenant: Option<&str>, at: Millis| Action {
        id: 0,
        tenant: tenant.map(Into::into),
        at,
        who: "key:one".to_owned(),
        action: "PATCH /v1/tenants/{tenant}".to_owned(),
        subject: "/v1/tenants/acme".to_owned(),
    };
    for (tenant, at) in [(Some("acme"), 1), (Some("other"), 2), (None, 3), (Some("acme"), 4)] {
        store.note_action(&action(tenant, at)).await.unwrap();
    }
    let listed = store.actions(&acme(), None, 10).await.unwrap();
    let expected = [(2, 4), (1, 1)].map(|(id, at)| Action { id, ..action(Some("acme"), at) });
    assert_eq!(listed, expected);
    assert_eq!(store.actions(&acme(), Some(2), 10).await.unwrap(), expected[1..]);
    assert_eq!(store.actions(&acme(), None, 1).await.unwrap(), expected[..1]);
}
