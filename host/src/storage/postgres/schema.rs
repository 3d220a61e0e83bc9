//! The schema: its migrations, who may make them, and whose rights the host works with.
//!
//! Migrations are made by the owner of the tables (`statusync database prepare`). The host itself works with a role that
//! owns nothing and that row security holds.

use sqlx::{AssertSqlSafe, Row as _};

use super::{
    connections::{Connections, Tx},
    fault::Fail,
    scope::{Access, LONG, QUICK, Scope, begin},
    statement::{each, execute, first, now, text, with},
};
use crate::storage::StoreError;

/// Migrations by number, from 1. Each is applied in one transaction, together with the number.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_start.sql"),
    include_str!("../../../migrations/postgres/0002_schedule.sql"),
    include_str!("../../../migrations/postgres/0003_quiet_runs.sql"),
    include_str!("../../../migrations/postgres/0004_sync_now.sql"),
    include_str!("../../../migrations/postgres/0005_access.sql"),
    include_str!("../../../migrations/postgres/0006_webhooks.sql"),
    include_str!("../../../migrations/postgres/0009_failed_call.sql"),
];

/// The first version that the schema and the statements are tried on.
const NEEDED: (i32, &str) = (130_000, "13");

/// A week: no bucket takes longer to fill.
const BUCKETS_KEPT_MS: i64 = 7 * 86_400_000;

/// The schema's number that this program makes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
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

async fn number_of_schema(db: &mut Tx) -> Result<Option<i64>, Fail> {
    let exists =
        first(db, "SELECT to_regclass('schema_version') IS NOT NULL", with![], |row| Ok(row.try_get(0)?));
    if exists.await? != Some(true) {
        return Ok(None);
    }
    first(db, "SELECT version FROM schema_version", with![], |row| Ok(row.try_get(0)?)).await
}

async fn schema(hub: &Connections) -> Result<Option<i64>, Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Read, QUICK)).await?;
    let number = number_of_schema(&mut db).await?;
    hub.roll_back(db).await?;
    Ok(number)
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
        Some(schema) if schema == known() => {}
        Some(schema) if schema > known() => {
            return Err(StoreError::Newer { path: place.into(), found: schema, known: known() }.into());
        }
        Some(schema) => {
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
/// locked in the transaction that changes the schema. One that ends half way leaves nothing.
pub(super) async fn migrate(hub: &Connections) -> Result<(i64, i64), Fail> {
    make_number(hub).await?;
    let mut before = None;
    loop {
        let mut db = hub.begin(&begin(&Scope::Host, Access::Write, LONG)).await?;
        let found: i64 = first(&mut db, "SELECT version FROM schema_version FOR UPDATE", with![], |row| {
            Ok(row.try_get(0)?)
        })
        .await?
        .ok_or_else(|| StoreError::Contradiction("the schema has no number".to_owned()))?;
        if found > known() {
            let path = hub.address.place.clone().into();
            return Err(StoreError::Newer { path, found, known: known() }.into());
        }
        let before = *before.get_or_insert(found);
        let Some(migration) = usize::try_from(found).ok().and_then(|done| MIGRATIONS.get(done)) else {
            hub.roll_back(db).await?;
            return Ok((before, found));
        };
        execute(&mut db, "SELECT set_config('statusync.scope', 'migration', true)", with![]).await?;
        sqlx::raw_sql(*migration).execute(db.connection()).await?;
        execute(&mut db, "UPDATE schema_version SET version = $1", with![found + 1]).await?;
        hub.commit(db).await?;
    }
}

/// Makes the table of the schema's number, empty as long as there is nothing else. Two who do so at once meet each other as
/// an error that says that there is one; then there is one.
async fn make_number(hub: &Connections) -> Result<(), Fail> {
    let mut db = hub.begin(&begin(&Scope::Host, Access::Write, QUICK)).await?;
    if number_of_schema(&mut db).await?.is_some() {
        return hub.roll_back(db).await;
    }
    let made = sqlx::raw_sql(
        "CREATE TABLE schema_version (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one), version BIGINT NOT NULL);
         INSERT INTO schema_version (version) VALUES (0)",
    )
    .execute(db.connection())
    .await
    .map_err(Fail::from);
    match made {
        Ok(_) => hub.commit(db).await,
        Err(fail) if matches!(fail.code(), Some("23505" | "42P07" | "42710")) => hub.roll_back(db).await,
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
