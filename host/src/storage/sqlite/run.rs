//! Runs with their lines, and what they leave in their task.

use plugin_api::Task;
use rusqlite::{Connection, Row, params};

use super::{
    fault::Fail,
    json::{each, execute, first, json, other, record, records, state},
    lease, outbox, save, setting,
    task::task,
};
use crate::{
    domain::codes::{ChannelCode, TenantCode},
    storage::{
        Counts, FailedCall, Fence, NewRun, Run, RunEnd, RunFilter, RunId, RunLine, RunOrder, RunResult,
        StoreError, Timeline, Trigger, run::QUIET_RUNS_KEPT,
    },
};

const COLUMNS: &str = "id, tenant, channel, task, set_off_by, started_at, ended_at, result, message, counts, calls, \
                       retries";

/// The beginning of a run that holds its channel from this transaction on.
pub(super) fn begin(db: &Connection, new: &NewRun) -> Result<RunId, Fail> {
    end_abandoned(db, new)?;
    start(db, new)
}

pub(super) fn start(db: &Connection, new: &NewRun) -> Result<RunId, Fail> {
    setting::known_channel(db, &new.tenant, &new.channel)?;
    let id = first(
        db,
        "INSERT INTO runs (tenant, id, channel, task, set_off_by, started_at, request_key)
         VALUES (?1, (SELECT coalesce(max(id), 0) + 1 FROM runs), ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (tenant, request_key) WHERE request_key IS NOT NULL DO NOTHING RETURNING id",
        params![
            new.tenant.as_str(),
            new.channel.as_str(),
            new.task.map(Task::as_str),
            new.trigger.as_str(),
            new.started_at,
            new.request_key
        ],
        |row| Ok(RunId(row.get(0)?)),
    )?
    .ok_or_else(|| {
        StoreError::Exists(format!("a run of request {}", new.request_key.as_deref().unwrap_or("-")))
    })?;
    if let Some(task) = new.task {
        execute(
            db,
            "UPDATE tasks SET running = ?4 WHERE tenant = ?1 AND channel = ?2 AND task = ?3",
            params![new.tenant.as_str(), new.channel.as_str(), task.as_str(), id.0],
        )?;
    }
    Ok(id)
}

fn end_abandoned(db: &Connection, new: &NewRun) -> Result<(), Fail> {
    let abandoned = each(
        db,
        "SELECT id, counts FROM runs WHERE tenant = ?1 AND channel = ?2 AND ended_at IS NULL",
        params![new.tenant.as_str(), new.channel.as_str()],
        |row| Ok((RunId(row.get(0)?), record("count", row.get_ref(1)?.as_str().map_err(other)?)?)),
    )?;
    for (id, counts) in abandoned {
        finish(db, id, &RunEnd::abandoned(new.started_at, counts), None)?;
    }
    Ok(())
}

pub(super) fn finish(db: &Connection, id: RunId, end: &RunEnd, fence: Option<&Fence>) -> Result<(), Fail> {
    if let Some(fence) = fence {
        lease::release(db, fence)?;
    }
    let run = get(db, id)?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
    if run.ended_at.is_some() {
        return Ok(());
    }
    write_end(db, &run, end)?;
    outbox::tell_run(db, &run, end)?;
    let Some(task) = run.task else { return Ok(()) };
    if end.is_quiet() {
        forget_quiet(db, &run.tenant, &run.channel, task)?;
    }
    let failures = end.failures();
    execute(
        db,
        &format!(
            "UPDATE tasks SET running = nullif(running, ?4), last = ?5,
                 next_run_at = CASE WHEN interval_ms = coalesce(?8, interval_ms) THEN coalesce(?6, next_run_at) ELSE next_run_at END,
                 consecutive_failures = {failures},
                 complete_until = coalesce(max(complete_until, ?7), ?7, complete_until)
             WHERE tenant = ?1 AND channel = ?2 AND task = ?3"
        ),
        params![
            run.tenant.as_str(),
            run.channel.as_str(),
            task.as_str(),
            id.0,
            json(&end.last(&run))?,
            end.next_run_at,
            end.complete_until,
            end.interval_ms
        ],
    )?;
    Ok(())
}

/// Ends a run of a host that has been passed, unless the next holder has ended it already. Its task is the next holder's.
pub(super) fn finish_passed(db: &Connection, id: RunId, end: &RunEnd) -> Result<(), Fail> {
    let run = get(db, id)?.ok_or_else(|| StoreError::NotFound(format!("run {id}")))?;
    if run.ended_at.is_some() {
        return Ok(());
    }
    let RunEnd { ended_at, counts, calls, retries, .. } = *end;
    let end = RunEnd { calls, retries, ..RunEnd::abandoned(ended_at, counts) };
    write_end(db, &run, &end)?;
    outbox::tell_run(db, &run, &end)?;
    let Some(task) = run.task else { return Ok(()) };
    execute(
        db,
        "UPDATE tasks SET running = nullif(running, ?4) WHERE tenant = ?1 AND channel = ?2 AND task = ?3",
        params![run.tenant.as_str(), run.channel.as_str(), task.as_str(), id.0],
    )?;
    Ok(())
}

fn write_end(db: &Connection, run: &Run, end: &RunEnd) -> Result<(), Fail> {
    execute(
        db,
        "UPDATE runs SET ended_at = ?3, result = ?4, message = ?5, counts = ?6, calls = ?7, retries = ?8,
             is_quiet = ?9 AND request_key IS NULL, failed_call = ?10, timeline = ?11
         WHERE tenant = ?1 AND id = ?2",
        params![
            run.tenant.as_str(),
            run.id.0,
            end.ended_at,
            end.result.as_str(),
            end.message,
            json(&end.counts)?,
            end.calls.cast_signed(),
            end.retries.cast_signed(),
            end.is_quiet(),
            end.failed_call.as_ref().map(json).transpose()?,
            end.timeline.as_ref().map(json).transpose()?
        ],
    )?;
    save::run_orders(db, &run.tenant, run.id, &end.orders)?;
    Ok(())
}

fn forget_quiet(db: &Connection, tenant: &TenantCode, channel: &ChannelCode, task: Task) -> Result<(), Fail> {
    let old = "(SELECT id FROM runs WHERE tenant = ?1 AND channel = ?2 AND task = ?3 AND is_quiet = 1
                ORDER BY id DESC LIMIT -1 OFFSET ?4)";
    let of = params![tenant.as_str(), channel.as_str(), task.as_str(), QUIET_RUNS_KEPT];
    execute(db, &format!("DELETE FROM run_lines WHERE tenant = ?1 AND run IN {old}"), of)?;
    execute(db, &format!("DELETE FROM runs WHERE tenant = ?1 AND id IN {old}"), of)?;
    Ok(())
}

