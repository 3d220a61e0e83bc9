//! `schema snapshot|observation`: hidden, for whoever renews the documents.

use clap::Subcommand;

use super::{
    context::Context,
    exit::{Exit, Failure},
};
use crate::{
    http::openapi,
    import::{observation_schema, snapshot_schema},
};

/// Print the JSON schema of a file
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  statusync schema snapshot > docs/generated/snapshot.schema.json")]
pub(super) enum Schema {
    /// Of the file that import and export use
    #[command(after_help = "Example:\n  statusync schema snapshot > docs/generated/snapshot.schema.json")]
    Snapshot,
    /// Of a line of an observation file
    #[command(
        after_help = "Example:\n  statusync schema observation > docs/generated/observation.schema.json"
    )]
    Observation,
    /// The description of the API
    #[command(after_help = "Example:\n  statusync schema openapi > docs/generated/openapi.json")]
    Openapi,
}

impl Schema {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let schema = match self {
            Schema::Snapshot => snapshot_schema(),
            Schema::Observation => observation_schema(),
            Schema::Openapi => openapi(),
        };
        context.out.line(schema.trim_end())?;
        Ok(Exit::Ok)
    }
}
