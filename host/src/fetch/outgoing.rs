//! Messages of our own to places that a seller named: over the same way out and under the same rules about addresses as
//! everything else, once, without following a redirect.
//!
//! What is in a message, and whether it is sent again, is not decided here.

use std::time::Duration;

use plugin_api::Error;
use reqwest::{
    Response, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Egress,
    client::{Failure, Network, failure},
    redact::Scrub,
    target::whereabouts,
};

/// The most that a message may take, with the answer.
const LIMIT: Duration = Duration::from_secs(15);
/// So much of an answer is read,
const READ_BYTES: usize = 4_096;
/// and so much of it is kept.
const KEPT_CHARS: usize = 500;
/// Parts of a path from this length on may be secrets of the receiver.
const LONG_PART: usize = 16;

/// The way out for messages of our own.
pub struct Outgoing {
    network: Network,
    egress: Egress,
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the body, on one line, without what is secret.
    pub said: String,
}

impl Outgoing {
    /// A way out on the network.
    ///
    /// # Errors
    /// `config` if this machine has no certificates to check others with.
    pub fn new(egress: Egress) -> Result<Outgoing, Error> {
        Ok(Outgoing { network: Network::new(egress)?, egress })
    }

    /// Whether messages may be sent to a URL, as far as the URL shows; where its name leads is seen when they are.
    ///
    /// # Errors
    /// Why not, naming neither path nor query.
    pub fn check(&self, url: &str) -> Result<(), String> {
        self.read(url).map(drop)
    }

    fn read(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|error| format!("the URL cannot be read ({error})"))?;
        match whereabouts(&url, self.egress) {
            Ok(_) => Ok(url),
            Err(why) => Err(format!("{why}: `{}://{}`", url.scheme(), url.host_str().unwrap_or("no host"))),
        }
    }

    /// Sends JSON with these headers. `secrets` are blanked in what is answered, and so is what looks secret in the URL.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
        secrets: &[&str],
    ) -> Result<Sent, String> {
        let url = self.read(url)?;
        let mut sent = HeaderMap::new();
        sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in headers {
            let value =
                HeaderValue::from_str(value).map_err(|_| format!("the header {name} cannot be sent"))?;
            sent.insert(HeaderName::from_static(name), value);
        }
        let end = Instant::now() + LIMIT;
        let request = self.network.client().post(url.clone()).headers(sent).body(body);
        let response = timeout_at(end, request.send()).await;
        let host = url.host_str().unwrap_or_default();
        let response = response
            .map_err(|_| format!("{host} sent no answer within {} s", LIMIT.as_secs()))?
            .map_err(|error| match failure(&error, &url) {
            Failure::Passing(text) => text,
            Failure::Refused(error) => error.message,
        })?;
        let status = response.status().as_u16();
        let rest = end.saturating_duration_since(Instant::now());
        let mut said = Vec::new();
        // The status has said everything that matters; a body that is slow or broken changes nothing.
        let _cut_off = timeout(rest, beginning(response, &mut said)).await;
        Ok(Sent { status, said: shortened(said, &url, secrets) })
    }
}

/// The beginning of a body; what is not read goes with the connection.
async fn beginning(mut response: Response, said: &mut Vec<u8>) {
    while let Ok(Some(piece)) = response.chunk().await {
        let room = READ_BYTES - said.len();
        said.extend_from_slice(&piece[..piece.len().min(room)]);
        if said.len() >= READ_BYTES {
            return;
        }
    }
}

