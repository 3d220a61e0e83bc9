//! Runs with their lines, and what they leave in their task.

use plugin_api::Task;
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    connections::Tx,
    fault::Fail,
    lease, outbox, save,
    scope::{self, Scope},
    setting::share_channel,
    statement::{body, count, each, execute, first, json, records, state, text, with},
    task::task,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{
        Counts, FailedCall, Fence, NewRun, Run, RunEnd, RunFilter, RunId, RunLine, RunOrder, RunResult,
        StoreError, Timeline, Trigger, record, run::QUIET_RUNS_KEPT,
    },
};

const COLUMNS: &str = "id, tenant, channel, task, set_off_by, started_at, ended_at, result, message, counts, calls, \
                       retries";

/// The beginning of a run that holds its channel from this transaction on.
pub(super) async fn begin(db: &mut Tx, new: &NewRun, number: Option<i64>) -> Result<RunId, Fail> {
    end_abandoned(db, new).await?;
    note(db, new, number).await
}

/// The beginning of a run that holds nothing.
pub(super) async fn start(db: &mut Tx, new: &NewRun, number: Option<i64>) -> Result<RunId, Fail> {
    share_channel(db, &new.tenant, &new.channel).await?;
    note(db, new, number).await
}

/// `number` is the run's, where it was drawn elsewhere.
async fn note(db: &mut Tx, new: &NewRun, number: Option<i64>) -> Result<RunId, Fail> {
    let id = first(
        db,
        "INSERT INTO runs (tenant, id, channel, task, set_off_by, started_at, request_key)
         VALUES ($1, coalesce($7, nextval('run_ids')), $2, $3, $4, $5, $6)
         ON CONFLICT (tenant, request_key) WHERE request_key IS NOT NULL DO NOTHING RETURNING id",
        with![
            new.tenant.as_str(),
            new.channel.as_str(),
            new.task.map(Task::as_str),
            new.trigger.as_str(),
            new.started_at,
            new.request_key.as_deref(),
            number
        ],
        |row| Ok(RunId(row.try_get(0)?)),
    )
    .await?
    .ok_or_else(|| {
        StoreError::Exists(format!("a run of request {}", new.request_key.as_deref().unwrap_or("-")))
    })?;
    if let Some(task) = new.task {
        execute(
            db,
            "UPDATE tasks SET running = $4 WHERE tenant = $1 AND channel = $2 AND task = $3",
            with![new.tenant.as_str(), new.channel.as_str(), task.as_str(), id.0],
        )
        .await?;
    }
    Ok(id)
}

async fn end_abandoned(db: &mut Tx, new: &NewRun) -> Result<(), Fail> {
    let abandoned: Vec<(RunId, Counts)> = each(
        db,
        "SELECT id, counts FROM runs WHERE tenant = $1 AND channel = $2 AND ended_at IS NULL ORDER BY id",
        with![new.tenant.as_str(), new.channel.as_str()],
        |row| Ok((RunId(row.try_get(0)?), body(row, 1, "count")?)),
    )
    .await?;
    for (id, counts) in abandoned {
        end(db, &new.tenant, id, &RunEnd::abandoned(new.started_at, counts)).await?;
    }
    Ok(())
}

/// Whose run it is is looked up first, with the host's eyes.
///
/// Whether the run's host has been passed: its run is ended as lost then, and its task left alone.
pub(super) async fn finish(
    db: &mut Tx,
    id: RunId,
    with: &RunEnd,
    fence: Option<&Fence>,
) -> Result<bool, Fail> {
    let run = get(db, id).await?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
    scope::turn_to(db, &Scope::Tenant(run.tenant.clone())).await?;
    scope::stays(db).await?;
    if let Some(fence) = fence {
        if lease::is_passed(db, fence).await? {
            finish_passed(db, &run.tenant, id, with).await?;
            return Ok(true);
        }
        lease::release(db, fence).await?;
    }
    end(db, &run.tenant, id, with).await?;
    Ok(false)
}

