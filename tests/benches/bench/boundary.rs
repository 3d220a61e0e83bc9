//! What the boundary costs: the same pages read by the connector's library and by the same connector linked into this program.

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use kit::load::{PAGE, body};
use plugin_abi::{Answer, RNone, ROption, RResult};
use plugin_api::{Job, Observation, Pull, Reply, Scope, Status, Task, Work, host_side};
use serde_json::json;
use statusync::plugins::{Connector, file_name};

use crate::{
    measure::Figures,
    report::Row,
    sides::{release, scratch},
};

/// Time by the library over time by the linked connector.
pub(crate) fn row(pages: u32, rounds: usize) -> Result<Row> {
    let folder = scratch()?;
    let connector = Connector::load(&release()?.join(file_name("amazon")), folder.path())?;
    let connector = Arc::new(connector);
    let bodies = bodies();
    let mut figures = Figures::default();
    for _ in 0..rounds {
        // Between the two nothing else is done, so that both meet the same machine.
        let mut best = [f64::INFINITY; 2];
        for _ in 0..3 {
            best[0] = best[0].min(by_library(&connector, &bodies, pages)?);
            best[1] = best[1].min(linked(&bodies, pages)?);
        }
        figures.add(best[0] / best[1]);
    }
    let measure = "the boundary, against the same connector linked statically";
    Ok(Row::new(measure, &figures, 2, "").at_most(1.3, &figures, "1.3"))
}

/// The job of a pull.
fn job() -> Job {
    Job {
        now: 1_790_000_400_000,
        settings: json!({}),
        work: Work::Pull(Pull {
            task: Task::Status,
            statuses: vec![Status::Dispatched, Status::Cancelled],
            scope: Scope::Changed { since: 1_789_990_000_000, until: 1_790_000_400_000 },
            mark: None,
        }),
    }
}

/// The body of the page with this number; tokens never come twice.
fn numbered(bodies: &[Vec<u8>], page: u32) -> Vec<u8> {
    let place = page as usize % bodies.len();
    let (old, new) = (format!("\"p{}\"", place + 1), format!("\"p{}\"", page + 1));
    let text = String::from_utf8_lossy(&bodies[place]);
    text.replace(&old, &new).into_bytes()
}

/// Pages read by the connector's library, over and over.
pub(crate) fn read(pages: u32) -> Result<()> {
    let folder = scratch()?;
    let connector = Arc::new(Connector::load(&release()?.join(file_name("amazon")), folder.path())?);
    by_library(&connector, &bodies(), pages).map(drop)
}

fn bodies() -> Vec<Vec<u8>> {
    (0..4).map(|page| body(page, 1_000, 1).into_bytes()).collect()
}

fn by_library(connector: &Arc<Connector>, bodies: &[Vec<u8>], pages: u32) -> Result<f64> {
    let mut running = connector.open(&job())?;
    let mut step = running.step(Vec::new());
    let mut seen: u64 = 0;
    let mut spent = 0.0;
    for page in 0..pages {
        let ask = step.asks.first().context("it asks for a page")?.id;
        let body = numbered(bodies, page);
        let began = Instant::now();
        let reply = plugin_abi::Reply {
            status: 200,
            headers: Vec::new().into(),
            body: body.into(),
            ext: Vec::new().into(),
        };
        step = running.step(vec![Answer { id: ask, result: RResult::ROk(ROption::RSome(reply)) }]);
        let observations: Vec<Observation> = step.observations.iter().map(host_side::observation).collect();
        spent += began.elapsed().as_secs_f64();
        seen += observations.len() as u64;
        ensure!(matches!(step.end, RNone), "it ended");
    }
    ensure!(seen >= u64::from(pages * PAGE), "{seen} observations of {pages} pages");
    Ok(spent)
}

fn linked(bodies: &[Vec<u8>], pages: u32) -> Result<f64> {
    let mut running = linked_amazon::__linked(job())?;
    let (mut asks, _, _) = running.step(Vec::new());
    let mut seen: u64 = 0;
    let mut spent = 0.0;
    for page in 0..pages {
        let ask = *asks.first().context("it asks for a page")?;
        let body = numbered(bodies, page);
        let began = Instant::now();
        let (next, observations, end) = running.step([(ask, Ok(Reply::new(200, body)))]);
        spent += began.elapsed().as_secs_f64();
        seen += observations.len() as u64;
        ensure!(end.is_none(), "it ended");
        asks = next;
    }
    ensure!(seen >= u64::from(pages * PAGE), "{seen} observations of {pages} pages");
    Ok(spent)
}
