//! How a window looks at pages, and pictures of them.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{Browser, small::small};

/// What the user's system prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    #[default]
    Light,
    /// Light on dark.
    Dark,
}

/// How large the window is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// 1280 by 800 CSS pixels.
    #[default]
    Desktop,
    /// 390 by 844 CSS pixels, with fingers for a mouse.
    Phone,
}

impl Size {
    /// Width and height in CSS pixels.
    pub fn pixels(self) -> (u32, u32) {
        match self {
            Size::Desktop => (1280, 800),
            Size::Phone => (390, 844),
        }
    }
}

/// How a window looks at pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The colours.
    pub theme: Theme,
    /// The size.
    pub size: Size,
}

impl Look {
    /// Every look that pages are made for.
    pub const ALL: [Look; 4] = [
        Look { theme: Theme::Light, size: Size::Desktop },
        Look { theme: Theme::Dark, size: Size::Desktop },
        Look { theme: Theme::Light, size: Size::Phone },
        Look { theme: Theme::Dark, size: Size::Phone },
    ];
}

impl Browser {
    /// Looks at this and all later pages so. Nothing moves by itself in any look.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn look(&self, look: Look) -> Result<()> {
        let (width, height) = look.size.pixels();
        let phone = look.size == Size::Phone;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await?;
        let scheme = if look.theme == Theme::Dark { "dark" } else { "light" };
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}]});
        self.tell("Emulation.setEmulatedMedia", features).await?;
        Ok(())
    }

    /// By how many CSS pixels the page is wider than the window; 0 if it can be read without moving it sideways.
    ///
    /// # Errors
    /// If the browser is gone.
    pub async fn sticks_out_by(&self) -> Result<i64> {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        Ok(self.evaluate(script).await?.as_i64().unwrap_or_default())
    }

    /// Writes a picture of the page into a small PNG file: from its top, the window's width, and as high as the page but at
    /// most `highest` CSS pixels.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn picture(&self, file: &Path, highest: u32) -> Result<()> {
        let metrics = self.tell("Page.getLayoutMetrics", json!({})).await?;
        let [width, height] =
            ["width", "height"].map(|side| metrics["cssContentSize"][side].as_f64().unwrap_or_default());
        let clip =
            json!({"x": 0, "y": 0, "width": width, "height": height.min(f64::from(highest)), "scale": 1});
        let asked = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let told = self.tell("Page.captureScreenshot", asked).await?;
        let bytes = BASE64_STANDARD.decode(told["data"].as_str().unwrap_or_default())?;
        fs::write(file, small(&bytes)?).with_context(|| format!("{} cannot be written", file.display()))
    }
}
