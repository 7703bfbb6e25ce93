//! Which proxy to go through.

use super::no_proxy::NoProxy;
use super::{Config, Refusal, Set};
use crate::request::percent_decode;
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};

/// What is spoken with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT (RFC 9110 §9.3.6).
    Http,
    /// The same inside TLS.
    Https,
    /// SOCKS 5 (RFC 1928).
    Socks5,
    /// The same, to addresses only: names are resolved here.
    Socks5Local,
}

impl ProxyKind {
    fn is_socks(self) -> bool {
        matches!(self, Self::Socks5 | Self::Socks5Local)
    }
}

/// User and password for a proxy, and for nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user, as bytes.
    pub user: Vec<u8>,
    /// The password, as bytes.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What is spoken with it.
    pub kind: ProxyKind,
    /// Its host: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who we are to it.
    pub credentials: Option<Credentials>,
}

/// Longest user and password (RFC 1929).
const SOCKS_MAX: usize = 255;

impl Proxy {
    /// Parses a proxy's URL; without a scheme it is an HTTP proxy.
    pub fn parse(text: &str) -> Set<Self> {
        let bad = |what: &str| Refusal::argument(what);
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        // What is wrong is told without the URL: a password may be in it.
        let url =
            Url::parse(&whole).map_err(|why| bad(&format!("the URL does not parse: {why}")))?;
        let (kind, port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::Https, 443),
            // The two names are curl's.
            "socks5" => (ProxyKind::Socks5Local, 1080),
            "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err(bad("the URL's scheme is none of http, https, socks5, socks5h")),
        };
        let host = match url.host() {
            // The URL standard leaves the hosts of its own schemes alone only.
            Some(Host::Domain(name)) => Host::parse(name).ok(),
            other => other.map(|host| host.to_owned()),
        };
        let host = match host {
            Some(Host::Domain(name)) if !name.is_empty() => name,
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            _ => return Err(bad("the URL has no host")),
        };
        let port = url.port().unwrap_or(port);
        if port == 0 {
            return Err(bad("the URL's port is 0"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("the URL has a path, a query or a fragment"));
        }
        Ok(Self { kind, host, port, credentials: credentials(&url, kind)? })
    }
}

fn credentials(url: &Url, kind: ProxyKind) -> Set<Option<Credentials>> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let user = percent_decode(url.username());
    let password = percent_decode(url.password().unwrap_or(""));
    if kind.is_socks() {
        let fits = |text: &[u8]| (1..=SOCKS_MAX).contains(&text.len());
        if !fits(&user) || !fits(&password) {
            let what = "user and password for SOCKS 5 have 1 to 255 bytes each";
            return Err(Refusal::argument(what));
        }
    } else {
        if user.contains(&b':') {
            return Err(Refusal::argument("the user has a colon in it (RFC 7617)"));
        }
        if user.iter().chain(&password).any(u8::is_ascii_control) {
            return Err(Refusal::argument("user or password has a control character in it"));
        }
    }
    Ok(Some(Credentials { user, password }))
}

/// The proxies for either scheme, and who is reached without them.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For `ws:`.
    plain: Option<Arc<Proxy>>,
    /// For `wss:`.
    secure: Option<Arc<Proxy>>,
    direct: NoProxy,
}

impl Proxies {
    /// The proxy for a server, if it is reached through one.
    pub fn pick(&self, tls: bool, host: &str, port: u16) -> Option<&Arc<Proxy>> {
        let proxy = if tls { &self.secure } else { &self.plain };
        proxy.as_ref().filter(|_| !self.direct.covers(host, port))
    }

    /// Whether there is any.
    pub(super) fn any(&self) -> bool {
        self.plain.is_some() || self.secure.is_some()
    }
}

impl Config {
    /// Sets one proxy for all servers, or none.
    pub fn set_proxy(&mut self, url: Option<&str>) -> Set {
        let proxy = url.map(Proxy::parse).transpose()?.map(Arc::new);
        self.proxies.plain.clone_from(&proxy);
        self.proxies.secure = proxy;
        Ok(())
    }

    /// Sets which servers are reached without a proxy.
    pub fn set_no_proxy(&mut self, list: &str) -> Set {
        self.proxies.direct = NoProxy::parse(list)?;
        Ok(())
    }

    /// Takes proxies and exceptions from the environment, as it is now.
    pub fn set_proxy_from_environment(&mut self) -> Set {
        self.proxies = from_variables(&|name| std::env::var(name).ok())?;
        Ok(())
    }
}

