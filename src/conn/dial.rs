//! Racing TCP connections to the addresses of a host (RFC 8305 §5): families
//! interleaved, a new attempt every 250 ms or as soon as one fails.

use crate::error::{Cause, Failure};
use crate::sys::Time;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

const STAGGER: Duration = Duration::from_millis(250);

/// The race.
pub(crate) struct Dial {
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    next_at: Option<Time>,
    next_key: u32,
    last_error: Option<(SocketAddr, io::Error)>,
}

struct Attempt {
    socket: Socket,
    address: SocketAddr,
    /// Tells attempts apart whose descriptors have the same number.
    key: u32,
}

impl Dial {
    /// Prepares a race over `addresses`, in the order getaddrinfo gave them.
    pub(crate) fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            waiting: interleave(addresses),
            running: Vec::new(),
            next_at: None,
            next_key: 1,
            last_error: None,
        }
    }

    /// Looks at the attempts and starts the next; the winner ends the race.
    pub(crate) fn step(&mut self, now: Time) -> Result<Option<(Socket, u32)>, Failure> {
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
                    self.last_error = Some((lost.address, error));
                    self.next_at = None;
                }
            }
        }
        while self.next_at.is_none_or(|at| at <= now) || self.running.is_empty() {
            let Some(address) = self.waiting.pop_front() else { break };
            let key = self.next_key;
            self.next_key += 1;
            match Attempt::start(address, key) {
                Ok((attempt, true)) => return Ok(Some((attempt.socket, key))),
                Ok((attempt, false)) => {
                    self.running.push(attempt);
                    self.next_at = Some(now.after(STAGGER));
                }
                Err(error) => self.last_error = Some((address, error)),
            }
        }
        if self.running.is_empty() {
            return Err(match self.last_error.take() {
                Some((address, error)) => {
                    Failure::os(Cause::Connect, &format!("cannot connect to {address}"), &error)
                }
                None => Failure::new(Cause::Connect, "the host has no address"),
            });
        }
        Ok(None)
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
    fn start(address: SocketAddr, key: u32) -> io::Result<(Self, bool)> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let attempt = Self { socket, address, key };
        match attempt.socket.connect(&SockAddr::from(address)) {
            Ok(()) => Ok((attempt, true)),
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    || error.raw_os_error() == Some(libc::EINPROGRESS)
                    || error.kind() == io::ErrorKind::Interrupted =>
            {
                Ok((attempt, false))
            }
            Err(error) => Err(error),
        }
    }

    /// How the attempt ended, if it did.
    fn outcome(&self) -> Option<io::Result<()>> {
        match self.socket.take_error() {
            Ok(None) => self.socket.peer_addr().is_ok().then_some(Ok(())),
            Ok(Some(error)) | Err(error) => Some(Err(error)),
        }
    }
}

/// Alternates the families, beginning with that of the first address.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
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
