//! The form of a channel: drawn from what its connector declares, filled from the channel, read back when it is sent.
//!
//! Secrets are written here and never shown. What a setting means is for the connector to say.

use std::collections::{BTreeMap, BTreeSet};

use plugin_api::{Descriptor, InvoiceNumbering, Setting, SettingKind, ShippedBy};
use serde_json::{Map, Value};

use crate::{
    channels::{ChannelError, Draft},
    console::{
        fault::Fault,
        typed::{Typed, Wrong},
    },
    domain::snapshot::{Channel, Facility},
    secrets::Secret,
    settings,
};

/// The field for the facility.
const FACILITY: &str = "default_facility";

/// What a field is filled in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Text,
    Url,
    Number,
    /// One of these: the word that is sent, the word that is read.
    Choice(Vec<(String, String)>),
    /// A line for each entry, `KEY = VALUE`.
    Lines,
    /// Whether one is stored.
    Secret(bool),
}

/// A field for one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// What it is sent as.
    pub(super) name: String,
    /// The setting's own name.
    pub(super) label: String,
    pub(super) help: String,
    pub(super) input: Input,
    /// What stands in it.
    pub(super) value: String,
    /// What holds if it is left empty.
    pub(super) default: Option<String>,
    pub(super) is_needed: bool,
}

/// The form.
pub(super) struct ChannelForm {
    pub(super) fields: Vec<Field>,
    pub(super) facilities: Vec<String>,
    pub(super) default_facility: String,
    pub(super) billing_party: String,
    pub(super) shipping: String,
    pub(super) invoice_numbering: String,
    pub(super) trust_delivery: bool,
    /// By field; what is of none, by the empty name.
    pub(super) wrong: Wrong,
    /// Whether who looks may change it.
    pub(super) may_change: bool,
}

/// What a form that was sent makes of a channel.
pub(super) struct Read {
    pub(super) draft: Draft,
    pub(super) wrong: Wrong,
}

fn field_name(setting: &str) -> String {
    format!("setting.{setting}")
}

