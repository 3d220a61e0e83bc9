//! What is asked for, and what is not.

use std::collections::HashSet;

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::{ErrorKind, Millis, Observation, OrderRef, Scope, Task};

use super::{Bench, Outcome, PASSED, Verdict};
use crate::conformance::{
    Ask, Scene,
    played::Batch,
    stage::{Act, Show, is_asked},
};

const HOUR: Millis = 3_600_000;

pub(super) fn undeclared_tasks<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let said = bench.host.descriptor();
        let Some(scene) = bench.subject.scenes.first() else {
            return Err("describe a scene in fixtures/suite.toml".to_owned());
        };
        let mut is_any = false;
        for task in Task::ALL.iter().copied().filter(|task| !said.tasks.contains(task)) {
            is_any = true;
            let stage = bench.stage(Act::rows(scene)).await;
            let asked =
                Ask { task, scope: scope_of(bench, task), ..bench.ask(scene, stage.settings.clone()) };
            let ran = bench.pull_asked(asked).await?;
            match ran.result {
                Err(error) if error.kind == ErrorKind::Unsupported && stage.data().is_empty() => {}
                Err(error) if error.kind == ErrorKind::Unsupported => {
                    return Err(format!(
                        "{} requests left for task {task}, which is not declared",
                        stage.data().len()
                    ));
                }
                Err(error) => {
                    return Err(format!(
                        "task {task} is not declared and ends with `{error}`: answer `unsupported`"
                    ));
                }
                Ok(_) => {
                    return Err(format!("task {task} is not declared and ends well: answer `unsupported`"));
                }
            }
        }
        if is_any { PASSED } else { Ok(Outcome::NotForThis("it declares every task".to_owned())) }
    }
    .boxed()
}

fn scope_of(bench: &Bench<'_>, task: Task) -> Scope {
    let now = bench.subject.now;
    if task.is_by_id() {
        Scope::Orders(vec![OrderRef { order: "SUITE1".to_owned(), ..OrderRef::default() }])
    } else {
        Scope::Changed { since: now - HOUR, until: now }
    }
}

pub(super) fn from_a_mark<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let usual = bench.usual(scene).await?;
        let mark = usual.result.clone().ok();
        let stage = bench.stage(Act::rows(scene)).await;
        let ran = bench.pull_asked(Ask { mark, ..bench.ask(scene, stage.settings.clone()) }).await?;
        let set = |seen: &[Observation]| seen.iter().cloned().collect::<HashSet<_>>();
        match &ran.result {
            Err(error) => Err(format!("with its own mark a pull ends with `{error}`: a mark must lead on")),
            Ok(_) if set(&ran.observations) != set(&usual.observations) => Err(
                "with its own mark a pull over the same window reports other facts: what the window shows is reported \
                 again, and the host sorts out what is new"
                    .to_owned(),
            ),
            Ok(_) => PASSED,
        }
    }
    .boxed()
}

/// References like one, that differ in a number inside every id: the last one that is long enough. An id without such a
/// number is left out.
fn batch(one: &OrderRef, count: usize) -> Option<Batch> {
    // No number begins with a nought: in JSON that would be none.
    let width = (2 * count).to_string().len();
    let first = 10_usize.pow(u32::try_from(width).ok()?.checked_sub(1)?);
    let place = |id: &String| {
        let is_digit = |at: usize| id.as_bytes()[at].is_ascii_digit();
        (width..=id.len()).rev().find(|end| (end - width..*end).all(is_digit)).map(|end| end - width)
    };
    let numbered = |id: &String, number: usize| {
        place(id).map(|at| format!("{}{number}{}", &id[..at], &id[at + width..]))
    };
    let fit = |ids: &[String]| ids.iter().filter(|id| place(id).is_some()).cloned().collect::<Vec<_>>();
    let like = OrderRef {
        items: fit(&one.items),
        packages: fit(&one.packages),
        awbs: fit(&one.awbs),
        ..one.clone()
    };
    let all = |ids: &[String], number| ids.iter().filter_map(|id| numbered(id, number)).collect::<Vec<_>>();
    let orders: Option<Vec<OrderRef>> = (first..first + count)
        .map(|number| {
            Some(OrderRef {
                order: numbered(&like.order, number)?,
                items: all(&like.items, number),
                packages: all(&like.packages, number),
                awbs: all(&like.awbs, number),
            })
        })
        .collect();
    Some(Batch { like, orders: orders? })
}

pub(super) fn full_batch<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let Scope::Orders(orders) = &scene.scope else {
            return Ok(Outcome::NotForThis("it asks for what changed".to_owned()));
        };
        let most = usize::try_from(bench.host.descriptor().limits.batch_size).unwrap_or(usize::MAX);
        let Some(batch) = orders.first().and_then(|one| batch(one, most)) else {
            return Err(format!(
                "the suite makes {most} orders out of the first one of this scene: let its id have as many digits in a \
                 row as twice that number has"
            ));
        };
        let orders = batch.orders.clone();
        let stage = bench.stage(Act::new(scene, Show::Nothing).batch(batch)).await;
        let scope = Scope::Orders(orders.clone());
        let ran = bench.pull_asked(Ask { scope, ..bench.ask(scene, stage.settings.clone()) }).await?;
        if let Err(error) = &ran.result {
            return Err(format!("{most} orders that the marketplace does not know end with `{error}`: that is no news"));
        }
        let requests = stage.data();
        match orders.iter().filter(|order| !requests.iter().any(|request| is_asked(order, request))).count() {
            0 => PASSED,
            count => Err(format!("{count} of {most} orders are not asked about: ask for every one, in batches")),
        }
    }
    .boxed()
}

pub(super) fn other_window<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        // Begins and ends at one instant: nothing can have changed, and nothing may break.
        let now = bench.subject.now;
        let stage = bench.stage(Act::new(scene, Show::Nothing)).await;
        let scope = Scope::Changed { since: now - 1, until: now };
        let ran = bench.pull_asked(Ask { scope, ..bench.ask(scene, stage.settings.clone()) }).await?;
        match (&ran.result, ran.observations.len()) {
            (Ok(mark), 0) if mark.complete_until.is_none_or(|until| until <= now) => PASSED,
            (Ok(mark), 0) => Err(format!(
                "the mark says {:?}, which is after the run: no mark beyond now",
                mark.complete_until
            )),
            (Ok(_), count) => {
                Err(format!("{count} observations of a window without length and an answer without rows"))
            }
            (Err(error), _) => {
                Err(format!("a window of a millisecond ends with `{error}`: any window is a window"))
            }
        }
    }
    .boxed()
}
