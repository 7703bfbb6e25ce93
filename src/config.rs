//! How to connect: a plain, validated description, shared by reference count.

use crate::error::{Error, Result};
use crate::request;
use std::sync::{Arc, OnceLock};
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

/// Everything that can be set about a connection.
#[derive(Debug, Clone)]
pub struct Config {
    /// See [`Timeout::Open`].
    pub open_timeout: Duration,
    /// See [`Timeout::Connect`].
    pub connect_timeout: Duration,
    /// See [`Timeout::Tls`].
    pub tls_timeout: Duration,
    /// See [`Timeout::Upgrade`].
    pub upgrade_timeout: Duration,
    /// See [`Timeout::Close`].
    pub close_timeout: Duration,
    /// See [`Timeout::Linger`].
    pub linger_timeout: Duration,
    /// See [`Timeout::Send`].
    pub send_timeout: Option<Duration>,
    /// Largest message accepted, in bytes.
    pub max_message_size: u64,
    /// Most continuation frames in one message.
    pub max_fragments: u32,
    /// The drain event comes when the buffered amount falls to this.
    pub low_water: usize,
    /// Sends are refused while the queue stands at or over this.
    pub high_water: usize,
    /// Extra request headers in the order they were added.
    pub headers: Vec<(String, String)>,
    /// Whether a server may leave an offered subprotocol unanswered.
    pub allow_missing_protocol: bool,
    /// Browser mode: `docs/ARCHITECTURE.md` lists its five differences.
    pub browser_mode: bool,
    /// Extra trust anchors.
    pub roots: Vec<Root>,
    /// The TLS connector built from this configuration, on first use.
    pub(crate) connector: OnceLock<Arc<native_tls::TlsConnector>>,
}

/// A trust anchor, checked when it was added.
#[derive(Clone)]
pub struct Root(pub(crate) native_tls::Certificate);

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            open_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(30),
            tls_timeout: Duration::from_secs(30),
            upgrade_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(10),
            linger_timeout: Duration::from_secs(2),
            send_timeout: Some(Duration::from_secs(30)),
            max_message_size: 64 << 20,
            max_fragments: 131_072,
            low_water: 1 << 20,
            high_water: 4 << 20,
            headers: Vec::new(),
            allow_missing_protocol: false,
            browser_mode: false,
            roots: Vec::new(),
            connector: OnceLock::new(),
        }
    }
}

impl Config {
    /// The defaults, shared by every socket made without a configuration.
    pub fn shared_default() -> Arc<Self> {
        static DEFAULT: OnceLock<Arc<Config>> = OnceLock::new();
        Arc::clone(DEFAULT.get_or_init(Arc::default))
    }

    /// Sets one deadline in milliseconds.
    pub fn set_timeout(&mut self, which: Timeout, ms: i64) -> Result<()> {
        let off_allowed = which == Timeout::Send;
        if !(0..=MAX_TIMEOUT_MS).contains(&ms) || (ms == 0 && !off_allowed) {
            return Err(Error::InvalidArgument);
        }
        let time = Duration::from_millis(ms.unsigned_abs());
        match which {
            Timeout::Open => self.open_timeout = time,
            Timeout::Connect => self.connect_timeout = time,
            Timeout::Tls => self.tls_timeout = time,
            Timeout::Upgrade => self.upgrade_timeout = time,
            Timeout::Close => self.close_timeout = time,
            Timeout::Linger => self.linger_timeout = time,
            Timeout::Send => self.send_timeout = (ms != 0).then_some(time),
        }
        Ok(())
    }

    /// Sets the largest message accepted.
    pub fn set_max_message_size(&mut self, bytes: u64) -> Result<()> {
        if bytes == 0 {
            return Err(Error::InvalidArgument);
        }
        self.max_message_size = bytes;
        Ok(())
    }

    /// Sets the most continuation frames one message may have.
    pub fn set_max_fragments(&mut self, count: u32) -> Result<()> {
        if count == 0 {
            return Err(Error::InvalidArgument);
        }
        self.max_fragments = count;
        Ok(())
    }

    /// Sets both water marks of the send queue.
    pub fn set_water_marks(&mut self, low: usize, high: usize) -> Result<()> {
        if high == 0 || low > high {
            return Err(Error::InvalidArgument);
        }
        self.low_water = low;
        self.high_water = high;
        Ok(())
    }

    /// Trusts the certificates of a PEM buffer besides the system's.
    pub fn add_ca_pem(&mut self, pem: &[u8]) -> Result<()> {
        let found =
            native_tls::Certificate::stack_from_pem(pem).map_err(|_| Error::InvalidCertificate)?;
        if found.is_empty() {
            return Err(Error::InvalidCertificate);
        }
        self.roots.extend(found.into_iter().map(Root));
        self.connector = OnceLock::new();
        Ok(())
    }

    /// Trusts the certificates of a PEM file besides the system's.
    pub fn add_ca_file(&mut self, path: &str) -> Result<()> {
        let pem = std::fs::read(path).map_err(|_| Error::Io)?;
        self.add_ca_pem(&pem)
    }

    /// Adds a header to the upgrade request.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        request::check_header(name, value)?;
        self.headers.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// The TLS connector of this configuration; system roots are read once.
    pub(crate) fn connector(
        &self,
    ) -> std::result::Result<Arc<native_tls::TlsConnector>, native_tls::Error> {
        if let Some(ready) = self.connector.get() {
            return Ok(Arc::clone(ready));
        }
        let mut builder = native_tls::TlsConnector::builder();
        for root in &self.roots {
            builder.add_root_certificate(root.0.clone());
        }
        let built = Arc::new(builder.build()?);
        Ok(Arc::clone(self.connector.get_or_init(|| built)))
    }
}
