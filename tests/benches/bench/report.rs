//! Takes the measures, prints them beside their targets, and writes them down.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::Command};

use anyhow::{Result, ensure};
use kit::{cluster::Cluster, load::Size};

use super::{
    Args, boundary, growth,
    measure::{Figures, figure},
    sides::{Engine, Market, Template},
    start,
};

/// A line of the table.
pub(crate) struct Row {
    pub(crate) measure: String,
    pub(crate) target: String,
    pub(crate) figure: String,
    pub(crate) spread: String,
    /// `None` if there is no target.
    pub(crate) met: Option<bool>,
}

impl Row {
    pub(crate) fn new(measure: impl Into<String>, figures: &Figures, digits: usize, unit: &str) -> Row {
        let (least, most) = figures.ends();
        Row {
            measure: measure.into(),
            target: String::new(),
            figure: format!("{:.digits$}{unit}", figures.median()),
            spread: format!("{least:.digits$} to {most:.digits$}"),
            met: None,
        }
    }

    pub(crate) fn at_least(self, target: f64, figures: &Figures, words: &str) -> Row {
        Row { target: format!("≥ {words}"), met: Some(figures.median() >= target), ..self }
    }

    pub(crate) fn at_most(self, target: f64, figures: &Figures, words: &str) -> Row {
        Row { target: format!("≤ {words}"), met: Some(figures.median() <= target), ..self }
    }
}

pub(crate) fn measure(args: &Args) -> Result<()> {
    let orders = args.orders.unwrap_or(if args.quick { 20_000 } else { 100_000 });
    let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 5 });
    let size = Size { orders, tenants: args.tenants };
    let wants = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    let known = ["sqlite", "postgres", "growth", "start", "boundary"];
    for only in &args.only {
        ensure!(known.contains(&only.as_str()), "--only {only}: it is one of {}", known.join(", "));
    }
    let mut told = machine(size, rounds)?;
    say(&mut told, "");
    let cluster = wants("postgres").then(Cluster::durable).transpose().map_err(anyhow::Error::msg)?;
    let mut rows = Vec::new();
    if wants("sqlite") {
        rows.extend(end_to_end(size, rounds, Engine::Sqlite, None)?);
    }
    if let Some(cluster) = &cluster {
        rows.extend(end_to_end(size, rounds, Engine::Postgres, Some(cluster))?);
    }
    if wants("boundary") {
        rows.push(boundary::row(if args.quick { 200 } else { 1_000 }, rounds.max(5))?);
    }
    if wants("start") {
        rows.extend(start::rows(if args.quick { 100_000 } else { 1_000_000 })?);
    }
    say(&mut told, &table(&rows));
    if wants("growth") {
        say(&mut told, "");
        say(&mut told, &growth::table(args.quick, rounds)?);
    }
    if let Some(file) = &args.write {
        fs::write(file, &told)?;
    }
    Ok(())
}

fn say(told: &mut String, text: &str) {
    println!("{text}");
    told.push_str(text);
    told.push('\n');
}

