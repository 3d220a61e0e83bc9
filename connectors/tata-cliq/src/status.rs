//! Tata CLiQ's codes and what they mean: data, one line each.
//!
//! Orders carry numbers, the seller portal shows mnemonics, the web shop has names of its own; each is looked up as it
//! is. A code that is in no table is unmapped. Nothing is guessed from part of a word.

use plugin_api::{
    Meaning, ReturnKind,
    Status::{
        self, Cancelled, CourierReturn, Created, Delivered, Dispatched, InTransit, Lost, OutForDelivery,
        ReturnCancelled, ReturnRequested, Returned, RtoDelivered, RtoInitiated, Undelivered,
    },
    StatusTable,
    settings::StatusChanges,
};

const PORTAL: &str = "names and numbers: constants of the seller portal, public code; that orders carry these numbers is \
                      inferred from one new order with 001 (an integrator's notes of 2021), the meaning from the names";
const SHOP: &str = "names: constants of the web shop, public code; that a seller ever gets them is assumed";
const TRAP: &str =
    "constants of the seller portal and the OMS back office, public code: two meanings for one number";

/// `omsStatusCode` of a line, number or mnemonic. Numbers are written with three digits.
pub(crate) const LINE: StatusTable = StatusTable::new(
    "line",
    PORTAL,
    &[
        ("001", Some(Created), "ORDALLOC: allocated to the seller's location"),
        ("ORDALLOC", Some(Created), "001"),
        ("002", Some(Created), "ORDACCEP: accepted"),
        ("ORDACCEP", Some(Created), "002"),
        ("003", None, "ORDREJEC: rejected by the location; it is allocated again or cancelled (019)"),
        ("ORDREJEC", None, "003"),
        ("ODREALOC", Some(Created), "allocated again, to another location"),
        ("004", Some(Created), "PICKINPR: being picked"),
        ("PICKINPR", Some(Created), "004"),
        ("005", Some(Created), "PICKHOLD: pick on hold"),
        ("PICKHOLD", Some(Created), "005"),
        ("006", Some(Created), "PICKCONF: picked"),
        ("PICKCONF", Some(Created), "006"),
        ("007", Some(Created), "PILIGENE: pick list made"),
        ("PILIGENE", Some(Created), "007"),
        ("008", Some(Created), "SCANNED: packed; still at the seller"),
        ("SCANNED", Some(Created), "008"),
        ("009", Some(Created), "AWBASSIG: waybill assigned"),
        ("AWBASSIG", Some(Created), "009"),
        ("010", Some(Created), "PRISHLAB: label printed"),
        ("PRISHLAB", Some(Created), "010"),
        ("011", Some(Created), "INVOGENE: invoice made"),
        ("INVOGENE", Some(Created), "011"),
        ("012", Some(Created), "PRIINVOI: invoice printed"),
        ("PRIINVOI", Some(Created), "012"),
        ("013", Some(Created), "MANIPEND: manifest pending"),
        ("MANIPEND", Some(Created), "013"),
        ("014", Some(Created), "RETOSHIP: ready to ship; still at the seller"),
        ("RETOSHIP", Some(Created), "014"),
        ("015", None, "LPSWITCH: another courier; waybill and courier of the line are the new ones"),
        ("LPSWITCH", None, "015"),
        ("016", Some(Dispatched), "HOTCOURI: handed over to the courier"),
        ("HOTCOURI", Some(Dispatched), "016"),
        ("HOTC", Some(Dispatched), "HOTCOURI, shortened"),
        ("017", Some(Dispatched), "RENEARHB: at the nearest hub"),
        ("RENEARHB", Some(Dispatched), "017"),
        ("OTFRDLVY", Some(Dispatched), "out for delivery"),
        ("UNDLVERD", None, "a delivery attempt failed; the courier's word only"),
        ("018", Some(Delivered), "DELIVERD"),
        ("DELIVERD", Some(Delivered), "018"),
        ("019", Some(Cancelled), "ORDCANCL: line cancelled"),
        ("ORDCANCL", Some(Cancelled), "019"),
        ("020", Some(Cancelled), "CLONCANC: closed on cancellation; not for click & collect"),
        ("CLONCANC", Some(Cancelled), "020"),
        ("021", None, "REFUINIT: refund started; money only"),
        ("REFUINIT", None, "021"),
        ("022", None, "REFINPRO: refund running; money only"),
        ("REFINPRO", None, "022"),
        ("023", None, "REFCLOSE: refund closed; money only"),
        ("REFCLOSE", None, "023"),
        ("CODCWRND", None, "cash on delivery closed without refund; money only"),
        ("024", Some(CourierReturn), "RETTOORG: undelivered, returning to origin"),
        ("RETTOORG", Some(CourierReturn), "024"),
        ("RETUIRTO", Some(CourierReturn), "return initiated because of RTO"),
        ("025", Some(ReturnRequested), "RETUINIT: return initiated by the customer"),
        ("RETUINIT", Some(ReturnRequested), "025"),
        ("032", Some(ReturnRequested), "REVRSAWB: waybill of the way back assigned"),
        ("REVRSAWB", Some(ReturnRequested), "032"),
        ("026", Some(Returned), "SRECTORI: received at origin"),
        ("SRECTORI", Some(Returned), "026"),
        ("028", Some(Returned), "RETUCLOS: return closed"),
        ("RETUCLOS", Some(Returned), "028"),
        ("030", Some(Returned), "CLRETORI: closed on return to origin"),
        ("CLRETORI", Some(Returned), "030"),
        (
            "031",
            Some(Returned),
            "QCFAILED: the seller's check of the return failed; that the goods are back is assumed",
        ),
        ("QCFAILED", Some(Returned), "031"),
        ("027", Some(ReturnCancelled), "RETUCANC: return cancelled"),
        ("RETUCANC", Some(ReturnCancelled), "027"),
        ("029", None, "REDIINIT: to be dispatched again"),
        ("REDIINIT", None, "029"),
        ("033", None, "LOSTINTT: lost in transit; the courier's word only"),
        ("LOSTINTT", None, "033"),
        ("046", None, "PKUPCNLP: the courier cancelled the pickup of a return"),
        ("PKUPCNLP", None, "046"),
        ("CNCINTED", Some(Created), "click & collect started"),
        ("RDYCOLTN", Some(Created), "click & collect: ready at the store"),
        ("ORDCOLTD", Some(Delivered), "click & collect: collected"),
        ("ORDUNCTD", None, "click & collect: not collected"),
        ("LPPNASIGN", None, "waits for a courier"),
        ("TXCTNHLD", None, "on hold"),
        ("ORDONHLD", None, "on hold"),
        ("PKUPRQCF", Some(ReturnRequested), "way back: pickup requested"),
        ("PKUPSCLD", Some(ReturnRequested), "way back: pickup scheduled"),
        ("OTFRRTPK", Some(ReturnRequested), "way back: out for pickup"),
        ("PKUPATUS", Some(ReturnRequested), "way back: pickup attempted in vain"),
        ("DRSPQCFL", Some(ReturnRequested), "way back: the doorstep check failed"),
        ("DRSPQCPS", Some(ReturnRequested), "way back: the doorstep check passed"),
        ("RTRNPKUP", Some(ReturnRequested), "way back: picked up"),
        ("RTNINTST", Some(ReturnRequested), "way back: in transit"),
        ("OTFRRTDL", Some(ReturnRequested), "way back: out for delivery to the seller"),
        ("RTNDELSL", Some(Returned), "way back: delivered to the seller"),
        ("RETCNCUS", Some(ReturnCancelled), "cancelled by the customer; assumed"),
        ("RETREJEC", Some(ReturnCancelled), "rejected; assumed"),
        ("RTNLSINT", None, "way back: lost in transit; a person must look"),
        ("RETCNCLP", None, "way back: cancelled by the courier; a person must look"),
    ],
);

