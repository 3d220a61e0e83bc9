//! `api-key new|list|revoke`

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::{Context, known_tenant},
    exit::{Exit, Failure, sentence},
    output::{Out, india, or_dash},
    values,
};
use crate::{
    access::{self, Scope, Scopes},
    domain::codes::TenantCode,
    nearest::did_you_mean,
    storage::ApiKey,
};

/// Keys for programs that use the API: make, list, revoke
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  statusync api-key new --tenant acme --scopes read,orders --label \"order system\"
  statusync api-key list --tenant acme
  statusync api-key revoke 3fGh7Kq0Za")]
pub(super) enum ApiKeyCommand {
    New(New),
    /// List keys; their texts are kept nowhere
    #[command(after_help = "Example:\n  statusync api-key list --tenant acme --json")]
    List {
        /// Only those of this tenant
        #[arg(long)]
        tenant: Option<TenantCode>,
    },
    /// Revoke a key: it is refused from now on
    #[command(after_help = "Example:\n  statusync api-key revoke 3fGh7Kq0Za")]
    Revoke {
        /// The key's id: the ten characters after `ssk_`
        id: String,
    },
}

/// Make a key. Its text is shown once and kept nowhere: store it where secrets are stored
#[derive(Debug, Args)]
#[command(
    after_help = "Scopes: `read` sees everything but secrets, `orders` hands orders over, `operate` runs syncs and decides, `admin`
changes how a tenant is set up and includes the others.

Examples:
  statusync api-key new --tenant acme --scopes read
  statusync api-key new --tenant acme --scopes read,orders,operate --label \"order system\" --expires 90d
  statusync api-key new --every-tenant --scopes admin --label \"provisioning\" -q > key.txt"
)]
pub(super) struct New {
    /// The tenant that it is for
    #[arg(long, required_unless_present = "every_tenant")]
    tenant: Option<TenantCode>,
    /// It is for every tenant, those to come too
    #[arg(long, conflicts_with = "tenant")]
    every_tenant: bool,
    /// What it allows: read, orders, operate, admin
    #[arg(long, value_delimiter = ',', required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// What it is for, in your words
    #[arg(long, default_value = "")]
    label: String,
    /// When it runs out, such as 90d; never, unless said
    #[arg(long, value_parser = values::span, value_name = "LENGTH")]
    expires: Option<i64>,
}

fn scope(text: &str) -> Result<Scope, String> {
    let names: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let meant = || did_you_mean(text, names.iter().copied());
    Scope::parse(text).ok_or_else(|| format!("give some of {}{}", names.join(", "), meant()))
}

impl ApiKeyCommand {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let out = context.out;
        match self {
            ApiKeyCommand::New(new) => new.run(context).await?,
            ApiKeyCommand::List { tenant } => {
                let app = context.open()?;
                if let Some(tenant) = &tenant {
                    known_tenant(&app, tenant).await?;
                }
                let keys = app.store.api_keys(tenant.as_ref()).await?;
                list(out, &keys, app.clock.now_ms())?;
            }
            ApiKeyCommand::Revoke { id } => {
                let app = context.open()?;
                app.store.revoke_api_key(&id, app.clock.now_ms()).await?;
                out.say(&format!("key {id} is revoked"));
            }
        }
        Ok(Exit::Ok)
    }
}

impl New {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let app = context.open()?;
        if let Some(tenant) = &self.tenant {
            known_tenant(&app, tenant).await?;
        }
        let minted = access::mint().map_err(|error| Failure::failed(sentence(&error)))?;
        let now = app.clock.now_ms();
        let key = ApiKey {
            id: minted.id,
            tenant: self.tenant,
            label: self.label,
            scopes: Scopes::from_iter(self.scopes),
            created_at: now,
            expires_at: self.expires.map(|length| now + length),
            revoked_at: None,
            last_used_at: None,
        };
        app.store.add_api_key(&key, &minted.hash).await?;
        let out = context.out;
        if out.is_json {
            let mut document = document(&key);
            document["key"] = minted.text.reveal().into();
            return out.json(&document);
        }
        out.line(minted.text.reveal())?;
        let place =
            key.tenant.as_ref().map_or_else(|| "every tenant".to_owned(), |code| format!("tenant {code}"));
        out.say(&format!(
            "key {} for {place} is made; the line above is shown once and kept nowhere\nnext: curl -H \"Authorization: Bearer $KEY\" \
             http://127.0.0.1:8420/v1/tenants",
            key.id
        ));
        Ok(())
    }
}

fn document(key: &ApiKey) -> serde_json::Value {
    json!({
        "id": key.id,
        "tenant": key.tenant,
        "label": key.label,
        "scopes": key.scopes,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    })
}

fn list(out: Out, keys: &[ApiKey], now: i64) -> Result<(), Failure> {
    if out.is_json {
        let keys: Vec<_> = keys.iter().map(document).collect();
        return out.json(&keys);
    }
    if keys.is_empty() {
        out.say("there are no keys; `statusync api-key new` makes one");
        return Ok(());
    }
    let state = |key: &ApiKey| match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {}", india(at)),
        (None, Some(at)) if at <= now => format!("ran out {}", india(at)),
        (None, Some(at)) => format!("until {}", india(at)),
        (None, None) => "valid".to_owned(),
    };
    let cells = |key: &ApiKey| {
        vec![
            key.id.clone(),
            key.tenant.as_ref().map_or_else(|| "every tenant".to_owned(), ToString::to_string),
            key.scopes.to_string(),
            state(key),
            or_dash(key.last_used_at.map(india)),
            key.label.clone(),
        ]
    };
    out.table(&["key", "tenant", "scopes", "state", "last used", "label"], keys.iter().map(cells))
}
