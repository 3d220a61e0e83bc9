//! Replaces a tenant's whole state by a snapshot that was prepared, in one transaction.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};

use super::{
    fault::Fail,
    json::{each, execute},
    lease, save, setting, words,
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

pub(super) fn write(
    import: &Import,
    db: &Connection,
    key: &Key,
    secrets: &BTreeMap<ChannelCode, BTreeMap<String, Secret>>,
) -> Result<(), Fail> {
    let Import { snapshot, files, parked, counters } = import;
    let tenant = &snapshot.tenant;
    lease::none_live(db, tenant)?;
    clear(import, db)?;
    execute(
        db,
        "INSERT INTO tenants (tenant, live, zone) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant) DO UPDATE SET live = excluded.live, zone = excluded.zone",
        params![tenant.as_str(), snapshot.live, snapshot.zone.as_ref().map(Zone::name)],
    )?;
    save::counters(db, tenant, *counters)?;
    for facility in &snapshot.facilities {
        setting::put_facility(db, tenant, facility)?;
    }
    for channel in &snapshot.channels {
        setting::write_channel(db, tenant, channel)?;
    }
    for (channel, named) in secrets {
        setting::put_secrets(db, key, tenant, channel, named)?;
    }
    save::sequences(&snapshot.sequences)?.write(db, tenant)?;
    for stock in snapshot.stock.chunks(CHUNK) {
        save::stock(stock)?.write(db, tenant)?;
    }
    let shortfalls = rows::shortfalls(&snapshot.history);
    let changed_at = last_changes(snapshot);
    let mut words = words::Many::default();
    for files in files.chunks(CHUNK) {
        let mut rows = rows::Rows::of(files, &shortfalls, &HashMap::new(), None);
        for row in &mut rows.orders {
            row.changed_at = changed_at.get(&row.order.code).copied();
        }
        save::orders(&rows.orders)?.write(db, tenant)?;
        save::order_items(files)?.write(db, tenant)?;
        save::invoices(&rows.invoices)?.write(db, tenant)?;
        save::putaways(&rows.putaways)?.write(db, tenant)?;
        save::conflicts(&rows.conflicts)?.write(db, tenant)?;
        words.add_files(db, tenant, files)?;
    }
    words.write(db)?;
    let no_order = OrderCode::default();
    for invoices in snapshot.invoices.chunks(CHUNK) {
        let rows: Vec<_> = invoices.iter().map(|invoice| (&no_order, invoice)).collect();
        save::invoices(&rows)?.write(db, tenant)?;
    }
    for parked in parked.chunks(CHUNK) {
        save::parked(parked)?.write(db, tenant)?;
    }
    save::rehome(db, tenant)?;
    for changes in snapshot.history.chunks(CHUNK) {
        save::history(changes)?.write(db, tenant)?;
    }
    Ok(())
}

/// Removes what the snapshot replaces. A channel that remains with the same connector keeps secrets, runs and tasks, but
/// not how far they had come: the state that comes in may be older than that.
fn clear(import: &Import, db: &Connection) -> Result<(), Fail> {
    let tenant = import.snapshot.tenant.as_str();
    for table in REPLACED {
        execute(db, &format!("DELETE FROM {table} WHERE tenant = ?1"), [tenant])?;
    }
    let before: BTreeMap<String, String> =
        each(db, "SELECT code, connector FROM channels WHERE tenant = ?1", [tenant], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .into_iter()
        .collect();
    for reset in import.resets(before) {
        let code = &reset.channel;
        if reset.is_gone {
            execute(db, "DELETE FROM channels WHERE tenant = ?1 AND code = ?2", params![tenant, code])?;
        }
        for table in OF_RUN {
            let sql = format!(
                "DELETE FROM {table} WHERE tenant = ?1
                   AND run IN (SELECT id FROM runs WHERE tenant = ?1 AND channel = ?2)"
            );
            execute(db, &sql, params![tenant, code])?;
        }
        for table in OF_CHANNEL {
            let sql = format!("DELETE FROM {table} WHERE tenant = ?1 AND channel = ?2");
            execute(db, &sql, params![tenant, code])?;
        }
    }
    execute(db, "UPDATE tasks SET mark = NULL, complete_until = NULL WHERE tenant = ?1", [tenant])?;
    Ok(())
}
