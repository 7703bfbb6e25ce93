//! permessage-deflate in the opening handshake (RFC 7692, 7.1): what we offer
//! and what the server may answer (RFC 6455, 9.1). Knows no DEFLATE.

use std::fmt::Write;

/// The header that extensions are agreed in.
pub const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// The extension's name.
const NAME: &str = "permessage-deflate";

/// The largest window, as a power of two, and what no parameter means.
pub const MAX_WINDOW_BITS: u8 = 15;
/// The smallest window that RFC 7692 has.
pub const MIN_WINDOW_BITS: u8 = 8;

/// What is offered to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Each of our messages is compressed by itself.
    pub client_no_context_takeover: bool,
    /// Each of the server's messages is to be compressed by itself.
    pub server_no_context_takeover: bool,
    /// The largest window we compress with.
    pub client_max_window_bits: u8,
    /// The largest window the server is to compress with.
    pub server_max_window_bits: u8,
}

/// What both sides keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeflateParams {
    /// Each of our messages is compressed by itself.
    pub client_no_context_takeover: bool,
    /// Each of the server's messages is compressed by itself.
    pub server_no_context_takeover: bool,
    /// The largest window we may compress with.
    pub client_max_window_bits: u8,
    /// The largest window the server compresses with.
    pub server_max_window_bits: u8,
}

impl Default for Offer {
    /// What browsers offer.
    fn default() -> Self {
        Self {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: MAX_WINDOW_BITS,
            server_max_window_bits: MAX_WINDOW_BITS,
        }
    }
}

impl Offer {
    /// Appends the value of our `Sec-WebSocket-Extensions`.
    pub fn append(&self, text: &mut String) {
        text.push_str(NAME);
        if self.server_no_context_takeover {
            text.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            text.push_str("; client_no_context_takeover");
        }
        // Writing to a String cannot fail.
        if self.server_max_window_bits < MAX_WINDOW_BITS {
            let _ = write!(text, "; server_max_window_bits={}", self.server_max_window_bits);
        }
        text.push_str("; client_max_window_bits");
        if self.client_max_window_bits < MAX_WINDOW_BITS {
            let _ = write!(text, "={}", self.client_max_window_bits);
        }
    }

    /// Judges the parameters of the server's answer.
    fn accept(&self, params: &[Param]) -> Result<DeflateParams, String> {
        let mut agreed = DeflateParams {
            client_no_context_takeover: self.client_no_context_takeover,
            server_no_context_takeover: false,
            client_max_window_bits: self.client_max_window_bits,
            server_max_window_bits: MAX_WINDOW_BITS,
        };
        for (at, (name, value)) in params.iter().enumerate() {
            if params.iter().take(at).any(|(before, _)| before == name) {
                return Err(format!("{NAME} with the parameter {name} twice"));
            }
            match name.as_str() {
                "client_no_context_takeover" => {
                    agreed.client_no_context_takeover = flag(name, value.as_deref())?;
                }
                "server_no_context_takeover" => {
                    agreed.server_no_context_takeover = flag(name, value.as_deref())?;
                }
                "client_max_window_bits" => {
                    agreed.client_max_window_bits = window(name, value.as_deref())?;
                    // At most what was offered (RFC 7692, 7.1.2.2).
                    if agreed.client_max_window_bits > self.client_max_window_bits {
                        return Err(format!(
                            "{NAME} with {name} = {}, where {} was offered",
                            agreed.client_max_window_bits, self.client_max_window_bits
                        ));
                    }
                }
                "server_max_window_bits" => {
                    agreed.server_max_window_bits = window(name, value.as_deref())?;
                }
                _ => return Err(format!("{NAME} with the unknown parameter {}", shown(name))),
            }
        }
        // An offer with these is declined as a whole or accepted with them
        // (RFC 7692, 7.1.1.1 and 7.1.2.1).
        if self.server_no_context_takeover && !agreed.server_no_context_takeover {
            return Err(format!("{NAME} without server_no_context_takeover, which was asked for"));
        }
        if agreed.server_max_window_bits > self.server_max_window_bits {
            return Err(format!(
                "{NAME} without server_max_window_bits of {} or less, which was asked for",
                self.server_max_window_bits
            ));
        }
        Ok(agreed)
    }
}

