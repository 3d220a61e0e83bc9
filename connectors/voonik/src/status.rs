//! Voonik's states and what they mean: data, one line each. Only four are known; what is not here is read from a line's
//! progress by [`fallback`](crate::fallback), with the tables below, or unmapped.

use plugin_api::{
    Status::{
        self, Cancelled, CourierReturn, Created, Delivered, Dispatched, ReturnRequested, Returned,
        RtoDelivered,
    },
    StatusTable,
};

const SAMPLES: &str = "recorded customer-side answers in a test project of the group that took Voonik over (2020, public \
                       code); that sellers see the same numbers is assumed";

const GUESSED: &str = "assumed: the samples show the four stages with their positions and one line that went wrong; the words are \
                       guesses";

/// `state` of a package.
pub(crate) const STATE: StatusTable = StatusTable::new(
    "state",
    SAMPLES,
    &[
        ("100", Some(Created), "Order Confirmed"),
        ("135", Some(Created), "Waiting for Wholesaler confirmation"),
        ("155", Some(Cancelled), "Cancelled"),
        ("400", Some(Delivered), "With you now; seen as a planned milestone only"),
    ],
);

/// Texts, in lower case. None is known: the operator's `status_table` may add some.
pub(crate) const TEXT: StatusTable = StatusTable::new("text", "the operator's own", &[]);

/// `progress_position` of a line where nothing went wrong, at the stages that were seen. A position between two counts
/// as the lower one.
pub(crate) const POSITION: StatusTable = StatusTable::new(
    "progress",
    GUESSED,
    &[
        ("10", Some(Created), "placed; less than 30"),
        ("20", Some(Created), "processed; less than 30"),
        ("30", Some(Dispatched), "30 to 39"),
        ("40", Some(Delivered), "40 and more"),
    ],
);

/// Words in the text of a line where something went wrong; the first one that the text holds counts.
pub(crate) const WENT_WRONG: StatusTable = StatusTable::new(
    "progress, is_negative",
    GUESSED,
    &[
        ("rto", Some(CourierReturn), "somewhere in the text, without case; the first of these rows counts"),
        ("return to origin", Some(CourierReturn), "as rto"),
        ("undelivered", Some(CourierReturn), "as rto"),
        ("return", Some(ReturnRequested), "the buyer's; somewhere in the text, unless a row above counts"),
        ("exchange", Some(ReturnRequested), "as return"),
        ("cancel", Some(Cancelled), "somewhere in the text, unless a row above counts"),
        ("reject", Some(Cancelled), "as cancel"),
    ],
);

/// Words beside those of an RTO that say it is back.
pub(crate) const RTO_BACK: StatusTable = StatusTable::new(
    "progress, RTO",
    GUESSED,
    &[
        ("received", Some(Returned), "beside rto, return to origin or undelivered"),
        ("closed", Some(Returned), "as received"),
        ("delivered to seller", Some(Returned), "as received"),
    ],
);

/// The same words, for the courier.
pub(crate) const RTO_BACK_COURIER: StatusTable = StatusTable::new(
    "progress, RTO, courier",
    GUESSED,
    &[
        ("received", Some(RtoDelivered), "reported after RETURNED"),
        ("closed", Some(RtoDelivered), "as received"),
        ("delivered to seller", Some(RtoDelivered), "as received"),
    ],
);

/// Words beside those of a buyer's return that say it is back.
pub(crate) const RETURN_BACK: StatusTable = StatusTable::new(
    "progress, return",
    GUESSED,
    &[
        ("received", Some(Returned), "beside return or exchange"),
        ("completed", Some(Returned), "as received"),
        ("closed", Some(Returned), "as received"),
    ],
);

/// The tables that the operator may change.
pub(crate) const OWN: &[&StatusTable] = &[&STATE, &TEXT];

/// Every table, for the descriptor.
pub(crate) const TABLES: &[&StatusTable] =
    &[&STATE, &TEXT, &POSITION, &WENT_WRONG, &RTO_BACK, &RTO_BACK_COURIER, &RETURN_BACK];

/// What the first row says whose words are in a text, which is in lower case.
pub(crate) fn held(table: &StatusTable, text: &str) -> Option<Status> {
    table.rows().into_iter().find(|row| text.contains(&row.raw)).and_then(|row| row.status)
}
