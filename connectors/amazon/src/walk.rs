//! A walk through the pages of a window that has not come to its end, as the mark keeps it.
//!
//! Amazon refills one call for a list in three minutes. A window of more pages than the bucket holds cannot be read in
//! one pull; without this it would be begun anew each time and never end.

use plugin_api::{Mark, Millis};
use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, OrdersApi},
    requests::Window,
};

/// A page token lives for a day; one that is nearly that old is not worth trying.
const STALE_AFTER_MS: Millis = 23 * 3_600_000;
/// The longest text that a mark holds.
const MARK_BYTES: usize = 4 << 10;

/// Where to go on. Stored: only add fields, with defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Walk {
    /// Whether the token is of Orders v0.
    is_v0: bool,
    after: Millis,
    before: Option<Millis>,
    pub(crate) token: String,
    /// How far the window is complete once its last page is read, UTC.
    pub(crate) complete_until: Millis,
    /// The start of the run that began it, UTC.
    pub(crate) began_at: Millis,
}

impl Walk {
    /// A walk at this page.
    pub(crate) fn new(
        config: &Config,
        window: Window,
        token: &str,
        complete_until: Millis,
        began_at: Millis,
    ) -> Self {
        Walk {
            is_v0: config.orders_api == OrdersApi::V0,
            after: window.after,
            before: window.before,
            token: token.to_owned(),
            complete_until,
            began_at,
        }
    }

    /// The walk that a mark keeps, if it can be gone on with for changes since `since`.
    pub(crate) fn of(mark: &Mark, config: &Config, since: Millis, now: Millis) -> Option<Walk> {
        let walk: Walk = serde_json::from_str(&mark.text).ok()?;
        let is_same_api = walk.is_v0 == (config.orders_api == OrdersApi::V0);
        let is_fresh = (0..STALE_AFTER_MS).contains(&(now - walk.began_at));
        (is_same_api && is_fresh && walk.after <= since && !walk.token.is_empty()).then_some(walk)
    }

    /// The window that its token belongs to.
    pub(crate) fn window(&self) -> Window {
        Window { after: self.after, before: self.before }
    }

    /// The text for a mark; `None` if it would be too long to keep.
    pub(crate) fn write(&self) -> Option<String> {
        serde_json::to_string(self).ok().filter(|text| text.len() <= MARK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    const STORED: &str =
        r#"{"is_v0":false,"after":1000,"before":null,"token":"t1","complete_until":9000,"began_at":5000}"#;

    fn of(text: &str, since: Millis, now: Millis) -> Option<Walk> {
        let config = Config::read(&Settings::default()).unwrap();
        Walk::of(&Mark::default().with_text(text), &config, since, now)
    }

    #[test]
    fn the_stored_form_of_a_walk_is_this() {
        let walk = of(STORED, 1_000, 6_000).unwrap();
        assert_eq!((walk.token.as_str(), walk.complete_until), ("t1", 9_000));
        assert_eq!(walk.window(), Window { after: 1_000, before: None });
        assert_eq!(walk.write().as_deref(), Some(STORED));
    }

    #[test]
    fn a_walk_is_left_that_is_too_old_of_the_other_interface_or_of_a_later_window() {
        assert!(of(STORED, 1_000, 5_000 + STALE_AFTER_MS - 1).is_some());
        assert_eq!(of(STORED, 1_000, 5_000 + STALE_AFTER_MS), None);
        assert_eq!(of(STORED, 1_000, 4_999), None);
        assert_eq!(of(STORED, 999, 6_000), None);
        assert_eq!(of(&STORED.replace("false", "true"), 1_000, 6_000), None);
        assert_eq!(of(&STORED.replace("t1", ""), 1_000, 6_000), None);
        assert_eq!(of("", 1_000, 6_000), None);
    }

    #[test]
    fn a_token_that_is_too_long_for_a_mark_is_not_kept() {
        let walk = of(STORED, 1_000, 6_000).unwrap();
        assert_eq!(Walk { token: "t".repeat(MARK_BYTES), ..walk }.write(), None);
    }
}
