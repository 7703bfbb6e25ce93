//! Why a setter refused its value.

use crate::error::Error;
use crate::text::Text;

/// A refused value: which result the call gives, and what was wrong, without
/// the option's name. Nothing has changed when one of these comes back.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The result of the call.
    pub error: Error,
    /// What was wrong, for a person.
    pub what: Text,
}

impl Refusal {
    /// A refusal with a sentence of its own.
    pub fn new(error: Error, what: impl Into<Text>) -> Self {
        Self { error, what: what.into() }
    }

    /// A value out of its range, or at odds with another.
    pub fn argument(what: impl Into<Text>) -> Self {
        Self::new(Error::InvalidArgument, what)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error, error.text())
    }
}

/// The results of setters.
pub type Set<T = ()> = std::result::Result<T, Refusal>;
