//! Takes pictures of the console's pages, for the documents: each on a desk and on a phone, in light colours.
//!
//! ```text
//! screenshots FOLDER [--dark] [--stay]
//! ```

use std::{fs, io::BufRead as _, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use kit::{
    browser::{Browser, Look, Size, Theme},
    faults::{Fault, Kind},
    showcase::{NEWCOMER, SELLER, Showcase},
};

/// Each page of the live seller that one can go to without knowing more: the name of its picture, and its address.
const PAGES: &[(&str, &str)] = &[
    ("overview", ""),
    ("orders", "/orders"),
    ("attention", "/attention"),
    ("tasks", "/tasks"),
    ("task", "/tasks/FK1/status"),
    ("runs", "/runs"),
    ("channels", "/channels"),
    ("channel", "/channels/TC1"),
    ("channel-choose", "/add-channel"),
    ("channel-add", "/add-channel/flipkart"),
    ("connectors", "/connectors"),
    ("connector", "/connectors/flipkart"),
    ("settings", "/settings"),
    ("facilities", "/settings/facilities"),
    ("sequences", "/settings/sequences"),
    ("stock", "/settings/stock"),
    ("keys", "/settings/keys"),
    ("webhooks", "/settings/webhooks"),
    ("people", "/settings/people"),
];

/// Pages that are found by following the first link of this kind: the name of the picture, where the link is, and which.
const BEHIND: &[(&str, &str, &str)] = &[
    ("order", "/orders?channel=FK1&status=COMPLETE", "tbody th a"),
    ("run-failed", "/tasks/TC1/status", "dl a"),
    ("webhook", "/settings/webhooks", "tbody th a"),
];

/// Takes pictures of the console's pages.
#[derive(Parser)]
struct Args {
    /// Where they go.
    folder: PathBuf,
    /// In dark colours.
    #[arg(long)]
    dark: bool,
    /// Leave the host running afterwards, to look around, until Enter is pressed.
    #[arg(long)]
    stay: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    fs::create_dir_all(&args.folder).context("the folder cannot be made")?;
    let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
    let theme = if args.dark { Theme::Dark } else { Theme::Light };
    let album = Album { browser: &browser, folder: args.folder, theme };
    album.take("sign-in", &showcase.url("/console/sign-in")).await?;

    furnish(&showcase)?;
    showcase.sign_in(&browser, "admin").await?;
    let page = |page: &str| showcase.url(&format!("/console/t/{SELLER}{page}"));
    for (name, path) in PAGES {
        album.take(name, &page(path)).await?;
    }
    for (name, path, link) in BEHIND {
        let behind = album.behind(&page(path), link).await.with_context(|| (*name).to_owned())?;
        album.take(name, &behind).await?;
    }
    for (name, path) in
        [("tenants", "/console/tenants"), ("password", "/console/password"), ("nowhere", "/console/nowhere")]
    {
        album.take(name, &showcase.url(path)).await?;
    }
    album.take("newcomer", &showcase.url(&format!("/console/t/{NEWCOMER}/settings"))).await?;

    // What somebody sees who asks for a few orders at once, and the run behind it: the marketplace has gone on meanwhile,
    // and lets one call wait, another come again.
    showcase.flipkart().advance(60);
    let wait = Kind::TooManyRequests { retry_after: Some("1".to_owned()) };
    let down = Kind::ServerError { status: 503 };
    showcase.flipkart().faults(vec![
        Fault::next(wait),
        Fault::next(Kind::SlowBody { millis: 300 }),
        Fault::next(down).after(1),
    ]);
    browser.goto(&page("/orders?channel=FK1&status=PROCESSING")).await?;
    browser.click("checkbox", "All on this page").await?;
    browser.click("button", "Sync status").await?;
    browser.until_text("orders answered").await.or(browser.until_text("SUCCESS").await)?;
    browser.until("every run has ended", async || Ok(!browser.text().await?.contains("RUNNING"))).await?;
    album.take("sync", &browser.url().await?).await?;
    let run = album.behind(&page("/runs?channel=FK1"), "tbody th a").await?;
    album.take("run", &run).await?;
    album.take("log", &page("/settings/log")).await?;
    browser.close().await?;

    if args.stay {
        println!("{}", showcase.url("/console"));
        println!("{}", showcase.run(&["user", "reset", "admin@acme.example"])?.trim());
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
    }
    Ok(())
}

/// What a seller has beside orders: programs that may ask, somebody to tell, colleagues.
fn furnish(showcase: &Showcase) -> Result<()> {
    let commands: &[&[&str]] = &[
        &["api-key", "new", "--tenant", SELLER, "--scopes", "read,orders", "--label", "Order system"],
        &["api-key", "new", "--tenant", SELLER, "--scopes", "read", "--label", "Reports", "--expires", "90d"],
        &[
            "webhook",
            "add",
            "--tenant",
            SELLER,
            "https://orders.acme.example/hooks/statusync",
            "--label",
            "Order system",
        ],
        &[
            "user",
            "add",
            "meera@acme.example",
            "--name",
            "Meera Iyer",
            "--role",
            "operator",
            "--tenant",
            SELLER,
        ],
        &[
            "user",
            "add",
            "vikram@acme.example",
            "--name",
            "Vikram Shah",
            "--role",
            "viewer",
            "--tenant",
            SELLER,
        ],
    ];
    commands.iter().try_for_each(|command| showcase.run(command).map(drop))
}

/// Where pictures go.
struct Album<'a> {
    browser: &'a Browser,
    folder: PathBuf,
    theme: Theme,
}

impl Album<'_> {
    /// Takes both pictures of a page.
    async fn take(&self, name: &str, url: &str) -> Result<()> {
        for (size, place) in [(Size::Desktop, ""), (Size::Phone, "-phone")] {
            self.browser.look(Look { theme: self.theme, size }).await?;
            self.browser.goto(url).await?;
            let file = self.folder.join(format!("{name}{place}.png"));
            self.browser.picture(&file, highest(size)).await?;
            println!("{}", file.display());
        }
        self.browser.look(Look { theme: self.theme, size: Size::Desktop }).await
    }

    /// Where a link of a page leads.
    async fn behind(&self, url: &str, link: &str) -> Result<String> {
        self.browser.goto(url).await?;
        let found = self.browser.evaluate(&format!("return document.querySelector('{link}').href")).await?;
        Ok(found.as_str().with_context(|| format!("{url} has no {link}"))?.to_owned())
    }
}

/// The highest picture, in CSS pixels.
fn highest(size: Size) -> u32 {
    match size {
        Size::Desktop => 1_000,
        Size::Phone => 1_200,
    }
}
