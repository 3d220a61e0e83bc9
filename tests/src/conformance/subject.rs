//! How a connector's marketplace looks to the suite: its settings, its login, its replies and its words. Data only, read
//! from `fixtures/suite.toml` in the connector's folder.
//!
//! ```toml
//! now = "2026-01-15T09:30:00Z"             # the run's time
//!
//! [settings]                               # {base} is the marketplace on the loopback port
//! base_url = "{base}"
//! [secrets]                                # long, invented, and nowhere else in the file
//! client_secret = "suite-bazaar-client-secret"
//!
//! [[login.steps]]                          # the calls of a login, in order: routes as below; leave out without a login
//! method = "POST"
//! path = "/oauth/token"
//! text = '{"access_token":"{token}","expires_in":3600}'
//! [[login.refused]]                        # how a login is refused; `step` counts from 1, which is the default
//! status = 401
//! text = '{"error":"invalid_client"}'
//! [[login.expired]]                        # only if a login that ran out may look otherwise than the descriptor's
//! status = 200                             # `expired_on`: what a call for data is answered with then
//! text = '{"error":"invalid_token"}'
//!
//! [places]                                 # {state} stands in replies: the place of a word, and what it normally is.
//! state = "with_courier"                   # Filled in literally: in or out of quotes, in JSON, XML or tables alike
//!
//! [[tables]]                               # a vocabulary of the descriptor, and the place where its words stand. The
//! vocabulary = "line"                      # suite puts every word of it there and looks for what the table says
//! place = "state"
//! with = { flag = "true" }                 # what stands at other places meanwhile
//! scenes = ["status"]                      # default: every scene in whose rows the place stands
//! unknown = "987654"                       # a word that is in no table; default: UNHEARD_OF_BY_THE_SUITE
//! unknown_is = "RETURN_REQUESTED"          # only if an unknown word is no UNMAPPED here; `why` must say why
//! closed = "…"                             # only if no word here can be unknown: why
//! unreached = "…"                          # only if words that have no [[tables.words]] are never reported: why
//! silent = "RETURN_REQUESTED"              # reported where the table gives a word no status; default: no status
//! [[tables.words]]                         # a word whose meaning depends on more than the table
//! word = "refused"                         # as in the table
//! put = "0"                                # what is put instead of the word itself
//! with = { flag = "false" }                # besides the table's
//! status = "DELIVERED"                     # reported instead; NONE: no status
//! why = "…"                                # needed if `status` is given
//!
//! [[routes]]                               # answers in every scene, e.g. for waybills
//! path = "/v1/waybills"
//! reply = "waybills.json"                  # a file in fixtures/
//!
//! [[scenes]]                               # a pull, and what the marketplace shows meanwhile; each task needs one
//! name = "status"                          # default: the task's
//! task = "status"
//! since = "2026-01-15T09:00:00Z"           # and `until` (default: now); or, for tasks by id:
//! orders = [{ order = "B1", items = ["L1"], packages = [], awbs = [] }]
//! settings = { api = "v0" }                # over the common ones
//! words_only = true                        # the scene is there to reach words, and for nothing else
//! unpaged = "…"                            # only if a list has no pages: why
//! denied = "…"                             # only if an account that works may be denied this call (401, 403): why. The
//!                                          # pull ends well then, reports nothing, and moves no mark
//!
//! [[scenes.rows]]                          # a route: a request, and its answer. A good answer with rows, one page
//! method = "GET"                           # the default
//! path = "/v1/orders"
//! query = { status = "open" }              # members that it must have; of several routes that fit the one that asks
//! json = { filter = { type = "a" } }       # for most answers
//! form = { a = "b" }
//! status = 200                             # the default
//! text = '{"orders":[]}'                   # or `reply`; {base}, {personal} and places are filled in
//! headers = { "x-page" = "1" }             # of the answer
//! content_type = "text/plain"              # default: by what the text looks like
//! struck = true                            # the call that the suite lets go wrong: one of `rows` at least
//! [[scenes.twice]]                         # the same rows again, each a second time: over the routes of `rows`. In a
//! path = "/v1/orders"                      # list the second time comes on a page of its own, …
//! query = { page = "2" }
//! second = true                            # … which is marked
//! [[scenes.endless]]                       # optional, before all others: pages without end; {n} is the number of the request
//! [[scenes.nothing]]                       # a sound answer without rows: over the routes of `rows`
//!
//! [[scenes]]
//! task = "delivery"
//! same_as = "pending"                      # everything but the task is as there
//! ```
//!
//! `{personal}` must stand wherever the marketplace sends data of a buyer: it is looked for in all that comes out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use plugin_api::{Millis, OrderRef, Scope, ScopeKind, Status, Task, time};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A status word that no marketplace has.
pub const UNHEARD_OF: &str = "UNHEARD_OF_BY_THE_SUITE";

