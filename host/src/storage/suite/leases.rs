//! Leases: one holder, judged by the database's clock.

use super::{
    Database,
    sample::{MINUTE, acme, acme_with, fence, fk1, import},
};
use crate::storage::{Claim, StoreError};

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
            Claim::Got(fence, _) => panic!("{fence:?}"),
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
