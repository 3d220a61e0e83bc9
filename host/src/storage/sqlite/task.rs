//! Recurrent tasks.

use std::sync::LazyLock;

use plugin_api::{Mark, Millis, Task};
use rusqlite::{Connection, Row, params, params_from_iter};

use super::{
    fault::Fail,
    json::{each, execute, first, json, other, record, state},
    schema::NOW,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{DueTask, Freshness, Full, NewRun, NewTask, RunId, StoreError, TaskEdit, TaskFilter, TaskRow},
};

pub(super) fn ensure(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    tasks: &[NewTask],
) -> Result<(), Fail> {
    super::setting::known_channel(db, tenant, channel)?;
    for new in tasks {
        execute(
            db,
            "INSERT INTO tasks (tenant, channel, task, enabled, interval_ms, window_ms, next_run_at, connector)
             SELECT ?1, ?2, ?3, 1, ?4, ?5, ?6, connector FROM channels WHERE tenant = ?1 AND code = ?2
             ON CONFLICT DO NOTHING",
            params![
                tenant.as_str(),
                channel.as_str(),
                new.task.as_str(),
                new.interval_ms,
                new.window_ms,
                new.next_run_at
            ],
        )?;
    }
    Ok(())
}

pub(super) fn channels_without(
    db: &Connection,
    connector: &str,
    tasks: &[Task],
) -> Result<Vec<(TenantCode, ChannelCode)>, Fail> {
    let names: Vec<&str> = tasks.iter().map(|task| task.as_str()).collect();
    each(
        db,
        "SELECT tenant, code FROM channels c
         WHERE connector = ?1 AND EXISTS (SELECT 1 FROM json_each(?2) WHERE NOT EXISTS (
             SELECT 1 FROM tasks k WHERE k.tenant = c.tenant AND k.channel = c.code AND k.task = value))
         ORDER BY tenant, code",
        params![connector, json(&names)?],
        |row| Ok((row.get::<_, String>(0)?.into(), row.get::<_, String>(1)?.into())),
    )
}

pub(super) fn list(db: &Connection, filter: &TaskFilter) -> Result<Vec<TaskRow>, Fail> {
    // Each condition by itself, so that the key is used: there may be hundreds of thousands of tasks.
    let mut sql = "SELECT tenant, channel, task, enabled, interval_ms, window_ms, next_run_at, running, last,
             consecutive_failures, mark, connector, complete_until
         FROM tasks WHERE 1"
        .to_owned();
    let mut given = Vec::new();
    for (column, wanted) in [
        ("tenant", filter.tenant.as_ref().map(TenantCode::as_str)),
        ("channel", filter.channel.as_ref().map(ChannelCode::as_str)),
    ] {
        if let Some(wanted) = wanted {
            sql.extend([" AND ", column, " = ?"]);
            given.push(wanted);
        }
    }
    sql.push_str(" ORDER BY tenant, channel");
    let mut tasks = each(db, &sql, params_from_iter(given), row)?;
    // Within a channel as screens list them, not by name.
    tasks.sort_by(|a, b| {
        (a.tenant.as_str(), a.channel.as_str(), a.task).cmp(&(b.tenant.as_str(), b.channel.as_str(), b.task))
    });
    Ok(tasks)
}

fn row(row: &Row<'_>) -> Result<TaskRow, Fail> {
    Ok(TaskRow {
        tenant: row.get::<_, String>(0)?.into(),
        channel: row.get::<_, String>(1)?.into(),
        task: task(row, 2)?,
        enabled: row.get(3)?,
        interval_ms: row.get(4)?,
        window_ms: row.get(5)?,
        next_run_at: row.get(6)?,
        running: row.get::<_, Option<i64>>(7)?.map(RunId),
        last: optional(row, 8, "last run")?,
        consecutive_failures: row.get(9)?,
        mark: optional(row, 10, "mark")?,
        connector: row.get(11)?,
        complete_until: row.get(12)?,
    })
}

pub(super) fn task(row: &Row<'_>, column: usize) -> Result<Task, Fail> {
    state("task", row.get_ref(column)?.as_str().map_err(other)?, Task::parse)
}

fn optional<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &str,
) -> Result<Option<T>, Fail> {
    row.get_ref(column)?.as_str_or_null().map_err(other)?.map(|text| record(what, text)).transpose()
}

