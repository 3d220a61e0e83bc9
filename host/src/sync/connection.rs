//! Whether a channel's marketplace can be reached and accepts its credentials: one small pull of the real kind, of which
//! nothing is applied or kept. It works before go-live, and while the channel is switched off. It holds the channel
//! meanwhile, since a login belongs to a holder.

use std::{sync::Arc, time::Duration};

use plugin_api::{Error, ErrorKind, Job, Pull, Scope, Task, Work};
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    Engine, SyncError,
    gates::{Gate, Open},
    holding::Holding,
    world::{AccountError, Calls, World, observer, settings_for},
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    plugins::drive,
    storage::{OrderFilter, OrderStage},
};

/// The longest that the test may take.
const LIMIT: Duration = Duration::from_secs(45);
/// The window that is asked for.
const WINDOW_MS: i64 = 60_000;

/// How the test went.
#[derive(Clone, Debug, Serialize)]
pub struct Connection {
    /// Whether the marketplace answered as it should.
    pub works: bool,
    /// In a sentence.
    pub message: String,
    /// The kind of the error: `auth`, `unavailable`, …
    pub kind: Option<ErrorKind>,
    /// Requests that were sent.
    pub calls: u64,
}

impl Engine {
    /// Asks a channel's marketplace for something small.
    ///
    /// # Errors
    /// If the channel is not known or a run has it, or the store failed. What the marketplace says is in the answer.
    pub async fn test_connection(
        &self,
        tenant: &TenantCode,
        channel: &ChannelCode,
    ) -> Result<Connection, SyncError> {
        let mut standing = self.store.standing(tenant, channel).await?;
        // What is switched off until it is known to work is tested, too.
        if let Some(channel) = standing.as_mut().and_then(|standing| standing.channel.as_mut()) {
            channel.enabled = true;
        }
        let open = match self.gate(tenant, channel, standing, None, false)? {
            Gate::Open(open) => open,
            Gate::Closed(message) => return Ok(Connection { works: false, message, kind: None, calls: 0 }),
        };
        let holding = self.claiming(tenant, channel, None, None).hold().await?;
        let tested = self.tested(tenant, &open, &holding).await;
        holding.release().await;
        tested
    }

    async fn tested(
        &self,
        tenant: &TenantCode,
        open: &Open,
        holding: &Holding,
    ) -> Result<Connection, SyncError> {
        let calls = Arc::new(Calls::default());
        let (account, secret_names) =
            match self.account(tenant, &open.channel, &open.connector, &open.secrets).await {
                Ok(account) => account,
                Err(AccountError::Sync(error)) => return Err(error),
                Err(AccountError::Connector(error)) => return Ok(failed(&error, &calls)),
            };
        let told = observer(Arc::clone(&calls), None);
        let world = World::of(&account, Some(told), Some(holding.grip()));
        let Some((task, scope)) = self.something_small(tenant, open).await? else {
            let message = "there is no open order to ask about; hand one over and try again".to_owned();
            return Ok(Connection { works: false, message, kind: None, calls: 0 });
        };
        let now = self.clock.now_ms();
        let settings = settings_for(&open.connector, &open.channel.settings, &secret_names);
        let work = Work::Pull(Pull { task, statuses: task.statuses().to_vec(), scope, mark: None });
        let job = Job { now, settings, work };
        let (pages, mut arrived) = mpsc::channel(2);
        let connector = Arc::clone(&open.connector);
        let mut pulling =
            tokio::spawn(async move { drive::run(&connector, &job, &world, &pages, LIMIT).await });
        // What is seen is not wanted.
        let passing = async { while arrived.recv().await.is_some() {} };
        let (done, ()) = futures_util::future::join(&mut pulling, passing).await;
        let done = done.unwrap_or_else(|_| Err(Error::new(ErrorKind::PluginFault, "the test was ended")));
        Ok(match done {
            Ok(_) => Connection {
                works: true,
                message: format!("{} answers and accepts the credentials", open.connector.descriptor.name),
                kind: None,
                calls: calls.sent(),
            },
            Err(error) => failed(&error, &calls),
        })
    }

    /// The last minute's changes if they can be asked for, else one open order.
    async fn something_small(
        &self,
        tenant: &TenantCode,
        open: &Open,
    ) -> Result<Option<(Task, Scope)>, SyncError> {
        let now = self.clock.now_ms();
        let by_window = open.connector.descriptor.tasks.iter().find(|task| !task.is_by_id());
        if let Some(task) = by_window {
            return Ok(Some((*task, Scope::Changed { since: now - WINDOW_MS, until: now })));
        }
        let filter = OrderFilter {
            channel: Some(open.channel.code.clone()),
            stage: Some(OrderStage::Open),
            ..OrderFilter::default()
        };
        let found = self.store.matching_refs(tenant, &filter, None, 1).await?;
        let refs: Vec<_> = found.into_iter().map(|found| found.order).collect();
        Ok((!refs.is_empty()).then_some((Task::Pending, Scope::Orders(refs))))
    }
}

fn failed(error: &Error, calls: &Calls) -> Connection {
    Connection { works: false, message: error.to_string(), kind: Some(error.kind), calls: calls.sent() }
}
