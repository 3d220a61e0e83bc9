//! The floor: a bare loop that fetches the same pages, parses them and upserts one row for each order, one page a transaction,
//! as safely as the host.
//!
//! It knows no rules, keeps no history and asks one page after the other. What the host takes longer is the price of the rest.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use kit::load::{self, Size};
use rusqlite::Connection;
use serde::Deserialize;
use sqlx::{Connection as _, PgConnection};

use super::measure::{Cost, Watch};

/// The bare loop.
#[derive(Debug, Args)]
pub(crate) struct Floor {
    orders: u32,
    tenants: u32,
    market: String,
    /// A file of its own.
    #[arg(long)]
    sqlite: Option<PathBuf>,
    /// A database of its own.
    #[arg(long)]
    postgres: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    orders: Vec<Order>,
    pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[serde(rename = "orderId")]
    id: String,
    last_updated_time: String,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    package_status: Status,
    tracking_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    detailed_status: String,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS seen (
    tenant TEXT NOT NULL, channel_order_id TEXT NOT NULL, status TEXT NOT NULL, awb TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (tenant, channel_order_id))";

enum Base {
    Sqlite(Connection),
    Postgres(Box<PgConnection>),
}

impl Base {
    async fn open(floor: &Floor) -> Result<Base> {
        if let Some(url) = &floor.postgres {
            let mut db = PgConnection::connect(url).await?;
            sqlx::query(TABLE).execute(&mut db).await?;
            return Ok(Base::Postgres(Box::new(db)));
        }
        let file = floor.sqlite.as_ref().context("a database is needed")?;
        let db = Connection::open(file)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        db.pragma_update(None, "cache_size", -32_768)?;
        db.execute_batch(&format!("{TABLE} STRICT, WITHOUT ROWID"))?;
        Ok(Base::Sqlite(db))
    }

    async fn upsert(&mut self, tenant: &str, orders: &[Order]) -> Result<()> {
        match self {
            Base::Sqlite(db) => {
                let tx = db.transaction()?;
                let mut statement = tx.prepare_cached(
                    "INSERT INTO seen (tenant, channel_order_id, status, awb, at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (tenant, channel_order_id) DO UPDATE
                     SET status = excluded.status, awb = excluded.awb, at = excluded.at",
                )?;
                for order in orders {
                    let package = order.packages.first().context("an order without package")?;
                    statement.execute((
                        tenant,
                        &order.id,
                        &package.package_status.detailed_status,
                        &package.tracking_number,
                        &order.last_updated_time,
                    ))?;
                }
                drop(statement);
                tx.commit()?;
            }
            // Rows one by one would wait for the server each: a page is one statement here.
            Base::Postgres(db) => {
                let column = |of: fn(&Order) -> &str| {
                    orders.iter().map(|order| of(order).to_owned()).collect::<Vec<_>>()
                };
                let mut tx = db.begin().await?;
                sqlx::query(
                    "INSERT INTO seen (tenant, channel_order_id, status, awb, at)
                     SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[])
                     ON CONFLICT (tenant, channel_order_id) DO UPDATE
                     SET status = excluded.status, awb = excluded.awb, at = excluded.at",
                )
                .bind(tenant)
                .bind(column(|order| &order.id))
                .bind(column(|order| {
                    order.packages.first().map_or("", |one| &one.package_status.detailed_status)
                }))
                .bind(column(|order| order.packages.first().map_or("", |one| &one.tracking_number)))
                .bind(column(|order| &order.last_updated_time))
                .execute(&mut *tx)
                .await?;
                tx.commit().await?;
            }
        }
        Ok(())
    }
}

impl Floor {
    pub(crate) async fn run(self) -> Result<()> {
        let size = Size { orders: self.orders, tenants: self.tenants };
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().build()?;
        let mut base = Base::open(&self).await?;
        let watch = Watch::start()?;
        let mut read = 0;
        for tenant in (0..size.tenants).map(load::tenant) {
            let mut token: Option<String> = None;
            loop {
                let more = token.map(|token| format!("&paginationToken={token}")).unwrap_or_default();
                let url = format!(
                    "{}/{tenant}/orders/2026-01-01/orders?includedData=PACKAGES&maxResultsPerPage=100{more}",
                    self.market
                );
                let body = client.get(url).send().await?.error_for_status()?.bytes().await?;
                let page: Page = serde_json::from_slice(&body)?;
                read += page.orders.len();
                base.upsert(&tenant, &page.orders).await?;
                match page.pagination {
                    Some(next) => token = Some(next.next_token),
                    None => break,
                }
            }
        }
        let cost: Cost = watch.stop()?;
        ensure!(read == size.all() as usize, "{read} orders were read instead of {}", size.all());
        println!("{}", serde_json::to_string(&cost)?);
        Ok(())
    }
}
