//! Going from page to page by number, where a list says neither how long it is nor whether more follows.
//!
//! Pure: sends nothing. A list ends with a page that is not full. Rows are counted in suborders, whether a page counts
//! packages or suborders is not documented, and so no full page is taken for a short one. New orders come first, so a
//! row that comes twice means that the list has moved while it was read: it is read once more from the start, until a
//! page shows nothing new.

use std::collections::HashSet;

use plugin_api::{Error, Result};

use crate::wire::Listed;

/// Pages of one list, at most. More rows than that are a loop, not a shop.
const MOST_PAGES: u32 = 1_000;

/// Pages in a row that may show nothing new: a page may be repeated by chance, a list that stands still repeats for ever.
const STALE_PAGES: u32 = 1;

/// Where the reading of a list has come to.
#[derive(Debug)]
pub(crate) struct Pages {
    size: usize,
    page: u32,
    read: u32,
    stale: u32,
    seen: HashSet<String>,
    has_moved: bool,
    is_again: bool,
}

/// What a page brought.
#[derive(Debug)]
pub(crate) struct Turn<R> {
    /// Rows that were not seen before.
    pub(crate) fresh: Vec<R>,
    /// The page to read next.
    pub(crate) next: Option<u32>,
}

impl Pages {
    /// The start of a list with pages of this size.
    pub(crate) fn new(size: u32) -> Self {
        Pages {
            size: size as usize,
            page: 1,
            read: 0,
            stale: 0,
            seen: HashSet::new(),
            has_moved: false,
            is_again: false,
        }
    }

    /// Takes a page in. `unreadable` rows count as rows.
    ///
    /// # Errors
    /// `bad_reply` if the list goes on showing the same page, or does not end.
    pub(crate) fn turn<R: Listed>(&mut self, rows: Vec<R>, unreadable: usize) -> Result<Turn<R>> {
        let units = rows.iter().map(Listed::units).sum::<usize>() + unreadable;
        let has_rows = !rows.is_empty();
        let mut on_this_page = HashSet::new();
        let mut repeats = false;
        let mut fresh = Vec::with_capacity(rows.len());
        for row in rows {
            let key = row.key();
            if self.seen.contains(&key) {
                repeats = true;
            } else if on_this_page.insert(key) {
                fresh.push(row);
            }
        }
        self.seen.extend(on_this_page);
        self.read += 1;
        let is_stale = has_rows && fresh.is_empty() && !self.is_again;
        self.stale = if is_stale { self.stale + 1 } else { 0 };
        if self.stale > STALE_PAGES {
            return Err(Error::bad_reply("the list shows the same page again and again instead of the next"));
        }
        if self.read >= MOST_PAGES {
            return Err(Error::bad_reply(format!("the list does not end within {MOST_PAGES} pages")));
        }
        self.has_moved |= repeats && !self.is_again;
        let is_last = units < self.size || (self.is_again && fresh.is_empty());
        let next = match (is_last, self.has_moved, self.is_again) {
            (false, ..) => Some(self.page + 1),
            (true, true, false) => {
                self.is_again = true;
                Some(1)
            }
            (true, ..) => None,
        };
        self.page = next.unwrap_or(self.page);
        Ok(Turn { fresh, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Unit(u32);

    impl Listed for Unit {
        fn key(&self) -> String {
            self.0.to_string()
        }
        fn units(&self) -> usize {
            1
        }
    }

    /// Reads pages of two; returns what was fresh and which pages were asked for.
    fn read(pages: &[&[u32]]) -> Result<(Vec<u32>, Vec<u32>)> {
        let mut walk = Pages::new(2);
        let (mut fresh, mut asked) = (Vec::new(), vec![1]);
        for rows in pages {
            let turn = walk.turn(rows.iter().copied().map(Unit).collect(), 0)?;
            fresh.extend(turn.fresh.iter().map(|unit| unit.0));
            match turn.next {
                Some(page) => asked.push(page),
                None => break,
            }
        }
        Ok((fresh, asked))
    }

    #[test]
    fn a_short_or_an_empty_page_is_the_last() {
        assert_eq!(read(&[&[1]]).unwrap(), (vec![1], vec![1]));
        assert_eq!(read(&[&[]]).unwrap(), (vec![], vec![1]));
        assert_eq!(read(&[&[1, 2], &[]]).unwrap(), (vec![1, 2], vec![1, 2]), "an exactly full page asks on");
        assert_eq!(read(&[&[1, 2], &[3, 4], &[5]]).unwrap(), (vec![1, 2, 3, 4, 5], vec![1, 2, 3]));
    }

    #[test]
    fn a_list_that_moved_is_read_again_until_nothing_is_new() {
        // Unit 9 came in front after page 1: unit 2 slips to page 2.
        let (fresh, asked) = read(&[&[1, 2], &[2, 3], &[4], &[9, 1], &[2, 3]]).unwrap();
        assert_eq!(fresh, [1, 2, 3, 4, 9]);
        assert_eq!(asked, [1, 2, 3, 1, 2], "page 2 brings nothing new, so that is the end");
    }

    #[test]
    fn the_same_page_again_and_again_is_a_loop() {
        assert!(read(&[&[1, 2], &[1, 2], &[1, 2]]).unwrap_err().message.contains("same page"));
    }

    #[test]
    fn a_page_that_comes_twice_is_passed_over() {
        let (fresh, asked) = read(&[&[1, 2], &[1, 2], &[3], &[1, 2]]).unwrap();
        assert_eq!(
            (fresh, asked),
            (vec![1, 2, 3], vec![1, 2, 3, 1]),
            "it may have moved, so its start is read again"
        );
    }

    #[test]
    fn a_row_twice_on_a_page_is_one_row() {
        assert_eq!(read(&[&[1, 1], &[2]]).unwrap(), (vec![1, 2], vec![1, 2]));
    }

    #[test]
    fn rows_that_cannot_be_read_fill_a_page_too() {
        let mut walk = Pages::new(2);
        assert_eq!(walk.turn(vec![Unit(1)], 1).unwrap().next, Some(2));
        assert_eq!(walk.turn(Vec::<Unit>::new(), 1).unwrap().next, None);
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let mut walk = Pages::new(1);
        let end = (0..=MOST_PAGES).find_map(|n| walk.turn(vec![Unit(n)], 0).err()).unwrap();
        assert!(end.message.contains("does not end"), "{end}");
    }
}
