//! Servers that are reached without a proxy: names with their subdomains,
//! addresses, networks.

use super::{Refusal, Set};
use std::net::IpAddr;

/// A list as `no_proxy` has it.
#[derive(Debug, Clone, Default)]
pub(super) struct NoProxy(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    hosts: Hosts,
    /// Any if there is none.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name and everything below it.
    Domain(String),
    /// A network; a single address has all its bits.
    Network(IpAddr, u32),
}

impl NoProxy {
    /// Parses entries between commas or blanks.
    pub(super) fn parse(list: &str) -> Set<Self> {
        let words = list.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        words.map(Entry::parse).collect::<Set<_>>().map(Self)
    }

    /// Whether a server is on the list.
    pub(super) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let ip = host.parse().ok();
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|have| have == port)
                && match &entry.hosts {
                    Hosts::All => true,
                    Hosts::Domain(name) => host
                        .strip_suffix(name.as_str())
                        .is_some_and(|below| below.is_empty() || below.ends_with('.')),
                    Hosts::Network(network, bits) => {
                        ip.is_some_and(|ip| prefix(ip, *bits) == prefix(*network, *bits))
                    }
                }
        })
    }
}

impl Entry {
    fn parse(word: &str) -> Set<Self> {
        let bad = |why: &str| Refusal::argument(format!("{word:?} {why}"));
        if word.chars().any(char::is_control) {
            return Err(bad("has a control character in it"));
        }
        if let Some((address, bits)) = word.split_once('/') {
            let address = address.trim_matches(['[', ']']);
            let ip = address.parse().map_err(|_| bad("is not a network"))?;
            let bits = bits.parse().ok().filter(|bits| *bits <= width(ip));
            let bits = bits.ok_or_else(|| bad("has no length of a prefix behind its slash"))?;
            return Ok(Self { hosts: Hosts::Network(ip, bits), port: None });
        }
        let bare = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(word).parse::<IpAddr>() {
            return Ok(Self { hosts: Hosts::Network(ip, width(ip)), port: None });
        }
        let (name, port) = match word.rsplit_once(':') {
            Some((name, port)) => {
                (name, Some(port.parse().map_err(|_| bad("has no port behind its colon"))?))
            }
            None => (word, None),
        };
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(ip) = bare.unwrap_or(name).parse::<IpAddr>() {
            return Ok(Self { hosts: Hosts::Network(ip, width(ip)), port });
        }
        let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.').to_ascii_lowercase();
        let hosts = if name.is_empty() { Hosts::All } else { Hosts::Domain(name) };
        Ok(Self { hosts, port })
    }
}

fn width(ip: IpAddr) -> u32 {
    if ip.is_ipv4() { 32 } else { 128 }
}

/// The first bits of an address, with its family.
fn prefix(ip: IpAddr, bits: u32) -> (bool, u128) {
    let (value, width) = match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)), 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    (ip.is_ipv4(), value.checked_shr(width - bits).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_covered() {
        for (list, host, port, want) in [
            ("", "a.example", 1, false),
            ("*", "a.example", 1, true),
            ("example.com", "example.com", 1, true),
            ("example.com", "A.Example.COM.", 1, true),
            ("example.com", "badexample.com", 1, false),
            (".example.com", "example.com", 1, true),
            ("*.example.com", "a.example.com", 1, true),
            ("a,b  c", "c", 1, true),
            ("a:81", "a", 80, false),
            ("a:81", "a", 81, true),
            ("127.0.0.1", "127.0.0.1", 1, true),
            ("127.0.0.1:2", "127.0.0.1", 1, false),
            ("127.0.0.1", "127.0.0.11", 1, false),
            ("10.0.0.0/8", "10.9.8.7", 1, true),
            ("10.0.0.0/8", "11.9.8.7", 1, false),
            ("10.0.0.0/8", "ten.example", 1, false),
            ("0.0.0.0/0", "1.2.3.4", 1, true),
            ("0.0.0.0/0", "::1", 1, false),
            ("fd00::/8", "fdff::1", 1, true),
            ("::/0", "fdff::1", 1, true),
            ("::1", "::1", 1, true),
            ("[::1]:7", "::1", 7, true),
            ("[::1]:7", "::1", 8, false),
            ("[::1]", "::1", 8, true),
        ] {
            let covers = NoProxy::parse(list).map(|list| list.covers(host, port)).ok();
            assert_eq!(covers, Some(want), "{list:?} {host} {port}");
        }
        for list in ["10.0.0.0/33", "10.0.0.0/x", "a.example/8", "a:port", "::/129"] {
            assert!(NoProxy::parse(list).is_err(), "{list}");
        }
    }
}
