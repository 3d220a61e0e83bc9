//! Decides whether a request may go to the URL that it names.
//!
//! Everything is judged on the parsed URL, the very one that is sent afterwards, so that no spelling is judged as one
//! host and sent to another. Where a name leads is judged later, by [`address`](super::address).

use std::net::IpAddr;

use plugin_api::{Error, ErrorKind};
use reqwest::Url;

use super::Egress;

/// The hosts that one account's requests may go to.
#[derive(Debug)]
pub(super) struct Targets {
    allowed: Vec<Allowed>,
    egress: Egress,
}

#[derive(Debug, PartialEq, Eq)]
struct Allowed {
    host: String,
    port: u16,
    set_by_operator: bool,
}

impl Targets {
    /// The descriptor's hosts, and those of the URLs that the operator set, each with the name of its setting.
    ///
    /// # Errors
    /// `config` if one of them cannot be read.
    pub(super) fn new<'a>(
        hosts: &[String],
        urls: impl IntoIterator<Item = (&'a String, &'a String)>,
        egress: Egress,
    ) -> Result<Self, Error> {
        let mut targets = Targets { allowed: Vec::new(), egress };
        for host in hosts {
            let url = Url::parse(&format!("https://{host}/"));
            let name = url.as_ref().ok().and_then(Url::host_str);
            let wrong = || Error::config(format!("the connector's host `{host}` is not a host name"));
            targets.allow(name.ok_or_else(wrong)?, 443, false);
        }
        for (setting, url) in urls {
            let wrong = || {
                Error::config(format!("setting `{setting}` is not a URL such as `https://api.example.com`"))
            };
            let url = Url::parse(url).map_err(|_| wrong())?;
            let (host, port) = url.host_str().zip(url.port_or_known_default()).ok_or_else(wrong)?;
            targets.allow(host, port, true);
        }
        Ok(targets)
    }

    fn allow(&mut self, host: &str, port: u16, set_by_operator: bool) {
        let allowed = Allowed { host: host.to_owned(), port, set_by_operator };
        if !self.allowed.contains(&allowed) {
            self.allowed.push(allowed);
        }
    }

    /// The URL to send to.
    ///
    /// # Errors
    /// `bad_request`, naming the host and what is allowed, but neither query nor user information.
    pub(super) fn check(&self, text: &str) -> Result<Url, Error> {
        let url = Url::parse(text).map_err(|error| refused(&format!("the URL cannot be read ({error})")))?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(self.refuse(&url, ONLY_HTTPS));
        };
        let found = self.allowed.iter().filter(|allowed| allowed.host == host && allowed.port == port);
        let (known, set_by_operator) =
            found.fold((false, false), |(_, set), one| (true, set || one.set_by_operator));
        match whereabouts(&url, self.egress) {
            Err(why) => Err(self.refuse(&url, why)),
            Ok(Whereabouts::ThisMachine) if set_by_operator => Ok(url),
            Ok(Whereabouts::ThisMachine) => {
                Err(self.refuse(&url, "this machine is allowed only at the address of a URL in the settings"))
            }
            Ok(Whereabouts::Elsewhere) if known => Ok(url),
            Ok(Whereabouts::Elsewhere) => Err(self.refuse(&url, "the host is not on this channel's list")),
        }
    }

    fn refuse(&self, url: &Url, why: &str) -> Error {
        let list: Vec<String> =
            self.allowed.iter().map(|one| host_and_port(&one.host, Some(one.port))).collect();
        let list = if list.is_empty() { "no host".to_owned() } else { list.join(", ") };
        let host = host_and_port(url.host_str().unwrap_or("no host"), url.port());
        refused(&format!("{why}: `{}://{host}`; allowed: {list}", url.scheme()))
    }
}

/// Where a URL leads that a request may go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// To this machine, by HTTPS or plain HTTP.
    ThisMachine,
    /// To a name, by HTTPS.
    Elsewhere,
}

const ONLY_HTTPS: &str = "only https is allowed";

/// Judges a URL by everything but who named it.
///
/// # Errors
/// Why no request may go there.
pub(super) fn whereabouts(url: &Url, egress: Egress) -> Result<Whereabouts, &'static str> {
    let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "https" | "http")) else {
        return Err(ONLY_HTTPS);
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL may not carry a user name or password");
    }
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let names_this_machine = host == "localhost" || host.ends_with(".localhost");
    if address.is_some() || names_this_machine {
        if !names_this_machine && !address.is_some_and(|address| address.is_loopback()) {
            return Err("literal addresses are not allowed");
        }
        if !egress.allow_loopback {
            return Err("this machine is not allowed unless `allow_loopback` is set");
        }
        return Ok(Whereabouts::ThisMachine);
    }
    if url.scheme() == "https" { Ok(Whereabouts::Elsewhere) } else { Err(ONLY_HTTPS) }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message)
}

