//! Builds Snapdeal's requests: paths, modes, pages, dates. Knows nothing of what the answers mean.
//!
//! There is no request here that changes anything on the marketplace; all are GET.

use plugin_api::{Millis, Request, Window};

use crate::{
    auth,
    config::{DateUnit, Settings},
};

/// The rate plan has one line: Snapdeal publishes no rates, and ours holds for all calls together.
pub(crate) const READ: &str = "read";

/// Modes in which goods leave from the seller's. A mode that is left out hides its orders.
const SELLER_MODES: &str = "VENDOR_SELF,ONESHIP,OCPLUS,DROPSHIP";

/// The mode of goods in Snapdeal's own fulfilment centres. Questions about returns do not take it.
pub(crate) const CENTRE_MODE: &str = "FC_VOI";

/// Which returns to ask for. Rows do not repeat it, so it has to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnMode {
    /// RTO: undelivered, on its way back.
    Courier,
    /// CIR: the buyer sends it back.
    Buyer,
}

impl ReturnMode {
    /// Both, RTO first.
    pub(crate) const ALL: &[ReturnMode] = &[ReturnMode::Courier, ReturnMode::Buyer];

    /// The name in queries.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            ReturnMode::Courier => "COURIER",
            ReturnMode::Buyer => "BUYER",
        }
    }
}

/// Whether a code can stand in a path.
pub(crate) fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// New orders, pending or printed; both is the default of the call.
pub(crate) fn new_orders(settings: &Settings, page: u32) -> Request {
    paged(orders(settings, "/orders/new"), settings.page_size, page)
}

/// One package while its order is new.
pub(crate) fn new_package(settings: &Settings, package: &str) -> Request {
    orders(settings, &format!("/orders/new/{package}"))
}

/// Completed orders: in transit and delivered. There is no filter by date.
pub(crate) fn completed_orders(settings: &Settings, page: u32) -> Request {
    paged(orders(settings, "/orders/completed"), settings.page_size, page)
}

/// One package once its order is completed.
pub(crate) fn completed_package(settings: &Settings, package: &str) -> Request {
    orders(settings, &format!("/orders/completed/{package}"))
}

/// Cancelled suborders.
pub(crate) fn cancelled(settings: &Settings, window: Window, page: u32) -> Request {
    let date = |at: Millis| match settings.cancelled_dates {
        DateUnit::Milliseconds => at,
        DateUnit::Seconds => at / 1000,
    };
    let request = orders(settings, "/suborders/cancelled")
        .query("startDate", date(window.from))
        .query("endDate", date(window.to));
    paged(request, settings.page_size, page)
}

/// One suborder, if it is cancelled.
pub(crate) fn cancelled_suborder(settings: &Settings, suborder: &str) -> Request {
    orders(settings, &format!("/suborders/cancelled/{suborder}"))
}

/// The return of one suborder that is not accepted yet.
pub(crate) fn pending_return(settings: &Settings, mode: ReturnMode, suborder: &str) -> Request {
    returns(settings, &format!("/returns/pending/suborder/{suborder}"), mode)
}

/// Returns that are not accepted yet. The reference has only the form by suborder.
pub(crate) fn pending_returns(settings: &Settings, mode: ReturnMode, page: u32) -> Request {
    paged(returns(settings, "/returns/pending", mode), settings.returns_page_size(), page)
}

/// Completed returns: for BUYER by the time the customer started it, for COURIER by the last change.
pub(crate) fn completed_returns(settings: &Settings, mode: ReturnMode, window: Window, page: u32) -> Request {
    let request = returns(settings, "/returns/completed", mode)
        .query("startDate", window.from)
        .query("endDate", window.to);
    paged(request, settings.returns_page_size(), page)
}

fn orders(settings: &Settings, path: &str) -> Request {
    let modes = if settings.include_fc_voi {
        format!("{SELLER_MODES},{CENTRE_MODE}")
    } else {
        SELLER_MODES.to_owned()
    };
    auth::signed(Request::get(READ, format!("{}{path}", settings.base_url))).query("fModes", modes)
}

fn returns(settings: &Settings, path: &str, mode: ReturnMode) -> Request {
    auth::signed(Request::get(READ, format!("{}{path}", settings.base_url)))
        .query("fModes", SELLER_MODES)
        .query("returnMode", mode.as_str())
}

fn paged(request: Request, size: u32, page: u32) -> Request {
    request.query("pageSize", i64::from(size)).query("pageNumber", i64::from(page))
}