fn shortened(said: Vec<u8>, url: &Url, secrets: &[&str]) -> String {
    let values: Vec<String> = url.query_pairs().map(|(_, value)| value.into_owned()).collect();
    let parts = url.path_segments().into_iter().flatten().filter(|part| part.len() >= LONG_PART);
    let hidden = secrets.iter().copied().chain(values.iter().map(String::as_str)).chain(parts);
    let clean = Scrub::new(hidden).bytes(said);
    let text = String::from_utf8_lossy(&clean);
    let one_line = text.chars().map(|c| if c.is_control() || c == '\u{fffd}' { ' ' } else { c });
    one_line.take(KEPT_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    fn outgoing(allow_loopback: bool) -> Outgoing {
        Outgoing::new(Egress { allow_loopback }).unwrap()
    }

    async fn answered(response: ResponseTemplate) -> (MockServer, Result<Sent, String>) {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        let url = format!("{}/hooks/a-long-part-of-a-path?token=hush-hush", server.uri());
        let sent =
            outgoing(true).post(&url, &[("webhook-id", "evt_1".into())], "{}".into(), &["s3cret-key"]).await;
        (server, sent)
    }

    #[test]
    fn urls_are_judged_like_those_of_marketplaces() {
        let closed = outgoing(false);
        assert_eq!(closed.check("https://example.com/hook?x=y"), Ok(()));
        for wrong in [
            "http://example.com/hush",
            "https://10.0.0.1/hush",
            "https://127.0.0.1/hush",
            "https://[::1]/hush",
            "https://localhost/hush",
            "https://me:hush@example.com/",
            "ftp://example.com/hush",
            "hush",
            "https:///",
        ] {
            let said = closed.check(wrong).unwrap_err();
            assert!(!said.contains("hush"), "{wrong}: {said}");
        }
        let open = outgoing(true);
        assert_eq!(open.check("http://127.0.0.1:8080/"), Ok(()));
        assert!(open.check("http://example.com/").is_err() && open.check("https://192.168.1.1/").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_the_message_is_sent() {
        let said = outgoing(false).post("https://localhost.localdomain/", &[], String::new(), &[]).await;
        assert!(said.is_err());
    }

    #[tokio::test]
    async fn a_message_arrives_whole_and_the_answer_is_shortened_and_without_secrets() {
        let body =
            format!("thanks for hush-hush, s3cret-key and a-long-part-of-a-path\n{}", "x".repeat(9_000));
        let (server, sent) = answered(ResponseTemplate::new(202).set_body_string(body)).await;
        let sent = sent.unwrap();
        assert_eq!(sent.status, 202);
        assert!(
            sent.said.starts_with("thanks for [REDACTED], [REDACTED] and [REDACTED] xxx"),
            "{}",
            sent.said
        );
        assert_eq!(sent.said.chars().count(), KEPT_CHARS);
        let asked = server.received_requests().await.unwrap();
        assert_eq!((&*asked[0].method.to_string(), &asked[0].body[..]), ("POST", &b"{}"[..]));
        assert_eq!(
            (&asked[0].headers["webhook-id"], &asked[0].headers["content-type"]),
            (&HeaderValue::from_static("evt_1"), &HeaderValue::from_static("application/json"))
        );
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let elsewhere = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&elsewhere).await;
        let (_server, sent) =
            answered(ResponseTemplate::new(307).insert_header("location", &*elsewhere.uri())).await;
        assert_eq!(sent.unwrap().status, 307);
        assert!(elsewhere.received_requests().await.unwrap().is_empty());
    }

    /// A receiver that writes these bytes and then holds the connection open.
    async fn that_stalls(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4_096];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            stream.write_all(bytes).await.unwrap();
            std::future::pending::<()>().await;
        });
        url
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_says_nothing_is_given_up_after_15_seconds() {
        let (url, start) = (that_stalls(b"").await, Instant::now());
        let said = outgoing(true).post(&url, &[], String::new(), &[]).await.unwrap_err();
        assert_eq!((said.as_str(), start.elapsed().as_secs()), ("127.0.0.1 sent no answer within 15 s", 15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_does_not_change_the_status() {
        let url = that_stalls(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello").await;
        let start = Instant::now();
        let sent = outgoing(true).post(&url, &[], String::new(), &[]).await.unwrap();
        assert_eq!((sent.status, &*sent.said, start.elapsed().as_secs()), (200, "hello", 15));
    }
}
