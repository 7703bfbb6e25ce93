//! Racing TCP connections to the addresses of a host (RFC 8305 §5): families
//! interleaved, a new attempt every 250 ms or as soon as one fails.

use crate::config::Addresses;
use crate::error::{Cause, Failure};
use crate::sys::Time;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const STAGGER: Duration = Duration::from_millis(250);

/// The race.
pub(crate) struct Dial {
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    next_at: Option<Time>,
    next_key: u32,
    from: Origin,
    failed: usize,
    last_error: Option<Trouble>,
}

/// The connection that came first, and its key.
type Won = (Arc<Socket>, u32);

/// What could not be done, and why.
type Trouble = (String, io::Error);

/// Where connections come from.
#[derive(Debug, Clone, Default)]
struct Origin {
    address: Option<IpAddr>,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "refused there"))]
    interface: Option<String>,
}

struct Attempt {
    socket: Arc<Socket>,
    address: SocketAddr,
    /// Tells attempts apart whose descriptors have the same number.
    key: u32,
    /// It began just now, and goes to this machine.
    near: bool,
}

impl Dial {
    /// Prepares a race over `addresses`, in the order getaddrinfo gave them.
    /// Keys of attempts count from `first_key`.
    pub(crate) fn new(
        mut addresses: Vec<SocketAddr>,
        settings: &Addresses,
        first_key: u32,
    ) -> Self {
        if let Some(local) = settings.local {
            addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
        }
        Self {
            waiting: interleave(addresses),
            running: Vec::with_capacity(1),
            next_at: None,
            next_key: first_key,
            from: Origin { address: settings.local, interface: settings.interface.clone() },
            failed: 0,
            last_error: None,
        }
    }

    /// A key that no attempt has had.
    pub(crate) fn next_key(&self) -> u32 {
        self.next_key
    }

    /// Looks at the attempts and starts the next; the winner ends the race.
    /// `stands` says that a driver found a descriptor writable and nothing
    /// else: if there was but one attempt, it need not be looked at.
    pub(crate) fn step(&mut self, now: Time, stands: bool) -> Result<Option<Won>, Failure> {
        if stands
            && self.failed == 0
            && self.running.len() == 1
            && let Some(won) = self.running.pop()
        {
            return Ok(Some((won.socket, won.key)));
        }
        let mut at = 0;
        while let Some(attempt) = self.running.get(at) {
            match attempt.outcome() {
                None => at += 1,
                Some(Ok(())) => {
                    let won = self.running.swap_remove(at);
                    return Ok(Some((won.socket, won.key)));
                }
                Some(Err(error)) => {
                    let lost = self.running.swap_remove(at);
                    self.failed((lost.goal(), error));
                    self.next_at = None;
                }
            }
        }
        while self.next_at.is_none_or(|at| at <= now) || self.running.is_empty() {
            let Some(address) = self.waiting.pop_front() else { break };
            let key = self.next_key;
            self.next_key += 1;
            match Attempt::start(address, key, &self.from) {
                Ok((attempt, true)) => return Ok(Some((attempt.socket, key))),
                Ok((attempt, false)) => {
                    self.running.push(attempt);
                    self.next_at = Some(now.after(STAGGER));
                }
                Err(trouble) => self.failed(trouble),
            }
        }
        if self.running.is_empty() {
            return Err(self.failure());
        }
        Ok(None)
    }

    /// The only attempt, once, if it began just now and goes to this machine:
    /// that stands by now or is refused, unless the server's queue is full.
    pub(crate) fn near(&mut self) -> Option<Won> {
        let [attempt] = self.running.as_mut_slice() else { return None };
        let near = std::mem::take(&mut attempt.near) && self.waiting.is_empty();
        near.then(|| (Arc::clone(&attempt.socket), attempt.key))
    }

    /// What [`Dial::near`] gave does not stand.
    pub(crate) fn refused(&mut self, error: io::Error) {
        if let Some(lost) = self.running.pop() {
            self.failed((lost.goal(), error));
        }
    }

    fn failed(&mut self, trouble: Trouble) {
        self.failed += 1;
        self.last_error = Some(trouble);
    }

    fn failure(&mut self) -> Failure {
        match (self.last_error.take(), self.from.address) {
            (Some((mut what, error)), _) => {
                if self.failed > 1 {
                    what = format!("{what}, the last of {} addresses", self.failed);
                }
                Failure::os(Cause::Connect, &what, &error)
            }
            (None, Some(local)) => {
                let what = format!("the host has no address that {local} can reach");
                Failure::new(Cause::Connect, what)
            }
            (None, None) => Failure::new(Cause::Connect, "the host has no address"),
        }
    }

