//! What waits for people: a contradiction is decided, a refusal names its cause, goods are put away.

use anyhow::{Context as _, Result, ensure};
use kit::{
    browser::{Browser, in_a_window},
    showcase::{SELLER, Showcase},
};
use serde_json::Value;

use crate::everywhere::page_of;

fn one<'a>(held: &'a Value, list: &str, is: impl Fn(&Value) -> bool) -> Result<&'a Value> {
    let rows = held[list].as_array().context("a list")?;
    rows.iter().find(|row| is(row)).with_context(|| format!("none of {list} is so"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contradictions_are_decided_and_goods_put_away_where_the_page_says_what_each_does() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "operator").await?;
        let held = showcase.held(SELLER)?;
        let is_open = |row: &Value| row["open"] == true && row["cause"] == "DISPATCHED_BUT_CANCELLED_LOCALLY";
        let conflict = one(&held, "conflicts", is_open)?["code"].as_str().unwrap_or_default().to_owned();
        let due = one(&held, "putaways", |row| row["status"] == "DUE")?["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();

        browser.goto(&showcase.url(&page_of(SELLER, "/attention"))).await?;
        browser.until_text("It is dispatched here as well").await?;
        browser.click("button", &format!("Accept {conflict}")).await?;
        browser.until_text(&format!("Conflict {conflict} is accepted")).await?;
        ensure!(!browser.has("button", &format!("Accept {conflict}")).await?, "it waits no longer");
        browser.click("button", &format!("Bad: {due} cannot be sold")).await?;
        browser.until_text(&format!("Putaway {due} is complete")).await?;

        let held = showcase.held(SELLER)?;
        ensure!(one(&held, "conflicts", |row| row["code"] == *conflict)?["decision"] == "ACCEPT");
        ensure!(one(&held, "putaways", |row| row["code"] == *due)?["quality"] == "BAD_INVENTORY");
        browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_what_is_missing_and_how_many_orders_wait() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "viewer").await?;
        browser.goto(&showcase.url(&page_of(SELLER, "/attention"))).await?;
        browser.until_text("BOM1").await?;
        let text = browser.text().await?;
        ensure!(text.contains("orders wait") && text.contains("SALE_INVOICE"), "{text}");
        ensure!(!browser.has("button", "Accept CF1").await?, "a viewer may only look");
        browser.close().await
    })
    .await
}
