//! From URL, headers and subprotocols to the bytes of the upgrade request
//! (RFC 6455 §4.1, WHATWG WebSockets §2). Resolves and connects nothing.

mod plain;

use crate::config::{Config, basic, check_unix_path};
use crate::error::{Error, Result};
use crate::protocol::EXTENSIONS;
use crate::text::Text;
use plain::Plain;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use url::{Host, Position, Url};

/// Where a socket connects to.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    /// The serialized URL, as the `url` attribute shows it.
    pub(crate) url: Text,
    /// Parts of it, but for a Unix-domain socket's; the host without brackets.
    host: Part,
    authority: Part,
    resource: Part,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    unix: Option<Box<Unix>>,
    /// The `Authorization` header of the URL's user info.
    authorization: Option<Box<str>>,
}

/// A part of the URL.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Part {
    begin: u32,
    end: u32,
}

/// What a `ws+unix:` URL says.
#[derive(Debug, PartialEq)]
struct Unix {
    path: PathBuf,
    origin: String,
    resource: String,
}

/// The host of a server behind a Unix-domain socket.
const LOCALHOST: &str = "localhost";

impl Part {
    fn of(url: &Url, begin: Position, end: Position) -> Result<Self> {
        Self::new(url[..begin].len(), url[..end].len())
    }

    fn new(begin: usize, end: usize) -> Result<Self> {
        let at = |at| u32::try_from(at).map_err(|_| Error::InvalidUrl);
        Ok(Self { begin: at(begin)?, end: at(end)? })
    }

    /// The host inside the brackets of an IPv6 address.
    fn of_host(url: &Url) -> Result<Self> {
        let host = Self::of(url, Position::BeforeHost, Position::AfterHost)?;
        Ok(match url.host() {
            Some(Host::Ipv6(_)) => Self { begin: host.begin + 1, end: host.end - 1 },
            _ => host,
        })
    }
}

impl Target {
    /// Parses a ws, wss, http or https URL.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match plain::parse(text) {
            Some(plain) => Self::of_plain(text, &plain),
            None => Self::parse_any(text),
        }
    }

    fn of_plain(text: &str, plain: &Plain) -> Result<Self> {
        let (begin, end) = plain.host;
        Ok(Self {
            url: Text::from(text),
            host: Part::new(begin, end)?,
            authority: Part::new(begin, plain.authority)?,
            resource: Part::new(plain.authority, text.len())?,
            port: plain.port,
            tls: plain.tls,
            unix: None,
            authorization: None,
        })
    }

    fn parse_any(text: &str) -> Result<Self> {
        let mut url = Url::parse(text).map_err(|_| Error::InvalidUrl)?;
        let scheme = match url.scheme() {
            "ws+unix" | "wss+unix" => return Self::parse_unix(&url),
            "ws" | "http" => "ws",
            "wss" | "https" => "wss",
            _ => return Err(Error::InvalidScheme),
        };
        url.set_scheme(scheme).map_err(|()| Error::InvalidUrl)?;
        if url.fragment().is_some() {
            return Err(Error::InvalidFragment);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Error::InvalidUrl);
        }
        let port = url.port_or_known_default().ok_or(Error::InvalidUrl)?;
        if port == 0 {
            return Err(Error::InvalidUrl);
        }
        Ok(Self {
            host: Part::of_host(&url)?,
            authority: Part::of(&url, Position::BeforeHost, Position::AfterPort)?,
            resource: Part::of(&url, Position::BeforePath, Position::AfterQuery)?,
            port,
            tls: scheme == "wss",
            unix: None,
            authorization: basic_authorization(&url).map(String::into_boxed_str),
            url: Text::from(url.as_str()),
        })
    }

    /// Parses `ws+unix:/path/of/socket:/resource`, as Node.js programs write
    /// it.
    fn parse_unix(url: &Url) -> Result<Self> {
        if url.fragment().is_some() {
            return Err(Error::InvalidFragment);
        }
        let path = url.path();
        if !path.starts_with('/') || url.host().is_some_and(|host| host != Host::Domain("")) {
            return Err(Error::InvalidUrl);
        }
        let (socket, resource) = path.split_once(':').unwrap_or((path, "/"));
        let unix = PathBuf::from(OsString::from_vec(percent_decode(socket)));
        check_unix_path(&unix).map_err(|_| Error::InvalidUrl)?;
        if !resource.starts_with('/') {
            return Err(Error::InvalidUrl);
        }
        let query = url.query().map_or(String::new(), |query| format!("?{query}"));
        Ok(Self {
            url: Text::from(url.as_str()),
            host: Part::default(),
            authority: Part::default(),
            resource: Part::default(),
            port: 0,
            tls: url.scheme() == "wss+unix",
            unix: Some(Box::new(Unix {
                path: unix,
                origin: format!("{}:{socket}", url.scheme()),
                resource: format!("{resource}{query}"),
            })),
            authorization: None,
        })
    }

    fn part(&self, part: Part) -> &str {
        self.url.as_str().get(part.begin as usize..part.end as usize).unwrap_or_default()
    }

    /// Host to resolve: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        match self.unix {
            Some(_) => LOCALHOST,
            None => self.part(self.host),
        }
    }

    /// The Unix-domain socket of a `ws+unix:` URL.
    pub(crate) fn unix(&self) -> Option<&Path> {
        self.unix.as_ref().map(|unix| unix.path.as_path())
    }

    /// Scheme, host and port, for the log.
    pub(crate) fn origin(&self) -> String {
        match &self.unix {
            Some(unix) => unix.origin.clone(),
            None => {
                format!("{}://{}", if self.tls { "wss" } else { "ws" }, self.part(self.authority))
            }
        }
    }

    /// The `Host` header.
    fn authority(&self) -> &str {
        match self.unix {
            Some(_) => LOCALHOST,
            None => self.part(self.authority),
        }
    }

    /// Path and query.
    fn resource(&self) -> &str {
        match &self.unix {
            Some(unix) => &unix.resource,
            None => self.part(self.resource),
        }
    }

    /// The upgrade request, byte for byte.
    pub(crate) fn request(&self, config: &Config, protocols: &[String], key: &str) -> Vec<u8> {
        let mut text = String::with_capacity(256);
        let host = config.request.host.as_deref().unwrap_or_else(|| self.authority());
        add(
            &mut text,
            &["GET ", self.resource(), " HTTP/1.1\r\nHost: ", host, UPGRADE, key, "\r\n"],
        );
        if !protocols.is_empty() {
            add(&mut text, &["Sec-WebSocket-Protocol: ", &protocols.join(", "), "\r\n"]);
        }
        if let Some(offer) = config.deflate.offered() {
            add(&mut text, &[EXTENSIONS, ": "]);
            offer.append(&mut text);
            add(&mut text, &["\r\n"]);
        }
        for (name, value) in &config.request.headers {
            add(&mut text, &[name, ": ", value, "\r\n"]);
        }
        let given =
            |name: &str| config.request.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        if let Some(authorization) = self.authorization.as_ref().filter(|_| !given("Authorization"))
        {
            add(&mut text, &["Authorization: ", authorization, "\r\n"]);
        }
        add(&mut text, &["\r\n"]);
        text.into_bytes()
    }
}

