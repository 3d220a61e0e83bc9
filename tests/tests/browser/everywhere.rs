//! What holds on every page: nothing keeps people out, in any look, with or without scripts.

use anyhow::{Context as _, Result};
use kit::{
    browser::{Browser, Look},
    showcase::{NEWCOMER, SELLER, Showcase},
};

/// Every page that one can go to without knowing more than the tenant.
pub(crate) const PAGES: &[&str] = &[
    "",
    "/orders",
    "/attention",
    "/tasks",
    "/tasks/TC1/status",
    "/runs",
    "/channels",
    "/channels/TC1",
    "/add-channel",
    "/add-channel/flipkart",
    "/connectors",
    "/connectors/flipkart",
    "/settings",
    "/settings/facilities",
    "/settings/sequences",
    "/settings/stock",
    "/settings/keys",
    "/settings/webhooks",
    "/settings/people",
    "/settings/log",
];

pub(crate) fn page_of(tenant: &str, page: &str) -> String {
    format!("/console/t/{tenant}{page}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_keeps_people_out_of_any_page_in_any_look() -> Result<()> {
    let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
    for look in Look::ALL {
        browser.look(look).await?;
        browser.goto(&showcase.url("/console/sign-in")).await?;
        browser.axe().await?;
    }
    showcase.sign_in(&browser, "admin").await?;
    let failed = failed_run(&showcase, &browser).await?;
    let full = PAGES.iter().map(|page| page_of(SELLER, page)).chain([failed, "/console/tenants".to_owned()]);
    let empty = PAGES.iter().filter(|page| !page.contains("TC1")).map(|page| page_of(NEWCOMER, page));
    let mut found = Vec::new();
    for page in full.chain(empty).chain(["/console/password".to_owned(), "/console/nowhere".to_owned()]) {
        for look in Look::ALL {
            browser.look(look).await?;
            browser.goto(&showcase.url(&page)).await?;
            if let Err(error) = browser.axe().await {
                found.push(format!("{look:?}: {error:#}"));
            }
            let out = browser.sticks_out_by().await?;
            if out > 0 {
                found.push(format!("{look:?}: {page} is {out} pixels too wide"));
            }
        }
    }
    anyhow::ensure!(found.is_empty(), "{}", found.join("\n"));
    browser.close().await
}

/// The address of the page about the run that failed last.
pub(crate) async fn failed_run(showcase: &Showcase, browser: &Browser) -> Result<String> {
    browser.goto(&showcase.url(&page_of(SELLER, "/tasks/TC1/status"))).await?;
    let link = browser.evaluate("return document.querySelector('dl a').getAttribute('href')").await?;
    Ok(link.as_str().context("its last run")?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_without_scripts() -> Result<()> {
    let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
    browser.scripts(false).await?;
    showcase.sign_in(&browser, "operator").await?;
    for page in PAGES {
        browser.goto(&showcase.url(&page_of(SELLER, page))).await?;
        let heading = browser.text_of("h1").await?;
        anyhow::ensure!(!heading.is_empty() && heading != "Not found", "{page}: {heading}");
    }
    browser.goto(&showcase.url(&page_of(SELLER, "/tasks"))).await?;
    browser.click("button", "Run now: FK1 status").await?;
    browser
        .until("the task has run", async || {
            browser.goto(&showcase.url(&page_of(SELLER, "/tasks/FK1/status"))).await?;
            Ok(browser.text_of("dl").await?.contains("just now"))
        })
        .await?;
    browser.close().await
}
