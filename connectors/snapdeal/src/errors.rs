//! Opens Snapdeal's envelope, and says what an answer without a payload means.
//!
//! A refusal is known by its message, whatever the HTTP status. The message decides about the kind and is never quoted:
//! it may hold ids and tokens.

use plugin_api::{Error, ErrorKind, Reply, Result};

use crate::{
    requests::READ,
    wire::{Body, Head, Payload},
};

/// What an answer came to.
#[derive(Debug)]
pub(crate) enum Opened<P> {
    /// Data.
    Payload(P),
    /// A sound answer whose payload is null.
    Null,
    /// Snapdeal does not answer this question; neither our credentials nor our modes are the reason.
    Refused(Error),
}

/// Opens an answer to a question about `what`.
///
/// # Errors
/// `auth` if the credentials are refused, by HTTP status or in words; `bad_request` if the fulfilment modes are;
/// `rate_limited` and `unavailable` as the HTTP status says; `bad_reply` for what is no answer at all.
pub(crate) fn open<P: Payload>(reply: &Reply, what: &str) -> Result<Opened<P>> {
    if !reply.is_success() {
        return refused(reply, what).map(Opened::Refused);
    }
    let head: Head = reply.json().map_err(|error| about(what, error))?;
    if head.message().is_some() {
        let by_message = Error::new(ErrorKind::BadRequest, "Snapdeal refuses the question, with HTTP 200");
        let refused = refusal(head.message(), what, by_message)?;
        return if head.has_envelope() { Ok(Opened::Refused(refused)) } else { Err(refused) };
    }
    match head.payload {
        Some(true) => {
            Ok(Opened::Payload(reply.json::<Body<P>>().map_err(|error| about(what, error))?.payload))
        }
        Some(false) => Ok(Opened::Null),
        None => Err(about(what, Error::bad_reply("the answer has neither a payload nor a message"))),
    }
}

/// Opens a page of a list, where no answer is a failure.
///
/// # Errors
/// As [`open`]; a refusal and a null payload too.
pub(crate) fn open_page<P: Payload>(reply: &Reply, what: &str) -> Result<P> {
    match open(reply, what)? {
        Opened::Payload(payload) => Ok(payload),
        Opened::Null => Err(about(what, Error::bad_reply("the payload is null"))),
        Opened::Refused(error) => Err(error),
    }
}

/// The failure of a reply that lacks the member for its rows.
pub(crate) fn no_member(what: &str, member: &str) -> Error {
    about(what, Error::bad_reply(format!("the payload has no `{member}`")))
}

/// That every row could be read; asked after those that could were reported.
///
/// # Errors
/// `bad_reply` if some could not.
pub(crate) fn all_read(what: &str, unreadable: usize) -> Result<()> {
    if unreadable == 0 {
        return Ok(());
    }
    let message = format!(
        "{unreadable} rows cannot be read: they lack a suborder code or a status, or have other types"
    );
    Err(about(what, Error::bad_reply(message)))
}

/// The error with what was asked for before its message.
pub(crate) fn about(what: &str, mut error: Error) -> Error {
    error.message = format!("{what}: {}", error.message);
    error.during(READ)
}

/// What an HTTP failure means.
fn refused(reply: &Reply, what: &str) -> Result<Error> {
    let Err(error) = reply.clone().ok() else {
        return Err(about(what, Error::bad_reply("the answer contradicts its HTTP status")));
    };
    match error.kind {
        ErrorKind::Auth => Err(credentials(what)),
        // A page for people is a gateway's: it says nothing about what was asked for.
        ErrorKind::BadRequest if !reply.is_markup() => {
            let head = reply.json::<Head>().ok();
            let refused = refusal(head.as_ref().and_then(Head::message), what, error)?;
            let is_snapdeal_s = head.is_some_and(|head| head.has_envelope());
            if is_snapdeal_s || matches!(reply.status, 404 | 410) { Ok(refused) } else { Err(refused) }
        }
        _ => Err(about(what, error)),
    }
}

/// What a refusal's message means: everybody's trouble is an error, this question's is handed back.
fn refusal(message: Option<&str>, what: &str, error: Error) -> Result<Error> {
    let words = message.unwrap_or_default().to_ascii_lowercase();
    let says = |word: &str| words.contains(word);
    if ["token", "auth"].iter().any(|word| says(word)) {
        return Err(credentials(what));
    }
    if ["fmode", "fulfilment mode", "fulfillment mode", "fulfilmentmode", "fulfillmentmode"]
        .iter()
        .any(|word| says(word))
    {
        let message =
            "Snapdeal does not take the fulfilment modes that it documents; tell the connector's authors";
        return Err(about(what, Error::new(ErrorKind::BadRequest, message)));
    }
    Ok(about(what, error))
}

