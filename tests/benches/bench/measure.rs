//! What a process cost, as the system counted it, and figures with their middle and spread.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// The system counts processor time in hundredths of a second.
const TICKS: f64 = 100.0;

/// What a stretch of work cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds by the clock.
    pub(crate) wall: f64,
    /// Seconds of processors, user and system.
    pub(crate) cpu: f64,
    /// The most memory that the process ever had, in MiB.
    pub(crate) peak_mib: f64,
}

/// Measures from now on.
pub(crate) struct Watch {
    began: Instant,
    cpu: f64,
}

impl Watch {
    pub(crate) fn start() -> Result<Watch> {
        Ok(Watch { began: Instant::now(), cpu: cpu_secs("self")? })
    }

    pub(crate) fn stop(&self) -> Result<Cost> {
        Ok(Cost {
            wall: self.began.elapsed().as_secs_f64(),
            cpu: cpu_secs("self")? - self.cpu,
            peak_mib: status_kib("self", "VmHWM")? / 1024.0,
        })
    }
}

/// User and system time of a process, and of its children that have ended, in seconds.
pub(crate) fn cpu_secs(process: &str) -> Result<f64> {
    let stat = proc(process, "stat")?;
    let (_, fields) = stat.rsplit_once(')').context("an odd stat file")?;
    let ticks = fields.split_whitespace().skip(11).take(4).map_while(|field| field.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / TICKS)
}

/// A line of a process's status file, in KiB.
pub(crate) fn status_kib(process: &str, name: &str) -> Result<f64> {
    let text = proc(process, "status")?;
    let line = text.lines().find(|line| line.starts_with(name)).context("no such line")?;
    Ok(line.split_whitespace().nth(1).context("no figure")?.parse()?)
}

fn proc(process: &str, file: &str) -> Result<String> {
    let path = Path::new("/proc").join(process).join(file);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn figure(count: u64) -> f64 {
    count as f64
}

/// Figures of the same measure.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn add(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    /// The least and the most.
    pub(crate) fn ends(&self) -> (f64, f64) {
        self.0.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), figure| {
            (least.min(*figure), most.max(*figure))
        })
    }
}
