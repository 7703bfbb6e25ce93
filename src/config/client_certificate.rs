//! The certificate and key with which a client shows who it is.

use super::{Config, Refusal, Set, read_file};
use crate::der;
use crate::error::Error;
use native_tls::{Identity, TlsAcceptor, TlsConnector};

/// A certificate, its chain and its key, checked when they were set.
#[derive(Clone)]
pub struct ClientCertificate(Identity);

impl std::fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientCertificate")
    }
}

impl ClientCertificate {
    pub(super) fn identity(&self) -> Identity {
        self.0.clone()
    }
}

/// What begins a key in PEM that can be used as it is.
const PKCS8: &[u8] = b"-----BEGIN PRIVATE KEY-----";

/// What begins other keys in PEM, and what they are.
const OTHER_KEYS: [(&[u8], &str); 4] = [
    (b"-----BEGIN RSA PRIVATE KEY-----", "PKCS#1"),
    (b"-----BEGIN EC PRIVATE KEY-----", "SEC1"),
    (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "encrypted"),
    (b"-----BEGIN DSA PRIVATE KEY-----", "DSA"),
];

/// Where `needle` begins.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// The part of `key` that is PKCS#8 in PEM. Another form is refused with the
/// command that converts it.
fn pkcs8(key: &[u8]) -> Set<&[u8]> {
    if let Some(part) = find(key, PKCS8).and_then(|at| key.get(at..)) {
        return Ok(part);
    }
    let refuse = |what: &str, inform: &str| {
        let command = format!("openssl pkey{inform} -in KEY -out key-pkcs8.pem");
        let what = format!("the key is {what}, not PKCS#8 in PEM; this converts it: {command}");
        Err(Refusal::new(Error::InvalidKey, what))
    };
    if let Some((_, what)) = OTHER_KEYS.iter().find(|(begin, _)| find(key, begin).is_some()) {
        return refuse(what, "");
    }
    // An ASN.1 SEQUENCE.
    if key.first() == Some(&0x30) {
        return refuse("DER", " -inform DER");
    }
    Err(Refusal::new(Error::InvalidKey, "there is no private key in it"))
}

/// What is known of a certificate and a key without the TLS library.
enum Fit {
    /// They belong together.
    Yes,
    /// They do not.
    No,
    /// The TLS library has to judge.
    Perhaps,
}

fn compare(certificate: &native_tls::Certificate, key: &[u8]) -> Fit {
    let Ok(certificate) = certificate.to_der() else { return Fit::No };
    let body = std::str::from_utf8(key.get(PKCS8.len()..).unwrap_or_default()).unwrap_or("");
    let coded: String = body.split('-').next().unwrap_or("").split_whitespace().collect();
    let key = data_encoding::BASE64.decode(coded.as_bytes()).unwrap_or_default();
    let info = der::public_key_info(&certificate);
    let algorithm = der::private_key_algorithm(&key);
    match info {
        Some(info) if der::are_a_pair(info, &key) => Fit::Yes,
        // OpenSSL compares keys of one kind only.
        _ if algorithm.is_some() && algorithm != info.and_then(der::public_key_algorithm) => {
            Fit::No
        }
        _ => Fit::Perhaps,
    }
}

/// The part of an error of the TLS library that a person can act on.
fn sentence(error: &native_tls::Error) -> String {
    crate::conn::tls_error::sentence(&error.to_string())
}

impl Config {
    /// Sets the client's certificate, with its chain behind it, and its key,
    /// PKCS#8; both in PEM.
    pub fn set_client_certificate_pem(&mut self, certificate: &[u8], key: &[u8]) -> Set {
        let chain = native_tls::Certificate::stack_from_pem(certificate)
            .map_err(|error| Refusal::new(Error::InvalidCertificate, sentence(&error)))?;
        if chain.is_empty() {
            return Err(Refusal::new(Error::InvalidCertificate, "there is no certificate in it"));
        }
        let key = pkcs8(key)?;
        let fit = chain.first().map_or(Fit::No, |first| compare(first, key));
        if matches!(fit, Fit::No) {
            return Err(Refusal::new(Error::InvalidKey, "key and certificate do not fit"));
        }
        let identity = Identity::from_pkcs8(certificate, key).map_err(|error| {
            Refusal::new(Error::InvalidKey, format!("the key: {}", sentence(&error)))
        })?;
        self.set_client(identity, fit)
    }

    /// The same from two files, which may be one and the same.
    pub fn set_client_certificate_file(&mut self, certificate: &str, key: &str) -> Set {
        self.set_client_certificate_pem(&read_file(certificate)?, &read_file(key)?)
    }

    /// Sets the client's certificate and key out of a PKCS#12 archive.
    pub fn set_client_pkcs12(&mut self, archive: &[u8], password: &str) -> Set {
        let identity = Identity::from_pkcs12(archive, password).map_err(|error| {
            let text = error.to_string();
            if text.contains("mac verify failure") {
                return Refusal::new(
                    Error::WrongPassword,
                    "the password does not open the archive",
                );
            }
            let what = format!("no certificate and key can be read from it: {}", sentence(&error));
            Refusal::new(Error::InvalidCertificate, what)
        })?;
        // Of the archive's certificates it takes the one that fits the key.
        self.set_client(identity, Fit::Yes)
    }

    /// The same from a file.
    pub fn set_client_pkcs12_file(&mut self, path: &str, password: &str) -> Set {
        self.set_client_pkcs12(&read_file(path)?, password)
    }

    fn set_client(&mut self, identity: Identity, fit: Fit) -> Set {
        let judged = match fit {
            // An acceptor judges the certificate, and reads no roots of the
            // system's; but it takes a key that does not fit.
            Fit::Yes => TlsAcceptor::new(identity.clone()).map(drop),
            _ => {
                let mut builder = TlsConnector::builder();
                builder.disable_built_in_roots(true).identity(identity.clone());
                builder.build().map(drop)
            }
        };
        judged.map_err(|error| {
            let what = format!("key and certificate do not fit ({})", sentence(&error));
            Refusal::new(Error::InvalidKey, what)
        })?;
        self.tls_mut().client = Some(ClientCertificate(identity));
        Ok(())
    }
}