pub(super) fn list(
    db: &Connection,
    filter: &RunFilter,
    after: Option<RunId>,
    limit: u32,
) -> Result<Vec<Run>, Fail> {
    let mut sql = format!("SELECT {COLUMNS} FROM runs WHERE id < ?4");
    for (wanted, condition) in [
        (filter.tenant.is_some(), " AND tenant = ?1"),
        (filter.channel.is_some(), " AND channel = ?2"),
        (filter.task.is_some(), " AND task = ?3"),
    ] {
        if wanted {
            sql.push_str(condition);
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT ?5");
    each(
        db,
        &sql,
        params![
            filter.tenant.as_ref().map(TenantCode::as_str),
            filter.channel.as_ref().map(ChannelCode::as_str),
            filter.task.map(Task::as_str),
            after.map_or(i64::MAX, |run| run.0),
            limit
        ],
        row,
    )
}

pub(super) fn with_lines(db: &Connection, id: RunId) -> Result<Option<(Run, Vec<RunLine>)>, Fail> {
    let Some(run) = get(db, id)? else { return Ok(None) };
    let lines = records(
        db,
        "line of a run",
        "SELECT body FROM run_lines WHERE tenant = ?1 AND run = ?2 ORDER BY line",
        params![run.tenant.as_str(), id.0],
    )?;
    Ok(Some((run, lines)))
}

/// What became of each order that a person chose for the run.
pub(super) fn orders(db: &Connection, id: RunId) -> Result<Vec<RunOrder>, Fail> {
    let Some(run) = get(db, id)? else { return Ok(Vec::new()) };
    records(
        db,
        "order of a run",
        "SELECT body FROM run_orders WHERE tenant = ?1 AND run = ?2 ORDER BY line",
        params![run.tenant.as_str(), id.0],
    )
}

/// The call after which the marketplace was given up.
pub(super) fn failed_call(db: &Connection, id: RunId) -> Result<Option<FailedCall>, Fail> {
    let sql = "SELECT failed_call FROM runs WHERE id = ?1 AND failed_call IS NOT NULL";
    first(db, sql, [id.0], |row| record("failed call", row.get_ref(0)?.as_str().map_err(other)?))
}

/// What a run did, moment by moment.
pub(super) fn timeline(db: &Connection, id: RunId) -> Result<Option<Timeline>, Fail> {
    let sql = "SELECT timeline FROM runs WHERE id = ?1 AND timeline IS NOT NULL";
    first(db, sql, [id.0], |row| record("timeline", row.get_ref(0)?.as_str().map_err(other)?))
}

/// The run that was made for a request.
pub(super) fn of_request(db: &Connection, tenant: &TenantCode, key: &str) -> Result<Option<RunId>, Fail> {
    let sql = "SELECT id FROM runs WHERE tenant = ?1 AND request_key = ?2";
    first(db, sql, params![tenant.as_str(), key], |row| Ok(RunId(row.get(0)?)))
}

fn get(db: &Connection, id: RunId) -> Result<Option<Run>, Fail> {
    first(db, &format!("SELECT {COLUMNS} FROM runs WHERE id = ?1"), [id.0], row)
}

fn row(row: &Row<'_>) -> Result<Run, Fail> {
    let task = match row.get_ref(3)?.as_str_or_null().map_err(other)? {
        Some(_) => Some(task(row, 3)?),
        None => None,
    };
    let result = row.get_ref(7)?.as_str_or_null().map_err(other)?;
    let counts: Counts = record("count", row.get_ref(9)?.as_str().map_err(other)?)?;
    Ok(Run {
        id: RunId(row.get(0)?),
        tenant: row.get::<_, String>(1)?.into(),
        channel: row.get::<_, String>(2)?.into(),
        task,
        trigger: state("trigger", row.get_ref(4)?.as_str().map_err(other)?, Trigger::parse)?,
        started_at: row.get(5)?,
        ended_at: row.get(6)?,
        result: result.map(|text| state("result", text, RunResult::parse)).transpose()?,
        message: row.get(8)?,
        counts,
        calls: row.get::<_, i64>(10)?.cast_unsigned(),
        retries: row.get::<_, i64>(11)?.cast_unsigned(),
    })
}
