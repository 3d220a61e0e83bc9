//! The channel's settings: read, checked, named in the error when wrong. Holds no secret.

use plugin_api::settings::{Given, StatusChanges};
use serde::Deserialize;

use crate::status::SUBORDER;

/// Snapdeal's production host and base path (reference at sellerapis.snapdeal.com).
pub(crate) const BASE_URL: &str = "https://apigateway.snapdeal.com/seller-api";

/// Rows a list page is asked for. The reference allows 20 on returns and names no maximum for orders.
pub(crate) const PAGE_SIZE: u32 = 20;

/// The most rows that the reference allows in a page of returns.
const MOST_RETURNS: u32 = 20;

/// Pages of the list of completed orders that are searched for a suborder whose package nobody knows.
pub(crate) const SEARCH_PAGES: u32 = 50;

/// From which word on goods of the mode OCPLUS count as dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OcplusDispatch {
    /// The courier's scan; the only state with tracking.
    Shp,
    /// The stock transfer note, against which a rider collects the goods at the seller.
    Astn,
}

/// The unit of dates in the query of the list of cancelled suborders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateUnit {
    /// Milliseconds since 1970, as the returns take them.
    Milliseconds,
    /// Seconds since 1970.
    Seconds,
}

/// A channel's settings, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Given")]
pub(crate) struct Settings {
    /// Base of every URL, without a slash at the end.
    pub(crate) base_url: String,
    /// Rows asked for in a page of orders or suborders.
    pub(crate) page_size: u32,
    /// Whether goods in Snapdeal's own fulfilment centres are asked for too.
    pub(crate) include_fc_voi: bool,
    /// When OCPLUS goods are dispatched.
    pub(crate) ocplus_dispatch_at: OcplusDispatch,
    /// Whether the list of pending returns is asked for; only the question by suborder is documented.
    pub(crate) pending_returns_list: bool,
    /// Pages of completed orders that a search may read; 0 for no search.
    pub(crate) search_pages: u32,
    /// The unit of dates in the query of cancelled suborders.
    pub(crate) cancelled_dates: DateUnit,
    /// The operator's changes to the status table.
    pub(crate) statuses: StatusChanges,
}

impl Settings {
    /// Rows asked for in a page of returns.
    pub(crate) fn returns_page_size(&self) -> u32 {
        self.page_size.min(MOST_RETURNS)
    }
}

impl TryFrom<Given> for Settings {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        Ok(Settings {
            base_url: given.url("base_url", BASE_URL)?,
            page_size: given.integer("page_size", PAGE_SIZE, 1..=100)?,
            include_fc_voi: given.flag("include_fc_voi", false)?,
            ocplus_dispatch_at: given.choice(
                "ocplus_dispatch_at",
                &[("SHP", OcplusDispatch::Shp), ("ASTN", OcplusDispatch::Astn)],
            )?,
            pending_returns_list: given.flag("pending_returns_list", true)?,
            search_pages: given.integer("search_pages", SEARCH_PAGES, 0..=5_000)?,
            cancelled_dates: given.choice(
                "cancelled_dates",
                &[("milliseconds", DateUnit::Milliseconds), ("seconds", DateUnit::Seconds)],
            )?,
            statuses: given.status_changes("status_table", &[&SUBORDER])?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(value: Value) -> Result<Settings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_given_means_production_and_the_documented_habits() {
        let settings = read(json!({})).unwrap();
        assert_eq!(settings.base_url, "https://apigateway.snapdeal.com/seller-api");
        assert_eq!((settings.page_size, settings.returns_page_size(), settings.search_pages), (20, 20, 50));
        assert!(!settings.include_fc_voi && settings.pending_returns_list);
        assert_eq!(settings.ocplus_dispatch_at, OcplusDispatch::Shp);
        assert_eq!(settings.cancelled_dates, DateUnit::Milliseconds);
    }

    #[test]
    fn returns_are_never_asked_for_in_larger_pages_than_documented() {
        assert_eq!(read(json!({"page_size": 100})).unwrap().returns_page_size(), 20);
        assert_eq!(read(json!({"page_size": "5"})).unwrap().returns_page_size(), 5);
    }

    #[test]
    fn a_wrong_value_is_refused_by_its_name() {
        for (key, value) in [
            ("base_url", json!("http://apigateway.snapdeal.com/seller-api")),
            ("page_size", json!(0)),
            ("page_size", json!(101)),
            ("include_fc_voi", json!("perhaps")),
            ("ocplus_dispatch_at", json!("MFG")),
            ("pending_returns_list", json!(1)),
            ("search_pages", json!(-1)),
            ("cancelled_dates", json!("days")),
            ("status_table", json!({"SHP": "SENT"})),
            ("status_table", json!("SHP")),
        ] {
            let error = read(json!({ key: value })).unwrap_err();
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
    }
}
