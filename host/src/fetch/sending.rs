//! What becomes of one request: judged, filled in, paced, sent, repeated where that can help.
//!
//! This is the only layer that repeats anything.

use std::{
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plugin_api::{Error, ErrorKind, Operation, Reply};
use reqwest::Url;
use tokio::time::{Instant, sleep};
use tower::retry::budget::Budget as _;

use super::{
    Exchange, Notice, Observer, Turn,
    account::Identity,
    client::Failure,
    exchange::{Failing, Written, telling},
    fill::{Call, Credentials, fill, needs_token},
    retry::{Advice, advice},
    tenure::Caller,
};

/// A learnt rate this much off the plan is a mistake of the header.
const BELIEVABLE_FACTOR: f64 = 1_000.0;

impl Identity {
    /// Sends a request. `used` takes the number of the token it went with; a login job has none and may not refer to it.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: &plugin_abi::Request,
        used: Option<&AtomicU64>,
        caller: &Caller,
    ) -> Result<Reply, Error> {
        let sent = self.try_send(request, used, caller).await;
        sent.map_err(|error| self.blanked(error).during(&request.operation))
    }

    async fn try_send(
        self: &Arc<Self>,
        request: &plugin_abi::Request,
        used: Option<&AtomicU64>,
        caller: &Caller,
    ) -> Result<Reply, Error> {
        let url = self.targets.check(&request.url)?;
        let declared = self.operation(&request.operation)?;
        let retrying = self.fetcher.retrying;
        let with_token = used.filter(|_| needs_token(request));

        let (mut failures, mut stale, mut attempt, mut waited) = (0, None, 1, Duration::ZERO);
        let budget = self.fetcher.budget(&self.connector);
        budget.deposit();
        loop {
            let number = match with_token {
                None => None,
                Some(used) => {
                    let held = self.token(stale.unwrap_or(0), caller).await?;
                    used.store(held.number, Ordering::SeqCst);
                    Some(held)
                }
            };
            let token = number.as_ref().map(|held| &*held.token);
            let call = fill(request, url.clone(), &Credentials { secrets: &self.secrets(), token })?;

            let operation = self.granted(declared);
            self.pass_breakers()?;
            waited += self.wait_turn(&operation, caller).await?;
            // Whoever slept through the wait must not send what another may be sending.
            caller.assured().await?;
            let start = Instant::now();
            let outcome = self.fetcher.wire.attempt(&call, self.reply_bytes).await;
            let exchange = exchange(&operation, &call, &outcome, start.elapsed(), attempt, waited);
            let status = exchange.status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            metrics::counter!("statusync_calls_total", "connector" => self.connector.clone(), "operation" => operation.name.clone(), "status" => status)
                .increment(1);
            tracing::debug!(account = self.key, ?exchange, "sent");
            if let Some(observer) = &caller.observer {
                // Not before it was logged: what was said on either side is in no log.
                let exchange = Exchange { failing: self.failing(&call, &outcome), ..exchange };
                observer(Notice::Ended(&exchange));
            }
            (attempt, waited) = (attempt + 1, Duration::ZERO);

            // What failed because this host stood still says nothing about the marketplace.
            caller.assured().await?;
            self.tell_breakers(&outcome).await;

            let problem = match outcome {
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Passing(text)) => Problem::NoReply(text),
                Ok(reply) => {
                    self.learn(declared, &reply);
                    if let Some(held) =
                        number.filter(|_| stale.is_none() && self.expired_on.contains(&reply.status))
                    {
                        stale = Some(held.number);
                        continue;
                    }
                    match reply.status {
                        429 => Problem::TooMany(reply),
                        500 | 502 | 503 | 504 => Problem::Down(reply),
                        _ => return Ok(self.handed_over(reply, &call, used.is_none())),
                    }
                }
            };
            failures += 1;
            let floor = self.floor(&problem, &self.granted(declared));
            if failures >= retrying.max_attempts || !budget.withdraw() || self.pass_breakers().is_err() {
                let reply = problem.given_up(failures, floor)?;
                return Ok(self.handed_over(reply, &call, used.is_none()));
            }
            let wait = retrying.backoff(failures, self.fetcher.random()).max(floor);
            if wait > retrying.max_wait {
                let (secs, most) = (wait.as_secs(), retrying.max_wait.as_secs());
                let message = format!("the next attempt has to wait {secs} s, and {most} s is the most");
                return Err(advised(message, wait));
            }
            tell_wait(caller.observer.as_ref(), &operation, wait);
            sleep(wait).await;
            waited = wait;
        }
    }

    /// Whether somebody has answered lately, or it is time to see whether anybody does.
    fn pass_breakers(&self) -> Result<(), Error> {
        let now = self.fetcher.clock.now_ms();
        let Err(open) = self.fetcher.breakers.pass(&self.key, &self.connector, now) else { return Ok(()) };
        let wait = Duration::from_millis(u64::try_from(open.probe_at - now).unwrap_or(0));
        let message = format!(
            "{} is not asked for now: {} attempts in a row have failed ({}); the next is made in {} s",
            open.subject,
            open.failures,
            open.reason,
            wait.as_secs().max(1)
        );
        Err(Error::new(ErrorKind::Unavailable, message).retry_after(wait))
    }

    async fn tell_breakers(&self, outcome: &Result<Reply, Failure>) {
        let breakers = &self.fetcher.breakers;
        let failed = match outcome {
            Ok(reply) if matches!(reply.status, 500 | 502 | 503 | 504) => format!("HTTP {}", reply.status),
            Err(Failure::Passing(text)) => text.clone(),
            Err(Failure::Refused(_)) => return,
            Ok(_) => return breakers.answered(&self.key, &self.connector).await,
        };
        breakers.failed(&self.key, &self.connector, self.fetcher.clock.now_ms(), &failed).await;
    }

    fn operation(&self, name: &str) -> Result<&Operation, Error> {
        self.operations.iter().find(|operation| operation.name == name).ok_or_else(|| {
            let declared: Vec<&str> =
                self.operations.iter().map(|operation| operation.name.as_str()).collect();
            let message = format!("operation `{name}` is not in the rate plan ({})", declared.join(", "));
            Error::new(ErrorKind::BadRequest, message)
        })
    }

    /// The operation with the rate that the marketplace grants now.
    fn granted(&self, declared: &Operation) -> Operation {
        let learnt = self.learnt_rates.lock().unwrap_or_else(PoisonError::into_inner);
        let per_second = learnt.get(&declared.name).copied().unwrap_or(declared.per_second);
        Operation { per_second, ..declared.clone() }
    }

    fn learn(&self, declared: &Operation, reply: &Reply) {
        let Some(text) = declared.rate_header.as_deref().and_then(|name| reply.header(name)) else { return };
        let believable = declared.per_second / BELIEVABLE_FACTOR..=declared.per_second * BELIEVABLE_FACTOR;
        match text.trim().parse::<f64>() {
            Ok(rate) if rate > 0.0 && believable.contains(&rate) => {
                let mut learnt = self.learnt_rates.lock().unwrap_or_else(PoisonError::into_inner);
                learnt.insert(declared.name.clone(), rate);
            }
            _ => tracing::warn!(
                account = self.key,
                operation = declared.name,
                "the marketplace tells of a rate that cannot be: the plan's is kept"
            ),
        }
    }

    async fn wait_turn(&self, operation: &Operation, caller: &Caller) -> Result<Duration, Error> {
        let patience = self.fetcher.retrying.max_wait;
        match self.fetcher.pacing.turn(&self.key, caller.tenure(), operation, patience).await? {
            Turn::In(Duration::ZERO) => Ok(Duration::ZERO),
            Turn::In(wait) => {
                tell_wait(caller.observer.as_ref(), operation, wait);
                sleep(wait).await;
                Ok(wait)
            }
            Turn::TooLong(wait) => {
                let Operation { name, per_second, burst, .. } = operation;
                let message =
                    format!("the rate plan of `{name}` is used up ({per_second} a second, {burst} at once)");
                Err(advised(message, wait))
            }
        }
    }

    /// The least wait before another attempt.
    fn floor(&self, problem: &Problem, operation: &Operation) -> Duration {
        let (reply, otherwise) = match problem {
            Problem::NoReply(_) => return Duration::ZERO,
            Problem::TooMany(reply) => (reply, self.fetcher.pacing.refill(operation)),
            Problem::Down(reply) => (reply, Duration::ZERO),
        };
        match reply.header("retry-after").map(|text| advice(text, self.fetcher.clock.now_ms())) {
            Some(Advice::Wait(wait)) => wait,
            Some(Advice::Absurd) => {
                let (operation, max_wait) = (&operation.name, self.fetcher.retrying.max_wait);
                tracing::warn!(
                    account = self.key,
                    operation,
                    ?max_wait,
                    "absurd Retry-After: waiting the longest wait instead"
                );
                max_wait
            }
            Some(Advice::Unreadable) | None => otherwise,
        }
    }

    /// What people may see of an attempt that failed.
    fn failing(&self, call: &Call, outcome: &Result<Reply, Failure>) -> Option<Box<Failing>> {
        if outcome.as_ref().is_ok_and(|reply| (200..300).contains(&reply.status)) {
            return None;
        }
        let scrub = self.scrub(&call.filled);
        let clean =
            |text: &[u8], written| telling(&String::from_utf8_lossy(&scrub.bytes(text.to_vec())), written);
        let reply = outcome.as_ref().ok();
        let problem = match outcome {
            Ok(_) => None,
            Err(Failure::Passing(text)) => Some(text.clone()),
            Err(Failure::Refused(error)) => Some(error.message.clone()),
        };
        Some(Box::new(Failing {
            query: clean(call.url.query().unwrap_or_default().as_bytes(), Written::ByUs),
            request: clean(&call.body, Written::ByUs),
            content_type: reply
                .and_then(|reply| reply.header("content-type"))
                .map(|text| clean(text.as_bytes(), Written::ByThem)),
            reply: clean(reply.map_or(&[], |reply| &reply.body), Written::ByThem),
            problem: problem.map(|text| clean(text.as_bytes(), Written::ByThem)),
        }))
    }

    /// A reply as the connector gets it; a login job needs to see what it came for.
    fn handed_over(&self, mut reply: Reply, call: &Call, is_login: bool) -> Reply {
        if !is_login {
            let scrub = self.scrub(&call.filled);
            reply.body = scrub.bytes(reply.body);
            for (_, value) in &mut reply.headers {
                *value = scrub.text(std::mem::take(value));
            }
        }
        reply
    }
}

