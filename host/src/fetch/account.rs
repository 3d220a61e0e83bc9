//! One channel's sending identity: which hosts, which secrets, which token, which limits.
//!
//! What becomes of a single request is in [`sending`](super::sending); how tokens are shared is in
//! [`login`](super::login). Where secrets come from and where rotated ones go is the caller's business.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use plugin_api::{Descriptor, Error, ErrorKind, Operation, Reply};
use tracing::Instrument as _;

use super::{
    Fetcher, HeldToken, LARGEST_REPLY_BYTES, Login, Observer, Secret, Tenure, TokenStore, login::Numbered,
    login::TokenCell, redact::Scrub, target::Targets, tenure::Caller,
};

/// Replaced secrets and tokens that are remembered for blanking.
const RETIRED_MAX: usize = 32;

/// What an [`Account`] is made from.
pub struct AccountSetup<'a> {
    /// `tenant/channel`; the name of its buckets in the rate plan.
    pub key: String,
    /// The connector's descriptor: hosts, rate plan, sizes, what means "token expired".
    pub descriptor: &'a Descriptor,
    /// The URLs among the channel's settings, by the setting's name.
    pub urls: BTreeMap<String, String>,
    /// The channel's secrets, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// The token of an earlier login, if one was kept.
    pub token: Option<HeldToken>,
    /// Runs the connector's login job; absent if the connector has none.
    pub login: Option<Login>,
    /// Keeps what a login brings.
    pub store: Arc<dyn TokenStore>,
}

/// A channel's way to its marketplace.
///
/// All handles made by [`for_job`](Account::for_job) share token, secrets and learnt rates. A job should have a handle
/// of its own: it remembers which token the job has used last.
pub struct Account {
    identity: Arc<Identity>,
    caller: Caller,
    used: AtomicU64,
}

/// The way to the marketplace for a login job: without the account token, and with replies in which nothing is blanked.
#[derive(Clone)]
pub struct LoginSender {
    identity: Arc<Identity>,
    caller: Caller,
}

/// What all handles of an account share.
pub(super) struct Identity {
    pub(super) fetcher: Arc<Fetcher>,
    pub(super) key: String,
    pub(super) connector: String,
    pub(super) targets: Targets,
    pub(super) operations: Vec<Operation>,
    pub(super) expired_on: Vec<u16>,
    pub(super) reply_bytes: u64,
    pub(super) learnt_rates: Mutex<BTreeMap<String, f64>>,
    secret_names: Vec<String>,
    secrets: Mutex<Arc<BTreeMap<String, Secret>>>,
    /// The secrets as they lie in the store, as far as is known: what was handed in, and what was kept since.
    stored_secrets: Mutex<BTreeMap<String, Secret>>,
    /// Secrets and tokens that were replaced: a marketplace may still echo them.
    retired: Mutex<Vec<Secret>>,
    tokens: TokenCell,
    login: Option<Login>,
    store: Arc<dyn TokenStore>,
}

impl Account {
    /// An account that sends through `fetcher`.
    ///
    /// # Errors
    /// `config` if a URL setting or a host of the descriptor cannot be read.
    pub fn new(fetcher: Arc<Fetcher>, setup: AccountSetup<'_>) -> Result<Self, Error> {
        let descriptor = setup.descriptor;
        let secret_names =
            descriptor.settings.iter().filter(|setting| setting.secret).map(|setting| setting.name.clone());
        let identity = Identity {
            targets: Targets::new(&descriptor.hosts, &setup.urls, fetcher.egress)?,
            fetcher,
            key: setup.key,
            connector: descriptor.id.clone(),
            operations: descriptor.operations.clone(),
            expired_on: descriptor.auth.expired_on.clone(),
            reply_bytes: descriptor.limits.reply_bytes.min(LARGEST_REPLY_BYTES),
            learnt_rates: Mutex::default(),
            secret_names: secret_names.collect(),
            stored_secrets: Mutex::new(setup.secrets.clone()),
            secrets: Mutex::new(Arc::new(setup.secrets)),
            retired: Mutex::default(),
            tokens: TokenCell::new(setup.token),
            login: setup.login,
            store: setup.store,
        };
        Ok(Account { identity: Arc::new(identity), caller: Caller::default(), used: AtomicU64::new(0) })
    }

