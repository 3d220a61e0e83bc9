//! That what is secret stays so, whatever a marketplace sends back.

use futures_util::future::{BoxFuture, FutureExt as _};
use plugin_api::Task;
use serde_json::{Value, json};

use super::{Bench, PASSED, Verdict};
use crate::conformance::{
    Show,
    stage::{Fault, json as reply, token},
};

pub(super) fn echoed<'a>(bench: &'a Bench<'a>, task: Task) -> BoxFuture<'a, Verdict> {
    async move {
        let secrets = bench.secrets(&bench.subject.settings("http://127.0.0.1:1"));
        // The first token is the only one that is in use then.
        let in_use = token(bench.subject.id(), 1);
        let used = secrets.iter().filter(|(name, value)| name != "the token" || *value == in_use);
        let echo: Vec<&str> = used.map(|(_, value)| value.as_str()).collect();
        for code in [200, 400, 404, 422, 500] {
            for said in &echo {
                let body = json!({
                    "error": said, "code": said, "message": said, "error_description": echo,
                    "errors": [{"code": said, "message": said, "description": said}],
                });
                let fault = reply(code, &body.to_string()).insert_header("x-echo", *said);
                let stage = bench.stage(task, Show::Rows, Some(Fault::always(fault))).await?;
                let stage = stage.ok_or("its subject shows no rows for this task: describe some")?;
                // That nothing secret is in what came of it is looked after by `pull`.
                bench.pull(&stage, task).await?;
            }
        }
        let everything: Value = bench.subject.settings("http://127.0.0.1:1");
        let log = bench.host.log();
        match bench.secrets(&everything).iter().find(|(_, value)| log.contains(value.as_str())) {
            Some((name, _)) => Err(format!("`{name}` is in the log: log neither requests nor replies")),
            None => PASSED,
        }
    }
    .boxed()
}
