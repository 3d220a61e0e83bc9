//! Lists in pages by key: `?after=` is the key of the last row that the caller has. Rows that come in meanwhile neither
//! shift a page nor show twice.

use serde::Serialize;
use utoipa::ToSchema;

use super::{extract::wrong_query, problem::Answer};

/// Rows of a page, if the caller does not say.
const USUAL: u32 = 100;
/// The most rows of a page.
pub(super) const MOST: u32 = 1_000;

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to give as `after` for the next page; null if this is the last.
    pub next: Option<String>,
}

/// How many rows to answer.
///
/// # Errors
/// If it is none, or more than are answered at once.
pub(super) fn size(limit: Option<u32>) -> Answer<u32> {
    match limit {
        None => Ok(USUAL),
        Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
        Some(limit) => Err(wrong_query(&format!("limit: {limit} is not from 1 to {MOST}"))),
    }
}

impl<T> Page<T> {
    /// A page of rows that were asked for with one more than `size`.
    pub(super) fn of<R>(
        mut rows: Vec<R>,
        size: u32,
        key: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> Page<T> {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(key) } else { None };
        Page { rows: rows.into_iter().map(view).collect(), next }
    }

    /// A page out of a whole list that is in the order of its keys; `is_after` says which rows the caller lacks.
    pub(super) fn cut<R>(
        rows: Vec<R>,
        size: u32,
        is_after: impl Fn(&R) -> bool,
        key: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> Page<T> {
        let wanted = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(1);
        Page::of(rows.into_iter().filter(is_after).take(wanted).collect(), size, key, view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_says_so_and_others_where_to_go_on() {
        let page = |rows: Vec<u32>| Page::of(rows, 2, ToString::to_string, |row| row);
        let (full, last) = (page(vec![1, 2, 3]), page(vec![3]));
        assert_eq!((full.rows, full.next.as_deref()), (vec![1, 2], Some("2")));
        assert_eq!((last.rows, last.next), (vec![3], None));
        let cut = Page::cut(vec![1, 2, 3, 4], 2, |row| *row > 1, ToString::to_string, |row| row);
        assert_eq!((cut.rows, cut.next.as_deref()), (vec![2, 3], Some("3")));
    }

    #[test]
    fn a_page_has_at_least_one_row_and_no_more_than_are_answered_at_once() {
        assert_eq!((size(None).unwrap(), size(Some(1)).unwrap(), size(Some(MOST)).unwrap()), (100, 1, 1_000));
        assert!(size(Some(0)).is_err() && size(Some(MOST + 1)).is_err());
    }
}