/// What `{personal}` becomes: data of a buyer that must come out nowhere.
pub const PERSONAL: &str = "SUITE-BUYER-NAME-AND-STREET";

/// Names in braces that are no places.
const RESERVED: &[&str] = &["base", "token", "personal", "n"];

/// A connector's marketplace.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The run's time, UTC.
    pub now: Millis,
    /// Settings of every scene; `{base}` is the marketplace's address.
    pub settings: Map<String, Value>,
    /// Secrets, by name.
    pub secrets: BTreeMap<String, String>,
    /// How an account signs in.
    pub login: Option<Login>,
    /// The places of words in replies, and what normally stands there.
    pub places: BTreeMap<String, String>,
    /// Where the words of each vocabulary stand.
    pub tables: Vec<Table>,
    /// The pulls.
    pub scenes: Vec<Scene>,
}

/// How an account signs in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The calls, in order.
    pub steps: Vec<Route>,
    /// How a call of it is refused.
    pub refused: Vec<Refusal>,
    /// What a call for data is answered with once the login has run out, besides the descriptor's HTTP statuses.
    #[serde(default)]
    pub expired: Vec<Refusal>,
}

/// An answer that refuses.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Which step of a login, from 1.
    #[serde(default = "first")]
    pub step: usize,
    /// Its HTTP status.
    pub status: u16,
    /// Its body.
    #[serde(default)]
    pub text: String,
    /// The file of its body, in fixtures/.
    #[serde(default)]
    pub(super) reply: Option<String>,
}

/// Where the words of a vocabulary stand.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// The descriptor's name of it.
    pub vocabulary: String,
    /// The place.
    pub place: String,
    /// What stands at other places meanwhile.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Names of the scenes; empty: every one in whose rows the place stands.
    #[serde(default)]
    pub scenes: Vec<String>,
    /// A word that is in no table.
    #[serde(default = "unheard_of")]
    pub unknown: String,
    /// What an unknown word is reported as, if not UNMAPPED.
    #[serde(default)]
    pub unknown_is: Option<Status>,
    /// Why no word can be unknown.
    #[serde(default)]
    pub closed: Option<String>,
    /// Why words that are not among `words` are never reported.
    #[serde(default)]
    pub unreached: Option<String>,
    /// What is reported where the table gives no status.
    #[serde(default)]
    pub silent: Option<Status>,
    /// Why `unknown_is`.
    #[serde(default)]
    pub why: String,
    /// Words whose meaning depends on more.
    #[serde(default)]
    pub words: Vec<Word>,
}

/// A word whose meaning depends on more than its table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Word {
    /// As in the table.
    pub word: String,
    /// What is put instead.
    #[serde(default)]
    pub put: Option<String>,
    /// What stands at other places meanwhile.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// A status, or NONE, reported instead of the table's.
    #[serde(default)]
    pub status: Option<String>,
    /// Why.
    #[serde(default)]
    pub why: String,
}

/// A pull, and what the marketplace shows meanwhile.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its name.
    pub name: String,
    /// The duty.
    pub task: Task,
    /// The window or the orders.
    pub scope: Scope,
    /// Settings over the common ones.
    pub settings: Map<String, Value>,
    /// Whether it is there to reach words only.
    pub words_only: bool,
    /// Why a list has no pages.
    pub unpaged: Option<String>,
    /// Why an account that works may be denied the call.
    pub denied: Option<String>,
    /// Rows that are reported, on one page. At least one route is struck.
    pub rows: Vec<Route>,
    /// The same rows, each of them twice.
    pub twice: Vec<Route>,
    /// Pages without end.
    pub endless: Vec<Route>,
    /// A sound answer without rows.
    pub nothing: Vec<Route>,
}

