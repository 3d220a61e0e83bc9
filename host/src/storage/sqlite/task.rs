//! Recurrent tasks.

use plugin_api::{Mark, Millis, Task};
use rusqlite::{Connection, Row, params};

use super::{
    fault::Fail,
    json::{each, execute, first, other, record, state},
    schema::NOW,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{DueTask, NewTask, RunId, StoreError, TaskEdit, TaskFilter, TaskRow},
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
            "INSERT INTO tasks (tenant, channel, task, enabled, interval_ms, window_ms, next_run_at)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
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

pub(super) fn list(db: &Connection, filter: &TaskFilter) -> Result<Vec<TaskRow>, Fail> {
    let mut tasks = each(
        db,
        "SELECT tenant, channel, task, enabled, interval_ms, window_ms, next_run_at, running, last,
             consecutive_failures, mark
         FROM tasks WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR channel = ?2)
         ORDER BY tenant, channel",
        params![
            filter.tenant.as_ref().map(TenantCode::as_str),
            filter.channel.as_ref().map(ChannelCode::as_str)
        ],
        row,
    )?;
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

pub(super) fn due(db: &Connection, now: Millis, limit: u32) -> Result<Vec<DueTask>, Fail> {
    let sql = format!(
        "SELECT k.tenant, t.live, k.channel, c.connector, k.task, k.next_run_at
         FROM tasks k
         JOIN channels c ON c.tenant = k.tenant AND c.code = k.channel
         JOIN tenants t ON t.tenant = k.tenant
         WHERE k.enabled = 1 AND k.next_run_at <= ?1 AND c.enabled = 1 AND c.lease_until <= {NOW}
         ORDER BY k.next_run_at LIMIT ?2"
    );
    each(db, &sql, params![now, limit], |row| {
        Ok(DueTask {
            tenant: row.get::<_, String>(0)?.into(),
            live: row.get(1)?,
            channel: row.get::<_, String>(2)?.into(),
            connector: row.get(3)?,
            task: task(row, 4)?,
            next_run_at: row.get(5)?,
        })
    })
}

pub(super) fn next_due_at(db: &Connection) -> Result<Option<Millis>, Fail> {
    let sql = format!(
        "SELECT k.next_run_at FROM tasks k JOIN channels c ON c.tenant = k.tenant AND c.code = k.channel
         WHERE k.enabled = 1 AND c.enabled = 1 AND c.lease_until <= {NOW} ORDER BY k.next_run_at LIMIT 1"
    );
    first(db, &sql, [], |row| Ok(row.get(0)?))
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
