//! Whom to trust.

use super::{Config, Refusal, Set};
use crate::error::Error;
use std::sync::{Arc, OnceLock};

/// The settings of TLS.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Extra trust anchors.
    pub roots: Vec<Root>,
    /// The connector built from these settings, on first use.
    connector: OnceLock<Arc<native_tls::TlsConnector>>,
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
    /// The TLS connector of these settings; system roots are read once.
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

impl Config {
    /// Trusts the certificates of a PEM buffer besides the system's.
    pub fn add_ca_pem(&mut self, pem: &[u8]) -> Set {
        let found = native_tls::Certificate::stack_from_pem(pem)
            .map_err(|error| Refusal::new(Error::InvalidCertificate, error.to_string()))?;
        if found.is_empty() {
            return Err(Refusal::new(Error::InvalidCertificate, "there is no certificate in it"));
        }
        self.tls.roots.extend(found.into_iter().map(Root));
        self.tls.connector = OnceLock::new();
        Ok(())
    }

    /// Trusts the certificates of a PEM file besides the system's.
    pub fn add_ca_file(&mut self, path: &str) -> Set {
        let pem = std::fs::read(path)
            .map_err(|error| Refusal::new(Error::Io, format!("{path}: {error}")))?;
        self.add_ca_pem(&pem)
    }
}
