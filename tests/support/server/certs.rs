//! Certificates, made on the spot.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use native_tls::{Identity, TlsAcceptor};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::Failure;

const DAY: Duration = Duration::from_secs(86_400);
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// One acceptor for each kind of certificate.
pub(crate) struct Acceptors {
    pub(crate) good: TlsAcceptor,
    pub(crate) untrusted: TlsAcceptor,
    pub(crate) expired: TlsAcceptor,
    pub(crate) not_yet: TlsAcceptor,
    pub(crate) wrong_host: TlsAcceptor,
    pub(crate) self_signed: TlsAcceptor,
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Makes the CA, writes `ca.pem` and `other-ca.pem` into `dir`, and makes the
/// acceptors.
pub(crate) fn make(dir: &Path) -> Result<Acceptors, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let (past, soon) = ((now.saturating_sub(DAY * 30), now - DAY), (now - DAY, now + DAY * 30));
    let later = (now + DAY * 30, now + DAY * 60);
    let ca = authority("wskt test CA", now)?;
    let other = authority("wskt other CA", now)?;
    std::fs::write(dir.join("ca.pem"), ca.pem())?;
    std::fs::write(dir.join("other-ca.pem"), other.pem())?;
    Ok(Acceptors {
        good: acceptor(&HERE, soon, Some(&ca))?,
        untrusted: acceptor(&HERE, soon, Some(&other))?,
        expired: acceptor(&HERE, past, Some(&ca))?,
        not_yet: acceptor(&HERE, later, Some(&ca))?,
        wrong_host: acceptor(&["other.example"], soon, Some(&ca))?,
        self_signed: acceptor(&HERE, soon, None)?,
    })
}

fn authority(name: &str, now: Duration) -> Result<Issuer, Failure> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(1970, 1, 1) + now.saturating_sub(DAY * 60);
    params.not_after = date_time_ymd(1970, 1, 1) + (now + DAY * 90);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn acceptor(
    names: &[&str],
    valid: (Duration, Duration),
    issuer: Option<&Issuer>,
) -> Result<TlsAcceptor, Failure> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names.clone())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
    params.not_before = date_time_ymd(1970, 1, 1) + valid.0;
    params.not_after = date_time_ymd(1970, 1, 1) + valid.1;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let pem = match issuer {
        Some(issuer) => {
            params.use_authority_key_identifier_extension = true;
            params.signed_by(&key, issuer)?.pem()
        }
        None => params.self_signed(&key)?.pem(),
    };
    let identity = Identity::from_pkcs8(pem.as_bytes(), key.serialize_pem().as_bytes())?;
    Ok(TlsAcceptor::new(identity)?)
}