/// Names of the web shop.
pub(crate) const SHOP_NAMES: StatusTable = StatusTable::new(
    "shop",
    SHOP,
    &[
        ("ORDER_CONFIRMED", Some(Created), ""),
        ("ITEM_PACKED", Some(Created), "still at the seller"),
        ("SHIPPED", Some(Dispatched), ""),
        ("OUT_FOR_DELIVERY", Some(Dispatched), ""),
        ("DELIVERED", Some(Delivered), ""),
        ("UNDELIVERED", None, "the courier's word only"),
        ("ORDER_CANCELLED", Some(Cancelled), ""),
        ("RETURN_REQUESTED", Some(ReturnRequested), ""),
        ("RETURN_INITIATED", Some(ReturnRequested), ""),
        ("PICKUP_SCHEDULED", Some(ReturnRequested), "way back"),
        ("RTO_INITIATED", Some(CourierReturn), ""),
        ("RTO_IN_PROGRESS", Some(CourierReturn), ""),
        ("RTO_DELIVERED", Some(Returned), ""),
        ("RETURN_CLOSED", Some(Returned), ""),
        ("RETURN_COMPLETED", Some(Returned), ""),
    ],
);

/// What a code says about the courier besides.
pub(crate) const COURIER: StatusTable = StatusTable::new(
    "courier",
    PORTAL,
    &[
        ("017", Some(InTransit), "reported after DISPATCHED"),
        ("RENEARHB", Some(InTransit), "reported after DISPATCHED"),
        ("OTFRDLVY", Some(OutForDelivery), "reported after DISPATCHED"),
        ("OUT_FOR_DELIVERY", Some(OutForDelivery), "reported after DISPATCHED"),
        ("UNDLVERD", Some(Undelivered), ""),
        ("UNDELIVERED", Some(Undelivered), ""),
        ("033", Some(Lost), ""),
        ("LOSTINTT", Some(Lost), ""),
        ("030", Some(RtoDelivered), "reported after RETURNED"),
        ("CLRETORI", Some(RtoDelivered), "reported after RETURNED"),
        ("RTO_DELIVERED", Some(RtoDelivered), "reported after RETURNED"),
    ],
);

