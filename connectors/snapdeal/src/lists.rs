//! Sends questions and walks lists; what the rows mean is the caller's business.
//!
//! One request at a time: Snapdeal publishes no limits.

use std::ops::ControlFlow;

use plugin_api::{Cx, Request, Result, reading::Row};

use crate::{
    config::Settings,
    errors::{self, Opened},
    paging::Pages,
    wire::{Listed, Payload},
};

/// What a pull reads with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) cx: &'a Cx,
    pub(crate) settings: &'a Settings,
}

/// The rows of an answer by id.
#[derive(Debug)]
pub(crate) struct Answer<R> {
    pub(crate) rows: Vec<R>,
    /// Rows, or suborders in them, that cannot be read.
    pub(crate) unreadable: usize,
}

impl Reader<'_> {
    /// Asks about one package or suborder. An unknown one is answered by an empty list or a refusal; neither is news.
    ///
    /// # Errors
    /// As [`errors::open`].
    pub(crate) async fn one<P: Payload>(&self, request: Request, what: &str) -> Result<Answer<P::Row>> {
        let reply = self.cx.send(request).await?;
        match errors::open::<P>(&reply, what)? {
            Opened::Payload(payload) => read(payload, what),
            Opened::Null => Ok(Answer { rows: Vec::new(), unreadable: 0 }),
            Opened::Refused(error) => {
                tracing::debug!(%error, "taken for no news");
                Ok(Answer { rows: Vec::new(), unreadable: 0 })
            }
        }
    }

    /// Reads a list page by page, handing the rows of each page over as they come, until its end or until `rows` has
    /// enough.
    ///
    /// # Errors
    /// As [`errors::open_page`] and [`Pages::turn`]; `bad_reply` at the end if rows could not be read.
    pub(crate) async fn list<P: Payload>(
        &self,
        what: &str,
        size: u32,
        request: impl Fn(u32) -> Request,
        mut rows: impl FnMut(&[P::Row]) -> ControlFlow<()>,
    ) -> Result<()> {
        let (mut pages, mut next, mut unreadable) = (Pages::new(size), Some(1), 0);
        while let Some(page) = next {
            let reply = self.cx.send(request(page)).await?;
            let answer = read(errors::open_page::<P>(&reply, what)?, what)?;
            unreadable += answer.unreadable;
            let whole = answer.unreadable - answer.rows.iter().map(Listed::unreadable).sum::<usize>();
            let turn = pages.turn(answer.rows, whole).map_err(|error| errors::about(what, error))?;
            next = turn.next;
            if rows(&turn.fresh).is_break() {
                break;
            }
        }
        errors::all_read(what, unreadable)
    }
}

fn read<P: Payload>(payload: P, what: &str) -> Result<Answer<P::Row>> {
    let all = payload.rows().ok_or_else(|| errors::no_member(what, P::MEMBER))?;
    let count = all.len();
    let rows: Vec<P::Row> = all
        .into_iter()
        .filter_map(|row| match row {
            Row::Read(row) => Some(row),
            Row::Unreadable => None,
        })
        .collect();
    let unreadable = count - rows.len() + rows.iter().map(Listed::unreadable).sum::<usize>();
    Ok(Answer { rows, unreadable })
}
