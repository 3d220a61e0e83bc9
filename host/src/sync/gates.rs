//! What must hold before a run asks or applies anything: rows G1 and G2.

use std::{collections::BTreeMap, sync::Arc};

use plugin_api::{Task, Work};

use super::{Engine, SyncError, TENANT_NOT_LIVE};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        snapshot::Channel,
    },
    plugins::{Connector, file_name},
    secrets::Secret,
    storage::{Standing, TaskRow},
};

/// A channel that may be synced now.
pub(super) struct Open {
    pub(super) channel: Channel,
    pub(super) connector: Arc<Connector>,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) secrets: BTreeMap<String, Secret>,
    /// Whether facts wait from earlier runs.
    pub(super) has_waiting: bool,
}

impl Open {
    /// The channel's task of a kind.
    pub(super) fn task(&self, task: Task) -> Option<&TaskRow> {
        self.tasks.iter().find(|row| row.task == task)
    }
}

/// What the gates say.
pub(super) enum Gate {
    Open(Box<Open>),
    /// The run is skipped, and why.
    Closed(String),
}

impl Engine {
    /// Asks the gates; `standing` is what the store says of the channel. `needs_live` is false for a dry run, which works
    /// before go-live.
    pub(super) fn gate(
        &self,
        tenant: &TenantCode,
        code: &ChannelCode,
        standing: Option<Standing>,
        task: Option<Task>,
        needs_live: bool,
    ) -> Result<Gate, SyncError> {
        let Some(standing) = standing else {
            return Err(SyncError::NotFound(format!(
                "tenant {tenant} is not known here; `statusync tenant list` shows those that are"
            )));
        };
        let Standing { live, channel, tasks, secrets, has_waiting } = standing;
        let Some(channel) = channel else {
            return Err(SyncError::NotFound(format!(
                "tenant {tenant} has no channel {code}; `statusync channel list --tenant {tenant}` shows those that it has"
            )));
        };
        if needs_live && !live {
            return Ok(Gate::Closed(TENANT_NOT_LIVE.to_owned()));
        }
        if !channel.enabled {
            return Ok(Gate::Closed(format!("Channel {code} is switched off")));
        }
        let Some(connector) = self.registry.get(&channel.connector) else {
            let file = file_name(&channel.connector);
            let id = &channel.connector;
            return Ok(Gate::Closed(format!(
                "Channel {code} needs connector {id}, and no {file} was found in the plugin folders"
            )));
        };
        if let Some(task) = task.filter(|task| !connector.descriptor.tasks.contains(task)) {
            return Ok(Gate::Closed(format!(
                "Connector {} of channel {code} does not serve {task}",
                channel.connector
            )));
        }
        Ok(Gate::Open(Box::new(Open { channel, connector, tasks, secrets, has_waiting })))
    }

    /// Lets a connector read settings, and says what is wrong with them.
    ///
    /// # Errors
    /// `config`, naming the field.
    pub async fn check_settings(
        &self,
        connector: &Arc<Connector>,
        settings: &serde_json::Map<String, serde_json::Value>,
        secrets: &[String],
    ) -> Result<(), plugin_api::Error> {
        super::world::quick_job(connector, settings, secrets, Work::Check, self.clock.now_ms()).await
    }
}