    /// A handle for one job, whose attempts (and those of logins that it causes) are told to `observer`, and leave only
    /// while `tenure` lasts.
    #[must_use]
    pub fn for_job(&self, observer: Option<Observer>, tenure: Option<Arc<dyn Tenure>>) -> Account {
        let caller = Caller { observer, tenure };
        Account { identity: Arc::clone(&self.identity), caller, used: AtomicU64::new(0) }
    }

    /// Sends a request and returns the final reply, of whatever HTTP status.
    ///
    /// Statuses that mean "token expired" bring one login and one repeat; 429, 500, 502, 503, 504 and a failing way are
    /// waited out and repeated. A reply of 5xx that stays is returned; 429 that stays is an error.
    ///
    /// # Errors
    /// `bad_request` for what a connector may not ask for (nothing was sent then), `config` for a missing secret,
    /// `rate_limited` with advice if waiting would take too long, `unavailable` if no attempt brought a reply or the job's
    /// tenure is over,
    /// `bad_reply` for a reply that is too large or packed otherwise than asked for, and what a login said.
    pub async fn send(&self, request: plugin_abi::Request) -> Result<Reply, Error> {
        self.identity.send(&request, Some(&self.used), &self.caller).await
    }

    /// Logs in again, unless another job has done so since this one last used the token.
    ///
    /// # Errors
    /// What the login said; `auth` if the connector has none.
    pub async fn relogin(&self) -> Result<(), Error> {
        let stale = match self.used.load(Ordering::SeqCst) {
            0 => self.identity.tokens.newest(),
            used => used,
        };
        self.identity.token(stale, &self.caller).await.map(|_| ())
    }
}

impl LoginSender {
    /// Sends a request of the login job, as [`Account::send`] does, except that a reference to the account token is
    /// `bad_request` and that the reply is handed over as it came.
    ///
    /// # Errors
    /// As for [`Account::send`].
    pub async fn send(&self, request: plugin_abi::Request) -> Result<Reply, Error> {
        self.identity.send(&request, None, &self.caller).await
    }
}