fn host_and_port(host: &str, port: Option<u16>) -> String {
    match port {
        None | Some(443) => host.to_owned(),
        Some(port) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn targets(base_url: &str, allow_loopback: bool) -> Targets {
        let urls = BTreeMap::from([("base_url".to_owned(), base_url.to_owned())]);
        let hosts = ["api.example.com".to_owned(), "bücher.example".to_owned()];
        Targets::new(&hosts, &urls, Egress { allow_loopback }).unwrap()
    }

    #[test]
    fn hosts_of_the_descriptor_and_of_the_operator_s_urls_are_allowed() {
        let targets = targets("https://own.example:8443/base", false);
        for url in [
            "https://api.example.com/v1?a=b",
            "https://API.Example.COM/v1",
            "https://api.example.com:443/",
            "https://own.example:8443/other",
            "https://bücher.example/",
            "https://xn--bcher-kva.example/",
        ] {
            assert!(targets.check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn everything_else_is_refused_before_a_packet_leaves() {
        for allow_loopback in [false, true] {
            let targets = targets("https://own.example:8443/base", allow_loopback);
            for url in [
                // Foreign hosts, also such as look like ours.
                "https://evil.example/",
                "https://api.example.com.evil.example/",
                "https://evilapi.example.com/",
                "https://sub.api.example.com/",
                "https://api.example.com./",
                "https://apі.example.com/", // a Cyrillic letter
                "https://evil.example/?https://api.example.com",
                "https://evil.example/#@api.example.com",
                "https://evil.example\\@api.example.com/",
                // Schemes.
                "http://api.example.com/",
                "ftp://api.example.com/",
                "file:///etc/passwd",
                "data:text/plain,hello",
                "javascript:alert(1)",
                // User information.
                "https://user@api.example.com/",
                "https://user:hunter2@api.example.com/",
                "https://:hunter2@api.example.com/",
                "https://api.example.com@evil.example/",
                "https://api.example.com%40evil.example/",
                // Ports.
                "https://api.example.com:8443/",
                "https://api.example.com:80/",
                "https://api.example.com:22/",
                "https://own.example/",
                "https://own.example:8444/",
                "http://own.example:8443/",
                // Literal addresses, in every spelling that the URL standard reads.
                "https://127.0.0.1/",
                "https://127.1/",
                "https://2130706433/",
                "https://0x7f000001/",
                "https://0x7f.0.0.1/",
                "https://0177.0.0.1/",
                "https://①②⑦.0.0.1/",
                "https://127。0。0。1/",
                "https://%31%32%37.0.0.1/",
                "https://0/",
                "https://0.0.0.0/",
                "https://8.8.8.8/",
                "https://169.254.169.254/latest/meta-data/",
                "https://2852039166/",
                "https://10.0.0.1/",
                "https://[::1]/",
                "https://[::]/",
                "https://[::ffff:127.0.0.1]/",
                "https://[::ffff:a9fe:a9fe]/",
                "https://[fe80::1]/",
                "https://[2606:4700::1111]/",
                "https://localhost/",
                "https://LOCALHOST/",
                "https://x.localhost/",
                "http://localhost:8080/",
                "http://127.0.0.1:8080/",
                // Not URLs.
                "",
                "/v1/orders",
                "//api.example.com/",
                "https://",
                "https://:443/",
                "https://api.example.com:99999/",
                "https://[::1/",
            ] {
                let error = targets.check(url).expect_err(url);
                assert_eq!(error.kind, ErrorKind::BadRequest, "{url}");
                assert!(
                    !error.message.contains("hunter2") && !error.message.contains("user@"),
                    "{url}: {error}"
                );
            }
        }
    }

    #[test]
    fn this_machine_is_allowed_at_the_operator_s_address_only() {
        for (base_url, good, bad) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8081/v1"),
            ("http://127.0.0.1:8080", "https://127.0.0.1:8080/v1", "http://127.0.0.2:8080/v1"),
            ("http://localhost:8080", "http://localhost:8080/v1", "http://127.0.0.1:8080/v1"),
            ("http://[::1]:8080", "http://[::1]:8080/v1", "http://[::1]:8081/"),
        ] {
            assert!(targets(base_url, true).check(good).is_ok(), "{good}");
            assert!(targets(base_url, true).check(bad).is_err(), "{bad}");
            let error = targets(base_url, false).check(good).unwrap_err();
            assert!(error.message.contains("allow_loopback"), "{error}");
        }
        assert!(targets("http://10.0.0.1:8080", true).check("http://10.0.0.1:8080/").is_err());
        assert!(targets("http://own.example:8080", true).check("http://own.example:8080/").is_err());
    }

    #[test]
    fn a_refusal_names_the_host_and_what_is_allowed_but_no_query() {
        let error = targets("https://own.example:8443", false)
            .check("https://evil.example:9/p?key=hush#frag")
            .unwrap_err();
        assert_eq!(
            error.message,
            "the host is not on this channel's list: `https://evil.example:9`; allowed: api.example.com, \
             xn--bcher-kva.example, own.example:8443"
        );
    }

    #[test]
    fn a_setting_that_is_no_url_is_named() {
        let urls = BTreeMap::from([("base_url".to_owned(), "example".to_owned())]);
        let error = Targets::new(&[], &urls, Egress { allow_loopback: false }).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.contains("`base_url`"), "{error}");
    }

    #[test]
    fn a_url_is_sent_as_it_was_written() {
        let targets = targets("https://own.example", false);
        for url in [
            "https://api.example.com/v3/shipments/filter?next_token=ewogICJ0eXAiOiAiSldUIgp9.a+b/c==&x=%3d%2F%2f%20",
            "https://api.example.com/a%2Fb/c;d=e/?q=a|b{c}[d]^e`f~g!$*(),:@",
            "https://api.example.com/?&&a=&=b&%zz",
        ] {
            assert_eq!(targets.check(url).unwrap().as_str(), url);
        }
    }
}
