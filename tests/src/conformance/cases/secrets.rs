//! That what is secret or a buyer's stays so, whatever a marketplace sends.

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::json;

use super::{Bench, PASSED, Verdict, rows};
use crate::conformance::{
    PERSONAL, Scene,
    stage::{Act, Fault, json as reply, token},
};

pub(super) fn echoed<'a>(bench: &'a Bench<'a>, scene: &'a Scene) -> BoxFuture<'a, Verdict> {
    async move {
        let secrets = bench.secrets(&bench.settings(Some(scene), "http://127.0.0.1:1"));
        // The first token is the only one that is in use then.
        let in_use = token(bench.id(), 1);
        let used = secrets.iter().filter(|(name, value)| name != "the token" || *value == in_use);
        let echo: Vec<&str> = used.map(|(_, value)| value.as_str()).collect();
        for code in [200, 400, 404, 422, 500] {
            for said in &echo {
                let body = json!({
                    "error": said, "code": said, "message": said, "error_description": echo,
                    "errors": [{"code": said, "message": said, "description": said}],
                });
                let fault = reply(code, &body.to_string()).insert_header("x-echo", *said);
                let stage = bench.stage(Act::rows(scene).fault(Fault::always(fault))).await;
                // That nothing secret is in what came of it is looked after by `pull`.
                bench.pull(&stage).await?;
            }
        }
        let log = bench.host.log();
        match secrets.iter().find(|(_, value)| log.contains(value.as_str())) {
            Some((name, _)) => Err(format!("`{name}` is in the log: log neither requests nor replies")),
            None => PASSED,
        }
    }
    .boxed()
}

pub(super) fn of_buyers<'a>(bench: &'a Bench<'a>) -> BoxFuture<'a, Verdict> {
    async move {
        let mut is_shown = false;
        for scene in &bench.subject.scenes {
            if scene.rows.iter().any(|route| route.text.contains("{personal}")) {
                is_shown = true;
                // That none is in what came of it is looked after by `pull`.
                rows::shown(bench, Act::rows(scene)).await?;
            }
        }
        if !is_shown {
            return Err("no reply of fixtures/suite.toml has data of a buyer: put {personal} where the marketplace sends \
                        names and addresses"
                .to_owned());
        }
        if bench.host.log().contains(PERSONAL) {
            return Err("data of a buyer is in the log: log ids and counts, and no reply".to_owned());
        }
        PASSED
    }
    .boxed()
}