impl Identity {
    /// A good token whose number is above `stale`, after a login if need be.
    pub(super) async fn token(self: &Arc<Self>, stale: u64, caller: &Caller) -> Result<Numbered, Error> {
        let now_ms = || self.fetcher.clock.now_ms();
        if let Some(known) = self.tokens.known(stale, now_ms()) {
            return known;
        }
        let gate = self.tokens.gate().await;
        // Whoever held the gate has logged in meanwhile, or has failed to.
        if let Some(known) = self.tokens.known(stale, now_ms()) {
            return known;
        }
        let sender = LoginSender { identity: Arc::clone(self), caller: caller.clone() };
        // On a task of its own: a job that is cancelled half-way must not lose a secret that was just rotated.
        let login = tokio::spawn(
            async move {
                let identity = Arc::clone(&sender.identity);
                let result = identity.log_in(sender).await.map_err(|error| identity.blanked(error));
                let settled = identity.tokens.settle(result, identity.fetcher.clock.now_ms());
                drop(gate);
                settled
            }
            .in_current_span(),
        );
        login
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::PluginFault, "the login broke off: see the log")))
    }

    async fn log_in(&self, sender: LoginSender) -> Result<HeldToken, Error> {
        let login = self
            .login
            .as_ref()
            .ok_or_else(|| Error::auth("this connector has no login: check the channel's secrets"))?;
        let caller = sender.caller.clone();
        let mut token = login(sender).await?;
        if token.value.is_empty() {
            return Err(Error::bad_reply("the login brought an empty token"));
        }
        let rotated = std::mem::take(&mut token.rotated);
        if !rotated.is_empty() {
            let rotated = rotated.into_iter().map(|(name, value)| (name, Secret::from(value))).collect();
            self.rotate(&rotated)?;
            let replaced = self.stored(&rotated);
            self.store.keep_secrets(&self.key, &replaced, &rotated).await?;
            self.stored_secrets.lock().unwrap_or_else(PoisonError::into_inner).extend(rotated);
        }
        if let Some(old) = self.tokens.any() {
            self.retire(std::iter::once(&old.value).chain(old.parts.values()));
        }
        let token = HeldToken::new(token, self.fetcher.clock.now_ms());
        self.store.keep_token(&self.key, caller.tenure(), &token).await?;
        Ok(token)
    }

    /// The secrets of these names as they are in the store, as far as this account knows.
    fn stored(&self, names: &BTreeMap<String, Secret>) -> BTreeMap<String, Secret> {
        let stored = self.stored_secrets.lock().unwrap_or_else(PoisonError::into_inner);
        names.keys().filter_map(|name| Some((name.clone(), stored.get(name)?.clone()))).collect()
    }

    /// Takes rotated secrets into use. This comes before storing them: should that fail, the next login has them still.
    fn rotate(&self, rotated: &BTreeMap<String, Secret>) -> Result<(), Error> {
        if let Some(name) = rotated.keys().find(|name| !self.secret_names.contains(name)) {
            let message = format!("the login replaced `{name}`, which is not a secret of this connector");
            return Err(Error::new(ErrorKind::PluginFault, message));
        }
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        self.retire(rotated.keys().filter_map(|name| secrets.get(name)));
        let replaced = rotated.iter().map(|(name, value)| (name.clone(), value.clone()));
        Arc::make_mut(&mut secrets).extend(replaced);
        Ok(())
    }

    /// Keeps values that were replaced among those that are blanked.
    fn retire<'a>(&self, values: impl Iterator<Item = &'a Secret>) {
        let mut retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        for value in values {
            if !retired.contains(value) {
                retired.push(value.clone());
            }
        }
        // The oldest are dead for long.
        let surplus = retired.len().saturating_sub(RETIRED_MAX);
        retired.drain(..surplus);
    }

    pub(super) fn secrets(&self) -> Arc<BTreeMap<String, Secret>> {
        Arc::clone(&self.secrets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Blanks every secret and the token, and what else was filled into a request.
    pub(super) fn scrub(&self, filled: &[String]) -> Scrub {
        let (secrets, token) = (self.secrets(), self.tokens.any());
        let token = token.as_ref().map(|token| std::iter::once(&token.value).chain(token.parts.values()));
        let retired = self.retired.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets =
            secrets.values().chain(token.into_iter().flatten()).chain(retired.iter()).map(Secret::reveal);
        Scrub::new(secrets.chain(filled.iter().map(String::as_str)))
    }

    /// An error without secrets in its message.
    pub(super) fn blanked(&self, error: Error) -> Error {
        Error { message: self.scrub(&[]).text(error.message), ..error }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("key", &self.identity.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for LoginSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginSender").field("key", &self.identity.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicUsize, time::Duration};

    use futures_util::future::{BoxFuture, join_all};
    use plugin_abi::source;
    use plugin_api::Token;

    use super::*;
    use crate::fetch::{
        client::Failure,
        script::{START_MS, Scene, Stage, field, reply, request, signed},
    };

    fn good_token(stage: &Stage) -> bool {
        stage.tokens().iter().all(|token| token == "Bearer token-1")
    }

    fn held(value: &str, life_ms: i64) -> HeldToken {
        HeldToken { value: value.into(), parts: BTreeMap::new(), renew_at_ms: START_MS + life_ms }
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_requests_at_once_bring_one_login() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        let replies = join_all((0..50).map(|_| stage.account.send(signed()))).await;
        assert!(replies.iter().all(Result::is_ok));
        assert_eq!((logins.load(Ordering::SeqCst), stage.calls().len()), (1, 50));
        assert!(good_token(&stage));
    }

    #[tokio::test(start_paused = true)]
    async fn fifty_requests_at_once_bring_one_failed_login_and_fifty_errors() {
        let (scene, logins) = Scene::new().with_failing_login(Error::auth("wrong secret"));
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        for result in join_all((0..50).map(|_| stage.account.send(signed()))).await {
            assert_eq!(result.unwrap_err().to_string(), "auth in list: wrong secret");
        }
        assert_eq!((logins.load(Ordering::SeqCst), stage.calls().len()), (1, 0));
        // Nor does the next request knock again so soon.
        assert!(stage.account.send(signed()).await.is_err());
        assert!(stage.account.relogin().await.is_err());
        assert_eq!(logins.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(stage.account.send(signed()).await.is_err());
        assert_eq!(logins.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_until_a_minute_before_its_end() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        stage.account.send(signed()).await.unwrap();
        tokio::time::advance(Duration::from_millis(3_539_999)).await;
        stage.account.send(signed()).await.unwrap();
        assert_eq!(logins.load(Ordering::SeqCst), 1);
        tokio::time::advance(Duration::from_millis(1)).await;
        stage.account.send(signed()).await.unwrap();
        assert_eq!(stage.tokens(), ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kept_token_saves_the_login_while_it_is_good() {
        let (scene, logins) = Scene::new().with_login();
        let stage =
            Scene { token: Some(held("kept-token", 5_000)), ..scene }.play(|_, _| Ok(reply(200, &[], "")));
        stage.account.send(signed()).await.unwrap();
        assert_eq!(logins.load(Ordering::SeqCst), 0);
        tokio::time::advance(Duration::from_secs(5)).await;
        stage.account.send(signed()).await.unwrap();
        assert_eq!(stage.tokens(), ["Bearer kept-token", "Bearer token-1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_401_on_the_way_brings_one_login_and_one_repeat() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, number| Ok(reply(if number == 1 { 401 } else { 200 }, &[], "")));
        for _ in 0..3 {
            assert_eq!(stage.account.send(signed()).await.unwrap().status, 200);
        }
        assert_eq!(logins.load(Ordering::SeqCst), 2);
        assert_eq!(stage.tokens(), ["Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_401_that_stays_is_handed_over_after_one_repeat() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(401, &[], "no")));
        assert_eq!(stage.account.send(signed()).await.unwrap().status, 401);
        assert_eq!((logins.load(Ordering::SeqCst), stage.calls().len()), (2, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn many_401s_for_one_token_bring_one_login() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|call, _| {
            let old = call.headers["authorization"] == "Bearer token-1";
            Ok(reply(if old { 401 } else { 200 }, &[], ""))
        });
        let replies = join_all((0..50).map(|_| stage.account.send(signed()))).await;
        assert!(replies.iter().all(|reply| reply.as_ref().unwrap().status == 200));
        assert_eq!((logins.load(Ordering::SeqCst), stage.calls().len()), (2, 100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_401_for_a_request_without_token_brings_no_login() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(401, &[], "")));
        assert_eq!(stage.account.send(request("GET", "https://api.example.com/")).await.unwrap().status, 401);
        assert_eq!((logins.load(Ordering::SeqCst), stage.calls().len()), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn two_jobs_that_ask_anew_for_the_same_token_get_one_login() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        let (one, two) = (stage.account.for_job(None, None), stage.account.for_job(None, None));
        one.send(signed()).await.unwrap();
        two.send(signed()).await.unwrap();
        assert_eq!(logins.load(Ordering::SeqCst), 1);
        let both = futures_util::future::join(one.relogin(), two.relogin()).await;
        assert_eq!((both, logins.load(Ordering::SeqCst)), ((Ok(()), Ok(())), 2));
        // Also when the second asks long after the first.
        two.relogin().await.unwrap();
        assert_eq!(logins.load(Ordering::SeqCst), 2);
        two.send(signed()).await.unwrap();
        two.relogin().await.unwrap();
        assert_eq!(logins.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_has_not_used_a_kept_token_can_still_ask_anew() {
        let (scene, logins) = Scene::new().with_login();
        let stage =
            Scene { token: Some(held("kept-token", 600_000)), ..scene }.play(|_, _| Ok(reply(200, &[], "")));
        stage.account.relogin().await.unwrap();
        stage.account.send(signed()).await.unwrap();
        assert_eq!((logins.load(Ordering::SeqCst), stage.tokens()), (1, vec!["Bearer token-1".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connector_without_login_is_told_so() {
        let stage = Scene::new().play(|_, _| Ok(reply(200, &[], "")));
        assert_eq!(stage.account.send(signed()).await.unwrap_err().kind, ErrorKind::Auth);
        assert_eq!(stage.account.relogin().await.unwrap_err().kind, ErrorKind::Auth);
    }

    /// A login by one POST, whose answer's body is the token.
    fn login_by_post(request: plugin_abi::Request) -> Login {
        Arc::new(move |sender: LoginSender| {
            let request = request.clone();
            Box::pin(async move { Ok(Token::new(sender.send(request).await?.ok()?.text(), 3_600)) })
        })
    }

    fn login_request(source: u16, value: &str) -> plugin_abi::Request {
        let mut request = request("POST", "https://api.example.com/token");
        request.operation = "login".into();
        request.form = vec![field("client_secret", source, value)].into();
        request
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_job_sees_what_is_blanked_for_others() {
        let login = Some(login_by_post(login_request(source::SECRET, "client_secret")));
        let stage = Scene { login, ..Scene::new() }.play(|call, _| match call.url.path() {
            "/token" => Ok(reply(200, &[], "hush-hush-hush-derived")),
            _ => Ok(reply(200, &[], "echo hush-hush-hush-derived")),
        });
        assert_eq!(stage.account.send(signed()).await.unwrap().text(), "echo [REDACTED]");
        assert_eq!(stage.tokens(), ["", "Bearer hush-hush-hush-derived"]);
        assert_eq!(
            stage.exchanges().iter().map(|one| &*one.operation).collect::<Vec<_>>(),
            ["login", "list"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_job_may_not_refer_to_the_token() {
        for source in [source::TOKEN, source::TOKEN_PART] {
            let login = Some(login_by_post(login_request(source, "x")));
            let stage = Scene { login, ..Scene::new() }.play(|_, _| Ok(reply(200, &[], "")));
            let error = stage.account.send(signed()).await.unwrap_err();
            assert_eq!((error.kind, &*error.operation), (ErrorKind::BadRequest, "login"));
            assert!(stage.calls().is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_401_of_the_login_itself_is_not_answered_by_a_login() {
        let login = Some(login_by_post(login_request(source::SECRET, "client_secret")));
        let stage = Scene { login, ..Scene::new() }.play(|_, _| Ok(reply(401, &[], "")));
        assert_eq!(stage.account.send(signed()).await.unwrap_err().kind, ErrorKind::Auth);
        assert_eq!(stage.calls().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn secrets_do_not_reach_an_error_of_the_login() {
        let (scene, _) = Scene::new().with_failing_login(Error::auth("hush-hush-hush is wrong"));
        let stage = scene.play(|_, _| Err(Failure::Passing(String::new())));
        assert_eq!(stage.account.send(signed()).await.unwrap_err().message, "[REDACTED] is wrong");
        assert_eq!(stage.account.relogin().await.unwrap_err().message, "[REDACTED] is wrong");
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_token_is_no_token() {
        let login: Login = Arc::new(|_| Box::pin(std::future::ready(Ok(Token::new("", 3_600)))));
        let stage = Scene { login: Some(login), ..Scene::new() }.play(|_, _| Ok(reply(200, &[], "")));
        assert_eq!(stage.account.send(signed()).await.unwrap_err().kind, ErrorKind::BadReply);
    }

    /// Writes down what it is asked to keep, and fails where told to.
    #[derive(Default)]
    struct Diary {
        lines: Mutex<Vec<String>>,
        secrets_fail: bool,
        token_fails: bool,
    }

    impl Diary {
        fn write(&self, line: String, fails: bool) -> BoxFuture<'_, Result<(), Error>> {
            self.lines.lock().unwrap().push(line);
            let error = Error::new(ErrorKind::Unavailable, "the database is away");
            Box::pin(std::future::ready(if fails { Err(error) } else { Ok(()) }))
        }
    }

    impl TokenStore for Diary {
        fn keep_secrets<'a>(
            &'a self,
            account: &'a str,
            _: &'a BTreeMap<String, Secret>,
            rotated: &'a BTreeMap<String, Secret>,
        ) -> BoxFuture<'a, Result<(), Error>> {
            let shown: Vec<_> =
                rotated.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect();
            self.write(format!("{account} secrets {}", shown.join(",")), self.secrets_fail)
        }

        fn keep_token<'a>(
            &'a self,
            account: &'a str,
            _: Option<&'a dyn Tenure>,
            token: &'a HeldToken,
        ) -> BoxFuture<'a, Result<(), Error>> {
            self.write(format!("{account} token {}", token.value.reveal()), self.token_fails)
        }
    }

    /// A login that replaces the refresh token every time.
    fn rotating_login(name: &'static str) -> Login {
        let count = AtomicUsize::new(0);
        Arc::new(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let token =
                Token::new(format!("token-{number}"), 3_600).rotate(name, format!("refresh-{number}"));
            Box::pin(std::future::ready(Ok(token)))
        })
    }

    fn refresh() -> plugin_abi::Request {
        let mut request = signed();
        request.query = vec![field("r", source::SECRET, "refresh_token")].into();
        request
    }

    #[tokio::test(start_paused = true)]
    async fn rotated_secrets_are_kept_first_and_then_used() {
        let diary = Arc::new(Diary::default());
        let scene =
            Scene { login: Some(rotating_login("refresh_token")), store: diary.clone(), ..Scene::new() };
        let stage = scene.play(|call, _| {
            assert_eq!(call.url.query(), Some("r=refresh-1"));
            Ok(reply(200, &[], "echo refresh-1"))
        });
        assert_eq!(stage.account.send(refresh()).await.unwrap().text(), "echo [REDACTED]");
        assert_eq!(
            *diary.lines.lock().unwrap(),
            ["acme/EX1 secrets refresh_token=refresh-1", "acme/EX1 token token-1"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_cannot_be_kept_fails_but_its_rotated_secrets_are_not_lost() {
        for (secrets_fail, token_fails, lines) in [(true, false, 1), (false, true, 2)] {
            let diary = Arc::new(Diary { secrets_fail, token_fails, ..Diary::default() });
            let scene =
                Scene { login: Some(rotating_login("refresh_token")), store: diary.clone(), ..Scene::new() };
            let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
            let error = stage.account.send(signed()).await.unwrap_err();
            assert_eq!(error.to_string(), "unavailable in list: the database is away");
            assert_eq!((diary.lines.lock().unwrap().len(), stage.calls().len()), (lines, 0));
            assert_eq!(stage.account.identity.secrets()["refresh_token"].reveal(), "refresh-1");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_may_replace_only_what_the_descriptor_calls_a_secret() {
        let diary = Arc::new(Diary::default());
        let scene = Scene { login: Some(rotating_login("base_url")), store: diary.clone(), ..Scene::new() };
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        let error = stage.account.send(signed()).await.unwrap_err();
        assert!(error.kind == ErrorKind::PluginFault && error.message.contains("`base_url`"), "{error}");
        assert!(diary.lines.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_job_does_not_break_off_the_login_that_it_began() {
        let (scene, logins) = Scene::new().with_login();
        let stage = scene.play(|_, _| Ok(reply(200, &[], "")));
        let cancelled = tokio::time::timeout(Duration::from_millis(500), stage.account.send(signed())).await;
        assert!(cancelled.is_err());
        stage.account.send(signed()).await.unwrap();
        assert_eq!((logins.load(Ordering::SeqCst), stage.tokens()), (1, vec!["Bearer token-1".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_panics_is_a_plugin_fault_and_the_next_one_runs() {
        let count = AtomicUsize::new(0);
        let login: Login = Arc::new(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                assert!(number > 0, "the first login panics");
                Ok(Token::new("token-1", 3_600))
            })
        });
        let stage = Scene { login: Some(login), ..Scene::new() }.play(|_, _| Ok(reply(200, &[], "")));
        assert_eq!(stage.account.send(signed()).await.unwrap_err().kind, ErrorKind::PluginFault);
        assert_eq!(stage.account.send(signed()).await.unwrap().status, 200);
    }
}
