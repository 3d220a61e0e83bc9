//! The steps of a sync by hand: choose the channel, tick orders, sync, see each result; then check for returns.

use anyhow::{Context as _, Result, ensure};
use kit::{
    browser::{Browser, Key, in_a_window},
    showcase::{SELLER, Showcase},
};
use serde_json::Value;

use crate::everywhere::page_of;

/// Orders of FK1 in a state, as the host holds them.
fn orders_in(held: &Value, status: &str) -> Vec<String> {
    let orders = held["orders"].as_array().into_iter().flatten();
    let wanted = orders.filter(|order| order["channel"] == "FK1" && order["status"] == status);
    wanted.filter_map(|order| order["code"].as_str().map(str::to_owned)).collect()
}

/// Shows the orders of FK1 in a state.
async fn show(showcase: &Showcase, browser: &Browser, status: &str) -> Result<()> {
    browser.goto(&showcase.url(&page_of(SELLER, "/orders"))).await?;
    browser.choose("Channel", "FK1").await?;
    browser.choose("Status", status).await?;
    browser.click("button", "Show").await?;
    browser.until("only these are shown", async || Ok(browser.url().await?.contains("status="))).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_a_channel_are_ticked_and_synced_and_each_tells_what_became_of_it() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "operator").await?;
        // The marketplace has gone on since the last look.
        showcase.flipkart().advance(48);
        let open = orders_in(&showcase.held(SELLER)?, "PROCESSING");
        let chosen = open.get(..3).context("three open orders")?;
        show(&showcase, &browser, "PROCESSING").await?;
        for order in chosen {
            browser.click("checkbox", &format!("Choose order {order}")).await?;
        }
        browser.click("button", "Sync status").await?;
        for order in chosen {
            browser.until_text(order).await?;
        }
        browser.until("the run has ended", async || Ok(!browser.text().await?.contains("RUNNING"))).await?;
        let rows = browser
            .evaluate("return [...document.querySelectorAll('tbody tr')].map(row => row.innerText)")
            .await?;
        for order in chosen {
            let row = rows
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .find(|row| row.contains(order));
            let row = row.with_context(|| format!("{order} in {rows}"))?;
            let outcomes =
                ["APPLIED", "UNCHANGED", "CONFLICT", "PARKED", "NOT_MENTIONED", "REFUSED", "STALE"];
            ensure!(outcomes.iter().any(|outcome| row.contains(outcome)), "{row}");
        }
        browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn returns_of_ticked_orders_are_checked() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        showcase.sign_in(&browser, "operator").await?;
        let sent = orders_in(&showcase.held(SELLER)?, "COMPLETE");
        let order = sent.first().context("an order that was sent")?;
        show(&showcase, &browser, "COMPLETE").await?;
        browser.click("checkbox", &format!("Choose order {order}")).await?;
        browser.click("button", "Check returns").await?;
        browser.until_text(order).await?;
        browser.until("the run has ended", async || Ok(!browser.text().await?.contains("RUNNING"))).await?;
        ensure!(browser.text().await?.contains(order.as_str()), "its result is shown");
        browser.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_synced_with_the_keyboard_alone_and_without_scripts() -> Result<()> {
    in_a_window(async || {
        let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
        browser.scripts(false).await?;
        showcase.sign_in(&browser, "operator").await?;
        let open = orders_in(&showcase.held(SELLER)?, "PROCESSING");
        let order = open.first().context("an open order")?;
        browser.goto(&showcase.url(&page_of(SELLER, &format!("/orders?channel=FK1&search={order}")))).await?;
        browser.tab_to("button", "Sync status").await?;
        browser.tab_to("checkbox", &format!("Choose order {order}")).await?;
        browser.press(Key::Space).await?;
        browser.press(Key::Enter).await?;
        browser
            .until("its result is shown", async || {
                let text = browser.text().await?;
                Ok(browser.url().await?.contains("/sync")
                    && text.contains(order.as_str())
                    && !text.contains("RUNNING"))
            })
            .await?;
        browser.close().await
    })
    .await
}