pub(super) fn due(db: &Connection, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>, Fail> {
    static DUE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT k.tenant, k.channel, k.task, k.next_run_at
             FROM tasks k CROSS JOIN channels c ON c.tenant = k.tenant AND c.code = k.channel
             WHERE k.enabled = 1 AND k.connector = ?1 AND k.next_run_at <= ?2
                 AND k.tenant NOT IN (SELECT value FROM json_each(?3)) AND c.enabled = 1 AND c.lease_until <= {NOW}
                 AND c.wanted_until <= {NOW}
             ORDER BY k.next_run_at LIMIT ?4"
        )
    });
    let tenants = json(&full.tenants)?;
    let mut due = Vec::new();
    let mut connector = next_connector(db, "")?;
    while let Some(id) = connector {
        if !full.connectors.contains(&id) {
            due.extend(each(db, &DUE, params![id, now, tenants, limit], |row| {
                Ok(DueTask {
                    tenant: row.get::<_, String>(0)?.into(),
                    channel: row.get::<_, String>(1)?.into(),
                    connector: id.clone(),
                    task: task(row, 2)?,
                    next_run_at: row.get(3)?,
                })
            })?);
        }
        connector = next_connector(db, &id)?;
    }
    Ok(due)
}

/// Whether the task of a run is due when it begins.
pub(super) fn is_due(db: &Connection, run: &NewRun) -> Result<bool, Fail> {
    let due = first(
        db,
        "SELECT 1 FROM tasks WHERE tenant = ?1 AND channel = ?2 AND task = ?3 AND next_run_at <= ?4",
        params![run.tenant.as_str(), run.channel.as_str(), run.task.map(Task::as_str), run.started_at],
        |_| Ok(()),
    )?;
    Ok(due.is_some())
}

/// The next connector, by id, that has tasks.
fn next_connector(db: &Connection, after: &str) -> Result<Option<String>, Fail> {
    let sql = "SELECT connector FROM tasks WHERE enabled = 1 AND connector > ?1 ORDER BY connector LIMIT 1";
    first(db, sql, [after], |row| Ok(row.get(0)?))
}

/// Late is what [`TaskRow::lateness_ms`](crate::storage::TaskRow::lateness_ms) calls so; a case of the suite holds the two
/// together.
pub(super) fn freshness(db: &Connection, now: Millis) -> Result<Vec<Freshness>, Fail> {
    each(
        db,
        "SELECT connector, task, sum(?1 - coalesce(complete_until, next_run_at) > 2 * interval_ms),
             max(?1 - coalesce(complete_until, next_run_at))
         FROM tasks WHERE enabled = 1 GROUP BY connector, task",
        [now],
        |row| {
            Ok(Freshness {
                connector: row.get(0)?,
                task: task(row, 1)?,
                late: row.get::<_, i64>(2)?.unsigned_abs(),
                oldest_ms: row.get::<_, Millis>(3)?.max(0),
            })
        },
    )
}

pub(super) fn set(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
    edit: TaskEdit,
) -> Result<(), Fail> {
    let written = execute(
        db,
        "UPDATE tasks SET interval_ms = coalesce(?4, interval_ms), enabled = coalesce(?5, enabled),
             window_ms = coalesce(?6, window_ms), next_run_at = coalesce(?7, next_run_at)
         WHERE tenant = ?1 AND channel = ?2 AND task = ?3",
        params![
            tenant.as_str(),
            channel.as_str(),
            task.as_str(),
            edit.interval_ms,
            edit.enabled,
            edit.window_ms,
            edit.next_run_at
        ],
    )?;
    if written == 1 { Ok(()) } else { Err(unknown(tenant, channel, task)) }
}

fn unknown(tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Fail {
    StoreError::NotFound(format!("task {task} of channel {channel} of tenant {tenant}")).into()
}

pub(super) fn mark(
    db: &Connection,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
) -> Result<Option<Mark>, Fail> {
    first(
        db,
        "SELECT mark FROM tasks WHERE tenant = ?1 AND channel = ?2 AND task = ?3",
        params![tenant.as_str(), channel.as_str(), task.as_str()],
        |row| optional(row, 0, "mark"),
    )
    .map(Option::flatten)
}
