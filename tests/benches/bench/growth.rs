//! Whether cost grows with size: processor time for a hundred thousand orders, of few and many orders and tenants.

use std::fmt::Write as _;

use anyhow::Result;
use kit::load::Size;

use super::{
    measure::Figures,
    sides::{Market, Template},
};

/// The table, for SQLite.
pub(crate) fn table(quick: bool, rounds: usize) -> Result<String> {
    let sizes: &[(u32, u32)] = if quick {
        &[(10_000, 1), (10_000, 100), (50_000, 100), (50_000, 1_000)]
    } else {
        &[
            (10_000, 100),
            (100_000, 1),
            (100_000, 100),
            (100_000, 10_000),
            (1_000_000, 100),
            (1_000_000, 10_000),
        ]
    };
    let mut text = "| orders | tenants | changed: processor s for 100,000 | unchanged: processor s for 100,000 | most memory, MiB |\n\
                    |---|---|---|---|---|\n"
        .to_owned();
    for &(orders, tenants) in sizes {
        let size = Size { orders, tenants };
        let market = Market::start(size)?;
        let template = Template::import(&market, None)?;
        let [mut changed, mut unchanged, mut peak] =
            [Figures::default(), Figures::default(), Figures::default()];
        let scale = 1e5 / f64::from(size.all());
        for _ in 0..(if orders > 100_000 { 1 } else { rounds.min(3) }) {
            let copy = template.copy()?;
            market.advance(1)?;
            let ran = copy.run()?;
            changed.add(ran.cost.cpu * scale);
            peak.add(ran.cost.peak_mib);
            unchanged.add(copy.run()?.cost.cpu * scale);
        }
        let line = format!(
            "| {orders} | {tenants} | {:.2} | {:.2} | {:.0} |",
            changed.median(),
            unchanged.median(),
            peak.median()
        );
        eprintln!("{line}");
        let _ = writeln!(text, "{line}");
    }
    text.pop();
    Ok(text)
}
