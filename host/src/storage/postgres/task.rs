//! Recurrent tasks.

use plugin_api::{Mark, Millis, Task};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    connections::Tx,
    fault::Fail,
    setting::share_channel,
    statement::{body_or_null, count, each, execute, first, now, state, text, with},
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{DueTask, Freshness, Full, NewRun, NewTask, RunId, StoreError, TaskEdit, TaskFilter, TaskRow},
};

pub(super) async fn ensure(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    tasks: &[NewTask],
) -> Result<(), Fail> {
    share_channel(db, tenant, channel).await?;
    let kinds: Vec<&str> = tasks.iter().map(|new| new.task.as_str()).collect();
    let intervals: Vec<Millis> = tasks.iter().map(|new| new.interval_ms).collect();
    let windows: Vec<Option<Millis>> = tasks.iter().map(|new| new.window_ms).collect();
    let due: Vec<Millis> = tasks.iter().map(|new| new.next_run_at).collect();
    execute(
        db,
        "INSERT INTO tasks (tenant, channel, task, enabled, interval_ms, window_ms, next_run_at, connector)
         SELECT c.tenant, c.code, k.task, true, k.interval_ms, k.window_ms, k.next_run_at, c.connector
         FROM channels c CROSS JOIN unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
             AS k(task, interval_ms, window_ms, next_run_at)
         WHERE c.tenant = $1 AND c.code = $2 ORDER BY k.task
         ON CONFLICT DO NOTHING",
        with![tenant.as_str(), channel.as_str(), kinds, intervals, windows, due],
    )
    .await?;
    Ok(())
}

pub(super) async fn channels_without(
    db: &mut Tx,
    connector: &str,
    tasks: &[Task],
) -> Result<Vec<(TenantCode, ChannelCode)>, Fail> {
    let names: Vec<&str> = tasks.iter().map(|task| task.as_str()).collect();
    each(
        db,
        "SELECT tenant, code FROM channels c
         WHERE connector = $1 AND EXISTS (SELECT 1 FROM unnest($2::text[]) AS t(task) WHERE NOT EXISTS (
             SELECT 1 FROM tasks k WHERE k.tenant = c.tenant AND k.channel = c.code AND k.task = t.task))
         ORDER BY tenant, code",
        with![connector, names],
        |row| Ok((text(row, 0)?, text(row, 1)?)),
    )
    .await
}

pub(super) async fn list(db: &mut Tx, filter: &TaskFilter) -> Result<Vec<TaskRow>, Fail> {
    // Each condition by itself, so that the key is used: there may be hundreds of thousands of tasks.
    let mut sql = "SELECT tenant, channel, task, enabled, interval_ms, window_ms, next_run_at, running, last,
             consecutive_failures, mark, connector, complete_until
         FROM tasks WHERE true"
        .to_owned();
    if filter.tenant.is_some() {
        sql.push_str(" AND tenant = $1");
    }
    if filter.channel.is_some() {
        sql.push_str(" AND channel = $2");
    }
    let given = with![
        filter.tenant.as_ref().map(TenantCode::as_str),
        filter.channel.as_ref().map(ChannelCode::as_str)
    ];
    let mut tasks = each(db, AssertSqlSafe(sql), given, row).await?;
    // Within a channel as screens list them, not by name.
    tasks.sort_by(|a, b| {
        (a.tenant.as_str(), a.channel.as_str(), a.task).cmp(&(b.tenant.as_str(), b.channel.as_str(), b.task))
    });
    Ok(tasks)
}

fn row(row: &PgRow) -> Result<TaskRow, Fail> {
    Ok(TaskRow {
        tenant: text(row, 0)?,
        channel: text(row, 1)?,
        task: task(row, 2)?,
        enabled: row.try_get(3)?,
        interval_ms: row.try_get(4)?,
        window_ms: row.try_get(5)?,
        next_run_at: row.try_get(6)?,
        running: row.try_get::<Option<i64>, _>(7)?.map(RunId),
        last: body_or_null(row, 8, "last run")?,
        consecutive_failures: u32::try_from(count(row, 9)?).unwrap_or(u32::MAX),
        mark: body_or_null(row, 10, "mark")?,
        connector: text(row, 11)?,
        complete_until: row.try_get(12)?,
    })
}

pub(super) fn task(row: &PgRow, column: usize) -> Result<Task, Fail> {
    state(row, column, "task", Task::parse)
}

