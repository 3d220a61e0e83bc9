//! The task list: the message of a seller who is not live, run now, pause, and the way from red to its cause.

use anyhow::{Result, ensure};
use kit::{
    browser::{Browser, Key, in_a_window},
    showcase::{NEWCOMER, SELLER, Showcase},
};

use crate::everywhere::page_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_list_says_that_a_tenant_is_not_live_yet() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "viewer").await?;
        browser.goto(&showcase.url(&page_of(NEWCOMER, "/tasks"))).await?;
        browser.until_text("Sync not allowed as Tenant is not Live yet").await?;
        ensure!(!browser.text().await?.contains("Run now"), "a viewer may only look");
        browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_red_task_it_is_one_click_to_the_request_and_the_reply_that_caused_it() -> Result<()> {
    in_a_window(async || {
    let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
    showcase.sign_in(&browser, "operator").await?;
    browser.goto(&showcase.url(&page_of(SELLER, "/tasks"))).await?;
    let red = "[...document.querySelectorAll('tr')].find(row => row.querySelector('a')?.textContent === 'TC1 status')";
    ensure!(browser.evaluate(&format!("return {red}.querySelector('.chip-bad') !== null")).await? == true);
    let run = browser.evaluate(&format!("return {red}.querySelector('td a').textContent")).await?;
    browser.click("link", run.as_str().unwrap_or_default()).await?;
    browser.until_text("The call after which the marketplace was given up").await?;
    let text = browser.text().await?;
    ensure!(text.contains("FAILED") && text.contains("HTTP 503"), "{text}");
    let asked = browser.text_of("pre").await?;
    ensure!(asked.contains("127.0.0.1"), "{asked}");
    let secrets = showcase.tata().secrets();
    for secret in secrets.as_object().into_iter().flat_map(|all| all.values()) {
        let secret = secret.as_str().unwrap_or_default();
        ensure!(secret.is_empty() || !text.contains(secret), "a secret is shown");
    }
    browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_pauses_a_task_and_sets_how_often_it_runs_with_the_keyboard_alone() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "admin").await?;
        browser.goto(&showcase.url(&page_of(SELLER, "/tasks"))).await?;
        browser.tab_to("link", "FK1 status").await?;
        browser.press(Key::Enter).await?;
        browser.until_text("How often").await?;
        browser.tab_to("spinbutton", "Every").await?;
        browser.press(Key::Control + "a").await?;
        browser.press("25").await?;
        browser.tab_to("button", "Set").await?;
        browser.press(Key::Enter).await?;
        browser.until_text("then every 25 min").await?;
        browser.tab_to("button", "Pause").await?;
        browser.press(Key::Enter).await?;
        browser.until_text("when it is resumed").await?;
        browser.click("button", "Resume").await?;
        browser.until_text("then every 25 min").await?;
        browser.close().await
    })
    .await
}
