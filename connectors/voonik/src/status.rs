//! Voonik's states and what they mean: data, one line each. Only four are known; what is not here is read from a line's
//! progress by [`fallback`](crate::fallback), or unmapped.

use plugin_api::{
    Status::{Cancelled, Created, Delivered},
    StatusTable,
};

const SAMPLES: &str = "recorded customer-side answers in a test project of the group that took Voonik over (2020, public \
                       code); that sellers see the same numbers is assumed";

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

/// Every table, for the descriptor and for the operator's changes.
pub(crate) const TABLES: &[&StatusTable] = &[&STATE, &TEXT];