/// A value as it stands in a field.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(entries) => {
            let lines = entries.iter().map(|(key, value)| format!("{key} = {}", text_of(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A default in words.
fn default_of(setting: &Setting) -> Option<String> {
    setting.default.as_ref().map(|value| match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        value => text_of(value),
    })
}

fn table_of(text: &str) -> Result<Value, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let entry = |line: &str| {
        let (key, value) = line.split_once('=').ok_or_else(|| format!("`{line}` has no ="))?;
        Ok((key.trim().to_owned(), Value::from(value.trim())))
    };
    lines.map(entry).collect::<Result<Map<_, _>, String>>().map(Value::Object).map_err(|problem| {
        format!("{problem}: write one entry a line, the marketplace's word, =, and what it stands for")
    })
}

impl Field {
    fn of(setting: &Setting, value: Option<&Value>, stored: &BTreeSet<String>) -> Field {
        let pair = |sent: &str, read: &str| (sent.to_owned(), read.to_owned());
        let input = match &setting.kind {
            _ if setting.secret => Input::Secret(stored.contains(&setting.name)),
            SettingKind::Text => Input::Text,
            SettingKind::Url => Input::Url,
            SettingKind::Integer => Input::Number,
            SettingKind::Bool => Input::Choice(vec![pair("true", "yes"), pair("false", "no")]),
            SettingKind::Choice(choices) => Input::Choice(choices.iter().map(|one| pair(one, one)).collect()),
            SettingKind::Table => Input::Lines,
        };
        Field {
            name: field_name(&setting.name),
            label: setting.name.clone(),
            help: setting.help.clone(),
            input,
            value: if setting.secret { String::new() } else { value.map(text_of).unwrap_or_default() },
            default: default_of(setting),
            is_needed: setting.required && setting.default.is_none(),
        }
    }
}

impl ChannelForm {
    /// The form of a channel as it is.
    pub(super) fn of(
        said: &Descriptor,
        channel: &Channel,
        stored: &BTreeSet<String>,
        facilities: &[Facility],
    ) -> ChannelForm {
        let field = |setting: &Setting| Field::of(setting, channel.settings.get(&setting.name), stored);
        let text = |known: Option<&str>| known.unwrap_or_default().to_owned();
        ChannelForm {
            fields: said.settings.iter().map(field).collect(),
            facilities: facilities.iter().map(|row| row.code.to_string()).collect(),
            default_facility: text(channel.default_facility.as_ref().map(AsRef::as_ref)),
            billing_party: text(channel.billing_party.as_ref().map(AsRef::as_ref)),
            shipping: text(channel.shipping.map(ShippedBy::as_str)),
            invoice_numbering: text(channel.invoice_numbering.map(|by| match by {
                InvoiceNumbering::Channel => "CHANNEL",
                InvoiceNumbering::Seller => "SELLER",
            })),
            trust_delivery: channel.trust_delivery,
            wrong: Wrong::default(),
            may_change: true,
        }
    }

    /// The form as it was sent, with what is wrong with it. Secrets that were typed are to be typed again.
    pub(super) fn again(mut self, typed: &Typed, wrong: Wrong) -> ChannelForm {
        for field in self.fields.iter_mut().filter(|field| !matches!(field.input, Input::Secret(_))) {
            typed.text(&field.name).clone_into(&mut field.value);
        }
        self.wrong = wrong;
        self
    }
}

/// What a form that was sent makes of a channel. A field that is empty takes the setting away; an empty secret stays as it
/// is stored.
///
/// # Errors
/// [`Fault::Refused`] for what no page of ours sends.
pub(super) fn read(said: &Descriptor, before: Channel, typed: &Typed) -> Result<Read, Fault> {
    let (mut wrong, mut secrets) = (Wrong::default(), BTreeMap::new());
    // Secrets that came with a file before their connector did stand among the settings until they are sealed.
    let is_secret = |name: &str| said.settings.iter().any(|setting| setting.secret && setting.name == name);
    let mut settings: Map<String, Value> =
        before.settings.into_iter().filter(|(name, _)| is_secret(name)).collect();
    for setting in &said.settings {
        let field = field_name(&setting.name);
        let text = typed.text(&field);
        if text.is_empty() {
            continue;
        }
        if setting.secret {
            secrets.insert(setting.name.clone(), Secret::new(text));
            continue;
        }
        let value = match setting.kind {
            SettingKind::Table => table_of(text),
            _ => settings::typed(setting, text),
        };
        match value {
            Ok(value) => drop(settings.insert(setting.name.clone(), value)),
            Err(problem) => wrong.add(&field, &about_the_field(&setting.name, &problem)),
        }
    }
    let given = |field: &str| Some(typed.text(field).to_owned()).filter(|text| !text.is_empty());
    let no_such = |what: &str, text: &str| Fault::Refused(format!("{text} is no {what}"));
    let shipping = given("shipping").map(|text| {
        let known = [ShippedBy::Channel, ShippedBy::Seller].into_iter().find(|by| by.as_str() == text);
        known.ok_or_else(|| no_such("word for who ships", &text))
    });
    let numbering = given("invoice_numbering").map(|text| match text.as_str() {
        "CHANNEL" => Ok(InvoiceNumbering::Channel),
        "SELLER" => Ok(InvoiceNumbering::Seller),
        _ => Err(no_such("word for who numbers invoices", &text)),
    });
    let channel = Channel {
        default_facility: given(FACILITY).map(Into::into),
        billing_party: given("billing_party").map(Into::into),
        shipping: shipping.transpose()?,
        invoice_numbering: numbering.transpose()?,
        trust_delivery: typed.is_ticked("trust_delivery"),
        settings,
        ..before
    };
    Ok(Read { draft: Draft { channel, secrets }, wrong })
}

/// A problem with a setting, as it is said beside its field.
fn about_the_field(setting: &str, problem: &str) -> String {
    let named = [format!("setting `{setting}` must be "), format!("`{setting}` must be ")];
    let rest = named.iter().find_map(|named| problem.split_once(named.as_str()).map(|(_, rest)| rest));
    rest.map_or_else(|| problem.to_owned(), |rest| format!("this must be {rest}"))
}

/// Why a channel was not set up, beside the field that is to be changed.
///
/// # Errors
/// What no field can mend.
pub(super) fn explain(said: &Descriptor, error: ChannelError) -> Result<Wrong, Fault> {
    let mut wrong = Wrong::default();
    match error {
        ChannelError::Store(error) => return Err(error.into()),
        ChannelError::NoConnector(id) => {
            return Err(Fault::Refused(format!(
                "Connector {id} is not loaded on this host any more; the page Connectors shows those that are"
            )));
        }
        error @ ChannelError::NoFacility { .. } => wrong.add(FACILITY, &error.to_string()),
        ChannelError::Settings(sentence) => {
            let named =
                said.settings.iter().find(|setting| sentence.contains(&format!("`{}`", setting.name)));
            match named {
                Some(setting) => {
                    wrong.add(&field_name(&setting.name), &about_the_field(&setting.name, &sentence));
                }
                None => wrong.add("", &sentence),
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
pub(super) fn sample_descriptor() -> Descriptor {
    Descriptor::new("bazaar", "Bazaar", "v1")
        .setting(Setting::url("base_url", "The API host.").default("https://api.bazaar.example"))
        .setting(Setting::text("seller_id", "Your number <there>.").required())
        .setting(Setting::integer("page_size", "Rows a page.").default(50))
        .setting(Setting::flag("easy_ship", "Whether they ship.").default(false))
        .setting(Setting::choice("wire", &["json", "xml"], "What is spoken."))
        .setting(Setting::table("words", "Words of theirs."))
        .setting(Setting::secret("token", "The key.").required())
}

#[cfg(test)]
pub(super) fn sample_channel() -> Channel {
    serde_json::from_value(
        serde_json::json!({"code": "BZ1", "connector": "bazaar", "default_facility": "DEL1",
        "settings": {"seller_id": "S<1>", "words": {"SENT": "DISPATCHED"}, "easy_ship": true}}),
    )
    .expect("a channel")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn typed(fields: &[(&str, &str)]) -> Typed {
        serde_json::from_value(json!(fields)).unwrap()
    }

    #[test]
    fn the_form_is_drawn_from_the_declaration_and_shows_no_secret() {
        let mut channel = sample_channel();
        channel.settings.insert("token".to_owned(), json!("hush-hush"));
        let stored = BTreeSet::from(["token".to_owned()]);
        let form = ChannelForm::of(&sample_descriptor(), &channel, &stored, &[]);
        let field = |name: &str| form.fields.iter().find(|field| field.label == name).unwrap();
        assert_eq!(field("words").value, "SENT = DISPATCHED");
        assert_eq!(
            (field("easy_ship").value.as_str(), field("easy_ship").default.as_deref()),
            ("true", Some("no"))
        );
        assert!(field("seller_id").is_needed && !field("base_url").is_needed);
        assert_eq!((&field("token").input, field("token").value.as_str()), (&Input::Secret(true), ""));
    }

    #[test]
    fn what_is_sent_becomes_settings_and_secrets_and_an_empty_field_takes_a_setting_away() {
        let sent = typed(&[
            ("setting.seller_id", " 42 "),
            ("setting.page_size", "20"),
            ("setting.words", "A = DISPATCHED\r\n\r\nB=CANCELLED"),
            ("setting.token", "hush"),
            ("shipping", "SELLER"),
            ("trust_delivery", "yes"),
        ]);
        let Read { draft, wrong } = read(&sample_descriptor(), sample_channel(), &sent).unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        let expected =
            json!({"seller_id": "42", "page_size": 20, "words": {"A": "DISPATCHED", "B": "CANCELLED"}});
        assert_eq!(Value::Object(draft.channel.settings), expected);
        assert_eq!((draft.channel.default_facility, draft.channel.shipping), (None, Some(ShippedBy::Seller)));
        assert!(draft.channel.trust_delivery);
        assert_eq!(draft.secrets, BTreeMap::from([("token".to_owned(), Secret::new("hush"))]));
    }

    #[test]
    fn what_is_wrong_is_said_beside_its_field() {
        let sent = typed(&[
            ("setting.base_url", "nowhere"),
            ("setting.page_size", "many"),
            ("setting.wire", "jsn"),
            ("setting.words", "SENT"),
        ]);
        let Read { wrong, .. } = read(&sample_descriptor(), sample_channel(), &sent).unwrap();
        for (field, said) in [
            ("setting.base_url", "This must be a URL, such as"),
            ("setting.page_size", "This must be a whole number."),
            ("setting.wire", "did you mean <code>json</code>?"),
            ("setting.words", "<code>SENT</code> has no ="),
        ] {
            assert!(wrong.say(field).to_string().contains(said), "{field}: {wrong:?}");
        }
        let from_connector = ChannelError::Settings(
            "bazaar 1.0.0 does not take these settings: `page_size` must be a whole number from 1 to 100"
                .into(),
        );
        let wrong = explain(&sample_descriptor(), from_connector).unwrap();
        let said = wrong.say("setting.page_size").to_string();
        assert!(said.contains("This must be a whole number from 1 to 100."), "{said}");
        let unnamed =
            explain(&sample_descriptor(), ChannelError::Settings("no two of them fit".into())).unwrap();
        assert!(unnamed.say("").to_string().contains("No two of them fit."));
        for wrong in [("shipping", "MAIL"), ("invoice_numbering", "MAIL")] {
            let read = read(&sample_descriptor(), sample_channel(), &typed(&[wrong]));
            assert!(matches!(read, Err(Fault::Refused(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_form_that_is_shown_again_holds_what_was_typed_but_no_secret() {
        let sent = typed(&[("setting.page_size", "many"), ("setting.token", "hush")]);
        let form = ChannelForm::of(&sample_descriptor(), &sample_channel(), &BTreeSet::new(), &[]);
        let form = form.again(&sent, Wrong::default());
        let value = |name: &str| form.fields.iter().find(|field| field.label == name).unwrap().value.clone();
        assert_eq!(
            (value("page_size"), value("token"), value("seller_id")),
            ("many".into(), String::new(), String::new())
        );
    }
}
