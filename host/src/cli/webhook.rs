//! `webhook list|add|enable|disable|rotate|test|deliveries|replay|remove`

use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure, sentence},
    output::{Out, india, or_dash},
    values,
};
use crate::{
    access,
    app::App,
    domain::codes::TenantCode,
    nearest::did_you_mean,
    storage::{Delivery, DeliveryState, EventKind, Webhook, WebhookEdit},
    webhooks,
};

const HOUR_MS: i64 = 3_600_000;

/// Places that are told of changes: list, add, test, what they were told, tell again
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync webhook add --tenant acme https://example.com/statusync --events order.status_changed
  statusync webhook test --tenant acme wh_3fGh7Kq0Za
  statusync webhook deliveries --tenant acme wh_3fGh7Kq0Za --state WAITING
  statusync webhook replay --tenant acme wh_3fGh7Kq0Za --since 2026-01-15T00:00:00+05:30")]
pub(super) enum WebhookCommand {
    /// List webhooks with their state and what waits for them
    #[command(after_help = "Example:\n  statusync webhook list --tenant acme --json")]
    List {
        /// The tenant
        #[arg(long)]
        tenant: TenantCode,
    },
    Add(Add),
    /// Let a webhook be told again; it gets what waits for it
    #[command(after_help = "Example:\n  statusync webhook enable --tenant acme wh_3fGh7Kq0Za")]
    Enable(One),
    /// Stop telling a webhook; what happens meanwhile waits for as long as events are kept
    #[command(after_help = "Example:\n  statusync webhook disable --tenant acme wh_3fGh7Kq0Za")]
    Disable(One),
    Rotate(Rotate),
    /// Send a test to a webhook now, disabled or not, and show how that went
    #[command(after_help = "The exit code is 1 if it was not taken.

Example:\n  statusync webhook test --tenant acme wh_3fGh7Kq0Za")]
    Test(One),
    Deliveries(Deliveries),
    Replay(Replay),
    /// Remove a webhook with what waits for it
    #[command(after_help = "Example:\n  statusync webhook remove --tenant acme wh_3fGh7Kq0Za")]
    Remove(One),
}

/// One webhook.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The webhook's id, such as wh_3fGh7Kq0Za
    #[arg(value_name = "ID")]
    id: String,
}

/// Add a webhook, told of what happens from now on. Its secret is shown once: give it to the receiver
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync webhook add --tenant acme https://example.com/statusync
  statusync webhook add --tenant acme https://example.com/statusync --events order.taken,order.status_changed -q > secret.txt")]
pub(super) struct Add {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// Where it is: https
    #[arg(value_name = "URL")]
    url: String,
    /// What it is told: order.taken, order.status_changed, conflict.opened, run.finished; everything, unless said
    #[arg(long, value_delimiter = ',', value_parser = event)]
    events: Vec<EventKind>,
    /// What it is for, in your words
    #[arg(long, default_value = "")]
    label: String,
}

/// Replace a webhook's secret. The new one is shown once; for a while messages are signed with both
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  statusync webhook rotate --tenant acme wh_3fGh7Kq0Za --overlap 48h")]
pub(super) struct Rotate {
    #[command(flatten)]
    one: One,
    /// For how long messages are signed with the secret before, too
    #[arg(long, value_parser = values::span, value_name = "LENGTH", default_value = "24h")]
    overlap: i64,
}

/// List what a webhook was told and is to be told, the newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync webhook deliveries --tenant acme wh_3fGh7Kq0Za
  statusync webhook deliveries --tenant acme wh_3fGh7Kq0Za --state FAILED --json")]
