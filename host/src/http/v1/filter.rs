//! Which orders: the same words for listing them and for syncing all of them.

use plugin_api::Millis;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{domain::order::OrderStatus, storage::OrderFilter};

/// A length of time, of ten years at most.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(try_from = "i64")]
#[schema(value_type = i64, minimum = 0, maximum = 315_360_000)]
pub(super) struct Seconds(i64);

impl TryFrom<i64> for Seconds {
    type Error = String;

    fn try_from(secs: i64) -> Result<Self, String> {
        let is_fine = (0..=315_360_000).contains(&secs);
        if is_fine { Ok(Seconds(secs)) } else { Err(format!("{secs} is not from 0 to 315360000")) }
    }
}

/// The words, with those of a list besides. A query knows no structure, so they cannot be one inside another.
macro_rules! wanted {
    ($(#[$attribute:meta])* $name:ident { $($more:tt)* }) => {
        $(#[$attribute])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $($more)*
            /// In this status.
            status: Option<OrderStatus>,
            /// Our code, the marketplace's id, a waybill or a product begins with this text or has it after a separator
            /// (a blank or one of `-_/.`), in either case.
            search: Option<String>,
            /// With an item that goes out from this facility.
            facility: Option<String>,
            /// The seller asked to wait with it.
            on_hold: Option<bool>,
            /// Not changed here for so many seconds.
            unchanged_for_secs: Option<Seconds>,
            /// With an open conflict.
            in_conflict: Option<bool>,
            /// With a fact that waits for an item.
            parked: Option<bool>,
            /// With a fact that was refused.
            refused: Option<bool>,
            /// With units that left although the books had none.
            shortfall: Option<bool>,
            /// Back by the channel's word, not received by the warehouse.
            returned_not_received: Option<bool>,
            /// With a putaway to be done.
            putaway_due: Option<bool>,
        }

        impl $name {
            /// The filter as of `now`, UTC; of all channels.
            pub(super) fn filter(&self, now: Millis) -> OrderFilter {
                OrderFilter {
                    status: self.status,
                    text: self.search.clone().filter(|text| !text.is_empty()),
                    facility: self.facility.as_deref().map(Into::into),
                    on_hold: self.on_hold.unwrap_or(false),
                    unchanged_since: self.unchanged_for_secs.map(|secs| now - secs.0 * 1_000),
                    in_conflict: self.in_conflict.unwrap_or(false),
                    has_parked: self.parked.unwrap_or(false),
                    has_refused: self.refused.unwrap_or(false),
                    has_shortfall: self.shortfall.unwrap_or(false),
                    returned_not_received: self.returned_not_received.unwrap_or(false),
                    has_putaway_due: self.putaway_due.unwrap_or(false),
                    ..OrderFilter::default()
                }
            }
        }
    };
}

wanted! {
    /// Which orders; everything that is given must hold.
    #[derive(ToSchema)]
    Wanted {}
}

wanted! {
    /// Which orders to list; everything that is given must hold.
    #[derive(IntoParams)]
    #[into_params(parameter_in = Query)]
    List {
        /// Of this channel.
        pub(super) channel: Option<String>,
        /// The code of the last order that the caller has.
        pub(super) after: Option<String>,
        /// How many, 100 unless said otherwise.
        #[param(minimum = 1, maximum = 1000)]
        pub(super) limit: Option<u32>,
    }
}
