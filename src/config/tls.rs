//! Whom to trust, and how to show who we are.

use super::client_certificate::ClientCertificate;
use super::connector::{Built, Connector};
use super::{Config, Refusal, Set};
use crate::der;
use crate::error::Error;
use crate::helpers::Awaited;
use native_tls::{Protocol, TlsConnector, TlsConnectorBuilder};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use url::Host;

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

impl TlsVersion {
    fn protocol(self) -> Protocol {
        match self {
            Self::Tls12 => Protocol::Tlsv12,
            Self::Tls13 => Protocol::Tlsv13,
        }
    }
}

/// The SHA-256 of a public key as certificates carry it, their
/// SubjectPublicKeyInfo (RFC 7469 §2.4).
pub type Pin = [u8; 32];

/// The pin of a certificate in DER; `None` if it is none.
pub(crate) fn pin_of(certificate: &[u8]) -> Option<Pin> {
    Some(Sha256::digest(der::public_key_info(certificate)?).into())
}

/// What curl puts before a pin.
const PIN_PREFIX: &str = "sha256//";

/// The settings of TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Extra trust anchors.
    pub roots: Vec<Root>,
    /// Whether the system's trust anchors count.
    pub system_roots: bool,
    /// What we show to servers that ask for it.
    pub client: Option<ClientCertificate>,
    /// If there are any, the server's key must be one of these.
    pub pins: Vec<Pin>,
    /// The oldest version that is good enough.
    pub min_version: TlsVersion,
    /// The newest version that is offered.
    pub max_version: TlsVersion,
    /// The name to ask for and to verify instead of the URL's.
    pub server_name: Option<String>,
    /// Whether the name is sent (SNI, RFC 6066 §3).
    pub sni: bool,
    /// Whether `http/1.1` is offered (ALPN, RFC 7301).
    pub alpn: bool,
    /// No certificate is refused, whoever signed it, whatever its name.
    pub danger_any_certificate: bool,
    /// A certificate may be for another host.
    pub danger_any_host_name: bool,
    /// What is built from these settings, on first use, and shared by copies.
    connector: Arc<Connector>,
    /// The same for a proxy, which is not the server: only trust is shared.
    proxy_connector: Arc<Connector>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            system_roots: true,
            client: None,
            pins: Vec::new(),
            min_version: TlsVersion::Tls12,
            max_version: TlsVersion::Tls13,
            server_name: None,
            sni: true,
            alpn: true,
            danger_any_certificate: false,
            danger_any_host_name: false,
            connector: Arc::default(),
            proxy_connector: Arc::default(),
        }
    }
}

/// A trust anchor, checked when it was added.
#[derive(Clone)]
pub struct Root(native_tls::Certificate);

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Root")
    }
}

impl Tls {
    /// The TLS connector of these settings. Asked for early it is there when
    /// it is needed.
    pub(crate) fn connector(&self) -> Awaited<Built> {
        self.connector.want(|| self.whole())
    }

    fn whole(&self) -> TlsConnectorBuilder {
        let mut builder = self.trust();
        builder
            .use_sni(self.sni)
            .danger_accept_invalid_certs(self.danger_any_certificate)
            .danger_accept_invalid_hostnames(self.danger_any_host_name);
        if let Some(client) = &self.client {
            builder.identity(client.identity());
        }
        if self.alpn {
            builder.request_alpns(&["http/1.1"]);
        }
        builder
    }

    /// A server's certificate, kept once for all sockets that it shows it to.
    pub(crate) fn share(&self, der: Vec<u8>) -> Arc<[u8]> {
        self.connector.share(der)
    }

    /// The connector for `https:` proxies.
    pub(crate) fn proxy_connector(&self) -> Awaited<Built> {
        self.proxy_connector.want(|| self.trust())
    }

    fn trust(&self) -> TlsConnectorBuilder {
        let mut builder = TlsConnector::builder();
        builder
            .disable_built_in_roots(!self.system_roots)
            .min_protocol_version(Some(self.min_version.protocol()))
            .max_protocol_version(Some(self.max_version.protocol()));
        for root in &self.roots {
            builder.add_root_certificate(root.0.clone());
        }
        builder
    }
}

