use plugin_api::{ErrorKind, Token};

use super::*;

const TOKEN: &str = "POST /oauth/token";

fn with_login() -> Value {
    json!({"auth_mode": "login", "token_path": "/oauth/token", "_secrets": ["username", "password"]})
}

fn login(status: u16, body: &str, more: Value) -> Ran<Token> {
    Script::new().reply(TOKEN, status, body).login::<crate::TataCliq>(settings(more))
}

#[test]
fn user_name_and_password_fetch_a_token_for_a_day() {
    let ran = login(200, fixture!("token.json"), with_login());
    let token = ran.result.unwrap();
    assert_eq!((token.value.as_str(), token.expires_in_secs), ("made-up-token-fixture", 86_400));
    assert_eq!(
        ran.transcript,
        ["POST https://cliq.example/oauth/token\n\nusername={secret:username}&password={secret:password}"]
    );
}

#[test]
fn the_names_of_the_login_are_the_operator_s_to_say() {
    let mut more = with_login();
    more["user_field"] = json!("user");
    more["token_field"] = json!("jwt");
    more["token_life_secs"] = json!(600);
    let ran = login(200, r#"{"jwt":" t "}"#, more);
    assert!(ran.transcript[0].ends_with("user={secret:username}&password={secret:password}"));
    let token = ran.result.unwrap();
    assert_eq!((token.value.as_str(), token.expires_in_secs), ("t", 600));
}

#[test]
fn refused_credentials_are_the_seller_s_move() {
    for (status, body) in [
        (400, ""),
        (401, ""),
        (403, "<html></html>"),
        (200, r#"{"error":"access_denied"}"#),
        (500, r#"{"error":"invalid_grant"}"#),
    ] {
        let error = login(status, body, with_login()).result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "login"), "{status} {body}");
    }
}

#[test]
fn an_outage_during_login_is_no_refusal() {
    assert_eq!(login(503, "", with_login()).result.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(login(429, "", with_login()).result.unwrap_err().kind, ErrorKind::RateLimited);
}

#[test]
fn a_login_without_a_token_is_a_bad_reply() {
    for body in ["", "{}", "<html></html>", r#"{"access_token":" "}"#, r#"{"access_token":7}"#, "[]"] {
        assert_eq!(login(200, body, with_login()).result.unwrap_err().kind, ErrorKind::BadReply, "{body}");
    }
}

#[test]
fn a_pasted_token_has_no_login() {
    let ran = Script::new().login::<crate::TataCliq>(settings(json!({})));
    assert_eq!((ran.result.unwrap_err().kind, ran.requests.len()), (ErrorKind::Unsupported, 0));
}

#[test]
fn a_login_that_ran_out_unsaid_is_renewed_once_and_the_call_repeated() {
    for status in [200, 400, 500] {
        let script = Script::new().reply(LIST, status, fixture!("error_invalid_token.json")).reply(
            LIST,
            200,
            fixture!("orders_active.json"),
        );
        let ran = changed(script, with_login());
        assert!(ran.result.is_ok(), "{status}: {:?}", ran.result);
        assert_eq!((ran.relogins, ran.requests.len()), (1, 2), "{status}");
        assert!(ran.transcript.iter().all(|sent| sent.contains("authorization: Bearer {token}")));
    }
}

#[test]
fn a_login_that_does_not_hold_is_an_auth_error() {
    let refused = fixture!("error_invalid_token.json");
    let ran = changed(Script::new().reply(LIST, 200, refused).reply(LIST, 200, refused), with_login());
    assert_eq!((ran.result.unwrap_err().kind, ran.relogins), (ErrorKind::Auth, 1));
}

#[test]
fn no_token_shows_in_debug_or_errors() {
    for (status, body) in [(200, fixture!("token.json")), (500, fixture!("error_invalid_token.json"))] {
        let shown = format!("{:?}", login(status, body, with_login()).result);
        assert!(!shown.contains("fixture"), "{shown}");
    }
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    for (more, name) in [(json!({"seller_id": null}), "`seller_id`"), (json!({"base_url": ""}), "`base_url`")]
    {
        let ran = changed(Script::new(), more);
        let error = ran.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains(name) && ran.requests.is_empty(), "{error}");
    }
}
