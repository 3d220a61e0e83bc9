//! Reading orders and what belongs to them, for people and for tasks that ask by id.

use std::fmt::Write as _;

use plugin_api::Millis;
use sqlx::{
    Arguments as _, AssertSqlSafe, Row as _,
    postgres::{PgArguments, PgRow},
};

use super::{
    connections::Tx,
    fault::Fail,
    load,
    statement::{and_with, body, count, each, first, records, state, text, with},
    words,
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode, TenantCode},
        effect::Change,
        order::{ItemStatus, Order, OrderStatus},
        snapshot::OrderFile,
    },
    storage::{
        ConflictRow, ItemCount, NamedOrder, OrderFilter, OrderRow, OrderStage, ParkedFilter, ParkedRow,
        PutawayRow, ToAsk,
        lists::the_only,
        search::{Ask, Search},
        words::Needles,
    },
};

/// Whether facts wait at all.
pub(super) async fn has_waiting(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
) -> Result<bool, Fail> {
    let sql = "SELECT 1 FROM parked WHERE tenant = $1 AND channel = $2 LIMIT 1";
    let found = first(db, sql, with![tenant.as_str(), channel.as_str()], |_| Ok(()));
    Ok(found.await?.is_some())
}

pub(super) async fn waiting(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<String>, Fail> {
    each(
        db,
        "SELECT DISTINCT channel_order_id FROM parked p
         WHERE tenant = $1 AND channel = $2 AND channel_order_id > $3
           AND (cause <> 'UNKNOWN_ORDER' OR EXISTS (SELECT 1 FROM orders o WHERE o.tenant = p.tenant
                AND o.channel = p.channel AND o.channel_order_id = p.channel_order_id))
         ORDER BY channel_order_id LIMIT $4",
        with![tenant.as_str(), channel.as_str(), after.unwrap_or(""), i64::from(limit)],
        |row| text(row, 0),
    )
    .await
}

/// The orders of a filter as a marketplace knows them.
pub(super) async fn matching_refs(
    db: &mut Tx,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<ToAsk>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, |_, order| Ok(ToAsk::of(order))).await;
    }
    let sql = format!("SELECT body FROM orders o WHERE {} ORDER BY code LIMIT $9", condition(filter));
    let given = values(tenant, filter, after, limit.into())?;
    let orders = records(db, "order", AssertSqlSafe(sql), given).await?;
    Ok(orders.into_iter().map(ToAsk::of).collect())
}

/// Which orders a filter has.
pub(super) async fn matching(
    db: &mut Tx,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<NamedOrder>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, |_, order| Ok(NamedOrder::of(order))).await;
    }
    let sql = format!(
        "SELECT code, channel, channel_order_id FROM orders o WHERE {} ORDER BY code LIMIT $9",
        condition(filter)
    );
    each(db, AssertSqlSafe(sql), values(tenant, filter, after, limit.into())?, named_order).await
}

fn named_order(row: &PgRow) -> Result<NamedOrder, Fail> {
    Ok(NamedOrder { code: text(row, 0)?, channel: text(row, 1)?, channel_order_id: text(row, 2)? })
}

pub(super) async fn count_of(db: &mut Tx, tenant: &TenantCode, filter: &OrderFilter) -> Result<u64, Fail> {
    let (condition, given) = with_words(tenant, filter, None, i64::MAX)?;
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM orders o WHERE {condition} LIMIT $9) AS f");
    Ok(first(db, AssertSqlSafe(sql), given, |row| count(row, 0)).await?.unwrap_or(0))
}

/// What must hold for orders `o` of a whole filter, with its values.
fn with_words(
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: i64,
) -> Result<(String, PgArguments), Fail> {
    let (mut sql, mut given) = (condition(filter), values(tenant, filter, after, limit)?);
    for span in Needles::of(filter).spans() {
        let at = given.len();
        let (from, to) = if span.is_one() { ("=", "=") } else { (">=", "<") };
        let _ = write!(
            sql,
            " AND code IN (SELECT w.code FROM order_words w WHERE w.tenant = $1 AND w.kind = ${}
                 AND w.word {from} ${} AND w.word {to} ${} AND w.code > $2)",
            at + 1,
            at + 2,
            at + 3,
        );
        and_with(&mut given, span.kind as i16)?;
        and_with(&mut given, span.from)?;
        and_with(&mut given, span.to)?;
    }
    Ok((sql, given))
}

