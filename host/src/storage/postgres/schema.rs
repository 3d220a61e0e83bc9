//! The schema: its migrations, who may make them, and whose rights the host works with.
//!
//! Migrations are made by the owner of the tables (`statusync database prepare`). The host itself works with a role that
//! owns nothing and that row security holds.
//!
//! Hosts are replaced one after another, so a schema says which programs it still works with: a migration whose first line
//! is `-- expand` only adds what an earlier program need not know. Any other ends the work of earlier programs.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    connections::{Connections, Tx},
    fault::Fail,
    scope::{Access, MIGRATION, QUICK, Scope, begin},
    statement::{each, execute, first, now, text, with},
};
use crate::storage::StoreError;

/// Migrations by number, from 1. Each is applied in one transaction, together with the number.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_start.sql"),
    include_str!("../../../migrations/postgres/0002_schedule.sql"),
    include_str!("../../../migrations/postgres/0003_quiet_runs.sql"),
    include_str!("../../../migrations/postgres/0004_sync_now.sql"),
    include_str!("../../../migrations/postgres/0005_access.sql"),
    include_str!("../../../migrations/postgres/0006_webhooks.sql"),
    include_str!("../../../migrations/postgres/0007_console.sql"),
    include_str!("../../../migrations/postgres/0008_failed_call.sql"),
    include_str!("../../../migrations/postgres/0009_shards.sql"),
    include_str!("../../../migrations/postgres/0010_timeline.sql"),
    include_str!("../../../migrations/postgres/0011_found.sql"),
    include_str!("../../../migrations/postgres/0012_words.sql"),
    include_str!("../../../migrations/postgres/0013_zone.sql"),
    include_str!("../../../migrations/postgres/0014_history.sql"),
];

/// The first version that the schema and the statements are tried on.
const NEEDED: (i32, &str) = (130_000, "13");

/// A week: no bucket takes longer to fill.
const BUCKETS_KEPT_MS: i64 = 7 * 86_400_000;

/// The schema's number that this program makes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// How a migration begins that only adds.
const EXPAND: &str = "-- expand";
/// How long a change of the schema waits for a table, in milliseconds. Whoever else wants it waits behind it meanwhile.
const TABLE_WAIT_MS: &str = "2000";
/// How often it is tried, and how long the others have the table in between.
const TABLE_TRIES: u32 = 10;
const TABLE_PAUSE: Duration = Duration::from_secs(1);

/// The number of the earliest program that works with a schema: that of the last migration that did more than add.
fn oldest_with(migrations: &[&str], schema: i64) -> i64 {
    let made = migrations.iter().zip(1_i64..).take_while(|(_, number)| *number <= schema);
    made.filter(|(sql, _)| !sql.starts_with(EXPAND)).last().map_or(1, |(_, number)| number)
}

/// A schema's number, and that of the earliest program that works with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    schema: i64,
    oldest: i64,
}

impl Numbers {
    /// Whether this program, which knows schemas up to `known`, works with it.
    fn is_for(self, known: i64) -> bool {
        (self.oldest..=self.schema).contains(&known)
    }
}

/// What the role that is logged in may do beyond its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privilege {
    None,
    Owner,
    BypassRls,
    Superuser,
}

/// Looks who we are, on a server that is new enough.
async fn privilege(hub: &Connections) -> Result<Privilege, Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Read, QUICK)).await?;
    let (number, version) = first(
        &mut db,
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')",
        with![],
        |row| Ok((row.try_get::<i32, _>(0)?, text::<String>(row, 1)?)),
    )
    .await?
    .unwrap_or_default();
    if number < NEEDED.0 {
        return Err(StoreError::NotAdmitted {
            place: hub.address.place.clone(),
            what: format!("is PostgreSQL {version}; {} or later is needed", NEEDED.1),
        }
        .into());
    }
    let privilege = first(
        &mut db,
        "SELECT r.rolsuper, r.rolbypassrls, EXISTS (
             SELECT 1 FROM pg_class c WHERE c.relkind IN ('r', 'p') AND pg_has_role(r.oid, c.relowner, 'MEMBER')
               AND c.oid IN (to_regclass('tenants'), to_regclass('orders'), to_regclass('schema_version')))
         FROM pg_roles r WHERE r.rolname = current_user",
        with![],
        |row| {
            Ok(match (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?) {
                (true, _, _) => Privilege::Superuser,
                (_, true, _) => Privilege::BypassRls,
                (_, _, true) => Privilege::Owner,
                (false, false, false) => Privilege::None,
            })
        },
    )
    .await?
    .unwrap_or(Privilege::None);
    hub.roll_back(db).await?;
    Ok(privilege)
}

async fn numbers(db: &mut Tx) -> Result<Option<Numbers>, Fail> {
    let exists =
        first(db, "SELECT to_regclass('schema_version') IS NOT NULL", with![], |row| Ok(row.try_get(0)?));
    if exists.await? != Some(true) {
        return Ok(None);
    }
    // A schema that does not say with whom it works is from before that was written down.
    let sql = "SELECT version, coalesce((to_jsonb(v) ->> 'oldest')::bigint, version) FROM schema_version v";
    first(db, sql, with![], |row| Ok(Numbers { schema: row.try_get(0)?, oldest: row.try_get(1)? })).await
}

