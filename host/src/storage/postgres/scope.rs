//! For whom a transaction is, and how long it may take: told to the database as it begins, and gone when it ends.

use std::{fmt::Write as _, time::Duration};

use super::{
    connections::Tx,
    fault::Fail,
    statement::{execute, with},
};
use crate::{domain::codes::TenantCode, storage::Stage};

/// Takes a share in the tenant's row, for whom a tenant that leaves waits, and fails if it is on its way. A tenant that is
/// not known at all passes.
macro_rules! stays {
    () => {
        "SELECT ('tenant ' || moving)::int FROM tenants
         WHERE tenant = current_setting('statusync.tenant') FOR KEY SHARE"
    };
}

/// For whom a transaction is. The policies of the tables hold it to that.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// For one tenant: of its tables it sees the tenant's rows and no others.
    Tenant(TenantCode),
    /// For one tenant, although it may be on its way to another database.
    Moving(TenantCode),
    /// For the host: it reads channels, tasks and runs of all tenants and writes what no tenant owns.
    Host,
}

impl Scope {
    /// The settings `statusync.tenant` and `statusync.scope`.
    fn settings(&self) -> (&str, &'static str) {
        match self {
            Scope::Tenant(tenant) | Scope::Moving(tenant) => (tenant.as_str(), "tenant"),
            Scope::Host => ("", "host"),
        }
    }
}

/// How long a transaction may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// All of it.
    pub(super) whole: Duration,
    /// A statement.
    statement_ms: u32,
    /// Waiting for a row that another transaction holds.
    lock_ms: u32,
    /// Doing nothing between two statements. The server ends it then, so that a host that stands still holds no row.
    idle_ms: u32,
}

#[cfg(test)]
impl Limits {
    /// The same with less patience for a host that stands still.
    pub(super) fn with_idle_ms(self, idle_ms: u32) -> Limits {
        Limits { idle_ms, ..self }
    }
}

/// A page, a list, a lease.
pub(super) const QUICK: Limits =
    Limits { whole: Duration::from_secs(10), statement_ms: 9_000, lock_ms: 7_000, idle_ms: 5_000 };
/// A whole tenant. Leases of its channels are not renewed meanwhile, and nobody may hold one.
pub(super) const LONG: Limits =
    Limits { whole: Duration::from_mins(30), statement_ms: 120_000, lock_ms: 7_000, idle_ms: 60_000 };
/// A step of the schema. Who comes at the same time waits for it as long as it takes.
pub(super) const MIGRATION: Limits =
    Limits { whole: Duration::from_hours(24), statement_ms: 3_600_000, lock_ms: 3_600_000, idle_ms: 60_000 };
/// A whole tenant that comes in as fast as another database hands it out. Nobody else knows of it until it is there.
pub(super) const COPY: Limits =
    Limits { whole: Duration::from_hours(24), statement_ms: 120_000, lock_ms: 7_000, idle_ms: 3_600_000 };
/// A snapshot that goes out as fast as someone takes it. It holds no row.
pub(super) const EXPORT: Limits =
    Limits { whole: Duration::from_hours(24), statement_ms: 120_000, lock_ms: 7_000, idle_ms: 3_600_000 };

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Each statement sees what was committed before it; rows that are to be changed are locked first.
    Write,
    /// All statements see the same instant.
    Read,
}

/// The text that begins a transaction: one message, and so one way there and back. With it the program says that it writes the
/// words of orders itself; for those that do not the database does.
pub(super) fn begin(of: &Scope, access: Access, limits: Limits) -> String {
    let mode = match access {
        Access::Write => "READ COMMITTED, READ WRITE",
        Access::Read => "REPEATABLE READ, READ ONLY",
    };
    let (tenant, scope) = of.settings();
    let Limits { statement_ms, lock_ms, idle_ms, .. } = limits;
    // The tenant's code goes as digits, so that no code can end the text that it stands in.
    let mut digits = String::with_capacity(tenant.len() * 2);
    for byte in tenant.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    let mut text = format!(
        "BEGIN ISOLATION LEVEL {mode}; SELECT set_config('statusync.scope', '{scope}', true),
         set_config('statusync.tenant', convert_from(decode('{digits}', 'hex'), 'UTF8'), true),
         set_config('statusync.words', 'program', true), set_config('statement_timeout', '{statement_ms}', true), set_config('lock_timeout', '{lock_ms}', true),
         set_config('idle_in_transaction_session_timeout', '{idle_ms}', true),
         set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
             ELSE current_setting('synchronous_commit') END, true)"
    );
    if let Scope::Tenant(_) = of {
        text.push_str(match access {
            Access::Write => concat!("; ", stays!()),
            Access::Read => IS_HERE,
        });
    }
    text
}

/// Fails if the tenant is not here. One that is leaving is read here to its end.
const IS_HERE: &str = "; SELECT ('tenant ' || nullif(moving, 'LEAVING'))::int FROM tenants
     WHERE tenant = current_setting('statusync.tenant')";

/// Makes sure that the tenant that the transaction turned to stays here until it has ended, as beginning for it does.
pub(super) async fn stays(db: &mut Tx) -> Result<(), Fail> {
    execute(db, stays!(), with![]).await?;
    Ok(())
}

/// How far a tenant is on its way for which a transaction did not begin: the server quotes the text that is no number.
pub(super) fn stage_in(fail: &Fail) -> Option<Stage> {
    let Fail::Sql(sqlx::Error::Database(error)) = fail else { return None };
    if error.code().as_deref() != Some("22P02") {
        return None;
    }
    let stages = [Stage::Leaving, Stage::Left, Stage::Arriving];
    stages
        .into_iter()
        .find(|stage| stage.as_str().is_some_and(|name| error.message().contains(&format!("tenant {name}"))))
}

/// From here on the transaction is for someone else.
pub(super) async fn turn_to(db: &mut Tx, scope: &Scope) -> Result<(), Fail> {
    let (tenant, scope) = scope.settings();
    let sql = "SELECT set_config('statusync.tenant', $1, true), set_config('statusync.scope', $2, true)";
    execute(db, sql, with![tenant, scope]).await?;
    Ok(())
}