/// Judges the values of the response's `Sec-WebSocket-Extensions` headers. On
/// error, what the server picked.
pub fn negotiate(
    offer: Option<&Offer>,
    values: impl Iterator<Item: AsRef<str>>,
) -> Result<Option<DeflateParams>, String> {
    let mut agreed = None;
    for value in values {
        let value = value.as_ref();
        let mut rest = Scanner { text: value };
        while let Some(extension) = rest.extension().map_err(|Malformed| malformed(value))? {
            let Some(offer) = offer.filter(|_| extension.name == NAME) else {
                let name = shown(&extension.name);
                return Err(format!("an extension that was not offered: {name}"));
            };
            if agreed.is_some() {
                return Err(format!("{NAME} twice"));
            }
            agreed = Some(offer.accept(&extension.params)?);
        }
    }
    Ok(agreed)
}

fn malformed(value: &str) -> String {
    format!("extensions in a form that cannot be read: {}", shown(value))
}

/// What a server sent, fit for a line.
fn shown(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(64).collect();
    format!("{text:?}")
}

fn flag(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None => Ok(true),
        Some(_) => Err(format!("{NAME} with a value for {name}, which has none")),
    }
}

/// A window size: 8 to 15, without leading zeros (RFC 7692, 7.1.2).
fn window(name: &str, value: Option<&str>) -> Result<u8, String> {
    let Some(value) = value else {
        return Err(format!("{NAME} without a value for {name}"));
    };
    match value.parse() {
        Ok(bits @ MIN_WINDOW_BITS..=MAX_WINDOW_BITS) if bits.to_string() == value => Ok(bits),
        _ => Err(format!("{NAME} with {name} = {}, which is not in 8 to 15", shown(value))),
    }
}

/// A parameter's name and perhaps its value.
type Param = (String, Option<String>);

/// One element of the header's list.
struct Extension {
    name: String,
    params: Vec<Param>,
}

/// The grammar does not fit.
struct Malformed;

/// Reads the grammar of RFC 6455, 9.1, from the front of `text`.
struct Scanner<'a> {
    text: &'a str,
}

impl Scanner<'_> {
    /// The next extension of the list; empty elements count for nothing
    /// (RFC 9110, 5.6.1.2).
    fn extension(&mut self) -> Result<Option<Extension>, Malformed> {
        self.blanks();
        while self.eat(',') {
            self.blanks();
        }
        if self.text.is_empty() {
            return Ok(None);
        }
        let mut extension = Extension { name: self.token()?, params: Vec::new() };
        loop {
            self.blanks();
            if self.text.is_empty() || self.eat(',') {
                return Ok(Some(extension));
            }
            if !self.eat(';') {
                return Err(Malformed);
            }
            self.blanks();
            let name = self.token()?;
            self.blanks();
            let value = if self.eat('=') {
                self.blanks();
                Some(if self.eat('"') { self.quoted()? } else { self.token()? })
            } else {
                None
            };
            extension.params.push((name, value));
        }
    }

    fn blanks(&mut self) {
        self.text = self.text.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.text.strip_prefix(wanted);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn token(&mut self) -> Result<String, Malformed> {
        let end = self.text.find(|c| !is_token_char(c)).unwrap_or(self.text.len());
        let (token, rest) = self.text.split_at_checked(end).ok_or(Malformed)?;
        self.text = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token.to_owned()) }
    }

    /// What stands before the closing quote; it must be a token.
    fn quoted(&mut self) -> Result<String, Malformed> {
        let mut value = String::new();
        let mut chars = self.text.chars();
        loop {
            match chars.next().ok_or(Malformed)? {
                '"' => break,
                '\\' => value.push(chars.next().ok_or(Malformed)?),
                c => value.push(c),
            }
        }
        self.text = chars.as_str();
        let good = !value.is_empty() && value.chars().all(is_token_char);
        if good { Ok(value) } else { Err(Malformed) }
    }
}

