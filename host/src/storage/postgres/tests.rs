//! What only PostgreSQL can get wrong; the cases that every store shares are in the suite.

use std::sync::OnceLock;

use kit::cluster::{self, Cluster};

use super::{Postgres, PostgresSetup};
use crate::{
    secrets::Key,
    storage::{
        Store,
        suite::{self, Database},
    },
};

/// A database of the private cluster, prepared for the role that hosts work with.
struct Place {
    database: cluster::Database,
    dir: tempfile::TempDir,
    key: Key,
}

fn prepare(database: &cluster::Database) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(Postgres::prepare(&database.url(cluster::OWNER), cluster::APP)).unwrap();
}

impl Place {
    /// A copy of one that was prepared before: making the tables takes longer.
    fn new() -> Place {
        static PREPARED: OnceLock<cluster::Database> = OnceLock::new();
        let cluster = Cluster::of_this_process();
        let prepared = PREPARED.get_or_init(|| {
            let database = cluster.database();
            std::thread::scope(|scope| scope.spawn(|| prepare(&database)).join().unwrap());
            database
        });
        let dir = tempfile::tempdir().unwrap();
        let key = Key::create(&dir.path().join("key")).unwrap();
        Place { database: cluster.copy(prepared), dir, key }
    }

    fn setup(&self) -> PostgresSetup {
        PostgresSetup {
            url: self.database.url(cluster::APP),
            connections: 4,
            prepared_statements: true,
            allow_privileged_role: false,
        }
    }

    fn store(&self) -> Postgres {
        Postgres::open(&self.setup(), self.key.clone()).unwrap()
    }
}

impl Database for Place {
    fn open(&self) -> Box<dyn Store> {
        Box::new(self.store())
    }

    fn open_with_another_key(&self) -> Box<dyn Store> {
        let key = Key::create(&self.dir.path().join("another")).unwrap();
        Box::new(Postgres::open(&self.setup(), key).unwrap())
    }
}

mod shared {
    super::suite::suite!(super::super::Place::new());
}
