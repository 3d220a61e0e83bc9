//! Which orders: the same words for listing them and for syncing all of them.

use clap::Args;
use plugin_api::Millis;

use super::values::{order_status, span};
use crate::{
    domain::{codes::FacilityCode, order::OrderStatus},
    storage::OrderFilter,
};

/// Which orders. Everything that is given must hold.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which orders")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(super) struct FilterArgs {
    /// Only in this status
    #[arg(long, value_parser = order_status)]
    status: Option<OrderStatus>,
    /// Only those whose code, channel's id, waybill or SKU begins with this text, or has it after a blank or one of -_/.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only with an item that goes out from this facility
    #[arg(long)]
    facility: Option<FacilityCode>,
    /// Only those that the seller asked to wait with
    #[arg(long)]
    on_hold: bool,
    /// Only those that have not changed here for so long, such as 2d
    #[arg(long, value_name = "LENGTH", value_parser = span)]
    unchanged_for: Option<Millis>,
    /// Only with an open conflict
    #[arg(long)]
    in_conflict: bool,
    /// Only with a fact that waits for an item
    #[arg(long)]
    parked: bool,
    /// Only with a fact that was refused
    #[arg(long)]
    refused: bool,
    /// Only with units that left although the books had none
    #[arg(long)]
    shortfall: bool,
    /// Only those that are back by the channel's word and not received by the warehouse
    #[arg(long)]
    returned_not_received: bool,
    /// Only with a putaway to be done
    #[arg(long)]
    putaway_due: bool,
}

impl FilterArgs {
    /// The filter as of `now`, UTC; of all channels.
    pub(super) fn at(self, now: Millis) -> OrderFilter {
        OrderFilter {
            status: self.status,
            text: self.search.filter(|text| !text.is_empty()),
            facility: self.facility,
            on_hold: self.on_hold,
            unchanged_since: self.unchanged_for.map(|length| now - length),
            in_conflict: self.in_conflict,
            has_parked: self.parked,
            has_refused: self.refused,
            has_shortfall: self.shortfall,
            returned_not_received: self.returned_not_received,
            has_putaway_due: self.putaway_due,
            ..OrderFilter::default()
        }
    }
}