async fn finish_passed(db: &mut Tx, tenant: &TenantCode, id: RunId, end: &RunEnd) -> Result<(), Fail> {
    let RunEnd { ended_at, counts, calls, retries, .. } = *end;
    let end = RunEnd { calls, retries, ..RunEnd::abandoned(ended_at, counts) };
    let Some(run) = write_end(db, tenant, id, &end).await? else { return Ok(()) };
    execute(
        db,
        "UPDATE tasks SET running = nullif(running, $4) WHERE tenant = $1 AND channel = $2 AND task = $3",
        with![tenant.as_str(), run.channel.as_str(), run.task.map(Task::as_str), id.0],
    )
    .await?;
    outbox::tell_run(db, &run, &end).await
}

/// The run, unless it had ended already.
async fn write_end(db: &mut Tx, tenant: &TenantCode, id: RunId, end: &RunEnd) -> Result<Option<Run>, Fail> {
    let ended = first(
        db,
        AssertSqlSafe(format!(
            "UPDATE runs SET ended_at = $3, result = $4, message = $5, counts = $6, calls = $7, retries = $8,
                 is_quiet = $9 AND request_key IS NULL, failed_call = $10, timeline = $11
             WHERE tenant = $1 AND id = $2 AND ended_at IS NULL RETURNING {COLUMNS}"
        )),
        with![
            tenant.as_str(),
            id.0,
            end.ended_at,
            end.result.as_str(),
            &end.message,
            json(&end.counts)?,
            end.calls.cast_signed(),
            end.retries.cast_signed(),
            end.is_quiet(),
            end.failed_call.as_ref().map(json).transpose()?,
            end.timeline.as_ref().map(json).transpose()?
        ],
        row,
    )
    .await?;
    if ended.is_some() {
        save::run_orders(db, tenant, id, &end.orders).await?;
    }
    Ok(ended)
}

async fn end(db: &mut Tx, tenant: &TenantCode, id: RunId, end: &RunEnd) -> Result<(), Fail> {
    let Some(run) = write_end(db, tenant, id, end).await? else { return Ok(()) };
    if let Some(task) = run.task {
        note_in_task(db, &run, task, end).await?;
    }
    outbox::tell_run(db, &run, end).await
}

async fn note_in_task(db: &mut Tx, run: &Run, task: Task, end: &RunEnd) -> Result<(), Fail> {
    if end.is_quiet() {
        forget_quiet(db, &run.tenant, &run.channel, task).await?;
    }
    execute(
        db,
        AssertSqlSafe(format!(
            "UPDATE tasks SET running = nullif(running, $4), last = $5,
                 next_run_at = CASE WHEN interval_ms = coalesce($8, interval_ms) THEN coalesce($6, next_run_at) ELSE next_run_at END,
                 consecutive_failures = {}, complete_until = greatest(complete_until, $7)
             WHERE tenant = $1 AND channel = $2 AND task = $3",
            end.failures()
        )),
        with![
            run.tenant.as_str(),
            run.channel.as_str(),
            task.as_str(),
            run.id.0,
            json(&end.last(run))?,
            end.next_run_at,
            end.complete_until,
            end.interval_ms
        ],
    )
    .await?;
    Ok(())
}

async fn forget_quiet(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    task: Task,
) -> Result<(), Fail> {
    let ids: Vec<i64> = each(
        db,
        "DELETE FROM runs WHERE tenant = $1 AND id IN (
             SELECT id FROM runs WHERE tenant = $1 AND channel = $2 AND task = $3 AND is_quiet
             ORDER BY id DESC OFFSET $4)
         RETURNING id",
        with![tenant.as_str(), channel.as_str(), task.as_str(), i64::from(QUIET_RUNS_KEPT)],
        |row| Ok(row.try_get(0)?),
    )
    .await?;
    if !ids.is_empty() {
        let sql = "DELETE FROM run_lines WHERE tenant = $1 AND run = ANY($2)";
        execute(db, sql, with![tenant.as_str(), ids]).await?;
    }
    Ok(())
}

