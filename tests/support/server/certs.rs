//! Certificates, made on the spot: a CA, servers of every kind, a client.

use std::net::IpAddr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use openssl::asn1::Asn1Time;
use openssl::base64::encode_block;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::ssl::{
    AlpnError, SslAcceptor, SslAcceptorBuilder, SslMethod, SslVerifyMode, SslVersion,
    select_next_proto,
};
use openssl::symm::Cipher;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
    SubjectKeyIdentifier,
};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509Name};

use crate::Failure;

const DAY: i64 = 86_400;
const HERE: &[&str] = &["localhost", "127.0.0.1", "::1"];
/// Good for `a.wild.example` and for nothing else.
const WILD: &[&str] = &["*.wild.example", "p*.partial.example", "*", "*.toplevel", "in.*.example"];
/// What opens `client.p12` and `client-locked.key`.
const PASSWORD: &str = "correct horse";

/// A certificate and its key.
struct Identity {
    cert: X509,
    key: PKey<Private>,
}

/// From when to when, in seconds since 1970.
#[derive(Clone, Copy)]
struct Valid(i64, i64);

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Authority,
    Server,
    Client,
}

/// Makes the certificates, writes into `dir` what clients need of them, and
/// answers with the acceptor of each port.
pub(crate) fn make(dir: &Path) -> Result<Vec<(&'static str, SslAcceptor)>, Failure> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let soon = Valid(now - DAY, now + 30 * DAY);
    let always = Valid(now - 60 * DAY, now + 90 * DAY);
    let authority = |name, issuer| identity(&[name], always, Purpose::Authority, curve()?, issuer);
    let ca = authority("wskt test CA", None)?;
    let other = authority("wskt other CA", None)?;
    let middle = authority("wskt intermediate CA", Some(&ca))?;
    let server = |names, valid, issuer| identity(names, valid, Purpose::Server, curve()?, issuer);
    let good = server(HERE, soon, Some(&ca))?;
    let past = Valid(now - 30 * DAY, now - DAY);
    let later = Valid(now + 30 * DAY, now + 60 * DAY);
    let weak = PKey::from_rsa(Rsa::generate(1024)?)?;
    let weak = identity(HERE, soon, Purpose::Server, weak, Some(&ca))?;
    let chained = server(HERE, soon, Some(&middle))?;
    client_files(dir, &ca, &other, soon)?;
    std::fs::write(dir.join("ca.pem"), ca.cert.to_pem()?)?;
    std::fs::write(dir.join("other-ca.pem"), other.cert.to_pem()?)?;
    std::fs::write(dir.join("server.pem"), good.cert.to_pem()?)?;
    std::fs::write(dir.join("server.key"), good.key.private_key_to_pem_pkcs8()?)?;
    std::fs::write(dir.join("server.der"), good.cert.to_der()?)?;
    std::fs::write(dir.join("pin"), pin(&good)?)?;
    std::fs::write(dir.join("other-pin"), pin(&chained)?)?;

    let plain = |identity: &Identity| Ok::<_, Failure>(acceptor(identity)?.build());
    let tls13 = Some(SslVersion::TLS1_3);
    let tls12 = Some(SslVersion::TLS1_2);
    Ok(vec![
        ("wss", plain(&good)?),
        ("wss_tls12", only(&good, tls12)?.build()),
        ("wss_tls13", only(&good, tls13)?.build()),
        ("wss_untrusted", plain(&server(HERE, soon, Some(&other))?)?),
        ("wss_expired", plain(&server(HERE, past, Some(&ca))?)?),
        ("wss_not_yet", plain(&server(HERE, later, Some(&ca))?)?),
        ("wss_wrong_host", plain(&server(&["other.example"], soon, Some(&ca))?)?),
        ("wss_wrong_ip", plain(&server(&["127.0.0.2", "::2"], soon, Some(&ca))?)?),
        ("wss_wildcard", plain(&server(WILD, soon, Some(&ca))?)?),
        ("wss_self_signed", plain(&server(HERE, soon, None)?)?),
        ("wss_weak_key", plain(&weak)?),
        ("wss_no_intermediate", plain(&chained)?),
        ("wss_chain", {
            let mut chain = acceptor(&chained)?;
            chain.add_extra_chain_cert(middle.cert)?;
            chain.build()
        }),
        ("wss_client_tls12", for_clients(only(&good, tls12)?, &ca)?),
        ("wss_client_tls13", for_clients(only(&good, tls13)?, &ca)?),
    ])
}