/// A request that the marketplace answers, and its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The HTTP method.
    #[serde(default = "get")]
    pub method: String,
    /// The path below the marketplace's base.
    pub path: String,
    /// Query parameters that it must have.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Members that its JSON body must have.
    #[serde(default)]
    pub json: Option<Value>,
    /// Fields that its form body must have.
    #[serde(default)]
    pub form: BTreeMap<String, String>,
    /// The answer's HTTP status.
    #[serde(default = "ok")]
    pub status: u16,
    /// The answer's body.
    #[serde(default)]
    pub text: String,
    /// The file of the answer's body, in fixtures/.
    #[serde(default)]
    pub(super) reply: Option<String>,
    /// Headers of the answer.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the answer says it is.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Whether this is the call that the suite lets go wrong.
    #[serde(default)]
    pub struck: bool,
    /// Whether this is the second page.
    #[serde(default)]
    pub second: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    now: String,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    login: Option<Login>,
    #[serde(default)]
    places: BTreeMap<String, String>,
    #[serde(default)]
    tables: Vec<Table>,
    #[serde(default)]
    routes: Vec<Route>,
    scenes: Vec<SceneFile>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SceneFile {
    name: Option<String>,
    task: Task,
    same_as: Option<String>,
    since: Option<String>,
    until: Option<String>,
    orders: Option<Vec<OrderRef>>,
    #[serde(default)]
    settings: Map<String, Value>,
    #[serde(default)]
    words_only: bool,
    unpaged: Option<String>,
    denied: Option<String>,
    #[serde(default)]
    rows: Vec<Route>,
    #[serde(default)]
    twice: Vec<Route>,
    #[serde(default)]
    endless: Vec<Route>,
    #[serde(default)]
    nothing: Vec<Route>,
}

fn first() -> usize {
    1
}

fn ok() -> u16 {
    200
}

fn get() -> String {
    "GET".to_owned()
}

fn unheard_of() -> String {
    UNHEARD_OF.to_owned()
}

impl Subject {
    /// Reads `fixtures/suite.toml` in a connector's folder, and the replies that it names.
    ///
    /// # Errors
    /// A sentence that names the file, the place in it and what to do.
    pub fn read(folder: &Path) -> Result<Subject, String> {
        let fixtures = folder.join("fixtures");
        let path = fixtures.join("suite.toml");
        let named = |problem: String| format!("{}: {problem}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| {
            named(format!("{error}: the suite reads there how the marketplace looks; write one"))
        })?;
        let file: File = toml::from_str(&text).map_err(|error| named(error.to_string()))?;
        file.into_subject(&fixtures).map_err(named)
    }

    /// The scenes in whose rows the words of a table stand.
    pub fn scenes_of<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = &'a Scene> {
        let place = braced(&table.place);
        self.scenes.iter().filter(move |scene| {
            (table.scenes.is_empty() || table.scenes.contains(&scene.name))
                && scene.rows.iter().any(|route| route.text.contains(&place))
        })
    }
}

impl Refusal {
    /// An HTTP status without a body.
    pub(super) fn bare(status: u16) -> Self {
        Refusal { step: first(), status, text: String::new(), reply: None }
    }
}

impl Scene {
    /// Whether orders are asked for by id.
    pub fn scope_kind(&self) -> ScopeKind {
        match self.scope {
            Scope::Changed { .. } => ScopeKind::Changed,
            Scope::Orders(_) => ScopeKind::Orders,
        }
    }
}

impl File {
    fn into_subject(mut self, fixtures: &Path) -> Result<Subject, String> {
        let now = moment(&self.now)?;
        for route in &mut self.routes {
            route.load(fixtures)?;
        }
        if let Some(login) = &mut self.login {
            for step in &mut login.steps {
                step.load(fixtures)?;
            }
            for refusal in login.refused.iter_mut().chain(&mut login.expired) {
                load(&mut refusal.text, refusal.reply.as_deref(), fixtures)?;
            }
            check_login(login)?;
        }
        let mut scenes: Vec<Scene> = Vec::new();
        for scene in std::mem::take(&mut self.scenes) {
            let scene = scene.into_scene(now, &self.routes, &scenes, fixtures)?;
            if scenes.iter().any(|other| other.name == scene.name) {
                return Err(format!("two scenes are called `{}`: give one a `name`", scene.name));
            }
            scenes.push(scene);
        }
        let File { settings, secrets, login, places, tables, .. } = self;
        let subject = Subject { now, settings, secrets, login, places, tables, scenes };
        subject.check()?;
        Ok(subject)
    }
}