/// Click & collect lines (`deliveryMode` CNC), where a number is used twice.
const CLICK_AND_COLLECT: StatusTable = StatusTable::new(
    "CNC",
    TRAP,
    &[
        (
            "020",
            None,
            "either closed on cancellation or collected: set `CNC:020` in `status_table` if you know",
        ),
        ("021", None, "either refund started or not collected: set `CNC:021` in `status_table` if you know"),
    ],
);

/// Delivery modes, each with what only its lines mean; the operator may add rows to any.
const HOME: StatusTable = StatusTable::new("HD", PORTAL, &[]);
const EXPRESS: StatusTable = StatusTable::new("ED", PORTAL, &[]);
const SAME_DAY: StatusTable = StatusTable::new("SDD", PORTAL, &[]);
const MODES: &[&StatusTable] = &[&CLICK_AND_COLLECT, &HOME, &EXPRESS, &SAME_DAY];

/// Every table, for the descriptor and for the operator's changes.
pub(crate) const TABLES: &[&StatusTable] =
    &[&LINE, &SHOP_NAMES, &COURIER, &CLICK_AND_COLLECT, &HOME, &EXPRESS, &SAME_DAY];

/// Codes that only an undelivered parcel has.
const RTO: &[&str] =
    &["024", "RETTOORG", "RETUIRTO", "030", "CLRETORI", "RTO_INITIATED", "RTO_IN_PROGRESS", "RTO_DELIVERED"];

/// Codes that only a customer's return has.
const CIR: &[&str] = &["025", "RETUINIT", "RETCNCUS", "RETURN_REQUESTED"];

/// What a line's code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) line: Meaning,
    pub(crate) courier: Option<Status>,
    /// RTO or CIR, where the code tells.
    pub(crate) kind: Option<ReturnKind>,
}