fn end_to_end(size: Size, rounds: usize, engine: Engine, server: Option<&Cluster>) -> Result<Vec<Row>> {
    let market = Market::start(size)?;
    let template = Template::import(&market, server)?;
    let all = f64::from(size.all());
    let mut taken: BTreeMap<&str, Figures> = BTreeMap::new();
    let mut add = |name, figure| taken.entry(name).or_default().add(figure);
    for _ in 0..rounds {
        let copy = template.copy()?;
        market.advance(1)?;
        let floor = copy.floor()?;
        let (calls, server_cpu) = (market.calls()?, copy.server_cpu()?);
        let ran = copy.run()?;
        ensure!(ran.counts.applied >= u64::from(size.all()), "not every order was applied: {:?}", ran.counts);
        let least = size.fewest_calls() + u64::from(size.tenants);
        add("calls", figure(market.calls()? - calls) / figure(least));
        add("changed", all / ran.cost.wall);
        add("changed to floor", floor.wall / ran.cost.wall);
        add("floor", all / floor.wall);
        add("cpu", (ran.cost.cpu + copy.server_cpu()? - server_cpu) * 1e6 / all);
        add("host cpu", ran.cost.cpu * 1e6 / all);
        add("floor cpu", floor.cpu * 1e6 / all);
        add("wall", ran.cost.wall);
        add("peak", ran.cost.peak_mib);

        let floor = copy.floor()?;
        let ran = copy.run()?;
        ensure!(ran.counts.applied == 0, "something was applied again: {:?}", ran.counts);
        add("unchanged", all / ran.cost.wall);
        add("unchanged to floor", floor.wall / ran.cost.wall);
        add("unchanged cpu", ran.cost.cpu * 1e6 / all);
        for (every, name) in [(10, "tenth"), (100, "hundredth")] {
            let moved = market.advance(every)?;
            let ran = copy.run()?;
            ensure!(ran.counts.applied >= moved, "{moved} orders moved: {:?}", ran.counts);
            add(name, all / ran.cost.wall);
        }
    }
    let figures = |name: &str| taken.get(name).cloned().unwrap_or_default();
    let name = engine.name();
    let row = |measure: &str, of: &str, digits, unit: &str| {
        Row::new(format!("{name}: {measure}"), &figures(of), digits, unit)
    };
    let mut rows = Vec::new();
    let changed = row("changed orders applied, end to end", "changed", 0, " orders/s");
    rows.push(match engine {
        Engine::Sqlite => changed.at_least(20_000.0, &figures("changed"), "20,000"),
        Engine::Postgres => changed.at_least(10_000.0, &figures("changed"), "10,000"),
    });
    rows.push(row("the floor, changed", "floor", 0, " orders/s"));
    let ratio = row("changed, against the floor", "changed to floor", 2, "");
    let again = row("unchanged orders read again, against the floor", "unchanged to floor", 2, "");
    match engine {
        Engine::Sqlite => {
            rows.push(ratio.at_least(0.5, &figures("changed to floor"), "0.5"));
            rows.push(again.at_least(0.8, &figures("unchanged to floor"), "0.8"));
        }
        Engine::Postgres => rows.extend([ratio, again]),
    }
    rows.push(row("unchanged orders read again", "unchanged", 0, " orders/s"));
    rows.push(row("a tenth changed", "tenth", 0, " orders/s"));
    rows.push(row("a hundredth changed", "hundredth", 0, " orders/s"));
    rows.push(row("marketplace calls over the fewest possible", "calls", 3, "").at_most(
        1.05,
        &figures("calls"),
        "1.05",
    ));
    rows.push(row("whole run of changed orders", "wall", 2, " s"));
    rows.push(row("processor time for a changed order, with the server's", "cpu", 1, " µs"));
    rows.push(row("processor time of the host for a changed order", "host cpu", 1, " µs"));
    rows.push(row("processor time of the host for an unchanged order", "unchanged cpu", 1, " µs"));
    rows.push(row("processor time of the floor for an order", "floor cpu", 1, " µs"));
    rows.push(row("most memory of the host", "peak", 0, " MiB"));
    Ok(rows)
}

fn table(rows: &[Row]) -> String {
    let mut text = "| measure | target | median | least to most | |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let met = match row.met {
            None => "",
            Some(true) => "met",
            Some(false) => "missed",
        };
        let _ =
            writeln!(text, "| {} | {} | {} | {} | {met} |", row.measure, row.target, row.figure, row.spread);
    }
    text.pop();
    text
}

fn machine(size: Size, rounds: usize) -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism()?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        output.map_or_else(
            |_| "none".to_owned(),
            |done| String::from_utf8_lossy(&done.stdout).trim().to_owned(),
        )
    };
    let text = format!(
        "{} orders, {} tenants, {rounds} rounds; {} with {cores} cores, load {} at the beginning; Linux {}; {}; SQLite {}; {}",
        size.all(),
        size.tenants,
        model.trim_start_matches([':', ' ', '\t']),
        load.split_whitespace().next().unwrap_or("?"),
        said("uname", "-r"),
        said("rustc", "--version"),
        rusqlite::version(),
        said("postgres", "--version"),
    );
    println!("{text}");
    Ok(text + "\n")
}
