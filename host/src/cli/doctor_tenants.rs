//! The part of `doctor` that looks over tenants: channels, secrets, tasks, and what waits for people.

use std::collections::BTreeSet;

use super::{context::Context, doctor::Report, exit::Failure, output::india};
use crate::{
    app::App,
    domain::{codes::TenantCode, snapshot::Channel},
    kept::open_breakers,
    plugins::Registry,
    settings,
    storage::{TaskFilter, TaskRow, TenantRow, Webhook},
};

/// A task that failed so often in a row is wrong; before that it may pass.
const FAILURES_WRONG: u32 = 3;

/// Looks over every tenant.
pub(super) async fn look_over(
    context: &Context,
    report: &mut Report,
    app: &App,
    registry: &Registry,
) -> Result<(), Failure> {
    for open in open_breakers(&*app.store, None).await? {
        let sentence = format!(
            "is not asked: {} attempts in a row have failed since {} ({}); the next is made after {}",
            open.failures,
            india(open.since),
            open.reason,
            india(open.probe_at)
        );
        report.look(open.subject.to_string(), sentence);
    }
    let tenants = app.store.tenants().await?;
    if tenants.is_empty() {
        report.look(
            "tenants",
            "there are none; `statusync import FILE` or `statusync tenant add CODE` adds one",
        );
    }
    for tenant in &tenants {
        let code = &tenant.code;
        if tenant.live {
            report.ok(format!("tenant {code}"), "is live");
        } else {
            report.look(
                format!("tenant {code}"),
                format!("is not live, so it is not synced; `statusync tenant live {code}` lets it go live"),
            );
        }
        for channel in app.store.channels(code).await? {
            look_at_channel(context, report, app, registry, tenant, &channel).await?;
        }
        webhooks(report, code, &app.store.webhooks(code).await?);
        tasks(report, &app.store.tasks(&TaskFilter { tenant: Some(code.clone()), channel: None }).await?);
    }
    Ok(())
}

async fn look_at_channel(
    context: &Context,
    report: &mut Report,
    app: &App,
    registry: &Registry,
    tenant: &TenantRow,
    channel: &Channel,
) -> Result<(), Failure> {
    let (tenant, code) = (&tenant.code, &channel.code);
    let about = format!("channel {tenant}/{code}");
    if !channel.enabled {
        let remedy = format!("`statusync channel enable --tenant {tenant} {code}` switches it on");
        report.look(about, format!("is switched off; {remedy}"));
        return Ok(());
    }
    let Some(connector) = registry.get(&channel.connector) else {
        let searched = context.searched(registry, &channel.connector)?;
        report.wrong(about, format!("connector {} is not loaded; {searched}", channel.connector));
        return Ok(());
    };
    let names: BTreeSet<String> = match app.store.secrets(tenant, code).await {
        Ok(secrets) => secrets.into_keys().collect(),
        Err(error) => {
            report.wrong(about, error.to_string());
            return Ok(());
        }
    };
    if let Err(problems) = settings::sort(&connector.descriptor, &channel.settings) {
        report.wrong(about.clone(), problems.join("; "));
    }
    let missing = settings::missing(&connector.descriptor, &channel.settings, &names);
    if missing.is_empty() {
        report.ok(about, format!("served by {connector}, settings and secrets are complete"));
        return Ok(());
    }
    let missing: Vec<&str> = missing.iter().map(|setting| setting.name.as_str()).collect();
    let remedy = format!("`statusync channel set --tenant {tenant} {code} --secrets FILE.toml` takes them");
    report.wrong(about, format!("{} missing: {remedy}", missing.join(", ")));
    Ok(())
}

fn webhooks(report: &mut Report, tenant: &TenantCode, rows: &[Webhook]) {
    for row in rows {
        let about = format!("webhook {tenant}/{}", row.id);
        let waiting = format!("{} messages wait", row.waiting);
        if let Some(because) = &row.disabled_because {
            let remedy =
                format!("`statusync webhook enable --tenant {tenant} {}` lets it be told again", row.id);
            report.look(about, format!("is disabled: {because}; {waiting}; {remedy}"));
        } else if let Some(since) = row.failing_since {
            let remedy =
                format!("`statusync webhook deliveries --tenant {tenant} {}` shows the attempts", row.id);
            report.look(about, format!("takes nothing since {}; {waiting}; {remedy}", india(since)));
        } else {
            report.ok(about, format!("takes what it is told; {waiting}"));
        }
    }
}

fn tasks(report: &mut Report, rows: &[TaskRow]) {
    for row in rows.iter().filter(|row| row.enabled && row.consecutive_failures > 0) {
        let about = format!("task {}/{} {}", row.tenant, row.channel, row.task);
        let message = row.last.as_ref().map_or("", |last| last.message.as_str());
        let run = row
            .last
            .as_ref()
            .map_or(String::new(), |last| format!("; `statusync runs {}` shows it", last.run));
        let sentence = format!("failed {} times in a row: {message}{run}", row.consecutive_failures);
        if row.consecutive_failures >= FAILURES_WRONG {
            report.wrong(about, sentence);
        } else {
            report.look(about, sentence);
        }
    }
}