/// What must hold for orders `o` of a filter, but for its text and its facility; its values are those of [`values`].
fn condition(filter: &OrderFilter) -> String {
    // Few facts wait, and orders are many.
    const WAITS: &str = "code IN (SELECT h.code FROM parked p JOIN orders h ON h.tenant = p.tenant \
                         AND h.channel = p.channel AND h.channel_order_id = p.channel_order_id \
                         WHERE p.tenant = $1 AND p.cause";
    let mut sql = String::from("tenant = $1 AND code > $2");
    let mut also = |wanted: bool, condition: &str| {
        if wanted {
            sql.push_str(" AND ");
            sql.push_str(condition);
        }
    };
    also(filter.channel.is_some(), "channel = $3");
    also(filter.status.is_some(), "status = $4");
    match filter.stage {
        None => {}
        Some(OrderStage::Open) => also(true, "is_open"),
        Some(OrderStage::Moving) => also(true, "is_moving"),
        Some(OrderStage::DeliveredSince(_)) => also(true, "delivered_at >= $5 AND NOT is_moving"),
    }
    also(filter.shipping.is_some(), "coalesce(body::json ->> 'shipping', $7) = $6");
    also(filter.in_conflict, "open_conflicts > 0");
    also(filter.has_shortfall, "shortfall > 0");
    also(filter.returned_not_received, "returned_not_received");
    also(filter.has_putaway_due, "putaways_due > 0");
    also(filter.on_hold, r#"body LIKE '%"on_hold":true%'"#);
    also(filter.unchanged_since.is_some(), "coalesce(changed_at, 0) < $8");
    also(filter.has_parked, &format!("{WAITS} LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    also(filter.has_refused, &format!("{WAITS} NOT LIKE 'UNKNOWN~_%' ESCAPE '~')"));
    sql
}

/// The values of a [`condition`], and a limit as the ninth.
fn values(
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: i64,
) -> Result<PgArguments, Fail> {
    Ok(with![
        tenant.as_str(),
        after.map_or("", OrderCode::as_str),
        filter.channel.as_ref().map(ChannelCode::as_str),
        filter.status.map(OrderStatus::as_str),
        filter.delivered_since(),
        filter.shipping.map(|shipping| shipping.only.as_str()),
        filter.shipping.map(|shipping| shipping.usual.as_str()),
        filter.unchanged_since,
        limit
    ])
}

/// Reads for a search what it asks for, until everything is found.
async fn searched<T>(
    db: &mut Tx,
    tenant: &TenantCode,
    mut search: Search<T>,
    make: impl Fn(&PgRow, Order) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    while let Some(ask) = search.next() {
        let seen = |row: &PgRow| {
            let order: Order = body(row, 0, "order")?;
            let code = order.code.clone();
            Ok((code, search.has(&order).then(|| make(row, order)).transpose()?))
        };
        let condition = condition(search.rest());
        match ask {
            Ask::Ends(span) => search.ends(words::ends(db, tenant, &span).await?),
            Ask::Codes(span, after, most) => {
                search.codes(words::codes(db, tenant, &span, &after, most).await?);
            }
            Ask::Both(after, most) => {
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                let (condition, given) = with_words(tenant, search.filter(), Some(&after), most)?;
                let sql = format!("SELECT code FROM orders o WHERE {condition} ORDER BY code LIMIT $9");
                search.codes(each(db, AssertSqlSafe(sql), given, |row| text(row, 0)).await?);
            }
            Ask::Walk(after, most) => {
                let sql = format!("SELECT {ROW} FROM orders o WHERE {condition} ORDER BY code LIMIT $9");
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                let given = values(tenant, search.rest(), Some(&after), most)?;
                let walked = each(db, AssertSqlSafe(sql), given, seen).await?;
                search.walked(walked);
            }
            Ask::Of(codes) => {
                // OFFSET 0: each order is taken by its key, whatever else there is an index for.
                let sql = format!(
                    "SELECT {ROW} FROM unnest($10::text[]) AS k(wanted) CROSS JOIN LATERAL (
                         SELECT * FROM orders f WHERE f.tenant = $1 AND f.code = k.wanted OFFSET 0) o
                     WHERE {condition} ORDER BY code LIMIT $9"
                );
                let mut given = values(tenant, search.rest(), None, i64::MAX)?;
                let codes: Vec<&str> = codes.iter().map(OrderCode::as_str).collect();
                and_with(&mut given, codes)?;
                let taken = each(db, AssertSqlSafe(sql), given, seen).await?;
                search.take(taken);
            }
        }
    }
    Ok(search.found())
}

pub(super) async fn refs(
    db: &mut Tx,
    tenant: &TenantCode,
    channel: &ChannelCode,
    ids: &[String],
) -> Result<Vec<ToAsk>, Fail> {
    let orders = records(
        db,
        "order",
        "SELECT body FROM orders WHERE tenant = $1 AND channel = $2 AND code = ANY($3)
         UNION
         SELECT body FROM orders WHERE tenant = $1 AND channel = $2 AND channel_order_id = ANY($3)",
        with![tenant.as_str(), channel.as_str(), ids],
    )
    .await?;
    let mut refs: Vec<ToAsk> = orders.into_iter().map(ToAsk::of).collect();
    refs.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(refs)
}

pub(super) async fn named(db: &mut Tx, tenant: &TenantCode, ids: &[String]) -> Result<Vec<NamedOrder>, Fail> {
    let mut found = each(
        db,
        "SELECT code, channel, channel_order_id FROM orders WHERE tenant = $1 AND code = ANY($2)
         UNION
         SELECT o.code, o.channel, o.channel_order_id FROM channels c JOIN orders o
           ON o.tenant = c.tenant AND o.channel = c.code AND o.channel_order_id = ANY($2)
         WHERE c.tenant = $1",
        with![tenant.as_str(), ids],
        named_order,
    )
    .await?;
    found.sort_by(|a, b| a.code.cmp(&b.code));
    Ok(found)
}

/// What an order's row is read from.
const ROW: &str = "body, open_conflicts, putaways_due, shortfall, returned_not_received, changed_at,
         (SELECT count(*) FROM parked p WHERE p.tenant = o.tenant AND p.channel = o.channel
          AND p.channel_order_id = o.channel_order_id)";

pub(super) async fn changed(
    db: &mut Tx,
    tenant: &TenantCode,
    after: Option<(Millis, OrderCode)>,
    limit: u32,
) -> Result<Vec<OrderRow>, Fail> {
    let (at, code) = after.unwrap_or((Millis::MAX, OrderCode::default()));
    let sql = format!(
        "SELECT {ROW} FROM orders o WHERE tenant = $1 AND changed_at IS NOT NULL AND (changed_at, code) < ($2, $3)
         ORDER BY changed_at DESC, code DESC LIMIT $4"
    );
    let given = with![tenant.as_str(), at, code.as_str(), i64::from(limit)];
    each(db, AssertSqlSafe(sql), given, order_row).await
}

pub(super) async fn list(
    db: &mut Tx,
    tenant: &TenantCode,
    filter: &OrderFilter,
    after: Option<&OrderCode>,
    limit: u32,
) -> Result<Vec<OrderRow>, Fail> {
    if let Some(search) = Search::begin(filter, after, limit) {
        return searched(db, tenant, search, row_of).await;
    }
    let sql = format!("SELECT {ROW} FROM orders o WHERE {} ORDER BY code LIMIT $9", condition(filter));
    each(db, AssertSqlSafe(sql), values(tenant, filter, after, limit.into())?, order_row).await
}

fn order_row(row: &PgRow) -> Result<OrderRow, Fail> {
    row_of(row, body(row, 0, "order")?)
}

fn row_of(row: &PgRow, order: Order) -> Result<OrderRow, Fail> {
    Ok(OrderRow {
        open_conflicts: count(row, 1)?,
        putaways_due: count(row, 2)?,
        shortfall: row.try_get(3)?,
        returned_not_received: row.try_get(4)?,
        changed_at: row.try_get(5)?,
        waiting: count(row, 6)?,
        ..OrderRow::of(order)
    })
}

pub(super) async fn file(db: &mut Tx, tenant: &TenantCode, id: &str) -> Result<Option<OrderFile>, Fail> {
    let by_code = "SELECT body FROM orders WHERE tenant = $1 AND code = $2";
    let mut found = records(db, "order", by_code, with![tenant.as_str(), id]).await?;
    if found.is_empty() {
        found = records(
            db,
            "order",
            "SELECT o.body FROM channels c JOIN orders o
               ON o.tenant = c.tenant AND o.channel = c.code AND o.channel_order_id = $2
             WHERE c.tenant = $1 ORDER BY o.code",
            with![tenant.as_str(), id],
        )
        .await?;
    }
    let found = the_only(found, id)?.into_iter().collect();
    Ok(load::with_belongings(db, tenant, found).await?.pop())
}

pub(super) async fn history(
    db: &mut Tx,
    tenant: &TenantCode,
    order: &OrderCode,
) -> Result<Vec<Change>, Fail> {
    records(
        db,
        "line of history",
        "SELECT body FROM history WHERE tenant = $1 AND order_code = $2 ORDER BY id",
        with![tenant.as_str(), order.as_str()],
    )
    .await
}

fn conflict_row(row: &PgRow) -> Result<ConflictRow, Fail> {
    Ok(ConflictRow { channel: text(row, 0)?, conflict: body(row, 1, "conflict")? })
}

pub(super) async fn conflicts(
    db: &mut Tx,
    tenant: &TenantCode,
    open_only: bool,
) -> Result<Vec<ConflictRow>, Fail> {
    let only = if open_only { "AND f.open" } else { "" };
    let sql = AssertSqlSafe(format!(
        "SELECT o.channel, f.body FROM conflicts f JOIN orders o ON o.tenant = f.tenant AND o.code = f.order_code
         WHERE f.tenant = $1 {only} ORDER BY length(f.code), f.code"
    ));
    each(db, sql, with![tenant.as_str()], conflict_row).await
}

pub(super) async fn conflict(
    db: &mut Tx,
    tenant: &TenantCode,
    code: &str,
) -> Result<Option<ConflictRow>, Fail> {
    first(
        db,
        "SELECT o.channel, f.body FROM conflicts f JOIN orders o ON o.tenant = f.tenant AND o.code = f.order_code
         WHERE f.tenant = $1 AND f.code = $2",
        with![tenant.as_str(), code],
        conflict_row,
    )
    .await
}

fn putaway_row(row: &PgRow) -> Result<PutawayRow, Fail> {
    Ok(PutawayRow { order: text(row, 0)?, putaway: body(row, 1, "putaway")? })
}

pub(super) async fn putaways(
    db: &mut Tx,
    tenant: &TenantCode,
    due_only: bool,
) -> Result<Vec<PutawayRow>, Fail> {
    let only = if due_only { "AND due" } else { "" };
    let sql = AssertSqlSafe(format!(
        "SELECT order_code, body FROM putaways WHERE tenant = $1 {only} ORDER BY length(code), code"
    ));
    each(db, sql, with![tenant.as_str()], putaway_row).await
}

pub(super) async fn putaway(
    db: &mut Tx,
    tenant: &TenantCode,
    code: &str,
) -> Result<Option<PutawayRow>, Fail> {
    let sql = "SELECT order_code, body FROM putaways WHERE tenant = $1 AND code = $2";
    first(db, sql, with![tenant.as_str(), code], putaway_row).await
}

pub(super) async fn parked(
    db: &mut Tx,
    tenant: &TenantCode,
    filter: &ParkedFilter,
    after: Option<i64>,
    limit: u32,
) -> Result<Vec<ParkedRow>, Fail> {
    each(
        db,
        "SELECT id, body FROM parked WHERE tenant = $1 AND id > $2 AND ($3::text IS NULL OR channel = $3)
           AND ($4::text IS NULL OR channel_order_id = $4)
         ORDER BY id LIMIT $5",
        with![
            tenant.as_str(),
            after.unwrap_or(0),
            filter.channel.as_ref().map(ChannelCode::as_str),
            filter.channel_order_id.as_deref(),
            i64::from(limit)
        ],
        |row| Ok(ParkedRow { id: row.try_get(0)?, parked: body(row, 1, "parked fact")? }),
    )
    .await
}

pub(super) async fn item_counts(db: &mut Tx, tenant: &TenantCode) -> Result<Vec<ItemCount>, Fail> {
    let mut counts = each(
        db,
        "SELECT o.channel, i.item ->> 'status', count(*)
         FROM orders o CROSS JOIN LATERAL json_array_elements(o.body::json -> 'items') AS i(item)
         WHERE o.tenant = $1 GROUP BY 1, 2",
        with![tenant.as_str()],
        |row| {
            Ok(ItemCount {
                channel: text(row, 0)?,
                status: state(row, 1, "item status", ItemStatus::parse)?,
                count: count(row, 2)?,
            })
        },
    )
    .await?;
    counts.sort_by(|a, b| (a.channel.as_str(), a.status).cmp(&(b.channel.as_str(), b.status)));
    Ok(counts)
}
