//! Until when a connection may wait for what it waits for, and what it means
//! when that has not come by then.

use super::open::Open;
use super::{Conn, Phase};
use crate::error::{Cause, Failure};
use crate::sys::{Clock, Time};

/// What a deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// Look again: a new dial attempt is due.
    Look,
    /// An opening deadline, with what it was waiting for.
    Opening(&'static str),
    /// The kernel took nothing for too long.
    Send,
    /// The peer sent nothing for too long.
    Idle,
    /// The peer did not answer a ping.
    Heartbeat,
    /// The peer never answered our Close.
    CloseAnswer,
    /// The peer never closed TCP.
    Linger,
}

/// The kernel's buffer stayed full.
const STALLED: &str = "the peer took no byte before the send deadline";

impl Conn {
    /// Ends what is overdue. Judged after a look at the kernel: what arrived
    /// in time counts, however late the program lets us look.
    pub(super) fn is_overdue(&mut self, now: Time) -> bool {
        match self.deadline {
            Some((at, expiry)) if at <= now && expiry != Expiry::Look => {
                // A driver does not always look before it drives.
                if !std::mem::replace(&mut self.asked, true) {
                    self.readable = true;
                    self.writable = true;
                    return true;
                }
                self.deadline = None;
                self.expire(expiry);
                true
            }
            _ => false,
        }
    }

    fn expire(&mut self, expiry: Expiry) {
        let timeout = |message: &'static str| Failure::new(Cause::Timeout, message);
        match expiry {
            Expiry::Look => {}
            Expiry::Opening(what) => self.fail(timeout(what)),
            Expiry::Send if matches!(self.phase, Phase::Lingering(_)) => {
                self.linger_is_over(STALLED);
            }
            Expiry::Send => self.fail(timeout(STALLED)),
            Expiry::Idle => self.fail(timeout("nothing came from the peer in the idle timeout")),
            Expiry::Heartbeat => self.fail(timeout("the peer did not answer a ping in time")),
            Expiry::CloseAnswer => {
                self.fail(timeout("the peer did not answer the Close frame in time"));
            }
            Expiry::Linger => self.linger_is_over(STALLED),
        }
    }

    /// Computes the next deadline.
    pub(super) fn plan(&mut self, clock: &Clock) {
        if let Phase::Open(open) = &mut self.phase {
            self.deadline = if Open::is_timeless(&self.socket) {
                None
            } else {
                open.plan(&self.socket, clock.now())
            };
        } else {
            self.plan_other(clock);
        }
    }

    #[inline(never)]
    fn plan_other(&mut self, clock: &Clock) {
        let opening = |this: &Self, what: &'static str| {
            let by = [this.open_by, this.phase_by].into_iter().flatten().min();
            by.map(|at| (at, Expiry::Opening(what)))
        };
        self.deadline = match &self.phase {
            Phase::Resolving(..) => opening(self, "the name was not resolved in time"),
            Phase::Dialing(dial) => {
                let look = dial.deadline().map(|at| (at, Expiry::Look));
                let give_up = opening(self, "no connection was established in time");
                [look, give_up].into_iter().flatten().min_by_key(|(at, _)| *at)
            }
            Phase::Tunneling(_) => opening(self, "the proxy did not answer in time"),
            Phase::Trusting(_) => opening(self, "the trusted certificates were not read in time"),
            Phase::Securing(_) if self.proxy.is_some() => {
                opening(self, "the TLS handshake with the proxy did not end in time")
            }
            Phase::Securing(_) => opening(self, "the TLS handshake did not end in time"),
            Phase::Upgrading(_) => opening(self, "the server did not answer the upgrade in time"),
            Phase::Lingering(linger) => linger.deadline(&self.socket),
            Phase::Start => {
                let attempt = self.socket.attempt();
                attempt.and_then(|attempt| attempt.wait(clock.now())).map(|at| (at, Expiry::Look))
            }
            Phase::Open(_) | Phase::Ending(_) | Phase::Gone => None,
        };
    }
}
