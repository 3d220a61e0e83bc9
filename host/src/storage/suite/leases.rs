//! Leases: one holder, judged by the database's clock.

use plugin_api::Task;

use super::{
    Database,
    sample::{MINUTE, acme, acme_with, fence, fk1, import},
};
use crate::storage::{Claim, Full, NewRun, NewTask, StoreError, Trigger};

pub(crate) async fn one_run_holds_a_channel(db: &impl Database) {
    let (one, two) = (db.open(), db.open());
    import(&*one, acme_with(0)).await;
    let held = fence(&*one, "FK1", "one").await;
    for (store, holder) in [(&one, "one"), (&two, "two")] {
        match store.claim(&acme(), &fk1(), holder, MINUTE, None).await.unwrap() {
            Claim::Held { holder, since, until } => {
                assert_eq!(holder, "one");
                assert!(since > 0 && until > since, "{since} {until}");
            }
            other => panic!("{other:?}"),
        }
    }
    fence(&*two, "AZ1", "two").await;
    one.renew(&held, MINUTE).await.unwrap();
    one.release(&held).await.unwrap();
    assert!(matches!(one.renew(&held, MINUTE).await, Err(StoreError::LeaseLost { .. })));
    fence(&*two, "FK1", "two").await;
    let unknown = one.claim(&acme(), &"NO".into(), "one", MINUTE, None).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
}

pub(crate) async fn a_lease_that_ran_out_is_taken_over_with_a_higher_epoch(db: &impl Database) {
    let (one, two) = (db.open(), db.open());
    import(&*one, acme_with(0)).await;
    let Claim::Got(old, _) = one.claim(&acme(), &fk1(), "one", 0, None).await.unwrap() else { panic!() };
    let new = fence(&*two, "FK1", "two").await;
    assert!(new.epoch > old.epoch);
    assert!(matches!(one.renew(&old, MINUTE).await, Err(StoreError::LeaseLost { .. })));
    two.renew(&new, MINUTE).await.unwrap();
}

pub(crate) async fn releasing_a_passed_lease_frees_nothing(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    let Claim::Got(old, _) = store.claim(&acme(), &fk1(), "one", 0, None).await.unwrap() else { panic!() };
    let new = fence(&*store, "FK1", "two").await;
    store.release(&old).await.unwrap();
    store.renew(&new, MINUTE).await.unwrap();
}

pub(crate) async fn a_person_who_waits_goes_ahead_of_the_timer(db: &impl Database) {
    let store = db.open();
    import(&*store, acme_with(0)).await;
    store.ensure_tasks(&acme(), &fk1(), &[NewTask::usual(Task::Status, 0)]).await.unwrap();
    let claim = |trigger, holder: &'static str| {
        let (store, run) = (
            &store,
            NewRun {
                tenant: acme(),
                channel: fk1(),
                task: Some(Task::Status),
                trigger,
                started_at: 0,
                request_key: None,
                only_if_due: false,
            },
        );
        async move { store.claim(&acme(), &fk1(), holder, MINUTE, Some(&run)).await.unwrap() }
    };
    let is_due = async || !store.due_tasks(MINUTE, &Full::default(), 10).await.unwrap().is_empty();

    let Claim::Got(timer, _) = claim(Trigger::Timer, "timer").await else { panic!() };
    assert!(
        matches!(claim(Trigger::Manual, "person").await, Claim::Held { holder, .. } if holder == "timer")
    );
    store.release(&timer).await.unwrap();
    assert!(!is_due().await, "the channel is kept for the person");
    assert_eq!(claim(Trigger::Timer, "next").await, Claim::Wanted, "although it was due a moment ago");
    let Claim::Got(person, _) = claim(Trigger::Manual, "person").await else { panic!() };
    store.release(&person).await.unwrap();
    assert!(is_due().await, "nobody waits any more");
    assert!(matches!(claim(Trigger::Timer, "next").await, Claim::Got(..)));
}
