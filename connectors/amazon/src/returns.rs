//! The rows of the returns report (`GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE`), as observations.
//!
//! A tab-separated table whose headers vary in case and wording between files. Columns that are not needed, among them
//! product names and amounts, are never looked at. The report also holds orders that the seller ships: it does not say
//! which, so who ships stays open and whoever knows the order decides.

use plugin_api::{Error, Observation, Result, ReturnFact, ReturnKind, Status};

use crate::{requests, status, time};

/// The longest text that is taken over from a cell.
const LONGEST_CELL: usize = 200;

/// Where the needed columns stand.
#[derive(Debug, Default)]
struct Columns {
    order: Option<usize>,
    item: Option<usize>,
    sku: Option<usize>,
    quantity: Option<usize>,
    status: Option<usize>,
    requested_on: Option<usize>,
    delivered_on: Option<usize>,
    id: Option<usize>,
    kind: Option<usize>,
    reason: Option<usize>,
    awb: Option<usize>,
    courier: Option<usize>,
}

impl Columns {
    /// Finds the columns by their headers, without regard to case, dashes, underscores and spaces.
    ///
    /// # Errors
    /// `bad_reply`, naming a column without which no row can be read.
    fn find(header: &str) -> Result<Columns> {
        let mut columns = Columns::default();
        for (at, name) in header.split('\t').enumerate() {
            let name: String =
                name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
            let column = match name.as_str() {
                "orderid" => &mut columns.order,
                "orderitemid" => &mut columns.item,
                "merchantsku" | "sellersku" => &mut columns.sku,
                "returnquantity" => &mut columns.quantity,
                "returnrequeststatus" => &mut columns.status,
                "returnrequestdate" => &mut columns.requested_on,
                "returndeliverydate" => &mut columns.delivered_on,
                "amazonrmaid" => &mut columns.id,
                "returntype" => &mut columns.kind,
                "returnreason" | "returnreasoncode" => &mut columns.reason,
                "trackingid" => &mut columns.awb,
                "returncarrier" => &mut columns.courier,
                _ => continue,
            };
            column.get_or_insert(at);
        }
        let missing = match &columns {
            Columns { order: None, .. } => "Order ID",
            Columns { item: None, sku: None, .. } => "Merchant SKU",
            Columns { quantity: None, .. } => "Return quantity",
            _ => return Ok(columns),
        };
        let message = format!("the returns report has no column `{missing}`");
        Err(Error::bad_reply(message).during(requests::DOWNLOAD_DOCUMENT))
    }
}

/// One row, cell by cell.
struct Row<'a> {
    cells: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn of(line: &'a str) -> Self {
        Row { cells: line.split('\t').map(|cell| cell.trim().trim_matches('"').trim()).collect() }
    }

    /// A cell that says something.
    fn cell(&self, column: Option<usize>) -> Option<&'a str> {
        column.and_then(|at| self.cells.get(at)).copied().filter(|cell| !cell.is_empty())
    }

    fn text(&self, column: Option<usize>) -> Option<String> {
        self.cell(column).map(|cell| cell.chars().take(LONGEST_CELL).collect())
    }
}

/// Reads a report. No rows, or no text at all, are no returns. A row that does not say of which order, of what, or how
/// many, is passed over.
///
/// # Errors
/// `bad_reply` if it is no such table.
pub(crate) fn read(text: &str) -> Result<Vec<Observation>> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(header) = lines.next() else { return Ok(Vec::new()) };
    let columns = Columns::find(header)?;
    let mut unreadable_count = 0_u32;
    let rows = lines.filter_map(|line| {
        let seen = observation(&columns, &Row::of(line));
        unreadable_count += u32::from(seen.is_none());
        seen
    });
    let seen: Vec<_> = rows.collect();
    if unreadable_count > 0 {
        tracing::warn!(
            unreadable_count,
            "rows of the returns report say neither of what nor how many; passed over"
        );
    }
    Ok(seen)
}

fn observation(columns: &Columns, row: &Row<'_>) -> Option<Observation> {
    let order = row.cell(columns.order)?;
    let item = row.text(columns.item);
    let sku = row.text(columns.sku);
    let quantity = row.cell(columns.quantity)?.parse::<u32>().ok().filter(|units| *units > 0)?;
    if item.is_none() && sku.is_none() {
        return None;
    }
    // A date that cannot be read is no proof that the goods are back.
    let delivered_at = row.cell(columns.delivered_on).and_then(time::read_day);
    let word = row.cell(columns.status).unwrap_or_default();
    let status = status::return_status(word, delivered_at.is_some());
    let at = match status {
        Status::Returned => delivered_at,
        // When a request was withdrawn is not said.
        Status::ReturnCancelled => None,
        _ => row.cell(columns.requested_on).and_then(time::read_day),
    };
    Some(Observation {
        item,
        sku,
        quantity: Some(quantity),
        at,
        ret: Some(fact(columns, row)),
        ..Observation::new(order, Some(status), word.chars().take(LONGEST_CELL).collect::<String>())
    })
}

/// Waybill and courier are those of the way back. A return that the buyer asked for has an authorisation or a type.
fn fact(columns: &Columns, row: &Row<'_>) -> ReturnFact {
    let is_buyers = row.cell(columns.id).is_some() || row.cell(columns.kind).is_some();
    ReturnFact {
        id: row.text(columns.id),
        kind: is_buyers.then_some(ReturnKind::Cir),
        reason: row.text(columns.reason),
        awb: row.text(columns.awb),
        courier: row.text(columns.courier),
    }
}
