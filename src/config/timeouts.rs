//! How long each phase may take.

use super::{Config, Refusal, Set};
use std::time::Duration;

/// The longest time any setter takes, in milliseconds.
pub const MAX_TIMEOUT_MS: i64 = i32::MAX as i64;

/// Which deadline a call to [`Config::set_timeout`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeout {
    /// All of opening, from open to the open event.
    Open,
    /// Name resolution and TCP.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The HTTP upgrade.
    Upgrade,
    /// From our Close frame leaving to the peer's.
    Close,
    /// From the end of the closing handshake to the peer's FIN.
    Linger,
    /// The kernel takes no byte of what is queued. Zero is off.
    Send,
}

/// The deadlines; see [`Timeout`] for what each covers.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// See [`Timeout::Open`].
    pub open: Duration,
    /// See [`Timeout::Connect`].
    pub connect: Duration,
    /// See [`Timeout::Tls`].
    pub tls: Duration,
    /// See [`Timeout::Upgrade`].
    pub upgrade: Duration,
    /// See [`Timeout::Close`].
    pub close: Duration,
    /// See [`Timeout::Linger`].
    pub linger: Duration,
    /// See [`Timeout::Send`].
    pub send: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(30),
            connect: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            upgrade: Duration::from_secs(30),
            close: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            send: Some(Duration::from_secs(30)),
        }
    }
}

impl Config {
    /// Sets one deadline in milliseconds.
    pub fn set_timeout(&mut self, which: Timeout, ms: i64) -> Set {
        let least = i64::from(which != Timeout::Send);
        if !(least..=MAX_TIMEOUT_MS).contains(&ms) {
            let what = format!("{ms} ms is not in {least} to {MAX_TIMEOUT_MS} ms");
            return Err(Refusal::argument(what));
        }
        let time = Duration::from_millis(ms.unsigned_abs());
        let timeouts = &mut self.timeouts;
        match which {
            Timeout::Open => timeouts.open = time,
            Timeout::Connect => timeouts.connect = time,
            Timeout::Tls => timeouts.tls = time,
            Timeout::Upgrade => timeouts.upgrade = time,
            Timeout::Close => timeouts.close = time,
            Timeout::Linger => timeouts.linger = time,
            Timeout::Send => timeouts.send = (ms != 0).then_some(time),
        }
        Ok(())
    }
}
