//! The login, and that no secret shows.

use plugin_api::{Connector as _, ErrorKind};
use serde_json::json;

use super::*;

const TOKEN: &str = "POST /auth/o2/token";

#[test]
fn a_login_trades_the_refresh_token_for_an_access_token() {
    let ran =
        script().reply(TOKEN, 200, include_str!("../../fixtures/login.json")).login::<Amazon>(json!({}));
    let token = ran.result.unwrap();
    assert_eq!((token.value.as_str(), token.expires_in_secs), ("Atza|demo", 3600));
    assert_eq!(token.rotated["refresh_token"], "Atzr|demo");
    assert_eq!(ran.requests, ["POST https://api.amazon.com/auth/o2/token"]);
    assert!(ran.transcript[0].ends_with(
        "grant_type=refresh_token&refresh_token={secret:refresh_token}&client_id={secret:client_id}\
         &client_secret={secret:client_secret}"
    ));
    assert!(ran.transcript[0].contains("\nuser-agent: Statusync/"));
    assert!(!ran.transcript[0].contains("x-amz-access-token"));
}

#[test]
fn the_stored_refresh_token_stays_unless_a_real_one_comes() {
    for refresh in [json!(null), json!(""), json!("***")] {
        let body =
            json!({ "access_token": "Atza|demo", "expires_in": 60, "refresh_token": refresh }).to_string();
        let token = script().reply(TOKEN, 200, body).login::<Amazon>(json!({})).result.unwrap();
        assert!(token.rotated.is_empty(), "{refresh}");
        assert_eq!(token.expires_in_secs, 60);
    }
}

#[test]
fn a_login_without_a_stated_life_lives_the_documented_hour() {
    let ran = script().reply(TOKEN, 200, r#"{"access_token":"Atza|demo"}"#).login::<Amazon>(json!({}));
    assert_eq!(ran.result.unwrap().expires_in_secs, 3600);
}

#[test]
fn an_ended_authorisation_and_a_wrong_secret_are_auth_errors_that_say_what_to_do() {
    let grant = include_str!("../../fixtures/login_invalid_grant.json");
    let error = script().reply(TOKEN, 400, grant).login::<Amazon>(json!({})).result.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "token"));
    assert!(error.message.contains("authorise the app again"));

    let client = include_str!("../../fixtures/login_invalid_client.json");
    let error = script().reply(TOKEN, 401, client).login::<Amazon>(json!({})).result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.contains("client_secret"));
}

#[test]
fn a_login_that_has_trouble_is_tried_again_later() {
    for (status, body) in [(500, ""), (503, "<html>"), (400, "<html>"), (400, r#"{"error":"server_error"}"#)]
    {
        let error = script().reply(TOKEN, status, body).login::<Amazon>(json!({})).result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{status} {body}");
    }
}

#[test]
fn a_login_that_brings_no_token_is_a_bad_reply() {
    for body in ["<html>", "", "{}", r#"{"access_token":""}"#] {
        let error = script().reply(TOKEN, 200, body).login::<Amazon>(json!({})).result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadReply, "{body}");
    }
}

#[test]
fn another_token_address_is_used_as_given() {
    let settings = json!({ "token_url": "http://127.0.0.1:9/auth/o2/token" });
    let ran = script().reply(TOKEN, 200, include_str!("../../fixtures/login.json")).login::<Amazon>(settings);
    assert_eq!(ran.requests, ["POST http://127.0.0.1:9/auth/o2/token"]);
}

#[test]
fn a_wrong_setting_is_refused_before_anything_is_sent() {
    let ran = script().login::<Amazon>(json!({ "orders_api": "v1" }));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Config);
    assert_eq!(ran.requests, Vec::<String>::new());
}

#[test]
fn secrets_that_strayed_into_the_settings_show_nowhere() {
    let settings = json!({ "client_secret": "hush", "refresh_token": "Atzr|hush", "base_url": "https://amazon.example" });
    let connector = Amazon::new(serde_json::from_value(settings.clone()).unwrap()).unwrap();
    assert!(!format!("{connector:?}").contains("hush"));

    let script = script().reply(SEARCH, 403, DENIED.replace("denied", "denied to Atzr|hush"));
    let ran = changed(script, settings);
    assert!(!format!("{:?}", ran.result.unwrap_err()).contains("hush"));
    assert!(!ran.transcript.concat().contains("hush"));
}

#[test]
fn a_login_never_shows_its_tokens() {
    let ran =
        script().reply(TOKEN, 200, include_str!("../../fixtures/login.json")).login::<Amazon>(json!({}));
    assert!(!format!("{:?}", ran.result.unwrap()).contains("demo"));
}