async fn schema(hub: &Connections) -> Result<Option<Numbers>, Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Read, QUICK)).await?;
    let found = numbers(&mut db).await?;
    hub.roll_back(db).await?;
    Ok(found)
}

/// Whether the host may work with what was found; makes the schema if the role may and `is_privilege_allowed`.
pub(super) async fn admit(hub: &Connections, is_privilege_allowed: bool) -> Result<(), Fail> {
    let privilege = privilege(hub).await?;
    let place = &hub.address.place;
    let role = hub.address.role();
    if privilege != Privilege::None {
        let what = match privilege {
            Privilege::Superuser => "is a superuser",
            Privilege::BypassRls => "may bypass row security",
            Privilege::Owner | Privilege::None => "owns the tables",
        };
        if !is_privilege_allowed {
            return Err(refused(
                place,
                format!(
                    "is entered as {role}, which {what}, so that nothing there would keep tenants apart; make a plain role, \
                     name it in `[database] url` and run `statusync database prepare --url` with the owner's URL, or give \
                     --allow-privileged-role"
                ),
            ));
        }
        tracing::warn!(role, "the database's role {what}: the database does not keep tenants apart");
    }
    // A role that may own the tables makes them.
    if is_privilege_allowed && (privilege != Privilege::None || schema(hub).await?.is_none()) {
        migrate(hub).await?;
    }
    match schema(hub).await? {
        Some(found) if found.is_for(known()) => {}
        Some(Numbers { schema, .. }) if schema > known() => {
            return Err(StoreError::Newer { path: place.into(), found: schema, known: known() }.into());
        }
        Some(Numbers { schema, .. }) => {
            return Err(refused(
                place,
                format!(
                    "has schema {schema} and this program needs {}; run `statusync database prepare --url` with the owner's \
                     URL",
                    known()
                ),
            ));
        }
        None => {
            return Err(refused(
                place,
                "has no tables yet; run `statusync database prepare --url` with the URL of the database's owner"
                    .to_owned(),
            ));
        }
    }
    let mut db = hub.begin(&begin(&Scope::Host, Access::Write, QUICK)).await?;
    let prune = concat!("DELETE FROM buckets WHERE full_at < ", now!(), " - $1");
    execute(&mut db, prune, with![BUCKETS_KEPT_MS]).await?;
    hub.commit(db).await
}

fn refused(place: &str, what: String) -> Fail {
    StoreError::NotAdmitted { place: place.to_owned(), what }.into()
}

/// Brings the schema up to date; answers its number before and after. Who comes at the same time waits: the number's row is
/// locked in the transaction that changes the schema, and is free again when that ends, however it ends. One that ends half
/// way leaves nothing.
pub(super) async fn migrate(hub: &Connections) -> Result<(i64, i64), Fail> {
    migrate_to(hub, MIGRATIONS).await
}