pub(super) struct Deliveries {
    #[command(flatten)]
    one: One,
    /// Those that stand so: WAITING, DELIVERED or FAILED
    #[arg(long, value_parser = delivery_state)]
    state: Option<DeliveryState>,
    /// How many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Tell a webhook again of everything since an instant that is still kept, also of what it has: under the same ids
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  statusync webhook replay --tenant acme wh_3fGh7Kq0Za --since 2d
  statusync webhook replay --tenant acme wh_3fGh7Kq0Za --since 2026-01-15T00:00:00+05:30")]
pub(super) struct Replay {
    #[command(flatten)]
    one: One,
    /// Since when: so long ago, such as 2d, or a time
    #[arg(long, value_parser = values::moment, value_name = "WHEN")]
    since: values::Moment,
}

fn event(text: &str) -> Result<EventKind, String> {
    let names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let meant = || did_you_mean(text, names.iter().copied());
    EventKind::parse(text).ok_or_else(|| format!("give some of {}{}", names.join(", "), meant()))
}

fn delivery_state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(&text.to_ascii_uppercase())
        .ok_or_else(|| "give WAITING, DELIVERED or FAILED".to_owned())
}

impl WebhookCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let (app, out) = (context.open()?, context.out);
        match self {
            WebhookCommand::List { tenant } => {
                known_tenant(&app, &tenant).await?;
                let rows = app.store.webhooks(&tenant).await?;
                let head = ["webhook", "url", "events", "state", "waiting", "failed", "label"];
                out.list(&rows, &head, cells, "there are no webhooks; `statusync webhook add` adds one")?;
            }
            WebhookCommand::Add(add) => add.run(&app, out).await?,
            WebhookCommand::Enable(one) => one.set(&app, out, true).await?,
            WebhookCommand::Disable(one) => one.set(&app, out, false).await?,
            WebhookCommand::Rotate(rotate) => rotate.run(&app, out).await?,
            WebhookCommand::Test(one) => return one.test(&app, out).await,
            WebhookCommand::Deliveries(list) => list.run(&app, out).await?,
            WebhookCommand::Replay(Replay { one, since }) => {
                one.known(&app).await?;
                let now = app.clock.now_ms();
                let made = app.store.replay_webhook(&one.tenant, &one.id, since.at(now), now).await?;
                if out.is_json {
                    out.json(&json!({ "deliveries": made }))?;
                } else {
                    out.say(&format!("{made} messages are sent again by the daemon"));
                }
            }
            WebhookCommand::Remove(one) => {
                one.known(&app).await?;
                app.store.remove_webhook(&one.tenant, &one.id).await?;
                out.say(&format!("webhook {} is removed", one.id));
            }
        }
        Ok(Exit::Ok)
    }
}

fn cells(row: &Webhook) -> Vec<String> {
    let events: Vec<&str> = row.events.iter().map(|kind| kind.as_str()).collect();
    let state = match (&row.disabled_because, row.failing_since) {
        (Some(because), _) => format!("disabled: {because}"),
        (None, Some(since)) => format!("takes nothing since {}", india(since)),
        (None, None) => "told".to_owned(),
    };
    vec![
        row.id.clone(),
        row.url.clone(),
        if events.is_empty() { "all".to_owned() } else { events.join(", ") },
        state,
        row.waiting.to_string(),
        row.failed.to_string(),
        row.label.clone(),
    ]
}

impl Add {
    async fn run(self, app: &App, out: Out) -> Result<(), Failure> {
        known_tenant(app, &self.tenant).await?;
        app.way()?.outgoing.check(&self.url).map_err(Failure::usage)?;
        let failed = |error| Failure::failed(sentence(&error));
        let secret = webhooks::mint().map_err(failed)?;
        let events: BTreeSet<EventKind> = self.events.into_iter().collect();
        let webhook = Webhook::new(
            format!("wh_{}", access::mint().map_err(failed)?.id),
            self.label,
            self.url,
            events,
            app.clock.now_ms(),
        );
        app.store.add_webhook(&self.tenant, &webhook, &secret).await?;
        if out.is_json {
            return out.json(&json!({ "webhook": webhook, "secret": secret.reveal() }));
        }
        out.line(secret.reveal())?;
        let (tenant, id) = (&self.tenant, &webhook.id);
        out.say(&format!(
            "webhook {id} is added; the line above is its secret, shown once: give it to the receiver\nnext: statusync webhook \
             test --tenant {tenant} {id}"
        ));
        Ok(())
    }
}

