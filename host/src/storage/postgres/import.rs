//! Replaces a tenant's whole state by a snapshot that was prepared, in one transaction.

use std::collections::{BTreeMap, HashMap};

use sqlx::AssertSqlSafe;

use super::{
    connections::Tx,
    fault::Fail,
    lease, save,
    setting::{put_secrets, write_channels},
    statement::{each, execute, text, with},
    words,
};
use crate::{
    domain::{
        codes::{ChannelCode, OrderCode},
        zone::Zone,
    },
    secrets::{Key, Secret},
    storage::{
        import::{CHUNK, Import, OF_CHANNEL, OF_RUN, REPLACED, last_changes},
        rows,
    },
};

pub(super) async fn write(
    db: &mut Tx,
    import: &Import,
    key: &Key,
    secrets: &BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
) -> Result<(), Fail> {
    let Import { snapshot, files, parked, counters } = import;
    let tenant = &snapshot.tenant;
    // The tenant's row is made or taken first, so that nothing of the tenant's is written beside this.
    execute(
        db,
        "INSERT INTO tenants (tenant, live, zone) VALUES ($1, $2, $3)
         ON CONFLICT (tenant) DO UPDATE SET live = excluded.live, zone = excluded.zone",
        with![tenant.as_str(), snapshot.live, snapshot.zone.as_ref().map(Zone::name)],
    )
    .await?;
    lease::none_live(db, tenant).await?;
    clear(db, import).await?;
    save::counters(db, tenant, *counters).await?;
    save::facilities(db, tenant, &snapshot.facilities).await?;
    write_channels(db, tenant, &snapshot.channels).await?;
    for (channel, named) in secrets {
        put_secrets(db, key, tenant, channel, named).await?;
    }
    save::sequences(db, tenant, &snapshot.sequences).await?;
    for stock in snapshot.stock.chunks(CHUNK) {
        save::stock(db, tenant, stock).await?;
    }
    let shortfalls = rows::shortfalls(&snapshot.history);
    let changed_at = last_changes(snapshot);
    let mut words = words::Many::default();
    for files in files.chunks(CHUNK) {
        let mut rows = rows::Rows::of(files, &shortfalls, &HashMap::new(), None);
        for row in &mut rows.orders {
            row.changed_at = changed_at.get(&row.order.code).copied();
        }
        save::orders(db, tenant, &rows.orders).await?;
        save::order_items(db, tenant, files).await?;
        save::invoices(db, tenant, &rows.invoices).await?;
        save::putaways(db, tenant, &rows.putaways).await?;
        save::conflicts(db, tenant, &rows.conflicts).await?;
        words.add(db, tenant, files).await?;
    }
    words.write(db, tenant).await?;
    let no_order = OrderCode::default();
    for invoices in snapshot.invoices.chunks(CHUNK) {
        let rows: Vec<_> = invoices.iter().map(|invoice| (&no_order, invoice)).collect();
        save::invoices(db, tenant, &rows).await?;
    }
    for parked in parked.chunks(CHUNK) {
        save::parked(db, tenant, parked).await?;
    }
    save::rehome(db, tenant).await?;
    for changes in snapshot.history.chunks(CHUNK) {
        save::history(db, tenant, changes).await?;
    }
    Ok(())
}

/// Removes what the snapshot replaces. A channel that remains with the same connector keeps secrets, runs and tasks, but
/// not how far they had come: the state that comes in may be older than that.
async fn clear(db: &mut Tx, import: &Import) -> Result<(), Fail> {
    let tenant = import.snapshot.tenant.as_str();
    for table in REPLACED {
        let sql = AssertSqlSafe(format!("DELETE FROM {table} WHERE tenant = $1"));
        execute(db, sql, with![tenant]).await?;
    }
    let connectors = "SELECT code, connector FROM channels WHERE tenant = $1";
    let before = each(db, connectors, with![tenant], |row| Ok((text(row, 0)?, text(row, 1)?))).await?;
    for reset in import.resets(before.into_iter().collect()) {
        let code = reset.channel.as_str();
        if reset.is_gone {
            let sql = "DELETE FROM channels WHERE tenant = $1 AND code = $2";
            execute(db, sql, with![tenant, code]).await?;
        }
        for table in OF_RUN {
            let sql = AssertSqlSafe(format!(
                "DELETE FROM {table} WHERE tenant = $1
                   AND run IN (SELECT id FROM runs WHERE tenant = $1 AND channel = $2)"
            ));
            execute(db, sql, with![tenant, code]).await?;
        }
        for table in OF_CHANNEL {
            let sql = AssertSqlSafe(format!("DELETE FROM {table} WHERE tenant = $1 AND channel = $2"));
            execute(db, sql, with![tenant, code]).await?;
        }
    }
    let sql = "UPDATE tasks SET mark = NULL, complete_until = NULL WHERE tenant = $1";
    execute(db, sql, with![tenant]).await?;
    Ok(())
}
