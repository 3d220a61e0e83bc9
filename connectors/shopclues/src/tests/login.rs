use plugin_api::{Error, ErrorKind, Token};

use super::*;

const TOKEN: &str = "POST /loginToken.php";

fn login(status: u16, body: &str) -> Ran<Token> {
    Script::new().reply(TOKEN, status, body).login::<crate::ShopClues>(json!({}))
}

#[test]
fn the_password_goes_as_md5_and_every_secret_by_reference() {
    let ran = login(200, fixture!("token"));
    let token = ran.result.unwrap();
    assert_eq!(token.value, "access-token-fixture-0123456789abcdef");
    assert_eq!(token.expires_in_secs, 86_400);
    assert!(token.rotated.is_empty() && token.parts.is_empty());
    assert_eq!(
        ran.transcript,
        [
            "POST https://auth.shopclues.com/loginToken.php\ncontent-type: application/json\n\n{\"grant_type\":\"password\"}\n\
          /username = {secret:username}\n/password = md5({secret:password})\n/client_id = {secret:client_id}\n\
          /client_secret = {secret:client_secret}"
        ]
    );
}

#[test]
fn a_password_that_is_md5_already_goes_as_it_is() {
    let settings =
        json!({"password_is_md5": true, "token_url": "https://sandbox.shopclues.com/oauth/loginToken.php"});
    let ran = Script::new()
        .reply("POST /oauth/loginToken.php", 200, fixture!("token"))
        .login::<crate::ShopClues>(settings);
    assert!(ran.result.is_ok());
    assert!(ran.transcript[0].starts_with("POST https://sandbox.shopclues.com/oauth/loginToken.php\n"));
    assert!(ran.transcript[0].contains("\n/password = {secret:password}\n"));
}

#[test]
fn a_life_is_read_as_number_and_as_text_and_is_an_hour_otherwise() {
    for (life, secs) in [("60", 60), (r#""60""#, 60), ("null", 3600), ("0", 3600), (r#""soon""#, 3600)] {
        let body = format!(r#"{{"access_token":"t","expires_in":{life}}}"#);
        assert_eq!(login(200, &body).result.unwrap().expires_in_secs, secs, "{life}");
    }
}

#[test]
fn an_answer_without_a_token_means_bad_credentials() {
    for (status, body) in [
        (200, "{}"),
        (200, r#"{"access_token":null,"error":"invalid"}"#),
        (200, r#"{"access_token":""}"#),
        (400, r#"{"error":"invalid_grant"}"#),
        (401, ""),
        (403, "<html></html>"),
    ] {
        let ran = login(status, body);
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "login"), "{status} {body}");
        assert!(error.message.contains("`password`"), "{error}");
        assert_eq!(ran.requests.len(), 1);
    }
}

#[test]
fn an_outage_during_login_is_no_refusal() {
    for (status, body, kind) in [
        (503, "<html>busy</html>", ErrorKind::Unavailable),
        (429, "", ErrorKind::RateLimited),
        (404, "", ErrorKind::BadRequest),
        (302, "", ErrorKind::BadReply),
        (200, "<html>busy</html>", ErrorKind::BadReply),
        (200, "", ErrorKind::BadReply),
        (200, r#"{"access_token":7}"#, ErrorKind::BadReply),
    ] {
        assert_eq!(login(status, body).result.unwrap_err().kind, kind, "{status} {body}");
    }
    let down = Err(Error::new(ErrorKind::Unavailable, "no route"));
    let ran = Script::new().answer(TOKEN, down).login::<crate::ShopClues>(json!({}));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
}

#[test]
fn no_token_shows_in_debug_or_errors() {
    for (status, body) in [(200, fixture!("token")), (401, fixture!("token")), (500, fixture!("token"))] {
        let shown = format!("{:?}", login(status, body).result);
        assert!(!shown.contains("fixture"), "{shown}");
    }
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    let ran =
        Script::new().login::<crate::ShopClues>(json!({"base_url": "http://developer.shopclues.com/api/v1"}));
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`base_url`") && ran.requests.is_empty(), "{error}");
}
