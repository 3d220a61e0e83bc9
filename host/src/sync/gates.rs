//! What must hold before a run asks or applies anything: rows G1 and G2.

use std::{collections::BTreeMap, sync::Arc};

use plugin_api::{Status, Task, Work};

use super::{Engine, RunRequest, SyncError, TENANT_NOT_LIVE, asking::can_report_by_id};
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
        run: Option<&RunRequest>,
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
        let (id, serves) = (&channel.connector, &connector.descriptor.tasks);
        let closed = match run {
            Some(run) if run.looks_for_returns() => {
                let can = can_report_by_id(&connector.descriptor, Status::Returned);
                (!can).then(|| {
                    format!(
                        "Connector {id} of channel {code} cannot be asked which orders came back; their returns come \
                         with the task returns, if it serves that"
                    )
                })
            }
            Some(run) if !serves.contains(&run.duty()) => {
                Some(format!("Connector {id} of channel {code} does not serve {}", run.duty()))
            }
            _ => None,
        };
        if let Some(message) = closed {
            return Ok(Gate::Closed(message));
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
