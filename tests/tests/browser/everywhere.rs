//! What holds on every page: nothing keeps people out, in any look, with or without scripts.

use anyhow::{Context as _, Result};
use kit::{
    browser::{Browser, Look, in_a_window},
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
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        for look in Look::ALL {
            browser.look(look).await?;
            browser.goto(&showcase.url("/console/sign-in")).await?;
            browser.axe().await?;
        }
        showcase.sign_in(&browser, "admin").await?;
        showcase.run(&["webhook", "add", "--tenant", SELLER, "https://orders.acme.example/told"])?;
        let mut behind = vec![failed_run(&showcase, &browser).await?, "/console/tenants".to_owned()];
        for (page, link) in [
            ("/orders?channel=FK1&status=COMPLETE", "tbody th a"),
            ("/runs?channel=FK1", "tbody th a"),
            ("/settings/webhooks", "tbody th a"),
        ] {
            behind.push(first_link(&showcase, &browser, page, link).await?);
        }
        let full = PAGES.iter().map(|page| page_of(SELLER, page)).chain(behind);
        let empty = PAGES.iter().filter(|page| !page.contains("TC1")).map(|page| page_of(NEWCOMER, page));
        let mut found = Vec::new();
        for page in full.chain(empty).chain(["/console/password".to_owned(), "/console/nowhere".to_owned()]) {
            for look in Look::ALL {
                browser.look(look).await?;
                browser.goto(&showcase.url(&page)).await?;
                browser
                    .evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
                    .await?;
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
    })
    .await
}

/// The address of the page about the run that failed last.
pub(crate) async fn failed_run(showcase: &Showcase, browser: &Browser) -> Result<String> {
    first_link(showcase, browser, "/tasks/TC1/status", "dl a").await
}

/// Where the first link of this kind on a page of the live seller leads.
async fn first_link(showcase: &Showcase, browser: &Browser, page: &str, link: &str) -> Result<String> {
    browser.goto(&showcase.url(&page_of(SELLER, page))).await?;
    let script = format!("return document.querySelector('{link}')?.getAttribute('href')");
    let found = browser.evaluate(&script).await?;
    Ok(found.as_str().with_context(|| format!("{page} has no {link}"))?.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_can_be_read_without_scripts() -> Result<()> {
    in_a_window(async || {
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
    })
    .await
}
