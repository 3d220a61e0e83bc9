//! The rules for going from page to page. Pure: sends nothing.

use std::collections::HashSet;

use plugin_api::{Error, Result};

/// Pages of one list, at most. With thirty rows each that is six thousand orders in a day.
const MAX_PAGES: u32 = 200;

/// Where a list has come to.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    read: u32,
    seen: HashSet<Vec<String>>,
}

impl Pages {
    /// Whether to ask for another page after one with these rows: one that is not full is the last.
    ///
    /// # Errors
    /// `bad_reply` if a full page comes a second time, or the list does not end.
    pub(crate) fn goes_on(&mut self, mut orders: Vec<String>, rows: usize, page_size: u32) -> Result<bool> {
        self.read += 1;
        if u32::try_from(rows).is_ok_and(|rows| rows < page_size) {
            return Ok(false);
        }
        orders.sort_unstable();
        if !orders.is_empty() && !self.seen.insert(orders) {
            return Err(Error::bad_reply(
                "the list gives the same page again; check the page parameter in the setting `list_query`",
            ));
        }
        if self.read >= MAX_PAGES {
            return Err(Error::bad_reply(format!("the list does not end within {MAX_PAGES} pages")));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(orders: &[&str]) -> Vec<String> {
        orders.iter().map(|&order| order.to_owned()).collect()
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        assert!(!Pages::default().goes_on(page(&["1"]), 1, 2).unwrap());
        assert!(!Pages::default().goes_on(Vec::new(), 0, 2).unwrap());
        assert!(Pages::default().goes_on(page(&["1", "2"]), 2, 2).unwrap());
        assert!(Pages::default().goes_on(page(&["1", "2", "3"]), 3, 2).unwrap(), "more than were asked for");
    }

    #[test]
    fn a_full_page_that_comes_again_is_a_loop_in_whatever_order_its_rows_stand() {
        let mut pages = Pages::default();
        assert!(pages.goes_on(page(&["1", "2"]), 2, 2).unwrap());
        assert!(pages.goes_on(page(&["2", "3"]), 2, 2).unwrap(), "rows that slipped are no loop");
        assert!(pages.goes_on(page(&["2", "1"]), 2, 2).unwrap_err().message.contains("same page"));
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let mut pages = Pages::default();
        let end =
            (0..500).find_map(|n| pages.goes_on(vec![n.to_string()], 1, 1).err().map(|error| (n, error)));
        let (last, error) = end.unwrap();
        assert_eq!(last, 199);
        assert!(error.message.contains("within 200 pages"), "{error}");
    }
}
