//! The way to the server: a descriptor of the program's, a Unix-domain socket,
//! or TCP to the server or to a proxy, which is asked for a tunnel: to a name,
//! or to one address of the server after the other.

use super::link::Link;
use super::opening::Trusting;
use super::proxy::Tunnel;
use super::{Conn, Crank, Flow, Next, Phase, Step, dial};
use crate::config::{Place, Proxy, ProxyKind};
use crate::error::{Cause, Failure};
use crate::event::EventKind;
use crate::log::Level;
use crate::resolve;
use crate::sys::Clock;
use socket2::Socket as Tcp;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

/// Whose name is being resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// The host that TCP goes to: the server, or a proxy.
    Peer,
    /// The server behind a proxy that gets addresses only.
    Server,
}

/// What a proxy is asked for that gets addresses only.
pub(super) struct Detour {
    /// The server's addresses; the first is the one in question.
    server: VecDeque<SocketAddr>,
    proxy: Arc<Proxy>,
    /// The proxy's own addresses, for the next attempt.
    proxy_at: Vec<SocketAddr>,
    /// The keys that are left for its descriptors.
    next_key: u32,
}

impl Conn {
    pub(super) fn step_start(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        if let Some(attempt) = self.socket.attempt() {
            if attempt.take_news() {
                let told = EventKind::Attempt(attempt);
                return match crank.receiver.deliver(&crank.clock, &self.socket, told) {
                    Flow::Go => Next::Again,
                    Flow::Stop => Next::Leave(Step::Stopped),
                };
            }
            crank.clock.forget();
            if attempt.wait(crank.clock.now()).is_some() {
                return Next::Leave(Step::Idle);
            }
        }
        let socket = Arc::clone(&self.socket);
        let (target, config) = (socket.target(), socket.config());
        self.open_by = Some(crank.clock.now().after(config.timeouts.open));
        if target.tls {
            // Beside the lookup and the dial.
            drop(config.tls.connector());
        }
        if let Some(adopted) = socket.take_adopted() {
            self.connected(Arc::new(adopted), dial::Made::Somehow, &crank.clock);
            return Next::Again;
        }
        if let Some(path) = target.unix().or(config.addresses.unix.as_deref()) {
            match dial::unix(path) {
                Ok(tcp) => self.connected(Arc::new(tcp), dial::Made::Somehow, &crank.clock),
                Err(failure) => self.fail(failure),
            }
            return Next::Again;
        }
        self.proxy = config.proxies.pick(target.tls, target.host(), target.port).cloned();
        let kind = self.proxy.as_ref().map(|proxy| proxy.kind);
        if kind == Some(ProxyKind::Https) {
            drop(config.tls.proxy_connector());
        }
        let local = kind == Some(ProxyKind::Socks5Local);
        self.find(if local { Sought::Server } else { Sought::Peer }, &crank.clock);
        Next::Again
    }

    /// Looks for an address.
    fn find(&mut self, sought: Sought, clock: &Clock) {
        let (host, port) = self.place(sought);
        if let Some(address) = resolve::numeric(host, port) {
            self.found(sought, vec![address], clock);
            return;
        }
        self.log(Level::Debug, || format!("resolving {host}"));
        let started = resolve::start(host, port);
        self.phase_within(self.socket.config().timeouts.dns, clock);
        match started {
            Ok(lookup) => self.phase = Phase::Resolving(lookup, sought),
            Err(error) => self.fail(Failure::os(Cause::Dns, "cannot start a lookup", &error)),
        }
    }

    fn found(&mut self, sought: Sought, addresses: Vec<SocketAddr>, clock: &Clock) {
        match (sought, &self.proxy) {
            (Sought::Server, Some(proxy)) => {
                let (server, proxy) = (addresses.into(), Arc::clone(proxy));
                let detour = Detour { server, proxy, proxy_at: Vec::new(), next_key: 1 };
                self.detour = Some(Box::new(detour));
                self.find(Sought::Peer, clock);
            }
            _ => {
                if let Some(detour) = &mut self.detour {
                    detour.proxy_at.clone_from(&addresses);
                }
                self.dial(addresses, clock);
            }
        }
    }

