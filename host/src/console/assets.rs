//! The stylesheet and the scripts, carried in the program. Each has its hash in its address, so browsers may keep it for
//! ever; a new version has another address.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::Console;

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const ASSETS: &[Asset] = &[
    Asset { name: "console.css", kind: CSS, content: include_str!("../../static/console.css") },
    Asset { name: "console.js", kind: SCRIPT, content: include_str!("../../static/console.js") },
    // htmx 2.0.11, from the npm package htmx.org, Zero-Clause BSD: host/static/htmx-LICENSE.txt.
    Asset { name: "htmx.js", kind: SCRIPT, content: include_str!("../../static/htmx-2.0.11.min.js") },
    Asset { name: "icon.svg", kind: "image/svg+xml", content: include_str!("../../static/icon.svg") },
];

/// Addresses, in the order of the assets.
static ADDRESSES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let address = |asset: &Asset| {
        let hash = Sha256::digest(asset.content.as_bytes());
        let hash = hash.iter().take(8).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        format!("/console/static/{hash}/{}", asset.name)
    };
    ASSETS.iter().map(address).collect()
});

/// The address of an asset; of one that does not exist, nothing.
pub(super) fn address(name: &str) -> &'static str {
    let at = ASSETS.iter().position(|asset| asset.name == name);
    at.and_then(|at| ADDRESSES.get(at)).map_or("", String::as_str)
}

pub(super) fn routes() -> Router<Arc<Console>> {
    Router::new().route("/console/static/{hash}/{name}", get(show))
}

async fn show(Path((hash, name)): Path<(String, String)>) -> Response {
    let wanted = format!("/console/static/{hash}/{name}");
    let found = ADDRESSES.iter().zip(ASSETS).find(|(address, _)| **address == wanted);
    let Some((_, asset)) = found else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    (headers, asset.content).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pages_name_exists_and_nothing_comes_from_elsewhere() {
        for asset in ASSETS {
            assert!(address(asset.name).ends_with(asset.name), "{}", asset.name);
            let outside =
                asset.kind == CSS && (asset.content.contains("url(") || asset.content.contains("@import"));
            assert!(!outside, "{} asks for something from elsewhere", asset.name);
        }
        assert_eq!(address("other.css"), "");
    }
}
