//! Where a list ends, if it has no filter by date: newest changes come first, by request. Pure.
//!
//! Whether the marketplace keeps to that order is not known, so it is watched: once a time rises, every page is read.

use std::collections::HashSet;

use plugin_api::{Error, Millis, Result};

use crate::wire::Order;

/// Pages of one list, at most.
const MOST_PAGES: u32 = 200;

/// Pages in a row that may show nothing new: a page may be repeated by chance, a list that stands still repeats for ever.
const STALE_PAGES: u32 = 1;

/// How much further back than the window is read: the order of the list is by the marketplace's clock.
const OVERLAP: Millis = 3_600_000;

/// Where the reading of a list has come to.
#[derive(Debug)]
pub(crate) struct Pages {
    since: Millis,
    size: usize,
    turns: u32,
    stale: u32,
    rows: usize,
    seen: HashSet<String>,
    oldest: Option<Millis>,
    is_sorted: bool,
}

impl Pages {
    /// The start of a list with pages of this size, read back to this time.
    pub(crate) fn new(since: Millis, size: u32) -> Self {
        Pages {
            since: since - OVERLAP,
            size: size as usize,
            turns: 0,
            stale: 0,
            rows: 0,
            seen: HashSet::new(),
            oldest: None,
            is_sorted: true,
        }
    }

    /// Whether the list goes on after a page of so many rows, those among them that can be read, and the total that it
    /// tells.
    ///
    /// # Errors
    /// `bad_reply` if full pages go on showing nothing but rows that were seen before, or if the list does not end.
    pub(crate) fn goes_on(&mut self, rows: usize, orders: &[Order], total: Option<u64>) -> Result<bool> {
        self.turns += 1;
        self.rows += rows;
        let fresh = orders.iter().filter(|order| self.seen.insert(order.sub_order.clone())).count();
        if rows < self.size || total.is_some_and(|total| self.rows as u64 >= total) {
            return Ok(false);
        }
        self.stale = if fresh == 0 && rows == orders.len() { self.stale + 1 } else { 0 };
        if self.stale > STALE_PAGES {
            return Err(Error::bad_reply("the list shows the same page again and again instead of the next"));
        }
        if self.watch(orders) && rows == orders.len() {
            let is_old = |order: &Order| order.changed_at.is_some_and(|at| at < self.since);
            if orders.iter().all(is_old) {
                return Ok(false);
            }
        }
        if self.turns >= MOST_PAGES {
            let message = format!("the list does not end within {MOST_PAGES} pages; raise page_size");
            return Err(Error::bad_reply(message));
        }
        Ok(true)
    }

    /// Whether the times have been falling so far.
    fn watch(&mut self, orders: &[Order]) -> bool {
        for at in orders.iter().filter_map(|order| order.changed_at) {
            if self.is_sorted && self.oldest.is_some_and(|oldest| at > oldest) {
                self.is_sorted = false;
                tracing::warn!("the list is not sorted by change; every page is read");
            }
            self.oldest = Some(at);
        }
        self.is_sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Millis = 100 * OVERLAP;

    /// Orders that changed so many hours after [`SINCE`]; an id is made of hour and place.
    fn page(hours: &[i64]) -> Vec<Order> {
        let order = |(place, hour): (usize, &i64)| Order {
            sub_order: format!("{hour} {place}"),
            changed_at: Some(SINCE + hour * OVERLAP),
            ..Order::default()
        };
        hours.iter().enumerate().map(order).collect()
    }

    fn turns(pages: &[&[i64]], total: Option<u64>) -> Vec<bool> {
        let mut walk = Pages::new(SINCE, 2);
        pages.iter().map(|hours| walk.goes_on(hours.len(), &page(hours), total).unwrap()).collect()
    }

    #[test]
    fn a_short_or_empty_page_or_the_total_ends_the_list() {
        assert_eq!(turns(&[&[9, 8], &[7]], None), [true, false]);
        assert_eq!(turns(&[&[]], None), [false]);
        assert_eq!(turns(&[&[9, 8], &[7, 6]], Some(4)), [true, false]);
    }

    #[test]
    fn a_page_of_nothing_but_old_changes_ends_a_sorted_list() {
        assert_eq!(turns(&[&[9, 8], &[1, -5], &[-6, -7]], None), [true, true, false]);
        assert_eq!(turns(&[&[0, -1]], None), [true], "an hour of overlap belongs to the window");
    }

    #[test]
    fn a_list_whose_times_rise_is_read_to_its_end() {
        assert_eq!(
            turns(&[&[-9, -8], &[-7, -6], &[5, 4], &[-3, -2], &[]], None),
            [true, true, true, true, false]
        );
        assert_eq!(turns(&[&[9, 8], &[8, 9], &[-5, -6], &[]], None), [true, true, true, false]);
    }

    #[test]
    fn rows_without_a_time_are_not_old() {
        let mut walk = Pages::new(SINCE, 2);
        let mut rows = page(&[-5, -6]);
        rows[1].changed_at = None;
        assert!(walk.goes_on(2, &rows, None).unwrap());
        assert!(walk.goes_on(2, &page(&[-7]), None).unwrap(), "one that cannot be read is not old either");
    }

    #[test]
    fn the_same_page_again_and_again_is_a_loop() {
        let mut walk = Pages::new(SINCE, 2);
        assert!(walk.goes_on(2, &page(&[9, 8]), None).unwrap());
        assert!(walk.goes_on(2, &page(&[9, 8]), None).unwrap(), "once may be chance");
        assert!(walk.goes_on(2, &page(&[9, 8]), None).unwrap_err().message.contains("same page"));
    }

    #[test]
    fn a_list_that_does_not_end_is_given_up_at_200_pages() {
        let mut walk = Pages::new(SINCE, 1);
        let mut pages = 0;
        let end = (0..300).rev().find_map(|hour| {
            pages += 1;
            walk.goes_on(1, &page(&[hour + 1]), None).err()
        });
        assert!(end.unwrap().message.contains("200 pages") && pages == 200, "{pages}");
    }
}