    /// Host and port of what is sought.
    fn place(&self, sought: Sought) -> (&str, u16) {
        match (sought, &self.proxy) {
            (Sought::Peer, Some(proxy)) => (&proxy.host, proxy.port),
            _ => self.server_place(),
        }
    }

    /// Where the server is, as we or the proxy reach it.
    fn server_place(&self) -> (&str, u16) {
        let target = self.socket.target();
        self.socket.config().addresses.place_of(target.host(), target.port)
    }

    pub(super) fn step_resolving(&mut self, clock: &Clock) -> Next {
        let Phase::Resolving(lookup, sought) = &self.phase else { return Next::Again };
        let sought = *sought;
        match lookup.take_or(|| self.socket.reminder()) {
            None => return Next::Leave(Step::Idle),
            Some(Ok(addresses)) => self.found(sought, addresses, clock),
            Some(Err(error)) => {
                let proxy = sought == Sought::Peer && self.proxy.is_some();
                let who = if proxy { "the proxy " } else { "" };
                let what = format!("cannot resolve {who}{}", self.place(sought).0);
                self.fail(Failure::os(Cause::Dns, &what, &error));
            }
        }
        Next::Again
    }

    fn dial(&mut self, addresses: Vec<SocketAddr>, clock: &Clock) {
        self.log(Level::Debug, || match addresses.as_slice() {
            [address] => format!("connecting to {address}"),
            all => format!("connecting to {} addresses", all.len()),
        });
        let config = self.socket.config();
        let first_key = self.detour.as_ref().map_or(1, |detour| detour.next_key);
        let dial = dial::Dial::new(addresses, &config.addresses, first_key);
        let limit = config.timeouts.connect;
        self.phase_within(limit, clock);
        self.phase = Phase::Dialing(Box::new(dial));
    }

    pub(super) fn step_dialing(&mut self, crank: &Crank<'_, '_>) -> Next {
        let Phase::Dialing(dial) = &mut self.phase else { return Next::Again };
        // What the driver has found since the last step.
        let stands = self.writable && !self.readable && !self.read_closed;
        match dial.step(crank.clock.now(), stands) {
            Ok(None) => {
                if self.greet(&crank.clock) {
                    return Next::Again;
                }
                self.writable = false;
                self.readable = false;
                self.read_closed = false;
                return Next::Leave(Step::Idle);
            }
            Ok(Some((tcp, key))) => {
                // Nothing has come yet; what comes is told when it comes.
                self.readable = !stands;
                if let Some(detour) = &mut self.detour {
                    detour.next_key = dial.next_key();
                }
                self.made(&tcp, key);
                self.connected(tcp, dial::Made::Dialed, &crank.clock);
            }
            Err(mut failure) => {
                if self.proxy.is_some() {
                    failure.message = format!("{} (a proxy)", failure.message).into();
                }
                self.fail(failure);
            }
        }
        Next::Again
    }

    /// Offers the request to a connection within the machine without waiting to
    /// hear that it stands: that would be a system call more. False if there is
    /// none or it takes nothing yet.
    fn greet(&mut self, clock: &Clock) -> bool {
        if !self.is_direct() {
            return false;
        }
        let Phase::Dialing(dial) = &mut self.phase else { return false };
        let Some((tcp, key)) = dial.near() else { return false };
        let addresses = &self.socket.config().addresses;
        if dial::prepare(&tcp, dial::Made::Dialed, true, addresses).is_err() {
            return false;
        }
        let mut upgrade = self.upgrade_over(Link::patient(Arc::clone(&tcp)), true);
        match upgrade.offer() {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => {
                if let Phase::Dialing(dial) = &mut self.phase {
                    dial.refused(error);
                }
                return true;
            }
        }
        self.readable = false;
        self.read_closed = false;
        self.made(&tcp, key);
        self.upgrading(upgrade, clock);
        true
    }