pub(super) async fn list(
    db: &mut Tx,
    filter: &RunFilter,
    after: Option<RunId>,
    limit: u32,
) -> Result<Vec<Run>, Fail> {
    let mut sql = format!("SELECT {COLUMNS} FROM runs WHERE id < $4");
    for (wanted, condition) in [
        (filter.tenant.is_some(), " AND tenant = $1"),
        (filter.channel.is_some(), " AND channel = $2"),
        (filter.task.is_some(), " AND task = $3"),
    ] {
        if wanted {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT $5");
    each(
        db,
        AssertSqlSafe(sql),
        with![
            filter.tenant.as_ref().map(TenantCode::as_str),
            filter.channel.as_ref().map(ChannelCode::as_str),
            filter.task.map(Task::as_str),
            after.map_or(i64::MAX, |run| run.0),
            i64::from(limit)
        ],
        row,
    )
    .await
}

pub(super) async fn with_lines(db: &mut Tx, id: RunId) -> Result<Option<(Run, Vec<RunLine>)>, Fail> {
    let Some(run) = get(db, id).await? else { return Ok(None) };
    scope::turn_to(db, &Scope::Tenant(run.tenant.clone())).await?;
    let lines = records(
        db,
        "line of a run",
        "SELECT body FROM run_lines WHERE tenant = $1 AND run = $2 ORDER BY line",
        with![run.tenant.as_str(), id.0],
    )
    .await?;
    Ok(Some((run, lines)))
}

/// What became of each order that a person chose for the run.
pub(super) async fn orders(db: &mut Tx, id: RunId) -> Result<Vec<RunOrder>, Fail> {
    let Some(run) = get(db, id).await? else { return Ok(Vec::new()) };
    scope::turn_to(db, &Scope::Tenant(run.tenant.clone())).await?;
    records(
        db,
        "order of a run",
        "SELECT body FROM run_orders WHERE tenant = $1 AND run = $2 ORDER BY line",
        with![run.tenant.as_str(), id.0],
    )
    .await
}

/// The call after which the marketplace was given up.
pub(super) async fn failed_call(db: &mut Tx, id: RunId) -> Result<Option<FailedCall>, Fail> {
    let sql = "SELECT failed_call FROM runs WHERE id = $1 AND failed_call IS NOT NULL";
    first(db, sql, with![id.0], |row| body(row, 0, "failed call")).await
}

/// What a run did, moment by moment.
pub(super) async fn timeline(db: &mut Tx, id: RunId) -> Result<Option<Timeline>, Fail> {
    let sql = "SELECT timeline FROM runs WHERE id = $1 AND timeline IS NOT NULL";
    first(db, sql, with![id.0], |row| body(row, 0, "timeline")).await
}

/// The run that was made for a request.
pub(super) async fn of_request(db: &mut Tx, tenant: &TenantCode, key: &str) -> Result<Option<RunId>, Fail> {
    let sql = "SELECT id FROM runs WHERE tenant = $1 AND request_key = $2";
    first(db, sql, with![tenant.as_str(), key], |row| Ok(RunId(row.try_get(0)?))).await
}

async fn get(db: &mut Tx, id: RunId) -> Result<Option<Run>, Fail> {
    first(db, AssertSqlSafe(format!("SELECT {COLUMNS} FROM runs WHERE id = $1")), with![id.0], row).await
}

fn row(row: &PgRow) -> Result<Run, Fail> {
    let task = match row.try_get::<Option<&str>, _>(3)? {
        Some(_) => Some(task(row, 3)?),
        None => None,
    };
    let result: Option<&str> = row.try_get(7)?;
    Ok(Run {
        id: RunId(row.try_get(0)?),
        tenant: text(row, 1)?,
        channel: text(row, 2)?,
        task,
        trigger: state(row, 4, "trigger", Trigger::parse)?,
        started_at: row.try_get(5)?,
        ended_at: row.try_get(6)?,
        result: result.map(|text| record::state("result", text, RunResult::parse)).transpose()?,
        message: row.try_get(8)?,
        counts: body(row, 9, "count")?,
        calls: count(row, 10)?,
        retries: count(row, 11)?,
    })
}
