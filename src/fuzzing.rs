//! Doors for fuzz targets: what parses bytes of a peer or of a program and has no
//! other way in without a socket. Nothing of the library calls this, and the
//! linker drops it from the shared library.

use crate::config::{Config, Place, Proxy};
use crate::conn::proxy::Talk;
use crate::conn::upgrade::{Agreed, Answer};
use crate::error::{Failure, Result};
use crate::request::{Target, is_token};

/// What became of the answer to an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgraded {
    /// More bytes are needed.
    Waits,
    /// The connection is open.
    Open {
        /// The subprotocol.
        protocol: Option<String>,
        /// Bytes behind the head.
        rest: Vec<u8>,
    },
    /// Refused, and why.
    Failed(String),
}

/// Judges the answer to an upgrade request whose key was `key`, which comes in
/// these pieces.
pub fn upgrade<'a>(
    key: &str,
    config: &Config,
    protocols: &[String],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Upgraded {
    let mut answer = Answer::new(key);
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        match answer.take(piece, config, protocols) {
            Ok(None) => {}
            Ok(Some(Agreed { protocol, mut rest, .. })) => {
                rest.extend(pieces.flatten());
                return Upgraded::Open { protocol, rest };
            }
            Err(refused) => return Upgraded::Failed(refused.failure.message.as_str().to_owned()),
        }
    }
    Upgraded::Waits
}

/// The upgrade request for a URL; the names that are no subprotocols are left
/// out, as a socket refuses them.
pub fn request(url: &str, config: &Config, protocols: &[String], key: &str) -> Result<Vec<u8>> {
    let target = Target::parse(url)?;
    let protocols: Vec<_> = protocols.iter().filter(|name| is_token(name)).cloned().collect();
    Ok(target.request(config, &protocols, key))
}

/// The host a URL leads to, if a socket would take it.
pub fn host(url: &str) -> Option<String> {
    Target::parse(url).ok().map(|target| target.host().to_owned())
}

/// What became of asking a proxy for a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tunnelled {
    /// More bytes are needed.
    Waits,
    /// The tunnel stands.
    Stands,
    /// Refused, and why.
    Failed(String),
}

/// Asks `proxy` for a tunnel to `server`; its answers come in these pieces. Also
/// gives what it was sent.
pub fn tunnel<'a>(
    proxy: &Proxy,
    server: &Place,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Tunnelled, Vec<u8>) {
    let mut sent = Vec::new();
    let failed = |failure: Failure| Tunnelled::Failed(failure.message.as_str().to_owned());
    let mut talk = match Talk::begin(proxy, server, &mut sent) {
        Ok(talk) => talk,
        Err(failure) => return (failed(failure), sent),
    };
    for piece in pieces {
        match talk.take(piece, &mut sent) {
            Ok(false) => {}
            Ok(true) => return (Tunnelled::Stands, sent),
            Err(failure) => return (failed(failure), sent),
        }
    }
    (Tunnelled::Waits, sent)
}
