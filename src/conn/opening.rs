//! The phases before a connection is established. One deadline covers all of
//! them, another each.

use super::link::{Handshake, Link, Shaken};
use super::open::Open;
use super::upgrade::{Agreed, Upgrade};
use super::{Conn, Crank, Next, Phase, Step, dial};
use crate::config::pin_of;
use crate::error::{Cause, Failure};
use crate::log::Level;
use crate::resolve;
use crate::sys::Time;
use socket2::Socket as Tcp;
use std::sync::Arc;
use std::time::Duration;

impl Conn {
    fn phase_within(&mut self, limit: Duration) {
        self.phase_by = Some(Time::now().after(limit));
    }

    pub(super) fn step_start(&mut self, crank: &Crank<'_>) -> Next {
        let config = self.socket.config();
        let (all, connect) = (config.timeouts.open, config.timeouts.connect);
        self.open_by = Some(crank.now.after(all));
        self.phase_within(connect);
        let target = self.socket.target();
        self.log(Level::Debug, || format!("resolving {}", target.host));
        if let Some(address) = resolve::numeric(&target.host, target.port) {
            self.phase = Phase::Dialing(dial::Dial::new(vec![address]));
            return Next::Again;
        }
        let weak = Arc::downgrade(&self.socket);
        let done = Box::new(move || {
            if let Some(socket) = weak.upgrade() {
                socket.attend();
            }
        });
        match resolve::start(&target.host, target.port, done) {
            Ok(lookup) => self.phase = Phase::Resolving(lookup),
            Err(error) => self.fail(Failure::os(Cause::Dns, "cannot start a lookup", &error)),
        }
        Next::Again
    }

    pub(super) fn step_resolving(&mut self) -> Next {
        let Phase::Resolving(lookup) = &self.phase else { return Next::Again };
        match lookup.take() {
            None => return Next::Leave(Step::Idle),
            Some(Ok(addresses)) => self.phase = Phase::Dialing(dial::Dial::new(addresses)),
            Some(Err(error)) => {
                let what = format!("cannot resolve {}", self.socket.target().host);
                self.fail(Failure::os(Cause::Dns, &what, &error));
            }
        }
        Next::Again
    }

    pub(super) fn step_dialing(&mut self, crank: &Crank<'_>) -> Next {
        let Phase::Dialing(dial) = &mut self.phase else { return Next::Again };
        match dial.step(crank.now) {
            Ok(None) => return Next::Leave(Step::Idle),
            Ok(Some((tcp, key))) => {
                self.log(Level::Debug, || match tcp.peer_addr().map(|a| a.as_socket()) {
                    Ok(Some(address)) => format!("connected to {address}"),
                    _ => "connected".to_owned(),
                });
                self.key = key;
                self.connected(tcp);
            }
            Err(failure) => self.fail(failure),
        }
        Next::Again
    }

    fn connected(&mut self, tcp: Tcp) {
        // Without it small messages wait for acknowledgements.
        let prepared = tcp.set_tcp_nodelay(true).and_then(|()| tcp.set_nonblocking(false));
        if let Err(error) = prepared {
            self.fail(Failure::os(Cause::Connect, "cannot prepare the socket", &error));
            return;
        }
        let tcp = Arc::new(tcp);
        self.readable = true;
        // An attempt that lost the race may have set it.
        self.read_closed = false;
        let link = Link::plain(tcp);
        if !self.socket.target().tls {
            self.begin_upgrade(link);
            return;
        }
        self.phase_within(self.socket.config().timeouts.tls);
        self.log(Level::Debug, || "starting TLS".to_owned());
        let started = match self.socket.config().tls.connector() {
            Ok(connector) => Handshake::start(&connector, self.tls_name(), link),
            Err(error) => Err(error.to_string()),
        };
        match started {
            Ok(handshake) => self.phase = Phase::Securing(Box::new(handshake)),
            Err(message) => self.fail(Failure::new(Cause::Tls, message)),
        }
    }

