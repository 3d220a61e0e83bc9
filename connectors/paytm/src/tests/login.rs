use plugin_api::{Error, ErrorKind, Token};

use super::*;

const AUTHORIZE: &str = "POST /oauth2/authorize";
const TOKEN: &str = "POST /oauth2/token";
const SESSION: &str = "GET /authorize";

fn login(script: Script) -> Ran<Token> {
    script.login::<crate::Paytm>(settings())
}

fn session(cookies: &[&str]) -> Reply {
    let mut reply = Reply::new(200, "{}");
    reply.headers = cookies.iter().map(|cookie| ("set-cookie".to_owned(), (*cookie).to_owned())).collect();
    reply
}

/// The two steps before the session.
fn two_steps(token: &str) -> Script {
    Script::new().reply(AUTHORIZE, 200, fixture!("code")).reply(TOKEN, 200, token)
}

#[test]
fn panel_login_code_and_session_follow_each_other() {
    let cookies = session(&["connect.sid=session-fixture; Path=/; HttpOnly", "lb=node1"]);
    let ran = login(two_steps(fixture!("token")).answer(SESSION, Ok(cookies)));
    let token = ran.result.unwrap();
    assert_eq!(token.value, "00000000-0000-4000-8000-00000000abcd");
    assert_eq!(token.expires_in_secs, 12 * 3600, "to the end that the reply names");
    assert_eq!(token.parts["cookie"], "connect.sid=session-fixture; lb=node1");
    assert!(token.rotated.is_empty(), "the refresh token is not kept");
    assert_eq!(
        ran.transcript,
        [
            "POST https://persona.paytm.com/oauth2/authorize\n\n\
             username={secret:username}&password={secret:password}&client_id={secret:client_id}&response_type=code&\
             notredirect=true&state=statusync",
            "POST https://persona.paytm.com/oauth2/token\n\n\
             grant_type=authorization_code&code=code-fixture&client_id={secret:client_id}&\
             client_secret={secret:client_secret}&state=statusync",
            "GET https://fulfillment.paytm.com/authorize?authtoken=00000000-0000-4000-8000-00000000abcd",
        ]
    );
}

#[test]
fn a_token_without_a_readable_end_lives_for_twelve_hours() {
    for end in
        ["", r#","token_expiry_time":null"#, r#","token_expiry_time":"soon""#, r#","token_expiry_time":1"#]
    {
        let token = format!(r#"{{"access_token":"token-fixture"{end}}}"#);
        let ran = login(two_steps(&token).answer(SESSION, Ok(session(&["a=b"]))));
        assert_eq!(ran.result.unwrap().expires_in_secs, 43_200, "{end}");
    }
}

#[test]
fn a_session_that_does_not_open_leaves_the_token() {
    let down = || Err(Error::new(ErrorKind::Unavailable, "no route"));
    for answer in
        [down(), Ok(Reply::new(500, "")), Ok(Reply::new(403, "")), Ok(session(&[])), Ok(session(&["broken"]))]
    {
        let ran = login(two_steps(fixture!("token")).answer(SESSION, answer));
        let token = ran.result.unwrap();
        assert_eq!((token.parts["cookie"].as_str(), ran.requests.len()), ("", 3));
    }
}

#[test]
fn a_cookie_that_would_break_a_header_is_left_out() {
    let ran =
        login(two_steps(fixture!("token")).answer(SESSION, Ok(session(&["a=b\u{7f}", "c=d e", "f=g"]))));
    assert_eq!(ran.result.unwrap().parts["cookie"], "f=g");
}

#[test]
fn a_refused_panel_login_is_an_auth_error_and_nothing_more_is_sent() {
    for (status, body) in [
        (401, ""),
        (400, r#"{"error":"invalid_request"}"#),
        (403, "<html></html>"),
        (200, r#"{"error":"Invalid username or password"}"#),
    ] {
        let ran = login(Script::new().reply(AUTHORIZE, status, body));
        let error = ran.result.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (ErrorKind::Auth, "login"), "{status}");
        assert!(error.message.contains("`username` and `password`"), "{error}");
        assert_eq!(ran.requests.len(), 1);
    }
}

#[test]
fn a_refused_app_names_the_app() {
    for (status, body) in [(401, ""), (200, r#"{"error":"invalid_client"}"#)] {
        let ran = login(Script::new().reply(AUTHORIZE, 200, fixture!("code")).reply(TOKEN, status, body));
        let error = ran.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Auth);
        assert!(error.message.contains("`client_id` and `client_secret`"), "{error}");
    }
}

#[test]
fn a_login_without_its_result_is_a_bad_reply() {
    for body in ["", "{}", "<html>sign in</html>", r#"{"code":""}"#, r#"{"code":{}}"#] {
        assert_eq!(
            login(Script::new().reply(AUTHORIZE, 200, body)).result.unwrap_err().kind,
            ErrorKind::BadReply
        );
    }
    for body in ["", "{}", r#"{"access_token":null}"#, r#"{"access_token":" "}"#, r#"{"access_token":7}"#] {
        assert_eq!(login(two_steps(body)).result.unwrap_err().kind, ErrorKind::BadReply, "{body}");
    }
}

#[test]
fn an_outage_during_login_is_no_refusal() {
    for (status, kind) in [
        (503, ErrorKind::Unavailable),
        (429, ErrorKind::RateLimited),
        (404, ErrorKind::BadRequest),
        (302, ErrorKind::BadReply),
    ] {
        let error = r#"{"error":"login is down"}"#;
        assert_eq!(login(Script::new().reply(AUTHORIZE, status, error)).result.unwrap_err().kind, kind);
    }
}

#[test]
fn no_token_shows_in_debug_or_errors() {
    let shown = format!(
        "{:?}",
        login(two_steps(fixture!("token")).answer(SESSION, Ok(session(&["sid=fixture"])))).result
    );
    assert!(!shown.contains("abcd") && !shown.contains("fixture"), "{shown}");
    for status in [200, 401, 500] {
        let shown =
            format!("{:?}", login(Script::new().reply(AUTHORIZE, status, fixture!("error_token"))).result);
        assert!(!shown.contains("abcd"), "{shown}");
    }
}

#[test]
fn an_operator_s_addresses_are_used_for_logging_in_too() {
    let settings = json!({"merchant_id": 1, "login_url": "https://persona-dev.paytm.com",
        "base_url": "https://fulfillment-dev.paytm.com", "token_path": "/t"});
    let ran = Script::new()
        .reply(AUTHORIZE, 200, fixture!("code"))
        .reply("POST /t", 200, fixture!("token"))
        .answer(SESSION, Ok(session(&["a=b"])))
        .login::<crate::Paytm>(settings);
    assert!(ran.result.is_ok());
    assert!(ran.requests[0].starts_with("POST https://persona-dev.paytm.com/oauth2/authorize"));
    assert!(ran.requests[1].starts_with("POST https://persona-dev.paytm.com/t"));
    assert!(ran.requests[2].starts_with("GET https://fulfillment-dev.paytm.com/authorize?"));
}

#[test]
fn wrong_settings_are_refused_by_name_before_anything_is_sent() {
    let ran = Script::new().login::<crate::Paytm>(json!({}));
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`merchant_id` is missing") && ran.requests.is_empty(), "{error}");
}

#[test]
fn a_secret_of_the_second_step_is_missed_before_the_first() {
    let settings = json!({"merchant_id": 1, "_secrets": ["username", "password", "client_id"]});
    let ran = Script::new().login::<crate::Paytm>(settings);
    let error = ran.result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.contains("`client_secret` is missing") && ran.requests.is_empty(), "{error}");
}
