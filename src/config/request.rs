//! What goes into the upgrade request, and what is expected of the answer.

use super::{Config, Set};
use crate::request::check_header;

/// The settings of the upgrade.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Extra headers in the order they were added.
    pub headers: Vec<(String, String)>,
    /// Whether a server may leave an offered subprotocol unanswered.
    pub allow_missing_protocol: bool,
}

impl Config {
    /// Adds a header to the upgrade request.
    pub fn add_header(&mut self, name: &str, value: &str) -> Set {
        check_header(name, value)?;
        self.request.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}