/// Whether it may stand in an RFC 9110 token.
fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(offer: &Offer) -> String {
        let mut text = String::new();
        offer.append(&mut text);
        text
    }

    fn answer(offer: Offer, value: &str) -> Result<Option<DeflateParams>, String> {
        negotiate(Some(&offer), [value].into_iter())
    }

    #[test]
    fn offers() {
        assert_eq!(header(&Offer::default()), "permessage-deflate; client_max_window_bits");
        let all = Offer {
            client_no_context_takeover: true,
            server_no_context_takeover: true,
            client_max_window_bits: 9,
            server_max_window_bits: 10,
        };
        assert_eq!(
            header(&all),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=9"
        );
    }

    #[test]
    fn answers_that_are_accepted() {
        let plain = DeflateParams {
            client_no_context_takeover: false,
            server_no_context_takeover: false,
            client_max_window_bits: 15,
            server_max_window_bits: 15,
        };
        let offer = Offer::default();
        for value in ["", " ", ",, ,"] {
            assert_eq!(answer(offer, value), Ok(None), "{value:?}");
        }
        for (value, want) in [
            ("permessage-deflate", plain),
            (" permessage-deflate ,", plain),
            (
                "permessage-deflate;client_max_window_bits=8",
                DeflateParams { client_max_window_bits: 8, ..plain },
            ),
            (
                "permessage-deflate ; server_max_window_bits = \"1\\2\"\t; \
                 client_no_context_takeover",
                DeflateParams {
                    server_max_window_bits: 12,
                    client_no_context_takeover: true,
                    ..plain
                },
            ),
            (
                "permessage-deflate; server_no_context_takeover; client_max_window_bits=15",
                DeflateParams { server_no_context_takeover: true, ..plain },
            ),
        ] {
            assert_eq!(answer(offer, value), Ok(Some(want)), "{value:?}");
        }
        let small = Offer { client_max_window_bits: 9, server_max_window_bits: 11, ..offer };
        let want = DeflateParams { client_max_window_bits: 9, server_max_window_bits: 10, ..plain };
        for value in [
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=10",
        ] {
            assert_eq!(answer(small, value), Ok(Some(want)));
        }
    }

    #[test]
    fn answers_that_are_refused() {
        let asked = Offer {
            server_no_context_takeover: true,
            server_max_window_bits: 10,
            ..Offer::default()
        };
        let short = "permessage-deflate; server_no_context_takeover; server_max_window_bits=11";
        for (offer, value, want) in [
            (Offer::default(), "x-webkit-deflate-frame", "not offered: \"x-webkit-deflate-frame\""),
            (Offer::default(), "Permessage-Deflate", "not offered"),
            (Offer::default(), "permessage-deflate, permessage-deflate", "twice"),
            (Offer::default(), "permessage-deflate; a=b", "unknown parameter \"a\""),
            (
                Offer::default(),
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                "the parameter server_no_context_takeover twice",
            ),
            (
                Offer::default(),
                "permessage-deflate; client_no_context_takeover=1",
                "a value for client_no_context_takeover",
            ),
            (
                Offer::default(),
                "permessage-deflate; client_max_window_bits",
                "without a value for client_max_window_bits",
            ),
            (
                Offer { client_max_window_bits: 9, ..Offer::default() },
                "permessage-deflate; client_max_window_bits=12",
                "client_max_window_bits = 12, where 9 was offered",
            ),
            (Offer::default(), "permessage-deflate; server_max_window_bits=7", "= \"7\""),
            (Offer::default(), "permessage-deflate; server_max_window_bits=16", "= \"16\""),
            (Offer::default(), "permessage-deflate; server_max_window_bits=09", "= \"09\""),
            (Offer::default(), "permessage-deflate; server_max_window_bits=+9", "= \"+9\""),
            (Offer::default(), "permessage-deflate; client_max_window_bits=\"", "cannot be read"),
            (Offer::default(), "permessage-deflate;", "cannot be read"),
            (Offer::default(), "permessage-deflate a", "cannot be read"),
            (Offer::default(), "permessage-deflate; a=", "cannot be read"),
            (asked, "permessage-deflate; server_max_window_bits=10", "server_no_context_takeover"),
            (asked, "permessage-deflate; server_no_context_takeover", "server_max_window_bits"),
            (asked, short, "server_max_window_bits of 10"),
        ] {
            let got = answer(offer, value);
            assert!(got.as_ref().is_err_and(|text| text.contains(want)), "{value:?}: {got:?}");
        }
        assert!(negotiate(None, ["permessage-deflate"].into_iter()).is_err());
        assert!(negotiate(Some(&Offer::default()), ["permessage-deflate"; 2].into_iter()).is_err());
    }
}