    /// Whether nothing is between us and the server, not even TLS.
    fn is_direct(&self) -> bool {
        self.proxy.is_none() && !self.socket.target().tls
    }

    fn made(&mut self, tcp: &Tcp, key: u32) {
        self.log(Level::Debug, || match tcp.peer_addr().map(|a| a.as_socket()) {
            Ok(Some(address)) => format!("connected to {address}"),
            _ => "connected".to_owned(),
        });
        self.key = key;
    }

    fn connected(&mut self, tcp: Arc<Tcp>, made: dial::Made, clock: &Clock) {
        let patient = made == dial::Made::Dialed && self.is_direct();
        let addresses = &self.socket.config().addresses;
        if let Err(error) = dial::prepare(&tcp, made, patient, addresses) {
            self.fail(Failure::os(Cause::Connect, "cannot prepare the socket", &error));
            return;
        }
        // An attempt that lost the race may have set it.
        self.read_closed = false;
        let link = if patient { Link::patient(tcp) } else { Link::plain(tcp) };
        match self.proxy.clone() {
            Some(proxy) => self.meet_proxy(&proxy, link, clock),
            None => self.reached(link, clock),
        }
    }

    fn meet_proxy(&mut self, proxy: &Proxy, link: Link, clock: &Clock) {
        self.phase_within(self.socket.config().timeouts.proxy, clock);
        if proxy.kind != ProxyKind::Https {
            self.ask_proxy(link, clock);
            return;
        }
        self.log(Level::Debug, || "starting TLS with the proxy".to_owned());
        let connector = self.socket.config().tls.proxy_connector();
        self.phase = Phase::Trusting(Box::new(Trusting { connector, link }));
    }

    /// What failed TLS means: with the server, or with the proxy before it.
    pub(super) fn tls_failure(&self, message: &str) -> Failure {
        match self.proxy {
            Some(_) => Failure::new(Cause::Proxy, format!("TLS with the proxy: {message}")),
            None => Failure::new(Cause::Tls, message),
        }
    }

    /// Asks for the tunnel; from here on the proxy is only part of the link.
    pub(super) fn ask_proxy(&mut self, mut link: Link, clock: &Clock) {
        let Some(proxy) = self.proxy.take() else { return self.reached(link, clock) };
        link.ends_at_proxy();
        let server = match self.detour.as_ref().and_then(|detour| detour.server.front()) {
            Some(at) => Place { host: at.ip().to_string(), port: at.port() },
            None => {
                let (host, port) = self.server_place();
                Place { host: host.to_owned(), port }
            }
        };
        self.log(Level::Debug, || format!("asking the proxy for {}:{}", server.host, server.port));
        match Tunnel::new(link, &proxy, &server) {
            Ok(tunnel) => self.phase = Phase::Tunneling(Box::new(tunnel)),
            Err(failure) => self.fail(failure),
        }
    }

    pub(super) fn step_tunneling(&mut self, clock: &Clock) -> Next {
        let Phase::Tunneling(tunnel) = &mut self.phase else { return Next::Again };
        match tunnel.step() {
            Ok(None) => return Next::Leave(Step::Idle),
            Ok(Some(link)) => {
                self.detour = None;
                self.reached(link, clock);
            }
            Err(failure) if tunnel.was_asked() => self.try_next(failure, clock),
            Err(failure) => self.fail(failure),
        }
        Next::Again
    }

    /// The proxy could not reach an address of the server; it is asked for the
    /// next, if there is one.
    fn try_next(&mut self, failure: Failure, clock: &Clock) {
        let Some(detour) = &mut self.detour else { return self.fail(failure) };
        detour.server.pop_front();
        if detour.server.is_empty() {
            return self.fail(failure);
        }
        self.proxy = Some(Arc::clone(&detour.proxy));
        let proxy_at = detour.proxy_at.clone();
        self.log(Level::Debug, || failure.message.to_string());
        self.dial(proxy_at, clock);
    }
}