/// A failure that may pass.
enum Problem {
    NoReply(String),
    TooMany(Reply),
    Down(Reply),
}

impl Problem {
    /// What is left after the last attempt: an error, or a reply that may tell the connector why.
    fn given_up(self, failures: u32, floor: Duration) -> Result<Reply, Error> {
        match self {
            Problem::NoReply(text) => {
                Err(Error::new(ErrorKind::Unavailable, format!("{text}, after {failures} attempts")))
            }
            Problem::TooMany(_) => {
                Err(advised(format!("the marketplace answered HTTP 429, after {failures} attempts"), floor))
            }
            Problem::Down(reply) => Ok(reply),
        }
    }
}

fn tell_wait(observer: Option<&Observer>, operation: &Operation, wait: Duration) {
    if let Some(observer) = observer {
        observer(Notice::Waits { operation: &operation.name, wait });
    }
}

fn advised(message: String, wait: Duration) -> Error {
    let error = Error::new(ErrorKind::RateLimited, message);
    if wait.is_zero() { error } else { error.retry_after(wait) }
}

fn exchange(
    operation: &Operation,
    call: &Call,
    outcome: &Result<Reply, Failure>,
    took: Duration,
    attempt: u32,
    waited: Duration,
) -> Exchange {
    let reply = outcome.as_ref().ok();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Exchange {
        operation: operation.name.clone(),
        method: call.method.to_string(),
        target: host_and_path(&call.url),
        status: reply.map(|reply| reply.status),
        bytes: reply.map_or(0, |reply| reply.body.len() as u64),
        took_ms: ms(took),
        attempt,
        waited_ms: ms(waited),
        failing: None,
    }
}