    /// When the next attempt is due.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.next_at.filter(|_| !self.waiting.is_empty())
    }

    /// The descriptors that become writable when an attempt ends.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = (u32, RawFd)> {
        self.running.iter().map(|attempt| (attempt.key, attempt.socket.as_raw_fd()))
    }
}

impl Attempt {
    /// Starts to connect; true if it succeeded at once.
    fn start(address: SocketAddr, key: u32, from: &Origin) -> Result<(Self, bool), Trouble> {
        let socket = tcp_socket(Domain::for_address(address))
            .map_err(|error| ("cannot make a socket".to_owned(), error))?;
        from.bind(&socket)?;
        // Elsewhere a send says "not connected" before the connection stands, and
        // "broken pipe" where it was refused.
        let near = cfg!(target_os = "linux") && address.ip().is_loopback();
        let attempt = Self { socket: Arc::new(socket), address, key, near };
        match attempt.socket.connect(&SockAddr::from(address)) {
            Ok(()) => Ok((attempt, true)),
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    || error.raw_os_error() == Some(libc::EINPROGRESS)
                    || error.kind() == io::ErrorKind::Interrupted =>
            {
                Ok((attempt, false))
            }
            Err(error) => Err((attempt.goal(), error)),
        }
    }

    fn goal(&self) -> String {
        format!("cannot connect to {}", self.address)
    }

    /// How the attempt ended, if it did.
    fn outcome(&self) -> Option<io::Result<()>> {
        if self.socket.peer_addr().is_ok() {
            return Some(Ok(()));
        }
        match self.socket.take_error() {
            Ok(None) => None,
            Ok(Some(error)) | Err(error) => Some(Err(error)),
        }
    }
}

/// A TCP socket that does not wait, by one system call where there is one.
fn tcp_socket(domain: Domain) -> io::Result<Socket> {
    #[cfg(target_os = "linux")]
    return Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP));
    #[cfg(not(target_os = "linux"))]
    {
        let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    }
}

impl Origin {
    fn bind(&self, socket: &Socket) -> Result<(), Trouble> {
        #[cfg(target_os = "linux")]
        if let Some(name) = &self.interface {
            let done = socket.bind_device(Some(name.as_bytes()));
            done.map_err(|error| (format!("cannot bind to {name}"), error))?;
        }
        if let Some(address) = self.address {
            let done = socket.bind(&SockAddr::from(SocketAddr::new(address, 0)));
            done.map_err(|error| (format!("cannot bind to {address}"), error))?;
        }
        Ok(())
    }
}

/// Connects to a Unix-domain socket, which happens at once or not at all.
pub(crate) fn unix(path: &Path) -> Result<Socket, Failure> {
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)?;
        Ok(socket)
    };
    let what = || format!("cannot connect to {}", path.display());
    connect().map_err(|error| Failure::os(Cause::Connect, &what(), &error))
}

/// How a connected socket came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// By a race of ours: TCP.
    Dialed,
    /// In any other way.
    Somehow,
}

/// Makes a connected socket ready for use; a patient one is told later that its
/// small messages do not wait for acknowledgements.
pub(crate) fn prepare(
    socket: &Socket,
    made: Made,
    patient: bool,
    settings: &Addresses,
) -> io::Result<()> {
    if made == Made::Dialed || matches!(socket.local_addr()?.domain(), Domain::IPV4 | Domain::IPV6)
    {
        if !patient {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(keepalive) = settings.keepalive {
            let options = TcpKeepalive::new()
                .with_time(keepalive.idle)
                .with_interval(keepalive.interval)
                .with_retries(keepalive.count);
            socket.set_tcp_keepalive(&options)?;
        }
    }
    Ok(())
}

/// Alternates the families, beginning with that of the first address.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    if addresses.len() < 2 {
        return addresses.into();
    }
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let mut mixed = VecDeque::with_capacity(first.len() + second.len());
    while !first.is_empty() || !second.is_empty() {
        mixed.extend(first.pop_front());
        mixed.extend(second.pop_front());
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_alternate() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap_or_else(|_| unreachable!());
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"].map(parse);
        let mixed: Vec<_> = interleave(given.to_vec()).into();
        assert_eq!(mixed, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"].map(parse));
    }
}