    pub(super) fn step_securing(&mut self) -> Next {
        let Phase::Securing(handshake) = &mut self.phase else { return Next::Again };
        match handshake.step() {
            Ok(Shaken::Waits) => return Next::Leave(Step::Idle),
            Ok(Shaken::Done(link)) => self.secured(link),
            Err(message) => self.fail(Failure::new(Cause::Tls, message)),
        }
        Next::Again
    }

    /// The name the server's certificate must be for.
    fn tls_name(&self) -> &str {
        let host = &self.socket.target().host;
        let set = self.socket.config().tls.server_name.as_ref();
        set.map_or_else(|| host.trim_end_matches('.'), String::as_str)
    }

    fn secured(&mut self, link: Link) {
        let certificate = link.peer_certificate();
        let pins = &self.socket.config().tls.pins;
        let key = certificate.as_deref().and_then(pin_of);
        let allowed = pins.is_empty() || key.is_some_and(|key| pins.contains(&key));
        if let Some(certificate) = certificate {
            self.socket.set_peer_certificate(certificate);
        }
        if allowed {
            self.begin_upgrade(link);
        } else {
            let what = "the server's public key is none of the pinned ones";
            self.fail(Failure::new(Cause::Tls, what));
        }
    }

    fn begin_upgrade(&mut self, link: Link) {
        self.phase_within(self.socket.config().timeouts.upgrade);
        self.log(Level::Debug, || "upgrading".to_owned());
        let socket = &self.socket;
        let upgrade = Upgrade::new(link, |key| {
            socket.target().request(socket.config(), &socket.protocols(), key)
        });
        self.phase = Phase::Upgrading(Box::new(upgrade));
    }

    pub(super) fn step_upgrading(&mut self, crank: &mut Crank<'_>) -> Next {
        let Phase::Upgrading(upgrade) = &mut self.phase else { return Next::Again };
        let mut stepped = upgrade.step(self.socket.config(), &self.socket.protocols());
        if let Some(due) = upgrade.refusal_due() {
            // Its body may still come, but the refusal stands: the deadlines
            // of opening end the waiting and are no failure of their own.
            let by = [Some(due), self.open_by, self.phase_by].into_iter().flatten().min();
            if by.is_some_and(|by| by <= Time::now()) {
                stepped = upgrade.refuse().map(|()| None);
            } else {
                self.phase_by = by;
            }
        }
        match stepped {
            Ok(None) => return Next::Leave(Step::Idle),
            Ok(Some(agreed)) => {
                let Phase::Upgrading(upgrade) = std::mem::replace(&mut self.phase, Phase::Start)
                else {
                    return Next::Again;
                };
                crank.now = Time::now();
                self.upgraded(upgrade.link, agreed);
            }
            Err(refused) => {
                if let Some(response) = refused.response
                    && !self.socket.config().browser_mode
                {
                    self.socket.set_response(response);
                }
                self.fail(refused.failure);
            }
        }
        Next::Again
    }

    fn upgraded(&mut self, link: Link, agreed: Agreed) {
        self.open_by = None;
        self.phase_by = None;
        let (tcp, tls) = (Arc::clone(link.tcp()), link.is_tls());
        // Whoever sees OPEN sees these too.
        if let Some(params) = &agreed.deflate {
            self.socket.set_extensions(&agreed.response, params);
        }
        self.socket.set_response(agreed.response);
        if let Some(protocol) = agreed.protocol {
            self.socket.set_protocol(protocol);
        }
        if self.socket.establish(link) {
            self.readable = true;
            self.log(Level::Info, || {
                let mut line = "open".to_owned();
                for (what, text) in
                    [("subprotocol", self.socket.protocol()), ("with", self.socket.extensions())]
                {
                    if !text.is_empty() {
                        line += &format!(", {what} {}", text.as_str());
                    }
                }
                line
            });
            let open = Open::new(&self.socket, tcp, tls, agreed.deflate.as_ref(), agreed.rest);
            self.phase = Phase::Open(Box::new(open));
        }
        // Otherwise close or abort came first; the signal is obeyed next.
    }
}
