//! Every address of the console, asked by those who may and those who may not.

use axum::body::Body;
use statusync::access::Role;

use crate::site::{Answer, Site, request};

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// Whoever.
    All,
    /// Whoever has signed in.
    Signed,
    /// Whoever has this role in `acme`.
    Role(Role),
}

/// Every address with its method. A page that is not here is not tried: add it.
const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/", For::All),
    ("GET", "/console/sign-in", For::All),
    ("POST", "/console/sign-in", For::All),
    ("GET", "/console", For::Signed),
    ("GET", "/console/tenants", For::Signed),
    ("GET", "/console/password", For::Signed),
    ("POST", "/console/password", For::Signed),
    ("POST", "/console/sign-out", For::Signed),
    ("GET", "/console/t/acme", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/orders", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/orders/filters", For::Role(Role::Operator)),
    ("POST", "/console/t/acme/orders/filters/forget", For::Role(Role::Operator)),
    ("POST", "/console/t/acme/orders/sync", For::Role(Role::Operator)),
    ("GET", "/console/t/acme/orders/O001", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/sync", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/attention", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/conflicts/CF1/accept", For::Role(Role::Operator)),
    ("POST", "/console/t/acme/conflicts/CF1/keep", For::Role(Role::Operator)),
    ("POST", "/console/t/acme/putaways/PA1/complete", For::Role(Role::Operator)),
    ("GET", "/console/t/acme/tasks", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/tasks/FK1/status", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/tasks/FK1/status", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/tasks/FK1/status/pause", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/tasks/FK1/status/resume", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/tasks/FK1/status/run-now", For::Role(Role::Operator)),
    ("GET", "/console/t/acme/runs", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/runs/R1", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/channels", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/channels/FK1", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/channels/FK1", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/channels/FK1/test", For::Role(Role::Operator)),
    ("POST", "/console/t/acme/channels/FK1/switch", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/add-channel", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/add-channel/flipkart", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/add-channel/flipkart", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/connectors", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/connectors/flipkart", For::Role(Role::Viewer)),
    ("GET", "/console/t/acme/settings", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/settings/live", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/zone", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/facilities", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/settings/facilities", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/sequences", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/settings/sequences", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/stock", For::Role(Role::Viewer)),
    ("POST", "/console/t/acme/settings/stock", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/keys", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/keys", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/keys/k1/revoke", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/webhooks", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/webhooks/wh_1", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1/test", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1/switch", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1/rotate", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1/replay", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/webhooks/wh_1/remove", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/people", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/people", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/people/eve/role", For::Role(Role::Admin)),
    ("POST", "/console/t/acme/settings/people/eve/link", For::Role(Role::Admin)),
    ("GET", "/console/t/acme/settings/log", For::Role(Role::Admin)),
];

const PEOPLE: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

async fn ask(site: &Site, method: &str, path: &str, cookie: &str) -> Answer {
    if method == "GET" { site.get(path, cookie).await } else { site.post(path, cookie, &[]).await }
}

#[tokio::test]
async fn nobody_sees_or_does_anything_without_signing_in() {
    let site = Site::new().await;
    for (method, path, who) in ROUTES.iter().filter(|(.., who)| *who != For::All) {
        for cookie in ["", "statusync=no-token", &format!("statusync={}", "a".repeat(43))] {
            let answer = ask(&site, method, path, cookie).await;
            assert!(answer.leads_to().starts_with("/console/sign-in"), "{method} {path} {who:?}");
            assert_eq!(answer.text, "", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_role_that_is_too_small_and_a_tenant_of_others_are_refused() {
    let site = Site::new().await;
    for role in PEOPLE {
        let cookie = site.signed_in(role.as_str(), role).await;
        for (method, path, who) in ROUTES {
            let For::Role(needed) = who else { continue };
            let mine = ask(&site, method, path, &cookie).await;
            let rank = |role: Role| PEOPLE.iter().position(|known| *known == role);
            if rank(role) < rank(*needed) {
                mine.shows(403, &["Not allowed", "Your role"]);
            } else {
                assert_ne!(mine.status, 403, "{method} {path} as {role}");
            }
            for tenant in ["other", "nobody"] {
                let theirs = ask(&site, method, &path.replace("/acme", &format!("/{tenant}")), &cookie).await;
                theirs.shows(404, &["Not found", tenant]);
            }
        }
    }
}

#[tokio::test]
async fn what_another_site_sends_is_refused_whoever_is_signed_in() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    for (method, path, _) in ROUTES.iter().filter(|(method, ..)| *method != "GET") {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://other.example"),
        ] {
            let sent = request(method, path, &cookie).header(name, value);
            let answer = site.send(sent.body(Body::empty()).unwrap()).await;
            answer.shows(403, &["came from another site"]);
        }
    }
    assert_eq!(site.get("/console/password", &cookie).await.status, 200, "nothing was done");
}

#[tokio::test]
async fn every_answer_tells_browsers_what_they_may_not_do() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let elsewhere = ("GET", "/console/no/such/page", For::All);
    for (method, path, _) in ROUTES.iter().chain([&elsewhere]) {
        let answer = ask(&site, method, path, &cookie).await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value, "{method} {path}");
        }
        assert!(answer.headers.contains_key("x-request-id"), "{method} {path}");
        let inline = ["<style", "style=", "onclick", "javascript:", "http://", "https://"];
        for part in inline {
            assert!(!answer.text.contains(part), "{part} in {method} {path}");
        }
    }
}

#[tokio::test]
async fn addresses_and_methods_that_do_not_exist_are_pages_too() {
    let site = Site::new().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    site.get("/console/no/such/page", &cookie).await.shows(404, &["Not found", "The ana", "no page"]);
    site.post("/console/tenants", &cookie, &[]).await.shows(404, &["Not found"]);
    assert_eq!(site.get("/", "").await.leads_to(), "/console");
}

#[tokio::test]
async fn the_stylesheet_is_kept_for_ever_and_its_address_changes_with_it() {
    let site = Site::new().await;
    let page = site.get("/console/sign-in", "").await;
    let addresses: Vec<&str> = page.text.split('"').filter(|part| part.contains("/static/")).collect();
    assert_eq!(addresses.len(), 4, "{addresses:?}");
    for address in addresses {
        let file = site.get(address, "").await;
        assert_eq!((file.status.as_u16(), file.text.is_empty()), (200, false), "{address}");
        assert_eq!(file.headers["cache-control"], "public, max-age=31536000, immutable");
        let (folder, name) = address.rsplit_once('/').unwrap();
        assert_eq!(site.get(&format!("{folder}0/{name}"), "").await.status, 404);
    }
}
