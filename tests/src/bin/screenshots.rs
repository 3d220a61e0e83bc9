//! Takes pictures of the console's pages, for the documents: each on a desk and on a phone, in light colours.
//!
//! ```text
//! screenshots FOLDER
//! ```

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Parser;
use kit::{
    browser::{Browser, Look, Size, Theme},
    showcase::{SELLER, Showcase},
};

/// The highest picture, in CSS pixels.
const HIGHEST: u32 = 1_400;

/// Each page: the name of its picture, and its address below the tenant.
const PAGES: &[(&str, &str)] = &[
    ("overview", ""),
    ("orders", "/orders"),
    ("attention", "/attention"),
    ("tasks", "/tasks"),
    ("task", "/tasks/FK1/status"),
    ("runs", "/runs"),
];

/// Takes pictures of the console's pages.
#[derive(Parser)]
struct Args {
    /// Where they go.
    folder: PathBuf,
    /// In dark colours.
    #[arg(long)]
    dark: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    fs::create_dir_all(&args.folder).context("the folder cannot be made")?;
    let (showcase, browser) = (Showcase::open().await?, Browser::open().await?);
    showcase.sign_in(&browser, "admin").await?;
    let page = |page: &str| showcase.url(&format!("/console/t/{SELLER}{page}"));
    let mut pages: Vec<(&str, String)> = PAGES.iter().map(|(name, path)| (*name, page(path))).collect();
    browser.goto(&page("/tasks/TC1/status")).await?;
    let failed = browser.evaluate("return document.querySelector('dl a').href").await?;
    pages.push(("run", failed.as_str().context("the run that failed last")?.to_owned()));
    let theme = if args.dark { Theme::Dark } else { Theme::Light };
    for (name, url) in pages {
        for (size, place) in [(Size::Desktop, ""), (Size::Phone, "-phone")] {
            browser.look(Look { theme, size }).await?;
            browser.goto(&url).await?;
            let file = args.folder.join(format!("{name}{place}.png"));
            browser.picture(&file, HIGHEST).await?;
            println!("{}", file.display());
        }
    }
    browser.close().await
}
