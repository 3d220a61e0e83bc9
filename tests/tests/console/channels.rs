//! Channels and connectors: a channel is added, tested, changed and switched, with a marketplace that answers.

use kit::simulators::{Config, Simulator, flipkart::Flipkart};
use statusync::{access::Role, clock::Clock as _};

use crate::site::{Answer, PASSWORD, Site};

/// A site whose connector is loaded, and a marketplace that it can ask.
async fn market() -> (Site, Simulator) {
    let site = Site::new().await;
    site.load("flipkart");
    let now = site.clock.now_ms();
    let simulator = Simulator::start(Flipkart, Config::new(7, 5, move || now)).await.unwrap();
    (site, simulator)
}

/// The fields of a form that leads to the simulated marketplace.
fn fields(simulator: &Simulator) -> Vec<(String, String)> {
    let field = |(name, value): (&String, &serde_json::Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        (format!("setting.{name}"), text)
    };
    let (settings, secrets) = (simulator.settings(), simulator.secrets());
    let both = settings.as_object().unwrap().iter().chain(secrets.as_object().unwrap());
    both.map(field).collect()
}

/// Sends a form with some fields besides, which count before those of the same name.
async fn send(
    site: &Site,
    path: &str,
    cookie: &str,
    besides: &[(&str, &str)],
    of: &[(String, String)],
) -> Answer {
    let mut all = besides.to_vec();
    all.extend(of.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    site.post(path, cookie, &all).await
}

#[tokio::test]
async fn a_channel_is_added_switched_off_tested_and_switched_on() {
    let (site, simulator) = market().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    site.get("/console/t/acme/add-channel", &cookie).await.shows(200, &["add-channel/flipkart", "Flipkart"]);
    let form = site.get("/console/t/acme/add-channel/flipkart", &cookie).await;
    form.shows(
        200,
        &["name=\"setting.client_secret\" type=\"password\"", "DEL1", "What holds if it is left empty"],
    );

    let besides = [("code", "FK2"), ("default_facility", "DEL1")];
    let added =
        send(&site, "/console/t/acme/add-channel/flipkart", &cookie, &besides, &fields(&simulator)).await;
    assert_eq!(added.leads_to(), "/console/t/acme/channels/FK2?done=added");
    let page = site.get(added.leads_to(), &cookie).await;
    page.shows(200, &["Test its connection, then switch it on", ">off<", "is set", "returns"]);
    for secret in simulator.secrets().as_object().unwrap().values() {
        assert!(!page.text.contains(secret.as_str().unwrap()), "a secret is shown");
    }

    let tested = site.post("/console/t/acme/channels/FK2/test", &cookie, &[]).await;
    tested.shows(200, &["The connection works", "can be switched on now"]);
    let on = site.post("/console/t/acme/channels/FK2/switch", &cookie, &[("to", "on")]).await;
    site.get(on.leads_to(), &cookie).await.shows(200, &["is switched on", ">on<"]);
    let kept = site.store.channel(&"acme".into(), &"FK2".into()).await.unwrap().unwrap();
    assert!(kept.enabled && kept.default_facility == Some("DEL1".into()));
    site.get("/console/t/acme/channels", &cookie).await.shows(200, &["FK2", "flipkart", "never"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_new_channel_is_said_beside_its_field_and_nothing_is_stored() {
    let (site, simulator) = market().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let of = fields(&simulator);
    let path = "/console/t/acme/add-channel/flipkart";
    for (besides, field, said) in [
        (&[("code", "")][..], "code", "A code cannot be empty."),
        (&[("code", "FK1")], "code", "FK1"),
        (
            &[("code", "X"), ("setting.page_size", "many")],
            "setting.page_size",
            "This must be a whole number.",
        ),
        (&[("code", "X"), ("setting.page_size", "1000")], "setting.page_size", "from 1 to 100"),
        (&[("code", "X"), ("setting.base_url", "nowhere")], "setting.base_url", "This must be a URL"),
        (
            &[("code", "X"), ("default_facility", "DEL9")],
            "default_facility",
            "did you mean <code>DEL1</code>?",
        ),
    ] {
        let answer = send(&site, path, &cookie, besides, &of).await;
        let tied = format!("aria-describedby=\"wrong-{field}\"");
        answer.shows(422, &[&tied, said]);
        let secrets = simulator.secrets();
        let mut secrets = secrets.as_object().unwrap().values().map(|value| value.as_str().unwrap());
        assert!(secrets.all(|secret| !answer.text.contains(secret)), "a secret is shown");
    }
    assert_eq!(site.store.channels(&"acme".into()).await.unwrap().len(), 1);
    site.get("/console/t/acme/add-channel/flipcart", &cookie)
        .await
        .shows(404, &["did you mean <code>flipkart</code>?"]);
}

#[tokio::test]
async fn settings_are_changed_and_secrets_that_are_not_typed_stay() {
    let (site, simulator) = market().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let path = "/console/t/acme/channels/FK1";
    site.get(path, &cookie).await.shows(200, &["cannot sign in yet", "client_secret", "not set"]);
    let saved = send(&site, path, &cookie, &[("default_facility", "DEL1")], &fields(&simulator)).await;
    site.get(saved.leads_to(), &cookie).await.shows(200, &["The settings are saved.", "is set"]);

    let (tenant, channel) = ("acme".into(), "FK1".into());
    let secrets = site.store.secrets(&tenant, &channel).await.unwrap();
    let saved = site.post(path, &cookie, &[("setting.page_size", "20"), ("shipping", "SELLER")]).await;
    assert_eq!(saved.leads_to(), "/console/t/acme/channels/FK1?done=saved");
    assert_eq!(site.store.secrets(&tenant, &channel).await.unwrap(), secrets);
    let kept = site.store.channel(&tenant, &channel).await.unwrap().unwrap();
    assert_eq!(serde_json::Value::Object(kept.settings), serde_json::json!({"page_size": 20}));
    assert_eq!(kept.default_facility, None, "an empty field takes away");

    let wrong = site.post(path, &cookie, &[("setting.page_size", "0")]).await;
    wrong.shows(422, &["wrong-setting.page_size", "value=\"0\"", "from 1 to 100"]);
    site.post(path, &cookie, &[("shipping", "MAIL")]).await.shows(422, &["MAIL is no word for who ships"]);
    site.post(&format!("{path}/switch"), &cookie, &[("to", "x")]).await.shows(422, &["on or off"]);
}

#[tokio::test]
async fn a_test_that_fails_says_why_and_what_to_do() {
    let (site, simulator) = market().await;
    let cookie = site.signed_in("ana", Role::Admin).await;
    let wrong = [("setting.client_secret", "another")];
    send(&site, "/console/t/acme/channels/FK1", &cookie, &wrong, &fields(&simulator)).await.leads_to();
    let tested = site.post("/console/t/acme/channels/FK1/test", &cookie, &[]).await;
    tested.shows(200, &["The connection does not work", "type the secrets again"]);
    site.get("/console/t/acme/channels/FK9", &cookie).await.shows(404, &["did you mean <code>FK1</code>?"]);
}

#[tokio::test]
async fn a_channel_without_its_connector_says_so_and_a_viewer_reads_only() {
    let site = Site::new().await;
    let ana = site.signed_in("ana", Role::Admin).await;
    let page = site.get("/console/t/acme/channels/FK1", &ana).await;
    page.shows(200, &["Connector flipkart is not loaded on this host", "Switch it off"]);
    site.post("/console/t/acme/channels/FK1", &ana, &[]).await.shows(422, &["nobody can check its settings"]);
    let tested = site.post("/console/t/acme/channels/FK1/test", &ana, &[]).await;
    tested.shows(200, &["The connection does not work", "no libflipkart.so was found"]);
    site.get("/console/t/acme/channels", &ana).await.shows(200, &["connector not loaded", "Add a channel"]);
    let eve = site.signed_in("eve", Role::Viewer).await;
    let page = site.get("/console/t/acme/channels/FK1", &eve).await;
    assert!(!page.text.contains("Switch it off") && !page.text.contains("Test the connection"), "{page:?}");
    assert!(!site.get("/console/t/acme/channels", &eve).await.text.contains("Add a channel"));
}

#[tokio::test]
async fn connectors_show_what_they_can_report_and_why_files_were_refused() {
    let site = Site::new().await;
    let ana = site.signed_in("ana", Role::Admin).await;
    site.get("/console/t/acme/connectors", &ana).await.shows(200, &["No connector is loaded"]);
    site.load("flipkart");
    site.offer("libbroken.so");
    let page = site.get("/console/t/acme/connectors", &ana).await;
    page.shows(200, &["flipkart", "1 file was refused"]);
    assert!(!page.text.contains("libbroken.so"), "where files lie is for who runs the host");
    let one = site.get("/console/t/acme/connectors/flipkart", &ana).await;
    one.shows(200, &["DISPATCHED", "documented", "assumed", "not told", "The rate plan", "A second"]);
    site.get("/console/t/acme/connectors/flipcart", &ana)
        .await
        .shows(404, &["did you mean <code>flipkart</code>?"]);
    site.person_in("root", None, Role::Admin).await;
    let root = site.sign_in("root", PASSWORD).await.cookie();
    site.get("/console/t/acme/connectors", &root).await.shows(200, &["libbroken.so", "Why, and what to do"]);
}

#[tokio::test]
async fn a_marketplace_that_is_left_in_peace_is_named_with_the_reason() {
    let site = Site::new().await;
    let ana = site.signed_in("ana", Role::Viewer).await;
    let open = serde_json::json!({"subject": {"of": "account", "id": "acme/FK1"}, "since": site.clock.now_ms(),
        "probe_at": site.clock.now_ms() + 60_000, "failures": 8, "reason": "connection refused"});
    site.store.put_breaker("account acme/FK1", &open.to_string()).await.unwrap();
    site.get("/console/t/acme/channels", &ana).await.shows(200, &["not asked for a while"]);
    let page = site.get("/console/t/acme/channels/FK1", &ana).await;
    page.shows(200, &["is not asked for a while (this account)", "Connection refused"]);
    site.person_in("eve", Some("other"), Role::Viewer).await;
    let eve = site.sign_in("eve", PASSWORD).await.cookie();
    let theirs = site.get("/console/t/other/channels", &eve).await;
    assert!(!theirs.text.contains("not asked for a while"), "{theirs:?}");
}
