//! How to connect: a plain, validated description, shared by reference count.

mod client_certificate;
mod deflate;
mod limits;
mod refusal;
mod request;
mod timeouts;
mod tls;

pub use client_certificate::ClientCertificate;
pub use deflate::Deflate;
pub use limits::Limits;
pub use refusal::{Refusal, Set};
pub use request::Request;
pub(crate) use request::basic;
pub use timeouts::{MAX_TIMEOUT_MS, Timeout, Timeouts};
pub(crate) use tls::pin_of;
pub use tls::{Pin, Root, Tls, TlsVersion};

use crate::error::Error;
use std::sync::{Arc, OnceLock};

/// Everything that can be set about a connection.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// What goes into the upgrade request.
    pub request: Request,
    /// Whom to trust.
    pub tls: Tls,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// How much is accepted and may wait.
    pub limits: Limits,
    /// What is offered and done about compression.
    pub deflate: Deflate,
    /// Browser mode: `docs/ARCHITECTURE.md` lists its five differences.
    pub browser_mode: bool,
}

impl Config {
    /// The defaults, shared by every socket made without a configuration.
    pub fn shared_default() -> Arc<Self> {
        static DEFAULT: OnceLock<Arc<Config>> = OnceLock::new();
        Arc::clone(DEFAULT.get_or_init(Arc::default))
    }
}

/// The whole of a file that an option names.
fn read_file(path: &str) -> Set<Vec<u8>> {
    std::fs::read(path).map_err(|error| Refusal::new(Error::Io, format!("{path}: {error}")))
}
