//! `channel set`: settings as `key=value`, secrets from a file.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use plugin_api::{Descriptor, SettingKind};
use serde_json::{Map, Value};

use super::{Traits, not_set, sorted, warn_of_missing_secrets};
use crate::{
    channels::{self, Draft},
    cli::{
        context::{Context, known_channel},
        exit::{Exit, Failure},
    },
    domain::codes::{ChannelCode, TenantCode},
    settings,
};

/// Change a channel's settings and secrets
#[derive(Debug, Args)]
#[command(
    after_help = "An empty value takes a setting away. Secrets are not taken on the command line, where others can read them.

Examples:
  statusync channel set --tenant acme FK1 base_url=https://api.flipkart.net
  statusync channel set --tenant acme FK1 status_table.SHIPPED=DISPATCHED
  statusync channel set --tenant acme FK1 --secrets fk1-secrets.toml
  vault read fk1 | statusync channel set --tenant acme FK1 --secrets -"
)]
pub(crate) struct Set {
    /// The tenant
    #[arg(long)]
    tenant: TenantCode,
    /// The channel's code
    #[arg(value_name = "CODE")]
    code: ChannelCode,
    /// Settings
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// A TOML file with secrets; - is stdin
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    #[command(flatten)]
    traits: Traits,
}

impl Set {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Set { tenant, code, settings: given, secrets: file, traits } = self;
        let app = context.open()?;
        let mut channel = known_channel(&app, &tenant, &code).await?;
        traits.give(&mut channel);
        let registry = app.registry();
        let mut secrets = BTreeMap::new();
        if !given.is_empty() || file.is_some() {
            let loaded = context.connector(&registry, &channel.connector)?;
            for setting in &given {
                put(&loaded.descriptor, &mut channel.settings, setting)?;
            }
            if let Some(file) = &file {
                let sorted = sorted(&loaded, file)?;
                channel.settings.extend(sorted.settings);
                secrets = sorted.secrets;
            }
        }
        let draft = Draft { channel, secrets };
        let missing = channels::change(&app.engine(registry)?, &tenant, &draft)
            .await
            .map_err(|error| not_set(&tenant, error))?;
        context.out.say(&format!("channel {code} is changed"));
        warn_of_missing_secrets(context, &tenant, &code, &missing);
        Ok(Exit::Ok)
    }
}

/// Takes `key=value` or `key.entry=value` over into settings.
fn put(descriptor: &Descriptor, into: &mut Map<String, Value>, text: &str) -> Result<(), Failure> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Failure::usage(format!("`{text}` is no setting; write KEY=VALUE")));
    };
    let (name, entry) = key.split_once('.').map_or((key, None), |(name, entry)| (name, Some(entry)));
    let declared = descriptor.settings.iter().find(|setting| setting.name == name);
    let setting = declared.ok_or_else(|| Failure::usage(settings::unknown(descriptor, name)))?;
    if setting.secret {
        return Err(Failure::usage(format!(
            "`{name}` is a secret, and secrets are not taken on the command line, where others can read them: put it into \
             a file and give that with --secrets FILE.toml, or pipe it to --secrets -"
        )));
    }
    match (&setting.kind, entry) {
        (SettingKind::Table, Some(entry)) => {
            let table = into.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let entries = table.as_object_mut();
            let entries = entries
                .ok_or_else(|| Failure::failed(format!("setting `{name}` holds no table; set it anew")))?;
            if value.is_empty() {
                entries.remove(entry);
            } else {
                entries.insert(entry.to_owned(), Value::from(value));
            }
        }
        (SettingKind::Table, None) if !value.is_empty() => {
            return Err(Failure::usage(format!("`{name}` is a table; write {name}.ENTRY=VALUE")));
        }
        (_, Some(entry)) => {
            return Err(Failure::usage(format!(
                "`{name}` is no table, so it has no entry `{entry}`; write {name}=VALUE"
            )));
        }
        (_, None) if value.is_empty() => drop(into.remove(name)),
        (_, None) => {
            let value = settings::typed(setting, value).map_err(Failure::usage)?;
            into.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use plugin_api::Setting;
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_typed_and_secrets_are_refused() {
        let descriptor = Descriptor::new("example", "Example", "1")
            .setting(Setting::url("base_url", ""))
            .setting(Setting::integer("page_size", ""))
            .setting(Setting::table("status_table", ""))
            .setting(Setting::secret("token", ""));
        let mut settings = Map::new();
        for text in [
            "base_url=https://a.example/x?y=z",
            "page_size=20",
            "status_table.SHIPPED=DISPATCHED",
            "page_size=",
        ] {
            put(&descriptor, &mut settings, text).unwrap();
        }
        let expected =
            json!({"base_url": "https://a.example/x?y=z", "status_table": {"SHIPPED": "DISPATCHED"}});
        assert_eq!(Value::Object(settings.clone()), expected);
        for (text, words) in [
            ("token=hush-hush", "is a secret"),
            ("base_urk=x", "did you mean `base_url`?"),
            ("page_size=x", "must be a whole number"),
            ("base_url.x=y", "is no table"),
            ("status_table=y", "write status_table.ENTRY=VALUE"),
            ("base_url", "write KEY=VALUE"),
        ] {
            let refused = put(&descriptor, &mut settings, text).unwrap_err();
            let sentence = refused.sentence.unwrap();
            assert!(refused.exit == Exit::Usage && sentence.contains(words), "{text}: {sentence}");
            assert!(!sentence.contains("hush"));
        }
    }
}
