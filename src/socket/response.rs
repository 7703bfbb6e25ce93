//! The server's answer to the upgrade, as a socket keeps it for as long as it
//! lives: in one piece.

use std::borrow::Cow;

/// The server's answer to the upgrade.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The reason phrase, then name and value of each header as they came; a
    /// NUL follows each of them, and there is none inside.
    text: Box<str>,
    /// A NUL follows it, unless it is empty.
    body: Box<[u8]>,
}

/// A header of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    name: &'a str,
    value: &'a str,
}

impl<'a> Header<'a> {
    /// The name and the NUL behind it.
    pub fn name_with_nul(&self) -> &'a str {
        self.name
    }

    /// The value and the NUL behind it.
    pub fn value_with_nul(&self) -> &'a str {
        self.value
    }

    /// The name.
    pub fn name(&self) -> &'a str {
        self.name.strip_suffix('\0').unwrap_or("")
    }

    /// The value.
    pub fn value(&self) -> &'a str {
        self.value.strip_suffix('\0').unwrap_or("")
    }
}

impl Response {
    /// A response without a body, with room for texts of this size and their
    /// NULs. HTTP has no NUL in any of this.
    pub(crate) fn new<'a>(
        status: u16,
        reason: &str,
        size: usize,
        headers: impl Iterator<Item = (&'a str, Cow<'a, str>)>,
    ) -> Self {
        let mut text = String::with_capacity(size);
        let mut add = |part: &str| {
            text.push_str(part);
            text.push('\0');
        };
        add(reason);
        for (name, value) in headers {
            add(name);
            add(&value);
        }
        Self { status, text: text.into_boxed_str(), body: Box::default() }
    }

    /// The reason phrase and the NUL behind it.
    pub fn reason_with_nul(&self) -> &str {
        self.text.split_inclusive('\0').next().unwrap_or("\0")
    }

    /// All headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        let mut parts = self.text.split_inclusive('\0').skip(1);
        std::iter::from_fn(move || Some(Header { name: parts.next()?, value: parts.next()? }))
    }

    /// The body of a refusal, as far as it was read; a NUL follows it in
    /// memory, unless it is empty.
    pub fn body(&self) -> &[u8] {
        self.body.split_last().map_or(&[], |(_, body)| body)
    }

    pub(crate) fn set_body(&mut self, mut body: Vec<u8>) {
        if !body.is_empty() {
            body.reserve_exact(1);
            body.push(0);
        }
        self.body = body.into_boxed_slice();
    }

    /// The values of every header of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers()
            .filter(move |header| header.name().eq_ignore_ascii_case(name))
            .map(|header| header.value())
    }
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers().collect::<Vec<_>>())
            .field("body", &self.body().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Response;
    use std::borrow::Cow;

    #[test]
    fn what_went_in_comes_out() {
        let headers = [("A", "one"), ("b", ""), ("a", "two, three")];
        let given = headers.iter().map(|(name, value)| (*name, Cow::Borrowed(*value)));
        let response = Response::new(101, "Switching Protocols", 0, given);
        assert_eq!(response.reason_with_nul(), "Switching Protocols\0");
        let told: Vec<_> = response.headers().map(|h| (h.name(), h.value())).collect();
        assert_eq!(told, headers);
        assert!(response.headers().all(|h| h.value_with_nul().ends_with('\0')));
        assert_eq!(response.all("A").collect::<Vec<_>>(), ["one", "two, three"]);
        assert_eq!(response.all("c").next(), None);
    }

    #[test]
    fn there_may_be_nothing() {
        let mut response = Response::new(200, "", 1, std::iter::empty());
        assert_eq!((response.reason_with_nul(), response.headers().count()), ("\0", 0));
        assert_eq!(response.body(), b"");
        response.set_body(b"body".to_vec());
        assert_eq!(response.body(), b"body");
    }
}