/// The client's certificate and its key in every form there is.
fn client_files(dir: &Path, ca: &Identity, other: &Identity, valid: Valid) -> Result<(), Failure> {
    let client = |key, issuer| identity(&["client"], valid, Purpose::Client, key, Some(issuer));
    let rsa = Rsa::generate(2048)?;
    let ec = curve()?;
    let by_rsa = client(PKey::from_rsa(rsa.clone())?, ca)?;
    let by_ec = client(ec.clone(), ca)?;
    let stranger = client(ec.clone(), other)?;
    let put = |name: &str, bytes: Vec<u8>| std::fs::write(dir.join(name), bytes);
    put("client.pem", by_ec.cert.to_pem()?)?;
    put("client.key", ec.private_key_to_pem_pkcs8()?)?;
    put("client-sec1.key", ec.ec_key()?.private_key_to_pem()?)?;
    put("client-rsa.pem", by_rsa.cert.to_pem()?)?;
    put("client-rsa.key", by_rsa.key.private_key_to_pem_pkcs8()?)?;
    put("client-pkcs1.key", rsa.private_key_to_pem()?)?;
    let locked = ec.private_key_to_pem_pkcs8_passphrase(Cipher::aes_128_cbc(), PASSWORD.as_bytes());
    put("client-locked.key", locked?)?;
    put("client.der", ec.private_key_to_pkcs8()?)?;
    put("stranger.pem", stranger.cert.to_pem()?)?;
    let mut archive = Pkcs12::builder();
    archive.name("client").pkey(&ec).cert(&by_ec.cert);
    put("client.p12", archive.build2(PASSWORD)?.to_der()?)?;
    Ok(())
}

/// The pin of a certificate as curl writes it.
fn pin(identity: &Identity) -> Result<String, Failure> {
    let info = identity.key.public_key_to_der()?;
    Ok(format!("sha256//{}", encode_block(&sha256(&info))))
}

fn curve() -> Result<PKey<Private>, Failure> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    Ok(PKey::from_ec_key(EcKey::generate(&group)?)?)
}

/// A certificate for these names; the first one is its subject.
fn identity(
    names: &[&str],
    valid: Valid,
    purpose: Purpose,
    key: PKey<Private>,
    issuer: Option<&Identity>,
) -> Result<Identity, Failure> {
    let mut subject = X509Name::builder()?;
    subject.append_entry_by_nid(Nid::COMMONNAME, names.first().copied().unwrap_or_default())?;
    let subject = subject.build();
    let mut serial = BigNum::new()?;
    serial.rand(120, MsbOption::ONE, false)?;
    let mut cert = X509::builder()?;
    cert.set_version(2)?;
    cert.set_serial_number(serial.to_asn1_integer()?.as_ref())?;
    cert.set_subject_name(&subject)?;
    cert.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.cert.subject_name()))?;
    cert.set_not_before(Asn1Time::from_unix(valid.0)?.as_ref())?;
    cert.set_not_after(Asn1Time::from_unix(valid.1)?.as_ref())?;
    cert.set_pubkey(&key)?;
    let mut extensions = Vec::new();
    match purpose {
        Purpose::Authority => {
            extensions.push(BasicConstraints::new().critical().ca().build()?);
            extensions.push(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?);
        }
        Purpose::Server | Purpose::Client => {
            extensions.push(KeyUsage::new().critical().digital_signature().build()?);
            let mut usage = ExtendedKeyUsage::new();
            let server = purpose == Purpose::Server;
            let usage = if server { usage.server_auth() } else { usage.client_auth() };
            extensions.push(usage.build()?);
        }
    }
    let context = cert.x509v3_context(issuer.map(|issuer| &*issuer.cert), None);
    extensions.push(SubjectKeyIdentifier::new().build(&context)?);
    if issuer.is_some() {
        extensions.push(AuthorityKeyIdentifier::new().keyid(true).build(&context)?);
    }
    if purpose == Purpose::Server {
        let mut alternative = SubjectAlternativeName::new();
        for name in names {
            match name.parse::<IpAddr>() {
                Ok(_) => alternative.ip(name),
                Err(_) => alternative.dns(name),
            };
        }
        extensions.push(alternative.build(&context)?);
    }
    for extension in &extensions {
        cert.append_extension2(extension)?;
    }
    cert.sign(issuer.map_or(&key, |issuer| &issuer.key), MessageDigest::sha256())?;
    Ok(Identity { cert: cert.build(), key })
}

/// TLS 1.2 and 1.3, and http/1.1 for whoever asks for a protocol.
fn acceptor(identity: &Identity) -> Result<SslAcceptorBuilder, Failure> {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls())?;
    // The key of one port is weak.
    acceptor.set_security_level(0);
    acceptor.set_certificate(&identity.cert)?;
    acceptor.set_private_key(&identity.key)?;
    acceptor.set_alpn_select_callback(|_, offered| {
        select_next_proto(b"\x08http/1.1", offered).ok_or(AlpnError::ALERT_FATAL)
    });
    Ok(acceptor)
}

/// One version of TLS alone.
fn only(identity: &Identity, version: Option<SslVersion>) -> Result<SslAcceptorBuilder, Failure> {
    let mut acceptor = acceptor(identity)?;
    acceptor.set_min_proto_version(version)?;
    acceptor.set_max_proto_version(version)?;
    Ok(acceptor)
}

/// Asks the client for a certificate by this CA.
fn for_clients(mut acceptor: SslAcceptorBuilder, ca: &Identity) -> Result<SslAcceptor, Failure> {
    let mut store = X509StoreBuilder::new()?;
    store.add_cert(ca.cert.clone())?;
    acceptor.set_verify_cert_store(store.build())?;
    acceptor.add_client_ca(&ca.cert)?;
    acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    Ok(acceptor.build())
}
