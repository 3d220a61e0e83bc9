//! A few connections, handed out one for each transaction.
//!
//! Nothing is kept in a session between two transactions, so that a pooler may stand in between. A connection whose state
//! is in doubt is closed, never handed out again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{address::Address, fault::Fail};
use crate::storage::StoreError;

/// How long a caller waits for a connection to be free, and how long the server may take to accept one.
const TAKE: Duration = Duration::from_secs(5);
/// The most that all of it may take until a transaction has begun.
const BEGIN: Duration = Duration::from_secs(10);
/// The most that beginning or ending a transaction may take.
const TURN: Duration = Duration::from_secs(5);
/// After the server did not answer, nobody tries again for this long.
const PAUSE: Duration = Duration::from_secs(1);
/// A connection is replaced after this, so that servers and poolers can be moved.
const LIFE: Duration = Duration::from_mins(30);

/// The connections to a database.
pub(super) struct Connections {
    pub(super) address: Address,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Held>>,
    unanswered: Mutex<Option<Instant>>,
    /// Whether statements are prepared once for each connection, under a name.
    named: bool,
}

struct Held {
    connection: PgConnection,
    made: Instant,
}

/// A connection inside a transaction. Dropped without a word, it is closed and the transaction taken back.
pub(super) struct Tx {
    held: Held,
    _place: OwnedSemaphorePermit,
    pub(super) named: bool,
    #[cfg(test)]
    pub(super) statements: Vec<String>,
}

impl Tx {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.held.connection
    }
}

impl Connections {
    pub(super) fn new(address: Address, count: usize, named: bool) -> Connections {
        Connections {
            address,
            places: Arc::new(Semaphore::new(count)),
            idle: Mutex::default(),
            unanswered: Mutex::default(),
            named,
        }
    }

    /// Begins a transaction with this text, on a connection that answers.
    pub(super) async fn begin(&self, text: &str) -> Result<Tx, Fail> {
        timeout(BEGIN, self.begun(text)).await.map_err(|_| Fail::TookTooLong)?
    }

    async fn begun(&self, text: &str) -> Result<Tx, Fail> {
        let place = timeout(TAKE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Fail::TookTooLong)?.map_err(|_| Fail::Store(StoreError::Closed))?;
        while let Some(mut held) = self.take_idle() {
            match turn(&mut held.connection, text).await {
                Ok(()) => return Ok(self.tx(held, place)),
                // Where one is not answered the others, which go the same way, are not either.
                Err(Fail::TookTooLong) => self.idle().clear(),
                // It was lost while nobody looked; nothing was begun, so another one may.
                Err(fail) if fail.is_of_connection() => {}
                Err(fail) => return Err(fail),
            }
        }
        let mut held = Held { connection: self.connect().await?, made: Instant::now() };
        turn(&mut held.connection, text).await?;
        Ok(self.tx(held, place))
    }

    fn tx(&self, held: Held, place: OwnedSemaphorePermit) -> Tx {
        Tx {
            held,
            _place: place,
            named: self.named,
            #[cfg(test)]
            statements: Vec::new(),
        }
    }

    pub(super) async fn commit(&self, tx: Tx) -> Result<(), Fail> {
        self.end(tx, "COMMIT").await
    }

    pub(super) async fn roll_back(&self, tx: Tx) -> Result<(), Fail> {
        self.end(tx, "ROLLBACK").await
    }

    async fn end(&self, mut tx: Tx, text: &str) -> Result<(), Fail> {
        turn(tx.connection(), text).await?;
        if tx.held.made.elapsed() < LIFE {
            self.idle().push(tx.held);
        }
        Ok(())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Held>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Held> {
        self.idle().pop()
    }

    async fn connect(&self) -> Result<PgConnection, Fail> {
        let last = *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < PAUSE) {
            let place = self.address.place.clone();
            return Err(
                StoreError::Unreachable { place, source: "it did not answer a moment ago".into() }.into()
            );
        }
        let connected = match timeout(TAKE, self.address.options.connect()).await {
            Ok(connected) => connected.map_err(Fail::Connecting),
            Err(_) => Err(Fail::Connecting(std::io::Error::from(std::io::ErrorKind::TimedOut).into())),
        };
        let is_unanswered = connected.as_ref().is_err_and(is_away);
        let at = is_unanswered.then(Instant::now);
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = at;
        connected
    }
}

/// Whether nobody who could be asked is there, or whoever stands in between finds nobody. A refusal in words (a wrong
/// password, no such database) is an answer.
fn is_away(fail: &Fail) -> bool {
    match (fail, fail.code()) {
        // It shuts down, starts, or has no connection left.
        (Fail::Connecting(_), Some(code)) => {
            code.starts_with("57P") || code.starts_with("08") || code == "53300"
        }
        (Fail::Connecting(_), None) => true,
        _ => false,
    }
}

/// Sends a text of one or more statements that return nothing of interest.
async fn turn(connection: &mut PgConnection, text: &str) -> Result<(), Fail> {
    let sent = sqlx::raw_sql(AssertSqlSafe(text)).execute(connection);
    timeout(TURN, sent).await.map_err(|_| Fail::TookTooLong)??;
    Ok(())
}
