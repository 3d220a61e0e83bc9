//! What a line's progress says where the package's state is not in the table. All of it is assumed.
//!
//! Most of Voonik's state numbers are unknown. A line's progress has a position on the buyer's four stages (placed 10,
//! processed 20, dispatched 30, delivered 40) and a flag for everything that went wrong, where only the text tells what.

use plugin_api::{
    Meaning, ReturnKind,
    Status::{self, CourierReturn, ReturnRequested},
    reading::Quantity,
    settings::StatusChanges,
};

use crate::{
    status::{self, POSITION, RETURN_BACK, RTO_BACK, RTO_BACK_COURIER, STATE, TEXT, WENT_WRONG},
    wire::Progress,
};

/// What was made of a progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inferred {
    pub(crate) meaning: Meaning,
    /// What it says of the courier besides.
    pub(crate) courier: Option<Status>,
    /// RTO or CIR, where the text tells.
    pub(crate) kind: Option<ReturnKind>,
    /// The position, where it decided.
    pub(crate) position: Option<u32>,
}

impl Inferred {
    fn of(meaning: Meaning) -> Self {
        Inferred { meaning, courier: None, kind: None, position: None }
    }
}

/// Reads a line's progress, or the operator's table of texts where there is none or it says nothing.
pub(crate) fn infer(progress: Option<&Progress>, text: Option<&str>, texts: &StatusChanges) -> Inferred {
    let text = text.map(str::to_lowercase).unwrap_or_default();
    let read = progress.and_then(|progress| match (progress.is_negative, progress.progress_position) {
        (Some(true), _) => went_wrong(&text),
        (_, Quantity::Units(position)) => {
            Some(Inferred { position: Some(position), ..Inferred::of(stage(position)) })
        }
        (_, Quantity::Absent | Quantity::Unreadable) => None,
    });
    read.unwrap_or_else(|| {
        let own = texts.meaning(&TEXT, &text);
        Inferred::of(if own == Meaning::Unmapped { texts.meaning(&STATE, &text) } else { own })
    })
}

/// The stage that a position has reached.
fn stage(position: u32) -> Meaning {
    POSITION.meaning(match position {
        40.. => "40",
        30..40 => "30",
        20..30 => "20",
        ..20 => "10",
    })
}

/// First hit wins: a parcel that comes back undelivered, a return of the buyer's, a cancellation.
fn went_wrong(text: &str) -> Option<Inferred> {
    let wrong = status::held(&WENT_WRONG, text)?;
    let (back, courier, kind) = match wrong {
        CourierReturn => {
            (status::held(&RTO_BACK, text), status::held(&RTO_BACK_COURIER, text), Some(ReturnKind::Rto))
        }
        ReturnRequested => (status::held(&RETURN_BACK, text), None, Some(ReturnKind::Cir)),
        _ => (None, None, None),
    };
    Some(Inferred { courier, kind, ..Inferred::of(Meaning::Is(back.unwrap_or(wrong))) })
}

#[cfg(test)]
mod tests {
    use plugin_api::Status::{Cancelled, Created, Delivered, Dispatched, Returned, RtoDelivered};

    use super::*;

    fn inferred(code: &str, position: Option<u32>, negative: Option<bool>) -> Inferred {
        let progress = Progress {
            code: Some(code.to_owned()),
            progress_position: position.map_or(Quantity::Absent, Quantity::Units),
            is_negative: negative,
        };
        infer(Some(&progress), Some(code), &StatusChanges::default())
    }

    #[test]
    fn a_good_position_tells_the_stage_whatever_the_text() {
        for (position, status) in [
            (0, Created),
            (10, Created),
            (29, Created),
            (30, Dispatched),
            (39, Dispatched),
            (40, Delivered),
            (50, Delivered),
        ] {
            for negative in [None, Some(false)] {
                assert_eq!(
                    inferred("Cancelled", Some(position), negative).meaning,
                    Meaning::Is(status),
                    "{position}"
                );
            }
        }
    }

    #[test]
    fn what_went_wrong_is_told_by_its_text_and_never_by_its_position() {
        use ReturnKind::{Cir, Rto};
        for (text, status, kind) in [
            ("RTO Initiated", CourierReturn, Some(Rto)),
            ("Return To Origin", CourierReturn, Some(Rto)),
            ("Undelivered", CourierReturn, Some(Rto)),
            ("RTO Received", Returned, Some(Rto)),
            ("Return to origin closed", Returned, Some(Rto)),
            ("Undelivered, delivered to seller", Returned, Some(Rto)),
            ("Return Requested", ReturnRequested, Some(Cir)),
            ("Exchange initiated", ReturnRequested, Some(Cir)),
            ("Return received", Returned, Some(Cir)),
            ("EXCHANGE COMPLETED", Returned, Some(Cir)),
            ("Return closed", Returned, Some(Cir)),
            ("Return cancelled", ReturnRequested, Some(Cir)),
            ("Cancelled", Cancelled, None),
            ("Rejected by seller", Cancelled, None),
        ] {
            for position in [None, Some(10), Some(40)] {
                let courier = (status == Returned && kind == Some(Rto)).then_some(RtoDelivered);
                let expected = Inferred { meaning: Meaning::Is(status), courier, kind, position: None };
                assert_eq!(inferred(text, position, Some(true)), expected, "{text} {position:?}");
            }
        }
    }

    #[test]
    fn a_text_that_says_nothing_known_is_unmapped() {
        for (text, position, negative) in
            [("Lost", Some(30), Some(true)), ("", Some(10), Some(true)), ("Dispatched", None, Some(false))]
        {
            assert_eq!(inferred(text, position, negative).meaning, Meaning::Unmapped, "{text}");
        }
        assert_eq!(infer(None, Some("Dispatched"), &StatusChanges::default()).meaning, Meaning::Unmapped);
        assert_eq!(infer(None, None, &StatusChanges::default()).meaning, Meaning::Unmapped);
    }
}
