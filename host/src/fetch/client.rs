//! One attempt: sends a filled-in call over HTTPS and reads the reply whole, within time and size.
//!
//! It tries nothing twice, follows no redirect, uses no proxy and keeps no cookie. Whether a failure is worth another
//! attempt is for the account to decide.

use std::{error::Error as _, sync::Once, time::Duration};

use futures_util::future::BoxFuture;
use plugin_api::{Error, ErrorKind, Reply};
use reqwest::{
    Client, Method, Response, Url,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap},
    redirect, retry,
};
use tokio::time::timeout;

use super::{
    Egress,
    address::{NotPublic, PublicOnly},
    body::{Body, Unread},
    fill::Call,
};

const CONNECT: Duration = Duration::from_secs(5);
const HEAD: Duration = Duration::from_secs(15);
const BODY_IDLE: Duration = Duration::from_secs(15);
const WHOLE: Duration = Duration::from_mins(1);

/// Why an attempt brought no reply.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again cannot help.
    Refused(Error),
    /// The way was down or the reply broke off; the text says how.
    Passing(String),
}

/// What carries one attempt: the network, or a script in tests.
pub(super) trait Wire: Send + Sync {
    /// Sends, and reads at most `cap` bytes of body.
    fn attempt<'a>(&'a self, call: &'a Call, cap: u64) -> BoxFuture<'a, Result<Reply, Failure>>;
}

/// The network.
pub(super) struct Network(Client);

impl Network {
    /// # Errors
    /// `config` if this machine has no certificates to check marketplaces with.
    pub(super) fn new(egress: Egress) -> Result<Self, Error> {
        static PROVIDER: Once = Once::new();
        // Another part of the process may have installed one already; that one serves as well.
        PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let client = Client::builder()
            .user_agent(concat!("statusync/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .dns_resolver(PublicOnly(egress))
            .connect_timeout(CONNECT)
            .build();
        let client = client.map_err(|error| {
            Error::config(format!(
                "no HTTPS on this machine ({}): install its CA certificates",
                innermost(&error)
            ))
        })?;
        Ok(Network(client))
    }

    /// What sends, for those who read the reply in another way.
    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    async fn exchange(&self, call: &Call, cap: u64) -> Result<Reply, Failure> {
        let request = self.0.request(call.method.clone(), call.url.clone()).headers(call.headers.clone());
        let request = match (call.body.is_empty(), &call.method) {
            (false, _) => request.body(call.body.clone()),
            // The client leaves this out, and some servers answer 411 then.
            (true, &Method::POST) => request.header(CONTENT_LENGTH, 0),
            (true, _) => request,
        };
        let response = timeout(HEAD, request.send()).await;
        let mut response = response
            .map_err(|_| late("sent no reply", HEAD, &call.url))?
            .map_err(|error| failure(&error, &call.url))?;

        let mut body = Body::new(&content_encoding(response.headers()), cap).map_err(Failure::Refused)?;
        while let Some(chunk) = timeout(BODY_IDLE, response.chunk())
            .await
            .map_err(|_| late("stopped in the middle of a reply", BODY_IDLE, &call.url))?
            .map_err(|error| failure(&error, &call.url))?
        {
            body.push(&chunk).map_err(|unread| unread.failure(&call.url))?;
        }
        let bytes = body.finish().map_err(|unread| unread.failure(&call.url))?;
        Ok(reply(&response, bytes))
    }
}

impl Wire for Network {
    fn attempt<'a>(&'a self, call: &'a Call, cap: u64) -> BoxFuture<'a, Result<Reply, Failure>> {
        Box::pin(async move {
            let exchange = timeout(WHOLE, self.exchange(call, cap)).await;
            exchange.unwrap_or_else(|_| Err(late("did not finish its reply", WHOLE, &call.url)))
        })
    }
}

impl Unread {
    fn failure(self, url: &Url) -> Failure {
        match self {
            Unread::Refused(error) => Failure::Refused(error),
            Unread::Damaged => {
                Failure::Passing(format!("the reply of {} was cut short or damaged", host(url)))
            }
        }
    }
}

fn reply(response: &Response, body: Vec<u8>) -> Reply {
    let mut reply = Reply::new(response.status().as_u16(), body);
    // The body is unpacked by now, so what the header says of its packing and length is true no more.
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "content-encoding" | "content-length"));
    reply.headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    reply
}

