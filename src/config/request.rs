//! What goes into the upgrade request, and what is expected of the answer.

use super::{Config, Refusal, Set};
use crate::request::check_header;
use data_encoding::BASE64;
use url::Url;

/// The settings of the upgrade.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Extra headers in the order they were added.
    pub headers: Vec<(String, String)>,
    /// The Host header instead of the URL's.
    pub host: Option<String>,
    /// Whether a server may leave an offered subprotocol unanswered.
    pub allow_missing_protocol: bool,
}

/// `Authorization: Basic` (RFC 7617).
pub(crate) fn basic(user: &[u8], password: &[u8]) -> String {
    format!("Basic {}", BASE64.encode(&[user, b":", password].concat()))
}

impl Config {
    /// Adds a header to the upgrade request.
    pub fn add_header(&mut self, name: &str, value: &str) -> Set {
        check_header(name, value)?;
        self.request.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Sets a header that is there once: others of its name go.
    fn set_header(&mut self, name: &str, value: &str) -> Set {
        check_header(name, value)?;
        self.request.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        self.add_header(name, value)
    }

    /// Sets the Origin header.
    pub fn set_origin(&mut self, origin: &str) -> Set {
        self.set_header("Origin", origin)
    }

    /// Sets the User-Agent header.
    pub fn set_user_agent(&mut self, name: &str) -> Set {
        self.set_header("User-Agent", name)
    }

    /// Sets the Cookie header.
    pub fn set_cookie(&mut self, cookies: &str) -> Set {
        self.set_header("Cookie", cookies)
    }

    /// Sets the Authorization header to Basic credentials (RFC 7617).
    pub fn set_basic_authorization(&mut self, user: &str, password: &str) -> Set {
        if user.contains(':') {
            return Err(Refusal::argument("there is a colon in the user's name"));
        }
        if user.chars().chain(password.chars()).any(char::is_control) {
            return Err(Refusal::argument("there is a control character in it"));
        }
        self.set_header("Authorization", &basic(user.as_bytes(), password.as_bytes()))
    }

    /// Sets the Authorization header to a Bearer token (RFC 6750 §2.1).
    pub fn set_bearer_authorization(&mut self, token: &str) -> Set {
        let body = token.trim_end_matches('=');
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
        if body.is_empty() || !body.bytes().all(good) {
            return Err(Refusal::argument("it is no token of RFC 6750"));
        }
        self.set_header("Authorization", &format!("Bearer {token}"))
    }

    /// Sets the Host header, which the URL gives otherwise.
    pub fn set_host(&mut self, host: &str) -> Set {
        let parsed = Url::parse(&format!("ws://{host}/")).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            plain && bare && host.bytes().all(|b| b.is_ascii_graphic() && !b"@/\\".contains(&b))
        });
        if parsed.is_none() {
            return Err(Refusal::argument("it is not a host, or a host and a port"));
        }
        self.request.host = Some(host.to_owned());
        Ok(())
    }
}