fn check_login(login: &Login) -> Result<(), String> {
    if login.refused.is_empty() || login.steps.is_empty() {
        return Err("[login]: describe `steps`, and how one is `refused`".to_owned());
    }
    if !login.steps.iter().any(|step| step.text.contains("{token}")) {
        return Err("[login]: no step's answer holds {token}".to_owned());
    }
    match login.refused.iter().find(|refusal| refusal.step == 0 || refusal.step > login.steps.len()) {
        Some(refusal) => Err(format!("[[login.refused]]: there is no step {}", refusal.step)),
        None => Ok(()),
    }
}

impl SceneFile {
    fn into_scene(
        self,
        now: Millis,
        common: &[Route],
        before: &[Scene],
        fixtures: &Path,
    ) -> Result<Scene, String> {
        let name = self.name.unwrap_or_else(|| self.task.as_str().to_owned());
        if let Some(other) = &self.same_as {
            let other = before.iter().find(|scene| scene.name == *other);
            let other =
                other.ok_or_else(|| format!("scene `{name}`: no scene before it is the one of `same_as`"))?;
            return Ok(Scene { name, task: self.task, ..other.clone() });
        }
        let scope = match (self.since, self.orders) {
            (Some(since), None) => {
                let until = self.until.map_or(Ok(now), |until| moment(&until))?;
                Scope::Changed { since: moment(&since)?, until }
            }
            (None, Some(orders)) if !orders.is_empty() => Scope::Orders(orders),
            _ => return Err(format!("scene `{name}`: give `since`, or `orders`")),
        };
        let loaded = |mut routes: Vec<Route>| -> Result<Vec<Route>, String> {
            for route in &mut routes {
                route.load(fixtures).map_err(|problem| format!("scene `{name}`: {problem}"))?;
            }
            Ok(routes)
        };
        let mut rows = loaded(self.rows)?;
        rows.extend(common.iter().cloned());
        let (twice, endless, nothing) = (loaded(self.twice)?, loaded(self.endless)?, loaded(self.nothing)?);
        if !rows.iter().any(|route| route.struck) {
            return Err(format!("scene `{name}`: mark the call for its rows with `struck = true`"));
        }
        Ok(Scene {
            task: self.task,
            scope,
            settings: self.settings,
            words_only: self.words_only,
            unpaged: self.unpaged,
            denied: self.denied,
            rows,
            twice,
            endless,
            nothing,
            name,
        })
    }
}

impl Subject {
    /// That names lead somewhere.
    fn check(&self) -> Result<(), String> {
        let texts: Vec<&str> = self.scenes.iter().flat_map(Scene::texts).collect();
        for place in self.places.keys() {
            if RESERVED.contains(&place.as_str()) {
                return Err(format!("[places]: {{{place}}} is the suite's own: call the place otherwise"));
            }
            if !texts.iter().any(|text| text.contains(&braced(place))) {
                return Err(format!("[places]: {{{place}}} stands in no reply"));
            }
        }
        let known = |place: &String| {
            let is_known = self.places.contains_key(place);
            is_known.then_some(()).ok_or_else(|| format!("[[tables]]: `{place}` is not among [places]"))
        };
        for table in &self.tables {
            known(&table.place)?;
            for place in table.with.keys().chain(table.words.iter().flat_map(|word| word.with.keys())) {
                known(place)?;
            }
            table.check()?;
            let names: BTreeSet<&str> = self.scenes.iter().map(|scene| scene.name.as_str()).collect();
            if let Some(name) = table.scenes.iter().find(|name| !names.contains(name.as_str())) {
                return Err(format!("table `{}`: there is no scene `{name}`", table.vocabulary));
            }
            if self.scenes_of(table).next().is_none() {
                return Err(format!(
                    "table `{}`: {{{}}} stands in the `rows` of no scene",
                    table.vocabulary, table.place
                ));
            }
        }
        Ok(())
    }
}

impl Table {
    fn check(&self) -> Result<(), String> {
        let vocabulary = &self.vocabulary;
        if self.unknown_is.is_some() && self.why.trim().is_empty() {
            return Err(format!("table `{vocabulary}`: `unknown_is` needs a `why`"));
        }
        for word in &self.words {
            let Some(status) = &word.status else { continue };
            if word.why.trim().is_empty() {
                return Err(format!("table `{vocabulary}`, word `{}`: `status` needs a `why`", word.word));
            }
            if status != "NONE" && Status::parse(status).is_none() {
                return Err(format!("table `{vocabulary}`, word `{}`: `{status}` is no status", word.word));
            }
        }
        Ok(())
    }
}

