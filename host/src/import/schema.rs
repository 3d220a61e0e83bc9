//! The JSON schemas of the files that people write.

use schemars::{JsonSchema, schema_for};
use serde::Serialize;

use crate::domain::{observed::Observed, snapshot::Snapshot};

/// The schema of a snapshot file, as it is kept among the documents.
pub fn snapshot_schema() -> String {
    printed(&schema_for!(Snapshot))
}

/// The schema of one line of an observation file.
pub fn observation_schema() -> String {
    /// One line of an observation file. Lines with the same answer number, or adjacent lines of one order, are applied
    /// together.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is wanted")]
    struct Line {
        /// Lines with the same number form one answer.
        answer: Option<i64>,
        #[serde(flatten)]
        #[schemars(flatten)]
        observed: Observed,
    }
    printed(&schema_for!(Line))
}

fn printed(schema: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}