fn host_and_path(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}{}", url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::BoxFuture;
    use plugin_abi::source;

    use super::*;
    use crate::fetch::{
        Buckets, Claimed, Retrying, Tenure,
        script::{Scene, field, reply, request, runtime_clock},
    };

    fn plain() -> plugin_abi::Request {
        request("GET", "https://api.example.com/orders?key=query-text")
    }

    fn refused(error: &Error) -> (ErrorKind, u64) {
        (error.kind, error.retry_after.unwrap().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_marketplace_that_does_not_answer_is_left_in_peace() {
        let mut scene = Scene::new();
        scene.retrying = Retrying { max_attempts: 4, ..Retrying::default() };
        let stage = scene.play(|_, number| Ok(reply(if number < 9 { 503 } else { 200 }, &[], "{}")));
        for _ in 0..2 {
            assert_eq!(stage.account.send(plain()).await.unwrap().status, 503, "the reply is handed over");
        }
        let refused = stage.account.send(plain()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(
            refused.message.contains("8 attempts in a row have failed (HTTP 503)"),
            "{}",
            refused.message
        );
        assert_eq!(stage.calls().len(), 8, "nothing was sent");

        sleep(refused.retry_after.unwrap()).await;
        assert_eq!(stage.account.send(plain()).await.unwrap().status, 503, "one probe, not repeated");
        assert_eq!(stage.calls().len(), 9);
        sleep(Duration::from_mins(1)).await;
        assert_eq!(stage.account.send(plain()).await.unwrap().status, 200);
        assert_eq!(stage.account.send(plain()).await.unwrap().status, 200, "it is asked again as before");
    }

    #[tokio::test(start_paused = true)]
    async fn repeats_of_all_accounts_together_keep_to_their_budget() {
        let mut scene = Scene::new();
        scene.retrying = Retrying { max_attempts: 2, base: Duration::from_millis(1), ..Retrying::default() };
        // Every second attempt is answered, so that no breaker opens.
        let stage = scene.play(|_, number| Ok(reply(if number % 2 == 0 { 503 } else { 404 }, &[], "{}")));
        for _ in 0..1_000 {
            stage.account.send(plain()).await.unwrap();
        }
        let repeats = stage.calls().len() - 1_000;
        assert!((100..=301).contains(&repeats), "{repeats} repeats of 1000 requests");
    }

    #[tokio::test(start_paused = true)]
    async fn a_good_reply_takes_one_call() {
        let stage = Scene::new().play(|_, _| Ok(reply(200, &[("x-a", "b")], "{}")));
        let got = stage.account.send(plain()).await.unwrap();
        assert_eq!((got.status, got.body.as_slice(), got.header("x-a")), (200, &b"{}"[..], Some("b")));
        assert_eq!(stage.left_at_ms(), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_repeating_cannot_change_is_handed_over_at_once() {
        for status in [201, 204, 301, 302, 400, 401, 403, 404, 408, 422, 501, 505] {
            let stage = Scene::new().play(move |_, _| Ok(reply(status, &[], "")));
            assert_eq!(stage.account.send(plain()).await.unwrap().status, status);
            assert_eq!(stage.calls().len(), 1, "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_passes_is_waited_out_with_growing_jitter() {
        let stage = Scene::new().play(|_, number| match number {
            0 => Err(Failure::Passing("cut".into())),
            1 => Ok(reply(503, &[], "")),
            2 => Ok(reply(500, &[], "")),
            _ => Ok(reply(200, &[], "done")),
        });
        assert_eq!(stage.account.send(plain()).await.unwrap().body, b"done");
        // Half of 500, 1,000 and 2,000 ms: the scene's random number is always a half.
        assert_eq!(stage.left_at_ms(), [0, 250, 750, 1_750]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_5xx_that_stays_reaches_the_connector_with_its_body() {
        for status in [500, 502, 503, 504] {
            let stage = Scene::new()
                .play(move |_, _| Ok(reply(status, &[("retry-after", "1")], r#"{"error":"invalid_token"}"#)));
            let got = stage.account.send(plain()).await.unwrap();
            assert_eq!((got.status, got.header("retry-after")), (status, Some("1")));
            assert_eq!(got.body, br#"{"error":"invalid_token"}"#);
            assert_eq!(stage.left_at_ms(), [0, 1_000, 2_000, 3_000]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_way_that_stays_down_is_unavailable() {
        let stage =
            Scene::new().play(|_, _| Err(Failure::Passing("no connection to api.example.com".into())));
        let error = stage.account.send(plain()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "unavailable in list: no connection to api.example.com, after 4 attempts"
        );
        assert_eq!(stage.calls().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_helped_is_not_repeated() {
        let stage = Scene::new().play(|_, _| Err(Failure::Refused(Error::bad_reply("too large"))));
        assert_eq!(
            stage.account.send(plain()).await.unwrap_err().to_string(),
            "bad_reply in list: too large"
        );
        assert_eq!(stage.calls().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_that_stays_is_rate_limited_with_its_advice() {
        let stage = Scene::new().play(|_, _| Ok(reply(429, &[("retry-after", "7")], "")));
        let error = stage.account.send(plain()).await.unwrap_err();
        assert_eq!(refused(&error), (ErrorKind::RateLimited, 7));
        assert_eq!(stage.left_at_ms(), [0, 7_000, 14_000, 21_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_a_floor_in_seconds_and_as_a_date() {
        for (header, wait_ms) in [
            ("5", 5_000),
            ("Thu, 15 Jan 2026 09:30:10 GMT", 10_000),
            ("0", 250),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 250),
            ("1", 1_000),
        ] {
            let stage = Scene::new().play(move |_, number| match number {
                0 => Ok(reply(429, &[("retry-after", header)], "")),
                _ => Ok(reply(200, &[], "")),
            });
            assert_eq!(stage.account.send(plain()).await.unwrap().status, 200);
            assert_eq!(stage.left_at_ms(), [0, wait_ms], "{header}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_too_long_ends_the_request_at_once() {
        for status in [429, 503] {
            let stage = Scene::new().play(move |_, _| Ok(reply(status, &[("retry-after", "3600")], "")));
            let error = stage.account.send(plain()).await.unwrap_err();
            assert_eq!(refused(&error), (ErrorKind::RateLimited, 3_600), "{status}");
            assert_eq!(stage.left_at_ms(), [0], "{status}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn absurd_advice_is_cut_to_the_longest_wait() {
        let ten_years = "Tue, 15 Jan 2036 09:30:00 GMT";
        for header in ["315360000", ten_years] {
            let stage = Scene::new().play(move |_, _| Ok(reply(429, &[("retry-after", header)], "")));
            let error = stage.account.send(plain()).await.unwrap_err();
            assert_eq!(refused(&error), (ErrorKind::RateLimited, 60));
            assert_eq!(stage.left_at_ms(), [0, 60_000, 120_000, 180_000]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_429_without_advice_waits_for_one_refill_of_the_bucket() {
        let mut scene = Scene { pacing: Arc::new(Buckets::new(runtime_clock())), ..Scene::new() };
        scene.descriptor = scene.descriptor.operation("slow", 0.1, 20, "assumed");
        let stage = scene.play(|_, number| Ok(reply(if number == 0 { 429 } else { 200 }, &[], "")));
        let slow = plugin_abi::Request { operation: "slow".into(), ..plain() };
        assert_eq!(stage.account.send(slow).await.unwrap().status, 200);
        assert_eq!(stage.left_at_ms(), [0, 10_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_keep_to_the_rate_plan_and_repeats_count_too() {
        let mut scene =
            Scene { pacing: Arc::new(Buckets::new(runtime_clock())), random: 0.0, ..Scene::new() };
        scene.descriptor = scene.descriptor.operation("few", 1.0, 2, "assumed");
        let stage = scene.play(|_, number| Ok(reply(if number == 1 { 503 } else { 200 }, &[], "")));
        for _ in 0..4 {
            let few = plugin_abi::Request { operation: "few".into(), ..plain() };
            assert_eq!(stage.account.send(few).await.unwrap().status, 200);
        }
        assert_eq!(stage.left_at_ms(), [0, 0, 1_000, 2_000, 3_000]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_too_far_off_is_rate_limited_and_nothing_leaves() {
        let mut scene = Scene { pacing: Arc::new(Buckets::new(runtime_clock())), ..Scene::new() };
        scene.descriptor = scene.descriptor.operation("rare", 0.01, 1, "assumed");
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        let rare = || plugin_abi::Request { operation: "rare".into(), ..plain() };
        assert!(stage.account.send(rare()).await.is_ok());
        for _ in 0..3 {
            let error = stage.account.send(rare()).await.unwrap_err();
            assert_eq!(refused(&error), (ErrorKind::RateLimited, 100));
        }
        assert_eq!(stage.left_at_ms(), [0]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_learnt_from_the_reply() {
        // The first call was paced by the plan, so the second still leaves after a second.
        for (header, left_at_ms) in [
            ("0.5", [0, 1_000, 3_000]),
            ("4", [0, 1_000, 1_250]),
            ("0", [0, 1_000, 2_000]),
            ("-1", [0, 1_000, 2_000]),
            ("many", [0, 1_000, 2_000]),
            ("1e99", [0, 1_000, 2_000]),
            ("NaN", [0, 1_000, 2_000]),
        ] {
            let mut scene = Scene { pacing: Arc::new(Buckets::new(runtime_clock())), ..Scene::new() };
            scene.descriptor = scene.descriptor.operation("learnt", 1.0, 1, "assumed");
            scene.descriptor.operations[2].rate_header = Some("x-rate".to_owned());
            let stage = scene.play(move |_, _| Ok(reply(200, &[("x-rate", header)], "")));
            for _ in 0..3 {
                let learnt = plugin_abi::Request { operation: "learnt".into(), ..plain() };
                stage.account.send(learnt).await.unwrap();
            }
            assert_eq!(stage.left_at_ms(), left_at_ms, "{header}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_attempts_is_the_plan_s() {
        let retrying = Retrying { max_attempts: 1, ..Retrying::default() };
        let stage = Scene { retrying, ..Scene::new() }.play(|_, _| Ok(reply(503, &[], "")));
        assert_eq!(stage.account.send(plain()).await.unwrap().status, 503);
        assert_eq!(stage.calls().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_connector_may_not_ask_for_never_leaves() {
        let mut header = plain();
        header.headers = vec![field("host", source::TEXT, "evil.example")].into();
        let mut missing = plain();
        missing.headers = vec![field("x-key", source::SECRET, "refresh_token")].into();
        for (request, kind, text) in [
            (
                request("GET", "https://evil.example/?key=query-text"),
                ErrorKind::BadRequest,
                "`https://evil.example`",
            ),
            (request("GET", "http://api.example.com/"), ErrorKind::BadRequest, "only https"),
            (request("DELETE", "https://api.example.com/"), ErrorKind::BadRequest, "`DELETE`"),
            (plugin_abi::Request { operation: "other".into(), ..plain() }, ErrorKind::BadRequest, "`other`"),
            (header, ErrorKind::BadRequest, "`host`"),
            (missing, ErrorKind::Config, "secret `refresh_token`"),
        ] {
            let stage = Scene::new().play(|_, _| Ok(reply(200, &[], "")));
            let error = stage.account.send(request).await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(text) && !error.message.contains("query-text"), "{error}");
            assert!(stage.calls().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn secrets_that_come_back_are_blanked_in_body_headers_and_errors() {
        let body = r#"{"error":"key hush-hush-hush is wrong","order":"OD1"}"#;
        let stage = Scene::new().play(move |_, _| Ok(reply(400, &[("x-echo", "hush-hush-hush")], body)));
        let got = stage.account.send(plain()).await.unwrap();
        assert_eq!(got.text(), r#"{"error":"key [REDACTED] is wrong","order":"OD1"}"#);
        assert_eq!(got.header("x-echo"), Some("[REDACTED]"));

        let stage = Scene::new().play(|_, _| Err(Failure::Passing("proxy said hush-hush-hush".into())));
        let error = stage.account.send(plain()).await.unwrap_err();
        assert!(error.message.contains("proxy said [REDACTED]"), "{error}");
        assert!(!format!("{:?} {error:?}", stage.account).contains("hush"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_made_from_a_secret_is_blanked_too() {
        let mut basic = plain();
        basic.headers = vec![field("authorization", source::BASIC, "client_secret:client_secret")].into();
        let stage = Scene::new().play(|call, _| {
            let echo = call.headers["authorization"].to_str().unwrap().to_owned();
            Ok(reply(400, &[], &echo))
        });
        assert_eq!(stage.account.send(basic).await.unwrap().text(), "Basic [REDACTED]");
    }

    /// A hold that is lost after so many questions.
    struct Hold(AtomicU64);

    impl Tenure for Hold {
        fn claim(&self) -> Claimed<'_> {
            Claimed { tenant: "acme", channel: "EX1", holder: "host#1", epoch: 7 }
        }

        fn assured(&self) -> BoxFuture<'_, Result<(), Error>> {
            let is_held =
                self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let lost = || Error::new(ErrorKind::Unavailable, "lease lost");
            Box::pin(std::future::ready(is_held.then_some(()).ok_or_else(lost)))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_leaves_after_the_hold_is_lost_and_what_failed_meanwhile_is_not_the_marketplaces_fault() {
        let mut scene = Scene::new();
        scene.retrying = Retrying { max_attempts: 100, base: Duration::ZERO, ..Retrying::default() };
        let stage = scene.play(|_, number| match number {
            0..20 => Err(Failure::Passing("stood still".into())),
            _ => Ok(reply(200, &[], "")),
        });
        // Asked before an attempt, and after it.
        for (questions, calls) in [(0, 0), (1, 1)] {
            for _ in 0..10 {
                let before = stage.calls().len();
                let hold: Arc<dyn Tenure> = Arc::new(Hold(AtomicU64::new(questions)));
                let error = stage.account.for_job(None, Some(hold)).send(plain()).await.unwrap_err();
                assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Unavailable, "lease lost"));
                assert_eq!(stage.calls().len(), before + calls);
            }
        }
        // Ten failures in a row would have opened the breaker.
        let error = stage.account.send(plain()).await.unwrap_err();
        assert_eq!(error.message, "stood still, after 8 attempts");
        assert_eq!(stage.calls().len(), 18);
    }

    #[tokio::test(start_paused = true)]
    async fn every_attempt_is_told_and_only_one_that_failed_with_what_was_said() {
        let stage = Scene::new().play(|_, number| match number {
            0 => Err(Failure::Passing("cut".into())),
            _ => Ok(reply(200, &[], "12345")),
        });
        stage.account.send(plain()).await.unwrap();
        let told = |status, bytes, attempt, waited_ms| Exchange {
            operation: "list".into(),
            method: "GET".into(),
            target: "api.example.com/orders".into(),
            status,
            bytes,
            took_ms: 0,
            attempt,
            waited_ms,
            failing: None,
        };
        let failing = Failing {
            query: "key=[REDACTED]".into(),
            request: String::new(),
            content_type: None,
            reply: String::new(),
            problem: Some("cut".into()),
        };
        let failed = Exchange { failing: Some(Box::new(failing)), ..told(None, 0, 1, 0) };
        assert_eq!(stage.exchanges(), [failed, told(Some(200), 5, 2, 250)]);
        assert_eq!(stage.waits(), [Duration::from_millis(250)], "the wait was told before it began");
    }
}
