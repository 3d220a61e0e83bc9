//! Spans of time, cut for lists that go over a window. Pure; the ends of a window are fixed before its first page.

use crate::Millis;

/// A span of time, UTC, both ends included where the marketplace includes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From here.
    pub from: Millis,
    /// Up to here.
    pub to: Millis,
}

impl Window {
    /// The windows that cover a span, oldest first, each of `longest` at most and repeating `overlap` of the one before;
    /// none if the span is empty. Both in milliseconds; `longest` below one counts as one.
    ///
    /// ```
    /// use plugin_api::Window;
    /// let windows: Vec<_> = Window::cover(0, 150, 100, 10).collect();
    /// assert_eq!(windows, [Window { from: 0, to: 100 }, Window { from: 90, to: 150 }]);
    /// ```
    pub fn cover(
        since: Millis,
        until: Millis,
        longest: Millis,
        overlap: Millis,
    ) -> impl Iterator<Item = Window> {
        let mut start = since;
        std::iter::from_fn(move || {
            if start >= until {
                return None;
            }
            let to = start.saturating_add(longest.max(1)).min(until);
            let from = if start == since { since } else { start - overlap };
            start = to;
            Some(Window { from, to })
        })
    }

    /// The same span in two, older half first, the newer one repeating `overlap` of it; `None` if it is no longer than
    /// `shortest`. An overlap of less than `shortest` makes sure that halving ends.
    pub fn halves(self, shortest: Millis, overlap: Millis) -> Option<[Window; 2]> {
        let length = self.to.saturating_sub(self.from);
        if length <= shortest {
            return None;
        }
        let middle = self.from + (length / 2).max(shortest);
        Some([Window { from: self.from, to: middle }, Window { from: middle - overlap, to: self.to }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_a_span_without_gaps_and_none_is_long() {
        for (since, until) in [(0, 1), (5, 100), (0, 101), (7, 1_013)] {
            let windows: Vec<_> = Window::cover(since, until, 100, 10).collect();
            assert_eq!((windows[0].from, windows[windows.len() - 1].to), (since, until));
            for pair in windows.windows(2) {
                assert_eq!(pair[1].from, pair[0].to - 10);
            }
            assert!(windows.iter().all(|window| window.to - window.from <= 110));
        }
    }

    #[test]
    fn an_empty_span_has_no_windows() {
        assert_eq!(Window::cover(9, 9, 1, 0).count() + Window::cover(9, 3, 1, 0).count(), 0);
    }

    #[test]
    fn halving_ends_and_loses_nothing() {
        let mut todo = vec![Window { from: 0, to: 1_000 }];
        let mut leaves = Vec::new();
        while let Some(window) = todo.pop() {
            match window.halves(60, 1) {
                Some([older, newer]) => todo.extend([newer, older]),
                None => leaves.push(window),
            }
        }
        assert_eq!((leaves[0].from, leaves[leaves.len() - 1].to), (0, 1_000));
        for pair in leaves.windows(2) {
            assert!(pair[1].from < pair[0].to && pair[1].to > pair[0].to, "{pair:?}");
        }
        assert!(leaves.iter().all(|window| window.to - window.from <= 60));
    }
}
