//! The rule rows: the names by which decisions are explained, each with its sentence.
//!
//! The sentences are what `order explain` reads out and what the printed tables show. They own no logic.

macro_rules! rows {
    ($($name:ident $sentence:literal,)*) => {
        /// The rule that decided.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each row's sentence says what it is")]
        pub enum Row { $($name,)* }

        impl Row {
            /// Every row, in the order of the tables.
            pub const ALL: &[Row] = &[$(Row::$name,)*];
            /// The id, as on screens and in files.
            pub const fn as_str(self) -> &'static str { match self { $(Row::$name => stringify!($name),)* } }
            /// What the row says.
            pub const fn sentence(self) -> &'static str { match self { $(Row::$name => $sentence,)* } }
            /// The rows of a chain such as `D1>L2`; what is no row is left out.
            pub fn chain(ids: &str) -> Vec<Row> {
                let row = |id: &str| Row::ALL.iter().copied().find(|row| row.as_str() == id.trim());
                ids.split('>').filter_map(row).collect()
            }
        }
    };
}

rows! {
    G1 "A tenant that is not live is not synced.",
    G2 "A channel that is switched off, or whose connector is not loaded, is not synced.",
    G3 "This status is not synced for orders shipped so on this channel.",
    G4 "The order is not known here; the fact waits for it and never creates it.",
    G5 "The item is not known in this order; the fact waits for it, the rest applies.",
    G6 "The marketplace's word is not in the status table; it is kept and shown, and changes nothing.",
    G7 "This was applied before, or says nothing new.",
    G8 "A later state is already known; nothing moves backwards.",
    G9 "The marketplace was asked for this order and did not mention it; absence changes nothing.",
    G10 "The order was on hold; the marketplace has acted already, so the hold is lifted.",
    G11 "The order waited for acceptance; the marketplace has gone on, so it is accepted.",
    D1 "Dispatched without stock: a package is made and the missing unit is written down as shortfall.",
    D2 "Was unfulfillable, stock has come since: allocated, packed and dispatched.",
    D3 "Dispatched in the package that it was in; stock is allocated if it was not yet.",
    D4 "Dispatched, but the block on stock was lost: the missing unit is written down as shortfall.",
    D5 "Was fulfillable without a package: packed and dispatched.",
    D6 "Was not allocated yet: allocated if there is stock, packed and dispatched.",
    D7 "No courier served it here, but the marketplace sent it: dispatched.",
    D8 "Was being picked: the picklist is closed, invoiced and dispatched.",
    D9 "Was packed: dispatched with the invoice that it has.",
    D10 "A number series that the dispatch needs is not defined; nothing changes until it is.",
    D11 "The marketplace numbers the invoice; its number is taken over.",
    D12 "The next invoice number breaks the rules for invoice numbers; nothing changes until that is mended.",
    D13 "Units are traced one by one; they must be packed here before dispatch.",
    D14 "No facility is known for the item, and the channel has no default.",
    D15 "Dispatched here already; blanks are filled in.",
    D16 "Further along here already than dispatched.",
    D17 "The marketplace sent an item that is cancelled here; a person decides.",
    D18 "Only part of the package was sent: that part goes into a package of its own.",
    D19 "Only part of an invoiced package was sent; a person decides.",
    D20 "One package here for each package of the marketplace.",
    D21 "So many units were sent in total; the furthest along go first.",
    D22 "The whole order was sent; what is cancelled here stays cancelled.",
    D23 "Being processed on the marketplace's panel; nothing has left yet.",
    D24 "The rest of a held package was sent: invoiced again without the cancelled items, and dispatched.",
    C1 "Cancelled before allocation.",
    C2 "Cancelled before packing; the stock is free again.",
    C3 "Cancelled while picking; what was picked has to be put away.",
    C4 "Cancelled after invoicing: the invoice is cancelled, the goods have to be put away.",
    C5 "Cancelled after labelling: invoice and label are cancelled, the goods have to be put away.",
    C6 "Cancelled on a manifest: taken off it, invoice cancelled, the goods have to be put away.",
    C7 "Cancelled after dispatch: the package is expected back.",
    C8 "Cancelled on the marketplace after it was delivered or came back.",
    C9 "Cancelled here already.",
    C10 "Part of the package was cancelled before packing; the rest goes on.",
    C11 "Part of an invoiced package was cancelled; it is held until it is invoiced again.",
    C12 "So many units are cancelled in total; the least advanced go first.",
    C13 "The order is cancelled, but items with a word of their own follow that.",
    C14 "The marketplace confirms the seller's own cancellation.",
    C15 "Cancelled here, but the marketplace shows it open again.",
    C16 "Cancelled after the marketplace invoiced it: the goods have to be put away all the same.",
    L1 "Delivered.",
    L2 "Delivered, and the dispatch was missed: dispatched first.",
    L3 "Was on its way back, but a new attempt delivered it.",
    L4 "It is back at the seller; an earlier delivery changes nothing.",
    L5 "The marketplace moved an item that is cancelled here; a person decides.",
    L6 "The seller ships: the dispatch counts, the delivery is for the seller's own courier to tell.",
    L7 "The seller ships: the marketplace's word on delivery is only shown.",
    L8 "Only the package that the marketplace named.",
    K1 "The courier is moving it.",
    K2 "A delivery attempt failed; another may follow.",
    K3 "The courier has started the way back.",
    K4 "The courier has brought it back.",
    K5 "The courier lost or damaged it; a person has to see to the claim.",
    K6 "The seller ships: the marketplace's courier status is only shown.",
    R1 "Undelivered and on its way back.",
    R2 "Back at the seller, undelivered: the goods have to be put away.",
    R3 "The warehouse had it before the marketplace said so.",
    R4 "The buyer sends it back.",
    R5 "The buyer's return is complete: credited, and the goods have to be put away.",
    R6 "The series for return invoices is not defined; the return stays open until it is.",
    R7 "It came back, and the dispatch was missed: dispatched first.",
    R8 "The return is older than the return window.",
    R9 "This return is known; blanks are filled in.",
    R10 "One return over several packages: one record and one return invoice each.",
    R11 "Only part of a package is reported back as undelivered; a person decides.",
    R12 "The buyer's return was withdrawn.",
    R13 "The marketplace reports a return of an item that is cancelled here; a person decides.",
    R14 "The package has no invoice here; the return is recorded without a return invoice.",
    R15 "The marketplace does not say which kind of return it is; guessed from whether it was delivered.",
    R16 "It is back and put away; nothing forward counts any more.",
    R17 "It was delivered, and then came back undelivered.",
    R18 "It was delivered here, but the marketplace brought it back undelivered.",
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_of_rows_is_read_row_by_row() {
        assert_eq!(Row::chain("D1>L2 > nothing"), [Row::D1, Row::L2]);
    }
}
