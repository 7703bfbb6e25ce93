//! TLS for C: whom to trust, which versions, what is shown. The client's own
//! certificate is in `config_client.rs`.

use super::boundary::{bytes, name};
use super::config::set;
use super::handle::wskt_config;
use super::result::wskt_result;
use crate::config::{Config, Refusal, Set, TlsVersion};
use std::ffi::c_char;

/// A version of TLS, for wskt_config_set_min_tls_version and
/// wskt_config_set_max_tls_version.
///
/// Older ones are not offered. New ones may appear.
///
/// Since: 0.1.0
#[repr(i32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum wskt_tls_version {
    /// TLS 1.2 (RFC 5246).
    WSKT_TLS_1_2 = 12,
    /// TLS 1.3 (RFC 8446).
    WSKT_TLS_1_3 = 13,
}

fn tls_version(number: i32) -> Set<TlsVersion> {
    match number {
        n if n == wskt_tls_version::WSKT_TLS_1_2 as i32 => Ok(TlsVersion::Tls12),
        n if n == wskt_tls_version::WSKT_TLS_1_3 as i32 => Ok(TlsVersion::Tls13),
        _ => Err(Refusal::argument(format!("{number} is not in wskt_tls_version"))),
    }
}

/// The body of a setter that only notes something.
unsafe fn note(
    config: *mut wskt_config,
    option: &str,
    change: impl FnOnce(&mut Config),
) -> wskt_result {
    let change = |config: &mut Config| {
        change(config);
        Ok(())
    };
    // SAFETY: the entry point's caller promises a live handle or NULL.
    unsafe { set(config, option, change) }
}

/// Trusts the certificates of a PEM file, besides the system's.
///
/// `path` is NUL-terminated UTF-8. The file is read before the call returns,
/// and not again.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_IO: the file cannot be read.
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
/// - WSKT_ERR_INVALID_UTF8: `path` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_ca_file(
    config: *mut wskt_config,
    path: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "ca_file", |config| config.add_ca_file(name(path)?)) }
}

/// Trusts the certificates of a PEM buffer, besides the system's.
///
/// `pem` is `len` bytes, read before the call returns. NULL only with 0. It
/// need not be NUL-terminated.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_CERTIFICATE: no certificate can be read from it.
/// - WSKT_ERR_INVALID_ARGUMENT: `len` is larger than any buffer can be.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_ca_pem(
    config: *mut wskt_config,
    pem: *const c_char,
    len: usize,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and `len` bytes.
    unsafe { set(config, "ca_pem", |config| config.add_ca_pem(bytes(pem, len)?)) }
}

/// Sets whether the certificates that the system trusts are trusted here. True
/// if never set.
///
/// With false, only those of wskt_config_add_ca_file and
/// wskt_config_add_ca_pem are.
///
/// To read them takes about a tenth of a second. It begins with the first
/// connection that needs TLS, beside the look-up of the name, on a thread of
/// its own that ends with it, and is done once for all sockets of a
/// configuration and of those whose options of TLS were never set. No driver
/// waits for it: wskt_socket_abort works meanwhile, and the TLS timeout passes.
/// The end of the process waits for a reader for up to two seconds.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_system_roots(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { note(config, "system_roots", |config| config.set_system_roots(on)) }
}

/// Pins the server's public key: TLS fails unless the server has this key, or
/// another one that was added. None if never called.
///
/// `pin` is NUL-terminated: "sha256//" and the base64 of the SHA-256 of the
/// certificate's SubjectPublicKeyInfo, as curl has it. It may be added before
/// the server changes to a new key. The certificate is verified all the same,
/// unless wskt_config_set_danger_any_certificate turned that off.
///
/// This prints the pin of a certificate:
///
///     openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin \
///         -outform der | openssl dgst -sha256 -binary | openssl base64
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: it is not of that form.
/// - WSKT_ERR_INVALID_UTF8: `pin` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7469, section 2.4. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_add_pinned_public_key(
    config: *mut wskt_config,
    pin: *const c_char,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "pinned_public_key", |config| config.add_pinned_public_key(name(pin)?)) }
}

/// Sets the oldest version of TLS that is good enough. WSKT_TLS_1_2 if never
/// set.
///
/// `version` is one of wskt_tls_version. A server that speaks older ones only
/// is refused.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: there is no such version, or it is above the
///   maximum.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_min_tls_version(
    config: *mut wskt_config,
    version: i32,
) -> wskt_result {
    let change = |config: &mut Config| config.set_min_tls_version(tls_version(version)?);
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "min_tls_version", change) }
}

/// Sets the newest version of TLS that is offered. WSKT_TLS_1_3 if never set.
///
/// `version` is one of wskt_tls_version.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: there is no such version, or it is below the
///   minimum.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_max_tls_version(
    config: *mut wskt_config,
    version: i32,
) -> wskt_result {
    let change = |config: &mut Config| config.set_max_tls_version(tls_version(version)?);
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { set(config, "max_tls_version", change) }
}

/// Sets the name that TLS asks the server for (SNI), and that the server's
/// certificate must be for, instead of the URL's. The URL's if never set.
///
/// `name` is NUL-terminated: a host name or an IP address. An address is
/// verified but never sent, as RFC 6066 has it.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_INVALID_ARGUMENT: `name` is neither.
/// - WSKT_ERR_INVALID_UTF8: `name` is not UTF-8.
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6066, section 3; RFC 9525. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_tls_server_name(
    config: *mut wskt_config,
    name: *const c_char,
) -> wskt_result {
    use super::boundary::name as text;
    // SAFETY: the caller promises a live handle or NULL, and a C string.
    unsafe { set(config, "tls_server_name", |config| config.set_tls_server_name(text(name)?)) }
}

/// Sets whether the server's name is sent in the TLS handshake (SNI), where
/// everybody on the way can read it. True if never set.
///
/// A server of many names cannot know without it which certificate to show.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 6066, section 3. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_tls_sni(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { note(config, "tls_sni", |config| config.set_tls_sni(on)) }
}

/// Sets whether TLS offers the protocol "http/1.1" (ALPN). True if never set,
/// as in browsers.
///
/// Without it, a server may take the connection for HTTP/2.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// RFC 7301. Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_tls_alpn(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { note(config, "tls_alpn", |config| config.set_tls_alpn(on)) }
}

/// Sets whether every certificate is accepted: expired, by anybody, for any
/// name. False if never set.
///
/// With true, whoever is on the way can read and change everything, unless
/// wskt_config_add_pinned_public_key names the server's key. It is for tests.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_danger_any_certificate(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe {
        note(config, "danger_any_certificate", |config| config.set_danger_any_certificate(on))
    }
}

/// Sets whether a certificate for another host is accepted, if it is good
/// otherwise. False if never set.
///
/// With true, whoever has a certificate for a name of their own can read and
/// change everything. wskt_config_set_tls_server_name is mostly what is
/// wanted.
///
/// Any thread; legal in a callback.
///
/// Returns:
/// - WSKT_OK
/// - WSKT_ERR_NULL, WSKT_ERR_FORKED, WSKT_ERR_PANIC
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wskt_config_set_danger_any_host_name(
    config: *mut wskt_config,
    on: bool,
) -> wskt_result {
    // SAFETY: the caller promises a live handle or NULL.
    unsafe { note(config, "danger_any_host_name", |config| config.set_danger_any_host_name(on)) }
}
