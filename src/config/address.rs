//! Where connections go and come from, below the URL.

use super::{Config, Refusal, Set};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Host;

/// Longest path of a Unix-domain socket, in bytes.
const UNIX_PATH_MAX: usize = 107;
/// Longest name of an interface, in bytes.
const INTERFACE_MAX: usize = 15;

/// The settings about addresses.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// Servers that are reached at another place, first match first.
    pub connect_to: Vec<(Place, Place)>,
    /// The address connections come from.
    pub local: Option<IpAddr>,
    /// The interface they leave by.
    pub interface: Option<String>,
    /// The Unix-domain socket that is connected to instead of TCP.
    pub unix: Option<PathBuf>,
    /// When the kernel asks a silent peer whether it is still there.
    pub keepalive: Option<Keepalive>,
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// TCP keepalive (RFC 1122 §4.2.3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Probes without an answer that end the connection.
    pub count: u32,
}

impl Place {
    fn parse(text: &str) -> Set<Self> {
        let bad = || Refusal::argument(format!("{text:?} is not HOST:PORT"));
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        let host = match Host::parse(host).map_err(|_| bad())? {
            Host::Domain(name) => name,
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        Ok(Self { host, port })
    }
}

impl Addresses {
    /// Host and port at which the server `host:port` is reached.
    pub fn place_of<'a>(&'a self, host: &'a str, port: u16) -> (&'a str, u16) {
        let found = self.connect_to.iter().find(|(from, _)| from.host == host && from.port == port);
        found.map_or((host, port), |(_, to)| (&to.host, to.port))
    }
}

impl Config {
    /// Reaches a server at another place.
    pub fn add_connect_to(&mut self, from: &str, to: &str) -> Set {
        let pair = (Place::parse(from)?, Place::parse(to)?);
        self.addresses.connect_to.push(pair);
        Ok(())
    }

    /// Sets the address connections come from.
    pub fn set_local_address(&mut self, address: Option<&str>) -> Set {
        let parse = |text: &str| {
            text.parse().map_err(|_| Refusal::argument(format!("{text:?} is not an IP address")))
        };
        self.addresses.local = address.map(parse).transpose()?;
        Ok(())
    }

    /// Sets the interface connections leave by.
    pub fn set_interface(&mut self, name: Option<&str>) -> Set {
        if let Some(name) = name {
            if !cfg!(target_os = "linux") {
                return Err(Refusal::argument("this system cannot bind to an interface"));
            }
            if name.is_empty() || name.len() > INTERFACE_MAX {
                let what = format!("{name:?} has not 1 to {INTERFACE_MAX} bytes");
                return Err(Refusal::argument(what));
            }
            if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
                let what = format!("{name:?} has a blank or a control character in it");
                return Err(Refusal::argument(what));
            }
        }
        self.addresses.interface = name.map(str::to_owned);
        Ok(())
    }

    /// Sets the Unix-domain socket to connect to.
    pub fn set_unix_socket(&mut self, path: Option<&str>) -> Set {
        if let Some(path) = path {
            check_unix_path(Path::new(path)).map_err(Refusal::argument)?;
        }
        self.addresses.unix = path.map(PathBuf::from);
        Ok(())
    }

    /// Sets TCP keepalive; three zeros turn it off.
    pub fn set_tcp_keepalive(&mut self, idle_ms: i64, interval_ms: i64, count: u32) -> Set {
        if (idle_ms, interval_ms, count) == (0, 0, 0) {
            self.addresses.keepalive = None;
            return Ok(());
        }
        // The limits of Linux, which counts in seconds.
        let seconds = |what: &str, ms: i64| {
            let time = u64::try_from(ms).ok().map(|ms| ms.div_ceil(1000));
            let time = time.filter(|seconds| (1..=32_767).contains(seconds));
            let refusal =
                || Refusal::argument(format!("{what}: {ms} ms is not in 1 to 32767000 ms"));
            time.map(Duration::from_secs).ok_or_else(refusal)
        };
        let idle = seconds("idle", idle_ms)?;
        let interval = seconds("interval", interval_ms)?;
        if !(1..=127).contains(&count) {
            return Err(Refusal::argument(format!("count: {count} is not in 1 to 127")));
        }
        self.addresses.keepalive = Some(Keepalive { idle, interval, count });
        Ok(())
    }
}

/// Whether a Unix-domain socket can have this path.
pub(crate) fn check_unix_path(path: &Path) -> Result<(), &'static str> {
    let len = path.as_os_str().len();
    if len == 0 {
        return Err("the path is empty");
    }
    if len > UNIX_PATH_MAX {
        return Err("the path is longer than 107 bytes");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err("the path has a NUL in it");
    }
    Ok(())
}