fn content_encoding(headers: &HeaderMap) -> String {
    let all: Vec<_> =
        headers.get_all(CONTENT_ENCODING).iter().map(|one| String::from_utf8_lossy(one.as_bytes())).collect();
    all.join(", ")
}

pub(super) fn failure(error: &reqwest::Error, url: &Url) -> Failure {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(not_public) = error.downcast_ref::<NotPublic>() {
            return Failure::Refused(Error::new(ErrorKind::BadRequest, not_public.to_string()));
        }
        cause = error.source();
    }
    if error.is_builder() {
        return Failure::Refused(Error::new(
            ErrorKind::BadRequest,
            format!("the URL at {} cannot be sent", host(url)),
        ));
    }
    let what = if error.is_connect() {
        "no connection to"
    } else if error.is_body() || error.is_decode() {
        "the reply was cut short by"
    } else {
        "no reply from"
    };
    Failure::Passing(format!("{what} {} ({})", host(url), innermost(error)))
}

fn late(what: &str, limit: Duration, url: &Url) -> Failure {
    Failure::Passing(format!("{} {what} within {} s", host(url), limit.as_secs()))
}

/// The first cause, which says what happened; the errors around it repeat the URL.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if cause.is::<reqwest::Error>() { "unknown reason".to_owned() } else { cause.to_string() }
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
        time::Instant,
    };
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;

    const CAP: u64 = 16 << 20;

    fn network() -> Network {
        Network::new(Egress { allow_loopback: true }).unwrap()
    }

    fn call(url: &str) -> Call {
        let headers = HeaderMap::new();
        Call {
            method: Method::GET,
            url: Url::parse(url).unwrap(),
            headers,
            body: Vec::new(),
            filled: Vec::new(),
        }
    }

    /// Answers every connection with these bytes and then closes it, or holds it open.
    async fn server(bytes: &'static [u8], close: bool) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/path?key=hush", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let mut open: Vec<TcpStream> = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(bytes).await;
                if !close {
                    open.push(stream);
                }
            }
        });
        url
    }

    async fn passing(url: &str) -> String {
        match network().attempt(&call(url), CAP).await {
            Err(Failure::Passing(text)) => {
                assert!(!text.contains("hush"), "{text}");
                text
            }
            other => panic!("{other:?}"),
        }
    }

    async fn mocked(response: ResponseTemplate) -> (MockServer, String) {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(response).mount(&server).await;
        let url = format!("{}/path", server.uri());
        (server, url)
    }

    #[tokio::test]
    async fn a_redirect_is_a_reply_and_is_not_followed() {
        let (other, elsewhere) = mocked(ResponseTemplate::new(200)).await;
        for status in [301, 302, 303, 307, 308] {
            let (_server, url) =
                mocked(ResponseTemplate::new(status).insert_header("location", &*elsewhere)).await;
            let reply = network().attempt(&call(&url), CAP).await.unwrap();
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("location"), Some(&*elsewhere));
        }
        assert!(other.received_requests().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_packed_reply_arrives_unpacked() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"{\"a\":1}").unwrap();
        let response = ResponseTemplate::new(200).set_body_bytes(encoder.finish().unwrap());
        let (_server, url) =
            mocked(response.insert_header("Content-Encoding", "gzip").insert_header("X-Rate", "2")).await;
        let reply = network().attempt(&call(&url), CAP).await.unwrap();
        assert_eq!(reply.body, b"{\"a\":1}");
        assert_eq!(reply.header("x-rate"), Some("2"));
        assert_eq!(reply.header("content-encoding"), None);
    }

    #[tokio::test]
    async fn a_gzip_bomb_is_refused_and_not_tried_again() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![0; 32 << 20]).unwrap();
        let response = ResponseTemplate::new(200).set_body_bytes(encoder.finish().unwrap());
        let (_server, url) = mocked(response.insert_header("content-encoding", "gzip")).await;
        let result = network().attempt(&call(&url), CAP).await;
        let Err(Failure::Refused(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind, ErrorKind::BadReply);
    }

    #[tokio::test]
    async fn a_packing_that_was_not_asked_for_is_refused() {
        let (_server, url) = mocked(ResponseTemplate::new(200).insert_header("content-encoding", "br")).await;
        let result = network().attempt(&call(&url), CAP).await;
        let Err(Failure::Refused(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind, ErrorKind::BadReply);
    }

    #[tokio::test]
    async fn a_reply_over_the_cap_is_refused() {
        let (_server, url) = mocked(ResponseTemplate::new(200).set_body_bytes(vec![b'x'; 1_001])).await;
        assert_eq!(network().attempt(&call(&url), 1_001).await.unwrap().body.len(), 1_001);
        let result = network().attempt(&call(&url), 1_000).await;
        let Err(Failure::Refused(error)) = result else { panic!("{result:?}") };
        assert!(error.kind == ErrorKind::BadReply && error.message.contains("1000 bytes"), "{error}");
    }

    #[tokio::test]
    async fn a_reply_cut_short_is_a_passing_failure() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"orders\":["[..],
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00",
        ] {
            let text = passing(&server(bytes, true).await).await;
            assert!(text.contains("cut short"), "{text}");
        }
        for bytes in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-"] {
            let text = passing(&server(bytes, true).await).await;
            assert!(text.contains("no reply from 127.0.0.1"), "{text}");
        }
    }

    #[tokio::test]
    async fn no_listener_is_a_passing_failure() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/?key=hush", listener.local_addr().unwrap());
        drop(listener);
        let text = passing(&url).await;
        assert!(text.contains("no connection to 127.0.0.1") && text.contains("refused"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_given_up_after_15_seconds() {
        let url = server(b"", false).await;
        let start = Instant::now();
        assert_eq!(passing(&url).await, "127.0.0.1 sent no reply within 15 s");
        assert_eq!(start.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_given_up_after_15_seconds() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello", false).await;
        assert_eq!(passing(&url).await, "127.0.0.1 stopped in the middle of a reply within 15 s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up_after_a_minute() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4_096];
            assert!(stream.read(&mut head).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n").await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
        });
        let start = Instant::now();
        assert_eq!(passing(&url).await, "127.0.0.1 did not finish its reply within 60 s");
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused() {
        let network = Network::new(Egress { allow_loopback: false }).unwrap();
        let result = network.attempt(&call("https://localhost/"), CAP).await;
        let Err(Failure::Refused(error)) = result else { panic!("{result:?}") };
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains("`localhost`"), "{error}");
    }

    #[tokio::test]
    async fn a_server_without_https_is_a_passing_failure_with_its_reason() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true).await;
        let text = passing(&url.replace("http:", "https:")).await;
        assert!(
            text.starts_with("no connection to 127.0.0.1 (") && text.contains("InvalidContentType"),
            "{text}"
        );
    }

    /// What the wire carries for a call.
    async fn carried(call: impl FnOnce(&str) -> Call) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4_096];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        network().attempt(&call(&base), CAP).await.unwrap();
        seen.await.unwrap()
    }

    #[tokio::test]
    async fn a_url_goes_over_the_wire_as_it_was_written() {
        let path = "/v3/filter?next_token=ewogIC.a+b/c==&x=%3d%2F%2f%20&q=a|b{c}[d]^e`f~g!$*(),:@";
        let seen = carried(|base| call(&format!("{base}{path}"))).await;
        assert!(seen.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{seen}");
    }

    #[tokio::test]
    async fn a_post_without_a_body_says_that_it_has_none() {
        let seen = carried(|base| Call { method: Method::POST, ..call(base) }).await;
        assert!(seen.starts_with("POST / HTTP/1.1\r\n") && seen.contains("content-length: 0\r\n"), "{seen}");
    }
}
