//! People, their roles and their sessions.

use super::{
    Database,
    sample::{acme, now},
};
use crate::{
    access::Role,
    storage::{Person, SavedFilter, Session, StoreError, User},
};

fn ana(roles: &[(Option<&str>, Role)]) -> Person {
    let user = User {
        id: "u1".to_owned(),
        login: "ana@acme.example".to_owned(),
        name: "Ana".to_owned(),
        created_at: now(),
        password_set_at: now(),
        must_change_password: true,
        disabled_at: None,
    };
    Person { user, roles: roles.iter().map(|(tenant, role)| (tenant.map(Into::into), *role)).collect() }
}

fn session(at: i64) -> Session {
    Session { user: "u1".to_owned(), created_at: at, last_seen_at: at, expires_at: at + 10 }
}

pub(crate) async fn a_user_is_found_by_login_with_roles_and_no_two_share_one(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    let ana = ana(&[(None, Role::Viewer), (Some("acme"), Role::Admin)]);
    store.add_user(&ana, "phc").await.unwrap();
    assert_eq!(store.user("ana@acme.example").await.unwrap(), Some((ana.clone(), "phc".to_owned())));
    assert_eq!(store.user("bob").await.unwrap(), None);
    assert_eq!(store.users().await.unwrap(), std::slice::from_ref(&ana));
    let mut twin = ana.clone();
    twin.user.id = "u2".to_owned();
    assert!(matches!(store.add_user(&twin, "").await, Err(StoreError::Exists(_))));
    twin.user.login = "bob".to_owned();
    twin.roles = vec![(Some("nobody".into()), Role::Viewer)];
    assert!(matches!(store.add_user(&twin, "").await, Err(StoreError::NotFound(_))));
    assert_eq!(store.users().await.unwrap(), [ana], "a user whose role is refused is not added");
}

pub(crate) async fn a_role_is_set_changed_and_taken_away(db: &impl Database) {
    let store = db.open();
    store.add_tenant(&acme()).await.unwrap();
    store.add_user(&ana(&[]), "").await.unwrap();
    let roles = async || store.user("ana@acme.example").await.unwrap().unwrap().0.roles;
    store.set_role("u1", Some(&acme()), Some(Role::Viewer)).await.unwrap();
    store.set_role("u1", None, Some(Role::Admin)).await.unwrap();
    store.set_role("u1", Some(&acme()), Some(Role::Operator)).await.unwrap();
    assert_eq!(roles().await, [(None, Role::Admin), (Some(acme()), Role::Operator)]);
    store.set_role("u1", None, None).await.unwrap();
    assert_eq!(roles().await, [(Some(acme()), Role::Operator)]);
    for unknown in [
        store.set_role("u2", None, Some(Role::Viewer)).await,
        store.set_role("u1", Some(&"nobody".into()), Some(Role::Viewer)).await,
    ] {
        assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    }
    store.remove_tenant(&acme()).await.unwrap();
    assert_eq!(roles().await, [], "roles go with the tenant");
}

pub(crate) async fn a_session_is_known_until_it_is_ended_and_only_one_ends_it(db: &impl Database) {
    let store = db.open();
    store.add_user(&ana(&[]), "").await.unwrap();
    store.add_session(&[1; 32], &session(100)).await.unwrap();
    assert_eq!(store.session(&[1; 32]).await.unwrap(), Some((session(100), ana(&[]))));
    assert_eq!(store.session(&[2; 32]).await.unwrap(), None);
    store.session_was_used(&[1; 32], 105).await.unwrap();
    let used = Session { last_seen_at: 105, ..session(100) };
    assert_eq!(store.end_session(&[1; 32]).await.unwrap(), Some((used, ana(&[]))));
    assert_eq!(store.end_session(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
}

pub(crate) async fn sessions_that_are_over_are_forgotten_when_another_begins(db: &impl Database) {
    let store = db.open();
    store.add_user(&ana(&[]), "").await.unwrap();
    store.add_session(&[1; 32], &session(100)).await.unwrap();
    store.add_session(&[2; 32], &session(109)).await.unwrap();
    assert!(store.session(&[1; 32]).await.unwrap().is_some());
    store.add_session(&[3; 32], &session(110)).await.unwrap();
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    assert!(store.session(&[2; 32]).await.unwrap().is_some());
}

pub(crate) async fn a_new_password_and_a_disabled_user_have_no_sessions(db: &impl Database) {
    let store = db.open();
    store.add_user(&ana(&[]), "old").await.unwrap();
    store.add_session(&[1; 32], &session(100)).await.unwrap();
    store.set_password("u1", "new", false, 7).await.unwrap();
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    let (person, password) = store.user("ana@acme.example").await.unwrap().unwrap();
    let User { password_set_at, must_change_password, .. } = person.user;
    assert_eq!((password.as_str(), password_set_at, must_change_password), ("new", 7, false));

    store.add_session(&[2; 32], &session(100)).await.unwrap();
    store.disable_user("u1", Some(9)).await.unwrap();
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
    let disabled = async || store.users().await.unwrap()[0].user.disabled_at;
    assert_eq!(disabled().await, Some(9));
    store.disable_user("u1", None).await.unwrap();
    assert_eq!(disabled().await, None);
    for unknown in [store.set_password("u2", "", false, 7).await, store.disable_user("u2", None).await] {
        assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    }
}

pub(crate) async fn filters_are_kept_by_name_for_their_tenant(db: &impl Database) {
    let store = db.open();
    let (acme, other) = (acme(), "other".into());
    store.add_tenant(&acme).await.unwrap();
    let filter = |name: &str, query: &str| SavedFilter {
        name: name.to_owned(),
        query: query.to_owned(),
        who: "user:u1".to_owned(),
        at: now(),
    };
    for (name, query) in [("b", "?x"), ("a", "?y"), ("b", "?z")] {
        store.save_filter(&acme, &filter(name, query)).await.unwrap();
    }
    assert_eq!(store.saved_filters(&acme).await.unwrap(), [filter("a", "?y"), filter("b", "?z")]);
    assert_eq!(store.saved_filters(&other).await.unwrap(), []);
    let unknown = store.save_filter(&other, &filter("a", "?")).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    store.forget_filter(&acme, "a").await.unwrap();
    store.forget_filter(&acme, "a").await.unwrap();
    assert_eq!(store.saved_filters(&acme).await.unwrap(), [filter("b", "?z")]);
    store.remove_tenant(&acme).await.unwrap();
    assert_eq!(store.saved_filters(&acme).await.unwrap(), [], "they go with the tenant");
}