impl Scene {
    /// Every reply.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let routes = [&self.rows, &self.twice, &self.endless, &self.nothing];
        routes.into_iter().flatten().map(|route| route.text.as_str())
    }
}

impl Route {
    fn load(&mut self, fixtures: &Path) -> Result<(), String> {
        load(&mut self.text, self.reply.as_deref(), fixtures)
    }
}

/// Reads the reply that a route names, if it names one.
fn load(text: &mut String, reply: Option<&str>, fixtures: &Path) -> Result<(), String> {
    let Some(name) = reply else { return Ok(()) };
    if !text.is_empty() {
        return Err(format!("`{name}`: give `reply` or `text`, not both"));
    }
    *text = fs::read_to_string(fixtures.join(name)).map_err(|error| format!("fixtures/{name}: {error}"))?;
    Ok(())
}

fn moment(text: &str) -> Result<Millis, String> {
    time::iso(text, 0).ok_or_else(|| format!("`{text}` is no time such as 2026-01-15T09:30:00Z"))
}

/// A name as it stands in replies.
pub(super) fn braced(name: &str) -> String {
    format!("{{{name}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        now = "2026-01-15T09:30:00Z"
        [places]
        state = "SHIPPED"
        [[tables]]
        vocabulary = "line"
        place = "state"
        [[scenes]]
        task = "status"
        since = "2026-01-15T09:00:00Z"
        [[scenes.rows]]
        path = "/orders"
        text = '[{"state":"{state}"}]'
        struck = true
    "#;

    fn read(text: &str) -> Result<Subject, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        file.into_subject(Path::new("/nowhere"))
    }

    #[test]
    fn a_scene_is_called_after_its_task_and_ends_now() {
        let subject = read(SOUND).unwrap();
        let [scene] = subject.scenes.as_slice() else { panic!("{:?}", subject.scenes) };
        assert_eq!((scene.name.as_str(), scene.rows[0].method.as_str()), ("status", "GET"));
        let half_an_hour = Scope::Changed { since: subject.now - 1_800_000, until: subject.now };
        assert_eq!(scene.scope, half_an_hour);
        assert_eq!(subject.scenes_of(&subject.tables[0]).count(), 1);
    }

    #[test]
    fn a_scene_may_be_as_another() {
        let subject =
            read(&format!("{SOUND}\n[[scenes]]\ntask = \"returns\"\nsame_as = \"status\"")).unwrap();
        assert_eq!((subject.scenes[1].name.as_str(), subject.scenes[1].task), ("returns", Task::Returns));
        assert_eq!(subject.scenes[1].rows[0].path, "/orders");
    }

    #[test]
    fn what_leads_nowhere_is_refused_with_what_to_do() {
        for (from, to, said) in [
            ("struck", "stuck", "unknown field `stuck`"),
            ("struck = true", "", "mark the call for its rows with `struck = true`"),
            ("{state}", "{stat}", "{state} stands in no reply"),
            ("state = \"SHIPPED\"", "base = \"x\"", "{base} is the suite's own"),
            ("place = \"state\"", "place = \"other\"", "`other` is not among [places]"),
            ("place = \"state\"", "place = \"state\"\nscenes = [\"x\"]", "there is no scene `x`"),
            ("place = \"state\"", "place = \"state\"\nunknown_is = \"LOST\"", "`unknown_is` needs a `why`"),
            ("since = \"2026-01-15T09:00:00Z\"", "", "give `since`, or `orders`"),
            ("09:30:00Z", "half past nine", "is no time such as"),
            ("text = '[", "reply = \"rows.json\"\ntext = '[", "give `reply` or `text`, not both"),
        ] {
            let problem = read(&SOUND.replace(from, to)).expect_err(said);
            assert!(problem.contains(said), "{problem}");
        }
        let twice = format!("{SOUND}\n[[scenes]]\ntask = \"status\"\nsame_as = \"status\"");
        assert!(read(&twice).unwrap_err().contains("two scenes are called `status`"));
        let login =
            format!("{SOUND}\n[login]\nsteps = [{{ path = \"/t\" }}]\nrefused = [{{ status = 401 }}]");
        assert!(read(&login).unwrap_err().contains("no step's answer holds {token}"));
    }

    #[test]
    fn a_folder_without_a_file_is_told_what_belongs_there() {
        let problem = Subject::read(Path::new("/nowhere")).unwrap_err();
        assert!(
            problem.contains("/nowhere/fixtures/suite.toml") && problem.contains("write one"),
            "{problem}"
        );
    }
}
