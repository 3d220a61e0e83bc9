//! The order of the calls: what a pull asks, when it goes on after a failure, and how far its mark moves.
//!
//! The list shows active lines only and cannot be narrowed by time, so one call covers any window. What is no longer
//! active (delivered, cancelled, returned) is not in it: that an order is missing there says nothing, and the host's
//! questions by order number find out.

use std::collections::HashSet;

use plugin_api::{
    Cx, Error, Mark, Millis, Observation, OrderRef, Progress, Pull, Reply, Request, Result, Scope, Task,
};

use crate::{
    auth,
    config::Settings,
    errors, observe,
    requests::{self, op},
    wire::Answer,
};

/// Answers a job.
///
/// # Errors
/// The first that happened. Whatever else could be read was read and reported all the same.
pub(crate) async fn pull(cx: &Cx, settings: &Settings, job: Pull) -> Result<Mark> {
    if job.task == Task::Returns {
        return Err(Error::unsupported("Tata CLiQ is known to list active orders only, and no returns"));
    }
    let reader = Reader { cx, settings, reported: HashSet::new() };
    match job.scope {
        Scope::Changed { until, .. } => changed(reader, until).await,
        Scope::Orders(refs) => known(reader, &refs).await,
    }
}

async fn changed(mut reader: Reader<'_>, until: Millis) -> Result<Mark> {
    reader.read(requests::active_orders(reader.settings)).await?;
    Ok(Mark::complete_until(until.min(reader.cx.now())))
}

/// One order a call. An order that the marketplace does not know is no news.
async fn known(mut reader: Reader<'_>, refs: &[OrderRef]) -> Result<Mark> {
    let mut progress = Progress::default();
    let mut asked = HashSet::new();
    for order in refs.iter().map(|order| order.order.as_str()) {
        if !requests::is_order_no(order) {
            tracing::warn!("an order was not asked for: its id has not the form of an order number");
        } else if asked.insert(order) {
            progress.note(reader.read(requests::order(reader.settings, order)).await)?;
        }
    }
    progress.end()?;
    Ok(Mark::default())
}

/// Reads answers, and passes on what they show.
struct Reader<'a> {
    cx: &'a Cx,
    settings: &'a Settings,
    reported: HashSet<Observation>,
}

impl Reader<'_> {
    async fn read(&mut self, request: Request) -> Result<()> {
        let operation = request.operation().to_owned();
        let reply = auth::send(self.cx, self.settings, request).await?;
        if operation == op::GET_ORDER && reply.status == 404 {
            tracing::warn!("Tata CLiQ does not know an order that it was asked for");
            return Ok(());
        }
        self.report(&errors::checked(reply, &operation)?).map_err(|error| error.during(&operation))
    }

    fn report(&mut self, reply: &Reply) -> Result<()> {
        let orders = errors::orders(Answer::read(reply, self.settings.wire)?, reply)?;
        let seen = observe::orders(&orders, self.settings);
        let mut page = seen.observations;
        page.retain(|seen| self.reported.insert(seen.clone()));
        self.cx.observe(page);
        match seen.unreadable {
            0 => Ok(()),
            rows => Err(Error::bad_reply(format!(
                "rows that lack orderNo, transactionId or omsStatusCode, or cannot be read: {rows}; the others were reported"
            ))),
        }
    }
}
