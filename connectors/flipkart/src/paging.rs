//! How long windows are, and the rules for going from page to page.
//!
//! Pure: sends nothing. Flipkart's links carry the filter and a page number, so rows slip between pages while data
//! moves; a window's end is therefore fixed before the first page, and neighbouring windows overlap.

use std::collections::HashSet;

use plugin_api::{Error, Millis, Result};

const MINUTE: Millis = 60_000;

/// The longest window of one list. Wide lists fail or time out; no limit is published.
pub(crate) const LONGEST: Millis = 24 * 60 * MINUTE;

/// Windows are halved down to this when Flipkart fails on them; a client in production polls in such windows.
pub(crate) const SHORTEST: Millis = 15 * MINUTE;

/// How much of a window its successor repeats: whether the ends belong to it is not documented.
pub(crate) const OVERLAP: Millis = MINUTE;

/// Pages of one list, at most. Two and a half million rows in a day are a loop, not a shop.
const MAX_PAGES: u32 = 125_000;

/// Where a list has come to.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    links: HashSet<String>,
}

impl Pages {
    /// The link to follow after a page, `None` at the end of the list.
    ///
    /// `has_more` alone decides about the end: a last page may carry a link as well.
    ///
    /// # Errors
    /// `bad_reply` if the page does not say whether more follows, says so without a link, leads to a page that was read
    /// already, or to more pages than can be.
    pub(crate) fn next<'link>(
        &mut self,
        has_more: Option<bool>,
        link: Option<&'link str>,
    ) -> Result<Option<&'link str>> {
        self.next_of(MAX_PAGES, has_more, link)
    }

    fn next_of<'link>(
        &mut self,
        most: u32,
        has_more: Option<bool>,
        link: Option<&'link str>,
    ) -> Result<Option<&'link str>> {
        let has_more =
            has_more.ok_or_else(|| Error::bad_reply("the page does not say whether more follows"))?;
        if !has_more {
            return Ok(None);
        }
        let link = link
            .filter(|link| !link.is_empty())
            .ok_or_else(|| Error::bad_reply("the page says that more follows but has no link to it"))?;
        if !self.links.insert(link.to_owned()) {
            return Err(Error::bad_reply("the list leads back to a page that was read already"));
        }
        if self.links.len() as u64 >= u64::from(most) {
            return Err(Error::bad_reply(format!("the list does not end within {most} pages")));
        }
        Ok(Some(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_more_decides_about_the_end_even_beside_a_link() {
        assert_eq!(
            Pages::default().next(Some(false), Some("/v3/shipments/filter?next_token=x")).unwrap(),
            None
        );
        assert_eq!(Pages::default().next(Some(false), None).unwrap(), None);
    }

    #[test]
    fn a_page_that_cannot_be_followed_is_a_bad_reply() {
        for (has_more, link) in [(None, None), (None, Some("/a")), (Some(true), None), (Some(true), Some(""))]
        {
            let error = Pages::default().next(has_more, link).unwrap_err();
            assert_eq!(error.kind, plugin_api::ErrorKind::BadReply, "{has_more:?} {link:?}");
        }
    }

    #[test]
    fn the_same_link_twice_is_a_loop() {
        let mut pages = Pages::default();
        for link in ["/a", "/b"] {
            assert_eq!(pages.next(Some(true), Some(link)).unwrap(), Some(link));
        }
        assert!(pages.next(Some(true), Some("/a")).unwrap_err().message.contains("read already"));
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let mut pages = Pages::default();
        let end =
            (0..10).find_map(|page| pages.next_of(5, Some(true), Some(&format!("/{page}"))).err()).unwrap();
        assert!(end.message.contains("within 5 pages"), "{end}");
    }
}
