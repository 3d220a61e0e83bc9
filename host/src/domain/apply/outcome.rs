//! What becomes of an observation: exactly one outcome, with its rows, its code and a sentence.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rows::Row;

/// The seven ends of an observation, gravest first: where the items of one observation fare differently, the gravest
/// counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Outcome {
    /// Something is missing on our side; tried again with each run.
    Refused,
    /// A contradiction that a person must decide.
    Conflict,
    /// State changed.
    Applied,
    /// Waits for an order or item that is not known yet.
    Parked,
    /// Not ours to apply.
    Ignored,
    /// Older than what is known.
    Stale,
    /// Known already.
    Unchanged,
}

impl Outcome {
    /// Every outcome, gravest first.
    pub const ALL: [Outcome; 7] = [
        Outcome::Refused,
        Outcome::Conflict,
        Outcome::Applied,
        Outcome::Parked,
        Outcome::Ignored,
        Outcome::Stale,
        Outcome::Unchanged,
    ];

    /// The upper-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Refused => "REFUSED",
            Outcome::Conflict => "CONFLICT",
            Outcome::Applied => "APPLIED",
            Outcome::Parked => "PARKED",
            Outcome::Ignored => "IGNORED",
            Outcome::Stale => "STALE",
            Outcome::Unchanged => "UNCHANGED",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! outcome_codes {
    ($($name:ident $text:literal $remedy:literal,)*) => {
        /// The stable code of a decision that needs one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the remedy says what each is about")]
        pub enum Code { $($name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Code] = &[$(Code::$name,)*];
            /// The text, as in files and the API.
            pub const fn as_str(self) -> &'static str { match self { $(Code::$name => $text,)* } }
            /// What to do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Code::$name => $remedy,)* } }
            /// The code of a text.
            pub fn parse(text: &str) -> Option<Code> { Code::ALL.iter().copied().find(|code| code.as_str() == text) }
        }
    };
}

outcome_codes! {
    SequenceNotDefined "SEQUENCE_NOT_DEFINED"
        "Define the series with `statusync sequence set`; the next run applies what waits.",
    InvoiceNumberInvalid "INVOICE_NUMBER_INVALID"
        "Mend the series' prefix, width or next number with `statusync sequence set`; the next run applies what waits.",
    ItemNotPacked "ITEM_NOT_PACKED" "Pack the units in the warehouse; the next run applies what waits.",
    FacilityNotAssigned "FACILITY_NOT_ASSIGNED"
        "Give the item a facility or the channel a default facility; the next run applies what waits.",
    UnknownOrder "UNKNOWN_ORDER" "Import the order; the fact is applied by itself then.",
    UnknownItem "UNKNOWN_ITEM" "Import the item or map its SKU; the fact is applied by itself then.",
    DispatchedButCancelledLocally "DISPATCHED_BUT_CANCELLED_LOCALLY"
        "Accept to dispatch it here as well, or keep it cancelled and ask the marketplace to stop the parcel.",
    CancelAfterDelivery "CANCEL_AFTER_DELIVERY"
        "Accept to expect the goods back, or keep it delivered.",
    ReopenedOnChannel "REOPENED_ON_CHANNEL" "Accept to open the item again here, or keep it cancelled.",
    ReturnOfCancelled "RETURN_OF_CANCELLED"
        "Accept to record that it was sent and came back, or keep it cancelled.",
    PartialDispatchOfInvoicedShipment "PARTIAL_DISPATCH_OF_INVOICED_SHIPMENT"
        "Accept to split the package and invoice both parts anew, or keep it together until the rest is reported.",
    PartialCourierReturn "PARTIAL_COURIER_RETURN"
        "Accept to split off what comes back, or keep the package as it is until the rest is reported.",
    ReturnCancelledAfterReceipt "RETURN_CANCELLED_AFTER_RECEIPT"
        "The goods are back although the return was withdrawn: settle it with the marketplace, then keep.",
    StatusSyncUnsupported "STATUS_SYNC_UNSUPPORTED" "Nothing to do: follow such orders in the seller's own system.",
    NotChannelShipped "NOT_CHANNEL_SHIPPED"
        "Nothing to do: the seller's own courier tells; or let the channel's word count in the channel's settings.",
    OutsideReturnWindow "OUTSIDE_RETURN_WINDOW" "To take it in, run `statusync sync --task returns` with a wider `--since`.",
    UnmappedStatus "UNMAPPED_STATUS" "Tell the channel team the word; it is read again with the next run.",
}

/// The decision on one observation, or on one item of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The end.
    pub outcome: Outcome,
    /// The rules that decided, in order; joined with `>` on screens.
    pub rows: Vec<Row>,
    /// The code, where the decision has one.
    pub code: Option<Code>,
    /// A sentence for a person.
    pub message: String,
}

impl Verdict {
    /// A decision by one row.
    pub fn new(outcome: Outcome, row: Row, message: impl Into<String>) -> Self {
        Verdict { outcome, rows: vec![row], code: None, message: message.into() }
    }

    /// A decision whose sentence is the row's.
    pub fn by(outcome: Outcome, row: Row) -> Self {
        Verdict::new(outcome, row, row.sentence())
    }

    /// The same decision with a code.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// The same decision with rows before its own.
    #[must_use]
    pub fn after(mut self, rows: &[Row]) -> Self {
        self.rows.splice(0..0, rows.iter().copied());
        self
    }

    /// `D1>L2`.
    pub fn row_text(&self) -> String {
        self.rows.iter().map(|row| row.as_str()).collect::<Vec<_>>().join(">")
    }
}
