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
    /// Name resolution.
    Dns,
    /// TCP, over all addresses.
    Connect,
    /// A proxy, from TCP to its consent.
    Proxy,
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
    /// The peer sends no byte. Zero is off.
    Idle,
}

/// Pings of our own, and how long an answer may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time between two pings.
    pub interval: Duration,
    /// Silence after a ping that means the peer is dead.
    pub timeout: Duration,
}

/// The deadlines; see [`Timeout`] for what each covers.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// See [`Timeout::Open`].
    pub open: Duration,
    /// See [`Timeout::Dns`].
    pub dns: Duration,
    /// See [`Timeout::Connect`].
    pub connect: Duration,
    /// See [`Timeout::Proxy`].
    pub proxy: Duration,
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
    /// See [`Timeout::Idle`].
    pub idle: Option<Duration>,
    /// Off if there is none.
    pub heartbeat: Option<Heartbeat>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            open: Duration::from_secs(30),
            dns: Duration::from_secs(30),
            connect: Duration::from_secs(30),
            proxy: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            upgrade: Duration::from_secs(30),
            close: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            send: Some(Duration::from_secs(30)),
            idle: None,
            heartbeat: None,
        }
    }
}

impl Config {
    /// Sets one deadline in milliseconds.
    pub fn set_timeout(&mut self, which: Timeout, ms: i64) -> Set {
        let least = i64::from(!matches!(which, Timeout::Send | Timeout::Idle));
        let time = checked(ms, least)?;
        let timeouts = &mut self.timeouts;
        match which {
            Timeout::Open => timeouts.open = time,
            Timeout::Dns => timeouts.dns = time,
            Timeout::Connect => timeouts.connect = time,
            Timeout::Proxy => timeouts.proxy = time,
            Timeout::Tls => timeouts.tls = time,
            Timeout::Upgrade => timeouts.upgrade = time,
            Timeout::Close => timeouts.close = time,
            Timeout::Linger => timeouts.linger = time,
            Timeout::Send => timeouts.send = (ms != 0).then_some(time),
            Timeout::Idle => timeouts.idle = (ms != 0).then_some(time),
        }
        Ok(())
    }

    /// Sets the heartbeat in milliseconds; two zeros turn it off.
    pub fn set_heartbeat(&mut self, interval_ms: i64, timeout_ms: i64) -> Set {
        if (interval_ms, timeout_ms) == (0, 0) {
            self.timeouts.heartbeat = None;
            return Ok(());
        }
        let named = |name, ms| {
            checked(ms, 1)
                .map_err(|Refusal { error, what }| Refusal::new(error, format!("{name}: {what}")))
        };
        let (interval, timeout) = (named("interval", interval_ms)?, named("timeout", timeout_ms)?);
        self.timeouts.heartbeat = Some(Heartbeat { interval, timeout });
        Ok(())
    }
}

fn checked(ms: i64, least: i64) -> Set<Duration> {
    if !(least..=MAX_TIMEOUT_MS).contains(&ms) {
        let what = format!("{ms} ms is not in {least} to {MAX_TIMEOUT_MS} ms");
        return Err(Refusal::argument(what));
    }
    Ok(Duration::from_millis(ms.unsigned_abs()))
}