fn add(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

/// What follows the host in a request, up to the key.
const UPGRADE: &str = "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";

/// `Authorization: Basic` from the user info of a URL, percent-decoded.
fn basic_authorization(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let password = percent_decode(url.password().unwrap_or(""));
    Some(basic(&percent_decode(url.username()), &password))
}

pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(byte) = bytes.next() {
        let ahead = bytes.as_slice();
        let hex = |at: usize| {
            ahead
                .get(at)
                .and_then(|b| char::from(*b).to_digit(16))
                .and_then(|d| u8::try_from(d).ok())
        };
        match (*byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                bytes.nth(1);
            }
            _ => out.push(*byte),
        }
    }
    out
}

/// Whether `text` is an RFC 9110 token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Every header that begins so is the handshake's.
const OWNED_PREFIX: &str = "sec-websocket-";

/// Headers that belong to the handshake or to the connection itself.
const OWNED: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Refuses what could break the request or override the handshake.
pub(crate) fn check_header(name: &str, value: &str) -> Result<()> {
    if !is_token(name) || value.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return Err(Error::InvalidHeader);
    }
    let prefix = name.get(..OWNED_PREFIX.len()).unwrap_or("");
    if prefix.eq_ignore_ascii_case(OWNED_PREFIX)
        || OWNED.iter().any(|owned| name.eq_ignore_ascii_case(owned))
    {
        return Err(Error::ForbiddenHeader);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str) -> String {
        let target = Target::parse(url).unwrap_or_else(|e| unreachable!("{url}: {e}"));
        String::from_utf8_lossy(&target.request(&Config::default(), &[], "KEY")).into_owned()
    }

    #[test]
    fn urls_are_mapped_and_refused() {
        for (url, want) in [
            ("http://a.example/x?y=1", "ws://a.example/x?y=1"),
            ("https://a.example:443", "wss://a.example/"),
            ("wss://[::1]:9/ä", "wss://[::1]:9/%C3%A4"),
            ("ws://BÜCHER.example/", "ws://xn--bcher-kva.example/"),
        ] {
            assert_eq!(Target::parse(url).map(|t| t.url.to_string()), Ok(want.to_owned()), "{url}");
        }
        for (url, want) in [
            ("not a url", Error::InvalidUrl),
            ("ws://", Error::InvalidUrl),
            ("ws://a:0/", Error::InvalidUrl),
            ("ftp://a.example/", Error::InvalidScheme),
            ("ws://a.example/#f", Error::InvalidFragment),
            ("ws://a.example/#", Error::InvalidFragment),
        ] {
            assert_eq!(Target::parse(url).err(), Some(want), "{url}");
        }
    }

    #[test]
    fn request_lines() {
        assert!(request("ws://a.example").starts_with("GET / HTTP/1.1\r\nHost: a.example\r\n"));
        assert!(
            request("ws://a.example:8080/b?c")
                .contains("GET /b?c HTTP/1.1\r\nHost: a.example:8080\r\n")
        );
        assert!(request("wss://[::1]/").contains("Host: [::1]\r\n"));
        assert!(
            request("ws://Aladdin:open%20sesame@a.example/")
                .contains("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n")
        );
        assert!(request("ws://a.example").ends_with("\r\n\r\n"));
    }

    #[test]
    fn headers_are_checked() {
        assert_eq!(check_header("X-A", "b\tc"), Ok(()));
        for (name, value) in
            [("", "a"), ("a b", "c"), ("A", "b\r\nC: d"), ("A", "b\0"), ("A\n", "b"), ("A:", "b")]
        {
            assert_eq!(check_header(name, value), Err(Error::InvalidHeader), "{name:?} {value:?}");
        }
        assert_eq!(check_header("HOST", "a"), Err(Error::ForbiddenHeader));
        assert_eq!(check_header("Sec-WebSocket-Key", "a"), Err(Error::ForbiddenHeader));
        assert_eq!(check_header("sec-websocket-", "a"), Err(Error::ForbiddenHeader));
    }
}
