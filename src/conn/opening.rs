//! From the server's end of the line to an established connection: TLS and
//! the upgrade. One deadline covers all of opening, another each phase.

use super::link::{Handshake, Link, Shaken};
use super::open::Open;
use super::upgrade::{Agreed, Upgrade};
use super::{Conn, Crank, Next, Phase, Step};
use crate::config::{Built, pin_of};
use crate::error::{Cause, Failure};
use crate::helpers::Awaited;
use crate::log::Level;
use crate::sys::Clock;
use std::sync::Arc;
use std::time::Duration;

/// TLS that has not begun: what it needs is still read (`src/helpers.rs`).
pub(super) struct Trusting {
    pub(super) connector: Awaited<Built>,
    pub(super) link: Link,
}

impl Trusting {
    pub(super) fn tcp(&self) -> &socket2::Socket {
        self.link.tcp()
    }
}

impl Conn {
    pub(super) fn phase_within(&mut self, limit: Duration, clock: &Clock) {
        self.phase_by = Some(clock.now().after(limit));
    }

    /// The server is at the other end of `link`.
    pub(super) fn reached(&mut self, link: Link, clock: &Clock) {
        if !self.socket.target().tls {
            self.begin_upgrade(link, clock);
            return;
        }
        self.phase_within(self.socket.config().timeouts.tls, clock);
        self.log(Level::Debug, || "starting TLS".to_owned());
        let connector = self.socket.config().tls.connector();
        self.phase = Phase::Trusting(Box::new(Trusting { connector, link }));
    }

    pub(super) fn step_trusting(&mut self) -> Next {
        let Phase::Trusting(trusting) = &self.phase else { return Next::Again };
        let Some(built) = trusting.connector.take_or(|| self.socket.reminder()) else {
            return Next::Leave(Step::Idle);
        };
        let Phase::Trusting(trusting) = std::mem::replace(&mut self.phase, Phase::Start) else {
            return Next::Again;
        };
        let started = built.and_then(|connector| {
            let proxy = self.proxy.as_ref();
            let name = proxy.map_or_else(|| self.tls_name(), |proxy| &proxy.host);
            Handshake::start(&connector, name, trusting.link)
        });
        match started {
            Ok(handshake) => self.phase = Phase::Securing(Box::new(handshake)),
            Err(message) => self.fail(self.tls_failure(&message)),
        }
        Next::Again
    }

    pub(super) fn step_securing(&mut self, clock: &Clock) -> Next {
        let Phase::Securing(handshake) = &mut self.phase else { return Next::Again };
        let shaken = handshake.step();
        // That takes its time.
        clock.forget();
        match shaken {
            Ok(Shaken::Waits) => return Next::Leave(Step::Idle),
            Ok(Shaken::Done(link)) if self.proxy.is_some() => self.ask_proxy(link, clock),
            Ok(Shaken::Done(link)) => self.secured(link, clock),
            Err(message) => {
                let lost = handshake.is_lost();
                self.fail(Failure { lost, ..self.tls_failure(&message) });
            }
        }
        Next::Again
    }

    /// The name the server's certificate must be for.
    fn tls_name(&self) -> &str {
        let host = self.socket.target().host();
        let set = self.socket.config().tls.server_name.as_ref();
        set.map_or_else(|| host.trim_end_matches('.'), String::as_str)
    }

    fn secured(&mut self, link: Link, clock: &Clock) {
        let certificate = link.peer_certificate();
        let pins = &self.socket.config().tls.pins;
        let key = certificate.as_deref().and_then(pin_of);
        let allowed = pins.is_empty() || key.is_some_and(|key| pins.contains(&key));
        if let Some(certificate) = certificate {
            self.socket.set_peer_certificate(certificate);
        }
        if allowed {
            self.begin_upgrade(link, clock);
        } else {
            let what = "the server's public key is none of the pinned ones";
            self.fail(Failure::new(Cause::Tls, what));
        }
    }

    fn begin_upgrade(&mut self, link: Link, clock: &Clock) {
        let fresh = !self.readable && matches!(self.phase, Phase::Dialing(_)) && !link.is_tls();
        let upgrade = self.upgrade_over(link, fresh);
        self.upgrading(upgrade, clock);
    }

    /// An upgrade that has not begun; what comes over a fresh link is told.
    pub(super) fn upgrade_over(&self, link: Link, fresh: bool) -> Upgrade {
        let socket = &self.socket;
        Upgrade::new(link, fresh, |key| {
            socket.with_protocols(|offered| socket.target().request(socket.config(), offered, key))
        })
    }

    pub(super) fn upgrading(&mut self, upgrade: Upgrade, clock: &Clock) {
        self.phase_within(self.socket.config().timeouts.upgrade, clock);
        self.log(Level::Debug, || "upgrading".to_owned());
        self.phase = Phase::Upgrading(Box::new(upgrade));
    }

    pub(super) fn step_upgrading(&mut self, crank: &mut Crank<'_, '_>) -> Next {
        let Phase::Upgrading(upgrade) = &mut self.phase else { return Next::Again };
        let socket = &self.socket;
        let step = |offered: &[String]| upgrade.step(socket.config(), offered);
        let mut stepped = socket.with_protocols(step);
        if let Some(due) = upgrade.refusal_due() {
            // Its body may still come, but the refusal stands: the deadlines
            // of opening end the waiting and are no failure of their own.
            let by = [Some(due), self.open_by, self.phase_by].into_iter().flatten().min();
            if by.is_some_and(|by| by <= crank.clock.now()) {
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
                crank.clock.forget();
                self.upgraded(upgrade.link, agreed, &crank.clock);
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

    fn upgraded(&mut self, link: Link, agreed: Agreed, clock: &Clock) {
        self.open_by = None;
        self.phase_by = None;
        self.time(None, clock);
        let (tcp, tls) = (Arc::clone(link.tcp()), link.is_tls());
        // Whoever sees OPEN sees these too.
        self.socket.set_agreed(&agreed.response, agreed.protocol, agreed.deflate.as_ref());
        self.socket.set_response(agreed.response);
        if self.socket.establish(link) {
            if let Some(attempt) = self.socket.attempt() {
                attempt.opened(clock.now());
            }
            self.readable = agreed.more || self.read_closed;
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
