//! How to connect: a plain, validated description, shared by reference count.

mod address;
mod client_certificate;
mod connector;
mod deflate;
mod limits;
mod no_proxy;
mod proxy;
mod refusal;
mod request;
mod timeouts;
mod tls;

pub(crate) use address::check_unix_path;
pub use address::{Addresses, Keepalive, Place};
pub use client_certificate::ClientCertificate;
pub(crate) use connector::Built;
pub use deflate::Deflate;
pub use limits::Limits;
pub(crate) use limits::READ_BUFFER;
pub use proxy::{Credentials, Proxies, Proxy, ProxyKind};
pub use refusal::{Refusal, Set};
pub use request::Request;
pub(crate) use request::basic;
pub use timeouts::{Heartbeat, MAX_TIMEOUT_MS, Timeout, Timeouts};
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
    /// Which proxy to go through.
    pub proxies: Proxies,
    /// Where connections go and come from, below the URL.
    pub addresses: Addresses,
    /// How long each phase may take.
    pub timeouts: Timeouts,
    /// How much is accepted and may wait.
    pub limits: Limits,
    /// What is offered and done about compression.
    pub deflate: Deflate,
    /// Browser mode: `docs/ARCHITECTURE.md` lists its five differences.
    pub browser_mode: bool,
    /// Whether pings and pongs of the peer are events even if no handler waits
    /// for them.
    pub ping_events: bool,
}

impl Config {
    /// The defaults, shared by every socket made without a configuration.
    pub fn shared_default() -> Arc<Self> {
        static DEFAULT: OnceLock<Arc<Config>> = OnceLock::new();
        Arc::clone(DEFAULT.get_or_init(Arc::default))
    }

    /// Refuses what contradicts itself; called behind every change.
    pub fn check(&self) -> Set {
        let Addresses { unix, local, interface, connect_to, .. } = &self.addresses;
        if unix.is_some() {
            let against = [
                (self.proxies.any(), "a proxy"),
                (local.is_some(), "a local address"),
                (interface.is_some(), "an interface"),
                (!connect_to.is_empty(), "connect_to"),
            ];
            if let Some((_, what)) = against.iter().find(|(set, _)| *set) {
                let text = format!("a Unix-domain socket and {what} contradict each other");
                return Err(Refusal::argument(text));
            }
        }
        Ok(())
    }
}

/// The whole of a file that an option names.
fn read_file(path: &str) -> Set<Vec<u8>> {
    std::fs::read(path).map_err(|error| Refusal::new(Error::Io, format!("{path}: {error}")))
}