impl One {
    async fn known(&self, app: &App) -> Result<Webhook, Failure> {
        known_tenant(app, &self.tenant).await?;
        if let Some(webhook) = app.store.webhook(&self.tenant, &self.id).await? {
            return Ok(webhook);
        }
        let known = app.store.webhooks(&self.tenant).await?;
        let meant = did_you_mean(&self.id, known.iter().map(|webhook| webhook.id.as_str()));
        let (tenant, id) = (&self.tenant, &self.id);
        Err(Failure::failed(format!(
            "tenant {tenant} has no webhook {id}{meant}; `statusync webhook list --tenant {tenant}` shows those that it has"
        )))
    }

    async fn set(&self, app: &App, out: Out, enabled: bool) -> Result<(), Failure> {
        let webhook = self.known(app).await?;
        let edit = WebhookEdit { enabled: Some(enabled), ..WebhookEdit::default() };
        app.store.set_webhook(&self.tenant, &self.id, &edit, app.clock.now_ms()).await?;
        let done = if enabled { "is told again" } else { "is not told any more" };
        out.say(&format!("webhook {} {done}; {} messages wait", self.id, webhook.waiting));
        Ok(())
    }

    async fn test(&self, app: &App, out: Out) -> Result<Exit, Failure> {
        let webhook = self.known(app).await?;
        let Some(attempt) = app.sender()?.test(&self.tenant, &self.id).await? else {
            return Err(Failure::failed(format!("webhook {} was just removed", self.id)));
        };
        let is_delivered = webhooks::is_delivered(&attempt);
        if out.is_json {
            out.json(&json!({ "delivered": is_delivered, "attempt": attempt }))?;
        } else {
            let status =
                attempt.status.map_or_else(|| "no answer".to_owned(), |status| format!("status {status}"));
            let taken = if is_delivered { "took the test" } else { "did not take the test" };
            out.say(&format!(
                "{} {taken}: {status} after {} ms: {}",
                webhook.url, attempt.duration_ms, attempt.said
            ));
        }
        Ok(if is_delivered { Exit::Ok } else { Exit::Failed })
    }
}

impl Rotate {
    async fn run(self, app: &App, out: Out) -> Result<(), Failure> {
        let Rotate { one, overlap } = self;
        one.known(app).await?;
        let secret = webhooks::mint().map_err(|error| Failure::failed(sentence(&error)))?;
        let old_until = app.clock.now_ms() + overlap;
        app.store.rotate_webhook(&one.tenant, &one.id, &secret, old_until).await?;
        if out.is_json {
            return out.json(&json!({ "secret": secret.reveal(), "old_until": old_until }));
        }
        out.line(secret.reveal())?;
        out.say(&format!(
            "the line above is the new secret of webhook {}, shown once; the one before counts for {} h more",
            one.id,
            overlap / HOUR_MS
        ));
        Ok(())
    }
}

impl Deliveries {
    async fn run(self, app: &App, out: Out) -> Result<(), Failure> {
        let One { tenant, id } = &self.one;
        self.one.known(app).await?;
        let rows = app.store.deliveries(tenant, id, self.state, None, self.limit).await?;
        let head = ["number", "event", "kind", "order", "state", "made", "attempts", "last attempt", "next"];
        let cells = |row: &Delivery| {
            let last = row.attempts.last().map(|attempt| {
                let status = attempt.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
                format!("{} {status} {} ms {}", india(attempt.at), attempt.duration_ms, attempt.said)
            });
            vec![
                row.number.to_string(),
                row.event.clone(),
                row.kind.to_string(),
                or_dash(row.order.clone()),
                row.state.to_string(),
                india(row.created_at),
                row.attempts.len().to_string(),
                or_dash(last),
                or_dash(row.due_at.map(india)),
            ]
        };
        out.list(&rows, &head, cells, "it was told nothing, and nothing waits")
    }
}
