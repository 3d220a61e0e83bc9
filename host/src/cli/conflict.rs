//! `conflict list|accept|keep`

use clap::{Args, Subcommand};

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure},
};
use crate::{
    domain::{
        apply::Code,
        codes::TenantCode,
        duties::Decision,
    },
    storage::ConflictRow,
    sync::Done,
};

/// Contradictions that a person decides: list, accept, keep
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync conflict list --tenant acme
  statusync conflict accept --tenant acme CF1")]
pub(super) enum ConflictCommand {
    /// List the open conflicts
    #[command(after_help = "Examples:
  statusync conflict list --tenant acme
  statusync conflict list --tenant acme --all --json")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
        /// Those that are decided, too
        #[arg(long)]
        all: bool,
    },
    /// The channel is right: apply what it says, at once
    #[command(after_help = "Example:\n  statusync conflict accept --tenant acme CF1")]
    Accept(One),
    /// We are right: keep our state, and do not ask again
    #[command(after_help = "Example:\n  statusync conflict keep --tenant acme CF1")]
    Keep(One),
}

/// One conflict.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The conflict, such as CF1
    #[arg(value_name = "CODE")]
    code: String,
}

impl ConflictCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            ConflictCommand::List { tenant, all } => list(context, &tenant, all).await,
            ConflictCommand::Accept(one) => decide(context, one, Decision::Accept).await,
            ConflictCommand::Keep(one) => decide(context, one, Decision::Keep).await,
        }
    }
}

async fn list(context: &Context, tenant: &TenantCode, all: bool) -> Result<Exit, Failure> {
    let app = context.open()?;
    known_tenant(&app, tenant).await?;
    let rows = app.store.conflicts(tenant, !all).await?;
    let head = ["conflict", "order", "channel", "items", "state", "message", "what to do"];
    let cells = |row: &ConflictRow| {
        let conflict = &row.conflict;
        let state = match (conflict.open, conflict.decision) {
            (true, _) => "open".to_owned(),
            (false, Some(decision)) => decision.to_string(),
            (false, None) => "closed by itself".to_owned(),
        };
        let items: Vec<&str> = conflict.items.iter().map(|item| item.as_str()).collect();
        let remedy = Code::parse(&conflict.cause).filter(|_| conflict.open).map_or("", Code::remedy);
        vec![
            conflict.code.clone(),
            conflict.order.to_string(),
            row.channel.to_string(),
            items.join(", "),
            state,
            conflict.message.clone(),
            remedy.to_owned(),
        ]
    };
    context.out.list(&rows, &head, cells, "there are no open conflicts")?;
    Ok(Exit::Ok)
}

async fn decide(context: &Context, one: One, decision: Decision) -> Result<Exit, Failure> {
    let app = context.open()?;
    known_tenant(&app, &one.tenant).await?;
    let engine = app.engine(app.registry())?;
    let done = engine.decide_conflict(&one.tenant, &one.code, decision).await?;
    told(context, &done)
}

/// What a person's act came to.
pub(super) fn told(context: &Context, done: &Done) -> Result<Exit, Failure> {
    let out = context.out;
    if out.is_json {
        out.json(&serde_json::json!({ "order": done.order, "message": done.message, "effects": done.effects }))?;
        return Ok(Exit::Ok);
    }
    out.say(&format!("order {}: {}", done.order, done.message));
    for effect in &done.effects {
        out.say(&format!("  {effect}"));
    }
    Ok(Exit::Ok)
}