/// Looks a code up: what the line's delivery mode makes of it first, then the tables, with the operator's changes.
pub(crate) fn of(raw: &str, delivery_mode: Option<&str>, changes: &StatusChanges) -> Said {
    let key = &padded(raw);
    let mode = MODES.iter().find(|table| Some(table.vocabulary()) == delivery_mode);
    let line = mode
        .into_iter()
        .chain(&[&LINE, &SHOP_NAMES])
        .map(|table| changes.meaning(table, key))
        .find(|meaning| *meaning != Meaning::Unmapped)
        .unwrap_or(Meaning::Unmapped);
    let courier = match changes.meaning(&COURIER, key) {
        Meaning::Is(status) => Some(status),
        Meaning::NoChange | Meaning::Unmapped => None,
    };
    let kind = match line {
        Meaning::Is(CourierReturn | RtoInitiated | RtoDelivered) => Some(ReturnKind::Rto),
        _ if RTO.contains(&key.as_str()) => Some(ReturnKind::Rto),
        _ if CIR.contains(&key.as_str()) => Some(ReturnKind::Cir),
        _ => None,
    };
    Said { line, courier, kind }
}

/// A number with three digits at least: some senders drop the zeros.
fn padded(raw: &str) -> String {
    if raw.bytes().all(|byte| byte.is_ascii_digit()) { format!("{raw:0>3}") } else { raw.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn said(raw: &str, mode: Option<&str>) -> Said {
        of(raw, mode, &StatusChanges::default())
    }

    #[test]
    fn no_code_is_twice_in_a_table() {
        for table in TABLES {
            let mut seen = HashSet::new();
            for row in table.rows() {
                assert!(seen.insert(row.raw.clone()), "{} twice in {}", row.raw, row.vocabulary);
            }
        }
    }

    #[test]
    fn a_number_and_its_mnemonic_mean_the_same() {
        let rows = LINE.rows();
        let numbers = rows.iter().filter(|row| row.note.len() == 3);
        let mut pairs = 0;
        for mnemonic in numbers {
            assert_eq!(said(&mnemonic.note, None), said(&mnemonic.raw, None), "{}", mnemonic.raw);
            pairs += 1;
        }
        assert_eq!(pairs, 34, "001 to 033 and 046");
    }

    #[test]
    fn zeros_that_a_sender_dropped_do_not_matter() {
        for (short, long) in [("16", "016"), ("1", "001"), ("018", "018")] {
            assert_eq!(said(short, None), said(long, None));
            assert_ne!(said(short, None).line, Meaning::Unmapped);
        }
        assert_eq!(said("0016", None).line, Meaning::Unmapped, "four digits are another code");
    }

    #[test]
    fn codes_are_looked_up_exactly() {
        for raw in ["hotcouri", "HOTCOURIER", "HOTCOURI ", "DELIVER", "034", "999", "X"] {
            assert_eq!(said(raw, None), Said { line: Meaning::Unmapped, courier: None, kind: None }, "{raw}");
        }
    }

    #[test]
    fn the_two_numbers_of_click_and_collect_change_nothing() {
        for raw in ["020", "20", "021", "21"] {
            assert_eq!(said(raw, Some("CNC")).line, Meaning::NoChange, "{raw}");
        }
        assert_eq!(said("020", Some("HD")).line, Meaning::Is(Cancelled));
        assert_eq!(said("019", Some("CNC")).line, Meaning::Is(Cancelled));
        assert_eq!(said("CLONCANC", Some("CNC")).line, Meaning::Is(Cancelled), "the mnemonic is plain");
    }

    #[test]
    fn return_kinds_are_told_only_by_codes_that_tell_them() {
        for (raw, kind) in [
            ("024", Some(ReturnKind::Rto)),
            ("RETUIRTO", Some(ReturnKind::Rto)),
            ("030", Some(ReturnKind::Rto)),
            ("025", Some(ReturnKind::Cir)),
            ("026", None),
            ("028", None),
            ("032", None),
        ] {
            assert_eq!(said(raw, None).kind, kind, "{raw}");
        }
    }
}