impl Config {
    /// The settings of TLS, to be changed: a new connector follows.
    pub(super) fn tls_mut(&mut self) -> &mut Tls {
        self.tls.connector = Arc::default();
        self.tls.proxy_connector = Arc::default();
        &mut self.tls
    }

    /// Trusts the certificates of a PEM buffer besides the system's.
    pub fn add_ca_pem(&mut self, pem: &[u8]) -> Set {
        let found = native_tls::Certificate::stack_from_pem(pem)
            .map_err(|error| Refusal::new(Error::InvalidCertificate, error.to_string()))?;
        if found.is_empty() {
            return Err(Refusal::new(Error::InvalidCertificate, "there is no certificate in it"));
        }
        self.tls_mut().roots.extend(found.into_iter().map(Root));
        Ok(())
    }

    /// Trusts the certificates of a PEM file besides the system's.
    pub fn add_ca_file(&mut self, path: &str) -> Set {
        self.add_ca_pem(&super::read_file(path)?)
    }

    /// Sets whether the system's trust anchors count.
    pub fn set_system_roots(&mut self, on: bool) {
        self.tls_mut().system_roots = on;
    }

    /// Adds a key that the server may have, written as curl does:
    /// `sha256//` and the base64 of its hash.
    pub fn add_pinned_public_key(&mut self, pin: &str) -> Set {
        let coded = pin.strip_prefix(PIN_PREFIX);
        let bytes = coded.and_then(|coded| {
            let bytes = data_encoding::BASE64.decode(coded.as_bytes()).ok()?;
            Pin::try_from(bytes).ok()
        });
        let Some(bytes) = bytes else {
            return Err(Refusal::argument("it is not sha256// and the base64 of 32 bytes"));
        };
        self.tls.pins.push(bytes);
        Ok(())
    }

    /// Sets the oldest version of TLS that is good enough.
    pub fn set_min_tls_version(&mut self, version: TlsVersion) -> Set {
        if version > self.tls.max_version {
            return Err(Refusal::argument("it is above the maximum"));
        }
        self.tls_mut().min_version = version;
        Ok(())
    }

    /// Sets the newest version of TLS that is offered.
    pub fn set_max_tls_version(&mut self, version: TlsVersion) -> Set {
        if version < self.tls.min_version {
            return Err(Refusal::argument("it is below the minimum"));
        }
        self.tls_mut().max_version = version;
        Ok(())
    }

    /// Sets the name to ask for and to verify instead of the URL's.
    pub fn set_tls_server_name(&mut self, name: &str) -> Set {
        let bad = || Refusal::argument("it is neither a host name nor an IP address");
        let host = match name.parse::<IpAddr>() {
            Ok(ip) => ip.to_string(),
            Err(_) => match Host::parse(name).map_err(|_| bad())? {
                Host::Domain(name) => name.trim_end_matches('.').to_owned(),
                Host::Ipv4(ip) => ip.to_string(),
                Host::Ipv6(ip) => ip.to_string(),
            },
        };
        if host.is_empty() {
            return Err(bad());
        }
        self.tls.server_name = Some(host);
        Ok(())
    }

    /// Sets whether the name is sent.
    pub fn set_tls_sni(&mut self, on: bool) {
        self.tls_mut().sni = on;
    }

    /// Sets whether `http/1.1` is offered.
    pub fn set_tls_alpn(&mut self, on: bool) {
        self.tls_mut().alpn = on;
    }

    /// Sets whether every certificate is accepted.
    pub fn set_danger_any_certificate(&mut self, on: bool) {
        self.tls_mut().danger_any_certificate = on;
    }

    /// Sets whether a certificate for another host is accepted.
    pub fn set_danger_any_host_name(&mut self, on: bool) {
        self.tls_mut().danger_any_host_name = on;
    }
}
