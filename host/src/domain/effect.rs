//! What a decision changed, one entry a change: the material of history and of `order explain`.
//!
//! Effects are written by the same functions that change the state, so the two cannot differ. They describe; nothing
//! is ever computed back from them.

use plugin_api::{Millis, ReturnKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ChannelCode, FacilityCode, ItemCode, OrderCode, PackageCode, Sku},
    duties::PutawayType,
    invoice::{InvoiceStatus, SequenceKind},
    observed::Observed,
    order::{ItemStatus, OrderStatus, PackageSource, PackageStatus, ReturnStatus},
    time::instant,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "what")]
#[expect(missing_docs, reason = "the fields are the two sides of the change that the variant names")]
pub enum Effect {
    /// An order's derived status.
    Order { from: OrderStatus, to: OrderStatus },
    /// A unit's state.
    Item { item: ItemCode, from: ItemStatus, to: ItemStatus },
    /// A unit left a package, or entered one.
    Moved { item: ItemCode, from: Option<PackageCode>, to: Option<PackageCode> },
    /// A package was made.
    PackageMade { package: PackageCode, source: PackageSource },
    /// A package's state.
    Package { package: PackageCode, from: PackageStatus, to: PackageStatus },
    /// A package is held from dispatch, or no longer.
    Held { package: PackageCode, held: bool },
    /// An invoice was made or changed its state.
    Invoice { number: String, kind: SequenceKind, package: PackageCode, to: InvoiceStatus },
    /// Stock moved; the numbers are differences.
    Stock { facility: FacilityCode, sku: Sku, on_hand: i64, blocked: i64, shortfall: i64 },
    /// A unit has to be put away.
    PutawayDue { code: String, kind: PutawayType, item: ItemCode },
    /// A return was opened or changed its state.
    Return {
        #[schemars(with = "super::form::RtoOrCir")]
        kind: ReturnKind,
        code: String,
        to: ReturnStatus,
        items: Vec<ItemCode>,
    },
    /// A blank was filled in.
    Filled { of: String, field: String, value: String },
    /// The courier's word.
    Courier { package: PackageCode, text: String },
    /// A conflict was opened or closed.
    Conflict { code: String, cause: String, open: bool },
    /// Something that a person should know.
    Note { text: String },
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Effect::Order { from, to } => write!(f, "order {from} → {to}"),
            Effect::Item { item, from, to } => write!(f, "item {item} {from} → {to}"),
            Effect::Moved { item, to: Some(to), .. } => write!(f, "item {item} goes in package {to}"),
            Effect::Moved { item, from, to: None } => {
                write!(f, "item {item} leaves package {}", from.as_ref().map_or("", PackageCode::as_str))
            }
            Effect::PackageMade { package, source } => write!(f, "package {package} made ({source})"),
            Effect::Package { package, from, to } => write!(f, "package {package} {from} → {to}"),
            Effect::Held { package, held: true } => {
                write!(f, "package {package} held until it is invoiced again")
            }
            Effect::Held { package, held: false } => write!(f, "package {package} no longer held"),
            Effect::Invoice { number, kind, package, to } => {
                let what =
                    if *kind == SequenceKind::SaleReturnInvoice { "return invoice" } else { "invoice" };
                write!(f, "{what} {number} of package {package} {to}")
            }
            Effect::Stock { facility, sku, on_hand, blocked, shortfall } => {
                write!(f, "stock {sku} in {facility}:")?;
                for (name, by) in [("on hand", on_hand), ("blocked", blocked), ("shortfall", shortfall)] {
                    if *by != 0 {
                        write!(f, " {name} {by:+}")?;
                    }
                }
                Ok(())
            }
            Effect::PutawayDue { code, kind, item } => {
                write!(f, "putaway {code} due for item {item} ({kind})")
            }
            Effect::Return { kind, code, to, items } => {
                let items: Vec<_> = items.iter().map(ItemCode::as_str).collect();
                write!(f, "{} {code} {to} ({})", kind.as_str(), items.join(", "))
            }
            Effect::Filled { of, field, value } => write!(f, "{field} of {of} is {value}"),
            Effect::Courier { package, text } => write!(f, "courier of package {package} says {text}"),
            Effect::Conflict { code, cause, open: true } => write!(f, "conflict {code} opened: {cause}"),
            Effect::Conflict { code, cause, open: false } => write!(f, "conflict {code} closed: {cause}"),
            Effect::Note { text } => write!(f, "note: {text}"),
        }
    }
}

/// One line of an order's history: what was said, what was decided by which rule, what changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The order.
    pub order: OrderCode,
    /// The channel that said it.
    pub channel: ChannelCode,
    /// When it was applied.
    #[serde(with = "instant")]
    #[schemars(with = "super::form::Instant")]
    pub at: Millis,
    /// The run that applied it, or the person's act.
    pub run: String,
    /// The connector with its version.
    pub connector: String,
    /// The rule's row ids.
    pub row: String,
    /// The code, where the decision has one.
    #[serde(default)]
    pub code: Option<String>,
    /// The sentence.
    pub message: String,
    /// What the marketplace said.
    #[serde(default)]
    pub observation: Option<Observed>,
    /// For how long, and why, it had waited before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<Waited>,
    /// What changed.
    pub effects: Vec<Effect>,
}

/// What had kept a fact from being applied at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waited {
    /// Since when.
    #[serde(with = "super::time::option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub since: Option<Millis>,
    /// The code.
    pub cause: String,
    /// The sentence.
    pub message: String,
}
