//! The rules for going from page to page. Pure: sends nothing.
//!
//! A list is a chain of links. It ends where a page has none; a chain that bites its tail or shows nothing new is given
//! up as an error, never taken for the end.

use std::collections::HashSet;

use plugin_api::{Error, Result};

/// Pages of one window, at most. More are a loop, not a shop.
const MAX_PAGES: usize = 10_000;

/// Pages in a row that show no order which was not shown before, at most.
const MAX_STALE: usize = 10;

/// Where a list has come to.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    links: HashSet<String>,
    orders: HashSet<String>,
    stale: usize,
}

impl Pages {
    /// Whether to follow the link of a page that shows these orders; `None` and blank are the end of the list.
    ///
    /// # Errors
    /// `bad_reply` if the link was followed before, the last pages showed nothing new, or there are more than can be.
    pub(crate) fn follow<'a>(
        &mut self,
        link: Option<&'a str>,
        orders: impl Iterator<Item = &'a str>,
    ) -> Result<Option<&'a str>> {
        let before = self.orders.len();
        self.orders.extend(orders.map(str::to_owned));
        self.stale = if self.orders.len() == before { self.stale + 1 } else { 0 };
        let Some(link) = link else { return Ok(None) };
        if !self.links.insert(link.to_owned()) {
            return Err(Error::bad_reply("the list leads back to a page that was read already"));
        }
        if self.stale >= MAX_STALE || self.links.len() >= MAX_PAGES {
            let message =
                format!("the list goes on after {} pages without an end in sight", self.links.len());
            return Err(Error::bad_reply(message));
        }
        Ok(Some(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(order: &str) -> std::iter::Once<&str> {
        std::iter::once(order)
    }

    #[test]
    fn a_page_without_a_link_is_the_last() {
        assert_eq!(Pages::default().follow(None, one("1")).unwrap(), None);
    }

    #[test]
    fn the_same_link_twice_is_a_loop() {
        let mut pages = Pages::default();
        assert_eq!(pages.follow(Some("a"), one("1")).unwrap(), Some("a"));
        assert_eq!(pages.follow(Some("b"), one("2")).unwrap(), Some("b"));
        assert!(pages.follow(Some("a"), one("3")).unwrap_err().message.contains("read already"));
    }

    #[test]
    fn a_page_without_news_is_followed_but_not_for_ever() {
        let mut pages = Pages::default();
        let links: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let read = links.iter().take_while(|link| pages.follow(Some(link), one("1")).is_ok()).count();
        assert_eq!(read, MAX_STALE, "the first shows an order, the others the same one again");
        let mut pages = Pages::default();
        for (n, link) in links.iter().enumerate() {
            let order = (n / 2).to_string();
            assert!(
                pages
                    .follow(
                        Some(link),
                        one(&order).map(|order| links[order.parse::<usize>().unwrap()].as_str())
                    )
                    .is_ok()
            );
        }
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let mut pages = Pages::default();
        let ids: Vec<String> = (0..=MAX_PAGES).map(|n| n.to_string()).collect();
        let end = ids.iter().position(|id| pages.follow(Some(id), one(id)).is_err());
        assert_eq!(end, Some(MAX_PAGES - 1));
    }
}
