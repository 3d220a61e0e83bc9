use plugin_api::{Error, ErrorKind, Token, testing::Ran};

use super::*;

const TOKEN: &str = "GET /oauth-service/oauth/token";

fn login(secrets: &[&str], status: u16, reply: &str) -> Ran<Token> {
    Script::new().reply(TOKEN, status, reply).login::<crate::Flipkart>(json!({ "_secrets": secrets }))
}

const OWN: &[&str] = &["client_id", "client_secret"];
const PARTNER: &[&str] = &["client_id", "client_secret", "refresh_token"];

#[test]
fn the_seller_s_own_app_logs_in_with_id_and_secret() {
    let ran = login(OWN, 200, fixture!("token_own"));
    let token = ran.result.unwrap();
    assert_eq!((token.value.as_str(), token.expires_in_secs), ("own-access-token-fixture", 5_183_999));
    assert!(token.rotated.is_empty(), "a refresh token here would turn the channel into a partner's");
    assert_eq!(
        ran.transcript,
        [
            "GET https://api.flipkart.net/oauth-service/oauth/token?grant_type=client_credentials&scope=Seller_Api\n\
         authorization: Basic {secret:client_id}:{secret:client_secret}"
        ]
    );
}

#[test]
fn a_partner_app_logs_in_with_its_refresh_token_and_hands_over_the_next() {
    let ran = login(PARTNER, 200, fixture!("token_partner"));
    let token = ran.result.unwrap();
    assert_eq!((token.value.as_str(), token.expires_in_secs), ("partner-access-token-fixture", 120));
    assert_eq!(token.rotated["refresh_token"], "next-refresh-token-fixture");
    assert_eq!(
        ran.transcript,
        [
            "GET https://api.flipkart.net/oauth-service/oauth/token?grant_type=refresh_token&refresh_token={secret:refresh_token}\n\
         authorization: Basic {secret:client_id}:{secret:client_secret}"
        ]
    );
}

#[test]
fn a_partner_s_refresh_token_stays_if_no_new_one_comes() {
    for reply in [
        r#"{"access_token":"t","expires_in":9}"#,
        r#"{"access_token":"t","expires_in":9,"refresh_token":""}"#,
    ] {
        assert!(login(PARTNER, 200, reply).result.unwrap().rotated.is_empty());
    }
}

#[test]
fn a_token_that_does_not_say_how_long_it_lives_is_renewed_soon() {
    assert_eq!(login(OWN, 200, r#"{"access_token":"t"}"#).result.unwrap().expires_in_secs, 3600);
}

#[test]
fn refused_credentials_are_an_auth_error_that_says_whose_move_it_is() {
    for (status, reply) in [
        (401, fixture!("error_unauthorized")),
        (400, r#"{"error":"invalid_grant"}"#),
        (403, ""),
        (200, fixture!("error_unauthorized")),
        (500, r#"{"errorId":"5d1","error":"{\"error\":\"unauthorized\"}"}"#),
    ] {
        let error = login(OWN, status, reply).result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "login"), "{status} {reply}");
    }
    let own = login(OWN, 401, "").result.unwrap_err().message;
    let partner = login(PARTNER, 401, "").result.unwrap_err().message;
    assert!(own.contains("enter new ones") && partner.contains("authorise the app again"), "{own} {partner}");
}

#[test]
fn an_outage_during_login_is_no_refusal() {
    assert_eq!(login(OWN, 503, "<html>busy</html>").result.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(login(OWN, 429, "").result.unwrap_err().kind, ErrorKind::RateLimited);
    let given_up = Error::new(ErrorKind::Unavailable, "no route");
    let ran = Script::new().answer(TOKEN, Err(given_up)).login::<crate::Flipkart>(json!({}));
    assert_eq!(ran.result.unwrap_err().kind, ErrorKind::Unavailable);
}

#[test]
fn a_login_without_a_token_is_a_bad_reply() {
    for reply in ["", "{}", "<html></html>", r#"{"access_token":""}"#, r#"{"access_token":null}"#] {
        assert_eq!(login(OWN, 200, reply).result.unwrap_err().kind, ErrorKind::BadReply, "{reply}");
    }
}

#[test]
fn no_token_shows_in_debug_or_errors() {
    let shown = format!("{:?}", login(PARTNER, 200, fixture!("token_partner")).result);
    assert!(!shown.contains("fixture"), "{shown}");
    for (status, reply) in [(401, fixture!("error_unauthorized")), (500, fixture!("error_invalid_token"))] {
        let shown = format!("{:?}", login(OWN, status, reply).result);
        assert!(!shown.contains("1a2b3c") && !shown.contains("0f3c"), "{shown}");
    }
}

#[test]
fn an_operator_s_base_url_is_used_for_logging_in_too() {
    let settings = json!({"base_url": "https://sandbox-api.flipkart.net/"});
    let ran = Script::new().reply(TOKEN, 200, fixture!("token_own")).login::<crate::Flipkart>(settings);
    assert!(ran.requests[0].starts_with("GET https://sandbox-api.flipkart.net/oauth-service/oauth/token?"));
    assert!(ran.result.is_ok());
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    let ran = Script::new().login::<crate::Flipkart>(json!({"page_size": 0}));
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`page_size`") && ran.requests.is_empty(), "{error}");
}
