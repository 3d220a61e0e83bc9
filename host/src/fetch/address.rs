//! Turns host names into addresses, and leaves out those that are not on the public internet.
//!
//! The client asks this resolver for every name. It does not ask for literal addresses: those are refused by
//! [`target`](super::target) before.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Egress;

/// A name that led only to addresses that requests may not go to.
#[derive(Debug)]
pub(super) struct NotPublic(String);

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` resolves only to addresses that are not on the public internet", self.0)
    }
}

impl std::error::Error for NotPublic {}

/// The system's resolver behind a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicOnly(pub(super) Egress);

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = permitted(found, egress);
            if allowed.is_empty() {
                return Err(NotPublic(name.as_str().to_owned()).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn permitted(found: impl Iterator<Item = SocketAddr>, egress: Egress) -> Vec<SocketAddr> {
    found
        .filter(|found| is_public(found.ip()) || (egress.allow_loopback && found.ip().is_loopback()))
        .collect()
}

/// Whether an address is on the public internet, by IANA's special-purpose address registries (RFC 6890 and later).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // NAT64: the IPv4 address inside is where the packet goes.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // Protocol assignments with Teredo, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_outside_the_public_internet_are_left_out() {
        let refused = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
        ];
        for address in refused {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let taken = [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
        ];
        for address in taken {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn loopback_is_let_through_only_when_allowed_and_nothing_else_with_it() {
        let found = ["127.0.0.1:0", "10.0.0.1:0", "[::1]:0", "8.8.8.8:0"].map(|text| text.parse().unwrap());
        let shown = |allow_loopback| {
            permitted(found.into_iter(), Egress { allow_loopback })
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(false), ["8.8.8.8:0"]);
        assert_eq!(shown(true), ["127.0.0.1:0", "[::1]:0", "8.8.8.8:0"]);
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused() {
        let error = PublicOnly(Egress { allow_loopback: false })
            .resolve("localhost".parse().unwrap())
            .await
            .err()
            .unwrap();
        assert!(error.downcast_ref::<NotPublic>().is_some(), "{error}");
        assert!(
            PublicOnly(Egress { allow_loopback: true }).resolve("localhost".parse().unwrap()).await.is_ok()
        );
    }
}
