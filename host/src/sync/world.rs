//! The world that a connector's job runs in: its account on the fetcher, its settings, and the host's time.
//!
//! Accounts are kept between runs, so that a token is shared by all runs of a channel; one whose channel was changed is
//! made anew. So is one that was not used for long, if there are very many: its token is in the store.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use lru::LruCache;
use plugin_api::{Error, ErrorKind, Job, Millis, Reply, Setting, SettingKind, Token, Work};
use serde_json::{Map, Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::{Engine, SyncError};
use crate::{
    domain::{
        codes::{ChannelCode, TenantCode},
        snapshot::Channel,
    },
    fetch::{
        Account, AccountSetup, Exchange, Fetcher, HeldToken, Login, LoginSender, NotKept, Notice, Observer,
        Tenure, TokenStore, breakers_of,
    },
    kept::{fence, lease_lost, open_breakers},
    plugins::{Connector, drive},
    secrets::Secret,
    storage::{Counts, Moment, Store, StoreError, Timeline},
};

/// Waits that are shorter are not told, in milliseconds.
const WORTH_TELLING_MS: u64 = 1_000;
/// How long a login, or a look at settings, may take.
const QUICK_JOB: Duration = Duration::from_mins(2);
/// Under this key a connector finds the names of the secrets that its channel has.
const PRESENT_SECRETS: &str = "_secrets";

/// Accounts that are kept, some 3 KiB each. More than runs at once, so that none is given up in mid-run.
const ACCOUNTS_KEPT: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

/// The accounts used last, by tenant and channel, each with what it was made from.
pub(super) struct Accounts(Mutex<Known>);

impl Default for Accounts {
    fn default() -> Self {
        Accounts(Mutex::new(Known::new(ACCOUNTS_KEPT)))
    }
}

type Known = LruCache<(TenantCode, ChannelCode), (u64, Arc<Account>)>;

/// Counts what a run sends, and notes when.
#[derive(Debug)]
pub(super) struct Calls {
    began: Instant,
    sent: AtomicU64,
    again: AtomicU64,
    last: Mutex<Option<Exchange>>,
    timeline: Mutex<Timeline>,
}

impl Default for Calls {
    fn default() -> Self {
        Calls {
            began: Instant::now(),
            sent: AtomicU64::default(),
            again: AtomicU64::default(),
            last: Mutex::default(),
            timeline: Mutex::default(),
        }
    }
}

impl Calls {
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(super) fn again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }

    /// The last attempt since this was last asked for.
    pub(super) fn take_last(&self) -> Option<Exchange> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What was done so far, moment by moment.
    pub(super) fn timeline(&self) -> Timeline {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a page that has just been written.
    pub(super) fn page(&self, took: Duration, counts: &Counts) {
        let took_ms = millis(took);
        self.note(|now_ms| Moment::Page {
            at_ms: now_ms.saturating_sub(took_ms),
            took_ms,
            read: counts.polled,
            applied: counts.applied,
        });
    }

    fn note(&self, moment: impl FnOnce(u64) -> Moment) {
        let moment = moment(millis(self.began.elapsed()));
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner).add(moment);
    }

    fn count(&self, exchange: &Exchange) {
        let &Exchange { waited_ms, took_ms, attempt, status, .. } = exchange;
        self.note(|now_ms| Moment::Call {
            at_ms: now_ms.saturating_sub(waited_ms + took_ms),
            waited_ms,
            took_ms,
            operation: exchange.operation.clone(),
            attempt,
            status,
        });
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange.clone());
        self.sent.fetch_add(1, Ordering::Relaxed);
        if exchange.attempt > 1 {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Tells a run's counter, and whoever watches, about each attempt.
pub(super) fn observer(calls: Arc<Calls>, watch: Option<super::Watch>) -> Observer {
    Arc::new(move |notice| {
        let exchange = match notice {
            Notice::Ended(exchange) => exchange,
            Notice::Waits { operation, wait } => {
                let millis = millis(wait);
                if millis > WORTH_TELLING_MS
                    && let Some(watch) = &watch
                {
                    watch(super::Progress::Waiting { operation: operation.to_owned(), millis });
                }
                return;
            }
        };
        calls.count(exchange);
        tracing::debug!(
            operation = exchange.operation,
            target = exchange.target,
            status = exchange.status,
            took_ms = exchange.took_ms,
            waited_ms = exchange.waited_ms,
            attempt = exchange.attempt,
            "sent"
        );
    })
}

/// An account as a job's world.
pub(super) struct World {
    account: Account,
    observer: Option<Observer>,
    tenure: Option<Arc<dyn Tenure>>,
}

impl World {
    /// The world of jobs whose attempts are told to `observer` and leave while `tenure` lasts.
    pub(super) fn of(
        account: &Account,
        observer: Option<Observer>,
        tenure: Option<Arc<dyn Tenure>>,
    ) -> World {
        World { account: account.for_job(observer.clone(), tenure.clone()), observer, tenure }
    }

    /// The same world for another job.
    pub(super) fn again(&self) -> World {
        World::of(&self.account, self.observer.clone(), self.tenure.clone())
    }
}

impl drive::Outside for World {
    fn send(&self, request: plugin_abi::Request) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(self.account.send(request))
    }
    fn relogin(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.account.relogin())
    }
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The world of a login job.
struct LoginWorld(LoginSender);

impl drive::Outside for LoginWorld {
    fn send(&self, request: plugin_abi::Request) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(self.0.send(request))
    }
    fn relogin(&self) -> BoxFuture<'_, Result<(), Error>> {
        let refused = Error::new(ErrorKind::PluginFault, "a login asked for another login");
        Box::pin(std::future::ready(Err(refused)))
    }
    fn sleep(&self, wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

/// The world of a job that sends nothing.
struct NoWorld;

impl drive::Outside for NoWorld {
    fn send(&self, _: plugin_abi::Request) -> BoxFuture<'_, Result<Reply, Error>> {
        let refused = Error::new(ErrorKind::PluginFault, "a look at settings sends nothing");
        Box::pin(std::future::ready(Err(refused)))
    }
    fn relogin(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Settings as a connector gets them: defaults filled in, ids as text, without secrets but with the names of those there
/// are.
pub(super) fn settings_for(connector: &Connector, given: &Map<String, Value>, secrets: &[String]) -> Value {
    let declared = |name: &str| connector.descriptor.settings.iter().find(|setting| setting.name == name);
    let defaults = connector.descriptor.settings.iter().filter(|setting| !setting.secret);
    let mut settings: Map<String, Value> =
        defaults.filter_map(|setting| Some((setting.name.clone(), setting.default.clone()?))).collect();
    for (name, value) in given {
        match declared(name) {
            Some(Setting { secret: true, .. }) => {}
            Some(Setting { kind: SettingKind::Text | SettingKind::Choice(_), .. }) => {
                let text = match value {
                    Value::Number(number) => Value::String(number.to_string()),
                    other => other.clone(),
                };
                settings.insert(name.clone(), text);
            }
            _ => {
                settings.insert(name.clone(), value.clone());
            }
        }
    }
    if !secrets.is_empty() {
        settings.insert(PRESENT_SECRETS.to_owned(), json!(secrets));
    }
    Value::Object(settings)
}

/// The URLs among the settings, defaults included, by the setting's name.
pub(super) fn urls(connector: &Connector, given: &Map<String, Value>) -> BTreeMap<String, String> {
    connector
        .descriptor
        .settings
        .iter()
        .filter(|setting| setting.kind == SettingKind::Url)
        .filter_map(|setting| {
            let value = given.get(&setting.name).or(setting.default.as_ref())?.as_str()?;
            (!value.is_empty()).then(|| (setting.name.clone(), value.to_owned()))
        })
        .collect()
}

/// Runs a job that sends nothing.
pub(super) async fn quick_job(
    connector: &Arc<Connector>,
    settings: &Map<String, Value>,
    secrets: &[String],
    work: Work,
    now: Millis,
) -> Result<(), Error> {
    let job = Job { now, settings: settings_for(connector, settings, secrets), work };
    let (pages, _none) = mpsc::channel(1);
    drive::run(connector, &job, &NoWorld, &pages, QUICK_JOB).await.map(drop)
}

/// What an account is made from, besides the connector.
pub(super) struct Credentials {
    pub(super) key: String,
    pub(super) settings: Map<String, Value>,
    pub(super) secrets: BTreeMap<String, Secret>,
    pub(super) token: Option<HeldToken>,
    pub(super) store: Arc<dyn TokenStore>,
}

impl Credentials {
    /// For a run that stands alone.
    pub(super) fn alone(settings: Map<String, Value>, secrets: BTreeMap<String, Secret>) -> Self {
        Credentials { key: "try".to_owned(), settings, secrets, token: None, store: Arc::new(NotKept) }
    }

    pub(super) fn secret_names(&self) -> Vec<String> {
        self.secrets.keys().cloned().collect()
    }
}

/// An account of a connector.
///
/// # Errors
/// `config`, if a URL setting cannot be read.
pub(super) fn account(
    fetcher: &Arc<Fetcher>,
    connector: &Arc<Connector>,
    credentials: Credentials,
    now: impl Fn() -> Millis + Send + Sync + 'static,
) -> Result<Account, Error> {
    let urls = urls(connector, &credentials.settings);
    let login = connector.descriptor.auth.login.then(|| {
        let connector = Arc::clone(connector);
        let settings = settings_for(&connector, &credentials.settings, &credentials.secret_names());
        let login: Login = Arc::new(move |sender| {
            let job = Job { now: now(), settings: settings.clone(), work: Work::Login };
            let connector = Arc::clone(&connector);
            Box::pin(async move {
                let (pages, _none) = mpsc::channel(1);
                let end = drive::run(&connector, &job, &LoginWorld(sender), &pages, QUICK_JOB).await?;
                serde_json::from_str::<Token>(&end)
                    .map_err(|_| Error::new(ErrorKind::PluginFault, "the login returned no token"))
            })
        });
        login
    });
    Account::new(
        Arc::clone(fetcher),
        AccountSetup {
            key: credentials.key,
            descriptor: &connector.descriptor,
            urls,
            secrets: credentials.secrets,
            token: credentials.token,
            login,
            store: credentials.store,
        },
    )
}

impl Engine {
    /// The account of a channel, kept from an earlier run unless the channel or its connector has changed.
    pub(super) async fn account(
        &self,
        tenant: &TenantCode,
        channel: &Channel,
        connector: &Arc<Connector>,
        secrets: &BTreeMap<String, Secret>,
    ) -> Result<(Arc<Account>, Vec<String>), AccountError> {
        let id = &connector.descriptor.id;
        let concerned = breakers_of(&format!("{tenant}/{}", channel.code), id);
        for open in open_breakers(&*self.store, Some(&concerned)).await.map_err(SyncError::from)? {
            self.fetcher.learn_breaker(open);
        }
        let names: Vec<String> = secrets.keys().cloned().collect();
        let made_from = fingerprint(channel, connector, secrets);
        let key = (tenant.clone(), channel.code.clone());
        if let Some((known, account)) = self.accounts().get(&key)
            && *known == made_from
        {
            return Ok((Arc::clone(account), names));
        }
        let kept =
            Kept { store: Arc::clone(&self.store), tenant: tenant.clone(), channel: channel.code.clone() };
        let credentials = Credentials {
            key: format!("{tenant}/{}", channel.code),
            settings: channel.settings.clone(),
            token: kept.load().await.map_err(SyncError::from)?,
            secrets: secrets.clone(),
            store: Arc::new(kept),
        };
        let clock = Arc::clone(&self.clock);
        let account = account(&self.fetcher, connector, credentials, move || clock.now_ms())?;
        let account = Arc::new(account);
        self.accounts().put(key, (made_from, Arc::clone(&account)));
        Ok((account, names))
    }

    fn accounts(&self) -> MutexGuard<'_, Known> {
        self.accounts.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a channel has no account.
pub(super) enum AccountError {
    Sync(SyncError),
    Connector(Error),
}

impl From<SyncError> for AccountError {
    fn from(error: SyncError) -> Self {
        AccountError::Sync(error)
    }
}

impl From<Error> for AccountError {
    fn from(error: Error) -> Self {
        AccountError::Connector(error)
    }
}

/// Tells whether an account that was made before still fits. Lives as long as the process.
fn fingerprint(channel: &Channel, connector: &Connector, secrets: &BTreeMap<String, Secret>) -> u64 {
    let mut hasher = DefaultHasher::new();
    connector.sha256.hash(&mut hasher);
    serde_json::to_string(&channel.settings).unwrap_or_default().hash(&mut hasher);
    for (name, secret) in secrets {
        (name, secret.reveal()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Keeps tokens and rotated secrets in the store.
struct Kept {
    store: Arc<dyn Store>,
    tenant: TenantCode,
    channel: ChannelCode,
}

impl Kept {
    async fn load(&self) -> Result<Option<HeldToken>, StoreError> {
        let Some((text, renew_at_ms)) = self.store.token(&self.tenant, &self.channel).await? else {
            return Ok(None);
        };
        let Ok((value, parts)) = serde_json::from_str::<(String, BTreeMap<String, String>)>(text.reveal())
        else {
            return Ok(None);
        };
        let parts = parts.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        Ok(Some(HeldToken { value: Secret::new(value), parts, renew_at_ms }))
    }

    fn failed(what: &str, error: &StoreError) -> Error {
        match error {
            StoreError::LeaseLost { .. } => lease_lost(),
            error => Error::new(ErrorKind::Unavailable, format!("{what} could not be kept: {error}")),
        }
    }
}

impl TokenStore for Kept {
    fn keep_secrets<'a>(
        &'a self,
        account: &'a str,
        replaced: &'a BTreeMap<String, Secret>,
        rotated: &'a BTreeMap<String, Secret>,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let kept = self.store.replace_secrets(&self.tenant, &self.channel, replaced, rotated).await;
            match kept {
                Ok(true) => {}
                Ok(false) => tracing::warn!(
                    account,
                    "secrets that the marketplace replaced were replaced here too since: ours are kept"
                ),
                Err(error) => {
                    return Err(Kept::failed("secrets that the marketplace replaced", &error));
                }
            }
            Ok(())
        })
    }

    fn keep_token<'a>(
        &'a self,
        _: &'a str,
        tenure: Option<&'a dyn Tenure>,
        token: &'a HeldToken,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            // Without a hold on the channel nothing of it is written.
            let Some(tenure) = tenure else { return Err(lease_lost()) };
            let parts: BTreeMap<&str, &str> =
                token.parts.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect();
            let text = Secret::new(json!((token.value.reveal(), parts)).to_string());
            let kept = self.store.put_token(&fence(tenure), &text, token.renew_at_ms).await;
            kept.map_err(|error| Kept::failed("the account token", &error))
        })
    }
}
