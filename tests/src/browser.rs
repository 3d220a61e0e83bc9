//! A real browser for the tests of pages: Chromium, driven over WebDriver, that finds things as a person names them.
//!
//! What is clicked or filled is found by its role and its name in the accessibility tree, so that a test that passes also
//! shows that a screen reader can say what is there. Nothing here knows what the pages are about. Waiting is for something
//! to be true, within [`PATIENCE`].

mod axe;
mod driver;
mod look;
mod small;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
pub use thirtyfour::Key;
use thirtyfour::{
    By, ChromiumLikeCapabilities as _, DesiredCapabilities, TypingData, WebDriver, WebElement,
    common::types::ElementRect,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{MissedTickBehavior, interval},
};

pub use look::{Look, Size, Theme};

/// The longest that anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long the browser may take for one thing that it is told.
const ANSWER: Duration = Duration::from_secs(30);
/// How often a page is looked at while something is waited for.
const GLANCE: Duration = Duration::from_millis(40);

/// One window at a time: two that are busy at once make each other wait, and now and then for ever.
static TURN: Semaphore = Semaphore::const_new(1);

/// A window of a browser that has never been anywhere: no cookies, no cache.
///
/// Call [`Browser::close`] at the end. If a test fails before, the browser ends with the test's process.
#[derive(Debug)]
pub struct Browser {
    driver: WebDriver,
    _turn: SemaphorePermit<'static>,
}

/// Something on a page, as a screen reader would say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// Its role: `button`, `link`, `textbox`, `checkbox`, `combobox`, `heading`, …
    pub role: String,
    /// Its name.
    pub name: String,
}

/// Does a test, and does it again from its beginning, in another window, if the browser does not answer any more.
///
/// Now and then Chromium never answers a command that came while a page was being replaced, and its window answers nothing from
/// then on. That says nothing of the page: one that is wrong is told of, and is not tried again.
///
/// # Errors
/// What the test fails with.
pub async fn in_a_window(test: impl AsyncFn() -> Result<()>) -> Result<()> {
    match test().await {
        Err(error) if is_lost(&error) => {
            eprintln!("the browser does not answer any more, so once more in another window: {error:#}");
            test().await
        }
        ended => ended,
    }
}

/// Whether a command to a window was not answered in time. The text is reqwest's, the address WebDriver's.
fn is_lost(error: &anyhow::Error) -> bool {
    error
        .chain()
        .map(ToString::to_string)
        .any(|cause| cause.contains("error sending request for url") && cause.contains("/session/"))
}

impl Browser {
    /// Opens a window.
    ///
    /// # Errors
    /// If there is no browser to be had, saying what to do.
    pub async fn open() -> Result<Browser> {
        let turn = TURN.acquire().await?;
        let url = driver::of_this_process().map_err(|error| anyhow::anyhow!("{error}"))?;
        let mut wanted = DesiredCapabilities::chrome();
        for argument in driver::ARGUMENTS {
            wanted.add_arg(argument)?;
        }
        // One that this process has chosen already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build()?;
        let opening = async || WebDriver::builder(url, wanted.clone()).client(client.clone()).await;
        // A browser that does not open is given up; another one usually does.
        let driver = match tokio::time::timeout(ANSWER, opening()).await {
            Ok(Ok(driver)) => driver,
            _ => tokio::time::timeout(ANSWER, opening()).await?.context("no browser window opens")?,
        };
        let browser = Browser { driver, _turn: turn };
        browser.look(Look::default()).await?;
        Ok(browser)
    }

    /// Closes the window.
    ///
    /// # Errors
    /// If the browser is gone already.
    pub async fn close(self) -> Result<()> {
        // One that does not answer any more ends with the process; what the test looked at was there.
        match tokio::time::timeout(ANSWER, self.driver.clone().quit()).await {
            Ok(quit) => Ok(quit?),
            Err(_) => Ok(()),
        }
    }

    /// Goes to an address and waits until the page is loaded.
    ///
    /// # Errors
    /// If nothing answers there.
    pub async fn goto(&self, url: &str) -> Result<()> {
        self.driver.goto(url).await.with_context(|| format!("{url} cannot be shown"))
    }

