//! What status changes leave for people to do: putaways, conflicts, and facts that wait.

use plugin_api::{Millis, Observation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    codes::{ItemCode, OrderCode, PackageCode},
    observed::Observed,
    order::states,
};

states! {
    /// Why goods have to be put back on a shelf.
    PutawayType {
        /// Cancelled after invoicing, before dispatch.
        CancelledItem "PUTAWAY_CANCELLED_ITEM",
        /// An RTO came back.
        CourierReturnedItems "PUTAWAY_COURIER_RETURNED_ITEMS",
        /// A customer return came back.
        ReversePickupItem "PUTAWAY_REVERSE_PICKUP_ITEM",
        /// Picked, then cancelled before invoicing.
        PicklistItem "PUTAWAY_PICKLIST_ITEM",
    }
}

states! {
    /// The life of a putaway.
    PutawayStatus {
        /// To be done.
        Due "DUE",
        /// Done.
        Complete "COMPLETE",
        /// Not to be done any more: the unit left after all.
        Discarded "DISCARDED",
    }
}

states! {
    /// What the warehouse found.
    Quality {
        /// Can be sold.
        Good "GOOD_INVENTORY",
        /// Cannot.
        Bad "BAD_INVENTORY",
    }
}

/// One unit that has to be put back; stock comes back only when that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Putaway {
    /// `PA1`, `PA2`, …
    #[serde(default)]
    pub code: String,
    /// Why.
    #[serde(rename = "type")]
    pub kind: PutawayType,
    /// The unit.
    pub item: ItemCode,
    /// The package that it was in.
    #[serde(default)]
    pub package: Option<PackageCode>,
    /// Its state.
    pub status: PutawayStatus,
    /// What the warehouse found; absent until it is complete.
    #[serde(default)]
    pub quality: Option<Quality>,
}

states! {
    /// A person's answer to a conflict.
    Decision {
        /// The channel is right: apply what it says.
        Accept "ACCEPT",
        /// We are right: keep our state, and do not ask again.
        Keep "KEEP",
    }
}

/// A contradiction that a person must decide. It exists once per cause, order and units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// `CF1`, `CF2`, …
    #[serde(default)]
    pub code: String,
    /// The code of the contradiction.
    pub cause: String,
    /// The order.
    pub order: OrderCode,
    /// The units that the channel reported.
    pub items: Vec<ItemCode>,
    /// The package, where the contradiction is about one.
    #[serde(default)]
    pub package: Option<PackageCode>,
    /// The sentence.
    pub message: String,
    /// Whether it still needs a person.
    pub open: bool,
    /// What the person said.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// What the channel said, kept so that accepting it can apply it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Observed>,
}

/// A fact that could not be applied yet. It never expires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Parked {
    /// `UNKNOWN_ORDER`, `UNKNOWN_ITEM`, or the code of the refusal.
    pub cause: String,
    /// The channel that said it.
    #[serde(default)]
    pub channel: Option<super::codes::ChannelCode>,
    /// The marketplace's order id; the item's id where the fact names only an item that no order has yet.
    pub order: String,
    /// The marketplace's item id.
    #[serde(default)]
    pub item: Option<String>,
    /// What was said.
    pub observation: Observed,
    /// Why it waits, in a sentence.
    #[serde(default)]
    pub message: String,
    /// When it was first seen; return windows are measured from here.
    #[serde(default, with = "super::time::option_instant")]
    #[schemars(with = "Option<super::form::Instant>")]
    pub seen_at: Option<Millis>,
}

impl Parked {
    /// The fact as an observation.
    pub fn fact(&self) -> Observation {
        self.observation.clone().into()
    }
}