fn credentials(what: &str) -> Error {
    let message = "Snapdeal refuses the credentials; let the seller authorise the app again and enter the new seller_token, \
                   and check client_id and auth_token";
    about(what, Error::auth(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Packages;

    fn opened(status: u16, body: &str) -> Result<&'static str> {
        open::<Packages>(&Reply::new(status, body), "new orders").map(|opened| match opened {
            Opened::Payload(_) => "payload",
            Opened::Null => "null",
            Opened::Refused(_) => "refused",
        })
    }

    fn kind(status: u16, body: &str) -> ErrorKind {
        opened(status, body).unwrap_err().kind
    }

    #[test]
    fn an_answer_is_data_if_it_has_a_payload_and_no_message() {
        for body in [
            r#"{"metadata":{"requestId":"a"},"payload":{"packages":[]}}"#,
            r#"{"metadata":{"message":""},"payload":{}}"#,
            r#"{"metadata":{"message":null},"payload":{"packages":null}}"#,
            r#"{"payload":{"packages":[]}}"#,
        ] {
            assert_eq!(opened(200, body).unwrap(), "payload", "{body}");
        }
        assert_eq!(opened(200, r#"{"metadata":{},"payload":null}"#).unwrap(), "null");
    }

    #[test]
    fn a_message_makes_it_a_refusal_wherever_it_stands() {
        for (status, body) in [
            (200, r#"{"metadata":{"message":"No such package"}}"#),
            (200, r#"{"metadata":{"message":"No such package"},"payload":{"packages":[]}}"#),
            (400, r#"{"metadata":{"message":"No such package"}}"#),
            (404, ""),
            (404, "not found"),
            (422, r#"{"metadata":{"message":"No such package"}}"#),
            (404, r#"{"message":"No such package"}"#),
        ] {
            assert_eq!(opened(status, body).unwrap(), "refused", "{status} {body}");
        }
    }

    #[test]
    fn refused_credentials_are_auth_in_every_form() {
        for (status, body) in [
            (401, ""),
            (403, "<html></html>"),
            (400, r#"{"message":"Invalid seller TOKEN 7f3a"}"#),
            (200, r#"{"metadata":{"message":"Client is not authorized"}}"#),
            (422, r#"{"metadata":{"message":"X-Auth-Token missing"}}"#),
        ] {
            let error = opened(status, body).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Auth, "{status} {body}");
            assert!(error.message.contains("seller_token") && !error.message.contains("7f3a"), "{error}");
        }
    }

    #[test]
    fn modes_that_are_refused_concern_every_question() {
        for (status, body) in [
            (200, r#"{"metadata":{"message":"Invalid fulfilment mode"}}"#),
            (400, r#"{"metadata":{"message":"fModes is mandatory"}}"#),
        ] {
            assert_eq!(kind(status, body), ErrorKind::BadRequest, "{status} {body}");
        }
    }

    #[test]
    fn what_is_no_answer_has_the_kind_of_its_cause() {
        for (status, body, expected) in [
            (200, "", ErrorKind::BadReply),
            (200, "<html>sign in</html>", ErrorKind::BadReply),
            (200, "{}", ErrorKind::BadReply),
            (200, "[]", ErrorKind::BadReply),
            (200, "null", ErrorKind::BadReply),
            (200, r#"{"metadata":{"requestId":"a"}}"#, ErrorKind::BadReply),
            (200, r#"{"payload":7}"#, ErrorKind::BadReply),
            (200, r#"{"payload":{"packages":{"a":1}}}"#, ErrorKind::BadReply),
            (200, r#"{"payload":{"packages":[{"pac"#, ErrorKind::BadReply),
            (302, "", ErrorKind::BadReply),
            (404, "<html>no such page</html>", ErrorKind::BadRequest),
            (400, "", ErrorKind::BadRequest),
            (422, r#"{"message":"of a gateway"}"#, ErrorKind::BadRequest),
            (200, r#"{"message":"of a gateway"}"#, ErrorKind::BadRequest),
            (200, r#"{"metadata":["No such package"]}"#, ErrorKind::BadReply),
            (429, "", ErrorKind::RateLimited),
            (500, r#"{"message":"token"}"#, ErrorKind::Unavailable),
        ] {
            assert_eq!(kind(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn no_error_quotes_what_a_body_says() {
        for status in [200, 400, 422, 500] {
            let body =
                r#"{"metadata":{"message":"SECRET-WORD"},"message":"SECRET-WORD","payload":"SECRET-WORD"}"#;
            let shown =
                format!("{:?}", open::<Packages>(&Reply::new(status, body), "new orders").map(|_| ()));
            assert!(!shown.contains("SECRET-WORD"), "{shown}");
        }
    }
}