/// What curl's users know: lower case first; `HTTP_PROXY` does not count, as
/// a CGI script's client sets it with a `Proxy` header.
fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Set<Proxies> {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = get(name).filter(|value| !value.trim().is_empty())?;
            Some((*name, value.trim().to_owned()))
        })
    };
    let named = |name: &str, refusal: Refusal| {
        Refusal::new(refusal.error, format!("{name}: {}", refusal.what))
    };
    let proxy = |names: &[&'static str]| {
        let Some((name, value)) = first(names) else { return Ok(None) };
        Proxy::parse(&value).map(|p| Some(Arc::new(p))).map_err(|refusal| named(name, refusal))
    };
    let direct = match first(&["no_proxy", "NO_PROXY"]) {
        Some((name, list)) => NoProxy::parse(&list).map_err(|refusal| named(name, refusal))?,
        None => NoProxy::default(),
    };
    Ok(Proxies {
        plain: proxy(&["http_proxy", "all_proxy", "ALL_PROXY"])?,
        secure: proxy(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?,
        direct,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Proxy, String> {
        Proxy::parse(url).map_err(|refusal| refusal.what.to_string())
    }

    #[test]
    fn urls_of_proxies() {
        for (url, kind, host, port) in [
            ("proxy.example:3128", ProxyKind::Http, "proxy.example", 3128),
            ("HTTP://Proxy.Example", ProxyKind::Http, "proxy.example", 80),
            ("https://[::1]/", ProxyKind::Https, "::1", 443),
            ("https://127.1:8443", ProxyKind::Https, "127.0.0.1", 8443),
            ("socks5://127.0.0.1", ProxyKind::Socks5Local, "127.0.0.1", 1080),
            ("socks5h://[::1]:80", ProxyKind::Socks5, "::1", 80),
            ("socks5h://B%C3%BCcher.example:443", ProxyKind::Socks5, "xn--bcher-kva.example", 443),
        ] {
            let want = Proxy { kind, host: host.to_owned(), port, credentials: None };
            assert_eq!(parse(url), Ok(want), "{url}");
        }
        for (url, what) in [
            ("", "the URL does not parse: empty host"),
            ("ftp://a", "the URL's scheme is none of http, https, socks5, socks5h"),
            ("socks4://a", "the URL's scheme is none of http, https, socks5, socks5h"),
            ("http://a:0", "the URL's port is 0"),
            ("http://a:99999", "the URL does not parse: invalid port number"),
            ("socks5://", "the URL has no host"),
            ("http://a/b", "the URL has a path, a query or a fragment"),
            ("http://a?b", "the URL has a path, a query or a fragment"),
            ("http://u%3av:p@a", "the user has a colon in it (RFC 7617)"),
            ("http://u:p%0a@a", "user or password has a control character in it"),
            ("socks5://u@a", "user and password for SOCKS 5 have 1 to 255 bytes each"),
        ] {
            assert_eq!(parse(url), Err(what.to_owned()), "{url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let proxy = parse("http://us%20er:p%40ss%3Aword@a:1");
        let credentials = proxy.clone().ok().and_then(|proxy| proxy.credentials);
        let want = Credentials { user: b"us er".to_vec(), password: b"p@ss:word".to_vec() };
        assert_eq!(credentials, Some(want));
        assert!(!format!("{proxy:?}").contains("ss:"));
    }

    #[test]
    fn variables_of_the_environment() {
        let all = |pairs: &'static [(&str, &str)]| {
            from_variables(&|name: &str| {
                let found = pairs.iter().find(|(have, _)| *have == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        let port = |proxies: &Set<Proxies>, tls, host| {
            proxies.as_ref().ok()?.pick(tls, host, 1).map(|proxy| proxy.port)
        };
        let proxies = all(&[
            ("http_proxy", "a:1"),
            ("HTTPS_PROXY", "a:2"),
            ("all_proxy", "socks5://a:3"),
            ("no_proxy", "localhost, .internal"),
        ]);
        assert_eq!(port(&proxies, false, "b"), Some(1));
        assert_eq!(port(&proxies, true, "b"), Some(2));
        assert_eq!(port(&proxies, true, "x.internal"), None);
        assert_eq!(port(&proxies, false, "LOCALHOST"), None);
        let proxies = all(&[("HTTP_PROXY", "a:1"), ("ALL_PROXY", "a:3"), ("https_proxy", "")]);
        assert_eq!(port(&proxies, false, "b"), Some(3));
        assert_eq!(port(&proxies, true, "b"), Some(3));
        let refused = all(&[("https_proxy", "ftp://a")]).err().map(|r| r.what.to_string());
        let want = "https_proxy: the URL's scheme is none of http, https, socks5, socks5h";
        assert_eq!(refused.as_deref(), Some(want));
    }
}