    /// The address of the page.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn url(&self) -> Result<String> {
        Ok(self.driver.current_url().await?.to_string())
    }

    /// The title of the page.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn title(&self) -> Result<String> {
        Ok(self.driver.title().await?)
    }

    /// The text of the page as it is seen.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn text(&self) -> Result<String> {
        self.text_of("body").await
    }

    /// The text of the first thing that a CSS selector finds, as it is seen.
    ///
    /// # Errors
    /// If there is no such thing.
    pub async fn text_of(&self, selector: &str) -> Result<String> {
        let script = "return document.querySelector(arguments[0])?.innerText";
        let told = self.driver.execute(script, vec![json!(selector)]).await?;
        let text = told.json().as_str().map(str::to_owned);
        text.with_context(|| format!("the page has no `{selector}`"))
    }

    /// What a piece of JavaScript returns. It runs where scripts of pages are switched off, too.
    ///
    /// # Errors
    /// If it throws.
    pub async fn evaluate(&self, script: &str) -> Result<Value> {
        Ok(self.driver.execute(script, Vec::new()).await?.json().clone())
    }

    /// Switches the pages' own scripts off or on.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn scripts(&self, on: bool) -> Result<()> {
        self.tell("Emulation.setScriptExecutionDisabled", json!({"value": !on})).await?;
        Ok(())
    }

    /// Clicks what has this role and name, once it is there. What it leads to may take a moment: wait for what it shows.
    ///
    /// # Errors
    /// If it does not appear, or cannot be clicked.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        let clicking = self.patiently(role, name, async |found| found.click().await);
        clicking.await.with_context(|| format!("the {role} `{name}` cannot be clicked"))
    }

    /// Writes into the field with this label, instead of what it holds.
    ///
    /// # Errors
    /// If it does not appear, or takes no text.
    pub async fn fill(&self, label: &str, text: &str) -> Result<()> {
        let filling = self.patiently("textbox", label, async |found| {
            found.clear().await?;
            found.send_keys(text).await
        });
        filling.await.with_context(|| format!("the field `{label}` cannot be filled"))
    }

    /// Chooses the option with this text in the list with this label.
    ///
    /// # Errors
    /// If either is not there.
    pub async fn choose(&self, label: &str, option: &str) -> Result<()> {
        let list = self.find("combobox", label).await?;
        for row in list.find_all(By::Tag("option")).await? {
            if row.text().await?.trim() == option {
                return Ok(row.click().await?);
            }
        }
        bail!("the list `{label}` has no option `{option}`: {}", list.text().await?)
    }

    /// Presses keys, where the keyboard is.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn press(&self, keys: impl Into<TypingData>) -> Result<()> {
        Ok(self.driver.action_chain().send_keys(keys).perform().await?)
    }

    /// Where the keyboard is.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn focused(&self) -> Result<Thing> {
        let focused = self.driver.active_element().await?;
        let object = focused.cdp_remote_object_id().await?;
        let told = self
            .tell("Accessibility.getPartialAXTree", json!({"objectId": object, "fetchRelatives": false}))
            .await?;
        Ok(thing(&told["nodes"][0]))
    }

    /// Presses Tab until the keyboard is at what has this role and name.
    ///
    /// # Errors
    /// If it does not get there within 200 steps, saying where it came by.
    pub async fn tab_to(&self, role: &str, name: &str) -> Result<()> {
        let mut passed = String::new();
        for _ in 0..200 {
            self.press(Key::Tab).await?;
            let here = self.focused().await?;
            if here.role == role && here.name == name {
                return Ok(());
            }
            // Writing to a String cannot fail.
            let _ = write!(passed, "\n  {} `{}`", here.role, here.name);
        }
        bail!("the keyboard does not get to the {role} `{name}`; it came by{passed}")
    }

    /// Everything on the page that a screen reader tells, from top to bottom.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn things(&self) -> Result<Vec<Thing>> {
        let told = self.tell("Accessibility.getFullAXTree", json!({})).await?;
        let nodes = told["nodes"].as_array().cloned().unwrap_or_default();
        Ok(nodes.iter().filter(|node| node["ignored"] != true).map(thing).collect())
    }

    /// Whether something with this role and name is there now.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn has(&self, role: &str, name: &str) -> Result<bool> {
        Ok(!self.nodes(role, name).await?.is_empty())
    }

    /// Where something with this role and name is on the page, once it is there, in CSS pixels.
    ///
    /// # Errors
    /// If it does not appear.
    pub async fn place_of(&self, role: &str, name: &str) -> Result<ElementRect> {
        Ok(self.find(role, name).await?.rect().await?)
    }

    /// What has this role and name, once it is there.
    ///
    /// # Errors
    /// If it does not appear, saying what is there instead.
    pub async fn find(&self, role: &str, name: &str) -> Result<WebElement> {
        let deadline = Instant::now() + PATIENCE;
        let mut glances = glances();
        loop {
            glances.tick().await;
            // A page that just goes away may answer anything.
            let found = self.find_now(role, name).await;
            if let Ok(Some(element)) = found {
                return Ok(element);
            }
            if Instant::now() > deadline {
                let there = self.things().await?;
                let rows = there.iter().filter(|thing| thing.role == role).map(|thing| thing.name.as_str());
                let rows: Vec<&str> = rows.collect();
                bail!(
                    "{}: there is no {role} `{name}`, only {rows:?} ({:?})",
                    self.url().await?,
                    found.err()
                );
            }
        }
    }

    /// Waits until the page's text holds this.
    ///
    /// # Errors
    /// If it does not come, with the text that is there.
    pub async fn until_text(&self, wanted: &str) -> Result<()> {
        self.until(wanted, async || Ok(self.text().await?.contains(wanted))).await
    }

    /// Waits until something is so.
    ///
    /// # Errors
    /// If it does not become so within [`PATIENCE`], with the text of the page.
    pub async fn until(&self, what: &str, is: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut glances = glances();
        loop {
            glances.tick().await;
            let answer = is().await;
            if matches!(answer, Ok(true)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let (url, text) = (self.url().await?, self.text().await?);
                answer?;
                bail!("{url}: waited in vain for: {what}\n{text}");
            }
        }
    }

    /// Does something with what has this role and name; once more, if the page was replaced meanwhile.
    async fn patiently(
        &self,
        role: &str,
        name: &str,
        act: impl AsyncFn(WebElement) -> thirtyfour::error::WebDriverResult<()>,
    ) -> Result<()> {
        let first = act(self.find(role, name).await?).await;
        if first.is_ok() {
            return Ok(());
        }
        Ok(act(self.find(role, name).await?).await?)
    }

    async fn find_now(&self, role: &str, name: &str) -> Result<Option<WebElement>> {
        let nodes = self.nodes(role, name).await?;
        let Some(node) = nodes.first() else { return Ok(None) };
        let told = self.tell("DOM.resolveNode", json!({"backendNodeId": node})).await?;
        // WebDriver names elements in its own way: a mark that both can see leads from one name to the other.
        let call = |code: &str| json!({"objectId": told["object"]["objectId"], "functionDeclaration": code});
        let mark = call("function() { this.setAttribute('data-kit-found', '') }");
        self.tell("Runtime.callFunctionOn", mark).await?;
        let element = self.driver.find(By::Css("[data-kit-found]")).await;
        let wipe = call("function() { this.removeAttribute('data-kit-found') }");
        self.tell("Runtime.callFunctionOn", wipe).await?;
        Ok(Some(element?))
    }

    /// The DOM's numbers of what has this role and name.
    async fn nodes(&self, role: &str, name: &str) -> Result<Vec<i64>> {
        let document = self.tell("DOM.getDocument", json!({"depth": 0})).await?;
        let root = &document["root"]["backendNodeId"];
        let asked = json!({"backendNodeId": root, "role": role, "accessibleName": name});
        let told = self.tell("Accessibility.queryAXTree", asked).await?;
        let nodes = told["nodes"].as_array().cloned().unwrap_or_default();
        let seen = nodes.iter().filter(|node| node["ignored"] != true);
        Ok(seen.filter_map(|node| node["backendDOMNodeId"].as_i64()).collect())
    }

    /// Sends a command of the browser's own protocol.
    async fn tell(&self, command: &str, parameters: Value) -> Result<Value> {
        Ok(self.driver.cdp().send_raw(command, parameters).await?)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A window that is still open stays so until the process ends: closing it would need this thread, which is dropping.
        let _ = self.driver.clone().leak();
    }
}

fn thing(node: &Value) -> Thing {
    let text = |part: &str| node[part]["value"].as_str().unwrap_or_default().to_owned();
    Thing { role: text("role"), name: text("name") }
}

fn glances() -> tokio::time::Interval {
    let mut glances = interval(GLANCE);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    glances
}