/// One statement: from connector to connector by the index, and of each the longest due.
/// Whether the task of a run is due when it begins.
pub(super) async fn is_due(db: &mut Tx, run: &NewRun) -> Result<bool, Fail> {
    let due = first(
        db,
        "SELECT 1 FROM tasks WHERE tenant = $1 AND channel = $2 AND task = $3 AND next_run_at <= $4",
        with![run.tenant.as_str(), run.channel.as_str(), run.task.map(Task::as_str), run.started_at],
        |_| Ok(()),
    )
    .await?;
    Ok(due.is_some())
}

pub(super) async fn due(db: &mut Tx, now: Millis, full: &Full, limit: u32) -> Result<Vec<DueTask>, Fail> {
    let tenants: Vec<&str> = full.tenants.iter().map(TenantCode::as_str).collect();
    each(
        db,
        concat!(
            "WITH RECURSIVE served(connector) AS (
                 (SELECT connector FROM tasks WHERE enabled ORDER BY connector LIMIT 1)
                 UNION ALL
                 SELECT (SELECT t.connector FROM tasks t WHERE t.enabled AND t.connector > s.connector
                         ORDER BY t.connector LIMIT 1)
                 FROM served s WHERE s.connector IS NOT NULL)
             SELECT due.tenant, due.channel, s.connector, due.task, due.next_run_at
             FROM served s CROSS JOIN LATERAL (
                 SELECT k.tenant, k.channel, k.task, k.next_run_at
                 FROM tasks k JOIN channels c ON c.tenant = k.tenant AND c.code = k.channel
                 WHERE k.enabled AND k.connector = s.connector AND k.next_run_at <= $1
                     AND k.tenant <> ALL($2::text[]) AND c.enabled AND c.lease_until <= ",
            now!(),
            " AND c.wanted_until <= ",
            now!(),
            " ORDER BY k.next_run_at, k.tenant, k.channel, k.task LIMIT $4) due
             WHERE s.connector <> ALL($3::text[])
             ORDER BY s.connector, due.next_run_at, due.tenant, due.channel, due.task"
        ),
        with![now, tenants, &full.connectors[..], i64::from(limit)],
        |row| {
            Ok(DueTask {
                tenant: text(row, 0)?,
                channel: text(row, 1)?,
                connector: text(row, 2)?,
                task: task(row, 3)?,
                next_run_at: row.try_get(4)?,
            })
        },
    )
    .await
}

/// Late is what [`TaskRow::lateness_ms`](crate::storage::TaskRow::lateness_ms) calls so; a case of the suite holds the two
/// together.
pub(super) async fn freshness(db: &mut Tx, now: Millis) -> Result<Vec<Freshness>, Fail> {
    each(
        db,
        "SELECT connector, task, count(*) FILTER (WHERE $1 - coalesce(complete_until, next_run_at) > 2 * interval_ms),
             max($1 - coalesce(complete_until, next_run_at))
         FROM tasks WHERE enabled GROUP BY connector, task ORDER BY connector, task",
        with![now],
        |row| {
            Ok(Freshness {
                connector: text(row, 0)?,
                task: task(row, 1)?,
                late: count(row, 2)?,
                oldest_ms: row.try_get::<Millis, _>(3)?.max(0),
            })
        },
    )
    .await
}

pub(super) async fn set(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
    edit: TaskEdit,
) -> Result<(), Fail> {
    let written = execute(
        db,
        "UPDATE tasks SET interval_ms = coalesce($4, interval_ms), enabled = coalesce($5, enabled),
             window_ms = coalesce($6, window_ms), next_run_at = coalesce($7, next_run_at)
         WHERE tenant = $1 AND channel = $2 AND task = $3",
        with![
            tenant.as_str(),
            channel.as_str(),
            task.as_str(),
            edit.interval_ms,
            edit.enabled,
            edit.window_ms,
            edit.next_run_at
        ],
    )
    .await?;
    if written == 1 {
        return Ok(());
    }
    Err(StoreError::NotFound(format!("task {task} of channel {channel} of tenant {tenant}")).into())
}

pub(super) async fn mark(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
) -> Result<Option<Mark>, Fail> {
    let found = first(
        db,
        "SELECT mark FROM tasks WHERE tenant = $1 AND channel = $2 AND task = $3",
        with![tenant.as_str(), channel.as_str(), task.as_str()],
        |row| body_or_null(row, 0, "mark"),
    );
    Ok(found.await?.flatten())
}
