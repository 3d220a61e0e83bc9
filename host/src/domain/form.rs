//! How values that files write as text look: for the schemas of files and of the API, and nothing else.

use std::borrow::Cow;

use plugin_api::Status;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

macro_rules! forms {
    ($($(#[$doc:meta])* $name:ident $form:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $form
            }
        }
    )*};
}

forms! {
    /// RFC 3339, with any offset.
    Instant json_schema!({"type": "string", "format": "date-time"});
    /// A text; a number is taken as its digits.
    TextOrDigits json_schema!({"type": ["string", "integer"]});
    /// A calendar day.
    Day json_schema!({"type": "string", "format": "date"});
    /// Who ships, or who numbers invoices.
    ChannelOrSeller json_schema!({"type": "string", "enum": ["CHANNEL", "SELLER"]});
    /// The kind of a return.
    RtoOrCir json_schema!({"type": "string", "enum": ["RTO", "CIR"]});
    /// A canonical status.
    StatusName json_schema!({
        "type": "string",
        "enum": Status::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>(),
    });
}
