//! The browser kit itself, on a page that is made for it.

use std::{cell::Cell, net::Ipv4Addr};

use anyhow::{Context as _, Result};
use axum::{Router, response::Html, routing::get};
use kit::browser::{Browser, Key, Look, Size, Theme, in_a_window};

const PAGE: &str = r#"<!doctype html><html lang="en"><head><title>Shop</title>
    <meta name="viewport" content="width=device-width"><style>
    body { background: #fff; color: #222; margin: 0 }
    @media (prefers-color-scheme: dark) { body { background: #111; color: #eee } }
    </style></head><body><main><h1>Shop</h1>
    <p id="told">nothing yet</p>
    <form action="/done"><label>Name <input name="name"></label>
    <label>Size <select name="size"><option>Small</option><option>Large</option></select></label>
    <button aria-label="Send it all">Send</button></form>
    <script>setTimeout(() => document.getElementById('told').textContent = 'a script has run', 50)</script>
    </main></body></html>"#;
const BAD: &str = r#"<!doctype html><html lang="en"><head><title>Bad</title></head><body><main><h1>Bad</h1>
    <input name="name"><p style="color:#eee;background:#fff">who can read this</p></main></body></html>"#;

async fn shop() -> Result<String> {
    let done = |axum::extract::RawQuery(query): axum::extract::RawQuery| async move {
        Html(format!("<h1>Done</h1>{}", query.unwrap_or_default()))
    };
    let routes = Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/bad", get(|| async { Html(BAD) }))
        .route("/done", get(done));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

#[tokio::test]
async fn things_are_found_by_their_role_and_name_and_a_click_leads_on() -> Result<()> {
    in_a_window(async || {
        let (url, browser) = (shop().await?, Browser::open().await?);
        browser.goto(&url).await?;
        assert_eq!(browser.title().await?, "Shop");
        browser.until_text("a script has run").await?;
        browser.fill("Name", "Asha").await?;
        browser.choose("Size", "Large").await?;
        assert!(!browser.has("button", "Send").await?, "its name is another");
        browser.click("button", "Send it all").await?;
        browser.until_text("Done").await?;
        assert!(browser.url().await?.ends_with("/done?name=Asha&size=Large"));
        browser.close().await
    })
    .await
}

#[tokio::test]
async fn the_keyboard_goes_from_thing_to_thing() -> Result<()> {
    in_a_window(async || {
        let (url, browser) = (shop().await?, Browser::open().await?);
        browser.goto(&url).await?;
        browser.tab_to("textbox", "Name").await?;
        browser.press("Ravi").await?;
        browser.tab_to("button", "Send it all").await?;
        browser.press(Key::Enter).await?;
        browser.until_text("name=Ravi").await?;
        browser.goto(&url).await?;
        let lost = browser.tab_to("button", "Fetch").await.unwrap_err().to_string();
        assert!(lost.contains("textbox `Name`"), "{lost}");
        browser.close().await
    })
    .await
}

#[tokio::test]
async fn a_page_without_its_scripts_is_there_and_does_nothing_by_itself() -> Result<()> {
    in_a_window(async || {
        let (url, browser) = (shop().await?, Browser::open().await?);
        browser.scripts(false).await?;
        browser.goto(&url).await?;
        browser.fill("Name", "Asha").await?;
        assert_eq!(browser.text_of("#told").await?, "nothing yet");
        browser.click("button", "Send it all").await?;
        browser.until_text("name=Asha").await?;
        browser.close().await
    })
    .await
}

#[tokio::test]
async fn axe_finds_what_is_wrong_and_nothing_else() -> Result<()> {
    in_a_window(async || {
        let (url, browser) = (shop().await?, Browser::open().await?);
        for look in Look::ALL {
            browser.look(look).await?;
            browser.goto(&url).await?;
            browser.axe().await?;
        }
        browser.goto(&format!("{url}/bad")).await?;
        let wrong = browser.axe().await.unwrap_err().to_string();
        assert!(wrong.contains("label: ") && wrong.contains("color-contrast: "), "{wrong}");
        browser.close().await
    })
    .await
}

#[tokio::test]
async fn a_picture_shows_the_page_in_the_chosen_look() -> Result<()> {
    in_a_window(async || {
        let (url, browser) = (shop().await?, Browser::open().await?);
        let folder = tempfile::tempdir()?;
        let mut pictures = Vec::new();
        for (size, theme) in [(Size::Desktop, Theme::Light), (Size::Phone, Theme::Dark)] {
            browser.look(Look { theme, size }).await?;
            browser.goto(&url).await?;
            browser.until_text("a script has run").await?;
            assert_eq!(browser.sticks_out_by().await?, 0);
            let file = folder.path().join("page.png");
            browser.picture(&file, 300).await?;
            let bytes = std::fs::read(&file)?;
            assert!(bytes.starts_with(b"\x89PNG"));
            // The width stands at a fixed place in a PNG.
            assert_eq!(bytes[16..20], size.pixels().0.to_be_bytes());
            pictures.push(bytes);
        }
        assert_ne!(pictures[0], pictures[1]);
        browser.close().await
    })
    .await
}

#[tokio::test]
async fn a_window_that_answers_no_more_is_replaced_once_and_what_is_wrong_is_told_at_once() {
    // One that this process has chosen already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tried = Cell::new(0);
    let unanswered = async || {
        tried.set(tried.get() + 1);
        // Nobody listens at port 1.
        let told =
            reqwest::Client::builder().no_proxy().build()?.get("http://127.0.0.1:1/session/7").send().await;
        Err(told.err().context("it was answered")?).context("the field `Name` cannot be filled")
    };
    assert!(in_a_window(unanswered).await.is_err());
    assert_eq!(tried.replace(0), 2);
    let answered = async || {
        tried.set(tried.get() + 1);
        if tried.get() == 1 { unanswered().await } else { Ok(()) }
    };
    assert!(in_a_window(answered).await.is_ok());
    tried.set(0);
    let wrong = async || {
        tried.set(tried.get() + 1);
        anyhow::bail!("there is no button `Send it all`")
    };
    assert!(in_a_window(wrong).await.is_err());
    assert_eq!(tried.get(), 1);
}
