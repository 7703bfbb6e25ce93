//! `getaddrinfo`, which waits for name servers as long as it likes: on a helper
//! thread.

use crate::helpers::{self, Awaited, Work};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// A lookup under way. Dropping it abandons the lookup.
pub(crate) type Lookup = Awaited<io::Result<Vec<SocketAddr>>>;

/// The address itself, where `host` is one.
pub(crate) fn numeric(host: &str, port: u16) -> Option<SocketAddr> {
    host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Starts a lookup.
pub(crate) fn start(host: &str, port: u16) -> io::Result<Lookup> {
    let (promise, lookup) = helpers::promise();
    let host = host.to_owned();
    helpers::run(Work::Lookup, move || {
        // Whoever waits for this answer may have gone: the lookup is skipped.
        if promise.is_wanted() {
            promise.keep((host.as_str(), port).to_socket_addrs().map(Iterator::collect));
        }
    })?;
    Ok(lookup)
}
