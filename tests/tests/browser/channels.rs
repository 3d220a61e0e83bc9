//! Setting a channel up: choose a marketplace, fill in the form, mend what is named, test the connection, switch it on.

use anyhow::{Context as _, Result, ensure};
use kit::{
    browser::{Browser, in_a_window},
    showcase::{NEWCOMER, Showcase},
};

use crate::everywhere::page_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_sets_a_channel_up_and_tests_it_without_scripts() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        browser.scripts(false).await?;
        showcase.sign_in(&browser, "admin").await?;
        browser.goto(&showcase.url(&page_of(NEWCOMER, "/channels"))).await?;
        browser.click("link", "Add a channel").await?;
        browser.click("link", "Flipkart").await?;
        browser.until_text("Add a channel of Flipkart").await?;

        let (settings, secrets) = (showcase.flipkart().settings(), showcase.flipkart().secrets());
        let text = |name: &str| -> Result<String> {
            let value = settings.get(name).or_else(|| secrets.get(name)).and_then(serde_json::Value::as_str);
            Ok(value.with_context(|| format!("no {name}"))?.to_owned())
        };
        browser.fill("Code", "FK9").await?;
        browser.fill("base_url", &text("base_url")?).await?;
        browser.fill("page_size", "1000").await?;
        browser.fill("client_id", &text("client_id")?).await?;
        browser.fill("client_secret", "not the one").await?;
        browser.click("button", "Add the channel").await?;
        browser.until_text("This must be a whole number from 1 to 100").await?;

        browser.fill("page_size", "").await?;
        browser.fill("client_id", &text("client_id")?).await?;
        browser.fill("client_secret", "not the one").await?;
        browser.click("button", "Add the channel").await?;
        browser.until_text("The channel is added").await?;
        browser.click("button", "Test the connection").await?;
        browser.until_text("The connection does not work").await?;

        browser.fill("client_secret", &text("client_secret")?).await?;
        browser.click("button", "Save").await?;
        browser.until_text("The settings are saved").await?;
        browser.click("button", "Test the connection").await?;
        browser.until_text("The connection works").await?;
        browser.click("button", "Switch it on").await?;
        browser.until_text("The channel is switched on").await?;
        let shown = browser.evaluate("return document.documentElement.outerHTML").await?;
        let shown = shown.as_str().unwrap_or_default();
        ensure!(!shown.contains(&text("client_secret")?), "the secret is in the page");
        browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_made_seen_once_and_revoked() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "admin").await?;
        browser.goto(&showcase.url(&page_of(NEWCOMER, "/settings"))).await?;
        browser.click("link", "API keys").await?;
        browser.fill("Which program is it for?", "the order system").await?;
        browser.click("checkbox", "read: see everything but secrets").await?;
        browser.click("button", "Make the key").await?;
        browser.until_text("it is not shown again").await?;
        let key = browser.text_of(".once").await?;
        ensure!(key.starts_with("ssk_"), "{key}");
        let id = key.split('_').nth(1).context("the key's id")?;
        browser.click("button", &format!("Revoke the order system {id}")).await?;
        browser.until_text("revoked").await?;
        ensure!(!browser.text().await?.contains(&key), "the key is shown again");
        browser.close().await
    })
    .await
}