pub(super) async fn migrate_to(hub: &Connections, migrations: &[&'static str]) -> Result<(i64, i64), Fail> {
    make_number(hub).await?;
    let (mut before, mut tries) = (None, 0);
    loop {
        let step = step(hub, migrations).await;
        match step {
            Ok((from, to)) => {
                let before = *before.get_or_insert(from);
                if from == to {
                    return Ok((before, to));
                }
                tries = 0;
            }
            // Somebody has a table for longer than others should wait behind us.
            Err(fail) if matches!(fail.code(), Some("55P03" | "40P01")) && tries < TABLE_TRIES => {
                tries += 1;
                tracing::info!(tries, "a table is in use; the change of the schema is tried again");
                tokio::time::sleep(TABLE_PAUSE).await;
            }
            Err(fail) => return Err(fail),
        }
    }
}

/// Makes the next migration, if there is one; answers the schema's number before and after.
async fn step(hub: &Connections, migrations: &[&'static str]) -> Result<(i64, i64), Fail> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let mut db = hub.begin(&begin(&Scope::Host, Access::Write, MIGRATION)).await?;
    execute(&mut db, "SELECT 1 FROM schema_version FOR UPDATE", with![]).await?;
    let found = numbers(&mut db)
        .await?
        .ok_or_else(|| StoreError::Contradiction("the schema has no number".to_owned()))?;
    let Numbers { schema, .. } = found;
    if schema > known && !found.is_for(known) {
        let path = hub.address.place.clone().into();
        return Err(StoreError::Newer { path, found: schema, known }.into());
    }
    let Some(migration) = usize::try_from(schema).ok().and_then(|done| migrations.get(done)) else {
        hub.roll_back(db).await?;
        return Ok((schema, schema));
    };
    let settings =
        "SELECT set_config('statusync.scope', 'migration', true), set_config('lock_timeout', $1, true)";
    execute(&mut db, settings, with![TABLE_WAIT_MS]).await?;
    let made = sqlx::raw_sql(*migration).execute(db.connection()).await.map_err(Fail::from);
    if let Err(fail) = made {
        if !fail.is_of_connection() {
            hub.roll_back(db).await?;
        }
        return Err(fail);
    }
    let now = schema + 1;
    let sql = "UPDATE schema_version SET version = $1, oldest = $2";
    execute(&mut db, sql, with![now, oldest_with(migrations, now)]).await?;
    hub.commit(db).await?;
    Ok((schema, now))
}

/// Makes the table of the schema's number, empty as long as there is nothing else. Two who do so at once meet each other as
/// an error that says that there is one; then there is one.
async fn make_number(hub: &Connections) -> Result<(), Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Write, QUICK)).await?;
    let sql = match numbers(&mut db).await? {
        None => {
            "CREATE TABLE schema_version (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), version BIGINT NOT NULL,
                 oldest BIGINT);
             INSERT INTO schema_version (version) VALUES (0)"
        }
        Some(_) if is_with_oldest(&mut db).await? => return hub.roll_back(db).await,
        Some(_) => "ALTER TABLE schema_version ADD COLUMN oldest BIGINT",
    };
    match sqlx::raw_sql(sql).execute(db.connection()).await.map_err(Fail::from) {
        Ok(_) => hub.commit(db).await,
        Err(fail) if matches!(fail.code(), Some("23505" | "42P07" | "42710" | "42701")) => {
            hub.roll_back(db).await
        }
        Err(fail) if fail.code() == Some("42501") => {
            let (role, database) = (hub.address.role(), hub.address.database());
            Err(refused(
                &hub.address.place,
                format!(
                    "does not let role {role} make tables; name the owner of the database, or make it the owner: ALTER DATABASE \
                     \"{database}\" OWNER TO \"{role}\""
                ),
            ))
        }
        Err(fail) => Err(fail),
    }
}

async fn is_with_oldest(db: &mut Tx) -> Result<bool, Fail> {
    let sql = "SELECT 1 FROM pg_attribute WHERE attrelid = 'schema_version'::regclass AND attname = 'oldest'";
    Ok(first(db, sql, with![], |_| Ok(())).await?.is_some())
}

/// Gives a role what the host needs, and nothing more.
pub(super) async fn grant(hub: &Connections, role: &str) -> Result<(), Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Write, QUICK)).await?;
    let quoted = first(
        &mut db,
        "SELECT quote_ident(rolname), rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1",
        with![role],
        |row| Ok((text::<String>(row, 0)?, row.try_get::<bool, _>(1)?)),
    )
    .await?;
    let Some((quoted, is_privileged)) = quoted else {
        return Err(refused(
            &hub.address.place,
            format!("has no role {role}; make it first: CREATE ROLE \"{role}\" LOGIN PASSWORD '…'"),
        ));
    };
    if is_privileged {
        return Err(refused(
            &hub.address.place,
            format!(
                "has a role {role} that no row security holds; take that away: ALTER ROLE {quoted} NOSUPERUSER NOBYPASSRLS"
            ),
        ));
    }
    let schema: String = first(&mut db, "SELECT quote_ident(current_schema())", with![], |row| text(row, 0))
        .await?
        .ok_or_else(|| StoreError::Contradiction("the role has no schema to work in".to_owned()))?;
    // Two who grant at once would meet in the tables' own rows.
    execute(&mut db, "SELECT 1 FROM schema_version FOR UPDATE", with![]).await?;
    let tables = tables(&mut db).await?.join(", ");
    let sql = format!(
        "GRANT USAGE ON SCHEMA {schema} TO {quoted};
         GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {quoted};
         GRANT SELECT ON schema_version TO {quoted};
         GRANT USAGE, SELECT, UPDATE ON SEQUENCE run_ids, outbox_ids TO {quoted}"
    );
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(db.connection()).await?;
    hub.commit(db).await
}

/// Our tables that hold something for the host: all that have row security.
pub(super) async fn tables(db: &mut Tx) -> Result<Vec<String>, Fail> {
    each(
        db,
        "SELECT quote_ident(relname) FROM pg_class
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relrowsecurity ORDER BY relname",
        with![],
        |row| text(row, 0),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_works_with_later_schemas_until_one_does_more_than_add() {
        let migrations = ["CREATE", "-- expand\nCREATE", "-- expand\nALTER", "DROP", "-- expand\nCREATE"];
        let oldest: Vec<i64> = (1..=5).map(|schema| oldest_with(&migrations, schema)).collect();
        assert_eq!(oldest, [1, 1, 1, 4, 4]);
        let works = |known: i64| -> Vec<i64> {
            let is_for = |schema: &i64| {
                Numbers { schema: *schema, oldest: oldest_with(&migrations, *schema) }.is_for(known)
            };
            (1..=5).filter(is_for).collect()
        };
        assert_eq!([works(1), works(3), works(4)], [vec![1, 2, 3], vec![3], vec![4, 5]]);
    }
}
